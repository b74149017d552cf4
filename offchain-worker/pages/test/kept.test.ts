import assert from "node:assert/strict";
import { test } from "node:test";
import { keep, kept } from "../src/ui/kept";
import { leaveText, seatText } from "../src/views/seats";

test("who lets a page keep nothing should be served for the visit all the same", () => {
	const refuse = (): never => {
		throw new Error("SecurityError");
	};
	for (const storage of [undefined, { getItem: refuse, setItem: refuse, removeItem: refuse }, { getItem: () => null, setItem: refuse, removeItem: () => undefined }]) {
		Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
		assert.equal(kept("a"), null);
		keep("a", "1");
		assert.equal(kept("a"), "1");
		keep("a", null);
		assert.equal(kept("a"), null);
	}
});

test("reason that a newer runtime gives should be told by its name", () => {
	assert.deepEqual(seatText("Elsewhere" as never), ["Elsewhere", "Elsewhere"]);
	assert.deepEqual(leaveText("Elsewhere" as never), ["Elsewhere", "Elsewhere"]);
	assert.equal(seatText("Waits")[0], "waits");
});
