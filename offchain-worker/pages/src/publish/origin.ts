/**
 * Where a stream is found, in the bytes that the chain keeps: libp2p's peer ids and multiaddresses. The
 * worker compares them with its own, so they are written here exactly as it writes them.
 */
import { fromBase58 } from "../chain/address";
import { concat } from "../proof/scale";

/** The bytes of a peer id as `livepeer-worker keys peer` prints it; `null` where it is none. */
export function peerId(text: string): Uint8Array | null {
	const bytes = text && text.length <= 64 ? fromBase58(text) : null;
	if (!bytes) return null;
	// A multihash: by which function, how many bytes, and these. A short key stands there itself.
	const [by, length = 0] = bytes;
	const isHash = (by === 0 && length > 0 && length <= 42) || (by === 0x12 && length === 32);
	return isHash && bytes.length === 2 + length ? bytes : null;
}

export interface Place {
	/** The multiaddress in its binary form. */
	bytes: Uint8Array;
	/** Where the worker listens for it: on its machine's every address, at the same port. */
	listen: string;
}

/** A host's bytes behind its protocol's number; `null` where it is none, or one that nobody reaches. */
function host(kind: string, name: string): Uint8Array | null {
	if (kind === "ip4") {
		const parts = name.split(".").map((part) => (/^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256));
		if (parts.length !== 4 || parts.some((part) => part > 255) || !parts.some(Boolean)) return null;
		return Uint8Array.of(4, ...parts);
	}
	if (kind === "ip6") {
		let written: string;
		try {
			// Written out by the rules of URLs, which know every short form.
			written = new URL(`http://[${name}]/`).hostname.slice(1, -1);
		} catch {
			return null;
		}
		const [before = "", after] = written.split("::");
		const words = (text: string | undefined) => (text ? text.split(":") : []);
		const [head, tail] = [words(before), words(after)];
		const all = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail].map((word) => parseInt(word, 16));
		return all.some(Boolean) ? Uint8Array.of(41, ...all.flatMap((word) => [word >> 8, word & 255])) : null;
	}
	const number = { dns: 53, dns4: 54, dns6: 55 }[kind];
	if (!number || name.length > 100 || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name)) return null;
	return Uint8Array.of(number, name.length, ...new TextEncoder().encode(name));
}

/** An address of TCP or QUIC at which others reach a worker; `null` where it is none. */
export function place(text: string): Place | null {
	const found = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/(tcp|udp)\/([1-9]\d{0,4})(\/quic-v1)?$/.exec(text);
	if (!found) return null;
	const [, kind = "", name = "", over, digits, quic] = found;
	const port = Number(digits);
	const front = host(kind, name);
	if (!front || port > 65_535 || (over === "udp") !== (quic !== undefined)) return null;
	// Numbers of protocols are varints: tcp 6, udp 273, quic-v1 461.
	const back = quic ? [0x91, 0x02, port >> 8, port & 255, 0xcd, 0x03] : [6, port >> 8, port & 255];
	return { bytes: concat(front, Uint8Array.from(back)), listen: `/ip4/0.0.0.0/${over}/${port}${quic ?? ""}` };
}

/** The call by which an account says where a stream of its is found. */
export function originCall(name: string, peer: Uint8Array, at: Place): { pallet: string; name: string; args: Record<string, unknown> } {
	const record = { peer_id: peer, addresses: [at.bytes], url: new Uint8Array() };
	return { pallet: "Jobs", name: "set_origin", args: { name: new TextEncoder().encode(name), record } };
}
