//! Stands in for the crate `wasm-opt` of the registry, which compiles Binaryen: a quarter of an
//! hour on one core, while the runtime's Wasm build waits for it.
//!
//! `substrate-wasm-builder` asks Binaryen for three things only: no optimisation, no debug
//! sections, and no sign extension operators. The target `wasm32v1-none` emits none of the latter,
//! so what is left is to copy the module without its debug sections. Binaryen would also write
//! shorter integers, which makes the compressed Wasm about one part in a hundred smaller.
//!
//! The items mirror the names and signatures that the builder calls, and nothing else.

use std::{fmt, fs, io, path::Path};

use wasmparser::{BinaryReaderError, Parser, Payload};

/// A pass that the builder asks for. Each is either what [`OptimizationOptions::run`] does anyway,
/// or has nothing to do on this target.
#[derive(Clone, Copy, Debug)]
pub enum Pass {
	/// Removes the debug sections.
	StripDwarf,
	/// Replaces sign extension operators, of which `wasm32v1-none` has none.
	SignextLowering,
}

/// Why a module could not be copied.
#[derive(Debug)]
pub enum Error {
	/// A file could not be read or written.
	Io(io::Error),
	/// The file is no Wasm module.
	Wasm(BinaryReaderError),
}

impl fmt::Display for Error {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Error::Io(error) => write!(f, "cannot copy the Wasm module: {error}"),
			Error::Wasm(error) => write!(f, "not a Wasm module: {error}"),
		}
	}
}

impl std::error::Error for Error {}

/// How to treat a module; every choice leads to the same result.
#[derive(Clone, Copy, Debug)]
pub struct OptimizationOptions;

impl OptimizationOptions {
	/// No optimisation.
	pub fn new_opt_level_0() -> Self {
		Self
	}

	/// No operator beyond the first version of Wasm.
	pub fn mvp_features_only(&mut self) -> &mut Self {
		self
	}

	/// Keeps the section of names, which back traces use. It is always kept.
	pub fn debug_info(&mut self, _keep: bool) -> &mut Self {
		self
	}

	/// Adds a pass.
	pub fn add_pass(&mut self, _pass: Pass) -> &mut Self {
		self
	}

	/// Copies the module in `from` without debug sections to `to`, which may be the same file.
	pub fn run(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), Error> {
		let module = fs::read(from).map_err(Error::Io)?;
		fs::write(to, without_debug_sections(&module)?).map_err(Error::Io)
	}
}

/// The bytes of `module` less its custom sections whose names begin with `.debug`.
fn without_debug_sections(module: &[u8]) -> Result<Vec<u8>, Error> {
	let mut kept = Vec::with_capacity(module.len());
	// Everything up to here has been looked at: a section begins where the last one ended.
	let mut at = 0;
	for payload in Parser::new(0).parse_all(module) {
		let payload = payload.map_err(Error::Wasm)?;
		let (end, drop) = match &payload {
			Payload::Version { range, .. } => (range.end, false),
			Payload::CustomSection(section) => {
				(section.range().end, section.name().starts_with(".debug"))
			}
			// The bodies of functions, and the end, lie within what was copied.
			payload => match payload.as_section() {
				Some((_, range)) => (range.end, false),
				None => continue,
			},
		};
		if !drop {
			kept.extend_from_slice(&module[at..end]);
		}
		at = end;
	}
	Ok(kept)
}

#[cfg(test)]
mod tests {
	use super::without_debug_sections;

	/// A custom section with this name and two bytes.
	fn custom(name: &str) -> Vec<u8> {
		let mut section = vec![0, name.len() as u8 + 3, name.len() as u8];
		section.extend_from_slice(name.as_bytes());
		section.extend_from_slice(&[1, 2]);
		section
	}

	#[test]
	fn module_should_lose_its_debug_sections_and_nothing_else() {
		let header = b"\0asm\x01\0\0\0".to_vec();
		// One type of no parameters, one function of it, one empty body.
		let code = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0x0b].to_vec();
		let whole = [
			header.clone(),
			custom(".debug_info"),
			code.clone(),
			custom("runtime_version"),
			custom(".debug_line"),
			custom("name"),
		];
		let left = [header, code, custom("runtime_version"), custom("name")];
		assert_eq!(without_debug_sections(&whole.concat()).expect("a module"), left.concat());
	}

	#[test]
	fn other_files_should_be_refused() {
		assert!(without_debug_sections(b"ELF").is_err());
	}
}
