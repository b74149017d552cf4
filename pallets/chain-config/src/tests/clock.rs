//! Which blocks count.

use crate::{mock::*, ClosedBlocks};
use frame_support::{assert_storage_noop, traits::Hooks};
use livepeer_primitives::{refusal::NOT_YET, traits::ProtocolClock as _};

/// Begins block `number`. Returns what the clock shows and whether the block counts.
fn begin(number: u32, closed: bool) -> (u32, bool) {
	System::set_block_number(number);
	IsClosed::set(closed);
	ChainConfig::on_initialize(number);
	IsClosed::set(false);
	(ChainConfig::now(), ChainConfig::is_open())
}

#[test]
fn clock_should_stand_in_closed_blocks_and_go_on_from_there() {
	build_and_execute(|| {
		assert_eq!(begin(1, false), (1, true));
		assert_eq!(begin(2, false), (2, true));
		assert_eq!(begin(3, true), (2, false));
		assert_eq!(begin(4, true), (2, false));
		assert_eq!(begin(5, false), (3, true));
		assert_eq!(begin(6, true), (3, false));
		assert_eq!(begin(7, false), (4, true));
		assert_eq!(ChainConfig::clock(), 4);
		assert_eq!(crate::Closed::<Test>::get(), ClosedBlocks { count: 3, newest: 6 });
	});
}

#[test]
fn open_blocks_should_write_nothing() {
	build_and_execute(|| {
		System::set_block_number(2);
		assert_storage_noop!(ChainConfig::on_initialize(2));
	});
}

#[test]
fn a_block_that_closes_after_the_clock_was_set_should_count() {
	build_and_execute(|| {
		begin(1, false);
		// What is scheduled for this block may close it; its agendas have run.
		IsClosed::set(true);
		assert_eq!((ChainConfig::now(), ChainConfig::is_open()), (1, true));
		// Duties are refused all the same, but only as early.
		assert_eq!(ChainConfig::ensure_open(), Err(NOT_YET.into()));
		IsClosed::set(false);
	});
}

#[test]
fn closed_blocks_should_end_with_the_newest_of_them_and_with_none_when_there_are_none() {
	let none = ClosedBlocks::default();
	assert!(!none.end_with(0));
	let one = none.with(7);
	assert_eq!((one.count, one.newest), (1, 7));
	assert!(one.end_with(7) && !one.end_with(8) && !one.end_with(0));
}
