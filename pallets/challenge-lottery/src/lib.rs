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

	/// What the runtime provides. `frame_system::AuthorizeCall` must be among its transaction
	/// extensions.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, Hash = Hash, RuntimeEvent: From<Event<Self>>>
		+ CreateAuthorizedTransaction<Call<Self>>
	{
		/// What was fixed at genesis: the off-chain worker needs the length of a slot.
		type Timing: Get<Timing>;
		/// The parameters in force; copied into each challenge.
		type Parameters: Get<LotteryParameters>;
		/// Seeds, and the validators stored with them.
		type Beacon: Beacon;
		/// Counts the blocks by which deadlines are set.
		type Clock: ProtocolClock;
		/// The round clock.
		type Rounds: Rounds;
		/// Claims and their escrow.
		type Claims: Claims;
		/// Told when a claim is decided: it holds no place from then on.
		type OnDecided: OnDecided;
		/// The keys that sign for broadcasters.
		type Keys: OperatorKeysOf;
		/// Cuts stake.
		type Slash: Slash;
		/// Keeps the stake of judges until what they judge has ended.
		type Liability: Liability;
		/// Jails transcoders that await a slash.
		type Jail: Jail;
		/// Keeps who judged badly from validating for a while.
		type Chill: Chill;
		/// The keys by which judges attest which toolchains they lack.
		type VerifierKeys: VerifierKeyOf;
		/// Pays judges in LPT.
		type Pool: JudgesPool;
		/// LPT that the common pool adds in a round to what judges are paid out of penalties.
		type PoolRewards: Get<Balance>;
		/// Where the verify service finds a claim's bytes.
		type Services: ServiceDirectory;
		/// Blocks after an assignment's end in which it can still be claimed for: so long claims may
		/// name a toolchain after it has retired.
		type ClaimGrace: Get<BlockNumber>;
		/// The least number of blocks between the call that retires a toolchain and the block in which
		/// its assignments end: one round.
		type RetirementNotice: Get<BlockNumber>;
		/// For benchmarks: gives the claim's transcoder stake.
		#[cfg(feature = "runtime-benchmarks")]
		type Stake: livepeer_primitives::traits::Stake;
		/// Most toolchains that governance can list, and as many on their way out.
		#[pallet::constant]
		type MaxToolchains: Get<u32>;
		/// Priority of leaves, commits and reveals in the pool.
		#[pallet::constant]
		type DutyPriority: Get<TransactionPriority>;
		/// The weight that a block sets aside for the agenda: three quarters of it for urgent tasks,
		/// what these leave for lazy ones. Each queue takes at least one step in a block, and its last
		/// one may exceed its part.
		#[pallet::constant]
		type AgendaWeight: Get<Weight>;
		/// The listed price of weight, in LPT: what a dispute weighs is paid for by whoever is to blame.
		type WeightPrice: WeightToFee<Balance = Balance>;
		/// Weights of calls and steps.
		type WeightInfo: WeightInfo;
	}

	/// Open challenges.
	#[pallet::storage]
	pub type Challenges<T: Config> = StorageMap<_, Twox64Concat, ClaimId, Challenge>;

	/// The ballots of the challenges that are voted on: the index by which verifiers find what
	/// they owe.
	#[pallet::storage]
	pub type Ballots<T: Config> = StorageMap<_, Twox64Concat, ClaimId, Ballot>;

	/// Members by claim, tranche and number. A committee's stay until the claim is decided.
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

	/// The judges of each challenge from their seat to its end, with what they owe once it is
	/// decided: their stake is liable as long as they stand here.
	#[pallet::storage]
	pub type Judges<T: Config> = StorageMap<_, Twox64Concat, ClaimId, JudgeList>;

	/// How often in a row a verifier gave no full answer. Absent when its last answer was full.
	#[pallet::storage]
	pub type NoShows<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32, ValueQuery>;

	/// What verifiers left undone in the newest round of whose snapshot they did, and what that took of
	/// their stake. Goes with the next full answer of a later round.
	#[pallet::storage]
	pub type Omitted<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Omissions>;

	/// How many judges were chilled for bytes that they had asked for and their fellows had, and the round
	/// in which the first of them was. Counted anew once that one's chill is over.
	#[pallet::storage]
	pub type ChilledLate<T: Config> = StorageValue<_, (RoundIndex, u32)>;

	/// The judges that lack a toolchain, or have to attest that they lack none, by account.
	#[pallet::storage]
	pub type Attestations<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Attestation>;

	/// What judges have to do that owe a commitment; absent when nobody does.
	#[pallet::storage]
	pub type Queues<T: Config> = StorageValue<_, AllQueues, ValueQuery>;
	/// What of a transcoder's claims was accepted since it registered or failed: until that is enough,
	/// more of its leaves are drawn. Absent when nothing was and no claim is open that does not count.
	/// Written with each claim that is settled and counts.
	#[pallet::storage]
	pub type Accepted<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Record, ValueQuery>;

	/// What the common pool has added to the judges' pay in the newest round in which it did.
	#[pallet::storage]
	pub type PoolSpent<T: Config> = StorageValue<_, (RoundIndex, Balance)>;

	/// What was decided lately of the claims under each toolchain, by stretches of a session's length: when a
	/// failure is reviewed, those around it tell whether its slash waits longer. Goes with the toolchain.
	#[pallet::storage]
	pub type Tallied<T: Config> = StorageMap<_, Twox64Concat, ToolchainId, Tallies, ValueQuery>;

	/// Open challenges of a transcoder's claims of one round, and what they have cost of its stake.
	#[pallet::storage]
	pub type OfRound<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, RoundIndex, RoundRecord>;

	/// What is to be done in which block, by queue: exactly one entry for each challenge and for each
	/// toolchain on its way out.
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

	/// Blocks so far in which calls that are owed took nearly all of the room that is theirs alone. Where
	/// there are such a transcoder has longer to reveal its leaves and to open its variants, and judges
	/// have longer to commit and to reveal.
	#[pallet::storage]
	pub type Crowded<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The first block of a queue that is not worked off; absent when none is overdue.
	#[pallet::storage]
	pub type Backlog<T: Config> = StorageMap<_, Twox64Concat, Class, BlockNumber>;

	/// The validators in force with their verifier keys.
	#[pallet::storage]
	pub type Verifiers<T: Config> =
		StorageValue<_, BoundedVec<(AccountId, VerifierId), ConstU32<MAX_VALIDATORS>>, ValueQuery>;

	/// The toolchains that assignments may be accepted with, ascending.
	#[pallet::storage]
	pub type Toolchains<T: Config> =
		StorageValue<_, BoundedVec<ToolchainId, T::MaxToolchains>, ValueQuery>;

	/// The toolchains on their way out, until no open claim can name them.
	#[pallet::storage]
	pub type RetiringToolchains<T: Config> =
		StorageValue<_, BoundedVec<Retiring, T::MaxToolchains>, ValueQuery>;

	/// What the chain starts with.
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
			/// The positions that the transcoder must answer for.
			positions: Vec<u64>,
			/// Who will judge; empty makes the claim void.
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
			/// Who earns the finder's fee.
			reporter: AccountId,
		},
		/// A tranche's members must commit.
		CommitStarted {
			/// The claim.
			claim: ClaimId,
			/// The tranche; 255 is the dispute.
			tranche: Tranche,
			/// The first block that is too late.
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
			/// The first block that is too late.
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
			/// Failed over the question alone whether the segments can be transcoded: the fee goes
			/// back, without a slash.
			about_input: bool,
			/// The block in which its execution begins; until then governance can cancel it. Where many fail
			/// under one toolchain, `DeferralLengthened` names a later one.
			execute_at: BlockNumber,
		},
		/// A verifier was penalised.
		Penalised {
			/// The claim.
			claim: ClaimId,
			/// The verifier.
			verifier: AccountId,
			/// For what.
			penalty: Penalty,
			/// The share of its stake that it costs: for what it left undone only what that is more than
			/// the largest of the round has cost already.
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
			/// What of it went to the finders.
			finders_fee: Balance,
			/// What of it went to the common pool.
			common_pool: Balance,
		},
		/// A decision could not be executed; it is tried again later.
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
		/// Assignments may be accepted with this toolchain from now on.
		ToolchainAccepted {
			/// The toolchain.
			toolchain: ToolchainId,
		},
		/// No assignment is accepted with this toolchain from now on.
		ToolchainRetired {
			/// The toolchain.
			toolchain: ToolchainId,
			/// The first block in which no assignment runs on it.
			at: BlockNumber,
			/// The block until which verifiers keep it.
			until: BlockNumber,
		},
		/// No claim that is not decided can name this toolchain: verifiers need it no longer.
		ToolchainForgotten {
			/// The toolchain.
			toolchain: ToolchainId,
		},
		/// A tranche came to no agreement, and nobody accuses the transcoder: the next one judges.
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
			/// For each revealed leaf in ascending order of index the rendition that is due as a variant.
			due: Vec<Option<u8>>,
		},
		/// A member could not have all bytes, and asks whoever has them.
		DataAsked {
			/// The claim.
			claim: ClaimId,
			/// The tranche.
			tranche: Tranche,
			/// The member.
			verifier: AccountId,
		},
		/// Nobody reveals any more: the transcoder must open its forced variants.
		OpeningStarted {
			/// The claim.
			claim: ClaimId,
			/// The first block that is too late.
			until: BlockNumber,
		},
		/// The transcoder signed openings of which one at least is not by its VRF key: it has opened
		/// nothing, and the claim is missed.
		WronglyOpened {
			/// The claim.
			claim: ClaimId,
		},
		/// A judge attested which toolchains it lacks.
		Attested {
			/// The judge.
			verifier: AccountId,
			/// Those of which its service does not make the golden vectors; it abstains in claims that name
			/// one of them.
			lacking: Vec<ToolchainId>,
		},
		/// Many failed under this toolchain at about the same time: the slash waits longer.
		DeferralLengthened {
			/// The claim.
			claim: ClaimId,
			/// The toolchain.
			toolchain: ToolchainId,
			/// The block in which the decision's execution begins now; until then governance can cancel it.
			execute_at: BlockNumber,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// There is no open challenge of this claim.
		NoChallenge,
		/// The claim has a challenge already.
		AlreadyChallenged,
		/// The toolchain is not on the list.
		UnknownToolchain,
		/// The claim holds no leaf or no work, so nothing could be drawn.
		NoWork,
		/// Nobody could judge one leaf of the job in the time that judges are given.
		CannotBeJudged,
		/// The claim has more leaves than can be sampled at the rate in force.
		TooManyLeaves,
		/// The claim is drawn.
		AlreadyDrawn,
		/// It is too early: the draw's window has not begun, or leaves can still be revealed, or verdicts
		/// before the variants are opened.
		TooEarly,
		/// The seed is not stored yet.
		SeedNotReady,
		/// The claim does not wait for leaves.
		NotRevealing,
		/// The reveal window is over.
		TooLate,
		/// An empty leaf has no work, so no drawn position falls in it.
		EmptyLeaf,
		/// The leaf does not hold one place per rendition of the job.
		WrongOutputs,
		/// A rejected leaf has exactly the work that the job's factors give it.
		WrongRejectedWork,
		/// The leaf holds more work than the claim's largest: it counts as not revealed.
		AboveLargestLeaf,
		/// The segment is of another track than the one that is transcoded.
		NotTheSource,
		/// The proof does not lead from the leaf to the claim's root.
		BadProof,
		/// No drawn position that still waits for an answer falls in the leaf.
		NothingToAnswer,
		/// The signature names another account, or another generation of keys, than the assignment. A
		/// transcoder's may also be by the keys that it uses now, and not by a revoked one.
		WrongSigner,
		/// The broadcaster did not sign the segment as this leaf describes it, or the transcoder did not
		/// sign these openings for the ballot at work.
		BadSignature,
		/// The call is not owed. What was authorized never ends here.
		NotOwed,
		/// The claim is not decided yet, or it is void.
		NotDecided,
		/// The toolchain is listed already.
		AlreadyAccepted,
		/// The list of toolchains is full, or that of those on their way out.
		TooManyToolchains,
		/// A toolchain retires at least one round ahead.
		NoticeTooShort,
		/// The decision's block has come: its execution has begun, or is about to.
		ExecutionBegun,
		/// The claim's forced variants are not to be opened: they are, or none is asked for.
		NotOpening,
		/// There is not one opening for each drawn leaf, in ascending order of index.
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
			// What is read and written at the block's end.
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
		/// Draws a claim's positions and committee, a function of claim and stored seed alone: a
		/// late draw has the same result. The agenda does it by itself.
		///
		/// Who: anyone, from the start of the second window after the claim's own on.
		///
		/// - `claim`: the claim's number.
		///
		/// Emits `Drawn`; where nobody can judge also `Decided` and `Executed`. Costs the
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
		/// Emits `LeafRevealed`; with the last one `CommitStarted`. Costs nothing. The pool refuses
		/// it as `Custom(n)`, n being the number of the pallet's error.
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
		/// finder's fee until the block in which the agenda ends the claim by itself; the
		/// transcoder never earns it.
		///
		/// Who: anyone, from the reveal window's end on.
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
		/// Who: a member of the open ballot, by the verifier key that is stored for it, without an
		/// account.
		///
		/// - `claim`: the claim's number.
		/// - `tranche`: the ballot's; 255 is the dispute.
		/// - `member`: the member's number within the tranche, from 0.
		/// - `commitment`: to the opening, bound to what is judged.
		/// - `signature`: the verifier key's over the duty payload.
		///
		/// Emits `Committed`; with the last one `VerdictRevealStarted`. Costs nothing.
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

		/// Reveals what was committed to, in the reveal phase.
		///
		/// Who: a member that has committed, by its verifier key, without an account.
		///
		/// - `claim`: the claim's number.
		/// - `tranche`: the ballot's; 255 is the dispute.
		/// - `member`: the member's number within the tranche, from 0.
		/// - `opening`: one verdict per revealed leaf in ascending order of index, evidence and
		///   salt.
		/// - `signature`: the verifier key's over the duty payload.
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
		/// finder's fee and judges' penalties fall away, jail can end, and the transcoder is paid.
		///
		/// Who: governance.
		///
		/// - `claim`: the claim's number; it is decided, and not void.
		/// - `case`: SHA-256 of the file by which the verdict was judged again, where there is one, so that
		///   anybody who has the file can see why.
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

		/// Lets assignments be accepted with a toolchain. One that is on its way out stays.
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

		/// Retires a toolchain: no assignment is accepted with it from now on, those that run on it
		/// end at a block, and verifiers keep it until no claim over it can be open.
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
		/// Who: the transcoder, by a duties key, without an account, after the reveals of the first
		/// ballot that has any: when all who committed have revealed, or their time is over.
		///
		/// - `claim`: the claim's number.
		/// - `openings`: one per drawn leaf, in ascending order of index: the output of the
		///   transcoder's VRF for that segment, with its proof.
		/// - `signature`: over the openings for this claim and ballot, by a duties key of the
		///   assignment's generation or of the one in use.
		///
		/// Emits `VariantsOpened`; with a wrong proof `WronglyOpened`, and the claim is missed. Costs
		/// nothing. The pool refuses it as `Custom(n)`, n being the number of the pallet's error.
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

		/// Asks whoever has a claim's bytes for those that could not be had.
		///
		/// Who: a member of the open ballot, by its verifier key, without an account; once, in the
		/// first half of the commit phase.
		///
		/// - `claim`: the claim's number.
		/// - `tranche`: the ballot's; 255 is the dispute.
		/// - `member`: the member's number within the tranche, from 0.
		/// - `signature`: the verifier key's over the duty payload.
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

		/// Attests which toolchains a judge lacks, in the place of what it has attested before. It is seated
		/// for claims that name them all the same, and abstains. A judge that is chilled until it attests
		/// golden vectors is so no longer once it lacks none of the toolchains for which it was.
		///
		/// Who: a validator, or one of whom something is stored, by the verifier key that it has
		/// registered, without an account; once in a beacon window, and where it changes anything.
		///
		/// - `verifier`: the judge.
		/// - `window`: the beacon window of the block.
		/// - `lacking`: the toolchains of which its service does not make the golden vectors, ascending,
		///   each accepted or on its way out.
		/// - `signature`: the verifier key's over the attestation.
		///
		/// Emits `Attested`, and with the end of a chill the election's `ValidatorChilled`. Costs nothing.
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

		/// All that the chain holds of a claim that is judged, for whoever judges it again.
		pub fn judgement(claim: ClaimId) -> Option<JudgementView> {
			Self::view_judgement(claim)
		}

		/// The toolchains that assignments may be accepted with.
		pub fn toolchains() -> Vec<ToolchainId> {
			Self::toolchains_accepted()
		}

		/// The toolchains on their way out, which verifiers still keep.
		pub fn retiring_toolchains() -> Vec<Retiring> {
			RetiringToolchains::<T>::get().into_inner()
		}

		/// Who of the ballot at work has asked for bytes that it could not have: whoever has them serves
		/// them.
		pub fn asking(claim: ClaimId) -> Vec<AccountId> {
			Self::view_asking(claim)
		}

		/// As how many full claims those count that were accepted of a transcoder since it registered or
		/// failed, without what it rejected; more is drawn of its claims until there are `new_claims`.
		pub fn accepted(transcoder: AccountId) -> u32 {
			Self::full_claims(&transcoder)
		}

		/// What a transcoder has shown since it registered or failed: how much work was accepted of its
		/// claims, how much of that was judged, and in how many blocks it was done.
		pub fn record_of(transcoder: AccountId) -> Record {
			Accepted::<T>::get(transcoder)
		}

		/// How often in a row a verifier gave no full answer: the next time costs as many doublings.
		pub fn no_shows(verifier: AccountId) -> u32 {
			NoShows::<T>::get(verifier)
		}

		/// What a judge has attested of its toolchains, and what it has to attest before it validates again;
		/// `None` if it lacks none and owes nothing.
		pub fn attestation(verifier: AccountId) -> Option<Attestation> {
			Attestations::<T>::get(verifier)
		}

		/// What an account owes for claims, its own and those that it judges, what is due first at the
		/// top.
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
