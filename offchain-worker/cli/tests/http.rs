//! The two HTTP services over fakes.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
	net::SocketAddr,
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};

use codec::{DecodeAll, Encode};
use common::{get, http, mismatch};
use livepeer_primitives::{
	extension::Extensions,
	leaf::Leaf,
	offchain::{
		ToolchainsAnswer, ToolchainsQuestion, VerifyLeaf, VerifyStatus, VerifyTask,
		TOOLCHAINS_PATH, VERIFY_PATH,
	},
	receipt::{Output, Outputs, TranscodeResult},
	segment::{stream_id, SegmentHeader, StreamHead},
	verdict::Verdict,
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, Hash, Seq, StreamId,
};
use livepeer_worker::{
	gateway::{Gateway, Retries, Times, Webhooks},
	http::HttpLimits,
	metrics::Metrics,
	verify,
};
use livepeer_worker_core::{
	fakes::{
		output, receipt_for, rendition, segment_header, segment_info, segment_record,
		signed_header, signed_receipt, BeforeStore, FakeChain, FakeEngine, FakeNet, MemoryStore,
		GENESIS, PLENTY,
	},
	key::{Key, Signing},
	ports::{
		chain::{Call, Chain, Wait},
		clock::SystemClock,
		engine::{Format, MediaEngine},
		events::NoEvents,
		store::{Blobs, StreamState, Streams},
		transport::{header_of_track, OwnRendition, SegmentRecord, SignedHead},
	},
	roles::{broadcast::Origin, follow::Follower, verify::VerifyRole},
};
use sp_core::crypto::Ss58Codec;
use sp_runtime::BoundedVec;
use tokio::net::TcpListener;

async fn serve(router: axum::Router) -> SocketAddr {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
	address
}

fn ladder() -> Ladder {
	vec![rendition(640, 360, 800), rendition(426, 240, 400)].try_into().unwrap()
}

/// Opens a job with the ladder.
fn open_job(broadcaster: &Key, name: &str) -> Call {
	Call::CreateJob {
		broadcaster: broadcaster.account(),
		name: name.into(),
		ladder: ladder(),
		limits: SourceLimits::new(1280, 720, 30),
		max_price: 1,
		end: 100,
		budget: PLENTY,
	}
}

/// What a segment's source is.
fn source(seq: Seq) -> [u8; 2] {
	[9, seq as u8]
}

/// An origin with a stream, and a gateway that has not seen it yet.
struct Stream {
	origin: MemoryStore,
	chain: FakeChain,
	net: FakeNet,
	broadcaster: Key,
	transcoder: Key,
}

impl Stream {
	async fn new() -> Self {
		let stream = Self {
			origin: MemoryStore::default(),
			chain: FakeChain::default(),
			net: FakeNet::new(),
			broadcaster: Key::from_uri("//Broadcaster").unwrap(),
			transcoder: Key::from_uri("//Transcoder").unwrap(),
		};
		let client = stream.chain.client(Some(stream.broadcaster.clone()));
		let origin = Call::SetOrigin { name: "demo".into(), record: FakeNet::record("o") };
		client.submit(origin, Wait::InBlock).await.unwrap();
		let call = open_job(&stream.broadcaster, "demo");
		client.submit(call, Wait::InBlock).await.unwrap();
		stream.net.serve("o", Arc::new(Origin::new(Arc::new(stream.origin.clone()))));
		stream.state(false);
		stream
	}

	fn id(&self) -> StreamId {
		stream_id(&self.broadcaster.account(), "demo")
	}

	fn state(&self, ended: bool) {
		static TIME: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
		let head = StreamHead {
			genesis: GENESIS,
			stream: self.id(),
			epoch: 0,
			next_seq: 0,
			ended,
			time: TIME.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
			extensions: Extensions::default(),
		};
		let signature = Signing::own(self.broadcaster.clone()).sign(&head.hash());
		let state = StreamState {
			broadcaster: self.broadcaster.account(),
			name: "demo".into(),
			job: 1,
			ladder: ladder(),
			first: 0,
			epoch: 0,
			newest_epoch: 0,
			next: 0,
			complete: Seq::MAX,
			ended,
			head: Some(SignedHead { head, signature }),
		};
		self.origin.put_stream(self.id(), &state).unwrap();
	}

	fn add(&self, seq: Seq) {
		let outputs = [0u8, 1].map(|rendition| {
			let bytes = [rendition, seq as u8];
			self.origin.put(&bytes).unwrap();
			Some(output(&bytes))
		});
		let record = self.record(self.id(), seq, Outputs::truncate_from(outputs.to_vec()));
		self.origin.put_record(&record).unwrap();
	}

	/// Adds a rendition of the publisher's own, of two bytes, to a segment that was added.
	fn add_own(&self, seq: Seq, track: u8) {
		self.add_own_of(seq, track, output(&[track, seq as u8]));
	}

	/// The same, of what is signed to be so.
	fn add_own_of(&self, seq: Seq, track: u8, output: Output) {
		let mut record = self.origin.records(self.id(), seq, 1).unwrap().remove(0);
		let header = header_of_track(record.header(), track, &output);
		let signature = Signing::own(self.broadcaster.clone()).sign(&header.hash());
		record.own = BoundedVec::truncate_from(vec![OwnRendition { track, output, signature }]);
		self.origin.put_record(&record).unwrap();
	}

	fn record(&self, stream: StreamId, seq: Seq, outputs: Outputs) -> SegmentRecord {
		let header = segment_header(&self.broadcaster, &self.transcoder, seq, &source(seq));
		let header = SegmentHeader { stream, ..header };
		let result = TranscodeResult::Transcoded(outputs);
		let receipt = receipt_for(&header, Hash::zero(), result);
		let signed = signed_header(&self.broadcaster, header);
		segment_record(signed, signed_receipt(&self.transcoder, receipt))
	}

	/// The only broadcaster of a gateway that takes a name alone.
	fn only(&self) -> Option<AccountId> {
		Some(self.broadcaster.account())
	}

	fn follower(&self, store: &MemoryStore) -> Follower {
		Follower::new(
			Arc::new(self.chain.client(None)),
			Arc::new(store.clone()),
			Arc::new(self.net.end("g")),
			Arc::new(NoEvents),
			Arc::new(SystemClock::default()),
			1_000,
		)
	}

	async fn gateway(&self, only: Option<AccountId>) -> SocketAddr {
		let gateway = self.gateway_over(&MemoryStore::default(), only, Times::default());
		serve(gateway.router()).await
	}

	fn gateway_over(
		&self,
		store: &MemoryStore,
		only: Option<AccountId>,
		times: Times,
	) -> Arc<Gateway> {
		let follower = Arc::new(self.follower(store));
		Gateway::new(follower, Arc::new(store.clone()), only, times)
	}
}

/// Asks until the answer is as wanted; a gateway polls its origin in the background.
async fn eventually(address: SocketAddr, path: &str, wanted: impl Fn(&str) -> bool) -> String {
	for _ in 0..200 {
		let text = get(address, path).await.text();
		if wanted(&text) {
			return text;
		}
		tokio::time::sleep(std::time::Duration::from_millis(50)).await;
	}
	panic!("{path} never came to be as wanted");
}

/// A store that counts how often bytes are read.
#[derive(Default)]
struct Counted {
	inner: MemoryStore,
	reads: AtomicUsize,
}

impl BeforeStore for Counted {
	fn behind(&self) -> &MemoryStore {
		&self.inner
	}

	fn before_get(&self) {
		self.reads.fetch_add(1, Ordering::SeqCst);
	}
}

/// Clients ask for a master playlist again and again: what it says of segments is read of each once, or as
/// many segments as clients would be in memory.
#[tokio::test(flavor = "multi_thread")]
async fn attack_segments_read_for_every_master_playlist() {
	let stream = Stream::new().await;
	(0..2).for_each(|seq| stream.add(seq));
	let store = Arc::new(Counted::default());
	let follower = Arc::new(stream.follower(&store.inner));
	// It is asked for news once.
	let times = Times { poll: Duration::from_secs(3_600), ..Default::default() };
	let gateway = Gateway::new(follower, store.clone(), stream.only(), times);
	let address = serve(gateway.router()).await;
	eventually(address, "/stream/demo/status", |text| text.contains(r#""segments":2"#)).await;
	for _ in 0..8 {
		assert_eq!(get(address, "/stream/demo/index.m3u8").await.status, 200);
	}
	assert_eq!(store.reads.load(Ordering::SeqCst), 2, "one of each rendition");
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_should_serve_a_stream_from_its_beginning_to_its_end() {
	let stream = Stream::new().await;
	(0..3).for_each(|seq| stream.add(seq));
	let address = stream.gateway(stream.only()).await;
	let master = get(address, "/stream/demo/index.m3u8").await;
	assert_eq!(master.status, 200);
	assert!(master.headers.contains("application/vnd.apple.mpegurl"));
	assert!(master.headers.contains("access-control-allow-origin: *"));
	assert!(master.text().contains("RESOLUTION=640x360\n/stream/demo/0.m3u8\n"));
	let live = eventually(address, "/stream/demo/1.m3u8", |t| t.contains("1/2.ts")).await;
	assert!(!live.contains("ENDLIST"));
	// Its rates are measured by now, and the other address says the same.
	let master = get(address, "/stream/demo/index.m3u8").await.text();
	assert_eq!(get(address, "/stream/demo.m3u8").await.text(), master);
	let segment = get(address, "/stream/demo/1/2.ts").await;
	assert_eq!((segment.status, segment.body), (200, vec![1, 2]));
	stream.add(3);
	stream.state(true);
	let whole = eventually(address, "/stream/demo/0.m3u8", |t| t.contains("ENDLIST")).await;
	assert_eq!(whole.matches("#EXTINF:").count(), 4);
	let status = get(address, "/stream/demo/status").await.text();
	assert!(status.contains("\"segments\":4") && status.contains("\"ended\":true"), "{status}");
	assert!(get(address, "/status").await.text().contains("\"name\":\"demo\""));
	let metrics = get(address, "/metrics").await.text();
	assert!(metrics.contains("livepeer_gateway_segments_total 4"), "{metrics}");
	assert!(metrics.contains("livepeer_gateway_webhooks_dropped_total 0"), "{metrics}");
	let records = get(address, "/stream/demo/records/2.scale").await;
	let records = <Vec<SegmentRecord>>::decode_all(&mut &records.body[..]).unwrap();
	assert_eq!(records.iter().map(|r| r.header().seq).collect::<Vec<_>>(), [2, 3]);
}

/// A player without settings of its own stays as far behind as the first playlist was that it got, which the gateway
/// used to give while it had only the oldest segments.
#[tokio::test(flavor = "multi_thread")]
async fn first_playlist_of_a_stream_should_end_with_its_newest_segment() {
	let stream = Stream::new().await;
	(0..70).for_each(|seq| stream.add(seq));
	let address = stream.gateway(stream.only()).await;
	let live = get(address, "/stream/demo/1.m3u8").await.text();
	assert!(live.ends_with("\n1/69.ts\n"), "{live}");
	// One that has ended is a recording from the first answer on.
	stream.state(true);
	let address = stream.gateway(stream.only()).await;
	let master = get(address, "/stream/demo/index.m3u8").await.text();
	assert!(master.contains("/stream/demo/recording-0.m3u8"), "{master}");
}

#[tokio::test(flavor = "multi_thread")]
async fn source_should_be_offered_behind_the_renditions_when_the_gateway_is_told_to() {
	let stream = Stream::new().await;
	(0..3).for_each(|seq| stream.add(seq));
	// That of the last one cannot be had any more.
	for seq in 0..2 {
		stream.origin.put(&source(seq)).unwrap();
	}
	let plain = stream.gateway(stream.only()).await;
	eventually(plain, "/stream/demo/1.m3u8", |t| t.contains("1/2.ts")).await;
	let master = get(plain, "/stream/demo/index.m3u8").await.text();
	assert!(master.ends_with("/stream/demo/1.m3u8\n"), "{master}");
	for path in ["2.m3u8", "2/0.ts", "1/02.ts", "1/+2.ts", "01/2.ts", "+1/2.ts", "01.m3u8"] {
		assert_eq!(get(plain, &format!("/stream/demo/{path}")).await.status, 404, "{path}");
	}
	let store = MemoryStore::default();
	let follower = Arc::new(stream.follower(&store).with_sources());
	let gateway = Gateway::new(follower, Arc::new(store.clone()), stream.only(), Times::default());
	let address = serve(gateway.router()).await;
	let live = eventually(address, "/stream/demo/2.m3u8", |t| t.contains("2/2.ts")).await;
	assert!(live.contains("2/1.ts\n#EXT-X-GAP\n#EXTINF:2.000000,\n2/2.ts\n"), "{live}");
	assert_eq!(live.matches("GAP").count(), 1);
	assert!(!get(address, "/stream/demo/1.m3u8").await.text().contains("GAP"));
	let master = get(address, "/stream/demo/index.m3u8").await.text();
	// Two bytes in two seconds.
	assert!(master.ends_with("BANDWIDTH=8,AVERAGE-BANDWIDTH=8\n/stream/demo/2.m3u8\n"), "{master}");
	let segment = get(address, "/stream/demo/2/1.ts").await;
	assert_eq!((segment.status, segment.body), (200, source(1).to_vec()));
	for path in ["2/2.ts", "3.m3u8", "3/0.ts"] {
		assert_eq!(get(address, &format!("/stream/demo/{path}")).await.status, 404, "{path}");
	}
	stream.state(true);
	eventually(address, "/stream/demo/2.m3u8", |t| t.contains("ENDLIST")).await;
	let whole = get(address, "/stream/demo/recording-2.m3u8").await.text();
	assert!(whole.contains("2/1.ts") && !whole.contains("2/2.ts"), "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_renditions_should_be_offered_by_their_tracks_and_said_to_be_such() {
	let stream = Stream::new().await;
	(0..4).for_each(|seq| stream.add(seq));
	// The first has none, and the last one's cannot be had.
	(1..4).for_each(|seq| stream.add_own(seq, 2));
	for seq in 1..3 {
		stream.origin.put(&[2, seq]).unwrap();
	}
	let address = stream.gateway(stream.only()).await;
	let live = eventually(address, "/stream/demo/4.m3u8", |t| t.contains("4/3.ts")).await;
	assert!(live.contains("#EXT-X-GAP\n#EXTINF:2.000000,\n4/0.ts\n"), "{live}");
	assert!(live.contains("4/2.ts\n#EXT-X-GAP\n#EXTINF:2.000000,\n4/3.ts\n"), "{live}");
	assert_eq!(live.matches("GAP").count(), 2);
	let master = get(address, "/stream/demo/index.m3u8").await.text();
	let (first, own) = (master.find("demo/1.m3u8"), master.find("demo/4.m3u8"));
	assert!(first.is_some() && first < own, "{master}");
	assert!(master.ends_with("BANDWIDTH=8,AVERAGE-BANDWIDTH=8\n/stream/demo/4.m3u8\n"), "{master}");
	let segment = get(address, "/stream/demo/4/2.ts").await;
	assert_eq!((segment.status, segment.body), (200, vec![2, 2]));
	for path in ["2.m3u8", "3.m3u8", "5.m3u8", "300.m3u8", "3/2.ts", "4/0.ts", "4/3.ts", "300/2.ts"]
	{
		assert_eq!(get(address, &format!("/stream/demo/{path}")).await.status, 404, "{path}");
	}
	let json = async |path: &str| -> serde_json::Value {
		serde_json::from_slice(&get(address, path).await.body).unwrap()
	};
	assert_eq!(json("/stream/demo/status").await["own"], serde_json::json!([2]));
	let playback = json("/stream/demo/playback").await;
	let own = &playback["own"][0];
	assert_eq!(own["track"], 2);
	let playlist = own["playlist"].as_str().unwrap();
	assert!(playlist.ends_with("/demo/4.m3u8"), "{playlist}");
	assert_eq!(get(address, playlist).await.status, 200);
}

/// A broadcaster signs an own rendition by the hash of large bytes that the gateway has anyway, and says that they
/// are few: however many ask, more would be in memory than is counted.
#[tokio::test(flavor = "multi_thread")]
async fn attack_own_rendition_of_more_bytes_than_it_says() {
	let stream = Stream::new().await;
	stream.add(0);
	stream.add_own_of(0, 2, Output { len: 1, ..output(&[0, 0]) });
	let address = stream.gateway(stream.only()).await;
	eventually(address, "/stream/demo/0.m3u8", |t| t.contains("0/0.ts")).await;
	assert_eq!(get(address, "/stream/demo/0/0.ts").await.body, [0, 0]);
	for path in ["4.m3u8", "4/0.ts"] {
		assert_eq!(get(address, &format!("/stream/demo/{path}")).await.status, 404, "{path}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn playlist_should_keep_its_window_when_the_stream_ends_and_the_whole_be_a_recording() {
	let stream = Stream::new().await;
	(0..40).for_each(|seq| stream.add(seq));
	let address = stream.gateway(stream.only()).await;
	let master = get(address, "/stream/demo/index.m3u8").await.text();
	assert!(master.contains("/stream/demo/1.m3u8\n") && !master.contains("recording"));
	let live = eventually(address, "/stream/demo/1.m3u8", |t| t.contains("1/39.ts")).await;
	assert_eq!(live.matches("#EXTINF:").count(), 30);
	for path in ["recording.m3u8", "recording-0.m3u8"] {
		assert_eq!(get(address, &format!("/stream/demo/{path}")).await.status, 404);
	}
	stream.state(true);
	let ended = eventually(address, "/stream/demo/1.m3u8", |t| t.contains("ENDLIST")).await;
	assert_eq!(ended, live + "#EXT-X-ENDLIST\n", "nothing else changes for whoever watches");
	for path in ["recording.m3u8", "index.m3u8"] {
		let master = get(address, &format!("/stream/demo/{path}")).await.text();
		assert!(master.contains("/stream/demo/recording-1.m3u8\n"), "{master}");
	}
	let whole = get(address, "/stream/demo/recording-1.m3u8").await;
	assert!(whole.headers.contains("application/vnd.apple.mpegurl"));
	let whole = whole.text();
	assert_eq!(whole.matches("#EXTINF:").count(), 40);
	assert!(whole.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && whole.ends_with("#EXT-X-ENDLIST\n"));
	assert_eq!(get(address, "/stream/demo/recording-2.m3u8").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn playlist_should_be_the_same_after_the_gateway_was_restarted() {
	let stream = Stream::new().await;
	// A seq is missing: a discontinuity, which leaves the window later.
	(0..50).filter(|seq| *seq != 5).for_each(|seq| stream.add(seq));
	let store = MemoryStore::default();
	// The first one asks its origin once: what comes later comes to the second.
	let once = Times { poll: Duration::from_secs(3_600), ..Default::default() };
	let first = serve(stream.gateway_over(&store, stream.only(), once).router()).await;
	let before = eventually(first, "/stream/demo/0.m3u8", |t| t.contains("0/49.ts")).await;
	assert!(before.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{before}");
	let second = stream.gateway_over(&store, stream.only(), Times::default());
	second.clone().resume().await;
	let second = serve(second.router()).await;
	assert_eq!(get(second, "/stream/demo/0.m3u8").await.text(), before);
	// It is followed without having been asked for.
	stream.add(50);
	let metrics = |text: &str| text.contains("livepeer_gateway_segments_total 1\n");
	eventually(second, "/metrics", metrics).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_name_should_not_be_looked_for_with_every_request() {
	let stream = Stream::new().await;
	let times = Times { missed: Duration::from_secs(4), ..Default::default() };
	let gateway = stream.gateway_over(&MemoryStore::default(), stream.only(), times);
	let address = serve(gateway.router()).await;
	assert_eq!(get(address, "/stream/other/index.m3u8").await.status, 404);
	// From now on the chain is away.
	stream.chain.cut(true);
	assert_eq!(get(address, "/stream/third/index.m3u8").await.status, 502);
	assert_eq!(get(address, "/stream/other/0.m3u8").await.status, 404);
	let asked = |text: &str| text.contains("node not reachable");
	eventually(address, "/stream/other/0.m3u8", asked).await;
	assert_eq!(get(address, "/stream/..x/0.m3u8").await.status, 404, "no name at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_should_be_forgotten_when_nobody_asks_for_it() {
	let stream = Stream::new().await;
	(0..3).for_each(|seq| stream.add(seq));
	let times = Times {
		poll: Duration::from_millis(50),
		unasked: Duration::from_secs(2),
		..Default::default()
	};
	let store = MemoryStore::default();
	let address = serve(stream.gateway_over(&store, stream.only(), times).router()).await;
	for _ in 0..2 {
		eventually(address, "/stream/demo/0.m3u8", |t| t.contains("0/2.ts")).await;
		assert!(get(address, "/status").await.text().contains("\"name\":\"demo\""));
		// The list of streams asks for none of them.
		eventually(address, "/status", |t| !t.contains("demo")).await;
		assert_eq!(store.blob_count(), 0);
	}
}

/// An attacker streams under somebody else's name, with an account whose stream comes first in the chain's
/// order.
#[tokio::test(flavor = "multi_thread")]
async fn attack_name_of_a_stream_taken_by_another_broadcaster() {
	let stream = Stream::new().await;
	(0..3).for_each(|seq| stream.add(seq));
	let id = |key: &Key| stream_id(&key.account(), "demo");
	let eve = (0..)
		.map(|n| Key::from_uri(&format!("//Eve{n}")).unwrap())
		.find(|eve| id(eve) < stream.id())
		.unwrap();
	let client = stream.chain.client(Some(eve.clone()));
	let origin = Call::SetOrigin { name: "demo".into(), record: FakeNet::record("e") };
	client.submit(origin, Wait::InBlock).await.unwrap();
	let call = open_job(&eve, "demo");
	client.submit(call, Wait::InBlock).await.unwrap();
	let address = stream.gateway(None).await;
	// A name alone names nobody's.
	for path in ["/stream/demo", "/stream/demo/index.m3u8", "/stream/demo/0.m3u8"] {
		let answer = get(address, path).await;
		assert_eq!(answer.status, 404);
		assert!(answer.text().contains("/stream/BROADCASTER/NAME"), "{path}");
	}
	let whole = format!("/stream/{}/demo", stream.broadcaster.account().to_ss58check());
	assert_eq!(get(address, &whole).await.status, 200);
	for master in ["/index.m3u8", ".m3u8", "/index.m3u8?x=1"] {
		let master = get(address, &format!("{whole}{master}")).await.text();
		assert!(master.contains(&format!("\n{whole}/1.m3u8\n")), "{master}");
	}
	eventually(address, &format!("{whole}/1.m3u8"), |t| t.contains("1/2.ts")).await;
	assert_eq!(get(address, &format!("{whole}/1/2.ts")).await.body, [1, 2]);
	let status = get(address, &format!("{whole}/status")).await.text();
	assert!(status.contains(&stream.broadcaster.account().to_ss58check()));
	// As scripts write it that take the whole for the name.
	let escaped = whole.replace("/demo", "%2Fdemo");
	assert_eq!(get(address, &format!("{escaped}/1/2.ts")).await.body, [1, 2]);
	// Another broadcaster's is another stream, and where one is served only no other is.
	let hers =
		whole.replace(&stream.broadcaster.account().to_ss58check(), &eve.account().to_ss58check());
	assert_eq!(get(address, &format!("{hers}/1/2.ts")).await.status, 404);
	let only = stream.gateway(stream.only()).await;
	assert_eq!(get(only, &format!("{hers}/index.m3u8")).await.status, 404);
	assert_eq!(get(only, &format!("{whole}/index.m3u8")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_should_say_404_when_there_is_nothing() {
	let stream = Stream::new().await;
	stream.add(0);
	let address = stream.gateway(stream.only()).await;
	eventually(address, "/stream/demo/0.m3u8", |t| t.contains("0/0.ts")).await;
	for path in [
		"/stream/other/index.m3u8",
		"/stream/demo/2.m3u8",
		"/stream/demo/x.m3u8",
		"/stream/demo/0/9.ts",
		"/stream/demo/9/0.ts",
		"/stream/demo/0/0.mp4",
		"/stream/..%2fdemo",
		"/assets/other.js",
		"/assets/..%2findex.html",
		"/stream/demo/records/x.scale",
		"/nothing",
	] {
		assert_eq!(get(address, path).await.status, 404, "{path}");
	}
	let other = stream.gateway(Some(stream.transcoder.account())).await;
	assert_eq!(get(other, "/stream/demo/index.m3u8").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_should_load_nothing_from_elsewhere() {
	let stream = Stream::new().await;
	let address = stream.gateway(stream.only()).await;
	let page = get(address, "/stream/demo").await;
	if page.status == 501 {
		// Built by cargo alone.
		assert!(page.text().contains("make pages"));
		return;
	}
	assert_eq!(page.status, 200);
	assert!(page.headers.contains("content-security-policy: default-src 'none'"));
	assert!(page.headers.contains("script-src 'self'; style-src 'self'"));
	let text = page.text();
	assert!(!text.contains("http://") && !text.contains("https://"));
	// Nothing is written into the document that the policy would have to let pass.
	assert!(!text.contains("<style") && !text.contains("<script>"));
	let assets: Vec<_> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
	assert!(!assets.is_empty(), "{text}");
	for path in assets {
		let asset = get(address, path).await;
		assert_eq!(asset.status, 200, "{path}");
		assert!(asset.headers.contains("immutable") && asset.headers.contains("nosniff"));
	}
	for path in ["/", "/network", "/stake", "/account/5F", "/claim/7", "/job/7"] {
		assert_eq!(get(address, path).await.text(), text, "{path}");
	}
	let player = get(address, "/livepeer-player.js").await;
	assert!(player.headers.contains("access-control-allow-origin: *"));
	assert!(player.headers.contains("text/javascript"));
	assert_eq!(get(address, "/healthz").await.text(), "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_should_not_serve_a_segment_that_another_account_signed() {
	let stream = Stream::new().await;
	let forged = Stream { broadcaster: Key::from_uri("//Eve").unwrap(), ..stream };
	// Eve's records under the broadcaster's stream.
	let honest = Key::from_uri("//Broadcaster").unwrap();
	forged.add(0);
	let record = forged.origin.records(forged.id(), 0, 1).unwrap().remove(0);
	let outputs = Outputs::truncate_from(record.outputs().to_vec());
	let record = forged.record(stream_id(&honest.account(), "demo"), 0, outputs);
	forged.origin.put_record(&record).unwrap();
	let address = forged.gateway(Some(honest.account())).await;
	get(address, "/stream/demo/index.m3u8").await;
	let metrics = "/metrics";
	let failed = |text: &str| !text.contains("livepeer_gateway_origin_failures_total 0");
	eventually(address, metrics, failed).await;
	assert_eq!(get(address, "/stream/demo/0/0.ts").await.status, 404);
}

struct Verifier {
	address: SocketAddr,
	task: VerifyTask,
	metrics: Arc<Metrics>,
}

const TOKEN: &str = "secret";

async fn verifier() -> Verifier {
	let net = FakeNet::new();
	let theirs = MemoryStore::default();
	net.serve("t", Arc::new(Origin::new(Arc::new(theirs.clone()))));
	let engine = FakeEngine::default();
	let limits = SourceLimits::new(1280, 720, 30);
	let format = Format { ladder: ladder(), limits, variants: true, stated: None };
	let factors = WorkFactors::canonical(1_000, 250, 1);
	let input = [1, 2, 3, 4];
	let made = engine.transcode(&format, &input, None).await.unwrap();
	let mut outputs = Outputs::default();
	for bytes in &made.outputs {
		theirs.put(bytes).unwrap();
		outputs.try_push(Some(output(bytes))).unwrap();
	}
	theirs.put(&input).unwrap();
	let leaf = Leaf::Transcoded {
		segment: segment_info(&input),
		outputs,
		work: made.pixels.work(&factors, &format.ladder, |_| true).unwrap(),
		extensions: Extensions::default(),
	};
	let task = VerifyTask {
		genesis: GENESIS,
		claim: 1,
		tranche: 0,
		pass: None,
		verifier: AccountId::new([1; 32]),
		job: 1,
		transcoder: AccountId::new([2; 32]),
		service: FakeNet::record("t"),
		toolchain: engine.toolchain,
		ladder: format.ladder,
		limits,
		factors,
		seed: Hash::repeat_byte(9),
		leaves: vec![VerifyLeaf { index: 0, seq: 0, header: Hash::zero(), leaf }],
		patience_ms: 10_000,
		variants: true,
	};
	let (role, runner) = VerifyRole::new(
		GENESIS,
		Arc::new(MemoryStore::default()),
		Arc::new(net.end("v")),
		vec![Arc::new(engine)],
		Arc::new(NoEvents),
		Arc::new(SystemClock::default()),
		1,
	)
	.unwrap();
	tokio::spawn(runner.run());
	let metrics = Arc::new(Metrics::default());
	let router = verify::router(Arc::new(role), TOKEN.into(), metrics.clone());
	Verifier { address: serve(router).await, task, metrics }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_service_should_work_on_a_task_until_it_is_done() {
	let Verifier { address, task, .. } = verifier().await;
	let bearer = format!("Bearer {TOKEN}");
	let headers = [("Authorization", bearer.as_str())];
	for _ in 0..200 {
		let answer = http(address, "POST", VERIFY_PATH, &headers, &task.encode()).await;
		assert_eq!(answer.status, 200);
		match VerifyStatus::decode_all(&mut &answer.body[..]).unwrap() {
			VerifyStatus::Working => {}
			VerifyStatus::Done { verdicts, .. } => {
				assert_eq!(verdicts.into_inner(), [Verdict::Valid]);
				return;
			}
			other => panic!("{other:?}"),
		}
		tokio::time::sleep(std::time::Duration::from_millis(20)).await;
	}
	panic!("the task was never done");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_service_should_say_to_its_node_which_toolchains_it_makes() {
	let Verifier { address, task, .. } = verifier().await;
	let body = ToolchainsQuestion { anew: None }.encode();
	assert_eq!(http(address, "POST", TOOLCHAINS_PATH, &[], &body).await.status, 401);
	let headers = [("Authorization", "Bearer secret")];
	assert_eq!(http(address, "POST", TOOLCHAINS_PATH, &headers, b"garbage").await.status, 400);
	let answer = http(address, "POST", TOOLCHAINS_PATH, &headers, &body).await;
	let toolchains = vec![task.toolchain];
	let made = ToolchainsAnswer::Made { toolchains };
	assert_eq!(ToolchainsAnswer::decode_all(&mut &answer.body[..]).unwrap(), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_service_should_refuse_strangers_and_garbage() {
	let Verifier { address, task, metrics } = verifier().await;
	let body = task.encode();
	assert_eq!(http(address, "POST", VERIFY_PATH, &[], &body).await.status, 401);
	for wrong in ["Bearer wrong!", "Bearer secre", "Bearer secrets", "secret", ""] {
		let headers = [("Authorization", wrong)];
		let answer = http(address, "POST", VERIFY_PATH, &headers, &body).await;
		assert_eq!(answer.status, 401, "{wrong}");
	}
	let headers = [("Authorization", "Bearer secret")];
	let rest = [body.as_slice(), &[0]].concat();
	for garbage in [&b"garbage"[..], &[], &rest] {
		let answer = http(address, "POST", VERIFY_PATH, &headers, garbage).await;
		assert_eq!(answer.status, 400);
	}
	let large = vec![0; 300 * 1024];
	assert_eq!(http(address, "POST", VERIFY_PATH, &headers, &large).await.status, 413);
	assert_eq!(http(address, "GET", VERIFY_PATH, &headers, &[]).await.status, 405);
	let counted = metrics.encode();
	// Of the five tokens that are none three were shown as one; and whoever has it asked four times.
	for line in [
		"livepeer_verify_questions_total{kind=\"refused\"} 3\n",
		"livepeer_verify_questions_total{kind=\"answered\"} 4\n",
	] {
		assert!(counted.contains(line), "{line} is not in {counted}");
	}
}

/// Strangers on the validator's machine announce tasks that never come: they are refused by their token, and
/// keep no connection at work that the node needs.
#[tokio::test(flavor = "multi_thread")]
async fn attack_node_kept_out_by_tasks_that_never_come() {
	use tokio::io::{AsyncReadExt, AsyncWriteExt};
	let Verifier { address, .. } = verifier().await;
	let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
	let sent = format!("POST {VERIFY_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
	client.write_all(sent.as_bytes()).await.unwrap();
	let mut answer = [0; 12];
	client.read_exact(&mut answer).await.unwrap();
	assert_eq!(&answer, b"HTTP/1.1 401");
}

/// Serves as the gateway's process does.
async fn serve_within(router: axum::Router, limits: HttpLimits) -> SocketAddr {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move {
		let (_never, stop) = tokio::sync::watch::channel(false);
		livepeer_worker::http::serve(listener, router, stop, Duration::ZERO, limits).await.unwrap();
	});
	address
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_should_answer_when_half_requests_have_every_connection() {
	use tokio::io::AsyncWriteExt;
	let stream = Stream::new().await;
	let gateway = stream.gateway_over(&MemoryStore::default(), stream.only(), Times::default());
	let limits = HttpLimits { connections: 64, connections_per_host: 32, ..Default::default() };
	let address = serve_within(gateway.router(), limits).await;
	let mut half = Vec::new();
	for _ in 0..300 {
		let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
		// It may have been closed already.
		let _ = client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await;
		half.push(client);
	}
	for _ in 0..3 {
		assert_eq!(get(address, "/healthz").await.text(), "ok\n");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn half_request_should_be_given_up_in_time() {
	use tokio::io::{AsyncReadExt, AsyncWriteExt};
	let router = axum::Router::new();
	let limits = HttpLimits { header: Duration::from_millis(200), ..Default::default() };
	let address = serve_within(router, limits).await;
	let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
	client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
	let mut rest = Vec::new();
	// Whatever is said before, the connection comes to its end.
	let _ = client.read_to_end(&mut rest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_should_answer_when_readers_never_read() {
	use axum::routing::get as route;
	use tokio::io::{AsyncReadExt, AsyncWriteExt};
	// More than any buffer between the two holds.
	let large = || async { vec![0u8; 32 * 1024 * 1024] };
	let router =
		axum::Router::new().route("/large", route(large)).route("/small", route(|| async { "ok" }));
	let limits = HttpLimits {
		connections: 16,
		connections_per_host: 8,
		stall: Duration::from_millis(300),
		..Default::default()
	};
	let address = serve_within(router, limits).await;
	let mut readers = Vec::new();
	for _ in 0..8 {
		let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
		client.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
		client.read_exact(&mut [0; 12]).await.unwrap();
		readers.push(client);
	}
	assert_eq!(get(address, "/small").await.text(), "ok");
	// Each loses its connection with what it was sent, and not all of the answer.
	for mut reader in readers {
		tokio::time::sleep(Duration::from_millis(50)).await;
		let mut bytes = Vec::new();
		let mut chunk = vec![0; 1024];
		// Far slower than anybody is served.
		while bytes.len() < 64 * 1024 {
			match reader.read(&mut chunk).await {
				Ok(0) | Err(_) => break,
				Ok(read) => bytes.extend_from_slice(&chunk[..read]),
			}
			tokio::time::sleep(Duration::from_millis(20)).await;
		}
		let _ = reader.read_to_end(&mut bytes).await;
		assert!(bytes.len() < 32 * 1024 * 1024);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_should_say_whether_it_is_ready() {
	let stream = Stream::new().await;
	let address = stream.gateway(stream.only()).await;
	assert_eq!(get(address, "/readyz").await.status, 200);
	stream.chain.cut(true);
	let answer = get(address, "/readyz").await;
	assert_eq!(answer.status, 503);
	assert!(answer.text().contains("node not reachable"));
	assert_eq!(get(address, "/healthz").await.status, 200, "it lives all the same");
	stream.chain.cut(false);
	assert_eq!(get(address, "/readyz").await.status, 200);
}

/// Requests for streams whose origins name addresses in the operator's network, or while its node is away,
/// reveal neither what is there, nor the node's address with the key in it.
#[tokio::test(flavor = "multi_thread")]
async fn attack_failures_that_tell_what_is_in_the_operators_network() {
	let stream = Stream::new().await;
	let times = Times { missed: Duration::ZERO, ..Default::default() };
	let gateway = stream.gateway_over(&MemoryStore::default(), stream.only(), times);
	let address = serve(gateway.router()).await;
	stream.chain.remove_job(1);
	stream.net.remove("o");
	let answer = get(address, "/stream/demo/index.m3u8").await;
	assert_eq!(
		(answer.status, answer.text().as_str()),
		(502, "the stream's origin gives no answer\n")
	);
	stream.chain.cut(true);
	for (path, status) in [("/readyz", 503), ("/stream/other/index.m3u8", 502)] {
		let answer = get(address, path).await;
		assert_eq!(answer.status, status, "{path}");
		assert!(answer.text().ends_with("node not reachable\n"), "{path}: {}", answer.text());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_should_be_let_ask() {
	let stream = Stream::new().await;
	let address = stream.gateway(stream.only()).await;
	for path in ["/stream/demo/index.m3u8", "/stream/demo/0/0.ts", "/status"] {
		let headers = [
			("Origin", "https://example.org"),
			("Access-Control-Request-Method", "GET"),
			("Access-Control-Request-Headers", "range"),
		];
		let answer = http(address, "OPTIONS", path, &headers, &[]).await;
		assert_eq!(answer.status, 204, "{path}");
		assert!(answer.headers.contains("access-control-allow-origin: *"));
		assert!(answer.headers.contains("access-control-allow-methods: get"));
		assert!(answer.headers.contains("range"));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_should_not_have_more_streams_followed_than_there_are_places() {
	let stream = Stream::new().await;
	stream.add(0);
	let client = stream.chain.client(Some(stream.broadcaster.clone()));
	for name in ["second", "third"] {
		let origin = Call::SetOrigin { name: name.into(), record: FakeNet::record("o") };
		client.submit(origin, Wait::InBlock).await.unwrap();
		let call = open_job(&stream.broadcaster, name);
		client.submit(call, Wait::InBlock).await.unwrap();
	}
	let gateway = |keeps_place: Duration| {
		let store = Arc::new(MemoryStore::default());
		let follower = Follower::new(
			Arc::new(stream.chain.client(None)),
			store.clone(),
			Arc::new(stream.net.end("g")),
			Arc::new(NoEvents),
			Arc::new(SystemClock::default()),
			1_000,
		);
		let times = Times { keeps_place, poll: Duration::from_millis(50), ..Default::default() };
		Gateway::of_streams(2, Arc::new(follower), store, stream.only(), times)
	};
	let address = serve(gateway(Duration::from_secs(60)).router()).await;
	assert_eq!(get(address, "/stream/demo/index.m3u8").await.status, 200);
	assert_eq!(get(address, "/stream/second/index.m3u8").await.status, 200);
	assert_eq!(get(address, "/stream/third/index.m3u8").await.status, 503);
	// Where nobody asks for one of them any more, it makes room.
	let address = serve(gateway(Duration::ZERO).router()).await;
	for name in ["demo", "second", "third"] {
		assert_eq!(get(address, &format!("/stream/{name}/index.m3u8")).await.status, 200);
	}
}

/// Names of streams that do not exist, asked for where as many are followed as may be.
#[tokio::test(flavor = "multi_thread")]
async fn attack_names_of_no_streams_that_take_the_places_of_streams() {
	let stream = Stream::new().await;
	stream.add(0);
	let store = MemoryStore::default();
	let times = Times {
		keeps_place: Duration::ZERO,
		poll: Duration::from_millis(50),
		..Default::default()
	};
	let follower = Arc::new(stream.follower(&store));
	let gateway = Gateway::of_streams(1, follower, Arc::new(store.clone()), stream.only(), times);
	let address = serve(gateway.router()).await;
	eventually(address, "/stream/demo/0.m3u8", |text| text.contains("0/0.ts")).await;
	assert_eq!(get(address, "/stream/none/index.m3u8").await.status, 404);
	// One that makes room is forgotten with the next poll of its origin: two more of them have come. The list of
	// streams asks for none of them.
	for seq in 1..3 {
		stream.add(seq);
		let polled = format!("\"segments\":{}", seq + 1);
		eventually(address, "/status", |text| text.contains(&polled)).await;
	}
	assert!(store.blob_count() > 0, "its segments are there");
}

/// The description's word on every answer, and the rule about other origins.
#[tokio::test(flavor = "multi_thread")]
async fn answers_should_be_as_the_description_says() {
	let stream = Stream::new().await;
	(0..3).for_each(|seq| stream.add(seq));
	let address = stream.gateway(None).await;
	let who = stream.broadcaster.account().to_ss58check();
	eventually(address, &format!("/stream/{who}/demo/1.m3u8"), |t| t.contains("1/2.ts")).await;
	let document = get(address, "/openapi.json").await.text();
	let document: serde_json::Value = serde_json::from_str(&document).unwrap();
	assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
	let looked = |path: &str| {
		// The media playlists have a name of their own each.
		let file = match path {
			_ if path.contains("{rendition}") => "2.ts",
			_ if path.contains("/records/") => "0.scale",
			_ => "1.m3u8",
		};
		path.replace("{broadcaster}", &who)
			.replace("{name}", "demo")
			.replace("{rendition}", "1")
			.replace("{seq}", "2")
			.replace("{version}", "1")
			.replace("{file}", file)
	};
	let mut checked = 0;
	for (path, item) in document["paths"].as_object().unwrap() {
		if path == "/chain" {
			continue;
		}
		let answer = get(address, &looked(path)).await;
		let described = &item["get"]["responses"][answer.status.to_string()];
		if path == "/livepeer-player.js" && answer.status == 404 {
			// Built without its pages.
			continue;
		}
		assert!(described.is_object(), "{path} answers {}", answer.status);
		let (kind, content) = described["content"].as_object().unwrap().iter().next().unwrap();
		let kind = kind.split(';').next().unwrap();
		assert!(
			answer.headers.contains(&format!("content-type: {kind}")),
			"{path}: {}",
			answer.headers
		);
		let is_for_operators = ["/metrics", "/healthz", "/readyz"].contains(&path.as_str());
		let is_open = answer.headers.contains("access-control-allow-origin: *");
		assert!(is_for_operators || is_open, "{path}");
		if content["schema"]["$ref"].is_string() {
			let value = serde_json::from_slice(&answer.body).unwrap();
			assert_eq!(mismatch(&document, &content["schema"], &value, path), None);
			checked += 1;
		}
	}
	assert_eq!(checked, 3, "the list of streams, one stream, how it is played");
	// Where playback leads is there.
	let playback = get(address, &looked("/stream/{broadcaster}/{name}/playback")).await;
	let playback: serde_json::Value = serde_json::from_slice(&playback.body).unwrap();
	let sources = playback["sources"].as_array().unwrap().iter().map(|source| &source["playlist"]);
	for path in [&playback["playlist"], &playback["records"]].into_iter().chain(sources) {
		assert_eq!(get(address, path.as_str().unwrap()).await.status, 200, "{path}");
	}
	// Missing things give the described message.
	let none = get(address, &format!("/stream/{who}/other/status")).await;
	let text =
		format!("/paths/~1stream~1{{broadcaster}}~1{{name}}~1status/get/responses/{}", none.status);
	assert!(document.pointer(&text).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_should_be_told_of_a_stream_from_its_beginning_to_its_end() {
	use axum::{routing::post, Json, Router};
	let (sender, mut told) = tokio::sync::mpsc::unbounded_channel::<serde_json::Value>();
	let take = move |Json(notice): Json<serde_json::Value>| {
		let sender = sender.clone();
		async move { sender.send(notice).unwrap() }
	};
	let hook = serve(Router::new().route("/hook", post(take))).await;
	let stream = Stream::new().await;
	(0..2).for_each(|seq| stream.add(seq));
	let store = MemoryStore::default();
	let urls = [format!("http://{hook}/hook").parse().unwrap()];
	let secret = "a secret of some length";
	let hooks = Webhooks::start(&urls, secret, true, Retries::default(), Default::default());
	let times = Times { poll: Duration::from_millis(50), ..Default::default() };
	let follower = Arc::new(stream.follower(&store));
	let store = Arc::new(store);
	let gateway = Gateway::telling(hooks.unwrap(), follower, store, None, times);
	let address = serve(gateway.router()).await;
	let who = stream.broadcaster.account().to_ss58check();
	let path = format!("/stream/{who}/demo/1.m3u8");
	eventually(address, &path, |t| t.contains("1/1.ts")).await;
	// One that somebody else has signed.
	let false_one = {
		let mut record = stream.record(stream.id(), 2, Outputs::default());
		record.signature = Signing::own(stream.broadcaster.clone()).sign(&record.receipt.hash());
		record
	};
	stream.origin.put_record(&false_one).unwrap();
	let document = get(address, "/openapi.json").await.text();
	let document: serde_json::Value = serde_json::from_str(&document).unwrap();
	let schema = &document["components"]["schemas"]["News"];
	let mut next = async || {
		let mut notice =
			tokio::time::timeout(Duration::from_secs(60), told.recv()).await.unwrap().unwrap();
		let fields = notice.as_object_mut().unwrap();
		assert!(fields.remove("id").is_some() && fields.remove("created").is_some());
		assert_eq!(mismatch(&document, schema, &notice, "notice"), None);
		assert_eq!(notice["data"]["stream"]["broadcaster"], who);
		(notice["type"].as_str().unwrap().to_owned(), notice["data"]["seq"].as_u64())
	};
	assert_eq!(next().await, ("stream.started".into(), None));
	assert_eq!(next().await, ("segment.checked".into(), Some(0)));
	assert_eq!(next().await, ("segment.checked".into(), Some(1)));
	assert_eq!(next().await, ("segment.refused".into(), Some(2)));
	stream.add(2);
	stream.state(true);
	assert_eq!(next().await, ("segment.checked".into(), Some(2)));
	assert_eq!(next().await, ("stream.ended".into(), None));
}
