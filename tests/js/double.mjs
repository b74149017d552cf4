// A validator's machine is restored from its image beside the one that runs: both make blocks with the same
// keys. Other validators report it by themselves, it loses by the rule, and makes no block from then on.
//
//   node double.mjs PATH_OF_LIVEPEER_NODE
//
// Starts and ends six nodes of a local network. Prints what it saw as JSON; exits 1 when a step does not
// hold, with the end of a node's log.
import { bestOf, FIVE, finalOf, keyOf, run, until, validates } from "./network.mjs";
import { holdings, onlyLoser, punished } from "./penalties.mjs";

/** Blocks after it has left the set in which it makes none either. */
const BEHIND = 12;

await run("double", async (network) => {
	const [alice, bob, charlie, dave] = await network.startFive();
	const others = [alice, bob, charlie, dave];
	const eve = keyOf("eve").address;
	const names = [...FIVE, "ferdie", "bob//stash", "charlie//stash"];
	const first = await finalOf(alice);
	const before = await holdings(alice, first, names);

	await network.double("eve", "image");
	await until("it is reported", 300, async () => (await alice.query.transcoderElection.jailed(eve)).isSome);
	// Whoever is slashed looks for the reason and finds it.
	network.kill("image");
	await until("it is out of the set", 120, async () => !(await validates(alice, eve)));
	const left = await bestOf(alice);
	const last = left + BEHIND;
	for (const [place, api] of others.entries()) {
		await until(`${FIVE[place]} has block ${last} final`, 120, async () => (await finalOf(api)) >= last);
	}
	const { reports, made } = await punished(alice, "eve", first, last);
	const { number: slashed, call } = reports[0];
	if (call !== "babe.reportEquivocationUnsigned") throw new Error(`it was ${call} that had it slashed`);
	await onlyLoser(alice, "eve", before, await holdings(alice, last, names), reports);
	const told = reports.map(({ number, call, session, finder, taken, fee }) => ({
		number,
		call,
		session,
		finder: FIVE.find((name) => keyOf(name).address === finder),
		taken: `${taken}`,
		fee: `${fee}`,
	}));
	return { made: made ?? null, slashed, reports: told, left, last };
});
