#!/usr/bin/env python3
"""What cheating pays, and how many streams can be judged: a model of the protocol's economy with the presets
of docs/parameters.md and the weights of pallets/*/src/weights.rs. Writes the tables and figures of
docs/economics.md (`--write`), or fails where they are not what the model says (`--check`, a second). `--seeds N`
repeats the simulated part with N seeds and fails where one of them contradicts the closed form.

It is a second implementation of the rules, from docs/protocol.md, and not the runtime. Needs Python alone.
"""

import argparse
import functools
import heapq
import math
import os
import random
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = "docs/economics.md"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


# --- What the network has.


def number(text):
    text = text.replace(",", "").strip()
    value = float(re.match(r"[0-9.]+", text).group())
    return value / 100 if "%" in text else value


class Preset:
    """The values of a column of docs/parameters.md, by name."""

    def __init__(self, column):
        self.values = {}
        for line in read("docs/parameters.md").splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) > 4 and cells[1].startswith("`") and cells[2][:1].isdigit():
                self.values[cells[1].strip("`")] = number(cells[column])

    def __getattr__(self, name):
        return self.values[name]


P = Preset(2)
VALIDATORS = int(P.active_size)
# The price of a standard segment, in ETH: the unit of all that follows.
PRICE = P.verify_price
STANDARD = 55_296_000
LEAVES = int(P.max_samples / P.verification_rate)


def in_segments(lpt):
    """So much LPT, in standard segments at the preset's rate and price."""
    return lpt / P.lpt_per_eth / PRICE


def samples(leaves, rate=P.verification_rate):
    return min(max(math.ceil(round(rate * leaves, 9)), 1), int(P.max_samples))


# --- Transcoders. A claim of `leaves` standard segments of which `bad` are not as they should be; `saved` is what
# a bad one saves or brings, of its price; `colluding` the share of all stake that passes whatever it made; `hidden`
# ones are not revealed where they are drawn, so that nobody judges them and the claim is missed.


def caught(leaves, bad, size=1.0, rate=P.verification_rate):
    """That a drawn leaf is bad, where a bad one claims `size` times its work."""
    share = bad * size / (leaves - bad + bad * size)
    return 1 - (1 - share) ** samples(leaves, rate)


def all_collude(colluding, members=None):
    """That a whole committee of validators with the same stake colludes."""
    members = int(P.committee_size) if members is None else members
    bad = round(colluding * VALIDATORS)
    return math.prod(max(bad - i, 0) / (VALIDATORS - i) for i in range(members))


def gain(leaves, bad, saved, colluding=0.0, size=1.0, hidden=False, own=None, slash=None, rate=P.verification_rate):
    """By how much the claim brings more than an honest one, in segments: the closed form. An accusation leads
    to a dispute, in which two thirds convict; between a third and a half colluding it is void."""
    own = P.min_self_bond if own is None else own
    slash = (P.missed_slash if hidden else P.failed_slash) if slash is None else slash
    found = caught(leaves, bad, size, rate) * (1 if hidden else 1 - all_collude(colluding))
    fee = leaves - bad + bad * size
    lost = fee + (in_segments(own * slash) if hidden or colluding <= 1 / 3 else 0)
    return saved * bad * (1 - found) - found * (lost - saved * bad * (size == 1.0))


class Chance:
    """A mean with its 95 % interval."""

    def __init__(self):
        self.count, self.sum, self.squares = 0, 0.0, 0.0

    def add(self, value):
        self.count += 1
        self.sum += value
        self.squares += value * value

    def mean(self):
        return self.sum / self.count

    def half(self):
        variance = max(self.squares / self.count - self.mean() ** 2, 0.0)
        return 1.96 * math.sqrt(variance / self.count)

    def holds(self, value, chance, between):
        """Whether the mean agrees with `value` of something that happens by `chance` and makes a difference of
        `between`: within six standard errors, so that no seed of some thousand fails by chance."""
        return abs(self.mean() - value) <= 6 * between * math.sqrt(chance * (1 - chance) / self.count) + 1e-6


def simulate(rng, rounds, leaves, bad, saved, colluding=0.0, size=1.0, hidden=False):
    """The same by drawing positions and committees."""
    total = leaves - bad + bad * size
    seats = [i < round(colluding * VALIDATORS) for i in range(VALIDATORS)]
    slash = P.missed_slash if hidden else P.failed_slash
    result = Chance()
    for _ in range(rounds):
        drawn = any(rng.random() * total < bad * size for _ in range(samples(leaves)))
        passed = not drawn or (not hidden and all(rng.sample(seats, int(P.committee_size))))
        if passed:
            result.add(saved * bad)
        else:
            lost = total + (in_segments(P.min_self_bond * slash) if hidden or colluding <= 1 / 3 else 0)
            result.add(-lost + (saved * bad if size == 1.0 else 0))
    return result


TRANSCODERS = [
    ("nothing encoded in one segment of a full claim", dict(leaves=LEAVES, bad=1, saved=1.0)),
    ("in one of a hundred", dict(leaves=LEAVES, bad=LEAVES // 100, saved=1.0)),
    ("in every segment", dict(leaves=LEAVES, bad=LEAVES, saved=1.0)),
    ("in one segment of a claim of fifty", dict(leaves=50, bad=1, saved=1.0)),
    ("in the one segment of the smallest claim", dict(leaves=1, bad=1, saved=1.0)),
    ("a rendition left out, a third of the work, in one segment", dict(leaves=LEAVES, bad=1, saved=1 / 3)),
    ("one segment claimed at twice its work", dict(leaves=LEAVES, bad=1, saved=1.0, size=2.0)),
    ("a tenth of the stake passes it: one segment", dict(leaves=LEAVES, bad=1, saved=1.0, colluding=0.1)),
    ("a third of the stake passes it: one segment", dict(leaves=LEAVES, bad=1, saved=1.0, colluding=1 / 3)),
    ("a third, in every segment", dict(leaves=LEAVES, bad=LEAVES, saved=1.0, colluding=1 / 3)),
    ("one segment, which is not revealed where it is drawn", dict(leaves=LEAVES, bad=1, saved=1.0, hidden=True)),
]


def search(full=LEAVES, rate=P.verification_rate):
    """The best of a grid, by the closed form. Work costs all of its price, which favours whoever saves it."""
    best = None
    for leaves in [1, 2, 5, 10, 25, 50, 100, 200, 400, full]:
        for share in [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]:
            bad = max(1, round(share * leaves))
            for saved in [0.1, 0.2, 1 / 3, 0.5, 0.75, 1.0]:
                for size in [1.0, 1.25, 2.0, 4.0]:
                    for colluding in [0.0, 0.05, 0.1, 0.2, 0.3, 1 / 3]:
                        for hidden in [False, True]:
                            value = saved if size == 1.0 else size - 1
                            case = dict(leaves=leaves, bad=bad, saved=value, size=size, colluding=colluding,
                                        hidden=hidden)
                            each = gain(**case, rate=rate) / leaves
                            if best is None or each > best[0]:
                                best = (each, case)
    return best


def transcoder_table(rounds, seed):
    rows = ["| Strategy | Caught, of claims | Gain per claim, closed form | Simulated, 95 % | By the fee alone |",
            "|---|---|---|---|---|"]
    for index, (name, case) in enumerate(TRANSCODERS):
        rng = random.Random(f"{seed}/{index}")
        result = simulate(rng, rounds, **case)
        exact = gain(**case)
        found = caught(case["leaves"], case["bad"], case.get("size", 1.0))
        found *= 1 if case.get("hidden") else 1 - all_collude(case.get("colluding", 0.0))
        between = LEAVES * 2 + in_segments(P.min_self_bond * max(P.failed_slash, P.missed_slash))
        if not result.holds(exact, found, between):
            sys.exit(f"seed {seed}: {name}: {result.mean():.3f} is not {exact:.3f}")
        rows.append(f"| {name} | {100 * found:.2f} % | {exact:,.1f} | {result.mean():,.1f} ± {result.half():,.1f} "
                    f"| {round(gain(**case, slash=0.0), 1) + 0:,.1f} |")
    return rows


def border_table():
    """The share of colluding stake from which on a strategy gains, by the fee alone."""
    rows = ["| Claim | One bad segment gains from | All bad gain from |", "|---|---|---|"]
    for leaves in [1, 10, 50, 200, LEAVES]:
        cells = []
        for bad in (1, leaves):
            border = next((share for share in range(0, 67)
                           if gain(leaves, bad, 0.9, colluding=share / 100, slash=0.0) > 0), None)
            cells.append(f"{border} % of the stake" if border is not None else "two thirds, which decide all")
        rows.append(f"| {leaves} segments | {cells[0]} | {cells[1]} |")
    return rows


# --- Chosen windows: who makes the last `tail` blocks of a window can keep each of them back, and so choose among
# 2^tail seeds. When it will, it knows an epoch ahead, and claims then.


def chosen(tail, own, full=LEAVES, rate=P.verification_rate):
    """The most that bad segments of one claim bring in such a window, and how many there are."""
    best = (0.0, 0)
    for bad in range(1, full + 1):
        miss = 1 - caught(full, bad, rate=rate)
        free = 1 - (1 - miss) ** (2 ** tail)
        lost = full + in_segments(own * P.failed_slash)
        value = free * bad - (1 - free) * lost
        if value > best[0]:
            best = (value, bad)
    return best


def window_table():
    rows = ["| Blocks at a window's end | Seeds to choose from | Free bad segments in a full claim "
            "| Windows a day at 1 % of the stake | at 10 % | at 33 % | Gain a day at 33 %, in ETH |",
            "|---|---|---|---|---|---|---|"]
    windows = 86_400 / (P.slot_duration / 1_000) / P.beacon_window
    for tail in range(0, 9):
        value, bad = chosen(tail, P.min_self_bond)
        often = [windows * share ** tail * (1 - share) for share in (0.01, 0.1, 0.33)]
        if tail == 0:
            often = [windows * (1 - share) for share in (0.01, 0.1, 0.33)]
        cells = " | ".join(f"{count:.3g}" for count in often)
        rows.append(f"| {tail} | {2 ** tail} | {bad} | {cells} | {often[2] * value * PRICE:.2g} |")
    return rows


# --- Judges. A coalition whose members say Valid with evidence that they have agreed on, and encode nothing.


def judges(rng, rounds, colluding, variants, least=1):
    """What it brings a member for each seat, in LPT, and what others suffer; the transcoder is honest. Its
    members are lazy where at least `least` of them sit in a tranche: who sits is known before they commit."""
    size, most = int(P.committee_size), int(P.tranches)
    seats = [i < round(colluding * VALIDATORS) for i in range(VALIDATORS)]
    stake = P.min_validator_stake
    work = P.max_samples * PRICE * P.lpt_per_eth
    result = {"gain": Chance(), "disputes": Chance(), "honest": Chance(), "all lazy": Chance()}
    for _ in range(rounds):
        order = rng.sample(seats, size * most)
        forced = any(rng.random() < variants for _ in range(int(P.max_samples)))
        gained, sat, disputed, honest, lazy_alone = 0.0, 0, 0, 0, 0
        passed = seated = 0
        for tranche in range(most):
            members = order[tranche * size:(tranche + 1) * size]
            lazy = sum(members)
            sat += lazy
            lazy = lazy if lazy >= least else 0
            seated += size
            if lazy == size:
                # Nobody encoded. A variant that was due is opened: Valid reads as a fault, and all judge.
                if forced:
                    disputed, gained = 1, gained - lazy * stake * P.variant_slash
                else:
                    gained += lazy * work
                    lazy_alone = 1
                break
            if lazy == 0:
                break
            if forced:
                # Some say Variant, others Valid.
                disputed, gained = 1, gained - lazy * stake * P.variant_slash
                break
            if 3 * lazy >= 2 * size:
                # Two thirds have the invented evidence: the others pay.
                gained += lazy * work
                honest += size - lazy
                passed += lazy
            elif 3 * (size - lazy) >= 2 * size:
                gained -= lazy * stake * P.no_show_slash
                passed += size - lazy
            else:
                # It is not clear whose is right: all judge, with evidence of another seed, and the
                # coalition does its work then.
                disputed = 1
                break
        else:
            disputed = int(3 * passed < 2 * seated)
        if sat:
            result["gain"].add(gained / sat)
        result["disputes"].add(disputed)
        result["honest"].add(honest)
        result["all lazy"].add(lazy_alone)
    return result


def unclear(colluding):
    """The closed form of a first committee that is neither right nor wrong by two thirds."""
    size, bad = int(P.committee_size), round(colluding * VALIDATORS)
    ways = math.comb(VALIDATORS, size)
    return sum(math.comb(bad, lazy) * math.comb(VALIDATORS - bad, size - lazy) / ways
               for lazy in range(1, size) if 3 * lazy < 2 * size and 3 * (size - lazy) < 2 * size)


def judge_table(rounds, seed):
    rows = ["| Lazy stake | Lazy where | Variants | Gain of a member per seat, in LPT | Claims that all judge "
            "| Accepted unseen | Honest judges penalised, per claim |", "|---|---|---|---|---|---|---|"]
    for colluding, least, variants in [(share, least, variants) for share in (0.02, 0.1, 0.2, 1 / 3)
                                       for least in (1, 2) for variants in (0.0, 0.005)]:
        where = "it sits" if least == 1 else "two of it sit"
        rng = random.Random(f"{seed}/judges/{colluding}/{least}/{variants}")
        result = judges(rng, rounds, colluding, variants, least)
        least_often = unclear(colluding)
        error = math.sqrt(least_often * (1 - least_often) / rounds)
        if variants == 0 and result["disputes"].mean() < least_often - 6 * error:
            sys.exit(f"seed {seed}: fewer disputes than committees that are not clear")
        mean = {name: chance.mean() for name, chance in result.items()}
        rows.append(f"| {100 * colluding:.0f} % | {where} | {100 * variants:g} % | {mean['gain']:+.5f} ± "
                    f"{result['gain'].half():.5f} | {100 * mean['disputes']:.1f} % "
                    f"| {100 * mean['all lazy']:.2f} % | {mean['honest']:.4f} |")
    return rows


def judge_search():
    """The best of a grid of coalitions at the preset's rate of variants, for each seat of a first committee in which it
    encodes nothing: the closed form."""
    size, stake = int(P.committee_size), P.min_validator_stake
    work = P.max_samples * PRICE * P.lpt_per_eth
    forced = 1 - (1 - P.variant_rate) ** P.max_samples

    def seat(lazy):
        if 3 * lazy >= 2 * size:
            unforced = work
        else:
            unforced = -stake * P.no_show_slash if 3 * (size - lazy) >= 2 * size else 0.0
        return (1 - forced) * unforced - forced * stake * P.variant_slash

    best, count = None, 0
    for percent in range(1, 34):
        bad = round(percent / 100 * VALIDATORS)
        for least in range(1, size + 1):
            ways = {lazy: lazy * math.comb(bad, lazy) * math.comb(VALIDATORS - bad, size - lazy)
                    for lazy in range(least, size + 1)}
            if not sum(ways.values()):
                continue
            count += 1
            each = sum(often * seat(lazy) for lazy, often in ways.items()) / sum(ways.values())
            if best is None or each > best[0]:
                best = (each, percent, least)
    return best, count


def judge_search_words():
    (each, percent, least), count = judge_search()
    what = f"{percent} % of the stake, lazy where {least} or more of a committee are its own"
    return (f"The best of the {count} coalitions of the grid has {what}: each seat in which it encodes nothing loses "
            f"{-each:.2f} LPT." if each < 0 else f"The grid has a coalition that gains: {what}, {each:.6f} LPT a seat.")


def variant_border():
    """The rate of variants at which it no longer pays to encode nothing, where a whole committee would."""
    work = P.max_samples * PRICE * P.lpt_per_eth
    # So much is saved for each seat; one forced leaf among those that are drawn costs `variant_slash`.
    lost = P.min_validator_stake * P.variant_slash
    return 1 - (1 - work / lost) ** (1 / P.max_samples)


# --- A hub encodes once and tells all judges who ask it what it found.


def hub_pays(members, wrong):
    """What each of so many of a committee gains who ask it, in LPT: the work without its part of the hub's, or what
    evidence costs that is not the others'."""
    size, work = int(P.committee_size), P.max_samples * PRICE * P.lpt_per_eth
    own = work / members
    if wrong and 3 * (size - members) >= 2 * size:
        return -P.min_validator_stake * P.no_show_slash - own
    # Where two thirds of a committee have it its evidence is right, and where nobody has two thirds all judge anew,
    # for which it encodes again.
    again = own if wrong and 3 * members < 2 * size else 0.0
    return work - own - again


def hub(share, wrong, rng=None, rounds=0):
    """What a seat brings to who asks a hub that is wrong in a part of all claims: the closed form, or simulated."""
    size, users = int(P.committee_size), round(share * VALIDATORS)
    if rng is None:
        ways = {count: math.comb(users, count) * math.comb(VALIDATORS - users, size - count)
                for count in range(1, size + 1)}
        each = {count: wrong * hub_pays(count, True) + (1 - wrong) * hub_pays(count, False) for count in ways}
        return sum(ways[count] * each[count] for count in ways) / sum(ways.values())
    result, seats = Chance(), [i < users for i in range(VALIDATORS)]
    while result.count < rounds:
        if count := sum(rng.sample(seats, size)):
            result.add(hub_pays(count, rng.random() < wrong))
    return result


def hub_table(rounds, seed):
    rows = ["| Stake that asks it | Its evidence is wrong in | Gain of a seat, in LPT, closed form | Simulated, 95 % "
            "| Stops paying when it is wrong in |", "|---|---|---|---|---|"]
    for share in (0.02, 0.1, 0.2, 1 / 3):
        right, false = hub(share, 0.0), hub(share, 1.0)
        border = f"one of {(right - false) / right:,.0f} claims" if right > 0 > false else "no share of them"
        for wrong in (0.0, 0.001, 0.1):
            exact = hub(share, wrong)
            result = hub(share, wrong, random.Random(f"{seed}/hub/{share}/{wrong}"), rounds)
            saved = P.max_samples * PRICE * P.lpt_per_eth
            chance, between = (wrong, P.min_validator_stake * P.no_show_slash + saved) if wrong else (0.5, saved)
            if not result.holds(exact, chance, between):
                sys.exit(f"seed {seed}: hub of {share}: {result.mean():.6f} is not {exact:.6f}")
            often = f"one of {1 / wrong:,.0f} claims" if wrong else "none"
            rows.append(f"| {100 * share:.0f} % | {often} | {exact:+.6f} | {result.mean():+.6f} ± {result.half():.6f} "
                        f"| {border} |")
    return rows


# --- The rate of LPT in ETH.


def rate_table():
    rows = ["| Worth of LPT, relative to the chain's rate | A slash of the own bond takes, of what it backs "
            "| One bad segment of a full claim | All bad, everything that the bond backs |", "|---|---|---|---|"]
    for worth in [1, 0.5, 0.25, 0.1, 0.01]:
        own = P.min_self_bond * worth
        backed = in_segments(P.min_self_bond) * P.exposure / 2
        everything = -in_segments(own * P.failed_slash)
        rows.append(f"| {worth:g} | {2 * worth:g} times | {gain(LEAVES, 1, 1.0, own=own):,.1f} "
                    f"| {everything:,.0f} of {backed:,.0f} |")
    return rows


# What `lpt_per_eth` moves in a round at the most.
RATE_STEP = 0.1


def lag(rng, volatility, crash, days=365):
    """The least that LPT is worth in a year, of what the chain takes it for, where its price moves by so much from
    day to day and falls to `crash` of it on one of them; governance follows as fast as it may."""
    market, chain, least = 1.0, 1.0, 1.0
    falls = rng.randrange(days)
    for day in range(days):
        market *= math.exp(rng.gauss(0.0, volatility)) * (crash if day == falls else 1.0)
        least = min(least, market / chain)
        chain = min(max(market, chain * (1 - RATE_STEP)), chain * (1 + RATE_STEP))
    return least


def lag_table(rounds, seed):
    rows = ["| LPT moves in a day by | and falls once to | Days until the chain has followed the fall "
            "| Least worth in a year, relative to the chain's rate | One bad segment of a full claim then "
            "| by the fall alone, closed form |", "|---|---|---|---|---|---|"]
    for volatility, crash in [(0.05, 1.0), (0.2, 1.0), (0.05, 0.5), (0.05, 0.1), (0.05, 0.01)]:
        rng = random.Random(f"{seed}/lag/{volatility}/{crash}")
        worth, brings = Chance(), Chance()
        for _ in range(max(rounds // 10, 1)):
            least = lag(rng, volatility, crash)
            worth.add(least)
            brings.add(gain(LEAVES, 1, 1.0, own=P.min_self_bond * least))
        days = math.ceil(math.log(crash) / math.log(1 - RATE_STEP) - 1e-9)
        alone = gain(LEAVES, 1, 1.0, own=P.min_self_bond * crash)
        if worth.mean() - 6 * worth.half() > crash:
            sys.exit(f"seed {seed}: a fall to {crash} leaves {worth.mean()}")
        falls = f"{100 * crash:g} %" if crash < 1 else "(never)"
        rows.append(f"| {100 * volatility:g} % | {falls} | {days} | {worth.mean():.4f} ± {worth.half():.4f} "
                    f"| {brings.mean():,.1f} ± {brings.half():,.1f} | {alone:,.1f} |")
    return rows


# --- How much can be judged.


def stream_work():
    """Work of a second of the ladder 1280×720, 854×480, 640×360 of profile 1 from 1280×720, 30 frames."""
    encode = P.values["factors.profiles[0].encode"] / 1_000
    decode = P.values["factors.decode"] / 1_000
    pixels = 1280 * 720 + 854 * 480 + 640 * 360
    return 30 * (pixels * encode + 1280 * 720 * decode)


def seated(share, members):
    """About how likely it is that a judge with this share of the stake sits in a committee."""
    return 1 - (1 - share) ** members


# A judge decodes, encodes once, and makes the probe of half a second of two.
PROBE = 1.25


def judged(rate, verify_rate, validators, largest=None):
    """Streams that the judge can judge who sits most often."""
    share = 1 / validators if largest is None else largest
    block = P.slot_duration / 1_000
    work = stream_work() * block * rate * PROBE * seated(share, P.committee_size)
    return verify_rate / work


def judges_table():
    rows = ["| Rate | `verify_rate`, of work in a block | 144 equal validators | 50 equal | one has 10 % of the stake |",
            "|---|---|---|---|---|"]
    for rate in [0.002, 0.01, P.verification_rate, P.new_verification_rate]:
        for verify_rate in [P.verify_rate, 2_400e6, 6_000e6]:
            cells = [judged(rate, verify_rate, 144), judged(rate, verify_rate, 50),
                     judged(rate, verify_rate, 144, 0.1)]
            rows.append(f"| {100 * rate:g} % | {verify_rate / 1e6:,.0f} M | "
                        + " | ".join(f"{cell:,.0f}" for cell in cells) + " |")
    return rows


def burst(rng, load, size, blocks=1_500):
    """What becomes of claims while `size` full ones more come at once in block 500: judges work without
    pause, in the order of their queues, and owe nothing in a ballot that they could not be through with within
    its limit. Returns of the others that came from block 400 to 900 the shares accepted by the first tranche,
    by later ones, by a dispute, and void, and the longest time from the leaves to the decision in blocks."""
    members, tranches = int(P.committee_size), int(P.tranches)
    work = 16 * stream_work() * SEGMENT_SECONDS * PROBE / P.verify_rate
    most = min(work, P.max_work_blocks)
    patience = 2 * P.beacon_window
    through = [0.0] * VALIDATORS
    rate = load * VALIDATORS / (members * work)
    events, number = [], 0
    time = 0.0
    while time < blocks:
        time += rng.expovariate(rate)
        events.append((time, number, 0, None, time, patience, 0, 0, 400 < time < 900))
        number += 1
    for _ in range(size):
        events.append((500.0, number, 0, None, 500.0, patience, 0, 0, False))
        number += 1
    heapq.heapify(events)
    fate, longest, count = {"first": 0, "later": 0, "dispute": 0, "void": 0}, 0.0, 0

    def ballot(now, judges, left):
        """When it closes, who answers, and what is left of the claim's patience."""
        limit = now + P.max_work_blocks + left
        last, answers = now, 0
        for judge in judges:
            done = max(through[judge], now) + most
            if done <= limit:
                through[judge] = done
                answers += 1
            last = max(last, min(done, limit))
        waited = max(0.0, last - now - P.max_work_blocks)
        return last, answers, max(0.0, left - waited)

    while events:
        now, name, tranche, order, came, left, seated, passed, counts = heapq.heappop(events)
        order = order or rng.sample(range(VALIDATORS), members * tranches)
        end = None
        if tranche < tranches:
            last, answers, left = ballot(now, order[tranche * members:(tranche + 1) * members], left)
            seated, passed = seated + members, passed + answers
            closed = last + P.commit_base + P.verdict_reveal
            if answers == members:
                end = "later" if tranche else "first"
            elif tranche + 1 == tranches and 3 * passed >= 2 * seated:
                end = "later"
            else:
                heapq.heappush(events, (closed, name, tranche + 1, order, came, left, seated, passed, counts))
        else:
            last, answers, left = ballot(now, range(VALIDATORS), left)
            closed = last + P.dispute_commit_base + P.dispute_reveal
            end = "dispute" if 2 * answers >= VALIDATORS else "void"
        if end and counts:
            fate[end] += 1
            count += 1
            longest = max(longest, closed - came)
    return {name: value / max(count, 1) for name, value in fate.items()}, longest


def burst_table(seed):
    rows = ["| Load | Full claims at once | By the first tranche | By later ones | By a dispute | Void "
            "| Longest, in blocks |", "|---|---|---|---|---|---|---|"]
    for load, size in [(0.3, 0), (0.3, 160), (0.3, 640), (0.3, 2_560), (0.7, 0), (0.7, 160), (0.7, 640), (0.95, 0),
                       (1.2, 0)]:
        fate, longest = burst(random.Random(f"{seed}/burst/{load}/{size}"), load, size)
        cells = " | ".join(f"{100 * fate[name]:.1f} %" for name in ("first", "later", "dispute", "void"))
        rows.append(f"| {100 * load:.0f} % | {size:,} | {cells} | {longest:,.0f} |")
    return rows


READ, WRITE = 8_000_000, 50_000_000  # ParityDbWeight


class Weights:
    """The time that a pallet's weights say, in picoseconds."""

    def __init__(self, pallet):
        text = read(f"pallets/{pallet}/src/weights.rs").split("impl WeightInfo for ()")[1]
        self.bodies = dict(re.findall(r"fn (\w+)\(.*?\) -> Weight \{(.*?)\n\t\}", text, re.S))

    def of(self, name, **parts):
        time = 0
        for line in self.bodies[name].split("\n"):
            part = re.search(r"saturating_mul\((\w)\.into\(\)\)", line)
            times = parts[part.group(1)] if part else 1
            if found := re.search(r"from_parts\(([\d_]+),", line):
                time += int(found.group(1)) * times
            if found := re.search(r"(reads|writes)\(\(?([\d_]+)_u64", line):
                time += int(found.group(2)) * (READ if found.group(1) == "reads" else WRITE) * times
        return time


def claim_weight(leaves, rate, members):
    """What a claim weighs from its call to its settlement where nobody errs, in picoseconds, by what."""
    jobs, lottery = Weights("jobs"), Weights("challenge-lottery")
    drawn, depth = samples(leaves, rate), max(leaves - 1, 1).bit_length()
    call = jobs.of("claim_work") + jobs.of("authorize_claim_work")
    # Every transaction's own overhead is part of what its benchmark measured but for the base.
    base = 100_000_000
    reveals = drawn * (lottery.of("reveal_leaf", d=depth) + lottery.of("authorize_reveal_leaf", d=depth) + base)
    votes = members * sum(lottery.of(name) + lottery.of("authorize_" + name) + base
                          for name in ("commit_verdict", "reveal_verdict"))
    agenda = (lottery.of("draw", v=VALIDATORS, n=members) + lottery.of("agenda_step")
              + lottery.of("agenda_decide", m=members) + lottery.of("agenda_dismiss", n=members)
              + lottery.of("agenda_execute_accepted") + lottery.of("agenda_reward", n=0))
    opening = lottery.of("open_variants", n=drawn) + lottery.of("authorize_open_variants") + base
    return {"call": call + base, "reveals": reveals, "votes": votes, "agenda": agenda,
            "opening": opening if P.variant_rate > 0 else 0}


# The most validators that there can be, by which a claim's call is weighed, and about how long the call is.
MOST_VALIDATORS, CALL_BYTES = 256, 300
# What is listed for a second of a validator's time and for a byte, in LPT: runtime/src/constants.rs.
PER_SECOND, PER_BYTE = 0.5, 2e-6


def paid_weight(members):
    """What a claim's call weighs: itself, and ahead of it all that it puts on the agenda."""
    jobs, lottery = Weights("jobs"), Weights("challenge-lottery")
    return (jobs.of("claim_work") + jobs.of("authorize_claim_work") + 100_000_000
            + lottery.of("draw", v=MOST_VALIDATORS, n=members) + lottery.of("agenda_step")
            + lottery.of("agenda_decide", m=members) + lottery.of("agenda_dismiss", n=members)
            + lottery.of("agenda_execute_accepted") + lottery.of("agenda_reward", n=0))


SEGMENT_SECONDS = 2
BLOCK_WEIGHT = 1e12  # a second


def streams_by_weight(leaves, rate, members, ahead=0):
    each = sum(claim_weight(leaves, rate, members).values()) + ahead
    blocks = leaves * SEGMENT_SECONDS / (P.slot_duration / 1_000)
    return 0.75 * BLOCK_WEIGHT / (each / blocks)


def weight_table():
    rows = ["| Segments a claim | Rate | Members | Leaves drawn | Call and agenda, ms | All of it, ms "
            "| Streams at 75 % of a block, by time | by the limits of blocks |", "|---|---|---|---|---|---|---|---|"]
    for leaves, rate, members in [(1, P.verification_rate, 5), (50, P.verification_rate, 5),
                                  (200, P.verification_rate, 5), (LEAVES, P.verification_rate, 5),
                                  (LEAVES, P.verification_rate, 3), (1600, 0.01, 5), (8000, 0.002, 5)]:
        parts = claim_weight(leaves, rate, members)
        rows.append(f"| {leaves} | {100 * rate:g} % | {members} | {samples(leaves, rate)} "
                    f"| {(parts['call'] + parts['agenda']) / 1e9:.2f} | {sum(parts.values()) / 1e9:.2f} "
                    f"| {streams_by_weight(leaves, rate, members):,.0f} "
                    f"| {streams_by_weight(leaves, rate, members, paid_weight(members) - parts['call']):,.0f} |")
    return rows


class Large:
    """What the preset `large` has other than production, out of primitives/src/params/presets.rs."""

    def __init__(self):
        text = read("primitives/src/params/presets.rs").split("pub const fn large()")[1].split("pub const fn development()")[0]
        for name, how, value in re.findall(r"(\w+): (Perbill::from_\w+\()?([\d_]+)\)?,", text):
            scale = {"Perbill::from_parts(": 1e9, "Perbill::from_percent(": 100}.get(how, 1)
            setattr(self, name, int(value.replace("_", "")) / scale)


# Processor time for a unit of work, in seconds: docs/media.md.
UNIT_SECONDS = 21.1e-9
# The shortest segment of a job that names no other, in seconds.
SHORTEST = 1


def longest_judgement():
    """Blocks from a claim to its outcome at the most: `LotteryParameters::longest_judgement`."""
    window, reveal = P.beacon_window, P.reveal_window
    tranche = P.commit_base + P.max_work_blocks + P.verdict_reveal + reveal + 2
    dispute = P.dispute_commit_base + P.max_work_blocks + P.dispute_reveal + reveal
    return 7 * window + 2 * reveal + tranche * P.tranches + dispute + 2 * reveal


def streams_by_places(leaves, most):
    """Streams whose claims find room among those that as many transcoders as there are seats may have open."""
    block = P.slot_duration / 1_000
    places = math.ceil(longest_judgement() * block / (leaves * SHORTEST)) + 1
    return int(most) // places * VALIDATORS


def large_table():
    """Production beside the preset for 10,000 streams."""
    large, members = Large(), int(P.committee_size)
    rows = ["| | `production` | `large` |", "|---|---|---|"]
    columns = []
    for values in (P, large):
        rate = values.verification_rate
        full = int(P.max_samples / rate + 0.5)
        ahead = paid_weight(members) - claim_weight(full, rate, members)["call"]
        part = P.committee_size * samples(full, rate) / full
        best, _ = search(full, rate)
        new = values.new_verification_rate
        columns.append([
            f"{100 * rate:g} %, for a newcomer {100 * new:g} %",
            f"{values.verify_rate / 1e6:,.0f} M",
            f"{values.verify_rate / (P.slot_duration / 1_000) * UNIT_SECONDS:.1f}",
            f"{full:,}",
            f"{values.allowance_leaves:,.0f} segments, {values.max_open_claims:,.0f} claims",
            f"{judged(rate, values.verify_rate, VALIDATORS):,.0f}",
            f"{streams_by_weight(full, rate, members):,.0f}",
            f"{streams_by_weight(full, rate, members, ahead):,.0f}",
            f"{streams_by_places(full, values.max_open_claims):,.0f}",
            f"{100 * part / (1 + part):.1f} %",
            f"{gain(full, 1, 1.0, rate=rate):,.1f}",
            f"{gain(full, 1, 1.0, slash=0.0, rate=rate):,.1f}",
            f"{best:,.1f} for each segment",
            f"{chosen(4, P.min_self_bond, full, rate)[1]}",
        ])
    names = ["`verification_rate`", "`verify_rate`, of work in a block", "cores that this keeps busy at most",
             "segments of a full claim", "allowance, and open claims of a transcoder",
             "streams by 144 equal judges", "by the time of weights", "by the limits of blocks",
             "by places of 144 transcoders",
             "verification, of all work", "one bad segment of a full claim brings", "by the fee alone",
             "the best of the grid of strategies brings",
             "free bad segments for an author with the last four blocks of a window"]
    for name, production, large in zip(names, *columns):
        rows.append(f"| {name} | {production} | {large} |")
    return rows


def call_table():
    """What a claim's call costs of its fee, at the preset's rate and price."""
    ladder = stream_work() * SEGMENT_SECONDS / STANDARD
    rows = ["| Segments a claim | Of standard segments | Of the three renditions above |", "|---|---|---|"]
    for leaves in [8, 50, 200, LEAVES]:
        part = call_price() / leaves
        rows.append(f"| {leaves} | {100 * part:.0f} % | {100 * part / ladder:.0f} % |")
    return rows


def share_table():
    """What of all work is verification, by the size of a claim."""
    rows = ["| Segments a claim | Leaves drawn | Verification, of all work |", "|---|---|---|"]
    for leaves in [1, 10, 25, 38, 50, 100, 200, LEAVES]:
        part = P.committee_size * samples(leaves) / leaves
        rows.append(f"| {leaves} | {samples(leaves)} | {100 * part / (1 + part):.1f} % |")
    return rows


# --- Others.


@functools.cache
def call_price():
    """What a claim's call costs, in segments."""
    return in_segments(PER_SECOND * paid_weight(int(P.committee_size)) / 1e12 + PER_BYTE * CALL_BYTES)


def distinct(leaves):
    """How many leaves of a claim are drawn: what is drawn twice is judged once."""
    return leaves * (1 - (1 - 1 / leaves) ** samples(leaves))


# The longest segment of a job that names no other, in seconds; a standard one has two.
LONGEST = 2.5
# The part of what its room could earn that an assignment costs while it runs.
RESERVATION = 1 / 16
# Blocks in which a worker looks once whether an assignment is idle.
LOOKS = 10


def idle_blocks():
    """Blocks for which a job in which nothing is sent keeps its place, until its transcoder may end it."""
    claim = math.ceil(LEAVES * LONGEST / (P.slot_duration / 1_000))
    return claim // 8 + 1


@functools.cache
def idle_price(blocks):
    """What so many blocks cost a job of standard segments, and the call that ends it, in segments."""
    work = blocks * P.slot_duration / 1_000 / SEGMENT_SECONDS
    # pallets/jobs/src/idle_impls.rs: the job is drawn anew, and its assignment closed in two steps.
    jobs = Weights("jobs")
    ending = (jobs.of("end_idle") + jobs.of("read_candidates", c=MOST_VALIDATORS + 1)
              + jobs.of("task_draw", c=MOST_VALIDATORS + 1) + 2 * jobs.of("task_close_assignment"))
    return RESERVATION * work + in_segments(PER_SECOND * ending / 1e12)


# Jobs of others that a transcoder is offered in the rounds that count.
OFFERS = 30


def padding(offers):
    """Claims of its own that a transcoder needs to have served enough of so many offers while it takes none."""
    served = 1 - P.competitiveness_tolerance
    return math.ceil(offers * served / (1 - served) - 1e-9)


def poisson(rng, mean):
    """A number of independent events of which there are so many on average."""
    count, left = 0, math.exp(-mean)
    product = rng.random()
    while product > left:
        count, product = count + 1, product * rng.random()
    return count


def poisson_mean(value, mean):
    """The mean of what a number of such events is worth."""
    chance, total = math.exp(-mean), 0.0
    for count in range(20 * int(mean)):
        total += chance * value(count)
        chance *= mean / (count + 1)
    return total


def party_cases():
    """Who tries what, for each what; the closed form of what it brings, one try, the most that tries differ by, and
    what it costs others, in segments."""
    size = int(P.committee_size)

    def dealing(leaves, colluding):
        own = round(colluding * VALIDATORS)
        seats = [i < own for i in range(VALIDATORS)]

        def once(rng):
            drawn = len({rng.randrange(leaves) for _ in range(samples(leaves))})
            return -drawn * (size - sum(rng.sample(seats, size))) - call_price()

        exact = -distinct(leaves) * size * (1 - own / VALIDATORS) - call_price()
        return exact, once, size * samples(leaves)

    work = samples(LEAVES) * VALIDATORS
    fine = max(in_segments(P.min_validator_stake * P.false_dissent_slash), work)
    padded = lambda offers: -padding(offers) * (size + call_price())
    idle = idle_blocks()
    return [
        ("a transcoder that is its own broadcaster", "full claim", *dealing(LEAVES, 0.0), "nothing"),
        ("the same, and a tenth of the stake judges for it", "full claim", *dealing(LEAVES, 0.1), "nothing"),
        ("the same, a third of the stake", "full claim", *dealing(LEAVES, 1 / 3), "nothing"),
        ("small claims, to keep judges busy", "claim of one segment", *dealing(1, 0.0),
         f"{size} segments' work, for which they are paid"),
        ("a judge of the least stake that accuses wherever it sits", "claim of anybody", -fine * size / VALIDATORS,
         lambda rng: -fine * (rng.randrange(VALIDATORS) < size), fine,
         f"{work:,} segments' work where it sits, paid out of its fine"),
        ("a job in which nothing is sent, to hold its transcoder's room", "assignment",
         -idle_price(idle + (LOOKS - 1) / 2), lambda rng: -idle_price(idle + rng.randrange(LOOKS)), idle_price(LOOKS),
         f"the room of {idle + LOOKS // 2} blocks, worth "
         f"{(idle + LOOKS // 2) * P.slot_duration / 1_000 / SEGMENT_SECONDS:,.0f} segments if there was work for it"),
        ("a transcoder that serves only itself, to count as serving", f"{OFFERS} offers of others",
         poisson_mean(padded, OFFERS), lambda rng: padded(poisson(rng, OFFERS)),
         OFFERS / 2 * (size + call_price()), "offers of others that lapse: three blocks each"),
    ]


def party_table(rounds, seed):
    rows = ["| Strategy | For each | Brings, in segments, closed form | Simulated, 95 % | Costs others |",
            "|---|---|---|---|---|"]
    for index, (name, each, exact, once, between, others) in enumerate(party_cases()):
        rng, result = random.Random(f"{seed}/party/{index}"), Chance()
        for _ in range(rounds):
            result.add(once(rng))
        chance = P.committee_size / VALIDATORS if "accuses" in name else 0.5
        if not result.holds(exact, chance, between):
            sys.exit(f"seed {seed}: {name}: {result.mean():.3f} is not {exact:.3f}")
        rows.append(f"| {name} | {each} | {exact:,.1f} | {result.mean():,.1f} ± {result.half():,.1f} | {others} |")
    return rows


def other_table():
    verify = P.committee_size * P.verification_rate
    rows = ["| Who | What it costs, in segments of the job's largest | What it brings |", "|---|---|---|",
            f"| a transcoder that is its own broadcaster | {verify:.2f} of each claimed segment, to its judges; and each claim's "
            "call | a paid claim in its record; inflation goes by stake and duty, not by volume |",
            f"| a padded count of served jobs | {verify:.2f} of each claimed segment and a sixteenth of a segment's "
            f"allowance for each assignment that claims less | its own count, which is measured from "
            f"{P.min_offers:.0f} offers on; nobody is measured by another's |",
            "| an idle job that holds places | a sixteenth of the largest work of its assignment or of the smallest fees "
            "that the places have room for, and the call that ends it, each time | its transcoder may end it after an "
            "eighth of a claim's time, and waits grow to 1,024 blocks |",
            f"| a claim for a griefed committee | {P.committee_size * 1:.0f} times what was drawn, paid to the "
            "judges | nothing |"]
    return rows


# --- Figures.


def figure(title, x_label, y_label, lines, log=True):
    """Lines of (name, [(x, y)]) as an SVG."""
    width, height, left, bottom, top = 640, 360, 70, 50, 30
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    scale = math.log10 if log else float
    low, high = scale(min(ys)), scale(max(ys))
    low, high = (math.floor(low), math.ceil(high)) if log else (low, high)

    def place(x, y):
        across = left + (x - min(xs)) / (max(xs) - min(xs)) * (width - left - 150)
        up = height - bottom - (scale(y) - low) / (high - low) * (height - bottom - top)
        return across, up

    colours = ["#0b6e4f", "#c1440e", "#2f4b7c", "#8f6d00"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           f'font-size="12"><title>{title}</title><rect width="{width}" height="{height}" fill="#fff"/>']
    steps = range(int(low), int(high) + 1) if log else [low + (high - low) * i / 4 for i in range(5)]
    for step in steps:
        value = 10 ** step if log else step
        _, up = place(min(xs), value)
        out.append(f'<path d="M{left} {up:.1f}H{width - 150}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{up + 4:.1f}" text-anchor="end">{round(value, 2) + 0:,g}</text>')
    for index in range(5):
        x = min(xs) + (max(xs) - min(xs)) * index / 4
        across, _ = place(x, ys[0])
        out.append(f'<text x="{across:.1f}" y="{height - bottom + 18}" text-anchor="middle">{x:,g}</text>')
    for index, (name, points) in enumerate(lines):
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(x, y) for x, y in points))
        colour = colours[index % len(colours)]
        _, up = place(*points[-1])
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{width - 145}" y="{up + 4:.1f}" fill="{colour}">{name}</text>')
    out.append(f'<text x="{(left + width - 150) / 2}" y="{height - 12}" text-anchor="middle">{x_label}</text>'
               f'<text x="{left}" y="18">{y_label}</text></svg>')
    return "\n".join(out) + "\n"


def figures():
    shares = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    loss = []
    for leaves in (50, 200, LEAVES):
        points = [(share, -gain(leaves, max(1, leaves * share // 100), 1.0, slash=0.0) / leaves)
                  for share in shares]
        loss.append((f"{leaves} segments a claim", points))
    streams = []
    for name, verify_rate in (("400 M a block", 400e6), ("2,400 M", 2_400e6), ("6,000 M", 6_000e6)):
        points = [(rate / 10, judged(rate / 1_000, verify_rate, 144)) for rate in range(2, 51, 2)]
        streams.append((name, points))
    largest = [(f"{validators} others", [(share, judged(P.verification_rate, 6_000e6, validators, share / 100))
                                         for share in range(1, 34)]) for validators in (144,)]
    border = []
    for saved in (0.5, 0.75, 0.9):
        points = [(share, gain(LEAVES, LEAVES, saved, colluding=share / 100, slash=0.0) / LEAVES)
                  for share in range(0, 67)]
        border.append((f"{saved:g} of the price saved", points))
    border.append(("the border", [(0, 0.0), (66, 0.0)]))
    return {
        "docs/figures/border.svg": figure(
            "What a claim of bad segments brings by the fee alone", "colluding stake, in percent",
            "gain per claimed segment, in its price", border, log=False),
        "docs/figures/loss.svg": figure(
            "What is lost by the fee alone", "bad segments, of a hundred",
            "loss per claimed segment, in its price", loss, log=False),
        "docs/figures/judged.svg": figure(
            "Streams that 144 equal validators can judge", "verification rate, in percent", "streams", streams),
        "docs/figures/largest.svg": figure(
            "Streams by the largest validator's stake", "its share of the stake, in percent",
            "streams at 6,000 M of work in a block", largest),
    }


def tables(rounds, seed):
    each, case = search()
    words = (f"The best of the {10 * 8 * 6 * 4 * 6 * 2:,} strategies of the grid: {case['bad']} bad of {case['leaves']} segments, "
             f"each of which saves or brings {case['saved']:.2f} of a segment and is "
             f"{'not ' if case['hidden'] else ''}revealed, with "
             f"{100 * case['colluding']:.0f} % of the stake colluding. It loses {-each:,.1f} segments for each claimed "
             "segment." if each < 0 else
             f"The grid has a strategy that gains: {case}, {each:.4f} for each claimed segment.")
    return {
        "transcoders": transcoder_table(rounds, seed),
        "search": [words],
        "border": border_table(),
        "windows": window_table(),
        "judges": judge_table(rounds, seed),
        "judge-search": [judge_search_words()],
        "variants": [f"From a rate of {variant_border():.1e} variants per segment on, a seat in such a committee brings nothing to a "
                     "judge with the least stake that one needs."],
        "hub": hub_table(rounds, seed),
        "rate": rate_table(),
        "lag": lag_table(rounds, seed),
        "parties": party_table(rounds, seed),
        "others": other_table(),
        "share": share_table(),
        "call": call_table(),
        "by-judges": judges_table(),
        "large": large_table(),
        "bursts": burst_table(seed),
        "by-weight": weight_table(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2_000, help="claims simulated for each strategy")
    arguments = parser.parse_args()
    for seed in range(1, arguments.seeds + 1):
        transcoder_table(arguments.rounds, seed)
        judge_table(arguments.rounds, seed)
        hub_table(arguments.rounds, seed)
        lag_table(arguments.rounds, seed)
        party_table(arguments.rounds, seed)
    if arguments.seeds:
        print(f"{arguments.seeds} seeds agree with the closed form")
    made = tables(2_000, 0)
    if not (arguments.write or arguments.check):
        for name, rows in made.items():
            print(f"\n{name}", *rows, sep="\n")
        return
    page = read(PAGE)
    for name, rows in made.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        if not re.search(pattern, page, re.S):
            sys.exit(f"{PAGE} has no place for {name}")
        page = re.sub(pattern, lambda m: m.group(1) + "\n".join(rows) + "\n" + m.group(2), page, flags=re.S)
    files = {PAGE: page, **figures()}
    for path, text in files.items():
        if arguments.write:
            os.makedirs(os.path.dirname(os.path.join(ROOT, path)), exist_ok=True)
            with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
                file.write(text)
        elif not os.path.exists(os.path.join(ROOT, path)) or read(path) != text:
            sys.exit(f"{path} is not what the presets and weights say: run `make economics`")


if __name__ == "__main__":
    main()
