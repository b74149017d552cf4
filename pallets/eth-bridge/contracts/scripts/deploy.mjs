// Deploys the bridge: a timelock as governor, and the gateway.
//
//   BRIDGE_KEY=0x… node scripts/deploy.mjs --rpc http://127.0.0.1:8545 --config bridge.json
//
// The configuration: `lpt` (the token; left out, a test token is deployed), `genesisHash`,
// `firstBlock`, `maxAge` (seconds), `guardian`, `proposers` and `delay` (seconds) of the timelock,
// `checkpoint` (blockNumber, time, setId, currentLength, currentRoot, nextLength, nextRoot) and
// `limits` of LPT and of ETH (perDay, large, cap, minimum, in the smallest unit). Prints the
// addresses and the domain as JSON.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ContractFactory, JsonRpcProvider, NonceManager, Wallet } from "ethers";
import { artefact } from "./compile.mjs";

async function create(signer, name, args) {
	const { abi, bytecode } = artefact(name);
	const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args);
	return contract.waitForDeployment();
}

/** Deploys by `signer`; returns the three contracts, the token's null where it is another's. */
export async function deploy(signer, config) {
	const token = config.lpt ? null : await create(signer, "TestToken", [false]);
	const nobody = "0x" + "00".repeat(20);
	const timelock = await create(signer, "TimelockController", [config.delay, config.proposers, config.proposers, nobody]);
	const setup = {
		lpt: config.lpt ?? (await token.getAddress()),
		genesisHash: config.genesisHash,
		firstBlock: config.firstBlock,
		maxAge: config.maxAge,
		guardian: config.guardian,
		governor: await timelock.getAddress(),
	};
	const gateway = await create(signer, "Gateway", [setup, config.checkpoint, config.limits]);
	return { token, timelock, gateway };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const { values } = parseArgs({ options: { rpc: { type: "string" }, config: { type: "string" } } });
	const key = process.env.BRIDGE_KEY;
	if (!values.rpc || !values.config || !key) {
		console.error("usage: BRIDGE_KEY=0x… node scripts/deploy.mjs --rpc URL --config FILE");
		process.exit(2);
	}
	const provider = new JsonRpcProvider(values.rpc);
	const signer = new NonceManager(new Wallet(key, provider));
	const { timelock, gateway } = await deploy(signer, JSON.parse(readFileSync(values.config, "utf8")));
	console.log(
		JSON.stringify(
			{
				gateway: await gateway.getAddress(),
				timelock: await timelock.getAddress(),
				lpt: await gateway.lpt(),
				domain: await gateway.domain(),
				chainId: String((await provider.getNetwork()).chainId),
			},
			null,
			"\t",
		),
	);
	provider.destroy();
}
