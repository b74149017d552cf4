//! The report: a versioned JSON document, described in `docs/report.md`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Version of the schema; raised when a field changes its meaning or is removed.
pub const SCHEMA: u32 = 1;

/// The results of one run. Amounts are decimal strings in smallest units.
#[derive(Default, Serialize)]
pub struct Report {
	/// [`SCHEMA`].
	pub schema: u32,
	/// Whether every check held.
	pub passed: bool,
	/// The clip's name.
	pub input: String,
	/// The cheating role, if any.
	pub cheat: Option<String>,
	/// Seconds from the start of the first process to the end.
	pub seconds: f64,
	/// Seconds until the chain finalised its first block.
	pub seconds_to_finality: f64,
	/// The chain.
	pub chain: Chain,
	/// One entry per segment, in order of seq.
	pub segments: Vec<Value>,
	/// One entry per claim, in order of id.
	pub claims: Vec<Claim>,
	/// One entry per account that the story touches.
	pub accounts: Vec<Account>,
	/// Of a live stream: when each segment was listed and when it was captured, in milliseconds since
	/// 1970.
	pub live: Vec<Value>,
	/// Measurements: blocks from a draw to its decision, processor time; of a live stream, milliseconds.
	pub figures: BTreeMap<&'static str, u64>,
	/// Who lost what: one entry per account that lost something.
	pub losses: Vec<Loss>,
	/// The most blocks from a claim until everybody has lost what it costs, by the chain's parameters.
	pub most_blocks: u32,
	/// Explanations of failed checks that are nobody's fault in the story.
	pub remarks: Vec<String>,
	/// What the player got.
	pub playback: Vec<Value>,
	/// CPU and memory of every process; of a killed one since its last start.
	pub processes: Vec<ProcessUse>,
	/// The checks and their results.
	pub checks: Vec<Check>,
}

/// The chain over the run.
#[derive(Default, Serialize)]
pub struct Chain {
	/// Hash of the genesis block.
	pub genesis: String,
	/// Number of nodes.
	pub nodes: usize,
	/// Length of a slot.
	pub slot_milliseconds: u64,
	/// Last finalised block that was read.
	pub finalized: u32,
	/// Slots without a block between the first and the last block.
	pub missed_slots: u64,
	/// LPT in existence before and after.
	pub lpt_issuance: (String, String),
	/// ETH in existence before and after.
	pub eth_issuance: (String, String),
}

/// One claim from claiming to execution. Event fields have the chain's names.
#[derive(Default, Serialize)]
pub struct Claim {
	/// Its number.
	pub id: u64,
	/// Fields of the claiming event.
	pub claimed: Value,
	/// The block of each step.
	pub blocks: BTreeMap<String, u32>,
	/// The fields of the draw's event: positions, committee, the end of the reveal window.
	pub draw: Value,
	/// The fields of each leaf that was revealed, with the block.
	pub revealed_leaves: Vec<Value>,
	/// Commits in order.
	pub commits: Vec<Value>,
	/// Verdicts in order.
	pub verdicts: Vec<Value>,
	/// How it ended.
	pub outcome: Option<String>,
	/// Blocks from the draw to the decision.
	pub draw_to_decision_blocks: Option<u32>,
	/// Of these, the blocks outside of all windows.
	pub beyond_windows_blocks: Option<u32>,
	/// Every other event of the claim, as named by the chain.
	pub events: Vec<Value>,
}

/// An account's balances.
#[derive(Default, Serialize, Clone)]
pub struct Account {
	/// Its name in the story.
	pub name: String,
	/// Its SS58 address.
	pub address: String,
	/// Before the story.
	pub before: Balances,
	/// After the story.
	pub after: Balances,
}

/// An account's balances, in smallest units.
#[derive(Default, Serialize, Clone, PartialEq)]
pub struct Balances {
	/// LPT, free and held.
	pub lpt: String,
	/// ETH, free and held.
	pub eth: String,
	/// Value of its bond in LPT.
	pub bonded: String,
	/// Fees in ETH that it can withdraw.
	pub fees: String,
}

/// What a process used.
#[derive(Default, Serialize, Clone)]
pub struct ProcessUse {
	/// Its name.
	pub name: String,
	/// How long it ran.
	pub seconds: f64,
	/// Processor time, with that of its children.
	pub cpu_seconds: f64,
	/// Resident memory at the end.
	pub memory_bytes: u64,
	/// Resident memory at its highest.
	pub peak_memory_bytes: u64,
}

/// What misbehaving cost an account.
#[derive(Default, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Loss {
	/// Its name.
	pub name: String,
	/// What the stake behind it lost as a transcoder, in LPT.
	pub as_transcoder: String,
	/// The fees that its claims did not earn, in ETH.
	pub fees: String,
	/// How many claims those are.
	pub claims: usize,
	/// What the stake behind it lost as a judge, in LPT.
	pub as_judge: String,
	/// The penalties for that, and how often.
	pub penalties: BTreeMap<String, usize>,
	/// What it paid as a broadcaster for segments that nobody can transcode, in ETH.
	pub as_broadcaster: String,
	/// How many segments those are.
	pub spoilt: usize,
	/// The most blocks from a claim until it had lost the claim's cost.
	pub blocks: u32,
}

/// A checked statement.
#[derive(Serialize)]
pub struct Check {
	/// The statement.
	pub name: String,
	/// Whether it held.
	pub passed: bool,
	/// What was seen.
	pub detail: String,
}

impl Report {
	/// Records a check.
	pub fn check(&mut self, name: &str, passed: bool, detail: impl Into<String>) {
		self.checks.push(Check { name: name.to_owned(), passed, detail: detail.into() });
	}

	/// Records a figure, if there is one.
	pub fn figure(&mut self, name: &'static str, value: Option<u64>) {
		if let Some(value) = value {
			self.figures.insert(name, value);
		}
	}

	/// Records the result of a checking command.
	pub fn probed(&mut self, name: &str, ended: anyhow::Result<(bool, String)>) {
		let (passed, detail) = ended.unwrap_or_else(|error| (false, format!("{error:#}")));
		self.check(name, passed, detail);
	}
}
