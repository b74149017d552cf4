//! Presets, bounds and relations of the parameters.
#![allow(missing_docs, clippy::unwrap_used)]

use livepeer_primitives::{
	draw::sample_count,
	params::{ParameterError, ProtocolParameters, Timing},
	MAX_SLASHED_ROUNDS, MAX_TREE_DEPTH, MAX_VALIDATORS,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

const PRODUCTION: ProtocolParameters = ProtocolParameters::production();
const DEV: ProtocolParameters = ProtocolParameters::development();

#[test]
fn presets_should_keep_every_rule() {
	assert_eq!(PRODUCTION.check(&Timing::production()), Ok(()));
	assert_eq!(DEV.check(&Timing::development()), Ok(()));
}

#[test]
fn longest_claim_life_should_be_the_worked_number() {
	// Windows + leaf reveal + tranche + dispute + deferral + penalties, 16 in each block.
	let production = 5 * 100 + (100 + 10) + (50 + 100 + 20) + (200 + 100 + 50 + 2) + 28_800 + 20;
	assert_eq!(PRODUCTION.lottery.longest_claim_life(&Timing::production()), production);
	assert_eq!(production, 29_952);
	let dev = 5 * 10 + (20 + 10) + (12 + 10 + 10) + (20 + 10 + 10 + 2) + 12 + 20;
	assert_eq!(DEV.lottery.longest_claim_life(&Timing::development()), dev);
	assert_eq!(dev, 186);
}

#[test]
fn claims_should_be_short_enough_for_the_rate() {
	let leaves = |percent_times_ten: u32| {
		let mut lottery = PRODUCTION.lottery;
		lottery.verification_rate = Perbill::from_rational(percent_times_ten, 1_000);
		lottery.max_leaves()
	};
	// Production: 2 %, and 5 % for the new; dev: 25 % and 62.5 %.
	assert_eq!(leaves(20), 800);
	assert_eq!(leaves(50), 320);
	assert_eq!(leaves(250), 64);
	assert_eq!(leaves(625), 25);
	assert_eq!(leaves(1_000), 16);
	assert_eq!(leaves(0), 1 << MAX_TREE_DEPTH);
}

#[test]
fn whitepapers_verification_rate_should_be_permitted() {
	let mut parameters = PRODUCTION;
	parameters.lottery.verification_rate = Perbill::from_rational(1u32, 500);
	assert_eq!(parameters.check(&Timing::production()), Ok(()));
	assert_eq!(parameters.lottery.max_leaves(), 1 << MAX_TREE_DEPTH);
}

#[test]
fn work_blocks_should_be_rounded_up_and_capped() {
	let lottery = DEV.lottery;
	assert_eq!(lottery.work_blocks(0), 0);
	assert_eq!(lottery.work_blocks(1), 1);
	assert_eq!(lottery.work_blocks(150_000_000), 1);
	assert_eq!(lottery.work_blocks(150_000_001), 2);
	assert_eq!(lottery.work_blocks(u64::MAX), 10);
}

#[test]
fn every_bound_should_be_checked() {
	use ParameterError as E;
	type Change = fn(&mut ProtocolParameters, &mut Timing);
	let half_and_more = Perbill::from_percent(51);
	assert!(half_and_more > Perbill::from_percent(50));
	let cases: &[(E, Change)] = &[
		(E::Timing, |_, t| t.slot_duration = 0),
		(E::Timing, |_, t| t.slot_duration = 999),
		(E::Timing, |_, t| t.slot_duration = 60_001),
		(E::Timing, |_, t| t.session_length = 0),
		(E::Timing, |_, t| t.session_length = 100_001),
		(E::Timing, |_, t| t.beacon_window = 0),
		(E::Timing, |p, t| t.beacon_window = p.rounds.length + 1),
		(E::Timing, |p, _| p.rounds.length = 0),
		(E::LockAmount, |p, _| p.rounds.lock_amount = Perbill::one()),
		(E::UnbondingPeriod, |p, _| p.staking.unbonding_period = p.staking.liability_window - 1),
		(E::LiabilityWindow, |p, _| p.staking.liability_window = 0),
		(E::LiabilityWindow, |p, _| p.staking.liability_window = 1),
		(E::LiabilityWindow, |p, _| p.lottery.slash_deferral = u32::MAX),
		// A slash would not reach as far back.
		(E::LiabilityWindow, |p, _| {
			p.staking.unbonding_period = MAX_SLASHED_ROUNDS;
			p.staking.liability_window = MAX_SLASHED_ROUNDS;
		}),
		(E::SetSize, |p, _| p.election.active_size = 0),
		(E::SetSize, |p, _| p.election.active_size = MAX_VALIDATORS + 1),
		(E::SetSize, |p, _| p.election.min_validators = 0),
		(E::SetSize, |p, _| p.election.min_validators = p.election.active_size + 1),
		(E::SetSize, |p, _| p.jobs.priority_list = 0),
		(E::SetSize, |p, _| p.jobs.priority_list = 17),
		(E::SetSize, |p, _| p.jobs.max_open_claims = 0),
		(E::SetSize, |p, _| p.jobs.max_open_claims = 1_025),
		(E::SetSize, |p, _| p.jobs.allowance_leaves = 0),
		(E::Bond, |p, _| p.staking.min_bond = 0),
		(E::Bond, |p, _| p.election.min_self_bond = p.staking.min_bond - 1),
		(E::Bond, |p, _| p.election.min_validator_stake = 0),
		(E::Bond, |p, _| p.jobs.broadcaster_bond = 0),
		(E::Bond, |p, _| p.staking.finder_fee = Perbill::from_percent(51)),
		(E::Deadline, |p, _| p.election.heartbeat_interval = 0),
		(E::Deadline, |p, _| p.jobs.accept_timeout = 0),
		(E::Deadline, |p, _| p.jobs.claim_grace = 0),
		(E::Deadline, |p, _| p.jobs.longest_job = 0),
		(E::Deadline, |p, _| p.lottery.reveal_window = 0),
		(E::Deadline, |p, _| p.lottery.missed_grace = 0),
		(E::Deadline, |p, _| p.lottery.commit_base = 0),
		(E::Deadline, |p, _| p.lottery.verdict_reveal = 0),
		(E::Deadline, |p, _| p.lottery.max_work_blocks = 0),
		(E::Deadline, |p, _| p.lottery.dispute_commit_base = 0),
		(E::Deadline, |p, _| p.lottery.dispute_reveal = 0),
		(E::Deadline, |p, _| p.lottery.slashing_period = 0),
		(E::Deadline, |p, _| p.lottery.slash_deferral = 0),
		(E::Sampling, |p, _| p.lottery.max_samples = 0),
		(E::Sampling, |p, _| p.lottery.max_samples = 17),
		(E::Sampling, |p, _| p.lottery.committee_size = 0),
		(E::Sampling, |p, _| p.lottery.committee_size = 65),
		(E::Sampling, |p, _| p.lottery.verify_rate = 0),
		(E::Sampling, |p, _| p.lottery.verification_rate = Perbill::zero()),
		(E::Slash, |p, _| p.lottery.failed_slash = Perbill::zero()),
		(E::Slash, |p, _| p.lottery.failed_slash = Perbill::from_percent(51)),
		(E::Slash, |p, _| p.lottery.missed_slash = Perbill::zero()),
		(E::Slash, |p, _| p.lottery.missed_slash = Perbill::from_percent(4)),
		(E::Slash, |p, _| p.lottery.missed_slash = Perbill::from_percent(51)),
		(E::Slash, |p, _| p.lottery.false_dissent_slash = Perbill::from_percent(51)),
		(E::Slash, |p, _| p.lottery.no_show_slash = Perbill::from_percent(51)),
		(E::Factors, |p, _| p.jobs.factors.preset = 0),
		(E::Factors, |p, _| p.jobs.factors.preset = 1_001),
		(E::Factors, |p, _| p.jobs.factors.decode = 0),
		(E::Factors, |p, _| p.jobs.factors.decode = 1_001),
	];
	for (preset, timing) in [(PRODUCTION, Timing::production()), (DEV, Timing::development())] {
		for (number, (error, change)) in cases.iter().enumerate() {
			let (mut parameters, mut timing) = (preset, timing);
			change(&mut parameters, &mut timing);
			assert_eq!(parameters.check(&timing), Err(*error), "case {number}");
		}
	}
}

#[test]
fn stake_should_stay_until_the_longest_claim_of_its_last_round_is_executed() {
	// A claim of the last block of round r, from which stake left in round r, is executed while
	// the liability window of r still runs: it has at least `liability_window − 1` whole rounds.
	let timing = Timing::development();
	let life = DEV.lottery.longest_claim_life(&timing);
	let mut parameters = DEV;
	parameters.rounds.length = life / 7;
	assert_eq!(parameters.check(&timing), Err(ParameterError::LiabilityWindow));
	parameters.rounds.length = life / 7 + 1;
	assert_eq!(parameters.check(&timing), Ok(()));
}

#[test]
fn liability_window_should_be_taken_when_a_slash_just_reaches_it() {
	let mut parameters = PRODUCTION;
	parameters.staking.unbonding_period = MAX_SLASHED_ROUNDS;
	parameters.staking.liability_window = MAX_SLASHED_ROUNDS - 1;
	assert_eq!(parameters.check(&Timing::production()), Ok(()));
}

#[test]
fn parameters_should_read_back_from_json() {
	let json = serde_json::to_string(&(PRODUCTION, Timing::production())).unwrap();
	let back: (ProtocolParameters, Timing) = serde_json::from_str(&json).unwrap();
	assert_eq!(back, (PRODUCTION, Timing::production()));
}

proptest! {
	#[test]
	fn claims_of_allowed_length_should_keep_the_rate(parts in 1u32..=1_000_000_000, max in 1u32..=16) {
		let mut lottery = PRODUCTION.lottery;
		lottery.verification_rate = Perbill::from_parts(parts);
		lottery.max_samples = max;
		let leaves = lottery.max_leaves();
		let k = sample_count(lottery.verification_rate, leaves, max);
		// As many are drawn as the rate asks for, or the claim has the one leaf that it must.
		prop_assert!(u64::from(k) * 1_000_000_000 >= u64::from(parts) * u64::from(leaves));
	}

	#[test]
	fn check_should_not_overflow_whatever_it_is_given(
		numbers in prop::collection::vec(any::<u32>(), 12),
		rate in any::<u64>(),
	) {
		let mut parameters = DEV;
		parameters.rounds.length = numbers[0];
		let window = numbers[1] % (2 * MAX_SLASHED_ROUNDS);
		parameters.staking.liability_window = window;
		parameters.staking.unbonding_period = u32::MAX;
		let l = &mut parameters.lottery;
		l.reveal_window = numbers[2];
		l.missed_grace = numbers[3];
		l.commit_base = numbers[4];
		l.verdict_reveal = numbers[5];
		l.max_work_blocks = numbers[6];
		l.dispute_commit_base = numbers[7];
		l.dispute_reveal = numbers[8];
		l.slashing_period = numbers[9];
		l.slash_deferral = numbers[10];
		l.verify_rate = rate;
		let _ = l.work_blocks(rate);
		let timing = Timing { beacon_window: numbers[11], ..Timing::development() };
		if parameters.check(&timing).is_ok() {
			// Then the relation holds in exact numbers.
			let life: u64 = 5 * u64::from(numbers[11])
				+ numbers[2..9].iter().map(|n| u64::from(*n)).sum::<u64>()
				+ u64::from(numbers[6])
				+ 2 + u64::from(numbers[9].max(numbers[10]))
				+ 20;
			let liable = u64::from(window - 1) * u64::from(numbers[0]);
			prop_assert!(window < MAX_SLASHED_ROUNDS);
			prop_assert!(liable > life.min(u64::from(u32::MAX)));
		}
	}
}
