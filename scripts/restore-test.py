#!/usr/bin/env python3
"""Puts folders back from old copies, on local networks that it starts. Twenty minutes.

A validator's, on a network of five: the node must end before it votes, follow the chain without signing when
it is started again, and sign again when finality is well beyond what it had signed; nobody may be reported. It must
wait too if it is started without `--validator` first, and catches up as a full node.
The copy is two minutes old; with BLOCKS=1800 an hour.

A transcoder's and a live broadcaster's, on a network of one: the transcoder must sign nothing more for a job
of which the chain has claims that its folder lacks, and serve the next job; the broadcaster must go on above
what the transcoder has, in another job. Neither may find that the other signed two things that exclude each
other. What is lost all the same are the claims that the copy lacks. Needs ffmpeg for this part.

    scripts/restore-test.py BIN_DIR [validator|workers]...
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from localnet import Node, One, Process, Worker, film, five, free_port, say, until

# As in node/src/twin.rs: slots that a crash may lose, and blocks that finality must be beyond.
LOST, BEYOND = 20, 32
# How many blocks of two seconds become final after the validator's copy was made: enough that its turn came
# again and again after what a crash may lose.
OLD = int(os.environ.get("BLOCKS", LOST + 40))


def validator(binaries, folder, nodes):
    binary = os.path.join(binaries, "livepeer-node")
    boot = five(binary, folder, nodes)
    alice, eve = nodes[0], nodes[4]

    say("a copy is made")
    eve.kill()
    for name in ("copy", "another"):
        shutil.copytree(eve.base, f"{eve.base}.{name}")
    eve.start()
    until("a short stop is no reason to doubt", lambda: "Pre-sealed" in eve.said(), 60)
    copied = alice.finalized()
    until("the network goes on", lambda: alice.finalized() >= copied + OLD, 5 * OLD)

    say("it is put back")
    eve.kill()
    shutil.rmtree(eve.base)
    shutil.move(eve.base + ".copy", eve.base)
    eve.start()
    until("the node ends", lambda: not eve.is_running(), 90)
    said = eve.said()
    elsewhere = re.search(r"Block (\d+) \(.*was made with a key of this node, and not by this node", said)
    assert elsewhere, said[-3000:]
    ended = alice.finalized()

    say("it is started again, and only follows")
    eve.start()
    until("it follows", lambda: eve.finalized() >= ended + 5, 90)
    assert "signs nothing until finality is well beyond" in eve.said(), eve.said()[-3000:]
    assert "Pre-sealed" not in eve.said(), "it made a block while it should follow"
    until("it has waited enough", lambda: not eve.is_running(), 300)
    assert "Pre-sealed" not in eve.said(), "it made a block before it ended"
    assert "signs when it is started again" in eve.said(), eve.said()[-3000:]
    final, last = alice.finalized(), int(elsewhere[1])
    assert final >= last + BEYOND, f"it waited until {final} was final, and signed in {last}"

    say("it is started again, and signs")
    eve.start()
    # It was taken for offline meanwhile, and is chosen again after seven rounds of a minute.
    until("it makes blocks", lambda: "Pre-sealed" in eve.said(), 900)
    here = alice.finalized()
    until("blocks become final", lambda: eve.finalized() >= here + 5, 90)

    say("it is put back, and catches up as a full node first")
    eve.kill()
    shutil.rmtree(eve.base)
    shutil.move(eve.base + ".another", eve.base)
    # Without its name it has no keys but those that lie on the disk.
    subprocess.run([
        binary, "key", "insert", "--chain", "local", "--base-path", eve.base, "--scheme", "sr25519",
        "--key-type", "babe", "--suri", "//Eve",
    ], check=True)
    here = alice.finalized()
    full = Node(binary, folder, eve.name, boot, role=[])
    nodes.append(full)
    until("it has caught up", lambda: full.finalized() >= here, 120)
    full.kill()
    eve.start()
    until("it only follows", lambda: "signs nothing until finality is well beyond" in eve.said(), 90)
    for node in nodes:
        with open(node.log, encoding="utf-8") as log:
            text = log.read().lower()
        assert "equivocat" not in text, f"{node.name} saw an equivocation"


def put_back(worker, *then):
    """Puts a worker's folder back from the copy beside it, as a restored backup does."""
    shutil.rmtree(worker.data)
    os.rename(worker.data + ".copy", worker.data)
    worker.again(*then)


def events(worker, kind):
    """What a worker told of that kind, since its folder began."""
    with open(worker.events, encoding="utf-8") as file:
        return [one for one in (json.loads(line) for line in file if line.endswith("\n")) if one["event"] == kind]


def workers(binaries, folder, running):
    net = One(binaries, folder, running)
    pictures = film(os.path.join(folder, "film.mp4"), 120)

    def worker(name, role, arguments):
        # Beside the folder: what was told is no part of the copy.
        events_file = os.path.join(folder, f"{name}.events")
        how = [*arguments, "--events", events_file]
        one = Worker(net.worker, folder, name, role, *how)
        one.how, one.events = how, events_file
        running.append(one)
        return one

    transcode = worker("transcode", "transcode", [
        *net.transcoding("Bob"), "--capacity", "2", "--claim-leaves", "4", "--claim-wait", "8", "--claim-worth", "0",
    ])
    until("the transcoder is registered", lambda: "registered account" in transcode.said())
    rtmp = free_port()
    broadcast = worker("broadcast", "broadcast", [
        *net.broadcasting("live"), "--rtmp", f"127.0.0.1:{rtmp}", "--limits", "640x360@30", "--rendition", "426x240@400k",
    ])

    def publish():
        """Publishes in real time, until the broadcaster ends."""
        until("the broadcaster listens", lambda: socket.create_connection(("127.0.0.1", rtmp), 1).close() is None, 120)
        with open(os.path.join(broadcast.data, "stream-key"), encoding="utf-8") as file:
            key = file.read().strip()
        running.append(Process("publish", folder, [
            "ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", pictures, "-c", "copy",
            "-f", "flv", f"rtmp://127.0.0.1:{rtmp}/live/{key}",
        ]))

    def cut():
        return max((one["seq"] for one in events(broadcast, "segment_cut")), default=-1)

    def made():
        return len(events(transcode, "claim_made"))

    publish()
    until("segments come back", lambda: len(events(broadcast, "segment_returned")) > 4)

    say("a live broadcaster's folder is put back")
    broadcast.kill()
    shutil.copytree(broadcast.data, broadcast.data + ".copy")
    copied = cut()
    broadcast.again(*broadcast.how)
    publish()
    until("the stream goes on", lambda: cut() > copied + 10)
    broadcast.kill()
    highest = cut()
    jobs = len(events(broadcast, "job_opened"))
    put_back(broadcast, *broadcast.how)
    publish()
    until("it says that it is an old copy", lambda: "the folder is an old copy" in broadcast.said())
    until("another job is opened", lambda: len(events(broadcast, "job_opened")) > jobs)
    until("it goes on", lambda: cut() > highest)
    numbers = [one["seq"] for one in events(broadcast, "segment_cut")]
    assert len(numbers) == len(set(numbers)), f"a number was signed twice: {sorted(numbers)}"

    say("a transcoder's folder is put back")
    before = made()
    until("claims are made", lambda: made() > before)
    transcode.kill()
    shutil.copytree(transcode.data, transcode.data + ".copy")
    transcode.again(*transcode.how)
    before = made()
    until("more is claimed", lambda: made() > before + 1)
    transcode.kill()
    put_back(transcode, *transcode.how)
    until("it says so", lambda: re.search(r"nothing is signed for job \d+", transcode.said()))
    here, final = made(), net.alice.finalized()
    until("blocks go by", lambda: net.alice.finalized() >= final + 15)
    assert made() == here, "it claimed for a job of which it had forgotten a part"
    broadcast.kill()
    worker("next", "broadcast", [pictures, "--plays", "1", *net.broadcasting("next")])
    until("the next job is claimed", lambda: made() > here, 600)
    for one in (transcode, broadcast):
        found = events(one, "contradiction_found")
        assert not found, f"{one.name} found that somebody signed two things: {found}"


PARTS = {"validator": validator, "workers": workers}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(PARTS):
        sys.exit(__doc__)
    for part in sys.argv[2:] or PARTS:
        folder = tempfile.mkdtemp(prefix="livepeer-restore-")
        running = []
        try:
            PARTS[part](os.path.abspath(sys.argv[1]), folder, running)
        except AssertionError as wrong:
            sys.exit(f"restore-test: {wrong}")
        finally:
            for one in reversed(running):
                if one.is_running():
                    one.kill()
            shutil.rmtree(folder, ignore_errors=True)
    say("all passed")


if __name__ == "__main__":
    main()
