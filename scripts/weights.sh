#!/usr/bin/env bash
# Measures what calls and hooks of our pallets cost and writes pallets/*/src/weights.rs. Run it on
# an idle machine: whatever else runs is measured too.
#
#   PALLETS="jobs rounds"   only these; every one by default, and each must have benchmarks
#   STEPS=20                points at which a component is measured
#   REPEAT=10               runs of each point, at least
set -euo pipefail
cd "$(dirname "$0")/.."
pallets=${PALLETS:-$(ls pallets)}
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
wasm=$out/livepeer_runtime.wasm
scripts/wasm.sh "$out" runtime-benchmarks

# Skipped is the Wasm of a test runtime among the dependencies.
SKIP_WASM_BUILD=1 CARGO_TARGET_DIR="$CARGO_TARGET_DIR" \
	cargo build --release --locked -p livepeer-bencher

for pallet in $pallets; do
	printf '\n=== %s (%s s)\n' "$pallet" "$SECONDS"
	# A chain of its own ships no proofs, so recording them is no part of the time.
	"$CARGO_TARGET_DIR/release/livepeer-bencher" \
		--runtime "$wasm" --genesis-builder runtime --genesis-builder-preset development \
		--pallet "pallet_${pallet//-/_}" --extrinsic '*' \
		--steps "${STEPS:-20}" --repeat "${REPEAT:-10}" --disable-proof-recording \
		--no-storage-info --no-median-slopes --no-min-squares --quiet \
		--template runtime/bencher/weights.hbs --output "pallets/$pallet/src/weights.rs"
done
printf '\n=== all measured (%s s)\n' "$SECONDS"
