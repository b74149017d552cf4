/** Transactions: built here, signed by the reader's wallet (injected-web3), sent through the same door as everything else. */
import { blake2b } from "@noble/hashes/blake2.js";
import { concat, hex, uint, unhex } from "../proof/scale";
import { bytesOf, isAddress } from "./address";
import type { Chain } from "./chain";
import type { Live } from "./live";
import type { Address, ChainEvent, Hash } from "./types";

export interface InjectedAccount {
	address: Address;
	name?: string;
	type?: string;
}
interface Signer {
	signPayload?(payload: Record<string, unknown>): Promise<{ signature: string; signedTransaction?: string }>;
}
interface Injected {
	accounts: { get(anyType?: boolean): Promise<InjectedAccount[]> };
	signer: Signer;
}
declare global {
	interface Window {
		injectedWeb3?: Record<string, { version?: string; enable?(origin: string): Promise<Injected>; connect?(origin: string): Promise<Injected> }>;
	}
}

export interface Wallet {
	name: string;
	accounts: InjectedAccount[];
	signer: Signer;
}

/** The wallets that are installed in this browser. */
export const wallets = (): string[] => Object.keys(window.injectedWeb3 ?? {});

export async function connect(name: string): Promise<Wallet> {
	const found = window.injectedWeb3?.[name];
	const open = found?.enable ?? found?.connect;
	if (!open) throw new Error(`there is no wallet ${name}`);
	const injected = await open.call(found, "Livepeer");
	// Wallets give accounts of other chains too, which can sign nothing here.
	const accounts = (await injected.accounts.get()).filter(({ address, type }) => type !== "ethereum" && isAddress(address));
	return { name, accounts, signer: injected.signer };
}

/** A call: pallet, name, arguments by their names. */
export interface Call {
	pallet: string;
	name: string;
	args: Record<string, unknown>;
}

export function encodeCall(chain: Chain, { pallet, name, args }: Call): Uint8Array {
	const { location, codec } = chain.builder.buildCall(pallet, name);
	return concat(Uint8Array.from(location), codec.enc(Object.keys(args).length ? args : undefined));
}

function compactBig(value: bigint): Uint8Array {
	if (value < 64n) return uint(value << 2n, 1);
	if (value < 1n << 14n) return uint((value << 2n) | 1n, 2);
	if (value < 1n << 30n) return uint((value << 2n) | 2n, 4);
	let width = 4;
	while (value >> BigInt(8 * width)) width++;
	return concat(uint(((width - 4) << 2) | 3, 1), uint(value, width));
}

/** Blocks for which a transaction may be taken. */
const PERIOD = 64;
export const mortal = (block: number): Uint8Array =>
	uint((Math.min(15, Math.log2(PERIOD) - 1) | ((block % PERIOD) << 4)) & 0xffff, 2);

function extensions(chain: Chain, era: Uint8Array, nonce: number): Uint8Array {
	const nothing = new Uint8Array();
	const parts: Record<string, Uint8Array> = {
		CheckMortality: era,
		CheckEra: era,
		CheckNonce: compactBig(BigInt(nonce)),
		ChargeAssetTxPayment: Uint8Array.of(0, 0),
		ChargeTransactionPayment: Uint8Array.of(0),
		CheckMetadataHash: Uint8Array.of(0),
	};
	return concat(...chain.extensions().map(({ identifier }) => parts[identifier] ?? nothing));
}

function assemble(account: Uint8Array, signature: Uint8Array, extra: Uint8Array, call: Uint8Array): Uint8Array {
	const body = concat(Uint8Array.of(0x84, 0), account, signature, extra, call);
	return concat(compactBig(BigInt(body.length)), body);
}

/** What a call would cost an account now. */
export async function feeOf(chain: Chain, from: Address, call: Call, at: Hash): Promise<bigint> {
	const signature = concat(Uint8Array.of(1), new Uint8Array(64).fill(1));
	const bytes = assemble(bytesOf(from), signature, extensions(chain, mortal(0), 0), encodeCall(chain, call));
	const answer = await chain.rpc.ask<string>(
		"state_call",
		"TransactionPaymentApi_query_info",
		hex(concat(bytes, uint(bytes.length, 4))),
		at,
	);
	const info = chain.builder.buildRuntimeCall("TransactionPaymentApi", "query_info").value.dec(answer);
	return info.partial_fee as bigint;
}

const numberHex = (value: number, width = 4): string => `0x${value.toString(16).padStart(2 * width, "0")}`;

export async function sign(chain: Chain, wallet: Wallet, from: Address, call: Call): Promise<Uint8Array> {
	if (!wallet.signer.signPayload) throw new Error("the wallet cannot sign transactions");
	const [finalized, nonce] = await Promise.all([
		chain.finalized(),
		chain.rpc.ask<number>("system_accountNextIndex", from),
	]);
	const { number } = await chain.head(finalized);
	const era = mortal(number);
	const method = encodeCall(chain, call);
	const { signature } = await wallet.signer.signPayload({
		address: from,
		blockHash: finalized,
		blockNumber: numberHex(number),
		era: hex(era),
		genesisHash: chain.genesis,
		method: hex(method),
		mode: 0,
		metadataHash: null,
		nonce: numberHex(nonce),
		signedExtensions: chain.extensions().map(({ identifier }) => identifier),
		specVersion: numberHex(chain.spec.specVersion),
		tip: numberHex(0, 16),
		transactionVersion: numberHex(chain.spec.transactionVersion),
		version: 4,
	});
	let bytes = unhex(signature);
	// A wallet that leaves out the kind of signature means sr25519.
	if (bytes.length === 64) bytes = concat(Uint8Array.of(1), bytes);
	return assemble(bytesOf(from), bytes, extensions(chain, era, nonce), method);
}

/** A call that came to nothing. */
export class TxError extends Error {
	constructor(
		/** In the chain's own words, where it has some. */
		message: string,
		/** The chain's name of it, as `Jobs.BadEnd`. */
		readonly refused: string | null = null,
	) {
		super(message);
	}
}

/** Why the chain refused a call. */
// biome-ignore lint: errors are as many as there are modules.
export function refusedBy(chain: Chain, error: any): TxError {
	if (error?.type === "Module") {
		const value = error.value;
		if (typeof value?.index === "number") {
			const code = typeof value.error === "string" ? (unhex(value.error)[0] ?? 0) : Number(value.error?.[0] ?? 0);
			const { name, text } = chain.errorText(value.index, code);
			return new TxError(text ? `${text} (${name})` : name, name);
		}
		const name = `${value?.type}.${value?.value?.type}`;
		return new TxError(name, name);
	}
	const name = [error?.type, error?.value?.type].filter(Boolean).join(": ");
	return new TxError(name, name);
}

/** Sends a signed transaction and waits until it is in a block; its events. */
export async function submit(live: Live, transaction: Uint8Array): Promise<ChainEvent[]> {
	const chain = live.chain;
	if (!chain) throw new TxError("not connected");
	const from = live.head?.number ?? 0;
	await chain.rpc.ask("author_submitExtrinsic", hex(transaction));
	const wanted = hex(blake2b(transaction, { dkLen: 32 }));
	const looked = new Set<Hash>();
	for (;;) {
		for (const { number, hash, events } of live.blocks) {
			if (number <= from || looked.has(hash)) continue;
			// It is sent: a node that stumbles now is asked again, for the call may well be in a block.
			const extrinsics = await chain.extrinsics(hash).catch(() => null);
			if (!extrinsics) break;
			const place = extrinsics.findIndex((bytes) => hex(blake2b(bytes, { dkLen: 32 })) === wanted);
			looked.add(hash);
			if (place < 0) continue;
			const ours = events.filter(({ extrinsic }) => extrinsic === place);
			const failed = ours.find(({ pallet, name }) => pallet === "System" && name === "ExtrinsicFailed");
			if (failed) throw refusedBy(chain, failed.data.dispatch_error);
			return ours;
		}
		if ((live.head?.number ?? 0) > from + PERIOD + 4) throw new TxError("no block has taken the transaction in its time");
		await new Promise<void>((resolve) => {
			const off = live.subscribe(() => {
				off();
				resolve();
			});
		});
	}
}
