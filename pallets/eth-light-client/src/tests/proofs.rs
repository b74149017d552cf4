//! Final beacon blocks prove execution blocks.

use crate::{mock::*, simulator, verify, Error, Layout};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::ethereum::{ClientHealth, EthereumChain};
use proptest::prelude::*;
use sp_core::H256;

#[test]
fn execution_block_should_be_proven_when_its_beacon_block_is_final() {
	for layout in [Layout::DENEB, Layout::ELECTRA, Layout::GLOAS] {
		build_and_execute(|| {
			let (_, first) = started(layout, 64, 10);
			let proven = EthLightClient::execution_block(&first.proof()).unwrap();
			assert_eq!((proven.number, proven.timestamp), (64, 64));
			assert_eq!(proven.state_root, H256::repeat_byte(3));
			assert_eq!(proven.hash, first.execution.0);
		});
	}
}

#[test]
fn proofs_should_end_when_the_client_is_stale_and_go_on_when_it_is_brought_up_to_date() {
	build_and_execute(|| {
		let (network, first) = started(Layout::GLOAS, 64, MAX_AGE);
		assert_ok!(EthLightClient::execution_block(&first.proof()));
		Seconds::set(64 + MAX_AGE + 1);
		assert_eq!(EthLightClient::health(), ClientHealth::Stale { age: MAX_AGE + 1 });
		assert_noop!(EthLightClient::execution_block(&first.proof()), Error::<Test>::Stale);
		let finalized = simulator::block(&network, 8_000, [0, 1], first.root());
		let attested = simulator::block(&network, 8_064, [0, 1], finalized.root());
		assert_ok!(submit(attested.update(&network, &finalized, 0, 400, None)));
		assert_ok!(EthLightClient::execution_block(&finalized.proof()));
	});
}

#[test]
fn header_should_be_refused_when_it_is_not_the_one_that_was_hashed() {
	build_and_execute(|| {
		let (_, first) = started(Layout::GLOAS, 64, 10);
		let mut other = first.proof();
		other.header =
			simulator::execution_header(64, 64, H256::repeat_byte(4)).try_into().unwrap();
		assert_noop!(EthLightClient::execution_block(&other), Error::<Test>::WrongHashBranch);
		let mut longer = first.proof();
		longer.header.try_push(0).unwrap();
		assert_noop!(
			EthLightClient::execution_block(&longer),
			Error::<Test>::InvalidExecutionHeader
		);
		let mut empty = first.proof();
		empty.hash_branch.clear();
		assert_noop!(EthLightClient::execution_block(&empty), Error::<Test>::WrongHashBranch);
	});
}

#[test]
fn header_should_be_refused_when_a_field_is_no_string_or_no_number() {
	let good = simulator::execution_header(5, 6, H256::repeat_byte(1));
	assert!(verify::execution_block(&good).is_some());
	for cut in 0..good.len() {
		assert!(verify::execution_block(&good[..cut]).is_none());
	}
	// A list in place of a field, leading zeros in a number, too few fields.
	let list = |fields: &[&[u8]]| {
		let payload = fields.concat();
		let mut bytes = Vec::new();
		alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut bytes);
		[bytes, payload].concat()
	};
	let root = [&[0xa0][..], &[1; 32]].concat();
	let with = |number: &'static [u8], last: &'static [u8]| {
		let mut fields: Vec<&[u8]> = vec![&[0x80]; 15];
		(fields[3], fields[8], fields[14]) = (&root, number, last);
		list(&fields)
	};
	assert!(verify::execution_block(&with(&[5], &[0x80])).is_some());
	assert!(verify::execution_block(&with(&[0x82, 0, 5], &[0x80])).is_none());
	assert!(verify::execution_block(&with(&[0], &[0x80])).is_none());
	assert!(verify::execution_block(&with(&[5], &[0xc0])).is_none());
	let few: Vec<&[u8]> = vec![&[0x80]; 14];
	assert!(verify::execution_block(&list(&few)).is_none());
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(256))]

	#[test]
	fn decoders_should_not_panic_when_fed_anything(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
		let _ = verify::execution_block(&bytes);
		let _ = <crate::Update as codec::Decode>::decode(&mut &bytes[..]);
		let _ = <crate::Bootstrap as codec::Decode>::decode(&mut &bytes[..]);
	}
}

proptest! {
	// Each case signs and verifies again.
	#![proptest_config(ProptestConfig::with_cases(16))]

	#[test]
	fn changed_header_should_never_prove_another_state(at in 0usize..600, to in any::<u8>()) {
		build_and_execute(|| {
			let (_, first) = started(Layout::GLOAS, 64, 10);
			let mut proof = first.proof();
			let at = at % proof.header.len();
			prop_assume!(proof.header[at] != to);
			proof.header[at] = to;
			prop_assert!(EthLightClient::execution_block(&proof).is_err());
			Ok(())
		})?;
	}
}

/// The fields that are read from a header, at their bounds. More fields may come from a later fork;
/// fewer fields are invalid.
#[test]
fn execution_header_should_be_read_by_the_places_of_its_fields() {
	fn list(items: &[Vec<u8>]) -> Vec<u8> {
		let payload = items.concat();
		let mut bytes = Vec::new();
		alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut bytes);
		bytes.extend(payload);
		bytes
	}
	let string = |bytes: &[u8]| -> Vec<u8> { alloy_rlp::encode(bytes) };
	let header = |count: usize| {
		let mut fields = vec![string(&[]); count];
		fields[3] = string(&[7; 32]);
		fields[8] = string(&[1, 0]);
		fields[11] = string(&[9]);
		fields
	};
	for count in [15, 16, 30] {
		let bytes = list(&header(count));
		let block = verify::execution_block(&bytes).unwrap();
		assert_eq!((block.number, block.timestamp), (256, 9));
		assert_eq!(block.state_root, H256::repeat_byte(7));
		assert_eq!(block.hash.0, sp_io::hashing::keccak_256(&bytes));
	}
	assert_eq!(verify::execution_block(&list(&header(14))), None);
	let bent = |place: usize, field: Vec<u8>| {
		let mut fields = header(15);
		fields[place] = field;
		verify::execution_block(&list(&fields))
	};
	// An empty string is the number 0. A number has no leading zeros and at most 64 bits.
	assert_eq!(bent(8, string(&[])).map(|block| block.number), Some(0));
	assert_eq!(bent(8, string(&[0, 1])), None);
	assert_eq!(bent(8, string(&[1; 8])).map(|block| block.number), Some(0x0101_0101_0101_0101));
	assert_eq!(bent(8, string(&[1; 9])), None);
	assert_eq!(bent(3, string(&[7; 31])), None);
	// A list among the strings, and trailing bytes after the list.
	assert_eq!(bent(0, list(&[])), None);
	assert_eq!(verify::execution_block(&[list(&header(15)), vec![0]].concat()), None);
}
