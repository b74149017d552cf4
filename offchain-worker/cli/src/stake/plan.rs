//! What a command signs, what it costs, and its consequences.

use anyhow::{bail, ensure, Result};
use livepeer_primitives::{
	api::{LockInfo, StakeView},
	AccountId, Balance, UNIT,
};
use livepeer_worker_core::{
	decimal,
	ports::{
		chain::Call,
		stake_call::StakeCall,
		stakes::{StakeLimits, Stakes},
	},
};

use super::in_rounds;

/// The least LPT that an account needs to exist.
const EXISTENCE: Balance = UNIT / 1_000;

/// What an owner of stake wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
	/// Bond so much, to itself where nobody is named.
	Bond {
		/// How much, in LPT.
		amount: Balance,
		/// To whom.
		to: Option<AccountId>,
	},
	/// Take the bond to another transcoder.
	Move {
		/// To whom.
		to: AccountId,
	},
	/// Take so much of the bond away, or all.
	Unbond {
		/// How much, in LPT.
		amount: Option<Balance>,
	},
	/// Bond a lock again.
	Rebond {
		/// Its number.
		lock: u32,
		/// With whom.
		to: Option<AccountId>,
	},
	/// Pay a lock out.
	Withdraw {
		/// Its number.
		lock: u32,
	},
	/// Pay fees out.
	Fees,
	/// Offer so much of the bond, or all.
	Transfer {
		/// How much, in LPT.
		amount: Option<Balance>,
		/// To whom.
		to: AccountId,
	},
	/// Take an offered bond.
	Accept {
		/// Who offers it.
		from: AccountId,
		/// The number of the lock among theirs.
		lock: u32,
	},
	/// Leave jail.
	Unjail,
	/// Leave the list of candidates.
	Resign,
}

/// What will be signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
	/// The call.
	pub call: Call,
	/// Its fee, in LPT.
	pub fee: Balance,
	/// What is done and what follows, a line each.
	pub says: Vec<String>,
}

/// An account, with what it has and what holds for everybody.
struct Owner<'a> {
	chain: &'a dyn Stakes,
	account: &'a AccountId,
	stake: StakeView,
	limits: StakeLimits,
	round: u32,
}

/// Checks what can be checked, and returns the call with its consequences.
pub async fn plan(chain: &dyn Stakes, account: &AccountId, action: Action) -> Result<Plan> {
	let owner = Owner {
		chain,
		account,
		stake: chain.stake(None, account).await?,
		limits: chain.stake_limits().await?,
		round: chain.clock(None).await?.round,
	};
	let (call, says) = match action {
		Action::Bond { amount, to } => {
			owner.bond(amount, to.unwrap_or_else(|| account.clone())).await?
		}
		Action::Move { to } => owner.move_to(to).await?,
		Action::Unbond { amount } => owner.unbond(amount).await?,
		Action::Rebond { lock, to } => owner.rebond(lock, to).await?,
		Action::Withdraw { lock } => owner.withdraw(lock)?,
		Action::Fees => owner.fees()?,
		Action::Transfer { amount, to } => owner.transfer(amount, to)?,
		Action::Accept { from, lock } => owner.accept(from, lock).await?,
		Action::Unjail => owner.unjail().await?,
		Action::Resign => owner.resign().await?,
	};
	let fee = chain.fee(&call).await?;
	let mut plan = Plan { call, fee, says };
	owner.weigh(&mut plan).await?;
	Ok(plan)
}

type Planned = Result<(Call, Vec<String>)>;

impl Owner<'_> {
	/// The transcoder that the account is bonded to.
	fn delegate(&self) -> Result<&AccountId> {
		match &self.stake.delegate {
			Some(delegate) => Ok(delegate),
			None => {
				bail!("{} has no bond; `stake bond` or `stake delegate` make one", self.account)
			}
		}
	}

	fn lock<'a>(&self, of: &'a StakeView, id: u32) -> Result<&'a LockInfo> {
		match of.locks.iter().find(|lock| lock.id == id) {
			Some(lock) => Ok(lock),
			None if of.locks.is_empty() => {
				bail!("there are no locks: `stake unbond` and `stake move` make them")
			}
			None => {
				let known: Vec<_> = of.locks.iter().map(|lock| lock.id.to_string()).collect();
				bail!("there is no lock {id}; the locks are {}", known.join(", "))
			}
		}
	}

	/// How long it is to a round.
	fn until(&self, round: u32) -> String {
		in_rounds(&self.limits, round.saturating_sub(self.round))
	}

	/// Refuses if `to` takes no stake; otherwise adds what stake with it earns and risks.
	async fn joins(&self, to: &AccountId, says: &mut Vec<String>) -> Result<()> {
		if to != self.account {
			let Some(terms) = self.chain.transcoder(to).await? else {
				bail!("{to} is not a transcoder: `stake transcoders` lists those that take stake");
			};
			ensure!(
				!terms.jailed,
				"{to} is jailed and takes no stake: `stake transcoders` lists others"
			);
			let earns = self.chain.yield_of(to).await?;
			// New stake counts under the terms of the next round, which are known already.
			let now = (terms.reward_cut, terms.fee_share);
			let next = self.chain.terms_of(to).await?;
			let next = next.map_or(now, |next| (next.reward_cut, next.fee_share));
			let in_this = if next == now {
				String::new()
			} else {
				format!(" (in this one {:?} and {:?})", now.0, now.1)
			};
			says.push(format!(
				"From the next round on it keeps {:?} of rewards and shares {:?} of fees{in_this}. In this round a \
				 LPT with it earns {} LPT{}.",
				next.0,
				next.1,
				decimal(earns.per_lpt),
				if earns.earns && earns.competitive { "" } else { ", if it did its duty, which it currently does not" },
			));
		} else if self.chain.transcoder(to).await?.is_none() {
			says.push(format!(
				"It earns nothing until {to} is a transcoder: `livepeer-worker keys register` makes it one. To have \
				 a part of what another one earns, name that one with --to."
			));
			return Ok(());
		}
		let backing = self.chain.backing(to).await?;
		let open: u32 = backing.open.iter().map(|(_, count)| *count).sum();
		says.push(format!(
			"It counts and earns from round {} on, and shares the transcoder's risk at once: \
			 {open} claims and judgements are open, and slashes have taken {:?} so far.",
			self.round.saturating_add(1),
			backing.slashed,
		));
		Ok(())
	}

	/// When stake that leaves can be withdrawn, in words.
	fn leaves(&self, transcoder: &AccountId) -> String {
		let StakeLimits { unbonding_period, liability_window, .. } = self.limits;
		format!(
			"It earns nothing from now on, and has no part in this round's reward. It answers for {transcoder} \
			 for {}, and can be withdrawn after {}.",
			in_rounds(&self.limits, liability_window),
			in_rounds(&self.limits, unbonding_period.max(liability_window)),
		)
	}

	/// The amount that leaves. Refuses one that would leave too little for a bond.
	fn part(&self, amount: Option<Balance>) -> Result<Balance> {
		self.delegate()?;
		let all = self.stake.next_round;
		let amount = amount.unwrap_or(all);
		ensure!(amount > 0, "nothing would be taken: --amount is 0, or the bond is worth nothing");
		ensure!(
			amount <= all,
			"the bond is worth {} LPT: give that much at most, or --all",
			decimal(all)
		);
		let rest = all - amount;
		ensure!(
			rest == 0 || rest >= self.limits.min_bond,
			"{} LPT would be left, and a bond is {} LPT at least: leave more, or give --all",
			decimal(rest),
			decimal(self.limits.min_bond)
		);
		Ok(amount)
	}

	/// Warns a transcoder whose own bond shrinks that it can lose its place.
	async fn place(&self, taken: Balance, says: &mut Vec<String>) -> Result<()> {
		let own = self.stake.delegate.as_ref() == Some(self.account);
		let rest = self.stake.next_round.saturating_sub(taken);
		if own && rest < self.limits.min_self_bond && self.is_registered().await? {
			says.push(format!(
				"A transcoder's own bond is {} LPT at least: with {} it leaves the list of candidates \
				 at the next election.",
				decimal(self.limits.min_self_bond),
				decimal(rest)
			));
		}
		Ok(())
	}

	async fn is_registered(&self) -> Result<bool> {
		Ok(self.chain.transcoder(self.account).await?.is_some())
	}

	async fn bond(&self, amount: Balance, to: AccountId) -> Planned {
		ensure!(
			amount >= self.limits.min_bond,
			"a bond is {} LPT at least: give more",
			decimal(self.limits.min_bond)
		);
		if let Some(delegate) = self.stake.delegate.as_ref().filter(|delegate| **delegate != to) {
			bail!(
				"{} is bonded to {delegate}, and an account bonds to one transcoder at a time: add to \
				 that bond, or take it to {to} with `stake move`",
				self.account
			);
		}
		let mut says = vec![format!("Bonds {} LPT to {to}.", decimal(amount))];
		self.joins(&to, &mut says).await?;
		let StakeLimits { unbonding_period, liability_window, .. } = self.limits;
		says.push(format!(
			"Once it leaves, it can be withdrawn after {}.",
			in_rounds(&self.limits, unbonding_period.max(liability_window))
		));
		Ok((Call::Bond { amount, to }, says))
	}

	async fn move_to(&self, to: AccountId) -> Planned {
		let from = self.delegate()?;
		ensure!(*from != to, "the bond is with {to} already");
		let mut says = vec![format!(
			"Takes {} LPT, the whole bond, away from {from}.",
			decimal(self.stake.next_round)
		)];
		// Checked now, because moving takes long.
		self.joins(&to, &mut says).await?;
		says.pop();
		says.push(format!(
			"It earns nothing until it is bonded again: from round {} on, in {}, with `stake rebond`. \
			 Until then it answers for {from}, and can go back to it at once.",
			self.round.saturating_add(self.limits.liability_window),
			in_rounds(&self.limits, self.limits.liability_window),
		));
		self.place(self.stake.next_round, &mut says).await?;
		Ok((Call::Stake(StakeCall::MoveBond { to }), says))
	}

	async fn unbond(&self, amount: Option<Balance>) -> Planned {
		let amount = self.part(amount)?;
		let from = self.delegate()?;
		let mut says = vec![
			format!("Takes {} LPT away from {from}.", decimal(amount)),
			self.leaves(from),
			"`stake rebond` bonds it to the same transcoder again, at any time.".to_owned(),
		];
		self.place(amount, &mut says).await?;
		Ok((Call::Stake(StakeCall::Unbond { amount }), says))
	}

	async fn rebond(&self, id: u32, to: Option<AccountId>) -> Planned {
		let lock = self.lock(&self.stake, id)?;
		let is_free = self.round >= lock.liable_until && !lock.held_back;
		let to = match (to, &lock.moves_to) {
			(Some(to), _) => to,
			(None, Some(to)) => to.clone(),
			(None, None) => lock.transcoder.clone(),
		};
		if to != lock.transcoder && !is_free {
			ensure!(
				!lock.held_back || self.round < lock.liable_until,
				"lock {id} answers for claims or judgements of {} that are open: try again when they \
				 are over, or go back to it with --to {0}",
				lock.transcoder
			);
			bail!(
				"lock {id} answers for {} until round {}, in {}: try again then, or go back to it with \
				 --to {0}",
				lock.transcoder,
				lock.liable_until,
				self.until(lock.liable_until)
			);
		}
		if let Some(delegate) = self.stake.delegate.as_ref().filter(|delegate| **delegate != to) {
			bail!("{} is bonded to {delegate}: unbond or move that bond first", self.account);
		}
		let all = self.stake.next_round.saturating_add(lock.value);
		ensure!(
			lock.value > 0 && all >= self.limits.min_bond,
			"the lock is worth {} LPT, and a bond is {} LPT at least: withdraw it, or bond more first",
			decimal(lock.value),
			decimal(self.limits.min_bond)
		);
		let mut says = vec![format!("Bonds the {} LPT of lock {id} to {to}.", decimal(lock.value))];
		self.joins(&to, &mut says).await?;
		Ok((Call::Stake(StakeCall::Rebond { lock: id, to }), says))
	}

	fn withdraw(&self, id: u32) -> Planned {
		let lock = self.lock(&self.stake, id)?;
		ensure!(
			self.round >= lock.release,
			"lock {id} can be withdrawn from round {} on, in {}",
			lock.release,
			self.until(lock.release)
		);
		ensure!(
			!lock.held_back,
			"lock {id} answers for claims or judgements of {} that are open: try again when they are \
			 over",
			lock.transcoder
		);
		let says = vec![format!("Pays {} LPT out to {}.", decimal(lock.value), self.account)];
		Ok((Call::Stake(StakeCall::WithdrawStake { lock: id }), says))
	}

	fn fees(&self) -> Planned {
		ensure!(self.stake.fees > 0, "{} has earned no fees since the last time", self.account);
		let says = vec![format!("Pays {} ETH out to {}.", decimal(self.stake.fees), self.account)];
		Ok((Call::Stake(StakeCall::WithdrawFees), says))
	}

	fn transfer(&self, amount: Option<Balance>, to: AccountId) -> Planned {
		ensure!(to != *self.account, "the bond is that account's already: give another with --to");
		let amount = self.part(amount)?;
		ensure!(
			amount >= self.limits.min_bond,
			"a bond is {} LPT at least: give more",
			decimal(self.limits.min_bond)
		);
		let from = self.delegate()?;
		let says = vec![
			format!("Offers {} LPT of the bond with {from} to {to}, for good.", decimal(amount)),
			"It earns nothing until the other account accepts it (`stake accept`); until then `stake \
			 rebond` takes it back."
				.to_owned(),
			self.leaves(from),
		];
		Ok((Call::Stake(StakeCall::TransferBond { amount, to }), says))
	}

	async fn accept(&self, from: AccountId, id: u32) -> Planned {
		let theirs = self.chain.stake(None, &from).await?;
		let lock = self.lock(&theirs, id)?;
		ensure!(
			lock.offered_to.as_ref() == Some(self.account),
			"lock {id} of {from} is not offered to {}: its owner does that with `stake transfer`",
			self.account
		);
		let to = &lock.transcoder;
		if let Some(delegate) = self.stake.delegate.as_ref().filter(|delegate| *delegate != to) {
			bail!(
				"the bond is with {to} and stays there, and {} is bonded to {delegate}: unbond first",
				self.account
			);
		}
		let mut says = vec![format!("Takes over {} LPT, bonded to {to}.", decimal(lock.value))];
		self.joins(to, &mut says).await?;
		let (transcoder, least) = (to.clone(), lock.value);
		Ok((Call::Stake(StakeCall::AcceptBond { from, lock: id, transcoder, least }), says))
	}

	async fn unjail(&self) -> Planned {
		match self.chain.transcoder(self.account).await? {
			Some(view) if view.jailed => {}
			Some(_) => bail!("{} is not jailed", self.account),
			None => bail!("{} is not a transcoder", self.account),
		}
		let says = vec![
			format!("Takes {} out of jail, if every verdict against it was executed or cancelled.", self.account),
			"Its worker announces its capacity anew by itself; it can be elected from the next round on."
				.to_owned(),
		];
		Ok((Call::Stake(StakeCall::Unjail), says))
	}

	async fn resign(&self) -> Planned {
		ensure!(self.is_registered().await?, "{} is not a transcoder", self.account);
		let says = vec![format!(
			"Takes {} out of the list of candidates at once: it gets no more jobs, and hands on those \
			 that it has. Its stake stays bonded, and its delegators' too.",
			self.account
		)];
		Ok((Call::Stake(StakeCall::Resign), says))
	}

	/// Whether the account can pay, now and for leaving.
	async fn weigh(&self, plan: &mut Plan) -> Result<()> {
		let free = self.chain.free(self.account).await?.lpt;
		let usable = free.saturating_sub(EXISTENCE);
		let spent = match &plan.call {
			Call::Bond { amount, .. } => *amount,
			_ => 0,
		};
		let pays_for_itself = matches!(
			&plan.call,
			Call::Stake(StakeCall::Unbond { .. } | StakeCall::WithdrawStake { .. })
		);
		if usable < plan.fee && pays_for_itself {
			plan.says.push(format!(
				"{} LPT are free, which is too little: the fee comes out of what this frees.",
				decimal(free)
			));
			return Ok(());
		}
		let needed = spent.saturating_add(plan.fee);
		ensure!(
			usable >= needed,
			"{} has {} LPT free, and this takes {} with the fee, beside the {} that an account keeps: \
			 send it more",
			self.account,
			decimal(free),
			decimal(needed),
			decimal(EXISTENCE)
		);
		// Enough for two calls to leave, even if prices rise.
		let reserve = plan.fee.saturating_mul(4);
		if spent > 0 && usable - needed < reserve {
			plan.says.push(format!(
				"Only {} LPT stay free, too little to pay for much: unbonding and withdrawing could pay \
				 their fees out of what they free, but nothing else could be done with the bond.",
				decimal(free.saturating_sub(needed))
			));
		}
		Ok(())
	}
}
