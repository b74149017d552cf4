//! Stories of a follower over a fake chain and network.

#![allow(clippy::unwrap_used)]

mod following;
mod keeping;
mod peers;
mod records;

use super::{
	finding::{BELIEVED_MS, CHAIN_MS},
	search::NEAR,
	taking::TRACK_MS,
	*,
};
use crate::{
	fakes::{
		job_call, output, receipt_for, rendition, segment_header, segment_record, signed_header,
		signed_receipt, simulate, BeforeTransport, FakeChain, FakeNet, FakeTransport, MemoryStore,
		Nothing, Recorder, GENESIS,
	},
	key::{Key, Signing},
	ports::{
		before::{BeforeChain, BeforeService},
		chain::{Call, Wait},
		clock::SystemClock,
		store::{Blobs, Streams},
		transport::{header_of_track, ChunkRange, Chunks, OwnRendition, Service, MAX_RECORDS},
	},
	roles::broadcast::Origin,
	rules::playlist::{tests::packet, Entry},
};
use livepeer_primitives::{
	extension::Extensions,
	keys::Purpose,
	receipt::{Output, Outputs, TranscodeResult},
	segment::{SegmentHeader, StreamHead, SOURCE_TRACK},
	Hash, Track,
};
use sp_core::H256;
use sp_runtime::BoundedVec;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
		let call = job_call(&story.broadcaster, "demo", 100);
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
		let mut header = segment_header(&self.broadcaster, &self.transcoder, seq, b"source");
		change(&mut header);
		self.origin.put(&bytes).unwrap();
		let outputs = Outputs::truncate_from(vec![Some(output(&bytes))]);
		self.sign(header, outputs)
	}

	fn sign(&self, header: SegmentHeader, outputs: Outputs) -> SegmentRecord {
		let result = TranscodeResult::Transcoded(outputs);
		let receipt = receipt_for(&header, Hash::zero(), result);
		let signed = signed_header(&self.broadcaster, header);
		segment_record(signed, signed_receipt(&self.transcoder, receipt))
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
