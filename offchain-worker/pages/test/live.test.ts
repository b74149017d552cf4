import assert from "node:assert/strict";
import { test } from "node:test";
import type { Chain } from "../src/chain/chain";
import { Live, newestOf } from "../src/chain/live";
import { RpcError } from "../src/chain/rpc";

const block = (number: number, events: number) => ({ number, events: Array.from({ length: events }, () => 0) });

test("attack blocks full of events: no more are kept than a browser holds, and the newest always is", () => {
	assert.equal(newestOf(Array.from({ length: 1_000 }, (_, i) => block(i, 3))).length, 900);
	const full = Array.from({ length: 100 }, (_, i) => block(i, 20_000));
	assert.deepEqual(newestOf(full).map(({ number }) => number), [98, 99]);
	assert.deepEqual(newestOf([block(1, 5), block(2, 90_000)]).map(({ number }) => number), [2]);
	assert.deepEqual(newestOf([]), []);
});

const hash = (number: number) => `0x${number}`;
/** A page at a chain of so many blocks, whose node answers so where events are asked for. */
function living(events: (number: number) => Promise<unknown[]>, known: (number: number) => boolean = () => true): { live: Live; step: (first: boolean) => Promise<void>; chain: { height: number; refreshed: string[] } } {
	const chain = {
		height: 5,
		refreshed: [] as string[],
		head: async (of?: string) => ({ number: of ? Number(of.slice(2)) : chain.height, hash: of ?? hash(chain.height), parent: hash((of ? Number(of.slice(2)) : chain.height) - 1) }),
		finalized: async () => hash(1),
		hashAt: async (number: number) => (known(number) ? hash(number) : null),
		refresh: async (at: string) => void chain.refreshed.push(at),
		read: async () => ({ block: chain.height, round: 0, window: 0 }),
		events: (number: number) => events(number),
	};
	const live = new Live("/chain");
	live.chain = chain as never;
	// biome-ignore lint: what it does by itself with each block.
	return { live, step: (first) => (live as any).step(first), chain };
}
const numbers = (live: Live): number[] => live.blocks.map(({ number }) => number);

test("attack block whose events nobody can have: the page goes on without them", async () => {
	for (const code of [-32_008, 4_003]) {
		const { live, step } = living(async (number) => {
			if (number === 3) throw new RpcError(code, "not these");
			return [number];
		});
		await step(true);
		assert.deepEqual(numbers(live), [1, 2, 3, 4, 5]);
		assert.deepEqual(live.blocks.map(({ events }) => events.length), [1, 1, 0, 1, 1]);
		assert.equal(live.head?.number, 5);
	}
});

test("node that is away should not be taken for one that has no events", async () => {
	for (const error of [new RpcError(-32_000, "away"), new RpcError(-32_005, "too much"), new RpcError(502, ""), new RpcError(0, "no answer"), new TypeError("cut off")]) {
		const { live, step } = living(() => Promise.reject(error));
		await assert.rejects(step(true));
		assert.equal(live.blocks.length, 0);
	}
});

test("blocks from before a node's beginning should be left out", async () => {
	const { live, step } = living(async () => [], (number) => number > 3);
	await step(true);
	assert.deepEqual(numbers(live), [4, 5]);
});

test("runtime should be looked at with each block, and a block that comes back be kept", async () => {
	const { live, step, chain } = living(async () => []);
	await step(true);
	chain.height = 7;
	await step(false);
	assert.deepEqual(chain.refreshed, [hash(5), hash(7)]);
	assert.deepEqual(numbers(live), [1, 2, 3, 4, 5, 6, 7]);
	chain.height = 6;
	await step(false);
	assert.deepEqual(numbers(live), [1, 2, 3, 4, 5, 6]);
});

test("deadlines should be counted by the protocol's clock, which stood while the chain was closed", () => {
	const live = new Live("/chain");
	assert.equal(live.now, 0);
	live.head = { number: 900, hash: hash(900), parent: hash(899) };
	assert.equal(live.now, 900);
	assert.equal(live.left(950), null, "the clock is not known yet");
	live.clock = { block: 700, round: 3, window: 9 };
	assert.equal(live.now, 700);
	assert.deepEqual([710, 700, 600].map((block) => live.left(block)), [60, 0, 0]);
});

test("clock that stands while blocks come should be told of, and when it goes on", async () => {
	const { live, step, chain } = living(async () => []);
	let clock = 5;
	Object.assign(chain, { read: async () => ({ block: clock, round: 0, window: 0 }) });
	const told: boolean[] = [];
	// Three blocks of a migration; then one that is open.
	for (const [height, block] of [[5, 5], [6, 5], [7, 5], [7, 5], [8, 5], [9, 6]] as const) {
		[chain.height, clock] = [height, block];
		await step(told.length === 0);
		told.push(live.stands);
	}
	assert.deepEqual(told, [false, true, true, true, true, false]);
});

test("block should stand on its own parent, though another took its place while the newest was asked for", async () => {
	const { live, step, chain } = living(async () => []);
	await step(true);
	chain.height = 7;
	const { head } = live.chain as Chain;
	Object.assign(chain, { head: async (of?: string) => ({ ...(await head(of)), ...(of ? {} : { parent: "0x06" }) }) });
	await step(false);
	assert.deepEqual(live.blocks.slice(-2).map((block) => block.hash), [hash(6), hash(7)]);
});

test("node that is back with another chain should be told of, and no other", async () => {
	for (const [genesis, others] of [
		["0xold", 0],
		["0xnew", 1],
	] as const) {
		const { live } = living(async () => []);
		Object.assign(live.chain as object, { genesis: "0xold", hashAt: async () => genesis });
		let [steps, found] = [0, 0];
		live.onOther = () => void found++;
		// biome-ignore lint: what it does by itself.
		const inner = live as any;
		inner.step = async () => {
			if (++steps === 1) throw new Error("away");
			live.stop();
		};
		void inner.follow();
		for (let turn = 0; turn < 100 && steps < 2; turn++) await new Promise((resolve) => setTimeout(resolve, 50));
		await new Promise((resolve) => setTimeout(resolve, 5));
		assert.equal(found, others, genesis);
	}
});
