#!/usr/bin/env python3
"""Measures live streams on the demo's network, in a headless Chromium, by the clock in their pictures.

    scripts/live-figures.py BIN_DIR [rtmp|hevc|srt|whip|push|killed|attacked]... [--out FILE]

Of each protocol one story: ffmpeg publishes, is killed, and comes back after ten seconds with another size;
`hevc` is enhanced RTMP. With `killed`, by RTMP, the transcoder is killed in the second stretch as well, and
another one goes on. With `attacked`, by RTMP, tests/net/attack.py attacks the network meanwhile: on one machine
attackers and network share the processors, so how far behind pictures are is told there and not judged.
Prints a table, whose rows are put into docs/live.md where WRITE_DOCS is set, and fails where a goal is missed. Run it on an idle
machine; each story takes about four minutes and a half.
"""

import json
import os
import subprocess
import sys
import tempfile

from localnet import ROOT, read_between, write_between

PAGE = "docs/live.md"
STORIES = ["rtmp", "hevc", "srt", "whip", "push", "killed", "attacked"]
# The ffmpeg of Debian 12 publishes neither.
BY_FFMPEG_9 = ["hevc", "whip"]
OPTIONS = {"killed": ["--kill"], "attacked": ["--attack", "python3 tests/net/attack.py"]}
# From the first picture sent to the first one shown; from a picture's making to its showing, 95 of 100; from
# the transcoder's loss to the first segment by another; how long the picture then stands still. In seconds.
FIRST, BEHIND, RESUMED, STOOD = 8.0, 6.0, 6.0, 4.0
# By how many segments the page is behind the newest one, in the median.
SEGMENTS = 2
# The publisher's own absence makes the picture stand still for longer than this, once.
AWAY = 7.0
PLAYED = "a browser plays the page"
ATTACKED = "nobody is hurt by an attack"


def story(binaries, name, folder):
    """The demo's report of a story; `None` when it came to none."""
    report = os.path.join(folder, f"{name}.json")
    command = [
        f"{binaries}/livepeer-demo", "--bin-dir", binaries, "--once", "--report", report,
        "--live", "rtmp" if name in OPTIONS else name, "--player-test", "node tests/js/live.mjs",
    ]
    environment = dict(os.environ)
    if name in BY_FFMPEG_9:
        environment["PUBLISHER"] = subprocess.run(
            [os.path.join(ROOT, "scripts/bench-quality.py"), "--ffmpeg"],
            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    ended = subprocess.run(
        command + OPTIONS.get(name, []), cwd=ROOT, check=False, text=True, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not os.path.isfile(report):
        print(ended.stdout[-3000:], file=sys.stderr)
        return None
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def said_by(name, report):
    """What the command behind a check printed as JSON: tests/js/live.mjs, or tests/net/attack.py."""
    said = next((check["detail"] for check in report["checks"] if check["name"] == name), "")
    try:
        return json.JSONDecoder().raw_decode(said[said.index("{"):])[0]
    except ValueError:
        return {}


def figures(name, report):
    seen, measured = said_by(PLAYED, report), report["figures"]
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
        "segments_median": seen.get("segments", {}).get("median"),
        "segments_95": seen.get("segments", {}).get("p95"),
        "away": away,
        "stood_still": pauses,
        "resumed": measured["failover_ms"] / 1000 if "failover_ms" in measured else None,
        "longest_pause": measured["longest_pause_ms"] / 1000 if "longest_pause_ms" in measured else None,
        "attack": said_by(ATTACKED, report) if name == "attacked" else None,
        "checks_failed": [check["name"] for check in report["checks"] if not check["passed"]],
    }
    wrong = [f"{name}: {check}" for check in found["checks_failed"]]
    goals = [("first_picture", FIRST)]
    if name != "attacked":
        goals += [("behind_95", BEHIND), ("segments_median", SEGMENTS)]
    if name == "killed":
        goals += [("resumed", RESUMED)]
        if max(pauses, default=0.0) > STOOD:
            wrong.append(f"{name}: the picture stood still for {max(pauses):.1f} s, more than {STOOD:g}")
    for what, most in goals:
        if found[what] is None:
            wrong.append(f"{name}: {what} was not measured")
        elif found[what] > most:
            wrong.append(f"{name}: {what} is {found[what]:.1f}, more than {most:g}")
    return found, wrong


HEAD = """| Story | First picture | Behind: median | 95 of 100 | Segments behind: median, 95 of 100 | Away | Resumed after | Stood still besides | What did not hold |
|---|---|---|---|---|---|---|---|---|"""


def row(found):
    text = lambda value: "" if value is None else f"{float(value):.1f} s"
    segments = [found["segments_median"], found["segments_95"]]
    cells = [
        found["story"], text(found["first_picture"]), text(found["behind_median"]), text(found["behind_95"]),
        "" if None in segments else ", ".join(map(str, segments)), text(found["away"]), text(found["resumed"]),
        ", ".join(text(pause) for pause in found["stood_still"]) or "never", "; ".join(found["checks_failed"]),
    ]
    return "| " + " | ".join(cells) + " |"


UNDER_ATTACK = "Under attack: "


def attacked(attack):
    """What the attackers did and the viewer saw meanwhile, in a sentence."""
    opened = sum(attack["connections"].values())
    return (f"{UNDER_ATTACK}{opened} connections were opened and {attack['datagrams']} datagrams sent; the viewer got {attack['segments']} segments, the "
            f"slowest after {attack['slowest']:.1f} s, and was refused {attack['failed']} times.")


def write(rows, attacks):
    """Puts what was measured into the page, beside what was measured of other stories."""
    there = read_between(PAGE, "stories").splitlines()
    old = {line.split("|")[1].strip(): line for line in there if line.startswith("| ")}
    rows = {**old, **rows}
    attacks = attacks or [line for line in there if line.startswith(UNDER_ATTACK)]
    lines = [HEAD, *(rows[name] for name in STORIES if name in rows), *(part for text in attacks for part in ("", text))]
    write_between(PAGE, "stories", "\n".join(lines))


def main():
    words = sys.argv[1:]
    out = None
    if "--out" in words:
        at = words.index("--out")
        out = words[at + 1]
        del words[at:at + 2]
    if not words or not set(words[1:]) <= set(STORIES):
        sys.exit(__doc__)
    binaries, all_found, all_wrong, rows = os.path.abspath(words[0]), [], [], {}
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="livepeer-live-") as folder:
        for name in words[1:] or STORIES:
            report = story(binaries, name, folder)
            if report is None:
                all_wrong.append(f"{name} came to no report")
                continue
            found, wrong = figures(name, report)
            all_found.append(found)
            all_wrong += wrong
            rows[name] = row(found)
            print(rows[name], flush=True)
    attacks = [attacked(found["attack"]) for found in all_found if found["attack"]]
    print("".join(f"\n{text}" for text in attacks))
    if os.environ.get("WRITE_DOCS"):
        write(rows, attacks)
    if out:
        with open(out, "w", encoding="utf-8") as file:
            json.dump(all_found, file, indent="\t")
    for one in all_wrong:
        print(f"live-figures: {one}", file=sys.stderr)
    return 1 if all_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
