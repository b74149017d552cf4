//! Streams over one TCP connection, by yamux. A peer's unread bytes are in memory. libp2p's own upgrade
//! allows a gigabyte of them for each connection; here they are bounded.

use std::{
	collections::VecDeque,
	convert::Infallible,
	iter,
	pin::Pin,
	task::{ready, Context, Poll, Waker},
};

use futures::{future, AsyncRead, AsyncWrite};
use libp2p::core::{
	muxing::{StreamMuxer, StreamMuxerEvent},
	upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade},
	UpgradeInfo,
};
use yamux::{Connection, ConnectionError, Mode, Stream};

/// The least that yamux lets a peer send on each stream before any of it is read.
const WINDOW: usize = 256 * 1024;
/// What a dialled peer may send beyond that on all streams of a connection, if it is fast and far away. The
/// dialler has chosen the peer, and reads everything that it requested.
const FOR_ANSWERS: usize = 32 * 1024 * 1024;

/// The yamux configurations.
#[derive(Clone)]
pub(crate) struct Upgrade {
	/// For incoming connections.
	taken: yamux::Config,
	/// For dialled connections.
	made: yamux::Config,
}

impl Upgrade {
	/// For connections with this many streams, in both directions together. On an incoming one this many
	/// bytes may be unread, and at least a window for each stream.
	pub(crate) fn new(streams: u32, unread: u32) -> Self {
		let streams = streams as usize;
		let config = |unread: usize| {
			let mut config = yamux::Config::default();
			config
				.set_max_connection_receive_window(None)
				.set_max_num_streams(streams)
				.set_max_connection_receive_window(Some(unread.max(streams * WINDOW)));
			config
		};
		Self { taken: config(unread as usize), made: config(streams * WINDOW + FOR_ANSWERS) }
	}
}

impl UpgradeInfo for Upgrade {
	type Info = &'static str;
	type InfoIter = iter::Once<&'static str>;

	fn protocol_info(&self) -> Self::InfoIter {
		iter::once("/yamux/1.0.0")
	}
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Upgrade {
	type Output = Muxer<C>;
	type Error = Infallible;
	type Future = future::Ready<Result<Muxer<C>, Infallible>>;

	fn upgrade_inbound(self, io: C, _: &'static str) -> Self::Future {
		future::ready(Ok(Muxer::new(Connection::new(io, self.taken, Mode::Server))))
	}
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Upgrade {
	type Output = Muxer<C>;
	type Error = Infallible;
	type Future = future::Ready<Result<Muxer<C>, Infallible>>;

	fn upgrade_outbound(self, io: C, _: &'static str) -> Self::Future {
		future::ready(Ok(Muxer::new(Connection::new(io, self.made, Mode::Client))))
	}
}

/// A multiplexed connection.
pub(crate) struct Muxer<C> {
	connection: Connection<C>,
	/// Streams that the peer has opened and nobody has taken yet; at most as many as a connection has.
	opened: VecDeque<Stream>,
	/// The task that waits for such a stream.
	waiting: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> Muxer<C> {
	fn new(connection: Connection<C>) -> Self {
		Self { connection, opened: VecDeque::new(), waiting: None }
	}

	/// Drives the connection until the peer opens a stream.
	fn next(&mut self, context: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
		let next = ready!(self.connection.poll_next_inbound(context));
		Poll::Ready(next.unwrap_or(Err(ConnectionError::Closed)))
	}
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> StreamMuxer for Muxer<C> {
	type Substream = Stream;
	type Error = ConnectionError;

	fn poll_inbound(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
	) -> Poll<Result<Stream, ConnectionError>> {
		if let Some(stream) = self.opened.pop_front() {
			return Poll::Ready(Ok(stream));
		}
		if let Poll::Ready(next) = self.next(context) {
			return Poll::Ready(next);
		}
		self.waiting = Some(context.waker().clone());
		Poll::Pending
	}

	fn poll_outbound(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
	) -> Poll<Result<Stream, ConnectionError>> {
		self.connection.poll_new_outbound(context)
	}

	fn poll_close(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
	) -> Poll<Result<(), ConnectionError>> {
		self.connection.poll_close(context)
	}

	fn poll(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
	) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
		let stream = ready!(self.next(context))?;
		self.opened.push_back(stream);
		if let Some(waiting) = self.waiting.take() {
			waiting.wake();
		}
		// There may be more to do after other tasks had their turn.
		context.waker().wake_by_ref();
		Poll::Pending
	}
}
