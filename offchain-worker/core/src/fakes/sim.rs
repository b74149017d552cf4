//! Simulated time.

use std::{
	cell::RefCell,
	collections::BTreeMap,
	future::Future,
	rc::Rc,
	sync::{Arc, Mutex},
	task::{Poll, Waker},
};

use futures::{
	executor::{LocalPool, LocalSpawner},
	future::BoxFuture,
	task::LocalSpawnExt,
};

use crate::{lock, ports::clock::Clock};

#[derive(Default)]
struct Timers {
	now_ms: u64,
	next: u64,
	wakers: BTreeMap<(u64, u64), Waker>,
}

/// A clock that stands still while any future can make progress, and then jumps to the next timer.
#[derive(Clone, Default)]
pub struct SimClock(Arc<Mutex<Timers>>);

impl SimClock {
	/// Jumps to the next timer; `false` when there is none.
	fn advance(&self) -> bool {
		let mut timers = lock(&self.0);
		let Some((&(at, _), _)) = timers.wakers.iter().next() else { return false };
		timers.now_ms = timers.now_ms.max(at);
		let later = timers.wakers.split_off(&(at, u64::MAX));
		let due = std::mem::replace(&mut timers.wakers, later);
		drop(timers);
		due.into_values().for_each(Waker::wake);
		true
	}
}

impl Clock for SimClock {
	fn now_ms(&self) -> u64 {
		lock(&self.0).now_ms
	}

	fn wall_ms(&self) -> u64 {
		self.now_ms().saturating_add(1_700_000_000_000)
	}

	fn sleep_until(&self, ms: u64) -> BoxFuture<'static, ()> {
		let clock = self.clone();
		let mut number = None;
		Box::pin(std::future::poll_fn(move |context| {
			let mut timers = lock(&clock.0);
			if timers.now_ms >= ms {
				return Poll::Ready(());
			}
			let number = *number.get_or_insert_with(|| {
				timers.next += 1;
				timers.next
			});
			timers.wakers.insert((ms, number), context.waker().clone());
			Poll::Pending
		}))
	}
}

/// A world in which time is simulated.
#[derive(Clone)]
pub struct Sim {
	/// Its clock.
	pub clock: SimClock,
	spawner: LocalSpawner,
}

impl Sim {
	/// Spawns a future.
	pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
		// Fails only if the world has ended.
		let _ = self.spawner.spawn_local(future);
	}

	/// Waits.
	pub async fn sleep(&self, ms: u64) {
		self.clock.sleep_until(self.clock.now_ms().saturating_add(ms)).await;
	}

	/// The future's output, or `None` when it takes longer than `ms`.
	pub async fn within<T>(&self, ms: u64, future: impl Future<Output = T>) -> Option<T> {
		let sleep = std::pin::pin!(self.sleep(ms));
		match futures::future::select(std::pin::pin!(future), sleep).await {
			futures::future::Either::Left((output, _)) => Some(output),
			futures::future::Either::Right(_) => None,
		}
	}
}

/// Runs a future in a world of its own.
///
/// # Panics
///
/// If no future can make progress and no timer is left.
pub fn simulate<F: Future + 'static>(build: impl FnOnce(Sim) -> F) -> F::Output {
	let mut pool = LocalPool::new();
	let sim = Sim { clock: SimClock::default(), spawner: pool.spawner() };
	let output = Rc::new(RefCell::new(None));
	let (future, slot) = (build(sim.clone()), output.clone());
	sim.spawn(async move {
		let done = future.await;
		*slot.borrow_mut() = Some(done);
	});
	loop {
		pool.run_until_stalled();
		if let Some(output) = output.borrow_mut().take() {
			return output;
		}
		assert!(sim.clock.advance(), "everything waits for something that never happens");
	}
}
