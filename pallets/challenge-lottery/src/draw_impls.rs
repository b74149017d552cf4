//! From the claim to its revealed leaves.

use alloc::{vec, vec::Vec};
use frame_support::{ensure, traits::Get, weights::Weight};
use livepeer_primitives::{
	draw,
	leaf::Leaf,
	params::LotteryParameters,
	segment::SegmentHeader,
	sum_tree::{self, SumProof},
	traits::{Beacon, ClaimInfo, Claims, ProtocolClock, Rounds, SeatedValidator, Seed, Stake},
	verdict::Tranche,
	AccountId, BlockNumber, ClaimId, Hash, Seq, Signature,
};
use sp_runtime::{traits::Zero, BoundedVec, DispatchError, DispatchResult};

use crate::{
	types::{Answer, Challenge, Member, RoundRecord, Sample, Samples, Stage, MAX_COMMITTEE},
	Challenges, Config, Error, Event, Leaves, Members, OfRound, Pallet, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Opens the challenge of a new claim.
	pub(crate) fn do_open(id: ClaimId, info: &ClaimInfo) -> DispatchResult {
		let parameters = T::Parameters::get();
		ensure!(!Challenges::<T>::contains_key(id), Error::<T>::AlreadyChallenged);
		ensure!(
			Self::toolchains_accepted().contains(&info.toolchain),
			Error::<T>::UnknownToolchain
		);
		ensure!(!info.commitment.leaf_count.is_zero(), Error::<T>::NoWork);
		ensure!(!info.commitment.total_work.is_zero(), Error::<T>::NoWork);
		ensure!(info.commitment.leaf_count <= parameters.max_leaves(), Error::<T>::TooManyLeaves);
		Self::open_unchecked(id, info, parameters);
		Ok(())
	}

	/// Opens a challenge.
	pub(crate) fn open_unchecked(id: ClaimId, info: &ClaimInfo, parameters: LotteryParameters) {
		OfRound::<T>::mutate(&info.transcoder, info.round, |record| {
			let open = record.map_or(0, |record| record.open).saturating_add(1);
			let slashed = record.is_some_and(|record| record.slashed);
			*record = Some(RoundRecord { open, slashed });
		});
		T::Beacon::retain(info.window.saturating_add(1));
		let mut challenge = Challenge {
			transcoder: info.transcoder.clone(),
			broadcaster: info.broadcaster.clone(),
			round: info.round,
			window: info.window,
			drawn_in: info.round,
			parameters,
			samples: Samples::default(),
			sampled_work: 0,
			stage: Stage::AwaitingSeed,
			due: 0,
		};
		let draw_at = T::Beacon::window_start(info.window.saturating_add(2));
		Self::enter(id, &mut challenge, draw_at);
		Self::deposit_event(Event::ChallengeOpened { claim: id, draw_at: challenge.due });
		Challenges::<T>::insert(id, challenge);
	}

	/// Draws a claim whose seed is there; returns what that weighs.
	pub(crate) fn do_draw(id: ClaimId) -> Result<Weight, DispatchError> {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		ensure!(challenge.stage == Stage::AwaitingSeed, Error::<T>::AlreadyDrawn);
		let drawn_from = challenge.window.saturating_add(2);
		ensure!(T::Beacon::current_window() >= drawn_from, Error::<T>::TooEarly);
		let seed =
			T::Beacon::seed(challenge.window.saturating_add(1)).ok_or(Error::<T>::SeedNotReady)?;
		let info = T::Claims::claim(id).ok_or(Error::<T>::NoChallenge)?;
		let weight = T::WeightInfo::draw(seed.validators.len() as u32);
		Ok(weight.saturating_add(Self::apply_draw(id, challenge, &info, &seed)))
	}

	/// Draws positions and committee. A function of claim and seed: the block does not matter but
	/// for who delegates to the transcoder in it. Returns what a settlement at once weighs, which
	/// is not part of drawing.
	fn apply_draw(id: ClaimId, mut challenge: Challenge, info: &ClaimInfo, seed: &Seed) -> Weight {
		let parameters = challenge.parameters;
		let commitment = &info.commitment;
		let k = draw::sample_count(
			parameters.verification_rate,
			commitment.leaf_count,
			parameters.max_samples,
		);
		let positions = draw::positions(seed.hash, id, commitment.root, commitment.total_work, k);
		challenge.samples = BoundedVec::truncate_from(
			positions.iter().map(|position| Sample { position: *position, leaf: None }).collect(),
		);

		let eligible: Vec<&SeatedValidator> = seed
			.validators
			.iter()
			.filter(|validator| Self::may_judge(&challenge, &validator.account))
			.collect();
		let stakes: Vec<_> = eligible.iter().map(|validator| validator.stake).collect();
		let size = parameters.committee_size.min(MAX_COMMITTEE);
		let committee: Vec<&SeatedValidator> = draw::committee(seed.hash, id, 0, &stakes, size)
			.into_iter()
			.filter_map(|index| eligible.get(index as usize).copied())
			.collect();
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
		challenge.drawn_in = T::Rounds::current();
		let members = Self::seat(id, 0, committee.into_iter());
		challenge.stage = Stage::LeafReveal { deadline, seed: seed.hash, members };
		Self::enter(id, &mut challenge, deadline.saturating_add(parameters.missed_grace));
		Challenges::<T>::insert(id, challenge);
		Weight::zero()
	}

	/// Whether `account` may sit in the committee over this challenge.
	fn may_judge(challenge: &Challenge, account: &AccountId) -> bool {
		*account != challenge.transcoder
			&& *account != challenge.broadcaster
			&& T::Stake::delegate_of(account).as_ref() != Some(&challenge.transcoder)
	}

	/// Stores the members of a tranche and returns how many there are.
	pub(crate) fn seat<'a>(
		id: ClaimId,
		tranche: Tranche,
		members: impl Iterator<Item = &'a SeatedValidator>,
	) -> u16 {
		let mut count = 0u16;
		for validator in members {
			let member = Member {
				account: validator.account.clone(),
				key: validator.key.clone(),
				stake: validator.stake,
				answer: Answer::Silent,
			};
			Members::<T>::insert((id, tranche, count), member);
			count = count.saturating_add(1);
		}
		count
	}

	/// Takes a leaf that answers drawn positions.
	pub(crate) fn do_reveal_leaf(
		who: AccountId,
		id: ClaimId,
		index: u32,
		leaf: Leaf,
		signature: Signature,
		proof: SumProof,
	) -> DispatchResult {
		let mut challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		ensure!(who == challenge.transcoder, Error::<T>::NotTranscoder);
		let Stage::LeafReveal { deadline, seed, members } = challenge.stage else {
			return Err(Error::<T>::NotRevealing.into());
		};
		ensure!(Self::now() < deadline, Error::<T>::TooLate);
		let info = T::Claims::claim(id).ok_or(Error::<T>::NoChallenge)?;

		let Leaf::Transcoded { in_hash, in_len, duration, outputs, work } = &leaf else {
			return Err(Error::<T>::NotTranscoded.into());
		};
		ensure!(outputs.len() == info.ladder.len(), Error::<T>::WrongOutputs);
		ensure!(*work <= info.max_leaf_work, Error::<T>::TooMuchWork);
		let range = sum_tree::verify(&info.commitment, index, &leaf, &proof)
			.map_err(|_| Error::<T>::BadProof)?;
		let mut answered = vec![];
		for sample in challenge.samples.iter_mut() {
			if sample.leaf.is_none() && range.contains(&sample.position) {
				sample.leaf = Some(index);
				answered.push(sample.position);
			}
		}
		ensure!(!answered.is_empty(), Error::<T>::NothingToAnswer);
		let header = SegmentHeader {
			genesis: Self::genesis_hash(),
			stream: info.stream,
			job: info.job,
			assignment: info.assignment,
			transcoder: info.transcoder.clone(),
			seq: info.first.saturating_add(Seq::from(index)),
			in_hash: *in_hash,
			in_len: *in_len,
			duration: *duration,
		};
		ensure!(header.is_signed_by(&info.broadcaster, &signature), Error::<T>::BadSignature);

		challenge.sampled_work = challenge.sampled_work.saturating_add(*work);
		Leaves::<T>::insert(id, index, leaf);
		Self::deposit_event(Event::LeafRevealed { claim: id, index, answered });
		if challenge.samples.iter().all(|sample| sample.leaf.is_some()) {
			let length = challenge.parameters.commit_base;
			Self::open_ballot(id, challenge, 0, seed, members, length);
		} else {
			Challenges::<T>::insert(id, challenge);
		}
		Ok(())
	}

	/// Ends a claim whose drawn leaves were not revealed in time, for a reporter or without one.
	pub(crate) fn do_report_missed(reporter: AccountId, id: ClaimId) -> DispatchResult {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let Stage::LeafReveal { deadline, .. } = challenge.stage else {
			return Err(Error::<T>::NotRevealing.into());
		};
		ensure!(Self::now() >= deadline, Error::<T>::TooEarly);
		Self::deposit_event(Event::MissedReported { claim: id, reporter: reporter.clone() });
		Self::missed(id, challenge, vec![reporter]);
		Ok(())
	}

	/// The distinct revealed leaves of a challenge in ascending order: the order of verdicts.
	pub(crate) fn revealed_leaves(challenge: &Challenge) -> Vec<u32> {
		let mut indices: Vec<u32> =
			challenge.samples.iter().filter_map(|sample| sample.leaf).collect();
		indices.sort_unstable();
		indices.dedup();
		indices
	}

	/// Hash of the genesis block, which every signature of the protocol names.
	pub(crate) fn genesis_hash() -> Hash {
		frame_system::Pallet::<T>::block_hash(
			frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
		)
	}

	/// This block on the protocol's clock.
	pub(crate) fn now() -> BlockNumber {
		T::Clock::now()
	}

	/// This block's height on the chain: what finality is told by.
	pub(crate) fn height() -> BlockNumber {
		sp_runtime::SaturatedConversion::saturated_into(frame_system::Pallet::<T>::block_number())
	}
}
