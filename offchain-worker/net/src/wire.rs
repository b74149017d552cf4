//! One request and its answer over one stream: a SCALE frame with its length (u32, little endian)
//! in front, then the raw payload whose length the frame names.

use std::{future::Future, time::Duration};

use codec::{DecodeAll, Encode};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use livepeer_worker_core::transport::{NetError, MAX_FRAME, MAX_PAYLOAD};

/// How long a peer may make no progress.
pub const PROGRESS: Duration = Duration::from_secs(10);
/// Bytes written or read between two looks at the clock.
const PIECE: usize = 64 * 1024;

/// A stream on which frames and payloads travel.
pub struct Connection {
	stream: Stream,
}

impl Connection {
	/// Speaks over `stream`.
	pub fn new(stream: Stream) -> Self {
		Self { stream }
	}

	/// Sends a frame and its payload, and says that nothing more follows.
	pub async fn send(&mut self, frame: &impl Encode, payload: &[u8]) -> Result<(), NetError> {
		let frame = frame.encode();
		let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
		if len > MAX_FRAME {
			return Err(NetError::Local("the frame is too long to send".to_owned()));
		}
		in_time(PROGRESS, self.stream.write_all(&len.to_le_bytes())).await?;
		in_time(PROGRESS, self.stream.write_all(&frame)).await?;
		for piece in payload.chunks(PIECE) {
			in_time(PROGRESS, self.stream.write_all(piece)).await?;
		}
		in_time(PROGRESS, self.stream.flush()).await?;
		in_time(PROGRESS, self.stream.close()).await
	}

	/// Receives a frame; its first byte may take as long as `patience`.
	pub async fn receive_frame<T: DecodeAll>(&mut self, patience: Duration) -> Result<T, NetError> {
		let mut len = [0; 4];
		in_time(patience, self.stream.read_exact(&mut len)).await?;
		let len = u32::from_le_bytes(len);
		if len > MAX_FRAME {
			return Err(NetError::Protocol(format!("a frame of {len} bytes")));
		}
		let bytes = self.receive(len as usize).await?;
		T::decode_all(&mut &bytes[..])
			.map_err(|_| NetError::Protocol("a frame that cannot be decoded".to_owned()))
	}

	/// Receives a payload of `len` bytes.
	pub async fn receive_payload(&mut self, len: u32) -> Result<Vec<u8>, NetError> {
		if len > MAX_PAYLOAD {
			return Err(NetError::Protocol(format!("a payload of {len} bytes")));
		}
		self.receive(len as usize).await
	}

	/// Grows with what really arrives, so that a length alone costs no memory.
	async fn receive(&mut self, len: usize) -> Result<Vec<u8>, NetError> {
		let mut bytes = Vec::with_capacity(len.min(PIECE));
		while bytes.len() < len {
			let start = bytes.len();
			bytes.resize(len.min(start + PIECE), 0);
			in_time(PROGRESS, self.stream.read_exact(&mut bytes[start..])).await?;
		}
		Ok(bytes)
	}
}

async fn in_time<T>(
	patience: Duration,
	step: impl Future<Output = std::io::Result<T>>,
) -> Result<(), NetError> {
	tokio::time::timeout(patience, step)
		.await
		.map_err(|_| NetError::Timeout)?
		.map(|_| ())
		.map_err(|error| NetError::Unreachable(error.to_string()))
}
