//! # Livepeer node
//!
//! Runs the Livepeer chain: produces and finalises blocks with BABE and GRANDPA, serves RPC, and
//! runs the off-chain workers of validators. It touches no video: verdicts come from the verify
//! service that `--verify-url` names.

// The SDK's error types are large, and its signatures require them.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod client;
mod command;
mod partial;
mod preflight;
mod reports;
mod rpc;
mod service;
mod session_keys;
mod settings;
mod twin;

use std::{process::ExitCode, thread, time::Duration};

/// Twice the flush interval of the SDK's logger, which it does not export.
const LOGS_ARE_WRITTEN: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
	match command::run() {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			// So that the reason is the last line.
			thread::sleep(LOGS_ARE_WRITTEN);
			eprintln!("error: {}", command::one_line(&error));
			ExitCode::FAILURE
		}
	}
}
