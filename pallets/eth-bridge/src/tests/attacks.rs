//! Attempts to take assets that belong to others.

use crate::{
	mock::*, simulator::World, trie, Books, Error, Event, ForgedDeposit, GatewayProof,
	MessageCount, Payout, PayoutRule, Payouts, TrieProof, Undone,
};
use frame_support::{assert_noop, assert_ok, storage::with_storage_layer};
use livepeer_primitives::{
	bridge::{
		root_of_path,
		BridgedAsset::{Eth, Lpt},
		Deposit, Message, DEPTH,
	},
	ethereum::ExecutionBlock,
};
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult};

#[test]
fn attack_deposit_is_credited_twice_by_two_relayers_in_one_block() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_noop!(escrow.prove(0), Error::<Test>::AlreadyTaken);
		// A newer root does not allow it either, and neither does waiting.
		escrow.deposit(Eth, account(0), 300);
		assert_ok!(escrow.sync());
		assert_noop!(escrow.prove(0), Error::<Test>::AlreadyTaken);
		assert_ok!(escrow.prove(1));
		assert_noop!(escrow.prove(1), Error::<Test>::AlreadyTaken);
		assert_eq!(balance(Eth, 1), 300);
	});
}

#[test]
fn attack_forgery_outlives_the_recovery() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		// A forged Ethereum above every real height: one forged deposit is minted and sent back,
		// another one waits.
		let mut forged = Escrow {
			world: escrow.world.clone(),
			deposits: escrow.deposits.clone(),
			block: u64::MAX - 1,
		};
		forged.deposit(Eth, account(2), 500);
		forged.deposit(Eth, account(2), 7_000);
		assert_ok!(forged.sync());
		assert_ok!(forged.prove(1));
		assert_ok!(forged.prove(2));
		assert_ok!(EthBridge::withdraw(signed(2), Eth, address(2), 400, 0));
		// After the checkpoint, the real figures are older and the real deposits' places are taken.
		escrow.deposit(Eth, account(3), 600);
		escrow.deposit(Lpt, account(3), 200);
		assert_noop!(escrow.sync(), Error::<Test>::NotNewer);

		let undo = |origin, list: &[ForgedDeposit]| {
			with_storage_layer(|| {
				EthBridge::undo_forgery(origin, list.to_vec().try_into().unwrap())
			})
		};
		let minted = ForgedDeposit { index: 1, asset: Eth, amount: 500 };
		let waiting = ForgedDeposit { index: 2, asset: Eth, amount: 7_000 };
		let root = RuntimeOrigin::root;
		assert_noop!(undo(root(), &[minted, waiting]), Error::<Test>::BridgeGoesOn);
		assert_ok!(EthBridge::stop(root(), true, false));
		assert_noop!(undo(root(), &[minted, waiting]), Error::<Test>::BridgeGoesOn);
		assert_ok!(EthBridge::stop(root(), true, true));
		assert_noop!(undo(signed(7), &[minted, waiting]), DispatchError::BadOrigin);
		for (other, error) in [
			(ForgedDeposit { index: 3, ..minted }, Error::<Test>::NotTaken),
			(ForgedDeposit { amount: 6_999, ..waiting }, Error::<Test>::OtherDeposit),
			(ForgedDeposit { asset: Lpt, ..waiting }, Error::<Test>::OtherDeposit),
			(minted, Error::<Test>::NotTaken),
		] {
			assert_noop!(undo(root(), &[minted, other]), error);
		}
		let more = ForgedDeposit { amount: 8_000, ..minted };
		assert_noop!(undo(root(), &[more]), Error::<Test>::OtherDeposit);
		events();
		assert_ok!(undo(root(), &[minted, waiting]));
		assert_eq!(events(), [Event::ForgeryUndone { deposits: 2 }]);
		let book = Books::<Test>::get(Eth);
		assert_eq!((book.credited, book.waiting, book.sent), (300, 0, 400));
		// What was sent cannot be taken back, and the rest of the forged ETH has no backing: those
		// who leave first get the real ETH.
		assert_eq!((book.backing(), Undone::<Test>::get(Eth)), (0, 500));

		// The real figures contradict nothing, and the real deposits can be taken at their places.
		assert_ok!(escrow.sync());
		assert_eq!(events(), [Event::GatewaySynced { block: 103, deposits: 3 }]);
		assert_ok!(EthBridge::resume(root()));
		assert_noop!(take(forged.deposits[1].clone(), forged.path(1)), Error::<Test>::WrongPath);
		assert_ok!(escrow.prove(1));
		assert_ok!(escrow.prove(2));
		assert_eq!((balance(Eth, 3), balance(Lpt, 3)), (600, 1_200));
		assert_eq!(Books::<Test>::get(Eth).backing(), 500);
		escrow.release(Eth, 400);
		assert_ok!(escrow.sync());
		assert_eq!(EthBridge::bridge().stopped, [None, None]);
	});
}

#[test]
fn attack_deposit_is_changed_on_its_way() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		let deposit = escrow.deposits[0].clone();
		let changed = [
			Deposit { amount: 301, ..deposit.clone() },
			Deposit { asset: Lpt, ..deposit.clone() },
			Deposit { recipient: account(2), ..deposit.clone() },
			Deposit { index: 1, ..deposit.clone() },
			Deposit { index: 1 << 31, ..deposit },
		];
		for deposit in changed {
			assert_noop!(take(deposit, escrow.path(0)), Error::<Test>::WrongPath);
		}
	});
}

#[test]
fn attack_old_proof_with_a_new_request() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		let next = Deposit { index: 1, asset: Eth, recipient: account(2), amount: 300 };
		// The path belongs to the first leaf and proves nothing about the second.
		assert_noop!(take(next.clone(), escrow.path(0)), Error::<Test>::WrongPath);
		assert_noop!(take(next, escrow.path(1)), Error::<Test>::WrongPath);
		// The figures of an old block are submitted again.
		let (state_root, proof) = escrow.world.prove();
		let again = |number| {
			Block::set(Some(ExecutionBlock {
				hash: H256::zero(),
				number,
				timestamp: 0,
				state_root,
			}));
			EthBridge::sync(signed(9), Box::new(header()), Box::new(proof.clone()))
				.map(|_| ())
				.map_err(|error| error.error)
		};
		assert_noop!(again(escrow.block), Error::<Test>::NotNewer);
		assert_noop!(again(escrow.block - 1), Error::<Test>::NotNewer);
	});
}

#[test]
fn attack_zero_root_and_empty_proof() {
	build_and_execute(|| {
		let escrow = Escrow::new();
		let deposit = Deposit { index: 0, asset: Eth, recipient: account(1), amount: 300 };
		let nothing = || Box::new([H256::zero(); DEPTH]);
		assert_noop!(take(deposit.clone(), nothing()), Error::<Test>::WrongPath);
		let mut escrow = escrow;
		// A gateway without deposits has no root at all, so nothing is proven under zero.
		assert_ok!(escrow.sync());
		assert!(crate::Roots::<Test>::get().is_empty());
		assert_noop!(take(deposit, nothing()), Error::<Test>::WrongPath);
		// Each proof of the figures is required.
		escrow.deposit(Eth, account(1), 300);
		let (_, good) = escrow.world.prove();
		let fields: [fn(&mut GatewayProof) -> &mut TrieProof; 7] = [
			|proof| &mut proof.gateway_proof,
			|proof| &mut proof.subtrees[0].proof,
			|proof| &mut proof.lpt_proof,
			|proof| &mut proof.eth_proof,
			|proof| &mut proof.counters_proof,
			|proof| &mut proof.token_proof,
			|proof| &mut proof.lpt_balance_proof,
		];
		for field in fields {
			let mut bad = good.clone();
			field(&mut bad).clear();
			assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
			// Too many nodes, too few, or in another order.
			let mut bad = good.clone();
			let nodes = field(&mut bad);
			if nodes.try_push(nodes[0].clone()).is_ok() && nodes.len() > 2 {
				assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
			}
			let mut bad = good.clone();
			let nodes = field(&mut bad);
			if nodes.len() > 1 {
				let mut swapped = nodes.to_vec();
				swapped.swap(0, 1);
				*nodes = swapped.try_into().unwrap();
				assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
			}
		}
	});
}

/// Submits a proof at the next block of a world.
fn prove(world: &World, proof: &GatewayProof) -> DispatchResult {
	let (state_root, _) = world.prove();
	let number = 1_000;
	Block::set(Some(ExecutionBlock { hash: H256::zero(), number, timestamp: 0, state_root }));
	EthBridge::sync(signed(9), Box::new(header()), Box::new(proof.clone()))
		.map(|_| ())
		.map_err(|error| error.error)
}

#[test]
fn attack_figures_are_made_up() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		escrow.deposit(Lpt, account(1), 300);
		// With three deposits, two subtrees wait.
		escrow.deposit(Lpt, account(2), 300);
		let (_, good) = escrow.world.prove();
		let lies: [fn(&mut GatewayProof); 13] = [
			|proof| proof.gateway.balance += 1,
			|proof| proof.gateway.nonce += 1,
			|proof| proof.gateway.storage_root = H256::repeat_byte(1),
			|proof| proof.subtrees[0].root = H256::repeat_byte(1),
			|proof| proof.subtrees[0].root = H256::zero(),
			|proof| proof.subtrees.try_rotate_left(1).unwrap(),
			|proof| drop(proof.subtrees.pop()),
			|proof| {
				let one_more = proof.subtrees[1].clone();
				proof.subtrees.try_push(one_more).unwrap();
			},
			|proof| proof.lpt = H256::repeat_byte(1),
			|proof| proof.eth = H256::repeat_byte(2),
			|proof| proof.counters = H256::repeat_byte(1),
			|proof| proof.token.storage_root = H256::repeat_byte(1),
			|proof| proof.lpt_balance = 0,
		];
		for lie in lies {
			let mut bad = good.clone();
			lie(&mut bad);
			assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		}
		// Another contract, whose storage the attacker chooses.
		let mut elsewhere = escrow.world.clone();
		elsewhere.place.address = address(0xcc);
		let (state_root, proof) = elsewhere.prove();
		Block::set(Some(ExecutionBlock {
			hash: H256::zero(),
			number: 1_000,
			timestamp: 0,
			state_root,
		}));
		assert_noop!(
			EthBridge::sync(signed(9), Box::new(header()), Box::new(proof)),
			Error::<Test>::WrongProof
		);
	});
}

#[test]
fn attack_subtrees_of_another_block_are_mixed_in() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		let (_, before) = escrow.world.prove();
		escrow.deposit(Eth, account(2), 300);
		escrow.deposit(Eth, account(3), 300);
		let (_, good) = escrow.world.prove();
		// The third deposit waits at height 0, where the first one waited before.
		let mut bad = good.clone();
		bad.subtrees[0] = before.subtrees[0].clone();
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		bad.subtrees[0].proof = good.subtrees[0].proof.clone();
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		// The deposit count of one block with the subtrees of the other.
		let mut bad = good.clone();
		bad.counters = before.counters;
		bad.counters_proof = before.counters_proof.clone();
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		bad.subtrees.truncate(1);
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		let mut bad = good.clone();
		bad.subtrees = before.subtrees;
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		assert_ok!(prove(&escrow.world, &good));
	});
}

#[test]
fn attack_absent_word_is_passed_off_as_zero() {
	build_and_execute(|| {
		// Nothing was released or deposited: the words are absent, and their absence is proven as
		// well.
		let mut escrow = Escrow::new();
		assert_ok!(escrow.sync());
		escrow.deposit(Eth, account(1), 300);
		escrow.release(Eth, 100);
		let (_, good) = escrow.world.prove();
		let mut bad = good.clone();
		bad.eth = H256::zero();
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
		// The proof that another word is absent does not help either.
		bad.eth_proof = good.lpt_proof;
		assert_noop!(prove(&escrow.world, &bad), Error::<Test>::WrongProof);
	});
}

#[test]
fn attack_leaf_of_another_chain_or_kind() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		let path = escrow.path(0);
		let root = *crate::Roots::<Test>::get().last().unwrap();
		let deposit = &escrow.deposits[0];
		let ours = EthBridge::domain().unwrap();
		assert_eq!(root_of_path(deposit.leaf(&ours), 0, &path[..]), root);
		let genesis = frame_system::Pallet::<Test>::block_hash(0);
		use livepeer_primitives::bridge::domain;
		let others = [
			domain(&H256::repeat_byte(1), 1, &place().address),
			domain(&genesis, 2, &place().address),
			domain(&genesis, 1, &place().token),
		];
		for other in others {
			assert_ne!(root_of_path(deposit.leaf(&other), 0, &path[..]), root);
		}
		// A message with the same content is not a deposit.
		let message =
			Message::Withdrawal { asset: Eth, recipient: address(1), amount: 300, fee: 0 };
		assert_ne!(message.leaf(&ours, 0), deposit.leaf(&ours));
	});
}

#[test]
fn attack_what_was_minted_here_leaves_with_what_others_deposited() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Lpt, account(1), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		// Account 2's LPT was minted here. It can leave only as far as LPT came over.
		assert_noop!(
			EthBridge::withdraw(signed(2), Lpt, address(2), 301, 0),
			Error::<Test>::NotBacked
		);
		assert_ok!(EthBridge::withdraw(signed(2), Lpt, address(2), 300, 0));
		assert_noop!(
			EthBridge::withdraw(signed(1), Lpt, address(1), 10, 0),
			Error::<Test>::NotBacked
		);
		// A deposit that waits for its owner backs nobody else's LPT.
		escrow.deposit(Lpt, account(0), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(1));
		assert_noop!(
			EthBridge::withdraw(signed(1), Lpt, address(1), 10, 0),
			Error::<Test>::NotBacked
		);
	});
}

#[test]
fn attack_state_is_filled_with_messages() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(3), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		let pool = Balances::free_balance(account(200));
		for _ in 0..5 {
			assert_ok!(EthBridge::withdraw(signed(3), Eth, address(1), 1, 0));
		}
		assert_eq!(Balances::free_balance(account(200)) - pool, 5 * PRICE);
		assert_eq!(MessageCount::<Test>::get(), 5);
		// Without LPT for the price, nothing is sent.
		escrow.deposit(Eth, account(4), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(1));
		assert!(EthBridge::withdraw(signed(4), Eth, address(1), 1, 0).is_err());
	});
}

/// A derived account signs within a batch, and needs no money of its own for that.
#[test]
fn attack_state_is_filled_with_payouts() {
	build_and_execute(|| {
		let set = |number: u8, payout: Option<Payout>| {
			with_storage_layer(|| EthBridge::set_payout(signed(number), payout))
		};
		let keeping = |keep: u128| {
			Some(Payout {
				payee: address(1),
				lpt: Some(PayoutRule { keep, minimum: 1 }),
				eth: None,
			})
		};
		for derived in 50..55 {
			assert!(set(derived, keeping(0)).is_err());
		}
		assert_eq!(Payouts::<Test>::iter().count(), 0);
		let pool = Balances::free_balance(account(200));
		assert_ok!(set(1, keeping(0)));
		// A change takes no further room.
		assert_ok!(set(1, keeping(5)));
		assert_ok!(set(1, None));
		assert_eq!(Balances::free_balance(account(200)) - pool, PRICE);
		assert_eq!(Payouts::<Test>::iter().count(), 0);
	});
}

#[test]
fn attack_guardian_moves_money_or_lets_it_pass() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), MINIMUM - 1);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_ok!(EthBridge::stop(signed(7), true, true));
		let other = account(7);
		assert_noop!(EthBridge::redirect(signed(7), 0, other), Error::<Test>::NotRecipient);
		assert_noop!(EthBridge::release(signed(7), 0), Error::<Test>::BridgeStands);
		let bad = DispatchError::BadOrigin;
		assert_noop!(EthBridge::resume(signed(7)), bad);
		assert_noop!(EthBridge::set_limits(signed(7), Lpt, LIMITS), bad);
		assert_noop!(EthBridge::set_gateway(signed(7), place()), bad);
		assert_noop!(EthBridge::set_guardian(signed(7), None), bad);
		assert_noop!(EthBridge::undo_forgery(signed(7), Default::default()), bad);
		assert_noop!(EthBridge::set_supply_rule(signed(7), None), bad);
	});
}

#[test]
fn attack_deposit_for_nobody_is_taken_by_whoever_signs_for_zero() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(0), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_noop!(EthBridge::redirect(signed(0), 0, account(3)), Error::<Test>::NotRecipient);
		assert_ok!(EthBridge::redirect(RuntimeOrigin::root(), 0, account(2)));
		assert_ok!(EthBridge::release(signed(9), 0));
		assert_eq!(balance(Eth, 2), 300);
	});
}

#[test]
fn attack_oversized_proof() {
	build_and_execute(|| {
		use codec::Decode;
		// A node or a list of nodes above its bound is not even decoded.
		let node = codec::Encode::encode(&vec![vec![0u8; 641]]);
		assert!(TrieProof::decode(&mut &node[..]).is_err());
		let nodes = codec::Encode::encode(&vec![vec![0u8; 1]; 21]);
		assert!(TrieProof::decode(&mut &nodes[..]).is_err());
	});
}

/// Nodes with the right hashes, but in shapes that no trie has: they prove nothing.
#[test]
fn attack_nodes_are_bent() {
	fn string(bytes: &[u8]) -> Vec<u8> {
		alloy_rlp::encode(bytes)
	}
	fn list(items: &[&[u8]]) -> Vec<u8> {
		let payload = items.concat();
		let mut node = Vec::new();
		alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut node);
		node.extend(payload);
		node
	}
	fn proves(nodes: &[&[u8]], value: &[u8]) -> bool {
		let proof: TrieProof = nodes
			.iter()
			.map(|node| node.to_vec().try_into().unwrap())
			.collect::<Vec<_>>()
			.try_into()
			.unwrap();
		let root = sp_io::hashing::keccak_256(nodes[0]);
		trie::proves(root.into(), &[1], Some(value.to_vec()), &proof)
	}
	let hash = sp_io::hashing::keccak_256(&[1]);
	let path = string(&[&[0x20u8][..], &hash[..]].concat());
	let value = [7u8; 40];
	let text = string(&value);
	let good = list(&[&path, &text]);
	assert!(proves(&[&good], &value));
	assert!(!proves(&[&good], &value[1..]));
	// Nothing may follow a list, and a string is not a list.
	let trailing = [&good[..], &[0u8][..]].concat();
	assert!(!proves(&[&trailing], &value));
	assert!(!proves(&[&string(&[&path[..], &text[..]].concat())], &value));
	// A value is not a list; a node has two items or 17.
	assert!(!proves(&[&list(&[&path, &list(&[&text])])], &text));
	assert!(!proves(&[&list(&[&path, &text, &text])], &value));
	// The prefix of a path has one of four values.
	let unknown = string(&[&[0x40u8][..], &hash[..]].concat());
	assert!(!proves(&[&list(&[&unknown, &text])], &value));
	// A step that consumes no part of the path would walk for ever.
	let named = string(&sp_io::hashing::keccak_256(&good));
	let idle = list(&[&string(&[0]), &named]);
	assert!(!proves(&[&idle, &good], &value));
	// A leaf whose path ends early belongs to another key.
	let shorter = string(&[&[0x20u8][..], &hash[..31]].concat());
	assert!(!proves(&[&list(&[&shorter, &text])], &value));
	assert!(!proves(&[&good, &good], &value), "a node that nothing leads to");
}

proptest::proptest! {
	#![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

	#[test]
	fn trie_proofs_should_not_panic_when_fed_anything(
		nodes in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120), 0..6)
	) {
		let proof: TrieProof = nodes
			.into_iter()
			.map(|node| node.try_into().unwrap())
			.collect::<Vec<_>>()
			.try_into()
			.unwrap();
		let first = proof.first().map(|node| sp_io::hashing::keccak_256(node)).unwrap_or_default();
		let value = trie::stored(&H256::repeat_byte(1));
		proptest::prop_assert!(!trie::proves(first.into(), &[1], value, &proof));
	}

	#[test]
	fn decoders_should_not_panic_when_fed_anything(
		bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..3_000)
	) {
		use codec::Decode;
		let input = || &bytes[..];
		let _ = crate::GatewayProof::decode(&mut input());
		let _ = crate::SupplyProof::decode(&mut input());
		let _ = livepeer_primitives::ethereum::HeaderProof::decode(&mut input());
		let _ = livepeer_primitives::bridge::Message::decode(&mut input());
		let _ = crate::Call::<Test>::decode(&mut input());
	}

	#[test]
	fn changed_proof_should_never_prove(at in 0usize..4_000, bit in 0u8..8) {
		build_and_execute(|| {
			let mut escrow = Escrow::new();
			escrow.deposit(Eth, account(1), 300);
			let (state_root, mut proof) = escrow.world.prove();
			let at = at % proof.gateway_proof.iter().map(|node| node.len()).sum::<usize>();
			let mut before = 0;
			for node in proof.gateway_proof.iter_mut() {
				if (before..before + node.len()).contains(&at) {
					node[at - before] ^= 1 << bit;
				}
				before += node.len();
			}
			assert_eq!(trie::figures(state_root, &place(), &proof), None);
		});
	}
}
