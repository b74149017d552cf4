//! The player's files, built into the binary.

use axum::{
	extract::Path,
	http::{header, StatusCode},
	response::{Html, IntoResponse, Response},
};

/// The page loads nothing from elsewhere; hls.js makes blobs for its worker and its media.
const POLICY: &str =
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
	media-src 'self' blob:; worker-src blob:; img-src 'self' data:; base-uri 'none'";

/// The player's page; its script reads the stream's name from the address.
pub fn page() -> Response {
	html(include_str!("../../assets/player.html").to_owned())
}

/// A page that lists streams, whose names hold no character that means something in HTML.
pub fn index(names: Vec<String>) -> Response {
	let items: String = names
		.iter()
		.map(|name| format!("<li><a href=\"/stream/{name}\">{name}</a></li>"))
		.collect();
	html(format!(
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Livepeer</title>\
		 <link rel=\"stylesheet\" href=\"/assets/player.css\"><main><h1>Streams</h1><ul>{items}</ul>\
		 <p class=\"note\">A stream appears here once somebody has opened /stream/NAME.</p></main>"
	))
}

fn html(text: String) -> Response {
	([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(text)).into_response()
}

/// `/assets/…`.
pub async fn asset(Path(file): Path<String>) -> Response {
	let (content_type, bytes): (&str, &'static [u8]) = match file.as_str() {
		"hls.js" => ("text/javascript", include_bytes!("../../assets/vendor/hls.light.min.js")),
		"player.js" => ("text/javascript", include_bytes!("../../assets/player.js")),
		"player.css" => ("text/css", include_bytes!("../../assets/player.css")),
		_ => return StatusCode::NOT_FOUND.into_response(),
	};
	([(header::CONTENT_TYPE, content_type)], bytes).into_response()
}
