//! A runtime with staking, LPT and ETH, and fakes of the clock and the election.
#![allow(clippy::unwrap_used)]

use crate as pallet_lpt_staking;
use crate::{asset, Event, Generations, Pool, PoolId, Pools};
use frame_support::{
	assert_ok, derive_impl, ensure, parameter_types,
	traits::{fungible, fungibles, AsEnsureOriginWithArg},
	PalletId,
};
use livepeer_primitives::{
	params::{ProtocolParameters, StakingParameters},
	traits::{AcceptsStake, FeeSink, Rounds, Slash, Slashed, StakeRefused},
	AccountId, AssetId, Balance, RoundIndex, ETH,
};
use sp_runtime::{traits::IdentityLookup, BuildStorage, Perbill};
use std::collections::BTreeSet;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Assets: pallet_assets,
		LptStaking: pallet_lpt_staking,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlock<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

/// Smallest balance of LPT.
pub const MINIMUM_LPT: Balance = 10;
/// Smallest balance of ETH.
pub const MINIMUM_ETH: Balance = 7;

parameter_types! {
	pub const ExistentialDeposit: Balance = MINIMUM_LPT;
	pub const StakingPalletId: PalletId = PalletId(*b"lpt/stak");
	pub static Round: RoundIndex = 0;
	pub static Parameters: StakingParameters = StakingParameters {
		unbonding_period: 7,
		liability_window: 4,
		min_bond: 10,
		finder_fee: Perbill::from_percent(5),
	};
	/// Accounts that are not registered.
	pub static Refusing: BTreeSet<AccountId> = BTreeSet::new();
	/// Accounts that are registered and jailed.
	pub static InJail: BTreeSet<AccountId> = BTreeSet::new();
	pub CommonPool: AccountId = account(250);
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ExistentialDeposit;
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
	type Holder = ();
}

/// A clock that stands still until a test moves it.
pub struct Clock;
impl Rounds for Clock {
	fn current() -> RoundIndex {
		Round::get()
	}
	fn in_lock_period() -> bool {
		false
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn set_current(round: RoundIndex) {
		Round::set(round);
	}
}

/// Everyone is a transcoder, except those in [`Refusing`] and in [`InJail`].
pub struct Election;
impl AcceptsStake for Election {
	fn accepts_stake(transcoder: &AccountId, _from: &AccountId) -> Result<(), StakeRefused> {
		ensure!(!Refusing::get().contains(transcoder), StakeRefused::NotRegistered);
		ensure!(!InJail::get().contains(transcoder), StakeRefused::Jailed);
		Ok(())
	}
}

impl crate::Config for Test {
	type AcceptsStake = Election;
	type Assets = Assets;
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxLiabilityRounds = frame_support::traits::ConstU32<8>;
	type MaxLocks = frame_support::traits::ConstU32<32>;
	type MaxSlashedRounds = frame_support::traits::ConstU32<16>;
	type PalletId = StakingPalletId;
	type Parameters = Parameters;
	type Rounds = Clock;
	type WeightInfo = ();
}

/// The account numbered `n`.
pub fn account(n: u8) -> AccountId {
	AccountId::new([n; 32])
}

/// The first transcoder.
pub fn t() -> AccountId {
	account(1)
}
/// The second transcoder.
pub fn t2() -> AccountId {
	account(2)
}
/// The first delegator.
pub fn d() -> AccountId {
	account(11)
}
/// The second delegator.
pub fn d2() -> AccountId {
	account(12)
}
/// The finder of an offence.
pub fn finder() -> AccountId {
	account(21)
}

/// The initial balance of every account, in LPT.
pub const FUNDS: Balance = 1_000_000_000_000_000_000_000_000_000_000;

/// Genesis with these bonds.
pub fn new_test_ext_with(bonds: Vec<(AccountId, AccountId, Balance)>) -> sp_io::TestExternalities {
	Round::set(0);
	Refusing::take();
	InJail::take();
	Parameters::set(StakingParameters {
		unbonding_period: 7,
		liability_window: 4,
		min_bond: 10,
		finder_fee: ProtocolParameters::development().staking.finder_fee,
	});
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=40).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		assets: pallet_assets::GenesisConfig {
			assets: vec![(ETH, account(200), true, MINIMUM_ETH)],
			..Default::default()
		},
		lpt_staking: pallet_lpt_staking::GenesisConfig { bonds, ..Default::default() },
		..Default::default()
	}
	.build_storage()
	.unwrap();
	let mut ext: sp_io::TestExternalities = storage.into();
	// Events of block 0 are not recorded.
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Genesis without bonds.
#[cfg(feature = "runtime-benchmarks")]
pub fn new_test_ext() -> sp_io::TestExternalities {
	new_test_ext_with(vec![])
}

/// Runs `test` from a genesis with `bonds` and checks the invariants afterwards.
pub fn build_with_bonds(bonds: Vec<(AccountId, AccountId, Balance)>, test: impl FnOnce()) {
	new_test_ext_with(bonds).execute_with(|| {
		test();
		check();
	});
}

/// Runs `test` from genesis and checks the invariants afterwards.
pub fn build_and_execute(test: impl FnOnce()) {
	build_with_bonds(vec![], test);
}

/// Checks the invariants.
pub fn check() {
	LptStaking::do_try_state().expect("the invariants hold");
}

/// Begins the next round.
pub fn next_round() {
	Round::set(Round::get() + 1);
}

/// Begins `n` rounds.
pub fn rounds(n: RoundIndex) {
	Round::set(Round::get() + n);
}

/// Bonds.
pub fn bond(who: AccountId, amount: Balance, to: AccountId) {
	assert_ok!(LptStaking::bond(RuntimeOrigin::signed(who), amount, to));
}

/// Unbonds and returns the lock's number.
pub fn unbond(who: AccountId, amount: Balance) -> u32 {
	let next = crate::Locks::<Test>::get(&who).next;
	assert_ok!(LptStaking::unbond(RuntimeOrigin::signed(who), amount));
	next
}

/// Pays a fee in, as jobs do.
pub fn fee(transcoder: AccountId, amount: Balance, share: Perbill) {
	use fungibles::Mutate;
	assert_ok!(Assets::mint_into(ETH, &LptStaking::pot(), amount));
	LptStaking::deposit_fee(&transcoder, amount, share);
}

/// Mints a reward of the current round and books it.
pub fn reward(transcoder: AccountId, amount: Balance, cut: Perbill) -> Balance {
	use fungible::Mutate;
	assert_ok!(Balances::mint_into(&LptStaking::pot(), amount));
	LptStaking::reward(&transcoder, Round::get(), amount, cut)
}

/// Mints a reward of a finished round and books it, as inflation does.
pub fn reward_of(round: RoundIndex, transcoder: AccountId, amount: Balance, cut: Perbill) {
	use livepeer_primitives::traits::RewardSink;
	assert_eq!(<LptStaking as RewardSink>::mint_reward(&transcoder, round, amount, cut), amount);
}

/// The id of a transcoder's first pool.
pub fn first(transcoder: AccountId) -> PoolId {
	PoolId { transcoder, generation: 0 }
}

/// The stored pool of a transcoder that takes stake.
pub fn pool_of(transcoder: AccountId) -> Option<Pool> {
	let generation = Generations::<Test>::get(&transcoder).map_or(0, |known| known.current);
	Pools::<Test>::get(PoolId { transcoder, generation })
}

/// Slashes for an offence, with a single finder.
pub fn slash(transcoder: AccountId, offence: RoundIndex, fraction: Perbill) -> Slashed {
	<LptStaking as Slash>::slash(&transcoder, offence, fraction, &[finder()])
}

/// The worth of a bond.
pub fn stake(who: AccountId) -> Balance {
	LptStaking::delegator(who).map_or(0, |view| view.stake)
}

/// The ETH that an account can withdraw.
pub fn fees(who: AccountId) -> Balance {
	LptStaking::fees(who)
}

/// Balance of LPT.
pub fn lpt(who: AccountId) -> Balance {
	Balances::free_balance(who)
}

/// Balance of ETH.
pub fn eth(who: AccountId) -> Balance {
	Assets::balance(ETH, who)
}

/// LPT that rounding has left in pools and exit pools: owed as a sum, but to nobody.
pub fn stake_dust() -> Balance {
	let bonds: Balance = crate::Bonds::<Test>::iter_keys().map(stake).sum();
	let locks: Balance =
		crate::Locks::<Test>::iter_keys().flat_map(LptStaking::locks).map(|lock| lock.value).sum();
	crate::OwedStake::<Test>::get() - bonds - locks
}

/// ETH that rounding has left in pools.
pub fn fee_dust() -> Balance {
	let accounts: BTreeSet<AccountId> =
		crate::Bonds::<Test>::iter_keys().chain(crate::Fees::<Test>::iter_keys()).collect();
	crate::OwedFees::<Test>::get() - accounts.into_iter().map(fees).sum::<Balance>()
}

/// The pallet's events so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::LptStaking(event) => Some(event),
			_ => None,
		})
		.collect()
}

/// The number of the pallet's keys in the state.
pub fn stored_keys() -> usize {
	let prefix = sp_io::hashing::twox_128(b"LptStaking");
	let mut last = prefix.to_vec();
	let mut count = 0;
	while let Some(key) = sp_io::storage::next_key(&last).filter(|key| key.starts_with(&prefix)) {
		count += 1;
		last = key;
	}
	count
}

/// The pot.
pub fn pot() -> AccountId {
	asset::pot::<Test>()
}
