//! In-memory stand-ins for the ports, for tests. They follow the same rules as the real ones where
//! a rule is part of a port's contract, and nothing more.

mod chain;
mod engine;
mod net;
mod sim;
mod store;

use std::sync::{Arc, Mutex};

pub use self::{
	chain::{FakeChain, FakeChainClient, FakeClaim, GENESIS, PLENTY},
	engine::FakeEngine,
	net::{FakeNet, FakeTransport},
	sim::{simulate, Sim, SimClock},
	store::MemoryStore,
};
use crate::{
	lock,
	ports::events::{Event, EventSink},
};

/// Keeps every event.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Recorder {
	/// What was emitted so far.
	pub fn events(&self) -> Vec<Event> {
		lock(&self.0).clone()
	}
}

impl EventSink for Recorder {
	fn emit(&self, event: Event) {
		lock(&self.0).push(event);
	}
}
