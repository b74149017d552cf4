//! The draw.

use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	api::ChallengeStage,
	draw,
	traits::{Beacon, OnClaim, Settlement},
	verdict::{MismatchKind, Verdict, DISPUTE},
	AccountId, Hash,
};
use proptest::prelude::*;

use crate::{mock::*, types::Stage, Error, Event};

#[test]
fn challenge_should_wait_for_its_seed_when_a_claim_is_made() {
	build_and_execute(|| {
		let claim = claim(8);
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::AwaitingSeed);
		assert_eq!(view.deadline, 20);
		assert!(view.positions.is_empty() && view.members.is_empty());
		assert_eq!(RETAINED.get().into_iter().collect::<Vec<_>>(), vec![(1, 1)]);
		assert_eq!(events(), vec![Event::ChallengeOpened { claim: claim.id, draw_at: 20 }]);
	});
}

#[test]
fn claim_should_be_refused_when_it_breaks_a_rule() {
	build_and_execute(|| {
		let empty = livepeer_primitives::leaf::Leaf::Empty;
		assert_eq!(try_claim(vec![empty]).1, Err(Error::<Test>::NoWork.into()));
		let many = (0..65).map(|i| leaf(i, 1)).collect();
		assert_eq!(try_claim(many).1, Err(Error::<Test>::TooManyLeaves.into()));
		let (taken, result) = try_claim(vec![leaf(0, 1)]);
		assert_ok!(result);
		assert_noop!(
			Lottery::on_claim(taken.id, &taken.info, &terms()),
			Error::<Test>::AlreadyChallenged
		);
		let mut other = taken.info.clone();
		other.toolchain = Default::default();
		assert_noop!(Lottery::on_claim(99, &other, &terms()), Error::<Test>::UnknownToolchain);
		let mut huge = taken.info.clone();
		huge.max_samples = 0;
		assert_noop!(Lottery::on_claim(99, &huge, &terms()), Error::<Test>::CannotBeJudged);
		assert_eq!(terms().leaves_of(16), 64);
	});
}

#[test]
fn agenda_should_draw_when_the_second_window_after_the_claims_begins() {
	build_and_execute(|| {
		let claim = claim(8);
		run_to(19);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingSeed);
		run_to(20);
		let seed = Fake::seed(1).unwrap();
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::LeafReveal);
		assert_eq!(view.deadline, 40);
		let commitment = claim.info.commitment;
		let expected =
			draw::positions(seed.hash, claim.id, commitment.root, commitment.total_work, 2);
		assert_eq!(view.positions, expected);
		assert_eq!(view.members.len(), 3);
	});
}

#[test]
fn draw_should_be_refused_when_it_is_too_early_or_done() {
	build_and_execute(|| {
		let claim = claim(8);
		let anyone = || RuntimeOrigin::signed(account("X"));
		assert_noop!(Lottery::draw(anyone(), 7), Error::<Test>::NoChallenge);
		run_to(19);
		assert_noop!(Lottery::draw(anyone(), claim.id), Error::<Test>::TooEarly);
		run_to(20);
		assert_noop!(Lottery::draw(anyone(), claim.id), Error::<Test>::AlreadyDrawn);
	});
}

#[test]
fn late_draw_should_give_the_same_result_when_the_seed_was_late() {
	let draw_at = |block| {
		let mut result = None;
		build_and_execute(|| {
			let claim = claim(8);
			if block > 20 {
				SEEDLESS.put(vec![1]);
				run_to(block - 1);
				assert_eq!(challenge(claim.id).stage, Stage::AwaitingSeed);
				assert_noop!(
					Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id),
					Error::<Test>::SeedNotReady
				);
				SEEDLESS.put(vec![]);
				System::set_block_number(block);
				assert_ok!(Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id));
			} else {
				run_to(block);
			}
			let view = Lottery::challenge(claim.id).unwrap();
			assert_eq!(view.deadline, block + 20);
			result = Some((view.positions, view.members));
		});
		result.unwrap()
	};
	assert_eq!(draw_at(20), draw_at(33));
	assert_eq!(draw_at(20), draw_at(41));
}

#[test]
fn claim_should_be_void_when_no_seed_comes() {
	build_and_execute(|| {
		let claim = claim(8);
		SEEDLESS.put((0..100).collect());
		run_to(49);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingSeed);
		run_to(50);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn draw_should_happen_at_a_windows_start_when_seeds_were_invalid() {
	build_and_execute(|| {
		let claim = claim(8);
		SEEDLESS.put(vec![1]);
		run_to(29);
		SEEDLESS.put(vec![]);
		run_to(30);
		assert!(matches!(challenge(claim.id).stage, Stage::LeafReveal { .. }));
	});
}

#[test]
fn committee_should_leave_out_the_parties_the_jailed_and_who_has_no_stake() {
	build_and_execute(|| {
		let mut seated = SEATED.get();
		seated[0].account = transcoder();
		seated[1].account = broadcaster();
		seated[2].jailed = true;
		seated[4].stake = 0;
		SEATED.put(seated);
		let claim = claim(8);
		to_draw(&claim);
		assert_eq!(members(claim.id, 0), vec![validator(3)]);
	});
}

#[test]
fn job_should_have_as_many_samples_as_can_be_judged_in_time() {
	build_and_execute(|| {
		// Work that judges can do while a commit phase waits for it.
		let cap = 150_000_000 * 20;
		assert_eq!(Lottery::max_samples(1), 16);
		assert_eq!(Lottery::max_samples(cap / 16), 16);
		assert_eq!(Lottery::max_samples(cap / 16 + 1), 15);
		assert_eq!(Lottery::max_samples(cap), 1);
		assert_eq!(Lottery::max_samples(cap + 1), 0);
		assert_eq!(terms().leaves_of(1), 4);
	});
}

#[test]
fn draw_should_take_no_more_samples_than_the_job_allows() {
	build_and_execute(|| {
		let leaves = || (0..12).map(|i| leaf(i, 50_000_000)).collect::<Vec<_>>();
		let (few, taken) = try_claim_as(leaves(), |info| info.max_samples = 3);
		assert_ok!(taken);
		let (_, refused) = try_claim_as(leaves(), |info| info.max_samples = 2);
		assert_eq!(refused, Err(Error::<Test>::TooManyLeaves.into()));
		// The rate rises later, but the job's own bound stays.
		to_draw(&few);
		assert_eq!(challenge(few.id).samples.len(), 3);
		let (all, taken) = try_claim_as(leaves(), |info| info.max_samples = 16);
		assert_ok!(taken);
		crate::Challenges::<Test>::mutate(all.id, |challenge| {
			let parameters = &mut challenge.as_mut().unwrap().parameters;
			parameters.verification_rate = sp_runtime::Perbill::one();
		});
		to_draw(&all);
		assert_eq!(challenge(all.id).samples.len(), 12);
	});
}

/// The committee over a claim of a set with these stakes, without the named validators.
fn committee(stakes: &[u128], jailed: &[usize], size: u32) -> Vec<usize> {
	Parameters::mutate(|parameters| parameters.committee_size = size);
	seat(stakes);
	let mut seated = SEATED.get();
	jailed.iter().for_each(|i| seated[*i].jailed = true);
	SEATED.put(seated);
	let claim = claim(8);
	to_draw(&claim);
	let drawn: Vec<usize> = members(claim.id, 0).iter().map(number_of).collect();
	drawn
}

/// The pallet passes the stakes of the stored set on: with equal stakes these committees would
/// differ.
#[test]
fn committee_should_be_drawn_by_the_stakes_of_the_stored_set() {
	build_and_execute(|| {
		let stakes = [1, 10, 100, 1_000, 10_000];
		Parameters::mutate(|parameters| parameters.committee_size = 5);
		seat(&stakes);
		let claims: Vec<_> = (0..6).map(|_| claim(8)).collect();
		to_draw(&claims[0]);
		let seed = Fake::seed(1).unwrap().hash;
		let accounts: Vec<AccountId> = (0..5).map(validator).collect();
		let order = |id, stakes: [u128; 5]| -> Vec<AccountId> {
			let order = draw::committee_order(seed, id, accounts.iter().zip(stakes));
			order.into_iter().map(|index| accounts[index as usize].clone()).collect()
		};
		let mut differ = 0;
		for claim in &claims {
			let drawn = members(claim.id, 0);
			assert_eq!(drawn, order(claim.id, stakes));
			differ += usize::from(drawn != order(claim.id, [1; 5]));
		}
		assert!(differ > 0, "the stakes decide");
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	/// Removing a validator does not move anybody else.
	#[test]
	fn committee_should_keep_its_order_when_eligibility_is_toggled(
		stakes in prop::collection::vec(1u128..1_000, 1..10),
		mask in any::<u16>(),
	) {
		let jailed: Vec<usize> = (0..stakes.len()).filter(|i| mask >> i & 1 == 1).collect();
		let whole = build_in_fork(|| committee(&stakes, &[], 64));
		prop_assert_eq!(whole.len(), stakes.len());
		let expected: Vec<usize> = whole.into_iter().filter(|i| !jailed.contains(i)).collect();
		let left = build_in_fork(|| committee(&stakes, &jailed, 64));
		prop_assert_eq!(left, expected);
	}

	/// Nothing that happens between the claim and a later draw changes what is drawn.
	#[test]
	fn draw_should_be_a_function_of_claim_and_seed_alone(
		late in 0u32..8,
		acts in prop::collection::vec((0u8..4, 0usize..5), 0..12),
	) {
		let run = |acts: &[(u8, usize)], late| {
			build_in_fork(|| {
				let claim = claim(8);
				run_to(19);
				for (act, i) in acts {
					match act {
						0 => DETAINED.mutate(|all| *all.entry(validator(*i)).or_default() += 1),
						1 => CHILLED.mutate(|all| { all.insert(validator(*i), 9); }),
						2 => Parameters::mutate(|parameters| parameters.committee_size = 1),
						_ => LIABLE.mutate(|all| { all.insert((validator(*i), 0), 1); }),
					}
				}
				let seeds = SEEDLESS.get();
				SEEDLESS.put(vec![1]);
				for block in 20..20 + late {
					System::set_block_number(block);
				}
				SEEDLESS.put(seeds);
				System::set_block_number(20 + late);
				assert_ok!(Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id));
				let view = Lottery::challenge(claim.id).unwrap();
				let drawn = (view.positions, view.members);
				DETAINED.put(Default::default());
				LIABLE.put(Default::default());
				drawn
			})
		};
		prop_assert_eq!(run(&acts, late), run(&[], 0));
	}
}

/// Runs `test` in a state of its own, without the invariants.
fn build_in_fork<R>(test: impl FnOnce() -> R) -> R {
	Parameters::set(livepeer_primitives::params::ProtocolParameters::development().lottery);
	new_test_ext().execute_with(test)
}

/// Chi-square of the first seat over 4,000 seeds against the shares of stake, and against equal
/// shares, which a draw without weights would give.
#[test]
fn first_seat_should_be_distributed_by_stake() {
	let stakes: [u128; 5] = [50, 100, 150, 300, 400];
	let accounts: Vec<AccountId> = (0..5).map(validator).collect();
	let total: u128 = stakes.iter().sum();
	let runs = 4_000u32;
	let mut counts = [0f64; 5];
	for run in 0..runs {
		let seed = Hash::from_low_u64_be(run.into());
		let order = draw::committee_order(seed, 7, accounts.iter().zip(stakes));
		counts[order[0] as usize] += 1.0;
	}
	let chi_square = |expected: &dyn Fn(usize) -> f64| -> f64 {
		(0..5).map(|i| (counts[i] - expected(i)).powi(2) / expected(i)).sum()
	};
	let by_stake = chi_square(&|i| f64::from(runs) * stakes[i] as f64 / total as f64);
	let equal = chi_square(&|_| f64::from(runs) / 5.0);
	// The 99.9th percentile with four degrees of freedom.
	assert!(by_stake < 18.47, "chi-square {by_stake}: {counts:?}");
	assert!(equal > 18.47, "the weights are used: {counts:?}");
}

/// The work of leaves of four kinds, of which there are equally many.
const WORKS: [u64; 4] = [10_000_000, 20_000_000, 30_000_000, 40_000_000];

/// How many draws fall on each kind if 800 leaves are claimed in claims of this many, at
/// production's rate, with other leaves in each `round`.
fn draws_by_kind(round: u8, leaves: usize) -> [f64; 4] {
	build_in_fork(|| {
		Parameters::mutate(|parameters| {
			let production = livepeer_primitives::params::ProtocolParameters::production();
			parameters.verification_rate = production.lottery.verification_rate;
			parameters.new_claims = 0;
		});
		let claims: Vec<_> = (0..800 / leaves)
			.map(|_| {
				let made = (0..leaves).map(|index| leaf(round, WORKS[index % 4])).collect();
				let (claim, taken) = try_claim(made);
				assert_ok!(taken);
				claim
			})
			.collect();
		System::set_block_number(20);
		let mut counts = [0.0; 4];
		for claim in &claims {
			assert_ok!(Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id));
			for sample in &challenge(claim.id).samples {
				let index = claim.tree.leaf_at(sample.position).unwrap();
				counts[index as usize % 4] += 1.0;
			}
		}
		counts
	})
}

/// The same work in one claim of 800 segments, in four of 200 and in a hundred of eight, with 24
/// seeds. In each case draws fall on a kind of leaf by its share of the work, not of the leaves,
/// whatever the claims' size. As many are drawn of the one as of the four, and small claims never
/// have less drawn. The test fails if positions are drawn among leaves, or not of all of the work,
/// or fewer of small claims.
#[test]
fn draws_should_fall_by_work_whatever_the_size_of_the_claims() {
	// Chi-square's 99.99th percentile with three degrees of freedom.
	const LIMIT: f64 = 21.11;
	const ROUNDS: u8 = 24;
	let all = |leaves: usize| {
		let mut sums = [0.0; 4];
		for round in 0..ROUNDS {
			let counts = draws_by_kind(round, leaves);
			sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
		}
		sums
	};
	let sizes = [800, 200, 8].map(all);
	let totals = sizes.map(|counts| counts.iter().sum::<f64>());
	// Two of a hundred; of eight segments no less than one.
	assert_eq!(totals, [16.0, 16.0, 100.0].map(|each| each * f64::from(ROUNDS)));
	let chi_square = |counts: &[f64; 4], expected: &[f64; 4]| -> f64 {
		counts.iter().zip(expected).map(|(count, each)| (count - each).powi(2) / each).sum()
	};
	for (counts, total) in sizes.iter().zip(totals) {
		let by_work = chi_square(counts, &[0.1, 0.2, 0.3, 0.4].map(|share| share * total));
		let by_count = chi_square(counts, &[total / 4.0; 4]);
		assert!(by_work < LIMIT, "chi-square {by_work}: {counts:?}");
		assert!(by_count > LIMIT, "the work decides: {counts:?}");
	}
	// One large claim and many small ones give the same result.
	let [large, _, small] = sizes;
	let whole = totals[0] + totals[2];
	let apart: f64 = [(large, totals[0]), (small, totals[2])]
		.iter()
		.map(|(counts, total)| {
			let mut expected = [0.0; 4];
			for (kind, each) in expected.iter_mut().enumerate() {
				*each = (large[kind] + small[kind]) * total / whole;
			}
			chi_square(counts, &expected)
		})
		.sum();
	assert!(apart < LIMIT, "chi-square {apart}: {large:?} and {small:?}");
}

#[test]
fn judges_of_a_dispute_should_be_those_of_the_stored_set() {
	build_and_execute(|| {
		seat(&[100, 100, 100, 100, 100, 0]);
		let mut seated = SEATED.get();
		seated[0].account = transcoder();
		seated[1].account = broadcaster();
		seated[2].jailed = true;
		SEATED.put(seated);
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, Verdict::Mismatch(MismatchKind::Video));
		to_dispute(claim.id);
		assert_eq!(members(claim.id, DISPUTE), vec![validator(3), validator(4)]);
	});
}

#[test]
fn claim_should_be_void_when_nobody_may_judge() {
	build_and_execute(|| {
		SEATED.put(vec![]);
		let claim = claim(8);
		to_draw(&claim);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert!(SLASHED.get().is_empty() && RETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn parameters_should_be_those_of_the_claim_when_they_change_later() {
	build_and_execute(|| {
		let claim = claim(8);
		Parameters::mutate(|parameters| parameters.reveal_window = 1);
		to_draw(&claim);
		assert_eq!(Lottery::challenge(claim.id).unwrap().deadline, 40);
	});
}
