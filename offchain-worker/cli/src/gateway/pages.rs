//! The pages, built into the binary: one document, whose script shows what the path names, and the files that
//! it loads.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
	extract::{Path, State},
	http::{header, HeaderMap, HeaderValue, StatusCode, Uri},
	response::{IntoResponse, Response},
};

use super::{packed::takes_gzip, Shared};

/// The pages' content security policy. They load nothing from elsewhere; hls.js makes blobs for its worker
/// and its media. They may also connect to a node or a broadcaster on the reader's own machine, and to
/// `origins`. A light client runs in a worker.
pub(super) fn policy(origins: &[String], light_client: bool) -> anyhow::Result<HeaderValue> {
	let worker = if light_client { " 'self'" } else { "" };
	let origins: String = origins.iter().map(|origin| format!(" {origin}")).collect();
	let policy = format!(
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' \
		 http://127.0.0.1:* http://localhost:*{origins}; media-src 'self' blob:; worker-src blob:{worker}; \
		 img-src 'self' data: blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
		 frame-ancestors 'none'"
	);
	Ok(HeaderValue::from_str(&policy)?)
}

/// The policy without further origins.
pub(super) fn strict() -> HeaderValue {
	policy(&[], false).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// An origin that pages may connect to: `https://HOST`, with or without a port.
pub(super) fn origin(text: &str) -> Result<String, String> {
	let (scheme, host) =
		text.split_once("://").ok_or("an origin begins with https:// or http://")?;
	let is_host = !host.is_empty()
		&& host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':'));
	match (scheme, is_host) {
		("https" | "http", true) => Ok(text.to_owned()),
		_ => Err("an origin is https://HOST, with a port or without, and no path".to_owned()),
	}
}

/// Every file with its path, in ascending order; a file with a compressed twin appears twice, the twin's name
/// ending in `.gz`.
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

/// A file, compressed for clients that accept that; `None` if there is none of that name.
fn answer(name: &str, asked: &HeaderMap) -> Option<Response> {
	let plain = file(name).filter(|_| !name.ends_with(".gz"))?;
	let small = file(&format!("{name}.gz")).filter(|_| takes_gzip(asked));
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

/// The files that pages load beyond the first ones, by view, in the form of `Link` headers. Sent with the
/// document, before its script can request them: one round trip less is a tenth of a second on a phone.
static PRELOADS: LazyLock<BTreeMap<String, HeaderValue>> = LazyLock::new(|| {
	let listed = file("preloads.json").and_then(|text| serde_json::from_slice(text).ok());
	let listed: BTreeMap<String, Vec<String>> = listed.unwrap_or_default();
	let link = |files: Vec<String>| {
		let links: Vec<_> =
			files.iter().map(|name| format!("</{name}>; rel=modulepreload")).collect();
		HeaderValue::from_str(&links.join(", ")).ok()
	};
	listed.into_iter().filter_map(|(view, files)| Some((view, link(files)?))).collect()
});

/// The files that the page at a path will load.
fn preloads(path: &str) -> Option<HeaderValue> {
	let view = match path.split('/').nth(1)? {
		"account" | "job" | "claim" | "block" | "round" => "objects",
		"stream" => "watch",
		other => other,
	};
	PRELOADS.get(view).cloned()
}

/// The document of every page.
pub(super) async fn page(State(gateway): Shared, uri: Uri, asked: HeaderMap) -> Response {
	let Some(mut answer) = answer("index.html", &asked) else {
		let text = "This gateway was built without its pages: `make pages` builds them.\n";
		return (StatusCode::NOT_IMPLEMENTED, text).into_response();
	};
	let headers = answer.headers_mut();
	headers.insert(header::CONTENT_SECURITY_POLICY, gateway.policy.clone());
	headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
	headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
	if let Some(preloads) = preloads(uri.path()) {
		headers.insert(header::LINK, preloads);
	}
	answer
}

/// `/assets/…`: file names change with their content.
pub async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Response {
	with_cache(&format!("assets/{name}"), &asked, "public, max-age=31536000, immutable")
}

/// The player for other pages, a module that any page may load: its name stays the same.
#[utoipa::path(
	get,
	path = "/livepeer-player.js",
	tag = "playback",
	responses((status = 200, description = "A module", body = String, content_type = "text/javascript"))
)]
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
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn policy_should_let_in_what_the_operator_names_and_nothing_beside() {
		let policy = |origins: &[String], light| {
			policy(origins, light).unwrap().to_str().unwrap().to_owned()
		};
		let strict = policy(&[], false);
		assert!(strict.contains("script-src 'self'; ") && strict.contains("worker-src blob:; "));
		let wider = policy(&["wss://node.example:443".into()], true);
		assert!(wider.contains("http://localhost:* wss://node.example:443; media-src"));
		assert!(
			wider.contains("script-src 'self'; ") && wider.contains("worker-src blob: 'self'; ")
		);
		assert!(origin("https://live.example:8940").is_ok());
		for wrong in [
			"live.example",
			"https://",
			"https://x/y",
			"https://x; script-src *",
			"ws://x",
			"https://*",
		] {
			assert!(origin(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn what_a_page_will_load_should_be_told_with_it() {
		assert!(preloads("/").is_none() && preloads("/nothing-of-ours").is_none());
		if file("index.html").is_none() {
			// Built without the pages.
			return;
		}
		for path in ["/network", "/stake", "/broadcast", "/claim/7", "/stream/5F/demo"] {
			let told = preloads(path).unwrap();
			for one in told.to_str().unwrap().split(", ") {
				let name = one.strip_prefix("</").and_then(|one| one.split_once('>'));
				let (name, rest) = name.unwrap();
				assert!(file(name).is_some() && rest == "; rel=modulepreload", "{path}: {one}");
			}
		}
	}

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
