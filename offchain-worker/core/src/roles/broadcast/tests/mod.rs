//! Stories of a broadcaster and its transcoders over a fake chain and network.

#![allow(clippy::unwrap_used)]

mod delivery;
mod handover;
mod recover;
mod telling;

use livepeer_primitives::UNIT;
use sp_runtime::Perbill;

use super::*;
use crate::{
	fakes::{
		rendition, simulate, FakeChain, FakeEngine, FakeNet, MemoryStore, Recorder, Sim, PLENTY,
	},
	key::Key,
	ports::{
		events::NoEvents,
		store::{Blobs, Streams},
		transport::Service,
	},
	roles::transcode::{TranscodeConfig, TranscodeRole},
	rules::window::OUT,
};

/// A broadcaster and a transcoder that share a fake chain and network.
struct Story {
	chain: FakeChain,
	net: FakeNet,
	store: MemoryStore,
	events: Recorder,
	stop: watch::Sender<bool>,
	sim: Sim,
}

fn spec(name: &str) -> StreamSpec {
	StreamSpec {
		name: name.into(),
		ladder: vec![rendition(64, 36, 100), rendition(32, 18, 50)].try_into().unwrap(),
		limits: SourceLimits::new(128, 72, 30),
		max_price: UNIT,
		budget: PLENTY,
		lasts: 100,
		keep: 1_800,
		live: false,
		above: None,
		ask: Vec::new(),
		job: None,
	}
}

fn config() -> TranscodeConfig {
	TranscodeConfig {
		price: UNIT / 1000,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
		capacity: 4,
		parallel: 2,
		queue: 8,
		claim_leaves: 4,
		claim_wait_ms: 60_000,
		claim_worth: 20,
		gap_wait_ms: 60_000,
	}
}

type Source = mpsc::Receiver<Result<SourceSegment, String>>;

fn segment(seq: u8) -> SourceSegment {
	SourceSegment {
		bytes: vec![seq, 1, 2, 3],
		duration: 180_000,
		time: u64::from(seq) * 180_000,
		captured: 0,
		last: false,
		fresh: false,
		own: Vec::new(),
	}
}

/// The source: `count` segments, then its end.
fn source(count: u8) -> Source {
	let (sender, receiver) = mpsc::channel(256);
	(0..count).for_each(|seq| sender.try_send(Ok(segment(seq))).unwrap());
	receiver
}

impl Story {
	fn new(sim: &Sim) -> Self {
		Self {
			sim: sim.clone(),
			chain: FakeChain::default(),
			net: FakeNet::new(),
			store: MemoryStore::default(),
			events: Recorder::default(),
			stop: watch::Sender::new(false),
		}
	}

	/// One in which blocks come, `engine` works for `//T`, and a broadcaster has opened the stream `demo`.
	async fn opened(sim: &Sim, engine: FakeEngine) -> (Self, Broadcaster, OpenStream) {
		let story = Self::new(sim);
		story.blocks();
		story.transcoder("//T", engine).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		(story, broadcaster, open)
	}

	fn broadcaster(&self) -> Broadcaster {
		let key = Key::from_uri("//Broadcaster").unwrap();
		self.broadcaster_with(Keyring::own(key.clone()), key, self.store.clone())
	}

	/// The same broadcaster in an empty folder.
	fn broadcaster_elsewhere(&self, store: &MemoryStore) -> Broadcaster {
		let key = Key::from_uri("//Broadcaster").unwrap();
		Broadcaster::new(
			Keyring::own(key.clone()),
			Arc::new(self.chain.client(Some(key))),
			Arc::new(store.clone()),
			Arc::new(self.net.end("elsewhere")),
			Arc::new(FakeEngine::default()),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
		)
	}

	fn broadcaster_with(&self, keys: Keyring, spends: Key, store: MemoryStore) -> Broadcaster {
		Broadcaster::new(
			keys,
			Arc::new(self.chain.client(Some(spends))),
			Arc::new(store),
			Arc::new(self.net.end("origin")),
			Arc::new(FakeEngine::default()),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
		)
	}

	/// Starts a transcoder under `uri`, served as the peer `uri`.
	async fn transcoder(&self, uri: &str, engine: FakeEngine) -> Arc<TranscodeRole> {
		let key = Key::from_uri(uri).unwrap();
		let role = Arc::new(TranscodeRole::new(
			Keyring::own(key.clone()),
			Arc::new(self.chain.client(Some(key))),
			Arc::new(MemoryStore::default()),
			Arc::new(engine),
			Arc::new(NoEvents),
			Arc::new(self.sim.clock.clone()),
			config(),
		));
		role.register(&FakeNet::record(uri)).await.unwrap();
		self.net.serve(uri, role.clone());
		let (running, stop) = (role.clone(), self.stop.subscribe());
		self.sim.spawn(async move { running.run(stop).await });
		role
	}

	/// Makes a block every 2 s.
	fn blocks(&self) {
		let (chain, sim) = (self.chain.clone(), self.sim.clone());
		self.sim.spawn(async move {
			loop {
				sim.sleep(2_000).await;
				chain.block();
			}
		});
	}
}

/// The source: `count` segments, and no end as long as the sender is there.
fn keep_open(count: u8) -> (mpsc::Sender<Result<SourceSegment, String>>, Source) {
	let (sender, receiver) = mpsc::channel(256);
	(0..count).for_each(|seq| sender.try_send(Ok(segment(seq))).unwrap());
	(sender, receiver)
}
