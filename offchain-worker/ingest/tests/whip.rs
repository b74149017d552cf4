//! Publishers by WebRTC: a browser, and ffmpeg.
#![allow(clippy::unwrap_used)]

use std::{
	net::SocketAddr,
	process::{Child, Command, Stdio},
	sync::Arc,
	time::Duration,
};

use axum::{response::Html, routing::get, Router};
use livepeer_worker_ingest::{whip_router, Ends, Gate, Keys, Publication};
use str0m::{
	media::{Direction, MediaKind},
	RtcConfig,
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{TcpListener, TcpStream},
	sync::mpsc,
	time::{sleep, timeout},
};

const KEY: &str = "a-stream-key";
const LONG: Duration = Duration::from_secs(90);

async fn whip() -> (SocketAddr, mpsc::Receiver<Publication>) {
	whip_at(TcpListener::bind("127.0.0.1:0").await.unwrap()).await
}

async fn whip_at(listener: TcpListener) -> (SocketAddr, mpsc::Receiver<Publication>) {
	let (gate, publications): (Arc<Gate>, _) = Gate::new(Keys::new([KEY.to_owned()]));
	let address = listener.local_addr().unwrap();
	let routes = whip_router(address, None, gate);
	let service = routes.into_make_service_with_connect_info::<Ends>();
	tokio::spawn(async move { axum::serve(listener, service).await });
	(address, publications)
}

/// A page that publishes a moving colour and a tone for six seconds, its pictures in these layers.
fn page(to: SocketAddr, layers: &str) -> String {
	format!(
		r#"<!doctype html><canvas width=320 height=180></canvas><script type=module>
		const canvas = document.querySelector("canvas"), draw = canvas.getContext("2d");
		setInterval(() => {{
			draw.fillStyle = `hsl(${{(Date.now() / 20) % 360}} 80% 50%)`;
			draw.fillRect(0, 0, 320, 180);
		}}, 40);
		const sound = new AudioContext(), tone = sound.createOscillator();
		const out = sound.createMediaStreamDestination();
		tone.connect(out);
		tone.start();
		const peer = new RTCPeerConnection();
		for (const track of [...canvas.captureStream(25).getTracks(), ...out.stream.getTracks()])
			peer.addTransceiver(track, {{
				direction: "sendonly",
				...(track.kind === "video" ? {{ sendEncodings: [{layers}] }} : {{}}),
			}});
		await peer.setLocalDescription();
		await new Promise((done) => {{
			const look = () => peer.iceGatheringState === "complete" && done();
			peer.onicegatheringstatechange = look;
			look();
			setTimeout(done, 2000);
		}});
		const url = "http://{to}/whip/demo";
		const headers = {{ "Content-Type": "application/sdp", Authorization: "Bearer {KEY}" }};
		const body = peer.localDescription.sdp;
		const answer = await fetch(url, {{ method: "POST", headers, body }});
		await peer.setRemoteDescription({{ type: "answer", sdp: await answer.text() }});
		const session = new URL(answer.headers.get("Location"), url);
		setTimeout(() => fetch(session, {{ method: "DELETE" }}), 6000);
		</script>"#
	)
}

struct Browser {
	child: Child,
	_profile: tempfile::TempDir,
}

impl Drop for Browser {
	fn drop(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}

fn browser(url: &str) -> Browser {
	let profile = tempfile::tempdir().unwrap();
	let child = Command::new(std::env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".into()))
		.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
		.args(["--autoplay-policy=no-user-gesture-required", "--disable-background-networking"])
		.arg(format!("--user-data-dir={}", profile.path().display()))
		.args(["--remote-debugging-port=0", url])
		.stdin(Stdio::null())
		.stdout(Stdio::null())
		.stderr(Stdio::null())
		.spawn()
		.expect("Chromium is installed");
	Browser { child, _profile: profile }
}

/// The tracks of each part of what a browser publishes, its pictures in these layers.
async fn browsed(layers: &'static str) -> Vec<Vec<String>> {
	let (address, mut publications) = whip().await;
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let url = format!("http://{}/", listener.local_addr().unwrap());
	let pages = Router::new().route("/", get(move || async move { Html(page(address, layers)) }));
	tokio::spawn(async move { axum::serve(listener, pages).await });
	let browser = browser(&url);
	let tracks = published(&mut publications).await;
	drop(browser);
	tracks
}

fn is_picture(track: &str) -> bool {
	["h264", "vp8", "vp9"].iter().any(|name| track.starts_with(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_should_publish_pictures_and_sound() {
	let tracks = browsed("{}").await;
	let whole = tracks.iter().any(|tracks| {
		tracks.iter().any(|track| is_picture(track))
			&& tracks.iter().any(|track| track.starts_with("opus"))
	});
	assert!(whole, "{tracks:?}");
}

/// An offer of pictures in several sizes is answered like one of the first size.
#[tokio::test(flavor = "multi_thread")]
async fn browser_that_offers_layers_should_publish_the_first() {
	let layers = r#"{ rid: "f" }, { rid: "h", scaleResolutionDownBy: 2 }"#;
	let tracks = browsed(layers).await;
	let pictures = |tracks: &Vec<String>| tracks.iter().filter(|track| is_picture(track)).count();
	assert!(tracks.iter().any(|tracks| pictures(tracks) == 1), "{tracks:?}");
	assert!(tracks.iter().all(|tracks| pictures(tracks) <= 1), "{tracks:?}");
}

/// With ffmpeg 8 or later, if PUBLISHER names one: Debian 12's does not support it.
#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_should_publish_pictures_and_sound() {
	let Some(program) = std::env::var_os("PUBLISHER") else { return };
	let (address, mut publications) = whip().await;
	let film = "-re -f lavfi -i testsrc2=s=320x180:r=25:d=6 -f lavfi -i sine=r=48000:d=6 -pix_fmt yuv420p \
		-c:v libx264 -profile:v baseline -preset ultrafast -tune zerolatency -g 50 -c:a libopus -ac 2";
	let mut child = Command::new(program)
		.args(["-nostdin", "-loglevel", "error"])
		.args(film.split_whitespace())
		.args(["-f", "whip", "-authorization", KEY])
		.arg(format!("http://{address}/whip/demo"))
		.stdin(Stdio::null())
		.spawn()
		.unwrap();
	let tracks = published(&mut publications).await;
	child.wait().unwrap();
	let whole = tracks.iter().any(|tracks| {
		tracks.iter().any(|track| track.starts_with("h264,320,180,"))
			&& tracks.iter().any(|track| track.starts_with("opus"))
	});
	assert!(whole, "{tracks:?}");
}

/// The tracks of each part of a publication.
async fn published(publications: &mut mpsc::Receiver<Publication>) -> Vec<Vec<String>> {
	let mut publication = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	assert_eq!(publication.protocol, "whip");
	let mut tracks = Vec::new();
	while let Some(mut part) = timeout(LONG, publication.parts.recv()).await.unwrap() {
		let mut bytes = Vec::new();
		timeout(LONG, part.bytes.read_to_end(&mut bytes)).await.unwrap().unwrap();
		tracks.push(probed(&bytes));
	}
	tracks
}

/// Codec, size and number of packets of each track, as ffprobe sees them.
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
	String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

async fn request(address: SocketAddr, request: &str) -> String {
	let mut stream = TcpStream::connect(address).await.unwrap();
	stream.write_all(request.as_bytes()).await.unwrap();
	let mut answer = String::new();
	timeout(LONG, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
	answer
}

/// Strangers announce offers that never come: they are refused by their key, and nobody waits for them.
#[tokio::test]
async fn attack_publisher_kept_out_by_offers_that_never_come() {
	let (address, _publications) = whip().await;
	for (key, status) in [("", "401"), ("Authorization: Bearer another\r\n", "403")] {
		let sent = format!(
			"POST /whip/demo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n{key}\r\n"
		);
		let answer = request(address, &sent).await;
		assert!(answer.contains(status), "{status}: {answer}");
	}
}

/// A request with an offer of pictures.
fn offer() -> String {
	let mut client = RtcConfig::new().build(std::time::Instant::now());
	let mut offering = client.sdp_api();
	offering.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
	let offer = offering.apply().unwrap().0.to_sdp_string();
	format!(
		"POST /whip/demo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
		 Authorization: Bearer {KEY}\r\n\r\n{offer}",
		offer.len()
	)
}

/// Who listens for both kinds of addresses is asked by IPv4 under one of IPv6 that no publisher can send to.
#[tokio::test]
async fn publisher_should_be_told_the_address_that_it_asked_at() {
	// Not every machine has IPv6.
	let Ok(listener) = TcpListener::bind("[::]:0").await else { return };
	let (address, _publications) = whip_at(listener).await;
	let at = SocketAddr::from(([127, 0, 0, 1], address.port()));
	let answer = request(at, &offer()).await;
	assert!(answer.contains(&format!(" 127.0.0.1 {} typ host", at.port())), "{answer}");
}

/// A phone sends its pictures as they lie on its sensor, with a note of how to turn them, to whoever takes such
/// notes: held upright, its pictures used to be shown lying.
#[tokio::test]
async fn publisher_should_be_let_turn_its_pictures_itself() {
	const NOTE: &str = "urn:3gpp:video-orientation";
	let (address, _publications) = whip().await;
	let sent = offer();
	assert!(sent.contains(NOTE), "{sent}");
	let answer = request(address, &sent).await;
	assert!(answer.contains("201") && answer.contains("rtp-hdrext:sdes:mid"), "{answer}");
	assert!(!answer.contains(NOTE), "{answer}");
}

/// A page that is loaded again says nothing of what it published before. A firewall lets one port through, which
/// it is told again.
#[tokio::test]
async fn publisher_that_returns_should_be_told_the_same_port() {
	let (address, mut publications) = whip().await;
	let sent = offer();
	let is_told = format!(" {} typ host", address.port());
	let answer = request(address, &sent).await;
	assert!(answer.contains("201") && answer.contains(&is_told), "{answer}");
	let mut first = timeout(LONG, publications.recv()).await.unwrap().unwrap();
	sleep(Duration::from_millis(3_200)).await;
	let answer = request(address, &sent).await;
	assert!(answer.contains("201") && answer.contains(&is_told), "{answer}");
	assert!(timeout(LONG, first.parts.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_should_publish_by_whip_without_the_key_or_an_offer() {
	let (address, _publications) = whip().await;
	let post = |more: &str, body: &str| {
		format!(
			"POST /whip/demo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n{body}",
			body.len()
		)
	};
	let key = format!("Authorization: Bearer {KEY}\r\n");
	for (sent, status) in [
		(post("", "v=0"), "401"),
		(post("Authorization: Bearer another\r\n", "v=0"), "403"),
		(post(&key, "this is no offer"), "400"),
		(post(&key, &"x".repeat(100_000)), "413"),
		("DELETE /whip/demo/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "404"),
		("PATCH /whip/demo/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "405"),
		("OPTIONS /whip/demo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "204"),
	] {
		let answer = request(address, &sent).await;
		assert!(answer.contains(status), "{status} for {sent:.80}: {answer}");
		assert!(answer.to_ascii_lowercase().contains("access-control-allow-origin: *"), "{answer}");
	}
}
