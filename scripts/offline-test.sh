#!/usr/bin/env bash
# A transaction signed as a hardware wallet signs it, on a chain of one node whose runtime knows the
# hash of its metadata. Builds that runtime beside the usual one and starts the node that `make build`
# has built on a chain that begins with it.
#
#   WASM=file    a runtime with the hash of its metadata that was built before
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/one-node.sh
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
data=$(mktemp -d)
trap 'stop_node; rm -rf "$data"' EXIT
wasm=${WASM:-$data/livepeer_runtime.wasm}
[ -n "${WASM:-}" ] || scripts/wasm.sh "$data" metadata-hash

node=$CARGO_TARGET_DIR/release/livepeer-node
"$node" export-chain-spec --chain dev --raw --output "$data/dev.json"
# 3a636f6465 is ":code".
node --input-type=module - "$data" "$wasm" <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
const [data, wasm] = process.argv.slice(2);
const spec = JSON.parse(readFileSync(`${data}/dev.json`));
spec.genesis.raw.top["0x3a636f6465"] = `0x${readFileSync(wasm).toString("hex")}`;
writeFileSync(`${data}/chain.json`, JSON.stringify(spec));
JS

start_node "$data/node.log" "$node" --chain "$data/chain.json" --tmp --alice --validator \
	--force-authoring --port 0 --node-key "$(printf '%064d' 1)" --rpc-port 0
node tests/js/offline.mjs "ws://$url" || { tail -30 "$data/node.log" >&2; exit 1; }
