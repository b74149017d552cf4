#!/usr/bin/env bash
# Installs, upgrades, removes and purges the packages in a fresh Debian below a folder, and looks
# after each step whether what must be there is there, and what must stay has stayed. Wants root, for
# chroot, and Debian's mirror.
#
#   packaging/test.sh [BIN_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-${CARGO_TARGET_DIR:-$HOME/.cache/livepeer-appchain/target}/release}
work=$(mktemp -d)
root=$work/root
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
step() { printf '=== %s (%s s)\n' "$*" "$SECONDS"; }
fail() { echo "packaging/test.sh: $*" >&2 && exit 1; }
within() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

# One time for both, whatever is committed meanwhile.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
step "building two versions"
VERSION=0.0.1 packaging/build.sh "$bin" "$work/old"
(umask 077 && packaging/build.sh "$bin" "$work/new")
first=$(sha256sum <"$work"/new/livepeer-node_*.deb)
packaging/build.sh "$bin" "$work/again" >/dev/null
[ "$first" = "$(sha256sum <"$work"/again/livepeer-node_*.deb)" ] || fail "the same binaries gave another package"

step "units: exposure at most 2.0, and what systemd makes of them"
for unit in packaging/*/*.service; do
	exposure=$(systemd-analyze security --offline=yes "$unit" | sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p')
	echo "$(basename "$unit") $exposure"
	# What is not said would count as little.
	[ -n "$exposure" ] || fail "systemd-analyze says nothing of $unit's exposure"
	awk -v e="$exposure" 'BEGIN { exit !(e <= 2.0) }' || fail "$unit is exposed"
done

step "a fresh Debian"
mmdebstrap --quiet --variant=minbase --include=systemd,ca-certificates \
	--aptopt='APT::Install-Recommends "false"' bookworm "$root"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp -r "$work/old" "$work/new" "$root/tmp/"
within apt-get update -q >/dev/null

step "installing"
within sh -c 'apt-get install -qy /tmp/old/*.deb' >"$work/log" 2>&1 || { cat "$work/log" && fail "cannot be installed"; }
within livepeer-node --version
within id livepeer-node
within runuser -u livepeer-worker -- livepeer-worker doctor --offline || fail "the worker does not work"
within runuser -u livepeer-worker -- livepeer-worker keys peer --data-dir /var/lib/livepeer-worker/verify ||
	fail "no key can be made before a service starts"
for name in livepeer-node livepeer-worker; do
	for file in man/man1/$name.1.gz "bash-completion/completions/$name" zsh/vendor-completions/_$name; do
		[ -s "$root/usr/share/$file" ] || fail "$file is missing"
	done
done
for name in livepeer-node livepeer-worker; do
	[ -s "$root/usr/share/doc/$name/monitoring/rules.yaml" ] || fail "$name brings no alerts"
done
[ -s "$root/usr/share/man/man1/livepeer-worker-transcode.1.gz" ] || fail "roles have no manual page"
# As the service reads them.
within runuser -u livepeer-worker -- livepeer-worker config check /etc/livepeer/worker.toml >"$work/log" ||
	fail "the service cannot read the packaged settings, or they are wrong"
grep -q 'data-dir = "/var/lib/livepeer-worker/transcode"' "$work/log" || fail "config check shows no settings"
within systemd-analyze verify livepeer-node.service livepeer-transcode.service livepeer-verify.service \
	livepeer-gateway.service 2>"$work/verify" || true
# A chroot has no running systemd; what is said of our units counts.
! grep -E "livepeer-[a-z]+\.service:" "$work/verify" || fail "a unit is wrong"

for role in transcode verify gateway; do
	[ "$(within stat -c "%U %a" "/var/lib/livepeer-worker/$role")" = "livepeer-worker 700" ] ||
		fail "$role has no folder that the other roles' units can hide"
done

step "upgrading keeps configuration and keys"
echo 'ARGUMENTS="--chain /etc/livepeer/mine.json"' >"$root/etc/livepeer/node.env"
[ "$(within stat -c "%U %a" /var/lib/livepeer-node)" = "livepeer-node 700" ] || fail "the node has no folder of its own"
echo secret >"$root/var/lib/livepeer-node/key"
echo '# mine' >>"$root/etc/livepeer/worker.toml"
install -d "$root/var/lib/livepeer-worker/transcode"
echo claims >"$root/var/lib/livepeer-worker/transcode/store"
install -D /dev/null "$root/var/cache/livepeer/engine"
within sh -c 'apt-get install -qy -o Dpkg::Options::=--force-confold /tmp/new/*.deb' >"$work/log" 2>&1 ||
	{ cat "$work/log" && fail "cannot be upgraded"; }
grep -q mine.json "$root/etc/livepeer/node.env" || fail "the configuration was overwritten"
grep -q '^# mine' "$root/etc/livepeer/worker.toml" || fail "the worker's configuration was overwritten"
within runuser -u livepeer-worker -- test -r /etc/livepeer/worker.toml || fail "an upgrade took the settings from the service"
[ "$(cat "$root/var/lib/livepeer-node/key")" = secret ] || fail "a key was lost by an upgrade"

step "removing keeps configuration"
within apt-get remove -qy livepeer-node livepeer-worker >"$work/log" 2>&1
[ ! -e "$root/usr/bin/livepeer-node" ] || fail "the binary is still there"
[ -e "$root/etc/livepeer/node.env" ] || fail "the configuration was removed"

[ -e "$root/var/cache/livepeer/engine" ] || fail "the cache was removed before the purge"

step "purging keeps keys, and says so"
within apt-get purge -qy livepeer-node livepeer-worker >"$work/log" 2>&1
[ ! -e "$root/etc/livepeer/node.env" ] || fail "the configuration stayed after purge"
[ ! -e "$root/var/cache/livepeer" ] || fail "the cache stayed after purge"
for kept in livepeer-node/key livepeer-worker/transcode/store; do
	[ -e "$root/var/lib/$kept" ] || fail "purge removed $kept"
done
grep -q "keys and data stay in /var/lib/livepeer-node" "$work/log" || fail "purge does not say where keys lie"
step "all passed"
