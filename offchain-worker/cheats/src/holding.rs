//! Transcoders that withhold: bytes from judges, or leaves from the chain.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, PoisonError},
	time::{Duration, Instant},
};

use async_trait::async_trait;
use livepeer_primitives::receipt::TranscodeResult;
use livepeer_worker_core::ports::{
	before::{BeforeChain, BeforeService},
	chain::{Call, Chain, ChainError, Wait},
	transport::{ChunkRange, Chunks, PushReply, Service, SignedHeader},
};
use sp_core::H256;

/// How long outputs are served: long enough for the broadcaster, which fetches at once.
const SERVED: Duration = Duration::from_secs(15);

/// Serves the broadcaster; later requests, such as judges', get nothing or wrong bytes.
pub struct Withholding {
	honest: Arc<dyn Service>,
	/// Whether later requests get wrong bytes instead of none.
	garbles: bool,
	/// Outputs, and when they were made.
	made: Mutex<BTreeMap<H256, Instant>>,
}

impl Withholding {
	pub fn new(honest: Arc<dyn Service>, garbles: bool) -> Self {
		Self { honest, garbles, made: Mutex::default() }
	}

	fn is_new(&self, hash: H256) -> bool {
		let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
		made.get(&hash).is_some_and(|at| at.elapsed() < SERVED)
	}
}

#[async_trait]
impl BeforeService for Withholding {
	fn behind(&self) -> &dyn Service {
		&*self.honest
	}

	async fn has(&self, hash: H256) -> Option<u64> {
		if !self.garbles && !self.is_new(hash) {
			return None;
		}
		self.honest.size(hash).await
	}

	async fn give(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		let is_new = self.is_new(hash);
		if !self.garbles && !is_new {
			return None;
		}
		let mut chunks = self.honest.chunks(hash, range).await?;
		if let Some(first) = chunks.bytes.first_mut().filter(|_| !is_new) {
			*first ^= 1;
		}
		Some(chunks)
	}

	async fn take(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		let reply = self.honest.push(signed, bytes).await;
		if let PushReply::Done { receipt, .. } = &reply {
			if let TranscodeResult::Transcoded(outputs) = &receipt.result {
				let now = Instant::now();
				let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
				made.retain(|_, at| at.elapsed() < SERVED);
				made.extend(outputs.iter().flatten().map(|output| (output.hash, now)));
			}
		}
		reply
	}
}

/// Sends everything but the leaves that are drawn.
pub struct Unrevealing(pub Arc<dyn Chain>);

#[async_trait]
impl BeforeChain for Unrevealing {
	fn behind(&self) -> &dyn Chain {
		&*self.0
	}

	async fn pass_on(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		match call {
			Call::RevealLeaf { .. } => Ok(()),
			call => self.0.submit(call, wait).await,
		}
	}
}
