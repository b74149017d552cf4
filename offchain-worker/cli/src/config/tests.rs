#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::{exit::Exit, Command};

/// A file with this text.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
	let dir = tempfile::tempdir().unwrap();
	let path = dir.path().join("worker.toml");
	fs::write(&path, text).unwrap();
	(dir, path)
}

fn parsed(
	words: &[&str],
	file: Option<&Path>,
	variables: &[(&str, &str)],
) -> Result<Command, String> {
	let mut typed: Vec<OsString> = vec!["livepeer-worker".into()];
	typed.extend(words.iter().map(OsString::from));
	if let Some(file) = file {
		typed.extend(["--config".into(), file.into()]);
	}
	let environment = |name: &str| {
		variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
	};
	parse(typed, &environment).map(|cli| cli.command).map_err(|error| error.to_string())
}

fn transcode(command: Command) -> TranscodeArgs {
	match command {
		Command::Transcode(args) => args,
		other => panic!("{other:?}"),
	}
}

fn broadcast(command: Command) -> Box<BroadcastArgs> {
	match command {
		Command::Broadcast(args) => args,
		other => panic!("{other:?}"),
	}
}

fn faults(text: &str) -> String {
	let (_dir, path) = file(text);
	let checked = check(&ConfigFile::read(&path).unwrap(), None, &|_| None);
	let text = checked.unwrap_err().to_string();
	text.replace(&path.display().to_string(), "worker.toml")
}

#[test]
fn what_is_typed_should_count_before_the_environment_and_that_before_the_file() {
	let (_dir, path) = file("[transcode]\ndata-dir = \"d\"\nclaim-wait = 10\ncapacity = 1");
	let wait = |words: &[&str], file: Option<&Path>, variables: &[(&str, &str)]| {
		let args = transcode(parsed(&[&["transcode"], words].concat(), file, variables).unwrap());
		assert_eq!(args.home.data_dir, PathBuf::from("d"));
		args.claim_wait
	};
	let variable = ("LIVEPEER_TRANSCODE_CLAIM_WAIT", "20");
	assert_eq!(wait(&["--data-dir", "d"], None, &[]), 60);
	assert_eq!(wait(&[], Some(&path), &[]), 10);
	assert_eq!(wait(&[], Some(&path), &[variable]), 20);
	assert_eq!(wait(&["--claim-wait=30"], Some(&path), &[variable]), 30);
	assert_eq!(wait(&[], Some(&path), &[("LIVEPEER_TRANSCODE_CLAIM_WAIT", "")]), 10);
	assert_eq!(wait(&[], Some(&path), &[("LIVEPEER_GATEWAY_CLAIM_WAIT", "20")]), 10);
	// The file's own name, too.
	let named = [("LIVEPEER_CONFIG", path.to_str().unwrap())];
	assert_eq!(wait(&[], None, &named), 10);
}

#[test]
fn number_below_zero_should_be_refused_by_its_option() {
	for (words, why) in [
		("stake bond --suri //Alice --amount -1", "is not an amount"),
		("stake withdraw --suri //Alice --lock -1", "-1 is not in"),
		("transcode --data-dir d --price -0.5", "is not an amount"),
		("transcode --data-dir d --reward-cut -1", "-1 is not in 0..=100"),
		("broadcast x --name x --data-dir d --lasts 0", "0 is not in 1.."),
	] {
		let said = parsed(&words.split(' ').collect::<Vec<_>>(), None, &[]).unwrap_err();
		assert!(said.contains(why), "{words}: {said}");
	}
}

#[test]
fn list_should_be_replaced_whole_and_flag_be_set() {
	let (_dir, path) = file(
		"node = \"ws://shared\"\n[broadcast]\ndata-dir = \"d\"\nname = \"n\"\nloop = true\n\
		 rendition = [\"320x180@300k\", \"160x90@100k\"]\nmax-price = 0.000123456789012345",
	);
	let of = |words: &[&str], variables: &[(&str, &str)]| {
		broadcast(parsed(&[&["broadcast"], words].concat(), Some(&path), variables).unwrap())
	};
	let args = of(&[], &[]);
	let widths = |args: &BroadcastArgs| args.ladder.iter().map(|r| r.width).collect::<Vec<_>>();
	assert_eq!(widths(&args), [320, 160]);
	assert!(args.endless);
	assert_eq!(args.node.node, "ws://shared");
	assert_eq!(args.max_price, 123_456_789_012_345, "to the last digit");
	assert_eq!(widths(&of(&["--rendition", "640x360@800k"], &[])), [640]);
	let variable = ("LIVEPEER_BROADCAST_RENDITION", "640x360@800k, 426x240@400k");
	assert_eq!(widths(&of(&[], &[variable])), [640, 426]);
	assert!(!of(&[], &[("LIVEPEER_BROADCAST_LOOP", "false")]).endless);
}

#[test]
fn setting_should_stand_back_when_it_conflicts_with_what_is_typed() {
	let (_dir, path) = file("[broadcast]\ndata-dir = \"d\"\nname = \"n\"\nloop = true");
	let args = broadcast(parsed(&["broadcast", "--plays", "3"], Some(&path), &[]).unwrap());
	assert_eq!((args.endless, args.plays), (false, 3));
	let (_dir, path) = file("[broadcast]\ndata-dir = \"d\"\nname = \"n\"\nplays = 3");
	let args = broadcast(parsed(&["broadcast", "--loop"], Some(&path), &[]).unwrap());
	assert_eq!((args.endless, args.plays), (true, 1));
	let (_dir, path) = file("[broadcast]\ndata-dir = \"d\"\nname = \"n\"\nplays = 3\nloop = true");
	let refused = parsed(&["broadcast"], Some(&path), &[]).unwrap_err();
	assert!(refused.contains("--loop (") && refused.contains("worker.toml, line"), "{refused}");
}

#[test]
fn file_should_not_touch_other_commands() {
	let variables = [("LIVEPEER_CONFIG", "/nowhere")];
	assert!(parsed(&["toolchain"], None, &variables).is_ok());
	assert!(parsed(&["verify", "a.ts"], None, &variables).is_ok());
	let refused = parsed(&["gateway", "--data-dir", "d"], None, &variables).unwrap_err();
	assert!(refused.contains("cannot read the settings in /nowhere"), "{refused}");
}

#[test]
fn check_should_say_in_words_what_is_wrong() {
	let said = faults("[transcode]\nquta = 1\nkeyfile = \"k\"");
	assert!(
		said.contains(
			"worker.toml, line 2: transcode has no setting \"quta\"; the nearest is \"quota\""
		),
		"{said}"
	);
	assert!(
		said.contains("line 3: transcode has no setting \"keyfile\"; the nearest is \"key-file\""),
		"{said}"
	);
	let said = faults("noed = \"x\"\n[transcod]\na = 1");
	assert!(
		said.contains("line 1: no role has a setting \"noed\"; the nearest is \"node\""),
		"{said}"
	);
	assert!(
		said.contains("line 2: no role is called \"transcod\"; the nearest is \"transcode\""),
		"{said}"
	);
	let said = faults("[gateway]\nquota = \"50 GiB\"");
	assert!(said.contains("line 2: invalid value '50 GiB' for '--quota <MIB>'"), "{said}");
	assert!(said.contains("in MiB"), "it names the unit: {said}");
	let said = faults("[transcode]\nreward-cut = 101");
	assert!(said.contains("101 is not in 0..=100"), "{said}");
	let said = faults("[broadcast]\nloop = \"yes\"\nrate = \"fast\"\nname = [\"a\"]");
	assert!(said.contains("loop is true or false"), "{said}");
	assert!(said.contains("possible values: realtime, max"), "{said}");
	assert!(said.contains("name has one value, not a list"), "{said}");
	let said = faults("[transcode]\nsuri = \"//Bob\"");
	assert!(said.contains("suri is a secret"), "{said}");
	let said = faults("transcode = 1");
	assert!(said.contains("transcode is a role: write [transcode]"), "{said}");
	let said = faults("[transcode]\n\nquota = = 1");
	assert!(said.starts_with("worker.toml, line 3: "), "{said}");
}

#[test]
fn check_should_show_each_setting_with_where_it_is_from() {
	let (_dir, path) = file("[verify]\ntoken-file = \"t\"\nparallel = 2");
	let read = ConfigFile::read(&path).unwrap();
	let environment =
		|name: &str| (name == "LIVEPEER_VERIFY_ALSO").then(|| OsString::from("one,two"));
	let shown = check(&read, None, &environment).unwrap();
	for line in [
		"[verify]",
		&format!("token-file = \"t\" # {}, line 2", path.display()),
		&format!("parallel = 2 # {}, line 3", path.display()),
		"also = [\"one\", \"two\"] # environment, LIVEPEER_VERIFY_ALSO",
		"listen = \"127.0.0.1:7936\" # default",
	] {
		assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
	}
	assert!(shown.contains("# not complete:") && shown.contains("--data-dir"), "{shown}");
	// The output is a file with the same settings.
	let (_dir, again) = file(&shown);
	assert!(check(&ConfigFile::read(&again).unwrap(), None, &|_| None).is_ok());
}

#[test]
fn every_option_of_a_role_should_have_a_setting_of_its_own() {
	for role in ROLES {
		let options = options(role);
		let mut variables = std::collections::BTreeSet::new();
		for (arg, name) in named(&options) {
			assert!(
				matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue),
				"{role} --{name}"
			);
			assert!(
				variable(role, arg).is_none_or(|name| variables.insert(name)),
				"{role} --{name}"
			);
		}
		assert!(variables.len() > 5, "{role}");
	}
}

#[test]
fn help_should_name_the_exit_code_when_input_can_be_wrong() {
	for name in ["audit", "report", "verify"] {
		let mut command = command();
		let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
		let said = format!("The exit code is {} if", Exit::Wrong as u8);
		assert!(help.contains(&said), "{name}: {help}");
	}
}

#[test]
fn packaged_file_should_be_right_with_and_without_its_examples() {
	let text = include_str!("../../../../packaging/worker/worker.toml");
	let examples: String = text
		.lines()
		.map(|line| line.strip_prefix("#:").unwrap_or(line).to_string() + "\n")
		.collect();
	assert_ne!(text, examples);
	for text in [text, &examples] {
		let (_dir, path) = file(text);
		let shown = check(&ConfigFile::read(&path).unwrap(), None, &|_| None).unwrap();
		assert!(!shown.contains("not complete"), "{shown}");
	}
}
