//! Paying out an escrow: a list of payments, made in bounded steps.

use alloc::{vec, vec::Vec};
use frame_support::{
	dispatch::DispatchResult, ensure, storage::with_storage_layer, traits::fungibles::Inspect as _,
};
use livepeer_primitives::{
	claim::{ClaimInfo, Payout, PayoutReason},
	traits::{FeeSink as _, Settlement, VerificationBill},
	AccountId, Balance, ClaimId, ETH,
};
use sp_runtime::{DispatchError, Perbill};

use crate::{
	decision::FAILURE_DELAY,
	types::{Class, OpenClaim, PayoutList, Task, PAYOUTS_PER_STEP},
	Config, Error, Event, HoldReason, OpenClaims, Pallet, Payouts,
};

impl<T: Config> Pallet<T> {
	/// The part of a claim's escrow that is available for its verification. With a refund, the
	/// broadcaster gets everything of its own back. A paid fee covers what its transcoder could not
	/// prepay, except for the amount that the pot needs to come into existence.
	pub(crate) fn verification_budget_of(claim: &OpenClaim, settlement: Settlement) -> Balance {
		match settlement {
			Settlement::Pay => {
				let of_fee = claim.info.fee.saturating_sub(Self::pot_lacks());
				let all = claim.prepaid.saturating_add(claim.shortfall).saturating_add(of_fee);
				all.min(claim.prepayment)
			}
			Settlement::Refund => claim.prepaid,
		}
	}

	/// The amount that the pot of fees must receive at once to come into existence; zero once it
	/// exists.
	fn pot_lacks() -> Balance {
		let least = Self::smallest_fee();
		if T::Assets::total_balance(ETH, &T::FeeSink::pot()) < least {
			least
		} else {
			0
		}
	}

	/// Ends a claim whose outcome is executed.
	pub(crate) fn do_settle(
		id: ClaimId,
		settlement: Settlement,
		bill: &VerificationBill,
	) -> DispatchResult {
		let claim = OpenClaims::<T>::get(id).ok_or(Error::<T>::NoClaim)?;
		let list = Self::payouts_of(&claim, settlement, bill).ok_or(Error::<T>::BadPayouts)?;
		if settlement == Settlement::Pay {
			Self::note_fruit(claim.info.job);
		}
		Self::pay_out(id, claim, settlement, list)
	}

	/// Splits an escrow. The cost of verification comes first out of the broadcaster's shortfall,
	/// if there is one, then out of what the transcoder prepaid, then out of its fee.
	fn payouts_of(
		claim: &OpenClaim,
		settlement: Settlement,
		bill: &VerificationBill,
	) -> Option<Vec<Payout>> {
		let OpenClaim { info, prepaid, shortfall, .. } = claim;
		let cost = bill
			.payments
			.iter()
			.try_fold(0, |sum: Balance, (_, amount)| sum.checked_add(*amount))
			.filter(|cost| *cost <= Self::verification_budget_of(claim, settlement))?;
		let (of_shortfall, fee) = match settlement {
			Settlement::Pay => (cost.min(*shortfall), info.fee),
			Settlement::Refund => (0, 0),
		};
		let of_prepaid = cost.saturating_sub(of_shortfall).min(*prepaid);
		let of_fee = cost.saturating_sub(of_shortfall).saturating_sub(of_prepaid);
		let refund = claim.escrow().saturating_sub(*prepaid).saturating_sub(fee);
		let payout = |account: &AccountId, reason, amount| {
			let account = account.clone();
			(amount > 0).then_some(Payout { account, reason, amount })
		};
		let mut list = vec![
			payout(&info.transcoder, PayoutReason::Fee, fee.saturating_sub(of_fee)),
			payout(&info.broadcaster, PayoutReason::Refund, refund.saturating_sub(of_shortfall)),
		];
		for (account, amount) in &bill.payments {
			list.push(payout(account, PayoutReason::Verification, *amount));
		}
		let unused = prepaid.saturating_sub(of_prepaid);
		list.push(payout(&info.transcoder, PayoutReason::Prepayment, unused));
		Some(list.into_iter().flatten().collect())
	}

	/// Pays a claim's escrow by `list`: one step now, and the rest by the agenda. The claim is
	/// deleted when everything is paid.
	pub(crate) fn pay_out(
		id: ClaimId,
		claim: OpenClaim,
		settlement: Settlement,
		list: Vec<Payout>,
	) -> DispatchResult {
		ensure!(!Payouts::<T>::contains_key(id), Error::<T>::NoClaim);
		let list = PayoutList::try_from(list).map_err(|_| Error::<T>::BadPayouts)?;
		let sum = list.iter().try_fold(0, |sum: Balance, payout| sum.checked_add(payout.amount));
		ensure!(sum == Some(claim.escrow()), Error::<T>::BadPayouts);
		if settlement == Settlement::Pay {
			Self::note_paid(claim.info.job, &claim.info.transcoder);
		}
		Self::pay_step(id, &claim, list)?;
		Self::deposit_event(Event::ClaimSettled {
			claim: id,
			settlement,
			transcoder: claim.info.transcoder.clone(),
			broadcaster: claim.info.broadcaster.clone(),
			fee: claim.info.fee,
		});
		Ok(())
	}

	/// Makes the first payments of `list`, and schedules the rest.
	fn pay_step(id: ClaimId, claim: &OpenClaim, list: PayoutList) -> DispatchResult {
		let mut list = list.into_inner();
		let rest = list.split_off(list.len().min(PAYOUTS_PER_STEP as usize));
		for payout in &list {
			let (account, reason) = match Self::pay_one(&claim.info, claim.fee_share, payout)? {
				true => (&payout.account, payout.reason),
				false => (&claim.info.broadcaster, PayoutReason::Refund),
			};
			Self::deposit_event(Event::EscrowPaid {
				claim: id,
				account: account.clone(),
				reason,
				amount: payout.amount,
			});
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

	/// Makes one payment. Returns whether its account got it; otherwise the escrow's owner did.
	fn pay_one(
		info: &ClaimInfo,
		fee_share: Perbill,
		payout: &Payout,
	) -> Result<bool, DispatchError> {
		let Payout { account, reason, amount } = payout;
		let broadcaster = &info.broadcaster;
		match reason {
			// Usually far less than an ETH account needs to come into existence. It is owed to the
			// verifier, which withdraws it with its other fees.
			PayoutReason::Verification => {
				return Self::pay_small(broadcaster, account, *amount, false);
			}
			PayoutReason::Prepayment => {
				return Self::pay_small(broadcaster, account, *amount, true);
			}
			PayoutReason::Fee => Self::pay_fee(info, account, *amount, fee_share)?,
			PayoutReason::Refund if account == broadcaster => {
				Self::release(HoldReason::Escrow, account, *amount)?;
			}
			PayoutReason::Refund | PayoutReason::Other => {
				Self::pay(broadcaster, account, *amount)?;
			}
		}
		Ok(true)
	}

	/// Pays an amount that may be less than an account needs to come into existence: `directly` if
	/// possible, otherwise as an owed fee. While nobody was ever paid a fee, the pot itself may be
	/// unable to come into existence; then the escrow's owner keeps the amount. Returns whether
	/// `to` got it.
	fn pay_small(
		broadcaster: &AccountId,
		to: &AccountId,
		amount: Balance,
		directly: bool,
	) -> Result<bool, DispatchError> {
		let moved =
			|to: &AccountId| with_storage_layer(|| Self::pay(broadcaster, to, amount)).is_ok();
		if directly && moved(to) {
			return Ok(true);
		}
		if moved(&T::FeeSink::pot()) {
			T::FeeSink::deposit_fee(to, amount, Perbill::zero());
			return Ok(true);
		}
		Self::release(HoldReason::Escrow, broadcaster, amount)?;
		Ok(false)
	}

	/// Pays a fee to a transcoder and its delegators. Their part is computed from the whole fee,
	/// even if verification has left only `amount` of it. A debt of the transcoder is paid out of
	/// its own part first and then out of theirs: otherwise it could owe for ever by leaving itself
	/// nothing. If the pot does not exist yet, enough is left to book for it to come into
	/// existence.
	fn pay_fee(
		info: &ClaimInfo,
		account: &AccountId,
		amount: Balance,
		fee_share: Perbill,
	) -> DispatchResult {
		let shared = fee_share.mul_ceil(info.fee).min(amount);
		let most = amount.saturating_sub(Self::pot_lacks());
		let due = Self::pay_debt_from_fee(&info.broadcaster, account, most);
		let left = amount.saturating_sub(due);
		if left > 0 {
			Self::pay(&info.broadcaster, &T::FeeSink::pot(), left)?;
		}
		if due == 0 && amount == info.fee {
			T::FeeSink::deposit_fee(account, amount, fee_share);
		} else {
			let shared = shared.min(left);
			T::FeeSink::deposit_fee(account, shared, Perbill::one());
			T::FeeSink::deposit_fee(account, left.saturating_sub(shared), Perbill::zero());
		}
		Ok(())
	}

	/// Continues with a list that is longer than one step.
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
