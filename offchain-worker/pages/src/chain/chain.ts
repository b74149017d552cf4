/** The chain, read through a gateway's `/chain` or a node's HTTP RPC, decoded by its own metadata. */
import { getDynamicBuilder, getLookupFn } from "@polkadot-api/metadata-builders";
import type { UnifiedMetadata } from "@polkadot-api/substrate-bindings";
import { Reader, hex, unhex } from "../proof/scale";
import { breath } from "./breath";
import { decodeMetadata, versionOf } from "./metadata";
import type { Asks } from "./rpc";
import type * as T from "./types";

/** The runtime API, by method: arguments and answer. */
export interface Reads {
	timing: [[], T.Timing];
	// biome-ignore lint: shown as it is.
	parameters: [[], any];
	clock: [[], T.Clock];
	round: [[], T.Round];
	transcoders: [[], T.Transcoder[]];
	terms_of: [[T.Address], T.Terms | undefined];
	stake: [[T.Address], T.Stake];
	backing: [[T.Address], T.Backing];
	yield_of: [[T.Address], T.Yield];
	/** As how many full claims those count that were accepted since it registered or failed. */
	accepted: [[T.Address], number];
	pool: [[], T.Seat[]];
	validators: [[], T.Validator[]];
	inflation: [[], T.Inflation];
	job: [[bigint], T.Job | undefined];
	job_of_stream: [[T.Hash], bigint | undefined];
	assignments: [[T.Address], bigint[]];
	claim: [[bigint], T.ClaimInfo | undefined];
	challenge: [[bigint], T.Challenge | undefined];
	claims_of: [[T.Address], bigint[]];
	origins: [[], T.Hash[]];
	operator_keys: [[T.Address, T.Tagged], T.KeysView[]];
	spending_keys: [[T.Address], T.SpendingKey[]];
	toolchains: [[], T.Hash[]];
	/** Where an account is reached; what is in it goes back as it came. */
	service: [[T.Address], unknown];
	performance: [[T.Address], T.Performance];
	bridge: [[], T.Bridge];
}

/** The runtime API of a read: all but the bridge's are ours. */
const apiOf = (method: keyof Reads): string => (method === "bridge" ? "BridgeApi" : "LivepeerApi");

const METADATA = "livepeer.metadata";
/** When metadata is stored for the next visit, in ms after it came. */
const LATER = 5_000;
/** One letter for each byte: half of what hexadecimal would have a slow phone store. */
function remembered(name: string): Uint8Array | null {
	try {
		const found = localStorage.getItem(METADATA);
		if (!found?.startsWith(`${name} `)) return null;
		const from = name.length + 1;
		const bytes = new Uint8Array(found.length - from);
		for (let i = 0; i < bytes.length; i++) bytes[i] = found.charCodeAt(from + i);
		return bytes;
	} catch {
		return null;
	}
}
function remember(name: string, bytes: Uint8Array): void {
	let text = `${name} `;
	for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
	try {
		localStorage.setItem(METADATA, text);
	} catch {
		// It is asked for again at the next visit.
	}
}

/** Metadata as a runtime answers it: an option of bytes. */
async function decoded(told: Uint8Array): Promise<UnifiedMetadata> {
	const reader = new Reader(told);
	reader.take(1);
	const length = reader.compact();
	return decodeMetadata(reader.take(length).slice());
}

type Dynamic = ReturnType<typeof getDynamicBuilder>;

export class Chain {
	metadata!: UnifiedMetadata;
	builder!: Dynamic;
	genesis!: T.Hash;
	spec = { specVersion: 0, transactionVersion: 0 };
	name = "";
	private codecs = new Map<string, ReturnType<Dynamic["buildRuntimeCall"]>>();
	private events_!: ReturnType<Dynamic["buildStorage"]>;

	constructor(readonly rpc: Asks) {}

	static async connect(rpc: Asks): Promise<Chain> {
		const chain = new Chain(rpc);
		const [genesis, spec, name, head] = await Promise.all([
			chain.rpc.ask<T.Hash>("chain_getBlockHash", 0),
			chain.rpc.ask<Chain["spec"]>("state_getRuntimeVersion"),
			chain.rpc.ask<string>("system_chain"),
			chain.rpc.ask<T.Hash>("chain_getFinalizedHead"),
		]);
		Object.assign(chain, { genesis, name });
		await chain.learn(spec, head);
		return chain;
	}

	/** Takes the metadata of the newest runtime; of a block's own, where that has to be asked. */
	private async learn(newest: Chain["spec"], at: T.Hash): Promise<void> {
		// A chain's runtime of a version never changes, so its metadata is asked for once in a browser.
		// Of who told it: a light client's page would else decode, and sign, by what a node once said.
		const nameOf = ({ specVersion }: Chain["spec"]): string => `${this.rpc.source} ${this.genesis}/${specVersion}`;
		/** What is kept, or told, for `newest`, where it can be read and is of that runtime: what is wrong would else stay so, visit by visit. */
		const fitting = async (told: Uint8Array | null): Promise<UnifiedMetadata | null> => {
			try {
				const metadata = told && (await decoded(told));
				return metadata && [newest.specVersion, null].includes(versionOf(metadata)) ? metadata : null;
			} catch {
				return null;
			}
		};
		let spec = newest;
		let bytes = remembered(nameOf(spec));
		let metadata = await fitting(bytes);
		const isKept = metadata !== null;
		if (!metadata) {
			bytes = (await this.rpc.metadata?.(spec.specVersion).catch(() => null)) ?? null;
			metadata = await fitting(bytes);
		}
		if (!metadata || !bytes) {
			// A block from before an upgrade has the metadata of another version than the newest.
			const [told, version] = await Promise.all([
				this.rpc.ask<string>("state_call", "Metadata_metadata_at_version", "0x0f000000", at),
				this.rpc.ask<Chain["spec"]>("state_getRuntimeVersion", at),
			]);
			bytes = unhex(told);
			metadata = await decoded(bytes);
			spec = version;
		}
		const found = bytes;
		// What can be read, and not now: a slow phone takes its time to store as much.
		if (!isKept) setTimeout(() => remember(nameOf(spec), found), LATER);
		await breath();
		const builder = getDynamicBuilder(getLookupFn(metadata));
		// What events are made of, pallet by pallet: the builder keeps what it has built.
		for (const { events } of metadata.pallets) {
			await breath();
			if (events) builder.buildDefinition(events.type);
		}
		await breath();
		const events_ = builder.buildStorage("System", "Events");
		// All at once: a call in one runtime's form under another's version would be another call.
		Object.assign(this, { spec, metadata, builder, events_ });
		this.codecs.clear();
	}

	/** Learns a runtime that was upgraded meanwhile; whether it was. */
	async refresh(at: T.Hash): Promise<boolean> {
		const spec = await this.rpc.ask<Chain["spec"]>("state_getRuntimeVersion");
		if (spec.specVersion === this.spec.specVersion) return false;
		await this.learn(spec, at);
		return true;
	}

	async read<M extends keyof Reads>(method: M, args: Reads[M][0], at: T.Hash): Promise<Reads[M][1]> {
		let codec = this.codecs.get(method);
		if (!codec) {
			codec = this.builder.buildRuntimeCall(apiOf(method), method);
			this.codecs.set(method, codec);
		}
		const answer = await this.rpc.ask<string>("state_call", `${apiOf(method)}_${method}`, hex(codec.args.enc(args)), at);
		return codec.value.dec(answer) as Reads[M][1];
	}

	async storage<V>(pallet: string, entry: string, keys: unknown[], at: T.Hash): Promise<V | undefined> {
		const codec = this.builder.buildStorage(pallet, entry);
		const answer = await this.rpc.ask<string | null>("state_getStorage", codec.keys.enc(...keys), at);
		return (answer === null ? codec.fallback : codec.value.dec(answer)) as V | undefined;
	}

	async head(hash?: T.Hash): Promise<T.Head> {
		const header = await this.rpc.ask<{ number: string; parentHash: T.Hash }>(
			"chain_getHeader",
			...(hash ? [hash] : []),
		);
		const number = Number(header.number);
		return { number, parent: header.parentHash, hash: hash ?? (await this.hashAt(number)) };
	}
	hashAt(number: number): Promise<T.Hash> {
		return this.rpc.ask<T.Hash>("chain_getBlockHash", number);
	}
	finalized(): Promise<T.Hash> {
		return this.rpc.ask<T.Hash>("chain_getFinalizedHead");
	}

	/** Everything that happened in a block; nothing of one that was made by another runtime than the page knows. */
	async events(number: number, hash: T.Hash): Promise<T.ChainEvent[]> {
		const answer = await this.rpc.ask<string | null>("state_getStorage", this.events_.keys.enc(), hash);
		if (answer === null) return [];
		// A page that opens reads the events of many blocks.
		await breath();
		let list: { phase: T.Tagged<string, number>; event: T.Tagged<string, T.Tagged> }[];
		try {
			list = this.events_.value.dec(answer);
		} catch {
			// Of another runtime than the page knows: all that follows is told the sooner without it.
			return [];
		}
		return list.map(({ phase, event }, index) => ({
			block: number,
			hash,
			index,
			extrinsic: phase.type === "ApplyExtrinsic" ? phase.value : null,
			pallet: event.type,
			name: event.value.type,
			data: event.value.value,
		}));
	}

	/** The extrinsics of a block, as bytes. */
	async extrinsics(hash: T.Hash): Promise<Uint8Array[]> {
		const { block } = await this.rpc.ask<{ block: { extrinsics: string[] } }>("chain_getBlock", hash);
		return block.extrinsics.map(unhex);
	}

	/** The call of an extrinsic, as bytes: its pallet's index and its own come first. */
	callOf(extrinsic: Uint8Array): Uint8Array {
		const r = new Reader(extrinsic);
		r.compact();
		const version = r.u8();
		const kind = version >> 6;
		const rest = (at: number) => extrinsic.subarray(at);
		if (kind === 0) return rest(r.at);
		if (kind === 2) {
			// Signed: an address, a signature, then the extensions.
			if (r.u8() !== 0) throw new Error("an address of another kind");
			r.take(32);
			r.take([64, 64, 65, 65][r.u8()] ?? 0);
		} else {
			r.u8();
		}
		const size = extrinsic.length;
		// The extensions say their own lengths by their types.
		for (const { identifier } of this.extensions()) this.skipExtension(identifier, r);
		if (r.at > size) throw new Error("not an extrinsic");
		return rest(r.at);
	}

	extensions(): { identifier: string; type: number; additionalSigned: number }[] {
		const { extensionsByVersion } = this.metadata.extrinsic as unknown as {
			extensionsByVersion: Record<number, { identifier: string; type: number; additionalSigned: number }[]>;
		};
		return extensionsByVersion[0] ?? [];
	}

	private skipExtension(identifier: string, r: Reader): void {
		switch (identifier) {
			case "CheckMortality":
			case "CheckEra":
				if (r.u8() !== 0) r.u8();
				break;
			case "CheckNonce":
				r.compact();
				break;
			case "ChargeAssetTxPayment": {
				// A tip of any size, and no asset.
				const mode = (r.bytes[r.at] as number) & 3;
				if (mode < 3) r.take(1 << mode);
				else r.take(((r.u8() >> 2) + 4) | 0);
				if (r.u8() !== 0) throw new Error("fees in an asset");
				break;
			}
			case "CheckMetadataHash":
				r.u8();
				break;
		}
	}

	/** What the chain says of a module's error. */
	errorText(pallet: number, error: number): { name: string; text: string } {
		const found = this.metadata.pallets.find(({ index }) => index === pallet);
		const type = found?.errors && this.metadata.lookup[found.errors.type];
		if (type?.def.tag === "variant") {
			const variant = type.def.value.find(({ index }) => index === error);
			if (variant) return { name: `${found?.name}.${variant.name}`, text: variant.docs.join(" ").trim() };
		}
		return { name: `${found?.name ?? pallet}.${error}`, text: "" };
	}

	/**
	 * ETH of a job's budget that is paid, or held for claims that wait for their outcome, with what an assignment that is
	 * over may still claim; `undefined` for a job that is closed.
	 */
	async used({ id, unreserved, current }: T.Job, at: T.Hash): Promise<bigint | undefined> {
		const stored = await this.storage<{ funded: bigint; bond: bigint }>("Jobs", "Jobs", [id], at);
		if (!stored) return undefined;
		const used = stored.funded - stored.bond - unreserved - (current?.allowance ?? 0n);
		return used > 0n ? used : 0n;
	}

	/** LPT that an account can pay a fee with: what is frozen stays, and the smallest balance, which keeps the account. */
	async spendable(address: T.Address, at: T.Hash): Promise<bigint> {
		const account = await this.storage<{ data: { free: bigint; frozen: bigint; reserved: bigint } }>("System", "Account", [address], at);
		const { free, frozen, reserved } = account?.data ?? { free: 0n, frozen: 0n, reserved: 0n };
		const found = this.metadata.pallets.find(({ name }) => name === "Balances")?.constants.find(({ name }) => name === "ExistentialDeposit");
		const least = found ? new Reader(unhex(found.value)).uint(16) : 0n;
		// What is held counts toward what is frozen.
		const stays = frozen - reserved > least ? frozen - reserved : least;
		return free > stays ? free - stays : 0n;
	}

	async balances(address: T.Address, at: T.Hash): Promise<{ lpt: bigint; eth: bigint }> {
		const [account, eth] = await Promise.all([
			this.storage<{ data: { free: bigint; frozen: bigint; reserved: bigint } }>("System", "Account", [address], at),
			this.storage<{ balance: bigint }>("Assets", "Account", [1, address], at),
		]);
		return { lpt: account?.data.free ?? 0n, eth: eth?.balance ?? 0n };
	}
}

