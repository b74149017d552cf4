// Our chain as Ethereum sees it: validators that sign, blocks, the mountain range, messages. With
// real secp256k1 signatures, and able to lie.
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { ascii, be, bytes, concat, hex, keccak } from "./bytes.mjs";
import * as f from "./formats.mjs";

const ORDER = secp256k1.Point.Fn.ORDER;
const known = new Map();
const roots = new WeakMap();

/** Validator number `i`: the same key in every test. */
export function validator(i) {
	if (!known.has(i)) {
		const key = keccak(ascii("validator"), be(i, 4));
		const address = hex(keccak(secp256k1.getPublicKey(key, false).slice(1)).slice(12));
		known.set(i, { key, address });
	}
	return known.get(i);
}

export const validators = (from, count) => Array.from({ length: count }, (_, i) => validator(from + i));

/** A signature of 65 bytes, as BEEFY makes them: r, s, recovery id. */
export function sign(digest, { key }) {
	const [recovery, ...rs] = secp256k1.sign(digest, key, { prehash: false, format: "recovered" });
	return concat(rs, [recovery]);
}

/** BEEFY's signature in the 64 bytes of EIP-2098. */
export function compact(signature, { high = false } = {}) {
	const out = signature.slice(0, 64);
	let recovery = signature[64];
	let s = BigInt(hex(out.slice(32)));
	if (high !== s > ORDER / 2n) {
		s = ORDER - s;
		recovery ^= 1;
	}
	out.set(be(s | (BigInt(recovery) << 255n), 32), 32);
	return out;
}

export class Chain {
	/** `first` is the first block with the mountain range, `age` how many it has already; `messages` how
	 * many were sent. */
	constructor({ length = 4, first = 1, age = 0, messages = 0, time = 1_800_000_000, genesis = keccak(ascii("genesis")) } = {}) {
		Object.assign(this, { first, genesis, time: time * 1000, number: first - 1 + age, setId: 0 });
		this.sets = [validators(0, length), validators(0, length)];
		this.mmr = new f.Mmr(age);
		this.messages = new f.Tree(32, messages);
		this.hash = genesis;
		this.rounds = new Map();
		this.sealed = { root: this.messages.root, time: this.time };
	}

	set(id = this.setId) {
		const members = this.sets[id];
		if (!roots.has(members)) {
			const addresses = members.map((v) => v.address);
			roots.set(members, { length: members.length, root: f.setRoot(addresses), members, addresses });
		}
		return { id, ...roots.get(members) };
	}

	/** From where a contract starts, as the constructor takes it. */
	get checkpoint() {
		const [now, next] = [this.set(), this.set(this.setId + 1)];
		return {
			blockNumber: this.number,
			time: Math.floor(this.time / 1000),
			setId: this.setId,
			currentLength: now.length,
			currentRoot: hex(now.root),
			nextLength: next.length,
			nextRoot: hex(next.root),
		};
	}

	/** What has happened since goes into the block; the next one has begun. */
	block({ seconds = 6, lie = {} } = {}) {
		this.sealed = { root: this.messages.root, time: this.time };
		const next = this.set(this.setId + 1);
		this.leaf = f.mmrLeaf({
			parentNumber: this.number,
			parentHash: this.hash,
			next,
			outboundRoot: this.sealed.root,
			time: this.sealed.time,
			...lie,
		});
		this.mmr.append(this.leaf);
		this.number += 1;
		this.time += seconds * 1000;
		this.hash = keccak(this.hash, be(this.number, 4));
		return this;
	}

	blocks(count, options) {
		for (let i = 0; i < count; ++i) this.block(options);
		return this;
	}

	/** The first block of a new session; `members` validate in the one after it. */
	session(members = this.sets[this.setId + 1], options) {
		this.setId += 1;
		this.sets[this.setId + 1] = members;
		return this.block(options);
	}

	/** An update for the newest block. What is given in `lie` is put in its place. */
	update({ voters, setId = this.setId, items, high, ...lie } = {}) {
		const { length, members, addresses } = this.set(setId);
		const who = voters ?? Array.from({ length: f.quorum(length) }, (_, i) => i);
		const signed = lie.signed ?? f.commitment({ items, root: this.mmr.root, number: this.number, setId });
		const digest = keccak(signed);
		return f.update({
			signed,
			leaf: this.leaf,
			bits: f.voterBits(who, length),
			members: members.map((m, i) =>
				who.includes(i) ? compact(sign(digest, m), { high: high?.includes(i) }) : bytes(addresses[i]),
			),
			proof: this.mmr.proof,
			...lie,
		});
	}

	/** The domain of a gateway; messages need it. */
	serve(gateway, chainId = 1) {
		this.domain = f.domain(this.genesis, chainId, gateway);
		return this;
	}

	withdrawal({ asset = f.LPT, recipient, amount, fee = 0n }) {
		const message = { index: this.messages.count, asset, recipient, amount, fee };
		this.messages.append(f.withdrawalLeaf(this.domain, message));
		return message;
	}

	/** The earnings of a round: one message for all. */
	earnings(round, list, lie = {}) {
		const leaves = list.map((e, index) => ({ round, index, ...e }));
		const tree = f.earningsTree(leaves.map((e) => f.earningLeaf(this.domain, e)));
		const sum = (asset) => leaves.reduce((n, e) => (e.asset === asset ? n + e.amount : n), 0n);
		const message = {
			index: this.messages.count,
			round,
			root: tree.root,
			count: leaves.length,
			lpt: sum(f.LPT),
			eth: sum(f.ETH),
			...lie,
		};
		this.messages.append(f.roundLeaf(this.domain, message));
		this.rounds.set(round, { leaves, tree });
		return { ...message, root: hex(message.root), leaves };
	}

	/** The path of a message as a transaction brings it. */
	proof(index) {
		return f.trimmed(this.messages.proof(index)).map(hex);
	}

	earningProof({ round, index }) {
		return this.rounds.get(round).tree.proof(index).map(hex);
	}
}

export { bytes, hex };
