//! Answers other than success.

use axum::{
	http::{header, StatusCode},
	response::{IntoResponse, Response},
};
use livepeer_worker_core::{
	ports::{chain::ChainError, store::StoreError},
	roles::follow::FollowError,
};

/// An answer other than success.
#[derive(Clone, Debug)]
pub(super) enum Failure {
	NotFound(&'static str),
	Busy,
	Full,
	NotReady(String),
	Upstream(String),
	Internal(String),
	BadRequest(&'static str),
}

pub(super) const NO_STREAM: Failure = Failure::NotFound("no stream of that name");

impl From<FollowError> for Failure {
	fn from(error: FollowError) -> Self {
		match error {
			FollowError::NotFound => NO_STREAM,
			FollowError::Store(error) => error.into(),
			error => {
				tracing::debug!(%error, "a request was not answered");
				Failure::Upstream(said_of(&error).into())
			}
		}
	}
}

impl From<StoreError> for Failure {
	fn from(error: StoreError) -> Self {
		tracing::warn!(%error, "a request was not answered");
		Failure::Internal("it cannot be read here; the gateway's log says why".into())
	}
}

/// The public text of a failure. It reveals neither the operator's node, nor what answers at an address that
/// an origin names as its own; the log has the details.
pub(super) fn said_of(error: &FollowError) -> &'static str {
	match error {
		FollowError::NotFound => "no stream of that name",
		FollowError::Chain(ChainError::Unreachable { .. }) | FollowError::Late => {
			"node not reachable"
		}
		FollowError::Chain(_) => "the node gives no usable answer",
		FollowError::Net(_) => "the stream's origin gives no answer",
		FollowError::Store(_) => "nothing can be read or stored",
		FollowError::Record(_)
		| FollowError::Head
		| FollowError::Described
		| FollowError::NotAssigned
		| FollowError::Order => "what the stream's origin gives is not what it claims to be",
	}
}

impl IntoResponse for Failure {
	fn into_response(self) -> Response {
		let (status, text) = match self {
			Failure::NotFound(text) => (StatusCode::NOT_FOUND, text.to_owned()),
			Failure::Busy => {
				(StatusCode::SERVICE_UNAVAILABLE, "too many streams are looked for".to_owned())
			}
			Failure::Full => {
				(StatusCode::SERVICE_UNAVAILABLE, "too much is sent at a time".to_owned())
			}
			Failure::NotReady(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
			Failure::Upstream(text) => (StatusCode::BAD_GATEWAY, text),
			Failure::Internal(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
			Failure::BadRequest(text) => (StatusCode::BAD_REQUEST, text.to_owned()),
		};
		(status, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], text + "\n").into_response()
	}
}
