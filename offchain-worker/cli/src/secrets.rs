//! Files with secrets: created readable by their owner only, and refused if others can read them.

use std::{
	fs::{File, OpenOptions},
	io::{Read, Write},
	os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
	path::Path,
};

use anyhow::{ensure, Context, Result};

/// Reads a secret. A file that others can read or change is refused; a pipe or another special file has no
/// readers of its own, and is not checked.
pub fn read(path: &Path) -> Result<String> {
	let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
	let metadata = file.metadata()?;
	let mode = metadata.permissions().mode() & 0o777;
	ensure!(
		!metadata.is_file() || !is_open(mode, metadata.uid()),
		"{0} holds a secret and others may use it (mode {mode:o}): `chmod 600 {0}`, or 640 where root \
		 gives it to a group, and make another secret if others have used this machine",
		path.display()
	);
	let mut secret = String::new();
	file.read_to_string(&mut secret).with_context(|| format!("cannot read {}", path.display()))?;
	Ok(secret)
}

/// Whether others than its owner may use a file of this mode. A group may read root's file: only root gives a
/// file to a service's group, and decides who is in it.
fn is_open(mode: u32, owner: u32) -> bool {
	let others = if owner == 0 { 0o027 } else { 0o077 };
	mode & others != 0
}

/// Makes a new file with a secret; an existing file is left alone, with an error.
pub fn write(path: &Path, secret: &str) -> Result<()> {
	let mut file = OpenOptions::new()
		.write(true)
		.create_new(true)
		.mode(0o600)
		.open(path)
		.with_context(|| format!("cannot make {}", path.display()))?;
	// Independent of this process's umask.
	file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
	writeln!(file, "{secret}")?;
	Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn secret_should_be_its_owners_alone() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("key");
		write(&path, "secret").unwrap();
		assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
		assert_eq!(read(&path).unwrap(), "secret\n");
		assert!(write(&path, "another").is_err(), "nothing is overwritten");
		for mode in [0o644, 0o620, 0o602] {
			std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
			let refused = read(&path).unwrap_err().to_string();
			assert!(refused.contains("chmod 600"), "{mode:o}: {refused}");
		}
		std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
		assert!(read(&path).is_ok());
	}

	#[test]
	fn group_should_read_a_secret_only_when_it_is_roots() {
		for owner in [0, 1_000] {
			assert!(!is_open(0o600, owner) && !is_open(0o400, owner), "{owner}");
			for mode in [0o644, 0o660, 0o620, 0o602, 0o641] {
				assert!(is_open(mode, owner), "{owner}: {mode:o}");
			}
		}
		assert!(!is_open(0o640, 0) && !is_open(0o440, 0));
		assert!(is_open(0o640, 1_000) && is_open(0o440, 1_000));
	}
}
