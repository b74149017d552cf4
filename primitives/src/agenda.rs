//! The vocabulary of the pallets' agendas of tasks for later blocks, and how the weight that each
//! block reserves for an agenda is divided and used.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_weights::Weight;

/// The queue of an agenda in which a task is. No task waits behind one of a later queue.
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
	/// It can wait: anything that was tried before for nothing, expiries, closings, executions,
	/// payments.
	Lazy,
}

/// The part of an agenda's weight that is reserved for urgent tasks: three quarters.
pub fn urgent_part(weight: Weight) -> Weight {
	weight / 4 * 3
}

/// Lets `run` serve both queues of an agenda within `weight`: the urgent one within its part, the
/// lazy one within what that leaves. `run` receives the queue and its limit, and returns the weight
/// that it used; so does this function.
pub fn run_classes(weight: Weight, mut run: impl FnMut(Class, Weight) -> Weight) -> Weight {
	let urgent = run(Class::Urgent, urgent_part(weight));
	let lazy = run(Class::Lazy, weight.saturating_sub(urgent));
	urgent.saturating_add(lazy)
}

/// How much of its part of a block a queue has used. A step that begins while anything is left is
/// taken as a whole, and the first step always. A queue therefore exceeds its part by at most one
/// step, and never stands still.
pub struct Meter {
	used: Weight,
	limit: Weight,
	steps: u32,
}

impl Meter {
	/// A meter with nothing used of `limit`.
	pub fn new(limit: Weight) -> Self {
		Self { used: Weight::zero(), limit, steps: 0 }
	}

	/// Whether another step can be taken: the first one always, others while weight is left.
	pub fn has_room(&self) -> bool {
		self.steps == 0 || !self.used.any_gte(self.limit)
	}

	/// Counts weight that was used outside of steps.
	pub fn charge(&mut self, weight: Weight) {
		self.used = self.used.saturating_add(weight);
	}

	/// Counts a step of this weight.
	pub fn step(&mut self, weight: Weight) {
		self.charge(weight);
		self.steps = self.steps.saturating_add(1);
	}

	/// The weight used so far.
	pub fn used(&self) -> Weight {
		self.used
	}
}
