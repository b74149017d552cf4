import assert from "node:assert/strict";
import { test } from "node:test";
import { Chain } from "../src/chain/chain";
import type { Asks } from "../src/chain/rpc";

test("attack metadata that a node told is taken for a light client's", async () => {
	const kept = new Map([["livepeer.metadata", "/chain 0x01/7 0x0104ff"]]);
	Object.defineProperty(globalThis, "localStorage", { value: { getItem: (name: string) => kept.get(name) ?? null, setItem: () => undefined }, configurable: true });
	for (const [source, asks] of [
		["/chain", false],
		["http://127.0.0.1:9944", true],
		["light", true],
	] as const) {
		const asked: string[] = [];
		const rpc: Asks = {
			source,
			ask: async (method, ...params) => {
				asked.push(`${method} ${params[0]}`);
				return (method === "state_getRuntimeVersion" ? { specVersion: 7 } : method === "state_call" ? "0x0104ff" : "0x01") as never;
			},
		};
		// Neither is metadata that could be read.
		await assert.rejects(Chain.connect(rpc));
		assert.equal(asked.includes("state_call Metadata_metadata_at_version"), asks, source);
	}
});
