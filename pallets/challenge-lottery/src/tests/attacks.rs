//! The attacks that the protocol names, as far as this pallet meets them. Each test states what the
//! attacker tries and what happens.

use frame_support::assert_ok;
use livepeer_primitives::{
	claim::Outcome,
	traits::{Beacon, Settlement},
	verdict::{MismatchKind, NonConformingKind, Opening, Phase, Verdict, DISPUTE},
	Hash,
};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	PerThing, Perbill,
};

use crate::{mock::*, Call, Event};

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

fn no_show() -> Perbill {
	Perbill::from_parts(500_000)
}

fn dissent() -> Perbill {
	Perbill::from_percent(1)
}

fn outcome(id: u64) -> Option<Outcome> {
	Lottery::challenge(id).unwrap().outcome
}

/// What a validator has paid, in all its slashes.
fn paid(i: usize) -> Vec<Perbill> {
	SLASHED.get().into_iter().filter(|slash| slash.0 == validator(i)).map(|slash| slash.2).collect()
}

/// The transcoder's slashes.
fn lost() -> Vec<(u32, Perbill)> {
	let all = SLASHED.get().into_iter().filter(|slash| slash.0 == transcoder());
	all.map(|slash| (slash.1, slash.2)).collect()
}

/// Goes on until a challenge is closed.
fn to_end(id: u64) {
	for _ in 0..300 {
		if Lottery::challenge(id).is_none() {
			return;
		}
		skip(1);
	}
	panic!("claim {id} never ends");
}

/// A late draw, in the hope of other positions or judges, gives the same ones.
#[test]
fn attack_draw_rerolled_by_delay() {
	let draw_in = |block| {
		let mut drawn = None;
		build_and_execute(|| {
			let claim = claim(8);
			run_to(19);
			System::set_block_number(block);
			assert_ok!(Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id));
			let view = Lottery::challenge(claim.id).unwrap();
			drawn = Some((view.positions, view.members));
			run_to(block + 1);
		});
		drawn
	};
	let first = draw_in(20);
	for late in [21, 27, 44] {
		assert_eq!(draw_in(late), first);
	}
}

/// Validators are jailed, freed and chilled between seed and draw. The committee is that of the
/// stored set, because nothing is read live.
#[test]
fn attack_draw_rerolled_by_toggled_eligibility() {
	let draw_with = |jailed: &[usize]| {
		let mut drawn = None;
		build_and_execute(|| {
			let claim = claim(8);
			run_to(19);
			let before = DETAINED.get();
			let mut live = before.clone();
			live.extend(jailed.iter().map(|i| (validator(*i), 1)));
			DETAINED.put(live);
			System::set_block_number(20);
			assert_ok!(Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id));
			DETAINED.put(before);
			drawn = Some(members(claim.id, 0));
		});
		drawn
	};
	let fair = draw_with(&[]);
	for i in 0..5 {
		assert_eq!(draw_with(&[i]), fair);
	}
	assert_eq!(draw_with(&[0, 1, 2, 3, 4]), fair);
}

/// A member copies another's commitment. It cannot open it, and pays as for a false verdict.
#[test]
fn attack_evidence_copied() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let said = opening(claim.id, Verdict::Valid);
		let thief = number_of(&members(claim.id, 0)[1]);
		let copied = commitment(claim.id, 0, 0, &said);
		commit(claim.id, 0, 0, &said).unwrap();
		let signature = sign(thief, claim.id, 0, 1, Phase::Commit, &copied);
		let call = Call::commit_verdict {
			claim: claim.id,
			tranche: 0,
			member: 1,
			commitment: copied,
			signature,
		};
		apply(call).unwrap();
		commit(claim.id, 0, 2, &said).unwrap();
		reveal(claim.id, 0, 0, &said).unwrap();
		let refused = TransactionValidityError::Invalid(InvalidTransaction::BadProof);
		assert_eq!(reveal(claim.id, 0, 1, &said), Err(refused));
		reveal(claim.id, 0, 2, &said).unwrap();
		run_to(challenge(claim.id).due);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
		assert_eq!(paid(thief), vec![dissent()]);
	});
}

/// Evidence of the committee's tranche is worthless in the dispute, whose seed came later.
#[test]
fn attack_evidence_copied_from_an_earlier_tranche() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let before = crate::Ballots::<Test>::get(claim.id).unwrap().seed;
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		assert_ne!(crate::Ballots::<Test>::get(claim.id).unwrap().seed, before);
		let work = opening(claim.id, Verdict::Valid);
		let mut copied = work.clone();
		copied.evidence.hash = before;
		ballot(claim.id, DISPUTE, |i| Some(if i == 3 { copied.clone() } else { work.clone() }));
		to_end(claim.id);
		assert_eq!(paid(3), vec![no_show()]);
		assert!(CHILLED.get().contains_key(&validator(3)));
	});
}

/// A commitment made for one claim is sent for another.
#[test]
fn attack_commit_replayed() {
	build_and_execute(|| {
		let (one, two) = (claim(8), claim(8));
		to_commit(&one);
		to_commit(&two);
		let said = opening(one.id, Verdict::Valid);
		let commitment = commitment(one.id, 0, 0, &said);
		let signer = number_of(&members(one.id, 0)[0]);
		let signature = sign(signer, one.id, 0, 0, Phase::Commit, &commitment);
		let at = members(two.id, 0).iter().position(|account| number_of(account) == signer);
		let member = at.unwrap_or(0) as u16;
		let call =
			Call::commit_verdict { claim: two.id, tranche: 0, member, commitment, signature };
		let refused = TransactionValidityError::Invalid(InvalidTransaction::BadProof);
		assert_eq!(apply(call), Err(refused));
	});
}

/// A member commits, waits for the others' reveals, and withholds its verdicts if they would be
/// wrong. That costs as much as the wrong ones.
#[test]
fn attack_commit_without_reveal() {
	for (verdict, fate) in [(Verdict::Valid, Outcome::Accepted), (WRONG, Outcome::Failed)] {
		build_and_execute(|| {
			let claim = claim(8);
			to_commit(&claim);
			all_say(claim.id, 0, UNAVAILABLE);
			to_dispute(claim.id);
			let said = opening(claim.id, verdict);
			for member in 0..5 {
				commit(claim.id, DISPUTE, member, &said).unwrap();
			}
			for member in 0..4 {
				reveal(claim.id, DISPUTE, member, &said).unwrap();
			}
			run_to(challenge(claim.id).due);
			assert_eq!(outcome(claim.id), Some(fate));
			let silent = number_of(&members_of_dispute()[4]);
			to_end(claim.id);
			assert_eq!(paid(silent), vec![dissent()]);
		});
	}
}

/// The dispute's members are the stored set in its order.
fn members_of_dispute() -> Vec<livepeer_primitives::AccountId> {
	(0..5).map(validator).collect()
}

/// Dust that forces a dispute of every claim pays for each, and decides none.
#[test]
fn attack_permanent_dissenter_of_dust_stake() {
	build_and_execute(|| {
		seat(&[1_000, 1_000, 1]);
		for round in 1..4 {
			let claim = claim(8);
			to_commit(&claim);
			let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
			let says = |i| Some(if i == 2 { bad.clone() } else { good.clone() });
			ballot(claim.id, 0, says);
			to_dispute(claim.id);
			ballot(claim.id, DISPUTE, says);
			assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
			to_end(claim.id);
			assert_eq!(paid(2), vec![dissent(); round]);
			assert!(CHILLED.get().contains_key(&validator(2)));
		}
		assert!(paid(0).is_empty() && paid(1).is_empty());
	});
}

/// A judge unbonds between its seat and its verdict. Its stake of the snapshot's round and later
/// stays liable until the challenge is deleted, and its offence counts as of that round.
#[test]
fn attack_judge_unbonds_before_it_judges() {
	build_and_execute(|| {
		run_to(95);
		SNAPSHOT.put(2);
		let claim = claim(8);
		to_draw(&claim);
		let committee = members(claim.id, 0);
		// From the seat on, long before anything is asked of it.
		for account in &committee {
			assert_eq!(LIABLE.get().get(&(account.clone(), 2)), Some(&1));
		}
		assert_eq!(LIABLE.get().len(), 3);
		to_commit(&claim);
		let judge = number_of(&committee[0]);
		let good = opening(claim.id, Verdict::Valid);
		let lacking = opening(claim.id, UNAVAILABLE);
		let starved = number_of(&committee[1]);
		ballot(claim.id, 0, |i| {
			(i != judge).then(|| if i == starved { lacking.clone() } else { good.clone() })
		});
		// Everybody who is asked is liable; a member of both ballots only once.
		to_dispute(claim.id);
		assert_eq!(LIABLE.get().len(), 5);
		assert!(LIABLE.get().values().all(|count| *count == 1));
		ballot(claim.id, DISPUTE, |i| (i != judge).then(|| good.clone()));
		assert_eq!(LIABLE.get().len(), 5);
		to_end(claim.id);
		let slash = (validator(judge), 2, no_show(), vec![]);
		assert_eq!(SLASHED.get(), vec![slash]);
		assert!(LIABLE.get().is_empty());
	});
}

/// A transcoder fails a small claim first, so that missing the large one of the same round costs
/// nothing. It pays the difference.
#[test]
fn attack_small_failed_before_a_large_missed() {
	build_and_execute(|| {
		let (small, large) = (claim(4), claim(64));
		to_commit(&small);
		all_say(small.id, 0, WRONG);
		to_dispute(small.id);
		all_say(small.id, DISPUTE, WRONG);
		assert_eq!(outcome(small.id), Some(Outcome::Failed));
		to_end(small.id);
		let five = Perbill::from_percent(5);
		assert_eq!(lost(), vec![(0, five)]);
		to_end(large.id);
		let difference = Perbill::from_rational_with_rounding(5u32, 95, sp_runtime::Rounding::Up);
		assert_eq!(lost(), vec![(0, five), (0, difference.unwrap())]);
		// Nine tenths of the whole are left, as if the large one alone had been missed.
		let left = (0.95f64) * (1.0 - f64::from(difference.unwrap().deconstruct()) / 1e9);
		assert!((left - 0.9).abs() < 1e-8, "{left}");
		// Every failure loses its escrow.
		let refunds = [small.id, large.id].map(|id| (id, Settlement::Refund));
		assert_eq!(SETTLED.get(), refunds);
		assert_eq!(bytes_left(), 0);
	});
}

/// In the other order the smaller, later claim costs nothing more, except its escrow.
#[test]
fn attack_large_missed_before_a_small_failed() {
	build_and_execute(|| {
		let (large, small) = (claim(64), claim(4));
		to_commit(&small);
		run_to(challenge(small.id).due);
		to_dispute(small.id);
		run_to(challenge(small.id).due - 1);
		assert_eq!(Lottery::challenge(large.id), None);
		let ten = Perbill::from_percent(10);
		assert_eq!(lost(), vec![(0, ten)]);
		all_say(small.id, DISPUTE, WRONG);
		assert_eq!(outcome(small.id), Some(Outcome::Failed));
		to_end(small.id);
		assert_eq!(lost(), vec![(0, ten)]);
		let refunds = [large.id, small.id].map(|id| (id, Settlement::Refund));
		assert_eq!(SETTLED.get(), refunds);
	});
}

/// A third of the stake passes a claim that everybody else is kept from judging: that is not
/// enough.
#[test]
fn attack_third_of_the_stake_accepts_a_dispute() {
	build_and_execute(|| {
		seat(&[34, 33, 33]);
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, DISPUTE, |i| (i == 0).then(|| good.clone()));
		assert_eq!(outcome(claim.id), Some(Outcome::Void));
		to_end(claim.id);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
	});
}

/// A third of the stake shields a transcoder that two thirds would convict. It pays for its
/// silence, although the claim is void.
#[test]
fn attack_silent_third_shields_a_transcoder() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, WRONG);
		to_dispute(claim.id);
		let bad = opening(claim.id, WRONG);
		ballot(claim.id, DISPUTE, |i| (i < 3).then(|| bad.clone()));
		assert_eq!(outcome(claim.id), Some(Outcome::Void));
		to_end(claim.id);
		for i in 0..5 {
			assert_eq!(paid(i), if i < 3 { vec![] } else { vec![no_show()] });
		}
		assert!(lost().is_empty());
	});
}

/// The only member that judges accuses, and all the others are silent: everybody judges.
#[test]
fn attack_lone_mismatch_outvoted_by_silence() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let committee = members(claim.id, 0);
		let lone = number_of(&committee[1]);
		let bad = opening(claim.id, WRONG);
		ballot(claim.id, 0, |i| (i == lone).then(|| bad.clone()));
		assert_eq!(outcome(claim.id), None);
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, WRONG);
		to_end(claim.id);
		let slash = SLASHED.get().into_iter().find(|slash| slash.0 == transcoder()).unwrap();
		assert_eq!(slash.3, vec![committee[1].clone()], "it alone found it");
		for account in committee {
			let i = number_of(&account);
			assert_eq!(paid(i), if i == lone { vec![] } else { vec![no_show()] });
		}
	});
}

/// A member that accuses one leaf and abstains on another is heard.
#[test]
fn attack_accusation_hidden_in_an_abstaining_vector() {
	build_and_execute(|| {
		let claim = claim(16);
		to_commit(&claim);
		let leaves = usize::from(crate::Ballots::<Test>::get(claim.id).unwrap().leaves);
		assert!(leaves > 1);
		let mut torn = vec![Verdict::Abstain; leaves];
		torn[0] = WRONG;
		let (torn, good) = (opening_of(torn), opening(claim.id, Verdict::Valid));
		let odd = number_of(&members(claim.id, 0)[0]);
		ballot(claim.id, 0, |i| Some(if i == odd { torn.clone() } else { good.clone() }));
		let disputed = |event: &Event<Test>| matches!(event, Event::Disputed { .. });
		assert!(events().iter().any(disputed));
	});
}

/// A judge that names any leaf in the hope of a finder's fee gets none for a leaf that did not
/// fail.
#[test]
fn attack_finders_fee_for_any_leaf() {
	build_and_execute(|| {
		let claim = claim(16);
		to_commit(&claim);
		let leaves = usize::from(crate::Ballots::<Test>::get(claim.id).unwrap().leaves);
		assert!(leaves > 1);
		let accusing = |leaf: usize| {
			let mut verdicts = vec![Verdict::Valid; leaves];
			verdicts[leaf] = WRONG;
			opening_of(verdicts)
		};
		let committee = members(claim.id, 0);
		let finder = number_of(&committee[0]);
		let guesser = number_of(&committee[1]);
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, 0, |i| {
			Some(match i {
				_ if i == finder => accusing(0),
				_ if i == guesser => accusing(1),
				_ => good.clone(),
			})
		});
		to_dispute(claim.id);
		ballot(claim.id, DISPUTE, |_| Some(accusing(0)));
		to_end(claim.id);
		let slash = SLASHED.get().into_iter().find(|slash| slash.0 == transcoder()).unwrap();
		assert_eq!(slash.3, vec![committee[0].clone()]);
		// The guesser passed the leaf that failed.
		assert_eq!(paid(guesser), vec![dissent()]);
	});
}

/// A transcoder that misses a verification on purpose and reports itself gets no fee.
#[test]
fn attack_self_reporting() {
	build_and_execute(|| {
		let claim = claim(8);
		to_draw(&claim);
		run_to(40);
		assert_ok!(Lottery::report_missed(RuntimeOrigin::signed(transcoder()), claim.id));
		to_end(claim.id);
		assert_eq!(SLASHED.get(), vec![(transcoder(), 0, Perbill::from_percent(10), vec![])]);
	});
}

/// A judge that passed a wrong output in the committee and in the dispute pays as a false
/// dissenter.
#[test]
fn attack_false_pass_of_a_leaf_that_failed() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let liar = number_of(&members(claim.id, 0)[0]);
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
		let says = |i| Some(if i == liar { good.clone() } else { bad.clone() });
		ballot(claim.id, 0, says);
		to_dispute(claim.id);
		ballot(claim.id, DISPUTE, says);
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
		to_end(claim.id);
		assert_eq!(paid(liar), vec![dissent()]);
		assert!(CHILLED.get().contains_key(&validator(liar)));
	});
}

/// A transcoder serves all judges but one, which says so and is not slashed as a liar.
#[test]
fn attack_starving_one_verifier_of_data() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let starved = number_of(&members(claim.id, 0)[0]);
		let (good, gone) = (opening(claim.id, Verdict::Valid), opening(claim.id, UNAVAILABLE));
		let says = |i| Some(if i == starved { gone.clone() } else { good.clone() });
		ballot(claim.id, 0, says);
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, Verdict::Valid);
		to_end(claim.id);
		assert!(paid(starved).is_empty());
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
	});
}

/// Evidence is equal only if everybody did the work. A member that says Valid with invented
/// evidence forces a dispute, and pays for it.
#[test]
fn attack_verdict_without_work() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let lazy = number_of(&members(claim.id, 0)[0]);
		let good = opening(claim.id, Verdict::Valid);
		let mut invented = good.clone();
		invented.evidence.hash = Hash::repeat_byte(0xee);
		let says = |i: usize| -> Option<Opening> {
			Some(if i == lazy { invented.clone() } else { good.clone() })
		};
		// Of three of equal stake, two are two thirds.
		ballot(claim.id, 0, says);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
		assert_eq!(paid(lazy), vec![no_show()]);
		assert!(Fake::seed(1).is_some());
	});
}

/// Blocks admit only inherents for longer than any deadline: nobody is late.
#[test]
fn attack_blocks_closed_until_deadlines_pass() {
	build_and_execute(|| {
		let claim = claim(8);
		to_draw(&claim);
		let (now, index) = (System::block_number(), drawn(&claim)[0]);
		CLOSED.put(Some(now));
		run_to(now + 100);
		assert_eq!(outcome(claim.id), None);
		CLOSED.put(None);
		// In this mock the clock jumps when it goes on; the chain's does not.
		System::set_block_number(now);
		reveal_leaf(&claim, index).unwrap();
		assert!(SLASHED.get().is_empty());
	});
}

/// A transcoder makes claim after claim that only everybody can judge, in the hope of losing
/// nothing.
#[test]
fn attack_failing_over_the_input_for_nothing() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let input = Verdict::NonConforming(NonConformingKind::Input);
		all_say(claim.id, 0, input);
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, input);
		to_end(claim.id);
		let [(who, cost, offence)] = &CHARGED.get()[..] else { panic!("charged once") };
		assert!(*who == transcoder() && *cost > 0);
		assert_eq!(*offence, claim.info.round);
		// An accepted claim costs it nothing like that.
		let claim = self::claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, Verdict::Valid);
		to_end(claim.id);
		assert_eq!(CHARGED.get().len(), 1);
	});
}

/// One member with half of its committee's stake, or most of its members, abstain so that everybody
/// judges for free.
#[test]
fn attack_abstaining_half_of_a_committee_for_a_free_dispute() {
	for (stakes, abstaining) in [([900, 1, 1, 1, 1], 1), ([100, 100, 100, 100, 100], 2)] {
		build_and_execute(|| {
			seat(&stakes);
			let claim = claim(8);
			to_commit(&claim);
			let mut committee: Vec<usize> = members(claim.id, 0).iter().map(number_of).collect();
			committee.sort_by_key(|i| std::cmp::Reverse(stakes[*i]));
			let spoilers = committee[..abstaining].to_vec();
			let torn = opening(claim.id, Verdict::Abstain);
			let good = opening(claim.id, Verdict::Valid);
			ballot(claim.id, 0, |i| {
				Some(if spoilers.contains(&i) { torn.clone() } else { good.clone() })
			});
			// One of three does not even cause a dispute; two of them do, and in it everybody can
			// judge.
			if abstaining > 1 {
				to_dispute(claim.id);
				all_say(claim.id, DISPUTE, Verdict::Valid);
			}
			assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
			to_end(claim.id);
			for i in spoilers {
				assert_eq!(paid(i), vec![no_show()], "validator {i} of {stakes:?}");
			}
		});
	}
}

/// Free calls are refused before anything is spent on them while the chain admits only governance.
#[test]
fn attack_duties_while_the_clock_stands() {
	build_and_execute(|| {
		let claim = claim(8);
		to_draw(&claim);
		let index = drawn(&claim)[0];
		let closed = not_yet();
		let stand = |stands: bool| CLOSED.put(stands.then(System::block_number));
		stand(true);
		assert_eq!(reveal_leaf(&claim, index), closed);
		stand(false);
		to_commit(&claim);
		let good = opening(claim.id, Verdict::Valid);
		stand(true);
		assert_eq!(commit(claim.id, 0, 0, &good), closed);
		stand(false);
		for member in 0..3 {
			assert_ok!(commit(claim.id, 0, member, &good));
		}
		stand(true);
		assert_eq!(reveal(claim.id, 0, 0, &good), closed);
		stand(false);
		assert_ok!(reveal(claim.id, 0, 0, &good));
	});
}
