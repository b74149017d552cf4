//! The one way to change a parameter.

use crate::{mock::*, Error, Event, FixedTiming, ParameterStore as _};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	params::{ParameterError, ProtocolParameters, Timing},
	AccountId,
};
use proptest::prelude::*;
use sp_runtime::{DispatchError, Perbill};

const DEV: ProtocolParameters = ProtocolParameters::development();

#[test]
fn parameter_should_be_stored_when_every_rule_is_kept() {
	build_and_execute(|| {
		let mut value = DEV.lottery;
		value.reveal_window += 3;
		assert_ok!(ChainConfig::set_parameter(RuntimeOrigin::root(), lottery(value)));
		assert_eq!(ChainConfig::parameters(), ProtocolParameters { lottery: value, ..DEV });
		System::assert_last_event(Event::ParameterSet { update: lottery(value) }.into());
	});
}

#[test]
fn call_should_be_refused_when_the_origin_is_not_root() {
	build_and_execute(|| {
		let signed = RuntimeOrigin::signed(AccountId::new([1; 32]));
		for origin in [signed, RuntimeOrigin::none()] {
			assert_noop!(
				ChainConfig::set_parameter(origin, rounds(DEV.rounds)),
				DispatchError::BadOrigin
			);
		}
	});
}

#[test]
fn parameters_own_call_should_be_closed_to_everybody() {
	build_and_execute(|| {
		assert_noop!(
			Parameters::set_parameter(RuntimeOrigin::root(), rounds(DEV.rounds)),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn call_should_be_refused_when_it_deletes_a_value() {
	build_and_execute(|| {
		let deletions = [
			Concern::Rounds(concern::Rounds, None),
			Concern::Staking(concern::Staking, None),
			Concern::Election(concern::Election, None),
			Concern::Jobs(concern::Jobs, None),
			Concern::Lottery(concern::Lottery, None),
		];
		for deletion in deletions {
			assert_noop!(
				ChainConfig::set_parameter(
					RuntimeOrigin::root(),
					RuntimeParameters::Protocol(deletion)
				),
				Error::<Test>::ValueMissing
			);
		}
	});
}

#[test]
fn relation_should_be_checked_against_the_values_of_other_concerns() {
	build_and_execute(|| {
		// 7 × 30 blocks of liability must stay longer than the longest claim.
		let mut value = DEV.rounds;
		value.length = 20;
		assert_noop!(
			ChainConfig::set_parameter(RuntimeOrigin::root(), rounds(value)),
			Error::<Test>::LiabilityWindow
		);
		// With shorter phases the same round is long enough.
		let mut shorter = DEV.lottery;
		shorter.reveal_window = 1;
		shorter.missed_grace = 1;
		shorter.dispute_commit_base = 1;
		shorter.commit_base = 1;
		assert_ok!(ChainConfig::set_parameter(RuntimeOrigin::root(), lottery(shorter)));
		assert_ok!(ChainConfig::set_parameter(RuntimeOrigin::root(), rounds(value)));
	});
}

#[test]
fn relation_should_be_checked_against_the_fixed_timing() {
	build_and_execute(|| {
		let mut value = DEV.rounds;
		value.length = Timing::development().beacon_window - 1;
		assert_noop!(
			ChainConfig::set_parameter(RuntimeOrigin::root(), rounds(value)),
			Error::<Test>::Timing
		);
	});
}

#[test]
fn every_broken_rule_should_be_named_by_its_own_error() {
	type Change = fn(&mut ProtocolParameters);
	let cases: [(Change, Error<Test>); 9] = [
		(|p| p.rounds.length = 9, Error::Timing),
		(|p| p.rounds.lock_amount = Perbill::one(), Error::LockAmount),
		(|p| p.staking.unbonding_period = 7, Error::UnbondingPeriod),
		(|p| p.lottery.slash_deferral = 28_800, Error::LiabilityWindow),
		(|p| p.election.active_size = 0, Error::SetSize),
		(|p| p.jobs.broadcaster_bond = 0, Error::Bond),
		(|p| p.jobs.accept_timeout = 0, Error::Deadline),
		(|p| p.lottery.max_samples = 17, Error::Sampling),
		(|p| p.lottery.failed_slash = Perbill::from_percent(51), Error::Slash),
	];
	build_and_execute(|| {
		for (change, error) in cases {
			let mut to = DEV;
			change(&mut to);
			let update = all(&to)
				.into_iter()
				.zip(all(&DEV))
				.find_map(|(new, old)| (new != old).then_some(new))
				.unwrap();
			assert_noop!(ChainConfig::set_parameter(RuntimeOrigin::root(), update), error);
		}
	});
}

#[test]
fn every_rule_should_have_an_error_of_the_same_name() {
	for rule in [
		ParameterError::Timing,
		ParameterError::LockAmount,
		ParameterError::UnbondingPeriod,
		ParameterError::LiabilityWindow,
		ParameterError::SetSize,
		ParameterError::Bond,
		ParameterError::Deadline,
		ParameterError::Sampling,
		ParameterError::Slash,
		ParameterError::Factors,
	] {
		let error: &'static str = Error::<Test>::from(rule).into();
		assert_eq!(error, format!("{rule:?}"));
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(256))]

	#[test]
	fn rules_should_hold_and_timing_stay_whatever_governance_tries(
		tries in prop::collection::vec(
			(1u32..200, 0u32..1_200_000_000, 0u32..40, 0u32..200, 0u32..30),
			1..12,
		),
	) {
		new_test_ext().execute_with(|| {
			for (length, lock, rounds, phase, size) in tries {
				let mut to = ChainConfig::parameters();
				match size % 5 {
					0 => {
						to.rounds.length = length;
						to.rounds.lock_amount = Perbill::from_parts(lock.min(1_000_000_000));
					},
					1 => {
						to.staking.liability_window = rounds;
						to.staking.unbonding_period = rounds + size;
					},
					2 => {
						to.election.min_validators = size;
						to.election.active_size = phase;
					},
					3 => {
						to.jobs.priority_list = size;
						to.jobs.claim_grace = phase;
					},
					_ => {
						to.lottery.commit_base = phase;
						to.lottery.max_samples = size;
					},
				}
				for update in all(&to) {
					let before = ChainConfig::parameters();
					let would = Store::with(&update).unwrap();
					let allowed = would.check(&Timing::development()).is_ok();
					let done = ChainConfig::set_parameter(RuntimeOrigin::root(), update);
					assert_eq!(done.is_ok(), allowed);
					let expected = if allowed { would } else { before };
					assert_eq!(ChainConfig::parameters(), expected);
					ChainConfig::do_try_state().unwrap();
				}
			}
			assert_eq!(FixedTiming::<Test>::get(), Timing::development());
		});
	}
}
