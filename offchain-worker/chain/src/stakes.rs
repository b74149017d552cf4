//! Reads for owners of stake.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		BackingView, ClockView, InflationView, PoolSeat, StakeView, TermsView, ValidatorView,
		WorkerLimits, YieldView,
	},
	AccountId, Balance, BlockNumber, Hash,
};
use livepeer_worker_core::ports::{
	chain::{At, Call, ChainError},
	stakes::{StakeLimits, Stakes},
};
use subxt::utils::Static;

use crate::{runtime::api, SubxtChain};

/// The version of [`WorkerLimits`] with the parameters about stake.
const LIMITS_VERSION: u8 = 2;

impl SubxtChain {
	/// The block of a height, or the best one.
	pub(crate) async fn block_at(&self, height: Option<BlockNumber>) -> Result<Hash, ChainError> {
		let Some(height) = height else { return Ok(self.heads.borrow().best_hash) };
		let found = self.rpc.chain_get_block_hash(Some(height.into())).await;
		found
			.map_err(|error| self.unreachable(error))?
			.ok_or_else(|| ChainError::NoBlock(height.to_string()))
	}
}

#[async_trait]
impl Stakes for SubxtChain {
	async fn stake_limits(&self) -> Result<StakeLimits, ChainError> {
		match self.read(At::Best, api().worker_limits(LIMITS_VERSION)).await? {
			Some(Static(WorkerLimits::V2 {
				slot_duration,
				round_length,
				unbonding_period,
				liability_window,
				min_bond,
				min_self_bond,
			})) => Ok(StakeLimits {
				slot_duration,
				round_length,
				unbonding_period,
				liability_window,
				min_bond,
				min_self_bond,
			}),
			_ => Err(ChainError::Incompatible(format!(
				"it does not serve version {LIMITS_VERSION} of what owners of stake need to know"
			))),
		}
	}

	async fn clock(&self, height: Option<BlockNumber>) -> Result<ClockView, ChainError> {
		Ok(self.read_at(self.block_at(height).await?, api().clock()).await?.0)
	}

	async fn stake(
		&self,
		height: Option<BlockNumber>,
		account: &AccountId,
	) -> Result<StakeView, ChainError> {
		let read = api().stake(Static(account.clone()));
		Ok(self.read_at(self.block_at(height).await?, read).await?.0)
	}

	async fn inflation(&self) -> Result<InflationView, ChainError> {
		Ok(self.read(At::Best, api().inflation()).await?.0)
	}

	async fn yield_of(&self, transcoder: &AccountId) -> Result<YieldView, ChainError> {
		Ok(self.read(At::Best, api().yield_of(Static(transcoder.clone()))).await?.0)
	}

	async fn terms_of(&self, transcoder: &AccountId) -> Result<Option<TermsView>, ChainError> {
		let found = self.read(At::Best, api().terms_of(Static(transcoder.clone()))).await?;
		Ok(found.map(|found| found.0))
	}

	async fn backing(&self, transcoder: &AccountId) -> Result<BackingView, ChainError> {
		Ok(self.read(At::Best, api().backing(Static(transcoder.clone()))).await?.0)
	}

	async fn pool(&self) -> Result<Vec<PoolSeat>, ChainError> {
		let found = self.read(At::Best, api().pool()).await?;
		Ok(found.into_iter().map(|seat| seat.0).collect())
	}

	async fn validators(&self) -> Result<Vec<ValidatorView>, ChainError> {
		let found = self.read(At::Best, api().validators()).await?;
		Ok(found.into_iter().map(|view| view.0).collect())
	}

	async fn fee(&self, call: &Call) -> Result<Balance, ChainError> {
		self.fee_of(call.clone()).await
	}
}
