//! Benchmarks of every call and of every task of the agenda.

use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::traits::{
	fungibles::{Inspect as _, Unbalanced as _},
	tokens::Precision,
	Get,
};
use frame_system::RawOrigin;
use livepeer_primitives::{
	service::ServiceRecord,
	sum_tree::Commitment,
	traits::{Beacon as _, Candidate, ClaimInfo, OnClaim as _, Rounds as _, TranscoderDirectory},
	video::{Ladder, Rendition, SourceLimits},
	work, AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, ToolchainId, ETH,
	MAX_RENDITIONS, UNIT,
};
use sp_runtime::{BoundedVec, Perbill};

use crate::{
	types::{
		EndReason, Load, Phase, PriorityList, StreamName, Task, MAX_PRIORITY_LIST, MAX_STREAM_NAME,
	},
	*,
};

const PRICE: Balance = UNIT / 1_000;
const BUDGET: Balance = 100 * UNIT;

fn set_block<T: Config>(at: BlockNumber) {
	frame_system::Pallet::<T>::set_block_number(at.into());
}

/// Gives `who` plenty of ETH.
fn fund<T: Config>(who: &AccountId) {
	let amount = 10 * BUDGET;
	T::Assets::set_total_issuance(ETH, T::Assets::total_issuance(ETH).saturating_add(amount));
	T::Assets::increase_balance(ETH, who, amount, Precision::Exact)
		.expect("ETH exists at genesis and is sufficient");
}

fn ladder() -> Ladder {
	let renditions: Vec<_> = (1..=MAX_RENDITIONS as u16)
		.map(|i| Rendition { width: 160 * i, height: 90 * i, kbps: 3_000 })
		.collect();
	BoundedVec::truncate_from(renditions)
}

fn limits() -> SourceLimits {
	SourceLimits { width: 1920, height: 1080, fps: 30 }
}

/// The longest name, a different one for each job.
fn name<T: Config>() -> StreamName {
	let mut name = NextJob::<T>::get().to_be_bytes().map(|byte| byte & 0x7f).to_vec();
	name.resize(MAX_STREAM_NAME as usize, b'x');
	BoundedVec::truncate_from(name)
}

fn end<T: Config>() -> BlockNumber {
	Pallet::<T>::now().saturating_add(T::Parameters::get().longest_job)
}

fn candidate(who: &AccountId, capacity: u32) -> Candidate {
	let (account, fee_share) = (who.clone(), Perbill::from_percent(50));
	Candidate { account, stake: UNIT, price: PRICE, fee_share, capacity }
}

/// A waiting job of `broadcaster`.
fn waiting<T: Config>(broadcaster: &AccountId) -> JobId {
	let id = NextJob::<T>::get();
	fund::<T>(broadcaster);
	Pallet::<T>::do_create_job(
		broadcaster.clone(),
		name::<T>(),
		ladder(),
		limits(),
		PRICE,
		end::<T>(),
		BUDGET,
	)
	.expect("a good job");
	id
}

/// A job that is offered to `transcoder`.
fn offered<T: Config>(broadcaster: &AccountId, transcoder: &AccountId) -> JobId {
	let id = waiting::<T>(broadcaster);
	let mut job = Jobs::<T>::get(id).expect("just created");
	PriorityLists::<T>::insert(id, PriorityList::truncate_from(vec![transcoder.clone()]));
	let now = Pallet::<T>::now();
	Pallet::<T>::offer_next(id, &mut job, now, &[candidate(transcoder, u32::MAX)]);
	Pallet::<T>::save_job(id, job).expect("it goes on");
	id
}

/// A job that runs at `transcoder`'s.
fn running<T: Config>(broadcaster: &AccountId, transcoder: &AccountId) -> JobId {
	let id = offered::<T>(broadcaster, transcoder);
	Pallet::<T>::do_accept_job(transcoder.clone(), id, 0).expect("it is offered");
	id
}

fn parties() -> (AccountId, AccountId) {
	(account("broadcaster", 0, 0), account("transcoder", 0, 0))
}

fn record() -> ServiceRecord {
	ServiceRecord {
		peer_id: BoundedVec::truncate_from(vec![1; 64]),
		addresses: BoundedVec::truncate_from(vec![BoundedVec::truncate_from(vec![2; 128]); 4]),
		url: BoundedVec::truncate_from(vec![b'u'; 128]),
	}
}

/// See [`livepeer_primitives::traits::Claims::make_claim`].
pub(crate) fn make_claim<T: Config>(
	transcoder: &AccountId,
	broadcaster: &AccountId,
	commitment: Commitment,
) -> ClaimId {
	let job_id = running::<T>(broadcaster, transcoder);
	let mut job = Jobs::<T>::get(job_id).expect("just created");
	let mut assignment = Assignments::<T>::get(job_id, 0).expect("just accepted");
	let fee = work::fee(commitment.total_work, PRICE)
		.max(Pallet::<T>::smallest_fee())
		.min(assignment.allowance);
	Pallet::<T>::escrow(broadcaster, fee).expect("the budget covers it");
	assignment.allowance -= fee;
	assignment.next_seq = commitment.leaf_count.into();
	job.open_claims += 1;
	let info = ClaimInfo {
		job: job_id,
		assignment: 0,
		transcoder: transcoder.clone(),
		broadcaster: broadcaster.clone(),
		stream: job.stream,
		first: 0,
		commitment,
		toolchain: T::OnClaim::make_toolchain(),
		ladder: job.ladder.clone(),
		limits: job.limits,
		factors: job.factors,
		max_leaf_work: job.max_leaf_work,
		fee,
		round: T::Rounds::current(),
		window: T::Beacon::current_window(),
	};
	Assignments::<T>::insert(job_id, 0, &assignment);
	Jobs::<T>::insert(job_id, job);
	let id = Pallet::<T>::open_claim(&info, assignment.fee_share).expect("numbers last");
	// The job is over and waits for nothing but this claim, so that the settlement closes it; the
	// transcoder has another one, which jail takes away.
	Pallet::<T>::do_end_job(broadcaster.clone(), job_id).expect("it runs");
	Pallet::<T>::close_assignment(job_id, 0).expect("it is over");
	running::<T>(broadcaster, transcoder);
	id
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn create_job() -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		fund::<T>(&broadcaster);
		let (name, end) = (name::<T>(), end::<T>());
		let id = NextJob::<T>::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster), name, ladder(), limits(), PRICE, end, BUDGET);
		assert!(Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn top_up() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster), id, UNIT);
		let allowance = Assignments::<T>::get(id, 0).map_or(0, |a| a.allowance);
		assert_eq!(Jobs::<T>::get(id).map(|job| job.unreserved), Some(BUDGET + UNIT - allowance));
		Ok(())
	}

	#[benchmark]
	fn end_job() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		// Offered and not accepted, so that all is closed at once: the costliest end.
		let id = offered::<T>(&broadcaster, &transcoder);
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster), id);
		assert!(!Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn accept_job() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = offered::<T>(&broadcaster, &transcoder);
		#[extrinsic_call]
		_(RawOrigin::Signed(transcoder), id, 0);
		let phase = Phase::Running { assignment: 0 };
		assert_eq!(Jobs::<T>::get(id).map(|job| job.phase), Some(phase));
		Ok(())
	}

	#[benchmark]
	fn claim_work() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, 1);
		let toolchain: ToolchainId = T::OnClaim::make_toolchain();
		let id = running::<T>(&broadcaster, &transcoder);
		let (root, total_work) = (Hash::repeat_byte(1), work::STANDARD_SEGMENT_WORK / 2);
		#[extrinsic_call]
		_(RawOrigin::Signed(transcoder.clone()), id, 0, 7, 7, root, total_work, toolchain);
		assert_eq!(ClaimCounts::<T>::get(&transcoder), 1);
		Ok(())
	}

	#[benchmark]
	fn set_origin() -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		fund::<T>(&broadcaster);
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster.clone()), record());
		assert!(Origins::<T>::contains_key(&broadcaster));
		Ok(())
	}

	#[benchmark]
	fn clear_origin() -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		fund::<T>(&broadcaster);
		Pallet::<T>::do_set_origin(broadcaster.clone(), record())?;
		#[extrinsic_call]
		_(RawOrigin::Signed(broadcaster.clone()));
		assert!(!Origins::<T>::contains_key(&broadcaster));
		Ok(())
	}

	#[benchmark]
	fn agenda_block() -> Result<(), BenchmarkError> {
		let now = Pallet::<T>::now();
		// A backlog of an empty block: looked up, found worked off, and forgotten.
		Backlog::<T>::put(now);
		#[block]
		{
			Pallet::<T>::run_agenda(now);
		}
		assert_eq!(Backlog::<T>::get(), None);
		Ok(())
	}

	#[benchmark]
	fn read_candidates(c: Linear<1, 257>) -> Result<(), BenchmarkError> {
		for i in 0..c {
			T::Directory::make_candidate(&account("candidate", i, 0), PRICE, 1);
		}
		let candidates: Vec<Candidate>;
		#[block]
		{
			candidates = T::Directory::candidates();
		}
		assert!(!candidates.is_empty());
		Ok(())
	}

	#[benchmark]
	fn task_draw(c: Linear<1, 257>) -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		let id = waiting::<T>(&broadcaster);
		let candidates: Vec<_> = (0..c)
			.map(|i| {
				let who: AccountId = account("candidate", i, 0);
				Loads::<T>::insert(&who, Load { assignments: 1, check_at: 0, lost: false });
				candidate(&who, 2)
			})
			.collect();
		let mut job = Jobs::<T>::get(id).ok_or("created")?;
		let now = Pallet::<T>::now();
		#[block]
		{
			Pallet::<T>::draw(id, &mut job, now, &candidates);
			Pallet::<T>::save_job(id, job)?;
		}
		assert!(Jobs::<T>::get(id).is_some_and(|job| job.phase.current() == Some(0)));
		Ok(())
	}

	#[benchmark]
	fn task_draw_nobody(c: Linear<1, 257>) -> Result<(), BenchmarkError> {
		let (broadcaster, _) = parties();
		let id = waiting::<T>(&broadcaster);
		let candidates: Vec<_> = (0..c)
			.map(|i| Candidate { price: PRICE + 1, ..candidate(&account("candidate", i, 0), 2) })
			.collect();
		let mut job = Jobs::<T>::get(id).ok_or("created")?;
		let now = Pallet::<T>::now();
		#[block]
		{
			assert!(!Pallet::<T>::suits_anybody(&job, &candidates));
			Pallet::<T>::draw(id, &mut job, now, &candidates);
			Pallet::<T>::save_job(id, job)?;
		}
		let phase = Jobs::<T>::get(id).map(|job| job.phase);
		assert!(matches!(phase, Some(Phase::Waiting { retries: 1, .. })));
		Ok(())
	}

	#[benchmark]
	fn task_hand_on() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, 1);
		let id = offered::<T>(&broadcaster, &transcoder);
		// Everybody on the longest list has to be looked at: only the last has room.
		let candidates: Vec<_> = (0..MAX_PRIORITY_LIST)
			.map(|i| {
				let who: AccountId = account("candidate", i, 0);
				Loads::<T>::insert(&who, Load { assignments: 1, check_at: 0, lost: false });
				candidate(&who, if i + 1 == MAX_PRIORITY_LIST { 2 } else { 1 })
			})
			.collect();
		let list: Vec<_> = candidates.iter().map(|c| c.account.clone()).collect();
		PriorityLists::<T>::insert(id, PriorityList::truncate_from(list));
		let mut job = Jobs::<T>::get(id).ok_or("offered")?;
		let now = Pallet::<T>::now();
		#[block]
		{
			Pallet::<T>::not_accepted(id, &mut job, now, &candidates);
			Pallet::<T>::save_job(id, job)?;
		}
		assert!(Jobs::<T>::get(id).is_some_and(|job| job.phase.current() == Some(1)));
		Ok(())
	}

	#[benchmark]
	fn task_expire() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		// Offered and not accepted, so that all is closed at once: the costliest end.
		let id = offered::<T>(&broadcaster, &transcoder);
		let mut job = Jobs::<T>::get(id).ok_or("offered")?;
		#[block]
		{
			Pallet::<T>::end(id, &mut job, EndReason::Expired);
			Pallet::<T>::save_job(id, job)?;
		}
		assert!(!Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn task_close_assignment() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		let id = running::<T>(&broadcaster, &transcoder);
		Pallet::<T>::do_end_job(broadcaster, id)?;
		#[block]
		{
			Pallet::<T>::close_assignment(id, 0 as AssignmentIndex)?;
		}
		assert!(!Jobs::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn task_check() -> Result<(), BenchmarkError> {
		let (broadcaster, transcoder) = parties();
		T::Directory::make_candidate(&transcoder, PRICE, 1);
		running::<T>(&broadcaster, &transcoder);
		let due = Loads::<T>::get(&transcoder).ok_or("loaded")?.check_at;
		set_block::<T>(due);
		#[block]
		{
			Pallet::<T>::run_agenda(due);
		}
		assert!(!Agenda::<T>::contains_key(due, Task::Transcoder(transcoder)));
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
