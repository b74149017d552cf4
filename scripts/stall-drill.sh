#!/usr/bin/env bash
# Two of five validators are gone for good: the recovery of docs/operators/care.md, on nodes of a local
# network that this starts and ends. Ten minutes.
#
#   scripts/stall-drill.sh BIN_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
exec node tests/js/stalled.mjs "$1/livepeer-node"
