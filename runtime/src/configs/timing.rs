//! The clock of the chain. Block time and session length are state, written at genesis.

use frame_support::parameter_types;

parameter_types! {
	/// Milliseconds from one slot to the next.
	pub storage SlotDuration: u64 = 2_000;
	/// Slots in a session, which is one BABE epoch.
	pub storage EpochDuration: u64 = 10;

	/// Milliseconds between blocks, when every slot has one.
	pub ExpectedBlockTime: u64 = SlotDuration::get();
	/// Milliseconds that must lie between the timestamps of two blocks.
	pub MinimumPeriod: u64 = SlotDuration::get() / 2;
	/// Slots for which misbehaviour of a validator can be reported.
	pub ReportLongevity: u64 = 100;
}
