//! Whatever happens, in whatever order: nothing is lost and nothing comes from nowhere.

use crate::{mock::*, Books, ForgedDeposit, Payout, PayoutRule, Undone, Waiting};
use frame_support::{
	assert_ok,
	storage::with_storage_layer,
	traits::{
		fungible::Mutate,
		tokens::{Fortitude, Precision, Preservation},
		OnInitialize,
	},
};
use livepeer_primitives::bridge::BridgedAsset;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
	Deposit(bool, u8, u128),
	Sync,
	Reorg,
	Prove(u32),
	Release(u32),
	Redirect(u32, u8),
	Withdraw(bool, u8, u128),
	PayOut(bool, u8),
	Pay(bool, u128),
	Inflate(u8, u128),
	Slash(u8, u128),
	Forge(bool, u8, u128),
	Pass(u32),
	Round,
	Stop,
	Resume,
}

fn step() -> impl Strategy<Value = Step> {
	let number = 0u8..5;
	prop_oneof![
		3 => (any::<bool>(), number.clone(), 1u128..8_000)
			.prop_map(|(eth, to, amount)| Step::Deposit(eth, to, amount)),
		3 => Just(Step::Sync),
		1 => Just(Step::Reorg),
		6 => (0u32..12).prop_map(Step::Prove),
		2 => (0u32..12).prop_map(Step::Release),
		1 => ((0u32..12), number.clone()).prop_map(|(index, to)| Step::Redirect(index, to)),
		4 => (any::<bool>(), number.clone(), 1u128..3_000)
			.prop_map(|(eth, from, amount)| Step::Withdraw(eth, from, amount)),
		2 => (any::<bool>(), number.clone()).prop_map(|(eth, of)| Step::PayOut(eth, of)),
		1 => (number.clone(), 1u128..2_000).prop_map(|(to, amount)| Step::Inflate(to, amount)),
		1 => (number.clone(), 1u128..2_000).prop_map(|(of, amount)| Step::Slash(of, amount)),
		1 => (any::<bool>(), number, 1u128..8_000)
			.prop_map(|(eth, to, amount)| Step::Forge(eth, to, amount)),
		2 => (any::<bool>(), 1u128..3_000).prop_map(|(eth, amount)| Step::Pay(eth, amount)),
		2 => (1u32..400).prop_map(Step::Pass),
		1 => Just(Step::Round),
		1 => Just(Step::Stop),
		1 => Just(Step::Resume),
	]
}

fn asset(eth: bool) -> BridgedAsset {
	if eth {
		BridgedAsset::Eth
	} else {
		BridgedAsset::Lpt
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(60))]

	#[test]
	fn money_should_be_conserved_over_both_chains(steps in prop::collection::vec(step(), 1..60)) {
		build_and_execute(|| {
			let mut escrow = Escrow::new();
			escrow.world.others = 3;
			let mut proven = (escrow.world.clone(), escrow.deposits.clone());
			let rule = Some(PayoutRule { keep: 20, minimum: 1 });
			for number in 1..4 {
				let payout = Payout { payee: address(number), lpt: rule, eth: rule };
				assert_ok!(EthBridge::set_payout(signed(number), Some(payout)));
			}
			let mut lpt = EthBridge::issuance(BridgedAsset::Lpt);
			for step in steps {
				match step {
					Step::Deposit(eth, to, amount) => {
						escrow.deposit(asset(eth), account(to), amount);
					}
					Step::Sync => {
						assert_ok!(escrow.sync());
						proven = (escrow.world.clone(), escrow.deposits.clone());
					}
					// Ethereum drops everything after the final block that was proven last. New
					// deposits take the places of the dropped ones, and payments that were dropped
					// are due again.
					Step::Reorg => (escrow.world, escrow.deposits) = proven.clone(),
					Step::Prove(index) => {
						if (index as usize) < escrow.deposits.len() {
							let _ = escrow.prove(index);
						}
					}
					Step::Release(index) => {
						let _ = EthBridge::release(signed(9), index);
					}
					Step::Redirect(index, to) => {
						let _ = EthBridge::redirect(RuntimeOrigin::root(), index, account(to));
					}
					Step::Withdraw(eth, from, amount) => {
						let _ = with_storage_layer(|| {
							EthBridge::withdraw(signed(from), asset(eth), address(1), amount, 0)
						});
					}
					Step::PayOut(eth, of) => {
						let _ = with_storage_layer(|| {
							EthBridge::pay_out(signed(9), account(of), asset(eth))
						});
					}
					// LPT is also minted and burned here, without the bridge.
					Step::Inflate(to, amount) => {
						if Balances::mint_into(&account(to), amount).is_ok() {
							lpt += amount;
						}
					}
					Step::Slash(of, amount) => {
						let (how, exactly) = (Preservation::Expendable, Precision::BestEffort);
						let _ = Balances::burn_from(
							&account(of),
							amount,
							how,
							exactly,
							Fortitude::Force,
						);
					}
					// Ethereum is forged: it has a deposit that nobody made. Governance finds out.
					Step::Forge(eth, to, amount) => {
						let mut forged = Escrow {
							world: escrow.world.clone(),
							deposits: escrow.deposits.clone(),
							block: escrow.block,
						};
						let index = forged.deposit(asset(eth), account(to), amount);
						assert_ok!(forged.sync());
						let taken = with_storage_layer(|| forged.prove(index)).is_ok();
						escrow.block = forged.block;
						let forgery = ForgedDeposit { index, asset: asset(eth), amount };
						let undone: Vec<_> = taken.then_some(forgery).into_iter().collect();
						let undone = undone.try_into().unwrap();
						assert_ok!(EthBridge::stop(RuntimeOrigin::root(), true, true));
						assert_ok!(EthBridge::undo_forgery(RuntimeOrigin::root(), undone));
						assert_ok!(EthBridge::resume(RuntimeOrigin::root()));
					}
					// The gateway pays at most what it was told to pay.
					Step::Pay(eth, amount) => {
						let flow = match eth {
							true => escrow.world.eth,
							false => escrow.world.lpt,
						};
						let sent = Books::<Test>::get(asset(eth)).sent;
						escrow.release(asset(eth), amount.min(sent - flow.released));
					}
					Step::Pass(blocks) => Now::mutate(|now| *now += blocks),
					Step::Round => {
						Round::mutate(|round| *round += 1);
						EthBridge::on_initialize(1);
					}
					Step::Stop => {
						assert_ok!(EthBridge::stop(signed(7), true, true));
					}
					Step::Resume => {
						assert_ok!(EthBridge::resume(RuntimeOrigin::root()));
					}
				}
				EthBridge::do_try_state().unwrap();
				for kind in BridgedAsset::ALL {
					let book = Books::<Test>::get(kind);
					let begun = if kind == BridgedAsset::Lpt { lpt } else { 0 };
					// Exact to the unit; for LPT, remainders below the existential deposit are
					// gone.
					let issued = EthBridge::issuance(kind);
					// What was credited for a forgery is still there, without backing.
					let all = begun + book.backing() + Undone::<Test>::get(kind);
					assert!(issued <= all);
					assert!(kind == BridgedAsset::Lpt || issued == all);
					let (flow, balance) = match kind {
						BridgedAsset::Lpt => (escrow.world.lpt, escrow.world.lpt_balance),
						BridgedAsset::Eth => (escrow.world.eth, escrow.world.eth_balance),
					};
					assert_eq!(balance, flow.deposited - flow.released);
					assert!(balance >= book.backing() + book.waiting);
				}
			}
			// Everything taken has an owner or waits for one.
			let waiting: u128 = Waiting::<Test>::iter_values().map(|waiting| waiting.amount).sum();
			let booked: u128 =
				BridgedAsset::ALL.map(|kind| Books::<Test>::get(kind).waiting).iter().sum();
			assert_eq!(waiting, booked);
		});
	}
}
