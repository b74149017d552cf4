#!/usr/bin/env bash
# Builds the runtime of a release twice, in two folders, and compares the hashes of the Wasm: with
# the hash of its metadata in it, and with Binaryen's wasm-opt, for which the workspace's stand-in
# makes room. Takes an hour or two, and network for what is not downloaded yet.
#
#   scripts/reproducible.sh [COMMIT]
#
# Cargo writes the path of a crate into the names of its symbols, so both folders are seen at one
# path, as in every reproducible build of a runtime; who repeats it elsewhere gets the same hash with
# the same commit and toolchain. Nothing else is shared: sources, lock file and target directory are
# each folder's own.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seen=/tmp/livepeer-build
mkdir -p "$seen"
cargo_home=${CARGO_HOME:-$HOME/.cargo}

build() {
	local folder=$1
	mkdir -p "$folder"
	git archive "$commit" | tar -x -C "$folder"
	# Without the patch, cargo takes the crate of the same version from the registry.
	sed -i '/^\[patch.crates-io\]/,/^$/d; /"runtime\/wasm-opt",/d' "$folder/Cargo.toml"
	# Only the build script has to run, which builds the Wasm: the native side is just checked.
	# Setting the mount up needs no privilege where user namespaces are allowed.
	unshare --map-root-user --mount bash -euo pipefail -c '
		mount --bind "$1" "$2"
		cd "$2"
		export CARGO_TARGET_DIR=$2/target
		export WASM_BUILD_RUSTFLAGS="--remap-path-prefix=$3=/cargo --remap-path-prefix=$2=/livepeer"
		unset SKIP_WASM_BUILD
		# Adds the crate that the patch stood for to the lock file, and changes nothing else in it.
		cargo metadata --quiet --format-version 1 >/dev/null
		cargo check --locked --profile production --package livepeer-runtime --features metadata-hash
	' build "$folder" "$seen" "$cargo_home" >&2
	sha256sum <"$folder/target/production/wbuild/livepeer-runtime/livepeer_runtime.compact.compressed.wasm"
}

first=$(build "$work/one")
echo "first:  $first"
second=$(build "$work/a folder whose name is longer")
echo "second: $second"
[ "$first" = "$second" ] || { echo "The runtime of $commit is not reproducible." >&2; exit 1; }
echo "The runtime of $commit is reproducible."
