//! Detects whether session keys of this node signed elsewhere: on another machine with the same keys, or on
//! this one before its database was restored from an older copy.
//!
//! A validator's database records its votes, and an older copy lacks the newest. With it the validator would
//! vote again in the same rounds, differently, which is slashed. The chain shows that danger: a block with a
//! key of this node, made after the database was last used and not by this process, has an author who voted
//! too. So a validator does not vote before it has caught up. If it meets such a block it ends. After a
//! restart it follows the chain as a full node, until finality is far beyond the last such block. A full node
//! that has session keys notes such a block too: catching up without `--validator` first is no way around.

use crate::client::Client;
use codec::{Decode, Encode};
use futures::{channel::oneshot, StreamExt};
use livepeer_runtime::opaque::{Block, Hash, Header};
use sc_client_api::{backend::AuxStore, BlockchainEvents, HeaderBackend, ImportNotifications};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::Error as ClientError;
use sp_consensus::{BlockOrigin, SyncOracle};
use sp_consensus_babe::{AuthorityId, BabeApi, Slot, SlotDuration};
use sp_core::crypto::{key_types::BABE, ByteArray};
use sp_keystore::KeystorePtr;
use std::sync::Arc;

/// The database key of the last block that was made elsewhere; absent if there is none.
const ELSEWHERE: &[u8] = b"livepeer/signed-elsewhere";
/// The database key of the newest slot in which this node made a block; absent if it made none.
const SIGNED: &[u8] = b"livepeer/signed-slot";
/// A newest block of at most this age, in slots, means that the node has caught up.
const RECENT: u64 = 10;
/// Slots after the newest block in the database in which this node may have made blocks that a crash lost.
const LOST: u64 = 20;
/// The least number of blocks by which finality must be beyond the last block that was made elsewhere, so
/// that no earlier vote is cast again.
const BEYOND: u32 = 32;
/// Also, none may be made elsewhere in this many blocks for each validator: another node with these keys
/// would have had its turn. A validator that makes none while eight are expected of it counts as offline.
const TURNS: u32 = 6;

/// The watcher.
pub struct Twin {
	client: Arc<Client>,
	keystore: KeystorePtr,
	slot_duration: SlotDuration,
	blocks: ImportNotifications<Block>,
	authorities: Vec<AuthorityId>,
}

/// The last block that was made elsewhere with this node's keys; `None` if the node may sign.
pub fn made_elsewhere(client: &Client) -> Result<Option<u32>, ClientError> {
	noted(client, ELSEWHERE)
}

/// The newest slot in which this node made a block; `None` if it made none with this database.
pub fn signed_slot(client: &Client) -> Result<Option<Slot>, ClientError> {
	noted(client, SIGNED)
}

/// Whether this node has keys with which it could have made blocks.
pub fn has_keys(keystore: &KeystorePtr) -> bool {
	!keystore.sr25519_public_keys(BABE).is_empty()
}

/// Whether the keystore has a validator's key, also if it cannot be read: once it can, the node may sign with it.
fn has_key(keystore: &KeystorePtr, author: &AuthorityId) -> bool {
	let author = author.to_raw_vec();
	keystore.sr25519_public_keys(BABE).iter().any(|key| key.to_raw_vec() == author)
}

fn noted<T: Decode>(client: &Client, key: &[u8]) -> Result<Option<T>, ClientError> {
	let Some(bytes) = client.get_aux(key)? else { return Ok(None) };
	let value = T::decode(&mut &bytes[..]);
	Ok(Some(value.map_err(|error| ClientError::Backend(error.to_string()))?))
}

/// Refuses each slot up to `signed`, the newest one in which this node made a block before it was started.
/// Such a slot comes only after the clock was ahead and was set back: another block in it would be slashed.
pub fn ensure_unsigned(slot: Slot, signed: Option<Slot>) -> Result<(), String> {
	match signed {
		Some(signed) if slot <= signed => Err(format!(
			"this node made a block in slot {} already, when its clock was ahead, so it makes none in slot \
			 {}: two in one slot are slashed. If that would take too long, set new session keys, and purge the \
			 database once they count",
			*signed, *slot,
		)),
		_ => Ok(()),
	}
}

/// The slot of a block; genesis has none.
fn slot_of(header: &Header) -> Option<Slot> {
	(header.number > 0).then_some(())?;
	Some(sc_consensus_babe::find_pre_digest::<Block>(header).ok()?.slot())
}

/// Whether a block with a key of this node was made by another node, or by this one after the database was
/// last used, at the slot `left`.
fn is_elsewhere(is_own: bool, slot: Slot, left: Slot) -> bool {
	!is_own && slot > left + LOST
}

/// How far finality must come before nothing signed until block `number` can be signed again, if the node had
/// caught up at block `since`.
fn is_over_at(number: u32, since: u32, validators: usize) -> u32 {
	let validators = u32::try_from(validators).unwrap_or(u32::MAX);
	number.max(since).saturating_add(validators.saturating_mul(TURNS).max(BEYOND))
}

/// Lets the voters begin. Without voters nobody waits for it.
fn open(votes: &mut Option<oneshot::Sender<()>>) {
	if let Some(votes) = votes.take() {
		let _ = votes.send(());
	}
}

impl Twin {
	/// Watches every block from now on.
	pub fn new(client: Arc<Client>, keystore: KeystorePtr, slot_duration: SlotDuration) -> Self {
		let blocks = client.every_import_notification_stream();
		Self { client, keystore, slot_duration, blocks, authorities: Vec::new() }
	}

	/// Whether a block was made with a key of this node.
	fn is_ours(&mut self, hash: Hash, header: &Header) -> bool {
		match self.client.runtime_api().current_epoch(hash) {
			Ok(epoch) => {
				self.authorities = epoch.authorities.into_iter().map(|(id, _)| id).collect()
			}
			Err(error) => log::debug!("The validators of before are taken: {error}"),
		}
		let Ok(digest) = sc_consensus_babe::find_pre_digest::<Block>(header) else { return false };
		let author = usize::try_from(digest.authority_index())
			.ok()
			.and_then(|index| self.authorities.get(index));
		author.is_some_and(|author| has_key(&self.keystore, author))
	}

	fn is_recent(&self, slot: Slot) -> bool {
		let now = Slot::from_timestamp(sp_timestamp::Timestamp::current(), self.slot_duration);
		slot + RECENT >= now
	}

	fn note(&self, key: &[u8], value: impl Encode) {
		if let Err(error) = self.client.insert_aux(&[(key, &value.encode()[..])], &[]) {
			log::error!("It cannot be noted what keys of this node have signed: {error}");
		}
	}

	/// The slot of the newest block in the database; `None` if that is genesis.
	fn left(&self) -> Option<Slot> {
		let best = self.client.info().best_hash;
		self.client.header(best).ok().flatten().and_then(|best| slot_of(&best))
	}

	/// Notes what this node's keys have signed elsewhere, for a node that signs nothing itself: should it become
	/// a validator, it waits first.
	pub async fn follow(mut self) {
		let mut left = self.left();
		while let Some(block) = self.blocks.next().await {
			let Some(slot) = slot_of(&block.header) else { continue };
			let left = *left.get_or_insert(slot);
			if self.is_ours(block.hash, &block.header) && is_elsewhere(false, slot, left) {
				self.note(ELSEWHERE, block.header.number);
			}
		}
	}

	/// Opens `votes` when the node has caught up, and ends when this node's keys have signed elsewhere.
	pub async fn watch(mut self, votes: oneshot::Sender<()>, sync: impl SyncOracle) {
		let mut votes = Some(votes);
		let mut left = self.left();
		if left.is_some_and(|slot| self.is_recent(slot)) {
			open(&mut votes);
		}
		while let Some(block) = self.blocks.next().await {
			let Some(slot) = slot_of(&block.header) else { continue };
			let left = *left.get_or_insert(slot);
			let is_own = block.origin == BlockOrigin::Own;
			if is_own {
				self.note(SIGNED, slot);
			}
			let is_ours = self.is_ours(block.hash, &block.header);
			if is_ours && is_elsewhere(is_own, slot, left) {
				let number = block.header.number;
				self.note(ELSEWHERE, number);
				log::error!(
					"Block {number} ({:?}) was made with a key of this node, and not by this node: \
					 another node runs with its keys, or its database was put back from an older copy. \
					 It ends before it signs anything twice. Started again, it follows the chain and \
					 signs nothing until finality is well beyond the last such block; make sure that no \
					 other node has its keys, or make new ones (`livepeer-node key session`, then \
					 session.setKeys)",
					block.hash,
				);
				return;
			}
			// An own block does not show that the node has caught up, unless it is the only validator; nor
			// does a block that somebody made on a fork while the chain is still syncing.
			let tells = !is_own || self.authorities.len() == 1;
			if votes.is_some() && tells && self.is_recent(slot) && !sync.is_major_syncing() {
				open(&mut votes);
			}
		}
	}

	/// Ends when nothing that was signed elsewhere can be signed again: the node signs after the next start.
	pub async fn wait(mut self, mut number: u32) {
		log::warn!(
			"Keys of this node signed elsewhere, at last block {number}: it follows the chain and signs \
			 nothing until finality is well beyond that"
		);
		let mut caught_up = None;
		while let Some(block) = self.blocks.next().await {
			if self.is_ours(block.hash, &block.header) {
				number = number.max(block.header.number);
				self.note(ELSEWHERE, number);
			}
			if slot_of(&block.header).is_none_or(|slot| !self.is_recent(slot)) {
				continue;
			}
			let since = *caught_up.get_or_insert(block.header.number);
			let over = is_over_at(number, since, self.authorities.len());
			if self.client.info().finalized_number >= over {
				match self.client.insert_aux(&[], &[ELSEWHERE]) {
					Ok(()) => log::warn!(
						"Finality is well beyond block {number}, the last that was made elsewhere with \
						 keys of this node: it ends, and signs when it is started again"
					),
					Err(error) => log::error!("The database cannot be written: {error}"),
				}
				return;
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use sc_keystore::LocalKeystore;
	use sp_core::sr25519;

	/// A full node whose keys root put back must note what they signed: when they can be read it may be a validator.
	#[test]
	fn key_that_cannot_be_read_should_be_this_nodes_all_the_same() {
		let folder = tempfile::tempdir().expect("a folder");
		// In place of a file of root's, who may run the tests and reads those: no key can be read from it.
		let file = folder.path().join(format!("62616265{}", "07".repeat(32)));
		std::fs::write(file, "").expect("a file");
		let keystore = LocalKeystore::open(folder.path(), None).expect("a keystore");
		let keystore: KeystorePtr = Arc::new(keystore);
		let key = |byte: u8| AuthorityId::from(sr25519::Public::from_raw([byte; 32]));
		assert!(!keystore.has_keys(&[(key(7).to_raw_vec(), BABE)]), "the SDK does not see it");
		assert!(has_key(&keystore, &key(7)));
		assert!(!has_key(&keystore, &key(8)));
	}

	#[test]
	fn block_should_be_from_elsewhere_when_it_was_made_long_after_the_database_was_left() {
		let left = Slot::from(1_000u64);
		assert!(is_elsewhere(false, left + LOST + 1u64, left));
		// A crash may have kept these from the database.
		assert!(!is_elsewhere(false, left + LOST, left));
		// This process made it.
		assert!(!is_elsewhere(true, left + 10_000u64, left));
	}

	#[test]
	fn slot_should_be_refused_when_a_block_was_made_in_it_or_after_it() {
		let signed = Slot::from(1_000u64);
		assert_eq!(ensure_unsigned(signed, None), Ok(()));
		assert_eq!(ensure_unsigned(signed + 1u64, Some(signed)), Ok(()));
		for slot in [999u64, 1_000] {
			let refused = ensure_unsigned(Slot::from(slot), Some(signed));
			assert!(refused.is_err_and(|why| why.contains("slot 1000 already")), "{slot}");
		}
	}

	#[test]
	fn node_should_wait_for_finality_and_for_every_validators_turns() {
		assert_eq!(is_over_at(500, 100, 1), 500 + BEYOND);
		assert_eq!(is_over_at(500, 100, 100), 500 + 100 * TURNS);
		// What comes in of the past is no reason to end.
		assert_eq!(is_over_at(500, 9_000, 100), 9_000 + 100 * TURNS);
		assert_eq!(is_over_at(u32::MAX, 0, usize::MAX), u32::MAX);
	}
}
