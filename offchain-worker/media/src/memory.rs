//! The memory of all children together. A job that needs more than is free waits, without delaying jobs that
//! need less: one with the largest pictures must not hold up others.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// A number of mebibytes.
#[derive(Debug)]
pub struct Memory(Mutex<State>);

#[derive(Debug)]
struct State {
	free: u32,
	/// The waiting requests, in order of arrival.
	waiting: BTreeMap<u64, (u32, oneshot::Sender<Lease>)>,
	arrived: u64,
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
		let (sender, lease) = oneshot::channel();
		{
			let mut state = self.state();
			let arrived = state.arrived;
			state.arrived += 1;
			state.waiting.insert(arrived, (needed, sender));
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
		state.waiting.retain(|_, (_, sender)| !sender.is_closed());
		if !state.waiting.is_empty() || state.free < needed {
			return None;
		}
		state.free -= needed;
		Some(Lease(self.clone(), needed))
	}

	/// Serves the requests for which there is enough, in order of arrival.
	fn give(self: &Arc<Self>) {
		loop {
			let (needed, sender) = {
				let mut state = self.state();
				state.waiting.retain(|_, (_, sender)| !sender.is_closed());
				let free = state.free;
				let fits = state.waiting.iter().find(|(_, (needed, _))| *needed <= free);
				let Some(arrived) = fits.map(|(arrived, _)| *arrived) else { return };
				let Some(first) = state.waiting.remove(&arrived) else { return };
				state.free -= first.0;
				first
			};
			// If the waiter is gone, the memory is given back.
			drop(sender.send(Lease(self.clone(), needed)));
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
