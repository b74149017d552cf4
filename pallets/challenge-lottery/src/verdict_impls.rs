//! Ballots: commit and reveal by verifier keys, and what they add up to.

use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{ensure, traits::Get, weights::Weight};
use livepeer_primitives::{
	api::Outcome,
	draw,
	keys::VerifierSignature,
	params::LotteryParameters,
	traits::{Beacon, TranscoderDirectory},
	verdict::{self, Opening, Phase, Tranche, Verdict, DISPUTE},
	AccountId, BlockNumber, ClaimId, Hash,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionValidityWithRefund, ValidTransaction,
};

use crate::{
	decision::{
		decide_dispute, decide_tranche, dispute_penalty, right_evidence, tranche_penalty,
		DisputeDecision, TrancheDecision, Vote,
	},
	types::{Answer, Ballot, Challenge, Member, Penalty, Stage, DISPUTE_DELAY},
	Ballots, Challenges, Config, Event, Members, Pallet, WeightInfo,
};

/// Blocks of the reveal phase of `tranche`.
fn reveal_length(parameters: &LotteryParameters, tranche: Tranche) -> BlockNumber {
	if tranche == DISPUTE {
		parameters.dispute_reveal
	} else {
		parameters.verdict_reveal
	}
}

/// How the table reads a member.
fn vote(member: &Member) -> Vote<'_> {
	let revealed = match &member.answer {
		Answer::Revealed { verdicts, evidence } => Some((&verdicts[..], *evidence)),
		_ => None,
	};
	Vote { stake: member.stake, revealed }
}

impl<T: Config> Pallet<T> {
	/// Starts the commit phase of `tranche`: `base` blocks and those for the sampled work.
	/// `entropy` becomes the seed of its evidence.
	pub(crate) fn open_ballot(
		id: ClaimId,
		mut challenge: Challenge,
		tranche: Tranche,
		entropy: Hash,
		members: u16,
		base: BlockNumber,
	) {
		let opened = Self::now();
		let deadline = opened
			.saturating_add(base)
			.saturating_add(challenge.parameters.work_blocks(challenge.sampled_work));
		let ballot = Ballot {
			tranche,
			seed: draw::tranche_seed(entropy, id, tranche),
			phase: Phase::Commit,
			opened,
			deadline,
			leaves: Self::revealed_leaves(&challenge).len() as u8,
			members,
			committed: 0,
			revealed: 0,
		};
		Self::deposit_event(Event::CommitStarted { claim: id, tranche, until: deadline });
		Ballots::<T>::insert(id, ballot);
		challenge.stage = Stage::Voting;
		Self::enter(id, &mut challenge, deadline);
		Challenges::<T>::insert(id, challenge);
	}

	/// Starts the reveal phase of a ballot in which somebody committed.
	pub(crate) fn open_reveal(id: ClaimId, mut challenge: Challenge, mut ballot: Ballot) {
		ballot.phase = Phase::Reveal;
		ballot.opened = Self::now();
		let length = reveal_length(&challenge.parameters, ballot.tranche);
		ballot.deadline = ballot.opened.saturating_add(length);
		Self::deposit_event(Event::VerdictRevealStarted {
			claim: id,
			tranche: ballot.tranche,
			until: ballot.deadline,
		});
		Self::enter(id, &mut challenge, ballot.deadline);
		Ballots::<T>::insert(id, ballot);
		Challenges::<T>::insert(id, challenge);
	}

	/// What a member owes in `phase`: the cheap half of what is asked of its calls. `Future` says
	/// that the phase is still to come, `Stale` that it is over or answered.
	fn duty(
		id: ClaimId,
		tranche: Tranche,
		member: u16,
		phase: Phase,
	) -> Result<(Ballot, Member), InvalidTransaction> {
		let ballot = Ballots::<T>::get(id).ok_or(InvalidTransaction::Stale)?;
		ensure!(ballot.tranche == tranche, InvalidTransaction::Stale);
		match (ballot.phase, phase) {
			(Phase::Commit, Phase::Reveal) => return Err(InvalidTransaction::Future),
			(Phase::Reveal, Phase::Commit) => return Err(InvalidTransaction::Stale),
			_ => (),
		}
		ensure!(Self::now() < ballot.deadline, InvalidTransaction::Stale);
		let member =
			Members::<T>::get((id, tranche, member)).ok_or(InvalidTransaction::BadSigner)?;
		match (&member.answer, phase) {
			(Answer::Silent, Phase::Commit) | (Answer::Committed { .. }, Phase::Reveal) => {
				Ok((ballot, member))
			}
			(Answer::Silent, Phase::Reveal) => Err(InvalidTransaction::BadProof),
			_ => Err(InvalidTransaction::Stale),
		}
	}

	/// The payload of a commit.
	pub(crate) fn commit_payload(
		id: ClaimId,
		tranche: Tranche,
		seed: Hash,
		member: u16,
		commitment: &Hash,
	) -> Hash {
		let genesis = Self::genesis_hash();
		verdict::duty_payload(genesis, id, tranche, seed, member, Phase::Commit, commitment)
	}

	/// The payload of a reveal.
	pub(crate) fn reveal_payload(
		id: ClaimId,
		tranche: Tranche,
		seed: Hash,
		member: u16,
		opening: &Opening,
	) -> Hash {
		let genesis = Self::genesis_hash();
		verdict::duty_payload(genesis, id, tranche, seed, member, Phase::Reveal, opening)
	}

	/// What the pool may keep: one transaction per claim, ballot, member and phase, until the phase
	/// ends. The seed names the ballot, so that what was for one that a reorganisation has undone
	/// keeps nothing out that is for the one in its place.
	fn authorized(
		id: ClaimId,
		tranche: Tranche,
		member: u16,
		phase: Phase,
		ballot: &Ballot,
	) -> TransactionValidityWithRefund {
		let left = ballot.deadline.saturating_sub(Self::now()).max(1);
		ValidTransaction::with_tag_prefix("LivepeerLottery")
			.priority(T::DutyPriority::get())
			.and_provides((id, tranche, ballot.seed, member, phase))
			.longevity(left.into())
			.propagate(true)
			.build()
			.map(|valid| (valid, Weight::zero()))
	}

	/// Decides whether a commit may enter a block.
	pub(crate) fn check_commit(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		commitment: &Hash,
		signature: &VerifierSignature,
	) -> TransactionValidityWithRefund {
		let (ballot, member) = Self::duty(id, tranche, index, Phase::Commit)?;
		let payload = Self::commit_payload(id, tranche, ballot.seed, index, commitment);
		ensure!(member.key.verify(&payload, signature), InvalidTransaction::BadProof);
		Self::authorized(id, tranche, index, Phase::Commit, &ballot)
	}

	/// Decides whether a reveal may enter a block.
	pub(crate) fn check_reveal(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		opening: &Opening,
		signature: &VerifierSignature,
	) -> TransactionValidityWithRefund {
		let (ballot, member) = Self::duty(id, tranche, index, Phase::Reveal)?;
		Self::check_opening(id, &ballot, &member, opening)?;
		let payload = Self::reveal_payload(id, tranche, ballot.seed, index, opening);
		ensure!(member.key.verify(&payload, signature), InvalidTransaction::BadProof);
		Self::authorized(id, tranche, index, Phase::Reveal, &ballot)
	}

	/// Whether an opening is the one that the member committed to, with a verdict for each leaf.
	fn check_opening(
		id: ClaimId,
		ballot: &Ballot,
		member: &Member,
		opening: &Opening,
	) -> Result<(), InvalidTransaction> {
		ensure!(opening.verdicts.len() == usize::from(ballot.leaves), InvalidTransaction::BadProof);
		let made =
			verdict::commitment(Self::genesis_hash(), id, ballot.tranche, &member.account, opening);
		let matches =
			matches!(&member.answer, Answer::Committed { commitment, .. } if *commitment == made);
		ensure!(matches, InvalidTransaction::BadProof);
		Ok(())
	}

	/// Stores a commitment; the last one starts the reveal phase.
	pub(crate) fn do_commit(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		commitment: Hash,
	) -> Result<(), InvalidTransaction> {
		let (mut ballot, mut member) = Self::duty(id, tranche, index, Phase::Commit)?;
		member.answer = Answer::Committed { commitment, at: Self::height() };
		ballot.committed = ballot.committed.saturating_add(1);
		Self::deposit_event(Event::Committed {
			claim: id,
			tranche,
			verifier: member.account.clone(),
		});
		Members::<T>::insert((id, tranche, index), member);
		if ballot.committed < ballot.members {
			Ballots::<T>::insert(id, ballot);
			return Ok(());
		}
		let challenge = Challenges::<T>::get(id).ok_or(InvalidTransaction::Stale)?;
		Self::open_reveal(id, challenge, ballot);
		Ok(())
	}

	/// Stores an opening. The last one puts the count on the agenda of the next block, so that no
	/// verifier's call carries it.
	pub(crate) fn do_reveal(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		opening: Opening,
	) -> Result<(), InvalidTransaction> {
		let (mut ballot, mut member) = Self::duty(id, tranche, index, Phase::Reveal)?;
		Self::check_opening(id, &ballot, &member, &opening)?;
		let Opening { verdicts, evidence, .. } = opening;
		ballot.revealed = ballot.revealed.saturating_add(1);
		Self::deposit_event(Event::VerdictRevealed {
			claim: id,
			tranche,
			verifier: member.account.clone(),
			verdicts: verdicts.to_vec(),
			evidence,
		});
		member.answer = Answer::Revealed { verdicts, evidence };
		Members::<T>::insert((id, tranche, index), member);
		let all_answered = ballot.revealed >= ballot.committed;
		Ballots::<T>::insert(id, ballot);
		if all_answered {
			let mut challenge = Challenges::<T>::get(id).ok_or(InvalidTransaction::Stale)?;
			Self::enter(id, &mut challenge, 0);
			Challenges::<T>::insert(id, challenge);
		}
		Ok(())
	}

	/// The members of a tranche in order.
	fn members_of(id: ClaimId, tranche: Tranche) -> Vec<Member> {
		let mut members: Vec<_> = Members::<T>::iter_prefix((id, tranche)).collect();
		members.sort_by_key(|(index, _)| *index);
		members.into_iter().map(|(_, member)| member).collect()
	}

	/// Counts the votes of a closed ballot.
	pub(crate) fn count_votes(id: ClaimId, challenge: Challenge, ballot: Ballot) -> Weight {
		let committee = Self::members_of(id, 0);
		if ballot.tranche == DISPUTE {
			let everybody = Self::members_of(id, DISPUTE);
			T::WeightInfo::agenda_decide((committee.len() + everybody.len()) as u32)
				.saturating_add(Self::count_dispute(id, challenge, &ballot, &committee, &everybody))
		} else {
			Self::count_tranche(id, challenge, &committee);
			T::WeightInfo::agenda_decide(committee.len() as u32)
		}
	}

	fn count_tranche(id: ClaimId, mut challenge: Challenge, committee: &[Member]) {
		let votes: Vec<_> = committee.iter().map(vote).collect();
		match decide_tranche(&votes) {
			TrancheDecision::Accepted => {
				Self::decide(id, challenge, Outcome::Accepted, Vec::new(), Vec::new());
			}
			TrancheDecision::Dispute => {
				Ballots::<T>::remove(id);
				challenge.stage = Stage::AwaitingDispute;
				Self::enter(id, &mut challenge, Self::now().saturating_add(DISPUTE_DELAY));
				Self::deposit_event(Event::Disputed { claim: id, opens_at: challenge.due });
				Challenges::<T>::insert(id, challenge);
			}
		}
	}

	/// Opens the dispute: every validator of the stored set judges, less the claim's parties and
	/// the jailed. Its evidence has a seed that did not exist while the tranche voted.
	pub(crate) fn open_dispute(id: ClaimId, challenge: Challenge) -> Weight {
		let stored = T::Beacon::seed(challenge.window.saturating_add(1))
			.map(|seed| seed.validators)
			.unwrap_or_default();
		let eligible = stored.iter().filter(|validator| {
			validator.account != challenge.transcoder
				&& validator.account != challenge.broadcaster
				&& validator.stake > 0
				&& !T::Directory::is_jailed(&validator.account)
		});
		let members = Self::seat(id, DISPUTE, eligible);
		let weight = T::WeightInfo::agenda_open_dispute(stored.len() as u32);
		if members == 0 {
			return weight.saturating_add(Self::void(id, challenge));
		}
		let base = challenge.parameters.dispute_commit_base;
		Self::open_ballot(id, challenge, DISPUTE, T::Beacon::accumulator(), members, base);
		weight
	}

	/// Decides by the votes of a dispute; returns what a settlement at once weighs.
	fn count_dispute(
		id: ClaimId,
		challenge: Challenge,
		ballot: &Ballot,
		committee: &[Member],
		everybody: &[Member],
	) -> Weight {
		let votes: Vec<_> = everybody.iter().map(vote).collect();
		let decision = decide_dispute(ballot.leaves.into(), &votes);
		let outcome = decision.outcome();
		let finders = match decision {
			DisputeDecision::Failed(leaves) => finders(committee, leaves),
			_ => Vec::new(),
		};
		// Whoever sat in both tranches pays once, for the worse.
		let right = right_evidence(&votes);
		let mut penalties = BTreeMap::<AccountId, Penalty>::new();
		let early =
			committee.iter().map(|member| (member, tranche_penalty(outcome, &vote(member))));
		let late =
			everybody.iter().map(|member| (member, dispute_penalty(outcome, &vote(member), right)));
		for (member, penalty) in early.chain(late) {
			let Some(penalty) = penalty else { continue };
			let worst = penalties.entry(member.account.clone()).or_insert(penalty);
			*worst = penalty.max(*worst);
		}
		Self::decide(id, challenge, outcome, finders, penalties.into_iter().collect())
	}
}

/// Who of the committee named a fault on one of the failing `leaves`.
fn finders(committee: &[Member], leaves: u16) -> Vec<AccountId> {
	let named = |verdicts: &[Verdict]| {
		verdicts
			.iter()
			.enumerate()
			.any(|(leaf, verdict)| leaves >> leaf & 1 == 1 && verdict.is_fault())
	};
	committee
		.iter()
		.filter(|member| vote(member).revealed.is_some_and(|(verdicts, _)| named(verdicts)))
		.map(|member| member.account.clone())
		.collect()
}
