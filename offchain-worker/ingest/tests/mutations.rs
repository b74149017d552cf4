//! Whatever a publisher sends, parsing ends, holds little and never panics: recorded sessions are
//! changed at random, from seeds, so that a failure can be repeated.
#![allow(clippy::unwrap_used)]

use std::{
	net::SocketAddr,
	process::{Command, Stdio},
	time::{Duration, Instant},
};

use livepeer_worker_ingest::{
	amf::{self, Value},
	chunk::{self, ChunkReader, Message},
	flv::Remuxer,
	router, serve_srt, Ends, Gate, Keys, Publication,
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpStream, UdpSocket},
	sync::mpsc,
	time::{sleep, timeout},
};

const KEY: &str = "a-stream-key";
const LONG: Duration = Duration::from_secs(60);

/// A small generator: repeatable, not good.
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
		// Extended by a byte; and many tracks, of which none is the first.
		media(9, 80, b"\x97\x00a\x00av01header"),
		media(8, 90, b"\x95\x10Opus\x01\0\0\x02ab\x02\0\0\x02cd"),
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
	let mut remuxer = Remuxer::with_further(4);
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
		let mut remuxer = Remuxer::with_further(4);
		for piece in noise.chunks(7) {
			let _ = remuxer.take(8 + (piece[0] & 1), random.next() as u32, piece);
		}
	}
}

/// Packets of every SRT kind, as a publisher with a cookie sends them.
fn datagrams(cookie: u32) -> Vec<Vec<u8>> {
	let control = |kind: u16, info: u32, words: &[u32]| {
		let head = [u32::from(0x8000 | kind) << 16, info, 1_000, 0];
		head.iter().chain(words).flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
	};
	let handshake = |version: u32, fields: u32, kind: u32, cookie: u32, extensions: &[u32]| {
		let mut words = vec![version, fields, 0x12_3456, 1_500, 8_192, kind, 77, cookie];
		words.extend([0x7f00_0001, 0, 0, 0]);
		words.extend(extensions);
		control(0, 0, &words)
	};
	let capabilities: [u32; 4] = [0x0001_0003, 0x0001_0500, 0xbf, 0x0078_0078];
	let stream_id: [u32; 4] = [0x0005_0003, 0x2d61_6161, 0x6561_7274, 0x0079_656b];
	vec![
		handshake(4, 2, 1, 0, &[]),
		handshake(5, 5, u32::MAX, cookie, &[&capabilities[..], &stream_id[..]].concat()),
		control(1, 0, &[]),
		control(2, 1, &[0x12_3456, 10_000, 1_000, 8_192, 100, 1_000, 10_000]),
		control(3, 0, &[0x8000_0001, 5, 9]),
		control(5, 0, &[0]),
		control(6, 1, &[]),
		[&[0, 0, 0, 1, 0xc0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 77][..], &[0x47; 188]].concat(),
	]
}

#[tokio::test(flavor = "multi_thread")]
async fn srt_should_survive_ten_thousand_changed_packets() {
	let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
	// Free a moment ago, which is as sure as it gets.
	let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
	let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
	let serving = tokio::spawn(serve_srt(address, None, gate).await.unwrap());
	let mut publisher = Command::new("ffmpeg")
		.args(["-nostdin", "-loglevel", "quiet", "-re", "-f", "lavfi"])
		.args(["-i", "testsrc2=s=160x90:r=25:d=120", "-pix_fmt", "yuv420p", "-c:v", "libx264"])
		.args(["-preset", "ultrafast", "-f", "mpegts"])
		.arg(format!("srt://{address}?streamid={KEY}"))
		.stdin(Stdio::null())
		.spawn()
		.unwrap();
	let mut publication = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	assert_eq!(publication.protocol, "srt");
	let mut part = timeout(LONG, publication.parts.recv()).await.unwrap().unwrap();
	let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
	let mut answer = [0; 64];
	socket.send_to(&datagrams(0)[0], address).await.unwrap();
	timeout(LONG, socket.recv(&mut answer)).await.unwrap().unwrap();
	let datagrams = datagrams(u32::from_be_bytes(answer[44..48].try_into().unwrap()));
	for seed in 1..=10_000 {
		let mut random = Random(seed * 0x9e37_79b9);
		let mut changed = datagrams[random.below(datagrams.len())].clone();
		mutate(&mut random, &mut changed);
		let _ = socket.send_to(&changed, address).await;
		if seed % 50 == 0 {
			// So that they are taken, and not lost.
			sleep(Duration::from_millis(1)).await;
		}
	}
	// The publisher continues, without having to connect again.
	let begun = Instant::now();
	let mut bytes = vec![0; 64 * 1024];
	while begun.elapsed() < Duration::from_secs(3) {
		assert_ne!(timeout(LONG, part.bytes.read(&mut bytes)).await.unwrap().unwrap(), 0);
	}
	assert!(publications.try_recv().is_err() && !serving.is_finished());
	assert!(publisher.try_wait().unwrap().is_none());
	publisher.kill().unwrap();
	publisher.wait().unwrap();
}

/// Takes whatever is published.
async fn swallow(mut publications: mpsc::Receiver<Publication>) {
	while let Some(mut publication) = publications.recv().await {
		tokio::spawn(async move {
			while let Some(mut part) = publication.parts.recv().await {
				let mut bytes = Vec::new();
				let _ = part.bytes.read_to_end(&mut bytes).await;
			}
		});
	}
}

/// Sends bytes, and where that `ends` nothing after them; gives what comes back. Who ends before the
/// answer is taken for one that has left.
async fn exchange(address: SocketAddr, bytes: &[u8], ends: bool) -> String {
	let mut stream = TcpStream::connect(address).await.unwrap();
	// The other side may have closed before all of it was sent.
	let _ = stream.write_all(bytes).await;
	if ends {
		let _ = stream.shutdown().await;
	}
	let mut answer = Vec::new();
	let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
	String::from_utf8_lossy(&answer).into_owned()
}

/// A thousand, or as many as `MUTATIONS` says.
#[tokio::test(flavor = "multi_thread")]
async fn push_should_survive_changed_requests() {
	let (gate, publications) = Gate::new(Keys::new([KEY.to_owned()]));
	tokio::spawn(swallow(publications));
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	let service = router(gate).into_make_service_with_connect_info::<Ends>();
	tokio::spawn(async move { axum::serve(listener, service).await });
	let head = format!(
		"PUT /live/demo/7.ts?key={KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: 188\r\nConnection: close\r\n\r\n"
	);
	let request = [head.as_bytes(), &[0x47; 188]].concat();
	let count = std::env::var("MUTATIONS").ok().and_then(|count| count.parse().ok());
	for seed in 1..=count.unwrap_or(1_000u64) {
		let mut random = Random(seed * 0x9e37_79b9);
		let mut changed = request.clone();
		mutate(&mut random, &mut changed);
		exchange(address, &changed, true).await;
	}
	let answer = exchange(address, &request, false).await;
	assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
