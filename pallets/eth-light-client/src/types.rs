//! What Ethereum's consensus is told in, and what is kept of it.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use livepeer_primitives::ethereum::Branch;
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{ConstU32, H256};

pub use crate::ssz::{BeaconHeader, PreparedCommittee, SyncAggregate, SyncCommittee, COMMITTEE};

/// Slots in an epoch.
pub const SLOTS_PER_EPOCH: u64 = 32;
/// Slots for which a sync committee signs: 256 epochs.
pub const SLOTS_PER_PERIOD: u64 = 8_192;
/// How many forks can be known.
pub const MAX_FORKS: u32 = 16;
/// How many finalised blocks are kept, so that a proof outlives the updates that come while it is
/// on its way.
pub const MAX_FINALIZED: u32 = 32;

/// Where things are in the trees of a fork, as generalised indices.
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
	Serialize,
	Deserialize,
)]
pub struct Layout {
	/// The root of the finalised checkpoint, in the state.
	pub finality: u16,
	/// The sync committee, in the state.
	pub current_committee: u16,
	/// The next one, in the state.
	pub next_committee: u16,
	/// The hash of an execution block, in the block's body: its own, or from Gloas on its parent's.
	pub execution_hash: u16,
}

impl Layout {
	/// Deneb.
	pub const DENEB: Self =
		Self { finality: 105, current_committee: 54, next_committee: 55, execution_hash: 812 };
	/// Electra and Fulu.
	pub const ELECTRA: Self =
		Self { finality: 169, current_committee: 86, next_committee: 87, execution_hash: 812 };
	/// Gloas.
	pub const GLOAS: Self = Self {
		finality: 735,
		current_committee: 2_945,
		next_committee: 2_946,
		execution_hash: 2_856,
	};

	/// Whether every index names something below a root.
	pub fn is_valid(&self) -> bool {
		[self.finality, self.current_committee, self.next_committee, self.execution_hash]
			.iter()
			.all(|index| *index > 1)
	}
}

/// A fork of Ethereum.
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
	Serialize,
	Deserialize,
)]
pub struct Fork {
	/// What signatures are made for.
	pub version: [u8; 4],
	/// Its first epoch.
	pub epoch: u64,
	/// Where things are; `None` for a fork that is announced but that nothing is known of. From its
	/// first epoch on, nothing is taken.
	pub layout: Option<Layout>,
}

/// The forks of a network, ascending.
pub type Forks = BoundedVec<Fork, ConstU32<MAX_FORKS>>;

/// Which Ethereum is followed.
#[derive(
	Clone,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Network {
	/// The root of the validators that it began with: its name in every signature.
	pub genesis_validators_root: H256,
	/// When its slot 0 began, in seconds of Unix time.
	pub genesis_time: u64,
	/// Seconds in a slot.
	pub seconds_per_slot: u8,
	/// Its forks from the first one that is of use.
	pub forks: Forks,
}

impl Network {
	/// Whether slots pass, and forks ascend and name places.
	pub fn is_valid(&self) -> bool {
		let ascending = self.forks.windows(2).all(|pair| match pair {
			[before, after] => before.epoch < after.epoch,
			_ => true,
		});
		let placed = |fork: &Fork| fork.layout.is_none_or(|layout| layout.is_valid());
		self.seconds_per_slot > 0
			&& !self.forks.is_empty()
			&& ascending
			&& self.forks.iter().all(placed)
	}

	/// The fork of a slot.
	pub fn fork_at(&self, slot: u64) -> Option<&Fork> {
		let epoch = slot / SLOTS_PER_EPOCH;
		self.forks.iter().rev().find(|fork| fork.epoch <= epoch)
	}

	/// Where things are at a slot, if that is known.
	pub fn layout_at(&self, slot: u64) -> Option<Layout> {
		self.fork_at(slot)?.layout
	}

	/// The slot of a time in seconds; nothing before slot 0.
	pub fn slot_at(&self, time: u64) -> Option<u64> {
		time.checked_sub(self.genesis_time)?.checked_div(self.seconds_per_slot.into())
	}
}

/// A beacon block and the sync committee of its state: what the client starts from.
#[derive(Clone, PartialEq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Bootstrap {
	/// The block.
	pub header: BeaconHeader,
	/// The committee.
	pub committee: SyncCommittee,
	/// The committee's branch in the block's state.
	pub committee_branch: Branch,
}

/// The committee of the next period.
#[derive(Clone, PartialEq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct BroughtCommittee {
	/// The committee.
	pub committee: SyncCommittee,
	/// Its branch in the attested block's state.
	pub branch: Branch,
}

/// A step: what a beacon node calls an update when it brings the next committee, and a finality
/// update otherwise.
#[derive(Clone, PartialEq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Update {
	/// The block that is signed.
	pub attested: BeaconHeader,
	/// The committee of the next period, where it is brought.
	pub next: Option<BroughtCommittee>,
	/// The block that the attested state has as finalised.
	pub finalized: BeaconHeader,
	/// Its branch in the attested block's state.
	pub finality_branch: Branch,
	/// Who has signed.
	pub aggregate: SyncAggregate,
	/// When they have.
	pub signature_slot: u64,
}

/// What is kept of a finalised beacon block.
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
pub struct FinalizedBlock {
	/// Its root.
	pub root: H256,
	/// Its slot.
	pub slot: u64,
	/// The root of its body.
	pub body_root: H256,
}

/// What the client has of Ethereum.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Status {
	/// How it is.
	pub health: livepeer_primitives::ethereum::ClientHealth,
	/// The newest finalised block.
	pub latest: Option<FinalizedBlock>,
	/// Whether the committee of the next period is known.
	pub knows_next_committee: bool,
	/// The slot that the chain's time is in.
	pub current_slot: Option<u64>,
	/// The next fork and whether its form is known.
	pub next_fork: Option<(u64, bool)>,
}

/// The period of a slot.
pub fn period(slot: u64) -> u64 {
	slot / SLOTS_PER_PERIOD
}
