#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{output, simulate, FakeNet, MemoryStore, Nothing, Sim},
	ports::{
		before::BeforeService,
		store::Blobs,
		transport::{Chunks, Service, MAX_CHUNKS},
	},
	roles::broadcast::Origin,
};
use futures::FutureExt;
use livepeer_primitives::chunks::{chunk_count, CHUNK};
use proptest::prelude::*;
use sp_core::H256;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A peer's behaviour for the range that begins at a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Does {
	Honest,
	/// Says that it has it, and sends nothing.
	Hangs,
	/// Sends it after so many milliseconds.
	Takes(u64),
	/// Does not have it.
	Lacks,
	/// Sends it with another byte.
	Flips,
	/// Sends another range of the same bytes.
	Shifts,
	/// Leaves the last byte out.
	Cuts,
	/// Says that there are more bytes.
	Grows,
	/// Proves more than it was asked for.
	Pads,
}

/// Has a blob and does something with each range of it.
struct Peer {
	bytes: Vec<u8>,
	does: Box<dyn Fn(u32) -> Does + Send + Sync>,
	clock: Arc<dyn Clock>,
	asked: AtomicUsize,
	busy: Arc<Busy>,
}

/// How many pieces are on their way, and how many were at most.
#[derive(Default)]
struct Busy {
	now: AtomicUsize,
	most: AtomicUsize,
}

#[async_trait::async_trait]
impl BeforeService for Peer {
	fn behind(&self) -> &dyn Service {
		&Nothing
	}

	async fn give(&self, _: H256, range: ChunkRange) -> Option<Chunks> {
		struct Left<'a>(&'a AtomicUsize);
		impl Drop for Left<'_> {
			fn drop(&mut self) {
				self.0.fetch_sub(1, Ordering::SeqCst);
			}
		}
		self.asked.fetch_add(1, Ordering::SeqCst);
		let now = self.busy.now.fetch_add(1, Ordering::SeqCst) + 1;
		self.busy.most.fetch_max(now, Ordering::SeqCst);
		let _left = Left(&self.busy.now);
		let mut chunks = Chunks::of(&self.bytes, range)?;
		match (self.does)(range.first) {
			Does::Honest => {}
			Does::Hangs => std::future::pending().await,
			Does::Takes(ms) => self.clock.sleep_until(self.clock.now_ms() + ms).await,
			Does::Lacks => return None,
			Does::Flips => match chunks.bytes.first_mut() {
				Some(byte) => *byte ^= 1,
				None => chunks.bytes.push(0),
			},
			Does::Shifts => {
				let other = if range.first == 0 { MAX_CHUNKS } else { 0 };
				chunks = Chunks::of(&self.bytes, ChunkRange { first: other, ..range })?;
			}
			Does::Cuts => drop(chunks.bytes.pop()),
			Does::Grows => chunks.len += 1,
			Does::Pads => chunks.proof.push(H256::zero()),
		}
		Some(chunks)
	}
}

struct Story {
	net: FakeNet,
	fetcher: Fetcher,
	sim: Sim,
	bytes: Vec<u8>,
	busy: Arc<Busy>,
}

impl Story {
	fn new(sim: &Sim, len: usize) -> Self {
		let net = FakeNet::new();
		let fetcher = Fetcher::new(Arc::new(net.end("us")), Arc::new(sim.clock.clone()));
		let bytes = (0..len).map(|at| (at % 251) as u8 ^ (at / CHUNK) as u8).collect();
		Self { net, fetcher, sim: sim.clone(), bytes, busy: Arc::default() }
	}

	fn peer(&self, name: &str, does: impl Fn(u32) -> Does + Send + Sync + 'static) -> Arc<Peer> {
		let peer = Arc::new(Peer {
			bytes: self.bytes.clone(),
			does: Box::new(does),
			clock: Arc::new(self.sim.clock.clone()),
			asked: AtomicUsize::new(0),
			busy: self.busy.clone(),
		});
		self.net.serve(name, peer.clone());
		peer
	}

	/// Fetches what everybody has, and says how long it took.
	async fn fetch(&self, first: &[&str], more: &[&str]) -> (Result<Fetched, NetError>, u64) {
		self.fetch_as(&output(&self.bytes), first, more).await
	}

	async fn fetch_as(
		&self,
		blob: &Output,
		first: &[&str],
		more: &[&str],
	) -> (Result<Fetched, NetError>, u64) {
		let records = |names: &[&str]| -> Vec<ServiceRecord> {
			names.iter().map(|name| FakeNet::record(name)).collect()
		};
		let (first, more) = (records(first), records(more));
		let start = self.sim.clock.now_ms();
		let fetched = self.fetcher.fetch(blob, first, async { more }.boxed(), None).await;
		(fetched, self.sim.clock.now_ms() - start)
	}

	/// That everything came, in the end of `from`.
	async fn fetches(&self, first: &[&str], more: &[&str], from: &str) -> u64 {
		let (fetched, took_ms) = self.fetch(first, more).await;
		let fetched = fetched.unwrap();
		assert!(fetched.bytes == self.bytes);
		assert_eq!(fetched.from, FakeNet::record(from));
		took_ms
	}
}

/// How many times somebody was asked.
fn asked(peer: &Peer) -> usize {
	peer.asked.load(Ordering::SeqCst)
}

const RANGE: usize = MAX_CHUNKS as usize * CHUNK;
/// What one whole range may take.
const PATIENCE: u64 = SLOW_MS + RANGE as u64 * 1_000 / PACE;

#[test]
fn bytes_should_come_whole_whatever_their_length() {
	simulate(|sim| async move {
		for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, RANGE, RANGE + 1, 3 * RANGE + 7] {
			let story = Story::new(&sim, len);
			let store = MemoryStore::default();
			store.put(&story.bytes).unwrap();
			story.net.serve("o", Arc::new(Origin::new(Arc::new(store))));
			assert_eq!(story.fetches(&["o"], &[], "o").await, 0, "{len}");
			let unknown = story.fetch_as(&output(b"unknown"), &["o"], &[]).await.0;
			assert_eq!(unknown, Err(NetError::NotFound));
		}
	})
}

/// A liar in the middle of a blob costs the range in which it lies, and is asked last from then on.
#[test]
fn attack_liar_in_the_middle_of_a_blob() {
	for lie in [Does::Flips, Does::Shifts, Does::Cuts, Does::Grows, Does::Pads] {
		simulate(move |sim| async move {
			let story = Story::new(&sim, 4 * RANGE + 7);
			let liar =
				story.peer("l", move |first| if first == MAX_CHUNKS { lie } else { Does::Honest });
			let honest = story.peer("h", |_| Does::Honest);
			assert_eq!(story.fetches(&["l", "h"], &[], "h").await, 0, "{lie:?}");
			assert_eq!((asked(&liar), asked(&honest)), (2, 4), "{lie:?}");
			// Remembered.
			story.fetches(&["l", "h"], &[], "h").await;
			assert_eq!((asked(&liar), asked(&honest)), (2, 9), "{lie:?}");
			// Who lied is better than nobody.
			story.net.remove("h");
			let (fetched, _) = story.fetch(&["l", "h"], &[]).await;
			assert!(fetched.is_err());
			assert_eq!(asked(&liar), 4, "{lie:?}");
			story.sim.sleep(WRONG_FOR_MS).await;
			story.peer("h", |_| Does::Honest);
			story.fetches(&["l", "h"], &[], "h").await;
			assert_eq!(asked(&liar), 6, "it is forgotten");
		})
	}
}

/// A description that is wrong makes no liars of those who have the bytes.
#[test]
fn attack_honest_peers_called_liars_by_a_false_description() {
	simulate(|sim| async move {
		let story = Story::new(&sim, 100);
		let (first, second) = (story.peer("a", |_| Does::Honest), story.peer("b", |_| Does::Lacks));
		let right = output(&story.bytes);
		for wrong in [
			Output { chunk_root: H256::zero(), ..right },
			Output { len: 99, ..right },
			Output { len: MAX_PAYLOAD + 1, ..right },
			Output { len: u32::MAX, ..right },
			Output { hash: H256::zero(), ..right },
		] {
			let (fetched, _) = story.fetch_as(&wrong, &["b", "a"], &[]).await;
			assert_eq!(fetched, Err(NetError::WrongBytes), "{wrong:?}");
		}
		let before = (asked(&first), asked(&second));
		story.fetches(&["a", "b"], &[], "a").await;
		assert_eq!((asked(&first), asked(&second)), (before.0 + 1, before.1), "as before");
	})
}

/// Peers that claim to have everything and send nothing, or trickle: the next one is asked in time.
#[test]
fn attack_peers_that_claim_to_have_everything() {
	simulate(|sim| async move {
		let story = Story::new(&sim, 2 * RANGE);
		let hang = ["a", "b", "c"].map(|name| story.peer(name, |_| Does::Hangs));
		let honest = story.peer("h", |_| Does::Honest);
		let took_ms = story.fetches(&["a", "b", "c"], &["h"], "h").await;
		assert_eq!(took_ms, 3 * PATIENCE);
		assert_eq!(asked(&honest), 2);
		assert!(hang.iter().all(|peer| asked(peer) == 1));
		assert_eq!(story.busy.now.load(Ordering::SeqCst), 0, "they are no longer waited for");
		// A slow peer is asked last for a while.
		assert_eq!(story.fetches(&["a", "b", "c", "h"], &[], "h").await, 0);
		story.sim.sleep(SLOW_FOR_MS).await;
		assert_eq!(story.fetches(&["a", "h"], &[], "h").await, PATIENCE);
	})
}

/// Peers that send nothing, so that a slow owner seems not to have the bytes.
#[test]
fn attack_peers_that_take_the_time_of_who_answers_for_the_bytes() {
	simulate(|sim| async move {
		let story = Story::new(&sim, RANGE);
		let owner = story.peer("o", |_| Does::Takes(5 * PATIENCE / 2));
		for name in ["a", "b", "c", "d"] {
			story.peer(name, |_| Does::Hangs);
		}
		assert_eq!(story.fetches(&["o"], &["a", "b", "c", "d"], "o").await, 5 * PATIENCE / 2);
		assert_eq!(asked(&owner), 1);
		assert!(story.busy.most.load(Ordering::SeqCst) <= MOST_ASKED);
	})
}

/// Publishing another's peer id at a wrong address does not make that peer be asked last.
#[test]
fn attack_peer_named_where_it_is_not_and_called_slow() {
	simulate(|sim| async move {
		let story = Story::new(&sim, RANGE);
		story.peer("h", |_| Does::Honest);
		story.peer("o", |_| Does::Honest);
		story.fetcher.note(&FakeNet::with_judge("h", "elsewhere"), SLOW_FOR_MS);
		story.fetches(&["h", "o"], &[], "h").await;
		story.fetcher.note(&FakeNet::record("h"), SLOW_FOR_MS);
		story.fetches(&["h", "o"], &[], "o").await;
	})
}

#[test]
fn slow_peers_should_do_when_there_are_no_others() {
	simulate(|sim| async move {
		let story = Story::new(&sim, RANGE + 1);
		for name in ["a", "b", "c", "d"] {
			story.peer(name, |_| Does::Takes(20_000));
		}
		let (fetched, took_ms) = story.fetch(&["a", "b", "c", "d"], &[]).await;
		assert!(fetched.unwrap().bytes == story.bytes);
		assert!(took_ms <= 2 * (20_000 + 4 * PATIENCE), "{took_ms}");
		// Also where those that were not slow have failed since.
		let story = Story::new(&sim, RANGE);
		story.peer("a", |_| Does::Takes(20_000));
		story.peer("b", |_| Does::Hangs);
		story.peer("c", |_| Does::Lacks);
		let (fetched, _) = story.fetch(&["a", "b", "c"], &[]).await;
		assert!(fetched.unwrap().bytes == story.bytes);
	})
}

#[test]
fn others_should_be_looked_up_only_when_they_are_needed() {
	simulate(|sim| async move {
		let story = Story::new(&sim, RANGE);
		story.peer("o", |_| Does::Honest);
		let blob = output(&story.bytes);
		let never = std::future::pending().boxed();
		let first = vec![FakeNet::record("o")];
		assert!(story.fetcher.fetch(&blob, first, never, None).await.is_ok());
		// While they are looked up, an answer that comes late is still taken.
		story.peer("o", |_| Does::Takes(2 * PATIENCE));
		let never = std::future::pending().boxed();
		let first = vec![FakeNet::record("o")];
		assert!(story.fetcher.fetch(&blob, first, never, None).await.is_ok());
	})
}

/// The owner is the last of the first sources: others' failures are not its own.
#[test]
fn failure_should_be_that_of_who_answers_for_the_bytes() {
	simulate(|sim| async move {
		let story = Story::new(&sim, 10);
		story.peer("p", |_| Does::Lacks);
		story.peer("o", |_| Does::Flips);
		story.peer("m", |_| Does::Lacks);
		assert_eq!(story.fetch(&["p", "o"], &["m"]).await.0, Err(NetError::WrongBytes));
		story.net.remove("o");
		let (fetched, _) = story.fetch(&["p", "o"], &["m"]).await;
		assert!(matches!(fetched, Err(NetError::Unreachable(_))), "{fetched:?}");
		assert_eq!(story.fetch(&[], &[]).await.0, Err(NetError::NotFound));
	})
}

/// An accomplice has the beginning of falsely described bytes, to hide that the owner has others: then a
/// judge would not fetch those by their hash.
#[test]
fn attack_friend_that_has_the_beginning_of_what_is_described_falsely() {
	simulate(|sim| async move {
		let story = Story::new(&sim, RANGE + 1);
		story.peer("o", |_| Does::Flips);
		story.peer("f", |first| if first == 0 { Does::Honest } else { Does::Lacks });
		assert_eq!(story.fetch(&["o"], &["f"]).await.0, Err(NetError::WrongBytes));
	})
}

/// All peers are slow: at most two pieces of a blob are under way.
#[test]
fn attack_pieces_of_one_blob_that_fill_the_memory() {
	simulate(|sim| async move {
		let story = Story::new(&sim, 2 * RANGE);
		for name in ["a", "b", "c", "d"] {
			story.peer(name, |_| Does::Takes(4 * PATIENCE));
		}
		let (fetched, _) = story.fetch(&["a", "b", "c", "d"], &[]).await;
		assert!(fetched.unwrap().bytes == story.bytes);
		assert_eq!(story.busy.most.load(Ordering::SeqCst), MOST_ASKED);
	})
}

#[test]
fn attack_names_that_fill_the_memory() {
	simulate(|sim| async move {
		let story = Story::new(&sim, 1);
		for n in 0..5 * MOST_FAULTY {
			story.fetcher.note(&FakeNet::record(&n.to_string()), SLOW_FOR_MS);
			assert!(lock(&story.fetcher.faulty).len() <= MOST_FAULTY);
		}
	})
}

fn does() -> impl Strategy<Value = Does> {
	prop_oneof![
		Just(Does::Honest),
		Just(Does::Hangs),
		(0..10_000u64).prop_map(Does::Takes),
		Just(Does::Lacks),
		Just(Does::Flips),
		Just(Does::Shifts),
		Just(Does::Cuts),
		Just(Does::Grows),
		Just(Does::Pads),
	]
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(16))]

	/// Whatever others do with each range, what one honest peer has is had, as it was signed, in bounded time.
	#[test]
	fn nothing_should_keep_the_bytes_of_an_honest_peer(
		len in 0..2 * RANGE + CHUNK,
		others in prop::collection::vec(prop::collection::vec(does(), 4), 0..4),
		place in any::<usize>(),
	) {
		simulate(move |sim| async move {
			let story = Story::new(&sim, len);
			let mut names: Vec<String> = (0..others.len()).map(|n| format!("p{n}")).collect();
			for (name, does) in names.iter().zip(others) {
				story.peer(name, move |first| does[(first / MAX_CHUNKS) as usize % does.len()]);
			}
			story.peer("h", |_| Does::Honest);
			names.insert(place % (names.len() + 1), "h".into());
			let names: Vec<&str> = names.iter().map(String::as_str).collect();
			let (fetched, took_ms) = story.fetch(&names, &[]).await;
			assert!(fetched.unwrap().bytes == story.bytes);
			let pieces = chunk_count(len as u64).div_ceil(MAX_CHUNKS.into());
			assert!(took_ms <= pieces * names.len() as u64 * PATIENCE, "{took_ms}");
		});
	}
}
