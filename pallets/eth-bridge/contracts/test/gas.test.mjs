// What the bridge costs on Ethereum: what docs/bridge.md says, and no more than it is allowed to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { measure, rows, stored } from "../scripts/gas.mjs";

test("gas is what the tables say, and within its bounds on Osaka and Amsterdam", async () => {
	const columns = await measure([21, 144]);
	const { sizes, paid } = rows(columns);
	const table = stored().split("\n");
	for (const row of [...sizes, ...paid]) assert.ok(table.includes(row), `run make bench-gas: ${row}`);
	for (const { sizes, payments } of Object.values(columns)) {
		const within = [
			[sizes[21].commit, 150_000],
			[sizes[21].handover, 170_000],
			[sizes[144].commit, 600_000],
			[sizes[144].handover, 600_000],
			[payments["deposit 0"], 90_000],
			[payments["deposit 1"], 90_000],
			[payments["withdrawal 0"], 100_000],
			[payments["withdrawal 1"], 100_000],
			[payments["fee 1"], 100_000],
			[payments["new 0"], 280_000],
			[payments["new 1"], 280_000],
		];
		for (const [gas, bound] of within) assert.ok(gas <= bound, `${gas} gas, not ${bound}`);
	}
});
