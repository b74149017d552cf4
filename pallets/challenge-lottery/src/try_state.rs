//! The invariants of the pallet's storage.

use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::ensure;
use livepeer_primitives::{traits::Claims, verdict::DISPUTE};
use sp_runtime::TryRuntimeError;

use crate::{
	types::{Answer, RoundRecord, Stage},
	Agenda, Ballots, Challenges, Config, Leaves, Members, OfRound, Overdue, Pallet,
	PendingPenalties, Toolchains,
};

impl<T: Config> Pallet<T> {
	/// Checks every invariant.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_challenges()?;
		Self::check_no_orphans()?;
		Self::check_rounds()?;
		let toolchains = Toolchains::<T>::get();
		ensure!(toolchains.is_sorted(), "toolchains are sorted");
		Ok(())
	}

	/// Each challenge has a claim, one entry in the agenda, and what belongs to its stage.
	fn check_challenges() -> Result<(), TryRuntimeError> {
		for (id, challenge) in Challenges::<T>::iter() {
			ensure!(T::Claims::claim(id).is_some(), "a challenge has a claim");
			ensure!(Agenda::<T>::contains_key(challenge.due, id), "a challenge is on the agenda");
			let first = Overdue::<T>::get().unwrap_or(Self::now().saturating_add(1));
			ensure!(challenge.due >= first, "nothing due is left behind");

			let committee = Members::<T>::iter_prefix_values((id, 0)).count();
			let everybody = Members::<T>::iter_prefix_values((id, DISPUTE)).count();
			let leaves = Leaves::<T>::iter_key_prefix(id).count();
			ensure!(
				leaves == Self::revealed_leaves(&challenge).len()
					|| matches!(challenge.stage, Stage::Decided(_)),
				"leaves are those that answer positions"
			);
			let ballot = Ballots::<T>::get(id);
			ensure!(
				ballot.is_some() == (challenge.stage == Stage::Voting),
				"a ballot is open exactly while a challenge is voted on"
			);
			match &challenge.stage {
				Stage::AwaitingSeed => {
					ensure!(challenge.samples.is_empty(), "nothing is drawn before the seed");
					ensure!(committee == 0, "nobody is drawn before the seed");
				}
				Stage::LeafReveal { members, .. } => {
					ensure!(committee == usize::from(*members), "the committee is stored");
				}
				Stage::Voting | Stage::AwaitingDispute => {
					ensure!(committee > 0, "the committee stays until the decision");
					let answered = challenge.samples.iter().all(|sample| sample.leaf.is_some());
					ensure!(answered, "judged are claims whose leaves are revealed");
				}
				Stage::Decided(_) => {
					ensure!(
						committee == 0 && everybody == 0 && leaves == 0,
						"votes and leaves are gone after the decision"
					);
				}
			}
			ensure!(
				!PendingPenalties::<T>::contains_key(id)
					|| matches!(challenge.stage, Stage::Decided(_)),
				"penalties follow from a decision"
			);
			if let Some(ballot) = ballot {
				let members: Vec<_> =
					Members::<T>::iter_prefix_values((id, ballot.tranche)).collect();
				let committed = members.iter().filter(|m| m.answer != Answer::Silent).count();
				let revealed = members
					.iter()
					.filter(|member| matches!(member.answer, Answer::Revealed { .. }))
					.count();
				ensure!(
					members.len() == usize::from(ballot.members)
						&& committed == usize::from(ballot.committed)
						&& revealed == usize::from(ballot.revealed),
					"a ballot counts its members' answers"
				);
			}
		}
		Ok(())
	}

	/// Nothing is stored for a challenge that is closed.
	fn check_no_orphans() -> Result<(), TryRuntimeError> {
		for (due, id) in Agenda::<T>::iter_keys() {
			let is_due = Challenges::<T>::get(id).is_some_and(|challenge| challenge.due == due);
			ensure!(is_due, "an agenda entry has a challenge");
		}
		let ids = Ballots::<T>::iter_keys()
			.chain(Members::<T>::iter_keys().map(|(id, _, _)| id))
			.chain(Leaves::<T>::iter_keys().map(|(id, _)| id))
			.chain(PendingPenalties::<T>::iter_keys());
		for id in ids {
			ensure!(Challenges::<T>::contains_key(id), "what is stored belongs to a challenge");
		}
		Ok(())
	}

	/// The rounds' records count the open challenges.
	fn check_rounds() -> Result<(), TryRuntimeError> {
		let mut open = BTreeMap::new();
		for challenge in Challenges::<T>::iter_values() {
			let count: &mut u32 = open.entry((challenge.transcoder, challenge.round)).or_default();
			*count = count.saturating_add(1);
		}
		let records: Vec<_> = OfRound::<T>::iter().collect();
		ensure!(records.len() == open.len(), "each round with open challenges has one record");
		for (transcoder, round, RoundRecord { open: counted, .. }) in records {
			ensure!(
				open.get(&(transcoder, round)) == Some(&counted),
				"a round counts its challenges"
			);
		}
		Ok(())
	}
}
