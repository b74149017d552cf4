//! The invariants that hold after every block.

use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};
use codec::Encode;
use frame_support::{
	ensure,
	traits::{fungibles::InspectHold as _, GetStorageVersion as _},
};
use livepeer_primitives::{
	keys::Purpose, AccountId, AssignmentIndex, Balance, BlockNumber, JobId, Seq, ToolchainId, ETH,
};
use sp_runtime::TryRuntimeError;

use crate::{
	types::{Class, Phase, Task, MAX_SPENDING_KEYS},
	Agenda, Answers, Assignments, AssignmentsOf, Backlog, ClaimsOf, Config, Debts, Exposed,
	HoldReason, JobOfStream, Jobs, JobsOf, Loads, NextClaim, NextJob, NextSpendingKey, NextWalk,
	OpenClaims, Origins, Pallet, Payouts, Places, PriorityLists, RunningBy, SpendingKeys, Turns,
	Waiting,
};

/// The expected holds of a broadcaster.
#[derive(Default)]
struct Owed {
	budget: Balance,
	escrow: Balance,
	bond: Balance,
	origin: Balance,
	spending: Balance,
}

/// The totals of an assignment's claims.
#[derive(Default)]
struct Counted {
	open: u32,
	undecided: u32,
	ranges: Vec<(Seq, Seq)>,
}

/// The totals of a transcoder's current assignments.
#[derive(Default)]
struct Carried {
	assignments: u32,
	work: u64,
	toolchains: BTreeMap<ToolchainId, u32>,
}

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		ensure!(
			Self::on_chain_storage_version() <= Self::in_code_storage_version(),
			"what is stored is newer than the code"
		);
		Self::check_money()?;
		Self::check_jobs()?;
		Self::check_assignments()?;
		Self::check_claims()?;
		Self::check_spending()?;
		Self::check_agenda()
	}

	fn check_money() -> Result<(), TryRuntimeError> {
		let mut owed: BTreeMap<AccountId, Owed> = BTreeMap::new();
		for (id, job) in Jobs::<T>::iter() {
			let allowances: Balance =
				Assignments::<T>::iter_prefix_values(id).map(|a| a.allowance + a.reserve).sum();
			let owed = owed.entry(job.broadcaster).or_default();
			owed.budget += job.unreserved + allowances;
			owed.bond += job.bond;
		}
		for (id, claim) in OpenClaims::<T>::iter() {
			// Of a list that is being paid, only the rest.
			let left = Payouts::<T>::get(id)
				.map_or(claim.escrow(), |list| list.iter().map(|payout| payout.amount).sum());
			owed.entry(claim.info.broadcaster).or_default().escrow += left;
		}
		for origin in Origins::<T>::iter_values() {
			owed.entry(origin.broadcaster).or_default().origin += origin.deposit;
		}
		for (broadcaster, _, row) in SpendingKeys::<T>::iter() {
			owed.entry(broadcaster).or_default().spending += row.deposit;
		}
		ensure!(Debts::<T>::iter_values().all(|debt| debt > 0), "a debt of nothing is stored");
		for (who, owed) in owed {
			for (reason, amount) in [
				(HoldReason::Budget, owed.budget),
				(HoldReason::Escrow, owed.escrow),
				(HoldReason::Bond, owed.bond),
				(HoldReason::Origin, owed.origin),
				(HoldReason::SpendingKey, owed.spending),
			] {
				ensure!(
					T::Assets::balance_on_hold(ETH, &reason.into(), &who) == amount,
					"a hold differs from what jobs, claims, origins and spending keys add up to"
				);
			}
		}
		Ok(())
	}

	fn check_jobs() -> Result<(), TryRuntimeError> {
		let mut listed: BTreeSet<(AccountId, JobId)> =
			JobsOf::<T>::iter().map(|(who, id, ())| (who, id)).collect();
		for (id, answers) in Answers::<T>::iter() {
			ensure!(Jobs::<T>::contains_key(id), "answers to a job that is not there");
			ensure!(
				answers.failed.iter().all(|failed| !answers.told.contains(failed)),
				"an answer would be told twice"
			);
		}
		for (id, job) in Jobs::<T>::iter() {
			ensure!(id < NextJob::<T>::get(), "a job has a number that was not given yet");
			let stored = Assignments::<T>::iter_prefix_values(id).count() as u32;
			ensure!(
				job.funded >= job.unreserved
					&& job.spender.as_ref().is_none_or(|spender| spender.amount <= job.funded),
				"a job has more than was put into it"
			);
			ensure!(job.assignments == stored, "a job miscounts its assignments");
			let claimable = Assignments::<T>::iter_prefix_values(id).filter(|a| !a.over).count();
			ensure!(
				job.claimable == claimable as u32,
				"a job miscounts the assignments that can be claimed for"
			);
			ensure!(listed.remove(&(job.broadcaster, id)), "a job is not listed for its owner");
			if job.phase == Phase::Ended {
				ensure!(job.assignments > 0, "a job is stored with nothing left to wait for");
				ensure!(
					job.claimable > 0 || job.unreserved == 0,
					"a job that cannot spend any more holds a budget"
				);
			} else {
				ensure!(
					JobOfStream::<T>::get(job.stream) == Some(id),
					"a job that has not ended is not found by its stream"
				);
			}
			let waits = matches!(job.phase, Phase::Waiting { retries, .. } if retries > 0);
			ensure!(
				job.waits == waits && Waiting::<T>::contains_key(id) == waits,
				"a job that waits for somebody is not listed, or one that does not is"
			);
			let may_have_list = job.phase.current().is_some();
			ensure!(
				may_have_list || PriorityLists::<T>::get(id).is_empty(),
				"a job without an assignment has a priority list"
			);
		}
		ensure!(listed.is_empty(), "a job is listed that is closed");
		for (stream, id) in JobOfStream::<T>::iter() {
			ensure!(
				Jobs::<T>::get(id).is_some_and(|job| job.stream == stream),
				"a stream leads to a job that is not its own"
			);
		}
		for (id, list) in PriorityLists::<T>::iter() {
			ensure!(Jobs::<T>::contains_key(id), "a priority list outlives its job");
			ensure!(!list.is_empty(), "an empty priority list is stored");
			let distinct: BTreeSet<_> = list.iter().collect();
			ensure!(distinct.len() == list.len(), "a priority list names somebody twice");
		}
		let mut accepted: BTreeMap<(JobId, AccountId), u32> = BTreeMap::new();
		for (id, _, assignment) in Assignments::<T>::iter() {
			if assignment.agreement.is_some() {
				*accepted.entry((id, assignment.transcoder)).or_default() += 1;
			}
		}
		for (id, who, turns) in Turns::<T>::iter() {
			ensure!(Jobs::<T>::contains_key(id), "a punished contradiction outlives its job");
			let stored = accepted.remove(&(id, who)).unwrap_or_default();
			ensure!(turns.assignments == stored, "a transcoder's turns are not those stored");
			ensure!(stored > 0 || turns.punished, "nothing is left of a turn");
		}
		ensure!(accepted.is_empty(), "a turn is not counted");
		Ok(())
	}

	fn check_assignments() -> Result<(), TryRuntimeError> {
		let mut listed: BTreeSet<(AccountId, JobId, AssignmentIndex)> =
			AssignmentsOf::<T>::iter().collect();
		let mut carried: BTreeMap<AccountId, Carried> = BTreeMap::new();
		let mut places: BTreeMap<AccountId, u32> = BTreeMap::new();
		let mut running: BTreeSet<_> = RunningBy::<T>::iter().collect();
		for (id, index, assignment) in Assignments::<T>::iter() {
			let Some(job) = Jobs::<T>::get(id) else {
				return Err("an assignment outlives its job".into());
			};
			ensure!(index < job.next_assignment, "an assignment has a number not given yet");
			if assignment.places() > 0 {
				*places.entry(assignment.transcoder.clone()).or_default() += assignment.places();
			}
			if job.phase.current() == Some(index) {
				ensure!(
					assignment.claimable_until.is_none() && !assignment.over,
					"a current assignment has ended"
				);
				ensure!(
					assignment.agreement.is_some() == matches!(job.phase, Phase::Running { .. }),
					"a job runs without acceptance, or is offered with it"
				);
				let carried = carried.entry(assignment.transcoder.clone()).or_default();
				carried.assignments += 1;
				carried.work += job.load;
				if let Some(agreement) = assignment.agreement {
					for (who, purpose, generation) in [
						(&job.broadcaster, Purpose::Segments, agreement.broadcaster_keys),
						(&assignment.transcoder, Purpose::Duties, agreement.transcoder_keys),
					] {
						ensure!(
							generation == 0
								|| running.remove(&((who.clone(), purpose, generation, id), index)),
							"an assignment is not found by the keys by which it runs"
						);
					}
					*carried.toolchains.entry(agreement.toolchain).or_default() += 1;
				}
				ensure!(
					listed.remove(&(assignment.transcoder, id, index)),
					"a current assignment is not listed for its transcoder"
				);
			} else {
				ensure!(
					assignment.claimable_until.is_some() && assignment.agreement.is_some(),
					"an assignment is neither current nor was it accepted"
				);
				ensure!(
					!assignment.over
						|| assignment.allowance == 0
							&& assignment.reserve == 0
							&& assignment.reserved == 0,
					"an assignment that cannot claim any more has money or places"
				);
			}
		}
		ensure!(listed.is_empty(), "a transcoder is listed for an assignment that is not current");
		ensure!(running.is_empty(), "keys lead to an assignment that does not run by them");
		for (who, load) in Loads::<T>::iter() {
			let Some(carried) = carried.remove(&who) else {
				return Err("a load is stored of nothing".into());
			};
			let toolchains: BTreeMap<ToolchainId, u32> =
				load.toolchains.iter().map(|chain| (chain.toolchain, chain.assignments)).collect();
			ensure!(
				carried.assignments == load.assignments
					&& carried.work == load.work
					&& carried.toolchains == toolchains
					&& toolchains.len() == load.toolchains.len(),
				"a load is miscounted"
			);
		}
		ensure!(carried.is_empty(), "a load is missing");
		let stored: BTreeMap<AccountId, u32> = Places::<T>::iter().collect();
		ensure!(stored == places, "places are miscounted");
		for (id, job) in Jobs::<T>::iter() {
			if let Some(index) = job.phase.current() {
				ensure!(Assignments::<T>::contains_key(id, index), "no current assignment");
			}
		}
		Ok(())
	}

	fn check_claims() -> Result<(), TryRuntimeError> {
		let mut listed: BTreeSet<(AccountId, u64)> =
			ClaimsOf::<T>::iter().map(|(who, id, ())| (who, id)).collect();
		let mut counted: BTreeMap<(JobId, AssignmentIndex), Counted> = BTreeMap::new();
		for (id, claim) in OpenClaims::<T>::iter() {
			ensure!(id < NextClaim::<T>::get(), "a claim has a number that was not given yet");
			let info = claim.info;
			ensure!(listed.remove(&(info.transcoder.clone(), id)), "a claim is not listed");
			let after = info.first.saturating_add(info.commitment.leaf_count.into());
			let Some(assignment) = Assignments::<T>::get(info.job, info.assignment) else {
				return Err("a claim outlives its assignment".into());
			};
			ensure!(after <= assignment.next_seq, "a claim reaches beyond its cursor");
			ensure!(
				claim.prepaid.saturating_add(claim.shortfall) <= claim.prepayment,
				"more is prepaid than verification may cost"
			);
			let Some(agreement) = assignment.agreement else {
				return Err("a claim is of an assignment that was not accepted".into());
			};
			ensure!(
				agreement.transcoder_keys == info.transcoder_keys
					&& agreement.broadcaster_keys == info.broadcaster_keys
					&& agreement.toolchain == info.toolchain,
				"a claim is judged by other keys or another toolchain than its assignment"
			);
			let counted = counted.entry((info.job, info.assignment)).or_default();
			counted.open += 1;
			counted.undecided += u32::from(!claim.decided);
			counted.ranges.push((info.first, after));
		}
		ensure!(listed.is_empty(), "a claim is listed that is not open");
		let mut exposed: BTreeMap<AccountId, Balance> = BTreeMap::new();
		for claim in OpenClaims::<T>::iter_values().filter(|claim| !claim.decided) {
			let worth = claim.worth();
			*exposed.entry(claim.info.transcoder).or_default() += worth;
		}
		ensure!(
			Exposed::<T>::iter().collect::<BTreeMap<_, _>>() == exposed,
			"what claims without outcome are worth is miscounted"
		);
		for id in Payouts::<T>::iter_keys() {
			ensure!(OpenClaims::<T>::contains_key(id), "payments outlive their claim");
		}
		for (id, index, assignment) in Assignments::<T>::iter() {
			let Counted { open, undecided, mut ranges } =
				counted.remove(&(id, index)).unwrap_or_default();
			ensure!(
				assignment.open_claims == open && assignment.undecided == undecided,
				"an assignment miscounts its claims"
			);
			ranges.sort_unstable();
			ensure!(
				ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.1 <= b.0),
				"two claims of an assignment overlap"
			);
		}
		Ok(())
	}

	fn check_spending() -> Result<(), TryRuntimeError> {
		let mut counts: BTreeMap<AccountId, u32> = BTreeMap::new();
		let mut serials = BTreeSet::new();
		for (broadcaster, key, row) in SpendingKeys::<T>::iter() {
			ensure!(broadcaster != key, "an account is a key to its own ETH");
			ensure!(
				row.serial < NextSpendingKey::<T>::get() && serials.insert(row.serial),
				"two spending keys have one serial number, or one was not given yet"
			);
			let in_jobs: Balance = JobsOf::<T>::iter_key_prefix(&broadcaster)
				.filter_map(Jobs::<T>::get)
				.filter_map(|job| job.spender)
				.filter(|spender| spender.key == key && spender.serial == row.serial)
				.map(|spender| spender.amount)
				.sum();
			ensure!(in_jobs <= row.spent, "a key has more in jobs than it spent");
			*counts.entry(broadcaster).or_default() += 1;
		}
		ensure!(
			counts.values().all(|count| *count <= MAX_SPENDING_KEYS),
			"a broadcaster has too many spending keys"
		);
		Ok(())
	}

	fn check_agenda() -> Result<(), TryRuntimeError> {
		let mut agenda: BTreeSet<(Class, BlockNumber, Vec<u8>)> = BTreeSet::new();
		let mut walks: Vec<BlockNumber> = Vec::new();
		for ((class, at, task), ()) in Agenda::<T>::iter() {
			let first = Backlog::<T>::get(class).unwrap_or_else(|| Self::now().saturating_add(1));
			ensure!(at >= first, "a task is overdue that the backlog does not name");
			match task {
				// Nothing records the place of these.
				Task::Toolchains(..) => {
					ensure!(class == Class::Urgent, "an urgent task stands among lazy ones");
				}
				Task::Keys(..) => {
					ensure!(class == Class::Lazy, "a task that may wait stands among urgent ones");
				}
				Task::Waiting(_) => {
					ensure!(class == Class::Lazy, "a task that may wait stands among urgent ones");
					walks.push(at);
				}
				task => {
					agenda.insert((class, at, task.encode()));
				}
			}
		}
		let going = NextWalk::<T>::get().filter(|walk| walk.is_going).map(|walk| walk.at);
		ensure!(
			walks == going.into_iter().collect::<Vec<_>>(),
			"the walk over jobs that wait is not on the agenda once, where it says"
		);
		let mut take =
			|class: Class, at: BlockNumber, task: Task| agenda.remove(&(class, at, task.encode()));
		for (id, job) in Jobs::<T>::iter() {
			ensure!(
				job.wake.is_some() == (job.phase != Phase::Ended),
				"a job takes steps exactly until it ends"
			);
			if let Some(wake) = job.wake {
				ensure!(take(wake.class, wake.at, Task::Job(id)), "a job is not on the agenda");
			}
		}
		for (who, load) in Loads::<T>::iter() {
			ensure!(
				take(Class::Urgent, load.check_at, Task::Transcoder(who)),
				"a transcoder with assignments is not on the agenda"
			);
		}
		for (id, index, assignment) in Assignments::<T>::iter() {
			ensure!(
				assignment.close_at.is_some() == crate::decision::close_at(&assignment).is_some(),
				"an assignment waits for nothing, or for two things"
			);
			if let Some(at) = assignment.close_at {
				ensure!(
					take(Class::Lazy, at, Task::Assignment(id, index)),
					"an assignment that has ended is not on the agenda"
				);
			}
		}
		for id in Payouts::<T>::iter_keys() {
			let task = Task::Payouts(id).encode();
			let found = agenda.iter().filter(|(_, _, other)| *other == task).count();
			ensure!(found == 1, "payments are not on the agenda exactly once");
			agenda.retain(|(_, _, other)| *other != task);
		}
		ensure!(agenda.is_empty(), "the agenda has a task that nobody waits for");
		Ok(())
	}
}
