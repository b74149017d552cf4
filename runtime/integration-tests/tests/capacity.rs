//! What the chain can do: jobs that can be judged in time, and agendas that nobody can fill.

use livepeer_integration_tests::{canonical, create_job, output, Story, Turn, Work, World, HONEST};
use livepeer_primitives::{
	claim::Outcome,
	extension::Extensions,
	leaf::Leaf,
	params::{ProtocolParameters, Timing},
	receipt::RejectReason,
	verdict::Verdict,
	video::{Rendition, SourceLimits, CANONICAL_PROFILE, LONGEST_SEGMENT, MAX_FPS, USUAL_LONGEST},
	work, BlockNumber, UNIT,
};
use livepeer_runtime::{Jobs, Runtime, RuntimeOrigin};
use sp_keyring::Sr25519Keyring::{Ferdie, FerdieStash};

fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
}

fn four() -> [Rendition; 4] {
	[
		rendition(1920, 1080, 6_000),
		rendition(1280, 720, 3_000),
		rendition(854, 480, 1_200),
		rendition(640, 360, 800),
	]
}

fn huge(world: &World) -> pallet_jobs::Call<Runtime> {
	let ladder: Vec<_> = (0..8).map(|i| rendition(4096, 4096, 8_000 + i)).collect();
	pallet_jobs::Call::create_job {
		broadcaster: None,
		name: b"huge".to_vec().try_into().expect("short"),
		ladder: ladder.try_into().expect("eight"),
		limits: SourceLimits { longest: LONGEST_SEGMENT, ..SourceLimits::new(4096, 4096, 120) },
		max_price: UNIT / 50_000,
		end: world.number() + 600,
		budget: 100 * UNIT,
	}
}

/// A job whose claims could not be judged in the time that they give would be void for ever: its
/// stream was transcoded for nothing, and all validators worked for nothing.
#[test]
fn job_should_be_refused_when_nobody_could_judge_it() {
	let mut world = Story::network();
	let call = huge(&world);
	let refused = world.call(Ferdie, call);
	assert_eq!(refused, Ok(Err(pallet_jobs::Error::<Runtime>::CannotBeJudged.into())));
}

/// The jobs that the presets promise: 1080p60 with four renditions on a local chain, 2160p60 with
/// five in production, also with the longest segments that a job may name.
#[test]
fn promised_jobs_should_have_samples_that_can_be_judged() {
	let four = four();
	let five = [
		rendition(3840, 2160, 16_000),
		rendition(2560, 1440, 9_000),
		rendition(1920, 1080, 6_000),
		rendition(1280, 720, 3_000),
		rendition(854, 480, 1_200),
	];
	for (parameters, ladder, source) in [
		(ProtocolParameters::development(), &four[..], SourceLimits::new(1920, 1080, 60)),
		(ProtocolParameters::production(), &five[..], SourceLimits::new(3840, 2160, 60)),
	] {
		for longest in [source.longest, LONGEST_SEGMENT] {
			let limits = SourceLimits { longest, ..source };
			let leaf = work::max_leaf_work(&parameters.jobs.factors, ladder, &limits);
			let samples = parameters.lottery.samples_of(leaf.expect("it fits"));
			assert!(samples > 0, "{limits:?}");
			// The commit phase has a block for all that the drawn leaves can hold.
			let drawn = leaf.expect("it fits") * u64::from(samples);
			let blocks = parameters.lottery.work_blocks(drawn);
			assert!(u64::from(blocks) * parameters.lottery.verify_rate >= drawn);
		}
	}
	assert_eq!(ProtocolParameters::development().check(&Timing::development()), Ok(()));
	assert_eq!(ProtocolParameters::production().check(&Timing::production()), Ok(()));
}

/// Sources of 1920×1080 whose segments are all as long, so that a transcoder has places for its claims.
fn even(fps: u16) -> SourceLimits {
	SourceLimits { shortest: USUAL_LONGEST, ..SourceLimits::new(1920, 1080, fps) }
}

/// A job that runs, of transcoders who have room for any.
fn heavy(mut world: World, ladder: &[Rendition], limits: SourceLimits) -> Story {
	for who in Story::TRANSCODERS {
		let (capacity, profiles) = (1_000_000_000_000, canonical());
		world.ok(who, pallet_transcoder_election::Call::set_available { capacity, profiles });
	}
	let call = pallet_jobs::Call::create_job {
		broadcaster: None,
		name: b"heavy".to_vec().try_into().expect("short"),
		ladder: ladder.to_vec().try_into().expect("few"),
		limits,
		max_price: UNIT / 10_000,
		end: world.number() + 600,
		budget: 100 * UNIT,
	};
	world.ok(Ferdie, call);
	let job = world.run(pallet_jobs::NextJob::<Runtime>::get) - 1;
	let mut story = Story::resume(world, job);
	story.accept();
	story
}

/// Of the heaviest job of which five leaves are drawn a claim is made whose leaves are all as large as they may
/// be. Its committee has the time that re-doing the drawn ones takes, and who uses all of it still judges. It
/// fails where the phase does not count the work of what was revealed, and where jobs are taken for which it
/// would have to be longer than it can be.
#[test]
fn claim_of_the_largest_leaves_should_be_judged_by_who_commits_in_the_last_block() {
	const LEAVES: u64 = 8;
	const SAMPLES: u32 = 5;
	let mut world = Story::network();
	let ProtocolParameters { jobs, lottery, .. } = world.parameters().0;
	let largest = |fps| work::max_leaf_work(&jobs.factors, &four(), &even(fps)).expect("it fits");
	let fps = (1..=MAX_FPS)
		.take_while(|fps| lottery.samples_of(largest(*fps)) >= SAMPLES)
		.last()
		.expect("the smallest is light");
	let leaf = largest(fps);
	let mut story = heavy(world, &four(), even(fps));
	let turn = story.turn();
	let leaves = (0..LEAVES).map(|seq| Leaf::Transcoded {
		segment: turn.segment(seq),
		outputs: vec![Some(output(seq)); 4].try_into().expect("four"),
		work: leaf,
		extensions: Extensions::default(),
	});
	let signatures = (0..LEAVES).map(|seq| turn.sign(seq, turn.segment(seq)));
	let work = Work::new(&turn, 0, leaves.collect(), signatures.collect());
	let call = work.claim(story.world.toolchain());
	let claim = story.make_claim(work, call);

	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let (opened, deadline, sampled) = story.world.run(|| {
		use pallet_challenge_lottery::{Ballots, Challenges};
		let ballot = Ballots::<Runtime>::get(claim.id).expect("it is voted on");
		let challenge = Challenges::<Runtime>::get(claim.id).expect("it is open");
		(ballot.opened, ballot.deadline, challenge.sampled_work)
	});
	assert_eq!(sampled, leaf * ballot.leaves as u64);
	let needed = BlockNumber::try_from(sampled.div_ceil(lottery.verify_rate)).expect("few");
	assert!(needed <= lottery.max_work_blocks);
	assert!(deadline - opened >= lottery.commit_base + needed, "{opened} to {deadline}");

	story.world.until(60, |world| world.number() + 2 >= deadline);
	let valid: Vec<_> = (0..ballot.members.len())
		.map(|member| (member, ballot.opening(member, Verdict::Valid)))
		.collect();
	story.cast(&claim, &ballot, &valid, &valid);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.slashes().is_empty(), "nobody was late");
}

/// A segment may be damaged in its last picture and no sooner, so whoever looks whether it was rejected rightly decodes
/// all of it. Its ballot is as long as that takes. It fails where a rejected leaf of a job of large pictures states no
/// more than one of any other.
#[test]
fn attack_segments_that_are_damaged_in_their_last_picture() {
	const LEAVES: u64 = 8;
	let mut world = Story::network();
	let lottery = world.parameters().0.lottery;
	let mut story = heavy(world, &[rendition(640, 360, 800)], even(60));
	let turn = story.turn();
	let job = story.job;
	let factors = story.world.run(|| Jobs::job(job)).expect("it runs").factors;
	let leaves = (0..LEAVES).map(|seq| Leaf::Rejected {
		segment: turn.segment(seq),
		reason: RejectReason::Undecodable { reason: 5, packet: 9_999 },
		work: factors.rejected,
		extensions: Extensions::default(),
	});
	let signatures = (0..LEAVES).map(|seq| turn.sign(seq, turn.segment(seq)));
	let work = Work::new(&turn, 0, leaves.collect(), signatures.collect());
	let call = work.claim(story.world.toolchain());
	let claim = story.make_claim(work, call);

	story.reveal(&claim);
	story.ballot(&claim);
	let ballot = story.world.run(|| pallet_challenge_lottery::Ballots::<Runtime>::get(claim.id));
	let ballot = ballot.expect("it is voted on");
	let decoded = 1920 * 1080 * 151 * u64::from(factors.decode) / 1000;
	let all = decoded * u64::from(ballot.leaves);
	assert!(all > lottery.verify_rate, "what is drawn takes longer than the shortest ballot has");
	let needed = BlockNumber::try_from(all.div_ceil(lottery.verify_rate)).expect("few");
	assert!(ballot.deadline - ballot.opened >= lottery.commit_base + needed);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.slashes().is_empty());
}

/// Jobs that end together stand in nobody's way: an honest one is drawn two blocks after it was
/// created.
#[test]
fn job_should_be_drawn_in_time_when_somebody_lets_many_jobs_end_together() {
	let mut world = Story::network();
	let end = world.number() + 24;
	world.run(|| {
		for i in 0..4_000u32 {
			Jobs::create_job(
				RuntimeOrigin::signed(FerdieStash.to_account_id()),
				None,
				format!("junk{i}").into_bytes().try_into().expect("short"),
				vec![rendition(640, 360, 800)].try_into().expect("one"),
				SourceLimits::new(1280, 720, 30),
				// Less than anybody asks.
				ProtocolParameters::development().lottery.terms(false).least_price(),
				end,
				UNIT / 10_000,
			)
			.expect("created");
		}
	});
	world.until(40, |world| world.number() == end - 1);
	let job = create_job(&mut world, Ferdie, "honest", 200);
	let created = world.number();
	world.until(20, |world| Turn::current(world, job).is_some());
	assert!(world.number() - created <= 4, "it waited {} blocks", world.number() - created);
}
