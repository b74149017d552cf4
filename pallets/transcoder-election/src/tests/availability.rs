//! Capacity, heartbeats and their windows. The heartbeat interval is 10 blocks.

use crate::{mock::*, Available, Error, Event};
use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo, Pays},
};
use livepeer_primitives::{
	traits::{Candidate, TranscoderDirectory},
	BlockNumber, UNIT,
};
use sp_runtime::Perbill;

fn at(block: BlockNumber) {
	System::set_block_number(block.into());
}

fn heartbeat() -> frame_support::dispatch::DispatchResultWithPostInfo {
	TranscoderElection::heartbeat(RuntimeOrigin::signed(account(1)))
}

fn set_available(capacity: u32) {
	assert_ok!(TranscoderElection::set_available(RuntimeOrigin::signed(account(1)), capacity));
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
		set_available(3);
		assert_eq!(
			events(),
			vec![Event::AvailabilityChanged { transcoder: account(1), capacity: 3 }]
		);
		assert!(TranscoderElection::is_available(&account(1)));
		assert_eq!(
			TranscoderElection::candidates(),
			vec![Candidate {
				account: account(1),
				stake: 10 * UNIT,
				price: 1,
				fee_share: Perbill::from_percent(50),
				capacity: 3,
			}]
		);
	});
}

#[test]
fn transcoder_should_get_nothing_new_and_keep_what_it_has_when_capacity_is_zero() {
	one().build_and_execute(|| {
		set_available(3);
		set_available(0);
		assert_eq!(TranscoderElection::candidates(), vec![]);
		assert!(Lost::get().is_empty());
		// It shows that it goes on serving what it has, as before.
		for block in [11, 31, 50] {
			at(block);
			assert!(TranscoderElection::is_available(&account(1)));
			assert_ok!(heartbeat());
		}
		assert_eq!(TranscoderElection::candidates(), vec![]);
		// And loses it when it falls silent.
		at(71);
		assert!(!TranscoderElection::is_available(&account(1)));
	});
}

#[test]
fn heartbeat_should_fail_when_nothing_was_announced() {
	one().build_and_execute(|| {
		assert_noop!(heartbeat(), Error::<Test>::NotAvailable);
		set_available(1);
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		assert_eq!(Available::<Test>::iter().count(), 0);
		assert!(!TranscoderElection::is_available(&account(1)));
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
fn heartbeat_should_fail_when_within_half_an_interval() {
	one().build_and_execute(|| {
		set_available(1);
		at(5);
		assert_noop!(heartbeat(), Error::<Test>::HeartbeatTooEarly);
		at(6);
		assert_ok!(heartbeat());
		assert_noop!(heartbeat(), Error::<Test>::HeartbeatTooEarly);
		at(10);
		assert_noop!(heartbeat(), Error::<Test>::HeartbeatTooEarly);
		at(11);
		assert_ok!(heartbeat());
	});
}

#[test]
fn heartbeat_should_come_once_per_block_when_interval_is_shortest() {
	one().parameters(|parameters| parameters.heartbeat_interval = 1).build_and_execute(|| {
		set_available(1);
		assert_noop!(heartbeat(), Error::<Test>::HeartbeatTooEarly);
		at(2);
		assert_ok!(heartbeat());
	});
}

#[test]
fn heartbeat_should_be_free_and_operational_when_due() {
	one().build_and_execute(|| {
		set_available(1);
		let info = crate::Call::<Test>::heartbeat {}.get_dispatch_info();
		assert_eq!(info.class, DispatchClass::Operational);
		assert_eq!(info.pays_fee, Pays::Yes);
		at(11);
		assert_eq!(heartbeat().unwrap().pays_fee, Pays::No);
		// A useless one is paid for.
		assert_eq!(heartbeat().unwrap_err().post_info.pays_fee, Pays::Yes);
	});
}

#[test]
fn set_available_should_fail_when_not_registered() {
	ExtBuilder::default().build_and_execute(|| {
		assert_noop!(
			TranscoderElection::set_available(RuntimeOrigin::signed(account(1)), 1),
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
