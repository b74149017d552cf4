#!/usr/bin/env bash
# The demo with every role in a container: builds the images from compiled binaries, makes keys,
# creates the network of docker/compose.yaml, and has livepeer-demo tell and check its story on it.
#
#   docker/demo.sh BIN_DIR [further arguments of livepeer-demo, such as --kill]
#
# ONCE=1, CHEAT=black, INPUT=file, REPORT=out.json and DATA=dir mean what they mean to `make demo`; the
# containers depend on the first two, so give them here and not as arguments.
# DISTURB=1 makes links slow and cuts cables meanwhile (docker/disturb.sh, wants root). MONITORING=1 starts
# Prometheus and Grafana too, MONITORING=prometheus only the first, whose queries are then asked; with
# CHEAT=black the alerts of a transcoder that is found out must have fired instead.
# Nothing is left behind but the images, and with DATA=dir the chains, stores and logs.
set -euo pipefail
: "${1:?usage: docker/demo.sh BIN_DIR [ARGUMENT]...}"
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
shift
export LIVEPEER_TAG=${LIVEPEER_TAG:-local} COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-livepeer-demo}
LIVEPEER_COMPOSE=$(docker/compose-command.sh)
export LIVEPEER_COMPOSE
read -ra compose <<<"$LIVEPEER_COMPOSE"
compose+=(--file docker/compose.yaml)

TAG=$LIVEPEER_TAG docker/build.sh "$bin"
data=${DATA:-$(mktemp -d -t livepeer-docker-XXXXXX)}
docker/keys.sh "$data"
data=$(cd "$data" && pwd)
set -a
# shellcheck source=/dev/null
. "$data/env"
set +a
[ -z "${VARIANTS:-}" ] || { echo "VARIANTS=$VARIANTS: the chain of docker/keys.sh asks for none: try it with make demo" >&2 && exit 1; }
[ -z "${LIVE:-}" ] || { echo "LIVE=$LIVE: no container takes what is published: try it with make demo" >&2 && exit 1; }
case "${CHEAT:-}" in
lazy | smallest | copying | lying | silent) echo "CHEAT=$CHEAT is a judge's: try it with make demo" >&2 && exit 1 ;;
spoil) echo "CHEAT=spoil is the broadcaster's: try it with make demo" >&2 && exit 1 ;;
omit) echo "CHEAT=omit wants a chain that asks for variants: try it with make demo" >&2 && exit 1 ;;
esac
[ -z "${CHEAT:-}" ] || export TRANSCODER_IMAGE=livepeer-cheat TRANSCODER_ROLE=$CHEAT
[ -n "${ONCE:-}" ] || export BROADCAST_PLAYS=--loop

asking=
end() {
	[ -z "$asking" ] || kill "$asking" 2>/dev/null || true
	"${compose[@]}" --profile monitoring --profile wallet down --volumes --timeout 15 >/dev/null 2>&1 || true
	[ -n "${DATA:-}" ] || rm -rf "$data"
}
trap end EXIT
"${compose[@]}" down --timeout 5 >/dev/null 2>&1 || true
# Created once, so that the stand-ins, which start them side by side, have only to start them.
"${compose[@]}" up --no-start >"$data/compose.log" 2>&1 || { cat "$data/compose.log" >&2 && exit 1; }
case "${MONITORING:-}" in
"") ;;
1) "${compose[@]}" --profile monitoring up --detach --no-deps prometheus grafana ;;
*) "${compose[@]}" --profile prometheus up --detach --no-deps prometheus ;;
esac
arguments=(--bin-dir docker/stand-in --data "$data")
[ -z "${ONCE:-}" ] || arguments+=(--once)
[ -z "${CHEAT:-}" ] || arguments+=(--cheat "$CHEAT")
[ -z "${REPORT:-}" ] || arguments+=(--report "$REPORT")
[ -z "${INPUT:-}" ] || arguments+=(--input "$INPUT")
disturbing=
if [ -n "${DISTURB:-}" ]; then
	docker/disturb.sh "$data" >&2 &
	disturbing=$!
fi
# Whether an alert fired since the beginning.
fired() {
	curl -sf --get --data-urlencode "query=max_over_time(ALERTS{alertname=\"$1\",alertstate=\"firing\"}[1h])" \
		http://127.0.0.1:9090/api/v1/query | grep -q '"value"'
}
if [ -n "${MONITORING:-}" ] && [ -z "${CHEAT:-}" ]; then
	# In the middle of the stream, when there is something to see.
	touch "$data/boards.log"
	(
		until [ "$(cat "$data/broadcast/events.jsonl" 2>/dev/null | grep -c segment_returned)" -ge 12 ]; do sleep 1; done
		python3 docker/monitoring/boards.py http://127.0.0.1:9090 &&
			echo "every query of the boards has an answer"
	) >"$data/boards.log" 2>&1 &
	asking=$!
fi
status=0
"$bin/livepeer-demo" "${arguments[@]}" "$@" || status=$?
if [ -n "${MONITORING:-}" ] && [ "${CHEAT:-}" = black ]; then
	for alert in DutyMissed Jailed; do
		# It is asked for every few seconds, and the story may end just after what it is about.
		for _ in $(seq 30); do fired "$alert" && break; sleep 1; done
		if fired "$alert"; then echo "$alert fired"; else echo "docker/demo.sh: $alert did not fire" >&2 && status=1; fi
	done
elif [ -n "${MONITORING:-}" ] && [ -z "${CHEAT:-}" ]; then
	kill "$asking" 2>/dev/null || true
	asking=
	cat "$data/boards.log"
	[ -z "${ONCE:-}" ] || grep -q '^every query' "$data/boards.log" || status=1
fi
if [ -n "$disturbing" ]; then
	# One that still waits has not disturbed what it should have.
	if kill "$disturbing" 2>/dev/null; then
		echo "docker/demo.sh: the stream ended before it was disturbed" >&2
		status=1
	fi
	wait "$disturbing" || status=1
fi
# What processes used is said of the stand-ins, not of the containers.
[ ! -f "${REPORT:-}" ] || python3 - "$REPORT" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
report["processes"] = []
json.dump(report, open(sys.argv[1], "w"), indent=2)
PY
exit $status
