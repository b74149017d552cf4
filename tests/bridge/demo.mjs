// The whole bridge on one machine: anvil, a beacon chain (simulated consensus, real signatures), one
// development node, and relayers. Deposits of LPT and ETH come over, withdrawals of both go back;
// the relayer is killed after each thing that it does; two do everything at once; Ethereum drops the
// block of a deposit, and stops to be final for a while. Run by `make demo-bridge`; needs node and
// relayer in the folder that `--bin-dir` names. `--short` ends when the first withdrawals are paid.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { Stage, done, free, parseEther, pause, until } from "./stage.mjs";

const { values: options } = parseArgs({
	options: { "bin-dir": { type: "string" }, keep: { type: "boolean" }, short: { type: "boolean" }, fork: { type: "string", default: "gloas" } },
});
assert.ok(options["bin-dir"], "usage: node demo.mjs --bin-dir FOLDER [--keep] [--short] [--fork fulu]");
const [rpc, peers, prometheus] = [await free(), await free(), await free()];
const stage = await Stage.open(options["bin-dir"], `ws://127.0.0.1:${rpc}`);
const say = (text) => stage.say(text);
const status = (account) => stage.status(account);
const unit = parseEther("1");
/** Slots until a block of Ethereum is final: time for a block to be dropped. */
const LAG = 15;

/** Two relayers at once, and an Ethereum that drops blocks and stands still. */
async function troubles(account, recipient, sender) {
	const { provider, token, gateway } = stage;
	// Then two at once that do not wait for each other, and the figures are still exact.
	const both = [stage.relayer(0), stage.relayer(1)];
	for (let i = 0; i < 3; ++i) await done(gateway.depositLPT(account, unit));
	await stage.bridge("withdraw", ["--asset", "lpt", "--amount", "1", "--to", recipient], sender);
	await until("more with two relayers", async () => {
		const { account: own } = await status(account);
		return own.lpt === "10" && (await token.balanceOf(recipient)) === 3n * unit;
	});
	const end = await status();
	assert.equal(end.chain.deposits, 5);
	assert.deepEqual(end.newestDeposits.map(({ state }) => state), Array(5).fill("credited"));
	assert.deepEqual(end.newestMessages.map(({ state }) => state), Array(3).fill("paid"));
	assert.equal(end.chain.lpt.credited, "10");
	assert.equal(end.chain.lpt.sent, "3.5");
	assert.equal(await token.balanceOf(stage.address), 10n * unit - parseEther("3.5"));
	say("two relayers at once: each thing once");

	// Ethereum drops the block of a deposit before it is final. Another one comes to its place in the tree,
	// and only that is credited.
	const dropped = "0x" + randomBytes(32).toString("hex");
	const before = await provider.send("evm_snapshot", []);
	await done(gateway.depositLPT(dropped, 9n * unit));
	// A beacon block carries it, on which others build.
	await pause(2_000);
	assert.equal(await provider.send("evm_revert", [before]), true);
	await done(gateway.depositLPT(account, 2n * unit));
	await until("the credit of what stayed", async () => (await status(account)).account.lpt === "12");
	assert.equal((await status(dropped)).account.lpt, "0");
	assert.equal((await status()).chain.lpt.credited, "12");
	say("a deposit in a block that Ethereum dropped never came; the one in its place did");

	// Ethereum goes on, and nothing of it is final for a while.
	stage.hold("beacon", true);
	await done(gateway.depositLPT(account, unit));
	await pause(15_000);
	assert.equal((await status(account)).account.lpt, "12", "credited before it was final");
	stage.hold("beacon", false);
	await until("the credit after the stall", async () => (await status(account)).account.lpt === "13");
	say("a deposit waited while nothing of Ethereum was final, and then came");
	both.forEach((one) => one.stop());
}

let failed = true;
try {
	stage.start("node", stage.bin("livepeer-node"), ["--dev", "--tmp", "--rpc-port", String(rpc), "--port", String(peers), "--prometheus-port", String(prometheus), "--no-telemetry"]);
	await stage.ethereum({ fork: options.fork, lag: LAG });
	await stage.deploy({ lpt: "1000,1000,1,500,10", eth: "10,10,0.01,5,10" });
	const { provider, token, gateway } = stage;

	// First with one relayer that dies after everything that it does.
	const account = "0x" + randomBytes(32).toString("hex");
	const first = stage.relayer(0, { fatal: true });
	await until("the light client", async () => (await status()).chain.client === "Following");
	say("the light client follows Ethereum");
	await done(gateway.depositLPT(account, 7n * unit));
	await done(gateway.depositETH(account, { value: 3n * unit }));
	say("7 LPT and 3 ETH are deposited");
	const own = await until("the deposits' credit", async () => {
		const { account: own } = await status(account);
		return own.lpt === "7" && own.eth === "3" && own;
	});
	say(`credited: ${own.lpt} LPT, ${own.eth} ETH`);

	// Ferdie sends what others have deposited.
	const recipients = ["0x" + "71".repeat(20), "0x" + "72".repeat(20)];
	const sender = { BRIDGE_CHAIN_KEY: "//Ferdie" };
	await stage.bridge("withdraw", ["--asset", "lpt", "--amount", "2.5", "--fee", "0.5", "--to", recipients[0]], sender);
	await stage.bridge("withdraw", ["--asset", "eth", "--amount", "1", "--fee", "0.01", "--to", recipients[1]], sender);
	say("2.5 LPT and 1 ETH are sent to Ethereum");
	await until("the withdrawals' payment", async () => {
		const [lpt, eth] = [await token.balanceOf(recipients[0]), await provider.getBalance(recipients[1])];
		return lpt === 2n * unit && eth === parseEther("0.99");
	});
	assert.ok(first.kills().length >= 6, `the relayer was killed ${first.kills().length} times`);
	say(`paid: 2 LPT and 0.99 ETH, fees to the relayer, which was killed ${first.kills().length} times`);
	first.stop();

	assert.deepEqual((await status()).newestMessages.map(({ state }) => state), ["paid", "paid"]);
	if (!options.short) await troubles(account, recipients[0], sender);

	await stage.bridge("watch", ["--once"]);
	await assert.rejects(stage.bridge("watch", ["--once", "--max-age", "0"]), ({ code }) => code === 2);
	say("watch: both sides believe of each other what is so; it alarms when the contract is too old for it");
	failed = false;
} finally {
	stage.close(failed || options.keep);
}
process.exit(0);
