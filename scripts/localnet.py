"""A local network of validators with well-known keys, for the scripts beside this file."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

NAMES = ["alice", "bob", "charlie", "dave", "eve"]
BEGIN = time.monotonic()


def say(text):
    print(f"=== {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, holds, patience):
    """Waits until `holds` gives something true; that nobody answers is a no."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"{os.path.basename(sys.argv[0])}: {what}: not in {patience} s")


class Process:
    """What runs with a log of its own, and can be started again."""

    def __init__(self, name, folder, command):
        self.name, self.command = name, command
        self.log = os.path.join(folder, f"{name}.log")
        self.start()

    def start(self):
        self.began = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                # The log is searched.
                env={**os.environ, "NO_COLOR": "1"},
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def is_running(self):
        return self.process.poll() is None

    def said(self):
        """What it logged since it was started last."""
        with open(self.log, encoding="utf-8") as log:
            log.seek(self.began)
            return log.read()


class Node(Process):
    """A node of `--chain local`, by default the validator of its name."""

    def __init__(self, binary, folder, name, boot=None, role=None):
        self.base = os.path.join(folder, name)
        self.rpc, self.p2p, self.metrics = free_port(), free_port(), free_port()
        # Node keys 1 to 5 are the validators'; others are made of their name.
        key = NAMES.index(name) + 1 if name in NAMES else int.from_bytes(name.encode(), "big")
        super().__init__(name, folder, [
            binary, "--chain", "local", *([f"--{name}"] if role is None else role), "--base-path", self.base,
            "--node-key", f"{key:064x}", "--allow-private-ip", "--no-mdns",
            "--prometheus-port", str(self.metrics), "--rpc-port", str(self.rpc),
            "--listen-addr", f"/ip4/127.0.0.1/tcp/{self.p2p}",
        ] + (["--bootnodes", boot] if boot else []))

    def call(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rpc}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)["result"]

    def finalized(self):
        return int(self.call("chain_getHeader", self.call("chain_getFinalizedHead"))["number"], 16)


def five(binary, folder, nodes):
    """Starts the five validators into `nodes`, waits for finality, and says how others find them."""
    nodes.append(Node(binary, folder, NAMES[0]))
    until("the first node answers", lambda: nodes[0].call("system_localPeerId"), 60)
    boot = f"/ip4/127.0.0.1/tcp/{nodes[0].p2p}/p2p/{nodes[0].call('system_localPeerId')}"
    nodes += [Node(binary, folder, name, boot) for name in NAMES[1:]]
    until("blocks become final", lambda: nodes[-1].finalized() >= 3, 120)
    return boot
