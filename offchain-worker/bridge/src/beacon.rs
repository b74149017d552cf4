//! Beacon nodes, by their standard API.

use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use livepeer_bridge_formats::{
	types::{period, Fork, Layout, Network, PreparedCommittee, Update},
	verify, H256,
};
use serde_json::Value;

use crate::{
	clock::now,
	light::{self, FullBootstrap, FullUpdate},
	metrics::Metrics,
	pool::Pool,
};

/// The longest answer that is read, in bytes; an update takes a tenth of it.
const MAX_ANSWER: usize = 1 << 20;
/// The largest difference of clocks, in slots.
const CLOCKS_APART: u64 = 2;

/// Beacon nodes of one network.
pub struct Beacon {
	nodes: Pool<BeaconNode>,
}

/// One beacon node.
pub struct BeaconNode {
	url: String,
	http: reqwest::Client,
}

/// What a beacon node says of its network.
pub struct Spec {
	/// The network, as far as its forks are known here.
	pub network: Network,
	/// The id of its execution chain.
	pub chain_id: u64,
}

impl BeaconNode {
	fn new(url: &str) -> Result<Self> {
		let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
		Ok(Self { url: url.trim_end_matches('/').to_owned(), http })
	}

	async fn get(&self, path: &str) -> Result<Option<Value>> {
		let mut answer = self
			.http
			.get(format!("{}{path}", self.url))
			.header("accept", "application/json")
			.send()
			.await
			.map_err(reqwest::Error::without_url)?;
		if answer.status() == reqwest::StatusCode::NOT_FOUND {
			return Ok(None);
		}
		let status = answer.status();
		ensure!(status.is_success(), "it answers {status}");
		let mut bytes = Vec::new();
		while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
			ensure!(bytes.len() + chunk.len() <= MAX_ANSWER, "its answer is too long");
			bytes.extend_from_slice(&chunk);
		}
		Ok(Some(serde_json::from_slice(&bytes).context("its answer is not JSON")?))
	}

	async fn must(&self, path: &str) -> Result<Value> {
		self.get(path).await?.with_context(|| format!("it has nothing at {path}"))
	}

	/// Whether the block `root` is on the node's finalised chain.
	pub async fn has_finalized(&self, root: H256) -> Result<bool> {
		let Some(answer) = self.get(&format!("/eth/v1/beacon/headers/{root:?}")).await? else {
			return Ok(false);
		};
		let truth = |value: &Value| value.as_bool().unwrap_or(false);
		Ok(truth(&answer["finalized"]) && truth(&answer["data"]["canonical"]))
	}
}

/// Refuses an update whose branches do not lead where they should, or with too few signatures. The node that
/// gave it is passed over, before anything is paid for it. [`Signers`] checks the signature itself.
pub fn ensure_plausible(network: &Network, full: &FullUpdate) -> Result<()> {
	let update = &full.update;
	ensure!(
		verify::is_supermajority(&update.aggregate),
		"fewer than two thirds of the committee have signed its update"
	);
	ensure!(
		update.signature_slot > update.attested.slot
			&& update.attested.slot >= update.finalized.slot,
		"the slots of its update are out of order"
	);
	let layout = layout(network, update.attested.slot)?;
	ensure!(
		verify::is_at(
			update.finalized.root(),
			&update.finality_branch,
			layout.finality,
			update.attested.state_root
		),
		"the finalised block of its update is not in the attested state"
	);
	if let Some(next) = &update.next {
		ensure!(
			verify::is_at(
				next.committee.root(),
				&next.branch,
				layout.next_committee,
				update.attested.state_root
			),
			"the next committee of its update is not in the attested state"
		);
	}
	ensure_carries(network, &full.finalized)
}

/// Refuses a header whose execution block is not its own.
fn ensure_carries(network: &Network, header: &light::Header) -> Result<()> {
	let layout = layout(network, header.beacon.slot)?;
	ensure!(
		verify::is_at(
			header.execution_hash,
			&header.hash_branch,
			layout.execution_hash,
			header.beacon.body_root
		),
		"the execution block is not at its place in the beacon block's body"
	);
	Ok(())
}

/// The layout of beacon objects at a slot.
pub fn layout(network: &Network, slot: u64) -> Result<Layout> {
	network.layout_at(slot).with_context(|| {
		format!("Ethereum has forked, before slot {slot}, into a form that the chain has not been told: governance sets the network")
	})
}

/// The committees that the chain knows. Signatures are checked by them before anything is paid.
#[derive(Default)]
pub struct Signers {
	/// The period of the first one.
	pub period: u64,
	/// The committee of that period, and of the next one.
	pub committees: [Option<PreparedCommittee>; 2],
}

impl Signers {
	fn of(&self, update: &Update) -> Option<&PreparedCommittee> {
		let place = period(update.signature_slot).checked_sub(self.period)?;
		self.committees.get(usize::try_from(place).ok()?)?.as_ref()
	}

	/// Whether the committee that must have signed an update is known.
	pub fn know(&self, update: &Update) -> bool {
		self.of(update).is_some()
	}

	/// Refuses an update that this committee has not signed, if the committee is known.
	fn check(&self, network: &Network, update: &Update) -> Result<()> {
		let Some(committee) = self.of(update) else { return Ok(()) };
		let signed = verify::signing_root(network, update.attested.root(), update.signature_slot)
			.context("the chain does not know the fork that its update is signed in")?;
		ensure!(
			verify::is_signed(committee, &update.aggregate, signed),
			"its update is not signed by the committee of that period"
		);
		Ok(())
	}
}

/// Refuses an update that is signed in the future.
fn ensure_past(network: &Network, update: &Update) -> Result<()> {
	let now = network.slot_at(now()).unwrap_or_default();
	ensure!(
		update.signature_slot <= now.saturating_add(CLOCKS_APART),
		"its update is signed in slot {}, and this is {now}",
		update.signature_slot
	);
	Ok(())
}

impl Beacon {
	/// The nodes at `urls`.
	pub fn new(urls: &[String], metrics: Metrics) -> Result<Self> {
		Ok(Self { nodes: Pool::new("beacon node", urls, metrics, BeaconNode::new)? })
	}

	/// All nodes, to compare their answers.
	pub fn nodes(&self) -> &Pool<BeaconNode> {
		&self.nodes
	}

	/// Starts from the block `root`.
	pub async fn bootstrap(&self, network: &Network, root: H256) -> Result<FullBootstrap> {
		self.nodes
			.ask("a bootstrap", |node| async move {
				let path = format!("/eth/v1/beacon/light_client/bootstrap/{root:?}");
				let full = light::bootstrap(&node.client.must(&path).await?)?;
				let header = &full.bootstrap.header;
				ensure!(header.root() == root, "it gives another block");
				let layout = layout(network, header.slot)?;
				ensure!(
					verify::is_at(
						full.bootstrap.committee.root(),
						&full.bootstrap.committee_branch,
						layout.current_committee,
						header.state_root
					),
					"the committee is not in the block's state"
				);
				ensure_carries(network, &full.header)?;
				Ok(full)
			})
			.await
	}

	/// The newest finality of all nodes; `None` before there is any.
	pub async fn finality(
		&self,
		network: &Network,
		signers: &Signers,
	) -> Result<Option<FullUpdate>> {
		let all = self
			.nodes
			.all("the newest finality", |node| async move {
				let path = "/eth/v1/beacon/light_client/finality_update";
				let Some(answer) = node.client.get(path).await? else { return Ok(None) };
				let full = light::update(&answer)?;
				ensure_plausible(network, &full)?;
				ensure_past(network, &full.update)?;
				signers.check(network, &full.update)?;
				Ok(Some(full))
			})
			.await?;
		Ok(all
			.into_iter()
			.max_by_key(|full| (full.update.finalized.slot, full.update.attested.slot)))
	}

	/// The update of a period, which brings the next period's committee; `None` before there is one, and if
	/// it is not known who must have signed it.
	pub async fn update(
		&self,
		network: &Network,
		number: u64,
		signers: &Signers,
	) -> Result<Option<FullUpdate>> {
		self.nodes
			.find("an update", |node| async move {
				let path =
					format!("/eth/v1/beacon/light_client/updates?start_period={number}&count=1");
				let Some(answer) = node.client.get(&path).await? else { return Ok(None) };
				let list = answer.as_array().context("its updates are not a list")?;
				let Some(first) = list.first() else { return Ok(None) };
				let full = light::update(first)?;
				ensure!(full.update.next.is_some(), "its update brings no committee");
				ensure!(
					period(full.update.attested.slot) == number,
					"it gives the update of another period"
				);
				ensure_plausible(network, &full)?;
				ensure_past(network, &full.update)?;
				signers.check(network, &full.update)?;
				Ok(signers.know(&full.update).then_some(full))
			})
			.await
	}

	/// The root of the newest finalised block.
	pub async fn finalized_root(&self) -> Result<H256> {
		self.nodes
			.ask("its finalised block", |node| async move {
				let answer = node.client.must("/eth/v1/beacon/headers/finalized").await?;
				let text = answer["data"]["root"].as_str().context("it has no root")?;
				text.parse().context("its root is not a hash")
			})
			.await
	}

	/// The network of the nodes.
	pub async fn spec(&self) -> Result<Spec> {
		self.nodes.ask("its network", |node| async move { spec(&node.client).await }).await
	}
}

/// The forks that this program knows, by their names in a node's configuration.
const FORKS: [(&str, Option<Layout>); 5] = [
	("DENEB", Some(Layout::DENEB)),
	("ELECTRA", Some(Layout::ELECTRA)),
	("FULU", Some(Layout::ELECTRA)),
	("GLOAS", Some(Layout::GLOAS)),
	// Announced without a layout, so that the chain halts at this fork instead of misreading it.
	("HEZE", None),
];

async fn spec(node: &BeaconNode) -> Result<Spec> {
	let genesis = node.must("/eth/v1/beacon/genesis").await?;
	let spec = node.must("/eth/v1/config/spec").await?;
	let spec = &spec["data"];
	let text = |value: &Value| value.as_str().map(str::to_owned);
	if text(&spec["PRESET_BASE"]).is_some_and(|preset| preset != "mainnet") {
		bail!("the chain's light client knows the mainnet preset only");
	}
	let mut forks: Vec<Fork> = Vec::new();
	for (name, layout) in FORKS {
		let epoch = &spec[format!("{name}_FORK_EPOCH")];
		let Ok(epoch) = light::uint(epoch) else { continue };
		if epoch == u64::MAX {
			continue;
		}
		let version = text(&spec[format!("{name}_FORK_VERSION")]).context("a fork's version")?;
		let version = hex::decode(version.trim_start_matches("0x"))?;
		let version = version.try_into().ok().context("a fork's version has four bytes")?;
		// Of forks at the same epoch the last one counts.
		forks.retain(|before| before.epoch != epoch);
		forks.push(Fork { version, epoch, layout });
	}
	let genesis = &genesis["data"];
	let seconds = light::uint(&spec["SECONDS_PER_SLOT"])
		.or_else(|_| Ok::<_, anyhow::Error>(light::uint(&spec["SLOT_DURATION_MS"])? / 1_000))?;
	let root = text(&genesis["genesis_validators_root"]).context("it has no validators' root")?;
	Ok(Spec {
		network: Network {
			genesis_validators_root: root.parse().context("its validators' root is not a hash")?,
			genesis_time: light::uint(&genesis["genesis_time"])?,
			seconds_per_slot: u8::try_from(seconds).context("its slots are too long")?,
			forks: forks.try_into().ok().context("it has too many forks")?,
		},
		chain_id: light::uint(&spec["DEPOSIT_CHAIN_ID"])?,
	})
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use axum::{extract::Request, http::StatusCode, response::IntoResponse, Router};
	use livepeer_bridge_formats::simulator::{self, Block};
	use serde_json::json;

	fn text(bytes: &[u8]) -> String {
		format!("0x{}", hex::encode(bytes))
	}

	fn branch(nodes: &[H256]) -> Value {
		nodes.iter().map(|node| text(&node[..])).collect()
	}

	fn header(block: &Block) -> Value {
		let header = &block.header;
		let proof = block.proof();
		json!({
			"beacon": {
				"slot": header.slot.to_string(),
				"proposer_index": header.proposer_index.to_string(),
				"parent_root": text(&header.parent_root[..]),
				"state_root": text(&header.state_root[..]),
				"body_root": text(&header.body_root[..]),
			},
			"execution_block_hash": text(&block.execution.0[..]),
			"execution_branch": branch(&proof.hash_branch),
		})
	}

	fn finality(network: &Network) -> (Value, H256) {
		finality_at(network, 64, 0)
	}

	/// Finality of a slot, signed by a committee.
	fn finality_at(network: &Network, slot: u64, by: u8) -> (Value, H256) {
		let finalized = simulator::block(network, slot, [0, 1], H256::zero());
		let attested = simulator::block(network, slot + 36, [0, 1], finalized.root());
		let update = attested.update(network, &finalized, by, 400, None);
		(told(&attested, &finalized, &update), finalized.root())
	}

	/// An update as a beacon node gives it.
	pub(crate) fn told(attested: &Block, finalized: &Block, update: &Update) -> Value {
		let mut value = json!({
			"attested_header": header(attested),
			"finalized_header": header(finalized),
			"finality_branch": branch(&update.finality_branch),
			"sync_aggregate": {
				"sync_committee_bits": text(&update.aggregate.bits),
				"sync_committee_signature": text(&update.aggregate.signature),
			},
			"signature_slot": update.signature_slot.to_string(),
		});
		if let Some(next) = &update.next {
			let keys: Vec<String> = next.committee.keys.iter().map(|key| text(key)).collect();
			value["next_sync_committee"] =
				json!({ "pubkeys": keys, "aggregate_pubkey": text(&next.committee.sum) });
			value["next_sync_committee_branch"] = branch(&next.branch);
		}
		value
	}

	/// A beacon node that answers everything in one way.
	async fn node(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> String {
		let app = Router::new().fallback(move |_: Request| {
			let answer = answer.clone();
			async move { answer }
		});
		serve(app).await
	}

	/// Serves something on a port of its own.
	pub(crate) async fn serve(app: Router) -> String {
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
		let address = listener.local_addr().expect("an address");
		tokio::spawn(async move { axum::serve(listener, app).await });
		format!("http://{address}")
	}

	fn network() -> Network {
		simulator::network([7, 0, 0, 0], Layout::GLOAS)
	}

	pub(crate) fn said(value: &Value) -> String {
		json!({ "version": "gloas", "data": value }).to_string()
	}

	#[tokio::test]
	async fn wrong_answers_of_a_beacon_node_should_be_passed_over() {
		let network = network();
		let (right, root) = finality(&network);
		let changed = |place: &str, value: Value| {
			let mut wrong = right.clone();
			if let Some(field) = wrong.pointer_mut(place) {
				*field = value;
			}
			said(&wrong)
		};
		let zeros = text(&[0; 32]);
		let (good, nobody) = (node(said(&right)).await, Signers::default());
		let wrongs = [
			changed("/finality_branch/0", zeros.clone().into()),
			changed("/finality_branch", json!([])),
			changed("/finality_branch", json!(vec![zeros.clone(); 65])),
			changed("/finalized_header/beacon/slot", "65".into()),
			changed("/finalized_header/execution_block_hash", zeros.clone().into()),
			changed("/finalized_header/execution_branch/3", zeros.into()),
			changed("/signature_slot", "100".into()),
			changed("/sync_aggregate/sync_committee_bits", text(&[0x0f; 64]).into()),
			"no JSON".to_owned(),
			"x".repeat(MAX_ANSWER + 1),
		];
		for wrong in wrongs {
			let bad = node(wrong).await;
			let alone = Beacon::new(std::slice::from_ref(&bad), Metrics::default()).expect("nodes");
			assert!(alone.finality(&network, &nobody).await.is_err());
			let both = Beacon::new(&[bad, good.clone()], Metrics::default()).expect("nodes");
			let found = both.finality(&network, &nobody).await.expect("an answer");
			let found = found.expect("finality");
			assert_eq!(found.finalized.beacon.root(), root);
		}
		let down = node((StatusCode::INTERNAL_SERVER_ERROR, "")).await;
		let gone = "http://127.0.0.1:1".to_owned();
		let all = Beacon::new(&[down, gone, good], Metrics::default()).expect("nodes");
		assert!(all.finality(&network, &nobody).await.expect("an answer").is_some());
	}

	#[tokio::test]
	async fn attack_beacon_node_is_behind_has_nothing_or_lies() {
		let network = network();
		let (right, root) = finality_at(&network, 640, 0);
		let (behind, _) = finality_at(&network, 64, 0);
		// Newer than all, and signed by who is not the committee; or at a time that never comes.
		let (forged, _) = finality_at(&network, 1_280, 5);
		let (never, _) = finality_at(&network, u64::MAX - 64, 0);
		let urls = [
			node((StatusCode::NOT_FOUND, "")).await,
			node(said(&behind)).await,
			node(said(&forged)).await,
			node(said(&never)).await,
			node(said(&right)).await,
		];
		let committees = [simulator::committee(0).prepare(), None];
		let signers = Signers { period: 0, committees };
		let beacon = Beacon::new(&urls, Metrics::default()).expect("nodes");
		// Again and again: nothing is remembered in a liar's favour.
		for _ in 0..3 {
			let found = beacon.finality(&network, &signers).await.expect("an answer");
			let found = found.expect("finality");
			assert_eq!(found.finalized.beacon.root(), root);
			assert!(signers.know(&found.update));
		}
		let liars = Beacon::new(&urls[2..4], Metrics::default()).expect("nodes");
		assert!(liars.finality(&network, &signers).await.is_err());
		// Whose committee is not known is not sent anywhere: it only says how far others are.
		let later = Signers { period: 1, ..signers };
		let found = beacon.finality(&network, &later).await.expect("an answer");
		assert!(!later.know(&found.expect("finality").update));
	}

	#[tokio::test]
	async fn no_finality_yet_should_be_no_error() {
		let none = node((StatusCode::NOT_FOUND, "")).await;
		let beacon = Beacon::new(&[none], Metrics::default()).expect("nodes");
		let found = beacon.finality(&network(), &Signers::default()).await;
		assert_eq!(found.expect("an answer"), None);
	}

	#[tokio::test]
	async fn unknown_fork_should_be_said_in_words() {
		let mut network = network();
		let (right, _) = finality(&network);
		network.forks[0].layout = None;
		let beacon = Beacon::new(&[node(said(&right)).await], Metrics::default()).expect("nodes");
		let found = beacon.finality(&network, &Signers::default()).await;
		let error = format!("{:#}", found.expect_err("unknown"));
		assert!(error.contains("Ethereum has forked"), "{error}");
	}
}
