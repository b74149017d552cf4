#!/usr/bin/env bash
# Validators come and go, on nodes of a local network that this starts and ends. Half an hour.
#
#   scripts/validators-drill.sh BIN_DIR
#
# ONLY="slashed double" runs some of the stories:
#   validators  one joins, makes blocks, is killed and leaves, while a light client follows
#   slashed     one is reported for two votes in one round: it pays, and makes no block any more
#   double      one runs twice, from the image of its machine: the others report it
#   stream      one joins and leaves while somebody watches a stream, which is judged and paid
#   stalled     two of five are gone for good; finality comes back as docs/operators/care.md says
set -euo pipefail
cd "$(dirname "$0")/.."
node=$1/livepeer-node
# Segments of two seconds: both changes fall into the stream.
segments=150
for story in ${ONLY:-validators slashed double stream stalled}; do
	printf '\n=== %s (%s s)\n' "$story" "$SECONDS"
	if [ "$story" = stream ]; then
		data=$(mktemp -d)
		trap 'rm -rf "$data"' EXIT
		"$1/livepeer-demo" --bin-dir "$1" --once --segments "$segments" --data "$data" \
			--attack "node tests/js/stream.mjs $node $data"
	else
		node "tests/js/$story.mjs" "$node"
	fi
done
