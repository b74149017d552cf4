//! RTMP's chunk stream: messages cut into interleaved chunks. Only reads bytes, and bounds how much a sender
//! can make it hold.

use std::collections::BTreeMap;

use thiserror::Error;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
	/// What it is: 8 sound, 9 picture, 20 command …
	pub kind: u8,
	/// Its time in milliseconds.
	pub time: u32,
	/// The message stream that it belongs to.
	pub stream: u32,
	/// Its body.
	pub body: Vec<u8>,
}

/// Invalid chunks, or more than may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChunkError {
	/// A message is longer than allowed.
	#[error("a message is too long")]
	TooLong,
	/// Too many messages are interleaved.
	#[error("too many messages at a time")]
	TooMany,
	/// A chunk continues a message that never began.
	#[error("a chunk without a beginning")]
	NoBeginning,
	/// The chunk size is 0 or not there.
	#[error("a chunk size that cannot be")]
	BadSize,
}

/// Chunk streams at a time.
const MOST_STREAMS: usize = 16;
/// The largest accepted chunk size.
const LARGEST_CHUNK: usize = 16 * 1024 * 1024;
/// The most bytes of unfinished messages, in messages of the largest size.
const MOST_UNFINISHED: usize = 2;

#[derive(Clone, Debug, Default)]
struct Stream {
	time: u32,
	delta: u32,
	length: usize,
	kind: u8,
	id: u32,
	is_extended: bool,
	/// The extended time after the last header that has one.
	extended: u32,
	body: Vec<u8>,
	is_open: bool,
}

/// A chunk's header.
struct Header {
	/// The chunk stream.
	id: u32,
	/// How much of the message's header it has: from 0, all of it, to 3, nothing.
	format: u8,
	/// The message's time, or the time since the one before.
	time: u32,
	/// The stream with what this header says of it, and without its body.
	stream: Stream,
}

/// What the bytes begin with that are not read yet.
enum Read {
	/// A chunk that is not complete.
	Incomplete,
	/// A chunk whose message goes on.
	Part,
	/// A chunk that ends a message.
	Whole(Message),
}

/// Reads chunks.
#[derive(Debug)]
pub struct ChunkReader {
	buffer: Vec<u8>,
	at: usize,
	size: usize,
	longest: usize,
	streams: BTreeMap<u32, Stream>,
}

impl ChunkReader {
	/// A reader of messages of at most `longest` bytes.
	pub fn new(longest: usize) -> Self {
		Self { buffer: Vec::new(), at: 0, size: 128, longest, streams: BTreeMap::new() }
	}

	/// Sets the longest message from now on.
	pub fn allow(&mut self, longest: usize) {
		self.longest = longest;
	}

	/// Takes incoming bytes.
	pub fn push(&mut self, bytes: &[u8]) {
		if self.at > 0 && self.at * 2 >= self.buffer.len() {
			self.buffer.drain(..self.at);
			self.at = 0;
		}
		self.buffer.extend_from_slice(bytes);
	}

	/// The next whole message, if there is one.
	pub fn next_message(&mut self) -> Result<Option<Message>, ChunkError> {
		loop {
			match self.chunk()? {
				Read::Incomplete => return Ok(None),
				Read::Part => {}
				Read::Whole(message) if message.kind == 1 => self.set_size(&message.body)?,
				Read::Whole(message) => return Ok(Some(message)),
			}
		}
	}

	fn set_size(&mut self, body: &[u8]) -> Result<(), ChunkError> {
		let raw: [u8; 4] =
			body.get(..4).and_then(|b| b.try_into().ok()).ok_or(ChunkError::BadSize)?;
		let size = u32::from_be_bytes(raw) as usize & 0x7fff_ffff;
		if size == 0 {
			return Err(ChunkError::BadSize);
		}
		self.size = size.min(LARGEST_CHUNK);
		Ok(())
	}

	/// Takes a chunk's header from the bytes; `None` if it is not complete.
	fn header(&self, rest: &mut &[u8]) -> Result<Option<Header>, ChunkError> {
		let big = |bytes: &[u8]| bytes.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
		let Some(first) = take(rest, 1).map(|b| b[0]) else { return Ok(None) };
		let id = match first & 0x3f {
			0 => match take(rest, 1) {
				Some(b) => 64 + u32::from(b[0]),
				None => return Ok(None),
			},
			1 => match take(rest, 2) {
				Some(b) => 64 + u32::from(b[0]) + 256 * u32::from(b[1]),
				None => return Ok(None),
			},
			id => id.into(),
		};
		let format = first >> 6;
		let mut stream = match self.streams.get(&id) {
			// Its body stays where it is until the chunk is complete.
			Some(stream) => stream.head(),
			None if format == 3 => return Err(ChunkError::NoBeginning),
			None if self.streams.len() >= MOST_STREAMS => return Err(ChunkError::TooMany),
			None => Stream::default(),
		};
		let begins = !stream.is_open;
		let header = match take(rest, [11, 7, 3, 0][usize::from(format)]) {
			Some(header) => header,
			None => return Ok(None),
		};
		let mut time = 0;
		if format < 3 {
			time = big(&header[..3]);
			stream.is_extended = time == 0xff_ffff;
		}
		if format < 2 {
			stream.length = big(&header[3..6]) as usize;
			stream.kind = header[6];
		}
		if format == 0 {
			stream.id = header[7..11].iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
		}
		if stream.is_extended {
			let Some(field) = rest.get(..4).map(big) else { return Ok(None) };
			// Every chunk should have it, but some encoders omit it in chunks that continue a message.
			if format < 3 || begins || field == stream.extended {
				take(rest, 4);
				time = field;
			}
			if format < 3 {
				stream.extended = field;
			}
		}
		if stream.length > self.longest {
			return Err(ChunkError::TooLong);
		}
		Ok(Some(Header { id, format, time, stream }))
	}

	/// Reads one chunk.
	fn chunk(&mut self) -> Result<Read, ChunkError> {
		let mut rest = &self.buffer[self.at..];
		let Some(Header { id, format, time, mut stream }) = self.header(&mut rest)? else {
			return Ok(Read::Incomplete);
		};
		let begins = !stream.is_open;
		let have = self.streams.get(&id).map_or(0, |stream| stream.body.len());
		let have = if format < 3 { 0 } else { have };
		let count = (stream.length - have.min(stream.length)).min(self.size);
		let Some(bytes) = take(&mut rest, count) else { return Ok(Read::Incomplete) };
		match format {
			0 => {
				stream.time = time;
				stream.delta = 0;
			}
			1 | 2 => {
				stream.delta = time;
				stream.time = stream.time.wrapping_add(time);
			}
			_ if begins => stream.time = stream.time.wrapping_add(stream.delta),
			_ => {}
		}
		let left = rest.len();
		let mut body = if format < 3 {
			Vec::new()
		} else {
			self.streams.get_mut(&id).map(|s| std::mem::take(&mut s.body)).unwrap_or_default()
		};
		body.extend_from_slice(bytes);
		self.at = self.buffer.len() - left;
		let is_whole = body.len() >= stream.length;
		stream.is_open = !is_whole;
		let message = is_whole.then(|| Message {
			kind: stream.kind,
			time: stream.time,
			stream: stream.id,
			body: std::mem::take(&mut body),
		});
		stream.body = body;
		self.streams.insert(id, stream);
		let unfinished: usize = self.streams.values().map(|stream| stream.body.len()).sum();
		if unfinished > MOST_UNFINISHED * self.longest {
			return Err(ChunkError::TooMany);
		}
		Ok(message.map_or(Read::Part, Read::Whole))
	}
}

/// The first `count` of the remaining bytes.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
	let (taken, left) = rest.split_at_checked(count)?;
	*rest = left;
	Some(taken)
}

impl Stream {
	/// Its fields except the body.
	fn head(&self) -> Self {
		Self { body: Vec::new(), ..*self }
	}
}

/// The size of chunks that we send.
pub const OUR_CHUNK: usize = 4_096;

/// A message as chunks of `size` bytes on chunk stream `id`, 2 to 63.
pub fn write(id: u8, message: &Message, size: usize) -> Vec<u8> {
	let mut out = vec![id & 0x3f];
	let time = message.time.min(0xff_ffff);
	out.extend(&time.to_be_bytes()[1..]);
	out.extend(&(message.body.len() as u32).to_be_bytes()[1..]);
	out.push(message.kind);
	out.extend(message.stream.to_le_bytes());
	if time == 0xff_ffff {
		out.extend(message.time.to_be_bytes());
	}
	for (index, part) in message.body.chunks(size.max(1)).enumerate() {
		if index > 0 {
			out.push(0xc0 | id & 0x3f);
			if time == 0xff_ffff {
				out.extend(message.time.to_be_bytes());
			}
		}
		out.extend(part);
	}
	out
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn message(kind: u8, time: u32, length: usize) -> Message {
		Message { kind, time, stream: 1, body: (0..length).map(|i| i as u8).collect() }
	}

	#[test]
	fn messages_should_come_back_when_bytes_come_one_by_one() {
		let sent = [message(20, 0, 10), message(9, 40, 1_000), message(8, 0x0123_4567, 300)];
		let mut reader = ChunkReader::new(100_000);
		let mut received = Vec::new();
		for byte in sent.iter().flat_map(|message| write(4, message, 128)) {
			reader.push(&[byte]);
			received.extend(reader.next_message().unwrap());
		}
		assert_eq!(received, sent);
	}

	#[test]
	fn chunks_should_be_joined_when_they_come_in_turns_and_size_changes() {
		let (a, b) = (message(9, 5, 200), message(8, 6, 200));
		let (left, right) = (write(4, &a, 128), write(5, &b, 128));
		let mut bytes = left[..140].to_vec();
		bytes.extend(&right[..140]);
		bytes.extend(&left[140..]);
		bytes.extend(&right[140..]);
		let size = Message { kind: 1, time: 0, stream: 0, body: 1_000u32.to_be_bytes().into() };
		bytes.extend(write(2, &size, 128));
		bytes.extend(write(4, &message(9, 7, 900), 1_000));
		let mut reader = ChunkReader::new(1_000);
		reader.push(&bytes);
		assert_eq!(reader.next_message(), Ok(Some(a)));
		assert_eq!(reader.next_message(), Ok(Some(b)));
		assert_eq!(reader.next_message(), Ok(Some(message(9, 7, 900))));
		assert_eq!(reader.next_message(), Ok(None));
	}

	/// After 4.7 hours times are extended, which not all encoders say in each chunk.
	#[test]
	fn messages_should_be_joined_where_chunks_that_go_on_leave_the_time_out() {
		let sent = [message(9, 0x0123_4567, 300), message(9, 0x0123_4588, 130)];
		let mut reader = ChunkReader::new(1_000);
		for message in &sent {
			let whole = write(4, message, 1_000);
			let (head, body) = whole.split_at(whole.len() - message.body.len());
			reader.push(head);
			for (index, part) in body.chunks(128).enumerate() {
				if index > 0 {
					reader.push(&[0xc4]);
				}
				reader.push(part);
			}
		}
		// That the last two bytes begin no time is known by what follows them.
		let last = message(8, 5, 4);
		reader.push(&write(5, &last, 128));
		let mut received = Vec::new();
		while let Some(message) = reader.next_message().unwrap() {
			received.push(message);
		}
		assert_eq!(received, [&sent[..], &[last]].concat());
	}

	#[test]
	fn time_should_add_up_when_headers_are_short() {
		let mut bytes = write(4, &message(8, 100, 1), 128);
		// Format 1 with a step of 20, format 2 with 30, format 3 with the same again.
		bytes.extend([0x44, 0, 0, 20, 0, 0, 1, 8, 7]);
		bytes.extend([0x84, 0, 0, 30, 7]);
		bytes.extend([0xc4, 7]);
		let mut reader = ChunkReader::new(100);
		reader.push(&bytes);
		let times: Vec<u32> =
			std::iter::from_fn(|| reader.next_message().unwrap()).map(|m| m.time).collect();
		assert_eq!(times, [100, 120, 150, 180]);
	}

	#[test]
	fn reader_should_refuse_when_more_would_have_to_be_held() {
		let mut reader = ChunkReader::new(100);
		reader.push(&write(4, &message(9, 0, 101), 128));
		assert_eq!(reader.next_message(), Err(ChunkError::TooLong));
		let mut reader = ChunkReader::new(1_000_000);
		for id in 2..2 + MOST_STREAMS as u8 + 1 {
			reader.push(&write(id, &message(9, 0, 500), 128)[..140]);
		}
		let refused = std::iter::repeat_with(|| reader.next_message()).find_map(Result::err);
		assert_eq!(refused, Some(ChunkError::TooMany));
		let mut reader = ChunkReader::new(100);
		reader.push(&[0xc4]);
		assert_eq!(reader.next_message(), Err(ChunkError::NoBeginning));
		let zero = Message { kind: 1, time: 0, stream: 0, body: vec![0; 4] };
		let mut reader = ChunkReader::new(100);
		reader.push(&write(2, &zero, 128));
		assert_eq!(reader.next_message(), Err(ChunkError::BadSize));
	}
}
