/** What the chain takes of who bonds, so that nobody pays a fee to be refused. */
import type { Address, Lock } from "./types";

export interface Bond {
	/** Its worth, with what joined in this round. */
	bonded: bigint;
	/** To whom, also where slashes have left nothing of it. */
	delegate: Address | undefined;
	minBond: bigint;
}

/** Why an amount cannot be bonded to an account: each amount that joins is held to the least, and one bond goes to one account. */
export function refusedBond(value: bigint, to: Address, { bonded, delegate, minBond }: Bond): "small" | "elsewhere" | null {
	if (value < minBond) return "small";
	// A bond that slashes have made worthless binds nobody.
	return delegate !== undefined && bonded > 0n && to !== delegate ? "elsewhere" : null;
}

/** Whether a bond would be left with too little: all of it may leave. */
export const leavesTooLittle = (value: bigint, { bonded, minBond }: Bond): boolean => value < bonded && bonded - value < minBond;

/** Whether stake that left may be paid out, and whether it may be bonded to another transcoder than it left. */
export const isFree = ({ release, held_back }: Lock, round: number): boolean => round >= release && !held_back;
export const isMovable = ({ liable_until, held_back }: Lock, round: number): boolean => round >= liable_until && !held_back;
