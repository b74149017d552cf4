//! The types that the pallet stores.

use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use livepeer_primitives::{
	keys::{Generation, OperatorKey, OperatorKeys, VrfKey, MAX_OPERATOR_KEYS},
	Balance,
};
use scale_info::TypeInfo;

/// Most generations that are kept besides the current one.
pub const MAX_OLD_GENERATIONS: u32 = 16;
/// Most generations that are stored for one account and purpose.
pub const MAX_GENERATIONS: u32 = MAX_OLD_GENERATIONS + 1;

/// The generations that are stored for one account and purpose, ascending: the last is the
/// current one.
pub type Numbers = BoundedVec<Generation, ConstU32<MAX_GENERATIONS>>;

/// For each key of a generation, in order, whether it is revoked.
pub type Revoked = BoundedVec<bool, ConstU32<MAX_OPERATOR_KEYS>>;

/// The keys of one generation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct StoredKeys {
	/// Its keys: at least one, none twice.
	pub keys: OperatorKeys,
	/// Which of them are revoked: as long as `keys`.
	pub revoked: Revoked,
	/// The key of forced variants: present for duties, absent for segments.
	pub vrf: Option<VrfKey>,
	/// The deposit held for it, in units of 10^-18 LPT.
	pub deposit: Balance,
	/// How often it is retained.
	pub references: u32,
}

impl StoredKeys {
	/// A key by its place.
	pub fn key(&self, place: u8) -> Option<&OperatorKey> {
		self.keys.get(usize::from(place))
	}

	/// Whether the key at this place is revoked; one that does not exist is not.
	pub fn is_revoked(&self, place: u8) -> bool {
		self.revoked.get(usize::from(place)).copied().unwrap_or(false)
	}
}
