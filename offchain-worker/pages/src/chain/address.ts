/** Accounts as people write them (SS58), apart from the chain's codecs: a page is there before those are. */
import { blake2b } from "@noble/hashes/blake2.js";
import { concat, unhex } from "../proof/scale";
import type { Address } from "./types";

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** The bytes that a text of base 58 stands for; `null` where it is none. */
export function fromBase58(text: string): Uint8Array | null {
	let number = 0n;
	for (const letter of text) {
		const digit = BASE58.indexOf(letter);
		if (digit < 0) return null;
		number = number * 58n + BigInt(digit);
	}
	const digits = number ? number.toString(16) : "";
	const zeros = /^1*/.exec(text)?.[0].length ?? 0;
	return concat(new Uint8Array(zeros), unhex(digits.length % 2 ? `0${digits}` : digits));
}

function toBase58(bytes: Uint8Array): string {
	let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
	let text = "";
	for (; number; number /= 58n) text = BASE58[Number(number % 58n)] + text;
	const zeros = bytes.findIndex((byte) => byte !== 0);
	return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
}

/** The format that any chain may use. */
const ANY = 42;
const checksum = (body: Uint8Array): Uint8Array => blake2b(concat(new TextEncoder().encode("SS58PRE"), body)).subarray(0, 2);

export function addressOf(account: Uint8Array): Address {
	const body = concat(Uint8Array.of(ANY), account);
	return toBase58(concat(body, checksum(body)));
}

/** The account of an address in any chain's format; `null` where it is none. */
function accountOf(text: string): Uint8Array | null {
	const bytes = text.length <= 64 ? fromBase58(text) : null;
	// One byte or two say whose format it is; 128 and above are nobody's.
	const [first = 128] = bytes ?? [];
	const front = first < 64 ? 1 : 2;
	if (!bytes || first > 127 || bytes.length !== front + 34) return null;
	const body = bytes.subarray(0, front + 32);
	const sum = checksum(body);
	return sum[0] === bytes[front + 32] && sum[1] === bytes[front + 33] ? body.slice(front) : null;
}

export const isAddress = (text: string): boolean => accountOf(text) !== null;

/** An account as the chain's events and lists have it, whichever chain's format it was given in; `null` where it is none. */
export function canonical(text: string): Address | null {
	const found = accountOf(text);
	return found && addressOf(found);
}

export function bytesOf(address: Address): Uint8Array {
	const found = accountOf(address);
	if (!found) throw new Error(`${address.slice(0, 64)} is no account`);
	return found;
}
