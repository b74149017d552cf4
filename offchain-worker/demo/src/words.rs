//! Words for people: amounts, names, verdicts and penalties as the demo prints them.

use std::{collections::BTreeMap, fmt::Display};

use livepeer_primitives::UNIT;
use livepeer_worker_core::{about, decimal};
use serde_json::Value as Json;

use crate::shares::WHOLE;

/// The longest list or object of a command's output that is told value by value.
const SHORT: usize = 4;

/// An amount of LPT in smallest units, rounded.
pub fn lpt(units: u128) -> String {
	format!("{} LPT", about(units))
}

/// An amount of ETH in smallest units, rounded.
pub fn eth(units: u128) -> String {
	format!("{} ETH", about(units))
}

/// By how much an amount in smallest units is above or below the right one, to the unit; `None` if it is right.
pub fn gap(found: u128, right: u128, token: &str) -> Option<String> {
	let by = decimal(found.abs_diff(right));
	match found.cmp(&right) {
		std::cmp::Ordering::Less => Some(format!("{by} {token} too little")),
		std::cmp::Ordering::Equal => None,
		std::cmp::Ordering::Greater => Some(format!("{by} {token} too much")),
	}
}

/// A share in billionths as a percentage, rounded.
pub fn percent(billionths: u128) -> String {
	format!("{} %", about(billionths * (100 * UNIT / WHOLE)))
}

/// Names or numbers in a row: `a, b and c`; nothing if there are none.
pub fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
	let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
	match items.pop() {
		Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
		last => last.unwrap_or_default(),
	}
}

/// So many of something whose plural ends in `s`.
pub fn count(number: usize, what: &str) -> String {
	let plural = if number == 1 { "" } else { "s" };
	format!("{number} {what}{plural}")
}

/// Equal words collapsed: `3 × a, 1 × b`.
fn tally(words: &[String]) -> String {
	let mut times: BTreeMap<&str, usize> = BTreeMap::new();
	for word in words {
		*times.entry(word.as_str()).or_default() += 1;
	}
	let told: Vec<String> = times.iter().map(|(word, times)| format!("{times} × {word}")).collect();
	told.join(", ")
}

/// The verdicts of an event: `4 segments: pictures differ (Mismatch: Video)`.
pub fn verdicts(all: &Json) -> String {
	let all = match all {
		Json::Array(all) => all.as_slice(),
		// A list of one element is written as the element.
		one => std::slice::from_ref(one),
	};
	let told: Vec<String> = all.iter().map(verdict).collect();
	let segments = count(told.len(), "segment");
	match told.first() {
		Some(first) if told.iter().all(|other| other == first) => format!("{segments}: {first}"),
		_ => format!("{segments}: {}", tally(&told)),
	}
}

/// A verdict in words, with the chain's name if it is not Valid.
fn verdict(one: &Json) -> String {
	let variant = one.as_object().and_then(|fields| fields.iter().next());
	let (name, kind) = match variant {
		Some((name, kind)) => (name.as_str(), kind.as_str()),
		None => (one.as_str().unwrap_or("unknown"), None),
	};
	let words = match (name, kind) {
		("Valid", _) => return "valid".to_owned(),
		("Variant", _) => "encoded with the profile's variant",
		("Mismatch", Some("Video")) => "pictures differ",
		("Mismatch", Some("Audio")) => "sound differs",
		("Mismatch", Some("Container")) => "bytes differ, pictures and sound do not",
		("Mismatch", Some("Work")) => "the claimed work is wrong",
		("Mismatch", Some("Transcodable")) => "rejected, but it can be transcoded",
		("Mismatch", Some("Unforced")) => "the forced variant is missing",
		("NonConforming", Some("Unreadable")) => "unreadable",
		("NonConforming", Some("Size")) => "wrong picture size",
		("NonConforming", Some("Timing")) => "wrong number of frames or time stamps",
		("NonConforming", Some("Input")) => "outputs of a segment that cannot be transcoded",
		("Unavailable", Some("Unreachable")) => "the transcoder cannot be reached",
		("Unavailable", Some("Refused")) => "the transcoder does not serve the bytes",
		("Unavailable", Some("WrongBytes")) => "the transcoder serves other bytes than it claimed",
		("Unavailable", Some("TooLate")) => "the bytes come too late",
		("Abstain", _) => "no judgement",
		_ => "another verdict",
	};
	match kind {
		Some(kind) => format!("{words} ({name}: {kind})"),
		None => format!("{words} ({name})"),
	}
}

/// Why a judge is penalised, in words, with the chain's name.
pub fn penalty(name: &str) -> String {
	let words = match name {
		"NoShow" => "no judgement in time",
		"OtherEvidence" => "other evidence than most judges",
		"WrongEvidence" => "wrong evidence in a dispute",
		"Withheld" => "its verdict withheld",
		"FalseDissent" => "a false verdict",
		"MissedVariant" => "a forced variant missed",
		"Lacked" | "LateData" | "LateDataAlone" | "LateDataAsked" => "bytes lacked that others had",
		_ => "another penalty",
	};
	format!("{words} ({name})")
}

/// A claim's outcome in words. `about_input`: whether only the question was open if its segments can be
/// transcoded.
pub fn outcome(name: &str, about_input: bool) -> String {
	let words = match (name, about_input) {
		("Accepted", _) => "accepted",
		("Failed", true) => {
			"failed: the judges disagree with it on which segments can be transcoded"
		}
		("Failed", false) => "failed: the judges found it wrong",
		("Missed", _) => "missed: drawn segments were not revealed, or their bytes not served",
		("Void", _) => "void: the judges did not agree",
		(other, _) => other,
	};
	words.to_owned()
}

/// What a command printed, in short: of each line that is a JSON object its fields as `name: value`.
pub fn brief(said: &str) -> String {
	let lines = said.lines().map(|line| match serde_json::from_str::<Json>(line) {
		Ok(Json::Object(fields)) => {
			let told = fields
				.iter()
				.filter_map(|(name, value)| Some(format!("{name}: {}", short(value)?)));
			told.collect::<Vec<_>>().join("; ")
		}
		_ => line.trim().to_owned(),
	});
	lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A value in a few words; `None` if it says nothing.
fn short(value: &Json) -> Option<String> {
	let told = match value {
		Json::Null => return None,
		Json::Bool(is_so) => (if *is_so { "yes" } else { "no" }).to_owned(),
		Json::Number(number) if number.is_f64() => {
			format!("{:.1}", number.as_f64().unwrap_or_default())
		}
		Json::Number(number) => number.to_string(),
		Json::String(text) => text.clone(),
		Json::Array(all) if all.len() > SHORT => format!("{} values", all.len()),
		Json::Array(all) => all.iter().filter_map(short).collect::<Vec<_>>().join(", "),
		Json::Object(fields) if fields.len() > SHORT => format!("{} values", fields.len()),
		Json::Object(fields) => {
			let told =
				fields.iter().filter_map(|(name, value)| Some(format!("{name} {}", short(value)?)));
			told.collect::<Vec<_>>().join(", ")
		}
	};
	(!told.is_empty()).then_some(told)
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn amounts_and_shares_should_be_rounded_and_have_their_unit() {
		assert_eq!(eth(53_206_250_000_000), "0.0000532 ETH");
		assert_eq!(lpt(613 * UNIT + UNIT / 4), "613 LPT");
		assert_eq!(percent(50_000_000), "5 %");
		assert_eq!(percent(1_001_002), "0.1 %");
		assert_eq!(percent(WHOLE), "100 %");
	}

	#[test]
	fn gap_should_be_told_to_the_unit() {
		assert_eq!(gap(UNIT, UNIT, "LPT"), None);
		let more = gap(UNIT + 1, UNIT, "LPT");
		assert_eq!(more.as_deref(), Some("0.000000000000000001 LPT too much"));
		assert_eq!(gap(0, 2 * UNIT, "ETH").as_deref(), Some("2 ETH too little"));
	}

	#[test]
	fn names_should_be_listed_and_counted() {
		assert_eq!(list::<&str>([]), "");
		assert_eq!(list(["a"]), "a");
		assert_eq!(list([1, 2, 3]), "1, 2 and 3");
		assert_eq!([count(0, "claim"), count(1, "claim")], ["0 claims", "1 claim"]);
	}

	#[test]
	fn verdicts_should_be_collapsed() {
		for (all, told) in [
			(json!(["Valid", "Valid"]), "2 segments: valid"),
			// Of one segment.
			(json!("Valid"), "1 segment: valid"),
			(json!({ "Mismatch": "Video" }), "1 segment: pictures differ (Mismatch: Video)"),
			(
				json!([{ "Variant": { "rendition": 1 } }, "Valid", "Valid"]),
				"3 segments: 1 × encoded with the profile's variant (Variant), 2 × valid",
			),
		] {
			assert_eq!(verdicts(&all), told);
		}
	}

	/// Each has words of its own: a new one is not told as another.
	#[test]
	fn every_name_of_the_chain_should_have_words() {
		use livepeer_primitives::verdict::{
			MismatchKind as Mismatch, NonConformingKind as NonConforming,
			UnavailableKind as Unavailable,
		};
		let mismatches = [
			Mismatch::Video,
			Mismatch::Audio,
			Mismatch::Container,
			Mismatch::Work,
			Mismatch::Transcodable,
			Mismatch::Unforced,
		];
		let faults = [
			NonConforming::Unreadable,
			NonConforming::Size,
			NonConforming::Timing,
			NonConforming::Input,
		];
		let lacks = [
			Unavailable::Unreachable,
			Unavailable::Refused,
			Unavailable::WrongBytes,
			Unavailable::TooLate,
		];
		let kinds = mismatches.map(|kind| json!({ "Mismatch": format!("{kind:?}") })).into_iter();
		let kinds = kinds.chain(faults.map(|kind| json!({ "NonConforming": format!("{kind:?}") })));
		let kinds = kinds.chain(lacks.map(|kind| json!({ "Unavailable": format!("{kind:?}") })));
		for kind in kinds {
			assert!(!verdict(&kind).starts_with("another"), "{kind}");
		}
		assert_eq!(verdict(&json!({ "Odd": "One" })), "another verdict (Odd: One)");
		assert_eq!(penalty("NoShow"), "no judgement in time (NoShow)");
		assert_eq!(outcome("Failed", false), "failed: the judges found it wrong");
	}

	#[test]
	fn output_of_a_command_should_be_told_in_short() {
		let said = "{\"time\":13.293476,\"frames\":134,\"error\":null,\"problems\":[],\
			\"behind\":{\"median\":\"3.10\",\"samples\":9},\"events\":[1,2,3,4,5],\"open\":true}\nand more";
		let told = brief(said);
		for part in ["time: 13.3", "frames: 134", "behind: median 3.10, samples 9", "open: yes"] {
			assert!(told.split("; ").any(|one| one == part), "{part} in {told}");
		}
		assert!(told.contains("events: 5 values") && told.ends_with("; and more"), "{told}");
		assert!(!told.contains("error") && !told.contains("problems"), "{told}");
		assert_eq!(brief("24 of 24"), "24 of 24");
	}
}
