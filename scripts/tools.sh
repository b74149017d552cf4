#!/usr/bin/env bash
# Installs cargo's helpers that `make lint`, `make release` and `make mutants` use, in the versions
# fixed here, each only when it is missing. They are compiled once, into a folder of their own, and
# never touch the target directory of the build.
#
#   scripts/tools.sh cargo-deny cargo-audit   then call them with PATH="$(scripts/tools.sh --bin):$PATH"
#   scripts/tools.sh --bin                    where they lie
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${LIVEPEER_TOOLS:-$HOME/.cache/livepeer-appchain/tools}
if [ "${1:-}" = --bin ]; then
	echo "$tools/bin"
	exit
fi
export PATH="$HOME/.cargo/bin:$PATH"

version_of() {
	case "$1" in
	cargo-audit) echo 0.22.2 ;;
	cargo-auditable) echo 0.7.7 ;;
	cargo-deny) echo 0.20.2 ;;
	cargo-mutants) echo 27.1.0 ;;
	*)
		echo "tools: '$1' is none of cargo-audit, cargo-auditable, cargo-deny, cargo-mutants" >&2
		exit 2
		;;
	esac
}

for tool in "$@"; do
	version=$(version_of "$tool")
	grep -qs "^\"$tool $version " "$tools/.crates.toml" && [ -x "$tools/bin/$tool" ] && continue
	echo "Installing $tool $version into $tools (once)" >&2
	# Their speed matters little, the time to compile them does.
	env -u SKIP_WASM_BUILD -u RUSTFLAGS CARGO_TARGET_DIR="$tools/target" \
		CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
		CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false \
		cargo install --quiet --locked --root "$tools" --version "=$version" "$tool" >&2
done
