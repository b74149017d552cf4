/** A stream that a wallet opens by one signature: the key of its segments, where it is found, and its job. */
import { bytesOf } from "../chain/address";
import type { Call } from "../chain/tx";
import type { Address, KeysView, Rendition } from "../chain/types";
import { hex } from "../proof/scale";
import { originCall, type Place } from "./origin";

/** Ticks of 1/90,000 s: the segments of a live encoder that is asked for no others, as the worker's. */
const LONGEST = 225_000;
const SHORTEST = 90_000;

export interface Terms {
	name: string;
	ladder: Rendition[];
	width: number;
	height: number;
	fps: number;
	/** Of a standard segment, in 10^-18 ETH. */
	maxPrice: bigint;
	/** The block at which the job is over. */
	end: number;
	/** In 10^-18 ETH. */
	budget: bigint;
}

/** Names the key that signs an account's segments. */
export const segmentKeyCall = (key: Address): Call => ({
	pallet: "OperatorKeys",
	name: "set_keys",
	args: { purpose: { type: "Segments", value: undefined }, keys: [{ type: "Sr25519", value: hex(bytesOf(key)) }], vrf: undefined },
});

/** Whether a key signs an account's segments in jobs that are accepted from now on. */
export function isSegmentKey(key: Address, account: Address, generations: KeysView[]): boolean {
	const newest = generations.reduce<KeysView | null>((last, one) => (last && last.generation > one.generation ? last : one), null);
	// Before an account names any, it signs itself.
	if (!newest?.keys.length) return key === account;
	const at = newest.keys.findIndex(({ type, value }) => type === "Sr25519" && value === hex(bytesOf(key)));
	return at >= 0 && !newest.revoked[at];
}

/** Opens the job. */
export const jobCall = ({ name, ladder, width, height, fps, maxPrice, end, budget }: Terms): Call => ({
	pallet: "Jobs",
	name: "create_job",
	args: {
		broadcaster: undefined,
		name: new TextEncoder().encode(name),
		ladder,
		limits: { width, height, fps, longest: LONGEST, shortest: SHORTEST },
		max_price: maxPrice,
		end,
		budget,
	},
});

/** Several calls in one transaction: all of them are done, or none. */
export const together = (calls: Call[]): Call =>
	calls.length === 1
		? (calls[0] as Call)
		: { pallet: "Utility", name: "batch_all", args: { calls: calls.map(({ pallet, name, args }) => ({ type: pallet, value: { type: name, value: args } })) } };

/** All that a stream needs of a wallet. The job comes last: its transcoder is told where to ask, and whose signature counts. */
export const createCall = (terms: Terms, key: Address | null, peer: Uint8Array, at: Place): Call =>
	together([...(key ? [segmentKeyCall(key)] : []), originCall(terms.name, peer, at), jobCall(terms)]);
