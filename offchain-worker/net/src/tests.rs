//! Two swarms on loopback.

#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, path::Path, sync::Mutex};

use livepeer_primitives::AccountId;
use livepeer_worker_core::transport::Refusal;

use super::*;

/// Serves a map.
#[derive(Default)]
struct Shelf {
	bytes: HashMap<H256, Vec<u8>>,
	pushed: Mutex<Vec<usize>>,
}

#[async_trait]
impl Service for Shelf {
	async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
		self.bytes.get(&hash).cloned()
	}

	async fn push(&self, _: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.pushed.lock().unwrap().push(bytes.len());
		PushReply::Refused(Refusal::NotAssigned)
	}

	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		None
	}
}

async fn net(dir: &Path, listen: &[&str], genesis: u8, service: Option<Arc<Shelf>>) -> Net {
	let config = NetConfig {
		identity: dir.join("identity"),
		listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
		announce: vec![],
		url: String::new(),
		genesis: Hash::repeat_byte(genesis),
	};
	Net::start(config, service.map(|s| s as Arc<dyn Service>)).await.unwrap()
}

struct Pair {
	server: Net,
	client: Net,
	shelf: Arc<Shelf>,
	_dirs: [tempfile::TempDir; 2],
}

async fn pair(listen: &str, bytes: Vec<(H256, Vec<u8>)>, other_genesis: u8) -> Pair {
	let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
	let shelf = Arc::new(Shelf { bytes: bytes.into_iter().collect(), ..Default::default() });
	let server = net(dirs[0].path(), &[listen], 1, Some(shelf.clone())).await;
	let client = net(dirs[1].path(), &[], other_genesis, None).await;
	Pair { server, client, shelf, _dirs: dirs }
}

fn some_bytes(len: usize) -> Vec<u8> {
	(0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn bytes_should_arrive_whole_over_tcp_and_quic() {
	for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
		let bytes = some_bytes(3_000_000);
		let pair = pair(listen, vec![(sha256(&bytes), bytes.clone())], 1).await;
		let record = pair.server.service_record();
		let got = pair.client.fetch(&record, sha256(&bytes), MAX_PAYLOAD).await.unwrap();
		assert_eq!(got, bytes);
		let missing = pair.client.fetch(&record, H256::zero(), MAX_PAYLOAD).await;
		assert_eq!(missing, Err(NetError::NotFound));
	}
}

#[tokio::test]
async fn flipped_bit_should_be_refused_before_anybody_sees_it() {
	let bytes = some_bytes(100_000);
	let mut flipped = bytes.clone();
	flipped[50_000] ^= 1;
	let pair = pair("/ip4/127.0.0.1/tcp/0", vec![(sha256(&bytes), flipped)], 1).await;
	let record = pair.server.service_record();
	let got = pair.client.fetch(&record, sha256(&bytes), MAX_PAYLOAD).await;
	assert_eq!(got, Err(NetError::WrongBytes));
}

#[tokio::test]
async fn more_bytes_than_asked_should_be_refused() {
	let bytes = some_bytes(1_001);
	let pair = pair("/ip4/127.0.0.1/tcp/0", vec![(sha256(&bytes), bytes.clone())], 1).await;
	let record = pair.server.service_record();
	let got = pair.client.fetch(&record, sha256(&bytes), 1_000).await;
	assert!(matches!(got, Err(NetError::Protocol(_))), "{got:?}");
}

#[tokio::test]
async fn push_should_carry_the_segment_and_bring_the_answer_back() {
	let pair = pair("/ip4/127.0.0.1/tcp/0", vec![], 1).await;
	let bytes = some_bytes(500_000);
	let signed = SignedHeader {
		header: livepeer_primitives::segment::SegmentHeader {
			genesis: Hash::repeat_byte(1),
			stream: Hash::zero(),
			job: 1,
			assignment: 0,
			transcoder: AccountId::new([2; 32]),
			seq: 0,
			in_hash: sha256(&bytes),
			in_len: bytes.len() as u32,
			duration: 180_000,
		},
		signature: sp_core::sr25519::Signature::default().into(),
	};
	let reply = pair.client.push(&pair.server.service_record(), &signed, &bytes).await.unwrap();
	assert_eq!(reply, PushReply::Refused(Refusal::NotAssigned));
	assert_eq!(*pair.shelf.pushed.lock().unwrap(), vec![bytes.len()]);
}

#[tokio::test]
async fn peer_of_another_chain_should_not_be_spoken_to() {
	let bytes = some_bytes(10);
	let pair = pair("/ip4/127.0.0.1/tcp/0", vec![(sha256(&bytes), bytes.clone())], 2).await;
	let got = pair.client.fetch(&pair.server.service_record(), sha256(&bytes), 10).await;
	assert!(matches!(got, Err(NetError::Unreachable(_))), "{got:?}");
}

#[tokio::test]
async fn identity_should_stay_when_a_worker_restarts() {
	let dir = tempfile::tempdir().unwrap();
	let first = net(dir.path(), &[], 1, None).await.peer_id();
	assert_eq!(net(dir.path(), &[], 1, None).await.peer_id(), first);
}

#[tokio::test]
async fn many_requests_should_be_answered_at_once() {
	let bytes = some_bytes(200_000);
	let pair = pair("/ip4/127.0.0.1/tcp/0", vec![(sha256(&bytes), bytes.clone())], 1).await;
	let record = pair.server.service_record();
	let fetches = (0..40).map(|_| pair.client.fetch(&record, sha256(&bytes), MAX_PAYLOAD));
	for got in futures::future::join_all(fetches).await {
		// A burst may meet a full queue; then it is told, not left waiting.
		assert!(got.as_ref().is_ok_and(|b| *b == bytes) || got.is_err(), "{got:?}");
	}
	assert_eq!(pair.client.fetch(&record, sha256(&bytes), MAX_PAYLOAD).await.unwrap(), bytes);
}
