//! Large answers that are the same for everybody, compressed once.

use std::io::Write;

use axum::{
	body::Bytes,
	http::{header, HeaderMap, HeaderValue},
	response::{IntoResponse, Response},
};
use flate2::{write::GzEncoder, Compression};

/// Bytes, also compressed.
#[derive(Clone)]
pub(super) struct Packed {
	plain: Bytes,
	small: Bytes,
}

impl Packed {
	/// Compresses bytes.
	pub(super) fn new(plain: Vec<u8>) -> std::io::Result<Self> {
		let mut packer = GzEncoder::new(Vec::new(), Compression::default());
		packer.write_all(&plain)?;
		Ok(Self { small: packer.finish()?.into(), plain: plain.into() })
	}

	/// An answer that pages of any origin may read, compressed for clients that accept that.
	pub(super) fn answer(
		&self,
		content_type: &'static str,
		cache: &'static str,
		asked: &HeaderMap,
	) -> Response {
		let is_small = takes_gzip(asked);
		let bytes = if is_small { self.small.clone() } else { self.plain.clone() };
		let mut answer = bytes.into_response();
		let headers = answer.headers_mut();
		let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
		set(header::CONTENT_TYPE, content_type);
		set(header::CACHE_CONTROL, cache);
		set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
		set(header::VARY, "accept-encoding");
		if is_small {
			set(header::CONTENT_ENCODING, "gzip");
		}
		answer
	}
}

/// Whether a client accepts compressed answers.
pub(super) fn takes_gzip(asked: &HeaderMap) -> bool {
	asked
		.get_all(header::ACCEPT_ENCODING)
		.iter()
		.filter_map(|value| value.to_str().ok())
		.flat_map(|value| value.split(','))
		.any(|coding| coding.split(';').next().map(str::trim) == Some("gzip"))
}
