//! A live source: a publisher is lost and comes back with another size; in the drill, the transcoder is also
//! lost meanwhile.

use std::{
	path::Path,
	process::{Child, Command, Stdio},
	sync::{Arc, Mutex, PoisonError},
	time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{ensure, Context, Result};
use serde_json::{json, Value as Json};
use tokio::time::sleep;

use crate::{
	network::{Live as Protocol, Network, STREAM},
	probe::{count_events, get, read_events},
	report::Report,
};

/// The length of each stretch.
const STRETCH: Duration = Duration::from_secs(30);
/// How long the publisher is away.
const AWAY: Duration = Duration::from_secs(10);
/// When the transcoder is killed in the second stretch, and how long it stays away.
const KILLED_AFTER: Duration = Duration::from_secs(8);
const KILLED_FOR: Duration = Duration::from_secs(20);
/// The sizes of both stretches.
const SIZES: [&str; 2] = ["1280x720", "854x480"];
/// The variable with the publishing ffmpeg, if it is not the system's: Debian 12's writes neither HEVC by
/// RTMP nor WHIP.
const PUBLISHER: &str = "PUBLISHER";

/// Refuses a protocol that the system's ffmpeg does not support, unless another ffmpeg is named.
pub fn ensure_publisher(protocol: Protocol) -> Result<()> {
	let is_new = matches!(protocol, Protocol::Hevc | Protocol::Whip);
	ensure!(
		!is_new || std::env::var_os(PUBLISHER).is_some(),
		"{} is published by FFmpeg 8 or later, which {PUBLISHER}=path names; `scripts/bench-quality.py \
		 --ffmpeg` fetches one and says where it is",
		protocol.name()
	);
	Ok(())
}

/// A viewer's view of one segment.
#[derive(Clone, Debug)]
struct Seen {
	seq: u64,
	/// When it was listed, in milliseconds since 1970.
	at_ms: u64,
	/// When its first picture was captured, by the playlist.
	captured_ms: Option<u64>,
	breaks: bool,
}

/// The progress of the story.
enum Step {
	/// The job is not assigned yet.
	Opening,
	First(Instant),
	Away(Instant),
	Second(Instant),
	Over,
}

/// A publisher and a viewer.
pub struct Live {
	protocol: Protocol,
	/// Whether a transcoder is killed in the middle.
	kills: bool,
	step: Step,
	publisher: Option<Publisher>,
	/// When the first publisher began.
	began_ms: u64,
	/// The number of seqs listed when the publisher came back.
	listed_before: usize,
	/// The killed transcoder, when, and whether it is still away.
	killed: Option<(String, Instant, u64, bool)>,
	seen: Arc<Mutex<Vec<Seen>>>,
	viewer: Option<tokio::task::JoinHandle<()>>,
}

impl Live {
	pub fn new(protocol: Protocol, kills: bool) -> Self {
		Self {
			protocol,
			kills,
			step: Step::Opening,
			publisher: None,
			began_ms: 0,
			listed_before: 0,
			killed: None,
			seen: Arc::default(),
			viewer: None,
		}
	}

	fn seen(&self) -> Vec<Seen> {
		self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
	}

	/// Whether a transcoder was killed and is not back.
	pub fn misses_transcoder(&self) -> bool {
		matches!(self.killed, Some((.., true)))
	}

	/// Does what is due; returns what it did.
	pub fn step(&mut self, network: &mut Network) -> Result<Option<String>> {
		if let Some((name, since, _, away)) = &mut self.killed {
			if *away && since.elapsed() >= KILLED_FOR {
				*away = false;
				network.restart(name)?;
				return Ok(Some(format!("{name} is back")));
			}
		}
		let said = match &self.step {
			Step::Opening if count_events(network, "broadcast", "assigned") > 0 => {
				self.viewer =
					Some(tokio::spawn(watch(network.media_playlist(), self.seen.clone())));
				self.publish(network, SIZES[0])?;
				self.began_ms = wall_ms();
				self.step = Step::First(Instant::now());
				format!("ffmpeg publishes {} by {}", SIZES[0], self.protocol.name())
			}
			Step::First(since) if since.elapsed() >= STRETCH => {
				self.publisher = None;
				self.step = Step::Away(Instant::now());
				"the publisher was killed".to_owned()
			}
			Step::Away(since) if since.elapsed() >= AWAY => {
				self.listed_before = self.seen().len();
				self.publish(network, SIZES[1])?;
				self.step = Step::Second(Instant::now());
				format!("the publisher is back with {}", SIZES[1])
			}
			Step::Second(since)
				if self.kills && self.killed.is_none() && since.elapsed() >= KILLED_AFTER =>
			{
				let name = network.working_transcoder().context("nobody transcodes")?;
				network.kill(&name)?;
				let said = format!("{name} was killed");
				self.killed = Some((name, Instant::now(), wall_ms(), true));
				said
			}
			Step::Second(since)
				if since.elapsed() >= if self.kills { 2 * STRETCH } else { STRETCH } =>
			{
				self.publisher = None;
				self.step = Step::Over;
				"the publisher stopped for good; the stream ends when nobody comes back".to_owned()
			}
			_ => return Ok(None),
		};
		Ok(Some(said))
	}

	fn publish(&mut self, network: &Network, size: &str) -> Result<()> {
		let key = network.stream_key()?;
		let log = network.logs().join("publisher.log");
		self.publisher = Some(Publisher::begin(self.protocol, &key, size, &log)?);
		Ok(())
	}

	/// Checks what the viewer saw.
	pub fn check(&mut self, network: &Network, report: &mut Report) {
		self.publisher = None;
		if let Some(viewer) = self.viewer.take() {
			viewer.abort();
		}
		let seen = self.seen();
		let first = seen.first().map(|first| first.at_ms.saturating_sub(self.began_ms));
		report.figure("first_playable_ms", first);
		report.check(
			"a live stream plays",
			first.is_some(),
			match first {
				Some(ms) => format!(
					"the first segment could be played {} after the first picture was sent",
					seconds(ms)
				),
				None => "no segment was ever listed".to_owned(),
			},
		);
		let mut late: Vec<u64> = seen
			.iter()
			.filter_map(|seen| Some(seen.at_ms.saturating_sub(seen.captured_ms?)))
			.collect();
		late.sort_unstable();
		let at =
			|part: usize| late.get((late.len() * part / 100).min(late.len().saturating_sub(1)));
		report.figure("listed_after_ms_median", at(50).copied());
		report.figure("listed_after_ms_95", at(95).copied());
		report.check(
			"playlists say when it was captured",
			!late.is_empty() && late.len() == seen.len(),
			format!(
				"a segment is listed {} (median), {} (95 of 100) after its first picture was captured",
				at(50).map_or_else(String::new, |ms| seconds(*ms)),
				at(95).map_or_else(String::new, |ms| seconds(*ms)),
			),
		);
		let after = seen.get(self.listed_before..).unwrap_or_default();
		report.check(
			"it goes on when the publisher is back with another size",
			after.iter().any(|seen| seen.breaks),
			format!("{} segments after it, behind a discontinuity", after.len()),
		);
		if let Some((name, _, at_ms, _)) = &self.killed {
			let events = read_events(&network.events_file("broadcast"));
			let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
			let next = next_hand(&events, *at_ms).map(|next| next.saturating_sub(*at_ms));
			let pause = seen
				.windows(2)
				.filter(|pair| pair[1].at_ms > *at_ms)
				.map(|pair| pair[1].at_ms - pair[0].at_ms)
				.max();
			report.figure("failover_ms", next);
			report.figure("longest_pause_ms", pause);
			report.check(
				"another transcoder goes on when one is killed in the middle",
				of("handed_on") > 0 && of("assigned") > 1 && next.is_some(),
				format!(
					"{name} was killed; the first segment by another came {} later, the longest pause between two was {}",
					next.map_or_else(String::new, seconds),
					pause.map_or_else(String::new, seconds),
				),
			);
			let missing = of("segment_skipped");
			report.check(
				"at most two segments are missing",
				missing <= 2,
				format!("{missing} of {}", of("segment_cut")),
			);
		}
		report.live = seen
			.iter()
			.map(
				|seen| json!({ "seq": seen.seq, "listed": seen.at_ms, "captured": seen.captured_ms }),
			)
			.collect::<Vec<Json>>();
	}
}

fn seconds(ms: u64) -> String {
	format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn wall_ms() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Requests the media playlist as a player does, and notes when each available segment is listed.
async fn watch(playlist: String, seen: Arc<Mutex<Vec<Seen>>>) {
	let base = playlist.rsplit_once('/').map_or("", |(base, _)| base).to_owned();
	let mut newest = None;
	loop {
		let text = get(&playlist).await.map(String::from_utf8).ok().and_then(Result::ok);
		let at_ms = wall_ms();
		for listed in listed(text.as_deref().unwrap_or_default()) {
			let Listed { line, seq, captured_ms, breaks } = listed;
			if newest.is_none_or(|newest| seq > newest)
				&& get(&format!("{base}/{line}")).await.is_ok()
			{
				newest = Some(seq);
				let one = Seen { seq, at_ms, captured_ms, breaks };
				seen.lock().unwrap_or_else(PoisonError::into_inner).push(one);
			}
		}
		sleep(Duration::from_millis(200)).await;
	}
}

/// A segment as a media playlist lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Listed<'a> {
	line: &'a str,
	seq: u64,
	captured_ms: Option<u64>,
	breaks: bool,
}

/// The available segments of a media playlist. A date holds until the next discontinuity: later segments add
/// the durations between, as players count.
fn listed(playlist: &str) -> Vec<Listed<'_>> {
	let mut segments = Vec::new();
	let (mut breaks, mut is_gap, mut lasts_ms) = (false, false, 0);
	let mut captured_ms: Option<u64> = None;
	for line in playlist.lines() {
		if line == "#EXT-X-DISCONTINUITY" {
			(breaks, captured_ms) = (true, None);
		} else if line == "#EXT-X-GAP" {
			is_gap = true;
		} else if let Some(date) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
			captured_ms = parse_date(date);
		} else if let Some(length) = line.strip_prefix("#EXTINF:") {
			let length: f64 = length.trim_end_matches(',').parse().unwrap_or_default();
			lasts_ms = (length * 1_000.0).round() as u64;
		} else if let Some(seq) = segment_of(line) {
			if !std::mem::take(&mut is_gap) {
				segments.push(Listed { line, seq, captured_ms, breaks });
				breaks = false;
			}
			captured_ms = captured_ms.map(|ms| ms + lasts_ms);
		}
	}
	segments
}

/// When the first segment came back from another transcoder than the one at time `killed`, by the
/// broadcaster's events; both in milliseconds since 1970.
fn next_hand(events: &[Json], killed: u64) -> Option<u64> {
	let at = |event: &Json| event["at_ms"].as_u64().unwrap_or_default();
	let of = |kind: &'static str| events.iter().filter(move |event| event["event"] == kind);
	let held = of("assigned").rfind(|event| at(event) <= killed)?;
	of("segment_returned")
		.find(|event| at(event) > killed && event["assignment"] != held["assignment"])
		.map(at)
}

/// The seq in a line `<rendition>/<seq>.ts`.
fn segment_of(line: &str) -> Option<u64> {
	line.strip_suffix(".ts")?.rsplit('/').next()?.parse().ok()
}

/// Milliseconds since 1970 of `2026-11-28T17:30:00.250Z`.
fn parse_date(date: &str) -> Option<u64> {
	let number = |from: usize, to: usize| date.get(from..to)?.parse::<u64>().ok();
	let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
	// Days from 1 March 0000, so that the leap day is a year's last.
	let (y, m) = if month < 3 { (year.checked_sub(1)?, month + 9) } else { (year, month - 3) };
	let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
	let days = days.checked_sub(719_468)?;
	let seconds = number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
	Some((days * 86_400 + seconds) * 1_000 + number(20, 23)?)
}

/// ffmpeg as a publisher: a test pattern whose upper edge shows the time in 16 bits, 25 counts a second, so
/// that a picture shows when it was made.
struct Publisher(Child);

impl Publisher {
	fn begin(protocol: Protocol, key: &str, size: &str, log: &Path) -> Result<Self> {
		let mut clock = String::from("drawbox=x=0:y=0:w=iw:h=ih/8:color=black:t=fill");
		for bit in 0..16 {
			clock += &format!(
				",drawbox=x=iw*{bit}/16:y=0:w=iw/16:h=ih/8:color=white:t=fill:enable='mod(floor(time(0)*25/{}),2)'",
				1 << bit
			);
		}
		let log = std::fs::File::options().create(true).append(true).open(log)?;
		let program = std::env::var_os(PUBLISHER).unwrap_or_else(|| "ffmpeg".into());
		let child = Command::new(&program)
			.args(["-nostdin", "-v", "warning", "-re", "-f", "lavfi", "-i"])
			.arg(format!("testsrc2=size={size}:rate=25"))
			.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-vf", &clock])
			.args(["-preset", "ultrafast", "-tune", "zerolatency", "-g", "50", "-b:v", "2000k"])
			.args(["-pix_fmt", "yuv420p", "-ac", "2"])
			.args(protocol.encoders())
			.args(protocol.output(key))
			.stdin(Stdio::null())
			.stdout(Stdio::null())
			.stderr(log)
			.spawn()
			.with_context(|| {
				format!("cannot run {}; `make setup` installs ffmpeg", program.display())
			})?;
		Ok(Self(child))
	}
}

impl Drop for Publisher {
	fn drop(&mut self) {
		let _ = self.0.kill();
		let _ = self.0.wait();
	}
}

impl Protocol {
	/// Its name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Rtmp => "RTMP",
			Self::Hevc => "enhanced RTMP, HEVC",
			Self::Srt => "SRT",
			Self::Whip => "WHIP",
			Self::Push => "HTTP push",
		}
	}

	/// The address for a publisher, in the form that people enter.
	pub fn address(self, key: &str) -> String {
		let port = self.port();
		match self {
			Self::Rtmp | Self::Hevc => {
				format!("rtmp://127.0.0.1:{port}/live, stream key {key}")
			}
			Self::Srt => format!("srt://127.0.0.1:{port}?streamid={key}"),
			Self::Whip => {
				format!("http://127.0.0.1:{port}/whip/{STREAM}, bearer token {key}")
			}
			Self::Push => format!("PUT http://127.0.0.1:{port}/live/{STREAM}/SEQ.ts?key={key}"),
		}
	}

	/// How ffmpeg encodes pictures and sound.
	fn encoders(self) -> &'static [&'static str] {
		match self {
			Self::Rtmp | Self::Srt | Self::Push => &["-c:v", "libx264", "-c:a", "aac"],
			Self::Hevc => {
				&["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=0", "-c:a", "aac"]
			}
			// The profile that every browser sends.
			Self::Whip => &["-c:v", "libx264", "-profile:v", "baseline", "-c:a", "libopus"],
		}
	}

	/// ffmpeg's last arguments.
	fn output(self, key: &str) -> Vec<String> {
		let port = self.port();
		let words: Vec<String> = match self {
			Self::Rtmp | Self::Hevc => {
				vec!["-f".into(), "flv".into(), format!("rtmp://127.0.0.1:{port}/live/{key}")]
			}
			Self::Whip => vec![
				"-f".into(),
				"whip".into(),
				"-authorization".into(),
				key.into(),
				format!("http://127.0.0.1:{port}/whip/{STREAM}"),
			],
			Self::Srt => {
				vec!["-f".into(), "mpegts".into(), format!("srt://127.0.0.1:{port}?streamid={key}")]
			}
			Self::Push => {
				let base = format!("http://127.0.0.1:{port}/live/{STREAM}");
				vec![
					"-f".into(),
					"hls".into(),
					"-hls_time".into(),
					"2".into(),
					"-method".into(),
					"PUT".into(),
					"-headers".into(),
					format!("Authorization: Bearer {key}\r\n"),
					"-hls_segment_filename".into(),
					format!("{base}/%d.ts"),
					format!("{base}/index.m3u8"),
				]
			}
		};
		words
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn dates_and_segments_should_be_read_from_playlists() {
		assert_eq!(parse_date("1970-01-01T00:00:00.000Z"), Some(0));
		assert_eq!(parse_date("2026-11-28T17:30:00.250Z"), Some(1_795_887_000_250));
		assert_eq!(parse_date("soon"), None);
		assert_eq!(segment_of("0/17.ts"), Some(17));
		assert_eq!(segment_of("#EXTINF:2.0,"), None);
	}

	#[test]
	fn what_the_killed_one_still_delivered_should_be_no_failover() {
		let event = |at_ms: u64, event: &str, assignment: u64| json!({ "at_ms": at_ms, "event": event, "assignment": assignment });
		let events = [
			event(10, "assigned", 0),
			event(20, "segment_returned", 0),
			event(31, "segment_returned", 0),
			event(40, "assigned", 1),
			event(45, "segment_returned", 1),
		];
		assert_eq!(next_hand(&events, 30), Some(45));
		assert_eq!(next_hand(&events[..4], 30), None);
		assert_eq!(next_hand(&events, 5), None);
	}

	#[test]
	fn dates_should_be_counted_on_until_the_next_discontinuity() {
		let text = "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:09.000Z\n\
			#EXTINF:2.000000,\n0/4.ts\n#EXTINF:1.500000,\n0/5.ts\n#EXTINF:2.000000,\n0/6.ts\n\
			#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:2.00000,\n0/7.ts\n\
			#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:01:00.000Z\n#EXTINF:2.000000,\n0/8.ts\n\
			#EXT-X-DISCONTINUITY\n#EXTINF:2.000000,\n0/9.ts\n";
		let seen: Vec<_> =
			listed(text).iter().map(|one| (one.seq, one.captured_ms, one.breaks)).collect();
		let expected = [
			(4, Some(9_000), false),
			(5, Some(11_000), false),
			(6, Some(12_500), false),
			(8, Some(60_000), true),
			(9, None, true),
		];
		assert_eq!(seen, expected);
	}
}
