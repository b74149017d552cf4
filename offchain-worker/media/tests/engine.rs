//! The worker's view: attested engine, honest and tampered outputs.

mod common;

use common::*;
use livepeer_primitives::{
	receipt::RejectReason,
	toolchain,
	verdict::{MismatchKind, NonConformingKind},
	video::{Rendition, SourceLimits, CAPPED_QUALITY},
	work::{StatedWork, WorkFactors},
	Hash,
};
use livepeer_worker_core::ports::engine::{
	Fault, Finding, Format, MediaEngine, MediaError, Variant,
};
use livepeer_worker_media::{golden, profile::mark, Engine, MediaPool, PoolConfig};

/// What it is called does not matter here, so the golden vectors need not be made.
fn engine() -> Engine {
	Engine::unattested(pool())
}

fn format() -> Format {
	let ladder = LADDER.to_vec().try_into().expect("two renditions");
	Format { ladder, limits: LIMITS, variants: true, stated: None }
}

#[tokio::test]
async fn toolchain_should_be_debian_12s_when_its_packages_are_installed() {
	let folder = tempfile::tempdir().expect("a temporary directory");
	let memory = folder.path().join("toolchain");
	// However soon viewers want their segments: these take as long as they take.
	let hurry = std::time::Duration::from_millis(1);
	let hurried = MediaPool::new(PoolConfig { live_timeout: hurry, ..config() });
	let attested = golden::attest(&hurried, Some(&memory)).await.expect("a sound build");
	assert_eq!(attested.toolchain, toolchain::DEBIAN_12_V1);
	assert_eq!(attested.checked.len(), golden::checks().len());
	// The second time it is known, without a child.
	let nobody = MediaPool::new(PoolConfig { program: Some("/nonexistent".into()), ..config() });
	let again = golden::attest(&nobody, Some(&memory)).await.expect("it is remembered");
	assert_eq!((again.toolchain, again.checked.len()), (attested.toolchain, 0));
	assert!(golden::attest(&nobody, None).await.is_err());
	let begun = std::time::Instant::now();
	let started = Engine::start_once(nobody, &memory).await.expect("it starts without a child");
	let took = begun.elapsed();
	assert!(took < std::time::Duration::from_secs(2), "a start takes {took:?}");
	assert_eq!(started.toolchain(), attested.toolchain);
	// What its children are forked from is there from then on, whatever is replaced before the first segment.
	let program = folder.path().join("livepeer-media");
	let tool = config().program.expect("the test tool");
	std::os::unix::fs::symlink(tool, &program).expect("disk");
	let pool = MediaPool::new(PoolConfig { program: Some(program.clone()), ..config() });
	let started = Engine::start_once(pool, &memory).await.expect("it is remembered");
	std::fs::remove_file(&program).expect("it is ours");
	let made = started.transcode(&format(), &made(folder.path(), "source.ts", SOURCE), None).await;
	assert!(made.is_ok(), "{:?}", made.err());
}

#[tokio::test]
async fn outputs_should_be_named_for_what_was_done_to_them() {
	let engine = engine();
	let directory = tempfile::tempdir().expect("a temporary directory");
	let at = directory.path().display();
	let source = made(directory.path(), "source.ts", SOURCE);
	let honest = engine.transcode(&format(), &source, None).await.expect("a good source");
	let seed = Hash::repeat_byte(1);
	let delivered: Vec<_> = honest.outputs.iter().cloned().map(Some).collect();
	let examined = engine.examine(&format(), &source, &delivered, seed, 0).await;
	let examined = examined.expect("a good source");
	assert_eq!(examined.findings, [Finding::Exact; 2]);
	assert_eq!(examined.pixels, honest.pixels);
	std::fs::write(directory.path().join("honest.ts"), &honest.outputs[0]).expect("disk");

	let copy = "-c copy -muxdelay 0 -copyts -f mpegts";
	let encode = "-c:v libx264 -preset veryfast -c:a copy -copyts -muxdelay 0 -f mpegts";
	let cases = [
		(
			"black",
			format!("-i {at}/honest.ts -vf drawbox=t=fill:c=black {encode}"),
			Fault::Mismatch(MismatchKind::Video),
		),
		(
			"other size",
			format!("-i {at}/honest.ts -vf scale=256:144 {encode}"),
			Fault::NonConforming(NonConformingKind::Size),
		),
		(
			"source passed through",
			format!("-i {at}/source.ts {copy}"),
			Fault::NonConforming(NonConformingKind::Size),
		),
		(
			"frames dropped",
			format!("-i {at}/honest.ts -vf fps=15 {encode}"),
			Fault::NonConforming(NonConformingKind::Timing),
		),
		(
			"shifted",
			format!("-i {at}/honest.ts -output_ts_offset 1 {copy}"),
			Fault::NonConforming(NonConformingKind::Timing),
		),
		("muted", format!("-i {at}/honest.ts -an {copy}"), Fault::Mismatch(MismatchKind::Audio)),
		(
			"renamed",
			format!("-i {at}/honest.ts -metadata service_name=x {copy}"),
			Fault::Mismatch(MismatchKind::Container),
		),
		(
			"other codec",
			format!("-i {at}/honest.ts -c:v mpeg2video -c:a copy -f mpegts"),
			Fault::NonConforming(NonConformingKind::Unreadable),
		),
	];
	for (name, arguments, expected) in cases {
		let tampered = made(directory.path(), "tampered.ts", &arguments);
		let outputs = [Some(tampered), Some(honest.outputs[1].clone())];
		let examined = engine.examine(&format(), &source, &outputs, seed, 0).await;
		let findings = examined.expect("a good source").findings;
		assert_eq!(findings[0].fault(), Some(expected), "{name}");
		assert_eq!(findings[1], Finding::Exact, "{name}");
	}
	let absent = [None, Some(honest.outputs[1].clone())];
	let examined = engine.examine(&format(), &source, &absent, seed, 0).await;
	assert_eq!(examined.expect("a good source").findings, [Finding::Exact; 2]);
	let outputs = [Some(b"not a video".to_vec())];
	let examined = engine.examine(&format(), &source, &outputs, seed, 0).await;
	let unreadable = Some(Fault::NonConforming(NonConformingKind::Unreadable));
	let findings = examined.expect("a good source").findings;
	assert!(findings.iter().all(|finding| finding.fault() == unreadable), "{findings:?}");
}

/// A judge does at most the work that a leaf states: it stops before the first picture that is not paid for,
/// and never sees what follows.
#[tokio::test]
async fn attack_segment_that_takes_more_work_than_is_stated() {
	let engine = engine();
	let source = source();
	let made = engine.transcode(&format(), &source, None).await.expect("a good source");
	let factors = WorkFactors::canonical(1_000, 250, 1);
	let ladder = format().ladder;
	let all = made.pixels.work(&factors, &ladder, |_| true).expect("it fits");
	let second = made.pixels.work(&factors, &ladder, |place| place == 1).expect("it fits");
	let outputs: Vec<_> = made.outputs.into_iter().map(Some).collect();
	let seed = Hash::repeat_byte(1);
	let examined = |source: Vec<u8>, outputs: Vec<Option<Vec<u8>>>, work| {
		let engine = &engine;
		async move {
			let stated = Some(StatedWork { work, factors });
			let format = Format { stated, ..format() };
			engine.examine(&format, &source, &outputs, seed, 0).await
		}
	};
	let whole = examined(source.clone(), outputs.clone(), all).await.expect("as is stated");
	assert_eq!(whole.findings, [Finding::Exact; 2]);
	for work in [all - 1, all / 2, 1] {
		let more = examined(source.clone(), outputs.clone(), work).await;
		assert_eq!(more, Err(MediaError::MoreWork));
	}
	// An absent output takes no work, and shows nothing.
	let absent = vec![None, outputs[1].clone()];
	let part = examined(source.clone(), absent.clone(), second).await.expect("as is stated");
	assert_eq!(part.findings, [Finding::Exact; 2]);
	let alone = Format { ladder: vec![LADDER[1]].try_into().expect("one"), ..format() };
	let alone = engine.examine(&alone, &source, &absent[1..], seed, 0).await.expect("good");
	assert_eq!(part.digest, alone.digest);
	assert_ne!(part.digest, whole.digest);
	assert_eq!(examined(source.clone(), absent, second - 1).await, Err(MediaError::MoreWork));

	// Only a judge that is paid for all pictures sees that the last ones are damaged.
	let mut damaged = source;
	let packets = damaged.chunks_exact_mut(188);
	let most = packets.len() * 7 / 8;
	for packet in packets.skip(most) {
		// Of the pictures' track, with nothing but their bytes in it.
		if packet[1] & 0x5f == 0x01 && packet[2] == 0 && packet[3] & 0x30 == 0x10 {
			packet[100] ^= 0x55;
		}
	}
	let paid = examined(damaged.clone(), outputs.clone(), all).await;
	assert!(
		matches!(paid, Err(MediaError::Invalid(RejectReason::Undecodable { reason: 5 | 6, .. }))),
		"{paid:?}"
	);
	assert_eq!(examined(damaged, outputs, 1).await, Err(MediaError::MoreWork));
}

#[tokio::test]
async fn diagnosis_should_compare_what_has_as_many_pictures_of_one_size() {
	let engine = engine();
	let directory = tempfile::tempdir().expect("a temporary directory");
	let source = made(directory.path(), "source.ts", SOURCE);
	let right = engine.transcode(&format(), &source, None).await.expect("a good source").outputs;
	std::fs::write(directory.path().join("right.ts"), &right[0]).expect("disk");
	let diagnose = |output: Vec<u8>| {
		let (engine, source, right) = (&engine, &source, &right[0]);
		async move { engine.diagnose(&LADDER[0], &LIMITS, source, right, &output).await }
	};

	let same = diagnose(right[0].clone()).await.expect("comparable");
	assert_eq!((same.pictures, same.difference, same.ratios.excess()), (30, [0; 3], 100));
	assert_eq!(same.from_source, same.right_from_source);
	assert!(same.from_source[0] > 0, "the profile is not without loss");

	let encoded = |name: &str, filter: &str| {
		let from = directory.path().join("right.ts");
		let arguments = format!(
			"-i {} -vf {filter} -c:v libx264 -c:a copy -copyts -muxdelay 0 -f mpegts",
			from.display()
		);
		made(directory.path(), name, &arguments)
	};
	let tile = "drawbox=x=64:y=96:w=32:h=32:t=fill:c=white:enable='eq(n,20)'";
	let found = diagnose(encoded("tile.ts", tile)).await.expect("comparable");
	let worst = found.worst_tile;
	assert_eq!((worst.picture, found.worst_picture.picture), (20, 20));
	assert!((64..96).contains(&worst.x) && (96..128).contains(&worst.y), "{worst:?}");
	for (name, filter, error) in
		[("few.ts", "fps=15", "number of pictures"), ("small.ts", "scale=256:144", "several sizes")]
	{
		let failed = diagnose(encoded(name, filter)).await.expect_err("not comparable").to_string();
		assert!(failed.contains(error), "{failed}");
	}
}

#[tokio::test]
async fn digest_should_depend_on_seed_and_leaf() {
	let engine = engine();
	let source = source();
	let made = engine.transcode(&format(), &source, None).await.expect("a good source").outputs;
	let outputs: Vec<_> = made.into_iter().map(Some).collect();
	let mut digests = Vec::new();
	for (seed, index) in [(1, 0), (1, 1), (2, 0), (1, 0)] {
		let seed = Hash::repeat_byte(seed);
		let examined = engine.examine(&format(), &source, &outputs, seed, index).await;
		digests.push(examined.expect("a good source").digest);
	}
	assert_eq!(digests[0], digests[3]);
	assert!(digests[0] != digests[1] && digests[0] != digests[2] && digests[1] != digests[2]);
}

#[tokio::test]
async fn variant_should_be_told_by_its_start_in_the_only_output_that_differs() {
	let engine = engine();
	let source = source();
	let two = |width, height, kbps| Rendition {
		profile: CAPPED_QUALITY,
		..rendition(width, height, kbps)
	};
	let ladder = vec![two(256, 144, 150), two(160, 90, 80), rendition(128, 72, 60)];
	let format = Format {
		ladder: ladder.try_into().expect("three"),
		limits: LIMITS,
		variants: true,
		stated: None,
	};
	let made = |variant| {
		let (engine, format, source) = (&engine, &format, &source);
		async move {
			let made = engine.transcode(format, source, variant).await.expect("a good source");
			made.outputs.into_iter().map(Some).collect::<Vec<_>>()
		}
	};
	let found = |outputs: Vec<Option<Vec<u8>>>| {
		let (engine, format, source) = (&engine, &format, &source);
		async move {
			let examined = engine.examine(format, source, &outputs, Hash::zero(), 0).await;
			examined.expect("a good source").findings
		}
	};
	let varied = made(Some(Variant { rendition: 1, start: 2 })).await;
	let variant = Finding::Variant { start: 2 };
	assert_eq!(found(varied.clone()).await, [Finding::Exact, variant, Finding::Exact]);
	// With another output that differs the leaf is wrong whatever this one is, so it is not tried.
	let mut both = varied.clone();
	both[0] = made(Some(Variant { rendition: 0, start: 0 })).await.swap_remove(0);
	let findings = found(both).await;
	assert!(findings[..2].iter().all(|finding| finding.fault().is_some()), "{findings:?}");
	// Profile 1 has one too.
	let plain = made(None).await;
	assert_ne!(varied[1], plain[1]);
	let first = made(Some(Variant { rendition: 2, start: 1 })).await;
	assert_ne!(first[2], plain[2]);
	let exact = Finding::Exact;
	assert_eq!(found(first).await, [exact, exact, Finding::Variant { start: 1 }]);
	// Where none is asked for it is an output like any other.
	let delivered = varied.clone();
	let none = Format { variants: false, ..format.clone() };
	let examined = engine.examine(&none, &source, &delivered, Hash::zero(), 0).await;
	let video = Some(Fault::Mismatch(MismatchKind::Video));
	assert_eq!(examined.expect("a good source").findings[1].fault(), video);
	// A variant with a changed container is not one.
	let mut touched = varied;
	touched[1].as_mut().expect("there").extend([0xff; 188]);
	assert!(found(touched).await[1].fault().is_some());
}

#[tokio::test]
async fn variant_should_be_marked_and_told_where_nothing_moves() {
	let engine = engine();
	let directory = tempfile::tempdir().expect("a temporary directory");
	let still = "-f lavfi -i color=c=0x336699:s=320x180:r=25:d=1 -pix_fmt yuv420p -c:v libx264 -g 300 -f mpegts";
	let source = made(directory.path(), "still.ts", still);
	let two = Rendition { profile: CAPPED_QUALITY, ..rendition(160, 90, 80) };
	let ladder = vec![two, rendition(128, 72, 60)].try_into().expect("two");
	let format = Format { ladder, limits: LIMITS, variants: true, stated: None };
	let plain = engine.transcode(&format, &source, None).await.expect("a good source").outputs;
	for (rendition, start) in [(0u8, 0), (0, 3), (1, 2)] {
		let variant = Some(Variant { rendition, start });
		let made = engine.transcode(&format, &source, variant).await.expect("a good source");
		let place = usize::from(rendition);
		let (ours, after) = made.outputs[place].split_at(plain[place].len());
		assert_eq!((ours, after), (&plain[place][..], &mark()[..]));
		assert_eq!(made.outputs[1 - place], plain[1 - place]);
		// It plays as the plain one does.
		let path = directory.path().join("marked.ts");
		std::fs::write(&path, &made.outputs[place]).expect("disk");
		ffmpeg(&format!("-xerror -i {} -f null -", path.display()));
		let delivered: Vec<_> = made.outputs.into_iter().map(Some).collect();
		let examined = engine.examine(&format, &source, &delivered, Hash::zero(), 0).await;
		let findings = examined.expect("a good source").findings;
		assert!(matches!(findings[place], Finding::Variant { .. }), "{findings:?}");
		assert_eq!(findings[1 - place], Finding::Exact);
		// Two marks are not a mark.
		let mut twice = delivered;
		twice[place].as_mut().expect("there").extend(mark());
		let examined = engine.examine(&format, &source, &twice, Hash::zero(), 0).await;
		assert!(examined.expect("a good source").findings[place].fault().is_some());
	}
}

#[tokio::test]
async fn machine_that_is_short_should_fail_and_not_accuse() {
	let source = source();
	let outputs = [Some(Vec::new()), Some(Vec::new())];
	let small = MediaPool::new(PoolConfig { total_memory: 1024 * 1024, ..config() });
	let gone = MediaPool::new(PoolConfig { program: Some("/nonexistent".into()), ..config() });
	// What this machine never has room for is the format's; what it lacks now is nobody's.
	for (pool, is_lacking) in [(small, false), (gone, true)] {
		let is_told = |error: &MediaError| match error {
			MediaError::Failed(_) => !is_lacking,
			MediaError::Unable(_) => is_lacking,
			_ => false,
		};
		let engine = Engine::unattested(pool);
		let examined = engine.examine(&format(), &source, &outputs, Hash::zero(), 0).await;
		assert!(examined.as_ref().is_err_and(is_told), "{examined:?}");
		let accepted = engine.accept(&format(), &source).await;
		assert!(accepted.as_ref().is_err_and(is_told), "{accepted:?}");
	}
}

/// A judge makes more from a segment than a transcoder. A judge without memory for it abstains; if all do,
/// the transcoder is never paid.
#[tokio::test]
async fn attack_pictures_so_large_that_no_judge_can_make_them_again() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let source = made(
		directory.path(),
		"source.ts",
		"-f lavfi -i testsrc2=s=3840x2160:r=60 -frames:v 64 -pix_fmt yuv420p -c:v libx264 \
		 -preset ultrafast -g 64 -bf 0 -b:v 8M -f mpegts",
	);
	let largest = Rendition { profile: CAPPED_QUALITY, ..rendition(3840, 2160, 8_000) };
	let ladder = vec![largest].try_into().expect("one rendition");
	let limits = SourceLimits { shortest: 0, ..SourceLimits::new(3840, 2160, 60) };
	let format = Format { ladder, limits, variants: false, stated: None };
	let wrong = [Some(Vec::new())];
	let examined = engine().examine(&format, &source, &wrong, Hash::zero(), 0).await;
	let findings = examined.expect("there is memory for it").findings;
	let unreadable = Fault::NonConforming(NonConformingKind::Unreadable);
	assert_eq!(findings[0].fault(), Some(unreadable));
}

#[tokio::test]
async fn invalid_input_should_keep_its_reason() {
	let refused = engine().transcode(&format(), b"#EXTM3U\n", None).await;
	assert!(
		matches!(refused, Err(MediaError::Invalid(RejectReason::NotTransportStream))),
		"{refused:?}"
	);
}
