//! Pools, bonds and locks: plain state.

use crate::generations::Generation;
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{traits::Get, BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound};
use livepeer_primitives::{AccountId, Balance, RoundIndex};
use scale_info::TypeInfo;
use sp_core::U256;

/// Names a pool: all stake behind one transcoder, from its beginning until a slash takes all of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PoolId {
	/// The transcoder.
	pub transcoder: AccountId,
	/// How many of its earlier pools slashes have wiped.
	pub generation: Generation,
}

/// The factors of a pool at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Factors {
	/// Cumulative reward factor, with a precision of 10^27: what rewards have made of one unit of
	/// stake since the pool began.
	pub crf: U256,
	/// Cumulative fee factor, with a precision of 10^27: what that unit has earned in fees.
	pub cff: U256,
	/// Slash factor, with a precision of 10^36: what slashes have left of that unit.
	pub sf: u128,
}

/// The transcoder's commission: its cut of rewards and what that cut has earned, not yet part of
/// its bond.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Commission {
	/// The part that counts in this round's stake, at its value at the beginning of the round.
	pub base: Balance,
	/// What that part earned by rewards of this round.
	pub growth: Balance,
	/// Cuts of this round, which count from the next one.
	pub fresh: Balance,
}

/// All stake behind one transcoder.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Pool {
	/// The round up to which it has been brought up to date.
	pub round: RoundIndex,
	/// LPT that backs it: at least the value of all its bonds and the commission.
	pub total: Balance,
	/// The stake that counts this round, at its value at the beginning of the round, minus what
	/// left and what was slashed since.
	pub active: Balance,
	/// Reward factor at the beginning of the round.
	pub crf_start: U256,
	/// Factors now.
	pub now: Factors,
	/// The transcoder's commission.
	pub commission: Commission,
	/// ETH of the delegators' shares that no bond has settled yet.
	pub fees: Balance,
	/// Number of bonds.
	pub members: u32,
	/// Number of bonds with stake that counts. If it is zero, nothing counts: the rounding
	/// remainder in the pool must not earn.
	pub counting: u32,
	/// Number of bonds with stake that joined this round.
	pub joined: u32,
	/// Whether the transcoder's own bond is among them.
	pub own: bool,
}

/// The factors at the end of a round in which stake joined, kept until the last of it is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Checkpoint {
	/// Reward factor.
	pub crf: U256,
	/// Fee factor.
	pub cff: U256,
	/// Number of bonds that joined in that round and have not been settled since.
	pub refs: u32,
}

/// Stake that joined in a round and counts from the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Joining {
	/// The amount.
	pub amount: Balance,
	/// The round in which it joined.
	pub round: RoundIndex,
	/// The slash factor at which it joined: it shares the pool's risk at once.
	pub sf: u128,
}

/// An account's bond.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Bond {
	/// The pool that it is part of.
	pub pool: PoolId,
	/// Stake that counts, at the last settlement.
	pub amount: Balance,
	/// The factors of that settlement.
	pub since: Factors,
	/// Stake that joined since.
	pub joining: Option<Joining>,
}

/// Stake that left a pool in one round. It is deleted when its last lock is withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ExitPool {
	/// LPT that backs it: at least the value of all its locks.
	pub total: Balance,
	/// Slash factor since its first lock, at 10^36.
	pub sf: u128,
	/// Number of locks in it.
	pub locks: u32,
	/// Whether one of its locks was paid out or bonded elsewhere, and so is no longer liable.
	pub released: bool,
}

/// The purpose of a lock: what its stake becomes when it is no longer liable.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Purpose {
	/// Its owner withdraws it.
	Unbonding,
	/// It is bonded to this transcoder.
	Redelegation(AccountId),
	/// It is transferred to this account.
	Transfer(AccountId),
}

/// Stake of one account in an exit pool.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Lock {
	/// Its number among the account's locks.
	pub id: u32,
	/// The pool that it left.
	pub pool: PoolId,
	/// The round in which it left, up to which it is liable for offences. With the pool, this is
	/// the exit pool's key.
	pub round: RoundIndex,
	/// The amount at that time.
	pub amount: Balance,
	/// The exit pool's slash factor at that time.
	pub sf: u128,
	/// The first round in which it is no longer liable and can count elsewhere, if no liability
	/// holds it back.
	pub liable_until: RoundIndex,
	/// The first round in which the unbonding period is over.
	pub unbonded: RoundIndex,
	/// Its purpose.
	pub purpose: Purpose,
}

impl Lock {
	/// The first round in which it can be withdrawn, if no liability holds it back.
	pub fn release(&self) -> RoundIndex {
		self.unbonded.max(self.liable_until)
	}
}

/// What a call frees and can pay its own fee from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frees {
	/// This amount of the bond, into a lock.
	Unbonded(Balance),
	/// The lock of this number.
	Lock(u32),
}

/// What a call's fee took, before the call runs, from what the call frees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Advance {
	/// This amount of what it unbonds.
	Unbonded(Balance),
	/// The lock of this number.
	Lock(u32),
}

/// The locks of one account.
#[derive(
	CloneNoBound,
	DebugNoBound,
	DefaultNoBound,
	PartialEq,
	Eq,
	Encode,
	Decode,
	MaxEncodedLen,
	TypeInfo,
)]
#[scale_info(skip_type_params(Max))]
pub struct Locks<Max: Get<u32>> {
	/// The next lock's number. Numbers begin anew when all locks are withdrawn.
	pub next: u32,
	/// The locks, oldest first.
	pub locks: BoundedVec<Lock, Max>,
}

/// How a fee is divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeeSplit {
	/// To the transcoder at once.
	pub transcoder: Balance,
	/// The part that stays in the pool for its bonds.
	pub delegators: Balance,
}

/// A lock as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct LockView {
	/// Its number, as `withdraw_stake` takes it.
	pub id: u32,
	/// The transcoder that the stake left.
	pub transcoder: AccountId,
	/// The round in which it left, up to which it is liable for offences.
	pub round: RoundIndex,
	/// What it is worth now, in LPT.
	pub value: Balance,
	/// The first round in which it is no longer liable, if nothing holds it back.
	pub liable_until: RoundIndex,
	/// The first round in which it can be withdrawn, if nothing holds it back.
	pub release: RoundIndex,
	/// Whether open liabilities of the transcoder hold it back now.
	pub held_back: bool,
	/// Its purpose.
	pub purpose: Purpose,
}

/// The stake behind a transcoder as applications show it, in LPT.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct TranscoderStake {
	/// The generation of its pool that takes stake.
	pub generation: Generation,
	/// The stake that counts this round.
	pub active: Balance,
	/// All of it, including what joined or was earned this round.
	pub total: Balance,
	/// The transcoder's own stake.
	pub self_bond: Balance,
	/// Number of bonds.
	pub members: u32,
	/// The share that slashes have taken of a bond that existed since the beginning of this
	/// generation of the pool.
	pub slashed: sp_runtime::Perbill,
	/// Rounds with open liabilities, each with their number. Stake that joins now shares their
	/// risk.
	pub open_liabilities: alloc::vec::Vec<(RoundIndex, u32)>,
}

/// The pot's balance beyond what it owes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct Surplus {
	/// In LPT; the existential deposit of the pot is part of it.
	pub stake: Balance,
	/// In ETH; the minimum balance of the pot is part of it.
	pub fees: Balance,
}
