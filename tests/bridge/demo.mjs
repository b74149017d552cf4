// The whole bridge on one machine: anvil, a beacon chain (simulated consensus, real signatures), one
// development node, and relayers. Deposits of LPT and ETH come over, withdrawals of both go back;
// the relayer is killed after each thing that it does; two do everything at once. Run by
// `make demo-bridge`; needs node and relayer in the folder that `--bin-dir` names.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const { values: options } = parseArgs({ options: { "bin-dir": { type: "string" }, keep: { type: "boolean" }, fork: { type: "string", default: "gloas" } } });
assert.ok(options["bin-dir"], "usage: node demo.mjs --bin-dir FOLDER [--keep] [--fork fulu]");
const here = dirname(fileURLToPath(import.meta.url));
const contracts = join(here, "../../pallets/eth-bridge/contracts");
const { JsonRpcProvider, NonceManager, parseEther } = createRequire(join(contracts, "package.json"))("ethers");
const { deploy } = await import(join(contracts, "scripts/deploy.mjs"));
const bin = (name) => join(options["bin-dir"], name);
const folder = mkdtempSync(join(tmpdir(), "livepeer-bridge-"));
const began = Date.now();
const say = (text) => console.log(`${String(Math.round((Date.now() - began) / 1000)).padStart(4)} s  ${text}`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const free = () =>
	new Promise((resolve) => {
		const probe = createServer().listen(0, "127.0.0.1", () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
const running = new Set();
function start(name, command, args, env = {}) {
	const log = openSync(join(folder, `${name}.log`), "a");
	const child = spawn(command, args, { stdio: ["ignore", log, log], env: { ...process.env, ...env } });
	running.add(child);
	child.on("exit", () => running.delete(child));
	return child;
}

/** Waits until `look` gives something. Says what it waited for when it takes too long. */
async function until(what, look, seconds = 180) {
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

const [ethereumPort, beaconPort, nodePort, peerPort, prometheusPort] = [await free(), await free(), await free(), await free(), await free()];
const urls = { node: `ws://127.0.0.1:${nodePort}`, beacon: `http://127.0.0.1:${beaconPort}`, execution: `http://127.0.0.1:${ethereumPort}` };
const endpoints = ["--node", urls.node, "--execution", urls.execution];
// Anvil's well-known keys: relayers'.
const keys = ["0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a", "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"];
let gateway = null;

async function bridge(command, args = [], env = {}) {
	const all = [command, ...endpoints, ...(gateway ? ["--gateway", gateway, "--beacon", urls.beacon] : []), ...args];
	const { stdout } = await promisify(execFile)(bin("livepeer-bridge"), all, { env: { ...process.env, ...env } });
	return stdout;
}
const status = async (account) => JSON.parse(await bridge("status", ["--json", ...(account ? ["--account", account] : [])]));

/** A relayer; `fatal` kills it after each thing that it has done, and starts it anew. */
function relayer(number, { fatal = false, rank = 0 } = {}) {
	let stopped = false;
	let kills = 0;
	let child = null;
	const launch = () => {
		const args = ["run", ...endpoints, "--beacon", urls.beacon, "--gateway", gateway, "--poll", "1", "--rank", String(rank), "--turn", "20"];
		child = spawn(bin("livepeer-bridge"), args, {
			stdio: ["ignore", "ignore", "pipe"],
			env: { ...process.env, BRIDGE_CHAIN_KEY: ["//Bob", "//Charlie"][number], BRIDGE_ETHEREUM_KEY: keys[number], NO_COLOR: "1" },
		});
		running.add(child);
		const log = openSync(join(folder, `relayer-${number}.log`), "a");
		const me = child;
		child.stderr.on("data", (text) => {
			writeSync(log, text);
			if (fatal && String(text).includes(": done,")) {
				kills += 1;
				me.kill("SIGKILL");
			}
		});
		child.on("exit", () => {
			running.delete(me);
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

let failed = true;
try {
	const anvil = join(dirname(createRequire(join(contracts, "package.json")).resolve("@foundry-rs/anvil-linux-amd64/package.json")), "bin/anvil");
	start("anvil", anvil, ["--hardfork", "osaka", "--port", String(ethereumPort), "--block-time", "1", "--silent"]);
	start("node", bin("livepeer-node"), ["--dev", "--tmp", "--rpc-port", String(nodePort), "--port", String(peerPort), "--prometheus-port", String(prometheusPort), "--no-telemetry"]);
	const provider = new JsonRpcProvider(urls.execution, undefined, { cacheTimeout: -1, pollingInterval: 200 });
	await until("anvil", () => provider.getBlockNumber().then((number) => number > 0));
	start("beacon", process.execPath, [join(here, "beacon-sim/serve.mjs"), "--execution", urls.execution, "--port", String(beaconPort), "--seconds-per-slot", "1", "--fork", options.fork, "--slot", "8150"]);
	const checkpoint = JSON.parse(await until("the node", () => bridge("checkpoint")));
	say(`node runs; the contract starts from block ${checkpoint.checkpoint.blockNumber}`);

	const [deployer, alice] = await Promise.all([0, 1].map((i) => provider.getSigner(i)));
	const unit = parseEther("1");
	const DAY = 86_400;
	const deployed = await deploy(new NonceManager(deployer), {
		...checkpoint,
		maxAge: 2 * DAY,
		guardian: alice.address,
		proposers: [alice.address],
		delay: 7 * DAY,
		limits: [
			{ perDay: 1_000n * unit, large: 200n * unit, cap: 100_000n * unit, minimum: unit / 100n },
			{ perDay: 10n * unit, large: 2n * unit, cap: 1_000n * unit, minimum: unit / 100_000n },
		],
	});
	gateway = await deployed.gateway.getAddress();
	const { token } = deployed;
	say(`gateway ${gateway} on anvil`);
	await until("finality of Ethereum", async () => (await fetch(`${urls.beacon}/eth/v1/beacon/light_client/finality_update`)).ok);
	await bridge("governance", ["--balances-slot", "0", "--limits-lpt", "1000,1000,1,500,10", "--limits-eth", "10,10,0.01,5,10", "--sudo"], { BRIDGE_CHAIN_KEY: "//Alice" });
	say("governance has named Ethereum, a block that it trusts, the gateway and limits");

	// First with one relayer that dies after everything that it does.
	const account = "0x" + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
	const first = relayer(0, { fatal: true });
	const done = async (sent) => (await sent).wait();
	await until("the light client", async () => (await status()).chain.client === "Following");
	say("the light client follows Ethereum");
	await done(token.connect(alice).mint(alice.address, 1_000n * unit));
	await done(token.connect(alice).approve(gateway, 1_000n * unit));
	await done(deployed.gateway.connect(alice).depositLPT(account, 7n * unit));
	await done(deployed.gateway.connect(alice).depositETH(account, { value: 3n * unit }));
	say("7 LPT and 3 ETH are deposited");
	const own = await until("the deposits' credit", async () => {
		const { account: own } = await status(account);
		return own.lpt === "7" && own.eth === "3" && own;
	});
	say(`credited: ${own.lpt} LPT, ${own.eth} ETH`);

	// Ferdie sends what others have deposited.
	const recipients = ["0x" + "71".repeat(20), "0x" + "72".repeat(20)];
	const sender = { BRIDGE_CHAIN_KEY: "//Ferdie" };
	await bridge("withdraw", ["--asset", "lpt", "--amount", "2.5", "--fee", "0.5", "--to", recipients[0]], sender);
	await bridge("withdraw", ["--asset", "eth", "--amount", "1", "--fee", "0.01", "--to", recipients[1]], sender);
	say("2.5 LPT and 1 ETH are sent to Ethereum");
	await until("the withdrawals' payment", async () => {
		const [lpt, eth] = [await token.balanceOf(recipients[0]), await provider.getBalance(recipients[1])];
		return lpt === 2n * unit && eth === parseEther("0.99");
	});
	assert.ok(first.kills() >= 6, `the relayer was killed ${first.kills()} times`);
	say(`paid: 2 LPT and 0.99 ETH, fees to the relayer, which was killed ${first.kills()} times`);
	first.stop();

	// Then two at once that do not wait for each other, and the figures are still exact.
	const both = [relayer(0), relayer(1)];
	for (let i = 0; i < 3; ++i) await done(deployed.gateway.connect(alice).depositLPT(account, unit));
	await bridge("withdraw", ["--asset", "lpt", "--amount", "1", "--to", recipients[0]], sender);
	await until("more with two relayers", async () => {
		const { account: own } = await status(account);
		return own.lpt === "10" && (await token.balanceOf(recipients[0])) === 3n * unit;
	});
	const end = await status();
	assert.equal(end.chain.deposits, 5);
	assert.deepEqual(end.newestDeposits.map(({ state }) => state), Array(5).fill("credited"));
	assert.deepEqual(end.newestMessages.map(({ state }) => state), Array(3).fill("paid"));
	assert.equal(end.chain.lpt.credited, "10");
	assert.equal(end.chain.lpt.sent, "3.5");
	assert.equal(await token.balanceOf(gateway), 10n * unit - parseEther("3.5"));
	both.forEach((one) => one.stop());
	say("two relayers at once: each thing once");

	// What the beacon chain says holds by the chain's own rules, in JSON and in SSZ.
	const api = async (path, accept) => Buffer.from(await (await fetch(urls.beacon + path, { headers: { accept } })).arrayBuffer());
	const { data: genesis } = JSON.parse(await api("/eth/v1/beacon/genesis"));
	const { data: spec } = JSON.parse(await api("/eth/v1/config/spec"));
	const file = (name) => join(folder, name);
	writeFileSync(
		file("network.json"),
		JSON.stringify({
			genesis_validators_root: genesis.genesis_validators_root,
			genesis_time: genesis.genesis_time,
			seconds_per_slot: spec.SECONDS_PER_SLOT,
			forks: [{ version: spec[`${options.fork.toUpperCase()}_FORK_VERSION`], epoch: "0", layout: options.fork }],
		}),
	);
	const { data: final } = JSON.parse(await api("/eth/v1/beacon/headers/finalized"));
	const period = Math.floor(Number(final.header.message.slot) / 8192);
	const paths = [`bootstrap/${final.root}`, `updates?start_period=${period}&count=1`, "finality_update"];
	for (const accept of ["application/json", "application/octet-stream"]) {
		const files = [];
		for (const [i, path] of paths.entries()) {
			files.push(file(`${i}.${accept.slice(12)}`));
			writeFileSync(files[i], await api(`/eth/v1/beacon/light_client/${path}`, accept));
		}
		const args = ["check-update", "--network", file("network.json"), "--checkpoint", final.root, ...files];
		const { stdout } = await promisify(execFile)(bin("livepeer-bridge"), args);
		assert.equal(stdout.trim().split("\n").length, 3);
	}
	say("check-update: bootstrap, update and finality update hold, in JSON and in SSZ");

	await bridge("watch", ["--once"]);
	say("watch: both sides believe of each other what is so");
	failed = false;
	provider.destroy();
} finally {
	for (const child of running) child.kill("SIGKILL");
	if (failed || options.keep) console.log(`logs: ${folder}`);
	else rmSync(folder, { recursive: true });
}
process.exit(0);
