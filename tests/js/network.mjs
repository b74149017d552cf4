// Nodes of a local network, and a light client, that a drill starts and ends.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { u8aToHex } from "@polkadot/util";

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
// Without an argument it is the newest; with one that is undefined the client asks for the block of hash zero.
export const bestOf = async (api) => (await api.rpc.chain.getHeader()).number.toNumber();
export const finalOf = async (api) =>
	(await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();

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

/**
 * Has a well-known account bond so much and register as a transcoder, with the session keys of the node
 * `own`. It validates when the next round's sets are in force.
 */
export async function enrol(api, own, name, bond) {
	const account = keyOf(name);
	const ok = async (call) => {
		const { error } = await send(api, name, call);
		if (error) throw new Error(`${call.method.section}.${call.method.method}: ${error}`);
	};
	await ok(api.tx.lptStaking.bond(bond, account.address));
	const terms = { price: 10n ** 13n, rewardCut: 100_000_000, feeShare: 500_000_000 };
	const register = () => api.tx.transcoderElection.transcoder(terms, { peerId: "0x00", addresses: [], url: "" });
	// Not in the last tenth of a round.
	await until("it is registered", 60, async () => !(await send(api, name, register())).error);
	const owner = u8aToHex(account.publicKey);
	const { keys, proof } = await own._rpcCore.provider.send("author_rotateKeysWithOwner", [owner]);
	await ok(api.tx.session.setKeys(keys, proof));
}

/** Whether an account is in the set of the session in force. */
export const validates = async (api, address) => (await api.query.session.validators()).some((who) => who.eq(address));

export class Network {
	#binary;
	#folder = mkdtempSync(join(tmpdir(), "livepeer-network-"));
	#nodes = new Map();
	#apis = [];
	#lights = [];
	#chain = "local";
	#boot;

	constructor(binary) {
		this.#binary = binary;
	}

	/** Has the nodes follow a chain that runs already, by its specification and one of its nodes. */
	async follow(chain, url, p2p) {
		const api = await this.#connect(url);
		this.#chain = chain;
		this.#boot = `/ip4/127.0.0.1/tcp/${p2p}/p2p/${await api.rpc.system.localPeerId()}`;
		return api;
	}

	/**
	 * Starts a node of this name and connects to it. One of the five validates with its well-known keys, and
	 * one that is started `as` one of them with the same; any other with those that it makes. `more` are
	 * arguments besides.
	 */
	async start(name, as = name, more = []) {
		const [rpc, p2p] = [await freePort(), await freePort()];
		const key = (FIVE.includes(name) ? FIVE.indexOf(name) : FIVE.length + this.#nodes.size) + 1;
		const args = ["--chain", this.#chain, ...(FIVE.includes(as) ? [`--${as}`] : ["--validator", "--name", name])];
		args.push("--node-key", key.toString(16).padStart(64, "0"), "--base-path", join(this.#folder, name));
		args.push("--rpc-port", `${rpc}`, "--rpc-methods", "unsafe", "--no-prometheus", "--no-mdns");
		args.push("--allow-private-ip", "--listen-addr", `/ip4/127.0.0.1/tcp/${p2p}`);
		if (this.#boot) args.push("--bootnodes", this.#boot);
		this.#spawn(name, this.#binary, [...args, ...more]);
		const api = await this.#connect(`ws://127.0.0.1:${rpc}`);
		this.#boot ??= `/ip4/127.0.0.1/tcp/${p2p}/p2p/${await api.rpc.system.localPeerId()}`;
		return api;
	}

	/**
	 * Starts a verify service of this name for a node, whose arguments it gives. It reads the chain from the
	 * node at `url`.
	 */
	async verifier(name, url) {
		const worker = join(dirname(this.#binary), "livepeer-worker");
		const folder = join(this.#folder, name);
		const ask = (...args) => execFileSync(worker, args, { encoding: "utf8" }).trim();
		mkdirSync(folder);
		const token = join(folder, "token");
		ask("token", token);
		const peer = ask("keys", "peer", "--data-dir", folder);
		const listen = `127.0.0.1:${await freePort()}`;
		const args = ["--data-dir", folder, "--token-file", token, "--listen", listen, "--parallel", "1", "--node", url];
		this.#spawn(name, worker, ["verify", ...args]);
		return ["--verify-url", `http://${listen}`, "--verify-token-file", token, "--verify-peer-id", peer];
	}

	#spawn(name, binary, args) {
		const log = openSync(this.#logOf(name), "a");
		this.#nodes.set(name, spawn(binary, args, { stdio: ["ignore", log, log] }));
	}

	async #connect(url) {
		const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
		this.#apis.push(api);
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

	/**
	 * Copies the disk of one of the five and starts both it and a second machine with the copy, `twin`, as
	 * whoever restores an image of a machine that he believes to be dead. The second one makes blocks and does
	 * not vote, so that it is known by what the two are found out.
	 */
	async double(name, twin) {
		const node = this.#nodes.get(name);
		const ended = new Promise((resolve) => node.once("exit", resolve));
		this.kill(name);
		await ended;
		cpSync(join(this.#folder, name), join(this.#folder, twin), { recursive: true });
		return Promise.all([this.start(name), this.start(twin, name, ["--no-grandpa"])]);
	}

	/** Whether a node has not ended. */
	runs(name) {
		const { exitCode, signalCode } = this.#nodes.get(name);
		return exitCode === null && signalCode === null;
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

	/** The end of the log of a node, by default of the only one. */
	log(name = this.#nodes.has(FIVE[0]) ? FIVE[0] : [...this.#nodes.keys()].at(-1)) {
		if (!name) return "no node was started";
		return readFileSync(this.#logOf(name), "utf8").split("\n").slice(-30).join("\n");
	}

	/** Ends everything and leaves nothing. */
	async end() {
		await Promise.allSettled([...this.#apis.map((api) => api.disconnect()), ...this.#lights.map((light) => light.terminate())]);
		const running = [...this.#nodes.keys()].filter((name) => this.runs(name)).map((name) => this.#nodes.get(name));
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
		console.error(network.log());
		code = 1;
	}
	await network.end();
	process.exit(code);
}
