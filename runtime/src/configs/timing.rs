//! The clock of the chain. Block time, session length and beacon window are state, which
//! chain-config writes at genesis; nothing assumes them at compile time.

use super::parameters::{Rounds, Staking};
use crate::Runtime;
use frame_support::parameter_types;
use livepeer_primitives::params::Timing;
use sp_runtime::traits::Get;

/// Milliseconds from one slot to the next, which is the expected time between blocks.
pub type SlotDuration = pallet_chain_config::SlotDuration<Runtime>;
/// The least number of milliseconds between the timestamps of two blocks.
pub type MinimumPeriod = pallet_chain_config::MinimumPeriod<Runtime>;
/// Slots in a session, which is one BABE epoch.
pub type SessionLength = pallet_chain_config::SessionLength<Runtime>;
/// Blocks of a beacon window.
pub type BeaconWindow = pallet_chain_config::BeaconWindow<Runtime>;

parameter_types! {
	/// The whole timing.
	pub FixedTiming: Timing = pallet_chain_config::FixedTiming::<Runtime>::get();
	/// The number of slots for which a validator's misbehaviour can be reported: as long as the
	/// stake of that time can be slashed, if every slot has a block.
	pub ReportLongevity: u64 = {
		let rounds = Staking::get().liability_window;
		u64::from(rounds).saturating_mul(u64::from(Rounds::get().length))
	};
}
