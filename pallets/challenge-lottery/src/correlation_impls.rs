//! Failures with one cause. When the claims of many transcoders fail under one toolchain at about
//! the same time, the cause may be the toolchain and not the transcoders. Then the slashes under it
//! wait longer (`long_deferral`), so that governance has time to investigate and cancel. Nothing
//! else changes: the transcoders stay jailed and liable, and what nobody cancels is executed.

use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::traits::Get;
use livepeer_primitives::{
	traits::{Beacon, Claims},
	AccountId, BlockNumber, ClaimId, ToolchainId,
};
use sp_runtime::{traits::Saturating, Perbill};

use crate::{
	types::{Challenge, Decision, Tally, FEWEST_FAILING, KEPT_TALLIES, MOST_FAILING},
	Config, Event, Pallet, Tallied,
};

/// The least part of the stake that the failing transcoders must have together. Each counts with
/// its part of the stake of the validators stored with its claim's seed.
pub const CORRELATED_STAKE: Perbill = Perbill::from_percent(10);
/// More than this part of all work claimed under the toolchain must fail. Claims count by their
/// work, because any number of small ones costs almost nothing.
pub const CORRELATED_WORK: Perbill = Perbill::from_percent(5);

impl Tally {
	/// Counts a claim over `work` that failed by its transcoder's fault.
	fn fail(&mut self, challenge: &Challenge, work: u64, part: Perbill) {
		self.failed = self.failed.saturating_add(work);
		let who = &challenge.transcoder;
		if let Some((_, most)) = self.transcoders.iter_mut().find(|(known, _)| known == who) {
			*most = part.max(*most);
		} else {
			if self.transcoders.len() >= MOST_FAILING as usize {
				self.drop_least(part);
			}
			// It is not added if all others have more.
			let _ = self.transcoders.try_push((who.clone(), part));
		}
		if !self.broadcasters.contains(&challenge.broadcaster) {
			// No more are needed than can be kept.
			let _ = self.broadcasters.try_push(challenge.broadcaster.clone());
		}
	}

	/// Makes room for a transcoder with `part` of the stake, if another has less. Otherwise small
	/// transcoders would keep out those that matter.
	fn drop_least(&mut self, part: Perbill) {
		let least = self.transcoders.iter().enumerate().min_by_key(|(_, (_, part))| *part);
		if let Some((at, _)) = least.filter(|(_, (_, least))| *least < part) {
			self.transcoders.swap_remove(at);
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The stretch of a session's length, from block 0 on, in which `block` lies.
	pub(crate) fn stretch_of(block: BlockNumber) -> BlockNumber {
		block / Self::stretch_length()
	}

	fn stretch_length() -> BlockNumber {
		u32::try_from(T::Timing::get().session_length).unwrap_or(u32::MAX).max(1)
	}

	/// The block in which a failure that is decided at `now` is reviewed: when the next stretch is
	/// over.
	pub(crate) fn review_at(now: BlockNumber) -> BlockNumber {
		Self::stretch_of(now).saturating_add(2).saturating_mul(Self::stretch_length())
	}

	/// Counts a claim under its toolchain that is accepted, or failed by its transcoder's fault.
	pub(crate) fn tally(id: ClaimId, challenge: &Challenge, is_guilty: bool) {
		let Some(claim) = T::Claims::claim(id) else { return };
		let work = claim.commitment.total_work;
		let now = Self::stretch_of(Self::now());
		Tallied::<T>::mutate(claim.toolchain, |tallies| {
			let is_recent = |tally: &Tally| {
				now.checked_sub(tally.stretch).is_some_and(|age| age < KEPT_TALLIES)
			};
			tallies.retain(is_recent);
			if tallies.last().is_none_or(|newest| newest.stretch != now) {
				// There is room, because at most one tally per stretch is left.
				let _ = tallies.try_push(Tally { stretch: now, ..Default::default() });
			}
			if let Some(tally) = tallies.last_mut() {
				tally.decided = tally.decided.saturating_add(work);
				if is_guilty {
					tally.fail(challenge, work, Self::part_of_stake(challenge));
				}
			}
		});
	}

	/// The transcoder's part of the stake of the validators stored with its claim's seed.
	fn part_of_stake(challenge: &Challenge) -> Perbill {
		let seed = T::Beacon::seed(challenge.window.saturating_add(1));
		let members = seed.map(|seed| seed.set.members).unwrap_or_default();
		let (mut own, mut all) = (0u128, 0u128);
		for seat in &members {
			all = all.saturating_add(seat.stake);
			if seat.account == challenge.transcoder {
				own = seat.stake;
			}
		}
		Perbill::from_rational(own, all.max(1))
	}

	/// Whether the failures under a toolchain around block `at`, in its stretch and both
	/// neighbours, concern enough transcoders, enough stake, enough broadcasters and enough of all
	/// claimed work.
	fn are_correlated(toolchain: &ToolchainId, at: BlockNumber) -> bool {
		let stretch = Self::stretch_of(at);
		let tallies = Tallied::<T>::get(toolchain);
		let (mut decided, mut failed) = (0u64, 0u64);
		let mut parts = BTreeMap::<&AccountId, Perbill>::new();
		let mut broadcasters = BTreeSet::<&AccountId>::new();
		for tally in tallies.iter().filter(|tally| tally.stretch.abs_diff(stretch) <= 1) {
			decided = decided.saturating_add(tally.decided);
			failed = failed.saturating_add(tally.failed);
			for (transcoder, part) in &tally.transcoders {
				let most = parts.entry(transcoder).or_default();
				*most = (*most).max(*part);
			}
			broadcasters.extend(&tally.broadcasters);
		}
		let fewest = FEWEST_FAILING as usize;
		let stake = parts.values().fold(Perbill::zero(), |sum, part| sum.saturating_add(*part));
		parts.len() >= fewest
			&& broadcasters.len() >= fewest
			&& stake >= CORRELATED_STAKE
			&& failed > CORRELATED_WORK.mul_floor(decided)
	}

	/// Reviews once whether there were other failures around this one, and if so defers its
	/// execution longer.
	pub(crate) fn review(id: ClaimId, challenge: &Challenge, decision: &mut Decision) {
		decision.is_reviewed = true;
		let parameters = &challenge.parameters;
		let more = parameters.long_deferral.saturating_sub(parameters.slash_deferral);
		let decided_at = decision.execute_at.saturating_sub(parameters.slash_deferral);
		let Some(claim) = T::Claims::claim(id).filter(|_| more > 0) else { return };
		if Self::are_correlated(&claim.toolchain, decided_at) {
			decision.execute_at = decision.execute_at.saturating_add(more);
			Self::deposit_event(Event::DeferralLengthened {
				claim: id,
				toolchain: claim.toolchain,
				execute_at: decision.execute_at,
			});
		}
	}
}
