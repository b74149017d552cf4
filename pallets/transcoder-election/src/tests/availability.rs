//! Capacity, profiles, heartbeats and their windows. The heartbeat interval is 10 blocks.

use crate::{mock::*, Available, Call, Error, Event};
use codec::{Decode, Encode};
use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo, Pays},
};
use livepeer_primitives::{
	draw,
	duty::{self, DUTY_LIFE},
	keys::Signer,
	refusal::{Refusal, NOT_YET},
	traits::{Candidate, Jail, TranscoderDirectory},
	AccountId, BlockNumber, Hash, UNIT,
};
use proptest::{collection::vec, prelude::*};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError, UnknownTransaction},
	Perbill,
};

fn at(block: BlockNumber) {
	System::set_block_number(block.into());
}

fn now() -> BlockNumber {
	System::block_number() as BlockNumber
}

fn heartbeat() -> Result<(), TransactionValidityError> {
	apply(heartbeat_at(1, now()))
}

fn announce(capacity: u64) -> Result<(), TransactionValidityError> {
	apply(announcement_at(1, now(), capacity))
}

fn refused<T>(why: impl Into<TransactionValidityError>) -> Result<T, TransactionValidityError> {
	Err(why.into())
}

fn set_available(capacity: u64) {
	assert_ok!(TranscoderElection::set_available(
		RuntimeOrigin::signed(account(1)),
		capacity,
		profiles(&[1])
	));
}

fn one() -> ExtBuilder {
	ExtBuilder::default().transcoder(1, 10, 0)
}

#[test]
fn candidates_should_hold_transcoder_when_capacity_is_announced() {
	one().build_and_execute(|| {
		assert_eq!(TranscoderElection::candidates(), vec![]);
		assert!(!TranscoderElection::is_available(&account(1)));
		events();
		assert_ok!(TranscoderElection::set_available(
			RuntimeOrigin::signed(account(1)),
			3_000_000_000_000,
			profiles(&[1, 7])
		));
		assert_eq!(
			events(),
			vec![Event::AvailabilityChanged {
				transcoder: account(1),
				capacity: 3_000_000_000_000
			}]
		);
		assert!(TranscoderElection::is_available(&account(1)));
		assert_eq!(
			TranscoderElection::candidates(),
			vec![Candidate {
				account: account(1),
				stake: 10 * UNIT,
				price: 1,
				fee_share: Perbill::from_percent(50),
				capacity: 3_000_000_000_000,
				profiles: profiles(&[1, 7]),
			}]
		);
	});
}

#[test]
fn candidates_should_hold_transcoder_when_its_key_announces() {
	one().build_and_execute(|| {
		events();
		assert_ok!(announce(5));
		assert_eq!(
			events(),
			vec![Event::AvailabilityChanged { transcoder: account(1), capacity: 5 }]
		);
		assert_eq!(TranscoderElection::candidates()[0].capacity, 5);
		assert_eq!(TranscoderElection::candidates()[0].profiles, profiles(&[1]));
	});
}

#[test]
fn profiles_should_ascend_when_announced() {
	one().build_and_execute(|| {
		for wrong in [profiles(&[2, 1]), profiles(&[1, 1])] {
			assert_noop!(
				TranscoderElection::set_available(
					RuntimeOrigin::signed(account(1)),
					1,
					wrong.clone()
				),
				Error::<Test>::ProfilesNotAscending
			);
			let genesis = System::block_hash(0);
			let availability = duty::Availability { genesis, at: 1, capacity: 1, profiles: wrong };
			let signature = sign(signer(1), &availability.hash());
			assert_eq!(
				apply(Call::announce { availability, signature }),
				refused(Error::<Test>::ProfilesNotAscending.refusal())
			);
		}
	});
}

/// The numbers are those of the metadata, by which the worker names them.
#[test]
fn errors_should_be_early_only_where_a_later_block_can_accept_the_same() {
	for (error, number) in [(Error::<Test>::Jailed, 5), (Error::NotAvailable, 8)] {
		assert_eq!(error.encode(), [number]);
		assert_eq!(error.refusal(), UnknownTransaction::Custom(number).into());
	}
	let profiles = Error::<Test>::ProfilesNotAscending;
	assert_eq!(profiles.encode(), [10]);
	assert_eq!(profiles.refusal(), InvalidTransaction::Custom(10).into());
	let found: Vec<u8> = (0..=u8::MAX)
		.filter(|number| {
			Error::<Test>::decode(&mut &[*number][..]).is_ok_and(|error| error.is_early())
		})
		.collect();
	assert_eq!(found, [5, 8]);
}

#[test]
fn transcoder_should_get_nothing_new_and_keep_what_it_has_when_capacity_is_zero() {
	one().build_and_execute(|| {
		set_available(3);
		set_available(0);
		assert_eq!(TranscoderElection::candidates(), vec![]);
		assert!(Lost::get().is_empty());
		// It still shows that it serves what it has.
		for block in [11, 31, 50] {
			at(block);
			assert!(TranscoderElection::is_available(&account(1)));
			assert_ok!(heartbeat());
		}
		assert_eq!(TranscoderElection::candidates(), vec![]);
		// And loses it when it is silent.
		at(71);
		assert!(!TranscoderElection::is_available(&account(1)));
	});
}

#[test]
fn heartbeat_should_be_refused_when_nothing_was_announced() {
	one().build_and_execute(|| {
		at(50);
		let nothing = Error::<Test>::NotAvailable.refusal();
		assert_eq!(heartbeat(), refused(nothing));
		set_available(1);
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		assert_eq!(Available::<Test>::iter().count(), 0);
		assert!(!TranscoderElection::is_available(&account(1)));
		at(80);
		assert_eq!(heartbeat(), refused(NOT_YET), "it may register");
	});
}

#[test]
fn availability_should_lapse_when_two_intervals_pass() {
	one().build_and_execute(|| {
		set_available(1);
		at(21);
		assert!(TranscoderElection::is_available(&account(1)));
		assert_eq!(TranscoderElection::candidates().len(), 1);
		at(22);
		assert!(!TranscoderElection::is_available(&account(1)));
		assert_eq!(TranscoderElection::candidates(), vec![]);
	});
}

#[test]
fn availability_should_go_on_when_heartbeats_come() {
	one().build_and_execute(|| {
		set_available(1);
		for block in [11, 21, 31, 50] {
			at(block);
			assert!(TranscoderElection::is_available(&account(1)));
			assert_ok!(heartbeat());
		}
		// Late, but back with what was announced.
		at(200);
		assert!(!TranscoderElection::is_available(&account(1)));
		assert_ok!(heartbeat());
		assert!(TranscoderElection::is_available(&account(1)));
	});
}

#[test]
fn jobs_should_be_told_of_a_first_announcement_when_it_has_capacity() {
	for (capacity, told) in [(0, vec![]), (5, vec![account(1)])] {
		one().build_and_execute(|| {
			assert!(!Available::<Test>::contains_key(account(1)));
			assert_ok!(announce(capacity));
			assert_eq!(Back::take(), told, "{capacity}");
		});
	}
}

#[test]
fn heartbeat_should_be_shown_as_due_when_it_is_taken_and_not_too_late() {
	use livepeer_primitives::api::{Duty, DutyView};
	one().build_and_execute(|| {
		let duties = || TranscoderElection::duties(account(1));
		assert_eq!(duties(), vec![]);
		set_available(3);
		let due = vec![DutyView { duty: Duty::Heartbeat, until: 22 }];
		for (block, expected) in [(5, vec![]), (6, due.clone()), (21, due), (22, vec![])] {
			at(block);
			assert_eq!(duties(), expected, "{block}");
		}
	});
}

#[test]
fn jobs_should_be_told_of_who_takes_more_than_before_and_of_nobody_else() {
	one().build_and_execute(|| {
		let told = || Back::take().len();
		set_available(5);
		assert_eq!(told(), 1, "it takes work");
		for capacity in [5, 4] {
			set_available(capacity);
			assert_eq!(told(), 0, "no more than before");
		}
		set_available(6);
		assert_eq!(told(), 1);
		at(11);
		assert_ok!(heartbeat());
		assert_eq!(told(), 0, "it was there all the time");
		at(200);
		assert_ok!(heartbeat());
		assert_eq!(told(), 1, "it was away");
		at(211);
		assert_ok!(announce(7));
		assert_eq!(told(), 1);
		set_available(0);
		at(400);
		assert_ok!(heartbeat());
		assert_eq!(told(), 0, "it takes nothing new");
	});
}

#[test]
fn heartbeat_should_be_refused_when_within_half_an_interval() {
	one().build_and_execute(|| {
		set_available(1);
		at(5);
		assert_eq!(heartbeat(), refused(NOT_YET));
		at(6);
		assert_ok!(heartbeat());
		assert_eq!(heartbeat(), refused(InvalidTransaction::Stale));
		at(10);
		assert_eq!(heartbeat(), refused(NOT_YET));
		at(11);
		assert_ok!(heartbeat());
	});
}

#[test]
fn announcement_should_be_refused_when_within_half_an_interval_of_the_last() {
	one().build_and_execute(|| {
		assert_ok!(announce(5));
		at(5);
		assert_eq!(announce(0), refused(NOT_YET));
		at(6);
		assert_ok!(announce(0));
		at(11);
		assert_ok!(heartbeat());
		// A heartbeat does not delay an announcement.
		at(12);
		assert_ok!(announce(5));
		// And the wallet can always change it.
		set_available(0);
		assert_eq!(TranscoderElection::candidates(), vec![]);
		at(13);
		assert_eq!(announce(5), refused(NOT_YET));
	});
}

#[test]
fn heartbeat_should_come_once_per_block_when_interval_is_shortest() {
	one().parameters(|parameters| parameters.heartbeat_interval = 1).build_and_execute(|| {
		set_available(1);
		assert_eq!(heartbeat(), refused(InvalidTransaction::Stale));
		at(2);
		assert_ok!(heartbeat());
	});
}

#[test]
fn duty_should_be_young_and_newer_than_the_newest_taken() {
	one().build_and_execute(|| {
		set_available(1);
		at(100);
		assert_eq!(apply(heartbeat_at(1, 101)), refused(NOT_YET));
		assert_eq!(apply(heartbeat_at(1, 99 - DUTY_LIFE)), refused(InvalidTransaction::Stale));
		assert_ok!(apply(heartbeat_at(1, 100 - DUTY_LIFE)));
		assert_eq!(
			Available::<Test>::get(account(1)).map(|seen| (seen.at, seen.last_seen)),
			Some((100 - DUTY_LIFE, 100))
		);
		at(105);
		assert_eq!(apply(heartbeat_at(1, 100 - DUTY_LIFE)), refused(InvalidTransaction::Stale));
		// Both kinds share the newest block, so an older announcement cannot undo anything.
		assert_ok!(apply(heartbeat_at(1, 104)));
		assert_eq!(apply(announcement_at(1, 103, 9)), refused(InvalidTransaction::Stale));
		assert_ok!(apply(announcement_at(1, 105, 9)));
	});
}

#[test]
fn age_should_count_by_height_and_intervals_by_the_clock() {
	one().build_and_execute(|| {
		set_available(1);
		at(40);
		Closed::set(30);
		// Closed blocks make nobody late.
		assert!(TranscoderElection::is_available(&account(1)));
		assert_ok!(apply(heartbeat_at(1, 40)));
		at(44);
		assert_eq!(apply(heartbeat_at(1, 44)), refused(NOT_YET));
		at(45);
		assert_eq!(apply(heartbeat_at(1, 15)), refused(InvalidTransaction::Stale));
		assert_ok!(apply(heartbeat_at(1, 45)));
		assert_eq!(
			Available::<Test>::get(account(1)).map(|seen| (seen.at, seen.last_seen)),
			Some((45, 15))
		);
	});
}

#[test]
fn duty_should_be_free_and_operational_and_one_of_a_kind_in_the_pool() {
	one().transcoder(2, 10, 0).build_and_execute(|| {
		set_available(1);
		at(11);
		for call in [heartbeat_at(1, 11), announcement_at(1, 11, 2)] {
			let info = call.get_dispatch_info();
			assert_eq!(info.class, DispatchClass::Operational);
			assert_eq!(info.pays_fee, Pays::No);
		}
		let valid = |call| validate(call).unwrap();
		let one = valid(heartbeat_at(1, 11));
		assert_eq!((one.priority, one.propagate), (7, true));
		assert_eq!(one.longevity, u64::from(DUTY_LIFE));
		assert_eq!(valid(heartbeat_at(1, 10)).provides, one.provides);
		assert_eq!(valid(heartbeat_at(1, 10)).longevity, u64::from(DUTY_LIFE) - 1);
		assert_ne!(valid(announcement_at(1, 11, 2)).provides, one.provides);
		assert_ne!(
			valid(announcement_at(2, 11, 2)).provides,
			valid(announcement_at(1, 11, 2)).provides
		);
	});
}

#[test]
fn duty_should_need_no_funded_account() {
	one().build_and_execute(|| {
		assert_eq!(Balances::free_balance(account(1)), 0);
		assert!(!System::account_exists(&account(1)));
		assert_ok!(announce(3));
		at(11);
		assert_ok!(heartbeat());
		assert!(TranscoderElection::is_available(&account(1)));
	});
}

#[test]
fn duty_should_be_refused_when_signed_for_another_chain_or_by_another_key() {
	one().build_and_execute(|| {
		set_available(1);
		at(11);
		let foreign = duty::Heartbeat { genesis: Hash::repeat_byte(1), at: 11 };
		let signature = sign(signer(1), &foreign.hash());
		let call = Call::heartbeat { heartbeat: foreign, signature };
		assert_eq!(apply(call), refused(InvalidTransaction::BadProof));

		let heartbeat = duty::Heartbeat { genesis: System::block_hash(0), at: 11 };
		// By a stranger's key that claims to be this one.
		let mut signature = sign(signer(2), &heartbeat.hash());
		signature.signer = signer(1);
		let call = Call::heartbeat { heartbeat: heartbeat.clone(), signature };
		assert_eq!(apply(call), refused(InvalidTransaction::BadProof));
		// Over another object.
		let signature = sign(signer(1), &Hash::repeat_byte(2));
		let call = Call::heartbeat { heartbeat, signature };
		assert_eq!(apply(call), refused(InvalidTransaction::BadProof));
	});
}

#[test]
fn duty_should_be_refused_when_key_is_revoked_or_generation_is_not_current() {
	one().build_and_execute(|| {
		set_available(1);
		at(11);
		let object = duty::Heartbeat { genesis: System::block_hash(0), at: 11 };
		let by = |generation, key| {
			let signer = Signer { account: account(1), generation, key };
			let signature = sign(signer, &object.hash());
			Call::heartbeat { heartbeat: object.clone(), signature }
		};
		Current::set([(account(1), 4)].into());
		assert_eq!(apply(by(3, 0)), refused(InvalidTransaction::BadSigner));
		assert_eq!(apply(by(5, 0)), refused(InvalidTransaction::BadSigner));
		Revoked::set([(account(1), 4, 0)].into());
		assert_eq!(apply(by(4, 0)), refused(InvalidTransaction::BadSigner));
		// The other key of the generation continues to work.
		assert_ok!(apply(by(4, 1)));
	});
}

#[test]
fn duty_should_be_refused_when_jailed() {
	one().build_and_execute(|| {
		set_available(1);
		TranscoderElection::detain(&account(1));
		at(11);
		let jailed = Error::<Test>::Jailed.refusal();
		assert_eq!(heartbeat(), refused(jailed));
		assert_eq!(announce(1), refused(jailed));
	});
}

/// An announcement that was signed before jail, or before the transcoder left, is replayed when it
/// is back.
#[test]
fn attack_announcement_of_an_earlier_life_is_replayed() {
	one().build_and_execute(|| {
		at(10);
		let before = announcement_at(1, 10, 9);
		assert_ok!(apply(before.clone()));
		TranscoderElection::detain(&account(1));
		TranscoderElection::resolve(&account(1));
		at(16);
		assert_ok!(TranscoderElection::unjail(RuntimeOrigin::signed(account(1))));
		at(17);
		assert_eq!(apply(before.clone()), refused(InvalidTransaction::Stale));
		assert_eq!(TranscoderElection::candidates(), vec![]);

		let before = announcement_at(1, 17, 9);
		assert_ok!(apply(before.clone()));
		at(20);
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		assert_ok!(TranscoderElection::transcoder(
			RuntimeOrigin::signed(account(1)),
			terms(1),
			service(1)
		));
		at(23);
		assert_eq!(apply(before), refused(InvalidTransaction::Stale));
		assert_ok!(announce(9));
	});
}

#[test]
fn set_available_should_fail_when_not_registered() {
	ExtBuilder::default().build_and_execute(|| {
		assert_noop!(
			TranscoderElection::set_available(RuntimeOrigin::signed(account(1)), 1, profiles(&[1])),
			Error::<Test>::NotRegistered
		);
	});
}

#[test]
fn candidates_should_not_hold_transcoder_when_not_active() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 1)
		.transcoder(1, 10, 1)
		.transcoder(2, 11, 1)
		.build_and_execute(|| {
			assert!(TranscoderElection::is_available(&account(1)));
			let candidates: Vec<_> = TranscoderElection::candidates()
				.into_iter()
				.map(|candidate| candidate.account)
				.collect();
			assert_eq!(candidates, accounts(&[2]));
		});
}

#[test]
fn assignment_not_accepted_should_be_told() {
	one().build_and_execute(|| {
		events();
		TranscoderElection::note_not_accepted(&account(1));
		assert_eq!(events(), vec![Event::AssignmentNotAccepted { transcoder: account(1) }]);
	});
}

/// The transcoder to which a job goes, before and after some toggled their state.
fn order(seed: Hash, job: u64) -> Vec<AccountId> {
	let candidates = TranscoderElection::candidates();
	draw::assignment_order(
		seed,
		job,
		candidates.iter().map(|candidate| (&candidate.account, candidate.stake)),
	)
	.into_iter()
	.map(|index| candidates[index as usize].account.clone())
	.collect()
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]

	/// Re-rolling a draw by toggling availability only removes the one that toggles.
	#[test]
	fn attack_toggling_availability_never_reorders_others(
		stakes in vec(1u128..1_000, 8),
		off in vec(any::<bool>(), 8),
		seed in any::<[u8; 32]>(),
		job in any::<u64>(),
	) {
		let mut chain = ExtBuilder::default();
		for (index, stake) in stakes.iter().enumerate() {
			chain = chain.transcoder(index as u8 + 1, *stake, 5);
		}
		chain.build_and_execute(|| {
			let seed = Hash::from(seed);
			let before = order(seed, job);
			assert_eq!(before.len(), 8);
			let mut left = before.clone();
			for (index, off) in off.iter().enumerate() {
				let who = account(index as u8 + 1);
				if *off {
					assert_ok!(TranscoderElection::set_available(
						RuntimeOrigin::signed(who.clone()),
						0,
						profiles(&[1])
					));
					left.retain(|account| *account != who);
				}
			}
			assert_eq!(order(seed, job), left);
		});
	}
}
