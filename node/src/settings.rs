//! Settings from one file, the environment and the command line. The command line takes precedence, then the
//! environment, then the file, then the default.
//!
//! The settings are the options with which a node runs, by their long names; there is no second list. Values
//! from file and environment become arguments in front of the typed ones, and are parsed and refused like
//! them:
//!
//! ```toml
//! chain = "/etc/livepeer/spec.json"
//! validator = true
//! bootnodes = ["/dns4/v1.example.org/tcp/30333/p2p/12D3…"]
//! ```
//!
//! `LIVEPEER_NODE_RPC_PORT=9944` is `rpc-port = 9944` in the environment. There commas separate the values of
//! a list, and an empty value counts as not set.

use crate::cli::Cli;
use clap::{error::ErrorKind, parser::ValueSource, Arg, Command, CommandFactory, Id};
use livepeer_settings::{self as settings, Environment, CONFIG};
use std::{ffi::OsString, fs, path::Path};
use toml::de::{DeTable, DeValue};

/// The environment variable that names the file.
const CONFIG_VARIABLE: &str = "LIVEPEER_NODE_CONFIG";
/// Options whose values are secrets, refused in a file because its readers would have them.
const SECRETS: [&str; 2] = ["node-key", "password"];

/// An option and its setting, as arguments.
type Setting = (Arg, Vec<String>);

/// A command line that runs a node, with the settings of environment and file; any other unchanged.
pub fn complete(
	typed: Vec<OsString>,
	environment: Environment<'_>,
) -> Result<Vec<OsString>, String> {
	let command = Cli::command();
	// Errors in it are reported when it is parsed.
	let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(&typed) else {
		return Ok(typed);
	};
	if matches.subcommand_name().is_some() {
		return Ok(typed);
	}
	let is_typed = |id: &Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
	let ids = options(&command).map(|(arg, _)| arg.get_id());
	let mut given: Vec<Id> = ids.filter(|id| is_typed(id)).cloned().collect();
	let file = settings::file(&matches, CONFIG_VARIABLE, environment);
	let mut added = add(&command, &mut given, of_environment(&command, environment)?);
	if let Some(file) = file {
		let found = of_file(&command, &file).map_err(|faults| faults.join("; "))?;
		added.extend(add(&command, &mut given, found));
	}
	Ok(settings::complete(typed, 1, added))
}

/// The arguments of a node with this file alone, or everything that is wrong with the file.
pub fn check(file: &Path) -> Result<Vec<String>, String> {
	let command = Cli::command();
	let found = of_file(&command, file).map_err(|faults| faults.join("; "))?;
	let arguments: Vec<String> = found.into_iter().flat_map(|(_, arguments)| arguments).collect();
	match read(&command, &arguments) {
		Ok(()) => Ok(arguments),
		Err(error) => Err(format!("{}: {}", file.display(), first_line(&error))),
	}
}

/// Reads arguments as those of a node.
fn read(command: &Command, arguments: &[String]) -> Result<(), clap::Error> {
	let whole = std::iter::once(env!("CARGO_PKG_NAME")).chain(arguments.iter().map(String::as_str));
	command.clone().try_get_matches_from(whole).map(|_| ())
}

/// The message of an error, without usage and advice.
fn first_line(error: &clap::Error) -> String {
	let text = error.to_string();
	text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// The options that can be set, with their names.
fn options(command: &Command) -> impl Iterator<Item = (&Arg, &str)> {
	settings::named(command).filter(|(_, name)| *name != CONFIG)
}

/// Adds the settings in `found` that the `given` options leave room for.
fn add(command: &Command, given: &mut Vec<Id>, found: Vec<Setting>) -> Vec<String> {
	let before = given.clone();
	let mut added = Vec::new();
	for (arg, arguments) in found {
		if !settings::stands_back(command, &arg, &before) {
			given.push(arg.get_id().clone());
			added.extend(arguments);
		}
	}
	added
}

fn of_environment(command: &Command, environment: Environment<'_>) -> Result<Vec<Setting>, String> {
	let mut found = Vec::new();
	for (arg, name) in options(command) {
		let variable = settings::variable("node", name);
		if let Some(arguments) = settings::of_variable(arg, name, &variable, environment) {
			found.push((arg.clone(), arguments.map_err(|why| format!("{variable}: {why}"))?));
		}
	}
	Ok(found)
}

/// A file's settings, or everything that is wrong with it.
fn of_file(command: &Command, path: &Path) -> Result<Vec<Setting>, Vec<String>> {
	let text = fs::read_to_string(path).map_err(|error| {
		vec![format!("cannot read the settings in {}: {error}", path.display())]
	})?;
	let at = |position| settings::place(path, &text, position);
	let table = DeTable::parse(&text)
		.map_err(|error| {
			let words = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
			vec![format!("{} is not TOML: {words}", at(error.span().map_or(0, |span| span.start)))]
		})?
		.into_inner();
	let mut entries: Vec<_> = table.iter().collect();
	entries.sort_by_key(|(key, _)| key.span().start);
	let (mut found, mut faults) = (Vec::new(), Vec::new());
	for (key, value) in entries {
		match of_entry(command, key.get_ref().as_ref(), value.get_ref()) {
			Ok(setting) => found.push(setting),
			Err(why) => faults.push(format!("{}: {why}", at(key.span().start))),
		}
	}
	if faults.is_empty() {
		Ok(found)
	} else {
		Err(faults)
	}
}

/// The setting of an entry in a file, or what is wrong with it.
fn of_entry(command: &Command, name: &str, value: &DeValue<'_>) -> Result<Setting, String> {
	let Some((arg, _)) = options(command).find(|(_, known)| *known == name) else {
		return Err(format!("a node has no option --{name}"));
	};
	if SECRETS.contains(&name) {
		return Err(settings::secret(name));
	}
	let arguments = settings::of_value(arg, name, value)?;
	match read(command, &arguments) {
		// Required and excluded options are checked when all settings are read.
		Err(error) if !of_others(error.kind()) => Err(first_line(&error)),
		_ => Ok((arg.clone(), arguments)),
	}
}

/// Whether an error of this kind concerns more than one option.
fn of_others(kind: ErrorKind) -> bool {
	matches!(kind, ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
	use super::*;
	use tempfile::TempDir;

	fn file(text: &str) -> (TempDir, String) {
		let dir = TempDir::new().unwrap();
		let path = dir.path().join("node.toml");
		fs::write(&path, text).unwrap();
		let path = path.to_str().unwrap().to_owned();
		(dir, path)
	}

	fn completed(typed: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
		let environment = |name: &str| {
			let found = variables.iter().find(|(variable, _)| *variable == name);
			found.map(|(_, value)| OsString::from(value))
		};
		let typed = std::iter::once("livepeer-node").chain(typed.iter().copied());
		let arguments = complete(typed.map(OsString::from).collect(), &environment)?;
		Ok(arguments.into_iter().skip(1).map(|one| one.into_string().unwrap()).collect())
	}

	#[test]
	fn command_line_should_count_before_the_environment_and_that_before_the_file() {
		let (_dir, path) = file("rpc-port = 1\nname = \"file\"\nout-peers = 3\nvalidator = true\n");
		let variables = [
			("LIVEPEER_NODE_CONFIG", path.as_str()),
			("LIVEPEER_NODE_RPC_PORT", "2"),
			("LIVEPEER_NODE_NAME", "environment"),
			("LIVEPEER_NODE_IN_PEERS", ""),
		];
		let arguments = completed(&["--rpc-port", "9"], &variables).unwrap();
		let mut added: Vec<_> = arguments[..3].to_vec();
		added.sort();
		assert_eq!(added, ["--name=environment", "--out-peers=3", "--validator"]);
		assert_eq!(arguments[3..], ["--rpc-port", "9"]);
	}

	#[test]
	fn setting_should_stand_back_when_what_is_typed_excludes_it() {
		let (_dir, path) = file("name = \"x\"\nalice = true\n");
		let arguments = completed(&["--config", &path, "--bob"], &[]).unwrap();
		assert_eq!(arguments, ["--name=x", "--config", &path, "--bob"]);
	}

	#[test]
	fn lists_should_be_given_value_by_value() {
		let (_dir, path) = file("listen-addr = [\"/ip4/1.2.3.4/tcp/1\", \"/ip4/1.2.3.4/tcp/2\"]\n");
		let one_by_one = ["--listen-addr=/ip4/1.2.3.4/tcp/1", "--listen-addr=/ip4/1.2.3.4/tcp/2"];
		assert_eq!(check(Path::new(&path)).unwrap(), one_by_one);
		let variables = [("LIVEPEER_NODE_LISTEN_ADDR", "/ip4/1.2.3.4/tcp/1, /ip4/1.2.3.4/tcp/2")];
		assert_eq!(completed(&[], &variables).unwrap(), one_by_one);
	}

	#[test]
	fn file_should_be_refused_when_a_setting_is_unknown_wrong_or_a_secret() {
		for (text, why) in [
			("rpc-prt = 1", "no option --rpc-prt"),
			("rpc-port = \"many\"", "rpc-port"),
			("validator = 1", "true or false"),
			("name = [\"a\"]", "not a list"),
			("node-key = \"00\"", "is a secret"),
			("name = ", "is not TOML"),
		] {
			let (_dir, path) = file(text);
			let said = check(Path::new(&path)).unwrap_err();
			assert!(said.contains(why), "{text}: {said}");
		}
		let (_dir, path) = file("name = \"x\"\nrpc-port = \"many\"\n\nin-prs = 1\n");
		let said = check(Path::new(&path)).unwrap_err();
		for fault in ["line 2: invalid value 'many'", "; ", "line 4: a node has no option --in-prs"]
		{
			assert!(said.contains(fault), "{said}");
		}
		assert!(check(Path::new("/nonexistent")).unwrap_err().contains("cannot read"));
	}

	#[test]
	fn other_commands_should_stay_as_they_are() {
		let variables = [("LIVEPEER_NODE_NAME", "x")];
		let typed = ["chain-info", "--chain", "dev"];
		assert_eq!(completed(&typed, &variables).unwrap(), typed);
		assert_eq!(completed(&["--help"], &variables).unwrap(), ["--help"]);
	}
}
