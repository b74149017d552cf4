//! Session keys and validator sets.

use crate::{
	constants::money::deposit, AuthorityDiscovery, Babe, Balance, Balances, Grandpa, Runtime,
	RuntimeEvent, SessionKeys,
};
use frame_support::{parameter_types, traits::OneSessionHandler};
use livepeer_primitives::{keys::VerifierId, AccountId};
use sp_consensus_beefy::ecdsa_crypto::AuthorityId as BeefyId;
use sp_runtime::{traits::ConvertInto, BoundToRuntimeAppPublic};

/// Holds the place of the pallet that will use the `beefy` session key.
pub struct BeefyKeys;

impl BoundToRuntimeAppPublic for BeefyKeys {
	type Public = BeefyId;
}

impl OneSessionHandler<AccountId> for BeefyKeys {
	type Key = BeefyId;

	fn on_genesis_session<'a, I: 'a>(_: I)
	where
		I: Iterator<Item = (&'a AccountId, Self::Key)>,
	{
	}

	fn on_new_session<'a, I: 'a>(_: bool, _: I, _: I)
	where
		I: Iterator<Item = (&'a AccountId, Self::Key)>,
	{
	}

	fn on_disabled(_: u32) {}
}

/// The `verifier` session key.
///
/// Nothing happens with it when sessions change: the beacon stores the keys of the validators
/// with each seed, and a challenge keeps those of its committee until it closes.
pub struct VerifierKeys;

impl BoundToRuntimeAppPublic for VerifierKeys {
	type Public = VerifierId;
}

impl OneSessionHandler<AccountId> for VerifierKeys {
	type Key = VerifierId;

	fn on_genesis_session<'a, I: 'a>(_: I)
	where
		I: Iterator<Item = (&'a AccountId, Self::Key)>,
	{
	}

	fn on_new_session<'a, I: 'a>(_: bool, _: I, _: I)
	where
		I: Iterator<Item = (&'a AccountId, Self::Key)>,
	{
	}

	fn on_disabled(_: u32) {}
}

parameter_types! {
	/// What is held while an account has session keys: one entry for the keys, one for the owner
	/// of each.
	pub const KeyDeposit: Balance = deposit(6, 6 * 32 + 33 + 5 * 36);
}

impl pallet_session::Config for Runtime {
	type Currency = Balances;
	/// At most a third is disabled; the worst offenders replace lesser ones.
	type DisablingStrategy = pallet_session::disabling::UpToLimitWithReEnablingDisablingStrategy;
	type KeyDeposit = KeyDeposit;
	type Keys = SessionKeys;
	type NextSessionRotation = Babe;
	type RuntimeEvent = RuntimeEvent;
	type SessionHandler = (Babe, Grandpa, AuthorityDiscovery, BeefyKeys, VerifierKeys);
	type SessionManager = ();
	type ShouldEndSession = Babe;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}

impl pallet_session::historical::Config for Runtime {
	type FullIdentification = ();
	type FullIdentificationOf = pallet_session::historical::UnitIdentificationOf<Self>;
	type RuntimeEvent = RuntimeEvent;
}
