//! # Core of the worker
//!
//! Segments, receipts, claims and the logic of every role, without I/O. Three floors:
//!
//! - [`rules`]: pure functions, with time as an argument: the sending window, a claim's range, playlists.
//! - [`ports`]: the traits at which the worker's other crates meet.
//!   - [`ports::chain::Chain`]: the chain's reads and calls (crate `livepeer-worker-chain`).
//!   - [`ports::store`]: bytes by hash and durable records (`livepeer-worker-store`).
//!   - [`ports::transport::Transport`] and [`ports::transport::Service`]: peers
//!     (`livepeer-worker-net`).
//!   - [`ports::engine::MediaEngine`]: the media engine (`livepeer-worker-media`).
//!   - [`ports::clock::Clock`] and [`ports::events::EventSink`]: time, which tests simulate, and
//!     progress.
//!   - [`ports::before`]: wrappers that change a part of a chain, an engine or a service.
//! - [`fetching`] and [`shelf`]: getting bytes from peers, and giving them.
//! - [`reporting`]: shared by roles that see two contradictory signatures.
//! - [`roles`]: [`roles::broadcast`], [`roles::transcode`], [`roles::verify`], [`roles::follow`]
//!   (what a gateway does).

#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
pub mod fetching;
pub mod key;
pub mod ports;
pub mod recall;
pub mod reporting;
pub mod roles;
pub mod rules;
mod seats;
pub mod shelf;

use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use sp_core::H256;

/// SHA-256 of `bytes`: the name of every segment and output.
pub fn sha256(bytes: &[u8]) -> H256 {
	H256(Sha256::digest(bytes).into())
}

/// Runs work that keeps a processor or the disk busy, such as hashing and storing megabytes, on a thread on
/// which nothing else waits. The work runs to its end even if nobody waits for it any more. Without a
/// runtime, as in simulated time, it runs at once.
///
/// # Panics
///
/// If `work` panics.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
	let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work() };
	match runtime.spawn_blocking(work).await {
		Ok(done) => done,
		Err(error) => match error.try_into_panic() {
			Ok(panic) => std::panic::resume_unwind(panic),
			// The runtime ends, and the waiting future with it.
			Err(_) => std::future::pending().await,
		},
	}
}

/// An amount of a token with 18 decimals, as people write it.
pub fn decimal(amount: livepeer_primitives::Balance) -> String {
	let fraction = format!("{:018}", amount % livepeer_primitives::UNIT);
	let fraction = fraction.trim_end_matches('0');
	let whole = amount / livepeer_primitives::UNIT;
	if fraction.is_empty() {
		whole.to_string()
	} else {
		format!("{whole}.{fraction}")
	}
}

/// An approximate amount, rounded to three significant digits.
pub fn about(amount: livepeer_primitives::Balance) -> String {
	let digits = amount.checked_ilog10().unwrap_or(0);
	let step = 10u128.pow(digits.saturating_sub(2));
	decimal(amount.saturating_add(step / 2) / step * step)
}

/// Locks. No holder of a lock of this crate can panic half-way through a change.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
	use super::*;
	use futures::FutureExt;

	#[test]
	fn amount_should_have_three_digits_where_it_is_only_about_so_much() {
		for (amount, said) in [
			(0, "0"),
			(999, "0.000000000000000999"),
			(11_696_799_999_998_880, "0.0117"),
			(999_600_000_000_000_000, "1"),
			(1_234 * livepeer_primitives::UNIT, "1230"),
		] {
			assert_eq!(about(amount), said);
		}
		assert!(about(u128::MAX).starts_with("340000"), "no overflow");
	}

	/// A single-threaded runtime continues meanwhile: the work on the side ends only after it.
	#[tokio::test]
	async fn work_should_be_done_beside_everything_else() {
		let (sender, receiver) = std::sync::mpsc::channel();
		let late = std::time::Duration::from_secs(10);
		let waits = aside(move || receiver.recv_timeout(late).is_ok());
		let goes_on = async move { sender.send(()).is_ok() };
		assert_eq!(futures::join!(waits, goes_on), (true, true));
	}

	#[test]
	fn work_should_be_done_at_once_without_a_runtime() {
		assert_eq!(aside(|| 7).now_or_never(), Some(7));
	}
}
