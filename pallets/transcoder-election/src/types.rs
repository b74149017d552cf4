//! The types that the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	traits::{ConstU32, Get},
	BoundedVec, CloneNoBound, DebugNoBound,
};
use livepeer_primitives::{
	duty::Profiles, AccountId, Balance, BlockNumber, RoundIndex, MAX_VALIDATORS,
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Perbill;

/// Largest number of seats in an active set: the largest number by stake, and one that is drawn.
pub const MAX_SEATS: u32 = MAX_VALIDATORS + 1;

/// Most registrations that one election drops. Those beyond it are passed over and dropped later.
pub const MAX_DROPPED: u32 = 32;

/// Most accounts that are chilled at a time: the members of two sets. Beyond it the chill that ends
/// first gives way.
pub const MAX_CHILLED: u32 = 2 * MAX_VALIDATORS;

/// Most validator sets that are stored: in force, queued, and planned while sessions change.
pub const MAX_SETS: u32 = 3;

/// The first block of a round, counted from 0, in which the round's own snapshot gives the weights.
/// The authors of the blocks before could still bond knowing part of the randomness.
pub const SNAPSHOT_WEIGHS_FROM: BlockNumber = 2;

/// A transcoder's terms: its price, and what it shares.
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
	/// `FeeShare`: the share of fees that goes to those that bonded to the transcoder, itself
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
	/// The height at which it registered or left jail. What its keys signed for this pallet before
	/// that is void.
	pub since: BlockNumber,
}

/// A transcoder's announcement of how much work it takes.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Availability {
	/// Work per second that its machine does. With 0 it gets no new assignments and serves those
	/// that it has.
	pub capacity: u64,
	/// The profiles that it serves, ascending.
	pub profiles: Profiles,
	/// The block that accepted the newest announcement or heartbeat, on the protocol's clock.
	pub last_seen: BlockNumber,
	/// The height at which the newest of them was made. Nothing older is accepted.
	pub at: BlockNumber,
	/// The block that accepted the newest free announcement, if there was one, on the protocol's
	/// clock.
	pub announced: Option<BlockNumber>,
}

/// What a duties key signs for this pallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode)]
pub enum Duty {
	/// A heartbeat.
	Heartbeat,
	/// An announcement.
	Announcement,
}

impl Availability {
	/// Whether it is still valid at `now`: the transcoder was seen within two intervals.
	pub fn is_fresh(&self, now: BlockNumber, interval: BlockNumber) -> bool {
		now.saturating_sub(self.last_seen) <= interval.saturating_mul(2)
	}

	/// The first block in which the next `duty` is accepted: each kind at most once in half an
	/// interval. A heartbeat is not needed earlier, whichever kind was seen last. An announcement
	/// can follow a heartbeat at once.
	pub fn next(&self, duty: Duty, interval: BlockNumber) -> BlockNumber {
		let half = (interval / 2).max(1);
		match duty {
			Duty::Heartbeat => self.last_seen.saturating_add(half),
			Duty::Announcement => self.announced.map_or(0, |block| block.saturating_add(half)),
		}
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
	/// Its stake in the previous active set; 0 if it had no seat.
	pub stake_before: Balance,
	/// The price of one standard segment, in smallest units of ETH.
	pub price: Balance,
	/// The share of inflationary rewards that it keeps.
	pub reward_cut: Perbill,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
	/// Whether it is jailed now.
	pub jailed: bool,
	/// Whether it was drawn from the waiting list; then it does not validate.
	pub random: bool,
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
	/// The block in which it was elected, on the protocol's clock.
	pub since: BlockNumber,
	/// Its members.
	pub seats: BoundedVec<Seat, ConstU32<MAX_SEATS>>,
	/// Their total stake at the election, including that of members that have left since.
	pub stake: Balance,
}

/// The transcoders that were not elected in a round, with the stakes by which one of them is drawn
/// for the next round.
#[derive(CloneNoBound, DebugNoBound, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(skip_type_params(Max))]
pub struct WaitingList<Max: Get<u32>> {
	/// The round.
	pub round: RoundIndex,
	/// The block in which the round was elected, on the protocol's clock. Randomness from before it
	/// is not used for the draw, because those who knew it could still have bonded.
	pub since: BlockNumber,
	/// The waiting transcoders with their stakes.
	pub members: BoundedVec<(AccountId, Balance), Max>,
}

/// One expected block on the [`Meter`].
pub const ONE_BLOCK: u64 = 1 << 20;

/// A validator is offline if it made no block while this many were expected of it, and sends no
/// heartbeats.
pub const OFFLINE_AFTER: u64 = 8;

/// A validator did its part in a round if it made at least one in this many of the blocks that were
/// expected of it.
pub const PART_OF_BLOCKS: u64 = 4;

/// The most rounds for which an offline validator stays out. A block of its own, a heartbeat or an
/// announcement ends it earlier.
pub const OFFLINE_ROUNDS: RoundIndex = 7;

/// How many blocks were expected of a validator that existed from the beginning. Each block adds
/// one divided by the number of validators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Meter {
	/// So far, in parts of [`ONE_BLOCK`].
	pub value: u64,
	/// What each block of the session in force adds.
	pub step: u64,
	/// Its value when the round began.
	pub round_start: u64,
}

/// When a validator was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Presence {
	/// The meter's value when it came into force.
	pub since: u64,
	/// The meter's value at its newest block, or when it came into force.
	pub seen: u64,
	/// The round of its newest block.
	pub round: Option<RoundIndex>,
	/// How many blocks it made in that round.
	pub blocks: u32,
}

impl Presence {
	/// For a validator that has just come into force.
	pub fn new(meter: u64) -> Self {
		Self { since: meter, seen: meter, round: None, blocks: 0 }
	}

	/// Whether it made no block while many were expected of it.
	pub fn is_silent(&self, meter: &Meter) -> bool {
		meter.value.saturating_sub(self.seen) >= OFFLINE_AFTER * ONE_BLOCK
	}

	/// Records a block of its own in `round`, at this value of the meter.
	pub fn note_block(&mut self, meter: u64, round: RoundIndex) {
		if self.round != Some(round) {
			(self.round, self.blocks) = (Some(round), 0);
		}
		self.seen = meter;
		self.blocks = self.blocks.saturating_add(1);
	}

	/// Whether it made enough of the blocks of `round`, if many were expected of it. A validator
	/// that made a single block would otherwise leave all the rest to others and earn as much as
	/// they do.
	pub fn did_its_part(&self, meter: &Meter, round: RoundIndex) -> bool {
		let since = meter.round_start.max(self.since);
		let expected = meter.value.saturating_sub(since);
		let made = if self.round == Some(round) { u64::from(self.blocks) } else { 0 };
		expected < OFFLINE_AFTER * ONE_BLOCK
			|| made.saturating_mul(PART_OF_BLOCKS * ONE_BLOCK) >= expected
	}
}

impl ActiveTranscoders {
	/// Whether the stakes of this round give the weights at `now`, or still those of the previous
	/// round.
	pub fn weighs(&self, now: BlockNumber) -> bool {
		now >= self.since.saturating_add(SNAPSHOT_WEIGHS_FROM)
	}

	/// The seat of `account`.
	pub fn seat(&self, account: &AccountId) -> Option<&Seat> {
		self.seats.iter().find(|seat| seat.account == *account)
	}
}

/// A validator of a session.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ChosenValidator {
	/// Its account.
	pub account: AccountId,
	/// Its stake, own and delegated, in the snapshot from which the set was chosen.
	pub stake: Balance,
}

/// The validators of a session.
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
pub struct ChosenSet {
	/// The round of the stake snapshot from which it was chosen.
	pub snapshot: RoundIndex,
	/// Its members, without duplicates.
	pub members: BoundedVec<ChosenValidator, ConstU32<MAX_VALIDATORS>>,
}

/// Accounts that are not chosen as validators, each with the round from which it can be again.
pub type ChilledAccounts = BoundedVec<(AccountId, RoundIndex), ConstU32<MAX_CHILLED>>;
