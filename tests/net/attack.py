#!/usr/bin/env python3
"""Attacks the demo's network from another host, while a viewer goes on watching from its own.

    attack.py http://127.0.0.1:8935/stream/BROADCASTER/demo [SECONDS]

- silent sockets, renewed whenever the other side closes them, at the transcoders, the broadcaster and
  the port where RTMP is published,
- half a request, and then nothing, at the gateway and at the verify workers,
- readers that ask the gateway for segments and never read them.

There are several times as many silent sockets as a worker takes of a host (32), and more of the others than the
gateway takes in all (1,024). Whatever is closed is opened again: a silent socket at once, others after two
seconds, for what would be slow then is this program.

The viewer comes from 127.0.0.1, the attackers from another address of this machine (ATTACKER=ADDRESS
names one), for what strangers may use is counted by host. Prints what happened as JSON; exits 1 when
the viewer was not served.
"""
import asyncio, json, os, resource, socket, sys, time, urllib.request


def other_address():
    """An address of this machine that is not its loopback one: nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.1", 9))
        return sock.getsockname()[0]


URL = sys.argv[1]
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 40.0
HERE, THERE = "127.0.0.1", os.environ.get("ATTACKER") or other_address()
GATEWAY = 8935
SILENT = {4100: 120, 4101: 120, 4110: 120, 1935: 120}
HALF = {GATEWAY: 1_100, 7936: 100}
SLOW = 1_100
FILES = sum(SILENT.values()) + sum(HALF.values()) + SLOW + 64

opened, failed = {}, 0
end = time.monotonic() + SECONDS


async def attack(port, send, reads, pause):
    """One connection after the other, until the time is over."""
    while time.monotonic() < end:
        try:
            reader, writer = await asyncio.open_connection(HERE, port, local_addr=(THERE, 0), limit=4096)
        except OSError:
            await asyncio.sleep(0.5)
            continue
        opened[port] = opened.get(port, 0) + 1
        try:
            if send:
                writer.write(send)
            left = end - time.monotonic()
            if reads:
                await asyncio.wait_for(reader.read(), max(left, 0.1))
            else:
                writer.transport.pause_reading()
                await asyncio.sleep(max(left, 0.1))
        except (OSError, asyncio.TimeoutError):
            pass
        writer.close()
        await asyncio.sleep(pause)


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


async def view():
    """A player: a playlist and what is new in it, every second."""
    global failed
    loop, seen, slowest = asyncio.get_running_loop(), set(), 0.0
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            text = (await loop.run_in_executor(None, get, f"{URL}/0.m3u8")).decode()
            for line in text.splitlines():
                if line.endswith(".ts") and line not in seen:
                    await loop.run_in_executor(None, get, f"{URL}/{line}")
                    seen.add(line)
            slowest = max(slowest, time.monotonic() - began)
        except OSError as error:
            failed += 1
            print(f"the viewer was not served: {error}", file=sys.stderr)
        await asyncio.sleep(1)
    return len(seen), slowest


async def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < FILES:
        sys.exit(f"{FILES} files have to be open at a time, and this user may have {most}: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, most))
    segment = next(
        line for line in get(f"{URL}/0.m3u8").decode().splitlines() if line.endswith(".ts")
    )
    path = f"/{URL.split('/', 3)[3]}/{segment}"
    slow = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    half = b"GET / HTTP/1.1\r\nHost: x\r\n"
    tasks = [attack(port, b"", True, 0.05) for port, count in SILENT.items() for _ in range(count)]
    tasks += [attack(port, half, True, 2.0) for port, count in HALF.items() for _ in range(count)]
    tasks += [attack(GATEWAY, slow, False, 2.0) for _ in range(SLOW)]
    (seen, slowest), *_ = await asyncio.gather(view(), *tasks)
    report = {"segments": seen, "failed": failed, "slowest": round(slowest, 2), "connections": opened}
    print(json.dumps(report))
    return 0 if seen and not failed else 1


sys.exit(asyncio.run(main()))
