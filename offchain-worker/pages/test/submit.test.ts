import assert from "node:assert/strict";
import { test } from "node:test";
import type { Chain } from "../src/chain/chain";
import type { Live } from "../src/chain/live";
import { RpcError } from "../src/chain/rpc";
import { sign, submit, TxError, type Wallet } from "../src/chain/tx";

const sent = Uint8Array.of(4, 7);
const event = (extrinsic: number, name: string, data: unknown = {}) => ({ extrinsic, pallet: "System", name, data });
const succeeded = event(1, "ExtrinsicSuccess");

interface Told {
	/** How often the node stumbles when it is asked for a block. */
	stumbles?: number;
	/** What it answers who sends, one after the other, and then that it has it. */
	answers?: Error[];
	/** The blocks that the page comes to know, and the newest. A part of a number tells blocks of one number apart. */
	numbers?: number[];
	head?: number;
	/** In which block it is. */
	at?: number;
	/** The newest block when it is sent, and one that comes when the page has caught up. */
	newest?: number;
	later?: number;
}
/** A chain that has what was sent in a block, after the inherent. */
function living(events: unknown[], { stumbles = 0, answers = [], numbers = [11], head = 11, at = 11, newest = 10, later }: Told = {}): { live: Live; asked: string[] } {
	const asked: string[] = [];
	let left = stumbles;
	let [next, height] = [numbers, head];
	const live = {
		head: { number: 10 },
		finalized: 8,
		blocks: [{ number: 10, hash: "10", events: [] as unknown[] }],
		chain: {
			rpc: {
				ask: async (method: string) => {
					asked.push(method);
					const answer = answers.shift();
					if (answer) throw answer;
				},
			},
			head: async () => ({ number: newest, hash: String(newest), parent: "" }),
			hashAt: async (number: number) => String(number),
			events: async () => events,
			extrinsics: async (hash: string) => {
				if (left-- > 0) throw new Error("the node does not answer");
				return Number(hash) === at ? [Uint8Array.of(4, 1), sent] : [Uint8Array.of(4, 1)];
			},
			errorText: () => ({ name: "Jobs.NoJob", text: "There is no such job." }),
		},
		subscribe(listener: () => void) {
			setTimeout(() => {
				live.head = { number: height };
				live.blocks = [...live.blocks.slice(0, 1), ...next.map((number) => ({ number: Math.floor(number), hash: String(number), events }))];
				if (later) [next, height] = [[later], later];
				listener();
			});
			return () => undefined;
		},
	};
	return { live: live as unknown as Live, asked };
}

test("call should be found in its block with its own events", async () => {
	const found = await submit(living([event(0, "ExtrinsicSuccess"), succeeded]).live, sent);
	assert.deepEqual(found.map(({ extrinsic }) => extrinsic), [1]);
});

test("call that is in a block should not be called failed for a node that stumbles", async () => {
	const found = await submit(living([succeeded], { stumbles: 3 }).live, sent);
	assert.equal(found.length, 1);
});

test("call that failed should say why in the chain's words", async () => {
	const failed = { dispatch_error: { type: "Module", value: { index: 9, error: "0x00000000" } } };
	await assert.rejects(submit(living([event(1, "ExtrinsicFailed", failed)]).live, sent), (error) => error instanceof TxError && /There is no such job/.test(error.message));
});

test("call whose answer was lost should be sent again as it is, and not be called failed: it would be signed twice", async () => {
	for (const lost of [new TypeError("cut off"), new RpcError(-32_000, "the node does not answer"), new RpcError(504, ""), new RpcError(0, "no answer")]) {
		// It had come through: the node has it already, or a block.
		const { live, asked } = living([succeeded], { answers: [lost, new RpcError(1_013, "Already imported")], stumbles: 1 });
		assert.equal((await submit(live, sent)).length, 1, lost.message);
		assert.equal(asked.length, 2);
	}
});

test("call whose answer was lost should be sent until a node has it, though the gateway is asked too much meanwhile", async () => {
	for (const busy of [new RpcError(-32_005, "too much"), new RpcError(503, "full")]) {
		const { live, asked } = living([succeeded], { answers: [new RpcError(504, ""), busy], stumbles: 1 });
		assert.equal((await submit(live, sent)).length, 1);
		assert.equal(asked.length, 3, busy.message);
	}
});

test("call that was refused, or never sent on, should be told at once", async () => {
	for (const refused of [new RpcError(1_010, "Invalid Transaction"), new RpcError(-32_005, "too much"), new RpcError(503, "full")]) {
		const { live, asked } = living([succeeded], { answers: [refused] });
		await assert.rejects(submit(live, sent), refused);
		assert.equal(asked.length, 1);
	}
});

test("call should be found in a block that a page slept through", async () => {
	const slept = { numbers: [400], head: 400, at: 23 };
	assert.equal((await submit(living([succeeded], slept).live, sent)).length, 1);
	// Nothing is said of what was not read.
	await assert.rejects(submit(living([], slept).live, sent), /look at the account before you send it again/);
	await assert.rejects(submit(living([succeeded], { ...slept, stumbles: 1e9 }).live, sent), /look at the account before you send it again/);
	await assert.rejects(submit(living([succeeded], { ...slept, at: 0 }).live, sent), /nothing was done/);
});

test("call that a page sends before it has caught up should have its time: it would be signed twice", async () => {
	assert.equal((await submit(living([succeeded], { numbers: [400], head: 400, newest: 400, later: 401, at: 401 }).live, sent)).length, 1);
});

test("call should be found in a block that took the place of one that was known: it would be signed twice", async () => {
	assert.equal((await submit(living([succeeded], { numbers: [10.5], head: 400, at: 10.5 }).live, sent)).length, 1);
	// And where the page has seen only the one that lost its place.
	assert.equal((await submit(living([succeeded], { numbers: [11.5, 400], head: 400, at: 11 }).live, sent)).length, 1);
});

test("transaction should have its time though finality is behind", async () => {
	for (const [newest, signedAt] of [
		[110, 100],
		[150, 150],
	]) {
		let payload: Record<string, unknown> = {};
		const wallet = { name: "test", accounts: [], signer: { signPayload: async (of: typeof payload) => ((payload = of), { signature: `0x${"00".repeat(64)}` }) } } satisfies Wallet;
		const chain = {
			finalized: async () => "0x64",
			head: async (hash?: string) => (hash ? { number: 100, hash, parent: "" } : { number: newest, hash: "0xff", parent: "" }),
			rpc: { ask: async () => 3 },
			builder: { buildCall: () => ({ location: [1, 2], codec: { enc: () => new Uint8Array() } }) },
			extensions: () => [],
			genesis: "0x00",
			spec: { specVersion: 1, transactionVersion: 1 },
		};
		await sign(chain as unknown as Chain, wallet, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", { pallet: "A", name: "b", args: {} });
		assert.equal(Number(payload.blockNumber), signedAt);
		assert.equal(payload.blockHash, signedAt === 100 ? "0x64" : "0xff");
	}
});
