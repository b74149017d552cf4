//! Livepeer's minter, to the digit: shares are integers with a precision of 10^9, and each product
//! is rounded down.
//!
//! Every function is total: products are computed in 256 bits, a result that does not fit
//! saturates, and a zero divisor gives zero.

use livepeer_primitives::Balance;
use sp_core::U256;
use sp_runtime::Perbill;

const ONE: u32 = 1_000_000_000;

fn mul_div(a: Balance, b: Balance, c: Balance) -> Balance {
	if c == 0 {
		return 0;
	}
	let product = U256::from(a) * U256::from(b);
	Balance::try_from(product / U256::from(c)).unwrap_or(Balance::MAX)
}

/// n ÷ d with a precision of 10^9, rounded down: `percPoints`.
pub fn perc_points(n: Balance, d: Balance) -> Balance {
	mul_div(n, ONE.into(), d)
}

/// a × n ÷ d through [`perc_points`], and so rounded down twice: `percOf`.
pub fn perc_of(a: Balance, n: Balance, d: Balance) -> Balance {
	mul_div(a, perc_points(n, d), ONE.into())
}

/// a × n ÷ d, rounded down.
pub fn part_of(a: Balance, n: Balance, d: Balance) -> Balance {
	mul_div(a, n, d)
}

/// `share` of `amount`, rounded down.
pub fn share_of(amount: Balance, share: Perbill) -> Balance {
	mul_div(amount, share.deconstruct().into(), ONE.into())
}

/// Compares the share that `stake` is of `supply` with `target`, as Livepeer does with its bonding
/// rate.
pub fn bonding(stake: Balance, supply: Balance, target: Perbill) -> core::cmp::Ordering {
	perc_points(stake, supply).cmp(&target.deconstruct().into())
}

/// The rate of the next round: it rises while less than the target is bonded, and falls while more
/// is.
pub fn next_rate(
	rate: Perbill,
	change: Perbill,
	stake: Balance,
	supply: Balance,
	target: Perbill,
) -> Perbill {
	let (rate, change) = (rate.deconstruct(), change.deconstruct());
	Perbill::from_parts(match bonding(stake, supply, target) {
		// A share is at most one.
		core::cmp::Ordering::Less => rate.saturating_add(change),
		core::cmp::Ordering::Equal => rate,
		core::cmp::Ordering::Greater => rate.saturating_sub(change),
	})
}
