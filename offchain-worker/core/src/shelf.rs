//! Serves peers chunks of stored bytes.
//!
//! A request for a chunk must not cost reading and hashing megabytes. So the chunk trees of recently
//! requested blobs are cached, and otherwise only the requested chunks are read.

use std::{
	collections::{BTreeMap, VecDeque},
	hash::{BuildHasher, RandomState},
	sync::{Arc, Mutex},
};

use livepeer_primitives::chunks::chunk_nodes;
use sp_core::H256;

use crate::{
	aside, lock,
	ports::{
		store::{Blobs, StoreError},
		transport::{ChunkRange, Chunks},
	},
};

/// The most cached nodes, of 32 bytes each: those of 1 GiB of blobs.
const MOST_NODES: usize = 16 * 1_024;
/// Blobs that are read whole at a time to compute their nodes: at most 128 MiB.
const LANES: usize = 8;

/// The chunk tree of a blob.
struct Tree {
	len: u64,
	nodes: Vec<H256>,
}

#[derive(Default)]
struct Trees {
	by_hash: BTreeMap<H256, Arc<Tree>>,
	/// The oldest first.
	order: VecDeque<H256>,
	nodes: usize,
}

impl Trees {
	fn put(&mut self, hash: H256, tree: Arc<Tree>) {
		let nodes = tree.nodes.len();
		if self.by_hash.insert(hash, tree).is_some() {
			return;
		}
		self.order.push_back(hash);
		self.nodes = self.nodes.saturating_add(nodes);
		while self.nodes > MOST_NODES {
			let Some(oldest) = self.order.pop_front() else { return };
			if let Some(tree) = self.by_hash.remove(&oldest) {
				self.nodes = self.nodes.saturating_sub(tree.nodes.len());
			}
		}
	}
}

/// A store, from the view of peers.
pub struct Shelf {
	store: Arc<dyn Blobs>,
	trees: Mutex<Trees>,
	/// By the blob's hash, so that requests for the same blob wait for the same read.
	lanes: [tokio::sync::Mutex<()>; LANES],
	/// The secret that assigns lanes to hashes, so that nobody can fill a lane to delay others' requests.
	lots: RandomState,
}

impl Shelf {
	/// What is in `store`.
	pub fn new(store: Arc<dyn Blobs>) -> Self {
		let (trees, lanes, lots) = Default::default();
		Self { store, trees, lanes, lots }
	}

	/// The number of bytes with this hash, if they are there.
	pub fn size(&self, hash: H256) -> Option<u64> {
		served(self.store.size(hash))
	}

	/// Chunks of the bytes with this hash, if they are there.
	pub async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		let known = lock(&self.trees).by_hash.get(&hash).cloned();
		let tree = match known {
			Some(tree) => tree,
			None => self.learn(hash).await?,
		};
		let (store, within) = (self.store.clone(), range.within(tree.len)?);
		let read = aside(move || {
			let Some(part) = store.part(hash, within)? else { return Ok(None) };
			let first = range.first as usize;
			let nodes = chunk_nodes(&part);
			if tree.nodes.get(first..first.saturating_add(nodes.len())) == Some(&nodes[..]) {
				return Ok(Chunks::under(&tree.nodes, tree.len, range, part));
			}
			// The disk has lost bytes: read whole, the blob is found damaged and is removed.
			store.get(hash).map(|_| None)
		});
		served(read.await)
	}

	fn lane(&self, hash: H256) -> usize {
		self.lots.hash_one(hash) as usize % LANES
	}

	/// Reads a blob whole, for its nodes.
	async fn learn(&self, hash: H256) -> Option<Arc<Tree>> {
		let _turn = self.lanes.get(self.lane(hash))?.lock().await;
		// Another request may have read it meanwhile.
		if let Some(tree) = lock(&self.trees).by_hash.get(&hash) {
			return Some(tree.clone());
		}
		let store = self.store.clone();
		let read = aside(move || {
			let tree =
				|bytes: Vec<u8>| Tree { len: bytes.len() as u64, nodes: chunk_nodes(&bytes) };
			store.get(hash).map(|bytes| bytes.map(tree))
		});
		let tree = Arc::new(served(read.await)?);
		lock(&self.trees).put(hash, tree.clone());
		Some(tree)
	}
}

/// The result of a read, for peers; a failure of the store is only logged.
fn served<T>(read: Result<Option<T>, StoreError>) -> Option<T> {
	read.unwrap_or_else(|error| {
		tracing::warn!(%error, "cannot serve");
		None
	})
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::{
		fakes::{BeforeStore, MemoryStore},
		sha256,
	};
	use livepeer_primitives::chunks::{chunk_root, CHUNK};
	use std::{
		collections::BTreeSet,
		sync::atomic::{AtomicUsize, Ordering},
	};

	fn range(first: u32, count: u32) -> ChunkRange {
		ChunkRange { first, count }
	}

	#[tokio::test]
	async fn every_range_should_be_served_and_proven() {
		let store = MemoryStore::default();
		let shelf = Shelf::new(Arc::new(store.clone()));
		for len in [0, 1, CHUNK, CHUNK + 1, 20 * CHUNK + 7] {
			let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
			let hash = store.put(&bytes).unwrap();
			assert_eq!(shelf.size(hash), Some(len as u64));
			for at in (0..len.max(1)).step_by(16 * CHUNK) {
				let asked = ChunkRange::behind(at);
				let chunks = shelf.chunks(hash, asked).await.unwrap();
				assert_eq!(chunks.root(asked), Some(chunk_root(&bytes)), "{at} of {len}");
				assert_eq!(chunks.bytes, bytes[at..len.min(at + 16 * CHUNK)]);
				assert_eq!(Chunks::of(&bytes, asked), Some(chunks));
			}
			let beyond = (len / CHUNK) as u32 + 1;
			for refused in [range(beyond, 1), range(u32::MAX, u32::MAX), range(0, 0), range(0, 17)]
			{
				assert_eq!(shelf.chunks(hash, refused).await, None, "{refused:?} of {len}");
			}
		}
		assert_eq!(shelf.chunks(sha256(b"unknown"), range(0, 1)).await, None);
	}

	/// A store whose bytes change under a known name.
	#[tokio::test]
	async fn nothing_should_be_served_that_the_disk_has_lost() {
		let store = MemoryStore::default();
		let shelf = Shelf::new(Arc::new(store.clone()));
		let hash = store.put(&[7; CHUNK + 1]).unwrap();
		assert!(shelf.chunks(hash, range(1, 1)).await.is_some());
		store.pin("owner", &[hash]).unwrap();
		store.unpin("owner").unwrap();
		assert_eq!(shelf.chunks(hash, range(0, 1)).await, None, "it is forgotten");
		store.put(&[7; CHUNK + 1]).unwrap();
		store.damage(hash);
		assert_eq!(shelf.chunks(hash, range(0, 1)).await, None);
		assert_eq!(shelf.size(hash), None);
	}

	/// A store that counts whole reads.
	#[derive(Default)]
	struct Counted {
		inner: MemoryStore,
		whole: AtomicUsize,
	}

	impl BeforeStore for Counted {
		fn behind(&self) -> &MemoryStore {
			&self.inner
		}

		fn before_get(&self) {
			self.whole.fetch_add(1, Ordering::SeqCst);
		}
	}

	/// Any number of requests for single chunks of a large blob read and hash it once.
	#[tokio::test]
	async fn attack_swarm_that_asks_for_chunks() {
		let store = Arc::new(Counted::default());
		let shelf = Shelf::new(store.clone());
		let hash = store.put(&vec![7; 40 * CHUNK]).unwrap();
		let swarm = (0..200).map(|n| shelf.chunks(hash, range(n % 40, 1)));
		let served = futures::future::join_all(swarm).await;
		assert!(served.into_iter().all(|chunks| chunks.unwrap().bytes.len() == CHUNK));
		assert_eq!(store.whole.load(Ordering::SeqCst), 1);
	}

	/// Requests for many blobs with similar hashes do not make others wait for all of them in one lane.
	#[test]
	fn attack_one_lane_filled_with_blobs_that_are_chosen() {
		let shelf = Shelf::new(Arc::new(MemoryStore::default()));
		let hash = |last: u8| {
			let mut hash = H256::zero();
			hash.0[31] = last;
			hash
		};
		let lanes: BTreeSet<usize> = (0..64).map(|last| shelf.lane(hash(last))).collect();
		assert!(lanes.len() > 1 && lanes.iter().all(|lane| *lane < LANES), "{lanes:?}");
		assert_eq!(shelf.lane(hash(1)), shelf.lane(hash(1)));
	}

	#[test]
	fn attack_trees_that_fill_the_memory() {
		let mut trees = Trees::default();
		for n in 0..1_000u32 {
			let mut hash = H256::zero();
			hash.0[..4].copy_from_slice(&n.to_be_bytes());
			let tree = Tree { len: 0, nodes: vec![H256::zero(); 256] };
			trees.put(hash, Arc::new(tree));
			assert!(trees.nodes <= MOST_NODES && trees.order.len() == trees.by_hash.len());
		}
		assert_eq!(trees.by_hash.len(), MOST_NODES / 256);
	}
}
