#!/usr/bin/env bash
# Starts the packages' units under a real systemd, in a container, with the hardening that they ship:
# a validator makes blocks, the roles transcode their golden vectors in the sandbox, nginx speaks TLS in front of
# the gateway by the settings of docs/operators/gateway.md, everything stops in order. Wants a Docker daemon and
# the base image of docker/build.sh. Two minutes.
#
#   packaging/units-test.sh [BIN_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-${CARGO_TARGET_DIR:-$HOME/.cache/livepeer-appchain/target}/release}
context=$(mktemp -d)
name=livepeer-units-$$
trap 'docker rm -f "$name" >/dev/null 2>&1 || true; rm -rf "$context"' EXIT
fail() {
	echo "packaging/units-test.sh: $*" >&2
	docker exec "$name" journalctl --no-pager --lines 40 >&2 || true
	exit 1
}
within() { docker exec "$name" "$@"; }

packaging/build.sh "$bin" "$context"
cat >"$context/Dockerfile" <<DOCKERFILE
FROM ${BASE:-debian:bookworm-slim}
COPY *.deb /tmp/
# Nothing is started while it is installed, where no systemd runs and IPv6 may be missing.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
	&& apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	systemd systemd-sysv dbus curl nginx openssl /tmp/*.deb && rm /usr/sbin/policy-rc.d
CMD ["/sbin/init"]
DOCKERFILE
DOCKER_BUILDKIT=1 docker build --quiet -t livepeer-units-test "$context" >/dev/null
# What systemd needs to set up namespaces; the units give all of it up.
docker run --detach --name "$name" --network none --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE \
	--security-opt seccomp=unconfined --security-opt apparmor=unconfined --tmpfs /run --tmpfs /run/lock \
	--volume /sys/fs/cgroup:/sys/fs/cgroup:ro livepeer-units-test >/dev/null
for _ in $(seq 30); do
	case $(within systemctl is-system-running 2>/dev/null || true) in running | degraded) break ;; esac
	sleep 1
done

within sh -ec '
cd /etc/livepeer
umask 027
head -c 32 /dev/urandom | base64 -w0 >verify-token
livepeer-node key generate-node-key --file node-key 2>/dev/null
chgrp livepeer verify-token node-key && chmod 640 verify-token node-key
echo "ARGUMENTS=\"--chain dev --alice --force-authoring --node-key-file /etc/livepeer/node-key \
--verify-url http://127.0.0.1:7936 --verify-token-file /etc/livepeer/verify-token\"" >node.env
printf //Bob >operator-key && chgrp livepeer operator-key && chmod 640 operator-key
sed -i "s|^#:key-file|key-file|; s|^#:capacity|capacity|; s|^#:announce.*|announce = [\"/ip4/127.0.0.1/tcp/4100\"]|" worker.toml
livepeer-worker config check worker.toml transcode
systemctl start livepeer-node'
# Reads on to the end: who writes to a pipe that nobody reads any more fails, and all of it with him.
said() { within journalctl --no-pager -u "$1" | grep "$2" >/dev/null; }
until_said() {
	for _ in $(seq 120); do
		! said "$1" "$2" || return 0
		sleep 1
	done
	fail "$1 never said '$2'"
}
until_said livepeer-node "Pre-sealed block"
echo "ok   livepeer-node makes blocks"
within systemctl start livepeer-verify livepeer-gateway livepeer-transcode
until_said livepeer-verify "waiting for tasks"
until_said livepeer-transcode "registered account"
within curl -sf http://127.0.0.1:8935/readyz >/dev/null || fail "the gateway is not ready"
for page in 9616/metrics 9617/metrics 9616/readyz 9617/readyz; do
	within curl -sf "http://127.0.0.1:$page" >/dev/null || fail "port ${page/\// does not answer /}"
done
echo "ok   the roles work, transcode in the sandbox, have metrics and are ready"
# A file as a unit sees it.
seen() { within cat "/proc/$(within systemctl show -p MainPID --value "livepeer-$1")/root/etc/livepeer/$2" 2>/dev/null || true; }
[ -n "$(seen transcode operator-key)" ] || fail "nobody can look into a unit: what the others see is not known"
for unit in node verify gateway; do
	[ -z "$(seen "$unit" operator-key)" ] || fail "livepeer-$unit sees the operator key"
done
[ -z "$(seen gateway verify-token)" ] || fail "the gateway sees the verify service's token"
echo "ok   a role sees no key of another"
certificate=/etc/letsencrypt/live/play.example.org
within sh -ec "rm /etc/nginx/sites-enabled/default && mkdir -p $certificate
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=play.example.org -addext subjectAltName=DNS:play.example.org \
	-keyout $certificate/privkey.pem -out $certificate/fullchain.pem 2>/dev/null"
sed -n '/^```nginx$/,/^```$/{/^```/!p}' docs/operators/gateway.md |
	docker exec --interactive "$name" tee /etc/nginx/sites-enabled/livepeer >/dev/null
within systemctl restart nginx || fail "nginx does not take the settings of docs/operators/gateway.md"
# What a viewer's request is answered with.
through_proxy() {
	within curl -s --output /dev/null --write-out '%{http_code}' --cacert "$certificate/fullchain.pem" \
		--resolve play.example.org:443:127.0.0.1 "https://play.example.org$1"
}
for expected in "/readyz 200" "/ 200" "/metrics 404"; do
	answered=$(through_proxy "${expected% *}") || true
	[ "$answered" = "${expected#* }" ] || fail "nginx answers ${expected% *} with $answered"
done
echo "ok   nginx in front of the gateway speaks TLS, and gives no viewer the metrics"
[ -z "$(within find /var/lib/livepeer-node /var/lib/livepeer-worker -perm /o+rwx -type f)" ] || fail "others can read data"
for role in transcode verify gateway; do
	[ "$(within systemctl show -p KillMode --value "livepeer-$role")" = mixed ] ||
		fail "who stops livepeer-$role ends its children in the middle of a segment"
done
within systemctl stop livepeer-transcode livepeer-gateway livepeer-verify livepeer-node
for unit in node verify gateway transcode; do
	[ "$(within systemctl show -p Result --value livepeer-$unit)" = success ] || fail "livepeer-$unit does not stop in order"
done
echo "ok   everything stops in order"
