/** SCALE, as far as the protocol's signed formats need it (docs/formats.md §1.1). */

export class Malformed extends Error {}

const DIGITS = new TextEncoder().encode("0123456789abcdef");
/** What a letter stands for; 255 for what is no digit. */
const VALUES = new Uint8Array(1 << 16).fill(255);
DIGITS.forEach((letter, value) => {
	VALUES[letter] = value;
	if (value > 9) VALUES[letter - 32] = value;
});
const ascii = new TextDecoder();

// By tables: metadata has half a million bytes, and a slow phone is to read them in no time.
export function hex(bytes: Uint8Array): string {
	const letters = new Uint8Array(2 * bytes.length);
	for (let i = 0; i < bytes.length; i++) {
		const byte = bytes[i] as number;
		letters[2 * i] = DIGITS[byte >> 4] as number;
		letters[2 * i + 1] = DIGITS[byte & 15] as number;
	}
	return `0x${ascii.decode(letters)}`;
}

export function unhex(text: string): Uint8Array {
	const from = text.startsWith("0x") ? 2 : 0;
	if (text.length % 2) throw new Malformed("not hexadecimal");
	const bytes = new Uint8Array((text.length - from) / 2);
	for (let i = 0; i < bytes.length; i++) {
		const high = VALUES[text.charCodeAt(from + 2 * i)] as number;
		const low = VALUES[text.charCodeAt(from + 2 * i + 1)] as number;
		if (high > 15 || low > 15) throw new Malformed("not hexadecimal");
		bytes[i] = (high << 4) | low;
	}
	return bytes;
}

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
	a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Reads values one after the other; throws where they do not decode. */
export class Reader {
	at = 0;
	constructor(readonly bytes: Uint8Array) {}
	take(count: number): Uint8Array {
		if (count < 0 || this.at + count > this.bytes.length) throw new Malformed("the bytes end too early");
		return this.bytes.subarray(this.at, (this.at += count));
	}
	u8 = (): number => this.take(1)[0] as number;
	u16 = (): number => Number(this.uint(2));
	u32 = (): number => Number(this.uint(4));
	u64 = (): bigint => this.uint(8);
	hash = (): Uint8Array => this.take(32);
	uint(width: number): bigint {
		const bytes = this.take(width);
		let value = 0n;
		for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
		return value;
	}
	/** Lengths only: below 2^30, in the shortest form. */
	compact(): number {
		const first = this.u8();
		const mode = first & 3;
		if (mode === 0) return first >> 2;
		this.at--;
		if (mode === 3) throw new Malformed("too long");
		const value = Number(this.uint(mode === 1 ? 2 : 4)) >>> 2;
		if (value < (mode === 1 ? 64 : 16_384)) throw new Malformed("a length in a longer form than it needs");
		return value;
	}
	list<T>(most: number, item: () => T): T[] {
		const count = this.compact();
		if (count > most) throw new Malformed("a list is too long");
		return Array.from({ length: count }, item);
	}
	option<T>(item: () => T): T | null {
		const tag = this.u8();
		if (tag > 1) throw new Malformed("neither some nor none");
		return tag === 1 ? item() : null;
	}
	/** What `item` reads, with the bytes that it read. */
	raw<T>(item: () => T): { value: T; bytes: Uint8Array } {
		const from = this.at;
		const value = item();
		return { value, bytes: this.bytes.subarray(from, this.at) };
	}
	end(): void {
		if (this.at !== this.bytes.length) throw new Malformed("there are bytes left");
	}
}

export function concat(...parts: Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

export function uint(value: bigint | number, width: number): Uint8Array {
	const bytes = new Uint8Array(width);
	let rest = BigInt(value);
	for (let i = 0; i < width; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
	return bytes;
}

export function compact(value: number): Uint8Array {
	if (value < 64) return uint(value << 2, 1);
	if (value < 16_384) return uint((value << 2) | 1, 2);
	return uint(value * 4 + 2, 4);
}

const utf8 = new TextEncoder();
export const text = (value: string): Uint8Array => {
	const bytes = utf8.encode(value);
	return concat(compact(bytes.length), bytes);
};
