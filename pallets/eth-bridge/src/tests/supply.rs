//! The LPT on Ethereum that inflation counts.

use crate::{mock::*, CountedSupply, Error, EthereumSupply, Event, SupplyProof, SupplyRule};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use livepeer_primitives::{bridge::BridgedAsset::Lpt, Balance};
use sp_core::H256;
use sp_runtime::DispatchResult;

/// The most that is counted.
const CEILING: Balance = 60_000;

fn count(slot: u64, ceiling: Balance) {
	let rule = Some(SupplyRule { slot, ceiling });
	assert_ok!(EthBridge::set_supply_rule(RuntimeOrigin::root(), rule));
}

fn unchanged(_: &mut SupplyProof) {}

/// All LPT, here and elsewhere.
fn all_lpt() -> Balance {
	EthBridge::issuance(Lpt) + EthBridge::lpt_elsewhere()
}

#[test]
fn lpt_should_be_counted_once_wherever_it_is() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		let begun = EthBridge::issuance(Lpt);
		count(0, CEILING);
		// Nothing is proven yet.
		assert_eq!(all_lpt(), begun);
		events();
		assert_ok!(escrow.prove_supply(50_000, unchanged));
		assert_eq!(events(), [Event::SupplyProven { block: 101, amount: 50_000 }]);
		assert_eq!(all_lpt(), begun + 50_000);
		// LPT that comes over, waits or goes back does not change the sum.
		let small = escrow.deposit(Lpt, account(1), 3_000);
		let large = escrow.deposit(Lpt, account(2), LIMITS.large);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(small));
		assert_eq!(EthBridge::issuance(Lpt), begun + 3_000);
		assert_eq!(all_lpt(), begun + 50_000);
		assert_ok!(escrow.prove(large));
		assert_eq!(all_lpt(), begun + 50_000);
		assert_ok!(EthBridge::withdraw(signed(1), Lpt, address(1), 1_000, 0));
		assert_eq!(EthBridge::issuance(Lpt), begun + 2_000);
		assert_eq!(all_lpt(), begun + 50_000);
	});
}

#[test]
fn nothing_should_be_counted_when_governance_has_not_said_so() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		assert_eq!(
			escrow.prove_supply(50_000, unchanged).map_err(|error| error.error),
			Err(Error::<Test>::NoSupplyRule.into())
		);
		let rule = SupplyRule { slot: 0, ceiling: CEILING };
		assert_noop!(
			EthBridge::set_supply_rule(signed(1), Some(rule)),
			sp_runtime::DispatchError::BadOrigin
		);
		count(0, CEILING);
		assert_ok!(escrow.prove_supply(50_000, unchanged));
		// A new ceiling holds at once. Another slot, or no rule, forgets what was proven.
		count(0, 100);
		assert_eq!(EthBridge::lpt_elsewhere(), 100);
		count(2, CEILING);
		assert_eq!(EthereumSupply::<Test>::get(), None);
		count(0, CEILING);
		assert_ok!(escrow.prove_supply(50_000, unchanged));
		assert_ok!(EthBridge::set_supply_rule(RuntimeOrigin::root(), None));
		assert_eq!((CountedSupply::<Test>::get(), EthereumSupply::<Test>::get()), (None, None));
		assert_eq!(EthBridge::lpt_elsewhere(), 0);
	});
}

#[test]
fn supply_should_be_proven_for_free_once_a_day() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		count(0, CEILING);
		let pays =
			|escrow: &mut Escrow| escrow.prove_supply(50_000, unchanged).map(|post| post.pays_fee);
		assert_eq!(pays(&mut escrow), Ok(Pays::No));
		assert_eq!(pays(&mut escrow), Ok(Pays::Yes));
		// A day of blocks.
		escrow.block += 7_200;
		assert_eq!(pays(&mut escrow), Ok(Pays::No));
	});
}

#[test]
fn attack_supply_is_made_up() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		count(0, CEILING);
		let wrong = |error: Error<Test>| -> DispatchResult { Err(error.into()) };
		let proven = |escrow: &mut Escrow, change: fn(&mut SupplyProof)| {
			escrow.prove_supply(50_000, change).map(|_| ()).map_err(|error| error.error)
		};
		let changes: [fn(&mut SupplyProof); 6] = [
			|proof| proof.supply += 1,
			|proof| proof.supply = 0,
			|proof| proof.token.storage_root = H256::repeat_byte(1),
			|proof| proof.token_proof = Default::default(),
			|proof| proof.supply_proof = Default::default(),
			|proof| {
				let node = proof.token_proof[0].clone();
				proof.supply_proof.try_push(node).unwrap();
			},
		];
		for change in changes {
			assert_eq!(proven(&mut escrow, change), wrong(Error::WrongProof));
		}
		assert_eq!(EthereumSupply::<Test>::get(), None);
		assert_eq!(proven(&mut escrow, unchanged), Ok(()));
		// An older proof does not replace it.
		escrow.block -= 1;
		assert_eq!(proven(&mut escrow, unchanged), wrong(Error::NotNewer));
		// The same proof does not hold for another slot.
		count(7, CEILING);
		assert_eq!(proven(&mut escrow, unchanged), wrong(Error::WrongProof));
	});
}

#[test]
fn attack_forged_supply_inflates_without_end() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		count(0, CEILING);
		assert_ok!(escrow.prove_supply(Balance::MAX, unchanged));
		assert_eq!(EthBridge::lpt_elsewhere(), CEILING);
		// Undoing a forgery also forgets the proven supply.
		assert_ok!(EthBridge::stop(RuntimeOrigin::root(), true, true));
		assert_ok!(EthBridge::undo_forgery(RuntimeOrigin::root(), Default::default()));
		assert_eq!(EthBridge::lpt_elsewhere(), 0);
		assert_ok!(escrow.prove_supply(50_000, unchanged));
		assert_eq!(EthBridge::lpt_elsewhere(), 50_000);
	});
}
