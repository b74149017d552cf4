//! Peers in one process.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex},
};

use async_trait::async_trait;
use livepeer_primitives::{service::ServiceRecord, Seq, StreamId};
use sp_core::H256;

use crate::{
	lock,
	ports::{
		before::BeforeService,
		transport::{
			ChunkRange, Chunks, NetError, Playlist, PushReply, Refusal, Service, SignedHeader,
			SignedPass, Transport,
		},
	},
	sha256,
};

/// The services by peer id.
type Peers = BTreeMap<Vec<u8>, Arc<dyn Service>>;

/// Peers in one process. Each has a name, which is its peer id.
#[derive(Clone, Default)]
pub struct FakeNet {
	peers: Arc<Mutex<Peers>>,
	/// Hashes whose bytes come back with one bit flipped (so that they are refused), or not at all.
	withheld: Arc<Mutex<BTreeSet<H256>>>,
	/// The passes that were shown.
	passes: Arc<Mutex<Vec<SignedPass>>>,
}

impl FakeNet {
	/// An empty network.
	pub fn new() -> Self {
		Self::default()
	}

	/// The service record of the peer with this name.
	pub fn record(name: &str) -> ServiceRecord {
		let peer_id = name.as_bytes().to_vec().try_into().unwrap_or_default();
		ServiceRecord { peer_id, ..Default::default() }
	}

	/// The record of a transcoder with this name whose account's judge has that one.
	pub fn with_judge(name: &str, judge: &str) -> ServiceRecord {
		let mut record = Self::record(name);
		let address = judge.as_bytes().to_vec().try_into().unwrap_or_default();
		let _ = record.addresses.try_push(address);
		record
	}

	/// A peer's end of the network.
	pub fn end(&self, name: &str) -> FakeTransport {
		FakeTransport { net: self.clone(), record: Self::record(name) }
	}

	/// Lets a peer answer.
	pub fn serve(&self, name: &str, service: Arc<dyn Service>) {
		lock(&self.peers).insert(name.as_bytes().to_vec(), service);
	}

	/// Takes a peer off the network.
	pub fn remove(&self, name: &str) {
		lock(&self.peers).remove(name.as_bytes());
	}

	/// The passes that were shown so far.
	pub fn passes(&self) -> Vec<SignedPass> {
		lock(&self.passes).clone()
	}

	/// Makes certain bytes unobtainable, or obtainable again.
	pub fn withhold(&self, hash: H256, withheld: bool) {
		let mut set = lock(&self.withheld);
		if withheld {
			set.insert(hash);
		} else {
			set.remove(&hash);
		}
	}
}

/// One peer's end of a [`FakeNet`].
pub struct FakeTransport {
	net: FakeNet,
	record: ServiceRecord,
}

impl FakeTransport {
	fn peer(&self, peer: &ServiceRecord) -> Result<Arc<dyn Service>, NetError> {
		lock(&self.net.peers)
			.get(peer.peer_id.as_slice())
			.cloned()
			.ok_or_else(|| NetError::Unreachable("not there".into()))
	}
}

#[async_trait]
impl Transport for FakeTransport {
	fn service_record(&self) -> ServiceRecord {
		self.record.clone()
	}

	fn judge_of(&self, record: &ServiceRecord) -> ServiceRecord {
		let Some(name) = record.addresses.first() else { return record.clone() };
		let peer_id = name.to_vec().try_into().unwrap_or_default();
		ServiceRecord { peer_id, ..Default::default() }
	}

	async fn chunks(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		range: ChunkRange,
		pass: Option<&SignedPass>,
	) -> Result<Chunks, NetError> {
		if let Some(pass) = pass {
			lock(&self.net.passes).push(pass.clone());
		}
		if lock(&self.net.withheld).contains(&hash) {
			return Err(NetError::WrongBytes);
		}
		self.peer(peer)?.chunks(hash, range).await.ok_or(NetError::NotFound)
	}

	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError> {
		Ok(self.peer(peer)?.push(signed.clone(), bytes.to_vec()).await)
	}

	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError> {
		self.peer(peer)?.playlist(stream, from).await.ok_or(NetError::NotFound)
	}

	async fn newest(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
	) -> Result<SignedHeader, NetError> {
		self.peer(peer)?.newest(stream).await.ok_or(NetError::NotFound)
	}
}

/// Wraps a peer's end of a [`FakeNet`] and sees what it fetches.
#[async_trait]
pub trait BeforeTransport: Send + Sync {
	/// The end that does all.
	fn behind(&self) -> &FakeTransport;

	/// Comes before each range that is fetched from `peer`.
	async fn before_fetch(&self, peer: &ServiceRecord);

	/// Comes after each.
	fn after_fetch(&self) {}
}

#[async_trait]
impl<T: BeforeTransport> Transport for T {
	fn service_record(&self) -> ServiceRecord {
		self.behind().service_record()
	}

	fn judge_of(&self, record: &ServiceRecord) -> ServiceRecord {
		self.behind().judge_of(record)
	}

	async fn chunks(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		range: ChunkRange,
		pass: Option<&SignedPass>,
	) -> Result<Chunks, NetError> {
		self.before_fetch(peer).await;
		let fetched = self.behind().chunks(peer, hash, range, pass).await;
		self.after_fetch();
		fetched
	}

	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError> {
		self.behind().push(peer, signed, bytes).await
	}

	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError> {
		self.behind().playlist(peer, stream, from).await
	}

	async fn newest(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
	) -> Result<SignedHeader, NetError> {
		self.behind().newest(peer, stream).await
	}
}

/// A peer that has nothing and takes nothing: the base of peers of which a test needs only one answer.
pub struct Nothing;

#[async_trait]
impl Service for Nothing {
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
		None
	}
}

/// A peer that has these bytes and nothing else.
pub struct OneBlob(pub Vec<u8>);

#[async_trait]
impl BeforeService for OneBlob {
	fn behind(&self) -> &dyn Service {
		&Nothing
	}

	async fn has(&self, hash: H256) -> Option<u64> {
		(sha256(&self.0) == hash).then_some(self.0.len() as u64)
	}

	async fn give(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		(sha256(&self.0) == hash).then(|| Chunks::of(&self.0, range)).flatten()
	}
}
