//! Reads by one runtime API, whose answers are types of `livepeer-primitives`.

use codec::{Decode, DecodeAll, Encode};
use livepeer_primitives::{AccountId, Balance, Hash, ETH};
use livepeer_worker_core::ports::chain::{At, ChainError, Free};
use sp_crypto_hashing::{blake2_128, twox_128};
use subxt::runtime_apis::Payload;

use crate::SubxtChain;

impl SubxtChain {
	/// Calls the runtime at `at`. Arguments and answer are plain SCALE, so one request suffices: the chain's
	/// types were compared when the worker connected.
	pub(crate) async fn read<P>(&self, at: At, read: P) -> Result<P::ReturnType, ChainError>
	where
		P: Payload<ArgsType: Encode, ReturnType: DecodeAll>,
	{
		let head = *self.heads.borrow();
		let hash = match at {
			At::Best => head.best_hash,
			At::Finalized => head.finalized_hash,
		};
		self.read_at(hash, read).await
	}

	/// The same at the block with this hash; a node may not have an old block's state any more.
	pub(crate) async fn read_at<P>(&self, hash: Hash, read: P) -> Result<P::ReturnType, ChainError>
	where
		P: Payload<ArgsType: Encode, ReturnType: DecodeAll>,
	{
		let function = format!("{}_{}", read.trait_name(), read.method_name());
		let bytes = self
			.rpc
			.state_call(&function, Some(&read.args().encode()), Some(hash))
			.await
			.map_err(|error| self.unreachable(error))?;
		P::ReturnType::decode_all(&mut &bytes[..]).map_err(|_| ChainError::BadAnswer(function))
	}

	/// An account's free balances, read from the pallets' storage, whose entries begin in the same way on
	/// every chain of this kind.
	pub(crate) async fn free_of(&self, account: &AccountId) -> Result<Free, ChainError> {
		// The free balance comes after the nonce and three reference counts.
		let lpt = self.balance(&map("System", "Account", &[&account.encode()]), 16).await?;
		let eth = map("Assets", "Account", &[&ETH.encode(), &account.encode()]);
		Ok(Free { lpt, eth: self.balance(&eth, 0).await? })
	}

	/// The balance at this place of an entry; 0 without an entry.
	async fn balance(&self, key: &[u8], at: usize) -> Result<Balance, ChainError> {
		let best = self.heads.borrow().best_hash;
		let stored = self.rpc.state_get_storage(key, Some(best)).await;
		let Some(bytes) = stored.map_err(|error| self.unreachable(error))? else { return Ok(0) };
		let balance = bytes.get(at..).and_then(|mut bytes| Balance::decode(&mut bytes).ok());
		balance.ok_or_else(|| ChainError::BadAnswer("a balance".into()))
	}
}

/// The key of an entry in a map with hasher `Blake2_128Concat`.
fn map(pallet: &str, item: &str, keys: &[&[u8]]) -> Vec<u8> {
	let mut bytes = [twox_128(pallet.as_bytes()), twox_128(item.as_bytes())].concat();
	for key in keys {
		bytes.extend(blake2_128(key));
		bytes.extend(*key);
	}
	bytes
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn balances_should_be_looked_for_where_they_are() {
		// That of Alice, as every chain of this kind has it.
		let alice = hex::decode("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
		let key = map("System", "Account", &[&alice.unwrap_or_default()]);
		assert_eq!(
			hex::encode(key),
			"26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\
			 de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6\
			 822c8558854ccde39a5684e7a56da27d"
		);
	}
}
