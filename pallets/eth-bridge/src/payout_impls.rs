//! Earnings: what accounts are paid out in a round goes to Ethereum as one root.

use crate::{
	types::{Batch, Direction, Payout, MAX_EARNINGS, MAX_ROUND_SUM},
	Config, Earnings, Error, Event, Open, OpenLeaves, Pallet, Payouts, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
	ensure, storage::with_storage_layer, traits::tokens::Preservation, weights::Weight,
};
use livepeer_primitives::{
	bridge::{earnings_path, earnings_root, BridgedAsset, Earning, Message},
	traits::Rounds as _,
	AccountId, RoundIndex,
};
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_set_payout(who: AccountId, payout: Option<Payout>) -> DispatchResult {
		if let Some(payout) = &payout {
			Self::ensure_payable(&payout.payee)?;
			// An account needs nothing to sign within a batch, and nobody else can remove its entry.
			if !Payouts::<T>::contains_key(&who) {
				Self::charge_message(&who)?;
			}
		}
		Payouts::<T>::set(&who, payout);
		Self::deposit_event(Event::PayoutSet { account: who, payout });
		Ok(())
	}

	pub(crate) fn do_pay_out(
		sender: &AccountId,
		account: AccountId,
		asset: BridgedAsset,
	) -> DispatchResult {
		Self::ensure_open(Direction::Outbound)?;
		let domain = Self::domain().ok_or(Error::<T>::NoGateway)?;
		let payout = Payouts::<T>::get(&account).ok_or(Error::<T>::NoPayout)?;
		let rule = payout.rule(asset).ok_or(Error::<T>::NoPayout)?;
		Self::charge_message(sender)?;
		let amount = Self::spendable(asset, &account).saturating_sub(rule.keep);
		ensure!(amount > 0 && amount >= rule.minimum, Error::<T>::BelowMinimum);
		let mut batch =
			Open::<T>::get().unwrap_or(Batch { round: T::Rounds::current(), ..Default::default() });
		ensure!(batch.count < MAX_EARNINGS, Error::<T>::RoundFull);
		let sum = match asset {
			BridgedAsset::Lpt => &mut batch.lpt,
			BridgedAsset::Eth => &mut batch.eth,
		};
		*sum = sum.saturating_add(amount);
		ensure!(*sum < MAX_ROUND_SUM, Error::<T>::RoundFull);
		Self::book_out(asset, amount)?;
		Self::burn(asset, &account, amount, Preservation::Preserve)?;

		let (round, index) = (batch.round, batch.count);
		let earning = Earning { asset, payee: payout.payee, amount };
		OpenLeaves::<T>::try_append(earning.leaf(&domain, round, index))
			.map_err(|()| Error::<T>::RoundFull)?;
		batch.count = batch.count.saturating_add(1);
		Open::<T>::put(batch);
		Earnings::<T>::insert(round, index, &earning);
		Self::deposit_event(Event::PaidOut { account, round, index, earning });
		Ok(())
	}

	/// Sends the earnings of a round that has ended. While outbound traffic is stopped, they wait.
	pub(crate) fn close_round() -> Weight {
		let looked = T::WeightInfo::close_round(0);
		let Some(batch) = Open::<T>::get() else { return looked };
		let ended = T::Rounds::current() > batch.round;
		if !ended || Self::stopped_until(Direction::Outbound).is_some() {
			return looked;
		}
		// Nothing is removed here unless everything succeeds.
		let _ = with_storage_layer(|| {
			let Batch { round, count, lpt, eth } = batch;
			let root = earnings_root(OpenLeaves::<T>::take().into_inner())
				.ok_or(DispatchError::Unavailable)?;
			Open::<T>::kill();
			Self::send(None, Message::Earnings { round, root, count, lpt, eth })
		});
		T::WeightInfo::close_round(batch.count)
	}

	pub(crate) fn earning_with_path(round: RoundIndex, index: u32) -> Option<(Earning, Vec<H256>)> {
		if Open::<T>::get().is_some_and(|open| open.round == round) {
			return None;
		}
		let domain = Self::domain()?;
		let earning = Earnings::<T>::get(round, index)?;
		let leaves: Option<Vec<H256>> = (0..MAX_EARNINGS)
			.map_while(|index| {
				Some(Some(Earnings::<T>::get(round, index)?.leaf(&domain, round, index)))
			})
			.collect();
		Some((earning, earnings_path(leaves?, index)?))
	}
}
