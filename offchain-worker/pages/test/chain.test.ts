import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Chain } from "../src/chain/chain";
import type { Asks } from "../src/chain/rpc";
import { compact, concat, hex } from "../src/proof/scale";

/** What the worker was built for, as a runtime answers it: an option of bytes. */
function answered(): Uint8Array {
	const bytes = new Uint8Array(readFileSync("../chain/metadata.scale"));
	return concat(Uint8Array.of(1), compact(bytes.length), bytes);
}
/** What a browser keeps once `learn` is over; what comes later comes at once. It is metadata without events, of which no page is made. */
async function keptAfter(context: { after(over: () => void): void }, learn: () => Promise<unknown>): Promise<string> {
	const { setTimeout } = globalThis;
	context.after(() => void Object.assign(globalThis, { setTimeout }));
	Object.assign(globalThis, { setTimeout: (call: () => void) => setImmediate(call) });
	const kept = new Map<string, string>();
	Object.defineProperty(globalThis, "localStorage", { value: { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => kept.set(name, text) }, configurable: true });
	await assert.rejects(learn());
	for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
	return kept.get("livepeer.metadata") ?? "";
}

test("metadata should be remembered as it was told", async (context) => {
	const told = answered();
	const rpc: Asks = { source: "/chain", ask: async (method) => (method === "state_getRuntimeVersion" ? { specVersion: 7 } : "0x01") as never, metadata: async () => told };
	const text = await keptAfter(context, () => Chain.connect(rpc));
	assert.ok(text.startsWith("/chain 0x01/7 "));
	assert.deepEqual(Uint8Array.from(text.slice(14), (letter) => letter.charCodeAt(0)), told);
});

test("metadata that cannot be read should not be remembered: no visit would come further", async (context) => {
	const rpc: Asks = { source: "/chain", ask: async (method) => (method === "state_getRuntimeVersion" ? { specVersion: 7 } : "0x01") as never, metadata: async () => answered().slice(0, -9) };
	assert.equal(await keptAfter(context, () => Chain.connect(rpc)), "");
});

test("metadata of a block from before an upgrade should not be taken for that of the newest runtime", async (context) => {
	const rpc: Asks = {
		source: "/chain",
		// Not every block that is asked for was made by the runtime that there is now.
		ask: async (method, ...params) => (method === "state_getRuntimeVersion" ? { specVersion: params.length ? 7 : 8 } : method === "state_call" ? hex(answered()) : "0x01") as never,
		metadata: async () => null,
	};
	assert.ok((await keptAfter(context, () => Chain.connect(rpc))).startsWith("/chain 0x01/7 "));
});

test("runtime whose metadata did not come should be asked for again, and nothing signed under its version meanwhile", async () => {
	const asked: string[] = [];
	const ask = async (method: string) => {
		asked.push(method);
		if (method === "state_call") throw new Error("cut off");
		return { specVersion: 8, transactionVersion: 2 };
	};
	const chain = Object.assign(Object.create(Chain.prototype) as Chain, { spec: { specVersion: 7, transactionVersion: 2 }, genesis: "0x02", rpc: { source: "/chain", ask } });
	for (const times of [1, 2]) {
		await assert.rejects(chain.refresh("0x09"), /cut off/);
		assert.equal(chain.spec.specVersion, 7);
		assert.equal(asked.filter((method) => method === "state_call").length, times);
	}
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
