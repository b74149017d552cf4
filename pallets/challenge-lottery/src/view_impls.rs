//! Reads.

use alloc::{vec, vec::Vec};
use livepeer_primitives::{
	api::{
		BallotView, ChallengeStage, ChallengeView, DrawnLeaf, Duty, DutyView, JudgeAnswer,
		JudgeView, JudgementView,
	},
	claim::ClaimInfo,
	offchain::VerifyLeaf,
	traits::Claims,
	verdict::Phase,
	AccountId, ClaimId,
};

use crate::{
	types::{Answer, Ballot, Challenge, Member, Stage},
	Ballots, Challenges, Config, Crowded, Leaves, Members, Pallet,
};

impl<T: Config> Pallet<T> {
	/// The members of the current ballot that have asked for bytes.
	pub(crate) fn view_asking(id: ClaimId) -> Vec<AccountId> {
		let Some(ballot) = Ballots::<T>::get(id) else { return Vec::new() };
		Members::<T>::iter_prefix_values((id, ballot.tranche))
			.filter(|member| member.asked)
			.map(|member| member.account)
			.collect()
	}

	/// What an account owes now, as transcoder and as judge.
	pub(crate) fn view_duties(account: &AccountId) -> Vec<DutyView> {
		let (now, crowded) = (Self::now(), Crowded::<T>::get());
		let own = Challenges::<T>::iter()
			.filter(|(_, challenge)| challenge.transcoder == *account)
			.flat_map(|(claim, challenge)| Self::duties_of_transcoder(claim, &challenge));
		let judged = Ballots::<T>::iter().flat_map(|(claim, ballot)| {
			let ballot = ballot.at(now, crowded);
			Members::<T>::iter_prefix((claim, ballot.tranche))
				.filter(|(_, member)| member.account == *account)
				.filter_map(|(index, member)| duty_of_member(claim, &ballot, index, &member))
				.collect::<Vec<_>>()
		});
		let mut duties: Vec<_> = own.chain(judged).filter(|duty| now < duty.until).collect();
		duties.sort_by_key(|duty| duty.until);
		duties
	}

	/// What the transcoder of a claim owes.
	fn duties_of_transcoder(claim: ClaimId, challenge: &Challenge) -> Vec<DutyView> {
		match &challenge.stage {
			Stage::LeafReveal { deadline, crowded, .. }
				if challenge.samples.iter().any(|sample| sample.leaf.is_none()) =>
			{
				let until = Self::prolonged(&challenge.parameters, *deadline, *crowded);
				vec![DutyView { duty: Duty::RevealLeaves { claim }, until }]
			}
			Stage::Voting => {
				let Some(ballot) = Self::ballot(claim) else { return Vec::new() };
				let duty = match ballot.phase {
					Phase::Commit if !Self::view_asking(claim).is_empty() => {
						Duty::ServeBytes { claim }
					}
					Phase::Open if ballot.awaits_opening => Duty::OpenVariants { claim },
					_ => return Vec::new(),
				};
				vec![DutyView { duty, until: ballot.deadline }]
			}
			_ => Vec::new(),
		}
	}

	/// The revealed leaves of a claim in ascending order of index.
	pub(crate) fn leaves_in_order(id: ClaimId, info: &ClaimInfo) -> Option<Vec<VerifyLeaf>> {
		let genesis = Self::genesis_hash();
		let mut leaves = Leaves::<T>::iter_prefix(id)
			.map(|(index, leaf)| {
				let place = info.place(genesis, index);
				let seq = place.seq;
				let header = leaf.header_hash(place)?;
				Some(VerifyLeaf { index, seq, header, leaf })
			})
			.collect::<Option<Vec<_>>>()?;
		leaves.sort_by_key(|leaf| leaf.index);
		Some(leaves)
	}

	/// All that the chain holds of a claim that is being judged.
	pub(crate) fn view_judgement(id: ClaimId) -> Option<JudgementView> {
		let challenge = Challenges::<T>::get(id)?;
		let ChallengeView { stage, outcome, .. } = Self::view_challenge(id)?;
		let claim = T::Claims::claim(id)?;
		let due = Self::variants_due(id, &challenge);
		let leaves = Self::leaves_in_order(id, &claim)?;
		let leaves = leaves
			.into_iter()
			.enumerate()
			.map(|(place, leaf)| DrawnLeaf { leaf, variant: due.get(place).copied().flatten() });
		let at_work = Ballots::<T>::get(id);
		let mut members: Vec<_> = Members::<T>::iter_prefix((id,)).collect();
		members.sort_by_key(|((tranche, index), _)| (*tranche, *index));
		let ballots = members.chunk_by(|((one, _), _), ((other, _), _)| one == other);
		let ballots = ballots.filter_map(|members| {
			let ((tranche, _), _) = members.first()?;
			let at_work = at_work.as_ref().filter(|ballot| ballot.tranche == *tranche);
			Some(BallotView {
				tranche: *tranche,
				seed: at_work.map(|ballot| ballot.seed),
				judges: members.iter().map(|(_, member)| view_judge(member)).collect(),
			})
		});
		Some(JudgementView {
			claim,
			stage,
			outcome,
			leaves: leaves.collect(),
			ballots: ballots.collect(),
		})
	}

	/// An open challenge as applications show it.
	pub(crate) fn view_challenge(id: ClaimId) -> Option<ChallengeView> {
		let challenge = Challenges::<T>::get(id)?;
		let ballot = Self::ballot(id);
		let (voting, until) = match &ballot {
			Some(ballot) if ballot.phase != Phase::Commit => {
				(ChallengeStage::VerdictReveal, ballot.deadline)
			}
			Some(ballot) => (ChallengeStage::Commit, ballot.deadline),
			None => (ChallengeStage::Commit, challenge.due),
		};
		let (stage, deadline, outcome) = match &challenge.stage {
			Stage::AwaitingSeed => (ChallengeStage::AwaitingSeed, challenge.due, None),
			Stage::LeafReveal { deadline, crowded, .. } => {
				let until = Self::prolonged(&challenge.parameters, *deadline, *crowded);
				(ChallengeStage::LeafReveal, until, None)
			}
			Stage::Voting => (voting, until, None),
			Stage::AwaitingDispute | Stage::AwaitingTranche(_) => {
				(ChallengeStage::AwaitingDispute, challenge.due, None)
			}
			Stage::Decided(decision) => {
				(ChallengeStage::Decided, decision.execute_at, Some(decision.outcome))
			}
		};
		let tranche = ballot.as_ref().map_or(0, |ballot| ballot.tranche);
		let seed = ballot.as_ref().map(|ballot| ballot.seed);
		let awaits_opening =
			ballot.is_some_and(|ballot| ballot.phase == Phase::Open && ballot.awaits_opening);
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
			awaits_opening,
			outcome,
			seed,
		})
	}
}

/// What a member of a ballot owes.
fn duty_of_member(
	claim: ClaimId,
	ballot: &Ballot,
	index: u16,
	member: &Member,
) -> Option<DutyView> {
	let tranche = ballot.tranche;
	let duty = match (ballot.phase, &member.answer) {
		(Phase::Commit, Answer::Silent) => {
			Duty::Commit { claim, tranche, member: index, is_excused: member.overloaded }
		}
		(Phase::Reveal, Answer::Committed { .. }) => Duty::Reveal { claim, tranche, member: index },
		_ => return None,
	};
	Some(DutyView { duty, until: ballot.deadline })
}

fn view_judge(member: &Member) -> JudgeView {
	JudgeView {
		account: member.account.clone(),
		stake: member.stake,
		answer: match &member.answer {
			Answer::Silent => JudgeAnswer::Silent,
			Answer::Committed { commitment, .. } => {
				JudgeAnswer::Committed { commitment: *commitment }
			}
			Answer::Revealed { verdicts, evidence } => {
				JudgeAnswer::Revealed { verdicts: verdicts.clone(), evidence: *evidence }
			}
		},
	}
}
