//! The places for examining leaves. The earliest deadline gets the next place; leaves past their deadline
//! come last, because a judge that is late once would otherwise be late for everything after it.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use tokio::sync::oneshot;

use crate::{lock, ports::clock::Clock};

/// This many places, given to the earliest deadline first.
pub(super) struct Places {
	state: Mutex<State>,
	clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct State {
	free: usize,
	/// By deadline, then in order of arrival.
	waiting: BTreeMap<(u64, u64), Waiting>,
	arrived: u64,
}

impl State {
	/// The order of turns.
	fn next(&mut self, now_ms: u64) -> Option<oneshot::Sender<Place>> {
		let in_time = self.waiting.iter().find(|(_, waiting)| waiting.over_ms > now_ms);
		let key = *in_time.or_else(|| self.waiting.first_key_value())?.0;
		self.waiting.remove(&key).map(|waiting| waiting.turn)
	}
}

struct Waiting {
	/// When the answer is not needed any more.
	over_ms: u64,
	turn: oneshot::Sender<Place>,
}

/// A place, held until it is dropped.
pub(super) struct Place(Arc<Places>);

impl Places {
	pub(super) fn new(places: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
		let state = State { free: places.max(1), ..Default::default() };
		Arc::new(Self { state: Mutex::new(state), clock })
	}

	/// Waits for a place after all with earlier deadlines; from `over_ms` on after all others.
	pub(super) async fn take(self: &Arc<Self>, deadline: u64, over_ms: u64) -> Place {
		let turn = {
			let mut state = lock(&self.state);
			if state.free > 0 {
				state.free -= 1;
				return Place(self.clone());
			}
			let (sender, turn) = oneshot::channel();
			let arrived = state.arrived;
			state.arrived += 1;
			state.waiting.insert((deadline, arrived), Waiting { over_ms, turn: sender });
			turn
		};
		match turn.await {
			Ok(place) => place,
			// A sender is dropped only after it was used.
			Err(_) => std::future::pending().await,
		}
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		loop {
			let next = {
				let mut state = lock(&self.0.state);
				let next = state.next(self.0.clock.now_ms());
				state.free += usize::from(next.is_none());
				next
			};
			let Some(sender) = next else { return };
			// If the waiter is gone, the place is given back in the same way.
			if !sender.is_closed() {
				drop(sender.send(Place(self.0.clone())));
				return;
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use std::sync::atomic::{AtomicU64, Ordering};

	use super::*;
	use futures::{executor::block_on, future::BoxFuture, FutureExt};

	const NEVER: u64 = u64::MAX;

	/// A clock that shows what it was set to.
	#[derive(Default)]
	struct At(AtomicU64);

	impl Clock for At {
		fn now_ms(&self) -> u64 {
			self.0.load(Ordering::Relaxed)
		}

		fn wall_ms(&self) -> u64 {
			self.now_ms()
		}

		fn sleep_until(&self, _: u64) -> BoxFuture<'static, ()> {
			Box::pin(std::future::pending())
		}
	}

	#[test]
	fn place_should_go_to_the_earliest_deadline_and_not_to_who_came_first() {
		let places = Places::new(1, Arc::new(At::default()));
		let held = block_on(places.take(5, NEVER));
		let mut late = Box::pin(places.take(30, NEVER));
		let mut early = Box::pin(places.take(10, NEVER));
		let mut gone = Box::pin(places.take(1, NEVER));
		for waiting in [&mut late, &mut early, &mut gone] {
			assert!(waiting.now_or_never().is_none());
		}
		drop(gone);
		drop(held);
		assert!((&mut late).now_or_never().is_none());
		let held = (&mut early).now_or_never().expect("the earliest has it");
		assert!((&mut late).now_or_never().is_none());
		drop(held);
		drop((&mut late).now_or_never().expect("then the other one"));
		// And back where it was.
		assert!(places.take(9, NEVER).now_or_never().is_some());
	}

	#[test]
	fn place_should_come_back_when_it_was_given_and_never_looked_at() {
		let places = Places::new(1, Arc::new(At::default()));
		let held = block_on(places.take(1, NEVER));
		let mut waiting = Box::pin(places.take(2, NEVER));
		assert!((&mut waiting).now_or_never().is_none());
		drop(held);
		drop(waiting);
		assert!(places.take(3, NEVER).now_or_never().is_some());
	}
	/// A judge with a busy machine must not be late for the dispute because it still works on what nobody
	/// waits for.
	#[test]
	fn what_is_over_should_make_way_for_what_is_in_time() {
		let clock = Arc::new(At::default());
		let places = Places::new(1, clock.clone());
		let held = block_on(places.take(5, 10));
		let mut missed = Box::pin(places.take(6, 12));
		let mut later = Box::pin(places.take(50, 90));
		let mut sooner = Box::pin(places.take(40, 80));
		for waiting in [&mut missed, &mut later, &mut sooner] {
			assert!(waiting.now_or_never().is_none());
		}
		clock.0.store(12, Ordering::Relaxed);
		drop(held);
		for waiting in [&mut sooner, &mut later, &mut missed] {
			drop(waiting.now_or_never().expect("in time first, then what is over"));
		}
	}
}
