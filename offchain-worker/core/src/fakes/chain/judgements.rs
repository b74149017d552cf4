//! The fake chain behind the audit's port.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{JudgementView, KeysView},
	keys::Purpose,
	AccountId, BlockNumber, ClaimId, Hash,
};
use sp_core::H256;

use super::FakeChainClient;
use crate::ports::{
	chain::{Chain, ChainError},
	judgements::Judgements,
};

#[async_trait]
impl Judgements for FakeChainClient {
	async fn block(&self, height: BlockNumber) -> Result<Hash, ChainError> {
		drop(self.read()?);
		Ok(H256::from_low_u64_be(height.into()))
	}

	async fn transactions(&self, block: Hash) -> Result<Vec<Vec<u8>>, ChainError> {
		let state = self.read()?;
		let height = block.to_low_u64_be();
		let there = state.transactions.iter().filter(|(at, _)| u64::from(*at) == height);
		Ok(there.map(|(_, transaction)| transaction.clone()).collect())
	}

	async fn judgement(
		&self,
		block: Hash,
		claim: ClaimId,
	) -> Result<Option<JudgementView>, ChainError> {
		let state = self.read()?;
		let height = block.to_low_u64_be();
		if height < state.kept_from.into() {
			let (url, reason) = ("fake".into(), "State already discarded".into());
			return Err(ChainError::Unreachable { url, reason });
		}
		let held = state.judgements.iter().rev();
		let mut held = held.filter(|(from, id, _)| u64::from(*from) <= height && *id == claim);
		Ok(held.next().and_then(|(_, _, held)| held.clone()))
	}

	/// Those of now: tests change none in between.
	async fn keys_at(
		&self,
		_: Hash,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		self.operator_keys(account, purpose).await
	}
}
