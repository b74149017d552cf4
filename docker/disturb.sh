#!/usr/bin/env bash
# Disturbs the running network of docker/compose.yaml, for `DISTURB=1 docker/demo.sh`: a slow and lossy
# link at the broadcaster, a cable of a transcoder's that is cut for 30 s, each once, while the stream
# runs. The demo's own checks then say whether a segment or a unit of money was lost. Wants root, for
# the containers' network namespaces.
#
#   docker/disturb.sh DATA
set -euo pipefail
data=${1:?usage: docker/disturb.sh DATA}
project=${COMPOSE_PROJECT_NAME:-livepeer-demo}

container() {
	docker ps -q --filter "label=com.docker.compose.project=$project" \
		--filter "label=com.docker.compose.service=$1"
}
returned() { cat "$data/broadcast/events.jsonl" 2>/dev/null | grep -c '"event":"segment_returned"' || true; }
until_returned() { while [ "$(returned)" -lt "$1" ]; do sleep 1; done; }
within() { # SERVICE COMMAND...: in its network namespace
	local pid
	pid=$(docker inspect --format '{{.State.Pid}}' "$(container "$1")")
	shift
	nsenter --target "$pid" --net "$@"
}
# The interface of a service in a network.
interface() {
	local address
	address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"${project}_$2\").IPAddress}}" "$(container "$1")")
	within "$1" ip -brief address | awk -v a="$address/" 'index($3, a) == 1 { sub("@.*", "", $1); print $1 }'
}

until_returned 2
link=$(interface broadcast media)
if within broadcast tc qdisc add dev "$link" root netem delay 80ms 20ms loss 2% rate 20mbit 2>/dev/null; then
	calm() { within broadcast tc qdisc del dev "$link" root; }
	echo "disturb: the broadcaster's link has 80 ms, 2 % loss, 20 Mbit/s"
else
	# A kernel without netem still loses packets when asked, and has them queue for a narrow link.
	lose=(OUTPUT -o "$link" -m statistic --mode random --probability 0.02 -j DROP)
	within broadcast iptables -A "${lose[@]}"
	within broadcast tc qdisc add dev "$link" root tbf rate 20mbit burst 32kb latency 200ms
	calm() { within broadcast iptables -D "${lose[@]}" && within broadcast tc qdisc del dev "$link" root; }
	echo "disturb: the broadcaster's link has 20 Mbit/s, up to 200 ms of queue before it, 2 % loss"
fi
until_returned 6
declare -A cut
for transcoder in transcode-bob transcode-charlie; do
	cut[$transcoder]=$(interface "$transcoder" media)
	within "$transcoder" ip link set "${cut[$transcoder]}" down
done
echo "disturb: the transcoders' cables are cut"
sleep 30
for transcoder in transcode-bob transcode-charlie; do
	within "$transcoder" ip link set "${cut[$transcoder]}" up
done
echo "disturb: the cables are in again"
until_returned 12
calm
echo "disturb: the broadcaster's link is as before"
