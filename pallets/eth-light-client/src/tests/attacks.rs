//! Attempts to show the chain another Ethereum.

use crate::{
	mock::*,
	simulator::{self, block},
	CurrentCommittee, Error, Finalized, Layout, NextCommittee, SLOTS_PER_PERIOD,
};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::ethereum::{ClientHealth, EthereumChain};
use sp_core::H256;

#[test]
fn attack_minority_finalises_a_block() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let update = attested.update(&network, &finalized, 0, 341, None);
		assert_noop!(submit(update.clone()), Error::<Test>::NoSupermajority);
		// The submitter claims one more signer than have signed.
		let mut more = update;
		more.aggregate.bits[63] |= 1 << 7;
		assert_noop!(submit(more), Error::<Test>::WrongSignature);
	});
}

#[test]
fn attack_other_committee_or_other_network_signs() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let strangers = attested.update(&network, &finalized, 5, 512, None);
		assert_noop!(submit(strangers), Error::<Test>::WrongSignature);
		let mut elsewhere = network.clone();
		elsewhere.genesis_validators_root = H256::repeat_byte(8);
		let of_elsewhere = attested.update(&elsewhere, &finalized, 0, 512, None);
		assert_noop!(submit(of_elsewhere), Error::<Test>::WrongSignature);
		let mut other_fork = network;
		other_fork.forks[0].version = [9, 9, 9, 9];
		let of_other_fork = attested.update(&other_fork, &finalized, 0, 512, None);
		assert_noop!(submit(of_other_fork), Error::<Test>::WrongSignature);
	});
}

#[test]
fn attack_wrong_branch_comes_from_a_beacon_node() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let good = attested.update(&network, &finalized, 0, 512, Some(1));
		let mut other_block = good.clone();
		other_block.finalized = block(&network, 65, [0, 1], first.root()).header;
		assert_noop!(submit(other_block), Error::<Test>::WrongFinalityBranch);
		let mut shorter = good.clone();
		shorter.finality_branch.pop();
		assert_noop!(submit(shorter), Error::<Test>::WrongFinalityBranch);
		let mut longer = good.clone();
		longer.finality_branch.try_push(H256::zero()).unwrap();
		assert_noop!(submit(longer), Error::<Test>::WrongFinalityBranch);
		let mut empty = good.clone();
		empty.finality_branch.clear();
		assert_noop!(submit(empty), Error::<Test>::WrongFinalityBranch);
		let mut other_committee = good.clone();
		other_committee.next.as_mut().unwrap().committee = simulator::committee(2);
		assert_noop!(submit(other_committee), Error::<Test>::WrongCommitteeBranch);
		// The current committee, offered as the next one.
		let mut current = good;
		current.next.as_mut().unwrap().committee = simulator::committee(0);
		current.next.as_mut().unwrap().branch =
			simulator::branch(Layout::GLOAS.current_committee, &attested.state);
		assert_noop!(submit(current), Error::<Test>::WrongCommitteeBranch);
	});
}

#[test]
fn attack_signature_comes_from_the_future() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 128);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let update = attested.update(&network, &finalized, 0, 512, None);
		assert_noop!(submit(update.clone()), Error::<Test>::FromTheFuture);
		Seconds::set(129);
		assert_ok!(submit(update));
	});
}

#[test]
fn attack_slots_are_out_of_order() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let later = block(&network, 128, [0, 1], first.root());
		let attested = block(&network, 64, [0, 1], later.root());
		let update = attested.update(&network, &later, 0, 512, None);
		assert_noop!(submit(update.clone()), Error::<Test>::SlotsOutOfOrder);
		let mut same = update;
		same.signature_slot = 64;
		assert_noop!(submit(same), Error::<Test>::SlotsOutOfOrder);
	});
}

#[test]
fn attack_old_update_is_sent_again_for_free() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let update = attested.update(&network, &finalized, 0, 512, Some(1));
		assert_ok!(submit(update.clone()));
		assert_noop!(submit(update), Error::<Test>::NothingNew);
		let older = block(&network, 32, [0, 1], first.root());
		let attested = block(&network, 150, [0, 1], older.root());
		assert_noop!(
			submit(attested.update(&network, &older, 0, 512, None)),
			Error::<Test>::NothingNew
		);
	});
}

#[test]
fn attack_period_is_crossed_without_the_next_committee() {
	build_and_execute(|| {
		let last = SLOTS_PER_PERIOD - 64;
		let (network, first) = started(Layout::GLOAS, last, 3 * SLOTS_PER_PERIOD);
		// Without the next period's committee, no block of that period is accepted.
		let crossing = block(&network, SLOTS_PER_PERIOD + 64, [1, 2], H256::zero());
		let attested = block(&network, SLOTS_PER_PERIOD + 128, [1, 2], crossing.root());
		let cross = attested.update(&network, &crossing, 1, 512, None);
		assert_noop!(submit(cross.clone()), Error::<Test>::UnknownCommittee);
		let attested = block(&network, last + 8, [0, 1], first.root());
		assert_ok!(submit(attested.update(&network, &first, 0, 512, Some(1))));
		assert_ok!(submit(cross));
		// The previous committee is not taken for the next one.
		assert!(!NextCommittee::<Test>::exists());
		let root = simulator::committee(1).root();
		assert_eq!(CurrentCommittee::<Test>::get().unwrap().root, root);
		let skipping = block(&network, 2 * SLOTS_PER_PERIOD + 64, [2, 3], H256::zero());
		let attested = block(&network, 2 * SLOTS_PER_PERIOD + 128, [2, 3], skipping.root());
		for by in [0, 1, 2] {
			assert_noop!(
				submit(attested.update(&network, &skipping, by, 512, None)),
				Error::<Test>::UnknownCommittee
			);
		}
	});
}

#[test]
fn attack_known_next_committee_is_replaced() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let finalized = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], finalized.root());
		assert_ok!(submit(attested.update(&network, &finalized, 0, 512, Some(1))));
		let finalized = block(&network, 192, [0, 1], finalized.root());
		let attested = block(&network, 256, [0, 9], finalized.root());
		assert_noop!(
			submit(attested.update(&network, &finalized, 0, 512, Some(9))),
			Error::<Test>::OtherCommittee
		);
	});
}

#[test]
fn attack_committee_of_a_later_period_is_taken_for_the_next_one() {
	build_and_execute(|| {
		let last = SLOTS_PER_PERIOD - 64;
		let (network, first) = started(Layout::GLOAS, last, 1_000);
		let attested = block(&network, last + 8, [0, 1], first.root());
		assert_ok!(submit(attested.update(&network, &first, 0, 512, Some(1))));
		// The attested block is in the new period, the final one still in the old. The committee
		// that the update brings belongs to the period after the new one, so it is not taken yet.
		let finalized = block(&network, last + 32, [0, 1], first.root());
		let attested = block(&network, SLOTS_PER_PERIOD + 8, [1, 2], finalized.root());
		assert_ok!(submit(attested.update(&network, &finalized, 1, 512, Some(2))));
		let root = simulator::committee(1).root();
		assert_eq!(NextCommittee::<Test>::get().unwrap().root, root);
	});
}

#[test]
fn attack_committee_comes_with_a_block_of_the_period_before() {
	build_and_execute(|| {
		// A client that has entered period 1 and lacks the committee of period 2.
		let (network, first) = started(Layout::GLOAS, SLOTS_PER_PERIOD + 64, 1_000);
		let older = block(&network, SLOTS_PER_PERIOD - 10, [5, 0], first.root());
		let attested = block(&network, SLOTS_PER_PERIOD + 100, [0, 1], older.root());
		assert_noop!(
			submit(attested.update(&network, &older, 0, 512, Some(1))),
			Error::<Test>::CommitteeOfOtherPeriod
		);
		assert!(!NextCommittee::<Test>::exists());
	});
}

#[test]
fn attack_validators_that_have_left_sign_another_history() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		Seconds::set(WEAK_SUBJECTIVITY + 1);
		assert_eq!(EthLightClient::health(), ClientHealth::Expired { age: WEAK_SUBJECTIVITY + 1 });
		let finalized = block(&network, 4_000, [0, 1], first.root());
		let attested = block(&network, 4_064, [0, 1], finalized.root());
		assert_noop!(
			submit(attested.update(&network, &finalized, 0, 512, Some(1))),
			Error::<Test>::TooOld
		);
	});
}

#[test]
fn attack_checkpoint_is_weeks_old() {
	build_and_execute(|| {
		let network = simulator::network(VERSION, Layout::GLOAS);
		let old = block(&network, 64, [0, 1], H256::zero());
		Seconds::set(64 + WEAK_SUBJECTIVITY + 1);
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
		assert_ok!(EthLightClient::set_checkpoint(RuntimeOrigin::root(), old.root()));
		let send = || {
			EthLightClient::bootstrap(RuntimeOrigin::signed(1), Box::new(old.bootstrap(0)))
				.map(|_| ())
				.map_err(|error| error.error)
		};
		assert_noop!(send(), Error::<Test>::TooOld);
		Seconds::set(63);
		assert_noop!(send(), Error::<Test>::FromTheFuture);
	});
}

#[test]
fn attack_forged_block_still_proves_after_recovery() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 0, 1_000);
		let forged = block(&network, 64, [0, 1], first.root());
		let attested = block(&network, 128, [0, 1], forged.root());
		assert_ok!(submit(attested.update(&network, &forged, 0, 512, None)));
		assert_ok!(EthLightClient::execution_block(&forged.proof()));
		let honest = block(&network, 96, [3, 4], H256::zero());
		assert_ok!(EthLightClient::set_checkpoint(RuntimeOrigin::root(), honest.root()));
		// At once, not only when somebody starts the client again.
		assert_eq!(EthLightClient::health(), ClientHealth::NotBootstrapped);
		assert_noop!(
			EthLightClient::execution_block(&forged.proof()),
			Error::<Test>::NotBootstrapped
		);
		assert_ok!(EthLightClient::bootstrap(
			RuntimeOrigin::signed(1),
			Box::new(honest.bootstrap(3))
		));
		assert_noop!(EthLightClient::execution_block(&forged.proof()), Error::<Test>::NotFinalized);
		assert_eq!(Finalized::<Test>::get().len(), 1);
	});
}
