//! Lists the built pages, so that the binary holds them: `make pages` writes them to the folder `dist`
//! of `offchain-worker/pages`. Without them the binary is built all the same, and says so.

use std::{
	env, fs,
	path::{Path, PathBuf},
};

/// All files below `folder`, by their path from `root`.
fn list(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> std::io::Result<()> {
	for entry in fs::read_dir(folder)? {
		let path = entry?.path();
		if path.is_dir() {
			list(root, &path, found)?;
		} else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
			found.push((name.to_owned(), path));
		}
	}
	Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
	let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../pages/dist");
	println!("cargo:rerun-if-changed={}", dist.display());
	let mut found = Vec::new();
	if dist.is_dir() {
		list(&dist, &dist, &mut found)?;
		found.sort();
	}
	let mut text = String::from("&[\n");
	for (name, path) in found {
		println!("cargo:rerun-if-changed={}", path.display());
		text += &format!("({name:?}, include_bytes!({path:?})),\n");
	}
	text += "]\n";
	fs::write(Path::new(&env::var("OUT_DIR")?).join("pages.rs"), text)?;
	Ok(())
}
