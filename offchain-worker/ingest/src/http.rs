//! HTTP answers to publishers.

use axum::{
	http::StatusCode,
	response::{IntoResponse, Response},
};

use crate::gate::Denied;

/// A status and a sentence.
pub(crate) fn answer(status: StatusCode, text: impl Into<String>) -> Response {
	(status, text.into() + "\n").into_response()
}

/// Why a publisher is not let in.
pub(crate) fn refused(denied: &Denied) -> Response {
	let status = match denied {
		Denied::Key => StatusCode::FORBIDDEN,
		Denied::TooMany => StatusCode::TOO_MANY_REQUESTS,
		Denied::Busy => StatusCode::CONFLICT,
		Denied::Webhook(_) => StatusCode::BAD_GATEWAY,
		Denied::Closed => StatusCode::SERVICE_UNAVAILABLE,
		Denied::NoPictures => StatusCode::UNPROCESSABLE_ENTITY,
	};
	answer(status, denied.to_string())
}
