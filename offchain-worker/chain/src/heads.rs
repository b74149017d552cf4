//! The heads of the chain, followed across reconnections.

use std::time::Duration;

use livepeer_primitives::Hash;
use livepeer_worker_core::ports::chain::Head;
use subxt::{
	config::{substrate::SubstrateHeader, Header as _},
	rpcs::Error,
};
use tokio::sync::watch;

use crate::Rpc;

type Header = SubstrateHeader<Hash>;

/// Reads the current heads and follows them in the background while somebody listens.
pub async fn follow(rpc: Rpc) -> Result<watch::Receiver<Head>, Error> {
	let (sender, receiver) = watch::channel(current(&rpc).await?);
	tokio::spawn(async move {
		while !sender.is_closed() {
			if let Err(error) = run(&rpc, &sender).await {
				tracing::debug!(%error, "the subscription to heads ended");
			}
			tokio::time::sleep(Duration::from_millis(500)).await;
		}
	});
	Ok(receiver)
}

async fn current(rpc: &Rpc) -> Result<Head, Error> {
	let finalized_hash = rpc.chain_get_finalized_head().await?;
	let finalized = number(rpc, Some(finalized_hash)).await?;
	let best = number(rpc, None).await?;
	let best_hash = rpc.chain_get_block_hash(Some(best.into())).await?.unwrap_or(finalized_hash);
	Ok(Head { best, best_hash, finalized, finalized_hash })
}

async fn number(rpc: &Rpc, at: Option<Hash>) -> Result<u32, Error> {
	let header = rpc.chain_get_header(at).await?;
	Ok(header.map_or(0, |header| height(&header)))
}

fn height(header: &Header) -> u32 {
	u32::try_from(header.number()).unwrap_or(u32::MAX)
}

/// Follows both subscriptions until one of them ends.
async fn run(rpc: &Rpc, sender: &watch::Sender<Head>) -> Result<(), Error> {
	let mut best = rpc.chain_subscribe_new_heads().await?;
	let mut finalized = rpc.chain_subscribe_finalized_heads().await?;
	// Catches up on what happened while there was no subscription.
	let now = current(rpc).await?;
	sender.send_replace(now);
	loop {
		tokio::select! {
			header = best.next() => {
				let Some(header) = header.transpose()? else { return Ok(()) };
				let number = height(&header);
				let Some(hash) = rpc.chain_get_block_hash(Some(number.into())).await? else { continue };
				sender.send_modify(|head| {
					head.best = number;
					head.best_hash = hash;
				});
			}
			header = finalized.next() => {
				let Some(header) = header.transpose()? else { return Ok(()) };
				let number = height(&header);
				let Some(hash) = rpc.chain_get_block_hash(Some(number.into())).await? else { continue };
				sender.send_modify(|head| {
					head.finalized = number;
					head.finalized_hash = hash;
				});
			}
		}
		if sender.is_closed() {
			return Ok(());
		}
	}
}
