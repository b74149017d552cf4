//! `docs/parameters.md`, compared with the presets.
//!
//! `make docs-tables` writes it: with `WRITE_DOCS=1` the test stores what it would otherwise
//! compare. Names and values come from the presets' debug form; meanings and units come from the
//! documentation of the fields.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{collections::BTreeMap, fmt::Write};

use livepeer_primitives::params::{ProtocolParameters, Timing, BOUNDS};

const FILE: &str = "../docs/parameters.md";

/// Where parameters are declared.
const SOURCES: [&str; 2] = [include_str!("../src/params.rs"), include_str!("../src/work.rs")];
/// Where the relations between parameters are declared.
const RELATIONS: &str = include_str!("../src/params/bounds.rs");

const BEGINNING: &str = "\
# Parameters

Every parameter of the protocol with its bounds and the values that networks start with: `production`
is a public network's, `development` that of `--dev` and `--chain local`. How one is added or
changed is in [changing.md](changing.md). Governance changes a concern as a whole, by
`chainConfig.setParameter`; an error has the name of the parameter or of the relation that would be
broken. The bounds are such that governance can undo what it has set: no round lasts longer than
four weeks. The timing is fixed for ever at genesis.

This file is written by `make docs-tables` and checked by `primitives/tests/documentation.rs`.
";

/// A field: its documentation and its type.
type Fields<'a> = BTreeMap<(String, &'a str), (String, &'a str)>;

/// The fields of all structs in `source`.
fn fields<'a>(source: &'a str, into: &mut Fields<'a>) {
	let (mut owner, mut doc) = (String::new(), String::new());
	for line in source.lines().map(str::trim) {
		if let Some(text) = line.strip_prefix("///") {
			doc.push_str(text);
		} else if let Some(head) = line.strip_suffix(" {") {
			owner = head.rsplit(' ').next().unwrap_or_default().into();
			doc.clear();
		} else if let Some((name, ty)) = line.strip_suffix(',').and_then(|l| l.split_once(": ")) {
			let name = name.trim_start_matches("pub ");
			if !doc.is_empty() {
				into.insert((owner.clone(), name), (doc.trim().into(), ty));
			}
			doc.clear();
		} else if !line.starts_with("#[") {
			doc.clear();
		}
	}
}

/// The values of a preset in order, each with its struct and its path below `root`.
fn values(root: &str, preset: &impl std::fmt::Debug) -> Vec<(String, String, String)> {
	// What is open: structs by type, and everything by the way in which it is named.
	let (mut owners, mut path) = (Vec::new(), vec![root.to_string()]);
	// Open lists: how many elements have begun.
	let mut lists: Vec<u32> = Vec::new();
	let mut values = Vec::new();
	for line in format!("{preset:#?}").lines().map(str::trim) {
		let (name, value) = line.trim_end_matches(',').split_once(": ").unwrap_or(("", line));
		let dot = if path.concat().is_empty() || name.is_empty() { "" } else { "." };
		if let Some(head) = value.strip_suffix(" {") {
			owners.push(head.to_string());
			match lists.last_mut() {
				Some(begun) if name.is_empty() => {
					path.push(format!("[{begun}]"));
					*begun += 1;
				}
				_ => path.push(format!("{dot}{name}")),
			}
		} else if value.ends_with('[') {
			lists.push(0);
			path.push(format!("{dot}{name}"));
		} else if line.starts_with('}') {
			owners.pop();
			path.pop();
		} else if line.starts_with(']') {
			lists.pop();
			path.pop();
		} else if !name.is_empty() {
			let path = path.concat() + dot + name;
			values.push((owners.last().unwrap().clone(), path, value.into()));
		}
	}
	values
}

/// `1234567` as `1,234,567`.
fn grouped(digits: &str) -> String {
	let groups: Vec<&str> = digits
		.as_bytes()
		.rchunks(3)
		.rev()
		.map(|group| std::str::from_utf8(group).unwrap())
		.collect();
	groups.join(",")
}

/// A value in readable form.
fn readable(value: &str, ty: &str, doc: &str) -> String {
	if !value.bytes().all(|byte| byte.is_ascii_digit()) {
		return value.into();
	}
	match ty {
		"Balance" => {
			let padded = format!("{value:0>19}");
			let (whole, part) = padded.split_at(padded.len() - 18);
			let part = part.trim_end_matches('0');
			let dot = if part.is_empty() { "" } else { "." };
			let asset = if doc.contains("ETH") { "ETH" } else { "LPT" };
			format!("{}{dot}{part} {asset}", grouped(whole))
		}
		"BlockNumber" => format!("{} blocks", grouped(value)),
		"RoundIndex" => format!("{} rounds", grouped(value)),
		_ => grouped(value),
	}
}

/// One table per concern, the first part of a path.
fn tables(
	page: &mut String,
	fields: &Fields<'_>,
	root: &str,
	production: &impl std::fmt::Debug,
	development: &impl std::fmt::Debug,
) {
	let mut last = String::new();
	for ((owner, path, production), (_, _, development)) in
		values(root, production).into_iter().zip(values(root, development))
	{
		if path.contains('[') && production == "0" && development == "0" {
			// An unused place of a list.
			continue;
		}
		let (concern, name) = path.split_once('.').unwrap();
		if concern != last {
			write!(
				page,
				"\n## `{concern}`\n\n| Parameter | Production | Development | Bounds | Meaning |\n"
			)
			.unwrap();
			page.push_str("|---|---|---|---|---|\n");
			last = concern.into();
		}
		let field = name.rsplit('.').next().unwrap();
		let (doc, ty) = fields
			.get(&(owner.clone(), field))
			.unwrap_or_else(|| panic!("{owner}.{field} has no documentation"));
		writeln!(
			page,
			"| `{name}` | {} | {} | {} | {} |",
			readable(&production, ty, doc),
			readable(&development, ty, doc),
			bounds(&path),
			doc.trim_end_matches('.'),
		)
		.unwrap();
	}
}

/// The bounds of the parameter at `path`; empty for the names of profiles.
fn bounds(path: &str) -> String {
	let list = match path.split_once('[') {
		Some((list, rest)) if rest.ends_with(".encode") => list,
		_ => path,
	};
	let found = BOUNDS.iter().find(|bounds| bounds.path == list);
	found.map_or(String::new(), |bounds| bounds.to_string().split_once(": ").unwrap().1.to_string())
}

/// The relations and their documentation.
fn relations() -> Vec<(String, String)> {
	let (_, list) = RELATIONS.split_once("pub enum Relation {").unwrap();
	let (list, _) = list.split_once("\n}").unwrap();
	let mut relations = Vec::new();
	let mut doc = String::new();
	for line in list.lines().map(str::trim) {
		if let Some(text) = line.strip_prefix("///") {
			doc.push_str(text);
		} else if let Some(name) = line.strip_suffix(',') {
			relations.push((name.to_string(), std::mem::take(&mut doc).trim().to_string()));
		}
	}
	relations
}

fn page() -> String {
	let mut all = Fields::new();
	SOURCES.into_iter().for_each(|source| fields(source, &mut all));
	let (production, development) =
		(ProtocolParameters::production(), ProtocolParameters::development());
	let timings = (Timing::production(), Timing::development());
	let mut page = BEGINNING.to_string();
	tables(&mut page, &all, "timing", &timings.0, &timings.1);
	tables(&mut page, &all, "", &production, &development);
	page.push_str("\n## Relations\n\n| Relation | |\n|---|---|\n");
	for (name, doc) in relations() {
		writeln!(page, "| `{name}` | {doc} |").unwrap();
	}
	page.push_str("\n## What follows from them\n\n");
	page.push_str("| | Production | Development |\n|---|---|---|\n");
	writeln!(
		page,
		"| the longest life of a claim, `longest_claim_life` | {} blocks | {} blocks |",
		grouped(&production.lottery.longest_claim_life(&timings.0).to_string()),
		grouped(&development.lottery.longest_claim_life(&timings.1).to_string()),
	)
	.unwrap();
	writeln!(
		page,
		"| the same where many fail under one toolchain, `longest_deferred_life` | {} blocks | {} blocks |",
		grouped(&production.lottery.longest_deferred_life(&timings.0).to_string()),
		grouped(&development.lottery.longest_deferred_life(&timings.1).to_string()),
	)
	.unwrap();
	page
}

#[test]
fn parameters_in_the_documentation_should_be_those_of_the_presets() {
	let page = page();
	if std::env::var_os("WRITE_DOCS").is_some() {
		std::fs::write(FILE, &page).unwrap();
	}
	assert!(
		std::fs::read_to_string(FILE).unwrap_or_default() == page,
		"docs/parameters.md is out of date: run `make docs-tables`. It should be:\n\n{page}"
	);
}
