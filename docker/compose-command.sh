#!/usr/bin/env bash
# Says by which command compose is called here: Docker's plugin, or the program of its own.
#
#   read -ra compose <<<"$(docker/compose-command.sh)"
set -euo pipefail
if [ -n "${LIVEPEER_COMPOSE:-}" ]; then
	echo "$LIVEPEER_COMPOSE"
elif docker compose version >/dev/null 2>&1; then
	echo docker compose
elif command -v docker-compose >/dev/null; then
	echo docker-compose
else
	echo "docker/compose-command.sh: install docker-compose, or Docker's plugin of that name" >&2
	exit 1
fi
