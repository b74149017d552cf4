//! `stake`: an account's bonds, delegations, exits and fees, and the transcoders that it can bond to.
//!
//! Before it signs, it prints the fee and the consequences and asks; `--yes` signs without asking. It refuses
//! what the chain would refuse, before that costs a fee, and says what to do instead.

mod plan;
mod show;

use std::io::{BufRead, BufReader, IsTerminal, Write};

use anyhow::{bail, ensure, Result};
use clap::{Args, Subcommand};
use livepeer_primitives::{AccountId, Balance, BlockNumber};
use livepeer_worker_core::{
	about,
	ports::{chain::Wait, stakes::Stakes},
};

pub use self::{
	plan::{plan, Action, Plan},
	show::{status, status_lines, transcoders, transcoders_lines, validators, validators_lines},
};
use crate::{
	keys::WalletArgs,
	setup::NodeArgs,
	units::{account, amount},
};

/// An account's own key, and whether it signs without asking.
#[derive(Args, Debug)]
pub struct SignArgs {
	/// The account and the node.
	#[command(flatten)]
	pub wallet: WalletArgs,
	/// Sign without asking.
	#[arg(long)]
	pub yes: bool,
}

/// How something is printed.
#[derive(Args, Debug)]
pub struct ShowArgs {
	/// Print JSON: amounts in smallest units, as text.
	#[arg(long)]
	pub json: bool,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
}

/// So much of a bond.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct PartArgs {
	/// How much, in LPT.
	#[arg(long, value_name = "LPT", value_parser = amount)]
	pub amount: Option<Balance>,
	/// All of it.
	#[arg(long)]
	pub all: bool,
}

/// Bonds, moves and withdraws stake, and shows it.
#[derive(Debug, Subcommand)]
pub enum StakeCommand {
	/// Print an account's stake, fees and locks; for a transcoder also what it earns and risks.
	Status {
		/// The account.
		#[arg(value_parser = account)]
		account: AccountId,
		/// The block whose state is shown, if the node still has it (with --state-pruning archive it has
		/// all). A round's stake is that of its last block.
		#[arg(long, value_name = "HEIGHT")]
		block: Option<BlockNumber>,
		/// How to print it.
		#[command(flatten)]
		show: ShowArgs,
	},
	/// Print the transcoders that one can bond to, in the order of the next election, with what an LPT earns
	/// there.
	Transcoders(ShowArgs),
	/// Print the validators, and which of them leave next.
	Validators(ShowArgs),
	/// Bond LPT to your own account, as a transcoder does, or add to the bond.
	Bond {
		/// How much, in LPT.
		#[arg(long, value_name = "LPT", value_parser = amount)]
		amount: Balance,
		/// The account to bond to [default: the account itself].
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: Option<AccountId>,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Bond LPT to a transcoder, or add to the bond there.
	Delegate {
		/// How much, in LPT.
		#[arg(long, value_name = "LPT", value_parser = amount)]
		amount: Balance,
		/// To whom.
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: AccountId,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Move the whole bond to another transcoder: it leaves now, and `rebond` bonds it there later.
	Move {
		/// To whom.
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: AccountId,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Unbond a part of the bond, to withdraw it later.
	Unbond {
		/// How much.
		#[command(flatten)]
		part: PartArgs,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Bond a lock again, at once with the transcoder that it left, or with another.
	Rebond {
		/// The lock's number, as `stake status` prints it.
		#[arg(long)]
		lock: u32,
		/// The transcoder [default: the one that the lock moves to, or the one that it left].
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: Option<AccountId>,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Pay a lock out.
	Withdraw {
		/// The lock's number, as `stake status` prints it.
		#[arg(long)]
		lock: u32,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Pay all earned fees out, in ETH.
	Fees(SignArgs),
	/// Offer a part of the bond to another account: it changes its owner, never its transcoder.
	Transfer {
		/// How much.
		#[command(flatten)]
		part: PartArgs,
		/// To whom.
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: AccountId,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Take a bond that another account offers.
	Accept {
		/// Who offers it.
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		from: AccountId,
		/// The number of the lock in that account.
		#[arg(long)]
		lock: u32,
		/// Who signs.
		#[command(flatten)]
		sign: SignArgs,
	},
	/// Leave jail, once every verdict is executed or cancelled.
	Unjail(SignArgs),
	/// Leave the list of candidates, at once.
	Resign(SignArgs),
}

/// Runs the command.
pub async fn run(command: StakeCommand) -> Result<()> {
	let (action, sign) = match command {
		StakeCommand::Status { account, block, show } => {
			let chain = show.node.connect(None).await?;
			let status = status(&*chain, &account, block).await?;
			return print(&show, || serde_json::to_value(&status), || status_lines(&status));
		}
		StakeCommand::Transcoders(show) => {
			let found = transcoders(&*show.node.connect(None).await?).await?;
			return print(&show, || serde_json::to_value(&found), || transcoders_lines(&found));
		}
		StakeCommand::Validators(show) => {
			let found = validators(&*show.node.connect(None).await?).await?;
			return print(&show, || serde_json::to_value(&found), || validators_lines(&found));
		}
		StakeCommand::Bond { amount, to, sign } => (Action::Bond { amount, to }, sign),
		StakeCommand::Delegate { amount, to, sign } => {
			(Action::Bond { amount, to: Some(to) }, sign)
		}
		StakeCommand::Move { to, sign } => (Action::Move { to }, sign),
		StakeCommand::Unbond { part, sign } => (Action::Unbond { amount: part.amount }, sign),
		StakeCommand::Rebond { lock, to, sign } => (Action::Rebond { lock, to }, sign),
		StakeCommand::Withdraw { lock, sign } => (Action::Withdraw { lock }, sign),
		StakeCommand::Fees(sign) => (Action::Fees, sign),
		StakeCommand::Transfer { part, to, sign } => {
			(Action::Transfer { amount: part.amount, to }, sign)
		}
		StakeCommand::Accept { from, lock, sign } => (Action::Accept { from, lock }, sign),
		StakeCommand::Unjail(sign) => (Action::Unjail, sign),
		StakeCommand::Resign(sign) => (Action::Resign, sign),
	};
	let (chain, account) = sign.wallet.connect().await?;
	let stdin = std::io::stdin();
	let terminal = stdin.is_terminal();
	let ask = (!sign.yes).then(|| Ask { terminal, answers: BufReader::new(stdin) });
	act(&*chain, &account, action, ask, &mut std::io::stdout()).await
}

fn print(
	show: &ShowArgs,
	json: impl FnOnce() -> serde_json::Result<serde_json::Value>,
	lines: impl FnOnce() -> Vec<String>,
) -> Result<()> {
	if show.json {
		println!("{}", json()?);
	} else {
		lines().iter().for_each(|line| println!("{line}"));
	}
	Ok(())
}

/// Where the confirmation comes from.
pub struct Ask<R> {
	/// Whether a person is at the terminal.
	pub terminal: bool,
	/// The answers.
	pub answers: R,
}

/// Prints the consequences, asks, signs, and prints the outcome.
pub async fn act<R: BufRead>(
	chain: &dyn Stakes,
	account: &AccountId,
	action: Action,
	ask: Option<Ask<R>>,
	out: &mut impl Write,
) -> Result<()> {
	let Plan { call, fee, says } = plan(chain, account, action).await?;
	for line in says {
		writeln!(out, "{line}")?;
	}
	writeln!(out, "The fee is about {} LPT.", about(fee))?;
	if let Some(mut ask) = ask {
		ensure!(ask.terminal, "nobody is here to agree: give --yes to sign without being asked");
		write!(out, "Sign? [y/N] ")?;
		out.flush()?;
		let mut answer = String::new();
		ask.answers.read_line(&mut answer)?;
		if !matches!(answer.trim(), "y" | "Y" | "yes") {
			bail!("nothing was signed");
		}
	}
	let name = call.name();
	chain.submit(call, Wait::Finalized).await?;
	writeln!(out, "{name}: final, for {account}")?;
	Ok(())
}

/// Rounds in words, with the time that they take if every slot has its block.
fn in_rounds(limits: &livepeer_worker_core::ports::stakes::StakeLimits, rounds: u32) -> String {
	let blocks = u64::from(rounds).saturating_mul(limits.round_length.into());
	let seconds = blocks.saturating_mul(limits.slot_duration) / 1_000;
	let (number, unit) = match seconds {
		0..120 => (seconds, "seconds"),
		120..7_200 => (seconds / 60, "minutes"),
		7_200..172_800 => (seconds / 3_600, "hours"),
		_ => (seconds / 86_400, "days"),
	};
	let plural = if rounds == 1 { "" } else { "s" };
	format!("{rounds} round{plural} (about {number} {unit})")
}

#[cfg(test)]
mod tests;
