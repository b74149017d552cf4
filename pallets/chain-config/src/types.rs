//! Where parameters are kept, and the timing as other pallets read it.

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
	/// How many there were.
	pub count: BlockNumber,
	/// The height of the newest; means nothing while there were none.
	pub newest: BlockNumber,
}

impl ClosedBlocks {
	/// These, and the block at `height`.
	pub fn with(self, height: BlockNumber) -> Self {
		Self { count: self.count.saturating_add(1), newest: height }
	}

	/// Whether the block at `height` is the newest of them.
	pub fn end_with(&self, height: BlockNumber) -> bool {
		self.count > 0 && self.newest == height
	}
}

/// Why parameters with an update in place cannot be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateError {
	/// The update deletes a value.
	ValueMissing,
	/// The stored value of another concern is not there, or does not decode.
	Unreadable,
}

/// The keeper of parameters. It stores what it is given: the rules are checked before. Each concern
/// is stored with a version; older ones are read as the newest.
pub trait ParameterStore<Update> {
	/// The parameters in force, as pallets read them. Where a stored value cannot be read, the
	/// [`preset`]'s stands in, for a runtime has to go on; [`Self::is_readable`] tells.
	fn current() -> ProtocolParameters;
	/// Whether the stored value of every concern is there and decodes.
	fn is_readable() -> bool;
	/// The parameters in force with `update` in place. What it replaces need not be readable.
	fn with(update: &Update) -> Result<ProtocolParameters, UpdateError>;
	/// Stores one update.
	fn store(update: Update);
	/// Stores all parameters: genesis.
	fn store_all(parameters: &ProtocolParameters);
	/// For benchmarks: an update that is allowed under the parameters in force, as long as any.
	#[cfg(feature = "runtime-benchmarks")]
	fn longest_update() -> Update;
}

/// What this network started with, or one like it: by its timing.
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
