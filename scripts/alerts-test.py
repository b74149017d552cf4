#!/usr/bin/env python3
"""Causes the symptoms of alerts on a real local network and waits until Prometheus fires each, with the
rules of docker/monitoring/rules.yaml made ten times as fast. Twenty minutes. Needs Debian's package
prometheus, node and `npm ci --prefix tests/js`.

    scripts/alerts-test.py BIN_DIR

Caused: NodeDown, Restarting, NotAuthoring, NotVoting, FinalityBehind, ChainStands, NoPeers, QueueFull,
SignedElsewhere, GatewayDown, WorkerDown, BalanceLow, ToolchainRetires. The others want a stream, another
machine or a full disk.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from localnet import Node, Process, five, free_port, say, until

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PATIENCE = 300
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def faster(rules):
    """The rules in a tenth of their time. Windows stay longer than what a block or a vote may take."""
    def short(least, most):
        return lambda m: f"{m[1]}{min(max(int(m[2]) * SECONDS[m[3]] // 10, least), most)}s{m[4]}"

    rules = re.sub(r"(\[)(\d+)([smhd])(\])", short(30, 180), rules)
    return re.sub(r"(for: )(\d+)([smhd])()", short(2, 30), rules)


class Prometheus(Process):
    def __init__(self, folder, jobs):
        self.port = free_port()
        with open(os.path.join(ROOT, "docker/monitoring/rules.yaml"), encoding="utf-8") as file:
            rules = faster(file.read())
        with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as file:
            file.write(rules)
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {"job_name": job, "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}}
                    for name, port in targets.items()
                ]} for job, targets in jobs.items()
            ],
        }
        # JSON is YAML.
        path = os.path.join(folder, "prometheus.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        super().__init__("prometheus", folder, [
            "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ])

    def firing(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/alerts", timeout=5) as answer:
            alerts = json.load(answer)["data"]["alerts"]
        return {(a["labels"]["alertname"], a["labels"].get("instance")) for a in alerts if a["state"] == "firing"}

    def is_up(self, name):
        query = f'http://127.0.0.1:{self.port}/api/v1/query?query=up%7Binstance%3D%22{name}%22%7D'
        with urllib.request.urlopen(query, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
        return bool(result) and result[0]["value"][1] == "1"

    def fires(self, alert, name):
        until(f"{alert} of {name} fires", lambda: (alert, name) in self.firing(), PATIENCE)
        say(f"{alert}: fired for {name}")


def wallet(node, secret, script):
    """Runs a script over @polkadot/api's `api`, with `who` as the account of `secret`."""
    whole = (
        'import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";'
        f'const api = await ApiPromise.create({{ provider: new WsProvider("ws://127.0.0.1:{node.rpc}"), noInitWarn: true }});'
        f'const who = new Keyring({{ type: "sr25519" }}).addFromUri("{secret}");'
        "const final = (call) => new Promise((resolve, reject) => call.signAndSend(who, ({ status, dispatchError }) => {"
        "  if (dispatchError) reject(new Error(dispatchError.toString()));"
        "  if (status.isFinalized) resolve();"
        "}).catch(reject));"
        f"{script}"
        "await api.disconnect();"
    )
    ended = subprocess.run(
        ["node", "--input-type=module", "-e", whole], cwd=os.path.join(ROOT, "tests/js"),
        check=False, timeout=PATIENCE, capture_output=True, text=True,
    )
    if ended.returncode:
        sys.exit(f"alerts-test: {script}\n{ended.stderr}")


# As many as the alert wants and some more, of nonces one after the other.
FLOOD = """
const hex = [];
for (let nonce = 0; nonce < 6200; nonce++) {
	hex.push((await api.tx.system.remark("0x00").signAsync(who, { nonce, era: 0 })).toHex());
}
for (let i = 0; i < hex.length; i += 100) {
	await Promise.all(hex.slice(i, i + 100).map((one) => api.rpc.author.submitExtrinsic(one)));
}
"""
RETIRE = """
const [toolchain] = await api.query.challengeLottery.toolchains();
const at = (await api.rpc.chain.getHeader()).number.toNumber() + 100000;
await final(api.tx.sudo.sudo(api.tx.challengeLottery.retireToolchain(toolchain, at)));
"""


def main():
    binaries = os.path.abspath(sys.argv[1])
    node, worker = (os.path.join(binaries, name) for name in ("livepeer-node", "livepeer-worker"))
    if not shutil.which("prometheus"):
        sys.exit("alerts-test: install Debian's package prometheus")
    folder = tempfile.mkdtemp(prefix="livepeer-alerts-")
    running = []
    try:
        boot = five(node, folder, running)
        alice, charlie, dave, eve = running[0], running[2], running[3], running[4]
        # A validator that has no keys, and a node that finds nobody.
        keyless = Node(node, folder, "keyless", boot, role=["--validator"])
        running.append(keyless)
        lonely = Node(node, folder, "lonely", role=[])
        running.append(lonely)
        http, peers, metrics = free_port(), free_port(), free_port()
        url = f"ws://127.0.0.1:{alice.rpc}"
        gateway = Process("gateway", folder, [
            worker, "gateway", "--node", url, "--data-dir", f"{folder}/gateway-data", "--http", f"127.0.0.1:{http}",
        ])
        running.append(gateway)
        secret = os.path.join(folder, "bob.key")
        with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write("//Bob")
        transcoder = Process("transcode", folder, [
            worker, "transcode", "--node", url, "--key-file", secret, "--data-dir", f"{folder}/transcode-data",
            "--listen", f"/ip4/127.0.0.1/tcp/{peers}", "--announce", f"/ip4/127.0.0.1/tcp/{peers}",
            "--capacity", "1", "--metrics", f"127.0.0.1:{metrics}",
        ])
        running.append(transcoder)
        nodes = {one.name: one.metrics for one in (*running[:5], keyless, lonely)}
        prometheus = Prometheus(folder, {
            "node": nodes, "gateway": {"gateway": http}, "worker": {"transcode": metrics},
        })
        running.append(prometheus)
        until("the transcoder is registered", lambda: "registered account" in transcoder.said(), PATIENCE)
        until("everything is watched", lambda: all(
            prometheus.is_up(name) for name in (*nodes, "gateway", "transcode")), 60)

        say("while all is well nothing fires, but for those who are not")
        well = ("alice", "bob", "charlie", "dave", "eve", "gateway", "transcode")
        until("nothing fires", lambda: not [one for one in prometheus.firing() if one[1] in well], 120)
        prometheus.fires("NoPeers", "lonely")
        prometheus.fires("ChainStands", "lonely")
        wallet(lonely, "//Alice", FLOOD)
        prometheus.fires("QueueFull", "lonely")
        prometheus.fires("NotAuthoring", "keyless")

        say("a transcoder: poor, with an old toolchain, gone")
        wallet(alice, "//Bob", f'await final(api.tx.balances.transferAll("{ALICE}", true));')
        prometheus.fires("BalanceLow", "transcode")
        wallet(alice, "//Alice", RETIRE)
        prometheus.fires("ToolchainRetires", "transcode")
        transcoder.kill()
        prometheus.fires("WorkerDown", "transcode")
        gateway.kill()
        prometheus.fires("GatewayDown", "gateway")

        say("a validator whose database is gone")
        eve.kill()
        prometheus.fires("NodeDown", "eve")
        shutil.rmtree(eve.base)
        eve.start()
        until("it ends", lambda: not eve.is_running(), PATIENCE)
        eve.start()
        prometheus.fires("SignedElsewhere", "eve")

        say("a node that starts again and again")
        for _ in range(4):
            eve.kill()
            until("it is seen to be gone", lambda: not prometheus.is_up("eve"), 60)
            eve.start()
            until("it is seen to be back", lambda: prometheus.is_up("eve"), 60)
        prometheus.fires("Restarting", "eve")

        # Two are left, who are too few whether or not the others were taken for offline by then.
        say("three of five validators are gone")
        for one in (charlie, dave, eve):
            one.kill()
        prometheus.fires("NotVoting", "alice")
        prometheus.fires("FinalityBehind", "alice")
        say("all fired")
    finally:
        for one in reversed(running):
            if one.is_running():
                one.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
