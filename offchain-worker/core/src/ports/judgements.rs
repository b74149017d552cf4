//! The chain as whoever judges a verdict again sees it.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{JudgementView, KeysView},
	keys::Purpose,
	AccountId, BlockNumber, ClaimId, Hash,
};

use crate::ports::chain::{Chain, ChainError};

/// Reads of old blocks. A node keeps the state of its newest ones; one that keeps all is an archive.
#[async_trait]
pub trait Judgements: Chain {
	/// The hash of the block of a height.
	async fn block(&self, height: BlockNumber) -> Result<Hash, ChainError>;

	/// The transactions of a block, as they are encoded there. A node that keeps no old state may still keep
	/// these.
	async fn transactions(&self, block: Hash) -> Result<Vec<Vec<u8>>, ChainError>;

	/// What the chain held of a claim that was judged, after this block; `None` where it was not yet,
	/// or not any more.
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
