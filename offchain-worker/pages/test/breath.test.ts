import assert from "node:assert/strict";
import { test } from "node:test";
import { breath } from "../src/chain/breath";

/** Works for 3 ms at a time, sixty times, and counts how often something else had its turn meanwhile. */
async function work(): Promise<number> {
	let turns = 0;
	const other = setInterval(() => turns++, 1);
	for (let piece = 0; piece < 60; piece++) {
		await breath();
		const until = performance.now() + 3;
		while (performance.now() < until);
	}
	clearInterval(other);
	return turns;
}

test("work that goes on for long should let others have their turn, where somebody looks", async () => {
	const turns = await work();
	assert.ok(turns >= 3, `${turns} turns`);
	Object.assign(document, { hidden: true });
	assert.equal(await work(), 0);
	Object.assign(document, { hidden: false });
});
