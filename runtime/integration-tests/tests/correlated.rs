//! Failures of many under one toolchain on the real runtime: their slashes wait longer, nobody is free
//! meanwhile, and what leaves meanwhile is reached all the same.

use livepeer_integration_tests::{canonical, create_job, Claim, Story, World};
use livepeer_primitives::{api::ChallengeStage, BlockNumber, ClaimId, JobId, UNIT};
use livepeer_runtime::{Runtime, RuntimeEvent};
use pallet_challenge_lottery::Event as Lottery;
use pallet_lpt_staking::{Call as Stake, Error as StakeError};
use pallet_transcoder_election::Call as Election;
use sp_keyring::Sr25519Keyring::{self, AliceStash, Bob, Charlie, Dave, EveStash, Ferdie};

/// Transcoders, and for whom each works: together they have three fifths of the stake.
const PARTIES: [(Sr25519Keyring, Sr25519Keyring); 3] =
	[(Bob, Ferdie), (Charlie, AliceStash), (Dave, EveStash)];

/// A job of its own broadcaster at each of the transcoders, which take no more than that.
fn at_work() -> (World, [JobId; 3]) {
	let mut world = World::local().without_inflation();
	let mut jobs = Vec::new();
	let mut workers = Vec::new();
	for (transcoder, broadcaster) in PARTIES {
		world = Story::working(world, &[transcoder]);
		workers.push(transcoder);
		world.workers = workers.clone();
		let job = create_job(&mut world, broadcaster, "together", 600);
		let mut story = Story::resume(world, job);
		story.accept();
		assert_eq!(story.transcoder, transcoder, "nobody else takes work");
		world = story.world;
		let nothing = Election::set_available { capacity: 0, profiles: canonical() };
		world.ok(transcoder, nothing);
		jobs.push(job);
	}
	(world, jobs.try_into().expect("one for each"))
}

/// A claim of each transcoder, all in one beacon window, so that all are drawn together.
fn claim_all(mut world: World, jobs: [JobId; 3]) -> (World, [Claim; 3]) {
	let window = world.parameters().1.beacon_window;
	world.until(window, |world| world.number() % window == 0);
	let mut claims = Vec::new();
	for ((transcoder, _), job) in PARTIES.into_iter().zip(jobs) {
		let mut story = Story::resume(world, job);
		story.transcoder = transcoder;
		claims.push(story.claim(8));
		world = story.world;
	}
	(world, claims.try_into().unwrap_or_else(|_| panic!("one for each")))
}

/// What was said of deferrals that are longer.
fn lengthened(world: &World) -> Vec<(ClaimId, BlockNumber)> {
	let told = world.events.iter().filter_map(|(_, event)| match event {
		RuntimeEvent::ChallengeLottery(Lottery::DeferralLengthened {
			claim, execute_at, ..
		}) => Some((*claim, *execute_at)),
		_ => None,
	});
	let mut told: Vec<_> = told.collect();
	told.sort_unstable();
	told
}

#[test]
fn slashes_should_wait_when_three_fail_together() {
	let (world, jobs) = at_work();
	let (world, claims) = claim_all(world, jobs);
	let mut story = Story::resume(world, jobs[0]);
	// Nobody reveals anything.
	for claim in &claims {
		story.until_stage(claim, ChallengeStage::Decided);
	}
	let decided = story.world.number();
	let lottery = story.world.parameters().0.lottery;
	story.world.blocks(lottery.slash_deferral);
	let until = decided + lottery.long_deferral;
	assert_eq!(lengthened(&story.world), claims.each_ref().map(|claim| (claim.id, until)));
	story.world.blocks(until - story.world.number() - 1);
	assert!(story.slashes().is_empty());
	for (transcoder, _) in PARTIES {
		assert!(story.is_jailed(transcoder));
	}
	story.world.blocks(1);
	assert!(story.slashes().iter().all(|(block, ..)| *block == until));
	for (transcoder, _) in PARTIES {
		assert!(story.lost(transcoder) > 0, "{transcoder:?} got away");
	}
}

/// A cheater has two others fail with it, so that its own slash waits for longer than unbonding takes, and has its
/// stake leave at once.
#[test]
fn attack_stake_should_not_leave_while_a_slash_waits_longer_than_unbonding() {
	let (mut world, jobs) = at_work();
	let (parameters, _) = world.parameters();
	let unbonding = parameters.staking.unbonding_period * parameters.rounds.length;
	let long = unbonding + 3 * parameters.rounds.length;
	world.set_lottery(|lottery| lottery.long_deferral = long);
	let (world, claims) = claim_all(world, jobs);
	let mut story = Story::resume(world, jobs[0]);
	let leaves = 1_000 * UNIT;
	let all = story.bond(Bob) + story.bond(Story::delegator_of(Bob));
	story.world.ok(Bob, Stake::unbond { amount: leaves });
	for claim in &claims {
		story.until_stage(claim, ChallengeStage::Decided);
	}
	let decided = story.world.number();
	story.world.blocks(unbonding + parameters.rounds.length);
	assert_eq!(lengthened(&story.world).len(), 3);
	assert!(story.slashes().is_empty() && story.is_jailed(Bob));
	// It has waited for longer than anybody has to, and is held back.
	let withdraw = || Stake::<Runtime>::withdraw_stake { lock: 0 };
	let held = story.world.call(Bob, withdraw());
	assert_eq!(held, Ok(Err(StakeError::<Runtime>::LiabilityOpen.into())));
	story.world.blocks(decided + long - story.world.number());
	let share = story.world.parameters().0.lottery.missed_slash;
	assert!(story.lost(Bob).abs_diff(share * all) < 1_000, "what had left is slashed too");
	let before = story.world.lpt(&Bob.to_account_id());
	story.world.ok(Bob, withdraw());
	let got = story.world.lpt(&Bob.to_account_id()) - before;
	// Less the fee of the call.
	assert!(got < leaves - share * leaves && got + UNIT > leaves - share * leaves);
}
