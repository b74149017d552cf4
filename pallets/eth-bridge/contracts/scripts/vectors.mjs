// Golden vectors of the bridge's formats, for both sides: tests/bridge/vectors.json. With --check they
// are compared instead. What has to do with Ethereum comes from the compiled contracts.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { Bridge, UNIT } from "../test/lib/bridge.mjs";
import { ascii, be, bytes, hex, keccak } from "../test/lib/bytes.mjs";
import { Chain, sign, validator, validators } from "../test/lib/chain.mjs";
import * as f from "../test/lib/formats.mjs";

const hexed = (value) =>
	value instanceof Uint8Array
		? hex(value)
		: typeof value === "bigint"
			? value.toString()
			: Array.isArray(value)
				? value.map(hexed)
				: value && typeof value === "object"
					? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hexed(v)]))
					: value;

const account = (name) => keccak(ascii(name));
const address = (name) => hex(keccak(ascii(name)).slice(0, 20));

function trees() {
	const genesis = keccak(ascii("genesis"));
	const gateway = "0x00000000000000000000000000000000000000aa";
	const domain = f.domain(genesis, 1, gateway);
	const grown = (leaves) => {
		const tree = new f.Tree();
		const list = leaves.map(({ leaf, ...rest }) => ({ ...rest, leaf, treeRoot: tree.append(leaf) }));
		return { list, proofs: [0, 1, 2, leaves.length - 1].map((index) => ({ index, proof: tree.proof(index) })) };
	};
	const deposits = Array.from({ length: 9 }, (_, index) => {
		const d = { index, asset: index % 2, recipient: account(`d${index}`), amount: BigInt(index + 1) * 10n ** BigInt(index * 3) };
		return { ...d, leaf: f.depositLeaf(domain, d) };
	});
	const earnings = (count) => {
		const leaves = Array.from({ length: count }, (_, index) => {
			const e = { round: 7, index, asset: index % 2, payee: address(`e${index}`), amount: BigInt(index + 1) * UNIT };
			return { ...e, leaf: f.earningLeaf(domain, e) };
		});
		const tree = f.earningsTree(leaves.map((e) => e.leaf));
		return { count, depth: tree.depth, root: tree.root, leaves, proofs: leaves.map((_, i) => tree.proof(i)) };
	};
	const five = earnings(5);
	const messages = Array.from({ length: 7 }, (_, index) => {
		if (index === 3) {
			const r = { index, round: 7, root: five.root, count: 5, lpt: 9n * UNIT, eth: 6n * UNIT };
			return { kind: 1, ...r, leaf: f.roundLeaf(domain, r) };
		}
		const w = { index, asset: index % 2, recipient: address(`w${index}`), amount: UNIT + BigInt(index), fee: BigInt(index) };
		return { kind: 0, ...w, leaf: f.withdrawalLeaf(domain, w) };
	});
	return {
		domain: { genesis, chainId: 1, gateway, domain },
		zero: f.EMPTY,
		deposits: grown(deposits),
		messages: grown(messages),
		earnings: [1, 2, 3, 5, 8].map(earnings),
	};
}

function finality() {
	const sets = [1, 2, 3, 4, 5, 7, 8, 9, 21, 144].map((length) => {
		const members = validators(0, length);
		const addresses = members.map((v) => v.address);
		return { length, quorum: f.quorum(length), addresses, root: f.setRoot(addresses) };
	});
	const keys = [0, 1, 2].map((i) => ({
		compressed: secp256k1.getPublicKey(validator(i).key, true),
		address: validator(i).address,
	}));
	const mmr = new f.Mmr();
	const range = Array.from({ length: 20 }, (_, i) => {
		const fields = {
			version: 0,
			parentNumber: i,
			parentHash: keccak(be(i, 4)),
			next: { id: 1, length: 4, root: sets[3].root },
			outboundRoot: f.EMPTY[32],
			time: 1_800_000_000_000 + 6000 * i,
		};
		const leaf = f.mmrLeaf(fields);
		mmr.append(leaf);
		return { ...fields, leaf, hash: keccak(leaf), root: mmr.root, proof: mmr.proof };
	});
	return { sets, keys, range };
}

/** Updates, in order, each accepted by the contract that began with the checkpoint. */
async function updates() {
	const chain = new Chain({ length: 4 });
	const bridge = await Bridge.create({ chain });
	const checkpoint = chain.checkpoint;
	const list = [];
	const take = async (voters) => {
		bridge.evm.time = Math.ceil(chain.time / 1000);
		const { length, members, addresses } = chain.set();
		const who = voters ?? Array.from({ length: f.quorum(length) }, (_, i) => i);
		const update = chain.update({ voters: who });
		await bridge.gateway.send("submit", [hex(update)]);
		const signed = f.commitment({ root: chain.mmr.root, number: chain.number, setId: chain.setId });
		list.push({
			blockNumber: chain.number,
			setId: chain.setId,
			addresses,
			commitment: signed,
			digest: keccak(signed),
			// As BEEFY has them, 65 bytes each.
			signatures: who.map((index) => ({ index, signature: sign(keccak(signed), members[index]) })),
			leaf: chain.leaf,
			mmrRoot: chain.mmr.root,
			outboundRoot: chain.sealed.root,
			update,
		});
	};
	chain.withdrawal({ asset: f.ETH, recipient: bridge.bob.address, amount: UNIT, fee: 5n });
	chain.blocks(5);
	await take();
	chain.blocks(7).session(validators(2, 9));
	await take([1, 2, 3]);
	chain.blocks(2).session(validators(0, 1));
	await take([0, 2, 3, 4, 6, 7, 8].slice(0, f.quorum(chain.set().length)));
	chain.blocks(2).session(validators(0, 2));
	await take();
	return { genesis: chain.genesis, checkpoint, list };
}

/** What `eth_getProof` answers after some deposits and a withdrawal. */
async function state() {
	const b = await Bridge.create({ proofs: true });
	const deposits = [];
	for (const [asset, amount] of [[f.LPT, 5n * UNIT], [f.ETH, 3n * UNIT + 1n], [f.LPT, 10n * UNIT + 7n]]) {
		deposits.push({ index: b.deposits.count, asset, recipient: account("alice"), amount });
		await b.deposit(asset, amount, account("alice"));
	}
	const w = b.chain.withdrawal({ asset: f.ETH, recipient: b.bob.address, amount: UNIT, fee: 1000n });
	const l = b.chain.withdrawal({ asset: f.LPT, recipient: b.bob.address, amount: 2n * UNIT });
	await b.sync();
	await b.withdraw(w);
	await b.withdraw(l);
	await b.check();
	const slot = (number) => hex(be(number, 32));
	const mapping = keccak(new Uint8Array(12), bytes(b.gateway.address), be(0, 32));
	const accounts = [await b.gateway.read("accounts", f.LPT), await b.gateway.read("accounts", f.ETH)];
	const expected = {
		depositRoot: b.deposits.root,
		count: b.deposits.count,
		lpt: { balance: await b.holds(f.LPT), deposited: b.deposited[0], released: accounts[0].released },
		eth: { balance: await b.holds(f.ETH), deposited: b.deposited[1], released: accounts[1].released },
	};
	return {
		genesis: b.chain.genesis,
		chainId: 1,
		gateway: b.gateway.address,
		token: b.token.address,
		balancesSlot: 0,
		domain: b.chain.domain,
		// Even to read touches the state here: nothing is read between the root and the proofs.
		stateRoot: await b.evm.stateRoot(),
		gatewayProof: await b.evm.proof(b.gateway.address, f.gatewaySlots(b.deposits.count).map(slot)),
		tokenProof: await b.evm.proof(b.token.address, [hex(mapping)]),
		expected,
		deposits: deposits.map((d) => ({ ...d, leaf: f.depositLeaf(b.chain.domain, d), proof: b.deposits.proof(d.index) })),
	};
}

const path = resolve(dirname(fileURLToPath(import.meta.url)), "../../../../tests/bridge/vectors.json");

export async function vectors() {
	const all = { trees: trees(), finality: finality(), updates: await updates(), state: await state() };
	return JSON.stringify(hexed(all), null, "\t") + "\n";
}

export const stored = () => readFileSync(path, "utf8");

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(path, await vectors());
