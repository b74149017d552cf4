#!/usr/bin/env python3
"""Computes every signed or hashed format from docs/formats.md alone and compares it with the golden
vectors of the Rust code, primitives/tests/vectors.json. Needs Python's standard library only.

Signatures and openings are verified, by code of its own, and never made. What is not checked: who may sign
what, which the chain and workers decide; pictures and encodes, of which only hashes are in the formats; and that
wrong input is refused, but for the few cases named here.
"""

import hashlib
import json
import pathlib
import sys
from functools import cmp_to_key

PATH = pathlib.Path(__file__).resolve().parents[2] / "primitives" / "tests" / "vectors.json"


# --- SCALE: numbers little-endian, lists with a compact length, enums with one byte of index.


def u(bits, value):
    return int(value).to_bytes(bits // 8, "little")


def compact(value):
    if value < 1 << 6:
        return u(8, value << 2)
    if value < 1 << 14:
        return u(16, value << 2 | 1)
    if value < 1 << 30:
        return u(32, value << 2 | 2)
    raise ValueError("no list of the protocol is as long")


def raw(text):
    assert text.startswith("0x"), text
    return bytes.fromhex(text[2:])


def raw32(text):
    value = raw(text)
    assert len(value) == 32, text
    return value


def listed(items):
    items = list(items)
    return compact(len(items)) + b"".join(items)


def octets(value):
    return compact(len(value)) + value


def option(value, encode):
    return b"\x00" if value is None else b"\x01" + encode(value)


# --- Hashes.


def blake2(value):
    return hashlib.blake2b(value, digest_size=32).digest()


def sha256(value):
    return hashlib.sha256(value).digest()


def tagged(tag, value):
    tag = tag.encode()
    return blake2(bytes([len(tag)]) + tag + value)


# --- Objects.


def extensions(items):
    tags = [item["tag"] for item in items]
    assert tags == sorted(set(tags)) and len(tags) <= 8, tags
    return listed(u(16, item["tag"]) + raw32(item["hash"]) for item in items)


def segment(s):
    return (
        u(8, s["track"])
        + u(32, s["epoch"])
        + u(64, s["time"])
        + u(64, s["captured"])
        + u(32, s["duration"])
        + u(16, s["flags"])
        + raw32(s["in_hash"])
        + u(32, s["in_len"])
        + raw32(s["chunk_root"])
        + extensions(s["extensions"])
    )


def segment_header(place, info):
    return (
        raw32(place["genesis"])
        + raw32(place["stream"])
        + u(64, place["job"])
        + u(32, place["assignment"])
        + raw32(place["transcoder"])
        + u(64, place["seq"])
        + segment(info)
    )


def stream_head(h):
    return (
        raw32(h["genesis"])
        + raw32(h["stream"])
        + u(32, h["epoch"])
        + u(64, h["next_seq"])
        + u(8, h["ended"])
        + u(64, h["time"])
        + extensions(h["extensions"])
    )


def output(o):
    return raw32(o["hash"]) + u(32, o["len"]) + raw32(o["chunk_root"])


def outputs(items):
    assert len(items) <= 8
    return listed(option(item, output) for item in items)


REASONS = [
    "TooManyBytes",
    "NotTransportStream",
    "TooManyPackets",
    "UnsupportedVideo",
    "UnsupportedAudio",
    "TooManyPixels",
    "TooManyFrames",
    "TooLong",
    "TooShort",
    "NoKeyframe",
    "Undecodable",
]


def reason(r):
    index = u(8, REASONS.index(r["name"]))
    if r["name"] == "Undecodable":
        return index + u(16, r["reason"]) + u(32, r["packet"])
    return index


def receipt(r):
    result = r["result"]
    if result["kind"] == "Transcoded":
        body = b"\x00" + outputs(result["outputs"])
    else:
        body = b"\x01" + reason(result["reason"])
    return raw32(r["header"]) + raw32(r["toolchain"]) + body + extensions(r["extensions"])


def leaf(f):
    if f["kind"] == "Empty":
        return b"\x00"
    if f["kind"] == "Transcoded":
        body = b"\x01" + segment(f["segment"]) + outputs(f["outputs"])
    else:
        body = b"\x02" + segment(f["segment"]) + reason(f["reason"])
    return body + u(64, f["work"]) + extensions(f["extensions"])


def leaf_work(f):
    return 0 if f["kind"] == "Empty" else int(f["work"])


def work_claim(c):
    return (
        raw32(c["genesis"])
        + u(64, c["job"])
        + u(32, c["assignment"])
        + u(64, c["first"])
        + u(64, c["last"])
        + raw32(c["root"])
        + u(64, c["total_work"])
        + u(64, c["largest_leaf"])
        + raw32(c["toolchain"])
        + extensions(c["extensions"])
    )


def heartbeat(h):
    return raw32(h["genesis"]) + u(32, h["at"])


def availability(a):
    return heartbeat(a) + u(64, a["capacity"]) + listed(u(16, p) for p in a["profiles"])


def acceptance(a):
    return (
        raw32(a["genesis"])
        + u(64, a["job"])
        + u(32, a["assignment"])
        + u(32, a["broadcaster_keys"])
        + u(32, a["transcoder_keys"])
        + raw32(a["toolchain"])
    )


def signer(s):
    return raw32(s["account"]) + u(32, s["generation"]) + u(8, s["key"])


MISMATCH = ["Video", "Audio", "Container", "Work", "Transcodable", "Unforced"]
NON_CONFORMING = ["Unreadable", "Size", "Timing", "Input"]
UNAVAILABLE = ["Unreachable", "Refused", "WrongBytes", "TooLate"]


def verdicts():
    """Every verdict by its name, with a variant of rendition 3."""
    yield "Valid", b"\x00"
    yield "Variant { rendition: 3 }", b"\x01\x03"
    for number, (name, kinds) in enumerate(
        [("Mismatch", MISMATCH), ("NonConforming", NON_CONFORMING), ("Unavailable", UNAVAILABLE)]
    ):
        for index, kind in enumerate(kinds):
            yield f"{name}({kind})", bytes([number + 2, index])
    yield "Abstain", b"\x05"


# --- The Merkle-sum tree.


class SumTree:
    def __init__(self, leaves):
        self.count = len(leaves)
        self.depth = (self.count - 1).bit_length()
        padded = leaves + [{"kind": "Empty"}] * ((1 << self.depth) - self.count)
        self.levels = [[self.leaf_node(f, i) for i, f in enumerate(padded)]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append(
                [self.parent(below[i], below[i + 1]) for i in range(0, len(below), 2)]
            )

    def leaf_node(self, f, index):
        preimage = u(32, index) + u(32, self.count) + u(64, leaf_work(f)) + leaf(f)
        return tagged("livepeer/leaf/1", preimage), leaf_work(f)

    @staticmethod
    def parent(left, right):
        preimage = left[0] + u(64, left[1]) + right[0] + u(64, right[1])
        return tagged("livepeer/node/1", preimage), left[1] + right[1]

    def root(self):
        top = self.levels[-1][0]
        return tagged("livepeer/root/1", top[0] + u(64, top[1]) + u(32, self.count)), top[1]

    def proof(self, index):
        path = [level[index >> height ^ 1] for height, level in enumerate(self.levels[:-1])]
        return listed(hash_ + u(64, work) for hash_, work in path)


# --- The chunk tree.

CHUNK = 65_536


def chunk_nodes(data):
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)] or [b""]
    return [sha256(b"\x00" + chunk) for chunk in chunks]


def split(count):
    return 1 << (count - 1).bit_length() - 1


def chunk_root(nodes):
    if len(nodes) == 1:
        return nodes[0]
    at = split(len(nodes))
    return sha256(b"\x01" + chunk_root(nodes[:at]) + chunk_root(nodes[at:]))


def chunk_proof(nodes, index):
    if len(nodes) == 1:
        return []
    at = split(len(nodes))
    if index < at:
        return chunk_proof(nodes[:at], index) + [chunk_root(nodes[at:])]
    return chunk_proof(nodes[at:], index - at) + [chunk_root(nodes[:at])]


# --- Chance.


def neg_log2(ticket):
    value = ticket + 1
    exponent = value.bit_length() - 1
    mantissa = value << 127 - exponent
    log = exponent << 64
    for digit in reversed(range(64)):
        mantissa = mantissa * mantissa >> 127
        if mantissa >= 1 << 128:
            mantissa >>= 1
            log |= 1 << digit
    return (64 << 64) - log


def ticket(tag, seed, subject, account):
    return int.from_bytes(tagged(tag, seed + subject + account)[:8], "big")


def order(tickets, accounts, stakes):
    logs = [neg_log2(t) for t in tickets]

    def before(a, b):
        left, right = logs[a] * stakes[b], logs[b] * stakes[a]
        if left != right:
            return -1 if left < right else 1
        return -1 if accounts[a] < accounts[b] else 1

    placed = [i for i, stake in enumerate(stakes) if stake > 0]
    return sorted(placed, key=cmp_to_key(before))


def positions(seed, claim, root, total, count):
    def one(i):
        preimage = seed + u(64, claim) + root + u(32, i)
        return int.from_bytes(tagged("livepeer/draw/1", preimage), "big") % total if total else 0

    return [one(i) for i in range(count)]


def sample_count(parts, leaves, most):
    wanted = -(-parts * leaves // 1_000_000_000)
    return max(1, min(wanted, max(most, 1)))


# --- Ed25519, verification only (RFC 8032, section 6).

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "no point"
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    m, n = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decompress(data):
    value = int.from_bytes(data, "little")
    y = value & (1 << 255) - 1
    x = recover_x(y, value >> 255)
    return x, y, 1, x * y % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def ed25519_verifies(public, message, signature):
    nonce, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    challenge = hashlib.sha512(nonce + public + message).digest()
    challenge = int.from_bytes(challenge, "little") % ORDER
    left = multiply(scalar, BASE)
    right = add(decompress(nonce), multiply(challenge, decompress(public)))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % P == 0


# --- Ristretto (RFC 9496), of the same curve; points as above.

ROOT_M1 = pow(2, (P - 1) // 4, P)
ROOT_AD_1 = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVERSE_ROOT_A_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578


def negative(x):
    return x % P & 1 == 1


def absolute(x):
    return -x % P if negative(x) else x % P


def root_of_ratio(u, v):
    root = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    square = v * root * root % P
    if square in (-u % P, -u * ROOT_M1 % P):
        root = root * ROOT_M1 % P
    return square in (u % P, -u % P), absolute(root)


def ristretto_decode(data):
    s = int.from_bytes(data, "little")
    assert s < P and not negative(s), "no canonical point"
    u1, u2 = 1 - s * s, 1 + s * s
    v = (-D * u1 * u1 - u2 * u2) % P
    is_square, inverse = root_of_ratio(1, v * u2 * u2 % P)
    x = absolute(2 * s * inverse * u2)
    y = u1 * inverse * inverse * u2 * v % P
    assert is_square and not negative(x * y) and y, "no point"
    return x, y, 1, x * y % P


def ristretto_encode(point):
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    _, inverse = root_of_ratio(1, u1 * u2 * u2 % P)
    one, two = inverse * u1 % P, inverse * u2 % P
    z_inverse = one * two * t % P
    denominator = two
    if negative(t * z_inverse):
        x, y, denominator = y * ROOT_M1 % P, x * ROOT_M1 % P, one * INVERSE_ROOT_A_D % P
    if negative(x * z_inverse):
        y = -y
    return absolute(denominator * (z - y)).to_bytes(32, "little")


def ristretto_map(data):
    """The point of 64 uniform bytes."""

    def half(part):
        t = (int.from_bytes(part, "little") & (1 << 255) - 1) % P
        r = ROOT_M1 * t * t % P
        u, v = (r + 1) * (1 - D * D) % P, (-1 - r * D) * (r + D) % P
        is_square, s = root_of_ratio(u, v)
        c = -1 if is_square else r
        s = s if is_square else -absolute(s * t)
        n = (c * (r - 1) * (D - 1) * (D - 1) - v) % P
        w0, w1, w2, w3 = 2 * s * v, n * ROOT_AD_1, 1 - s * s, 1 + s * s
        return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P

    return add(half(data[:32]), half(data[32:]))


# --- Merlin's transcripts, over STROBE-128, over Keccak-f[1600].


def rotate(lane, by):
    return (lane << by | lane >> 64 - by) & (1 << 64) - 1


def keccak_f(state):
    lanes = [int.from_bytes(state[8 * i : 8 * i + 8], "little") for i in range(25)]
    constant = 1
    for _ in range(24):
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        for i in range(25):
            lanes[i] ^= columns[(i + 4) % 5] ^ rotate(columns[(i + 1) % 5], 1)
        x, y, moved = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            lanes[x + 5 * y], moved = rotate(moved, (step + 1) * (step + 2) // 2 % 64), lanes[x + 5 * y]
        for row in range(0, 25, 5):
            old = lanes[row : row + 5]
            for x in range(5):
                lanes[row + x] = old[x] ^ ~old[(x + 1) % 5] & old[(x + 2) % 5] & (1 << 64) - 1
        for bit in range(7):
            if constant & 1:
                lanes[0] ^= 1 << (1 << bit) - 1
            constant = constant << 1 ^ (0x171 if constant & 0x80 else 0)
    return bytearray(b"".join(lane.to_bytes(8, "little") for lane in lanes))


class Transcript:
    RATE = 166
    META, DATA, CHALLENGE = 16 | 2, 2, 1 | 2 | 4

    def __init__(self, label):
        self.state = bytearray([1, self.RATE + 2, 1, 0, 1, 96]) + b"STROBEv1.0.2" + bytes(182)
        self.state = keccak_f(self.state)
        self.place = self.begun = 0
        self.operate(self.META, b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def permute(self):
        self.state[self.place] ^= self.begun
        self.state[self.place + 1] ^= 0x04
        self.state[self.RATE + 1] ^= 0x80
        self.state = keccak_f(self.state)
        self.place = self.begun = 0

    def absorb(self, data):
        for byte in data:
            self.state[self.place] ^= byte
            self.place += 1
            if self.place == self.RATE:
                self.permute()

    def operate(self, flags, data):
        before, self.begun = self.begun, self.place + 1
        self.absorb([before, flags])
        if flags & 4 and self.place:
            self.permute()
        self.absorb(data)

    def append(self, label, message):
        self.operate(self.META, label + u(32, len(message)))
        self.operate(self.DATA, message)

    def challenge(self, label, length):
        self.operate(self.META, label + u(32, length))
        self.operate(self.CHALLENGE, b"")
        out = bytearray()
        for _ in range(length):
            out.append(self.state[self.place])
            self.state[self.place] = 0
            self.place += 1
            if self.place == self.RATE:
                self.permute()
        return bytes(out)

    def scalar(self, label):
        return int.from_bytes(self.challenge(label, 64), "little") % ORDER


def variant_x(public, place, opening):
    """What the opening proves of the place: x, or None."""
    preoutput, proof = opening[:32], opening[32:]
    challenge, response = (int.from_bytes(proof[at : at + 32], "little") for at in (0, 32))
    if challenge >= ORDER or response >= ORDER:
        return None
    transcript = Transcript(b"livepeer/variant/1")
    transcript.append(b"place", place)
    transcript.append(b"vrf-nm-pk", public)
    source = ristretto_map(transcript.challenge(b"VRFHash", 64))
    key, output = ristretto_decode(public), ristretto_decode(preoutput)
    transcript = Transcript(b"VRF")
    transcript.append(b"proto-name", b"DLEQProof")
    transcript.append(b"vrf:h", ristretto_encode(source))
    for label, point, base in [(b"vrf:R=g^r", key, BASE), (b"vrf:h^r", output, source)]:
        nonce = add(multiply(challenge, point), multiply(response, base))
        transcript.append(label, ristretto_encode(nonce))
    transcript.append(b"vrf:pk", public)
    transcript.append(b"vrf:h^sk", preoutput)
    if transcript.scalar(b"prove") != challenge:
        return None
    transcript = Transcript(b"VRFResult")
    transcript.append(b"", b"livepeer/variant/1/x")
    transcript.append(b"vrf-in", ristretto_encode(source))
    transcript.append(b"vrf-out", preoutput)
    return transcript.challenge(b"", 32)


def sr25519_verifies(public, message, signature):
    scalar = int.from_bytes(signature[32:], "little")
    # The highest bit says that this is schnorrkel's form.
    if not scalar >> 255:
        return False
    scalar -= 1 << 255
    if scalar >= ORDER:
        return False
    transcript = Transcript(b"SigningContext")
    transcript.append(b"", b"substrate")
    transcript.append(b"sign-bytes", message)
    transcript.append(b"proto-name", b"Schnorr-sig")
    transcript.append(b"sign:pk", public)
    transcript.append(b"sign:R", signature[:32])
    challenge = transcript.scalar(b"sign:c")
    key = ristretto_decode(public)
    nonce = add(multiply(scalar, BASE), multiply(ORDER - challenge, key))
    return ristretto_encode(nonce) == signature[:32]


# --- ECDSA over secp256k1, recovery only, and Keccak-256.

FIELD = 2**256 - 2**32 - 977
CURVE = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
START = (
    0x79BE667E_F9DCBBAC_55A06295_CE870B07_029BFCDB_2DCE28D9_59F2815B_16F81798,
    0x483ADA77_26A3C465_5DA4FBFC_0E1108A8_FD17B448_A6855419_9C47D08F_FB10D4B8,
)


def secp_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % FIELD == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, FIELD)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, FIELD)
    x = (slope * slope - a[0] - b[0]) % FIELD
    return x, (slope * (a[0] - x) - a[1]) % FIELD


def secp_multiply(scalar, point):
    result = None
    while scalar:
        if scalar & 1:
            result = secp_add(result, point)
        point = secp_add(point, point)
        scalar >>= 1
    return result


def ecdsa_recovers(digest, signature):
    """The compressed key that made a signature: r, s, and a byte that says which of the points."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    x = r + (CURVE if signature[64] & 2 else 0)
    y = pow(x**3 + 7, (FIELD + 1) // 4, FIELD)
    assert (y * y - x**3 - 7) % FIELD == 0, "no point"
    if y & 1 != signature[64] & 1:
        y = FIELD - y
    inverse = pow(r, -1, CURVE)
    message = int.from_bytes(digest, "big")
    key = secp_add(
        secp_multiply(s * inverse % CURVE, (x, y)),
        secp_multiply(-message * inverse % CURVE, START),
    )
    return bytes([2 | key[1] & 1]) + key[0].to_bytes(32, "big")


def keccak256(message):
    rate = 136
    padded = message + b"\x01" + bytes(-(len(message) + 1) % rate)
    state = bytearray(200)
    for at in range(0, len(padded), rate):
        block = bytearray(padded[at : at + rate])
        if at + rate == len(padded):
            block[-1] |= 0x80
        state = keccak_f(bytes(a ^ b for a, b in zip(state, bytes(block) + bytes(200 - rate))))
    return bytes(state[:32])


# --- The comparison.


class Check:
    def __init__(self, vectors):
        self.vectors = vectors
        self.compared = 0
        self.wrong = []
        self.done = set()

    def same(self, name, computed, given):
        self.compared += 1
        if isinstance(computed, bytes):
            computed = "0x" + computed.hex()
        if computed != given:
            self.wrong.append(f"{name}: {computed} computed, {given} in the file")

    def take(self, name):
        self.done.add(name)
        return self.vectors[name]

    def object(self, name, encode, tag):
        """An object with its fields, its bytes and its hash."""
        v = self.take(name)
        self.same(f"{name}.scale", encode(v), v["scale"])
        self.same(f"{name}.hash", tagged(tag, encode(v)), v["hash"])

    def all(self):
        self.take("inputs")
        for v in self.take("tags"):
            self.same(v["tag"], tagged(v["tag"], b""), v["hash_of_nothing"])
        v = self.take("extensions")
        self.same("extensions", extensions(v["list"]), v["scale"])
        self.same("extensions.empty", extensions([]), v["empty"])
        v = self.take("stream_id")
        preimage = raw32(v["account"]) + octets(v["name"].encode())
        self.same("stream_id", tagged("livepeer/stream/1", preimage), v["id"])
        v = self.take("toolchain")
        preimage = u(16, v["profile"]) + raw32(v["digest"])
        self.same("toolchain", tagged("livepeer/toolchain/1", preimage), v["id"])

        header = lambda v: segment_header(v, v["segment"])
        self.object("segment_header", header, "livepeer/segment-header/1")
        self.object("stream_head", stream_head, "livepeer/stream-head/1")
        self.object("receipt", receipt, "livepeer/receipt/1")
        self.object("receipt_rejecting", receipt, "livepeer/receipt/1")
        self.object("claim", work_claim, "livepeer/claim/1")
        self.object("heartbeat", heartbeat, "livepeer/heartbeat/1")
        self.object("availability", availability, "livepeer/availability/1")
        self.object("acceptance", acceptance, "livepeer/acceptance/1")
        given = {v["fields"]["name"]: v["scale"] for v in self.take("reject_reasons")}
        self.same("reject_reasons", sorted(given), sorted(REASONS))
        for v in self.vectors["reject_reasons"]:
            self.same(v["fields"]["name"], reason(v["fields"]), v["scale"])

        for name, v in self.take("signed").items():
            preimage = signer(v) + raw32(v["object"])
            payload = tagged("livepeer/signed/1", preimage)
            self.same(f"signed.{name}.payload", payload, v["payload"])
            public, signature = raw32(v["public_ed25519"]), raw(v["operator_signature"])
            self.same(f"signed.{name}.key", b"\x00" + public, v["stored_key"])
            self.same(f"signed.{name}.signer", signature[:37] == signer(v), True)
            self.same(f"signed.{name}.scheme", signature[37], 0)
            good = ed25519_verifies(public, payload, signature[38:])
            self.same(f"signed.{name}.signature", good, True)
        by = self.vectors["signed"]
        for name, of in [
            ("by_account", "segment_header"),
            ("by_key", "segment_header"),
            ("receipt_by_key", "receipt"),
            ("claim_by_key", "claim"),
        ]:
            self.same(f"signed.{name}.object", by[name]["object"], self.vectors[of]["hash"])

        for name, v in self.take("signed_otherwise").items():
            account, public = raw32(v["account"]), raw(v["public"])
            preimage = account + u(32, 0) + u(8, 0)
            payload = tagged("livepeer/signed/1", preimage + raw32(v["object"]))
            self.same(f"signed_otherwise.{name}.payload", payload, v["payload"])
            signature = raw(v["operator_signature"])
            self.same(f"signed_otherwise.{name}.signer", signature[:37], "0x" + preimage.hex())
            scheme, signature = signature[37], signature[38:]
            self.same(f"signed_otherwise.{name}.scheme", scheme, {"sr25519": 1, "ecdsa": 2, "eth": 3}[name])
            if scheme == 1:
                self.same(f"signed_otherwise.{name}.account", account, v["public"])
                good = sr25519_verifies(public, payload, signature)
                self.same(f"signed_otherwise.{name}.signature", good, True)
                wrong = sr25519_verifies(public, payload[::-1], signature)
                self.same(f"signed_otherwise.{name}.other_payload", wrong, False)
                continue
            digest = blake2(payload) if scheme == 2 else keccak256(payload)
            key = ecdsa_recovers(digest, signature)
            self.same(f"signed_otherwise.{name}.signature", key, v["public"])
            named = blake2(key) if scheme == 2 else keccak256(key)[12:] + b"\xee" * 12
            self.same(f"signed_otherwise.{name}.account", named, v["account"])

        self.tree()
        self.chance()
        self.judgement()
        self.reserved()
        for name in set(self.vectors) - self.done:
            self.wrong.append(f"{name}: not known here")

    def tree(self):
        v = self.take("sum_tree")
        leaves = [entry["fields"] for entry in v["leaves"]]
        tree = SumTree(leaves)
        root, total = tree.root()
        self.same("sum_tree.root", root, v["root"])
        self.same("sum_tree.total_work", total, v["total_work"])
        self.same("sum_tree.leaf_count", tree.count, v["leaf_count"])
        self.same("sum_tree.scale", root + u(64, total) + u(32, tree.count), v["scale"])
        start = 0
        for index, entry in enumerate(v["leaves"]):
            name = f"sum_tree.leaves.{index}"
            end = start + leaf_work(entry["fields"])
            self.same(f"{name}.index", index, entry["index"])
            self.same(name, leaf(entry["fields"]), entry["scale"])
            self.same(f"{name}.hash", tree.levels[0][index][0], entry["hash"])
            self.same(f"{name}.proof", tree.proof(index), entry["proof"])
            self.same(f"{name}.range", [start, end], entry["range"])
            start = end
        # The broadcaster's header of a leaf, from what the claim implies.
        place = self.vectors["segment_header"]
        rebuilt = tagged("livepeer/segment-header/1", segment_header(place, leaves[0]["segment"]))
        self.same("sum_tree.header", rebuilt, place["hash"])

        v = self.take("chunks")
        for case in v["cases"]:
            data = bytes(i % 251 for i in range(case["len"]))
            nodes = chunk_nodes(data)
            name = f"chunks.{case['len']}"
            self.same(name, chunk_root(nodes), case["root"])
            proofs = [
                ["0x" + sibling.hex() for sibling in chunk_proof(nodes, index)]
                for index in range(len(nodes))
            ]
            self.same(f"{name}.proofs", proofs, case["proofs"])

    def chance(self):
        for v in self.take("neg_log2"):
            self.same(f"neg_log2({v['u']})", neg_log2(int(v["u"])), int(v["log"]))
        for number, v in enumerate(self.take("order")):
            seed, subject = raw32(v["seed"]), raw(v["subject"])
            accounts, stakes = [raw32(a) for a in v["accounts"]], [int(s) for s in v["stakes"]]
            tickets = [ticket(v["tag"], seed, subject, a) for a in accounts]
            self.same(f"order.{number}.tickets", tickets, [int(t) for t in v["tickets"]])
            self.same(f"order.{number}", order(tickets, accounts, stakes), v["order"])
        v = self.take("order_of_tickets")
        accounts, stakes = [raw32(a) for a in v["accounts"]], [int(s) for s in v["stakes"]]
        computed = order([int(t) for t in v["tickets"]], accounts, stakes)
        self.same("order_of_tickets", computed, v["order"])
        v = self.take("positions")
        computed = positions(
            raw32(v["seed"]), v["claim"], raw32(v["root"]), v["total_work"], len(v["positions"])
        )
        self.same("positions", computed, v["positions"])
        for v in self.take("sample_count"):
            computed = sample_count(v["parts"], v["leaves"], v["max"])
            self.same(f"sample_count({v['parts']}, {v['leaves']}, {v['max']})", computed, v["count"])
        for v in self.take("tranche_seed"):
            preimage = raw32(v["entropy"]) + u(64, v["claim"]) + u(8, v["tranche"])
            self.same(f"tranche_seed.{v['tranche']}", tagged("livepeer/tranche/1", preimage), v["seed"])
        v = self.take("beacon")
        folded = tagged("livepeer/beacon/1", raw32(v["accumulator"]) + raw32(v["vrf"]))
        self.same("beacon", folded, v["folded"])
        v = self.take("variant")
        place = raw32(v["genesis"]) + raw32(v["stream"]) + u(64, v["job"])
        place += u(32, v["assignment"]) + u(64, v["seq"])
        self.same("variant.place", place, v["place"])
        public, opening = raw32(v["vrf_key"]), raw(v["opening"])
        self.same("variant.opening", len(opening), 96)
        self.same("variant.x", variant_x(public, place, opening), v["x"])
        self.same("variant.other_place", variant_x(public, place[:-1] + b"\x01", opening), None)
        chosen = tagged("livepeer/variant/1", raw32(v["x"]))
        self.same("variant.ticket", int.from_bytes(chosen[:8], "big"), int(v["ticket"]))
        self.same("variant.choice", [chosen[8], chosen[9]], [v["rendition"], v["start"]])
        v = self.take("openings")
        listing = listed(u(32, index) + raw(v["opening"]) for index in v["indices"])
        self.same("openings.scale", listing, v["scale"])
        preimage = raw32(v["genesis"]) + u(64, v["claim"]) + raw32(v["seed"]) + listing
        self.same("openings.hash", tagged("livepeer/openings/1", preimage), v["hash"])

    def judgement(self):
        v = self.take("evidence")
        seed, index = raw32(v["seed"]), v["index"]
        frame = sha256(seed + raw(v["picture"]))
        self.same("evidence.frame", frame, v["frame"])
        state = tagged("livepeer/evidence/1", u(8, 1) + seed + u(32, index))
        for stream, number in v["frames"]:
            preimage = state + u(8, stream) + u(32, number) + frame
            state = tagged("livepeer/evidence-frame/1", preimage)
        self.same("evidence.leaf", state, v["leaf"])
        probe = u(8, 128 + v["probe_of_rendition"]) + u(32, 0) + sha256(raw(v["probe"]))
        probed = tagged("livepeer/evidence-frame/1", state + probe)
        self.same("evidence.leaf_with_probe", probed, v["leaf_with_probe"])
        fold = lambda leaves: b"\x01" + tagged(
            "livepeer/evidence/1", u(8, 1) + seed + listed(u(32, i) + d for i, d in leaves)
        )
        self.same("evidence.fold", fold([(index, state)]), v["fold"])
        self.same("evidence.fold_of_none", fold([]), v["fold_of_none"])

        given = {v["name"]: v["scale"] for v in self.take("verdicts")}
        computed = {name: "0x" + scale.hex() for name, scale in verdicts()}
        self.same("verdicts", computed, given)

        v = self.take("judged")
        preimage = raw32(v["root"]) + raw32(v["toolchain"]) + listed(map(raw32, v["leaves"]))
        judged = tagged("livepeer/judged/1", preimage)
        self.same("judged", judged, v["digest"])

        v = self.take("commitment")
        opening = listed(map(raw, v["verdicts"])) + u(8, v["recipe"])
        opening += raw32(v["evidence"]) + raw32(v["salt"])
        self.same("commitment.opening", opening, v["opening"])
        self.same("commitment.judged", judged, v["judged"])
        preimage = raw32(v["genesis"]) + u(64, v["claim"]) + judged + u(8, v["tranche"])
        commitment = tagged("livepeer/verdict/1", preimage + raw32(v["account"]) + opening)
        self.same("commitment", commitment, v["commitment"])

        v = self.take("duty")
        for name, tranche, phase, content in [
            ("commit", 0, 0, commitment),
            ("reveal", 0, 1, opening),
            ("dispute_commit", 255, 0, commitment),
            ("ask", 0, 2, b""),
        ]:
            preimage = raw32(v["genesis"]) + u(64, v["claim"]) + u(8, tranche)
            preimage += raw32(v["seed"]) + u(16, v["member"]) + u(8, phase) + content
            self.same(f"duty.{name}", tagged("livepeer/duty/1", preimage), v[name])

        v = self.take("pass")
        preimage = raw32(v["genesis"]) + u(64, v["claim"]) + u(8, v["tranche"])
        preimage += raw32(v["account"]) + octets(raw(v["peer_id"]))
        self.same("pass.scale", preimage, v["scale"])
        self.same("pass.payload", tagged("livepeer/pass/1", preimage), v["payload"])

        v = self.take("attestation")
        for name, lacking in [("payload", v["lacking"]), ("of_none", [])]:
            preimage = raw32(v["genesis"]) + raw32(v["account"]) + u(32, v["window"])
            preimage += listed(map(raw32, lacking))
            hashed = tagged("livepeer/attestation/1", preimage)
            self.same(f"attestation.{name}", hashed, v[name])

    def reserved(self):
        v = self.take("reserved")["source_part"]
        key = raw32(v["genesis"]) + raw32(v["stream"]) + u(64, v["job"]) + u(32, v["assignment"])
        key += raw32(v["transcoder"]) + u(8, v["track"]) + u(64, v["seq"])
        part = u(32, v["index"]) + u(64, v["offset"]) + raw32(v["hash"])
        part += extensions(v["extensions"])
        self.same("source_part", key + part, v["scale"])
        self.same("source_part.hash", tagged("livepeer/source-part/1", key + part), v["object_hash"])
        v = self.vectors["reserved"]["rendition_part"]
        part = raw32(v["header"]) + u(8, v["rendition"]) + u(32, v["index"]) + u(64, v["offset"])
        part += raw32(v["hash"]) + extensions(v["extensions"])
        self.same("rendition_part", part, v["scale"])
        hashed = tagged("livepeer/rendition-part/1", part)
        self.same("rendition_part.hash", hashed, v["object_hash"])


def main():
    vectors = json.loads(PATH.read_text())
    check = Check(vectors)
    check.all()
    if check.wrong:
        print("\n".join(check.wrong), file=sys.stderr)
        sys.exit(f"{len(check.wrong)} of {check.compared} values differ from docs/formats.md")
    print(f"formats: {check.compared} values of {PATH.name} are those of docs/formats.md")


if __name__ == "__main__":
    main()
