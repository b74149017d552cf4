//! The demo: brings up a local network, streams a clip through it, and reports what the chain and the workers
//! did.

mod bridge;
mod chain;
mod cheat;
mod drill;
mod events;
mod judging;
mod live;
mod losses;
mod machine;
mod network;
mod probe;
mod process;
mod report;
mod secrets;
mod shares;
mod source;
mod story;
mod telling;
mod watch;
mod words;

use std::{future::Future, io, path::PathBuf, process::ExitCode};

use clap::Parser;
use tokio::signal::unix::{signal, SignalKind};

use crate::cheat::Cheat;

/// Brings up a local network, streams a clip through it and shows what happens.
#[derive(Parser, Debug)]
#[command(name = "livepeer-demo", version)]
pub struct Args {
	/// Folder with livepeer-node, livepeer-worker and livepeer-cheat.
	#[arg(long)]
	pub bin_dir: PathBuf,
	/// Run one story: stream, wait until everything is settled, check, exit with 0 or 1.
	#[arg(long)]
	pub once: bool,
	/// Where to write the report (JSON).
	#[arg(long)]
	pub report: Option<PathBuf>,
	/// Let the transcoders, one of the judges, or the broadcaster misbehave.
	#[arg(long, value_enum)]
	pub cheat: Option<Cheat>,
	/// Kill nodes and workers during the stream, and start them again.
	#[arg(long, requires = "once")]
	pub kill: bool,
	/// A file of your own to stream.
	#[arg(long)]
	pub input: Option<PathBuf>,
	/// Stream what is published by this protocol. With --once ffmpeg publishes, is killed and comes back with
	/// another size; without it anybody with the key publishes, for example OBS. With --kill a transcoder is
	/// killed meanwhile, and nothing else. `hevc` and `whip` need ffmpeg 8 or later as PUBLISHER.
	#[arg(long, value_enum, conflicts_with_all = ["input", "cheat", "upgrade"])]
	pub live: Option<network::Live>,
	/// Folder for chains, stores and logs [default: a new temporary one].
	#[arg(long)]
	pub data: Option<PathBuf>,
	/// Number of segments of two seconds in one story.
	#[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(16..=1800))]
	pub segments: u32,
	/// How many streams one broadcaster publishes at a time, to measure judges' processor time for each. The
	/// story is that of the first.
	#[arg(
		long,
		default_value_t = 1,
		value_parser = clap::value_parser!(u32).range(1..=3),
		conflicts_with_all = ["cheat", "kill", "live", "bridge", "upgrade"]
	)]
	pub streams: u32,
	/// Percentage of segments in which the new chain asks for a variant of a rendition [default: what a story
	/// about variants needs, otherwise 0].
	#[arg(
		long,
		value_name = "PERCENT",
		default_value_t = 0,
		value_parser = clap::value_parser!(u32).range(0..=50)
	)]
	pub variants: u32,
	/// A command that plays the page at the appended URL, and fails if it cannot.
	#[arg(long, value_name = "COMMAND")]
	pub player_test: Option<String>,
	/// A command that attacks the network while the stream runs, and fails if that hurt anybody, such as
	/// viewers of the page at the appended URL.
	#[arg(long, value_name = "COMMAND", requires = "once")]
	pub attack: Option<String>,
	/// A command that reads the chain at the appended URL, sends one transfer of LPT and one of ETH, and
	/// fails if it cannot.
	#[arg(long, value_name = "COMMAND")]
	pub chain_test: Option<String>,
	/// A command that upgrades the runtime of the chain at the appended URL while a claim of the stream is
	/// judged, and fails if it cannot, or if that claim is not paid afterwards.
	#[arg(long, value_name = "COMMAND", requires = "once")]
	pub upgrade: Option<String>,
	/// A command that brings everybody's ETH over a bridge to the chain at the appended URL before anything
	/// streams, and takes the earnings back when all is settled. The chain begins without ETH.
	#[arg(long, value_name = "COMMAND", conflicts_with_all = ["cheat", "kill", "upgrade"])]
	pub bridge: Option<String>,
}

/// Waits from now on until the demo is told to end: by Ctrl-C, by `kill`, or because its terminal is closed. A signal
/// that nobody waits for would end it alone, and leave a whole network running.
fn interrupted() -> io::Result<impl Future<Output = ()>> {
	let mut interrupt = signal(SignalKind::interrupt())?;
	let mut terminate = signal(SignalKind::terminate())?;
	let mut hangup = signal(SignalKind::hangup())?;
	Ok(async move {
		tokio::select! {
			_ = interrupt.recv() => {},
			_ = terminate.recv() => {},
			_ = hangup.recv() => {},
		}
	})
}

#[tokio::main]
async fn main() -> ExitCode {
	let mut args = Args::parse();
	args.variants = args.variants.max(args.cheat.map_or(0, Cheat::variants));
	let interrupted = match interrupted() {
		Ok(interrupted) => interrupted,
		Err(error) => {
			eprintln!("demo: cannot listen for signals: {error}");
			return ExitCode::FAILURE;
		}
	};
	tokio::select! {
		result = story::run(&args) => match result {
			Ok(true) => ExitCode::SUCCESS,
			Ok(false) => ExitCode::FAILURE,
			Err(error) => {
				eprintln!("demo: {error:#}");
				ExitCode::FAILURE
			},
		},
		() = interrupted => {
			eprintln!("\nstopped");
			ExitCode::from(130)
		},
	}
}

#[cfg(test)]
mod tests {
	use nix::{
		sys::signal::{kill, Signal},
		unistd::Pid,
	};

	#[tokio::test]
	async fn demo_should_end_with_its_network_at_each_signal_that_asks_for_it() {
		for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
			let interrupted = super::interrupted().expect("signals");
			kill(Pid::this(), signal).expect("this process");
			interrupted.await;
		}
	}
}
