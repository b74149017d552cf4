#!/usr/bin/env bash
# Makes what docker/compose.yaml's network needs before its first start, in a folder: node keys, session
# keys and the chain that begins with them, the tokens between nodes and verify services, operator keys,
# what the workers' engine makes of its golden vectors; and writes DIR/env, which compose reads.
# Everything is made in containers without a network. What is there already stays. Half a minute at first.
#
#   docker/keys.sh DIR
set -euo pipefail
: "${1:?usage: docker/keys.sh DIR}"
data=$(mkdir -p "$1" && cd "$1" && pwd)
tag=${LIVEPEER_TAG:-local}
# The containers' user: the caller, or the images' own when the caller is root.
user=$(id -u):$(id -g)
[ "$(id -u)" != 0 ] || user=10001:10001

offline() { # IMAGE FOLDER ARGUMENTS...: a command that sees this one folder and nothing else
	local image=$1 folder=$2
	shift 2
	docker run --rm --network none --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
		--user "$user" --volume "$folder:/data" "$image:$tag" "$@"
}
folder() { mkdir -p "$data/$1"; own "$data/$1"; }
own() { [ "$(id -u)" != 0 ] || chown "$user" "$@"; }

umask 077
chmod 755 "$data"
# Who validates on `--chain local`.
declare -A account=(
	[alice]=0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d
	[bob]=0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48
	[charlie]=0x90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22
	[dave]=0x306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20
	[eve]=0xe659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e
)
folder session
session=()
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
	# In the node's keystore; their public halves go into the chain.
	keys=$data/session/$name.json
	[ -f "$keys" ] || {
		offline livepeer-node "$data/node-$name" key session --json --chain local --base-path /data/chain \
			--owner "${account[$name]}" >"$keys.new"
		mv "$keys.new" "$keys"
		own "$keys"
	}
	session+=(--session-keys "/data/$name.json")
	token=$data/verify-$name/token
	[ -f "$token" ] || { head -c 32 /dev/urandom | base64 -w0 >"$token" && own "$token"; }
	verifier=$(offline livepeer-worker "$data/verify-$name" keys peer --data-dir /data)
	echo "NODE_${name^^}=$peer" >>"$env.new"
	echo "VERIFY_${name^^}=$verifier" >>"$env.new"
done
chain=$data/chain.json
[ -f "$chain" ] || {
	offline livepeer-node "$data/session" export-chain-spec --chain local --raw "${session[@]}" >"$chain.new"
	mv "$chain.new" "$chain"
}
for name in "${!account[@]}"; do
	cp "$chain" "$data/node-$name/chain.json"
	own "$data/node-$name/chain.json"
done
for role in audit keys source gateway broadcast transcode-bob transcode-charlie; do
	folder "$role"
done
for key in duties-{bob,charlie}-{0,1} segments; do
	[ -f "$data/keys/$key" ] || offline livepeer-worker "$data/keys" keys new "/data/$key" >/dev/null
done
# The golden vectors are made once, by one worker, and the others remember them, as on a machine where they share
# a cache. Each has a folder of its own here: eight that make them side by side are late on a small machine, and
# end.
made=$(offline livepeer-worker "$data/verify-alice" doctor --offline 2>&1) || { echo "$made" >&2 && exit 1; }
for role in verify-{bob,charlie,dave,eve} transcode-{bob,charlie} broadcast gateway; do
	cp -r "$data/verify-alice/.cache" "$data/$role/"
	own -R "$data/$role/.cache"
done
# An account that has LPT for its transactions. Its own seed, for its name leads to it by way of the
# secret of the account whose ETH it spends.
spending=$data/keys/spending
[ -f "$spending" ] || {
	offline livepeer-node "$data/keys" key inspect --output-type json //Ferdie//stash |
		sed -n 's/.*"secretSeed": "\(0x[0-9a-f]*\)".*/\1/p' >"$spending.new"
	[ -s "$spending.new" ] || { echo "docker/keys.sh: no spending key" >&2 && exit 1; }
	mv "$spending.new" "$spending"
	own "$spending"
}
mv "$env.new" "$env"
