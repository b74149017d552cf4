#!/usr/bin/env bash
# Looks at the images that docker/build.sh made: what is in them, as whom they run, whether the sandbox
# around video works under Docker's default profile, whether "healthy" means it. Two minutes.
#
#   docker/test.sh [BIN_DIR]     with it the media crate's escape tests run in the worker's image; `make
#                                test-native` has built them there
#
# ADVISORY_DB=DIR, a checkout of https://github.com/RustSec/advisory-db: the lists of what is in the images are
# scanned by it, where BIN_DIR is given.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${LIVEPEER_TAG:-local}
bin=${1:+$(cd "$1" && pwd)}
confined=(--rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges)
names=()
work=$(mktemp -d)
trap 'rm -rf "$work"; [ ${#names[@]} = 0 ] || docker rm -f "${names[@]}" >/dev/null 2>&1' EXIT
ok() { echo "ok   $*"; }
fail() { echo "FAIL $*" >&2 && exit 1; }

goal() { # IMAGE MEGABYTES
	local bytes
	bytes=$(docker image inspect --format '{{.Size}}' "$1:$tag")
	[ "$bytes" -le $(($2 * 1000000)) ] || fail "$1 has $((bytes / 1000000)) MB, more than $2"
	ok "$1: $((bytes / 1000000)) MB, at most $2"
}
goal livepeer-node 200
goal livepeer-worker 450

for image in livepeer-node livepeer-worker livepeer-cheat; do
	inside() { docker run "${confined[@]}" --network none --entrypoint sh "$image:$tag" -c "$1"; }
	tools=$(inside 'command -v gcc cc c++ clang ld cargo rustc make curl wget git ssh || true')
	[ -z "$tools" ] || fail "$image holds $tools"
	# As root, for whoever has the image reads every file of it.
	found=$(docker run --rm --network none --user 0 --entrypoint sh "$image:$tag" -c '
		find / -xdev \( -name ".*_history" -o -name "id_*" -o -name "*.key" -o -name .git -o -name .cargo \)
		grep -rlsE --exclude-dir=proc --exclude-dir=sys -- "-----BEGIN ([A-Z]+ )*PRIVATE KEY" /etc /home /opt /root /srv /tmp /var || true')
	[ -z "$found" ] || fail "$image holds $found"
	setuid=$(inside 'find / -xdev -perm /6000 -type f -newer /etc/debian_version 2>/dev/null || true')
	environment=$(docker image inspect --format '{{.Config.Env}}' "$image:$tag")
	case $environment in *SECRET* | *SURI* | *TOKEN* | *KEY*) fail "$image's environment: $environment" ;; esac
	[ "$(docker image inspect --format '{{.Config.User}}' "$image:$tag")" = 10001:10001 ] || fail "$image runs as root"
	! docker run --rm --user 0 "$image:$tag" --version >/dev/null 2>&1 || fail "$image runs as root when asked"
	# What is in it against Debian's archive, security updates too: asks the mirror.
	pending=$(docker run --rm --user 0 --entrypoint sh "$image:$tag" -c 'apt-get update -qq && apt-get -s dist-upgrade') ||
		fail "$image: Debian's lists cannot be read: $pending"
	pending=$(sed -n 's/^Inst \([^ ]*\).*/\1/p' <<<"$pending")
	[ -z "$pending" ] || fail "$image lacks Debian's updates of $pending"
	ok "$image: no compiler, history or key; not root; ${setuid:+set-user-id programs of Debian, useless with no-new-privileges}"
done

docker run "${confined[@]}" --network none "livepeer-worker:$tag" doctor --offline >/dev/null ||
	fail "the sandbox does not hold in a container"
ok "the sandbox refuses files and sockets under Docker's default profile"
if [ -n "$bin" ]; then
	# The newest of them; its child lies where it was when the tests were compiled.
	escapes=$(find "$bin/deps" -maxdepth 1 -name 'sandbox-*' -type f -executable -printf '%T@ %p\n' | sort -rn | sed -n '1s/^[^ ]* //p')
	[ -n "$escapes" ] || fail "no escape tests in $bin/deps: run \`make test-native\`"
	# There the image may have a folder that its user does not see into, such as root's.
	install -D "$bin/livepeer-media" "$work/$bin/livepeer-media"
	chmod -R a+rX "$work"
	top=/$(cut -d/ -f2 <<<"$bin")
	docker run "${confined[@]}" --network none --volume "$escapes:/usr/local/bin/escapes:ro" \
		--volume "$work$top:$top:ro" --entrypoint escapes "livepeer-worker:$tag" child_should_be child_should_work |
		tee "$work/escapes" || fail "the child that decodes video breaks out in a container"
	# A test of another name would not be run.
	grep -Eq '^test result: ok\. ([5-9]|[1-9][0-9]+) passed' "$work/escapes" || fail "fewer escape tests than there are"
	ok "the media crate's escape tests pass in a container"
fi
if [ -n "$bin" ] && [ -n "${ADVISORY_DB:-}" ]; then
	for image in livepeer-node livepeer-worker; do
		packaging/sbom.py image "$image:$tag" "$bin/$image" >"$work/$image.cdx.json"
	done
	packaging/sbom.py scan "$ADVISORY_DB" "$work"/*.cdx.json || fail "there are advisories about what is in the images"
	ok "no advisory is about a crate in the images"
else
	echo "SKIPPED: a scan of the images' lists for known vulnerabilities, which wants BIN_DIR and ADVISORY_DB=DIR" >&2
fi
docker run "${confined[@]}" --network none --security-opt seccomp=docker/seccomp-without-landlock.json \
	"livepeer-worker:$tag" doctor --offline >"$work/without-landlock" 2>&1 && without=0 || without=$?
if grep -q -i landlock "$work/without-landlock" && [ "$without" != 0 ]; then
	ok "without Landlock the worker refuses: $(grep -i -m1 landlock "$work/without-landlock")"
else
	cat "$work/without-landlock" >&2
	fail "without Landlock the worker works on"
fi

# Says how it is, and nothing of finality.
coproc HANGING { python3 -c '
import socket
server, held = socket.create_server(("127.0.0.1", 0)), []
print(server.getsockname()[1], flush=True)
while True:
    held.append(server.accept()[0])
    if b"system_health" in held[-1].recv(4096):
        held.pop().sendall(b"HTTP/1.0 200 OK\r\n\r\n{\"result\":{\"peers\":3,\"isSyncing\":false}}")
'; }
read -r port <&"${HANGING[0]}"
hanging=0
said=$(RPC_PORT=$port bash docker/rootfs/healthy-node) || hanging=$?
kill "$HANGING_PID"
[ "$hanging $said" = "1 no answer about finality" ] || fail "a node that hangs is healthy: $said"
ok "a node that hangs in the middle is not healthy"

# A chain of one node: healthy where that is what is wanted, unhealthy for want of peers otherwise.
start() { # NAME ENVIRONMENT...
	local name=livepeer-test-$$-$1
	shift
	names+=("$name")
	docker run --detach --name "$name" --read-only --tmpfs /tmp --tmpfs /data:uid=10001 --cap-drop ALL \
		--security-opt no-new-privileges --network none --health-interval 2s --health-retries 1 \
		--health-start-period 5s "$@" >/dev/null
}
state() { docker inspect --format '{{.State.Health.Status}}' "livepeer-test-$$-$1"; }
until_state() { # NAME STATE SECONDS
	for _ in $(seq "$3"); do
		[ "$(state "$1")" != "$2" ] || return 0
		sleep 1
	done
	docker inspect --format '{{range .State.Health.Log}}{{.Output}}{{end}}' "livepeer-test-$$-$1" >&2
	fail "$1 did not become $2"
}
start alone --env HEALTHY_ALONE=1 --env FINALITY_PATIENCE=10 "livepeer-node:$tag" --dev --base-path /data
start lonely "livepeer-node:$tag" --chain dev --base-path /data
until_state alone healthy 150
ok "a node whose blocks become final is healthy"
until_state lonely unhealthy 150
ok "a node without peers is not"
docker stop --time 30 "livepeer-test-$$-alone" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "livepeer-test-$$-alone")" = 0 ] || fail "a node does not stop in order"
ok "a node that is stopped ends in order"

command=$(docker/compose-command.sh)
read -ra compose <<<"$command"
printf 'VERIFY_PEER=x\nACCOUNT=x\nANNOUNCE=x\n' >"$work/.env"
for file in validator transcoder gateway; do
	LIVEPEER_DATA='' "${compose[@]}" --project-directory "$work" -f "docker/$file.yaml" config >"$work/config" || fail "$file.yaml"
	grep -q "$work/spec.json" "$work/config" || fail "$file.yaml: its folder is not the one that it is given"
done
ok "the operators' compose files are valid, and take keys and settings from the folder that they are given"
