//! The index: tables of bytes in one redb file.

use std::{
	io,
	ops::Bound,
	path::{Path, PathBuf},
	sync::{PoisonError, RwLock},
};

use livepeer_worker_core::ports::store::StoreError;
use redb::{
	Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use crate::files::io_error;

/// A row.
type Row = (Vec<u8>, Vec<u8>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
	/// Hash → count of pins.
	Refs,
	/// Owner → hashes.
	Pins,
	Headers,
	Receipts,
	Cursors,
	Claims,
	Streams,
	Records,
	Values,
	/// Stream → an ascending number, and its newest header with a receipt.
	Newest,
	/// Metadata of the index.
	Meta,
}

const TABLES: [Table; 11] = [
	Table::Refs,
	Table::Pins,
	Table::Headers,
	Table::Receipts,
	Table::Cursors,
	Table::Claims,
	Table::Streams,
	Table::Records,
	Table::Values,
	Table::Newest,
	Table::Meta,
];

impl Table {
	fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
		TableDefinition::new(match self {
			Table::Refs => "refs",
			Table::Pins => "pins",
			Table::Headers => "headers",
			Table::Receipts => "receipts",
			Table::Cursors => "cursors",
			Table::Claims => "claims",
			Table::Streams => "streams",
			Table::Records => "records",
			Table::Values => "values",
			Table::Newest => "newest",
			Table::Meta => "meta",
		})
	}
}

pub(crate) struct Index {
	path: PathBuf,
	/// Fails only after an I/O error without recovery so far, with that error.
	database: RwLock<Result<Database, StoreError>>,
}

/// A transaction of either kind.
pub(crate) enum Tx<'a> {
	Read(&'a ReadTransaction),
	Write(&'a WriteTransaction),
}

fn error(path: &Path, error: impl Into<redb::Error>) -> StoreError {
	match error.into() {
		redb::Error::Io(error) => io_error(path, &error),
		redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
			StoreError::Unusable {
				path: path.display().to_string(),
				reason: "another process uses this folder".into(),
			}
		}
		other => StoreError::Index(other.to_string()),
	}
}

macro_rules! with_table {
	($tx:expr, $table:expr, |$t:ident| $body:expr) => {
		match $tx {
			Tx::Read(tx) => {
				let $t = tx.open_table($table.definition()).map_err(|e| fail(e.into()))?;
				$body
			}
			Tx::Write(tx) => {
				let $t = tx.open_table($table.definition()).map_err(|e| fail(e.into()))?;
				$body
			}
		}
	};
}

/// Errors inside a transaction have no path; a full disk is recognised by the error's kind.
fn fail(e: redb::Error) -> StoreError {
	error(Path::new("the index"), e)
}

impl Tx<'_> {
	pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
		with_table!(self, table, |t| {
			let value = t.get(key).map_err(|e| fail(e.into()))?;
			Ok(value.map(|value| value.value().to_vec()))
		})
	}

	/// Rows with keys in `[first, last]`, at most `limit` of them.
	pub(crate) fn range(
		&self,
		table: Table,
		first: &[u8],
		last: &[u8],
		limit: usize,
	) -> Result<Vec<Row>, StoreError> {
		self.rows(table, Bound::Included(first), |key| key <= last, limit)
	}

	/// The row with the highest key in `[first, last]`.
	pub(crate) fn last(
		&self,
		table: Table,
		first: &[u8],
		last: &[u8],
	) -> Result<Option<Row>, StoreError> {
		with_table!(self, table, |t| {
			let mut range = t.range::<&[u8]>(first..=last).map_err(|e| fail(e.into()))?;
			let Some(row) = range.next_back() else { return Ok(None) };
			let (key, value) = row.map_err(|e| fail(e.into()))?;
			Ok(Some((key.value().to_vec(), value.value().to_vec())))
		})
	}

	/// Rows whose keys begin with `prefix`.
	pub(crate) fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
		self.rows(table, Bound::Included(prefix), |key| key.starts_with(prefix), usize::MAX)
	}

	fn rows(
		&self,
		table: Table,
		first: Bound<&[u8]>,
		within: impl Fn(&[u8]) -> bool,
		limit: usize,
	) -> Result<Vec<Row>, StoreError> {
		with_table!(self, table, |t| {
			let mut rows = Vec::new();
			let range = t.range::<&[u8]>((first, Bound::Unbounded)).map_err(|e| fail(e.into()))?;
			for row in range {
				let (key, value) = row.map_err(|e| fail(e.into()))?;
				if rows.len() >= limit || !within(key.value()) {
					break;
				}
				rows.push((key.value().to_vec(), value.value().to_vec()));
			}
			Ok(rows)
		})
	}

	fn write(&self) -> Result<&WriteTransaction, StoreError> {
		match self {
			Tx::Write(tx) => Ok(tx),
			Tx::Read(_) => Err(StoreError::Index("a change in a read transaction".into())),
		}
	}

	pub(crate) fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
		let mut t = self.write()?.open_table(table.definition()).map_err(|e| fail(e.into()))?;
		t.insert(key, value).map_err(|e| fail(e.into()))?;
		Ok(())
	}

	pub(crate) fn remove(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
		let mut t = self.write()?.open_table(table.definition()).map_err(|e| fail(e.into()))?;
		let removed = t.remove(key).map_err(|e| fail(e.into()))?;
		Ok(removed.map(|value| value.value().to_vec()))
	}
}

impl Index {
	pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
		let database = Self::load(path)?;
		Ok(Self { path: path.into(), database: RwLock::new(Ok(database)) })
	}

	fn load(path: &Path) -> Result<Database, StoreError> {
		let database = Database::create(path).map_err(|e| match e {
			redb::DatabaseError::Storage(redb::StorageError::Io(e))
				if e.kind() == io::ErrorKind::InvalidData =>
			{
				StoreError::Index(format!("{} is no index of this worker", path.display()))
			}
			e => error(path, e),
		})?;
		let tx = database.begin_write().map_err(|e| error(path, e))?;
		for table in TABLES {
			tx.open_table(table.definition()).map_err(|e| error(path, e))?;
		}
		tx.commit().map_err(|e| error(path, e))?;
		Ok(database)
	}

	pub(crate) fn read<T>(
		&self,
		read: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
	) -> Result<T, StoreError> {
		self.with(|database| {
			let tx = database.begin_read().map_err(|e| error(&self.path, e))?;
			read(&Tx::Read(&tx))
		})
	}

	/// Runs a change in one transaction: durable if this returns `Ok`, without effect otherwise.
	pub(crate) fn write<T>(
		&self,
		change: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
	) -> Result<T, StoreError> {
		self.with(|database| {
			let tx = database.begin_write().map_err(|e| error(&self.path, e))?;
			let result = change(&Tx::Write(&tx))?;
			tx.commit().map_err(|e| error(&self.path, e))?;
			Ok(result)
		})
	}

	/// Uses the database. redb refuses every use after an I/O error, so that error ends the handle. A new
	/// handle starts from the committed state; until it can be opened every use fails with the same error.
	fn with<T>(
		&self,
		work: impl FnOnce(&Database) -> Result<T, StoreError>,
	) -> Result<T, StoreError> {
		self.heal();
		let result = {
			let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
			match guard.as_ref() {
				Ok(database) => work(database),
				Err(error) => return Err(error.clone()),
			}
		};
		result.map_err(|e| {
			let e = match e {
				StoreError::DiskFull(_) => StoreError::DiskFull(self.path.display().to_string()),
				e => e,
			};
			if matches!(e, StoreError::DiskFull(_) | StoreError::Unusable { .. }) {
				let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
				*guard = Err(e.clone());
			}
			e
		})
	}

	/// Opens the file again after an I/O error.
	fn heal(&self) {
		let broken = self.database.read().unwrap_or_else(PoisonError::into_inner).is_err();
		if broken {
			let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
			if guard.is_err() {
				match Self::load(&self.path) {
					Ok(database) => *guard = Ok(database),
					Err(error) => tracing::warn!(%error, "the index cannot be opened again yet"),
				}
			}
		}
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn error_that_broke_the_index_should_be_repeated_until_it_is_open_again() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("index.redb");
		let index = Index::open(&path).unwrap();
		index.write(|tx| tx.put(Table::Values, b"name", b"value")).unwrap();
		// The file cannot be opened again for as long as a folder is in its place.
		let aside = dir.path().join("aside");
		std::fs::rename(&path, &aside).unwrap();
		std::fs::create_dir(&path).unwrap();
		let gone = StoreError::Unusable {
			path: "the index".into(),
			reason: "Input/output error (os error 5)".into(),
		};
		let broken = index.read::<()>(|_| Err(gone.clone()));
		assert_eq!(broken, Err(gone.clone()));
		assert_eq!(index.read(|tx| tx.get(Table::Values, b"name")), Err(gone.clone()));
		assert_eq!(index.write(|tx| tx.put(Table::Values, b"name", b"new")), Err(gone));
		std::fs::remove_dir(&path).unwrap();
		std::fs::rename(&aside, &path).unwrap();
		let healed = index.read(|tx| tx.get(Table::Values, b"name")).unwrap();
		assert_eq!(healed.as_deref(), Some(&b"value"[..]));
	}
}
