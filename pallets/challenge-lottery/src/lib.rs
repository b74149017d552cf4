#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod agenda_impls;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod decision;
mod draw_impls;
#[cfg(test)]
mod mock;
mod offchain;
mod outcome_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state;
pub mod types;
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
	use frame_support::pallet_prelude::*;
	use frame_system::{offchain::CreateAuthorizedTransaction, pallet_prelude::*};
	use livepeer_primitives::{
		api::{ChallengeView, Outcome},
		keys::{VerifierId, VerifierSignature},
		leaf::Leaf,
		params::{LotteryParameters, Timing},
		sum_tree::SumProof,
		traits::{
			Beacon, Claims, Jail, ProtocolClock, Rounds, ServiceDirectory, Slash, Stake,
			TranscoderDirectory,
		},
		verdict::{Evidence, Opening, Tranche, Verdict},
		AccountId, Balance, BlockNumber, ClaimId, Hash, RoundIndex, Signature, ToolchainId,
		MAX_VALIDATORS,
	};
	use sp_runtime::{
		traits::SaturatedConversion, transaction_validity::TransactionValidityWithRefund,
	};

	use crate::{
		types::{Ballot, Challenge, Member, Penalties, Penalty, RoundRecord},
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
		/// Whose stake a validator's is.
		type Stake: Stake;
		/// Cuts stake.
		type Slash: Slash;
		/// Jails transcoders that await a slash.
		type Jail: Jail;
		/// Who is jailed.
		type Directory: TranscoderDirectory;
		/// Where the verify service finds a claim's bytes.
		type Services: ServiceDirectory;
		/// Most toolchains that governance can list.
		#[pallet::constant]
		type MaxToolchains: Get<u32>;
		/// Priority of commits and reveals in the pool.
		#[pallet::constant]
		type DutyPriority: Get<TransactionPriority>;
		/// What the agenda may use of a block. It takes at least one entry in each.
		#[pallet::constant]
		type AgendaBudget: Get<Weight>;
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

	/// Penalties of verifiers that await execution.
	#[pallet::storage]
	pub type PendingPenalties<T: Config> = StorageMap<_, Twox64Concat, ClaimId, Penalties>;

	/// Open challenges of a transcoder's claims of one round, and whether one of them has cost
	/// stake.
	#[pallet::storage]
	pub type OfRound<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, RoundIndex, RoundRecord>;

	/// In which block each challenge moves on: exactly one entry for each.
	#[pallet::storage]
	pub type Agenda<T: Config> =
		StorageDoubleMap<_, Twox64Concat, BlockNumber, Twox64Concat, ClaimId, ()>;

	/// The first block of the agenda that is not worked off, when a block's budget did not suffice.
	#[pallet::storage]
	pub type Overdue<T: Config> = StorageValue<_, BlockNumber>;

	/// The validators in force with their verifier keys.
	#[pallet::storage]
	pub type Verifiers<T: Config> =
		StorageValue<_, BoundedVec<(AccountId, VerifierId), ConstU32<MAX_VALIDATORS>>, ValueQuery>;

	/// The toolchains that claims may name.
	#[pallet::storage]
	pub type Toolchains<T: Config> =
		StorageValue<_, BoundedVec<ToolchainId, T::MaxToolchains>, ValueQuery>;

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
			/// The block in which its execution begins; until then governance can cancel it.
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
		},
		/// Claims may name this toolchain from now on.
		ToolchainAccepted {
			/// The toolchain.
			toolchain: ToolchainId,
		},
		/// New claims may no longer name this toolchain.
		ToolchainRetired {
			/// The toolchain.
			toolchain: ToolchainId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// There is no open challenge of this claim.
		NoChallenge,
		/// The claim has a challenge already.
		AlreadyChallenged,
		/// Governance does not accept the toolchain.
		UnknownToolchain,
		/// The claim holds no leaf or no work, so nothing could be drawn.
		NoWork,
		/// The claim has more leaves than can be sampled at the rate in force.
		TooManyLeaves,
		/// The claim is drawn.
		AlreadyDrawn,
		/// It is too early: the draw's window has not begun, or leaves can still be revealed.
		TooEarly,
		/// The seed is not stored yet.
		SeedNotReady,
		/// The sender is not the claim's transcoder.
		NotTranscoder,
		/// The claim does not wait for leaves.
		NotRevealing,
		/// The reveal window is over.
		TooLate,
		/// Only transcoded leaves can be revealed; rejected ones are not taken yet.
		NotTranscoded,
		/// The leaf does not hold one output per rendition of the job.
		WrongOutputs,
		/// The leaf holds more work than a segment of the job can.
		TooMuchWork,
		/// The proof does not lead from the leaf to the claim's root.
		BadProof,
		/// No drawn position that still waits for an answer falls in the leaf.
		NothingToAnswer,
		/// The broadcaster did not sign the segment as this leaf describes it.
		BadSignature,
		/// The call is not owed. What was authorized never ends here.
		NotOwed,
		/// The claim is not decided yet, or it is void.
		NotDecided,
		/// The toolchain is listed already.
		AlreadyAccepted,
		/// The list of toolchains is full.
		TooManyToolchains,
		/// The decision's block has come: its execution has begun, or is about to.
		ExecutionBegun,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			if !T::Clock::is_open() {
				return Weight::zero();
			}
			Self::run_agenda(Self::now())
		}

		fn offchain_worker(height: BlockNumberFor<T>) {
			if sp_io::offchain::is_validator() {
				Self::run_duties(height.saturated_into());
			}
		}

		fn integrity_test() {
			assert!(T::MaxToolchains::get() > 0, "no toolchain could be accepted");
			assert!(
				T::AgendaBudget::get().all_lte(T::BlockWeights::get().max_block),
				"the agenda's budget exceeds a block"
			);
			let step = T::WeightInfo::agenda_step();
			assert!(T::AgendaBudget::get().all_gte(step), "the agenda's budget holds no step");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Draws a claim's positions and committee: for anyone, in any block from the second window
		/// after the claim's own on. The agenda does it by itself in the first. A late draw has the
		/// same positions, and the same committee unless a validator stored with the seed has
		/// meanwhile begun or ceased to delegate to the transcoder.
		#[pallet::call_index(0)]
		#[pallet::weight(
			T::WeightInfo::draw(MAX_VALIDATORS).saturating_add(Pallet::<T>::execution_weight())
		)]
		pub fn draw(origin: OriginFor<T>, claim: ClaimId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Ok(Some(Self::do_draw(claim)?).into())
		}

		/// Reveals a leaf in which a drawn position falls, with the broadcaster's signature over
		/// the segment and the leaf's path. For the claim's transcoder; free when it is taken.
		#[pallet::call_index(1)]
		#[pallet::weight((T::WeightInfo::reveal_leaf(proof.len() as u32), DispatchClass::Operational))]
		pub fn reveal_leaf(
			origin: OriginFor<T>,
			claim: ClaimId,
			index: u32,
			leaf: Leaf,
			broadcaster_signature: Signature,
			proof: SumProof,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_reveal_leaf(who, claim, index, leaf, broadcaster_signature, proof)?;
			Ok(Pays::No.into())
		}

		/// Ends a claim whose drawn leaves were not all revealed in time. Until the agenda does it
		/// by itself, the reporter earns the finder's fee.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::report_missed())]
		pub fn report_missed(origin: OriginFor<T>, claim: ClaimId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_report_missed(who, claim)
		}

		/// Commits to verdicts and evidence. Signed by the member's verifier key over the
		/// duty payload; needs no account and pays no fee.
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
			Self::do_commit(claim, tranche, member, commitment)
				.map_err(|_| Error::<T>::NotOwed.into())
		}

		/// Reveals what was committed to, in the reveal phase. Signed by the member's verifier key
		/// over the duty payload; needs no account and pays no fee.
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
			Self::do_reveal(claim, tranche, member, opening).map_err(|_| Error::<T>::NotOwed.into())
		}

		/// Governance: cancels a decision before the block in which its execution begins. Refund,
		/// slash, finder's fee and verifiers' penalties fall away, jail can end, and the transcoder
		/// is paid.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::cancel())]
		pub fn cancel(origin: OriginFor<T>, claim: ClaimId) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_cancel(claim)
		}

		/// Governance: claims may name this toolchain from now on.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::accept_toolchain())]
		pub fn accept_toolchain(origin: OriginFor<T>, toolchain: ToolchainId) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_accept_toolchain(toolchain)
		}

		/// Governance: new claims may no longer name this toolchain. Open ones are judged by it.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::retire_toolchain())]
		pub fn retire_toolchain(origin: OriginFor<T>, toolchain: ToolchainId) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_retire_toolchain(toolchain)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// An open challenge as applications show it.
		pub fn challenge(claim: ClaimId) -> Option<ChallengeView> {
			Self::challenge_view(claim)
		}

		/// The toolchains that claims may name.
		pub fn toolchains() -> Vec<ToolchainId> {
			Self::toolchains_accepted()
		}
	}

	impl<T: Config> Pallet<T> {
		/// The validators in force with their verifier keys.
		pub fn verifiers() -> Vec<(AccountId, VerifierId)> {
			Verifiers::<T>::get().into_inner()
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
			Self::check_commit(*claim, *tranche, *member, commitment, signature)
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
			Self::check_reveal(*claim, *tranche, *member, opening, signature)
		}
	}
}
