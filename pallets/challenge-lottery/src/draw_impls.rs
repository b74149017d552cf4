//! From the seed to the revealed leaves.

use alloc::{vec, vec::Vec};
use frame_support::{dispatch::DispatchClass, ensure, traits::Get, weights::Weight};
use livepeer_primitives::{
	claim::ClaimInfo,
	draw,
	keys::{OperatorSignature, Purpose},
	leaf::Leaf,
	params::LotteryParameters,
	refusal::Refusal as _,
	segment::SOURCE_TRACK,
	sum_tree::{self, SumProof},
	traits::{Beacon, Claims, Liability, OperatorKeysOf, ProtocolClock, SeatedValidator, Seed},
	verdict::{judged_digest, Tranche},
	AccountId, BlockNumber, ClaimId, Hash, MAX_SAMPLES,
};
use sp_runtime::{
	transaction_validity::{TransactionValidityWithRefund, ValidTransaction},
	BoundedVec, DispatchError, DispatchResult,
};

use crate::{
	types::{Answer, Challenge, Conduct, Judge, Member, Sample, Stage, Worked, MAX_COMMITTEE},
	Challenges, Config, Crowded, Error, Event, Judges, Leaves, Members, Pallet, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Draws a claim whose seed is available; returns the weight.
	pub(crate) fn do_draw(id: ClaimId) -> Result<Weight, DispatchError> {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		ensure!(challenge.stage == Stage::AwaitingSeed, Error::<T>::AlreadyDrawn);
		let drawn_from = challenge.window.saturating_add(2);
		ensure!(T::Beacon::current_window() >= drawn_from, Error::<T>::TooEarly);
		let seed =
			T::Beacon::seed(challenge.window.saturating_add(1)).ok_or(Error::<T>::SeedNotReady)?;
		let info = T::Claims::claim(id).ok_or(Error::<T>::NoChallenge)?;
		let stored = seed.set.members.len() as u32;
		let seats = challenge.parameters.committee_size.min(MAX_COMMITTEE).min(stored);
		let weight = T::WeightInfo::draw(stored, seats);
		Ok(weight.saturating_add(Self::apply_draw(id, challenge, &info, &seed)))
	}

	/// Draws positions and committee. They are a function of claim and stored seed alone; neither
	/// the block nor any live state matters. Returns the weight of a settlement at once, which is
	/// not part of drawing.
	fn apply_draw(id: ClaimId, mut challenge: Challenge, info: &ClaimInfo, seed: &Seed) -> Weight {
		let parameters = challenge.parameters;
		let commitment = &info.commitment;
		let k = draw::sample_count(
			parameters.verification_rate,
			commitment.leaf_count,
			info.max_samples.min(MAX_SAMPLES),
		);
		let positions = draw::positions(seed.hash, id, commitment.root, commitment.total_work, k);
		challenge.samples =
			BoundedVec::truncate_from(positions.iter().map(|at| Sample::new(*at)).collect());
		challenge.snapshot = seed.set.snapshot;

		let committee = Self::in_order(id, &challenge, seed, 0);
		let accounts = committee.iter().map(|member| member.account.clone()).collect::<Vec<_>>();

		let deadline = Self::now().saturating_add(parameters.reveal_window);
		Self::deposit_event(Event::Drawn {
			claim: id,
			positions,
			committee: accounts.clone(),
			reveal_until: deadline,
		});
		if committee.is_empty() {
			return Self::void(id, challenge);
		}
		let members = Self::seat(id, &challenge, 0, committee.into_iter());
		let crowded = Crowded::<T>::get();
		challenge.stage = Stage::LeafReveal { deadline, seed: seed.hash, members, crowded };
		Self::enter(id, &mut challenge, deadline.saturating_add(parameters.missed_grace));
		Challenges::<T>::insert(id, challenge);
		Weight::zero()
	}

	/// The members of a claim's next tranche, if the first `seated` of the order sit in earlier
	/// ones.
	pub(crate) fn in_order<'a>(
		id: ClaimId,
		challenge: &Challenge,
		seed: &'a Seed,
		seated: usize,
	) -> Vec<&'a SeatedValidator> {
		let stored = &seed.set.members;
		let order = draw::committee_order(
			seed.hash,
			id,
			stored.iter().map(|validator| (&validator.account, validator.stake)),
		);
		// The order is computed before anybody is removed, so that a removal does not move the
		// others.
		let size = challenge.parameters.committee_size.min(MAX_COMMITTEE);
		order
			.into_iter()
			.filter_map(|index| stored.get(index as usize))
			.filter(|validator| Self::may_judge(challenge, validator))
			.skip(seated)
			.take(size as usize)
			.collect()
	}

	/// Whether a validator of the stored set may judge this challenge, in a committee or in the
	/// dispute. Jail is as of the start of the seed's window.
	pub(crate) fn may_judge(challenge: &Challenge, validator: &SeatedValidator) -> bool {
		validator.account != challenge.transcoder
			&& validator.account != challenge.broadcaster
			&& !validator.jailed
			&& validator.stake > 0
	}

	/// Stores the members of a tranche and returns how many there are. A member that was not seated
	/// before becomes liable until the challenge is deleted.
	pub(crate) fn seat<'a>(
		id: ClaimId,
		challenge: &Challenge,
		tranche: Tranche,
		members: impl Iterator<Item = &'a SeatedValidator>,
	) -> u16 {
		let mut judges = Judges::<T>::get(id).unwrap_or_default();
		let seated_before = judges.len();
		let mut count = 0u16;
		for validator in members {
			let account = &validator.account;
			let is_seated =
				judges.iter().take(seated_before).any(|judge| judge.account == *account);
			let judge = Judge {
				account: account.clone(),
				stake: validator.stake,
				conduct: Conduct::Unasked,
				worked: Worked::default(),
			};
			if !is_seated && judges.try_push(judge).is_ok() {
				T::Liability::open(account, challenge.snapshot);
			}
			let member = Member {
				account: account.clone(),
				key: validator.key.clone(),
				stake: validator.stake,
				answer: Answer::Silent,
				asked: false,
				overloaded: false,
			};
			Members::<T>::insert((id, tranche, count), member);
			count = count.saturating_add(1);
		}
		Judges::<T>::insert(id, judges);
		count
	}

	/// Checks a leaf that should answer drawn positions, except for the broadcaster's signature.
	/// Returns the challenge with the positions answered, and those positions. Cheap checks come
	/// first.
	fn check_leaf(
		id: ClaimId,
		index: u32,
		leaf: &Leaf,
		proof: &SumProof,
	) -> Result<(Challenge, ClaimInfo, Vec<u64>), Error<T>> {
		let mut challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let (deadline, crowded) = match challenge.stage {
			Stage::LeafReveal { deadline, crowded, .. } => (deadline, crowded),
			Stage::AwaitingSeed => return Err(Error::<T>::TooEarly),
			_ => return Err(Error::<T>::NotRevealing),
		};
		let until = Self::prolonged(&challenge.parameters, deadline, crowded);
		ensure!(Self::now() < until, Error::<T>::TooLate);
		ensure!(
			challenge.samples.iter().all(|sample| sample.leaf != Some(index)),
			Error::<T>::NothingToAnswer
		);
		let info = T::Claims::claim(id).ok_or(Error::<T>::NoChallenge)?;
		match leaf {
			Leaf::Empty => return Err(Error::<T>::EmptyLeaf),
			Leaf::Transcoded { outputs, .. } => {
				ensure!(outputs.len() == info.ladder.len(), Error::<T>::WrongOutputs)
			}
			Leaf::Rejected { work, .. } => {
				ensure!(*work == info.factors.rejected, Error::<T>::WrongRejectedWork)
			}
		}
		ensure!(leaf.work() <= info.largest_leaf, Error::<T>::AboveLargestLeaf);
		let is_source = leaf.segment().is_some_and(|segment| segment.track == SOURCE_TRACK);
		ensure!(is_source, Error::<T>::NotTheSource);
		let range = sum_tree::verify(&info.commitment, index, leaf, proof)
			.map_err(|_| Error::<T>::BadProof)?;
		let mut answered = vec![];
		for sample in challenge.samples.iter_mut() {
			if sample.leaf.is_none() && range.contains(&sample.position) {
				sample.leaf = Some(index);
				answered.push(sample.position);
			}
		}
		ensure!(!answered.is_empty(), Error::<T>::NothingToAnswer);
		Ok((challenge, info, answered))
	}

	/// Decides whether a leaf may enter a block. The broadcaster's signature comes last.
	pub(crate) fn validate_reveal_leaf(
		id: ClaimId,
		index: u32,
		leaf: &Leaf,
		signature: &OperatorSignature,
		proof: &SumProof,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let (challenge, info, _) =
			Self::check_leaf(id, index, leaf, proof).map_err(|error| error.refusal())?;
		let signer = &signature.signer;
		let is_the_assignments =
			signer.account == info.broadcaster && signer.generation == info.broadcaster_keys;
		ensure!(is_the_assignments, Error::<T>::WrongSigner.refusal());
		let header = leaf
			.header_hash(info.place(Self::genesis_hash(), index))
			.ok_or_else(|| Error::<T>::EmptyLeaf.refusal())?;
		ensure!(
			T::Keys::is_signed(signature, Purpose::Segments, &header),
			Error::<T>::BadSignature.refusal()
		);
		let Stage::LeafReveal { deadline, crowded, .. } = challenge.stage else {
			return Err(Error::<T>::NotRevealing.refusal());
		};
		let until = Self::prolonged(&challenge.parameters, deadline, crowded);
		let left = until.saturating_sub(Self::now()).max(1);
		ValidTransaction::with_tag_prefix("LivepeerLeaf")
			.priority(T::DutyPriority::get())
			.and_provides((id, index))
			.longevity(left.into())
			.propagate(true)
			.build()
			.map(|valid| (valid, Weight::zero()))
	}

	/// Accepts a leaf that answers drawn positions. The last one starts the commit phase.
	pub(crate) fn do_reveal_leaf(
		id: ClaimId,
		index: u32,
		leaf: Leaf,
		proof: SumProof,
	) -> DispatchResult {
		let (mut challenge, info, answered) = Self::check_leaf(id, index, &leaf, &proof)?;
		let Stage::LeafReveal { seed, members, .. } = challenge.stage else {
			return Err(Error::<T>::NotRevealing.into());
		};
		challenge.sampled_work = challenge.sampled_work.saturating_add(leaf.work());
		if let Leaf::Transcoded { work, .. } = &leaf {
			challenge.transcoded_work = challenge.transcoded_work.saturating_add(*work);
		}
		Leaves::<T>::insert(id, index, leaf);
		Self::deposit_event(Event::LeafRevealed { claim: id, index, answered });
		if challenge.samples.iter().all(|sample| sample.leaf.is_some()) {
			Self::open_ballot(id, challenge, &info, 0, seed, members);
		} else {
			Challenges::<T>::insert(id, challenge);
		}
		Ok(())
	}

	/// Ends a claim whose drawn leaves were not revealed in time. The reporter is paid until the
	/// block in which the agenda ends the claim without one, even if the agenda is late. The
	/// transcoder is never paid for its own fault.
	pub(crate) fn do_report_missed(reporter: AccountId, id: ClaimId) -> DispatchResult {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let Stage::LeafReveal { deadline, crowded, .. } = challenge.stage else {
			return Err(Error::<T>::NotRevealing.into());
		};
		let now = Self::now();
		let until = Self::prolonged(&challenge.parameters, deadline, crowded);
		ensure!(now >= until, Error::<T>::TooEarly);
		let paid_until = until.saturating_add(challenge.parameters.missed_grace);
		let is_paid = now < paid_until && reporter != challenge.transcoder;
		Self::deposit_event(Event::MissedReported { claim: id, reporter: reporter.clone() });
		Self::missed(id, challenge, is_paid.then_some(reporter));
		Ok(())
	}

	/// Counts this block as crowded if owed calls took nearly all of the room reserved for them,
	/// and almost none of the rest was left: an account that owes a call may have found no room.
	pub(crate) fn note_crowded() {
		let limits = T::BlockWeights::get();
		let used = frame_system::Pallet::<T>::block_weight();
		let is_full = used.total().any_gt(limits.max_block / 10 * 9);
		let owed = *used.get(DispatchClass::Operational);
		let reserved = limits.get(DispatchClass::Operational).reserved;
		if is_full && reserved.is_some_and(|reserved| owed.any_gt(reserved / 10 * 9)) {
			Crowded::<T>::mutate(|blocks| *blocks = blocks.saturating_add(1));
		}
	}

	/// The first block that is too late for what a transcoder owes, if `deadline` was set after
	/// `crowded` crowded blocks. It is later by the number of crowded blocks since then, at most
	/// `reveal_window`, because whoever fills blocks could otherwise delay a claim's end.
	pub(crate) fn prolonged(
		parameters: &LotteryParameters,
		deadline: BlockNumber,
		crowded: u32,
	) -> BlockNumber {
		let since = Crowded::<T>::get().saturating_sub(crowded);
		deadline.saturating_add(since.min(parameters.reveal_window))
	}

	/// The distinct revealed leaves of a challenge in ascending order, which is the order of
	/// verdicts.
	pub(crate) fn revealed_leaves(challenge: &Challenge) -> Vec<u32> {
		let mut indices: Vec<u32> =
			challenge.samples.iter().filter_map(|sample| sample.leaf).collect();
		indices.sort_unstable();
		indices.dedup();
		indices
	}

	/// The digest of what the challenge's ballots judge.
	pub(crate) fn judged(id: ClaimId, challenge: &Challenge, info: &ClaimInfo) -> Hash {
		let leaf_count = info.commitment.leaf_count;
		let leaves: Vec<Hash> = Self::revealed_leaves(challenge)
			.into_iter()
			.filter_map(|index| Some((index, Leaves::<T>::get(id, index)?)))
			.map(|(index, leaf)| sum_tree::leaf_hash(&leaf, index, leaf_count))
			.collect();
		judged_digest(info.commitment.root, info.toolchain, &leaves)
	}
}
