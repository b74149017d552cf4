//! From the decision to its execution, and the end of a challenge.

use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{ensure, storage::with_storage_layer, traits::Get, weights::Weight};
use livepeer_primitives::{
	claim::Outcome,
	traits::{
		Beacon, Claims, Jail, JudgesPool, Liability, OnDecided, Rounds, Settlement, Slash, Slashed,
		VerificationBill,
	},
	work::fee,
	AccountId, Balance, BlockNumber, ClaimId, Hash, MAX_SAMPLES, MAX_VALIDATORS,
};
use sp_runtime::{
	helpers_128bit::multiply_by_rational_with_rounding, BoundedVec, DispatchError, DispatchResult,
	PerThing, Perbill, Rounding,
};

use crate::{
	types::{
		Challenge, Conduct, Decision, Done, Judge, Penalty, Stage, Taken, Task, Worked,
		EXECUTION_RETRY, MAX_COMMITTEE, PENALTIES_PER_STEP, REWARDS_PER_STEP,
	},
	Ballots, Challenges, Config, Error, Event, Judges, Leaves, Members, NoShows, OfRound, Pallet,
	PoolSpent, WeightInfo,
};

/// The content of a decision.
pub(crate) struct Verdict {
	/// The outcome.
	pub outcome: Outcome,
	/// Whether it failed only over the question whether the segments can be transcoded.
	pub about_input: bool,
	/// Whether it is void because too many judges could not have the bytes.
	pub is_starved: bool,
	/// What the dispute has cost, in ETH.
	pub dispute_cost: Balance,
	/// Number of judges that could not have the bytes in time.
	pub late: u16,
	/// How many of them had asked, so that the transcoder pays half of their parts.
	pub late_halved: u16,
	/// The accounts that share the finder's fee.
	pub finders: Vec<AccountId>,
}

impl Verdict {
	/// An outcome without a dispute or finders.
	pub fn of(outcome: Outcome) -> Self {
		Self {
			outcome,
			about_input: false,
			is_starved: false,
			dispute_cost: 0,
			late: 0,
			late_halved: 0,
			finders: Vec::new(),
		}
	}
}

/// The share of what is left after `before` was lost that brings the loss to `wanted` of the whole;
/// zero if that much is already lost.
pub(crate) fn difference(before: Perbill, wanted: Perbill) -> Perbill {
	let more = wanted.deconstruct().saturating_sub(before.deconstruct());
	let left = Perbill::one().deconstruct().saturating_sub(before.deconstruct());
	if more == 0 || left == 0 {
		return Perbill::zero();
	}
	Perbill::from_rational_with_rounding(more, left, Rounding::Up).unwrap_or(Perbill::one())
}

impl<T: Config> Pallet<T> {
	/// Nobody was asked or convinced: the fee goes back. Returns the weight.
	pub(crate) fn void(id: ClaimId, challenge: Challenge) -> Weight {
		Self::decide(id, challenge, Verdict::of(Outcome::Void), BTreeMap::new())
	}

	/// The drawn leaves were not revealed.
	pub(crate) fn missed(id: ClaimId, challenge: Challenge, finder: Option<AccountId>) {
		let finders = finder.into_iter().collect();
		let verdict = Verdict { finders, ..Verdict::of(Outcome::Missed) };
		Self::decide(id, challenge, verdict, BTreeMap::new());
	}

	/// Fixes the outcome and what each judge owes. All votes and leaves are deleted; what execution
	/// needs stays. A verdict against the transcoder jails it at once. A void claim that nobody
	/// judges is settled at once; the returned weight is that of the settlement, which is not part
	/// of deciding.
	pub(crate) fn decide(
		id: ClaimId,
		mut challenge: Challenge,
		verdict: Verdict,
		conducts: BTreeMap<AccountId, (Conduct, Worked)>,
	) -> Weight {
		let now = Self::now();
		Ballots::<T>::remove(id);
		let most = MAX_COMMITTEE.saturating_add(MAX_VALIDATORS);
		let _ = Members::<T>::clear_prefix((id,), most, None);
		let _ = Leaves::<T>::clear_prefix(id, MAX_SAMPLES, None);
		let Verdict { outcome, about_input, is_starved, dispute_cost, late, late_halved, finders } =
			verdict;
		let mut decision = Decision {
			outcome,
			about_input,
			is_starved,
			dispute_cost,
			late,
			late_halved,
			execute_at: now,
			finders: BoundedVec::truncate_from(finders),
			done: Done::default(),
			is_reviewed: true,
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
		decision.is_reviewed = !decision.is_guilty();
		if outcome == Outcome::Accepted || decision.is_guilty() {
			Self::tally(id, &challenge, decision.is_guilty());
		}
		if matches!(outcome, Outcome::Failed | Outcome::Missed) {
			// This also applies to failures about the input, for which it is not jailed, and to
			// each of several verdicts.
			Self::begin_anew(&challenge.transcoder);
		}
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
				let unasked = (Conduct::Unasked, Worked::default());
				let (conduct, worked) = conducts.get(&judge.account).copied().unwrap_or(unasked);
				judge.conduct = conduct;
				judge.worked = worked;
			}
			judges.is_some()
		});
		if outcome == Outcome::Void && !has_judges {
			decision.done.slash = Some(Taken::default());
			Self::execute(now, id, challenge, decision, &Dues::default());
			return Self::execution_weight();
		}
		// Nothing is executed before that, so that governance can still cancel everything.
		let due = match decision.is_reviewed {
			true => decision.execute_at,
			false => decision.execute_at.min(Self::review_at(now)),
		};
		Self::enter(id, &mut challenge, due);
		Challenges::<T>::insert(id, challenge);
		Weight::zero()
	}

	/// The most that executing a decision weighs, without the slash.
	pub(crate) fn execution_weight() -> Weight {
		T::WeightInfo::agenda_execute().max(T::WeightInfo::agenda_execute_accepted())
	}

	/// The agenda's step of a decided challenge. A failure is first reviewed, which may defer it
	/// longer. When the wait is over, each step dismisses some judges, because a set can be large.
	/// With the last of them the transcoder is slashed. Then each step pays some judges out of what
	/// that brought, and with the last of them the claim is settled.
	pub(crate) fn execute_decision(
		now: BlockNumber,
		id: ClaimId,
		mut challenge: Challenge,
	) -> Weight {
		let Stage::Decided(mut decision) = challenge.stage.clone() else { return Weight::zero() };
		let mut reviewed = Weight::zero();
		if !decision.is_reviewed {
			reviewed = T::WeightInfo::agenda_review();
			Self::review(id, &challenge, &mut decision);
			let execute_at = decision.execute_at;
			if now < execute_at {
				challenge.stage = Stage::Decided(decision);
				Self::enter(id, &mut challenge, execute_at);
				Challenges::<T>::insert(id, challenge);
				return reviewed;
			}
		}
		let judges = Judges::<T>::get(id).unwrap_or_default();
		let dismissed = Self::dismiss_judges(id, &challenge, &judges, &mut decision);
		let slash = T::Slash::slash_weight(challenge.snapshot, 0);
		let mut weight = reviewed
			.saturating_add(T::WeightInfo::agenda_dismiss(dismissed.judges))
			.saturating_add(slash.saturating_mul(dismissed.penalised.into()))
			.saturating_add(T::WeightInfo::agenda_chill().saturating_mul(dismissed.chilled.into()));
		let mut done = decision.done.dismissed as usize >= judges.len();
		if done {
			weight = weight.saturating_add(Self::execution_weight());
			if decision.done.slash.is_none() {
				// Charged even if an earlier verdict of the round spares the stake.
				if decision.is_guilty() {
					let finders = decision.finders.len() as u32;
					weight =
						weight.saturating_add(T::Slash::slash_weight(challenge.round, finders));
				}
				Self::slash_transcoder(&challenge, &mut decision);
			}
			let dues = Self::dues(id, &challenge, &decision, &judges);
			let rewarded = Self::reward_judges(id, &mut decision, &judges, &dues);
			weight = weight.saturating_add(T::WeightInfo::agenda_reward(rewarded));
			done = decision.done.rewarded as usize >= judges.len();
			if done {
				if Self::charge_of(&decision) > 0 {
					weight = weight.saturating_add(T::Slash::slash_weight(challenge.round, 0));
				}
				Self::execute(now, id, challenge, decision, &dues);
				return weight;
			}
		}
		challenge.stage = Stage::Decided(decision);
		Self::enter(id, &mut challenge, now.saturating_add(1));
		Challenges::<T>::insert(id, challenge);
		weight
	}

	/// Dismisses some judges: each pays what it owes, and is no longer liable.
	pub(crate) fn dismiss_judges(
		id: ClaimId,
		challenge: &Challenge,
		judges: &[Judge],
		decision: &mut Decision,
	) -> Dismissed {
		let mut dismissed = Dismissed::default();
		let first = decision.done.dismissed as usize;
		for judge in judges.iter().skip(first).take(PENALTIES_PER_STEP as usize) {
			match judge.conduct {
				Conduct::Unasked => (),
				Conduct::Answered => {
					NoShows::<T>::remove(&judge.account);
					Self::forget_omissions(&judge.account, challenge.snapshot);
				}
				Conduct::Owes(penalty) => {
					let (paid, chilled) = Self::penalise(id, challenge, decision, judge, penalty);
					dismissed.penalised = dismissed.penalised.saturating_add(paid.into());
					dismissed.chilled = dismissed.chilled.saturating_add(chilled.into());
				}
			}
			// This comes after the penalty, which must still reach the stake that the liability
			// holds back.
			T::Liability::close(&judge.account, challenge.snapshot);
			dismissed.judges = dismissed.judges.saturating_add(1);
		}
		decision.done.dismissed = decision.done.dismissed.saturating_add(dismissed.judges);
		dismissed
	}

	/// Makes a judge pay. Returns whether that took a slash, which a share of zero does not, and
	/// whether it chilled the judge.
	fn penalise(
		id: ClaimId,
		challenge: &Challenge,
		decision: &mut Decision,
		judge: &Judge,
		penalty: Penalty,
	) -> (bool, bool) {
		let parameters = &challenge.parameters;
		let Judge { account, stake, .. } = judge;
		let in_a_row = NoShows::<T>::get(account);
		// A false dissenter pays for the whole dispute; each judge with late bytes pays its part.
		let is_late = penalty.is_late();
		let payers = if is_late { decision.late.max(1) } else { 1 };
		let cost = T::Pool::in_lpt(decision.dispute_cost / Balance::from(payers));
		let part = Perbill::from_rational(cost, (*stake).max(1));
		let mut share = penalty.fraction(parameters, in_a_row, part);
		// Its part may be less than the cost of silence in the dispute: it pays the greater.
		let is_silent = is_late && judge.worked.is_no_show;
		if is_silent {
			share = share.max(Penalty::NoShow.fraction(parameters, in_a_row, part));
		}
		let (fraction, chills) =
			Self::counted(account, challenge.snapshot, penalty, share, parameters);
		if penalty.is_no_answer() || is_silent {
			NoShows::<T>::insert(account, in_a_row.saturating_add(1));
		} else if !is_late && penalty != Penalty::Lacked {
			// An answer that lacks bytes is not a full answer.
			NoShows::<T>::remove(account);
		}
		let slashed = if fraction.is_zero() {
			Slashed::default()
		} else {
			T::Slash::slash(account, challenge.snapshot, fraction, &[])
		};
		decision.done.inflow = decision.done.inflow.saturating_add(slashed.common_pool);
		if chills {
			let last = T::Rounds::current().saturating_add(parameters.chill);
			Self::chill(id, account, penalty, last.saturating_add(1));
		}
		Self::deposit_event(Event::Penalised {
			claim: id,
			verifier: account.clone(),
			penalty,
			fraction,
			amount: slashed.total,
		});
		(!fraction.is_zero(), chills)
	}

	/// Slashes the transcoder once, if it is guilty.
	fn slash_transcoder(challenge: &Challenge, decision: &mut Decision) {
		let mut slashed = Slashed::default();
		if decision.is_guilty() {
			let wanted = match decision.outcome {
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
		}
		let Slashed { total, finders_fee, common_pool } = slashed;
		decision.done.inflow = decision.done.inflow.saturating_add(common_pool);
		decision.done.slash = Some(Taken { total, finders_fee, common_pool });
	}

	/// What happens to the escrow of a claim with this outcome.
	fn settlement(outcome: Outcome) -> Settlement {
		match outcome {
			Outcome::Accepted => Settlement::Pay,
			Outcome::Failed | Outcome::Missed | Outcome::Void => Settlement::Refund,
		}
	}

	/// What the judges of a claim are to be paid: the price of each one's work, out of the claim's
	/// prepayment as far as that goes, in the order of their seats, and otherwise in LPT. The
	/// prepayment is for tranches, whose members would otherwise depend on somebody's fault. Nobody
	/// is paid more because another judge was silent.
	fn dues(id: ClaimId, challenge: &Challenge, decision: &Decision, judges: &[Judge]) -> Dues {
		let price = fee(challenge.sampled_work, challenge.parameters.verify_price);
		let budget = if price == 0 {
			0
		} else {
			T::Claims::verification_budget(id, Self::settlement(decision.outcome))
		};
		let (mut left, mut dues) = (budget, Dues::default());
		for judge in judges {
			let mut unpaid: Balance = 0;
			if !matches!(judge.conduct, Conduct::Owes(_)) {
				if judge.worked.in_tranche {
					let part = price.min(left);
					left = left.saturating_sub(part);
					unpaid = price.saturating_sub(part);
					if part > 0 {
						dues.prepaid.push((judge.account.clone(), part));
					}
				}
				if judge.worked.in_dispute {
					unpaid = unpaid.saturating_add(price);
				}
			}
			dues.all = dues.all.saturating_add(unpaid);
			dues.unpaid.push(unpaid);
		}
		dues
	}

	/// Pays some judges in LPT for work that nothing prepaid: out of the penalties for this claim,
	/// and, if these do not suffice and the claim is not void, out of what the pool adds in a
	/// round. Returns how many judges were processed.
	pub(crate) fn reward_judges(
		id: ClaimId,
		decision: &mut Decision,
		judges: &[Judge],
		dues: &Dues,
	) -> u32 {
		let pot = match decision.done.pot {
			Some(pot) => pot,
			None => {
				let wanted = T::Pool::in_lpt(dues.all);
				let of_penalties = wanted.min(decision.done.inflow);
				let missing = wanted.saturating_sub(of_penalties);
				let added = match decision.outcome {
					Outcome::Void => 0,
					_ => Self::draw_from_pool(missing),
				};
				of_penalties.saturating_add(added)
			}
		};
		decision.done.pot = Some(pot);
		if pot == 0 {
			decision.done.rewarded = judges.len() as u32;
			return 0;
		}
		let mut looked_at = 0u32;
		let first = decision.done.rewarded as usize;
		let parts = judges.iter().zip(&dues.unpaid).skip(first);
		for (judge, unpaid) in parts.take(REWARDS_PER_STEP as usize) {
			looked_at = looked_at.saturating_add(1);
			let part =
				multiply_by_rational_with_rounding(*unpaid, pot, dues.all.max(1), Rounding::Down);
			let paid = part.filter(|part| *part > 0).map(|part| T::Pool::pay(&judge.account, part));
			if let Some(amount) = paid.filter(|paid| *paid > 0) {
				let verifier = judge.account.clone();
				Self::deposit_event(Event::JudgeRewarded { claim: id, verifier, amount });
			}
		}
		decision.done.rewarded = decision.done.rewarded.saturating_add(looked_at);
		looked_at
	}

	/// Takes the `missing` amount out of what the pool adds in this round, as far as that goes.
	fn draw_from_pool(missing: Balance) -> Balance {
		if missing == 0 {
			return 0;
		}
		let now = T::Rounds::current();
		let spent = match PoolSpent::<T>::get() {
			Some((round, spent)) if round == now => spent,
			_ => 0,
		};
		let added = missing.min(T::PoolRewards::get().saturating_sub(spent));
		if added > 0 {
			PoolSpent::<T>::put((now, spent.saturating_add(added)));
		}
		added
	}

	/// Executes the rest of a decision: settlement and end of jail together. If one fails, neither
	/// happens, and both are tried again later.
	pub(crate) fn execute(
		now: BlockNumber,
		id: ClaimId,
		mut challenge: Challenge,
		decision: Decision,
		dues: &Dues,
	) {
		let done = with_storage_layer(|| Self::try_execute(id, &challenge, &decision, dues));
		if let Err(error) = done {
			log::error!(target: crate::LOG_TARGET, "claim {id} could not be settled: {error:?}");
			Self::deposit_event(Event::ExecutionFailed { claim: id, error });
			challenge.stage = Stage::Decided(decision);
			Self::enter(id, &mut challenge, now.saturating_add(EXECUTION_RETRY));
			Challenges::<T>::insert(id, challenge);
		}
	}

	fn try_execute(
		id: ClaimId,
		challenge: &Challenge,
		decision: &Decision,
		dues: &Dues,
	) -> DispatchResult {
		let outcome = decision.outcome;
		if decision.is_guilty() {
			T::Jail::resolve(&challenge.transcoder);
		}
		if outcome == Outcome::Accepted {
			Self::note_accepted(id, challenge);
		}
		let charge = Self::charge_of(decision);
		if charge > 0 {
			T::Claims::charge(&challenge.transcoder, challenge.round, charge);
		}
		let bill = VerificationBill { payments: dues.prepaid.clone() };
		T::Claims::settle(id, Self::settlement(outcome), &bill)?;
		Judges::<T>::remove(id);
		Self::forget(id, challenge);
		let Taken { total, finders_fee, common_pool } = decision.done.slash.unwrap_or_default();
		Self::deposit_event(Event::Executed {
			claim: id,
			outcome,
			slashed: total,
			finders_fee,
			common_pool,
		});
		Ok(())
	}

	/// The part of the dispute's cost that the transcoder must pay, in ETH.
	fn charge_of(decision: &Decision) -> Balance {
		if decision.about_input || decision.is_starved {
			return decision.dispute_cost;
		}
		// Half of the part of each judge that lacked bytes although it had asked.
		let parts = Balance::from(decision.late.max(1)).saturating_mul(2);
		(decision.dispute_cost / parts).saturating_mul(decision.late_halved.into())
	}

	/// The largest verdict against the transcoder's claims of a round counts, not the first.
	/// Returns what must still be taken of its stake to reach `wanted`.
	fn raise_slash(challenge: &Challenge, wanted: Perbill) -> Perbill {
		OfRound::<T>::mutate(&challenge.transcoder, challenge.round, |record| {
			let Some(record) = record.as_mut() else { return Perbill::zero() };
			let before = record.slashed;
			record.slashed = before.max(wanted);
			difference(before, wanted)
		})
	}

	/// Governance cancels a decision: nothing of it is executed, and the transcoder is paid; `case`
	/// names the reason. It is too late once the execution may have begun, because what it took is
	/// not given back. Returns the weight.
	pub(crate) fn do_cancel(id: ClaimId, case: Option<Hash>) -> Result<Weight, DispatchError> {
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
		T::Claims::settle(id, Settlement::Pay, &VerificationBill::default())?;
		Self::forget(id, &challenge);
		Self::deposit_event(Event::Cancelled { claim: id, case });
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
		Self::forget_beginning(&challenge.transcoder);
		T::Beacon::release(challenge.window.saturating_add(1));
	}
}

/// The result of a step of dismissing judges.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Dismissed {
	/// How many were dismissed.
	pub judges: u32,
	/// How many of them paid.
	pub penalised: u32,
	/// How many of them were chilled.
	pub chilled: u32,
}

/// What the judges of a claim are to be paid, in ETH.
#[derive(Default)]
pub(crate) struct Dues {
	/// Paid out of the prepayment.
	pub prepaid: Vec<(AccountId, Balance)>,
	/// For each judge, the worth of its work beyond that.
	pub unpaid: Vec<Balance>,
	/// The sum of these.
	pub all: Balance,
}
