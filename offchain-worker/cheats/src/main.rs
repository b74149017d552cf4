//! # Roles that misbehave
//!
//! For tests and demonstrations: never part of an image or a release. Each is the honest role
//! with one thing exchanged, so that what is shown is the protocol's answer to exactly that.

mod black;

use std::{process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use livepeer_worker::{
	child, finish, start,
	transcode::{run, TranscodeArgs},
};

/// Misbehaves, to show what the chain does about it.
#[derive(Parser)]
#[command(name = "livepeer-cheat", version)]
struct Cli {
	#[command(subcommand)]
	cheat: Cheat,
}

#[derive(Subcommand)]
enum Cheat {
	/// Transcode every segment into black pictures with the right sound, size and length.
	Black(TranscodeArgs),
}

fn main() -> ExitCode {
	child();
	let Cheat::Black(args) = Cli::parse().cheat;
	finish(start(run(args, |engine| Arc::new(black::Black(engine)))))
}
