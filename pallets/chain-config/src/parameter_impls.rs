//! Checking and storing.

use crate::*;
use frame_support::pallet_prelude::DispatchResult;
use livepeer_primitives::params::{
	Parameter, ParameterError, ProtocolParameters, Relation, Timing, RATE_STEP,
};
use livepeer_primitives::traits::ProtocolClock as _;

/// Each parameter and each relation has an error of the same name.
macro_rules! errors_of_the_same_name {
	($broken:expr, $kind:ident: $($name:ident)*) => {
		match $broken {
			$($kind::$name => Error::$name,)*
		}
	};
}

impl<T: Config> From<ParameterError> for Error<T> {
	fn from(broken: ParameterError) -> Self {
		match broken {
			ParameterError::TooSmall { parameter, .. }
			| ParameterError::TooLarge { parameter, .. } => errors_of_the_same_name!(
				parameter, Parameter:
				SlotDuration SessionLength BeaconWindow RoundLength LockAmount UnbondingPeriod
				LiabilityWindow MinBond FinderFee ActiveSize MinValidators MinSelfBond
				MinValidatorStake HeartbeatInterval AcceptTimeout ClaimGrace LongestJob
				PriorityList AllowanceLeaves BroadcasterBond MaxOpenClaims EncodeFactor
				DecodeFactor RejectedWork VerificationRate MaxSamples CommitteeSize Tranches
				RevealWindow MissedGrace CommitBase VerdictReveal VerifyRate MaxWorkBlocks
				DisputeCommitBase DisputeReveal SlashingPeriod SlashDeferral FailedSlash
				MissedSlash EquivocationSlash FalseDissentSlash NoShowSlash Chill VerifyPrice
				InitialRate RateChange ParticipationRate PoolCut PoolCeiling
				CompetitivenessTolerance MinOffers Exposure FeeRatio NewVerificationRate NewClaims
				VariantRate VariantSlash LptPerEth PoolRewards Lapses ValidatorLeverage
				LongDeferral
			),
			ParameterError::Broken(relation) => errors_of_the_same_name!(
				relation, Relation:
				WindowWithinRound RoundEnds UnbondingEnds UnbondingWithinLiability
				LiabilityOutlivesClaims ValidatorsWithinActiveSet SelfBondIsBond
				MissedCostsFailed TranchesWithinCommittee JudgesKeepUp ProfilesKnown
				NewcomersAreVerified VariantCostsDissent SlashReachesDeferral
			),
		}
	}
}

impl<T: Config> From<UpdateError> for Error<T> {
	fn from(error: UpdateError) -> Self {
		match error {
			UpdateError::ValueMissing => Error::ValueMissing,
			UpdateError::Unreadable => Error::Unreadable,
		}
	}
}

impl<T: Config> Pallet<T> {
	pub(crate) fn build_genesis(timing: &Timing, parameters: &ProtocolParameters) {
		if let Err(broken) = parameters.check(timing) {
			panic!(
				"genesis refused: timing and parameters break the rule {broken:?} \
				 (see livepeer_primitives::params); timing: {timing:?}"
			);
		}
		FixedTiming::<T>::put(timing);
		T::Store::store_all(parameters);
	}

	pub(crate) fn do_set_parameter(update: T::Update) -> DispatchResult {
		let parameters = T::Store::with(&update).map_err(Error::<T>::from)?;
		parameters.check(&FixedTiming::<T>::get()).map_err(Error::<T>::from)?;
		Self::move_rate(&parameters)?;
		T::Store::store(update.clone());
		Self::deposit_event(Event::ParameterSet { update });
		Ok(())
	}

	/// Lets `LptPerEth` change by at most one step within a round's length, however many changes
	/// are made, also across the end of one such stretch and the beginning of the next. An account
	/// that was backed at one rate is thus almost backed at the next.
	fn move_rate(parameters: &ProtocolParameters) -> DispatchResult {
		let before = T::Store::current();
		let (old, new) = (before.money.lpt_per_eth, parameters.money.lpt_per_eth);
		if old == new {
			return Ok(());
		}
		let now = Self::now();
		let base = match RateBase::<T>::get() {
			Some((last, base)) if now < last.saturating_add(before.rounds.length) => base,
			_ => old,
		};
		frame_support::ensure!(base.abs_diff(new) <= RATE_STEP * base, Error::<T>::RateStep);
		RateBase::<T>::put((now, base));
		Ok(())
	}
}
