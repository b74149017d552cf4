//! A runtime with jobs over ETH with holds. The neighbours are small fakes outside storage, so
//! that a test can compare storage before and after.

use std::collections::BTreeMap;

use crate as pallet_jobs;
use crate::types::{Phase, StreamName};
use frame_support::{
	derive_impl, parameter_types,
	traits::{fungibles::InspectHold, AsEnsureOriginWithArg, Hooks},
	weights::Weight,
};
use livepeer_primitives::{
	params::{JobsParameters, ProtocolParameters},
	segment::stream_id,
	traits::{
		Beacon, Candidate, ClaimInfo, FeeSink, Liability, OnClaim, ProtocolClock, Rounds, Seed,
		Settlement, TranscoderDirectory,
	},
	video::{Ladder, Rendition, SourceLimits},
	work::STANDARD_SEGMENT_WORK,
	AccountId, AssetId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, RoundIndex,
	StreamId, ToolchainId, WindowIndex, ETH, ETH_MINIMUM, UNIT,
};
use sp_runtime::{traits::IdentityLookup, BuildStorage, DispatchError, DispatchResult, Perbill};

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeHoldReason,
		RuntimeFreezeReason,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(3)]
	pub type AssetsHolder = pallet_assets_holder;
	#[runtime::pallet_index(4)]
	pub type Jobs = pallet_jobs;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlockU32<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
}

#[derive_impl(pallet_assets::config_preludes::TestDefaultConfig)]
impl pallet_assets::Config for Test {
	type AssetId = AssetId;
	type AssetIdParameter = AssetId;
	type Balance = Balance;
	type CreateOrigin = AsEnsureOriginWithArg<frame_system::EnsureSigned<AccountId>>;
	type Currency = Balances;
	type ForceOrigin = frame_system::EnsureRoot<AccountId>;
	type Freezer = ();
	type Holder = AssetsHolder;
}

impl pallet_assets_holder::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
}

parameter_types! {
	pub static Parameters: JobsParameters = ProtocolParameters::development().jobs;
	pub static AgendaWeight: Weight = Weight::from_parts(400_000_000_000, u64::MAX);
	pub const CheckInterval: BlockNumber = 5;

	pub static Round: RoundIndex = 7;
	pub static Accumulator: Hash = Hash::repeat_byte(1);
	pub static Window: WindowIndex = 3;
	/// Registered transcoders; jailed or unavailable ones are no candidates.
	pub static Directory: BTreeMap<AccountId, Candidate> = BTreeMap::new();
	pub static Jailed: Vec<AccountId> = Vec::new();
	pub static Absent: Vec<AccountId> = Vec::new();
	pub static Noted: Vec<AccountId> = Vec::new();
	pub static DirectoryReads: u32 = 0;
	/// Fees booked, by transcoder.
	pub static Booked: BTreeMap<AccountId, Vec<(Balance, Perbill)>> = BTreeMap::new();
	pub static Liabilities: BTreeMap<(AccountId, RoundIndex), u32> = BTreeMap::new();
	pub static MaxLeaves: u32 = 64;
	pub static Told: Vec<(ClaimId, ClaimInfo)> = Vec::new();
	pub static RefuseClaims: bool = false;
}

pub struct Chain;

impl ProtocolClock for Chain {
	fn now() -> BlockNumber {
		System::block_number()
	}
	fn is_open() -> bool {
		true
	}
}

impl Rounds for Chain {
	fn current() -> RoundIndex {
		Round::get()
	}
	fn in_lock_period() -> bool {
		false
	}
}

impl Beacon for Chain {
	fn current_window() -> WindowIndex {
		Window::get()
	}
	fn window_start(window: WindowIndex) -> BlockNumber {
		window * 10
	}
	fn seed(_: WindowIndex) -> Option<Seed> {
		None
	}
	fn retain(_: WindowIndex) {}
	fn release(_: WindowIndex) {}
	fn accumulator() -> Hash {
		Accumulator::get()
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seed(_: WindowIndex, _: Seed) {}
}

impl TranscoderDirectory for Chain {
	fn candidates() -> Vec<Candidate> {
		DirectoryReads::mutate(|reads| *reads += 1);
		Directory::get()
			.into_values()
			.filter(|c| {
				c.capacity > 0 && Self::is_available(&c.account) && !Self::is_jailed(&c.account)
			})
			.collect()
	}
	fn is_jailed(transcoder: &AccountId) -> bool {
		Jailed::get().contains(transcoder)
	}
	fn is_available(transcoder: &AccountId) -> bool {
		Directory::get().contains_key(transcoder) && !Absent::get().contains(transcoder)
	}
	fn note_not_accepted(transcoder: &AccountId) {
		Noted::mutate(|noted| noted.push(transcoder.clone()));
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u32) {
		register(transcoder, UNIT, price, capacity);
	}
}

impl FeeSink for Chain {
	fn pot() -> AccountId {
		POT
	}
	fn deposit_fee(transcoder: &AccountId, fee: Balance, fee_share: Perbill) {
		Booked::mutate(|booked| {
			booked.entry(transcoder.clone()).or_default().push((fee, fee_share))
		});
	}
}

impl Liability for Chain {
	fn open(transcoder: &AccountId, round: RoundIndex) {
		Liabilities::mutate(|open| *open.entry((transcoder.clone(), round)).or_default() += 1);
	}
	fn close(transcoder: &AccountId, round: RoundIndex) {
		Liabilities::mutate(|open| {
			let key = (transcoder.clone(), round);
			let count = open.get_mut(&key).expect("closed what was opened");
			*count -= 1;
			if *count == 0 {
				open.remove(&key);
			}
		});
	}
}

impl OnClaim for Chain {
	fn max_leaves(_: &AccountId) -> u32 {
		MaxLeaves::get()
	}
	fn accepts_toolchain(toolchain: &ToolchainId) -> bool {
		*toolchain == TOOLCHAIN
	}
	fn on_claim(id: ClaimId, info: &ClaimInfo) -> Result<(), DispatchError> {
		if RefuseClaims::get() {
			return Err(DispatchError::Other("refused"));
		}
		Told::mutate(|told| told.push((id, info.clone())));
		Ok(())
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId {
		TOOLCHAIN
	}
}

impl pallet_jobs::Config for Test {
	type AgendaWeight = AgendaWeight;
	type Assets = AssetsHolder;
	type Beacon = Chain;
	type CheckInterval = CheckInterval;
	type Clock = Chain;
	type Directory = Chain;
	type FeeSink = Chain;
	type Liability = Chain;
	type OnClaim = Chain;
	type Parameters = Parameters;
	type Rounds = Chain;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = ();
}

/// The toolchain that claims may name.
pub const TOOLCHAIN: ToolchainId = Hash::repeat_byte(0x70);
/// Holds owed fees.
pub const POT: AccountId = AccountId::new([0xee; 32]);
/// Owns the ETH asset.
pub const ETH_OWNER: AccountId = AccountId::new([0xdd; 32]);
/// Two broadcasters.
pub const BOB: AccountId = AccountId::new([0xb0; 32]);
pub const BEA: AccountId = AccountId::new([0xb1; 32]);
/// Three transcoders.
pub const TIM: AccountId = AccountId::new([0x71; 32]);
pub const TOM: AccountId = AccountId::new([0x72; 32]);
pub const TAT: AccountId = AccountId::new([0x73; 32]);

/// What each broadcaster starts with.
pub const PURSE: Balance = 10 * UNIT;
/// A usual price of a standard segment.
pub const PRICE: Balance = UNIT / 1_000;
/// A usual budget.
pub const BUDGET: Balance = 2 * UNIT;
/// Blocks that a usual job lasts.
pub const LENGTH: BlockNumber = 500;

/// Every account that can hold ETH in tests.
pub fn everybody() -> [AccountId; 6] {
	[BOB, BEA, TIM, TOM, TAT, POT]
}

/// Storage with ETH and two rich broadcasters; the fakes are as new.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Parameters::take();
	AgendaWeight::take();
	Round::take();
	Accumulator::take();
	Window::take();
	Directory::take();
	Jailed::take();
	Absent::take();
	Noted::take();
	DirectoryReads::take();
	Booked::take();
	Liabilities::take();
	MaxLeaves::take();
	Told::take();
	RefuseClaims::take();
	let mut ext: sp_io::TestExternalities = RuntimeGenesisConfig {
		assets: pallet_assets::GenesisConfig {
			assets: vec![(ETH, ETH_OWNER, true, ETH_MINIMUM)],
			metadata: vec![],
			accounts: vec![(ETH, BOB, PURSE), (ETH, BEA, PURSE)],
			next_asset_id: None,
			reserves: vec![],
		},
		..Default::default()
	}
	.build_storage()
	.expect("genesis builds")
	.into();
	ext.execute_with(|| {
		System::set_block_number(1);
	});
	ext
}

/// Runs `test` and checks the invariants and the sum of all ETH afterwards.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		check();
	});
}

/// Checks the invariants and the sum of all ETH.
pub fn check() {
	Jobs::do_try_state().expect("invariants hold");
	let total: Balance = everybody().iter().map(total_eth).sum();
	assert_eq!(total, 2 * PURSE, "ETH is conserved");
	for who in everybody() {
		let reasons = [
			crate::HoldReason::Budget,
			crate::HoldReason::Escrow,
			crate::HoldReason::Bond,
			crate::HoldReason::Origin,
		];
		let sum: Balance = reasons.into_iter().map(|reason| held(&who, reason)).sum();
		assert_eq!(AssetsHolder::total_balance_on_hold(ETH, &who), sum);
		let in_use = crate::Jobs::<Test>::iter_values().any(|job| job.broadcaster == who)
			|| crate::Origins::<Test>::contains_key(&who);
		assert!(in_use || sum == 0, "nothing is held without a record");
	}
	let booked: Balance = Booked::get().values().flatten().map(|(fee, _)| *fee).sum();
	assert_eq!(Assets::balance(ETH, &POT), booked, "the pot has what is booked");
	let liable: u32 = Liabilities::get().values().sum();
	assert_eq!(liable as usize, crate::OpenClaims::<Test>::iter().count());
}

/// Free ETH.
pub fn free(who: &AccountId) -> Balance {
	Assets::balance(ETH, who)
}

/// ETH held for a reason.
pub fn held(who: &AccountId, reason: crate::HoldReason) -> Balance {
	AssetsHolder::balance_on_hold(ETH, &reason.into(), who)
}

/// Free and held ETH.
pub fn total_eth(who: &AccountId) -> Balance {
	free(who) + AssetsHolder::total_balance_on_hold(ETH, who)
}

/// Begins the next block with a new accumulator.
pub fn next_block() {
	let now = System::block_number() + 1;
	System::reset_events();
	System::set_block_number(now);
	Accumulator::set(Hash::from(sp_io::hashing::blake2_256(&now.to_le_bytes())));
	let used = Jobs::on_initialize(now);
	assert!(used.all_lte(AgendaWeight::get()), "the agenda stays within its weight");
}

/// Begins every block up to `block`.
pub fn run_to(block: BlockNumber) {
	while System::block_number() < block {
		next_block();
	}
}

/// Begins `blocks` blocks.
pub fn skip(blocks: BlockNumber) {
	run_to(System::block_number() + blocks);
}

/// This block.
pub fn now() -> BlockNumber {
	System::block_number()
}

/// Registers a transcoder.
pub fn register(who: &AccountId, stake: Balance, price: Balance, capacity: u32) {
	Directory::mutate(|all| {
		let account = who.clone();
		let fee_share = Perbill::from_percent(40);
		all.insert(who.clone(), Candidate { account, stake, price, fee_share, capacity });
	});
}

/// Jails a transcoder as the election does.
pub fn jail(who: &AccountId) {
	Jailed::mutate(|jailed| jailed.push(who.clone()));
	<Jobs as livepeer_primitives::traits::OnTranscoderLost>::on_transcoder_lost(who);
}

pub fn ladder() -> Ladder {
	vec![
		Rendition { width: 1280, height: 720, kbps: 3_000 },
		Rendition { width: 640, height: 360, kbps: 800 },
	]
	.try_into()
	.expect("two renditions")
}

pub fn limits() -> SourceLimits {
	SourceLimits { width: 1920, height: 1080, fps: 30 }
}

pub fn name(text: &str) -> StreamName {
	text.as_bytes().to_vec().try_into().expect("short")
}

/// The id of a stream.
pub fn stream(who: &AccountId, text: &str) -> StreamId {
	stream_id(who, text)
}

/// A usual job of `who` with this budget.
pub fn create_with(who: &AccountId, text: &str, budget: Balance) -> DispatchResult {
	Jobs::create_job(
		RuntimeOrigin::signed(who.clone()),
		name(text),
		ladder(),
		limits(),
		PRICE,
		now() + LENGTH,
		budget,
	)
}

/// A usual job.
pub fn create(who: &AccountId, text: &str) -> JobId {
	let id = crate::NextJob::<Test>::get();
	create_with(who, text, BUDGET).expect("created");
	id
}

/// What is stored of a job.
pub fn job(id: JobId) -> crate::types::Job {
	crate::Jobs::<Test>::get(id).expect("stored")
}

/// What is stored of an assignment.
pub fn assignment(id: JobId, index: AssignmentIndex) -> crate::types::Assignment {
	crate::Assignments::<Test>::get(id, index).expect("stored")
}

/// Who has the current assignment, and its number.
pub fn current(id: JobId) -> (AccountId, AssignmentIndex) {
	let index = job(id).phase.current().expect("current");
	(assignment(id, index).transcoder, index)
}

/// Accepts what is offered.
pub fn accept(id: JobId) -> (AccountId, AssignmentIndex) {
	let (who, index) = current(id);
	Jobs::accept_job(RuntimeOrigin::signed(who.clone()), id, index).expect("accepted");
	assert_eq!(job(id).phase, Phase::Running { assignment: index });
	(who, index)
}

/// A usual job of BOB that runs at TIM's, alone in the directory.
pub fn running() -> JobId {
	register(&TIM, 100 * UNIT, PRICE, 10);
	let id = create(&BOB, "cam");
	skip(2);
	accept(id);
	id
}

/// Claims `first..=last` with the work of standard segments.
pub fn claim(
	who: &AccountId,
	id: JobId,
	index: AssignmentIndex,
	first: u64,
	last: u64,
) -> DispatchResult {
	let leaves = last.saturating_sub(first).saturating_add(1);
	claim_work(who, id, index, first, last, STANDARD_SEGMENT_WORK.saturating_mul(leaves))
}

/// Claims `first..=last` with `work`.
pub fn claim_work(
	who: &AccountId,
	id: JobId,
	index: AssignmentIndex,
	first: u64,
	last: u64,
	work: u64,
) -> DispatchResult {
	let origin = RuntimeOrigin::signed(who.clone());
	Jobs::claim_work(origin, id, index, first, last, Hash::repeat_byte(9), work, TOOLCHAIN)
}

/// Every key of storage with its value, without `System` and the two numbers that only grow.
pub fn snapshot() -> BTreeMap<Vec<u8>, Vec<u8>> {
	let counters = [
		crate::NextJob::<Test>::hashed_key().to_vec(),
		crate::NextClaim::<Test>::hashed_key().to_vec(),
	];
	let system = sp_io::hashing::twox_128(b"System").to_vec();
	let mut all = BTreeMap::new();
	let mut key = Vec::new();
	while let Some(next) = sp_io::storage::next_key(&key) {
		if !counters.contains(&next) && !next.starts_with(&system) {
			let value = sp_io::storage::get(&next).expect("there").to_vec();
			all.insert(next.clone(), value);
		}
		key = next;
	}
	all
}

/// The keys of this pallet and of holds.
pub fn keys() -> Vec<Vec<u8>> {
	let ours = [b"Jobs".as_slice(), b"AssetsHolder"].map(sp_io::hashing::twox_128);
	let is_ours = |key: &Vec<u8>| ours.iter().any(|prefix| key.starts_with(prefix));
	snapshot().into_keys().filter(is_ours).collect()
}

/// The last event of this pallet.
pub fn last_event() -> crate::Event<Test> {
	events().pop().expect("an event")
}

/// This block's events of this pallet.
pub fn events() -> Vec<crate::Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Jobs(event) => Some(event),
			_ => None,
		})
		.collect()
}

/// Fee of this many standard segments at the usual price.
pub fn fee_of(leaves: u64) -> Balance {
	PRICE * Balance::from(leaves)
}

/// Settles a claim.
pub fn settle(id: ClaimId, settlement: Settlement) -> DispatchResult {
	<Jobs as livepeer_primitives::traits::Claims>::settle(id, settlement)
}

/// The claims that are open, oldest first.
pub fn open_claims() -> Vec<ClaimId> {
	let mut claims: Vec<ClaimId> = crate::OpenClaims::<Test>::iter_keys().collect();
	claims.sort_unstable();
	claims
}

/// The least weight that lets the agenda go on.
pub fn least_weight() -> Weight {
	use crate::WeightInfo;
	<()>::agenda_block()
		.saturating_add(<()>::task_check())
		.saturating_add(<()>::read_candidates(257))
		.saturating_add(<()>::task_draw(257))
}
