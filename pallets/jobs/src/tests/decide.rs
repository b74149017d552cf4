//! The plain functions.

use crate::{decide::*, types::Phase};
use livepeer_primitives::{traits::Candidate, AccountId, Hash, UNIT};
use proptest::prelude::*;
use sp_runtime::Perbill;

fn candidate(i: u8, stake: u128, price: u128, capacity: u32) -> Candidate {
	let (account, fee_share) = (AccountId::new([i; 32]), Perbill::zero());
	Candidate { account, stake, price, fee_share, capacity }
}

fn phases() -> impl Strategy<Value = Phase> {
	prop_oneof![
		(0..1_000u32, any::<u8>())
			.prop_map(|(draw_at, retries)| Phase::Waiting { draw_at, retries }),
		(any::<u32>(), 0..1_000u32)
			.prop_map(|(assignment, until)| Phase::Offered { assignment, until }),
		any::<u32>().prop_map(|assignment| Phase::Running { assignment }),
		Just(Phase::Ended),
	]
}

#[test]
fn step_should_follow_the_table() {
	let waiting = Phase::Waiting { draw_at: 10, retries: 0 };
	let offered = Phase::Offered { assignment: 0, until: 10 };
	let runs = Phase::Running { assignment: 0 };
	assert_eq!(step(&waiting, 50, 9), Step::Wait(10));
	assert_eq!(step(&waiting, 50, 10), Step::Draw);
	assert_eq!(step(&offered, 50, 10), Step::Wait(11));
	assert_eq!(step(&offered, 50, 11), Step::HandOn);
	assert_eq!(step(&runs, 50, 49), Step::Wait(50));
	for phase in [waiting, offered, runs] {
		assert_eq!(step(&phase, 9, 9), Step::Expire);
		assert_eq!(step(&phase, 9, 8), Step::Wait(9));
	}
	assert_eq!(step(&Phase::Ended, 9, 99), Step::Rest);
}

#[test]
fn retry_delay_should_double_up_to_its_bound() {
	let delays: Vec<_> = (0..11).map(retry_delay).collect();
	assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_024]);
	assert_eq!(retry_delay(u8::MAX), MAX_RETRY_DELAY);
}

#[test]
fn draw_should_favour_stake() {
	let all = [candidate(1, 9 * UNIT, 0, 1), candidate(2, UNIT, 0, 1), candidate(3, 0, 0, 1)];
	let eligible: Vec<_> = all.iter().collect();
	let firsts: Vec<_> = (0..1_000u64)
		.map(|job| draw_list(Hash::repeat_byte(5), job, &eligible, 1)[0].clone())
		.collect();
	let rich = firsts.iter().filter(|who| **who == all[0].account).count();
	assert!((860..940).contains(&rich), "{rich} of 1000");
	assert!(!firsts.contains(&all[2].account), "no stake, no job");
}

#[test]
fn draw_should_share_jobs_by_stake() {
	// Livepeer's own test: stakes of 50, 30 and 20 %.
	let all = [candidate(1, 50, 0, 1), candidate(2, 30, 0, 1), candidate(3, 20, 0, 1)];
	let eligible: Vec<_> = all.iter().collect();
	let mut won = [0u32; 3];
	for job in 0..2_000u64 {
		let first = &draw_list(Hash::repeat_byte(8), job, &eligible, 3)[0];
		let index = all.iter().position(|candidate| candidate.account == *first).unwrap();
		won[index] += 1;
	}
	for (won, expected) in won.into_iter().zip([1_000u32, 600, 400]) {
		assert!(won.abs_diff(expected) < 100, "{won} instead of {expected}");
	}
}

proptest! {
	#[test]
	fn wake_is_after_now_and_not_after_the_end(
		phase in phases(), end in 0..1_000u32, now in 0..1_000u32,
	) {
		match wake(&phase, end, now) {
			None => prop_assert_eq!(phase, Phase::Ended),
			Some(at) => {
				prop_assert!(at > now);
				prop_assert!(at <= end.max(now + 1));
				// Nothing is due before, and something is due then.
				for block in now + 1..at {
					prop_assert!(matches!(step(&phase, end, block), Step::Wait(_)));
				}
				prop_assert!(!matches!(step(&phase, end, at), Step::Wait(_) | Step::Rest));
			},
		}
	}

	#[test]
	fn list_is_without_repetition_and_from_the_eligible(
		stakes in prop::collection::vec(0..1_000u128, 0..20), n in 0..16u32, seed: [u8; 32],
	) {
		let all: Vec<_> =
			stakes.iter().enumerate().map(|(i, s)| candidate(i as u8, *s, 0, 1)).collect();
		let eligible: Vec<_> = all.iter().collect();
		let list = draw_list(Hash::from(seed), 3, &eligible, n);
		let with_stake = stakes.iter().filter(|s| **s > 0).count();
		prop_assert_eq!(list.len(), with_stake.min(n as usize));
		let mut sorted = list.clone();
		sorted.sort();
		sorted.dedup();
		prop_assert_eq!(sorted.len(), list.len());
	}

	#[test]
	fn eligible_never_costs_more_than_asked_or_there_is(
		max_price: u64, price: u64, unreserved: u64, capacity in 0..4u32, load in 0..4u32,
		max_leaf_work in 1..1u64 << 40,
	) {
		let demand = Demand {
			max_price: max_price.into(),
			max_leaf_work,
			unreserved: unreserved.into(),
			smallest_fee: 10,
		};
		if is_eligible(&demand, &candidate(1, 1, price.into(), capacity), load) {
			prop_assert!(price <= max_price && load < capacity);
			let target = target_allowance(max_leaf_work, 1, price.into(), 10);
			prop_assert_eq!(refill(target, 0, unreserved.into()), target);
		}
	}

	#[test]
	fn refill_never_takes_more_than_there_is(target: u128, allowance: u128, unreserved: u128) {
		let amount = refill(target, allowance, unreserved);
		prop_assert!(amount <= unreserved);
		prop_assert!(amount == 0 || allowance + amount <= target);
	}

	#[test]
	fn charge_keeps_every_bound(
		next_seq: u64, allowance: u64, price: u64, max_leaf_work: u64, max_leaves: u32,
		first: u64, span in 0..10_000u64, total_work: u64,
	) {
		let bounds = ClaimBounds {
			next_seq: next_seq / 2,
			allowance: allowance.into(),
			price: price.into(),
			max_leaf_work,
			max_leaves,
			smallest_fee: 1_000,
		};
		let last = first.saturating_add(span);
		if let Ok(charge) = charge(&bounds, first, last, total_work) {
			prop_assert!(first >= bounds.next_seq && charge.next_seq > last);
			prop_assert!(charge.leaf_count >= 1 && charge.leaf_count <= max_leaves.min(4096));
			prop_assert_eq!(u64::from(charge.leaf_count), last - first + 1);
			prop_assert!(charge.fee >= 1_000 && charge.fee <= bounds.allowance);
		}
	}
}
