//! Simulated consensus with real signatures: beacon blocks whose trees hold what a proof needs, and
//! committees with two different keys each.

use crate::{
	ssz::pair,
	types::{
		BeaconHeader, Bootstrap, BroughtCommittee, Fork, Layout, Network, SyncAggregate,
		SyncCommittee, Update,
	},
	verify,
};
use alloc::{vec, vec::Vec};
use alloy_rlp::{Encodable, Header as RlpHeader};
use frame_support::BoundedVec;
use livepeer_primitives::ethereum::{Branch, HeaderProof};
use snowbridge_milagro_bls::{
	AggregatePublicKey, AggregateSignature, PublicKey as Point, SecretKey, Signature,
};
use sp_core::H256;
use sp_io::hashing::{keccak_256, sha2_256};

/// Number of members of a committee.
const COMMITTEE: usize = crate::COMMITTEE as usize;

/// The node at a generalised index of a tree that has `leaves` at their indices, and arbitrary
/// values elsewhere.
pub fn node(index: u16, leaves: &[(u16, H256)]) -> H256 {
	if let Some((_, leaf)) = leaves.iter().find(|(at, _)| *at == index) {
		return *leaf;
	}
	let depth = index.ilog2();
	let is_below =
		|at: &u16| at.ilog2() > depth && at.checked_shr(at.ilog2() - depth) == Some(index);
	if !leaves.iter().any(|(at, _)| is_below(at)) {
		return sha2_256(&index.to_be_bytes()).into();
	}
	pair(&node(index * 2, leaves), &node(index * 2 + 1, leaves))
}

/// The siblings from an index up to the root.
pub fn branch(mut index: u16, leaves: &[(u16, H256)]) -> Branch {
	let mut siblings = Vec::new();
	while index > 1 {
		siblings.push(node(index ^ 1, leaves));
		index /= 2;
	}
	BoundedVec::truncate_from(siblings)
}

fn secret(number: u8) -> SecretKey {
	SecretKey::key_generate(&[number; 32], &[]).expect("32 bytes are enough for a key")
}

/// The two secrets of a committee: one for the first half of its members, one for the second.
fn secrets(number: u8) -> [SecretKey; 2] {
	[secret(number.wrapping_mul(2)), secret(number.wrapping_mul(2).wrapping_add(1))]
}

/// The committee with this number.
pub fn committee(number: u8) -> SyncCommittee {
	let points = secrets(number).map(|secret| Point::from_secret_key(&secret));
	let of = |place: usize| &points[place / (COMMITTEE / 2)];
	let all: Vec<&Point> = (0..COMMITTEE).map(of).collect();
	let sum = AggregatePublicKey::aggregate(&all).expect("there are keys");
	let mut keys = [[0; 48]; COMMITTEE];
	for (place, key) in keys.iter_mut().enumerate() {
		*key = of(place).as_bytes();
	}
	SyncCommittee { keys, sum: Point { point: sum.point }.as_bytes() }
}

/// The signature of the first `signers` members of a committee.
pub fn sign(number: u8, signers: usize, message: H256) -> SyncAggregate {
	let signatures = secrets(number).map(|secret| Signature::new(message.as_bytes(), &secret));
	let mut sum = AggregateSignature::new();
	let mut bits = [0; COMMITTEE / 8];
	for place in 0..signers {
		sum.add(&signatures[place / (COMMITTEE / 2)]);
		bits[place / 8] |= 1 << (place % 8);
	}
	SyncAggregate { bits, signature: Signature { point: sum.point }.as_bytes() }
}

/// A network with a single fork from slot 0 on, and one second per slot.
pub fn network(version: [u8; 4], layout: Layout) -> Network {
	Network {
		genesis_validators_root: H256::repeat_byte(7),
		genesis_time: 0,
		seconds_per_slot: 1,
		forks: BoundedVec::truncate_from(vec![Fork { version, epoch: 0, layout: Some(layout) }]),
	}
}

/// An execution block's header in RLP, with arbitrary values in the fields that nobody reads.
pub fn execution_header(number: u64, timestamp: u64, state_root: H256) -> Vec<u8> {
	let trimmed = |number: u64| -> Vec<u8> {
		number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
	};
	let hash = || vec![9; 32];
	let fields: Vec<Vec<u8>> = vec![
		hash(),
		hash(),
		vec![1; 20],
		state_root.as_bytes().to_vec(),
		hash(),
		hash(),
		vec![0; 256],
		Vec::new(),
		trimmed(number),
		trimmed(30_000_000),
		trimmed(21_000),
		trimmed(timestamp),
		b"simulated".to_vec(),
		hash(),
		vec![0; 8],
		trimmed(7),
		hash(),
		Vec::new(),
		Vec::new(),
		hash(),
		hash(),
	];
	let payload_length = fields.iter().map(|field| field.as_slice().length()).sum();
	let mut bytes = Vec::new();
	RlpHeader { list: true, payload_length }.encode(&mut bytes);
	for field in &fields {
		field.as_slice().encode(&mut bytes);
	}
	bytes
}

/// A beacon block, with the trees behind its roots.
#[derive(Clone)]
pub struct Block {
	/// Its header.
	pub header: BeaconHeader,
	/// The leaves of its state, by generalised index.
	pub state: Vec<(u16, H256)>,
	/// The hash of the execution block in its body, and that block's header.
	pub execution: (H256, Vec<u8>),
	layout: Layout,
}

/// The block of a slot. Its state holds a committee, the next committee and a finalised block.
pub fn block(network: &Network, slot: u64, committees: [u8; 2], finalized: H256) -> Block {
	with_state_root(network, slot, committees, finalized, slot, H256::repeat_byte(3))
}

/// The same, for an execution block with this number and state root.
fn with_state_root(
	network: &Network,
	slot: u64,
	committees: [u8; 2],
	finalized: H256,
	number: u64,
	state_root: H256,
) -> Block {
	let layout = network.layout_at(slot).expect("the fork is known");
	let root = |number: u8| committee(number).root();
	let state = vec![
		(layout.finality, finalized),
		(layout.current_committee, root(committees[0])),
		(layout.next_committee, root(committees[1])),
	];
	let timestamp = network.genesis_time + slot * u64::from(network.seconds_per_slot);
	let execution = execution_header(number, timestamp, state_root);
	let hash = H256(keccak_256(&execution));
	let header = BeaconHeader {
		slot,
		proposer_index: 0,
		parent_root: H256::repeat_byte(1),
		state_root: node(1, &state),
		body_root: node(1, &[(layout.execution_hash, hash)]),
	};
	Block { header, state, execution: (hash, execution), layout }
}

impl Block {
	/// Its root.
	pub fn root(&self) -> H256 {
		self.header.root()
	}

	/// The message with which a client starts from this block.
	pub fn bootstrap(&self, number: u8) -> Bootstrap {
		Bootstrap {
			header: self.header,
			committee: committee(number),
			committee_branch: branch(self.layout.current_committee, &self.state),
		}
	}

	/// The proof of its execution block.
	pub fn proof(&self) -> HeaderProof {
		let body = [(self.layout.execution_hash, self.execution.0)];
		HeaderProof {
			finalized_root: self.root(),
			hash_branch: branch(self.layout.execution_hash, &body),
			header: BoundedVec::truncate_from(self.execution.1.clone()),
		}
	}

	/// The update in which `signers` members of committee `by` sign this block in the next slot,
	/// which makes `finalized` final.
	pub fn update(
		&self,
		network: &Network,
		finalized: &Block,
		by: u8,
		signers: usize,
		next: Option<u8>,
	) -> Update {
		let signature_slot = self.header.slot + 1;
		let message =
			verify::signing_root(network, self.root(), signature_slot).expect("the fork is known");
		Update {
			attested: self.header,
			next: next.map(|number| BroughtCommittee {
				committee: committee(number),
				branch: branch(self.layout.next_committee, &self.state),
			}),
			finalized: finalized.header,
			finality_branch: branch(self.layout.finality, &self.state),
			aggregate: sign(by, signers, message),
			signature_slot,
		}
	}
}

/// Makes a client for which a block with this state root is final, and proves that block.
#[cfg(feature = "runtime-benchmarks")]
pub fn make_block<T: crate::Config>(number: u64, state_root: H256) -> HeaderProof {
	use crate::types::FinalizedBlock;
	use frame_support::traits::UnixTime;
	let mut network = network([6, 0, 0, 0], Layout::GLOAS);
	network.genesis_time = T::Time::now().as_secs();
	let block = with_state_root(&network, 0, [0, 1], H256::zero(), number, state_root);
	let (root, body_root) = (block.root(), block.header.body_root);
	crate::Followed::<T>::put(network);
	// No signature is checked here.
	if let Some(committee) = committee(0).prepare() {
		crate::CurrentCommittee::<T>::put(committee);
	}
	crate::Finalized::<T>::put(BoundedVec::truncate_from(vec![FinalizedBlock {
		root,
		slot: 0,
		body_root,
	}]));
	block.proof()
}
