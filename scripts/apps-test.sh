#!/usr/bin/env bash
# Walks through docs/apps.md with @polkadot/api on a development chain of one node, which it starts:
# less than a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
node=${NODE:-$CARGO_TARGET_DIR/release/livepeer-node}
log=$(mktemp)
"$node" --dev --tmp --port 0 --rpc-port 0 --rpc-methods unsafe --no-prometheus >"$log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 180); do
	url=$(sed -n 's/.*Running JSON-RPC server: addr=\([^,]*\).*/\1/p' "$log" | head -1)
	[ -z "$url" ] || break
	kill -0 $pid || { cat "$log" >&2; exit 1; }
	read -r -t 1 <> <(:) || true
done
node tests/js/apps.mjs "ws://$url" || { tail -30 "$log" >&2; exit 1; }
