#!/usr/bin/env bash
# Independent readers of a running chain: the worker's metadata file, and @polkadot/api.
#
#   scripts/chain-test.sh ws://127.0.0.1:9944
set -euo pipefail
cd "$(dirname "$0")/.."
"$CARGO_TARGET_DIR/release/livepeer-metadata" check "$1" offchain-worker/chain/metadata.scale >&2
exec node tests/js/chain.mjs "$1"
