//! A stream from file to verdict, with everything real but the chain: four stores on disk, libp2p,
//! FFmpeg in its sandbox, HTTP.
#![allow(clippy::unwrap_used)]

mod common;
mod network;

use std::{fs::File, sync::Arc, time::Duration};

use common::{film, get};
use livepeer_primitives::{
	claim::Outcome,
	offchain::{VerifyLeaf, VerifyStatus, VerifyTask},
	verdict::{MismatchKind, Verdict},
	video::{Rendition, SourceLimits, CAPPED_QUALITY},
	AccountId, Hash, UNIT,
};
use livepeer_worker::{
	gateway::{Gateway, Times},
	offline::ReceiptFile,
};
use livepeer_worker_core::{
	fakes::{rendition, FakeChain, Recorder, GENESIS, PLENTY},
	key::{Key, Keyring},
	ports::{
		before::BeforeEngine,
		chain::Call,
		clock::SystemClock,
		engine::{Format, MediaEngine, MediaError, Transcoded, Variant},
		events::{Event, NoEvents},
		store::{Blobs, Claims, Streams},
		transport::Transport,
	},
	roles::{
		broadcast::{Broadcaster, Origin, SourceSegment, StreamSpec},
		follow::Follower,
		transcode::{TranscodeConfig, TranscodeRole},
		verify::VerifyRole,
	},
};
use livepeer_worker_media::{Engine, SegmentOptions};
use livepeer_worker_store::DiskStore;
use network::{make_blocks, net, pool};
use sp_runtime::Perbill;
use tokio::{
	net::TcpListener,
	sync::{mpsc, watch},
};

/// Saves bits on the first rendition, as a lazy cheat might.
struct Stingy(Engine);

#[async_trait::async_trait]
impl BeforeEngine for Stingy {
	fn behind(&self) -> &dyn MediaEngine {
		&self.0
	}

	async fn make(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		let mut wrong = format.clone();
		// The right size, and far fewer bits: a picture that nobody paid for.
		wrong.ladder[0].kbps = 60;
		wrong.ladder[0].cap_kbps = 60;
		self.0.transcode(&wrong, input, variant).await
	}
}

async fn story(cheats: bool) -> Vec<Verdict> {
	let dir = tempfile::tempdir().unwrap();
	let home = |name: &str| {
		let home = dir.path().join(name);
		std::fs::create_dir_all(&home).unwrap();
		home
	};
	let store = |name: &str| Arc::new(DiskStore::open(&home(name).join("store")).unwrap());
	let clock = || Arc::new(SystemClock::default());
	let chain = FakeChain::default();
	let file = dir.path().join("film.mp4");
	film(&file, 8);

	// The transcoder.
	let engine = Engine::start(pool()).await.unwrap();
	chain.accept_toolchain(engine.toolchain());
	let honest = Arc::new(engine.clone());
	let engine: Arc<dyn MediaEngine> =
		if cheats { Arc::new(Stingy(engine)) } else { honest.clone() };
	let transcoder = Key::from_uri("//Transcoder").unwrap();
	let config = TranscodeConfig {
		price: UNIT / 1_000,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
		capacity: 1_000_000_000,
		parallel: 2,
		queue: 8,
		claim_leaves: 4,
		claim_wait_ms: 60_000,
		claim_worth: 20,
		gap_wait_ms: 60_000,
	};
	let transcodes = store("transcoder");
	let role = Arc::new(TranscodeRole::new(
		Keyring::own(transcoder.clone()),
		Arc::new(chain.client(Some(transcoder))),
		transcodes.clone(),
		engine,
		Arc::new(NoEvents),
		clock(),
		config,
	));
	let served = net(&home("transcoder"), Some(role.clone())).await;
	role.register(&served.service_record()).await.unwrap();
	let (stop, stopped) = watch::channel(false);
	let (running, until) = (role.clone(), stopped.clone());
	tokio::spawn(async move { running.run(until).await });
	make_blocks(&chain);

	// The broadcaster.
	let broadcaster = Key::from_uri("//Broadcaster").unwrap();
	let account = broadcaster.account();
	let broadcasts = store("broadcaster");
	let origin = Arc::new(Origin::new(broadcasts.clone()));
	let events = Recorder::default();
	let role = Broadcaster::new(
		Keyring::own(broadcaster.clone()),
		Arc::new(chain.client(Some(broadcaster))),
		broadcasts.clone(),
		net(&home("broadcaster"), Some(origin)).await,
		Arc::new(Engine::unattested(pool())),
		Arc::new(events.clone()),
		clock(),
	);
	let planned = Rendition { profile: CAPPED_QUALITY, ..rendition(128, 72, 100) };
	let ladder = vec![rendition(256, 144, 300), planned];
	let spec = StreamSpec {
		name: "film".into(),
		ladder: ladder.try_into().unwrap(),
		limits: SourceLimits::new(320, 180, 25),
		max_price: UNIT,
		budget: PLENTY,
		lasts: 10_000,
		keep: 1_800,
		live: false,
		above: None,
		ask: Vec::new(),
		job: None,
	};
	let open = role.open(&spec).await.unwrap();
	let (sender, source) = mpsc::channel(4);
	let mut cut =
		pool().segment_file(File::open(&file).unwrap(), SegmentOptions::default()).unwrap();
	tokio::spawn(async move {
		while let Some(segment) = cut.next().await {
			let segment = segment.unwrap();
			let segment = SourceSegment {
				bytes: segment.data,
				duration: segment.duration,
				time: segment.first_time as u64,
				captured: 0,
				last: false,
				fresh: false,
				own: Vec::new(),
			};
			sender.send(Ok(segment)).await.unwrap();
		}
	});
	let summary = role.run(&open, source, stopped.clone()).await.unwrap();
	assert_eq!((summary.returned, summary.skipped), (4, 0));

	// The claim, its draw and the reveals.
	let claim = wait(|| chain.claims().keys().next().copied()).await;
	let seed = Hash::repeat_byte(5);
	chain.draw(claim, seed, 3);
	let drawn = wait(|| {
		let open = chain.claims().remove(&claim)?;
		let (k, revealed) = (open.positions.len(), open.revealed.len());
		(k > 0 && revealed > 0 && revealed == open.drawn_leaves()).then_some(open)
	})
	.await;

	// The verifier: its store is empty, everything comes over the network.
	let verifies = store("verifier");
	let fetched = Recorder::default();
	let (verifier, runner) = VerifyRole::new(
		GENESIS,
		verifies.clone(),
		net(&home("verifier"), None).await,
		vec![honest.clone()],
		Arc::new(fetched.clone()),
		clock(),
		1,
	)
	.unwrap();
	tokio::spawn(runner.run());
	let info = &drawn.info;
	let task = VerifyTask {
		genesis: GENESIS,
		claim,
		tranche: 0,
		pass: None,
		verifier: AccountId::new([7; 32]),
		job: info.job,
		transcoder: info.transcoder.clone(),
		service: served.service_record(),
		toolchain: info.toolchain,
		ladder: info.ladder.clone(),
		limits: info.limits,
		factors: info.factors,
		seed,
		leaves: drawn
			.revealed
			.values()
			.map(|reveal| VerifyLeaf {
				index: reveal.index,
				seq: info.first + u64::from(reveal.index),
				header: reveal.leaf.header_hash(info.place(GENESIS, reveal.index)).unwrap(),
				leaf: reveal.leaf.clone(),
			})
			.collect(),
		patience_ms: 60_000,
		variants: true,
	};
	assert_eq!(verifier.post(task.clone()), Ok(VerifyStatus::Working));
	verifier.idle().await;
	let Ok(VerifyStatus::Done { verdicts, .. }) = verifier.post(task.clone()) else {
		panic!("not done")
	};
	let fetches = fetched.events().iter().filter(|e| matches!(e, Event::Fetched { .. })).count();
	assert_eq!(fetches, task.leaves.len() * 3, "a source and two renditions for each leaf");

	// The viewer.
	let follower = Follower::new(
		Arc::new(chain.client(None)),
		store("gateway"),
		net(&home("gateway"), None).await,
		Arc::new(NoEvents),
		clock(),
		100,
	);
	let store = Arc::new(follower);
	let gateway = Gateway::new(store.clone(), store.store(), Some(account), Times::default());
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move { axum::serve(listener, gateway.router()).await.unwrap() });
	get(address, "/stream/film/index.m3u8").await;
	let mut playlist = String::new();
	for _ in 0..100 {
		playlist = get(address, "/stream/film/0.m3u8").await.text();
		if playlist.contains("ENDLIST") {
			break;
		}
		tokio::time::sleep(Duration::from_millis(100)).await;
	}
	assert_eq!(playlist.matches("#EXTINF:").count(), 4, "{playlist}");
	assert!(!playlist.contains("DISCONTINUITY\n"), "{playlist}");
	let record = broadcasts.records(open.stream, 2, 1).unwrap().remove(0);
	let segment = get(address, "/stream/film/1/2.ts").await.body;
	assert_eq!(livepeer_worker_core::sha256(&segment), record.outputs()[1].unwrap().hash);

	// With its receipt, to judge it offline.
	let receipt = get(address, "/stream/film/receipt/2").await.body;
	let receipt = ReceiptFile::read(&receipt).unwrap();
	assert_eq!((&receipt.record, &receipt.ladder), (&record, &spec.ladder));
	assert_eq!(get(address, "/stream/film/receipt/99").await.status, 404);

	// The end: nothing is kept of a closed claim.
	chain.decide(claim, if cheats { Outcome::Failed } else { Outcome::Accepted });
	chain.close(claim);
	wait(|| transcodes.claims().unwrap().is_empty().then_some(())).await;
	assert!(transcodes.get(record.outputs()[0].unwrap().hash).unwrap().is_none());
	let ended = chain.calls().iter().any(|call| matches!(call, Call::EndJob { .. }));
	assert!(ended);
	stop.send(true).unwrap();
	verdicts.into_inner()
}

async fn wait<T>(mut ready: impl FnMut() -> Option<T>) -> T {
	for _ in 0..600 {
		if let Some(value) = ready() {
			return value;
		}
		tokio::time::sleep(Duration::from_millis(100)).await;
	}
	panic!("it never happened")
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_stream_should_be_played_and_found_valid() {
	let verdicts = story(false).await;
	assert!(!verdicts.is_empty());
	assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Valid), "{verdicts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cheated_stream_should_be_named_a_mismatch() {
	let verdicts = story(true).await;
	assert!(!verdicts.is_empty());
	let video = Verdict::Mismatch(MismatchKind::Video);
	assert!(verdicts.iter().all(|verdict| *verdict == video), "{verdicts:?}");
}
