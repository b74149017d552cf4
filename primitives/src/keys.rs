//! The keys that sign for an account: a validator's session key, and an operator's keys by
//! generation, so that the account's own secret can stay offline.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ed25519, sr25519, ConstU32};
use sp_runtime::{traits::Verify, BoundedVec};

use crate::{
	domain::{tagged_hash, SIGNED},
	AccountId, Hash, Signature,
};

/// The key type of verifier keys in a node's keystore.
pub const VERIFIER: sp_core::crypto::KeyTypeId = sp_core::crypto::KeyTypeId(*b"lpvr");

mod app {
	use sp_application_crypto::{app_crypto, sr25519};
	app_crypto!(sr25519, super::VERIFIER);
}

sp_application_crypto::with_pair! {
	/// A verifier's key pair.
	pub type VerifierPair = app::Pair;
}
/// A verifier's public key: signs commits, verdict reveals and passes.
pub type VerifierId = app::Public;
/// A verifier's signature.
pub type VerifierSignature = app::Signature;

/// Most keys of one generation.
pub const MAX_OPERATOR_KEYS: u32 = 8;

/// What an operator key signs.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Purpose {
	/// A broadcaster's segment headers and stream heads.
	Segments,
	/// A transcoder's receipts, claims and duties.
	Duties,
}

/// The number of a set of keys that an account uses for one purpose. Generation 0 is the account
/// itself and needs no set-up; each change creates the next one.
pub type Generation = u32;

/// An operator's public key.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum OperatorKey {
	/// Ed25519, which browsers have built in.
	Ed25519(ed25519::Public),
	/// Sr25519, the wallets' default.
	Sr25519(sr25519::Public),
}

impl OperatorKey {
	/// Whether `signature` over `payload` was made by this key.
	pub fn verifies(&self, payload: &Hash, signature: &Signature) -> bool {
		match (self, signature) {
			(Self::Ed25519(key), Signature::Ed25519(signature)) => {
				signature.verify(payload.as_bytes(), key)
			}
			(Self::Sr25519(key), Signature::Sr25519(signature)) => {
				signature.verify(payload.as_bytes(), key)
			}
			_ => false,
		}
	}
}

/// The key by which a transcoder's forced variants are drawn: see [`crate::variant`].
pub type VrfKey = sr25519::Public;

/// The keys of one generation, in the order by which signatures refer to them.
pub type OperatorKeys = BoundedVec<OperatorKey, ConstU32<MAX_OPERATOR_KEYS>>;

/// A signer: an account, with one key of one of its generations.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Signer {
	/// The account that is liable for the signature.
	pub account: AccountId,
	/// The generation of its keys; 0 is the account itself.
	pub generation: Generation,
	/// The key's place in its generation; 0 in generation 0.
	pub key: u8,
}

impl Signer {
	/// The account itself.
	pub fn account(account: AccountId) -> Self {
		Self { account, generation: 0, key: 0 }
	}

	/// The 32 bytes that are signed for an object of this hash. The hash includes the tag of its
	/// format, so nothing signed as one thing can be read as another.
	pub fn payload(&self, object: &Hash) -> Hash {
		tagged_hash(SIGNED, &(self, object))
	}
}

/// A signature that names its signer.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct OperatorSignature {
	/// The signer.
	pub signer: Signer,
	/// The signature over [`Signer::payload`].
	pub signature: Signature,
}

impl OperatorSignature {
	/// Whether this is the signer's signature over the object of this hash. `key` is what the chain
	/// stores for the signer. It is not needed for generation 0, in which the account is the key.
	pub fn verifies(&self, object: &Hash, key: Option<&OperatorKey>) -> bool {
		let payload = self.signer.payload(object);
		if self.signer.generation == 0 {
			return self.signer.key == 0
				&& self.signature.verify(payload.as_bytes(), &self.signer.account);
		}
		key.is_some_and(|key| key.verifies(&payload, &self.signature))
	}
}
