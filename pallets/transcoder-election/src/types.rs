//! What the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use livepeer_primitives::{AccountId, Balance, BlockNumber, RoundIndex, MAX_VALIDATORS};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Perbill;

/// Largest number of seats in an active set: the largest number by stake, and one that is drawn.
pub const MAX_SEATS: u32 = MAX_VALIDATORS + 1;

/// What a transcoder asks for and gives.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Terms {
	/// `PricePerSegment`: the price of one standard segment, in smallest units of ETH.
	pub price: Balance,
	/// `BlockRewardCut`: the share of inflationary rewards that the transcoder keeps before the
	/// rest is shared by stake.
	pub reward_cut: Perbill,
	/// `FeeShare`: the share of fees that goes to those who bonded to the transcoder, itself
	/// included.
	pub fee_share: Perbill,
}

/// A registered transcoder.
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
pub struct Registration {
	/// Its terms, which take effect with the next active set.
	pub terms: Terms,
	/// Grows with each registration; the lower one wins a tie.
	pub order: u64,
}

/// A transcoder's announcement of how much work it takes.
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
pub struct Availability {
	/// Assignments that it takes at a time. With 0 it gets no new ones and serves those that it
	/// has.
	pub capacity: u32,
	/// The block of the newest announcement or heartbeat.
	pub last_seen: BlockNumber,
}

impl Availability {
	/// Whether it still holds at `now`: a heartbeat came within two intervals.
	pub fn is_fresh(&self, now: BlockNumber, interval: BlockNumber) -> bool {
		now.saturating_sub(self.last_seen) <= interval.saturating_mul(2)
	}

	/// The first block in which the next heartbeat is accepted: the first half of an interval
	/// needs none.
	pub fn next_heartbeat(&self, interval: BlockNumber) -> BlockNumber {
		self.last_seen.saturating_add((interval / 2).max(1))
	}
}

/// A transcoder in an active set, with stake and terms as they were when the round began.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Seat {
	/// Its account.
	pub account: AccountId,
	/// Its stake, own and delegated.
	pub stake: Balance,
	/// The price of one standard segment, in smallest units of ETH.
	pub price: Balance,
	/// The share of inflationary rewards that it keeps.
	pub reward_cut: Perbill,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
	/// Whether it is jailed now.
	pub jailed: bool,
}

/// The active set of a round, highest stake first.
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
pub struct ActiveTranscoders {
	/// The round.
	pub round: RoundIndex,
	/// Its members.
	pub seats: BoundedVec<Seat, ConstU32<MAX_SEATS>>,
}

impl ActiveTranscoders {
	/// The seat of `account`.
	pub fn seat(&self, account: &AccountId) -> Option<&Seat> {
		self.seats.iter().find(|seat| seat.account == *account)
	}
}

/// A validator of a planned session.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct PlannedValidator {
	/// Its account.
	pub account: AccountId,
	/// Its stake of the round in which it was last active.
	pub stake: Balance,
}

/// The validators of a planned session.
pub type PlannedValidators = BoundedVec<PlannedValidator, ConstU32<MAX_VALIDATORS>>;
