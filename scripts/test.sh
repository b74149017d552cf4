#!/usr/bin/env bash
# All tests of every day, cheap ones first. Called by `make test`, which has built the binaries.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$CARGO_TARGET_DIR/release
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
step() { printf '\n=== %s (%s s)\n' "$*" "$SECONDS"; }

step "formatting, one line of every SDK crate, documentation against the tree"
cargo fmt --all --check
scripts/check-versions.sh
scripts/check-std.py
scripts/check-docs.py
scripts/economics.py --check
git apply --check tests/upgrade/next.patch # what `make upgrade-drill` upgrades to
make --no-print-directory formats-check
make --no-print-directory monitoring-test

step "the bridge's contracts, in memory and on anvil under the beacon simulator"
make --no-print-directory contracts test-contracts test-anvil

step "the pages: types, and what they verify against the golden vectors"
make --no-print-directory test-pages

step "state machine: unit tests, properties, stories, benchmarks as tests"
make --no-print-directory test-state-machine

step "node and worker: unit and process tests"
make --no-print-directory test-native

step "the bridge: its relayer's tests; deposits and withdrawals over anvil, with a relayer that is killed"
make --no-print-directory test-bridge demo-bridge SHORT=1

step "no validator process loads libav"
if ldd "$bin/livepeer-node" | grep -E 'libav|libsw|libx264'; then
	echo "livepeer-node links video code" >&2
	exit 1
fi

step "packages from the binaries that are built, and images where a Docker daemon answers that has their base"
packaging/build.sh "$bin" "$out/packages"
base=${BASE:-debian:bookworm-slim}
if docker version >/dev/null 2>&1 && { docker image inspect "$base" || timeout 60 docker pull "$base"; } >/dev/null 2>&1; then
	docker/build.sh "$bin"
	docker/test.sh "$bin"
else
	echo "SKIPPED: images, for no Docker daemon answers, or it has no $base and cannot pull it" >&2
fi

step "the guide for polkadot.js Apps, step by step"
scripts/apps-test.sh

step "an honest story: a stream in, verified renditions out, everybody paid"
"$bin/livepeer-demo" --bin-dir "$bin" --once --report "$out/honest.json" --data "$out/honest" \
	--player-test "node tests/js/player.mjs" --chain-test "scripts/chain-test.sh"

step "the pages in a browser: a stream seen proven, a tampered one called out, stake by a wallet"
scripts/pages-test.sh "$bin"

step "a cheating transcoder: named, refunded, slashed, while a viewer looks on"
"$bin/livepeer-demo" --bin-dir "$bin" --once --cheat black --report "$out/cheat.json" --data "$out/cheat" \
	--player-test "node tests/js/slash.mjs"
step "all passed"
