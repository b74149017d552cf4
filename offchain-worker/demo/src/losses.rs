//! What misbehaving cost: who lost what in a run.

use std::collections::BTreeMap;

use crate::{
	chain::amount,
	report::{Claim, Loss},
	watch::name_of,
};

/// What each account lost in these claims, by name. Who lost nothing is left out.
pub fn losses(claims: &[Claim]) -> Vec<Loss> {
	let mut totals: BTreeMap<String, Total> = BTreeMap::new();
	for claim in claims {
		let transcoder = name_of(claim.claimed["transcoder"].as_str().unwrap_or_default());
		for event in &claim.events {
			let fields = &event["fields"];
			match event["name"].as_str().unwrap_or_default() {
				"ClaimSettled" if fields["settlement"] == "Refund" => {
					let total = totals.entry(transcoder.clone()).or_default();
					total.fees += amount(&fields["fee"]);
					total.claims += 1;
				}
				"Executed" if amount(&fields["slashed"]) > 0 => {
					let total = totals.entry(transcoder.clone()).or_default();
					total.as_transcoder += amount(&fields["slashed"]);
				}
				"Penalised" => {
					let judge = name_of(fields["verifier"].as_str().unwrap_or_default());
					let total = totals.entry(judge).or_default();
					total.as_judge += amount(&fields["amount"]);
					let penalty = fields["penalty"].as_str().unwrap_or("unknown").to_owned();
					*total.penalties.entry(penalty).or_default() += 1;
				}
				_ => {}
			}
		}
	}
	totals.into_iter().map(|(name, total)| total.into_loss(name)).collect()
}

/// What a broadcaster paid for so many segments that nobody can transcode.
pub fn of_spoilt(broadcaster: &str, spoilt: usize, fees: u128) -> Loss {
	let total = Total::default().into_loss(broadcaster.to_owned());
	Loss { as_broadcaster: fees.to_string(), spoilt, ..total }
}

#[derive(Default)]
struct Total {
	as_transcoder: u128,
	fees: u128,
	claims: usize,
	as_judge: u128,
	penalties: BTreeMap<String, usize>,
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
		}
	}
}

/// A loss in one line.
pub fn sentence(loss: &Loss) -> String {
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
	format!("{} lost {}", loss.name, parts.join(" and "))
}

#[cfg(test)]
mod tests {
	use serde_json::{json, Value as Json};

	use super::*;

	fn event(name: &str, fields: Json) -> Json {
		json!({ "pallet": "", "name": name, "block": 1, "fields": fields })
	}

	#[test]
	fn losses_should_be_told_by_account_and_role() {
		let slashed = Claim {
			claimed: json!({ "transcoder": "T" }),
			events: vec![
				event("ClaimSettled", json!({ "settlement": "Refund", "fee": 5_000_000_000u64 })),
				event("Executed", json!({ "slashed": "2500000000000000000" })),
				event(
					"Penalised",
					json!({ "verifier": "J", "penalty": "FalseDissent", "amount": "1000000000000000000" }),
				),
			],
			..Default::default()
		};
		let lesser = Claim {
			claimed: json!({ "transcoder": "T" }),
			events: vec![
				event("ClaimSettled", json!({ "settlement": "Refund", "fee": 1_000_000_000u64 })),
				event("Executed", json!({ "slashed": 0 })),
			],
			..Default::default()
		};
		let paid = Claim {
			claimed: json!({ "transcoder": "U" }),
			events: vec![
				event("ClaimSettled", json!({ "settlement": "Pay", "fee": 7 })),
				event("Executed", json!({ "slashed": 0 })),
			],
			..Default::default()
		};
		let told: Vec<_> = losses(&[slashed, lesser, paid]).iter().map(sentence).collect();
		assert_eq!(
			told,
			[
				"J lost 1.0000 LPT as a judge (1 × FalseDissent)",
				"T lost 2.5000 LPT of the stake behind it and the fees of 2 claims (0.000000006 ETH)",
			]
		);
		assert_eq!(losses(&[]), []);
		assert_eq!(
			sentence(&of_spoilt("B", 8, 50_000_000_000_000)),
			"B lost 0.000050000 ETH for 8 segments that nobody can transcode"
		);
	}
}
