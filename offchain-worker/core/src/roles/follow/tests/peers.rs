//! The sources of bytes.

use super::*;

#[tokio::test]
async fn rendition_should_come_from_the_transcoder_when_the_origin_lacks_it() {
	let story = Story::new().await;
	let record = story.record(0, |_| ());
	story.origin.put_record(&record).unwrap();
	let hash = record.outputs()[0].unwrap().hash;
	struct Lacking(Origin, H256);
	#[async_trait::async_trait]
	impl BeforeService for Lacking {
		fn behind(&self) -> &dyn Service {
			&self.0
		}

		async fn give(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
			if hash == self.1 {
				return None;
			}
			self.0.chunks(hash, range).await
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

/// Only the transcoder still has the sources, and is slow on purpose; then a source differs from its header:
/// the stream continues without them.
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

/// Serves a store, and counts the requests.
struct Asked {
	inner: Origin,
	asked: AtomicUsize,
	/// Whether it sends other bytes.
	lies: bool,
}

#[async_trait::async_trait]
impl BeforeService for Asked {
	fn behind(&self) -> &dyn Service {
		&self.inner
	}

	async fn give(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.asked.fetch_add(1, Ordering::SeqCst);
		match self.lies {
			true => Chunks::of(&[6, 6, 6], range),
			false => self.inner.chunks(hash, range).await,
		}
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
	// A fault of the origin itself is reported as its own, whatever others have.
	story.origin.put_record(&story.record(8, |_| ())).unwrap();
	Asked::serve(&story.net, "o", &story.origin, true);
	let refused = follower.poll(stream).await.unwrap_err();
	assert!(matches!(refused, FollowError::Described), "{refused}");
}
