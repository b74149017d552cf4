import assert from "node:assert/strict";
import { test } from "node:test";
import { beginnings, booked, earnings, type Beginning } from "../src/chain/earnings";
import { unbroken } from "../src/chain/live";
import { RpcError } from "../src/chain/rpc";
import type { ChainEvent } from "../src/chain/types";

const event = (block: number, name: string, data: unknown): ChainEvent => ({ block, hash: "0x", index: 0, extrinsic: 0, pallet: "LptStaking", name, data });
const begins = (round: number, bond: bigint, fees = 0n): Beginning => ({ round, block: 30 * round, bond, fees, yielded: 3n });

test("what was put in and taken out should be no earnings", () => {
	const events = [
		event(30, "Bonded", { who: "a", amount: 1_000n }),
		event(31, "Bonded", { who: "a", amount: 50n }),
		event(32, "Bonded", { who: "b", amount: 7n }),
		event(40, "Unbonded", { who: "a", amount: 20n }),
		event(60, "Rebonded", { who: "a", amount: 20n }),
		event(70, "BondTransferred", { from: "b", to: "a", amount: 5n }),
		event(71, "BondTransferred", { from: "a", to: "b", amount: 9n }),
		event(80, "FeesWithdrawn", { who: "a", amount: 30n }),
		event(81, "FeesWithdrawn", { who: "b", amount: 99n }),
	];
	const found = earnings("a", [begins(1, 1_000n), begins(2, 1_055n, 10n), begins(3, 1_000n, 2n)], events, 31);
	assert.deepEqual(found, [
		{ round: 1, stake: 5n, fees: 10n },
		// Slashed by 60.
		{ round: 2, stake: -60n, fees: 22n },
	]);
});

test("fees should be summed up by transcoder, whatever a runtime to come books", () => {
	const fee = (data: unknown) => event(1, "FeeBooked", data);
	const events = [
		fee({ transcoder: "a", to_transcoder: 600n, to_delegators: 400n }),
		fee({ transcoder: "b", to_transcoder: 1n, to_delegators: 0n }),
		fee({ transcoder: "a", to_transcoder: 20n, to_delegators: 3n }),
		fee({ transcoder: "a", to_transcoder: 5n }),
		fee({ transcoder: "b", to_transcoder: 7, to_delegators: { value: 8n } }),
		fee({ to_transcoder: 9n, to_delegators: 9n }),
		fee(null),
		{ ...fee({ transcoder: "a", to_transcoder: 9n, to_delegators: 9n }), pallet: "Other" },
		event(2, "Bonded", { who: "a", amount: 7n }),
	];
	assert.deepEqual([...booked(events)], [["a", 1_028n], ["b", 1n]]);
	assert.deepEqual([...booked([])], []);
	// What was put in is no less odd.
	assert.deepEqual(earnings("a", [begins(1, 5n), begins(2, 9n)], [event(40, "Bonded", { who: "a", amount: 7 })], 0), [{ round: 1, stake: 4n, fees: 0n }]);
});

test("one beginning should make no round", () => {
	assert.deepEqual(earnings("a", [begins(1, 1n)], [], 0), []);
	assert.deepEqual(earnings("a", [], [], 0), []);
});

test("round whose blocks were not all read should have what its seat yielded", () => {
	const events = [event(62, "Bonded", { who: "a", amount: 50n })];
	assert.deepEqual(earnings("a", [begins(1, 1_000n, 9n), begins(2, 1_500n, 2n), begins(3, 1_556n, 7n)], events, 40), [
		{ round: 1, stake: 3n, fees: 0n },
		{ round: 2, stake: 6n, fees: 5n },
	]);
});

test("blocks that a page slept through should not be taken for read: what was put in meanwhile would be earned", () => {
	const of = (...numbers: number[]) => unbroken(numbers.map((number) => ({ number })));
	assert.equal(of(5, 6, 7), 5);
	assert.equal(of(5, 6, 160, 161), 160);
	assert.equal(of(161), 161);
	assert.equal(of(), Number.POSITIVE_INFINITY);
	assert.deepEqual(earnings("a", [begins(1, 1_000n), begins(2, 1_500n)], [], of(29, 30, 50, 51)), [{ round: 1, stake: 3n, fees: 0n }]);
});

/**
 * A chain of rounds of ten blocks, of which states are kept from `kept` on, and which was closed for so many blocks up to
 * a height: who bonds has a hundred LPT, and the seat yields a tenth.
 */
const rounds = (kept: number, closed: (height: number) => number = () => 0) => ({
	hashAt: async (number: number) => String(number),
	read: async (method: string, [account]: string[], at: string) => {
		const block = Number(at);
		if (block < kept) throw new Error("State already discarded");
		const clock = block - closed(block);
		const index = Math.floor(clock / 10);
		if (method === "clock") return { block: clock, round: index, window: 0 };
		if (method === "round") return { index, start: 10 * index, length: 10 };
		const unit = 10n ** 18n;
		if (method === "stake") return account === "nobody" ? { counting: 0n, next_round: 0n, fees: 0n } : { delegate: "t", counting: 100n * unit, next_round: BigInt(block) * unit, fees: 1n };
		return { stake: 1_000n * unit, reward: 120n * unit, per_lpt: unit / 10n, earns: index !== 1 };
	},
});
const look = async (account: string, kept: number, head: number, closed?: (height: number) => number): Promise<{ found: Beginning[]; end: string }> => {
	const found: Beginning[] = [];
	try {
		for await (const one of beginnings(rounds(kept, closed) as never, account, String(head), head)) found.unshift(one);
	} catch (error) {
		return { found, end: String(error) };
	}
	return { found, end: "" };
};

test("beginnings should be found back to the first round, whatever blocks were read", async () => {
	const unit = 10n ** 18n;
	const { found, end } = await look("d", 0, 37);
	assert.equal(end, "");
	assert.deepEqual(
		found.map(({ round, block, bond, yielded }) => [round, block, bond / unit, yielded / unit]),
		// In the round of number 1 the seat did not do its duty.
		[
			[0, 0, 0n, 0n],
			[1, 10, 10n, 10n],
			[2, 20, 20n, 0n],
			[3, 30, 30n, 10n],
		],
	);
	// Who is the transcoder has its cut as well: what the seat gets beyond what those who bonded do.
	assert.equal((await look("t", 0, 37)).found.at(-1)?.yielded, 30n * unit);
	assert.equal((await look("nobody", 0, 37)).found.at(-1)?.yielded, 0n);
});

test("beginnings should be found by height, though the protocol's clock stood", async () => {
	const blocks = async (head: number, closed: (height: number) => number) => {
		const { found, end } = await look("nobody", 0, head, closed);
		assert.equal(end, "");
		return found.map(({ round, block }) => [round, block]);
	};
	// In the midst of a round, at the first block of one, and for longer than any round.
	const within = (from: number, count: number) => (height: number) => Math.min(count, Math.max(0, height - from));
	assert.deepEqual(await blocks(44, within(23, 7)), [[0, 0], [1, 10], [2, 20], [3, 37]]);
	assert.deepEqual(await blocks(44, within(20, 7)), [[0, 0], [1, 10], [2, 20], [3, 37]]);
	assert.deepEqual(await blocks(1_037, within(19, 1_000)), [[0, 0], [1, 10], [2, 1_020], [3, 1_030]]);
	assert.deepEqual(await blocks(33, within(23, 7)), [[0, 0], [1, 10], [2, 20]]);
});

test("beginnings should end where the node keeps no states", async () => {
	const { found, end } = await look("d", 15, 37);
	assert.deepEqual(found.map(({ round }) => round), [2, 3]);
	assert.match(end, /discarded/);
});

test("gateway that was asked too much should be asked again", async (context) => {
	const { setTimeout } = globalThis;
	context.after(() => void Object.assign(globalThis, { setTimeout }));
	Object.assign(globalThis, { setTimeout: (call: () => void) => setImmediate(call) });
	const chain = rounds(0);
	let refused = 0;
	const busy = { ...chain, read: async (...of: Parameters<typeof chain.read>) => (refused++ < 3 ? Promise.reject(new RpcError(-32_005, "too much")) : chain.read(...of)) };
	const found: number[] = [];
	for await (const { round } of beginnings(busy as never, "nobody", "37", 37)) found.unshift(round);
	assert.deepEqual(found, [0, 1, 2, 3]);
	const never = { ...chain, read: () => Promise.reject(new RpcError(-32_005, "too much")) };
	await assert.rejects(beginnings(never as never, "d", "37", 37).next());
});
