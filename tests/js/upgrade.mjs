// Upgrades the runtime of a running chain, as governance does: Sudo authorises the hash of the new
// code, then anyone hands the code in.
//
//   node upgrade.mjs WASM DIRECTORY ws://127.0.0.1:9944
//
// Writes the state before and after into DIRECTORY (`before.json`, `after.json`: keys and values in
// hex), and prints what happened as JSON. Exits 1 when the chain does not run the new code in the
// end, or does not stay open.
import { readFileSync, writeFileSync } from "node:fs";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { blake2AsHex } from "@polkadot/util-crypto";

const [wasm, directory, url] = process.argv.slice(2);
if (!url) {
	console.error("usage: node upgrade.mjs WASM DIRECTORY URL");
	process.exit(2);
}
const PAGE = 500;
const BLOCKS_AFTER = 3;
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

/** Waits for a final block of which `holds` is true, and returns its hash. */
const untilFinal = (holds) =>
	new Promise((resolve, reject) => {
		const stop = api.rpc.chain.subscribeFinalizedHeads(async (header) => {
			try {
				if (!(await holds(header))) return;
				(await stop)();
				resolve(header.hash);
			} catch (error) {
				reject(error);
			}
		});
	});
const versionAt = async (hash) => (await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber();

const code = readFileSync(wasm);
const before = await api.rpc.chain.getFinalizedHead();
const old = await versionAt(before);
const keysBefore = await dump(before, "before.json");
await send(api.tx.sudo.sudo(api.tx.system.authorizeUpgrade(blake2AsHex(code))));
await send(api.tx.system.applyAuthorizedUpgrade(`0x${code.toString("hex")}`));
const first = await untilFinal(async (header) => (await versionAt(header.hash)) > old);
const height = (await api.rpc.chain.getHeader(first)).number.toNumber();
const after = await untilFinal((header) => header.number.toNumber() >= height + BLOCKS_AFTER);
const keysAfter = await dump(after, "after.json");

const at = await api.at(after);
const open = (await at.query.safeMode.enteredUntil()).isNone;
const upgraded = await versionAt(after);
console.log(JSON.stringify({ from: old, to: upgraded, block: height, open, keysBefore, keysAfter }));
await api.disconnect();
process.exit(upgraded === old + 1 && open ? 0 : 1);
