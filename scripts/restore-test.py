#!/usr/bin/env python3
"""Puts a validator's folder back from an old copy, on a local network of five that it starts: the node
must end before it votes, follow the chain without signing when it is started again, and sign again
when finality is well beyond what it had signed; nobody may be reported. Six minutes.

    scripts/restore-test.py BIN_DIR
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

NAMES = ["alice", "bob", "charlie", "dave", "eve"]
BEGIN = time.monotonic()
# As in node/src/twin.rs: slots that a crash may lose, and blocks that finality must be beyond.
LOST, BEYOND = 20, 40


def say(text):
    print(f"=== {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    def __init__(self, binary, folder, index, boot=None):
        self.name, self.base = NAMES[index], os.path.join(folder, NAMES[index])
        self.rpc, self.p2p = free_port(), free_port()
        self.command = [
            binary, "--chain", "local", f"--{self.name}", "--base-path", self.base,
            "--node-key", f"{index + 1:064x}", "--allow-private-ip", "--no-prometheus", "--no-mdns",
            "--rpc-port", str(self.rpc), "--listen-addr", f"/ip4/127.0.0.1/tcp/{self.p2p}",
        ] + (["--bootnodes", boot] if boot else [])
        self.log = os.path.join(folder, f"{self.name}.log")
        self.start()

    def start(self):
        self.began = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def said(self):
        """What it logged since it was started last."""
        with open(self.log, encoding="utf-8") as log:
            log.seek(self.began)
            return log.read()

    def call(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rpc}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)["result"]

    def finalized(self):
        return int(self.call("chain_getHeader", self.call("chain_getFinalizedHead"))["number"], 16)


def until(what, holds, patience):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"restore-test: {what}: not in {patience} s")


def main():
    binary = os.path.join(os.path.abspath(sys.argv[1]), "livepeer-node")
    folder = tempfile.mkdtemp(prefix="livepeer-restore-")
    nodes = []
    try:
        nodes.append(Node(binary, folder, 0))
        until("the first node answers", lambda: nodes[0].call("system_localPeerId"), 60)
        boot = f"/ip4/127.0.0.1/tcp/{nodes[0].p2p}/p2p/{nodes[0].call('system_localPeerId')}"
        nodes += [Node(binary, folder, index, boot) for index in range(1, 5)]
        alice, eve = nodes[0], nodes[4]
        until("blocks become final", lambda: eve.finalized() >= 3, 120)

        say("a copy is made")
        eve.kill()
        shutil.copytree(eve.base, eve.base + ".copy")
        eve.start()
        until("a short stop is no reason to doubt", lambda: "Pre-sealed" in eve.said(), 60)
        copied = alice.finalized()
        until("the network goes on", lambda: alice.finalized() >= copied + LOST + 10, 180)

        say("it is put back")
        eve.kill()
        shutil.rmtree(eve.base)
        shutil.move(eve.base + ".copy", eve.base)
        eve.start()
        until("the node ends", lambda: eve.process.poll() is not None, 90)
        said = eve.said()
        assert "was made with a key of this node, and not by this node" in said, said[-3000:]
        ended = alice.finalized()

        say("it is started again, and only follows")
        eve.start()
        until("it follows", lambda: eve.finalized() >= ended + 5, 90)
        assert "signs nothing until finality is well beyond" in eve.said(), eve.said()[-3000:]
        assert "Pre-sealed" not in eve.said()
        until("it has waited enough", lambda: eve.process.poll() is not None, 300)
        assert "Pre-sealed" not in eve.said()
        assert "signs when it is started again" in eve.said(), eve.said()[-3000:]
        assert alice.finalized() >= ended + BEYOND - 10

        say("it is started again, and signs")
        eve.start()
        until("it makes blocks", lambda: "Pre-sealed" in eve.said(), 90)
        here = alice.finalized()
        until("blocks become final", lambda: eve.finalized() >= here + 5, 90)
        for node in nodes:
            with open(node.log, encoding="utf-8") as log:
                text = log.read().lower()
            assert "equivocat" not in text, f"{node.name} saw an equivocation"
        say("all passed")
    except AssertionError as wrong:
        sys.exit(f"restore-test: {wrong}")
    finally:
        for node in nodes:
            if node.process.poll() is None:
                node.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
