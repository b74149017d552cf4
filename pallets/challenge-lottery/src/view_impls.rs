//! Reads.

use alloc::vec::Vec;
use livepeer_primitives::{
	api::{ChallengeStage, ChallengeView},
	verdict::Phase,
	AccountId, ClaimId,
};

use crate::{
	types::{Answer, Stage},
	Ballots, Challenges, Config, Members, Pallet,
};

impl<T: Config> Pallet<T> {
	/// Who of the ballot at work has asked for bytes.
	pub(crate) fn asking_view(id: ClaimId) -> Vec<AccountId> {
		let Some(ballot) = Ballots::<T>::get(id) else { return Vec::new() };
		Members::<T>::iter_prefix_values((id, ballot.tranche))
			.filter(|member| member.asked)
			.map(|member| member.account)
			.collect()
	}

	/// An open challenge as applications show it.
	pub(crate) fn challenge_view(id: ClaimId) -> Option<ChallengeView> {
		let challenge = Challenges::<T>::get(id)?;
		let ballot = Ballots::<T>::get(id).map(|ballot| ballot.at(Self::now()));
		let (voting, until) = match &ballot {
			Some(ballot) if ballot.phase == Phase::Reveal => {
				(ChallengeStage::VerdictReveal, ballot.deadline)
			}
			Some(ballot) => (ChallengeStage::Commit, ballot.deadline),
			None => (ChallengeStage::Commit, challenge.due),
		};
		let (stage, deadline, outcome) = match &challenge.stage {
			Stage::AwaitingSeed => (ChallengeStage::AwaitingSeed, challenge.due, None),
			Stage::LeafReveal { deadline, .. } => (ChallengeStage::LeafReveal, *deadline, None),
			Stage::Voting => (voting, until, None),
			Stage::AwaitingDispute | Stage::AwaitingTranche(_) => {
				(ChallengeStage::AwaitingDispute, challenge.due, None)
			}
			Stage::Decided(decision) => {
				(ChallengeStage::Decided, decision.execute_at, Some(decision.outcome))
			}
		};
		let tranche = ballot.map_or(0, |ballot| ballot.tranche);
		let mut members: Vec<_> = Members::<T>::iter_prefix((id, tranche)).collect();
		members.sort_by_key(|(index, _)| *index);
		Some(ChallengeView {
			claim: id,
			stage,
			deadline,
			tranche,
			positions: challenge.samples.iter().map(|sample| sample.position).collect(),
			answered: challenge.samples.iter().map(|sample| sample.leaf.is_some()).collect(),
			committed: members.iter().map(|(_, m)| m.answer != Answer::Silent).collect(),
			revealed: members
				.iter()
				.map(|(_, m)| matches!(m.answer, Answer::Revealed { .. }))
				.collect(),
			keys: members.iter().map(|(_, member)| member.key.clone()).collect(),
			members: members.into_iter().map(|(_, member)| member.account).collect(),
			outcome,
		})
	}
}
