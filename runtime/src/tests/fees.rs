//! Three prices that everybody will know. A change of weights that moves them must be meant.

use crate::{
	constants::{fee, money::*},
	AccountId, Balance, RuntimeCall, TransactionPayment, UncheckedExtrinsic,
};
use codec::Encode;
use frame_support::dispatch::GetDispatchInfo;
use sp_runtime::{generic::Era, MultiSignature};

/// The fee of `call` when an account signs it, with the price of execution at its floor.
fn price(call: RuntimeCall) -> Balance {
	sp_io::TestExternalities::default().execute_with(|| {
		let transaction = UncheckedExtrinsic::new_signed(
			call,
			AccountId::new([1; 32]).into(),
			MultiSignature::Sr25519(Default::default()),
			crate::tx_extension(Era::mortal(64, 0), 0, 0),
		);
		let length = transaction.encode().len() as u32;
		let info = transaction.get_dispatch_info();
		TransactionPayment::compute_fee(length, &info, 0)
	})
}

fn about(price: Balance, expected: Balance) -> bool {
	price > expected * 9 / 10 && price < expected * 11 / 10
}

#[test]
fn transfer_should_cost_about_a_thousandth_when_blocks_are_not_full() {
	let fee = price(
		pallet_balances::Call::transfer_keep_alive {
			dest: AccountId::new([2; 32]).into(),
			value: LPT,
		}
		.into(),
	);
	assert!(about(fee, MILLI_LPT), "{fee}");
}

#[test]
fn eth_transfer_should_cost_a_quarter_more_when_blocks_are_not_full() {
	let fee = price(
		pallet_assets::Call::transfer_keep_alive {
			id: livepeer_primitives::ETH.into(),
			target: AccountId::new([2; 32]).into(),
			amount: LPT,
		}
		.into(),
	);
	assert!(about(fee, MILLI_LPT * 5 / 4), "{fee}");
}

#[test]
fn full_block_should_cost_more_than_one_lpt_when_the_price_is_at_its_floor() {
	let normal = crate::constants::block::NORMAL_RATIO * crate::constants::block::MAXIMUM_WEIGHT;
	assert!(Balance::from(normal.ref_time()) * fee::PER_PICOSECOND > LPT);
}

#[test]
fn remark_should_not_be_free_when_it_is_large() {
	let fee = price(frame_system::Call::remark { remark: vec![0; 100_000] }.into());
	assert!(about(fee, 200 * MILLI_LPT), "{fee}");
}
