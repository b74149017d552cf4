//! What is kept of a stream, and how long.

use super::*;
use std::collections::BTreeSet;

#[tokio::test]
async fn kept_segments_should_go_when_the_next_job_has_another_ladder() {
	let story = Story::new().await;
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	follower.poll(stream).await.unwrap();
	let mut state = story.origin.stream(stream).unwrap().unwrap();
	// The same ladder: players continue.
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

/// A stranger has a stream followed until the store is full, and adds nothing any more: the next stream used to
/// find no room for as long as the first was kept.
#[tokio::test]
async fn attack_store_filled_by_a_stream_that_is_kept() {
	let story = Story::new().await;
	for seq in 0..8 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let broadcaster = story.broadcaster.account();
	let other = stream_id(&broadcaster, "other");
	let record = FakeNet::record("o");
	let client = story.chain.client(Some(story.broadcaster.clone()));
	client.submit(Call::SetOrigin { name: "other".into(), record }, Wait::InBlock).await.unwrap();
	let follower = story.follower(100);
	let full = follower.find("demo", &broadcaster).await.unwrap();
	assert_eq!(follower.poll(full).await.unwrap().new, 8);
	// Each segment has three bytes.
	story.store.limit(24);
	let state = story.origin.stream(full).unwrap().unwrap();
	let state = StreamState { name: "other".into(), job: 2, head: None, ..state };
	story.origin.put_stream(other, &state).unwrap();
	let record = story.record_of(0, b"new".to_vec(), |header| {
		(header.stream, header.job) = (other, 2);
	});
	story.origin.put_record(&record).unwrap();
	assert_eq!(follower.find("other", &broadcaster).await.unwrap(), other);
	let refused = follower.poll(other).await;
	assert!(matches!(refused, Err(FollowError::Store(StoreError::Quota { .. }))), "{refused:?}");
	assert_eq!(follower.poll(other).await.unwrap().new, 1);
	assert_eq!((seqs(&follower, other), seqs(&follower, full).len()), (vec![0], 6));
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

/// A broadcaster signs an own rendition by the hash of bytes that are kept anyway, and says that they are fewer.
#[tokio::test]
async fn attack_own_rendition_of_other_bytes_that_are_kept() {
	let story = Story::new().await;
	let record = story.record(0, |_| ());
	let short = Output { len: 1, ..*record.present().next().unwrap() };
	let header = header_of_track(record.header(), 1, &short);
	let signature = Signing::own(story.broadcaster.clone()).sign(&header.hash());
	let own = BoundedVec::truncate_from(vec![OwnRendition { track: 1, output: short, signature }]);
	story.origin.put_record(&SegmentRecord { own, ..record }).unwrap();
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	assert_eq!(follower.kept(stream, 1).unwrap(), Some(BTreeSet::new()));
	let again = story.follower(100);
	assert_eq!(again.kept(stream, 1).unwrap(), Some(BTreeSet::new()), "after a restart");
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

/// An attacker has streams followed with renditions as large as allowed, and serves them as slowly as
/// allowed: few are in memory at a time. Bytes stored before one of them failed are released.
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
	let mut missed = BTreeSet::new();
	for (seq, length, at_once) in [(1, 5 * 1024 * 1024, 1), (2, 1_000, 3)] {
		net.most.store(0, Ordering::SeqCst);
		follower.take(stream, &state, &origin, &record(seq, length), &mut missed).await.unwrap();
		assert_eq!(net.most.load(Ordering::SeqCst), at_once, "of {length} bytes each");
	}
	let kept = story.store.blob_count();
	let third = record(3, 1_000);
	story.net.withhold(third.outputs()[2].unwrap().hash, true);
	assert!(follower.take(stream, &state, &origin, &third, &mut missed).await.is_err());
	assert_eq!(story.store.blob_count(), kept);
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
