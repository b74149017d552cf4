// What the bridge costs on Ethereum: what docs/bridge.md says, and no more than it is allowed to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BOUNDS, measure, rows, stored } from "../scripts/gas.mjs";

test("gas is what the tables say, and within its bounds on Osaka and Amsterdam", async () => {
	const measured = await measure([21, 144]);
	const { sizes, paid } = rows(measured);
	const table = stored().split("\n");
	for (const row of [...sizes, ...paid]) assert.ok(table.includes(row), `run make bench-gas: ${row}`);
	for (const [fork, column] of Object.entries(measured.columns)) {
		for (const [name, bound] of Object.entries(BOUNDS)) {
			assert.ok(column[name] <= bound, `${name} on ${fork}: ${column[name]} gas, not ${bound}`);
		}
	}
});
