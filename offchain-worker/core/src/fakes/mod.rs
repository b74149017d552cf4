//! In-memory stand-ins for the ports, for tests. They keep the rules that are part of a port's contract, and
//! nothing more.

mod chain;
mod engine;
mod net;
mod signed;
mod sim;
mod stakes;
mod store;

use std::sync::{Arc, Mutex};

use livepeer_primitives::{
	chunks::chunk_root,
	extension::Extensions,
	receipt::Output,
	segment::{SegmentInfo, SOURCE_TRACK},
	video::{Rendition, CANONICAL_PROFILE},
};

pub use self::{
	chain::{FakeChain, FakeChainClient, FakeClaim, FakeOpening, FEE, GENESIS, PLENTY},
	engine::FakeEngine,
	net::{BeforeTransport, FakeNet, FakeTransport, Nothing, OneBlob},
	signed::{
		claim_call, claim_rejected, job_call, receipt_for, segment_header, segment_record,
		signed_header, signed_receipt,
	},
	sim::{simulate, Sim, SimClock},
	stakes::FakeStakes,
	store::{BeforeStore, MemoryStore},
};
use crate::{
	lock,
	ports::events::{Event, EventSink},
	sha256,
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

/// A rendition of the canonical profile whose cap is its target.
pub fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
}

/// The header of a segment with these bytes, 2 s long.
pub fn segment_info(bytes: &[u8]) -> SegmentInfo {
	SegmentInfo {
		track: SOURCE_TRACK,
		epoch: 0,
		time: 0,
		captured: 0,
		duration: 180_000,
		flags: 0,
		in_hash: sha256(bytes),
		in_len: bytes.len() as u32,
		chunk_root: chunk_root(bytes),
		extensions: Extensions::default(),
	}
}

/// An output of these bytes.
pub fn output(bytes: &[u8]) -> Output {
	Output { hash: sha256(bytes), len: bytes.len() as u32, chunk_root: chunk_root(bytes) }
}
