#!/usr/bin/env python3
"""Runs the commands of docs/operators/*.md, in their order, on a local network, of one validator, that
it starts: who joins by a page must author, or transcode a stream and be paid, and leave without a slash; who
broadcasts must have a job.

    scripts/runbooks-test.py BIN_DIR [PAGE]...

VALIDATORS=5 begins the demo's chain, of five validators who judge, instead: who joins is the sixth, who
transcodes is judged by all.

Of a page it runs the blocks behind `<!-- run -->`, and starts those behind `<!-- service -->` and lets
them run until the page's end. What `<!-- settings -->` exports is set for the local network instead. Other
blocks stand behind `<!-- not run: REASON -->`, which scripts/check-docs.py sees to.
Pages in a folder of their own each; the first one pays with Alice's money. Needs curl, ffmpeg, node and
`npm ci --prefix tests/js`. A quarter of an hour.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from localnet import NAMES, Terminals, fail, final, rpc, say

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["validator", "transcoder", "gateway", "care", "broadcaster", "delegator", "relayer"]
BLOCK = re.compile(r"<!-- (run|service|settings) -->\n```sh\n(.*?)```", re.S)
PATIENCE = 300
LPT = 10**18
ALICE = "http://127.0.0.1:9944"
# Whom the delegator's page bonds to: Bob, who is registered on a development chain.
TRANSCODER = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
# Who validates when nobody has joined.
VALIDATORS = NAMES[:int(os.environ.get("VALIDATORS", 1))]
# What the pages bond.
BONDS = {"validator": 1500, "transcoder": 200}


class Network(Terminals):
    """The first validators, with a genesis that others can join, and what pages start."""

    def __init__(self, binaries, folder):
        super().__init__()
        self.folder = folder
        self.env = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
        self.spec = os.path.join(folder, "spec.json")

    def begin_one(self, name, command, folder, env=None):
        self.start(name, command, os.path.join(folder, f"{name}.log"), cwd=folder, env=env or self.env)

    def begin(self):
        with open(self.spec, "w", encoding="utf-8") as file:
            subprocess.run(
                ["livepeer-node", "export-chain-spec", "--chain", "local" if VALIDATORS[1:] else "dev", "--raw"],
                env=self.env, check=True, stdout=file, stderr=subprocess.DEVNULL,
            )
        for number, name in enumerate(VALIDATORS):
            self.begin_node(number, name)
            if not number:
                self.peer = self.until("the first node answers", lambda: rpc(ALICE, "system_localPeerId"))
        self.until("blocks become final", lambda: final(ALICE) > 0)
        # They judge what is claimed.
        for number, name in enumerate(VALIDATORS):
            self.begin_one(f"verify-{name}", [
                "livepeer-worker", "verify", "--listen", f"127.0.0.1:{7940 + number}", "--token-file", "token",
                "--data-dir", "verify", "--node", f"ws://127.0.0.1:{9944 + number}",
            ], os.path.join(self.folder, name))

    def begin_node(self, number, name):
        """A validator's node, beside the ports of the first one."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        subprocess.run(["livepeer-worker", "token", "token"], env=self.env, check=True, cwd=folder,
                       stdout=subprocess.DEVNULL)
        self.begin_one(f"node-{name}", [
            "livepeer-node", "--verify-url", f"http://127.0.0.1:{7940 + number}", "--verify-token-file", "token",
            "--chain", self.spec, f"--{name}", "--base-path", folder,
            # Alone it has nobody to wait for.
            *(["--bootnodes", self.boot()] if number else []), *([] if VALIDATORS[1:] else ["--force-authoring"]),
            "--node-key", f"{number + 1:064x}", "--rpc-port", str(9944 + number), "--listen-addr",
            f"/ip4/127.0.0.1/tcp/{30333 + 10 * number}", "--no-mdns", "--allow-private-ip", "--no-prometheus",
        ], folder)

    def boot(self):
        """Where the first node is found."""
        return f"/ip4/127.0.0.1/tcp/30333/p2p/{self.peer}"


def blocks_of(page):
    with open(os.path.join(ROOT, "docs/operators", f"{page}.md"), encoding="utf-8") as file:
        found = BLOCK.findall(file.read())
    if not found:
        fail(f"{page}.md has no commands")
    return found


def run_page(network, page):
    folder = os.path.join(network.folder, page)
    os.makedirs(folder)
    os.symlink(os.path.join(ROOT, "tests"), os.path.join(folder, "tests"))
    # A node of one's own beside Alice's, on other ports; only a validator runs one in its page.
    own = page == "validator"
    url = "127.0.0.1:9955" if own else "127.0.0.1:9944"
    settings = {
        "SPEC": network.spec,
        "NODE": f"ws://{url}",
        "ANNOUNCE": "/ip4/127.0.0.1/tcp/4100",
        "TRANSCODER": TRANSCODER,
    }
    env = {**network.env, **settings}
    before = {name for name, _, _ in network.running}
    functions = ""
    if page == "care":
        # The page speaks of a node that is stopped and has a chain: a copy of Alice's.
        subprocess.run(["cp", "-a", os.path.join(network.folder, "alice"), os.path.join(folder, "node")], check=True)
    for number, (kind, text) in enumerate(blocks_of(page)):
        if kind == "settings":
            unknown = set(re.findall(r"^export (\w+)=", text, re.M)) - set(settings)
            if unknown:
                fail(f"{page}.md: this test does not set {unknown}")
            continue
        if kind == "service":
            command = text.replace("\\\n", " ").strip()
            if command.startswith("livepeer-node"):
                command += (" --rpc-port 9955 --port 30335 --no-mdns --allow-private-ip --no-prometheus"
                            f" --bootnodes {network.boot()}")
                network.begin_one(f"{page}-{number}", command, folder, env)
                network.until("the new node caught up", lambda: not rpc(
                    f"http://{url}", "system_health")["isSyncing"] and final(f"http://{url}") > 0)
            else:
                if " transcode " in command:
                    # A test's stream is short: each eight segments are claimed, whatever the call costs.
                    command += " --claim-worth 0"
                network.begin_one(f"{page}-{number}", command, folder, env)
                log = os.path.join(folder, f"{page}-{number}.log")
                network.until("the worker runs", lambda log=log: worker_answers(page, log))
            continue
        if re.search("stake bond|stake delegate|keys spend", text):
            pay(network, folder)
        if "stake fees" in text:
            earn(network, address_of(folder), url)
        leaving = "stake resign" in text
        if leaving:
            before_leaving(network, page, address_of(folder), url)
        step(network, f"{page}-{number}", functions + text, folder, env)
        if leaving:
            after_leaving(network, page, address_of(folder), url)
        functions = "".join(re.findall(r"^call\(\) .*\n", text, re.M)) or functions
    network.check()
    network.stop(lambda name: name not in before)


def worker_answers(page, log):
    if page == "broadcaster":
        # It listens for publishers before it has a job.
        with open(log, encoding="utf-8") as file:
            return "the stream is open" in file.read()
    port = {"validator": 7936, "transcoder": 4100, "gateway": 8935}[page]
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def step(network, name, script, folder, env):
    """A block; what the chain refuses in the lock period is tried again in the next round, and all of a
    bond again where a reward came into it meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=env, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False,
        )
        if ended.returncode == 0:
            say(f"{name}: done")
            return
        network.check()
        said = ended.stdout + ended.stderr
        if not re.search("Locked|Validating|BelowMinimum", said) or time.monotonic() > deadline:
            fail(f"{name} ended with {ended.returncode}:\n{script}\n{said}")
        # Only what was refused is said again.
        lines = script.splitlines(keepends=True)
        at = next((i for i, line in enumerate(lines) if "keys register" in line), 0)
        script = "".join(line for line in lines[:at] if line.startswith("call()")) + "".join(lines[at:])
        time.sleep(5)


def wallet(folder, file, *call):
    subprocess.run(
        ["node", "tests/js/call.mjs", "ws://127.0.0.1:9944", file, *call],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE,
    )


def address_of(folder):
    with open(os.path.join(folder, "account.address"), encoding="utf-8") as file:
        return file.read().strip()


def pay(network, folder):
    address = address_of(folder)
    with open(os.path.join(network.folder, "alice.key"), "w", encoding="utf-8") as file:
        file.write("//Alice")
    alice = os.path.join(network.folder, "alice.key")
    wallet(folder, alice, "balances.transferKeepAlive", address, "3000LPT")
    wallet(folder, alice, "assets.transferKeepAlive", "1", address, "5ETH")


def ask(url, expression):
    """The value of an expression over @polkadot/api's `api`."""
    script = (
        'import { ApiPromise, WsProvider } from "@polkadot/api";'
        f'const api = await ApiPromise.create({{ provider: new WsProvider("ws://{url}"), noInitWarn: true }});'
        f"console.log(JSON.stringify({expression}));"
        "await api.disconnect();"
    )
    ended = subprocess.run(
        ["node", "--input-type=module", "-e", script], cwd=os.path.join(ROOT, "tests/js"),
        check=False, timeout=60, capture_output=True, text=True,
    )
    return json.loads(ended.stdout)


def transcoder_view(url, address):
    return ask(url, f'(await api.call.livepeerApi.transcoder("{address}")).toJSON()')


def number(value):
    """A number as JSON has it, which is hex where it is large."""
    return int(str(value), 0)


def earn(network, address, url):
    """A stream of Ferdie's is transcoded, judged and paid."""
    def active():
        view = transcoder_view(url, address)
        return view and view["active"] and view["capacity"] > 0

    network.until("the transcoder is active", active, 600)
    say("transcoder: in the active set, with capacity")
    film = os.path.join(network.folder, "film.mp4")
    subprocess.run([
        "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25",
        "-f", "lavfi", "-i", "sine", "-t", "40", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50",
        "-pix_fmt", "yuv420p", "-c:a", "aac", film,
    ], check=True, timeout=PATIENCE)
    with open(os.path.join(network.folder, "broadcast.log"), "w+", encoding="utf-8") as log:
        ended = subprocess.run([
            "livepeer-worker", "broadcast", film, "--name", "x", "--suri", "//Ferdie",
            "--data-dir", "broadcast", "--linger", "0", "--listen", "/ip4/127.0.0.1/tcp/4110",
        ], env=network.env, cwd=network.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            timeout=PATIENCE, check=False)
        if ended.returncode:
            log.seek(0)
            fail(f"the stream ended with {ended.returncode}:\n{log.read()[-3000:]}")

    def paid():
        view = ask(url, f'(await api.call.livepeerApi.delegator("{address}")).toJSON()')
        return view and number(view["fees"]) > 0

    network.until("the transcoder is paid", paid, 600)
    say("transcoder: paid for a stream")


def before_leaving(network, page, address, url):
    """What the page promised by then."""
    if page == "validator":
        log = next(log for name, _, log in network.running if name.startswith("validator-"))

        def authored():
            with open(log, encoding="utf-8") as file:
                return "Pre-sealed block" in file.read()

        network.until("the validator makes blocks", authored, 900)
        say("validator: makes blocks")
    if number(transcoder_view(url, address)["stake"]) < BONDS[page] * LPT:
        fail(f"{page}: the stake fell")


def after_leaving(network, page, address, url):
    """A node is stopped only when the account validates no more, as the page says."""
    if page == "validator":
        network.until("the validator has left", lambda: address not in ask(
            url, "(await api.query.session.validators()).toJSON()"), 900)
        network.until("finality without it", lambda: address not in ask(
            url, "(await (await api.at(await api.rpc.chain.getFinalizedHead())).query.session.validators()).toJSON()"), 300)
        say("validator: left")
    slashed = number(ask(url, f'(await api.call.livepeerApi.backing("{address}")).toJSON()')["slashed"])
    if slashed:
        fail(f"{page}: slashes took {slashed} of 10^9 of the stake")
    say(f"{page}: no slash took anything")


if len(sys.argv) < 2:
    sys.exit(__doc__)
with tempfile.TemporaryDirectory(prefix="livepeer-runbooks-") as temporary:
    net = Network(os.path.abspath(sys.argv[1]), temporary)
    try:
        say(f"validators: {', '.join(VALIDATORS)}")
        net.begin()
        for one in sys.argv[2:] or PAGES:
            run_page(net, one)
        say("every command of the pages was run")
    finally:
        net.kill()
