#!/usr/bin/env bash
# Puts together what is released, from the binaries of `make release`: binaries, packages, images where
# a Docker daemon answers, the runtime's Wasm with its hashes, lists of what is inside (CycloneDX),
# licences, checksums.
#
#   packaging/release.sh BIN_DIR [OUT_DIR]
#
# OUT_DIR must be new, empty, or of an earlier release, which is removed.
# ADVISORY_DB=DIR, a checkout of https://github.com/RustSec/advisory-db: the lists are scanned by it.
# SIGN_WITH=KEY, an OpenPGP key of yours: the checksums are signed with it (SHA256SUMS.asc).
set -euo pipefail
: "${1:?usage: packaging/release.sh BIN_DIR [OUT_DIR]}"
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
out=$(mkdir -p "${2:-target/release-files}" && cd "${2:-target/release-files}" && pwd)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# Not by its CHANGELOG.md, which this repository has too.
[ -z "$(ls -A "$out")" ] || [ -f "$out/SHA256SUMS" ] || {
	echo "packaging/release.sh: $out holds something else than a release" >&2
	exit 1
}
rm -rf "${out:?}"/*
# Of a release that is broken off too, so that the next one may take its place.
touch "$out/SHA256SUMS"
cp LICENSE NOTICE CHANGELOG.md "$out/"

for binary in livepeer-node livepeer-worker; do
	install -s "$bin/$binary" "$out/$binary-$version-$(uname -m)-linux"
	packaging/sbom.py binary "$bin/$binary" >"$out/$binary-$version.cdx.json"
done
packaging/build.sh "$bin" "$out"

# The runtime as every chain of this release begins with it.
"$bin/livepeer-node" export-chain-spec --chain dev --raw 2>/dev/null |
	python3 -c '
import hashlib, json, sys
code = bytes.fromhex(json.load(sys.stdin)["genesis"]["raw"]["top"]["0x3a636f6465"][2:])
open(sys.argv[1], "wb").write(code)
print("runtime sha256  ", hashlib.sha256(code).hexdigest())
# What governance authorises (system.authorizeUpgrade).
print("runtime blake2  ", "0x" + hashlib.blake2b(code, digest_size=32).hexdigest())
' "$out/livepeer-runtime-$version.wasm" | tee "$out/livepeer-runtime-$version.txt"
if [ -d tests/js/node_modules ]; then
	node packaging/metadata-hash.mjs "$bin/livepeer-node" | tee -a "$out/livepeer-runtime-$version.txt"
fi

if docker version >/dev/null 2>&1; then
	TAG=$version docker/build.sh "$bin"
	for image in livepeer-node livepeer-worker; do
		docker save "$image:$version" | gzip -9n >"$out/$image-$version.docker.tar.gz"
		packaging/sbom.py image "$image:$version" "$bin/$image" >"$out/$image-$version.docker.cdx.json"
	done
else
	echo "· no Docker daemon answers: no images"
fi
if [ -n "${ADVISORY_DB:-}" ]; then
	packaging/sbom.py scan "$ADVISORY_DB" "$out"/*.cdx.json
else
	echo "· SKIPPED: a scan of the lists for known vulnerabilities, which wants ADVISORY_DB=DIR" >&2
fi
(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
(cd "$out" && sha256sum --quiet --check SHA256SUMS)
if [ -n "${SIGN_WITH:-}" ]; then
	gpg --local-user "$SIGN_WITH" --armor --detach-sign "$out/SHA256SUMS"
else
	echo "· SKIPPED: a signature below the checksums, which wants SIGN_WITH=KEY" >&2
fi
ls -l "$out"
