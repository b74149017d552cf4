#!/usr/bin/env bash
# Walks through docs/apps.md with @polkadot/api on a development chain of one node, which it starts:
# two minutes at most.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/one-node.sh
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
node=${NODE:-$CARGO_TARGET_DIR/release/livepeer-node}
worker=${WORKER:-$CARGO_TARGET_DIR/release/livepeer-worker}
log=$(mktemp)
trap 'stop_node; rm -f "$log"' EXIT
start_node "$log" "$node" --dev --tmp --port 0 --rpc-port 0 --rpc-methods unsafe --no-prometheus
node tests/js/apps.mjs "ws://$url" "$worker" || { tail -30 "$log" >&2; exit 1; }
