//! Checks that what each side believes of the other is true. Everything is compared with the operator's own
//! nodes: the chain's MMR and messages, and Ethereum's beacon chain.

use std::collections::HashSet;

use alloy_primitives::U256;
use anyhow::{bail, ensure, Result};
use livepeer_bridge_formats::{
	bridge::{BridgeView, BridgedAsset},
	ethereum::ClientHealth,
	types::Network,
	H256,
};

use crate::{
	beefy::Leaf,
	clock::{now, time_of},
	ethereum::{contract::Gateway, Head, REORG},
	outbound::unknown_roots,
	relay::Relay,
};

/// The most blocks by which BEEFY may be behind GRANDPA.
const MOST_BEHIND: u32 = 600;
/// How long before a fork the chain must know it: thirty days.
const FORK_NOTICE: u64 = 30 * 86_400;

/// How many Ethereum blocks the first check goes back: a day.
const LOOK_BACK: u64 = 7_200;
/// How many roots the contract keeps.
const ROOTS: u64 = 8;
/// The most good roots that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// What earlier checks have found good. Losing it is harmless.
#[derive(Default)]
pub struct Memory {
	/// Roots that the tree of messages has had.
	roots: HashSet<H256>,
	/// The Ethereum block from which commitments are checked next.
	next_block: Option<u64>,
}

/// The result of each check: what is wrong, if anything.
pub async fn look(
	relay: &Relay,
	max_age: u64,
	memory: &mut Memory,
) -> Vec<(&'static str, Option<String>)> {
	let (contract, consensus, books, finality, forks) = tokio::join!(
		contract(relay, max_age, memory),
		consensus(relay),
		books(relay),
		finality(relay),
		forks(relay)
	);
	[
		("contract", contract),
		("consensus", consensus),
		("books", books),
		("finality", finality),
		("forks", forks),
	]
	.into_iter()
	.map(|(what, found)| (what, found.err().map(|error| format!("{error:#}"))))
	.collect()
}

/// Checks the contract's view of the chain against the chain's own finality.
async fn contract(relay: &Relay, max_age: u64, memory: &mut Memory) -> Result<()> {
	relay.ensure_fits().await?;
	let head = relay.ethereum.head().await?;
	relay.metrics.set("contract_block", head.number.into());
	let age = now().saturating_sub(head.time);
	relay.metrics.set("contract_age_seconds", age);
	let (finalized, hash) = relay.chain.finalized_head().await?;
	ensure!(
		head.number <= finalized,
		"the contract is at block {}, which the chain has not finalised: its newest is {finalized}",
		head.number
	);
	let first = relay.ethereum.read(Gateway::firstBlockCall {}).await?;
	if head.number >= first && !head.message_root.is_zero() {
		let (leaf, _) = relay.chain.mmr_proof(head.number).await?;
		ensure_agree(&head, &Leaf::decode(&leaf)?)?;
	}
	roots(relay, finalized, hash, memory).await?;
	ensure!(age <= max_age, "the contract has had no commitment for {} hours", age / 3_600);
	Ok(())
}

/// Checks the contract's head against the chain's own leaf of that block.
fn ensure_agree(head: &Head, leaf: &Leaf) -> Result<()> {
	ensure!(
		leaf.outbound_root == head.message_root,
		"at block {} the contract has {:?} as the root of all messages, the chain {:?}: forged finality",
		head.number,
		head.message_root,
		leaf.outbound_root
	);
	ensure!(
		leaf.next.0 == head.set_id + 1 && leaf.next.2 == head.next_root,
		"at block {} the contract has other next validators than the chain: forged finality",
		head.number
	);
	Ok(())
}

/// Checks that every root that the contract has, or had since the last check, is one that the tree of
/// messages has had. Every payment, including waiting ones, is proven under one of them.
async fn roots(relay: &Relay, finalized: u32, hash: H256, memory: &mut Memory) -> Result<()> {
	let (latest, _) = relay.ethereum.latest().await?;
	let first = memory.next_block.unwrap_or_else(|| latest.saturating_sub(LOOK_BACK));
	let mut found = HashSet::new();
	for place in 0..ROOTS {
		let place = U256::from(place);
		found.insert(H256(relay.ethereum.read(Gateway::messageRootsCall { place }).await?.0));
	}
	let unseen = relay.ethereum.unseen(first, latest);
	if let Some((first, last)) = unseen {
		for (number, root) in relay.ethereum.committed(first, last).await? {
			ensure!(
				number <= finalized,
				"the contract was told block {number}, which the chain has not finalised: its newest is {finalized}"
			);
			found.insert(root);
		}
	}
	let new: HashSet<H256> = found.difference(&memory.roots).copied().collect();
	let bridge = relay.chain.bridge_at(Some(hash)).await?;
	let domain = bridge.domain.unwrap_or_default();
	let never = unknown_roots(&relay.chain, &domain, new, bridge.messages, Some(hash)).await?;
	ensure!(
		never.is_empty(),
		"the contract has, or had, roots of messages that the chain never had: {never:?}: forged finality"
	);
	if memory.roots.len() >= MOST_REMEMBERED {
		memory.roots.clear();
	}
	memory.roots.extend(found);
	// Blocks that a reorganisation may replace are checked again.
	memory.next_block = Some(unseen.map_or(first, |(_, last)| last.saturating_sub(REORG)));
	Ok(())
}

/// Checks that the light client's final blocks are final for every beacon node.
async fn consensus(relay: &Relay) -> Result<()> {
	ensure_follows(&relay.chain.bridge().await?.client)?;
	let Some(latest) = relay.chain.finalized().await?.last().copied() else { return Ok(()) };
	if let Some(network) = relay.chain.network().await? {
		let age = now().saturating_sub(time_of(&network, latest.slot));
		relay.metrics.set("beacon_age_seconds", age);
	}
	for node in relay.beacon.nodes().nodes() {
		// No answer is not an objection.
		if let Ok(false) = node.client.has_finalized(latest.root).await {
			bail!(
				"the light client has block {:?} of slot {} as final, and {} does not: forged consensus, or that node is behind",
				latest.root,
				latest.slot,
				node.name
			);
		}
	}
	Ok(())
}

/// Checks that the light client follows Ethereum.
fn ensure_follows(client: &ClientHealth) -> Result<()> {
	match client {
		ClientHealth::Following => Ok(()),
		ClientHealth::NotBootstrapped => bail!("the light client waits for a checkpoint"),
		ClientHealth::UnknownFork { epoch } => {
			bail!("the light client stands at epoch {epoch}: Ethereum has forked into a form that it has not been told")
		}
		ClientHealth::Stale { age } => bail!("the light client is {age} slots behind"),
		ClientHealth::Expired { age } => {
			bail!("the light client is {age} slots behind: governance has to give a checkpoint")
		}
	}
}

/// Checks that the escrow holds what it owes, and that nothing is stopped.
async fn books(relay: &Relay) -> Result<()> {
	ensure_balanced(&relay.chain.bridge().await?)
}

fn ensure_balanced(bridge: &BridgeView) -> Result<()> {
	for (place, stopped) in bridge.stopped.iter().enumerate() {
		if let Some(until) = stopped {
			let way = if place == 0 { "comes in" } else { "goes out" };
			bail!("nothing {way} until block {until}: the bridge stands");
		}
	}
	for (asset, view) in BridgedAsset::ALL.into_iter().zip([&bridge.lpt, &bridge.eth]) {
		let Some(escrow) = view.escrow else { continue };
		ensure!(
			escrow.balance >= escrow.deposited.saturating_sub(escrow.released),
			"the escrow owns less {asset:?} than it owes"
		);
		ensure!(
			escrow.released <= view.sent,
			"the escrow has released more {asset:?} than the chain has sent"
		);
	}
	Ok(())
}

/// Checks that BEEFY keeps up with GRANDPA.
async fn finality(relay: &Relay) -> Result<()> {
	let (finalized, _) = relay.chain.finalized_head().await?;
	let beefy = relay.chain.beefy_head().await?.map_or(0, |(number, _)| number);
	relay.metrics.set("finalized_block", finalized.into());
	relay.metrics.set("beefy_block", beefy.into());
	ensure_keeps_up(finalized, beefy)
}

fn ensure_keeps_up(finalized: u32, beefy: u32) -> Result<()> {
	let behind = finalized.saturating_sub(beefy);
	ensure!(
		behind <= MOST_BEHIND,
		"BEEFY is {behind} blocks behind: more than a third of the validators may not vote"
	);
	Ok(())
}

/// Checks that the chain knows in time every fork that the beacon nodes know.
async fn forks(relay: &Relay) -> Result<()> {
	let Some(network) = relay.chain.network().await? else { return Ok(()) };
	ensure_told(&network, &relay.beacon.spec().await?.network, now())
}

/// Checks that the chain's `network` has each fork of `theirs` that begins within [`FORK_NOTICE`] of `time`.
fn ensure_told(network: &Network, theirs: &Network, time: u64) -> Result<()> {
	for fork in &theirs.forks {
		let slot = livepeer_bridge_formats::verify::first_slot(fork.epoch);
		let begins = time_of(theirs, slot);
		let known = network.forks.iter().any(|ours| {
			ours.epoch == fork.epoch && ours.version == fork.version && ours.layout.is_some()
		});
		// Forks before the first that the chain was told are over.
		let over = network.forks.first().is_some_and(|first| fork.epoch < first.epoch);
		ensure!(
			known || over || begins > time.saturating_add(FORK_NOTICE),
			"the chain has not been told the fork of epoch {}, version 0x{}: governance sets the network",
			fork.epoch,
			hex::encode(fork.version)
		);
	}
	Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use livepeer_bridge_formats::{
		bridge::{BridgedView, EscrowView},
		types::{Fork, Layout},
		BoundedVec,
	};

	fn said(result: Result<()>) -> String {
		result.err().map(|error| format!("{error:#}")).unwrap_or_default()
	}

	#[test]
	fn attack_contract_has_what_the_chain_never_finalised() {
		let root = H256::repeat_byte;
		let leaf = Leaf { parent: 9, next: (6, 4, root(2)), outbound_root: root(1), time: 0 };
		let head =
			Head { number: 10, time: 0, set_id: 5, message_root: root(1), next_root: root(2) };
		assert!(ensure_agree(&head, &leaf).is_ok());
		for forged in [
			Head { message_root: root(3), ..head },
			Head { next_root: root(3), ..head },
			Head { set_id: 6, ..head },
		] {
			assert!(said(ensure_agree(&forged, &leaf)).contains("forged finality"));
		}
	}

	#[test]
	fn client_that_does_not_follow_should_alarm() {
		assert!(ensure_follows(&ClientHealth::Following).is_ok());
		for (client, reason) in [
			(ClientHealth::NotBootstrapped, "waits for a checkpoint"),
			(ClientHealth::UnknownFork { epoch: 7 }, "stands at epoch 7"),
			(ClientHealth::Stale { age: 9 }, "9 slots behind"),
			(ClientHealth::Expired { age: 9 }, "governance has to give a checkpoint"),
		] {
			assert!(said(ensure_follows(&client)).contains(reason), "{client:?}");
		}
	}

	fn view(escrow: Option<EscrowView>) -> BridgedView {
		BridgedView {
			issued: 0,
			credited: 0,
			waiting: 0,
			sent: 40,
			backing: 0,
			escrow,
			limits: [0; 2],
		}
	}

	/// A bridge that has sent 40 of each.
	pub(crate) fn bridge(
		lpt: Option<EscrowView>,
		eth: Option<EscrowView>,
		stopped: [Option<u32>; 2],
	) -> BridgeView {
		BridgeView {
			domain: None,
			client: ClientHealth::Following,
			synced: None,
			deposits: 0,
			messages: 0,
			stopped,
			lpt: view(lpt),
			eth: view(eth),
		}
	}

	#[test]
	fn books_that_do_not_balance_should_alarm() {
		let good = EscrowView { balance: 60, deposited: 100, released: 40 };
		assert!(ensure_balanced(&bridge(Some(good), None, [None; 2])).is_ok());
		let short = EscrowView { balance: 59, ..good };
		let robbed = EscrowView { released: 41, ..good };
		for (wrong, reason) in [
			(bridge(Some(short), Some(good), [None; 2]), "owns less Lpt than it owes"),
			(bridge(Some(good), Some(short), [None; 2]), "owns less Eth than it owes"),
			(bridge(Some(robbed), None, [None; 2]), "released more Lpt"),
			(bridge(None, Some(robbed), [None; 2]), "released more Eth"),
			(bridge(None, None, [Some(8), None]), "nothing comes in until block 8"),
			(bridge(None, None, [None, Some(8)]), "nothing goes out until block 8"),
		] {
			assert!(said(ensure_balanced(&wrong)).contains(reason), "{reason}");
		}
	}

	#[test]
	fn finality_that_falls_behind_should_alarm() {
		assert!(ensure_keeps_up(MOST_BEHIND + 10, 10).is_ok());
		assert!(said(ensure_keeps_up(MOST_BEHIND + 11, 10)).contains("601 blocks behind"));
		assert!(ensure_keeps_up(5, 10).is_ok());
	}

	#[test]
	fn fork_that_is_not_known_should_alarm_a_month_before() {
		let fork = |epoch, version, layout| Fork { version: [version; 4], epoch, layout };
		let network = |forks: Vec<Fork>| Network {
			genesis_validators_root: H256::zero(),
			genesis_time: 1_000,
			seconds_per_slot: 12,
			forks: BoundedVec::truncate_from(forks),
		};
		let theirs = network(vec![fork(0, 1, None), fork(100, 2, None), fork(100_000, 3, None)]);
		let known = fork(100, 2, Some(Layout::ELECTRA));
		let begins = 1_000 + 100_000 * 32 * 12;
		let ours = network(vec![known]);
		assert!(ensure_told(&ours, &theirs, begins - FORK_NOTICE - 1).is_ok());
		let reason = said(ensure_told(&ours, &theirs, begins - FORK_NOTICE));
		assert!(reason.contains("the fork of epoch 100000, version 0x03030303"), "{reason}");
		// To be told that there is one is not to be told what it is, and another version is another fork.
		for wrong in [
			fork(100_000, 3, None),
			fork(100_000, 4, Some(Layout::GLOAS)),
			fork(99_999, 3, Some(Layout::GLOAS)),
		] {
			let ours = network(vec![known, wrong]);
			assert!(ensure_told(&ours, &theirs, begins).is_err());
		}
		let ours = network(vec![known, fork(100_000, 3, Some(Layout::GLOAS))]);
		assert!(ensure_told(&ours, &theirs, begins).is_ok());
	}
}
