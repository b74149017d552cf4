//! Where an operator or a broadcaster can be reached.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// A public record: peers dial it, browsers read its URL.
#[derive(
	Clone,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ServiceRecord {
	/// The libp2p peer id in its binary form.
	pub peer_id: BoundedVec<u8, ConstU32<64>>,
	/// Multiaddresses in their binary form.
	pub addresses: BoundedVec<BoundedVec<u8, ConstU32<128>>, ConstU32<4>>,
	/// An HTTPS URL in UTF-8; empty when there is none.
	pub url: BoundedVec<u8, ConstU32<128>>,
}
