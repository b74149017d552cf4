//! Runs the benchmarks of a runtime's Wasm and writes what they measured as weights.
//!
//! A program of its own, so that the node needs neither the benchmarking command nor a runtime
//! that is built for it. `scripts/weights.sh` builds both and runs this for every pallet of ours.

use clap::Parser;
use frame_benchmarking_cli::PalletCmd;
use sp_runtime::traits::BlakeTwo256;
use tracing_subscriber::EnvFilter;

/// Measure the calls and hooks of a pallet in a runtime built with `runtime-benchmarks`.
#[derive(Debug, Parser)]
#[command(name = "livepeer-bencher", version)]
struct Command {
	#[command(flatten)]
	pallet: PalletCmd,
}

fn main() -> Result<(), Box<sc_cli::Error>> {
	let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
	tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
	// The runtime calls no host functions but Substrate's and those of benchmarking, which the
	// command adds by itself.
	Ok(Command::parse().pallet.run_with_spec::<BlakeTwo256, ()>(None)?)
}
