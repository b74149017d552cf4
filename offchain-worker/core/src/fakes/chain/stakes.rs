//! Stake as its commands ask for it.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		BackingView, ClockView, InflationView, PoolSeat, SeatReason, StakeView, TermsView,
		ValidatorView, YieldView,
	},
	AccountId, Balance, BlockNumber,
};
use sp_runtime::Perbill;

use super::{FakeChainClient, FEE, PLENTY};
use crate::ports::{
	chain::{Call, ChainError},
	stakes::{StakeLimits, Stakes},
};

#[async_trait]
impl Stakes for FakeChainClient {
	async fn stake_limits(&self) -> Result<StakeLimits, ChainError> {
		let parameters = self.read()?.parameters;
		Ok(StakeLimits {
			slot_duration: 2_000,
			round_length: parameters.rounds.length,
			unbonding_period: parameters.staking.unbonding_period,
			liability_window: parameters.staking.liability_window,
			min_bond: parameters.staking.min_bond,
			min_self_bond: parameters.election.min_self_bond,
		})
	}

	async fn clock(&self, height: Option<BlockNumber>) -> Result<ClockView, ChainError> {
		let block = height.unwrap_or(self.chain.heads.borrow().best);
		Ok(ClockView { block, round: self.read()?.stakes.round, window: 0 })
	}

	async fn stake(
		&self,
		_: Option<BlockNumber>,
		account: &AccountId,
	) -> Result<StakeView, ChainError> {
		Ok(self.read()?.stakes.accounts.get(account).cloned().unwrap_or_default())
	}

	async fn inflation(&self) -> Result<InflationView, ChainError> {
		let state = self.read()?;
		let rate = state.parameters.inflation.initial_rate;
		Ok(InflationView {
			round: state.stakes.round,
			supply: PLENTY,
			stake: PLENTY / 2,
			rate,
			mintable: rate * PLENTY,
			pool_cut: state.parameters.inflation.pool_cut,
			next_rate: rate,
			next_mintable: rate * PLENTY,
		})
	}

	async fn yield_of(&self, transcoder: &AccountId) -> Result<YieldView, ChainError> {
		let state = self.read()?;
		let view = state.transcoders.get(transcoder);
		Ok(YieldView {
			round: state.stakes.round,
			stake: view.map_or(0, |view| view.stake),
			reward: 100,
			per_lpt: 90,
			earns: view.is_some_and(|view| !view.jailed),
			offered: 0,
			served: 0,
			competitive: true,
		})
	}

	async fn terms_of(&self, transcoder: &AccountId) -> Result<Option<TermsView>, ChainError> {
		let state = self.read()?;
		let Some(view) = state.transcoders.get(transcoder) else { return Ok(None) };
		let now =
			TermsView { price: view.price, reward_cut: view.reward_cut, fee_share: view.fee_share };
		Ok(Some(state.stakes.terms.get(transcoder).copied().unwrap_or(now)))
	}

	async fn backing(&self, transcoder: &AccountId) -> Result<BackingView, ChainError> {
		let state = self.read()?;
		let behind = |view: &&StakeView| view.delegate.as_ref() == Some(transcoder);
		let all = || state.stakes.accounts.values().filter(behind);
		Ok(BackingView {
			counting: all().map(|view| view.counting).sum(),
			next_round: all().map(|view| view.next_round).sum(),
			own: state.stakes.accounts.get(transcoder).map_or(0, |view| view.next_round),
			bonds: all().count() as u32,
			slashed: Perbill::zero(),
			wiped: 0,
			open: state.stakes.open.get(transcoder).cloned().unwrap_or_default(),
		})
	}

	async fn pool(&self) -> Result<Vec<PoolSeat>, ChainError> {
		let state = self.read()?;
		let seats = state.transcoders.values().map(|view| PoolSeat {
			account: view.account.clone(),
			stake: view.stake,
			next_stake: view.stake,
			reason: if view.jailed { SeatReason::Jailed } else { SeatReason::Stake },
			validates: false,
			barred: view.jailed,
		});
		Ok(seats.collect())
	}

	async fn validators(&self) -> Result<Vec<ValidatorView>, ChainError> {
		Ok(self.read()?.stakes.validators.clone())
	}

	async fn fee(&self, _: &Call) -> Result<Balance, ChainError> {
		drop(self.read()?);
		Ok(FEE)
	}
}
