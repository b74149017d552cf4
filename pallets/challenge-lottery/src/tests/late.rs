//! Bytes that are asked for on the chain, and bytes that come too late.

use livepeer_primitives::{
	claim::Outcome,
	verdict::{Phase, Tranche, Verdict, DISPUTE},
	AccountId,
};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	BoundedVec, Perbill,
};

use crate::{mock::*, types::Penalty, Event, Members};

fn ask(id: u64, tranche: Tranche, member: u16) -> Result<(), TransactionValidityError> {
	let signer = number_of(&members(id, tranche)[usize::from(member)]);
	ask_by(signer, id, tranche, member)
}

fn ask_by(
	signer: usize,
	id: u64,
	tranche: Tranche,
	member: u16,
) -> Result<(), TransactionValidityError> {
	let signature = sign(signer, id, tranche, member, Phase::Ask, &());
	apply(crate::Call::ask_data { claim: id, tranche, member, signature })
}

fn refused(error: InvalidTransaction) -> Result<(), TransactionValidityError> {
	Err(TransactionValidityError::Invalid(error))
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

/// What each judge was made to pay for.
fn penalties() -> Vec<(AccountId, Penalty, Perbill)> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::Penalised { verifier, penalty, fraction, .. } => {
				Some((verifier, penalty, fraction))
			}
			_ => None,
		})
		.collect()
}

/// The committee's members in `lacking` lack the bytes, and those of them in `asking` ask for them;
/// everybody has them in the dispute. Returns who paid for what.
fn late(lacking: &[usize], asking: &[u16]) -> Vec<(usize, Penalty, Perbill)> {
	late_in(&claim(8), lacking, asking)
}

/// The same in this claim.
fn late_in(claim: &TestClaim, lacking: &[usize], asking: &[u16]) -> Vec<(usize, Penalty, Perbill)> {
	to_commit(claim);
	for member in asking {
		ask(claim.id, 0, *member).unwrap();
	}
	let judges = members(claim.id, 0);
	let (good, gone) = (opening(claim.id, Verdict::Valid), opening(claim.id, UNAVAILABLE));
	let lacks = |i: usize| lacking.iter().any(|member| judges[*member] == validator(i));
	ballot(claim.id, 0, |i| Some(if lacks(i) { gone.clone() } else { good.clone() }));
	to_dispute(claim.id);
	all_say(claim.id, DISPUTE, Verdict::Valid);
	assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Accepted));
	let place = |who: &AccountId| judges.iter().position(|judge| judge == who).unwrap();
	System::reset_events();
	to_end(claim.id);
	let mut paid: Vec<_> = penalties()
		.into_iter()
		.map(|(who, penalty, fraction)| (place(&who), penalty, fraction))
		.collect();
	paid.sort_by_key(|(place, ..)| *place);
	paid
}

#[test]
fn member_should_ask_once_in_the_first_half_of_the_commit_phase() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let id = claim.id;
		assert!(!Members::<Test>::get((id, 0, 0)).unwrap().asked);
		let other = number_of(&members(id, 0)[1]);
		assert_eq!(ask_by(other, id, 0, 0), refused(InvalidTransaction::BadProof));
		assert_eq!(ask(id, 0, 0), Ok(()));
		let verifier = members(id, 0)[0].clone();
		assert_eq!(
			events().last(),
			Some(&Event::DataAsked { claim: id, tranche: 0, verifier: verifier.clone() })
		);
		assert_eq!(Lottery::asking(id), vec![verifier]);
		assert_eq!(ask(id, 0, 0), refused(InvalidTransaction::Stale));
		// After half of the phase: the last block before it, and the first that is too late.
		let ballot = crate::Ballots::<Test>::get(id).unwrap();
		let half = ballot.opened + (ballot.deadline - ballot.opened) / 2;
		run_to(half - 1);
		assert_eq!(ask(id, 0, 1), Ok(()));
		run_to(half);
		assert_eq!(ask(id, 0, 2), refused(InvalidTransaction::Stale));
	});
}

#[test]
fn who_has_committed_should_ask_no_more() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		commit(claim.id, 0, 0, &opening(claim.id, Verdict::Valid)).unwrap();
		assert_eq!(ask(claim.id, 0, 0), refused(InvalidTransaction::Stale));
		assert_eq!(Lottery::asking(claim.id), vec![]);
	});
}

/// The members of a committee of three have much stake, and an ETH is worth an LPT.
fn rich() {
	RATE.put(1);
	seat(&[1 << 60; 5]);
}

#[test]
fn attack_lying_about_missing_bytes_should_cost_the_dispute() {
	build_and_execute(|| {
		rich();
		// It did not ask, and at least half of the tranche had them.
		let paid = late(&[0], &[]);
		let [(0, Penalty::LateData, alone)] = paid[..] else { panic!("{paid:?}") };
		assert!(!alone.is_zero() && alone <= Parameters::get().false_dissent_slash);
		assert!(CHARGED.get().is_empty(), "the transcoder pays nothing");
		assert!(CHILLED.get().is_empty());
	});
}

#[test]
fn asking_should_not_help_where_half_of_the_tranche_had_the_bytes() {
	build_and_execute(|| {
		rich();
		let paid = late(&[1], &[1]);
		assert!(matches!(paid[..], [(1, Penalty::LateDataAlone, _)]), "{paid:?}");
		assert!(CHARGED.get().is_empty());
	});
}

#[test]
fn attack_bytes_withheld_until_the_dispute_should_cost_the_transcoder_half() {
	build_and_execute(|| {
		rich();
		let paid = late(&[0, 2], &[0, 2]);
		let [(0, Penalty::LateDataAsked, one), (2, Penalty::LateDataAsked, two)] = paid[..] else {
			panic!("{paid:?}")
		};
		assert_eq!(one, two);
		let charged = CHARGED.get();
		assert_eq!((charged.len(), &charged[0].0), (1, &transcoder()));
		// Each of the two pays a quarter of the dispute, the transcoder a half.
		let cost = charged[0].1 * 2;
		let part = Perbill::from_rational(cost / 2, 1 << 60);
		assert_eq!(one, Perbill::from_parts(part.deconstruct() / 2).min(dissent()));
	});
}

/// Most of a tranche ask for bytes that they have, and call them Unavailable, in claim after claim.
/// The transcoder is charged half of each dispute, so they pay the other half of each, not only of
/// one in a round.
#[test]
fn attack_most_of_a_tranche_that_lies_in_every_claim_should_pay_for_each() {
	build_and_execute(|| {
		RATE.put(1);
		seat(&[1 << 60; 3]);
		late(&[0, 2], &[0, 2]);
		let half = CHARGED.get()[0].1;
		// So small a part of a stake that a round takes all of them.
		let stake = half * 10_000;
		seat(&[stake; 3]);
		SNAPSHOT.put(SNAPSHOT.get() + 1);
		let lost = |i: usize| {
			let slashes = SLASHED.get();
			let of_it = slashes.iter().filter(|slash| slash.0 == validator(i));
			of_it.fold(0.0, |sum, slash| sum + f64::from(slash.2.deconstruct()) / 1e9)
		};
		let before: f64 = (0..3).map(lost).sum();
		let charged = CHARGED.get().len();
		for claims in 1..=6 {
			let paid = late(&[0, 2], &[0, 2]);
			assert_eq!(CHARGED.get().len(), charged + claims);
			let is_paid = |(_, penalty, fraction): &(usize, Penalty, Perbill)| {
				*penalty == Penalty::LateDataAsked && !fraction.is_zero()
			};
			assert!(paid.len() == 2 && paid.iter().all(is_paid), "{paid:?}");
		}
		// As much as the transcoder, about.
		let paid = (0..3).map(lost).sum::<f64>() - before;
		let all: u128 = CHARGED.get()[charged..].iter().map(|(_, amount, _)| amount).sum();
		let wanted = all as f64 / stake as f64;
		assert!((paid / wanted - 1.0).abs() < 0.02, "{paid} for {wanted}");
		assert!(CHILLED.get().is_empty(), "a transcoder may be to blame");
	});
}

#[test]
fn attack_accomplice_that_did_not_ask_should_free_the_transcoder_of_its_own_part_alone() {
	build_and_execute(|| {
		rich();
		let paid = late(&[0, 2], &[0]);
		assert!(
			matches!(paid[..], [(0, Penalty::LateDataAsked, _), (2, Penalty::LateData, _)]),
			"{paid:?}"
		);
		// Half of the one half.
		assert_eq!(CHARGED.get().len(), 1);
	});
}

fn dissent() -> Perbill {
	Parameters::get().false_dissent_slash
}

#[test]
fn attack_who_lacked_bytes_and_is_silent_in_the_dispute_should_pay_the_greater() {
	build_and_execute(|| {
		// The dispute costs nothing here, so its part of it is less than a no-show.
		let claim = claim(8);
		to_commit(&claim);
		let lazy = number_of(&members(claim.id, 0)[0]);
		let (good, gone) = (opening(claim.id, Verdict::Valid), opening(claim.id, UNAVAILABLE));
		ballot(claim.id, 0, |i| Some(if i == lazy { gone.clone() } else { good.clone() }));
		to_dispute(claim.id);
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, DISPUTE, |i| (i != lazy).then(|| good.clone()));
		assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Accepted));
		System::reset_events();
		to_end(claim.id);
		let no_show = Parameters::get().no_show_slash;
		assert_eq!(penalties(), vec![(validator(lazy), Penalty::LateData, no_show)]);
		assert_eq!(crate::NoShows::<Test>::get(validator(lazy)), 1);
	});
}

/// A judge says of each claim, before the others answer, that it lacks the bytes, and judges it
/// correctly in the dispute that follows.
#[test]
fn attack_judge_that_forces_every_claim_into_a_dispute_should_pay_for_each_and_be_chilled() {
	build_and_execute(|| {
		// A dispute costs it a tenth of the most that a round takes.
		let judge = 0;
		let mut paid = Vec::new();
		let claims = |count: usize, paid: &mut Vec<Perbill>| {
			let mut forced = 0;
			for _ in 0..40 {
				if forced == count {
					return;
				}
				// One leaf, so that each dispute costs the same.
				let claim = claim(1);
				to_commit(&claim);
				let says = |verdict| opening(claim.id, verdict);
				let is_asked = members(claim.id, 0).contains(&validator(judge));
				ballot(claim.id, 0, |i| {
					Some(says(if i == judge { UNAVAILABLE } else { Verdict::Valid }))
				});
				if is_asked {
					to_dispute(claim.id);
					all_say(claim.id, DISPUTE, Verdict::Valid);
					forced += 1;
				}
				System::reset_events();
				to_end(claim.id);
				let mine = penalties().into_iter().filter(|(who, ..)| *who == validator(judge));
				paid.extend(mine.map(|(_, penalty, fraction)| {
					assert_eq!(penalty, Penalty::LateData);
					fraction
				}));
			}
		};
		seat(&[1 << 60; 5]);
		RATE.put(1);
		claims(1, &mut paid);
		let part = paid[0];
		assert!(!part.is_zero());
		// As large a stake as makes that a tenth of it.
		let stake = (1u128 << 60) * u128::from(part.deconstruct()) / 1_000_000;
		seat(&[stake; 5]);
		SNAPSHOT.put(SNAPSHOT.get() + 1);
		paid.clear();
		crate::NoShows::<Test>::insert(validator(judge), 2);
		claims(2, &mut paid);
		assert!(CHILLED.get().is_empty(), "a transcoder may be to blame");
		assert_eq!(crate::NoShows::<Test>::get(validator(judge)), 2, "it was no full answer");
		claims(1, &mut paid);
		assert_eq!(CHILLED.get().keys().collect::<Vec<_>>(), [&validator(judge)]);
		claims(12, &mut paid);
		assert_eq!(paid.len(), 15);
		// Each of the first ten costs about the same, and all of them a false dissent.
		let tenth = dissent() * Perbill::from_percent(10);
		for fraction in &paid[..9] {
			let off = fraction.deconstruct().abs_diff(tenth.deconstruct());
			assert!(off < tenth.deconstruct() / 50, "{fraction:?}, not {tenth:?}");
		}
		let left = |paid: &[Perbill]| {
			paid.iter().fold(1.0, |left, f| left * (1.0 - f64::from(f.deconstruct()) / 1e9))
		};
		assert!((left(&paid) - 0.99).abs() < 1e-6, "{}", left(&paid));
		// And again in the next round.
		SNAPSHOT.put(SNAPSHOT.get() + 1);
		paid.clear();
		claims(1, &mut paid);
		assert!(!paid[0].is_zero());
	});
}

#[test]
fn attack_lying_about_missing_bytes_should_cost_the_dispute_in_a_void_claim_too() {
	build_and_execute(|| {
		RATE.put(1);
		seat(&[1 << 60; 5]);
		let claim = claim(8);
		to_commit(&claim);
		let judges: Vec<_> = members(claim.id, 0).iter().map(number_of).collect();
		let liar = judges[0];
		let (good, gone) = (opening(claim.id, Verdict::Valid), opening(claim.id, UNAVAILABLE));
		ballot(claim.id, 0, |i| Some(if i == liar { gone.clone() } else { good.clone() }));
		to_dispute(claim.id);
		// Three of five pass it: more than half, and not two thirds of what was revealed.
		let wrong = Verdict::Mismatch(livepeer_primitives::verdict::MismatchKind::Video);
		let wrong = opening(claim.id, wrong);
		let others: Vec<_> = (0..5).filter(|i| *i != liar).take(2).collect();
		ballot(claim.id, DISPUTE, |i| {
			Some(if others.contains(&i) { wrong.clone() } else { good.clone() })
		});
		assert_eq!(
			Lottery::challenge(claim.id).map(|view| view.outcome),
			Some(Some(Outcome::Void))
		);
		System::reset_events();
		to_end(claim.id);
		let paid = penalties();
		let late = |(who, penalty, fraction): &(AccountId, Penalty, Perbill)| {
			*who == validator(liar) && *penalty == Penalty::LateData && !fraction.is_zero()
		};
		assert!(paid.iter().any(late), "{paid:?}");
	});
}

/// A transcoder withholds its bytes from one judge after the other, in claims that are accepted and
/// paid, so that only its accomplices are left to validate.
#[test]
fn attack_starving_judge_after_judge_should_chill_none_that_asks() {
	build_and_execute(|| {
		rich();
		for _ in 0..6 {
			for place in 0..3u16 {
				let paid = late(&[usize::from(place)], &[place]);
				assert!(matches!(paid[..], [(_, Penalty::LateDataAlone, _)]), "{paid:?}");
			}
		}
		let slashes = SLASHED.get();
		let times = |i: usize| slashes.iter().filter(|slash| slash.0 == validator(i)).count();
		let most = (0..5).map(times).max();
		assert!(most >= Some(crate::omission_impls::LATE_TOO_OFTEN as usize), "{most:?}");
		assert!(CHILLED.get().is_empty());
	});
}

/// A judge asks for, and lacks, the bytes of claims with almost nothing to judge. Each makes
/// everybody judge, at the cost of everything that the chain does for that.
#[test]
fn attack_lacking_bytes_of_tiny_claims_should_pay_for_what_the_dispute_weighs() {
	use crate::WeightInfo;
	use livepeer_primitives::UNIT;
	build_and_execute(|| {
		let (price, stake) = (500_000, 1_000 * UNIT);
		RATE.put(500);
		WEIGHT_PRICE.put(price);
		seat(&[stake; 5]);
		let calls = <()>::commit_verdict()
			.saturating_add(<()>::authorize_commit_verdict())
			.saturating_add(<()>::reveal_verdict())
			.saturating_add(<()>::authorize_reveal_verdict());
		let weighs = calls
			.saturating_mul(5)
			.saturating_add(<()>::agenda_open_dispute(5))
			.saturating_add(<()>::agenda_decide(5))
			.saturating_add(<()>::agenda_dismiss(5));
		let weighs = u128::from(weighs.ref_time()) * price;
		let tiny = || {
			let (claim, taken) = try_claim(vec![leaf(0, 1_000)]);
			taken.unwrap();
			claim
		};
		let paid = late_in(&tiny(), &[0], &[0]);
		let [(0, Penalty::LateDataAlone, fraction)] = paid[..] else { panic!("{paid:?}") };
		// Except for amounts below the precision of a share.
		let least = weighs - weighs / 100;
		assert!(fraction * stake >= least, "{} for {least}", fraction * stake);
		assert!(fraction < dissent(), "and no more than a round may take");
		assert!(CHARGED.get().is_empty() && CHILLED.get().is_empty());
		// If the transcoder is to blame too, it pays half of that.
		late_in(&tiny(), &[0, 2], &[0, 2]);
		let charged = CHARGED.get();
		assert!(charged[0].1 * 2 * 500 >= least, "{} for {least}", charged[0].1);
	});
}

/// Accomplices of a transcoder are half of a tranche or more. They have the bytes of claims with
/// almost nothing to judge, and give none of them to the judge that asks. That judge cannot be
/// distinguished from one that lies, and pays for the disputes. This is not prevented, but a round
/// takes no more from it than a false verdict.
#[test]
fn attack_half_of_a_tranche_that_starves_the_rest_should_take_one_percent_of_it_in_a_round() {
	build_and_execute(|| {
		let victim = 0;
		let starve = || {
			for _ in 0..40 {
				let (claim, taken) = try_claim(vec![leaf(0, 1_000)]);
				taken.unwrap();
				to_commit(&claim);
				let place = members(claim.id, 0).iter().position(|who| *who == validator(victim));
				if let Some(place) = place {
					ask(claim.id, 0, place as u16).unwrap();
				}
				let says = |verdict| opening(claim.id, verdict);
				ballot(claim.id, 0, |i| {
					Some(says(if i == victim { UNAVAILABLE } else { Verdict::Valid }))
				});
				if place.is_some() {
					to_dispute(claim.id);
					all_say(claim.id, DISPUTE, Verdict::Valid);
				}
				System::reset_events();
				to_end(claim.id);
				if place.is_some() {
					let paid = penalties();
					let [(_, Penalty::LateDataAlone, fraction)] = paid[..] else {
						panic!("{paid:?}")
					};
					return fraction;
				}
			}
			panic!("never drawn");
		};
		RATE.put(1);
		WEIGHT_PRICE.put(500_000);
		seat(&[1 << 64; 5]);
		let part = starve();
		assert!(!part.is_zero());
		// A stake of such a size that a dispute costs three tenths of what a round takes.
		let tenths = dissent().deconstruct() * 3 / 10;
		seat(&[(1u128 << 64) * u128::from(part.deconstruct()) / u128::from(tenths); 5]);
		SNAPSHOT.put(SNAPSHOT.get() + 1);
		let left = (0..4).map(|_| 1.0 - f64::from(starve().deconstruct()) / 1e9).product::<f64>();
		assert!((left - 0.99).abs() < 1e-6, "{left}");
		assert!(CHILLED.get().is_empty());
		assert_eq!(starve(), Perbill::zero());
		assert_eq!(CHILLED.get().keys().collect::<Vec<_>>(), [&validator(victim)]);
		assert!(CHARGED.get().is_empty(), "the transcoder pays for its claims alone");
	});
}

/// A judge that asks each time, although the others have the bytes, can lose 1 % of its stake in a
/// round. After that it would make everybody judge for free.
#[test]
fn attack_judge_that_asks_and_lacks_on_and_on_should_be_chilled_once_a_round_takes_no_more() {
	build_and_execute(|| {
		let judge = 0;
		// A dispute costs more than a round may take.
		RATE.put(1 << 40);
		seat(&[1_000; 5]);
		// Lacks the bytes of the next claim that it is to judge.
		let lacks = || {
			for _ in 0..40 {
				let claim = claim(8);
				to_commit(&claim);
				let place = members(claim.id, 0).iter().position(|who| *who == validator(judge));
				if let Some(place) = place {
					ask(claim.id, 0, place as u16).unwrap();
				}
				let says = |verdict| opening(claim.id, verdict);
				ballot(claim.id, 0, |i| {
					Some(says(if i == judge { UNAVAILABLE } else { Verdict::Valid }))
				});
				if place.is_some() {
					to_dispute(claim.id);
					all_say(claim.id, DISPUTE, Verdict::Valid);
				}
				System::reset_events();
				to_end(claim.id);
				if place.is_some() {
					return penalties();
				}
			}
			panic!("never drawn");
		};
		let paid = |fraction| vec![(validator(judge), Penalty::LateDataAlone, fraction)];
		assert_eq!(lacks(), paid(dissent()));
		assert!(CHILLED.get().is_empty(), "it may have been kept from them");
		assert_eq!(lacks(), paid(Perbill::zero()));
		assert_eq!(CHILLED.get().keys().collect::<Vec<_>>(), [&validator(judge)]);
		// Another round begins anew.
		CHILLED.put(Default::default());
		SNAPSHOT.put(SNAPSHOT.get() + 1);
		assert_eq!(lacks(), paid(dissent()));
		assert!(CHILLED.get().is_empty());
	});
}

/// Puts this many validators in force.
fn in_force(count: usize) {
	let all = (0..count).map(|i| (validator(i), verifier(i))).collect();
	crate::Verifiers::<Test>::put(BoundedVec::truncate_from(all));
}

/// A transcoder and its accomplices withhold the bytes from one judge after the other, each of
/// which asks for them, until a round takes no more from it, and once more. A tenth of the
/// validators can be excluded this way; a judge beyond that number pays the same and keeps
/// validating.
#[test]
fn attack_starving_judge_after_judge_should_chill_no_more_than_a_tenth_of_them() {
	build_and_execute(|| {
		in_force(20);
		Parameters::mutate(|parameters| parameters.chill = 30);
		// A dispute costs more than a round may take, and each of three judges sits in every claim.
		RATE.put(1 << 40);
		seat(&[1_000; 3]);
		let starve = |victim: usize| {
			let claim = claim(8);
			to_commit(&claim);
			let judges = members(claim.id, 0);
			let place = judges.iter().position(|who| *who == validator(victim)).unwrap();
			ask(claim.id, 0, place as u16).unwrap();
			let says = |verdict| opening(claim.id, verdict);
			ballot(claim.id, 0, |i| {
				Some(says(if i == victim { UNAVAILABLE } else { Verdict::Valid }))
			});
			to_dispute(claim.id);
			all_say(claim.id, DISPUTE, Verdict::Valid);
			System::reset_events();
			to_end(claim.id);
			let paid = penalties();
			let [(_, Penalty::LateDataAlone, fraction)] = paid[..] else { panic!("{paid:?}") };
			fraction
		};
		for victim in 0..3 {
			assert_eq!(starve(victim), dissent());
			assert!(
				!CHILLED.get().contains_key(&validator(victim)),
				"it may have been kept from them"
			);
			assert_eq!(starve(victim), Perbill::zero());
			assert_eq!(CHILLED.get().contains_key(&validator(victim)), victim < 2);
		}
		// When the first of them validates again, there are places for others.
		let rounds = 30 + 1;
		run_to(System::block_number() + rounds * 30);
		assert_eq!(starve(2), Perbill::zero());
		assert!(CHILLED.get().contains_key(&validator(2)));
	});
}

#[test]
fn chills_for_bytes_that_others_had_should_be_a_tenth_over_as_many_rounds_as_they_last() {
	build_and_execute(|| {
		in_force(29);
		let parameters = Parameters::get();
		assert_eq!(parameters.chill, 1);
		let lacks = |judge: usize, penalty| {
			let judge = validator(judge);
			Lottery::counted(&judge, SNAPSHOT.get(), penalty, dissent(), &parameters)
		};
		let alone = |judge| lacks(judge, Penalty::LateDataAlone);
		for judge in 0..4 {
			assert_eq!(alone(judge), (dissent(), false));
		}
		let chills = |judge| {
			let (taken, chills) = alone(judge);
			assert!(taken.is_zero());
			chills
		};
		assert!(chills(0));
		// It continues in claims in which it already sits, and takes no second place.
		assert!(!chills(0) && !chills(0));
		assert!(chills(1));
		assert!(!chills(2));
		// In the next round both are still chilled.
		System::set_block_number(30);
		assert!(!chills(2));
		// A judge that never asked is to blame itself, and is chilled whoever else is.
		assert_eq!(lacks(4, Penalty::LateData), (dissent(), false));
		assert_eq!(lacks(4, Penalty::LateData), (Perbill::zero(), true));
		// They no longer are. A set of fewer than twenty has one place.
		System::set_block_number(60);
		in_force(3);
		assert!(chills(2));
		assert!(!chills(3));
	});
}

/// A transcoder withholds its bytes from a judge in dispute after dispute, each of which would cost
/// it twice as much.
#[test]
fn attack_starving_a_judge_in_many_disputes_should_cost_it_one_no_show_in_a_round() {
	let victim = 0;
	let lost = |asks: bool| {
		let mut left = 1.0;
		build_and_execute(|| {
			for _ in 0..12 {
				let claim = claim(8);
				to_commit(&claim);
				let accuser = number_of(&members(claim.id, 0)[0]);
				let (good, gone) =
					(opening(claim.id, Verdict::Valid), opening(claim.id, UNAVAILABLE));
				ballot(claim.id, 0, |i| {
					Some(if i == accuser { gone.clone() } else { good.clone() })
				});
				to_dispute(claim.id);
				let judges = members(claim.id, DISPUTE);
				let place = judges.iter().position(|who| *who == validator(victim)).unwrap();
				if asks {
					ask(claim.id, DISPUTE, place as u16).unwrap();
				}
				ballot(claim.id, DISPUTE, |i| {
					Some(if i == victim { gone.clone() } else { good.clone() })
				});
				to_end(claim.id);
			}
			let slashes = SLASHED.get();
			left = slashes
				.iter()
				.filter(|slash| slash.0 == validator(victim))
				.fold(1.0, |left, slash| left * (1.0 - f64::from(slash.2.deconstruct()) / 1e9));
			assert_eq!(crate::NoShows::<Test>::get(validator(victim)) == 0, asks);
		});
		1.0 - left
	};
	let (asking, silent) = (lost(true), lost(false));
	let no_show = f64::from(Parameters::get().no_show_slash.deconstruct()) / 1e9;
	assert!((asking - no_show).abs() < 1e-6, "{asking}");
	assert!(silent > 10.0 * asking, "{silent}");
}

/// A transcoder withholds its bytes from more than half of all judges and from less than two
/// thirds, so that everybody judges and nothing is decided.
#[test]
fn attack_bytes_withheld_from_half_of_a_dispute_should_cost_the_transcoder_the_dispute() {
	let dispute = |starved: &[usize]| {
		let claim = claim(8);
		to_commit(&claim);
		let gone = opening(claim.id, UNAVAILABLE);
		ballot(claim.id, 0, |_| Some(gone.clone()));
		to_dispute(claim.id);
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, DISPUTE, |i| {
			Some(if starved.contains(&i) { gone.clone() } else { good.clone() })
		});
		assert_eq!(
			Lottery::challenge(claim.id).map(|view| view.outcome),
			Some(Some(Outcome::Void))
		);
		System::reset_events();
		to_end(claim.id);
		claim
	};
	build_and_execute(|| {
		let claim = dispute(&[0, 1, 2]);
		let [(who, cost, offence)] = &CHARGED.get()[..] else { panic!("charged once") };
		assert!(*who == transcoder() && *cost > 0);
		assert_eq!(*offence, claim.info.round);
		assert!(penalties().is_empty(), "nobody else could do anything about it");
	});
	build_and_execute(|| {
		// Less than half cannot make it pay by their verdicts alone: here they pay.
		dispute(&[0, 1]);
		let paid = penalties();
		assert!([0, 1].iter().all(|liar| paid.iter().any(|(who, ..)| *who == validator(*liar))));
		let most = CHARGED.get().iter().map(|(_, cost, _)| *cost).max();
		assert_eq!(most, None);
	});
}

/// A transcoder withholds its bytes from one judge in many claims.
#[test]
fn attack_many_claims_withheld_at_once_should_cost_a_judge_one_false_word_in_a_round() {
	build_and_execute(|| {
		RATE.put(1 << 40);
		seat(&[1_000; 5]);
		for _ in 0..6 {
			late(&[0], &[]);
		}
		let slashes = SLASHED.get();
		assert!(!slashes.is_empty());
		for i in 0..5 {
			let paid = slashes.iter().filter(|slash| slash.0 == validator(i));
			let left =
				paid.fold(1.0, |left, slash| left * (1.0 - f64::from(slash.2.deconstruct()) / 1e9));
			assert!(left >= 0.989_999, "{left}");
		}
	});
}

#[test]
fn late_bytes_should_cost_one_percent_at_most_and_reward_nobody() {
	build_and_execute(|| {
		RATE.put(1 << 40);
		seat(&[1_000; 5]);
		let paid = late(&[0], &[]);
		assert!(matches!(paid[..], [(0, Penalty::LateData, most)] if most == dissent()));
	});
}
