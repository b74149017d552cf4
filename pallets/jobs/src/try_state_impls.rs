//! The invariants, recounted from scratch.

use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};
use frame_support::{ensure, traits::fungibles::InspectHold as _};
use livepeer_primitives::{AccountId, AssignmentIndex, Balance, BlockNumber, JobId, Seq, ETH};
use sp_runtime::TryRuntimeError;

use crate::{
	types::{Phase, Task},
	Agenda, Assignments, AssignmentsOf, Backlog, ClaimCounts, ClaimsOf, Config, HoldReason,
	JobOfStream, Jobs, Loads, NextClaim, NextJob, OpenClaims, Origins, Pallet, PriorityLists,
};

/// What a broadcaster's holds should be.
#[derive(Default)]
struct Owed {
	budget: Balance,
	escrow: Balance,
	bond: Balance,
	origin: Balance,
}

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_money()?;
		Self::check_jobs()?;
		Self::check_assignments()?;
		Self::check_claims()?;
		Self::check_agenda()
	}

	fn check_money() -> Result<(), TryRuntimeError> {
		let mut owed: BTreeMap<AccountId, Owed> = BTreeMap::new();
		for (id, job) in Jobs::<T>::iter() {
			let allowances: Balance =
				Assignments::<T>::iter_prefix_values(id).map(|a| a.allowance).sum();
			let owed = owed.entry(job.broadcaster).or_default();
			owed.budget += job.unreserved + allowances;
			owed.bond += job.bond;
		}
		for claim in OpenClaims::<T>::iter_values() {
			owed.entry(claim.info.broadcaster).or_default().escrow += claim.info.fee;
		}
		for (who, origin) in Origins::<T>::iter() {
			owed.entry(who).or_default().origin += origin.deposit;
		}
		for (who, owed) in owed {
			for (reason, amount) in [
				(HoldReason::Budget, owed.budget),
				(HoldReason::Escrow, owed.escrow),
				(HoldReason::Bond, owed.bond),
				(HoldReason::Origin, owed.origin),
			] {
				ensure!(
					T::Assets::balance_on_hold(ETH, &reason.into(), &who) == amount,
					"a hold differs from what jobs, claims and origins add up to"
				);
			}
		}
		Ok(())
	}

	fn check_jobs() -> Result<(), TryRuntimeError> {
		let mut claims: BTreeMap<JobId, u32> = BTreeMap::new();
		for claim in OpenClaims::<T>::iter_values() {
			*claims.entry(claim.info.job).or_default() += 1;
		}
		for (id, job) in Jobs::<T>::iter() {
			ensure!(id < NextJob::<T>::get(), "a job has a number that was not given yet");
			let stored = Assignments::<T>::iter_prefix_values(id).count() as u32;
			ensure!(job.assignments == stored, "a job miscounts its assignments");
			ensure!(
				job.open_claims == claims.remove(&id).unwrap_or_default(),
				"a job miscounts its claims"
			);
			if job.phase == Phase::Ended {
				ensure!(
					job.assignments > 0 || job.open_claims > 0,
					"a job is stored with nothing left to wait for"
				);
				ensure!(
					job.assignments > 0 || job.unreserved == 0,
					"a job that cannot spend any more holds a budget"
				);
			} else {
				ensure!(
					JobOfStream::<T>::get(job.stream) == Some(id),
					"a job that has not ended is not found by its stream"
				);
			}
			let may_have_list = job.phase.current().is_some();
			ensure!(
				may_have_list || PriorityLists::<T>::get(id).is_empty(),
				"a job without an assignment has a priority list"
			);
		}
		ensure!(claims.is_empty(), "a claim outlives its job");
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
		Ok(())
	}

	fn check_assignments() -> Result<(), TryRuntimeError> {
		let mut listed: BTreeSet<(AccountId, JobId, AssignmentIndex)> =
			AssignmentsOf::<T>::iter().collect();
		let mut loads: BTreeMap<AccountId, u32> = BTreeMap::new();
		for (id, index, assignment) in Assignments::<T>::iter() {
			let Some(job) = Jobs::<T>::get(id) else {
				return Err("an assignment outlives its job".into());
			};
			ensure!(index < job.next_assignment, "an assignment has a number not given yet");
			if job.phase.current() == Some(index) {
				ensure!(assignment.claimable_until.is_none(), "a current assignment has ended");
				ensure!(
					assignment.accepted == matches!(job.phase, Phase::Running { .. }),
					"a job runs without acceptance, or is offered with it"
				);
				*loads.entry(assignment.transcoder.clone()).or_default() += 1;
				ensure!(
					listed.remove(&(assignment.transcoder, id, index)),
					"a current assignment is not listed for its transcoder"
				);
			} else {
				ensure!(
					assignment.claimable_until.is_some() && assignment.accepted,
					"an assignment is neither current nor in grace"
				);
			}
		}
		ensure!(listed.is_empty(), "a transcoder is listed for an assignment that is not current");
		for (who, load) in Loads::<T>::iter() {
			ensure!(loads.remove(&who) == Some(load.assignments), "a load is miscounted");
		}
		ensure!(loads.is_empty(), "a load is missing");
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
		let mut counts: BTreeMap<AccountId, u32> = BTreeMap::new();
		let mut ranges: BTreeMap<(JobId, AssignmentIndex), Vec<(Seq, Seq)>> = BTreeMap::new();
		for (id, claim) in OpenClaims::<T>::iter() {
			ensure!(id < NextClaim::<T>::get(), "a claim has a number that was not given yet");
			let info = claim.info;
			ensure!(listed.remove(&(info.transcoder.clone(), id)), "a claim is not listed");
			*counts.entry(info.transcoder).or_default() += 1;
			let after = info.first.saturating_add(info.commitment.leaf_count.into());
			if let Some(assignment) = Assignments::<T>::get(info.job, info.assignment) {
				ensure!(after <= assignment.next_seq, "a claim reaches beyond its cursor");
			}
			ranges.entry((info.job, info.assignment)).or_default().push((info.first, after));
		}
		ensure!(listed.is_empty(), "a claim is listed that is not open");
		for (who, count) in ClaimCounts::<T>::iter() {
			ensure!(counts.remove(&who) == Some(count), "open claims are miscounted");
		}
		ensure!(counts.is_empty(), "a count of claims is missing");
		for mut ranges in ranges.into_values() {
			ranges.sort_unstable();
			ensure!(
				ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.1 <= b.0),
				"two claims of an assignment overlap"
			);
		}
		Ok(())
	}

	fn check_agenda() -> Result<(), TryRuntimeError> {
		let mut agenda: BTreeSet<(BlockNumber, Vec<u8>)> = BTreeSet::new();
		let first = Backlog::<T>::get().unwrap_or(Self::now().saturating_add(1));
		for (at, task, ()) in Agenda::<T>::iter() {
			ensure!(at >= first, "a task is overdue that the backlog does not name");
			agenda.insert((at, codec::Encode::encode(&task)));
		}
		let mut take =
			|task: Task, at: BlockNumber| agenda.remove(&(at, codec::Encode::encode(&task)));
		for (id, job) in Jobs::<T>::iter() {
			ensure!(
				job.wake.is_some() == (job.phase != Phase::Ended),
				"a job takes steps exactly until it ends"
			);
			if let Some(at) = job.wake {
				ensure!(take(Task::Job(id), at), "a job is not on the agenda");
			}
		}
		for (who, load) in Loads::<T>::iter() {
			ensure!(
				take(Task::Transcoder(who), load.check_at),
				"a transcoder with assignments is not on the agenda"
			);
		}
		// An assignment's block is its grace's end, later when closing had to be repeated.
		for (id, index, assignment) in Assignments::<T>::iter() {
			if let Some(until) = assignment.claimable_until {
				let task = codec::Encode::encode(&Task::Assignment(id, index));
				let found: Vec<_> =
					agenda.iter().filter(|(_, other)| *other == task).cloned().collect();
				ensure!(
					found.len() == 1 && found.iter().all(|(at, _)| *at > until),
					"an assignment in grace is not on the agenda exactly once"
				);
				agenda.retain(|(_, other)| *other != task);
			}
		}
		ensure!(agenda.is_empty(), "the agenda has a task that nobody waits for");
		Ok(())
	}
}
