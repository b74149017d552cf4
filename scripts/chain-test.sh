#!/usr/bin/env bash
# Independent readers of a running chain: the worker's metadata file; the bridge's contract, in an Ethereum in
# memory, which takes what BEEFY's validators have signed; and @polkadot/api, which also sends one transfer of
# LPT and one of ETH from Ferdie to Eve.
#
#   scripts/chain-test.sh ws://127.0.0.1:9944
set -euo pipefail
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
"$CARGO_TARGET_DIR/release/livepeer-metadata" check "$1" offchain-worker/chain/metadata.scale >&2
scripts/setup.sh --bridge >&2
node pallets/eth-bridge/contracts/test/live.mjs "$1" >&2
exec node tests/js/chain.mjs "$1"
