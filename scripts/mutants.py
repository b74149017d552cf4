#!/usr/bin/env python3
"""Do the tests notice when the code is broken? See docs/testing.md, "Mutants".

  ACTION=run       (default) test the mutants of this shard whose fate is not known
  ACTION=list      print what all shards together would test
  ACTION=again     test survivors once more, against every test of their crate
  ACTION=stories   test survivors once more, against the tests of the runtime and its stories
  ACTION=report    counts by file and survivors; fails unless all is known, every survivor of the
                   files in FULL is explained in docs/mutants.md, and nine of ten others are caught
  ACTION=write     the same, and write the counts into docs/mutants.md
  SHARD=K/N        the part that this machine takes, from 0/N to N-1/N
  MINUTES=M        stop after so long; what is known stays known
  SEED=S SAMPLE=N  which mutants, and how many, are drawn outside of the files in FULL
  ONLY=REGEX       of all these only mutants whose name fits
  MUTANTS=DIR      where results and builds are kept

What became of a mutant is written down when it is known, in a file for each shard, and holds as long
as the mutated file does not change. Results of several machines count together when their
results-*.jsonl lie in one folder.
"""

import collections
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Every mutant of these is tested: they decide, compute, draw, or build and check trees.
FULL = [
    "primitives/src/chunks.rs", "primitives/src/draw.rs", "primitives/src/params.rs",
    "primitives/src/sum_tree.rs", "primitives/src/variant.rs", "primitives/src/work.rs",
    "pallets/*/src/choice.rs", "pallets/*/src/decision.rs", "pallets/*/src/draw_impls.rs",
    "pallets/*/src/generations.rs", "pallets/*/src/liabilities.rs", "pallets/*/src/maths.rs",
    "pallets/*/src/ssz.rs", "pallets/*/src/trie.rs", "pallets/*/src/verify.rs",
]
# Of these only a sample.
SAMPLED = ["pallets/*/src/*.rs"]
# These are no rules of the state machine.
NEVER = [
    "**/tests/**", "**/tests.rs", "**/mock.rs", "**/mock/**", "**/simulator.rs",
    "**/benchmarking.rs", "**/weights.rs", "**/try_state_impls.rs",
]
# So many are handed to cargo-mutants at once; each time it runs the unchanged tests first.
BATCH = 60
CAUGHT, MISSED, UNVIABLE = "caught", "missed", "unviable"
EXPLANATIONS = os.path.join(ROOT, "docs/mutants.md")
COUNTS = "## Counts\n"


def setting(name, default):
    return os.environ.get(name) or default


TARGET = setting("CARGO_TARGET_DIR", os.path.expanduser("~/.cache/livepeer-appchain/target"))
OUT = os.path.abspath(setting("MUTANTS", os.path.join(TARGET, "mutants")))
TREE = os.path.join(OUT, "tree")
SHARD, SHARDS = (int(part) for part in setting("SHARD", "0/1").split("/"))
PART = f"{SHARD}-of-{SHARDS}"
END = time.monotonic() + 60 * float(setting("MINUTES", "inf"))


def environment():
    """That of cargo: builds of their own, and the tools of fixed version first."""
    tools = subprocess.run(
        [os.path.join(ROOT, "scripts/tools.sh"), "--bin"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    path = os.pathsep.join([os.path.expanduser("~/.cargo/bin"), tools, os.environ["PATH"]])
    target = os.path.join(OUT, "target")
    return {**os.environ, "PATH": path, "SKIP_WASM_BUILD": "1", "CARGO_TARGET_DIR": target}


def options(name, values):
    return [f"{name}={value}" for value in values]


# Checks of the state, and what only benchmarks make and set.
EXCLUDED = options("--exclude", NEVER) + [
    "--exclude-re=integrity_test|try_state|::(make_(block|candidate|claim|seat|seed|stake|toolchain|verifier_key)|set_current|set_seconds)\\b"
]


def listed(*files):
    """The mutants of some files, in the order in which they stand there."""
    run = subprocess.run(
        ["cargo", "mutants", "--workspace", "--list", "--json", "--no-shuffle", *EXCLUDED, *files],
        cwd=ROOT, env=environment(), check=True, stdout=subprocess.PIPE, text=True,
    )
    return json.loads(run.stdout)


def digest(file):
    with open(os.path.join(ROOT, file), "rb") as content:
        return hashlib.sha256(content.read()).hexdigest()[:16]


def drawn(mutants, seed):
    """In an order of chance that is everybody's, and that hardly changes with the tree: what is known of
    a sample then stays known. So each has its place by itself, not by where it stands in the list."""
    alike = collections.Counter()
    places = {}
    for mutant in mutants:
        # Several of a function are called the same, but for line and column.
        name = plain(mutant["name"])
        alike[name] += 1
        places[mutant["name"]] = hashlib.sha256(f"{seed} {alike[name]} {name}".encode()).digest()
    return sorted(mutants, key=lambda mutant: places[mutant["name"]])


def wanted():
    """What all shards together test: first all of FULL, then the sample."""
    full = listed(*options("--file", FULL))
    rest = listed(*options("--file", SAMPLED), *options("--exclude", FULL))
    sample = drawn(rest, setting("SEED", "1"))[:int(setting("SAMPLE", "240"))]
    # Mutants of one package together: going from one to another compiles more.
    sample.sort(key=lambda mutant: (mutant["package"], mutant["name"]))
    digests, only, all_of_them = {}, re.compile(setting("ONLY", "")), []
    for kind, mutants in (("full", full), ("sample", sample)):
        for mutant in mutants:
            name, file = mutant["name"], mutant["file"]
            if file not in digests:
                digests[file] = digest(file)
            if only.search(name):
                all_of_them.append({
                    "name": name, "file": file, "package": mutant["package"], "kind": kind,
                    "digest": digests[file],
                })
    return all_of_them


def known(mutants):
    """What became of those mutants of which it is known; the newest result counts."""
    results = {}
    for file in sorted(os.listdir(OUT)) if os.path.isdir(OUT) else []:
        if re.fullmatch(r"results-\d+-of-\d+\.jsonl", file):
            with open(os.path.join(OUT, file)) as lines:
                results.update(((r["name"], r["digest"]), r) for r in map(json.loads, lines)
                               if newer(r, results.get((r["name"], r["digest"]))))
    fates = {}
    for mutant in mutants:
        result = results.get((mutant["name"], mutant["digest"]))
        if result:
            fates[mutant["name"]] = result["fate"]
    return fates


def newer(result, other):
    return other is None or result["time"] >= other["time"]


def write_down(mutants, fates):
    with open(os.path.join(OUT, f"results-{PART}.jsonl"), "a") as lines:
        for mutant in mutants:
            if mutant["name"] in fates:
                result = {**mutant, "fate": fates[mutant["name"]], "time": time.time()}
                lines.write(json.dumps(result) + "\n")


def copy_tree():
    """Keeps a copy of the sources in which mutants are made. Only what differs is written, so that
    cargo compiles nothing else anew, also after a run that was stopped."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.split("\0")
    names = {name for name in names if name and os.path.isfile(os.path.join(ROOT, name))}
    for folder, _, files in os.walk(TREE):
        for file in files:
            path = os.path.join(folder, file)
            if os.path.relpath(path, TREE) not in names:
                os.remove(path)
    for name in names:
        source, copy = os.path.join(ROOT, name), os.path.join(TREE, name)
        with open(source, "rb") as file:
            content = file.read()
        if os.path.isfile(copy):
            with open(copy, "rb") as file:
                if file.read() == content:
                    continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        with open(copy, "wb") as file:
            file.write(content)
        shutil.copymode(source, copy)


# What a mutant is tested with, as options of cargo-mutants; cargo's own, too, so that nothing else
# is compiled. The unchanged tests say how long they may take.
USUAL = ("--minimum-test-timeout=120", "--timeout-multiplier=4")


def narrow(mutant):
    """Who should notice: the tests of that name of the primitives, all of a pallet."""
    if mutant["package"] != "livepeer-primitives":
        return (*USUAL, "--cargo-arg=--lib")
    stem = os.path.splitext(os.path.basename(mutant["file"]))[0]
    return (*USUAL, f"--cargo-arg=--test={stem}")


def all_of_crate(mutant):
    is_pallet = mutant["package"] != "livepeer-primitives"
    return (*USUAL, "--cargo-arg=--lib" if is_pallet else "--cargo-arg=--test=*")


def stories(_):
    # cargo-mutants would take the time from the crate's own tests.
    packages = ("livepeer-runtime", "livepeer-integration-tests")
    return ("--baseline=skip", "--timeout=3600", *options("--test-package", packages))


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path) as lines:
        return [line.rstrip("\n") for line in lines]


def results_in(folder):
    fates = {}
    for fate, files in (
        (MISSED, ["missed"]), (CAUGHT, ["caught", "timeout"]), (UNVIABLE, ["unviable"]),
    ):
        for file in files:
            for name in lines_of(os.path.join(folder, "mutants.out", f"{file}.txt")):
                fates[name] = fate
    return fates


def test(mutants, tests):
    """Tests a batch until the time is over; says whether it came to its end."""
    results = os.path.join(OUT, f"run-{PART}")
    shutil.rmtree(results, ignore_errors=True)
    os.makedirs(results)
    names = "|".join(re.escape(mutant["name"]) for mutant in mutants)
    # cargo-mutants 27.1 asks no expression about fields left out of a struct: those that are in the
    # same files come along, and are not written down.
    command = [
        "cargo", "mutants", "--dir", TREE, "--in-place", "--workspace", "--all-features",
        "--profile=mutants", "--no-shuffle", "--colors=never", f"--output={results}",
        *EXCLUDED, f"--re=^({names})$", *tests,
        *options("--file", sorted({mutant["file"] for mutant in mutants})),
    ]
    run = subprocess.Popen(command, env=environment(), start_new_session=True)
    ended = True
    try:
        run.wait(timeout=None if END == float("inf") else max(END - time.monotonic(), 0))
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as reason:
        ended = False
        # It ends what it runs and puts the file back.
        run.send_signal(signal.SIGINT)
        try:
            run.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        if isinstance(reason, KeyboardInterrupt):
            write_down(mutants, results_in(results))
            sys.exit(130)
    fates = results_in(results)
    write_down(mutants, fates)
    if not ended:
        return False
    # 2: some survived, 3: some ran into the limit. Anything else is no result.
    if run.returncode not in (0, 2, 3):
        sys.exit(f"mutants: cargo-mutants ended with {run.returncode}; see {results}/mutants.out/log")
    lost = [mutant["name"] for mutant in mutants if mutant["name"] not in fates]
    if lost:
        sys.exit("mutants: nothing became of\n" + "\n".join(lost))
    return True


def run(mutants, tests):
    """Tests these mutants, those of one package with the same tests together."""
    copy_tree()
    groups = collections.defaultdict(list)
    for mutant in mutants:
        groups[mutant["kind"], mutant["package"], tests(mutant)].append(mutant)
    left = len(mutants)
    for (kind, package, arguments), group in groups.items():
        for start in range(0, len(group), BATCH):
            batch = group[start:start + BATCH]
            print(f"=== {left} left; {len(batch)} of {package} ({kind})", flush=True)
            if END <= time.monotonic() or not test(batch, arguments):
                print("mutants: the time is over; the same again goes on from here")
                return
            left -= len(batch)


def plain(name):
    """Without line and column, which move."""
    return re.sub(r":\d+:\d+: ", ": ", name)


def report(mutants):
    """Prints counts and survivors; returns the table, whether what is known is as it should be, and
    whether all is known."""
    explained = {
        span for line in lines_of(EXPLANATIONS) if line.startswith("|")
        for span in re.findall(r"`([^`]+)`", line)
    }
    fates = known(mutants)
    counts = collections.defaultdict(collections.Counter)
    for mutant in mutants:
        fate = fates.get(mutant["name"], "unknown")
        for row in ((mutant["kind"], mutant["file"]), (mutant["kind"], "all")):
            counts[row][fate] += 1
    head = ("", "File", CAUGHT, MISSED, UNVIABLE, "unknown")
    table = [f"| {' | '.join(head)} |", "|---|---|---|---|---|---|"]
    for (kind, file), row in sorted(counts.items()):
        table.append(f"| {kind} | {file} | {' | '.join(str(row[fate]) for fate in head[2:])} |")
    print("\n".join(table))
    good = True
    for mutant in mutants:
        if fates.get(mutant["name"]) == MISSED:
            is_explained = plain(mutant["name"]) in explained
            print("explained:" if is_explained else "SURVIVED: ", mutant["name"])
            good &= is_explained or mutant["kind"] == "sample"
    sample = counts["sample", "all"]
    viable = sample[CAUGHT] + sample[MISSED]
    if viable:
        print(f"{sample[CAUGHT]} of {viable} of the sample caught: {sample[CAUGHT] / viable:.1%}")
        good &= 10 * sample[CAUGHT] >= 9 * viable
    unknown = counts["full", "all"]["unknown"] + sample["unknown"]
    if unknown:
        print(f"{unknown} of {len(mutants)} are not tested yet")
    return table, good, not unknown


def write(table):
    """Puts the counts at the end of the explanations."""
    with open(EXPLANATIONS) as file:
        text = file.read().split(COUNTS)[0]
    sample = f"`SEED={setting('SEED', '1')} SAMPLE={setting('SAMPLE', '240')}`"
    with open(EXPLANATIONS, "w") as file:
        file.write(f"{text}{COUNTS}\nWritten by `make mutants ACTION=write`, with {sample}.\n\n")
        file.write("\n".join(table) + "\n")


def main():
    action = setting("ACTION", "run")
    if action not in ("run", "list", "again", "stories", "report", "write"):
        sys.exit("mutants: ACTION is run, list, again, stories, report or write")
    if not 0 <= SHARD < SHARDS:
        sys.exit("mutants: SHARD is K/N, with K below N")
    subprocess.run([os.path.join(ROOT, "scripts/tools.sh"), "cargo-mutants"], check=True)
    os.makedirs(OUT, exist_ok=True)
    mutants = wanted()
    if action == "list":
        for mutant in mutants:
            print(f"{mutant['kind']:8}{mutant['name']}")
        return
    # In turn, not in slices: every shard has its part of each file.
    mine = [mutant for at, mutant in enumerate(mutants) if at % SHARDS == SHARD]
    fates = known(mutants)
    if action == "run":
        run([mutant for mutant in mine if mutant["name"] not in fates], narrow)
    elif action in ("again", "stories"):
        survivors = [mutant for mutant in mine if fates.get(mutant["name"]) == MISSED]
        run(survivors, all_of_crate if action == "again" else stories)
    table, good, complete = report(mutants)
    if action == "write":
        write(table)
    # Who gave it little time did not ask for everything.
    sys.exit(0 if good and (complete or END < float("inf") or SHARDS > 1) else 1)


if __name__ == "__main__":
    main()
