//! Tests of `verify FILE…`.
#![allow(clippy::unwrap_used)]

use std::{
	path::{Path, PathBuf},
	process::{Command, Output as Ran},
};

use livepeer_primitives::{
	receipt::{Outputs, RejectReason, TranscodeResult},
	segment::SegmentHeader,
	toolchain::DEBIAN_12_V1,
	video::{Ladder, Rendition, SourceLimits, CAPPED_QUALITY},
	Hash,
};
use livepeer_worker::offline::ReceiptFile;
use livepeer_worker_core::{
	fakes::{
		output, receipt_for, rendition, segment_header, segment_record, signed_header,
		signed_receipt,
	},
	key::Key,
	ports::engine::{Format, MediaEngine, Variant},
};
use livepeer_worker_media::{Engine, MediaPool, PoolConfig};
use serde_json::Value;

const WORKER: &str = env!("CARGO_BIN_EXE_livepeer-worker");

/// As an operator runs it on a new machine.
#[test]
fn self_test_should_say_what_was_made_and_whose_toolchain_that_is() {
	let ran = Command::new(WORKER).arg("self-test").env("RUST_LOG", "off").output().unwrap();
	let said = String::from_utf8_lossy(&ran.stdout);
	assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
	let made = livepeer_worker_media::golden::checks();
	assert_eq!(said.lines().filter(|line| line.starts_with("ok    ")).count(), made.len());
	assert!(said.contains("\nok    k-10bit-320x180: refused: "), "{said}");
	assert!(said.contains("equal: the toolchain of Debian 12's packages\n"), "{said}");
	assert_eq!(said.lines().next_back(), Some(format!("{DEBIAN_12_V1:?}").as_str()));
}

struct Files {
	dir: tempfile::TempDir,
	format: Format,
	source: Vec<u8>,
	outputs: Vec<Vec<u8>>,
	variant: Vec<u8>,
}

impl Files {
	async fn new() -> Self {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("source.ts");
		let made = Command::new("ffmpeg")
			.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"])
			.arg("testsrc2=s=320x180:r=25:d=1,noise=alls=12:allf=t:all_seed=2")
			.args(["-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "99", "-f", "mpegts"])
			.arg(&path)
			.status();
		assert!(made.unwrap().success());
		let two = |width, height, kbps| Rendition {
			profile: CAPPED_QUALITY,
			..rendition(width, height, kbps)
		};
		let ladder = Ladder::try_from(vec![two(256, 144, 150), two(160, 90, 80)]).unwrap();
		let format = Format {
			ladder,
			limits: SourceLimits::new(320, 180, 25),
			variants: true,
			stated: None,
		};
		let config = PoolConfig { program: Some(WORKER.into()), ..Default::default() };
		let engine = Engine::unattested(MediaPool::new(config));
		let source = std::fs::read(&path).unwrap();
		let outputs = engine.transcode(&format, &source, None).await.unwrap().outputs;
		let variant = Some(Variant { rendition: 1, start: 1 });
		let variant = engine.transcode(&format, &source, variant).await.unwrap().outputs.remove(1);
		let files = Self { dir, format, source, outputs, variant };
		files.write("a.ts", &files.outputs[0]);
		files.write("b.ts", &files.outputs[1]);
		files.write("variant.ts", &files.variant);
		files
	}

	fn path(&self, name: &str) -> PathBuf {
		self.dir.path().join(name)
	}

	fn write(&self, name: &str, bytes: &[u8]) {
		std::fs::write(self.path(name), bytes).unwrap();
	}

	/// Runs `verify` on files of the folder.
	fn verify(&self, arguments: &[&str]) -> Ran {
		let arguments = arguments.iter().map(|argument| match argument.strip_prefix('@') {
			Some(name) => self.path(name).into_os_string(),
			None => argument.into(),
		});
		Command::new(WORKER).arg("verify").args(arguments).output().unwrap()
	}

	fn receipt(&self) -> ReceiptFile {
		let outputs: Vec<_> = self.outputs.iter().map(|bytes| Some(output(bytes))).collect();
		let outputs = Outputs::try_from(outputs).unwrap();
		self.receipt_of(&self.source, TranscodeResult::Transcoded(outputs))
	}

	fn receipt_of(&self, source: &[u8], result: TranscodeResult) -> ReceiptFile {
		let (broadcaster, transcoder) =
			(Key::from_uri("//Broadcaster").unwrap(), Key::from_uri("//Transcoder").unwrap());
		let header =
			SegmentHeader { job: 4, ..segment_header(&broadcaster, &transcoder, 17, source) };
		let receipt = receipt_for(&header, DEBIAN_12_V1, result);
		let signed = signed_header(&broadcaster, header);
		let record = segment_record(signed, signed_receipt(&transcoder, receipt));
		ReceiptFile { ladder: self.format.ladder.clone(), record }
	}
}

fn text(bytes: &[u8]) -> String {
	String::from_utf8_lossy(bytes).into_owned()
}

fn encode(from: &Path, to: &Path, options: &[&str]) {
	let made = Command::new("ffmpeg")
		.args(["-nostdin", "-v", "error", "-copyts", "-i"])
		.arg(from)
		.args(options)
		.args(["-c:v", "libx264", "-copyts"])
		.args(["-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts"])
		.arg(to)
		.status();
	assert!(made.unwrap().success());
}

fn blacken(from: &Path, to: &Path) {
	encode(from, to, &["-vf", "drawbox=t=fill:c=black:enable='gt(n,9)'"]);
}

const LADDER: [&str; 4] = ["--rendition", "256x144@150k", "--rendition", "160x90@80k"];

#[tokio::test]
async fn files_should_be_judged_in_words_in_json_and_by_the_exit_code() {
	let files = Files::new().await;
	let with = |more: &[&'static str]| [&LADDER[..], more].concat();

	let honest = files.verify(&with(&["@source.ts", "@a.ts", "@b.ts"]));
	assert!(honest.status.success(), "{}", text(&honest.stderr));
	assert!(text(&honest.stdout).contains("valid: every output"), "{}", text(&honest.stdout));

	// One is missing, the other is a variant.
	let variant = files.verify(&with(&["@source.ts", "@a.ts", "@variant.ts", "--json"]));
	let said: Value = serde_json::from_slice(&variant.stdout).unwrap();
	assert_eq!(variant.status.code(), Some(0), "{said}");
	assert_eq!(said["renditions"][1]["finding"], "variant");
	assert_eq!(said["renditions"][1]["start"], 1);

	blacken(&files.path("a.ts"), &files.path("black.ts"));
	let arguments = ["@source.ts", "@black.ts", "@b.ts", "--json", "--picture", "@first.png"];
	let black = files.verify(&with(&arguments));
	let said: Value = serde_json::from_slice(&black.stdout).unwrap();
	assert_eq!(black.status.code(), Some(9), "{said}");
	assert_eq!(said["passed"], false);
	assert_eq!(said["renditions"][0]["kind"], "Video");
	assert!(said["renditions"][0]["picture"].is_u64(), "{said}");
	assert_eq!(said["renditions"][1]["finding"], "exact");
	// Pictures 10 to 24 are black: the others' errors are small beside theirs.
	let off = &said["renditions"][0]["off"];
	assert!(off["difference"][0].as_u64() > Some(1_000_000), "{off}");
	let [picture, tile] = ["worst_picture", "worst_tile"].map(|name| &off[name]);
	assert!(picture["picture"].as_u64() >= Some(10) && picture["error"].as_u64() > Some(0));
	assert!(tile["picture"].as_u64() >= Some(10) && tile["x"].as_u64() < Some(256), "{tile}");
	assert!(off["excess"].as_u64() > off["excess_allowed"].as_u64(), "{off}");
	assert!(said["renditions"][1]["off"].is_null(), "what is right is not measured: {said}");
	let png = std::fs::read(files.path("first.png")).unwrap();
	assert_eq!(&png[..4], b"\x89PNG");
	assert_eq!(&png[16..24], &[0, 0, 3, 8, 0, 0, 0, 144], "three panels");

	// Without what was asked for nothing can be said, nor of something else than a segment.
	assert_eq!(files.verify(&["@source.ts", "@a.ts"]).status.code(), Some(1));
	assert_eq!(files.verify(&with(&["@first.png"])).status.code(), Some(1));
	// The service still asks for what it needs.
	let service = files.verify(&[]);
	assert_eq!(service.status.code(), Some(2));
	assert!(text(&service.stderr).contains("--token-file"), "{}", text(&service.stderr));
}

/// A source and a receipt without any output must not count as right.
#[tokio::test]
async fn attack_nothing_shown_to_be_called_valid() {
	let files = Files::new().await;
	files.write("receipt", &files.receipt().to_bytes());
	let unsigned = [&LADDER[..], &["@source.ts"]].concat();
	for nothing in [vec!["@receipt", "@source.ts"], unsigned] {
		let ran = files.verify(&nothing);
		assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stdout));
		assert!(text(&ran.stderr).contains("add the delivered ones"), "{}", text(&ran.stderr));
	}
	let part = files.verify(&["@receipt", "@source.ts", "@b.ts"]);
	assert!(part.status.success(), "{}", text(&part.stderr));
	assert!(
		text(&part.stdout).contains("valid but for what is not here"),
		"{}",
		text(&part.stdout)
	);
}

#[tokio::test]
async fn verdict_should_be_the_same_however_little_the_pictures_are_off() {
	let files = Files::new().await;
	// A nearly lossless encode of the right output: no visible difference.
	encode(&files.path("a.ts"), &files.path("near.ts"), &["-crf", "1"]);
	blacken(&files.path("a.ts"), &files.path("black.ts"));
	let with = |more: &[&'static str]| [&LADDER[..2], more].concat();
	let said = |output: &'static str| {
		let ran = files.verify(&with(&["@source.ts", output, "--json"]));
		let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
		(ran.status.code(), said)
	};
	let ((near_code, near), (black_code, black)) = (said("@near.ts"), said("@black.ts"));
	let off = &near["renditions"][0]["off"];
	assert!(off["excess"].as_u64() <= off["excess_allowed"].as_u64(), "{off}");
	assert_eq!((near_code, black_code), (Some(9), Some(9)));
	assert_eq!(near["verdict"], black["verdict"]);
	assert_eq!(near["renditions"][0]["kind"], "Video");

	let words = files.verify(&with(&["@source.ts", "@near.ts"]));
	let words = text(&words.stdout);
	for part in ["mean squared error 0.", "in luma of picture", "a hardware tier would take 2.00"] {
		assert!(words.contains(part), "{words}");
	}
}

#[tokio::test]
async fn receipt_should_say_which_file_is_which_and_what_was_signed() {
	let files = Files::new().await;
	let receipt = files.receipt();
	files.write("receipt", &receipt.to_bytes());
	let right = files.verify(&["@b.ts", "@receipt", "@a.ts", "@source.ts"]);
	let said = text(&right.stdout);
	assert!(right.status.success(), "{said}{}", text(&right.stderr));
	for line in ["segment 17 of job 4", "signed by the broadcaster", "signed by the transcoder"] {
		assert!(said.contains(line), "{said}");
	}
	// What was not signed is wrong, whatever it is.
	let other = files.verify(&["@receipt", "@source.ts", "@a.ts", "@variant.ts"]);
	assert_eq!(other.status.code(), Some(9));
	assert!(text(&other.stdout).contains("other bytes than the receipt signs"));

	let mut forged = receipt.clone();
	forged.record.signature = forged.record.signed.signature.clone();
	files.write("forged", &forged.to_bytes());
	let forged = files.verify(&["@forged", "@source.ts", "@a.ts", "@b.ts"]);
	assert_eq!(forged.status.code(), Some(9));
	assert!(text(&forged.stdout).contains("NOT signed"), "{}", text(&forged.stdout));

	let mut elsewhere = receipt;
	elsewhere.record.receipt.toolchain = Hash::zero();
	files.write("elsewhere", &elsewhere.to_bytes());
	let elsewhere = files.verify(&["@elsewhere", "@source.ts", "@a.ts", "@b.ts"]);
	assert_eq!(elsewhere.status.code(), Some(1));
	assert!(text(&elsewhere.stderr).contains("toolchain"), "{}", text(&elsewhere.stderr));
}

/// A transcoder that rejects what its job does not take, such as larger pictures, must not be called wrong.
#[tokio::test]
async fn rejection_should_not_be_judged_when_it_depends_on_the_jobs_limits() {
	let files = Files::new().await;
	let rejected = |source: &[u8]| {
		let result = TranscodeResult::Rejected(RejectReason::TooManyPixels);
		files.write("given.ts", source);
		files.write("receipt", &files.receipt_of(source, result).to_bytes());
		files.verify(&["@receipt", "@given.ts"])
	};
	let good = rejected(&files.source);
	assert_eq!(good.status.code(), Some(1), "{}", text(&good.stdout));
	assert!(text(&good.stderr).contains("limits"), "{}", text(&good.stderr));
	// No job takes this one.
	let cut = rejected(&files.source[..files.source.len() - 1]);
	assert!(cut.status.success(), "{}", text(&cut.stderr));
	assert!(text(&cut.stdout).contains("as it says"), "{}", text(&cut.stdout));
}
