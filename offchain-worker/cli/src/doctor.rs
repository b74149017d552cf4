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
		report("sandbox", kept(way, pool.try_escape(way).await));
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

/// Whether the sandbox held when a child tried a way out, in words.
fn kept(way: Escape, tried: Result<bool, MediaError>) -> Result<String, String> {
	/// The signal by which the system call filter kills.
	const FILTERED: i32 = 31;
	match tried {
		Ok(false) | Err(MediaError::Died { signal: Some(FILTERED), .. }) => {
			Ok(format!("{way:?} is refused"))
		}
		Ok(true) => Err(format!("{way:?} is possible: do not verify on this machine")),
		// A child that ended otherwise has tried nothing.
		Err(error) => Err(error.to_string()),
	}
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

#[cfg(test)]
mod tests {
	use super::*;

	/// A child that could not enter the sandbox ends without having tried to leave it.
	#[test]
	fn sandbox_should_be_called_good_only_when_it_refused() {
		let died = |signal: Option<i32>| {
			let (status, stderr) = ("ended".into(), ": media child: seccomp: no".into());
			kept(Escape::Connect, Err(MediaError::Died { signal, status, stderr }))
		};
		assert_eq!(kept(Escape::OpenFile, Ok(false)), Ok("OpenFile is refused".into()));
		assert_eq!(died(Some(31)), Ok("Connect is refused".into()));
		assert!(died(None).is_err_and(|why| why.contains("seccomp: no")));
		assert!(died(Some(9)).is_err());
		assert!(kept(Escape::Connect, Ok(true)).is_err_and(|why| why.contains("do not verify")));
	}
}
