import assert from "node:assert/strict";
import { test } from "node:test";
import type { Live } from "../src/chain/live";
import { submit, TxError } from "../src/chain/tx";

const sent = Uint8Array.of(4, 7);
const event = (extrinsic: number, name: string, data: unknown = {}) => ({ extrinsic, pallet: "System", name, data });

/** A chain whose block 11 has what was sent, after the inherent, and whose node stumbles so many times. */
function living(events: unknown[], stumbles = 0): Live {
	let left = stumbles;
	const live = {
		head: { number: 10 },
		blocks: [{ number: 10, hash: "0xa", events: [] }],
		chain: {
			rpc: { ask: async () => "0x" },
			extrinsics: async () => {
				if (left-- > 0) throw new Error("the node does not answer");
				return [Uint8Array.of(4, 1), sent];
			},
			errorText: () => ({ name: "Jobs.NoJob", text: "There is no such job." }),
		},
		subscribe(listener: () => void) {
			setTimeout(() => {
				live.head = { number: 11 };
				live.blocks = [{ number: 10, hash: "0xa", events: [] }, { number: 11, hash: "0xb", events } as never];
				listener();
			});
			return () => undefined;
		},
	};
	return live as unknown as Live;
}

test("call should be found in its block with its own events", async () => {
	const found = await submit(living([event(0, "ExtrinsicSuccess"), event(1, "ExtrinsicSuccess")]), sent);
	assert.deepEqual(found.map(({ extrinsic }) => extrinsic), [1]);
});

test("call that is in a block should not be called failed for a node that stumbles", async () => {
	const found = await submit(living([event(1, "ExtrinsicSuccess")], 3), sent);
	assert.equal(found.length, 1);
});

test("call that failed should say why in the chain's words", async () => {
	const failed = { dispatch_error: { type: "Module", value: { index: 9, error: "0x00000000" } } };
	await assert.rejects(submit(living([event(1, "ExtrinsicFailed", failed)]), sent), (error) => error instanceof TxError && /There is no such job/.test(error.message));
});
