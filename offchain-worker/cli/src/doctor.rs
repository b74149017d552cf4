//! `doctor`: whether this machine can do the work.

use anyhow::{bail, Result};
use clap::Args;
use livepeer_worker_core::ports::{chain::Chain, engine::MediaEngine};
use livepeer_worker_media::{library_versions, Escape, MediaError, MediaPool, PoolConfig};

use crate::setup::{engine, NodeArgs};

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
	/// Do not ask the node.
	#[arg(long)]
	pub offline: bool,
}

/// Checks FFmpeg, the sandbox and the node; prints a line for each.
pub async fn run(args: DoctorArgs) -> Result<()> {
	let mut problems = 0;
	let mut report = |what: &str, result: Result<String, String>| match result {
		Ok(detail) => println!("ok    {what}: {detail}"),
		Err(detail) => {
			println!("FAIL  {what}: {detail}");
			problems += 1;
		}
	};
	let [util, codec, format, scale] = library_versions();
	report(
		"FFmpeg",
		Ok(format!("avutil {util}, avcodec {codec}, avformat {format}, swscale {scale}")),
	);
	let engine = engine(PoolConfig::default()).await;
	let toolchain = engine.as_ref().map(MediaEngine::toolchain).ok();
	report(
		"toolchain",
		match &engine {
			Ok(engine) => Ok(format!("{:?}", engine.toolchain())),
			Err(error) => Err(format!("{error:#}")),
		},
	);
	let pool = MediaPool::new(PoolConfig::default());
	for way in [Escape::OpenFile, Escape::Connect] {
		report(
			"sandbox",
			match pool.try_escape(way).await {
				Ok(false) | Err(MediaError::Died { .. }) => Ok(format!("{way:?} is refused")),
				Ok(true) => Err(format!("{way:?} is possible: do not verify on this machine")),
				Err(error) => Err(error.to_string()),
			},
		);
	}
	if !args.offline {
		let node = async {
			let chain = args.node.connect(None).await.map_err(|error| format!("{error:#}"))?;
			let accepted = chain.toolchains().await.map_err(|error| error.to_string())?;
			match toolchain {
				Some(toolchain) if !accepted.contains(&toolchain) => {
					Err(format!("{}: its chain does not accept this toolchain", args.node.node))
				}
				_ => Ok(format!("{}, genesis {:?}", args.node.node, chain.genesis())),
			}
		};
		report("node", node.await);
	}
	if problems > 0 {
		bail!("{problems} problems");
	}
	Ok(())
}
