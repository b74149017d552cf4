import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, claimedAt, looked, proposed, STANDARD } from "../src/chain/prices";
import type { ChainEvent, Transcoder } from "../src/chain/types";

const one = (price: bigint, more: Partial<Transcoder> = {}) => ({ price, active: true, jailed: false, ...more }) as Transcoder;

test("price that is asked should be of those to whom work is offered", () => {
	assert.equal(asked([]), null);
	assert.equal(asked([one(1n, { active: false }), one(2n, { jailed: true })]), null);
	assert.deepEqual(asked([one(30n), one(10n), one(20n), one(1n, { active: false })]), { lowest: 10n, middle: 20n });
	assert.deepEqual(asked([one(10n ** 30n), one(7n), one(10n ** 30n)]), { lowest: 7n, middle: 10n ** 30n });
	assert.deepEqual(asked([one(30n), one(10n)]), { lowest: 10n, middle: 10n });
});

test("attack transcoder that asks a thousandfold, and is paid it by whoever takes what is proposed", () => {
	assert.equal(proposed([one(10n), one(10_000n)]), 20n);
	assert.equal(proposed([one(10_000n), one(30n), one(10n), one(20n, { active: false })]), 60n);
	assert.equal(proposed([one(7n)]), 14n);
	assert.equal(proposed([]), null);
});

test("price of claims should be their fees by their work", () => {
	const claim = (fee: bigint, total_work: bigint, name = "Claimed") => ({ pallet: "Jobs", name, data: { fee, total_work } }) as ChainEvent;
	assert.equal(claimedAt([]), null);
	assert.equal(claimedAt([claim(5n, 0n)]), null);
	assert.equal(claimedAt([claim(12n, 2n * STANDARD), claim(4n, 2n * STANDARD), claim(99n, 1n, "ClaimSettled")]), 4n);
});

test("what is asked should be looked up now and then, and at the newest block", () => {
	const blocks = Array.from({ length: 25 }, (_, i) => ({ number: 8 + i, hash: `0x${i}` }));
	assert.deepEqual(looked(blocks).map(({ number }) => number), [10, 20, 30, 32]);
	assert.deepEqual(looked([]), []);
});
