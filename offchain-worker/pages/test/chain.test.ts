import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { v15 } from "@polkadot-api/substrate-bindings";
import { Chain } from "../src/chain/chain";
import type { Asks } from "../src/chain/rpc";
import { compact, concat, hex, text, uint } from "../src/proof/scale";

const optional = (bytes: Uint8Array): Uint8Array => concat(Uint8Array.of(1), compact(bytes.length), bytes);
const built = (): Uint8Array => new Uint8Array(readFileSync("../chain/metadata.scale"));
/** What the worker was built for, as a runtime answers it: an option of bytes. */
const answered = (): Uint8Array => optional(built());
/** The same, of a runtime that says which version it is. */
function answeredBy(version: number): Uint8Array {
	const { pallets, ...rest } = v15.dec(built().slice(5));
	const value = hex(concat(text("livepeer"), text("livepeer"), uint(1, 4), uint(version, 4)));
	const [first] = pallets;
	assert.ok(first);
	const system = { ...first, name: "System", constants: [{ name: "Version", type: 0, value, docs: [] }] };
	return optional(concat(built().slice(0, 5), v15.enc({ ...rest, pallets: [...pallets, system] })));
}
/** Bytes as a browser keeps them. */
const letters = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const later = globalThis.setTimeout;
/** What a browser keeps once `learn` is over; what comes later comes at once. It is metadata without events, of which no page is made. */
async function keptAfter(context: { after(over: () => void): void }, learn: () => Promise<unknown>, before?: string): Promise<string> {
	context.after(() => void Object.assign(globalThis, { setTimeout: later }));
	Object.assign(globalThis, { setTimeout: (call: () => void) => setImmediate(call) });
	const kept = new Map<string, string>(before === undefined ? [] : [["livepeer.metadata", before]]);
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

test("metadata that a browser kept wrong should be asked for again, and not at the next version only", async (context) => {
	const right = `/chain 0x01/8 ${letters(answeredBy(8))}`;
	for (const [kept, times] of [
		[right, 0],
		// Of another runtime than it is kept for, cut off, and nothing at all.
		[`/chain 0x01/8 ${letters(answeredBy(7))}`, 1],
		[right.slice(0, -9), 1],
		["/chain 0x01/8 ", 1],
	] as const) {
		let asked = 0;
		const rpc: Asks = {
			source: "/chain",
			ask: async (method) => (method === "state_getRuntimeVersion" ? { specVersion: 8 } : "0x01") as never,
			metadata: async () => {
				asked++;
				return answeredBy(8);
			},
		};
		assert.equal(await keptAfter(context, () => Chain.connect(rpc), kept), right);
		assert.equal(asked, times);
	}
});

test("metadata of another runtime than it was asked for should be taken from nobody who stands between", async (context) => {
	const rpc: Asks = {
		source: "/chain",
		ask: async (method) => (method === "state_getRuntimeVersion" ? { specVersion: 8 } : method === "state_call" ? hex(answeredBy(8)) : "0x01") as never,
		metadata: async () => answeredBy(7),
	};
	assert.equal(await keptAfter(context, () => Chain.connect(rpc)), `/chain 0x01/8 ${letters(answeredBy(8))}`);
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
	const kept = new Map([["livepeer.metadata", `/chain 0x01/7 ${letters(answered())}`]]);
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
		// Neither is metadata of which a page is made.
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

test("LPT that pays a fee should be what neither is frozen nor keeps the account", async () => {
	const constants = [{ name: "ExistentialDeposit", value: hex(uint(10, 16)) }];
	const spendable = (data: object | undefined) =>
		Object.assign(Object.create(Chain.prototype) as Chain, { metadata: { pallets: [{ name: "Balances", constants }] }, storage: async () => data && { data } } as object).spendable("5", "0x");
	assert.equal(await spendable(undefined), 0n, "an account that has ETH alone");
	assert.equal(await spendable({ free: 100n, frozen: 0n, reserved: 0n }), 90n);
	assert.equal(await spendable({ free: 100n, frozen: 60n, reserved: 0n }), 40n);
	assert.equal(await spendable({ free: 100n, frozen: 60n, reserved: 55n }), 90n);
	assert.equal(await spendable({ free: 9n, frozen: 0n, reserved: 500n }), 0n);
});

test("events of another runtime than the page knows should not hold it up", async () => {
	const chain = Object.create(Chain.prototype) as Chain;
	const dec = () => {
		throw new Error("not of this runtime");
	};
	Object.assign(chain, { rpc: { ask: async () => "0x04" }, events_: { keys: { enc: () => "0x" }, value: { dec } } });
	assert.deepEqual(await chain.events(7, "0x07"), []);
});
