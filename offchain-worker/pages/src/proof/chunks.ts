/** §3.5: the tree over a file's chunks, and SHA-256 of the whole, both by the browser's own code where it lends it. */
import { sha256 as own } from "@noble/hashes/sha2.js";
import { concat } from "./scale";

export const CHUNK = 65_536;

/** Browsers lend their hashes to pages of HTTPS or of their own machine only: another device of the LAN counts itself. */
export const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> => {
	const subtle = crypto.subtle as SubtleCrypto | undefined;
	return subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes as BufferSource)) : own(bytes);
};

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

async function rootOf(nodes: Uint8Array[]): Promise<Uint8Array> {
	if (nodes.length === 1) return nodes[0] as Uint8Array;
	let half = 1;
	while (half * 2 < nodes.length) half *= 2;
	const [left, right] = await Promise.all([
		rootOf(nodes.slice(0, half)),
		rootOf(nodes.slice(half)),
	]);
	return sha256(concat(NODE, left, right));
}

export async function chunkRoot(bytes: Uint8Array): Promise<Uint8Array> {
	const count = Math.max(1, Math.ceil(bytes.length / CHUNK));
	const nodes = await Promise.all(
		Array.from({ length: count }, (_, i) =>
			sha256(concat(LEAF, bytes.subarray(i * CHUNK, (i + 1) * CHUNK))),
		),
	);
	return rootOf(nodes);
}
