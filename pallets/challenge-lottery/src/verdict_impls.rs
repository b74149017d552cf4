//! Ballots: commit and reveal by verifier keys, and the decisions on them.

use alloc::{collections::BTreeMap, vec, vec::Vec};
use frame_support::{
	dispatch::DispatchClass,
	ensure,
	traits::Get,
	weights::{Weight, WeightToFee as _},
};
use livepeer_primitives::{
	claim::{ClaimInfo, Outcome},
	draw,
	keys::VerifierSignature,
	params::LotteryParameters,
	refusal::NOT_YET,
	traits::{Beacon, Claims, JudgesPool, ProtocolClock},
	verdict::{self, Opening, Phase, Tranche, DISPUTE},
	work::fee,
	AccountId, Balance, BlockNumber, ClaimId, Hash,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionValidityError, TransactionValidityWithRefund, ValidTransaction,
};

use crate::{
	decision::{
		decide_dispute, decide_tranche, found, is_starved, most_passed, DisputeDecision, LeafMask,
		Ruling, Said, TrancheDecision, Vote,
	},
	outcome_impls::Verdict,
	types::{
		Answer, Ballot, Challenge, Conduct, Member, Penalty, Stage, Worked, DISPUTE_DELAY,
		MAX_COMMITTEE,
	},
	Ballots, Challenges, Config, Crowded, Event, Judges, Members, Pallet, WeightInfo,
};

/// Blocks of the commit phase of `tranche`, without those for the sampled work.
fn commit_base(parameters: &LotteryParameters, tranche: Tranche) -> BlockNumber {
	if tranche == DISPUTE {
		parameters.dispute_commit_base
	} else {
		parameters.commit_base
	}
}

/// Blocks of the reveal phase of `tranche`.
fn reveal_length(parameters: &LotteryParameters, tranche: Tranche) -> BlockNumber {
	if tranche == DISPUTE {
		parameters.dispute_reveal
	} else {
		parameters.verdict_reveal
	}
}

/// A member's vote, as the table reads it.
fn vote(member: &Member) -> Vote<'_> {
	let said = match &member.answer {
		Answer::Silent => Said::Nothing,
		Answer::Committed { .. } => Said::Committed,
		Answer::Revealed { verdicts, evidence } => Said::Revealed(&verdicts[..], *evidence),
	};
	Vote { stake: member.stake, said, asked: member.asked }
}

impl<T: Config> Pallet<T> {
	/// Starts the commit phase of `tranche`. `entropy` becomes the seed of its evidence.
	pub(crate) fn open_ballot(
		id: ClaimId,
		mut challenge: Challenge,
		info: &ClaimInfo,
		tranche: Tranche,
		entropy: Hash,
		members: u16,
	) {
		let opened = Self::now();
		let work_blocks = Self::enqueue(id, &mut challenge, tranche);
		let parameters = &challenge.parameters;
		let deadline =
			opened.saturating_add(commit_base(parameters, tranche)).saturating_add(work_blocks);
		let awaits_opening = Self::awaits_opening(&challenge);
		let ballot = Ballot {
			tranche,
			seed: draw::tranche_seed(entropy, id, tranche),
			judged: Self::judged(id, &challenge, info),
			phase: Phase::Commit,
			opened,
			deadline,
			crowded: Crowded::<T>::get(),
			spare: parameters.reveal_window,
			reveal_blocks: reveal_length(parameters, tranche),
			opening_blocks: if awaits_opening { parameters.reveal_window } else { 0 },
			awaits_opening,
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

	/// The open ballot of a claim, as of this block.
	pub(crate) fn ballot(id: ClaimId) -> Option<Ballot> {
		Ballots::<T>::get(id).map(|ballot| ballot.at(Self::now(), Crowded::<T>::get()))
	}

	/// Emits an event for the running phase, if `stored` did not know it yet.
	pub(crate) fn announce_phase(id: ClaimId, stored: &Ballot, ballot: &Ballot) {
		if stored.phase == ballot.phase {
			return;
		}
		let (claim, tranche, until) = (id, ballot.tranche, ballot.deadline);
		match ballot.phase {
			Phase::Reveal => {
				Self::deposit_event(Event::VerdictRevealStarted { claim, tranche, until })
			}
			Phase::Open => Self::deposit_event(Event::OpeningStarted { claim, until }),
			Phase::Commit | Phase::Ask => (),
		}
	}

	/// Stores a ballot in a phase that has begun or was extended, and schedules its end.
	pub(crate) fn note_phase(
		id: ClaimId,
		mut challenge: Challenge,
		stored: &Ballot,
		mut ballot: Ballot,
	) {
		// Crowded blocks before an opening extend it only if the opening is noted late.
		if ballot.phase == Phase::Open && ballot.opened == Self::now() {
			ballot.crowded = Crowded::<T>::get();
		}
		Self::announce_phase(id, stored, &ballot);
		Self::enter(id, &mut challenge, ballot.deadline);
		Ballots::<T>::insert(id, ballot);
		Challenges::<T>::insert(id, challenge);
	}

	/// What a member owes in `phase`: the cheap checks of its calls. `NOT_YET` means that ballot or
	/// phase may still be to come, `Stale` that it is over or answered. Who has not committed when
	/// the reveals begin can no longer do so, so its reveal stays wrong.
	fn duty(
		id: ClaimId,
		tranche: Tranche,
		member: u16,
		phase: Phase,
	) -> Result<(Ballot, Member), TransactionValidityError> {
		let ballot = Self::ballot(id).ok_or_else(|| Self::no_ballot(id, tranche))?;
		ensure!(tranche <= ballot.tranche, NOT_YET);
		ensure!(tranche == ballot.tranche, InvalidTransaction::Stale);
		match (ballot.phase, phase) {
			(Phase::Commit, Phase::Reveal) => return Err(NOT_YET.into()),
			(Phase::Reveal, Phase::Commit | Phase::Ask) | (Phase::Open, _) => {
				return Err(InvalidTransaction::Stale.into())
			}
			_ => (),
		}
		ensure!(Self::now() < ballot.deadline, InvalidTransaction::Stale);
		let member =
			Members::<T>::get((id, tranche, member)).ok_or(InvalidTransaction::BadSigner)?;
		match (&member.answer, phase) {
			(Answer::Silent, Phase::Commit) | (Answer::Committed { .. }, Phase::Reveal) => {
				Ok((ballot, member))
			}
			(Answer::Silent, Phase::Ask) if !member.asked => Ok((ballot, member)),
			(Answer::Silent, Phase::Reveal) => Err(InvalidTransaction::BadProof.into()),
			_ => Err(InvalidTransaction::Stale.into()),
		}
	}

	/// The refusal of a call for a ballot of `tranche` while the claim has no ballot.
	fn no_ballot(id: ClaimId, tranche: Tranche) -> TransactionValidityError {
		let next = match Challenges::<T>::get(id).map(|challenge| challenge.stage) {
			Some(Stage::AwaitingTranche(next)) => next,
			Some(Stage::AwaitingDispute) => DISPUTE,
			Some(Stage::Decided(_)) => return InvalidTransaction::Stale.into(),
			// A claim that is not known may still be made.
			Some(Stage::AwaitingSeed | Stage::LeafReveal { .. } | Stage::Voting) | None => 0,
		};
		if tranche < next {
			InvalidTransaction::Stale.into()
		} else {
			NOT_YET.into()
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

	/// The duty of a member that asks for bytes. It asks once, in the first half of the commit
	/// phase, so that there is still time to send them.
	fn asks(
		id: ClaimId,
		tranche: Tranche,
		member: u16,
	) -> Result<(Ballot, Member), TransactionValidityError> {
		let (ballot, member) = Self::duty(id, tranche, member, Phase::Ask)?;
		ensure!(Self::now() < ballot.asking_until(), InvalidTransaction::Stale);
		Ok((ballot, member))
	}

	/// The payload of a request for bytes.
	pub(crate) fn ask_payload(id: ClaimId, tranche: Tranche, seed: Hash, member: u16) -> Hash {
		let genesis = Self::genesis_hash();
		verdict::duty_payload(genesis, id, tranche, seed, member, Phase::Ask, &())
	}

	/// Decides whether a request for bytes may enter a block.
	pub(crate) fn validate_ask_data(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		signature: &VerifierSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let (ballot, member) = Self::asks(id, tranche, index)?;
		let payload = Self::ask_payload(id, tranche, ballot.seed, index);
		ensure!(member.key.verify(&payload, signature), InvalidTransaction::BadProof);
		Self::authorized(id, tranche, index, Phase::Ask, &ballot)
	}

	/// Records that a member asks for bytes.
	pub(crate) fn do_ask_data(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
	) -> Result<(), TransactionValidityError> {
		let (_, mut member) = Self::asks(id, tranche, index)?;
		member.asked = true;
		let verifier = member.account.clone();
		Members::<T>::insert((id, tranche, index), member);
		Self::deposit_event(Event::DataAsked { claim: id, tranche, verifier });
		Ok(())
	}

	/// The pool's entry: one transaction per claim, ballot, member and phase, until the phase ends.
	/// The seed names the ballot, so that a transaction for a ballot that a reorganisation has
	/// undone does not exclude one for the ballot in its place.
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
	pub(crate) fn validate_commit_verdict(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		commitment: &Hash,
		signature: &VerifierSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let (ballot, member) = Self::duty(id, tranche, index, Phase::Commit)?;
		let payload = Self::commit_payload(id, tranche, ballot.seed, index, commitment);
		ensure!(member.key.verify(&payload, signature), InvalidTransaction::BadProof);
		Self::authorized(id, tranche, index, Phase::Commit, &ballot)
	}

	/// Decides whether a reveal may enter a block.
	pub(crate) fn validate_reveal_verdict(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		opening: &Opening,
		signature: &VerifierSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
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
		let made = verdict::commitment(
			Self::genesis_hash(),
			id,
			ballot.judged,
			ballot.tranche,
			&member.account,
			opening,
		);
		let matches =
			matches!(&member.answer, Answer::Committed { commitment, .. } if *commitment == made);
		ensure!(matches, InvalidTransaction::BadProof);
		Ok(())
	}

	/// Stores a commitment. The last one starts the reveal phase.
	pub(crate) fn do_commit_verdict(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		commitment: Hash,
	) -> Result<(), TransactionValidityError> {
		let (mut ballot, mut member) = Self::duty(id, tranche, index, Phase::Commit)?;
		member.answer = Answer::Committed { commitment, at: Self::height() };
		ballot.committed = ballot.committed.saturating_add(1);
		Self::deposit_event(Event::Committed {
			claim: id,
			tranche,
			verifier: member.account.clone(),
		});
		Self::dequeue(core::iter::once(&member.account));
		Members::<T>::insert((id, tranche, index), member);
		if ballot.committed < ballot.members {
			Ballots::<T>::insert(id, ballot);
			return Ok(());
		}
		let challenge = Challenges::<T>::get(id).ok_or(InvalidTransaction::Stale)?;
		let stored = ballot.clone();
		ballot.start_reveal(Self::now());
		Self::note_phase(id, challenge, &stored, ballot);
		Ok(())
	}

	/// Stores an opening. After the last one the transcoder opens its forced variants, if it still
	/// has to; otherwise the count is put on the agenda of the next block, so that no verifier's
	/// call carries its weight.
	pub(crate) fn do_reveal_verdict(
		id: ClaimId,
		tranche: Tranche,
		index: u16,
		opening: Opening,
	) -> Result<(), TransactionValidityError> {
		let (mut ballot, mut member) = Self::duty(id, tranche, index, Phase::Reveal)?;
		Self::check_opening(id, &ballot, &member, &opening)?;
		if let Some(stored) = Ballots::<T>::get(id) {
			Self::announce_phase(id, &stored, &ballot);
		}
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
		if ballot.revealed < ballot.committed {
			Ballots::<T>::insert(id, ballot);
			return Ok(());
		}
		let mut challenge = Challenges::<T>::get(id).ok_or(InvalidTransaction::Stale)?;
		if ballot.awaits_opening {
			let stored = ballot.clone();
			ballot.start_opening(Self::now());
			Self::note_phase(id, challenge, &stored, ballot);
			return Ok(());
		}
		Ballots::<T>::insert(id, ballot);
		Self::enter(id, &mut challenge, 0);
		Challenges::<T>::insert(id, challenge);
		Ok(())
	}

	/// The members of a tranche in order, with their verdicts read by the leaves on which a variant
	/// is `due`.
	fn members_of(id: ClaimId, tranche: Tranche, due: &[Option<u8>]) -> Vec<Member> {
		let mut members: Vec<_> = Members::<T>::iter_prefix((id, tranche)).collect();
		members.sort_by_key(|(index, _)| *index);
		let read = |(_, mut member): (u16, Member)| {
			if let Answer::Revealed { verdicts, .. } = &mut member.answer {
				for (leaf, said) in verdicts.iter_mut().enumerate() {
					*said = said.read(due.get(leaf).copied().flatten());
				}
			}
			member
		};
		members.into_iter().map(read).collect()
	}

	/// Counts the votes of a closed ballot.
	pub(crate) fn count_votes(id: ClaimId, challenge: Challenge, ballot: Ballot) -> Weight {
		let is_dispute = ballot.tranche == DISPUTE;
		let last = if is_dispute {
			(challenge.parameters.tranches.saturating_sub(1) as Tranche).min(DISPUTE - 1)
		} else {
			ballot.tranche
		};
		let due = Self::variants_due(id, &challenge);
		let tranches: Vec<_> =
			(0..=last).map(|tranche| Self::members_of(id, tranche, &due)).collect();
		let everybody = if is_dispute { Self::members_of(id, DISPUTE, &due) } else { Vec::new() };
		let asked = if is_dispute { Some(&everybody) } else { tranches.last() };
		Self::dequeue_silent(asked.map_or(&[], Vec::as_slice));
		let members = tranches.iter().chain([&everybody]).map(Vec::len).sum::<usize>() as u32;
		let weight = T::WeightInfo::agenda_decide(members);
		let has_revealed = ballot.phase != Phase::Commit;
		let settled = if ballot.awaits_opening && has_revealed {
			// No verdict counts on leaves for which it is unknown what they should be. Judges that
			// did the work are paid, and silent ones pay.
			Self::unopened(id, challenge, &ballot, &tranches, &everybody)
		} else if is_dispute {
			Self::count_dispute(id, challenge, &ballot, &tranches, &everybody)
		} else {
			Self::count_tranche(id, challenge, &ballot, &tranches)
		};
		weight.saturating_add(settled)
	}

	/// Ends a claim whose transcoder did not open its forced variants after this ballot's reveals.
	fn unopened(
		id: ClaimId,
		challenge: Challenge,
		ballot: &Ballot,
		tranches: &[Vec<Member>],
		everybody: &[Member],
	) -> Weight {
		let ruling = |members: &[Member], is_dispute| {
			let votes: Vec<_> = members.iter().map(vote).collect();
			// A verdict on a leaf for which it is unknown what it should be is neither right nor
			// false.
			Ruling {
				good: 0,
				bad: 0,
				..Ruling::of(Outcome::Missed, 0, is_dispute, ballot.leaves.into(), &votes)
			}
		};
		let mut ballots: Vec<_> =
			tranches.iter().map(|members| (ruling(members, false), members.as_slice())).collect();
		ballots.push((ruling(everybody, true), everybody));
		Self::decide(id, challenge, Verdict::of(Outcome::Missed), conducts(&ballots))
	}

	/// Decides by the votes of the newest of a claim's tranches. The first tranche is the
	/// committee.
	fn count_tranche(
		id: ClaimId,
		mut challenge: Challenge,
		ballot: &Ballot,
		tranches: &[Vec<Member>],
	) -> Weight {
		let votes: Vec<Vec<_>> =
			tranches.iter().map(|members| members.iter().map(vote).collect()).collect();
		let Some((newest, earlier)) = votes.split_last() else {
			return Self::void(id, challenge);
		};
		let size = challenge.parameters.committee_size.min(MAX_COMMITTEE) as usize;
		let accused_before = earlier.iter().flatten().any(Vote::accuses);
		let accepts = match decide_tranche(newest, accused_before) {
			TrancheDecision::Void => return Self::void(id, challenge),
			// Fewer members than a tranche were left: a lone lazy member among them would accept
			// anything.
			TrancheDecision::Accepted => newest.len() >= size || most_passed(&votes),
			TrancheDecision::Accused => false,
			TrancheDecision::Undecided => {
				let seated = votes.iter().map(Vec::len).sum();
				let next = ballot.tranche.saturating_add(1);
				if u32::from(next) < challenge.parameters.tranches
					&& Self::is_anybody_left(&challenge, seated)
				{
					Ballots::<T>::remove(id);
					challenge.stage = Stage::AwaitingTranche(next);
					Self::enter(id, &mut challenge, Self::now().saturating_add(DISPUTE_DELAY));
					Self::deposit_event(Event::TrancheUndecided {
						claim: id,
						tranche: ballot.tranche,
						opens_at: challenge.due,
					});
					Challenges::<T>::insert(id, challenge);
					return Weight::zero();
				}
				most_passed(&votes)
			}
		};
		if accepts {
			let ruling = |votes: &Vec<_>| {
				Ruling::of(Outcome::Accepted, 0, false, ballot.leaves.into(), votes)
			};
			let ballots: Vec<_> =
				votes.iter().map(ruling).zip(tranches.iter().map(Vec::as_slice)).collect();
			return Self::decide(id, challenge, Verdict::of(Outcome::Accepted), conducts(&ballots));
		}
		Ballots::<T>::remove(id);
		challenge.stage = Stage::AwaitingDispute;
		Self::enter(id, &mut challenge, Self::now().saturating_add(DISPUTE_DELAY));
		Self::deposit_event(Event::Disputed { claim: id, opens_at: challenge.due });
		Challenges::<T>::insert(id, challenge);
		Weight::zero()
	}

	/// Whether more members of the stored set may judge than are `seated`.
	fn is_anybody_left(challenge: &Challenge, seated: usize) -> bool {
		let seed = T::Beacon::seed(challenge.window.saturating_add(1));
		seed.is_some_and(|seed| {
			let may_judge = |validator: &&_| Self::may_judge(challenge, validator);
			seed.set.members.iter().filter(may_judge).count() > seated
		})
	}

	/// Opens the ballot of the next members of the order. Its evidence has a seed that did not
	/// exist while the previous tranche voted.
	pub(crate) fn open_tranche(id: ClaimId, challenge: Challenge, tranche: Tranche) -> Weight {
		let seed = T::Beacon::seed(challenge.window.saturating_add(1));
		let stored = seed.as_ref().map_or(0, |seed| seed.set.members.len());
		let weight = T::WeightInfo::agenda_open_dispute(stored as u32);
		let (Some(seed), Some(info)) = (seed, T::Claims::claim(id)) else {
			return weight.saturating_add(Self::void(id, challenge));
		};
		let seated = Judges::<T>::get(id).map_or(0, |judges| judges.len());
		let members = Self::in_order(id, &challenge, &seed, seated);
		let members = Self::seat(id, &challenge, tranche, members.into_iter());
		Self::open_ballot(id, challenge, &info, tranche, T::Beacon::accumulator(), members);
		weight
	}

	/// Opens the dispute: every validator of the stored set judges, except the claim's parties and
	/// those that were jailed when the seed's window began. Its evidence has a seed that did not
	/// exist while the tranche voted.
	pub(crate) fn open_dispute(id: ClaimId, challenge: Challenge) -> Weight {
		let stored = T::Beacon::seed(challenge.window.saturating_add(1))
			.map(|seed| seed.set.members)
			.unwrap_or_default();
		let weight = T::WeightInfo::agenda_open_dispute(stored.len() as u32);
		let Some(info) = T::Claims::claim(id) else {
			return weight.saturating_add(Self::void(id, challenge));
		};
		let eligible = stored.iter().filter(|validator| Self::may_judge(&challenge, validator));
		let members = Self::seat(id, &challenge, DISPUTE, eligible);
		if members == 0 {
			return weight.saturating_add(Self::void(id, challenge));
		}
		Self::open_ballot(id, challenge, &info, DISPUTE, T::Beacon::accumulator(), members);
		weight
	}

	/// Decides by the votes of a dispute; returns the weight of a settlement at once.
	fn count_dispute(
		id: ClaimId,
		challenge: Challenge,
		ballot: &Ballot,
		tranches: &[Vec<Member>],
		everybody: &[Member],
	) -> Weight {
		let leaves = usize::from(ballot.leaves);
		let votes: Vec<_> = everybody.iter().map(vote).collect();
		let decision = decide_dispute(leaves, &votes);
		let (outcome, failing) = (decision.outcome(), decision.failing());
		let about_input = matches!(decision, DisputeDecision::Failed { about_input: true, .. });
		let is_starved = outcome == Outcome::Void && is_starved(leaves, &votes);
		let finders = if about_input {
			Vec::new()
		} else {
			finders(tranches, failing, &challenge.transcoder)
		};
		let in_dispute = Ruling::of(outcome, failing, true, leaves, &votes);
		let mut ballots = vec![(in_dispute, everybody)];
		let mut late = (0u16, 0u16);
		for members in tranches {
			let early: Vec<_> = members.iter().map(vote).collect();
			// Otherwise two thirds that encoded nothing could agree on evidence by which the judges
			// that encoded are punished.
			let encoded: Vec<_> =
				early.iter().copied().filter(|vote| !in_dispute.misses_variant(vote)).collect();
			let right = Ruling::of(outcome, failing, false, leaves, &encoded).right;
			// The whole set knows better than a few members what is true of a leaf, and whether it
			// can be judged in time.
			let ruling = Ruling {
				right,
				excused: in_dispute.excused,
				good: in_dispute.good,
				bad: in_dispute.bad,
				is_escalated: true,
				..Ruling::of(outcome, failing, false, leaves, &early)
			};
			for vote in &early {
				match ruling.conduct(vote) {
					Conduct::Owes(Penalty::LateData | Penalty::LateDataAlone) => {
						late.0 = late.0.saturating_add(1)
					}
					Conduct::Owes(Penalty::LateDataAsked) => late.1 = late.1.saturating_add(1),
					_ => (),
				}
			}
			ballots.push((ruling, members.as_slice()));
		}
		let conducts = conducts(&ballots);
		let dispute_cost = Self::dispute_cost(&challenge, ballot);
		let late_halved = late.1;
		let late = late.0.saturating_add(late.1);
		let verdict =
			Verdict { outcome, about_input, is_starved, dispute_cost, late, late_halved, finders };
		Self::decide(id, challenge, verdict, conducts)
	}

	/// The cost of a dispute, in ETH: the work of the judges that revealed, and at least the price
	/// of its weight, which is there however little is judged.
	fn dispute_cost(challenge: &Challenge, ballot: &Ballot) -> Balance {
		let work = challenge.sampled_work.saturating_mul(ballot.revealed.into());
		let weighs = T::WeightPrice::weight_to_fee(&Self::dispute_weight(ballot));
		fee(work, challenge.parameters.verify_price).max(T::Pool::in_eth(weighs))
	}

	/// The weight that a dispute causes on the chain: its opening, its members' calls, the count,
	/// and dismissing and paying them.
	fn dispute_weight(ballot: &Ballot) -> Weight {
		let base = T::BlockWeights::get().get(DispatchClass::Operational).base_extrinsic;
		let said = |call: Weight, authorize: Weight, members: u16| {
			let each = base.saturating_add(call).saturating_add(authorize);
			each.saturating_mul(members.into())
		};
		let (commit, authorize_commit) =
			(T::WeightInfo::commit_verdict(), T::WeightInfo::authorize_commit_verdict());
		let (reveal, authorize_reveal) =
			(T::WeightInfo::reveal_verdict(), T::WeightInfo::authorize_reveal_verdict());
		let members = u32::from(ballot.members);
		T::WeightInfo::agenda_open_dispute(members)
			.saturating_add(said(commit, authorize_commit, ballot.committed))
			.saturating_add(said(reveal, authorize_reveal, ballot.revealed))
			.saturating_add(T::WeightInfo::agenda_decide(members))
			.saturating_add(T::WeightInfo::agenda_dismiss(members))
			.saturating_add(T::WeightInfo::agenda_reward(members))
	}
}

/// The conduct and the work of the members of these ballots. A member of several ballots is held to
/// the worst conduct.
fn conducts(ballots: &[(Ruling, &[Member])]) -> BTreeMap<AccountId, (Conduct, Worked)> {
	let mut all = BTreeMap::new();
	for (ruling, members) in ballots {
		for member in *members {
			let vote = vote(member);
			// A member that had more to do than it could owed no answer in this ballot.
			let conduct = match ruling.conduct(&vote) {
				Conduct::Owes(Penalty::NoShow | Penalty::Lacked) if member.overloaded => {
					Conduct::Unasked
				}
				conduct => conduct,
			};
			let (worst, worked) =
				all.entry(member.account.clone()).or_insert((conduct, Worked::default()));
			*worst = conduct.max(*worst);
			worked.is_no_show |= conduct == Conduct::Owes(Penalty::NoShow);
			let did_it = conduct == Conduct::Answered && ruling.shows_work(&vote);
			if ruling.is_dispute {
				worked.in_dispute |= did_it;
			} else {
				worked.in_tranche |= did_it;
			}
		}
	}
	all
}

/// The members of the tranches that named a fault on one of the `failing` leaves; never the
/// offender itself.
fn finders(tranches: &[Vec<Member>], failing: LeafMask, offender: &AccountId) -> Vec<AccountId> {
	tranches
		.iter()
		.flatten()
		.filter(|member| found(&vote(member), failing) && member.account != *offender)
		.map(|member| member.account.clone())
		.collect()
}
