//! From the decision to its execution, and the end of a challenge.

use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{ensure, storage::with_storage_layer, weights::Weight};
use livepeer_primitives::{
	claim::Outcome,
	traits::{
		Beacon, Chill, Claims, Jail, Liability, OnDecided, Rounds, Settlement, Slash, Slashed,
	},
	AccountId, Balance, BlockNumber, ClaimId, MAX_SAMPLES, MAX_VALIDATORS,
};
use sp_runtime::{BoundedVec, DispatchError, DispatchResult, PerThing, Perbill, Rounding};

use crate::{
	types::{
		Challenge, Conduct, Decision, Judge, JudgeList, Penalty, Stage, Task, EXECUTION_RETRY,
		MAX_COMMITTEE, PENALTIES_PER_STEP,
	},
	Ballots, Challenges, Config, Error, Event, Judges, Leaves, Members, NoShows, OfRound, Pallet,
	WeightInfo,
};

/// What a decision says.
pub(crate) struct Verdict {
	/// The outcome.
	pub outcome: Outcome,
	/// Failed over the question alone whether the segments can be transcoded.
	pub about_input: bool,
	/// What the transcoder pays for the dispute, in ETH.
	pub dispute_cost: Balance,
	/// Who shares the finder's fee.
	pub finders: Vec<AccountId>,
}

impl Verdict {
	/// An outcome without finders.
	pub fn of(outcome: Outcome) -> Self {
		Self { outcome, about_input: false, dispute_cost: 0, finders: Vec::new() }
	}
}

/// The share of what is left after `before` was lost that makes `wanted` of the whole; nothing
/// when that much is lost already.
pub(crate) fn difference(before: Perbill, wanted: Perbill) -> Perbill {
	let more = wanted.deconstruct().saturating_sub(before.deconstruct());
	let left = Perbill::one().deconstruct().saturating_sub(before.deconstruct());
	if more == 0 || left == 0 {
		return Perbill::zero();
	}
	Perbill::from_rational_with_rounding(more, left, Rounding::Up).unwrap_or(Perbill::one())
}

impl<T: Config> Pallet<T> {
	/// Nobody is convinced, and nobody was asked: the fee goes back. Returns what that weighs.
	pub(crate) fn void(id: ClaimId, challenge: Challenge) -> Weight {
		Self::decide(id, challenge, Verdict::of(Outcome::Void), BTreeMap::new())
	}

	/// The drawn leaves were not revealed.
	pub(crate) fn missed(id: ClaimId, challenge: Challenge, finder: Option<AccountId>) {
		let finders = finder.into_iter().collect();
		let verdict = Verdict { finders, ..Verdict::of(Outcome::Missed) };
		Self::decide(id, challenge, verdict, BTreeMap::new());
	}

	/// Fixes the outcome and what each judge owes. All votes and leaves are forgotten; what stays is
	/// what execution needs. A verdict against the transcoder jails it at once. A void claim that
	/// nobody judges is settled at once: returns what that settlement weighs, which is not part of
	/// deciding.
	pub(crate) fn decide(
		id: ClaimId,
		mut challenge: Challenge,
		verdict: Verdict,
		conducts: BTreeMap<AccountId, Conduct>,
	) -> Weight {
		let now = Self::now();
		Ballots::<T>::remove(id);
		let most = MAX_COMMITTEE.saturating_add(MAX_VALIDATORS);
		let _ = Members::<T>::clear_prefix((id,), most, None);
		let _ = Leaves::<T>::clear_prefix(id, MAX_SAMPLES, None);
		let Verdict { outcome, about_input, dispute_cost, finders } = verdict;
		let mut decision = Decision {
			outcome,
			about_input,
			dispute_cost,
			execute_at: now,
			finders: BoundedVec::truncate_from(finders),
		};
		let wait = match outcome {
			_ if decision.is_guilty() => {
				T::Jail::detain(&challenge.transcoder);
				challenge.parameters.slash_deferral
			}
			Outcome::Void => 0,
			_ => challenge.parameters.slashing_period,
		};
		decision.execute_at = now.saturating_add(wait);
		T::OnDecided::on_decided(id);
		Self::deposit_event(Event::Decided {
			claim: id,
			outcome,
			about_input,
			execute_at: decision.execute_at,
		});
		challenge.stage = Stage::Decided(decision.clone());
		let has_judges = Judges::<T>::mutate_exists(id, |judges| {
			for judge in judges.iter_mut().flat_map(|judges| judges.iter_mut()) {
				judge.conduct = Self::weighed(judge, &conducts);
			}
			judges.is_some()
		});
		if outcome == Outcome::Void && !has_judges {
			Self::execute(now, id, challenge, decision);
			return Self::execution_weight();
		}
		// Nothing at all is executed before, so that governance can still cancel all of it.
		Self::enter(id, &mut challenge, decision.execute_at);
		Challenges::<T>::insert(id, challenge);
		Weight::zero()
	}

	/// What executing a decision weighs at most, without the slash.
	pub(crate) fn execution_weight() -> Weight {
		T::WeightInfo::agenda_execute().max(T::WeightInfo::agenda_execute_accepted())
	}

	/// The agenda's step of a decided challenge whose wait is over: some judges are dismissed, for a
	/// set can be large, and with the last of them the decision itself is executed.
	pub(crate) fn execute_decision(
		now: BlockNumber,
		id: ClaimId,
		mut challenge: Challenge,
	) -> Weight {
		let Stage::Decided(decision) = challenge.stage.clone() else { return Weight::zero() };
		let dismissed = Self::dismiss_judges(id, &challenge, PENALTIES_PER_STEP);
		let slash = T::Slash::slash_weight(challenge.snapshot, 0);
		let mut weight = T::WeightInfo::agenda_dismiss(dismissed.judges)
			.saturating_add(slash.saturating_mul(dismissed.penalised.into()));
		if dismissed.left > 0 {
			Self::enter(id, &mut challenge, now.saturating_add(1));
			Challenges::<T>::insert(id, challenge);
		} else {
			weight = weight.saturating_add(Self::execution_weight());
			// Charged even if an earlier verdict of the round spares the stake.
			if decision.is_guilty() {
				let finders = decision.finders.len() as u32;
				weight = weight.saturating_add(T::Slash::slash_weight(challenge.round, finders));
			}
			Self::execute(now, id, challenge, decision);
		}
		weight
	}

	/// Dismisses at most `most` judges: each pays what it owes, and is liable no longer.
	pub(crate) fn dismiss_judges(id: ClaimId, challenge: &Challenge, most: u32) -> Dismissed {
		let Some(judges) = Judges::<T>::get(id) else { return Dismissed::default() };
		let mut judges = judges.into_inner();
		let left = judges.len().saturating_sub(most as usize);
		let due = judges.split_off(left);
		let mut dismissed = Dismissed { judges: due.len() as u32, penalised: 0, left: left as u32 };
		for Judge { account, conduct, .. } in due {
			match conduct {
				Conduct::Unasked => (),
				Conduct::Answered => {
					NoShows::<T>::remove(&account);
					Self::forget_omissions(&account, challenge.snapshot);
				}
				Conduct::Owes(penalty) => {
					dismissed.penalised = dismissed.penalised.saturating_add(1);
					Self::penalise(id, challenge, &account, penalty);
				}
			}
			// After its penalty, which reaches what this keeps from leaving.
			T::Liability::close(&account, challenge.snapshot);
		}
		if judges.is_empty() {
			Judges::<T>::remove(id);
		} else {
			Judges::<T>::insert(id, JudgeList::truncate_from(judges));
		}
		dismissed
	}

	fn penalise(id: ClaimId, challenge: &Challenge, judge: &AccountId, penalty: Penalty) {
		let parameters = &challenge.parameters;
		let in_a_row = NoShows::<T>::get(judge);
		let share = penalty.fraction(parameters, in_a_row);
		let fraction = Self::counted_once(judge, challenge.snapshot, penalty, share);
		if penalty == Penalty::FalseDissent {
			// A full answer, if a false one.
			NoShows::<T>::remove(judge);
		} else {
			NoShows::<T>::insert(judge, in_a_row.saturating_add(1));
		}
		let slashed = if fraction.is_zero() {
			Slashed::default()
		} else {
			T::Slash::slash(judge, challenge.snapshot, fraction, &[])
		};
		if penalty.chills() {
			let last = T::Rounds::current().saturating_add(parameters.chill);
			T::Chill::chill(judge, last.saturating_add(1));
		}
		Self::deposit_event(Event::Penalised {
			claim: id,
			verifier: judge.clone(),
			penalty,
			fraction,
			amount: slashed.total,
		});
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
		if decision.is_guilty() {
			// Before the settlement, for that ends the claim's liability.
			let wanted = match outcome {
				Outcome::Missed => challenge.parameters.missed_slash,
				_ => challenge.parameters.failed_slash,
			};
			let fraction = Self::raise_slash(challenge, wanted);
			if !fraction.is_zero() {
				slashed = T::Slash::slash(
					&challenge.transcoder,
					challenge.round,
					fraction,
					&decision.finders,
				);
			}
			T::Jail::resolve(&challenge.transcoder);
		}
		if decision.dispute_cost > 0 {
			T::Claims::charge(&challenge.transcoder, decision.dispute_cost);
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

	/// The largest verdict against the transcoder's claims of a round counts, not the first: what is
	/// still to be taken of its stake for `wanted`.
	fn raise_slash(challenge: &Challenge, wanted: Perbill) -> Perbill {
		OfRound::<T>::mutate(&challenge.transcoder, challenge.round, |record| {
			let Some(record) = record.as_mut() else { return Perbill::zero() };
			let before = record.slashed;
			record.slashed = before.max(wanted);
			difference(before, wanted)
		})
	}

	/// Governance: nothing of the decision is executed, and the transcoder is paid. Too late once
	/// the execution may have begun, for what it took is not given back. Returns what it weighs.
	pub(crate) fn do_cancel(id: ClaimId) -> Result<Weight, DispatchError> {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let Stage::Decided(decision) = &challenge.stage else {
			return Err(Error::<T>::NotDecided.into());
		};
		ensure!(decision.outcome != Outcome::Void, Error::<T>::NotDecided);
		ensure!(Self::now() < decision.execute_at, Error::<T>::ExecutionBegun);
		if decision.is_guilty() {
			T::Jail::resolve(&challenge.transcoder);
		}
		let judges = Judges::<T>::take(id).unwrap_or_default();
		for judge in &judges {
			T::Liability::close(&judge.account, challenge.snapshot);
		}
		T::Claims::settle(id, Settlement::Pay)?;
		Self::forget(id, &challenge);
		Self::deposit_event(Event::Cancelled { claim: id });
		Ok(T::WeightInfo::cancel(judges.len() as u32))
	}

	/// Removes every byte of a challenge whose judges are dismissed.
	fn forget(id: ClaimId, challenge: &Challenge) {
		Self::unschedule(challenge.class, Task::Challenge(id), challenge.due);
		Challenges::<T>::remove(id);
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

/// What a step of dismissing judges has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Dismissed {
	/// How many were dismissed.
	pub judges: u32,
	/// How many of them paid.
	pub penalised: u32,
	/// How many are left.
	pub left: u32,
}
