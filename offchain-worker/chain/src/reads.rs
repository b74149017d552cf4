//! Reads: one runtime API, whose answers are the types of `livepeer-primitives`, and one map.

use codec::{DecodeAll, Encode};
use livepeer_primitives::AccountId;
use livepeer_worker_core::ports::chain::{At, ChainError};
use subxt::{runtime_apis::Payload, utils::Static};

use crate::{runtime, SubxtChain};

impl SubxtChain {
	/// Asks the runtime at `at`. Arguments and answer are SCALE as they are, so that one request
	/// suffices: the chain's types were compared when the worker connected.
	pub(crate) async fn read<P>(&self, at: At, read: P) -> Result<P::ReturnType, ChainError>
	where
		P: Payload<ArgsType: Encode, ReturnType: DecodeAll>,
	{
		let head = *self.heads.borrow();
		let hash = match at {
			At::Best => head.best_hash,
			At::Finalized => head.finalized_hash,
		};
		let function = format!("{}_{}", read.trait_name(), read.method_name());
		let bytes = self
			.rpc
			.state_call(&function, Some(&read.args().encode()), Some(hash))
			.await
			.map_err(|error| self.unreachable(error))?;
		P::ReturnType::decode_all(&mut &bytes[..]).map_err(|_| ChainError::BadAnswer(function))
	}

	/// Every account with a record of where its streams are found.
	pub(crate) async fn accounts_with_origin(&self) -> Result<Vec<AccountId>, ChainError> {
		let best = self.heads.borrow().best_hash;
		let at = self.client.at_block(best).await.map_err(|error| self.unreachable(error))?;
		let mut origins = at
			.storage()
			.iter(runtime::storage().jobs().origins(), ())
			.await
			.map_err(|error| self.unreachable(error))?;
		let mut accounts = Vec::new();
		while let Some(origin) = origins.next().await {
			let origin = origin.map_err(|error| self.unreachable(error))?;
			let (Static(account),) = origin
				.key()
				.and_then(|key| key.decode())
				.map_err(|_| ChainError::BadAnswer("Jobs.Origins".to_owned()))?;
			accounts.push(account);
		}
		Ok(accounts)
	}
}
