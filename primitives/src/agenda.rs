//! The pallets' agendas, of what is to be done in a later block: their vocabulary, and how the weight that is
//! set aside for one in each block is divided and used up.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_weights::Weight;

/// Which queue of an agenda a task stands in. No task waits behind one of a later queue.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Class {
	/// Somebody waits for it: first draws, offers, checks of transcoders, phases of a challenge.
	Urgent,
	/// It may wait: whatever was tried before in vain, expiries, closings, executions, payments.
	Lazy,
}

/// The part of an agenda's weight that is for what is urgent: three quarters.
pub fn urgent_part(weight: Weight) -> Weight {
	weight / 4 * 3
}

/// Has `run` work off both queues of an agenda within `weight`: the urgent one within its part, the lazy one
/// within what that leaves. `run` is told the queue and its limit, and returns what it used; so does this.
pub fn run_classes(weight: Weight, mut run: impl FnMut(Class, Weight) -> Weight) -> Weight {
	let urgent = run(Class::Urgent, urgent_part(weight));
	let lazy = run(Class::Lazy, weight.saturating_sub(urgent));
	urgent.saturating_add(lazy)
}

/// What a queue has used of its part of a block. The step that begins while anything is left is taken whole,
/// and the first one always: so a queue exceeds its part by one step at most, and never stands still.
pub struct Meter {
	used: Weight,
	limit: Weight,
	steps: u32,
}

impl Meter {
	/// Nothing is used yet of `limit`.
	pub fn new(limit: Weight) -> Self {
		Self { used: Weight::zero(), limit, steps: 0 }
	}

	/// Whether another step may be taken: the first always, the others while weight is left.
	pub fn has_room(&self) -> bool {
		self.steps == 0 || !self.used.any_gte(self.limit)
	}

	/// Counts what was used beside steps.
	pub fn charge(&mut self, weight: Weight) {
		self.used = self.used.saturating_add(weight);
	}

	/// Counts a step that weighs this.
	pub fn step(&mut self, weight: Weight) {
		self.charge(weight);
		self.steps = self.steps.saturating_add(1);
	}

	/// What was used.
	pub fn used(&self) -> Weight {
		self.used
	}
}
