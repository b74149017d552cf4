//! Builds the Wasm runtime when the `std` side is built.
#[cfg(feature = "std")]
fn main() {
	// The target directory may lie outside the workspace; the Wasm must be built from this
	// workspace's lock file all the same.
	if std::env::var_os("WASM_BUILD_WORKSPACE_HINT").is_none() {
		// Asked when this runs: another clone that shares the target directory may have compiled it.
		let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
		if let Some(root) = std::path::Path::new(&manifest).parent() {
			std::env::set_var("WASM_BUILD_WORKSPACE_HINT", root);
		}
	}
	// The Wasm is the same whoever watches over the build: a wrapper such as that of cargo-auditable
	// would write into it, and change the hash of the chain's code.
	std::env::remove_var("RUSTC_WORKSPACE_WRAPPER");
	let builder = substrate_wasm_builder::WasmBuilder::init_with_defaults();
	#[cfg(feature = "metadata-hash")]
	let builder = builder.enable_metadata_hash("LPT", 18);
	builder.build();
}

#[cfg(not(feature = "std"))]
fn main() {}
