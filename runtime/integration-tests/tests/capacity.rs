//! What the chain can do: jobs that can be judged in time, and agendas that nobody can fill.

use livepeer_integration_tests::{canonical, create_job, output, Story, Turn, Work};
use livepeer_primitives::{
	claim::Outcome,
	extension::Extensions,
	leaf::Leaf,
	params::{ProtocolParameters, Timing},
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

fn huge(world: &livepeer_integration_tests::World) -> pallet_jobs::Call<Runtime> {
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

/// Of the heaviest job of which five leaves are drawn a claim is made whose leaves are all as large as they may
/// be. Its committee has the time that re-doing the drawn ones takes, and who uses all of it still judges. It
/// fails where the phase does not count the work of what was revealed, and where jobs are taken for which it
/// would have to be longer than it can be.
#[test]
fn claim_of_the_largest_leaves_should_be_judged_by_who_commits_in_the_last_block() {
	const LEAVES: u64 = 8;
	const SAMPLES: u32 = 5;
	let mut world = Story::network();
	for who in Story::TRANSCODERS {
		let (capacity, profiles) = (1_000_000_000_000, canonical());
		world.ok(who, pallet_transcoder_election::Call::set_available { capacity, profiles });
	}
	let ProtocolParameters { jobs, lottery, .. } = world.parameters().0;
	// With segments that are all as long, so that a transcoder has places for its claims.
	let limits =
		|fps| SourceLimits { shortest: USUAL_LONGEST, ..SourceLimits::new(1920, 1080, fps) };
	let largest = |fps| work::max_leaf_work(&jobs.factors, &four(), &limits(fps)).expect("it fits");
	let fps = (1..=MAX_FPS)
		.take_while(|fps| lottery.samples_of(largest(*fps)) >= SAMPLES)
		.last()
		.expect("the smallest is light");
	let leaf = largest(fps);
	world.ok(
		Ferdie,
		pallet_jobs::Call::create_job {
			broadcaster: None,
			name: b"heavy".to_vec().try_into().expect("short"),
			ladder: four().to_vec().try_into().expect("four"),
			limits: limits(fps),
			max_price: UNIT / 10_000,
			end: world.number() + 600,
			budget: 100 * UNIT,
		},
	);
	let job = world.run(pallet_jobs::NextJob::<Runtime>::get) - 1;
	let mut story = Story::resume(world, job);
	story.accept();
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
