//! A runtime with LPT and this pallet that records what the pallet reports to jobs.
#![allow(clippy::unwrap_used)]

use crate as pallet_operator_keys;
use crate::Event;
use frame_support::{derive_impl, parameter_types, traits::fungible::InspectHold};
use livepeer_primitives::{
	keys::{
		Generation, OperatorKey, OperatorKeys as KeyList, OperatorSignature, Purpose, Signer,
		VrfKey,
	},
	traits::OnKeyRevoked,
	AccountId, Balance, Hash, Signature,
};
use sp_core::{ed25519, sr25519, Pair};
use sp_runtime::{traits::IdentityLookup, BuildStorage, DispatchResult};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		OperatorKeys: pallet_operator_keys,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlock<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

/// The deposit that a generation holds.
pub const EACH: Balance = 100;
/// LPT of each account at the start.
pub const BALANCE: Balance = 10_000;

parameter_types! {
	pub const ExistentialDeposit: Balance = 10;
	pub static Deposit: Balance = EACH;
	pub static Told: Vec<(AccountId, Purpose, Generation)> = Vec::new();
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ExistentialDeposit;
}

/// Records every report.
pub struct Note;
impl OnKeyRevoked for Note {
	fn on_key_revoked(account: &AccountId, purpose: Purpose, generation: Generation, _: u32) {
		Told::mutate(|told| told.push((account.clone(), purpose, generation)));
	}
	fn key_revoked_weight() -> frame_support::weights::Weight {
		frame_support::weights::Weight::zero()
	}
}

impl crate::Config for Test {
	type Currency = Balances;
	type Deposit = Deposit;
	type OnKeyRevoked = Note;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = ();
}

/// The key pair with this number, for an account or a key.
pub fn pair(number: u8) -> sr25519::Pair {
	sr25519::Pair::from_seed(&[number; 32])
}

/// The account with this number.
pub fn account(number: u8) -> AccountId {
	pair(number).public().into()
}

/// The keys with these numbers: even ones are Ed25519, odd ones Sr25519.
pub fn keys(numbers: &[u8]) -> KeyList {
	let key = |number: &u8| match number % 2 {
		0 => OperatorKey::Ed25519(ed25519::Pair::from_seed(&[*number; 32]).public()),
		_ => OperatorKey::Sr25519(pair(*number).public()),
	};
	numbers.iter().map(key).collect::<Vec<_>>().try_into().unwrap()
}

/// A key of forced variants.
pub fn vrf(number: u8) -> VrfKey {
	pair(number).public()
}

/// Account 1 sets duties keys.
pub fn set(numbers: &[u8]) -> DispatchResult {
	OperatorKeys::set_keys(
		RuntimeOrigin::signed(account(1)),
		Purpose::Duties,
		keys(numbers),
		Some(vrf(numbers.first().copied().unwrap_or(0))),
	)
	.map(|_| ())
	.map_err(|error| error.error)
}

/// Account 1 revokes a duties key.
pub fn revoke(generation: Generation, key: u8) -> DispatchResult {
	OperatorKeys::revoke_key(RuntimeOrigin::signed(account(1)), Purpose::Duties, generation, key)
}

/// A signature over an object that names account 1's key `key` of a generation, made with the
/// secret of `number`.
pub fn sign(number: u8, generation: Generation, key: u8, object: &Hash) -> OperatorSignature {
	let signer = Signer { account: account(1), generation, key };
	let payload = signer.payload(object);
	let signature: Signature = match number % 2 {
		0 => ed25519::Pair::from_seed(&[number; 32]).sign(payload.as_bytes()).into(),
		_ => pair(number).sign(payload.as_bytes()).into(),
	};
	OperatorSignature { signer, signature }
}

/// The deposits held from account 1.
pub fn held() -> Balance {
	Balances::balance_on_hold(&crate::HoldReason::Generations.into(), &account(1))
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::OperatorKeys(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// Accounts with LPT, at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Deposit::set(EACH);
	Told::set(Vec::new());
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=3).map(|number| (account(number), BALANCE)).collect(),
			..Default::default()
		},
		..Default::default()
	}
	.build_storage()
	.unwrap();
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test and checks the invariants afterwards.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		OperatorKeys::do_try_state().unwrap();
	});
}
