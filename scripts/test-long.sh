#!/usr/bin/env bash
# What is too long for every day: clippy, properties with many more cases, three honest stories in a
# row, one in which nodes and workers are killed, the bridge, the operators' pages, a backup put back, alerts
# that fire, a withdrawal in a browser; where a Docker daemon answers, the story in containers and the packages.
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
make --no-print-directory test-upstream test-gas demo-bridge
make --no-print-directory demo BRIDGE=1 ONCE=1
make --no-print-directory runbooks-test restore-test alerts-test operating-test
VALIDATORS=5 scripts/runbooks-test.py "$bin" validator transcoder
ONLY=withdraw scripts/pages-test.sh "$bin"
if docker version >/dev/null 2>&1; then
	MONITORING=prometheus DISTURB=1 ONCE=1 docker/demo.sh "$bin"
	MONITORING=prometheus ONCE=1 CHEAT=black docker/demo.sh "$bin"
	ONCE=1 docker/demo.sh "$bin" --kill --segments 32
	make --no-print-directory test-native
	docker/test.sh "$bin"
	docker/operators-test.sh "$bin"
	packaging/units-test.sh "$bin"
	packaging/test.sh "$bin"
else
	echo "no Docker daemon answers: containers and packages are not tested" >&2
fi
