//! Reports validators that make two blocks in one slot.
//!
//! BABE's own check sees headers as the import takes them, without their seal. The runtime cannot verify such
//! a report and refuses it, so a validator that runs twice would lose nothing. This module compares stored
//! blocks instead. It drops BABE's reports, because the pool takes only the first of two reports about one
//! slot. `make validators-drill ONLY=double` shows when neither is needed any more.
//!
//! BEEFY's voter makes reports of two votes in one round, but has no pool to submit them to: here it gets
//! one.

use crate::client::Client;
use futures::StreamExt;
use livepeer_runtime::opaque::{Block, Hash, Header, UncheckedExtrinsic};
use sc_client_api::{BlockchainEvents, HeaderBackend, ImportNotifications};
use sc_transaction_pool_api::{
	error::Error as PoolError, LocalTransactionPool, OffchainTransactionPoolFactory,
};
use sp_api::{ApiError, ApiExt, ApiRef, ProvideRuntimeApi};
use sp_consensus::BlockOrigin;
use sp_consensus_babe::{AuthorityId, BabeApi, EquivocationProof, Slot};
use std::{collections::BTreeMap, sync::Arc};

/// The runtime for BEEFY's voter, with the pool of this node. BABE and GRANDPA are given a pool and lend it
/// to the runtime. BEEFY is given none, and without one its reports fail with only a line in the debug log.
pub struct WithPool {
	client: Arc<Client>,
	pool: OffchainTransactionPoolFactory<Block>,
}

impl WithPool {
	/// Submits the runtime's transactions to `pool`.
	pub fn new(client: Arc<Client>, pool: OffchainTransactionPoolFactory<Block>) -> Self {
		Self { client, pool }
	}
}

impl ProvideRuntimeApi<Block> for WithPool {
	type Api = <Client as ProvideRuntimeApi<Block>>::Api;

	fn runtime_api(&self) -> ApiRef<'_, Self::Api> {
		let mut api = self.client.runtime_api();
		let best = self.client.info().best_hash;
		api.register_extension(self.pool.offchain_transaction_pool(best));
		api
	}
}

/// A second block is detected in this many slots: the newest with blocks.
const REMEMBERED: usize = 1_000;

/// A pool that drops the reports of BABE's check.
pub struct Unsealed;

impl LocalTransactionPool for Unsealed {
	type Block = Block;
	type Hash = Hash;
	type Error = PoolError;

	fn submit_local(&self, _at: Hash, _report: UncheckedExtrinsic) -> Result<Hash, PoolError> {
		Ok(Hash::default())
	}
}

/// The first block of each author in each of the newest slots, until a second one is found. Their number is
/// bounded, not their distance from the newest: a node with a wrong clock may take a single block of a slot
/// far ahead, which must not displace all others.
#[derive(Default)]
struct Seen(BTreeMap<Slot, Vec<(AuthorityId, Option<Hash>)>>);

impl Seen {
	/// Notes a block; returns, once, the other block of the same author and slot.
	fn other(&mut self, slot: Slot, author: &AuthorityId, hash: Hash) -> Option<Hash> {
		let blocks = self.0.entry(slot).or_default();
		let other = match blocks.iter().position(|(by, _)| by == author) {
			Some(place) => blocks[place].1.take_if(|first| *first != hash),
			None => {
				blocks.push((author.clone(), Some(hash)));
				None
			}
		};
		if self.0.len() > REMEMBERED {
			self.0.pop_first();
		}
		other
	}
}

/// Watches blocks, and submits reports to this node's pool, from which its next own block takes them.
pub struct Reports {
	client: Arc<Client>,
	pool: OffchainTransactionPoolFactory<Block>,
	blocks: ImportNotifications<Block>,
	seen: Seen,
}

impl Reports {
	/// Watches every block from now on; reports go into `pool`.
	pub fn new(client: Arc<Client>, pool: OffchainTransactionPoolFactory<Block>) -> Self {
		let blocks = client.every_import_notification_stream();
		Self { client, pool, blocks, seen: Seen::default() }
	}

	/// The slot and the author of a block.
	fn origin_of(&self, hash: Hash, header: &Header) -> Option<(Slot, AuthorityId)> {
		let claim = sc_consensus_babe::find_pre_digest::<Block>(header).ok()?;
		let place = usize::try_from(claim.authority_index()).ok()?;
		let epoch = self.client.runtime_api().current_epoch(hash).ok()?;
		let (author, _) = epoch.authorities.into_iter().nth(place)?;
		Some((claim.slot(), author))
	}

	/// Submits a report; `at` is a block of the session. Returns whether the pool took it.
	fn report(&self, at: Hash, proof: EquivocationProof<Header>) -> Result<bool, ApiError> {
		let membership = self.client.runtime_api().generate_key_ownership_proof(
			at,
			proof.slot,
			proof.offender.clone(),
		)?;
		let Some(membership) = membership else { return Ok(false) };
		let best = self.client.info().best_hash;
		let mut api = self.client.runtime_api();
		api.register_extension(self.pool.offchain_transaction_pool(best));
		let sent = api.submit_report_equivocation_unsigned_extrinsic(best, proof, membership)?;
		Ok(sent.is_some())
	}

	/// Reports the second block of an author in a slot, once.
	pub async fn watch(mut self) {
		while let Some(block) = self.blocks.next().await {
			// Old blocks that come in by sync were reported when they were new. This node's own blocks are
			// left to others: if its clock were ahead, its own slots would displace the remembered ones.
			if matches!(block.origin, BlockOrigin::NetworkInitialSync | BlockOrigin::Own) {
				continue;
			}
			let Some((slot, offender)) = self.origin_of(block.hash, &block.header) else {
				continue;
			};
			let Some(first) = self.seen.other(slot, &offender, block.hash) else { continue };
			let names = format!("{first:?} and {:?} in slot {}", block.hash, *slot);
			let first = match self.client.header(first) {
				Ok(Some(first)) => first,
				missing => {
					log::warn!("A validator made the blocks {names}: one is not here: {missing:?}");
					continue;
				}
			};
			let proof = EquivocationProof {
				slot,
				offender,
				first_header: first,
				second_header: block.header.clone(),
			};
			match self.report(block.hash, proof) {
				Ok(true) => log::warn!("A validator made the blocks {names}: it is reported"),
				Ok(false) => {
					log::warn!("A validator made the blocks {names}: the report was not taken")
				}
				Err(error) => {
					log::warn!(
						"A validator made the blocks {names}: it cannot be reported: {error}"
					)
				}
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{chain_spec, cli::GenesisParams, client::Executor};
	use codec::Encode;
	use livepeer_runtime::RuntimeApi;
	use sc_client_api::execution_extensions::ExecutionExtensions;
	use sc_client_db::{BlocksPruning, DatabaseSettings, DatabaseSource};
	use sc_service::{ClientConfig, GenesisBlockBuilder};
	use sp_consensus_beefy::{
		ecdsa_crypto::{AuthorityId as BeefyId, Signature},
		known_payloads::MMR_ROOT_ID,
		BeefyApi, Commitment, DoubleVotingProof, Payload, VoteMessage,
	};
	use sp_core::{ecdsa, sr25519, testing::TaskExecutor, Pair as _};
	use sp_io::hashing::keccak_256;
	use std::{
		path::Path,
		sync::atomic::{AtomicUsize, Ordering},
	};

	/// A pool that counts reports.
	#[derive(Default)]
	struct Counting(AtomicUsize);

	impl LocalTransactionPool for Counting {
		type Block = Block;
		type Hash = Hash;
		type Error = PoolError;

		fn submit_local(&self, _at: Hash, _report: UncheckedExtrinsic) -> Result<Hash, PoolError> {
			self.0.fetch_add(1, Ordering::Relaxed);
			Ok(Hash::default())
		}
	}

	/// A local testnet at its beginning.
	fn client(folder: &Path) -> Client {
		let executor: Executor = Executor::builder().build();
		let backend = sc_service::new_db_backend::<Block>(DatabaseSettings {
			trie_cache_maximum_size: None,
			state_pruning: None,
			source: DatabaseSource::ParityDb { path: folder.to_owned() },
			blocks_pruning: BlocksPruning::KeepAll,
			pruning_filters: Vec::new(),
			metrics_registry: None,
		})
		.expect("a database");
		let spec = chain_spec::load("local", &GenesisParams::default()).expect("it is built in");
		let genesis = GenesisBlockBuilder::new(&spec, true, backend.clone(), executor.clone())
			.expect("a genesis");
		let extensions = ExecutionExtensions::new(None, Arc::new(executor.clone()));
		let spawner = Box::new(TaskExecutor::new());
		let config = ClientConfig::default();
		sc_service::new_client::<_, Block, RuntimeApi, _>(
			backend, executor, genesis, None, None, extensions, spawner, None, None, config,
		)
		.expect("a client")
	}

	/// Without a pool for the report, two votes in one round would cost a validator nothing.
	#[test]
	fn report_of_two_votes_in_one_round_of_beefy_should_reach_the_pool() {
		let folder = tempfile::tempdir().expect("a folder");
		let client = Arc::new(client(folder.path()));
		let pool = Arc::new(Counting::default());
		let factory = OffchainTransactionPoolFactory::new(pool.clone());
		let runtime = WithPool::new(client.clone(), factory);
		let genesis = client.info().genesis_hash;
		let pair = ecdsa::Pair::from_string("//Bob", None).expect("a key");
		let offender = BeefyId::from(pair.public());
		let vote = |root: u8| {
			let payload = Payload::from_single_entry(MMR_ROOT_ID, vec![root; 32]);
			let commitment = Commitment { payload, block_number: 1u32, validator_set_id: 0 };
			let signature: Signature =
				pair.sign_prehashed(&keccak_256(&commitment.encode())).into();
			VoteMessage { commitment, id: offender.clone(), signature }
		};
		let proof = DoubleVotingProof { first: vote(1), second: vote(2) };
		let api = runtime.runtime_api();
		let membership = BeefyApi::<Block, BeefyId>::generate_key_ownership_proof(
			&*api,
			genesis,
			0,
			offender.clone(),
		);
		let membership = membership.expect("an answer").expect("it is a validator");
		let report = |api: ApiRef<'_, <Client as ProvideRuntimeApi<Block>>::Api>| {
			api.submit_report_double_voting_unsigned_extrinsic(
				genesis,
				proof.clone(),
				membership.clone(),
			)
		};
		assert_eq!(report(runtime.runtime_api()).expect("an answer"), Some(()));
		assert_eq!(pool.0.load(Ordering::Relaxed), 1);
		// The SDK's voter has no pool.
		assert!(!matches!(report(client.runtime_api()), Ok(Some(()))));
	}

	fn author(number: u8) -> AuthorityId {
		sr25519::Public::from_raw([number; 32]).into()
	}

	fn block(number: u8) -> Hash {
		Hash::repeat_byte(number)
	}

	#[test]
	fn second_block_of_an_author_in_a_slot_should_be_found_once() {
		let mut seen = Seen::default();
		let slot = Slot::from(5_000u64);
		assert_eq!(seen.other(slot, &author(1), block(1)), None);
		// The same one again, another author's, one of another slot.
		assert_eq!(seen.other(slot, &author(1), block(1)), None);
		assert_eq!(seen.other(slot, &author(2), block(2)), None);
		assert_eq!(seen.other(slot + 1u64, &author(1), block(2)), None);
		assert_eq!(seen.other(slot, &author(1), block(2)), Some(block(1)));
		// However many follow.
		assert_eq!(seen.other(slot, &author(1), block(3)), None);
	}

	#[test]
	fn oldest_slots_should_be_forgotten() {
		let mut seen = Seen::default();
		let slot = |number: usize| Slot::from(number as u64);
		for number in 0..=REMEMBERED {
			assert_eq!(seen.other(slot(number), &author(1), block(1)), None);
		}
		assert_eq!(seen.0.len(), REMEMBERED);
		assert_eq!(seen.other(slot(0), &author(1), block(2)), None);
		assert_eq!(seen.other(slot(1), &author(1), block(2)), Some(block(1)));
		assert_eq!(seen.0.len(), REMEMBERED);
	}

	/// A machine's clock is a day ahead for one block. A validator with two blocks in one slot is still
	/// found, before and after.
	#[test]
	fn attack_block_of_a_slot_far_ahead_has_all_others_forgotten() {
		let mut seen = Seen::default();
		let slot = Slot::from(5_000u64);
		assert_eq!(seen.other(slot, &author(1), block(1)), None);
		assert_eq!(seen.other(slot + 43_200u64, &author(2), block(2)), None);
		assert_eq!(seen.other(slot, &author(1), block(3)), Some(block(1)));
		assert_eq!(seen.other(slot + 1u64, &author(1), block(4)), None);
		assert_eq!(seen.other(slot + 1u64, &author(1), block(5)), Some(block(4)));
	}
}
