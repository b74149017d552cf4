/** §1.5: whether a signature is its signer's. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import * as sr25519 from "@scure/sr25519";
import { payload, type Signature } from "./formats";
import { concat, hex, isEqual, unhex } from "./scale";

/** A key as the chain stores it. */
export interface Key {
	kind: "ed25519" | "sr25519";
	bytes: Uint8Array;
}
/** One generation of an account's keys; generation 0 is the account itself and has none. */
export interface Generation {
	generation: number;
	keys: Key[];
}

const quietly = (check: () => boolean): boolean => {
	try {
		return check();
	} catch {
		return false;
	}
};

// WebCrypto knows Ed25519 in the newest browsers only, and ours must not depend on it.
const verifyEd = (sig: Uint8Array, message: Uint8Array, key: Uint8Array): boolean =>
	quietly(() => ed25519.verify(sig, message, key, { zip215: true }));
const verifySr = (sig: Uint8Array, message: Uint8Array, key: Uint8Array): boolean =>
	quietly(() => sr25519.verify(message, sig, key));

/** The account that signed by ECDSA: its public key is recovered from the signature. */
function recovered(sig: Uint8Array, message: Uint8Array, ofEthereum: boolean): Uint8Array | null {
	try {
		const digest = ofEthereum ? keccak_256(message) : blake2b(message, { dkLen: 32 });
		const recovery = sig[64] as number;
		const normal = recovery >= 27 ? recovery - 27 : recovery;
		const key = secp256k1.Signature.fromBytes(concat(Uint8Array.of(normal), sig.subarray(0, 64)), "recovered")
			.recoverPublicKey(digest);
		if (!ofEthereum) return blake2b(key.toBytes(true), { dkLen: 32 });
		// Of the compressed key, as the SDK does it: not the address that Ethereum gives it.
		const address = keccak_256(key.toBytes(true)).subarray(12);
		return concat(address, new Uint8Array(12).fill(0xee));
	} catch {
		return null;
	}
}

/**
 * Whether `account` signed `object`, by a key of the generation that the signature names. The keys
 * are the chain's word.
 */
export function isSigned(
	signature: Signature,
	account: Uint8Array,
	object: Uint8Array,
	generations: Generation[],
): boolean {
	const { signer, kind, bytes } = signature;
	if (!isEqual(signer.account, account)) return false;
	const message = payload(signer, object);
	if (signer.generation === 0) {
		if (signer.key !== 0) return false;
		switch (kind) {
			case "ed25519":
				return verifyEd(bytes, message, account);
			case "sr25519":
				return verifySr(bytes, message, account);
			default: {
				const found = recovered(bytes, message, kind === "eth");
				return found !== null && isEqual(found, account);
			}
		}
	}
	const of = generations.find(({ generation }) => generation === signer.generation);
	const key = of?.keys[signer.key];
	if (!key || key.kind !== kind) return false;
	return (kind === "ed25519" ? verifyEd : verifySr)(bytes, message, key.bytes);
}

export { hex, unhex };
