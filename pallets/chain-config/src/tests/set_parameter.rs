//! `set_parameter`, the only way to change a parameter.

use crate::{mock::*, Error, Event, FixedTiming, ParameterStore as _};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::dynamic_params::AggregatedKeyValue};
use livepeer_primitives::{
	params::{ParameterError, ProtocolParameters, Relation, Timing, BOUNDS},
	AccountId,
};
use proptest::prelude::*;
use scale_info::{TypeDef, TypeInfo};
use sp_runtime::{DispatchError, Perbill};
use std::collections::BTreeMap;

const DEV: ProtocolParameters = ProtocolParameters::development();

#[test]
fn parameter_should_be_stored_when_every_rule_is_kept() {
	build_and_execute(|| {
		let mut value = DEV.lottery;
		value.reveal_window -= 3;
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
		// 13 × 30 blocks of liability must stay longer than the longest claim.
		let mut value = DEV.rounds;
		value.length = 20;
		assert_noop!(
			ChainConfig::set_parameter(RuntimeOrigin::root(), rounds(value)),
			Error::<Test>::LiabilityOutlivesClaims
		);
		// With shorter phases the same round length suffices.
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
			Error::<Test>::WindowWithinRound
		);
	});
}

/// The update that leads from the preset to `to`.
fn update_to(to: &ProtocolParameters) -> RuntimeParameters {
	let changed = all(to).into_iter().zip(all(&DEV)).find(|(new, old)| new != old);
	changed.unwrap().0
}

/// A value that never ends cannot be undone. Once a round of u32::MAX blocks has begun, no
/// correction ever takes force, and an unbonding period of that many rounds locks stake for good.
#[test]
fn call_should_refuse_what_governance_could_not_undo() {
	type Change = fn(&mut ProtocolParameters);
	let cases: [(Change, Error<Test>); 5] = [
		(|p| p.rounds.length = u32::MAX, Error::RoundLength),
		(|p| p.staking.unbonding_period = u32::MAX, Error::UnbondingPeriod),
		(|p| p.lottery.slash_deferral = u32::MAX, Error::SlashDeferral),
		(|p| p.lottery.slashing_period = u32::MAX, Error::SlashingPeriod),
		(|p| p.lottery.chill = u32::MAX, Error::Chill),
	];
	build_and_execute(|| {
		for (change, error) in cases {
			let mut to = DEV;
			change(&mut to);
			assert_noop!(ChainConfig::set_parameter(RuntimeOrigin::root(), update_to(&to)), error);
		}
	});
	// The longest accepted round ends within four weeks.
	chain(Timing::production(), ProtocolParameters::production()).execute_with(|| {
		let mut value = ProtocolParameters::production().rounds;
		value.length = 28 * 14_400 + 1;
		assert_noop!(
			ChainConfig::set_parameter(RuntimeOrigin::root(), rounds(value)),
			Error::<Test>::RoundLength
		);
	});
}

#[test]
fn every_broken_rule_should_be_named_by_its_own_error() {
	type Change = fn(&mut ProtocolParameters);
	let cases: [(Change, Error<Test>); 10] = [
		(|p| p.rounds.length = 9, Error::WindowWithinRound),
		(|p| p.rounds.lock_amount = Perbill::one(), Error::LockAmount),
		(|p| p.staking.unbonding_period = 7, Error::UnbondingWithinLiability),
		(|p| p.lottery.slash_deferral = 28_800, Error::LiabilityOutlivesClaims),
		(|p| p.election.active_size = 0, Error::ActiveSize),
		(|p| p.jobs.broadcaster_bond = 0, Error::BroadcasterBond),
		(|p| p.jobs.accept_timeout = 0, Error::AcceptTimeout),
		(|p| p.jobs.factors.profiles[0].encode = 0, Error::EncodeFactor),
		(|p| p.lottery.max_samples = 17, Error::MaxSamples),
		(|p| p.lottery.failed_slash = Perbill::from_percent(51), Error::FailedSlash),
	];
	build_and_execute(|| {
		for (change, error) in cases {
			let mut to = DEV;
			change(&mut to);
			assert_noop!(ChainConfig::set_parameter(RuntimeOrigin::root(), update_to(&to)), error);
			// The view refuses it too, and names the bound.
			let broken = ChainConfig::check(to).unwrap_err();
			let named: &'static str = Error::<Test>::from(broken).into();
			assert!(format!("{broken:?}").contains(named));
		}
		assert_eq!(ChainConfig::check(DEV), Ok(()));
	});
}

/// What polkadot.js Apps shows of an error: its name and its documentation.
fn documented_errors() -> BTreeMap<String, String> {
	let TypeDef::Variant(errors) = Error::<Test>::type_info().type_def else {
		panic!("errors are an enum")
	};
	let text = |docs: &[&str]| docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
	errors.variants.iter().map(|error| (error.name.into(), text(&error.docs))).collect()
}

#[test]
fn every_parameters_error_should_state_its_bounds() {
	let errors = documented_errors();
	for bounds in BOUNDS {
		let error = Error::<Test>::from(ParameterError::TooLarge {
			parameter: bounds.parameter,
			highest: bounds.highest,
		});
		let name: &'static str = error.into();
		assert_eq!(name, format!("{:?}", bounds.parameter));
		assert_eq!(errors[name], format!("{bounds}."));
	}
	// And no other errors than these, the relations, the step of the rate and faults of the call
	// itself.
	let TypeDef::Variant(relations) = Relation::type_info().type_def else {
		panic!("relations are an enum")
	};
	for relation in &relations.variants {
		assert!(!errors[relation.name].is_empty());
	}
	assert_eq!(errors.len(), BOUNDS.len() + relations.variants.len() + 3);
}

/// The storage key of a concern.
fn key_of(update: RuntimeParameters) -> Vec<u8> {
	pallet_parameters::Parameters::<Test>::hashed_key_for(AggregatedKeyValue::into_parts(update).0)
}

/// An unreadable value must not make the chain continue with another network's.
#[test]
fn unreadable_value_should_be_said_and_not_be_replaced_by_productions() {
	let later = [&[0, 0, 2][..], &DEV.rounds.encode()].concat();
	let bare = [&[0, 0][..], &DEV.rounds.encode()].concat();
	for bytes in [&later[..], &bare, &[], &[0, 0, 1]] {
		new_test_ext().execute_with(|| {
			sp_io::storage::set(&key_of(rounds(DEV.rounds)), bytes);
			assert!(!Store::is_readable());
			assert!(ChainConfig::do_try_state().is_err());
			assert_eq!(ChainConfig::parameters(), DEV, "what the network started with");
			// A value is not set if it cannot be checked ...
			assert_noop!(
				ChainConfig::set_parameter(RuntimeOrigin::root(), lottery(DEV.lottery)),
				Error::<Test>::Unreadable
			);
			// ... but an unreadable concern can be set anew.
			let mut value = DEV.rounds;
			value.length = 40;
			assert_ok!(ChainConfig::set_parameter(RuntimeOrigin::root(), rounds(value)));
			assert_eq!(ChainConfig::parameters().rounds, value);
			ChainConfig::do_try_state().unwrap();
		});
	}
}

#[test]
fn missing_value_should_be_said() {
	for update in all(&DEV) {
		new_test_ext().execute_with(|| {
			sp_io::storage::clear(&key_of(update));
			assert!(ChainConfig::do_try_state().is_err());
			assert_eq!(ChainConfig::parameters(), DEV);
		});
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
