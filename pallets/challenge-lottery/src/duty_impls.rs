//! Duties: what is signed without an account that pays.

use frame_system::pallet_prelude::BlockNumberFor;
use livepeer_primitives::{refusal::Refusal, Hash};
use sp_runtime::traits::Zero;

use crate::{Config, Error, Pallet};

impl<T: Config> Pallet<T> {
	/// Hash of the genesis block, which every signature of the protocol names.
	pub(crate) fn genesis_hash() -> Hash {
		frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero())
	}
}

/// Leaves and openings are refused for these errors. Requests for bytes, commits, reveals and
/// attestations are refused by the pool's own names.
impl<T: Config> Refusal for Error<T> {
	/// The claim may not have been made yet, its leaves not drawn, its verdicts not revealed. What
	/// a leaf or an opening says stays as wrong as it is, and what is over does not begin again.
	fn is_early(&self) -> bool {
		matches!(self, Self::NoChallenge | Self::TooEarly)
	}
}
