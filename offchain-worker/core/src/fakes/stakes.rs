//! Stake in memory: amounts move as the chain moves them, without rewards and slashes.

use std::collections::BTreeMap;

use livepeer_primitives::{
	api::{LockInfo, StakeView, TermsView, ValidatorView},
	params::ProtocolParameters,
	AccountId, Balance, RoundIndex,
};

use crate::ports::{chain::Refused, stake_call::StakeCall};

/// Rounds for which a lock of the fake chain is liable.
const LIABLE: RoundIndex = ProtocolParameters::development().staking.liability_window;

/// What a fake chain keeps of stake.
#[derive(Debug, Default)]
pub struct FakeStakes {
	/// The round.
	pub round: RoundIndex,
	/// Bonds, fees and locks of each account.
	pub accounts: BTreeMap<AccountId, StakeView>,
	/// Open claims and judgements of transcoders.
	pub open: BTreeMap<AccountId, Vec<(RoundIndex, u32)>>,
	/// The terms of transcoders from the next round on, if they change.
	pub terms: BTreeMap<AccountId, TermsView>,
	/// The validators.
	pub validators: Vec<ValidatorView>,
}

fn no(name: &str) -> Refused {
	Refused::named("LptStaking", name)
}

impl FakeStakes {
	/// Bonds.
	pub fn bond(
		&mut self,
		who: &AccountId,
		amount: Balance,
		to: &AccountId,
	) -> Result<(), Refused> {
		let view = self.accounts.entry(who.clone()).or_default();
		if view.delegate.get_or_insert_with(|| to.clone()) != to {
			return Err(no("BondedElsewhere"));
		}
		view.next_round += amount;
		Ok(())
	}

	/// Executes an account's call about its stake.
	pub(super) fn execute(&mut self, who: &AccountId, call: StakeCall) -> Result<(), Refused> {
		match call {
			StakeCall::Unbond { amount } => self.leave(who, amount, None, None),
			StakeCall::MoveBond { to } => {
				let all = self.accounts.get(who).map_or(0, |view| view.next_round);
				self.leave(who, all, Some(to), None)
			}
			StakeCall::TransferBond { amount, to } => self.leave(who, amount, None, Some(to)),
			StakeCall::WithdrawStake { lock } => {
				let round = self.round;
				let locks = &mut self.accounts.entry(who.clone()).or_default().locks;
				let place = locks.iter().position(|found| found.id == lock);
				let place = place.ok_or_else(|| no("UnknownLock"))?;
				if locks.get(place).is_some_and(|lock| lock.release > round) {
					return Err(no("StillUnbonding"));
				}
				locks.remove(place);
				Ok(())
			}
			StakeCall::WithdrawFees => {
				let view = self.accounts.entry(who.clone()).or_default();
				if view.fees == 0 {
					return Err(no("NoFees"));
				}
				view.fees = 0;
				Ok(())
			}
			StakeCall::Rebond { lock, to } => {
				let lock = self.take(who, lock)?;
				self.bond(who, lock.value, &to)
			}
			StakeCall::AcceptBond { from, lock, transcoder, least } => {
				let lock = self.take(&from, lock)?;
				if lock.offered_to.as_ref() != Some(who) {
					return Err(no("NotOffered"));
				}
				if lock.transcoder != transcoder || lock.value < least {
					return Err(no("OfferChanged"));
				}
				self.bond(who, lock.value, &lock.transcoder)
			}
			StakeCall::Unjail | StakeCall::Resign => Ok(()),
		}
	}

	fn take(&mut self, who: &AccountId, id: u32) -> Result<LockInfo, Refused> {
		let locks = &mut self.accounts.entry(who.clone()).or_default().locks;
		let place = locks.iter().position(|lock| lock.id == id).ok_or_else(|| no("UnknownLock"))?;
		Ok(locks.remove(place))
	}

	fn leave(
		&mut self,
		who: &AccountId,
		amount: Balance,
		moves_to: Option<AccountId>,
		offered_to: Option<AccountId>,
	) -> Result<(), Refused> {
		let round = self.round;
		let view = self.accounts.entry(who.clone()).or_default();
		let transcoder = view.delegate.clone().ok_or_else(|| no("NotBonded"))?;
		let rest = view.next_round.checked_sub(amount).ok_or_else(|| no("InsufficientStake"))?;
		view.next_round = rest;
		view.counting = view.counting.min(rest);
		if rest == 0 {
			view.delegate = None;
		}
		let id = view.locks.iter().map(|lock| lock.id + 1).max().unwrap_or(0);
		view.locks.push(LockInfo {
			id,
			transcoder,
			round,
			value: amount,
			liable_until: round + LIABLE,
			release: round + LIABLE,
			release_block: 0,
			held_back: false,
			moves_to,
			offered_to,
		});
		Ok(())
	}
}
