//! What whoever judges a verdict again reads.

use async_trait::async_trait;
use livepeer_primitives::{api::JudgementView, BlockNumber, ClaimId, Hash};
use livepeer_worker_core::ports::{chain::ChainError, judgements::Judgements};

use crate::{runtime::api, SubxtChain};

#[async_trait]
impl Judgements for SubxtChain {
	async fn block(&self, height: BlockNumber) -> Result<Hash, ChainError> {
		self.block_at(Some(height)).await
	}

	async fn judgement(
		&self,
		block: Hash,
		claim: ClaimId,
	) -> Result<Option<JudgementView>, ChainError> {
		Ok(self.read_at(block, api().judgement(claim)).await?.map(|found| found.0))
	}
}
