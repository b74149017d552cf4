#!/usr/bin/env bash
# Makes the Debian packages livepeer-node and livepeer-worker from compiled binaries, in a minute.
#
#   packaging/build.sh [BIN_DIR [OUT_DIR]]
#
# What they depend on is read from the binaries (dpkg-shlibdeps). The same binaries give the same
# bytes: times are those of the newest commit. dpkg's own tools do that, where `cargo deb` would want cargo, which
# has nothing to do any more, and a tool more to trust.
set -euo pipefail
# What is in a package is readable, whatever the mask of who builds it.
umask 022
cd "$(dirname "$0")/.."
bin=${1:-${CARGO_TARGET_DIR:-$HOME/.cache/livepeer-appchain/target}/release}
out=$(mkdir -p "${2:-target/packages}" && cd "${2:-target/packages}" && pwd)
version=${VERSION:-$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# PACKAGE NAME_OF_FOLDER LICENCE DESCRIPTION
package() {
	local name=$1 from=packaging/$2 licence=$3 summary=$4 root=$work/$1 unit configuration=
	mkdir -p "$root/DEBIAN" "$root/etc/livepeer"
	install -D -s -m 755 "$bin/$name" "$root/usr/bin/$name"
	for unit in "$from"/*.service; do
		install -D -m 644 "$unit" "$root/lib/systemd/system/$(basename "$unit")"
	done
	install -D -m 644 "$from/sysusers.conf" "$root/usr/lib/sysusers.d/$name.conf"
	for file in "$from"/*.env "$from"/*.toml; do
		[ -f "$file" ] || continue
		install -m 640 "$file" "$root/etc/livepeer/"
		echo "/etc/livepeer/$(basename "$file")" >>"$root/DEBIAN/conffiles"
		configuration+=" $(basename "$file")"
	done
	# What shells and man know of it, as the binary itself says.
	mkdir -p "$root/usr/share/man/man1" "$root/usr/share/bash-completion/completions" \
		"$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
	"$bin/$name" man "$root/usr/share/man/man1"
	gzip -9n "$root"/usr/share/man/man1/*
	"$bin/$name" completions bash >"$root/usr/share/bash-completion/completions/$name"
	"$bin/$name" completions zsh >"$root/usr/share/zsh/vendor-completions/_$name"
	"$bin/$name" completions fish >"$root/usr/share/fish/vendor_completions.d/$name.fish"
	install -d "$root/usr/share/doc/$name/operators"
	install -m 644 docs/operators/*.md "$root/usr/share/doc/$name/operators/"
	install -m 644 NOTICE "$root/usr/share/doc/$name/"
	install -d "$root/usr/share/doc/$name/monitoring/boards"
	install -m 644 docker/monitoring/rules.yaml "$root/usr/share/doc/$name/monitoring/"
	install -m 644 docker/monitoring/grafana/boards/*.json "$root/usr/share/doc/$name/monitoring/boards/"
	{
		printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
		printf 'Upstream-Name: livepeer-appchain\n\nFiles: *\nCopyright: the Livepeer appchain developers\n'
		printf 'License: %s\n See NOTICE beside this file and /usr/share/common-licenses.\n' "$licence"
	} >"$root/usr/share/doc/$name/copyright"
	local roles
	roles=$(sed -n "s|^StateDirectory=$name $name/| |p" "$from"/*.service | tr -d '\n')
	sed "s/@PACKAGE@/$name/g; s/@UNITS@/$(cd "$from" && echo *.service)/g; s/ @CONFIGURATION@/$configuration/; s/ @ROLES@/$roles/" \
		packaging/postinst >"$root/DEBIAN/postinst"
	sed "s/@PACKAGE@/$name/g; s/@UNITS@/$(cd "$from" && echo *.service)/g" packaging/prerm >"$root/DEBIAN/prerm"
	sed "s/@PACKAGE@/$name/g" packaging/postrm >"$root/DEBIAN/postrm"
	chmod 755 "$root"/DEBIAN/p*
	# dpkg-shlibdeps wants a source package's control file.
	mkdir -p "$work/shlibs/debian"
	printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$name" "$name" >"$work/shlibs/debian/control"
	local depends
	depends=$(cd "$work/shlibs" && dpkg-shlibdeps -O "$root/usr/bin/$name" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
	# Of the files alone, in KiB: what folders and ends of files take differs from disk to disk.
	local size
	size=$(find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' |
		awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
	cat >"$root/DEBIAN/control" <<CONTROL
Package: $name
Version: $version
Architecture: $arch
Maintainer: The Livepeer appchain developers <noreply@livepeer.invalid>
Section: net
Priority: optional
Installed-Size: $size
Depends: $depends, ca-certificates, systemd | systemd-standalone-sysusers
Description: $summary
 $5
CONTROL
	find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	dpkg-deb --root-owner-group -Zzstd -z12 --build "$root" "$out/${name}_${version}_$arch.deb" >/dev/null
	echo "· $out/${name}_${version}_$arch.deb $(stat -c %s "$out/${name}_${version}_$arch.deb") bytes"
}

package livepeer-node node "Apache-2.0 and GPL-3.0-or-later with Classpath-exception-2.0" \
	"node of the Livepeer chain" "Blocks, finality and RPC; with keys, a validator. Links no video code."
package livepeer-worker worker "GPL-2.0-or-later" \
	"worker of the Livepeer chain" "Transcodes, verifies, broadcasts and plays live video on the Livepeer chain."
