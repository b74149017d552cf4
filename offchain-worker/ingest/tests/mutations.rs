//! Whatever a publisher sends, parsing ends, holds little and never panics: recorded sessions are
//! changed at random, from seeds, so that a failure can be repeated.

use livepeer_worker_ingest::{
	amf::{self, Value},
	chunk::{self, ChunkReader, Message},
	flv::Remuxer,
};

/// A small generator: what is needed is repeatable, not good.
struct Random(u64);

impl Random {
	fn next(&mut self) -> u64 {
		self.0 ^= self.0 << 13;
		self.0 ^= self.0 >> 7;
		self.0 ^= self.0 << 17;
		self.0
	}

	fn below(&mut self, most: usize) -> usize {
		(self.next() % most.max(1) as u64) as usize
	}
}

/// Changes, removes, repeats or cuts off some bytes.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
	for _ in 0..=random.below(4) {
		if bytes.is_empty() {
			return;
		}
		let at = random.below(bytes.len());
		match random.below(6) {
			0 => bytes[at] ^= 1 << random.below(8),
			1 => bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)],
			2 => {
				bytes.remove(at);
			}
			3 => bytes.truncate(at),
			4 => {
				let end = (at + random.below(40)).min(bytes.len());
				let part = bytes[at..end].to_vec();
				bytes.splice(at..at, part);
			}
			_ => {
				let random = random.next() as u8;
				bytes.insert(at, random);
			}
		}
	}
}

fn session() -> Vec<u8> {
	let text = |text: &str| Value::Text(text.into());
	let object = Value::Object(vec![
		("app".into(), text("live")),
		("list".into(), Value::List(vec![Value::Null, Value::Bool(true), Value::Number(1.5)])),
	]);
	let command =
		|values: &[Value]| Message { kind: 20, time: 0, stream: 0, body: amf::write(values) };
	let media =
		|kind: u8, time: u32, body: &[u8]| Message { kind, time, stream: 1, body: body.to_vec() };
	let messages = [
		command(&[text("connect"), Value::Number(1.0), object]),
		command(&[text("publish"), Value::Number(2.0), Value::Null, text("key"), text("live")]),
		Message { kind: 1, time: 0, stream: 0, body: 4_096u32.to_be_bytes().to_vec() },
		media(9, 0, &[&[0x17, 0, 0, 0, 0][..], &[1, 100, 0, 31, 0xff, 0xe1]].concat()),
		media(8, 0, &[0xaf, 0, 0x12, 0x10]),
		media(9, 0, &[&[0x17, 1, 0, 0, 40][..], &[7; 300]].concat()),
		media(8, 10, &[0xaf, 1, 1, 2, 3]),
		media(9, 40, b"\x91hvc1\0\0\x05picture"),
		media(9, 80, b"\x90av01header"),
		media(8, 90, b"\x95Opus1234"),
		media(9, 0xffff_fff0, &[0x27, 1, 0xff, 0xff, 0xff, 1, 2, 3]),
	];
	let mut bytes = Vec::new();
	let mut size = 128;
	for message in &messages {
		bytes.extend(chunk::write(4, message, size));
		if message.kind == 1 {
			size = 4_096;
		}
	}
	bytes
}

/// Reads a session as the server does; gives the messages that were whole.
fn read(bytes: &[u8], pieces: &mut Random) -> usize {
	let mut reader = ChunkReader::new(16 * 1024);
	let mut remuxer = Remuxer::new();
	let mut rest = bytes;
	let mut count = 0;
	while !rest.is_empty() {
		let (now, later) = rest.split_at(1 + pieces.below(rest.len()));
		rest = later;
		reader.push(now);
		loop {
			match reader.next_message() {
				Ok(Some(message)) => {
					count += 1;
					assert!(message.body.len() <= 16 * 1024);
					match message.kind {
						8 | 9 => {
							let made = remuxer.take(message.kind, message.time, &message.body);
							if made.is_err() {
								return count;
							}
						}
						20 if amf::read(&message.body).is_err() => return count,
						_ => {}
					}
				}
				Ok(None) => break,
				Err(_) => return count,
			}
		}
	}
	remuxer.finish();
	count
}

#[test]
fn session_should_be_read_whole_in_any_pieces() {
	let bytes = session();
	for seed in 1..200 {
		assert_eq!(read(&bytes, &mut Random(seed)), 10, "the chunk size is no message");
	}
}

#[test]
fn parsers_should_survive_ten_thousand_changed_sessions() {
	let bytes = session();
	for seed in 1..=10_000 {
		let mut random = Random(seed * 0x9e37_79b9);
		let mut changed = bytes.clone();
		mutate(&mut random, &mut changed);
		read(&changed, &mut random);
	}
}

#[test]
fn parsers_should_survive_noise() {
	for seed in 1..=2_000 {
		let mut random = Random(seed * 0x9e37_79b9);
		let noise: Vec<u8> = (0..random.below(2_000)).map(|_| random.next() as u8).collect();
		read(&noise, &mut random);
		let _ = amf::read(&noise);
		let mut remuxer = Remuxer::new();
		for piece in noise.chunks(7) {
			let _ = remuxer.take(8 + (piece[0] & 1), random.next() as u32, piece);
		}
	}
}
