//! Finality for Ethereum: who signs, what is signed, and what signing twice costs.

use super::presets::genesis;
use crate::{
	configs::{bridge::Outbound, money::AllLpt, session::SlashedShares, staking::Equivocations},
	AllPalletsWithSystem, Beefy, BeefyMmr, EthBridge, Historical, LptStaking, Mmr, Runtime,
	RuntimeCall, RuntimeOrigin, Session, System,
};
use codec::Encode;
use frame_support::{
	assert_ok,
	dispatch::Pays,
	traits::{Get, KeyOwnerProofSystem, OnFinalize, OnInitialize, PalletsInfoAccess},
};
use livepeer_primitives::{
	bridge::{empty_root, Seal},
	traits::{Stake, Supply},
};
use sp_consensus_beefy::{
	ecdsa_crypto::{Pair, Signature},
	known_payloads::MMR_ROOT_ID,
	mmr::BeefyDataProvider,
	Commitment, DoubleVotingProof, FutureBlockVotingProof, Payload, VoteMessage,
};
use sp_core::{crypto::Wraps, ByteArray, Pair as _, H256};
use sp_io::hashing::keccak_256;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave};
use sp_mmr_primitives::LeafDataProvider;
use sp_runtime::{traits::Dispatchable, Perbill};
use sp_staking::offence::{OffenceDetails, OnOffenceHandler};

const LOCAL: &str = sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET;

fn place_of(name: &str) -> usize {
	let names: Vec<_> = AllPalletsWithSystem::infos().into_iter().map(|info| info.name).collect();
	names.iter().position(|other| *other == name).unwrap()
}

#[test]
fn validators_should_sign_for_ethereum_from_the_first_block() {
	genesis(LOCAL).execute_with(|| {
		let set = Beefy::validator_set().unwrap();
		assert_eq!((set.len(), set.id()), (5, 0));
		let [current, next] =
			[BeefyMmr::authority_set_proof(), BeefyMmr::next_authority_set_proof()];
		assert_eq!((current.id, current.len), (0, 5));
		assert_eq!((next.id, next.len), (1, 5));
	});
}

#[test]
fn mmr_should_come_after_session_so_that_a_leaf_names_the_validators_to_come() {
	assert!(place_of("Mmr") > place_of("Session"));
	assert!(place_of("Mmr") > place_of("Beefy"));
	genesis(LOCAL).execute_with(|| {
		System::set_block_number(1);
		Session::rotate_session();
		let set = Beefy::validator_set().unwrap();
		let leaf = BeefyMmr::leaf_data();
		assert_eq!(leaf.beefy_next_authority_set.id, set.id() + 1);
		assert_eq!(leaf.encode().len(), 121, "what the contract reads");
	});
}

#[test]
fn inflation_should_go_by_the_lpt_on_ethereum_too_when_that_is_counted() {
	use pallet_eth_bridge::{CountedSupply, EthereumSupply, ProvenSupply, SupplyRule};
	genesis(LOCAL).execute_with(|| {
		let here = AllLpt::total();
		EthereumSupply::<Runtime>::put(ProvenSupply { block: 1, time: 1, amount: 7_000 });
		assert_eq!(AllLpt::total(), here);
		CountedSupply::<Runtime>::put(SupplyRule { slot: 0, ceiling: 5_000 });
		assert_eq!(AllLpt::total(), here + 5_000);
		CountedSupply::<Runtime>::put(SupplyRule { slot: 0, ceiling: 50_000 });
		assert_eq!(AllLpt::total(), here + 7_000);
	});
}

/// The weak subjectivity period of Gloas is seven days (EIP-8061); that of Fulu was a month.
#[test]
fn client_of_ethereum_should_expire_before_those_who_signed_can_have_left() {
	type Client = <Runtime as pallet_eth_light_client::Config>::WeakSubjectivity;
	let slots_per_day = 24 * 3_600 / 12;
	assert!(<Client as Get<u64>>::get() < 7 * slots_per_day);
}

#[test]
fn attack_leaf_of_a_sibling_block() {
	genesis(LOCAL).execute_with(|| {
		let of_parent = Outbound::extra_data();
		assert_eq!(of_parent, Seal { outbound_root: empty_root(), time: 0 });
		// Whatever a block does, its own leaf states what its parent did.
		System::set_block_number(1);
		pallet_eth_bridge::OutboundRoot::<Runtime>::put(H256::repeat_byte(1));
		pallet_timestamp::Now::<Runtime>::put(42);
		assert_eq!(BeefyMmr::leaf_data().leaf_extra, of_parent);
		EthBridge::on_finalize(1);
		let sealed = Seal { outbound_root: H256::repeat_byte(1), time: 42 };
		assert_eq!(BeefyMmr::leaf_data().leaf_extra, sealed);
	});
}

#[test]
fn every_block_should_have_a_leaf() {
	genesis(LOCAL).execute_with(|| {
		for number in 1..4 {
			System::set_block_number(number);
			Mmr::on_initialize(number);
			assert_eq!(Mmr::mmr_leaves(), u64::from(number));
		}
		assert_ne!(Mmr::mmr_root(), H256::zero());
	});
}

fn pair(of: Sr25519Keyring) -> Pair {
	Pair::from_string(&format!("//{of}"), None).unwrap()
}

/// A validator's vote for this root at block 1.
fn vote(
	of: Sr25519Keyring,
	root: H256,
) -> VoteMessage<u32, sp_consensus_beefy::ecdsa_crypto::AuthorityId, Signature> {
	let commitment = Commitment {
		payload: Payload::from_single_entry(MMR_ROOT_ID, root.encode()),
		block_number: 1,
		validator_set_id: Beefy::validator_set().unwrap().id(),
	};
	let signature = pair(of).as_inner_ref().sign_prehashed(&keccak_256(&commitment.encode()));
	let id =
		sp_consensus_beefy::ecdsa_crypto::AuthorityId::from_slice(pair(of).public().as_slice())
			.unwrap();
	VoteMessage { commitment, id, signature: signature.into() }
}

#[test]
fn vote_for_two_roots_should_cost_stake_when_it_is_reported() {
	genesis(LOCAL).execute_with(|| {
		System::set_block_number(2);
		let first = vote(Bob, H256::repeat_byte(1));
		let key = (sp_consensus_beefy::KEY_TYPE, first.id.clone());
		let key_owner_proof = Historical::prove(key).unwrap();
		let before = LptStaking::self_bond(&Bob.to_account_id());
		let report: RuntimeCall = pallet_beefy::Call::report_double_voting_unsigned {
			equivocation_proof: Box::new(DoubleVotingProof {
				first,
				second: vote(Bob, H256::repeat_byte(2)),
			}),
			key_owner_proof,
		}
		.into();
		assert_ok!(report.dispatch(RuntimeOrigin::none()).map_err(|error| error.error));
		let left = LptStaking::self_bond(&Bob.to_account_id());
		let lost = Perbill::from_rational(before - left, before);
		assert!(lost >= crate::constants::consensus::EQUIVOCATION_SLASH, "{lost:?}");
		assert!(lost < Perbill::from_percent(31), "{lost:?}");
		assert!(Session::disabled_validators().len() == 1);
	});
}

/// Nodes do not see a vote that was only sent to Ethereum. Anybody can report it.
#[test]
fn vote_for_a_block_that_is_not_there_should_cost_stake_when_it_is_reported() {
	genesis(LOCAL).execute_with(|| {
		System::set_block_number(1);
		let vote = vote(Bob, H256::repeat_byte(1));
		let key = (sp_consensus_beefy::KEY_TYPE, vote.id.clone());
		let key_owner_proof = Historical::prove(key).unwrap();
		let before = LptStaking::self_bond(&Bob.to_account_id());
		let report: RuntimeCall = pallet_beefy::Call::report_future_block_voting {
			equivocation_proof: Box::new(FutureBlockVotingProof { vote }),
			key_owner_proof,
		}
		.into();
		let reporter = RuntimeOrigin::signed(Alice.to_account_id());
		let reported = report.dispatch(reporter).map_err(|error| error.error);
		assert_eq!(reported.map(|done| done.pays_fee), Ok(Pays::No));
		let left = LptStaking::self_bond(&Bob.to_account_id());
		let lost = Perbill::from_rational(before - left, before);
		assert!(lost >= crate::constants::consensus::EQUIVOCATION_SLASH, "{lost:?}");
	});
}

/// A report of one validator, with the share that the SDK asks for a vote for a fork.
fn report(of: Sr25519Keyring) {
	let offence = OffenceDetails {
		offender: (of.to_account_id(), ()),
		reporters: Vec::<crate::AccountId>::new(),
	};
	let _ = Equivocations::on_offence(&[offence], &[Perbill::from_percent(50)], 0);
}

#[test]
fn signing_twice_should_cost_everything_when_a_third_did_in_one_session() {
	genesis(LOCAL).execute_with(|| {
		System::set_block_number(2);
		let bond = |of: Sr25519Keyring| LptStaking::self_bond(&of.to_account_id());
		report(Bob);
		assert!(bond(Bob) > 0);
		// Two of five are over a third, whatever they signed twice and whenever that was reported.
		report(Dave);
		assert_eq!((bond(Bob), bond(Dave)), (0, 0));
		assert!(bond(Alice) > 0 && bond(Charlie) > 0);
		for of in [Bob, Dave] {
			assert_eq!(SlashedShares::get(0, of.to_account_id()), Some(Perbill::one()));
		}
	});
}

#[test]
fn reports_should_stay_open_when_the_chain_is_closed() {
	use crate::configs::governance::AlwaysOpen;
	use frame_support::traits::Contains;
	let call: RuntimeCall = pallet_beefy::Call::set_new_genesis { delay_in_blocks: 1 }.into();
	assert!(AlwaysOpen::contains(&call));
}

#[test]
fn guardian_should_stop_the_bridge_when_the_chain_is_closed() {
	use crate::configs::governance::AlwaysOpen;
	use frame_support::traits::Contains;
	let stop: RuntimeCall = pallet_eth_bridge::Call::stop { inbound: true, outbound: true }.into();
	genesis(LOCAL).execute_with(|| assert!(AlwaysOpen::contains(&stop)));
}

#[test]
fn leaf_should_be_what_the_contract_reads() {
	use codec::DecodeAll;
	let vectors: serde_json::Value =
		serde_json::from_str(include_str!("../../../tests/bridge/vectors.json")).unwrap();
	let bytes =
		|value: &serde_json::Value| sp_core::bytes::from_hex(value.as_str().unwrap()).unwrap();
	let range = vectors["finality"]["range"].as_array().unwrap();
	assert!(!range.is_empty());
	for entry in range {
		let encoded = bytes(&entry["leaf"]);
		let leaf = crate::configs::bridge::MmrLeaf::decode_all(&mut &encoded[..]).unwrap();
		assert_eq!(keccak_256(&encoded)[..], bytes(&entry["hash"]));
		assert_eq!(Some(u64::from(leaf.parent_number_and_hash.0)), entry["parentNumber"].as_u64());
		assert_eq!(leaf.leaf_extra.outbound_root.0[..], bytes(&entry["outboundRoot"]));
		assert_eq!(Some(leaf.leaf_extra.time), entry["time"].as_u64());
		let (next, expected) = (leaf.beefy_next_authority_set, &entry["next"]);
		assert_eq!(Some(next.id), expected["id"].as_u64());
		assert_eq!(Some(u64::from(next.len)), expected["length"].as_u64());
		assert_eq!(next.keyset_commitment.0[..], bytes(&expected["root"]));
	}
}
