//! The agenda under load.

use frame_support::{traits::Hooks, weights::Weight};
use livepeer_primitives::api::ChallengeStage;

use crate::{mock::*, Agenda, Overdue};

#[test]
fn agenda_should_go_on_in_the_next_block_when_its_budget_is_used() {
	build_and_execute(|| {
		let claims: Vec<_> = (0..5).map(|_| claim(8)).collect();
		AgendaBudget::set(Weight::from_parts(1, 1));
		let is_drawn = |claim: &&TestClaim| {
			Lottery::challenge(claim.id).unwrap().stage == ChallengeStage::LeafReveal
		};
		for block in 20..25 {
			run_to(block);
			assert_eq!(claims.iter().filter(is_drawn).count() as u32, block - 19);
			assert_eq!(Overdue::<Test>::get(), (block < 24).then_some(20));
		}
		// Each has its whole reveal window from its own draw on.
		let deadlines: Vec<_> =
			claims.iter().map(|c| Lottery::challenge(c.id).unwrap().deadline).collect();
		let mut sorted = deadlines.clone();
		sorted.sort_unstable();
		assert_eq!(sorted, vec![40, 41, 42, 43, 44]);
	});
}

#[test]
fn backlog_should_be_worked_off_in_order_when_the_budget_suffices_again() {
	build_and_execute(|| {
		for block in 1..6 {
			run_to(block * 3);
			claim(8);
		}
		AgendaBudget::set(Weight::from_parts(1, 1));
		run_to(30);
		assert!(Overdue::<Test>::get().is_some());
		AgendaBudget::set(Weight::from_parts(1_000_000_000_000, u64::MAX / 2));
		run_to(31);
		assert_eq!(Overdue::<Test>::get(), None);
		assert!(Agenda::<Test>::iter_keys().all(|(due, _)| due > 31));
		run_to(100);
		assert_eq!(SETTLED.get().len(), 5);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn hook_should_charge_what_it_used() {
	build_and_execute(|| {
		let idle = Lottery::on_initialize(1);
		claim(8);
		claim(8);
		run_to(19);
		System::set_block_number(20);
		let busy = Lottery::on_initialize(20);
		assert!(busy.all_gt(idle));
	});
}
