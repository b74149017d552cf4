//! Livepeer's worked examples to the unit, through the hook of the round clock. Clock, inflation
//! and staking are the real ones; the examples give the supply and the list of transcoders.
#![allow(clippy::unwrap_used, missing_docs)]

use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{fungible::Mutate, AsEnsureOriginWithArg, OnInitialize},
	weights::Weight,
	PalletId,
};
use livepeer_primitives::{
	params::{InflationParameters, ProtocolParameters, RoundsParameters, StakingParameters},
	traits::{
		AcceptsStake, OnNewRound, ProtocolClock, RewardedSeat, RewardedSeats, Rounds as _, Slash,
		Slashed, Stake, StakeRefused, Supply,
	},
	AccountId, AssetId, Balance, BlockNumber, RoundIndex, ETH,
};
use pallet_transcoder_election::choice::{self, Contender};
use sp_core::U256;
use sp_runtime::{traits::IdentityLookup, BuildStorage, Perbill};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Assets: pallet_assets,
		Rounds: pallet_rounds,
		LptStaking: pallet_lpt_staking,
		Inflation: pallet_inflation,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlockU32<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

/// Length of a round, in blocks.
const LENGTH: BlockNumber = 10;

parameter_types! {
	pub const ExistentialDeposit: Balance = 1;
	pub const Pot: PalletId = PalletId(*b"lpt/stak");
	pub CommonPool: AccountId = account(250);
	pub RoundLength: RoundsParameters =
		RoundsParameters { length: LENGTH, lock_amount: Perbill::from_percent(10) };
	pub static Staking: StakingParameters = StakingParameters {
		unbonding_period: 7,
		liability_window: 4,
		min_bond: 1,
		finder_fee: Perbill::from_percent(5),
	};
	/// All LPT, as the example states it.
	pub static All: Balance = 10_000;
	pub static Minting: InflationParameters = minting(100_000_000, 0, 0);
	/// The example's transcoders in the order of their registration, with their cuts, and which of
	/// them do their duty.
	pub static Transcoders: Vec<(AccountId, Perbill, bool)> = Vec::new();
	/// How many of them are elected.
	pub static Seats: u32 = 0;
	pub static Snapshot: (RoundIndex, Vec<(AccountId, Balance)>) = (0, Vec::new());
}

fn minting(rate: u32, change: u32, pool_cut: u32) -> InflationParameters {
	InflationParameters {
		initial_rate: Perbill::from_parts(rate),
		rate_change: Perbill::from_parts(change),
		pool_cut: Perbill::from_parts(pool_cut),
		pool_ceiling: Balance::MAX,
		..ProtocolParameters::development().inflation
	}
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

pub struct Blocks;
impl ProtocolClock for Blocks {
	fn now() -> BlockNumber {
		System::block_number()
	}
	fn is_open() -> bool {
		true
	}
}

/// Elects among the example's transcoders as the chain does, by their stake at the beginning of the
/// round.
pub struct Election;
impl OnNewRound for Election {
	fn on_new_round(_: RoundIndex, new: RoundIndex) -> Weight {
		elect(new);
		Weight::zero()
	}
}

impl RewardedSeats for Election {
	fn rewarded_seats() -> (RoundIndex, Balance, Vec<RewardedSeat>) {
		let (round, stakes) = Snapshot::get();
		let transcoders = Transcoders::get();
		let seats = stakes.iter().filter_map(|(transcoder, stake)| {
			let (_, cut, earns) = transcoders.iter().find(|(account, ..)| account == transcoder)?;
			Some(RewardedSeat {
				transcoder: transcoder.clone(),
				stake: *stake,
				reward_cut: *cut,
				earns: *earns,
			})
		});
		(round, stakes.iter().map(|(_, stake)| stake).sum(), seats.collect())
	}
	#[cfg(feature = "runtime-benchmarks")]
	fn make_seat(_: &AccountId, _: Balance) {}
}

impl AcceptsStake for Election {
	fn accepts_stake(_: &AccountId, _: &AccountId) -> Result<(), StakeRefused> {
		Ok(())
	}
}

fn elect(round: RoundIndex) {
	let contenders = Transcoders::get().into_iter().zip(0..).map(|((account, ..), order)| {
		let stake = LptStaking::active_stake(&account);
		Contender { account, stake, order, terms: Default::default() }
	});
	let (elected, _) = choice::elect(contenders.collect(), Seats::get());
	let stakes = elected.into_iter().map(|elected| (elected.account, elected.stake));
	Snapshot::set((round, stakes.collect()));
}

pub struct AllLpt;
impl Supply for AllLpt {
	fn total() -> Balance {
		All::get()
	}
}

impl pallet_rounds::Config for Test {
	type Clock = Blocks;
	type OnNewRound = (Inflation, Election, pallet_inflation::BeginRound<Test>);
	type Parameters = RoundLength;
	type WeightInfo = ();
}

impl pallet_lpt_staking::Config for Test {
	type AcceptsStake = Election;
	type Assets = Assets;
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxLiabilityRounds = frame_support::traits::ConstU32<8>;
	type MaxLocks = frame_support::traits::ConstU32<32>;
	type MaxSlashedRounds = frame_support::traits::ConstU32<16>;
	type PalletId = Pot;
	type Parameters = Staking;
	type Rounds = Rounds;
	type WeightInfo = ();
}

impl pallet_inflation::Config for Test {
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxSeats = frame_support::traits::ConstU32<8>;
	type Parameters = Minting;
	type Rewards = LptStaking;
	type Rounds = Rounds;
	type Seats = Election;
	type Supply = AllLpt;
	type WeightInfo = ();
}

fn account(number: u8) -> AccountId {
	AccountId::new([number; 32])
}

fn t() -> AccountId {
	account(1)
}

fn d() -> AccountId {
	account(11)
}

fn half() -> Perbill {
	Perbill::from_percent(50)
}

/// A chain with these bonds, which count from round 0 on.
fn with_bonds(
	minting: InflationParameters,
	bonds: Vec<(AccountId, AccountId, Balance)>,
	test: impl FnOnce(),
) {
	Minting::set(minting);
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=20).map(|number| (account(number), 1_000_000)).collect(),
			..Default::default()
		},
		assets: pallet_assets::GenesisConfig {
			assets: vec![(ETH, account(200), true, 1)],
			..Default::default()
		},
		lpt_staking: pallet_lpt_staking::GenesisConfig { bonds, ..Default::default() },
		..Default::default()
	}
	.build_storage()
	.unwrap();
	sp_io::TestExternalities::from(storage).execute_with(|| {
		elect(0);
		test();
		LptStaking::do_try_state().unwrap();
		Inflation::do_try_state().unwrap();
		Rounds::do_try_state().unwrap();
	});
}

/// Makes blocks until the next round has begun, which pays the current one.
fn next_round() {
	let next = Rounds::current() + 1;
	while Rounds::current() < next {
		let block = System::block_number() + 1;
		System::set_block_number(block);
		Rounds::on_initialize(block);
	}
}

/// Makes these the transcoders, with a seat for each.
fn transcoders(all: Vec<(AccountId, Perbill)>) {
	Seats::set(all.len() as u32);
	Transcoders::set(all.into_iter().map(|(account, cut)| (account, cut, true)).collect());
}

fn does_its_duty(earns: bool) {
	Transcoders::mutate(|all| all.iter_mut().for_each(|(_, _, does)| *does = earns));
}

fn stake(who: AccountId) -> Balance {
	LptStaking::stake_of(who).next_round
}

fn crf() -> U256 {
	let id = pallet_lpt_staking::PoolId { transcoder: t(), generation: 0 };
	pallet_lpt_staking::Pools::<Test>::get(id).unwrap().now.crf
}

fn digits(text: &str) -> U256 {
	U256::from_dec_str(text).unwrap()
}

#[test]
fn a1_rate_and_mintable_should_follow_participation_round_by_round() {
	for (supply, bonded, rate, mintable) in [
		(1_000, 400, 260_200_000, 260),
		(1_000, 500, 260_000_000, 260),
		(1_000, 600, 259_800_000, 259),
		(1_300, 600, 260_200_000, 338),
	] {
		All::set(supply);
		transcoders(vec![(t(), half())]);
		let minting = minting(260_000_000, 200_000, 0);
		with_bonds(minting, vec![(t(), t(), bonded)], || {
			does_its_duty(false);
			next_round();
			// Round 0 began at genesis, with the same formula.
			let view = Inflation::inflation();
			let first = pallet_inflation::Current::<Test>::get().unwrap();
			assert_eq!(view.round, 1);
			let step = i64::from(rate) - 260_000_000;
			assert_eq!(i64::from(view.rate.deconstruct()), 260_000_000 + 2 * step);
			assert_eq!(first.round, 1);
			let paid = System::events().into_iter().find_map(|record| match record.event {
				RuntimeEvent::Inflation(pallet_inflation::Event::RateSet {
					round: 0,
					rate,
					mintable,
					..
				}) => Some((rate.deconstruct(), mintable)),
				_ => None,
			});
			assert_eq!(paid, Some((rate, mintable)));
		});
	}
}

#[test]
fn a2_real_supply_should_mint_to_the_unit() {
	let supply = 21_645_383_016_495_782_629_665_363;
	All::set(supply);
	transcoders(vec![(t(), half())]);
	for (change, rate, mintable) in [
		(3_000, 452_000, 9_783_713_123_456_093_748_608),
		(500, 454_500, 9_837_826_580_997_333_205_182),
	] {
		with_bonds(minting(455_000, change, 0), vec![], || {
			let bonded = supply / 100 * 51 + 51;
			Balances::mint_into(&t(), bonded).unwrap();
			assert_ok!(LptStaking::bond(RuntimeOrigin::signed(t()), bonded, t()));
			does_its_duty(false);
			// In round 0 nothing counts yet, so the rate rises to the one with which the example
			// begins.
			pallet_inflation::Rate::<Test>::put(Perbill::from_parts(455_000 - change));
			next_round();
			let view = Inflation::inflation();
			assert_eq!((view.rate.deconstruct(), view.mintable), (rate, mintable));
		});
	}
}

#[test]
fn a3_shares_should_be_rounded_down_twice() {
	All::set(1_000);
	transcoders(vec![(t(), Perbill::zero()), (account(2), Perbill::zero())]);
	let bonds = vec![(t(), t(), 10), (account(2), account(2), 20), (d(), account(2), 70)];
	with_bonds(minting(260_000_000, 0, 0), bonds, || {
		next_round();
		assert_eq!(stake(t()), 10 + 26);
		// 260 × 90 ÷ 100 for the other two, shared by stake.
		assert_eq!(stake(account(2)) + stake(d()), 90 + 234);
	});
}

#[test]
fn a4_reward_of_one_alone_should_be_its_own() {
	All::set(10_000);
	transcoders(vec![(t(), half())]);
	with_bonds(minting(100_000_000, 0, 0), vec![(t(), t(), 1_000)], || {
		next_round();
		assert_eq!(crf(), digits("1500000000000000000000000000"));
		assert_eq!(stake(t()), 2_000);
		assert_eq!(LptStaking::next_stake(&t()), 2_000);
		// Only once: later blocks do not call the same round's hook again.
		for _ in 0..LENGTH - 1 {
			let block = System::block_number() + 1;
			System::set_block_number(block);
			Rounds::on_initialize(block);
		}
		assert_eq!(stake(t()), 2_000);
	});
}

#[test]
fn a5_common_pools_cut_should_come_first() {
	All::set(10_000);
	transcoders(vec![(t(), half())]);
	with_bonds(minting(100_000_000, 0, 63_100_000), vec![(t(), t(), 1_000)], || {
		let before = Balances::free_balance(CommonPool::get());
		next_round();
		assert_eq!(Balances::free_balance(CommonPool::get()) - before, 63);
		assert_eq!(crf(), digits("1469000000000000000000000000"));
		assert_eq!(stake(t()), 1_937);
	});
}

#[test]
fn a6_delegator_should_compound_over_rounds_with_and_without_rewards() {
	All::set(10_000);
	transcoders(vec![(t(), half())]);
	let bonds = vec![(t(), t(), 1_000), (d(), t(), 1_000)];
	with_bonds(minting(100_000_000, 0, 0), bonds, || {
		next_round();
		assert_eq!(crf(), digits("1250000000000000000000000000"));
		assert_eq!((stake(d()), stake(t())), (1_250, 1_750));
		next_round();
		assert_eq!(crf(), digits("1458333333333333333333333332"));
		assert_eq!((stake(d()), stake(t())), (1_458, 2_541));
		assert_eq!(LptStaking::next_stake(&t()), 4_000);
		does_its_duty(false);
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d())));
		next_round();
		does_its_duty(true);
		next_round();
		assert_eq!(crf(), digits("1640624999999999999999999998"));
		assert_eq!((stake(d()), stake(t())), (1_640, 3_358));
		assert_eq!(LptStaking::next_stake(&t()), 5_000);
	});
}

#[test]
fn a11_new_one_should_take_the_seat_of_the_last_with_the_next_round() {
	All::set(0);
	let [t0, t1, t2] = [1, 2, 3].map(account);
	transcoders([&t0, &t1, &t2].map(|who| (who.clone(), half())).to_vec());
	Seats::set(2);
	let bonds = vec![(t0.clone(), t0.clone(), 1_000), (t1.clone(), t1.clone(), 2_000)];
	let active = || Snapshot::get().1;
	with_bonds(minting(0, 0, 0), bonds, || {
		let first = [(t1.clone(), 2_000), (t0.clone(), 1_000)];
		assert_eq!(active(), first);
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(t2.clone()), 500, t2.clone()));
		next_round();
		assert_eq!(active(), first);
		// Stake equal to the last transcoder's does not take its seat.
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(d()), 500, t2.clone()));
		next_round();
		assert_eq!(active(), first);
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(d()), 1_500, t2.clone()));
		// The last transcoder keeps its seat for the rest of the round.
		assert_eq!(active(), first);
		next_round();
		assert_eq!(active(), [(t2.clone(), 2_500), (t1.clone(), 2_000)]);
		assert_eq!(LptStaking::next_stake(&t0), 1_000);
		assert_eq!(Election::rewarded_seats().1, 4_500);
	});
}

/// Livepeer slashes only the transcoder's own bond, burns what the finder does not get, and removes
/// the transcoder from its pool.
#[test]
fn differs_from_livepeer_a13_slash_should_weigh_in_the_next_election() {
	let slash = |offence, percent, finders: &[AccountId]| {
		let slashed = LptStaking::slash(&t(), offence, Perbill::from_percent(percent), finders);
		let Slashed { total, finders_fee, common_pool } = slashed;
		(total, finders_fee, common_pool)
	};
	let finder = [account(20)];
	All::set(0);
	transcoders(vec![(t(), half())]);
	let d2 = account(12);
	let bonds = vec![(t(), t(), 1_000), (d(), t(), 1_000), (d2.clone(), t(), 1_000)];
	with_bonds(minting(0, 0, 0), bonds, || {
		next_round();
		// 20 % of all three bonds; the finder gets 5 % of it.
		assert_eq!(slash(1, 20, &finder), (600, 30, 570));
		assert_eq!((stake(t()), stake(d()), stake(d2)), (800, 800, 800));
		// The transcoder keeps its seat until the round is over. Jail, not the slash, keeps it out
		// of the next one.
		assert_eq!(Snapshot::get().1, [(t(), 3_000)]);
		next_round();
		assert_eq!(Snapshot::get().1, [(t(), 2_400)]);
	});
	let alone = || vec![(t(), t(), 1_000)];
	with_bonds(minting(0, 0, 0), alone(), || {
		Staking::mutate(|staking| staking.finder_fee = half());
		assert_eq!(slash(0, 50, &finder), (500, 250, 250));
		assert_eq!(slash(0, 50, &[]), (250, 0, 250));
	});
	Staking::mutate(|staking| staking.finder_fee = Perbill::from_percent(5));
	with_bonds(minting(0, 0, 0), Vec::new(), || assert_eq!(slash(0, 20, &finder), (0, 0, 0)));
	with_bonds(minting(0, 0, 0), alone(), || {
		next_round();
		assert_ok!(LptStaking::unbond(RuntimeOrigin::signed(t()), 500));
		let lock = || LptStaking::stake_of(t()).locks[0].value;
		// Stake that left before the offence is spared; stake that left in its round is not.
		next_round();
		assert_eq!(slash(2, 20, &finder), (100, 5, 95));
		assert_eq!((stake(t()), lock()), (400, 500));
		assert_eq!(slash(1, 20, &finder), (180, 9, 171));
		assert_eq!((stake(t()), lock()), (320, 400));
	});
}

#[test]
fn a14_delegations_should_count_from_the_next_round_and_leave_by_it() {
	All::set(0);
	let t2 = account(2);
	transcoders(vec![(t(), half()), (t2.clone(), half())]);
	let bonds = vec![(t(), t(), 1_000), (t2.clone(), t2.clone(), 1_000)];
	with_bonds(minting(0, 0, 0), bonds, || {
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(d()), 1_000, t()));
		assert_eq!(LptStaking::active_stake(&t()), 1_000);
		assert_eq!(LptStaking::next_stake(&t()), 2_000);
		next_round();
		assert_eq!(Snapshot::get().1, [(t(), 2_000), (t2.clone(), 1_000)]);
		assert_ok!(LptStaking::unbond(RuntimeOrigin::signed(d()), 500));
		let lock = LptStaking::stake_of(d()).locks[0].clone();
		assert_eq!(lock.release, Rounds::current() + 7);
		assert_eq!(LptStaking::next_stake(&t()), 1_500);
		assert_ok!(LptStaking::rebond(RuntimeOrigin::signed(d()), lock.id, t()));
		assert_eq!(LptStaking::next_stake(&t()), 2_000);
		assert!(LptStaking::bond(RuntimeOrigin::signed(t()), 1, t2).is_err());
	});
}
