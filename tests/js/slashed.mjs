// One of five validators is shown to have signed two votes in one round, by somebody who is paid for it. It is
// slashed in the block of the report and makes none after it, though its node runs on.
//
//   node slashed.mjs PATH_OF_LIVEPEER_NODE
//
// The votes are signed here with its well-known key: its own node signs nothing twice. Starts and ends five
// nodes of a local network. Prints what it saw as JSON; exits 1 when a step does not hold, with the end
// of a node's log.
import { Keyring } from "@polkadot/api";
import { u8aConcat, u8aToHex } from "@polkadot/util";
import { bestOf, FIVE, finalOf, keyOf, run, send, until, validates } from "./network.mjs";
import { blocks, holdings, onlyLoser, punished } from "./penalties.mjs";

/** Blocks in which a validator that is not slashed has made one, with every chance. */
const TURNS = 60;
/** Blocks after it has left the set in which it makes none either. */
const BEHIND = 12;

await run("slashed", async (network) => {
	const apis = await network.startFive();
	const [alice] = apis;
	const eve = keyOf("eve").address;
	let turn;
	for await (const { number, author } of blocks(alice, 1, TURNS)) {
		if (author === eve) turn = number;
		if (turn && number >= turn) break;
	}
	if (!turn) throw new Error(`it made none of ${TURNS} blocks`);

	const key = new Keyring({ type: "ed25519" }).addFromUri("//Eve");
	const set = await alice.query.grandpa.currentSetId();
	const { best } = (await alice.rpc.grandpa.roundState()).toJSON();
	const vote = (targetHash) => {
		const precommit = alice.createType("FinalityGrandpaPrecommit", { targetHash, targetNumber: 1 });
		const [round, of] = [best.round, set].map((number) => alice.createType("u64", number).toU8a());
		// What GRANDPA signs: the vote with its kind, the round, the set.
		return [precommit, key.sign(u8aConcat([1], precommit.toU8a(), round, of))];
	};
	const equivocation = {
		Precommit: {
			roundNumber: best.round,
			identity: key.publicKey,
			first: vote(`0x${"01".repeat(32)}`),
			second: vote(`0x${"02".repeat(32)}`),
		},
	};
	// The client takes the answer's own bytes for those of the proof in it, so they are read here.
	const asked = u8aToHex(u8aConcat(set.toU8a(), key.publicKey));
	const answer = await alice.rpc.state.call("GrandpaApi_generate_key_ownership_proof", asked);
	const proof = alice.createType("Option<Bytes>", answer.toU8a(true)).unwrap();
	const report = alice.tx.grandpa.reportEquivocation(
		{ setId: set, equivocation },
		alice.createType("SpSessionMembershipProof", proof.toU8a(true)),
	);
	const names = [...FIVE, "ferdie", "bob//stash", "charlie//stash"];
	const first = await finalOf(alice);
	const before = await holdings(alice, first, names);
	const { error } = await send(alice, "ferdie", report);
	if (error) throw new Error(`the report was refused: ${error}`);

	await until("it is out of the set", 120, async () => !(await validates(alice, eve)));
	const left = await bestOf(alice);
	const last = left + BEHIND;
	for (const [place, api] of apis.entries()) {
		await until(`${FIVE[place]} has block ${last} final`, 120, async () => (await finalOf(api)) >= last);
	}
	const { reports, made } = await punished(alice, "eve", first, last);
	if (reports.length !== 1) throw new Error(`it was slashed ${reports.length} times`);
	if (reports[0].finder !== keyOf("ferdie").address) throw new Error(`the finder is ${reports[0].finder}`);
	await onlyLoser(alice, "eve", before, await holdings(alice, last, names), reports);
	if (!network.runs("eve")) throw new Error("its node ended");
	const [{ number, taken, fee }] = reports;
	return { made: made ?? turn, slashed: number, taken: `${taken}`, fee: `${fee}`, left, last };
});
