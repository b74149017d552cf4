#!/usr/bin/env bash
# Builds the Wasm of the runtime in the current folder with other features than the usual ones, and
# leaves it as FOLDER/livepeer_runtime.wasm. All such builds share a target directory apart from the
# usual one, whose Wasm the node embeds; the native side is just checked.
#
#   scripts/wasm.sh FOLDER [FEATURE…]
set -euo pipefail
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/wasm
# Builds of one package overwrite each other's Wasm, of which Cargo knows nothing: none is taken as
# done.
export FORCE_WASM_BUILD=$EPOCHREALTIME WASM_TARGET_DIRECTORY=$folder
unset SKIP_WASM_BUILD
cargo check --release --locked -p livepeer-runtime ${*:+--features "$*"}
