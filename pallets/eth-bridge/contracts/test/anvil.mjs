// The contracts on anvil instead of in memory: deployed by the script, deposits, a commitment, a
// withdrawal; and what the chain would prove, by the node's own eth_getProof. Run by `make test-anvil`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { JsonRpcProvider, NonceManager } from "ethers";
import { deploy } from "../scripts/deploy.mjs";
import { DAY, LIMITS, UNIT } from "./lib/bridge.mjs";
import { be, hex, keccak } from "./lib/bytes.mjs";
import { Chain, validators } from "./lib/chain.mjs";
import { ETH, LPT, Tree, depositLeaf, gatewaySlots, rootOfWaiting } from "./lib/formats.mjs";
import { replay } from "./lib/replay.mjs";

const folder = dirname(createRequire(import.meta.url).resolve("@foundry-rs/anvil-linux-amd64/package.json"));
const free = () =>
	new Promise((resolve) => {
		const probe = createServer().listen(0, "127.0.0.1", () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
const port = await free();
const anvil = spawn(join(folder, "bin/anvil"), ["--hardfork", "osaka", "--port", String(port)], { stdio: ["ignore", "pipe", "inherit"] });
const provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, undefined, { cacheTimeout: -1, pollingInterval: 100 });
let beacon = null;
try {
	await new Promise((resolve, reject) => {
		anvil.stdout.on("data", (text) => String(text).includes("Listening") && resolve());
		anvil.on("exit", () => reject(new Error("anvil has ended")));
	});
	const [deployer, alice, bob] = await Promise.all([0, 1, 2].map((i) => provider.getSigner(i)));
	const now = Number((await provider.getBlock("latest")).timestamp);
	const chain = new Chain({ length: 4, time: now });
	const { token, gateway } = await deploy(new NonceManager(deployer), {
		genesisHash: hex(chain.genesis),
		firstBlock: 1,
		maxAge: 2 * DAY,
		guardian: alice.address,
		proposers: [alice.address],
		delay: 7 * DAY,
		checkpoint: chain.checkpoint,
		limits: LIMITS,
	});
	const address = await gateway.getAddress();
	const { chainId } = await provider.getNetwork();
	chain.serve(address, chainId);
	assert.equal(await gateway.domain(), hex(chain.domain));

	const recipient = keccak([1]);
	const tree = new Tree();
	const done = async (sent) => (await sent).wait();
	await done(token.connect(alice).mint(alice.address, 100n * UNIT));
	await done(token.connect(alice).approve(address, 100n * UNIT));
	await done(gateway.connect(alice).depositLPT(hex(recipient), 7n * UNIT));
	await done(gateway.connect(alice).depositETH(hex(recipient), { value: 3n * UNIT }));
	tree.append(depositLeaf(chain.domain, { index: 0, asset: LPT, recipient, amount: 7n * UNIT }));
	tree.append(depositLeaf(chain.domain, { index: 1, asset: ETH, recipient, amount: 3n * UNIT }));

	const w = chain.withdrawal({ asset: ETH, recipient: "0x" + "77".repeat(20), amount: UNIT, fee: 10n });
	chain.blocks(3).session(validators(3, 6));
	await done(gateway.connect(bob).submit(hex(chain.update())));
	await done(gateway.connect(bob).withdraw(w, chain.proof(w.index)));
	assert.equal(await provider.getBalance(w.recipient), UNIT - 10n);
	await assert.rejects(gateway.connect(bob).withdraw.staticCall(w, chain.proof(w.index)));

	const slots = gatewaySlots(2).map((i) => hex(be(i, 32)));
	const proof = await provider.send("eth_getProof", [address, slots, "latest"]);
	const [lpt, eth, deposits, ...subtrees] = proof.storageProof.map(({ value }) => BigInt(value));
	const low = (value) => value & (2n ** 112n - 1n);
	assert.equal(hex(rootOfWaiting(2, subtrees.map((word) => be(word, 32)))), hex(tree.root));
	assert.deepEqual([low(lpt), low(eth)], [0n, UNIT]);
	assert.deepEqual([deposits & 0xffffffffn, low(deposits >> 32n), deposits >> 144n], [2n, 7n * UNIT, 3n * UNIT]);
	assert.equal(BigInt(proof.balance), 2n * UNIT);
	const block = await provider.send("eth_getBlockByNumber", ["latest", false]);
	assert.equal(hex(keccak(Buffer.from(proof.accountProof[0].slice(2), "hex"))), block.stateRoot);

	// Anvil's machine is revm: gas is the same in the one that docs/bridge.md is measured with.
	const signers = await provider.listAccounts();
	const gas = await replay(provider, "osaka", signers.map((signer) => signer.address));
	assert.equal(gas.length, 9);
	for (const [there, here] of gas) assert.equal(here, there);

	// The beacon simulator carries anvil's blocks: a final header leads to the state that was proven.
	const api = await free();
	const script = fileURLToPath(new URL("../../../../tests/bridge/beacon-sim/serve.mjs", import.meta.url));
	const options = ["--execution", `http://127.0.0.1:${port}`, "--port", String(api), "--seconds-per-slot", "1", "--slot", "8180"];
	beacon = spawn(process.execPath, [script, ...options], { stdio: ["ignore", "pipe", "inherit"] });
	await new Promise((resolve, reject) => {
		beacon.stdout.on("data", resolve);
		beacon.on("exit", () => reject(new Error("the beacon simulator has ended")));
	});
	let final = null;
	for (let tries = 0; !final && tries < 300; ++tries) {
		const answer = await fetch(`http://127.0.0.1:${api}/eth/v1/beacon/light_client/finality_update`);
		if (answer.ok) final = (await answer.json()).data.finalized_header.execution;
		else await new Promise((resolve) => setTimeout(resolve, 200));
	}
	assert.equal(final.block_hash, block.hash);
	assert.equal(final.state_root, block.stateRoot);
	console.log("deposit, commitment with a handover, withdrawal and proof on anvil: as they should be");
} finally {
	provider.destroy();
	beacon?.kill();
	anvil.kill();
}
