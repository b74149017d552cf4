//! A role's readiness: it has started, its account is registered if it has to be, and its node sends new
//! blocks.

use std::{
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use livepeer_worker_core::ports::{
	chain::Head,
	events::{Event, EventSink, Warning},
};
use tokio::sync::watch;

/// The longest time without a new block.
const QUIET: Duration = Duration::from_secs(60);

/// What is known of a role.
#[derive(Default)]
pub struct Ready(Mutex<State>);

#[derive(Default)]
struct State {
	has_started: bool,
	/// Whether the role registers an account, and whether it is registered.
	registers: bool,
	is_registered: bool,
	/// The chain's heads, and when a new one was last seen.
	heads: Option<(watch::Receiver<Head>, Instant)>,
}

impl Ready {
	/// The role registers an account, and is ready only after that.
	pub fn waits_for_registration(&self) {
		self.state().registers = true;
	}

	/// Sets the heads that the role's node sends.
	pub fn follow(&self, heads: watch::Receiver<Head>) {
		self.state().heads = Some((heads, Instant::now()));
	}

	/// The newest block that the role's node told of; `None` before the first question, and for a role that asks
	/// no node.
	pub fn height(&self) -> Option<u32> {
		self.state().heads.as_ref().map(|(heads, _)| heads.borrow().best)
	}

	/// Why the role is not ready; `None` if it is. New blocks are noticed only by this call, so it has to be
	/// made more often than once a minute.
	pub fn check(&self) -> Result<(), String> {
		self.check_at(Instant::now())
	}

	fn check_at(&self, now: Instant) -> Result<(), String> {
		let mut state = self.state();
		if !state.has_started {
			return Err("it has not started".into());
		}
		if state.registers && !state.is_registered {
			return Err("its account is not registered".into());
		}
		if let Some((heads, seen)) = &mut state.heads {
			if heads.has_changed().unwrap_or(false) {
				heads.mark_unchanged();
				*seen = now;
			}
			let quiet = now.saturating_duration_since(*seen);
			if quiet > QUIET {
				return Err(format!("its node has sent no block for {} s", quiet.as_secs()));
			}
		}
		Ok(())
	}

	fn note(&self, event: &Event) {
		match event {
			Event::Started { .. } => self.state().has_started = true,
			Event::Stopped => self.state().has_started = false,
			Event::Registered { .. } => self.state().is_registered = true,
			Event::Warned { what: Warning::NotRegistered, .. } => {
				self.state().is_registered = false;
			}
			_ => {}
		}
	}

	fn state(&self) -> MutexGuard<'_, State> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

/// Updates a role's readiness from its events, and hands them on.
pub struct Noting {
	ready: Arc<Ready>,
	inner: Arc<dyn EventSink>,
}

impl Noting {
	/// Updates `ready` by the events that go to `inner`.
	pub fn new(ready: Arc<Ready>, inner: Arc<dyn EventSink>) -> Self {
		Self { ready, inner }
	}
}

impl EventSink for Noting {
	fn emit(&self, event: Event) {
		self.ready.note(&event);
		self.inner.emit(event);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_worker_core::ports::events::NoEvents;

	#[test]
	fn role_should_be_ready_when_it_is_registered_and_hears_of_blocks() {
		let ready = Arc::new(Ready::default());
		let events = Noting::new(ready.clone(), Arc::new(NoEvents));
		let says = |said: Result<(), String>, why: &str| said.is_err_and(|said| said.contains(why));
		ready.waits_for_registration();
		assert!(says(ready.check(), "not started"));
		events.emit(Event::Started { account: None, peer_id: None, listen: Vec::new() });
		assert!(says(ready.check(), "not registered"));
		events.emit(Event::Registered { capacity: 1 });
		assert_eq!(ready.check(), Ok(()));

		let (sender, heads) = watch::channel(Head::default());
		assert_eq!(ready.height(), None);
		ready.follow(heads);
		let later = Instant::now() + QUIET + Duration::from_secs(1);
		assert!(says(ready.check_at(later), "no block"));
		sender.send_replace(Head { best: 1, ..Default::default() });
		assert_eq!(ready.height(), Some(1));
		assert_eq!(ready.check_at(later), Ok(()), "to look at the height takes nothing from it");
		assert_eq!(ready.check_at(later + QUIET), Ok(()));
		assert!(says(ready.check_at(later + QUIET * 2), "no block"));

		sender.send_replace(Head { best: 2, ..Default::default() });
		let text = String::new();
		events.emit(Event::Warned { what: Warning::NotRegistered, text });
		assert!(says(ready.check(), "not registered"));
	}

	#[test]
	fn role_without_an_account_or_a_node_should_be_ready_from_its_start_to_its_end() {
		let ready = Arc::new(Ready::default());
		let events = Noting::new(ready.clone(), Arc::new(NoEvents));
		events.emit(Event::Started { account: None, peer_id: None, listen: Vec::new() });
		assert_eq!(ready.check(), Ok(()));
		events.emit(Event::Stopped);
		assert!(ready.check().is_err());
	}
}
