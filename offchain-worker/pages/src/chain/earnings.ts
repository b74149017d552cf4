/** What an account's bond has brought it, by round: what has changed, less what was put in and taken out. */
import type { Address, ChainEvent } from "./types";

/** What an account had when a round began. */
export interface Beginning {
	round: number;
	/** The block that began it. */
	block: number;
	/** The bond with what joined in this round, in LPT; fees that were not taken yet, in ETH. */
	bond: bigint;
	fees: bigint;
}
export interface Earned {
	round: number;
	/** LPT; less than nothing where a slash took more than rewards gave. */
	stake: bigint;
	/** ETH. */
	fees: bigint;
}

/** What an event has put into the bond of an account, or taken out. Whatever leaves is told as unbonded. */
function put(account: Address, { pallet, name, data }: ChainEvent): bigint {
	if (pallet !== "LptStaking") return 0n;
	switch (name) {
		case "Bonded":
		case "Rebonded":
			return data.who === account ? data.amount : 0n;
		case "BondTransferred":
			return data.to === account ? data.amount : 0n;
		case "Unbonded":
			return data.who === account ? -(data.amount as bigint) : 0n;
		default:
			return 0n;
	}
}

/** What came between the beginning of each round and that of the next, by `events` in the order of blocks. */
export function earnings(account: Address, beginnings: Beginning[], events: ChainEvent[]): Earned[] {
	return beginnings.slice(1).map((now, i) => {
		const before = beginnings[i] as Beginning;
		let stake = now.bond - before.bond;
		let fees = now.fees - before.fees;
		for (const event of events) {
			if (event.block <= before.block || event.block > now.block) continue;
			stake -= put(account, event);
			if (event.pallet === "LptStaking" && event.name === "FeesWithdrawn" && event.data.who === account) fees += event.data.amount;
		}
		return { round: before.round, stake, fees };
	});
}
