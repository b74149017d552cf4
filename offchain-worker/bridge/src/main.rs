//! # livepeer-bridge
//!
//! Carries the bridge's proofs between the chain and Ethereum. Nobody has to trust it: the other side checks
//! everything that it brings, and anybody else can bring it too. All state is on the two chains, so it can be
//! stopped and started, and several can run at a time.
//!
//! - `inbound`: Ethereum's consensus, the gateway's figures and deposits come to the chain;
//! - `outbound`: the validators' commitments and the messages go to Ethereum;
//! - `chain`, `beacon`, `ethereum`: the three kinds of nodes, several of each through `pool`;
//! - `light`, `beefy`: their data in the forms that the other side takes;
//! - `relay`, `done`, `clock`: turns of relayers, costs, finished work, time;
//! - `watch`, `status`, `check`, `setup`: commands for people.

mod beacon;
mod beefy;
mod chain;
mod check;
mod clock;
mod done;
mod ethereum;
mod http;
mod inbound;
mod light;
mod metrics;
mod outbound;
mod pool;
mod relay;
mod setup;
mod status;
mod watch;

use std::{
	ffi::OsString, future::Future, io::IsTerminal, net::SocketAddr, os::unix::fs::PermissionsExt,
	path::PathBuf, process::ExitCode, str::FromStr, time::Duration,
};

use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use anyhow::{anyhow, bail, ensure, Context, Result};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use livepeer_bridge_formats::types::SupplyRule;
use subxt_signer::{sr25519::Keypair, SecretUri};
use tokio::signal::unix::{signal, SignalKind};

use crate::{
	beacon::Beacon,
	chain::Chain,
	ethereum::Ethereum,
	metrics::Metrics,
	relay::{Claims, Policy, Relay},
};

/// The longest pause after an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long finished work is taken for final before it is checked again.
const MEMORY: Duration = Duration::from_secs(600);

/// Carries the bridge's proofs between the chain and Ethereum.
#[derive(Parser)]
#[command(name = "livepeer-bridge", version)]
struct Cli {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand)]
enum Command {
	/// Relay in both directions until stopped.
	Run(RunArgs),
	/// Compare what each side believes of the other with the truth, and alarm if it is wrong.
	Watch(WatchArgs),
	/// Show limits, and the progress of deposits and withdrawals.
	Status(StatusArgs),
	/// Check bootstraps, updates and finality updates of a beacon node, in JSON or SSZ.
	CheckUpdate(check::CheckArgs),
	/// Print the state from which the contract starts: the configuration of its deployment.
	Checkpoint(CheckpointArgs),
	/// Print the calls with which governance sets up the bridge.
	Governance(GovernanceArgs),
	/// Send money to Ethereum.
	Withdraw(WithdrawArgs),
	/// Send money from Ethereum to the chain.
	Deposit(DepositArgs),
}

/// Where the nodes are.
#[derive(Args, Clone)]
struct Endpoints {
	/// Nodes of the chain, in the order in which they are asked.
	#[arg(
		long,
		env = "BRIDGE_NODES",
		value_delimiter = ',',
		default_value = "ws://127.0.0.1:9944"
	)]
	node: Vec<String>,
	/// Beacon nodes of Ethereum.
	#[arg(
		long,
		env = "BRIDGE_BEACONS",
		value_delimiter = ',',
		default_value = "http://127.0.0.1:5052"
	)]
	beacon: Vec<String>,
	/// Execution nodes of Ethereum.
	#[arg(
		long,
		env = "BRIDGE_EXECUTIONS",
		value_delimiter = ',',
		default_value = "http://127.0.0.1:8545"
	)]
	execution: Vec<String>,
	/// The gateway [default: the chain's].
	#[arg(long, env = "BRIDGE_GATEWAY")]
	gateway: Option<Address>,
	/// The Ethereum block in which the gateway was deployed, from which its events are read.
	#[arg(long, env = "BRIDGE_GATEWAY_BLOCK", default_value_t = 0)]
	gateway_block: u64,
	/// File with the secret URI of the account that signs on the chain [default: the secret in
	/// BRIDGE_CHAIN_KEY].
	#[arg(long)]
	key: Option<PathBuf>,
	/// File with the private key, in hexadecimal, that signs on Ethereum [default: the key in
	/// BRIDGE_ETHEREUM_KEY].
	#[arg(long)]
	ethereum_key: Option<PathBuf>,
	/// The highest gas price to pay, in gwei.
	#[arg(long, default_value_t = 200)]
	max_gas_price: u64,
}

#[derive(Args)]
struct RunArgs {
	#[command(flatten)]
	endpoints: Endpoints,
	/// Send nothing: log what would be sent, and its cost.
	#[arg(long)]
	dry_run: bool,
	/// Stop when no work is left.
	#[arg(long)]
	once: bool,
	/// How many relayers come before this one. Each waits for the turns of those before it, so that two do
	/// not pay for the same work.
	#[arg(long, default_value_t = 0)]
	rank: u32,
	/// Seconds that each relayer has for a piece of work.
	#[arg(long, default_value_t = 60)]
	turn: u64,
	/// Seconds between checks.
	#[arg(long, default_value_t = 6)]
	poll: u64,
	/// Seconds after which either side is told news of the other even if nothing waits to pass.
	#[arg(long, default_value_t = 21_600)]
	refresh: u64,
	/// Carry only withdrawals whose fee covers the cost.
	#[arg(long)]
	paid_only: bool,
	/// The least fee of a withdrawal of LPT, in LPT.
	#[arg(long, default_value = "0", value_parser = units)]
	min_fee_lpt: u128,
	/// The least fee of a withdrawal of ETH, in ETH.
	#[arg(long, default_value = "0", value_parser = units)]
	min_fee_eth: u128,
	/// The value of an LPT in ETH. With it, --paid-only compares also fees in LPT with the cost of gas, as it
	/// always does fees in ETH.
	#[arg(long, value_parser = units)]
	lpt_price: Option<u128>,
	/// Claim the earnings of these addresses on Ethereum, or "all".
	#[arg(long, value_delimiter = ',')]
	claim_for: Vec<String>,
	/// Serve metrics at this address.
	#[arg(long)]
	metrics: Option<SocketAddr>,
}

#[derive(Args)]
struct WatchArgs {
	#[command(flatten)]
	endpoints: Endpoints,
	/// Check once; the exit code is 2 if something is wrong.
	#[arg(long)]
	once: bool,
	/// Seconds between checks.
	#[arg(long, default_value_t = 30)]
	poll: u64,
	/// The greatest age of the contract's head, in hours.
	#[arg(long, default_value_t = 24)]
	max_age: u64,
	/// Serve metrics at this address.
	#[arg(long)]
	metrics: Option<SocketAddr>,
}

#[derive(Args)]
struct StatusArgs {
	#[command(flatten)]
	endpoints: Endpoints,
	/// Print JSON.
	#[arg(long)]
	json: bool,
	/// How many of the newest deposits and messages to show.
	#[arg(long, default_value_t = 10)]
	newest: u32,
	/// Show the balances of this account on the chain.
	#[arg(long)]
	account: Option<String>,
}

#[derive(Args)]
struct CheckpointArgs {
	#[command(flatten)]
	endpoints: Endpoints,
}

#[derive(Args)]
struct GovernanceArgs {
	#[command(flatten)]
	endpoints: Endpoints,
	/// The storage slot of the token's balances: 1 in Livepeer's, 0 in the test token.
	#[arg(long, default_value_t = 1)]
	balances_slot: u64,
	/// Limits of LPT (required), separated by commas: in at once, out at once, restored per block, large
	/// from, each in LPT; then the delay of large amounts, in blocks.
	#[arg(long, value_delimiter = ',')]
	limits_lpt: Vec<String>,
	/// Limits of ETH (required), in the same order.
	#[arg(long, value_delimiter = ',')]
	limits_eth: Vec<String>,
	/// Let inflation count the LPT on Ethereum, up to this much [default: none of it].
	#[arg(long, value_parser = units)]
	supply_ceiling: Option<u128>,
	/// The storage slot of the token's total supply: 0 in Livepeer's, 2 in the test token.
	#[arg(long, default_value_t = 0)]
	supply_slot: u64,
	/// Trust this beacon block instead of the newest finalised one.
	#[arg(long)]
	checkpoint: Option<String>,
	/// Send the calls, as Sudo of a test chain.
	#[arg(long)]
	sudo: bool,
}

#[derive(Args)]
struct WithdrawArgs {
	#[command(flatten)]
	endpoints: Endpoints,
	/// lpt or eth.
	#[arg(long)]
	asset: String,
	/// The amount that leaves the account, including the relayer's fee, in LPT or ETH.
	#[arg(long, value_parser = units)]
	amount: u128,
	/// The relayer's fee, in the same asset.
	#[arg(long, default_value = "0", value_parser = units)]
	fee: u128,
	/// The recipient on Ethereum.
	#[arg(long)]
	to: Address,
}

#[derive(Args)]
struct DepositArgs {
	#[command(flatten)]
	endpoints: Endpoints,
	/// lpt or eth.
	#[arg(long)]
	asset: String,
	/// How much, in LPT or ETH.
	#[arg(long, value_parser = units)]
	amount: u128,
	/// The recipient's account on the chain: 32 bytes in hexadecimal, or an address.
	#[arg(long)]
	to: String,
}

/// Parses a decimal amount of LPT or ETH into smallest units.
fn units(text: &str) -> Result<u128> {
	let wrong =
		|| anyhow!("{text:?} is not an amount; write 0.5 (not .5 or 1.), with 18 decimals at most");
	let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
	let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
	if fraction.len() > 18 || !digits(whole) || !digits(fraction) {
		return Err(wrong());
	}
	format!("{whole}{fraction:0<18}").parse().map_err(|_| wrong())
}

/// Reads a command line.
fn read<T>(typed: impl IntoIterator<Item = T>) -> Result<Cli, clap::Error>
where
	T: Into<OsString> + Clone,
{
	let command = livepeer_settings::signed(Cli::command());
	Cli::from_arg_matches(&command.try_get_matches_from(typed)?)
}

fn secret(file: Option<&PathBuf>, variable: &str) -> Result<Option<String>> {
	let text = match file {
		Some(file) => {
			let told = || format!("cannot read the key in {}", file.display());
			let metadata = std::fs::metadata(file).with_context(told)?;
			// A pipe or another special file has no readers of its own.
			ensure!(
				!metadata.is_file() || metadata.permissions().mode() & 0o077 == 0,
				"{0} holds a key and others may use it: `chmod 600 {0}`, and make another key if others \
				 have used this machine",
				file.display()
			);
			std::fs::read_to_string(file).with_context(told)?
		}
		None => match std::env::var(variable) {
			Ok(text) => text,
			Err(_) => return Ok(None),
		},
	};
	Ok(Some(text.trim().to_owned()))
}

impl Endpoints {
	fn chain(&self, metrics: &Metrics) -> Result<Chain> {
		let key = secret(self.key.as_ref(), "BRIDGE_CHAIN_KEY")?
			.map(|text| -> Result<Keypair> {
				let wrong =
					|| anyhow!("it is not a phrase, a 0x seed or a development name like //Alice");
				let uri = SecretUri::from_str(&text).map_err(|_| wrong())?;
				Keypair::from_uri(&uri).map_err(|_| wrong())
			})
			.transpose()
			.context("the chain's key")?;
		Chain::new(&self.node, key, metrics.clone())
	}

	fn beacon(&self, metrics: &Metrics) -> Result<Beacon> {
		Beacon::new(&self.beacon, metrics.clone())
	}

	fn execution(&self, gateway: Address, metrics: &Metrics) -> Result<Ethereum> {
		let key = secret(self.ethereum_key.as_ref(), "BRIDGE_ETHEREUM_KEY")?
			.map(|text| {
				text.parse::<PrivateKeySigner>()
					.map_err(|_| anyhow!("it is not a private key of 32 bytes in hexadecimal"))
			})
			.transpose()
			.context("Ethereum's key")?;
		let price = u128::from(self.max_gas_price).saturating_mul(1_000_000_000);
		Ethereum::new(&self.execution, gateway, self.gateway_block, key, price, metrics.clone())
	}

	async fn ethereum(&self, chain: &Chain, metrics: &Metrics) -> Result<Ethereum> {
		let gateway = match self.gateway {
			Some(gateway) => gateway,
			None => {
				let place = chain.gateway().await?;
				let place = place.context("the chain has no gateway yet: give --gateway")?;
				Address::from(place.address.0)
			}
		};
		self.execution(gateway, metrics)
	}

	async fn relay(&self, policy: Policy, metrics: &Metrics) -> Result<Relay> {
		let chain = self.chain(metrics)?;
		let ethereum = self.ethereum(&chain, metrics).await?;
		let relay = Relay::new(chain, self.beacon(metrics)?, ethereum, metrics.clone(), policy);
		Ok(relay)
	}
}

/// The policy of commands that only read: it sends nothing.
fn quiet() -> Policy {
	Policy {
		dry_run: true,
		rank: 0,
		turn: Duration::ZERO,
		refresh: Duration::MAX,
		paid_only: false,
		min_fee: [0; 2],
		lpt_price: None,
		claims: Claims::Nobody,
	}
}

impl RunArgs {
	fn policy(&self) -> Result<Policy> {
		let claims = match self.claim_for.as_slice() {
			[] => Claims::Nobody,
			[all] if all == "all" => Claims::Everybody,
			some => Claims::Of(
				some.iter()
					.map(|one| one.parse().with_context(|| format!("no address: {one}")))
					.collect::<Result<_>>()?,
			),
		};
		Ok(Policy {
			dry_run: self.dry_run,
			rank: self.rank,
			turn: Duration::from_secs(self.turn),
			refresh: Duration::from_secs(self.refresh),
			paid_only: self.paid_only,
			min_fee: [self.min_fee_lpt, self.min_fee_eth],
			lpt_price: self.lpt_price,
			claims,
		})
	}
}

/// The pause after this many errors in a row.
fn pause_after(failures: u32) -> Duration {
	Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE)
}

/// Runs one direction for ever. An error is logged, and followed by a pause that grows each time.
async fn keep<S, F>(direction: &str, poll: Duration, once: bool, mut step: S) -> Result<()>
where
	S: FnMut() -> F,
	F: Future<Output = Result<bool>>,
{
	let mut failures = 0u32;
	loop {
		match step().await {
			Ok(true) => failures = 0,
			Ok(false) if once => return Ok(()),
			Ok(false) => {
				failures = 0;
				tokio::time::sleep(poll).await;
			}
			Err(error) if once => return Err(error.context(direction.to_owned())),
			Err(error) => {
				let pause = pause_after(failures);
				failures = failures.saturating_add(1);
				tracing::warn!("{direction}: {error:#}; again in {} s", pause.as_secs());
				tokio::time::sleep(pause).await;
			}
		}
	}
}

async fn stopped() -> Result<()> {
	let mut terminated = signal(SignalKind::terminate())?;
	let mut interrupted = signal(SignalKind::interrupt())?;
	tokio::select! {
		_ = terminated.recv() => Ok(()),
		_ = interrupted.recv() => Ok(()),
	}
}

async fn run(args: RunArgs) -> Result<()> {
	let metrics = Metrics::default();
	let relay = args.endpoints.relay(args.policy()?, &metrics).await?;
	relay.ensure_fits().await?;
	if !args.dry_run && (relay.chain.account().is_none() || relay.ethereum.address().is_none()) {
		bail!("give the keys that sign on the chain and on Ethereum, or --dry-run");
	}
	let poll = Duration::from_secs(args.poll.max(1));
	// Both directions run independently: neither waits for the other.
	let inbound = async {
		let state =
			tokio::sync::Mutex::new((tokio::time::Instant::now(), inbound::Inbound::default()));
		keep("towards the chain", poll, args.once, || async {
			let mut state = state.lock().await;
			if state.0.elapsed() >= MEMORY {
				state.0 = tokio::time::Instant::now();
				state.1.forget();
			}
			state.1.step(&relay).await
		})
		.await
	};
	let outbound = async {
		let state =
			tokio::sync::Mutex::new((tokio::time::Instant::now(), outbound::Outbound::default()));
		keep("towards Ethereum", poll, args.once, || async {
			let mut state = state.lock().await;
			if state.0.elapsed() >= MEMORY {
				state.0 = tokio::time::Instant::now();
				state.1.forget();
			}
			state.1.step(&relay).await
		})
		.await
	};
	if let Some(address) = args.metrics {
		metrics.serve(address).await?;
	}
	tracing::info!("relaying between the chain and gateway {}", relay.ethereum.gateway);
	let ended = tokio::select! {
		both = async { tokio::try_join!(inbound, outbound) } => both.map(|_| ()),
		stopped = stopped() => stopped,
	};
	tracing::info!("costs since the start\n{}", relay.costs());
	ended
}

async fn watch(args: WatchArgs) -> Result<bool> {
	let metrics = Metrics::default();
	let relay = args.endpoints.relay(quiet(), &metrics).await?;
	let watching = async {
		let mut memory = watch::Memory::default();
		loop {
			let max_age = args.max_age.saturating_mul(3_600);
			let wrong = watch::look(&relay, max_age, &mut memory).await;
			for (what, finding) in &wrong {
				relay.metrics.alarm(what, finding.is_some());
				if let Some(finding) = finding {
					tracing::error!("ALARM {what}: {finding}");
				}
			}
			if args.once {
				return Ok(wrong.iter().any(|(_, finding)| finding.is_some()));
			}
			tokio::time::sleep(Duration::from_secs(args.poll.max(1))).await;
		}
	};
	if let Some(address) = args.metrics {
		metrics.serve(address).await?;
	}
	tokio::select! {
		wrong = watching => wrong,
		stopped = stopped() => stopped.map(|()| false),
	}
}

async fn command(command: Command) -> Result<bool> {
	let metrics = Metrics::default();
	match command {
		Command::Run(args) => run(args).await?,
		Command::Watch(args) => return watch(args).await,
		Command::Status(args) => {
			let account = args.account.as_deref().map(setup::account).transpose()?;
			let relay = args.endpoints.relay(quiet(), &metrics).await?;
			println!("{}", status::status(&relay, args.newest, account, args.json).await?);
		}
		Command::CheckUpdate(args) => check::check(&args)?,
		Command::Checkpoint(args) => {
			let chain = args.endpoints.chain(&metrics)?;
			println!("{}", setup::checkpoint(&chain).await?);
		}
		Command::Governance(args) => {
			let wishes = setup::Wishes {
				balances_slot: args.balances_slot,
				limits: [setup::limits(&args.limits_lpt)?, setup::limits(&args.limits_eth)?],
				supply: args
					.supply_ceiling
					.map(|ceiling| SupplyRule { slot: args.supply_slot, ceiling }),
				checkpoint: args
					.checkpoint
					.map(|root| root.parse().context("the checkpoint is not a root"))
					.transpose()?,
			};
			let chain = args.endpoints.chain(&metrics)?;
			let ethereum = args.endpoints.ethereum(&chain, &metrics).await?;
			let beacon = args.endpoints.beacon(&metrics)?;
			setup::governance(&chain, &ethereum, &beacon, &wishes, args.sudo).await?;
		}
		Command::Withdraw(args) => {
			let chain = args.endpoints.chain(&metrics)?;
			let recipient = livepeer_bridge_formats::H160(args.to.into_array());
			let asset = setup::asset(&args.asset)?;
			setup::withdraw(&chain, asset, recipient, args.amount, args.fee).await?;
		}
		Command::Deposit(args) => {
			let (asset, to) = (setup::asset(&args.asset)?, setup::account(&args.to)?);
			let chain = args.endpoints.chain(&metrics)?;
			let ethereum = args.endpoints.ethereum(&chain, &metrics).await?;
			setup::deposit(&chain, &ethereum, asset, args.amount, to).await?;
		}
	}
	Ok(false)
}

#[tokio::main]
async fn main() -> ExitCode {
	let filter = tracing_subscriber::EnvFilter::try_from_default_env()
		.unwrap_or_else(|_| "livepeer_bridge=info,warn".into());
	let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
	// No colours in files and journals.
	let logs = if std::io::stderr().is_terminal() { logs } else { logs.with_ansi(false) };
	logs.init();
	let cli = read(std::env::args_os()).unwrap_or_else(|error| error.exit());
	match command(cli.command).await {
		Ok(wrong) => ExitCode::from(if wrong { 2 } else { 0 }),
		Err(error) => {
			eprintln!("livepeer-bridge: {error:#}");
			ExitCode::FAILURE
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn amounts_should_be_read_exactly() {
		assert_eq!(units("1").ok(), Some(1_000_000_000_000_000_000));
		assert_eq!(units("0.000000000000000001").ok(), Some(1));
		assert_eq!(units("0.5").ok(), Some(500_000_000_000_000_000));
		for wrong in ["", ".", ".5", "1.", "1.0000000000000000001", "-1", "+1", "x", "1e3"] {
			assert!(units(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn key_should_be_its_owners_alone() {
		let name = format!("livepeer-bridge-key-{}", std::process::id());
		let path = std::env::temp_dir().join(name);
		std::fs::write(&path, "//Alice\n").expect("a file");
		let with = |mode| {
			let permissions = std::fs::Permissions::from_mode(mode);
			std::fs::set_permissions(&path, permissions).expect("it is ours");
			secret(Some(&path), "NONE").map_err(|error| error.to_string())
		};
		assert_eq!(with(0o600), Ok(Some("//Alice".to_owned())));
		for mode in [0o644, 0o640, 0o602] {
			assert!(with(mode).is_err_and(|error| error.contains("chmod 600")), "{mode:o}");
		}
		std::fs::remove_file(&path).expect("it is there");
	}

	#[test]
	fn command_line_should_be_consistent() {
		livepeer_settings::signed(Cli::command()).debug_assert();
	}

	#[test]
	fn number_below_zero_should_be_refused_by_its_option() {
		let to = "--to 0x0000000000000000000000000000000000000001";
		for (words, why) in [
			(format!("withdraw --asset eth {to} --amount -1"), "is not an amount"),
			("run --turn -1".to_owned(), "--turn"),
		] {
			let words = format!("livepeer-bridge {words}");
			let said = read(words.split(' ')).err().map(|error| error.to_string());
			let is_right = |said: &String| said.contains("invalid value") && said.contains(why);
			assert!(said.as_ref().is_some_and(is_right), "{words}: {said:?}");
		}
	}

	#[test]
	fn errors_should_be_waited_out_longer_each_time() {
		let pauses: Vec<u64> = (0..8).map(|failures| pause_after(failures).as_secs()).collect();
		assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
		assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
	}

	#[tokio::test]
	async fn once_should_end_when_nothing_is_left_to_do() {
		let mut left = 3;
		let steps = keep("x", Duration::from_secs(1), true, || {
			left -= 1;
			let more = left > 0;
			async move { Ok(more) }
		});
		assert!(steps.await.is_ok());
		assert_eq!(left, 0);
	}
}
