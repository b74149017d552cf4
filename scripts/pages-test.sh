#!/usr/bin/env bash
# The gateway's pages in a browser, on a local network with a stream: `make test-pages-browser`.
#
#   scripts/pages-test.sh BIN_DIR
#
# SHOTS=folder keeps pictures, ONLY=watch,stake runs some of the checks (tests/js/pages.mjs).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
data=$(mktemp -d)
: >"$data/demo.log"
"$bin/livepeer-demo" --bin-dir "$bin" --data "$data" >"$data/demo.log" 2>&1 &
demo=$!
end() {
	local rc=$?
	# What the network had to say, where something did not hold.
	[ "$rc" = 0 ] || tail -30 "$data/demo.log" >&2
	kill -INT "$demo" 2>/dev/null || true
	wait "$demo" 2>/dev/null || true
	rm -rf "$data"
	exit "$rc"
}
trap end EXIT
gateway=http://127.0.0.1:8935
# Two seconds each: the first segments are there after a minute.
newest=0
for _ in $(seq 150); do
	kill -0 "$demo" 2>/dev/null || exit 1
	stream=$(sed -n 's#^ *player *http://[^/]*/stream/##p' "$data/demo.log" | head -1)
	newest=$(curl -sf "$gateway/stream/$stream/status" | grep -o '"newest":[0-9]*' | cut -d: -f2 || true)
	[ "${newest:-0}" -ge 8 ] && break
	sleep 2
done
if [ "${newest:-0}" -lt 8 ]; then
	echo "no stream came in five minutes" >&2
	exit 1
fi
BIN_DIR=$bin DATA=$data node tests/js/pages.mjs "$gateway" ws://127.0.0.1:9944 "$stream"
