/** The formats that are signed and hashed, read from docs/formats.md; sections are named by number. */
import { blake2b } from "@noble/hashes/blake2.js";
import { compact, concat, isEqual, Malformed, Reader, text, uint } from "./scale";

const ascii = new TextEncoder();

/** §1.2: H(tag, v). */
export function tagged(tag: string, ...parts: Uint8Array[]): Uint8Array {
	const name = ascii.encode(tag);
	return blake2b(concat(Uint8Array.of(name.length), name, ...parts), { dkLen: 32 });
}

/** §2.1. */
export const streamId = (account: Uint8Array, name: string): Uint8Array =>
	tagged("livepeer/stream/1", account, text(name));

export interface Extension {
	tag: number;
	hash: Uint8Array;
}

/** §1.4. */
function extensions(r: Reader): Extension[] {
	let last = -1;
	return r.list(8, () => {
		const entry = { tag: r.u16(), hash: r.hash() };
		if (entry.tag <= last) throw new Malformed("extensions are out of order");
		last = entry.tag;
		return entry;
	});
}

export interface Signer {
	account: Uint8Array;
	generation: number;
	key: number;
}
export interface Signature {
	signer: Signer;
	kind: "ed25519" | "sr25519" | "ecdsa" | "eth";
	bytes: Uint8Array;
}

/** §1.5. */
export function signature(r: Reader): Signature {
	const signer = { account: r.hash(), generation: r.u32(), key: r.u8() };
	const kind = (["ed25519", "sr25519", "ecdsa", "eth"] as const)[r.u8()];
	if (!kind) throw new Malformed("an unknown kind of signature");
	return { signer, kind, bytes: r.take(kind === "ed25519" || kind === "sr25519" ? 64 : 65) };
}

/** §1.5: what is signed for an object. */
export const payload = (signer: Signer, object: Uint8Array): Uint8Array =>
	tagged(
		"livepeer/signed/1",
		signer.account,
		uint(signer.generation, 4),
		uint(signer.key, 1),
		object,
	);

export interface Segment {
	track: number;
	epoch: number;
	time: bigint;
	captured: bigint;
	duration: number;
	flags: number;
	inHash: Uint8Array;
	inLen: number;
	chunkRoot: Uint8Array;
}
export interface Header {
	genesis: Uint8Array;
	stream: Uint8Array;
	job: bigint;
	assignment: number;
	transcoder: Uint8Array;
	seq: bigint;
	segment: Segment;
	/** The bytes of what comes before the segment, and the segment's, as leaves repeat them. */
	placeBytes: Uint8Array;
	segmentBytes: Uint8Array;
	hash: Uint8Array;
}

function segment(r: Reader): Segment {
	const value = {
		track: r.u8(),
		epoch: r.u32(),
		time: r.u64(),
		captured: r.u64(),
		duration: r.u32(),
		flags: r.u16(),
		inHash: r.hash(),
		inLen: r.u32(),
		chunkRoot: r.hash(),
	};
	extensions(r);
	return value;
}

/** §3.1. */
export function header(r: Reader): Header {
	const { value, bytes } = r.raw(() => {
		const place = {
			genesis: r.hash(),
			stream: r.hash(),
			job: r.u64(),
			assignment: r.u32(),
			transcoder: r.hash(),
			seq: r.u64(),
		};
		const of = r.raw(() => segment(r));
		return { ...place, segment: of.value, segmentBytes: of.bytes };
	});
	const placeBytes = bytes.subarray(0, bytes.length - value.segmentBytes.length);
	return { ...value, placeBytes, hash: headerHash(bytes) };
}

const headerHash = (...parts: Uint8Array[]): Uint8Array => tagged("livepeer/segment-header/1", ...parts);

export interface Output {
	hash: Uint8Array;
	len: number;
	chunkRoot: Uint8Array;
}
export const REASONS = [
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
] as const;
export type Reason = (typeof REASONS)[number];
export interface Receipt {
	header: Uint8Array;
	toolchain: Uint8Array;
	outputs: (Output | null)[] | null;
	rejected: Reason | null;
	hash: Uint8Array;
}

const output = (r: Reader): Output => ({ hash: r.hash(), len: r.u32(), chunkRoot: r.hash() });
const outputs = (r: Reader): (Output | null)[] => r.list(8, () => r.option(() => output(r)));

function reason(r: Reader): Reason {
	const found = REASONS[r.u8()];
	if (!found) throw new Malformed("an unknown reason");
	if (found === "Undecodable") r.take(6);
	return found;
}

/** §3.3. */
export function receipt(r: Reader): Receipt {
	const { value, bytes } = r.raw(() => {
		const names = { header: r.hash(), toolchain: r.hash() };
		const kind = r.u8();
		if (kind > 1) throw new Malformed("an unknown result");
		const result =
			kind === 0
				? { outputs: outputs(r), rejected: null }
				: { outputs: null, rejected: reason(r) };
		extensions(r);
		return { ...names, ...result };
	});
	return { ...value, hash: tagged("livepeer/receipt/1", bytes) };
}

/** A segment's header and receipt with both signatures, as peers and the gateway pass them on. */
export interface Record {
	header: Header;
	broadcaster: Signature;
	receipt: Receipt;
	transcoder: Signature;
	own: Own[];
}
/** A segment in a rendition of the publisher's own, which nobody transcodes or judges. */
export interface Own {
	track: number;
	output: Output;
	broadcaster: Signature;
}

export const record = (r: Reader): Record => ({
	header: header(r),
	broadcaster: signature(r),
	receipt: receipt(r),
	transcoder: signature(r),
	own: r.list(4, () => ({ track: r.u8(), output: output(r), broadcaster: signature(r) })),
});

/** §3.1: the hash of an own rendition's header: the segment's, but for the track and the bytes, and without extensions. */
export const ownHash = ({ placeBytes, segmentBytes }: Header, { track, output: { hash, len, chunkRoot } }: Own): Uint8Array =>
	headerHash(placeBytes, uint(track, 1), segmentBytes.subarray(1, 27), hash, uint(len, 4), chunkRoot, compact(0));

export function records(bytes: Uint8Array): Record[] {
	const r = new Reader(bytes);
	const list = r.list(64, () => record(r));
	r.end();
	return list;
}

export interface Leaf {
	segmentBytes: Uint8Array | null;
	segment: Segment | null;
	outputs: (Output | null)[] | null;
	rejected: Reason | null;
	work: bigint;
	bytes: Uint8Array;
}

/** §4.1. */
export function leaf(r: Reader): Leaf {
	const { value, bytes } = r.raw(() => {
		const kind = r.u8();
		if (kind > 2) throw new Malformed("an unknown leaf");
		if (kind === 0) {
			return { segmentBytes: null, segment: null, outputs: null, rejected: null, work: 0n };
		}
		const of = r.raw(() => segment(r));
		const made = kind === 1 ? outputs(r) : null;
		const rejected = kind === 2 ? reason(r) : null;
		const work = r.u64();
		extensions(r);
		return { segmentBytes: of.bytes, segment: of.value, outputs: made, rejected, work };
	});
	return { ...value, bytes };
}

export interface Node {
	hash: Uint8Array;
	work: bigint;
}
export const node = (r: Reader): Node => ({ hash: r.hash(), work: r.u64() });
const encoded = ({ hash, work }: Node): Uint8Array => concat(hash, uint(work, 8));

export interface Commitment {
	root: Uint8Array;
	totalWork: bigint;
	leafCount: number;
}

/** §4.2: leaves of one claim at most. */
const MAX_LEAVES = 4_096;
/** §4.2: the levels above the leaves of a claim. */
const depthOf = (leafCount: number): number => (leafCount > 1 ? 32 - Math.clz32(leafCount - 1) : 0);
const leafNode = ({ work, bytes }: Pick<Leaf, "work" | "bytes">, index: number, leafCount: number): Node => ({
	hash: tagged("livepeer/leaf/1", uint(index, 4), uint(leafCount, 4), uint(work, 8), bytes),
	work,
});
const parent = (left: Node, right: Node): Node => ({
	hash: tagged("livepeer/node/1", encoded(left), encoded(right)),
	work: left.work + right.work,
});
const rootOf = (top: Node, leafCount: number): Uint8Array => tagged("livepeer/root/1", encoded(top), uint(leafCount, 4));

/**
 * §4.2: whether `leaf` stands at `index` of what a claim commits to, and which of the claim's
 * positions it holds.
 */
export function provenRange(
	leaf: Leaf,
	index: number,
	proof: Node[],
	{ root, totalWork, leafCount }: Commitment,
): { from: bigint; to: bigint } | null {
	if (index < 0 || index >= leafCount || leafCount > MAX_LEAVES || proof.length !== depthOf(leafCount)) return null;
	let top = leafNode(leaf, index, leafCount);
	let from = 0n;
	for (const [height, sibling] of proof.entries()) {
		const isRight = (index >> height) & 1;
		if (isRight) from += sibling.work;
		top = isRight ? parent(sibling, top) : parent(top, sibling);
		if (top.work >= 1n << 64n) return null;
	}
	const holds = top.work === totalWork && isEqual(rootOf(top, leafCount), root);
	return holds ? { from, to: from + leaf.work } : null;
}

/** §4.1: the leaf of a place where nothing was transcoded. */
export const EMPTY: Pick<Leaf, "work" | "bytes"> = { work: 0n, bytes: Uint8Array.of(0) };

/** §4.1: the leaf of a segment that was transcoded, with no extensions. */
export const transcoded = (segmentBytes: Uint8Array, outputs: (Output | null)[], work: bigint): Pick<Leaf, "work" | "bytes"> => ({
	work,
	bytes: concat(
		Uint8Array.of(1),
		segmentBytes,
		compact(outputs.length),
		...outputs.map((output) => (output ? concat(Uint8Array.of(1), output.hash, uint(output.len, 4), output.chunkRoot) : Uint8Array.of(0))),
		uint(work, 8),
		compact(0),
	),
});

/** §4.2: what a claim of these leaves commits to; `null` for more leaves or work than a claim may have. */
export function commitmentTo(leaves: Pick<Leaf, "work" | "bytes">[]): Commitment | null {
	const leafCount = leaves.length;
	const totalWork = leaves.reduce((sum, { work }) => sum + work, 0n);
	if (!leafCount || leafCount > MAX_LEAVES || totalWork >= 1n << 64n) return null;
	let level = Array.from({ length: 1 << depthOf(leafCount) }, (_, index) => leafNode(leaves[index] ?? EMPTY, index, leafCount));
	while (level.length > 1) {
		level = Array.from({ length: level.length / 2 }, (_, i) => parent(level[2 * i] as Node, level[2 * i + 1] as Node));
	}
	return { root: rootOf(level[0] as Node, leafCount), totalWork, leafCount };
}
