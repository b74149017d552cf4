//! Stories of a judge over a simulated network.

#![allow(clippy::unwrap_used)]

mod fellows;
mod judging;
mod missing;
mod tasks;

use super::{
	gathering::{kind_of, RETRY_MS},
	*,
};
use crate::{
	fakes::{
		output, rendition, segment_info, simulate, BeforeStore, BeforeTransport, FakeChain,
		FakeEngine, FakeNet, FakeTransport, MemoryStore, Nothing, Recorder, Sim, SimClock, GENESIS,
	},
	key::Key,
	ports::{
		before::{BeforeEngine, BeforeService},
		chain::{Call, Chain, Wait},
		engine::{Examined, Fault, Finding, Format, Pixels, Variant},
		events::NoEvents,
		store::Blobs,
		transport::{ChunkRange, Chunks, NetError, Service, SignedPass},
	},
	roles::broadcast::Origin,
};
use futures::future::{select, BoxFuture};
use livepeer_primitives::{
	extension::Extensions,
	keys::VerifierPair,
	receipt::{Outputs, RejectReason},
	verdict::{MismatchKind, NonConformingKind, Pass, DISPUTE},
	video::SourceLimits,
	work::WorkFactors,
};
use sp_core::H256;
use std::sync::atomic::AtomicUsize;

const FACTORS: WorkFactors = WorkFactors::canonical(1_000, 250, 77);
/// How often the node asks.
const BLOCK_MS: u64 = 1_000;

struct Story {
	net: FakeNet,
	/// The transcoder's store.
	theirs: MemoryStore,
	/// The verifier's.
	ours: MemoryStore,
	events: Recorder,
	sim: Sim,
}

impl Story {
	fn new(sim: &Sim) -> Self {
		let story = Self {
			sim: sim.clone(),
			net: FakeNet::new(),
			theirs: MemoryStore::default(),
			ours: MemoryStore::default(),
			events: Recorder::default(),
		};
		story.net.serve("t", Arc::new(Origin::new(Arc::new(story.theirs.clone()))));
		story
	}

	fn role(&self, engine: FakeEngine) -> VerifyRole {
		self.role_with(vec![engine])
	}

	fn role_with(&self, engines: Vec<FakeEngine>) -> VerifyRole {
		let engines = engines.into_iter().map(|engine| Arc::new(engine) as Arc<dyn MediaEngine>);
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(self.ours.clone()),
			Arc::new(self.net.end("v")),
			engines.collect(),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
			2,
		)
		.unwrap();
		self.sim.spawn(runner.run());
		role
	}

	/// A leaf whose bytes the transcoder serves, made by `engine`.
	async fn leaf(&self, engine: &FakeEngine, index: u32) -> VerifyLeaf {
		self.varied(engine, index, &[]).await
	}

	/// Such a leaf with variants in it.
	async fn varied(&self, engine: &FakeEngine, index: u32, variants: &[Variant]) -> VerifyLeaf {
		let input = vec![index as u8, 1, 2, 3];
		let mut made = engine.transcode(&format(), &input, None).await.unwrap();
		for variant in variants {
			let varied = engine.transcode(&format(), &input, Some(*variant)).await.unwrap();
			let place = usize::from(variant.rendition);
			made.outputs[place] = varied.outputs[place].clone();
		}
		let mut outputs = Outputs::default();
		for bytes in &made.outputs {
			self.theirs.put(bytes).unwrap();
			outputs.try_push(Some(output(bytes))).unwrap();
		}
		self.theirs.put(&input).unwrap();
		let leaf = Leaf::Transcoded {
			segment: segment_info(&input),
			outputs,
			work: made.pixels.work(&FACTORS, &format().ladder, |_| true).unwrap(),
			extensions: Extensions::default(),
		};
		VerifyLeaf { index, seq: u64::from(index) + 100, header: Hash::zero(), leaf }
	}

	/// The transcoder's service, if it takes so many milliseconds for each answer.
	fn late(&self, ms: u64) -> Late {
		let inner = Origin::new(Arc::new(self.theirs.clone()));
		Late { inner, clock: self.sim.clock.clone(), ms }
	}

	fn task(&self, leaves: Vec<VerifyLeaf>) -> VerifyTask {
		VerifyTask {
			genesis: GENESIS,
			claim: 1,
			tranche: 0,
			pass: None,
			verifier: AccountId::new([1; 32]),
			job: 1,
			transcoder: AccountId::new([2; 32]),
			service: FakeNet::record("t"),
			toolchain: FakeEngine::default().toolchain,
			ladder: format().ladder,
			limits: format().limits,
			factors: FACTORS,
			seed: Hash::repeat_byte(9),
			leaves,
			patience_ms: 10_000,
			variants: true,
		}
	}
}

fn format() -> Format {
	Format {
		ladder: vec![rendition(64, 36, 100), rendition(32, 18, 50)].try_into().unwrap(),
		limits: SourceLimits::new(128, 72, 30),
		variants: true,
		stated: None,
	}
}

/// The answer to a task that a node posts again in each block.
async fn verdicts(role: &VerifyRole, task: &VerifyTask) -> (Vec<Verdict>, Hash) {
	assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
	loop {
		let clock = &role.inner.clock;
		let block = clock.sleep_until(clock.now_ms() + BLOCK_MS);
		select(Box::pin(role.idle()), block).await;
		match role.post(task.clone()) {
			Ok(VerifyStatus::Working | VerifyStatus::Lacking) => {}
			Ok(VerifyStatus::Done { verdicts, evidence }) => {
				return (verdicts.into_inner(), evidence.hash)
			}
			other => panic!("{other:?}"),
		}
	}
}

/// Says that it has everything, and sends nothing to its end.
struct Trickling;

#[async_trait::async_trait]
impl BeforeService for Trickling {
	fn behind(&self) -> &dyn Service {
		&Nothing
	}

	async fn give(&self, _: H256, _: ChunkRange) -> Option<Chunks> {
		std::future::pending().await
	}
}

/// Has everything, and takes its time for each answer.
struct Late {
	inner: Origin,
	clock: SimClock,
	ms: u64,
}

#[async_trait::async_trait]
impl BeforeService for Late {
	fn behind(&self) -> &dyn Service {
		&self.inner
	}

	async fn give(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.clock.sleep_until(self.clock.now_ms() + self.ms).await;
		self.inner.chunks(hash, range).await
	}
}
