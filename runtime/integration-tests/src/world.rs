//! Blocks and transactions.

use codec::Encode;
use frame_support::traits::{fungible, fungibles};
use livepeer_primitives::{AccountId, Balance, BlockNumber, ETH};
use livepeer_runtime::{
	genesis_config_presets::get_preset, tx_extension, Address, Assets, Babe, Balances, Executive,
	Header, Runtime, RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, Session, SignedPayload,
	System, UncheckedExtrinsic,
};
use sp_consensus_babe::{
	digests::{PreDigest, SecondaryVRFPreDigest},
	make_vrf_sign_data, Slot, BABE_ENGINE_ID,
};
use sp_core::{crypto::VrfSecret, sr25519, Pair};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{
	generic::{Digest, DigestItem, Era},
	traits::{Get, Header as _},
	transaction_validity::TransactionValidityError,
	BuildStorage, DispatchResult,
};

/// A chain in memory.
pub struct World {
	state: sp_io::TestExternalities,
	slot: u64,
	parent: livepeer_primitives::Hash,
	number: BlockNumber,
	queue: Vec<UncheckedExtrinsic>,
	/// Every event since the start, with its block.
	pub events: Vec<(BlockNumber, RuntimeEvent)>,
}

fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
	match (into, patch) {
		(serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
			for (key, value) in patch {
				merge(into.entry(key).or_insert(serde_json::Value::Null), value);
			}
		},
		(into, patch) => *into = patch,
	}
}

impl World {
	/// The chain of `--chain local`, before its first block.
	pub fn local() -> Self {
		let preset = get_preset(&"local_testnet".into()).expect("the preset exists");
		let preset = serde_json::from_slice(&preset).expect("a preset is JSON");
		let mut json =
			serde_json::to_value(RuntimeGenesisConfig::default()).expect("genesis is JSON");
		merge(&mut json, preset);
		let genesis: RuntimeGenesisConfig = serde_json::from_value(json).expect("a preset fits");
		let state = genesis.build_storage().expect("a preset builds").into();
		let mut world = Self {
			state,
			slot: 1_000_000,
			parent: Default::default(),
			number: 0,
			queue: Vec::new(),
			events: Vec::new(),
		};
		world.next_block();
		world
	}

	/// Reads or changes the state outside of blocks.
	pub fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
		self.state.execute_with(f)
	}

	/// The height of the newest block.
	pub fn number(&self) -> BlockNumber {
		self.number
	}

	/// Queues a signed call for the next block.
	pub fn submit(&mut self, who: Sr25519Keyring, call: impl Into<RuntimeCall>) {
		let call = call.into();
		let queued = self
			.queue
			.iter()
			.filter(|extrinsic| {
				extrinsic.preamble.to_signed().is_some_and(|(address, ..)| {
					address == Address::Id(who.to_account_id())
				})
			})
			.count() as u32;
		let extrinsic = self.run(|| {
			let nonce = System::account_nonce(who.to_account_id()) + queued;
			let extension = tx_extension(Era::Immortal, nonce, 0);
			let payload = SignedPayload::new(call, extension).expect("the implicit part is known");
			let signature = payload.using_encoded(|bytes| who.sign(bytes));
			let (call, extension, _) = payload.deconstruct();
			UncheckedExtrinsic::new_signed(
				call,
				Address::Id(who.to_account_id()),
				signature.into(),
				extension,
			)
		});
		self.queue.push(extrinsic);
	}

	/// Queues a call that carries its own authorisation.
	pub fn submit_authorized(&mut self, call: impl Into<RuntimeCall>) {
		use frame_system::offchain::CreateAuthorizedTransaction;
		let call = call.into();
		let extrinsic = self.run(|| {
			<Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_authorized_transaction(
				call,
			)
		});
		self.queue.push(extrinsic);
	}

	/// Makes a block of everything queued; says how each transaction went.
	pub fn next_block(&mut self) -> Vec<Result<DispatchResult, TransactionValidityError>> {
		self.slot += 1;
		self.number += 1;
		let (slot, number, parent) = (self.slot, self.number, self.parent);
		let queue = std::mem::take(&mut self.queue);
		let (header, results, events) = self.state.execute_with(|| {
			let header = Header::new(
				number,
				Default::default(),
				Default::default(),
				parent,
				Digest { logs: vec![pre_digest(slot)] },
			);
			Executive::initialize_block(&header);
			let now = slot * livepeer_runtime::configs::timing::SlotDuration::get();
			let inherent = UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(
				pallet_timestamp::Call::set { now },
			));
			Executive::apply_extrinsic(inherent).expect("time is valid").expect("time is set");
			let results = queue.into_iter().map(Executive::apply_extrinsic).collect::<Vec<_>>();
			let header = Executive::finalize_block();
			let events = System::read_events_no_consensus().map(|record| record.event);
			(header, results, events.collect::<Vec<_>>())
		});
		self.parent = header.hash();
		self.events.extend(events.into_iter().map(|event| (number, event)));
		#[cfg(feature = "try-runtime")]
		self.check();
		results
	}

	/// Makes blocks until `done` holds; panics after `patience` of them.
	pub fn until(&mut self, patience: u32, mut done: impl FnMut(&mut Self) -> bool) {
		for _ in 0..patience {
			if done(self) {
				return;
			}
			self.next_block();
		}
		assert!(done(self), "not done after {patience} blocks, at block {}", self.number);
	}

	/// Makes `count` blocks.
	pub fn blocks(&mut self, count: u32) {
		for _ in 0..count {
			self.next_block();
		}
	}

	/// The invariants of every pallet.
	#[cfg(feature = "try-runtime")]
	pub fn check(&mut self) {
		use frame_support::traits::{TryState, TryStateSelect};
		let number = self.number;
		self.state.execute_with(|| {
			livepeer_runtime::AllPalletsWithSystem::try_state(number, TryStateSelect::All)
				.expect("every invariant holds");
		});
	}

	/// LPT of an account, free and held.
	pub fn lpt(&mut self, who: &AccountId) -> Balance {
		self.run(|| <Balances as fungible::Inspect<AccountId>>::total_balance(who))
	}

	/// ETH of an account, free and held.
	pub fn eth(&mut self, who: &AccountId) -> Balance {
		self.run(|| <Assets as fungibles::Inspect<AccountId>>::total_balance(ETH, who))
	}

	/// LPT and ETH in existence.
	pub fn issuance(&mut self) -> (Balance, Balance) {
		self.run(|| {
			(
				<Balances as fungible::Inspect<AccountId>>::total_issuance(),
				<Assets as fungibles::Inspect<AccountId>>::total_issuance(ETH),
			)
		})
	}
}

/// The claim to a slot of the first authority, from the slot's own on, that is not disabled, with
/// its VRF.
fn pre_digest(slot: u64) -> DigestItem {
	let slot_number = Slot::from(slot);
	let duration: u64 = <Runtime as pallet_babe::Config>::EpochDuration::get();
	let first = *Babe::genesis_slot() == 0;
	let changes = !first && *Babe::current_epoch_start() + duration <= slot;
	let epoch = if changes { Babe::next_epoch() } else { Babe::current_epoch() };
	let count = epoch.authorities.len() as u64;
	let disabled = if changes { Vec::new() } else { Session::disabled_validators() };
	let authority_index = (0..count)
		.map(|step| ((slot + step) % count) as u32)
		.find(|index| !disabled.contains(index))
		.expect("not everybody is disabled");
	let public: sr25519::Public = epoch.authorities[authority_index as usize].0.clone().into();
	let pair = Sr25519Keyring::iter()
		.map(Sr25519Keyring::pair)
		.find(|pair| pair.public() == public)
		.expect("authorities are well known");
	let data = make_vrf_sign_data(&epoch.randomness, slot_number, epoch.epoch_index);
	let vrf_signature = pair.vrf_sign(&data);
	let claim = PreDigest::SecondaryVRF(SecondaryVRFPreDigest {
		authority_index,
		slot: slot_number,
		vrf_signature,
	});
	DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())
}
