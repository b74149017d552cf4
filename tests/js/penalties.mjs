// What validators lost that signed twice, and who made which block: read from final blocks, and held to the
// rule of docs/protocol.md.
import { finalOf, keyOf, until } from "./network.mjs";

const BILLION = 1_000_000_000n;
/** The most that signing twice costs, in billionths of the stake. */
const MOST = 300_000_000n;
/** What one of so many validators loses: what the SDK takes, and no more than that. */
const shareOf = (validators) => {
	const third = (3n * BILLION) / BigInt(validators);
	const share = (third * third) / BILLION;
	return share < MOST ? share : MOST;
};
const partOf = (share, amount) => (amount * share) / BILLION;
const check = (holds, what) => {
	if (!holds) throw new Error(what);
};
const free = async (query, who) => (await query.system.account(who)).data.free.toBigInt();
const backing = (call, who) => call.livepeerApi.backing(who);

/** The final blocks from one to another, each with its state and who made it. */
export async function* blocks(api, first, last) {
	for (let number = first; number <= last; number++) {
		await until(`block ${number} is final`, 120, async () => (await finalOf(api)) >= number);
		const hash = await api.rpc.chain.getBlockHash(number);
		const [{ block }, at] = await Promise.all([api.rpc.chain.getBlock(hash), api.at(hash)]);
		const [, slot] = block.header.digest.logs.find((log) => log.isPreRuntime).asPreRuntime;
		// A byte says of what kind the slot is; then comes the maker's place in the session's set.
		const place = Buffer.from(slot.toU8a(true)).readUInt32LE(1);
		const author = (await at.query.session.validators())[place].toString();
		yield { number, block, at, author };
	}
}

/** What each of these accounts has after a block: free, bonded, and what slashes took of its stake. */
export async function holdings(api, number, names) {
	const { query, call } = await api.at(await api.rpc.chain.getBlockHash(number));
	const held = {};
	for (const name of names) {
		const who = keyOf(name).address;
		const [stake, bonded] = await Promise.all([call.livepeerApi.stake(who), backing(call, who)]);
		held[name] = {
			free: await free(query, who),
			bonded: stake.nextRound.toBigInt(),
			slashed: bonded.slashed.toBigInt(),
		};
	}
	return held;
}

/**
 * Reads the blocks from `first` to `last`, in which the validator `name`, which has no delegators, was
 * reported for signing twice. Fails unless it lost by the rule, the finder and the common pool got
 * all of it, and it made no block any more. Gives the reports, and the last block that it made.
 */
export async function punished(api, name, first, last) {
	const offender = keyOf(name).address;
	const finderFee = (await api.call.livepeerApi.parameters()).staking.finderFee.toBigInt();
	const reports = [];
	let made;
	for await (const { number, block, at, author } of blocks(api, first, last)) {
		if (author === offender) {
			check(reports.length === 0, `${name} made block ${number}, after it was slashed`);
			made = number;
		}
		const events = await at.query.system.events();
		const slashes = events.filter(({ event }) => at.events.lptStaking.Slashed.is(event));
		// From the last one back, for what the chain tells is what is left after all of them.
		let left = (await backing(at.call, offender)).nextRound.toBigInt();
		for (const { event, phase } of slashes.reverse()) {
			const [who, , fraction, taken, fee, pool] = event.data;
			check(who.eq(offender), `block ${number}: ${who} was slashed`);
			const { method, isSigned, signer } = block.extrinsics[phase.asApplyExtrinsic.toNumber()];
			const call = `${method.section}.${method.method}`;
			check(/^(babe|grandpa)\.reportEquivocation/.test(call), `block ${number}: ${call} slashed`);
			const proof = method.args[1];
			const session = proof.session.toNumber();
			check(reports.every((report) => report.session !== session), `it paid twice for session ${session}`);
			const share = shareOf(proof.validatorCount.toNumber());
			check(fraction.toBigInt() === share, `a share of ${fraction} was taken, not ${share}`);
			const had = left + taken.toBigInt();
			check(taken.toBigInt() === partOf(share, had), `${taken} was taken of ${had}, not ${share} billionths`);
			left = had;
			// All of the stake is its own, so the finder's part is not cut down.
			const found = partOf(finderFee, taken.toBigInt());
			check(fee.toBigInt() === found, `the finder got ${fee}, not ${found}`);
			check(pool.toBigInt() === taken.toBigInt() - found, `the common pool got ${pool} of ${taken}`);
			const finder = isSigned ? signer.toString() : author;
			reports.push({ number, call, session, finder, taken: taken.toBigInt(), fee: found });
		}
		if (slashes.length > 0) {
			const place = (await at.query.session.validators()).findIndex((who) => who.eq(offender));
			const disabled = await at.query.session.disabledValidators();
			check(place < 0 || disabled.some(([one]) => one.eq(place)), `${name} is not disabled in block ${number}`);
			const jailed = (await at.query.transcoderElection.jailed(offender)).isSome;
			check(jailed, `${name} is not jailed in block ${number}`);
		}
	}
	check(reports.length > 0, `nobody reported ${name} in the blocks ${first} to ${last}`);
	return { reports, made };
}

/**
 * Whether of all these accounts nobody lost anything from one block to another but the offender, and that
 * exactly what the reports took; and whether each finder has its fee.
 */
export async function onlyLoser(api, name, before, after, reports) {
	const taken = reports.reduce((sum, report) => sum + report.taken, 0n);
	for (const [who, then] of Object.entries(before)) {
		const now = after[who];
		const found = reports
			.filter(({ finder }) => finder === keyOf(who).address)
			.reduce((sum, { fee }) => sum + fee, 0n);
		check(now.free === then.free + found, `${who} had ${then.free}, found ${found}, and has ${now.free}`);
		if (who === name) {
			// Whoever is jailed earns nothing any more; before it, it earned.
			check(now.bonded + taken >= then.bonded, `${who} lost more of its stake than ${taken}`);
			check(now.slashed > then.slashed, `its stake does not say what slashes took`);
		} else {
			check(now.bonded >= then.bonded, `${who} had ${then.bonded} at stake, and has ${now.bonded}`);
			check(now.slashed === then.slashed, `${who} was slashed`);
		}
	}
}
