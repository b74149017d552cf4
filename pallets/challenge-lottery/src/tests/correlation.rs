//! Slashes that wait longer because many claims failed under one toolchain.

use frame_support::assert_ok;
use livepeer_primitives::{
	leaf::Leaf, params::LotteryParameters, traits::Settlement, verdict::Verdict, AccountId,
	ToolchainId,
};

use crate::{
	mock::*,
	types::{Tally, MOST_FAILING},
	Event, Tallied,
};

/// The block in which claims of the first two windows are missed where nobody reveals anything.
const DECIDED: u32 = 50;

/// The work of a claim of eight leaves.
const WORK: u64 = 8 * 50_000_000;

fn leaves() -> Vec<Leaf> {
	(0..8).map(|i| leaf(i, WORK / 8)).collect()
}

/// A claim of the `i`th validator on a job of its own broadcaster, of which nothing is revealed.
fn failing(i: usize, broadcaster: usize, toolchain: ToolchainId) -> TestClaim {
	failing_over(leaves(), i, broadcaster, toolchain)
}

fn failing_over(
	leaves: Vec<Leaf>,
	i: usize,
	broadcaster: usize,
	toolchain: ToolchainId,
) -> TestClaim {
	let (claim, taken) = try_claim_as(leaves, |info| {
		info.transcoder = validator(i);
		info.broadcaster = account(&format!("B{broadcaster}"));
		info.toolchain = toolchain;
	});
	taken.unwrap();
	claim
}

/// Claims of three validators for three broadcasters, all of which fail together.
fn three() -> [TestClaim; 3] {
	[0, 1, 2].map(|i| failing(i, i, toolchain()))
}

/// The deferrals that were lengthened, by claim.
fn lengthened() -> Vec<(u64, u32)> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::DeferralLengthened { claim, execute_at, .. } => Some((claim, execute_at)),
			_ => None,
		})
		.collect()
}

/// The slashed accounts.
fn slashed() -> Vec<AccountId> {
	let mut slashed: Vec<_> = SLASHED.get().into_iter().map(|slash| slash.0).collect();
	slashed.sort();
	slashed
}

#[test]
fn slashes_should_wait_longer_when_many_fail_under_one_toolchain() {
	build_and_execute(|| {
		let claims = three();
		run_to(DECIDED);
		assert_eq!(DETAINED.get().len(), 3);
		System::reset_events();
		let LotteryParameters { slash_deferral, long_deferral, .. } = Parameters::get();
		run_to(DECIDED + slash_deferral);
		let until = DECIDED + long_deferral;
		let mut told = lengthened();
		told.sort_unstable();
		assert_eq!(told, claims.each_ref().map(|claim| (claim.id, until)));
		for claim in &claims {
			assert_eq!(Lottery::challenge(claim.id).unwrap().deadline, until);
		}
		run_to(until - 1);
		// Nobody is free meanwhile, and nobody is slashed.
		assert_eq!(DETAINED.get().len(), 3);
		assert!(SLASHED.get().is_empty() && SETTLED.get().is_empty());
		run_to(until);
		let mut all = [0, 1, 2].map(validator);
		all.sort();
		assert_eq!(slashed(), all);
		assert!(DETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn governance_should_be_able_to_cancel_for_as_long_as_a_slash_waits() {
	build_and_execute(|| {
		let claims = three();
		run_to(DECIDED + Parameters::get().long_deferral - 1);
		assert_ok!(Lottery::cancel(RuntimeOrigin::root(), claims[0].id, None));
		assert_eq!(SETTLED.get(), vec![(claims[0].id, Settlement::Pay)]);
		skip(1);
		assert!(!slashed().contains(&validator(0)));
		assert_eq!(slashed().len(), 2);
	});
}

#[test]
fn slashes_should_not_wait_longer_when_any_condition_fails() {
	let ends = |make: &dyn Fn(), is_lengthened: bool| {
		build_and_execute(|| {
			make();
			run_to(DECIDED + Parameters::get().slash_deferral);
			assert_eq!(SLASHED.get().is_empty(), is_lengthened);
			assert_eq!(lengthened().is_empty(), !is_lengthened);
		});
	};
	let make = |failed: &[(usize, usize)]| {
		for (transcoder, broadcaster) in failed {
			failing(*transcoder, *broadcaster, toolchain());
		}
	};
	let three = [(0, 0), (1, 1), (2, 2)];
	ends(&|| make(&three), true);
	// Two transcoders, however often; then two broadcasters.
	ends(&|| make(&[(0, 0), (1, 1), (1, 2), (0, 3)]), false);
	ends(&|| make(&[(0, 0), (1, 1), (2, 1)]), false);
	// A tenth of the stake, and less.
	let seated = |stakes: &[u128]| {
		seat(stakes);
		make(&three);
	};
	ends(&|| seated(&[3, 3, 4, 60, 30]), true);
	ends(&|| seated(&[3, 3, 3, 61, 30]), false);
	// A twentieth of the claimed work is not enough; a little more is.
	let among = |others: u64| {
		make(&three);
		run_to(DECIDED);
		Tallied::<Test>::mutate(toolchain(), |tallies| {
			tallies.last_mut().unwrap().decided += others * WORK;
		});
	};
	ends(&|| among(57), false);
	ends(&|| among(56), true);
}

#[test]
fn failures_should_count_with_those_of_their_own_toolchain_and_time_alone() {
	build_and_execute(|| {
		let other = ToolchainId::repeat_byte(9);
		assert_ok!(Lottery::accept_toolchain(RuntimeOrigin::root(), other));
		failing(0, 0, toolchain());
		failing(1, 1, toolchain());
		failing(2, 2, other);
		run_to(21);
		// Two stretches later: it is decided in block 70.
		failing(3, 3, toolchain());
		run_to(75);
		assert!(lengthened().is_empty());
		assert_eq!(SLASHED.get().len(), 4);
		// Where there is time for it, the stretch after a failure is awaited: two are decided in block 120, and
		// one in 130.
		Parameters::mutate(|parameters| parameters.slash_deferral = 30);
		let first = [failing(0, 0, toolchain()), failing(1, 1, toolchain())];
		run_to(81);
		let last = failing(2, 2, toolchain());
		run_to(139);
		assert!(lengthened().is_empty());
		run_to(140);
		let mut told = lengthened();
		told.sort_unstable();
		assert_eq!(told, first.map(|claim| (claim.id, 180)));
		run_to(150);
		assert_eq!(lengthened(), vec![(last.id, 190)]);
		assert_eq!(SLASHED.get().len(), 4);
	});
}

/// A transcoder that fails on purpose beside others delays its own slash and theirs. All stay
/// jailed and liable, nothing is lengthened twice, and in the end everything is taken.
#[test]
fn attack_three_sacrificed_transcoders_should_free_nobody() {
	build_and_execute(|| {
		three();
		let late = failing(3, 3, toolchain());
		let until = DECIDED + Parameters::get().long_deferral;
		run_to(21);
		// More of them fail later, in the hope of lengthening again what is already lengthened.
		failing(4, 4, toolchain());
		run_to(until - 1);
		assert!(SLASHED.get().iter().all(|slash| slash.0 == validator(4)));
		assert!(DETAINED.get().contains_key(&late.info.transcoder));
		run_to(until);
		assert_eq!(slashed().len(), 5);
		assert!(DETAINED.get().is_empty());
	});
}

/// Small failures are distinguished up to a number, and do not keep out those that matter.
#[test]
fn attack_many_small_failures_should_not_hide_a_large_one() {
	build_and_execute(|| {
		let most = MOST_FAILING as usize;
		let mut stakes = vec![1; most];
		stakes.extend([1_000, 1_000, 1_000]);
		seat(&stakes);
		for i in 0..most + 3 {
			failing(i, i, toolchain());
		}
		run_to(DECIDED);
		let tallies = Tallied::<Test>::get(toolchain());
		let Tally { failed, transcoders, broadcasters, .. } = tallies.last().unwrap();
		assert_eq!((*failed, transcoders.len()), ((most as u64 + 3) * WORK, most));
		assert_eq!(broadcasters.len(), 3);
		for large in [most, most + 1, most + 2] {
			assert!(transcoders.iter().any(|(who, _)| *who == validator(large)));
		}
		run_to(DECIDED + Parameters::get().slash_deferral);
		assert!(SLASHED.get().is_empty());
	});
}

/// Any number of claims of almost no work costs almost nothing. It must neither hide that many
/// fail, so that these are slashed before anybody has looked, nor delay everybody's slashes when
/// almost nothing fails.
#[test]
fn attack_tiny_claims_should_neither_hide_nor_feign_that_many_fail() {
	type Leaves = fn() -> Vec<Leaf>;
	let ends = |failed: Leaves, accepted: Leaves, number: u32, is_lengthened: bool| {
		build_and_execute(|| {
			for i in 0..3 {
				failing_over(failed(), i, i, toolchain());
			}
			run_to(DECIDED);
			let (claim, taken) = try_claim(accepted());
			taken.unwrap();
			let accepted = challenge(claim.id);
			for _ in 0..number {
				Lottery::tally(claim.id, &accepted, false);
			}
			run_to(DECIDED + Parameters::get().slash_deferral);
			assert_eq!(lengthened().is_empty(), !is_lengthened);
		});
	};
	let tiny: Leaves = || vec![leaf(0, 1)];
	ends(leaves, tiny, 1_000, true);
	ends(tiny, leaves, 1, false);
}

#[test]
fn failures_should_count_on_when_a_retirement_is_taken_back() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| parameters.slash_deferral = 30);
		three();
		run_to(DECIDED);
		assert_ok!(Lottery::retire_toolchain(RuntimeOrigin::root(), toolchain(), DECIDED + 30));
		assert_ok!(Lottery::accept_toolchain(RuntimeOrigin::root(), toolchain()));
		run_to(69);
		assert!(lengthened().is_empty());
		run_to(70);
		assert_eq!(lengthened().len(), 3);
	});
}

#[test]
fn tallies_should_go_with_their_toolchain_and_with_time() {
	build_and_execute(|| {
		three();
		run_to(DECIDED);
		assert_eq!(Tallied::<Test>::get(toolchain()).len(), 1);
		run_to(400);
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, Verdict::Valid);
		let tallies = Tallied::<Test>::get(toolchain());
		assert_eq!(tallies.len(), 1, "what is old is forgotten with the next decision");
		assert_eq!((tallies[0].decided, tallies[0].failed), (WORK, 0));
		let at = System::block_number() + 30;
		assert_ok!(Lottery::retire_toolchain(RuntimeOrigin::root(), toolchain(), at));
		run_to(crate::RetiringToolchains::<Test>::get()[0].until);
		assert!(!Tallied::<Test>::contains_key(toolchain()));
	});
}
