//! The calls of owners of stake.

use livepeer_primitives::{AccountId, Balance};

/// A call about an account's stake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StakeCall {
	/// Takes a part of the bond away.
	Unbond {
		/// How much, in LPT.
		amount: Balance,
	},
	/// Pays a lock out.
	WithdrawStake {
		/// Its number.
		lock: u32,
	},
	/// Pays all fees out.
	WithdrawFees,
	/// Makes a lock bond again.
	Rebond {
		/// Its number.
		lock: u32,
		/// With whom.
		to: AccountId,
	},
	/// Takes the whole bond away, to go to another transcoder.
	MoveBond {
		/// To whom.
		to: AccountId,
	},
	/// Offers a part of the bond to another owner.
	TransferBond {
		/// How much, in LPT.
		amount: Balance,
		/// To whom.
		to: AccountId,
	},
	/// Takes a bond that is offered.
	AcceptBond {
		/// Who offers it.
		from: AccountId,
		/// The number of the lock among theirs.
		lock: u32,
		/// The transcoder that it is bonded to.
		transcoder: AccountId,
		/// The least that it must be worth, in LPT.
		least: Balance,
	},
	/// Leaves jail.
	Unjail,
	/// Leaves the list of candidates.
	Resign,
}

impl StakeCall {
	/// Pallet and call, for messages.
	pub fn name(&self) -> &'static str {
		match self {
			Self::Unbond { .. } => "LptStaking.unbond",
			Self::WithdrawStake { .. } => "LptStaking.withdraw_stake",
			Self::WithdrawFees => "LptStaking.withdraw_fees",
			Self::Rebond { .. } => "LptStaking.rebond",
			Self::MoveBond { .. } => "LptStaking.move_bond",
			Self::TransferBond { .. } => "LptStaking.transfer_bond",
			Self::AcceptBond { .. } => "LptStaking.accept_bond",
			Self::Unjail => "TranscoderElection.unjail",
			Self::Resign => "TranscoderElection.resign",
		}
	}
}
