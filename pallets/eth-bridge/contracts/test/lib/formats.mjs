// The bridge's formats in JavaScript, from docs/bridge-formats.md alone.
import { ZERO, ascii, be, bytes, concat, hex, keccak, le } from "./bytes.mjs";

export const LPT = 0;
export const ETH = 1;

export const domain = (genesis, chainId, gateway) =>
	keccak(ascii("livepeer-bridge-v1"), genesis, be(chainId, 32), bytes(gateway));

export const node = (left, right) => keccak([1], left, right);

const EMPTY = [ZERO];
for (let height = 0; height < 32; ++height) EMPTY.push(node(EMPTY[height], EMPTY[height]));
export { EMPTY };

export const depositLeaf = (d, { index, asset, recipient, amount }) =>
	keccak([0], d, be(index, 4), [asset], recipient, be(amount, 16));

export const withdrawalLeaf = (d, { index, asset, recipient, amount, fee }) =>
	keccak([2], d, be(index, 4), [0], [asset], bytes(recipient), be(amount, 16), be(fee, 16));

export const roundLeaf = (d, { index, round, root, count, lpt, eth }) =>
	keccak([2], d, be(index, 4), [1], be(round, 4), root, be(count, 4), be(lpt, 16), be(eth, 16));

export const earningLeaf = (d, { round, index, asset, payee, amount }) =>
	keccak([3], d, be(round, 4), be(index, 4), [asset], bytes(payee), be(amount, 16));

/** What of a path in a growing tree a transaction brings: empty siblings at the top are left out. */
export const trimmed = (path) => {
	let length = path.length;
	while (length > 0 && hex(path[length - 1]) === hex(EMPTY[length - 1])) --length;
	return path.slice(0, length);
};

/** The heights at which a subtree waits for its right neighbour in a growing tree of `count` leaves. */
const waiting = (count) => Array.from({ length: 32 }, (_, height) => height).filter((h) => Math.floor(count / 2 ** h) % 2 === 1);

/** The gateway's slots that prove it when it has so many deposits: assets, counters, subtrees that wait. */
export const gatewaySlots = (count) => [0, 1, 2, ...waiting(count).map((height) => 3 + height)];

/** The root of a growing tree of `count` leaves by the subtrees that wait in it, from the lowest up. */
export function rootOfWaiting(count, subtrees) {
	const heights = waiting(count);
	if (subtrees.length !== heights.length) throw new Error("a subtree too few or too many");
	return EMPTY.slice(0, 32).reduce((hash, empty, height) => {
		const at = heights.indexOf(height);
		return at < 0 ? node(hash, empty) : node(subtrees[at], hash);
	}, ZERO);
}

/** A tree of a fixed depth, 32 for the two that grow. */
export class Tree {
	/** With `count` leaves before, of which only made-up subtrees are kept. */
	constructor(depth = 32, count = 0) {
		this.depth = depth;
		this.levels = Array.from({ length: depth + 1 }, () => []);
		this.levels[0].length = count;
		for (let height = 0; height <= depth; ++height) {
			if (Math.floor(count / 2 ** height) % 2 === 1) {
				this.levels[height][Math.floor(count / 2 ** height) - 1] = keccak([1, height]);
			}
		}
	}

	copy() {
		const copy = new Tree(this.depth);
		copy.levels = this.levels.map((level) => [...level]);
		return copy;
	}

	get count() {
		return this.levels[0].length;
	}

	append(leaf) {
		let at = this.count;
		this.levels[0].push(leaf);
		for (let height = 0; height < this.depth; ++height, at >>>= 1) {
			const left = this.levels[height][at & ~1];
			const right = this.levels[height][at | 1] ?? EMPTY[height];
			this.levels[height + 1][at >>> 1] = node(left, right);
		}
		return this.root;
	}

	get root() {
		return this.levels[this.depth][0] ?? EMPTY[this.depth];
	}

	proof(index) {
		return Array.from(
			{ length: this.depth },
			(_, height) => this.levels[height][((index >>> height) ^ 1) >>> 0] ?? EMPTY[height],
		);
	}
}

/** The tree of a round's earnings: as deep as its leaves need. */
export function earningsTree(leaves) {
	let depth = 0;
	while (1 << depth < leaves.length) ++depth;
	const tree = new Tree(depth);
	leaves.forEach((leaf) => tree.append(leaf));
	return tree;
}

const pair = (left, right) => keccak(left, right);

/** Root of binary-merkle-tree over validators' addresses. */
export function setRoot(addresses) {
	let row = addresses.map((address) => keccak(bytes(address)));
	while (row.length > 1) {
		const above = [];
		for (let i = 0; i < row.length; i += 2) above.push(i + 1 < row.length ? pair(row[i], row[i + 1]) : row[i]);
		row = above;
	}
	return row[0];
}

export const quorum = (length) => length - Math.floor((length - 1) / 3);

export const payload = (items) =>
	concat([items.length << 2], ...items.map(([id, data]) => concat(ascii(id), [data.length << 2], data)));

export const commitment = ({ items, root, number, setId }) =>
	concat(payload(items ?? [["mh", root]]), le(number, 4), le(setId, 8));

export const mmrLeaf = ({ version = 0, parentNumber, parentHash, next, outboundRoot, time }) =>
	concat([version], le(parentNumber, 4), parentHash, le(next.id, 8), le(next.length, 4), next.root, outboundRoot, le(time, 8));

/** pallet-mmr's range with Keccak. */
export class Mmr {
	/** With `count` leaves before, of which only made-up peaks are kept. */
	constructor(count = 0) {
		this.mountains = []; // the levels of complete subtrees, level 0 the leaves
		this.count = count;
		for (let height = 0; height < 32; ++height) {
			this.mountains.push([]);
			if ((count >>> height) & 1) this.mountains[height][(count >>> height) - 1] = keccak([height]);
		}
	}

	append(leaf) {
		let hash = keccak(leaf);
		let at = this.count++;
		this.mountains[0][at] = hash;
		for (let height = 0; at & 1; ++height, at >>>= 1) {
			hash = pair(this.mountains[height][at - 1], hash);
			this.mountains[height + 1][at >>> 1] = hash;
		}
	}

	/** The peaks from left to right. */
	get peaks() {
		const peaks = [];
		let before = 0;
		for (let height = 31; height >= 0; --height) {
			if ((this.count >>> height) & 1) {
				peaks.push(this.mountains[height][before / 2 ** height]);
				before += 2 ** height;
			}
		}
		return peaks;
	}

	get root() {
		return this.peaks.reverse().reduce((bag, peak) => pair(bag, peak));
	}

	/** Siblings of the newest leaf from below, then the peaks from right to left. */
	get proof() {
		const siblings = [];
		let at = this.count - 1;
		for (let height = 0; at & 1; ++height, at >>>= 1) siblings.push(this.mountains[height][at - 1]);
		return [...siblings, ...this.peaks.reverse().slice(1)];
	}
}

/** The bits of who votes, the first one highest, as BEEFY has them. */
export function voterBits(voters, length) {
	const out = new Uint8Array(Math.ceil(length / 8));
	for (const i of voters) out[i >> 3] |= 0x80 >> (i & 7);
	return out;
}

/** `members`: of each validator its signature or its address. */
export const update = ({ signed, leaf, bits, members, proof }) => concat(signed, leaf, bits, ...members, ...proof);
