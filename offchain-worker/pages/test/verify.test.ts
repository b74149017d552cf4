import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import * as sr25519 from "@scure/sr25519";
import { addressOf } from "../src/chain/address";
import type { Chain } from "../src/chain/chain";
import type { Job, KeysView } from "../src/chain/types";
import { chunkRoot, sha256 } from "../src/proof/chunks";
import * as F from "../src/proof/formats";
import { concat, hex, Reader, unhex } from "../src/proof/scale";
import { isSigned } from "../src/proof/signatures";
import { checkBytes, checkOwn, checkRecord, isOf, KeyBook, signedOf } from "../src/proof/verify";

const vectors = JSON.parse(readFileSync("../../primitives/tests/vectors.json", "utf8"));
const { segment_header, receipt, signed, stream_id } = vectors;
const genesis = unhex(segment_header.genesis);
const broadcaster = addressOf(unhex(stream_id.account));
const expected = { genesis, broadcaster, name: stream_id.name };

/** A chain that knows the keys of the golden vectors, and counts how often it is asked. */
function keys(): { book: KeyBook; asked: () => number } {
	const views = (v: { generation: number; key: number; public_ed25519: string }): KeysView[] => [
		{
			generation: v.generation,
			keys: Array.from({ length: v.key + 1 }, () => ({ type: "Ed25519", value: v.public_ed25519 })),
			revoked: Array.from({ length: v.key + 1 }, () => false),
		},
	];
	let asked = 0;
	const chain = {
		read: async (_: string, [, purpose]: [string, { type: string }]) => {
			asked++;
			return purpose.type === "Segments" ? views(signed.by_key) : views(signed.receipt_by_key);
		},
	} as unknown as Chain;
	return { book: new KeyBook(chain, () => "0x"), asked: () => asked };
}
const keyBook = (): KeyBook => keys().book;

const record = (change: { header?: string; sig?: string; receipt?: string; receiptSig?: string } = {}): F.Record =>
	F.record(
		new Reader(
			concat(
				unhex(change.header ?? segment_header.scale),
				unhex(change.sig ?? signed.by_key.operator_signature),
				unhex(change.receipt ?? receipt.scale),
				unhex(change.receiptSig ?? signed.receipt_by_key.operator_signature),
				Uint8Array.of(0),
			),
		),
	);
const flip = (text: string, at: number): string => {
	const bytes = unhex(text);
	bytes[at] = (bytes[at] as number) ^ 1;
	return `0x${Buffer.from(bytes).toString("hex")}`;
};

test("record that both have signed should hold", async () => {
	assert.equal(await checkRecord(record(), expected, keyBook()), null);
});

test("record should be refused for whatever of it was changed", async () => {
	const fault = (change: Parameters<typeof record>[0], other = expected, job?: Job) => checkRecord(record(change), other, keyBook(), job);
	const end = segment_header.scale.length / 2 - 2;
	assert.equal(await fault({ header: flip(segment_header.scale, 140) }), "BroadcasterSignature");
	assert.equal(await fault({ header: flip(segment_header.scale, end) }), "BroadcasterSignature", "an extension");
	assert.equal(await fault({ sig: flip(signed.by_key.operator_signature, 60) }), "BroadcasterSignature");
	assert.equal(await fault({ sig: signed.receipt_by_key.operator_signature }), "BroadcasterSignature");
	assert.equal(await fault({ receipt: flip(receipt.scale, 0) }), "OtherReceipt");
	assert.equal(await fault({ receipt: flip(receipt.scale, 80) }), "TranscoderSignature", "an output");
	assert.equal(await fault({ receiptSig: signed.by_key.operator_signature }), "TranscoderSignature");
	assert.equal(await fault({}, { ...expected, genesis: new Uint8Array(32) }), "OtherChain");
	assert.equal(await fault({}, { ...expected, name: "another" }), "OtherStream");
	assert.equal(await fault({}, { ...expected, broadcaster: addressOf(new Uint8Array(32)) }), "OtherStream");
});

test("record of a transcoder that the chain has not assigned should be refused", async () => {
	const job = (transcoder: string): Job =>
		({ id: BigInt(segment_header.job), current: { index: segment_header.assignment, transcoder } }) as unknown as Job;
	const right = addressOf(unhex(vectors.inputs.transcoder));
	assert.equal(await checkRecord(record(), expected, keyBook(), job(right)), null);
	assert.equal(await checkRecord(record(), expected, keyBook(), job(broadcaster)), "OtherTranscoder");
});

test("source should be held to what its broadcaster signed", () => {
	const { header, receipt } = record();
	const outputs = receipt.outputs ?? [];
	assert.ok(outputs.length > 0);
	outputs.forEach((output, at) => assert.equal(signedOf(record(), at)?.len, output?.len));
	const source = signedOf(record(), outputs.length);
	assert.deepEqual(source, { hash: header.segment.inHash, len: header.segment.inLen, chunkRoot: header.segment.chunkRoot });
	assert.equal(signedOf(record(), outputs.length + 1), null);
});

test("own rendition should be held to what the broadcaster signed, under the number of its track", async () => {
	const secret = new Uint8Array(32).fill(7);
	const key = { type: "Ed25519", value: hex(ed25519.getPublicKey(secret)) };
	const chain = { read: async () => [{ generation: 1, keys: [key], revoked: [false] }] } as unknown as Chain;
	const book = new KeyBook(chain, () => "0x");
	const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251);
	const output = { hash: await sha256(bytes), len: bytes.length, chunkRoot: await chunkRoot(bytes) };
	const whole = record();
	const signer = { account: unhex(stream_id.account), generation: 1, key: 0 };
	const sign = (track: number, signs = signer): F.Own => {
		const unsigned = { track, output, broadcaster: { signer: signs, kind: "ed25519" as const, bytes: new Uint8Array(64) } };
		const signature = ed25519.sign(F.payload(signs, F.ownHash(whole.header, unsigned)), secret);
		return { ...unsigned, broadcaster: { ...unsigned.broadcaster, bytes: signature } };
	};
	const count = whole.receipt.outputs?.length ?? 0;
	const one = { ...whole, own: [sign(1), sign(3)] };
	assert.equal(await checkBytes(bytes, signedOf(one, count + 3)), null);
	assert.equal(signedOf(one, count + 2), null);
	for (const rendition of [0, count, count + 1, count + 3]) assert.equal(await checkOwn(one, rendition, broadcaster, book), null);
	// Under another track's number, for other bytes, or by somebody else it does not hold.
	const moved = { ...whole, own: [{ ...sign(1), track: 2 }] };
	assert.equal(await checkOwn(moved, count + 2, broadcaster, book), "BroadcasterSignature");
	const longer = { ...whole, own: [{ ...sign(1), output: { ...output, len: 1 } }] };
	assert.equal(await checkOwn(longer, count + 1, broadcaster, book), "BroadcasterSignature");
	const other = { ...whole, own: [sign(1, { ...signer, account: new Uint8Array(32) })] };
	assert.equal(await checkOwn(other, count + 1, broadcaster, book), "BroadcasterSignature");
});

test("segments should be shown to be leaves of their claim, and no others", () => {
	const [{ header, receipt, ...rest }] = [record()];
	const outputs = (receipt.outputs ?? []).filter((output) => output !== null);
	/** A segment of so many pictures of 30 a second, with its own source. */
	const of = (pictures: number, name: number): F.Record => {
		const segmentBytes = header.segmentBytes.slice();
		segmentBytes[30] = name;
		return { ...rest, header: { ...header, segmentBytes, segment: { ...header.segment, duration: pictures * 3_000 } }, receipt: { ...receipt, outputs } };
	};
	const WORK = 1_000n;
	const leafOf = (one: F.Record | undefined, pictures: number) => (one ? F.transcoded(one.header.segmentBytes, one.receipt.outputs ?? [], WORK * BigInt(pictures)) : F.EMPTY);
	const counts = [60, 60, 0, 45, 61];
	const records = counts.map((pictures, i) => (pictures ? of(pictures, i) : undefined));
	const commitment = F.commitmentTo(records.map((one, i) => leafOf(one, counts[i] ?? 0)));
	assert.ok(commitment);
	assert.ok(isOf(records, commitment), "one of them was not transcoded");
	const [first, second, ...others] = records;
	assert.ok(!isOf([second, first, ...others], commitment), "another order");
	assert.ok(!isOf([of(60, 9), second, ...others], commitment), "another segment");
	assert.ok(!isOf([undefined, second, ...others], commitment), "a record is missing");
	assert.ok(!isOf(records.slice(1), commitment), "fewer");
	assert.ok(!isOf(records, { ...commitment, totalWork: commitment.totalWork + 1n }), "more work");
	const longer = first && { ...first, receipt: { ...first.receipt, outputs: outputs.map((output) => ({ ...output, len: output.len + 1 })) } };
	assert.ok(!isOf([longer, second, ...others], commitment), "another output");
	assert.ok(!isOf(counts.map(() => undefined), commitment), "nothing is known");
});

test("tampered bytes should be called out", async () => {
	const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) % 256);
	const output = { hash: await sha256(bytes), len: bytes.length, chunkRoot: await chunkRoot(bytes) };
	assert.equal(await checkBytes(bytes, output), null);
	for (const at of [0, 65_535, 65_536, 199_999]) {
		const other = bytes.slice();
		other[at] = (other[at] as number) ^ 1;
		assert.equal(await checkBytes(other, output), "Bytes", `byte ${at}`);
	}
	assert.equal(await checkBytes(bytes.subarray(1), output), "Bytes");
	assert.equal(await checkBytes(bytes, { ...output, chunkRoot: new Uint8Array(32) }), "Bytes");
	assert.equal(await checkBytes(bytes, { ...output, hash: new Uint8Array(32) }), "Bytes");
	assert.equal(await checkBytes(bytes, null), "NoOutput");
});

test("chain should be asked once for the keys of a generation", async () => {
	const { book, asked } = keys();
	for (let i = 0; i < 5; i++) await checkRecord(record(), expected, book);
	assert.equal(asked(), 2);
});

test("accounts should sign by every kind of signature", () => {
	const object = new Uint8Array(32).fill(7);
	const holds = (kind: F.Signature["kind"], account: Uint8Array, make: (message: Uint8Array) => Uint8Array) => {
		const signer = { account, generation: 0, key: 0 };
		const signature = { signer, kind, bytes: make(F.payload(signer, object)) };
		assert.ok(isSigned(signature, account, object, []), kind);
		assert.ok(!isSigned(signature, account, new Uint8Array(32), []), kind);
		assert.ok(!isSigned({ ...signature, signer: { ...signer, key: 1 } }, account, object, []));
	};
	const secret = sr25519.secretFromSeed(new Uint8Array(32).fill(3));
	holds("sr25519", sr25519.getPublicKey(secret), (message) => sr25519.sign(secret, message));
	const key = new Uint8Array(32).fill(9);
	const ecdsa = (digest: Uint8Array): Uint8Array => {
		const sig = secp256k1.sign(digest, key, { prehash: false, format: "recovered" });
		return concat(sig.subarray(1), sig.subarray(0, 1));
	};
	const account = blake2b(secp256k1.getPublicKey(key, true), { dkLen: 32 });
	holds("ecdsa", account, (message) => ecdsa(blake2b(message, { dkLen: 32 })));
	const address = keccak_256(secp256k1.getPublicKey(key, true)).subarray(12);
	holds("eth", concat(address, new Uint8Array(12).fill(0xee)), (message) => ecdsa(keccak_256(message)));
});
