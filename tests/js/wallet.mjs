// A signer that is never online, as a hardware wallet is: of a transaction it sees the bytes to sign
// and a proof of the types in them (RFC-78). It decodes every byte by those types and signs only if
// they are the ones whose hash the chain will check. Written from the RFC alone.
import { blake3 } from "@noble/hashes/blake3";
import { Keyring } from "@polkadot/api";
import { blake2AsU8a, cryptoWaitReady } from "@polkadot/util-crypto";

const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;

class Reader {
	at = 0;
	constructor(bytes) {
		this.bytes = bytes;
	}
	take(count) {
		if (this.at + count > this.bytes.length) throw new Error("the bytes end too early");
		return this.bytes.subarray(this.at, (this.at += count));
	}
	uint(count) {
		return this.take(count).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
	}
	u8 = () => Number(this.uint(1));
	u32 = () => Number(this.uint(4));
	compact() {
		const mode = this.bytes[this.at] & 3;
		if (mode < 3) return this.uint(1 << mode) >> 2n;
		return this.uint((this.u8() >> 2) + 4);
	}
	text = () => Buffer.from(this.take(Number(this.compact()))).toString();
	option = (item) => (this.u8() === 1 ? item() : undefined);
	list = (item) => Array.from({ length: Number(this.compact()) }, item);
	/** What `item` reads, with the bytes that it read. */
	raw(item) {
		const from = this.at;
		const value = item();
		return { value, bytes: this.bytes.subarray(from, this.at) };
	}
}

const INTEGERS = [1, 2, 4, 8, 16, 32];
const [BOOL, CHAR, TEXT, UNSIGNED, SIGNED, COMPACT, VOID, BY_ID] = [0, 1, 2, 3, 9, 15, 21, 22];

const typeRef = (reader) => {
	const tag = reader.u8();
	return tag === BY_ID ? { id: Number(reader.compact()) } : { tag };
};
const field = (reader) => {
	const name = reader.option(reader.text);
	const type = typeRef(reader);
	reader.option(reader.text);
	return { name, type };
};
const leaf = (reader) => {
	reader.list(reader.text);
	const kind = reader.u8();
	const fields = () => reader.list(() => field(reader));
	const shape = [
		() => ({ fields: fields() }),
		() => ({ variant: reader.text(), fields: fields(), index: Number(reader.compact()) }),
		() => ({ items: typeRef(reader) }),
		() => ({ length: reader.u32(), items: typeRef(reader) }),
		() => ({ tuple: reader.list(() => typeRef(reader)) }),
	][kind];
	if (!shape) throw new Error("bit sequences are not shown");
	return { ...shape(), id: Number(reader.compact()) };
};

/** The proof's types, the form of transactions, and the hash of the metadata they are from. */
function open(proof) {
	const reader = new Reader(proof);
	const leaves = reader.list(() => reader.raw(() => leaf(reader)));
	const places = reader.list(reader.u32);
	const others = reader.list(() => reader.take(32));
	const form = reader.raw(() => {
		reader.u8();
		typeRef(reader);
		const call = typeRef(reader);
		typeRef(reader);
		const extensions = reader.list(() => ({
			name: reader.text(),
			value: typeRef(reader),
			implicit: typeRef(reader),
		}));
		return { call, extensions };
	});
	const chain = reader.raw(() => ({
		specVersion: reader.u32(),
		specName: reader.text(),
		prefix: Number(reader.uint(2)),
		decimals: reader.u8(),
		token: reader.text(),
	}));
	const isUnder = (place, node) => {
		while (place > node) place = (place - 1) >> 1;
		return place === node;
	};
	const hash = (...parts) => blake3(Buffer.concat(parts));
	const nodeHash = (node) => {
		const known = places.indexOf(node);
		if (known >= 0) return hash(leaves[known].bytes);
		if (!places.some((place) => isUnder(place, node))) return others.shift();
		const left = nodeHash(2 * node + 1);
		return hash(left, nodeHash(2 * node + 2));
	};
	const root = nodeHash(0);
	const digest = hash(Uint8Array.of(1), root, hash(form.bytes), chain.bytes);
	return { types: leaves.map(({ value }) => value), form: form.value, chain: chain.value, digest };
}

function decode(reader, type, types) {
	const { tag, id } = type;
	if (tag === BOOL) return reader.u8() === 1;
	if (tag === CHAR) return String.fromCodePoint(reader.u32());
	if (tag === TEXT) return reader.text();
	if (tag >= UNSIGNED && tag < SIGNED) return reader.uint(INTEGERS[tag - UNSIGNED]);
	if (tag >= SIGNED && tag < COMPACT) {
		const bytes = INTEGERS[tag - SIGNED];
		return BigInt.asIntN(8 * bytes, reader.uint(bytes));
	}
	if (tag >= COMPACT && tag < VOID) return reader.compact();
	if (tag === VOID) return null;
	const of = types.filter((candidate) => candidate.id === id);
	const fields = (list) => {
		const values = list.map(({ name, type }) => [name, decode(reader, type, types)]);
		return values.every(([name]) => name) ? Object.fromEntries(values) : values.map(([, value]) => value);
	};
	if (of[0]?.variant) {
		const index = reader.u8();
		const found = of.find((candidate) => candidate.index === index);
		if (!found) throw new Error("a variant is not in the proof");
		return { [found.variant]: fields(found.fields) };
	}
	if (!of[0]) throw new Error("a type is not in the proof");
	if (of[0].fields) return fields(of[0].fields);
	if (of[0].tuple) return of[0].tuple.map((type) => decode(reader, type, types));
	const { length, items } = of[0];
	const count = length ?? Number(reader.compact());
	if (items.tag === UNSIGNED) return hex(reader.take(count));
	return Array.from({ length: count }, () => decode(reader, items, types));
}

/**
 * Signs `payload` with the key of `uri`, if it was made for the metadata that `proof` is from.
 * Returns the signature and what was shown on the screen.
 */
export async function sign(payload, proof, uri) {
	await cryptoWaitReady();
	const { types, form, chain, digest } = open(proof);
	const reader = new Reader(payload);
	const call = decode(reader, form.call, types);
	const values = {};
	for (const { name, value } of form.extensions) values[name] = decode(reader, value, types);
	const implicit = {};
	for (const { name, implicit: type } of form.extensions) implicit[name] = decode(reader, type, types);
	if (reader.at !== payload.length) throw new Error("there are bytes that are not shown");
	const [claimed] = implicit.CheckMetadataHash?.Some ?? [];
	if (claimed !== hex(digest)) throw new Error("the proof is of other metadata than the chain will check");
	return { signature: signBlindly(payload, uri), screen: { call, values, implicit, chain } };
}

/** Signs whatever it is given. */
export function signBlindly(payload, uri) {
	const pair = new Keyring({ type: "sr25519" }).addFromUri(uri);
	return hex(pair.sign(payload.length > 256 ? blake2AsU8a(payload) : payload, { withType: true }));
}
