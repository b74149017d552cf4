//! The places in which leaves are examined: whoever's time runs out first gets the next one.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use tokio::sync::oneshot;

use crate::lock;

/// So many places, given to the earliest deadline first.
#[derive(Default)]
pub(super) struct Places(Mutex<State>);

#[derive(Default)]
struct State {
	free: usize,
	/// By deadline, then in order of arrival.
	waiting: BTreeMap<(u64, u64), oneshot::Sender<Place>>,
	arrived: u64,
}

/// A place, until it is dropped.
pub(super) struct Place(Arc<Places>);

impl Places {
	pub(super) fn new(places: usize) -> Arc<Self> {
		Arc::new(Self(Mutex::new(State { free: places.max(1), ..Default::default() })))
	}

	/// Waits for a place behind those whose deadline is earlier.
	pub(super) async fn take(self: &Arc<Self>, deadline: u64) -> Place {
		let turn = {
			let mut state = lock(&self.0);
			if state.free > 0 {
				state.free -= 1;
				return Place(self.clone());
			}
			let (sender, turn) = oneshot::channel();
			let arrived = state.arrived;
			state.arrived += 1;
			state.waiting.insert((deadline, arrived), sender);
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
				let mut state = lock(&self.0 .0);
				let next = state.waiting.pop_first();
				state.free += usize::from(next.is_none());
				next
			};
			let Some((_, sender)) = next else { return };
			// Who no longer waits gives it back in the same way.
			if !sender.is_closed() {
				drop(sender.send(Place(self.0.clone())));
				return;
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use futures::{executor::block_on, FutureExt};

	#[test]
	fn place_should_go_to_the_earliest_deadline_and_not_to_who_came_first() {
		let places = Places::new(1);
		let held = block_on(places.take(5));
		let mut late = Box::pin(places.take(30));
		let mut early = Box::pin(places.take(10));
		let mut gone = Box::pin(places.take(1));
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
		assert!(places.take(9).now_or_never().is_some());
	}

	#[test]
	fn place_should_come_back_when_it_was_given_and_never_looked_at() {
		let places = Places::new(1);
		let held = block_on(places.take(1));
		let mut waiting = Box::pin(places.take(2));
		assert!((&mut waiting).now_or_never().is_none());
		drop(held);
		drop(waiting);
		assert!(places.take(3).now_or_never().is_some());
	}
}
