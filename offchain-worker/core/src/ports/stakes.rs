//! The chain as whoever owns stake sees it.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		BackingView, ClockView, InflationView, PoolSeat, StakeView, TermsView, ValidatorView,
		YieldView,
	},
	AccountId, Balance, BlockNumber, RoundIndex,
};

use crate::ports::chain::{Call, Chain, ChainError};

/// What whoever owns stake needs to know of the protocol's parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StakeLimits {
	/// Length of a slot in milliseconds.
	pub slot_duration: u64,
	/// Blocks of a round.
	pub round_length: BlockNumber,
	/// Rounds until stake that left can be withdrawn.
	pub unbonding_period: RoundIndex,
	/// Rounds in which stake that left answers for its transcoder.
	pub liability_window: RoundIndex,
	/// The smallest bond, in LPT.
	pub min_bond: Balance,
	/// What a transcoder must have bonded to itself, in LPT.
	pub min_self_bond: Balance,
}

/// What roles need not know and owners of stake do.
#[async_trait]
pub trait Stakes: Chain {
	/// The parameters that concern stake.
	async fn stake_limits(&self) -> Result<StakeLimits, ChainError>;
	/// Where the protocol's clock stood at a height, or stands.
	async fn clock(&self, height: Option<BlockNumber>) -> Result<ClockView, ChainError>;
	/// An account's stake, fees and locks at a height whose state the node still has, or now.
	async fn stake(
		&self,
		height: Option<BlockNumber>,
		account: &AccountId,
	) -> Result<StakeView, ChainError>;
	/// What this round can mint, and the next.
	async fn inflation(&self) -> Result<InflationView, ChainError>;
	/// What a transcoder's seat earns.
	async fn yield_of(&self, transcoder: &AccountId) -> Result<YieldView, ChainError>;
	/// The terms of a transcoder from the next round on; `None` where nobody is registered.
	async fn terms_of(&self, transcoder: &AccountId) -> Result<Option<TermsView>, ChainError>;
	/// The stake behind a transcoder.
	async fn backing(&self, transcoder: &AccountId) -> Result<BackingView, ChainError>;
	/// The candidates in the order of the next election.
	async fn pool(&self) -> Result<Vec<PoolSeat>, ChainError>;
	/// Who validates, and who leaves.
	async fn validators(&self) -> Result<Vec<ValidatorView>, ChainError>;
	/// The fee of a call that the account's key would sign, in LPT.
	async fn fee(&self, call: &Call) -> Result<Balance, ChainError>;
}
