//! Stories of a transcoder over a fake chain.

#![allow(clippy::unwrap_used)]

mod claiming;
mod idle;
mod intake;
mod judges;
mod memory;
mod registration;
mod variants;
mod worth;

use std::{cell::Cell, rc::Rc};

use livepeer_primitives::{
	api::ClaimTerms,
	keys::Purpose,
	params::VerificationTerms,
	receipt::{Receipt, TranscodeResult},
	segment::{stream_id, SegmentHeader},
	video::SourceLimits,
	work::fee,
	Hash, UNIT,
};

use super::*;
use crate::{
	fakes::{
		job_call, rendition, segment_header, segment_info, signed_header, simulate, FakeChain,
		FakeEngine, FakeNet, MemoryStore, Recorder, Sim, GENESIS, PLENTY,
	},
	key::Key,
	lock,
	ports::{
		chain::{At, Call, Refused, Wait},
		events::{Event, Warning},
		store::{Claims, Receipts},
	},
};

struct Story {
	chain: FakeChain,
	store: MemoryStore,
	events: Recorder,
	broadcaster: Key,
	key: Key,
	job: JobId,
	sim: Sim,
}

impl Story {
	async fn new(sim: &Sim) -> Self {
		let story = Self {
			sim: sim.clone(),
			chain: FakeChain::default(),
			store: MemoryStore::default(),
			events: Recorder::default(),
			broadcaster: Key::from_uri("//Broadcaster").unwrap(),
			key: Key::from_uri("//Transcoder").unwrap(),
			job: 1,
		};
		story.role(FakeEngine::default()).register(&FakeNet::record("t")).await.unwrap();
		let call = job_call(&story.broadcaster, "demo", 100);
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(call, Wait::InBlock).await.unwrap();
		story.role(FakeEngine::default()).registration.refresh().await.unwrap();
		story
	}

	/// The role over the same store, as after a restart.
	fn role(&self, engine: FakeEngine) -> TranscodeRole {
		self.role_with(Keyring::own(self.key.clone()), Some(self.key.clone()), engine, config())
	}

	fn role_with(
		&self,
		keys: Keyring,
		own: Option<Key>,
		engine: FakeEngine,
		config: TranscodeConfig,
	) -> TranscodeRole {
		TranscodeRole::new(
			keys,
			Arc::new(self.chain.client(own)),
			Arc::new(self.store.clone()),
			Arc::new(engine),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
			config,
		)
	}

	/// The role with these of the account's keys, and without one that signs transactions.
	fn role_by(&self, keys: Vec<Key>) -> TranscodeRole {
		let ring = Keyring::new(self.key.account(), keys);
		self.role_with(ring, None, FakeEngine::default(), config())
	}

	/// The role over a copy of the folder.
	fn over(&self, store: &MemoryStore) -> TranscodeRole {
		let own = Some(self.key.clone());
		TranscodeRole::new(
			Keyring::own(self.key.clone()),
			Arc::new(self.chain.client(own)),
			Arc::new(store.clone()),
			Arc::new(FakeEngine::default()),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
			config(),
		)
	}

	/// Opens another job of the same broadcaster.
	async fn another_job(&self, name: &str) {
		let call = job_call(&self.broadcaster, name, 10_000);
		let client = self.chain.client(Some(self.broadcaster.clone()));
		client.submit(call, Wait::InBlock).await.unwrap();
	}

	/// A segment of another of its jobs.
	fn signed_for(&self, job: JobId, name: &str, seq: Seq) -> SignedHeader {
		self.signed_as(job, name, self.signed(seq, &bytes(seq)).header)
	}

	/// A segment with this header, but of another of its jobs.
	fn signed_as(&self, job: JobId, name: &str, header: SegmentHeader) -> SignedHeader {
		let stream = stream_id(&self.broadcaster.account(), name);
		signed_header(&self.broadcaster, SegmentHeader { stream, job, ..header })
	}

	fn warned(&self, what: Warning) -> Vec<String> {
		let text = |event| match event {
			Event::Warned { what: warned, text } if warned == what => Some(text),
			_ => None,
		};
		self.events.events().into_iter().filter_map(text).collect()
	}

	/// The segments that are told to be given up, as first and last of each claim, with the reason.
	fn given_up(&self) -> Vec<(Seq, Seq, String)> {
		let told = |event| match event {
			Event::ClaimGivenUp { first, last, reason, .. } => Some((first, last, reason)),
			_ => None,
		};
		self.events.events().into_iter().filter_map(told).collect()
	}

	fn signed(&self, seq: Seq, bytes: &[u8]) -> SignedHeader {
		let header = segment_header(&self.broadcaster, &self.key, seq, bytes);
		signed_header(&self.broadcaster, SegmentHeader { job: self.job, ..header })
	}

	async fn send(&self, role: &TranscodeRole, seq: Seq) -> PushReply {
		let bytes = bytes(seq);
		role.push(self.signed(seq, &bytes), bytes).await
	}

	/// Sends segments one after the other, each of which is taken.
	async fn send_all(&self, role: &TranscodeRole, seqs: impl IntoIterator<Item = Seq>) {
		for seq in seqs {
			receipt(self.send(role, seq).await);
		}
	}

	/// Has the broadcaster end its job.
	async fn end_job(&self) {
		let broadcaster = self.chain.client(Some(self.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: self.job }, Wait::InBlock).await.unwrap();
	}

	/// Makes so many blocks.
	fn pass(&self, blocks: BlockNumber) {
		for _ in 0..blocks {
			self.chain.block();
		}
	}

	fn head(&self) -> Head {
		*self.chain.client(None).heads().borrow()
	}

	/// The work of a role with a new head.
	async fn duties(&self, role: &TranscodeRole) {
		role.claiming.claim_duties(self.head()).await.unwrap();
		for claim in self.store.claims().unwrap() {
			if let Some(id) = claim.id {
				role.claiming.answer(self.head(), id, &claim).await.unwrap();
			}
		}
	}
}

/// The terms and limits of a role, unless a test says others.
fn config() -> TranscodeConfig {
	TranscodeConfig {
		price: UNIT / 1000,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
		capacity: 2,
		parallel: 2,
		queue: 2,
		claim_leaves: 4,
		claim_wait_ms: 3_600_000,
		claim_worth: 20,
		gap_wait_ms: 3_600_000,
	}
}

fn bytes(seq: Seq) -> Vec<u8> {
	vec![seq as u8, 5, 6, 7]
}

fn receipt(reply: PushReply) -> Receipt {
	match reply {
		PushReply::Done { receipt, .. } => *receipt,
		other => panic!("{other:?}"),
	}
}

/// Runs a role as its process does, with a block every 2 s.
fn serve(story: &Story, role: TranscodeRole) -> Rc<Cell<Option<bool>>> {
	let ended = Rc::new(Cell::new(None));
	let (slot, sim, chain) = (ended.clone(), story.sim.clone(), story.chain.clone());
	story.sim.spawn(async move {
		let stop = watch::Sender::new(false);
		let result = role.serve(&FakeNet::record("t"), stop.subscribe()).await;
		slot.set(Some(result.is_ok()));
	});
	story.sim.spawn(async move {
		loop {
			sim.sleep(2_000).await;
			chain.block();
		}
	});
	ended
}
