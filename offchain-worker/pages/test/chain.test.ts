import assert from "node:assert/strict";
import { test } from "node:test";
import { Chain } from "../src/chain/chain";
import type { Asks } from "../src/chain/rpc";

test("metadata should be remembered as it was told", async (context) => {
	// What comes later comes at once here.
	const { setTimeout } = globalThis;
	context.after(() => void Object.assign(globalThis, { setTimeout }));
	Object.assign(globalThis, { setTimeout: (call: () => void) => setImmediate(call) });
	const kept = new Map<string, string>();
	Object.defineProperty(globalThis, "localStorage", { value: { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => kept.set(name, text) }, configurable: true });
	const told = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251);
	const rpc: Asks = { source: "/chain", ask: async (method) => (method === "state_getRuntimeVersion" ? { specVersion: 7 } : "0x01") as never, metadata: async () => told };
	// It is none that could be read.
	await assert.rejects(Chain.connect(rpc));
	for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
	const text = kept.get("livepeer.metadata") ?? "";
	assert.ok(text.startsWith("/chain 0x01/7 "));
	assert.deepEqual(Uint8Array.from(text.slice(14), (letter) => letter.charCodeAt(0)), told);
});

test("attack metadata that a node told is taken for a light client's", async () => {
	const kept = new Map([["livepeer.metadata", "/chain 0x01/7 \u0001\u0004\u00ff"]]);
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

test("what a job has used should be what was put in, less what is left of it", async () => {
	const chain = Object.create(Chain.prototype) as Chain;
	const used = (stored: unknown, job: object) => Object.assign(chain, { storage: async () => stored }).used({ id: 7n, unreserved: 60n, ...job } as never, "0x");
	assert.equal(await used({ funded: 110n, bond: 10n }, { current: { allowance: 25n } }), 15n);
	assert.equal(await used({ funded: 110n, bond: 10n }, {}), 40n);
	assert.equal(await used(undefined, {}), undefined);
});

test("events of another runtime than the page knows should not hold it up", async () => {
	const chain = Object.create(Chain.prototype) as Chain;
	const dec = () => {
		throw new Error("not of this runtime");
	};
	Object.assign(chain, { rpc: { ask: async () => "0x04" }, events_: { keys: { enc: () => "0x" }, value: { dec } } });
	assert.deepEqual(await chain.events(7, "0x07"), []);
});
