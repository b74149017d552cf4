#!/usr/bin/env bash
# Fails when the images' version in docker/ is another than the workspace's, and when a second line of a polkadot-sdk crate slips into the lock file. `cargo add` offers
# higher numbers that belong to an older line; the right ones are those of polkadot-sdk 2609.2.0.
set -euo pipefail
cd "$(dirname "$0")/.."
doubles=$(awk '
	/^name = / { name = $3 }
	/^version = / && name ~ /^"(frame|pallet|sc|sp|substrate)-/ { count[name]++; versions[name] = versions[name] " " $3 }
	END { for (n in count) if (count[n] > 1) print n ":" versions[n] }
' Cargo.lock | sort)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
others=$(grep -noE '(LIVEPEER_TAG:-|livepeer-(node|worker):)[0-9][0-9.]*' docker/*.yaml docker/README.md |
	grep -v "[-:]$version\$" || true)
if [ -n "$others" ]; then
	echo "Images of another version than $version:" >&2
	echo "$others" >&2
	exit 1
fi
if [ -n "$doubles" ]; then
	echo "Two lines of one SDK crate (take the version that polkadot-sdk 2609.2.0 pins):" >&2
	echo "$doubles" >&2
	exit 1
fi
