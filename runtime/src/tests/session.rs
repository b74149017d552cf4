//! Sessions: who may validate, late reports, and how validators are disabled.

use super::presets::genesis;
use crate::{
	configs::{
		session::{Disabling, KeyOwners, RegisteredKeys, SessionRounds, Sessions, SlashedShares},
		staking::{missing_share, Equivocations, OncePerSet},
	},
	constants::{consensus::EQUIVOCATION_SLASH, money::LPT},
	genesis_config_presets::session_keys_from_seed,
	Balances, LptStaking, Runtime, Session, TranscoderElection,
};
use frame_support::traits::KeyOwnerProofSystem;
use livepeer_primitives::{
	traits::{DisableValidator, HasKeys, Jail as _, OnNewRound, Rounds as _, Stake},
	AccountId,
};
use pallet_session::SessionManager;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Dave};
use sp_runtime::Perbill;
use sp_staking::offence::{OffenceDetails, OffenceError, OnOffenceHandler, ReportOffence};

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
		// Accounts outside the set are ignored.
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

/// The disabled validators of the session in force.
fn disabled() -> Vec<AccountId> {
	let validators = Session::validators();
	let disabled = Session::disabled_validators().into_iter();
	disabled.filter_map(|index| validators.get(index as usize).cloned()).collect()
}

/// A third of the set is disabled when one more is jailed. If all had the same severity, the session would
/// enable the first one again. A validator that has signed twice could then go on, at no further cost, as
/// soon as an accomplice fails as a transcoder.
#[test]
fn attack_jail_of_another_should_not_let_an_equivocator_back_in() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		let [bob, dave] = [Bob, Dave].map(|who| who.to_account_id());
		// One of five may be disabled.
		report(0, &[Bob], 36);
		assert_eq!(disabled(), std::slice::from_ref(&bob));
		TranscoderElection::detain(&dave);
		assert_eq!(disabled(), [bob]);
	});
}

/// A validator that was jailed before, and is not disabled any more, is disabled when it signs twice.
#[test]
fn equivocator_should_be_disabled_when_it_is_jailed_already() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		let [bob, dave] = [Bob, Dave].map(|who| who.to_account_id());
		TranscoderElection::detain(&bob);
		// The last one that is jailed takes the only place.
		TranscoderElection::detain(&dave);
		assert_eq!(disabled(), [dave]);
		report(0, &[Bob], 36);
		assert_eq!(disabled(), [bob]);
	});
}

#[test]
fn round_of_a_session_should_be_remembered_as_long_as_reports_may_be_late() {
	genesis(LOCAL).execute_with(|| {
		assert_eq!((SessionRounds::get(0), SessionRounds::get(1)), (Some(0), Some(0)));
		// One set covers sessions 0 to 10; another begins at session 11.
		for set in [0, 11] {
			SlashedShares::insert(set, Bob.to_account_id(), Perbill::one());
		}
		// 15 rounds of 30 blocks, in sessions of 10 slots: 45 sessions, plus the current one.
		for session in 1..60 {
			if session == 10 {
				next_round(true);
			}
			rotate(session);
			// Slashed shares are remembered as long as the last session of their set.
			assert_eq!(SessionRounds::get(10).is_some(), (9..58).contains(&session));
			assert_eq!(SlashedShares::contains_key(0, Bob.to_account_id()), session < 58);
		}
		assert_eq!(SessionRounds::get(60), Some(1));
		assert_eq!(SessionRounds::get(59 - 45), Some(1));
		assert_eq!(SessionRounds::get(1), None);
		let sets: Vec<_> = SlashedShares::iter_keys().map(|(set, _)| set).collect();
		assert_eq!(sets, [11]);
		assert_eq!([10, 11, 60].map(SessionRounds::first_of_set), [10, 11, 11]);
	});
}

/// GRANDPA numbers its sets and records the newest session of each. Slashed shares are counted by
/// these sets.
#[test]
fn set_should_be_known_by_its_first_session_until_validators_are_chosen_anew() {
	genesis(LOCAL).execute_with(|| {
		// The validators are chosen once in round 0. They serve both genesis sessions and all that
		// follow.
		rotate(1);
		assert_eq!([0, 1, 2].map(SessionRounds::first_of_set), [0, 0, 0]);
		next_round(true);
		rotate(2);
		rotate(3);
		assert_eq!([2, 3, 4].map(SessionRounds::first_of_set), [0, 3, 3]);
		// Still the same round, but one validator is jailed.
		report(3, &[Bob], 36);
		rotate(4);
		rotate(5);
		assert_eq!([4, 5, 6].map(SessionRounds::first_of_set), [3, 5, 5]);
	});
}

#[test]
fn sessions_should_be_forgotten_when_fewer_are_to_be_remembered_than_before() {
	use crate::configs::parameters::Store;
	use livepeer_primitives::params::ProtocolParameters;
	use pallet_chain_config::ParameterStore;
	genesis(LOCAL).execute_with(|| {
		for session in 1..60 {
			// From the second session on, each session has a set of its own.
			next_round(true);
			rotate(session);
			SlashedShares::insert(session + 1, Bob.to_account_id(), Perbill::one());
		}
		// 15 rounds of 16 blocks: 24 sessions, plus one.
		let mut parameters = ProtocolParameters::development();
		parameters.rounds.length = 16;
		Store::store_all(&parameters);
		for session in 60..70 {
			rotate(session);
		}
		let first = 69 - 25 - 1;
		assert_eq!(SessionRounds::get(first), Some(first - 1));
		assert!((0..first).all(|session| SessionRounds::get(session).is_none()));
		let mut sets: Vec<_> = SlashedShares::iter_keys().map(|(set, _)| set).collect();
		sets.sort();
		assert_eq!(sets, (first..=60).collect::<Vec<_>>());
		// A report for an older session leaves nothing behind.
		let before = LptStaking::self_bond(&Bob.to_account_id());
		assert_eq!(report(first - 1, &[Bob], 36), 0);
		assert_eq!(LptStaking::self_bond(&Bob.to_account_id()), before);
		assert!(!SlashedShares::contains_key(first - 1, Bob.to_account_id()));
	});
}

/// Begins `session` and plans the next one, as the session pallet does.
fn rotate(session: u32) {
	<Sessions as SessionManager<AccountId>>::end_session(session - 1);
	<Sessions as SessionManager<AccountId>>::start_session(session);
	<Sessions as SessionManager<AccountId>>::new_session(session + 1);
}

/// Begins the next round, with or without its election.
fn next_round(elects: bool) {
	pallet_rounds::Current::<Runtime>::mutate(|round| round.index += 1);
	if elects {
		let round = crate::Rounds::current();
		<TranscoderElection as OnNewRound>::on_new_round(round - 1, round);
	}
}

#[test]
fn round_of_a_session_should_be_that_of_its_choice_when_it_begins_in_the_next() {
	genesis(LOCAL).execute_with(|| {
		// The validators of session 2 are chosen in round 0.
		rotate(1);
		next_round(true);
		rotate(2);
		assert_eq!((SessionRounds::get(2), SessionRounds::get(3)), (Some(0), Some(1)));
		// Without a new choice the same validators continue, and so does their round.
		next_round(false);
		rotate(3);
		assert_eq!(SessionRounds::get(4), Some(1));
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
		// The share that the SDK asks for one offender out of five.
		let asked = Perbill::from_percent(36);
		let _ = Equivocations::on_offence(&[offence], &[asked], 0);
		let lost = before - LptStaking::self_bond(&offender);
		assert!(lost >= EQUIVOCATION_SLASH * before && lost <= EQUIVOCATION_SLASH * before + LPT);
		assert_eq!(TranscoderElection::open_verdicts_of(offender), Some(0));
		assert_eq!(Session::disabled_validators().len(), 1);
	});
}

/// Reports `offenders` in `session` with this share from the SDK. Returns what Bob's own bond lost.
fn report(session: u32, offenders: &[Sr25519Keyring], percent: u32) -> u128 {
	let details: Vec<_> = offenders
		.iter()
		.map(|offender| OffenceDetails {
			offender: (offender.to_account_id(), ()),
			reporters: vec![Alice.to_account_id()],
		})
		.collect();
	let shares = vec![Perbill::from_percent(percent); details.len()];
	let before = LptStaking::self_bond(&Bob.to_account_id());
	let _ = Equivocations::on_offence(&details, &shares, session);
	before - LptStaking::self_bond(&Bob.to_account_id())
}

#[test]
fn equivocation_should_be_paid_for_once_when_others_of_its_slot_are_reported_later() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		// In this set, two validators are less than a third.
		type Sessions = pallet_session::historical::HistoricalSessions<Runtime>;
		Sessions::insert(0, (sp_core::H256::zero(), 21));
		let before = LptStaking::self_bond(&Bob.to_account_id());
		assert!(report(0, &[Bob], 36) > 0);
		// Bob leaves jail. He is not jailed again for an offence that he has paid for.
		let bob = crate::RuntimeOrigin::signed(Bob.to_account_id());
		frame_support::assert_ok!(TranscoderElection::unjail(bob));
		let reporter = Balances::free_balance(Alice.to_account_id());
		assert_eq!(report(0, &[Bob], 56), 0);
		assert_eq!(Balances::free_balance(Alice.to_account_id()), reporter, "and no fee");
		assert_eq!(TranscoderElection::open_verdicts_of(Bob.to_account_id()), None);
		let dave = LptStaking::self_bond(&Dave.to_account_id());
		assert_eq!(report(0, &[Bob, Dave], 56), 0);
		assert!(LptStaking::self_bond(&Dave.to_account_id()) < dave, "the new one pays");
		let left = LptStaking::self_bond(&Bob.to_account_id());
		assert!(before - left <= EQUIVOCATION_SLASH * before + LPT);
		// In another set he pays again.
		next_round(true);
		rotate(1);
		assert!(report(2, &[Bob], 36) > 0);
	});
}

#[test]
fn equivocation_should_cost_its_largest_share_when_that_grows() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		// In this set, the share for a single offender is close to zero.
		type Sessions = pallet_session::historical::HistoricalSessions<Runtime>;
		Sessions::insert(0, (sp_core::H256::zero(), 10_000));
		let before = LptStaking::self_bond(&Bob.to_account_id());
		for (percent, total) in [(5, 5), (20, 20), (10, 20), (25, 25), (90, 30), (90, 30)] {
			report(0, &[Bob], percent);
			let lost = before - LptStaking::self_bond(&Bob.to_account_id());
			assert!(lost.abs_diff(Perbill::from_percent(total) * before) < LPT / 1_000);
		}
	});
}

/// Each offender signs twice in a different time slot, so the SDK counts them one at a time.
#[test]
fn attack_misbehaving_one_after_the_other_should_cost_as_much_as_at_once() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		type Sessions = pallet_session::historical::HistoricalSessions<Runtime>;
		Sessions::insert(0, (sp_core::H256::zero(), 30));
		let bonds = || [Bob, Dave].map(|who| LptStaking::self_bond(&who.to_account_id()));
		let before = bonds();
		let lost = |percent| {
			let now = bonds();
			let due = before.map(|bond| Perbill::from_percent(percent) * bond);
			let off = |at: usize| (before[at] - now[at]).abs_diff(due[at]);
			off(0).max(off(1)) < LPT / 1_000
		};
		// (3 ÷ 30)² and (6 ÷ 30)².
		report(0, &[Bob], 1);
		report(0, &[Dave], 1);
		assert!(lost(4));
		report(0, &[Alice], 1);
		assert!(lost(9));
	});
}

/// A vote belongs to a set, and the reporter chooses which session of that set to name. Without a
/// rule per set, a validator that signed twice for a while would pay in each session, to finders
/// who wait for that. Many offenders could also each be named in a different session, so that
/// nobody counts them together.
#[test]
fn attack_votes_of_one_set_should_not_be_divided_among_its_sessions() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		for session in 1..3 {
			rotate(session);
		}
		type Sessions = pallet_session::historical::HistoricalSessions<Runtime>;
		// All these sessions belong to the genesis set.
		for session in 0..4 {
			Sessions::insert(session, (sp_core::H256::zero(), 30));
		}
		let report = |who: Sr25519Keyring, session, round| {
			let offence = pallet_grandpa::EquivocationOffence {
				time_slot: pallet_grandpa::TimeSlot { set_id: 0, round },
				session_index: session,
				validator_set_count: 30,
				offender: (who.to_account_id(), ()),
			};
			OncePerSet::report_offence(vec![Alice.to_account_id()], offence)
		};
		let bond = |who: Sr25519Keyring| LptStaking::self_bond(&who.to_account_id());
		let before = [Bob, Dave].map(bond);
		let has_lost = |percent, who: Sr25519Keyring, before: u128| {
			let due = Perbill::from_percent(percent) * before;
			(before - bond(who)).abs_diff(due) < LPT / 1_000
		};
		// (3 ÷ 30)², once.
		assert_eq!(report(Bob, 0, 1), Ok(()));
		for session in 0..4 {
			let again = report(Bob, session, 2 + u64::from(session));
			assert_eq!(again, Err(OffenceError::DuplicateReport), "in session {session}");
		}
		assert!(has_lost(1, Bob, before[0]));
		// (6 ÷ 30)² for each of the two, whichever sessions are named.
		assert_eq!(report(Dave, 3, 6), Ok(()));
		assert!(has_lost(4, Bob, before[0]) && has_lost(4, Dave, before[1]));
		// An offence in a later set is paid for again.
		next_round(true);
		rotate(3);
		let left = bond(Bob);
		assert_eq!(report(Bob, 4, 7), Ok(()));
		assert!(bond(Bob) < left);
	});
}

/// A validator that has signed twice once can sign votes for as many rounds as it likes. Without a
/// bound, each report would be stored for ever and cost nothing. A report that costs little must
/// not shield from one that costs much.
#[test]
fn attack_reports_without_end_should_not_fill_the_state() {
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		type Sessions = pallet_session::historical::HistoricalSessions<Runtime>;
		Sessions::insert(0, (sp_core::H256::zero(), 100));
		// The share asked for one offender in so large a set.
		let report = |round, validator_set_count| {
			let offence = pallet_grandpa::EquivocationOffence {
				time_slot: pallet_grandpa::TimeSlot { set_id: 0, round },
				session_index: 0,
				validator_set_count,
				offender: (Bob.to_account_id(), ()),
			};
			OncePerSet::report_offence(vec![Alice.to_account_id()], offence)
		};
		for (first, of) in [(1, 100), (10, 5)] {
			assert_eq!(report(first, of), Ok(()));
			for round in first + 1..first + 9 {
				assert_eq!(report(round, of), Err(OffenceError::DuplicateReport));
			}
		}
		assert_eq!(SlashedShares::get(0, Bob.to_account_id()), Some(EQUIVOCATION_SLASH));
		assert_eq!(pallet_offences::Reports::<Runtime>::iter().count(), 2);
	});
}

/// Every node reports every pair of votes that it sees, and puts the report into its own next
/// block. A report that would cost the offender nothing more must therefore be known in advance.
/// Otherwise one offender fills all blocks until its set ends.
#[test]
fn attack_reports_that_cost_nothing_should_not_fill_blocks() {
	use pallet_beefy::{EquivocationOffence as Beefy, Slot};
	use pallet_grandpa::{EquivocationOffence as Grandpa, TimeSlot};
	type Known = dyn Fn(Sr25519Keyring) -> bool;
	genesis(LOCAL).execute_with(|| {
		frame_system::Pallet::<Runtime>::set_block_number(1);
		type Sessions = pallet_session::historical::HistoricalSessions<Runtime>;
		Sessions::insert(0, (sp_core::H256::zero(), 100));
		pallet_grandpa::SetIdSession::<Runtime>::insert(0, 0);
		pallet_beefy::SetIdSession::<Runtime>::insert(0, 0);
		let time_slot = |round| TimeSlot { set_id: 0, round };
		let votes = |round| {
			move |who: Sr25519Keyring| {
				<OncePerSet as ReportOffence<_, _, Grandpa<(AccountId, ())>>>::is_known_offence(
					&[(who.to_account_id(), ())],
					&time_slot(round),
				)
			}
		};
		let beefy = |equivocation_type| {
			move |who: Sr25519Keyring| {
				<OncePerSet as ReportOffence<_, _, Beefy<(AccountId, ()), u32>>>::is_known_offence(
					&[(who.to_account_id(), ())],
					&Slot { set_id: 0, round: 5, equivocation_type },
				)
			}
		};
		let kinds: [&Known; 4] = [&votes(1), &votes(2), &beefy(1), &beefy(2)];
		let known = |who: Sr25519Keyring| kinds.map(|kind| kind(who));
		assert_eq!(known(Bob), [false; 4]);
		let offence = Grandpa {
			time_slot: time_slot(1),
			session_index: 0,
			validator_set_count: 100,
			offender: (Bob.to_account_id(), ()),
		};
		assert_eq!(OncePerSet::report_offence(vec![Alice.to_account_id()], offence), Ok(()));
		// A vote for a fork, which Ethereum would see, costs more than two votes in one round.
		assert_eq!(known(Bob), [true, true, true, false]);
		report(0, &[Bob], 50);
		assert_eq!(known(Bob), [true; 4]);
		// Other validators have paid nothing, and Bob has paid nothing in a later set.
		assert_eq!(known(Dave), [false; 4]);
		next_round(true);
		rotate(1);
		Sessions::insert(2, (sp_core::H256::zero(), 100));
		pallet_grandpa::SetIdSession::<Runtime>::insert(0, 2);
		assert!(!votes(2)(Bob));
	});
}

/// Anybody can submit wrong reports. Their weight does not include building a tree of all
/// validators' keys, so checking them must not build one.
#[test]
fn attack_wrong_reports_should_not_have_a_tree_of_all_keys_built() {
	genesis(LOCAL).execute_with(|| {
		let key = (sp_consensus_babe::KEY_TYPE, session_keys_from_seed("Bob").babe);
		let proof = KeyOwners::prove(key.clone()).expect("it validates");
		assert_eq!((proof.session, Session::current_index()), (0, 0));
		// Without validators no tree can be built.
		pallet_session::Validators::<Runtime>::kill();
		let owner = KeyOwners::check_proof(key.clone(), proof.clone());
		assert_eq!(owner, Some((Bob.to_account_id(), ())));
		// These sessions have not been planned.
		for session in [2, u32::MAX] {
			let mut other = proof.clone();
			other.session = session;
			assert_eq!(KeyOwners::check_proof(key.clone(), other), None);
		}
		let other = (sp_consensus_babe::KEY_TYPE, session_keys_from_seed("Ferdie").babe);
		assert_eq!(KeyOwners::check_proof(other, proof), None);
		assert_eq!(Session::current_index(), 0, "looking changes nothing");
	});
}

/// Keys change in a session whose validators continue. A proof made in any later session must hold
/// in that session.
#[test]
fn owner_should_be_seen_in_each_session_when_keys_change() {
	genesis(LOCAL).execute_with(|| {
		let [old, new] = ["Bob", "Other"].map(session_keys_from_seed);
		pallet_session::NextKeys::<Runtime>::insert(Bob.to_account_id(), new.clone());
		for (session, keys) in [(0, &old), (1, &old), (2, &new), (3, &new)] {
			if session > 0 {
				Session::rotate_session();
			}
			assert_eq!(Session::current_index(), session);
			let key = (sp_consensus_babe::KEY_TYPE, keys.babe.clone());
			let proof = KeyOwners::prove(key.clone()).expect("a tree can be built");
			let owner = Some((Bob.to_account_id(), ()));
			assert_eq!(KeyOwners::check_proof(key, proof), owner, "in session {session}");
		}
	});
}

#[test]
fn missing_share_should_complete_what_is_due() {
	let percent = Perbill::from_percent;
	assert_eq!(missing_share(percent(30), percent(0)), percent(30));
	assert_eq!(missing_share(percent(28), percent(10)), percent(20));
	assert_eq!(missing_share(percent(30), percent(30)), percent(0));
	assert_eq!(missing_share(percent(10), percent(30)), percent(0));
	assert_eq!(missing_share(percent(100), percent(50)), percent(100));
	assert_eq!(missing_share(percent(100), percent(100)), percent(0));
}
