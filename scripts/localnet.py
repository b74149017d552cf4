"""What the scripts beside this file have in common: a local network of validators with well-known keys,
commands that run beside each other, waiting, and asking."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

NAMES = ["alice", "bob", "charlie", "dave", "eve"]
BEGIN = time.monotonic()


def say(text):
    print(f"=== {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def fail(text):
    sys.exit(f"{os.path.splitext(os.path.basename(sys.argv[0]))[0]}: {text}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, holds, patience=300):
    """What `holds` gives, once that is true; that nobody answers, or says nothing of it yet, is a no."""
    deadline = time.monotonic() + patience
    stumbled = ""
    while time.monotonic() < deadline:
        try:
            found = holds()
            if found:
                return found
            stumbled = ""
        except (OSError, KeyError, TypeError, ValueError) as error:
            stumbled = f" ({error!r})"
        time.sleep(0.5)
    fail(f"{what}: not in {patience} s{stumbled}")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def rpc(url, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)["result"]


def final(url):
    """The number of the newest final block of the node at `url`."""
    return int(rpc(url, "chain_getHeader", rpc(url, "chain_getFinalizedHead"))["number"], 16)


class Terminals:
    """Commands that run beside each other until they are stopped; that one ends by itself is a failure."""

    def __init__(self):
        # The name of each, its process, and where its log is.
        self.running = []

    def start(self, name, command, log, **how):
        """Starts a command, which is the shell's if it is a text; `how` is told to the process."""
        with open(log, "w", encoding="utf-8") as file:
            # A group of its own, so that the shell's children end with it.
            process = subprocess.Popen(
                ["bash", "-ec", command] if isinstance(command, str) else command,
                stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True, **how)
        self.running.append((name, process, log))
        return process

    def check(self):
        for name, process, log in self.running:
            if process.poll() is not None:
                with open(log, encoding="utf-8") as file:
                    fail(f"{name} ended with {process.returncode}:\n{''.join(file.readlines()[-15:])}")

    def until(self, what, holds, patience=300):
        """As the function of that name, while all run."""
        return until(what, lambda: self.check() or holds(), patience)

    def stop(self, which=lambda name: True, patience=60):
        """Ends those whose name it wants, as Ctrl-C's quieter relative does, one by one, the last one first."""
        for one in reversed([one for one in self.running if which(one[0])]):
            name, process, _ = one
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                fail(f"{name} did not stop in {patience} s")
            self.running.remove(one)

    def kill(self):
        """Whatever still runs, at a script's end."""
        for _, process, _ in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


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
        return rpc(f"http://127.0.0.1:{self.rpc}", method, *params)

    def finalized(self):
        return final(f"http://127.0.0.1:{self.rpc}")


def five(binary, folder, nodes):
    """Starts the five validators into `nodes`, waits for finality, and says how others find them."""
    nodes.append(Node(binary, folder, NAMES[0]))
    until("the first node answers", lambda: nodes[0].call("system_localPeerId"), 60)
    boot = f"/ip4/127.0.0.1/tcp/{nodes[0].p2p}/p2p/{nodes[0].call('system_localPeerId')}"
    nodes += [Node(binary, folder, name, boot) for name in NAMES[1:]]
    until("blocks become final", lambda: nodes[-1].finalized() >= 3, 120)
    return boot
