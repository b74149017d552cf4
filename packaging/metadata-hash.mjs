// Prints the hash of a node's metadata, which hardware wallets check (RFC-78).
//
//   node packaging/metadata-hash.mjs PATH_OF_LIVEPEER_NODE
//
// Starts the node on a chain of its own, asks it for the metadata, and stops it.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The libraries are those of the client tests.
const require = createRequire(new URL("../tests/js/", import.meta.url));
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const { ApiPromise, WsProvider } = await load("@polkadot/api");
const { merkleizeMetadata } = await load("@polkadot-api/merkleize-metadata");

const port = 19000 + (process.pid % 1000);
const node = spawn(
	process.argv[2],
	["--dev", "--tmp", "--no-prometheus", "--rpc-port", `${port}`, "--port", `${port + 1000}`],
	{ stdio: "ignore" },
);
// The client would ask for ever.
node.once("exit", (code) => {
	console.error(`metadata-hash: the node ended with ${code}; is port ${port} taken?`);
	process.exit(1);
});
try {
	const api = await ApiPromise.create({
		provider: new WsProvider(`ws://127.0.0.1:${port}`),
		noInitWarn: true,
	});
	const answer = await api.rpc.state.call("Metadata_metadata_at_version", "0x0f000000");
	const metadata = api.createType("Option<Bytes>", answer.toU8a(true)).unwrap().toU8a(true);
	const digest = merkleizeMetadata(metadata, { decimals: 18, tokenSymbol: "LPT" }).digest();
	console.log(`metadata hash    0x${Buffer.from(digest).toString("hex")}`);
	console.log(`spec version     ${api.runtimeVersion.specVersion}`);
	await api.disconnect();
} finally {
	node.removeAllListeners("exit");
	node.kill("SIGTERM");
}
