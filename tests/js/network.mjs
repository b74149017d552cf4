// Nodes of a local network, and a light client, that a drill starts and ends.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";

const SECOND = 1000;
/** The validators of `--chain local`. */
export const FIVE = ["alice", "bob", "charlie", "dave", "eve"];
const ring = new Keyring({ type: "sr25519" });
/** The key of a well-known account. */
export const keyOf = (name) => ring.addFromUri(`//${name[0].toUpperCase()}${name.slice(1)}`);
/** Addresses in one text, whatever their order. */
export const together = (list) => list.map((who) => who.toString()).sort().join();

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** What `read` answers, once it answers anything. */
export async function until(what, seconds, read) {
	const end = Date.now() + seconds * SECOND;
	for (;;) {
		const found = await read();
		if (found !== undefined && found !== false) return found;
		if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
		await pause(SECOND);
	}
}
const freePort = () =>
	new Promise((resolve, reject) => {
		const server = createServer().once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});

/** Heights of the newest block, and of the newest that is final. */
const heightOf = async (api, hash) => (await api.rpc.chain.getHeader(hash)).number.toNumber();
export const bestOf = (api) => heightOf(api);
export const finalOf = async (api) => heightOf(api, await api.rpc.chain.getFinalizedHead());

/** Sends a call of a well-known account; gives the events of its block, or the error's name. */
export const send = (api, name, call) =>
	new Promise((resolve, reject) => {
		call
			// For ever, for a network that makes nothing final has no age to begin from.
			.signAndSend(keyOf(name), { era: 0, nonce: -1 }, ({ status, dispatchError, events }) => {
				if (status.isInvalid || status.isDropped) return reject(new Error(`${call.method.section}: ${status}`));
				if (!status.isInBlock) return;
				if (!dispatchError) return resolve({ events: events.map(({ event }) => event) });
				const module = dispatchError.isModule && api.registry.findMetaError(dispatchError.asModule);
				resolve({ error: module ? `${module.section}.${module.name}` : dispatchError.toString() });
			})
			.catch(reject);
	});

export class Network {
	#binary;
	#folder = mkdtempSync(join(tmpdir(), "livepeer-network-"));
	#nodes = new Map();
	#apis = [];
	#lights = [];
	#boot;

	constructor(binary) {
		this.#binary = binary;
	}

	/** Starts a node of this name and connects to it. One of the five validates with its well-known keys. */
	async start(name) {
		const [rpc, p2p] = [await freePort(), await freePort()];
		const known = FIVE.includes(name);
		const key = (known ? FIVE.indexOf(name) : FIVE.length + this.#nodes.size) + 1;
		const args = ["--chain", "local", ...(known ? [`--${name}`] : ["--validator", "--name", name])];
		args.push("--node-key", key.toString(16).padStart(64, "0"), "--base-path", join(this.#folder, name));
		args.push("--rpc-port", `${rpc}`, "--rpc-methods", "unsafe", "--no-prometheus", "--no-mdns");
		args.push("--allow-private-ip", "--listen-addr", `/ip4/127.0.0.1/tcp/${p2p}`);
		if (this.#boot) args.push("--bootnodes", this.#boot);
		const log = openSync(this.#logOf(name), "a");
		this.#nodes.set(name, spawn(this.#binary, args, { stdio: ["ignore", log, log] }));
		const api = await ApiPromise.create({ provider: new WsProvider(`ws://127.0.0.1:${rpc}`), noInitWarn: true });
		this.#apis.push(api);
		this.#boot ??= `/ip4/127.0.0.1/tcp/${p2p}/p2p/${await api.rpc.system.localPeerId()}`;
		return api;
	}

	/** Starts all five. */
	async startFive() {
		const apis = [];
		for (const name of FIVE) apis.push(await this.start(name));
		await until("five validators make blocks final", 180, async () => (await finalOf(apis[0])) >= 3);
		return apis;
	}

	/** Ends a node as a crash does. */
	kill(name) {
		this.#nodes.get(name).kill("SIGKILL");
	}

	/** A light client of the pages that follows the network from its genesis. */
	async light() {
		const text = execFileSync(this.#binary, ["export-chain-spec", "--chain", "local", "--raw"], {
			maxBuffer: 1 << 28,
			stdio: ["ignore", "pipe", "ignore"],
		});
		const chainSpec = JSON.stringify({ ...JSON.parse(text), bootNodes: [this.#boot] });
		const pages = createRequire(new URL("../../offchain-worker/pages/package.json", import.meta.url));
		const client = pages("smoldot").start({ maxLogLevel: 2, logCallback: () => {} });
		this.#lights.push(client);
		const chain = await client.addChain({ chainSpec });
		const waiting = new Map();
		const listen = async () => {
			for (;;) {
				const { id, result, error } = JSON.parse(await chain.nextJsonRpcResponse());
				const { resolve, reject } = waiting.get(id) ?? {};
				waiting.delete(id);
				if (error) reject?.(new Error(error.message));
				else resolve?.(result);
			}
		};
		// It ends with the client.
		listen().catch((error) => waiting.forEach(({ reject }) => reject(error)));
		let next = 1;
		const ask = (method, ...params) =>
			new Promise((resolve, reject) => {
				const id = next++;
				waiting.set(id, { resolve, reject });
				chain.sendJsonRpc(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
			});
		return {
			/** The newest block that it has seen proven as final. */
			async final() {
				const hash = await ask("chain_getFinalizedHead");
				return { hash, number: Number((await ask("chain_getHeader", hash)).number) };
			},
		};
	}

	#logOf(name) {
		return join(this.#folder, `${name}.log`);
	}

	/** The end of a node's log. */
	log(name) {
		return readFileSync(this.#logOf(name), "utf8").split("\n").slice(-30).join("\n");
	}

	/** Ends everything and leaves nothing. */
	async end() {
		await Promise.allSettled([...this.#apis.map((api) => api.disconnect()), ...this.#lights.map((light) => light.terminate())]);
		const running = [...this.#nodes.values()].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
		const ended = running.map((node) => new Promise((resolve) => node.once("exit", resolve)));
		for (const node of running) node.kill("SIGKILL");
		await Promise.all(ended);
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

/** Runs a drill on a network, prints what it saw as JSON, and exits. */
export async function run(name, drill) {
	const [binary] = process.argv.slice(2);
	if (!binary) {
		console.error(`usage: node ${name}.mjs PATH_OF_LIVEPEER_NODE`);
		process.exit(2);
	}
	const network = new Network(binary);
	let code = 0;
	try {
		console.log(JSON.stringify(await drill(network)));
	} catch (error) {
		console.error(`${name}: ${error.message}`);
		console.error(network.log(FIVE[0]));
		code = 1;
	}
	await network.end();
	process.exit(code);
}
