// A beacon chain for tests. What it says is simulated: there are no validators, no attestations and
// no fork choice; a block is final a few slots later because it says so. What it shows is real:
// containers and Merkle branches of the consensus specification (mainnet's preset), BLS signatures of
// a sync committee of 512, forks with their own layout. A light client cannot tell it from the truth.
import { createHash } from "node:crypto";
import { bls12_381 as bls } from "@noble/curves/bls12-381.js";
import { Tree, setHasher } from "@chainsafe/persistent-merkle-tree";
import { hasher } from "@chainsafe/persistent-merkle-tree/hasher/as-sha256";
import { ssz } from "@lodestar/types";

export const SLOTS_PER_EPOCH = 32;
export const SLOTS_PER_PERIOD = 8192;
// The default hasher is slow.
setHasher(hasher);

const COMMITTEE = 512;
/** So many keys are different; each has many places, as on a network with few validators. */
const DIFFERENT = 16;
const DST = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
const ORDER = bls.fields.Fr.ORDER;
const FORKS = ["phase0", "altair", "bellatrix", "capella", "deneb", "electra", "fulu", "gloas"];

const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
export const hex = (bytes) => "0x" + Buffer.from(bytes).toString("hex");
const bytes = (text) => Uint8Array.from(Buffer.from(text.replace(/^0x/, ""), "hex"));
export const period = (slot) => Math.floor(slot / SLOTS_PER_PERIOD);
const epoch = (slot) => Math.floor(slot / SLOTS_PER_EPOCH);

const emptyStates = new Map();
/** The tree of a state with nothing in it. It is large, so all states of a fork share what they do not change. */
function emptyState(fork) {
	if (!emptyStates.has(fork)) emptyStates.set(fork, ssz[fork].BeaconState.defaultViewDU().node);
	return emptyStates.get(fork);
}

/** The key numbers of a committee's places: another order each period. */
class Committee {
	constructor(number) {
		this.keys = Array.from({ length: DIFFERENT }, (_, i) => {
			const secret = BigInt(hex(sha("sync committee", String(number), String(i)))) % ORDER;
			return { secret, point: bls.longSignatures.getPublicKey(bls.fields.Fr.toBytes(secret)) };
		});
		this.places = Array.from({ length: COMMITTEE }, (_, i) => this.keys[(i * 7 + number) % DIFFERENT]);
		const sum = this.keys.reduce((all, { point }) => all.add(point.multiply(BigInt(COMMITTEE / DIFFERENT))), bls.G1.Point.ZERO);
		this.value = {
			pubkeys: this.places.map((key) => (key.bytes ??= key.point.toBytes(true))),
			aggregatePubkey: sum.toBytes(true),
		};
		this.view = ssz.altair.SyncCommittee.toViewDU(this.value);
	}

	/** All of `bits` sign: one signature by the sum of their keys. */
	sign(root, bits) {
		const secret = this.places.reduce((sum, key, i) => (bits[i] ? (sum + key.secret) % ORDER : sum), 0n);
		if (secret === 0n) return bytes("c0" + "00".repeat(95));
		const point = bls.longSignatures.hash(root, DST);
		return bls.longSignatures.Signature.toBytes(bls.longSignatures.sign(point, bls.fields.Fr.toBytes(secret)));
	}
}

export class BeaconSim {
	/**
	 * - `forks`: [name, epoch] ascending, the first at epoch 0; earlier ones are at 0 as well.
	 * - `slot`: the first slot that has a block; `time`: its time in seconds.
	 * - `lag`: slots until a block is final.
	 * - `kept`: slots for whose blocks everything can be asked.
	 * - `execution(slot)`: the block of the execution chain that a slot's block carries, with the
	 *   fields of `eth_getBlockByNumber`.
	 */
	constructor({ forks = [["fulu", 0]], slot = 0, time, secondsPerSlot = 12, lag = 2, chainId = 1, kept = 1024, execution }) {
		Object.assign(this, { forks, slot, secondsPerSlot, lag, chainId, kept, execution });
		this.genesisTime = time - slot * secondsPerSlot;
		this.genesisValidatorsRoot = sha("livepeer beacon simulator");
		this.participation = COMMITTEE;
		this.blocks = new Map(); // root → block
		this.roots = new Map(); // slot → root
		this.committees = new Map();
		this.updates = new Map(); // period → update
		this.blockRoots = ssz.phase0.BeaconState.fields.blockRoots.defaultViewDU();
		this.head = null;
	}

	fork(slot) {
		return this.forks.filter(([, from]) => from <= epoch(slot)).at(-1)[0];
	}

	/** Fork versions of a private network: 0x0N5e0001. */
	version(name) {
		return Uint8Array.of(FORKS.indexOf(name), 0x5e, 0, 1);
	}

	/** When each fork begins; never is the largest number. */
	get schedule() {
		const first = FORKS.indexOf(this.forks[0][0]);
		return FORKS.map((name, i) => {
			const own = this.forks.find(([fork]) => fork === name);
			return { name, version: this.version(name), epoch: own ? own[1] : i < first ? 0 : null };
		});
	}

	committee(number) {
		if (!this.committees.has(number)) this.committees.set(number, new Committee(number));
		return this.committees.get(number);
	}

	/** What a committee signs for the block `root`, in a block at `slot`. */
	signingRoot(root, slot) {
		const version = this.version(this.fork(Math.max(slot, 1) - 1));
		const data = ssz.phase0.ForkData.hashTreeRoot({ currentVersion: version, genesisValidatorsRoot: this.genesisValidatorsRoot });
		const domain = new Uint8Array(32);
		domain.set([7, 0, 0, 0]);
		domain.set(data.slice(0, 28), 4);
		return ssz.phase0.SigningData.hashTreeRoot({ objectRoot: root, domain });
	}

	/**
	 * Goes back to the newest block that carries one of the execution chain, and forgets those after it:
	 * the slots until the next block are empty. `has(block)` says whether that chain has it. What was
	 * final and is not there any more is an error, for that does not happen on Ethereum.
	 */
	async reorganise(has) {
		let kept = this.head;
		while (kept && !(await has(kept.carried))) {
			if (kept.slot <= (this.head.finalised?.slot ?? -1)) throw new Error(`slot ${kept.slot} was final, and its execution block is gone`);
			kept = [...this.blocks.values()].filter(({ slot }) => slot < kept.slot).at(-1) ?? null;
		}
		for (const [root, { slot }] of this.blocks) {
			if (slot <= (kept?.slot ?? -1)) continue;
			this.blocks.delete(root);
			this.roots.delete(slot);
		}
		this.head = kept;
	}

	/** The next slot's block. */
	async step() {
		const slot = this.slot++;
		const fork = this.fork(slot);
		const types = ssz[fork];
		const parent = this.head;
		const bits = Array.from({ length: COMMITTEE }, (_, i) => i < this.participation);
		const signature = parent
			? this.committee(period(slot)).sign(this.signingRoot(parent.root, slot), bits)
			: this.committee(period(slot)).sign(new Uint8Array(32), []);
		const syncAggregate = ssz.altair.SyncAggregate.fromJson({
			sync_committee_bits: hex(Uint8Array.from({ length: COMMITTEE / 8 }, (_, i) => (parent ? bits.slice(i * 8, i * 8 + 8).reduce((n, b, k) => n | (b << k), 0) : 0))),
			sync_committee_signature: hex(signature),
		});

		const body = types.BeaconBlockBody.defaultValue();
		body.syncAggregate = syncAggregate;
		const carried = await this.execution(slot);
		const execution = this.#carry(fork, body, carried);
		const bodyView = types.BeaconBlockBody.toView(body);

		// The newest that is old enough, for a slot may be empty; once final it stays so.
		const finalised = [...this.blocks.values()].filter((block) => block.slot <= slot - this.lag).at(-1) ?? null;
		const state = types.BeaconState.getViewDU(emptyState(fork));
		state.genesisTime = this.genesisTime;
		state.genesisValidatorsRoot = this.genesisValidatorsRoot;
		state.slot = slot;
		// An empty slot has the root of the block before it.
		for (let s = parent?.slot ?? slot; s < slot; ++s) this.blockRoots.set(s % SLOTS_PER_PERIOD, parent.root);
		this.blockRoots.commit();
		state.blockRoots = types.BeaconState.fields.blockRoots.getViewDU(this.blockRoots.node);
		state.currentSyncCommittee = this.committee(period(slot)).view;
		state.nextSyncCommittee = this.committee(period(slot) + 1).view;
		if (finalised) state.finalizedCheckpoint = ssz.phase0.Checkpoint.toViewDU({ epoch: epoch(finalised.slot), root: finalised.root });
		state.commit();

		const beacon = {
			slot,
			proposerIndex: 0,
			parentRoot: parent?.root ?? new Uint8Array(32),
			stateRoot: state.hashTreeRoot(),
			bodyRoot: bodyView.hashTreeRoot(),
		};
		const root = ssz.phase0.BeaconBlockHeader.hashTreeRoot(beacon);
		const executionBranch = branch(bodyView.node, types.BeaconBlockBody, execution.path);
		const block = { slot, fork, root, beacon, state, types, finalised, carried, header: { beacon, ...execution.header, executionBranch } };
		this.blocks.set(root, block);
		this.roots.set(slot, root);
		if (parent?.finalised) this.#publish(parent, syncAggregate, slot);
		this.head = block;
		this.#forget();
		return block;
	}

	/** Puts the execution block into a body; what a light client's header says of it. */
	#carry(fork, body, block) {
		if (fork === "gloas") {
			body.signedExecutionPayloadBid.message.parentBlockHash = bytes(block.hash);
			return { path: ["signedExecutionPayloadBid", "message", "parentBlockHash"], header: { executionBlockHash: bytes(block.hash) } };
		}
		const payload = {
			...ssz[fork].ExecutionPayload.defaultValue(),
			parentHash: bytes(block.parentHash),
			feeRecipient: bytes(block.miner),
			stateRoot: bytes(block.stateRoot),
			receiptsRoot: bytes(block.receiptsRoot),
			logsBloom: bytes(block.logsBloom),
			prevRandao: bytes(block.mixHash),
			blockNumber: Number(block.number),
			gasLimit: Number(block.gasLimit),
			gasUsed: Number(block.gasUsed),
			timestamp: Number(block.timestamp),
			extraData: bytes(block.extraData),
			baseFeePerGas: BigInt(block.baseFeePerGas),
			blockHash: bytes(block.hash),
			blobGasUsed: BigInt(block.blobGasUsed ?? 0),
			excessBlobGas: BigInt(block.excessBlobGas ?? 0),
		};
		body.executionPayload = payload;
		const { transactions, withdrawals, ...rest } = payload;
		const fields = ssz[fork].ExecutionPayload.fields;
		const execution = {
			...rest,
			transactionsRoot: fields.transactions.hashTreeRoot(transactions),
			withdrawalsRoot: fields.withdrawals.hashTreeRoot(withdrawals),
		};
		return { path: ["executionPayload"], header: { execution } };
	}

	/** The block `attested` has a signature now, in a block at `signatureSlot`. */
	#publish(attested, syncAggregate, signatureSlot) {
		const { state, types, finalised } = attested;
		const base = {
			attestedHeader: attested.header,
			finalizedHeader: this.#as(finalised, attested.fork),
			finalityBranch: branch(state.node, types.BeaconState, ["finalizedCheckpoint", "root"]),
			syncAggregate,
			signatureSlot,
		};
		// Over the border of a fork a header has no form in the other one's messages.
		if (!base.finalizedHeader) return;
		this.finality = { version: attested.fork, type: types.LightClientFinalityUpdate, value: base };
		const of = period(attested.slot);
		if (period(finalised.slot) !== of || period(signatureSlot) !== of) return;
		this.updates.set(of, {
			version: attested.fork,
			type: types.LightClientUpdate,
			value: {
				...base,
				nextSyncCommittee: this.committee(of + 1).value,
				nextSyncCommitteeBranch: branch(state.node, types.BeaconState, ["nextSyncCommittee"]),
			},
		});
	}

	#as(block, fork) {
		const layout = (name) => Object.keys(ssz[name].LightClientHeader.fields).join();
		return layout(block.fork) === layout(fork) ? block.header : null;
	}

	/** Everything to start a light client from the block `root`. */
	bootstrap(root) {
		const block = [...this.blocks.values()].find((b) => hex(b.root) === root);
		if (!block) return null;
		const { state, types, fork, header } = block;
		return {
			version: fork,
			type: types.LightClientBootstrap,
			value: {
				header,
				currentSyncCommittee: this.committee(period(block.slot)).value,
				currentSyncCommitteeBranch: branch(state.node, types.BeaconState, ["currentSyncCommittee"]),
			},
		};
	}

	#forget() {
		for (const [root, { slot }] of this.blocks) {
			if (slot >= this.slot - this.kept) break;
			this.blocks.delete(root);
			this.roots.delete(slot);
		}
	}
}

/** The branch from the field at `path` up to the container's root. */
export function branch(node, type, path) {
	return new Tree(node).getSingleProof(gindex(type, path));
}

export const gindex = (type, path) => type.getPathInfo(path).gindex;
