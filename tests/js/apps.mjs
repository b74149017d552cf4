// Walks through docs/apps.md on a development chain, as somebody would in polkadot.js Apps, which is
// built on the same library: every call and every read that the guide names is there with the fields
// that it names, and what a delegator, a broadcaster, a transcoder, a validator and a judge do by it does what it
// says.
//
//   node apps.mjs ws://127.0.0.1:9944 livepeer-worker
//
// The second argument is the worker's program: it is to pay its fees as the guide says.
//
// Takes up to two minutes, for it waits until a round is over. What a chain that began just now cannot do is
// seen refused, with the error that says so: `withdrawStake` takes 15 rounds of a minute and
// `withdrawFees` a transcoder that was paid (`make test-withdrawal` does both), `nextTranscoder` one that works,
// `draw` and `reportMissed` a claim, `unjail` a verdict
// (`jailed_validator_should_leave_at_the_next_rotation_and_the_chain_goes_on`).
//
// Prints what it did as JSON; exits 1 with every step of the guide that does not hold.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { u8aToHex } from "@polkadot/util";

const [url, worker] = process.argv.slice(2);
if (!worker) {
	console.error("usage: node apps.mjs URL WORKER");
	process.exit(2);
}
const problems = [];
const expect = (holds, what) => holds || problems.push(what);
// Else the library takes the fee's asset for a place in a Polkadot network.
const types = { TAssetConversion: "Option<u32>" };
const api = await ApiPromise.create({ provider: new WsProvider(url), types, noInitWarn: true, throwOnConnect: true });
const reads = api.call.livepeerApi;
const UNIT = 10n ** 18n;
/** The asset that ETH is. */
const ETH = 1;
const lpt = (amount) => BigInt(amount) * UNIT;

// The guide's own words.
const guide = readFileSync(new URL("../../docs/apps.md", import.meta.url), "utf8");
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const done = new Set();
const named = new Map();
for (const [, pallet, call, list] of guide.matchAll(/`(\w+)\.(\w+)\(([^`]*)\)`/g)) {
	const made = api.tx[pallet]?.[call];
	if (!made) {
		problems.push(`the guide names ${pallet}.${call}, which the chain has not`);
		continue;
	}
	named.set(`${pallet}.${call}`, true);
	const known = made.meta.args.map(({ name }) => camel(name.toString()));
	const given = list.split(",").map((name) => name.trim()).filter(Boolean);
	if (!given.includes("…")) expect(given.length === known.length, `${pallet}.${call} takes (${known.join(", ")})`);
	given.forEach((name, place) => {
		// One letter stands for a number.
		if (name.length > 1) expect(known[place] === name, `${pallet}.${call} calls ${name} ${known[place]}`);
	});
}
const fieldsOfTypes = new Set(
	api.registry.lookup.types.flatMap(({ type: { def } }) =>
		def.isComposite ? def.asComposite.fields.filter(({ name }) => name.isSome).map(({ name }) => camel(name.unwrap().toString())) : [],
	),
);
for (const [, row] of guide.matchAll(/^\|(.*)\|$/gm)) {
	const [, asked, fields] = row.split("|");
	for (const [, read, list] of (asked ?? "").matchAll(/`(\w+)\(([^`]*)\)`/g)) {
		const answers = reads[read];
		expect(answers, `the guide reads ${read}, which the chain does not answer`);
		const params = answers?.meta.params.map(({ name }) => camel(name.toString())).join(", ");
		expect(!answers || params === list, `${read} takes (${params})`);
	}
	for (const [, field] of ((asked ?? "").includes("(") ? (fields ?? "") : "").matchAll(/`(\w+)`/g)) {
		expect(fieldsOfTypes.has(field), `the guide looks at ${field}, which nothing shows`);
	}
}

// Whoever walks: new accounts, so that the chain's own are as they were.
const ring = new Keyring({ type: "sr25519" });
const run = Date.now();
const [alice, bob, charlie] = ["//Alice", "//Bob", "//Charlie"].map((uri) => ring.addFromUri(uri));
const people = Object.fromEntries(
	["delegator", "heir", "transcoder", "cold", "hot", "broadcaster", "spender", "judge"].map((name) => [
		name,
		ring.addFromUri(`//Apps//${run}//${name}`),
	]),
);
const { delegator, heir, transcoder, cold, hot, broadcaster, spender, judge } = people;
/** Has ETH and no LPT at all. */
const stranger = { suri: `//Apps//${run}//stranger` };
const nonces = new Map();

/** Sends a call; gives the events, or the error as Apps shows it. */
async function send(who, call, { note = true, ...options } = {}) {
	const name = `${call.method.section}.${call.method.method}`;
	if (note) done.add(name);
	const nonce = nonces.get(who.address) ?? (await api.rpc.system.accountNextIndex(who.address)).toNumber();
	nonces.set(who.address, nonce + 1);
	return new Promise((resolve, reject) => {
		call
			.signAndSend(who, { nonce, ...options }, ({ status, events, dispatchError }) => {
				if (!status.isInBlock) {
					if (status.isInvalid || status.isDropped) reject(new Error(`${name}: ${status}`));
					return;
				}
				if (!dispatchError) return resolve({ name, events: events.map(({ event }) => event) });
				const { section, name: error, docs } = dispatchError.isModule
					? api.registry.findMetaError(dispatchError.asModule)
					: { section: "", name: dispatchError.toString(), docs: [] };
				resolve({ name, error: `${section}.${error}`, says: docs.join(" ") });
			})
			.catch((error) => {
				nonces.delete(who.address);
				reject(error);
			});
	});
}
const ok = async (who, call, options) => {
	const sent = await send(who, call, options);
	expect(!sent.error, `${sent.name} was refused: ${sent.error}`);
	return sent;
};
/** A call that is refused, with a sentence that says what to do. */
const refused = async (who, call, error) => {
	const sent = await send(who, call);
	expect(sent.error === error, `${sent.name} gave ${sent.error ?? "no error"} instead of ${error}`);
	expect(!sent.error || sent.says.length > 20, `${error} says nothing`);
};
const stake = async (who) => (await reads.stake(who.address)).toJSON();
const round = async () => (await reads.clock()).toJSON().round;
const seat = async (who) => (await reads.pool()).toJSON().find(({ account }) => account === who.address);
const { assets, balances, challengeLottery, jobs, lptStaking, operatorKeys, proxy, session, transcoderElection, utility } =
	api.tx;

async function asDelegator() {
	await ok(delegator, lptStaking.bond(lpt(100), bob.address));
	let seen = await stake(delegator);
	expect(seen.delegate === bob.address && BigInt(seen.nextRound) === lpt(100), "the bond does not show in stake()");
	expect(BigInt(seen.counting) === 0n, "it counts before the next round");
	await refused(delegator, lptStaking.bond(lpt(1), charlie.address), "lptStaking.BondedElsewhere");
	await refused(delegator, lptStaking.bond(lpt(10 ** 12), bob.address), "lptStaking.NotEnoughFree");
	await refused(delegator, lptStaking.withdrawFees(), "lptStaking.NoFees");
	await ok(delegator, lptStaking.unbond(lpt(40)));
	const [lock] = (await stake(delegator)).locks;
	expect(lock.release > (await round()) && lock.releaseBlock > 0 && !lock.heldBack, "the lock has no date");
	await refused(delegator, lptStaking.withdrawStake(lock.id), "lptStaking.StillUnbonding");
	await ok(delegator, lptStaking.rebond(lock.id, bob.address));
	expect(BigInt((await stake(delegator)).nextRound) === lpt(100), "rebond did not bring it back");
	await ok(delegator, lptStaking.transferBond(lpt(30), heir.address));
	const [offer] = (await stake(delegator)).locks;
	expect(offer.offeredTo === heir.address, "the offer does not show");
	await ok(heir, lptStaking.acceptBond(delegator.address, offer.id, bob.address, lpt(30)));
	seen = await stake(heir);
	expect(seen.delegate === bob.address && BigInt(seen.nextRound) === lpt(30), "the bond has no new owner");
	await ok(delegator, lptStaking.moveBond(charlie.address));
	const [moving] = (await stake(delegator)).locks;
	expect(moving.movesTo === charlie.address && moving.liableUntil > (await round()), "the move does not show");
	await refused(delegator, lptStaking.rebond(moving.id, charlie.address), "lptStaking.StillLiable");
	await ok(delegator, lptStaking.rebond(moving.id, bob.address));
	await asOfARoundThatIsOver();
}

/** What the delegator had when a round ended can be read when it has something else. */
async function asOfARoundThatIsOver() {
	const over = await round();
	while ((await round()) === over) await new Promise((resolve) => setTimeout(resolve, 1000));
	await ok(delegator, lptStaking.unbond(lpt(20)));
	// No block is closed on this chain, so that the clock's are the chain's.
	const { start } = (await api.query.rounds.current()).toJSON();
	const then = (await api.at(await api.rpc.chain.getBlockHash(start - 1))).call.livepeerApi;
	expect((await then.clock()).toJSON().round === over, "a round's last block is not the one before the next begins");
	const [had, has] = [(await then.stake(delegator.address)).toJSON(), await stake(delegator)];
	expect(BigInt(had.nextRound) === lpt(70) && had.locks.length === 0, "stake() says nothing of a round that is over");
	expect(BigInt(has.counting) >= lpt(50) && BigInt(has.nextRound) < lpt(70) && has.locks.length === 1, "stake() does not say what is now");
}

/** Waits out the last tenth of a round, in which terms are frozen. */
async function outsideLockPeriod() {
	const { length } = (await reads.parameters()).toJSON().rounds;
	for (;;) {
		const { block } = (await reads.clock()).toJSON();
		const { start } = (await api.query.rounds.current()).toJSON();
		if (block - start < length - length / 10 - 6) return;
		await new Promise((resolve) => setTimeout(resolve, 1000));
	}
}

async function asTranscoder() {
	await ok(transcoder, lptStaking.bond(lpt(60), transcoder.address));
	await outsideLockPeriod();
	const terms = { price: 10n ** 13n, rewardCut: 100_000_000, feeShare: 500_000_000 };
	const service = { peerId: "0x00", addresses: [], url: "" };
	const registered = await ok(transcoder, transcoderElection.transcoder(terms, service));
	if (registered.error) return;
	expect((await reads.termsOf(transcoder.address)).toJSON()?.rewardCut === terms.rewardCut, "termsOf() does not say what the next round takes over");
	const seen = await seat(transcoder);
	expect(seen?.reason === "New", `pool() gives ${seen?.reason} as the reason of a new one`);
	const view = (await reads.transcoder(transcoder.address)).toJSON();
	expect(view.rewardCut === terms.rewardCut && view.feeShare === terms.feeShare, "its terms do not show");
	await ok(transcoder, operatorKeys.setKeys("Duties", [{ Sr25519: hot.publicKey }], u8aToHex(hot.publicKey)));
	await ok(transcoder, transcoderElection.setAvailable(1, []));
	await refused(transcoder, transcoderElection.unjail(), "transcoderElection.NotJailed");
	await asValidator();
	await ok(transcoder, transcoderElection.resign());
	expect(!(await seat(transcoder)), "it is in the list after it resigned");
	await ok(transcoder, lptStaking.unbond(lpt(60)));
}

async function asValidator() {
	// Of a validator's own node; here it is the one that runs.
	const { keys, proof } = await api._rpcCore.provider.send("author_rotateKeysWithOwner", [u8aToHex(transcoder.publicKey)]);
	await ok(transcoder, session.setKeys(keys, proof));
	expect((await api.query.session.nextKeys(transcoder.address)).isSome, "its keys are not stored");
	await ok(transcoder, transcoderElection.purgeKeys());
	expect((await api.query.session.nextKeys(transcoder.address)).isNone, "its keys are still there");
}

async function asBroadcaster() {
	const eth = (thousandths) => BigInt(thousandths) * 10n ** 15n;
	const name = "apps";
	const { block } = (await reads.clock()).toJSON();
	const end = block + 1_000;
	await ok(broadcaster, operatorKeys.setKeys("Segments", [{ Sr25519: hot.publicKey }], null));
	await ok(broadcaster, jobs.setSpendingKey(spender.address, eth(2_000), end, { create: true, topUp: true, end: false }));
	await ok(broadcaster, jobs.setOrigin(name, { peerId: "0x00", addresses: [], url: "" }));
	const ladder = [{ width: 640, height: 360, profile: 1, kbps: 800, capKbps: 800 }];
	const limits = { width: 1280, height: 720, fps: 30, longest: 225_000, shortest: 90_000 };
	const job = (broadcaster, name) => jobs.createJob(broadcaster, name, ladder, limits, eth(10), end, eth(1_000));
	await refused(spender, job(null, name), "jobs.InsufficientEth");
	const created = await ok(spender, job(broadcaster.address, name));
	if (created.error) return;
	const { data } = created.events.find(({ method }) => method === "JobCreated");
	const id = data.job.toNumber();
	expect((await reads.jobOfStream(data.stream)).toJSON() === id, "the stream has not its job");
	const view = async () => (await reads.job(id)).toJSON();
	let seen = await view();
	expect(seen.broadcaster === broadcaster.address && seen.end === end && !seen.ended, "the job does not show as it was made");
	const [key] = (await reads.spendingKeys(broadcaster.address)).toJSON();
	expect(key.key === spender.address && BigInt(key.spent) >= eth(1_000) && key.expiry === end, "what the key spent does not show");
	await ok(broadcaster, jobs.topUp(id, eth(500)));
	// On a chain where nobody works all of the budget is there still.
	seen = await view();
	expect(seen.current || BigInt(seen.unreserved) === eth(1_500), "the top-up does not show");
	if (!seen.current) await refused(broadcaster, jobs.nextTranscoder(id, 0), "jobs.NoAssignment");
	await refused(spender, jobs.endJob(id), "jobs.OutOfScope");
	await ok(broadcaster, jobs.endJob(id));
	seen = await view();
	expect(seen === null || seen.ended, "the job goes on");
	await ok(broadcaster, jobs.removeSpendingKey(broadcaster.address, spender.address));
	await ok(broadcaster, jobs.clearOrigin(name));
	expect((await reads.spendingKeys(broadcaster.address)).isEmpty, "the key is still there");
}

/** Has jobs, and pays for them and for the calls with ETH alone. */
async function asStranger() {
	const who = ring.addFromUri(stranger.suri);
	const inEth = { assetId: ETH };
	const ladder = [{ width: 640, height: 360, profile: 1, kbps: 800, capKbps: 800 }];
	const limits = { width: 1280, height: 720, fps: 30, longest: 225_000, shortest: 90_000 };
	const end = (await reads.clock()).toJSON().block + 1_000;
	const broke = await send(who, jobs.createJob(null, "stranger", ladder, limits, UNIT / 100n, end, UNIT)).then(
		(sent) => sent.error,
		(error) => error.message,
	);
	expect(/Inability to pay/.test(broke), `without LPT and without a word of ETH: ${broke}`);
	const created = await ok(who, jobs.createJob(null, "stranger", ladder, limits, UNIT / 100n, end, UNIT), inEth);
	if (created.error) return;
	const paid = created.events.find(({ section, method }) => section === "assetTxPayment" && method === "AssetTxFeePaid");
	expect(paid?.data.assetId.toString() === String(ETH) && paid.data.actualFee.toBigInt() > 0n, "no fee in ETH shows");
	const { data } = created.events.find(({ method }) => method === "JobCreated");
	await ok(who, jobs.endJob(data.job), inEth);
	// The worker does so by itself.
	const spend = ["keys", "spend", "--to", spender.address, "--cap", "0.1", "--suri", stranger.suri, "--node", url];
	await promisify(execFile)(worker, spend).catch(({ stderr }) => problems.push(`without LPT the worker says: ${stderr}`));
	const named = (await reads.spendingKeys(who.address)).toJSON();
	expect(named.some(({ key }) => key === spender.address), "the worker named no spending key");
	const { data: balance } = (await api.query.system.account(who.address)).toJSON();
	expect(BigInt(balance.free) === 0n, "it has LPT");
}

async function asJudge() {
	// As many claims as no chain of a minute has.
	const claim = 4_000_000_000;
	expect((await reads.duties(judge.address)).isEmpty, "somebody who judges nothing owes something");
	expect((await reads.challenge(claim)).isNone && (await reads.judgement(claim)).isNone, "a claim shows that there is not");
	const { work, judged, blocks } = (await reads.performance(transcoder.address)).toJSON();
	expect([work, judged, blocks].every((value) => BigInt(value) === 0n), "a transcoder that claimed nothing has a record");
	expect((await reads.asking(claim)).isEmpty && (await reads.noShows(judge.address)).isZero(), "somebody was silent");
	await refused(judge, challengeLottery.draw(claim), "challengeLottery.NoChallenge");
	await refused(judge, challengeLottery.reportMissed(claim), "challengeLottery.NoChallenge");
}

async function asCold() {
	await ok(cold, proxy.addProxy(hot.address, "Staking", 0));
	const bonded = await send(hot, proxy.proxy(cold.address, null, lptStaking.bond(lpt(10), bob.address)));
	expect(!bonded.error && (await stake(cold)).delegate === bob.address, "a staking proxy cannot bond");
	const given = await send(hot, proxy.proxy(cold.address, null, lptStaking.transferBond(lpt(10), hot.address)));
	const result = given.events?.find(({ method }) => method === "ProxyExecuted")?.data[0];
	expect(given.error || result?.isErr, "a staking proxy gives the bond away");
}

try {
	await ok(
		alice,
		utility.batchAll([
			...Object.values(people).map(({ address }) => balances.transferKeepAlive(address, lpt(200))),
			assets.transferKeepAlive(ETH, broadcaster.address, 3n * UNIT),
			assets.transferKeepAlive(ETH, ring.addFromUri(stranger.suri).address, 3n * UNIT),
		]),
	);
	await Promise.all([asDelegator(), asTranscoder(), asBroadcaster(), asStranger(), asJudge(), asCold()]);
} catch (error) {
	problems.push(`the walk ended early: ${error.message}`);
}
for (const name of named.keys()) expect(done.has(name), `the guide names ${name}, and no step here sends it`);
console.log(JSON.stringify({ named: named.size, done: done.size, problems }));
await api.disconnect();
process.exit(problems.length ? 1 : 0);
