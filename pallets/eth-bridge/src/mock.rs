//! A runtime with LPT, ETH and this pallet, and an Ethereum that tests define.
#![allow(clippy::unwrap_used)]

use crate as pallet_eth_bridge;
use crate::{
	simulator::{Flow, World},
	types::{GatewayPlace, Limits, Rate, SupplyProof},
	Event,
};
use frame_support::{
	derive_impl,
	dispatch::DispatchResultWithPostInfo,
	parameter_types,
	traits::{fungible::Mutate as _, fungibles::Mutate as _, AsEnsureOriginWithArg, Time},
	weights::Weight,
};
use livepeer_primitives::{
	bridge::{node, zeros, BridgedAsset, Deposit, DEPTH},
	ethereum::{ClientHealth, EthereumChain, ExecutionBlock, HeaderProof},
	traits::ProtocolClock,
	AccountId, AssetId, Balance, BlockNumber, RoundIndex, ETH,
};
use sp_core::{H160, H256};
use sp_runtime::{traits::IdentityLookup, BuildStorage, DispatchError, DispatchResult};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Assets: pallet_assets,
		EthBridge: pallet_eth_bridge,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlock<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

/// The smallest balance of LPT, and of ETH.
pub const MINIMUM: Balance = 10;
/// The price of a message.
pub const PRICE: Balance = 3;
/// For how long the guardian can stop the bridge.
pub const STOP_PERIOD: BlockNumber = 100;

parameter_types! {
	pub const ExistentialDeposit: Balance = MINIMUM;
	pub const MessagePrice: Balance = PRICE;
	pub const StopPeriod: BlockNumber = STOP_PERIOD;
	pub static Now: BlockNumber = 1;
	pub static Round: RoundIndex = 0;
	pub static Block: Option<ExecutionBlock> = None;
	pub static Moment: u64 = 5_000;
	pub Pool: AccountId = AccountId::new([200; 32]);
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

/// The clock that a test has set.
pub struct Clock;

impl ProtocolClock for Clock {
	fn now() -> BlockNumber {
		Now::get()
	}

	fn is_open() -> bool {
		true
	}
}

impl livepeer_primitives::traits::Rounds for Clock {
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

impl Time for Clock {
	type Moment = u64;

	fn now() -> u64 {
		Moment::get()
	}
}

/// The execution block that a test has made.
pub struct Ethereum;

impl EthereumChain for Ethereum {
	fn execution_block(_: &HeaderProof) -> Result<ExecutionBlock, DispatchError> {
		Block::get().ok_or(DispatchError::Other("nothing is proven"))
	}

	fn health() -> ClientHealth {
		ClientHealth::Following
	}

	fn weight() -> Weight {
		Weight::zero()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_block(number: u64, state_root: H256) -> HeaderProof {
		let hash = H256::zero();
		Block::set(Some(ExecutionBlock { hash, number, timestamp: 1, state_root }));
		header()
	}
}

impl crate::Config for Test {
	type Assets = Assets;
	type Clock = Clock;
	type CommonPool = Pool;
	type Currency = Balances;
	type Ethereum = Ethereum;
	type MessagePrice = MessagePrice;
	type Rounds = Clock;
	type StopPeriod = StopPeriod;
	type Time = Clock;
	type WeightInfo = ();
}

/// A proof that the mock's Ethereum does not read.
pub fn header() -> HeaderProof {
	HeaderProof {
		finalized_root: H256::zero(),
		hash_branch: Default::default(),
		header: Default::default(),
	}
}

/// The account of a number.
pub fn account(number: u8) -> AccountId {
	AccountId::new([number; 32])
}

/// The address of a number on Ethereum.
pub fn address(number: u8) -> H160 {
	H160::repeat_byte(number)
}

/// The sender of a transaction.
pub fn signed(number: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(number))
}

/// Where the gateway is.
pub fn place() -> GatewayPlace {
	GatewayPlace { chain_id: 1, address: address(0xaa), token: address(0xbb), balances_slot: 1 }
}

/// The limits of both assets.
pub const LIMITS: Limits = Limits {
	inbound: Rate { capacity: 10_000, per_block: 10 },
	outbound: Rate { capacity: 5_000, per_block: 5 },
	large: 6_000,
	delay: 50,
};

/// The gateway on Ethereum, with its tree.
pub struct Escrow {
	/// Its figures.
	pub world: World,
	/// Its deposits.
	pub deposits: Vec<Deposit>,
	/// The height of the execution block.
	pub block: u64,
}

impl Escrow {
	/// A gateway without deposits.
	pub fn new() -> Self {
		Self {
			world: World {
				place: place(),
				subtrees: [H256::zero(); DEPTH],
				lpt: Flow::default(),
				eth: Flow::default(),
				deposits: 0,
				lpt_balance: 0,
				eth_balance: 0,
				others: 20,
			},
			deposits: Vec::new(),
			block: 100,
		}
	}

	fn leaves(&self) -> Vec<H256> {
		let domain = EthBridge::domain().unwrap();
		self.deposits.iter().map(|deposit| deposit.leaf(&domain)).collect()
	}

	/// Somebody deposits; returns the deposit's place.
	pub fn deposit(&mut self, asset: BridgedAsset, recipient: AccountId, amount: Balance) -> u32 {
		let index = self.deposits.len() as u32;
		let deposit = Deposit { index, asset, recipient, amount };
		self.world.append(deposit.leaf(&EthBridge::domain().unwrap()));
		self.deposits.push(deposit);
		let (flow, balance) = match asset {
			BridgedAsset::Lpt => (&mut self.world.lpt, &mut self.world.lpt_balance),
			BridgedAsset::Eth => (&mut self.world.eth, &mut self.world.eth_balance),
		};
		flow.deposited += amount;
		*balance += amount;
		index
	}

	/// The gateway pays out.
	pub fn release(&mut self, asset: BridgedAsset, amount: Balance) {
		let (flow, balance) = match asset {
			BridgedAsset::Lpt => (&mut self.world.lpt, &mut self.world.lpt_balance),
			BridgedAsset::Eth => (&mut self.world.eth, &mut self.world.eth_balance),
		};
		flow.released += amount;
		*balance -= amount;
	}

	/// Proves its figures at the next block.
	pub fn sync(&mut self) -> DispatchResult {
		self.block += 1;
		let (state_root, proof) = self.world.prove();
		Block::set(Some(ExecutionBlock {
			hash: H256::zero(),
			number: self.block,
			timestamp: self.block.saturating_mul(12),
			state_root,
		}));
		EthBridge::sync(signed(9), Box::new(header()), Box::new(proof))
			.map(|_| ())
			.map_err(|error| error.error)
	}

	/// Proves the token's total supply, at slot 0, at the next block; a test can change the proof.
	pub fn prove_supply(
		&mut self,
		supply: Balance,
		change: impl FnOnce(&mut SupplyProof),
	) -> DispatchResultWithPostInfo {
		self.block += 1;
		let (state_root, mut proof) = self.world.prove_supply(0, supply);
		change(&mut proof);
		Block::set(Some(ExecutionBlock {
			hash: H256::zero(),
			number: self.block,
			timestamp: self.block.saturating_mul(12),
			state_root,
		}));
		EthBridge::prove_supply(signed(9), Box::new(header()), Box::new(proof))
	}

	/// The path of a deposit in the current tree.
	pub fn path(&self, index: u32) -> Box<[H256; DEPTH]> {
		Box::new(path_and_root(&self.leaves(), index).0)
	}

	/// Somebody proves a deposit.
	pub fn prove(&self, index: u32) -> DispatchResult {
		take(self.deposits[index as usize].clone(), self.path(index))
	}
}

/// Somebody sends a deposit with a path.
pub fn take(deposit: Deposit, path: Box<[H256; DEPTH]>) -> DispatchResult {
	EthBridge::deposit(signed(9), deposit, path).map(|_| ()).map_err(|error| error.error)
}

/// The siblings of a leaf and the root, computed row by row.
pub fn path_and_root(leaves: &[H256], index: u32) -> ([H256; DEPTH], H256) {
	let zeros = zeros();
	let mut path = [H256::zero(); DEPTH];
	let mut row = leaves.to_vec();
	for (height, sibling) in path.iter_mut().enumerate() {
		let place = (index >> height) ^ 1;
		*sibling = row.get(place as usize).copied().unwrap_or(zeros[height]);
		if row.len() % 2 == 1 {
			row.push(zeros[height]);
		}
		row = row.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
	}
	(path, row.first().copied().unwrap_or(zeros[DEPTH]))
}

/// The balance of an account.
pub fn balance(asset: BridgedAsset, number: u8) -> Balance {
	match asset {
		BridgedAsset::Lpt => Balances::free_balance(account(number)),
		BridgedAsset::Eth => Assets::balance(ETH, account(number)),
	}
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::EthBridge(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// Adds some of both assets without backing.
pub fn pocket_money(number: u8) {
	Balances::mint_into(&account(number), 1_000).unwrap();
}

/// Mints ETH that nobody deposited.
pub fn forge_eth(number: u8, amount: Balance) {
	Assets::mint_into(ETH, &account(number), amount).unwrap();
}

/// Accounts 1 to 3 and 9 with LPT, ETH without an owner, a gateway, guardian 7 and limits.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Now::set(1);
	Round::set(0);
	Block::set(None);
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: [1, 2, 3, 9, 200]
				.into_iter()
				.map(|number| (account(number), 1_000))
				.collect(),
			..Default::default()
		},
		assets: pallet_assets::GenesisConfig {
			assets: vec![(ETH, account(100), true, MINIMUM)],
			..Default::default()
		},
		eth_bridge: pallet_eth_bridge::GenesisConfig {
			gateway: Some(place()),
			guardian: Some(account(7)),
			limits: BridgedAsset::ALL.map(|asset| (asset, LIMITS)).to_vec(),
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

/// Runs a test and then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		EthBridge::do_try_state().unwrap();
	});
}
