//! Reads: one runtime API, whose answers are the types of `livepeer-primitives`.

use codec::{DecodeAll, Encode};
use livepeer_worker_core::ports::chain::{At, ChainError};
use subxt::runtime_apis::Payload;

use crate::SubxtChain;

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
}
