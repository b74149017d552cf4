//! The runtime of the tests: this pallet, and stand-ins for its neighbours. These record what they
//! are told in storage, so that a rolled-back step is rolled back there too.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use codec::{Decode, Encode};
use frame_support::{
	derive_impl,
	dispatch::DispatchClass,
	parameter_types,
	storage::unhashed,
	traits::{Authorize, Get, Hooks},
	weights::{Weight, WeightToFee},
};
use frame_system::{limits::BlockWeights, RawOrigin};
use livepeer_primitives::{
	claim::ClaimInfo,
	draw,
	keys::{
		Generation, OperatorKey, OperatorSignature, Purpose, Signer, VerifierId, VerifierPair,
		VerifierSignature, VrfKey,
	},
	leaf::Leaf,
	params::{LotteryParameters, ProtocolParameters, Timing},
	receipt::{Output, RejectReason},
	refusal::{Refusal as _, NOT_YET},
	segment::SegmentInfo,
	service::ServiceRecord,
	sum_tree::{Commitment, SumTree},
	traits::*,
	verdict::{self, Evidence, Opening, Phase, Tranche, UnavailableKind, Verdict},
	video::{Rendition, SourceLimits, CANONICAL_PROFILE},
	work::{WorkFactors, STANDARD_SEGMENT_WORK},
	AccountId, Balance, BlockNumber, ClaimId, Hash, RoundIndex, Signature, StreamId, ToolchainId,
	WindowIndex,
};
use sp_core::{sr25519, ConstU32, ConstU64, Pair};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{
	generic,
	traits::{BlakeTwo256, Dispatchable, IdentityLookup},
	transaction_validity::{TransactionSource, TransactionValidityError},
	BuildStorage, DispatchError, DispatchResult, Perbill,
};

use crate as pallet_challenge_lottery;
use crate::types::Challenge;

type TxExtension = frame_system::AuthorizeCall<Test>;
pub type Extrinsic = generic::UncheckedExtrinsic<AccountId, RuntimeCall, Signature, TxExtension>;
type Block = generic::Block<generic::Header<BlockNumber, BlakeTwo256>, Extrinsic>;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Lottery: pallet_challenge_lottery,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountId = AccountId;
	type Lookup = IdentityLookup<AccountId>;
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Test
where
	RuntimeCall: From<LocalCall>,
{
	type RuntimeCall = RuntimeCall;
	type Extrinsic = Extrinsic;
}

impl<LocalCall> frame_system::offchain::CreateTransaction<LocalCall> for Test
where
	RuntimeCall: From<LocalCall>,
{
	type Extension = TxExtension;
	fn create_transaction(call: RuntimeCall, extension: Self::Extension) -> Extrinsic {
		Extrinsic::new_transaction(call, extension)
	}
}

impl<LocalCall> frame_system::offchain::CreateAuthorizedTransaction<LocalCall> for Test
where
	RuntimeCall: From<LocalCall>,
{
	fn create_extension() -> Self::Extension {
		TxExtension::new()
	}
}

parameter_types! {
	/// One tranche, nobody is new and no variants are due, unless a test sets it. Ballots are short, for the
	/// tests go through their blocks one by one.
	pub static Parameters: LotteryParameters = LotteryParameters {
		commit_base: 12,
		dispute_commit_base: 20,
		tranches: 1,
		new_claims: 0,
		variant_rate: Perbill::zero(),
		..ProtocolParameters::development().lottery
	};
	/// The most LPT that the pool adds in a round.
	pub static PoolRewards: Balance = 0;
	pub static AgendaWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX / 2);
	pub const Clock: Timing = Timing::development();
}

impl crate::Config for Test {
	type Timing = Clock;
	type Parameters = Parameters;
	type Beacon = Fake;
	type Clock = Fake;
	type Rounds = Fake;
	type Claims = Fake;
	type OnDecided = Fake;
	type Keys = Fake;
	type Slash = Fake;
	type Liability = Fake;
	type Jail = Fake;
	type Chill = Fake;
	type VerifierKeys = Fake;
	type Pool = Fake;
	type PoolRewards = PoolRewards;
	type ClaimGrace = ConstU32<20>;
	type RetirementNotice = ConstU32<30>;
	#[cfg(feature = "runtime-benchmarks")]
	type Stake = Fake;
	type Services = Fake;
	type MaxToolchains = ConstU32<4>;
	type DutyPriority = ConstU64<{ 1 << 40 }>;
	type AgendaWeight = AgendaWeight;
	type WeightPrice = Fake;
	type WeightInfo = ();
}

/// A value of the stand-ins.
pub struct Kept<V>(&'static [u8], core::marker::PhantomData<V>);

impl<V: Encode + Decode + Default> Kept<V> {
	const fn new(key: &'static [u8]) -> Self {
		Self(key, core::marker::PhantomData)
	}
	pub fn get(&self) -> V {
		unhashed::get_or_default(self.0)
	}
	pub fn put(&self, value: V) {
		unhashed::put(self.0, &value)
	}
	pub fn mutate<R>(&self, change: impl FnOnce(&mut V) -> R) -> R {
		let mut value = self.get();
		let result = change(&mut value);
		self.put(value);
		result
	}
}

/// A slash as requested.
pub type SlashCall = (AccountId, RoundIndex, Perbill, Vec<AccountId>);

/// Validators stored with seeds.
pub static SEATED: Kept<Vec<SeatedValidator>> = Kept::new(b"fake:seated");
/// Windows that have no seed.
pub static SEEDLESS: Kept<Vec<WindowIndex>> = Kept::new(b"fake:seedless");
/// Windows retained, with how often.
pub static RETAINED: Kept<BTreeMap<WindowIndex, i32>> = Kept::new(b"fake:retained");
/// Open claims.
pub static CLAIMS: Kept<BTreeMap<ClaimId, ClaimInfo>> = Kept::new(b"fake:claims");
/// Settlements.
pub static SETTLED: Kept<Vec<(ClaimId, Settlement)>> = Kept::new(b"fake:settled");
/// The cost of verification of settled claims.
pub static BILLS: Kept<Vec<VerificationBill>> = Kept::new(b"fake:bills");
/// What is available for the verification of each claim, in ETH.
pub static BUDGET: Kept<Balance> = Kept::new(b"fake:budget");
/// What judges were paid in LPT.
pub static REWARDED: Kept<Vec<(AccountId, Balance)>> = Kept::new(b"fake:rewarded");
/// ETH charged to transcoders.
pub static CHARGED: Kept<Vec<(AccountId, Balance, RoundIndex)>> = Kept::new(b"fake:charged");
/// Whether settlements fail.
pub static STUCK: Kept<bool> = Kept::new(b"fake:stuck");
/// The weight of a slash, and of each of its finders: more than everything else that a hook does
/// here.
pub const SLASH_WEIGHT: u64 = 50_000_000_000;
/// Slashes.
pub static SLASHED: Kept<Vec<SlashCall>> = Kept::new(b"fake:slashed");
/// Detained accounts, with how often.
pub static DETAINED: Kept<BTreeMap<AccountId, i32>> = Kept::new(b"fake:detained");
/// The URL of the transcoder's service record.
pub static SERVICE_URL: Kept<Vec<u8>> = Kept::new(b"fake:service-url");
/// The round of the snapshot that seats the validators.
pub static SNAPSHOT: Kept<RoundIndex> = Kept::new(b"fake:snapshot");
/// Liabilities, with how many are open.
pub static LIABLE: Kept<BTreeMap<(AccountId, RoundIndex), u32>> = Kept::new(b"fake:liable");
/// Chilled accounts, with the round until which they are.
pub static CHILLED: Kept<BTreeMap<AccountId, RoundIndex>> = Kept::new(b"fake:chilled");
/// Operator keys: those of a generation, by account.
pub static KEYS: Kept<BTreeMap<(AccountId, Generation), Vec<OperatorKey>>> =
	Kept::new(b"fake:keys");

/// Operator keys that are revoked.
pub static REVOKED: Kept<Vec<Signer>> = Kept::new(b"fake:revoked");
/// How many signatures of operator keys were checked.
pub static SIGNATURES: Kept<u32> = Kept::new(b"fake:signatures");
/// How often the key was read by which the proofs of a claim's openings are checked.
pub static PROVEN: Kept<u32> = Kept::new(b"fake:proven");

/// The neighbours.
pub struct Fake;

/// Since when the clock stands still, if it does.
pub static CLOSED: Kept<Option<BlockNumber>> = Kept::new(b"fake:closed");

impl ProtocolClock for Fake {
	fn now() -> BlockNumber {
		CLOSED.get().unwrap_or_else(System::block_number)
	}
	fn is_open() -> bool {
		CLOSED.get().is_none()
	}
}

/// Decided claims, which take no place any more.
pub static DECIDED: Kept<Vec<ClaimId>> = Kept::new(b"fake:decided");

impl OnDecided for Fake {
	fn on_decided(id: ClaimId) {
		assert!(CLAIMS.get().contains_key(&id), "a claim is decided before it is settled");
		DECIDED.mutate(|all| all.push(id));
	}
}

impl Beacon for Fake {
	fn current_window() -> WindowIndex {
		System::block_number() / Clock::get().beacon_window
	}
	fn window_start(window: WindowIndex) -> BlockNumber {
		window * Clock::get().beacon_window
	}
	fn seed(window: WindowIndex) -> Option<Seed> {
		let stored = System::block_number() >= Self::window_start(window + 1);
		(stored && !SEEDLESS.get().contains(&window)).then(|| Seed {
			hash: Hash::repeat_byte(window as u8 + 1),
			set: ValidatorSet {
				snapshot: SNAPSHOT.get(),
				members: SEATED.get().try_into().unwrap(),
			},
		})
	}
	fn retain(window: WindowIndex) {
		RETAINED.mutate(|all| *all.entry(window).or_default() += 1);
	}
	fn release(window: WindowIndex) {
		RETAINED.mutate(|all| {
			let count = all.get_mut(&window).expect("released windows are retained");
			*count -= 1;
			if *count == 0 {
				all.remove(&window);
			}
		});
	}
	fn accumulator() -> Hash {
		Hash::from_low_u64_be(System::block_number().into())
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seed(_: WindowIndex, seed: Seed) {
		SNAPSHOT.put(seed.set.snapshot);
		SEATED.put(seed.set.members.into_inner());
	}
}

impl Rounds for Fake {
	fn current() -> RoundIndex {
		System::block_number() / 30
	}
	fn in_lock_period() -> bool {
		false
	}
}

impl Claims for Fake {
	fn claim(id: ClaimId) -> Option<ClaimInfo> {
		CLAIMS.get().remove(&id)
	}
	fn took(_: ClaimId) -> BlockNumber {
		TOOK
	}
	fn verification_budget(_: ClaimId, _: Settlement) -> Balance {
		BUDGET.get()
	}
	fn settle(id: ClaimId, settlement: Settlement, bill: &VerificationBill) -> DispatchResult {
		if STUCK.get() {
			return Err(DispatchError::Unavailable);
		}
		assert!(CLAIMS.mutate(|all| all.remove(&id)).is_some(), "a claim is settled once");
		SETTLED.mutate(|all| all.push((id, settlement)));
		let paid: Balance = bill.payments.iter().map(|(_, amount)| amount).sum();
		assert!(paid <= BUDGET.get(), "no more is paid than is there");
		BILLS.mutate(|all| all.push(bill.clone()));
		Ok(())
	}
	fn charge(transcoder: &AccountId, offence: RoundIndex, amount: Balance) {
		CHARGED.mutate(|all| all.push((transcoder.clone(), amount, offence)));
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_claim(
		transcoder: &AccountId,
		broadcaster: &AccountId,
		commitment: Commitment,
	) -> ClaimId {
		let mut info = info(commitment);
		info.transcoder = transcoder.clone();
		info.broadcaster = broadcaster.clone();
		CLAIMS.mutate(|all| {
			let id = all.len() as ClaimId + SETTLED.get().len() as ClaimId;
			all.insert(id, info);
			id
		})
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl Stake for Fake {
	fn active_stake(_: &AccountId) -> Balance {
		0
	}
	fn self_bond(_: &AccountId) -> Balance {
		0
	}
	fn delegate_of(_: &AccountId) -> Option<AccountId> {
		None
	}
	fn make_stake(_: &AccountId, _: Balance) {}
}

impl Slash for Fake {
	fn slash(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
	) -> Slashed {
		SLASHED.mutate(|all| {
			all.push((transcoder.clone(), offence, fraction, finders.to_vec()));
		});
		Slashed { total: 100, finders_fee: 5, common_pool: 95 }
	}
	fn slash_weight(_: RoundIndex, finders: u32) -> Weight {
		Weight::from_parts(SLASH_WEIGHT, 0).saturating_mul(u64::from(finders) + 1)
	}
}

impl Jail for Fake {
	fn detain(transcoder: &AccountId) {
		DETAINED.mutate(|all| *all.entry(transcoder.clone()).or_default() += 1);
	}
	fn resolve(transcoder: &AccountId) {
		DETAINED.mutate(|all| {
			let count = all.get_mut(transcoder).expect("resolved transcoders are detained");
			*count -= 1;
			if *count == 0 {
				all.remove(transcoder);
			}
		});
	}
}

impl Liability for Fake {
	fn open(transcoder: &AccountId, round: RoundIndex) {
		LIABLE.mutate(|all| *all.entry((transcoder.clone(), round)).or_default() += 1);
	}
	fn close(transcoder: &AccountId, round: RoundIndex) {
		LIABLE.mutate(|all| {
			let key = (transcoder.clone(), round);
			let count = all.get_mut(&key).expect("closed liabilities are open");
			*count -= 1;
			if *count == 0 {
				all.remove(&key);
			}
		});
	}
}

/// How much LPT an ETH is worth: zero, unless a test sets it.
pub static RATE: Kept<Balance> = Kept::new(b"fake:rate");

/// Smallest units of LPT for a picosecond: zero, unless a test sets it.
pub static WEIGHT_PRICE: Kept<Balance> = Kept::new(b"fake:weight-price");

impl WeightToFee for Fake {
	type Balance = Balance;
	fn weight_to_fee(weight: &Weight) -> Balance {
		Balance::from(weight.ref_time()) * WEIGHT_PRICE.get()
	}
}

impl JudgesPool for Fake {
	fn in_lpt(eth: Balance) -> Balance {
		eth * RATE.get()
	}
	fn in_eth(lpt: Balance) -> Balance {
		lpt / RATE.get().max(1)
	}
	fn pay(judge: &AccountId, amount: Balance) -> Balance {
		REWARDED.mutate(|all| all.push((judge.clone(), amount)));
		amount
	}
}

impl Chill for Fake {
	fn chill(account: &AccountId, until: RoundIndex) {
		CHILLED.mutate(|all| all.insert(account.clone(), until));
	}
	fn thaw(account: &AccountId, until: RoundIndex) {
		CHILLED.mutate(|all| {
			if until <= <Fake as Rounds>::current() {
				all.remove(account);
			} else if let Some(end) = all.get_mut(account) {
				*end = until;
			}
		});
	}
}

/// Validators that have no session keys.
pub static KEYLESS: Kept<Vec<AccountId>> = Kept::new(b"fake:keyless");

impl VerifierKeyOf for Fake {
	fn verifier_key(who: &AccountId) -> Option<VerifierId> {
		#[cfg(feature = "runtime-benchmarks")]
		if let Some((_, key)) = MADE_KEYS.get().into_iter().find(|(account, _)| account == who) {
			return Some(key);
		}
		let number = (0..256).find(|i| validator(*i) == *who)?;
		(!KEYLESS.get().contains(who)).then(|| verifier(number))
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_verifier_key(who: &AccountId, key: VerifierId) {
		MADE_KEYS.mutate(|all| all.push((who.clone(), key)));
	}
}

/// Verifier keys of benchmarks.
#[cfg(feature = "runtime-benchmarks")]
static MADE_KEYS: Kept<Vec<(AccountId, VerifierId)>> = Kept::new(b"fake:made-keys");

impl OperatorKeysOf for Fake {
	fn current(_: &AccountId, _: Purpose) -> Generation {
		0
	}
	fn is_signed(signature: &OperatorSignature, purpose: Purpose, object: &Hash) -> bool {
		SIGNATURES.mutate(|checked| *checked += 1);
		let Signer { account, generation, key } = &signature.signer;
		let keys = KEYS.get().remove(&(account.clone(), *generation)).unwrap_or_default();
		let other = match purpose {
			Purpose::Segments => transcoder(),
			Purpose::Duties => broadcaster(),
		};
		*account != other && signature.verifies(object, keys.get(usize::from(*key)))
	}
	fn is_revoked(signer: &Signer, _: Purpose) -> bool {
		REVOKED.get().contains(signer)
	}
	fn vrf_key(account: &AccountId, generation: Generation) -> Option<VrfKey> {
		PROVEN.mutate(|asked| *asked += 1);
		let bytes: &[u8; 32] = account.as_ref();
		(generation == 0).then(|| VrfKey::from_raw(*bytes))
	}
	fn retain(_: &AccountId, _: Purpose, _: Generation) {}
	fn release(_: &AccountId, _: Purpose, _: Generation) {}
}

impl ServiceDirectory for Fake {
	fn service(who: &AccountId) -> Option<ServiceRecord> {
		(*who == transcoder()).then(|| ServiceRecord {
			peer_id: b"peer".to_vec().try_into().unwrap(),
			url: SERVICE_URL.get().try_into().unwrap(),
			..Default::default()
		})
	}
	fn origin(_: &StreamId) -> Option<ServiceRecord> {
		None
	}
}

pub fn pair(name: &str) -> sr25519::Pair {
	Pair::from_string(&format!("//{name}"), None).unwrap()
}

/// The account of `name`.
pub fn account(name: &str) -> AccountId {
	AccountId::new(pair(name).public().0)
}

pub fn transcoder() -> AccountId {
	static KEPT: std::sync::OnceLock<AccountId> = std::sync::OnceLock::new();
	KEPT.get_or_init(|| account("T")).clone()
}

pub fn broadcaster() -> AccountId {
	static KEPT: std::sync::OnceLock<AccountId> = std::sync::OnceLock::new();
	KEPT.get_or_init(|| account("B")).clone()
}

/// The account of the `i`th validator.
pub fn validator(i: usize) -> AccountId {
	static ALL: std::sync::OnceLock<Vec<AccountId>> = std::sync::OnceLock::new();
	let all = ALL.get_or_init(|| (0..256).map(|i| account(&format!("V{i}"))).collect());
	all[i].clone()
}

pub fn verifier_pair(i: usize) -> VerifierPair {
	VerifierPair::from_string(&verifier_uri(i), None).unwrap()
}

/// The secret of the `i`th validator's verifier key.
pub fn verifier_uri(i: usize) -> String {
	format!("//verifier{i}")
}

/// The verifier key of the `i`th validator.
pub fn verifier(i: usize) -> VerifierId {
	static ALL: std::sync::OnceLock<Vec<VerifierId>> = std::sync::OnceLock::new();
	let all = ALL.get_or_init(|| (0..256).map(|i| verifier_pair(i).public()).collect());
	all[i].clone()
}

/// The number of a validator by its account.
pub fn number_of(account: &AccountId) -> usize {
	(0..256).find(|i| validator(*i) == *account).expect("the account is a validator's")
}

/// The accepted toolchain.
pub fn toolchain() -> ToolchainId {
	ToolchainId::repeat_byte(7)
}

/// `count` validators with these stakes, in turn.
pub fn seat(stakes: &[Balance]) {
	let seated = stakes
		.iter()
		.enumerate()
		.map(|(i, stake)| SeatedValidator {
			account: validator(i),
			stake: *stake,
			key: verifier(i),
			jailed: false,
		})
		.collect();
	SEATED.put(seated);
}

/// Genesis: five validators of equal stake, block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let storage = RuntimeGenesisConfig {
		lottery: crate::GenesisConfig { toolchains: vec![toolchain()], ..Default::default() },
		..Default::default()
	}
	.build_storage()
	.unwrap();
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	ext.execute_with(|| {
		System::set_block_number(1);
		seat(&[100; 5]);
	});
	ext
}

/// Runs `test`, then the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
	Parameters::take();
	AgendaWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX / 2));
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		test();
		check();
	});
}

/// Checks the invariants, and those between this pallet's state and its neighbours'.
pub fn check() {
	Lottery::do_try_state().unwrap();
	let claims: Vec<ClaimId> = CLAIMS.get().into_keys().collect();
	let mut challenges: Vec<ClaimId> = crate::Challenges::<Test>::iter_keys().collect();
	challenges.sort_unstable();
	assert_eq!(claims, challenges, "each claim has a challenge");
	let decided = DECIDED.get();
	let distinct: std::collections::BTreeSet<_> = decided.iter().collect();
	assert_eq!(distinct.len(), decided.len(), "a claim is decided once");
	for (id, _) in SETTLED.get() {
		assert!(distinct.contains(&id), "a settled claim was decided");
	}
	let (mut liable, mut retained, mut detained) =
		(BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
	for (id, challenge) in crate::Challenges::<Test>::iter() {
		*retained.entry(challenge.window + 1).or_insert(0) += 1;
		let dismissed = match &challenge.stage {
			crate::types::Stage::Decided(decision) => decision.done.dismissed as usize,
			_ => 0,
		};
		for judge in crate::Judges::<Test>::get(id).unwrap_or_default().into_iter().skip(dismissed)
		{
			*liable.entry((judge.account, challenge.snapshot)).or_insert(0) += 1;
		}
		if matches!(&challenge.stage, crate::types::Stage::Decided(decision) if decision.is_guilty())
		{
			*detained.entry(challenge.transcoder).or_insert(0) += 1;
		}
	}
	assert_eq!(LIABLE.get(), liable, "judges are liable");
	assert_eq!(RETAINED.get(), retained, "seeds are retained");
	assert_eq!(DETAINED.get(), detained, "who is found guilty is jailed");
}

/// Goes on to the start of block `to`, hooks and invariants included.
pub fn run_to(to: BlockNumber) {
	while System::block_number() < to {
		Lottery::on_finalize(System::block_number());
		frame_system::BlockWeight::<Test>::kill();
		let next = System::block_number() + 1;
		System::set_block_number(next);
		Lottery::on_initialize(next);
		check();
	}
}

/// Goes on by `blocks`.
pub fn skip(blocks: BlockNumber) {
	run_to(System::block_number() + blocks);
}

/// Makes others' duties take all of the room for duties in this block.
pub fn crowd() {
	let limits: BlockWeights = <Test as frame_system::Config>::BlockWeights::get();
	let reserved = limits.get(DispatchClass::Operational).reserved.unwrap();
	System::register_extra_weight_unchecked(reserved, DispatchClass::Operational);
	let rest = limits.max_block.saturating_sub(reserved);
	System::register_extra_weight_unchecked(rest, DispatchClass::Normal);
}

/// A claim with its transcoder's data.
#[derive(Clone)]
pub struct TestClaim {
	pub id: ClaimId,
	pub info: ClaimInfo,
	pub leaves: Vec<Leaf>,
	pub tree: SumTree,
}

/// A source segment.
pub fn segment(seed: u8) -> SegmentInfo {
	SegmentInfo {
		track: 0,
		epoch: 0,
		time: u64::from(seed) * 180_000,
		captured: 0,
		duration: 180_000,
		flags: 0,
		in_hash: Hash::repeat_byte(seed),
		in_len: 4_000,
		chunk_root: Hash::repeat_byte(seed),
		extensions: Default::default(),
	}
}

/// A transcoded leaf of `work`.
pub fn leaf(seed: u8, work: u64) -> Leaf {
	let output = |rendition: u8| {
		let hash = Hash::from_low_u64_be(u64::from(seed) * 256 + u64::from(rendition));
		Some(Output { hash, len: 1_000, chunk_root: hash })
	};
	Leaf::Transcoded {
		segment: segment(seed),
		outputs: vec![output(0), output(1)].try_into().unwrap(),
		work,
		extensions: Default::default(),
	}
}

/// A rejected leaf of `work`.
pub fn rejected(seed: u8, work: u64) -> Leaf {
	Leaf::Rejected {
		segment: segment(seed),
		reason: RejectReason::NoKeyframe,
		work,
		extensions: Default::default(),
	}
}

/// Blocks in which the work of each claim was done.
pub const TOOK: BlockNumber = 12;
/// Work of a rejected leaf.
pub const REJECTED_WORK: u64 = STANDARD_SEGMENT_WORK / 16;
/// The most work that a claim states for any of its leaves.
pub const LARGEST_LEAF: u64 = 100_000_000;

/// What jobs report of a claim over `commitment`, made now.
pub fn info(commitment: Commitment) -> ClaimInfo {
	let rendition = |width, height| Rendition {
		width,
		height,
		profile: CANONICAL_PROFILE,
		kbps: 500,
		cap_kbps: 700,
	};
	ClaimInfo {
		job: 3,
		assignment: 1,
		transcoder: transcoder(),
		transcoder_keys: 0,
		broadcaster: broadcaster(),
		broadcaster_keys: 0,
		stream: Hash::repeat_byte(9),
		first: 100,
		commitment,
		largest_leaf: LARGEST_LEAF,
		toolchain: toolchain(),
		ladder: vec![rendition(640, 360), rendition(320, 180)].try_into().unwrap(),
		limits: SourceLimits::new(1280, 720, 30),
		factors: WorkFactors::canonical(1_000, 250, REJECTED_WORK),
		max_samples: 16,
		fee: 1_000,
		round: <Fake as Rounds>::current(),
		window: Fake::current_window(),
	}
}

/// Makes a claim over `leaves`, modified by `change`, without the checks of a new claim.
pub fn try_claim_as(
	leaves: Vec<Leaf>,
	change: impl FnOnce(&mut ClaimInfo),
) -> (TestClaim, Result<(), DispatchError>) {
	let tree = SumTree::new(&leaves).unwrap();
	let mut info = info(tree.commitment());
	change(&mut info);
	let id = CLAIMS.get().len() as ClaimId + SETTLED.get().len() as ClaimId;
	CLAIMS.mutate(|all| all.insert(id, info.clone()));
	let taken = Lottery::on_claim(id, &info, &terms());
	if taken.is_err() {
		CLAIMS.mutate(|all| all.remove(&id));
	}
	(TestClaim { id, info, leaves, tree }, taken)
}

/// Makes a claim over `leaves`, without the checks of a new claim.
pub fn try_claim(leaves: Vec<Leaf>) -> (TestClaim, Result<(), DispatchError>) {
	try_claim_as(leaves, |_| ())
}

/// Makes a claim of `count` equal leaves.
pub fn claim(count: u8) -> TestClaim {
	let leaves = (0..count).map(|i| leaf(i, 50_000_000)).collect();
	let (claim, taken) = try_claim(leaves);
	taken.unwrap();
	claim
}

/// The terms of an assignment that is offered to the transcoder now.
pub fn terms() -> livepeer_primitives::params::VerificationTerms {
	<Lottery as OnClaim>::terms(Some(&transcoder()))
}

/// The challenge of a claim.
pub fn challenge(id: ClaimId) -> Challenge {
	crate::Challenges::<Test>::get(id).expect("the challenge is open")
}

/// The broadcaster's signature over the segment of a leaf.
pub fn segment_signature(claim: &TestClaim, index: u32, leaf: &Leaf) -> OperatorSignature {
	let object = leaf.header_hash(claim.info.place(System::block_hash(0), index));
	let signer = Signer::account(broadcaster());
	let signature = pair("B").sign(signer.payload(&object.unwrap_or_default()).as_bytes());
	OperatorSignature { signer, signature: signature.into() }
}

/// The call that reveals `leaf` with the signature and proof of `index`.
pub fn leaf_call(claim: &TestClaim, index: u32, leaf: Leaf) -> crate::Call<Test> {
	crate::Call::reveal_leaf {
		claim: claim.id,
		index,
		broadcaster_signature: segment_signature(claim, index, &leaf),
		leaf,
		proof: claim.tree.proof(index).unwrap(),
	}
}

/// The refusal of an authorized call for `error`.
pub fn refused(error: crate::Error<Test>) -> Result<(), TransactionValidityError> {
	Err(error.refusal())
}

/// The refusal of a call that may only be early.
pub fn not_yet() -> Result<(), TransactionValidityError> {
	Err(NOT_YET.into())
}

/// A verdict for bytes that could not be had.
pub const UNAVAILABLE: Verdict = Verdict::Unavailable(UnavailableKind::Unreachable);

/// The indices of the drawn leaves, ascending.
pub fn drawn(claim: &TestClaim) -> Vec<u32> {
	let mut indices: Vec<u32> = challenge(claim.id)
		.samples
		.iter()
		.map(|sample| claim.tree.leaf_at(sample.position).unwrap())
		.collect();
	indices.sort_unstable();
	indices.dedup();
	indices
}

/// Reveals one leaf.
pub fn reveal_leaf(claim: &TestClaim, index: u32) -> Result<(), TransactionValidityError> {
	apply(leaf_call(claim, index, claim.leaves[index as usize].clone()))
}

/// Continues to the draw and reveals all drawn leaves; then the committee commits.
pub fn to_commit(claim: &TestClaim) {
	to_draw(claim);
	for index in drawn(claim) {
		reveal_leaf(claim, index).unwrap();
	}
}

/// Goes on to the block in which the claim is drawn.
pub fn to_draw(claim: &TestClaim) {
	run_to(Fake::window_start(claim.info.window + 2));
}

/// The members of a tranche in order.
pub fn members(id: ClaimId, tranche: Tranche) -> Vec<AccountId> {
	let mut members: Vec<_> = crate::Members::<Test>::iter_prefix((id, tranche)).collect();
	members.sort_by_key(|(index, _)| *index);
	members.into_iter().map(|(_, member)| member.account).collect()
}

/// An opening by which a member gives `verdict` on every leaf.
pub fn opening(id: ClaimId, verdict: Verdict) -> Opening {
	let leaves = crate::Ballots::<Test>::get(id).map_or(1, |ballot| ballot.leaves);
	opening_of(vec![verdict; leaves.into()])
}

/// An opening with the evidence that all honest verifiers have.
pub fn opening_of(verdicts: Vec<Verdict>) -> Opening {
	Opening {
		verdicts: verdicts.try_into().unwrap(),
		evidence: Evidence { recipe: 1, hash: Hash::repeat_byte(1) },
		salt: [5; 32],
	}
}

/// The commitment of `member` to `opening`.
pub fn commitment(id: ClaimId, tranche: Tranche, member: u16, opening: &Opening) -> Hash {
	let account = &members(id, tranche)[usize::from(member)];
	let judged = crate::Ballots::<Test>::get(id).map_or(Hash::zero(), |ballot| ballot.judged);
	verdict::commitment(System::block_hash(0), id, judged, tranche, account, opening)
}

/// Signs a duty of the claim's open ballot with the key of validator `signer`.
pub fn sign(
	signer: usize,
	id: ClaimId,
	tranche: Tranche,
	member: u16,
	phase: Phase,
	content: &impl Encode,
) -> VerifierSignature {
	let seed = crate::Ballots::<Test>::get(id).map_or(Hash::zero(), |ballot| ballot.seed);
	let genesis = System::block_hash(0);
	let payload = verdict::duty_payload(genesis, id, tranche, seed, member, phase, content);
	verifier_pair(signer).sign(payload.as_bytes())
}

/// Runs a call through authorization and dispatch as a block does. An authorized call must not
/// fail.
pub fn apply(call: crate::Call<Test>) -> Result<(), TransactionValidityError> {
	let call = RuntimeCall::from(call);
	call.authorize(TransactionSource::External).expect("the call can be authorized")?;
	call.dispatch(RawOrigin::Authorized.into()).expect("what is authorized cannot fail");
	Ok(())
}

/// `member` commits to `opening`.
pub fn commit(
	id: ClaimId,
	tranche: Tranche,
	member: u16,
	opening: &Opening,
) -> Result<(), TransactionValidityError> {
	let signer = number_of(&members(id, tranche)[usize::from(member)]);
	let commitment = commitment(id, tranche, member, opening);
	let signature = sign(signer, id, tranche, member, Phase::Commit, &commitment);
	apply(crate::Call::commit_verdict { claim: id, tranche, member, commitment, signature })
}

/// `member` reveals `opening`.
pub fn reveal(
	id: ClaimId,
	tranche: Tranche,
	member: u16,
	opening: &Opening,
) -> Result<(), TransactionValidityError> {
	let signer = number_of(&members(id, tranche)[usize::from(member)]);
	let signature = sign(signer, id, tranche, member, Phase::Reveal, opening);
	apply(crate::Call::reveal_verdict {
		claim: id,
		tranche,
		member,
		opening: opening.clone(),
		signature,
	})
}

/// All members of the open tranche answer; `None` stays silent. Continues to the phase's end if
/// somebody does.
pub fn ballot(id: ClaimId, tranche: Tranche, says: impl Fn(usize) -> Option<Opening>) {
	let accounts = members(id, tranche);
	for (i, account) in accounts.iter().enumerate() {
		if let Some(opening) = says(number_of(account)) {
			commit(id, tranche, i as u16, &opening).unwrap();
		}
	}
	let is_commit =
		|| crate::Ballots::<Test>::get(id).is_some_and(|ballot| ballot.phase == Phase::Commit);
	while is_commit() && crate::Ballots::<Test>::get(id).is_some_and(|b| b.tranche == tranche) {
		skip(1);
	}
	if crate::Ballots::<Test>::get(id).is_some_and(|b| b.tranche == tranche) {
		for (i, account) in accounts.iter().enumerate() {
			if let Some(opening) = says(number_of(account)) {
				reveal(id, tranche, i as u16, &opening).unwrap();
			}
		}
	}
	// The count is on the agenda of the next block.
	skip(1);
}

/// Everybody in the open tranche gives `verdict` on every leaf.
pub fn all_say(id: ClaimId, tranche: Tranche, verdict: Verdict) {
	let said = opening(id, verdict);
	ballot(id, tranche, |_| Some(said.clone()));
}

/// Goes on to the dispute that the open ballot's tranche has led to.
pub fn to_dispute(id: ClaimId) {
	let due = challenge(id).due;
	run_to(due);
	assert_eq!(crate::Ballots::<Test>::get(id).unwrap().tranche, verdict::DISPUTE);
}

/// Every key of the pallet's storage, except the list of toolchains, what was recently decided
/// under each, and what verifiers have done in a row.
pub fn bytes_left() -> usize {
	let prefix = sp_io::hashing::twox_128(b"Lottery");
	let toolchains = sp_io::hashing::twox_128(b"Toolchains");
	let no_shows = sp_io::hashing::twox_128(b"NoShows");
	let accepted = sp_io::hashing::twox_128(b"Accepted");
	let spent = sp_io::hashing::twox_128(b"PoolSpent");
	let version = sp_io::hashing::twox_128(b":__STORAGE_VERSION__:");
	let omitted = sp_io::hashing::twox_128(b"Omitted");
	let chilled = sp_io::hashing::twox_128(b"ChilledLate");
	let crowded = sp_io::hashing::twox_128(b"Crowded");
	let attested = sp_io::hashing::twox_128(b"Attestations");
	let tallied = sp_io::hashing::twox_128(b"Tallied");
	let kept = [
		toolchains, no_shows, accepted, spent, omitted, version, chilled, crowded, attested,
		tallied,
	];
	let mut key = prefix.to_vec();
	let mut count = 0;
	while let Some(next) = sp_io::storage::next_key(&key) {
		if !next.starts_with(&prefix) {
			break;
		}
		if !kept.iter().any(|item| next[16..].starts_with(item)) {
			count += 1;
		}
		key = next;
	}
	count
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<crate::Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Lottery(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// The seed of a tranche's evidence, computed as verifiers do.
pub fn evidence_seed(entropy: Hash, id: ClaimId, tranche: Tranche) -> Hash {
	draw::tranche_seed(entropy, id, tranche)
}
