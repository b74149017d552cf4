//! Sessions: who may validate, late reports, and taking validators out.

use super::presets::genesis;
use crate::{
	configs::{
		session::{Disabling, RegisteredKeys, SessionRounds, Sessions},
		staking::Equivocations,
	},
	constants::{consensus::EQUIVOCATION_SLASH, money::LPT},
	LptStaking, Runtime, Session, TranscoderElection,
};
use livepeer_primitives::{
	traits::{DisableValidator, HasKeys, Stake},
	AccountId,
};
use pallet_session::SessionManager;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Dave};
use sp_runtime::Perbill;
use sp_staking::offence::{OffenceDetails, OnOffenceHandler};

const LOCAL: &str = sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET;

#[test]
fn keys_should_be_known_when_registered() {
	genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		assert!(RegisteredKeys::has_keys(&Alice.to_account_id()));
		assert!(!RegisteredKeys::has_keys(&Bob.to_account_id()));
	});
}

#[test]
fn keys_should_stay_when_their_owner_would_purge_them() {
	use frame_support::assert_noop;
	use sp_runtime::traits::Dispatchable;
	genesis(LOCAL).execute_with(|| {
		let purge: crate::RuntimeCall = pallet_session::Call::purge_keys {}.into();
		assert_noop!(
			purge.dispatch(crate::RuntimeOrigin::signed(Alice.to_account_id())),
			frame_system::Error::<Runtime>::CallFiltered
		);
	});
}

#[test]
fn validator_should_be_disabled_when_it_is_in_the_set() {
	genesis(LOCAL).execute_with(|| {
		Disabling::disable(&Dave.to_account_id());
		assert_eq!(Session::disabled_validators().len(), 1);
		// Others are ignored.
		Disabling::disable(&AccountId::new([9; 32]));
		assert_eq!(Session::disabled_validators().len(), 1);
	});
}

#[test]
fn disabling_should_stop_at_a_third_of_the_set() {
	genesis(LOCAL).execute_with(|| {
		for validator in Session::validators() {
			Disabling::disable(&validator);
		}
		assert_eq!(Session::disabled_validators().len(), 1);
	});
}

#[test]
fn round_of_a_session_should_be_remembered_as_long_as_reports_may_be_late() {
	genesis(LOCAL).execute_with(|| {
		assert_eq!(SessionRounds::get(0), Some(0));
		// 8 rounds of 30 blocks in sessions of 10 slots: 24 sessions.
		for session in 1..60 {
			<Sessions as SessionManager<AccountId>>::end_session(session - 1);
			<Sessions as SessionManager<AccountId>>::start_session(session);
		}
		assert_eq!(SessionRounds::get(59 - 24), Some(0));
		assert_eq!(SessionRounds::get(1), None);
	});
}

#[test]
fn equivocation_should_cost_no_more_than_our_share_when_the_set_is_small() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		let (offender, reporter) = (Bob.to_account_id(), Alice.to_account_id());
		let before = LptStaking::self_bond(&offender);
		let offence =
			OffenceDetails { offender: (offender.clone(), ()), reporters: vec![reporter] };
		// What the SDK asks for one of five.
		let asked = Perbill::from_percent(36);
		let _ = Equivocations::on_offence(&[offence], &[asked], 0);
		let lost = before - LptStaking::self_bond(&offender);
		assert!(lost >= EQUIVOCATION_SLASH * before && lost <= EQUIVOCATION_SLASH * before + LPT);
		assert_eq!(TranscoderElection::open_verdicts_of(offender), Some(0));
		assert_eq!(Session::disabled_validators().len(), 1);
	});
}
