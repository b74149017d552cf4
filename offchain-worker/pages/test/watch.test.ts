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
	const other = { bytes: new Map(), signed: null, fault: null };
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

/** A watch whose gateway answers questions for its status as it is told, and whose player only says that it begins. */
function following(): { watch: Watch; inner: any; poll: (answer: Response | Error) => Promise<void>; began: number[] } {
	const { watch } = watching(nothing);
	// biome-ignore lint: what it does by itself when it plays.
	const inner = watch as any;
	const began: number[] = [];
	inner.play = async (_: unknown, at: number) => void began.push(at);
	const poll = async (answer: Response | Error) => {
		globalThis.fetch = async () => {
			if (answer instanceof Error) throw answer;
			return answer;
		};
		await inner.fetchStatus().catch(() => undefined);
	};
	return { watch, inner, poll, began };
}
const status = (of: object = {}): Response => Response.json({ name: stream_id.name, broadcaster, job: 0, renditions: [], segments: 1, newest: SEQ, transcoder: null, ended: false, ...of });
const moment = () => new Promise((resolve) => setTimeout(resolve, 5));

test("gateway that is restarted while a picture goes on should leave no word over it", async () => {
	const { watch, inner, poll } = following();
	inner.say("");
	for (const answer of [new Response("", { status: 404 }), new Response("", { status: 502 }), new TypeError("cut off")]) {
		await poll(answer);
		assert.equal(watch.message, "");
	}
	await poll(status());
	assert.equal(watch.message, "");
});

test("viewer should be told why no picture comes", async () => {
	const { watch, poll } = following();
	assert.equal(watch.message, "waiting");
	for (const [answer, told] of [
		[new Response("", { status: 404 }), "nostream"],
		[new Response("", { status: 502 }), "failing"],
		[new TypeError("cut off"), "away"],
		[status(), "waiting"],
	] as const) {
		await poll(answer);
		assert.equal(watch.message, told);
	}
});

test("stream that goes on after its end should be seen again by who saw the end, and by who asks for it", async () => {
	const { watch, inner, poll, began } = following();
	inner.video = { ended: false };
	inner.isOver = true;
	await poll(status({ ended: true }));
	// In the midst of a recording.
	await poll(status());
	await moment();
	assert.deepEqual(began, []);
	watch.goLive(inner.video);
	await moment();
	assert.deepEqual(began, [-1]);
	inner.video.ended = true;
	await poll(status({ ended: true }));
	await poll(status());
	await moment();
	assert.deepEqual(began, [-1, -1]);
});

test("recording should go on where it was, however often the line is lost before it plays there", async () => {
	const { inner, began } = following();
	inner.video = { currentTime: 1_800 };
	const lose = async () => {
		inner.again(0, inner.place(inner.video));
		// A player that was emptied stands at nothing.
		inner.video.currentTime = 0;
		await moment();
	};
	await lose();
	inner.isRecording = true;
	inner.video.currentTime = 1_800;
	for (let turn = 0; turn < 3; turn++) await lose();
	// Its beginning, where it plays.
	inner.from = -1;
	await lose();
	assert.deepEqual(began, [-1, 1_800, 1_800, 1_800, -1]);
});

test("attack job of another stream that a gateway names as this one's", async () => {
	const { watch, inner } = following();
	const other = { id: 9n, stream: "0x09" };
	const told = (job_of_stream: bigint | undefined, jobs: Record<string, object>) => {
		inner.live.read = async (method: string, [of]: [bigint]) => (method === "job_of_stream" ? job_of_stream : jobs[String(of)]);
		return inner.readJob({ job: 9 }, "0x");
	};
	await told(4n, { 4: { id: 4n, stream: watch.id }, 9: other });
	assert.deepEqual([watch.job?.id, watch.jobId], [4n, 4n]);
	await told(undefined, { 9: other });
	assert.deepEqual([watch.job, watch.jobId], [null, null]);
	// The chain has closed it: there is nobody else to ask.
	await told(undefined, {});
	assert.deepEqual([watch.job, watch.jobId], [null, 9n]);
});

test("attack status whose job is no number", async () => {
	const { watch, inner } = following();
	for (const job of ["x", -1, 1.5, 2 ** 60]) {
		globalThis.fetch = async () => status({ job });
		await assert.rejects(inner.fetchStatus(), String(job));
		assert.equal(watch.status, null);
	}
});

test("attack record from beyond the newest, after which no other would be asked for", async () => {
	const { watch, learn } = watching(() => new Response(records));
	await learn(0);
	assert.ok(watch.segments.has(SEQ), "it is the newest");
	watch.segments.clear();
	assert.ok(watch.status);
	watch.status.newest = 3;
	await learn(0);
	assert.equal(watch.segments.size, SEQ < 32 ? 1 : 0);
	await learn(SEQ);
	assert.ok(watch.segments.has(SEQ), "it was asked for itself");
});

test("what was played without the chain and is forgotten should be counted, and not be waited for", async () => {
	const { watch, learn } = watching(() => new Response(records));
	// biome-ignore lint: what was played so.
	const { unproven } = watch as any;
	for (let seq = SEQ + 1; seq <= SEQ + 400; seq++) watch.segments.set(seq, { seq, bytes: new Map(), signed: null, fault: null } as never);
	unproven.set(SEQ + 1, 9);
	assert.equal(watch.trust, "unchecked");
	await learn(SEQ);
	assert.deepEqual([watch.trust, watch.neverProven], ["waiting", 1]);
});

test("attack endless refusals: they are counted, and only the newest are kept", () => {
	const { watch, inner } = following();
	for (let seq = 0; seq < 50; seq++) inner.refuse(seq, "Bytes");
	assert.equal(watch.refusedCount, 50);
	assert.equal(watch.refused.length, 20);
});
