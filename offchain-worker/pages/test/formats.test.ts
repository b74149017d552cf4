import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { chunkRoot } from "../src/proof/chunks";
import * as F from "../src/proof/formats";
import { concat, hex, Malformed, Reader, unhex } from "../src/proof/scale";
import { isSigned, type Key } from "../src/proof/signatures";

// The examples that the Rust, and the Python in tests/formats, compute too.
export const vectors = JSON.parse(readFileSync("../../primitives/tests/vectors.json", "utf8"));
const from = (text: string) => new Reader(unhex(text));

test("tags should be hashed with their length in front", () => {
	for (const { tag, hash_of_nothing } of vectors.tags) assert.equal(hex(F.tagged(tag)), hash_of_nothing, tag);
});

test("names should be those of the golden vectors", () => {
	const { account, name, id } = vectors.stream_id;
	assert.equal(hex(F.streamId(unhex(account), name)), id);
});

test("header and receipts should have the hashes of the golden vectors", () => {
	const { scale, hash, segment, seq } = vectors.segment_header;
	const reader = from(scale);
	const header = F.header(reader);
	reader.end();
	assert.equal(hex(header.hash), hash);
	assert.equal(header.seq, BigInt(seq));
	assert.equal(header.segment.inLen, segment.in_len);
	assert.equal(hex(header.segment.chunkRoot), segment.chunk_root);
	for (const name of ["receipt", "receipt_rejecting"]) {
		const receipt = F.receipt(from(vectors[name].scale));
		assert.equal(hex(receipt.hash), vectors[name].hash);
		assert.equal(hex(receipt.header), vectors[name].header);
		assert.equal(receipt.rejected, vectors[name].result.reason?.name ?? null);
	}
});

test("chunk roots should be those of the golden vectors", async () => {
	for (const { len, root } of vectors.chunks.cases) {
		const bytes = Uint8Array.from({ length: len }, (_, i) => i % 251);
		assert.equal(hex(await chunkRoot(bytes)), root, `${len} bytes`);
	}
});

test("chunks should have the same root where the browser lends no hashes", async () => {
	// As to a page that another device of the LAN has opened by plain HTTP.
	const lent = Object.getOwnPropertyDescriptor(globalThis, "crypto") as PropertyDescriptor;
	Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
	try {
		const { len, root } = vectors.chunks.cases.at(-1);
		assert.equal(hex(await chunkRoot(Uint8Array.from({ length: len }, (_, i) => i % 251))), root);
	} finally {
		Object.defineProperty(globalThis, "crypto", lent);
	}
});

test("signatures should hold for their signer and object, and for no other", () => {
	for (const name of ["by_account", "by_key", "receipt_by_key", "claim_by_key"]) {
		const v = vectors.signed[name];
		const signature = F.signature(from(v.operator_signature));
		const [account, object] = [unhex(v.account), unhex(v.object)];
		assert.equal(hex(F.payload(signature.signer, object)), v.payload);
		const key: Key = { kind: "ed25519", bytes: unhex(v.public_ed25519) };
		const others = Array.from({ length: v.key }, (): Key => ({ kind: "ed25519", bytes: new Uint8Array(32) }));
		const generations = [{ generation: v.generation, keys: [...others, key] }];
		assert.ok(isSigned(signature, account, object, generations), name);
		const other = Uint8Array.from(object, (byte, i) => (i ? byte : byte ^ 1));
		assert.ok(!isSigned(signature, account, other, generations), "another object");
		assert.ok(!isSigned(signature, other, object, generations), "another account");
		if (v.generation) {
			assert.ok(!isSigned(signature, account, object, []), "no such generation");
			assert.ok(!isSigned(signature, account, object, [{ generation: v.generation, keys: [key, ...others] }]) || v.key === 0);
			const kind: Key = { kind: "sr25519", bytes: key.bytes };
			assert.ok(!isSigned(signature, account, object, [{ generation: v.generation, keys: [...others, kind] }]));
		}
	}
});

test("signatures of the other schemes should hold for their account and object, and for no other", () => {
	const signed = Object.entries<any>(vectors.signed_otherwise);
	assert.deepEqual(signed.map(([kind]) => kind).sort(), ["ecdsa", "eth", "sr25519"]);
	for (const [kind, v] of signed) {
		const signature = F.signature(from(v.operator_signature));
		const [account, object] = [unhex(v.account), unhex(v.object)];
		assert.equal(signature.kind, kind);
		assert.equal(hex(F.payload(signature.signer, object)), v.payload);
		assert.ok(isSigned(signature, account, object, []), kind);
		const other = Uint8Array.from(object, (byte, i) => (i ? byte : byte ^ 1));
		assert.ok(!isSigned(signature, account, other, []), `${kind}: another object`);
		const signer = { ...signature.signer, account: other };
		assert.ok(!isSigned({ ...signature, signer }, other, object, []), `${kind}: another account`);
	}
});

test("leaves should be proven in their place and nowhere else", () => {
	const { leaves, root, total_work, leaf_count } = vectors.sum_tree;
	const commitment = { root: unhex(root), totalWork: BigInt(total_work), leafCount: leaf_count };
	for (const { index, scale, proof, range } of leaves) {
		const leaf = F.leaf(from(scale));
		const reader = from(proof);
		const siblings = reader.list(12, () => F.node(reader));
		const found = F.provenRange(leaf, index, siblings, commitment);
		assert.deepEqual([found?.from, found?.to], range.map(BigInt), `leaf ${index}`);
		assert.equal(F.provenRange(leaf, index + 1, siblings, commitment), null, "at another index");
		assert.equal(F.provenRange(leaf, index, siblings.slice(1), commitment), null, "a shorter proof");
		assert.equal(F.provenRange(leaf, index, siblings, { ...commitment, totalWork: commitment.totalWork + 1n }), null);
		assert.equal(F.provenRange(leaf, index, siblings, { ...commitment, leafCount: leaf_count + 1 }), null);
	}
});

test("what a claim commits to should be built from its leaves", () => {
	const { leaves, root, total_work, leaf_count } = vectors.sum_tree;
	const all = leaves.map(({ scale }: { scale: string }) => F.leaf(from(scale)));
	const built = F.commitmentTo(all);
	assert.deepEqual([built && hex(built.root), built?.totalWork, built?.leafCount], [root, BigInt(total_work), leaf_count]);
	for (const { scale } of leaves) {
		const { segmentBytes, outputs, work, bytes } = F.leaf(from(scale));
		if (outputs && segmentBytes) assert.equal(hex(F.transcoded(segmentBytes, outputs, work).bytes), scale);
		if (!segmentBytes) assert.deepEqual(bytes, F.EMPTY.bytes);
	}
	assert.notEqual(hex(F.commitmentTo([all[1], all[0], ...all.slice(2)])?.root ?? new Uint8Array()), root, "another order");
	assert.equal(F.commitmentTo([]), null);
	assert.equal(F.commitmentTo(Array.from({ length: 4_097 }, () => F.EMPTY)), null);
	assert.equal(F.commitmentTo([{ ...F.EMPTY, work: 1n << 63n }, { ...F.EMPTY, work: 1n << 63n }]), null, "sums are below 2^64");
});

test("bytes should be written in hexadecimal and read back", () => {
	const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
	assert.equal(hex(bytes), `0x${Buffer.from(bytes).toString("hex")}`);
	assert.deepEqual(unhex(hex(bytes)), bytes);
	assert.deepEqual(unhex(hex(bytes).slice(2).toUpperCase()), bytes);
	assert.deepEqual([hex(new Uint8Array()), unhex("0x"), unhex("")], ["0x", new Uint8Array(), new Uint8Array()]);
	for (const none of ["0x0", "0", "0xg0", "0x0g", "0x0:", "0x 1", "0x\u0130\u0131", "0x0\u1030"]) assert.throws(() => unhex(none), Malformed, none);
});

test("what is not in its only form should not decode", () => {
	assert.throws(() => new Reader(Uint8Array.of(1, 0)).compact(), Malformed);
	assert.throws(() => new Reader(Uint8Array.of(8, 1)).list(1, () => 0), Malformed);
	const { scale } = vectors.segment_header;
	assert.throws(() => F.header(from(scale.slice(0, -2))), Malformed);
	const { by_key, receipt_by_key } = vectors.signed;
	const record = concat(unhex(scale), unhex(by_key.operator_signature), unhex(vectors.receipt.scale), unhex(receipt_by_key.operator_signature), Uint8Array.of(0));
	assert.equal(F.records(concat(Uint8Array.of(4), record)).length, 1);
	assert.throws(() => F.records(concat(Uint8Array.of(4), record, Uint8Array.of(0))), Malformed);
});
