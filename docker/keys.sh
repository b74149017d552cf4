#!/usr/bin/env bash
# Makes what docker/compose.yaml's network needs before its first start, in a folder: node keys, the
# tokens between nodes and verify services, operator keys; and writes DIR/env, which compose reads.
# Everything is made in containers without a network. What is there already stays.
#
#   docker/keys.sh DIR
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd)
tag=${LIVEPEER_TAG:-local}
# The containers' user: the caller, or the images' own when the caller is root.
user=$(id -u):$(id -g)
[ "$(id -u)" != 0 ] || user=10001:10001

offline() { # IMAGE FOLDER ARGUMENTS...: a command that sees this one folder and nothing else
	local image=$1 folder=$2
	shift 2
	docker run --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
		--user "$user" --volume "$folder:/data" "$image:$tag" "$@"
}
folder() { mkdir -p "$data/$1"; own "$data/$1"; }
own() { [ "$(id -u)" != 0 ] || chown "$user" "$@"; }

umask 077
chmod 755 "$data"
env=$data/env
{
	echo "LIVEPEER_DATA=$data"
	echo "LIVEPEER_USER=$user"
	echo "LIVEPEER_TAG=$tag"
} >"$env.new"
for name in alice bob charlie dave eve; do
	folder "node-$name"
	folder "verify-$name"
	[ -f "$data/node-$name/node-key" ] ||
		offline livepeer-node "$data/node-$name" key generate-node-key --file /data/node-key 2>/dev/null
	peer=$(offline livepeer-node "$data/node-$name" key inspect-node-key --file /data/node-key)
	token=$data/verify-$name/token
	[ -f "$token" ] || { head -c 32 /dev/urandom | base64 -w0 >"$token" && own "$token"; }
	verifier=$(offline livepeer-worker "$data/verify-$name" keys peer --data-dir /data)
	echo "NODE_${name^^}=$peer" >>"$env.new"
	echo "VERIFY_${name^^}=$verifier" >>"$env.new"
done
for role in keys source gateway broadcast transcode-bob transcode-charlie; do
	folder "$role"
done
for key in duties-{bob,charlie}-{0,1} segments; do
	[ -f "$data/keys/$key" ] || offline livepeer-worker "$data/keys" keys new "/data/$key" >/dev/null
done
# An account that has LPT for its transactions and no ETH to lose.
spending=$data/keys/spending
[ -f "$spending" ] || { printf //Ferdie//stash >"$spending" && own "$spending"; }
mv "$env.new" "$env"
