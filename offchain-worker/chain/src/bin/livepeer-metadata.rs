//! Checks `metadata.scale` against a running node: `livepeer-metadata check URL FILE`.
//!
//! Fails if the node's runtime differs from the file in anything that the worker uses. The worker's types are
//! generated from the file, which `make metadata` writes.

use std::process::ExitCode;

use livepeer_worker_chain::metadata;
use subxt::{
	config::RpcConfigFor,
	rpcs::{LegacyRpcMethods, RpcClient},
	SubstrateConfig,
};

#[tokio::main]
async fn main() -> ExitCode {
	match run().await {
		Ok(line) => {
			println!("{line}");
			ExitCode::SUCCESS
		}
		Err(line) => {
			eprintln!("livepeer-metadata: {line}");
			ExitCode::FAILURE
		}
	}
}

async fn run() -> Result<String, String> {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	let ["check", url, file] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
		return Err("usage: livepeer-metadata check URL FILE".into());
	};
	let unreachable = |error: subxt::rpcs::Error| format!("node not reachable at {url}: {error}");
	let client = RpcClient::from_insecure_url(url).await.map_err(unreachable)?;
	let rpc = LegacyRpcMethods::<RpcConfigFor<SubstrateConfig>>::new(client);
	let argument = metadata::argument();
	let answer =
		rpc.state_call(metadata::FUNCTION, Some(&argument), None).await.map_err(unreachable)?;
	let bytes = metadata::from_answer(&answer)
		.ok_or_else(|| format!("the runtime has no metadata of version {}", metadata::VERSION))?;
	let stored = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
	let live = metadata::parse(&bytes).map_err(|error| error.to_string())?;
	let stored = metadata::parse(&stored).map_err(|error| error.to_string())?;
	let differences = metadata::differences(&stored, &live);
	if differences.is_empty() {
		Ok(format!("{file} fits the runtime at {url}"))
	} else {
		Err(format!(
			"{file} is out of date in {}; run `make metadata` on the runtime's source",
			differences.join(", ")
		))
	}
}
