//! Shared by the tests.
#![allow(clippy::unwrap_used, dead_code)]

use std::{net::SocketAddr, path::Path, process::Command};

use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpStream,
};

/// An HTTP answer.
pub struct Answer {
	pub status: u16,
	pub headers: String,
	pub body: Vec<u8>,
}

impl Answer {
	pub fn text(&self) -> String {
		String::from_utf8(self.body.clone()).unwrap()
	}
}

/// Sends one request over a connection of its own.
pub async fn http(
	address: SocketAddr,
	method: &str,
	path: &str,
	headers: &[(&str, &str)],
	body: &[u8],
) -> Answer {
	let mut stream = TcpStream::connect(address).await.unwrap();
	let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
	head.push_str(&format!("Content-Length: {}\r\n", body.len()));
	for (name, value) in headers {
		head.push_str(&format!("{name}: {value}\r\n"));
	}
	head.push_str("\r\n");
	stream.write_all(head.as_bytes()).await.unwrap();
	stream.write_all(body).await.unwrap();
	let mut bytes = Vec::new();
	stream.read_to_end(&mut bytes).await.unwrap();
	let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
	let headers = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
	let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
	let mut body = bytes[end + 4..].to_vec();
	if headers.contains("transfer-encoding: chunked") {
		body = unchunk(&body);
	}
	Answer { status, headers, body }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
	let mut whole = Vec::new();
	loop {
		let end = bytes.windows(2).position(|w| w == b"\r\n").unwrap();
		let len = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
		if len == 0 {
			return whole;
		}
		whole.extend_from_slice(&bytes[end + 2..end + 2 + len]);
		bytes = &bytes[end + 4 + len..];
	}
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
	http(address, "GET", path, &[], &[]).await
}

/// Makes a short film with a keyframe every second.
pub fn film(path: &Path, seconds: u32) {
	let made = Command::new("ffmpeg")
		.args(["-v", "error", "-y", "-f", "lavfi", "-i"])
		.arg(format!("testsrc2=size=320x180:rate=25:duration={seconds}"))
		.args(["-f", "lavfi", "-i"])
		.arg(format!("sine=frequency=440:duration={seconds}"))
		.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"])
		.args(["-c:a", "aac", "-shortest"])
		.arg(path)
		.status()
		.unwrap();
	assert!(made.success());
}

/// What does not hold of `value` by a schema as OpenAPI 3.1 writes it. Whatever is not described is
/// wrong, and so is a word of a schema that this does not know.
pub fn mismatch(
	document: &serde_json::Value,
	schema: &serde_json::Value,
	value: &serde_json::Value,
	at: &str,
) -> Option<String> {
	use serde_json::Value;
	let known = [
		"$ref",
		"description",
		"enum",
		"format",
		"items",
		"minimum",
		"oneOf",
		"properties",
		"required",
		"type",
	];
	let words = schema.as_object()?;
	if let Some(word) = words.keys().find(|word| !known.contains(&word.as_str())) {
		return Some(format!("{at}: the schema says {word}"));
	}
	if let Some(to) = schema["$ref"].as_str() {
		let Some(schema) = document.pointer(to.strip_prefix('#').unwrap_or(to)) else {
			return Some(format!("{at}: there is no {to}"));
		};
		return mismatch(document, schema, value, at);
	}
	if let Some(choices) = schema["oneOf"].as_array() {
		let fits =
			choices.iter().filter(|one| mismatch(document, one, value, at).is_none()).count();
		return (fits != 1).then(|| format!("{at}: {fits} choices fit {value}"));
	}
	if let Some(values) = schema["enum"].as_array() {
		if !values.contains(value) {
			return Some(format!("{at}: {value} is none of {values:?}"));
		}
	}
	let kind = match value {
		Value::Null => "null",
		Value::Bool(_) => "boolean",
		Value::Number(number) if number.is_f64() => "number",
		Value::Number(_) => "integer",
		Value::String(_) => "string",
		Value::Array(_) => "array",
		Value::Object(_) => "object",
	};
	let is_kind = match &schema["type"] {
		Value::String(one) => one == kind,
		Value::Array(kinds) => kinds.iter().any(|one| one == kind),
		_ => false,
	};
	if !is_kind {
		return Some(format!("{at}: {value} is not of type {}", schema["type"]));
	}
	if schema["minimum"].as_f64().is_some_and(|least| value.as_f64().is_some_and(|n| n < least)) {
		return Some(format!("{at}: {value} is too small"));
	}
	match value {
		Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
			mismatch(document, &schema["items"], item, &format!("{at}/{index}"))
		}),
		Value::Object(fields) => {
			let required = schema["required"].as_array().cloned().unwrap_or_default();
			let missing =
				required.iter().filter_map(Value::as_str).find(|n| !fields.contains_key(*n));
			if let Some(missing) = missing {
				return Some(format!("{at}: {missing} is missing"));
			}
			fields.iter().find_map(|(name, field)| match schema["properties"].get(name) {
				Some(schema) => mismatch(document, schema, field, &format!("{at}/{name}")),
				None => Some(format!("{at}: {name} is not described")),
			})
		}
		_ => None,
	}
}
