/** What work costs, from block to block: what transcoders ask for, and at which price it is claimed. */
import type { ChainEvent, Hash, Transcoder } from "./types";

/** Work of a standard segment, which prices are for: two seconds of 720p30. */
export const STANDARD = 55_296_000n;

/** The prices of the transcoders that work is offered to, the lowest first. */
export const pricesOf = (transcoders: Transcoder[]): bigint[] =>
	transcoders
		.filter(({ active, jailed }) => active && !jailed)
		.map(({ price }) => price)
		.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** What half of them ask at most, of prices with the lowest first. */
export const middleOf = (prices: bigint[]): bigint | undefined => prices[Math.floor((prices.length - 1) / 2)];

/** The lowest and the middle price of them; `null` where there are none. */
export function asked(transcoders: Transcoder[]): { lowest: bigint; middle: bigint } | null {
	const prices = pricesOf(transcoders);
	const [lowest, middle] = [prices[0], middleOf(prices)];
	return lowest === undefined || middle === undefined ? null : { lowest, middle };
}

/**
 * The highest price that a broadcaster is proposed; `null` where nobody asks for one. It is twice what half of the
 * transcoders ask at most: by the dearest of them, whoever asks a thousandfold would be paid it.
 */
export function proposed(transcoders: Transcoder[]): bigint | null {
	const middle = middleOf(pricesOf(transcoders));
	return middle === undefined ? null : 2n * middle;
}

/** The price of what a block's claims ask to be paid for; `null` where there is none. */
export function claimedAt(events: ChainEvent[]): bigint | null {
	const claims = events.filter(({ pallet, name }) => pallet === "Jobs" && name === "Claimed");
	const work = claims.reduce((sum, { data }) => sum + BigInt(data.total_work), 0n);
	const fees = claims.reduce((sum, { data }) => sum + BigInt(data.fee), 0n);
	return work ? (fees * STANDARD) / work : null;
}

/** Blocks between two looks at what is asked: prices hold from round to round. */
const EVERY = 10;
interface Looked {
	number: number;
	hash: Hash;
}
/** Those of the blocks at which what was asked is looked up, the newest among them. */
export const looked = <B extends Looked>(blocks: B[]): B[] => blocks.filter(({ number }, i) => number % EVERY === 0 || i === blocks.length - 1);
