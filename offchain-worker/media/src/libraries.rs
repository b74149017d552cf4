//! The libraries that can change results.

use std::{
	collections::BTreeSet,
	ffi::{OsStr, OsString},
	io,
	os::unix::ffi::{OsStrExt, OsStringExt},
	path::{Path, PathBuf},
};

/// The mapped libraries that can change results: libav*, libsw*, libx264, the C library and its mathematics.
pub(crate) fn mapped(maps: &str) -> BTreeSet<PathBuf> {
	let wanted = ["libav", "libsw", "libx264", "libc.", "libc-", "libm.", "libm-"];
	maps.lines()
		.filter_map(|line| line.find('/').map(|at| &line[at..]))
		.filter(|path| {
			let name = path.rsplit('/').next().unwrap_or_default();
			wanted.iter().any(|start| name.starts_with(start))
		})
		.map(PathBuf::from)
		.collect()
}

/// Fails where a library that this process has mapped is no longer the file of its name, as after an upgrade: another
/// process would load the new one, and make what nobody has attested.
pub(crate) fn check_own() -> io::Result<()> {
	check(&std::fs::read_to_string("/proc/self/maps")?)
}

/// The same of any process, by its list of what it has mapped.
pub(crate) fn check(maps: &str) -> io::Result<()> {
	const GONE: &str = " (deleted)";
	let gone = |path: &PathBuf| path.to_string_lossy().ends_with(GONE);
	match mapped(maps).into_iter().find(gone) {
		None => Ok(()),
		Some(path) => Err(io::Error::other(format!(
			"{} was replaced since this program was started, and what it makes may be another toolchain's: start it again",
			path.to_string_lossy().trim_end_matches(GONE)
		))),
	}
}

/// A search path for libraries by which a process in another folder finds the same ones as from `here`.
pub(crate) fn absolute(search: &OsStr, here: &Path) -> OsString {
	let entries = search.as_bytes().split(|byte| matches!(byte, b':' | b';'));
	let entries: Vec<Vec<u8>> = entries
		.map(|entry| match entry {
			// What begins with a word such as `$ORIGIN` does not depend on the folder either.
			[b'/' | b'$', ..] => entry.to_vec(),
			entry => here.join(OsStr::from_bytes(entry)).into_os_string().into_vec(),
		})
		.collect();
	OsString::from_vec(entries.join(&b':'))
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Children would have other libraries than this program, by whose files it is remembered what they make.
	#[test]
	fn attack_libraries_that_children_look_for_elsewhere() {
		let found = |search: &str| absolute(search.as_ref(), Path::new("/srv/worker"));
		assert_eq!(found("/opt/lib:/usr/lib"), "/opt/lib:/usr/lib");
		assert_eq!(found("lib;../x264"), "/srv/worker/lib:/srv/worker/../x264");
		// An empty entry is the current folder.
		assert_eq!(found("/opt/lib:"), "/opt/lib:/srv/worker/");
		assert_eq!(found("$ORIGIN/lib"), "$ORIGIN/lib");
	}

	/// What is attested when a service starts is made days later, by a process that starts then or once more.
	#[test]
	fn attack_libraries_replaced_before_the_children_are_started() {
		let maps = |path: &str| {
			check(&format!("7f00-7f01 r-xp 0 08:01 1 {path}\n7f02-7f03 rw-p 0 0 0 [heap]\n"))
		};
		assert!(maps("/usr/lib/libx264.so.164").is_ok());
		let refused = maps("/usr/lib/libx264.so.164 (deleted)").expect_err("it is another one now");
		let words = refused.to_string();
		assert!(words.starts_with("/usr/lib/libx264.so.164 was replaced"), "{words}");
		// What makes no pictures may be.
		assert!(maps("/usr/lib/libjxl.so.0 (deleted)").is_ok());
		assert!(check_own().is_ok());
	}
}
