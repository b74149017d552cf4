//! # The worker's store
//!
//! Implements the traits of `livepeer_worker_core::ports::store` in a folder of its own:
//!
//! ```text
//! <dir>/blobs/<first byte>/<sha256>   bytes, named by their hash
//! <dir>/blobs/tmp/                    files being written; emptied when the store is opened
//! <dir>/index.redb                    receipts, headers, claims, streams, records, values, pins
//! ```
//!
//! The index has a version of its form. An older form is migrated when the store is opened; a newer one is
//! refused.
//!
//! A blob is written to `tmp`, synced and renamed, and its folder is synced, so that a name never stands for
//! half a file. It is checked against its name whenever it is read. Every change of the index is one
//! transaction, which is on disk when the method returns. A blob that no record pins is left over from a
//! crash, and is removed when the store is opened; one that was written and never pinned is removed by
//! [`DiskStore::sweep`]. A folder can be used by one process at a time.

mod files;
mod index;

use std::{collections::BTreeMap, ops::Range, path::Path, time::Duration};

use codec::{Decode, Encode};
use livepeer_primitives::{AssignmentIndex, ClaimId, JobId, Seq, StreamId};
use livepeer_worker_core::ports::{
	store::{
		Blobs, ClaimRecord, Claims, Headers, Receipts, SegmentKey, StoreError, StreamState,
		Streams, TranscodedSegment, Values,
	},
	transport::{SegmentRecord, SignedHeader},
};
use sp_core::H256;

use crate::{
	files::Files,
	index::{Index, Table, Tx},
};

/// The form of the index. Form 1 had no version and no table of newest headers; records had no own renditions
/// of publishers up to form 2.
const SCHEMA: u32 = 3;
/// The key of the form in the index.
const SCHEMA_KEY: &[u8] = b"schema";
/// The most streams whose newest header is remembered; those without a new one for longest are dropped.
const MOST_NEWEST: usize = 4_096;

/// A store in a folder. See the crate's documentation.
pub struct DiskStore {
	files: Files,
	index: Index,
}

impl DiskStore {
	/// Opens the folder, creating it if need be, and removes what a crash left behind.
	pub fn open(dir: &Path) -> Result<Self, StoreError> {
		Self::open_within(dir, u64::MAX)
	}

	/// The same with a quota: refuses bytes that do not fit.
	pub fn open_within(dir: &Path, quota: u64) -> Result<Self, StoreError> {
		let files = Files::open(&dir.join("blobs"), quota)?;
		let index = Index::open(&dir.join("index.redb"))?;
		let store = Self { files, index };
		store.update(dir)?;
		let orphans = store.index.read(|tx| {
			let mut orphans = Vec::new();
			for hash in store.files.list()? {
				if tx.get(Table::Refs, hash.as_bytes())?.is_none() {
					orphans.push(hash);
				}
			}
			Ok(orphans)
		})?;
		for hash in orphans {
			tracing::debug!(?hash, "removing an orphan");
			store.files.remove(hash);
		}
		Ok(store)
	}

	/// Migrates the index to the form of this worker.
	fn update(&self, dir: &Path) -> Result<(), StoreError> {
		let stored = self.index.read(|tx| tx.get(Table::Meta, SCHEMA_KEY))?;
		let form = stored.map_or(Ok(1), |bytes| decode::<u32>(&bytes))?;
		if form > SCHEMA {
			return Err(StoreError::Unusable {
				path: dir.display().to_string(),
				reason: format!("it was written by a newer worker (form {form}, not {SCHEMA})"),
			});
		}
		if form == SCHEMA {
			return Ok(());
		}
		self.change(|change| {
			if form < 2 {
				for (_, bytes) in change.tx.prefix(Table::Receipts, &[])? {
					change.note_newest(&decode::<TranscodedSegment>(&bytes)?.signed)?;
				}
			}
			for (key, mut bytes) in change.tx.prefix(Table::Records, &[])? {
				// An empty list of them.
				bytes.push(0);
				change.tx.put(Table::Records, &key, &bytes)?;
			}
			change.tx.put(Table::Meta, SCHEMA_KEY, &SCHEMA.encode())
		})
	}

	/// Removes bytes that were written that long ago and never pinned; returns the number of removed blobs.
	pub fn sweep(&self, unpinned_for: Duration) -> Result<usize, StoreError> {
		let stale = self.files.stale(unpinned_for);
		if stale.is_empty() {
			return Ok(0);
		}
		// In a write transaction, so that nothing is pinned meanwhile.
		self.index.write(|tx| {
			let mut gone = 0;
			for hash in stale {
				let pinned = tx.get(Table::Refs, hash.as_bytes())?.is_some();
				gone += usize::from(self.files.forget(hash, unpinned_for, pinned));
			}
			Ok(gone)
		})
	}

	/// Bytes of all blobs.
	pub fn used(&self) -> u64 {
		self.files.used()
	}

	/// Changes the index in one transaction, then removes the blobs that nothing pins any more.
	fn change<T>(
		&self,
		change: impl FnOnce(&mut Change<'_>) -> Result<T, StoreError>,
	) -> Result<T, StoreError> {
		let mut pinned = Vec::new();
		let mut released = Vec::new();
		let result = self.index.write(|tx| {
			let mut change_set = Change { tx, pins: BTreeMap::new() };
			let result = change(&mut change_set)?;
			for (hash, delta) in change_set.pins {
				let before = match tx.get(Table::Refs, hash.as_bytes())? {
					Some(bytes) => decode::<u64>(&bytes)?,
					None => 0,
				};
				let after = before.saturating_add_signed(delta);
				if after == 0 {
					tx.remove(Table::Refs, hash.as_bytes())?;
					if before > 0 {
						released.push(hash);
					}
				} else {
					if delta > 0 {
						// A pin without bytes would be noticed only when a claim is drawn.
						if !self.files.exists(hash) {
							return Err(StoreError::Damaged(hash));
						}
						pinned.push(hash);
					}
					tx.put(Table::Refs, hash.as_bytes(), &after.encode())?;
				}
			}
			Ok(result)
		})?;
		self.files.settle(&pinned, &released);
		Ok(result)
	}
}

/// A transaction that also counts pins.
struct Change<'a> {
	tx: &'a Tx<'a>,
	/// The change of each blob's number of pins.
	pins: BTreeMap<H256, i64>,
}

impl Change<'_> {
	fn pin(&mut self, owner: &str, hashes: &[H256]) -> Result<(), StoreError> {
		self.release(owner.as_bytes())?;
		for hash in hashes {
			*self.pins.entry(*hash).or_default() += 1;
		}
		self.tx.put(Table::Pins, owner.as_bytes(), &hashes.encode())
	}

	fn unpin(&mut self, owner: &str) -> Result<(), StoreError> {
		self.release(owner.as_bytes())?;
		let below = format!("{owner}/");
		for (name, _) in self.tx.prefix(Table::Pins, below.as_bytes())? {
			self.release(&name)?;
		}
		Ok(())
	}

	fn release(&mut self, owner: &[u8]) -> Result<(), StoreError> {
		if let Some(bytes) = self.tx.remove(Table::Pins, owner)? {
			for hash in decode::<Vec<H256>>(&bytes)? {
				*self.pins.entry(hash).or_default() -= 1;
			}
		}
		Ok(())
	}

	fn drop_receipt(&mut self, key: SegmentKey) -> Result<(), StoreError> {
		self.tx.remove(Table::Receipts, &key_bytes(key))?;
		self.unpin(&receipt_owner(key))
	}

	/// Remembers a header if it is its stream's newest.
	fn note_newest(&self, signed: &SignedHeader) -> Result<(), StoreError> {
		let stream = signed.header.stream;
		let number = match self.tx.get(Table::Meta, NEWEST_KEY)? {
			Some(bytes) => decode::<u64>(&bytes)?,
			None => 0,
		};
		match self.tx.get(Table::Newest, stream.as_bytes())? {
			Some(bytes) => {
				let (_, known): (u64, SignedHeader) = decode(&bytes)?;
				if known.header.seq >= signed.header.seq {
					return Ok(());
				}
			}
			None => self.make_room()?,
		}
		self.tx.put(Table::Newest, stream.as_bytes(), &(number, signed).encode())?;
		self.tx.put(Table::Meta, NEWEST_KEY, &number.saturating_add(1).encode())
	}

	/// If there are too many, forgets the stream without a newer header for longest.
	fn make_room(&self) -> Result<(), StoreError> {
		let rows = self.tx.prefix(Table::Newest, &[])?;
		if rows.len() < MOST_NEWEST {
			return Ok(());
		}
		let number = |row: &(Vec<u8>, Vec<u8>)| decode::<u64>(&row.1).unwrap_or(0);
		if let Some((oldest, _)) = rows.iter().min_by_key(|row| number(row)) {
			self.tx.remove(Table::Newest, oldest)?;
		}
		Ok(())
	}

	fn cursor(&self, job: JobId, assignment: AssignmentIndex) -> Result<Seq, StoreError> {
		match self.tx.get(Table::Cursors, &assignment_bytes(job, assignment))? {
			Some(bytes) => decode(&bytes),
			None => Ok(0),
		}
	}
}

/// The key of the next number of a newest header in the index.
const NEWEST_KEY: &[u8] = b"newest";

fn decode<T: Decode>(bytes: &[u8]) -> Result<T, StoreError> {
	T::decode(&mut &bytes[..]).map_err(|error| StoreError::Index(error.to_string()))
}

/// Big-endian, so that keys are ordered like seqs.
fn key_bytes(key: SegmentKey) -> [u8; 20] {
	let mut bytes = [0; 20];
	bytes[..8].copy_from_slice(&key.job.to_be_bytes());
	bytes[8..12].copy_from_slice(&key.assignment.to_be_bytes());
	bytes[12..].copy_from_slice(&key.seq.to_be_bytes());
	bytes
}

fn key_of(bytes: &[u8]) -> Option<SegmentKey> {
	Some(SegmentKey {
		job: JobId::from_be_bytes(bytes.get(..8)?.try_into().ok()?),
		assignment: AssignmentIndex::from_be_bytes(bytes.get(8..12)?.try_into().ok()?),
		seq: Seq::from_be_bytes(bytes.get(12..20)?.try_into().ok()?),
	})
}

fn assignment_bytes(job: JobId, assignment: AssignmentIndex) -> [u8; 12] {
	let mut bytes = [0; 12];
	bytes[..8].copy_from_slice(&job.to_be_bytes());
	bytes[8..].copy_from_slice(&assignment.to_be_bytes());
	bytes
}

fn record_bytes(stream: StreamId, seq: Seq) -> [u8; 40] {
	let mut bytes = [0; 40];
	bytes[..32].copy_from_slice(stream.as_bytes());
	bytes[32..].copy_from_slice(&seq.to_be_bytes());
	bytes
}

fn receipt_owner(key: SegmentKey) -> String {
	format!("receipt/{}/{}/{}", key.job, key.assignment, key.seq)
}

fn record_owner(stream: StreamId, seq: Seq) -> String {
	format!("record/{}/{seq}", hex::encode(stream))
}

impl Blobs for DiskStore {
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError> {
		self.files.put(bytes)
	}

	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
		self.files.get(hash)
	}

	fn part(&self, hash: H256, range: Range<usize>) -> Result<Option<Vec<u8>>, StoreError> {
		self.files.part(hash, range)
	}

	fn size(&self, hash: H256) -> Result<Option<u64>, StoreError> {
		Ok(self.files.len(hash))
	}

	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError> {
		self.change(|change| change.pin(owner, hashes))
	}

	fn unpin(&self, owner: &str) -> Result<(), StoreError> {
		self.change(|change| change.unpin(owner))
	}
}

impl Values for DiskStore {
	fn put_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
		self.change(|change| change.tx.put(Table::Values, name.as_bytes(), value))
	}

	fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
		self.index.read(|tx| tx.get(Table::Values, name.as_bytes()))
	}

	fn drop_value(&self, name: &str) -> Result<(), StoreError> {
		self.change(|change| change.tx.remove(Table::Values, name.as_bytes()).map(drop))
	}
}

impl Headers for DiskStore {
	fn put_header(&self, signed: &SignedHeader) -> Result<SignedHeader, StoreError> {
		let key = SegmentKey::of(&signed.header);
		self.change(|change| {
			if let Some(bytes) = change.tx.get(Table::Headers, &key_bytes(key))? {
				return decode(&bytes);
			}
			change.tx.put(Table::Headers, &key_bytes(key), &signed.encode())?;
			Ok(signed.clone())
		})
	}

	fn resign_header(&self, signed: &SignedHeader) -> Result<(), StoreError> {
		let key = key_bytes(SegmentKey::of(&signed.header));
		self.change(|change| {
			let stored = change.tx.get(Table::Headers, &key)?;
			let stored = stored.map(|bytes| decode::<SignedHeader>(&bytes)).transpose()?;
			if stored.is_none_or(|stored| stored.header != signed.header) {
				return Err(StoreError::Conflict);
			}
			change.tx.put(Table::Headers, &key, &signed.encode())
		})
	}

	fn drop_header(&self, key: SegmentKey) -> Result<(), StoreError> {
		self.change(|change| change.tx.remove(Table::Headers, &key_bytes(key)).map(drop))
	}
}

impl Receipts for DiskStore {
	fn put_receipt(&self, segment: &TranscodedSegment) -> Result<TranscodedSegment, StoreError> {
		let key = segment.key();
		self.change(|change| {
			if let Some(bytes) = change.tx.get(Table::Receipts, &key_bytes(key))? {
				let stored: TranscodedSegment = decode(&bytes)?;
				return if stored.signed.header == segment.signed.header {
					Ok(stored)
				} else {
					Err(StoreError::Conflict)
				};
			}
			if key.seq < change.cursor(key.job, key.assignment)? {
				return Err(StoreError::Conflict);
			}
			change.tx.put(Table::Receipts, &key_bytes(key), &segment.encode())?;
			change.pin(&receipt_owner(key), &segment.hashes())?;
			change.note_newest(&segment.signed)?;
			Ok(segment.clone())
		})
	}

	fn newest(&self, stream: StreamId) -> Result<Option<SignedHeader>, StoreError> {
		let row = self.index.read(|tx| tx.get(Table::Newest, stream.as_bytes()))?;
		let row = row.map(|bytes| decode::<(u64, SignedHeader)>(&bytes)).transpose()?;
		Ok(row.map(|(_, signed)| signed))
	}

	fn receipt(&self, key: SegmentKey) -> Result<Option<TranscodedSegment>, StoreError> {
		self.index.read(|tx| {
			tx.get(Table::Receipts, &key_bytes(key))?.map(|bytes| decode(&bytes)).transpose()
		})
	}

	fn receipts(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
		from: Seq,
		limit: usize,
	) -> Result<Vec<TranscodedSegment>, StoreError> {
		let key = |seq| key_bytes(SegmentKey { job, assignment, seq });
		self.index.read(|tx| {
			tx.range(Table::Receipts, &key(from), &key(Seq::MAX), limit)?
				.iter()
				.map(|(_, bytes)| decode(bytes))
				.collect()
		})
	}

	fn assignments(&self) -> Result<Vec<(JobId, AssignmentIndex)>, StoreError> {
		self.index.read(|tx| {
			let mut found = std::collections::BTreeSet::new();
			for table in [Table::Receipts, Table::Claims] {
				// From one to the next: of each there may be thousands of rows.
				let mut from = Some((0, 0));
				while let Some((job, assignment)) = from {
					let first = key_bytes(SegmentKey { job, assignment, seq: 0 });
					let rows = tx.range(table, &first, &[u8::MAX; 20], 1)?;
					let Some(key) = rows.first().and_then(|(key, _)| key_of(key)) else { break };
					found.insert((key.job, key.assignment));
					from = match key.assignment.checked_add(1) {
						Some(assignment) => Some((key.job, assignment)),
						None => key.job.checked_add(1).map(|job| (job, 0)),
					};
				}
			}
			Ok(found.into_iter().collect())
		})
	}

	fn cursor(&self, job: JobId, assignment: AssignmentIndex) -> Result<Seq, StoreError> {
		self.index.read(|tx| match tx.get(Table::Cursors, &assignment_bytes(job, assignment))? {
			Some(bytes) => decode(&bytes),
			None => Ok(0),
		})
	}

	fn drop_assignment(&self, job: JobId, assignment: AssignmentIndex) -> Result<(), StoreError> {
		self.change(|change| {
			let key = |seq| key_bytes(SegmentKey { job, assignment, seq });
			let cursor = change.cursor(job, assignment)?;
			let gone =
				change.tx.range(Table::Receipts, &key(cursor), &key(Seq::MAX), usize::MAX)?;
			for key in gone.iter().filter_map(|(key, _)| key_of(key)) {
				change.drop_receipt(key)?;
			}
			Ok(())
		})
	}
}

impl Claims for DiskStore {
	fn put_claim(&self, claim: &ClaimRecord) -> Result<(), StoreError> {
		self.change(|change| {
			if claim.first < change.cursor(claim.job, claim.assignment)? {
				return Err(StoreError::Conflict);
			}
			let next = claim.last().saturating_add(1);
			let assignment = assignment_bytes(claim.job, claim.assignment);
			change.tx.put(Table::Cursors, &assignment, &next.encode())?;
			change.tx.put(Table::Claims, &key_bytes(claim.key()), &claim.encode())
		})
	}

	fn set_claim_id(&self, key: SegmentKey, id: ClaimId) -> Result<(), StoreError> {
		self.change(|change| {
			if let Some(bytes) = change.tx.get(Table::Claims, &key_bytes(key))? {
				let claim = ClaimRecord { id: Some(id), ..decode(&bytes)? };
				change.tx.put(Table::Claims, &key_bytes(key), &claim.encode())?;
			}
			Ok(())
		})
	}

	fn claims(&self) -> Result<Vec<ClaimRecord>, StoreError> {
		self.index.read(|tx| {
			tx.prefix(Table::Claims, &[])?.iter().map(|(_, bytes)| decode(bytes)).collect()
		})
	}

	fn close_claim(&self, key: SegmentKey) -> Result<(), StoreError> {
		self.change(|change| {
			if let Some(bytes) = change.tx.remove(Table::Claims, &key_bytes(key))? {
				let claim: ClaimRecord = decode(&bytes)?;
				for seq in claim.first..=claim.last() {
					change.drop_receipt(SegmentKey { seq, ..key })?;
				}
			}
			Ok(())
		})
	}
}

impl Streams for DiskStore {
	fn put_stream(&self, stream: StreamId, state: &StreamState) -> Result<(), StoreError> {
		self.change(|change| change.tx.put(Table::Streams, stream.as_bytes(), &state.encode()))
	}

	fn stream(&self, stream: StreamId) -> Result<Option<StreamState>, StoreError> {
		self.index.read(|tx| {
			tx.get(Table::Streams, stream.as_bytes())?.map(|bytes| decode(&bytes)).transpose()
		})
	}

	fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, StoreError> {
		self.index.read(|tx| {
			tx.prefix(Table::Streams, &[])?
				.iter()
				.map(|(key, bytes)| Ok((StreamId::from_slice(key), decode(bytes)?)))
				.collect()
		})
	}

	fn put_record_with(&self, record: &SegmentRecord, more: &[H256]) -> Result<(), StoreError> {
		let header = record.header();
		let hashes: Vec<H256> =
			record.present().map(|output| output.hash).chain(more.iter().copied()).collect();
		self.change(|change| {
			let key = record_bytes(header.stream, header.seq);
			change.tx.put(Table::Records, &key, &record.encode())?;
			change.pin(&record_owner(header.stream, header.seq), &hashes)
		})
	}

	fn records(
		&self,
		stream: StreamId,
		from: Seq,
		limit: usize,
	) -> Result<Vec<SegmentRecord>, StoreError> {
		let key = |seq| record_bytes(stream, seq);
		self.index.read(|tx| {
			tx.range(Table::Records, &key(from), &key(Seq::MAX), limit)?
				.iter()
				.map(|(_, bytes)| decode(bytes))
				.collect()
		})
	}

	fn last_record(&self, stream: StreamId) -> Result<Option<SegmentRecord>, StoreError> {
		let key = |seq| record_bytes(stream, seq);
		let row = self.index.read(|tx| tx.last(Table::Records, &key(0), &key(Seq::MAX)))?;
		row.map(|(_, bytes)| decode(&bytes)).transpose()
	}

	fn trim_records(&self, stream: StreamId, before: Seq) -> Result<(), StoreError> {
		let Some(last) = before.checked_sub(1) else { return Ok(()) };
		let key = |seq| record_bytes(stream, seq);
		let first = self.index.read(|tx| tx.range(Table::Records, &key(0), &key(last), 1))?;
		if first.is_empty() {
			return Ok(());
		}
		self.change(|change| {
			for (key, bytes) in change.tx.range(Table::Records, &key(0), &key(last), usize::MAX)? {
				let record: SegmentRecord = decode(&bytes)?;
				change.tx.remove(Table::Records, &key)?;
				change.unpin(&record_owner(stream, record.header().seq))?;
			}
			Ok(())
		})
	}
}
