// A light client after the specification, written here anew, believes the simulator.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { bls12_381 as bls } from "@noble/curves/bls12-381.js";
import { ssz } from "@lodestar/types";
import { execution, make, word } from "./made-up.mjs";
import { server } from "./serve.mjs";
import { SLOTS_PER_PERIOD, gindex, hex, period } from "./sim.mjs";

const DST = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
const sha = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
const bytes = (text) => Uint8Array.from(Buffer.from(text.slice(2), "hex"));
function proven(root, leaf, branch, index) {
	let hash = leaf;
	for (const sibling of branch) {
		hash = index % 2n ? sha(sibling, hash) : sha(hash, sibling);
		index /= 2n;
	}
	assert.equal(index, 1n, "the branch is as long as its index says");
	return hex(hash) === hex(root);
}

const points = new Map();
/** Few keys are different, and to read one is slow. */
function point(key) {
	const name = hex(key);
	if (!points.has(name)) points.set(name, bls.G1.Point.fromBytes(key));
	return points.get(name);
}

/** Generalised indices of the specification; what the simulator uses must be these. */
const INDICES = {
	electra: { finality: 169n, current: 86n, next: 87n, execution: 25n },
	fulu: { finality: 169n, current: 86n, next: 87n, execution: 25n },
	gloas: { finality: 735n, current: 2945n, next: 2946n, execution: 2856n },
};

function checkHeader(fork, { beacon, execution: carried, executionBlockHash, executionBranch }) {
	const leaf = executionBlockHash ?? ssz.deneb.ExecutionPayloadHeader.hashTreeRoot(carried);
	assert.ok(proven(beacon.bodyRoot, leaf, executionBranch, INDICES[fork].execution));
}

function checkUpdate(sim, { version, value }, committee) {
	const { attestedHeader, finalizedHeader, finalityBranch, syncAggregate, signatureSlot } = value;
	checkHeader(version, attestedHeader);
	checkHeader(version, finalizedHeader);
	const finalised = ssz.phase0.BeaconBlockHeader.hashTreeRoot(finalizedHeader.beacon);
	assert.ok(proven(attestedHeader.beacon.stateRoot, finalised, finalityBranch, INDICES[version].finality));
	if (value.nextSyncCommittee) {
		const next = ssz.altair.SyncCommittee.hashTreeRoot(value.nextSyncCommittee);
		assert.ok(proven(attestedHeader.beacon.stateRoot, next, value.nextSyncCommitteeBranch, INDICES[version].next));
	}
	const bits = syncAggregate.syncCommitteeBits.toBoolArray();
	const key = committee.pubkeys.reduce((sum, k, i) => (bits[i] ? sum.add(point(k)) : sum), bls.G1.Point.ZERO);
	const root = sim.signingRoot(ssz.phase0.BeaconBlockHeader.hashTreeRoot(attestedHeader.beacon), signatureSlot);
	const message = bls.longSignatures.hash(root, DST);
	const signature = bls.longSignatures.Signature.fromBytes(syncAggregate.syncCommitteeSignature);
	return bls.longSignatures.verify(signature, message, key);
}

for (const fork of ["electra", "fulu", "gloas"]) {
	test(`${fork}: bootstrap and finality update hold`, async () => {
		const sim = make({ forks: [[fork, 0]], slot: 100 });
		for (let i = 0; i < 6; ++i) await sim.step();
		const { finalised } = sim.head;
		assert.equal(finalised.slot, sim.head.slot - 2);
		const { value } = sim.bootstrap(hex(finalised.root));
		checkHeader(fork, value.header);
		const committee = ssz.altair.SyncCommittee.hashTreeRoot(value.currentSyncCommittee);
		assert.ok(proven(finalised.beacon.stateRoot, committee, value.currentSyncCommitteeBranch, INDICES[fork].current));
		assert.ok(checkUpdate(sim, sim.finality, value.currentSyncCommittee));
		assert.ok(checkUpdate(sim, sim.updates.get(0), value.currentSyncCommittee));
		// A committee of another period has not signed it.
		assert.ok(!checkUpdate(sim, sim.finality, sim.committee(5).value));
		assert.equal(gindex(ssz[fork].BeaconState, ["blockRoots"]), { electra: 69n, fulu: 69n, gloas: 352n }[fork]);
	});
}

test("a period ends: the next committee was announced and signs", async () => {
	const sim = make({ slot: SLOTS_PER_PERIOD - 5 });
	for (let i = 0; i < 12; ++i) await sim.step();
	const announced = sim.updates.get(0).value.nextSyncCommittee;
	assert.equal(period(sim.finality.value.signatureSlot), 1);
	assert.ok(checkUpdate(sim, sim.finality, announced));
	assert.ok(checkUpdate(sim, sim.updates.get(1), announced));
});

test("a fork comes: the layout changes at its epoch", async () => {
	const sim = make({ forks: [["fulu", 0], ["gloas", 4]], slot: 123 });
	const seen = new Set();
	for (let i = 0; i < 12; ++i) {
		await sim.step();
		if (!sim.finality) continue;
		assert.ok(checkUpdate(sim, sim.finality, sim.committee(0).value));
		seen.add(sim.finality.version);
	}
	assert.deepEqual([...seen], ["fulu", "gloas"]);
});

test("the execution chain drops blocks: beacon blocks that carry them are gone, and never final", async () => {
	let branch = "";
	const carried = (slot) => ({ ...execution(slot), hash: word(`hash ${branch}${slot}`) });
	const sim = make({ slot: 100, lag: 4, execution: carried });
	for (let i = 0; i < 8; ++i) await sim.step();
	const dropped = sim.head;
	// Blocks of slots 106 and 107 are others now.
	branch = "other ";
	const isKept = ({ number }) => Promise.resolve(number < 106);
	await sim.reorganise(isKept);
	assert.equal(sim.head.slot, 105);
	for (let i = 0; i < 6; ++i) {
		const parent = sim.head;
		const { beacon, finalised } = await sim.step();
		assert.equal(hex(beacon.parentRoot), hex(parent.root));
		assert.ok(finalised.slot < 106 || finalised.slot > 107, `slot ${finalised.slot} was dropped`);
		assert.ok(checkUpdate(sim, sim.finality, sim.committee(0).value));
	}
	assert.equal(sim.bootstrap(hex(dropped.root)), null);
	assert.equal(sim.head.finalised.slot, 109);
	// The roots of empty slots are those of the block before them.
	const roots = sim.head.state.blockRoots;
	assert.equal(hex(roots.get(106)), hex(roots.get(105)));
	assert.notEqual(hex(roots.get(108)), hex(roots.get(105)));
	// What was final stays, or nothing is said any more.
	await assert.rejects(sim.reorganise(() => Promise.resolve(false)), /was final/);
});

test("a slot adds little to memory, and old ones are forgotten", async () => {
	setFlagsFromString("--expose-gc");
	const collect = runInNewContext("gc");
	const sim = make({ forks: [["gloas", 0]], kept: 40 });
	const used = async (steps) => {
		for (let i = 0; i < steps; ++i) await sim.step();
		collect();
		return process.memoryUsage().heapUsed;
	};
	const before = await used(20);
	const growth = (await used(20)) - before;
	assert.ok(growth < 20 * 100_000, `20 slots took ${growth} bytes`);
	const first = hex(sim.roots.get(0));
	assert.ok(sim.bootstrap(first));
	await sim.step();
	assert.equal(sim.bootstrap(first), null);
	assert.deepEqual([sim.blocks.size, sim.roots.size], [40, 40]);
});

test("a committee that mostly sleeps says so", async () => {
	const sim = make({});
	for (let i = 0; i < 5; ++i) await sim.step();
	sim.participation = 300;
	await sim.step();
	const bits = sim.finality.value.syncAggregate.syncCommitteeBits.toBoolArray().filter(Boolean);
	assert.equal(bits.length, 300);
	assert.ok(checkUpdate(sim, sim.finality, sim.committee(0).value));
});

test("the standard API says the same", async () => {
	const sim = make({ slot: 40 });
	for (let i = 0; i < 6; ++i) await sim.step();
	const http = server(sim).listen(0, "127.0.0.1");
	await new Promise((resolve) => http.on("listening", resolve));
	const get = async (path) => {
		const answer = await fetch(`http://127.0.0.1:${http.address().port}${path}`);
		return { status: answer.status, version: answer.headers.get("eth-consensus-version"), body: await answer.json() };
	};
	const genesis = (await get("/eth/v1/beacon/genesis")).body.data;
	assert.equal(Number(genesis.genesis_time) + 40 * 12, 1_800_000_000);
	const spec = (await get("/eth/v1/config/spec")).body.data;
	assert.deepEqual([spec.FULU_FORK_EPOCH, spec.FULU_FORK_VERSION, spec.GLOAS_FORK_EPOCH], ["0", "0x065e0001", "18446744073709551615"]);
	assert.equal((await get("/eth/v1/config/fork_schedule")).body.data.length, 7);
	const final = (await get("/eth/v1/beacon/headers/finalized")).body;
	assert.equal(final.finalized, true);
	assert.equal(final.data.header.message.slot, "43");
	const bootstrap = await get(`/eth/v1/beacon/light_client/bootstrap/${final.data.root}`);
	assert.equal(bootstrap.version, "fulu");
	const parsed = ssz.fulu.LightClientBootstrap.fromJson(bootstrap.body.data);
	checkHeader("fulu", parsed.header);
	const update = ssz.fulu.LightClientFinalityUpdate.fromJson((await get("/eth/v1/beacon/light_client/finality_update")).body.data);
	assert.ok(checkUpdate(sim, { version: "fulu", value: update }, parsed.currentSyncCommittee));
	assert.equal(hex(update.finalizedHeader.execution.stateRoot), word(`state ${update.finalizedHeader.beacon.slot}`));
	assert.equal((await get("/eth/v1/beacon/light_client/updates?start_period=0&count=2")).body.length, 1);
	const octets = await fetch(`http://127.0.0.1:${http.address().port}/eth/v1/beacon/light_client/finality_update`, { headers: { accept: "application/octet-stream" } });
	const same = ssz.fulu.LightClientFinalityUpdate.deserialize(new Uint8Array(await octets.arrayBuffer()));
	assert.deepEqual(ssz.fulu.LightClientFinalityUpdate.toJson(same), ssz.fulu.LightClientFinalityUpdate.toJson(update));
	assert.equal((await get(`/eth/v1/beacon/light_client/bootstrap/${word("none")}`)).status, 404);
	assert.equal((await get("/eth/v1/nothing")).status, 404);
	assert.ok(bytes(final.data.root).length === 32);
	http.close();
	http.closeAllConnections();
});
