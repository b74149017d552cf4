//! What this folder knows of the signatures with the account's keys. If it may be an old copy, the role signs
//! only for assignments accepted from it since then.

use std::{
	collections::BTreeSet,
	sync::{Arc, Mutex},
};

use codec::{Decode, Encode};
use livepeer_primitives::{AssignmentIndex, JobId};
use tokio::sync::watch;

use super::Assigned;
use crate::{
	lock,
	ports::{
		chain::Head,
		clock::Clock,
		store::{StoreError, TranscodeStore},
	},
	recall::{pulse, was_left},
};

/// The name, in the store, of the only assignments that are signed for; absent if all are.
const ALONE: &str = "accepted-here";

/// An assignment.
type Key = (JobId, AssignmentIndex);

/// The assignments that are signed for.
#[derive(Clone)]
enum Known {
	/// All: everything with this account's keys was signed from this folder.
	Everything,
	/// Only these: the signatures for others are unknown.
	Only(BTreeSet<Key>),
}

/// The folder's knowledge of signatures.
pub(super) struct Memory {
	store: Arc<dyn TranscodeStore>,
	clock: Arc<dyn Clock>,
	heads: watch::Receiver<Head>,
	/// `None` until it was read.
	known: Mutex<Option<Known>>,
}

impl Memory {
	pub(super) fn new(
		store: Arc<dyn TranscodeStore>,
		clock: Arc<dyn Clock>,
		heads: watch::Receiver<Head>,
	) -> Self {
		Self { store, clock, heads, known: Mutex::new(None) }
	}

	/// Reads it, once.
	pub(super) fn read(&self) -> Result<(), StoreError> {
		self.known().map(drop)
	}

	/// Reads it, after noting doubts: the next start must not trust what this one did not.
	fn known(&self) -> Result<Known, StoreError> {
		let mut known = lock(&self.known);
		if let Some(known) = &*known {
			return Ok(known.clone());
		}
		let best = self.heads.borrow().best;
		let read = if was_left(&*self.store, &*self.clock, best)? {
			let accepted = BTreeSet::new();
			self.store.put_value(ALONE, &accepted.encode())?;
			Known::Only(accepted)
		} else {
			match self.store.value(ALONE)? {
				None => Known::Everything,
				Some(bytes) => Known::Only(
					Decode::decode(&mut &bytes[..])
						.map_err(|error| StoreError::Index(error.to_string()))?,
				),
			}
		};
		pulse(&*self.store, &*self.clock, best)?;
		*known = Some(read.clone());
		Ok(read)
	}

	/// Notes that an assignment was accepted from this folder: nothing was signed for it before.
	pub(super) fn accepted(&self, key: Key) -> Result<(), StoreError> {
		let Known::Only(mut accepted) = self.known()? else { return Ok(()) };
		accepted.insert(key);
		self.store.put_value(ALONE, &accepted.encode())?;
		*lock(&self.known) = Some(Known::Only(accepted));
		Ok(())
	}

	/// Learns the accepted assignments. If all of them were accepted from this folder, it is no longer
	/// doubted. The caller must have seen an own transaction become final, because a syncing node knows no
	/// assignments.
	pub(super) fn learn(&self, there: &BTreeSet<Key>) -> Result<(), StoreError> {
		let Known::Only(accepted) = self.known()? else { return Ok(()) };
		if there.is_subset(&accepted) {
			self.store.drop_value(ALONE)?;
			*lock(&self.known) = Some(Known::Everything);
		}
		Ok(())
	}

	/// Why nothing may be signed for an accepted assignment; `None` if it may.
	pub(super) fn forgot(&self, assigned: &Assigned) -> Result<Option<String>, StoreError> {
		let key = (assigned.view.id, assigned.index);
		if let Known::Only(accepted) = self.known()? {
			if !accepted.contains(&key) {
				return Ok(Some(format!(
					"nothing is signed for job {}: it was accepted before this folder was left, and the \
					 folder may be an old copy, which has forgotten what was signed last. New jobs are \
					 served",
					key.0
				)));
			}
		}
		let cursor = self.store.cursor(key.0, key.1)?;
		Ok((cursor < assigned.next_seq).then(|| {
			format!(
				"nothing is signed for job {}: its segments are claimed up to {} on chain, and in this \
				 folder up to {cursor}. The folder is an old copy, or another worker runs for the account: \
				 run one, with the newest folder",
				key.0, assigned.next_seq
			)
		}))
	}
}
