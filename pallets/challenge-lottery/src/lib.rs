#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod agenda_impls;
mod attestation_impls;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod claim_impls;
mod clock_impls;
mod correlation_impls;
pub mod decision;
mod draw_impls;
mod duty_impls;
#[cfg(test)]
mod mock;
mod offchain;
mod omission_impls;
mod outcome_impls;
pub mod queue_impls;
mod session_impls;
#[cfg(test)]
mod tests;
mod toolchain_impls;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
pub mod types;
mod variant_impls;
mod verdict_impls;
mod view_impls;
pub mod weights;

pub use pallet::*;
pub use weights::WeightInfo;

/// Target of log lines.
pub(crate) const LOG_TARGET: &str = "runtime::challenge-lottery";

#[frame_support::pallet]
pub mod pallet {
	use alloc::vec::Vec;
	use frame_support::{pallet_prelude::*, weights::WeightToFee};
	use frame_system::{offchain::CreateAuthorizedTransaction, pallet_prelude::*};
	use livepeer_primitives::{
		api::{ChallengeView, DutyView, JudgementView},
		claim::Outcome,
		keys::{OperatorSignature, VerifierId, VerifierSignature},
		leaf::Leaf,
		params::{LotteryParameters, Timing},
		sum_tree::SumProof,
		toolchain::{Attestation, Lacking, MAX_LACKING},
		traits::{
			Beacon, Chill, Claims, Jail, JudgesPool, Liability, OnDecided, OperatorKeysOf,
			ProtocolClock, Rounds, ServiceDirectory, Slash, VerifierKeyOf,
		},
		variant::VariantOpenings,
		verdict::{Evidence, Opening, Tranche, Verdict},
		AccountId, Balance, BlockNumber, ClaimId, Hash, RoundIndex, ToolchainId, WindowIndex,
		MAX_COMMITTEE, MAX_VALIDATORS,
	};
	use sp_runtime::{
		traits::SaturatedConversion, transaction_validity::TransactionValidityWithRefund, Perbill,
	};

	use crate::{
		queue_impls::AllQueues,
		types::{
			Ballot, Challenge, Class, JudgeList, Member, Omissions, Penalty, Record, Retiring,
			RoundRecord, Tallies, Task,
		},
		WeightInfo,
	};

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The pallet's configuration. `frame_system::AuthorizeCall` must be among the runtime's
	/// transaction extensions.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, Hash = Hash, RuntimeEvent: From<Event<Self>>>
		+ CreateAuthorizedTransaction<Call<Self>>
	{
		/// The timing fixed at genesis: the off-chain worker needs the length of a slot.
		type Timing: Get<Timing>;
		/// The parameters in force. They are copied into each challenge.
		type Parameters: Get<LotteryParameters>;
		/// Seeds, and the validators stored with them.
		type Beacon: Beacon;
		/// Counts the blocks by which deadlines are set.
		type Clock: ProtocolClock;
		/// The round clock.
		type Rounds: Rounds;
		/// Claims and their escrow.
		type Claims: Claims;
		/// Is told when a claim is decided; from then on the claim takes no place.
		type OnDecided: OnDecided;
		/// The keys that sign for broadcasters.
		type Keys: OperatorKeysOf;
		/// Cuts stake.
		type Slash: Slash;
		/// Keeps the stake of judges from leaving until what they judge has ended.
		type Liability: Liability;
		/// Jails transcoders that await a slash.
		type Jail: Jail;
		/// Keeps judges that judged badly from validating for a while.
		type Chill: Chill;
		/// The keys by which judges attest which toolchains they lack.
		type VerifierKeys: VerifierKeyOf;
		/// Pays judges in LPT.
		type Pool: JudgesPool;
		/// The most LPT that the common pool adds in a round to what judges are paid out of
		/// penalties.
		type PoolRewards: Get<Balance>;
		/// Where the verify service finds a claim's bytes.
		type Services: ServiceDirectory;
		/// Blocks after an assignment's end in which it can still be claimed for. For that long,
		/// claims can name a toolchain after it has retired.
		type ClaimGrace: Get<BlockNumber>;
		/// The least number of blocks between the call that retires a toolchain and the block in which
		/// its assignments end: one round.
		type RetirementNotice: Get<BlockNumber>;
		/// For benchmarks: gives the claim's transcoder stake.
		#[cfg(feature = "runtime-benchmarks")]
		type Stake: livepeer_primitives::traits::Stake;
		/// The most toolchains that governance can list, and the most that can be retiring.
		#[pallet::constant]
		type MaxToolchains: Get<u32>;
		/// Priority of leaves, commits and reveals in the pool.
		#[pallet::constant]
		type DutyPriority: Get<TransactionPriority>;
		/// The weight that a block reserves for the agenda: three quarters for urgent tasks, the
		/// remainder for lazy ones. Each queue takes at least one step in a block, and its last
		/// step may exceed its part.
		#[pallet::constant]
		type AgendaWeight: Get<Weight>;
		/// The listed price of weight, in LPT. Whoever is to blame for a dispute pays for the
		/// dispute's weight.
		type WeightPrice: WeightToFee<Balance = Balance>;
		/// Weights of calls and steps.
		type WeightInfo: WeightInfo;
	}

	/// Open challenges.
	#[pallet::storage]
	pub type Challenges<T: Config> = StorageMap<_, Twox64Concat, ClaimId, Challenge>;

	/// The ballots of the challenges in a vote. Verifiers find here what they owe.
	#[pallet::storage]
	pub type Ballots<T: Config> = StorageMap<_, Twox64Concat, ClaimId, Ballot>;

	/// Members by claim, tranche and number. Committee members stay until the claim is decided.
	#[pallet::storage]
	pub type Members<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Twox64Concat, ClaimId>,
			NMapKey<Twox64Concat, Tranche>,
			NMapKey<Twox64Concat, u16>,
		),
		Member,
	>;

	/// Revealed leaves by claim and index, until the claim is decided.
	#[pallet::storage]
	pub type Leaves<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ClaimId, Twox64Concat, u32, Leaf>;

	/// The judges of each challenge from their seat to its end, and what they owe once it is
	/// decided. Their stake is liable as long as they are listed.
	#[pallet::storage]
	pub type Judges<T: Config> = StorageMap<_, Twox64Concat, ClaimId, JudgeList>;

	/// How many times in a row a verifier gave no full answer. Absent if its last answer was full.
	#[pallet::storage]
	pub type NoShows<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32, ValueQuery>;

	/// A verifier's omissions in the newest round with any, by the round of the snapshot that
	/// seated it, and what they took of its stake. Deleted by its next full answer of a later
	/// round.
	#[pallet::storage]
	pub type Omitted<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Omissions>;

	/// How many judges were chilled for bytes that they had asked for and that their fellow judges
	/// had, and the round of the first. The count starts anew when that one's chill is over.
	#[pallet::storage]
	pub type ChilledLate<T: Config> = StorageValue<_, (RoundIndex, u32)>;

	/// The judges that lack a toolchain, or must attest that they no longer lack one, by account.
	#[pallet::storage]
	pub type Attestations<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Attestation>;

	/// The pending work of judges that owe a commitment; absent when nobody does.
	#[pallet::storage]
	pub type Queues<T: Config> = StorageValue<_, AllQueues, ValueQuery>;
	/// The accepted work of a transcoder's claims since it registered or failed. Until it is
	/// enough, more of its leaves are drawn. Absent when nothing was accepted and no open claim is
	/// excluded from counting. Written with each settled claim that counts.
	#[pallet::storage]
	pub type Accepted<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Record, ValueQuery>;

	/// What the common pool added to the judges' pay in the newest round in which it added
	/// anything.
	#[pallet::storage]
	pub type PoolSpent<T: Config> = StorageValue<_, (RoundIndex, Balance)>;

	/// What was recently decided of the claims under each toolchain, by stretches of a session's
	/// length. The review of a failure reads from it whether the slash waits longer. Deleted with
	/// the toolchain.
	#[pallet::storage]
	pub type Tallied<T: Config> = StorageMap<_, Twox64Concat, ToolchainId, Tallies, ValueQuery>;

	/// Open challenges of a transcoder's claims of one round, and how much of its stake they have
	/// cost.
	#[pallet::storage]
	pub type OfRound<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, RoundIndex, RoundRecord>;

	/// The tasks that are due in each block, by queue: exactly one entry for each challenge and for
	/// each retiring toolchain.
	#[pallet::storage]
	pub type Agenda<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Twox64Concat, Class>,
			NMapKey<Twox64Concat, BlockNumber>,
			NMapKey<Twox64Concat, Task>,
		),
		(),
	>;

	/// The number of nearly full blocks so far in which owed calls took nearly all of the room
	/// reserved for them. Each extends a transcoder's time to reveal leaves and open variants, and
	/// judges' time to commit and reveal.
	#[pallet::storage]
	pub type Crowded<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The first block of a queue that is not finished; absent when nothing is overdue.
	#[pallet::storage]
	pub type Backlog<T: Config> = StorageMap<_, Twox64Concat, Class, BlockNumber>;

	/// The validators in force with their verifier keys.
	#[pallet::storage]
	pub type Verifiers<T: Config> =
		StorageValue<_, BoundedVec<(AccountId, VerifierId), ConstU32<MAX_VALIDATORS>>, ValueQuery>;

	/// The toolchains with which assignments can be accepted, ascending.
	#[pallet::storage]
	pub type Toolchains<T: Config> =
		StorageValue<_, BoundedVec<ToolchainId, T::MaxToolchains>, ValueQuery>;

	/// The retiring toolchains, until no open claim can name them.
	#[pallet::storage]
	pub type RetiringToolchains<T: Config> =
		StorageValue<_, BoundedVec<Retiring, T::MaxToolchains>, ValueQuery>;

	/// The pallet's genesis.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Accepted toolchains.
		pub toolchains: Vec<ToolchainId>,
		#[doc(hidden)]
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			let mut toolchains = self.toolchains.clone();
			toolchains.sort();
			toolchains.dedup();
			let toolchains = BoundedVec::try_from(toolchains)
				.expect("genesis lists at most MaxToolchains toolchains");
			Toolchains::<T>::put(toolchains);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A claim was made.
		ChallengeOpened {
			/// The claim.
			claim: ClaimId,
			/// The first block in which it can be drawn.
			draw_at: BlockNumber,
		},
		/// A claim was drawn.
		Drawn {
			/// The claim.
			claim: ClaimId,
			/// The positions that the transcoder must answer.
			positions: Vec<u64>,
			/// The judges of the first tranche. If there are none, the claim is void.
			committee: Vec<AccountId>,
			/// The first block that is too late for a reveal.
			reveal_until: BlockNumber,
		},
		/// The transcoder revealed a leaf.
		LeafRevealed {
			/// The claim.
			claim: ClaimId,
			/// The leaf's index.
			index: u32,
			/// The drawn positions that it answers.
			answered: Vec<u64>,
		},
		/// Somebody reported that drawn leaves were not revealed in time.
		MissedReported {
			/// The claim.
			claim: ClaimId,
			/// The reporter, which earns the finder's fee.
			reporter: AccountId,
		},
		/// A tranche's members must commit.
		CommitStarted {
			/// The claim.
			claim: ClaimId,
			/// The tranche; 255 is the dispute.
			tranche: Tranche,
			/// The first block in which a commitment is too late.
			until: BlockNumber,
		},
		/// A member committed.
		Committed {
			/// The claim.
			claim: ClaimId,
			/// The tranche.
			tranche: Tranche,
			/// The member.
			verifier: AccountId,
		},
		/// A tranche's members must reveal.
		VerdictRevealStarted {
			/// The claim.
			claim: ClaimId,
			/// The tranche.
			tranche: Tranche,
			/// The first block in which a reveal is too late.
			until: BlockNumber,
		},
		/// A member revealed.
		VerdictRevealed {
			/// The claim.
			claim: ClaimId,
			/// The tranche.
			tranche: Tranche,
			/// The member.
			verifier: AccountId,
			/// One verdict per revealed leaf, in ascending order of leaf index.
			verdicts: Vec<Verdict>,
			/// The member's evidence.
			evidence: Evidence,
		},
		/// The committee did not accept: all validators will judge.
		Disputed {
			/// The claim.
			claim: ClaimId,
			/// The block in which the dispute opens.
			opens_at: BlockNumber,
		},
		/// The outcome is fixed.
		Decided {
			/// The claim.
			claim: ClaimId,
			/// The outcome.
			outcome: Outcome,
			/// Whether it failed only over the question whether the segments can be transcoded at
			/// all: the fee goes back, without a slash.
			about_input: bool,
			/// The block in which its execution begins. Until then governance can cancel it. If
			/// many fail under one toolchain, `DeferralLengthened` names a later block.
			execute_at: BlockNumber,
		},
		/// A verifier was penalised.
		Penalised {
			/// The claim.
			claim: ClaimId,
			/// The verifier.
			verifier: AccountId,
			/// The reason.
			penalty: Penalty,
			/// The share of its stake that it costs. For an omission this is only the amount beyond
			/// what the largest one of the round has already cost.
			fraction: Perbill,
			/// What its stake lost, in LPT.
			amount: Balance,
		},
		/// A decision was executed and its challenge is closed.
		Executed {
			/// The claim.
			claim: ClaimId,
			/// The outcome.
			outcome: Outcome,
			/// What the transcoder's stake lost, in LPT.
			slashed: Balance,
			/// The part of it that went to the finders, in LPT.
			finders_fee: Balance,
			/// The part of it that went to the common pool, in LPT.
			common_pool: Balance,
		},
		/// A decision could not be executed. It will be tried again later.
		ExecutionFailed {
			/// The claim.
			claim: ClaimId,
			/// Why.
			error: DispatchError,
		},
		/// Governance cancelled a decision: the transcoder is paid, and nobody is slashed.
		Cancelled {
			/// The claim.
			claim: ClaimId,
			/// SHA-256 of the file by which the verdict was judged again, if governance names one.
			case: Option<Hash>,
		},
		/// From now on assignments can be accepted with this toolchain.
		ToolchainAccepted {
			/// The toolchain.
			toolchain: ToolchainId,
		},
		/// From now on no assignment is accepted with this toolchain.
		ToolchainRetired {
			/// The toolchain.
			toolchain: ToolchainId,
			/// The first block in which no assignment runs on it.
			at: BlockNumber,
			/// The block until which verifiers keep it.
			until: BlockNumber,
		},
		/// No undecided claim can name this toolchain any more: verifiers no longer need it.
		ToolchainForgotten {
			/// The toolchain.
			toolchain: ToolchainId,
		},
		/// A tranche did not agree, and nobody accuses the transcoder: the next tranche judges.
		TrancheUndecided {
			/// The claim.
			claim: ClaimId,
			/// The tranche.
			tranche: Tranche,
			/// The block in which the next one opens.
			opens_at: BlockNumber,
		},
		/// A judge was paid for work that no claim had prepaid.
		JudgeRewarded {
			/// The claim.
			claim: ClaimId,
			/// The judge.
			verifier: AccountId,
			/// How much, in LPT.
			amount: Balance,
		},
		/// The transcoder opened which of the drawn segments had to have a variant.
		VariantsOpened {
			/// The claim.
			claim: ClaimId,
			/// For each revealed leaf, in ascending order of index, the rendition that is due as a
			/// variant.
			due: Vec<Option<u8>>,
		},
		/// A member could not get all bytes, and asks whoever has them.
		DataAsked {
			/// The claim.
			claim: ClaimId,
			/// The tranche.
			tranche: Tranche,
			/// The member.
			verifier: AccountId,
		},
		/// The reveals are over: the transcoder must open its forced variants.
		OpeningStarted {
			/// The claim.
			claim: ClaimId,
			/// The first block in which an opening is too late.
			until: BlockNumber,
		},
		/// The transcoder signed openings, at least one of which was not made with its VRF key:
		/// nothing counts as opened, and the claim is missed.
		WronglyOpened {
			/// The claim.
			claim: ClaimId,
		},
		/// A judge attested which toolchains it lacks.
		Attested {
			/// The judge.
			verifier: AccountId,
			/// The toolchains whose golden vectors its service does not reproduce. It abstains in
			/// claims that name one of them.
			lacking: Vec<ToolchainId>,
		},
		/// Many claims failed under this toolchain at about the same time: the slash waits longer.
		DeferralLengthened {
			/// The claim.
			claim: ClaimId,
			/// The toolchain.
			toolchain: ToolchainId,
			/// The block in which the decision's execution now begins. Until then governance can
			/// cancel it.
			execute_at: BlockNumber,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// This claim has no open challenge.
		NoChallenge,
		/// The claim already has a challenge.
		AlreadyChallenged,
		/// The toolchain is not on the list.
		UnknownToolchain,
		/// The claim has no leaf or no work, so nothing could be drawn.
		NoWork,
		/// Nobody could judge a single leaf of the job in the time that judges are given.
		CannotBeJudged,
		/// The claim has more leaves than can be sampled at the rate in force.
		TooManyLeaves,
		/// The claim was drawn already.
		AlreadyDrawn,
		/// It is too early: the window of the draw has not begun, leaves can still be revealed, or
		/// verdicts can still be revealed before the variants are opened.
		TooEarly,
		/// The seed is not stored yet.
		SeedNotReady,
		/// The claim is not in the phase in which leaves are revealed.
		NotRevealing,
		/// The reveal window is over.
		TooLate,
		/// An empty leaf has no work, so no drawn position falls in it.
		EmptyLeaf,
		/// The leaf does not have exactly one place per rendition of the job.
		WrongOutputs,
		/// A rejected leaf must have exactly the work that the job's factors give it.
		WrongRejectedWork,
		/// The leaf has more work than the claim's largest leaf: it counts as not revealed.
		AboveLargestLeaf,
		/// The segment belongs to another track than the one that is transcoded.
		NotTheSource,
		/// The proof does not lead from the leaf to the claim's root.
		BadProof,
		/// No drawn position that is still unanswered falls in the leaf.
		NothingToAnswer,
		/// The signature names another account or another generation of keys than the assignment. A
		/// transcoder may also sign with its current generation, but not with a revoked key.
		WrongSigner,
		/// The broadcaster did not sign the segment that this leaf describes, or the transcoder did
		/// not sign these openings for the current ballot.
		BadSignature,
		/// The call is not owed. An authorized call never fails with this error.
		NotOwed,
		/// The claim is not decided yet, or it is void.
		NotDecided,
		/// The toolchain is already listed.
		AlreadyAccepted,
		/// The list of toolchains, or that of retiring toolchains, is full.
		TooManyToolchains,
		/// A toolchain must be retired at least one round ahead.
		NoticeTooShort,
		/// The decision's block has come: its execution has begun or is about to begin.
		ExecutionBegun,
		/// The claim's forced variants cannot be opened now: they already are, or none is due.
		NotOpening,
		/// The openings are not exactly one for each drawn leaf, in ascending order of index.
		WrongOpenings,
		/// No longer used: openings are signed, and a wrong one ends the claim as missed.
		BadOpening,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			if !T::Clock::is_open() {
				return Weight::zero();
			}
			// Reads and writes at the block's end.
			let end = T::DbWeight::get().reads_writes(2, 1);
			Self::run_agenda(Self::now()).saturating_add(end)
		}

		fn on_finalize(_: BlockNumberFor<T>) {
			if T::Clock::is_open() {
				Self::note_crowded();
			}
		}

		fn offchain_worker(height: BlockNumberFor<T>) {
			if sp_io::offchain::is_validator() {
				Self::run_duties(height.saturated_into());
			}
		}

		fn integrity_test() {
			assert!(T::MaxToolchains::get() > 0, "no toolchain could be accepted");
			assert!(
				T::MaxToolchains::get().saturating_mul(2) <= MAX_LACKING,
				"a judge that lacks every toolchain could not say so"
			);
			assert!(
				T::AgendaWeight::get().all_lte(T::BlockWeights::get().max_block),
				"the agenda's weight exceeds a block"
			);
			let least = T::WeightInfo::agenda_step().saturating_add(T::WeightInfo::agenda_block());
			assert!(T::AgendaWeight::get().all_gt(least), "the agenda has weight for its steps");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Draws a claim's positions and committee. They depend on claim and stored seed alone, so
		/// a late draw has the same result. The agenda also draws by itself.
		///
		/// Who: anyone, from the start of the second window after the claim's own.
		///
		/// - `claim`: the claim's number.
		///
		/// Emits `Drawn`; if nobody can judge, also `Decided` and `Executed`. Costs the
		/// transaction's fee.
		#[pallet::call_index(0)]
		#[pallet::weight(
			T::WeightInfo::draw(MAX_VALIDATORS, MAX_COMMITTEE)
				.saturating_add(Pallet::<T>::execution_weight())
		)]
		pub fn draw(origin: OriginFor<T>, claim: ClaimId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Ok(Some(Self::do_draw(claim)?).into())
		}

		/// Reveals a leaf in which a drawn position falls. Its content authorizes it: the path to
		/// the claim's root, and the broadcaster's signature over the segment.
		///
		/// Who: anyone, without an account; in practice the transcoder's worker.
		///
		/// - `claim`: the claim's number.
		/// - `index`: the leaf's index within the claim, from 0.
		/// - `leaf`: the leaf.
		/// - `broadcaster_signature`: over the segment's header, by a key of the assignment's
		///   generation of the broadcaster's segment keys.
		/// - `proof`: the siblings of the leaf's path, from the leaf up.
		///
		/// Emits `LeafRevealed`; with the last leaf also `CommitStarted`. Costs nothing. The pool
		/// refuses it as `Custom(n)`, where n is the number of the pallet's error.
		#[pallet::call_index(1)]
		#[pallet::weight((
			T::WeightInfo::reveal_leaf(proof.len() as u32),
			DispatchClass::Operational,
			Pays::No,
		))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_reveal_leaf(proof.len() as u32))]
		#[pallet::authorize(Self::authorize_reveal_leaf)]
		pub fn reveal_leaf(
			origin: OriginFor<T>,
			claim: ClaimId,
			index: u32,
			leaf: Leaf,
			broadcaster_signature: OperatorSignature,
			proof: SumProof,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			let _ = broadcaster_signature;
			Self::do_reveal_leaf(claim, index, leaf, proof)
		}

		/// Ends a claim whose drawn leaves were not all revealed in time. The reporter earns the
		/// finder's fee until the block in which the agenda ends the claim by itself. The
		/// transcoder never earns it.
		///
		/// Who: anyone, once the reveal window is over.
		///
		/// - `claim`: the claim's number.
		///
		/// Emits `MissedReported` and `Decided`. Costs the transaction's fee.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::report_missed())]
		pub fn report_missed(origin: OriginFor<T>, claim: ClaimId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_report_missed(who, claim)
		}

		/// Commits to verdicts and evidence.
		///
		/// Who: a member of the open ballot, with the verifier key that is stored for it, without
		/// an account.
		///
		/// - `claim`: the claim's number.
		/// - `tranche`: the ballot's; 255 is the dispute.
		/// - `member`: the member's number within the tranche, from 0.
		/// - `commitment`: to the opening, bound to what is judged.
		/// - `signature`: the verifier key's, over the duty payload.
		///
		/// Emits `Committed`; with the last commitment also `VerdictRevealStarted`. Costs nothing.
		#[pallet::call_index(3)]
		#[pallet::weight((T::WeightInfo::commit_verdict(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_commit_verdict())]
		#[pallet::authorize(Self::authorize_commit_verdict)]
		pub fn commit_verdict(
			origin: OriginFor<T>,
			claim: ClaimId,
			tranche: Tranche,
			member: u16,
			commitment: Hash,
			signature: VerifierSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			let _ = signature;
			Self::do_commit_verdict(claim, tranche, member, commitment)
				.map_err(|_| Error::<T>::NotOwed.into())
		}

		/// Reveals verdicts and evidence to which a member has committed, in the reveal phase.
		///
		/// Who: a member that has committed, with its verifier key, without an account.
		///
		/// - `claim`: the claim's number.
		/// - `tranche`: the ballot's; 255 is the dispute.
		/// - `member`: the member's number within the tranche, from 0.
		/// - `opening`: one verdict per revealed leaf in ascending order of index, evidence and
		///   salt.
		/// - `signature`: the verifier key's, over the duty payload.
		///
		/// Emits `VerdictRevealed`. Costs nothing.
		#[pallet::call_index(4)]
		#[pallet::weight((T::WeightInfo::reveal_verdict(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_reveal_verdict())]
		#[pallet::authorize(Self::authorize_reveal_verdict)]
		pub fn reveal_verdict(
			origin: OriginFor<T>,
			claim: ClaimId,
			tranche: Tranche,
			member: u16,
			opening: Opening,
			signature: VerifierSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			let _ = signature;
			Self::do_reveal_verdict(claim, tranche, member, opening)
				.map_err(|_| Error::<T>::NotOwed.into())
		}

		/// Cancels a decision before the block in which its execution begins. Refund, slash,
		/// finder's fee and judges' penalties are dropped, the transcoder can leave jail, and it is
		/// paid.
		///
		/// Who: governance.
		///
		/// - `claim`: the claim's number. It must be decided, and not void.
		/// - `case`: SHA-256 of the file by which the verdict was judged again, if there is one, so
		///   that anybody with the file can see the reason.
		///
		/// Emits `Cancelled`. Costs nothing.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::cancel(MAX_VALIDATORS))]
		pub fn cancel(
			origin: OriginFor<T>,
			claim: ClaimId,
			case: Option<Hash>,
		) -> DispatchResultWithPostInfo {
			ensure_root(origin)?;
			Ok(Some(Self::do_cancel(claim, case)?).into())
		}

		/// Allows assignments to be accepted with a toolchain. A toolchain that is being retired
		/// stays.
		///
		/// Who: governance.
		///
		/// - `toolchain`: the toolchain's id.
		///
		/// Emits `ToolchainAccepted`. Costs nothing.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::accept_toolchain())]
		pub fn accept_toolchain(origin: OriginFor<T>, toolchain: ToolchainId) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_accept_toolchain(toolchain)
		}

		/// Retires a toolchain: from now on no assignment is accepted with it, assignments that run
		/// on it end at a given block, and verifiers keep it until no claim under it can be open.
		///
		/// Who: governance.
		///
		/// - `toolchain`: the toolchain's id.
		/// - `at`: the block in which its assignments end, at least one round ahead.
		///
		/// Emits `ToolchainRetired`, and later `ToolchainForgotten`. Costs nothing.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::retire_toolchain())]
		pub fn retire_toolchain(
			origin: OriginFor<T>,
			toolchain: ToolchainId,
			at: BlockNumber,
		) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_retire_toolchain(toolchain, at)
		}

		/// Opens which of the drawn segments had to have a variant.
		///
		/// Who: the transcoder, with a duties key, without an account, after the reveals of the
		/// first ballot that has any: when all that committed have revealed, or their time is over.
		///
		/// - `claim`: the claim's number.
		/// - `openings`: one per drawn leaf, in ascending order of index: the output of the
		///   transcoder's VRF for that segment, with its proof.
		/// - `signature`: over the openings for this claim and ballot, by a duties key of the
		///   assignment's generation or of the current one.
		///
		/// Emits `VariantsOpened`; with a wrong proof `WronglyOpened`, and the claim is missed.
		/// Costs nothing. The pool refuses it as `Custom(n)`, where n is the number of the pallet's
		/// error.
		#[pallet::call_index(8)]
		#[pallet::weight((
			T::WeightInfo::open_variants(openings.len() as u32),
			DispatchClass::Operational,
			Pays::No,
		))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_open_variants())]
		#[pallet::authorize(Self::authorize_open_variants)]
		pub fn open_variants(
			origin: OriginFor<T>,
			claim: ClaimId,
			openings: VariantOpenings,
			signature: OperatorSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			let _ = signature;
			Self::do_open_variants(claim, &openings)
		}

		/// Asks whoever has a claim's bytes for those that the member could not get.
		///
		/// Who: a member of the open ballot, with its verifier key, without an account; once, in
		/// the first half of the commit phase.
		///
		/// - `claim`: the claim's number.
		/// - `tranche`: the ballot's; 255 is the dispute.
		/// - `member`: the member's number within the tranche, from 0.
		/// - `signature`: the verifier key's, over the duty payload.
		///
		/// Emits `DataAsked`. Costs nothing.
		#[pallet::call_index(9)]
		#[pallet::weight((T::WeightInfo::ask_data(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_ask_data())]
		#[pallet::authorize(Self::authorize_ask_data)]
		pub fn ask_data(
			origin: OriginFor<T>,
			claim: ClaimId,
			tranche: Tranche,
			member: u16,
			signature: VerifierSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			let _ = signature;
			Self::do_ask_data(claim, tranche, member).map_err(|_| Error::<T>::NotOwed.into())
		}

		/// Attests which toolchains a judge lacks, and replaces what it attested before. The judge
		/// is still seated for claims that name them, and abstains. The chill of a judge that is
		/// chilled until it attests golden vectors ends once it lacks none of the toolchains for
		/// which it was chilled.
		///
		/// Who: a validator, or an account with a stored attestation, with its registered verifier
		/// key, without an account; once in a beacon window, and only if it changes anything.
		///
		/// - `verifier`: the judge.
		/// - `window`: the beacon window of the block.
		/// - `lacking`: the toolchains whose golden vectors its service does not reproduce,
		///   ascending, each accepted or retiring.
		/// - `signature`: the verifier key's, over the attestation.
		///
		/// Emits `Attested`, and, if it ends a chill, the election's `ValidatorChilled`. Costs
		/// nothing.
		#[pallet::call_index(10)]
		#[pallet::weight((T::WeightInfo::attest(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_attest())]
		#[pallet::authorize(Self::authorize_attest)]
		pub fn attest(
			origin: OriginFor<T>,
			verifier: AccountId,
			window: WindowIndex,
			lacking: Lacking,
			signature: VerifierSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			let _ = signature;
			Self::do_attest(verifier, window, lacking).map_err(|_| Error::<T>::NotOwed.into())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// An open challenge as applications show it.
		pub fn challenge(claim: ClaimId) -> Option<ChallengeView> {
			Self::view_challenge(claim)
		}

		/// All that the chain holds of a claim that is being judged, for anybody who judges it
		/// again.
		pub fn judgement(claim: ClaimId) -> Option<JudgementView> {
			Self::view_judgement(claim)
		}

		/// The toolchains with which assignments can be accepted.
		pub fn toolchains() -> Vec<ToolchainId> {
			Self::toolchains_accepted()
		}

		/// The retiring toolchains, which verifiers still keep.
		pub fn retiring_toolchains() -> Vec<Retiring> {
			RetiringToolchains::<T>::get().into_inner()
		}

		/// The members of the current ballot that have asked for bytes they could not get; whoever
		/// has the bytes serves them.
		pub fn asking(claim: ClaimId) -> Vec<AccountId> {
			Self::view_asking(claim)
		}

		/// The accepted work of a transcoder since it registered or failed, without what it
		/// rejected, in full claims. More of its claims is drawn until there are `new_claims`.
		pub fn accepted(transcoder: AccountId) -> u32 {
			Self::full_claims(&transcoder)
		}

		/// What a transcoder has done since it registered or failed: how much work of its claims
		/// was accepted, how much of that was judged, and in how many blocks it was done.
		pub fn record_of(transcoder: AccountId) -> Record {
			Accepted::<T>::get(transcoder)
		}

		/// How many times in a row a verifier gave no full answer. The cost of the next time
		/// doubles as often.
		pub fn no_shows(verifier: AccountId) -> u32 {
			NoShows::<T>::get(verifier)
		}

		/// What a judge has attested of its toolchains, and what it must attest before it validates
		/// again; `None` if it lacks none and owes nothing.
		pub fn attestation(verifier: AccountId) -> Option<Attestation> {
			Attestations::<T>::get(verifier)
		}

		/// What an account owes for claims, its own and those that it judges, the most urgent
		/// first.
		pub fn duties(account: AccountId) -> Vec<DutyView> {
			Self::view_duties(&account)
		}
	}

	impl<T: Config> Pallet<T> {
		/// The validators in force with their verifier keys.
		pub fn verifiers() -> Vec<(AccountId, VerifierId)> {
			Verifiers::<T>::get().into_inner()
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_reveal_leaf(
			_source: TransactionSource,
			claim: &ClaimId,
			index: &u32,
			leaf: &Leaf,
			broadcaster_signature: &OperatorSignature,
			proof: &SumProof,
		) -> TransactionValidityWithRefund {
			Self::validate_reveal_leaf(*claim, *index, leaf, broadcaster_signature, proof)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch, which checks the
		/// proofs.
		fn authorize_open_variants(
			_source: TransactionSource,
			claim: &ClaimId,
			openings: &VariantOpenings,
			signature: &OperatorSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_open_variants(*claim, openings, signature)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_ask_data(
			_source: TransactionSource,
			claim: &ClaimId,
			tranche: &Tranche,
			member: &u16,
			signature: &VerifierSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_ask_data(*claim, *tranche, *member, signature)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_attest(
			_source: TransactionSource,
			verifier: &AccountId,
			window: &WindowIndex,
			lacking: &Lacking,
			signature: &VerifierSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_attest(verifier, *window, lacking, signature)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_commit_verdict(
			_source: TransactionSource,
			claim: &ClaimId,
			tranche: &Tranche,
			member: &u16,
			commitment: &Hash,
			signature: &VerifierSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_commit_verdict(*claim, *tranche, *member, commitment, signature)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_reveal_verdict(
			_source: TransactionSource,
			claim: &ClaimId,
			tranche: &Tranche,
			member: &u16,
			opening: &Opening,
			signature: &VerifierSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_reveal_verdict(*claim, *tranche, *member, opening, signature)
		}
	}
}
