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
import subprocess
import sys
import tempfile

from localnet import Terminals, fail, final, get, say

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BLOCK = re.compile(r"<!-- (run|terminals|publish|node) -->\n```sh\n(.*?)```", re.S)
WALK = ["run", "terminals", "terminals", "publish", "node"]
PATIENCE = 300
NODE = "http://127.0.0.1:9944"


def commands(text):
    """The commands of a block, each in one line and without what is said about it."""
    lines = text.replace("\\\n", " ").splitlines()
    lines = [re.sub(r"\s+# .*", "", line).strip() for line in lines]
    return [line for line in lines if line]


class Walk(Terminals):
    def __init__(self, binaries, folder):
        super().__init__()
        self.how = {"cwd": folder, "env": {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}}
        self.begun = 0

    def begin_one(self, command):
        self.begun += 1
        self.start(command, command, os.path.join(self.how["cwd"], f"{self.begun}.log"), **self.how)

    def run(self, command):
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, **self.how,
        )
        if ended.returncode:
            fail(f"{command}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")

    def terminals(self, text):
        for command in commands(text):
            self.begin_one(command)
            if command.startswith("livepeer-node"):
                # As the page says.
                self.until("the node answers", lambda: final(NODE) > 0)


def text(url):
    return get(url).decode(errors="replace")


def newest(url):
    return json.loads(text(f"{url}/status"))["newest"]


def plays(walk, what, url, beyond):
    """Waits until segments behind `beyond` are listed, and asks for what is."""
    walk.until(f"{what} plays", lambda: (newest(url) or 0) >= beyond)
    lines = [line for line in text(f"{url}/0.m3u8").splitlines() if line.endswith(".ts")]
    for line in lines[-3:]:
        if not get(f"{url}/{line}"):
            fail(f"{what}: {line} is empty")
    if "<script" not in text(url):
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
            walk.stop(lambda command: "broadcast" in command)
            before = newest(url)
            walk.terminals(live)
            key_file = os.path.join(folder, "b", "stream-key")
            walk.until("there is a stream key", lambda: os.path.getsize(key_file))
            with open(key_file, encoding="utf-8") as file:
                publishing = publish.replace("HOST", "127.0.0.1").replace("KEY", file.read().strip())
            # Until its job is assigned a publisher is turned away after a while, and begins again.
            walk.begin_one(f"until {publishing.strip()}; do sleep 1; done; sleep {PATIENCE}")
            plays(walk, "what is published", url, before + 5)
            walk.stop()
            *first, node = commands(keys)
            for command in first:
                walk.run(command)
            walk.begin_one(node)
            walk.until("a chain begins with other session keys", lambda: final(NODE) > 0)
            say("a chain begins with other session keys")
            walk.stop()
        finally:
            walk.kill()
    say("every command of the page was run")


main()
