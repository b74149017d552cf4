"""What the scripts beside this file have in common: a local network of validators with well-known keys,
commands that run beside each other, waiting, asking, and tables of the documentation."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMES = ["alice", "bob", "charlie", "dave", "eve"]
BEGIN = time.monotonic()


def say(text):
    print(f"=== {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def fail(text):
    sys.exit(f"{os.path.splitext(os.path.basename(sys.argv[0]))[0]}: {text}")


def read_between(page, mark):
    """What stands between a page's marks of this name."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read().split(f"<!-- {mark} -->\n", 1)[1].split(f"<!-- end of {mark} -->", 1)[0]


def write_between(page, mark, text):
    """Puts what was measured between a page's marks of this name."""
    path, start, end = os.path.join(ROOT, page), f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(start, 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{start}\n{text}\n\n{end}{rest.split(end, 1)[1]}")


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
    """A node of a chain, by default of `--chain local` and there the validator of its name."""

    def __init__(self, binary, folder, name, boot=None, role=None, chain="local"):
        self.base = os.path.join(folder, name)
        self.rpc, self.p2p, self.metrics = free_port(), free_port(), free_port()
        # Node keys 1 to 5 are the validators'; others are made of their name.
        key = NAMES.index(name) + 1 if name in NAMES else int.from_bytes(name.encode(), "big")
        super().__init__(name, folder, [
            binary, "--chain", chain, *([f"--{name}"] if role is None else role), "--base-path", self.base,
            "--node-key", f"{key:064x}", "--allow-private-ip", "--no-mdns",
            "--prometheus-port", str(self.metrics), "--rpc-port", str(self.rpc),
            "--listen-addr", f"/ip4/127.0.0.1/tcp/{self.p2p}",
        ] + (["--bootnodes", boot] if boot else []))

    def call(self, method, *params):
        return rpc(f"http://127.0.0.1:{self.rpc}", method, *params)

    def finalized(self):
        return final(f"http://127.0.0.1:{self.rpc}")


def five(binary, folder, nodes):
    """Starts the five validators at the end of `nodes`, waits for finality, and says how others find them."""
    first = Node(binary, folder, NAMES[0])
    nodes.append(first)
    until("the first node answers", lambda: first.call("system_localPeerId"), 60)
    boot = f"/ip4/127.0.0.1/tcp/{first.p2p}/p2p/{first.call('system_localPeerId')}"
    nodes += [Node(binary, folder, name, boot) for name in NAMES[1:]]
    until("blocks become final", lambda: nodes[-1].finalized() >= 3, 120)
    return boot


class Worker(Process):
    """A role of `livepeer-worker`, or of one that cheats, with a folder of its own and metrics."""

    def __init__(self, binary, folder, name, role, *arguments, data=None):
        self.data, self.metrics = data or os.path.join(folder, f"{name}-data"), free_port()
        self.common = [
            binary, role, "--data-dir", self.data, "--metrics", f"127.0.0.1:{self.metrics}", "--dial-private",
        ]
        super().__init__(name, folder, [*self.common, *arguments])

    def again(self, *arguments):
        """Starts it with other arguments, once it was killed."""
        self.command = [*self.common, *arguments]
        self.start()


class One:
    """A network of one validator, Alice, whose verify service judges what is claimed. For its workers it is
    a public one: they look at their addresses, and have to be told to publish those of this machine."""

    def __init__(self, binaries, folder, running):
        self.node, self.worker = (os.path.join(binaries, f"livepeer-{name}") for name in ("node", "worker"))
        self.folder = folder
        spec, self.token = os.path.join(folder, "spec.json"), os.path.join(folder, "token")
        made = subprocess.run([self.node, "export-chain-spec", "--chain", "dev", "--raw"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with open(spec, "w", encoding="utf-8") as file:
            json.dump({**json.loads(made.stdout), "chainType": "Live"}, file)
        subprocess.run([self.worker, "token", self.token], check=True, stdout=subprocess.DEVNULL)
        service = free_port()
        self.alice = Node(self.node, folder, NAMES[0], chain=spec, role=[
            "--alice", "--force-authoring", "--verify-url", f"http://127.0.0.1:{service}",
            "--verify-token-file", self.token,
        ])
        running.append(self.alice)
        self.url = f"ws://127.0.0.1:{self.alice.rpc}"
        until("blocks become final", lambda: self.alice.finalized() > 0, 120)
        self.judging = ["--listen", f"127.0.0.1:{service}", "--token-file", self.token]
        self.verify = Worker(self.worker, folder, "verify", "verify", *self.judging, "--node", self.url)
        running.append(self.verify)

    def key(self, name):
        """A file with the secret of a well-known account."""
        path = os.path.join(self.folder, f"{name}.key")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(f"//{name}")
        return path

    def call(self, name, *command, unless=None):
        """Has an account say something by a command of the worker; `unless` is what that may answer instead."""
        ended = subprocess.run(
            [self.worker, *command, "--key-file", self.key(name), "--node", self.url],
            check=False, timeout=300, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if ended.returncode and not (unless and re.search(unless, ended.stderr)):
            fail(f"{' '.join(command)} of {name}:\n{ended.stderr}")

    def transcoding(self, name, host="127.0.0.1", port=None):
        """The arguments of a transcoder of that account, without what it can do. It is found at `host`."""
        port = port or free_port()
        return [
            "--node", self.url, "--key-file", self.key(name), "--announce-anything",
            "--listen", f"/ip4/0.0.0.0/tcp/{port}", "--announce", f"/ip4/{host}/tcp/{port}",
        ]

    def broadcasting(self, stream):
        """The arguments of a broadcaster of Ferdie's, without its source."""
        return [
            "--node", self.url, "--key-file", self.key("Ferdie"), "--announce-anything", "--name", stream,
            "--listen", f"/ip4/127.0.0.1/tcp/{free_port()}", "--linger", "0", "--budget", "1",
        ]


def film(path, seconds, size="640x360"):
    """Makes a film with keyframes each two seconds."""
    subprocess.run([
        "ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25",
        "-f", "lavfi", "-i", "sine", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-g", "50",
        "-pix_fmt", "yuv420p", "-c:a", "aac", path,
    ], check=True, timeout=300, stdin=subprocess.DEVNULL)
    return path
