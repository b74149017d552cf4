//! Frames and payloads on a stream.

use std::{future::Future, io, time::Duration};

use codec::{Decode, DecodeAll, Encode};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use livepeer_worker_core::ports::transport::{NetError, MAX_FRAME, MAX_PAYLOAD};

/// The byte with which a server confirms that it has taken a stream.
pub const GREETING: u8 = 1;

/// Bytes read or written between two checks of the clock.
const CHUNK: usize = 64 * 1024;

/// Runs one step of I/O that must end within `stall`.
pub(crate) async fn step<T>(
	stall: Duration,
	io: impl Future<Output = io::Result<T>>,
) -> Result<T, NetError> {
	match tokio::time::timeout(stall, io).await {
		Ok(Ok(value)) => Ok(value),
		Ok(Err(error)) => Err(NetError::Unreachable(error.to_string())),
		Err(_) => Err(NetError::Timeout),
	}
}

/// Runs several steps that must end within `limit` together.
pub(crate) async fn within<T>(
	limit: Duration,
	io: impl Future<Output = Result<T, NetError>>,
) -> Result<T, NetError> {
	tokio::time::timeout(limit, io).await.unwrap_or(Err(NetError::Timeout))
}

/// Writes a frame.
pub async fn write_frame(
	stream: &mut (impl AsyncWrite + Unpin),
	message: &impl Encode,
	stall: Duration,
) -> Result<(), NetError> {
	let body = message.encode();
	let len = u32::try_from(body.len()).ok().filter(|len| *len <= MAX_FRAME);
	let len = len.ok_or_else(|| NetError::Protocol("a frame is too long to be sent".into()))?;
	let mut bytes = len.to_le_bytes().to_vec();
	bytes.extend_from_slice(&body);
	step(stall, stream.write_all(&bytes)).await?;
	step(stall, stream.flush()).await
}

/// Reads a frame; the first byte may take `patience`.
pub async fn read_frame<T: Decode>(
	stream: &mut (impl AsyncRead + Unpin),
	patience: Duration,
	stall: Duration,
) -> Result<T, NetError> {
	let mut len = [0; 4];
	step(patience, stream.read_exact(&mut len)).await?;
	let len = u32::from_le_bytes(len);
	if len > MAX_FRAME {
		return Err(NetError::Protocol(format!("a frame of {len} bytes")));
	}
	let body = read_payload(stream, len, stall).await?;
	T::decode_all(&mut &body[..])
		.map_err(|error| NetError::Protocol(format!("a frame that cannot be read: {error}")))
}

/// Writes raw bytes.
pub async fn write_payload(
	stream: &mut (impl AsyncWrite + Unpin),
	bytes: &[u8],
	stall: Duration,
) -> Result<(), NetError> {
	for chunk in bytes.chunks(CHUNK) {
		step(stall, stream.write_all(chunk)).await?;
	}
	step(stall, stream.flush()).await
}

/// Reads exactly `len` raw bytes. Memory grows with what really arrives.
pub async fn read_payload(
	stream: &mut (impl AsyncRead + Unpin),
	len: u32,
	stall: Duration,
) -> Result<Vec<u8>, NetError> {
	if len > MAX_PAYLOAD {
		return Err(NetError::Protocol(format!("a payload of {len} bytes")));
	}
	let len = len as usize;
	let mut bytes = Vec::new();
	while bytes.len() < len {
		let at = bytes.len();
		bytes.resize(len.min(at + CHUNK), 0);
		step(stall, stream.read_exact(&mut bytes[at..])).await?;
	}
	Ok(bytes)
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use futures::io::Cursor;
	use proptest::prelude::*;

	const STALL: Duration = Duration::from_secs(1);

	#[tokio::test]
	async fn frame_should_come_out_as_it_went_in() {
		let mut stream = Cursor::new(Vec::new());
		write_frame(&mut stream, &(7u64, vec![1u8; 100]), STALL).await.unwrap();
		stream.set_position(0);
		let read: (u64, Vec<u8>) = read_frame(&mut stream, STALL, STALL).await.unwrap();
		assert_eq!(read, (7, vec![1; 100]));
	}

	#[tokio::test]
	async fn frame_should_be_refused_when_it_is_too_long_or_has_a_rest() {
		let mut long = Cursor::new((MAX_FRAME + 1).to_le_bytes().to_vec());
		let read = read_frame::<u8>(&mut long, STALL, STALL).await;
		assert!(matches!(read, Err(NetError::Protocol(_))));
		let mut rest = Cursor::new([2, 0, 0, 0, 1, 1].to_vec());
		let read = read_frame::<u8>(&mut rest, STALL, STALL).await;
		assert!(matches!(read, Err(NetError::Protocol(_))));
		let huge = vec![0u8; MAX_FRAME as usize + 1];
		let written = write_frame(&mut Cursor::new(Vec::new()), &huge, STALL).await;
		assert!(matches!(written, Err(NetError::Protocol(_))));
		let payload = read_payload(&mut Cursor::new(Vec::new()), MAX_PAYLOAD + 1, STALL).await;
		assert!(matches!(payload, Err(NetError::Protocol(_))));
	}

	#[tokio::test]
	async fn short_payload_should_be_an_error() {
		let mut stream = Cursor::new(vec![0; 10]);
		let read = read_payload(&mut stream, 11, STALL).await;
		assert!(matches!(read, Err(NetError::Unreachable(_))));
	}

	proptest! {
		#[test]
		fn no_bytes_should_panic_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
			use livepeer_worker_core::ports::transport::{Reply, Request};
			let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
			runtime.block_on(async {
				let _ = read_frame::<Request>(&mut Cursor::new(bytes.clone()), STALL, STALL).await;
				let _ = read_frame::<Reply>(&mut Cursor::new(bytes), STALL, STALL).await;
			});
		}
	}
}
