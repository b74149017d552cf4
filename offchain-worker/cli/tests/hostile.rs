//! A peer that attacks judges: its bytes have the signed hashes, and come over libp2p to a verify service
//! with a sandboxed FFmpeg, which its node asks over HTTP.
#![allow(clippy::unwrap_used)]

mod common;
mod network;

use std::{io::ErrorKind, net::TcpListener, process::Command, sync::Arc, time::Duration};

use codec::{DecodeAll, Encode};
use common::{film, http};
use livepeer_primitives::{
	extension::Extensions,
	leaf::Leaf,
	offchain::{VerifyLeaf, VerifyStatus, VerifyTask, VERIFY_PATH},
	receipt::Outputs,
	verdict::{NonConformingKind, Verdict},
	video::SourceLimits,
	work::WorkFactors,
	AccountId, Hash,
};
use livepeer_worker::verify;
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
use livepeer_worker_media::Engine;
use network::{net, pool};
use tempfile::TempDir;

/// Bytes of a packet of a transport stream, and where its payload has begun.
const PACKET: usize = 188;
const PAYLOAD: usize = 20;

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

/// A sandboxed judge, a good source and its right outputs.
struct Bench {
	dir: TempDir,
	engine: Engine,
	format: Format,
	factors: WorkFactors,
	source: Vec<u8>,
	right: Vec<u8>,
	work: u64,
}

impl Bench {
	async fn new() -> Self {
		let dir = tempfile::tempdir().unwrap();
		let engine = Engine::unattested(pool());
		let path = dir.path().join("source.ts");
		film(&path, 2);
		let source = std::fs::read(&path).unwrap();
		let format = Format {
			ladder: vec![rendition(160, 90, 80)].try_into().unwrap(),
			limits: SourceLimits::new(320, 180, 25),
			variants: true,
			stated: None,
		};
		let factors = WorkFactors::canonical(1_000, 250, 1);
		let mut made = engine.transcode(&format, &source, None).await.unwrap();
		let work = made.pixels.work(&factors, &format.ladder, |_| true).unwrap();
		let right = made.outputs.remove(0);
		Self { dir, engine, format, factors, source, right, work }
	}

	/// A file that ffmpeg makes with these arguments.
	fn made(&self, name: &str, arguments: &str) -> Vec<u8> {
		let path = self.dir.path().join(name);
		let made = Command::new("ffmpeg")
			.args(["-nostdin", "-v", "error", "-y"])
			.args(arguments.split_whitespace())
			.args(["-f", "mpegts"])
			.arg(&path)
			.status()
			.unwrap();
		assert!(made.success(), "{name}");
		std::fs::read(path).unwrap()
	}

	/// The service's verdicts on leaves with these sources and outputs, which a peer serves.
	async fn judged(&self, served: &[(Vec<u8>, Vec<u8>)]) -> Vec<Verdict> {
		let theirs = MemoryStore::default();
		let leaves = (0u32..).zip(served).map(|(index, (input, made))| {
			theirs.put(input).unwrap();
			theirs.put(made).unwrap();
			let leaf = Leaf::Transcoded {
				segment: segment_info(input),
				outputs: Outputs::try_from(vec![Some(output(made))]).unwrap(),
				work: self.work,
				extensions: Extensions::default(),
			};
			VerifyLeaf { index, seq: u64::from(index), header: Hash::zero(), leaf }
		});
		let leaves: Vec<VerifyLeaf> = leaves.collect();
		let origin: Arc<dyn Service> = Arc::new(Origin::new(Arc::new(theirs)));
		let peer = net(&self.dir.path().join("peer"), Some(origin)).await;
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(MemoryStore::default()),
			net(&self.dir.path().join("judge"), None).await,
			vec![Arc::new(self.engine.clone())],
			Arc::new(NoEvents),
			Arc::new(SystemClock::default()),
			2,
		)
		.unwrap();
		tokio::spawn(runner.run());
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		let router = verify::router(Arc::new(role), "secret".into(), Arc::default());
		tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
		let task = VerifyTask {
			genesis: GENESIS,
			claim: 1,
			tranche: 0,
			pass: None,
			verifier: AccountId::new([7; 32]),
			job: 1,
			transcoder: AccountId::new([2; 32]),
			service: peer.service_record(),
			toolchain: self.engine.toolchain(),
			ladder: self.format.ladder.clone(),
			limits: self.format.limits,
			factors: self.factors,
			seed: Hash::repeat_byte(9),
			leaves,
			patience_ms: 60_000,
			variants: true,
		};
		let headers = [("Authorization", "Bearer secret")];
		for _ in 0..1_200 {
			let answer = http(address, "POST", VERIFY_PATH, &headers, &task.encode()).await;
			assert_eq!(answer.status, 200);
			match VerifyStatus::decode_all(&mut &answer.body[..]).unwrap() {
				VerifyStatus::Done { verdicts, .. } => return verdicts.into_inner(),
				VerifyStatus::Working | VerifyStatus::Lacking => {
					tokio::time::sleep(Duration::from_millis(100)).await
				}
				other => panic!("{other:?}"),
			}
		}
		panic!("it never ends");
	}
}

fn are_all(verdicts: &[Verdict], kind: NonConformingKind) -> bool {
	verdicts.iter().all(|verdict| *verdict == Verdict::NonConforming(kind))
}

fn accuses(verdict: &Verdict) -> bool {
	matches!(verdict, Verdict::Mismatch(_) | Verdict::NonConforming(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_bytes_that_reach_out_of_the_sandbox() {
	let listener = TcpListener::bind("127.0.0.1:0").unwrap();
	listener.set_nonblocking(true).unwrap();
	let bench = Bench::new().await;
	let (source, right) = (&bench.source, &bench.right);
	// Bytes served instead of a source, and instead of its outputs; the right ones last.
	let texts = reaching_out(listener.local_addr().unwrap().port());
	let bytes = |text: &String| text.clone().into_bytes();
	let mut served: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
	served.extend(texts.iter().map(|text| (bytes(text), right.clone())));
	served.extend(texts.iter().map(|text| (source.clone(), bytes(text))));
	served.extend(texts.iter().map(|text| (source.clone(), smuggled(right, text))));
	served.push((source.clone(), right.clone()));
	let verdicts = bench.judged(&served).await;

	let (first, rest) = verdicts.split_at(texts.len());
	let (second, rest) = rest.split_at(texts.len());
	let (third, last) = rest.split_at(texts.len());
	assert!(are_all(first, NonConformingKind::Input), "{first:?}");
	assert!(are_all(second, NonConformingKind::Unreadable), "{second:?}");
	assert!(third.iter().all(accuses), "{third:?}");
	assert_eq!(last, [Verdict::Valid]);
	// And nobody came.
	assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Small files that become large: pictures of 8192×8192, far more pictures and seconds than a job allows,
/// tracks without pictures, and empty packets. Each is found wrong as source and as output; right leaves
/// beside them are valid; and none uses up a judge's time or memory.
#[tokio::test(flavor = "multi_thread")]
async fn attack_bombs_that_a_peer_serves_to_judges() {
	let bench = Bench::new().await;
	let h264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 1000";
	let mut padding = vec![0xff; 188 * 20_000];
	for packet in padding.chunks_mut(188) {
		packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
	}
	let bombs = [
		bench.made("large.ts", &format!("-f lavfi -i color=s=8192x8192:r=25:d=0.08 {h264}")),
		bench.made("many.ts", &format!("-f lavfi -i color=s=64x64:r=1000:d=2 {h264}")),
		bench.made("long.ts", &format!("-f lavfi -i color=s=320x180:r=1:d=600 {h264}")),
		bench.made("sound.ts", "-f lavfi -i sine=d=2 -c:a aac"),
		padding,
	];
	let mut served: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
	served.extend(bombs.iter().map(|bomb| (bomb.clone(), bench.right.clone())));
	served.extend(bombs.iter().map(|bomb| (bench.source.clone(), bomb.clone())));
	served.push((bench.source.clone(), bench.right.clone()));
	let verdicts = bench.judged(&served).await;
	let (inputs, rest) = verdicts.split_at(bombs.len());
	let (outputs, last) = rest.split_at(bombs.len());
	assert!(are_all(inputs, NonConformingKind::Input), "{inputs:?}");
	assert!(outputs.iter().all(accuses), "{outputs:?}");
	assert_eq!(last, [Verdict::Valid]);
}
