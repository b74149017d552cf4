//! The pages, built into the binary: one document, whose script shows what the address names, and
//! the files that it loads.

use axum::{
	extract::Path,
	http::{header, HeaderMap, HeaderValue, StatusCode},
	response::{IntoResponse, Response},
};

/// The pages load nothing from elsewhere; hls.js makes blobs for its worker and its media. A node on
/// the reader's own machine may be asked instead of the gateway's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' \
	http://127.0.0.1:* http://localhost:*; media-src 'self' blob:; worker-src blob:; \
	img-src 'self' data: blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
	frame-ancestors 'none'";

/// Every file with its path, in ascending order; such as have a twin that ends in `.gz` are there
/// twice.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

fn file(name: &str) -> Option<&'static [u8]> {
	let at = FILES.binary_search_by_key(&name, |(name, _)| name).ok()?;
	FILES.get(at).map(|(_, bytes)| *bytes)
}

fn content_type(name: &str) -> &'static str {
	match name.rsplit_once('.').map(|(_, end)| end) {
		Some("html") => "text/html; charset=utf-8",
		Some("js") => "text/javascript; charset=utf-8",
		Some("css") => "text/css; charset=utf-8",
		Some("svg") => "image/svg+xml",
		Some("json" | "map") => "application/json",
		_ => "application/octet-stream",
	}
}

/// A file, compressed for who takes that; `None` when there is none of that name.
fn answer(name: &str, asked: &HeaderMap) -> Option<Response> {
	let plain = file(name).filter(|_| !name.ends_with(".gz"))?;
	let takes_gzip = asked
		.get_all(header::ACCEPT_ENCODING)
		.iter()
		.filter_map(|value| value.to_str().ok())
		.flat_map(|value| value.split(','))
		.any(|coding| coding.split(';').next().map(str::trim) == Some("gzip"));
	let small = file(&format!("{name}.gz")).filter(|_| takes_gzip);
	let mut answer = small.unwrap_or(plain).into_response();
	let headers = answer.headers_mut();
	let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
	set(header::CONTENT_TYPE, content_type(name));
	set(header::VARY, "accept-encoding");
	set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
	if small.is_some() {
		set(header::CONTENT_ENCODING, "gzip");
	}
	Some(answer)
}

/// The document of every page.
pub async fn page(asked: HeaderMap) -> Response {
	let Some(mut answer) = answer("index.html", &asked) else {
		let text = "This gateway was built without its pages: `make pages` builds them.\n";
		return (StatusCode::NOT_IMPLEMENTED, text).into_response();
	};
	let headers = answer.headers_mut();
	headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
	headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
	headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
	answer
}

/// `/assets/…`: their names change with their content.
pub async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Response {
	with_cache(&format!("assets/{name}"), &asked, "public, max-age=31536000, immutable")
}

/// `/livepeer-player.js`, which any page may load: its name stays the same.
pub async fn player(asked: HeaderMap) -> Response {
	with_cache("livepeer-player.js", &asked, "public, max-age=300")
}

fn with_cache(name: &str, asked: &HeaderMap, cache: &'static str) -> Response {
	let Some(mut answer) = answer(name, asked) else {
		return StatusCode::NOT_FOUND.into_response();
	};
	let headers = answer.headers_mut();
	headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
	headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
	answer
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn files_should_be_found_by_their_names_and_compressed_for_who_takes_it() {
		assert!(FILES.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b)));
		let gzip = |value| HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
		for (name, _) in FILES.iter().filter(|(name, _)| !name.ends_with(".gz")) {
			let has = |asked| {
				let answer = answer(name, &asked);
				answer.map(|answer| answer.headers().contains_key(header::CONTENT_ENCODING))
			};
			assert_eq!(has(HeaderMap::new()), Some(false), "{name}");
			let small = file(&format!("{name}.gz")).is_some();
			assert_eq!(
				has(gzip(HeaderValue::from_static("br, gzip;q=0.8"))),
				Some(small),
				"{name}"
			);
		}
		assert!(answer("index.html.gz", &HeaderMap::new()).is_none());
		assert!(answer("none", &HeaderMap::new()).is_none());
	}
}
