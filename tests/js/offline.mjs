// A transfer signed by a wallet that is never online, on a chain whose runtime knows its metadata's
// hash: accepted when the hash is right, refused by the wallet or the chain when anything is not.
//
//   node offline.mjs ws://127.0.0.1:9944
//
// Prints what the wallet showed as JSON; exits 1 when something was taken that should not be, or
// the other way round.
import { ApiPromise, HttpProvider, Keyring, WsProvider } from "@polkadot/api";
import { merkleizeMetadata } from "@polkadot-api/merkleize-metadata";
import { sign, signBlindly } from "./wallet.mjs";

const url = process.argv[2];
if (!url) {
	console.error("usage: node offline.mjs URL");
	process.exit(2);
}
const problems = [];
const expect = (holds, what) => holds || problems.push(what);
const refuses = async (action, what) => {
	try {
		await action();
		problems.push(`${what} was taken`);
	} catch (error) {
		return String(error);
	}
};
const provider = url.startsWith("http") ? new HttpProvider(url) : new WsProvider(url);
const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;
const uri = "//Ferdie";
const keyring = new Keyring({ type: "sr25519" });
const ferdie = keyring.addFromUri(uri).address;
const eve = keyring.addFromUri("//Eve").address;

// What a wallet's online half does: the metadata's hash, the payload, and the proof for it.
const answer = await api.rpc.state.call("Metadata_metadata_at_version", "0x0f000000");
const metadata = api.createType("Option<Bytes>", answer.toU8a(true)).unwrap().toU8a(true);
const merkle = merkleizeMetadata(metadata, { decimals: 18, tokenSymbol: "LPT" });
const digest = merkle.digest();

const amount = 10n ** 16n;
async function transfer(metadataHash, mode = 1) {
	const call = api.tx.balances.transferKeepAlive(eve, amount);
	const header = await api.rpc.chain.getHeader();
	const payload = api.registry.createType(
		"ExtrinsicPayload",
		{
			method: call.method.toHex(),
			era: api.createType("ExtrinsicEra", { current: header.number.toNumber(), period: 64 }),
			nonce: await api.rpc.system.accountNextIndex(ferdie),
			tip: 0,
			mode,
			metadataHash: hex(metadataHash),
			specVersion: api.runtimeVersion.specVersion,
			transactionVersion: api.runtimeVersion.transactionVersion,
			genesisHash: api.genesisHash,
			blockHash: header.hash,
		},
		{ version: 4 },
	);
	const bytes = payload.toU8a({ method: true });
	return { call, payload, bytes, proof: merkle.getProofForExtrinsicPayload(bytes) };
}
const submit = ({ call, payload }, signature) =>
	new Promise((resolve, reject) => {
		call.addSignature(ferdie, signature, payload.toHex());
		call
			.send(({ status, dispatchError }) => {
				if (dispatchError) reject(new Error(dispatchError.toString()));
				else if (status.isInBlock) resolve(status.asInBlock.toHex());
				else if (status.isInvalid || status.isDropped) reject(new Error(status.toString()));
			})
			.catch(reject);
	});

const right = await transfer(digest);
const { signature, screen } = await sign(right.bytes, right.proof, uri);
expect(screen.chain.token === "LPT" && screen.chain.specName === "livepeer", "the wallet shows another chain");
expect(
	screen.call.Balances?.[0].transfer_keep_alive?.value === amount,
	"the wallet does not show what it signs",
);
const free = async (who) => (await api.query.system.account(who)).data.free.toBigInt();
const before = await free(eve);
try {
	await submit(right, signature);
	expect((await free(eve)) === before + amount, "the transfer brought another amount");
} catch (error) {
	problems.push(`the transfer was refused: ${error}`);
}

const wrong = digest.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
const other = await transfer(wrong);
const refused = {
	byWallet: await refuses(() => sign(other.bytes, other.proof, uri), "a wrong hash"),
	byChain: await refuses(() => submit(other, signBlindly(other.bytes, uri)), "a wrong hash"),
};
expect(/bad signature/i.test(refused.byChain), `the chain refuses for another reason: ${refused.byChain}`);
// The online half lies about the token, so that the wallet shows an amount that is another.
const forged = await transfer(digest);
const at = Buffer.from(forged.proof).lastIndexOf("LPT");
const lie = Uint8Array.from(forged.proof);
lie.set(Buffer.from("ETH"), at);
expect(at > 0, "the proof does not name the token");
refused.forgedToken = await refuses(() => sign(forged.bytes, lie, uri), "a forged token");

console.log(
	JSON.stringify(
		{ digest: hex(digest), screen, refused, problems },
		(_, value) => (typeof value === "bigint" ? value.toString() : value),
		2,
	),
);
await api.disconnect();
process.exit(problems.length ? 1 : 0);
