//! Two swarms on one machine.
#![allow(clippy::unwrap_used)]

use std::{
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt;
use livepeer_primitives::{
	chunks::chunk_root,
	extension::{Extension, Extensions},
	receipt::{Output, Outputs, TranscodeResult},
	service::ServiceRecord,
	Hash, Seq, StreamId,
};
use livepeer_worker_core::{
	fakes::{
		receipt_for, rendition, segment_header, segment_record, signed_header, signed_receipt,
	},
	fetching::Fetcher,
	key::{Key, Signing},
	ports::{
		clock::SystemClock,
		transport::{
			protocol_name, ChunkRange, Chunks, NetError, OwnRendition, Playlist, PushReply,
			Refusal, SegmentRecord, Service, SignedHeader, Transport, MAX_PAYLOAD, MAX_RECORDS,
		},
	},
	sha256,
};
use livepeer_worker_net::{record_for, Multiaddr, Net, NetConfig, NetLimits, PeerId};
use sp_core::H256;
use sp_runtime::BoundedVec;

/// Serves one blob, says `Done` to every push it admits, and can be told to lie.
struct TestService {
	bytes: Vec<u8>,
	lie: bool,
	pushed: AtomicUsize,
	delay: Duration,
}

fn header(key: &Key, bytes: &[u8], seq: Seq) -> SignedHeader {
	let mut header = segment_header(key, key, seq, bytes);
	header.stream = Hash::zero();
	header.segment.extensions = most_extensions();
	signed_header(key, header)
}

/// As many as an object may have, because the longest answers must fit a frame.
fn most_extensions() -> Extensions {
	let extension = |tag| Extension { tag, hash: H256::repeat_byte(1) };
	Extensions::new((0..livepeer_primitives::extension::MAX_EXTENSIONS as u16).map(extension))
		.unwrap()
}

fn record(seq: Seq) -> SegmentRecord {
	let key = Key::from_uri("//Alice").unwrap();
	let signed = header(&key, &[0; 8], seq);
	let output =
		|i| Output { hash: H256::repeat_byte(i), len: u32::MAX, chunk_root: H256::repeat_byte(i) };
	// As many as there may be, where half of them are the publisher's own.
	let outputs = Outputs::truncate_from((0..4).map(|i| Some(output(i))).collect());
	let own = (1..=4).map(|track| OwnRendition {
		track,
		output: output(track),
		signature: Signing::own(key.clone()).sign(&Hash::zero()),
	});
	let own = BoundedVec::truncate_from(own.collect());
	let result = TranscodeResult::Transcoded(outputs);
	let mut receipt = receipt_for(&signed.header, Hash::zero(), result);
	receipt.extensions = most_extensions();
	SegmentRecord { own, ..segment_record(signed, signed_receipt(&key, receipt)) }
}

#[async_trait]
impl Service for TestService {
	async fn size(&self, hash: H256) -> Option<u64> {
		(sha256(&self.bytes) == hash).then_some(self.bytes.len() as u64)
	}

	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		tokio::time::sleep(self.delay).await;
		if sha256(&self.bytes) != hash {
			return None;
		}
		let mut chunks = Chunks::of(&self.bytes, range)?;
		if self.lie {
			let middle = chunks.bytes.len() / 2;
			chunks.bytes[middle] ^= 1;
		}
		Some(chunks)
	}

	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
		if signed.header.seq == 404 {
			return Err(Refusal::NotAssigned);
		}
		Ok(())
	}

	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.pushed.fetch_add(1, Ordering::SeqCst);
		assert_eq!(bytes.len() as u32, signed.header.segment.in_len);
		if sha256(&bytes) != signed.header.segment.in_hash {
			return PushReply::Refused(Refusal::BadBytes);
		}
		let record = record(signed.header.seq);
		PushReply::Done { receipt: Box::new(record.receipt), signature: record.signature }
	}

	async fn newest(&self, stream: StreamId) -> Option<SignedHeader> {
		(stream == Hash::zero()).then(|| record(9).signed)
	}

	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		(stream == Hash::zero()).then(|| Playlist {
			job: 1,
			ladder: vec![rendition(64, 36, 1)].try_into().unwrap(),
			head: None,
			records: (from..from + u64::from(MAX_RECORDS)).map(record).collect(),
		})
	}
}

struct Peer {
	net: Arc<Net>,
	service: Arc<TestService>,
	_dir: tempfile::TempDir,
}

async fn peer(listen: &[&str], service: TestService, genesis: Hash, limits: NetLimits) -> Peer {
	let dir = tempfile::tempdir().unwrap();
	let service = Arc::new(service);
	let config = NetConfig {
		genesis,
		identity: dir.path().join("peer.key"),
		listen: listen.iter().map(|text| text.parse().unwrap()).collect(),
		announce: Vec::new(),
		announce_local: true,
		dial_private: true,
		url: String::new(),
		limits,
	};
	let net = Arc::new(Net::start(config, Some(service.clone())).await.unwrap());
	Peer { net, service, _dir: dir }
}

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

fn service(len: usize) -> TestService {
	TestService {
		bytes: (0..len).map(|i| (i * 7 + i / 251) as u8).collect(),
		lie: false,
		pushed: AtomicUsize::new(0),
		delay: Duration::ZERO,
	}
}

async fn pair(address: &str, serves: TestService) -> (Peer, Peer) {
	let genesis = Hash::repeat_byte(1);
	let server = peer(&[address], serves, genesis, NetLimits::default()).await;
	let client = peer(&[TCP], service(0), genesis, NetLimits::default()).await;
	(server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_should_arrive_whole_over_tcp_and_quic() {
	for address in [TCP, QUIC] {
		let (server, client) = pair(address, service(5_000_001)).await;
		let record = server.net.service_record();
		let hash = sha256(&server.service.bytes);
		let bytes = client.net.fetch(&record, hash, MAX_PAYLOAD, None).await.unwrap();
		assert_eq!(bytes, server.service.bytes);
		let unknown = client.net.fetch(&record, H256::zero(), MAX_PAYLOAD, None).await;
		assert_eq!(unknown, Err(NetError::NotFound));
		let too_long = client.net.fetch(&record, hash, 5_000_000, None).await;
		assert_eq!(too_long, Err(NetError::WrongBytes));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_should_be_refused_when_one_bit_is_flipped() {
	let (server, client) = pair(TCP, TestService { lie: true, ..service(100_000) }).await;
	let hash = sha256(&server.service.bytes);
	let fetched = client.net.fetch(&server.net.service_record(), hash, MAX_PAYLOAD, None).await;
	assert_eq!(fetched, Err(NetError::WrongBytes));
}

/// Over real connections: what one peer spoils comes from another, checked range by range.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_should_come_from_another_peer_when_one_lies() {
	let (liar, client) = pair(TCP, TestService { lie: true, ..service(3_000_000) }).await;
	let genesis = Hash::repeat_byte(1);
	let honest = peer(&[QUIC], service(3_000_000), genesis, NetLimits::default()).await;
	let bytes = &honest.service.bytes;
	let (hash, chunk_root) = (sha256(bytes), chunk_root(bytes));
	let blob = Output { hash, len: bytes.len() as u32, chunk_root };
	let fetcher = Fetcher::new(client.net.clone(), Arc::new(SystemClock::default()));
	let first = vec![liar.net.service_record(), honest.net.service_record()];
	let nobody = async { Vec::new() }.boxed();
	let fetched = fetcher.fetch(&blob, first, nobody, None).await.unwrap();
	assert!(fetched.bytes == *bytes);
	assert_eq!(fetched.from, honest.net.service_record());
}

#[tokio::test(flavor = "multi_thread")]
async fn segment_should_be_pushed_and_receipted() {
	for address in [TCP, QUIC] {
		let (server, client) = pair(address, service(0)).await;
		let record = server.net.service_record();
		let key = Key::from_uri("//Bob").unwrap();
		let bytes = vec![7; 3_000_000];
		let reply = client.net.push(&record, &header(&key, &bytes, 5), &bytes).await.unwrap();
		let PushReply::Done { receipt, signature } = reply else { panic!("{reply:?}") };
		assert_eq!(receipt.header, self::record(5).header().hash());
		assert!(signature.verifies(&receipt.hash(), None));
		let wrong = vec![8; 3_000_000];
		let reply = client.net.push(&record, &header(&key, &bytes, 5), &wrong).await.unwrap();
		assert_eq!(reply, PushReply::Refused(Refusal::BadBytes));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_should_not_be_received_when_the_header_is_not_welcome() {
	let (server, client) = pair(TCP, service(0)).await;
	let key = Key::from_uri("//Bob").unwrap();
	let bytes = vec![7; 1_000_000];
	let signed = header(&key, &bytes, 404);
	let reply = client.net.push(&server.net.service_record(), &signed, &bytes).await.unwrap();
	assert_eq!(reply, PushReply::Refused(Refusal::NotAssigned));
	assert_eq!(server.service.pushed.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_playlist_should_fit_a_frame() {
	let (server, client) = pair(TCP, service(0)).await;
	let record = server.net.service_record();
	let playlist = client.net.playlist(&record, Hash::zero(), 7).await.unwrap();
	assert_eq!(playlist.records.len() as u32, MAX_RECORDS);
	assert_eq!(playlist.records[0].header().seq, 7);
	let unknown = client.net.playlist(&record, Hash::repeat_byte(1), 0).await;
	assert_eq!(unknown, Err(NetError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_should_be_lost_when_many_come_at_once() {
	let slow = TestService { delay: Duration::from_millis(20), ..service(10_000) };
	let (server, first) = pair(TCP, slow).await;
	let second = peer(&[], service(0), Hash::repeat_byte(1), NetLimits::default()).await;
	let record = server.net.service_record();
	let hash = sha256(&server.service.bytes);
	let fetches = (0..120).map(|i| {
		let net = if i % 2 == 0 { &first.net } else { &second.net };
		net.fetch(&record, hash, MAX_PAYLOAD, None)
	});
	for fetched in futures::future::join_all(fetches).await {
		assert_eq!(fetched.map(|bytes| bytes.len()), Ok(10_000));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_should_be_told_when_it_asks_for_too_much() {
	let limits = NetLimits { requests_per_peer: 2, ..Default::default() };
	let genesis = Hash::repeat_byte(1);
	let slow = TestService { delay: Duration::from_millis(500), ..service(10) };
	let server = peer(&[TCP], slow, genesis, limits).await;
	let client = peer(&[], service(0), genesis, NetLimits::default()).await;
	let record = server.net.service_record();
	let hash = sha256(&server.service.bytes);
	let fetches = (0..6).map(|_| client.net.fetch(&record, hash, MAX_PAYLOAD, None));
	let fetched = futures::future::join_all(fetches).await;
	let busy = fetched.iter().filter(|r| **r == Err(NetError::Busy)).count();
	let done = fetched.iter().filter(|r| r.is_ok()).count();
	assert_eq!((done, busy), (2, 4));
	assert!(
		client.net.fetch(&record, hash, MAX_PAYLOAD, None).await.is_ok(),
		"places are given back"
	);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_of_another_chain_should_not_understand_each_other() {
	let server = peer(&[TCP], service(10), Hash::repeat_byte(1), NetLimits::default()).await;
	let client = peer(&[], service(0), Hash::repeat_byte(2), NetLimits::default()).await;
	let hash = sha256(&server.service.bytes);
	let fetched = client.net.fetch(&server.net.service_record(), hash, MAX_PAYLOAD, None).await;
	assert!(matches!(fetched, Err(NetError::Protocol(_))), "{fetched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_should_fail_when_the_identity_is_another() {
	let (server, client) = pair(TCP, service(10)).await;
	let other = client.net.service_record();
	let hash = sha256(&server.service.bytes);
	// The server's addresses under somebody else's peer id.
	let third = peer(&[TCP], service(0), Hash::repeat_byte(1), NetLimits::default()).await;
	let record = ServiceRecord {
		peer_id: third.net.service_record().peer_id,
		..server.net.service_record()
	};
	let fetched = client.net.fetch(&record, hash, MAX_PAYLOAD, None).await;
	assert!(matches!(fetched, Err(NetError::Unreachable(_))), "{fetched:?}");
	let own = client.net.fetch(&other, hash, MAX_PAYLOAD, None).await;
	assert!(matches!(own, Err(NetError::BadRecord(_))), "{own:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_should_succeed_again_when_the_server_comes_back() {
	let dir = tempfile::tempdir().unwrap();
	let start = |listen: Multiaddr| {
		let config = NetConfig {
			genesis: Hash::repeat_byte(1),
			identity: dir.path().join("peer.key"),
			listen: vec![listen],
			announce: Vec::new(),
			announce_local: true,
			dial_private: true,
			url: String::new(),
			limits: NetLimits::default(),
		};
		async move { Net::start(config, Some(Arc::new(service(10)))).await.unwrap() }
	};
	let client = peer(&[], service(0), Hash::repeat_byte(1), NetLimits::default()).await;
	let hash = sha256(&service(10).bytes);
	let first = start(TCP.parse().unwrap()).await;
	let record = first.service_record();
	let address = first.listening()[0].clone();
	client.net.fetch(&record, hash, 10, None).await.unwrap();
	drop(first);
	let mut down = client.net.fetch(&record, hash, 10, None).await;
	for _ in 0..50 {
		if matches!(down, Err(NetError::Unreachable(_))) {
			break;
		}
		tokio::time::sleep(Duration::from_millis(100)).await;
		down = client.net.fetch(&record, hash, 10, None).await;
	}
	assert!(matches!(down, Err(NetError::Unreachable(_))), "{down:?}");
	let _second = start(address).await;
	client.net.fetch(&record, hash, 10, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn start_should_fail_when_the_port_is_taken() {
	let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	let port = taken.local_addr().unwrap().port();
	let dir = tempfile::tempdir().unwrap();
	let config = NetConfig {
		genesis: Hash::zero(),
		identity: dir.path().join("peer.key"),
		listen: vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()],
		announce: Vec::new(),
		announce_local: true,
		dial_private: true,
		url: String::new(),
		limits: NetLimits::default(),
	};
	let error = Net::start(config, None).await.err().unwrap().to_string();
	assert!(error.contains("Address already in use"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn address_should_be_tried_for_who_asks_and_for_nobody_else() {
	let (helper, client) = pair(TCP, service(0)).await;
	let helper = helper.net.service_record();
	let own = client.net.listening()[0].clone();
	let peer = client.net.peer_id();
	assert_eq!(client.net.is_reached(&helper, &peer, &own).await, Ok(true));
	// Nobody listens there, or somebody else does.
	let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	let port = taken.local_addr().unwrap().port();
	drop(taken);
	let closed: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
	assert_eq!(client.net.is_reached(&helper, &peer, &closed).await, Ok(false));
	let other = PeerId::random();
	assert_eq!(client.net.is_reached(&helper, &other, &own).await, Ok(false));
	// Nobody is made to call on a stranger's host.
	let stranger: Multiaddr = "/ip4/192.0.2.1/tcp/4100".parse().unwrap();
	let refused = client.net.is_reached(&helper, &peer, &stranger).await;
	assert!(matches!(refused, Err(NetError::Protocol(_))), "{refused:?}");
}

/// Many are told that a peer is where nobody answers: who knows better reaches it all the same.
#[tokio::test(flavor = "multi_thread")]
async fn attack_peer_named_at_an_address_where_it_is_not() {
	let (server, client) = pair(TCP, service(10)).await;
	let record = server.net.service_record();
	let hash = sha256(&server.service.bytes);
	// Takes connections, and says nothing.
	let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let port = silent.local_addr().unwrap().port();
	let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
	let named = record_for(server.net.peer_id(), &[address], "").unwrap();
	let astray = async {
		let fetches = (0..8).map(|_| client.net.fetch(&named, hash, 10, None));
		futures::future::join_all(fetches).await;
		std::future::pending::<()>().await;
	};
	let fetching = async {
		// By now the others wait for an answer.
		let _called = silent.accept().await.unwrap();
		let fetched = client.net.fetch(&record, hash, 10, None);
		tokio::time::timeout(Duration::from_secs(5), fetched).await
	};
	let fetched = tokio::select! {
		fetched = fetching => fetched,
		() = astray => return,
	};
	assert_eq!(fetched.unwrap().unwrap(), server.service.bytes);
}

/// A peer that takes calls and says nothing is asked by many that give up: others are called all the same, and not
/// said to be out of reach, or not called, for want of room.
#[tokio::test(flavor = "multi_thread")]
async fn attack_calls_that_are_given_up_and_go_on() {
	let (server, client) = pair(TCP, service(10)).await;
	let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let port = silent.local_addr().unwrap().port();
	let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
	let named = record_for(PeerId::random(), &[address], "").unwrap();
	// More than a worker may call at a time.
	for _ in 0..80 {
		let fetch = client.net.fetch(&named, H256::zero(), 10, None);
		let given_up = tokio::time::timeout(Duration::from_millis(20), fetch).await;
		assert!(given_up.is_err(), "{given_up:?}");
	}
	let hash = sha256(&server.service.bytes);
	let fetched = client.net.fetch(&server.net.service_record(), hash, 10, None).await;
	assert_eq!(fetched.unwrap(), server.service.bytes);
}

/// A helper is asked to try an address that begins with the asking host, and leads to another.
#[tokio::test(flavor = "multi_thread")]
async fn attack_peer_made_to_call_on_another_host() {
	let (helper, client) = pair(TCP, service(0)).await;
	let helper = helper.net.service_record();
	let peer = client.net.peer_id();
	let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	inside.set_nonblocking(true).unwrap();
	let port = inside.local_addr().unwrap().port();
	let behind: Multiaddr =
		format!("/ip4/127.0.0.1/tcp/1/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
	let refused = client.net.is_reached(&helper, &peer, &behind).await;
	assert!(matches!(refused, Err(NetError::Protocol(_))), "{refused:?}");
	assert_eq!(inside.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// What transcoders and broadcasters say of where they are leads to this machine: by an address, by one in the
/// clothes of another, behind another, and by a name.
#[tokio::test(flavor = "multi_thread")]
async fn attack_record_that_leads_into_the_operators_network() {
	let dir = tempfile::tempdir().unwrap();
	let config = NetConfig {
		genesis: Hash::repeat_byte(1),
		identity: dir.path().join("peer.key"),
		listen: Vec::new(),
		announce: Vec::new(),
		announce_local: false,
		dial_private: false,
		url: String::new(),
		limits: NetLimits::default(),
	};
	let client = Net::start(config, None).await.unwrap();
	let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	inside.set_nonblocking(true).unwrap();
	let port = inside.local_addr().unwrap().port();
	for address in [
		format!("/ip4/127.0.0.1/tcp/{port}"),
		format!("/ip6/::ffff:127.0.0.1/tcp/{port}"),
		format!("/ip4/1.1.1.1/tcp/1/ip4/127.0.0.1/tcp/{port}"),
		format!("/dns4/localhost/tcp/{port}"),
	] {
		let record = record_for(PeerId::random(), &[address.parse().unwrap()], "").unwrap();
		let fetched = client.fetch(&record, H256::zero(), 10, None).await;
		let Err(NetError::Unreachable(why)) = fetched else { panic!("{address}: {fetched:?}") };
		assert!(why.contains("--dial-private"), "{address}: {why}");
	}
	assert_eq!(inside.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// A stranger with the limits that libp2p itself has, connected with a server.
async fn stranger(server: &Net) -> libp2p_stream::Control {
	use futures::StreamExt;
	use libp2p::{noise, swarm::SwarmEvent, tcp, yamux, SwarmBuilder};
	let mut swarm = SwarmBuilder::with_new_identity()
		.with_tokio()
		.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
		.unwrap()
		.with_quic()
		.with_behaviour(|_| libp2p_stream::Behaviour::new())
		.unwrap()
		.build();
	let control = swarm.behaviour().new_control();
	swarm.dial(server.listening()[0].clone()).unwrap();
	while !matches!(swarm.select_next_some().await, SwarmEvent::ConnectionEstablished { .. }) {}
	tokio::spawn(async move {
		loop {
			swarm.select_next_some().await;
		}
	});
	control
}

/// Streams that are opened to fill each one's window with bytes that nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn attack_streams_whose_bytes_nobody_reads() {
	use futures::AsyncReadExt;
	const PATIENCE: Duration = Duration::from_secs(2);
	let (genesis, limits) = (Hash::repeat_byte(1), NetLimits::default());
	let protocol = libp2p::StreamProtocol::try_from_owned(protocol_name(&genesis)).unwrap();
	for address in [TCP, QUIC] {
		let server = peer(&[address], service(10), genesis, limits).await;
		let mut control = stranger(&server.net).await;
		let mut opened = Vec::new();
		// No more than there are places for.
		for _ in 0..limits.requests_per_peer {
			let open = async {
				let stream = control.open_stream(server.net.peer_id(), protocol.clone()).await;
				let mut stream = stream.ok()?;
				stream.read_exact(&mut [0]).await.ok()?;
				Some(stream)
			};
			let Ok(Some(stream)) = tokio::time::timeout(PATIENCE, open).await else { break };
			opened.push(stream);
		}
		let (count, most) = (opened.len(), limits.streams as usize);
		assert!((most - 4..=most).contains(&count), "{address}: {count} streams");
	}
}
