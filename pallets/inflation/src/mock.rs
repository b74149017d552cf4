//! A runtime with LPT and this pallet, and fakes of the clock, the election and staking.
#![allow(clippy::unwrap_used, missing_docs)]

use crate as pallet_inflation;
use crate::{BeginRound, Current, RoundMint};
use frame_support::{
	derive_impl, parameter_types,
	traits::{fungible::Mutate, Hooks},
	weights::Weight,
};
use livepeer_primitives::{
	params::{InflationParameters, ProtocolParameters},
	traits::{OnNewRound, RewardSink, RewardedSeat, RewardedSeats, Rounds, Supply},
	AccountId, Balance, RoundIndex,
};
use sp_runtime::{traits::IdentityLookup, BuildStorage, Perbill};
use std::collections::BTreeSet;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Inflation: pallet_inflation,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlock<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

parameter_types! {
	pub const ExistentialDeposit: Balance = 1;
	pub static Round: RoundIndex = 0;
	pub static Parameters: InflationParameters = parameters();
	/// The seats of the current round.
	pub static Seats: (RoundIndex, Balance, Vec<RewardedSeat>) = (0, 0, Vec::new());
	/// LPT that exists elsewhere, such as on another chain.
	pub static Elsewhere: Balance = 0;
	/// Accounts whose stake no longer counts.
	pub static Gone: BTreeSet<AccountId> = BTreeSet::new();
	/// Everything minted: for whom, how much, and with which cut.
	pub static Paid: Vec<(AccountId, RoundIndex, Balance, Perbill)> = Vec::new();
	pub CommonPool: AccountId = account(250);
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ExistentialDeposit;
}

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
		Seats::mutate(|seats| seats.0 = round);
	}
}

pub struct Election;
impl RewardedSeats for Election {
	fn rewarded_seats() -> (RoundIndex, Balance, Vec<RewardedSeat>) {
		Seats::get()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_seat(transcoder: &AccountId, stake: Balance) {
		Balances::mint_into(&account(1), stake * 100).unwrap();
		Seats::mutate(|(_, total, seats)| {
			*total += stake;
			seats.push(RewardedSeat {
				transcoder: transcoder.clone(),
				stake,
				reward_cut: Perbill::zero(),
				earns: true,
			});
		});
	}
}

pub struct Staking;
impl RewardSink for Staking {
	fn mint_reward(who: &AccountId, round: RoundIndex, amount: Balance, cut: Perbill) -> Balance {
		if Gone::get().contains(who) || amount == 0 {
			return 0;
		}
		Balances::mint_into(who, amount).unwrap();
		Paid::mutate(|paid| paid.push((who.clone(), round, amount, cut)));
		amount
	}

	fn more_reward_weight() -> Weight {
		Weight::zero()
	}
}

pub struct AllLpt;
impl Supply for AllLpt {
	fn total() -> Balance {
		Balances::total_issuance() + Elsewhere::get()
	}
}

impl crate::Config for Test {
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxSeats = frame_support::traits::ConstU32<257>;
	type Parameters = Parameters;
	type Rewards = Staking;
	type Rounds = Clock;
	type Seats = Election;
	type Supply = AllLpt;
	type WeightInfo = ();
}

/// The parameters of Livepeer's examples.
pub fn parameters() -> InflationParameters {
	InflationParameters {
		initial_rate: Perbill::from_parts(260_000_000),
		rate_change: Perbill::from_parts(200_000),
		pool_cut: Perbill::zero(),
		pool_ceiling: 1_000_000,
		..ProtocolParameters::development().inflation
	}
}

pub fn account(number: u8) -> AccountId {
	AccountId::new([number; 32])
}

/// A seat that earns, without a cut.
pub fn seat(number: u8, stake: Balance) -> RewardedSeat {
	RewardedSeat { transcoder: account(number), stake, reward_cut: Perbill::zero(), earns: true }
}

/// Makes these the seats of the current round.
pub fn elect(seats: Vec<RewardedSeat>) {
	let stake = seats.iter().map(|seat| seat.stake).sum();
	Seats::set((Round::get(), stake, seats));
}

/// Ends the current round and begins the next one with these seats, as the runtime does.
pub fn next_round(seats: Vec<RewardedSeat>) -> RoundMint {
	let finished = Round::get();
	Round::set(finished + 1);
	Inflation::on_new_round(finished, finished + 1);
	let paid = Current::<Test>::get().unwrap();
	assert_eq!(paid.round, finished);
	elect(seats);
	BeginRound::<Test>::on_new_round(finished, finished + 1);
	Inflation::on_initialize(System::block_number());
	Inflation::do_try_state().expect("the invariants hold");
	paid
}

/// The current round.
pub fn current() -> RoundMint {
	Current::<Test>::get().unwrap()
}

/// LPT of an account.
pub fn lpt(number: u8) -> Balance {
	Balances::free_balance(account(number))
}

#[cfg(feature = "runtime-benchmarks")]
pub fn new_test_ext() -> sp_io::TestExternalities {
	chain(1_000)
}

/// A chain with this much LPT.
pub fn chain(supply: Balance) -> sp_io::TestExternalities {
	Round::set(0);
	Seats::set((0, 0, Vec::new()));
	Elsewhere::set(0);
	Gone::take();
	Paid::take();
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: if supply > 0 { vec![(account(200), supply)] } else { vec![] },
			..Default::default()
		},
		..Default::default()
	}
	.build_storage()
	.unwrap();
	let mut ext: sp_io::TestExternalities = storage.into();
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs `test` on a chain with this much LPT and these parameters, and checks the invariants.
pub fn build_and_execute(
	supply: Balance,
	change: impl FnOnce(&mut InflationParameters),
	test: impl FnOnce(),
) {
	let mut with = parameters();
	change(&mut with);
	Parameters::set(with);
	chain(supply).execute_with(|| {
		test();
		Inflation::do_try_state().expect("the invariants hold");
	});
	Parameters::set(parameters());
}

/// The pallet's events so far.
pub fn events() -> Vec<crate::Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Inflation(event) => Some(event),
			_ => None,
		})
		.collect()
}
