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
		// What is missing may be there in a moment: an early request must not leave the failure in a cache
		// for others.
		let headers =
			[(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (header::CACHE_CONTROL, "no-store")];
		(status, headers, text + "\n").into_response()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A stranger asks a cache in front for segments that are not made yet.
	#[test]
	fn attack_segment_kept_from_viewers_by_a_cache_that_was_told_too_early() {
		for failure in [NO_STREAM, Failure::Busy, Failure::Full, Failure::Upstream("x".into())] {
			let answer = failure.into_response();
			let told = answer.headers().get(header::CACHE_CONTROL);
			assert_eq!(told.map(|value| value.as_bytes()), Some(&b"no-store"[..]));
		}
	}
}
