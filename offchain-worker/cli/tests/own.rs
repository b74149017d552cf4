//! A publisher that sends several tracks of pictures, from FFmpeg to a viewer, with everything real but the
//! chain: RTMP, the segmenter in its sandbox, the transcoder, libp2p, HTTP.
#![allow(clippy::unwrap_used)]

mod common;
mod network;

use std::{
	process::{Child, Command, Stdio},
	sync::Arc,
	time::Duration,
};

use clap::Parser;
use common::get;
use livepeer_primitives::{video::SourceLimits, UNIT};
use livepeer_worker::{
	gateway::{Gateway, Times},
	secrets,
	source::SourceArgs,
};
use livepeer_worker_core::{
	fakes::{rendition, FakeChain, MemoryStore, PLENTY},
	key::{Key, Keyring},
	ports::{clock::SystemClock, engine::MediaEngine, events::NoEvents, transport::Transport},
	roles::{
		broadcast::{Broadcaster, Origin, StreamSpec},
		follow::Follower,
		transcode::{TranscodeConfig, TranscodeRole},
	},
	rules::ts::describe,
};
use livepeer_worker_media::{Engine, SegmentOptions};
use network::{make_blocks, net, pool};
use sp_runtime::Perbill;
use tokio::{
	net::TcpListener,
	sync::{mpsc, watch},
	time::{sleep, timeout},
};

const KEY: &str = "a-stream-key";
const LONG: Duration = Duration::from_secs(120);

/// The options of a source, as from the command line.
#[derive(Parser)]
struct Asked {
	#[command(flatten)]
	source: SourceArgs,
}

/// A publisher; killed when it is dropped.
struct Publisher(Child);

impl Drop for Publisher {
	fn drop(&mut self) {
		let _ = self.0.kill();
		let _ = self.0.wait();
	}
}

/// Twelve seconds in two sizes, with sound.
fn publish(program: &std::ffi::OsStr, port: u16) -> Publisher {
	let film = "-re -f lavfi -i testsrc2=s=640x360:r=25:d=12 -re -f lavfi -i sine=r=48000:d=12 -filter_complex \
		[0:v]split[a][b];[b]scale=320:180[c] -map [a] -map [c] -map 1 -pix_fmt yuv420p -c:v libx264 \
		-preset ultrafast -sc_threshold 0 -g 50 -c:a aac -f flv";
	let child = Command::new(program)
		.args(["-nostdin", "-loglevel", "error"])
		.args(film.split_whitespace())
		.arg(format!("rtmp://127.0.0.1:{port}/live/{KEY}"))
		.stdin(Stdio::null())
		.spawn()
		.unwrap();
	Publisher(child)
}

/// By an ffmpeg of version 8 or later, where PUBLISHER names one.
#[tokio::test(flavor = "multi_thread")]
async fn rendition_that_the_publisher_sends_should_be_played_beside_the_one_that_is_bought() {
	let Some(program) = std::env::var_os("PUBLISHER") else { return };
	let dir = tempfile::tempdir().unwrap();
	let clock = || Arc::new(SystemClock::default());
	let chain = FakeChain::default();
	make_blocks(&chain);

	// The transcoder.
	let engine = Engine::start(pool()).await.unwrap();
	chain.accept_toolchain(engine.toolchain());
	let key = Key::from_uri("//Transcoder").unwrap();
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
	let role = Arc::new(TranscodeRole::new(
		Keyring::own(key.clone()),
		Arc::new(chain.client(Some(key))),
		Arc::new(MemoryStore::default()),
		Arc::new(engine),
		Arc::new(NoEvents),
		clock(),
		config,
	));
	let served = net(&dir.path().join("transcoder"), Some(role.clone())).await;
	role.register(&served.service_record()).await.unwrap();
	let (_stop, stopped) = watch::channel(false);
	let (running, until) = (role, stopped.clone());
	tokio::spawn(async move { running.run(until).await });

	// The source: free a moment ago, which is as sure as it gets.
	let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
	secrets::write(&dir.path().join("stream-key"), KEY).unwrap();
	let address = format!("127.0.0.1:{port}");
	let asked = ["test", "--rtmp", &address, "--own-rungs", "--idle", "3"];
	let asked = Asked::try_parse_from(asked).unwrap().source;
	let publishing = async {
		sleep(Duration::from_millis(500)).await;
		publish(&program, port)
	};
	let pool = pool();
	let begun = asked.begin(&pool, SegmentOptions::default(), dir.path());
	let (source, _publisher) =
		timeout(LONG, async { tokio::join!(begun, publishing) }).await.unwrap();
	let mut source = source.unwrap();
	let first = source.first.take().unwrap();
	let sizes: Vec<_> =
		first.own.iter().map(|own| (own.track, describe(&own.bytes).unwrap().size)).collect();
	assert_eq!(sizes, [(1, (320, 180))]);

	// The broadcaster.
	let key = Key::from_uri("//Broadcaster").unwrap();
	let account = key.account();
	let store = MemoryStore::default();
	let origin = Arc::new(Origin::new(Arc::new(store.clone())));
	let role = Broadcaster::new(
		Keyring::own(key.clone()),
		Arc::new(chain.client(Some(key))),
		Arc::new(store),
		net(&dir.path().join("broadcaster"), Some(origin)).await,
		Arc::new(Engine::unattested(pool.clone())),
		Arc::new(NoEvents),
		clock(),
	);
	let spec = StreamSpec {
		name: "live".into(),
		ladder: vec![rendition(160, 90, 100)].try_into().unwrap(),
		limits: SourceLimits { longest: 540_000, ..SourceLimits::new(640, 360, 25) },
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
	let (sender, segments) = mpsc::channel(4);
	tokio::spawn(async move {
		let mut next = Some(Ok(first));
		while let Some(segment) = next {
			if sender.send(segment).await.is_err() {
				return;
			}
			next = source.rest.next().await;
		}
	});
	let summary = timeout(LONG, role.run(&open, segments, stopped)).await.unwrap().unwrap();
	assert!(summary.complete && summary.skipped == 0 && summary.returned >= 5, "{summary:?}");

	// The viewer.
	let kept = MemoryStore::default();
	let follower = Follower::new(
		Arc::new(chain.client(None)),
		Arc::new(kept.clone()),
		net(&dir.path().join("gateway"), None).await,
		Arc::new(NoEvents),
		clock(),
		100,
	);
	let gateway = Gateway::new(Arc::new(follower), Arc::new(kept), Some(account), Times::default());
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move { axum::serve(listener, gateway.router()).await.unwrap() });
	get(address, "/stream/live/index.m3u8").await;
	let mut playlist = String::new();
	for _ in 0..100 {
		playlist = get(address, "/stream/live/2.m3u8").await.text();
		if playlist.contains("ENDLIST") {
			break;
		}
		sleep(Duration::from_millis(100)).await;
	}
	assert!(playlist.matches("#EXTINF:").count() >= 5 && !playlist.contains("GAP"), "{playlist}");
	let master = get(address, "/stream/live/index.m3u8").await.text();
	assert!(
		master.contains("RESOLUTION=160x90") && master.contains("RESOLUTION=320x180"),
		"{master}"
	);
	// All of a segment begin together, and say what they are.
	let [bought, own] = ["0/1.ts", "2/1.ts"].map(|file| format!("/stream/live/{file}"));
	let (bought, own) = (get(address, &bought).await.body, get(address, &own).await.body);
	assert_eq!(describe(&own).unwrap().size, (320, 180));
	let begins = livepeer_worker_core::rules::playlist::first_pts;
	assert_eq!(begins(&own), begins(&bought));
}
