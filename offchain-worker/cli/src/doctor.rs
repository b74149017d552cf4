//! `doctor`: whether this machine can do the work.

use anyhow::{bail, ensure, Result};
use clap::Args;
use livepeer_primitives::service::ServiceRecord;
use livepeer_worker_core::ports::{chain::Chain, engine::MediaEngine};
use livepeer_worker_media::{library_versions, Escape, MediaError, MediaPool, PoolConfig};

use livepeer_worker_net::{reach_of, record_at, Multiaddr, PeerId, Reach};

use crate::{
	reach::{self, Reached},
	setup::{asking_net, engine, DialArgs, NodeArgs},
	units::{multiaddr, peer},
};

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
	/// Do not ask the node.
	#[arg(long)]
	pub offline: bool,
	/// Have peers try this address of a role that runs on this machine; may be given several times.
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr, requires = "peer_id")]
	pub announce: Vec<Multiaddr>,
	/// The role's peer id, as `keys peer` prints it.
	#[arg(long, value_name = "PEER", value_parser = peer)]
	pub peer_id: Option<PeerId>,
	/// Peer that tries the address, as a multiaddress that ends in /p2p/PEER [default: the transcoders that
	/// the chain knows]; may be given several times.
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr)]
	pub ask: Vec<Multiaddr>,
	/// Where peers are called.
	#[command(flatten)]
	pub dial: DialArgs,
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
				Some(toolchain) if !accepted.contains(&toolchain) => Err(format!(
					"{}: its chain does not accept this toolchain: use the FFmpeg of Debian 12",
					args.node.node
				)),
				_ => Ok(format!("{}, genesis {:?}", args.node.node, chain.genesis())),
			}
		};
		report("node", node.await);
	}
	if let Some(peer) = args.peer_id {
		for address in &args.announce {
			report(
				"reach",
				tried(&args, &peer, address).await.map_err(|error| format!("{error:#}")),
			);
		}
	}
	if problems > 0 {
		bail!("{problems} of these checks failed");
	}
	Ok(())
}

/// Has peers try an address of a role on this machine.
async fn tried(args: &DoctorArgs, peer: &PeerId, address: &Multiaddr) -> Result<String> {
	ensure!(
		reach_of(address) != Reach::Nobody,
		"nobody reaches {address}: give the address at which this machine is reached"
	);
	let asked: Vec<ServiceRecord> = args.ask.iter().map(record_at).collect::<Result<_, _>>()?;
	let chain = args.node.connect(None).await?;
	let helpers = if asked.is_empty() { reach::helpers(&*chain, peer).await } else { asked };
	ensure!(!helpers.is_empty(), "there is nobody to ask: give --ask");
	// Asks under an identity of its own: the role uses the other one.
	let folder = tempfile::tempdir()?;
	let net = asking_net(folder.path(), chain.genesis(), args.dial.private_on(&*chain)).await?;
	match reach::ask(&net, &helpers, peer, address).await {
		Reached::By(who) => Ok(format!("{address} is reached by {who}")),
		Reached::NotBy(who) => bail!(
			"{address} is not reached by {}: open its port to the world, or give the right address",
			who.join(" and ")
		),
		Reached::Unknown(why) => {
			bail!(
				"nobody says whether it reaches {address}, so name others with --ask: {}",
				why.join("; ")
			)
		}
	}
}
