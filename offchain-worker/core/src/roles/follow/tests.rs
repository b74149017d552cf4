#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{
		output, rendition, segment_info, simulate, BeforeTransport, FakeChain, FakeNet,
		FakeTransport, MemoryStore, Recorder, GENESIS, PLENTY,
	},
	key::{Key, Signing},
	ports::{
		before::BeforeChain,
		chain::{Call, Wait},
		clock::SystemClock,
		store::{Blobs, Streams},
		transport::{
			header_of_track, ChunkRange, Chunks, OwnRendition, PushReply, Refusal, Service,
			SignedHeader,
		},
	},
	roles::broadcast::Origin,
	rules::playlist::tests::packet,
};
use livepeer_primitives::{
	extension::Extensions,
	keys::Purpose,
	receipt::{Output, Outputs, Receipt, TranscodeResult},
	segment::{SegmentHeader, StreamHead},
	video::SourceLimits,
	Hash, UNIT,
};
use sp_core::H256;
use sp_runtime::BoundedVec;
use std::sync::atomic::{AtomicBool, AtomicUsize};

struct Story {
	chain: FakeChain,
	net: FakeNet,
	origin: MemoryStore,
	store: MemoryStore,
	broadcaster: Key,
	transcoder: Key,
}

impl Story {
	async fn new() -> Self {
		let story = Self {
			chain: FakeChain::default(),
			net: FakeNet::new(),
			origin: MemoryStore::default(),
			store: MemoryStore::default(),
			broadcaster: Key::from_uri("//Broadcaster").unwrap(),
			transcoder: Key::from_uri("//Transcoder").unwrap(),
		};
		let client = story.chain.client(Some(story.broadcaster.clone()));
		client.submit(origin_at("o"), Wait::InBlock).await.unwrap();
		let call = Call::CreateJob {
			broadcaster: story.broadcaster.account(),
			name: "demo".into(),
			ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
			limits: SourceLimits::new(128, 72, 30),
			max_price: UNIT,
			end: 100,
			budget: PLENTY,
		};
		client.submit(call, Wait::InBlock).await.unwrap();
		story.net.serve("o", Arc::new(Origin::new(Arc::new(story.origin.clone()))));
		story.set_state(false, 0);
		story
	}

	fn stream(&self) -> StreamId {
		stream_id(&self.broadcaster.account(), "demo")
	}

	fn set_state(&self, ended: bool, next: Seq) {
		let state = StreamState {
			broadcaster: self.broadcaster.account(),
			name: "demo".into(),
			job: 1,
			ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
			first: 0,
			epoch: 0,
			newest_epoch: 0,
			next,
			complete: Seq::MAX,
			ended,
			head: Some(self.head(&self.broadcaster, ended, next)),
		};
		self.origin.put_stream(self.stream(), &state).unwrap();
	}

	/// A head that `key` signs, newer than those before.
	fn head(&self, key: &Key, ended: bool, next_seq: Seq) -> SignedHead {
		static TIME: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
		let head = StreamHead {
			genesis: GENESIS,
			stream: self.stream(),
			epoch: 0,
			next_seq,
			ended,
			time: TIME.fetch_add(1, Ordering::SeqCst),
			extensions: Extensions::default(),
		};
		let signature = Signing::own(key.clone()).sign(&head.hash());
		SignedHead { head, signature }
	}

	fn record(&self, seq: Seq, change: impl FnOnce(&mut SegmentHeader)) -> SegmentRecord {
		self.record_of(seq, vec![seq as u8, 1, 2], change)
	}

	/// The record of a segment whose one rendition is `bytes`.
	fn record_of(
		&self,
		seq: Seq,
		bytes: Vec<u8>,
		change: impl FnOnce(&mut SegmentHeader),
	) -> SegmentRecord {
		let mut header = SegmentHeader {
			genesis: GENESIS,
			stream: self.stream(),
			job: 1,
			assignment: 0,
			transcoder: self.transcoder.account(),
			seq,
			segment: segment_info(b"source"),
		};
		change(&mut header);
		self.origin.put(&bytes).unwrap();
		let outputs = Outputs::truncate_from(vec![Some(output(&bytes))]);
		self.sign(header, outputs)
	}

	fn sign(&self, header: SegmentHeader, outputs: Outputs) -> SegmentRecord {
		let receipt = Receipt {
			header: header.hash(),
			toolchain: Hash::zero(),
			result: TranscodeResult::Transcoded(outputs),
			extensions: Extensions::default(),
		};
		let signature = Signing::own(self.broadcaster.clone()).sign(&header.hash());
		SegmentRecord {
			signed: SignedHeader { header, signature },
			signature: Signing::own(self.transcoder.clone()).sign(&receipt.hash()),
			receipt,
			own: Default::default(),
		}
	}

	/// The same segment with renditions of the publisher's own.
	fn with_own(&self, record: SegmentRecord, own: &[(Track, &[u8])]) -> SegmentRecord {
		let signing = Signing::own(self.broadcaster.clone());
		let own = own.iter().map(|(track, bytes)| {
			let output = output(bytes);
			let header = header_of_track(record.header(), *track, &output);
			OwnRendition { track: *track, output, signature: signing.sign(&header.hash()) }
		});
		let own = BoundedVec::truncate_from(own.collect());
		SegmentRecord { own, ..record }
	}

	fn follower(&self, keep: u64) -> Follower {
		self.follower_into(self.store.clone(), keep)
	}

	fn follower_into(&self, store: MemoryStore, keep: u64) -> Follower {
		Follower::new(
			Arc::new(self.chain.client(None)),
			Arc::new(store),
			Arc::new(self.net.end("g")),
			Arc::new(Recorder::default()),
			Arc::new(SystemClock::default()),
			keep,
		)
	}
}

fn origin_at(peer: &str) -> Call {
	Call::SetOrigin { name: "demo".into(), record: FakeNet::record(peer) }
}

/// What a follower has.
fn seqs(follower: &Follower, stream: StreamId) -> Vec<Seq> {
	follower.records(stream, 0).unwrap().iter().map(|record| record.header().seq).collect()
}

#[tokio::test]
async fn stream_should_be_found_and_followed_to_its_end() {
	let story = Story::new().await;
	for seq in 0..70 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(1_000);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(stream, story.stream());
	let first = follower.poll(stream).await.unwrap();
	assert_eq!(first, Polled { new: MAX_RECORDS as usize, ended: false });
	story.set_state(true, 70);
	assert_eq!(follower.poll(stream).await.unwrap(), first);
	assert_eq!(follower.poll(stream).await.unwrap(), Polled { new: 6, ended: true });
	assert_eq!(follower.poll(stream).await.unwrap(), Polled { new: 0, ended: true });
	let records = follower.records(stream, 0).unwrap();
	assert_eq!(records.len(), 70);
	for record in &records {
		assert!(story.store.get(record.outputs()[0].unwrap().hash).unwrap().is_some());
	}
	// The job leaves the chain's state and the origin the network: the stream stays known.
	story.chain.remove_job(1);
	story.net.remove("o");
	assert_eq!(
		story.follower(1_000).find("demo", &story.broadcaster.account()).await.unwrap(),
		stream
	);
}

#[tokio::test]
async fn stream_should_be_found_at_its_broadcaster_when_its_job_is_gone() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	story.chain.remove_job(1);
	let follower = story.follower(10);
	let broadcaster = story.broadcaster.account();
	let stream = follower.find("demo", &broadcaster).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	let other = follower.find("other", &broadcaster).await;
	assert!(matches!(other, Err(FollowError::NotFound)));
}

#[tokio::test]
async fn unknown_streams_should_not_be_found() {
	let story = Story::new().await;
	let follower = story.follower(10);
	for name in ["other", "../demo"] {
		let error = follower.find(name, &story.broadcaster.account()).await.unwrap_err();
		assert!(matches!(error, FollowError::NotFound));
	}
	let stranger = story.transcoder.account();
	assert!(follower.find("demo", &stranger).await.is_err());
	assert!(follower.find("demo", &story.broadcaster.account()).await.is_ok());
}

#[tokio::test]
async fn record_should_be_refused_when_it_is_not_the_owners() {
	for change in
		[(|h: &mut SegmentHeader| h.genesis = Hash::zero()) as fn(&mut SegmentHeader), |h| {
			h.stream = Hash::zero()
		}] {
		let story = Story::new().await;
		let mut record = story.record(0, change);
		// The origin's store files it under the stream all the same.
		let stream = record.header().stream;
		record.signed.header.stream = story.stream();
		story.origin.put_record(&record).unwrap();
		let follower = story.follower(10);
		follower.find("demo", &story.broadcaster.account()).await.unwrap();
		let error = follower.poll(story.stream()).await.unwrap_err();
		assert!(matches!(error, FollowError::Record(_)), "{error} {stream:?}");
		assert!(follower.records(story.stream(), 0).unwrap().is_empty());
	}
}

#[tokio::test]
async fn record_should_be_refused_when_its_receipt_is_forged() {
	let story = Story::new().await;
	let mut record = story.record(0, |_| ());
	record.signature = Signing::own(story.broadcaster.clone()).sign(&record.receipt.hash());
	story.origin.put_record(&record).unwrap();
	let follower = story.follower(10);
	follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let error = follower.poll(story.stream()).await.unwrap_err();
	assert!(matches!(error, FollowError::Record(RecordError::TranscoderSignature)));
}

#[tokio::test]
async fn record_should_be_refused_when_it_is_not_in_order() {
	let story = Story::new().await;
	struct Disordered(Vec<SegmentRecord>);
	story.origin.put_record(&story.record(5, |_| ())).unwrap();
	let records = [7, 6].map(|seq| story.record(seq, |_| ())).to_vec();
	#[async_trait::async_trait]
	impl Service for Disordered {
		async fn size(&self, _: H256) -> Option<u64> {
			Some(3)
		}
		async fn chunks(&self, _: H256, range: ChunkRange) -> Option<Chunks> {
			Chunks::of(&[7, 1, 2], range)
		}
		async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
			Err(Refusal::NotServed)
		}
		async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
			PushReply::Refused(Refusal::NotServed)
		}
		async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
			let ladder = vec![rendition(64, 36, 100)];
			let ladder = ladder.try_into().unwrap();
			Some(Playlist { job: 1, ladder, head: None, records: self.0.clone() })
		}
	}
	story.net.serve("o", Arc::new(Disordered(records)));
	let follower = story.follower(10);
	follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let error = follower.poll(story.stream()).await.unwrap_err();
	assert!(matches!(error, FollowError::Order));
	let seqs = seqs(&follower, story.stream());
	assert_eq!(seqs, [7], "what came before stays");
}

/// An origin that tells of these records, whatever it is asked for.
struct Repeating(Vec<SegmentRecord>);

#[async_trait::async_trait]
impl Service for Repeating {
	async fn size(&self, _: H256) -> Option<u64> {
		None
	}
	async fn chunks(&self, _: H256, _: ChunkRange) -> Option<Chunks> {
		None
	}
	async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
		Err(Refusal::NotServed)
	}
	async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
		PushReply::Refused(Refusal::NotServed)
	}
	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		let ladder = vec![rendition(64, 36, 100)].try_into().unwrap();
		Some(Playlist { job: 1, ladder, head: None, records: self.0.clone() })
	}
}

#[tokio::test]
async fn record_that_comes_again_as_another_should_be_reported_when_it_is_signed() {
	let story = Story::new().await;
	story.chain.assign(1, &story.transcoder.account());
	let first = story.record(5, |_| ());
	story.origin.put_record(&first).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);

	let other_result = story.record_of(5, vec![9], |_| ());
	let other_segment = story.record(5, |header| header.segment.in_hash = H256::zero());
	let mut forged = other_result.clone();
	forged.signature = first.signature.clone();
	for (record, kept) in [(&first, 0), (&forged, 0), (&other_result, 1), (&other_segment, 2)] {
		story.net.serve("o", Arc::new(Repeating(vec![record.clone()])));
		let error = follower.poll(stream).await.unwrap_err();
		assert!(matches!(error, FollowError::Order), "{error}");
		assert_eq!(follower.reporter.kept().unwrap().len(), kept);
	}
	assert_eq!(seqs(&follower, stream), [5], "and what came first stays");

	// Without a key it is only kept; who has one reports it after a restart.
	follower.reporter.report().await.unwrap();
	let finder = Key::from_uri("//Finder").unwrap();
	let restarted = Follower::new(
		Arc::new(story.chain.client(Some(finder))),
		Arc::new(story.store.clone()),
		Arc::new(story.net.end("g")),
		Arc::new(Recorder::default()),
		Arc::new(SystemClock::default()),
		10,
	);
	restarted.reporter.report().await.unwrap();
	let is_report = |call: &Call| matches!(call, Call::Report(_));
	assert_eq!(story.chain.calls().iter().filter(|call| is_report(call)).count(), 2);
}

#[tokio::test]
async fn follower_should_go_on_when_the_origin_keeps_only_what_lies_far_ahead() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(5, |_| ())).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1, "where it starts is free");
	story.origin.trim_records(stream, Seq::MAX).unwrap();
	story.origin.put_record(&story.record(5_000_000, |_| ())).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	assert_eq!(seqs(&follower, stream), [5_000_000]);
	let listing = follower.timeline(stream, |timeline| timeline.live(30)).unwrap();
	assert_eq!((listing.entries.len(), listing.discontinuities), (1, 1));
}

#[tokio::test]
async fn new_follower_should_begin_near_the_end_of_a_running_stream() {
	let story = Story::new().await;
	// Far along, and with seqs missing.
	for seq in (9_000..9_400).filter(|seq| seq % 10 != 0) {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(1_800);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	follower.poll(stream).await.unwrap();
	let near: Vec<Seq> = (9_400 - NEAR..9_400).filter(|seq| seq % 10 != 0).collect();
	assert_eq!(seqs(&follower, stream), near);
	story.origin.put_record(&story.record(9_400, |_| ())).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1, "and goes on from there");
}

#[tokio::test]
async fn new_follower_should_take_all_that_it_keeps_of_a_stream_that_has_ended() {
	let story = Story::new().await;
	for seq in 0..400 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	story.set_state(true, 400);
	for (keep, first) in [(1_800, 0), (300, 100)] {
		let follower = story.follower_into(MemoryStore::default(), keep);
		let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
		while !follower.poll(stream).await.unwrap().ended {}
		assert_eq!(seqs(&follower, stream), (first..400).collect::<Vec<Seq>>());
	}
}

#[tokio::test]
async fn follower_should_be_live_again_when_it_fell_far_behind() {
	let story = Story::new().await;
	let follower = story.follower(1_800);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	follower.poll(stream).await.unwrap();
	// A little behind: everything is taken.
	(1..140).for_each(|seq| story.origin.put_record(&story.record(seq, |_| ())).unwrap());
	for _ in 0..5 {
		follower.poll(stream).await.unwrap();
	}
	assert_eq!(seqs(&follower, stream), (0..140).collect::<Vec<Seq>>());
	// Far behind: what lies between is given up, and the gap is marked.
	(140..600).for_each(|seq| story.origin.put_record(&story.record(seq, |_| ())).unwrap());
	assert_eq!(follower.poll(stream).await.unwrap().new, NEAR as usize);
	let expected: Vec<Seq> = (0..140).chain(600 - NEAR..600).collect();
	assert_eq!(seqs(&follower, stream), expected);
	let listing = follower.timeline(stream, |timeline| timeline.live(30)).unwrap();
	assert_eq!(listing.discontinuities, 1);
}

#[test]
fn newest_seq_should_be_found_wherever_it_is() {
	for newest in [0, 1, 63, 64, 65, 1_000, 17_999, 1 << 40, Seq::MAX - 1] {
		for sparse in [1, 7, 1_000] {
			let mut search = Search::from(5);
			let mut asked = 0;
			while let Some(probe) = search.probe() {
				// An origin with every so many-th seq up to the newest.
				let seqs = (0..64).map_while(|i| {
					let seq = newest.checked_sub(newest.saturating_sub(probe) / sparse * sparse)?;
					let seq = seq.checked_add(i * sparse)?;
					(probe..=newest).contains(&seq).then_some(seq)
				});
				let seqs: Vec<Seq> = seqs.collect();
				search.answer(probe, seqs.last().copied(), seqs.len() == 64);
				asked += 1;
				assert!(asked < 140, "the search has an end");
			}
			assert_eq!(search.newest, (newest >= 5).then_some(newest), "every {sparse}");
		}
	}
}

#[tokio::test]
async fn records_of_another_job_should_be_skipped_and_not_asked_for_again() {
	let story = Story::new().await;
	// Job 2 has another ladder; the origin still tells of job 1.
	let old = story.record(0, |_| ());
	let two = Outputs::truncate_from(vec![old.outputs()[0]; 2]);
	let old = story.sign(old.signed.header, two);
	story.origin.put_record(&old).unwrap();
	story.origin.put_record(&story.record(1, |_| ())).unwrap();
	story.origin.put_record(&story.record(2, |header| header.job = 2)).unwrap();
	let endless = |header: &mut SegmentHeader| {
		header.job = 2;
		header.segment.duration = LONGEST_SEGMENT + 1;
	};
	story.origin.put_record(&story.record(3, endless)).unwrap();
	let mut state = story.origin.stream(story.stream()).unwrap().unwrap();
	state.job = 2;
	story.origin.put_stream(story.stream(), &state).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	assert_eq!(seqs(&follower, stream), [2]);
	assert_eq!(follower.state(stream).unwrap().unwrap().next, 4);
	assert_eq!(follower.poll(stream).await.unwrap().new, 0);
	// Nobody but the owner has a record skipped.
	let mut forged = story.record(4, |_| ());
	let hash = forged.header().hash();
	forged.signed.signature = Signing::own(story.transcoder.clone()).sign(&hash);
	story.origin.put_record(&forged).unwrap();
	let error = follower.poll(stream).await.unwrap_err();
	assert!(matches!(error, FollowError::Record(RecordError::BroadcasterSignature)));
}

#[tokio::test]
async fn kept_segments_should_go_when_the_next_job_has_another_ladder() {
	let story = Story::new().await;
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	follower.poll(stream).await.unwrap();
	let mut state = story.origin.stream(stream).unwrap().unwrap();
	// The same ladder: players go on.
	state.job = 2;
	story.origin.put_stream(stream, &state).unwrap();
	follower.poll(stream).await.unwrap();
	assert_eq!(seqs(&follower, stream), [0]);
	state.job = 3;
	state.ladder = vec![rendition(32, 18, 50)].try_into().unwrap();
	story.origin.put_stream(stream, &state).unwrap();
	follower.poll(stream).await.unwrap();
	assert_eq!(seqs(&follower, stream), [0; 0]);
	story.origin.put_record(&story.record(1, |header| header.job = 3)).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	let listing = follower.timeline(stream, |timeline| timeline.live(30)).unwrap();
	assert_eq!(listing.discontinuities, 1, "what came before was another stream");
}

/// A chain whose reads hang while it is told to, as a connection does that is being made again.
struct Hanging(Arc<dyn Chain>, AtomicBool);

impl Hanging {
	fn hang(&self, hang: bool) {
		self.1.store(hang, Ordering::SeqCst);
	}
}

#[async_trait::async_trait]
impl BeforeChain for Hanging {
	fn behind(&self) -> &dyn Chain {
		&*self.0
	}

	async fn before_read(&self) {
		if self.1.load(Ordering::SeqCst) {
			std::future::pending::<()>().await;
		}
	}
}

#[test]
fn stream_should_go_on_when_the_node_gives_no_answer() {
	simulate(|sim| async move {
		let story = Story::new().await;
		let chain = Arc::new(Hanging(Arc::new(story.chain.client(None)), Default::default()));
		let follower = Follower::new(
			chain.clone(),
			Arc::new(story.store.clone()),
			Arc::new(story.net.end("g")),
			Arc::new(Recorder::default()),
			Arc::new(sim.clock.clone()),
			100,
		);
		let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
		chain.hang(true);
		let error = sim.within(CHAIN_MS + 1, follower.poll(stream)).await.unwrap().unwrap_err();
		assert!(matches!(error, FollowError::Late), "nothing is known yet: {error}");
		chain.hang(false);
		follower.poll(stream).await.unwrap();
		chain.hang(true);
		for seq in 0..20 {
			story.origin.put_record(&story.record(seq, |_| ())).unwrap();
			sim.sleep(BELIEVED_MS / 4).await;
			let polled = sim.within(CHAIN_MS + 1, follower.poll(stream)).await.unwrap();
			assert_eq!(polled.unwrap().new, 1);
		}
		// An origin that moved is found as soon as the node is back, and not a block later.
		story.net.remove("o");
		assert!(follower.poll(stream).await.is_err());
		chain.hang(false);
		let client = story.chain.client(Some(story.broadcaster.clone()));
		client.submit(origin_at("p"), Wait::InBlock).await.unwrap();
		story.net.serve("p", Arc::new(Origin::new(Arc::new(story.origin.clone()))));
		story.origin.put_record(&story.record(20, |_| ())).unwrap();
		let _ = follower.poll(stream).await;
		assert_eq!(seqs(&follower, stream).last(), Some(&20));
	})
}

#[tokio::test]
async fn playlists_should_be_the_same_after_a_restart() {
	let story = Story::new().await;
	// Time starts anew at some of them.
	let pts = |seq: Seq| if seq < 7 { seq * 180_000 } else { 90_000_000 + seq * 180_000 };
	for seq in 0..30 {
		let record = story.record_of(seq, packet(pts(seq)).to_vec(), |_| ());
		story.origin.put_record(&record).unwrap();
	}
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	follower.poll(stream).await.unwrap();
	let before = follower.timeline(stream, Timeline::clone).unwrap();
	assert_eq!((before.len(), before.live(30).discontinuities), (10, 1));
	assert_eq!(before.whole()[0].pts, Some(pts(20)));
	assert_eq!(story.follower(10).timeline(stream, Timeline::clone).unwrap(), before);
	// A crash before the timeline was stored: the segments themselves are looked at.
	let record = story.record_of(30, packet(0).to_vec(), |_| ());
	story.store.put(&packet(0)).unwrap();
	story.store.put_record(&record).unwrap();
	let after = story.follower(10).timeline(stream, Timeline::clone).unwrap();
	let expected = Entry { seq: 30, epoch: 0, duration: 180_000, pts: Some(0), captured: 0 };
	assert_eq!(after.whole()[10], expected);
	assert_eq!(after.live(1).discontinuities, 2);
}

#[tokio::test]
async fn nothing_should_be_left_of_a_stream_that_is_forgotten() {
	let story = Story::new().await;
	for seq in 0..5 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	follower.poll(stream).await.unwrap();
	follower.forget(stream).unwrap();
	assert_eq!(story.store.blob_count(), 0);
	assert!(follower.streams().unwrap().is_empty() && follower.state(stream).unwrap().is_none());
	assert!(matches!(follower.poll(stream).await, Err(FollowError::NotFound)));
	// It is looked for like any other, and followed like a new one.
	story.chain.cut(true);
	assert!(follower.find("demo", &story.broadcaster.account()).await.is_err());
	story.chain.cut(false);
	assert_eq!(follower.find("demo", &story.broadcaster.account()).await.unwrap(), stream);
	assert_eq!(follower.poll(stream).await.unwrap().new, 5);
}

#[tokio::test]
async fn rendition_should_come_from_the_transcoder_when_the_origin_lacks_it() {
	let story = Story::new().await;
	let record = story.record(0, |_| ());
	story.origin.put_record(&record).unwrap();
	let hash = record.outputs()[0].unwrap().hash;
	struct Lacking(Origin, H256);
	#[async_trait::async_trait]
	impl Service for Lacking {
		async fn size(&self, hash: H256) -> Option<u64> {
			self.0.size(hash).await
		}
		async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
			if hash == self.1 {
				return None;
			}
			self.0.chunks(hash, range).await
		}
		async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
			self.0.admit(signed).await
		}
		async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
			self.0.push(signed, bytes).await
		}
		async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
			self.0.playlist(stream, from).await
		}
	}
	let origin = || Origin::new(Arc::new(story.origin.clone()));
	story.net.serve("o", Arc::new(Lacking(origin(), hash)));
	let follower = story.follower(10);
	follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert!(follower.poll(story.stream()).await.is_err());
	story.net.serve("t", Arc::new(origin()));
	let client = story.chain.client(Some(story.transcoder.clone()));
	let call = Call::Transcoder {
		price: 1,
		reward_cut: Default::default(),
		fee_share: Default::default(),
		service: FakeNet::record("t"),
	};
	client.submit(call, Wait::InBlock).await.unwrap();
	assert_eq!(follower.poll(story.stream()).await.unwrap().new, 1);
}

/// One account is reached in two places, as a transcoder and where its stream comes from; here it has drawn
/// its own stream, too.
#[tokio::test]
async fn stream_should_be_watchable_when_its_broadcaster_is_a_transcoder_too() {
	let story = Story::new().await;
	let call = Call::Transcoder {
		price: 1,
		reward_cut: Default::default(),
		fee_share: Default::default(),
		service: FakeNet::record("t"),
	};
	let client = story.chain.client(Some(story.broadcaster.clone()));
	client.submit(call, Wait::InBlock).await.unwrap();
	story.net.serve("t", Arc::new(Origin::new(Arc::new(MemoryStore::default()))));
	let own = story.broadcaster.account();
	story.chain.assign(1, &own);
	let mut record = story.record(0, |header| header.transcoder = own.clone());
	record.signature = Signing::own(story.broadcaster.clone()).sign(&record.receipt.hash());
	story.origin.put_record(&record).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &own).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
}

#[tokio::test]
async fn old_records_should_be_forgotten_when_more_than_the_kept_number_arrive() {
	let story = Story::new().await;
	for seq in 0..30 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	follower.poll(stream).await.unwrap();
	let records = follower.records(stream, 0).unwrap();
	assert_eq!(records.first().map(|r| r.header().seq), Some(20));
	assert_eq!(story.store.blob_count(), 10);
}

#[tokio::test]
async fn stream_should_not_end_when_its_broadcaster_did_not_say_so() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let mut state = story.origin.stream(stream).unwrap().unwrap();
	let truth = state.head.clone();
	// The origin makes it up, or somebody else signs it.
	state.ended = true;
	story.origin.put_stream(stream, &state).unwrap();
	assert!(!follower.poll(stream).await.unwrap().ended);
	state.head = Some(story.head(&story.transcoder, true, 1));
	story.origin.put_stream(stream, &state).unwrap();
	assert!(matches!(follower.poll(stream).await, Err(FollowError::Head)));
	story.set_state(true, 1);
	assert!(follower.poll(stream).await.unwrap().ended);
	// An older head that is shown again changes nothing.
	state.head = truth;
	story.origin.put_stream(stream, &state).unwrap();
	assert!(follower.poll(stream).await.unwrap().ended);
}

#[tokio::test]
async fn record_should_be_taken_when_operator_keys_signed_it() {
	let story = Story::new().await;
	let operator = Key::from_uri("//Operator").unwrap();
	let owner = story.broadcaster.account();
	story.chain.set_keys(&owner, Purpose::Segments, &[&operator]);
	let mut record = story.record(0, |_| ());
	let views = story.chain.client(None).operator_keys(&owner, Purpose::Segments).await.unwrap();
	let ring = crate::key::Keyring::new(owner, vec![operator]);
	record.signed.signature = ring.signing(&views, 1).unwrap().sign(&record.header().hash());
	story.origin.put_record(&record).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	// Of a generation that nobody announced.
	let mut record = story.record(1, |_| ());
	record.signed.signature.signer.generation = 7;
	story.origin.put_record(&record).unwrap();
	assert!(follower.poll(stream).await.is_err());
}

#[tokio::test]
async fn head_should_not_be_taken_when_it_is_dated_in_the_future() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	let dated = |ahead_ms: u64, ended: bool| {
		let mut signed = story.head(&story.broadcaster, ended, 1);
		signed.head.time = SystemClock::default().wall_ms() + ahead_ms;
		signed.signature = Signing::own(story.broadcaster.clone()).sign(&signed.head.hash());
		let mut state = story.origin.stream(stream).unwrap().unwrap();
		state.head = Some(signed.clone());
		story.origin.put_stream(stream, &state).unwrap();
		signed
	};
	dated(3_600_000, true);
	let polled = follower.poll(stream).await.unwrap();
	assert_eq!((polled.new, polled.ended), (1, false), "records are taken all the same");
	assert!(follower.state(stream).unwrap().unwrap().head.is_none());
	// One that a wrong clock had let in does not hide those of now.
	let mut state = follower.state(stream).unwrap().unwrap();
	state.head = Some(dated(3_600_000, false));
	story.store.put_stream(stream, &state).unwrap();
	let now = dated(0, true);
	assert!(follower.poll(stream).await.unwrap().ended);
	assert_eq!(follower.state(stream).unwrap().unwrap().head, Some(now));
}

#[tokio::test]
async fn nothing_should_be_kept_when_a_rendition_is_not_as_its_receipt_describes_it() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let bytes = vec![0, 1, 2];
	let header = story.record_of(0, bytes.clone(), |_| ()).signed.header;
	let wrong = Output { chunk_root: Hash::zero(), ..output(&bytes) };
	let record = story.sign(header, Outputs::truncate_from(vec![Some(wrong)]));
	story.origin.put_record(&record).unwrap();
	let refused = follower.poll(stream).await.unwrap_err();
	assert!(matches!(refused, FollowError::Described), "{refused}");
	assert_eq!(story.store.blob_count(), 0);
}

#[tokio::test]
async fn stream_should_be_kept_within_its_bytes() {
	let story = Story::new().await;
	// Each rendition has three bytes.
	let follower = story.follower(100).within(12);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	for seq in 0..10 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	follower.poll(stream).await.unwrap();
	assert_eq!(seqs(&follower, stream), [6, 7, 8, 9]);
	// Counted anew after a restart.
	let again = story.follower(100).within(6);
	story.origin.put_record(&story.record(10, |_| ())).unwrap();
	again.poll(stream).await.unwrap();
	assert_eq!(seqs(&again, stream), [9, 10]);
	assert_eq!(story.store.blob_count(), 2);
}

#[tokio::test]
async fn source_should_be_kept_beside_the_renditions_when_it_is_wanted() {
	let story = Story::new().await;
	let source = story.origin.put(b"source").unwrap();
	for seq in 0..3 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let plain = story.follower_into(MemoryStore::default(), 100);
	let stream = plain.find("demo", &story.broadcaster.account()).await.unwrap();
	plain.poll(stream).await.unwrap();
	assert_eq!(plain.kept(stream, SOURCE_TRACK).unwrap(), None);
	assert_eq!(plain.store().get(source).unwrap(), None);
	// Each segment has three bytes of renditions and six of source.
	let follower = story.follower(100).with_sources().within(18);
	follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 3);
	assert_eq!(seqs(&follower, stream), [1, 2], "sources count");
	assert_eq!(follower.kept(stream, SOURCE_TRACK).unwrap(), Some(BTreeSet::from([1, 2])));
	assert_eq!(story.store.get(source).unwrap().as_deref(), Some(&b"source"[..]));
	let again = story.follower(100).with_sources();
	assert_eq!(
		again.kept(stream, SOURCE_TRACK).unwrap(),
		Some(BTreeSet::from([1, 2])),
		"after a restart"
	);
	again.forget(stream).unwrap();
	assert_eq!(story.store.blob_count(), 0, "they go with their records");
}

#[tokio::test]
async fn own_renditions_should_be_kept_where_they_can_be_had_and_nothing_wait_for_them() {
	let story = Story::new().await;
	let own = [b"own0", b"own1", b"own2", b"own3"].map(|bytes| (1, &bytes[..]));
	for (seq, own) in own.iter().enumerate().take(3) {
		let record = story.with_own(story.record(seq as u64, |_| ()), &[*own]);
		story.origin.put_record(&record).unwrap();
	}
	story.origin.put(b"own0").unwrap();
	story.origin.put(b"own2").unwrap();
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 3);
	// The second cannot be had, so those behind it are not waited for in the same answer.
	assert_eq!(follower.kept(stream, 1).unwrap(), Some(BTreeSet::from([0])));
	assert_eq!(follower.kept(stream, 2).unwrap(), Some(BTreeSet::new()));
	story.origin.put(b"own3").unwrap();
	let record = story.with_own(story.record(3, |_| ()), &own[3..]);
	story.origin.put_record(&record).unwrap();
	follower.poll(stream).await.unwrap();
	assert_eq!(follower.kept(stream, 1).unwrap(), Some(BTreeSet::from([0, 3])));
	assert_eq!(story.store.blob_count(), 4 + 2);
	// They count, also after a restart, and go with their records.
	let again = story.follower(100).within(9);
	assert_eq!(again.kept(stream, 1).unwrap(), Some(BTreeSet::from([0, 3])));
	story.origin.put_record(&story.record(4, |_| ())).unwrap();
	again.poll(stream).await.unwrap();
	assert_eq!(seqs(&again, stream), [4], "the one before has three bytes and four");
	again.forget(stream).unwrap();
	assert_eq!(story.store.blob_count(), 0);
}

#[tokio::test]
async fn attack_own_rendition_that_the_broadcaster_did_not_sign_so() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put(b"own").unwrap();
	let right = story.with_own(story.record(0, |_| ()), &[(1, b"own"), (2, b"own")]);
	let changes: [&dyn Fn(&mut SegmentRecord); 6] = [
		&|record| record.own[0].signature = record.own[1].signature.clone(),
		&|record| record.own[0].track = 0,
		&|record| record.own[1].track = 1,
		&|record| record.own[1].track = 3,
		&|record| record.own[0].output = output(b"else"),
		&|record| record.own[0].signature = record.signature.clone(),
	];
	for (number, change) in changes.into_iter().enumerate() {
		let mut record = right.clone();
		change(&mut record);
		story.origin.put_record(&record).unwrap();
		let refused = follower.poll(stream).await;
		assert!(matches!(refused, Err(FollowError::Record(RecordError::Own))), "{number}");
	}
	// More than an answer has room for.
	let outputs = Outputs::truncate_from(vec![None; 7]);
	let crowded = story.sign(right.header().clone(), outputs);
	let crowded = story.with_own(crowded, &[(1, b"own"), (2, b"own")]);
	story.origin.put_record(&crowded).unwrap();
	let refused = follower.poll(stream).await;
	assert!(matches!(refused, Err(FollowError::Record(RecordError::Own))));
	story.origin.put_record(&right).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
}

#[tokio::test]
async fn two_own_renditions_in_one_place_should_be_a_contradiction() {
	let story = Story::new().await;
	let of =
		|track: Track, bytes: &[u8]| story.with_own(story.record(5, |_| ()), &[(track, bytes)]);
	let (one, other) = (of(1, b"one"), of(1, b"other"));
	let found = Contradiction::of_records(&one, &other).unwrap();
	assert!(matches!(found, Contradiction::Segments(_)));
	assert_eq!((found.header().seq, found.header().segment.track), (5, 1));
	assert_eq!(Contradiction::of_records(&one, &of(1, b"one")), None);
	assert_eq!(Contradiction::of_records(&one, &of(2, b"other")), None, "another track");
}

/// Nobody but the transcoder has the sources still, and it is slow on purpose; then a source is not as its
/// header describes it: the stream goes on without.
#[test]
fn attack_sources_that_do_not_come() {
	simulate(|sim| async move {
		let story = Story::new().await;
		let call = Call::Transcoder {
			price: 1,
			reward_cut: Default::default(),
			fee_share: Default::default(),
			service: FakeNet::record("t"),
		};
		let transcoder = story.chain.client(Some(story.transcoder.clone()));
		transcoder.submit(call, Wait::InBlock).await.unwrap();
		let follower = Follower::new(
			Arc::new(story.chain.client(None)),
			Arc::new(story.store.clone()),
			Arc::new(Silent { inner: story.net.end("g"), peer: FakeNet::record("t") }),
			Arc::new(Recorder::default()),
			Arc::new(sim.clock.clone()),
			100,
		)
		.with_sources();
		let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
		for seq in 0..8 {
			story.origin.put_record(&story.record(seq, |_| ())).unwrap();
		}
		// The first is waited for; those behind it are not.
		let polled = sim.within(TRACK_MS + 1, follower.poll(stream)).await.unwrap().unwrap();
		assert_eq!(polled.new, 8);
		assert_eq!(follower.kept(stream, SOURCE_TRACK).unwrap(), Some(BTreeSet::new()));
		story.origin.put(b"source").unwrap();
		let shorter = |header: &mut SegmentHeader| header.segment.in_len -= 1;
		story.origin.put_record(&story.record(8, shorter)).unwrap();
		assert_eq!(follower.poll(stream).await.unwrap().new, 1);
		story.origin.put_record(&story.record(9, |_| ())).unwrap();
		assert_eq!(follower.poll(stream).await.unwrap().new, 1);
		assert_eq!(follower.kept(stream, SOURCE_TRACK).unwrap(), Some(BTreeSet::from([9])));
	})
}

/// A network on which one peer never gives bytes.
struct Silent {
	inner: FakeTransport,
	peer: ServiceRecord,
}

#[async_trait::async_trait]
impl BeforeTransport for Silent {
	fn behind(&self) -> &FakeTransport {
		&self.inner
	}

	async fn before_fetch(&self, peer: &ServiceRecord) {
		if *peer == self.peer {
			std::future::pending::<()>().await;
		}
	}
}

#[tokio::test]
async fn record_should_be_refused_when_its_transcoder_was_not_assigned() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.chain.assign(1, &story.transcoder.account());
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	// The broadcaster signs what somebody made that nobody has drawn, and that nobody judges.
	let eve = Key::from_uri("//Eve").unwrap();
	let mut record = story.record(1, |header| header.transcoder = eve.account());
	record.signature = Signing::own(eve).sign(&record.receipt.hash());
	story.origin.put_record(&record).unwrap();
	let refused = follower.poll(stream).await.unwrap_err();
	assert!(matches!(refused, FollowError::NotAssigned), "{refused}");
}

/// A network that counts how many fetches there are at a time.
struct Counted {
	inner: FakeTransport,
	now: AtomicUsize,
	most: AtomicUsize,
}

#[async_trait::async_trait]
impl BeforeTransport for Counted {
	fn behind(&self) -> &FakeTransport {
		&self.inner
	}

	async fn before_fetch(&self, _: &ServiceRecord) {
		let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
		self.most.fetch_max(now, Ordering::SeqCst);
		// For as long as others take that could be fetched beside it.
		tokio::time::sleep(std::time::Duration::from_millis(100)).await;
	}

	fn after_fetch(&self) {
		self.now.fetch_sub(1, Ordering::SeqCst);
	}
}

/// Somebody has streams followed whose renditions are as large as may be, and serves them as slowly as may
/// be: few of them are in memory at a time. What was kept before one of them failed is let go.
#[tokio::test]
async fn attack_renditions_that_fill_the_memory() {
	let story = Story::new().await;
	let net = Arc::new(Counted {
		inner: story.net.end("g"),
		now: Default::default(),
		most: Default::default(),
	});
	let follower = Follower::new(
		Arc::new(story.chain.client(None)),
		Arc::new(story.store.clone()),
		net.clone(),
		Arc::new(Recorder::default()),
		Arc::new(SystemClock::default()),
		10,
	);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let state = follower.state(stream).unwrap().unwrap();
	let record = |seq: Seq, length: usize| {
		let header = story.record(seq, |_| ()).signed.header;
		let outputs = (0..3u8).map(|rendition| {
			let bytes = vec![rendition + 10 * seq as u8; length];
			story.origin.put(&bytes).unwrap();
			Some(output(&bytes))
		});
		story.sign(header, Outputs::truncate_from(outputs.collect()))
	};
	let origin = FakeNet::record("o");
	for (seq, length, at_once) in [(1, 5 * 1024 * 1024, 1), (2, 1_000, 3)] {
		net.most.store(0, Ordering::SeqCst);
		follower.take(stream, &state, &origin, &record(seq, length), false).await.unwrap();
		assert_eq!(net.most.load(Ordering::SeqCst), at_once, "of {length} bytes each");
	}
	let kept = story.store.blob_count();
	let third = record(3, 1_000);
	story.net.withhold(third.outputs()[2].unwrap().hash, true);
	assert!(follower.take(stream, &state, &origin, &third, false).await.is_err());
	assert_eq!(story.store.blob_count(), kept);
}

/// Serves what is in a store, and counts how often it is asked.
struct Asked {
	inner: Origin,
	asked: AtomicUsize,
	/// Whether it sends other bytes.
	lies: bool,
}

#[async_trait::async_trait]
impl Service for Asked {
	async fn size(&self, hash: H256) -> Option<u64> {
		self.inner.size(hash).await
	}
	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.asked.fetch_add(1, Ordering::SeqCst);
		match self.lies {
			true => Chunks::of(&[6, 6, 6], range),
			false => self.inner.chunks(hash, range).await,
		}
	}
	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
		self.inner.admit(signed).await
	}
	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.inner.push(signed, bytes).await
	}
	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		self.inner.playlist(stream, from).await
	}
}

impl Asked {
	fn serve(net: &FakeNet, name: &str, store: &MemoryStore, lies: bool) -> Arc<Self> {
		let inner = Origin::new(Arc::new(store.clone()));
		let served = Arc::new(Self { inner, asked: AtomicUsize::new(0), lies });
		net.serve(name, served.clone());
		served
	}

	fn count(&self) -> usize {
		self.asked.load(Ordering::SeqCst)
	}
}

/// What other gateways have the origin is not asked for; what none of them has, it is.
#[tokio::test]
async fn gateways_should_spare_the_origin() {
	let story = Story::new().await;
	let origin = Asked::serve(&story.net, "o", &story.origin, false);
	for seq in 0..8 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let first = story.follower_into(MemoryStore::default(), 100);
	let stream = first.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(first.poll(stream).await.unwrap().new, 8);
	assert_eq!(origin.count(), 8);
	let hub = MemoryStore::default();
	for record in first.records(stream, 0).unwrap().iter().take(5) {
		let hash = record.outputs()[0].unwrap().hash;
		hub.put(&first.store().get(hash).unwrap().unwrap()).unwrap();
	}
	let hub = Asked::serve(&story.net, "hub", &hub, false);
	let second = story.follower(100).beside(vec![FakeNet::record("hub")]);
	second.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(second.poll(stream).await.unwrap().new, 8);
	assert_eq!((hub.count(), origin.count()), (8, 8 + 3));
}

/// Gateways that lie, or are not there: what they are asked for comes from the origin, and they are asked last
/// from then on.
#[tokio::test]
async fn attack_gateways_that_give_other_bytes() {
	let story = Story::new().await;
	for seq in 0..8 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let liar = Asked::serve(&story.net, "liar", &story.origin, true);
	let peers = vec![FakeNet::record("liar"), FakeNet::record("nobody")];
	let follower = story.follower(100).beside(peers);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 8);
	assert_eq!(liar.count(), 1);
	// What is wrong at the origin itself is said of it, whatever others have.
	story.origin.put_record(&story.record(8, |_| ())).unwrap();
	Asked::serve(&story.net, "o", &story.origin, true);
	let refused = follower.poll(stream).await.unwrap_err();
	assert!(matches!(refused, FollowError::Described), "{refused}");
}
