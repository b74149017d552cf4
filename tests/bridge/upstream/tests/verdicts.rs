//! The light client beside the one of Snowbridge, `snowbridge-pallet-ethereum-client`, which knows
//! Ethereum up to Fulu: both are given the same updates, and judge alike. Their updates have one proof
//! more, of the blocks before a final one, which this chain does not prove anything by.
//!
//! Where the two are meant to differ, `judge` says why and in which case alone.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{collections::HashMap, time::Duration};

use codec::{Decode, DecodeAll, Encode};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	storage::{with_transaction, TransactionOutcome},
	traits::{ConstU32, ConstU64, Get, UnixTime},
};
use livepeer_bridge_formats::{
	recorded, simulator,
	types::{self as simulated, period, Layout, SLOTS_PER_EPOCH, SLOTS_PER_PERIOD},
	verify,
};
use pallet_eth_light_client::{
	BeaconHeader, CurrentCommittee, Error, Finalized, FinalizedBlock, NextCommittee, Update,
};
use snowbridge_beacon_primitives::{Fork, ForkVersions};
use snowbridge_pallet_ethereum_client::{
	self as snowbridge,
	types::{CheckpointUpdate, NextSyncCommitteeUpdate},
};
use sp_core::H256;
use sp_io::TestExternalities;
use sp_runtime::DispatchError;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Ours: pallet_eth_light_client,
		Theirs: snowbridge_pallet_ethereum_client,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Test>;
}

/// A time after everything that is sent.
pub struct Late;

impl UnixTime for Late {
	fn now() -> Duration {
		Duration::from_secs(1 << 40)
	}
}

impl pallet_eth_light_client::Config for Test {
	type FreeInterval = ConstU64<32>;
	// Theirs has no clock. Proofs have to end before updates do.
	type MaxAge = ConstU64<{ u64::MAX - 1 }>;
	type Time = Late;
	type WeakSubjectivity = ConstU64<{ u64::MAX }>;
	type WeightInfo = ();
}

parameter_types! {
	pub static FuluEpoch: u64 = u64::MAX;
}

/// Electra from the beginning on, and Fulu.
pub struct Versions;

impl Get<ForkVersions> for Versions {
	fn get() -> ForkVersions {
		let fork = |version: u8, epoch| Fork { version: [version, 0, 0, 0], epoch };
		ForkVersions {
			genesis: fork(0, 0),
			altair: fork(1, 0),
			bellatrix: fork(2, 0),
			capella: fork(3, 0),
			deneb: fork(4, 0),
			electra: fork(5, 0),
			fulu: fork(6, FuluEpoch::get()),
		}
	}
}

impl snowbridge::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type ForkVersions = Versions;
	type FreeHeadersInterval = ConstU32<32>;
	type WeightInfo = ();
}

/// A message as another crate's type: all encode it alike.
fn same<T: Decode>(message: &impl Encode) -> T {
	T::decode_all(&mut &message.encode()[..]).unwrap()
}

/// The proof that only theirs asks for: of the blocks before a final one, in its state.
struct BlockRoots {
	root: H256,
	branch: Vec<H256>,
}

/// Where it is in a state, in Electra and Fulu.
const BLOCK_ROOTS: u16 = 69;

fn theirs(update: &Update, roots: &BlockRoots) -> snowbridge::types::Update {
	snowbridge::types::Update {
		attested_header: same(&update.attested),
		sync_aggregate: same(&update.aggregate),
		signature_slot: update.signature_slot,
		next_sync_committee_update: update.next.as_ref().map(|next| NextSyncCommitteeUpdate {
			next_sync_committee: same(&next.committee),
			next_sync_committee_branch: next.branch.to_vec(),
		}),
		finalized_header: same(&update.finalized),
		finality_branch: update.finality_branch.to_vec(),
		block_roots_root: roots.root,
		block_roots_branch: roots.branch.clone(),
	}
}

/// Both start from a block.
fn start(network: &simulated::Network, bootstrap: &simulated::Bootstrap, roots: &BlockRoots) {
	FuluEpoch::set(network.forks.get(1).map_or(u64::MAX, |fulu| fulu.epoch));
	let header = &bootstrap.header;
	assert_ok!(Ours::set_network(RuntimeOrigin::root(), same(network)));
	assert_ok!(Ours::set_checkpoint(RuntimeOrigin::root(), header.root()));
	assert_ok!(Ours::bootstrap(RuntimeOrigin::signed(1), Box::new(same(bootstrap))));
	let checkpoint = CheckpointUpdate {
		header: same(header),
		current_sync_committee: same(&bootstrap.committee),
		current_sync_committee_branch: bootstrap.committee_branch.to_vec(),
		validators_root: network.genesis_validators_root,
		block_roots_root: roots.root,
		block_roots_branch: roots.branch.clone(),
	};
	assert_ok!(Theirs::force_checkpoint(RuntimeOrigin::root(), Box::new(checkpoint)));
	ensure_same_state();
}

fn latest() -> FinalizedBlock {
	*Finalized::<Test>::get().last().unwrap()
}

/// Both have the same block as the newest final one, and know the same committees.
fn ensure_same_state() {
	assert_eq!(latest().root, snowbridge::LatestFinalizedBlockRoot::<Test>::get());
	let current = CurrentCommittee::<Test>::get().unwrap();
	assert_eq!(current.root, snowbridge::CurrentSyncCommittee::<Test>::get().root);
	let known = snowbridge::NextSyncCommittee::<Test>::exists();
	let next = known.then(|| snowbridge::NextSyncCommittee::<Test>::get().root);
	assert_eq!(NextCommittee::<Test>::get().map(|committee| committee.root), next);
}

/// Whether both take an update. Fails where one of them alone does, but for what is meant to be so.
fn judge(update: &Update, roots: &BlockRoots) -> bool {
	let before = latest().slot;
	let (ours, theirs) = with_transaction::<_, DispatchError, _>(|| {
		let ours = Ours::submit(RuntimeOrigin::signed(1), Box::new(update.clone()));
		let theirs = Theirs::submit(RuntimeOrigin::signed(1), Box::new(theirs(update, roots)));
		let verdicts = (ours.map_err(|error| error.error), theirs.map_err(|error| error.error));
		match verdicts.0.is_ok() && verdicts.1.is_ok() {
			true => TransactionOutcome::Commit(Ok(verdicts)),
			false => TransactionOutcome::Rollback(Ok(verdicts)),
		}
	})
	.unwrap();
	match (ours, theirs) {
		(Ok(_), Ok(_)) => {
			ensure_same_state();
			true
		}
		(Err(_), Err(_)) => false,
		// There what is newer than the last final block is taken though it makes nothing final.
		(Err(error), Ok(_)) => {
			let nothing: DispatchError = Error::<Test>::NothingNew.into();
			assert_eq!(error, nothing, "{update:?}");
			assert!(update.finalized.slot <= before && update.attested.slot > before);
			false
		}
		(Ok(_), Err(error)) => {
			// There a period is entered only with the committee of the next one. Here that can follow.
			let required: DispatchError =
				snowbridge::Error::<Test>::SyncCommitteeUpdateRequired.into();
			let crosses = period(update.finalized.slot) > period(before);
			let is_without = error == required && crosses && update.next.is_none();
			// There every block has to be provable from the next final one.
			let gap: DispatchError = snowbridge::Error::<Test>::InvalidFinalizedHeaderGap.into();
			let is_far = error == gap && update.finalized.slot > before + SLOTS_PER_PERIOD;
			assert!(is_without || is_far, "{error:?}: {update:?}");
			false
		}
	}
}

/// The same, and nothing has happened.
fn judge_only(update: &Update, roots: &BlockRoots) -> bool {
	with_transaction::<_, DispatchError, _>(|| {
		TransactionOutcome::Rollback(Ok(judge(update, roots)))
	})
	.unwrap()
}

/// Numbers that look random, and are the same for a seed.
struct Random(u64);

impl Random {
	fn below(&mut self, limit: usize) -> usize {
		// splitmix64
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut mixed = self.0;
		mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		((mixed ^ (mixed >> 31)) % limit as u64) as usize
	}

	fn slots(&mut self, limit: usize) -> u64 {
		self.below(limit) as u64
	}

	/// A message with one bit changed, where that still is one.
	fn flip<T: Decode>(&mut self, message: &impl Encode) -> Option<T> {
		let mut bytes = message.encode();
		let bit = self.below(bytes.len() * 8);
		bytes[bit / 8] ^= 1 << (bit % 8);
		T::decode_all(&mut &bytes[..]).ok()
	}
}

/// An update with each of its fields changed in some ways.
fn changes(update: &Update) -> Vec<Update> {
	let mut all = Vec::new();
	let mut change = |edit: &dyn Fn(&mut Update)| {
		let mut changed = update.clone();
		edit(&mut changed);
		all.push(changed);
	};
	let headers: [fn(&mut Update) -> &mut BeaconHeader; 2] =
		[|update| &mut update.attested, |update| &mut update.finalized];
	for header in headers {
		change(&|update| header(update).slot += 1);
		change(&|update| header(update).slot -= 1);
		change(&|update| header(update).slot = 0);
		change(&|update| header(update).slot = u64::MAX);
		change(&|update| header(update).proposer_index += 1);
		change(&|update| header(update).parent_root.0[0] ^= 1);
		change(&|update| header(update).state_root.0[31] ^= 1);
		change(&|update| header(update).body_root = H256::zero());
	}
	let signed = update.attested.slot;
	for slot in
		[0, signed - 1, signed, signed + 1, signed + 60, signed + SLOTS_PER_PERIOD, u64::MAX]
	{
		change(&|update| update.signature_slot = slot);
	}
	for bits in [[0; 64], [1; 64], [0x55; 64], [u8::MAX; 64]] {
		change(&|update| update.aggregate.bits = bits);
	}
	change(&|update| update.aggregate.bits[0] ^= 1);
	change(&|update| update.aggregate.signature = [0; 96]);
	// The point at infinity.
	change(&|update| {
		update.aggregate.signature = [0; 96];
		update.aggregate.signature[0] = 0xc0;
	});
	change(&|update| update.aggregate.signature[0] ^= 0x20);
	change(&|update| update.aggregate.signature[95] ^= 1);
	change(&|update| {
		update.finality_branch.pop();
	});
	change(&|update| update.finality_branch.try_push(H256::zero()).unwrap());
	change(&|update| update.finality_branch.clear());
	change(&|update| update.finality_branch[0].0[0] ^= 1);
	change(&|update| update.next = None);
	if update.next.is_some() {
		change(&|update| update.next.as_mut().unwrap().branch.clear());
		change(&|update| update.next.as_mut().unwrap().branch[0].0[0] ^= 1);
		change(&|update| update.next.as_mut().unwrap().branch.try_push(H256::zero()).unwrap());
		change(&|update| update.next.as_mut().unwrap().committee.keys[3][5] ^= 1);
		change(&|update| update.next.as_mut().unwrap().committee.keys.swap(0, 1));
		change(&|update| update.next.as_mut().unwrap().committee.sum[7] ^= 1);
	}
	all
}

#[test]
fn recorded_updates_and_changed_ones_should_be_judged_alike() {
	let file = recorded::read(recorded::ELECTRA);
	let roots = |value: &serde_json::Value| BlockRoots {
		root: recorded::hash(&value["block_roots"]["root"]),
		branch: recorded::branch(&value["block_roots"]["branch"]).to_vec(),
	};
	TestExternalities::default().execute_with(|| {
		let network = recorded::network(&file, [5, 0, 0, 0], Layout::ELECTRA);
		start(&network, &recorded::bootstrap(&file), &roots(&file["bootstrap"]));
		let mut random = Random(1);
		for value in recorded::list(&file["updates"]) {
			let update: Update = same(&recorded::update(value));
			let roots = roots(value);
			for changed in changes(&update) {
				judge_only(&changed, &roots);
			}
			// Bits of all but the committee, which is forty times as large, and of the committee.
			let mut bare = update.clone();
			let next = bare.next.take();
			for _ in 0..600 {
				if let Some(mut changed) = random.flip::<Update>(&bare) {
					changed.next = changed.next.or_else(|| next.clone());
					judge_only(&changed, &roots);
				}
			}
			for _ in 0..100 {
				if let Some(Some(changed)) = next.as_ref().map(|next| random.flip(next)) {
					judge_only(&Update { next: Some(changed), ..update.clone() }, &roots);
				}
			}
			assert!(judge(&update, &roots));
		}
		assert_eq!(latest().slot, SLOTS_PER_PERIOD);
	});
}

/// A chain of which every block can be made, with its committees' keys.
struct Chain {
	network: simulated::Network,
	committees: HashMap<u8, simulated::SyncCommittee>,
}

/// An update that somebody makes up.
struct Draft {
	finalized: u64,
	attested: u64,
	signed: u64,
	/// The committee that signs, and how many of it do.
	by: u8,
	signers: usize,
	/// The committee that is in the attested state as the next one.
	next: u8,
	/// Whether it is brought.
	brings: bool,
}

impl Chain {
	/// Begins in Electra; the second fork is Fulu.
	fn new(fulu: u64) -> Self {
		let mut network = simulator::network([5, 0, 0, 0], Layout::ELECTRA);
		let fork =
			simulated::Fork { version: [6, 0, 0, 0], epoch: fulu, layout: Some(Layout::ELECTRA) };
		network.forks.try_push(fork).unwrap();
		Self { network, committees: HashMap::new() }
	}

	fn committee(&mut self, number: u8) -> simulated::SyncCommittee {
		self.committees.entry(number).or_insert_with(|| simulator::committee(number)).clone()
	}

	/// The header of a block with these things in its state.
	fn header(slot: u64, state: &[(u16, H256)]) -> simulated::BeaconHeader {
		simulated::BeaconHeader {
			slot,
			proposer_index: 0,
			parent_root: H256::zero(),
			state_root: simulator::node(1, state),
			body_root: H256::zero(),
		}
	}

	/// A final block in whose state is also its own committee.
	fn finalized(&mut self, slot: u64) -> (simulated::Bootstrap, BlockRoots) {
		let layout = Layout::ELECTRA;
		let committee = self.committee(period(slot) as u8);
		let root = H256::repeat_byte(slot as u8);
		let state = [(BLOCK_ROOTS, root), (layout.current_committee, committee.root())];
		let bootstrap = simulated::Bootstrap {
			header: Self::header(slot, &state),
			committee,
			committee_branch: simulator::branch(layout.current_committee, &state),
		};
		let branch = simulator::branch(BLOCK_ROOTS, &state).to_vec();
		(bootstrap, BlockRoots { root, branch })
	}

	fn update(&mut self, draft: &Draft) -> (Update, BlockRoots) {
		let layout = Layout::ELECTRA;
		let (finalized, roots) = self.finalized(draft.finalized);
		let next = self.committee(draft.next);
		let state =
			[(layout.finality, finalized.header.root()), (layout.next_committee, next.root())];
		let attested = Self::header(draft.attested, &state);
		let message = verify::signing_root(&self.network, attested.root(), draft.signed).unwrap();
		let update = simulated::Update {
			attested,
			next: draft.brings.then(|| simulated::BroughtCommittee {
				committee: next,
				branch: simulator::branch(layout.next_committee, &state),
			}),
			finalized: finalized.header,
			finality_branch: simulator::branch(layout.finality, &state),
			aggregate: simulator::sign(draft.by, draft.signers, message),
			signature_slot: draft.signed,
		};
		(same(&update), roots)
	}
}

/// What somebody may send to a client whose newest final block is of slot `latest`.
fn draft(random: &mut Random, latest: u64, knows_next: bool) -> Draft {
	let begins = (period(latest) + 1) * SLOTS_PER_PERIOD;
	let finalized = match random.below(10) {
		0 => latest.saturating_sub(random.slots(60)),
		1 | 2 => begins + random.slots(100),
		3 => begins - 1 - random.slots(50),
		4 => begins + SLOTS_PER_PERIOD + random.slots(3) - 1,
		_ => latest + random.slots(400),
	};
	let attested = match random.below(10) {
		0 => finalized.saturating_sub(1),
		1 => finalized,
		2 => finalized + 400,
		_ => finalized + 32 + random.slots(64),
	};
	let signed = match random.below(10) {
		0 => attested,
		1 => attested + 40,
		2 => attested + SLOTS_PER_PERIOD,
		_ => attested + 1,
	};
	let due = period(signed) as u8;
	let after = period(attested) as u8 + 1;
	Draft {
		finalized,
		attested,
		signed,
		by: match random.below(12) {
			0 => due + 1,
			1 => due.saturating_sub(1),
			_ => due,
		},
		signers: [512, 512, 512, 511, 400, 342, 341, 100][random.below(8)],
		next: if random.below(8) == 0 { after + 7 } else { after },
		brings: !knows_next || random.below(2) == 0,
	}
}

#[test]
fn random_updates_of_electra_and_fulu_should_be_judged_alike() {
	const FULU: u64 = 126;
	let (mut taken, mut crossed, mut forked) = (0, 0, 0);
	for seed in 0..12 {
		TestExternalities::default().execute_with(|| {
			println!("seed {seed}");
			let mut random = Random(seed);
			let mut chain = Chain::new(FULU);
			let first = [100, FULU * SLOTS_PER_EPOCH - 60, SLOTS_PER_PERIOD - 200][random.below(3)];
			let (bootstrap, roots) = chain.finalized(first);
			start(&chain.network, &bootstrap, &roots);
			for _ in 0..50 {
				let knows_next = NextCommittee::<Test>::exists();
				let (update, roots) = chain.update(&draft(&mut random, latest().slot, knows_next));
				taken += usize::from(judge(&update, &roots));
			}
			let last = latest().slot;
			crossed += period(last) - period(first);
			let is_fulu = |slot: u64| slot >= FULU * SLOTS_PER_EPOCH;
			forked += usize::from(is_fulu(last) && !is_fulu(first));
		});
	}
	// That all is refused would be alike too.
	assert!(
		taken > 60 && crossed > 3 && forked > 1,
		"{taken} taken, {crossed} periods, {forked} forks"
	);
}
