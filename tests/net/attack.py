#!/usr/bin/env python3
"""Attacks the demo's network from another host, while a viewer goes on watching from its own.

    attack.py http://127.0.0.1:8935/stream/BROADCASTER/demo [SECONDS]

- silent sockets, renewed whenever the other side closes them, at the transcoders, the broadcaster and
  the port where RTMP is published,
- half a request, and then nothing, at the gateway, at the verify workers and where segments are pushed or offers
  for WebRTC are taken,
- a beginning that goes on by one byte a second, at all of them,
- noise, as much as is taken, at all of them, and in datagrams where SRT and WebRTC come,
- readers that ask the gateway for segments and never read them.

What does not listen when it begins is left alone. There are several times as many silent sockets as a worker takes of a host (32), and more of the others than the
gateway takes in all (1,024). Whatever is closed is opened again: a silent socket at once, others after two
seconds, for what would be slow then is this program.

The viewer comes from 127.0.0.1, the attackers from another address of this machine (ATTACKER=ADDRESS
names one), for what strangers may use is counted by host. Prints what happened as JSON; exits 1 when
the viewer was not served.
"""
import asyncio, json, os, random, resource, socket, sys, time, urllib.request


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
HALF = {GATEWAY: 1_100, 7936: 100, 8936: 100, 8937: 100}
SLOW = 1_100
# A beginning that would do, for those that are no HTTP.
BEGINNING = {1935: b"\x03"}
TRICKLED, NOISY = 10, 4
# Datagrams a second: of SRT, of WebRTC.
DATAGRAMS = {9710: 200, 8937: 200}
PORTS = sorted({*SILENT, *HALF})
FILES = sum(SILENT.values()) + sum(HALF.values()) + SLOW + (TRICKLED + NOISY) * len(PORTS) + 64

opened, failed, shot = {}, 0, 0
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


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex((HERE, port)) == 0


async def speak(port, first, more, pause, rest):
    """One connection after the other, each of which says `first`, and `more` after each pause."""
    while time.monotonic() < end:
        try:
            _, writer = await asyncio.open_connection(HERE, port, local_addr=(THERE, 0))
        except OSError:
            await asyncio.sleep(0.5)
            continue
        opened[port] = opened.get(port, 0) + 1
        try:
            writer.write(first)
            while time.monotonic() < end and not writer.transport.is_closing():
                writer.write(more())
                await asyncio.wait_for(writer.drain(), max(end - time.monotonic(), 0.1))
                await asyncio.sleep(pause)
        except (OSError, asyncio.TimeoutError):
            pass
        writer.transport.abort()
        await asyncio.sleep(rest)


async def shoot(port, each_second):
    """Datagrams: noise, and noise behind what a handshake of SRT, or a question of STUN, begins with."""
    global shot
    heads = [b"", b"\x80" + bytes(15), b"\x00\x01\x00\x08\x21\x12\xa4\x42"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((THERE, 0))
        sock.setblocking(False)
        while time.monotonic() < end:
            for _ in range(each_second // 10):
                try:
                    sock.sendto(random.choice(heads) + random.randbytes(random.randrange(1, 1_300)), (HERE, port))
                    shot += 1
                except OSError:
                    pass
            await asyncio.sleep(0.1)


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
    ports = [port for port in PORTS if listens(port)]
    tasks = [attack(port, b"", True, 0.05) for port in ports for _ in range(SILENT.get(port, 0))]
    tasks += [attack(port, half, True, 2.0) for port in ports for _ in range(HALF.get(port, 0))]
    for port in ports:
        first = half if port in HALF else BEGINNING.get(port, b"")
        tasks += [speak(port, first, lambda: b"x", 1.0, 1.0) for _ in range(TRICKLED)]
        tasks += [speak(port, b"", lambda: random.randbytes(65_536), 0.1, 1.0) for _ in range(NOISY)]
    tasks += [shoot(port, count) for port, count in DATAGRAMS.items()]
    tasks += [attack(GATEWAY, slow, False, 2.0) for _ in range(SLOW)]
    (seen, slowest), *_ = await asyncio.gather(view(), *tasks)
    report = {"segments": seen, "failed": failed, "slowest": round(slowest, 2), "connections": opened, "datagrams": shot}
    print(json.dumps(report))
    return 0 if seen and not failed else 1


sys.exit(asyncio.run(main()))
