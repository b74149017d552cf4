//! What the chain can do: jobs that can be judged in time, and agendas that nobody can fill.

use livepeer_integration_tests::{create_job, Story, Turn};
use livepeer_primitives::{
	params::{ProtocolParameters, Timing},
	video::{Rendition, SourceLimits, CANONICAL_PROFILE, LONGEST_SEGMENT},
	work, UNIT,
};
use livepeer_runtime::{Jobs, Runtime, RuntimeOrigin};
use sp_keyring::Sr25519Keyring::{Ferdie, FerdieStash};

fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
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
	let four = [
		rendition(1920, 1080, 6_000),
		rendition(1280, 720, 3_000),
		rendition(854, 480, 1_200),
		rendition(640, 360, 800),
	];
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
