// Bytes and hashes, as docs/bridge-formats.md writes them.
import { keccak_256 } from "@noble/hashes/sha3.js";

export const keccak = (...parts) => keccak_256(concat(...parts));

export function concat(...parts) {
	const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
	return out;
}

/** `value` as a number of `length` bytes, big-endian. */
export function be(value, length) {
	let v = BigInt(value);
	const out = new Uint8Array(length);
	for (let i = length - 1; i >= 0; --i, v >>= 8n) out[i] = Number(v & 0xffn);
	if (v !== 0n) throw new RangeError(`${value} does not fit into ${length} bytes`);
	return out;
}

export const le = (value, length) => be(value, length).reverse();
export const hex = (bytes) => "0x" + Buffer.from(bytes).toString("hex");
export const bytes = (text) => Uint8Array.from(Buffer.from(text.replace(/^0x/, ""), "hex"));
export const ascii = (text) => new TextEncoder().encode(text);
export const equal = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
export const ZERO = new Uint8Array(32);

/** A small generator of numbers for properties: the same seed, the same story. */
export function random(seed) {
	let s = seed >>> 0 || 1;
	const next = () => {
		s ^= s << 13;
		s >>>= 0;
		s ^= s >>> 17;
		s ^= s << 5;
		s >>>= 0;
		return s;
	};
	return {
		below: (n) => next() % n,
		big: (n) => ((BigInt(next()) << 32n) | BigInt(next())) % n,
		pick: (list) => list[next() % list.length],
		shuffle: (list) => {
			for (let i = list.length - 1; i > 0; --i) {
				const j = next() % (i + 1);
				[list[i], list[j]] = [list[j], list[i]];
			}
			return list;
		},
	};
}
