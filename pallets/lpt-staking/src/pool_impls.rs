//! The operations on pools, bonds and locks, as plain functions over plain state.
//!
//! A pool is updated lazily: a new round costs nothing until somebody touches the pool.

use crate::{
	maths,
	types::{
		Bond, Checkpoint, Commission, ExitPool, Factors, FeeSplit, Joining, Lock, Pool, PoolId,
	},
};
use livepeer_primitives::{Balance, RoundIndex};
use sp_core::U256;
use sp_runtime::Perbill;

impl Commission {
	/// The sum.
	pub fn total(&self) -> Balance {
		self.base.saturating_add(self.growth).saturating_add(self.fresh)
	}

	fn slashed(&self, start: u128, now: u128) -> Self {
		Self {
			base: maths::after_slashes(self.base, start, now),
			growth: maths::after_slashes(self.growth, start, now),
			fresh: maths::after_slashes(self.fresh, start, now),
		}
	}
}

impl Pool {
	/// An empty pool.
	pub fn new(round: RoundIndex) -> Self {
		Self {
			round,
			total: 0,
			active: 0,
			crf_start: maths::FACTOR_ONE,
			now: Factors { crf: maths::FACTOR_ONE, cff: U256::zero(), sf: maths::SLASH_ONE },
			commission: Commission::default(),
			fees: 0,
			members: 0,
			counting: 0,
			joined: 0,
			own: false,
		}
	}

	/// Whether a slash took everything. Such a pool has ended; it disappears with its last bond.
	pub fn is_wiped(&self) -> bool {
		self.now.sf == 0
	}

	/// Whether stake may join. A pool that slashes have nearly wiped takes none, because the next
	/// slash could take all of it.
	pub fn may_be_joined(&self) -> bool {
		self.now.sf >= maths::JOIN_FLOOR
	}

	/// Brings the pool into round `round`: all stake counts from now on. Returns the checkpoint of
	/// the round up to which it had been updated, if stake joined in that round.
	pub fn fold(&mut self, round: RoundIndex) -> Option<Checkpoint> {
		if round <= self.round {
			return None;
		}
		let checkpoint = (self.joined > 0).then_some(Checkpoint {
			crf: self.now.crf,
			cff: self.now.cff,
			refs: self.joined,
		});
		self.joined = 0;
		self.counting = self.members;
		self.round = round;
		self.active = self.total;
		self.crf_start = self.now.crf;
		self.commission = Commission { base: self.commission.total(), growth: 0, fresh: 0 };
		checkpoint
	}

	/// Brings `bond` up to date and returns the fees that it earned, which leave the pool. `own`:
	/// it is the transcoder's own bond. `checkpoint`: that of the round in which the bond's joining
	/// stake joined; required if that round is over.
	pub fn settle(
		&mut self,
		bond: &mut Bond,
		own: bool,
		checkpoint: Option<&Checkpoint>,
	) -> Balance {
		let mut fees = maths::fee_value(bond.amount, &bond.since, self.now.cff);
		let mut amount = maths::stake_value(bond.amount, &bond.since, self.now.crf, self.now.sf);
		let counted = self.counts(bond, own);
		if let Some(mut joining) = bond.joining.take() {
			if joining.round < self.round {
				// The checkpoint is kept for this bond. Without it the stake would have earned
				// nothing.
				let (crf, cff) =
					checkpoint.map_or((self.now.crf, self.now.cff), |c| (c.crf, c.cff));
				let since = Factors { crf, cff, sf: joining.sf };
				fees = fees.saturating_add(maths::fee_value(joining.amount, &since, self.now.cff));
				amount = amount.saturating_add(maths::stake_value(
					joining.amount,
					&since,
					self.now.crf,
					self.now.sf,
				));
			} else {
				joining.amount = maths::after_slashes(joining.amount, joining.sf, self.now.sf);
				joining.sf = self.now.sf;
				if joining.amount > 0 {
					bond.joining = Some(joining);
				} else {
					self.joined = self.joined.saturating_sub(1);
				}
			}
		}
		if own {
			// The fresh part does not count this round, so it must not earn in it.
			let counted = self.commission.base.saturating_add(self.commission.growth);
			amount = amount.saturating_add(counted);
			self.commission = Commission { base: 0, growth: 0, fresh: self.commission.fresh };
		}
		bond.amount = amount;
		bond.since = self.now;
		if counted && amount == 0 {
			self.count_one_less();
		}
		let fees = fees.min(self.fees);
		self.fees = self.fees.saturating_sub(fees);
		fees
	}

	/// The worth of a settled bond.
	pub fn value(&self, bond: &Bond, own: bool) -> Balance {
		bond.amount
			.saturating_add(bond.joining.map_or(0, |joining| joining.amount))
			.saturating_add(if own { self.commission.fresh } else { 0 })
			.min(self.total)
	}

	/// Adds stake to a settled bond. It counts from the next round.
	pub fn join(&mut self, bond: &mut Bond, amount: Balance) {
		match bond.joining.as_mut() {
			Some(joining) => joining.amount = joining.amount.saturating_add(amount),
			None => {
				bond.joining = Some(Joining { amount, round: self.round, sf: self.now.sf });
				self.joined = self.joined.saturating_add(1);
			}
		}
		self.total = self.total.saturating_add(amount);
	}

	/// Adds stake that counts at once to a settled bond. Only for genesis, before anything could be
	/// earned.
	pub fn join_at_once(&mut self, bond: &mut Bond, amount: Balance) {
		if bond.amount == 0 {
			self.counting = self.counting.saturating_add(1);
		}
		bond.amount = bond.amount.saturating_add(amount);
		self.total = self.total.saturating_add(amount);
		self.active = self.active.saturating_add(amount);
	}

	/// Takes `amount`, at most the bond's value, out of a settled bond; stake that does not count
	/// yet leaves first.
	pub fn leave(&mut self, bond: &mut Bond, own: bool, amount: Balance) {
		let mut rest = amount;
		if let Some(joining) = bond.joining.as_mut() {
			let part = joining.amount.min(rest);
			joining.amount = joining.amount.saturating_sub(part);
			rest = rest.saturating_sub(part);
			if joining.amount == 0 {
				bond.joining = None;
				self.joined = self.joined.saturating_sub(1);
			}
		}
		if own {
			let part = self.commission.fresh.min(rest);
			self.commission.fresh = self.commission.fresh.saturating_sub(part);
			rest = rest.saturating_sub(part);
		}
		let counted = bond.amount > 0;
		bond.amount = bond.amount.saturating_sub(rest);
		self.active =
			self.active.saturating_sub(maths::at_round_start(rest, self.crf_start, self.now.crf));
		self.total = self.total.saturating_sub(amount);
		self.active = self.active.min(self.total);
		if counted && bond.amount == 0 {
			self.count_one_less();
		}
	}

	/// Whether `bond`, settled or not, has stake that counts.
	pub fn counts(&self, bond: &Bond, own: bool) -> bool {
		bond.amount > 0
			|| bond.joining.is_some_and(|joining| joining.round < self.round)
			|| (own && self.commission.base > 0)
	}

	fn count_one_less(&mut self) {
		self.counting = self.counting.saturating_sub(1);
		if self.counting == 0 {
			self.active = 0;
		}
	}

	/// Whether there is stake that counts this round, and the reward factor has room to grow.
	pub fn earns(&self) -> bool {
		self.active > 0 && !self.is_wiped() && self.now.crf < maths::FACTOR_LIMIT
	}

	/// Books a reward of `amount` to the stake of this round. The transcoder, if it has own stake,
	/// keeps `cut` of it. Returns what was booked: nothing if the pool does not earn.
	pub fn reward(&mut self, amount: Balance, cut: Perbill) -> Balance {
		if !self.earns() {
			return 0;
		}
		let commission = if self.own { maths::share_of(cut, amount) } else { 0 };
		let rest = amount.saturating_sub(commission);
		self.commission.growth = self.commission.growth.saturating_add(maths::portion(
			rest,
			self.commission.base,
			self.active,
		));
		self.commission.fresh = self.commission.fresh.saturating_add(commission);
		self.now.crf =
			self.now.crf.saturating_add(maths::reward_increment(self.crf_start, rest, self.active));
		self.total = self.total.saturating_add(amount);
		amount
	}

	/// Books a fee of `fee` with the delegators' `share` of it. The whole fee is the transcoder's
	/// if no stake counts, or if the share is too small for the precision of the factor.
	pub fn deposit_fee(&mut self, fee: Balance, share: Perbill) -> FeeSplit {
		let shared = maths::share_of(share, fee);
		let increment =
			maths::fee_increment(maths::weight(self.crf_start, self.now.sf), shared, self.active);
		if increment.is_zero() {
			return FeeSplit { transcoder: fee, delegators: 0 };
		}
		let on_commission = maths::portion(shared, self.commission.base, self.active).min(shared);
		let delegators = shared.saturating_sub(on_commission);
		self.now.cff = self.now.cff.saturating_add(increment);
		self.fees = self.fees.saturating_add(delegators);
		FeeSplit { transcoder: fee.saturating_sub(delegators), delegators }
	}

	/// Cuts everything in the pool by `fraction` and returns the amount.
	pub fn slash(&mut self, fraction: Perbill) -> Balance {
		let next = maths::slashed_factor(self.now.sf, fraction);
		let cut = maths::slash_cut(self.total, fraction, next);
		self.active = self.active.saturating_sub(maths::slash_cut(self.active, fraction, next));
		self.commission = self.commission.slashed(self.now.sf, next);
		self.total = self.total.saturating_sub(cut);
		self.active = self.active.min(self.total);
		self.now.sf = next;
		cut
	}
}

impl Bond {
	/// An empty bond in `pool`, whose id is `id`.
	pub fn new(id: PoolId, pool: &Pool) -> Self {
		Self { pool: id, amount: 0, since: pool.now, joining: None }
	}
}

impl ExitPool {
	/// An empty exit pool.
	pub fn new() -> Self {
		Self { total: 0, sf: maths::SLASH_ONE, locks: 0, released: false }
	}

	/// Whether a slash took everything.
	pub fn is_wiped(&self) -> bool {
		self.sf == 0
	}

	/// Adds a lock of `amount`.
	pub fn enter(&mut self, amount: Balance) {
		self.total = self.total.saturating_add(amount);
		self.locks = self.locks.saturating_add(1);
	}

	/// The worth of a lock in it.
	pub fn value(&self, lock: &Lock) -> Balance {
		maths::after_slashes(lock.amount, lock.sf, self.sf).min(self.total)
	}

	/// Takes a lock out and returns its worth. `released`: it is no longer liable.
	pub fn withdraw(&mut self, lock: &Lock, released: bool) -> Balance {
		let value = self.value(lock);
		self.total = self.total.saturating_sub(value);
		self.locks = self.locks.saturating_sub(1);
		self.released |= released;
		value
	}

	/// Cuts everything in it by `fraction` and returns the amount.
	pub fn slash(&mut self, fraction: Perbill) -> Balance {
		let next = maths::slashed_factor(self.sf, fraction);
		let cut = maths::slash_cut(self.total, fraction, next);
		self.total = self.total.saturating_sub(cut);
		self.sf = next;
		cut
	}
}

impl Default for ExitPool {
	fn default() -> Self {
		Self::new()
	}
}
