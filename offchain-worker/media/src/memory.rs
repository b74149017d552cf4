//! The memory of all children together. A job that needs more than is free waits, without delaying jobs that
//! need less: one with the largest pictures must not hold up others. A judge's leaf does delay them after a
//! while, because it must be examined however many smaller jobs there are.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

/// A number of mebibytes.
#[derive(Debug)]
pub struct Memory(Mutex<State>);

#[derive(Debug)]
struct State {
	free: u32,
	/// In order of arrival.
	waiting: BTreeMap<u64, Waiting>,
	arrived: u64,
}

impl State {
	/// The next request to serve: the smallest for which there is enough, the first of equal ones, but none that
	/// came after one that may no longer be overtaken.
	fn next(&self) -> Option<u64> {
		let last = self.waiting.iter().find(|(_, one)| one.is_next).map(|(arrived, _)| *arrived);
		let in_turn = self.waiting.range(..=last.unwrap_or(u64::MAX));
		let able = in_turn.filter(|(_, one)| one.needed <= self.free);
		able.min_by_key(|(_, one)| one.needed).map(|(arrived, _)| *arrived)
	}
}

#[derive(Debug)]
struct Waiting {
	needed: u32,
	/// Whether no later request may overtake it.
	is_next: bool,
	lease: oneshot::Sender<Lease>,
}

/// A part of the memory, held until it is dropped.
#[derive(Debug)]
pub struct Lease(Arc<Memory>, u32);

impl Memory {
	/// This much memory, all free.
	pub fn new(total: u32) -> Arc<Self> {
		Arc::new(Self(Mutex::new(State { free: total, waiting: BTreeMap::new(), arrived: 0 })))
	}

	fn state(&self) -> MutexGuard<'_, State> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Waits until `needed` is free; for ever if it is more than the total.
	pub async fn take(self: &Arc<Self>, needed: u32) -> Lease {
		self.wait(needed, false).await
	}

	/// The same, but smaller requests may overtake it only for the time `overtaken`.
	pub async fn take_at_last(self: &Arc<Self>, needed: u32, overtaken: Duration) -> Lease {
		match timeout(overtaken, self.take(needed)).await {
			Ok(lease) => lease,
			Err(_) => self.wait(needed, true).await,
		}
	}

	async fn wait(self: &Arc<Self>, needed: u32, is_next: bool) -> Lease {
		let (sender, lease) = oneshot::channel();
		{
			let mut state = self.state();
			let arrived = state.arrived;
			state.arrived += 1;
			state.waiting.insert(arrived, Waiting { needed, is_next, lease: sender });
		}
		self.give();
		match lease.await {
			Ok(lease) => lease,
			// A sender is dropped only after it was used.
			Err(_) => std::future::pending().await,
		}
	}

	/// The same without waiting, and without overtaking waiting requests.
	pub fn take_idle(self: &Arc<Self>, needed: u32) -> Option<Lease> {
		let mut state = self.state();
		state.waiting.retain(|_, waiting| !waiting.lease.is_closed());
		if !state.waiting.is_empty() || state.free < needed {
			return None;
		}
		state.free -= needed;
		Some(Lease(self.clone(), needed))
	}

	/// Serves the requests for which there is enough.
	fn give(self: &Arc<Self>) {
		loop {
			let Waiting { needed, lease, .. } = {
				let mut state = self.state();
				state.waiting.retain(|_, waiting| !waiting.lease.is_closed());
				let Some(arrived) = state.next() else { return };
				let Some(first) = state.waiting.remove(&arrived) else { return };
				state.free -= first.needed;
				first
			};
			// If the waiter is gone, the memory is given back.
			drop(lease.send(Lease(self.clone(), needed)));
		}
	}
}

impl Drop for Lease {
	fn drop(&mut self) {
		self.0.state().free += self.1;
		self.0.give();
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{
		future::Future,
		task::{Context, Poll, Waker},
	};

	fn now<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
		let mut context = Context::from_waker(Waker::noop());
		match std::pin::Pin::new(future).poll(&mut context) {
			Poll::Ready(value) => Some(value),
			Poll::Pending => None,
		}
	}

	#[test]
	fn small_job_should_not_wait_behind_a_large_one() {
		let memory = Memory::new(10);
		let large = now(&mut Box::pin(memory.take(8))).expect("free");
		let mut another = Box::pin(memory.take(8));
		assert!(now(&mut another).is_none());
		let small = now(&mut Box::pin(memory.take(2))).expect("two are left");
		assert!(now(&mut Box::pin(memory.take(1))).is_none(), "and not more");
		drop(large);
		let large = now(&mut another).expect("its turn");
		drop((large, small));
		assert!(now(&mut Box::pin(memory.take(10))).is_some());
	}

	/// Each of several large jobs needs nearly all memory. A stream waits for the one that is at work, and not for all
	/// that came before it.
	#[test]
	fn attack_large_jobs_that_hand_the_memory_on_to_each_other() {
		let memory = Memory::new(10);
		let large = now(&mut Box::pin(memory.take(10))).expect("free");
		let mut others = [9, 10].map(|needed| Box::pin(memory.take(needed)));
		let mut streams = [2, 2].map(|needed| Box::pin(memory.take(needed)));
		assert!(others.iter_mut().all(|one| now(one).is_none()));
		assert!(streams.iter_mut().all(|one| now(one).is_none()));
		drop(large);
		let [one, two] = streams.each_mut().map(|one| now(one).expect("they come first"));
		assert!(others.iter_mut().all(|one| now(one).is_none()));
		drop((one, two));
		assert!(now(&mut others[0]).is_some());
		assert!(now(&mut others[1]).is_some());
	}

	/// A leaf of the largest pictures that a judge owes, beside small ones without end.
	#[tokio::test]
	async fn attack_small_leaves_that_leave_a_judge_no_memory_for_a_large_one() {
		let memory = Memory::new(10);
		let [one, two] = [4, 4].map(|needed| memory.take_idle(needed).expect("free"));
		let mut large = Box::pin(memory.take_at_last(8, Duration::ZERO));
		assert!(timeout(Duration::from_millis(20), &mut large).await.is_err());
		// It has been overtaken for long enough.
		let mut small = Box::pin(memory.take(2));
		assert!(now(&mut small).is_none());
		drop(one);
		assert!(now(&mut small).is_none() && now(&mut large).is_none());
		drop(two);
		let large = now(&mut large).expect("its turn");
		assert!(now(&mut small).is_some() && now(&mut Box::pin(memory.take(3))).is_none());
		drop(large);
	}

	#[test]
	fn idle_memory_should_be_given_at_once_and_never_before_who_waits() {
		let memory = Memory::new(10);
		let held = memory.take_idle(6).expect("free");
		assert!(memory.take_idle(5).is_none());
		let mut waits = Box::pin(memory.take(5));
		assert!(now(&mut waits).is_none());
		assert!(memory.take_idle(1).is_none(), "another waits");
		drop(waits);
		let rest = memory.take_idle(4).expect("nobody waits any more");
		drop((held, rest));
		assert!(memory.take_idle(10).is_some());
	}

	#[test]
	fn memory_should_come_back_when_who_waited_has_gone() {
		let memory = Memory::new(4);
		let held = now(&mut Box::pin(memory.take(3))).expect("free");
		let mut gone = Box::pin(memory.take(4));
		assert!(now(&mut gone).is_none());
		drop(gone);
		drop(held);
		assert!(now(&mut Box::pin(memory.take(4))).is_some());
	}
}
