// Floods a node of a running network with verdicts that nobody owes, as many as its RPC takes, and looks
// whether any is in a block, and whether those that are owed come in time.
//
//   node flood.mjs ws://127.0.0.1:9944 [SECONDS]
//
// The flood begins with the first ballot and lasts SECONDS (60). Each call is one of four kinds: of a judge that owes
// one, under a signature that is not its own; of a judge, a tranche or a claim that there is not. Then every block
// since is read, and every claim that was judged meanwhile is waited for. Prints what happened as JSON; exits 1 where
// a call of the flood was taken, or is in a block, or where a judge has paid.
import { randomBytes } from "node:crypto";
import { ApiPromise, WsProvider } from "@polkadot/api";
import { compactToU8a, u8aConcat, u8aToHex } from "@polkadot/util";

// The demo adds the URL of its page.
const [url, given] = process.argv.slice(2);
const seconds = Number.isFinite(Number(given)) ? Number(given) : 60;
if (!url) {
	console.error("usage: node flood.mjs URL [SECONDS]");
	process.exit(2);
}
/** Connections, and calls on the way in each. */
const CONNECTIONS = 4;
const AT_ONCE = 32;
/** With what each commitment of the flood begins. */
const MARK = "f100df100df100d0";
/** Invalid, and unknown where a claim or a tranche may still come; what the pool cannot read it refuses otherwise. */
const REFUSED = [1010, 1011];

const problems = [];
const expect = (holds, what) => holds || problems.push(what);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true, throwOnConnect: true });
const { commitVerdict } = api.tx.challengeLottery;

/** Waits for what `found` gives. */
async function until(what, found, patience) {
	for (let left = patience; left > 0; left--) {
		const it = await found();
		if (it) return it;
		await sleep(1000);
	}
	console.error(`${what}: not in ${patience} s`);
	process.exit(1);
}

/** The ballots whose members can commit: claim, tranche and number of members. */
async function ballots() {
	const entries = await api.query.challengeLottery.ballots.entries();
	return entries
		.map(([{ args }, ballot]) => ({ claim: args[0].toString(), ballot: ballot.unwrap() }))
		.filter(({ ballot }) => ballot.phase.isCommit)
		.map(({ claim, ballot }) => ({ claim, tranche: ballot.tranche.toNumber(), members: ballot.members.toNumber() }));
}

/** A call as a transaction that no account signs: the fifth format, its general kind, the extensions' first version,
 * and of the extensions era, nonce, tip, asset and metadata's hash, each of which is nothing. */
function general(call) {
	const bytes = u8aConcat([0x45, 0x00], [0x00, 0x00, 0x00, 0x00, 0x00], call.method.toU8a());
	return u8aToHex(u8aConcat(compactToU8a(bytes.length), bytes));
}

/** The next verdict that nobody owes. */
function verdict(number, open) {
	const { claim, tranche, members } = open[number % open.length];
	const kind = Math.floor(number / open.length) % 4;
	const commitment = `0x${MARK}${randomBytes(24).toString("hex")}`;
	return general(
		commitVerdict(
			kind === 1 ? BigInt(claim) + 1_000_000n + BigInt(number) : claim,
			kind === 2 ? 100 + (number % 100) : tranche,
			kind === 3 ? 1000 + (number % 60_000) : number % members,
			commitment,
			u8aToHex(randomBytes(64)),
		),
	);
}

await until("a ballot", async () => (await ballots()).length > 0, 300);
const first = (await api.rpc.chain.getHeader()).number.toNumber();
const end = Date.now() + seconds * 1000;
let [sent, taken, slowest] = [0, 0, 0];
const refusals = {};
let open = await ballots();
async function flood(provider) {
	while (Date.now() < end) {
		if (!open.length) {
			await sleep(20);
			continue;
		}
		const call = verdict(sent++, open);
		const began = Date.now();
		try {
			await provider.send("author_submitExtrinsic", [call]);
			taken++;
		} catch (error) {
			const said = `${error.code}: ${error.data ?? error.message}`;
			refusals[said] = (refusals[said] ?? 0) + 1;
			expect(REFUSED.includes(error.code) || problems.length > 5, `a call was answered by ${said}`);
		}
		slowest = Math.max(slowest, Date.now() - began);
	}
}
/** Keeps to the ballots that are open; where there is none, to the last. */
async function look() {
	while (Date.now() < end) {
		const now = await ballots();
		if (now.length) open = now;
		await sleep(500);
	}
}
const providers = Array.from({ length: CONNECTIONS }, () => new WsProvider(url));
await Promise.all(providers.map((provider) => provider.isReady));
await Promise.all([look(), ...providers.flatMap((provider) => Array.from({ length: AT_ONCE }, () => flood(provider)))]);
await Promise.all(providers.map((provider) => provider.disconnect()));
const last = (await api.rpc.chain.getHeader()).number.toNumber();

// What was judged meanwhile, and what came of it.
const judged = new Set();
const executed = new Set();
let [verdicts, included, next] = [0, 0, first];
const penalties = [];
async function read() {
	const head = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
	for (; next <= head; next++) {
		const hash = await api.rpc.chain.getBlockHash(next);
		const { block } = await api._rpcCore.provider.send("chain_getBlock", [hash.toHex()]);
		included += block.extrinsics.filter((extrinsic) => extrinsic.includes(MARK)).length;
		for (const { event } of await (await api.at(hash)).query.system.events()) {
			if (event.section !== "challengeLottery") continue;
			const claim = event.data.claim?.toString();
			if (event.method === "CommitStarted" && next <= last) judged.add(claim);
			if (event.method === "VerdictRevealed" && next <= last) verdicts++;
			if (event.method === "Executed") executed.add(claim);
			if (event.method === "Penalised") penalties.push(`${event.data.penalty} in claim ${claim}`);
		}
	}
	return next > last && [...judged].every((claim) => executed.has(claim));
}
await until("what was judged meanwhile is executed", read, 300);

expect(sent > 0, "nothing was sent");
expect(taken === 0, `${taken} calls were taken`);
expect(included === 0, `${included} calls are in a block`);
expect(
	Object.keys(refusals).some((said) => /signature/i.test(said)),
	"no signature was looked at",
);
expect(verdicts > 0 && judged.size > 0, "nobody judged anything meanwhile");
expect(penalties.length === 0, `judges paid: ${penalties}`);
const perSecond = Math.round(sent / seconds);
console.log(
	JSON.stringify({ seconds, sent, perSecond, slowest, refusals, blocks: last - first, judged: judged.size, verdicts, problems }),
);
await api.disconnect();
process.exit(problems.length ? 1 : 0);
