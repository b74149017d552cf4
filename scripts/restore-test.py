#!/usr/bin/env python3
"""Puts a validator's folder back from an old copy, on a local network of five that it starts: the node
must end before it votes, follow the chain without signing when it is started again, and sign again
when finality is well beyond what it had signed; nobody may be reported. Fifteen minutes.

    scripts/restore-test.py BIN_DIR
"""

import os
import re
import shutil
import sys
import tempfile

from localnet import five, say, until

# As in node/src/twin.rs: slots that a crash may lose, and blocks that finality must be beyond.
LOST, BEYOND = 20, 32


def main():
    binary = os.path.join(os.path.abspath(sys.argv[1]), "livepeer-node")
    folder = tempfile.mkdtemp(prefix="livepeer-restore-")
    nodes = []
    try:
        five(binary, folder, nodes)
        alice, eve = nodes[0], nodes[4]

        say("a copy is made")
        eve.kill()
        shutil.copytree(eve.base, eve.base + ".copy")
        eve.start()
        until("a short stop is no reason to doubt", lambda: "Pre-sealed" in eve.said(), 60)
        copied = alice.finalized()
        # Long enough that its turn came again and again after what a crash may lose.
        until("the network goes on", lambda: alice.finalized() >= copied + LOST + 40, 300)

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
        for node in nodes:
            with open(node.log, encoding="utf-8") as log:
                text = log.read().lower()
            assert "equivocat" not in text, f"{node.name} saw an equivocation"
        say("all passed")
    except AssertionError as wrong:
        sys.exit(f"restore-test: {wrong}")
    finally:
        for node in nodes:
            if node.is_running():
                node.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
