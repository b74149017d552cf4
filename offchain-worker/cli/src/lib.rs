//! # The worker's command line
//!
//! Each role is a process of its own with a private folder:
//!
//! - [`broadcast`]: cuts a [`source`] into signed segments, has them transcoded, serves the stream;
//! - [`transcode`]: takes assignments, transcodes, claims, reveals;
//! - [`verify`]: re-transcodes drawn segments for a validator's node;
//! - [`gateway`]: checks a stream and serves it to browsers.
//!
//! The tools are [`audit`], [`report`], [`doctor`], [`job`], [`keys`], [`stake`], [`stream`], [`config`],
//! [`shell`], `token` and `toolchain`.

pub mod audit;
pub mod bench;
pub mod broadcast;
pub mod config;
pub mod doctor;
pub mod events;
pub mod exit;
pub mod gateway;
pub mod job;
pub mod keys;
pub mod metrics;
pub mod offline;
pub mod png;
pub mod reach;
pub mod ready;
pub mod report;
pub mod secrets;
pub mod self_test;
pub mod setup;
pub mod shell;
pub mod source;
pub mod stake;
pub mod stop;
pub mod stream;
pub mod transcode;
pub mod units;
pub mod verify;

pub use livepeer_worker_http as http;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use livepeer_worker_media::{Engine, MediaPool, PoolConfig};
use sp_core::sr25519;

/// The video side of Livepeer: broadcasting, transcoding, verifying and playing.
#[derive(Debug, Parser)]
#[command(name = "livepeer-worker", version)]
pub struct Cli {
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
}

impl Cli {
	/// Reads the command line of this process, with the settings from environment and file; ends the process
	/// if they are wrong.
	pub fn read() -> Self {
		config::parse(std::env::args_os().collect(), &config::environment)
			.unwrap_or_else(|error| error.exit())
	}
}

/// What the worker is asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
	/// Stream a file, a pipe, a URL or a live publication: cut it, have it transcoded, serve it.
	Broadcast(Box<broadcast::BroadcastArgs>),
	/// Transcode for broadcasters and earn fees.
	Transcode(transcode::TranscodeArgs),
	/// Verify drawn segments for a validator's node; or, with files, judge a delivered segment.
	Verify(verify::VerifyCommand),
	/// Judge a claim again: write everything that its verdict rests on to a file, or judge such a file.
	Audit(audit::AuditArgs),
	/// Report somebody who signed two contradictory statements, with records that show both.
	Report(report::ReportArgs),
	/// Play streams in browsers.
	Gateway(gateway::GatewayArgs),
	/// Print the id of this machine's toolchain.
	Toolchain,
	/// Make the golden vectors anew, and print each output and the toolchain's id.
	SelfTest,
	/// Measure how much work this machine does, and the price that pays for it.
	Bench(bench::BenchArgs),
	/// Check that this machine can do the work.
	Doctor(doctor::DoctorArgs),
	/// Make and inspect keys; announce, register and revoke them with the account's own key.
	#[command(subcommand)]
	Keys(keys::KeysCommand),
	/// List, end and top up the streams of an account.
	#[command(subcommand)]
	Stream(stream::StreamCommand),
	/// Show a job: its state, terms, budget, assignments and open claims.
	Job(job::JobArgs),
	/// Bond, delegate, move and withdraw stake, and show it.
	#[command(subcommand)]
	Stake(stake::StakeCommand),
	/// Check a file of settings, and show the resulting settings.
	#[command(subcommand)]
	Config(config::ConfigCommand),
	/// Print a shell's completion script for this program.
	Completions {
		/// The shell.
		shell: clap_complete::Shell,
	},
	/// Write manual pages, one for each command.
	Man {
		/// The folder, which must exist.
		dir: PathBuf,
	},
	/// Make the token that a node and its verify worker share.
	Token {
		/// The file, which must not exist yet.
		file: PathBuf,
	},
}

/// Serves as a media child and never returns, if this process was started as one.
///
/// Must be the first thing in `main`.
pub fn child() {
	let mut arguments = std::env::args_os().skip(1);
	if arguments.next().is_some_and(|first| first == livepeer_worker_media::SUBCOMMAND) {
		livepeer_worker_media::child_main(arguments);
	}
}

/// Runs a command; an error becomes one line and an exit code.
pub fn run(command: Command) -> ExitCode {
	finish(start(async move {
		match command {
			Command::Broadcast(args) => broadcast::run(*args, Box::new(|segment| segment)).await,
			Command::Transcode(args) => transcode::run(args, transcode::Swaps::default()).await,
			Command::Verify(verify::VerifyCommand::Serve(args)) => {
				verify::run(*args, verify::Swaps::default()).await
			}
			Command::Verify(verify::VerifyCommand::Files(args)) => offline::run(args).await,
			Command::Audit(args) => audit::run(args).await,
			Command::Report(args) => report::run(args).await,
			Command::Gateway(args) => gateway::run(args).await,
			Command::Toolchain => {
				let engine = Engine::start(MediaPool::new(PoolConfig::default())).await?;
				println!(
					"{:?}",
					livepeer_worker_core::ports::engine::MediaEngine::toolchain(&engine)
				);
				Ok(())
			}
			Command::SelfTest => self_test::run().await,
			Command::Bench(args) => bench::run(args).await,
			Command::Doctor(args) => doctor::run(args).await,
			Command::Keys(command) => keys::run(command).await,
			Command::Stake(command) => stake::run(command).await,
			Command::Stream(command) => stream::run(command).await,
			Command::Job(args) => job::run(args).await,
			Command::Config(command) => config::run(command),
			Command::Completions { shell } => shell::completions(shell),
			Command::Man { dir } => shell::manual(&dir),
			Command::Token { file } => {
				let (_, secret) = <sr25519::Pair as sp_core::Pair>::generate();
				secrets::write(&file, &hex::encode(secret))
			}
		}
	}))
}

/// Drives a role on a runtime of its own.
pub fn start(role: impl std::future::Future<Output = Result<()>>) -> Result<()> {
	// Each connection takes a file descriptor, and strangers may open many.
	if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
		tracing::debug!(%error, "the number of open files stays as it is");
	}
	tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(role)
}

/// Reports how a role ended.
pub fn finish(result: Result<()>) -> ExitCode {
	match result {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("livepeer-worker: {error:#}");
			exit::code_of(&error).into()
		}
	}
}
