#!/usr/bin/env python3
"""Two live streams for an hour on the demo's network, looked at from outside: what each process takes of
memory and disk and how that grows, how late segments are listed, and where a player would have stood still.

    scripts/soak.py BIN_DIR [MINUTES] [WARM_UP] [OUT.json]

ffmpeg publishes both, by RTMP: one to the demo's broadcaster, one to a second account's, which a second
gateway serves. What happens in the first WARM_UP (10) minutes does not count. Slopes are per hour, over the
means of each minute, with 95 % confidence intervals that allow for minutes that are alike. Fails when a
player would have stood still for more than a second, when segments come ever later, when a publisher was
turned away, or when a worker's memory surely grows by more than a tenth in an hour. Disk is told and not
judged: stores fill to what they are told to keep, and the demo's nodes keep every block. Where WRITE_DOCS is
set, what was found is put into docs/live.md.
"""

import calendar
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from localnet import Terminals, get, write_between

EVERY = 10
SECOND = "//Alice//stash"
# A player stands still after so many seconds without anything to show.
STANDS = 1.0
GROWS = 0.1


def wall():
    return time.time()


def date(text):
    """Seconds since 1970 of 2026-11-28T17:30:00.250Z."""
    whole, milliseconds = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + int(milliseconds) / 1000


def listed(playlist):
    """Segments of a media playlist that can be had: line, length, when captured."""
    captured, length, gap = None, 0.0, False
    for line in playlist.splitlines():
        if line == "#EXT-X-DISCONTINUITY":
            captured = None
        elif line == "#EXT-X-GAP":
            gap = True
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            captured = date(line.split(":", 1)[1])
        elif line.startswith("#EXTINF:"):
            length = float(line[8:].split(",")[0])
        elif line.endswith(".ts"):
            if not gap:
                yield line, length, captured
            gap = False
            if captured is not None:
                captured += length


class Viewer(threading.Thread):
    """Asks for the playlist and for what is new in it, twice a second."""

    def __init__(self, name, url):
        super().__init__(daemon=True)
        self.name, self.url = name, url
        # When each was there, its length, when it was captured.
        self.seen, self.failed = [], 0

    def run(self):
        newest = -1
        while True:
            try:
                for line, length, captured in listed(get(f"{self.url}/0.m3u8").decode()):
                    seq = int(re.search(r"(\d+)\.ts$", line)[1])
                    if seq > newest:
                        get(f"{self.url}/{line}")
                        newest = seq
                        self.seen.append((wall(), length, captured))
            except (OSError, ValueError, TypeError):
                self.failed += 1
            time.sleep(0.5)

    def stands(self, since):
        """For how long a player stood still that began three segments behind, each time."""
        seen = self.seen
        if len(seen) < 3:
            return []
        found, due = [], seen[2][0]
        for there, length, _ in seen:
            if there > due:
                if there >= since:
                    found.append(there - due)
                due = there
            due += length
        return found


def slope(points):
    """Growth per hour of (time, value) and half of its 95 % confidence interval, over minutes' means."""
    minutes = {}
    for at, value in points:
        minutes.setdefault(int(at // 60), []).append(value)
    xs = sorted(minutes)
    ys = [sum(minutes[x]) / len(minutes[x]) for x in xs]
    count = len(xs)
    if count < 4:
        return 0.0, float("inf")
    mean_x, mean_y = sum(xs) / count, sum(ys) / count
    spread = sum((x - mean_x) ** 2 for x in xs)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread
    rest = [y - mean_y - rise * (x - mean_x) for x, y in zip(xs, ys)]
    squares = sum(r * r for r in rest)
    alike = sum(a * b for a, b in zip(rest, rest[1:])) / squares if squares else 0.0
    alike = min(max(alike, 0.0), 0.95)
    # As many minutes as would say as much if none were like the one before.
    worth = max(count * (1 - alike) / (1 + alike), 3.0)
    error = (squares / (worth - 2) / spread * count / worth) ** 0.5
    return rise * 60, 2.0 * error * 60


def processes():
    """Parent and command line of each process."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            found[int(pid)] = (parent, words)
        except (OSError, IndexError):
            pass
    return found


def memory(pid):
    """What a process takes for itself and its share of what it shares, in MiB."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1]) / 1024
    except (OSError, TypeError):
        return 0.0


def role(words):
    """What a process is called: the folder or the name that it was given."""
    for option in ("--data-dir", "--name"):
        if option in words:
            return os.path.basename(words[words.index(option) + 1].rstrip("/"))
    return None


def disk(folder):
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except OSError:
                pass
    return total / 1048576


class Soak(Terminals):
    def __init__(self, binaries, folder):
        super().__init__()
        self.bin, self.folder, self.publishers = os.path.abspath(binaries), folder, {}
        self.memory, self.disk, self.turned_away = {}, {}, 0

    def begin_one(self, name, *command):
        self.start(name, command, os.path.join(self.folder, f"{name}.out"))

    def text(self, *path):
        with open(os.path.join(self.folder, *path), encoding="utf-8") as file:
            return file.read()

    def begin(self):
        data = os.path.join(self.folder, "demo")
        self.begin_one("demo", f"{self.bin}/livepeer-demo", "--bin-dir", self.bin, "--live", "rtmp", "--data", data)
        key = self.until("the demo says where to publish", lambda: re.search(
            r"stream key (\S+)", self.text("demo.out"))[1])
        first = self.until("the demo says where to watch", lambda: re.search(
            r"player +(http\S+)", self.text("demo.out"))[1])
        second = os.path.join(self.folder, "second")
        self.begin_one(
            "second", f"{self.bin}/livepeer-worker", "broadcast", "--rtmp", "127.0.0.1:1936", "--name", "second",
            "--suri", SECOND, "--data-dir", second, "--listen", "/ip4/127.0.0.1/tcp/4120",
            "--limits", "1280x720@30", "--idle", "86400")
        self.begin_one(
            "gateway-2", f"{self.bin}/livepeer-worker", "gateway", "--http", "127.0.0.1:8945",
            "--data-dir", os.path.join(self.folder, "gateway-2"))
        other = self.until("the second stream has a key", lambda: self.text("second", "stream-key").strip())
        known = json.loads(subprocess.run(
            [f"{self.bin}/livepeer-node", "key", "inspect", "--output-type", "json", SECOND],
            check=True, capture_output=True).stdout)
        self.publish("first", f"rtmp://127.0.0.1:1935/live/{key}")
        self.publish("second", f"rtmp://127.0.0.1:1936/live/{other}")
        return [
            Viewer("first", first),
            Viewer("second", f"http://127.0.0.1:8945/stream/{known['ss58Address']}/second"),
        ]

    def publish(self, name, url):
        log = open(os.path.join(self.folder, f"publisher-{name}.out"), "a", encoding="utf-8")
        words = ("ffmpeg -nostdin -v warning -re -f lavfi -i testsrc2=size=854x480:rate=25 -f lavfi "
                 "-i sine=frequency=440:sample_rate=48000 -c:v libx264 -preset ultrafast -tune zerolatency "
                 "-g 50 -b:v 1500k -pix_fmt yuv420p -c:a aac -ac 2 -f flv").split()
        process = subprocess.Popen([*words, url], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.publishers[name] = (url, process)

    def sample(self, with_disk):
        found = processes()
        demo = self.running[0][1].pid
        roots = {pid for pid, (parent, _) in found.items() if parent == demo}
        roots |= {process.pid for _, process, _ in self.running[1:]}
        sums = {}
        for pid in found:
            root = pid
            while root not in roots and root in found and found[root][0] > 1:
                root = found[root][0]
            name = role(found[root][1]) if root in roots and root in found else None
            if name:
                sums[name] = sums.get(name, 0.0) + memory(pid)
        for name, total in sums.items():
            self.memory.setdefault(name, []).append((wall(), total))
        if with_disk:
            folders = [os.path.join(self.folder, "demo", name) for name in os.listdir(os.path.join(self.folder, "demo"))]
            folders += [os.path.join(self.folder, name) for name in ("second", "gateway-2")]
            for folder in filter(os.path.isdir, folders):
                self.disk.setdefault(os.path.basename(folder), []).append((wall(), disk(folder)))

    def keep_publishing(self, counts):
        for name, (url, process) in list(self.publishers.items()):
            if process.poll() is not None:
                self.turned_away += int(counts)
                self.publish(name, url)

    def end(self):
        for _, process in self.publishers.values():
            process.kill()
            process.wait()
        for number, (_, process, _) in reversed(list(enumerate(self.running))):
            if process.poll() is None:
                # The demo ends its own on an interrupt.
                process.send_signal(signal.SIGTERM if number else signal.SIGINT)
        for _, process, _ in self.running:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    warm_up = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    folder = tempfile.mkdtemp(prefix="livepeer-soak-")
    print(f"logs and stores are in {folder}", flush=True)
    soak = Soak(sys.argv[1], folder)
    try:
        viewers = soak.begin()
        for viewer in viewers:
            viewer.start()
        soak.until("both streams play", lambda: soak.keep_publishing(False) or all(
            len(viewer.seen) > 3 for viewer in viewers))
        print(f"both streams play; {warm_up:g} minutes to warm up, {minutes:g} to look", flush=True)
        since = wall() + warm_up * 60
        end, rounds = since + minutes * 60, 0
        while wall() < end:
            counts = wall() >= since
            soak.check()
            soak.keep_publishing(counts)
            if counts:
                soak.sample(rounds % 6 == 0)
                rounds += 1
            time.sleep(EVERY)
    finally:
        soak.end()
    failed = tell(soak, viewers, since)
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


def page(report, minutes):
    """What was found, as the documentation has it."""
    lines = [f"{minutes:.0f} minutes after the warm-up, with 95 % confidence intervals:", "",
             "| Process | Memory | grows in an hour by | Disk | grows in an hour by |", "|---|---|---|---|---|"]
    for name in sorted(set(report["memory"]) | set(report["disk"])):
        cells = [name]
        for kind in ("memory", "disk"):
            found = report[kind].get(name)
            cells += ["", ""] if found is None else [
                f"{found['mean']:.0f} MiB", f"{found['hour']:+.1f} ± {found['ci95']:.1f} MiB"]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| Stream | Segments | Listed after: median | 95 of 100 | later each hour by | A player stood still |",
              "|---|---|---|---|---|---|"]
    for name, seen in report["streams"].items():
        late = ["" if seen[of] is None else f"{seen[of]:.2f} s" for of in ("late_median", "late_95")]
        lines.append(f"| {name} | {seen['segments']} | {late[0]} | {late[1]} | {seen['drift_s_hour']:+.3f} ± "
                     f"{seen['ci95']:.3f} s | {', '.join(f'{one:.1f} s' for one in seen['stood_still']) or 'never'} |")
    lines += ["", f"Publishers were turned away {report['publishers_turned_away']} times."]
    return "\n".join(lines + [f"Did not hold: {text}." for text in report["wrong"]])


def tell(soak, viewers, since):
    wrong, report = [], {"memory": {}, "disk": {}, "streams": {}, "publishers_turned_away": soak.turned_away}
    if soak.turned_away:
        wrong.append(f"a publisher was turned away {soak.turned_away} times")
    for kind, unit, measured in (("memory", "MiB", soak.memory), ("disk", "MiB", soak.disk)):
        print(f"\n{kind:20} {'mean':>10}  growth in an hour")
        for name, points in sorted(measured.items()):
            mean = sum(value for _, value in points) / len(points)
            rise, error = slope(points)
            report[kind][name] = {"mean": round(mean, 2), "hour": round(rise, 3), "ci95": round(error, 3)}
            print(f"{name:20} {mean:6.1f} {unit}  {rise:+.2f} ± {error:.2f} {unit}")
            is_worker = not name.startswith("node-") and name not in ("alice", "bob", "charlie", "dave", "eve")
            if kind == "memory" and is_worker and rise - error > max(GROWS * mean, 1.0):
                wrong.append(f"the memory of {name} grows by {rise:.1f} MiB in an hour")
    for viewer in viewers:
        seen = [one for one in viewer.seen if one[0] >= since]
        late = [(there, there - captured) for there, _, captured in seen if captured is not None]
        rise, error = slope(late)
        ordered = sorted(value for _, value in late)
        at = lambda part: ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else None
        stands = viewer.stands(since)
        report["streams"][viewer.name] = {
            "segments": len(seen), "failed": viewer.failed, "late_median": at(0.5), "late_95": at(0.95),
            "drift_s_hour": round(rise, 4), "ci95": round(error, 4), "stood_still": [round(s, 2) for s in stands],
        }
        print(f"\n{viewer.name}: {len(seen)} segments, listed {at(0.5) or 0:.2f} s (median), {at(0.95) or 0:.2f} s (95 of "
              f"100) after their first picture; drift {rise:+.3f} ± {error:.3f} s in an hour; a player stood still "
              f"{len(stands)} times, {max(stands, default=0.0):.2f} s at the longest")
        if not seen:
            wrong.append(f"nothing of {viewer.name} was listed")
        if any(one > STANDS for one in stands):
            wrong.append(f"a player of {viewer.name} stood still for {max(stands):.1f} s")
        if rise - error > 0.5:
            wrong.append(f"segments of {viewer.name} come ever later: {rise:.2f} s in an hour")
    report["wrong"] = wrong
    if os.environ.get("WRITE_DOCS"):
        write_between("docs/live.md", "soak", page(report, (wall() - since) / 60))
    if len(sys.argv) > 4:
        with open(sys.argv[4], "w", encoding="utf-8") as file:
            json.dump(report, file, indent="\t")
    for text in wrong:
        print(f"soak: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
