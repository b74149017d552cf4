/**
 * One stream, played and checked: every segment's bytes are hashed and its signatures checked before
 * the player gets it. What does not hold is not played.
 */
import type Hls from "hls.js/light";
import { bytesOf, isAddress } from "../chain/address";
import { breath } from "../chain/breath";
import type { Chain } from "../chain/chain";
import type { Live } from "../chain/live";
import type { Address, Hash, Job } from "../chain/types";
import { records as readRecords, streamId, type Record } from "../proof/formats";
import { checkBytes, checkOwn, checkRecord, KeyBook, signedOf, type Fault } from "../proof/verify";
import { hex, unhex } from "../proof/scale";
import { broadcasterOf, nameOf, pathOf } from "./name";
import { isOrdered, isPlaylist, renditionOf, segmentOf } from "./playlist";

export interface Status {
	name: string;
	broadcaster: Address;
	job: number;
	renditions: string[];
	segments: number;
	newest: number | null;
	transcoder: Address | null;
	ended: boolean;
}
export interface Level {
	index: number;
	/** Its number at the gateway: that of the renditions, and behind them the source's and the publisher's own. */
	rendition: number;
	width: number;
	height: number;
	kbps: number;
}
export interface Segment {
	seq: number;
	record: Record;
	/** Whether both signatures hold; `null` while nobody could look. */
	signed: boolean | null;
	fault: Fault | null;
	/** What was found of the bytes that this browser has loaded, by rendition. */
	bytes: Map<number, boolean>;
}
export type Trust = "waiting" | "checked" | "unchecked" | "refused";

/** Segments that are remembered. */
const KEEP = 400;
/** Segments that a page asks for when it opens. */
const LOOK_BACK = 96;
/** Records of one answer at most, from the one that is asked for on. */
const RECORDS = 32;
/** How long a gateway may take to answer, in ms: what waits for it waits no longer. */
const ANSWER = 15_000;
/** How long the first segments wait for the chain, in ms. */
const PATIENCE = 8_000;
/** After how many ms a player that was lost begins anew. */
const AGAIN = 2_000;
/** For how many ms pictures that could not be shown are mended once only; after as many the player begins anew. */
const MENDED = 10_000;
/** Where hls.js begins at the end of what is live, and at the beginning of a recording. */
const LATEST = -1;

export class Watch {
	status: Status | null = null;
	job: Job | null = null;
	/** The number of the stream's job: the chain's word, and the gateway's of one that the chain has closed. */
	jobId: bigint | null = null;
	levels: Level[] = [];
	/** The level that is chosen, -1 for automatic, and the one that plays. */
	chosen = -1;
	playing = -1;
	/** How the player is doing, and what keeps the gateway from giving the stream. */
	private stage: "" | "waiting" | "press" | "unsupported" | "broken" = "waiting";
	private trouble: "" | "nostream" | "failing" | "away" = "";
	readonly segments = new Map<number, Segment>();
	/** The segment whose pictures are shown. */
	at: number | null = null;
	/** What does not hold, of which segment, if of one; and whether it was played while the chain was away. The newest of so many. */
	refused: { seq: number | null; fault: Fault; played: boolean }[] = [];
	refusedCount = 0;
	checkedBytes = 0;
	checkedCount = 0;
	/** The bytes of segments that were played while nobody could say whose keys are whose. */
	private readonly unproven = new Map<number, number>();
	/** How many of them were forgotten before anybody could. */
	neverProven = 0;
	/** Milliseconds that checking has taken: hashing, and signatures. */
	readonly spent = { bytes: 0, records: 0 };
	version = 0;
	private hls: Hls | null = null;
	private keys: KeyBook | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private closed = false;
	private video: HTMLVideoElement | null = null;
	/** Whether what the player was given says that nothing follows. */
	private isOver = false;
	/** Whether it is all that is kept of a stream that has ended. */
	private isRecording = false;
	private mendedAt = Number.NEGATIVE_INFINITY;
	/** Whether the player was emptied here, and has not been set going since: until then nobody can have stopped it. */
	private isEmptied = false;
	/** Where it was begun, until it plays there. */
	private from = LATEST;
	private readonly listeners = new Set<() => void>();
	private asked: Promise<void> | null = null;
	private lookedBack = false;
	// By a clock that goes on evenly: the device's own is put right while it plays.
	private begun = performance.now();

	constructor(
		readonly gateway: string,
		readonly name: string,
		readonly live: Live,
	) {}

	get base(): string {
		return `${this.gateway}${pathOf(this.name)}`;
	}
	/** Whose stream it is: as its whole name says, else as the gateway says. */
	get broadcaster(): Address | null {
		return broadcasterOf(this.name) ?? this.status?.broadcaster ?? null;
	}
	get id(): string | null {
		return this.broadcaster && isAddress(this.broadcaster) ? hex(streamId(bytesOf(this.broadcaster), nameOf(this.name))) : null;
	}
	/** What a viewer is told where no picture comes. */
	get message(): Watch["stage"] | Watch["trouble"] {
		return this.stage === "waiting" && this.trouble ? this.trouble : this.stage;
	}
	/** How many segments what is shown is behind the newest that the gateway has. */
	get behind(): number | null {
		const newest = this.status?.newest ?? null;
		return newest === null || this.at === null || this.status?.ended ? null : Math.max(0, newest - this.at);
	}
	/** How many renditions the network makes: as what was signed last says, for a gateway could pass off others as them. */
	private get made(): number | undefined {
		const signed = [...this.segments.values()].filter((segment) => segment.signed).at(-1);
		return signed?.record.receipt.outputs?.length ?? this.status?.renditions.length;
	}
	/** Whether a rendition's number is that of what the broadcaster sent. */
	isSource = (rendition: number): boolean => rendition === this.made;
	/** Whether it is that of a rendition of the publisher's own, which no judge looks at. */
	isOwn = (rendition: number): boolean => rendition > (this.made ?? Infinity);
	get trust(): Trust {
		if (this.refused.length) return "refused";
		if (this.unproven.size) return "unchecked";
		return this.checkedCount ? "checked" : "waiting";
	}

	/** The part of the time since the stream was opened that checking has taken. */
	get cost(): number {
		return (this.spent.bytes + this.spent.records) / Math.max(1, performance.now() - this.begun);
	}

	start(video: HTMLVideoElement): void {
		this.begun = performance.now();
		this.video = video;
		video.addEventListener("playing", () => this.say(""));
		// What was stopped stays so when a line comes back or a stream goes on, also where it was stopped before anything
		// came. At its end a stream stops by itself, and so may one that is begun anew, or that nobody sees.
		video.addEventListener("play", () => {
			video.autoplay = true;
			this.isEmptied = false;
		});
		video.addEventListener("pause", () => void (video.autoplay &&= video.ended || this.isEmptied || document.hidden));
		void this.live.start();
		void this.play(video);
		void this.poll();
	}

	close(): void {
		this.closed = true;
		clearTimeout(this.timer);
		this.hls?.destroy();
		this.hls = null;
	}

	choose(level: number): void {
		this.chosen = level;
		if (this.hls) this.hls.nextLevel = level;
		this.changed();
	}

	goLive(video: HTMLVideoElement): void {
		if (this.isOver && this.status?.ended === false) {
			video.autoplay = true;
			this.again(0);
			return;
		}
		const edge = this.hls?.liveSyncPosition ?? video.duration;
		if (edge !== null && Number.isFinite(edge)) video.currentTime = edge;
		void video.play().catch(() => undefined);
	}

	latency(): number | null {
		const value = this.hls?.latency ?? 0;
		return value > 0 && !this.status?.ended ? value : null;
	}

	/** Where a recording goes on that is begun anew: a player that was emptied stands at nothing, wherever it was. */
	private place(video: HTMLVideoElement): number {
		return this.isRecording ? video.currentTime || this.from : LATEST;
	}

	/** Begins anew: at a time of what the gateway has then, or at its end. */
	private again(pause: number, at = LATEST): void {
		this.from = at;
		this.isEmptied = true;
		this.hls?.destroy();
		this.hls = null;
		clearTimeout(this.timer);
		const { video } = this;
		if (video && !this.closed) this.timer = setTimeout(() => void this.play(video, at), pause);
	}

	private async play(video: HTMLVideoElement, at = LATEST): Promise<void> {
		const found = await import("hls.js/light").catch(() => null);
		if (this.closed) return;
		// On a bad line the player itself may not come.
		if (!found) {
			this.again(AGAIN, at);
			return;
		}
		const { default: Hls } = found;
		if (!Hls.isSupported()) {
			this.say("unsupported");
			return;
		}
		const watch = this;
		const Loader = Hls.DefaultConfig.loader;
		type Load = Parameters<InstanceType<typeof Loader>["load"]>;
		/** Asks for nothing but what `isOurs`, and hands on what `fault` finds nothing in. */
		const checked = (isOurs: (url: string) => boolean, fault: (url: string, data: never) => Promise<string | null>) =>
			class extends Loader {
				override load(...[context, config, callbacks]: Load): void {
					const refuse = (text: string, of = context, details: Parameters<typeof callbacks.onError>[2] = null) => callbacks.onError({ code: 0, text }, of, details, this.stats);
					if (!isOurs(context.url)) {
						watch.refuse(null, "Playlist");
						queueMicrotask(() => refuse("refused: it is not of this stream"));
						return;
					}
					super.load(context, config, {
						...callbacks,
						onSuccess: (response, stats, of, details) => {
							fault(of.url, response.data as never).then(
								(found) => (found ? refuse(`refused: ${found}`, of, details) : callbacks.onSuccess(response, stats, of, details)),
								// Its record could not be had. A player that is told nothing would wait for ever.
								(error) => refuse(String(error), of, details),
							);
						},
					});
				}
			};
		const hls = new Hls({
			maxLiveSyncPlaybackRate: 1.5,
			// In seconds: the playlist's target duration is the longest that a segment may ever have, three
			// of which would be far behind the stream.
			liveSyncDuration: 4,
			liveMaxLatencyDuration: 30,
			backBufferLength: 30,
			startPosition: at,
			fLoader: checked((url) => segmentOf(this.base, url) !== null, (url, data: ArrayBuffer) => this.check(url, data)) as never,
			pLoader: checked(
				(url) => isPlaylist(this.base, url),
				async (url, text: string) => {
					if (isOrdered(text, renditionOf(url))) return null;
					this.refuse(null, "Playlist");
					return "Playlist";
				},
			) as never,
		});
		this.hls = hls;
		hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => {
			this.levels = levels.map(({ width, height, bitrate, uri }, index) => ({
				index,
				rendition: renditionOf(uri) ?? index,
				width,
				height,
				kbps: Math.round(bitrate / 1000),
			}));
			// What was chosen stays so, where the stream still has it.
			if (this.chosen >= levels.length) this.chosen = -1;
			if (this.chosen >= 0) hls.loadLevel = this.chosen;
			this.say("");
			if (video.autoplay) video.play().catch((error) => error?.name === "NotAllowedError" && this.say("press"));
		});
		hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
			this.isOver = !details.live;
			this.isRecording = /\/recording-\d+\.m3u8$/.test(details.url);
		});
		hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
			this.playing = level;
			this.changed();
		});
		hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => {
			this.at = segmentOf(this.base, frag.url)?.seq ?? null;
			this.from = LATEST;
			this.changed();
		});
		hls.on(Hls.Events.ERROR, (_, { fatal, type, frag, details }) => {
			if (!fatal || this.closed) return;
			if (type === Hls.ErrorTypes.MEDIA_ERROR) {
				const now = performance.now();
				const isNew = now - this.mendedAt > MENDED;
				this.mendedAt = now;
				if (isNew) {
					this.from = this.place(video);
					this.isEmptied = true;
					hls.recoverMediaError();
					return;
				}
				// Mended for nothing: pictures that a browser cannot show would else be asked for without end.
				this.say("broken");
				this.again(MENDED, this.place(video));
				return;
			}
			const seq = frag && segmentOf(this.base, frag.url)?.seq;
			if (frag && details === Hls.ErrorDetails.FRAG_LOAD_ERROR && this.refused.some((one) => one.seq === seq)) {
				// What was refused is passed over, and never shown.
				const next = frag.start + frag.duration + 0.05;
				hls.startLoad(next);
				if (video.currentTime < next) video.currentTime = next;
				return;
			}
			this.say("waiting");
			this.again(AGAIN, this.place(video));
		});
		hls.loadSource(`${this.base}/index.m3u8`);
		this.isEmptied = true;
		hls.attachMedia(video);
	}

	private refuse(seq: number | null, fault: Fault, played = false): void {
		this.refused = [...this.refused, { seq, fault, played }].slice(-20);
		this.refusedCount++;
		this.changed();
	}

	/** What is wrong with the bytes of a segment, if anything. */
	private async check(url: string, data: ArrayBuffer): Promise<Fault | null> {
		const { rendition, seq } = segmentOf(this.base, url) ?? { rendition: 0, seq: -1 };
		// The chain tells whose keys are whose. Without it nothing is proven, and that is said. It is waited
		// for once: a picture that stops would tell less.
		const chain = await Promise.race([
			this.live.start(),
			new Promise<null>((resolve) => setTimeout(() => resolve(null), Math.max(0, this.begun + PATIENCE - performance.now()))),
		]);
		const bytes = new Uint8Array(data);
		const segment = await this.recordOf(seq);
		let fault: Fault | null = segment ? null : "NoRecord";
		if (segment) {
			const begun = performance.now();
			fault = await checkBytes(bytes, signedOf(segment.record, rendition));
			this.spent.bytes += performance.now() - begun;
			if (!fault && chain) {
				if (segment.signed === null) await this.judge(segment, chain);
				fault = segment.fault ?? (segment.signed ? await this.judgeOwn(segment, rendition) : null);
			}
			segment.bytes.set(rendition, !fault);
		}
		if (fault) this.refuse(seq, fault);
		else if (segment?.signed) {
			this.checkedCount++;
			this.checkedBytes += bytes.length;
		} else this.unproven.set(seq, bytes.length);
		this.changed();
		return fault;
	}

	private async judge(segment: Segment, chain: Chain): Promise<void> {
		const { status } = this;
		if (!status || segment.signed !== null) return;
		this.keys ??= new KeyBook(chain, () => this.live.head?.hash ?? "");
		const begun = performance.now();
		try {
			const expected = { genesis: unhex(chain.genesis), broadcaster: broadcasterOf(this.name) ?? status.broadcaster, name: nameOf(this.name) };
			segment.fault = await checkRecord(segment.record, expected, this.keys, this.job ?? undefined);
			for (const rendition of segment.bytes.keys()) segment.fault ??= await this.judgeOwn(segment, rendition);
			segment.signed = segment.fault === null;
			// What was played while the chain was away is proven, or called out, afterwards.
			const played = this.unproven.get(segment.seq);
			if (played !== undefined && this.unproven.delete(segment.seq)) {
				if (segment.fault) this.refuse(segment.seq, segment.fault, true);
				else {
					this.checkedCount++;
					this.checkedBytes += played;
				}
			}
		} catch {
			// The chain does not answer: nobody could look.
		} finally {
			this.spent.records += performance.now() - begun;
		}
	}

	/** What is wrong with the signature of an own rendition, if the number is that of one. */
	private async judgeOwn({ record }: Segment, rendition: number): Promise<Fault | null> {
		const { broadcaster, keys } = this;
		return broadcaster && keys ? checkOwn(record, rendition, broadcaster, keys) : null;
	}

	/** What was signed of a segment, where the gateway has it. */
	private async recordOf(seq: number): Promise<Segment | undefined> {
		if (!this.segments.has(seq)) await this.asked?.catch(() => undefined);
		if (!this.segments.has(seq)) await this.learn(seq);
		return this.segments.get(seq);
	}

	/** Learns the records from one seq on, after whatever is being learned: that may be of others. */
	private async learn(from: number): Promise<void> {
		while (this.asked) await this.asked.catch(() => undefined);
		this.asked = this.fetchRecords(from).finally(() => (this.asked = null));
		await this.asked;
	}

	private async fetchRecords(from: number): Promise<void> {
		if (!this.status) await this.fetchStatus();
		const response = await fetch(`${this.base}/records/${from}.scale`, { signal: AbortSignal.timeout(ANSWER) });
		if (response.status === 404) return;
		// Who is too busy to answer has forged nothing.
		if (!response.ok) throw new Error(`no records: ${response.status}`);
		for (const record of readRecords(new Uint8Array(await response.arrayBuffer()))) {
			const seq = Number(record.header.seq);
			// One from beyond the newest would have all that comes until then taken for known.
			if (this.segments.has(seq) || seq > Math.max(from + RECORDS - 1, this.status?.newest ?? 0)) continue;
			this.segments.set(seq, { seq, record, signed: null, fault: null, bytes: new Map() });
		}
		// Those that were learned first go first, not those with the lowest numbers: who goes back in a
		// recording is about to play these.
		for (const seq of this.segments.keys()) {
			if (this.segments.size <= KEEP) break;
			this.segments.delete(seq);
			if (this.unproven.delete(seq)) this.neverProven++;
		}
	}

	private async fetchStatus(): Promise<void> {
		const response = await fetch(`${this.base}/status`, { signal: AbortSignal.timeout(ANSWER) }).catch((error) => {
			this.trouble = "away";
			throw error;
		});
		this.trouble = response.ok ? "" : response.status === 404 ? "nostream" : "failing";
		if (!response.ok) return;
		const status: Status = await response.json();
		// Numbers that nothing can be counted to would be counted to for ever.
		if (status.newest != null && !Number.isSafeInteger(status.newest)) throw new Error("no such segment can be");
		if (!Number.isSafeInteger(status.job) || status.job < 0) throw new Error("no such job can be");
		const goesOn = this.status?.ended && !status.ended;
		this.status = status;
		// Who has seen all of what had ended sees what follows. Who is in the midst of it is left there.
		if (goesOn && this.isOver && this.video?.ended) this.again(0);
	}

	/** Reads the stream's job as the chain has it: a gateway that named another's would show what became of that. */
	private async readJob({ job }: Status, head: Hash): Promise<void> {
		const { id, live } = this;
		if (!id) return;
		const number = (await live.read("job_of_stream", [id], head)) ?? BigInt(job);
		const found = await live.read("job", [number], head);
		const isOurs = found?.stream === id;
		this.job = found && isOurs ? found : null;
		this.jobId = found && !isOurs ? null : number;
	}

	/** Follows the stream's state; segments that are not played are shown too. */
	private async poll(): Promise<void> {
		if (this.closed) return;
		try {
			await this.fetchStatus();
			const { status, live } = this;
			if (status?.newest != null) {
				const newest = Math.max(-1, ...this.segments.keys());
				// A page that has just opened looks back for some minutes.
				const from = this.lookedBack ? Math.max(newest + 1, status.newest - RECORDS + 1) : status.newest - LOOK_BACK + 1;
				for (let seq = Math.max(0, from); seq <= status.newest; seq += RECORDS) await this.learn(seq);
				this.lookedBack = true;
				if (live.chain && live.head) {
					await this.readJob(status, live.head.hash);
					// A page that opens looks at many: curves take a slow phone longer than all else.
					for (const segment of [...this.segments.values()].filter(({ signed }) => signed === null)) {
						await breath();
						await this.judge(segment, live.chain);
					}
				}
			}
			this.changed();
		} catch {
			// The next poll tries again.
			this.changed();
		}
		const pause = document.hidden || this.status?.ended ? 4_000 : this.trouble ? 2_000 : 1_000;
		if (!this.closed) setTimeout(() => void this.poll(), pause);
	}

	subscribe(listener: () => void): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	private say(stage: Watch["stage"]): void {
		this.stage = stage;
		this.changed();
	}

	private changed(): void {
		this.version++;
		for (const listener of this.listeners) listener();
	}
}
