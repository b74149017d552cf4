#!/usr/bin/env python3
"""Has the tests of the state machine use what the node's build has compiled.

Cargo compiles a crate once for each set of features, and a set is that of all packages that a
command names. Hundreds of crates below the state machine would so be compiled twice, by `make
build` and by `make test-state-machine`, for differences that mean nothing to either. The crate
`runtime/features` has no code: its dependencies name those crates with the features that the build
has, and naming it in the tests' command makes the sets equal.

  scripts/features.py --write NATIVE -- STATE    writes its manifest
  scripts/features.py --check NATIVE -- STATE    fails if it would be written otherwise

NATIVE and STATE are the arguments of the two commands: `make features` passes them.
"""

import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MANIFEST = os.path.join(ROOT, "runtime/features/Cargo.toml")
# What makes the tests another build than the node; a crate that has one of these is compiled twice.
TESTS_ONLY = {
    "frame-benchmarking", "frame-system-benchmarking", "frame-try-runtime", "runtime-benchmarks",
    "try-runtime",
}
HEAD = """\
# Written by `make features`; see scripts/features.py.
[package]
name = "livepeer-features"
description = "No code: names dependencies with the features that the node's build has"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
authors.workspace = true
repository.workspace = true
publish.workspace = true

[lints]
workspace = true
"""


def units(arguments, *more):
    """What cargo would compile: name, version, kind of use and features of each library."""
    # The graph is cargo's own, and only printed under this name.
    run = subprocess.run(
        ["cargo", *arguments, *more, "--unit-graph", "-Z", "unstable-options"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "RUSTC_BOOTSTRAP": "1", "SKIP_WASM_BUILD": "1"},
    )
    found = {}
    for unit in json.loads(run.stdout)["units"]:
        source, _, name = unit["pkg_id"].rpartition("#")
        if not source.startswith("registry+") or unit["mode"] != "build":
            continue
        if unit["target"]["kind"][0] not in ("lib", "rlib", "proc-macro"):
            continue
        name, version = name.rsplit("@", 1)
        # Build scripts and macros are compiled for another profile, and with features of their own.
        host = unit["profile"]["opt_level"] == "0"
        found.setdefault((name, version, host), set()).add(frozenset(unit["features"]))
    return found


def differing(build, tests):
    """Crates that would be compiled twice for their features, with those of the build."""
    wanted = {}
    for crate, sets in tests.items():
        built = build.get(crate, set())
        # Two sets within one command are two platforms; there is nothing to unite.
        if len(built) == 1 and len(sets) == 1 and built != sets:
            (features,), (other,) = built, sets
            if not other & TESTS_ONLY:
                wanted[crate] = features
    return wanted


def write(wanted):
    text = HEAD
    for host, name in ((False, "dependencies"), (True, "build-dependencies")):
        text += f"\n[{name}]\n"
        for (crate, version, _), features in sorted((c, f) for c, f in wanted.items() if c[2] == host):
            key = crate + "-" + re.sub(r"^(0\.\d+|\d+).*", r"\1", version).replace(".", "-")
            fields = [f'package = "{crate}"', f'version = "{version.split("+")[0]}"']
            if "default" not in features:
                fields.append("default-features = false")
            listed = ", ".join(f'"{feature}"' for feature in sorted(features - {"default"}))
            if listed:
                fields.append(f"features = [{listed}]")
            text += f"{key} = {{ {', '.join(fields)} }}\n"
    with open(MANIFEST, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("--check", "--write") or "--" not in sys.argv:
        sys.exit(__doc__)
    cut = sys.argv.index("--")
    native, state = ["build", *sys.argv[2:cut]], ["test", *sys.argv[cut + 1:]]
    if sys.argv[1] == "--check":
        late = differing(units(native, "--locked"), units(state, "--locked"))
        if late:
            sys.exit(f"{len(late)} crates are compiled twice for their features: run `make features`")
        return
    write({})
    build, wanted = units(native), {}
    # What is named may bring crates of its own, whose features then have to be looked at.
    for _ in range(10):
        more = differing(build, units(state))
        if not more:
            return
        wanted |= more
        write(wanted)
    sys.exit("the features do not come to rest")


if __name__ == "__main__":
    main()
