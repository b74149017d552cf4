//! Files that hold secrets: made so that only their owner reads them, and refused when others can.

use std::{
	fs::{File, OpenOptions},
	io::{Read, Write},
	os::unix::fs::{OpenOptionsExt, PermissionsExt},
	path::Path,
};

use anyhow::{ensure, Context, Result};

/// Reads a secret. A file that others can read or change holds none; what is no plain file, such as
/// a pipe, has no readers of its own.
pub fn read(path: &Path) -> Result<String> {
	let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
	let metadata = file.metadata()?;
	let mode = metadata.permissions().mode() & 0o777;
	ensure!(
		!metadata.is_file() || mode & 0o077 == 0,
		"{0} holds a secret and others may use it (mode {mode:o}): `chmod 600 {0}`, and make another \
		 secret if others have used this machine",
		path.display()
	);
	let mut secret = String::new();
	file.read_to_string(&mut secret).with_context(|| format!("cannot read {}", path.display()))?;
	Ok(secret)
}

/// Makes a new file with a secret; one that exists stays as it is.
pub fn write(path: &Path, secret: &str) -> Result<()> {
	let mut file = OpenOptions::new()
		.write(true)
		.create_new(true)
		.mode(0o600)
		.open(path)
		.with_context(|| format!("cannot make {}", path.display()))?;
	// Whatever the mask of this process is.
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
		for mode in [0o644, 0o640, 0o620, 0o602] {
			std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
			let refused = read(&path).unwrap_err().to_string();
			assert!(refused.contains("chmod 600"), "{mode:o}: {refused}");
		}
		std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
		assert!(read(&path).is_ok());
	}
}
