//! The messages of Ethereum's consensus, and what is kept of it.

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
/// The most forks that can be known.
pub const MAX_FORKS: u32 = 16;
/// How many finalised blocks are kept, so that a proof stays valid when updates arrive while it is
/// on its way.
pub const MAX_FINALIZED: u32 = 32;

/// The places of values in the trees of a fork, as generalised indices.
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
	/// The next sync committee, in the state.
	pub next_committee: u16,
	/// The hash of an execution block, in the block's body: the block's own, or from Gloas on its
	/// parent's.
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

	/// Whether every index lies below a root.
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
	/// The version for which signatures are made.
	pub version: [u8; 4],
	/// Its first epoch.
	pub epoch: u64,
	/// Its layout; `None` for a fork that is announced but unknown. From the first epoch of such a
	/// fork on, nothing is accepted.
	pub layout: Option<Layout>,
}

/// The forks of a network, ascending.
pub type Forks = BoundedVec<Fork, ConstU32<MAX_FORKS>>;

/// An Ethereum network.
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
	/// The root of its first validators, which names the network in every signature.
	pub genesis_validators_root: H256,
	/// When its slot 0 began, in seconds of Unix time.
	pub genesis_time: u64,
	/// Seconds in a slot.
	pub seconds_per_slot: u8,
	/// Its forks, from the first one that matters.
	pub forks: Forks,
}

impl Network {
	/// Whether slots have a length, and forks ascend and have valid layouts.
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

	/// The layout at a slot, if it is known.
	pub fn layout_at(&self, slot: u64) -> Option<Layout> {
		self.fork_at(slot)?.layout
	}

	/// The slot of a time in seconds; `None` before slot 0.
	pub fn slot_at(&self, time: u64) -> Option<u64> {
		time.checked_sub(self.genesis_time)?.checked_div(self.seconds_per_slot.into())
	}
}

/// A beacon block and the sync committee of its state, from which the client starts.
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

/// A step. A beacon node calls it an update if it brings the next committee, otherwise a finality
/// update.
#[derive(Clone, PartialEq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Update {
	/// The block that is signed.
	pub attested: BeaconHeader,
	/// The committee of the next period, if the update brings it.
	pub next: Option<BroughtCommittee>,
	/// The block that is finalised according to the attested state.
	pub finalized: BeaconHeader,
	/// Its branch in the attested block's state.
	pub finality_branch: Branch,
	/// The signers and their signature.
	pub aggregate: SyncAggregate,
	/// The slot of the signature.
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

/// The state of the client.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Status {
	/// Its health.
	pub health: livepeer_primitives::ethereum::ClientHealth,
	/// The newest finalised block.
	pub latest: Option<FinalizedBlock>,
	/// Whether the committee of the next period is known.
	pub knows_next_committee: bool,
	/// The current slot by the chain's time.
	pub current_slot: Option<u64>,
	/// The epoch of the next fork, and whether its layout is known.
	pub next_fork: Option<(u64, bool)>,
}

/// The period of a slot.
pub fn period(slot: u64) -> u64 {
	slot / SLOTS_PER_PERIOD
}
