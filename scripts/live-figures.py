#!/usr/bin/env python3
"""Measures live streams on the demo's network, in a headless Chromium, by the clock in their pictures.

    scripts/live-figures.py BIN_DIR [rtmp|srt|push|killed]... [--out FILE]

Of each protocol one story: ffmpeg publishes, is killed, and comes back after ten seconds with another size.
With `killed`, by RTMP, the transcoder is killed in the second stretch as well, and another one goes on.
Prints a table, and fails where a goal is missed. Run it on an idle machine.
"""

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STORIES = ["rtmp", "srt", "push", "killed"]
# From the first picture sent to the first one shown; from a picture's making to its showing, 95 of 100; from
# the transcoder's loss to the first segment by another; how long the picture then stands still. In seconds.
FIRST, BEHIND, RESUMED, STOOD = 8.0, 6.0, 6.0, 4.0
# The publisher's own absence makes the picture stand still for longer than this, once.
AWAY = 7.0
PLAYED = "a browser plays the page"


def story(binaries, name, folder):
    report = os.path.join(folder, f"{name}.json")
    command = [
        f"{binaries}/livepeer-demo", "--bin-dir", binaries, "--once", "--report", report,
        "--live", "rtmp" if name == "killed" else name, "--player-test", "node tests/js/live.mjs",
    ]
    ended = subprocess.run(
        command + (["--kill"] if name == "killed" else []), cwd=ROOT, check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not os.path.isfile(report):
        sys.exit(f"live-figures: {name} came to no report:\n{ended.stdout[-3000:]}")
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def seen_by_browser(report):
    """What tests/js/live.mjs printed."""
    said = next((check["detail"] for check in report["checks"] if check["name"] == PLAYED), "")
    try:
        return json.JSONDecoder().raw_decode(said[said.index("{"):])[0]
    except ValueError:
        return {}


def figures(name, report):
    seen, measured = seen_by_browser(report), report["figures"]
    pauses = list(seen.get("pauses", []))
    away = next((pause for pause in pauses if pause > AWAY), None)
    if away is not None:
        pauses.remove(away)
    playable, first = measured.get("first_playable_ms"), seen.get("first")
    behind = seen.get("behind", {}).get("p95")
    found = {
        "story": name,
        "first_picture": None if playable is None or first is None else playable / 1000 + first,
        "behind_median": seen.get("behind", {}).get("median"),
        "behind_95": None if behind is None else float(behind),
        "away": away,
        "stood_still": pauses,
        "resumed": measured["failover_ms"] / 1000 if "failover_ms" in measured else None,
        "longest_pause": measured["longest_pause_ms"] / 1000 if "longest_pause_ms" in measured else None,
        "checks_failed": [check["name"] for check in report["checks"] if not check["passed"]],
    }
    wrong = [f"{name}: {check}" for check in found["checks_failed"]]
    goals = [("first_picture", FIRST), ("behind_95", BEHIND)]
    if name == "killed":
        goals += [("resumed", RESUMED)]
        if max(pauses, default=0.0) > STOOD:
            wrong.append(f"{name}: the picture stood still for {max(pauses):.1f} s, more than {STOOD:g}")
    for what, most in goals:
        if found[what] is None:
            wrong.append(f"{name}: {what} was not measured")
        elif found[what] > most:
            wrong.append(f"{name}: {what} is {found[what]:.1f} s, more than {most:g}")
    return found, wrong


def main():
    words = sys.argv[1:]
    out = None
    if "--out" in words:
        at = words.index("--out")
        out = words[at + 1]
        del words[at:at + 2]
    if not words or not set(words[1:]) <= set(STORIES):
        sys.exit(__doc__)
    binaries, all_found, all_wrong = os.path.abspath(words[0]), [], []
    text = lambda value: "" if value is None else f"{float(value):.1f} s"
    print("| Story | First picture | Behind: median | 95 of 100 | Resumed after | Stood still |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="livepeer-live-") as folder:
        for name in words[1:] or STORIES:
            found, wrong = figures(name, story(binaries, name, folder))
            all_found.append(found)
            all_wrong += wrong
            stood = ", ".join(f"{pause:.1f} s" for pause in found["stood_still"])
            print(f"| {name} | {text(found['first_picture'])} | {text(found['behind_median'])} | "
                  f"{text(found['behind_95'])} | {text(found['resumed'])} | {stood} |", flush=True)
    if out:
        with open(out, "w", encoding="utf-8") as file:
            json.dump(all_found, file, indent="\t")
    for one in all_wrong:
        print(f"live-figures: {one}", file=sys.stderr)
    return 1 if all_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
