//! What judges are paid.

use livepeer_primitives::{
	claim::Outcome,
	leaf::Leaf,
	traits::{Beacon, OnClaim},
	verdict::{MismatchKind, NonConformingKind, Opening, Verdict, DISPUTE},
	work::fee,
	Balance, Hash,
};
use proptest::prelude::*;

use crate::{
	mock::*,
	types::{Record, PENALTIES_PER_STEP, REWARDS_PER_STEP},
	Event, PoolSpent,
};

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

/// Enough for a claim's verification.
const PLENTY: Balance = 1 << 100;

/// The worth of each judge's work on a claim.
fn price(id: u64) -> Balance {
	let challenge = challenge(id);
	fee(challenge.sampled_work, challenge.parameters.verify_price)
}

fn to_end(id: u64) {
	for _ in 0..300 {
		if Lottery::challenge(id).is_none() {
			return;
		}
		skip(1);
	}
	panic!("claim {id} never ends");
}

/// What validator `i` was paid: out of the prepayment, and in LPT.
fn paid(i: usize) -> (Balance, Balance) {
	let of = |list: Vec<(livepeer_primitives::AccountId, Balance)>| {
		list.into_iter().filter(|(who, _)| *who == validator(i)).map(|(_, amount)| amount).sum()
	};
	let bills = BILLS.get().into_iter().flat_map(|bill| bill.payments).collect();
	(of(bills), of(REWARDED.get()))
}

fn committee(id: u64) -> Vec<usize> {
	members(id, 0).iter().map(number_of).collect()
}

#[test]
fn committee_should_be_paid_the_price_of_its_work_out_of_the_prepayment() {
	build_and_execute(|| {
		BUDGET.put(PLENTY);
		let claim = claim(8);
		to_commit(&claim);
		let (judges, price) = (committee(claim.id), price(claim.id));
		assert!(price > 0);
		all_say(claim.id, 0, Verdict::Valid);
		to_end(claim.id);
		for i in 0..5 {
			let is_judge = judges.contains(&i);
			assert_eq!(paid(i), (if is_judge { price } else { 0 }, 0));
		}
		// In the order of their seats.
		let order: Vec<_> = BILLS.get()[0].payments.iter().map(|(who, _)| number_of(who)).collect();
		assert_eq!(order, judges);
	});
}

#[test]
fn prepayment_should_go_as_far_as_it_goes_in_the_order_of_seats() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let (judges, price) = (committee(claim.id), price(claim.id));
		BUDGET.put(price + price / 3);
		all_say(claim.id, 0, Verdict::Valid);
		to_end(claim.id);
		assert_eq!(paid(judges[0]), (price, 0));
		assert_eq!(paid(judges[1]), (price / 3, 0));
		assert_eq!(paid(judges[2]), (0, 0));
	});
}

#[test]
fn attack_silence_of_a_fellow_should_earn_nobody_more() {
	build_and_execute(|| {
		BUDGET.put(PLENTY);
		RATE.put(1);
		Parameters::mutate(|parameters| parameters.tranches = 2);
		let claim = claim(8);
		to_commit(&claim);
		let (judges, price) = (committee(claim.id), price(claim.id));
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, 0, |i| (i != judges[2]).then(|| good.clone()));
		run_to(challenge(claim.id).due);
		// The next tranche has the two that are left.
		all_say(claim.id, 1, Verdict::Valid);
		to_end(claim.id);
		for i in 0..5 {
			let expected = if i == judges[2] { 0 } else { price };
			assert_eq!(paid(i), (expected, 0), "all the same for the same work");
		}
		assert_eq!(SLASHED.get().len(), 1);
	});
}

#[test]
fn attack_lazy_and_copying_verifiers_should_be_paid_nothing() {
	build_and_execute(|| {
		BUDGET.put(PLENTY);
		let claim = claim(8);
		to_commit(&claim);
		let (judges, price) = (committee(claim.id), price(claim.id));
		let good = opening(claim.id, Verdict::Valid);
		let mut invented = good.clone();
		invented.evidence.hash = Hash::repeat_byte(0xee);
		let says = |i: usize| -> Option<Opening> {
			Some(if i == judges[0] { invented.clone() } else { good.clone() })
		};
		ballot(claim.id, 0, says);
		to_end(claim.id);
		assert_eq!(paid(judges[0]), (0, 0));
		assert_eq!((paid(judges[1]), paid(judges[2])), ((price, 0), (price, 0)));
	});
}

/// The others are silent: whatever it reveals is all that was revealed.
#[test]
fn attack_lone_revealer_of_a_tranche_should_be_paid_for_no_invented_evidence() {
	for revealing in 1..=2 {
		build_and_execute(|| {
			BUDGET.put(PLENTY);
			RATE.put(1);
			let claim = claim(8);
			to_commit(&claim);
			let (judges, price) = (committee(claim.id), price(claim.id));
			let mut invented = opening(claim.id, Verdict::Valid);
			invented.evidence.hash = Hash::repeat_byte(0xee);
			let says = |i: usize| judges[..revealing].contains(&i).then(|| invented.clone());
			ballot(claim.id, 0, says);
			if Lottery::challenge(claim.id).unwrap().outcome.is_none() {
				to_dispute(claim.id);
				// It does that work, and owes nothing.
				let good = opening(claim.id, Verdict::Valid);
				ballot(claim.id, DISPUTE, |i| (i == judges[0]).then(|| good.clone()));
			}
			to_end(claim.id);
			let expected = if revealing == 2 { price } else { 0 };
			for (place, i) in judges.iter().enumerate() {
				let due = if place < revealing { expected } else { 0 };
				assert_eq!(paid(*i).0, due, "{revealing} of three");
			}
		});
	}
}

#[test]
fn who_abstains_or_lacks_bytes_should_be_paid_nothing() {
	build_and_execute(|| {
		BUDGET.put(PLENTY);
		let claim = claim(8);
		to_commit(&claim);
		let judges = committee(claim.id);
		let gone = opening(claim.id, UNAVAILABLE);
		ballot(claim.id, 0, |_| Some(gone.clone()));
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, UNAVAILABLE);
		to_end(claim.id);
		assert!(judges.iter().all(|i| paid(*i) == (0, 0)), "nobody did any work");
	});
}

#[test]
fn dispute_should_be_paid_out_of_the_penalties_for_the_claim() {
	build_and_execute(|| {
		// A slash brings the pool 95 here; the work of five is worth more.
		RATE.put(1);
		let claim = claim(8);
		to_commit(&claim);
		let judges = committee(claim.id);
		all_say(claim.id, 0, WRONG);
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, WRONG);
		to_end(claim.id);
		assert_eq!(SLASHED.get().len(), 1, "the transcoder's");
		// Three judged twice, two once: eight parts of 95.
		for i in 0..5 {
			let parts = if judges.contains(&i) { 2 } else { 1 };
			assert_eq!(paid(i), (0, 95 * parts / 8));
		}
		let all: Balance = REWARDED.get().iter().map(|(_, amount)| amount).sum();
		assert!(all <= 95);
		assert!(PoolSpent::<Test>::get().is_none());
	});
}

#[test]
fn pool_should_add_no_more_in_a_round_than_governance_lets_it() {
	build_and_execute(|| {
		RATE.put(1);
		PoolRewards::set(100);
		let (one, two) = (claim(8), claim(8));
		for claim in [&one, &two] {
			to_commit(claim);
			all_say(claim.id, 0, Verdict::Valid);
		}
		let round = <Fake as livepeer_primitives::traits::Rounds>::current();
		to_end(one.id);
		to_end(two.id);
		let all: Balance = REWARDED.get().iter().map(|(_, amount)| amount).sum();
		let spent = PoolSpent::<Test>::get().unwrap();
		assert!(spent.0 >= round && spent.1 == 100);
		// Thirds of a hundred each, rounded down, in one round or in two.
		assert!(all == 99 || all == 198, "{all}");
		let rewarded = |event: &Event<Test>| matches!(event, Event::JudgeRewarded { .. });
		assert!(events().iter().any(rewarded));
		PoolRewards::take();
	});
}

#[test]
fn pool_should_add_nothing_to_a_void_claim() {
	build_and_execute(|| {
		RATE.put(1);
		PoolRewards::set(1_000);
		let claim = claim(8);
		to_commit(&claim);
		let judges = committee(claim.id);
		let good = opening(claim.id, Verdict::Valid);
		// One does its work, and nobody else answers.
		ballot(claim.id, 0, |i| (i == judges[0]).then(|| good.clone()));
		run_to(challenge(claim.id).due);
		ballot(claim.id, DISPUTE, |i| (i == judges[0]).then(|| good.clone()));
		assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Void));
		to_end(claim.id);
		// Four were slashed, 95 of each for the pool.
		assert_eq!(SLASHED.get().len(), 4);
		let all: Balance = REWARDED.get().iter().map(|(_, amount)| amount).sum();
		assert_eq!(all, 4 * 95);
		assert!(PoolSpent::<Test>::get().is_none());
		PoolRewards::take();
	});
}

#[test]
fn large_set_should_be_dismissed_and_paid_in_steps() {
	build_and_execute(|| {
		RATE.put(1);
		PoolRewards::set(1 << 40);
		seat(&[100; 100]);
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, WRONG);
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, WRONG);
		let due = challenge(claim.id).due;
		// A hundred judges: seven steps to dismiss them, the last of which begins to pay them, in two.
		run_to(due + 6);
		assert!(Lottery::challenge(claim.id).is_some());
		assert_eq!(REWARDED.get().len(), 64);
		run_to(due + 7);
		assert!(Lottery::challenge(claim.id).is_none());
		assert_eq!(REWARDED.get().len(), 100);
		PoolRewards::take();
	});
}

#[test]
fn largest_set_should_be_dismissed_and_paid_within_a_claims_longest_life() {
	let most = livepeer_primitives::MAX_VALIDATORS;
	// The last step of the one is the first of the other.
	let steps = most.div_ceil(PENALTIES_PER_STEP) + most.div_ceil(REWARDS_PER_STEP) - 1;
	assert!(steps <= livepeer_primitives::MAX_PENALTIES.div_ceil(PENALTIES_PER_STEP));
}

#[test]
fn false_dissenter_should_pay_the_dispute_where_that_is_more() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let liar = committee(claim.id)[0];
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
		let says = |i: usize| Some(if i == liar { bad.clone() } else { good.clone() });
		ballot(claim.id, 0, says);
		to_dispute(claim.id);
		ballot(claim.id, DISPUTE, says);
		let crate::types::Stage::Decided(decision) = challenge(claim.id).stage else { panic!() };
		assert!(decision.dispute_cost > 0);
		RATE.put(1);
		to_end(claim.id);
		// Far more than its stake: half of it.
		let slashes = SLASHED.get();
		assert_eq!(slashes.len(), 1);
		assert_eq!(slashes[0].2, sp_runtime::Perbill::from_percent(50));
	});
}

/// Two claims end a beginning if a standard segment's work was drawn of each.
fn short_beginning() {
	Parameters::mutate(|parameters| {
		parameters.new_claims = 2;
		parameters.max_samples = 1;
	});
}

/// Twenty tiny claims of its own count as little as they are, and those on its own jobs not at all.
#[test]
fn attack_tiny_claims_of_its_own_should_not_end_a_newcomers_beginning() {
	build_and_execute(|| {
		short_beginning();
		let rate = || <Lottery as OnClaim>::terms(Some(&transcoder())).rate;
		let accept = |work: u64, own: bool| {
			let leaves = (0..8).map(|i| leaf(i, work)).collect();
			let change = |info: &mut livepeer_primitives::claim::ClaimInfo| {
				if own {
					info.broadcaster = transcoder();
				}
			};
			let (claim, taken) = try_claim_as(leaves, change);
			taken.unwrap();
			run_to(Fake::window_start(claim.info.window + 2));
			let mut challenge = challenge(claim.id);
			if own {
				// Nobody else signs its segments: what is judged is beside the point here.
				challenge.sampled_work = 8 * work;
				challenge.transcoded_work = 8 * work;
				Lottery::note_accepted(claim.id, &challenge);
				Lottery::void(claim.id, challenge);
				skip(3);
				return;
			}
			to_commit(&claim);
			all_say(claim.id, 0, Verdict::Valid);
			to_end(claim.id);
		};
		let parameters = Parameters::get();
		for _ in 0..8 {
			accept(1_000_000, false);
		}
		assert_eq!(Lottery::accepted(transcoder()), 0, "not as much as one full claim");
		assert_eq!(rate(), parameters.new_verification_rate);
		for _ in 0..8 {
			accept(50_000_000, true);
		}
		assert_eq!(Lottery::accepted(transcoder()), 0, "nor what it claims of itself");
		assert_eq!(Lottery::record_of(transcoder()).claimed, 8 * 8 * 1_000_000);
		for _ in 0..2 {
			accept(60_000_000, false);
		}
		assert_eq!(Lottery::accepted(transcoder()), 2);
		assert_eq!(rate(), parameters.verification_rate);
	});
}

/// Rejecting a segment counts as much work as decoding its job's largest, and making one that
/// nobody can transcode takes no work. A transcoder that streams such segments to itself would end
/// its beginning without having transcoded anything.
#[test]
fn attack_rejected_segments_should_not_end_a_newcomers_beginning() {
	const WORK: u64 = 60_000_000;
	build_and_execute(|| {
		short_beginning();
		let accept = |leaves: Vec<Leaf>| {
			let (claim, taken) = try_claim_as(leaves, |info| info.factors.rejected = WORK);
			taken.unwrap();
			to_commit(&claim);
			all_say(claim.id, 0, Verdict::Valid);
			to_end(claim.id);
		};
		for _ in 0..4 {
			accept((0..8).map(|i| rejected(i, WORK)).collect());
		}
		assert_eq!(Lottery::accepted(transcoder()), 0);
		// It is still claimed and judged.
		let Record { claimed, judged, .. } = Lottery::record_of(transcoder());
		assert_eq!(claimed, 4 * 8 * WORK);
		assert!(judged >= 4 * WORK);
		for _ in 0..2 {
			accept((0..8).map(|i| leaf(i, WORK)).collect());
		}
		assert_eq!(Lottery::accepted(transcoder()), 2);
	});
}

/// Continues when a transcoder is no longer new, and begins anew with its first failure.
#[test]
fn record_should_say_how_much_was_claimed_and_judged_and_in_how_many_blocks() {
	build_and_execute(|| {
		short_beginning();
		let record = || {
			let Record { claimed, judged, blocks, .. } = Lottery::record_of(transcoder());
			(claimed, judged, blocks)
		};
		assert_eq!(record(), (0, 0, 0));
		let (mut claimed, mut judged, mut blocks) = (0, 0, 0);
		for _ in 0..4 {
			let claim = claim(8);
			to_commit(&claim);
			claimed += claim.info.commitment.total_work;
			judged += challenge(claim.id).sampled_work;
			blocks += u64::from(TOOK);
			all_say(claim.id, 0, Verdict::Valid);
			to_end(claim.id);
			assert_eq!(record(), (claimed, judged, blocks));
		}
		assert_eq!(Lottery::accepted(transcoder()), 2, "new no longer");
		assert!(0 < judged && judged < claimed, "{judged} of {claimed}");
		let bad = claim(8);
		to_commit(&bad);
		all_say(bad.id, 0, WRONG);
		to_dispute(bad.id);
		all_say(bad.id, DISPUTE, WRONG);
		assert_eq!(record(), (0, 0, 0));
		to_end(bad.id);
		assert!(!crate::Accepted::<Test>::contains_key(transcoder()));
	});
}

#[test]
fn newcomers_should_have_more_of_their_leaves_drawn_until_enough_was_accepted() {
	build_and_execute(|| {
		short_beginning();
		let parameters = Parameters::get();
		let rate = || <Lottery as OnClaim>::terms(Some(&transcoder())).rate;
		assert_eq!(<Lottery as OnClaim>::terms(None).rate, parameters.new_verification_rate);
		for _ in 0..2 {
			assert_eq!(rate(), parameters.new_verification_rate);
			let claim = claim(8);
			to_commit(&claim);
			assert_eq!(challenge(claim.id).samples.len(), 5, "five eighths of eight");
			all_say(claim.id, 0, Verdict::Valid);
			to_end(claim.id);
		}
		assert_eq!(rate(), parameters.verification_rate);
		let claim = claim(8);
		to_commit(&claim);
		assert_eq!(challenge(claim.id).samples.len(), 2);
		// A transcoder that fails, is jailed or resigns begins anew.
		<Lottery as livepeer_primitives::traits::OnTranscoderLost>::on_transcoder_lost(
			&transcoder(),
		);
		assert_eq!(rate(), parameters.new_verification_rate);
		assert_eq!(Lottery::accepted(transcoder()), 0);
	});
}

/// A transcoder fails one claim while others of it are pending: earlier claims no longer count.
#[test]
fn attack_claims_in_flight_should_not_end_a_failed_transcoders_beginning() {
	for verdict in [WRONG, Verdict::NonConforming(NonConformingKind::Input)] {
		build_and_execute(|| {
			short_beginning();
			Parameters::mutate(|parameters| parameters.slashing_period = 40);
			let parameters = Parameters::get();
			let rate = || <Lottery as OnClaim>::terms(Some(&transcoder())).rate;
			let first = claim(8);
			to_commit(&first);
			all_say(first.id, 0, Verdict::Valid);
			to_end(first.id);
			assert_eq!(Lottery::accepted(transcoder()), 1);
			let claims: Vec<_> = (0..4).map(|_| claim(8)).collect();
			run_to(Fake::window_start(claims[0].info.window + 2));
			for claim in &claims {
				for index in drawn(claim) {
					reveal_leaf(claim, index).unwrap();
				}
			}
			// Three wait to be paid while another fails.
			let (bad, good) = claims.split_last().unwrap();
			all_say(bad.id, 0, verdict);
			for claim in good {
				all_say(claim.id, 0, Verdict::Valid);
				let view = Lottery::challenge(claim.id).unwrap();
				assert_eq!(view.outcome, Some(Outcome::Accepted));
			}
			assert_eq!(crate::Ballots::<Test>::get(bad.id).unwrap().tranche, DISPUTE);
			all_say(bad.id, DISPUTE, verdict);
			assert_eq!(Lottery::challenge(bad.id).unwrap().outcome, Some(Outcome::Failed));
			assert_eq!(Lottery::accepted(transcoder()), 0, "it begins anew");
			assert!(good.iter().all(|claim| Lottery::challenge(claim.id).is_some()));
			for claim in &claims {
				to_end(claim.id);
			}
			assert_eq!(Lottery::accepted(transcoder()), 0, "what it had claimed before");
			assert_eq!(rate(), parameters.new_verification_rate);
			assert!(!crate::Accepted::<Test>::contains_key(transcoder()));
			// Claims from now on count.
			let next = claim(8);
			to_commit(&next);
			all_say(next.id, 0, Verdict::Valid);
			to_end(next.id);
			assert_eq!(Lottery::accepted(transcoder()), 1);
		});
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	/// Whatever anyone says, and however much was prepaid: judges are paid for work that their
	/// evidence shows, each at most its price, out of the prepayment and of what came in for the
	/// claim.
	#[test]
	fn judges_should_never_be_paid_more_than_came_in(
		words in prop::collection::vec(0..6u8, 5),
		dispute in prop::collection::vec(0..6u8, 5),
		budget in 0..6u128,
		added in 0..3u128,
	) {
		build_and_execute(|| {
			RATE.put(3);
			PoolRewards::set(added * 50);
			let claim = claim(8);
			to_commit(&claim);
			let price = price(claim.id);
			BUDGET.put(budget * price * 2 / 3);
			let said = |word: u8| match word {
				0 => None,
				1 => Some(opening(claim.id, WRONG)),
				2 => Some(opening(claim.id, UNAVAILABLE)),
				3 => {
					let mut lazy = opening(claim.id, Verdict::Valid);
					lazy.evidence.hash = Hash::repeat_byte(0xee);
					Some(lazy)
				}
				_ => Some(opening(claim.id, Verdict::Valid)),
			};
			ballot(claim.id, 0, |i| said(words[i]));
			if crate::Challenges::<Test>::get(claim.id).is_some_and(|challenge| {
				challenge.stage == crate::types::Stage::AwaitingDispute
			}) {
				to_dispute(claim.id);
				ballot(claim.id, DISPUTE, |i| said(dispute[i]));
			}
			to_end(claim.id);
			let bill: Balance = BILLS.get()[0].payments.iter().map(|(_, amount)| amount).sum();
			assert!(bill <= BUDGET.get());
			let rewarded: Balance = REWARDED.get().iter().map(|(_, amount)| amount).sum();
			let penalties = SLASHED.get().len() as Balance * 95;
			assert!(rewarded <= penalties + PoolRewards::get());
			for i in 0..5 {
				let (eth, lpt) = paid(i);
				// At most twice, once in each ballot, whatever it is paid in.
				assert!(eth <= price && eth * 3 + lpt <= 2 * 3 * price);
			}
			assert_eq!(bytes_left(), 0);
			PoolRewards::take();
		});
	}
}
