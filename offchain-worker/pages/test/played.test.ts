import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { addressOf } from "../src/chain/address";
import type { Live } from "../src/chain/live";
import { Watch } from "../src/player/watch";
import { concat, unhex } from "../src/proof/scale";

// hls.js as a page has it, on a browser of which only loading is there.
const vectors = JSON.parse(readFileSync("../../primitives/tests/vectors.json", "utf8"));
const { segment_header, receipt, signed, stream_id } = vectors;
const name = `${addressOf(unhex(stream_id.account))}/${stream_id.name}`;
const SEQ = Number(segment_header.seq);
const base = `/stream/${name.split("/").map(encodeURIComponent).join("/")}`;

const lend = (lent: Record<string, unknown>): void => {
	for (const [of, value] of Object.entries(lent)) Object.defineProperty(globalThis, of, { value, configurable: true, writable: true });
};
let asked: string[] = [];
/** What a gateway answers at a path; `null` for what it has not. */
let answer: (path: string) => string | Uint8Array | null = () => null;
class Request {
	readyState = 0;
	status = 0;
	statusText = "";
	response: unknown = null;
	responseText = "";
	responseType = "";
	responseURL = "";
	onreadystatechange: (() => void) | null = null;
	onprogress: (() => void) | null = null;
	open(_: string, url: string): void {
		this.responseURL = new URL(url, location.href).href;
		this.readyState = 1;
	}
	setRequestHeader(): void {}
	getAllResponseHeaders = (): string => "";
	getResponseHeader = (): null => null;
	abort(): void {
		this.onreadystatechange = null;
	}
	send(): void {
		asked.push(this.responseURL);
		const { origin, pathname } = new URL(this.responseURL);
		const found = origin === "http://gateway" ? answer(pathname) : null;
		setTimeout(() => {
			this.status = found === null ? 404 : 200;
			if (typeof found === "string") this.responseText = found;
			this.response = found instanceof Uint8Array ? found.slice().buffer : found;
			for (const state of [2, 4]) {
				this.readyState = state;
				this.onreadystatechange?.();
			}
		});
	}
}
class Media extends EventTarget {
	static isTypeSupported = (): boolean => true;
	readyState = "closed";
	duration = Number.NaN;
	sourceBuffers = [];
	constructor() {
		super();
		setTimeout(() => {
			this.readyState = "open";
			this.dispatchEvent(new Event("sourceopen"));
		}, 50);
	}
}
class Buffer_ {
	appendBuffer(): void {}
	remove(): void {}
}
class Video extends EventTarget {
	currentTime = 0;
	buffered = { length: 0 };
	paused = true;
	ended = false;
	autoplay = true;
	readyState = 0;
	played = 0;
	play = async (): Promise<void> => void this.played++;
	removeAttribute(): void {}
	querySelectorAll = (): never[] => [];
	appendChild(): void {}
	load(): void {}
}
lend({
	self: globalThis,
	location: { href: `http://gateway${base}` },
	XMLHttpRequest: Request,
	MediaSource: Media,
	SourceBuffer: Buffer_,
});
Object.assign(document, { createElement: () => new Video(), addEventListener: () => undefined, removeEventListener: () => undefined });
URL.createObjectURL = () => "blob:http://gateway/1";
URL.revokeObjectURL = () => undefined;

const master = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\n${base}/0.m3u8\n`;
const head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n";
const media = `${head}#EXT-X-MEDIA-SEQUENCE:${SEQ}\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXTINF:2.000000,\n0/${SEQ}.ts\n`;
/** A list of the one record that the golden vectors have. */
const records = Uint8Array.from(
	concat(Uint8Array.of(4), unhex(segment_header.scale), unhex(signed.by_key.operator_signature), unhex(receipt.scale), unhex(signed.receipt_by_key.operator_signature), Uint8Array.of(0)),
);
const open: Watch[] = [];
after(() => {
	for (const watch of open) watch.close();
	// Timers of a player that was left do not hold the test up.
	setTimeout(() => process.exit(), 100).unref();
});

/** Opens the stream at a gateway that answers so, until the player has found something. */
async function watching(playlist: string, video = new Video()): Promise<Watch> {
	asked = [];
	answer = (path) => (path === `${base}/index.m3u8` ? master : path === `${base}/0.m3u8` ? playlist : path.endsWith(".ts") ? new Uint8Array(9) : null);
	globalThis.fetch = async (input) =>
		String(input).endsWith(".scale")
			? new Response(records)
			: Response.json({ name: stream_id.name, broadcaster: name.split("/")[0], job: 0, renditions: ["640x360@800k"], segments: 1, newest: SEQ, transcoder: null, ended: false });
	const live = { start: () => new Promise(() => undefined), head: null, chain: null } as unknown as Live;
	const watch = new Watch("", name, live);
	open.push(watch);
	watch.start(video as unknown as HTMLVideoElement);
	// biome-ignore lint: it has waited for the chain long enough.
	(watch as any).begun = Number.NEGATIVE_INFINITY;
	for (let turn = 0; turn < 400 && watch.trust === "waiting"; turn++) await new Promise((resolve) => setTimeout(resolve, 25));
	watch.close();
	return watch;
}

test("playlists of an honest gateway should lead to its segments", async () => {
	const watch = await watching(media);
	assert.ok(asked.includes(`http://gateway${base}/0/${SEQ}.ts`), asked.join());
	// Nine bytes of nothing are not what was signed.
	assert.deepEqual(watch.refused[0], { seq: SEQ, fault: "Bytes", played: false });
	assert.equal(watch.levels[0]?.rendition, 0);
});

test("attack playlist: nothing that it names is asked for", async () => {
	for (const bad of [
		media.replace(`0/${SEQ}.ts`, `https://elsewhere.example/0/${SEQ}.ts`),
		media.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="https://elsewhere.example/key"\n#EXTINF'),
		media.replace(`SEQUENCE:${SEQ}`, `SEQUENCE:${SEQ + 1}`),
	]) {
		const watch = await watching(bad);
		assert.deepEqual(watch.refused[0], { seq: null, fault: "Playlist", played: false });
		assert.ok(!asked.some((url) => url.endsWith(".ts") || url.includes("elsewhere")), asked.join());
	}
});

test("player that is to wait should not play by itself", async () => {
	for (const autoplay of [true, false]) {
		const video = Object.assign(new Video(), { autoplay });
		await watching(media, video);
		assert.equal(video.played > 0, autoplay);
	}
});

test("what was stopped should stay so when it is begun anew, and what plays go on", async () => {
	const video = Object.assign(new Video(), { autoplay: false });
	const watch = await watching(media, video);
	const told = (event: string, readyState: number, ended = false): boolean => {
		Object.assign(video, { readyState, ended }).dispatchEvent(new Event(event));
		return video.autoplay;
	};
	assert.equal(told("play", 4), true);
	// Its end, and that of what is begun anew: nobody has stopped it.
	assert.equal(told("pause", 4, true), true);
	// biome-ignore lint: as when a line is lost.
	(watch as any).again(0);
	assert.equal(told("pause", 0), true);
	// A viewer can stop it as soon as it is set going, also before anything has come.
	assert.equal(told("play", 0), true);
	assert.equal(told("pause", 0), false);
	assert.equal(told("play", 4), true);
	// Nor what a browser stops while nobody sees it.
	Object.assign(document, { hidden: true });
	assert.equal(told("pause", 4), true);
	Object.assign(document, { hidden: false });
	assert.equal(told("pause", 4), false);
	assert.equal(told("pause", 4, true), false);
});
