#!/usr/bin/env bash
# What is linked into what we release: licences, sources, forbidden crates and known advisories, by
# deny.toml. Part of `make lint`.
#
#   ADVISORY_DB=DIR   a checkout of https://github.com/RustSec/advisory-db, for machines that cannot
#                     reach it; how old it is, is up to you
#
# Where the advisories can be had neither way, all else is checked, and what was not is said.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/tools.sh cargo-deny
PATH="$(scripts/tools.sh --bin):$PATH"
database=https://github.com/RustSec/advisory-db

# Warnings are about spellings in manifests of others.
cargo deny --locked --log-level error check bans licenses sources

# The one list of advisories that do not concern us, each with its reason, is in deny.toml.
mapfile -t ignored < <(sed -n '/^\[advisories\]/,/^\[/s/.*id = "\(RUSTSEC-[0-9-]*\)".*/\1/p' deny.toml)
ignore=("${ignored[@]/#/--ignore=}")
if [ -n "${ADVISORY_DB:-}" ]; then
	scripts/tools.sh cargo-audit
	cargo audit --quiet --db "$ADVISORY_DB" --no-fetch --stale "${ignore[@]}"
elif refusal=$(GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --quiet "$database" HEAD 2>&1 >/dev/null); then
	scripts/tools.sh cargo-audit
	cargo deny --locked --log-level error check advisories
	cargo audit --quiet "${ignore[@]}"
else
	echo "SKIPPED: advisories. $database is out of reach from here (${refusal:-no answer in 20 s});" \
		"run \`make lint\` where it is not, or with ADVISORY_DB=DIR." >&2
fi
