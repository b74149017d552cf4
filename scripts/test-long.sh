#!/usr/bin/env bash
# What is too long for every day: clippy, properties with many more cases, three honest stories in a
# row, one in which nodes and workers are killed.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$CARGO_TARGET_DIR/release
make --no-print-directory lint
export PROPTEST_CASES=${PROPTEST_CASES:-4000}
make --no-print-directory test-state-machine
for _ in 1 2 3; do
	"$bin/livepeer-demo" --bin-dir "$bin" --once
done
make --no-print-directory drill
