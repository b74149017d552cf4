//! What the bridge's contracts take of gas, once more in revm: each transaction that
//! `pallets/eth-bridge/contracts/scripts/gas.mjs` has measured in @ethereumjs/vm is carried out again, from an
//! empty state on, and has to end the same and take the same gas to the unit, within the same bounds.

use std::{collections::BTreeMap, error::Error, fs, process::ExitCode};

use revm::{
	context::{BlockEnv, TxEnv},
	database::{CacheDB, EmptyDB},
	primitives::{alloy_primitives::U64, hardfork::SpecId, Address, Bytes, TxKind, U256},
	state::AccountInfo,
	Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext,
};
use serde::Deserialize;

const FORKS: [(&str, SpecId); 2] = [("osaka", SpecId::OSAKA), ("amsterdam", SpecId::AMSTERDAM)];

/// What `gas.mjs` writes.
#[derive(Deserialize)]
struct Record {
	/// How much gas what is named so may take, on either fork.
	bounds: BTreeMap<String, u64>,
	stories: Vec<Story>,
}

/// All that was sent to an Ethereum that was empty but for `accounts`.
#[derive(Deserialize)]
struct Story {
	fork: String,
	/// Wei by address.
	accounts: BTreeMap<Address, U256>,
	header: Header,
	fees: Fees,
	transactions: Vec<Transaction>,
}

/// What all blocks of a story have in common.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
	number: U256,
	gas_limit: U64,
	base_fee_per_gas: U64,
}

/// What all transactions of a story have in common.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fees {
	max_fee_per_gas: U64,
	max_priority_fee_per_gas: U64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
	/// Where the tables or the bounds have it.
	name: Option<String>,
	from: Address,
	/// None creates a contract.
	to: Option<Address>,
	nonce: U64,
	value: U256,
	data: Bytes,
	gas_limit: U64,
	timestamp: U256,
	/// Whether it was carried out, or undone.
	ok: bool,
	/// What it took in @ethereumjs/vm.
	gas: U64,
}

/// Gas in @ethereumjs/vm and in revm.
type Pair = (u64, u64);

/// Gas of what is named, by fork and name.
type Named = BTreeMap<(String, String), Pair>;

/// Carries `story` out. Returns what differs.
fn replay(story: &Story, named: &mut Named) -> Result<Vec<String>, Box<dyn Error>> {
	let (_, spec) = FORKS
		.into_iter()
		.find(|(fork, _)| *fork == story.fork)
		.ok_or_else(|| format!("no fork of these: {}", story.fork))?;
	let mut state = CacheDB::<EmptyDB>::default();
	for (address, balance) in &story.accounts {
		state.insert_account_info(*address, AccountInfo::from_balance(*balance));
	}
	let mut evm = Context::mainnet()
		.with_db(state)
		.modify_cfg_chained(|cfg| cfg.set_spec_and_mainnet_gas_params(spec))
		.build_mainnet();
	let mut differences = Vec::new();
	for (at, transaction) in story.transactions.iter().enumerate() {
		evm.set_block(BlockEnv {
			number: story.header.number,
			timestamp: transaction.timestamp,
			gas_limit: story.header.gas_limit.to(),
			basefee: story.header.base_fee_per_gas.to(),
			beneficiary: Address::ZERO,
			..BlockEnv::default()
		});
		let sent = TxEnv::builder()
			.caller(transaction.from)
			.kind(transaction.to.map_or(TxKind::Create, TxKind::Call))
			.nonce(transaction.nonce.to())
			.value(transaction.value)
			.data(transaction.data.clone())
			.gas_limit(transaction.gas_limit.to())
			.max_fee_per_gas(story.fees.max_fee_per_gas.to())
			.gas_priority_fee(Some(story.fees.max_priority_fee_per_gas.to()))
			.build()
			.map_err(|error| format!("{}, transaction {at}: {error:?}", story.fork))?;
		let result = evm
			.transact_commit(sent)
			.map_err(|error| format!("{}, transaction {at}: {error}", story.fork))?;
		let gas = (transaction.gas.to(), result.tx_gas_used());
		if result.is_success() != transaction.ok || gas.0 != gas.1 {
			let name = transaction.name.as_deref().unwrap_or("without a name");
			differences.push(format!(
				"{}, transaction {at}, {name}: {} gas in @ethereumjs/vm, {} in revm: {result:?}",
				story.fork, gas.0, gas.1
			));
		}
		if let Some(name) = &transaction.name {
			named.insert((story.fork.clone(), name.clone()), gas);
		}
	}
	Ok(differences)
}

/// Prints a table of what is named. Returns what is beyond its bound, or missing on a fork.
fn judge(Record { bounds, stories }: &Record, named: &Named) -> Vec<String> {
	let mut names: Vec<&String> = Vec::new();
	let told = stories.iter().flat_map(|story| &story.transactions).filter_map(|t| t.name.as_ref());
	for name in told.chain(bounds.keys()) {
		if !names.contains(&name) {
			names.push(name);
		}
	}
	let mut wrong = Vec::new();
	if names.is_empty() {
		wrong.push("nothing is named".into());
	}
	println!("{:<18}{:>24}{:>24}", "", "osaka", "amsterdam");
	println!("{:<18}{}", "", format!("{:>12}{:>12}", "ethereumjs", "revm").repeat(FORKS.len()));
	for name in names {
		print!("{name:<18}");
		for (fork, _) in FORKS {
			let Some((there, here)) = named.get(&(fork.into(), name.clone())) else {
				wrong.push(format!("{fork}: there is no {name}"));
				continue;
			};
			print!("{there:>12}{here:>12}");
			if bounds.get(name).is_some_and(|bound| here > bound) {
				wrong.push(format!("{fork}, {name}: {here} gas, more than {}", bounds[name]));
			}
		}
		println!();
	}
	wrong
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
	let path = std::env::args().nth(1).ok_or("usage: livepeer-bridge-revm STORIES")?;
	let record: Record = serde_json::from_slice(&fs::read(path)?)?;
	let mut named = Named::new();
	let mut wrong = Vec::new();
	for story in &record.stories {
		wrong.extend(replay(story, &mut named)?);
	}
	wrong.extend(judge(&record, &named));
	for difference in &wrong {
		eprintln!("{difference}");
	}
	let count: usize = record.stories.iter().map(|story| story.transactions.len()).sum();
	println!("{count} transactions, {} problems", wrong.len());
	Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
