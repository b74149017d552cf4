/** What is known of a round: by the events of the blocks that were read, and of the running one by the chain itself. */
import type { ChainEvent, Round } from "./types";

export interface Told {
	/** The height of its first block, where that was read. */
	first: number | undefined;
	length: number | undefined;
	/** Of the running one: the blocks of the protocol's clock, which are no heights, from which terms are frozen and at which it is over. */
	lockedFrom: number | undefined;
	over: number | undefined;
	minted: bigint | undefined;
	/** What happened in it, in the blocks that were read. */
	events: ChainEvent[];
}

export function roundOf(round: number, events: ChainEvent[], running: Round | undefined): Told {
	const beginning = (of: number) => events.find(({ pallet, name, data }) => pallet === "Rounds" && name === "NewRound" && Number(data.round) === of);
	const [begins, next] = [beginning(round), beginning(round + 1)];
	const now = running?.index === round ? running : undefined;
	const paid = events.find(({ pallet, name, data }) => pallet === "Inflation" && name === "RoundPaid" && Number(data.round) === round);
	// One that began before the blocks that were read, and ends in them or runs.
	const from = begins?.block ?? (next || now ? 0 : Number.POSITIVE_INFINITY);
	return {
		first: begins?.block,
		length: begins?.data.length ?? now?.length,
		lockedFrom: now?.locked_from,
		over: now && now.start + now.length,
		minted: paid?.data.minted,
		events: events.filter(({ block }) => block >= from && (!next || block <= next.block)),
	};
}
