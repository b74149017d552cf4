//! What the tests share.
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
