//! Reads: one runtime API, whose answers are the types of `livepeer-primitives`.

use codec::{Decode, Encode};
use livepeer_primitives::AccountId;
use livepeer_worker_core::chain::{At, ChainError};
use sp_io::hashing::twox_128;

use crate::SubxtChain;

/// Keys asked for at a time.
const PAGE: u32 = 512;

impl SubxtChain {
	/// Calls `LivepeerApi_<method>` with `arguments`, a SCALE tuple.
	pub(crate) async fn read<R: Decode>(
		&self,
		at: At,
		method: &str,
		arguments: &impl Encode,
	) -> Result<R, ChainError> {
		let head = *self.heads.borrow();
		let hash = match at {
			At::Best => head.best_hash,
			At::Finalized => head.finalized_hash,
		};
		let function = format!("LivepeerApi_{method}");
		let bytes = self
			.rpc
			.state_call(&function, Some(&arguments.encode()), Some(hash))
			.await
			.map_err(|error| self.unreachable(error))?;
		R::decode(&mut &bytes[..]).map_err(|_| ChainError::BadAnswer(function))
	}

	/// Every account with a `Jobs.Origins` record.
	pub(crate) async fn accounts_with_origin(&self) -> Result<Vec<AccountId>, ChainError> {
		let prefix = [twox_128(b"Jobs"), twox_128(b"Origins")].concat();
		let mut accounts = Vec::new();
		let mut last: Option<Vec<u8>> = None;
		loop {
			let keys = self
				.rpc
				.state_get_keys_paged(&prefix, PAGE, last.as_deref(), None)
				.await
				.map_err(|error| self.unreachable(error))?;
			let Some(end) = keys.last().cloned() else { return Ok(accounts) };
			// The map's hasher keeps the account at the end of the key.
			accounts.extend(keys.iter().filter_map(|key| {
				let account = <[u8; 32]>::try_from(key.get(key.len().checked_sub(32)?..)?).ok()?;
				Some(AccountId::new(account))
			}));
			last = Some(end);
		}
	}
}
