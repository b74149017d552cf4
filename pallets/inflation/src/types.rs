//! The types that the pallet stores.

use codec::{Decode, Encode, MaxEncodedLen};
use livepeer_primitives::{Balance, RoundIndex};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

/// How many rounds `CompetitivenessTolerance` looks back.
pub const TOLERANCE_ROUNDS: RoundIndex = 7;

/// What a round can mint. Fixed when it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct RoundMint {
	/// The round.
	pub round: RoundIndex,
	/// All LPT, in units of 10^-18.
	pub supply: Balance,
	/// Stake of the active set.
	pub stake: Balance,
	/// The share of all LPT that it can mint.
	pub rate: Perbill,
	/// What it can mint.
	pub mintable: Balance,
	/// The common pool's share of what it mints.
	pub pool_cut: Perbill,
	/// What it has minted: zero until it is over.
	pub minted: Balance,
	/// The common pool's share of what the next round mints.
	pub next_pool_cut: Perbill,
}

/// Jobs that a transcoder was offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Offers {
	/// The number of jobs.
	pub offered: u32,
	/// How many of them it served.
	pub served: u32,
}

/// What a transcoder was offered in the rounds of a span, in their order.
pub type SpanOffers = [Offers; TOLERANCE_ROUNDS as usize];

impl Offers {
	/// The sum of both.
	pub fn and(self, other: Self) -> Self {
		Self {
			offered: self.offered.saturating_add(other.offered),
			served: self.served.saturating_add(other.served),
		}
	}

	/// Whether it served enough. Fewer than `at_least` offers always suffice; of more, the served
	/// share must be at least one minus `tolerance`.
	pub fn are_served(&self, tolerance: Perbill, at_least: u32) -> bool {
		let least = (Perbill::one() - tolerance).mul_ceil(self.offered);
		self.offered < at_least || self.served >= least
	}
}
