//! Reads for an audit.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{JudgementView, KeysView},
	keys::Purpose,
	AccountId, BlockNumber, ClaimId, Hash,
};
use livepeer_worker_core::ports::{chain::ChainError, judgements::Judgements};
use subxt::utils::Static;

use crate::{runtime::api, SubxtChain};

#[async_trait]
impl Judgements for SubxtChain {
	async fn block(&self, height: BlockNumber) -> Result<Hash, ChainError> {
		self.block_at(Some(height)).await
	}

	async fn transactions(&self, block: Hash) -> Result<Vec<Vec<u8>>, ChainError> {
		let found = self.rpc.chain_get_block(Some(block)).await;
		let found = found.map_err(|error| self.unreachable(error))?;
		let lacks = || ChainError::NoBlock(format!("{block:?}"));
		let transactions = found.ok_or_else(lacks)?.block.extrinsics;
		Ok(transactions.into_iter().map(|transaction| transaction.0).collect())
	}

	async fn judgement(
		&self,
		block: Hash,
		claim: ClaimId,
	) -> Result<Option<JudgementView>, ChainError> {
		Ok(self.read_at(block, api().judgement(claim)).await?.map(|found| found.0))
	}

	async fn keys_at(
		&self,
		block: Hash,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		let read = api().operator_keys(Static(account.clone()), Static(purpose));
		let found = self.read_at(block, read).await?;
		Ok(found.into_iter().map(|view| view.0).collect())
	}
}
