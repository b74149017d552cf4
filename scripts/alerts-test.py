#!/usr/bin/env python3
"""Causes the symptoms of alerts on real local networks and waits until Prometheus fires each, with the
rules of docker/monitoring/rules.yaml made ten times as fast. Twenty minutes. Needs Debian's package
prometheus, ffmpeg, node and `npm ci --prefix tests/js`.

    scripts/alerts-test.py BIN_DIR [PART]...

PART is `nodes` (five validators: what becomes of them and of a transcoder's account), `streams` (one
validator with its verify service, transcoders, of whom one cheats, a broadcaster and a gateway) or `pages`.
Of the alerts of the last part a stand-in's page is read, for they are of what no test may do to a machine
that others use: its clock, its disk, its memory; and of a node of another version, one that has a long
chain to catch up with, a worker of before an upgrade of the runtime, and a bridge that is robbed. At the end
every alert that there is must have fired in one part, and every metric that docs/operators/metrics.md and the
alerts name must have been on the page of who exports it.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from localnet import Node, One, Process, Worker, fail, film, five, free_port, get, say, until

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PATIENCE = 300
# What has fired.
FIRED = set()
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def faster(rules):
    """The rules in a tenth of their time. Windows stay longer than what a block or a vote may take."""
    def short(least, most):
        return lambda m: f"{m[1]}{min(max(int(m[2]) * SECONDS[m[3]] // 10, least), most)}s{m[4]}"

    rules = re.sub(r"(\[)(\d+)([smhd])(\])", short(30, 180), rules)
    # How long after its start what a worker says is new.
    rules = rules.replace("livepeer_start_time_seconds < 900", "livepeer_start_time_seconds < 90")
    rules = re.sub(r"(offset )(\d+)([smhd])()", short(30, 180), rules)
    return re.sub(r"(for: )(\d+)([smhd])()", short(2, 30), rules)


class Prometheus(Process):
    """Reads what it is told to watch every second, by the rules made faster."""

    def __init__(self, folder):
        self.port, self.folder, self.targets = free_port(), folder, {}
        with open(os.path.join(ROOT, "docker/monitoring/rules.yaml"), encoding="utf-8") as file:
            rules = faster(file.read())
        with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as file:
            file.write(rules)
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {"job_name": job, "file_sd_configs": [
                    {"files": [os.path.join(folder, f"{job}.targets.json")], "refresh_interval": "1s"}
                ]} for job in ("node", "worker", "gateway", "machine", "bridge")
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

    def watch(self, job, **ports):
        """Reads these pages too, by the name of who serves them, and waits until it has."""
        targets = self.targets.setdefault(job, [])
        targets += [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}} for name, port in ports.items()]
        path = os.path.join(self.folder, f"{job}.targets.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(targets, file)
        # Never half of it.
        os.rename(path + ".new", path)
        until(f"{', '.join(ports)}: watched", lambda: all(self.is_up(name) for name in ports), 120)

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
        FIRED.add(alert)
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


def nodes(binaries, folder, running, prometheus):
    node, worker = (os.path.join(binaries, name) for name in ("livepeer-node", "livepeer-worker"))
    boot = five(node, folder, running)
    alice, _, charlie, dave, eve = running[-5:]
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
    until("the transcoder is registered", lambda: "registered account" in transcoder.said(), PATIENCE)
    prometheus.watch("node", **{one.name: one.metrics for one in running if isinstance(one, Node)})
    prometheus.watch("gateway", gateway=http)
    prometheus.watch("worker", transcode=metrics)
    are_exported(alice)

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


def are_exported(validator):
    """Every metric of a node that the alerts, the boards and the page of metrics name is exported."""
    page = set(re.findall(r"^(substrate_\w+)", get(f"http://127.0.0.1:{validator.metrics}/metrics").decode(), re.M))
    for name in ("docker/monitoring/rules.yaml", "docker/monitoring/boards.py", "docs/operators/metrics.md"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            lacks = set(re.findall(r"\bsubstrate_\w+", file.read())) - page
        if lacks:
            fail(f"{name} names what no node exports: {', '.join(sorted(lacks))}")


FERDIE = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"
# A claim each eight seconds, whatever its call costs.
CLAIMS = ["--claim-leaves", "4", "--claim-wait", "8", "--claim-worth", "0"]
# An account that has nothing left but its stake: ETH first, for moving it costs LPT.
POOR = f"""
await final(api.tx.assets.transferAll(1, "{ALICE}", false));
await final(api.tx.balances.transferAll("{ALICE}", true));
"""


def own_address():
    """An address of this machine at which others would see it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            fail("this machine has no address but its own loopback's, and an address that is not reached cannot be shown")
        return probe.getsockname()[0]


def claims_made(worker):
    page = get(f"http://127.0.0.1:{worker.metrics}/metrics").decode()
    found = re.search(r'^livepeer_claims_total\{kind="made"\} (\d+)', page, re.M)
    return int(found[1]) if found else 0


def streams(binaries, folder, running, prometheus):
    net = One(binaries, folder, running)
    pictures = film(os.path.join(folder, "film.mp4"), 40)

    def worker(*arguments, binary=net.worker):
        running.append(Worker(binary, folder, *arguments))
        return running[-1]

    def broadcast(stream, *arguments):
        return worker(f"broadcast-{stream}", "broadcast", pictures, "--loop", *arguments, *net.broadcasting(stream))

    def registered(*workers):
        for one in workers:
            until(f"{one.name} is registered", lambda one=one: "registered account" in one.said(), PATIENCE)

    def end(stream, name):
        """Ends a broadcaster and its job: one that is left open is offered to others, whose work it disturbs."""
        stream.kill()
        net.call("Ferdie", "stream", "end", "--name", name, unless="has ended already|has no job")

    say("a transcoder that cheats")
    cheat = worker("cheat", "black", *net.transcoding("Bob"), "--capacity", "2", *CLAIMS,
                   binary=os.path.join(binaries, "livepeer-cheat"))
    registered(cheat)
    prometheus.watch("worker", cheat=cheat.metrics, verify=net.verify.metrics)
    stream = broadcast("cheated")
    for alert in ("SlashPending", "Jailed", "DutyMissed", "StakeFell"):
        prometheus.fires(alert, "cheat")
    end(stream, "cheated")
    cheat.kill()

    say("transcoders: one that others do not reach, one that resigns")
    for name in ("Charlie", "Dave", "Eve"):
        net.call(name, "stake", "bond", "--amount", "200", "--yes")
    host, port = own_address(), free_port()
    honest = [*net.transcoding("Charlie", host), "--capacity", "4", *CLAIMS]
    transcode = worker("transcode", "transcode", *honest)
    helper = worker("helper", "transcode", *net.transcoding("Eve", host), "--capacity", "0")
    hidden = worker("hidden", "transcode", *net.transcoding("Dave", host, port), "--capacity", "0")
    registered(transcode, helper, hidden)
    prometheus.watch("worker", transcode=transcode.metrics, helper=helper.metrics, hidden=hidden.metrics)
    hidden.kill()
    hidden.again("--node", net.url, "--key-file", net.key("Dave"), "--capacity", "0",
                 "--listen", f"/ip4/0.0.0.0/tcp/{free_port()}", "--announce", f"/ip4/{host}/tcp/{port}")
    prometheus.fires("AddressUnreachable", "hidden")
    net.call("Eve", "stake", "resign", "--yes")
    prometheus.fires("NotRegistered", "helper")
    hidden.kill()
    helper.kill()

    say("a stream with a viewer")
    http = free_port()
    running.append(Process("gateway", folder, [
        net.worker, "gateway", "--node", net.url, "--data-dir", f"{folder}/gateway-data",
        "--http", f"127.0.0.1:{http}", "--dial-private",
    ]))
    prometheus.watch("gateway", gateway=http)
    stream = broadcast("watched")
    playlist = f"http://127.0.0.1:{http}/stream/{FERDIE}/watched/index.m3u8"
    until("it is watched", lambda: b"#EXTM3U" in get(playlist), PATIENCE)
    until("it is claimed", lambda: claims_made(transcode) > 0, PATIENCE)

    say("a verify service of another chain")
    net.verify.kill()
    stranger = worker("stranger", "verify", *net.judging, "--genesis", "0x" + "11" * 32)
    prometheus.watch("worker", stranger=stranger.metrics)
    prometheus.fires("CannotJudge", "stranger")
    stranger.kill()

    say("a verify service with another token than its node's")
    token = os.path.join(folder, "another-token")
    subprocess.run([net.worker, "token", token], check=True, stdout=subprocess.DEVNULL)
    listen = net.judging[net.judging.index("--listen") + 1]
    forgetful = worker("forgetful", "verify", "--listen", listen, "--token-file", token, "--node", net.url)
    prometheus.watch("worker", forgetful=forgetful.metrics)
    prometheus.fires("NotAsked", "forgetful")
    forgetful.kill()
    net.verify.start()

    say("a transcoder whose folder is an old copy")
    transcode.kill()
    shutil.copytree(transcode.data, transcode.data + ".copy")
    transcode.start()
    until("more is claimed", lambda: claims_made(transcode) > 1, PATIENCE)
    transcode.kill()
    shutil.rmtree(transcode.data)
    os.rename(transcode.data + ".copy", transcode.data)
    transcode.start()
    prometheus.fires("FolderRestored", "transcode")

    say("a broadcaster that is gone")
    stream.kill()
    prometheus.fires("OriginFails", "gateway")
    end(stream, "watched")

    say("a transcoder without room")
    transcode.kill()
    transcode.again(*honest, "--quota", "1")
    stream = broadcast("full")
    prometheus.fires("StoreFails", "transcode")
    end(stream, "full")
    transcode.kill()
    net.call("Charlie", "stake", "resign", "--yes")

    say("the only transcoder: too slow, refused by the chain")
    hidden.again(*net.transcoding("Dave", host, port), "--capacity", "4", "--parallel", "1", *CLAIMS)
    registered(hidden)
    # It was never paid, so nothing comes back to it that could pay for a claim's call.
    wallet(net.alice, "//Dave", POOR)
    # As many segments at a time as a broadcaster sends, which is more than one place and its queue.
    broadcast("fast", "--rate", "max", "--rendition", "640x360@4000k", "--rendition", "426x240@2000k")
    prometheus.fires("Overloaded", "hidden")
    prometheus.fires("Refused", "hidden")
    # What is reserved pays for so many segments, none of which is claimed.
    prometheus.fires("WorkUnpaid", "hidden")

    say("its node is gone")
    net.alice.kill()
    prometheus.fires("NodeSilent", "hidden")


class Page:
    """What serves metrics in somebody's place; their values are numbers, or functions without arguments."""

    def __init__(self, **metrics):
        self.metrics = metrics
        page = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                now = {name: value() if callable(value) else value for name, value in page.metrics.items()}
                body = "".join(f"{name} {value}\n" for name, value in now.items()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def version(number):
    return 'substrate_build_info{name="node",version="%s"}' % number


def pages(_binaries, folder, running, prometheus):
    disk = '{device="/dev/sda1",fstype="ext4",mountpoint="/"}'
    well = {
        f"node_filesystem_size_bytes{disk}": 1e12,
        f"node_filesystem_avail_bytes{disk}": 5e11,
        f"node_filesystem_files{disk}": 1e7,
        f"node_filesystem_files_free{disk}": 9e6,
        f"node_filesystem_readonly{disk}": 0,
        "node_timex_offset_seconds": 0.001,
        "node_timex_sync_status": 1,
        "node_memory_MemTotal_bytes": 1.6e10,
        "node_memory_MemAvailable_bytes": 8e9,
    }
    exporter = shutil.which("prometheus-node-exporter")
    if exporter:
        port = free_port()
        running.append(Process("node-exporter", folder, [exporter, f"--web.listen-address=127.0.0.1:{port}"]))
        real = until("the real exporter answers", lambda: get(f"http://127.0.0.1:{port}/metrics").decode(), 60)
        lacks = {name for name in (key.split("{")[0] for key in well) if not re.search(rf"^{name}\b", real, re.M)}
        if lacks:
            fail(f"prometheus-node-exporter exports no {', '.join(sorted(lacks))}")
    machine = Page(**well)
    one, other = Page(**{version("0.1.0"): 1}), Page(**{version("0.1.0"): 1, "substrate_sub_libp2p_is_major_syncing": 0})
    watch = Page(**{'livepeer_bridge_alarm{kind="books"}': 0})
    prometheus.watch("machine", machine=machine.port)
    prometheus.watch("bridge", watch=watch.port)
    worker = Page(**{'livepeer_warnings_total{kind="outdated"}': 0})
    prometheus.watch("worker", worker=worker.port)
    prometheus.watch("node", one=one.port, other=other.port)
    say("while all is well nothing fires")
    until("nothing fires", lambda: not prometheus.firing(), 120)
    left = iter(range(500, 150, -1))
    machine.metrics[f"node_filesystem_avail_bytes{disk}"] = lambda: next(left, 150) * 1e9
    prometheus.fires("DiskFillsUp", "machine")
    machine.metrics[f"node_filesystem_avail_bytes{disk}"] = 5e10
    prometheus.fires("DiskFull", "machine")
    machine.metrics[f"node_filesystem_readonly{disk}"] = 1
    prometheus.fires("DiskReadOnly", "machine")
    machine.metrics["node_timex_offset_seconds"] = -0.7
    prometheus.fires("ClockSkewed", "machine")
    machine.metrics["node_memory_MemAvailable_bytes"] = 5e8
    prometheus.fires("MemoryShort", "machine")
    other.metrics = {version("0.2.0"): 1, "substrate_sub_libp2p_is_major_syncing": 1}
    prometheus.fires("VersionsDiffer", None)
    prometheus.fires("CatchingUp", "other")
    worker.metrics['livepeer_warnings_total{kind="outdated"}'] = 1
    prometheus.fires("WorkerOutdated", "worker")
    watch.metrics['livepeer_bridge_alarm{kind="books"}'] = 1
    prometheus.fires("BridgeAlarm", "watch")
    watch.end()
    prometheus.fires("RelayerDown", "watch")
    machine.end()
    prometheus.fires("ExporterDown", "machine")


PARTS = {"nodes": nodes, "streams": streams, "pages": pages}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(PARTS):
        sys.exit(__doc__)
    for program, package in (("prometheus", "prometheus"), ("ffmpeg", "ffmpeg"), ("node", "nodejs")):
        if not shutil.which(program):
            fail(f"install Debian's package {package}")
    for part in sys.argv[2:] or PARTS:
        folder = tempfile.mkdtemp(prefix=f"livepeer-alerts-{part}-")
        running = []
        try:
            prometheus = Prometheus(folder)
            running.append(prometheus)
            PARTS[part](os.path.abspath(sys.argv[1]), folder, running, prometheus)
        finally:
            for one in reversed(running):
                if one.is_running():
                    one.kill()
            if "KEEP" in os.environ:
                say(f"logs are kept in {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    if not sys.argv[2:]:
        with open(os.path.join(ROOT, "docker/monitoring/rules.yaml"), encoding="utf-8") as file:
            never = set(re.findall(r"- alert: (\w+)", file.read())) - FIRED
        if never:
            fail(f"nothing here causes {', '.join(sorted(never))}")
    say("all fired")


if __name__ == "__main__":
    main()
