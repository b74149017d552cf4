//! Checking and storing.

use crate::*;
use frame_support::pallet_prelude::DispatchResult;
use livepeer_primitives::params::{ParameterError, ProtocolParameters, Timing};

impl<T: Config> From<ParameterError> for Error<T> {
	fn from(broken: ParameterError) -> Self {
		match broken {
			ParameterError::Timing => Error::Timing,
			ParameterError::LockAmount => Error::LockAmount,
			ParameterError::UnbondingPeriod => Error::UnbondingPeriod,
			ParameterError::LiabilityWindow => Error::LiabilityWindow,
			ParameterError::SetSize => Error::SetSize,
			ParameterError::Bond => Error::Bond,
			ParameterError::Deadline => Error::Deadline,
			ParameterError::Sampling => Error::Sampling,
			ParameterError::Slash => Error::Slash,
			ParameterError::Factors => Error::Factors,
		}
	}
}

impl<T: Config> Pallet<T> {
	pub(crate) fn build_genesis(timing: &Timing, parameters: &ProtocolParameters) {
		if let Err(broken) = parameters.check(timing) {
			panic!(
				"genesis refused: timing and parameters break the rule {broken:?} \
				 (see livepeer_primitives::params::ParameterError); timing: {timing:?}"
			);
		}
		FixedTiming::<T>::put(timing);
		T::Store::store_all(parameters);
	}

	pub(crate) fn do_set_parameter(update: T::Update) -> DispatchResult {
		let parameters = T::Store::with(&update).ok_or(Error::<T>::ValueMissing)?;
		parameters.check(&FixedTiming::<T>::get()).map_err(Error::<T>::from)?;
		T::Store::store(update.clone());
		Self::deposit_event(Event::ParameterSet { update });
		Ok(())
	}

	/// Checks the pallet's invariants.
	#[cfg(any(test, feature = "try-runtime"))]
	pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
		frame_support::ensure!(
			T::Store::current().check(&FixedTiming::<T>::get()).is_ok(),
			"the parameters in force break a rule"
		);
		let closed = Closed::<T>::get();
		frame_support::ensure!(
			closed.count <= closed.newest
				&& frame_system::Pallet::<T>::block_number() >= closed.newest.into(),
			"more blocks were closed than there were"
		);
		Ok(())
	}
}
