#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	broadcast::Origin,
	chain::{Call, Wait},
	clock::SystemClock,
	fakes::{FakeChain, FakeNet, MemoryStore, Recorder, GENESIS, PLENTY},
	key::Key,
	transport::Service,
};
use livepeer_primitives::{
	receipt::{signature_hash, Output, Outputs, Receipt},
	segment::SegmentHeader,
	video::{Rendition, SourceLimits},
	Hash, UNIT,
};

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
		client.submit(Call::SetOrigin(FakeNet::record("o")), Wait::InBlock).await.unwrap();
		let call = Call::CreateJob {
			name: "demo".into(),
			ladder: vec![Rendition { width: 64, height: 36, kbps: 100 }].try_into().unwrap(),
			limits: SourceLimits { width: 128, height: 72, fps: 30 },
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
			ladder: vec![Rendition { width: 64, height: 36, kbps: 100 }].try_into().unwrap(),
			first: 0,
			next,
			complete: Seq::MAX,
			ended,
		};
		self.origin.put_stream(self.stream(), &state).unwrap();
	}

	fn record(&self, seq: Seq, change: impl FnOnce(&mut SegmentHeader)) -> SegmentRecord {
		let bytes = [seq as u8, 1, 2];
		let mut header = SegmentHeader {
			genesis: GENESIS,
			stream: self.stream(),
			job: 1,
			assignment: 0,
			transcoder: self.transcoder.account(),
			seq,
			in_hash: crate::sha256(b"source"),
			in_len: 6,
			duration: 180_000,
		};
		change(&mut header);
		let broadcaster_signature = self.broadcaster.sign(header.signing_payload());
		let hash = self.origin.put(&bytes).unwrap();
		let mut outputs = Outputs::default();
		outputs.try_push(Output { hash, len: 3 }).unwrap();
		let receipt = Receipt {
			header,
			broadcaster_signature_hash: signature_hash(&broadcaster_signature),
			toolchain: Hash::zero(),
			outputs,
		};
		let transcoder_signature = self.transcoder.sign(receipt.signing_payload());
		SegmentRecord { receipt, transcoder_signature, broadcaster_signature }
	}

	fn follower(&self, keep: u64) -> Follower {
		Follower::new(
			Arc::new(self.chain.client(None)),
			Arc::new(self.store.clone()),
			Arc::new(self.net.end("g")),
			Arc::new(Recorder::default()),
			Arc::new(SystemClock::default()),
			keep,
		)
	}
}

#[tokio::test]
async fn stream_should_be_found_and_followed_to_its_end() {
	let story = Story::new().await;
	for seq in 0..70 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(1_000);
	let stream = follower.find("demo", None).await.unwrap();
	assert_eq!(stream, story.stream());
	let first = follower.poll(stream).await.unwrap();
	assert_eq!(first, Polled { new: MAX_RECORDS as usize, ended: false });
	story.set_state(true, 70);
	assert_eq!(follower.poll(stream).await.unwrap(), Polled { new: 6, ended: true });
	assert_eq!(follower.poll(stream).await.unwrap(), Polled { new: 0, ended: true });
	let records = follower.records(stream, 0).unwrap();
	assert_eq!(records.len(), 70);
	for record in &records {
		assert!(story.store.get(record.receipt.outputs[0].hash).unwrap().is_some());
	}
	// The job leaves the chain's state and the origin the network: the stream stays known.
	story.chain.remove_job(1);
	story.net.remove("o");
	assert_eq!(story.follower(1_000).find("demo", None).await.unwrap(), stream);
}

#[tokio::test]
async fn stream_should_be_found_at_its_broadcaster_when_its_job_is_gone() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	story.chain.remove_job(1);
	let follower = story.follower(10);
	// Not everybody who ever streamed is asked for a name that anybody made up.
	assert!(matches!(follower.find("demo", None).await, Err(FollowError::NotFound)));
	let broadcaster = story.broadcaster.account();
	let stream = follower.find("demo", Some(&broadcaster)).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	let other = follower.find("other", Some(&broadcaster)).await;
	assert!(matches!(other, Err(FollowError::NotFound)));
}

#[tokio::test]
async fn unknown_streams_should_not_be_found() {
	let story = Story::new().await;
	let follower = story.follower(10);
	for name in ["other", "../demo"] {
		let error = follower.find(name, None).await.unwrap_err();
		assert!(matches!(error, FollowError::NotFound));
	}
	let stranger = story.transcoder.account();
	assert!(follower.find("demo", Some(&stranger)).await.is_err());
	assert!(follower.find("demo", Some(&story.broadcaster.account())).await.is_ok());
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
		let stream = record.receipt.header.stream;
		record.receipt.header.stream = story.stream();
		story.origin.put_record(&record).unwrap();
		let follower = story.follower(10);
		follower.find("demo", None).await.unwrap();
		let error = follower.poll(story.stream()).await.unwrap_err();
		assert!(matches!(error, FollowError::Record(_)), "{error} {stream:?}");
		assert!(follower.records(story.stream(), 0).unwrap().is_empty());
	}
}

#[tokio::test]
async fn record_should_be_refused_when_its_receipt_is_forged() {
	let story = Story::new().await;
	let mut record = story.record(0, |_| ());
	record.transcoder_signature = story.broadcaster.sign(record.receipt.signing_payload());
	story.origin.put_record(&record).unwrap();
	let follower = story.follower(10);
	follower.find("demo", None).await.unwrap();
	let error = follower.poll(story.stream()).await.unwrap_err();
	assert!(matches!(error, FollowError::Record(RecordError::TranscoderSignature)));
}

#[tokio::test]
async fn record_should_be_refused_when_its_seq_jumps_too_far() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(5, |_| ())).unwrap();
	let follower = story.follower(10);
	follower.find("demo", None).await.unwrap();
	assert_eq!(follower.poll(story.stream()).await.unwrap().new, 1, "where it starts is free");
	story.origin.put_record(&story.record(7 + LARGEST_JUMP, |_| ())).unwrap();
	let error = follower.poll(story.stream()).await.unwrap_err();
	assert!(matches!(error, FollowError::Order));
}

#[tokio::test]
async fn rendition_should_come_from_the_transcoder_when_the_origin_lacks_it() {
	let story = Story::new().await;
	let record = story.record(0, |_| ());
	story.origin.put_record(&record).unwrap();
	let hash = record.receipt.outputs[0].hash;
	struct Lacking(Origin, H256);
	use crate::transport::{Playlist, PushReply, Refusal, SignedHeader};
	use sp_core::H256;
	#[async_trait::async_trait]
	impl Service for Lacking {
		async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
			if hash == self.1 {
				return None;
			}
			self.0.fetch(hash).await
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
	follower.find("demo", None).await.unwrap();
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

#[tokio::test]
async fn old_records_should_be_forgotten_when_more_than_the_kept_number_arrive() {
	let story = Story::new().await;
	for seq in 0..30 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(10);
	let stream = follower.find("demo", None).await.unwrap();
	follower.poll(stream).await.unwrap();
	let records = follower.records(stream, 0).unwrap();
	assert_eq!(records.first().map(|r| r.header().seq), Some(20));
	assert_eq!(story.store.blob_count(), 10);
}
