#!/usr/bin/env python3
"""Writes what is inside a binary or an image as a CycloneDX list (JSON, 1.5), and scans such lists.

    sbom.py binary FILE          crates: those that cargo-auditable wrote into it, else those of Cargo.lock
    sbom.py image NAME BINARY    crates of its binary, and Debian's packages in the image (asks docker)
    sbom.py scan ADVISORIES LIST...
                                 looks for the lists' crates in a checkout of
                                 https://github.com/RustSec/advisory-db, and fails where one is vulnerable.
                                 What concerns us not is in deny.toml, with its reason. Debian's packages are
                                 compared with Debian's archive by docker/test.sh

Only the standard library and, for images, docker.
"""

import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def section(data, wanted):
    """A section of a 64-bit little-endian ELF file, by name."""
    number = lambda at, size: int.from_bytes(data[at:at + size], "little")
    if data[:6] != b"\x7fELF\x02\x01":
        sys.exit("sbom: not a 64-bit ELF file")
    table, size, count, names = number(40, 8), number(58, 2), number(60, 2), number(62, 2)
    strings = number(table + names * size + 24, 8)
    for i in range(count):
        head = table + i * size
        start = strings + number(head, 4)
        if data[start:data.index(b"\0", start)].decode() == wanted:
            begin = number(head + 24, 8)
            return data[begin:begin + number(head + 32, 8)]
    return None


def crates(path):
    """Name, version and source of each crate, and where that is known from."""
    with open(path, "rb") as file:
        data = file.read()
    inside = section(data, ".dep-v0")
    if inside:
        packages = json.loads(zlib.decompress(inside))["packages"]
        found = {(p["name"], p["version"]) for p in packages if p.get("kind", "runtime") == "runtime"}
        return sorted(found), "the binary"
    with open(os.path.join(ROOT, "Cargo.lock"), "rb") as file:
        packages = tomllib.load(file)["package"]
    return sorted({(p["name"], p["version"]) for p in packages}), "Cargo.lock, which holds more than the binary"


def component(kind, name, version):
    purl = f"pkg:{kind}/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def bill(name, path, more=()):
    found, source = crates(path)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    parts = [component("cargo", *crate) for crate in found] + list(more)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "properties": [{"name": "livepeer:crates-from", "value": source}],
            },
        },
        "components": parts,
    }


def debian(image):
    listed = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "dpkg-query", image,
         "--showformat", "${Package} ${Version} ${Architecture}\n", "--show"],
        check=True, capture_output=True, text=True,
    ).stdout.split("\n")
    for line in filter(None, listed):
        name, version, arch = line.split()
        part = component("deb/debian", name, version)
        part["purl"] += f"?arch={arch}&distro=bookworm"
        yield part


def version_of(text):
    """A version's numbers, then whether it is none before a release; what is behind a plus does not count.
    Versions before the same release are taken for one: a scan rather says too much than too little."""
    numbers, _, before = text.strip().split("+")[0].partition("-")
    parts = [int(part) for part in numbers.split(".")]
    return (*parts, *(0,) * (3 - len(parts)), not before)


def satisfies(version, requirement):
    """Whether a version is one of those that a requirement of Cargo names."""
    for one in filter(None, requirement.split(",")):
        sign, text = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|~)?\s*(.+)", one).groups()
        least = version_of(text)
        if sign in (None, "^"):
            # The first number that is not nought may not change.
            fixed = next((i for i, part in enumerate(least[:3]) if part), 2)
            holds = version >= least and version[:fixed + 1] == least[:fixed + 1]
        elif sign == "~":
            holds = version >= least and version[:2] == least[:2]
        else:
            holds = {
                ">=": version >= least, "<=": version <= least, ">": version > least, "<": version < least,
                "=": version == least,
            }[sign]
        if not holds:
            return False
    return True


def scan(advisories, lists):
    """What is known against the crates of lists."""
    with open(os.path.join(ROOT, "deny.toml"), "rb") as file:
        ignored = tomllib.load(file)["advisories"].get("ignore", [])
    ignored = {one["id"] if isinstance(one, dict) else one for one in ignored}
    if not os.path.isdir(os.path.join(advisories, "crates")):
        sys.exit(f"sbom: {advisories} is no checkout of RustSec's advisories: it has no folder `crates`")
    found, scanned = [], 0
    for path in lists:
        with open(path, encoding="utf-8") as file:
            components = json.load(file)["components"]
        crates_of = [part for part in components if part["purl"].startswith("pkg:cargo/")]
        if not crates_of:
            sys.exit(f"sbom: {path} lists no crate")
        scanned += len(crates_of)
        for part in crates_of:
            version = version_of(part["version"])
            for file in glob.glob(os.path.join(glob.escape(advisories), "crates", part["name"], "*.md")):
                with open(file, encoding="utf-8") as text:
                    said = tomllib.loads(re.search(r"```toml\n(.*?)```", text.read(), re.S)[1])
                advisory, versions = said["advisory"], said.get("versions", {})
                safe = versions.get("patched", []) + versions.get("unaffected", [])
                # Of unmaintained crates and the like `make lint` tells.
                if advisory["id"] in ignored or "withdrawn" in advisory or "informational" in advisory:
                    continue
                if not any(satisfies(version, one) for one in safe):
                    found.append(f"{os.path.basename(path)}: {part['name']} {part['version']}: {advisory['id']}")
    for line in found:
        print(line, file=sys.stderr)
    if found:
        sys.exit(f"sbom: {len(found)} advisories concern what is inside")
    print(f"sbom: nothing is known against {scanned} crates of {len(lists)} lists")


match sys.argv[1:]:
    case ["scan", advisories, *lists] if lists:
        scan(advisories, lists)
        sys.exit()
    case ["binary", path]:
        result = bill(os.path.basename(path), path)
    case ["image", image, path]:
        result = bill(image, path, debian(image))
    case _:
        sys.exit(__doc__)
json.dump(result, sys.stdout, indent="\t")
print()
