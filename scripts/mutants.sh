#!/usr/bin/env bash
# Do the tests notice when the code is broken? See docs/testing.md, "Mutants".
#
#   ACTION=run       (default) test the mutants of this shard that are not known as caught
#   ACTION=list      print what all shards together would test
#   ACTION=stories   test survivors again, against the tests of the runtime and its stories
#   ACTION=report    counts by file and survivors; fails if one is not explained in docs/mutants.md
#   SHARD=K/N        the part that this machine takes, from 0/N to N-1/N
#   SEED=S SAMPLE=N  which mutants, and how many, are drawn outside of the files in FULL
#   ONLY=REGEX       of all these only mutants whose name fits
#   MUTANTS=DIR      where results and builds are kept
set -euo pipefail
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
out=${MUTANTS:-$CARGO_TARGET_DIR/mutants}
shard=${SHARD:-0/1}
part=${shard/\//-of-}
mkdir -p "$out"

# Every mutant of these is tested: they decide, compute, draw, or build trees.
FULL=(
	'pallets/*/src/choice.rs' 'pallets/*/src/decide.rs' 'pallets/*/src/decision.rs'
	'pallets/*/src/maths.rs' 'primitives/src/chunks.rs' 'primitives/src/draw.rs'
	'primitives/src/sum_tree.rs' 'primitives/src/work.rs'
)
# Of these only a sample.
SAMPLED=('pallets/*/src/*.rs')
# These are no rules of the state machine.
NEVER=(
	'**/tests/**' '**/tests.rs' '**/mock.rs' '**/mock/**' '**/benchmarking.rs' '**/weights.rs'
	'**/try_state.rs' '**/try_state_impls.rs'
)

[ "${ACTION:-run}" = report ] || scripts/tools.sh cargo-mutants
PATH="$HOME/.cargo/bin:$(scripts/tools.sh --bin):$PATH"
export SKIP_WASM_BUILD=1
# Compiled once; the mutated crate is all that is compiled again and again.
export CARGO_TARGET_DIR=$out/target

flags() { # an option, then its values
	local option=$1 value
	shift
	for value in "$@"; do printf '%s\0' "$option" "$value"; done
}
mapfile -d '' full < <(flags --file "${FULL[@]}")
mapfile -d '' sampled < <(flags --file "${SAMPLED[@]}")
mapfile -d '' not_full < <(flags --exclude "${FULL[@]}")
mapfile -d '' never < <(
	flags --exclude "${NEVER[@]}"
	flags --exclude-re 'integrity_test|try_state'
)

# The names on standard input as one expression that fits nothing else.
expression() {
	python3 -c 'import re, sys; print("^(" + "|".join(re.escape(l.rstrip("\n")) for l in sys.stdin) + ")$")'
}
list() {
	cargo mutants --workspace --list --colors never --no-shuffle "${never[@]}" "$@" |
		{ grep -E -- "${ONLY:-.}" || true; }
}
list_full() { list "${full[@]}"; }
# Drawn from the sorted list, so that everybody draws the same from the same tree.
list_sample() {
	list "${sampled[@]}" "${not_full[@]}" | LC_ALL=C sort | SEED=${SEED:-1} SAMPLE=${SAMPLE:-240} python3 -c '
import os, random, sys
names = sys.stdin.readlines()
drawn = random.Random(int(os.environ["SEED"])).sample(names, min(len(names), int(os.environ["SAMPLE"])))
sys.stdout.writelines(sorted(drawn))'
}

# Tests the mutants whose names are on standard input: a folder for the results, then options.
# cargo-mutants 27.1 asks no expression about fields left out of a struct: those that are in the same
# files come along.
try() {
	local results=$1 names status=0 files
	shift
	names=$(cat)
	[ -n "$names" ] || return 0
	mapfile -d '' files < <(cut -d: -f1 <<<"$names" | LC_ALL=C sort -u | tr '\n' '\0' | xargs -0 printf -- '--file\0%s\0')
	cargo mutants --workspace --all-features --profile mutants --no-shuffle --iterate \
		--minimum-test-timeout 120 --timeout-multiplier 4 --colors never \
		--output "$results" "${files[@]}" "${never[@]}" --re "$(expression <<<"$names")" "$@" || status=$?
	# 2: some survived, 3: some ran into the limit. Anything else is no result.
	case $status in 0 | 2 | 3) ;; *) exit $status ;; esac
}

# What became of all mutants so far.
report() {
	python3 - "$out" docs/mutants.md <<'PYTHON'
import collections, glob, os, re, sys

out, explanations = sys.argv[1:]

def names(path):
    return [line.rstrip("\n") for line in open(path)] if os.path.exists(path) else []

def plain(name):
    """Without line and column, which move."""
    return re.sub(r":\d+:\d+: ", ": ", name)

with open(explanations) as file:
    explained = {span for line in file if line.startswith("|") for span in re.findall(r"`([^`]+)`", line)}
fates = {}
for folder in sorted(glob.glob(os.path.join(out, "*", "mutants.out"))):
    kind = os.path.basename(os.path.dirname(folder)).split("-")[0]
    for fate, files in (
        ("missed", ["missed.txt"]),
        ("caught", ["caught.txt", "previously_caught.txt", "timeout.txt"]),
        ("unviable", ["unviable.txt"]),
    ):
        for name in (name for file in files for name in names(os.path.join(folder, file))):
            if kind != "stories":
                fates[name] = (kind, fate)
            elif fate == "caught" and name in fates:
                fates[name] = (fates[name][0], fate)
table = collections.defaultdict(collections.Counter)
for name, (kind, fate) in fates.items():
    table[kind, name.split(":")[0]][fate] += 1
    table[kind, "all"][fate] += 1
print(f"{'':8}{'caught':>8}{'missed':>8}{'unviable':>9}")
for (kind, file), counts in sorted(table.items()):
    print(f"{kind:8}{counts['caught']:>8}{counts['missed']:>8}{counts['unviable']:>9}  {file}")
survivors = sorted(name for name, (_, fate) in fates.items() if fate == "missed")
unexplained = [name for name in survivors if plain(name) not in explained]
for name in survivors:
    print("explained:" if name not in unexplained else "SURVIVED: ", name)
sys.exit(1 if unexplained else 0)
PYTHON
}

case ${ACTION:-run} in
list)
	list_full | sed 's/^/full    /'
	list_sample | sed 's/^/sample  /'
	;;
run)
	list_full | try "$out/full-$part" --shard "$shard"
	list_sample | try "$out/sample-$part" --shard "$shard"
	report
	;;
stories)
	{ cat "$out"/{full,sample}-*/mutants.out/missed.txt 2>/dev/null || true; } | LC_ALL=C sort -u |
		try "$out/stories-$part" --shard "$shard" \
			--test-package livepeer-runtime --test-package livepeer-integration-tests
	report
	;;
report) report ;;
*)
	echo "mutants: ACTION is run, list, stories or report" >&2
	exit 2
	;;
esac
