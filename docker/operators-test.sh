#!/usr/bin/env bash
# Runs the operators' compose files for real, on a test network of one validator that packaging/testnet.py
# begins: the validator makes final blocks and its verify service is ready, a gateway with a node of its
# own joins and is ready, nobody but the node reaches the verify service. Three minutes.
#
#   docker/operators-test.sh BIN_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
export LIVEPEER_TAG=${LIVEPEER_TAG:-local}
read -ra compose <<<"${LIVEPEER_COMPOSE:-docker-compose}"
work=$(mktemp -d)
end() {
	for role in validator gateway; do
		settings "$role"
		"${compose[@]}" -p "livepeer-test-$role" -f "docker/$role.yaml" down --volumes --timeout 20 >/dev/null 2>&1 || true
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
	for _ in $(seq 150); do
		[ "$(docker inspect --format '{{.State.Health.Status}}' "$(of "$1" "$2")")" != healthy ] || return 0
		sleep 1
	done
	docker inspect --format '{{range .State.Health.Log}}{{.Output}}{{end}}' "$(of "$1" "$2")" >&2
	fail "$1's $2 does not become healthy"
}
# Ports beside each other's, for both are on this machine.
settings() {
	export LIVEPEER_DATA=$work/$1 VERIFY_PEER=${peer:-none}
	case $1 in
	validator) export P2P_PORT=31333 RPC_PORT=31944 METRICS_PORT=31615 NODE_ARGUMENTS="--keystore-path /data/keystore --force-authoring --allow-private-ip" HEALTHY_ALONE=1 ;;
	gateway) export P2P_PORT=32333 RPC_PORT=32944 METRICS_PORT=32615 HTTP_PORT=32935 NODE_ARGUMENTS=--allow-private-ip ;;
	esac
}
trap end EXIT

# Containers reach the host's published ports at the bridge's address.
host=$(ip -4 -brief address show docker0 | awk '{ sub("/.*", "", $3); print $3 }')
packaging/testnet.py "$bin" "$work/testnet" --validator "/ip4/$host/tcp/31333"
mkdir -p "$work"/validator/{node,verify} "$work"/gateway/{node,gateway}
cp "$work/testnet/spec.json" "$work/validator/"
cp "$work/testnet/spec.json" "$work/gateway/"
cp -r "$work/testnet/validator-1/keystore" "$work/validator/node/"
cp "$work/testnet/validator-1/node-key" "$work/validator/"
"$bin/livepeer-worker" token "$work/validator/token"
peer=$("$bin/livepeer-worker" keys peer --data-dir "$work/validator/verify")
chmod 755 "$work" "$work/validator" "$work/gateway"
chmod 644 "$work"/*/spec.json
if [ "$(id -u)" = 0 ]; then
	chown -R 10001:10001 "$work/validator" "$work/gateway"
else
	LIVEPEER_USER=$(id -u):$(id -g)
	export LIVEPEER_USER
fi

settings validator
"${compose[@]}" -p livepeer-test-validator -f docker/validator.yaml up --detach
until_healthy validator node
until_healthy validator verify
echo "ok   validator.yaml: blocks become final, the verify service is ready"
settings gateway
"${compose[@]}" -p livepeer-test-gateway -f docker/gateway.yaml up --detach node
until_healthy gateway node
"${compose[@]}" -p livepeer-test-gateway -f docker/gateway.yaml up --detach
until_healthy gateway gateway
curl -sf http://127.0.0.1:32935/readyz >/dev/null || fail "the gateway is not published"
echo "ok   gateway.yaml: the node has peers and follows, the gateway is ready"
! docker exec "$(of gateway gateway)" timeout 5 bash -c 'exec 3<>/dev/tcp/10.67.1.3/7936' 2>/dev/null ||
	fail "a stranger reaches the verify service"
echo "ok   nobody else reaches the verify service"
