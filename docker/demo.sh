#!/usr/bin/env bash
# The demo with every role in a container: builds the images from compiled binaries, makes keys,
# creates the network of docker/compose.yaml, and has livepeer-demo tell and check its story on it.
#
#   docker/demo.sh BIN_DIR [arguments of livepeer-demo, such as --once or --cheat black]
#
# MONITORING=1 starts Prometheus and Grafana too, MONITORING=prometheus only the first. Nothing is
# left behind but the images; DATA=dir keeps chains, stores and logs.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
shift
export LIVEPEER_TAG=${LIVEPEER_TAG:-local} COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-livepeer-demo}
if docker compose version >/dev/null 2>&1; then
	compose=(docker compose)
elif command -v docker-compose >/dev/null; then
	compose=(docker-compose)
else
	echo "docker/demo.sh: docker-compose is missing" >&2
	exit 1
fi
export LIVEPEER_COMPOSE=${compose[*]}
compose+=(--file docker/compose.yaml)

TAG=$LIVEPEER_TAG docker/build.sh "$bin"
data=${DATA:-$(mktemp -d -t livepeer-docker-XXXXXX)}
docker/keys.sh "$data"
data=$(cd "$data" && pwd)
set -a
# shellcheck source=/dev/null
. "$data/env"
set +a
[ -z "${CHEAT:-}" ] || export TRANSCODER_IMAGE=livepeer-cheat TRANSCODER_ROLE=$CHEAT
[ -n "${ONCE:-}" ] || export BROADCAST_PLAYS=--loop

end() {
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
status=0
"$bin/livepeer-demo" "${arguments[@]}" "$@" || status=$?
# What processes used is said of the stand-ins, not of the containers.
[ ! -f "${REPORT:-}" ] || python3 - "$REPORT" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
report["processes"] = []
json.dump(report, open(sys.argv[1], "w"), indent=2)
PY
exit $status
