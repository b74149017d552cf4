//! The plain functions.

use crate::{
	decision::*,
	types::{Class, Phase, Unsuited, Wake},
};
use livepeer_primitives::{
	params::VerificationTerms,
	traits::Candidate,
	video::{SourceLimits, CANONICAL_PROFILE},
	work::{fee, STANDARD_SEGMENT_WORK},
	AccountId, Hash, UNIT,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

fn candidate(i: u8, stake: u128, price: u128, capacity: u64) -> Candidate {
	let (account, fee_share) = (AccountId::new([i; 32]), Perbill::zero());
	let profiles = vec![CANONICAL_PROFILE].try_into().unwrap();
	Candidate { account, stake, price, fee_share, capacity, profiles }
}

fn demand(load: u64) -> Demand {
	Demand {
		max_price: 10,
		max_leaf_work: 1_000,
		load,
		ladder: crate::mock::ladder(),
		unreserved: 1_000,
		smallest_fee: 10,
		full_claim: u64::MAX,
		least_price: 0,
		reserve: 0,
	}
}

fn phases() -> impl Strategy<Value = Phase> {
	prop_oneof![
		(0..1_000u32, any::<u8>())
			.prop_map(|(draw_at, retries)| Phase::Waiting { draw_at, retries }),
		(any::<u32>(), 0..1_000u32, any::<u8>())
			.prop_map(|(assignment, until, retries)| Phase::Offered { assignment, until, retries }),
		any::<u32>().prop_map(|assignment| Phase::Running { assignment }),
		Just(Phase::Ended),
	]
}

#[test]
fn step_should_follow_the_table() {
	let waiting = Phase::Waiting { draw_at: 10, retries: 0 };
	let offered = Phase::Offered { assignment: 0, until: 10, retries: 0 };
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
	let firsts: Vec<_> = (0..1_000u64)
		.map(|job| draw_list(Hash::repeat_byte(5), job, &all, |_| true, 1)[0].clone())
		.collect();
	let rich = firsts.iter().filter(|who| **who == all[0].account).count();
	assert!((860..940).contains(&rich), "{rich} of 1000");
	assert!(!firsts.contains(&all[2].account), "no stake, no job");
}

#[test]
fn draw_should_share_jobs_by_stake() {
	// Livepeer's own test: stakes of 50, 30 and 20 %.
	let all = [candidate(1, 50, 0, 1), candidate(2, 30, 0, 1), candidate(3, 20, 0, 1)];
	let mut won = [0u32; 3];
	for job in 0..2_000u64 {
		let first = &draw_list(Hash::repeat_byte(8), job, &all, |_| true, 3)[0];
		let index = all.iter().position(|candidate| candidate.account == *first).unwrap();
		won[index] += 1;
	}
	// Chi-square with two degrees of freedom: above 13.8 once in a thousand.
	let chi: f64 = won
		.into_iter()
		.zip([1_000.0, 600.0, 400.0])
		.map(|(won, expected)| (f64::from(won) - expected).powi(2) / expected)
		.sum();
	assert!(chi < 13.8, "{won:?}: {chi}");
	// An order without weights would give each a third.
	assert!(won[0] > 900 && won[2] < 500, "{won:?}");
}

#[test]
fn draw_should_match_livepeer_a25_by_price_and_stake() {
	// The first has twice the stake of the second and half its price.
	let all = [candidate(1, 2_000, 5, 10), candidate(2, 1_000, 10, 10)];
	let won = |max_price: u128| {
		let demand = Demand { max_price, ..demand(1) };
		let mut won = [0u32; 2];
		for job in 0..3_000u64 {
			let suits = |candidate: &Candidate| is_eligible(&demand, candidate, 0);
			for first in draw_list(Hash::repeat_byte(8), job, &all, suits, 1) {
				won[usize::from(first == all[1].account)] += 1;
			}
		}
		won
	};
	assert_eq!(won(2), [0, 0]);
	assert_eq!((won(5), won(6)), ([3_000, 0], [3_000, 0]));
	let [first, second] = won(10);
	// Five standard deviations.
	assert!(first + second == 3_000 && first.abs_diff(2_000) < 130, "{first} {second}");
}

#[test]
fn ends_should_never_be_urgent_nor_draws_that_found_nobody() {
	let wake = |phase: Phase, end, now| wake(&phase, end, now).unwrap();
	let waiting = |draw_at, retries| Phase::Waiting { draw_at, retries };
	let urgent = |at| Wake { class: Class::Urgent, at };
	let lazy = |at| Wake { class: Class::Lazy, at };
	assert_eq!(wake(waiting(10, 0), 50, 8), urgent(10));
	assert_eq!(wake(waiting(10, 1), 50, 8), lazy(10));
	assert_eq!(wake(waiting(60, 0), 50, 8), lazy(50));
	assert_eq!(wake(waiting(50, 0), 50, 8), lazy(50));
	assert_eq!(wake(Phase::Offered { assignment: 0, until: 10, retries: 0 }, 50, 8), urgent(11));
	assert_eq!(wake(Phase::Offered { assignment: 0, until: 60, retries: 0 }, 50, 8), lazy(50));
	assert_eq!(wake(Phase::Running { assignment: 0 }, 50, 8), lazy(50));
	assert_eq!(wake(waiting(10, 0), 50, 60), lazy(61));
}

#[test]
fn load_should_be_work_per_second_rounded_up() {
	let limits = SourceLimits::new(1280, 720, 30);
	assert_eq!(limits.longest, 225_000);
	assert_eq!(load(1_000, &limits), 400);
	assert_eq!(load(1_001, &limits), 401);
	assert_eq!(load(u64::MAX, &SourceLimits { longest: 45_000, ..limits }), u64::MAX);
}

#[test]
fn places_should_cover_a_claims_life_at_the_shortest_segments() {
	let limits = SourceLimits::new(1280, 720, 30);
	// 100 blocks of 2 s against claims of 64 segments of 1 s.
	assert_eq!(places(100, 2_000, 64, &limits), 4 + 1);
	assert_eq!(places(96, 2_000, 64, &limits), 3 + 1);
	assert_eq!(places(96, 2_000, 64, &SourceLimits { shortest: 45_000, ..limits }), 6 + 1);
	assert_eq!(places(0, 2_000, 64, &limits), 1);
	assert_eq!(places(u32::MAX, u64::MAX, 0, &limits), u32::MAX);
}

#[test]
fn claim_length_should_be_that_of_its_longest_segments() {
	let limits = SourceLimits::new(1280, 720, 30);
	assert_eq!(claim_length(2_000, 64, &limits), 80);
	assert_eq!(claim_length(6_000, 1, &limits), 1);
}

#[test]
fn suits_should_need_every_profile_of_the_ladder() {
	let fit = candidate(1, 1, 1, 100);
	assert!(suits(&demand(100), &fit));
	let other = Candidate { profiles: vec![2].try_into().unwrap(), ..fit.clone() };
	assert!(!suits(&demand(100), &other));
	let both = Candidate { profiles: vec![1, 2].try_into().unwrap(), ..fit.clone() };
	assert!(suits(&demand(100), &both));
	let mut mixed = demand(100);
	mixed.ladder[1].profile = 2;
	assert!(!suits(&mixed, &fit));
	assert!(suits(&mixed, &both));
	assert!(!suits(&demand(101), &fit), "it could never do the work");
}

#[test]
fn reservation_should_be_a_sixteenth_of_what_the_work_would_cost() {
	// Four fifths of a standard segment's work in each of 20 seconds are 16 segments.
	let load = STANDARD_SEGMENT_WORK / 5 * 4;
	let kept = Kept { load, price: 7, places: 1, claim_life: 20, smallest_fee: 10 };
	assert_eq!(reservation(&kept, 10, 2_000), 7);
	assert_eq!(reservation(&kept, 20, 2_000), 14);
	assert_eq!(reservation(&kept, 0, 2_000), 0);
}

#[test]
fn reservation_should_be_a_sixteenth_of_the_smallest_fees_when_these_are_more() {
	// In 32 blocks each of four places has room for two claims of 20 blocks: a sixteenth of eight
	// fees.
	let kept = Kept { load: 1, price: 7, places: 4, claim_life: 16, smallest_fee: 20 };
	assert_eq!(reservation(&kept, 32, 2_000), 10);
	assert_eq!(reservation(&kept, 31, 2_000), 9, "rounded down");
	assert_eq!(reservation(&Kept { places: 0, ..kept }, 32, 2_000), 0);
	// The higher of both, not the sum.
	let load = STANDARD_SEGMENT_WORK / 5 * 4;
	assert_eq!(reservation(&Kept { load, ..kept }, 10, 2_000), 7);
	assert_eq!(reservation(&Kept { load, places: 8, ..kept }, 10, 2_000), 7);
	assert_eq!(reservation(&Kept { load, places: 64, ..kept }, 10, 2_000), 50);
	// A tiny job in production, as long as its transcoder waits: 37 places of 0.00001 ETH in 2,400 blocks.
	let smallest_fee = livepeer_primitives::ETH_MINIMUM;
	let tiny = Kept { load: 1, price: 1, places: 37, claim_life: 2_400, smallest_fee };
	assert_eq!(reservation(&tiny, 166, 6_000), 1_599_479_166_666);
	// Nothing overflows.
	let most = Kept {
		load: u64::MAX,
		price: u128::MAX,
		places: u32::MAX,
		claim_life: 0,
		smallest_fee: u128::MAX,
	};
	assert_eq!(reservation(&most, u32::MAX, u64::MAX), u128::MAX);
}

#[test]
fn full_claim_should_have_all_leaves_that_the_samples_allow() {
	// A quarter of 16 leaves is drawn, and all of 4.
	let terms = |percent| VerificationTerms { rate: Perbill::from_percent(percent), ..terms(0) };
	assert_eq!(full_claim(&terms(25), 4, 10), 160);
	assert_eq!(full_claim(&terms(100), 4, 10), 40);
	assert_eq!(full_claim(&terms(100), 4, u64::MAX), u64::MAX);
	// Sixteen standard segments at 7 are 112.
	let full = full_claim(&terms(25), 4, STANDARD_SEGMENT_WORK);
	assert!(is_claimable(full, 7, 112));
	assert!(!is_claimable(full, 7, 113));
}

#[test]
fn patience_should_be_longest_with_strangers() {
	assert_eq!([false, true].map(|has_claimed| patience(80, has_claimed, false)), [160, 160]);
	assert_eq!([false, true].map(|has_claimed| patience(80, has_claimed, true)), [10, 80]);
}

#[test]
fn transcoder_should_be_no_judge_of_its_own() {
	let [one, two, three] = [1, 2, 3].map(|i| AccountId::new([i; 32]));
	let judges = [one.clone(), two.clone()];
	assert!(can_be_judged(&judges, &three, 2));
	assert!(can_be_judged(&judges, &one, 1));
	assert!(!can_be_judged(&judges, &one, 2));
	assert!(!can_be_judged(&judges, &three, 3));
	assert!(can_be_judged(&[], &one, 0));
}

#[test]
fn why_should_name_what_the_nearest_lacks() {
	let fit = || candidate(1, 1, 10, 100);
	// Every bound may be reached.
	let demand = Demand { least_price: 10, ..demand(100) };
	assert_eq!(why(&demand, &[]), Unsuited::Nobody);
	assert_eq!(why(&demand, &[fit()]), Unsuited::Busy);
	let other = Candidate { profiles: vec![2].try_into().unwrap(), ..fit() };
	let small = Candidate { capacity: 99, ..fit() };
	let dear = Candidate { price: 11, ..fit() };
	let cheap = Candidate { price: 9, ..fit() };
	let poor = Demand { unreserved: 9, ..demand.clone() };
	// Two thirds of a standard segment at 10 are 6.
	let tiny = Demand { full_claim: STANDARD_SEGMENT_WORK / 3 * 2, ..demand.clone() };
	assert_eq!(why(&tiny, &[fit()]), Unsuited::BelowVerification);
	assert!(!suits(&tiny, &fit()));
	assert!(suits(&Demand { full_claim: STANDARD_SEGMENT_WORK, ..demand.clone() }, &fit()));
	for (lacking, expected) in [
		(&other, Unsuited::Profile),
		(&small, Unsuited::Capacity),
		(&dear, Unsuited::Price),
		(&cheap, Unsuited::BelowVerification),
	] {
		assert_eq!(why(&demand, core::slice::from_ref(lacking)), expected);
		assert!(!suits(&demand, lacking));
		// What one candidate lacks is not reported if another comes nearer.
		assert_eq!(why(&demand, &[lacking.clone(), fit()]), Unsuited::Busy);
	}
	assert!(suits(&demand, &fit()));
	assert_eq!(why(&poor, &[fit()]), Unsuited::Budget);
	assert_eq!(why(&poor, &[other, fit(), small]), Unsuited::Budget);
}

/// Terms by which a claim of one leaf is worth at least its fee, or a little less.
fn terms(verify_price: u128) -> VerificationTerms {
	VerificationTerms {
		rate: Perbill::one(),
		committee_size: 1,
		verify_price,
		fee_ratio: 1,
		variant_rate: Perbill::zero(),
	}
}

#[test]
fn smallest_claim_should_be_no_less_than_any_of_its_bounds() {
	let (work, free) = (STANDARD_SEGMENT_WORK, terms(0));
	assert_eq!(smallest_claim(&free, work, 10, 7), 10);
	assert_eq!(smallest_claim(&free, work, 10, 77), 77);
	assert_eq!(smallest_claim(&terms(11), work, 10, 7), 11);
}

#[test]
fn charge_should_be_taken_at_each_bound_and_refused_beyond() {
	let work = STANDARD_SEGMENT_WORK;
	let bounds = ClaimBounds {
		next_seq: 5,
		allowance: 40,
		price: 10,
		max_leaf_work: work,
		max_leaves: 4,
		smallest_fee: 10,
		terms: terms(10),
		max_samples: 4,
		has_ended: false,
	};
	let claimed = Claimed { first: 5, last: 8, total_work: 4 * work, largest_leaf: work };
	// The most of everything.
	let charged = charge(&bounds, &claimed).unwrap();
	assert_eq!((charged.leaf_count, charged.next_seq, charged.fee), (4, 9, 40));
	assert_eq!((charged.prepayment, charged.shortfall, charged.worth()), (40, 0, 40));
	// And the least: one leaf with the smallest fee.
	let one = Claimed { last: 5, total_work: work, ..claimed };
	assert_eq!(charge(&bounds, &one).map(|charge| charge.fee), Ok(10));
	for (beyond, error) in [
		(Claimed { first: 4, ..claimed }, BadClaim::NotAscending),
		(Claimed { first: 9, ..claimed }, BadClaim::NotAscending),
		(Claimed { first: 4, last: 3, ..claimed }, BadClaim::NotAscending),
		(Claimed { last: 9, ..claimed }, BadClaim::TooManyLeaves),
		(Claimed { total_work: 0, ..claimed }, BadClaim::NoWork),
		(Claimed { largest_leaf: work + 1, ..claimed }, BadClaim::LeafTooLarge),
		(Claimed { total_work: 4 * work + 1, ..claimed }, BadClaim::WorkTooLarge),
		(Claimed { total_work: work - 1, ..one }, BadClaim::FeeTooSmall),
	] {
		assert_eq!(charge(&bounds, &beyond), Err(error), "{beyond:?}");
	}
	let poor = ClaimBounds { allowance: 39, ..bounds };
	assert_eq!(charge(&poor, &claimed), Err(BadClaim::AllowanceExceeded));
	// The deepest tree bounds the leaves, whatever the terms allow.
	let many = ClaimBounds { max_leaves: u32::MAX, allowance: u128::MAX, ..bounds };
	let deep = |leaves: u64| Claimed { last: 4 + leaves, total_work: leaves * work, ..claimed };
	assert!(charge(&many, &deep(4_096)).is_ok());
	assert_eq!(charge(&many, &deep(4_097)), Err(BadClaim::TooManyLeaves));
	// A claim that is not worth its verification waits for more, until there is no more.
	let dear = ClaimBounds { terms: terms(11), ..bounds };
	assert_eq!(charge(&dear, &claimed), Err(BadClaim::FeeBelowVerification));
	let last = charge(&ClaimBounds { has_ended: true, ..dear }, &claimed).unwrap();
	assert_eq!((last.fee, last.prepayment, last.shortfall, last.worth()), (40, 44, 4, 44));
}

#[test]
fn allowance_should_pay_for_what_was_asked_and_one_claim_at_least() {
	assert_eq!(target_allowance(STANDARD_SEGMENT_WORK, 3, 10, 7), 30);
	assert_eq!(target_allowance(STANDARD_SEGMENT_WORK, 3, 10, 77), 77);
	assert_eq!(least_allowance(STANDARD_SEGMENT_WORK, 10, 7), fee(STANDARD_SEGMENT_WORK, 10));
	assert_eq!([refill(30, 10, 100), refill(30, 10, 15), refill(30, 40, 100)], [20, 15, 0]);
}

proptest! {
	#[test]
	fn wake_is_after_now_and_not_after_the_end(
		phase in phases(), end in 0..1_000u32, now in 0..1_000u32,
	) {
		match wake(&phase, end, now) {
			None => prop_assert_eq!(phase, Phase::Ended),
			Some(Wake { class, at }) => {
				prop_assert!(class == Class::Lazy || at < end, "an end is not urgent");
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
			let list = draw_list(Hash::from(seed), 3, &all, |_| true, n);
		let with_stake = stakes.iter().filter(|s| **s > 0).count();
		prop_assert_eq!(list.len(), with_stake.min(n as usize));
		let mut sorted = list.clone();
		sorted.sort();
		sorted.dedup();
		prop_assert_eq!(sorted.len(), list.len());
	}

	#[test]
	fn eligible_never_costs_more_than_asked_or_there_is(
		max_price: u64, price: u64, unreserved: u64, capacity in 0..40u64, work in 0..40u64,
		load in 0..40u64, max_leaf_work in 1..1u64 << 40,
	) {
		let demand = Demand {
			max_price: max_price.into(),
			max_leaf_work,
			unreserved: unreserved.into(),
			..demand(load)
		};
		if is_eligible(&demand, &candidate(1, 1, price.into(), capacity), work) {
			prop_assert!(price <= max_price && work + load <= capacity);
			let target = target_allowance(max_leaf_work, 1, price.into(), 10);
			prop_assert_eq!(refill(target, 0, unreserved.into()), target);
		}
	}

	/// A candidate that toggles its eligibility only removes itself or returns.
	#[test]
	fn toggling_one_candidate_never_reorders_the_others(
		stakes in prop::collection::vec(1..1_000_000u128, 2..20),
		eligible in prop::collection::vec(any::<bool>(), 20), who: prop::sample::Index,
		n in 1..16u32, seed: [u8; 32], job: u64,
	) {
		let all: Vec<_> =
			stakes.iter().enumerate().map(|(i, s)| candidate(i as u8, *s, 0, 1)).collect();
		let who = who.index(all.len());
		let number = |candidate: &Candidate| usize::from(AsRef::<[u8]>::as_ref(&candidate.account)[0]);
		let list = |toggled: bool, n: u32| {
			let is_eligible = |c: &Candidate| eligible[number(c)] != (toggled && number(c) == who);
			draw_list(Hash::from(seed), job, &all, is_eligible, n)
		};
		let others = |list: Vec<AccountId>| -> Vec<AccountId> {
			list.into_iter().filter(|account| *account != all[who].account).collect()
		};
		prop_assert_eq!(others(list(false, 20)), others(list(true, 20)));
		// Also with a bounded list: the shorter one is a beginning of the longer.
		let (one, two) = (others(list(false, n)), others(list(true, n)));
		let shorter = one.len().min(two.len());
		prop_assert!(one[..shorter] == two[..shorter] && one.len().abs_diff(two.len()) <= 1);
		// Leaving the directory altogether has the same effect as being removed.
		let without: Vec<_> = all.iter().filter(|c| number(c) != who).cloned().collect();
		let absent = draw_list(Hash::from(seed), job, &without, |c| eligible[number(c)], 20);
		prop_assert_eq!(absent, others(list(false, 20)));
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
		first: u64, span in 0..10_000u64, total_work: u64, largest_leaf: u64,
	) {
		let bounds = ClaimBounds {
			next_seq: next_seq / 2,
			allowance: allowance.into(),
			price: price.into(),
			max_leaf_work,
			max_leaves,
			smallest_fee: 1_000,
			terms: livepeer_primitives::params::ProtocolParameters::production()
				.lottery
				.terms(true),
			max_samples: 16,
			has_ended: false,
		};
		let last = first.saturating_add(span);
		let claimed = Claimed { first, last, total_work, largest_leaf };
		if let Ok(charge) = charge(&bounds, &claimed) {
			prop_assert!(largest_leaf <= max_leaf_work);
			prop_assert!(total_work / u64::from(charge.leaf_count) <= largest_leaf);
			prop_assert!(first >= bounds.next_seq && charge.next_seq > last);
			prop_assert!(charge.leaf_count >= 1 && charge.leaf_count <= max_leaves.min(4096));
			prop_assert_eq!(u64::from(charge.leaf_count), last - first + 1);
			prop_assert!(charge.fee >= 1_000 && charge.fee <= bounds.allowance);
			prop_assert!(charge.fee >= charge.prepayment, "it pays for its verification");
		}
	}
}
