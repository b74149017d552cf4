//! The protocol's clock.

use crate::{Config, Pallet};
use livepeer_primitives::{traits::ProtocolClock, BlockNumber};
use sp_runtime::SaturatedConversion;

impl<T: Config> Pallet<T> {
	/// This block on the protocol's clock.
	pub(crate) fn now() -> BlockNumber {
		T::Clock::now()
	}

	/// This block's height on the chain, by which finality is determined.
	pub(crate) fn height() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}
}
