// Upgrades the runtime of a running chain, as governance does: Sudo authorises the hash of the new
// code, then anyone hands the code in. That is done while a claim is judged: as soon as one is drawn.
//
//   node upgrade.mjs WASM DIRECTORY ws://127.0.0.1:9944
//
// Writes the state before and after into DIRECTORY (`before.json`, `after.json`: keys and values in
// hex), and prints what happened as JSON. Exits 1 when the chain does not run the new code in the
// end, does not stay open, or when not every claim whose challenge was open when the code changed is
// accepted afterwards, and paid.
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { blake2AsHex } from "@polkadot/util-crypto";

const [wasm, directory, url] = process.argv.slice(2);
if (!url) {
	console.error("usage: node upgrade.mjs WASM DIRECTORY URL");
	process.exit(2);
}
const PAGE = 500;
/** Blocks after the new code's first in which the state is written down once more. */
const BLOCKS_AFTER = 3;
/** Blocks in which a claim that is drawn is paid, with all the time that its judges may take. */
const BLOCKS_TO_PAY = 150;
const POLL_MS = 500;
const PATIENCE_MS = 480_000;
/** Where a challenge stands that is drawn and not decided. */
const OPEN = ["LeafReveal", "Voting", "AwaitingTranche", "AwaitingDispute"];

// A chain that stands still would be waited for without an end.
const patience = setTimeout(() => {
	console.error(`not done after ${PATIENCE_MS / 1000} s`);
	process.exit(1);
}, PATIENCE_MS);
const provider = new WsProvider(url);
const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
const alice = new Keyring({ type: "sr25519" }).addFromUri("//Alice");

/** Every key of the state at a block with its value. */
async function dump(hash, file) {
	const top = {};
	for (let last; ; ) {
		const keys = await provider.send("state_getKeysPaged", ["0x", PAGE, last, hash.toHex()]);
		if (keys.length === 0) break;
		last = keys.at(-1);
		const [{ changes }] = await provider.send("state_queryStorageAt", [keys, hash.toHex()]);
		for (const [key, value] of changes) top[key] = value;
	}
	writeFileSync(`${directory}/${file}`, JSON.stringify(top));
	return Object.keys(top).length;
}

/** Sends a call of Alice's and waits until it is final. */
const send = (call) =>
	new Promise((resolve, reject) => {
		call
			.signAndSend(alice, ({ status, dispatchError, events }) => {
				const failed = dispatchError ?? sudone(events);
				if (failed) reject(new Error(failed.toString()));
				else if (status.isFinalized) resolve(status.asFinalized);
				else if (status.isInvalid || status.isDropped) reject(new Error(status.toString()));
			})
			.catch(reject);
	});
/** The error of what Sudo called. */
const sudone = (events) =>
	events
		.filter(({ event }) => api.events.sudo.Sudid.is(event))
		.map(({ event }) => event.data[0])
		.find((result) => result.isErr)?.asErr;

/** The final blocks from a number on, in order. */
async function* finalFrom(number) {
	for (; ; number++) {
		while ((await numberOf(await api.rpc.chain.getFinalizedHead())) < number) await sleep(POLL_MS);
		yield { number, hash: await api.rpc.chain.getBlockHash(number) };
	}
}
const numberOf = async (hash) => (await api.rpc.chain.getHeader(hash)).number.toNumber();
const versionAt = async (hash) => (await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber();

/** The claims whose challenge stands at one of `stages` at a block. */
async function claimsAt(hash, stages) {
	const { query } = await api.at(hash);
	const challenges = await query.challengeLottery.challenges.entries();
	return challenges
		.filter(([, challenge]) => stages.includes(challenge.unwrap().stage.type))
		.map(([key]) => key.args[0].toNumber());
}

const code = readFileSync(wasm);
const old = await versionAt(await api.rpc.chain.getFinalizedHead());
await send(api.tx.sudo.sudo(api.tx.system.authorizeUpgrade(blake2AsHex(code))));
// The best block's, so that the claim that was just drawn still has all of its judging before it.
while ((await claimsAt(await api.rpc.chain.getBlockHash(), ["LeafReveal"])).length === 0) {
	await sleep(POLL_MS);
}
// The last block of the old code: it puts the new one in its place.
const last = await send(api.tx.system.applyAuthorizedUpgrade(`0x${code.toString("hex")}`));
const { number, parentHash } = await api.rpc.chain.getHeader(last);
const height = number.toNumber();
const keysBefore = await dump(parentHash, "before.json");

// What becomes of each claim that was open then, after it.
const claims = (await claimsAt(last, OPEN)).map((claim) => ({ claim }));
const arePaid = () => claims.every(({ settled }) => settled);
let keysAfter, open;
for await (const block of finalFrom(height + 1)) {
	const { query } = await api.at(block.hash);
	for (const { event } of await query.system.events()) {
		const [id, what] = event.data;
		const isOne = (pallet, name) => event.section === pallet && event.method === name;
		const isDecided = isOne("challengeLottery", "Decided");
		if (!isDecided && !isOne("jobs", "ClaimSettled")) continue;
		const claim = claims.find(({ claim }) => claim === id.toNumber());
		if (claim && isDecided) Object.assign(claim, { decided: block.number, outcome: what.type });
		else if (claim) Object.assign(claim, { settled: block.number, settlement: what.type });
	}
	if (block.number === height + BLOCKS_AFTER) {
		keysAfter = await dump(block.hash, "after.json");
		open = (await query.safeMode.enteredUntil()).isNone;
	}
	const isOver = block.number >= height + BLOCKS_AFTER && arePaid();
	if (isOver || block.number >= height + BLOCKS_TO_PAY) break;
}

const upgraded = await versionAt(await api.rpc.chain.getFinalizedHead());
console.log(
	JSON.stringify({ from: old, to: upgraded, block: height, open, keysBefore, keysAfter, claims }),
);
clearTimeout(patience);
await api.disconnect();
const areAllPaid =
	claims.length > 0 &&
	claims.every(({ outcome, settlement }) => outcome === "Accepted" && settlement === "Pay");
process.exit(upgraded === old + 1 && open && areAllPaid ? 0 : 1);
