//! Settings from one file, the environment and the command line. The command line takes precedence, then the
//! environment, then the file, then the default.
//!
//! A role's settings are the options of its command line; there is no second list. Values from file and
//! environment become arguments in front of the typed ones, and are parsed and refused like them. A file has
//! a table for each role. Settings above the tables apply to every role that has such an option:
//!
//! ```toml
//! node = "ws://127.0.0.1:9944"
//!
//! [transcode]
//! key-file = ["/etc/livepeer/operator-key"]
//! capacity = 4
//! ```
//!
//! `LIVEPEER_TRANSCODE_CAPACITY=4` is the same in the environment. There commas separate the values of a
//! list, and an empty value counts as not set.

use std::{
	ffi::OsString,
	fmt::Write,
	fs,
	path::{Path, PathBuf},
};

use anyhow::{bail, Context, Result};
use clap::{
	error::{ContextKind, ContextValue, ErrorKind},
	parser::ValueSource,
	Arg, ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Id, Subcommand,
};
use livepeer_settings::{self as shared, named, Environment, CONFIG};
use toml::{
	de::{DeTable, DeValue},
	Spanned,
};

use crate::{
	broadcast::BroadcastArgs, gateway::GatewayArgs, transcode::TranscodeArgs, verify::VerifyArgs,
	Cli,
};

/// The roles that take settings from file and environment.
pub const ROLES: [&str; 4] = ["broadcast", "gateway", "transcode", "verify"];
/// The environment variable that names the file.
const CONFIG_VARIABLE: &str = "LIVEPEER_CONFIG";

/// Commands for a file of settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
	/// Say what is wrong with a file; or show the settings of its roles, and where each comes from.
	Check {
		/// The file.
		file: PathBuf,
		/// The role whose settings are shown [default: each role in the file].
		#[arg(value_parser = ROLES)]
		role: Option<String>,
	},
}

/// The environment of this process.
pub fn environment(name: &str) -> Option<OsString> {
	std::env::var_os(name)
}

/// Does what was asked for.
pub fn run(command: ConfigCommand) -> Result<()> {
	let ConfigCommand::Check { file, role } = command;
	print!("{}", check(&ConfigFile::read(&file)?, role.as_deref(), &environment)?);
	Ok(())
}

/// The definition of the whole command line.
pub fn command() -> clap::Command {
	ROLES.iter().fold(shared::signed(Cli::command()), |command, role| {
		command.mut_subcommand(role, |role| {
			let file = Arg::new(CONFIG)
				.long(CONFIG)
				.value_name("FILE")
				.value_parser(clap::value_parser!(PathBuf))
				.help("File with the settings of this role; also LIVEPEER_CONFIG");
			role.arg(file).after_help(
				"Each option can be set in the environment too, --data-dir of transcode as \
				 LIVEPEER_TRANSCODE_DATA_DIR, or in the file that --config names, as data-dir below \
				 [transcode]. The command line counts before the environment, and that before the file. \
				 `livepeer-worker config check FILE` says what is wrong with one.",
			)
		})
	})
}

/// Reads a command line, with the settings that environment and file add to it.
pub fn parse(typed: Vec<OsString>, environment: Environment<'_>) -> Result<Cli, clap::Error> {
	let wrong =
		|faults: Vec<String>| command().error(ErrorKind::ValueValidation, faults.join("\n       "));
	let (arguments, added) = complete(typed, environment).map_err(wrong)?;
	let read = |arguments| {
		let matches = command().try_get_matches_from(arguments)?;
		Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
	};
	read(arguments).map_err(|error| {
		if error.kind() != ErrorKind::ArgumentConflict || added.is_empty() {
			return error;
		}
		let from: Vec<String> =
			added.iter().map(|setting| format!("--{} ({})", setting.name, setting.from)).collect();
		let text = format!("{}; not typed here: {}", message(&error), from.join(", "));
		command().error(ErrorKind::ArgumentConflict, text)
	})
}

/// An option that is not given on the command line.
struct Setting {
	id: Id,
	name: String,
	arguments: Vec<String>,
	/// Where it comes from, in words.
	from: String,
}

/// A file and what it says.
struct ConfigFile {
	path: PathBuf,
	text: String,
}

/// The options of a role, without those of `verify` for files.
fn options(role: &str) -> clap::Command {
	let command = clap::Command::new("livepeer-worker");
	match role {
		"broadcast" => BroadcastArgs::augment_args(command),
		"gateway" => GatewayArgs::augment_args(command),
		"transcode" => TranscodeArgs::augment_args(command),
		_ => VerifyArgs::augment_args(command),
	}
}

/// The environment variable of an option; `None` if it has one of its own, which clap reads.
fn variable(role: &str, arg: &Arg) -> Option<String> {
	let name = arg.get_long().filter(|_| arg.get_env().is_none())?;
	Some(shared::variable(role, name))
}

/// The command line with the settings that environment and file add, and these settings.
fn complete(
	typed: Vec<OsString>,
	environment: Environment<'_>,
) -> Result<(Vec<OsString>, Vec<Setting>), Vec<String>> {
	let Some(role) = ROLES.into_iter().find(|role| typed.get(1).is_some_and(|word| word == role))
	else {
		return Ok((typed, Vec::new()));
	};
	// Errors in what was typed are reported when everything is read.
	let look = command().ignore_errors(true).mut_subcommand(role, |role| role.ignore_errors(true));
	let looked = look.try_get_matches_from(&typed);
	let Some(matches) = looked.as_ref().ok().and_then(|matches| matches.subcommand_matches(role))
	else {
		return Ok((typed, Vec::new()));
	};
	let is_typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
	// This judges files: it is not a role.
	if role == "verify" && is_typed("files") {
		return Ok((typed, Vec::new()));
	}
	let file = shared::file(matches, CONFIG_VARIABLE, environment);
	let file = file.map(|path| ConfigFile::read(&path)).transpose();
	let file = file.map_err(|error| vec![format!("{error:#}")])?;
	let options = options(role);
	let given = options.get_arguments().map(Arg::get_id).filter(|id| is_typed(id.as_str()));
	let (added, faults) = settings(role, given.cloned().collect(), file.as_ref(), environment);
	if !faults.is_empty() {
		return Err(faults);
	}
	let arguments = added.iter().flat_map(|setting| setting.arguments.iter().cloned());
	Ok((shared::complete(typed, 2, arguments), added))
}

/// The settings that environment and file add to the given options, and what is wrong with them.
fn settings(
	role: &str,
	mut given: Vec<Id>,
	file: Option<&ConfigFile>,
	environment: Environment<'_>,
) -> (Vec<Setting>, Vec<String>) {
	let options = options(role);
	let (mut added, mut faults) = (Vec::new(), Vec::new());
	let stands_back = |arg: &Arg, given: &[Id]| shared::stands_back(&options, arg, given);
	let before = given.clone();
	for (arg, name) in named(&options).filter(|(arg, _)| !stands_back(arg, &before)) {
		let Some(variable) = variable(role, arg) else { continue };
		let Some(arguments) = shared::of_variable(arg, name, &variable, environment) else {
			continue;
		};
		match arguments.and_then(|arguments| tried(&options, arguments)) {
			Ok(arguments) => {
				let (id, name) = (arg.get_id().clone(), name.to_string());
				given.push(id.clone());
				added.push(Setting {
					id,
					name,
					arguments,
					from: format!("environment, {variable}"),
				});
			}
			Err(why) => faults.push(format!("{variable}: {why}")),
		}
	}
	let Some(file) = file else { return (added, faults) };
	match file.settings(role, &options) {
		Ok((found, wrong)) => {
			let free = |setting: &Setting| {
				named(&options)
					.any(|(arg, _)| arg.get_id() == &setting.id && !stands_back(arg, &given))
			};
			added.extend(found.into_iter().filter(free));
			faults.extend(wrong);
		}
		Err(why) => faults.push(why),
	}
	(added, faults)
}

/// The arguments that a value of a file stands for.
fn of_value(arg: &Arg, name: &str, value: &DeValue<'_>) -> Result<Vec<String>, String> {
	// Everyone who may read the file would read the secret.
	if arg.is_hide_env_values_set() {
		return Err(shared::secret(name));
	}
	shared::of_value(arg, name, value)
}

/// The arguments if the role takes each of them; otherwise why not.
fn tried(options: &clap::Command, arguments: Vec<String>) -> Result<Vec<String>, String> {
	for argument in &arguments {
		let Err(error) = options.clone().try_get_matches_from(["livepeer-worker", argument]) else {
			continue;
		};
		match error.kind() {
			// One option alone cannot show these errors.
			ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => {}
			_ => {
				let help = named(options)
					.find(|(_, name)| {
						argument.trim_start_matches("--").split('=').next() == Some(name)
					})
					.and_then(|(arg, _)| arg.get_help())
					.map_or_else(String::new, |help| format!(" ({help})"));
				return Err(format!("{}{help}", message(&error)));
			}
		}
	}
	Ok(arguments)
}

/// The message of an error in one line, without usage and advice.
fn message(error: &clap::Error) -> String {
	let text = error.to_string();
	let lines = text.lines().take_while(|line| {
		!(line.starts_with("For more") || line.starts_with("Usage:") || line.contains("tip:"))
	});
	let words = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
	words.trim_start_matches("error: ").to_string()
}

/// The word that clap suggests for a wrong one.
fn nearest(error: &clap::Error) -> Option<String> {
	let name = |text: &String| text.trim_start_matches("--").to_string();
	[ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand].into_iter().find_map(|kind| {
		match error.get(kind)? {
			ContextValue::String(text) => Some(name(text)),
			ContextValue::Strings(texts) => texts.first().map(name),
			_ => None,
		}
	})
}

/// The message for an unknown word.
fn unknown(what: String, nearest: Option<String>) -> String {
	match nearest {
		Some(nearest) => format!("{what}; the nearest is {nearest:?}"),
		None => what,
	}
}

impl ConfigFile {
	fn read(path: &Path) -> Result<Self> {
		let text = fs::read_to_string(path)
			.with_context(|| format!("cannot read the settings in {}", path.display()))?;
		Ok(Self { path: path.into(), text })
	}

	/// The place in the file, for messages.
	fn at(&self, position: usize) -> String {
		shared::place(&self.path, &self.text, position)
	}

	fn table(&self) -> Result<DeTable<'_>, String> {
		match DeTable::parse(&self.text) {
			Ok(table) => Ok(table.into_inner()),
			Err(error) => {
				let at =
					error.span().map_or(self.path.display().to_string(), |at| self.at(at.start));
				let text = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
				Err(format!("{at}: {text}"))
			}
		}
	}

	/// The file's settings for a role, and what is wrong with them.
	fn settings(
		&self,
		role: &str,
		options: &clap::Command,
	) -> Result<(Vec<Setting>, Vec<String>), String> {
		let table = self.table()?;
		let (mut found, mut faults) = (Vec::new(), Vec::new());
		let mut own = None;
		for (key, value) in &table {
			let at = self.at(key.span().start);
			match (key.get_ref().as_ref(), value.get_ref()) {
				(key, DeValue::Table(entries)) if ROLES.contains(&key) => {
					own = own.or((key == role).then_some(entries));
				}
				(key, DeValue::Table(_)) => {
					let words = ["livepeer-worker", key];
					let nearest =
						command().try_get_matches_from(words).err().as_ref().and_then(nearest);
					let nearest = nearest.filter(|role| ROLES.contains(&role.as_str()));
					faults.push(unknown(format!("{at}: no role is called {key:?}"), nearest));
				}
				(key, _) if ROLES.contains(&key) => {
					faults.push(format!(
						"{at}: {key} is a role: write [{key}], and its settings below"
					));
				}
				_ => {}
			}
		}
		let is_own = |name: &str| own.is_some_and(|own| own.contains_key(name));
		let shared = table.iter().filter(|(key, value)| {
			!value.get_ref().is_table() && !ROLES.contains(&key.get_ref().as_ref())
		});
		for (key, value) in shared {
			let name = key.get_ref().as_ref();
			if named(options).any(|(_, known)| known == name) {
				if !is_own(name) {
					self.add(options, (key.span().start, name, value), &mut found, &mut faults);
				}
			} else if !ROLES
				.iter()
				.any(|role| named(&self::options(role)).any(|(_, known)| known == name))
			{
				let nearest =
					ROLES.iter().find_map(|role| nearest_option(&self::options(role), name));
				let text = format!("{}: no role has a setting {name:?}", self.at(key.span().start));
				faults.push(unknown(text, nearest));
			}
		}
		for (key, value) in own.into_iter().flatten() {
			let (at, name) = (key.span().start, key.get_ref().as_ref());
			if named(options).any(|(_, known)| known == name) {
				self.add(options, (at, name, value), &mut found, &mut faults);
			} else {
				let text = format!("{}: {role} has no setting {name:?}", self.at(at));
				faults.push(unknown(text, nearest_option(options, name)));
			}
		}
		Ok((found, faults))
	}

	fn add(
		&self,
		options: &clap::Command,
		(at, name, value): (usize, &str, &Spanned<DeValue<'_>>),
		found: &mut Vec<Setting>,
		faults: &mut Vec<String>,
	) {
		let Some((arg, _)) = named(options).find(|(_, known)| *known == name) else { return };
		let from = self.at(at);
		let arguments = of_value(arg, name, value.get_ref());
		match arguments.and_then(|arguments| tried(options, arguments)) {
			Ok(arguments) => {
				found.push(Setting {
					id: arg.get_id().clone(),
					name: name.into(),
					arguments,
					from,
				});
			}
			Err(why) => faults.push(format!("{from}: {why}")),
		}
	}
}

/// The option whose name is most like this one.
fn nearest_option(options: &clap::Command, name: &str) -> Option<String> {
	let typed = format!("--{name}");
	options
		.clone()
		.try_get_matches_from(["livepeer-worker", &typed])
		.err()
		.as_ref()
		.and_then(nearest)
}

/// The settings of roles, in the form of a file. An error names everything that is wrong.
fn check(file: &ConfigFile, role: Option<&str>, environment: Environment<'_>) -> Result<String> {
	let table = file.table().map_err(anyhow::Error::msg)?;
	let roles = ROLES.into_iter().filter(|name| match role {
		Some(role) => role == *name,
		None => table.contains_key(*name),
	});
	let (mut text, mut faults) = (String::new(), Vec::<String>::new());
	let mut note = |wrong: Vec<String>| {
		for fault in wrong {
			if !faults.contains(&fault) {
				faults.push(fault);
			}
		}
	};
	// Every table is checked, whichever is shown.
	for role in ROLES {
		note(settings(role, Vec::new(), Some(file), &|_| None).1);
	}
	for role in roles {
		let (added, wrong) = settings(role, Vec::new(), Some(file), environment);
		note(wrong);
		show(role, &added, &mut text)?;
	}
	if !faults.is_empty() {
		bail!("{}", faults.join("\n"));
	}
	if text.is_empty() {
		writeln!(text, "# {} sets nothing for any role", file.path.display())?;
	}
	Ok(text)
}

/// Writes the settings of a role.
fn show(role: &str, added: &[Setting], text: &mut String) -> Result<()> {
	let options = options(role);
	let arguments = added.iter().flat_map(|setting| setting.arguments.iter().cloned());
	let arguments = std::iter::once("livepeer-worker".to_string()).chain(arguments);
	let matches = options.clone().ignore_errors(true).try_get_matches_from(arguments.clone())?;
	writeln!(text, "[{role}]")?;
	for (arg, name) in named(&options) {
		let setting = added.iter().find(|setting| setting.id == *arg.get_id());
		let from = match (setting, matches.value_source(arg.get_id().as_str())) {
			(Some(setting), _) => &setting.from,
			(None, Some(ValueSource::DefaultValue)) => "default",
			(None, Some(_)) => "environment",
			(None, None) => continue,
		};
		match value_of(arg, &matches) {
			Some(_) if arg.is_hide_env_values_set() => writeln!(text, "# {name} is set: {from}")?,
			Some(value) => writeln!(text, "{name} = {value} # {from}")?,
			None => {}
		}
	}
	let Err(error) = options.try_get_matches_from(arguments) else { return Ok(()) };
	Ok(writeln!(text, "# not complete: {}", message(&error))?)
}

/// An option's value, as a file writes it.
fn value_of(arg: &Arg, matches: &ArgMatches) -> Option<String> {
	let one = |value: &std::ffi::OsStr| match value.to_string_lossy() {
		value if value == "true" || value == "false" || value.parse::<i64>().is_ok() => {
			value.into()
		}
		value => format!("{value:?}"),
	};
	let values: Vec<String> = matches.get_raw(arg.get_id().as_str())?.map(one).collect();
	match arg.get_action() {
		ArgAction::Append => Some(format!("[{}]", values.join(", "))),
		_ => values.into_iter().next(),
	}
}

#[cfg(test)]
mod tests;
