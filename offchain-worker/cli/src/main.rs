//! The binary `livepeer-worker`: see [`livepeer_worker`].

use std::process::ExitCode;

use clap::Parser;
use livepeer_worker::{child, run, Command};

/// Everything of Livepeer that touches video: broadcasting, transcoding, verifying, playing.
#[derive(Parser)]
#[command(name = "livepeer-worker", version)]
struct Cli {
	#[command(subcommand)]
	command: Command,
}

fn main() -> ExitCode {
	// Before anything else: a media child must not have threads.
	child();
	run(Cli::parse().command)
}
