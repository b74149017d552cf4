// What the bridge's demonstrations share: anvil, a beacon chain (simulated consensus, real
// signatures), the gateway on it, and relayers.
import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const here = dirname(fileURLToPath(import.meta.url));
const contracts = join(here, "../../pallets/eth-bridge/contracts");
const required = createRequire(join(contracts, "package.json"));
const { JsonRpcProvider, NonceManager, parseEther } = required("ethers");
const { deploy } = await import(join(contracts, "scripts/deploy.mjs"));

export { parseEther };
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Waits until a transaction of Ethereum is in a block. */
export const done = async (sent) => (await sent).wait();
const DAY = 86_400;
/** Anvil's well-known keys of which the demonstrations use no account: relayers'. */
const ETHEREUM_KEYS = [
	"0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
	"0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];
/** Accounts of the local chains that nobody else uses: relayers'. */
const CHAIN_KEYS = ["//Dave//stash", "//Eve//stash"];

/** A port that nothing uses. */
export const free = () =>
	new Promise((resolve) => {
		const probe = createServer().listen(0, "127.0.0.1", () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});

/** Waits until `look` gives something. Says what it waited for when it takes too long. */
export async function until(what, look, seconds = 180) {
	const end = Date.now() + seconds * 1000;
	let last = "";
	for (;;) {
		try {
			const found = await look();
			if (found) return found;
		} catch (error) {
			last = error.message;
		}
		if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s; ${last}`);
		await pause(500);
	}
}

export class Stage {
	#binaries;
	#running = new Set();
	#named = new Map();
	#began = Date.now();

	/** Around the chain's node at `node`, with the binaries in a folder. */
	static async open(binaries, node) {
		const at = async () => `http://127.0.0.1:${await free()}`;
		return new Stage(binaries, { node, beacon: await at(), execution: await at() });
	}

	constructor(binaries, urls) {
		this.#binaries = binaries;
		this.urls = urls;
		this.folder = mkdtempSync(join(tmpdir(), "livepeer-bridge-"));
	}

	say(text) {
		const seconds = Math.round((Date.now() - this.#began) / 1000);
		console.log(`${String(seconds).padStart(4)} s  ${text}`);
	}

	bin(name) {
		return join(this.#binaries, name);
	}

	/** Starts something that runs until the end, with a log of its own. */
	start(name, command, args) {
		const log = openSync(join(this.folder, `${name}.log`), "a");
		const child = spawn(command, args, { stdio: ["ignore", log, log] });
		this.#running.add(child);
		this.#named.set(name, child);
		child.on("exit", () => this.#running.delete(child));
		return child;
	}

	/** Has what was started stand still, or go on. */
	hold(name, still) {
		this.#named.get(name).kill(still ? "SIGSTOP" : "SIGCONT");
	}

	/** Starts anvil and the beacon chain over it; what is `lag` slots old is final. */
	async ethereum({ fork = "gloas", lag = 2 } = {}) {
		const port = (url) => new URL(url).port;
		const { execution, beacon } = this.urls;
		const anvil = join(dirname(required.resolve("@foundry-rs/anvil-linux-amd64/package.json")), "bin/anvil");
		this.start("anvil", anvil, ["--hardfork", "osaka", "--port", port(execution), "--block-time", "1", "--silent"]);
		// A provider complains on the screen while nobody answers.
		await until("anvil's port", () => fetch(execution));
		this.provider = new JsonRpcProvider(execution, undefined, { cacheTimeout: -1, pollingInterval: 200 });
		await until("anvil", () => this.provider.getBlockNumber().then((number) => number > 0));
		const served = ["--execution", execution, "--port", port(beacon), "--seconds-per-slot", "1"];
		// A period of sync committees ends a little later.
		const from = ["--fork", fork, "--slot", "8150", "--lag", String(lag)];
		this.start("beacon", process.execPath, [join(here, "beacon-sim/serve.mjs"), ...served, ...from]);
	}

	/** Runs a command of the relayer. */
	async bridge(command, args = [], env = {}) {
		const { node, beacon, execution } = this.urls;
		const place = this.address ? ["--gateway", this.address, "--beacon", beacon] : [];
		const all = [command, "--node", node, "--execution", execution, ...place, ...args];
		const { stdout } = await promisify(execFile)(this.bin("livepeer-bridge"), all, { env: { ...process.env, ...env } });
		return stdout;
	}

	async status(account) {
		return JSON.parse(await this.bridge("status", ["--json", ...(account ? ["--account", account] : [])]));
	}

	/** Deploys the gateway; `lpt` and `eth` are the chain's limits, which governance sets with the rest. */
	async deploy({ lpt, eth }) {
		const unit = parseEther("1");
		const checkpoint = JSON.parse(await until("the node", () => this.bridge("checkpoint")));
		this.say(`the contract starts from block ${checkpoint.checkpoint.blockNumber}`);
		const deployer = await this.provider.getSigner(0);
		this.owner = await this.provider.getSigner(1);
		const deployed = await deploy(new NonceManager(deployer), {
			...checkpoint,
			maxAge: 2 * DAY,
			guardian: this.owner.address,
			proposers: [this.owner.address],
			delay: 7 * DAY,
			limits: [
				{ perDay: 1_000n * unit, large: 200n * unit, cap: 100_000n * unit, minimum: unit / 100n },
				{ perDay: 10n * unit, large: 2n * unit, cap: 1_000n * unit, minimum: unit / 100_000n },
			],
		});
		this.address = await deployed.gateway.getAddress();
		this.gateway = deployed.gateway.connect(this.owner);
		this.token = deployed.token.connect(this.owner);
		this.say(`the gateway is deployed on anvil, a local Ethereum, at ${this.address}`);
		await done(this.token.mint(this.owner.address, 10_000n * unit));
		await done(this.token.approve(this.address, 10_000n * unit));
		const slot = async (id) => Number((await (await fetch(`${this.urls.beacon}/eth/v1/beacon/headers/${id}`)).json()).data.header.message.slot);
		const head = await until("a beacon block", () => slot("head"));
		// What the chain begins with has the gateway and the tokens.
		await until("finality of Ethereum", async () => (await slot("finalized")) > head);
		const limits = ["--limits-lpt", lpt, "--limits-eth", eth];
		const token = ["--balances-slot", "0", "--supply-slot", "2", "--supply-ceiling", "1000000"];
		await this.bridge("governance", [...token, ...limits, "--sudo"], { BRIDGE_CHAIN_KEY: "//Alice" });
		this.say("governance has set a trusted block of Ethereum, the gateway and limits");
	}

	/** A relayer; `fatal` kills it after each thing that it has done, and starts it anew: `kills` says after what. */
	relayer(number, { fatal = false, args = [] } = {}) {
		let stopped = false;
		const kills = [];
		let child = null;
		const { node, beacon, execution } = this.urls;
		const all = ["run", "--node", node, "--beacon", beacon, "--execution", execution, "--gateway", this.address, "--poll", "1", "--turn", "20", ...args];
		const env = { ...process.env, BRIDGE_CHAIN_KEY: CHAIN_KEYS[number], BRIDGE_ETHEREUM_KEY: ETHEREUM_KEYS[number], NO_COLOR: "1" };
		const log = openSync(join(this.folder, `relayer-${number}.log`), "a");
		const launch = () => {
			const me = spawn(this.bin("livepeer-bridge"), all, { stdio: ["ignore", "ignore", "pipe"], env });
			child = me;
			this.#running.add(me);
			me.stderr.on("data", (text) => {
				writeSync(log, text);
				if (fatal && String(text).includes(": done,")) {
					kills.push(String(text));
					me.kill("SIGKILL");
				}
			});
			me.on("exit", () => {
				this.#running.delete(me);
				if (!stopped) launch();
			});
		};
		launch();
		return {
			kills: () => kills,
			stop: () => {
				stopped = true;
				child.kill("SIGTERM");
			},
		};
	}

	/** Ends everything that was started here; the logs stay when they are wanted. */
	close(keep) {
		this.provider?.destroy();
		for (const child of this.#running) {
			child.removeAllListeners("exit");
			child.kill("SIGKILL");
		}
		if (keep) console.log(`logs: ${this.folder}`);
		else rmSync(this.folder, { recursive: true });
	}
}
