//! What can pass: limits that refill, and the stop.

use crate::{
	types::{Direction, Level, Limits, Rate, Reason},
	Config, Error, Event, Guardian, Levels, Limited, Pallet, Stopped,
};
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{bridge::BridgedAsset, AccountId, Balance, BlockNumber};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	fn rate(asset: BridgedAsset, direction: Direction) -> Rate {
		let limits = Limited::<T>::get(asset);
		match direction {
			Direction::Inbound => limits.inbound,
			Direction::Outbound => limits.outbound,
		}
	}

	/// How much can pass now.
	pub(crate) fn left(asset: BridgedAsset, direction: Direction) -> Balance {
		let rate = Self::rate(asset, direction);
		let Some(level) = Levels::<T>::get(asset, direction) else { return rate.capacity };
		let blocks = Self::now().saturating_sub(level.at);
		let restored = rate.per_block.saturating_mul(blocks.into());
		level.left.saturating_add(restored).min(rate.capacity)
	}

	/// Lets `amount` pass, if the limit allows it.
	pub(crate) fn pass(
		asset: BridgedAsset,
		direction: Direction,
		amount: Balance,
	) -> DispatchResult {
		let left =
			Self::left(asset, direction).checked_sub(amount).ok_or(Error::<T>::LimitReached)?;
		Levels::<T>::insert(asset, direction, Level { left, at: Self::now() });
		Ok(())
	}

	pub(crate) fn do_set_guardian(guardian: Option<AccountId>) {
		Guardian::<T>::set(guardian.clone());
		Self::deposit_event(Event::GuardianSet { guardian });
	}

	/// What is left stays, as far as the new limits allow.
	pub(crate) fn do_set_limits(asset: BridgedAsset, limits: Limits) -> DispatchResult {
		ensure!(limits.is_valid(), Error::<T>::InvalidLimits);
		for direction in [Direction::Inbound, Direction::Outbound] {
			if Levels::<T>::contains_key(asset, direction) {
				let level = Level { left: Self::left(asset, direction), at: Self::now() };
				Levels::<T>::insert(asset, direction, level);
			}
		}
		Limited::<T>::insert(asset, limits);
		Self::deposit_event(Event::LimitsSet { asset, limits });
		Ok(())
	}

	/// Until when the bridge is stopped in a direction.
	pub(crate) fn stopped_until(direction: Direction) -> Option<BlockNumber> {
		let stops = Stopped::<T>::get();
		let until = match direction {
			Direction::Inbound => stops.inbound,
			Direction::Outbound => stops.outbound,
		};
		until.filter(|until| Self::now() < *until)
	}

	/// Fails if the bridge is stopped in this direction.
	pub(crate) fn ensure_open(direction: Direction) -> DispatchResult {
		ensure!(Self::stopped_until(direction).is_none(), Error::<T>::BridgeStands);
		Ok(())
	}

	fn stop_until(inbound: bool, outbound: bool, until: BlockNumber, reason: Reason) {
		Stopped::<T>::mutate(|stops| {
			// A stop is never shortened.
			let later = |before: Option<BlockNumber>| Some(before.unwrap_or_default().max(until));
			if inbound {
				stops.inbound = later(stops.inbound);
			}
			if outbound {
				stops.outbound = later(stops.outbound);
			}
		});
		Self::deposit_event(Event::BridgeStopped { inbound, outbound, until, reason });
	}

	/// Stops both directions because of a contradiction, until governance has looked at it.
	pub(crate) fn stop_for(reason: Reason) {
		Self::stop_until(true, true, BlockNumber::MAX, reason);
	}

	/// `who` is `None` for governance.
	pub(crate) fn do_stop(who: Option<AccountId>, inbound: bool, outbound: bool) -> DispatchResult {
		let until = match who {
			None => BlockNumber::MAX,
			Some(who) => {
				ensure!(Guardian::<T>::get() == Some(who), Error::<T>::NotGuardian);
				Self::now().saturating_add(T::StopPeriod::get())
			}
		};
		Self::stop_until(inbound, outbound, until, Reason::Ordered);
		Ok(())
	}

	pub(crate) fn do_resume() {
		Stopped::<T>::kill();
		Self::deposit_event(Event::BridgeResumed);
	}
}
