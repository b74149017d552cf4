//! The binary `livepeer-worker`: see [`livepeer_worker`].

use std::process::ExitCode;

use livepeer_worker::{child, run, Cli};

fn main() -> ExitCode {
	// Before anything else: a media child must not have threads.
	child();
	run(Cli::read().command)
}
