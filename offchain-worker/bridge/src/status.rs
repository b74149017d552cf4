//! The bridge's state, for people and programs.

use anyhow::Result;
use livepeer_bridge_formats::{
	bridge::{BridgeView, BridgedAsset, BridgedView, Message},
	H256,
};
use serde_json::{json, Value};

use crate::{
	clock::now,
	ethereum::contract::Gateway,
	outbound::count_of,
	relay::{amount, Relay},
};

fn asset(view: &BridgedView) -> Value {
	json!({
		"issued": amount(view.issued),
		"credited": amount(view.credited),
		"waiting": amount(view.waiting),
		"sent": amount(view.sent),
		"backing": amount(view.backing),
		"escrow": view.escrow.map(|escrow| amount(escrow.balance)),
		"mayComeIn": amount(view.limits[0]),
		"mayGoOut": amount(view.limits[1]),
	})
}

/// The states of the newest of `made` deposits on Ethereum, of which `proven` are proven.
async fn newest_deposits(relay: &Relay, made: u32, proven: u32, newest: u32) -> Result<Vec<Value>> {
	let waiting = relay.chain.waiting().await?;
	let mut deposits = Vec::new();
	for index in (0..made).rev().take(newest as usize) {
		let state = if index >= proven {
			"on Ethereum, not yet proven".to_owned()
		} else if let Some((_, found)) = waiting.iter().find(|(place, _)| *place == index) {
			format!("waits until block {}", found.ready_at)
		} else if relay.chain.is_credited(index, None).await? {
			"credited".to_owned()
		} else {
			"proven, not yet credited".to_owned()
		};
		deposits.push(json!({ "index": index, "state": state }));
	}
	Ok(deposits)
}

/// The states of the newest messages, of which Ethereum knows the first `count`.
async fn newest_messages(
	relay: &Relay,
	bridge: &BridgeView,
	count: Option<u32>,
	newest: u32,
) -> Result<Vec<Value>> {
	let domain = bridge.domain.unwrap_or_default();
	let mut messages = Vec::new();
	for index in (0..bridge.messages).rev().take(newest as usize) {
		let (message, _) = relay.chain.message_at(index, bridge.messages, None).await?;
		let leaf = message.leaf(&domain, index);
		let delayed = relay.ethereum.waiting(leaf.0.into()).await?;
		let used = relay.ethereum.read(Gateway::isUsedCall { index }).await?;
		let state = match (used, delayed) {
			(true, Some(delayed)) => format!("waits until {} (Unix time)", delayed.ready_at),
			(true, None) => match message {
				Message::Withdrawal { .. } => "paid".to_owned(),
				Message::Earnings { .. } => "opened for claims".to_owned(),
			},
			(false, _) if count.is_some_and(|count| index < count) => {
				"proven, not yet paid".to_owned()
			}
			(false, _) => "sent, waits for the validators' commitment".to_owned(),
		};
		let what = match &message {
			Message::Withdrawal { asset, recipient, amount: sum, fee } => json!({
				"asset": format!("{asset:?}"),
				"recipient": format!("{recipient:?}"),
				"amount": amount(*sum),
				"fee": amount(*fee),
			}),
			Message::Earnings { round, count, lpt, eth, .. } => json!({
				"round": round,
				"earnings": count,
				"LPT": amount(*lpt),
				"ETH": amount(*eth),
			}),
		};
		messages.push(json!({ "index": index, "state": state, "message": what }));
	}
	Ok(messages)
}

/// The whole state, with the newest deposits and messages.
pub async fn status(
	relay: &Relay,
	newest: u32,
	account: Option<H256>,
	as_json: bool,
) -> Result<String> {
	let bridge = relay.chain.bridge().await?;
	let head = relay.ethereum.head().await?;
	let expires = relay.ethereum.read(Gateway::expiresAtCall {}).await?;
	let brakes = relay.ethereum.read(Gateway::brakesCall {}).await?;
	let there = relay.ethereum.read(Gateway::depositsCall {}).await?;
	let beefy = relay.chain.beefy_head().await?;
	let domain = bridge.domain.unwrap_or_default();
	let supply = relay.chain.supply().await?;
	let proven = supply.and_then(|(_, proven)| proven);

	let root = head.message_root;
	let count = count_of(&relay.chain, &domain, root, bridge.messages, None).await?;
	let deposits = newest_deposits(relay, there.count, bridge.deposits, newest).await?;
	let messages = newest_messages(relay, &bridge, count, newest).await?;

	let mut limits = Vec::new();
	for asset in BridgedAsset::ALL {
		let byte = asset.byte();
		let available = relay.ethereum.read(Gateway::availableCall { asset: byte }).await?;
		limits.push(amount(available));
	}
	let mut value = json!({
		"chain": {
			"client": format!("{:?}", bridge.client),
			"syncedBlock": bridge.synced.map(|(block, _)| block),
			"syncedAgo": bridge.synced.map(|(_, time)| now().saturating_sub(time)),
			"nothingComesInUntilBlock": bridge.stopped[0],
			"nothingGoesOutUntilBlock": bridge.stopped[1],
			"beefyBlock": beefy.map(|(number, _)| number),
			"lpt": asset(&bridge.lpt),
			"eth": asset(&bridge.eth),
			"lptOnEthereum": proven.map(|proven| amount(proven.amount)),
			"lptCountedUpTo": supply.map(|(rule, _)| amount(rule.ceiling)),
			"deposits": bridge.deposits,
			"messages": bridge.messages,
		},
		"gateway": {
			"address": relay.ethereum.gateway,
			"block": head.number,
			"validators": head.set_id,
			"headAgo": now().saturating_sub(head.time),
			"expiresIn": i128::from(u64::try_from(expires).unwrap_or(u64::MAX)) - i128::from(now()),
			"depositsStoppedUntil": brakes.depositsStoppedUntil.to::<u64>(),
			"releasesStoppedUntil": brakes.releasesStoppedUntil.to::<u64>(),
			"mayLeaveLpt": limits.first(),
			"mayLeaveEth": limits.get(1),
			"deposits": there.count,
			"provenMessages": count,
		},
		"newestDeposits": deposits,
		"newestMessages": messages,
	});
	if let Some(account) = account {
		let [lpt, eth] = relay.chain.balances(account).await?;
		if let Some(all) = value.as_object_mut() {
			let owned = json!({ "lpt": amount(lpt), "eth": amount(eth) });
			all.insert("account".into(), owned);
		}
	}
	if as_json {
		return Ok(serde_json::to_string_pretty(&value)?);
	}
	let mut text = String::new();
	show(&value, 0, &mut text);
	Ok(text.trim_end().to_owned())
}

/// JSON as an indented list.
fn show(value: &Value, depth: usize, text: &mut String) {
	let line = |text: &mut String, name: &str, value: &Value| {
		text.push_str(&"  ".repeat(depth));
		match value {
			Value::Object(_) | Value::Array(_) => {
				text.push_str(&format!("{name}\n"));
				show(value, depth + 1, text);
			}
			Value::Null => text.push_str(&format!("{name}: -\n")),
			Value::String(value) => text.push_str(&format!("{name}: {value}\n")),
			other => text.push_str(&format!("{name}: {other}\n")),
		}
	};
	match value {
		Value::Object(all) => all.iter().for_each(|(name, value)| line(text, name, value)),
		Value::Array(all) => all.iter().for_each(|value| line(text, "-", value)),
		_ => {}
	}
}
