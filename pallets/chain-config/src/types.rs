//! The store of parameters, and the timing as other pallets read it.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::traits::Get;
use livepeer_primitives::{
	params::{ProtocolParameters, Timing},
	BlockNumber,
};
use scale_info::TypeInfo;

use crate::{Config, FixedTiming};

/// The blocks in which the chain was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ClosedBlocks {
	/// Their number.
	pub count: BlockNumber,
	/// The height of the newest one; meaningless while there are none.
	pub newest: BlockNumber,
}

impl ClosedBlocks {
	/// These blocks plus the block at `height`.
	pub fn with(self, height: BlockNumber) -> Self {
		Self { count: self.count.saturating_add(1), newest: height }
	}

	/// Whether the block at `height` is the newest of them.
	pub fn end_with(&self, height: BlockNumber) -> bool {
		self.count > 0 && self.newest == height
	}
}

/// Why the parameters with an update in place cannot be determined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateError {
	/// The update deletes a value.
	ValueMissing,
	/// The stored value of another concern is absent or does not decode.
	Unreadable,
}

/// Stores the parameters. It stores what it is given; the rules are checked before. Each concern is
/// stored with a version, and an older version is read as the newest.
pub trait ParameterStore<Update> {
	/// The parameters in force, as pallets read them. If a stored value cannot be read, the value
	/// of [`preset`] is used instead, because a runtime must continue; [`Self::is_readable`] tells.
	fn current() -> ProtocolParameters;
	/// Whether the stored value of every concern exists and decodes.
	fn is_readable() -> bool;
	/// The parameters in force with `update` in place. The value that it replaces need not be
	/// readable.
	fn with(update: &Update) -> Result<ProtocolParameters, UpdateError>;
	/// Stores one update.
	fn store(update: Update);
	/// Stores all parameters, at genesis.
	fn store_all(parameters: &ProtocolParameters);
	/// For benchmarks: the longest update that is allowed under the parameters in force.
	#[cfg(feature = "runtime-benchmarks")]
	fn longest_update() -> Update;
}

/// The parameters with which this network, or one with the same timing, started.
pub fn preset<T: Config>() -> ProtocolParameters {
	if FixedTiming::<T>::get() == Timing::development() {
		ProtocolParameters::development()
	} else {
		ProtocolParameters::production()
	}
}

/// Length of a slot in milliseconds, which is the expected time between two blocks.
pub struct SlotDuration<T>(PhantomData<T>);
impl<T: Config> Get<u64> for SlotDuration<T> {
	fn get() -> u64 {
		FixedTiming::<T>::get().slot_duration
	}
}

/// The least time between the timestamps of two blocks, in milliseconds: half a slot.
pub struct MinimumPeriod<T>(PhantomData<T>);
impl<T: Config> Get<u64> for MinimumPeriod<T> {
	fn get() -> u64 {
		FixedTiming::<T>::get().slot_duration / 2
	}
}

/// Length of a session, which is BABE's epoch, in slots.
pub struct SessionLength<T>(PhantomData<T>);
impl<T: Config> Get<u64> for SessionLength<T> {
	fn get() -> u64 {
		FixedTiming::<T>::get().session_length
	}
}

/// Length of a beacon window in blocks.
pub struct BeaconWindow<T>(PhantomData<T>);
impl<T: Config> Get<BlockNumber> for BeaconWindow<T> {
	fn get() -> BlockNumber {
		FixedTiming::<T>::get().beacon_window
	}
}
