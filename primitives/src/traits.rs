//! Contracts between pallets. Each is implemented by one pallet (or by the runtime's glue) and
//! used by others; a paragraph says what both sides may rely on.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	BoundedVec, DispatchError, DispatchResult, Perbill,
};
use sp_weights::Weight;

use crate::{
	claim::ClaimInfo,
	duty::Profiles,
	keys::{Generation, OperatorSignature, Purpose, Signer, VerifierId, VrfKey, MAX_OPERATOR_KEYS},
	params::VerificationTerms,
	service::ServiceRecord,
	AccountId, Balance, BlockNumber, ClaimId, Hash, RoundIndex, StreamId, ToolchainId, WindowIndex,
	MAX_VALIDATORS,
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
	/// What refuses a duty while the clock stands, to the pool as well as in a block, before any weight
	/// is spent on it: it is owed again, with as much time left, when the clock goes on.
	fn ensure_open() -> Result<(), TransactionValidityError> {
		if Self::is_open() {
			Ok(())
		} else {
			Err(InvalidTransaction::Call.into())
		}
	}
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
	/// Whether it was jailed when the seed's window began: then it judges nothing.
	pub jailed: bool,
}

/// Validators of one set.
pub type SeatedValidators = BoundedVec<SeatedValidator, sp_core::ConstU32<MAX_VALIDATORS>>;

/// A validator set: all that weighs in a draw of judges, fixed sessions before the seed exists.
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
	/// The round of the stake snapshot from which it was chosen: that of whatever its members do
	/// wrong as judges.
	pub snapshot: RoundIndex,
	/// Its members, without duplicates.
	pub members: SeatedValidators,
}

/// The validator set now in force: what the beacon stores with each seed.
pub trait ValidatorsInForce {
	/// The set of this block with the stakes of the snapshot it was chosen from. A validator
	/// without a verifier key is left out. `jailed` is as of this block; the beacon replaces it by
	/// what [`Self::jailed`] said when the window began.
	fn validators_in_force() -> ValidatorSet;
	/// Who of the sets that may be in force within a window from now is jailed: at most
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
	/// What will count for `transcoder` in the next round, if nothing changes until then.
	fn next_stake(transcoder: &AccountId) -> Balance {
		Self::active_stake(transcoder)
	}
	/// What `transcoder` has bonded to itself, whether it counts yet or not.
	fn self_bond(transcoder: &AccountId) -> Balance;
	/// Both at once: what `transcoder` has bonded to itself, and the stake that counts for it.
	fn own_and_active(transcoder: &AccountId) -> (Balance, Balance) {
		(Self::self_bond(transcoder), Self::active_stake(transcoder))
	}
	/// To whom `who` is bonded.
	fn delegate_of(who: &AccountId) -> Option<AccountId>;
	/// For benchmarks: bonds `amount` of new LPT of `transcoder` to itself so that it counts from
	/// this round on.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_stake(transcoder: &AccountId, amount: Balance);
}

/// Where newly minted LPT goes. Implemented by staking; called by inflation once per transcoder and
/// round, before anything else touches the stake of the new round.
pub trait RewardSink {
	/// Mints `amount` and books it to the stake of `transcoder` that counted in the finished `round`
	/// and is there still; the transcoder takes `cut` of it if it has own stake. Returns what was
	/// minted: all, or nothing where no stake counts.
	fn mint_reward(
		transcoder: &AccountId,
		round: RoundIndex,
		amount: Balance,
		cut: Perbill,
	) -> Balance;
	/// The most weight that this takes beyond a reward of stake that `RewardedSeats::make_seat` has
	/// made, for that is what inflation measures with its own hook.
	fn more_reward_weight() -> Weight;
}

/// The LPT that there is, wherever it is: what inflation is a part of. Implemented by the runtime's
/// glue: the total issuance of this chain, and what the bridge counts of Ethereum.
pub trait Supply {
	/// All LPT.
	fn total() -> Balance;
}

/// A seat of the active set as inflation pays it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RewardedSeat {
	/// Whose it is.
	pub transcoder: AccountId,
	/// Its stake in the round's snapshot.
	pub stake: Balance,
	/// Its share of its rewards.
	pub reward_cut: Perbill,
	/// Whether it did what it owed in the round: it is not jailed or chilled, made blocks if it
	/// validates, and took work if it does not.
	pub earns: bool,
}

/// The active set with what each member did, for who pays it. Implemented by the election; its
/// answer changes with the next election.
pub trait RewardedSeats {
	/// The round of the active set, its stake in the snapshot, and its seats. A seat that was given
	/// up is not among them, though its stake is in the sum.
	fn rewarded_seats() -> (RoundIndex, Balance, Vec<RewardedSeat>);
	/// For benchmarks: gives `transcoder` a seat with this stake, bonded, that earns.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seat(transcoder: &AccountId, stake: Balance);
}

/// How transcoders answer the jobs that they are offered: `CompetitivenessTolerance`. Implemented by
/// inflation.
///
/// Jobs tell it once for each transcoder and job, and only of jobs in which a claim was accepted
/// and paid, so that nobody ruins another's record for nothing. Not served is what its transcoder
/// let pass, lost by missed heartbeats, or ended itself; what a broadcaster took away is no offer.
pub trait Competition {
	/// `transcoder` was offered a job in this round, and served it or did not. Never fails.
	fn note_offer(transcoder: &AccountId, served: bool);
	/// The weight of that.
	fn note_offer_weight() -> Weight;
}

/// Who may receive new stake. Implemented by the election: registered and not jailed. Bonding to
/// oneself before registering is allowed by staking without asking.
pub trait AcceptsStake {
	/// Whether `transcoder` may receive stake from `from` now, and if not why.
	fn accepts_stake(transcoder: &AccountId, from: &AccountId) -> Result<(), StakeRefused>;
}

/// Why a transcoder receives no stake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StakeRefused {
	/// It is not registered.
	NotRegistered,
	/// It is registered, and jailed.
	Jailed,
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
/// `fraction`, in O(pools) however many have stake in them, moves the money out of the pot and says
/// how much it was. Finders share the finder's fee equally; what they do not get, all of it when
/// there are none, goes to the common pool. The fee is `min(finder_fee × total, own_loss / 2)`,
/// where `own_loss` is what the transcoder's own bond and its own locks in those exit pools lost:
/// who is in league with the offender never gains by a slash, whatever part of the pool is its
/// own. Never fails: an unknown transcoder loses nothing.
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

/// Open liabilities: while `(who, round)` is open, no stake that left `who` in a round ≥ that one
/// is released. A transcoder is liable for each of its claims since the claim's round, a validator
/// for each challenge that it judges since the round of the snapshot that seated it. Calls are
/// counted per account and round: every `open` is matched by one `close`. Either is one read and
/// one write, for the current round or an earlier one.
pub trait Liability {
	/// A claim of `round` was made, or a challenge seats `who` by the snapshot of `round`.
	fn open(who: &AccountId, round: RoundIndex);
	/// It reached its end and everything that followed from it was executed.
	fn close(who: &AccountId, round: RoundIndex);
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
	/// Its stake in the snapshot that weighs now: the one before this round's for the round's first
	/// two blocks, so that nobody who sees a draw's chance coming can still change it.
	pub stake: Balance,
	/// Its price of a standard segment, in ETH.
	pub price: Balance,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
	/// Work that its machine does in a second.
	pub capacity: u64,
	/// The profiles that it serves, ascending.
	pub profiles: Profiles,
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
	/// For benchmarks: makes `transcoder` a candidate with this price and capacity in work
	/// per second, serving the canonical profile.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u64);
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

/// Keeps a validator from being chosen for a while. Implemented by the election, which forgets it
/// when it is over.
pub trait Chill {
	/// `account` is not chosen as a validator before round `until`. A later `until` replaces an
	/// earlier one, never the other way round. Sets that are chosen already stay. Never fails.
	fn chill(account: &AccountId, until: RoundIndex);
	/// The chill of `account`, however long it was to last, ends with round `until`: at once if that has
	/// come. Who is not chilled stays as it is. Never fails.
	fn thaw(account: &AccountId, until: RoundIndex);
}

/// The round until which a judge is chilled that has to attest golden vectors before it validates again:
/// none that ever comes.
pub const UNTIL_ATTESTED: RoundIndex = RoundIndex::MAX;

/// The verifier keys that accounts have registered. Implemented by the runtime's glue over
/// `pallet-session`.
pub trait VerifierKeyOf {
	/// The verifier key that `who` has registered now, whether it validates or not; `None` without
	/// session keys.
	fn verifier_key(who: &AccountId) -> Option<VerifierId>;
	/// For benchmarks: registers session keys of `who` of which `key` is the verifier key.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_verifier_key(who: &AccountId, key: VerifierId);
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

/// Withdraws session keys. Implemented by the runtime's glue over `pallet-session`, whose own call
/// stays closed: it does not ask whether the account validates, and no call filter sees who sends.
pub trait PurgeKeys {
	/// Withdraws the session keys of `who` and releases their deposit; fails when it has none.
	fn purge_keys(who: &AccountId) -> DispatchResult;
	/// The weight of that.
	fn purge_keys_weight() -> Weight;
}

/// Takes a validator out of consensus at once, for the rest of the session in force. Implemented
/// by the runtime's glue through `pallet-session`'s disabling strategy, which keeps enough
/// validators enabled for blocks to be made and final; so it may decline, or let one back in for
/// another, and an account that does not validate is ignored. Never fails.
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

/// Told when a transcoder takes more than before: it is back, its machine does more, or it serves other
/// profiles. Implemented by jobs, which look again at what waits for somebody; must be O(1).
pub trait OnAvailable {
	/// `transcoder` takes work that it did not take before.
	fn on_available(transcoder: &AccountId);
}

impl OnAvailable for () {
	fn on_available(_: &AccountId) {}
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

/// What the verification of a claim came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct VerificationBill {
	/// What each verifier is paid, in ETH: at most [`crate::MAX_COMMITTEE`] of them.
	pub payments: Vec<(AccountId, Balance)>,
}

/// The common pool as it pays judges, in LPT. Implemented by the runtime's glue.
pub trait JudgesPool {
	/// What `eth` is worth in LPT, by governance's rate.
	fn in_lpt(eth: Balance) -> Balance;
	/// What `lpt` is worth in ETH, by the same rate.
	fn in_eth(lpt: Balance) -> Balance;
	/// Pays out of the pool; says what was paid: all or nothing.
	fn pay(judge: &AccountId, amount: Balance) -> Balance;
}

/// Claims, kept by jobs from claiming to settlement. `settle` moves the escrow, closes the
/// claim's liability and deletes it; it succeeds exactly once per claim, and is called again when
/// it failed.
pub trait Claims {
	/// An open claim.
	fn claim(id: ClaimId) -> Option<ClaimInfo>;
	/// Blocks in which the work of an open claim was done: those since the claim of its assignment before
	/// it, or since that was accepted.
	fn took(id: ClaimId) -> BlockNumber;
	/// What of a claim's escrow is there for its verification, in ETH: its prepayment, as far as it was
	/// paid or, where the fee is, comes out of that.
	fn verification_budget(id: ClaimId, settlement: Settlement) -> Balance;
	/// Ends a claim; `bill` is at most what [`Claims::verification_budget`] says.
	fn settle(id: ClaimId, settlement: Settlement, bill: &VerificationBill) -> DispatchResult;
	/// Takes ETH, its minimum balance at least, from a transcoder for the common pool: from what it
	/// has free; what is missing from its stake of the round `offence` on, at most as much as a false
	/// dissent costs; and what is missing then is a debt that its later fees pay, with which it gets no
	/// new job and claims nothing. Never fails; takes a slash, which the caller weighs.
	fn charge(transcoder: &AccountId, offence: RoundIndex, amount: Balance);
	/// For benchmarks: an open claim over `commitment` by `transcoder` for `broadcaster`. Nobody is
	/// told of it: [`OnClaim`] is left to the caller.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_claim(
		transcoder: &AccountId,
		broadcaster: &AccountId,
		commitment: crate::sum_tree::Commitment,
	) -> ClaimId;
}

/// Told of each claim in the call that makes it. Implemented by the lottery, which opens the
/// claim's challenge; an error refuses the claim.
pub trait OnClaim {
	/// How many leaves of a claim are drawn at most, for a job whose largest leaf has this work: what
	/// judges can do in the time that they are given. A job for which it is 0 cannot be judged.
	fn max_samples(max_leaf_work: u64) -> u32;
	/// What verifying the claims of an assignment comes to that is offered to `transcoder` now; without
	/// one, to somebody who never claimed.
	fn terms(transcoder: Option<&AccountId>) -> VerificationTerms;
	/// What a claim with a committee of this size causes in later blocks where nobody errs: its draw, the
	/// end of a phase, its decision and its settlement. The claim's own call pays for it.
	fn future_of_claim(committee_size: u32) -> Weight;
	/// A claim was made, of an assignment that was offered under `terms`.
	fn on_claim(
		id: ClaimId,
		info: &ClaimInfo,
		terms: &VerificationTerms,
	) -> Result<(), DispatchError>;
}

/// Told by the lottery when a claim is decided, long before it is settled: from then on it holds no
/// place among its transcoder's open claims. Implemented by jobs; must be O(1). A claim that is
/// settled without it is decided then.
pub trait OnDecided {
	/// The claim `id` has its outcome.
	fn on_decided(id: ClaimId);
}

/// The toolchains that governance accepts. Implemented by the lottery.
pub trait Toolchains {
	/// Whether an assignment may be accepted with this toolchain now.
	fn is_accepted(toolchain: &ToolchainId) -> bool;
	/// Whether an assignment that was accepted with it goes on: it is accepted, or retires in a
	/// later block.
	fn is_running(toolchain: &ToolchainId) -> bool;
	/// For benchmarks: the id of a toolchain that is accepted from now on.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId;
}

/// The keys that sign for accounts, by generation. Implemented by operator keys.
///
/// Generation 0 is the account itself and is always there. A generation that is retained stays
/// stored, whatever its account changes; every `retain` is matched by one `release`.
pub trait OperatorKeysOf {
	/// The generation that the account uses now.
	fn current(account: &AccountId, purpose: Purpose) -> Generation;
	/// Whether `signature` is made by the account that it names, over the object of this hash, for
	/// this purpose, by a key of the generation that it names, revoked or not: what was signed
	/// before a revocation stays valid and punishable.
	fn is_signed(signature: &OperatorSignature, purpose: Purpose, object: &Hash) -> bool;
	/// Whether the key was revoked: nothing new is taken from it.
	fn is_revoked(signer: &Signer, purpose: Purpose) -> bool;
	/// Whether any key of a generation was revoked: nothing new may stand on it, for whoever has that
	/// key could still sign for it.
	fn has_revoked(account: &AccountId, purpose: Purpose, generation: Generation) -> bool {
		(0..MAX_OPERATOR_KEYS as u8).any(|key| {
			Self::is_revoked(&Signer { account: account.clone(), generation, key }, purpose)
		})
	}
	/// The VRF key of a generation of [`Purpose::Duties`]; for generation 0 the account's bytes.
	fn vrf_key(account: &AccountId, generation: Generation) -> Option<VrfKey>;
	/// Keeps a generation until it is released.
	fn retain(account: &AccountId, purpose: Purpose, generation: Generation);
	/// Ends one `retain`.
	fn release(account: &AccountId, purpose: Purpose, generation: Generation);
}

/// Told when a key is revoked. Implemented by jobs, which end what stands on its generation in
/// later blocks, step by step; must be O(1).
pub trait OnKeyRevoked {
	/// A key of `account`'s `generation`, which `references` things need, signs no more. Takes from
	/// the account what ending them costs the chain beyond [`Self::key_revoked_weight`], as far as it
	/// can pay: to revoke is always possible.
	fn on_key_revoked(
		account: &AccountId,
		purpose: Purpose,
		generation: Generation,
		references: u32,
	);
	/// The weight of what a revocation causes in later blocks at the least.
	fn key_revoked_weight() -> Weight;
}

/// Takes the fee of a call that no account signs from the account that the call is for.
/// Implemented by the runtime's glue over transaction payment.
pub trait ChargeFee {
	/// Whether `who` can pay for a call of this weight and encoded length now.
	fn can_pay(who: &AccountId, weight: Weight, len: u32) -> bool;
	/// Takes it, into the common pool; fails when `who` cannot pay.
	fn charge(who: &AccountId, weight: Weight, len: u32) -> DispatchResult;
	/// What such a call costs now, in ETH.
	fn price_in_eth(weight: Weight, len: u32) -> Balance;
}

/// Where operators and broadcasters are reached. Implemented by the runtime's glue over election
/// and jobs.
pub trait ServiceDirectory {
	/// The service record of a transcoder; `None` when it has published none.
	fn service(who: &AccountId) -> Option<ServiceRecord>;
	/// Where a stream comes from; `None` when its broadcaster has not said.
	fn origin(stream: &StreamId) -> Option<ServiceRecord>;
}
