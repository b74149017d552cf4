import assert from "node:assert/strict";
import { test } from "node:test";
import { isFree, isMovable, leavesTooLittle, refusedBond } from "../src/chain/bonds";
import type { Lock } from "../src/chain/types";

const bond = { bonded: 500n, delegate: "a", minBond: 10n };

test("each amount that is bonded should be held to the least, also where there is a bond", () => {
	assert.equal(refusedBond(9n, "a", { ...bond, bonded: 0n, delegate: undefined }), "small");
	assert.equal(refusedBond(9n, "a", bond), "small");
	assert.equal(refusedBond(10n, "a", bond), null);
});

test("bond should go to one account, but for one that slashes have left nothing of", () => {
	assert.equal(refusedBond(10n, "b", bond), "elsewhere");
	assert.equal(refusedBond(10n, "b", { ...bond, bonded: 0n }), null);
	assert.equal(refusedBond(10n, "b", { ...bond, bonded: 0n, delegate: undefined }), null);
});

test("bond should be left whole, gone, or with the least", () => {
	assert.equal(leavesTooLittle(490n, bond), false);
	assert.equal(leavesTooLittle(491n, bond), true);
	assert.equal(leavesTooLittle(500n, bond), false);
});

test("stake that moves should be bonded elsewhere before it could be paid out, and neither while claims hold it back", () => {
	const lock = { liable_until: 4, release: 9, held_back: false } as Lock;
	const at = (round: number, held_back = false) => [isMovable({ ...lock, held_back }, round), isFree({ ...lock, held_back }, round)];
	assert.deepEqual(at(3), [false, false]);
	assert.deepEqual(at(4), [true, false]);
	assert.deepEqual(at(9), [true, true]);
	assert.deepEqual(at(9, true), [false, false]);
});
