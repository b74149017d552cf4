#!/usr/bin/env python3
"""Writes what is inside a binary or an image as a CycloneDX list (JSON, 1.5).

    sbom.py binary FILE          crates: those that cargo-auditable wrote into it, else those of Cargo.lock
    sbom.py image NAME BINARY    crates of its binary, and Debian's packages in the image (asks docker)

Only the standard library and, for images, docker.
"""

import hashlib
import json
import os
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


match sys.argv[1:]:
    case ["binary", path]:
        result = bill(os.path.basename(path), path)
    case ["image", image, path]:
        result = bill(image, path, debian(image))
    case _:
        sys.exit(__doc__)
json.dump(result, sys.stdout, indent="\t")
print()
