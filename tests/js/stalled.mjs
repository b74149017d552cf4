// Two of five validators are gone for good, more than a third: nothing becomes final any more. Does what
// docs/operators/care.md says, and looks whether it helps.
//
//   node stalled.mjs PATH_OF_LIVEPEER_NODE
//
// Starts and ends five nodes of a local network. Prints what it saw as JSON; exits 1 when a step does
// not hold, with the end of a node's log.
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";

const [binary] = process.argv.slice(2);
if (!binary) {
	console.error("usage: node stalled.mjs PATH_OF_LIVEPEER_NODE");
	process.exit(2);
}
const SECOND = 1000;
const DELAY = 10;
const names = ["alice", "bob", "charlie", "dave", "eve"];
const folder = mkdtempSync(join(tmpdir(), "livepeer-stalled-"));
const logOf = (name) => join(folder, `${name}.log`);
const nodes = new Map();
const apis = [];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const freePort = () =>
	new Promise((resolve, reject) => {
		const server = createServer().once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});

// What `read` answers, once it answers anything.
async function until(what, seconds, read) {
	const end = Date.now() + seconds * SECOND;
	for (;;) {
		const found = await read();
		if (found !== undefined && found !== false) return found;
		if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
		await pause(SECOND);
	}
}

async function start(name, place, boot) {
	const [rpc, p2p] = [await freePort(), await freePort()];
	const log = openSync(logOf(name), "a");
	const args = ["--chain", "local", `--${name}`, "--node-key", (place + 1).toString(16).padStart(64, "0")];
	args.push("--base-path", join(folder, name), "--rpc-port", `${rpc}`, "--no-prometheus", "--no-mdns");
	args.push("--allow-private-ip", "--listen-addr", `/ip4/127.0.0.1/tcp/${p2p}`);
	if (boot) args.push("--bootnodes", boot);
	nodes.set(name, spawn(binary, args, { stdio: ["ignore", log, log] }));
	return { url: `ws://127.0.0.1:${rpc}`, p2p };
}

async function connect(url) {
	const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
	apis.push(api);
	return api;
}

const heightOf = async (api, hash) => (await api.rpc.chain.getHeader(hash)).number.toNumber();
const finalOf = async (api) => heightOf(api, await api.rpc.chain.getFinalizedHead());
const bestOf = async (api) => heightOf(api);
const addressesOf = (list) => list.map((who) => who.toString()).sort().join();

async function drill() {
	const first = await start(names[0], 0);
	const alice = await connect(first.url);
	const peer = (await alice.rpc.system.localPeerId()).toString();
	const boot = `/ip4/127.0.0.1/tcp/${first.p2p}/p2p/${peer}`;
	const urls = [];
	for (const [place, name] of names.entries()) if (place > 0) urls.push((await start(name, place, boot)).url);
	const left = [alice, await connect(urls[0]), await connect(urls[1])];
	await until("five validators make blocks final", 180, async () => (await finalOf(alice)) >= 3);

	// Gone for good. What is on its way may still become final.
	for (const name of ["dave", "eve"]) nodes.get(name).kill("SIGKILL");
	await pause(10 * SECOND);
	const stalled = await finalOf(alice);
	const keyring = new Keyring({ type: "sr25519" });
	const here = addressesOf(["//Alice", "//Bob", "//Charlie"].map((uri) => keyring.addFromUri(uri).address));
	await until("the gone are out of the set, and of the next one", 900, async () => {
		const now = addressesOf(await alice.query.session.validators());
		const next = addressesOf((await alice.query.session.queuedKeys()).map(([who]) => who));
		return now === here && next === here;
	});
	const replaced = await bestOf(alice);
	// The election alone heals nothing.
	const finals = await Promise.all(left.map(finalOf));
	if (Math.max(...finals) > stalled + 2) throw new Error(`blocks became final: ${stalled}, then ${finals}`);

	const call = alice.tx.grandpa.noteStalled(DELAY, Math.max(...finals));
	await new Promise((resolve, reject) => {
		alice.tx.sudo
			.sudo(call)
			// Nothing is final, so that it lives for ever and is done when it is in a block.
			.signAndSend(keyring.addFromUri("//Alice"), { era: 0, nonce: -1 }, ({ status, dispatchError, events }) => {
				if (dispatchError) return reject(new Error(dispatchError.toString()));
				if (!status.isInBlock) return;
				const [result] = events.filter(({ event }) => alice.events.sudo.Sudid.is(event)).map(({ event }) => event.data[0]);
				if (result?.isOk) resolve();
				else reject(new Error(`sudo says ${result}`));
			})
			.catch(reject);
	});
	const said = await bestOf(alice);
	for (const [place, api] of left.entries()) {
		await until(`${names[place]} has block ${said} final`, 300, async () => (await finalOf(api)) >= said);
	}
	const hashes = await Promise.all(left.map((api) => api.rpc.chain.getBlockHash(said)));
	if (new Set(hashes.map(String)).size !== 1) throw new Error(`they differ at ${said}: ${hashes}`);
	// And it goes on, over the next change of session.
	await until("finality goes on", 180, async () => (await finalOf(alice)) >= said + 30);
	return { stalled, replaced, said, final: await finalOf(alice) };
}

try {
	console.log(JSON.stringify(await drill()));
} catch (error) {
	console.error(`stall-drill: ${error.message}`);
	console.error(readFileSync(logOf(names[0]), "utf8").split("\n").slice(-30).join("\n"));
	process.exitCode = 1;
} finally {
	await Promise.allSettled(apis.map((api) => api.disconnect()));
	const ended = [...nodes.values()].map((node) =>
		node.exitCode !== null || node.signalCode !== null ? undefined : new Promise((resolve) => node.once("exit", resolve)),
	);
	for (const node of nodes.values()) node.kill("SIGKILL");
	await Promise.all(ended);
	rmSync(folder, { recursive: true, force: true });
}
