//! Both ends of a connection.

use std::net::SocketAddr;

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::net::TcpListener;

/// The remote and the local address of a request.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
	/// The peer's end.
	pub from: SocketAddr,
	/// This machine's end, if known.
	pub local: Option<SocketAddr>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Ends {
	fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
		Self { from: *stream.remote_addr(), local: stream.io().local_addr().ok() }
	}
}
