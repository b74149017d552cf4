//! The vocabulary of the pallets' agendas: what is to be done in a later block.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

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
