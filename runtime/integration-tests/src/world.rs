//! Blocks, transactions, and the sums that must hold after each block.

use codec::Encode;
use frame_support::{
	traits::{fungible, fungibles, Hooks},
	StorageHasher, Twox128,
};
use livepeer_primitives::{
	duty::Heartbeat,
	keys::Purpose,
	params::{ElectionParameters, LotteryParameters, ProtocolParameters, Timing},
	refusal::Refusal,
	AccountId, Balance, BlockNumber, Hash, RoundIndex, ETH,
};
use livepeer_runtime::{
	check_invariants, genesis_config_presets::genesis_config, tx_extension, Address, Assets, Babe,
	Balances, ChainConfig, ChallengeLottery, Executive, Header, OperatorKeys, Rounds, Runtime,
	RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, RuntimeOrigin, Session, SignedPayload, System,
	UncheckedExtrinsic,
};
use pallet_jobs::types::{MAX_PAYOUTS, PAYOUTS_PER_STEP};
use serde_json::json;
use sp_consensus_babe::{
	digests::{PreDigest, SecondaryVRFPreDigest},
	make_vrf_sign_data, Slot, BABE_ENGINE_ID,
};
use sp_core::{
	crypto::VrfSecret,
	offchain::{OffchainDbExt, OffchainWorkerExt, TransactionPoolExt},
	sr25519, Pair as _,
};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_keystore::KeystoreExt;
use sp_runtime::{
	generic::{Digest, DigestItem, Era},
	traits::{Get, Header as _, IdentifyAccount},
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	BuildStorage, DispatchResult, ExtrinsicInclusionMode, MultiSigner, Perbill, StateVersion,
};

use crate::acts::{changed_session_key, sign_by};

/// What became of a transaction: refused, or applied with this result.
pub type Applied = Result<DispatchResult, TransactionValidityError>;

/// How the pool refuses an authorized call for this error of its pallet.
pub fn refused(error: impl Refusal) -> Applied {
	Err(error.refusal())
}

/// A transaction that waits for a block. It is signed when the block is made, so that one which
/// had to wait keeps a valid nonce.
#[derive(Clone)]
enum Transaction {
	/// Signed by an account.
	Signed(Box<sr25519::Pair>, RuntimeCall),
	/// Authorised by what it carries.
	Authorized(RuntimeCall),
	/// A report of misbehaviour, which a block's author may put into it.
	Bare(RuntimeCall),
}

/// A chain in memory.
pub struct World {
	state: TestExternalities,
	slot: u64,
	parent: Hash,
	number: BlockNumber,
	queue: Vec<Transaction>,
	issuance: (Balance, Balance),
	/// Whose workers run: they send a heartbeat when one is due.
	pub workers: Vec<Sr25519Keyring>,
	/// Who alone makes blocks; empty for everybody in turn.
	pub authors: Vec<Sr25519Keyring>,
	/// Who pays the fees of its transactions in ETH.
	pub eth_payers: Vec<Sr25519Keyring>,
	/// Slots whose authors were disabled.
	pub lost_slots: u32,
	/// Every event since the start, with its block.
	pub events: Vec<(BlockNumber, RuntimeEvent)>,
}

impl World {
	/// The chain of `--chain local`, after its first block.
	pub fn local() -> Self {
		Self::of(LOCAL_TESTNET_RUNTIME_PRESET)
	}

	/// The chain of `--dev`, after its first block.
	pub fn development() -> Self {
		Self::of(DEV_RUNTIME_PRESET)
	}

	/// The same without inflation, for who reckons with stake to the unit: its rate is nothing and
	/// does not move.
	pub fn without_inflation(mut self) -> Self {
		use livepeer_runtime::configs::parameters::{dynamic_params::protocol, RuntimeParameters};
		self.run(|| {
			pallet_inflation::Rate::<Runtime>::put(Perbill::zero());
			let mut inflation = ChainConfig::parameters().inflation;
			inflation.rate_change = Perbill::zero();
			let update =
				protocol::Parameters::Inflation(protocol::Inflation, Some(inflation.into()));
			ChainConfig::set_parameter(RuntimeOrigin::root(), RuntimeParameters::Protocol(update))
				.expect("the parameters keep every rule");
		});
		self
	}

	fn of(preset: &str) -> Self {
		Self::begin(&genesis_config(preset, json!({})).expect("the preset exists"))
	}

	/// The chain that begins so, after its first block. Its validators are well-known accounts with the session
	/// keys of their names.
	pub fn begin(genesis: &RuntimeGenesisConfig) -> Self {
		let state = genesis.build_storage().expect("it is a genesis").into();
		let genesis = Header::new(
			0,
			Default::default(),
			Hash::repeat_byte(1),
			Default::default(),
			Default::default(),
		);
		let mut world = Self {
			state,
			slot: 1_000_000,
			parent: genesis.hash(),
			number: 0,
			queue: Vec::new(),
			issuance: (0, 0),
			workers: Vec::new(),
			authors: Vec::new(),
			eth_payers: Vec::new(),
			lost_slots: 0,
			events: Vec::new(),
		};
		world.issuance = world.issuance();
		world.next_block();
		world
	}

	/// A second chain that has the same past.
	pub fn fork(&mut self) -> Self {
		self.state.commit_all().expect("no transaction is open between blocks");
		let (raw, root) = std::mem::take(&mut self.state).into_raw_snapshot();
		let copy = |raw| TestExternalities::from_raw_snapshot(raw, root, StateVersion::V1);
		self.state = copy(raw.clone());
		Self {
			state: copy(raw),
			slot: self.slot,
			parent: self.parent,
			number: self.number,
			queue: self.queue.clone(),
			issuance: self.issuance,
			workers: self.workers.clone(),
			authors: self.authors.clone(),
			eth_payers: self.eth_payers.clone(),
			lost_slots: self.lost_slots,
			events: self.events.clone(),
		}
	}

	/// Reads or changes the state outside of blocks.
	pub fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
		self.state.execute_with(f)
	}

	/// The height of the newest block.
	pub fn number(&self) -> BlockNumber {
		self.number
	}

	/// The round of the newest block.
	pub fn round(&mut self) -> RoundIndex {
		self.run(<Rounds as livepeer_primitives::traits::Rounds>::current)
	}

	/// Hash of the first block, which every signature names.
	pub fn genesis(&mut self) -> Hash {
		self.run(|| System::block_hash(0))
	}

	/// Lets governance set the parameters of the lottery.
	pub fn set_lottery(&mut self, change: impl FnOnce(&mut LotteryParameters)) {
		use livepeer_runtime::configs::parameters::{dynamic_params::protocol, RuntimeParameters};
		self.run(|| {
			let mut lottery = ChainConfig::parameters().lottery;
			change(&mut lottery);
			let update = protocol::Parameters::Lottery(protocol::Lottery, Some(lottery.into()));
			ChainConfig::set_parameter(RuntimeOrigin::root(), RuntimeParameters::Protocol(update))
				.expect("the parameters keep every rule");
		});
	}

	/// Lets governance set the parameters of the election.
	pub fn set_election(&mut self, change: impl FnOnce(&mut ElectionParameters)) {
		use livepeer_runtime::configs::parameters::{dynamic_params::protocol, RuntimeParameters};
		self.run(|| {
			let mut election = ChainConfig::parameters().election;
			change(&mut election);
			let update = protocol::Parameters::Election(protocol::Election, Some(election.into()));
			ChainConfig::set_parameter(RuntimeOrigin::root(), RuntimeParameters::Protocol(update))
				.expect("the parameters keep every rule");
		});
	}

	/// The parameters in force and the clock.
	pub fn parameters(&mut self) -> (ProtocolParameters, Timing) {
		self.run(|| (ChainConfig::parameters(), ChainConfig::timing()))
	}

	/// Queues a signed call for the next block that has room.
	pub fn submit(&mut self, who: Sr25519Keyring, call: impl Into<RuntimeCall>) {
		self.submit_by(who.pair(), call);
	}

	/// Queues a call that the account of this key signs.
	pub fn submit_by(&mut self, pair: sr25519::Pair, call: impl Into<RuntimeCall>) {
		self.queue.push(Transaction::Signed(Box::new(pair), call.into()));
	}

	/// Queues a call that carries its own authorisation.
	pub fn submit_authorized(&mut self, call: impl Into<RuntimeCall>) {
		self.queue.push(Transaction::Authorized(call.into()));
	}

	/// Queues a report of misbehaviour.
	pub fn submit_bare(&mut self, call: impl Into<RuntimeCall>) {
		self.queue.push(Transaction::Bare(call.into()));
	}

	/// Delivers one call that carries its own authorisation, after what is queued already.
	pub fn call_authorized(&mut self, call: impl Into<RuntimeCall>) -> Applied {
		if !self.queue.is_empty() {
			self.deliver();
		}
		self.submit_authorized(call);
		self.deliver().pop().expect("it was delivered")
	}

	/// Delivers one call that carries its own authorisation and must succeed.
	pub fn ok_authorized(&mut self, call: impl Into<RuntimeCall>) {
		self.call_authorized(call).expect("the transaction is valid").expect("the call succeeds");
	}

	/// Makes blocks until everything queued has found its place; says how it went. A block in
	/// which the session changes takes operator duties only.
	pub fn deliver(&mut self) -> Vec<Applied> {
		let mut results = self.next_block();
		for _ in 0..5 {
			if self.queue.is_empty() {
				return results;
			}
			results.extend(self.next_block());
		}
		panic!("the queue is not worked off at block {}", self.number);
	}

	/// Delivers one signed call, after what is queued already.
	pub fn call(&mut self, who: Sr25519Keyring, call: impl Into<RuntimeCall>) -> Applied {
		if !self.queue.is_empty() {
			self.deliver();
		}
		self.submit(who, call);
		self.deliver().pop().expect("it was delivered")
	}

	/// Delivers one signed call that must succeed.
	pub fn ok(&mut self, who: Sr25519Keyring, call: impl Into<RuntimeCall>) {
		self.call(who, call).expect("the transaction is valid").expect("the call succeeds");
	}

	/// Delivers everything queued, all of which must succeed.
	pub fn deliver_ok(&mut self) {
		for result in self.deliver() {
			result.expect("the transaction is valid").expect("the call succeeds");
		}
	}

	/// Makes a block of everything queued that it has room for; says how each transaction went. A
	/// block of a migration has room for none. The slots of authors that are disabled are lost.
	pub fn next_block(&mut self) -> Vec<Applied> {
		self.step().into_iter().flatten().collect()
	}

	/// The same, and says it of everything queued, in its order; `None` of what waits on.
	pub fn step(&mut self) -> Vec<Option<Applied>> {
		self.state.commit_all().expect("no transaction is open between blocks");
		for _ in 0..20 {
			self.slot += 1;
			if let Some(results) = self.try_block() {
				self.check();
				return results;
			}
			self.state.reset_overlay();
			self.lost_slots += 1;
		}
		panic!("nobody can make block {}", self.number + 1);
	}

	/// Makes a block in this slot; `None` if its author is disabled by the end of it, which is when
	/// BABE refuses the block.
	fn try_block(&mut self) -> Option<Vec<Option<Applied>>> {
		let (slot, number, parent) = (self.slot, self.number + 1, self.parent);
		let (workers, authors, queue) = (&self.workers, &self.authors, &self.queue);
		let eth_payers = &self.eth_payers;
		let (header, results, events) = self.state.execute_with(|| {
			let (author, claim) = claim_slot(slot, authors);
			let header = Header::new(
				number,
				Default::default(),
				Default::default(),
				parent,
				Digest { logs: vec![claim] },
			);
			let mode = Executive::initialize_block(&header);
			let now = slot * livepeer_runtime::configs::timing::SlotDuration::get();
			let inherent =
				UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set {
					now,
				}));
			Executive::apply_extrinsic(inherent).expect("time is valid").expect("time is set");
			let is_open = mode == ExtrinsicInclusionMode::AllExtrinsics;
			for worker in workers {
				if is_open && owes_heartbeat(*worker) {
					Executive::apply_extrinsic(authorized(heartbeat(*worker, number).into()))
						.expect("a heartbeat is valid when it is due")
						.expect("a heartbeat is taken when it is due");
				}
			}
			let apply = |transaction: &Transaction| {
				let extrinsic = match transaction.clone() {
					Transaction::Signed(pair, call) => {
						let in_eth = eth_payers.iter().any(|payer| payer.public() == pair.public());
						signed(&pair, call, in_eth)
					}
					Transaction::Authorized(call) => authorized(call),
					Transaction::Bare(call) => UncheckedExtrinsic::new_bare(call),
				};
				match Executive::apply_extrinsic(extrinsic) {
					Err(TransactionValidityError::Invalid(
						InvalidTransaction::ExhaustsResources,
					)) => None,
					result => Some(result),
				}
			};
			let results: Vec<Option<Applied>> = queue
				.iter()
				.map(|transaction| if is_open { apply(transaction) } else { None })
				.collect();
			if Session::disabled_validators().contains(&author) {
				return None;
			}
			let header = Executive::finalize_block();
			let events = System::read_events_no_consensus().map(|record| record.event);
			Some((header, results, events.collect::<Vec<_>>()))
		})?;
		self.number = number;
		let left = self.queue.iter().zip(&results).filter(|(_, result)| result.is_none());
		self.queue = left.map(|(transaction, _)| transaction.clone()).collect();
		self.parent = header.hash();
		self.issuance.0 += events.iter().map(minted).sum::<Balance>();
		self.events.extend(events.into_iter().map(|event| (number, event)));
		Some(results)
	}

	/// Runs the off-chain worker of a node that judges, after the newest block: on the node's own database,
	/// with what its host does for it, its pool and its keys.
	pub fn off_chain(
		&mut self,
		database: OffchainDbExt,
		host: OffchainWorkerExt,
		pool: TransactionPoolExt,
		keys: KeystoreExt,
	) {
		self.state.register_extension(database);
		self.state.register_extension(host);
		self.state.register_extension(pool);
		self.state.register_extension(keys);
		let height = self.number;
		self.run(|| <ChallengeLottery as Hooks<BlockNumber>>::offchain_worker(height));
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

	/// The slot of the newest block.
	pub fn slot(&self) -> u64 {
		self.slot
	}

	/// Lets slots pass without a block.
	pub fn skip_slots(&mut self, count: u64) {
		self.slot += count;
	}

	/// Nothing comes from nowhere and nothing is lost: the invariants of every pallet hold, no LPT
	/// but inflation and no ETH is made or destroyed, and all that exists is on accounts.
	pub fn check(&mut self) {
		let (number, issuance) = (self.number, self.issuance);
		assert_eq!(self.issuance(), issuance, "the issuance changed in block {number}");
		self.run(|| {
			check_invariants(number)
				.expect("build with the feature livepeer-runtime/try-runtime")
				.unwrap_or_else(|error| panic!("in block {number}: {error:?}"));
			let (mut lpt, mut eth) = (0, 0);
			for who in frame_system::Account::<Runtime>::iter_keys() {
				lpt += <Balances as fungible::Inspect<AccountId>>::total_balance(&who);
				eth += <Assets as fungibles::Inspect<AccountId>>::total_balance(ETH, &who);
			}
			assert_eq!((lpt, eth), issuance, "balances do not add up in block {number}");
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

	/// What jobs, claims and challenges have left in the state. Counters that never run back,
	/// accepted toolchains and the verifier keys in force stay on purpose.
	pub fn leftovers(&mut self) -> Vec<String> {
		self.entries().into_iter().map(|(name, _)| name).collect()
	}

	/// How much of that there is: how many keys, and how many bytes in them and in their values.
	pub fn kept(&mut self) -> (usize, usize) {
		let entries = self.entries();
		(entries.len(), entries.iter().map(|(_, bytes)| bytes).sum())
	}

	/// The longest time in blocks from a job's end until nothing of it is left, whatever anyone does:
	/// a claim in the last block of its grace, which lives as long as any, is paid in as many steps as
	/// there can be, and is gone in the block after. Where many fail under one toolchain, it may be longer.
	pub fn longest_after_end(&mut self) -> BlockNumber {
		let (parameters, timing) = self.parameters();
		let life = parameters.lottery.longest_claim_life(&timing);
		let steps = MAX_PAYOUTS.div_ceil(PAYOUTS_PER_STEP) - 1;
		parameters.jobs.claim_grace + life + steps + 1
	}

	/// The keys of jobs, claims and challenges by name, each with its bytes and those of its value.
	fn entries(&mut self) -> Vec<(String, usize)> {
		let lasting = [
			item("Jobs", "NextJob"),
			item("Jobs", "NextSpendingKey"),
			item("Jobs", "NextClaim"),
			item("Jobs", "NextWalk"),
			item("Jobs", "Lapses"),
			item("ChallengeLottery", "Toolchains"),
			item("ChallengeLottery", "Verifiers"),
			item("ChallengeLottery", "NoShows"),
			item("ChallengeLottery", "Omitted"),
			item("ChallengeLottery", "ChilledLate"),
			item("ChallengeLottery", "Attestations"),
			item("ChallengeLottery", "Accepted"),
			item("ChallengeLottery", "PoolSpent"),
			item("ChallengeLottery", "Tallied"),
		];
		let prefixes = [
			("Jobs", twox("Jobs")),
			("ChallengeLottery", twox("ChallengeLottery")),
			("AssetsHolder", twox("AssetsHolder")),
			("Beacon.Retained", item("Beacon", "Retained")),
			("LptStaking.Liabilities", item("LptStaking", "Liabilities")),
		];
		let version = twox(":__STORAGE_VERSION__:");
		self.run(|| {
			let mut left = Vec::new();
			for (name, prefix) in prefixes {
				let mut at = prefix.clone();
				while let Some(key) =
					sp_io::storage::next_key(&at).filter(|key| key.starts_with(&prefix))
				{
					if key[16..] != version[..]
						&& !lasting.iter().any(|prefix| key.starts_with(prefix))
					{
						let value = sp_io::storage::get(&key).map_or(0, |value| value.len());
						left.push((format!("{name}: {key:02x?}"), key.len() + value));
					}
					at = key;
				}
			}
			left
		})
	}
}

/// LPT that this event minted.
fn minted(event: &RuntimeEvent) -> Balance {
	match event {
		RuntimeEvent::Inflation(pallet_inflation::Event::RoundPaid { minted, .. }) => *minted,
		_ => 0,
	}
}

fn twox(name: &str) -> Vec<u8> {
	Twox128::hash(name.as_bytes()).to_vec()
}

fn item(pallet: &str, name: &str) -> Vec<u8> {
	[twox(pallet), twox(name)].concat()
}

/// A transaction of the key's account with its next nonce, whose fee is paid in LPT or `in_eth`.
fn signed(pair: &sr25519::Pair, call: RuntimeCall, in_eth: bool) -> UncheckedExtrinsic {
	let account = MultiSigner::from(pair.public()).into_account();
	let nonce = System::account_nonce(account.clone());
	let mut extension = tx_extension(Era::Immortal, nonce, 0);
	if in_eth {
		extension.8 .0 = pallet_asset_tx_payment::ChargeAssetTxPayment::from(0, Some(ETH));
	}
	let payload = SignedPayload::new(call, extension).expect("the implicit part is known");
	let signature = payload.using_encoded(|bytes| pair.sign(bytes));
	let (call, extension, _) = payload.deconstruct();
	let address = Address::Id(account);
	UncheckedExtrinsic::new_signed(call, address, signature.into(), extension)
}

fn authorized(call: RuntimeCall) -> UncheckedExtrinsic {
	use frame_system::offchain::CreateAuthorizedTransaction;
	<Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_authorized_transaction(call)
}

/// Whether the worker of `who` sends a heartbeat in the block at work.
fn owes_heartbeat(who: Sr25519Keyring) -> bool {
	let now = ChainConfig::clock();
	let interval = ChainConfig::parameters().election.heartbeat_interval;
	pallet_transcoder_election::Available::<Runtime>::get(who.to_account_id())
		.is_some_and(|availability| now >= availability.last_seen + interval)
}

/// The heartbeat that `who` sends in block `at`.
pub fn heartbeat(
	who: Sr25519Keyring,
	at: BlockNumber,
) -> pallet_transcoder_election::Call<Runtime> {
	let heartbeat = Heartbeat { genesis: System::block_hash(0), at };
	let generation = OperatorKeys::current_of(who.to_account_id(), Purpose::Duties);
	let signature = sign_by(who, generation, &heartbeat.hash());
	pallet_transcoder_election::Call::heartbeat { heartbeat, signature }
}

/// Whose a slot is, among the authorities in turn or, where one of them is an authority, among
/// `authors`: its index, and its claim with its VRF.
fn claim_slot(slot: u64, authors: &[Sr25519Keyring]) -> (u32, DigestItem) {
	let slot_number = Slot::from(slot);
	let duration: u64 = <Runtime as pallet_babe::Config>::EpochDuration::get();
	let first = *Babe::genesis_slot() == 0;
	let changes = !first && *Babe::current_epoch_start() + duration <= slot;
	let epoch = if changes { Babe::next_epoch() } else { Babe::current_epoch() };
	let count = epoch.authorities.len() as u64;
	let key = |index: u32| -> (Sr25519Keyring, sr25519::Pair) {
		let public: sr25519::Public = epoch.authorities[index as usize].0.clone().into();
		match Sr25519Keyring::from_public(&public) {
			Some(who) => (who, who.pair()),
			None => Sr25519Keyring::invulnerable()
				.map(|who| (who, changed_session_key(who)))
				.find(|(_, pair)| pair.public() == public)
				.expect("authorities are well known"),
		}
	};
	let authority_index = (0..count)
		.map(|step| ((slot + step) % count) as u32)
		.find(|index| authors.is_empty() || authors.contains(&key(*index).0))
		.unwrap_or((slot % count) as u32);
	let data = make_vrf_sign_data(&epoch.randomness, slot_number, epoch.epoch_index);
	let vrf_signature = key(authority_index).1.vrf_sign(&data);
	let claim = PreDigest::SecondaryVRF(SecondaryVRFPreDigest {
		authority_index,
		slot: slot_number,
		vrf_signature,
	});
	(authority_index, DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode()))
}
