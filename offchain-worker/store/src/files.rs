//! Files named by the hash of their content.

use std::{
	collections::BTreeMap,
	fs::{self, File},
	io::{self, Write},
	ops::Range,
	os::unix::fs::FileExt,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU64, Ordering},
		Mutex, MutexGuard, PoisonError,
	},
	time::{Duration, Instant},
};

use livepeer_worker_core::{ports::store::StoreError, sha256};
use nix::sys::statvfs::statvfs;
use sp_core::H256;

/// The most that stays free on a disk; a tenth of the disk if that is less. The index and other programs, such as
/// a validator's node, write there too: data that strangers can have stored must not take their space. A node ends
/// when less than 1 GiB is left (its `--db-storage-threshold`), so it needs more than that, and room to grow.
const SPARE: u64 = 4 * 1024 * 1024 * 1024;

pub(crate) struct Files {
	dir: PathBuf,
	/// Files written and not pinned yet, and when: they must not be removed when another pin on the same
	/// bytes ends. Also serialises removal with writing.
	fresh: Mutex<BTreeMap<H256, Instant>>,
	names: AtomicU64,
	/// Bytes of all files.
	used: AtomicU64,
	/// The quota of bytes.
	quota: u64,
}

/// Converts an I/O error.
pub(crate) fn io_error(path: &Path, error: &io::Error) -> StoreError {
	match error.kind() {
		io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
			StoreError::DiskFull(path.display().to_string())
		}
		_ => StoreError::Unusable { path: path.display().to_string(), reason: error.to_string() },
	}
}

/// Whether this many more bytes leave enough of the disk free.
fn fits(dir: &Path, len: u64) -> bool {
	// If the system does not tell, writing will show it.
	let Ok(disk) = statvfs(dir) else { return true };
	let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
	has_room(bytes(disk.blocks()), bytes(disk.blocks_available()), len)
}

/// The same of a disk of this size with this much available. A size of 0 tells nothing: a tmpfs without a limit
/// has it, and file systems in user space that do not count.
fn has_room(size: u64, available: u64, len: u64) -> bool {
	size == 0 || available >= SPARE.min(size / 10).saturating_add(len)
}

fn sync_dir(path: &Path) -> io::Result<()> {
	File::open(path)?.sync_all()
}

impl Files {
	pub(crate) fn open(dir: &Path, quota: u64) -> Result<Self, StoreError> {
		let tmp = dir.join("tmp");
		fs::create_dir_all(&tmp).map_err(|error| io_error(dir, &error))?;
		for entry in fs::read_dir(&tmp).map_err(|error| io_error(&tmp, &error))? {
			let path = entry.map_err(|error| io_error(&tmp, &error))?.path();
			fs::remove_file(&path).map_err(|error| io_error(&path, &error))?;
		}
		let blobs = Self {
			dir: dir.into(),
			fresh: Mutex::default(),
			names: AtomicU64::new(0),
			used: AtomicU64::new(0),
			quota,
		};
		for byte in 0..=u8::MAX {
			let folder = dir.join(hex::encode([byte]));
			if !folder.is_dir() {
				fs::create_dir(&folder).map_err(|error| io_error(&folder, &error))?;
			}
		}
		// Finds out now, and not with the first segment, if the folder cannot be written.
		let probe = tmp.join("probe");
		fs::write(&probe, b"probe")
			.and_then(|()| fs::remove_file(&probe))
			.and_then(|()| sync_dir(dir))
			.map_err(|error| io_error(dir, &error))?;
		let used = blobs.list()?.into_iter().map(|hash| blobs.len(hash).unwrap_or(0)).sum();
		blobs.used.store(used, Ordering::Relaxed);
		Ok(blobs)
	}

	fn fresh(&self) -> MutexGuard<'_, BTreeMap<H256, Instant>> {
		// The map is only ever changed by single calls.
		self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
	}

	fn path(&self, hash: H256) -> PathBuf {
		let name = hex::encode(hash);
		self.dir.join(&name[..2]).join(&name)
	}

	pub(crate) fn exists(&self, hash: H256) -> bool {
		self.path(hash).is_file()
	}

	/// How many bytes a file has, if there is one.
	pub(crate) fn len(&self, hash: H256) -> Option<u64> {
		let metadata = fs::metadata(self.path(hash)).ok()?;
		metadata.is_file().then_some(metadata.len())
	}

	/// Bytes of all files.
	pub(crate) fn used(&self) -> u64 {
		self.used.load(Ordering::Relaxed)
	}

	pub(crate) fn put(&self, bytes: &[u8]) -> Result<H256, StoreError> {
		let hash = sha256(bytes);
		self.fresh().insert(hash, Instant::now());
		let path = self.path(hash);
		// A damaged file is written anew.
		if fs::read(&path).is_ok_and(|stored| stored == bytes) {
			return Ok(hash);
		}
		let len = bytes.len() as u64;
		if self.used().saturating_add(len) > self.quota {
			self.fresh().remove(&hash);
			let path = self.dir.display().to_string();
			return Err(StoreError::Quota { path, quota: self.quota });
		}
		if !fits(&self.dir, len) {
			self.fresh().remove(&hash);
			return Err(StoreError::DiskFull(self.dir.display().to_string()));
		}
		let number = self.names.fetch_add(1, Ordering::Relaxed);
		let tmp = self.dir.join("tmp").join(number.to_string());
		let write = || -> io::Result<()> {
			let mut file = File::create(&tmp)?;
			file.write_all(bytes)?;
			file.sync_all()?;
			drop(file);
			// Never concurrent with a removal, and counted once even if several write the same bytes.
			let fresh = self.fresh();
			let before = self.len(hash).unwrap_or(0);
			fs::rename(&tmp, &path)?;
			self.used.fetch_add(len, Ordering::Relaxed);
			self.used.fetch_sub(before, Ordering::Relaxed);
			drop(fresh);
			path.parent().map_or(Ok(()), sync_dir)
		};
		write().map_err(|error| {
			let _ = fs::remove_file(&tmp);
			self.fresh().remove(&hash);
			io_error(&self.dir, &error)
		})?;
		Ok(hash)
	}

	pub(crate) fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
		let path = self.path(hash);
		match fs::read(&path) {
			Ok(bytes) if sha256(&bytes) == hash => Ok(Some(bytes)),
			Ok(_) => {
				// Damaged bytes are of no use; without the file they can be fetched again.
				let fresh = self.fresh();
				self.unlink(hash);
				drop(fresh);
				Err(StoreError::Damaged(hash))
			}
			Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
			Err(error) => Err(io_error(&path, &error)),
		}
	}

	/// A part of a file, unchecked; empty if the file is too short.
	pub(crate) fn part(
		&self,
		hash: H256,
		range: Range<usize>,
	) -> Result<Option<Vec<u8>>, StoreError> {
		let path = self.path(hash);
		let read = || -> io::Result<Vec<u8>> {
			let mut bytes = vec![0; range.len()];
			File::open(&path)?.read_exact_at(&mut bytes, range.start as u64)?;
			Ok(bytes)
		};
		match read() {
			Ok(bytes) => Ok(Some(bytes)),
			Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
			Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(Vec::new())),
			Err(error) => Err(io_error(&path, &error)),
		}
	}

	/// After a transaction: pinned files are no longer fresh; released ones are removed unless they are
	/// fresh.
	pub(crate) fn settle(&self, pinned: &[H256], released: &[H256]) {
		let mut fresh = self.fresh();
		for hash in pinned {
			fresh.remove(hash);
		}
		for hash in released {
			if !fresh.contains_key(hash) {
				self.unlink(*hash);
			}
		}
	}

	pub(crate) fn remove(&self, hash: H256) {
		let _fresh = self.fresh();
		self.unlink(hash);
	}

	/// Removes a file; the caller must hold the lock of fresh files.
	fn unlink(&self, hash: H256) {
		let len = self.len(hash).unwrap_or(0);
		if fs::remove_file(self.path(hash)).is_ok() {
			self.used.fetch_sub(len, Ordering::Relaxed);
		}
	}

	/// Files that were written that long ago and never pinned.
	pub(crate) fn stale(&self, unpinned_for: Duration) -> Vec<H256> {
		let fresh = self.fresh();
		let stale = fresh.iter().filter(|(_, since)| since.elapsed() >= unpinned_for);
		stale.map(|(hash, _)| *hash).collect()
	}

	/// Removes bytes that are still stale, unless they are pinned; they are no longer fresh. Returns whether
	/// they were removed.
	pub(crate) fn forget(&self, hash: H256, unpinned_for: Duration, pinned: bool) -> bool {
		let mut fresh = self.fresh();
		if fresh.get(&hash).is_none_or(|since| since.elapsed() < unpinned_for) {
			return false;
		}
		fresh.remove(&hash);
		if !pinned {
			self.unlink(hash);
		}
		!pinned
	}

	pub(crate) fn list(&self) -> Result<Vec<H256>, StoreError> {
		let mut hashes = Vec::new();
		for byte in 0..=u8::MAX {
			let folder = self.dir.join(hex::encode([byte]));
			for entry in fs::read_dir(&folder).map_err(|error| io_error(&folder, &error))? {
				let name = entry.map_err(|error| io_error(&folder, &error))?.file_name();
				let bytes = name.to_str().and_then(|name| hex::decode(name).ok());
				if let Some(hash) = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
					hashes.push(H256(hash));
				}
			}
		}
		Ok(hashes)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn disk_should_keep_its_spare_part_and_take_all_where_its_size_is_not_told() {
		const GIB: u64 = 1024 * 1024 * 1024;
		assert!(has_room(5 * GIB, GIB / 2 + 7, 7));
		assert!(!has_room(5 * GIB, GIB / 2 + 6, 7), "a tenth is less than 4 GiB");
		assert!(has_room(100 * GIB, 4 * GIB + 7, 7));
		assert!(!has_room(100 * GIB, 4 * GIB + 6, 7));
		assert!(has_room(0, 0, 7));
	}

	/// A node ends when less than 1 GiB is left: segments alone must not bring a disk near that.
	#[test]
	fn attack_segments_that_end_the_node_on_the_same_disk() {
		const GIB: u64 = 1024 * 1024 * 1024;
		for size in [20, 40, 100, 500] {
			assert!(!has_room(size * GIB, 2 * GIB - 1, 0), "a disk of {size} GiB");
		}
	}
}
