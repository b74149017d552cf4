//! Relays to Ethereum: the validators' commitments, and the messages that they prove.

use std::collections::HashSet;

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use anyhow::{bail, ensure, Context, Result};
use livepeer_bridge_formats::{
	bridge::{empty_root, root_of_path, zeros, BridgedAsset, Message},
	H160, H256,
};

use crate::{
	beefy::{self, Justification, Leaf},
	chain::Chain,
	clock::now,
	done::Done,
	ethereum::{
		asset_of,
		contract::{self, Gateway},
		Head, REORG,
	},
	relay::{Claims, Failures, Policy, Relay, Went},
};

/// How many headers are requested at once.
const HEADERS_AT_ONCE: u32 = 32;
/// How far back the number of messages under a root is searched.
const MOST_COUNTS: u32 = 100_000;
/// A whole LPT or ETH in smallest units.
const UNIT_WEI: u128 = 1_000_000_000_000_000_000;
const UNIT: U256 = U256::from_limbs([UNIT_WEI as u64, 0, 0, 0]);
/// How many messages are carried before the state is read again.
const AT_ONCE: usize = 32;

/// State between steps. Losing it is harmless.
#[derive(Default)]
pub struct Outbound {
	/// From the contract's head up to this block, no new validators come into office.
	scanned: u32,
	/// The messages that are spent, or that this relayer does not carry.
	settled: Done,
	/// The messages that are spent in a final block of Ethereum, or not carried.
	settled_for_ever: Done,
	/// The amounts above which payments were large, because these decide which messages are carried.
	large: [u128; 2],
	/// A root of the messages' tree and its number of messages.
	known: Option<(H256, u32)>,
	/// Delayed payments, and the block of Ethereum up to which they were searched.
	delayed: Vec<B256>,
	delayed_until: u64,
	/// The progress of claiming rounds' earnings.
	rounds: Vec<Round>,
	rounds_below: u32,
}

/// A round's earnings.
struct Round {
	round: u32,
	count: u32,
	/// All earnings before this one are claimed, or not this relayer's to claim.
	from: u32,
	/// And they are in a final block of Ethereum.
	from_for_ever: u32,
}

/// Validators that come into office with a block.
struct Change {
	number: u32,
	set_id: u64,
	validators: Vec<H160>,
}

/// The next change of validators after one block, up to another.
async fn next_change(chain: &Chain, after: u32, last: u32) -> Result<Option<Change>> {
	let mut from = after.saturating_add(1);
	while from <= last {
		let end = last.min(from.saturating_add(HEADERS_AT_ONCE - 1));
		let headers = futures::future::try_join_all((from..=end).map(|number| async move {
			let hash = chain.block_hash(number).await?.context("no such block")?;
			let header = chain.header(hash).await?;
			ensure!(header.number == number, "the header of block {number} is another block's");
			Ok::<_, anyhow::Error>(header)
		}))
		.await?;
		for header in headers {
			if let Some((keys, set_id)) = beefy::new_validators(&header.digest) {
				let validators = beefy::addresses(&keys);
				return Ok(Some(Change { number: header.number, set_id, validators }));
			}
		}
		from = end.saturating_add(1);
	}
	Ok(None)
}

/// The justification of a block, with the leaf and its proof.
async fn commitment(chain: &Chain, number: u32) -> Result<(Justification, Vec<u8>, Vec<H256>)> {
	let hash = chain.block_hash(number).await?.context("no such block")?;
	let bytes = chain
		.justification(hash)
		.await?
		.with_context(|| format!("the node has no BEEFY justification of block {number}"))?;
	let justification = Justification::decode(&bytes)?;
	ensure!(justification.number == number, "the justification is another block's");
	let (leaf, items) = chain.mmr_proof(number).await?;
	Ok((justification, leaf, items))
}

fn word(root: H256) -> B256 {
	B256::from(root.0)
}

/// A message's path in the contract's form, without the empty siblings at the top, because each byte costs
/// gas.
fn path(path: &[H256]) -> Vec<B256> {
	let empty = zeros();
	let last = path.iter().zip(&empty).rposition(|(sibling, empty)| sibling != empty);
	path.iter().take(last.map_or(0, |last| last + 1)).copied().map(word).collect()
}

fn address(address: &H160) -> Address {
	Address::from(address.0)
}

/// The call that carries out a message.
pub fn carry(index: u32, message: &Message, proof: &[H256]) -> Vec<u8> {
	let proof = path(proof);
	match message {
		Message::Withdrawal { asset, recipient, amount, fee } => {
			let w = contract::Withdrawal {
				index,
				asset: asset.byte(),
				recipient: address(recipient),
				amount: *amount,
				fee: *fee,
			};
			Gateway::withdrawCall { w, proof }.abi_encode()
		}
		Message::Earnings { round, root, count, lpt, eth } => {
			let r = contract::Round {
				index,
				round: *round,
				root: word(*root),
				count: *count,
				lpt: *lpt,
				eth: *eth,
			};
			Gateway::openRoundCall { r, proof }.abi_encode()
		}
	}
}

/// The roots that the tree of the first `messages` messages never had.
pub async fn unknown_roots(
	chain: &Chain,
	domain: &H256,
	mut roots: HashSet<H256>,
	messages: u32,
	at: Option<H256>,
) -> Result<HashSet<H256>> {
	roots.retain(|root| !root.is_zero() && *root != empty_root());
	for count in (1..=messages).rev().take(MOST_COUNTS as usize) {
		if roots.is_empty() {
			break;
		}
		let (message, path) = chain.message_at(count - 1, count, at).await?;
		roots.remove(&root_of_path(message.leaf(domain, count - 1), count - 1, &path));
	}
	Ok(roots)
}

/// How many of the first `messages` messages the tree with this root has.
pub async fn count_of(
	chain: &Chain,
	domain: &H256,
	root: H256,
	messages: u32,
	at: Option<H256>,
) -> Result<Option<u32>> {
	if root.is_zero() || root == empty_root() {
		return Ok(Some(0));
	}
	for count in (1..=messages).rev().take(MOST_COUNTS as usize) {
		let (message, path) = chain.message_at(count - 1, count, at).await?;
		if root_of_path(message.leaf(domain, count - 1), count - 1, &path) == root {
			return Ok(Some(count));
		}
	}
	Ok(None)
}

/// The tree of the first `count` messages, whose root the contract has.
struct Proven {
	domain: H256,
	root: H256,
	count: u32,
	/// The block whose state has it.
	at: H256,
}

/// Carries out the wanted messages that are proven. Returns how many, and whether more are left than go at once.
async fn carry_proven(
	relay: &Relay,
	tree: &Proven,
	wanted: &[(u32, Message)],
	large: [u128; 2],
) -> Result<(usize, bool)> {
	let mut done = 0;
	for (index, message) in wanted.iter().filter(|(index, _)| *index < tree.count) {
		if done >= AT_ONCE {
			return Ok((done, true));
		}
		let work = work_of(*index);
		if !relay.may(&work) {
			continue;
		}
		let (_, path) = relay.chain.message_at(*index, tree.count, Some(tree.at)).await?;
		let leaf = message.leaf(&tree.domain, *index);
		if root_of_path(leaf, *index, &path) != tree.root {
			relay.chain.pass_over();
			bail!(
				"the node's path of message {index} does not lead to the root that the contract has; the next one is asked"
			);
		}
		let kind = match message {
			Message::Withdrawal { .. } => "withdraw",
			Message::Earnings { .. } => "openRound",
		};
		let brings = brings(&relay.policy, relay.ethereum.address(), message, large);
		let input = carry(*index, message, &path);
		if relay.to_ethereum(kind, &work, input, brings).await? == Went::Done {
			done += 1;
			if let Message::Withdrawal { asset, recipient, .. } = message {
				if Some(address(recipient)) != relay.ethereum.address() {
					relay.earned(usize::from(asset.byte()), fee_of(message, large));
				}
			}
		}
	}
	Ok((done, false))
}

impl Outbound {
	/// Forgets everything that is not final, because blocks of Ethereum may have been replaced. Final state
	/// stays: there are too many messages to read them all again and again.
	pub fn forget(&mut self) {
		let before = std::mem::take(self);
		*self = Self {
			settled: before.settled_for_ever.clone(),
			settled_for_ever: before.settled_for_ever,
			large: before.large,
			delayed: before.delayed,
			delayed_until: before.delayed_until.saturating_sub(REORG),
			rounds: before.rounds,
			rounds_below: before.rounds_below,
			..Self::default()
		};
		for round in &mut self.rounds {
			round.from = round.from_for_ever;
		}
	}

	/// Does all work that can be done now, and returns whether it did any.
	pub async fn step(&mut self, relay: &Relay) -> Result<bool> {
		let head = relay.ethereum.head().await?;
		relay.metrics.set("contract_block", head.number.into());
		let expires = relay.ethereum.read(Gateway::expiresAtCall {}).await?;
		let (_, latest_time) = relay.ethereum.latest().await?;
		let open = U256::from(latest_time) <= expires;
		let best = relay.chain.beefy_head().await?;
		if let Some((number, _)) = best {
			relay.metrics.set("beefy_block", number.into());
		}
		// Proven messages are carried even if a node lacks the data for the next proof.
		let mut failures = Failures::default();
		if let Some((best, _)) = best.filter(|(best, _)| *best > head.number && open) {
			let handed = self.hand_over(relay, &head, best).await;
			if self.took(&mut failures, relay, handed) {
				return Ok(true);
			}
		}
		let Some((best, best_hash)) = best else { return failures.end(false) };
		// The tree only grows: a later final block has all of it, and nodes still have its state, however far
		// BEEFY is behind.
		let (_, at) = relay.chain.finalized_head().await?;
		let bridge = relay.chain.bridge_at(Some(at)).await?;
		let Some(domain) = bridge.domain else { return failures.end(false) };
		let messages = bridge.messages;
		relay.metrics.set("messages", messages.into());
		let tree = self.proven(relay, domain, head.message_root, messages, at).await?;
		let mut large = [0; 2];
		for (large, asset) in large.iter_mut().zip(BridgedAsset::ALL) {
			(*large, _) = relay.ethereum.large_and_per_day(asset).await?;
		}
		let wanted = self.unused(relay, messages, at, large).await?;
		if open && best > head.number {
			let behind =
				wanted.iter().find(|(index, _)| *index >= tree.count).map(|(index, _)| *index);
			let committed = self.commit(relay, &head, best, best_hash, tree.count, behind).await;
			if self.took(&mut failures, relay, committed) {
				return Ok(true);
			}
		} else if !open {
			tracing::warn!(
				"the contract takes no commitments any more: its governor has to reopen it; what was proven can still be withdrawn"
			);
		}
		let (done, is_more_left) = carry_proven(relay, &tree, &wanted, large).await?;
		if is_more_left {
			return Ok(true);
		}
		let claimed = failures.took(self.claim(relay, messages, at).await);
		let released = failures.took(self.release(relay).await);
		failures.end(done > 0 || claimed || released)
	}

	/// The tree with the contract's root.
	async fn proven(
		&mut self,
		relay: &Relay,
		domain: H256,
		root: H256,
		messages: u32,
		at: H256,
	) -> Result<Proven> {
		let count = match self.known {
			Some((known, count)) if known == root => count,
			_ => {
				let count = count_of(&relay.chain, &domain, root, messages, Some(at)).await?;
				// A commitment may be newer than what this node has.
				let Some(count) = count else {
					relay.chain.pass_over();
					relay.ethereum.pass_over();
					bail!(
						"the contract has a root of messages that the chain does not: {root:?}; the next nodes are asked"
					);
				};
				self.known = Some((root, count));
				count
			}
		};
		Ok(Proven { domain, root, count, at })
	}

	/// Whether the contract was told a step of the validators. After a failure the next node is asked, and
	/// all answers of this one are forgotten.
	fn took(&mut self, failures: &mut Failures, relay: &Relay, step: Result<bool>) -> bool {
		if step.is_err() {
			relay.chain.pass_over();
			self.scanned = 0;
		}
		failures.took(step)
	}

	/// The next set of validators, if there is one.
	async fn hand_over(&mut self, relay: &Relay, head: &Head, best: u32) -> Result<bool> {
		let after = self.scanned.max(head.number).min(best);
		let Some(change) = next_change(&relay.chain, after, best).await? else {
			self.scanned = best;
			return Ok(false);
		};
		// Searched blocks count from here on only if the contract's head stays.
		self.scanned = change.number - 1;
		if change.set_id <= head.set_id {
			self.scanned = change.number;
			return Ok(true);
		}
		ensure!(
			change.set_id == head.set_id + 1,
			"validators {} come after {} of the contract: blocks between are missing",
			change.set_id,
			head.set_id
		);
		let work = format!("validators {} in block {}", change.set_id, change.number);
		if !relay.may(&work) {
			return Ok(false);
		}
		let root = beefy::set_root(&change.validators);
		ensure!(
			root == head.next_root,
			"the contract expects other validators {} than the chain has: {:?}, not {root:?}",
			change.set_id,
			head.next_root
		);
		self.submit(relay, change.number, change.set_id, &change.validators, "handover", &work)
			.await
	}

	async fn submit(
		&self,
		relay: &Relay,
		number: u32,
		set_id: u64,
		validators: &[H160],
		kind: &'static str,
		work: &str,
	) -> Result<bool> {
		let (justification, leaf, items) = commitment(&relay.chain, number).await?;
		ensure!(
			justification.set_id == set_id,
			"block {number} is signed by validators {}, not {set_id}",
			justification.set_id
		);
		let first = relay.ethereum.read(Gateway::firstBlockCall {}).await?;
		let update = beefy::pack(&justification, &leaf, &items, validators, first)?;
		let input = Gateway::submitCall { update: update.into() }.abi_encode();
		Ok(relay.to_ethereum(kind, work, input, None).await? == Went::Done)
	}

	/// A commitment of the newest block, if a message waits for it or the contract's head is old.
	async fn commit(
		&self,
		relay: &Relay,
		head: &Head,
		best: u32,
		best_hash: H256,
		count: u32,
		behind: Option<u32>,
	) -> Result<bool> {
		let old = now().saturating_sub(head.time) >= relay.policy.refresh.as_secs();
		let work = match behind {
			Some(index) => format!("the commitment for message {index}"),
			None if old => format!("the commitment after block {}", head.number),
			None => return Ok(false),
		};
		if !relay.may(&work) {
			return Ok(false);
		}
		let (keys, set_id) = relay.chain.validator_set(best_hash).await?;
		if set_id != head.set_id {
			// The handover comes first. A node that shows none has omitted it.
			ensure!(
				self.scanned < best,
				"validators {set_id} are in office at block {best}, and no header says since when"
			);
			return Ok(false);
		}
		if let Some(index) = behind {
			let (leaf, _) = relay.chain.mmr_proof(best).await?;
			// A block seals its messages, and the next block's leaf contains them.
			let domain = relay.chain.bridge().await?.domain.unwrap_or_default();
			let root = Leaf::decode(&leaf)?.outbound_root;
			let messages = relay.chain.bridge_at(Some(best_hash)).await?.messages;
			let sealed = count_of(&relay.chain, &domain, root, messages, Some(best_hash)).await?;
			if sealed.unwrap_or(count) <= index {
				return Ok(false);
			}
		}
		let validators = beefy::addresses(&keys);
		self.submit(relay, best, set_id, &validators, "commitment", &work).await
	}

	/// The unspent messages that this relayer carries now; one that was refused a moment ago does not delay
	/// others.
	async fn unused(
		&mut self,
		relay: &Relay,
		messages: u32,
		at: H256,
		large: [u128; 2],
	) -> Result<Vec<(u32, Message)>> {
		if self.large != large {
			self.large = large;
			self.settled = Done::default();
			self.settled_for_ever = Done::default();
		}
		let mut found = Vec::new();
		// While Ethereum has no finality, it is asked once.
		let mut is_final_known = true;
		for index in self.look_at(messages, |index| relay.is_held(&work_of(index))) {
			if found.len() >= AT_ONCE {
				break;
			}
			if relay.ethereum.read(Gateway::isUsedCall { index }).await? {
				self.settled.insert(index);
				if is_final_known {
					let call = Gateway::isUsedCall { index };
					match relay.ethereum.read_final(call).await {
						Ok(true) => self.settled_for_ever.insert(index),
						Ok(false) => {}
						Err(_) => is_final_known = false,
					}
				}
				continue;
			}
			let (message, _) = relay.chain.message_at(index, messages, Some(at)).await?;
			if is_wanted(&relay.policy, relay.ethereum.address(), &message, large) {
				found.push((index, message));
			} else {
				self.settled.insert(index);
				self.settled_for_ever.insert(index);
			}
		}
		Ok(found)
	}

	/// The messages that may have to be carried, ascending.
	fn look_at(&self, messages: u32, is_held: impl Fn(u32) -> bool) -> Vec<u32> {
		let mut all = self.settled.missing(messages);
		all.retain(|index| !is_held(*index));
		all
	}

	/// Earnings of opened rounds.
	async fn claim(&mut self, relay: &Relay, messages: u32, at: H256) -> Result<bool> {
		if relay.policy.claims == Claims::Nobody {
			return Ok(false);
		}
		while self.rounds_below < messages {
			let (message, _) =
				relay.chain.message_at(self.rounds_below, messages, Some(at)).await?;
			if let Message::Earnings { round, count, .. } = message {
				self.rounds.push(Round { round, count, from: 0, from_for_ever: 0 });
			}
			self.rounds_below += 1;
		}
		let mut done = false;
		let mut is_final_known = true;
		for Round { round, count, from, from_for_ever } in &mut self.rounds {
			let round = *round;
			if *from >= *count {
				continue;
			}
			let call = Gateway::roundsCall { round };
			if relay.ethereum.read(call).await?.root.is_zero() {
				continue;
			}
			let mut all_below = true;
			for index in *from..*count {
				let call = || Gateway::isClaimedCall { round, index };
				let (earning, path) = relay.chain.earning(round, index).await?;
				let payee = address(&earning.payee);
				let work = format!("earning {index} of round {round}");
				let is_wanted = relay.policy.claims.include(payee);
				if !is_wanted || relay.ethereum.read(call()).await? {
					if all_below {
						*from = index + 1;
					}
					if *from_for_ever == index && is_final_known {
						let is_final = match is_wanted {
							true => relay.ethereum.read_final(call()).await.ok(),
							false => Some(true),
						};
						is_final_known = is_final.is_some();
						*from_for_ever += u32::from(is_final == Some(true));
					}
					continue;
				}
				all_below = false;
				if !relay.may(&work) {
					continue;
				}
				let e = contract::Earning {
					round,
					index,
					asset: earning.asset.byte(),
					payee,
					amount: earning.amount,
				};
				let proof = path.into_iter().map(word).collect();
				let input = Gateway::claimCall { e, proof }.abi_encode();
				done |= relay.to_ethereum("claim", &work, input, None).await? == Went::Done;
			}
		}
		Ok(done)
	}

	/// Releases payments that have waited long enough.
	async fn release(&mut self, relay: &Relay) -> Result<bool> {
		if relay.policy.paid_only {
			return Ok(false);
		}
		let (latest, time) = relay.ethereum.latest().await?;
		if let Some((first, last)) = relay.ethereum.unseen(self.delayed_until, latest) {
			let new = relay.ethereum.delayed(first, last).await?;
			self.delayed.extend(new);
			self.delayed.sort_unstable();
			self.delayed.dedup();
			self.delayed_until = last.saturating_add(1);
		}
		let mut done = false;
		let mut kept = Vec::new();
		for id in std::mem::take(&mut self.delayed) {
			let Some(delayed) = relay.ethereum.waiting(id).await? else { continue };
			kept.push(id);
			let work = format!("the release of payment {id}");
			if delayed.ready_at > time || !relay.may(&work) {
				continue;
			}
			let available =
				relay.ethereum.read(Gateway::availableCall { asset: delayed.asset }).await?;
			let asset = asset_of(delayed.asset)?;
			let (_, per_day) = relay.ethereum.large_and_per_day(asset).await?;
			if !is_worth_releasing(available, delayed.remaining, per_day) {
				continue;
			}
			let input = Gateway::releaseCall { id }.abi_encode();
			done |= relay.to_ethereum("release", &work, input, None).await? == Went::Done;
		}
		self.delayed = kept;
		Ok(done)
	}
}

fn work_of(index: u32) -> String {
	format!("message {index}")
}

/// The fee for carrying a message; none for a large payment, which waits.
fn fee_of(message: &Message, large: [u128; 2]) -> u128 {
	match message {
		Message::Withdrawal { asset, amount, fee, .. } => {
			let large = large.get(usize::from(asset.byte())).copied().unwrap_or(0);
			if *amount > large {
				0
			} else {
				*fee
			}
		}
		Message::Earnings { .. } => 0,
	}
}

/// Whether the operator carries such a message; one to itself always.
fn is_wanted(policy: &Policy, own: Option<Address>, message: &Message, large: [u128; 2]) -> bool {
	match message {
		Message::Withdrawal { asset, recipient, .. } => {
			let fee = fee_of(message, large);
			let least = match asset {
				BridgedAsset::Lpt => policy.min_fee[0],
				BridgedAsset::Eth => policy.min_fee[1],
			};
			Some(address(recipient)) == own || (fee >= least && (fee > 0 || !policy.paid_only))
		}
		Message::Earnings { .. } => !policy.paid_only,
	}
}

/// The limit of a message's cost, in wei, if the operator carries only what pays for itself.
fn brings(
	policy: &Policy,
	own: Option<Address>,
	message: &Message,
	large: [u128; 2],
) -> Option<u128> {
	let Message::Withdrawal { asset, recipient, .. } = message else { return None };
	if !policy.paid_only || Some(address(recipient)) == own {
		return None;
	}
	let fee = fee_of(message, large);
	match asset {
		BridgedAsset::Eth => Some(fee),
		BridgedAsset::Lpt => {
			let wei = U256::from(fee).saturating_mul(U256::from(policy.lpt_price?)) / UNIT;
			Some(u128::try_from(wei).unwrap_or(u128::MAX))
		}
	}
}

/// Whether enough of a delayed payment may leave now: all of it, or a quarter of a day's limit. Every release
/// costs the same, and nobody pays for it.
fn is_worth_releasing(available: u128, remaining: u128, per_day: u128) -> bool {
	available > 0 && available >= remaining.min(per_day / 4)
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_bridge_formats::bridge::DEPTH;
	use std::time::Duration;

	#[test]
	fn attack_messages_that_cannot_be_paid_hide_those_behind_them() {
		let mut outbound = Outbound::default();
		// The first hundred were refused a moment ago.
		let found = outbound.look_at(110, |index| index < 100);
		assert_eq!(found, (100..110).collect::<Vec<_>>());
		// They are looked at again, in their order, when their time has come.
		assert_eq!(outbound.look_at(110, |_| false).first(), Some(&0));
		// Spent ones are not.
		for index in (0..50).chain([105]) {
			outbound.settled.insert(index);
		}
		assert_eq!(
			outbound.look_at(110, |index| index < 100),
			[100, 101, 102, 103, 104, 106, 107, 108, 109]
		);
	}

	#[test]
	fn attack_more_messages_than_can_be_looked_at_again_and_again() {
		let mut outbound = Outbound::default();
		for index in 0..10_000 {
			outbound.settled.insert(index);
			if index < 9_900 {
				outbound.settled_for_ever.insert(index);
			}
		}
		assert!(outbound.look_at(10_000, |_| false).is_empty());
		// Final ones are never requested again; others may have been dropped.
		for _ in 0..2 {
			outbound.forget();
			let all: Vec<u32> = (9_900..10_000).collect();
			assert_eq!(outbound.look_at(10_000, |_| false), all);
		}
	}

	#[test]
	fn path_should_bring_no_empty_siblings_at_its_top() {
		let mut whole = zeros()[..DEPTH].to_vec();
		assert_eq!(path(&whole), Vec::<B256>::new());
		// Empty ones below another are needed.
		whole[4] = H256::repeat_byte(1);
		let needed: Vec<B256> = whole[..5].iter().copied().map(word).collect();
		assert_eq!(path(&whole), needed);
		whole[DEPTH - 1] = H256::repeat_byte(1);
		assert_eq!(path(&whole).len(), DEPTH);
	}

	#[test]
	fn call_that_carries_a_message_should_be_read_back_by_the_interface() {
		let whole = zeros()[..DEPTH].to_vec();
		let message = withdrawal(BridgedAsset::Eth, 100, 9);
		let call = Gateway::withdrawCall::abi_decode(&carry(7, &message, &whole)).expect("a call");
		assert_eq!((call.w.index, call.w.asset, call.w.amount, call.w.fee), (7, 1, 100, 9));
		assert_eq!((call.w.recipient, call.proof.len()), (Address::repeat_byte(1), 0));
		let message =
			Message::Earnings { round: 3, root: H256::repeat_byte(2), count: 4, lpt: 5, eth: 6 };
		let call = Gateway::openRoundCall::abi_decode(&carry(8, &message, &whole)).expect("a call");
		assert_eq!((call.r.index, call.r.round, call.r.count), (8, 3, 4));
		assert_eq!((call.r.root, call.r.lpt, call.r.eth), (B256::repeat_byte(2), 5, 6));
	}

	fn policy() -> Policy {
		Policy {
			dry_run: false,
			rank: 0,
			turn: Duration::ZERO,
			refresh: Duration::ZERO,
			paid_only: true,
			min_fee: [0; 2],
			lpt_price: None,
			claims: Claims::Nobody,
		}
	}

	fn withdrawal(asset: BridgedAsset, amount: u128, fee: u128) -> Message {
		Message::Withdrawal { asset, recipient: H160::repeat_byte(1), amount, fee }
	}

	#[test]
	fn attack_fee_is_promised_of_what_is_large_and_pays_none() {
		let large = [100, 100];
		for asset in BridgedAsset::ALL {
			assert_eq!(fee_of(&withdrawal(asset, 100, 9), large), 9);
			assert!(is_wanted(&policy(), None, &withdrawal(asset, 100, 9), large));
			assert_eq!(fee_of(&withdrawal(asset, 101, 9), large), 0);
			assert!(!is_wanted(&policy(), None, &withdrawal(asset, 101, 9), large));
		}
		// To oneself all the same.
		let own = Some(Address::repeat_byte(1));
		assert!(is_wanted(&policy(), own, &withdrawal(BridgedAsset::Lpt, 101, 0), large));
	}

	#[test]
	fn fees_should_be_held_against_the_cost_where_they_have_to_pay() {
		let large = [u128::MAX; 2];
		let (lpt, eth) = (
			withdrawal(BridgedAsset::Lpt, 10 * UNIT_WEI, 2 * UNIT_WEI),
			withdrawal(BridgedAsset::Eth, 100, 9),
		);
		let mut policy = policy();
		assert_eq!(brings(&policy, None, &eth, large), Some(9));
		assert_eq!(brings(&policy, None, &lpt, large), None);
		policy.lpt_price = Some(UNIT_WEI / 500);
		assert_eq!(brings(&policy, None, &lpt, large), Some(UNIT_WEI / 250));
		assert_eq!(brings(&policy, Some(Address::repeat_byte(1)), &eth, large), None);
		policy.paid_only = false;
		assert_eq!(brings(&policy, None, &eth, large), None);
	}

	#[test]
	fn attack_delayed_payment_is_released_in_drips() {
		assert!(!is_worth_releasing(0, 0, 0));
		assert!(!is_worth_releasing(1, 1_000, 400));
		assert!(!is_worth_releasing(99, 1_000, 400));
		assert!(is_worth_releasing(100, 1_000, 400));
		assert!(is_worth_releasing(7, 7, 400));
	}
}
