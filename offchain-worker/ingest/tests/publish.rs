//! Publishers as they are: ffmpeg over RTMP, SRT and HTTP.
#![allow(clippy::unwrap_used)]

use std::{
	ffi::OsStr,
	net::SocketAddr,
	path::Path,
	process::{Child, Command, Stdio},
	sync::Arc,
	time::Duration,
};

use livepeer_worker_ingest::{
	amf::{self, Value},
	chunk::{self, Message},
	pull, router, serve_rtmp, serve_srt, Ends, Gate, Keys, Publication,
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpStream},
	sync::mpsc,
	time::{sleep, timeout},
};

const KEY: &str = "a-stream-key";
const LONG: Duration = Duration::from_secs(60);

fn gate() -> (Arc<Gate>, mpsc::Receiver<Publication>) {
	Gate::new(Keys::new([KEY.to_owned()]))
}

fn ffmpeg(arguments: &str) -> Child {
	ffmpeg_of("ffmpeg".as_ref(), arguments)
}

fn ffmpeg_of(program: &OsStr, arguments: &str) -> Child {
	Command::new(program)
		.args(["-nostdin", "-loglevel", "error", "-y"])
		.args(arguments.split_whitespace())
		.stdin(Stdio::null())
		.stderr(Stdio::piped())
		.spawn()
		.expect("ffmpeg is installed")
}

const FILM: &str = "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=r=48000:d=4 \
	-pix_fmt yuv420p -c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac";

/// Everything of a publication, part by part.
async fn parts(publications: &mut mpsc::Receiver<Publication>) -> Vec<Vec<u8>> {
	let mut publication = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	let mut parts = Vec::new();
	while let Some(mut part) = timeout(LONG, publication.parts.recv()).await.unwrap() {
		let mut bytes = Vec::new();
		timeout(LONG, part.bytes.read_to_end(&mut bytes)).await.unwrap().unwrap();
		parts.push(bytes);
	}
	parts
}

/// Codec and number of packets of each track, as ffprobe sees them.
fn probed(bytes: &[u8]) -> Vec<String> {
	let dir = tempfile::tempdir().unwrap();
	let path = dir.path().join("part");
	std::fs::write(&path, bytes).unwrap();
	let output = Command::new("ffprobe")
		.args(["-v", "error", "-count_packets", "-of", "csv=p=0"])
		.args(["-show_entries", "stream=codec_name,width,height,nb_read_packets"])
		.arg(&path)
		.output()
		.unwrap();
	let text = String::from_utf8_lossy(&output.stdout).into_owned();
	text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
}

async fn rtmp() -> (SocketAddr, mpsc::Receiver<Publication>) {
	rtmp_at(gate()).await
}

async fn rtmp_at(
	(gate, publications): (Arc<Gate>, mpsc::Receiver<Publication>),
) -> (SocketAddr, mpsc::Receiver<Publication>) {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(serve_rtmp(listener, gate));
	(address, publications)
}

#[tokio::test(flavor = "multi_thread")]
async fn rtmp_publisher_should_arrive_whole() {
	let (address, mut publications) = rtmp().await;
	let mut child = ffmpeg(&format!("{FILM} -f flv rtmp://{address}/live/{KEY}"));
	let parts = parts(&mut publications).await;
	assert!(child.wait().unwrap().success());
	assert_eq!(parts.len(), 1);
	let tracks = probed(&parts[0]);
	assert_eq!(tracks[0], "h264,320,180,100", "{tracks:?}");
	// Sound before the first picture is left out, at most a frame or two.
	let sound: u32 = tracks[1].strip_prefix("aac,").unwrap().parse().unwrap();
	assert!((185..=190).contains(&sound), "{tracks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rtmp_publisher_should_be_refused_when_its_key_is_wrong() {
	let (address, mut publications) = rtmp().await;
	let child = ffmpeg(&format!("{FILM} -f flv rtmp://{address}/live/another"));
	let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
	assert!(!output.status.success());
	let said = String::from_utf8_lossy(&output.stderr).into_owned();
	assert!(said.contains("the stream key is not valid"), "{said}");
	assert!(publications.try_recv().is_err());
}

/// A picture of a film: decoding time and delay in milliseconds, and its units.
struct Picture {
	time: u32,
	delay: i32,
	is_key: bool,
	units: Vec<u8>,
}

/// A film in HEVC with B-frames, as it stands in an MP4: its header and its pictures.
fn hevc() -> (Vec<u8>, Vec<Picture>) {
	let dir = tempfile::tempdir().unwrap();
	let path = dir.path().join("film.mp4");
	let mut child = ffmpeg(&format!(
		"-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libx265 -preset ultrafast -x265-params \
		 log-level=0 -g 50 -tag:v hvc1 {}",
		path.display()
	));
	assert!(child.wait().unwrap().success());
	let film = std::fs::read(&path).unwrap();
	let at = film.windows(4).position(|name| name == b"hvcC").unwrap();
	let size = u32::from_be_bytes(film[at - 4..at].try_into().unwrap()) as usize;
	let header = film[at + 4..at - 4 + size].to_vec();
	let output = Command::new("ffprobe")
		.args(["-v", "error", "-of", "csv=p=0"])
		.args(["-show_entries", "packet=pts_time,dts_time,size,pos,flags"])
		.arg(&path)
		.output()
		.unwrap();
	let listed = String::from_utf8(output.stdout).unwrap();
	let pictures = listed.lines().map(|line| {
		let fields: Vec<&str> = line.split(',').collect();
		let ms = |field: &str| (field.parse::<f64>().unwrap() * 1_000.0).round() as i32;
		let (shown, decoded) = (ms(fields[0]), ms(fields[1]));
		let (size, at): (usize, usize) = (fields[2].parse().unwrap(), fields[3].parse().unwrap());
		Picture {
			// Decoding begins before the first picture is shown.
			time: (decoded + 1_000) as u32,
			delay: shown - decoded,
			is_key: fields[4].starts_with('K'),
			units: film[at..at + size].to_vec(),
		}
	});
	(header, pictures.collect::<Vec<_>>())
}

fn text(text: &str) -> Value {
	Value::Text(text.into())
}

fn command(values: &[Value]) -> Message {
	Message { kind: 20, time: 0, stream: 0, body: amf::write(values) }
}

/// A publisher by hand, up to its media.
async fn asks_to_publish(address: SocketAddr) -> TcpStream {
	let mut stream = TcpStream::connect(address).await.unwrap();
	stream.write_all(&[&[3][..], &[0; 1_536]].concat()).await.unwrap();
	let mut answer = [0; 1 + 2 * 1_536];
	stream.read_exact(&mut answer).await.unwrap();
	stream.write_all(&answer[1..=1_536]).await.unwrap();
	let codecs = Value::List(vec![text("hvc1")]);
	let about = Value::Object(vec![("app".into(), text("live")), ("fourCcList".into(), codecs)]);
	let create = [text("createStream"), Value::Number(2.0), Value::Null];
	let publish = [text("publish"), Value::Number(3.0), Value::Null, text(KEY), text("live")];
	for message in [
		command(&[text("connect"), Value::Number(1.0), about]),
		command(&create),
		command(&publish),
	] {
		stream.write_all(&chunk::write(3, &message, 128)).await.unwrap();
	}
	stream
}

/// A publisher's connection is lost without a word, as on a phone's way into another network, and it comes back
/// by another one.
#[tokio::test(flavor = "multi_thread")]
async fn publisher_that_is_lost_should_not_hold_up_its_return() {
	let (address, mut publications) = rtmp().await;
	let _lost = asks_to_publish(address).await;
	let mut first = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	sleep(Duration::from_millis(3_200)).await;
	let _back = asks_to_publish(address).await;
	let _second = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	let ended = timeout(Duration::from_secs(5), first.parts.recv()).await;
	assert!(ended.unwrap().is_none());
}

/// Enhanced RTMP, by hand: the ffmpeg of Debian 12 writes no FLV with HEVC.
#[tokio::test(flavor = "multi_thread")]
async fn enhanced_rtmp_publisher_should_arrive_whole_with_hevc() {
	let (address, mut publications) = rtmp().await;
	let (header, pictures) = hevc();
	let publishing = tokio::spawn(async move {
		let mut stream = asks_to_publish(address).await;
		let media = |time: u32, body: Vec<u8>| Message { kind: 9, time, stream: 1, body };
		let begin = media(0, [&b"\x90hvc1"[..], &header].concat());
		stream.write_all(&chunk::write(4, &begin, 128)).await.unwrap();
		for Picture { time, delay, is_key, units } in pictures {
			let kind = if is_key { 0x90 } else { 0xa0 };
			// Without a delay it need not be said.
			let body = match delay {
				0 => [&[kind | 3][..], b"hvc1", &units].concat(),
				delay => [&[kind | 1][..], b"hvc1", &delay.to_be_bytes()[1..], &units].concat(),
			};
			stream.write_all(&chunk::write(4, &media(time, body), 128)).await.unwrap();
		}
		let delete = [text("deleteStream"), Value::Number(4.0), Value::Null, Value::Number(1.0)];
		stream.write_all(&chunk::write(3, &command(&delete), 128)).await.unwrap();
		// What it was told, to the end of the connection.
		let mut told = Vec::new();
		let _ = stream.read_to_end(&mut told).await;
		told
	});
	let parts = parts(&mut publications).await;
	assert_eq!(parts.len(), 1);
	assert_eq!(probed(&parts[0]), ["hevc,320,180,100"]);
	let told = timeout(LONG, publishing).await.unwrap().unwrap();
	let has = |words: &[u8]| told.windows(words.len()).any(|part| part == words);
	assert!(has(b"hvc1") && has(b"NetStream.Publish.Start"));
}

/// By an ffmpeg of version 8 or later, where PUBLISHER names one: HEVC, and of pictures and sound two tracks
/// each, as OBS sends them.
#[tokio::test(flavor = "multi_thread")]
async fn first_of_many_tracks_should_arrive_whole() {
	let Some(program) = std::env::var_os("PUBLISHER") else { return };
	let (address, mut publications) = rtmp().await;
	let mut child = ffmpeg_of(
		&program,
		&format!(
			"-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=r=48000:d=4 -map 0 -map 0 -map 1 -map 1 \
			 -pix_fmt yuv420p -c:v libx265 -preset ultrafast -x265-params log-level=none -g 50 -c:a aac \
			 -f flv rtmp://{address}/live/{KEY}"
		),
	);
	let parts = parts(&mut publications).await;
	assert!(child.wait().unwrap().success());
	assert_eq!(parts.len(), 1);
	let tracks = probed(&parts[0]);
	assert_eq!(tracks[0], "hevc,320,180,100", "{tracks:?}");
	assert!(tracks.len() == 2 && tracks[1].starts_with("aac,"), "{tracks:?}");
}

/// By the same: the further tracks of pictures too, where they are wanted, up to as many as are.
#[tokio::test(flavor = "multi_thread")]
async fn further_tracks_should_arrive_whole_where_they_are_wanted() {
	let Some(program) = std::env::var_os("PUBLISHER") else { return };
	let (address, mut publications) =
		rtmp_at(Gate::with_further(Keys::new([KEY.to_owned()]), 1)).await;
	let mut child = ffmpeg_of(
		&program,
		&format!(
			"-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=r=48000:d=4 -filter_complex \
			 [0:v]split=3[a][b][c];[b]scale=160:90[d];[c]scale=80:46[e] -map [a] -map [d] -map [e] -map 1 \
			 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac -f flv \
			 rtmp://{address}/live/{KEY}"
		),
	);
	let parts = parts(&mut publications).await;
	assert!(child.wait().unwrap().success());
	assert_eq!(parts.len(), 1);
	let tracks = probed(&parts[0]);
	assert_eq!(tracks[..2], ["h264,320,180,100", "h264,160,90,100"], "{tracks:?}");
	assert!(tracks.len() == 3 && tracks[2].starts_with("aac,"), "{tracks:?}");
}

/// As many connections as one host may have, and none of them says anything.
#[tokio::test(flavor = "multi_thread")]
async fn attack_publisher_kept_out_by_idle_connections() {
	let (address, mut publications) = rtmp().await;
	let mut idle = Vec::new();
	for _ in 0..40 {
		idle.push(TcpStream::connect(address).await.unwrap());
	}
	let mut child = ffmpeg(&format!("{FILM} -f flv rtmp://{address}/live/{KEY}"));
	assert_eq!(parts(&mut publications).await.len(), 1);
	assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn publisher_should_be_able_to_return_when_it_was_lost() {
	let (address, mut publications) = rtmp().await;
	for size in ["320x180", "640x360"] {
		let film = FILM.replace("320x180", size);
		let mut child = ffmpeg(&format!("-re {film} -f flv rtmp://{address}/live/{KEY}"));
		let mut publication = timeout(LONG, publications.recv()).await.unwrap().unwrap();
		let mut part = timeout(LONG, publication.parts.recv()).await.unwrap().unwrap();
		let mut bytes = vec![0; 20_000];
		timeout(LONG, part.bytes.read_exact(&mut bytes)).await.unwrap().unwrap();
		// As by SIGKILL: nothing is said.
		child.kill().unwrap();
		child.wait().unwrap();
		timeout(LONG, part.bytes.read_to_end(&mut bytes)).await.unwrap().unwrap();
		assert!(timeout(LONG, publication.parts.recv()).await.unwrap().is_none());
		assert!(probed(&bytes)[0].starts_with(&format!("h264,{},", size.replace('x', ","))));
	}
}

async fn srt(passphrase: Option<&str>) -> (SocketAddr, mpsc::Receiver<Publication>) {
	let (gate, publications) = gate();
	// Free a moment ago, which is as sure as it gets.
	let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
	let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
	tokio::spawn(serve_srt(address, passphrase.map(str::to_owned), gate).await.unwrap());
	(address, publications)
}

#[tokio::test(flavor = "multi_thread")]
async fn srt_publisher_should_arrive_whole_and_a_wrong_key_not() {
	let (address, mut publications) = srt(None).await;
	let wrong = ffmpeg(&format!("{FILM} -f mpegts srt://{address}?streamid=another"));
	let output = tokio::task::spawn_blocking(|| wrong.wait_with_output()).await.unwrap().unwrap();
	assert!(!output.status.success());
	assert!(publications.try_recv().is_err());
	let film = format!("-re {FILM}");
	let mut child = ffmpeg(&format!("{film} -f mpegts srt://{address}?streamid={KEY}"));
	let parts = parts(&mut publications).await;
	child.wait().unwrap();
	assert_eq!(parts.len(), 1);
	let tracks = probed(&parts[0]);
	let pictures: u32 = tracks[0].strip_prefix("h264,320,180,").unwrap().parse().unwrap();
	// The last packets may be on their way when ffmpeg closes.
	assert!((90..=100).contains(&pictures), "{tracks:?}");
}

/// With a key of unstated length, and with the longest.
#[tokio::test(flavor = "multi_thread")]
async fn srt_publisher_that_encrypts_should_arrive_whole() {
	for length in ["", "&pbkeylen=32"] {
		let (address, mut publications) = srt(Some("0123456789ab")).await;
		let to = format!("srt://{address}?streamid={KEY}{length}");
		let open = ffmpeg(&format!("{FILM} -f mpegts {to}"));
		let output = tokio::task::spawn_blocking(|| open.wait_with_output()).await.unwrap();
		assert!(!output.unwrap().status.success());
		assert!(publications.try_recv().is_err());
		let mut child = ffmpeg(&format!("-re {FILM} -f mpegts {to}&passphrase=0123456789ab"));
		let parts = parts(&mut publications).await;
		child.wait().unwrap();
		let pictures = probed(&parts[0])[0].strip_prefix("h264,320,180,").map(str::parse::<u32>);
		assert!(matches!(pictures, Some(Ok(90..=100))), "{pictures:?}");
	}
}

async fn push_server() -> (SocketAddr, mpsc::Receiver<Publication>) {
	let (gate, publications) = gate();
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	let service = router(gate).into_make_service_with_connect_info::<Ends>();
	tokio::spawn(async move { axum::serve(listener, service).await });
	(address, publications)
}

fn made(dir: &Path, name: &str) -> Vec<u8> {
	let path = dir.join(name);
	let mut child = ffmpeg(&format!("{FILM} -f mpegts {}", path.display()));
	assert!(child.wait().unwrap().success());
	std::fs::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_segments_should_be_joined_and_a_gap_be_a_break() {
	let (address, mut publications) = push_server().await;
	let client = reqwest::Client::new();
	let url = |seq: &str| format!("http://{address}/live/demo/{seq}.ts");
	let put = async |seq: &str, key: &str, body: &[u8]| {
		let request = client.put(url(seq)).bearer_auth(key).body(body.to_vec());
		request.send().await.unwrap().status().as_u16()
	};
	assert_eq!(put("0", "another", b"x").await, 403);
	assert_eq!(put("x", KEY, b"x").await, 400);
	let dir = tempfile::tempdir().unwrap();
	let film = made(dir.path(), "film.ts");
	assert_eq!(put("7", KEY, &film).await, 200);
	let mut publication = publications.recv().await.unwrap();
	assert_eq!(put("8", KEY, &film).await, 200);
	assert_eq!(put("8", KEY, &film).await, 200, "sent again");
	assert_eq!(put("10", KEY, &film).await, 200);
	let mut first = publication.parts.recv().await.unwrap();
	let mut bytes = Vec::new();
	first.bytes.read_to_end(&mut bytes).await.unwrap();
	assert_eq!(bytes.len(), 2 * film.len());
	assert!(publication.parts.recv().await.is_some());
	let playlist = async |key: &str, end: &str| {
		let url = format!("http://{address}/live/demo/index.m3u8");
		let request = client.put(url).bearer_auth(key).body(format!("#EXTM3U\n{end}"));
		request.send().await.unwrap().status().as_u16()
	};
	let end = "#EXT-X-ENDLIST\r\n";
	assert_eq!(playlist("another", end).await, 403);
	assert_eq!(playlist(KEY, "").await, 200);
	let soon = Duration::from_secs(2);
	assert!(timeout(soon, publication.parts.recv()).await.is_err(), "it goes on");
	assert_eq!(playlist(KEY, end).await, 200);
	// Long before a pause would end it.
	let over = timeout(Duration::from_secs(10), publication.parts.recv()).await.unwrap();
	assert!(over.is_none(), "it is over");
	let large = vec![0; 33 * 1024 * 1024];
	let refused = client.put(url("11")).bearer_auth(KEY).body(large).send().await;
	assert!(refused.is_err() || refused.unwrap().status() == 413);
}

/// A segment of four bytes by hand, up to these of them.
async fn push_begins(address: SocketAddr, seq: u8, body: &[u8]) -> TcpStream {
	let mut connection = TcpStream::connect(address).await.unwrap();
	let head = format!(
		"PUT /live/demo/{seq}.ts HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
		 content-length: 4\r\n\r\n"
	);
	connection.write_all(head.as_bytes()).await.unwrap();
	connection.write_all(body).await.unwrap();
	connection
}

/// Segments of a second, or less, overtake each other over a slow link: the fifth used to be refused.
#[tokio::test(flavor = "multi_thread")]
async fn pushed_segment_should_wait_for_its_place_while_others_come() {
	let (address, mut publications) = push_server().await;
	let mut slow = Vec::new();
	for seq in 1..=4 {
		slow.push(push_begins(address, seq, &[b'0' + seq; 3]).await);
	}
	sleep(Duration::from_millis(500)).await;
	let _fifth = push_begins(address, 5, b"last").await;
	sleep(Duration::from_millis(500)).await;
	for connection in slow.iter_mut().rev() {
		connection.write_all(b" ").await.unwrap();
	}
	let mut publication = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	let mut part = timeout(LONG, publication.parts.recv()).await.unwrap().unwrap();
	let mut bytes = [0; 20];
	timeout(LONG, part.bytes.read_exact(&mut bytes)).await.unwrap().unwrap();
	assert_eq!(&bytes, b"111 222 333 444 last");
}

/// A muxer closes each connection as soon as it has sent its segment: one that waited for the segment before it used to
/// be lost then.
#[tokio::test(flavor = "multi_thread")]
async fn pushed_segment_should_be_taken_when_its_connection_is_closed_while_it_waits() {
	let (address, mut publications) = push_server().await;
	let _first = push_begins(address, 1, b"one ").await;
	let mut publication = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	let mut part = timeout(LONG, publication.parts.recv()).await.unwrap().unwrap();
	let mut bytes = [0; 12];
	timeout(LONG, part.bytes.read_exact(&mut bytes[..4])).await.unwrap().unwrap();
	let mut second = push_begins(address, 2, b"two").await;
	sleep(Duration::from_millis(500)).await;
	drop(push_begins(address, 3, b"last").await);
	sleep(Duration::from_secs(1)).await;
	second.write_all(b" ").await.unwrap();
	timeout(LONG, part.bytes.read_exact(&mut bytes[4..])).await.unwrap().unwrap();
	assert_eq!(&bytes, b"one two last");
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_should_be_fetched_to_its_end() {
	let dir = tempfile::tempdir().unwrap();
	let playlist = dir.path().join("index.m3u8");
	let mut child =
		ffmpeg(&format!("{FILM} -f hls -hls_time 2 -hls_playlist_type vod {}", playlist.display()));
	assert!(child.wait().unwrap().success());
	let root = dir.path().to_owned();
	let serve = move |axum::extract::Path(name): axum::extract::Path<String>| {
		let root = root.clone();
		async move { std::fs::read(root.join(name)).map_err(|_| axum::http::StatusCode::NOT_FOUND) }
	};
	let routes = axum::Router::new().route("/{name}", axum::routing::get(serve));
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move { axum::serve(listener, routes).await });
	let (gate, mut publications) = gate();
	let pulling = tokio::spawn(async move {
		pull(&gate, &format!("http://{address}/index.m3u8"), KEY, &mut None).await
	});
	let parts = parts(&mut publications).await;
	pulling.await.unwrap().unwrap();
	assert_eq!(parts.len(), 1);
	assert_eq!(probed(&parts[0])[0], "h264,320,180,100");
}

/// Waits until a port is taken, without connecting: some programs serve only one client.
async fn taken(table: &str, port: u16) {
	let local = format!(":{port:04X}");
	for _ in 0..400 {
		let sockets = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap();
		let mut places = sockets.lines().filter_map(|line| line.split_whitespace().nth(1));
		if places.any(|place| place.ends_with(&local)) {
			return;
		}
		sleep(Duration::from_millis(50)).await;
	}
	panic!("nobody took port {port}");
}

/// A server that is restarted closes the connection without a word.
#[tokio::test(flavor = "multi_thread")]
async fn rtmp_source_that_breaks_off_should_not_count_as_ended() {
	for host in ["127.0.0.1", "[::1]"] {
		// Not every machine has IPv6.
		let Ok(listener) = TcpListener::bind(format!("{host}:0")).await else { continue };
		let url = format!("rtmp://{host}:{}/live/name", listener.local_addr().unwrap().port());
		let serving = tokio::spawn(async move {
			let (mut stream, _) = listener.accept().await.unwrap();
			stream.read_exact(&mut [0; 1 + 1_536]).await.unwrap();
			stream.write_all(&[&[3][..], &[0; 2 * 1_536]].concat()).await.unwrap();
			stream.shutdown().await.unwrap();
			let _ = stream.read_to_end(&mut Vec::new()).await;
		});
		let (gate, mut publications) = gate();
		let pulling = tokio::spawn(async move { pull(&gate, &url, KEY, &mut None).await });
		assert!(parts(&mut publications).await.is_empty());
		assert!(timeout(LONG, pulling).await.unwrap().unwrap().is_err(), "{host}");
		timeout(LONG, serving).await.unwrap().unwrap();
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn rtmp_and_srt_should_be_fetched_from_their_urls() {
	for scheme in ["rtmp", "srt"] {
		// Free a moment ago, which is as sure as it gets.
		let port = if scheme == "rtmp" {
			TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
		} else {
			std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
		};
		let (table, url, serve) = if scheme == "rtmp" {
			let url = format!("rtmp://127.0.0.1:{port}/live/name");
			("tcp", url.clone(), format!("-f flv -listen 1 {url}"))
		} else {
			let url = format!("srt://127.0.0.1:{port}");
			("udp", url.clone(), format!("-f mpegts {url}?mode=listener"))
		};
		let mut child = ffmpeg(&format!("-re {FILM} {serve}"));
		taken(table, port).await;
		let (gate, mut publications) = gate();
		let pulling = tokio::spawn(async move { pull(&gate, &url, KEY, &mut None).await });
		let parts = parts(&mut publications).await;
		// Neither says that this is the end.
		let ended = timeout(LONG, pulling).await.unwrap().unwrap();
		assert!(ended.is_err(), "{scheme}");
		child.wait().unwrap();
		assert_eq!(parts.len(), 1, "{scheme}");
		let tracks = probed(&parts[0]);
		let pictures: u32 = tracks[0].strip_prefix("h264,320,180,").unwrap().parse().unwrap();
		// The last packets may be on their way when ffmpeg closes.
		assert!((90..=100).contains(&pictures), "{scheme}: {tracks:?}");
		assert!(tracks[1].starts_with("aac,"), "{scheme}: {tracks:?}");
	}
}
