#!/usr/bin/env bash
# Every alert fires in a test, has a section in docs/operators/alerts.md, and the boards are those that
# boards.py writes.
set -euo pipefail
cd "$(dirname "$0")"
command -v promtool >/dev/null || {
	echo "monitoring/test.sh: install Debian's package prometheus for promtool" >&2
	exit 1
}
promtool check rules rules.yaml
promtool check config --syntax-only prometheus.yaml
promtool test rules rules-test.yaml
# What operators copy has the alerts' jobs.
example=$(mktemp)
trap 'rm "$example"' EXIT
sed -n '/^```yaml$/,/^```$/{/^```/!p}' ../../docs/operators/metrics.md >"$example"
promtool check config --syntax-only "$example"
for job in $(grep -o 'up{job="[a-z]*"' rules.yaml | cut -d'"' -f2); do
	grep -q "job_name: $job," "$example" || { echo "docs/operators/metrics.md has no job $job" >&2 && exit 1; }
done
for alert in $(sed -n 's/.*- alert: //p' rules.yaml); do
	# Metrics' and sections' names are fixed, so that links from a pager work.
	grep -qx "## $alert" ../../docs/operators/alerts.md || { echo "$alert has no section" >&2 && exit 1; }
	grep -A1 -E "alertname: $alert\$" rules-test.yaml | grep -q exp_alerts || { echo "$alert has no test in which it fires" >&2 && exit 1; }
	grep -q "alerts.md#${alert,,}\$" rules.yaml || { echo "$alert links no section" >&2 && exit 1; }
done
# What workers and relayers export; of nodes' metrics `make alerts-test` looks.
for metric in $(grep -oh 'livepeer_[a-z_]*' rules.yaml boards.py ../../docs/operators/metrics.md | sort -u); do
	name=${metric#livepeer_}
	name=${name#gateway_} name=${name%_total}
	name=${name#bridge_} name=${name%_bucket}
	grep -q "\"$name\"" ../../offchain-worker/{cli/src,cli/src/gateway,bridge/src}/metrics.rs ||
		{ echo "$metric is exported by nobody" >&2 && exit 1; }
done
before=$(cat grafana/boards/*.json | sha256sum)
./boards.py
[ "$before" = "$(cat grafana/boards/*.json | sha256sum)" ] || { echo "the boards were not written by boards.py" >&2 && exit 1; }
