#!/usr/bin/env bash
# The demo in containers on a machine that has only Docker and the base image: docker/demo.sh with all that it
# calls, ffmpeg, Python and compose among it, is in a container too, which is given Docker's socket.
#
#   docker/alone.sh [BIN_DIR [ARGUMENT...]]     ARGUMENTs are livepeer-demo's, as docker/demo.sh takes them
#
# Without BIN_DIR, or with an empty one, the binaries are compiled in the builder, which takes an hour. The variables
# that docker/demo.sh knows mean the same; INPUT and REPORT are files below this repository.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${BASE:-debian:bookworm-slim}
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
case $socket in
unix://*) socket=${socket#unix://} ;;
*) echo "docker/alone.sh: DOCKER_HOST=$socket is no socket of this machine" >&2 && exit 1 ;;
esac
# Containers are given folders by their paths on this machine, so they have the same in the driver.
scratch=$(mktemp -d -t livepeer-alone-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
bin=${1:-}
[ $# = 0 ] || shift
if [ -z "$bin" ]; then
	for image in node worker; do
		DOCKER_BUILDKIT=1 docker build --build-arg BASE="$base" -f "docker/$image.Dockerfile" --target compiled \
			-t "livepeer-compiled-$image" .
		compiled=$(docker create "livepeer-compiled-$image" true)
		docker cp "$compiled:/out/." "$scratch/bin"
		docker rm "$compiled" >/dev/null
	done
	bin=$scratch/bin
fi
bin=$(cd "$bin" && pwd)

# Nothing is started while it is installed.
docker build --quiet --build-arg BASE="$base" -t livepeer-driver - >/dev/null <<'DOCKERFILE'
ARG BASE
FROM ${BASE}
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
	&& apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends binutils \
		ca-certificates curl docker.io docker-compose ffmpeg iproute2 iptables python3 \
	&& rm -rf /var/lib/apt/lists/*
DOCKERFILE
how=(--rm --network host --volume "$socket:/var/run/docker.sock" --volume "$PWD:$PWD" --workdir "$PWD"
	--volume "$scratch:$scratch" --volume "$bin:$bin:ro" --env "TMPDIR=$scratch")
[ ! -t 0 ] || how+=(--interactive --tty)
# It enters the others' networks.
[ -z "${DISTURB:-}" ] || how+=(--pid host --cap-add NET_ADMIN --cap-add SYS_ADMIN --cap-add SYS_PTRACE
	--security-opt apparmor=unconfined)
if [ -n "${DATA:-}" ]; then
	DATA=$(mkdir -p "$DATA" && cd "$DATA" && pwd)
	export DATA
	how+=(--volume "$DATA:$DATA")
fi
for name in BASE CHEAT COMPOSE_PROJECT_NAME DATA DISTURB GRAFANA_IMAGE INPUT LIVEPEER_TAG MONITORING ONCE REPORT; do
	[ -z "${!name:-}" ] || how+=(--env "$name")
done
docker run "${how[@]}" livepeer-driver docker/demo.sh "$bin" "$@"
