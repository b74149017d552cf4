//! The checks, without storage.

use crate::{
	ssz::{self, UnpackedKey},
	types::{Network, PreparedCommittee, SyncAggregate, COMMITTEE, SLOTS_PER_EPOCH},
};
use alloc::vec::Vec;
use alloy_rlp::Header as RlpHeader;
use livepeer_primitives::ethereum::ExecutionBlock;
use snowbridge_milagro_bls::{AggregatePublicKey, AggregateSignature, PublicKey, Signature};
use sp_core::H256;
use sp_io::hashing::keccak_256;

/// The domain for which sync committees sign.
const DOMAIN_SYNC_COMMITTEE: [u8; 4] = [7, 0, 0, 0];

/// Whether `leaf` is at the generalised index `index` under `root`, by exactly as many siblings as
/// it has ancestors.
pub fn is_at(leaf: H256, branch: &[H256], index: u16, root: H256) -> bool {
	let Some(depth) = index.checked_ilog2() else { return false };
	let top = branch.iter().enumerate().fold(leaf, |current, (height, sibling)| {
		match (u32::from(index) >> height.min(31)) & 1 {
			1 => ssz::pair(sibling, &current),
			_ => ssz::pair(&current, sibling),
		}
	});
	branch.len() == depth as usize && top == root
}

/// Whether a member has signed.
fn has_signed(aggregate: &SyncAggregate, place: usize) -> bool {
	aggregate.bits.get(place / 8).is_some_and(|byte| (byte >> (place % 8)) & 1 == 1)
}

/// Whether two thirds of a committee have signed.
pub fn is_supermajority(aggregate: &SyncAggregate) -> bool {
	let signed: u32 = aggregate.bits.iter().map(|byte| byte.count_ones()).sum();
	signed.saturating_mul(3) >= COMMITTEE * 2
}

/// What a committee signs for a block, in the fork of the slot before the signature's.
pub fn signing_root(network: &Network, header: H256, signature_slot: u64) -> Option<H256> {
	let fork = network.fork_at(signature_slot.saturating_sub(1))?;
	let data = ssz::pair(&ssz::chunk(&fork.version), &network.genesis_validators_root);
	let mut domain = [0; 32];
	domain[..4].copy_from_slice(&DOMAIN_SYNC_COMMITTEE);
	domain[4..].copy_from_slice(&data.0[..28]);
	Some(ssz::pair(&header, &domain.into()))
}

/// Whether the members of `committee` that `aggregate` names have signed `message`.
pub fn is_signed(committee: &PreparedCommittee, aggregate: &SyncAggregate, message: H256) -> bool {
	let unpacked = |key: &UnpackedKey| PublicKey::from_uncompressed_bytes(key).ok();
	// The committee's own sum minus the missing members: at most a third must be added up.
	let missing = committee
		.keys
		.iter()
		.enumerate()
		.filter(|(place, _)| !has_signed(aggregate, *place))
		.map(|(_, key)| unpacked(key));
	let Some(missing) = missing.collect::<Option<Vec<PublicKey>>>() else { return false };
	let Some(sum) = unpacked(&committee.sum) else { return false };
	let mut signers = AggregatePublicKey::from_public_key(&sum);
	if !missing.is_empty() {
		let Ok(missing) = AggregatePublicKey::into_aggregate(&missing) else { return false };
		signers.point.sub(&missing.point);
	}
	let Ok(signature) = Signature::from_bytes(&aggregate.signature) else { return false };
	AggregateSignature::from_signature(&signature)
		.fast_aggregate_verify_pre_aggregated(message.as_bytes(), &signers)
}

/// The first slot of an epoch.
pub fn first_slot(epoch: u64) -> u64 {
	epoch.saturating_mul(SLOTS_PER_EPOCH)
}

/// The strings of an RLP list that fills `bytes`; `None` if the list contains a list.
fn strings(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
	let list = RlpHeader::decode_bytes(&mut bytes, true).ok()?;
	if !bytes.is_empty() {
		return None;
	}
	let mut rest = list;
	let mut strings = Vec::new();
	while !rest.is_empty() {
		strings.push(RlpHeader::decode_bytes(&mut rest, false).ok()?);
	}
	Some(strings)
}

/// A number without leading zeros.
fn number(bytes: &[u8]) -> Option<u64> {
	let mut padded = [0; 8];
	let start = padded.len().checked_sub(bytes.len())?;
	if bytes.first() == Some(&0) {
		return None;
	}
	padded.get_mut(start..)?.copy_from_slice(bytes);
	Some(u64::from_be_bytes(padded))
}

/// Places in an execution block's header. Fields are only ever added at its end.
const STATE_ROOT: usize = 3;
const NUMBER: usize = 8;
const TIMESTAMP: usize = 11;
/// The number of fields that every header has had since the merge.
const LEAST_FIELDS: usize = 15;

/// The content of an execution block's header.
pub fn execution_block(header: &[u8]) -> Option<ExecutionBlock> {
	let fields = strings(header)?;
	if fields.len() < LEAST_FIELDS {
		return None;
	}
	let state_root: [u8; 32] = (*fields.get(STATE_ROOT)?).try_into().ok()?;
	Some(ExecutionBlock {
		hash: keccak_256(header).into(),
		number: number(fields.get(NUMBER)?)?,
		timestamp: number(fields.get(TIMESTAMP)?)?,
		state_root: state_root.into(),
	})
}
