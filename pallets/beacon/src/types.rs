//! The authors of a window, and the seed that results.

use codec::{Decode, Encode, MaxEncodedLen};
use livepeer_primitives::{traits::Seed, AccountId, WindowIndex};
use scale_info::TypeInfo;

use crate::MAX_INVALID_WINDOWS;

/// The authors that have contributed to a window, as far as it matters.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Participation {
	/// No author yet.
	#[default]
	Nobody,
	/// One author.
	One(AccountId),
	/// At least two different authors.
	Several,
}

impl Participation {
	/// The authors after one more block by `author`.
	pub fn with(self, author: AccountId) -> Self {
		match self {
			Participation::Nobody => Participation::One(author),
			Participation::One(first) if first == author => Participation::One(first),
			Participation::One(_) | Participation::Several => Participation::Several,
		}
	}

	/// Whether a window with these authors is valid if `validators` are in force.
	pub fn is_valid(&self, validators: usize) -> bool {
		match self {
			Participation::Nobody => false,
			Participation::One(_) => validators == 1,
			Participation::Several => true,
		}
	}
}

/// What happens at the end of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
	/// The seed is stored; it answers for windows from this one on.
	Store {
		/// The first window that it answers for.
		first: WindowIndex,
	},
	/// A later seed will answer for it.
	Wait,
}

/// Decides about `window`, before which `invalid` windows in a row are already waiting.
pub fn close(window: WindowIndex, valid: bool, invalid: u32) -> Closing {
	if valid || invalid.saturating_add(1) >= MAX_INVALID_WINDOWS {
		Closing::Store { first: window.saturating_sub(invalid) }
	} else {
		Closing::Wait
	}
}

/// A stored seed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct StoredSeed {
	/// The first window that it answers for. The last one is the window at whose end it was stored.
	pub first: WindowIndex,
	/// The seed and the validators then in force.
	pub seed: Seed,
}
