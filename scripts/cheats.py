#!/usr/bin/env python3
"""Every cheat on five local validators, one story after the other, and what came of it.

	scripts/cheats.py BIN [--write] [STORY ...]

A story is one of the `CHEAT=` of README.md, or `streams-1`, `streams-2` or `streams-3`: an honest one with so many
streams. Without names all are played, some four minutes each. Reports are kept under the target folder by commit, so
a run that was stopped goes on where it was; a story that did not hold is played again. `--write` puts what the reports of
this commit say into docs/verification.md. Fails where a story does not hold.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path.home() / ".cache/livepeer-appchain"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "target"))
PAGE = ROOT / "docs/verification.md"
STREAMS = ["streams-1", "streams-2", "streams-3"]
UNITS = 10**18


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], check=True, capture_output=True, text=True).stdout.strip()


def cheats():
    """The cheats of README.md's table, in its order; the demo's tests hold that all are there."""
    table = (ROOT / "README.md").read_text().split("| `CHEAT=` |")[1].split("\n\n")[0]
    return re.findall(r"^\| `([a-z]+)` \|", table, re.M)


def percentile(values, part):
    values = sorted(values)
    return values[max(-(-len(values) * part // 100) - 1, 0)]


def loss(one):
    """Who lost what, in few words."""
    parts = []
    if one["as_transcoder"] != "0":
        parts.append(f"{int(one['as_transcoder']) / UNITS:.1f} LPT")
    if one["claims"]:
        parts.append(f"{one['claims']} fees")
    if one["penalties"]:
        why = ", ".join(f"{times} × {name}" for name, times in sorted(one["penalties"].items()))
        parts.append(f"{int(one['as_judge']) / UNITS:.1f} LPT ({why})")
    if one["spoilt"]:
        parts.append(f"the price of {one['spoilt']} segments")
    return f"{one['name']}: " + " and ".join(parts)


def took(report, step):
    return max((claim["blocks"][step] - claim["blocks"]["Claimed"] for claim in report["claims"]
                if step in claim["blocks"]), default=0)


def of_cheats(reports):
    lines = ["| `CHEAT=` | Claims | Decided after | Lost | Lost after | All checks hold |", "|---|---|---|---|---|---|"]
    for name, report in reports:
        ends = {}
        for claim in report["claims"]:
            end = claim["outcome"] or "undecided"
            ends[end] = ends.get(end, 0) + 1
        claims = ", ".join(f"{count} {end.lower()}" for end, count in sorted(ends.items()))
        blocks = max((one["blocks"] for one in report["losses"]), default=0)
        lines.append(
            f"| `{name}` | {claims} | {took(report, 'Decided')} | {'; '.join(map(loss, report['losses'])) or 'nobody'} | "
            f"{blocks} of {report['most_blocks']} | {'yes' if report['passed'] else '**no**'} |"
        )
    return lines


def of_decisions(reports):
    claims = [claim for _, report in reports if report["passed"] for claim in report["claims"]]
    lines = []
    for name, field in [("From draw to decision", "draw_to_decision_blocks"),
                        ("of that beyond what the protocol gives for each step", "beyond_windows_blocks")]:
        values = [claim[field] for claim in claims if claim[field] is not None]
        if values:
            lines.append(f"- {name}: p50 {percentile(values, 50)}, p95 {percentile(values, 95)}, most {max(values)} blocks, "
                         f"over {len(values)} claims.")
    return lines


def of_load(reports):
    lines = ["| Streams | Processors that all five judges kept busy | Processors that transcoders kept busy | All checks hold |",
             "|---|---|---|---|"]
    for _, report in reports:
        figures = report["figures"]
        busy = [f"{figures[name] / 1000:.2f}" for name in ("judges_processor_permille", "transcoders_processor_permille")]
        lines.append(f"| {figures['streams']} | {busy[0]} | {busy[1]} | {'yes' if report['passed'] else '**no**'} |")
    return lines


def main():
    words = [word for word in sys.argv[1:] if word != "--write"]
    if not words:
        sys.exit(__doc__)
    is_written = "--write" in sys.argv
    binaries, *names = words
    every = STREAMS + cheats()
    if strange := [name for name in names if name not in every]:
        sys.exit(f"no such story: {', '.join(strange)}; there are {', '.join(every)}")
    # What is written goes into a page, and changes no story.
    code = ["--", ".", ":!docs", ":!*.md"]
    commit = git("log", "-1", "--format=%h", "--abbrev=11", *code)
    if git("status", "--porcelain", *code):
        commit += "-changed"
    folder = TARGET / "cheats" / commit
    folder.mkdir(parents=True, exist_ok=True)

    def kept(name):
        file = folder / f"{name}.json"
        return json.loads(file.read_text()) if file.is_file() else None

    for name in names or every:
        before = kept(name)
        if before and before["passed"]:
            print(f"{name}: held before", flush=True)
            continue
        story = ["--streams", name[-1]] if name in STREAMS else ["--cheat", name]
        (folder / f"{name}.json").unlink(missing_ok=True)
        log = folder / f"{name}.log"
        with open(log, "w") as out:
            ended = subprocess.run(
                [f"{binaries}/livepeer-demo", "--bin-dir", binaries, "--once", *story, "--report", folder / f"{name}.json"],
                stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )
        print(f"{name}: {'holds' if ended.returncode == 0 else f'does not hold, see {log}'}", flush=True)

    found = [(name, report) for name in every if (report := kept(name))]
    of = lambda wanted: [(name, report) for name, report in found if (name in STREAMS) == wanted]
    head = [f"Five validators on one machine, commit {commit}, parameters of `development`.", ""]
    text = "\n".join(head + of_cheats(of(False)) + [""] + of_decisions(found) + [""] + of_load(of(True))) + "\n"
    print(text)
    if is_written:
        page = PAGE.read_text()
        before, rest = page.split("<!-- cheats -->\n")
        _, after = rest.split("<!-- end of cheats -->")
        PAGE.write_text(f"{before}<!-- cheats -->\n{text}<!-- end of cheats -->{after}")
    held = {name for name, report in found if report["passed"]}
    sys.exit(0 if all(name in held for name in names or every) else 1)


if __name__ == "__main__":
    main()
