//! The arithmetic of earnings and slashes, as plain functions.
//!
//! Earnings follow LIP-36, with its precision and order of operations, so that results agree with
//! Livepeer's to the last digit: factors are integers with a precision of 10^27, and [`perc_of`]
//! rounds down twice. Slashes are kept apart, in a slash factor with a precision of 10^36.
//!
//! Every function is total. Products are computed in 512 bits; a result that does not fit
//! saturates, and a zero divisor gives zero. Rounding goes against the claimant: values down,
//! divisors up.

use crate::types::Factors;
use livepeer_primitives::Balance;
use sp_core::{U256, U512};
use sp_runtime::Perbill;

const FACTOR_ONE_RAW: u128 = 1_000_000_000_000_000_000_000_000_000;

/// One, as a reward factor or a fee factor: 10^27.
pub const FACTOR_ONE: U256 = U256([FACTOR_ONE_RAW as u64, (FACTOR_ONE_RAW >> 64) as u64, 0, 0]);

/// The reward factor from which on a pool earns nothing more: 10^54, which is 10^27 times its start.
/// No bond that stays can reach it, because it would be more LPT than a balance can hold. But if
/// nearly all stake leaves and returns in each round, the little that stays can grow as much in some
/// weeks. Without a limit the factors would saturate, and what is earned would belong to nobody.
pub const FACTOR_LIMIT: U256 =
	U256([0x9240_0000_0000_0000, 0xc519_9909_0b65_f67d, 0x000a_70c3_c40a_64e6, 0]);

/// One, as a slash factor: 10^36. It is finer than the other factors, so that a value loses less
/// than one unit to it.
pub const SLASH_ONE: u128 = 1_000_000_000_000_000_000_000_000_000_000_000_000;

/// A slash factor below this, 10^-9 of its start, becomes zero: with so little stake left, the
/// factors would lose their precision.
pub const SLASH_FLOOR: u128 = SLASH_ONE / 1_000_000_000;

/// With a slash factor below this, 10^-6 of its start, a pool takes no more stake. The slash that
/// passes [`SLASH_FLOOR`] takes everything, however small it is, so of a bond made just before it
/// would take far more than its share. What joins above this has lost all but a thousandth by then.
pub const JOIN_FLOOR: u128 = SLASH_ONE / 1_000_000;

/// ⌊a × b ÷ c⌋.
pub fn mul_div(a: U256, b: U256, c: U256) -> U256 {
	if c.is_zero() {
		return U256::zero();
	}
	U256::try_from(a.full_mul(b) / U512::from(c)).unwrap_or(U256::MAX)
}

/// ⌈a × b ÷ c⌉.
pub fn mul_div_up(a: U256, b: U256, c: U256) -> U256 {
	if c.is_zero() {
		return U256::zero();
	}
	let (quotient, rest) = a.full_mul(b).div_mod(U512::from(c));
	let quotient = if rest.is_zero() { quotient } else { quotient.saturating_add(U512::one()) };
	U256::try_from(quotient).unwrap_or(U256::MAX)
}

/// n ÷ d with a precision of 10^27, rounded down: Livepeer's `percPoints`.
pub fn perc_points(n: U256, d: U256) -> U256 {
	mul_div(n, FACTOR_ONE, d)
}

/// a × n ÷ d through [`perc_points`], and so rounded down twice: Livepeer's `percOf`.
pub fn perc_of(a: U256, n: U256, d: U256) -> U256 {
	mul_div(a, perc_points(n, d), FACTOR_ONE)
}

/// As an amount of money.
pub fn to_balance(value: U256) -> Balance {
	Balance::try_from(value).unwrap_or(Balance::MAX)
}

/// `share` of `amount`, rounded down.
pub fn share_of(share: Perbill, amount: Balance) -> Balance {
	to_balance(mul_div(
		U256::from(amount),
		U256::from(share.deconstruct()),
		U256::from(Perbill::one().deconstruct()),
	))
}

/// The worth at slash factor `now` of an amount that was recorded at slash factor `start`.
pub fn after_slashes(amount: Balance, start: u128, now: u128) -> Balance {
	if start == now {
		return amount;
	}
	to_balance(mul_div(U256::from(amount), U256::from(now), U256::from(start)))
}

/// The slash factor after a slash of `fraction`. It is zero, for ever, after a full slash or below
/// [`SLASH_FLOOR`].
pub fn slashed_factor(factor: u128, fraction: Perbill) -> u128 {
	let one = Perbill::one().deconstruct();
	let rest = one.saturating_sub(fraction.deconstruct());
	let next =
		to_balance(mul_div(U256::from(factor), U256::from(rest), U256::from(one))).min(factor);
	if next < SLASH_FLOOR {
		0
	} else {
		next
	}
}

/// What a slash takes from a pool of `total`, given the resulting slash factor: everything if that
/// is zero. Rounded down, so that the rest covers every value in the pool.
pub fn slash_cut(total: Balance, fraction: Perbill, next_factor: u128) -> Balance {
	if next_factor == 0 {
		total
	} else {
		share_of(fraction, total)
	}
}

/// The worth of stake of `amount`, last settled at `since`: its LIP-36 value times the change of
/// the slash factor.
pub fn stake_value(amount: Balance, since: &Factors, crf: U256, sf: u128) -> Balance {
	let grown = if since.crf == crf {
		amount
	} else {
		to_balance(perc_of(U256::from(amount), crf, since.crf))
	};
	after_slashes(grown, since.sf, sf)
}

/// Stake per unit of stake at the pool's beginning, with a precision of 10^27: reward factor times
/// slash factor, rounded down. Livepeer uses the reward factor alone.
pub fn weight(crf: U256, sf: u128) -> U256 {
	mul_div(crf, U256::from(sf), U256::from(SLASH_ONE))
}

/// [`weight`] as a divisor: rounded up.
pub fn weight_up(crf: U256, sf: u128) -> U256 {
	mul_div_up(crf, U256::from(sf), U256::from(SLASH_ONE))
}

/// The fees of stake of `amount` since it was last settled at `since`.
pub fn fee_value(amount: Balance, since: &Factors, cff: U256) -> Balance {
	let grown = cff.saturating_sub(since.cff);
	to_balance(perc_of(U256::from(amount), grown, weight_up(since.crf, since.sf)))
}

/// The increase of the reward factor by a reward of `reward` to `stake`. `crf_start` is the factor
/// at the time of that stake: the beginning of the round.
pub fn reward_increment(crf_start: U256, reward: Balance, stake: Balance) -> U256 {
	perc_of(crf_start, U256::from(reward), U256::from(stake))
}

/// The increase of the fee factor by a fee of `fee` to `stake`, whose [`weight`] is `weight`.
pub fn fee_increment(weight: U256, fee: Balance, stake: Balance) -> U256 {
	perc_of(weight, U256::from(fee), U256::from(stake))
}

/// The share of `amount` that belongs to `part` of `whole`.
pub fn portion(amount: Balance, part: Balance, whole: Balance) -> Balance {
	to_balance(perc_of(U256::from(amount), U256::from(part), U256::from(whole)))
}

/// What the current `value` was worth at the beginning of the round, rounded down.
pub fn at_round_start(value: Balance, crf_start: U256, crf: U256) -> Balance {
	if crf_start == crf {
		return value;
	}
	to_balance(mul_div(U256::from(value), crf_start, crf))
}
