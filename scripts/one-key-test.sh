#!/usr/bin/env bash
# Two processes sign with one key at the same time, on a development chain of one node, which this
# starts: none of their calls fails, each is in a block once, and no number of the account is left out.
# One sends calls of the same kind as the other, then shorter ones, which take the others' place in
# the pool. Four minutes.
#
#   scripts/one-key-test.sh BIN_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/one-node.sh
bin=$1
calls=4
dir=$(mktemp -d)
trap 'stop_node; rm -rf "$dir"' EXIT
start_node "$dir/node" "$bin/livepeer-node" --dev --tmp --port 0 --rpc-port 0 --no-prometheus
# Dave, who has nothing bonded, and Bob, who is registered.
dave=5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy
bob=5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty
echo //Dave >"$dir/key"
chmod 600 "$dir/key"

stake() { # as many times in a row
	for _ in $(seq "$calls"); do
		"$bin/livepeer-worker" stake "$@" --yes --key-file "$dir/key" --node "ws://$url" || return
	done
}
together() { # two processes, the second of which does this
	stake delegate --amount 100 --to "$bob" >"$dir/one" 2>&1 &
	local one=$! failed=
	stake "$@" >"$dir/two" 2>&1 || failed=1
	wait "$one" || failed=1
	[ -z "$failed" ] || { tail -n 5 "$dir/one" "$dir/two" >&2; exit 1; }
}
together delegate --amount 100 --to "$bob"
together unbond --amount 1

number=$(curl -sf -H 'Content-Type: application/json' "http://$url" \
	-d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system_accountNextIndex\",\"params\":[\"$dave\"]}" |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["result"])')
bonded=$("$bin/livepeer-worker" stake status "$dave" --json --node "ws://$url" |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["nextRound"])')
[ "$number" = $((4 * calls)) ] || { echo "one-key-test: $number transactions for $((4 * calls)) calls" >&2; exit 1; }
# Rewards come on top, which are smaller than what one call more or less would be.
[ "${bonded:0:4}" = "$((3 * calls * 100 - calls))" ] || { echo "one-key-test: $bonded is bonded" >&2; exit 1; }
echo "one-key-test: $number calls of two processes, each in a block once"
