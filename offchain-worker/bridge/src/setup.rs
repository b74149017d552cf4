//! Commands that set up the bridge, or send money over it.

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolCall;
use anyhow::{bail, ensure, Context, Result};
use livepeer_bridge_formats::{
	bridge::{BridgeView, BridgedAsset},
	ethereum::ClientHealth,
	types::{GatewayPlace, Limits, Rate, SupplyRule},
	H160, H256,
};

use crate::{
	beacon::Beacon,
	chain::{Call, Chain, Governance, Outcome},
	clock::now,
	ethereum::{
		self,
		contract::{Gateway, Token},
		Bounds, Ethereum,
	},
	relay::amount,
	units,
};

/// Governance's settings of the bridge.
pub struct Wishes {
	/// The storage slot of the token's balances.
	pub balances_slot: u64,
	/// Limits of LPT and of ETH.
	pub limits: [Option<Limits>; 2],
	/// The beacon block that is trusted.
	pub checkpoint: Option<H256>,
	/// How much of the LPT on Ethereum inflation counts.
	pub supply: Option<SupplyRule>,
}

/// The asset of a name.
pub fn asset(name: &str) -> Result<BridgedAsset> {
	match name.to_ascii_lowercase().as_str() {
		"lpt" => Ok(BridgedAsset::Lpt),
		"eth" => Ok(BridgedAsset::Eth),
		_ => bail!("there is no asset {name}: give lpt or eth"),
	}
}

/// Parses an account: 32 bytes in hexadecimal, or an address.
pub fn account(text: &str) -> Result<H256> {
	if let Some(digits) = text.strip_prefix("0x") {
		let bytes: Option<[u8; 32]> =
			hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
		return Ok(H256(
			bytes.with_context(|| format!("{text} is not an account, which has 32 bytes"))?,
		));
	}
	let account: subxt::utils::AccountId32 =
		text.parse().with_context(|| format!("{text} is not an account's address"))?;
	Ok(H256(account.0))
}

/// Parses limits in the order of the command line; `None` if there are none.
pub fn limits(parts: &[String]) -> Result<Option<Limits>> {
	match parts {
		[] => Ok(None),
		[inbound, outbound, per_block, large, delay] => {
			let per_block = units(per_block)?;
			let rate =
				|capacity| Ok::<_, anyhow::Error>(Rate { capacity: units(capacity)?, per_block });
			Ok(Some(Limits {
				inbound: rate(inbound)?,
				outbound: rate(outbound)?,
				large: units(large)?,
				delay: delay.parse().context("the delay is not a number of blocks")?,
			}))
		}
		_ => bail!("give five limits: in at once, out at once, per block, large from, delay"),
	}
}

/// The chain's state for `deploy.mjs`, in JSON: a block that the chain's own node has finalised.
pub async fn checkpoint(chain: &Chain) -> Result<String> {
	let genesis = chain.genesis().await?;
	let (number, hash) = chain.finalized_head().await?;
	let [current, next] = chain.authority_sets(hash).await?;
	ensure!(next.0 == current.0 + 1, "the sets of validators do not follow each other");
	let time = chain.time_at(hash).await? / 1_000;
	let time = if time == 0 { now() } else { time };
	let value = serde_json::json!({
		"genesisHash": genesis,
		"firstBlock": 1,
		"checkpoint": {
			"blockNumber": number,
			"time": time,
			"setId": current.0,
			"currentLength": current.1,
			"currentRoot": current.2,
			"nextLength": next.1,
			"nextRoot": next.2,
		},
	});
	Ok(serde_json::to_string_pretty(&value)?)
}

/// Prints governance's calls, or sends them as Sudo.
pub async fn governance(
	chain: &Chain,
	ethereum: &Ethereum,
	beacon: &Beacon,
	wishes: &Wishes,
	sudo: bool,
) -> Result<()> {
	let spec = beacon.spec().await?;
	let chain_id = ethereum.chain_id().await?;
	ensure!(
		spec.chain_id == chain_id,
		"the beacon nodes are of execution chain {}, the execution nodes of {chain_id}",
		spec.chain_id
	);
	let root = match wishes.checkpoint {
		Some(root) => root,
		None => beacon.finalized_root().await?,
	};
	let token = ethereum.read(Gateway::lptCall {}).await?;
	let place = GatewayPlace {
		chain_id,
		address: H160(ethereum.gateway.into_array()),
		token: H160(token.into_array()),
		balances_slot: wishes.balances_slot,
	};
	let smallest = chain.smallest_balances().await?;
	for (asset, smallest) in BridgedAsset::ALL.into_iter().zip(smallest) {
		let limits = ethereum.read(Gateway::limitsCall { asset: U256::from(asset.byte()) }).await?;
		ensure!(
			limits.minimum >= smallest,
			"the gateway takes deposits of {} {asset:?}, which nobody without an account could be credited: its minimum has to be {} at least",
			amount(limits.minimum),
			amount(smallest)
		);
	}
	let mut calls = vec![
		Governance::Network(spec.network),
		Governance::Checkpoint(root),
		Governance::Gateway(place),
	];
	for (asset, limits) in BridgedAsset::ALL.into_iter().zip(wishes.limits) {
		let limits = limits.with_context(|| {
			format!("give the limits of {asset:?} too: without them nothing passes")
		})?;
		ensure!(
			limits.is_valid(),
			"{asset:?}: large amounts must begin at or below what may come in at once, with a delay of some blocks"
		);
		calls.push(Governance::Limits(asset, limits));
	}
	calls.extend(wishes.supply.map(Governance::Supply));
	let encoded = chain.governance(&calls).await?;
	for (call, bytes) in calls.iter().zip(encoded) {
		let (pallet, name) = call.name();
		println!("{pallet}.{name}: 0x{}", hex::encode(&bytes));
		if sudo {
			match chain.sudo(bytes).await? {
				Outcome::Done(_) => {}
				Outcome::Refused(reason) => bail!("{pallet}.{name} is refused: {reason}"),
			}
		}
	}
	println!("trusted beacon block: {root:?} (compare it with a node of your own)");
	Ok(())
}

/// Sends money to Ethereum.
pub async fn withdraw(
	chain: &Chain,
	asset: BridgedAsset,
	recipient: H160,
	sum: u128,
	fee: u128,
) -> Result<()> {
	ensure_goes_out(&chain.bridge().await?)?;
	match chain.submit(&Call::Withdraw { asset, recipient, amount: sum, fee }).await? {
		Outcome::Done(paid) => {
			println!("{} {asset:?} are on their way, for {} LPT", amount(sum), amount(paid));
			Ok(())
		}
		Outcome::Refused(reason) => bail!("the chain refuses it: {reason}"),
	}
}

/// Fails with the reason while a deposit would not be credited.
fn ensure_comes_in(bridge: &BridgeView) -> Result<()> {
	if let Some(until) = bridge.stopped[0] {
		bail!("nothing comes in until block {until}: the bridge stands");
	}
	ensure!(
		bridge.client == ClientHealth::Following,
		"the chain does not follow Ethereum now ({:?}): a deposit would wait",
		bridge.client
	);
	Ok(())
}

/// Fails with the reason while a withdrawal would not be sent.
fn ensure_goes_out(bridge: &BridgeView) -> Result<()> {
	if let Some(until) = bridge.stopped[1] {
		bail!("nothing goes out until block {until}: the bridge stands");
	}
	Ok(())
}

/// Sends money to the chain, if it would arrive.
pub async fn deposit(
	chain: &Chain,
	ethereum: &Ethereum,
	asset: BridgedAsset,
	sum: u128,
	to: H256,
) -> Result<()> {
	ensure_comes_in(&chain.bridge().await?)?;
	let recipient = B256::from(to.0);
	let sent = match asset {
		BridgedAsset::Lpt => {
			let token = ethereum.read(Gateway::lptCall {}).await?;
			let approve = Token::approveCall { spender: ethereum.gateway, amount: U256::from(sum) };
			let approved =
				ethereum.send_to(token, approve.abi_encode(), U256::ZERO, Bounds::OWN).await?;
			done(approved)?;
			let call = Gateway::depositLPTCall { recipient, amount: sum };
			ethereum.send(call.abi_encode(), Bounds::OWN).await?
		}
		BridgedAsset::Eth => {
			let call = Gateway::depositETHCall { recipient };
			let value = U256::from(sum);
			ethereum.send_to(ethereum.gateway, call.abi_encode(), value, Bounds::OWN).await?
		}
	};
	let wei = done(sent)?;
	println!("{} {asset:?} are deposited, for {} ETH", amount(sum), amount(wei));
	Ok(())
}

fn done(outcome: ethereum::Outcome) -> Result<u128> {
	match outcome {
		ethereum::Outcome::Done(cost) => Ok(cost.wei),
		ethereum::Outcome::Refused(refused) => bail!("it is refused: {refused}"),
		ethereum::Outcome::Undone(cost, hash) => {
			bail!("{hash} was undone, for {} ETH", amount(cost.wei))
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::watch::tests::bridge;

	fn said(result: Result<()>) -> String {
		result.err().map(|error| format!("{error:#}")).unwrap_or_default()
	}

	#[test]
	fn deposit_should_be_refused_in_words_while_the_bridge_is_down() {
		let mut good = bridge(None, None, [None, Some(9)]);
		assert!(ensure_comes_in(&good).is_ok());
		good.stopped[0] = Some(7);
		assert!(said(ensure_comes_in(&good)).contains("nothing comes in until block 7"));
		for client in [
			ClientHealth::NotBootstrapped,
			ClientHealth::UnknownFork { epoch: 1 },
			ClientHealth::Stale { age: 1 },
			ClientHealth::Expired { age: 1 },
		] {
			let down = BridgeView { client, ..bridge(None, None, [None; 2]) };
			assert!(
				said(ensure_comes_in(&down)).contains("does not follow Ethereum"),
				"{client:?}"
			);
		}
	}

	#[test]
	fn withdrawal_should_be_refused_in_words_while_nothing_goes_out() {
		assert!(ensure_goes_out(&bridge(None, None, [Some(9), None])).is_ok());
		let down = bridge(None, None, [None, Some(7)]);
		assert!(said(ensure_goes_out(&down)).contains("nothing goes out until block 7"));
	}
}
