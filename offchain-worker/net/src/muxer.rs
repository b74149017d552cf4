//! Streams over one TCP connection, by yamux. What a peer sends and nobody has read yet is in memory, and libp2p's
//! own upgrade lets that be a gigabyte for each connection; here it is bounded.

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

/// What yamux lets a peer send on each stream before any of it is read, at least.
const WINDOW: usize = 256 * 1024;
/// What a peer that is called may send beyond that on all streams of a connection, where it is fast and far away.
/// Who calls has chosen the peer, and reads all of what it asked for.
const FOR_ANSWERS: usize = 32 * 1024 * 1024;

/// How a connection is divided into streams.
#[derive(Clone)]
pub(crate) struct Upgrade {
	/// Of one that a peer has made.
	taken: yamux::Config,
	/// Of one that was made to a peer.
	made: yamux::Config,
}

impl Upgrade {
	/// Connections with so many streams at a time, both ways together; on one that a peer has made so many bytes
	/// may be unread, and no less than a window for each stream.
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

/// A connection that is divided into streams.
pub(crate) struct Muxer<C> {
	connection: Connection<C>,
	/// Streams that the peer has opened, until somebody takes them; no more than a connection has.
	opened: VecDeque<Stream>,
	/// Whoever waits for such a stream.
	waiting: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> Muxer<C> {
	fn new(connection: Connection<C>) -> Self {
		Self { connection, opened: VecDeque::new(), waiting: None }
	}

	/// Goes on with everything on the connection until the peer opens a stream.
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
		// There may be more to do, once others had their turn.
		context.waker().wake_by_ref();
		Poll::Pending
	}
}
