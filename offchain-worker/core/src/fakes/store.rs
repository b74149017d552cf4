//! A store in memory.

use std::{
	collections::{BTreeMap, BTreeSet},
	ops::Range,
	sync::{Arc, Mutex, MutexGuard},
};

use livepeer_primitives::{AssignmentIndex, ClaimId, JobId, Seq, StreamId};
use sp_core::H256;

use crate::{
	lock,
	ports::{
		store::{
			Blobs, ClaimRecord, Claims, Headers, Receipts, SegmentKey, StoreError, StreamState,
			Streams, TranscodedSegment, Values,
		},
		transport::{SegmentRecord, SignedHeader},
	},
	sha256,
};

#[derive(Clone, Default)]
struct StoreState {
	blobs: BTreeMap<H256, Vec<u8>>,
	/// Stored and not pinned yet.
	fresh: BTreeSet<H256>,
	pins: BTreeMap<String, Vec<H256>>,
	headers: BTreeMap<SegmentKey, SignedHeader>,
	receipts: BTreeMap<SegmentKey, TranscodedSegment>,
	newest: BTreeMap<StreamId, SignedHeader>,
	cursors: BTreeMap<(JobId, AssignmentIndex), Seq>,
	claims: BTreeMap<SegmentKey, ClaimRecord>,
	streams: BTreeMap<StreamId, StreamState>,
	records: BTreeMap<(StreamId, Seq), SegmentRecord>,
	values: BTreeMap<String, Vec<u8>>,
	/// Hashes found damaged at the next read.
	damaged: BTreeSet<H256>,
	full: bool,
	/// The most bytes of all blobs.
	quota: Option<u64>,
	scans: usize,
	reads_of_claims: usize,
}

impl StoreState {
	fn unpin(&mut self, owner: &str) {
		let below = format!("{owner}/");
		self.pins.retain(|name, _| name != owner && !name.starts_with(&below));
		let pinned: BTreeSet<H256> = self.pins.values().flatten().copied().collect();
		let fresh = &self.fresh;
		self.blobs.retain(|hash, _| pinned.contains(hash) || fresh.contains(hash));
	}

	fn pin(&mut self, owner: String, hashes: Vec<H256>) {
		for hash in &hashes {
			self.fresh.remove(hash);
		}
		self.pins.insert(owner, hashes);
	}
}

/// A store in memory. Clones share it, as a restarted process shares the disk.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<StoreState>>);

impl MemoryStore {
	/// An independent copy, as a backup is.
	pub fn backup(&self) -> Self {
		let state = lock(&self.0).clone();
		Self(Arc::new(Mutex::new(state)))
	}

	/// Refuses every further write, as a full disk does.
	pub fn fill(&self, full: bool) {
		lock(&self.0).full = full;
	}

	/// Refuses further bytes beyond a quota.
	pub fn limit(&self, quota: u64) {
		lock(&self.0).quota = Some(quota);
	}

	/// Damages stored bytes, as a failing disk does.
	pub fn damage(&self, hash: H256) {
		lock(&self.0).damaged.insert(hash);
	}

	/// How many reads there were whose cost grows with the store.
	pub fn scans(&self) -> usize {
		lock(&self.0).scans
	}

	/// How often all claims were read.
	pub fn reads_of_claims(&self) -> usize {
		lock(&self.0).reads_of_claims
	}

	fn scan(&self) -> MutexGuard<'_, StoreState> {
		let mut state = lock(&self.0);
		state.scans += 1;
		state
	}

	/// How many blobs are stored.
	pub fn blob_count(&self) -> usize {
		lock(&self.0).blobs.len()
	}

	fn write(&self) -> Result<MutexGuard<'_, StoreState>, StoreError> {
		let state = lock(&self.0);
		if state.full {
			return Err(StoreError::DiskFull("memory".into()));
		}
		Ok(state)
	}
}

impl Blobs for MemoryStore {
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError> {
		let hash = sha256(bytes);
		let mut state = self.write()?;
		let more = if state.blobs.contains_key(&hash) { 0 } else { bytes.len() };
		let used = state.blobs.values().map(Vec::len).sum::<usize>() + more;
		if let Some(quota) = state.quota.filter(|quota| used as u64 > *quota) {
			return Err(StoreError::Quota { path: "memory".into(), quota });
		}
		state.blobs.insert(hash, bytes.to_vec());
		state.fresh.insert(hash);
		Ok(hash)
	}

	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
		let mut state = lock(&self.0);
		if state.damaged.remove(&hash) {
			state.blobs.remove(&hash);
			return Err(StoreError::Damaged(hash));
		}
		Ok(state.blobs.get(&hash).cloned())
	}

	fn size(&self, hash: H256) -> Result<Option<u64>, StoreError> {
		Ok(lock(&self.0).blobs.get(&hash).map(|bytes| bytes.len() as u64))
	}

	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError> {
		let mut state = self.write()?;
		if let Some(absent) = hashes.iter().find(|hash| !state.blobs.contains_key(hash)) {
			return Err(StoreError::Damaged(*absent));
		}
		state.pin(owner.into(), hashes.to_vec());
		Ok(())
	}

	fn unpin(&self, owner: &str) -> Result<(), StoreError> {
		self.write()?.unpin(owner);
		Ok(())
	}
}

impl Values for MemoryStore {
	fn put_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
		self.write()?.values.insert(name.into(), value.to_vec());
		Ok(())
	}

	fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
		Ok(lock(&self.0).values.get(name).cloned())
	}

	fn drop_value(&self, name: &str) -> Result<(), StoreError> {
		self.write()?.values.remove(name);
		Ok(())
	}
}

impl Headers for MemoryStore {
	fn put_header(&self, signed: &SignedHeader) -> Result<SignedHeader, StoreError> {
		let key = SegmentKey::of(&signed.header);
		let mut state = self.write()?;
		Ok(state.headers.entry(key).or_insert_with(|| signed.clone()).clone())
	}

	fn resign_header(&self, signed: &SignedHeader) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let stored = state.headers.get_mut(&SegmentKey::of(&signed.header));
		let stored = stored.filter(|stored| stored.header == signed.header);
		stored.map(|stored| *stored = signed.clone()).ok_or(StoreError::Conflict)
	}

	fn drop_header(&self, key: SegmentKey) -> Result<(), StoreError> {
		self.write()?.headers.remove(&key);
		Ok(())
	}
}

impl Receipts for MemoryStore {
	fn put_receipt(&self, segment: &TranscodedSegment) -> Result<TranscodedSegment, StoreError> {
		let key = segment.key();
		let mut state = self.write()?;
		if let Some(stored) = state.receipts.get(&key) {
			return if stored.signed.header == segment.signed.header {
				Ok(stored.clone())
			} else {
				Err(StoreError::Conflict)
			};
		}
		if state.cursors.get(&(key.job, key.assignment)).is_some_and(|next| key.seq < *next) {
			return Err(StoreError::Conflict);
		}
		state.pin(format!("receipt/{key:?}"), segment.hashes());
		let signed = &segment.signed;
		let newest = state.newest.entry(signed.header.stream).or_insert_with(|| signed.clone());
		if newest.header.seq < signed.header.seq {
			*newest = signed.clone();
		}
		state.receipts.insert(key, segment.clone());
		Ok(segment.clone())
	}

	fn newest(&self, stream: StreamId) -> Result<Option<SignedHeader>, StoreError> {
		Ok(lock(&self.0).newest.get(&stream).cloned())
	}

	fn receipt(&self, key: SegmentKey) -> Result<Option<TranscodedSegment>, StoreError> {
		Ok(lock(&self.0).receipts.get(&key).cloned())
	}

	fn receipts(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
		from: Seq,
		limit: usize,
	) -> Result<Vec<TranscodedSegment>, StoreError> {
		let from = SegmentKey { job, assignment, seq: from };
		Ok(self
			.scan()
			.receipts
			.range(from..)
			.take_while(|(key, _)| (key.job, key.assignment) == (job, assignment))
			.take(limit)
			.map(|(_, segment)| segment.clone())
			.collect())
	}

	fn assignments(&self) -> Result<Vec<(JobId, AssignmentIndex)>, StoreError> {
		let state = self.scan();
		let keys = state.receipts.keys().chain(state.claims.keys());
		let set: BTreeSet<_> = keys.map(|key| (key.job, key.assignment)).collect();
		Ok(set.into_iter().collect())
	}

	fn cursor(&self, job: JobId, assignment: AssignmentIndex) -> Result<Seq, StoreError> {
		Ok(lock(&self.0).cursors.get(&(job, assignment)).copied().unwrap_or(0))
	}

	fn drop_assignment(&self, job: JobId, assignment: AssignmentIndex) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let cursor = state.cursors.get(&(job, assignment)).copied().unwrap_or(0);
		let gone: Vec<SegmentKey> = state
			.receipts
			.keys()
			.filter(|key| (key.job, key.assignment) == (job, assignment) && key.seq >= cursor)
			.copied()
			.collect();
		for key in gone {
			state.receipts.remove(&key);
			state.unpin(&format!("receipt/{key:?}"));
		}
		Ok(())
	}
}

impl Claims for MemoryStore {
	fn put_claim(&self, claim: &ClaimRecord) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let cursor = state.cursors.entry((claim.job, claim.assignment)).or_default();
		if claim.first < *cursor {
			return Err(StoreError::Conflict);
		}
		*cursor = claim.last().saturating_add(1);
		state.claims.insert(claim.key(), claim.clone());
		Ok(())
	}

	fn set_claim_id(&self, key: SegmentKey, id: ClaimId) -> Result<(), StoreError> {
		if let Some(claim) = self.write()?.claims.get_mut(&key) {
			claim.id = Some(id);
		}
		Ok(())
	}

	fn claims(&self) -> Result<Vec<ClaimRecord>, StoreError> {
		let mut state = self.scan();
		state.reads_of_claims += 1;
		Ok(state.claims.values().cloned().collect())
	}

	fn close_claim(&self, key: SegmentKey) -> Result<(), StoreError> {
		let mut state = self.write()?;
		if let Some(claim) = state.claims.remove(&key) {
			for seq in claim.first..=claim.last() {
				let key = SegmentKey { seq, ..key };
				state.receipts.remove(&key);
				state.unpin(&format!("receipt/{key:?}"));
			}
		}
		Ok(())
	}
}

impl Streams for MemoryStore {
	fn put_stream(&self, stream: StreamId, state: &StreamState) -> Result<(), StoreError> {
		self.write()?.streams.insert(stream, state.clone());
		Ok(())
	}

	fn stream(&self, stream: StreamId) -> Result<Option<StreamState>, StoreError> {
		Ok(lock(&self.0).streams.get(&stream).cloned())
	}

	fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, StoreError> {
		Ok(self.scan().streams.iter().map(|(id, state)| (*id, state.clone())).collect())
	}

	fn put_record_with(&self, record: &SegmentRecord, more: &[H256]) -> Result<(), StoreError> {
		let header = record.header();
		let owner = format!("record/{:?}/{}", header.stream, header.seq);
		let outputs = record.present().map(|output| output.hash);
		let hashes = outputs.chain(more.iter().copied()).collect();
		let mut state = self.write()?;
		state.pin(owner, hashes);
		state.records.insert((header.stream, header.seq), record.clone());
		Ok(())
	}

	fn records(
		&self,
		stream: StreamId,
		from: Seq,
		limit: usize,
	) -> Result<Vec<SegmentRecord>, StoreError> {
		Ok(self
			.scan()
			.records
			.range((stream, from)..=(stream, Seq::MAX))
			.take(limit)
			.map(|(_, record)| record.clone())
			.collect())
	}

	fn last_record(&self, stream: StreamId) -> Result<Option<SegmentRecord>, StoreError> {
		let state = lock(&self.0);
		let mut records = state.records.range((stream, 0)..=(stream, Seq::MAX));
		Ok(records.next_back().map(|(_, record)| record.clone()))
	}

	fn trim_records(&self, stream: StreamId, before: Seq) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let gone: Vec<_> =
			state.records.range((stream, 0)..(stream, before)).map(|(key, _)| *key).collect();
		for key in gone {
			state.records.remove(&key);
			state.unpin(&format!("record/{:?}/{}", key.0, key.1));
		}
		Ok(())
	}
}

/// Wraps a [`MemoryStore`] and sees what is stored and read: it passes everything on.
pub trait BeforeStore: Send + Sync {
	/// The store that does all.
	fn behind(&self) -> &MemoryStore;

	/// Comes before bytes are stored; with an error they are not.
	fn before_put(&self) -> Result<(), StoreError> {
		Ok(())
	}

	/// Comes before whole bytes are read.
	fn before_get(&self) {}
}

impl<T: BeforeStore> Blobs for T {
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError> {
		self.before_put()?;
		self.behind().put(bytes)
	}

	fn size(&self, hash: H256) -> Result<Option<u64>, StoreError> {
		self.behind().size(hash)
	}

	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
		self.before_get();
		self.behind().get(hash)
	}

	fn part(&self, hash: H256, range: Range<usize>) -> Result<Option<Vec<u8>>, StoreError> {
		self.behind().part(hash, range)
	}

	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError> {
		self.behind().pin(owner, hashes)
	}

	fn unpin(&self, owner: &str) -> Result<(), StoreError> {
		self.behind().unpin(owner)
	}
}

impl<T: BeforeStore> Values for T {
	fn put_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
		self.behind().put_value(name, value)
	}

	fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
		self.behind().value(name)
	}

	fn drop_value(&self, name: &str) -> Result<(), StoreError> {
		self.behind().drop_value(name)
	}
}

impl<T: BeforeStore> Streams for T {
	fn put_stream(&self, stream: StreamId, state: &StreamState) -> Result<(), StoreError> {
		self.behind().put_stream(stream, state)
	}

	fn stream(&self, stream: StreamId) -> Result<Option<StreamState>, StoreError> {
		self.behind().stream(stream)
	}

	fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, StoreError> {
		self.behind().streams()
	}

	fn put_record_with(&self, record: &SegmentRecord, more: &[H256]) -> Result<(), StoreError> {
		self.behind().put_record_with(record, more)
	}

	fn records(
		&self,
		stream: StreamId,
		from: Seq,
		limit: usize,
	) -> Result<Vec<SegmentRecord>, StoreError> {
		self.behind().records(stream, from, limit)
	}

	fn last_record(&self, stream: StreamId) -> Result<Option<SegmentRecord>, StoreError> {
		self.behind().last_record(stream)
	}

	fn trim_records(&self, stream: StreamId, before: Seq) -> Result<(), StoreError> {
		self.behind().trim_records(stream, before)
	}
}
