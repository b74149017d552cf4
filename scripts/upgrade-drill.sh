#!/usr/bin/env bash
# The demo network gets a new runtime in mid-stream: that of `tests/upgrade/next.patch`, which adds a
# parameter as docs/changing.md says, with its migration. The code changes while a claim is judged,
# which must be accepted and paid after it. No process is restarted, which the demo checks by their
# numbers; the story must hold, and so must every invariant in the state before and after.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
export CARGO_TARGET_DIR
bin=$CARGO_TARGET_DIR/release
patch=$PWD/tests/upgrade/next.patch
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
step() { printf '\n=== %s (%s s)\n' "$*" "$SECONDS"; }
# What the next runtime changes is newer than what was built last: builds in both folders share the target
# directory, where Cargo knows a source by its path in the workspace and by its time.
renew() {
	(cd "$1" && git apply --numstat "$patch" | cut -f 3 | xargs -d '\n' touch)
}
# The invariants of the runtime in the current folder on the state of a chain.
invariants() {
	LIVEPEER_STATE=$1 make --no-print-directory test-state-machine ARGS="--test state"
}

step "the next runtime"
next=$out/next
mkdir "$next"
git ls-files -z | xargs -0 cp --parents --target-directory "$next"
git -C "$next" init --quiet
git -C "$next" apply "$patch"
(cd "$next" && scripts/wasm.sh "$out")
wasm=$out/livepeer_runtime.wasm

step "a story in which the runtime changes"
"$bin/livepeer-demo" --bin-dir "$bin" --once --segments 40 --data "$out/demo" \
	--upgrade "node tests/js/upgrade.mjs $wasm $out"

step "every invariant before it"
invariants "$out/before.json"
step "every invariant after it"
renew "$next"
# Whatever is built next is built of this folder again.
trap 'renew "$PWD"; rm -rf "$out"' EXIT
(cd "$next" && invariants "$out/after.json")
step "all passed"
