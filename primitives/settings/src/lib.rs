//! Settings from files and the environment, as arguments of a command line.
//!
//! The settings of a program are the options of its command line, by their long names; there is no second
//! list. Values from elsewhere become arguments in front of the typed ones, and are parsed and refused like
//! them. Each program decides which settings it has and where it looks for them. This crate gives them the
//! same meaning: `rpc-port = 9944` in a file is `LIVEPEER_NODE_RPC_PORT=9944` in the environment. There
//! commas separate the values of a list, and an empty value counts as not set.

use clap::{Arg, ArgAction, ArgMatches, Command, Id};
use std::{
	ffi::OsString,
	path::{Path, PathBuf},
};
use toml::de::DeValue;

/// The option that names the file; not a setting itself.
pub const CONFIG: &str = "config";

/// Looks up the value of an environment variable by its name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The options of a command that have a long name, with it.
pub fn named(command: &Command) -> impl Iterator<Item = (&Arg, &str)> {
	command.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?)))
}

/// The command and its subcommands, with options that take a negative number as value, as settings from a
/// file or a variable do. So the option's own parser says what is wrong with it.
pub fn signed(command: Command) -> Command {
	let takes_value = |arg: &Arg| arg.get_long().is_some() && arg.get_action().takes_values();
	command
		.mut_args(|arg| if takes_value(&arg) { arg.allow_negative_numbers(true) } else { arg })
		.mut_subcommands(signed)
}

/// The place in a file at this byte position of its text, for messages.
pub fn place(path: &Path, text: &str, position: usize) -> String {
	let line = text.bytes().take(position).filter(|byte| *byte == b'\n').count() + 1;
	format!("{}, line {line}", path.display())
}

/// The variable in which `program`, such as `node` or `transcode`, finds the option called `name`.
pub fn variable(program: &str, name: &str) -> String {
	format!("LIVEPEER_{program}_{name}").to_uppercase().replace('-', "_")
}

/// The file of settings: the one that [`CONFIG`] names on the command line, otherwise the one in `variable`.
pub fn file(matches: &ArgMatches, variable: &str, environment: Environment<'_>) -> Option<PathBuf> {
	match matches.get_one::<PathBuf>(CONFIG) {
		Some(path) => Some(path.clone()),
		None => set(variable, environment).map(PathBuf::from),
	}
}

/// The arguments that a variable stands for, or what is wrong with it; `None` if it is not set.
pub fn of_variable(
	arg: &Arg,
	name: &str,
	variable: &str,
	environment: Environment<'_>,
) -> Option<Result<Vec<String>, String>> {
	let Ok(value) = set(variable, environment)?.into_string() else {
		return Some(Err("it is no text".into()));
	};
	Some(match (arg.get_action(), value.as_str()) {
		(ArgAction::SetTrue, "true" | "1") => Ok(vec![format!("--{name}")]),
		(ArgAction::SetTrue, "false" | "0") => Ok(Vec::new()),
		(ArgAction::SetTrue, _) => Err(format!("{name} is true or false, not {value:?}")),
		(ArgAction::Append, _) => {
			Ok(value.split(',').map(|value| format!("--{name}={}", value.trim())).collect())
		}
		_ => Ok(vec![format!("--{name}={value}")]),
	})
}

/// The arguments that a value of a file stands for, or what is wrong with it.
pub fn of_value(arg: &Arg, name: &str, value: &DeValue<'_>) -> Result<Vec<String>, String> {
	match (arg.get_action(), value) {
		(ArgAction::SetTrue, DeValue::Boolean(true)) => Ok(vec![format!("--{name}")]),
		(ArgAction::SetTrue, DeValue::Boolean(false)) => Ok(Vec::new()),
		(ArgAction::SetTrue, _) => Err(format!("{name} is true or false")),
		(ArgAction::Append, DeValue::Array(values)) => {
			values.iter().map(|value| argument(name, value.get_ref())).collect()
		}
		(_, DeValue::Array(_)) => Err(format!("{name} has one value, not a list")),
		(_, value) => Ok(vec![argument(name, value)?]),
	}
}

/// Why the option called `name` is not taken from a file: everyone who may read the file would have its
/// value.
pub fn secret(name: &str) -> String {
	format!("{name} is a secret: keep it in a file of its own, and name that file")
}

/// Whether the `given` options leave no room for an option of `command`: they contain it, or one that
/// excludes it.
pub fn stands_back(command: &Command, arg: &Arg, given: &[Id]) -> bool {
	let conflicts = |one: &Arg, other: &Id| {
		command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other)
	};
	given.iter().any(|id| {
		let other = command.get_arguments().find(|other| other.get_id() == id);
		id == arg.get_id()
			|| conflicts(arg, id)
			|| other.is_some_and(|other| conflicts(other, arg.get_id()))
	})
}

/// A command line with `added` inserted after its first `at` words: the program's name, and its command if it
/// has one.
pub fn complete(
	mut typed: Vec<OsString>,
	at: usize,
	added: impl IntoIterator<Item = String>,
) -> Vec<OsString> {
	let at = at.min(typed.len());
	typed.splice(at..at, added.into_iter().map(OsString::from));
	typed
}

/// The value of a variable, unless it is empty.
fn set(variable: &str, environment: Environment<'_>) -> Option<OsString> {
	environment(variable).filter(|value| !value.is_empty())
}

fn argument(name: &str, value: &DeValue<'_>) -> Result<String, String> {
	match value {
		DeValue::String(text) => Ok(format!("--{name}={text}")),
		DeValue::Integer(number) if number.radix() == 10 => {
			Ok(format!("--{name}={}", number.as_str()))
		}
		DeValue::Integer(_) => Err(format!("{name}: write the number as a decimal one")),
		DeValue::Float(number) => Ok(format!("--{name}={}", number.as_str())),
		_ => Err(format!("{name} is a text or a number, not a {}", value.type_str())),
	}
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
	use super::*;
	use toml::de::DeTable;

	/// A command with a flag, a list, a value, and a value that excludes the flag.
	fn command() -> Command {
		Command::new("program").args([
			Arg::new("flag").long("flag").action(ArgAction::SetTrue),
			Arg::new("each").long("each-one").action(ArgAction::Append),
			Arg::new("value").long("value"),
			Arg::new("other").long("other").conflicts_with("flag"),
			Arg::new("positional"),
			Arg::new(CONFIG).long(CONFIG).value_parser(clap::value_parser!(PathBuf)),
		])
	}

	fn arg<'a>(command: &'a Command, name: &str) -> &'a Arg {
		named(command).find(|(_, known)| *known == name).unwrap().0
	}

	/// The arguments for which one line of a file stands.
	fn in_file(line: &str) -> Result<Vec<String>, String> {
		let table = DeTable::parse(line).unwrap().into_inner();
		let (key, value) = table.iter().next().unwrap();
		let name: &str = key.get_ref().as_ref();
		of_value(arg(&command(), name), name, value.get_ref())
	}

	/// The arguments for which a variable with this text stands.
	fn in_environment(name: &str, text: &str) -> Option<Result<Vec<String>, String>> {
		let variable = variable("program", name);
		let environment = |asked: &str| (asked == variable).then(|| OsString::from(text));
		of_variable(arg(&command(), name), name, &variable, &environment)
	}

	#[test]
	fn value_should_become_arguments_when_a_file_or_a_variable_has_it() {
		for (line, name, text, arguments) in [
			("flag = true", "flag", "true", vec!["--flag"]),
			("flag = false", "flag", "0", vec![]),
			("value = \"a b\"", "value", "a b", vec!["--value=a b"]),
			("value = 12", "value", "12", vec!["--value=12"]),
			("value = 0.10", "value", "0.10", vec!["--value=0.10"]),
			("each-one = [\"a\", 2]", "each-one", "a, 2", vec!["--each-one=a", "--each-one=2"]),
			("each-one = \"a\"", "each-one", "a", vec!["--each-one=a"]),
		] {
			assert_eq!(in_file(line).unwrap(), arguments, "{line}");
			assert_eq!(in_environment(name, text).unwrap().unwrap(), arguments, "{name}={text}");
		}
		assert_eq!(in_environment("value", ""), None, "as good as not there");
	}

	#[test]
	fn value_should_be_refused_when_it_is_none_for_its_option() {
		for (line, why) in [
			("flag = 1", "flag is true or false"),
			("value = [\"a\"]", "value has one value, not a list"),
			("value = true", "value is a text or a number, not a boolean"),
			("value = 0x10", "value: write the number as a decimal one"),
		] {
			assert_eq!(in_file(line).unwrap_err(), why, "{line}");
		}
		let said = in_environment("flag", "yes").unwrap().unwrap_err();
		assert_eq!(said, "flag is true or false, not \"yes\"");
	}

	#[test]
	fn negative_number_should_be_an_options_value_and_nothing_else() {
		let count = Arg::new("count").long("count");
		let count = count.value_parser(clap::value_parser!(u32).range(1..=3));
		let program = signed(command().subcommand(Command::new("below").arg(count)));
		let refused = |words: &[&str]| {
			let words = [&["program"][..], words].concat();
			program
				.clone()
				.try_get_matches_from(words)
				.map(|_| ())
				.map_err(|error| error.to_string())
		};
		assert_eq!(refused(&["--value", "-1", "--flag"]), Ok(()));
		let said = refused(&["below", "--count", "-1"]).unwrap_err();
		assert!(said.contains("-1 is not in 1..=3"), "{said}");
		for words in [&["--flag", "-1"][..], &["-1"], &["--value", "-x"]] {
			assert!(refused(words).unwrap_err().contains("unexpected argument"), "{words:?}");
		}
	}

	#[test]
	fn place_should_count_lines_from_one() {
		let at = |position| place(Path::new("f"), "a\nb\n\nc", position);
		assert_eq!([0, 1, 2, 5].map(at), ["f, line 1", "f, line 1", "f, line 2", "f, line 4"]);
	}

	#[test]
	fn variable_should_be_named_after_program_and_option() {
		assert_eq!(variable("node", "rpc-port"), "LIVEPEER_NODE_RPC_PORT");
	}

	#[test]
	fn option_should_stand_back_when_it_is_given_or_excluded_from_either_side() {
		let command = command();
		let given =
			|names: &[&'static str]| names.iter().map(|name| Id::from(*name)).collect::<Vec<_>>();
		let back = |name: &str, given: Vec<Id>| stands_back(&command, arg(&command, name), &given);
		assert!(back("value", given(&["flag", "value"])));
		assert!(back("other", given(&["flag"])));
		assert!(back("flag", given(&["other"])), "only the other says so");
		assert!(!back("value", given(&["flag", "each"])));
	}

	#[test]
	fn file_should_be_the_one_that_is_typed_before_the_one_of_the_environment() {
		let environment = |name: &str| match name {
			"NAMED" => Some(OsString::from("/named")),
			_ => Some(OsString::new()),
		};
		let of = |words: &[&str], variable: &str| {
			let words = [&["program"][..], words].concat();
			file(&command().try_get_matches_from(words).unwrap(), variable, &environment)
		};
		assert_eq!(of(&["--config", "/typed"], "NAMED"), Some(PathBuf::from("/typed")));
		assert_eq!(of(&[], "NAMED"), Some(PathBuf::from("/named")));
		assert_eq!(of(&[], "EMPTY"), None);
	}

	#[test]
	fn what_is_added_should_come_before_what_is_typed() {
		let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
		let completed =
			|at| complete(words(&["program", "run", "typed"]), at, ["--added".to_string()]);
		assert_eq!(completed(1), words(&["program", "--added", "run", "typed"]));
		assert_eq!(completed(2), words(&["program", "run", "--added", "typed"]));
		assert_eq!(complete(Vec::new(), 1, []), words(&[]));
	}
}
