import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChainEvent } from "../src/chain/types";
import { carriedOut, live } from "../src/ui/kit";
import { describe } from "../src/views/events";

/** What is read of a part of a page, without the links in it. */
// biome-ignore lint: whatever a page is made of.
const read = (part: any): string => (Array.isArray(part) ? part.map(read).join("") : typeof part === "object" ? read(part?.props?.children ?? "") : String(part));
const told = (pallet: string, name: string, data: object): string => read(describe({ block: 1_190, hash: "0x", index: 0, extrinsic: null, pallet, name, data } as ChainEvent)?.[1]).trim();

test("deadline should be told by the time until then: a number of the clock beside those of blocks would be taken for one", () => {
	const deferred = () => told("ChallengeLottery", "DeferralLengthened", { claim: 7n, execute_at: 1_000 });
	const drawn = () => told("Jobs", "NobodyEligible", { job: 7n, next_draw: 1_000 });
	const waits = () => told("EthBridge", "DepositWaits", { index: 3, ready_at: 1_000, trapped: false });
	// The clock is not known yet; stands 300 blocks behind the height; has come to it.
	live.head = { number: 1_200, hash: "0x", parent: "0x" };
	assert.deepEqual([carriedOut(1_000), deferred(), drawn(), waits()], ["carried out later", "carried out later, for many failed together", "is drawn again", "Deposit 3 has to wait"]);
	live.clock = { block: 900, round: 3, window: 9 };
	assert.deepEqual([carriedOut(1_000), deferred(), drawn(), waits()], ["carried out in 10 min", "carried out in 10 min, for many failed together", "is drawn again in 10 min", "Deposit 3 waits, for 10 min more"]);
	live.clock = { block: 1_000, round: 3, window: 9 };
	assert.deepEqual([carriedOut(1_000), deferred(), drawn(), waits()], ["carried out next", "carried out later, for many failed together", "is drawn again", "Deposit 3 has to wait"]);
});
