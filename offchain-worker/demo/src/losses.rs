//! The cost of misbehaving: who lost what in a run.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
	chain::amount,
	report::{Claim, Loss},
	watch::name_of,
};

/// Each account's loss in these claims, by name, without accounts that lost nothing.
pub fn losses(claims: &[Claim]) -> Vec<Loss> {
	let mut totals: BTreeMap<String, Total> = BTreeMap::new();
	for claim in claims {
		let transcoder = name_of(claim.claimed["transcoder"].as_str().unwrap_or_default());
		for event in &claim.events {
			let fields = &event["fields"];
			let total = match event["name"].as_str().unwrap_or_default() {
				"ClaimSettled" if fields["settlement"] == "Refund" => {
					let total = totals.entry(transcoder.clone()).or_default();
					total.fees += amount(&fields["fee"]);
					total.claims += 1;
					total
				}
				"Executed" if amount(&fields["slashed"]) > 0 => {
					let total = totals.entry(transcoder.clone()).or_default();
					total.as_transcoder += amount(&fields["slashed"]);
					total
				}
				"Penalised" => {
					let judge = name_of(fields["verifier"].as_str().unwrap_or_default());
					let total = totals.entry(judge).or_default();
					total.as_judge += amount(&fields["amount"]);
					let penalty = fields["penalty"].as_str().unwrap_or("unknown").to_owned();
					*total.penalties.entry(penalty).or_default() += 1;
					total
				}
				_ => continue,
			};
			total.blocks = total.blocks.max(blocks_since(claim, event));
		}
	}
	totals.into_iter().map(|(name, total)| total.into_loss(name)).collect()
}

/// Blocks from a claim to one of its events.
fn blocks_since(claim: &Claim, event: &Json) -> u32 {
	let block = event["block"].as_u64().and_then(|block| u32::try_from(block).ok());
	let claimed = claim.blocks.get("Claimed").copied().unwrap_or_default();
	block.unwrap_or_default().saturating_sub(claimed)
}

/// What a broadcaster paid in these claims for segments that nobody can transcode, and their number.
pub fn of_spoilt(broadcaster: &str, spoilt: usize, fees: u128, claims: &[Claim]) -> Loss {
	let settled = claims.iter().flat_map(|claim| {
		let settled = claim.events.iter().filter(|event| event["name"] == "ClaimSettled");
		settled.map(|event| blocks_since(claim, event))
	});
	let total = Total { blocks: settled.max().unwrap_or_default(), ..Default::default() };
	let total = total.into_loss(broadcaster.to_owned());
	Loss { as_broadcaster: fees.to_string(), spoilt, ..total }
}

#[derive(Default)]
struct Total {
	as_transcoder: u128,
	fees: u128,
	claims: usize,
	as_judge: u128,
	penalties: BTreeMap<String, usize>,
	blocks: u32,
}

impl Total {
	fn into_loss(self, name: String) -> Loss {
		Loss {
			name,
			as_transcoder: self.as_transcoder.to_string(),
			fees: self.fees.to_string(),
			claims: self.claims,
			as_judge: self.as_judge.to_string(),
			penalties: self.penalties,
			as_broadcaster: "0".to_owned(),
			spoilt: 0,
			blocks: self.blocks,
		}
	}
}

/// A loss in one line, with the blocks after the claim that it took, and the most that it may take.
pub fn sentence(loss: &Loss, most: u32) -> String {
	let units = |text: &str| text.parse::<u128>().unwrap_or(0) as f64 / 1e18;
	let mut parts = Vec::new();
	if loss.as_transcoder != "0" {
		parts.push(format!("{:.4} LPT of the stake behind it", units(&loss.as_transcoder)));
	}
	if loss.claims > 0 {
		let plural = if loss.claims == 1 { "" } else { "s" };
		parts.push(format!(
			"the fees of {} claim{plural} ({:.9} ETH)",
			loss.claims,
			units(&loss.fees)
		));
	}
	if !loss.penalties.is_empty() {
		let why: Vec<_> =
			loss.penalties.iter().map(|(penalty, times)| format!("{times} × {penalty}")).collect();
		parts.push(format!("{:.4} LPT as a judge ({})", units(&loss.as_judge), why.join(", ")));
	}
	if loss.spoilt > 0 {
		parts.push(format!(
			"{:.9} ETH for {} segments that nobody can transcode",
			units(&loss.as_broadcaster),
			loss.spoilt
		));
	}
	let Loss { name, blocks, .. } = loss;
	format!(
		"{name} lost {}, {blocks} blocks after the claim of at most {most}",
		parts.join(" and ")
	)
}

#[cfg(test)]
mod tests {
	use serde_json::json;

	use super::*;

	/// Of a claim made in block 100.
	fn event(name: &str, block: u32, fields: Json) -> Json {
		json!({ "pallet": "", "name": name, "block": block, "fields": fields })
	}

	#[test]
	fn losses_should_be_told_by_account_and_role() {
		let made = || BTreeMap::from([("Claimed".to_owned(), 100)]);
		let slashed = Claim {
			claimed: json!({ "transcoder": "T" }),
			blocks: made(),
			events: vec![
				event(
					"ClaimSettled",
					160,
					json!({ "settlement": "Refund", "fee": 5_000_000_000u64 }),
				),
				event("Executed", 160, json!({ "slashed": "2500000000000000000" })),
				event(
					"Penalised",
					159,
					json!({ "verifier": "J", "penalty": "FalseDissent", "amount": "1000000000000000000" }),
				),
			],
			..Default::default()
		};
		let lesser = Claim {
			claimed: json!({ "transcoder": "T" }),
			blocks: made(),
			events: vec![
				event(
					"ClaimSettled",
					171,
					json!({ "settlement": "Refund", "fee": 1_000_000_000u64 }),
				),
				event("Executed", 171, json!({ "slashed": 0 })),
			],
			..Default::default()
		};
		let paid = Claim {
			claimed: json!({ "transcoder": "U" }),
			blocks: made(),
			events: vec![
				event("ClaimSettled", 150, json!({ "settlement": "Pay", "fee": 7 })),
				event("Executed", 150, json!({ "slashed": 0 })),
			],
			..Default::default()
		};
		let paid_late = of_spoilt("B", 8, 50_000_000_000_000, std::slice::from_ref(&paid));
		let told: Vec<_> =
			losses(&[slashed, lesser, paid]).iter().map(|loss| sentence(loss, 380)).collect();
		assert_eq!(
			told,
			[
				"J lost 1.0000 LPT as a judge (1 × FalseDissent), 59 blocks after the claim of at most 380",
				"T lost 2.5000 LPT of the stake behind it and the fees of 2 claims (0.000000006 ETH), \
				 71 blocks after the claim of at most 380",
			]
		);
		assert_eq!(losses(&[]), []);
		assert_eq!(
			sentence(&paid_late, 380),
			"B lost 0.000050000 ETH for 8 segments that nobody can transcode, 50 blocks after the claim of at most \
			 380"
		);
	}
}
