//! Bad input gives one clear line and a failing exit code.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
	net::{TcpListener, UdpSocket},
	path::Path,
	process::{Command, Output},
	time::{Duration, Instant},
};

use common::film;

/// A port at which nothing listens.
fn free_port() -> u16 {
	TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn worker(arguments: &[&str]) -> Output {
	Command::new(env!("CARGO_BIN_EXE_livepeer-worker"))
		.args(arguments)
		.env_remove("LIVEPEER_SURI")
		.env("RUST_LOG", "off")
		.output()
		.unwrap()
}

/// Runs the worker and returns its one line of complaint.
fn complaint(arguments: &[&str]) -> String {
	let output = worker(arguments);
	assert!(!output.status.success(), "{arguments:?} succeeded");
	let text = String::from_utf8(output.stderr).unwrap();
	assert_eq!(text.trim().lines().count(), 1, "{arguments:?}: {text}");
	assert!(text.starts_with("livepeer-worker: "), "{text}");
	text
}

fn text(path: &Path) -> &str {
	path.to_str().unwrap()
}

#[test]
fn node_should_be_named_when_it_is_not_reachable() {
	let dir = tempfile::tempdir().unwrap();
	let url = format!("ws://127.0.0.1:{}", free_port());
	let file = dir.path().join("film.mp4");
	film(&file, 2);
	let data = |name: &str| dir.path().join(name);
	let said =
		|line: &str| assert!(line.contains(&format!("node not reachable at {url}")), "{line}");
	// Each waits half a minute for a node that does not come.
	std::thread::scope(|scope| {
		scope.spawn(|| {
			let film = ["broadcast", text(&file), "--name", "x", "--suri", "//Alice"];
			let data = data("broadcast");
			said(&complaint(&[&film[..], &["--node", &url, "--data-dir", text(&data)]].concat()));
		});
		scope.spawn(|| {
			let (http, data) = ("127.0.0.1:0", data("gateway"));
			let gateway = ["gateway", "--http", http, "--node", &url, "--data-dir", text(&data)];
			said(&complaint(&gateway));
		});
	});
}

/// A machine that starts up has its worker before its node answers.
#[test]
fn role_should_wait_in_words_when_its_node_starts_after_it() {
	let dir = tempfile::tempdir().unwrap();
	let port = free_port();
	let (url, events) = (format!("ws://127.0.0.1:{port}"), dir.path().join("events.jsonl"));
	let mut gateway = Command::new(env!("CARGO_BIN_EXE_livepeer-worker"))
		.args(["gateway", "--http", "127.0.0.1:0", "--node", &url, "--events", text(&events)])
		.args(["--data-dir", text(&dir.path().join("data"))])
		.spawn()
		.unwrap();
	let told = || std::fs::read_to_string(&events).unwrap_or_default();
	let end = Instant::now() + Duration::from_secs(60);
	while !told().contains("it is waited for") {
		assert!(Instant::now() < end && gateway.try_wait().unwrap().is_none(), "{}", told());
		std::thread::sleep(Duration::from_millis(50));
	}
	let node = TcpListener::bind(("127.0.0.1", port)).unwrap();
	node.set_nonblocking(true).unwrap();
	while node.accept().is_err() {
		assert!(Instant::now() < end && gateway.try_wait().unwrap().is_none(), "it asks no more");
		std::thread::sleep(Duration::from_millis(50));
	}
	gateway.kill().unwrap();
	gateway.wait().unwrap();
}

#[test]
fn file_should_be_named_when_it_is_no_video_or_missing() {
	let dir = tempfile::tempdir().unwrap();
	let data = dir.path().join("data");
	let file = dir.path().join("notes.txt");
	std::fs::write(&file, "not a film".repeat(1_000)).unwrap();
	let common = ["--name", "x", "--suri", "//Alice", "--data-dir", text(&data)];
	let line = complaint(&[&["broadcast", text(&file)], &common[..]].concat());
	assert!(line.contains("not a video file"), "{line}");
	let missing = dir.path().join("missing.mp4");
	let line = complaint(&[&["broadcast", text(&missing)], &common[..]].concat());
	assert!(line.contains("missing.mp4") && line.contains("No such file"), "{line}");
}

/// Bad streams are found before the node is asked for anything: there is no node here, and the errors do not
/// mention that. So no job is opened, and no money reserved.
#[test]
fn film_should_be_refused_before_any_money_is_held() {
	let dir = tempfile::tempdir().unwrap();
	let at = |name: &str| dir.path().join(name);
	film(&at("film.mp4"), 4);
	let whole = std::fs::read(at("film.mp4")).unwrap();
	std::fs::write(at("empty.mp4"), "").unwrap();
	std::fs::write(at("text.mp4"), "hello world, I am no video").unwrap();
	std::fs::write(at("cut-off.mp4"), &whole[..whole.len() / 2]).unwrap();
	let made = |name: &str, arguments: &str| {
		let status = Command::new("ffmpeg")
			.args(["-nostdin", "-loglevel", "error", "-y"])
			.args(arguments.split(' '))
			.arg(at(name))
			.status();
		assert!(status.unwrap().success(), "{name}");
	};
	made("sound.m4a", "-f lavfi -i sine=d=4 -c:a aac");
	made("mpeg4.avi", "-f lavfi -i testsrc2=s=160x90:r=25:d=4 -c:v mpeg4");
	let url = format!("ws://127.0.0.1:{}", free_port());
	let data = dir.path().join("data");
	let common = ["--name", "x", "--suri", "//Alice", "--node", &url, "--data-dir", text(&data)];
	let refused = |name: &str, more: &[&str], words: &str| {
		let file = at(name);
		let line = complaint(&[&["broadcast", text(&file)], &common[..], more].concat());
		assert!(line.contains(words) && !line.contains("node not reachable"), "{name}: {line}");
	};
	for name in ["empty.mp4", "text.mp4", "cut-off.mp4"] {
		refused(name, &[], "not a video file");
	}
	refused("sound.m4a", &[], "no video track");
	refused("mpeg4.avi", &["--no-normalise"], "the video is mpeg4");
	refused("film.mp4", &["--own-rungs"], "--own-rungs takes what a publisher sends");
}

/// Arguments are checked before a node, a publisher or a film.
#[test]
fn stream_should_be_refused_before_anything_is_waited_for() {
	let dir = tempfile::tempdir().unwrap();
	let data = dir.path().join("data");
	let missing = dir.path().join("missing.mp4");
	let common = ["broadcast", text(&missing), "--suri", "//Alice", "--data-dir", text(&data)];
	for (more, words) in [
		(["--name", "a b", "--keep", "1"], "a stream's name has"),
		(["--name", "x", "--rendition", "641x360@800k"], "sides of renditions are even"),
		(["--name", "x", "--ask", "/ip4/192.0.2.1/tcp/4100"], "/p2p/PEER"),
	] {
		let line = complaint(&[&common[..], &more[..]].concat());
		assert!(line.contains(words), "{more:?}: {line}");
	}
}

#[test]
fn source_should_be_asked_for_when_there_is_none_or_two() {
	let dir = tempfile::tempdir().unwrap();
	let data = dir.path().join("data");
	let common = ["--name", "x", "--suri", "//Alice", "--data-dir", text(&data)];
	let line = complaint(&[&["broadcast"], &common[..]].concat());
	assert!(line.contains("give a source"), "{line}");
	let file = dir.path().join("film.mp4");
	film(&file, 2);
	let both = ["broadcast", text(&file), "--rtmp", "127.0.0.1:0"];
	let line = complaint(&[&both, &common[..]].concat());
	assert!(line.contains("not both"), "{line}");
	let key = dir.path().join("key");
	livepeer_worker::secrets::write(&key, "short").unwrap();
	let keyed = ["broadcast", "--rtmp", "127.0.0.1:0", "--stream-key-file", text(&key)];
	let line = complaint(&[&keyed, &common[..]].concat());
	assert!(line.contains("less than 8 characters"), "{line}");
	// Neither a stream key nor a passphrase is one that others on this machine can read.
	let open = dir.path().join("open");
	std::fs::write(&open, "a key of some length").unwrap();
	std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
	let of_stream = ["--rtmp", "127.0.0.1:0", "--stream-key-file", text(&open)];
	let of_srt = ["--srt", "127.0.0.1:0", "--srt-passphrase-file", text(&open)];
	for given in [of_stream, of_srt] {
		let line = complaint(&[&["broadcast"], &given[..], &common[..]].concat());
		assert!(line.contains("chmod 600"), "{line}");
	}
}

#[test]
fn port_should_be_named_when_it_is_taken() {
	let dir = tempfile::tempdir().unwrap();
	let taken = TcpListener::bind("127.0.0.1:0").unwrap();
	let address = taken.local_addr().unwrap().to_string();
	let data = dir.path().join("data");
	let line = complaint(&["gateway", "--http", &address, "--data-dir", text(&data)]);
	assert!(line.contains(&address) && line.contains("Address already in use"), "{line}");
	let token = dir.path().join("token");
	livepeer_worker::secrets::write(&token, "secret").unwrap();
	let line = complaint(&[
		"verify",
		"--listen",
		&address,
		"--token-file",
		text(&token),
		"--data-dir",
		text(&data),
	]);
	assert!(line.contains(&address) && line.contains("Address already in use"), "{line}");
	// That of SRT as well, and a passphrase that cannot be, before a job is opened.
	let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
	let address = taken.local_addr().unwrap().to_string();
	let common = ["--name", "x", "--suri", "//Alice", "--data-dir", text(&data)];
	let srt = ["broadcast", "--srt", &address, "--limits", "640x360@30"];
	let line = complaint(&[&srt[..], &common].concat());
	assert!(line.contains(&address) && line.contains("Address already in use"), "{line}");
	drop(taken);
	let short = dir.path().join("passphrase");
	livepeer_worker::secrets::write(&short, "too short").unwrap();
	let line = complaint(&[&srt[..], &common, &["--srt-passphrase-file", text(&short)]].concat());
	assert!(line.contains("10 to 79 characters"), "{line}");
}

#[test]
fn token_file_should_be_named_when_it_is_missing_or_empty() {
	let dir = tempfile::tempdir().unwrap();
	let data = dir.path().join("data");
	let token = dir.path().join("token");
	let arguments = ["verify", "--token-file", text(&token), "--data-dir", text(&data)];
	let line = complaint(&arguments);
	assert!(line.contains(text(&token)) && line.contains("No such file"), "{line}");
	std::fs::write(&token, "secret").unwrap();
	assert!(complaint(&arguments).contains("chmod 600"), "others can read it");
	std::fs::remove_file(&token).unwrap();
	livepeer_worker::secrets::write(&token, "").unwrap();
	assert!(complaint(&arguments).contains("is empty"));
}

#[test]
fn folder_should_be_named_when_it_cannot_be_used() {
	let dir = tempfile::tempdir().unwrap();
	let file = dir.path().join("file");
	std::fs::write(&file, "x").unwrap();
	let line = complaint(&["gateway", "--http", "127.0.0.1:0", "--data-dir", text(&file)]);
	assert!(line.contains(text(&file)), "{line}");
	let events = dir.path().join("none/events");
	let data = dir.path().join("data");
	let line = complaint(&[
		"gateway",
		"--http",
		"127.0.0.1:0",
		"--data-dir",
		text(&data),
		"--events",
		text(&events),
	]);
	assert!(line.contains(text(&events)), "{line}");
}

#[test]
fn secret_should_be_refused_when_it_is_none() {
	let dir = tempfile::tempdir().unwrap();
	let data = dir.path().join("data");
	let line = complaint(&["transcode", "--suri", "no secret", "--data-dir", text(&data)]);
	assert!(line.contains("not an sr25519 secret") && !line.contains("no secret"), "{line}");
	let key = dir.path().join("key");
	let arguments = ["transcode", "--key-file", text(&key), "--data-dir", text(&data)];
	assert!(complaint(&arguments).contains(text(&key)));
}

#[test]
fn disk_should_be_called_full_when_it_is() {
	let dir = tempfile::tempdir().unwrap();
	let mounted = Command::new("mount")
		.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
		.arg(dir.path())
		.status()
		.is_ok_and(|status| status.success());
	if !mounted {
		eprintln!("skipped: a small disk cannot be mounted here");
		return;
	}
	std::fs::create_dir(dir.path().join("data")).unwrap();
	let filled = std::fs::write(dir.path().join("ballast"), vec![0; 1 << 20]);
	assert!(filled.is_err(), "the disk is full");
	let data = dir.path().join("data");
	let output = worker(&["gateway", "--http", "127.0.0.1:0", "--data-dir", text(&data)]);
	let _ = Command::new("umount").arg(dir.path()).status();
	assert!(!output.status.success());
	let text = String::from_utf8(output.stderr).unwrap();
	assert!(text.contains("disk full at"), "{text}");
}

#[test]
fn key_of_variants_should_be_refused_for_segments() {
	let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	let keys = ["--operator", alice, "--vrf", alice, "--suri", "//Alice"];
	let line = complaint(&[&["keys", "announce", "--purpose", "segments"], &keys[..]].concat());
	assert!(line.contains("--vrf goes with --purpose duties"), "{line}");
}

#[test]
fn keys_should_be_made_once_and_read_again() {
	let dir = tempfile::tempdir().unwrap();
	let key = dir.path().join("key");
	let made = worker(&["keys", "new", text(&key)]);
	assert!(made.status.success());
	let shown = worker(&["keys", "inspect", text(&key)]);
	assert_eq!(made.stdout, shown.stdout);
	assert!(complaint(&["keys", "new", text(&key)]).contains("File exists"));
}
