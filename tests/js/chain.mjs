// Reads the chain with @polkadot/api as any wallet or explorer would: properties, runtime calls,
// every event of every block; sends one LPT and one ETH transfer.
//
//   node chain.mjs ws://127.0.0.1:9944
//
// Prints what it saw as JSON; exits 1 when anything cannot be decoded or a transfer fails.
import { ApiPromise, HttpProvider, Keyring, WsProvider } from "@polkadot/api";

const url = process.argv[2];
if (!url) {
	console.error("usage: node chain.mjs URL");
	process.exit(2);
}
const problems = [];
const nameOf = (error) => {
	if (!error.isModule) return error.toString();
	const { section, name } = api.registry.findMetaError(error.asModule);
	return `${section}.${name}`;
};
const expect = (holds, what) => holds || problems.push(what);
const provider = url.startsWith("http") ? new HttpProvider(url) : new WsProvider(url);
const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
const ETH = 1;

expect(api.registry.chainTokens[0] === "LPT", `token is ${api.registry.chainTokens[0]}`);
expect(api.registry.chainDecimals[0] === 18, `decimals are ${api.registry.chainDecimals[0]}`);
expect(api.call.livepeerApi?.parameters !== undefined, "LivepeerApi is not in the metadata");
const timing = (await api.call.livepeerApi.timing()).toJSON();
const transcoders = (await api.call.livepeerApi.transcoders()).toJSON();

// Every event of every finalised block decodes and has a name. A call that failed is told with its
// block and error: somebody paid for nothing.
const head = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
const events = {};
const failed = [];
for (let number = 1; number <= head; number++) {
	const hash = await api.rpc.chain.getBlockHash(number);
	const at = await api.at(hash);
	for (const { event, phase } of await at.query.system.events()) {
		const name = `${event.section}.${event.method}`;
		events[name] = (events[name] ?? 0) + 1;
		if (at.events.system.ExtrinsicFailed.is(event)) {
			const { block } = await api.rpc.chain.getBlock(hash);
			const { method } = block.extrinsics[phase.asApplyExtrinsic.toNumber()];
			failed.push({ number, call: `${method.section}.${method.method}`, error: nameOf(event.data[0]) });
		}
	}
}

const keyring = new Keyring({ type: "sr25519" });
const ferdie = keyring.addFromUri("//Ferdie");
const eve = keyring.addFromUri("//Eve");
const send = (call) =>
	new Promise((resolve, reject) => {
		call
			.signAndSend(ferdie, ({ status, dispatchError, events: seen }) => {
				if (dispatchError) reject(new Error(dispatchError.toString()));
				else if (status.isFinalized) resolve(seen.map(({ event }) => `${event.section}.${event.method}`));
				else if (status.isInvalid || status.isDropped) reject(new Error(status.toString()));
			})
			.catch(reject);
	});
const free = async (who) => (await api.query.system.account(who)).data.free.toBigInt();
const eth = async (who) => (await api.query.assets.account(ETH, who)).unwrapOrDefault().balance.toBigInt();
const amount = 10n ** 16n;
for (const [name, balance, call] of [
	["LPT", free, api.tx.balances.transferKeepAlive(eve.address, amount)],
	["ETH", eth, api.tx.assets.transferKeepAlive(ETH, eve.address, amount)],
]) {
	try {
		const before = await balance(eve.address);
		await send(call);
		const gained = (await balance(eve.address)) - before;
		expect(gained === amount, `the ${name} transfer brought ${gained}`);
	} catch (error) {
		problems.push(`the ${name} transfer failed: ${error}`);
	}
}
console.log(JSON.stringify({ head, timing, transcoders: transcoders.length, events, failed, problems }));
await api.disconnect();
process.exit(problems.length ? 1 : 0);
