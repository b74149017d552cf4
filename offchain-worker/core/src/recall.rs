//! Whether a folder knows everything that was signed with it.
//!
//! A folder that was restored from a copy lacks the newest part, and its role would sign that again,
//! differently. The folder cannot show this, but a copy is old: a role notes every few seconds that it runs.
//! If the last note is older than making and restoring a copy takes, the folder may be a copy. It is then
//! doubted, until others have shown what it lacks, or only later work is signed for. The age of the note is
//! measured by the machine's clock and by the chain's blocks, because a restored machine may have its old
//! clock.

use codec::{Decode, Encode};
use livepeer_primitives::BlockNumber;
use tokio::sync::watch;

use crate::ports::{
	chain::Head,
	clock::Clock,
	store::{StoreError, Values},
};

/// How long a folder may have been unused without doubt: a machine restarts faster, and no backup is restored
/// faster.
pub const LEFT_MS: u64 = 600_000;
/// The same in blocks of two seconds, whatever the machine's clock says.
pub const LEFT_BLOCKS: BlockNumber = 300;
/// How often a role notes that it runs.
const PULSE_MS: u64 = 20_000;
/// The name of the note in the store.
const PULSE: &str = "pulse";

/// Whether nothing shows that a role used this store a short while ago. A clock that went back shows nothing
/// either; `best` is the height of the best block, 0 while none is known.
pub(crate) fn was_left(
	store: &dyn Values,
	clock: &dyn Clock,
	best: BlockNumber,
) -> Result<bool, StoreError> {
	let Some(bytes) = store.value(PULSE)? else { return Ok(true) };
	let bytes = &mut &bytes[..];
	let last = u64::decode(bytes).map_err(|error| StoreError::Index(error.to_string()))?;
	// Earlier versions noted no block.
	let block = BlockNumber::decode(bytes).unwrap_or_default();
	let is_behind = block > 0 && best.saturating_sub(block) > LEFT_BLOCKS;
	Ok(is_behind || clock.wall_ms().abs_diff(last) > LEFT_MS)
}

/// Notes that a role runs, once; `best` is the height of the best block, 0 while none is known.
pub(crate) fn pulse(
	store: &dyn Values,
	clock: &dyn Clock,
	best: BlockNumber,
) -> Result<(), StoreError> {
	store.put_value(PULSE, &(clock.wall_ms(), best).encode())
}

/// Keeps noting that a role runs; never ends.
pub(crate) async fn keep_pulse(
	store: &dyn Values,
	clock: &dyn Clock,
	heads: &watch::Receiver<Head>,
) {
	loop {
		let best = heads.borrow().best;
		if let Err(error) = pulse(store, clock, best) {
			tracing::warn!(%error, "it is not noted that this role runs");
		}
		clock.sleep_until(clock.now_ms().saturating_add(PULSE_MS)).await;
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::fakes::{simulate, MemoryStore};

	/// A machine is put back with its clock, so that by this nothing has passed. Were the folder believed, what was
	/// signed since would be signed again, differently, and an honest transcoder be convicted of it.
	#[test]
	fn folder_should_be_doubted_when_the_chain_went_on_whatever_the_clock_says() {
		simulate(|sim| async move {
			let store = MemoryStore::default();
			let left = |best| was_left(&store, &sim.clock, best).unwrap();
			assert!(left(0), "nobody ran here");
			pulse(&store, &sim.clock, 1_000).unwrap();
			assert!(!left(1_000 + LEFT_BLOCKS));
			assert!(left(1_001 + LEFT_BLOCKS));
			// A node that still syncs, or does not answer yet, says nothing.
			assert!(!left(10) && !left(0));
			sim.sleep(LEFT_MS + 1).await;
			assert!(left(1_000));
			// Noted before a block was known, or by an earlier version.
			pulse(&store, &sim.clock, 0).unwrap();
			assert!(!left(1_000_000));
			store.put_value(PULSE, &sim.clock.wall_ms().encode()).unwrap();
			assert!(!left(1_000_000));
		})
	}
}
