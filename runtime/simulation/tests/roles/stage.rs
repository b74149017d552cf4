//! Who acts in a story, and how.

use std::{
	cell::Cell,
	collections::BTreeSet,
	pin::pin,
	rc::Rc,
	sync::{Arc, Mutex},
};

use futures::future::{select, Either};
use livepeer_integration_tests::{seeds::Chance, World, CAPACITY, RENDITION};
use livepeer_primitives::{
	duty::Profiles, segment::stream_id, service::ServiceRecord, video::SourceLimits, AccountId,
	Balance, BlockNumber, ToolchainId, ETH, UNIT,
};
use livepeer_runtime::{
	genesis_config_presets::{genesis_config, session_keys_from_seed},
	Runtime, RuntimeGenesisConfig,
};
use livepeer_worker_core::{
	fakes::{FakeEngine, FakeNet, Sim},
	ports::{
		chain::{Call, Chain},
		clock::Clock,
		events::NoEvents,
		stake_call::StakeCall,
		store::Streams,
	},
	roles::{
		broadcast::{BroadcastError, Broadcaster, SourceSegment, StreamSpec, Summary},
		transcode::{TranscodeConfig, TranscodeRole},
		verify::VerifyRole,
	},
};
use pallet_transcoder_election::Terms;
use serde_json::json;
use sp_core::{sr25519, Pair as _};
use sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{traits::IdentifyAccount, MultiSigner, Perbill};
use tokio::sync::{mpsc, watch};

use crate::{
	audit::audit,
	chain::{in_runtime, lock, Client, Ledger},
	faults::{Line, Machine, Outage, Peers, Whose, Wire},
	judge::{self, Node, Service},
	making::{Engine, Making, Unrevealing},
	Plan, Stream,
};

/// What a transcoder asks for a standard segment: ten times what judging one costs a judge, and more.
const PRICE: Balance = UNIT / 10_000;
/// What a transcoder keeps of its rewards.
const REWARD_CUT: Perbill = Perbill::from_percent(10);
/// What a transcoder's delegators get of its fees.
const FEE_SHARE: Perbill = Perbill::from_percent(50);
/// Segments of a claim.
const CLAIM: u32 = 8;
/// The time of a segment.
const SEGMENT_MS: u64 = 2_000;
/// Bytes of a segment: of the fake engine's pixels, a third of the most that a job's segment can have.
const SEGMENT_BYTES: usize = 150;
/// How long after its end a process is started again.
const RESTART_MS: u64 = 2_000;
/// Blocks after which a job is over, whatever becomes of it.
const JOB_BLOCKS: BlockNumber = 150;
/// The same where the broadcaster is gone in the middle.
const LEFT_BLOCKS: BlockNumber = 60;
/// Blocks in which all streams must have come back.
const PATIENCE: BlockNumber = 600;
/// Most that a clock is wrong by, in either direction.
const SKEW_MS: u64 = 120_000;
/// Delegators that act in a block.
const ACTS: u64 = 4;

/// A delegator: its key, and to whom it bonds first.
#[derive(Clone)]
struct Delegator {
	pair: sr25519::Pair,
	to: AccountId,
}

/// The machines of all.
pub struct Cast {
	/// Those that judge.
	pub judges: Vec<Arc<Machine>>,
	/// Those that transcode.
	pub transcoders: Vec<Arc<Machine>>,
	/// Those of the broadcasters, one for each stream.
	pub streams: Vec<Arc<Machine>>,
	delegators: Vec<Delegator>,
}

impl Cast {
	/// That of a story.
	fn new(sim: &Sim, plan: &Plan, chance: &mut Chance) -> Self {
		let mut machine = |secret: &str, withholds| {
			let line = Line::new(sim.clock.clone(), plan.weather, Chance::new(chance.any()));
			let skew_ms = chance.below(2 * SKEW_MS) as i64 - SKEW_MS as i64;
			Arc::new(Machine::new(secret, line, skew_ms, withholds))
		};
		let judges: Vec<_> = judges(plan).map(|judge| machine(&judge.to_seed(), false)).collect();
		let transcoders: Vec<_> = plan
			.transcoders
			.iter()
			.enumerate()
			.map(|(place, making)| machine(&format!("//Transcoder{place}"), !making.serves))
			.collect();
		let streams = (0..plan.streams.len())
			.map(|place| machine(&format!("//Broadcaster{place}"), false))
			.collect();
		let pools: Vec<AccountId> =
			judges.iter().chain(&transcoders).map(|machine| machine.account()).collect();
		let delegators = (0..plan.delegators)
			.map(|place| Delegator {
				pair: sr25519::Pair::from_string(&format!("//Delegator{place}"), None)
					.expect("it is a path"),
				to: chance.one_of(&pools).clone(),
			})
			.collect();
		Self { judges, transcoders, streams, delegators }
	}

	/// Every machine.
	fn all(&self) -> impl Iterator<Item = &Arc<Machine>> {
		self.judges.iter().chain(&self.transcoders).chain(&self.streams)
	}

	/// A machine that is there.
	fn machine(&self, whose: Whose) -> Option<&Arc<Machine>> {
		match whose {
			Whose::Judge(place) => self.judges.get(place),
			Whose::Transcoder(place) => self.transcoders.get(place),
			Whose::Stream(place) => self.streams.get(place),
		}
	}
}

/// The validators of a story.
fn judges(plan: &Plan) -> impl Iterator<Item = Sr25519Keyring> {
	Sr25519Keyring::well_known().take(plan.judges)
}

/// How a delegator's key is an account.
fn account(pair: &sr25519::Pair) -> AccountId {
	MultiSigner::from(pair.public()).into_account()
}

/// A local network of these validators, transcoders and delegators. Transcoders have their terms and no address yet.
fn genesis(plan: &Plan, cast: &Cast) -> RuntimeGenesisConfig {
	let mut genesis =
		genesis_config(LOCAL_TESTNET_RUNTIME_PRESET, json!({})).expect("the preset exists");
	// A seat for everybody.
	genesis.chain_config.parameters.election.active_size = 64;
	genesis.session.keys = judges(plan)
		.map(|judge| {
			let account = judge.to_account_id();
			let seed = judge.to_seed();
			(account.clone(), account, session_keys_from_seed(seed.trim_start_matches('/')))
		})
		.collect();
	let own = |machines: &[Arc<Machine>], bond: Balance| -> Vec<(AccountId, Balance)> {
		machines.iter().map(|machine| (machine.account(), bond)).collect()
	};
	let candidates =
		[own(&cast.judges, 10_000 * UNIT), own(&cast.transcoders, 5_000 * UNIT)].concat();
	let terms = Terms { price: PRICE, reward_cut: REWARD_CUT, fee_share: FEE_SHARE };
	genesis.transcoder_election.transcoders = candidates
		.iter()
		.map(|(who, _)| (who.clone(), terms, ServiceRecord::default(), 0, Profiles::default()))
		.collect();
	let delegated = cast
		.delegators
		.iter()
		.map(|delegator| (account(&delegator.pair), delegator.to.clone(), 100 * UNIT));
	genesis.lpt_staking.bonds = candidates
		.iter()
		.map(|(who, bond)| (who.clone(), who.clone(), *bond))
		.chain(delegated)
		.collect();
	let delegators = cast.delegators.iter().map(|delegator| account(&delegator.pair));
	// The preset has money for the first judges; a larger story has more of them.
	let rich: BTreeSet<_> = genesis.balances.balances.iter().map(|(who, _)| who.clone()).collect();
	let funded = own(&cast.judges, 20_000 * UNIT)
		.into_iter()
		.filter(|(who, _)| !rich.contains(who))
		.chain(own(&cast.transcoders, 20_000 * UNIT))
		.map(|(who, lpt)| (who, lpt, 10 * UNIT))
		.chain(own(&cast.streams, 100 * UNIT).into_iter().map(|(who, lpt)| (who, lpt, 100 * UNIT)))
		.chain(delegators.map(|who| (who, 1_000 * UNIT, UNIT)));
	for (who, lpt, eth) in funded {
		genesis.balances.balances.push((who.clone(), lpt));
		genesis.assets.accounts.push((ETH, who, eth));
	}
	genesis
}

/// Plays a story to its end, and looks what came of it.
pub async fn play(sim: Sim, plan: Plan) {
	let mut chance = Chance::new(plan.seed);
	let cast = Cast::new(&sim, &plan, &mut chance);
	let ledger = Ledger::new(World::begin(&genesis(&plan, &cast)));
	let toolchain = ledger.with(World::toolchain);
	let slot_ms = ledger.with(|world| world.parameters().1.slot_duration);
	let peers = cast.all().map(|machine| (machine.name.as_bytes().to_vec(), machine.clone()));
	let peers = Arc::new(peers.collect());
	let net = FakeNet::new();
	let stage = Stage { sim: sim.clone(), ledger, net, peers, toolchain, slot_ms };

	let mut nodes = Vec::new();
	for (place, (judge, machine)) in judges(&plan).zip(&cast.judges).enumerate() {
		let judging = match plan.bad_judge {
			Some((bad, judging)) if bad == place => judging,
			_ => &judge::HONEST,
		};
		let service = Service::new(Mutex::new(None));
		nodes.push(Node::new(machine.clone(), &judge.to_seed(), judging, service.clone()));
		sim.spawn(stage.clone().judge(machine.clone(), service));
	}
	for (making, machine) in plan.transcoders.iter().copied().zip(&cast.transcoders) {
		sim.spawn(stage.clone().transcode(machine.clone(), making));
	}
	let done = Rc::new(Cell::new(0));
	for (place, (stream, machine)) in plan.streams.iter().copied().zip(&cast.streams).enumerate() {
		let (stage, machine, done) = (stage.clone(), machine.clone(), done.clone());
		sim.spawn(async move {
			stage.broadcast(machine, stream, place).await;
			done.set(done.get() + 1);
		});
	}
	for outage in plan.outages.iter().copied() {
		if let Some(machine) = cast.machine(outage.whose) {
			sim.spawn(stage.clone().fail(machine.clone(), outage));
		}
	}
	let pools = cast.judges.iter().chain(&cast.transcoders).map(|machine| machine.account());
	let delegators = (cast.delegators.clone(), pools.collect());
	sim.spawn(stage.clone().delegate(delegators, Chance::new(chance.any())));
	let late = plan.late_blocks.then(|| Chance::new(chance.any()));
	sim.spawn(stage.clone().blocks(nodes, late));

	let mut heads = stage.ledger.heads();
	while done.get() < plan.streams.len() {
		heads.changed().await.expect("blocks are made");
		let block = heads.borrow_and_update().best;
		assert!(block < PATIENCE, "streams have not come back at block {block}");
	}
	let end = heads.borrow().best + JOB_BLOCKS + stage.ledger.with(World::longest_after_end);
	while stage.ledger.with(is_at_work) {
		heads.changed().await.expect("blocks are made");
		let block = heads.borrow_and_update().best;
		assert!(block <= end, "jobs are still there at block {block}");
	}
	stage.ledger.with(|world| audit(world, &plan, &cast));
}

/// Whether anything of jobs and claims is left.
fn is_at_work(world: &mut World) -> bool {
	world.run(|| {
		pallet_jobs::Jobs::<Runtime>::iter().next().is_some()
			|| pallet_jobs::OpenClaims::<Runtime>::iter().next().is_some()
			|| pallet_challenge_lottery::Challenges::<Runtime>::iter().next().is_some()
	})
}

/// What all actors share.
#[derive(Clone)]
struct Stage {
	sim: Sim,
	ledger: Ledger,
	net: FakeNet,
	peers: Peers,
	toolchain: ToolchainId,
	slot_ms: u64,
}

impl Stage {
	fn client(&self, machine: &Machine) -> Arc<dyn Chain> {
		let (pair, line) = (machine.pair.clone(), machine.line.clone());
		Arc::new(Client { ledger: self.ledger.clone(), pair, line })
	}

	fn engine(&self) -> FakeEngine {
		let takes = Some((self.sim.clock.clone(), 200));
		FakeEngine { toolchain: self.toolchain, takes, ..Default::default() }
	}

	/// Makes blocks, in each of which the nodes have read the one before.
	async fn blocks(self, nodes: Vec<Node>, mut late: Option<Chance>) {
		loop {
			let skipped = late.as_mut().map_or(0, |chance| match chance.below(16) {
				0 => 1 + chance.below(3),
				_ => 0,
			});
			self.sim.sleep(self.slot_ms * (1 + skipped)).await;
			self.ledger.block(skipped);
			nodes.iter().for_each(|node| node.run(&self.ledger));
		}
	}

	/// Lets something of a machine fail for a while.
	async fn fail(self, machine: Arc<Machine>, outage: Outage) {
		let mut heads = self.ledger.heads();
		while heads.borrow_and_update().best < outage.at {
			heads.changed().await.expect("blocks are made");
		}
		machine.fail(outage.fault, true);
		self.sim.sleep(outage.lasts * self.slot_ms).await;
		machine.fail(outage.fault, false);
	}

	/// Judges for as long as the machine is on, and again when it is started.
	async fn judge(self, machine: Arc<Machine>, service: Service) {
		loop {
			machine.until(true).await;
			let made = VerifyRole::new(
				self.ledger.genesis(),
				Arc::new(machine.store.clone()),
				Arc::new(Wire::new(&self.net, &machine, &self.peers)),
				vec![Arc::new(self.engine())],
				Arc::new(NoEvents),
				Arc::new(machine.clock.clone()),
				4,
			);
			let (role, runner) = made.expect("memory can be read");
			*lock(&service) = Some(role);
			select(pin!(runner.run()), pin!(machine.until(false))).await;
			*lock(&service) = None;
		}
	}

	/// Transcodes for as long as the machine is on, and again when it is started or the role has ended.
	async fn transcode(self, machine: Arc<Machine>, making: &'static Making) {
		let record = FakeNet::record(&machine.name);
		loop {
			machine.until(true).await;
			let chain = self.client(&machine);
			let role = Arc::new(TranscodeRole::new(
				machine.keyring(),
				if making.reveals { chain } else { Arc::new(Unrevealing(chain)) },
				Arc::new(machine.store.clone()),
				Arc::new(Engine { honest: self.engine(), makes: making.makes }),
				Arc::new(NoEvents),
				Arc::new(machine.clock.clone()),
				TranscodeConfig {
					price: PRICE,
					reward_cut: REWARD_CUT,
					fee_share: FEE_SHARE,
					capacity: CAPACITY,
					parallel: 2,
					queue: 8,
					claim_leaves: CLAIM,
					claim_wait_ms: 60_000,
					claim_worth: 0,
					gap_wait_ms: 20_000,
				},
			));
			self.net.serve(&machine.name, role.clone());
			let stop = watch::Sender::new(false);
			let served = role.serve(&record, stop.subscribe());
			select(pin!(served), pin!(machine.until(false))).await;
			self.net.remove(&machine.name);
			self.sim.sleep(RESTART_MS).await;
		}
	}

	/// Streams until everything has come back, or to the middle.
	async fn broadcast(self, machine: Arc<Machine>, stream: Stream, place: usize) {
		let begun_ms = self.sim.clock.now_ms();
		let id = stream_id(&machine.account(), &name(place));
		let streaming = async {
			loop {
				machine.until(true).await;
				let run = self.broadcast_once(&machine, stream, place, begun_ms);
				let is_complete = match select(pin!(run), pin!(machine.until(false))).await {
					Either::Left((ended, _)) => ended.is_ok_and(|summary| summary.complete),
					Either::Right(_) => false,
				};
				// All can have come back, and only that its job is over not be said: it ends by itself.
				let state = machine.store.stream(id).expect("memory can be read");
				if is_complete || state.is_some_and(|state| state.ended) {
					return;
				}
				self.sim.sleep(RESTART_MS).await;
			}
		};
		let leaves_ms = if stream.leaves { stream.segments * SEGMENT_MS / 2 } else { u64::MAX };
		select(pin!(streaming), pin!(self.sim.sleep(leaves_ms))).await;
	}

	/// One process of a broadcaster, which reads its source from the beginning.
	async fn broadcast_once(
		&self,
		machine: &Machine,
		stream: Stream,
		place: usize,
		begun_ms: u64,
	) -> Result<Summary, BroadcastError> {
		let role = Broadcaster::new(
			machine.keyring(),
			self.client(machine),
			Arc::new(machine.store.clone()),
			Arc::new(Wire::new(&self.net, machine, &self.peers)),
			Arc::new(self.engine()),
			Arc::new(NoEvents),
			Arc::new(machine.clock.clone()),
		);
		let spec = StreamSpec {
			name: name(place),
			ladder: vec![RENDITION].try_into().expect("one rendition"),
			limits: SourceLimits::new(1280, 720, 30),
			max_price: 10 * PRICE,
			budget: 10 * UNIT,
			lasts: if stream.leaves { LEFT_BLOCKS } else { JOB_BLOCKS },
			keep: 1_800,
			live: false,
			above: None,
			ask: Vec::new(),
			job: None,
		};
		let open = role.open(&spec).await?;
		let (sender, source) = mpsc::channel(4);
		let feeding = async move {
			for seq in 0..stream.segments {
				self.sim.clock.sleep_until(begun_ms + seq * SEGMENT_MS).await;
				if sender.send(Ok(segment(place, seq))).await.is_err() {
					return;
				}
			}
		};
		let stop = watch::Sender::new(false);
		let running = role.run(&open, source, stop.subscribe());
		let ((), ended) = futures::future::join(feeding, running).await;
		ended
	}

	/// Has some delegators do something with each block. Nobody waits for what becomes of it.
	async fn delegate(
		self,
		(delegators, pools): (Vec<Delegator>, Vec<AccountId>),
		mut chance: Chance,
	) {
		let mut heads = self.ledger.heads();
		if delegators.is_empty() {
			return;
		}
		loop {
			heads.changed().await.expect("blocks are made");
			for _ in 0..ACTS {
				let pair = &chance.one_of(&delegators).pair;
				let to = chance.one_of(&pools).clone();
				let (amount, lock) = (chance.below(100) as Balance * UNIT, chance.below(3) as u32);
				let call = match chance.below(7) {
					0 => Call::Bond { amount, to },
					1 => Call::Stake(StakeCall::Unbond { amount }),
					2 => Call::Stake(StakeCall::MoveBond { to }),
					3 => Call::Stake(StakeCall::Rebond { lock, to }),
					4 => Call::Stake(StakeCall::WithdrawStake { lock }),
					5 => Call::Stake(StakeCall::TransferBond { amount, to }),
					_ => Call::Stake(StakeCall::WithdrawFees),
				};
				drop(self.ledger.send(Some(pair), in_runtime(call).1));
			}
		}
	}
}

/// The name of a stream.
fn name(place: usize) -> String {
	format!("stream{place}")
}

/// A segment, unlike any other and none that the engine rejects.
fn segment(place: usize, seq: u64) -> SourceSegment {
	let mut bytes = vec![7; SEGMENT_BYTES];
	bytes[..3].copy_from_slice(&[(seq % 200) as u8, place as u8, (seq / 200) as u8]);
	SourceSegment {
		bytes,
		duration: 180_000,
		time: seq * 180_000,
		captured: 0,
		last: false,
		fresh: false,
		own: Vec::new(),
	}
}
