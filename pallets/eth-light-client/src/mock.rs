//! A runtime with this pallet and a clock that tests set.
#![allow(clippy::unwrap_used)]

use crate as pallet_eth_light_client;
use crate::{simulator, Event, Layout, Network, Update};
use frame_support::{derive_impl, dispatch::Pays, parameter_types, traits::UnixTime};
use sp_core::{ConstU64, H256};
use sp_runtime::{BuildStorage, DispatchError};
use std::time::Duration;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		EthLightClient: pallet_eth_light_client,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Test>;
}

parameter_types! {
	pub static Seconds: u64 = 0;
}

/// The time that a test has set.
pub struct Clock;

impl UnixTime for Clock {
	fn now() -> Duration {
		Duration::from_secs(Seconds::get())
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::SetTime for Clock {
	fn set_seconds(seconds: u64) {
		Seconds::set(seconds);
	}
}

/// For how many slots a finalised block can prove something.
pub const MAX_AGE: u64 = 10_800;
/// For how many slots updates are accepted.
pub const WEAK_SUBJECTIVITY: u64 = 100_800;

impl crate::Config for Test {
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkTime = Clock;
	type FreeInterval = ConstU64<32>;
	type MaxAge = ConstU64<MAX_AGE>;
	type Time = Clock;
	type WeakSubjectivity = ConstU64<WEAK_SUBJECTIVITY>;
	type WeightInfo = ();
}

/// The fork version of simulated networks.
pub const VERSION: [u8; 4] = [6, 0, 0, 0];

/// A client of a simulated network that has started at `slot` with committee 0. The chain's clock
/// is `ahead` slots later.
pub fn started(layout: Layout, slot: u64, ahead: u64) -> (Network, simulator::Block) {
	let network = simulator::network(VERSION, layout);
	start_on(&network, slot, ahead)
}

/// The same, on a given network.
pub fn start_on(network: &Network, slot: u64, ahead: u64) -> (Network, simulator::Block) {
	Seconds::set(slot + ahead);
	let block = simulator::block(network, slot, [0, 1], H256::zero());
	EthLightClient::set_network(RuntimeOrigin::root(), network.clone()).unwrap();
	EthLightClient::set_checkpoint(RuntimeOrigin::root(), block.root()).unwrap();
	EthLightClient::bootstrap(RuntimeOrigin::signed(1), Box::new(block.bootstrap(0))).unwrap();
	System::reset_events();
	(network.clone(), block)
}

/// Somebody submits an update. Returns whether it was free.
pub fn submit(update: Update) -> Result<bool, DispatchError> {
	EthLightClient::submit(RuntimeOrigin::signed(1), Box::new(update))
		.map(|info| info.pays_fee == Pays::No)
		.map_err(|error| error.error)
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::EthLightClient(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// A state at block 1 in which nothing is known.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Seconds::set(0);
	let storage = RuntimeGenesisConfig::default().build_storage().unwrap();
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test and checks the invariants afterwards.
pub fn build_and_execute<R>(test: impl FnOnce() -> R) -> R {
	new_test_ext().execute_with(|| {
		let result = test();
		EthLightClient::do_try_state().unwrap();
		result
	})
}
