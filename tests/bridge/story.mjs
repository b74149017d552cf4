// The bridge's part of the demo (`make demo BRIDGE=1`), on a chain that begins without anybody's ETH:
// anvil, a beacon chain (simulated consensus, real signatures), the gateway and a relayer, which is
// killed after each thing that it does.
//
//   node story.mjs --bin-dir FOLDER ws://127.0.0.1:9944
//
// First ETH is deposited for everybody who needs it, and LPT, which is delegated; then it says `ready`.
// When its standard input ends, and the stream with it, the transcoder's and the delegator's earnings
// go to Ethereum; finality stands still, for which it says `stall`, and goes on again, for which it
// says `go on`; the set of validators shrinks to two and grows again. At the end every figure is
// exact to the unit.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stage, done, here, parseEther, pause, until } from "./stage.mjs";

const { values: options, positionals } = parseArgs({
	options: { "bin-dir": { type: "string" }, keep: { type: "boolean" } },
	allowPositionals: true,
});
const [url] = positionals;
assert.ok(options["bin-dir"] && url, "usage: node story.mjs --bin-dir FOLDER [--keep] URL");
const { ApiPromise, Keyring, WsProvider } = createRequire(join(here, "../js/package.json"))("@polkadot/api");

const ETH = 1;
/** The least that an account can have. */
const ETH_MINIMUM = 10_000_000_000_000n;
const unit = parseEther("1");
/** An amount of ETH, rounded to billionths. */
const inEth = (wei) => `${Math.round(Number(wei) / 1e9) / 1e9} ETH`;
/** Who spends ETH in the story: the broadcaster on its stream, transcoders ahead on verification; others
 * get some, and an account has a minimum. */
const DEPOSITS = new Map([
	["//Ferdie", 50n * unit],
	...["//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Bob//stash", "//Charlie//stash"].map((name) => [name, 2n * unit]),
]);
/** Who delegates to whom what comes over. */
const DELEGATIONS = [["//Bob//stash", "//Bob"], ["//Charlie//stash", "//Charlie"]];
const DELEGATED = 100n * unit;
/** What is sent to Ethereum to see whether anything gets there. */
const SENT = unit / 10n;
/** Seconds: a round, in which sets of validators change, is one minute. */
const CHANGE = 420;

const stage = await Stage.open(options["bin-dir"], url);
let api = null;
let failed = true;
function leave(code) {
	stage.close(failed || options.keep);
	process.exit(code);
}
for (const signal of ["SIGINT", "SIGTERM"]) {
	process.on(signal, () => {
		failed = false;
		leave(130);
	});
}
// What has been read stays in the pipe until it is asked for.
process.stdin.pause();

const keyring = new Keyring({ type: "sr25519" });
const pairs = new Map();
const pair = (name) => {
	if (!pairs.has(name)) pairs.set(name, keyring.addFromUri(name));
	return pairs.get(name);
};
const account = (name) => "0x" + Buffer.from(pair(name).publicKey).toString("hex");
const eth = async (name) => (await api.query.assets.account(ETH, account(name))).unwrapOrDefault().balance.toBigInt();
const ethIssued = async () => (await api.query.assets.asset(ETH)).unwrap().supply.toBigInt();
const delegator = async (name) => {
	const found = (await api.call.livepeerApi.delegator(account(name))).unwrapOrDefault();
	return { stake: found.stake.toBigInt(), fees: found.fees.toBigInt() };
};

/** The error of a call, or of what Sudo called. */
function errorOf({ dispatchError, events }) {
	const sudone = events.filter(({ event }) => api.events.sudo.Sudid.is(event)).map(({ event }) => event.data[0]);
	const error = dispatchError ?? sudone.find((result) => result.isErr)?.asErr;
	if (!error?.isModule) return error?.toString();
	const { section, name } = api.registry.findMetaError(error.asModule);
	return `${section}.${name}`;
}

/** Sends a call; waits until it is in a block, which is final unless finality stands still. */
const send = (call, name, { final = true } = {}) =>
	new Promise((resolve, reject) => {
		call
			.signAndSend(pair(name), (result) => {
				const { status } = result;
				const error = status.isInBlock || status.isFinalized ? errorOf(result) : undefined;
				if (error) reject(new Error(error));
				else if (status.isFinalized || (!final && status.isInBlock)) resolve();
				else if (status.isInvalid || status.isDropped) reject(new Error(status.toString()));
			})
			.catch(reject);
	});

let recipients = 0;
/** An address on Ethereum that has nothing yet. */
const recipient = () => "0x" + "7e".repeat(19) + (++recipients).toString(16).padStart(2, "0");
const arrived = (to, amount, seconds) =>
	until(`the payment of ${amount}`, async () => (await stage.provider.getBalance(to)) === amount, seconds);
/** Sends some of the broadcaster's ETH to Ethereum and says where it will be. */
async function sendSome(how) {
	const to = recipient();
	await send(api.tx.ethBridge.withdraw("Eth", to, SENT, 0), "//Ferdie", how);
	sent += SENT;
	return to;
}
let sent = 0n;

/** What an account has earned comes out of its stake. Says how much that is, and what it had before. */
async function takeFees(name) {
	const before = await eth(name);
	await send(api.tx.lptStaking.withdrawFees(), name);
	const earned = (await eth(name)) - before;
	assert.ok(earned > 0n, `${name} earned nothing`);
	return { before, earned };
}

/** The first of these that has fees. */
async function earner(names) {
	for (const name of names) if ((await delegator(name)).fees > 0n) return name;
	throw new Error(`none of ${names} has earned anything`);
}

/** Has governance set the number of seats, and waits until the contract's validators are so many. */
async function seats(wanted, validators) {
	const { election } = await api.call.livepeerApi.parameters();
	const parameters = { ...election.toJSON(), activeSize: wanted };
	const update = { Protocol: { Election: [null, { V1: parameters }] } };
	await send(api.tx.sudo.sudo(api.tx.chainConfig.setParameter(update)), "//Alice");
	const head = () => stage.gateway.head();
	await until(`${validators} validators in the contract`, async () => (await head()).currentLength === BigInt(validators), CHANGE);
	const to = await sendSome();
	await arrived(to, SENT);
	return (await head()).setId;
}

try {
	api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true, throwOnConnect: true });
	const begun = await ethIssued();
	for (const name of DEPOSITS.keys()) assert.equal(await eth(name), 0n, `${name} has ETH from elsewhere`);
	await stage.ethereum();
	await stage.deploy({ lpt: "1000,1000,1,500,10", eth: "100,100,1,60,10" });
	const relayer = stage.relayer(0, { fatal: true, args: ["--claim-for", "all"] });
	await until("the light client", async () => (await stage.status()).chain.client === "Following");
	let deposited = 0n;
	for (const [name, amount] of DEPOSITS) {
		await done(stage.gateway.depositETH(account(name), { value: amount }));
		deposited += amount;
	}
	for (const [name] of DELEGATIONS) await done(stage.gateway.depositLPT(account(name), DELEGATED));
	stage.say(`${deposited / unit} ETH for ${DEPOSITS.size} accounts and ${(DELEGATED * 2n) / unit} LPT are deposited`);
	await until("the deposits' credit", async () => {
		const owned = await Promise.all([...DEPOSITS.keys()].map(eth));
		return owned.every((amount, place) => amount === [...DEPOSITS.values()][place]);
	}, CHANGE);
	await until("the credit of LPT", async () => (await stage.status()).chain.lpt.credited === String((DELEGATED * 2n) / unit));
	assert.equal((await ethIssued()) - begun, deposited);
	for (const [name, to] of DELEGATIONS) {
		const before = await delegator(name);
		await send(api.tx.lptStaking.bond(DELEGATED, account(to)), name);
		assert.ok((await delegator(name)).stake >= before.stake + DELEGATED);
	}
	stage.say("the chain has credited all of it; the LPT is delegated");
	console.log("ready");

	process.stdin.resume();
	await once(process.stdin, "end");

	// The transcoder sends its earnings as they are; the delegator is paid out with its round.
	const transcoder = await earner(["//Bob", "//Charlie"]);
	const delegated = await earner(DELEGATIONS.map(([name]) => name));
	const first = await takeFees(transcoder);
	const transcoders = recipient();
	await send(api.tx.ethBridge.withdraw("Eth", transcoders, first.earned, 0), transcoder);
	const second = await takeFees(delegated);
	const payee = recipient();
	const rule = { keep: second.before - ETH_MINIMUM, minimum: 1 };
	await send(api.tx.ethBridge.setPayout({ payee, lpt: null, eth: rule }), delegated);
	await send(api.tx.ethBridge.payOut(account(delegated), "Eth"), "//Ferdie");
	assert.equal(await eth(delegated), second.before);
	await arrived(transcoders, first.earned);
	stage.say(`the transcoder's earnings are on Ethereum: ${inEth(first.earned)}`);
	// Its round ends, its message is sent and proven, the round is opened, and then it is claimed.
	await arrived(payee, second.earned, CHANGE);
	stage.say(`so are the delegator's, claimed by a round's root: ${inEth(second.earned)}`);
	sent += first.earned + second.earned;

	// Without two fifths of the validators nothing is final, and what is not final is not paid.
	console.log("stall");
	const finalised = async () => (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
	let last = await finalised();
	await until("the stall", async () => {
		await pause(8_000);
		const before = last;
		last = await finalised();
		return last === before;
	});
	const late = await sendSome({ final: false });
	await pause(10_000);
	assert.equal(await finalised(), last, "finality went on");
	assert.equal(await stage.provider.getBalance(late), 0n, "paid before it was final");
	console.log("go on");
	await arrived(late, SENT, CHANGE);
	stage.say("finality stopped; a withdrawal made meanwhile was paid when it went on");

	const few = await seats(2, 2);
	stage.say(`only two validators sign for Ethereum now (set ${few})`);
	const many = await seats(8, 5);
	assert.ok(many > few);
	stage.say(`five validators sign again (set ${many})`);

	// The books of both sides, to the unit.
	const end = await stage.status();
	assert.equal(await stage.provider.getBalance(stage.address), deposited - sent);
	assert.equal(await stage.token.balanceOf(stage.address), DELEGATED * 2n);
	assert.equal((await ethIssued()) - begun, deposited - sent);
	assert.equal(end.chain.eth.credited, String(deposited / unit));
	assert.equal(end.chain.eth.waiting, "0");
	assert.ok(end.newestMessages.every(({ state }) => ["paid", "opened for claims"].includes(state)));
	// Inflation counts what is on Ethereum too.
	const proven = (await api.query.ethBridge.ethereumSupply()).unwrap();
	assert.equal(proven.amount.toBigInt(), await stage.token.totalSupply());
	await stage.bridge("watch", ["--once"]);
	relayer.stop();
	const kills = relayer.kills();
	// The start is not among them: it is sent beside the first validators, after which the relayer may be killed first.
	for (const step of [/finality after slot/, /the gateway's figures/, /deposit \d/, /validators \d+ in block/, /message \d/, /earning \d/, /the supply/]) {
		assert.ok(kills.some((text) => step.test(text)), `it was not killed after ${step}`);
	}
	stage.say(`the relayer was killed ${kills.length} times, after every kind of step that it takes`);
	stage.say(`${inEth(deposited)} came over, ${inEth(sent)} went back, and both sides' books agree to the unit`);
	failed = false;
	leave(0);
} catch (error) {
	console.error(error);
	stage.say(error.message);
	leave(1);
}
