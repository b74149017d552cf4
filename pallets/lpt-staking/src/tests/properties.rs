//! Random stories of several accounts and transcoders. After each step the invariants are checked
//! against a model that visits every account at every step and uses no factors.

use crate::{mock::*, Bonds, Error, Lock, Locks, OwedFees, OwedStake, Pools};
use frame_support::traits::OnRuntimeUpgrade;
use livepeer_primitives::{
	traits::{Liability, Stake},
	AccountId, Balance, RoundIndex,
};
use proptest::prelude::*;
use sp_core::U256;
use sp_runtime::{DispatchError, Perbill};
use std::collections::{BTreeMap, BTreeSet};

const LPT: Balance = 1_000_000_000_000_000_000;

/// A number with 30 digits after the point.
type Real = U256;

fn real(value: Balance) -> Real {
	U256::from(value) * U256::exp10(30)
}

fn whole(value: Real) -> Balance {
	(value / U256::exp10(30)).as_u128()
}

fn times(value: Real, n: Real, d: Real) -> Real {
	crate::maths::mul_div(value, n, d)
}

fn left_by(value: Real, fraction: Perbill) -> Real {
	let one = Perbill::one().deconstruct();
	times(value, U256::from(one - fraction.deconstruct()), U256::from(one))
}

/// A bond in the model. A transcoder's commission is simply part of its bond.
#[derive(Clone, Debug)]
struct ModelBond {
	to: AccountId,
	/// Stake that counts, as at the beginning of the round.
	start: Real,
	/// Stake that counts, now.
	now: Real,
	/// Stake that does not count yet.
	joining: Real,
	/// A transcoder's cuts of this round, which do not count yet.
	fresh: Real,
	/// A slash took its whole pool: the bond is part of nothing any longer.
	is_dead: bool,
}

impl ModelBond {
	fn new(to: &AccountId) -> Self {
		let zero = Real::zero();
		Self { to: to.clone(), start: zero, now: zero, joining: zero, fresh: zero, is_dead: false }
	}
}

#[derive(Clone, Debug)]
struct ModelLock {
	id: u32,
	to: AccountId,
	round: RoundIndex,
	release: RoundIndex,
	liable_until: RoundIndex,
	/// The account to which the lock is offered.
	offered: Option<AccountId>,
	value: Real,
}

#[derive(Default, Debug)]
struct Model {
	bonds: BTreeMap<AccountId, ModelBond>,
	locks: BTreeMap<AccountId, Vec<ModelLock>>,
	fees: BTreeMap<AccountId, Real>,
	/// Product of the shares that slashes left, per pool; tells when the pool counts as wiped.
	left: BTreeMap<AccountId, f64>,
	/// When a transcoder's pool was last wiped.
	wiped: BTreeMap<AccountId, RoundIndex>,
	left_in_exits: BTreeMap<(AccountId, RoundIndex), f64>,
	open: BTreeMap<(AccountId, RoundIndex), u32>,
	/// LPT that came into the pot and has not left it.
	in_pot: Balance,
	/// ETH that came into the pot and has not left it.
	eth_in_pot: Balance,
}

impl Model {
	fn next_round(&mut self) {
		for bond in self.bonds.values_mut() {
			bond.now = bond.now + bond.joining + bond.fresh;
			bond.joining = Real::zero();
			bond.fresh = Real::zero();
			bond.start = bond.now;
		}
	}

	fn bond(&mut self, who: &AccountId, amount: Balance, to: &AccountId) {
		let bond = self.bonds.entry(who.clone()).or_insert_with(|| ModelBond::new(to));
		if bond.to != *to || bond.is_dead {
			// Only a worthless bond can have been replaced.
			*bond = ModelBond::new(to);
		}
		bond.joining += real(amount);
		self.left.entry(to.clone()).or_insert(1.0);
		self.in_pot += amount;
	}

	fn unbond(&mut self, who: &AccountId, amount: Balance, gone: bool, lock: &Lock) {
		let bond = self.bonds.get_mut(who).unwrap();
		let mut rest = real(amount);
		for part in [&mut bond.joining, &mut bond.fresh] {
			let taken = rest.min(*part);
			*part -= taken;
			rest -= taken;
		}
		if !bond.now.is_zero() {
			let taken = rest.min(bond.now);
			bond.start -= times(bond.start, taken, bond.now).min(bond.start);
			bond.now -= taken;
		}
		if gone {
			self.bonds.remove(who);
		}
		let to = lock.pool.transcoder.clone();
		self.left_in_exits.entry((to.clone(), lock.round)).or_insert(1.0);
		self.locks.entry(who.clone()).or_default().push(ModelLock {
			id: lock.id,
			to,
			round: lock.round,
			release: lock.release(),
			liable_until: lock.liable_until,
			offered: match &lock.purpose {
				crate::Purpose::Transfer(to) => Some(to.clone()),
				_ => None,
			},
			value: real(amount),
		});
	}

	/// The stake of a lock joins a bond.
	fn rebond(&mut self, owner: &AccountId, lock: &ModelLock, to: &AccountId) {
		let bond = self.bonds.entry(owner.clone()).or_insert_with(|| ModelBond::new(to));
		if bond.to != *to || bond.is_dead {
			*bond = ModelBond::new(to);
		}
		bond.joining += lock.value;
		self.left.entry(to.clone()).or_insert(1.0);
	}

	fn active(&self, to: &AccountId) -> Real {
		self.bonds
			.values()
			.filter(|bond| bond.to == *to)
			.fold(Real::zero(), |sum, bond| sum + bond.start)
	}

	fn reward(&mut self, to: &AccountId, amount: Balance, cut: Perbill) {
		let active = self.active(to);
		let own = self.bonds.get(to).is_some_and(|bond| bond.to == *to && !bond.is_dead);
		let cut = if own { cut.mul_floor(amount) } else { 0 };
		for bond in self.bonds.values_mut().filter(|bond| bond.to == *to) {
			bond.now += times(real(amount - cut), bond.start, active);
		}
		if own {
			self.bonds.get_mut(to).unwrap().fresh += real(cut);
		}
	}

	fn fee(&mut self, to: &AccountId, amount: Balance, share: Perbill, shared: bool) {
		let active = self.active(to);
		let part = if shared { share.mul_floor(amount) } else { 0 };
		for (who, bond) in self.bonds.iter().filter(|(_, bond)| bond.to == *to) {
			if part > 0 && !active.is_zero() {
				*self.fees.entry(who.clone()).or_default() += times(real(part), bond.start, active);
			}
		}
		*self.fees.entry(to.clone()).or_default() += real(amount - part);
		self.eth_in_pot += amount;
	}

	fn slash(&mut self, to: &AccountId, offence: RoundIndex, fraction: Perbill) {
		let factor = 1.0 - f64::from(fraction.deconstruct()) / 1e9;
		// Without a pool there is nothing to wipe.
		let is_wiped = self.left.get_mut(to).is_some_and(|left| {
			*left *= factor;
			*left < 1e-9
		});
		let fraction_of_pool = if is_wiped { Perbill::one() } else { fraction };
		for bond in self.bonds.values_mut().filter(|bond| bond.to == *to) {
			for part in [&mut bond.start, &mut bond.now, &mut bond.joining, &mut bond.fresh] {
				*part = left_by(*part, fraction_of_pool);
			}
			bond.is_dead |= is_wiped;
		}
		if is_wiped {
			self.left.remove(to);
			self.wiped.insert(to.clone(), Round::get());
		}
		for ((of, round), left) in self.left_in_exits.iter_mut() {
			if of == to && *round >= offence {
				*left *= factor;
			}
		}
		for lock in self.locks.values_mut().flatten() {
			if lock.to == *to && lock.round >= offence {
				let wiped = self.left_in_exits[&(to.clone(), lock.round)] < 1e-9;
				lock.value = left_by(lock.value, if wiped { Perbill::one() } else { fraction });
			}
		}
	}

	fn held(&self, lock: &ModelLock) -> bool {
		self.open.keys().any(|(to, round)| *to == lock.to && *round <= lock.round)
	}

	/// Runs after each step: forgets pools that are gone.
	fn forget_empty(&mut self) {
		self.left.retain(|to, _| pool_of(to.clone()).is_some());
		let exits: BTreeSet<_> = crate::ExitPools::<Test>::iter_keys()
			.map(|(pool, round)| (pool.transcoder, round))
			.collect();
		self.left_in_exits.retain(|key, _| exits.contains(key));
		self.bonds.retain(|who, _| Bonds::<Test>::contains_key(who));
	}
}

#[derive(Clone, Debug)]
enum Step {
	Bond { who: usize, amount: Balance, to: usize },
	Unbond { who: usize, percent: u32 },
	WithdrawStake { who: usize, which: prop::sample::Index },
	Rebond { who: usize, which: prop::sample::Index, to: usize },
	Move { who: usize, to: usize },
	Transfer { who: usize, percent: u32, to: usize },
	Accept { who: usize, from: usize, which: prop::sample::Index },
	WithdrawFees { who: usize },
	Settle { who: usize },
	Fee { to: usize, amount: Balance, share: Perbill },
	Reward { to: usize, amount: Balance, cut: Perbill },
	Slash { to: usize, back: RoundIndex, fraction: Perbill, finders: usize },
	Open { to: usize, back: RoundIndex },
	Close { which: prop::sample::Index },
	Rounds { n: RoundIndex },
	Donate { amount: Balance },
	Upgrade { unbonding_period: RoundIndex, liability_window: RoundIndex },
}

const PEOPLE: [u8; 8] = [1, 2, 3, 11, 12, 13, 14, 15];

fn person(index: usize) -> AccountId {
	account(PEOPLE[index % PEOPLE.len()])
}

fn transcoder(index: usize) -> AccountId {
	account(PEOPLE[index % 3])
}

fn share() -> impl Strategy<Value = Perbill> {
	prop_oneof![
		Just(Perbill::zero()),
		Just(Perbill::one()),
		(0u32..=1_000_000_000).prop_map(Perbill::from_parts),
	]
}

fn step() -> impl Strategy<Value = Step> {
	let who = || 0usize..8;
	let to = || 0usize..3;
	let fraction = prop_oneof![
		20 => (1u32..=600_000_000).prop_map(Perbill::from_parts),
		1 => Just(Perbill::one()),
		1 => Just(Perbill::from_parts(999_000_000)),
	];
	prop_oneof![
		6 => (who(), LPT / 1000..=1_000_000 * LPT, to())
			.prop_map(|(who, amount, to)| Step::Bond { who, amount, to }),
		// Often delegates to itself, which makes a transcoder.
		2 => (to(), LPT / 1000..=1_000_000 * LPT)
			.prop_map(|(who, amount)| Step::Bond { who, amount, to: who }),
		5 => (who(), prop_oneof![Just(100u32), 1u32..=100])
			.prop_map(|(who, percent)| Step::Unbond { who, percent }),
		5 => (who(), any::<prop::sample::Index>())
			.prop_map(|(who, which)| Step::WithdrawStake { who, which }),
		5 => (who(), any::<prop::sample::Index>(), to())
			.prop_map(|(who, which, to)| Step::Rebond { who, which, to }),
		2 => (who(), to()).prop_map(|(who, to)| Step::Move { who, to }),
		2 => (who(), 1u32..=100, who())
			.prop_map(|(who, percent, to)| Step::Transfer { who, percent, to }),
		3 => (who(), who(), any::<prop::sample::Index>())
			.prop_map(|(who, from, which)| Step::Accept { who, from, which }),
		2 => who().prop_map(|who| Step::WithdrawFees { who }),
		3 => who().prop_map(|who| Step::Settle { who }),
		5 => (to(), 1..=100 * LPT, share())
			.prop_map(|(to, amount, share)| Step::Fee { to, amount, share }),
		4 => (to(), 1..=1_000 * LPT, share())
			.prop_map(|(to, amount, cut)| Step::Reward { to, amount, cut }),
		3 => (to(), 0u32..6, fraction, 0usize..4)
			.prop_map(|(to, back, fraction, finders)| Step::Slash { to, back, fraction, finders }),
		2 => (to(), 0u32..3).prop_map(|(to, back)| Step::Open { to, back }),
		3 => any::<prop::sample::Index>().prop_map(|which| Step::Close { which }),
		8 => prop_oneof![4 => Just(1u32), 1 => 2u32..9].prop_map(|n| Step::Rounds { n }),
		1 => (MINIMUM_LPT..=LPT).prop_map(|amount| Step::Donate { amount }),
		// Longer than liabilities can be opened late, and shorter than the wait at the end.
		1 => (1u32..=8, 3u32..=8).prop_map(|(unbonding_period, liability_window)| Step::Upgrade {
			unbonding_period,
			liability_window
		}),
	]
}

fn signed(who: &AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who.clone())
}

fn is(result: Result<(), DispatchError>, error: Error<Test>) -> bool {
	result == Err(error.into())
}

/// Whether slashes have left less than a millionth of the stake of `to`.
fn is_nearly_wiped(to: &AccountId) -> bool {
	pool_of(to.clone()).is_some_and(|pool| pool.now.sf < crate::maths::JOIN_FLOOR)
}

struct World {
	model: Model,
	steps: u128,
	surplus: Balance,
	/// ETH that came in.
	deposited: Balance,
	/// By how much, relatively, rounding remainders in a pool may have shifted earnings so far. A
	/// remainder earns like stake, so the less stake there is, the more it takes.
	shift: f64,
}

impl World {
	/// Books earnings for the stake of `to`.
	fn earn(&mut self, to: &AccountId) {
		let active = LptStaking::active_stake(to);
		if active > 0 {
			self.shift += (50 * (self.steps + 10)) as f64 / active as f64;
		}
	}

	/// The most that rounding may have changed `value` so far.
	fn tolerance(&self, value: Balance) -> Balance {
		1_000 * (self.steps + 10) + (value as f64 * (1e-9 + self.shift)) as Balance
	}

	fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
		let now = Round::get();
		self.steps += 1;
		match step {
			Step::Bond { who, amount, to } => {
				let (who, to) = (person(who), transcoder(to));
				let worth = stake(who.clone());
				let elsewhere = LptStaking::delegate_of(&who).is_some_and(|of| of != to);
				let result = LptStaking::bond(signed(&who), amount, to.clone());
				if result.is_ok() {
					prop_assert!(!elsewhere || worth == 0);
					prop_assert!(!is_nearly_wiped(&to));
					self.model.bond(&who, amount, &to);
				} else {
					prop_assert!(
						is(result, Error::PoolWiped) && self.model.wiped.get(&to) == Some(&now)
							|| is(result, Error::BondedElsewhere) && elsewhere && worth > 0
							|| is(result, Error::PoolNearlyWiped) && is_nearly_wiped(&to)
					);
				}
			}
			Step::Unbond { who, percent } => {
				let who = person(who);
				let all = stake(who.clone());
				let amount = Perbill::from_percent(percent).mul_floor(all);
				let result = LptStaking::unbond(signed(&who), amount);
				if result.is_ok() {
					let locks = Locks::<Test>::get(&who).locks;
					self.model.unbond(&who, amount, amount == all, locks.last().unwrap());
				} else {
					let minimum = Parameters::get().min_bond;
					let exit = Bonds::<Test>::get(&who)
						.and_then(|bond| crate::ExitPools::<Test>::get(bond.pool, now));
					prop_assert!(
						is(result, Error::NotBonded) && all == 0
							|| is(result, Error::NothingToDo) && amount == 0
							|| is(result, Error::RestBelowMinimum) && all - amount < minimum
							|| is(result, Error::TooManyLocks)
								&& Locks::<Test>::get(&who).locks.len() == 32
							|| is(result, Error::ExitPoolWiped) && exit.unwrap().is_wiped()
					);
				}
			}
			Step::WithdrawStake { who, which } => {
				let who = person(who);
				let locks = self.model.locks.entry(who.clone()).or_default();
				if locks.is_empty() {
					return Ok(());
				}
				let at = which.index(locks.len());
				let lock = locks[at].clone();
				let before = lpt(who.clone());
				let result = LptStaking::withdraw_stake(signed(&who), lock.id);
				let held = self.model.held(&lock);
				if result.is_ok() {
					prop_assert!(now >= lock.release && !held);
					let paid = lpt(who.clone()) - before;
					self.close_to(paid, lock.value)?;
					self.model.locks.get_mut(&who).unwrap().remove(at);
					self.model.in_pot -= paid;
				} else {
					prop_assert!(
						is(result, Error::StillUnbonding) && now < lock.release
							|| is(result, Error::LiabilityOpen) && held
					);
				}
			}
			Step::Rebond { who, which, to } => {
				let (who, to) = (person(who), transcoder(to));
				let locks = self.model.locks.entry(who.clone()).or_default();
				if locks.is_empty() {
					return Ok(());
				}
				let at = which.index(locks.len());
				let lock = locks[at].clone();
				let result = LptStaking::rebond(signed(&who), lock.id, to.clone());
				self.returned(result, &who, &lock, &who, &to)?;
			}
			Step::Move { who, to } => {
				let (who, to) = (person(who), transcoder(to));
				let all = stake(who.clone());
				let from = LptStaking::delegate_of(&who);
				let result = LptStaking::move_bond(signed(&who), to.clone());
				if result.is_ok() {
					prop_assert!(from != Some(to));
					let locks = Locks::<Test>::get(&who).locks;
					self.model.unbond(&who, all, true, locks.last().unwrap());
				} else {
					prop_assert!(
						is(result, Error::NotBonded) && all == 0
							|| is(result, Error::AlreadyThere) && from == Some(to)
							|| is(result, Error::TooManyLocks)
								&& Locks::<Test>::get(&who).locks.len() == 32
							|| is(result, Error::ExitPoolWiped)
					);
				}
			}
			Step::Transfer { who, percent, to } => {
				let (who, to) = (person(who), person(to));
				let all = stake(who.clone());
				let amount = Perbill::from_percent(percent).mul_floor(all);
				let result = LptStaking::transfer_bond(signed(&who), amount, to.clone());
				if result.is_ok() {
					prop_assert!(who != to);
					let locks = Locks::<Test>::get(&who).locks;
					self.model.unbond(&who, amount, amount == all, locks.last().unwrap());
				}
			}
			Step::Accept { who, from, which } => {
				let (who, from) = (person(who), person(from));
				let locks = self.model.locks.entry(from.clone()).or_default();
				if locks.is_empty() {
					return Ok(());
				}
				let at = which.index(locks.len());
				let lock = locks[at].clone();
				let (id, to) = (lock.id, lock.to.clone());
				let result = LptStaking::accept_bond(signed(&who), from.clone(), id, to, 0);
				if lock.offered != Some(who.clone()) {
					prop_assert!(is(result, Error::NotOffered));
				} else {
					self.returned(result, &from, &lock, &who, &lock.to)?;
				}
			}
			Step::WithdrawFees { who } => {
				let who = person(who);
				let expected = fees(who.clone());
				let before = eth(who.clone());
				let result = LptStaking::withdraw_fees(signed(&who));
				if result.is_ok() {
					prop_assert_eq!(eth(who.clone()) - before, expected);
					self.model.eth_in_pot -= expected;
					self.model.fees.insert(who, Real::zero());
				} else {
					prop_assert!(expected < MINIMUM_ETH);
				}
			}
			Step::Settle { who } => {
				let who = person(who);
				let before = (stake(who.clone()), fees(who.clone()));
				let _ = LptStaking::settle(signed(&who));
				prop_assert_eq!((stake(who.clone()), fees(who)), before);
			}
			Step::Fee { to, amount, share } => {
				let to = transcoder(to);
				let shared = !LptStaking::transcoder_stake(to.clone()).active.eq(&0);
				self.earn(&to);
				self.deposited += amount;
				// A surplus counts as being in the pot, so a donation could hide a missing fee:
				// check it here.
				let owed = OwedFees::<Test>::get();
				fee(to.clone(), amount, share);
				prop_assert_eq!(OwedFees::<Test>::get(), owed + amount);
				self.model.fee(&to, amount, share, shared);
			}
			Step::Reward { to, amount, cut } => {
				let to = transcoder(to);
				self.earn(&to);
				let active = LptStaking::active_stake(&to);
				let booked = reward(to.clone(), amount, cut);
				self.model.in_pot += amount;
				prop_assert_eq!(booked, if active > 0 { amount } else { 0 });
				if booked > 0 {
					self.model.reward(&to, amount, cut);
				}
			}
			Step::Slash { to, back, fraction, finders } => {
				use livepeer_primitives::traits::Slash;
				let to = transcoder(to);
				let offence = now.saturating_sub(back);
				let finders: Vec<_> = (31..31 + finders as u8).map(account).collect();
				let owed = OwedStake::<Test>::get();
				let sf = pool_of(to.clone()).map(|pool| pool.now.sf);
				let balances = || -> Balance {
					finders.iter().cloned().chain([CommonPool::get()]).map(lpt).sum()
				};
				let before = balances();
				let slashed = LptStaking::slash(&to, offence, fraction, &finders);
				prop_assert_eq!(slashed.total, slashed.finders_fee + slashed.common_pool);
				prop_assert_eq!(balances() - before, slashed.total);
				prop_assert_eq!(owed - OwedStake::<Test>::get(), slashed.total);
				prop_assert!(
					pool_of(to.clone()).map(|pool| pool.now.sf) <= sf,
					"the slash factor rose"
				);
				self.model.in_pot -= slashed.total;
				self.model.slash(&to, offence, fraction);
			}
			Step::Open { to, back } => {
				// At most eight rounds per transcoder, so that the counts are exact.
				let (to, round) = (transcoder(to), now.saturating_sub(back));
				let known = self.model.open.keys().filter(|(of, _)| *of == to).count();
				if known < 8 || self.model.open.contains_key(&(to.clone(), round)) {
					LptStaking::open(&to, round);
					*self.model.open.entry((to, round)).or_default() += 1;
				}
			}
			Step::Close { which } => {
				if self.model.open.is_empty() {
					return Ok(());
				}
				let at = which.index(self.model.open.len());
				let key = self.model.open.keys().nth(at).unwrap().clone();
				LptStaking::close(&key.0, key.1);
				let count = self.model.open.get_mut(&key).unwrap();
				*count -= 1;
				if *count == 0 {
					self.model.open.remove(&key);
				}
			}
			Step::Rounds { n } => {
				for _ in 0..n {
					next_round();
					self.model.next_round();
				}
			}
			Step::Donate { amount } => {
				let _ = Balances::transfer_allow_death(signed(&account(40)), pot(), amount);
				self.surplus += amount;
			}
			// New code on the same state, with other parameters: stake that has left keeps its
			// dates.
			Step::Upgrade { unbonding_period, liability_window } => {
				let _ = LptStaking::on_runtime_upgrade();
				Parameters::mutate(|parameters| {
					parameters.unbonding_period = unbonding_period;
					parameters.liability_window = liability_window;
				});
			}
		}
		self.model.forget_empty();
		Ok(())
	}

	/// A lock of `holder` was meant to become a bond of `owner` to `to`.
	fn returned(
		&mut self,
		result: Result<(), DispatchError>,
		holder: &AccountId,
		lock: &ModelLock,
		owner: &AccountId,
		to: &AccountId,
	) -> Result<(), TestCaseError> {
		let (now, held, returns) = (Round::get(), self.model.held(lock), lock.to == *to);
		if result.is_ok() {
			prop_assert!(returns || now >= lock.liable_until && !held);
			self.model.rebond(owner, lock, to);
			self.model.locks.get_mut(holder).unwrap().retain(|other| other.id != lock.id);
		} else {
			let elsewhere = LptStaking::delegate_of(owner).is_some_and(|of| of != *to);
			prop_assert!(
				is(result, Error::StillLiable) && !returns && now < lock.liable_until
					|| is(result, Error::LiabilityOpen) && !returns && held
					|| is(result, Error::BondedElsewhere) && elsewhere
					|| is(result, Error::PoolWiped) && self.model.wiped.get(to) == Some(&now)
					|| is(result, Error::PoolNearlyWiped) && is_nearly_wiped(to)
					|| (is(result, Error::BelowMinimum) || is(result, Error::WorthlessLock))
						&& whole(lock.value) <= LPT / 1000 + self.tolerance(LPT)
			);
		}
		Ok(())
	}

	/// Whether chain and model agree, apart from rounding.
	fn close_to(&self, chain: Balance, model: Real) -> Result<(), TestCaseError> {
		let model = whole(model);
		let tolerance = self.tolerance(model);
		prop_assert!(
			chain.abs_diff(model) <= tolerance,
			"chain {} model {} after {} steps",
			chain,
			model,
			self.steps
		);
		Ok(())
	}

	fn compare(&self) -> Result<(), TestCaseError> {
		check();
		for (who, bond) in &self.model.bonds {
			self.close_to(stake(who.clone()), bond.now + bond.joining + bond.fresh)?;
			self.close_to(LptStaking::pending_stake(who.clone()), bond.joining + bond.fresh)?;
		}
		for (who, locks) in &self.model.locks {
			let shown = LptStaking::locks(who.clone());
			prop_assert_eq!(shown.len(), locks.len());
			for lock in locks {
				let shown = shown.iter().find(|shown| shown.id == lock.id).unwrap();
				self.close_to(shown.value, lock.value)?;
			}
		}
		for (who, owed) in &self.model.fees {
			self.close_to(fees(who.clone()), *owed)?;
		}
		for index in 0..3 {
			let to = transcoder(index);
			self.close_to(LptStaking::active_stake(&to), self.model.active(&to))?;
			let own = self
				.model
				.bonds
				.get(&to)
				.filter(|bond| bond.to == to)
				.map_or(Real::zero(), |bond| bond.now + bond.joining + bond.fresh);
			self.close_to(LptStaking::self_bond(&to), own)?;
			prop_assert_eq!(
				LptStaking::own_and_active(&to),
				(LptStaking::self_bond(&to), LptStaking::active_stake(&to))
			);
		}
		// Every unit that came in is in the pot or was paid out as reported. What is owed to nobody
		// is dust.
		prop_assert_eq!(lpt(pot()), MINIMUM_LPT + self.model.in_pot + self.surplus);
		prop_assert_eq!(eth(pot()), MINIMUM_ETH + self.model.eth_in_pot);
		let dust = stake_dust();
		prop_assert!(dust <= self.tolerance(OwedStake::<Test>::get()), "dust {}", dust);
		// Fee factors lose digits as the slash factor falls, nine at worst.
		let dust = fee_dust();
		let bound = 10_000_000 * (self.steps + 10) + self.tolerance(self.deposited);
		prop_assert!(dust <= bound, "dust of fees {}", dust);
		Ok(())
	}
}

proptest! {
	#[test]
	fn stake_should_be_conserved_and_follow_the_model(
		steps in prop::collection::vec(step(), 1..90),
	) {
		new_test_ext_with(vec![
			(t(), t(), 1_000 * LPT),
			(d(), t(), 500 * LPT),
			(t2(), t2(), 10 * LPT),
		])
		.execute_with(|| {
			Parameters::mutate(|parameters| parameters.min_bond = LPT / 1000);
			let mut world = World {
 model: Model::default(),
 steps: 0,
 surplus: 0,
 deposited: 0,
 shift: 0.0,
 };
			for (who, to, amount) in [(t(), t(), 1_000), (d(), t(), 500), (t2(), t2(), 10)] {
				world.model.bond(&who, amount * LPT, &to);
			}
			// Genesis bonds count at once.
			world.model.next_round();
			for step in steps {
				world.run(step)?;
				world.compare()?;
			}
			// Everybody can leave in the end.
			for (to, round) in world.model.open.clone().into_keys() {
				while world.model.open.contains_key(&(to.clone(), round)) {
					LptStaking::close(&to, round);
					let count = world.model.open.get_mut(&(to.clone(), round)).unwrap();
					*count -= 1;
					if *count == 0 {
						world.model.open.remove(&(to.clone(), round));
					}
				}
			}
			for index in 0..PEOPLE.len() {
				world.run(Step::Rounds { n: 9 })?;
				let who = person(index);
				while let Some(lock) = LptStaking::locks(who.clone()).first() {
					prop_assert!(LptStaking::withdraw_stake(signed(&who), lock.id).is_ok());
				}
				let all = stake(who.clone());
				if all > 0 {
					prop_assert!(LptStaking::unbond(signed(&who), all).is_ok());
					next_round();
				} else {
					let _ = LptStaking::settle(signed(&who));
				}
			}
			rounds(9);
			for index in 0..PEOPLE.len() {
				let who = person(index);
				while let Some(lock) = LptStaking::locks(who.clone()).first() {
					prop_assert!(LptStaking::withdraw_stake(signed(&who), lock.id).is_ok());
				}
				if fees(who.clone()) >= MINIMUM_ETH {
					prop_assert!(LptStaking::withdraw_fees(signed(&who)).is_ok());
				}
			}
			check();
			// Only the layout's version remains, and fee dust too small for a balance.
			let dust = crate::Fees::<Test>::iter().count();
			let owed = usize::from(OwedFees::<Test>::exists());
			prop_assert_eq!(stored_keys(), 1 + dust + owed);
			prop_assert_eq!(Pools::<Test>::iter().count(), 0);
			Ok(())
		})?;
	}
}
