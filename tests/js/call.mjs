// Sends one call as a wallet would, waits until it is final, and prints the events that it caused.
//
//   node call.mjs URL SECRET_FILE PALLET.CALL [ARGUMENT]...
//
// The fee is paid in LPT, or in ETH by an account that has not enough LPT.
//
// SECRET_FILE holds a phrase, a seed or a development name. Arguments are JSON, or else text; an
// amount may be written with its unit, as 2000LPT or 0.5ETH. Exits 1 when the chain refuses.
import { readFileSync } from "node:fs";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";

const [url, file, name, ...rest] = process.argv.slice(2);
if (!name?.includes(".")) {
	console.error("usage: node call.mjs URL SECRET_FILE PALLET.CALL [ARGUMENT]...");
	process.exit(2);
}
const read = (text) => {
	const amount = /^(\d+)(?:\.(\d{1,18}))?(?:LPT|ETH)$/.exec(text);
	if (amount) return (BigInt(amount[1]) * 10n ** 18n + BigInt((amount[2] ?? "").padEnd(18, "0"))).toString();
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
};
// Else the library takes the fee's asset for a place in a Polkadot network.
const types = { TAssetConversion: "Option<u32>" };
const connected = ApiPromise.create({ provider: new WsProvider(url), types, noInitWarn: true, throwOnConnect: true });
const api = await connected.catch(() => {
	console.error(`no node answers at ${url}: start it, or name another`);
	process.exit(1);
});
const signer = new Keyring({ type: "sr25519" }).addFromUri(readFileSync(file, "utf8").trim());
const [pallet, call] = name.split(".");
try {
	const made = api.tx[pallet]?.[call];
	if (!made) throw new Error(`the chain has no call ${name}`);
	const send = (options) =>
		new Promise((resolve, reject) => {
			made(...rest.map(read))
				.signAndSend(signer, options, ({ status, events, dispatchError }) => {
					if (dispatchError?.isModule) {
						const { section, name: error, docs } = api.registry.findMetaError(dispatchError.asModule);
						return reject(new Error(`${section}.${error}: ${docs.join(" ")}`));
					}
					if (dispatchError) return reject(new Error(dispatchError.toString()));
					if (!status.isFinalized) return;
					for (const { event } of events) console.log(`${event.section}.${event.method} ${event.data}`);
					resolve();
				})
				.catch(reject);
		});
	await send({}).catch((error) => {
		if (!/Inability to pay/.test(error.message)) throw error;
		return send({ assetId: 1 });
	});
} catch (error) {
	console.error(`${name}: ${error.message}`);
	process.exitCode = 1;
}
await api.disconnect();
