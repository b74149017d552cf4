//! A runtime with only the round clock, and a receiver that records its calls.

use crate as pallet_rounds;
use frame_support::{derive_impl, parameter_types, traits::OnInitialize, weights::Weight};
use livepeer_primitives::{
	params::{ProtocolParameters, RoundsParameters},
	traits::{OnNewRound, ProtocolClock, Rounds as _},
	BlockNumber, RoundIndex,
};
use sp_runtime::{BuildStorage, Perbill};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Rounds: pallet_rounds,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlockU32<Test>;
}

/// One call of the receiver: finished round, new round, and the clock at that moment.
pub type Told = (RoundIndex, RoundIndex, RoundIndex);

/// The weight that the receiver returns.
pub const RECEIVER_WEIGHT: Weight = Weight::from_parts(7, 5);

parameter_types! {
	pub static Parameters: RoundsParameters = ProtocolParameters::development().rounds;
	pub static Calls: Vec<Told> = Vec::new();
	/// The number of closed blocks.
	pub static Closed: BlockNumber = 0;
}

/// Counts every block that is not closed.
pub struct Blocks;
impl ProtocolClock for Blocks {
	fn now() -> BlockNumber {
		System::block_number() - Closed::get()
	}

	fn is_open() -> bool {
		true
	}
}

/// The receiver.
pub struct Receiver;
impl OnNewRound for Receiver {
	fn on_new_round(finished: RoundIndex, new: RoundIndex) -> Weight {
		Calls::mutate(|calls| calls.push((finished, new, Rounds::current())));
		RECEIVER_WEIGHT
	}
}

impl pallet_rounds::Config for Test {
	type Clock = Blocks;
	type OnNewRound = Receiver;
	type Parameters = Parameters;
	type WeightInfo = ();
}

/// The parameters from the next round on.
pub fn set(length: u32, lock: Perbill) {
	Parameters::set(RoundsParameters { length, lock_amount: lock });
}

/// The genesis storage under the parameters that are set now.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Calls::take();
	Closed::take();
	let storage = RuntimeGenesisConfig::default().build_storage().expect("genesis builds");
	storage.into()
}

/// Runs `test` from genesis and checks the invariants afterwards.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Rounds::do_try_state().expect("invariants hold");
	});
}

/// Begins the next block.
pub fn next_block() -> Weight {
	let now = System::block_number() + 1;
	System::reset_events();
	System::set_block_number(now);
	Rounds::on_initialize(now)
}

/// Begins every block up to `block`.
pub fn run_to(block: u32) {
	while System::block_number() < block {
		next_block();
	}
}
