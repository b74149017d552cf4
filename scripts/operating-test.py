#!/usr/bin/env python3
"""Walks through docs/operating.md by its own commands: a film is streamed on a development chain and can be
watched, then what ffmpeg publishes is, under the same name; then a node begins a chain with session keys of
its own.

    scripts/operating-test.py BIN_DIR

Of the page it runs the blocks behind `<!-- run -->`, starts each command behind `<!-- terminals -->` as in a
terminal of its own, publishes by the one behind `<!-- publish -->`, and behind `<!-- node -->` runs all
commands but the last, which it starts. The commands for those who earn are walked through by
scripts/runbooks-test.py. The ports that the page names have to be free.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BLOCK = re.compile(r"<!-- (run|terminals|publish|node) -->\n```sh\n(.*?)```", re.S)
WALK = ["run", "terminals", "terminals", "publish", "node"]
PATIENCE = 300
BEGIN = time.monotonic()


def say(text):
    print(f"=== {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def fail(text):
    sys.exit(f"operating-test: {text}")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode(errors="replace")


def final():
    """The number of the newest final block."""
    def rpc(method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request("http://127.0.0.1:9944", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)["result"]

    return int(rpc("chain_getHeader", rpc("chain_getFinalizedHead"))["number"], 16)


def commands(text):
    """The commands of a block, each in one line and without what is said about it."""
    lines = text.replace("\\\n", " ").splitlines()
    lines = [re.sub(r"\s+# .*", "", line).strip() for line in lines]
    return [line for line in lines if line]


class Walk:
    def __init__(self, binaries, folder):
        self.folder = folder
        self.env = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
        self.running = []

    def start(self, command):
        log = open(os.path.join(self.folder, f"{len(self.running)}.log"), "w", encoding="utf-8")
        # A group of its own, so that the shell's children end with it.
        process = subprocess.Popen(
            ["bash", "-ec", command], cwd=self.folder, env=self.env,
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )
        self.running.append((command, process, log.name))
        return process

    def run(self, command):
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.folder, env=self.env, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False,
        )
        if ended.returncode:
            fail(f"{command}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")

    def check(self):
        for command, process, log in self.running:
            if process.poll() is not None:
                with open(log, encoding="utf-8") as file:
                    fail(f"{command}\nended with {process.returncode}:\n{''.join(file.readlines()[-15:])}")

    def until(self, what, holds):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.check()
            try:
                found = holds()
                if found:
                    return found
            except (OSError, KeyError, ValueError):
                pass
            time.sleep(1)
        fail(f"{what}: not in {PATIENCE} s")

    def stop(self, which):
        """Ends those in whose command it stands, as Ctrl-C's quieter relative does, the last one first."""
        stopped = [one for one in self.running if which in one[0]]
        self.running = [one for one in self.running if which not in one[0]]
        for command, process, _ in reversed(stopped):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                fail(f"{command}\ndid not stop in 60 s")

    def terminals(self, text):
        for command in commands(text):
            self.start(command)
            if command.startswith("livepeer-node"):
                # As the page says.
                self.until("the node answers", lambda: final() > 0)


def newest(url):
    return json.loads(get(f"{url}/status"))["newest"]


def plays(walk, what, url, beyond):
    """Waits until segments behind `beyond` are listed, and asks for what is."""
    walk.until(f"{what} plays", lambda: (newest(url) or 0) >= beyond)
    lines = [line for line in get(f"{url}/0.m3u8").splitlines() if line.endswith(".ts")]
    for line in lines[-3:]:
        if not get(f"{url}/{line}"):
            fail(f"{what}: {line} is empty")
    if "<script" not in get(url):
        fail(f"{what}: {url} is no page")
    say(f"{what} plays")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(os.path.join(ROOT, "docs/operating.md"), encoding="utf-8") as file:
        page = file.read()
    blocks = BLOCK.findall(page)
    if [kind for kind, _ in blocks] != WALK:
        fail(f"the page has other blocks than this test knows: {[kind for kind, _ in blocks]}")
    film, on_a_chain, live, publish, keys = (text for _, text in blocks)
    url = re.search(r"http://127\.0\.0\.1:8935/stream/\w+/x", page)[0]
    with tempfile.TemporaryDirectory(prefix="livepeer-operating-") as folder:
        walk = Walk(os.path.abspath(sys.argv[1]), folder)
        try:
            walk.run(film)
            say("a film and a token")
            walk.terminals(on_a_chain)
            plays(walk, "the film", url, 5)
            walk.stop("broadcast")
            before = newest(url)
            walk.terminals(live)
            key_file = os.path.join(folder, "b", "stream-key")
            walk.until("there is a stream key", lambda: os.path.getsize(key_file))
            with open(key_file, encoding="utf-8") as file:
                publishing = publish.replace("HOST", "127.0.0.1").replace("KEY", file.read().strip())
            # Until its job is assigned a publisher is turned away after a while, and begins again.
            walk.start(f"until {publishing.strip()}; do sleep 1; done; sleep {PATIENCE}")
            plays(walk, "what is published", url, before + 5)
            walk.stop("")
            *first, node = commands(keys)
            for command in first:
                walk.run(command)
            walk.start(node)
            walk.until("a chain begins with other session keys", lambda: final() > 0)
            say("a chain begins with other session keys")
            walk.stop("")
        finally:
            for _, process, _ in walk.running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
    say("every command of the page was run")


main()
