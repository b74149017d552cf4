//! Whether a folder knows all that was signed with it.
//!
//! A folder that was restored from a copy has forgotten the newest part, and would sign it again,
//! differently. Nothing in it says so. But a copy is older than what it is a copy of: a role notes
//! every few seconds that it runs, and where the last such note is older than a copy can be made and
//! put back in, the folder may be one. Then it is not believed, until others have shown what it lacks or
//! only what began since is signed for. The machine's clock tells how old the note is, and the chain's blocks, for a
//! machine that is put back may have the clock of then.

use codec::{Decode, Encode};
use livepeer_primitives::BlockNumber;
use tokio::sync::watch;

use crate::ports::{
	chain::Head,
	clock::Clock,
	store::{StoreError, Values},
};

/// How long a folder may have been left and still be believed: a machine starts again in less, and
/// no backup is put back in less.
pub const LEFT_MS: u64 = 600_000;
/// For how many blocks, whatever the machine's clock says: of two seconds each as many as that time has.
pub const LEFT_BLOCKS: BlockNumber = 300;
/// How often it is noted that a role runs.
const PULSE_MS: u64 = 20_000;
/// Names the note in the store.
const PULSE: &str = "pulse";

/// Whether nothing says that a role ran over this store a short while ago. A clock that went back
/// says nothing either; `best` is the height of the best block, 0 while none is known.
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

/// Notes again and again that a role runs; never ends.
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
