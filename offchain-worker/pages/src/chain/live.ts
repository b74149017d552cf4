/** The chain as it goes on: heads, events of the newest blocks, and what the pages read at each head. */
import { keep, kept } from "../ui/kept";
import type { Chain } from "./chain";
import { claimsOf, type Claim } from "./claims";
import { isAnswer, Rpc, type Asks } from "./rpc";
import type * as T from "./types";

/** Blocks whose events are kept, and how many events of them: whoever fills blocks would else fill the memory of who watches. */
const KEEP = 900;
const MOST_EVENTS = 50_000;
/** Blocks that are read when a page opens. */
const LOOK_BACK = 150;
/** The same of a light client, which asks for each of them by its own. */
const LOOK_BACK_LIGHT = 40;
const KEY = "livepeer.node";

interface Block {
	number: number;
	hash: T.Hash;
	events: T.ChainEvent[];
}

/** The newest blocks, as many as are kept: fewer where they are full of events, and always one. */
export function newestOf<B extends { events: unknown[] }>(blocks: B[]): B[] {
	let from = blocks.length;
	for (let events = 0; from > 0 && blocks.length - from < KEEP; from--) {
		events += blocks[from - 1]?.events.length ?? 0;
		if (events > MOST_EVENTS && from < blocks.length) break;
	}
	return blocks.slice(from);
}

/** The first of the blocks that follow one another up to the newest: a page that slept has not read those before it. */
export function unbroken(blocks: { number: number }[]): number {
	let since = blocks.at(-1)?.number ?? Number.POSITIVE_INFINITY;
	for (const { number } of [...blocks].reverse()) {
		if (number < since - 1) break;
		since = number;
	}
	return since;
}

/** A node of the reader's own that is asked instead of the gateway's. */
export const ownNode = (): string | null => kept(KEY);
export const setOwnNode = (url: string | null): void => keep(KEY, url);

export class Live {
	chain: Chain | null = null;
	head: T.Head | null = null;
	/** When it came, by the browser's time since the page was opened, in ms. */
	headAt = 0;
	finalized = 0;
	clock: T.Clock | null = null;
	timing: T.Timing | null = null;
	/** Whether the protocol's clock stands, as of the newest block: the chain is closed, and no deadline comes nearer. */
	stands = false;
	error: string | null = null;
	/** Grows with whatever changes. */
	version = 0;
	blocks: Block[] = [];
	private claims_: { newest: T.Hash; claims: Map<string, Claim> } | null = null;
	private readonly listeners = new Set<() => void>();
	private connecting: Promise<Chain> | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private readonly cache = new Map<string, { head: T.Hash; value: Promise<unknown> }>();
	private stopped = false;
	private finalHash = "";

	private door: Promise<Asks> | null = null;
	/** What is done when the node is back with another chain, as of a network that was begun anew: all that is known is of the old one. */
	onOther: () => void = () => undefined;

	/** A chain that is read by `url`, or by a light client, where one is given. */
	constructor(
		readonly url: string,
		private readonly light?: () => Promise<Asks>,
	) {}

	/** Begins to follow the chain; the promise is that of the first connection. */
	start(): Promise<Chain> {
		this.stopped = false;
		if (!this.connecting) {
			this.connecting = this.connect();
			void this.connecting.then(
				() => this.follow(),
				() => undefined,
			);
		}
		return this.connecting;
	}

	stop(): void {
		this.stopped = true;
		clearTimeout(this.timer);
	}

	private async connect(): Promise<Chain> {
		for (;;) {
			try {
				// Loaded apart, so that the page is there before its codecs are.
				const { Chain } = await import("./chain");
				this.door ??= this.light ? this.light() : Promise.resolve(new Rpc(this.url));
				this.door.catch(() => (this.door = null));
				this.chain = await Chain.connect(await this.door);
				this.head = await this.chain.head();
				this.headAt = performance.now();
				this.timing = await this.chain.read("timing", [], this.head.hash);
				this.error = null;
				this.changed();
				return this.chain;
			} catch (error) {
				this.error = error instanceof Error ? error.message : String(error);
				this.changed();
				if (this.stopped) throw error;
				await new Promise((resolve) => setTimeout(resolve, 2_000));
			}
		}
	}

	private async follow(): Promise<void> {
		const slot = Number(this.timing?.slot_duration ?? 6_000n);
		const pause = Math.min(1_500, Math.max(500, slot / 3));
		let first = true;
		while (!this.stopped) {
			try {
				await this.step(first);
				first = false;
				if (this.error) {
					const { chain } = this;
					if (chain && (await chain.hashAt(0)) !== chain.genesis) this.onOther();
					this.error = null;
					this.changed();
				}
			} catch (error) {
				this.error = error instanceof Error ? error.message : String(error);
				this.changed();
			}
			// A page that nobody looks at asks less.
			const hidden = typeof document !== "undefined" && document.hidden;
			await new Promise((resolve) => (this.timer = setTimeout(resolve, hidden ? 4 * pause : pause)));
		}
	}

	private async step(first: boolean): Promise<void> {
		const chain = this.chain as Chain;
		const [newest, finalHash] = await Promise.all([chain.head(), chain.finalized()]);
		if (finalHash !== this.finalHash) {
			this.finalized = (await chain.head(finalHash)).number;
			this.finalHash = finalHash;
		}
		const known = this.blocks.at(-1);
		if (known?.hash === newest.hash) {
			this.changed();
			return;
		}
		// The runtime with each block: those of another are read by its own metadata only. The block itself by its hash:
		// the newest header may be that of another fork than the block of its number.
		const [head] = await Promise.all([chain.head(newest.hash), chain.refresh(newest.hash)]);
		// Back to the newest block that is known, or as far as a page looks.
		const byNumber = new Map(this.blocks.map((block) => [block.number, block.hash]));
		const missing: { number: number; hash: T.Hash }[] = [];
		const lookBack = this.light ? LOOK_BACK_LIGHT : LOOK_BACK;
		if (first && !known && !this.light) {
			const from = Math.max(1, head.number - LOOK_BACK + 1);
			const numbers = Array.from({ length: head.number - from + 1 }, (_, i) => from + i);
			const hashes = await Promise.all(numbers.map((number) => chain.hashAt(number)));
			// A node that has synchronised by a state alone has no blocks from before that.
			numbers.forEach((number, i) => hashes[i] && missing.push({ number, hash: hashes[i] }));
		} else {
			let at: T.Head = head;
			while (byNumber.get(at.number) !== at.hash && at.number > 0 && missing.length < lookBack) {
				missing.unshift({ number: at.number, hash: at.hash });
				at = await chain.head(at.parent);
			}
		}
		const block = async ({ number, hash }: { number: number; hash: T.Hash }): Promise<Block> => ({
			number,
			hash,
			// Of one that the node has no state of, or a longer list than a gateway passes on, nothing is to be had.
			events: await chain.events(number, hash).catch((error) => {
				if (!isAnswer(error)) throw error;
				return [];
			}),
		});
		const [clock, fresh] = await Promise.all([chain.read("clock", [], head.hash), Promise.all(missing.map(block))]);
		const from = fresh[0]?.number ?? head.number + 1;
		this.blocks = newestOf([...this.blocks.filter(({ number }) => number < from), ...fresh]);
		if (this.clock && this.head && head.number > this.head.number) this.stands = clock.block === this.clock.block;
		this.head = head;
		this.headAt = performance.now();
		this.clock = clock;
		this.changed();
	}

	/** Events of the blocks that are kept, oldest first. */
	*events(): Generator<T.ChainEvent> {
		for (const { events } of this.blocks) yield* events;
	}

	claims(): Map<string, Claim> {
		const newest = this.blocks.at(-1)?.hash ?? "";
		if (this.claims_?.newest !== newest) this.claims_ = { newest, claims: claimsOf(this.events()) };
		return this.claims_.claims;
	}

	/** A read at the newest head, once for all who want it. */
	read: Chain["read"] = ((method: never, args: unknown[], at?: T.Hash) => {
		const { chain, head } = this;
		if (!chain || !head) return Promise.reject(new Error("not connected"));
		const name = `${method as string} ${args.map((arg) => (typeof arg === "object" ? JSON.stringify(arg) : String(arg))).join()}`;
		const found = this.cache.get(name);
		if (found && found.head === (at ?? head.hash)) return found.value;
		const value = chain.read(method, args as never, at ?? head.hash);
		this.cache.set(name, { head: at ?? head.hash, value });
		value.catch(() => this.cache.delete(name));
		if (this.cache.size > 400) this.cache.delete(this.cache.keys().next().value as string);
		return value;
	}) as Chain["read"];

	/** The block by which the protocol counts its deadlines: its clock stands while the chain is closed, and falls behind the height. */
	get now(): number {
		return this.clock?.block ?? this.head?.number ?? 0;
	}

	/** Seconds until a block of the protocol's clock comes, none where it has come; `null` while that is not known. */
	left(block: number): number | null {
		return this.clock && Math.max(0, block - this.clock.block) * this.slotSeconds();
	}

	slotSeconds(): number {
		return Number(this.timing?.slot_duration ?? 6_000n) / 1_000;
	}

	subscribe(listener: () => void): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	private changed(): void {
		this.version++;
		for (const listener of this.listeners) listener();
	}
}
