#!/usr/bin/env bash
# Builds the images from binaries that are compiled already, in a minute and without a compiler.
#
#   docker/build.sh [BIN_DIR]     BIN_DIR: where livepeer-node, -worker and -cheat lie
#
# TAG names the images; without it they are both `local`, as the demo runs them, and the version, as the
# operators' compose files do. BASE the image below them. Where the base can be pulled from nowhere,
# it is made of Debian's packages with mmdebstrap, which wants root.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-${CARGO_TARGET_DIR:-$HOME/.cache/livepeer-appchain/target}/release}
base=${BASE:-debian:bookworm-slim}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
tags=("${TAG:-local}")
[ -n "${TAG:-}" ] || tags+=("$version")
revision=$(git describe --always --dirty --exclude='*' --abbrev=40 2>/dev/null || echo unknown)

for binary in livepeer-node livepeer-worker livepeer-cheat; do
	[ -x "$bin/$binary" ] || {
		echo "docker/build.sh: $binary is not in $bin; run \`make build\`" >&2
		exit 1
	}
done
docker version >/dev/null || {
	echo "docker/build.sh: no Docker daemon answers (DOCKER_HOST=${DOCKER_HOST:-})" >&2
	exit 1
}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

if ! docker image inspect "$base" >/dev/null 2>&1 && ! docker pull -q "$base" 2>/dev/null; then
	echo "· $base cannot be pulled: making it of Debian's packages"
	command -v mmdebstrap >/dev/null || {
		echo "docker/build.sh: install mmdebstrap, or give BASE an image that is here" >&2
		exit 1
	}
	# As slim as the published one: without manuals, translations and recommended packages, and with
	# /usr merged from the beginning, not by a package that brings the whole of Perl.
	mmdebstrap --quiet --variant=minbase --include=ca-certificates \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*' \
		bookworm "$context/base.tar" >"$context/base.log" 2>&1 || { cat "$context/base.log" >&2 && exit 1; }
	docker import "$context/base.tar" "$base" >/dev/null
	rm "$context"/base.*
fi

mkdir -p "$context/docker"
cp -r docker/rootfs "$context/docker/"
for binary in livepeer-node livepeer-worker livepeer-cheat; do
	install -s "$bin/$binary" "$context/"
done
build() { # NAME ARGUMENTS...
	local names=() tag
	for tag in "${tags[@]}"; do names+=(-t "$1:$tag"); done
	shift
	DOCKER_BUILDKIT=1 docker build --quiet --build-arg BINARIES=handed-in --build-arg BASE="$base" \
		--build-arg VERSION="$version" --build-arg REVISION="$revision" "${names[@]}" "$@" "$context" >/dev/null
}
build livepeer-node -f docker/node.Dockerfile
build livepeer-worker -f docker/worker.Dockerfile
build livepeer-cheat -f docker/worker.Dockerfile --target cheat
[ -z "${MONITORING:-}" ] ||
	DOCKER_BUILDKIT=1 docker build --quiet --build-arg BASE="$base" -f docker/monitoring/prometheus.Dockerfile \
		-t "livepeer-prometheus:${tags[0]}" docker/monitoring >/dev/null
for tag in "${tags[@]}"; do
	docker images --format '· {{.Repository}}:{{.Tag}} {{.Size}}' | grep "livepeer-.*:$tag "
done
