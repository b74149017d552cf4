// The set of five validators changes and changes again: a new transcoder with session keys joins it and
// makes blocks, is killed, and leaves without a slash. All the while blocks become final, and a light
// client follows over both changes.
//
//   node validators.mjs PATH_OF_LIVEPEER_NODE
//
// Starts and ends six nodes of a local network. Prints what it saw as JSON; exits 1 when a step does not
// hold, with the end of a node's log.
import { bestOf, enrol, finalOf, keyOf, run, until, validates } from "./network.mjs";

const BOND = 1_000n * 10n ** 18n;
/** Blocks after a change of the set by which it is in the past of everybody. */
const BEHIND = 12;

await run("validators", async (network) => {
	const [alice] = await network.startFive();
	const light = await network.light();
	await until("the light client follows", 120, async () => (await light.final()).number >= 1);
	/** Waits until the light client knows as final what came after block `number`, as the node does. */
	const follows = async (number) => {
		const seen = await until(`the light client passes block ${number}`, 180, async () => {
			const seen = await light.final();
			return seen.number >= number + BEHIND && seen;
		});
		const hash = (await alice.rpc.chain.getBlockHash(seen.number)).toString();
		if (hash !== seen.hash) throw new Error(`the light client has ${seen.hash} at ${seen.number}, the node ${hash}`);
		return seen.number;
	};

	const own = await network.start("ferdie");
	const ferdie = keyOf("ferdie");
	await enrol(alice, own, "ferdie", BOND);
	const isIn = () => validates(alice, ferdie.address);
	await until("it validates", 400, isIn);
	const joined = await bestOf(alice);
	await until("it makes a block", 180, async () => {
		const { author } = await alice.derive.chain.getHeader(await alice.rpc.chain.getBlockHash());
		return author?.eq(ferdie.address) ?? false;
	});
	const joinedLight = await follows(joined);

	network.kill("ferdie");
	await until("it is out of the set", 600, async () => !(await isIn()));
	const left = await bestOf(alice);
	const stake = (await alice.call.livepeerApi.stake(ferdie.address)).toJSON();
	if (BigInt(stake.nextRound) < BOND) throw new Error(`it was slashed for being away: ${stake.nextRound}`);
	await until("blocks become final without it", 120, async () => (await finalOf(alice)) >= left + BEHIND);
	const leftLight = await follows(left);
	return { joined, joinedLight, left, leftLight };
});
