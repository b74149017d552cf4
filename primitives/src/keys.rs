//! The verifier's session key: signs commits and verdict reveals.

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
/// A verifier's public key.
pub type VerifierId = app::Public;
/// A verifier's signature.
pub type VerifierSignature = app::Signature;
