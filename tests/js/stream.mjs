// The set of validators changes and changes again while somebody watches a stream: a newcomer joins with its
// verify service, makes blocks, resigns and leaves. The stream goes on over both changes, and is judged and
// paid, which the demo looks at.
//
//   node stream.mjs PATH_OF_LIVEPEER_NODE DATA_OF_THE_DEMO URL_OF_THE_PAGE
//
// Runs beside the demo (`--attack`) and ends when every job of its is over, for until then the newcomer may be
// asked to judge. Prints what it saw as JSON; exits 1 when a step does not hold, with the end of a log.
import { join } from "node:path";
import { bestOf, enrol, finalOf, keyOf, pause, run, send, until, validates } from "./network.mjs";
import { blocks } from "./penalties.mjs";

/** The demo's first node: its RPC, and the port of its peers. */
const [NODE, PEERS] = ["ws://127.0.0.1:9944", 30_400];
const [, , , data, page] = process.argv;
/**
 * The broadcaster's own account, with as much at stake as each of the five: nobody judges its own stream, so
 * that the demo's judges are those that it knows.
 */
const WHO = "ferdie";
const BOND = 10_000n * 10n ** 18n;
/** Blocks after it has left in which it makes none. */
const BEHIND = 12;
/** Seconds in which new segments come to who watches, with every chance: each lasts two. */
const PATIENCE = 30;

/** The newest segment that the page's player is told of, and whether more will come. */
async function listed() {
	const answer = await fetch(`${page}/0.m3u8`);
	if (!answer.ok) throw new Error(`the playlist is not served: ${answer.status}`);
	const text = await answer.text();
	// What is missing is listed as a gap.
	const entries = text.matchAll(/(?<!#EXT-X-GAP\n)#EXTINF:[^\n]*\n\d+\/(\d+)\.ts/g);
	const numbers = [...entries].map(([, number]) => Number(number));
	return { newest: numbers.at(-1) ?? -1, over: text.includes("#EXT-X-ENDLIST") };
}

/** Waits for new segments, which come only while the stream runs; gives the newest before them. */
async function goesOn(when) {
	const before = await listed();
	if (before.over) throw new Error(`the stream was over ${when}`);
	await until(`new segments ${when}`, PATIENCE, async () => (await listed()).newest > before.newest);
	return before.newest;
}

await run("stream", async (network) => {
	const api = await network.follow(join(data, "chain.json"), NODE, PEERS);
	const own = await network.start("newcomer", undefined, await network.verifier("judge", NODE));
	const { address } = keyOf(WHO);
	const before = (await api.query.session.validators()).length;
	await until("it has caught up", 120, async () => (await finalOf(own)) >= (await finalOf(api)) - 2);
	await enrol(api, own, WHO, BOND);
	await until("it validates", 400, () => validates(api, address));
	const joined = await bestOf(api);
	const atJoin = await goesOn("when the set had grown");
	if ((await api.query.session.validators()).length !== before + 1) throw new Error("not one more validates");

	// It is elected for this round, and not for the next.
	const { error } = await send(api, WHO, api.tx.transcoderElection.resign());
	if (error) throw new Error(`it cannot resign: ${error}`);
	await until("it is out of the set", 400, async () => !(await validates(api, address)));
	const left = await bestOf(api);
	const atLeave = await goesOn("when the set had shrunk");

	const made = [];
	for await (const { number, author } of blocks(api, joined - 1, left + BEHIND)) {
		if (author === address) made.push(number);
	}
	if (made.length === 0) throw new Error(`it made no block from ${joined} to ${left}`);
	if (made.at(-1) > left) throw new Error(`it made block ${made.at(-1)}, and had left before ${left}`);
	const jobs = () => Promise.all([api.query.jobs.jobs.entries(), api.query.jobs.openClaims.entries()]);
	await until("every job is over", 480, async () => (await jobs()).every((open) => open.length === 0));
	await pause(10_000);
	const slashed = (await api.call.livepeerApi.backing(address)).slashed.toBigInt();
	if (slashed !== 0n) throw new Error(`it was slashed: ${slashed} billionths`);
	return { joined, atJoin, first: made[0], last: made.at(-1), left, atLeave };
});
