//! The chain, from the view of an audit.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{JudgementView, KeysView},
	keys::Purpose,
	AccountId, BlockNumber, ClaimId, Hash,
};

use crate::ports::chain::{Chain, ChainError};

/// Reads of old blocks. A node keeps the state of its newest blocks; an archive keeps all.
#[async_trait]
pub trait Judgements: Chain {
	/// The hash of the block of a height.
	async fn block(&self, height: BlockNumber) -> Result<Hash, ChainError>;

	/// The encoded transactions of a block. A node without old state may still have these.
	async fn transactions(&self, block: Hash) -> Result<Vec<Vec<u8>>, ChainError>;

	/// The chain's state of a claim's judgement after this block; `None` before it began, and after it was
	/// removed.
	async fn judgement(
		&self,
		block: Hash,
		claim: ClaimId,
	) -> Result<Option<JudgementView>, ChainError>;

	/// The operator keys of an account for a purpose, after this block.
	async fn keys_at(
		&self,
		block: Hash,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError>;
}
