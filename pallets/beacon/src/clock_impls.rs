//! The protocol's clock.

use crate::{Config, Pallet};
use livepeer_primitives::{traits::ProtocolClock, BlockNumber};

impl<T: Config> Pallet<T> {
	/// This block on the protocol's clock.
	pub(crate) fn now() -> BlockNumber {
		T::Clock::now()
	}
}
