import assert from "node:assert/strict";
import { test } from "node:test";
import { roundOf } from "../src/chain/rounds";
import type { ChainEvent } from "../src/chain/types";

const event = (block: number, pallet: string, name: string, data: unknown = {}) => ({ block, pallet, name, data }) as ChainEvent;
const events = [
	event(95, "Jobs", "Claimed"),
	event(100, "Rounds", "NewRound", { round: 7, length: 50, locked_from: 145 }),
	event(101, "Inflation", "RoundPaid", { round: 6, minted: 9n }),
	event(120, "Jobs", "Claimed"),
];
const running = { index: 7, start: 90, length: 50, locked_from: 135 };
const blocks = (of: { events: ChainEvent[] }): number[] => of.events.map(({ block }) => block);

test("round should be told by what its blocks say", () => {
	const now = roundOf(7, events, running);
	assert.deepEqual({ ...now, events: blocks(now) }, { first: 100, length: 50, lockedFrom: 135, over: 140, minted: undefined, events: [100, 101, 120] });
	const over = roundOf(6, events, running);
	assert.deepEqual({ ...over, events: blocks(over) }, { first: undefined, length: undefined, lockedFrom: undefined, over: undefined, minted: 9n, events: [95, 100] });
});

test("running round that began before the blocks that were read should be told all the same: one of a day has thousands", () => {
	const now = roundOf(7, events.slice(2), running);
	assert.deepEqual({ ...now, events: blocks(now) }, { first: undefined, length: 50, lockedFrom: 135, over: 140, minted: undefined, events: [101, 120] });
});

test("round of which nothing was read should be told nothing of", () => {
	for (const round of [5, 9]) assert.deepEqual(roundOf(round, events, running).events, []);
});
