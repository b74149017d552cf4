//! Every claim ends in time, whatever anyone does.

use livepeer_primitives::{
	params::Timing,
	traits::Settlement,
	verdict::{MismatchKind, Verdict, DISPUTE},
	MAX_VALIDATORS,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

use super::variants::open;
use crate::{
	mock::*,
	types::{Stage, PENALTIES_PER_STEP, REWARDS_PER_STEP},
	Ballots, Judges,
};

/// What happens in one block.
#[derive(Clone, Debug)]
enum Act {
	/// A claim of some leaves.
	Claim(u8),
	/// The transcoder reveals its next leaf of one of the open claims.
	Leaf(u8),
	/// Anybody draws, reports or (governance) cancels.
	Poke(u8, u8),
	/// A member of an open ballot commits to an answer.
	Commit(u8, u8, u8),
	/// A member reveals its answer.
	Reveal(u8, u8, u8),
	/// Everybody in an open ballot gives the same answer.
	Agree(u8, u8),
	/// Seeds fail for a window, or return.
	Seeds(bool),
	/// A validator is jailed or freed.
	Jail(u8),
	/// The set in force changes.
	Seat(u8),
	/// Nothing for some blocks.
	Wait(u8),
}

fn act() -> impl Strategy<Value = Act> {
	prop_oneof![
		3 => (1u8..20).prop_map(Act::Claim),
		6 => any::<u8>().prop_map(Act::Leaf),
		2 => (any::<u8>(), 0u8..3).prop_map(|(a, b)| Act::Poke(a, b)),
		6 => (any::<u8>(), 0u8..5, 0u8..4).prop_map(|(a, b, c)| Act::Commit(a, b, c)),
		6 => (any::<u8>(), 0u8..5, 0u8..4).prop_map(|(a, b, c)| Act::Reveal(a, b, c)),
		4 => (any::<u8>(), 0u8..4).prop_map(|(a, b)| Act::Agree(a, b)),
		1 => any::<bool>().prop_map(Act::Seeds),
		1 => (0u8..5).prop_map(Act::Jail),
		1 => (0u8..6).prop_map(Act::Seat),
		4 => (1u8..25).prop_map(Act::Wait),
	]
}

fn word(i: u8) -> Verdict {
	match i {
		0 => Verdict::Valid,
		1 => Verdict::Mismatch(MismatchKind::Video),
		2 => UNAVAILABLE,
		_ => Verdict::Abstain,
	}
}

struct World {
	claims: Vec<(TestClaim, u32)>,
	limit: u32,
}

impl World {
	/// One of the open claims.
	fn pick(&self, i: u8) -> Option<TestClaim> {
		let open: Vec<_> = self
			.claims
			.iter()
			.filter(|(claim, _)| Lottery::challenge(claim.id).is_some())
			.collect();
		open.get(usize::from(i) % open.len().max(1)).map(|(claim, _)| claim.clone())
	}

	fn next_block(&self) {
		skip(1);
		let now = System::block_number();
		for (claim, made) in &self.claims {
			assert!(
				Lottery::challenge(claim.id).is_none() || now < made + self.limit,
				"claim {} of block {made} lives in block {now}",
				claim.id
			);
		}
	}

	fn act(&mut self, act: Act) {
		match act {
			Act::Claim(leaves) => {
				let made = claim(leaves);
				self.claims.push((made, System::block_number()));
			}
			Act::Leaf(i) => {
				let Some(claim) = self.pick(i) else { return };
				let open = challenge(claim.id);
				if open.stage == Stage::AwaitingSeed {
					return;
				}
				if let Some(index) = open
					.samples
					.iter()
					.find(|sample| sample.leaf.is_none())
					.and_then(|sample| claim.tree.leaf_at(sample.position))
				{
					let _ = reveal_leaf(&claim, index);
				}
			}
			Act::Poke(i, how) => {
				let Some(claim) = self.pick(i) else { return };
				let anyone = RuntimeOrigin::signed(account("X"));
				let _ = match how {
					0 => Lottery::draw(anyone, claim.id).map(|_| ()).map_err(|e| e.error),
					1 => Lottery::report_missed(anyone, claim.id),
					_ => Lottery::cancel(RuntimeOrigin::root(), claim.id, None)
						.map(|_| ())
						.map_err(|e| e.error),
				};
			}
			Act::Commit(i, member, said) | Act::Reveal(i, member, said) => {
				let Some(claim) = self.pick(i) else { return };
				let Some(ballot) = Ballots::<Test>::get(claim.id) else { return };
				if u16::from(member) >= ballot.members {
					return;
				}
				let said = opening(claim.id, word(said));
				let _ = if matches!(act, Act::Commit(..)) {
					commit(claim.id, ballot.tranche, member.into(), &said)
				} else {
					reveal(claim.id, ballot.tranche, member.into(), &said)
				};
			}
			Act::Agree(i, said) => {
				let Some(claim) = self.pick(i) else { return };
				let Some(ballot) = Ballots::<Test>::get(claim.id) else { return };
				let said = opening(claim.id, word(said));
				for member in 0..ballot.members {
					let _ = commit(claim.id, ballot.tranche, member, &said);
				}
				for member in 0..ballot.members {
					let _ = reveal(claim.id, ballot.tranche, member, &said);
				}
			}
			Act::Seeds(fail) => {
				let window = System::block_number() / 10;
				SEEDLESS.put(if fail { vec![window, window + 1] } else { vec![] });
			}
			Act::Jail(i) => SEATED.mutate(|all| {
				if let Some(seat) = all.get_mut(usize::from(i)) {
					seat.jailed = !seat.jailed;
				}
			}),
			Act::Seat(count) => seat(&vec![100; count.into()]),
			Act::Wait(blocks) => {
				for _ in 0..blocks {
					self.next_block();
				}
			}
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn every_claim_should_end_in_time_whatever_anyone_does(
		acts in prop::collection::vec(act(), 1..120),
		step in 0u32..3,
	) {
		build_and_execute(|| {
			let limit = Parameters::get().longest_claim_life(&Timing::development());
			let mut world = World { claims: vec![], limit };
			for act in acts {
				world.act(act);
				for _ in 0..step {
					world.next_block();
				}
			}
			for _ in 0..=limit {
				world.next_block();
			}
			let settled = SETTLED.get();
			assert_eq!(settled.len(), world.claims.len(), "each claim is settled once");
			assert!(RETAINED.get().is_empty(), "no window is retained");
			assert!(!DETAINED.get().contains_key(&transcoder()), "nobody waits in jail");
			assert!(LIABLE.get().is_empty(), "nobody is liable");
			assert_eq!(bytes_left(), 0);
			let refunds = settled.iter().filter(|(_, how)| *how == Settlement::Refund).count();
			assert!(SLASHED.get().iter().filter(|s| s.0 == transcoder()).count() <= refunds);
		});
	}
}

#[test]
fn slowest_claim_should_live_as_long_as_the_parameters_say() {
	build_and_execute(|| {
		// The first block of a window, no seed until the last moment, every answer in the last
		// block of its phase.
		run_to(10);
		SEEDLESS.put((0..100).collect());
		let claim = claim(64);
		run_to(59);
		SEEDLESS.put(vec![]);
		run_to(60);
		let last = |id| run_to(challenge(id).due - 1);
		run_to(60 + 19);
		for index in drawn(&claim) {
			reveal_leaf(&claim, index).unwrap();
		}
		let parameters = Parameters::get();
		let work = parameters.work_blocks(challenge(claim.id).sampled_work);
		assert!(work > 0);
		for tranche in [0, DISPUTE] {
			let said = opening(claim.id, Verdict::Mismatch(MismatchKind::Work));
			let count = members(claim.id, tranche).len() as u16;
			last(claim.id);
			(0..count).for_each(|member| commit(claim.id, tranche, member, &said).unwrap());
			last(claim.id);
			(0..count).for_each(|member| reveal(claim.id, tranche, member, &said).unwrap());
			skip(1);
			if tranche == 0 {
				to_dispute(claim.id);
			}
		}
		let limit = 10 + parameters.longest_claim_life(&Timing::development());
		while Lottery::challenge(claim.id).is_some() {
			skip(1);
			assert!(System::block_number() <= limit);
		}
		// And no sooner: each phase used all of its blocks but the last, in which the answers came.
		let phases = [
			5 * Timing::development().beacon_window,
			parameters.reveal_window - 1,
			parameters.commit_base + work - 1,
			parameters.verdict_reveal - 1,
			parameters.dispute_commit_base + work - 1,
			parameters.dispute_reveal - 1,
			parameters.slash_deferral,
		];
		let (life, least) = (System::block_number() - 10, phases.iter().sum::<u32>());
		assert!(life >= least, "{life} < {least}");
		// The rest is the wait for the dispute, and the blocks in which votes are counted.
		assert!(life <= least + 8, "{life} > {least}");
		assert_eq!(terms().leaves_of(16), 64);
	});
}

/// The most tranches, each with a silent member, and every answer in the last block of its phase.
/// Between the ballots are the blocks that give the next one its seed.
#[test]
fn claim_of_most_tranches_should_be_decided_as_late_as_the_parameters_say_and_no_later() {
	build_and_execute(|| {
		let most = 8;
		Parameters::mutate(|parameters| {
			(parameters.tranches, parameters.committee_size) = (most, 2);
			parameters.missed_grace = 1;
		});
		seat(&[100; 17]);
		run_to(10);
		SEEDLESS.put((0..100).collect());
		let claim = claim(64);
		run_to(59);
		SEEDLESS.put(vec![]);
		run_to(60 + 19);
		for index in drawn(&claim) {
			reveal_leaf(&claim, index).unwrap();
		}
		let parameters = Parameters::get();
		let work = parameters.work_blocks(challenge(claim.id).sampled_work);
		let last = || run_to(challenge(claim.id).due - 1);
		let tranches = 0..most as u8;
		for tranche in tranches.chain([DISPUTE]) {
			assert_eq!(Ballots::<Test>::get(claim.id).map(|ballot| ballot.tranche), Some(tranche));
			let said = opening(claim.id, Verdict::Valid);
			let count = members(claim.id, tranche).len() as u16;
			last();
			(1..count).for_each(|member| commit(claim.id, tranche, member, &said).unwrap());
			skip(1);
			last();
			(1..count).for_each(|member| reveal(claim.id, tranche, member, &said).unwrap());
			skip(1);
			if tranche != DISPUTE {
				run_to(challenge(claim.id).due);
			}
		}
		assert!(matches!(challenge(claim.id).stage, Stage::Decided(_)));
		let ballots = most + 1;
		// Compared with the worst case, this lacks two windows of other work, crowded blocks in the
		// leaves' reveal and each ballot, the opening of variants, and the most sampled work. Its
		// leaves came a block before they were too late.
		let unused = 2 * Timing::development().beacon_window
			+ (1 + ballots + 2) * parameters.reveal_window
			+ ballots * (parameters.max_work_blocks - work)
			+ 1;
		let longest = parameters.longest_judgement(&Timing::development());
		assert_eq!(System::block_number() - 10, longest - unused);
	});
}

/// Everything that can make a claim last, at once: no seed for as long as possible, no room for
/// owed calls in any block, judges that owe as much elsewhere as a claim waits for, more work than
/// a phase waits for, the most tranches, each with a member that is silent and one that withholds
/// its verdicts, variants to be opened, and every answer in the last block in which it is accepted.
/// The claim is decided in the last block that the parameters allow, and the test fails with one
/// more block in any phase.
#[test]
fn slowest_claim_should_be_decided_in_the_last_block_that_the_parameters_allow() {
	build_and_execute(|| {
		let most = 8;
		Parameters::mutate(|parameters| {
			(parameters.tranches, parameters.committee_size) = (most, 2);
			parameters.verify_rate = 50_000_000;
			// So few that none is due; they must still be opened.
			parameters.variant_rate = Perbill::from_parts(1);
		});
		let (parameters, timing) = (Parameters::get(), Timing::development());
		seat(&[100; 17]);
		let made = timing.beacon_window;
		run_to(made);
		SEEDLESS.put((0..100).collect());
		let heavy = || {
			let leaves = (0..64).map(|i| leaf(i, LARGEST_LEAF)).collect();
			let (claim, taken) = try_claim(leaves);
			taken.unwrap();
			claim
		};
		let claim = heavy();
		let others: Vec<_> = (0..24).map(|_| heavy()).collect();
		run_to(made + 5 * timing.beacon_window - 1);
		SEEDLESS.put(vec![]);
		let next = || {
			crowd();
			skip(1);
		};
		let to_last = || {
			while Lottery::challenge(claim.id).unwrap().deadline > System::block_number() + 1 {
				next();
			}
		};
		next();
		to_last();
		// The others' ballots open first, so that this one's judges have that much to do before.
		for claim in others.iter().chain([&claim]) {
			for index in drawn(claim) {
				reveal_leaf(claim, index).unwrap();
			}
		}
		let work = challenge(claim.id).sampled_work;
		assert_eq!(parameters.work_blocks(work), parameters.max_work_blocks);
		let first = Ballots::<Test>::get(claim.id).unwrap();
		let waits = parameters.max_work_blocks + 2 * timing.beacon_window;
		assert_eq!(first.deadline - first.opened, parameters.commit_base + waits);
		// They are judged at once, and end because their variants are not opened.
		for other in &others {
			let said = opening(other.id, Verdict::Valid);
			(0..2).for_each(|member| commit(other.id, 0, member, &said).unwrap());
			(0..2).for_each(|member| reveal(other.id, 0, member, &said).unwrap());
		}
		for tranche in (0..most as u8).chain([DISPUTE]) {
			assert_eq!(Ballots::<Test>::get(claim.id).map(|ballot| ballot.tranche), Some(tranche));
			let said = opening(claim.id, Verdict::Valid);
			let count = members(claim.id, tranche).len() as u16;
			to_last();
			(1..count).for_each(|member| commit(claim.id, tranche, member, &said).unwrap());
			next();
			to_last();
			if tranche == DISPUTE {
				(1..count).for_each(|member| reveal(claim.id, tranche, member, &said).unwrap());
			}
			next();
			if tranche == 0 {
				to_last();
				open(&claim).unwrap();
				next();
			}
			while tranche != DISPUTE && Ballots::<Test>::get(claim.id).is_none() {
				next();
			}
		}
		assert!(matches!(challenge(claim.id).stage, Stage::Decided(_)));
		let decided = System::block_number();
		// Its leaves came in the block before they were too late, and its judges began in that.
		let judgement = parameters.longest_judgement(&timing);
		assert_eq!(decided - made, judgement - 1);

		let judges = Judges::<Test>::get(claim.id).unwrap().len() as u32;
		assert_eq!(judges, 17);
		while Lottery::challenge(claim.id).is_some() {
			next();
		}
		let outcome = parameters.slashing_period.max(parameters.slash_deferral);
		let steps = judges.div_ceil(PENALTIES_PER_STEP);
		assert_eq!(System::block_number() - decided, outcome + steps - 1);
		// The most judges are dismissed and paid in the blocks reserved for that.
		let kept = parameters.longest_claim_life(&timing) - judgement - outcome;
		let steps =
			MAX_VALIDATORS.div_ceil(PENALTIES_PER_STEP) + MAX_VALIDATORS.div_ceil(REWARDS_PER_STEP);
		// The first judges are paid in the step that dismisses the last.
		assert!(steps - 2 <= kept, "{steps} steps in {kept} blocks");
	});
}
