// What is checked in is what comes out: golden vectors, places in storage; and what the contract
// stores can be proven as the formats say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { artefact } from "../scripts/compile.mjs";
import { stored, vectors } from "../scripts/vectors.mjs";
import { be, bytes, hex, keccak } from "./lib/bytes.mjs";
import { rootOfWaiting } from "./lib/formats.mjs";

test("golden vectors are those that contracts and formats make", async () => {
	assert.equal(await vectors(), stored(), "run make bridge-vectors");
});

test("what the chain proves keeps its place in storage", () => {
	const place = (name) => {
		const { slot, offset } = artefact("Gateway").storage.find((s) => s.label === name);
		assert.equal(offset, 0);
		return slot;
	};
	assert.deepEqual([place("accounts"), place("deposits"), place("_branch"), place("_guardian")], [0, 2, 3, 35]);
});

test("the balance of the gateway and its slots are proven from the state root alone", async () => {
	const { state } = JSON.parse(stored());
	const read = (root, key, proof) => verifyMerkleProof(key, proof.map(bytes), { root: bytes(root), useKeyHashing: true });
	const account = async (address, proof) => RLP.decode(await read(state.stateRoot, bytes(address), proof));
	const gateway = await account(state.gateway, state.gatewayProof.accountProof);
	assert.equal(BigInt(hex(gateway[1])), BigInt(state.expected.eth.balance));
	const slots = [];
	for (const { key, proof } of state.gatewayProof.storageProof) {
		assert.equal(BigInt(key), BigInt(slots.length), "of three deposits the subtrees of heights 0 and 1 wait");
		slots.push(BigInt(hex(RLP.decode(await read(hex(gateway[2]), be(slots.length, 32), proof)))));
	}
	const low = (value, bits) => value & (2n ** bits - 1n);
	const { expected } = state;
	assert.equal(hex(rootOfWaiting(expected.count, slots.slice(3).map((word) => be(word, 32)))), expected.depositRoot);
	assert.equal(low(slots[0], 112n), BigInt(expected.lpt.released));
	assert.equal(low(slots[1], 112n), BigInt(expected.eth.released));
	assert.deepEqual(
		[low(slots[2], 32n), low(slots[2] >> 32n, 112n), slots[2] >> 144n],
		[BigInt(expected.count), BigInt(expected.lpt.deposited), BigInt(expected.eth.deposited)],
	);
	const token = await account(state.token, state.tokenProof.accountProof);
	const mapping = keccak(new Uint8Array(12), bytes(state.gateway), be(state.balancesSlot, 32));
	const balance = RLP.decode(await read(hex(token[2]), mapping, state.tokenProof.storageProof[0].proof));
	assert.equal(BigInt(hex(balance)), BigInt(expected.lpt.balance));
});
