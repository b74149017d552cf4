//! Reads by one runtime API, whose answers are types of `livepeer-primitives`.

use codec::{Decode, DecodeAll, Encode};
use livepeer_primitives::{AccountId, Balance, Hash, JobId, ETH};
use livepeer_worker_core::ports::chain::{At, ChainError, Free};
use sp_crypto_hashing::{blake2_128, twox_128};
use subxt::runtime_apis::Payload;

use crate::SubxtChain;

/// How many keys of a map are asked for at a time.
const PAGE: u32 = 256;

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

	/// The jobs of a broadcaster that are not closed, read from the keys of the pallet's map: others' are not read.
	pub(crate) async fn jobs_of_account(
		&self,
		broadcaster: &AccountId,
	) -> Result<Vec<JobId>, ChainError> {
		let best = self.heads.borrow().best_hash;
		let prefix = map("Jobs", "JobsOf", &[&broadcaster.encode()]);
		let (mut jobs, mut last) = (Vec::new(), None::<Vec<u8>>);
		loop {
			let page = self.rpc.state_get_keys_paged(&prefix, PAGE, last.as_deref(), Some(best));
			let page = page.await.map_err(|error| self.unreachable(error))?;
			for key in &page {
				let job = job_in(&prefix, key);
				jobs.push(job.ok_or_else(|| ChainError::BadAnswer("an account's jobs".into()))?);
			}
			if page.len() < PAGE as usize {
				break;
			}
			last = page.into_iter().next_back();
		}
		jobs.sort_unstable();
		Ok(jobs)
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

/// The job in a key of a broadcaster's jobs, behind the prefix and a hash of eight bytes.
fn job_in(prefix: &[u8], key: &[u8]) -> Option<JobId> {
	let mut rest = key.strip_prefix(prefix)?.get(8..)?;
	JobId::decode_all(&mut rest).ok()
}

#[cfg(test)]
mod tests {
	use super::*;

	/// The runtime's integration tests have the same key.
	#[test]
	fn jobs_of_a_broadcaster_should_be_looked_for_where_they_are() {
		// Job 7 of Alice.
		let key = hex::decode(
			"1c88f06ceab6c17559377f12624f77d84e4fd032a8bfd285556a4786297ef076\
			 de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6\
			 822c8558854ccde39a5684e7a56da27d55e4fd6a40cd76080700000000000000",
		)
		.unwrap_or_default();
		let prefix = map("Jobs", "JobsOf", &[&key[48..80]]);
		assert_eq!(job_in(&prefix, &key), Some(7));
		assert_eq!(job_in(&prefix, &key[..95]), None);
		assert_eq!(job_in(&prefix[1..], &key), None);
	}

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
