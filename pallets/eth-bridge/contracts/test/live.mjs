// The contract, in an Ethereum in memory, follows a running chain: from a block of its past on it takes every
// justification that BEEFY's validators have really signed, handovers among them, packed by the formats alone.
//
//   node test/live.mjs ws://127.0.0.1:9944
//
// Says what was taken as JSON; exits 1 when any is refused, or a forged one is not.
import assert from "node:assert/strict";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { Evm } from "./lib/evm.mjs";
import { LIMITS, MAX_AGE, refused } from "./lib/bridge.mjs";
import { bytes, concat, hex, keccak } from "./lib/bytes.mjs";
import { compact } from "./lib/chain.mjs";
import * as f from "./lib/formats.mjs";

/** How far back it begins: every node has the state of so many blocks. */
const BACK = 200;
const FIRST = 1;
const PATIENCE = 120;

const url = process.argv[2]?.replace(/^ws/, "http");
if (!url) {
	console.error("usage: node live.mjs URL");
	process.exit(2);
}

async function ask(method, ...params) {
	const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
	const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
	const { result, error } = await answer.json();
	if (error) throw new Error(`${method}: ${error.message}`);
	return result;
}

/** Reads SCALE from the front. */
class Scale {
	constructor(data) {
		this.data = bytes(data);
	}

	take(length) {
		assert.ok(length <= this.data.length, "it ends too early");
		const taken = this.data.slice(0, length);
		this.data = this.data.slice(length);
		return taken;
	}

	uint(width) {
		return Number(BigInt(hex(this.take(width).reverse())));
	}

	compact() {
		const mode = this.data[0] & 3;
		assert.ok(mode < 3, "a length of more than four bytes");
		return Math.floor(this.uint(1 << mode) / 4);
	}

	list(item) {
		return Array.from({ length: this.compact() }, () => item(this));
	}
}

const call = async (name, at) => new Scale(await ask("state_call", name, "0x", at));
const hashOf = (number) => ask("chain_getBlockHash", number);
const numberOf = async (hash) => Number((await ask("chain_getHeader", hash)).number);

/** The addresses of the validators in office after a block, and their set's id. */
async function validators(at) {
	const set = await call("BeefyApi_validator_set", at);
	assert.equal(set.uint(1), 1, "BEEFY has not begun");
	const address = (key) => keccak(secp256k1.Point.fromBytes(key).toBytes(false).slice(1)).slice(12);
	return { members: set.list((s) => s.take(33)).map(address), id: set.uint(8) };
}

/** A set as the contract starts from it. */
async function authorities(name, at) {
	const set = await call(name, at);
	return { id: set.uint(8), length: set.uint(4), root: hex(set.take(32)) };
}

/** What BEEFY's validators have signed of a block, or nothing. */
async function justification(hash) {
	const { justifications } = await ask("chain_getBlock", hash);
	const found = justifications?.find(([engine]) => Buffer.from(engine).toString() === "BEEF");
	if (!found) return undefined;
	const proof = new Scale(hex(Uint8Array.from(found[1])));
	assert.equal(proof.uint(1), 1, "a justification of another version");
	const signed = proof.take(48);
	const bits = proof.list((s) => s.uint(1));
	const length = proof.uint(4);
	const given = proof.list((s) => s.take(65));
	const voted = (i) => (bits[i >> 3] >> (7 - (i % 8))) & 1;
	const signatures = Array.from({ length }, (_, i) => (voted(i) ? given.shift() : undefined));
	assert.equal(given.length, 0, "more signatures than votes");
	return { signed, signatures };
}

/** The newest leaf of the mountain range that ends with a block, and what proves it. */
async function newestLeaf(number) {
	const answer = await ask("mmr_generateProof", [number], number);
	const leaves = new Scale(answer.leaves).list((s) => s.take(s.compact()));
	const proof = new Scale(answer.proof);
	proof.list((s) => s.uint(8));
	let count = proof.uint(8);
	const items = proof.list((s) => s.take(32));
	// Peaks from the left and then siblings from below; the contract takes siblings, then peaks from the right.
	let siblings = 0;
	while (count % 2 === 0) [count, siblings] = [count / 2, siblings + 1];
	const peaks = items.slice(0, items.length - siblings);
	return { leaf: leaves[0], proof: [...items.slice(peaks.length), ...peaks.reverse()] };
}

/** The update of a block that is justified. */
async function update(number, hash, { signed, signatures }) {
	const { members } = await validators(hash);
	assert.equal(members.length, signatures.length, "the set has another length");
	const voters = signatures.flatMap((signature, i) => (signature ? [i] : [])).slice(0, f.quorum(members.length));
	const { leaf, proof } = await newestLeaf(number);
	return concat(
		signed,
		leaf,
		f.voterBits(voters, members.length),
		...members.map((address, i) => (voters.includes(i) ? compact(signatures[i]) : address)),
		...proof,
	);
}

/** The newest block that BEEFY has finalised; waits for one on a chain that has just begun. */
async function newest() {
	for (let waited = 0; ; ++waited) {
		try {
			const number = await numberOf(await ask("beefy_getFinalizedHead"));
			if (number > FIRST + 1) return number;
		} catch (error) {
			if (!/not ready/i.test(error.message)) throw error;
		}
		assert.ok(waited < PATIENCE, "BEEFY finalises nothing");
		await new Promise((done) => setTimeout(done, 1000));
	}
}

const last = await newest();
const from = Math.max(FIRST, last - BACK);
const at = await hashOf(from);
const [current, next] = [
	await authorities("BeefyMmrApi_authority_set_proof", at),
	await authorities("BeefyMmrApi_next_authority_set_proof", at),
];
assert.equal(next.id, current.id + 1);
// A leaf has the time of its parent.
const time = new Scale(hex((await newestLeaf(from + 1)).leaf.slice(113))).uint(8);

const evm = await Evm.create({ time: Math.ceil(Date.now() / 1000) });
const relayer = await evm.account("relayer");
const token = await evm.deploy("TestToken", [false], relayer);
const setup = {
	lpt: token.address,
	genesisHash: await hashOf(0),
	firstBlock: FIRST,
	maxAge: MAX_AGE,
	guardian: relayer.address,
	governor: relayer.address,
};
const checkpoint = {
	blockNumber: from,
	time: Math.floor(time / 1000),
	setId: current.id,
	currentLength: current.length,
	currentRoot: current.root,
	nextLength: next.length,
	nextRoot: next.root,
};
const gateway = await evm.deploy("Gateway", [setup, checkpoint, LIMITS], relayer);

const taken = [];
for (let number = from + 1; number <= last; ++number) {
	const hash = await hashOf(number);
	const signed = await justification(hash);
	if (!signed) continue;
	const real = await update(number, hash, signed);
	// One bit of the first signature, or of the root that is signed, and nothing is accepted.
	for (const place of [48 + 121 + Math.ceil(signed.signatures.length / 8) + 5, 10]) {
		const forged = real.slice();
		forged[place] ^= 1;
		await assert.rejects(gateway.send("submit", [hex(forged)]), `a forged commitment of block ${number}`);
	}
	const { gas } = await gateway.send("submit", [hex(real)]);
	const head = await gateway.read("head");
	assert.equal(Number(head.blockNumber), number);
	taken.push({ number, set: Number(head.setId), gas: Number(gas) });
	await refused(gateway.send("submit", [hex(real)]), "NotNewer");
}
assert.ok(taken.length > 0, "no block has a justification");
assert.equal(taken.at(-1).number, last);
const { leaf } = await newestLeaf(last);
const { newest: place } = await gateway.read("head");
assert.equal(await gateway.read("messageRoots", place), hex(leaf.slice(81, 113)));
const handovers = new Set(taken.map(({ set }) => set)).size - (taken[0].set === current.id ? 1 : 0);
console.log(JSON.stringify({ from, last, validators: current.length, taken: taken.length, handovers }));
