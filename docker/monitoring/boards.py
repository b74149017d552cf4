#!/usr/bin/env python3
"""Writes Grafana's boards from the list below, and asks every query of them.

    boards.py            writes grafana/boards/*.json
    boards.py URL        asks Prometheus at URL each query; fails if one answers nothing
"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))

# Board: panels of (title, unit, query).
BOARDS = {
    "network": [
        ("Nodes that answer", "short", 'sum(up{job="node"})'),
        ("Height", "short", 'max by (status) (substrate_block_height{status=~"best|finalized|sync_target"})'),
        ("Blocks that are not final", "short", 'substrate_block_height{status="best"} - on (instance) substrate_block_height{status="finalized"}'),
        ("Seconds per block", "s", '300 / increase(substrate_block_height{status="best"}[5m])'),
        ("Peers", "short", "substrate_sub_libp2p_peers_count"),
        ("Traffic of peers", "Bps", "sum by (direction) (rate(substrate_sub_libp2p_network_bytes_total[2m]))"),
        ("Forks", "short", "substrate_number_leaves"),
        ("Versions", "short", "count by (version) (substrate_build_info)"),
    ],
    "validator": [
        ("Blocks made in an hour", "short", "increase(substrate_proposer_block_constructed_count[1h])"),
        ("Time to make a block (95 %)", "s", "histogram_quantile(0.95, sum by (le, instance) (rate(substrate_proposer_block_constructed_bucket[10m])))"),
        ("Time to import a block (95 %)", "s", "histogram_quantile(0.95, sum by (le, instance) (rate(substrate_block_verification_and_import_time_bucket[10m])))"),
        ("Votes on finality", "short", "rate(substrate_finality_grandpa_prevotes_total[2m])"),
        ("Round of finality", "short", "substrate_finality_grandpa_round"),
        ("Transactions that wait", "short", "substrate_ready_transactions_number"),
        ("Transactions in the last block made", "short", "substrate_proposer_number_of_transactions"),
        ("Cache of the state", "bytes", "substrate_state_cache_bytes"),
        ("Running for", "s", "time() - substrate_process_start_time_seconds"),
    ],
    "transcoder": [
        ("Answers", "short", 'up{job="worker"}'),
        ("Assignments", "short", 'sum by (instance) (livepeer_assignments_total{job="worker"})'),
        ("Segments transcoded", "short", 'rate(livepeer_segment_transcoded_total{job="worker"}[2m])'),
        ("Time to transcode a segment (95 %)", "s", 'histogram_quantile(0.95, sum by (le, instance) (rate(livepeer_transcode_time_seconds_bucket{kind="transcode"}[10m])))'),
        ("Claims by what became of them", "short", 'sum by (instance, kind) (livepeer_claims_total{job="worker"})'),
        ("Warnings in an hour", "short", 'sum by (instance, kind) (increase(livepeer_warnings_total{job="worker"}[1h]))'),
        ("Times that nothing went on", "short", 'sum by (instance) (livepeer_waits_total{job="worker"})'),
        ("Segments on disk", "bytes", 'livepeer_store_bytes{job="worker"}'),
    ],
    "gateway": [
        ("Segments fetched and checked", "short", "rate(livepeer_gateway_segments_total[2m])"),
        ("To players", "Bps", "rate(livepeer_gateway_served_bytes_total[2m])"),
        ("Failures of origins", "short", "rate(livepeer_gateway_origin_failures_total[2m])"),
        ("Answers", "short", 'up{job="gateway"}'),
    ],
}


def board(name, panels):
    """A board in Grafana's format: two panels in a row."""
    return {
        "uid": f"livepeer-{name}",
        "title": f"Livepeer: {name}",
        "tags": ["livepeer"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": [
            {
                "id": i + 1,
                "title": title,
                "type": "timeseries",
                "datasource": {"type": "prometheus", "uid": "prometheus"},
                "gridPos": {"x": i % 2 * 12, "y": i // 2 * 8, "w": 12, "h": 8},
                "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
                "targets": [{"refId": "A", "expr": query}],
            }
            for i, (title, unit, query) in enumerate(panels)
        ],
    }


def write():
    folder = os.path.join(HERE, "grafana", "boards")
    os.makedirs(folder, exist_ok=True)
    for name, panels in BOARDS.items():
        with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump(board(name, panels), file, indent="\t")
            file.write("\n")


def ask(url, patience=60):
    """Asks what the files hold, so that a file that was changed by hand is asked too. What has not
    happened yet, such as a claim, is asked for again for a minute."""
    empty, deadline = 0, time.monotonic() + patience
    folder = os.path.join(HERE, "grafana", "boards")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        for panel in panels:
            for target in panel["targets"]:
                query = urllib.parse.urlencode({"query": target["expr"]})
                while True:
                    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=10) as answer:
                        result = json.load(answer)["data"]["result"]
                    values = [item["value"][1] for item in result]
                    real = [value for value in values if value not in ("NaN", "+Inf")]
                    if real or time.monotonic() > deadline:
                        break
                    time.sleep(2)
                empty += not real
                print(f"{'ok  ' if real else 'FAIL'} {name[:-5]}: {panel['title']}: {', '.join(values[:5])}")
    return empty == 0


if len(sys.argv) > 1:
    sys.exit(0 if ask(sys.argv[1].rstrip("/")) else 1)
write()
