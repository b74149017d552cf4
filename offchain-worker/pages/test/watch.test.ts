import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { addressOf } from "../src/chain/address";
import type { Live } from "../src/chain/live";
import { Watch } from "../src/player/watch";
import { concat, unhex } from "../src/proof/scale";

const vectors = JSON.parse(readFileSync("../../primitives/tests/vectors.json", "utf8"));
const { segment_header, receipt, signed, stream_id } = vectors;
const broadcaster = addressOf(unhex(stream_id.account));
const SEQ = Number(segment_header.seq);
/** A list of the one record that the golden vectors have. */
const records = Uint8Array.from(
	concat(
		Uint8Array.of(4),
		unhex(segment_header.scale),
		unhex(signed.by_key.operator_signature),
		unhex(receipt.scale),
		unhex(signed.receipt_by_key.operator_signature),
		Uint8Array.of(0),
	),
);
Object.defineProperty(globalThis, "location", { value: { href: "http://gateway/" }, configurable: true });

/** A stream at a gateway that answers questions for records as it is told, and a chain that is away. */
function watching(answer: (from: number) => Response | Promise<Response>): { watch: Watch; check: (seq: number) => Promise<string | null>; learn: (from: number) => Promise<void> } {
	globalThis.fetch = async (input) => {
		const from = /records\/(\d+)\.scale$/.exec(String(input))?.[1];
		if (from !== undefined) return answer(Number(from));
		return Response.json({ name: stream_id.name, broadcaster, job: 0, renditions: [], segments: 1, newest: SEQ, transcoder: null, ended: false });
	};
	const live = { start: () => new Promise(() => undefined), head: null, chain: null } as unknown as Live;
	const watch = new Watch("http://gateway", `${broadcaster}/${stream_id.name}`, live);
	// biome-ignore lint: what it does by itself when it plays.
	const inner = watch as any;
	// It has waited for the chain long enough.
	inner.begun = Number.NEGATIVE_INFINITY;
	return { watch, check: (seq) => inner.check(`${watch.base}/0/${seq}.ts`, new ArrayBuffer(9)), learn: (from) => inner.learn(from) };
}

test("attack status that counts for ever", async () => {
	const { watch } = watching(nothing);
	// biome-ignore lint: as above.
	const learn = () => (watch as any).fetchStatus();
	for (const newest of ["1e999", "-1e999", "0.5", '"9"', "9e99"]) {
		globalThis.fetch = async () => new Response(`{"broadcaster":"${broadcaster}","job":0,"renditions":[],"newest":${newest}}`);
		await assert.rejects(learn(), newest);
		assert.equal(watch.status, null);
	}
});

const nothing = (): Response => new Response(Uint8Array.of(0));

test("segment should be held to its record though others are being learned", async () => {
	let give: (response: Response) => void = () => undefined;
	const { check, learn } = watching((from) => (from === SEQ ? new Response(records) : new Promise((resolve) => (give = resolve))));
	const older = learn(SEQ + 1_000);
	await new Promise((resolve) => setTimeout(resolve));
	const found = check(SEQ);
	await new Promise((resolve) => setTimeout(resolve));
	give(nothing());
	await older;
	// There is a record, and these are not its bytes.
	assert.equal(await found, "Bytes");
});

test("segment that nobody signed should be refused", async () => {
	for (const none of [nothing, () => new Response("no such record", { status: 404 })]) {
		const { watch, check } = watching(none);
		assert.equal(await check(SEQ), "NoRecord");
		assert.equal(watch.trust, "refused");
	}
});

test("gateway that cannot answer should be accused of nothing", async () => {
	for (const away of [() => new Response("full", { status: 503 }), () => Promise.reject(new Error("cut off"))]) {
		let answer: () => Response | Promise<Response> = away;
		const { watch, check } = watching(() => answer());
		await assert.rejects(check(SEQ));
		assert.equal(watch.trust, "waiting");
		answer = () => new Response(records);
		assert.equal(await check(SEQ), "Bytes");
	}
});

test("what was learned last should stay, whatever its number", async () => {
	const { watch, learn } = watching(() => new Response(records));
	const other = { bytes: new Map(), signed: null, fault: null, seen: 0 };
	for (let seq = SEQ + 1; seq <= SEQ + 400; seq++) watch.segments.set(seq, { ...other, seq } as never);
	await learn(SEQ);
	assert.ok(watch.segments.has(SEQ), "who goes back needs it now");
	assert.equal(watch.segments.size, 400);
	assert.ok(!watch.segments.has(SEQ + 1) && watch.segments.has(SEQ + 400));
});

test("attack own rendition that a gateway passes off as one of the network's", async () => {
	const { watch, learn } = watching(() => new Response(records));
	await learn(SEQ);
	const segment = watch.segments.get(SEQ);
	assert.ok(segment && watch.status);
	const made = segment.record.receipt.outputs?.length ?? 0;
	watch.status.renditions = Array(made + 3).fill("640x360@800k");
	assert.ok(!watch.isOwn(made + 1), "nothing was checked yet");
	segment.signed = true;
	assert.ok(watch.isOwn(made + 1) && watch.isSource(made) && !watch.isOwn(made));
});
