//! The store's promises, on a real disk.
#![allow(clippy::unwrap_used)]

use std::{
	fs,
	path::{Path, PathBuf},
	process::{Command, Stdio},
	time::Duration,
};

use livepeer_primitives::{
	extension::Extensions,
	leaf::Leaf,
	receipt::{Outputs, TranscodeResult},
	segment::SegmentHeader,
	sum_tree::SumTree,
	Hash,
};
use livepeer_worker_core::{
	fakes::{output, receipt_for, segment_header, segment_record, signed_header, signed_receipt},
	key::{Key, Signing},
	ports::{
		contradiction::SignedReceipt,
		store::{
			Blobs, ClaimRecord, Claims, Headers, Receipts, SegmentKey, StoreError, Streams,
			TranscodedSegment, Values,
		},
		transport::{SegmentRecord, SignedHeader},
	},
	sha256,
};
use livepeer_worker_store::DiskStore;
use redb::ReadableTable;
use sp_core::H256;

fn segment(store: &DiskStore, seq: u64, len: usize) -> Result<TranscodedSegment, StoreError> {
	let key = Key::from_uri("//T").unwrap();
	let input = vec![seq as u8; len];
	store.put(&input)?;
	let mut outputs = Outputs::default();
	for rendition in 0..2u8 {
		let mut bytes = input.clone();
		bytes.push(rendition);
		store.put(&bytes)?;
		outputs.try_push(Some(output(&bytes))).unwrap();
	}
	let header = SegmentHeader {
		stream: Hash::repeat_byte(5),
		assignment: 2,
		..segment_header(&key, &key, seq, &input)
	};
	let result = TranscodeResult::Transcoded(outputs.clone());
	let SignedReceipt { receipt, signature } =
		signed_receipt(&key, receipt_for(&header, Hash::zero(), result));
	let segment = header.segment.clone();
	Ok(TranscodedSegment {
		signature,
		signed: signed_header(&key, header),
		receipt,
		max_leaves: 64,
		leaf: Leaf::Transcoded { segment, outputs, work: 7, extensions: Extensions::default() },
		stored_ms: 1,
	})
}

/// The record of a segment, as its broadcaster keeps it.
fn record(segment: &TranscodedSegment) -> SegmentRecord {
	let TranscodedSegment { signed, receipt, signature, .. } = segment.clone();
	segment_record(signed, SignedReceipt { receipt, signature })
}

fn claim(first: u64, last: u64, leaf: &Leaf) -> ClaimRecord {
	let leaves = vec![leaf.clone(); (last - first + 1) as usize];
	let commitment = SumTree::new(&leaves).unwrap().commitment();
	ClaimRecord {
		job: 1,
		assignment: 2,
		first,
		leaves,
		commitment,
		toolchain: Hash::zero(),
		keys: 0,
		id: None,
	}
}

fn key(seq: u64) -> SegmentKey {
	SegmentKey { job: 1, assignment: 2, seq }
}

fn blob_path(dir: &Path, hash: H256) -> PathBuf {
	let name = hex::encode(hash);
	dir.join("blobs").join(&name[..2]).join(name)
}

fn blob_count(dir: &Path) -> usize {
	fs::read_dir(dir.join("blobs"))
		.unwrap()
		.map(|entry| fs::read_dir(entry.unwrap().path()).unwrap().count())
		.sum()
}

#[test]
fn everything_should_be_there_when_the_store_is_opened_again() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let first = segment(&store, 0, 1_000).unwrap();
	store.put_receipt(&first).unwrap();
	store.put_claim(&claim(0, 0, &first.leaf)).unwrap();
	store.set_claim_id(key(0), 9).unwrap();
	store.put_value("name", b"value").unwrap();
	let signed = first.signed.clone();
	store.put_header(&signed).unwrap();
	drop(store);
	let store = DiskStore::open(dir.path()).unwrap();
	assert_eq!(store.receipt(key(0)).unwrap().as_ref(), Some(&first));
	assert_eq!(store.cursor(1, 2).unwrap(), 1);
	assert_eq!(store.claims().unwrap()[0].id, Some(9));
	assert_eq!(store.value("name").unwrap().as_deref(), Some(&b"value"[..]));
	let again = Signing::own(Key::from_uri("//T").unwrap()).sign(&signed.header.hash());
	let other = SignedHeader { header: signed.header.clone(), signature: again };
	assert_eq!(store.put_header(&other).unwrap(), signed);
	for hash in first.hashes() {
		assert_eq!(sha256(&store.get(hash).unwrap().unwrap()), hash);
	}
	assert_eq!(store.assignments().unwrap(), [(1, 2)]);
}

#[test]
fn second_receipt_should_be_refused_when_it_is_for_another_header() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let first = segment(&store, 0, 10).unwrap();
	assert_eq!(store.put_receipt(&first).unwrap(), first);
	let mut again = first.clone();
	again.stored_ms = 2;
	assert_eq!(store.put_receipt(&again).unwrap(), first, "the stored one stays");
	let mut other = first.clone();
	other.signed.header.segment.in_len = 5;
	assert_eq!(store.put_receipt(&other), Err(StoreError::Conflict));
}

#[test]
fn bytes_that_nobody_pins_should_go_while_the_store_is_open() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let kept = store.put(b"kept").unwrap();
	store.pin("owner", &[kept]).unwrap();
	// Stored once more, and not pinned once more.
	store.put(b"kept").unwrap();
	let orphan = store.put(b"orphan").unwrap();
	let hour = Duration::from_secs(3_600);
	assert_eq!(store.sweep(hour), Ok(0), "somebody may be about to pin it");
	assert_eq!(store.sweep(Duration::ZERO), Ok(1));
	assert_eq!(store.get(orphan), Ok(None));
	assert!(store.get(kept).unwrap().is_some());
	assert_eq!(store.sweep(Duration::ZERO), Ok(0));
	assert_eq!(store.used(), 4);
	store.unpin("owner").unwrap();
	assert_eq!((store.get(kept), store.used()), (Ok(None), 0));
}

#[test]
fn store_should_not_grow_beyond_its_quota() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open_within(dir.path(), 250).unwrap();
	let first = store.put(&[1; 100]).unwrap();
	store.pin("first", &[first]).unwrap();
	let second = store.put(&[2; 100]).unwrap();
	store.pin("second", &[second]).unwrap();
	let refused = store.put(&[3; 100]).unwrap_err();
	assert!(matches!(refused, StoreError::Quota { quota: 250, .. }), "{refused}");
	assert_eq!(store.put(&[2; 100]), Ok(second), "what is there needs no room");
	drop(store);
	let store = DiskStore::open_within(dir.path(), 250).unwrap();
	assert_eq!(store.used(), 200);
	assert!(store.put(&[3; 100]).is_err());
	store.unpin("first").unwrap();
	store.put(&[3; 100]).unwrap();
}

#[test]
fn newest_header_should_be_found_without_a_search() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let stream = Hash::repeat_byte(5);
	assert_eq!(store.newest(stream), Ok(None));
	let segments: Vec<_> = [3, 7, 5].map(|seq| segment(&store, seq, 10).unwrap()).to_vec();
	for segment in &segments {
		store.put_receipt(segment).unwrap();
	}
	assert_eq!(store.newest(stream).unwrap().as_ref(), Some(&segments[1].signed));
	assert_eq!(store.last_record(stream), Ok(None));
	segments.iter().for_each(|segment| store.put_record(&record(segment)).unwrap());
	assert_eq!(store.last_record(stream).unwrap(), Some(record(&segments[1])));
	assert_eq!(store.last_record(Hash::repeat_byte(4)), Ok(None));
	// A broadcaster that lost its state asks for it long after.
	store.drop_assignment(1, 2).unwrap();
	assert_eq!(store.newest(stream).unwrap().as_ref(), Some(&segments[1].signed));
}

#[test]
fn older_index_should_be_brought_up_to_date_and_a_newer_one_refused() {
	type Bytes = redb::TableDefinition<'static, &'static [u8], &'static [u8]>;
	const META: Bytes = redb::TableDefinition::new("meta");
	const NEWEST: Bytes = redb::TableDefinition::new("newest");
	const RECORDS: Bytes = redb::TableDefinition::new("records");
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let first = segment(&store, 3, 10).unwrap();
	store.put_receipt(&first).unwrap();
	let record = record(&first);
	store.put_record(&record).unwrap();
	drop(store);
	let change = |change: &dyn Fn(&redb::WriteTransaction)| {
		let index = redb::Database::create(dir.path().join("index.redb")).unwrap();
		let tx = index.begin_write().unwrap();
		change(&tx);
		tx.commit().unwrap();
	};
	// As the first form was.
	change(&|tx| {
		tx.delete_table(META).unwrap();
		tx.delete_table(NEWEST).unwrap();
		let mut records = tx.open_table(RECORDS).unwrap();
		let rows = records.iter().unwrap().map(|row| {
			let (key, value) = row.unwrap();
			(key.value().to_vec(), value.value().to_vec())
		});
		for (key, value) in rows.collect::<Vec<_>>() {
			records.insert(&key[..], &value[..value.len() - 1]).unwrap();
		}
	});
	let store = DiskStore::open(dir.path()).unwrap();
	assert_eq!(store.newest(Hash::repeat_byte(5)).unwrap(), Some(first.signed.clone()));
	assert_eq!(store.receipt(key(3)).unwrap(), Some(first));
	assert_eq!(store.last_record(Hash::repeat_byte(5)).unwrap(), Some(record.clone()));
	drop(store);
	let store = DiskStore::open(dir.path()).unwrap();
	let records = store.records(Hash::repeat_byte(5), 0, 10).unwrap();
	assert_eq!(records, [record], "once is enough");
	drop(store);
	change(&|tx| {
		let version = 99u32.to_le_bytes();
		tx.open_table(META).unwrap().insert(&b"schema"[..], &version[..]).unwrap();
	});
	let refused = DiskStore::open(dir.path()).err().unwrap();
	assert!(refused.to_string().contains("newer worker"), "{refused}");
}

#[test]
fn header_should_get_another_signature_and_nothing_else() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let signed = segment(&store, 0, 10).unwrap().signed;
	assert_eq!(store.resign_header(&signed), Err(StoreError::Conflict), "there is none");
	store.put_header(&signed).unwrap();
	let again = Signing::own(Key::from_uri("//T").unwrap()).sign(&signed.header.hash());
	let again = SignedHeader { signature: again, ..signed.clone() };
	store.resign_header(&again).unwrap();
	assert_eq!(store.put_header(&signed).unwrap(), again);
	let mut other = signed;
	other.header.segment.time += 1;
	assert_eq!(store.resign_header(&other), Err(StoreError::Conflict));
}

#[test]
fn receipt_should_be_refused_when_a_claim_covers_its_seq() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let leaf = segment(&store, 0, 10).unwrap().leaf;
	store.put_claim(&claim(0, 4, &leaf)).unwrap();
	let late = segment(&store, 3, 10).unwrap();
	assert_eq!(store.put_receipt(&late), Err(StoreError::Conflict));
	store.put_receipt(&segment(&store, 5, 10).unwrap()).unwrap();
	assert_eq!(store.put_claim(&claim(4, 5, &leaf)), Err(StoreError::Conflict));
	store.close_claim(key(0)).unwrap();
	assert_eq!(store.put_receipt(&late), Err(StoreError::Conflict), "the cursor stays");
}

#[test]
fn bytes_should_go_when_the_last_pin_ends() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	for seq in 0..3 {
		store.put_receipt(&segment(&store, seq, 10).unwrap()).unwrap();
	}
	assert_eq!(blob_count(dir.path()), 9);
	let leaf = store.receipt(key(0)).unwrap().unwrap().leaf;
	store.put_claim(&claim(0, 1, &leaf)).unwrap();
	let shared = store.receipt(key(0)).unwrap().unwrap().outputs()[0].hash;
	store.pin("task/a/1", &[shared]).unwrap();
	store.pin("task/a/2", &[shared, shared]).unwrap();
	store.close_claim(key(0)).unwrap();
	assert!(store.claims().unwrap().is_empty());
	assert_eq!(store.receipts(1, 2, 0, 10).unwrap().len(), 1);
	assert_eq!(blob_count(dir.path()), 4, "three of the open segment, one of the task");
	store.unpin("task/a").unwrap();
	assert_eq!(store.get(shared).unwrap(), None);
	store.drop_assignment(1, 2).unwrap();
	assert_eq!(blob_count(dir.path()), 0);
}

#[test]
fn bytes_should_stay_when_they_are_stored_again_before_a_pin_ends() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let hash = store.put(b"bytes").unwrap();
	store.pin("first", &[hash]).unwrap();
	// Somebody stores the same bytes and is about to pin them.
	store.put(b"bytes").unwrap();
	store.unpin("first").unwrap();
	store.pin("second", &[hash]).unwrap();
	assert_eq!(store.get(hash).unwrap().as_deref(), Some(&b"bytes"[..]));
	let unknown = store.pin("third", &[H256::repeat_byte(1)]);
	assert_eq!(unknown, Err(StoreError::Damaged(H256::repeat_byte(1))));
}

#[test]
fn part_of_bytes_should_be_read_alone() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let hash = store.put(b"some bytes").unwrap();
	let part = |range| store.part(hash, range).unwrap();
	assert_eq!(part(5..10).as_deref(), Some(&b"bytes"[..]));
	assert_eq!(part(10..10).as_deref(), Some(&b""[..]));
	assert_eq!(part(5..11).as_deref(), Some(&b""[..]), "there are not as many");
	assert_eq!(part(usize::MAX..usize::MAX).as_deref(), Some(&b""[..]));
	assert_eq!(store.part(H256::zero(), 0..1), Ok(None));
	// Callers who know the right bytes check for damage.
	fs::write(blob_path(dir.path(), hash), b"some byteS").unwrap();
	assert_eq!(part(9..10).as_deref(), Some(&b"S"[..]));
}

#[test]
fn damage_should_be_found_when_bytes_are_read() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let hash = store.put(b"good bytes").unwrap();
	store.pin("owner", &[hash]).unwrap();
	fs::write(blob_path(dir.path(), hash), b"good byteS").unwrap();
	assert_eq!(store.get(hash), Err(StoreError::Damaged(hash)));
	assert_eq!(store.get(hash), Ok(None));
	store.put(b"good bytes").unwrap();
	assert!(store.get(hash).unwrap().is_some());
}

#[test]
fn orphans_should_go_when_the_store_is_opened() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let kept = store.put(b"kept").unwrap();
	store.pin("owner", &[kept]).unwrap();
	let orphan = store.put(b"orphan").unwrap();
	fs::write(dir.path().join("blobs/tmp/0"), b"half a file").unwrap();
	drop(store);
	let store = DiskStore::open(dir.path()).unwrap();
	assert!(store.get(kept).unwrap().is_some());
	assert_eq!(store.get(orphan).unwrap(), None);
	assert!(!dir.path().join("blobs/tmp/0").exists());
}

#[test]
fn records_should_be_trimmed_with_their_bytes() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let stream = Hash::repeat_byte(5);
	for seq in 0..20 {
		let segment = segment(&store, seq, 10).unwrap();
		store.put_record(&record(&segment)).unwrap();
	}
	let seqs = |from, limit| -> Vec<u64> {
		let records = store.records(stream, from, limit).unwrap();
		records.iter().map(|record| record.header().seq).collect()
	};
	assert_eq!(seqs(7, 3), [7, 8, 9]);
	store.trim_records(stream, 15).unwrap();
	assert_eq!(seqs(0, 100), [15, 16, 17, 18, 19]);
	store.trim_records(stream, 0).unwrap();
	assert_eq!(store.records(Hash::zero(), 0, 10).unwrap().len(), 0);
}

#[test]
fn folder_should_be_refused_when_it_is_taken_or_no_folder() {
	let dir = tempfile::tempdir().unwrap();
	let _first = DiskStore::open(dir.path()).unwrap();
	let second = DiskStore::open(dir.path()).err().unwrap();
	assert!(second.to_string().contains("another process uses this folder"), "{second}");
	let file = dir.path().join("file");
	fs::write(&file, b"x").unwrap();
	assert!(matches!(DiskStore::open(&file), Err(StoreError::Unusable { .. })));
	let foreign = tempfile::tempdir().unwrap();
	fs::create_dir_all(foreign.path()).unwrap();
	fs::write(foreign.path().join("index.redb"), vec![7; 10_000]).unwrap();
	assert!(DiskStore::open(foreign.path()).is_err());
}

/// The process that [`kill_should_lose_nothing_that_was_reported_stored`] kills: stores receipts
/// and says so, line by line.
#[test]
#[ignore = "started by another test"]
fn writer() {
	use std::io::Write;
	let Ok(dir) = std::env::var("STORE_TEST_DIR") else { return };
	let store = DiskStore::open(Path::new(&dir)).unwrap();
	let mut seq = store.receipts(1, 2, 0, usize::MAX).unwrap().len() as u64;
	loop {
		store.put_receipt(&segment(&store, seq, 20_000).unwrap()).unwrap();
		println!("stored {seq}");
		std::io::stdout().flush().unwrap();
		seq += 1;
	}
}

#[test]
fn kill_should_lose_nothing_that_was_reported_stored() {
	use std::io::{BufRead, BufReader};
	let dir = tempfile::tempdir().unwrap();
	let mut reported = 0;
	for round in 0..4 {
		let mut child = Command::new(std::env::current_exe().unwrap())
			.args(["--exact", "writer", "--ignored", "--nocapture"])
			.env("STORE_TEST_DIR", dir.path())
			.stdout(Stdio::piped())
			.stderr(Stdio::null())
			.spawn()
			.unwrap();
		let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
		// Killed at another point of its work each time.
		let mut left = 4 + round * 3;
		for line in lines.by_ref() {
			let line = line.unwrap();
			if let Some(at) = line.find("stored ") {
				reported = line[at + 7..].trim().parse::<u64>().unwrap() + 1;
				left -= 1;
				if left == 0 {
					break;
				}
			}
		}
		std::thread::sleep(Duration::from_millis(round * 3));
		child.kill().unwrap();
		child.wait().unwrap();
		for line in lines.map_while(Result::ok) {
			if let Some(seq) = line.strip_prefix("stored ").and_then(|s| s.parse::<u64>().ok()) {
				reported = seq + 1;
			}
		}
		let store = DiskStore::open(dir.path()).unwrap();
		let stored = store.receipts(1, 2, 0, usize::MAX).unwrap();
		assert!(stored.len() as u64 >= reported && reported > 0);
		for (seq, segment) in stored.iter().enumerate() {
			assert_eq!(segment.header().seq, seq as u64);
			for hash in segment.hashes() {
				assert!(store.get(hash).unwrap().is_some());
			}
		}
	}
}

#[test]
fn assignments_should_be_found_whatever_each_has() {
	let dir = tempfile::tempdir().unwrap();
	let store = DiskStore::open(dir.path()).unwrap();
	let made = segment(&store, 0, 100).unwrap();
	let of = [(1, 3), (1, u32::MAX), (2, 0), (u64::MAX, u32::MAX)];
	for (job, assignment) in of {
		for seq in 0..3 {
			let mut segment = made.clone();
			let header = &mut segment.signed.header;
			(header.job, header.assignment, header.seq) = (job, assignment, seq);
			store.put_receipt(&segment).unwrap();
		}
	}
	// Of which nothing is left but what was claimed.
	store.put_claim(&claim(0, 0, &made.leaf)).unwrap();
	let found = store.assignments().unwrap();
	assert_eq!(found, [&[(1, 2)][..], &of[..]].concat());
}

/// Mounts a small disk; needs the right to do so.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
	fn mount() -> Option<Self> {
		let dir = tempfile::tempdir().unwrap();
		let mounted = Command::new("mount")
			.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
			.arg(dir.path())
			.stderr(Stdio::null())
			.status()
			.is_ok_and(|status| status.success());
		mounted.then_some(Self(dir))
	}
}

impl Drop for SmallDisk {
	fn drop(&mut self) {
		let _ = Command::new("umount").arg(self.0.path()).status();
	}
}

/// Endless segments leave room for other programs on the disk, such as a validator's node.
#[test]
fn attack_bytes_that_fill_the_disk_of_whoever_shares_it() {
	let Some(disk) = SmallDisk::mount() else {
		eprintln!("skipped: a small disk cannot be mounted here");
		return;
	};
	let store = DiskStore::open(disk.0.path()).unwrap();
	let put = |n: u32| store.put(&[&n.to_le_bytes()[..], &[7; 20_000]].concat());
	let full = (0..1_000).find_map(|n| put(n).err());
	assert!(matches!(full, Some(StoreError::DiskFull(_))), "{full:?}");
	std::fs::write(disk.0.path().join("theirs"), vec![7; 150_000]).unwrap();
}

#[test]
fn nothing_should_be_lost_when_the_disk_is_full() {
	let Some(disk) = SmallDisk::mount() else {
		eprintln!("skipped: a small disk cannot be mounted here");
		return;
	};
	let dir = disk.0.path();
	let store = DiskStore::open(dir).unwrap();
	let mut stored = 0;
	let error = loop {
		match segment(&store, stored, 50_000).and_then(|segment| store.put_receipt(&segment)) {
			Ok(_) => stored += 1,
			Err(error) => break error,
		}
		assert!(stored < 1_000, "the disk should have been full by now");
	};
	assert!(matches!(error, StoreError::DiskFull(_)), "{error}");
	assert!(error.to_string().starts_with("disk full at "), "{error}");
	assert!(stored > 3);
	let check = |store: &DiskStore| {
		let receipts = store.receipts(1, 2, 0, usize::MAX).unwrap();
		assert_eq!(receipts.len() as u64, stored);
		for hash in receipts.iter().flat_map(TranscodedSegment::hashes) {
			assert!(store.get(hash).unwrap().is_some());
		}
	};
	check(&store);
	// The index itself runs out of space as well.
	while store.put_value("filler", &vec![0; 200_000]).is_ok()
		&& store.put_value(&format!("{:?}", std::time::Instant::now()), &[0; 20_000]).is_ok()
	{}
	check(&store);
	// Once there is space again, the same store continues.
	let leaf = store.receipt(key(0)).unwrap().unwrap().leaf;
	let grown = Command::new("mount")
		.args(["-o", "remount,size=32m"])
		.arg(dir)
		.status()
		.is_ok_and(|status| status.success());
	assert!(grown);
	store.put_receipt(&segment(&store, stored, 50_000).unwrap()).unwrap();
	store.put_claim(&claim(0, 0, &leaf)).unwrap();
	drop(store);
	let store = DiskStore::open(dir).unwrap();
	assert_eq!(store.receipts(1, 2, 0, usize::MAX).unwrap().len() as u64, stored + 1);
}
