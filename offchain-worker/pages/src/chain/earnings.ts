/** What an account's bond has brought it, by round: what has changed, less what was put in and taken out. */
import type { Chain } from "./chain";
import { RpcError, TOO_MUCH } from "./rpc";
import type { Address, ChainEvent, Hash } from "./types";

/** What an account had when a round began. */
export interface Beginning {
	round: number;
	/** The height of the block that began it. */
	block: number;
	/** The bond with what joined in this round, in LPT; fees that were not taken yet, in ETH. */
	bond: bigint;
	fees: bigint;
	/** What the seat behind the bond yielded it in the round before, in LPT, as the last block of that had it. */
	yielded: bigint;
}
export interface Earned {
	round: number;
	/** LPT; less than nothing where a slash took more than rewards gave. */
	stake: bigint;
	/** ETH. */
	fees: bigint;
}

const UNIT = 10n ** 18n;

/** An amount in an event. It is nothing where the runtime tells it in another form than this page knows. */
const amountOf = (value: unknown): bigint => (typeof value === "bigint" ? value : 0n);

/** The fees in ETH that events have booked for each transcoder: its own, and those of its delegators. */
export function booked(events: Iterable<ChainEvent>): Map<Address, bigint> {
	const fees = new Map<Address, bigint>();
	for (const { pallet, name, data } of events) {
		if (pallet !== "LptStaking" || name !== "FeeBooked" || typeof data?.transcoder !== "string") continue;
		fees.set(data.transcoder, (fees.get(data.transcoder) ?? 0n) + amountOf(data.to_delegators) + amountOf(data.to_transcoder));
	}
	return fees;
}

/** What an event has put into the bond of an account, or taken out. Whatever leaves is told as unbonded. */
function put(account: Address, { pallet, name, data }: ChainEvent): bigint {
	if (pallet !== "LptStaking") return 0n;
	switch (name) {
		case "Bonded":
		case "Rebonded":
			return data.who === account ? amountOf(data.amount) : 0n;
		case "BondTransferred":
			return data.to === account ? amountOf(data.amount) : 0n;
		case "Unbonded":
			return data.who === account ? -amountOf(data.amount) : 0n;
		default:
			return 0n;
	}
}

/** What a bond yields in the round of a block, if that goes on as it stands: with the transcoder's cut, where it is its own. */
async function yieldAt(chain: Pick<Chain, "read">, account: Address, at: Hash): Promise<bigint> {
	const { delegate, counting } = await chain.read("stake", [account], at);
	if (delegate === undefined) return 0n;
	const seat = await chain.read("yield_of", [delegate], at);
	if (!seat.earns) return 0n;
	const cut = delegate === account ? seat.reward - (seat.per_lpt * seat.stake) / UNIT : 0n;
	return (seat.per_lpt * counting) / UNIT + cut;
}

/** How often a gateway that was asked too much is asked again, and after how many ms. */
const TURNS = 8;
const MOMENT = 1_000;

/** Asks again in a moment where a gateway was asked too much: there is more to be had, unlike of a state that is gone. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
	for (let turn = 1; ; turn++) {
		try {
			return await ask();
		} catch (error) {
			if (turn === TURNS || !(error instanceof RpcError && error.code === TOO_MUCH)) throw error;
			await new Promise((resolve) => setTimeout(resolve, MOMENT));
		}
	}
}

/**
 * The height at which the protocol's clock came to `start`, as of a later block whose height is `closed` blocks ahead
 * of it: the clock stands while the chain is closed.
 */
async function heightOf(chain: Pick<Chain, "read" | "hashAt">, start: number, closed: number): Promise<number> {
	if (!closed) return start;
	const hasCome = async (number: number) => (await chain.read("clock", [], await chain.hashAt(number))).block >= start;
	let [low, high] = [start, start + closed - 1];
	// Most often it has not stood since.
	if (!(await hasCome(high))) return high + 1;
	while (low < high) {
		const middle = Math.floor((low + high) / 2);
		if (await hasCome(middle)) high = middle;
		else low = middle + 1;
	}
	return low;
}

/**
 * What an account had at the beginning of the round of a block and of each before it, newest first: as far back as the
 * chain goes, or the node that is asked keeps states, which it says by an error.
 */
export async function* beginnings(chain: Pick<Chain, "read" | "hashAt">, account: Address, at: Hash, number: number): AsyncGenerator<Beginning> {
	for (;;) {
		const { one, before } = await patiently(async () => {
			const [{ index, start }, clock] = await Promise.all([chain.read("round", [], at), chain.read("clock", [], at)]);
			const block = await heightOf(chain, start, number - clock.block);
			const [hash, before] = await Promise.all([chain.hashAt(block), index > 0 && block > 0 ? chain.hashAt(block - 1) : null]);
			const [stake, yielded] = await Promise.all([chain.read("stake", [account], hash), before ? yieldAt(chain, account, before) : 0n]);
			return { one: { round: index, block, bond: stake.next_round, fees: stake.fees, yielded }, before };
		});
		yield one;
		if (!before) return;
		at = before;
		number = one.block - 1;
	}
}

/**
 * What came between the beginning of each round, oldest first, and that of the next, by `events` in the order of blocks,
 * which are those from the block `since` on. Of rounds that began before, it is what the seat yielded, and what the fees
 * grew by: neither slashes nor what was taken is known.
 */
export function earnings(account: Address, beginnings: Beginning[], events: ChainEvent[], since: number): Earned[] {
	return beginnings.slice(1).map((now, i) => {
		const before = beginnings[i] as Beginning;
		const { round } = before;
		let stake = now.bond - before.bond;
		let fees = now.fees - before.fees;
		if (before.block + 1 < since) return { round, stake: now.yielded, fees: fees > 0n ? fees : 0n };
		for (const event of events) {
			if (event.block <= before.block || event.block > now.block) continue;
			stake -= put(account, event);
			if (event.pallet === "LptStaking" && event.name === "FeesWithdrawn" && event.data.who === account) fees += amountOf(event.data.amount);
		}
		return { round, stake, fees };
	});
}
