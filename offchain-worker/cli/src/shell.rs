//! Shell completions and manual pages, made from the command line's definition.

use std::path::Path;

use anyhow::{Context, Result};
use clap_complete::Shell;

use crate::config;

/// Prints a shell's completion script.
pub fn completions(shell: Shell) -> Result<()> {
	clap_complete::generate(
		shell,
		&mut config::command(),
		"livepeer-worker",
		&mut std::io::stdout(),
	);
	Ok(())
}

/// Writes a manual page for each command.
pub fn manual(dir: &Path) -> Result<()> {
	clap_mangen::generate_to(config::command(), dir)
		.with_context(|| format!("cannot write manual pages to {}", dir.display()))
}
