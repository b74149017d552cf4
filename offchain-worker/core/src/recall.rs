//! Whether a folder knows all that was signed with it.
//!
//! A folder that was restored from a copy has forgotten the newest part, and would sign it again,
//! differently. Nothing in it says so. But a copy is older than what it is a copy of: a role notes
//! every few seconds that it runs, and where the last such note is older than a copy can be made and
//! put back in, the folder may be one. Then it is not believed, until others have shown what it lacks or
//! only what began since is signed for.

use codec::{Decode, Encode};

use crate::ports::{
	clock::Clock,
	store::{StoreError, Values},
};

/// How long a folder may have been left and still be believed: a machine starts again in less, and
/// no backup is put back in less.
pub const LEFT_MS: u64 = 600_000;
/// How often it is noted that a role runs.
const PULSE_MS: u64 = 20_000;
/// Names the note in the store.
const PULSE: &str = "pulse";

/// Whether nothing says that a role ran over this store a short while ago. A clock that went back
/// says nothing either.
pub(crate) fn was_left(store: &dyn Values, clock: &dyn Clock) -> Result<bool, StoreError> {
	let Some(bytes) = store.value(PULSE)? else { return Ok(true) };
	let last =
		u64::decode(&mut &bytes[..]).map_err(|error| StoreError::Index(error.to_string()))?;
	Ok(clock.wall_ms().abs_diff(last) > LEFT_MS)
}

/// Notes that a role runs, once.
pub(crate) fn pulse(store: &dyn Values, clock: &dyn Clock) -> Result<(), StoreError> {
	store.put_value(PULSE, &clock.wall_ms().encode())
}

/// Notes again and again that a role runs; never ends.
pub(crate) async fn keep_pulse(store: &dyn Values, clock: &dyn Clock) {
	loop {
		if let Err(error) = pulse(store, clock) {
			tracing::warn!(%error, "it is not noted that this role runs");
		}
		clock.sleep_until(clock.now_ms().saturating_add(PULSE_MS)).await;
	}
}
