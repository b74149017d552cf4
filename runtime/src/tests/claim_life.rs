//! The longest life of a claim, computed from the parameters, and what must last longer.

use livepeer_primitives::params::{ProtocolParameters, Timing};

/// Both presets: parameters, timing and the life that the protocol's description states, in blocks.
fn presets() -> [(ProtocolParameters, Timing, u32); 2] {
	[
		(ProtocolParameters::production(), Timing::production(), 31_500),
		(ProtocolParameters::development(), Timing::development(), 420),
	]
}

#[test]
fn longest_claim_life_should_be_as_described() {
	for (parameters, timing, described) in presets() {
		let lottery = parameters.lottery;
		let life = lottery.longest_claim_life(&timing);
		assert!(life <= described, "{life} > {described}");
		assert!(life * 2 > described, "{life} is far from {described}");
	}
}

#[test]
fn stake_should_be_liable_for_longer_than_any_claim_lives() {
	for (parameters, timing, _) in presets() {
		let life = parameters.lottery.longest_claim_life(&timing);
		let staking = parameters.staking;
		assert!((staking.liability_window - 1) * parameters.rounds.length > life);
		assert!(staking.unbonding_period >= staking.liability_window);
	}
}

#[test]
fn slashes_should_reach_every_round_in_which_a_claim_can_be_open() {
	use frame_support::traits::Get;
	let reached: u32 = <crate::Runtime as pallet_lpt_staking::Config>::MaxSlashedRounds::get();
	let counted: u32 = <crate::Runtime as pallet_lpt_staking::Config>::MaxLiabilityRounds::get();
	for (parameters, timing, _) in presets() {
		let rounds =
			parameters.lottery.longest_claim_life(&timing).div_ceil(parameters.rounds.length) + 1;
		assert!(reached >= rounds && counted >= rounds, "a claim spans {rounds} rounds");
	}
}

#[test]
fn ordinary_jobs_should_leave_a_transcoder_places_for_others() {
	use livepeer_primitives::video::SourceLimits;
	for (parameters, timing, _) in presets() {
		let lottery = parameters.lottery;
		let life = lottery.longest_judgement(&timing);
		let leaves = lottery.leaves_of(lottery.max_samples);
		let limits = SourceLimits::new(1280, 720, 30);
		let places = pallet_jobs::decision::places(life, timing.slot_duration, leaves, &limits);
		assert!(places * 8 <= parameters.jobs.max_open_claims, "one job takes {places} places");
	}
}
