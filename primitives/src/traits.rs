//! Contracts between pallets. Each is implemented by one pallet (or by the runtime's glue) and
//! used by others; a paragraph says what both sides may rely on.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{BoundedVec, DispatchError, DispatchResult, Perbill};
use sp_weights::Weight;

use crate::{
	keys::VerifierId,
	service::ServiceRecord,
	sum_tree::Commitment,
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, RoundIndex, Seq,
	StreamId, ToolchainId, WindowIndex, MAX_VALIDATORS,
};

/// The clock of the protocol: every deadline, round and window is a number of its blocks. It counts
/// the chain's blocks except closed ones, in which the runtime admits nothing but inherents, so
/// that nobody is late who could not answer. Blocks that their authors left empty count.
///
/// The clock is set before any other pallet's hook runs and stays as it is for the rest of the
/// block. In a closed block `now` is still the number of the last open one, whose hooks have run:
/// a hook that acts on the clock returns at once unless [`ProtocolClock::is_open`].
pub trait ProtocolClock {
	/// The number of this block, or of the last open one. Never runs back, and never ahead of the
	/// chain's own height.
	fn now() -> BlockNumber;
	/// Whether this block counts.
	fn is_open() -> bool;
}

/// The round clock. Rounds follow from the numbers of [`ProtocolClock`] alone; the current one is
/// already the new one when [`OnNewRound`] runs.
pub trait Rounds {
	/// The round of this block.
	fn current() -> RoundIndex;
	/// Whether terms are frozen: the last part of the round.
	fn in_lock_period() -> bool;
	/// For benchmarks: makes `round` the current one, where the clock can.
	#[cfg(feature = "runtime-benchmarks")]
	fn set_current(_round: RoundIndex) {}
}

/// Told once at the first block of each round, before any extrinsic, in the order in which the
/// runtime lists its receivers. Staking is none of them, for its pools fold when they are touched.
/// Returns the weight that it used; must not fail.
pub trait OnNewRound {
	/// `finished` has ended, `new` begins with this block.
	fn on_new_round(finished: RoundIndex, new: RoundIndex) -> Weight;
}

#[impl_trait_for_tuples::impl_for_tuples(4)]
impl OnNewRound for Tuple {
	fn on_new_round(finished: RoundIndex, new: RoundIndex) -> Weight {
		let mut weight = Weight::zero();
		for_tuples!( #( weight = weight.saturating_add(Tuple::on_new_round(finished, new)); )* );
		weight
	}
}

/// A validator as it was when a seed was stored.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SeatedValidator {
	/// Its account.
	pub account: AccountId,
	/// Its total stake, own and delegated.
	pub stake: Balance,
	/// Its verifier session key.
	pub key: VerifierId,
}

/// Validators stored with a seed.
pub type SeatedValidators = BoundedVec<SeatedValidator, sp_core::ConstU32<MAX_VALIDATORS>>;

/// The validator set now in force with stakes and verifier keys: what the beacon stores with each
/// seed. A validator without a verifier key is left out.
pub trait ValidatorsInForce {
	/// The set of this block.
	fn validators_in_force() -> SeatedValidators;
}

/// A stored seed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Seed {
	/// The seed.
	pub hash: Hash,
	/// The validators in force when it was stored.
	pub validators: SeatedValidators,
}

/// The beacon. A seed, once stored, never changes, and stays as long as a window is retained;
/// every `retain` is matched by one `release`.
pub trait Beacon {
	/// The window of this block.
	fn current_window() -> WindowIndex;
	/// The first block of a window, on the protocol's clock.
	fn window_start(window: WindowIndex) -> BlockNumber;
	/// The seed by which claims of `window - 1` are drawn; `None` until it is stored. Where a
	/// window's own seed is invalid, this answers with the one that stands in for it.
	fn seed(window: WindowIndex) -> Option<Seed>;
	/// Keeps the seed of `window` (whether stored yet or not) until it is released.
	fn retain(window: WindowIndex);
	/// Ends one `retain`.
	fn release(window: WindowIndex);
	/// The accumulator as of this block: includes the parent's VRF. Weaker than a seed: the
	/// parent's author could have withheld the block.
	fn accumulator() -> Hash;
	/// For benchmarks: stores `seed` as the one of `window`.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seed(window: WindowIndex, seed: Seed);
}

/// Stake as other pallets read it. All amounts are after every slash so far.
pub trait Stake {
	/// The stake that counts for `transcoder` this round: own and delegated, bonded before this
	/// round began.
	fn active_stake(transcoder: &AccountId) -> Balance;
	/// What `transcoder` has bonded to itself, whether it counts yet or not.
	fn self_bond(transcoder: &AccountId) -> Balance;
	/// To whom `who` is bonded.
	fn delegate_of(who: &AccountId) -> Option<AccountId>;
	/// For benchmarks: bonds `amount` of new LPT of `transcoder` to itself so that it counts from
	/// this round on.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_stake(transcoder: &AccountId, amount: Balance);
}

/// Who may receive new stake. Implemented by the election: registered and not jailed. Bonding to
/// oneself before registering is allowed by staking without asking.
pub trait AcceptsStake {
	/// Whether `transcoder` may receive stake from `from` now.
	fn accepts_stake(transcoder: &AccountId, from: &AccountId) -> bool;
}

/// What happened to a slash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct Slashed {
	/// What the stake lost in all.
	pub total: Balance,
	/// What of it went to the finders.
	pub finders_fee: Balance,
	/// What of it went to the common pool.
	pub common_pool: Balance,
}

/// Slashing. Cuts `transcoder`'s bonded pool and its exit pools of rounds ≥ `offence` by
/// `fraction` in O(pools), moves the money out of the pot and says how much it was. Finders share
/// the finder's fee equally; without finders all goes to the common pool. Never fails: an unknown
/// transcoder loses nothing.
pub trait Slash {
	/// Executes a slash.
	fn slash(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
	) -> Slashed;
	/// The most weight that a slash takes now, for an offence of that round and with this many
	/// finders. Callers add it to what they charge for themselves.
	fn slash_weight(offence: RoundIndex, finders: u32) -> Weight;
}

/// Open liabilities: while `(transcoder, round)` is open, no stake that left the transcoder in a
/// round ≥ that one is released. Calls are counted: every `open` is matched by one `close`.
pub trait Liability {
	/// A claim of `round` was made.
	fn open(transcoder: &AccountId, round: RoundIndex);
	/// It reached its end and everything that followed from it was executed.
	fn close(transcoder: &AccountId, round: RoundIndex);
}

/// Where settled fees go. The caller moves the whole fee in ETH to [`FeeSink::pot`] first; the
/// sink then owes the transcoder's part to the transcoder and `fee_share` of it to its delegators
/// of the current round in proportion to stake (the transcoder's own stake among them). With no
/// active stake the transcoder gets all.
pub trait FeeSink {
	/// The account that holds owed fees.
	fn pot() -> AccountId;
	/// Books `fee`, already in the pot, with the delegators' `fee_share` of it.
	fn deposit_fee(transcoder: &AccountId, fee: Balance, fee_share: Perbill);
}

/// A transcoder that a job can be assigned to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
	/// Its account.
	pub account: AccountId,
	/// Its stake of this round.
	pub stake: Balance,
	/// Its price of a standard segment, in ETH.
	pub price: Balance,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
	/// Assignments that it takes at a time.
	pub capacity: u32,
}

/// The transcoders of this round. Bounded by the size of the active set.
pub trait TranscoderDirectory {
	/// Active, with a capacity above 0 and a heartbeat in time, and not jailed.
	fn candidates() -> Vec<Candidate>;
	/// Whether `transcoder` is jailed.
	fn is_jailed(transcoder: &AccountId) -> bool;
	/// Whether `transcoder` still sends heartbeats, active or not. One that takes nothing new, with
	/// capacity 0, still serves what it has.
	fn is_available(transcoder: &AccountId) -> bool;
	/// Notes that `transcoder` let an assignment pass.
	fn note_not_accepted(transcoder: &AccountId);
	/// For benchmarks: makes `transcoder` a candidate with this price and capacity.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u32);
}

/// Jail. From a failed verdict to its execution a transcoder is jailed: it accepts no stake and
/// no job, and hands on its assignments. Counted: leaving jail needs every `detain` matched by a
/// `resolve`, and then the transcoder's own call.
pub trait Jail {
	/// A verdict against `transcoder` awaits execution.
	fn detain(transcoder: &AccountId);
	/// It was executed or cancelled.
	fn resolve(transcoder: &AccountId);
}

/// Session keys. Implemented by the runtime's glue over `pallet-session`: the keys that an account
/// has registered now, which act from the session after next. An account without keys is never
/// returned as a validator.
pub trait HasKeys {
	/// A hash of the keys that `who` has registered, which changes when they do; `None` without
	/// keys.
	fn keys_hash(who: &AccountId) -> Option<Hash>;
	/// Whether `who` has session keys registered.
	fn has_keys(who: &AccountId) -> bool {
		Self::keys_hash(who).is_some()
	}
}

/// Takes a validator out of consensus at once, for the rest of the session in force. Implemented
/// by the runtime's glue through `pallet-session`'s disabling strategy, which keeps enough
/// validators enabled for blocks to be made and final; so it may decline, and an account that does
/// not validate is ignored. Never fails.
pub trait DisableValidator {
	/// `validator` must not take part any longer.
	fn disable(validator: &AccountId);
}

/// Told when a transcoder leaves at once: jail, resignation. Implemented by jobs, which hand its
/// assignments on in later blocks; must be O(1).
pub trait OnTranscoderLost {
	/// `transcoder` can no longer serve.
	fn on_transcoder_lost(transcoder: &AccountId);
}

/// A claim as the lottery needs it.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ClaimInfo {
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// The claimant.
	pub transcoder: AccountId,
	/// The job's owner.
	pub broadcaster: AccountId,
	/// The stream.
	pub stream: StreamId,
	/// Seq of leaf 0.
	pub first: Seq,
	/// Root, total work and leaf count.
	pub commitment: Commitment,
	/// The toolchain that made the outputs.
	pub toolchain: ToolchainId,
	/// The job's ladder.
	pub ladder: Ladder,
	/// The job's limits of the source.
	pub limits: SourceLimits,
	/// Factors of the work formula, frozen when the job was created.
	pub factors: WorkFactors,
	/// The most work that one leaf may hold.
	pub max_leaf_work: u64,
	/// The fee in escrow.
	pub fee: Balance,
	/// The round in which the claim was made.
	pub round: RoundIndex,
	/// The beacon window in which it was made.
	pub window: WindowIndex,
}

/// What becomes of a claim's escrow.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Settlement {
	/// To the transcoder and its delegators.
	Pay,
	/// Back to the broadcaster.
	Refund,
}

/// Claims, kept by jobs from claiming to settlement. `settle` moves the escrow, closes the
/// claim's liability and deletes it; it succeeds exactly once per claim, and is called again when
/// it failed.
pub trait Claims {
	/// An open claim.
	fn claim(id: ClaimId) -> Option<ClaimInfo>;
	/// Ends a claim.
	fn settle(id: ClaimId, settlement: Settlement) -> DispatchResult;
	/// For benchmarks: an open claim over `commitment` by `transcoder` for `broadcaster`. Nobody is
	/// told of it: [`OnClaim`] is left to the caller.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_claim(
		transcoder: &AccountId,
		broadcaster: &AccountId,
		commitment: Commitment,
	) -> ClaimId;
}

/// Told of each claim in the call that makes it. Implemented by the lottery, which opens the
/// claim's challenge; an error refuses the claim.
pub trait OnClaim {
	/// The most leaves that a claim of this transcoder may have.
	fn max_leaves(transcoder: &AccountId) -> u32;
	/// Whether governance accepts this toolchain.
	fn accepts_toolchain(toolchain: &ToolchainId) -> bool;
	/// A claim was made.
	fn on_claim(id: ClaimId, info: &ClaimInfo) -> Result<(), DispatchError>;
	/// For benchmarks: the id of a toolchain that is accepted from now on.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId {
		ToolchainId::zero()
	}
}

/// Where operators and broadcasters are reached. Implemented by the runtime's glue over election
/// and jobs.
pub trait ServiceDirectory {
	/// The service record of `who`; `None` when it has published none.
	fn service(who: &AccountId) -> Option<ServiceRecord>;
}
