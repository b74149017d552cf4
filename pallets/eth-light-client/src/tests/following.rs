//! The client follows: updates, committees, periods.

use crate::{mock::*, simulator::block, Error, Event, Layout, NextCommittee, SLOTS_PER_PERIOD};
use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

#[test]
fn block_should_be_final_when_two_thirds_have_signed() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		assert_eq!(submit(attested.update(&network, &finalized, 0, 342, None)), Ok(true));
		assert_eq!(events(), [Event::HeaderFinalized { root: finalized.root(), slot: 64 }]);
		assert_eq!(EthLightClient::status().latest.unwrap().slot, 64);
	});
}

#[test]
fn every_layout_should_be_followed() {
	for layout in [Layout::DENEB, Layout::ELECTRA, Layout::GLOAS] {
		build_and_execute(|| {
			let (network, first) = started(layout, 0, 1_000);
			let finalized = block(&network, 64, [0, 1], first.root());
			let attested = block(&network, 128, [0, 1], finalized.root());
			assert_eq!(submit(attested.update(&network, &finalized, 0, 512, Some(1))), Ok(true));
		});
	}
}

#[test]
fn update_should_cost_its_fee_when_it_finalises_little() {
	build_and_execute(|| {
		let (network, first) = started(Layout::ELECTRA, 0, 1_000);
		let finalized = block(&network, 31, [0, 1], first.root());
		let attested = block(&network, 40, [0, 1], finalized.root());
		assert_eq!(submit(attested.update(&network, &finalized, 0, 512, None)), Ok(false));
	});
}

#[test]
fn periods_should_be_crossed_when_the_next_committee_is_known() {
	build_and_execute(|| {
		let last = SLOTS_PER_PERIOD - 64;
		let (network, first) = started(Layout::ELECTRA, last, 1_000);
		// In the first slots of a period its committee signs while the newest final block is of the
		// previous period.
		let attested = block(&network, last + 8, [0, 1], first.root());
		assert_eq!(submit(attested.update(&network, &first, 0, 512, Some(1))), Ok(true));
		assert_eq!(events(), [Event::CommitteeKnown { period: 1 }]);
		let crossing = block(&network, SLOTS_PER_PERIOD + 64, [1, 2], H256::zero());
		let attested = block(&network, SLOTS_PER_PERIOD + 128, [1, 2], crossing.root());
		assert_eq!(submit(attested.update(&network, &crossing, 1, 400, Some(2))), Ok(true));
		assert_eq!(
			events(),
			[
				Event::CommitteeKnown { period: 2 },
				Event::HeaderFinalized { root: crossing.root(), slot: SLOTS_PER_PERIOD + 64 },
			]
		);
		// Signatures of the previous period's committee are no longer accepted.
		let later = block(&network, SLOTS_PER_PERIOD + 192, [1, 2], crossing.root());
		let attested = block(&network, SLOTS_PER_PERIOD + 256, [1, 2], later.root());
		assert_noop!(
			submit(attested.update(&network, &later, 0, 512, None)),
			Error::<Test>::WrongSignature
		);
	});
}

#[test]
fn client_should_catch_up_period_by_period_when_nobody_sent_updates_for_days() {
	build_and_execute(|| {
		let periods = 8;
		let (network, mut last) = started(Layout::GLOAS, 0, periods * SLOTS_PER_PERIOD);
		for period in 0..periods {
			let (ours, next) = (period as u8, period as u8 + 1);
			let slot = period * SLOTS_PER_PERIOD + 100;
			let finalized = block(&network, slot, [ours, next], last.root());
			let attested = block(&network, slot + 64, [ours, next], finalized.root());
			let update = attested.update(&network, &finalized, ours, 400, Some(next));
			assert_eq!(submit(update), Ok(true));
			last = finalized;
		}
		assert!(NextCommittee::<Test>::exists());
	});
}

#[test]
fn client_should_wait_for_a_checkpoint_when_no_block_of_a_whole_period_was_final_in_it() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 3 * SLOTS_PER_PERIOD);
		let last = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], last.root());
		assert_eq!(submit(attested.update(&network, &last, 0, 512, Some(1))), Ok(true));
		// In period 1 nothing newer becomes final, so no final block names the committee of period 2.
		let attested = block(&network, SLOTS_PER_PERIOD + 4_000, [1, 2], last.root());
		assert_noop!(
			submit(attested.update(&network, &last, 1, 512, Some(2))),
			Error::<Test>::NothingNew
		);
		// When Ethereum is final again, in period 2, its signers are unknown: blocks that were never final
		// could be of a fork with another committee.
		let back = block(&network, 2 * SLOTS_PER_PERIOD + 64, [2, 3], H256::zero());
		let attested = block(&network, 2 * SLOTS_PER_PERIOD + 128, [2, 3], back.root());
		let update = attested.update(&network, &back, 2, 512, Some(3));
		assert_noop!(submit(update.clone()), Error::<Test>::UnknownCommittee);
		assert_ok!(EthLightClient::set_checkpoint(RuntimeOrigin::root(), back.root()));
		let bootstrap = Box::new(back.bootstrap(2));
		assert_ok!(EthLightClient::bootstrap(RuntimeOrigin::signed(1), bootstrap));
		assert_eq!(submit(update), Ok(true));
		assert!(EthLightClient::status().knows_next_committee);
	});
}

#[test]
fn blocks_should_be_forgotten_when_there_are_many_newer_ones() {
	build_and_execute(|| {
		let (network, mut last) = started(Layout::ELECTRA, 0, 8_000);
		let first = last.proof();
		for index in 1..=crate::MAX_FINALIZED as u64 {
			let finalized = block(&network, 64 * index, [0, 1], last.root());
			let attested = block(&network, 64 * index + 64, [0, 1], finalized.root());
			assert_eq!(submit(attested.update(&network, &finalized, 0, 342, None)), Ok(true));
			last = finalized;
		}
		use livepeer_primitives::ethereum::EthereumChain;
		assert_noop!(EthLightClient::execution_block(&first), Error::<Test>::NotFinalized);
		assert!(EthLightClient::execution_block(&last.proof()).is_ok());
	});
}
