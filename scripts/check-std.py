#!/usr/bin/env python3
"""Looks whether each crate of the state machine can be built and tested by itself.

Cargo joins the features of all that one command names. A pallet whose `std` leaves out a pallet or a
primitive of the SDK therefore compiles beside the others, and not alone: `cargo test -p PALLET` fails.
"""

import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    run = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version=1"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    )
    packages = {package["id"]: package for package in json.loads(run.stdout)["packages"]}
    has_std = {
        package["name"] for package in packages.values()
        if "std" in package["features"]
        and (package["source"] is None or "polkadot-sdk" in (package["repository"] or ""))
    }
    missing = []
    for package in packages.values():
        if package["source"] is not None or "std" not in package["features"]:
            continue
        named = {feature.partition("/")[0].rstrip("?") for feature in package["features"]["std"]}
        for dependency in package["dependencies"]:
            name = dependency["rename"] or dependency["name"]
            if dependency["uses_default_features"] or dependency["kind"] == "build":
                continue
            if dependency["name"] in has_std and name not in named:
                missing.append(f"{package['name']}: its feature `std` needs \"{name}/std\"")
    if missing:
        sys.exit("\n".join(sorted(set(missing))))


if __name__ == "__main__":
    main()
