//! BEEFY's commitments and proofs, in the form that the contract takes.

use alloy_primitives::{Signature, B256, U256};
use anyhow::{ensure, Context, Result};
use codec::{Compact, Decode, DecodeAll};
use livepeer_bridge_formats::{hashing::keccak_256, H160, H256};

/// The length of a commitment with exactly one payload item.
const COMMITMENT: usize = 48;
/// The length of a leaf of the mountain range.
pub const LEAF: usize = 121;
/// Half the order of secp256k1: of two equivalent signatures the contract takes the one with s below it.
const HALF_ORDER: U256 = U256::from_limbs([
	0xdfe9_2f46_681b_20a0,
	0x5d57_6e73_57a4_501d,
	0xffff_ffff_ffff_ffff,
	0x7fff_ffff_ffff_ffff,
]);
const ORDER: U256 = U256::from_limbs([
	0xbfd2_5e8c_d036_4141,
	0xbaae_dce6_af48_a03b,
	0xffff_ffff_ffff_fffe,
	0xffff_ffff_ffff_ffff,
]);

/// A justification: a commitment and its signatures.
#[derive(Clone, Debug, PartialEq)]
pub struct Justification {
	/// What is signed, encoded.
	pub commitment: [u8; COMMITMENT],
	/// The root of the mountain range.
	pub root: H256,
	/// The block.
	pub number: u32,
	/// The set that has signed.
	pub set_id: u64,
	/// The signature of each validator that has given one.
	pub signatures: Vec<Option<[u8; 65]>>,
}

/// The content of a leaf of the mountain range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf {
	/// The parent's number.
	pub parent: u32,
	/// The id of the next set, its length and its root.
	pub next: (u64, u32, H256),
	/// The root of the messages' tree.
	pub outbound_root: H256,
	/// The parent's time in milliseconds.
	pub time: u64,
}

impl Leaf {
	/// Of its bytes.
	pub fn decode(bytes: &[u8]) -> Result<Self> {
		ensure!(bytes.len() == LEAF, "a leaf of {} bytes", bytes.len());
		let (version, parent, _, next, outbound_root, time) =
			<(u8, u32, H256, (u64, u32, H256), H256, u64)>::decode_all(&mut &bytes[..])?;
		ensure!(version == 0, "a leaf of version {version}");
		Ok(Self { parent, next, outbound_root, time })
	}
}

impl Justification {
	/// Of its bytes, as a block has it.
	pub fn decode(bytes: &[u8]) -> Result<Self> {
		let input = &mut &bytes[..];
		ensure!(u8::decode(input)? == 1, "a justification of another version");
		let commitment: [u8; COMMITMENT] = Decode::decode(input)?;
		let items = Vec::<([u8; 2], Vec<u8>)>::decode(&mut &commitment[..])
			.context("a commitment with another payload")?;
		let root = match items.as_slice() {
			[([b'm', b'h'], root)] => root.as_slice().try_into().ok().map(H256),
			_ => None,
		}
		.context("a commitment with another payload")?;
		let mut rest = commitment.get(36..).context("a commitment is too short")?;
		let (number, set_id) = <(u32, u64)>::decode_all(&mut rest)?;
		let bits = Vec::<u8>::decode(input)?;
		let length = u32::decode(input)? as usize;
		ensure!(bits.len() * 8 >= length, "fewer bits than validators");
		let mut given = Compact::<u32>::decode(input)?.0;
		let mut signatures = Vec::new();
		for place in 0..length {
			let voted = bits.get(place / 8).is_some_and(|byte| byte & (0x80 >> (place % 8)) != 0);
			signatures.push(match voted {
				true => {
					given = given.checked_sub(1).context("fewer signatures than votes")?;
					Some(<[u8; 65]>::decode(input)?)
				}
				false => None,
			});
		}
		ensure!(given == 0 && input.is_empty(), "more signatures than votes");
		Ok(Self { commitment, root, number, set_id, signatures })
	}
}

/// The quorum of `length` validators.
pub fn quorum(length: usize) -> usize {
	length - length.saturating_sub(1) / 3
}

/// The address of a compressed key.
fn address_of(key: &[u8; 33]) -> H160 {
	use k256::elliptic_curve::sec1::ToEncodedPoint;
	// Not a point of the curve: BEEFY has the zero address for it, and it never votes.
	let Ok(key) = k256::PublicKey::from_sec1_bytes(key) else { return H160::zero() };
	let point = key.to_encoded_point(false);
	let hash = keccak_256(point.as_bytes().get(1..).unwrap_or_default());
	let mut address = H160::zero();
	address.0.copy_from_slice(&hash[12..]);
	address
}

/// A signature of 65 bytes in the 64-byte form of EIP-2098, with s in the lower half.
fn compact(signature: &[u8; 65]) -> Result<[u8; 64]> {
	let [.., recovery] = signature;
	ensure!(*recovery <= 1, "a recovery id of {recovery}");
	let mut parity = *recovery == 1;
	let mut s = U256::from_be_slice(signature.get(32..64).unwrap_or_default());
	if s > HALF_ORDER {
		s = ORDER.checked_sub(s).context("a signature's s is above the order")?;
		parity = !parity;
	}
	let mut out = [0; 64];
	out[..32].copy_from_slice(&signature[..32]);
	let top = if parity { U256::ONE << 255usize } else { U256::ZERO };
	let word: U256 = s | top;
	out[32..].copy_from_slice(&word.to_be_bytes::<32>());
	Ok(out)
}

/// The signer of `digest`.
fn signer(digest: [u8; 32], signature: &[u8; 65]) -> Option<H160> {
	let signature = Signature::from_raw_array(signature).ok()?;
	let address = signature.recover_address_from_prehash(&B256::from(digest)).ok()?;
	Some(H160(address.into_array()))
}

/// The proof of the newest leaf in the order of the contract: siblings from the leaf up, then peaks
/// from right to left. `items` has the peaks from left to right and then the siblings.
fn proof(number: u32, first_block: u32, items: &[H256]) -> Result<Vec<H256>> {
	let leaves = number
		.checked_sub(first_block)
		.and_then(|n| n.checked_add(1))
		.context("the block is before the first of the mountain range")?;
	let peaks = (leaves.count_ones() - 1) as usize;
	let siblings = leaves.trailing_zeros() as usize;
	ensure!(
		items.len() == peaks + siblings,
		"a proof of {} hashes where there are {}",
		items.len(),
		peaks + siblings
	);
	let (peaks, siblings) = items.split_at(peaks);
	Ok(siblings.iter().chain(peaks.iter().rev()).copied().collect())
}

/// The root to which a leaf leads.
fn mmr_root(leaf: &[u8], number: u32, first_block: u32, proof: &[H256]) -> H256 {
	let pair = |left: &H256, right: &H256| H256(keccak_256(&[&left[..], &right[..]].concat()));
	let siblings = (number - first_block + 1).trailing_zeros() as usize;
	proof.iter().enumerate().fold(H256(keccak_256(leaf)), |hash, (place, other)| {
		if place < siblings {
			pair(other, &hash)
		} else {
			pair(&hash, other)
		}
	})
}

/// The argument of the contract's `submit`. Checks everything that the contract will check, so that a node's
/// wrong answer costs nothing.
pub fn pack(
	justification: &Justification,
	leaf: &[u8],
	items: &[H256],
	validators: &[H160],
	first_block: u32,
) -> Result<Vec<u8>> {
	let Justification { commitment, root, number, signatures, .. } = justification;
	ensure!(signatures.len() == validators.len(), "the validator set has another length");
	let parsed = Leaf::decode(leaf)?;
	ensure!(parsed.parent.checked_add(1) == Some(*number), "the leaf is another block's");
	let proof = proof(*number, first_block, items)?;
	ensure!(
		mmr_root(leaf, *number, first_block, &proof) == *root,
		"the leaf is not in the mountain range that is signed"
	);
	let digest = keccak_256(commitment);
	let wanted = quorum(validators.len());
	let mut bits = vec![0u8; validators.len().div_ceil(8)];
	let mut members = Vec::new();
	let mut votes = 0;
	for (place, (validator, signature)) in validators.iter().zip(signatures).enumerate() {
		let vote = signature
			.as_ref()
			.filter(|_| votes < wanted && !validator.is_zero())
			.filter(|signature| signer(digest, signature) == Some(*validator));
		match vote {
			Some(signature) => {
				votes += 1;
				if let Some(byte) = bits.get_mut(place / 8) {
					*byte |= 0x80 >> (place % 8);
				}
				members.extend_from_slice(&compact(signature)?);
			}
			None => members.extend_from_slice(&validator[..]),
		}
	}
	ensure!(votes == wanted, "{votes} valid signatures where a quorum is {wanted}");
	let mut update = commitment.to_vec();
	update.extend_from_slice(leaf);
	update.extend(bits);
	update.extend(members);
	for hash in proof {
		update.extend_from_slice(&hash[..]);
	}
	Ok(update)
}

/// The validators that come into office with a block, if its header names any: the set and its id.
pub fn new_validators(digest: &[Vec<u8>]) -> Option<(Vec<[u8; 33]>, u64)> {
	digest.iter().find_map(|item| {
		let input = &mut &item[..];
		// A consensus item of BEEFY with a new set.
		(u8::decode(input).ok()? == 4).then_some(())?;
		(<[u8; 4]>::decode(input).ok()? == *b"BEEF").then_some(())?;
		let inner = Vec::<u8>::decode(input).ok()?;
		let inner = &mut &inner[..];
		(u8::decode(inner).ok()? == 1).then_some(())?;
		<(Vec<[u8; 33]>, u64)>::decode_all(inner).ok()
	})
}

/// The addresses of keys.
pub fn addresses(keys: &[[u8; 33]]) -> Vec<H160> {
	keys.iter().map(address_of).collect()
}

/// The root of a set, as the contract and the leaf have it.
pub fn set_root(validators: &[H160]) -> H256 {
	let mut row: Vec<H256> =
		validators.iter().map(|address| H256(keccak_256(&address[..]))).collect();
	while row.len() > 1 {
		row = row
			.chunks(2)
			.map(|both| match both {
				[left, right] => H256(keccak_256(&[&left[..], &right[..]].concat())),
				_ => both.first().copied().unwrap_or_default(),
			})
			.collect();
	}
	row.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use serde_json::Value;

	proptest::proptest! {
		/// Justifications and leaves come from nodes of others.
		#[test]
		fn decoders_should_not_panic_when_fed_anything(
			mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600),
			is_near in proptest::prelude::any::<bool>(),
		) {
			// Up to the votes it is as it should be, now and then.
			if let Some(head) = bytes.get_mut(..5).filter(|_| is_near) {
				head.copy_from_slice(&[1, 4, b'm', b'h', 0x80]);
			}
			if let Ok(found) = Justification::decode(&bytes) {
				proptest::prop_assert!(found.signatures.len() <= bytes.len() * 8);
			}
			let leaf = Leaf::decode(&bytes).is_ok();
			proptest::prop_assert!(!leaf || bytes.len() == LEAF);
		}
	}

	fn vectors() -> Value {
		let file = include_str!("../../../tests/bridge/vectors.json");
		serde_json::from_str(file).expect("JSON")
	}

	fn bytes(value: &Value) -> Vec<u8> {
		hex::decode(value.as_str().unwrap_or_default().trim_start_matches("0x")).expect("bytes")
	}

	fn list(value: &Value) -> &[Value] {
		value.as_array().map_or(&[], Vec::as_slice)
	}

	fn addresses_of(value: &Value) -> Vec<H160> {
		list(value).iter().map(|one| H160::from_slice(&bytes(one))).collect()
	}

	/// An update of the vectors as a node gives its parts: justification, leaf, items, validators.
	fn parts(one: &Value) -> (Vec<u8>, Vec<u8>, Vec<H256>, Vec<H160>) {
		let validators = addresses_of(&one["addresses"]);
		let given = list(&one["signatures"]);
		let mut bits = vec![0u8; validators.len() / 8 + 1];
		for signature in given {
			let place = signature["index"].as_u64().unwrap_or_default() as usize;
			bits[place / 8] |= 0x80 >> (place % 8);
		}
		let signatures: Vec<[u8; 65]> = given
			.iter()
			.map(|one| bytes(&one["signature"]).try_into().expect("65 bytes"))
			.collect();
		let mut justification = vec![1];
		justification.extend(bytes(&one["commitment"]));
		(bits, validators.len() as u32, signatures).encode_to(&mut justification);

		let number = one["blockNumber"].as_u64().expect("a number") as u32;
		let update = bytes(&one["update"]);
		let hashes = (number.count_ones() - 1 + number.trailing_zeros()) as usize;
		let ours: Vec<H256> =
			update[update.len() - 32 * hashes..].chunks(32).map(H256::from_slice).collect();
		// As mmr_generateProof has them: peaks from left to right, then siblings.
		let (siblings, peaks) = ours.split_at(number.trailing_zeros() as usize);
		let items = peaks.iter().rev().chain(siblings).copied().collect();
		(justification, bytes(&one["leaf"]), items, validators)
	}

	#[test]
	fn updates_should_be_packed_as_the_contract_takes_them() {
		let vectors = vectors();
		let all = list(&vectors["updates"]["list"]);
		assert!(!all.is_empty());
		for one in all {
			let (justification, leaf, items, validators) = parts(one);
			let justification = Justification::decode(&justification).expect("a justification");
			let packed = pack(&justification, &leaf, &items, &validators, 1).expect("packed");
			assert_eq!(hex::encode(packed), hex::encode(bytes(&one["update"])));
			let leaf = Leaf::decode(&leaf).expect("a leaf");
			assert_eq!(leaf.outbound_root.0.to_vec(), bytes(&one["outboundRoot"]));
		}
	}

	#[test]
	fn addresses_and_set_roots_should_be_those_of_the_contract() {
		let vectors = vectors();
		for key in list(&vectors["finality"]["keys"]) {
			let compressed = bytes(&key["compressed"]).try_into().expect("33 bytes");
			assert_eq!(address_of(&compressed).0.to_vec(), bytes(&key["address"]));
		}
		assert_eq!(address_of(&[0; 33]), H160::zero());
		for set in list(&vectors["finality"]["sets"]) {
			let validators = addresses_of(&set["addresses"]);
			assert_eq!(set_root(&validators).0.to_vec(), bytes(&set["root"]));
			assert_eq!(quorum(validators.len()) as u64, set["quorum"].as_u64().unwrap_or_default());
		}
	}

	#[test]
	fn what_a_node_tells_wrongly_should_be_found_before_it_costs_anything() {
		let vectors = vectors();
		let one = &vectors["updates"]["list"][1];
		let (bytes, leaf, items, validators) = parts(one);
		let right = Justification::decode(&bytes).expect("a justification");
		let packed = |justification: &Justification, leaf: &[u8], items: &[H256], who: &[H160]| {
			pack(justification, leaf, items, who, 1)
		};
		assert!(packed(&right, &leaf, &items, &validators).is_ok());
		// Another leaf, another proof, other validators, another first block.
		let mut other = leaf.clone();
		other[90] ^= 1;
		assert!(packed(&right, &other, &items, &validators).is_err());
		assert!(packed(&right, &leaf, &items[1..], &validators).is_err());
		let mut swapped = items.clone();
		swapped.reverse();
		assert!(swapped == items || packed(&right, &leaf, &swapped, &validators).is_err());
		let mut others = validators.clone();
		others.reverse();
		assert!(packed(&right, &leaf, &items, &others).is_err());
		assert!(packed(&right, &leaf, &items, &validators[1..]).is_err());
		assert!(pack(&right, &leaf, &items, &validators, 2).is_err());
		// Signatures of something else are not counted.
		let mut forged = right.clone();
		forged.commitment[40] ^= 1;
		assert!(packed(&forged, &leaf, &items, &validators).is_err());
		// Bytes that are cut or longer.
		for length in 0..bytes.len() {
			assert!(Justification::decode(&bytes[..length]).is_err());
		}
		let mut longer = bytes.clone();
		longer.push(0);
		assert!(Justification::decode(&longer).is_err());
	}

	#[test]
	fn higher_of_two_equal_signatures_should_be_turned_into_the_lower() {
		let vectors = vectors();
		let signature = bytes(&vectors["updates"]["list"][0]["signatures"][0]["signature"]);
		let low: [u8; 65] = signature.try_into().expect("65 bytes");
		let s = U256::from_be_slice(&low[32..64]);
		let mut high = low;
		high[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
		high[64] ^= 1;
		assert_eq!(compact(&low).expect("compact"), compact(&high).expect("compact"));
		let mut wrong = low;
		wrong[64] = 27;
		assert!(compact(&wrong).is_err());
	}

	#[test]
	fn new_validators_should_be_found_in_a_header() {
		let keys = vec![[2u8; 33], [3u8; 33]];
		let change = (1u8, keys.clone(), 7u64).encode();
		let item = |engine: &[u8; 4], inner: &[u8]| (4u8, engine, inner).encode();
		let digest = vec![
			item(b"BABE", &change),
			item(b"BEEF", &(3u8, H256::zero()).encode()),
			item(b"BEEF", &change),
		];
		assert_eq!(new_validators(&digest), Some((keys, 7)));
		assert_eq!(new_validators(&digest[..2]), None);
	}
}
