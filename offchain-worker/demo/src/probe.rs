//! Observes from outside: commands beside the story, requests, playback, and the workers' events.

use std::{
	collections::{BTreeMap, BTreeSet},
	fs,
	path::Path,
	process::{Child, Command, Stdio},
};

use anyhow::{ensure, Context, Result};
use serde_json::Value as Json;
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpStream,
};

use crate::{
	network::{self, Network},
	report::Report,
	words::list,
};

/// Requests a page and fails unless it comes.
pub async fn request(url: &str) -> Result<()> {
	get(url).await.map(drop)
}

/// Requests a URL and fails unless it comes.
pub async fn get(url: &str) -> Result<Vec<u8>> {
	let (host, path) = url
		.strip_prefix("http://")
		.and_then(|rest| rest.split_once('/'))
		.context("a URL without a path")?;
	let mut stream = TcpStream::connect(host).await?;
	let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
	stream.write_all(request.as_bytes()).await?;
	let mut answer = Vec::new();
	stream.read_to_end(&mut answer).await?;
	let head = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no answer")?;
	let first = String::from_utf8_lossy(&answer[..head]);
	ensure!(first.contains(" 200 "), "{}", first.lines().next().unwrap_or("no answer"));
	Ok(answer.split_off(head + 4))
}

/// A command that runs beside the story and is checked at its end.
pub struct Probe {
	pub check: &'static str,
	child: Child,
}

impl Probe {
	/// Starts `command` with `argument` appended.
	pub fn begin(check: &'static str, command: &str, argument: &str) -> Result<Self> {
		let child = Command::new("sh")
			.arg("-c")
			.arg(format!("{command} {argument}"))
			.stdin(Stdio::null())
			.stdout(Stdio::piped())
			.stderr(Stdio::piped())
			.spawn()
			.with_context(|| format!("cannot run {command}"))?;
		Ok(Self { check, child })
	}

	/// Waits until it ends; returns its check, and whether it succeeded with its output.
	pub fn end(self) -> (&'static str, Result<(bool, String)>) {
		let output = self.child.wait_with_output().map(|output| {
			let said = [&output.stdout, &output.stderr]
				.map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
			(output.status.success(), said.join("\n").trim().to_owned())
		});
		(self.check, output.map_err(Into::into))
	}
}

/// Runs such a command to its end.
pub async fn probe(report: &mut Report, name: &'static str, command: &str, argument: &str) {
	let begun = Probe::begin(name, command, argument);
	let ended = tokio::task::spawn_blocking(|| begun.and_then(|probe| probe.end().1)).await;
	report.probed(name, ended.unwrap_or_else(|error| Err(error.into())));
}

/// Reads the whole stream like a player, every rendition by its own playlist.
pub fn play(report: &mut Report, playlist: &str, expected: Option<u32>) {
	let output = Command::new("ffprobe")
		.args(["-v", "error", "-live_start_index", "0", "-count_packets", "-of", "json"])
		.args([
			"-show_entries",
			"program=program_id:stream=codec_name,width,height,nb_read_packets",
		])
		.arg(playlist)
		.stdin(Stdio::null())
		.output();
	let output = match output {
		Ok(output) => output,
		Err(error) => return report.check("every rendition plays", false, error.to_string()),
	};
	let parsed: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
	report.playback = parsed["streams"].as_array().cloned().unwrap_or_default();
	let pictures: Vec<u64> = report
		.playback
		.iter()
		.filter(|s| s["codec_name"] == "h264")
		.filter_map(|s| s["nb_read_packets"].as_str()?.parse().ok())
		.collect();
	// A live publication has as many as were sent: the same in each rendition.
	let expected = expected.map_or(pictures.first().copied().unwrap_or(0), u64::from);
	let whole = expected > 0 && pictures.iter().all(|n| *n == expected);
	report.check(
		"every rendition plays",
		output.status.success() && whole,
		match output.status.success() {
			true => format!("pictures in each: {}, expected: {expected}", list(pictures)),
			false => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
		},
	);
}

/// The events in a file.
pub fn read_events(path: &Path) -> Vec<Json> {
	fs::read_to_string(path)
		.unwrap_or_default()
		.lines()
		.filter_map(|line| serde_json::from_str(line).ok())
		.collect()
}

/// How many events of a kind a role has written.
pub fn count_events(network: &Network, role: &str, event: &str) -> usize {
	let needle = format!("\"event\":\"{event}\"");
	let text = fs::read_to_string(network.events_file(role)).unwrap_or_default();
	text.lines().filter(|line| line.contains(&needle)).count()
}

/// The segments that came back, by seq.
pub fn read_segments(network: &Network) -> Vec<Json> {
	let mut segments: Vec<Json> = read_events(&network.events_file("broadcast"))
		.into_iter()
		.filter(|event| event["event"] == "segment_returned")
		.collect();
	segments.sort_by_key(|segment| segment["seq"].as_u64());
	segments
}

/// The outcome of segments that nobody can transcode.
#[derive(Default)]
pub struct Spoilt {
	/// Those that the broadcaster skipped, by seq.
	pub skipped: BTreeSet<u64>,
	/// Those that transcoders rejected with a signature.
	pub rejected: BTreeSet<u64>,
	/// The signed work of all others.
	pub transcoded: u64,
}

/// What the workers' events tell beside the chain.
pub struct Told {
	/// Segments that the broadcaster cut.
	pub cut: u64,
	/// How many bytes each verify worker fetched over the network.
	pub fetched: BTreeMap<String, (usize, u64)>,
	/// Segments that nobody can transcode.
	pub spoilt: Spoilt,
	/// Segments that transcoders do not claim, because their fee is less than the chain pays, by job and seq.
	pub too_small: BTreeSet<(u64, u64)>,
}

impl Told {
	/// Reads it.
	pub fn read(network: &Network) -> Self {
		Self {
			cut: count_events(network, "broadcast", "segment_cut") as u64,
			fetched: read_fetches(network),
			spoilt: read_spoilt(network),
			too_small: read_too_small(network),
		}
	}
}

/// The segments of a claim, or of one that is given up, by job and seq.
pub fn segments_of(claim: &Json) -> Vec<(u64, u64)> {
	let field = |name: &str| claim[name].as_u64();
	let Some(((job, first), last)) = field("job").zip(field("first")).zip(field("last")) else {
		return Vec::new();
	};
	(first..=last).map(|seq| (job, seq)).collect()
}

fn read_too_small(network: &Network) -> BTreeSet<(u64, u64)> {
	let events = network::TRANSCODERS
		.into_iter()
		.flat_map(|name| read_events(&network.events_file(&format!("transcode-{name}"))));
	events
		.filter(|event| event["event"] == "claim_given_up")
		.filter(|event| event["reason"].as_str().is_some_and(|why| why.contains("FeeTooSmall")))
		.flat_map(|event| segments_of(&event))
		.collect()
}

fn read_spoilt(network: &Network) -> Spoilt {
	let of = |role: &str, event: &str| -> Vec<Json> {
		let events = read_events(&network.events_file(role));
		events.into_iter().filter(|found| found["event"] == event).collect()
	};
	let seqs = |events: Vec<Json>| -> BTreeSet<u64> {
		events.iter().filter_map(|event| event["seq"].as_u64()).collect()
	};
	let mut spoilt =
		Spoilt { skipped: seqs(of("broadcast", "segment_skipped")), ..Default::default() };
	for name in network::TRANSCODERS {
		let role = format!("transcode-{name}");
		spoilt.rejected.extend(seqs(of(&role, "segment_rejected")));
		let works = of(&role, "segment_transcoded");
		spoilt.transcoded += works.iter().filter_map(|event| event["work"].as_u64()).sum::<u64>();
	}
	spoilt
}

fn read_fetches(network: &Network) -> BTreeMap<String, (usize, u64)> {
	network::VALIDATORS
		.into_iter()
		.map(|name| {
			let role = format!("verify-{name}");
			let events = read_events(&network.events_file(&role));
			let fetched = events.iter().filter(|event| event["event"] == "fetched");
			let bytes = fetched.clone().filter_map(|event| event["len"].as_u64()).sum();
			(role, (fetched.count(), bytes))
		})
		.collect()
}
