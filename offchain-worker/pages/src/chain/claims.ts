/** What became of claims, told from the events of blocks. A pure function, so that a page that opened late and one that watched see the same. */
import type { Address, Challenge, ChainEvent, ClaimInfo, Outcome } from "./types";

export interface Vote {
	tranche: number;
	verifier: Address;
	committed: boolean;
	/** One per revealed leaf; absent until it is revealed. */
	verdicts?: string[];
	/** Revealed in a block that was not read: what it says is not known. */
	unread?: boolean;
}
export type Step = "claimed" | "drawn" | "revealed" | "judging" | "decided" | "settled";
export interface Claim {
	id: bigint;
	job?: bigint;
	assignment?: number;
	transcoder?: Address;
	first?: bigint;
	last?: bigint;
	fee?: bigint;
	work?: bigint;
	/** The block of its newest news. */
	block: number;
	claimedAt?: number;
	/** The block in which it was claimed, whose state has what it commits to. */
	claimedIn?: string;
	positions: bigint[];
	/** Where each leaf was revealed. */
	leaves: { index: number; block: number; hash: string; extrinsic: number | null }[];
	committee: Address[];
	votes: Vote[];
	disputed: boolean;
	outcome?: Outcome;
	/** Whether it failed only over whether segments can be transcoded at all: nobody is slashed for that. */
	aboutInput?: boolean;
	executeAt?: number;
	settlement?: "Paid" | "Refunded";
	slashed?: bigint;
	penalties: { verifier: Address; penalty: string; amount: bigint }[];
	/** Whether governance has cancelled the verdict, which then is none: the transcoder is paid, and nobody is slashed. */
	cancelled: boolean;
	step: Step;
}

const fresh = (id: bigint, block: number): Claim => ({
	id,
	block,
	positions: [],
	leaves: [],
	committee: [],
	votes: [],
	disputed: false,
	penalties: [],
	cancelled: false,
	step: "claimed",
});

/** A verdict in one word, with what it is about. */
export const verdictName = (verdict: { type: string; value?: { type?: string } | number }): string => {
	const inner = typeof verdict.value === "object" ? verdict.value?.type : verdict.value;
	return inner === undefined || inner === null ? verdict.type : `${verdict.type} ${inner}`;
};

function voteOf(claim: Claim, tranche: number, verifier: Address): Vote {
	let vote = claim.votes.find((one) => one.tranche === tranche && one.verifier === verifier);
	if (!vote) {
		vote = { tranche, verifier, committed: false };
		claim.votes.push(vote);
	}
	return vote;
}

/** The claims that `events`, in the order of blocks, tell of. */
export function claimsOf(events: Iterable<ChainEvent>): Map<string, Claim> {
	const claims = new Map<string, Claim>();
	for (const event of events) {
		const { pallet, name, data, block } = event;
		const isOurs = pallet === "ChallengeLottery" || (pallet === "Jobs" && (name === "Claimed" || name === "ClaimSettled"));
		if (!isOurs || data?.claim === undefined) continue;
		const key = String(data.claim);
		const claim = claims.get(key) ?? fresh(data.claim, block);
		claims.set(key, claim);
		claim.block = block;
		try {
			take(claim, event);
		} catch {
			// Of a runtime that says it otherwise: what else is told of the claim stays.
		}
	}
	return claims;
}

/** Takes over what an event says of a claim. */
function take(claim: Claim, { name, data, block, hash, extrinsic }: ChainEvent): void {
	switch (name) {
		case "Claimed":
			Object.assign(claim, {
				job: data.job,
				assignment: data.assignment,
				transcoder: data.transcoder,
				first: data.first,
				last: data.last,
				fee: data.fee,
				work: data.total_work,
				claimedAt: block,
				claimedIn: hash,
			});
			break;
		case "Drawn":
			claim.positions = data.positions;
			claim.committee = data.committee;
			claim.step = "drawn";
			break;
		case "LeafRevealed":
			claim.leaves.push({ index: data.index, block, hash, extrinsic });
			claim.step = "revealed";
			break;
		case "CommitStarted":
			claim.step = "judging";
			break;
		case "Committed":
			voteOf(claim, data.tranche, data.verifier).committed = true;
			claim.step = "judging";
			break;
		case "VerdictRevealed": {
			const vote = voteOf(claim, data.tranche, data.verifier);
			vote.committed = true;
			vote.verdicts = data.verdicts.map(verdictName);
			break;
		}
		case "Disputed":
			claim.disputed = true;
			break;
		case "Decided":
			claim.outcome = data.outcome.type;
			claim.aboutInput = data.about_input === true;
			claim.executeAt = data.execute_at;
			claim.step = "decided";
			break;
		case "DeferralLengthened":
			claim.executeAt = data.execute_at;
			break;
		case "Penalised":
			claim.penalties.push({ verifier: data.verifier, penalty: data.penalty.type, amount: data.amount });
			break;
		case "Executed":
			claim.outcome = data.outcome.type;
			claim.slashed = data.slashed;
			claim.step = "settled";
			break;
		case "Cancelled":
			claim.cancelled = true;
			claim.outcome = undefined;
			break;
		case "ClaimSettled":
			Object.assign(claim, { transcoder: data.transcoder, fee: data.fee });
			claim.settlement = data.settlement.type === "Pay" ? "Paid" : "Refunded";
			claim.step = "settled";
			break;
	}
}

/**
 * Who judges a claim, and how each has voted: as events told it, and by the chain's word, which has who was drawn and
 * who has voted in the newest tranche, also in blocks that were not read.
 */
export function judgesOf(told: Claim | undefined, challenge: Challenge | undefined): { verifier: Address; votes: Vote[] }[] {
	const votes = told?.votes ?? [];
	const judges = new Map<Address, Vote[]>();
	for (const verifier of [...(told?.committee ?? []), ...votes.map((vote) => vote.verifier), ...(challenge?.members ?? [])]) {
		judges.set(verifier, votes.filter((vote) => vote.verifier === verifier));
	}
	challenge?.members.forEach((verifier, i) => {
		if (!challenge.committed[i]) return;
		const { tranche } = challenge;
		const ours = judges.get(verifier) ?? [];
		const known = ours.find((vote) => vote.tranche === tranche);
		if (known?.verdicts) return;
		const others = ours.filter((vote) => vote !== known);
		judges.set(verifier, [...others, { tranche, verifier, committed: true, unread: challenge.revealed[i] === true }]);
	});
	return [...judges].map(([verifier, all]) => ({ verifier, votes: all }));
}

/** How far a claim has come, by the stage of its challenge. */
const REACHED: Record<string, Step> = { LeafReveal: "drawn", Commit: "judging", VerdictReveal: "judging", AwaitingDispute: "judging", Decided: "decided" };

/**
 * A claim that was made in a block that was not read, as the chain itself has it; with what events have told of it since.
 * `told` stays as it is: a page finds by it what it has to ask the chain for, at each block again.
 */
export function asChainHas(told: Claim | undefined, id: bigint, info: ClaimInfo, challenge: Challenge | undefined): Claim {
	const { job, assignment, transcoder, first, fee, commitment } = info;
	const claim: Claim = { ...(told ?? fresh(id, 0)), job, assignment, transcoder, first, last: first + BigInt(commitment.leaf_count) - 1n, fee, work: commitment.total_work };
	if (told || !challenge) return claim;
	claim.step = REACHED[challenge.stage.type] ?? "claimed";
	claim.committee = challenge.members;
	claim.votes = judgesOf(undefined, challenge).flatMap(({ votes }) => votes);
	if (challenge.outcome) Object.assign(claim, { outcome: challenge.outcome.type, executeAt: challenge.deadline });
	return claim;
}

/** What a failed claim costs the stake behind it: what was slashed of it, that this is to come, or that nothing is. */
export const costOf = ({ slashed, aboutInput }: Claim): "slashed" | "due" | "nothing" =>
	slashed ? "slashed" : slashed === 0n || aboutInput ? "nothing" : "due";

/** How far a segment of a claim has come. */
export type Standing = "signed" | "claimed" | "drawn" | "verified" | "paid" | "failed" | "void";

export function standingOf(claim: Claim | undefined, wasDrawn: boolean): Standing {
	if (!claim) return "signed";
	if (claim.settlement === "Paid") return "paid";
	if (claim.outcome === "Failed" || claim.outcome === "Missed") return "failed";
	if (claim.outcome === "Void") return "void";
	if (claim.outcome === "Accepted") return "verified";
	return wasDrawn ? "drawn" : "claimed";
}
