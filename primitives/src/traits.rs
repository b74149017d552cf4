//! Contracts between pallets. Each trait is implemented by one pallet (or by the runtime's glue)
//! and used by others. Its documentation says what both sides can rely on.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{
	transaction_validity::TransactionValidityError, BoundedVec, DispatchError, DispatchResult,
	Perbill,
};
use sp_weights::Weight;

use crate::{
	claim::ClaimInfo,
	duty::Profiles,
	keys::{Generation, OperatorSignature, Purpose, Signer, VerifierId, VrfKey, MAX_OPERATOR_KEYS},
	params::VerificationTerms,
	refusal::NOT_YET,
	service::ServiceRecord,
	AccountId, Balance, BlockNumber, ClaimId, Hash, RoundIndex, StreamId, ToolchainId, WindowIndex,
	MAX_VALIDATORS,
};

/// The clock of the protocol: every deadline, round and window is a number of its blocks. It counts
/// the chain's blocks except closed ones, in which the runtime admits only inherents, so that
/// nobody is late who had no chance to answer. Blocks that their authors left empty count.
///
/// The clock is set before any other pallet's hook runs and does not change for the rest of the
/// block. In a closed block `now` is still the number of the last open one, whose hooks have
/// already run: a hook that acts on the clock must return at once unless
/// [`ProtocolClock::is_open`].
pub trait ProtocolClock {
	/// The number of this block, or of the last open one. It never decreases and is never ahead of
	/// the chain's own height.
	fn now() -> BlockNumber;
	/// Whether this block counts.
	fn is_open() -> bool;
	/// Refuses a duty while the clock stands still, in the pool as well as in a block, before any
	/// weight is spent on it. The duty is owed again, with as much time left, when the clock
	/// continues, so it is only early.
	fn ensure_open() -> Result<(), TransactionValidityError> {
		if Self::is_open() {
			Ok(())
		} else {
			Err(NOT_YET.into())
		}
	}
}

/// The round clock. Rounds follow from the numbers of [`ProtocolClock`] alone. When [`OnNewRound`]
/// runs, the current round is already the new one.
pub trait Rounds {
	/// The round of this block.
	fn current() -> RoundIndex;
	/// Whether terms are frozen: the last part of the round.
	fn in_lock_period() -> bool;
	/// For benchmarks: makes `round` the current one, if the clock can do that.
	#[cfg(feature = "runtime-benchmarks")]
	fn set_current(_round: RoundIndex) {}
}

/// Is told once at the first block of each round, before any extrinsic, in the order in which the
/// runtime lists the receivers. Staking is not among them, because its pools are brought up to date
/// when they are touched. Returns the weight that it used; must not fail.
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

/// A validator of a stored set.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SeatedValidator {
	/// Its account.
	pub account: AccountId,
	/// Its total stake, own and delegated, in the snapshot from which its set was chosen.
	pub stake: Balance,
	/// Its verifier session key.
	pub key: VerifierId,
	/// Whether it was jailed when the seed's window began; then it judges nothing.
	pub jailed: bool,
}

/// Validators of one set.
pub type SeatedValidators = BoundedVec<SeatedValidator, sp_core::ConstU32<MAX_VALIDATORS>>;

/// A validator set: everything that has weight in a draw of judges, fixed sessions before the seed
/// exists.
#[derive(
	Clone,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct ValidatorSet {
	/// The round of the stake snapshot from which it was chosen. Its members' offences as judges
	/// count as of this round.
	pub snapshot: RoundIndex,
	/// Its members, without duplicates.
	pub members: SeatedValidators,
}

/// The validator set now in force, which the beacon stores with each seed.
pub trait ValidatorsInForce {
	/// The set of this block with the stakes of the snapshot from which it was chosen. A validator
	/// without a verifier key is left out. `jailed` is as of this block; the beacon replaces it by
	/// the answer of [`Self::jailed`] at the window's beginning.
	fn validators_in_force() -> ValidatorSet;
	/// The jailed members of the sets that may be in force within a window from now: at most
	/// [`MAX_VALIDATORS`], ascending.
	fn jailed() -> BoundedVec<AccountId, sp_core::ConstU32<MAX_VALIDATORS>>;
}

/// A stored seed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Seed {
	/// The seed.
	pub hash: Hash,
	/// The validators in force when it was stored, with jail as of the start of its window.
	pub set: ValidatorSet,
}

/// The beacon. A stored seed never changes, and stays as long as a window is retained. Every
/// `retain` is matched by one `release`.
pub trait Beacon {
	/// The window of this block.
	fn current_window() -> WindowIndex;
	/// The first block of a window, on the protocol's clock.
	fn window_start(window: WindowIndex) -> BlockNumber;
	/// The seed by which claims of `window - 1` are drawn; `None` until it is stored. If a window's
	/// own seed is invalid, this returns the later one that answers for it.
	fn seed(window: WindowIndex) -> Option<Seed>;
	/// Keeps the seed of `window`, whether stored yet or not, until it is released.
	fn retain(window: WindowIndex);
	/// Ends one `retain`.
	fn release(window: WindowIndex);
	/// The accumulator as of this block, which includes the parent's VRF. Weaker than a seed: the
	/// parent's author could have withheld the block.
	fn accumulator() -> Hash;
	/// For benchmarks: stores `seed` as the one of `window`.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seed(window: WindowIndex, seed: Seed);
}

/// Stake as other pallets read it. All amounts are after all slashes so far.
pub trait Stake {
	/// The stake that counts for `transcoder` this round: own and delegated, bonded before this
	/// round began.
	fn active_stake(transcoder: &AccountId) -> Balance;
	/// What will count for `transcoder` in the next round, if nothing changes until then.
	fn next_stake(transcoder: &AccountId) -> Balance {
		Self::active_stake(transcoder)
	}
	/// What `transcoder` has bonded to itself, whether it counts yet or not.
	fn self_bond(transcoder: &AccountId) -> Balance;
	/// Both: what `transcoder` has bonded to itself, and the stake that counts for it.
	fn own_and_active(transcoder: &AccountId) -> (Balance, Balance) {
		(Self::self_bond(transcoder), Self::active_stake(transcoder))
	}
	/// The transcoder to which `who` is bonded.
	fn delegate_of(who: &AccountId) -> Option<AccountId>;
	/// For benchmarks: bonds `amount` of new LPT of `transcoder` to itself so that it counts from
	/// this round.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_stake(transcoder: &AccountId, amount: Balance);
}

/// Receives newly minted LPT. Implemented by staking; inflation calls it once per transcoder and
/// round, before anything else touches the stake of the new round.
pub trait RewardSink {
	/// Mints `amount` and books it to the stake of `transcoder` that counted in the finished
	/// `round` and is still there. The transcoder takes `cut` of it if it has own stake. Returns
	/// what was minted: all, or nothing if no stake counts.
	fn mint_reward(
		transcoder: &AccountId,
		round: RoundIndex,
		amount: Balance,
		cut: Perbill,
	) -> Balance;
	/// The most weight that this takes in addition to a reward of stake that
	/// `RewardedSeats::make_seat` has made, because inflation measures that with its own hook.
	fn more_reward_weight() -> Weight;
}

/// The total amount of LPT, of which inflation is a share. Implemented by the runtime's glue: the
/// total issuance of this chain, plus what the bridge counts of Ethereum.
pub trait Supply {
	/// All LPT.
	fn total() -> Balance;
}

/// A seat of the active set as inflation pays it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RewardedSeat {
	/// The transcoder.
	pub transcoder: AccountId,
	/// Its stake in the round's snapshot.
	pub stake: Balance,
	/// The share of rewards that it keeps.
	pub reward_cut: Perbill,
	/// Whether it did its duty in the round: it is neither jailed nor chilled, made blocks if it
	/// validates, and took work if it does not.
	pub earns: bool,
}

/// The active set with each member's performance, for the pallet that pays it. Implemented by the
/// election; the answer changes with the next election.
pub trait RewardedSeats {
	/// The round of the active set, its stake in the snapshot, and its seats. A seat that was given
	/// up is not listed, but its stake is in the sum.
	fn rewarded_seats() -> (RoundIndex, Balance, Vec<RewardedSeat>);
	/// For benchmarks: gives `transcoder` a seat with this stake, bonded, that earns.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seat(transcoder: &AccountId, stake: Balance);
}

/// How transcoders answer their offers: `CompetitivenessTolerance`. Implemented by inflation.
///
/// Jobs tell it once for each transcoder and job, and only of jobs in which a claim was accepted
/// and paid, so that nobody can ruin another's record for free. A job counts as not served if its
/// transcoder let it pass, lost it by missed heartbeats, or ended it itself. What a broadcaster
/// took away does not count as an offer.
pub trait Competition {
	/// `transcoder` was offered a job in this round, and served it or did not. Never fails.
	fn note_offer(transcoder: &AccountId, served: bool);
	/// The weight of that.
	fn note_offer_weight() -> Weight;
}

/// Whether a transcoder can receive new stake. Implemented by the election: it must be registered
/// and not jailed. Staking allows bonding to oneself before registering without asking.
pub trait AcceptsStake {
	/// Whether `transcoder` can receive stake from `from` now, and the reason if not.
	fn accepts_stake(transcoder: &AccountId, from: &AccountId) -> Result<(), StakeRefused>;
}

/// Why a transcoder cannot receive stake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StakeRefused {
	/// It is not registered.
	NotRegistered,
	/// It is registered, but jailed.
	Jailed,
}

/// The result of a slash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct Slashed {
	/// The stake's total loss.
	pub total: Balance,
	/// The part that went to the finders.
	pub finders_fee: Balance,
	/// The part that went to the common pool.
	pub common_pool: Balance,
}

/// Slashing. Cuts `transcoder`'s bonded pool and its exit pools of rounds ≥ `offence` by
/// `fraction`, in O(pools) however many accounts have stake in them, moves the money out of the pot
/// and returns the amounts. Finders share the finder's fee equally; what they do not get, which is
/// all of it if there are none, goes to the common pool. The fee is
/// `min(finder_fee × total, own_loss / 2)`, where `own_loss` is what the transcoder's own bond and
/// its own locks in those exit pools lost. An accomplice of the offender therefore never gains by a
/// slash, whatever part of the pool is the offender's own. Never fails: an unknown transcoder loses
/// nothing.
pub trait Slash {
	/// Executes a slash.
	fn slash(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
	) -> Slashed;
	/// The most weight that a slash takes now, for an offence of that round and with this many
	/// finders. Callers add it to their own weight.
	fn slash_weight(offence: RoundIndex, finders: u32) -> Weight;
}

/// Open liabilities: while `(who, round)` is open, no stake that left `who` in that round or later
/// is released. A transcoder is liable for each of its claims since the claim's round, a validator
/// for each challenge that it judges since the round of the snapshot that seated it. Liabilities
/// are counted per account and round: every `open` is matched by one `close`. Each costs one read
/// and one write, for the current round or an earlier one.
pub trait Liability {
	/// A claim of `round` was made, or a challenge seats `who` by the snapshot of `round`.
	fn open(who: &AccountId, round: RoundIndex);
	/// It ended, and everything that followed from it was executed.
	fn close(who: &AccountId, round: RoundIndex);
}

/// Receives settled fees. The caller first moves the whole fee in ETH to [`FeeSink::pot`]. The sink
/// then owes `fee_share` of it to the delegators of the current round in proportion to stake
/// (including the transcoder's own stake), and the rest to the transcoder. Without active stake the
/// transcoder gets all of it.
pub trait FeeSink {
	/// The account that holds owed fees.
	fn pot() -> AccountId;
	/// Books `fee`, already in the pot, with the delegators' `fee_share` of it.
	fn deposit_fee(transcoder: &AccountId, fee: Balance, fee_share: Perbill);
}

/// A transcoder to which a job can be assigned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
	/// Its account.
	pub account: AccountId,
	/// Its stake in the snapshot that gives the weights now. In a round's first two blocks this is
	/// the previous round's, so that nobody who can foresee a draw's randomness can still change
	/// it.
	pub stake: Balance,
	/// Its price of a standard segment, in ETH.
	pub price: Balance,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
	/// Work per second that its machine does.
	pub capacity: u64,
	/// The profiles that it serves, ascending.
	pub profiles: Profiles,
}

/// The transcoders of this round. Bounded by the size of the active set.
pub trait TranscoderDirectory {
	/// Transcoders that are active and not jailed, with a capacity above 0 and a heartbeat in time.
	fn candidates() -> Vec<Candidate>;
	/// Whether `transcoder` is jailed.
	fn is_jailed(transcoder: &AccountId) -> bool;
	/// Whether `transcoder` still sends heartbeats, active or not. One with capacity 0 takes
	/// nothing new, but still serves what it has.
	fn is_available(transcoder: &AccountId) -> bool;
	/// Notes that `transcoder` let an assignment pass.
	fn note_not_accepted(transcoder: &AccountId);
	/// For benchmarks: makes `transcoder` a candidate with this price and capacity in work
	/// per second, serving the canonical profile.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u64);
}

/// Jail. From a failed verdict to its execution a transcoder is jailed: it accepts no stake and no
/// job, and hands on its assignments. Verdicts are counted: leaving jail requires that every
/// `detain` is matched by a `resolve`, and then the transcoder's own call.
pub trait Jail {
	/// A verdict against `transcoder` awaits execution.
	fn detain(transcoder: &AccountId);
	/// It was executed or cancelled.
	fn resolve(transcoder: &AccountId);
}

/// Keeps a validator from being chosen for a while. Implemented by the election, which deletes the
/// entry when it is over.
pub trait Chill {
	/// `account` is not chosen as a validator before round `until`. A later `until` replaces an
	/// earlier one, never the reverse. Sets that are already chosen stay. Never fails.
	fn chill(account: &AccountId, until: RoundIndex);
	/// The chill of `account` ends with round `until`, however long it was to last; at once if that
	/// round has come. Does nothing if the account is not chilled. Never fails.
	fn thaw(account: &AccountId, until: RoundIndex);
}

/// The round until which a judge is chilled that must attest golden vectors before it validates
/// again. This round never comes.
pub const UNTIL_ATTESTED: RoundIndex = RoundIndex::MAX;

/// The verifier keys that accounts have registered. Implemented by the runtime's glue over
/// `pallet-session`.
pub trait VerifierKeyOf {
	/// The verifier key that `who` has currently registered, whether it validates or not; `None`
	/// without session keys.
	fn verifier_key(who: &AccountId) -> Option<VerifierId>;
	/// For benchmarks: registers session keys of `who` with `key` as the verifier key.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_verifier_key(who: &AccountId, key: VerifierId);
}

/// Session keys. Implemented by the runtime's glue over `pallet-session`: the keys that an account
/// has currently registered, which are used from the session after next. An account without keys is
/// never returned as a validator.
pub trait HasKeys {
	/// A hash of the keys that `who` has registered, which changes when they do; `None` without
	/// keys.
	fn keys_hash(who: &AccountId) -> Option<Hash>;
	/// Whether `who` has session keys registered.
	fn has_keys(who: &AccountId) -> bool {
		Self::keys_hash(who).is_some()
	}
}

/// Withdraws session keys. Implemented by the runtime's glue over `pallet-session`. The call of
/// `pallet-session` itself stays closed: it does not check whether the account validates, and no
/// call filter sees the sender.
pub trait PurgeKeys {
	/// Withdraws the session keys of `who` and releases their deposit; fails when it has none.
	fn purge_keys(who: &AccountId) -> DispatchResult;
	/// The weight of that.
	fn purge_keys_weight() -> Weight;
}

/// Takes a validator out of consensus at once, for the rest of the session in force. Implemented by
/// the runtime's glue through `pallet-session`'s disabling strategy, which keeps enough validators
/// enabled for blocks to be made and finalised. It may therefore decline, or enable another one again.
/// An account that does not validate is ignored. Never fails.
pub trait DisableValidator {
	/// `validator` must no longer take part.
	fn disable(validator: &AccountId);
}

/// Is told when a transcoder leaves at once, by jail or resignation. Implemented by jobs, which
/// hand its assignments on in later blocks; must be O(1).
pub trait OnTranscoderLost {
	/// `transcoder` can no longer serve.
	fn on_transcoder_lost(transcoder: &AccountId);
}

/// Is told when a transcoder takes more work than before: it is back, its machine does more, or it
/// serves other profiles. Implemented by jobs, which look again at waiting jobs; must be O(1).
pub trait OnAvailable {
	/// `transcoder` takes work that it did not take before.
	fn on_available(transcoder: &AccountId);
}

impl OnAvailable for () {
	fn on_available(_: &AccountId) {}
}

/// What happens to a claim's escrow.
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
	/// It goes to the transcoder and its delegators.
	Pay,
	/// It goes back to the broadcaster.
	Refund,
}

/// What the verification of a claim costs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct VerificationBill {
	/// What each verifier is paid, in ETH: at most [`crate::MAX_COMMITTEE`] entries.
	pub payments: Vec<(AccountId, Balance)>,
}

/// The common pool, which pays judges in LPT. Implemented by the runtime's glue.
pub trait JudgesPool {
	/// The worth of `eth` in LPT, by governance's rate.
	fn in_lpt(eth: Balance) -> Balance;
	/// The worth of `lpt` in ETH, by the same rate.
	fn in_eth(lpt: Balance) -> Balance;
	/// Pays out of the pool. Returns what was paid: all or nothing.
	fn pay(judge: &AccountId, amount: Balance) -> Balance;
}

/// Claims, which jobs keep from claiming to settlement. `settle` moves the escrow, closes the
/// claim's liability and deletes it. It succeeds exactly once per claim, and is called again if it
/// failed.
pub trait Claims {
	/// An open claim.
	fn claim(id: ClaimId) -> Option<ClaimInfo>;
	/// Blocks in which the work of an open claim was done: those since the previous claim of its
	/// assignment, or since the assignment was accepted.
	fn took(id: ClaimId) -> BlockNumber;
	/// The part of a claim's escrow that is available for its verification, in ETH: its prepayment,
	/// as far as it was paid, or, if the fee is paid, as far as the fee covers the rest.
	fn verification_budget(id: ClaimId, settlement: Settlement) -> Balance;
	/// Ends a claim. `bill` is at most what [`Claims::verification_budget`] returns.
	fn settle(id: ClaimId, settlement: Settlement, bill: &VerificationBill) -> DispatchResult;
	/// Takes ETH, at least its minimum balance, from a transcoder for the common pool: first from
	/// its free ETH; then from its stake, as of the round `offence` and at most as much as a false
	/// dissent costs. What is still missing becomes a debt that its later fees pay; with a debt it
	/// gets no new job and can claim nothing. Never fails. It includes a slash, whose weight the
	/// caller adds.
	fn charge(transcoder: &AccountId, offence: RoundIndex, amount: Balance);
	/// For benchmarks: an open claim over `commitment` by `transcoder` for `broadcaster`. Nobody is
	/// told of it; the caller may call [`OnClaim`].
	#[cfg(feature = "runtime-benchmarks")]
	fn make_claim(
		transcoder: &AccountId,
		broadcaster: &AccountId,
		commitment: crate::sum_tree::Commitment,
	) -> ClaimId;
}

/// Is told of each claim in the call that makes it. Implemented by the lottery, which opens the
/// claim's challenge. An error refuses the claim.
pub trait OnClaim {
	/// The most leaves of a claim that are drawn, for a job whose largest leaf has this work: what
	/// judges can do in the time that they are given. A job for which it is 0 cannot be judged.
	fn max_samples(max_leaf_work: u64) -> u32;
	/// The terms of verification for an assignment that is offered to `transcoder` now; with
	/// `None`, to somebody who never claimed.
	fn terms(transcoder: Option<&AccountId>) -> VerificationTerms;
	/// The weight that a claim with a committee of this size causes in later blocks if nobody errs:
	/// its draw, the end of a phase, its decision and its settlement. The claim's own call pays for
	/// it.
	fn future_of_claim(committee_size: u32) -> Weight;
	/// A claim was made for an assignment that was offered under `terms`.
	fn on_claim(
		id: ClaimId,
		info: &ClaimInfo,
		terms: &VerificationTerms,
	) -> Result<(), DispatchError>;
}

/// The lottery tells it when a claim is decided, long before it is settled: from then on the claim
/// takes no place among its transcoder's open claims. Implemented by jobs; must be O(1). A claim
/// that is settled without this call counts as decided then.
pub trait OnDecided {
	/// The outcome of claim `id` is fixed.
	fn on_decided(id: ClaimId);
}

/// The toolchains that governance accepts. Implemented by the lottery.
pub trait Toolchains {
	/// Whether an assignment can be accepted with this toolchain now.
	fn is_accepted(toolchain: &ToolchainId) -> bool;
	/// Whether an assignment that was accepted with it continues: the toolchain is accepted, or
	/// retires in a later block.
	fn is_running(toolchain: &ToolchainId) -> bool;
	/// For benchmarks: the id of a toolchain that is accepted from now on.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId;
}

/// The keys that sign for accounts, by generation. Implemented by operator keys.
///
/// Generation 0 is the account itself and always exists. A retained generation stays stored,
/// whatever its account changes. Every `retain` is matched by one `release`.
pub trait OperatorKeysOf {
	/// The generation that the account uses now.
	fn current(account: &AccountId, purpose: Purpose) -> Generation;
	/// Whether `signature` was made over the object of this hash, for this purpose, by a key of the
	/// account and generation that it names, revoked or not: what was signed before a revocation
	/// stays valid and punishable.
	fn is_signed(signature: &OperatorSignature, purpose: Purpose, object: &Hash) -> bool;
	/// Whether the key was revoked: nothing new is accepted from it.
	fn is_revoked(signer: &Signer, purpose: Purpose) -> bool;
	/// Whether any key of a generation was revoked. Nothing new may depend on such a generation,
	/// because whoever has that key could still sign for it.
	fn has_revoked(account: &AccountId, purpose: Purpose, generation: Generation) -> bool {
		(0..MAX_OPERATOR_KEYS as u8).any(|key| {
			Self::is_revoked(&Signer { account: account.clone(), generation, key }, purpose)
		})
	}
	/// The VRF key of a generation of [`Purpose::Duties`]; for generation 0, the account's bytes.
	fn vrf_key(account: &AccountId, generation: Generation) -> Option<VrfKey>;
	/// Keeps a generation until it is released.
	fn retain(account: &AccountId, purpose: Purpose, generation: Generation);
	/// Ends one `retain`.
	fn release(account: &AccountId, purpose: Purpose, generation: Generation);
}

/// Is told when a key is revoked. Implemented by jobs, which end what depends on its generation in
/// later blocks, step by step; must be O(1).
pub trait OnKeyRevoked {
	/// A key of `account`'s `generation`, which has `references` uses, signs no more. Charges the
	/// account for what ending them costs the chain beyond [`Self::key_revoked_weight`], as far as
	/// it can pay, because revoking is always possible.
	fn on_key_revoked(
		account: &AccountId,
		purpose: Purpose,
		generation: Generation,
		references: u32,
	);
	/// The least weight that a revocation causes in later blocks.
	fn key_revoked_weight() -> Weight;
}

/// Charges the fee of a call that no account signs to the account that the call is for. Implemented
/// by the runtime's glue over transaction payment.
pub trait ChargeFee {
	/// Whether `who` can pay for a call of this weight and encoded length now.
	fn can_pay(who: &AccountId, weight: Weight, len: u32) -> bool;
	/// Moves the fee into the common pool; fails if `who` cannot pay.
	fn charge(who: &AccountId, weight: Weight, len: u32) -> DispatchResult;
	/// What such a call costs now, in ETH.
	fn price_in_eth(weight: Weight, len: u32) -> Balance;
}

/// Where operators and broadcasters are reached. Implemented by the runtime's glue over election
/// and jobs.
pub trait ServiceDirectory {
	/// The service record of a transcoder; `None` if it has published none.
	fn service(who: &AccountId) -> Option<ServiceRecord>;
	/// Where a stream comes from; `None` if its broadcaster has not set it.
	fn origin(stream: &StreamId) -> Option<ServiceRecord>;
}
