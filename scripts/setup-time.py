#!/usr/bin/env python3
"""How long does a newcomer wait? Run it on an idle machine: whatever else runs is measured too.

  REV=COMMIT           measure this state instead of HEAD
  STEPS="demo test"    only these of: demo, test, again, checkout
  KEEP=1               go on in what an earlier run has built, instead of from nothing

In a fresh worktree, with an empty target directory, one after the other, each with its time and its
processor seconds:

  demo      `make demo ONCE=1` from nothing
  test      `make test` after it
  again     `make demo ONCE=1` when nothing is left to build
  checkout  `make build` in a second checkout that has the first one's target directory

What is fetched (packages of Debian and npm, sources of crates) is fetched before.
"""

import os
import resource
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.environ.get("SETUP_TIME") or os.path.expanduser("~/.cache/livepeer-appchain/setup-time")
COMMANDS = {
    "demo": ("one", ["make", "demo", "ONCE=1"]),
    "test": ("one", ["make", "test"]),
    "again": ("one", ["make", "demo", "ONCE=1"]),
    "checkout": ("two", ["make", "build"]),
}


def git(*arguments):
    run = subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout.strip()


def worktree(name, commit):
    """A checkout of its own, as a newcomer has it: nothing in it is built or installed."""
    path = os.path.join(FOLDER, name)
    if os.path.exists(path):
        git("worktree", "remove", "--force", path)
    git("worktree", "prune")
    git("worktree", "add", "--quiet", "--detach", path, commit)
    return path


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(command, folder):
    environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(FOLDER, "target")}
    for name in ("REV", "STEPS", "KEEP", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(name, None)
    start, used = time.monotonic(), processor_seconds()
    status = subprocess.run(command, cwd=folder, env=environment).returncode
    took, used = time.monotonic() - start, processor_seconds() - used
    if status:
        sys.exit(f"setup-time: {' '.join(command)} ended with {status} after {took:.0f} s")
    return took, used


def main():
    steps = (os.environ.get("STEPS") or " ".join(COMMANDS)).split()
    if not steps or not set(steps) <= set(COMMANDS):
        sys.exit(f"setup-time: STEPS are some of {' '.join(COMMANDS)}")
    commit = git("rev-parse", "--short=11", os.environ.get("REV") or "HEAD")
    keep = bool(os.environ.get("KEEP"))
    if not keep:
        shutil.rmtree(os.path.join(FOLDER, "target"), ignore_errors=True)
    os.makedirs(FOLDER, exist_ok=True)
    folders = {}
    for name in sorted({COMMANDS[step][0] for step in steps}):
        path = os.path.join(FOLDER, name)
        folders[name] = path if keep and os.path.exists(path) else worktree(name, commit)
    cargo = shutil.which("cargo") or os.path.expanduser("~/.cargo/bin/cargo")
    for folder in folders.values():
        subprocess.run(["make", "setup"], cwd=folder, check=True)
        subprocess.run([cargo, "fetch", "--locked"], cwd=folder, check=True)
    load = os.getloadavg()[0]
    rows = []
    for step in steps:
        place, command = COMMANDS[step]
        print(f"=== {step}: {' '.join(command)}", flush=True)
        took, used = measure(command, folders[place])
        rows.append(f"| {step} | `{' '.join(command)}` | {took / 60:.1f} | {used:.0f} |")
        print(rows[-1], flush=True)
    print(f"\n{commit} on {os.cpu_count()} cores, load before {load:.1f}\n")
    print("| Step | Command | Minutes | Processor seconds |\n|---|---|---|---|")
    print("\n".join(rows))
    for name in folders:
        git("worktree", "remove", "--force", os.path.join(FOLDER, name))


if __name__ == "__main__":
    main()
