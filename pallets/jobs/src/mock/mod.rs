//! A runtime with jobs over ETH with holds. The neighbours are small fakes outside storage, so
//! that a test can compare storage before and after.

mod acts;

use std::collections::BTreeMap;

use crate as pallet_jobs;
use crate::types::{Class, Phase, StreamName};
use codec::{Decode, Encode};
use frame_support::{
	derive_impl, parameter_types,
	traits::{
		fungibles::InspectHold, AsEnsureOriginWithArg, Authorize, Hooks, UnfilteredDispatchable,
	},
	weights::Weight,
};
use livepeer_primitives::{
	claim::{ClaimInfo, WorkClaim},
	duty::Acceptance,
	keys::{Generation, OperatorSignature, Purpose, Signer, VerifierId, VrfKey},
	params::{
		JobsParameters, LotteryParameters, MoneyParameters, ProtocolParameters, VerificationTerms,
	},
	receipt::{Output, Outputs, Receipt, TranscodeResult},
	segment::{stream_id, SegmentHeader, SegmentInfo},
	traits::{
		Beacon, Candidate, ChargeFee, Competition, FeeSink, Liability, OnClaim, OperatorKeysOf,
		ProtocolClock, Rounds, SeatedValidator, Seed, Settlement, Slash, Slashed, Stake,
		Toolchains, TranscoderDirectory, ValidatorSet, VerificationBill,
	},
	video::{Ladder, Rendition, SourceLimits, CANONICAL_PROFILE},
	work::STANDARD_SEGMENT_WORK,
	AccountId, AssetId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, RoundIndex,
	Seq, Signature, StreamId, ToolchainId, WindowIndex, ETH, ETH_MINIMUM, UNIT,
};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{
	traits::IdentityLookup,
	transaction_validity::{
		InvalidTransaction, TransactionSource, TransactionValidityError, UnknownTransaction,
	},
	BuildStorage, DispatchError, DispatchResult, Perbill,
};

pub use acts::*;

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
	/// Verification is free, unless a test sets its price.
	pub static Lottery: LotteryParameters =
		LotteryParameters { verify_price: 0, ..ProtocolParameters::development().lottery };
	/// Of a claim until its outcome.
	pub static ClaimLife: BlockNumber = 20;
	pub const SlotDuration: u64 = 2_000;
	pub const DutyPriority: u64 = 1 << 40;
	pub const CommonPool: AccountId = POOL;
	pub static AgendaWeight: Weight = Weight::from_parts(400_000_000_000, u64::MAX);
	pub const CheckInterval: BlockNumber = 5;

	pub static Round: RoundIndex = 7;
	pub static Accumulator: Hash = Hash::repeat_byte(1);
	pub static Window: WindowIndex = 3;
	/// Registered transcoders; jailed or unavailable ones are not candidates.
	pub static Directory: BTreeMap<AccountId, Candidate> = BTreeMap::new();
	pub static Jailed: Vec<AccountId> = Vec::new();
	pub static Absent: Vec<AccountId> = Vec::new();
	pub static Noted: Vec<AccountId> = Vec::new();
	pub static DirectoryReads: u32 = 0;
	/// Fees booked, by transcoder.
	pub static Booked: BTreeMap<AccountId, Vec<(Balance, Perbill)>> = BTreeMap::new();
	pub static Liabilities: BTreeMap<(AccountId, RoundIndex), u32> = BTreeMap::new();
	pub static MaxLeaves: u32 = 64;
	pub static MaxSamples: u32 = 16;
	/// Accepted toolchains besides [`TOOLCHAIN`].
	pub static Accepted: Vec<ToolchainId> = Vec::new();
	/// Toolchains that no longer run.
	pub static Retired: Vec<ToolchainId> = Vec::new();
	/// The generation of keys that an account uses; 0 if it is not listed.
	pub static Generations: BTreeMap<(AccountId, Purpose), Generation> = BTreeMap::new();
	pub static Revoked: Vec<(AccountId, Purpose, Generation, u8)> = Vec::new();
	pub static Retained: BTreeMap<(AccountId, Purpose, Generation), u32> = BTreeMap::new();
	/// Fees of calls, by the account that paid them.
	pub static Charged: Vec<(AccountId, Weight, u32)> = Vec::new();
	/// The price in ETH of a picosecond of a call's weight.
	pub static WeightPrice: Balance = 1;
	/// Accounts that cannot pay fees.
	pub static Poor: Vec<AccountId> = Vec::new();
	/// Slashed accounts: offence, fraction, finders.
	pub static Slashes: Vec<(AccountId, RoundIndex, Perbill, Vec<AccountId>)> = Vec::new();
	/// The stake behind a transcoder that is slashed; without an entry one LPT is lost.
	pub static Bonded: Option<Balance> = None;
	pub static IsOpen: bool = true;
	pub static Money: MoneyParameters = ProtocolParameters::development().money;
	/// What each transcoder has bonded to itself.
	pub static OwnBond: Balance = 1_000_000_000 * UNIT;
	pub static Told: Vec<(ClaimId, ClaimInfo)> = Vec::new();
	pub static RefuseClaims: bool = false;
	/// How many validators must be able to judge.
	pub static LeastJudges: u32 = 0;
	/// The validators of the newest seed; without them no seed is stored.
	pub static Seated: Option<Vec<SeatedValidator>> = None;
	/// What inflation was told of offers: served or not.
	pub static Competed: Vec<(AccountId, bool)> = Vec::new();
}

pub struct Chain;

impl ProtocolClock for Chain {
	fn now() -> BlockNumber {
		System::block_number()
	}
	fn is_open() -> bool {
		IsOpen::get()
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
	fn seed(window: WindowIndex) -> Option<Seed> {
		let seated = Seated::get().filter(|_| window < Window::get())?;
		let members = seated.try_into().expect("no more than can be seated");
		Some(Seed { hash: Hash::zero(), set: ValidatorSet { snapshot: 0, members } })
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
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u64) {
		register(transcoder, UNIT, price, 0);
		Directory::mutate(|all| {
			if let Some(candidate) = all.get_mut(transcoder) {
				candidate.capacity = capacity;
			}
		});
	}
}

impl Competition for Chain {
	fn note_offer(transcoder: &AccountId, served: bool) {
		Competed::mutate(|told| told.push((transcoder.clone(), served)));
	}
	fn note_offer_weight() -> Weight {
		Weight::zero()
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
	fn max_samples(_: u64) -> u32 {
		MaxSamples::get()
	}
	fn terms(_: Option<&AccountId>) -> VerificationTerms {
		let rate = Perbill::from_rational(MaxSamples::get().max(1), MaxLeaves::get());
		VerificationTerms { rate, ..Lottery::get().terms(false) }
	}
	fn future_of_claim(committee_size: u32) -> Weight {
		future_of_claim(committee_size)
	}
	fn on_claim(id: ClaimId, info: &ClaimInfo, _: &VerificationTerms) -> Result<(), DispatchError> {
		if RefuseClaims::get() {
			return Err(DispatchError::Other("refused"));
		}
		Told::mutate(|told| told.push((id, info.clone())));
		Ok(())
	}
}

/// The weight that the fake lottery causes for a claim in later blocks.
pub fn future_of_claim(committee_size: u32) -> Weight {
	Weight::from_parts(3_000_000_000, 1_000).saturating_mul(committee_size.into())
}

impl Toolchains for Chain {
	fn is_accepted(toolchain: &ToolchainId) -> bool {
		(*toolchain == TOOLCHAIN || Accepted::get().contains(toolchain))
			&& Self::is_running(toolchain)
	}
	fn is_running(toolchain: &ToolchainId) -> bool {
		!Retired::get().contains(toolchain)
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId {
		TOOLCHAIN
	}
}

impl OperatorKeysOf for Chain {
	fn current(account: &AccountId, purpose: Purpose) -> Generation {
		Generations::get().get(&(account.clone(), purpose)).copied().unwrap_or_default()
	}
	fn is_signed(signature: &OperatorSignature, purpose: Purpose, object: &Hash) -> bool {
		let is_ours = *signature == sign_by(&signature.signer, purpose, object);
		// Benchmarks sign with keys.
		is_ours || signature.signer.generation == 0 && signature.verifies(object, None)
	}
	fn is_revoked(signer: &Signer, purpose: Purpose) -> bool {
		let Signer { account, generation, key } = signer.clone();
		Revoked::get().contains(&(account, purpose, generation, key))
	}
	fn vrf_key(_: &AccountId, _: Generation) -> Option<VrfKey> {
		None
	}
	fn retain(account: &AccountId, purpose: Purpose, generation: Generation) {
		let key = (account.clone(), purpose, generation);
		Retained::mutate(|retained| *retained.entry(key).or_default() += 1);
	}
	fn release(account: &AccountId, purpose: Purpose, generation: Generation) {
		Retained::mutate(|retained| {
			let key = (account.clone(), purpose, generation);
			let count = retained.get_mut(&key).expect("released what was retained");
			*count -= 1;
			if *count == 0 {
				retained.remove(&key);
			}
		});
	}
}

impl ChargeFee for Chain {
	fn can_pay(who: &AccountId, _: Weight, _: u32) -> bool {
		!Poor::get().contains(who)
	}
	fn charge(who: &AccountId, weight: Weight, len: u32) -> DispatchResult {
		Charged::mutate(|charged| charged.push((who.clone(), weight, len)));
		Ok(())
	}
	fn price_in_eth(weight: Weight, len: u32) -> Balance {
		Balance::from(weight.ref_time()) * WeightPrice::get() + Balance::from(len)
	}
}

impl Stake for Chain {
	fn active_stake(_: &AccountId) -> Balance {
		Bonded::get().unwrap_or(0)
	}
	fn self_bond(_: &AccountId) -> Balance {
		OwnBond::get()
	}
	fn delegate_of(_: &AccountId) -> Option<AccountId> {
		None
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_stake(_: &AccountId, _: Balance) {}
}

impl Slash for Chain {
	fn slash(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
	) -> Slashed {
		let slash = (transcoder.clone(), offence, fraction, finders.to_vec());
		Slashes::mutate(|slashes| slashes.push(slash));
		let total = Bonded::get().map_or(UNIT, |bonded| fraction.mul_ceil(bonded));
		Slashed { total, finders_fee: total / 20, common_pool: total - total / 20 }
	}
	fn slash_weight(_: RoundIndex, _: u32) -> Weight {
		Weight::from_parts(1, 0)
	}
}

impl pallet_jobs::Config for Test {
	type AgendaWeight = AgendaWeight;
	type Assets = AssetsHolder;
	type Beacon = Chain;
	type ChargeFee = Chain;
	type CheckInterval = CheckInterval;
	type ClaimLife = ClaimLife;
	type Clock = Chain;
	type CommonPool = CommonPool;
	type Competition = Chain;
	type Directory = Chain;
	type DutyPriority = DutyPriority;
	type FeeSink = Chain;
	type Keys = Chain;
	type Liability = Chain;
	type LeastJudges = LeastJudges;
	type Lottery = Lottery;
	type OnClaim = Chain;
	type Parameters = Parameters;
	type Rounds = Chain;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Money = Money;
	type Slash = Chain;
	type Stake = Chain;
	type SlotDuration = SlotDuration;
	type Toolchains = Chain;
	type WeightInfo = ();
}

/// Receives forfeited bonds.
pub const POOL: AccountId = AccountId::new([0xcc; 32]);
/// The toolchain that claims can name.
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

/// The initial balance of each broadcaster.
pub const PURSE: Balance = 10 * UNIT;
/// A typical price of a standard segment.
pub const PRICE: Balance = UNIT / 1_000;
/// A price at which a typical job can be created, but which none of its transcoders asks.
pub const LOW_PRICE: Balance = PRICE / 1_000;
/// A typical budget.
pub const BUDGET: Balance = 2 * UNIT;
/// The length of a typical job in blocks.
pub const LENGTH: BlockNumber = 500;

/// Blocks after a typical assignment's end in which it can be claimed for.
pub const GRACE: BlockNumber = 20;
/// Blocks after a typical assignment's end after which nothing of it is stored, unless it has
/// claims.
pub const GONE: BlockNumber = GRACE + 12 + 1;

/// All accounts that can hold ETH in tests.
pub fn everybody() -> [AccountId; 7] {
	[BOB, BEA, TIM, TOM, TAT, POT, POOL]
}

/// Storage with ETH and two rich broadcasters, and new fakes.
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
	MaxSamples::take();
	Lottery::take();
	ClaimLife::take();
	Accepted::take();
	Retired::take();
	Generations::take();
	Revoked::take();
	Retained::take();
	Charged::take();
	WeightPrice::take();
	Poor::take();
	Slashes::take();
	LeastJudges::take();
	Seated::take();
	Bonded::take();
	IsOpen::take();
	Money::take();
	OwnBond::take();
	Told::take();
	RefuseClaims::take();
	Competed::take();
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
	ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
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
			crate::HoldReason::SpendingKey,
		];
		let sum: Balance = reasons.into_iter().map(|reason| held(&who, reason)).sum();
		assert_eq!(AssetsHolder::total_balance_on_hold(ETH, &who), sum);
		let in_use = crate::Jobs::<Test>::iter_values().any(|job| job.broadcaster == who)
			|| crate::Origins::<Test>::iter_values().any(|origin| origin.broadcaster == who)
			|| crate::SpendingKeys::<Test>::iter_prefix(&who).next().is_some();
		assert!(in_use || sum == 0, "nothing is held without a record");
	}
	let booked: Balance = Booked::get().values().flatten().map(|(fee, _)| *fee).sum();
	assert_eq!(Assets::balance(ETH, &POT), booked, "the pot has what is booked");
	let liable: u32 = Liabilities::get().values().sum();
	assert_eq!(liable as usize, crate::OpenClaims::<Test>::iter().count());
	let mut retained: BTreeMap<(AccountId, Purpose, Generation), u32> = BTreeMap::new();
	for (id, _, assignment) in crate::Assignments::<Test>::iter() {
		if let Some(agreement) = assignment.agreement {
			for (who, purpose, generation) in [
				(job(id).broadcaster, Purpose::Segments, agreement.broadcaster_keys),
				(assignment.transcoder, Purpose::Duties, agreement.transcoder_keys),
			] {
				*retained.entry((who, purpose, generation)).or_default() += 1;
			}
		}
	}
	assert_eq!(Retained::get(), retained, "keys are kept as long as they are needed");
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
	let most = AgendaWeight::get().saturating_add(two_steps());
	assert!(used.all_lte(most), "each queue exceeds its part by one step at most");
}

/// The most weight of the last steps of both queues, including the look before each.
pub fn two_steps() -> Weight {
	use crate::WeightInfo;
	<()>::task_draw(257)
		.saturating_add(<()>::read_candidates(257))
		.saturating_add(<()>::task_check())
		.saturating_add(<()>::agenda_block())
		.saturating_mul(2)
}

/// Runs blocks in which the agenda cannot do anything.
pub fn stall(blocks: BlockNumber) {
	for class in [Class::Urgent, Class::Lazy] {
		if crate::Backlog::<Test>::get(class).is_none() {
			crate::Backlog::<Test>::insert(class, now() + 1);
		}
	}
	System::set_block_number(now() + blocks);
}

/// Runs every block up to `block`.
pub fn run_to(block: BlockNumber) {
	while System::block_number() < block {
		next_block();
	}
}

/// Runs `blocks` blocks.
pub fn skip(blocks: BlockNumber) {
	run_to(System::block_number() + blocks);
}

/// This block.
pub fn now() -> BlockNumber {
	System::block_number()
}
