//! Assignments: draw, offer, acceptance, handing on, grace, closing.

use alloc::vec::Vec;
use frame_support::{
	dispatch::DispatchResult, ensure, pallet_prelude::TransactionValidityWithRefund, traits::Get,
	weights::Weight,
};
use livepeer_primitives::{
	duty::Acceptance,
	keys::{OperatorSignature, Purpose, Signer},
	params::VerificationTerms,
	refusal::Refusal as _,
	traits::{
		Beacon as _, Candidate, OnAvailable, OnClaim as _, OnTranscoderLost, OperatorKeysOf as _,
		ProtocolClock as _, Rounds as _, Stake as _, Toolchains as _, TranscoderDirectory as _,
	},
	AccountId, AssignmentIndex, Balance, BlockNumber, JobId, RoundIndex, ToolchainId,
};
use sp_runtime::{traits::SaturatedConversion, BoundedVec};

use crate::{
	decision::{self, Demand, MAX_DRAWS, WALK_INTERVAL},
	types::{
		Agreement, Assignment, Class, EndReason, Job, Lapse, Load, Phase, PriorityList, Task,
		ToolchainLoad, Unsuited, Walk,
	},
	Assignments, AssignmentsOf, ClaimsOf, Config, Debts, Error, Event, Exposed, Jobs, Lapses,
	Loads, NextWalk, Pallet, Places, PriorityLists, RunningBy, WeightInfo as _,
};

impl<T: Config> Pallet<T> {
	/// Checks everything about an acceptance except its signature.
	pub(crate) fn check_acceptance(
		acceptance: &Acceptance,
		signer: &Signer,
	) -> Result<(Job, Assignment, BlockNumber), Error<T>> {
		let Acceptance { genesis, job: id, assignment: index, .. } = *acceptance;
		ensure!(genesis == Self::genesis_hash(), Error::<T>::WrongChain);
		let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoJob)?;
		ensure!(job.phase != Phase::Ended, Error::<T>::JobEnded);
		// It may still be offered; any other that is not on offer was.
		ensure!(index < job.next_assignment, Error::<T>::NoAssignment);
		let Phase::Offered { assignment: offered, until, .. } = job.phase else {
			return Err(Error::<T>::NotOffered);
		};
		ensure!(offered == index, Error::<T>::NotOffered);
		let assignment = Assignments::<T>::get(id, index).ok_or(Error::<T>::NoAssignment)?;
		ensure!(assignment.transcoder == signer.account, Error::<T>::NotTranscoder);
		let now = Self::now();
		ensure!(now <= until && now < job.end, Error::<T>::TooLate);
		ensure!(!T::Directory::is_jailed(&signer.account), Error::<T>::Jailed);
		ensure!(
			signer.generation == acceptance.transcoder_keys
				// Otherwise it could choose, knowing the assignment, a VRF key that avoids all
				// variants.
				&& assignment.offered_to == acceptance.transcoder_keys
				&& T::Keys::current(&signer.account, Purpose::Duties) == acceptance.transcoder_keys
				&& T::Keys::current(&job.broadcaster, Purpose::Segments)
					== acceptance.broadcaster_keys,
			Error::<T>::WrongGeneration
		);
		// Another key of either generation is refused too: a thief of the revoked key could
		// continue to use it.
		ensure!(
			!T::Keys::has_revoked(&signer.account, Purpose::Duties, acceptance.transcoder_keys)
				&& !T::Keys::has_revoked(
					&job.broadcaster,
					Purpose::Segments,
					acceptance.broadcaster_keys
				),
			Error::<T>::KeyRevoked
		);
		ensure!(T::Toolchains::is_accepted(&acceptance.toolchain), Error::<T>::UnknownToolchain);
		let load = Loads::<T>::get(&signer.account).ok_or(Error::<T>::NoAssignment)?;
		ensure!(
			!load.toolchains.is_full()
				|| load.toolchains.iter().any(|chain| chain.toolchain == acceptance.toolchain),
			Error::<T>::TooManyToolchains
		);
		Ok((job, assignment, until.saturating_sub(now)))
	}

	/// Decides whether an acceptance may enter a block.
	pub(crate) fn validate_accept_job(
		acceptance: &Acceptance,
		signature: &OperatorSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let (_, _, left) = Self::check_acceptance(acceptance, &signature.signer)
			.map_err(|error| error.refusal())?;
		ensure!(
			T::Keys::is_signed(signature, Purpose::Duties, &acceptance.hash()),
			Error::<T>::BadSignature.refusal()
		);
		Self::taken("accept", acceptance.job, acceptance.assignment, left)
	}

	/// See [`Pallet::accept_job`].
	pub(crate) fn do_accept_job(acceptance: &Acceptance, signer: &Signer) -> DispatchResult {
		let (mut job, mut assignment, _) = Self::check_acceptance(acceptance, signer)?;
		let Acceptance { job: id, assignment: index, toolchain, .. } = *acceptance;
		let agreement = Agreement {
			broadcaster_keys: acceptance.broadcaster_keys,
			transcoder_keys: acceptance.transcoder_keys,
			toolchain,
		};
		// They are retained until the assignment is deleted.
		T::Keys::retain(&job.broadcaster, Purpose::Segments, agreement.broadcaster_keys);
		T::Keys::retain(&assignment.transcoder, Purpose::Duties, agreement.transcoder_keys);
		Self::count_toolchain(&assignment.transcoder, toolchain);
		assignment.agreement = Some(agreement);
		assignment.accepted_at = Self::now();
		assignment.last_claim = assignment.accepted_at;
		Self::begin_turn(id, &assignment.transcoder);
		Self::index_keys(id, index, &job.broadcaster, &assignment, true);
		let transcoder = assignment.transcoder.clone();
		Assignments::<T>::insert(id, index, assignment);
		job.fruitless = job.fruitless.max(job.phase.retries()).saturating_add(1);
		job.phase = Phase::Running { assignment: index };
		job.lost_by = None;
		Lapses::<T>::remove(&transcoder);
		Self::deposit_event(Event::Accepted { job: id, assignment: index, transcoder, toolchain });
		Self::save_job(id, job)
	}

	/// The validators that could judge claims on a job of `broadcaster`: those stored with the
	/// newest seed, because such a set judges claims. `None` if that seed is not stored.
	fn judges(broadcaster: &AccountId) -> Option<Vec<AccountId>> {
		let window = T::Beacon::current_window().checked_sub(1)?;
		let members = T::Beacon::seed(window)?.set.members;
		let judges = members.into_iter().filter(|seat| !seat.jailed && seat.stake > 0);
		Some(judges.map(|seat| seat.account).filter(|who| who != broadcaster).collect())
	}

	/// Draws a waiting job's priority list and offers the job to the first on it. If nobody is
	/// eligible, or too few could judge, the draw is repeated later.
	pub(crate) fn draw(id: JobId, job: &mut Job, now: BlockNumber, candidates: &[Candidate]) {
		// Nobody has accepted it in that many draws.
		if job.draws_in_vain() >= MAX_DRAWS {
			Self::end(id, job, EndReason::NobodySuits);
			return;
		}
		let demand = Self::demand(job);
		let lost_by = job.lost_by.take();
		let can_be_accepted = Self::can_be_accepted(job);
		// Candidates whose terms do not suit are left out, so that no order is computed over them.
		let suiting = match can_be_accepted {
			true => Self::suiting(&demand, candidates),
			false => Vec::new(),
		};
		let (judges, least) = (Self::judges(&job.broadcaster), T::LeastJudges::get());
		let can_be_judged = |candidate: &Candidate| {
			let judges = judges.as_ref();
			judges.is_none_or(|it| decision::can_be_judged(it, &candidate.account, least))
		};
		let mut drawn = decision::draw_list(
			T::Beacon::accumulator(),
			id,
			suiting,
			|candidate| can_be_judged(candidate) && Self::is_eligible(job, &demand, candidate),
			T::Parameters::get().priority_list,
		);
		// A transcoder that has just lost the job is not chosen again at once if there is anybody
		// else.
		if drawn.len() > 1 {
			drawn.retain(|account| lost_by.as_ref() != Some(account));
		}
		if drawn.is_empty() {
			let lacks_judges = !candidates.is_empty() && !candidates.iter().any(can_be_judged);
			let why = match (can_be_accepted, lacks_judges) {
				(false, _) => Unsuited::Keys,
				(true, true) => Unsuited::Judges,
				(true, false) => decision::why(&demand, candidates),
			};
			Self::deposit_event(Event::NobodySuits { job: id, why });
			Self::wait(job, now);
			if job.draws_in_vain() >= MAX_DRAWS {
				Self::end(id, job, EndReason::NobodySuits);
			} else if let Phase::Waiting { draw_at, .. } = job.phase {
				Self::deposit_event(Event::NobodyEligible { job: id, next_draw: draw_at });
			}
			return;
		}
		PriorityLists::<T>::insert(id, PriorityList::truncate_from(drawn));
		Self::offer_next(id, job, now, candidates);
	}

	/// The offer was not accepted in time: the job goes to the next on the list.
	pub(crate) fn not_accepted(
		id: JobId,
		job: &mut Job,
		now: BlockNumber,
		candidates: &[Candidate],
	) {
		if let Some(index) = job.phase.current() {
			if let Some(assignment) = Assignments::<T>::get(id, index) {
				T::Directory::note_not_accepted(&assignment.transcoder);
				// The transcoder is not blamed if the broadcaster's keys made the offer impossible
				// to accept.
				if Self::could_be_accepted(id, &job.broadcaster) {
					Self::note_unserved(id, index);
					Self::note_lapse(&assignment.transcoder);
					job.lost_by = Some(assignment.transcoder.clone());
				} else {
					// If such offers were handed on repeatedly, others' draws would wait for the
					// fee of one draw.
					PriorityLists::<T>::remove(id);
				}
				Self::deposit_event(Event::NotAccepted {
					job: id,
					assignment: index,
					transcoder: assignment.transcoder,
				});
			}
			Self::end_assignment(id, job, index, true);
		}
		Self::offer_next(id, job, now, candidates);
	}

	/// Offers a job without an assignment to the first transcoder on its list that is still
	/// eligible. If the list is exhausted, a new one is drawn. This waits longer the more often
	/// nobody has accepted, or an accepted assignment was lost before a fee was paid.
	pub(crate) fn offer_next(id: JobId, job: &mut Job, now: BlockNumber, candidates: &[Candidate]) {
		let demand = Self::demand(job);
		let list = match Self::can_be_accepted(job) {
			true => PriorityLists::<T>::take(id),
			false => {
				PriorityLists::<T>::remove(id);
				PriorityList::default()
			}
		};
		let next = list.iter().enumerate().find_map(|(position, account)| {
			let candidate = candidates.iter().find(|candidate| candidate.account == *account)?;
			Self::is_eligible(job, &demand, candidate).then_some((position, candidate))
		});
		let Some((position, candidate)) = next else {
			Self::wait(job, now);
			return;
		};
		let rest: Vec<AccountId> = list.iter().skip(position.saturating_add(1)).cloned().collect();
		if !rest.is_empty() {
			PriorityLists::<T>::insert(id, PriorityList::truncate_from(rest));
		}
		Self::offer(id, job, now, candidate);
	}

	/// Makes a job without an assignment wait for its next draw.
	pub(crate) fn wait(job: &mut Job, now: BlockNumber) {
		let retries = match job.phase {
			// The first acceptance does not lengthen the wait.
			Phase::Running { .. } => job.fruitless.saturating_sub(1),
			phase => phase.retries().saturating_add(1),
		};
		let draw_at = now.saturating_add(decision::retry_delay(retries));
		job.phase = Phase::Waiting { draw_at, retries };
	}

	/// Whether the broadcaster's keys allow the job to be accepted. They do not while a key of the
	/// current generation is revoked, so nobody is offered a job that it cannot accept.
	fn can_be_accepted(job: &Job) -> bool {
		let (broadcaster, purpose) = (&job.broadcaster, Purpose::Segments);
		let current = T::Keys::current(broadcaster, purpose);
		!T::Keys::has_revoked(broadcaster, purpose, current)
	}

	/// Records that a transcoder let an offer pass. After several in a row it is offered nothing
	/// until a round has passed.
	fn note_lapse(who: &AccountId) {
		let round = T::Rounds::current();
		Lapses::<T>::mutate(who, |lapse| {
			let mut now = lapse.unwrap_or_default();
			now.count = now.count.saturating_add(1);
			if now.count >= T::Parameters::get().lapses {
				now = Lapse { count: 0, suspended_until: round.saturating_add(2) };
				let until = now.suspended_until;
				Self::deposit_event(Event::Suspended { transcoder: who.clone(), until });
			}
			*lapse = Some(now);
		});
	}

	/// Whether a transcoder is currently offered nothing because it let offers pass.
	pub(crate) fn is_suspended(who: &AccountId) -> bool {
		Self::is_suspended_in(who, T::Rounds::current())
	}

	fn is_suspended_in(who: &AccountId, round: RoundIndex) -> bool {
		Lapses::<T>::get(who).is_some_and(|lapse| round < lapse.suspended_until)
	}

	/// Whether a transcoder is currently offered nothing at all: it is suspended or in debt.
	pub(crate) fn is_barred(who: &AccountId) -> bool {
		Self::is_barred_in(who, T::Rounds::current())
	}

	/// Whether a transcoder is offered nothing at all in `round`, the current or the previous one: it is
	/// suspended in that round, or in debt now.
	pub fn is_barred_in(who: &AccountId, round: RoundIndex) -> bool {
		Self::is_suspended_in(who, round) || Debts::<T>::contains_key(who)
	}

	/// Whether a transcoder has open claims, or assignments that it can still claim for; each of
	/// the latter has a place.
	pub fn is_answerable(who: &AccountId) -> bool {
		Places::<T>::contains_key(who) || ClaimsOf::<T>::iter_key_prefix(who).next().is_some()
	}

	/// The most that a transcoder's claims without outcome can be worth, in ETH.
	pub(crate) fn backing_of(who: &AccountId) -> Balance {
		T::Money::get().backing(T::Stake::self_bond(who), T::Parameters::get().exposure)
	}

	/// Whether a transcoder's own bond backs `amount` more of claims without outcome.
	pub(crate) fn is_backed(who: &AccountId, amount: Balance) -> bool {
		Exposed::<T>::get(who)
			.checked_add(amount)
			.is_some_and(|exposed| exposed <= Self::backing_of(who))
	}

	fn offer(id: JobId, job: &mut Job, now: BlockNumber, candidate: &Candidate) {
		let index = job.next_assignment;
		let until = now.saturating_add(T::Parameters::get().accept_timeout);
		let terms = T::OnClaim::terms(Some(&candidate.account));
		let reserve = terms.prepayment(1, job.max_leaf_work).min(job.unreserved);
		job.unreserved = job.unreserved.saturating_sub(reserve);
		let mut assignment = Assignment {
			transcoder: candidate.account.clone(),
			price: candidate.price,
			fee_share: candidate.fee_share,
			agreement: None,
			next_seq: 0,
			terms,
			reserve,
			ended_by_broadcaster: false,
			allowance: 0,
			accepted_at: now,
			claimed: 0,
			last_claim: now,
			reserved: Self::places_of(job, &terms),
			undecided: 0,
			open_claims: 0,
			claimable_until: None,
			over: false,
			kept_until: 0,
			close_at: None,
			offered_to: T::Keys::current(&candidate.account, Purpose::Duties),
		};
		Self::refill(job, &mut assignment);
		// An offer takes at least a block, so there are more numbers than blocks.
		job.next_assignment = index.saturating_add(1);
		job.assignments = job.assignments.saturating_add(1);
		job.claimable = job.claimable.saturating_add(1);
		let retries = match job.phase {
			Phase::Running { .. } => job.fruitless.saturating_sub(1),
			phase => phase.retries(),
		};
		job.phase = Phase::Offered { assignment: index, until, retries };
		Self::note_offered(id, &job.broadcaster);
		Self::load(&candidate.account, job.load, now);
		Self::move_places(&candidate.account, 0, assignment.places());
		AssignmentsOf::<T>::insert(&candidate.account, id, index);
		Self::deposit_event(Event::Offered {
			job: id,
			assignment: index,
			transcoder: candidate.account.clone(),
			price: candidate.price,
			allowance: assignment.allowance,
			until,
		});
		Assignments::<T>::insert(id, index, assignment);
	}

	/// Ends the current assignment. If it was accepted, it can still be claimed for during the
	/// grace, in which all its places are kept if `keeps_places`, otherwise one for its last claim.
	/// If it was not accepted, it is closed at once.
	pub(crate) fn end_assignment(
		id: JobId,
		job: &mut Job,
		index: AssignmentIndex,
		keeps_places: bool,
	) {
		let Some(mut assignment) = Assignments::<T>::get(id, index) else { return };
		AssignmentsOf::<T>::remove(&assignment.transcoder, id);
		Self::index_keys(id, index, &job.broadcaster, &assignment, false);
		let toolchain = assignment.agreement.map(|agreement| agreement.toolchain);
		Self::unload(&assignment.transcoder, job.load, toolchain);
		let claimable_until = assignment.agreement.is_some().then(|| Self::last_claimable(job));
		Self::deposit_event(Event::AssignmentEnded {
			job: id,
			assignment: index,
			transcoder: assignment.transcoder.clone(),
			claimable_until,
		});
		match claimable_until {
			Some(until) => {
				let kept_until = until.saturating_add(T::Lottery::get().slashing_period);
				assignment.kept_until = assignment.kept_until.max(kept_until);
				assignment.claimable_until = Some(until);
				if !keeps_places {
					let last = assignment.undecided.saturating_add(1);
					Self::keep_places(&mut assignment, last);
				}
				Self::save_assignment(id, index, assignment);
			}
			None => {
				Self::keep_places(&mut assignment, 0);
				Self::give_back(id, job, index, &mut assignment);
				Self::forget_assignment(id, job, index, &assignment);
			}
		}
	}

	/// The last block in which an assignment of `job` that ends now can be claimed for. If the
	/// job's end has passed, the grace counts from there, however late the agenda is.
	pub(crate) fn last_claimable(job: &Job) -> BlockNumber {
		Self::now().min(job.end).saturating_add(T::Parameters::get().claim_grace)
	}

	/// Takes an ended assignment's next step. When its grace has passed, its allowance goes back;
	/// when nothing that was signed for it can be reported any more, it is deleted.
	pub(crate) fn close_assignment(id: JobId, index: AssignmentIndex) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoJob)?;
		let mut assignment = Assignments::<T>::get(id, index).ok_or(Error::<T>::NoAssignment)?;
		// Its task has already been removed from the agenda.
		assignment.close_at = None;
		if !assignment.over {
			Self::keep_places(&mut assignment, 0);
			Self::give_back(id, &mut job, index, &mut assignment);
		}
		if decision::close_at(&assignment).is_some_and(|at| at <= Self::now()) {
			Self::forget_assignment(id, &mut job, index, &assignment);
		} else {
			Self::save_assignment(id, index, assignment);
		}
		Self::save_job(id, job)
	}

	/// Returns what was not claimed to the job's budget.
	fn give_back(id: JobId, job: &mut Job, index: AssignmentIndex, assignment: &mut Assignment) {
		Self::pay_reservation(id, job, index, assignment);
		let allowance = core::mem::take(&mut assignment.allowance);
		let reserve = core::mem::take(&mut assignment.reserve);
		let released = allowance.saturating_add(reserve);
		assignment.over = true;
		job.unreserved = job.unreserved.saturating_add(released);
		job.claimable = job.claimable.saturating_sub(1);
		Self::deposit_event(Event::AssignmentClosed { job: id, assignment: index, released });
	}

	/// Deletes an assignment.
	fn forget_assignment(
		id: JobId,
		job: &mut Job,
		index: AssignmentIndex,
		assignment: &Assignment,
	) {
		if let Some(agreement) = assignment.agreement {
			let Agreement { broadcaster_keys, transcoder_keys, .. } = agreement;
			T::Keys::release(&job.broadcaster, Purpose::Segments, broadcaster_keys);
			T::Keys::release(&assignment.transcoder, Purpose::Duties, transcoder_keys);
			Self::end_turn(id, &assignment.transcoder);
		}
		Assignments::<T>::remove(id, index);
		job.assignments = job.assignments.saturating_sub(1);
	}

	/// Stores an assignment with its next step on the agenda.
	pub(crate) fn save_assignment(id: JobId, index: AssignmentIndex, mut assignment: Assignment) {
		let task = Task::Assignment(id, index);
		let soon = Self::now().saturating_add(1);
		let at = decision::close_at(&assignment).map(|at| at.max(soon));
		if at != assignment.close_at {
			if let Some(at) = assignment.close_at {
				Self::unschedule(Class::Lazy, task.clone(), at);
			}
			assignment.close_at = at.map(|at| Self::schedule(Class::Lazy, task, at));
		}
		Assignments::<T>::insert(id, index, assignment);
	}

	/// Fills an allowance from the unreserved budget up to its target.
	pub(crate) fn refill(job: &mut Job, assignment: &mut Assignment) {
		let target = decision::target_allowance(
			job.max_leaf_work,
			T::Parameters::get().allowance_leaves,
			assignment.price,
			Self::smallest_fee(),
		);
		let amount = decision::refill(target, assignment.allowance, job.unreserved);
		job.unreserved = job.unreserved.saturating_sub(amount);
		assignment.allowance = assignment.allowance.saturating_add(amount);
	}

	fn demand(job: &Job) -> Demand {
		// These are the terms for everybody; those of a single transcoder are read when everything
		// else suits.
		let terms = T::Lottery::get().terms(false);
		Demand {
			least_price: terms.least_price(),
			reserve: terms.prepayment(1, job.max_leaf_work),
			max_price: job.max_price,
			max_leaf_work: job.max_leaf_work,
			load: job.load,
			ladder: job.ladder.clone(),
			unreserved: job.unreserved,
			smallest_fee: Self::smallest_fee(),
			full_claim: decision::full_claim(&terms, job.max_samples, job.max_leaf_work),
		}
	}

	/// The candidates whose terms suit. A draw reads nothing about the others.
	fn suiting<'a>(demand: &Demand, candidates: &'a [Candidate]) -> Vec<&'a Candidate> {
		candidates.iter().filter(|candidate| decision::suits(demand, candidate)).collect()
	}

	/// The weight of a job's draw: a look at the terms of every candidate, and the load of those
	/// that suit. A single suiting candidate, eligible or not, thus does not make the job pay for
	/// all.
	pub(crate) fn weight_of_draw(job: &Job, candidates: &[Candidate]) -> Weight {
		let look = T::WeightInfo::task_draw_nobody(candidates.len().saturated_into());
		let suiting: u32 = Self::suiting(&Self::demand(job), candidates).len().saturated_into();
		if suiting == 0 {
			return look;
		}
		let others = look.saturating_sub(T::WeightInfo::task_draw_nobody(suiting));
		T::WeightInfo::task_draw(suiting).saturating_add(others)
	}

	/// Whether a job can be offered to `candidate`. The candidate's load is read only if its terms
	/// suit.
	fn is_eligible(job: &Job, demand: &Demand, candidate: &Candidate) -> bool {
		if !decision::suits(demand, candidate) {
			return false;
		}
		let work = match Loads::<T>::get(&candidate.account) {
			Some(load) if load.lost => return false,
			Some(load) => load.work,
			None => 0,
		};
		if !decision::is_eligible(demand, candidate, work) {
			return false;
		}
		let terms = T::OnClaim::terms(Some(&candidate.account));
		let least = decision::smallest_claim(
			&terms,
			job.max_leaf_work,
			candidate.price,
			demand.smallest_fee,
		);
		// A new transcoder's claims have fewer leaves.
		let full = decision::full_claim(&terms, job.max_samples, job.max_leaf_work);
		candidate.price >= terms.least_price()
			&& decision::is_claimable(full, candidate.price, demand.smallest_fee)
			&& !Self::is_barred(&candidate.account)
			&& Self::is_backed(&candidate.account, least)
			&& Places::<T>::get(&candidate.account)
				.checked_add(Self::places_of(job, &terms))
				.is_some_and(|places| places <= T::Parameters::get().max_open_claims)
	}

	/// Open-claim places that an assignment of `job` needs under `terms`.
	pub(crate) fn places_of(job: &Job, terms: &VerificationTerms) -> u32 {
		let leaves = terms.leaves_of(job.max_samples);
		decision::places(T::ClaimLife::get(), T::SlotDuration::get(), leaves, &job.limits)
	}

	/// Open-claim places that an assignment of `job` needs at a transcoder that never claimed,
	/// which is the most that anybody needs.
	pub(crate) fn most_places(job: &Job) -> u32 {
		Self::places_of(job, &T::OnClaim::terms(None))
	}

	/// Updates the count for an assignment whose places change from `before` to `after`.
	pub(crate) fn move_places(who: &AccountId, before: u32, after: u32) {
		if before != after {
			Places::<T>::mutate_exists(who, |slot| {
				let places = slot.unwrap_or(0).saturating_sub(before).saturating_add(after);
				*slot = Some(places).filter(|places| *places > 0);
			});
		}
	}

	/// Keeps at most `most` places for an assignment. It still takes one for each of its claims
	/// without outcome, if these are more.
	fn keep_places(assignment: &mut Assignment, most: u32) {
		let before = assignment.places();
		assignment.reserved = assignment.reserved.min(most);
		Self::move_places(&assignment.transcoder, before, assignment.places());
	}

	/// Records the keys by which an assignment runs, or deletes the record. Generation 0, the
	/// account itself, cannot be revoked and is not recorded.
	fn index_keys(
		id: JobId,
		index: AssignmentIndex,
		broadcaster: &AccountId,
		assignment: &Assignment,
		runs: bool,
	) {
		let Some(agreement) = assignment.agreement else { return };
		for (who, purpose, generation) in [
			(broadcaster, Purpose::Segments, agreement.broadcaster_keys),
			(&assignment.transcoder, Purpose::Duties, agreement.transcoder_keys),
		] {
			if generation == 0 {
				continue;
			}
			if runs {
				RunningBy::<T>::insert((who, purpose, generation, id), index);
			} else {
				RunningBy::<T>::remove((who, purpose, generation, id));
			}
		}
	}

	/// Counts one more assignment. The first one starts the checks.
	fn load(who: &AccountId, work: u64, now: BlockNumber) {
		Loads::<T>::mutate(who, |slot| {
			let load = slot.get_or_insert_with(|| {
				let at = now.saturating_add(T::CheckInterval::get());
				let check_at = Self::schedule(Class::Urgent, Task::Transcoder(who.clone()), at);
				let toolchains = BoundedVec::new();
				Load { assignments: 0, work: 0, toolchains, check_at, lost: false }
			});
			load.assignments = load.assignments.saturating_add(1);
			load.work = load.work.saturating_add(work);
		});
	}

	/// Counts the toolchain of an accepted assignment.
	fn count_toolchain(who: &AccountId, toolchain: ToolchainId) {
		Loads::<T>::mutate(who, |slot| {
			let Some(load) = slot else { return };
			match load.toolchains.iter_mut().find(|chain| chain.toolchain == toolchain) {
				Some(chain) => chain.assignments = chain.assignments.saturating_add(1),
				None => {
					let pushed =
						load.toolchains.try_push(ToolchainLoad { toolchain, assignments: 1 });
					debug_assert!(pushed.is_ok(), "checked before");
				}
			}
		});
	}

	/// Counts one assignment less. The last one stops the checks.
	fn unload(who: &AccountId, work: u64, toolchain: Option<ToolchainId>) {
		Loads::<T>::mutate_exists(who, |slot| {
			let Some(load) = slot else { return };
			load.assignments = load.assignments.saturating_sub(1);
			load.work = load.work.saturating_sub(work);
			if load.assignments == 0 {
				Self::unschedule(Class::Urgent, Task::Transcoder(who.clone()), load.check_at);
				*slot = None;
				return;
			}
			for chain in load.toolchains.iter_mut() {
				if Some(chain.toolchain) == toolchain {
					chain.assignments = chain.assignments.saturating_sub(1);
				}
			}
			load.toolchains.retain(|chain| chain.assignments > 0);
		});
	}

	/// The jobs whose current assignment is `who`'s.
	pub(crate) fn jobs_of(who: &AccountId) -> Vec<JobId> {
		let mut jobs: Vec<JobId> = AssignmentsOf::<T>::iter_key_prefix(who).collect();
		jobs.sort_unstable();
		jobs
	}

	/// The largest possible number of candidates, by which draws are weighed.
	pub(crate) fn most_candidates() -> u32 {
		livepeer_primitives::MAX_VALIDATORS.saturating_add(1).saturated_into()
	}
}

impl<T: Config> OnTranscoderLost for Pallet<T> {
	fn on_transcoder_lost(transcoder: &AccountId) {
		// A transcoder that resigns and registers again is still suspended.
		if !Self::is_suspended(transcoder) {
			Lapses::<T>::remove(transcoder);
		}
		Self::mark_lost(transcoder);
	}
}

impl<T: Config> OnAvailable for Pallet<T> {
	/// Puts a walk over the waiting jobs on the agenda, some blocks after the last one at the
	/// earliest, so that nobody makes the chain look again and again by coming and going. If a walk
	/// is under way, another one follows it.
	fn on_available(_: &AccountId) {
		let walk = NextWalk::<T>::get();
		if let Some(walk) = walk.filter(|walk| walk.is_going) {
			if !walk.again {
				NextWalk::<T>::put(Walk { again: true, ..walk });
			}
			return;
		}
		// Not before the next block.
		let at = walk.map_or(0, |last| last.at.saturating_add(WALK_INTERVAL));
		Self::go_on_walking(None, at, false);
	}
}
