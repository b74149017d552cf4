import assert from "node:assert/strict";
import { test } from "node:test";
import { asChainHas, claimsOf, costOf, judgesOf, standingOf } from "../src/chain/claims";
import type { Challenge, ChainEvent, ClaimInfo } from "../src/chain/types";

const at = (block: number, pallet: string, name: string, data: object): ChainEvent => ({ block, hash: `0x${block}`, index: 0, extrinsic: 2, pallet, name, data });
const claimed = at(10, "Jobs", "Claimed", { claim: 7n, job: 1n, assignment: 0, transcoder: "T", first: 0n, last: 9n, total_work: 5n, fee: 3n });
const lottery = (block: number, name: string, data: object) => at(block, "ChallengeLottery", name, { claim: 7n, ...data });
const drawn = [
	lottery(21, "Drawn", { positions: [1n, 2n], committee: ["A", "B"], reveal_until: 30 }),
	lottery(22, "LeafRevealed", { index: 3, answered: [1n] }),
	lottery(23, "CommitStarted", { tranche: 0, until: 30 }),
	lottery(24, "Committed", { tranche: 0, verifier: "A" }),
];
const only = (...events: ChainEvent[]) => {
	const claim = claimsOf(events).get("7");
	assert.ok(claim);
	return claim;
};

test("claim should be told from its events up to its payment", () => {
	let claim = only(claimed);
	assert.deepEqual([claim.step, claim.fee, standingOf(claim, false)], ["claimed", 3n, "claimed"]);
	claim = only(claimed, ...drawn);
	assert.equal(claim.step, "judging");
	assert.deepEqual(claim.leaves, [{ index: 3, block: 22, hash: "0x22", extrinsic: 2 }]);
	assert.deepEqual(claim.votes, [{ tranche: 0, verifier: "A", committed: true }]);
	assert.deepEqual([standingOf(claim, true), standingOf(claim, false)], ["drawn", "claimed"]);
	const judged = [
		lottery(25, "VerdictRevealed", { tranche: 0, verifier: "A", verdicts: [{ type: "Valid" }], evidence: {} }),
		lottery(26, "Decided", { outcome: { type: "Accepted" }, about_input: false, execute_at: 40 }),
	];
	claim = only(claimed, ...drawn, ...judged);
	assert.equal(standingOf(claim, false), "verified");
	claim = only(claimed, ...drawn, ...judged, at(40, "Jobs", "ClaimSettled", { claim: 7n, settlement: { type: "Pay" }, transcoder: "T", fee: 3n }));
	assert.deepEqual([claim.settlement, claim.step, standingOf(claim, false)], ["Paid", "settled", "paid"]);
});

test("failed claim should be carried out in the later block when its slash is deferred longer", () => {
	const decided = lottery(30, "Decided", { outcome: { type: "Failed" }, about_input: false, execute_at: 40 });
	const claim = only(claimed, ...drawn, decided, lottery(40, "DeferralLengthened", { toolchain: "0x07", execute_at: 90 }));
	assert.equal(claim.executeAt, 90);
	assert.equal(standingOf(claim, true), "failed");
});

test("claim from before the blocks that were read should be told by the chain, and what events tell of it stay", () => {
	const info = { job: 1n, assignment: 2, transcoder: "T", first: 10n, fee: 3n, commitment: { root: "0x", total_work: 5n, leaf_count: 4 } } as Partial<ClaimInfo> as ClaimInfo;
	const challenge = { stage: { type: "Commit", value: undefined }, deadline: 40, tranche: 0, members: ["A", "B"], committed: [true, false], revealed: [false, false] } as Partial<Challenge> as Challenge;
	const older = asChainHas(undefined, 7n, info, challenge);
	assert.deepEqual([older.job, older.assignment, older.first, older.last, older.fee], [1n, 2, 10n, 13n, 3n]);
	assert.deepEqual([older.step, older.committee, older.votes.map(({ verifier }) => verifier)], ["judging", ["A", "B"], ["A"]]);
	assert.equal(asChainHas(undefined, 7n, info, undefined).step, "claimed");
	const decided = asChainHas(undefined, 7n, info, { ...challenge, stage: { type: "Decided", value: undefined }, outcome: { type: "Accepted", value: undefined } });
	assert.deepEqual([decided.step, decided.outcome, decided.executeAt, standingOf(decided, false)], ["decided", "Accepted", 40, "verified"]);
	const events = only(...drawn);
	const told = asChainHas(events, 7n, info, challenge);
	assert.deepEqual([told.last, told.leaves.length, told.votes.length], [13n, 1, 1]);
	// A page asks for what events do not tell; else the claim would come and go with every other block.
	assert.deepEqual([events.first, events.job], [undefined, undefined]);
});

test("failed claim should not be said to cost stake that nobody loses", () => {
	const decided = (about_input: boolean) => lottery(30, "Decided", { outcome: { type: "Failed" }, about_input, execute_at: 40 });
	const executed = (slashed: bigint) => lottery(40, "Executed", { outcome: { type: "Failed" }, slashed, finders_fee: 0n, common_pool: 0n });
	assert.equal(costOf(only(claimed, ...drawn, decided(false))), "due");
	assert.equal(costOf(only(claimed, ...drawn, decided(true))), "nothing");
	assert.equal(costOf(only(claimed, ...drawn, decided(false), executed(50n))), "slashed");
	// As much was taken for another claim of the round already.
	assert.equal(costOf(only(claimed, ...drawn, decided(false), executed(0n))), "nothing");
	const paid = at(35, "Jobs", "ClaimSettled", { claim: 7n, settlement: { type: "Pay" }, transcoder: "T", fee: 3n });
	const claim = only(claimed, ...drawn, decided(false), paid, lottery(35, "Cancelled", { case: undefined }));
	assert.deepEqual([claim.cancelled, claim.outcome, claim.step, standingOf(claim, true)], [true, undefined, "settled", "paid"]);
});

test("failed claim should never be called verified, whoever was paid", () => {
	const claim = only(
		claimed,
		...drawn,
		lottery(25, "VerdictRevealed", { tranche: 0, verifier: "A", verdicts: [{ type: "Mismatch", value: { type: "Video" } }], evidence: {} }),
		lottery(26, "Disputed", { opens_at: 28 }),
		lottery(30, "Decided", { outcome: { type: "Failed" }, about_input: false, execute_at: 40 }),
		lottery(40, "Executed", { outcome: { type: "Failed" }, slashed: 50n, finders_fee: 1n, common_pool: 49n }),
		at(40, "Jobs", "ClaimSettled", { claim: 7n, settlement: { type: "Refund" }, transcoder: "T", fee: 3n }),
	);
	assert.deepEqual(claim.votes[0]?.verdicts, ["Mismatch Video"]);
	assert.deepEqual([claim.disputed, claim.slashed, claim.settlement], [true, 50n, "Refunded"]);
	assert.equal(standingOf(claim, true), "failed");
	assert.equal(standingOf(undefined, false), "signed");
});

test("judges should be told by the chain where the blocks that say so were not read", () => {
	const challenge = { tranche: 0, members: ["A", "B", "C"], committed: [true, true, false], revealed: [true, false, false] } as Partial<Challenge> as Challenge;
	const vote = (verifier: string, unread: boolean) => ({ tranche: 0, verifier, committed: true, unread });
	assert.deepEqual(judgesOf(undefined, undefined), []);
	assert.deepEqual(judgesOf(undefined, challenge), [
		{ verifier: "A", votes: [vote("A", true)] },
		{ verifier: "B", votes: [vote("B", false)] },
		{ verifier: "C", votes: [] },
	]);
	// What events have told stays, and so do the votes of tranches before.
	const known = lottery(25, "VerdictRevealed", { tranche: 0, verifier: "A", verdicts: [{ type: "Valid" }] });
	const claim = only(claimed, ...drawn, known);
	assert.deepEqual(judgesOf(claim, challenge)[0], { verifier: "A", votes: [{ tranche: 0, verifier: "A", committed: true, verdicts: ["Valid"] }] });
	assert.deepEqual(judgesOf(claim, undefined).map(({ verifier, votes }) => [verifier, votes.length]), [["A", 1], ["B", 0]]);
	assert.deepEqual(judgesOf(claim, { ...challenge, tranche: 1 })[0]?.votes.map(({ tranche, verdicts }) => [tranche, verdicts]), [[0, ["Valid"]], [1, undefined]]);
});

test("events of a runtime that says it otherwise should not hold up what else is told", () => {
	const claim = only(claimed, ...drawn, lottery(25, "VerdictRevealed", { tranche: 0, verifier: "A" }), lottery(26, "Decided", { outcome: { type: "Accepted" }, execute_at: 40 }));
	assert.equal(claim.outcome, "Accepted");
	assert.equal(claim.positions.length, 2);
});
