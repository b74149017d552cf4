//! Relays to the chain: Ethereum's consensus, the gateway's figures, deposits.

use std::cmp::Reverse;

use anyhow::{anyhow, bail, ensure, Context, Result};
use livepeer_bridge_formats::{
	bridge::{node, zeros, BridgeView, BridgedAsset, Deposit, DEPTH},
	ethereum::{ExecutionBlock, HeaderProof},
	trie,
	types::{period, FinalizedBlock, Limits, Network, Update},
	verify, H256,
};

use crate::{
	beacon::{Beacon, Signers},
	chain::Call,
	clock::{now, time_of},
	done::Done,
	light::{FullUpdate, Header},
	relay::{Failures, Relay, Went},
};

/// How many deposits are sent before the state is read again.
const AT_ONCE: usize = 32;
/// How many deposits one step checks. Fewer than the work that a relayer remembers, so that its turn comes, and few
/// enough for a node to answer while the light client waits.
const MOST_LOOKED_AT: usize = 1_000;

/// Seconds after which the chain takes a newer proof of the token's supply without a fee.
const SUPPLY_FREE_AFTER: u64 = 86_400;

/// State between steps. Losing it is harmless.
#[derive(Default)]
pub struct Inbound {
	/// The proven deposits, from the first.
	deposits: Vec<Deposit>,
	/// The block from which further deposits' events are read.
	next_block: u64,
	/// The credited deposits.
	credited: Done,
	/// The deposits that are credited in a final block of the chain.
	credited_for_ever: Done,
	/// The last step credited deposits: the next one does not.
	is_busy: bool,
	/// A finalised block without news.
	looked_at: Option<H256>,
	/// The committees that the chain knows.
	signers: Signers,
	signers_of: Option<(u64, bool)>,
}

/// The Merkle tree over leaves, whose rows are padded with empty subtrees.
pub struct Tree {
	rows: Vec<Vec<H256>>,
	zeros: [H256; DEPTH + 1],
}

impl Tree {
	/// Over these leaves.
	pub fn new(leaves: Vec<H256>) -> Self {
		let zeros = zeros();
		let mut rows = vec![leaves];
		for zero in zeros.iter().take(DEPTH) {
			let below = rows.last().map_or(&[][..], Vec::as_slice);
			let row = below
				.chunks(2)
				.filter_map(|both| Some(node(both.first()?, both.get(1).unwrap_or(zero))))
				.collect();
			rows.push(row);
		}
		Self { rows, zeros }
	}

	/// Its root.
	pub fn root(&self) -> H256 {
		self.rows.last().and_then(|row| row.first()).copied().unwrap_or(self.zeros[DEPTH])
	}

	/// The siblings from a leaf up.
	pub fn path(&self, index: u32) -> [H256; DEPTH] {
		let mut path = [H256::zero(); DEPTH];
		for (height, sibling) in path.iter_mut().enumerate() {
			let place = ((index >> height) ^ 1) as usize;
			let row = self.rows.get(height);
			let zero = self.zeros.get(height).copied().unwrap_or_default();
			*sibling = row.and_then(|row| row.get(place)).copied().unwrap_or(zero);
		}
		path
	}
}

impl Inbound {
	/// Forgets everything that is not final, because blocks of the chain may have been replaced. Proven
	/// deposits stay.
	pub fn forget(&mut self) {
		self.credited = self.credited_for_ever.clone();
		self.looked_at = None;
		self.signers_of = None;
	}

	/// Reads the committees that the chain knows, if they have changed.
	async fn learn_signers(&mut self, relay: &Relay, period: u64) -> Result<bool> {
		let knows_next = relay.chain.knows_next_committee().await?;
		if self.signers_of != Some((period, knows_next)) {
			self.signers = Signers { period, committees: relay.chain.committees().await? };
			self.signers_of = Some((period, knows_next));
		}
		Ok(knows_next)
	}

	/// Does all work that can be done now, and returns whether it did any.
	pub async fn step(&mut self, relay: &Relay) -> Result<bool> {
		let network = relay
			.chain
			.network()
			.await?
			.context("governance has not said which Ethereum the chain follows")?;
		if let Some(root) = relay.chain.checkpoint().await? {
			self.signers_of = None;
			return bootstrap(relay, &network, root).await;
		}
		let known = relay.chain.finalized().await?;
		let latest = known
			.last()
			.copied()
			.context("the light client waits for governance to name a block that it trusts")?;
		relay.metrics.set("beacon_slot", latest.slot);
		let bridge = relay.chain.bridge().await?;
		let knows_next = self.learn_signers(relay, period(latest.slot)).await?;
		let finality = relay.beacon.finality(&network, &self.signers).await?;
		// Known work comes first: newer finality, which never ends, would only delay it. A failure does not
		// stop the rest: if no node has the state of a block any more, only newer finality leads to its
		// figures.
		let finality = finality.as_ref();
		let mut failures = Failures::default();
		if failures.took(self.sync(relay, &network, &latest, &bridge, finality).await) {
			return Ok(true);
		}
		// Takes turns with the work below: anybody can keep making deposits, and the light client would
		// expire.
		let was_busy = std::mem::take(&mut self.is_busy);
		if !was_busy {
			let credited = failures.took(self.credit(relay, &bridge).await);
			let released = failures.took(release(relay, &bridge).await);
			if credited || released {
				self.is_busy = true;
				return Ok(true);
			}
		}
		if failures.took(supply(relay, &network, &latest, finality).await) {
			return Ok(true);
		}
		let followed = self.follow(relay, &network, &latest, knows_next, &bridge, finality).await;
		let followed = failures.took(followed);
		// There may be more deposits.
		failures.end(followed || was_busy)
	}

	/// Advances the light client, if needed.
	async fn follow(
		&self,
		relay: &Relay,
		network: &Network,
		latest: &FinalizedBlock,
		knows_next: bool,
		bridge: &BridgeView,
		finality: Option<&FullUpdate>,
	) -> Result<bool> {
		let may = |work: &str| relay.may(work);
		let missing =
			missing(&relay.beacon, network, latest, knows_next, &self.signers, finality, may);
		if let Some((work, update)) = missing.await? {
			return sent(relay.to_chain(&work, Call::Update(Box::new(update))).await?);
		}
		let Some(finality) = finality else { return Ok(false) };
		let update = &finality.update;
		if update.finalized.slot <= latest.slot {
			return Ok(false);
		}
		let crosses = period(update.finalized.slot) > period(latest.slot);
		if !self.signers.know(update) {
			return Ok(false);
		}
		let age = now().saturating_sub(time_of(network, latest.slot));
		let old = age >= relay.policy.refresh.as_secs();
		let new = match relay.chain.gateway().await? {
			Some(_) if !(old || crosses) => {
				let deposits =
					relay.ethereum.deposits_at(finality.finalized.execution_hash).await?;
				deposits.is_some_and(|deposits| deposits > bridge.deposits)
			}
			_ => false,
		};
		let work = format!("finality after slot {}", latest.slot);
		if !(old || new || crosses) || !relay.may(&work) {
			return Ok(false);
		}
		sent(relay.to_chain(&work, Call::Update(Box::new(update.clone()))).await?)
	}

	/// Proves the gateway's figures at the newest block that the light client knows.
	async fn sync(
		&mut self,
		relay: &Relay,
		network: &Network,
		latest: &FinalizedBlock,
		bridge: &BridgeView,
		finality: Option<&FullUpdate>,
	) -> Result<bool> {
		let Some(place) = relay.chain.gateway().await? else { return Ok(false) };
		let since = bridge.synced.map_or(u64::MAX, |(_, time)| now().saturating_sub(time));
		let old = since >= relay.policy.refresh.as_secs();
		if self.looked_at == Some(latest.root) && !old {
			return Ok(false);
		}
		let (block, header) = execution(relay, network, latest, finality).await?;
		relay.metrics.set("execution_block", block.number);
		// No node is asked for the state of a block without news: nodes drop old states.
		let newer = bridge.synced.is_none_or(|(before, _)| block.number > before);
		let deposits = match newer {
			true => relay.ethereum.deposits_at(block.hash).await?,
			false => None,
		};
		let wanted =
			deposits.is_some_and(|deposits| is_worth_proving(old, deposits, bridge.deposits));
		if !wanted {
			self.looked_at = Some(latest.root);
			return Ok(false);
		}
		let work =
			format!("the gateway's figures after block {}", bridge.synced.map_or(0, |s| s.0));
		if !relay.may(&work) {
			return Ok(false);
		}
		let gateway = relay.ethereum.proof(&place, block.hash, block.state_root).await?;
		let proven = trie::figures(block.state_root, &place, &gateway);
		let proven = proven.map_or(0, |figures| figures.deposits);
		if !is_worth_proving(old, proven, bridge.deposits) {
			tracing::warn!("an execution node reports deposits that do not exist");
			relay.ethereum.pass_over();
			self.looked_at = Some(latest.root);
			return Ok(false);
		}
		let call = Call::Sync(Box::new(header), Box::new(gateway));
		sent(relay.to_chain(&work, call).await?)
	}

	/// Credits deposits that are proven and not yet credited.
	async fn credit(&mut self, relay: &Relay, bridge: &BridgeView) -> Result<bool> {
		let (Some((block, _)), Some(domain)) = (bridge.synced, bridge.domain) else {
			return Ok(false);
		};
		let count = bridge.deposits;
		relay.metrics.set("deposits", count.into());
		if self.credited.below() >= count || bridge.stopped[0].is_some() {
			return Ok(false);
		}
		let have = u32::try_from(self.deposits.len())?;
		if have < count {
			let new = relay.ethereum.deposits(have, self.next_block, block).await?;
			if new.len() < (count - have) as usize {
				relay.ethereum.pass_over();
				bail!(
					"the execution node's events leave out deposits: {} of {count}; the next one is asked",
					have as usize + new.len()
				);
			}
			self.deposits.extend(new);
			self.deposits.truncate(count as usize);
			self.next_block = block + 1;
		}
		let leaves = self.deposits.iter().map(|deposit| deposit.leaf(&domain)).collect();
		let tree = Tree::new(leaves);
		if relay.chain.roots().await?.last() != Some(&tree.root()) {
			if relay.chain.bridge().await?.synced != bridge.synced {
				// The chain has advanced meanwhile.
				return Ok(true);
			}
			// The remembered deposits are wrong.
			self.deposits.clear();
			self.next_block = 0;
			relay.ethereum.pass_over();
			bail!(
				"the deposits' events do not lead to the root that is proven; the next execution node is asked"
			);
		}
		let mut done = 0;
		let mut left = [bridge.lpt.limits[0], bridge.eth.limits[0]];
		let limits = [
			relay.chain.limits(BridgedAsset::Lpt).await?,
			relay.chain.limits(BridgedAsset::Eth).await?,
		];
		let (_, finalized) = relay.chain.finalized_head().await?;
		// Deposits above the limit are not even checked: anybody can make more of them than a node can answer
		// for, and the rest of each step would wait.
		let missing = self.credited.missing(count);
		let order = by_turns(&self.deposits, missing, |deposit| may_pass(deposit, &limits, left));
		let mut is_more_known = false;
		for index in order {
			if relay.chain.is_credited(index, None).await? {
				is_more_known = true;
				self.credited.insert(index);
				if relay.chain.is_credited(index, Some(finalized)).await? {
					self.credited_for_ever.insert(index);
				}
				continue;
			}
			if done >= AT_ONCE {
				return Ok(true);
			}
			let Some(deposit) = self.deposits.get(index as usize) else { break };
			// Deposits of this step have used up a part of the limit.
			if !may_pass(deposit, &limits, left) {
				continue;
			}
			let work = format!("deposit {index}");
			if !relay.may(&work) {
				continue;
			}
			let path = Box::new(tree.path(index));
			let call = Call::Deposit(deposit.clone(), path);
			if relay.to_chain(&work, call).await? == Went::Done {
				done += 1;
				let place = usize::from(deposit.asset.byte());
				let counts = limits.get(place).is_some_and(|limits| deposit.amount < limits.large);
				if let Some(left) = left.get_mut(place).filter(|_| counts) {
					*left = left.saturating_sub(deposit.amount);
				}
			}
		}
		// The next step can check others.
		Ok(done > 0 || (is_more_known && self.credited.below() < count))
	}
}

/// Whether the limits, of which `left` remains, let a deposit pass now. A large deposit does not count against
/// them.
fn may_pass(deposit: &Deposit, limits: &[Limits; 2], left: [u128; 2]) -> bool {
	let place = usize::from(deposit.asset.byte());
	limits.get(place).zip(left.get(place)).is_some_and(|(limits, left)| {
		limits.inbound.capacity > 0 && (deposit.amount >= limits.large || deposit.amount <= *left)
	})
}

/// The order in which deposits that may pass are credited: the largest first, alternating between the assets. So
/// thousands of small deposits do not delay a larger one. At most [`MOST_LOOKED_AT`].
fn by_turns(
	deposits: &[Deposit],
	missing: Vec<u32>,
	may_pass: impl Fn(&Deposit) -> bool,
) -> Vec<u32> {
	let missing = missing.into_iter().filter_map(|index| deposits.get(index as usize));
	let mut missing: Vec<&Deposit> = missing.filter(|deposit| may_pass(deposit)).collect();
	missing.sort_by_key(|deposit| (Reverse(deposit.amount), deposit.index));
	let mut turns = [0u32; 2];
	let mut order: Vec<(u32, u32)> = Vec::new();
	for deposit in missing {
		let turn = match deposit.asset {
			BridgedAsset::Lpt => &mut turns[0],
			BridgedAsset::Eth => &mut turns[1],
		};
		order.push((*turn, deposit.index));
		*turn += 1;
	}
	order.sort_unstable();
	order.into_iter().map(|(_, index)| index).take(MOST_LOOKED_AT).collect()
}

/// Whether to prove figures with `deposits` deposits to the chain, which knows `known`: if its figures are
/// old, or if there are more, because then it is free. Checked with a node's claim, and again with its proof.
fn is_worth_proving(old: bool, deposits: u32, known: u32) -> bool {
	old || deposits > known
}

/// What the light client, at `latest`, needs before newer finality is of use to it: the committee of the next
/// period, or the update of that period, which brings the committee after it. `None` if nothing is missing.
/// `may` says whether a piece of work is to be done now.
async fn missing(
	beacon: &Beacon,
	network: &Network,
	latest: &FinalizedBlock,
	knows_next: bool,
	signers: &Signers,
	finality: Option<&FullUpdate>,
	may: impl Fn(&str) -> bool,
) -> Result<Option<(String, Update)>> {
	let ours = period(latest.slot);
	if !knows_next {
		let work = format!("the committee of period {}", ours + 1);
		if let Some(full) = beacon.update(network, ours, signers).await? {
			if is_of_one_period(&full.update, ours) && may(&work) {
				return Ok(Some((work, full.update)));
			}
		}
	}
	let Some(update) = finality.map(|full| &full.update) else { return Ok(None) };
	let signed = period(update.signature_slot);
	let crosses = period(update.finalized.slot) > ours;
	if update.finalized.slot <= latest.slot || !(signed > ours + 1 || crosses) {
		return Ok(None);
	}
	// Period by period: the update of the next one brings the committee after it.
	let work = format!("the update of period {}", ours + 1);
	if let Some(full) = beacon.update(network, ours + 1, signers).await? {
		if full.update.finalized.slot > latest.slot && may(&work) {
			return Ok(Some((work, full.update)));
		}
	}
	ensure!(
		signed <= ours + 1,
		"the beacon nodes have no update of period {} that finalises a block of it, and nothing goes on without: if Ethereum was not final in that whole period, governance sets a checkpoint",
		ours + 1
	);
	Ok(None)
}

/// Whether an update brings this period's next committee with finality.
fn is_of_one_period(update: &Update, number: u64) -> bool {
	period(update.attested.slot) == number && period(update.finalized.slot) == number
}

fn sent(went: Went) -> Result<bool> {
	Ok(went == Went::Done)
}

async fn bootstrap(relay: &Relay, network: &Network, root: H256) -> Result<bool> {
	let work = format!("the start from block {root:?}");
	if !relay.may(&work) {
		return Ok(false);
	}
	let full = relay.beacon.bootstrap(network, root).await?;
	sent(relay.to_chain(&work, Call::Bootstrap(Box::new(full.bootstrap))).await?)
}

/// The execution block of a final beacon block, and its proof.
async fn execution(
	relay: &Relay,
	network: &Network,
	latest: &FinalizedBlock,
	finality: Option<&FullUpdate>,
) -> Result<(ExecutionBlock, HeaderProof)> {
	let header: Header = match finality.map(|full| &full.finalized) {
		Some(header) if header.beacon.root() == latest.root => header.clone(),
		_ => relay.beacon.bootstrap(network, latest.root).await?.header,
	};
	let raw = relay.ethereum.header(header.execution_hash).await?;
	let block = verify::execution_block(&raw).context("the header of an execution block")?;
	let proof = HeaderProof {
		finalized_root: latest.root,
		hash_branch: header.hash_branch,
		header: raw.try_into().map_err(|_| anyhow!("the header of a block is too long"))?,
	};
	Ok((block, proof))
}

/// Proves the token's total supply, if inflation counts it, as often as that is free.
async fn supply(
	relay: &Relay,
	network: &Network,
	latest: &FinalizedBlock,
	finality: Option<&FullUpdate>,
) -> Result<bool> {
	let Some((rule, proven)) = relay.chain.supply().await? else { return Ok(false) };
	let Some(place) = relay.chain.gateway().await? else { return Ok(false) };
	let is_due = |time: u64| {
		proven.is_none_or(|proven| time >= proven.time.saturating_add(SUPPLY_FREE_AFTER))
	};
	let work = format!("the supply after block {}", proven.map_or(0, |proven| proven.block));
	if !is_due(time_of(network, latest.slot)) {
		return Ok(false);
	}
	let (block, header) = execution(relay, network, latest, finality).await?;
	// Its execution block may be older than the beacon block.
	if !is_due(block.timestamp) || !relay.may(&work) {
		return Ok(false);
	}
	let supply = relay.ethereum.supply(&place, rule.slot, block.hash, block.state_root).await?;
	sent(relay.to_chain(&work, Call::Supply(Box::new(header), Box::new(supply))).await?)
}

/// Releases deposits that have waited long enough.
async fn release(relay: &Relay, bridge: &BridgeView) -> Result<bool> {
	if bridge.stopped[0].is_some() || (bridge.lpt.waiting == 0 && bridge.eth.waiting == 0) {
		return Ok(false);
	}
	let clock = relay.chain.clock().await?;
	let mut smallest = None;
	let mut done = false;
	for (index, waiting) in relay.chain.waiting().await? {
		let work = format!("the release of deposit {index}");
		if waiting.ready_at > clock || !relay.may(&work) {
			continue;
		}
		if relay.chain.limits(waiting.asset).await?.inbound.capacity == 0 {
			continue;
		}
		let smallest = match smallest {
			Some(smallest) => smallest,
			None => *smallest.insert(relay.chain.smallest_balances().await?),
		};
		if !relay.chain.can_credit(&waiting, smallest).await? {
			tracing::debug!("deposit {index} is trapped: its recipient cannot be credited");
			relay.leave(&work);
			continue;
		}
		done |= relay.to_chain(&work, Call::Release(index)).await? == Went::Done;
	}
	Ok(done)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		beacon::tests::{said, serve, told},
		metrics::Metrics,
	};
	use axum::{extract::Request, Router};
	use livepeer_bridge_formats::{
		bridge::{empty_root, root_of_path},
		simulator::{self, block, committee},
		types::{BeaconHeader, Layout, Rate, SLOTS_PER_PERIOD},
	};
	use serde_json::Value;

	/// The periods that Ethereum has had: five days and more.
	const PERIODS: u64 = 5;

	/// A beacon node with the update of each period, and finality in the last one.
	async fn beacon(network: &Network) -> Beacon {
		let at = |slot: u64, brings: bool| {
			let ours = period(slot) as u8;
			let finalized = block(network, slot, [ours, ours + 1], H256::zero());
			let attested = block(network, slot + 64, [ours, ours + 1], finalized.root());
			let next = brings.then_some(ours + 1);
			told(&attested, &finalized, &attested.update(network, &finalized, ours, 400, next))
		};
		let updates: Vec<Value> =
			(0..PERIODS).map(|number| at(number * SLOTS_PER_PERIOD + 100, true)).collect();
		let finality = at(PERIODS * SLOTS_PER_PERIOD + 500, false);
		let app = Router::new().fallback(move |request: Request| {
			let number: Option<usize> = request.uri().query().and_then(|query| {
				query.split('&').find_map(|pair| pair.strip_prefix("start_period=")?.parse().ok())
			});
			let answer = match number {
				Some(number) => {
					let found: Vec<String> = updates.get(number).map(said).into_iter().collect();
					format!("[{}]", found.join(","))
				}
				None => said(&finality),
			};
			async move { answer }
		});
		Beacon::new(&[serve(app).await], Metrics::default()).expect("a node")
	}

	#[tokio::test]
	async fn relayer_that_comes_days_late_should_bring_period_after_period() {
		let network = simulator::network([7, 0, 0, 0], Layout::GLOAS);
		let beacon = beacon(&network).await;
		// What the chain knows, as `ethLightClient` would.
		let first = block(&network, 50, [0, 1], H256::zero()).header;
		let kept = |header: &BeaconHeader| FinalizedBlock {
			root: header.root(),
			slot: header.slot,
			body_root: header.body_root,
		};
		let (mut latest, mut knows_next) = (kept(&first), false);
		let mut done = Vec::new();
		loop {
			let ours = period(latest.slot);
			let prepared = |number: u64| committee(number as u8).prepare();
			let next = if knows_next { prepared(ours + 1) } else { None };
			let signers = Signers { period: ours, committees: [prepared(ours), next] };
			let finality = beacon.finality(&network, &signers).await.expect("an answer");
			let finality = finality.expect("finality");
			let may = |_: &str| true;
			let missing =
				missing(&beacon, &network, &latest, knows_next, &signers, Some(&finality), may);
			let Some((work, update)) = missing.await.expect("the node has it") else {
				// Nothing is missing: finality itself can be sent.
				assert!(signers.know(&finality.update));
				break;
			};
			assert!(signers.know(&update));
			assert!(period(update.finalized.slot) == ours || knows_next);
			knows_next = update.next.is_some();
			latest = kept(&update.finalized);
			done.push(work);
		}
		let mut expected = vec!["the committee of period 1".to_owned()];
		expected.extend((1..PERIODS).map(|number| format!("the update of period {number}")));
		assert_eq!(done, expected);
		// If one is missing, nothing continues, and the message names it.
		let late = FinalizedBlock { slot: (PERIODS + 3) * SLOTS_PER_PERIOD, ..latest };
		let nobody = Signers::default();
		let finality = beacon.finality(&network, &nobody).await.expect("an answer");
		let mut ahead = finality.expect("finality");
		ahead.update.finalized.slot = (PERIODS + 6) * SLOTS_PER_PERIOD;
		ahead.update.signature_slot = ahead.update.finalized.slot + 1;
		let found = missing(&beacon, &network, &late, true, &nobody, Some(&ahead), |_| true).await;
		let reason = format!("{:#}", found.expect_err("it is missing"));
		assert!(reason.contains("have no update of period 9 "), "{reason}");
	}

	#[test]
	fn attack_node_invents_deposits_so_that_figures_are_proven_for_a_fee() {
		assert!(!is_worth_proving(false, 7, 7));
		assert!(!is_worth_proving(false, 6, 7));
		assert!(is_worth_proving(false, 8, 7));
		assert!(is_worth_proving(true, 7, 7));
	}

	#[test]
	fn attack_thousands_of_small_deposits_keep_a_larger_one_waiting() {
		let deposit =
			|index: u32, asset, amount| Deposit { index, asset, recipient: H256::zero(), amount };
		let mut deposits: Vec<Deposit> =
			(0..500).map(|index| deposit(index, BridgedAsset::Lpt, 10)).collect();
		deposits.push(deposit(500, BridgedAsset::Lpt, 11));
		// What little is of ETH may be worth more than much of LPT.
		deposits.push(deposit(501, BridgedAsset::Eth, 2));
		deposits.push(deposit(502, BridgedAsset::Eth, 3));
		let all: Vec<u32> = (0..503).collect();
		let order = by_turns(&deposits, all.clone(), |_| true);
		assert_eq!(order[..6], [500, 502, 0, 501, 1, 2]);
		// Each is in it once, without those already taken.
		let mut sorted = order;
		sorted.sort_unstable();
		assert_eq!(sorted, all);
		assert_eq!(by_turns(&deposits, vec![5, 500], |_| true), [500, 5]);
		// One step checks only a part of very many.
		deposits.extend((503..10_503).map(|index| deposit(index, BridgedAsset::Lpt, 10)));
		let order = by_turns(&deposits, (0..10_503).collect(), |_| true);
		assert_eq!((order.len(), &order[..2]), (MOST_LOOKED_AT, &[500, 502][..]));
	}

	#[test]
	fn attack_deposits_above_the_limit_are_more_than_a_node_answers_for() {
		let deposit =
			|index: u32, asset, amount| Deposit { index, asset, recipient: H256::zero(), amount };
		let mut deposits: Vec<Deposit> =
			(0..500).map(|index| deposit(index, BridgedAsset::Lpt, 10)).collect();
		deposits.push(deposit(500, BridgedAsset::Lpt, 9));
		// A large one does not count against the limit.
		deposits.push(deposit(501, BridgedAsset::Lpt, 100));
		deposits.push(deposit(502, BridgedAsset::Eth, 10));
		let rate = Rate { capacity: 100, per_block: 1 };
		let open = Limits { inbound: rate, outbound: rate, large: 100, delay: 5 };
		let asked = |limits: [Limits; 2], left| {
			by_turns(&deposits, (0..503).collect(), |one| may_pass(one, &limits, left))
		};
		assert_eq!(asked([open; 2], [9, 10]), [501, 502, 500]);
		assert_eq!(asked([open; 2], [10, 0]).len(), 502);
		// Without a limit nothing comes in.
		let closed = Limits { inbound: Rate::default(), ..open };
		assert_eq!(asked([closed, open], [100, 10]), [502]);
	}

	#[test]
	fn paths_should_lead_to_the_root() {
		assert_eq!(Tree::new(vec![]).root(), empty_root());
		for count in 1..20u8 {
			let leaves: Vec<H256> = (1..=count).map(H256::repeat_byte).collect();
			let tree = Tree::new(leaves.clone());
			for (index, leaf) in leaves.iter().enumerate() {
				let index = index as u32;
				assert_eq!(root_of_path(*leaf, index, &tree.path(index)), tree.root());
			}
		}
	}
}
