//! From the decision to its execution, and the end of a challenge.

use alloc::vec::Vec;
use frame_support::{ensure, storage::with_storage_layer, weights::Weight};
use livepeer_primitives::{
	api::Outcome,
	traits::{Beacon, Claims, Jail, Settlement, Slash, Slashed},
	AccountId, BlockNumber, ClaimId,
};
use sp_runtime::{BoundedVec, DispatchResult};

use crate::{
	types::{
		Challenge, Decision, Penalties, Penalty, Stage, EXECUTION_RETRY, MAX_COMMITTEE,
		MAX_PENALTIES, PENALTIES_PER_STEP,
	},
	Agenda, Ballots, Challenges, Config, Error, Event, Leaves, Members, OfRound, Pallet,
	PendingPenalties, WeightInfo,
};

/// Whether an outcome is a verdict against the transcoder.
fn is_guilty(outcome: Outcome) -> bool {
	matches!(outcome, Outcome::Failed | Outcome::Missed)
}

impl<T: Config> Pallet<T> {
	/// Nobody is convinced: the fee goes back, and nobody pays. Returns what that weighs.
	pub(crate) fn void(id: ClaimId, challenge: Challenge) -> Weight {
		Self::decide(id, challenge, Outcome::Void, Vec::new(), Vec::new())
	}

	/// The drawn leaves were not revealed, or not to be had.
	pub(crate) fn missed(id: ClaimId, challenge: Challenge, finders: Vec<AccountId>) {
		Self::decide(id, challenge, Outcome::Missed, finders, Vec::new());
	}

	/// Fixes the outcome. All votes and leaves are forgotten; what stays is what execution needs.
	/// A verdict against the transcoder jails it at once, and a void claim is settled at once:
	/// returns what that settlement weighs, which is not part of deciding.
	pub(crate) fn decide(
		id: ClaimId,
		mut challenge: Challenge,
		outcome: Outcome,
		finders: Vec<AccountId>,
		penalties: Vec<(AccountId, Penalty)>,
	) -> Weight {
		let now = Self::now();
		Ballots::<T>::remove(id);
		let _ = Members::<T>::clear_prefix((id,), MAX_PENALTIES, None);
		let _ = Leaves::<T>::clear_prefix(id, livepeer_primitives::MAX_SAMPLES, None);
		let wait = match outcome {
			Outcome::Accepted => challenge.parameters.slashing_period,
			Outcome::Failed | Outcome::Missed => {
				T::Jail::detain(&challenge.transcoder);
				challenge.parameters.slash_deferral
			}
			Outcome::Void => 0,
		};
		let execute_at = now.saturating_add(wait);
		Self::deposit_event(Event::Decided { claim: id, outcome, execute_at });
		let decision = Decision {
			outcome,
			execute_at,
			finders: BoundedVec::<_, sp_core::ConstU32<MAX_COMMITTEE>>::truncate_from(finders),
		};
		challenge.stage = Stage::Decided(decision.clone());
		if outcome == Outcome::Void {
			Self::execute(now, id, challenge, decision);
			return Self::execution_weight();
		}
		if !penalties.is_empty() {
			PendingPenalties::<T>::insert(id, Penalties::truncate_from(penalties));
		}
		// Nothing at all is executed before, so that governance can still cancel all of it.
		Self::enter(id, &mut challenge, execute_at);
		Challenges::<T>::insert(id, challenge);
		Weight::zero()
	}

	/// What executing a decision weighs at most, without the slash.
	pub(crate) fn execution_weight() -> Weight {
		T::WeightInfo::agenda_execute().max(T::WeightInfo::agenda_execute_accepted())
	}

	/// The agenda's step of a decided challenge whose wait is over: some penalties, for a set can
	/// be large, and with the last of them the decision itself.
	pub(crate) fn execute_decision(
		now: BlockNumber,
		id: ClaimId,
		mut challenge: Challenge,
	) -> Weight {
		let Stage::Decided(decision) = challenge.stage.clone() else { return Weight::zero() };
		let (penalised, left) = Self::execute_penalties(id, &challenge, PENALTIES_PER_STEP);
		let slash = T::Slash::slash_weight(challenge.drawn_in, 0);
		let mut weight = T::WeightInfo::agenda_penalise(penalised)
			.saturating_add(slash.saturating_mul(penalised.into()));
		if left > 0 {
			Self::enter(id, &mut challenge, now.saturating_add(1));
			Challenges::<T>::insert(id, challenge);
		} else {
			weight = weight.saturating_add(Self::execution_weight());
			// Charged even if an earlier verdict of the round spares the stake.
			if is_guilty(decision.outcome) {
				let finders = decision.finders.len() as u32;
				weight = weight.saturating_add(T::Slash::slash_weight(challenge.round, finders));
			}
			Self::execute(now, id, challenge, decision);
		}
		weight
	}

	/// Executes at most `most` penalties; how many it were, and how many are left.
	pub(crate) fn execute_penalties(id: ClaimId, challenge: &Challenge, most: u32) -> (u32, u32) {
		let Some(penalties) = PendingPenalties::<T>::get(id) else { return (0, 0) };
		let mut penalties = penalties.into_inner();
		let left = penalties.len().saturating_sub(most as usize);
		let due = penalties.split_off(left);
		let executed = due.len() as u32;
		for (verifier, penalty) in due {
			let fraction = match penalty {
				Penalty::NoShow => challenge.parameters.no_show_slash,
				Penalty::FalseDissent => challenge.parameters.false_dissent_slash,
			};
			let slashed = T::Slash::slash(&verifier, challenge.drawn_in, fraction, &[]);
			Self::deposit_event(Event::Penalised {
				claim: id,
				verifier,
				penalty,
				amount: slashed.total,
			});
		}
		if penalties.is_empty() {
			PendingPenalties::<T>::remove(id);
		} else {
			PendingPenalties::<T>::insert(id, Penalties::truncate_from(penalties));
		}
		(executed, left as u32)
	}

	/// Executes a decision: slash, settlement and end of jail in one; if one fails, none happens
	/// and all is tried again later.
	pub(crate) fn execute(
		now: BlockNumber,
		id: ClaimId,
		mut challenge: Challenge,
		decision: Decision,
	) {
		let done = with_storage_layer(|| Self::try_execute(id, &challenge, &decision));
		if let Err(error) = done {
			log::error!(target: crate::LOG_TARGET, "claim {id} could not be settled: {error:?}");
			Self::deposit_event(Event::ExecutionFailed { claim: id, error });
			Self::enter(id, &mut challenge, now.saturating_add(EXECUTION_RETRY));
			Challenges::<T>::insert(id, challenge);
		}
	}

	fn try_execute(id: ClaimId, challenge: &Challenge, decision: &Decision) -> DispatchResult {
		let outcome = decision.outcome;
		let mut slashed = Slashed::default();
		if is_guilty(outcome) {
			// Before the settlement, for that ends the claim's liability.
			if Self::may_slash(challenge) {
				let fraction = match outcome {
					Outcome::Missed => challenge.parameters.missed_slash,
					_ => challenge.parameters.failed_slash,
				};
				slashed = T::Slash::slash(
					&challenge.transcoder,
					challenge.round,
					fraction,
					&decision.finders,
				);
			}
			T::Jail::resolve(&challenge.transcoder);
		}
		let settlement = match outcome {
			Outcome::Accepted => Settlement::Pay,
			Outcome::Failed | Outcome::Missed | Outcome::Void => Settlement::Refund,
		};
		T::Claims::settle(id, settlement)?;
		Self::forget(id, challenge);
		Self::deposit_event(Event::Executed {
			claim: id,
			outcome,
			slashed: slashed.total,
			finders_fee: slashed.finders_fee,
			common_pool: slashed.common_pool,
		});
		Ok(())
	}

	/// Whether this is the first verdict against the transcoder's claims of that round; the second
	/// and later ones cost their escrow only.
	fn may_slash(challenge: &Challenge) -> bool {
		OfRound::<T>::mutate(&challenge.transcoder, challenge.round, |record| {
			record.as_mut().is_some_and(|record| !core::mem::replace(&mut record.slashed, true))
		})
	}

	/// Governance: nothing of the decision is executed, and the transcoder is paid. Too late once
	/// the execution may have begun, for what it took is not given back.
	pub(crate) fn do_cancel(id: ClaimId) -> DispatchResult {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let Stage::Decided(decision) = &challenge.stage else {
			return Err(Error::<T>::NotDecided.into());
		};
		ensure!(decision.outcome != Outcome::Void, Error::<T>::NotDecided);
		ensure!(Self::now() < decision.execute_at, Error::<T>::ExecutionBegun);
		if is_guilty(decision.outcome) {
			T::Jail::resolve(&challenge.transcoder);
		}
		T::Claims::settle(id, Settlement::Pay)?;
		Self::forget(id, &challenge);
		Self::deposit_event(Event::Cancelled { claim: id });
		Ok(())
	}

	/// Removes every byte of a challenge.
	fn forget(id: ClaimId, challenge: &Challenge) {
		Agenda::<T>::remove(challenge.due, id);
		Challenges::<T>::remove(id);
		PendingPenalties::<T>::remove(id);
		OfRound::<T>::mutate_exists(&challenge.transcoder, challenge.round, |record| {
			let Some(current) = record.as_mut() else { return };
			current.open = current.open.saturating_sub(1);
			if current.open == 0 {
				*record = None;
			}
		});
		T::Beacon::release(challenge.window.saturating_add(1));
	}
}
