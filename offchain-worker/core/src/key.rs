//! The account that a role signs with.

use livepeer_primitives::{AccountId, Hash, Signature};
use sp_core::{sr25519, Pair};
use sp_runtime::traits::IdentifyAccount;
use thiserror::Error;

/// A secret that is no sr25519 secret URI: neither a seed in hex, nor a phrase, nor a development
/// name such as `//Alice`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("not an sr25519 secret: expected a phrase, a 0x seed or a development name like //Alice")]
pub struct BadSecret;

/// An sr25519 key pair: signs transactions, segment headers and receipts.
#[derive(Clone)]
pub struct Key {
	pair: sr25519::Pair,
}

impl Key {
	/// Reads a secret URI.
	pub fn from_uri(uri: &str) -> Result<Self, BadSecret> {
		sr25519::Pair::from_string(uri.trim(), None)
			.map(|pair| Self { pair })
			.map_err(|_| BadSecret)
	}

	/// A new key from the operating system's entropy, with the phrase that restores it.
	pub fn generate() -> (Self, String) {
		let (pair, phrase, _) = sr25519::Pair::generate_with_phrase(None);
		(Self { pair }, phrase)
	}

	/// The key's account.
	pub fn account(&self) -> AccountId {
		sp_runtime::MultiSigner::from(self.pair.public()).into_account()
	}

	/// Signs a 32-byte payload of the protocol.
	pub fn sign(&self, payload: Hash) -> Signature {
		self.sign_bytes(payload.as_bytes())
	}

	/// Signs bytes, such as a transaction's.
	pub fn sign_bytes(&self, bytes: &[u8]) -> Signature {
		self.pair.sign(bytes).into()
	}
}

impl core::fmt::Debug for Key {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		write!(f, "Key({})", self.account())
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn key_should_sign_for_its_account_when_read_from_a_uri() {
		let key = Key::from_uri("//Alice").expect("a development name");
		let payload = Hash::repeat_byte(7);
		let signature = key.sign(payload);
		assert!(livepeer_primitives::receipt::verify(&signature, &payload, &key.account()));
		assert_eq!(Key::from_uri("not a secret").map(|_| ()), Err(BadSecret));
	}
}
