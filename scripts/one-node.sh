# Sourced by the tests that run on a chain of one node.
#
#   start_node LOG COMMAND…   starts it, sets `pid`, and `url` (HOST:PORT) once it answers; ends the test
#                             with what it said where it does not
#   stop_node                 ends it, where it was started
start_node() {
	local log=$1
	shift
	# There before it is looked into.
	: >"$log"
	"$@" >"$log" 2>&1 &
	pid=$!
	for _ in $(seq 180); do
		url=$(sed -n 's/.*Running JSON-RPC server: addr=\([^,]*\).*/\1/p' "$log" | head -1)
		[ -z "$url" ] || return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 1
	done
	cat "$log" >&2
	exit 1
}

stop_node() {
	[ -n "${pid:-}" ] || return 0
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}
