// Two of five validators are gone for good, more than a third: nothing becomes final any more. Does what
// docs/operators/care.md says, and looks whether it helps.
//
//   node stalled.mjs PATH_OF_LIVEPEER_NODE
//
// Starts and ends five nodes of a local network. Prints what it saw as JSON; exits 1 when a step does
// not hold, with the end of a node's log.
import { u8aToHex } from "@polkadot/util";
import { bestOf, FIVE, finalOf, keyOf, pause, run, send, together, until } from "./network.mjs";

const DELAY = 10;

await run("stalled", async (network) => {
	const [alice, bob, charlie] = await network.startFive();
	const left = [alice, bob, charlie];

	// Gone for good. What is on its way may still become final.
	for (const name of FIVE.slice(3)) network.kill(name);
	await pause(10_000);
	const stalled = await finalOf(alice);
	const here = together(FIVE.slice(0, 3).map((name) => keyOf(name).address));
	await until("the gone are out of the set, and of the next one", 900, async () => {
		const now = together(await alice.query.session.validators());
		const next = together((await alice.query.session.queuedKeys()).map(([who]) => who));
		return now === here && next === here;
	});
	const replaced = await bestOf(alice);
	// The election alone heals nothing.
	const finals = await Promise.all(left.map(finalOf));
	if (Math.max(...finals) > stalled + 2) throw new Error(`blocks became final: ${stalled}, then ${finals}`);

	const setOf = async () => (await alice.rpc.grandpa.roundState()).toJSON().setId;
	const set = u8aToHex(alice.createType("u64", await setOf()).toU8a());
	const both = alice.tx.utility.batchAll([
		alice.tx.grandpa.noteStalled(DELAY, Math.max(...finals)),
		alice.tx.system.setStorage([[alice.query.grandpa.currentSetId.key(), set]]),
	]);
	const { events, error } = await send(alice, "alice", alice.tx.sudo.sudo(both));
	const done = events?.find((event) => alice.events.sudo.Sudid.is(event));
	if (error || !done?.data[0].isOk) throw new Error(`governance was refused: ${error ?? done}`);
	const said = await bestOf(alice);
	for (const [place, api] of left.entries()) {
		await until(`${FIVE[place]} has block ${said} final`, 300, async () => (await finalOf(api)) >= said);
	}
	const hashes = await Promise.all(left.map((api) => api.rpc.chain.getBlockHash(said)));
	if (new Set(hashes.map(String)).size !== 1) throw new Error(`they differ at ${said}: ${hashes}`);
	// Chain and voters count the same sets, so that who votes twice can be reported.
	await until("they count the same sets", 30, async () => (await alice.query.grandpa.currentSetId()).toNumber() === (await setOf()));
	// And it goes on, over the next change of session.
	await until("finality goes on", 180, async () => (await finalOf(alice)) >= said + 30);
	return { stalled, replaced, said, final: await finalOf(alice) };
});
