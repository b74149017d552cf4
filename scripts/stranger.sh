#!/usr/bin/env bash
# The clock of somebody who has never been here: from a fresh clone of what is committed to the first
# picture that his browser has checked, to the player on a page of his own, to a delegation.
#
#   scripts/stranger.sh
#
# FRESH=1 builds everything anew, as he would, in a folder that is removed afterwards (half an hour, 15 GB);
# else what ~/.cache has is used, and the clock of the build says nothing. Either way what apt, rustup, cargo and
# npm have fetched before is not fetched again. One clock runs through: each line's time has those above it in it.
# Exits 1, and says what did not hold, when one of the checks fails.
set -euo pipefail
cd "$(dirname "$0")/.."
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
[ -z "${FRESH:-}" ] || export CARGO_TARGET_DIR=$clone/target
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
export CARGO_TARGET_DIR
printf '%s processors, %s MB of memory, load %s\n' "$(nproc)" "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(cut -d' ' -f1 /proc/loadavg)"
SECONDS=0
at() { printf '%5d s  %s\n' "$SECONDS" "$*"; }
git clone --quiet . "$clone/repository"
cd "$clone/repository"
at "cloned"
make --no-print-directory setup >/dev/null
at "what was missing is installed"
make --no-print-directory pages >/dev/null
at "the pages are built"
make --no-print-directory build >/dev/null
at "all is built"
# Its lines are "watch: 12.3 s", when a check is over.
if ! ONLY=watch,embedded,stake scripts/pages-test.sh "$CARGO_TARGET_DIR/release" 2>&1 >"$clone/report.json" |
	while read -r line; do
		case $line in
			*"does not hold") printf '%s\n' "$line" >&2 ;;
			watch:*) at "a stream is played, and checked by the browser" ;;
			embedded:*) at "it is played on another page" ;;
			stake:*) at "LPT is delegated, some unbonded and bonded again, and the page tells what two rounds brought" ;;
			*) printf '%s\n' "$line" >&2 ;;
		esac
	done; then
	sed -n '/"problems"/,$p' "$clone/report.json" >&2
	exit 1
fi
