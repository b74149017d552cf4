/** Transactions: built here, signed by the reader's wallet (injected-web3), sent through the same door as everything else. */
import { blake2b } from "@noble/hashes/blake2.js";
import { concat, hex, uint, unhex } from "../proof/scale";
import { t } from "../ui/words";
import { bytesOf, canonical } from "./address";
import type { Chain } from "./chain";
import { unbroken, type Live } from "./live";
import { isAnswer, isUnanswered } from "./rpc";
import type { Address, ChainEvent, Hash, Head } from "./types";

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
	if (!open) throw new Error(t(`There is no wallet ${name} any more: load the page again.`, `钱包 ${name} 已不存在：请重新加载页面。`));
	const injected = await open.call(found, "Livepeer");
	// Wallets give accounts of other chains too, which can sign nothing here, and write ours in the format of any chain.
	const accounts = (await injected.accounts.get()).flatMap((account) => {
		const address = account.type === "ethereum" ? null : canonical(account.address);
		return address ? [{ ...account, address }] : [];
	});
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

/** The block from which on a transaction may be taken. */
async function birth(chain: Chain): Promise<Head> {
	const [finalized, newest] = await Promise.all([chain.finalized().then((hash) => chain.head(hash)), chain.head()]);
	// While finality is behind, its block would leave the transaction no time.
	return newest.number - finalized.number > PERIOD / 2 ? newest : finalized;
}

export async function sign(chain: Chain, wallet: Wallet, from: Address, call: Call): Promise<Uint8Array> {
	if (!wallet.signer.signPayload) throw new Error(t("This wallet cannot sign transactions: use another.", "此钱包不能签名交易：请换一个。"));
	const [{ number, hash }, nonce] = await Promise.all([birth(chain), chain.rpc.ask<number>("system_accountNextIndex", from)]);
	const era = mortal(number);
	const method = encodeCall(chain, call);
	const { signature } = await wallet.signer.signPayload({
		address: from,
		blockHash: hash,
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

/** The newest blocks, of which others may take the place, where finality is further behind. */
const FORKED = 8;

/** Sends a signed transaction and waits until it is in a block; its events. */
export async function submit(live: Live, transaction: Uint8Array): Promise<ChainEvent[]> {
	const { chain } = live;
	if (!chain) throw new TxError(t("The chain does not answer.", "链没有应答。"));
	// A page that has just woken still catches up with the blocks that it has missed.
	const newest = await chain.head().catch(() => null);
	const from = Math.max(live.head?.number ?? 0, newest?.number ?? 0);
	/** The newest block that keeps its place: another one that has it may take that of a later one. */
	const final = Math.max(live.finalized, from - FORKED);
	/** Where it is not: what was there before it was sent has it not. */
	const looked = new Set<Hash>(live.blocks.map(({ hash }) => hash));
	const wanted = hex(blake2b(transaction, { dkLen: 32 }));
	/** Whether a node has it. Where no answer came it may have it as well: to be sent twice does a transaction no harm. */
	let isSent = false;
	const send = () => chain.rpc.ask("author_submitExtrinsic", hex(transaction)).then(() => void (isSent = true));
	await send().catch((error) => {
		if (!isUnanswered(error)) throw error;
	});
	/** Its events, where a block has it; `null` where it has not. */
	const find = async (number: number, hash: Hash, events: () => Promise<ChainEvent[]> | ChainEvent[]): Promise<ChainEvent[] | null> => {
		const place = (await chain.extrinsics(hash)).findIndex((bytes) => hex(blake2b(bytes, { dkLen: 32 })) === wanted);
		const ours = place < 0 ? [] : (await events()).filter(({ extrinsic }) => extrinsic === place);
		looked.add(hash);
		if (place < 0) return null;
		// Each call has one event at least, which says how it went.
		if (!ours.length) throw new TxError(t(`It is in block ${number}, and how it went could not be read: look at the account before you send it again.`, `已进入区块 ${number}，但无法读取结果：重发前请先查看账户。`));
		const failed = ours.find(({ pallet, name }) => pallet === "System" && name === "ExtrinsicFailed");
		if (failed) throw refusedBy(chain, failed.data.dispatch_error);
		return ours;
	};
	/** What a node that stumbles has said nothing of is looked at again, for the call may well be in a block. */
	const tried = <V>(work: Promise<V>): Promise<V | undefined> =>
		work.catch((error) => {
			if (error instanceof TxError) throw error;
			return undefined;
		});
	for (;;) {
		for (const { number, hash, events } of live.blocks) {
			if (number <= final || looked.has(hash)) continue;
			const found = await tried(find(number, hash, () => events));
			if (found) return found;
			if (found === undefined) break;
		}
		if ((live.head?.number ?? 0) > from + PERIOD + 4) {
			// A page that slept has not seen all blocks, and may have seen some of another fork.
			const since = unbroken(live.blocks);
			for (let number = final + 1; number <= from + PERIOD; number++) {
				const known = number >= since ? live.blocks.find((block) => block.number === number)?.hash : undefined;
				const place = known === undefined ? chain.hashAt(number) : Promise.resolve(known);
				const found = await tried(place.then((hash) => (looked.has(hash) ? null : find(number, hash, () => chain.events(number, hash)))));
				if (found) return found;
				if (found === undefined) throw new TxError(t("It was sent, and whether a block has taken it could not be read: look at the account before you send it again.", "已发送，但无法读取是否进入区块：重发前请先查看账户。"));
			}
			throw new TxError(t("No block has taken the transaction in its time: nothing was done. Try again.", "没有区块在限期内接受该交易：什么都没有发生。请重试。"));
		}
		await new Promise<void>((resolve) => {
			const off = live.subscribe(() => {
				off();
				resolve();
			});
		});
		// What it refuses now it may have already, or a block that was not looked at yet. A gateway that is asked too much has not passed it on.
		if (!isSent) await send().catch((error) => void (isSent = isAnswer(error)));
	}
}
