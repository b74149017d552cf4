//! A runtime with the beacon alone; authors and VRF outputs are the test's to choose.

use crate as pallet_beacon;
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU32, FindAuthor, OnFinalize, OnInitialize},
	BoundedVec, ConsensusEngineId,
};
use livepeer_primitives::{
	domain::{tagged_hash, BEACON},
	keys::VerifierId,
	traits::{ProtocolClock, SeatedValidator, ValidatorSet, ValidatorsInForce},
	AccountId, BlockNumber, Hash, MAX_VALIDATORS, UNIT,
};
use sp_core::crypto::UncheckedFrom;
use sp_runtime::{traits::IdentityLookup, BuildStorage};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Beacon: pallet_beacon,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlockU32<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

/// Blocks of a window in this mock.
pub const WINDOW: u32 = 5;
/// Windows for which a seed is kept that nobody retains.
pub const RECENT: u32 = 4;

parameter_types! {
	pub static WindowLength: u32 = WINDOW;
	/// The VRF output of the parent.
	pub static ParentVrf: Option<Hash> = None;
	/// The author of the current block.
	pub static Author: Option<AccountId> = None;
	pub static Seated: ValidatorSet = Default::default();
	/// Who is jailed now, ascending.
	pub static Jailed: Vec<AccountId> = Vec::new();
	/// How many blocks were closed, and whether the current block is.
	pub static Closed: u32 = 0;
	pub static IsClosed: bool = false;
}

/// Counts all blocks except those.
pub struct Blocks;
impl ProtocolClock for Blocks {
	fn now() -> BlockNumber {
		System::block_number() - Closed::get()
	}

	fn is_open() -> bool {
		!IsClosed::get()
	}
}

/// Names the author that the test chose.
pub struct ChosenAuthor;
impl FindAuthor<AccountId> for ChosenAuthor {
	fn find_author<'a, I>(_: I) -> Option<AccountId>
	where
		I: 'a + IntoIterator<Item = (ConsensusEngineId, &'a [u8])>,
	{
		Author::get()
	}
}

/// The set that the test chose.
pub struct ChosenValidators;
impl ValidatorsInForce for ChosenValidators {
	fn validators_in_force() -> ValidatorSet {
		let mut set = Seated::get();
		for member in set.members.iter_mut() {
			member.jailed = Jailed::get().contains(&member.account);
		}
		set
	}

	fn jailed() -> BoundedVec<AccountId, ConstU32<MAX_VALIDATORS>> {
		BoundedVec::truncate_from(Jailed::get())
	}
}

impl pallet_beacon::Config for Test {
	type Clock = Blocks;
	type FindAuthor = ChosenAuthor;
	type ParentVrf = ParentVrf;
	type RecentWindows = ConstU32<RECENT>;
	type Validators = ChosenValidators;
	type WeightInfo = ();
	type WindowLength = WindowLength;
}

/// An account.
pub fn account(id: u8) -> AccountId {
	AccountId::new([id; 32])
}

/// A set of `count` validators whose stakes start at `stake`.
pub fn seats(count: u8, stake: u128) -> ValidatorSet {
	let members = (0..count)
		.map(|id| SeatedValidator {
			account: account(id),
			stake: stake + u128::from(id) * UNIT,
			key: VerifierId::unchecked_from([id; 32]),
			jailed: false,
		})
		.collect::<Vec<_>>()
		.try_into()
		.expect("fewer than the bound");
	ValidatorSet { snapshot: count.into(), members }
}

/// The numbers of the validators that are stored as jailed with a window's seed.
pub fn jailed_with(window: u32) -> Vec<u8> {
	use livepeer_primitives::traits::Beacon as _;
	let members = Beacon::seed(window).expect("it is stored").set.members.into_iter();
	let jailed = members.filter(|member| member.jailed);
	jailed.map(|member| AsRef::<[u8]>::as_ref(&member.account)[0]).collect()
}

/// The VRF output of the block at this height, unless a test sets another.
pub fn vrf(block: u32) -> Hash {
	Hash::from_low_u64_be(u64::from(block) + 1_000_000)
}

/// The result of folding `outputs` into `sum`.
pub fn fold(sum: Hash, outputs: impl IntoIterator<Item = Hash>) -> Hash {
	outputs.into_iter().fold(sum, |sum, vrf| tagged_hash(BEACON, &(sum, vrf)))
}

/// Empty storage, two validators, nothing produced.
pub fn new_test_ext() -> sp_io::TestExternalities {
	WindowLength::set(WINDOW);
	ParentVrf::set(None);
	Author::set(None);
	Seated::set(seats(2, UNIT));
	Closed::take();
	IsClosed::take();
	Jailed::set(Vec::new());
	let storage = RuntimeGenesisConfig::default().build_storage().expect("genesis builds");
	storage.into()
}

/// Runs `test` from genesis and checks the invariants afterwards.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Beacon::do_try_state().expect("invariants hold");
	});
}

/// Produces the next block by `author` with the VRF output `vrf`, and returns right before its end.
/// Its output is folded when the next block begins.
pub fn block_with(author: Option<AccountId>, vrf: Option<Hash>) {
	if System::block_number() > 0 {
		Beacon::on_finalize(System::block_number());
	}
	let now = System::block_number() + 1;
	System::reset_events();
	System::set_block_number(now);
	Beacon::on_initialize(now);
	Author::set(author);
	// Read by the next block's hook.
	ParentVrf::set(vrf);
}

/// Produces the next block by the author of this number, with the output of its height.
pub fn block_by(id: u8) {
	block_with(Some(account(id)), Some(vrf(System::block_number() + 1)));
}

/// Produces `count` closed blocks.
pub fn run_closed(count: u32) {
	IsClosed::set(true);
	for _ in 0..count {
		Closed::mutate(|closed| *closed += 1);
		block_by((System::block_number() % 2) as u8);
	}
	IsClosed::set(false);
}

/// Produces blocks up to `block`, by two authors in turn.
pub fn run_to(block: u32) {
	while System::block_number() < block {
		block_by((System::block_number() % 2) as u8);
	}
}

/// Produces blocks up to `block`, all by the author of this number.
pub fn run_alone_to(id: u8, block: u32) {
	while System::block_number() < block {
		block_by(id);
	}
}
