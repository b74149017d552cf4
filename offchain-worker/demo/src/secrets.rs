//! Searches accounts' secrets in arguments, environments and files.

use std::{
	collections::{BTreeMap, BTreeSet},
	env, fs, io,
	os::unix::ffi::OsStrExt,
	path::Path,
};

use anyhow::{Context, Result};
use livepeer_primitives::AccountId;
use sp_core::{sr25519, Pair};

/// The longest secret.
const LONGEST: usize = 1_024;

/// The bytes read so far, and where accounts' secrets were found.
#[derive(Default)]
pub struct Secrets {
	/// Not read again: deriving a key takes a while, and processes share most arguments.
	read: BTreeSet<Vec<u8>>,
	found: BTreeMap<AccountId, String>,
}

impl Secrets {
	/// Reads the arguments of a process, and the environment that it was started with.
	pub fn read_process(&mut self, name: &str, id: u32) -> Result<()> {
		for (file, what) in [("cmdline", "arguments"), ("environ", "environment")] {
			let path = format!("/proc/{id}/{file}");
			let words = fs::read(&path).with_context(|| format!("cannot read {path}"))?;
			let place = || format!("the {what} of {name}");
			for word in words.split(|byte| *byte == 0) {
				self.take(word, place);
				if let Some(at) = word.iter().position(|byte| *byte == b'=') {
					self.take(&word[at + 1..], place);
				}
			}
		}
		Ok(())
	}

	/// Reads the environment of this process.
	pub fn read_environment(&mut self) {
		for (name, value) in env::vars_os() {
			self.take(value.as_bytes(), || format!("the variable {}", name.to_string_lossy()));
		}
	}

	/// Reads every file in and below a folder that is short enough to be a key.
	pub fn read_folder(&mut self, folder: &Path) -> Result<()> {
		let mut folders = vec![folder.to_owned()];
		while let Some(folder) = folders.pop() {
			let wrong = || format!("cannot read {}", folder.display());
			for entry in
				still_there(fs::read_dir(&folder)).with_context(wrong)?.into_iter().flatten()
			{
				let path = entry.with_context(wrong)?.path();
				let wrong = || format!("cannot read {}", path.display());
				let Some(meta) = still_there(path.symlink_metadata()).with_context(wrong)? else {
					continue;
				};
				if meta.is_dir() {
					folders.push(path);
				} else if meta.is_file() && meta.len() <= LONGEST as u64 {
					let bytes = still_there(fs::read(&path)).with_context(wrong)?;
					self.take(&bytes.unwrap_or_default(), || path.display().to_string());
				}
			}
		}
		Ok(())
	}

	/// Where the secret of an account was found.
	pub fn place_of(&self, account: &AccountId) -> Option<&str> {
		self.found.get(account).map(String::as_str)
	}

	/// How many secrets were found.
	pub fn count(&self) -> usize {
		self.found.len()
	}

	fn take(&mut self, bytes: &[u8], place: impl Fn() -> String) {
		// The empty string would be the root of all well-known keys.
		if bytes.trim_ascii().is_empty()
			|| bytes.len() > LONGEST
			|| !self.read.insert(bytes.to_vec())
		{
			return;
		}
		for account in accounts_of(bytes) {
			self.found.entry(account).or_insert_with(&place);
		}
	}
}

/// The content of `result`, unless the file is gone: running processes delete files meanwhile.
fn still_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
	match result {
		Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
		other => other.map(Some),
	}
}

/// The accounts whose secret these bytes are, in any form: a phrase, a path such as `//Alice`, or a seed or
/// secret key, raw or in hex; each plain or as a JSON string.
fn accounts_of(bytes: &[u8]) -> Vec<AccountId> {
	let mut pairs = Vec::from_iter(sr25519::Pair::from_seed_slice(bytes));
	if let Ok(text) = std::str::from_utf8(bytes) {
		let text = text.trim();
		let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
		pairs.extend(sr25519::Pair::from_string(text, None));
		if let Ok(seed) = hex::decode(text.trim_start_matches("0x")) {
			pairs.extend(sr25519::Pair::from_seed_slice(&seed));
		}
	}
	pairs.into_iter().map(|pair| pair.public().into()).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_core::crypto::DEV_PHRASE;
	use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};

	#[test]
	fn secret_should_be_found_in_whatever_form_it_is_kept() -> Result<()> {
		let (pair, seed) = sr25519::Pair::from_string_with_seed("//Alice", None)?;
		let seed = seed.context("a path of hard junctions has a seed")?;
		let forms: [Vec<u8>; 7] = [
			b"//Alice".to_vec(),
			b"\"//Alice\"\n".to_vec(),
			format!("{DEV_PHRASE}//Alice").into_bytes(),
			seed.to_vec(),
			hex::encode(seed).into_bytes(),
			format!("0x{}\n", hex::encode(seed)).into_bytes(),
			hex::encode(pair.to_raw_vec()).into_bytes(),
		];
		for form in forms {
			let folder = tempfile::tempdir()?;
			let deep = folder.path().join("chains").join("keystore");
			fs::create_dir_all(&deep)?;
			fs::write(deep.join("key"), &form)?;
			let mut secrets = Secrets::default();
			secrets.read_folder(folder.path())?;
			let found = secrets.place_of(&Alice.to_account_id());
			assert!(found.is_some_and(|place| place.ends_with("keystore/key")), "{form:?}");
			assert_eq!(secrets.place_of(&Bob.to_account_id()), None);
		}
		Ok(())
	}

	#[test]
	fn secret_should_not_be_found_in_what_is_public_or_derived_from_it() -> Result<()> {
		let folder = tempfile::tempdir()?;
		let (_, stash) = sr25519::Pair::from_string_with_seed("//Alice//stash", None)?;
		let stash = stash.context("a path of hard junctions has a seed")?;
		fs::write(folder.path().join("account"), Alice.to_account_id().to_string())?;
		fs::write(folder.path().join("name"), "alice")?;
		fs::write(folder.path().join("spending"), format!("0x{}", hex::encode(stash)))?;
		fs::write(folder.path().join("empty"), "")?;
		let mut secrets = Secrets::default();
		secrets.read_folder(folder.path())?;
		assert_eq!((secrets.place_of(&Alice.to_account_id()), secrets.count()), (None, 1));
		Ok(())
	}

	#[test]
	fn secret_should_be_found_in_the_arguments_and_the_environment_of_what_runs() -> Result<()> {
		let mut child = std::process::Command::new("sh")
			.args(["-c", "echo; read -r line", "--suri=//Alice", "//Bob"])
			.env("WALLET", "//Charlie")
			.stdin(std::process::Stdio::piped())
			.stdout(std::process::Stdio::piped())
			.spawn()?;
		// It has its arguments a moment after it is there.
		let output = child.stdout.as_mut().context("its output is taken")?;
		io::Read::read_exact(output, &mut [0])?;
		let mut secrets = Secrets::default();
		let read = secrets.read_process("wallet", child.id());
		child.kill()?;
		child.wait()?;
		read?;
		for (who, place) in [
			(Alice, "the arguments of wallet"),
			(Bob, "the arguments of wallet"),
			(Charlie, "the environment of wallet"),
		] {
			assert_eq!(secrets.place_of(&who.to_account_id()), Some(place));
		}
		Ok(())
	}
}
