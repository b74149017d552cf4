//! A runtime with the real session and historical pallets, and fakes of stake and rounds.
#![allow(missing_docs)]

use crate as pallet_transcoder_election;
use crate::{GenesisConfig, Terms};
use alloc::collections::{BTreeMap, BTreeSet};
use codec::Encode;
use frame_support::{
	derive_impl, parameter_types,
	traits::{Authorize, ConstU64},
	weights::Weight,
};
use frame_system::RawOrigin;
use livepeer_primitives::{
	duty::{self, Profiles},
	keys::{Generation, OperatorKey, OperatorSignature, Purpose, Signer, VrfKey},
	params::{ElectionParameters, ProtocolParameters},
	service::ServiceRecord,
	traits::{
		Beacon, DisableValidator, HasKeys, OnAvailable, OnTranscoderLost, OperatorKeysOf,
		ProtocolClock, PurgeKeys, Rounds, Seed, Stake, ValidatorSet,
	},
	AccountId, Balance, BlockNumber, Hash, RoundIndex, Signature, WindowIndex, MAX_VALIDATORS,
	UNIT,
};
use pallet_session::{disabling::UpToLimitWithReEnablingDisablingStrategy, SessionInterface};
use sp_core::{sr25519, Pair};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{
	impl_opaque_keys,
	testing::UintAuthorityId,
	traits::{BlakeTwo256, Convert, ConvertInto, Dispatchable, Hash as _, IdentityLookup},
	transaction_validity::{TransactionSource, TransactionValidityError, ValidTransaction},
	BuildStorage, DispatchResult, Perbill,
};
use sp_staking::offence::OffenceSeverity;

type Block = frame_system::mocking::MockBlock<Test>;

impl_opaque_keys! {
	pub struct MockSessionKeys {
		pub dummy: UintAuthorityId,
	}
}

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type TranscoderElection = pallet_transcoder_election;
	#[runtime::pallet_index(3)]
	pub type Historical = pallet_session::historical;
	#[runtime::pallet_index(4)]
	pub type Session = pallet_session;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<u64>;
	type AccountId = AccountId;
	type Block = Block;
	type Lookup = IdentityLookup<AccountId>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
}

impl pallet_session::Config for Test {
	type Currency = Balances;
	type DisablingStrategy = UpToLimitWithReEnablingDisablingStrategy;
	type KeyDeposit = ConstU64<0>;
	type Keys = MockSessionKeys;
	type NextSessionRotation =
		pallet_session::PeriodicSessions<ConstU64<1_000_000>, ConstU64<1_000_000>>;
	type RuntimeEvent = RuntimeEvent;
	type SessionHandler = pallet_session::TestSessionHandler;
	type SessionManager = pallet_session::historical::NoteHistoricalRoot<Test, TranscoderElection>;
	type ShouldEndSession =
		pallet_session::PeriodicSessions<ConstU64<1_000_000>, ConstU64<1_000_000>>;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type WeightInfo = ();
}

/// A validator's full identification is its account.
pub struct NothingMore;
impl Convert<AccountId, Option<()>> for NothingMore {
	fn convert(_: AccountId) -> Option<()> {
		Some(())
	}
}

impl pallet_session::historical::Config for Test {
	type FullIdentification = ();
	type FullIdentificationOf = NothingMore;
	type RuntimeEvent = RuntimeEvent;
}

/// Active stake and own bond.
#[derive(Clone, Copy, Default)]
pub struct Bonded {
	pub active: Balance,
	pub own: Balance,
}

/// The parameters of tests, with small bonds.
pub fn parameters() -> ElectionParameters {
	ElectionParameters {
		min_self_bond: UNIT,
		min_validator_stake: UNIT,
		validator_leverage: MAX_VALIDATORS,
		..ProtocolParameters::development().election
	}
}

parameter_types! {
	pub static Stakes: BTreeMap<AccountId, Bonded> = BTreeMap::new();
	pub static Round: RoundIndex = 0;
	pub static Locked: bool = false;
	pub static Lost: Vec<AccountId> = Vec::new();
	/// Transcoders that take more than before.
	pub static Back: Vec<AccountId> = Vec::new();
	/// Transcoders that are suspended, and until which round.
	pub static Barred: BTreeMap<AccountId, RoundIndex> = BTreeMap::new();
	/// Transcoders whose claims are still judged.
	pub static Serving: Vec<AccountId> = Vec::new();
	pub static Parameters: ElectionParameters = parameters();
	/// How many blocks were closed.
	pub static Closed: BlockNumber = 0;
	/// The generation of an account's duties keys, if a test has changed it.
	pub static Current: BTreeMap<AccountId, Generation> = BTreeMap::new();
	pub static Revoked: BTreeSet<(AccountId, Generation, u8)> = BTreeSet::new();
	pub const MaxCandidates: u32 = 256;
	/// Seeds by window. A window has ten blocks.
	pub static Seeds: BTreeMap<WindowIndex, Hash> = BTreeMap::new();
}

pub struct FakeStake;
impl Stake for FakeStake {
	fn active_stake(transcoder: &AccountId) -> Balance {
		Stakes::get().get(transcoder).copied().unwrap_or_default().active
	}

	fn self_bond(transcoder: &AccountId) -> Balance {
		Stakes::get().get(transcoder).copied().unwrap_or_default().own
	}

	fn delegate_of(who: &AccountId) -> Option<AccountId> {
		Stakes::get().contains_key(who).then(|| who.clone())
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_stake(transcoder: &AccountId, amount: Balance) {
		bond(transcoder, amount);
	}
}

/// A beacon whose seeds a test sets.
pub struct FakeBeacon;
impl Beacon for FakeBeacon {
	fn current_window() -> WindowIndex {
		Blocks::now() / 10
	}

	fn window_start(window: WindowIndex) -> BlockNumber {
		window * 10
	}

	fn seed(window: WindowIndex) -> Option<Seed> {
		let set = ValidatorSet::default();
		Seeds::get().get(&window).map(|hash| Seed { hash: *hash, set })
	}

	fn retain(_: WindowIndex) {}

	fn release(_: WindowIndex) {}

	fn accumulator() -> Hash {
		Hash::zero()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_seed(window: WindowIndex, seed: Seed) {
		Seeds::mutate(|seeds| seeds.insert(window, seed.hash));
	}
}

pub struct FakeRounds;
impl Rounds for FakeRounds {
	fn current() -> RoundIndex {
		Round::get()
	}

	fn in_lock_period() -> bool {
		Locked::get()
	}
}

/// Duties keys: two in each generation from 1 on, never deleted.
pub struct FakeKeys;
impl OperatorKeysOf for FakeKeys {
	fn current(account: &AccountId, _: Purpose) -> Generation {
		// Accounts with a secret of their own, as in benchmarks, sign themselves.
		let numbered = *account == self::account(AsRef::<[u8]>::as_ref(account)[0]);
		Current::get().get(account).copied().unwrap_or(numbered.into())
	}

	fn is_signed(signature: &OperatorSignature, purpose: Purpose, object: &Hash) -> bool {
		let signer = &signature.signer;
		if signer.generation == 0 {
			return signature.verifies(object, None);
		}
		let key = OperatorKey::Sr25519(duty_pair(signer).public());
		purpose == Purpose::Duties && signer.key < 2 && signature.verifies(object, Some(&key))
	}

	fn is_revoked(signer: &Signer, _: Purpose) -> bool {
		Revoked::get().contains(&(signer.account.clone(), signer.generation, signer.key))
	}

	fn vrf_key(_: &AccountId, _: Generation) -> Option<VrfKey> {
		None
	}

	fn retain(_: &AccountId, _: Purpose, _: Generation) {}

	fn release(_: &AccountId, _: Purpose, _: Generation) {}
}

/// The key pair of a signer.
pub fn duty_pair(signer: &Signer) -> sr25519::Pair {
	sr25519::Pair::from_seed(&sp_io::hashing::blake2_256(&signer.encode()))
}

/// A signer's signature over an object.
pub fn sign(signer: Signer, object: &Hash) -> OperatorSignature {
	let signature: Signature = duty_pair(&signer).sign(signer.payload(object).as_bytes()).into();
	OperatorSignature { signer, signature }
}

/// The first duties key of an account's current generation.
pub fn signer(number: u8) -> Signer {
	let account = account(number);
	let generation = FakeKeys::current(&account, Purpose::Duties);
	Signer { account, generation, key: 0 }
}

/// A heartbeat made at a block.
pub fn heartbeat_at(number: u8, at: BlockNumber) -> crate::Call<Test> {
	let heartbeat = duty::Heartbeat { genesis: System::block_hash(0), at };
	let signature = sign(signer(number), &heartbeat.hash());
	crate::Call::heartbeat { heartbeat, signature }
}

/// An announcement made at a block.
pub fn announcement_at(number: u8, at: BlockNumber, capacity: u64) -> crate::Call<Test> {
	let genesis = System::block_hash(0);
	let availability = duty::Availability { genesis, at, capacity, profiles: profiles(&[1]) };
	let signature = sign(signer(number), &availability.hash());
	crate::Call::announce { availability, signature }
}

/// The pool's answer to a call.
pub fn validate(call: crate::Call<Test>) -> Result<ValidTransaction, TransactionValidityError> {
	let call = RuntimeCall::from(call);
	call.authorize(TransactionSource::External)
		.expect("the call can be authorized")
		.map(|(valid, _)| valid)
}

/// Runs a call through authorization and dispatch as a block does. An authorized call must not
/// fail.
pub fn apply(call: crate::Call<Test>) -> Result<(), TransactionValidityError> {
	validate(call.clone())?;
	let call = RuntimeCall::from(call);
	call.dispatch(RawOrigin::Authorized.into()).expect("what is authorized cannot fail");
	Ok(())
}

/// Profiles of these numbers.
pub fn profiles(numbers: &[u16]) -> Profiles {
	numbers.to_vec().try_into().expect("few")
}

pub struct Keys;
impl HasKeys for Keys {
	fn keys_hash(who: &AccountId) -> Option<Hash> {
		pallet_session::NextKeys::<Test>::get(who).map(|keys| BlakeTwo256::hash(&keys.encode()))
	}
}

impl PurgeKeys for Keys {
	fn purge_keys(who: &AccountId) -> DispatchResult {
		Session::purge_keys(RuntimeOrigin::signed(who.clone()))
	}

	fn purge_keys_weight() -> Weight {
		Weight::zero()
	}
}

pub struct Disable;
impl DisableValidator for Disable {
	fn disable(validator: &AccountId) {
		Session::report_offence(validator.clone(), OffenceSeverity::max_severity());
	}
}

pub struct NoteLost;
impl OnTranscoderLost for NoteLost {
	fn on_transcoder_lost(transcoder: &AccountId) {
		Lost::mutate(|lost| lost.push(transcoder.clone()));
	}
}

/// Everybody except those in [`Barred`].
pub struct NotBarred;
impl frame_support::traits::Contains<(AccountId, RoundIndex)> for NotBarred {
	fn contains((who, round): &(AccountId, RoundIndex)) -> bool {
		Barred::get().get(who).is_none_or(|until| until <= round)
	}
}

/// Those in [`Serving`].
pub struct IsServing;
impl frame_support::traits::Contains<AccountId> for IsServing {
	fn contains(who: &AccountId) -> bool {
		Serving::get().contains(who)
	}
}

pub struct NoteAvailable;
impl OnAvailable for NoteAvailable {
	fn on_available(transcoder: &AccountId) {
		Back::mutate(|back| back.push(transcoder.clone()));
	}
}

pub struct Blocks;
impl ProtocolClock for Blocks {
	fn now() -> BlockNumber {
		(System::block_number() as BlockNumber).saturating_sub(Closed::get())
	}

	fn is_open() -> bool {
		true
	}
}

impl crate::Config for Test {
	type Beacon = FakeBeacon;
	type Clock = Blocks;
	type DisableValidator = Disable;
	type DutyPriority = ConstU64<7>;
	type MaxCandidates = MaxCandidates;
	type MayBeOffered = NotBarred;
	type OnAvailable = NoteAvailable;
	type OnTranscoderLost = NoteLost;
	type OperatorKeys = FakeKeys;
	type Parameters = Parameters;
	type PurgeKeys = Keys;
	type Rounds = FakeRounds;
	type SessionKeys = Keys;
	type Stake = FakeStake;
	type StillServes = IsServing;
	type WeightInfo = ();
}

/// The account of a number.
pub fn account(number: u8) -> AccountId {
	AccountId::new([number; 32])
}

/// The accounts of numbers.
pub fn accounts(numbers: &[u8]) -> Vec<AccountId> {
	numbers.iter().copied().map(account).collect()
}

/// Bonds `amount` to the account itself, counted at once.
pub fn bond(who: &AccountId, amount: Balance) {
	set_stake(who, amount, amount);
}

/// Sets active stake and own bond.
pub fn set_stake(who: &AccountId, active: Balance, own: Balance) {
	Stakes::mutate(|stakes| stakes.insert(who.clone(), Bonded { active, own }));
}

/// Terms with this price.
pub fn terms(price: Balance) -> Terms {
	Terms { price, reward_cut: Perbill::from_percent(10), fee_share: Perbill::from_percent(50) }
}

/// A service record that differs by `tag`.
pub fn service(tag: u8) -> ServiceRecord {
	ServiceRecord { peer_id: vec![tag; 38].try_into().expect("short"), ..Default::default() }
}

/// Starts the next round.
pub fn next_round() {
	let finished = Round::get();
	Round::set(finished + 1);
	use livepeer_primitives::traits::OnNewRound;
	TranscoderElection::on_new_round(finished, finished + 1);
}

/// Produces a block by the account of `number`.
pub fn author(number: u8) {
	use pallet_authorship::EventHandler;
	System::set_block_number(System::block_number() + 1);
	TranscoderElection::note_author(account(number));
}

/// Ends the session. Returns the validators of the session that begins.
pub fn rotate() -> Vec<AccountId> {
	Session::rotate_session();
	Session::validators()
}

/// The validators that the session has queued.
pub fn queued() -> Vec<AccountId> {
	Session::queued_keys().into_iter().map(|(account, _)| account).collect()
}

/// Sets session keys.
pub fn set_keys(who: &AccountId, key: u64) {
	<Session as SessionInterface>::set_keys(who, MockSessionKeys { dummy: UintAuthorityId(key) })
		.expect("the key is new");
}

/// Whether `who` is in this round's active set.
pub fn is_active(who: &AccountId) -> bool {
	crate::ActiveSet::<Test>::get().seat(who).is_some()
}

/// Whether `who` is disabled in the session in force.
pub fn is_disabled(who: &AccountId) -> bool {
	let disabled = Session::disabled_validators();
	Session::validator_id_to_index(who).is_some_and(|index| disabled.contains(&index))
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<crate::Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::TranscoderElection(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// Builds chains for tests. They have no transcoders unless some are added.
pub struct ExtBuilder {
	parameters: ElectionParameters,
	transcoders: Vec<(u8, Balance, u64)>,
	keys: Vec<u8>,
}

impl Default for ExtBuilder {
	fn default() -> Self {
		Self { parameters: parameters(), transcoders: Vec::new(), keys: Vec::new() }
	}
}

impl ExtBuilder {
	/// Changes parameters.
	pub fn parameters(mut self, change: impl FnOnce(&mut ElectionParameters)) -> Self {
		change(&mut self.parameters);
		self
	}

	/// Adds a genesis transcoder with this many LPT and this capacity. Its price is its number.
	pub fn transcoder(mut self, number: u8, lpt: Balance, capacity: u64) -> Self {
		self.transcoders.push((number, lpt * UNIT, capacity));
		self
	}

	/// Adds a genesis transcoder with session keys.
	pub fn validator(mut self, number: u8, lpt: Balance) -> Self {
		self.keys.push(number);
		self.transcoder(number, lpt, 0)
	}

	/// The chain at block 1.
	pub fn build(self) -> sp_io::TestExternalities {
		Stakes::set(
			self.transcoders
				.iter()
				.map(|(number, stake, _)| {
					(account(*number), Bonded { active: *stake, own: *stake })
				})
				.collect(),
		);
		Round::set(0);
		Locked::set(false);
		Lost::set(Vec::new());
		Back::set(Vec::new());
		Seeds::set(BTreeMap::new());
		Closed::set(0);
		Current::set(BTreeMap::new());
		Revoked::set(BTreeSet::new());
		Serving::set(Vec::new());
		Parameters::set(self.parameters);
		let storage = RuntimeGenesisConfig {
			transcoder_election: GenesisConfig {
				transcoders: self
					.transcoders
					.iter()
					.map(|(number, _, capacity)| {
						(
							account(*number),
							terms((*number).into()),
							service(*number),
							*capacity,
							profiles(&[1]),
						)
					})
					.collect(),
				..Default::default()
			},
			// Accounts with session keys must exist, or purging the keys would find no reference.
			balances: pallet_balances::GenesisConfig {
				balances: self.keys.iter().map(|number| (account(*number), 100)).collect(),
				..Default::default()
			},
			session: pallet_session::GenesisConfig {
				keys: self
					.keys
					.iter()
					.map(|number| {
						let dummy = UintAuthorityId((*number).into());
						(account(*number), account(*number), MockSessionKeys { dummy })
					})
					.collect(),
				..Default::default()
			},
			..Default::default()
		}
		.build_storage()
		.expect("a genesis that holds together");
		let mut ext = sp_io::TestExternalities::from(storage);
		// Benchmarks sign.
		ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
		ext.execute_with(|| System::set_block_number(1));
		ext
	}

	/// Runs a test and then checks the invariants.
	pub fn build_and_execute(self, test: impl FnOnce()) {
		self.build().execute_with(|| {
			test();
			TranscoderElection::do_try_state().expect("invariants hold");
		});
	}
}
