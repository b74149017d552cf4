//! What happens on the chain, line by line, for people who watch.

use std::collections::BTreeMap;

use livepeer_primitives::verdict::DISPUTE;
use serde_json::Value as Json;

use crate::{
	events::{count_due, Event},
	network::name_of,
	report::Claim,
	words::{self, list},
};

/// Pallets whose events are told.
const TOLD: [&str; 3] = ["Jobs", "ChallengeLottery", "LptStaking"];

/// Lines for the screen, each with its block; uninteresting events have none. `claims` are all that were made
/// so far.
pub fn tell(news: &[Event], claims: &BTreeMap<u64, Claim>) -> Vec<String> {
	let told: Vec<&Event> =
		news.iter().filter(|event| TOLD.contains(&event.pallet.as_str())).collect();
	// The segments of one claim that are revealed in one block make one line.
	let is_same = |one: &&Event, next: &&Event| {
		let claim = |event: &Event| (event.block, event.number("claim"));
		[one, next].iter().all(|event| event.name == "LeafRevealed") && claim(one) == claim(next)
	};
	let lines = told.chunk_by(is_same).filter_map(|events| {
		let block = events.first()?.block;
		Some(format!("  block {block:<5} {}", line(events, claims)?))
	});
	lines.collect()
}

/// What an event says, or several reveals; `None` if it is uninteresting.
fn line(events: &[&Event], claims: &BTreeMap<u64, Claim>) -> Option<String> {
	let event = events.first()?;
	let claim = event.number("claim").unwrap_or_default();
	let eth = |field: &str| words::eth(event.amount(field).unwrap_or_default());
	let lpt = |field: &str| words::lpt(event.amount(field).unwrap_or_default());
	let text = |field: &str| event.fields[field].as_str().unwrap_or_default();
	let who = |field: &str| name_of(text(field));
	let job = || event.number("job").unwrap_or_default();
	Some(match (event.pallet.as_str(), event.name.as_str()) {
		("Jobs", "JobCreated") => {
			format!("job {}: {} opens it, budget {}", job(), who("broadcaster"), eth("budget"))
		}
		("Jobs", "Offered") => format!("job {}: offered to {}", job(), who("transcoder")),
		("Jobs", "Accepted") => format!("job {}: {} accepts it", job(), who("transcoder")),
		("Jobs", "JobClosed") => format!("job {}: closed", job()),
		("Jobs", "Claimed") => format!(
			"claim {claim}: {} claims {} for segments {} to {}",
			who("transcoder"),
			eth("fee"),
			event.fields["first"],
			event.fields["last"]
		),
		("Jobs", "ClaimSettled") if text("settlement") == "Refund" => {
			format!("claim {claim}: {} gets {} back", who("broadcaster"), eth("fee"))
		}
		("Jobs", "ClaimSettled") => {
			format!("claim {claim}: {} and its delegators get {}", who("transcoder"), eth("fee"))
		}
		("ChallengeLottery", "Drawn") => {
			let judges = match &event.fields["committee"] {
				Json::Array(all) => all.as_slice(),
				// A list of one element is written as the element.
				one => std::slice::from_ref(one),
			};
			let judges = judges.iter().filter_map(|judge| judge.as_str().map(name_of));
			match list(judges) {
				names if names.is_empty() => format!("claim {claim}: drawn; nobody can judge it"),
				names => format!("claim {claim}: drawn; its judges are {names}"),
			}
		}
		("ChallengeLottery", "LeafRevealed") => {
			let claimed = &claims.get(&claim)?.claimed;
			let first = claimed["first"].as_u64()?;
			let leaves = events.iter().filter_map(|event| event.number("index"));
			let mut segments: Vec<u64> = leaves.map(|leaf| first + leaf).collect();
			segments.sort_unstable();
			let transcoder = name_of(claimed["transcoder"].as_str().unwrap_or_default());
			let plural = if segments.len() == 1 { "" } else { "s" };
			format!("claim {claim}: {transcoder} reveals segment{plural} {}", list(segments))
		}
		("ChallengeLottery", "VariantsOpened") => {
			let (forced, drawn) = count_due(&event.fields);
			format!("claim {claim}: {forced} of {drawn} drawn segments had to have a variant")
		}
		("ChallengeLottery", "VerdictRevealed") => {
			let is_dispute = event.number("tranche") == Some(u64::from(DISPUTE));
			let part = if is_dispute { " (dispute)" } else { "" };
			let verdicts = words::verdicts(&event.fields["verdicts"]);
			format!("claim {claim}{part}: {} judges {verdicts}", who("verifier"))
		}
		("ChallengeLottery", "TrancheUndecided") => {
			format!("claim {claim}: its judges do not agree; more are drawn")
		}
		("ChallengeLottery", "Disputed") => {
			format!("claim {claim}: disputed; every validator judges it")
		}
		("ChallengeLottery", "Decided") => {
			let is_about_input = event.fields["about_input"] == true;
			format!("claim {claim}: {}", words::outcome(text("outcome"), is_about_input))
		}
		("ChallengeLottery", "Penalised") => {
			let why = words::penalty(text("penalty"));
			format!("claim {claim}: {} is penalised as a judge: {why}", who("verifier"))
		}
		("LptStaking", "Slashed") => {
			let share = words::percent(event.amount("fraction").unwrap_or_default());
			let (whose, lost) = (who("transcoder"), lpt("total"));
			format!("{whose} loses {lost} ({share} of the stake behind it)")
		}
		_ => return None,
	})
}

#[cfg(test)]
mod tests {
	use serde_json::json;

	use super::*;

	fn event(block: u32, pallet: &str, name: &str, fields: Json) -> Event {
		Event { block, pallet: pallet.to_owned(), name: name.to_owned(), fields }
	}

	/// Of claim 1.
	fn lottery(block: u32, name: &str, mut fields: Json) -> Event {
		fields["claim"] = json!(1);
		event(block, "ChallengeLottery", name, fields)
	}

	#[test]
	fn claim_should_be_told_from_its_draw_to_its_costs() {
		let claimed = json!({ "claim": 1, "transcoder": "T", "first": 8, "last": 15 });
		let claims = BTreeMap::from([(1, Claim { claimed, ..Default::default() })]);
		let verdict = |tranche: u8| json!({ "tranche": tranche, "verifier": "J", "verdicts": ["Valid", "Valid"] });
		let settled = json!({
			"claim": 1, "settlement": "Refund", "transcoder": "T", "broadcaster": "B", "fee": "53206250000000",
		});
		let news = [
			lottery(50, "Drawn", json!({ "committee": ["J", "K"] })),
			lottery(51, "LeafRevealed", json!({ "index": 4 })),
			event(51, "System", "ExtrinsicSuccess", json!({})),
			lottery(51, "LeafRevealed", json!({ "index": 0 })),
			lottery(52, "LeafRevealed", json!({ "index": 1 })),
			lottery(58, "VerdictRevealed", verdict(0)),
			lottery(59, "Disputed", json!({})),
			lottery(70, "VerdictRevealed", verdict(DISPUTE)),
			lottery(71, "Decided", json!({ "outcome": "Failed", "about_input": false })),
			event(
				80,
				"LptStaking",
				"Slashed",
				json!({ "transcoder": "T", "fraction": 50_000_000, "total": "613260500000000000000" }),
			),
			event(80, "Jobs", "ClaimSettled", settled),
		];
		assert_eq!(
			tell(&news, &claims),
			[
				"  block 50    claim 1: drawn; its judges are J and K",
				"  block 51    claim 1: T reveals segments 8 and 12",
				"  block 52    claim 1: T reveals segment 9",
				"  block 58    claim 1: J judges 2 segments: valid",
				"  block 59    claim 1: disputed; every validator judges it",
				"  block 70    claim 1 (dispute): J judges 2 segments: valid",
				"  block 71    claim 1: failed: the judges found it wrong",
				"  block 80    T loses 613 LPT (5 % of the stake behind it)",
				"  block 80    claim 1: B gets 0.0000532 ETH back",
			]
		);
	}
}
