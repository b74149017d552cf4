//! A transcoder that is gone in mid-stream: over real connections its job is handed on, and no segment
//! is missing.
#![allow(clippy::unwrap_used)]

mod network;

use std::{path::Path, sync::Arc, time::Duration};

use livepeer_primitives::{video::SourceLimits, AccountId, UNIT};
use livepeer_worker_core::{
	fakes::{rendition, FakeChain, FakeEngine, MemoryStore, Recorder, PLENTY},
	key::{Key, Keyring},
	ports::{
		clock::SystemClock,
		events::{Event, NoEvents},
		store::Streams,
		transport::Transport,
	},
	roles::{
		broadcast::{Broadcaster, Origin, SourceSegment, StreamSpec},
		transcode::{TranscodeConfig, TranscodeRole},
	},
};
use livepeer_worker_net::Net;
use network::{make_blocks, net};
use sp_runtime::Perbill;
use tokio::sync::{mpsc, watch};

/// A transcoder at work; when it is dropped it is gone.
struct Transcoder {
	account: AccountId,
	_net: Arc<Net>,
	_stop: watch::Sender<bool>,
}

async fn transcoder(chain: &FakeChain, dir: &Path, uri: &str) -> Transcoder {
	let key = Key::from_uri(uri).unwrap();
	let config = TranscodeConfig {
		price: UNIT / 1_000,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
		capacity: 4,
		parallel: 2,
		queue: 8,
		claim_leaves: 4,
		claim_wait_ms: 60_000,
		claim_worth: 20,
		gap_wait_ms: 60_000,
	};
	let role = Arc::new(TranscodeRole::new(
		Keyring::own(key.clone()),
		Arc::new(chain.client(Some(key.clone()))),
		Arc::new(MemoryStore::default()),
		Arc::new(FakeEngine::default()),
		Arc::new(NoEvents),
		Arc::new(SystemClock::default()),
		config,
	));
	let net = net(&dir.join(uri.trim_start_matches('/')), Some(role.clone())).await;
	role.register(&net.service_record()).await.unwrap();
	let (stop, stopped) = watch::channel(false);
	tokio::spawn(async move { role.run(stopped).await });
	Transcoder { account: key.account(), _net: net, _stop: stop }
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_should_go_on_with_another_transcoder_when_one_is_gone() {
	let dir = tempfile::tempdir().unwrap();
	let chain = FakeChain::default();
	let mut transcoders = Vec::new();
	for uri in ["//T", "//U"] {
		transcoders.push(transcoder(&chain, dir.path(), uri).await);
	}
	make_blocks(&chain);

	let key = Key::from_uri("//Broadcaster").unwrap();
	let (store, events) = (MemoryStore::default(), Recorder::default());
	let origin = Arc::new(Origin::new(Arc::new(store.clone())));
	let role = Broadcaster::new(
		Keyring::own(key.clone()),
		Arc::new(chain.client(Some(key))),
		Arc::new(store.clone()),
		net(&dir.path().join("broadcaster"), Some(origin)).await,
		Arc::new(FakeEngine::default()),
		Arc::new(events.clone()),
		Arc::new(SystemClock::default()),
	);
	let spec = StreamSpec {
		name: "live".into(),
		ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
		limits: SourceLimits::new(128, 72, 30),
		max_price: UNIT,
		budget: PLENTY,
		lasts: 10_000,
		keep: 1_800,
		live: true,
		above: None,
		ask: Vec::new(),
		job: None,
	};
	let open = role.open(&spec).await.unwrap();
	let (sender, source) = mpsc::channel(4);
	let seen = events.clone();
	tokio::spawn(async move {
		for seq in 0..20u8 {
			let bytes = vec![seq, 1, 2, 3];
			let time = u64::from(seq) * 180_000;
			let segment = SourceSegment {
				bytes,
				duration: 180_000,
				time,
				captured: 0,
				last: false,
				fresh: false,
				own: Vec::new(),
			};
			sender.send(Ok(segment)).await.unwrap();
			tokio::time::sleep(Duration::from_millis(100)).await;
			if seq == 6 {
				let assigned = seen.events().into_iter().find_map(|event| match event {
					Event::Assigned { transcoder, .. } => Some(transcoder),
					_ => None,
				});
				let gone = assigned.unwrap();
				transcoders.retain(|one| one.account.to_string() != gone);
				assert_eq!(transcoders.len(), 1);
			}
		}
		// The other one stays until all came back.
		tokio::time::sleep(Duration::from_secs(600)).await;
		drop(transcoders);
	});
	let (_stop, stopped) = watch::channel(false);
	let run = tokio::time::timeout(Duration::from_secs(120), role.run(&open, source, stopped));
	let wait = async {
		loop {
			let back = |event: &Event| matches!(event, Event::SegmentReturned { .. });
			if events.events().iter().filter(|event| back(event)).count() == 20 {
				return;
			}
			tokio::time::sleep(Duration::from_millis(50)).await;
		}
	};
	tokio::select! {
		ended = run => panic!("it ended: {ended:?}"),
		() = wait => {}
	}
	let told = events.events();
	assert!(told.iter().any(|event| matches!(event, Event::HandedOn { .. })));
	assert!(!told.iter().any(|event| matches!(event, Event::SegmentSkipped { .. })));
	let records = store.records(open.stream, 0, 100).unwrap();
	assert_eq!(records.len(), 20, "none is missing");
	let assignments: Vec<_> = records.iter().map(|record| record.header().assignment).collect();
	assert!(assignments.is_sorted() && assignments.first() == Some(&0));
	assert_eq!(assignments.last(), Some(&1));
}
