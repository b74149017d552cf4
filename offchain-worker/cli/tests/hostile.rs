//! A peer that means harm to judges: what it serves has the hashes that were signed, and comes over libp2p
//! to a verifier whose FFmpeg is in its sandbox.
#![allow(clippy::unwrap_used)]

mod common;

use std::{io::ErrorKind, net::TcpListener, path::Path, sync::Arc};

use common::film;
use livepeer_primitives::{
	extension::Extensions,
	leaf::Leaf,
	offchain::{VerifyLeaf, VerifyStatus, VerifyTask},
	receipt::Outputs,
	verdict::{NonConformingKind, Verdict},
	video::SourceLimits,
	work::WorkFactors,
	AccountId, Hash,
};
use livepeer_worker_core::{
	fakes::{output, rendition, segment_info, MemoryStore, GENESIS},
	ports::{
		clock::SystemClock,
		engine::{Format, MediaEngine},
		events::NoEvents,
		store::Blobs,
		transport::{Service, Transport as _},
	},
	roles::{broadcast::Origin, verify::VerifyRole},
};
use livepeer_worker_media::{Engine, MediaPool, PoolConfig};
use livepeer_worker_net::{Net, NetConfig, NetLimits};

/// Bytes of a packet of a transport stream, and where its payload has begun.
const PACKET: usize = 188;
const PAYLOAD: usize = 20;

async fn net(dir: &Path, service: Option<Arc<dyn Service>>) -> Arc<Net> {
	std::fs::create_dir_all(dir).unwrap();
	let config = NetConfig {
		genesis: GENESIS,
		identity: dir.join("identity"),
		listen: service.iter().map(|_| "/ip4/127.0.0.1/tcp/0".parse().unwrap()).collect(),
		announce: Vec::new(),
		announce_local: true,
		dial_private: true,
		url: String::new(),
		limits: NetLimits::default(),
	};
	Arc::new(Net::start(config, service).await.unwrap())
}

/// What has a player or FFmpeg fetch something else, from this port or from the disk.
fn reaching_out(port: u16) -> [String; 5] {
	let url = format!("http://127.0.0.1:{port}/a.ts");
	[
		format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n"),
		format!("ffconcat version 1.0\nfile {url}\nfile /etc/hostname\n"),
		format!("v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 33\n"),
		format!("<?xml version=\"1.0\"?><MPD><BaseURL>{url}</BaseURL></MPD>"),
		format!("RTSPtextrtsp://127.0.0.1:{port}/a"),
	]
}

/// The same transport stream with a text in the payload of its middle packet.
fn smuggled(stream: &[u8], text: &str) -> Vec<u8> {
	let mut bytes = stream.to_vec();
	let middle = bytes.len() / PACKET / 2 * PACKET;
	let text = &text.as_bytes()[..text.len().min(PACKET - PAYLOAD)];
	bytes[middle + PAYLOAD..][..text.len()].copy_from_slice(text);
	bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_bytes_that_reach_out_of_the_sandbox() {
	let dir = tempfile::tempdir().unwrap();
	let listener = TcpListener::bind("127.0.0.1:0").unwrap();
	listener.set_nonblocking(true).unwrap();
	let program = Some(env!("CARGO_BIN_EXE_livepeer-worker").into());
	let engine = Engine::unattested(MediaPool::new(PoolConfig { program, ..Default::default() }));
	let path = dir.path().join("source.ts");
	film(&path, 2);
	let source = std::fs::read(&path).unwrap();
	let format = Format {
		ladder: vec![rendition(160, 90, 80)].try_into().unwrap(),
		limits: SourceLimits::new(320, 180, 25),
		variants: true,
	};
	let factors = WorkFactors::canonical(1_000, 250, 1);
	let made = engine.transcode(&format, &source, None).await.unwrap();
	let work = made.pixels.work(&factors, &format.ladder, |_| true).unwrap();
	let right = made.outputs[0].clone();

	// What is served in the place of a source, and of what was made of it; and last what is right.
	let texts = reaching_out(listener.local_addr().unwrap().port());
	let bytes = |text: &String| text.clone().into_bytes();
	let mut served: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
	served.extend(texts.iter().map(|text| (bytes(text), right.clone())));
	served.extend(texts.iter().map(|text| (source.clone(), bytes(text))));
	served.extend(texts.iter().map(|text| (source.clone(), smuggled(&right, text))));
	served.push((source, right));
	let theirs = MemoryStore::default();
	let leaves = (0u32..).zip(&served).map(|(index, (input, made))| {
		theirs.put(input).unwrap();
		theirs.put(made).unwrap();
		let leaf = Leaf::Transcoded {
			segment: segment_info(input),
			outputs: Outputs::try_from(vec![Some(output(made))]).unwrap(),
			work,
			extensions: Extensions::default(),
		};
		VerifyLeaf { index, seq: u64::from(index), header: Hash::zero(), leaf }
	});
	let leaves: Vec<VerifyLeaf> = leaves.collect();
	let peer = net(&dir.path().join("peer"), Some(Arc::new(Origin::new(Arc::new(theirs))))).await;

	let (role, runner) = VerifyRole::new(
		GENESIS,
		Arc::new(MemoryStore::default()),
		net(&dir.path().join("judge"), None).await,
		vec![Arc::new(engine.clone())],
		Arc::new(NoEvents),
		Arc::new(SystemClock::default()),
		2,
	)
	.unwrap();
	tokio::spawn(runner.run());
	let task = VerifyTask {
		genesis: GENESIS,
		claim: 1,
		tranche: 0,
		pass: None,
		verifier: AccountId::new([7; 32]),
		job: 1,
		transcoder: AccountId::new([2; 32]),
		service: peer.service_record(),
		toolchain: engine.toolchain(),
		ladder: format.ladder,
		limits: format.limits,
		factors,
		seed: Hash::repeat_byte(9),
		leaves,
		patience_ms: 60_000,
		variants: true,
	};
	assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
	role.idle().await;
	let Ok(VerifyStatus::Done { verdicts, .. }) = role.post(task) else { panic!("not done") };

	let (first, rest) = verdicts.split_at(texts.len());
	let (second, rest) = rest.split_at(texts.len());
	let (third, last) = rest.split_at(texts.len());
	let all = |verdicts: &[Verdict], kind| {
		verdicts.iter().all(|verdict| *verdict == Verdict::NonConforming(kind))
	};
	assert!(all(first, NonConformingKind::Input), "{first:?}");
	assert!(all(second, NonConformingKind::Unreadable), "{second:?}");
	let accuses =
		|verdict: &Verdict| matches!(verdict, Verdict::Mismatch(_) | Verdict::NonConforming(_));
	assert!(third.iter().all(accuses), "{third:?}");
	assert_eq!(last, [Verdict::Valid]);
	// And nobody came.
	assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}
