#!/usr/bin/env bash
# Validators come and go, on nodes of a local network that this starts and ends: one joins, makes blocks,
# is killed and leaves while a light client follows; then two of five are gone for good, and finality
# comes back as docs/operators/care.md says. A quarter of an hour.
#
#   scripts/validators-drill.sh BIN_DIR
#
# ONLY=validators or ONLY=stalled runs one of the two.
set -euo pipefail
cd "$(dirname "$0")/.."
for drill in ${ONLY:-validators stalled}; do
	node "tests/js/$drill.mjs" "$1/livepeer-node"
done
