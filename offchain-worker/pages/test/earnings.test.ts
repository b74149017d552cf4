import assert from "node:assert/strict";
import { test } from "node:test";
import { earnings, type Beginning } from "../src/chain/earnings";
import type { ChainEvent } from "../src/chain/types";

const event = (block: number, name: string, data: unknown): ChainEvent => ({ block, hash: "0x", index: 0, extrinsic: 0, pallet: "LptStaking", name, data });
const begins = (round: number, bond: bigint, fees = 0n): Beginning => ({ round, block: 30 * round, bond, fees });

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
	const found = earnings("a", [begins(1, 1_000n), begins(2, 1_055n, 10n), begins(3, 1_000n, 2n)], events);
	assert.deepEqual(found, [
		{ round: 1, stake: 5n, fees: 10n },
		// Slashed by 60.
		{ round: 2, stake: -60n, fees: 22n },
	]);
});

test("one beginning should make no round", () => {
	assert.deepEqual(earnings("a", [begins(1, 1n)], []), []);
	assert.deepEqual(earnings("a", [], []), []);
});
