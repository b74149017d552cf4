//! The chain, from the view of an owner of stake.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		BackingView, ClockView, InflationView, PoolSeat, StakeView, TermsView, ValidatorView,
		YieldView,
	},
	AccountId, Balance, BlockNumber, RoundIndex,
};

use crate::ports::chain::{Call, Chain, ChainError};

/// The protocol's parameters that owners of stake need.
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

/// Reads for owners of stake.
#[async_trait]
pub trait Stakes: Chain {
	/// The parameters that concern stake.
	async fn stake_limits(&self) -> Result<StakeLimits, ChainError>;
	/// The protocol's clock at a height, or now.
	async fn clock(&self, height: Option<BlockNumber>) -> Result<ClockView, ChainError>;
	/// An account's stake, fees and locks at a height whose state the node still has, or now.
	async fn stake(
		&self,
		height: Option<BlockNumber>,
		account: &AccountId,
	) -> Result<StakeView, ChainError>;
	/// The inflation of this round and the next.
	async fn inflation(&self) -> Result<InflationView, ChainError>;
	/// What a transcoder's seat earns.
	async fn yield_of(&self, transcoder: &AccountId) -> Result<YieldView, ChainError>;
	/// The terms of a transcoder from the next round on; `None` if the account is not registered.
	async fn terms_of(&self, transcoder: &AccountId) -> Result<Option<TermsView>, ChainError>;
	/// The stake behind a transcoder.
	async fn backing(&self, transcoder: &AccountId) -> Result<BackingView, ChainError>;
	/// The candidates in the order of the next election.
	async fn pool(&self) -> Result<Vec<PoolSeat>, ChainError>;
	/// The validators, and which of them leave.
	async fn validators(&self) -> Result<Vec<ValidatorView>, ChainError>;
	/// The fee of a call that the account's key would sign, in LPT.
	async fn fee(&self, call: &Call) -> Result<Balance, ChainError>;
}
