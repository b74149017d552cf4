#!/usr/bin/env bash
# Runs the operators' compose files for real, on a test network of one validator that packaging/testnet.py
# begins: the validator makes final blocks and its verify service is ready, a gateway and a transcoder with
# nodes of their own join, one is ready and one registered, nobody but the node reaches the verify service.
# Four minutes.
#
#   docker/operators-test.sh BIN_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:?usage: docker/operators-test.sh BIN_DIR}
export LIVEPEER_TAG=${LIVEPEER_TAG:-local}
command=$(docker/compose-command.sh)
read -ra compose <<<"$command"
work=$(mktemp -d)
# As operators call it, but for the project's name.
of_role() { # ROLE ARGUMENTS...
	local role=$1
	shift
	"${compose[@]}" -p "livepeer-test-$role" --project-directory "$work/$role" -f "docker/$role.yaml" "$@"
}
end() {
	for role in validator gateway transcoder; do
		settings "$role"
		of_role "$role" down --volumes --timeout 20 >/dev/null 2>&1 || true
	done
	rm -rf "$work"
}
fail() {
	echo "docker/operators-test.sh: $*" >&2
	docker ps -a >&2
	docker logs --tail 20 "$(of validator node)" >&2 || true
	exit 1
}
of() { docker ps -aq --filter "label=com.docker.compose.project=livepeer-test-$1" --filter "label=com.docker.compose.service=$2"; }
until_healthy() {
	for _ in $(seq 240); do
		[ "$(docker inspect --format '{{.State.Health.Status}}' "$(of "$1" "$2")")" != healthy ] || return 0
		sleep 1
	done
	docker inspect --format '{{range .State.Health.Log}}{{.Output}}{{end}}' "$(of "$1" "$2")" >&2
	fail "$1's $2 does not become healthy"
}
# Ports beside each other's, for both are on this machine.
settings() {
	export VERIFY_PEER=${peer:-none}
	case $1 in
	validator) export P2P_PORT=31333 RPC_PORT=31944 METRICS_PORT=31615 NODE_ARGUMENTS="--keystore-path /data/keystore --force-authoring --allow-private-ip" HEALTHY_ALONE=1 SERVE=/ip4/0.0.0.0/tcp/4200 SERVE_PORT=31420 ;;
	gateway) export P2P_PORT=32333 RPC_PORT=32944 METRICS_PORT=32615 HTTP_PORT=32935 NODE_ARGUMENTS=--allow-private-ip ;;
	transcoder) export P2P_PORT=33333 RPC_PORT=33944 METRICS_PORT=33615 PEER_PORT=33100 NODE_ARGUMENTS=--allow-private-ip ACCOUNT=${account:-none} ANNOUNCE=/ip4/${host:-none}/tcp/33100 CAPACITY=1 ;;
	esac
}
trap end EXIT

# Containers reach the host's published ports at the bridge's address.
host=$(ip -4 -brief address show docker0 | awk '{ sub("/.*", "", $3); print $3 }')
[ -n "$host" ] || { echo "docker/operators-test.sh: the bridge docker0 has no address: does a Docker daemon run here?" >&2 && exit 1; }
packaging/testnet.py "$bin" "$work/testnet" --validator "/ip4/$host/tcp/31333"
mkdir -p "$work"/validator/{node,verify} "$work"/gateway/{node,gateway} "$work"/transcoder/{node,transcode}
for role in validator gateway transcoder; do
	cp "$work/testnet/spec.json" "$work/$role/"
done
# The only account that there is; it validates and transcodes.
cp "$work/testnet/validator-1/account" "$work/transcoder/operator-key"
account=$("$bin/livepeer-worker" keys inspect "$work/transcoder/operator-key")
cp -r "$work/testnet/validator-1/keystore" "$work/validator/node/"
cp "$work/testnet/validator-1/node-key" "$work/validator/"
"$bin/livepeer-worker" token "$work/validator/token"
peer=$("$bin/livepeer-worker" keys peer --data-dir "$work/validator/verify")
chmod 755 "$work" "$work/validator" "$work/gateway" "$work/transcoder"
if [ "$(id -u)" = 0 ]; then
	chown -R 10001:10001 "$work/validator" "$work/gateway" "$work/transcoder"
else
	LIVEPEER_USER=$(id -u):$(id -g)
	export LIVEPEER_USER
fi

settings validator
of_role validator up --detach
until_healthy validator node
until_healthy validator verify
curl -sf http://127.0.0.1:9617/metrics >/dev/null || fail "the verify service's metrics are not published"
docker logs "$(of validator verify)" 2>&1 | grep "fellow judges are answered" >/dev/null || fail "fellow judges get nothing"
docker port "$(of validator verify)" 4200 | grep ":31420$" >/dev/null || fail "fellow judges find no port"
echo "ok   validator.yaml: blocks become final, the verify service is ready and has metrics"
settings gateway
of_role gateway up --detach node
until_healthy gateway node
of_role gateway up --detach
until_healthy gateway gateway
curl -sf http://127.0.0.1:32935/readyz >/dev/null || fail "the gateway is not published"
echo "ok   gateway.yaml: the node has peers and follows, the gateway is ready"
reaches() { docker exec "$(of "$1" "$2")" timeout 5 bash -c 'exec 3<>/dev/tcp/10.67.1.3/7936' 2>/dev/null; }
reaches validator node || fail "the validator's node does not reach the verify service"
! reaches gateway gateway || fail "a stranger reaches the verify service"
echo "ok   the validator's node reaches the verify service, and nobody else"
settings transcoder
of_role transcoder up --detach node
until_healthy transcoder node
of_role transcoder up --detach
until_healthy transcoder transcode
for _ in $(seq 120); do
	docker logs "$(of transcoder transcode)" 2>&1 | grep '"registered"' >/dev/null && registered=yes && break
	sleep 1
done
[ -n "${registered:-}" ] || fail "the transcoder does not register: $(docker logs --tail 5 "$(of transcoder transcode)" 2>&1)"
curl -sf http://127.0.0.1:9616/metrics >/dev/null || fail "the transcoder's metrics are not published"
echo "ok   transcoder.yaml: the node follows, the transcoder is registered under its address and has metrics"
