//! Where an escrow goes: a list of payments, made in bounded steps.

use alloc::{vec, vec::Vec};
use frame_support::{dispatch::DispatchResult, ensure, storage::with_storage_layer};
use livepeer_primitives::{
	claim::{ClaimInfo, Payout, PayoutReason},
	traits::{FeeSink as _, Settlement},
	AccountId, Balance, ClaimId,
};

use crate::{
	decide::FAILURE_DELAY,
	types::{Class, OpenClaim, PayoutList, Task, PAYOUTS_PER_STEP},
	Config, Error, Event, HoldReason, OpenClaims, Pallet, Payouts,
};

impl<T: Config> Pallet<T> {
	/// Ends a claim whose outcome is executed: its whole escrow in one payment.
	pub(crate) fn do_settle(id: ClaimId, settlement: Settlement) -> DispatchResult {
		let claim = OpenClaims::<T>::get(id).ok_or(Error::<T>::NoClaim)?;
		let (account, reason) = match settlement {
			Settlement::Pay => (claim.info.transcoder.clone(), PayoutReason::Fee),
			Settlement::Refund => (claim.info.broadcaster.clone(), PayoutReason::Refund),
		};
		if settlement == Settlement::Pay {
			Self::note_fruit(claim.info.job);
		}
		let amount = claim.info.fee;
		Self::pay_out(id, claim, settlement, vec![Payout { account, reason, amount }])
	}

	/// Pays a claim's escrow by `list`, as much as one step holds now and the rest on the agenda. The
	/// claim is gone when all is paid.
	pub(crate) fn pay_out(
		id: ClaimId,
		claim: OpenClaim,
		settlement: Settlement,
		list: Vec<Payout>,
	) -> DispatchResult {
		ensure!(!Payouts::<T>::contains_key(id), Error::<T>::NoClaim);
		let list = PayoutList::try_from(list).map_err(|_| Error::<T>::BadPayouts)?;
		let sum = list.iter().try_fold(0, |sum: Balance, payout| sum.checked_add(payout.amount));
		ensure!(sum == Some(claim.info.fee), Error::<T>::BadPayouts);
		if settlement == Settlement::Pay {
			Self::note_paid(claim.info.job, &claim.info.transcoder);
		}
		Self::deposit_event(Event::ClaimSettled {
			claim: id,
			settlement,
			transcoder: claim.info.transcoder.clone(),
			broadcaster: claim.info.broadcaster.clone(),
			fee: claim.info.fee,
		});
		Self::pay_step(id, &claim, list)
	}

	/// Makes the first payments of `list`, and sees to the rest.
	fn pay_step(id: ClaimId, claim: &OpenClaim, list: PayoutList) -> DispatchResult {
		let mut list = list.into_inner();
		let rest = list.split_off(list.len().min(PAYOUTS_PER_STEP as usize));
		for payout in &list {
			Self::pay_one(&claim.info, claim.fee_share, payout)?;
		}
		if rest.is_empty() {
			Payouts::<T>::remove(id);
			Self::forget_claim(id, &claim.info);
		} else {
			Payouts::<T>::insert(id, PayoutList::truncate_from(rest));
			Self::schedule(Class::Lazy, Task::Payouts(id), 0);
		}
		Ok(())
	}

	fn pay_one(
		info: &ClaimInfo,
		fee_share: sp_runtime::Perbill,
		payout: &Payout,
	) -> DispatchResult {
		let Payout { account, reason, amount } = payout;
		match reason {
			PayoutReason::Fee => Self::pay_fee(info, account, *amount, fee_share),
			PayoutReason::Refund if *account == info.broadcaster => {
				Self::release(HoldReason::Escrow, account, *amount)
			}
			PayoutReason::Refund | PayoutReason::Verification | PayoutReason::Other => {
				Self::pay(&info.broadcaster, account, *amount)
			}
		}
	}

	/// Pays a fee to a transcoder and its delegators. What the transcoder owes is taken out of its own
	/// part; what is left to book is never less than the pot could begin with.
	fn pay_fee(
		info: &ClaimInfo,
		account: &AccountId,
		amount: Balance,
		fee_share: sp_runtime::Perbill,
	) -> DispatchResult {
		let shared = fee_share.mul_ceil(amount).min(amount);
		let own = amount.saturating_sub(shared);
		let most = amount.saturating_sub(Self::smallest_fee());
		let due = Self::pay_debt_from_fee(&info.broadcaster, account, own, most);
		Self::pay(&info.broadcaster, &T::FeeSink::pot(), amount.saturating_sub(due))?;
		if due == 0 {
			T::FeeSink::deposit_fee(account, amount, fee_share);
		} else {
			T::FeeSink::deposit_fee(account, shared, sp_runtime::Perbill::one());
			let own = own.saturating_sub(due);
			T::FeeSink::deposit_fee(account, own, sp_runtime::Perbill::zero());
		}
		Ok(())
	}

	/// Goes on with a list that is longer than one step.
	pub(crate) fn run_payouts(id: ClaimId) {
		let (Some(claim), Some(list)) = (OpenClaims::<T>::get(id), Payouts::<T>::get(id)) else {
			frame_support::defensive!("a list takes its task with it; qed");
			return;
		};
		if let Err(error) = with_storage_layer(|| Self::pay_step(id, &claim, list)) {
			log::error!(
				target: "runtime::jobs",
				"escrow of claim {id} cannot be paid, tried again: {error:?}",
			);
			let at = Self::now().saturating_add(FAILURE_DELAY);
			Self::schedule(Class::Lazy, Task::Payouts(id), at);
		}
	}
}
