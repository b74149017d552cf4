//! Three fees that users will know by heart. A change of weights may move them only on purpose.

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
fn transfer_should_cost_about_half_a_thousandth_when_blocks_are_not_full() {
	let fee = price(
		pallet_balances::Call::transfer_keep_alive {
			dest: AccountId::new([2; 32]).into(),
			value: LPT,
		}
		.into(),
	);
	assert!(about(fee, MILLI_LPT / 2), "{fee}");
}

#[test]
fn eth_transfer_should_cost_a_fifth_more_when_blocks_are_not_full() {
	let fee = price(
		pallet_assets::Call::transfer_keep_alive {
			id: livepeer_primitives::ETH.into(),
			target: AccountId::new([2; 32]).into(),
			amount: LPT,
		}
		.into(),
	);
	assert!(about(fee, MILLI_LPT * 3 / 5), "{fee}");
}

#[test]
fn fee_in_another_asset_than_eth_should_be_refused_with_its_own_error() {
	use crate::{Runtime, RuntimeOrigin};
	use frame_support::dispatch::GetDispatchInfo as _;
	use sp_keyring::Sr25519Keyring::Alice;
	use sp_runtime::{
		traits::{TransactionExtension, TxBaseImplication},
		transaction_validity::{InvalidTransaction, TransactionSource::External},
	};
	type Charge = pallet_asset_tx_payment::ChargeAssetTxPayment<Runtime>;
	super::presets::genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		let call: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
		let validate = |asset| {
			let origin = RuntimeOrigin::signed(Alice.to_account_id());
			let info = call.get_dispatch_info();
			Charge::from(0, asset)
				.validate(origin, &call, &info, 100, (), &TxBaseImplication(()), External)
				.map(|_| ())
		};
		let refused = InvalidTransaction::Custom(fee::FEE_ASSET_REFUSED).into();
		assert_eq!(validate(None), Ok(()));
		assert_eq!(validate(Some(livepeer_primitives::ETH)), Ok(()));
		assert_eq!(validate(Some(livepeer_primitives::ETH + 1)), Err(refused));
	});
}

#[test]
fn extensions_should_stay_as_wallets_know_them_when_others_are_changed() {
	use crate::TxExtension;
	use frame_metadata_hash_extension::CheckMetadataHash;
	use sp_runtime::traits::TransactionExtension;
	let names: Vec<_> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
		.into_iter()
		.map(|extension| extension.identifier)
		.collect();
	let expected = [
		"AuthorizeCall",
		"CheckNonZeroSender",
		"CheckSpecVersion",
		"CheckTxVersion",
		"CheckGenesis",
		"CheckMortality",
		"CheckNonce",
		"CheckWeight",
		"ChargeAssetTxPayment",
		"CheckMetadataHash",
		"WeightReclaim",
	];
	assert_eq!(names, expected);
	// Era, nonce, tip, no asset, no metadata hash.
	assert_eq!(crate::tx_extension(Era::Immortal, 1, 2).encode(), [0, 1 << 2, 2 << 2, 0, 0]);
	let charge = pallet_asset_tx_payment::ChargeAssetTxPayment::<crate::Runtime>::from(3, Some(1));
	assert_eq!(charge.encode(), [3 << 2, 1, 1, 0, 0, 0]);
	assert_eq!(CheckMetadataHash::<crate::Runtime>::new(true).encode(), [1]);
}

#[test]
fn full_block_should_cost_more_than_a_third_of_an_lpt_when_the_price_is_at_its_floor() {
	let normal = crate::constants::block::NORMAL_RATIO * crate::constants::block::MAXIMUM_WEIGHT;
	assert!(Balance::from(normal.ref_time()) * fee::PER_PICOSECOND > LPT / 3);
}

/// When agendas are behind, they and operators' duties leave no room for transactions. If such
/// blocks counted as empty, transactions would become cheap just when room is scarce.
#[test]
fn price_should_rise_when_hooks_and_duties_fill_blocks() {
	use crate::{
		configs::transactions::PriceByFullness, constants::block::MAXIMUM_WEIGHT, Runtime, System,
	};
	use frame_support::{dispatch::DispatchClass, weights::Weight};
	use pallet_transaction_payment::{Multiplier, MultiplierUpdate};
	use sp_runtime::traits::Convert;
	let start = Multiplier::from_u32(2);
	// The price after a block that is filled, in percent of a whole block, by hooks, by duties and
	// by normal transactions.
	let after = |start: Multiplier, hooks: u64, duties: u64, normal: u64| {
		sp_io::TestExternalities::default().execute_with(|| {
			frame_system::BlockWeight::<Runtime>::kill();
			for (percent, class) in [
				(hooks, DispatchClass::Mandatory),
				(duties, DispatchClass::Operational),
				(normal, DispatchClass::Normal),
			] {
				let weight = Weight::from_parts(MAXIMUM_WEIGHT.ref_time() / 100 * percent, 0);
				System::register_extra_weight_unchecked(weight, class);
			}
			PriceByFullness::convert(start)
		})
	};
	let full = after(start, 0, 0, 75);
	assert!(full > start, "normal transactions fill their part");
	for (hooks, duties, normal) in [(60, 40, 0), (90, 10, 0), (50, 0, 50), (100, 25, 0)] {
		assert_eq!(after(start, hooks, duties, normal), full, "{hooks}, {duties}, {normal}");
	}
	assert!(after(start, 90, 0, 0) > start);
	// Normal transactions use a fifth of their part, and there is little besides: less than the
	// target.
	assert!(after(start, 5, 0, 15) < start);
	assert!(after(start, 0, 0, 0) < after(start, 5, 0, 15));
	let (least, most) = (PriceByFullness::min(), PriceByFullness::max());
	assert_eq!(after(least, 0, 0, 0), least);
	assert!(after(least, 60, 40, 0) > least);
	assert_eq!(after(most, 60, 40, 0), most);
}

#[test]
fn remark_should_not_be_free_when_it_is_large() {
	let fee = price(frame_system::Call::remark { remark: vec![0; 100_000] }.into());
	assert!(about(fee, 200 * MILLI_LPT), "{fee}");
}
