#!/usr/bin/env python3
"""Holds the documentation against the tree: prints what is not so, and fails if anything is not.

Checked are relative links and their anchors, paths in backticks (also in comments of the code),
targets and variables of `make`, options of the worker's binaries, names of tests and of code, the
table of crates in README.md against the workspace, the floors of CONTRIBUTING.md against what each
crate depends on, that the files of a crate import each other in one direction, that every public
function is named somewhere else, that each command block
of the operators' pages is run by `scripts/runbooks-test.py` or says why not, the metrics that pages,
alerts and boards name against those that are registered, the READMEs of pallets against CONTRIBUTING.md
and against the code, attacks against the tests that hold them, the documentation of calls and what they
hand over to, addresses, and the list of decisions. `docs/parameters.md` is held against the presets by
`primitives/tests/documentation.rs`. With `--write` the table of weights of docs/bridge.md is written first.
Needs Python 3 and git, nothing else.
"""

import collections
import graphlib
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from glob import glob

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Top-level names that a path begins with; everything else in backticks may be something else.
FILES = (
    subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")
)
FILES = sorted(name for name in set(FILES) if name and os.path.isfile(os.path.join(ROOT, name)))
TOP = {name.split("/")[0] for name in FILES}
BASENAMES = {os.path.basename(name) for name in FILES}
BARE = (".rs", ".sh", ".py", ".toml", ".md", ".mjs", ".scale", ".hbs")
HEADINGS = ["Overview", "Terms", "Behaviour", "Calls", "Traits", "Storage", "Attacks", "Invariants"]
# Names of others, and of what is not built yet.
FOREIGN = {
    "CompetitivenessTolerance", "EnterSafeModeOnFailedMigration", "UncheckedOnRuntimeUpgrade", "ValidateUnsigned",
    "VersionedMigration", "next_transcoder", "post_upgrade", "pre_upgrade",
}
# The floors of CONTRIBUTING.md: by the beginning of a crate's folder, the crates of ours that it may
# depend on. The longest beginning counts.
FLOORS = {
    "primitives": (),
    "primitives/settings": (),
    "pallets/": ("primitives",),
    "runtime": ("primitives", "pallets/"),
    "runtime/bencher": (),
    "runtime/features": (),
    "runtime/integration-tests": ("primitives", "pallets/", "runtime"),
    "runtime/simulation": (
        "primitives", "pallets/", "runtime", "runtime/integration-tests", "offchain-worker/core",
    ),
    "runtime/wasm-opt": (),
    "node": ("primitives", "primitives/settings", "runtime"),
    "offchain-worker/core": ("primitives",),
    "offchain-worker/hosts": (),
    "offchain-worker/http": ("offchain-worker/hosts",),
    "offchain-worker/": (
        "primitives", "offchain-worker/core", "offchain-worker/hosts", "offchain-worker/http",
    ),
    "offchain-worker/bridge": (
        "primitives/settings", "offchain-worker/bridge/formats", "offchain-worker/http",
    ),
    "offchain-worker/bridge/formats": (),
    "offchain-worker/cheats": ("primitives", "offchain-worker/core", "offchain-worker/cli"),
    "offchain-worker/cli": ("primitives", "primitives/settings", "offchain-worker/"),
    "offchain-worker/demo": ("primitives", "offchain-worker/core"),
    "tests/bridge/upstream": ("pallets/", "offchain-worker/bridge/formats"),
}
# Who alone may link these.
ALONE = {
    "ffmpeg-next": ("offchain-worker/media",),
    "subxt": ("offchain-worker/bridge", "offchain-worker/chain", "offchain-worker/demo"),
}
DECISION_HEADINGS = ["Context", "Decision", "Consequences"]

problems = []


def problem(where, text):
    problems.append(f"{where}: {text}")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def expand(path):
    """`a/{b,c}` names two paths."""
    braces = re.search(r"\{([^{}]*,[^{}]*)\}", path)
    if not braces:
        return [path]
    return [
        whole
        for part in braces.group(1).split(",")
        for whole in expand(path[: braces.start()] + part.strip() + path[braces.end():])
    ]


def exists(path, base=""):
    path = os.path.normpath(os.path.join(ROOT, base, path))
    return bool(glob(path)) if "*" in path else os.path.exists(path)


def slug(heading):
    """A heading's anchor, as GitHub makes it."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def split(text):
    """The lines of a Markdown file outside of fences, and those within: (number, line)."""
    prose, fenced, fence = [], [], None
    for number, line in enumerate(text.split("\n"), 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and fence is None:
            fence = mark.group(1)
        elif mark and line.strip() == fence:
            fence = None
        elif fence is None:
            prose.append((number, line))
        else:
            fenced.append((number, line))
    return prose, fenced


def spans(line):
    return [span.strip() for span in re.findall(r"`([^`]+)`", line)]


def check_path(where, span, base):
    """A span that looks like a path of this repository names something in it."""
    # What follows a script are its arguments; spaces otherwise stand within braces only.
    if "{" not in span:
        span = span.split(" ")[0]
    if not re.fullmatch(r"[\w.@{},*-]+(/[\w.@{},* -]*)*", span) or "::" in span:
        return
    for path in expand(span):
        # `pallets/NAME/` stands for any.
        if re.search(r"(^|/)[A-Z]+(/|$)", path) and "." not in path:
            continue
        first = path.split("/")[0]
        if "/" in path:
            if first in TOP and first not in ("..", "."):
                found = exists(path) or exists(path, base)
            elif first in ("src", "tests"):
                found = exists(path, base)
            else:
                continue
        elif path.endswith(BARE) and not path.startswith("*"):
            found = path in BASENAMES
        else:
            continue
        if not found:
            problem(where, f"`{path}` is not in the tree")


MAKEFILE = read("Makefile")
TARGETS = {
    target
    for line in re.findall(r"^([a-z][a-z -]*):(?!=)", MAKEFILE, re.M)
    for target in line.split()
}
SCRIPTS = MAKEFILE + "".join(read(name) for name in FILES if name.startswith("scripts/"))
RUST = {name: read(name) for name in FILES if name.endswith(".rs")}
FUNCTIONS = {name for text in RUST.values() for name in re.findall(r"\bfn (\w+)", text)}
# Functions that run as tests: attributes may stand between, and none of them ignores it.
TESTS = {
    name
    for text in RUST.values()
    for attributes, name in re.findall(
        r"#\[(?:tokio::)?test\b[^\]]*\]\s*((?:#\[[^\]]*\]\s*|//[^\n]*\n\s*)*)(?:pub )?(?:async )?fn (\w+)", text
    )
    if "ignore" not in attributes
}
WORDS = {
    word
    for name in FILES
    if name.endswith((".rs", ".sh", ".py", ".mjs", ".js", ".toml", ".json", ".hbs", ".yaml")) or name == "Makefile"
    if not name.endswith("package-lock.json")
    for word in re.findall(r"\w+", RUST.get(name) or read(name))
}
WORKER = "".join(text for name, text in RUST.items() if name.startswith("offchain-worker/"))


def check_commands(where, code):
    """Commands of this repository in a line of code."""
    for variables, target in re.findall(r"(?:^\s*|&& |; )make((?: [A-Z_]+=\S+)*) ([a-z][a-z-]*)", code):
        if target not in TARGETS:
            problem(where, f"the Makefile has no target '{target}'")
        check_variables(where, variables)
    made = re.match(r"\s*make(?: [a-z-]+)+((?: [A-Z_]+=\S+)+)", code)
    if made:
        check_variables(where, made.group(1))
    command = re.match(r"\s*(?:\S*/)?(livepeer-(?:worker|demo|cheat|media)) (.*)", code)
    if command:
        for option in re.findall(r"(?<!\S)--([a-z][a-z-]+)", command.group(2)):
            snake = option.replace("-", "_")
            if not re.search(rf"\b{snake}\b|\"{option}\"", WORKER):
                problem(where, f"{command.group(1)} knows no option --{option}")


def check_variables(where, variables):
    for variable in re.findall(r"([A-Z_]+)=", variables):
        if not re.search(rf"\b{variable}\b", SCRIPTS):
            problem(where, f"neither Makefile nor scripts read {variable}")


def check_name(where, span):
    """A span that looks like a name of the code is one."""
    if re.fullmatch(r"\w+_should_\w+|differs_from_\w+", span):
        if span not in FUNCTIONS:
            problem(where, f"no test is named `{span}`")
    elif re.fullmatch(r"[A-Za-z_]\w*(::[A-Za-z_]\w*)+|[a-z]+(_[a-z0-9]+)+|[A-Z][a-z0-9]+([A-Z][a-z0-9]+)+", span):
        for word in span.split("::"):
            # Tags of JSON are variants written in another way.
            variant = "".join(part.capitalize() for part in word.split("_"))
            # A metric's prefix and the suffix of a counter are added by the registry.
            metric = re.sub(r"^livepeer_|_total$", "", word)
            if not {word, variant, metric} & WORDS and word not in FOREIGN:
                problem(where, f"nothing in the code is named `{word}`")


def check_markdown(name):
    base = os.path.dirname(name)
    prose, fenced = split(read(name))
    for number, line in prose:
        where = f"{name}:{number}"
        for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(base, path)) if path else name
            if not os.path.exists(os.path.join(ROOT, target)):
                problem(where, f"link to {link}, which is not there")
            elif anchor and target.endswith(".md"):
                lines, _ = split(read(target))
                anchors = {slug(h.lstrip("#")) for _, h in lines if re.match(r"#+ ", h)}
                if anchor not in anchors:
                    problem(where, f"link to {link}: no such heading")
        for span in spans(line):
            check_path(where, span, base)
            check_commands(where, span)
            check_name(where, span)
    for number, line in fenced:
        check_commands(f"{name}:{number}", line)


def check_comments(name):
    base = os.path.dirname(name)
    # A crate's own folder, for paths such as `src/lib.rs`.
    while base and not os.path.exists(os.path.join(ROOT, base, "Cargo.toml")):
        base = os.path.dirname(base)
    for number, line in enumerate(read(name).split("\n"), 1):
        comment = re.match(r"\s*(?://[/!]?|#)\s(.*)", line)
        if comment:
            where = f"{name}:{number}"
            for span in spans(comment.group(1)):
                if "/" in span:
                    check_path(where, span, base)
                check_commands(where, span)
            for script in re.findall(r"\bscripts/[\w-]+\.(?:sh|py)\b", comment.group(1)):
                if script not in FILES:
                    problem(where, f"{script} is not in the tree")


def rows(lines):
    """Cells of the tables in `lines`, without heads."""
    table = [line for line in lines if line.startswith("|")]
    for at, line in enumerate(table):
        if at + 1 < len(table) and re.fullmatch(r"[|:\s-]+", table[at + 1]):
            continue
        if not re.fullmatch(r"[|:\s-]+", line):
            yield [cell.strip() for cell in line.strip("|").split(" |")]


def section(text, heading):
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found.group(1) if found else ""


def check_crates():
    members = set(re.findall(r'"([^"]+)"', re.search(r"members = \[(.*?)\]", read("Cargo.toml"), re.S).group(1)))
    named = set()
    for cells in rows(section(read("README.md"), "What is where").split("\n")):
        folders = [path.rstrip("/") for span in spans(cells[0]) for path in expand(span)]
        crates = [crate for span in spans(cells[1]) for crate in expand(span)]
        for at, folder in enumerate(folders):
            if folder not in members:
                if not exists(folder) or exists(folder + "/Cargo.toml"):
                    problem("README.md", f"`{folder}/` is no member of the workspace")
                continue
            named.add(folder)
            package = re.search(r'^name = "([^"]+)"', read(folder + "/Cargo.toml"), re.M).group(1)
            if crates and (len(crates) != len(folders) or crates[at] != package):
                problem("README.md", f"the crate in `{folder}/` is `{package}`")
    for folder in sorted(members - named):
        problem("README.md", f"the table of crates lacks `{folder}/`")


def check_floors():
    members = tomllib.loads(read("Cargo.toml"))["workspace"]["members"]
    manifests = {folder: tomllib.loads(read(folder + "/Cargo.toml")) for folder in members}
    folders = {manifest["package"]["name"]: folder for folder, manifest in manifests.items()}
    for folder, manifest in manifests.items():
        floor = max((at for at in FLOORS if folder.startswith(at)), key=len, default=None)
        if floor is None:
            problem(folder, "stands on no floor")
            continue
        wanted = set()
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            wanted.update(manifest.get(kind, {}))
        for crate in sorted(wanted):
            below = folders.get(crate)
            allowed = FLOORS[floor]
            if below and not any(
                below == at or (at.endswith("/") and below.startswith(at)) for at in allowed
            ):
                problem(f"{folder}/Cargo.toml", f"its floor does not depend on `{below}/`")
            if crate in ALONE and folder not in ALONE[crate]:
                problem(f"{folder}/Cargo.toml", f"only {', '.join(ALONE[crate])} may link `{crate}`")


def imported(use):
    """The paths of a `use`, or of a part of one: braces are opened."""
    before, brace, rest = use.partition("{")
    if not brace:
        return [use.split(" as ")[0].split("::")]
    parts, depth = [""], 0
    for sign in rest[: rest.rindex("}")]:
        depth += (sign == "{") - (sign == "}")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [path for part in parts if part.strip() for path in imported(before + part.strip())]


# An import, by what follows the word.
USE = r"^\s*(?:pub(?:\(\w+\))? )?use ([\w\s:{},*]+);"


def check_circles():
    """Files of a crate import each other in one direction. Those with files below them (`lib.rs`, `mod.rs`)
    hold what these share, and put them together: both are by design, and they are left out."""
    crates = {}
    for name in RUST:
        crate, _, file = name.partition("/src/")
        path = tuple(file.removesuffix(".rs").split("/"))
        if path[-1] in ("lib", "main", "mod"):
            path = path[:-1]
        if file:
            crates.setdefault(crate, {})[path] = name
    for crate, files in crates.items():
        parents = {path[:depth] for path in files for depth in range(len(path))}
        graph = {}
        for path, name in files.items():
            code = re.sub(r"//[^\n]*", "", RUST[name])
            uses = [re.sub(r"\s+", " ", use) for use in re.findall(USE, code, re.M)]
            uses += re.findall(r"\b(?:crate|super)(?:::\w+)+", re.sub(USE, "", code, flags=re.M))
            for first, *rest in (parts for use in uses for parts in imported(use)):
                if first not in ("crate", "self", "super"):
                    continue
                at = {"crate": (), "self": path, "super": path[:-1]}[first]
                while rest and rest[0] == "super":
                    at, rest = at[:-1], rest[1:]
                while rest and (*at, rest[0]) in files:
                    at, rest = (*at, rest[0]), rest[1:]
                if at in files and at != path and not {at, path} & parents:
                    graph.setdefault(name, set()).add(files[at])
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as circle:
            problem(crate, "its files import each other in a circle: " + " → ".join(reversed(circle.args[1])))


# What the documentation of an argument of this type says of its unit.
UNITS = {"Balance": "units of 10^-18", "BlockNumber": "block", "RoundIndex": "round"}


def check_handed_over(where, lib):
    """A call hands over to the function of its name, and so does what authorizes one."""
    for begins, does in ((r"#\[pallet::call_index[^\n]*\n.*?pub fn ", "do_"), (r"\bfn authorize_", "validate_")):
        for name, body in re.findall(rf"{begins}(\w+)\((.*?)\n\t\t\}}\n", lib, re.S):
            if f"Self::{does}{name}(" not in body:
                problem(where, f"`{name}` does not hand over to `{does}{name}`")


def check_used():
    """What is public within the workspace is named somewhere else, too."""
    code = {name: re.sub(r"//[^\n]*", "", text) for name, text in RUST.items()}
    named = collections.Counter(word for text in code.values() for word in re.findall(r"\w+", text))
    for name, text in code.items():
        # What the build of the runtime's Wasm calls.
        if not name.startswith("runtime/wasm-opt/"):
            for function in re.findall(r"\bpub(?:\([^)]*\))? (?:const |async )*fn (\w+)", text):
                if named[function] == 1:
                    problem(name, f"nobody uses `{function}`")


def check_call_docs(where, lib):
    """A call's documentation, which wallets show, says who, each argument, and what it costs."""
    call = re.compile(
        r"((?:\t\t///[^\n]*\n)+)\t\t#\[pallet::call_index.*?\n\t\tpub fn (\w+)\((.*?)\) ->", re.S
    )
    for match in call.finditer(lib):
        text = "\n".join(line.strip()[3:].strip() for line in match.group(1).split("\n"))
        name = match.group(2)
        for argument, kind in re.findall(r"(\w+):(?!:) *(\w+)", match.group(3)):
            said = re.search(rf"\n- `{argument}`: ((?:(?!\n-|\n\n).)*)", text, re.S)
            if argument != "origin" and not said:
                problem(where, f"the documentation of {name} says nothing of `{argument}`")
            elif UNITS.get(kind, "") not in (said[1] if said else ""):
                problem(where, f"the documentation of {name} says no unit of `{argument}`")
        for part in ("Who:", "Emits", "Costs"):
            if not re.search(rf"(^|\. |\n){part}\s", text):
                problem(where, f"the documentation of {name} has no '{part}'")


def check_addresses(name):
    """The last two bytes of an address are a checksum of the others."""
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    for number, line in enumerate(read(name).split("\n"), 1):
        for address in re.findall(rf"(?<![{digits}])5[{digits}]{{46,48}}(?![{digits}])", line):
            value = 0
            for digit in address:
                value = value * 58 + digits.index(digit)
            raw = value.to_bytes(36, "big")[1:]
            if hashlib.blake2b(b"SS58PRE" + raw[:-2]).digest()[:2] != raw[-2:]:
                problem(f"{name}:{number}", f"{address} is no address")


def check_pallets():
    for manifest in sorted(glob(os.path.join(ROOT, "pallets/*/Cargo.toml"))):
        pallet = os.path.relpath(os.path.dirname(manifest), ROOT)
        name = pallet + "/README.md"
        if name not in FILES:
            problem(pallet, "has no README.md")
            continue
        text = read(name)
        prose = "\n".join(line for _, line in split(text)[0])
        headings = re.findall(r"^## (.+)$", prose, re.M)
        if headings != HEADINGS:
            problem(name, f"its headings are {headings}, not {HEADINGS} (see CONTRIBUTING.md)")
            continue
        lib = read(pallet + "/src/lib.rs")
        calls = re.findall(r"#\[pallet::call_index\(\d+\)\].*?pub fn (\w+)", lib, re.S)
        listed = [
            match.group(1)
            for cells in rows(section(prose, "Calls").split("\n"))
            for match in [re.match(r"`(\w+)", cells[0])] if match
        ]
        for call in sorted(set(calls) ^ set(listed)):
            problem(name, f"its table of calls {'lacks' if call in calls else 'invents'} `{call}`")
        if not calls and "None" not in section(prose, "Calls"):
            problem(name, "says nothing of having no calls")
        check_call_docs(pallet + "/src/lib.rs", lib)
        check_handed_over(pallet + "/src/lib.rs", lib)
        stored = re.findall(r"#\[pallet::storage\].*?pub type (\w+)", lib, re.S)
        described = section(prose, "Storage")
        for item in stored:
            if f"`{item}`" not in described:
                problem(name, f"its storage section lacks `{item}`")
        attacks = list(rows(section(prose, "Attacks").split("\n")))
        if not attacks:
            problem(name, "its attacks are no table")
        for cells in attacks:
            tests = [span for cell in cells[-1:] for span in spans(cell)]
            if not tests:
                problem(name, f"no test for the attack '{cells[0]}'")
            for test in tests:
                if test.split("::")[-1] not in TESTS:
                    problem(name, f"no test is named `{test}`")


def check_runbooks():
    """What a reader of the operators' pages types is run by a test, or the page says why it is not."""
    for name in FILES:
        if not re.fullmatch(r"docs/operators/[a-z]+\.md", name):
            continue
        text = read(name)
        for fence in re.finditer(r"(?:^<!-- (.*) -->\n)?^```(?:sh|bash|console)\n", text, re.M):
            if not re.fullmatch(r"run|service|settings|not run: .+", fence.group(1) or ""):
                line = text.count("\n", 0, fence.end())
                problem(f"{name}:{line}", "these commands are neither run nor said why not (scripts/runbooks-test.py)")


# Files in which metrics are registered, and what comes before each of their names.
METRICS = {
    "offchain-worker/cli/src/metrics.rs": "livepeer_",
    "offchain-worker/cli/src/gateway/metrics.rs": "livepeer_gateway_",
    "offchain-worker/bridge/src/metrics.rs": "livepeer_bridge_",
}


def check_metrics():
    """Each metric that a role exports is explained to operators, and none is named that there is not."""
    exported = {
        prefix + metric
        for name, prefix in METRICS.items()
        for metric in re.findall(r'\.register\(\s*"(\w+)"', read(name))
    }
    pages = ("docs/operators/metrics.md", "offchain-worker/README.md", "docs/bridge.md")
    users = ("docker/monitoring/rules.yaml", "docker/monitoring/boards.py", "docs/operators/alerts.md")
    # Suffixes are of counters and of histograms.
    named = lambda names: {
        re.sub(r"_(total|bucket|sum|count)$", "", metric)
        for name in names
        for metric in re.findall(r"\blivepeer_\w+(?![\w*:])", read(name))
    }
    for metric in sorted(exported - named(pages)):
        problem(pages[0], f"no page explains the metric `{metric}`")
    # Names of crates and of series that rules make are none of metrics.
    for metric in sorted(named(pages + users) - exported):
        if not metric.startswith("livepeer_worker"):
            problem(users[0], f"no role exports the metric `{metric}`")


def check_attacks():
    """Each row of the table of attacks names tests, or says that there are none."""
    name = "docs/testing.md"
    attacks = list(rows(section(read(name), "Attacks").split("\n")))
    if not attacks:
        problem(name, "it has no table of attacks")
    for cells in attacks:
        tests = spans(cells[-1])
        if len(cells) != 2 or not tests and not cells[-1].startswith("*none*"):
            problem(name, f"no test for the attack '{cells[0]}'")
        for test in tests:
            if test not in TESTS:
                problem(name, f"'{cells[0]}': `{test}` is no test that runs")


# What the bridge's inbound calls take: what is written, the functions of weights that are added up, and what
# it does. Under the name of the pallet's folder.
INBOUND = [
    ("`ethLightClient.bootstrap`, the checkpoint's committee", ["eth-light-client bootstrap"]),
    ("`ethLightClient.submit`, finality", ["eth-light-client submit"]),
    ("`ethLightClient.submit` with the next committee, once in 27 hours", ["eth-light-client submit_with_committee"]),
    ("`ethBridge.sync`, the gateway's figures", ["eth-bridge sync", "eth-light-client execution_block"]),
    ("`ethBridge.deposit`", ["eth-bridge deposit"]),
    ("`ethBridge.release`, of what waited", ["eth-bridge release"]),
    ("`ethBridge.proveSupply`, once a day", ["eth-bridge prove_supply", "eth-light-client execution_block"]),
]
# In nanoseconds, of the SDK: ParityDb's, and what every transaction takes besides.
READ, WRITE, EXTRINSIC = 8_000, 50_000, 108_157


def inbound_weights():
    """The lines of the table of docs/bridge.md, from the pallets' measured weights."""

    def weight(pallet, function):
        text = read(f"pallets/{pallet}/src/weights.rs")
        body = re.search(rf"fn {function}\(\) -> Weight \{{(.*?)\n\t\}}", text, re.S).group(1)
        number = lambda pattern: int((re.search(pattern, body) or [0, "0"])[1].replace("_", ""))
        return (
            number(r"from_parts\(([\d_]+)") / 1000
            + number(r"reads\(([\d_]+?)(?:_u64)?\)") * READ
            + number(r"writes\(([\d_]+?)(?:_u64)?\)") * WRITE
        )

    constants = read("runtime/src/constants.rs")
    ratio = int(re.search(r"NORMAL_RATIO: Perbill = Perbill::from_percent\((\d+)\)", constants)[1])
    block = int(re.search(r"([\d_]+) \* WEIGHT_REF_TIME_PER_MILLIS", constants)[1].replace("_", "")) * 1_000_000
    lines = ["| Call | weight | in a block |", "| --- | --- | --- |"]
    for name, parts in INBOUND:
        sum_of = sum(weight(*part.split()) for part in parts)
        fit = int(block * ratio / 100 / (sum_of + EXTRINSIC))
        lines.append(f"| {name} | {sum_of / 1e6:.2f} ms | {fit} |")
    return "\n".join(lines)


def check_weights(write):
    """The table of inbound weights is that of the measured ones; `write` puts it there."""
    name, (start, end) = "docs/bridge.md", ("<!-- weights -->\n", "<!-- /weights -->\n")
    before, begins, rest = read(name).partition(start)
    now, ends, after = rest.partition(end)
    made = inbound_weights() + "\n"
    if not begins or not ends:
        problem(name, "it has no place for the table of weights")
    elif write:
        with open(os.path.join(ROOT, name), "w", encoding="utf-8") as file:
            file.write(before + start + made + end + after)
    elif now != made:
        problem(name, "its table of weights is older than the weights: scripts/check-docs.py --write")


def check_bridge_attacks():
    """Each row of the bridge's attacks names tests that run: Rust's, and those of the contracts."""
    name = "docs/bridge.md"
    contracts = "".join(
        read(file) for file in FILES if re.fullmatch(r"pallets/eth-bridge/contracts/test/\w+[\w-]*\.test\.mjs", file)
    )
    contracts = set(re.findall(r"\btest\(\s*[\"`]([^\"`]+)[\"`]", contracts))
    table = list(rows(section(read(name), "Attacks").split("\n")))
    if not table:
        problem(name, "it has no table of attacks")
    for attack, *where in table:
        if len(where) != 2:
            problem(name, f"'{attack}' is no row of an attack")
        for cell in where:
            rust, node = spans(cell), re.findall(r'"([^"]+)"', cell)
            for test in rust:
                if test not in TESTS:
                    problem(name, f"'{attack}': `{test}` is no test that runs")
            for test in node:
                if test not in contracts:
                    problem(name, f"'{attack}': no test of the contracts is named \"{test}\"")
            if not rust and not node and not cell.startswith("*none*: "):
                problem(name, f"'{attack}' has a cell without a test that does not say why")


def check_decisions():
    index = read("docs/decisions/README.md")
    records = [f for f in FILES if re.fullmatch(r"docs/decisions/\d{4}-[a-z0-9-]+\.md", f)]
    for at, name in enumerate(records, 1):
        base = os.path.basename(name)
        if int(base[:4]) != at:
            problem(name, f"is record {at} by order")
        if f"({base})" not in index:
            problem("docs/decisions/README.md", f"does not list {base}")
        headings = re.findall(r"^## (.+)$", read(name), re.M)
        if headings[:3] != DECISION_HEADINGS:
            problem(name, f"its headings do not begin with {DECISION_HEADINGS}")


def main():
    for name in FILES:
        if "node_modules/" in name or "/vendor/" in name:
            continue
        if name.endswith(".md"):
            check_markdown(name)
            check_addresses(name)
        elif name.endswith((".rs", ".sh", ".toml", ".mjs", ".js")) or name == "Makefile":
            check_comments(name)
    check_crates()
    check_floors()
    check_circles()
    check_used()
    check_pallets()
    check_runbooks()
    check_metrics()
    check_attacks()
    check_bridge_attacks()
    check_weights(write="--write" in sys.argv[1:])
    check_decisions()
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        sys.exit(f"check-docs: {len(problems)} sentences of the documentation are not so")


if __name__ == "__main__":
    main()
