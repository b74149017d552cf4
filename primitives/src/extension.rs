//! The list at the end of every signed format, for extensions of later versions.

use codec::{Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256};
use sp_runtime::BoundedVec;

/// Most extensions of one object.
pub const MAX_EXTENSIONS: u32 = 8;

/// A SHA-256 of a C2PA manifest that belongs to a segment. Reserved: no code reads it yet.
pub const C2PA_MANIFEST: u16 = 1;

/// A statement of a later version of the protocol about the object in whose list it is.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Extension {
	/// Its kind: one of this module's constants, or unknown.
	pub tag: u16,
	/// Hash of its content, which is transmitted separately.
	pub hash: H256,
}

/// At most [`MAX_EXTENSIONS`] extensions with strictly ascending tags. Unknown ones are carried and
/// signed, but never interpreted. Any other order does not decode, so an object has one encoding.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, MaxEncodedLen, TypeInfo)]
pub struct Extensions(BoundedVec<Extension, ConstU32<MAX_EXTENSIONS>>);

impl Extensions {
	/// Creates the list; `None` if there are too many extensions or their tags do not ascend
	/// strictly.
	pub fn new(extensions: impl IntoIterator<Item = Extension>) -> Option<Self> {
		let list: BoundedVec<_, _> =
			extensions.into_iter().collect::<alloc::vec::Vec<Extension>>().try_into().ok()?;
		let ascending = list.windows(2).all(|pair| pair[0].tag < pair[1].tag);
		ascending.then_some(Self(list))
	}

	/// The hash under `tag`.
	pub fn get(&self, tag: u16) -> Option<H256> {
		self.0.iter().find(|extension| extension.tag == tag).map(|extension| extension.hash)
	}

	/// All of them, in ascending order of tag.
	pub fn iter(&self) -> impl Iterator<Item = &Extension> {
		self.0.iter()
	}
}

impl Decode for Extensions {
	fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
		let list = BoundedVec::<Extension, ConstU32<MAX_EXTENSIONS>>::decode(input)?;
		Self::new(list).ok_or_else(|| "tags of extensions ascend".into())
	}
}

impl DecodeWithMemTracking for Extensions {}
