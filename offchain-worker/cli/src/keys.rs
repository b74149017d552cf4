//! `keys`.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use livepeer_worker_core::key::Key;

use crate::setup::read_key;

/// Makes and inspects keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
	/// Make a key, keep its phrase in a new file and print its address.
	New {
		/// The file, which must not exist yet.
		file: PathBuf,
	},
	/// Print the address of a key.
	Inspect {
		/// The file with its secret.
		file: PathBuf,
	},
}

/// Runs the command.
pub fn run(command: KeysCommand) -> Result<()> {
	match command {
		KeysCommand::New { file } => {
			let (key, phrase) = Key::generate();
			let mut out = OpenOptions::new()
				.write(true)
				.create_new(true)
				.mode(0o600)
				.open(&file)
				.with_context(|| format!("cannot make {}", file.display()))?;
			writeln!(out, "{phrase}")?;
			out.sync_all()?;
			println!("{}", key.account());
		}
		KeysCommand::Inspect { file } => println!("{}", read_key(&file)?.account()),
	}
	Ok(())
}
