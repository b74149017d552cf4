//! Many claims at once.

use livepeer_primitives::{
	claim::Outcome,
	traits::Beacon,
	verdict::{Tranche, Verdict, DISPUTE},
	ClaimId,
};
use sp_runtime::Perbill;

use crate::{mock::*, types::Penalty, Ballots, Challenges, Event, Members, Queues};

/// Makes `count` claims in one block, and reveals their drawn leaves: all ballots open at once.
fn claims_at_once(count: usize) -> Vec<TestClaim> {
	let claims: Vec<_> = (0..count).map(|_| claim(8)).collect();
	run_to(Fake::window_start(claims[0].info.window + 2));
	for claim in &claims {
		for index in drawn(claim) {
			reveal_leaf(claim, index).unwrap();
		}
	}
	claims
}

/// Every committee answers. Its first member could not have the bytes, so everybody is asked about
/// every claim at once.
fn dispute_all(claims: &[TestClaim]) {
	for claim in claims {
		let members = members(claim.id, 0).len() as u16;
		let word = |member| match member {
			0 => opening(claim.id, UNAVAILABLE),
			_ => opening(claim.id, Verdict::Valid),
		};
		for member in 0..members {
			commit(claim.id, 0, member, &word(member)).unwrap();
		}
		for member in 0..members {
			reveal(claim.id, 0, member, &word(member)).unwrap();
		}
	}
	// As many are decided in a block as its weight allows.
	let is_asked = |claim: &TestClaim| {
		Ballots::<Test>::get(claim.id).is_some_and(|ballot| ballot.tranche == DISPUTE)
	};
	for _ in 0..10 {
		skip(1);
		if claims.iter().all(is_asked) {
			break;
		}
	}
}

/// What is left of a validator's stake.
fn left(i: usize) -> f64 {
	let slashes = SLASHED.get().into_iter().filter(|slash| slash.0 == validator(i));
	slashes.fold(1.0, |left, slash| left * (1.0 - f64::from(slash.2.deconstruct()) / 1e9))
}

/// Whether no member of a ballot can finish it.
fn are_overloaded(id: ClaimId, tranche: Tranche) -> bool {
	Members::<Test>::iter_prefix_values((id, tranche)).all(|member| member.overloaded)
}

/// A claim that has used up its patience does not shorten its judges' queues: what else they owe
/// keeps its time. For this one ballot they owe no answer; for its later ones they do.
#[test]
fn attack_claim_without_patience_should_not_shorten_the_queues_of_its_judges() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| parameters.reveal_window = 40);
		let claims: Vec<_> = (0..61).map(|_| claim(8)).collect();
		run_to(Fake::window_start(claims[0].info.window + 2));
		let (small, others) = claims.split_last().unwrap();
		for claim in others {
			for index in drawn(claim) {
				reveal_leaf(claim, index).unwrap();
			}
		}
		dispute_all(others);
		let before = Queues::<Test>::get();
		// What is left of them is more than a ballot may take without patience.
		let most = Parameters::get().max_work_blocks;
		let busy_until = u64::from(System::block_number() + most) * 1_000;
		assert!((0..5).all(|i| before[&validator(i)].until > busy_until));
		Challenges::<Test>::mutate(small.id, |challenge| challenge.as_mut().unwrap().patience = 0);
		for index in drawn(small) {
			reveal_leaf(small, index).unwrap();
		}
		let queues = Queues::<Test>::get();
		for who in members(small.id, 0) {
			assert_eq!(queues[&who].until, before[&who].until, "what it owes keeps its time");
			assert_eq!(queues[&who].owed, before[&who].owed + 1);
		}
		let ballot = Ballots::<Test>::get(small.id).unwrap();
		assert_eq!(ballot.deadline - ballot.opened, Parameters::get().commit_base + most);
		assert!(are_overloaded(small.id, 0));
		// A claim that comes now is given time for all of it.
		for claim in others {
			all_commit(claim.id);
		}
		// Nobody answers the small one, neither here nor where there is nothing else to do.
		let mut silent = std::collections::BTreeSet::new();
		for _ in 0..200 {
			for event in events() {
				if let Event::Penalised { claim, penalty: Penalty::NoShow, verifier, .. } = event {
					if claim == small.id {
						silent.insert(number_of(&verifier));
					}
				}
			}
			skip(1);
		}
		assert!(!Challenges::<Test>::contains_key(small.id));
		assert_eq!(silent.len(), 5, "the dispute was theirs to answer");
	});
}

fn outcome(id: ClaimId) -> Option<Outcome> {
	Lottery::challenge(id).and_then(|view| view.outcome)
}

#[test]
fn attack_many_disputes_at_once_should_leave_every_judge_time_for_all_of_them() {
	build_and_execute(|| {
		let claims = claims_at_once(40);
		dispute_all(&claims);
		let parameters = Parameters::get();
		// A judge that works without pause, one claim after the other in the order of their
		// deadlines.
		let mut ballots: Vec<_> = claims
			.iter()
			.map(|claim| (Ballots::<Test>::get(claim.id).unwrap(), challenge(claim.id)))
			.collect();
		ballots.sort_by_key(|(ballot, _)| ballot.deadline);
		let mut done = 0;
		for (ballot, challenge) in &ballots {
			// At least half a block each.
			done += challenge.sampled_work.max(parameters.verify_rate / 2);
			let given = ballot.deadline - ballot.opened - parameters.dispute_commit_base;
			assert!(done <= u64::from(given) * parameters.verify_rate, "{given} blocks");
			assert!(given <= parameters.max_work_blocks + 20, "{given} blocks");
		}
		let (first, last) = (&ballots[0].0, &ballots[39].0);
		assert!(last.deadline - first.deadline > 10, "one behind the other");
		// They all answer, each in time.
		for claim in &claims {
			all_commit(claim.id);
		}
		assert!(Queues::<Test>::get().is_empty(), "nobody has anything left to do");
		for claim in &claims {
			for member in 0..5 {
				reveal(claim.id, 255, member, &opening(claim.id, Verdict::Valid)).unwrap();
			}
		}
		skip(1);
		assert!(claims.iter().all(|claim| outcome(claim.id) == Some(Outcome::Accepted)));
		skip(60);
		assert!((0..5).all(|i| left(i) == 1.0), "nobody was late");
	});
}

/// Everybody commits in a dispute to the truth.
fn all_commit(id: ClaimId) {
	let said = opening(id, Verdict::Valid);
	for member in 0..5 {
		commit(id, 255, member, &said).unwrap();
	}
}

#[test]
fn attack_more_disputes_than_can_be_judged_should_cost_no_judge_for_those() {
	build_and_execute(|| {
		let claims = claims_at_once(150);
		dispute_all(&claims);
		let overloaded: Vec<ClaimId> =
			claims.iter().map(|claim| claim.id).filter(|id| are_overloaded(*id, DISPUTE)).collect();
		assert!(!overloaded.is_empty() && overloaded.len() < claims.len());
		// None of them is longer by more than its patience.
		let most = Parameters::get();
		let most = most.dispute_commit_base + most.max_work_blocks + 20;
		for claim in &claims {
			let ballot = Ballots::<Test>::get(claim.id).unwrap();
			assert!(ballot.deadline - ballot.opened <= most);
		}
		// Nobody answers any of them.
		let mut paid_for = Vec::new();
		for _ in 0..most + 150 {
			for event in events() {
				if let Event::Penalised { claim, penalty: Penalty::NoShow, .. } = event {
					paid_for.push(claim);
				}
			}
			skip(1);
		}
		assert_eq!(Challenges::<Test>::iter().count(), 0, "all are at their end");
		assert!(!paid_for.is_empty());
		assert!(paid_for.iter().all(|claim| !overloaded.contains(claim)));
		for i in 0..5 {
			assert!(left(i) > 0.9899, "what is left undone counts once: {}", left(i));
		}
	});
}

#[test]
fn omissions_of_a_round_should_count_once_and_lies_each() {
	build_and_execute(|| {
		let silent = |count: usize| {
			let claims = claims_at_once(count);
			for claim in &claims {
				// Nobody answers the committee, nor the dispute.
				for _ in 0..200 {
					if Lottery::challenge(claim.id).is_none() {
						break;
					}
					skip(1);
				}
			}
		};
		silent(12);
		let worst = (0..5).map(left).fold(1.0, f64::min);
		assert!(
			worst < 0.9905 && worst > 0.9899,
			"the largest, which is a false dissent's: {worst}"
		);
		// In the same round nothing more; in another round as much again.
		silent(3);
		assert_eq!((0..5).map(left).fold(1.0, f64::min), worst);
		SNAPSHOT.put(SNAPSHOT.get() + 1);
		silent(12);
		let again = (0..5).map(left).fold(1.0, f64::min);
		assert!(again < 0.9805 && again > 0.98, "{again}");
	});
	build_and_execute(|| {
		// Two false accusations cost twice.
		let wrong = Verdict::Mismatch(livepeer_primitives::verdict::MismatchKind::Video);
		for _ in 0..2 {
			let claim = claim(8);
			to_commit(&claim);
			let liar = number_of(&members(claim.id, 0)[0]);
			let word = |i| opening(claim.id, if i == liar { wrong } else { Verdict::Valid });
			ballot(claim.id, 0, |i| Some(word(i)));
			to_dispute(claim.id);
			ballot(claim.id, 255, |i| {
				Some(opening(claim.id, if i == 0 { wrong } else { Verdict::Valid }))
			});
			skip(60);
		}
		let paid: Vec<_> =
			SLASHED.get().into_iter().filter(|slash| slash.0 == validator(0)).collect();
		assert_eq!(paid.len(), 2);
		assert!(paid.iter().all(|slash| slash.2 == Perbill::from_percent(1)));
	});
}
