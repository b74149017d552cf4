/**
 * The chain, followed by this browser itself: a light client checks the blocks' seals and the validators'
 * finality from the chain's genesis on, and every value that it reads against a block's root. The
 * gateway's node is asked the same, and called out where it says something else.
 */
import { startWithBytecode, type Chain as Client, type SmoldotBytecode } from "smoldot/no-auto-bytecode";
import { Rpc, RpcError, type Asks } from "../chain/rpc";
import type { Hash } from "../chain/types";
import { light as shown, setLight } from "./state";

/** Where a gateway has the chain's specification. */
export const SPEC = "/chain-spec.json";
/** Blocks that are walked back to one whose number alone is known. */
const WALK = 8;
/** Reads about claims, whose answers the gateway's node is asked for too. */
const COMPARED = /^LivepeerApi_(claim|challenge|claims_of|job|operator_keys|transcoders)$/;
const METADATA = "LivepeerApi_";
/** Answers that are compared at a time. */
const MOST_COMPARED = 24;
/** How long an answer may take, in ms: proofs come from nodes far away. */
const PATIENCE = 30_000;

interface Waiting {
	resolve: (value: never) => void;
	reject: (error: Error) => void;
	timer: ReturnType<typeof setTimeout>;
}

export class LightClient implements Asks {
	readonly source = "light";
	private readonly waiting = new Map<number, Waiting>();
	private next = 1;
	private comparing = 0;
	private readonly differing = new Set<string>();
	private constructor(
		private readonly client: Client,
		private readonly gateway: Rpc,
	) {
		void this.listen();
	}

	/** Starts to follow the chain that the gateway's specification describes. */
	static async start(base: string): Promise<LightClient> {
		setLight({ phase: "loading" });
		const answer = await fetch(`${base}${SPEC}`);
		if (!answer.ok) throw new Error((await answer.text()).trim() || `${answer.status}`);
		const chainSpec = await answer.text();
		const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
		// One that fails is begun anew: none of its workers goes on beside the next.
		try {
			const light = new LightClient(await begin(worker, chainSpec), new Rpc(`${base}/chain`));
			setLight({ phase: "syncing" });
			await light.ready();
			setLight({ phase: "following", genesis: await light.ask<Hash>("chain_getBlockHash", 0) });
			void light.report();
			return light;
		} catch (error) {
			worker.terminate();
			throw error;
		}
	}

	/** Waits until the head of the chain is known. */
	private async ready(): Promise<void> {
		for (;;) {
			const health = await this.ask<{ isSyncing: boolean; peers: number }>("system_health");
			setLight({ peers: health.peers });
			if (!health.isSyncing && health.peers) return;
			await new Promise((resolve) => setTimeout(resolve, 300));
		}
	}

	private async report(): Promise<void> {
		while (shown.state.phase === "following") {
			await new Promise((resolve) => setTimeout(resolve, 4_000));
			const health = await this.ask<{ peers: number }>("system_health").catch(() => null);
			if (health) setLight({ peers: health.peers });
		}
	}

	private async listen(): Promise<void> {
		try {
			for (;;) {
				const { id, result, error } = JSON.parse(await this.client.nextJsonRpcResponse());
				const asked = this.waiting.get(id);
				if (!asked) continue;
				this.waiting.delete(id);
				clearTimeout(asked.timer);
				if (error) asked.reject(new RpcError(error.code, error.message, error.data));
				else asked.resolve(result as never);
			}
		} catch (error) {
			const failure = error instanceof Error ? error : new Error(String(error));
			for (const { reject, timer } of this.waiting.values()) {
				clearTimeout(timer);
				reject(failure);
			}
			this.waiting.clear();
			setLight({ phase: "failed", reason: failure.message });
		}
	}

	async ask<T>(method: string, ...params: unknown[]): Promise<T> {
		const answer = await this.send<T>(method, params);
		if (method === "chain_getBlockHash" && answer === null) return (await this.walk(params[0] as number)) as T;
		if (method === "state_call" && COMPARED.test(String(params[0]))) void this.compare(params, String(answer));
		return answer;
	}

	private send<T>(method: string, params: unknown[]): Promise<T> {
		const id = this.next++;
		return new Promise<T>((resolve, reject) => {
			const timer = setTimeout(() => {
				this.waiting.delete(id);
				reject(new RpcError(0, "the chain's nodes do not answer"));
			}, PATIENCE);
			this.waiting.set(id, { resolve: resolve as (value: never) => void, reject, timer });
			try {
				this.client.sendJsonRpc(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
			} catch (error) {
				clearTimeout(timer);
				this.waiting.delete(id);
				reject(error instanceof Error ? error : new Error(String(error)));
			}
		});
	}

	/** A light client knows the numbers of the newest blocks only. */
	private async walk(number: number): Promise<Hash> {
		let hash = await this.send<Hash>("chain_getBlockHash", []);
		for (let i = 0; i < WALK; i++) {
			const header = await this.send<{ number: string; parentHash: Hash }>("chain_getHeader", [hash]);
			if (Number(header.number) === number) return hash;
			hash = header.parentHash;
		}
		throw new RpcError(0, "a light client does not know so old a block by its number");
	}

	/** Asks the gateway's node the same. */
	private async compare(params: unknown[], ours: string): Promise<void> {
		if (this.comparing >= MOST_COMPARED) return;
		this.comparing++;
		try {
			const theirs = await this.gateway.ask<string>("state_call", ...params);
			if (theirs === ours) {
				setLight((state) => ({ agreed: state.agreed + 1 }));
				return;
			}
			const [method, argument] = params as [string, string];
			const name = `${method} ${argument}`;
			if (this.differing.has(name)) return;
			this.differing.add(name);
			const about = method.slice(METADATA.length);
			setLight((state) => ({ lies: [...state.lies, { about, argument }].slice(-20) }));
		} catch {
			// What it does not know, or not yet, is no lie.
		} finally {
			this.comparing--;
		}
	}
}

/** The client's program runs in a worker; its connections are the page's. */
async function begin(worker: Worker, chainSpec: string): Promise<Client> {
	const { port1, port2 } = new MessageChannel();
	const bytecode = new Promise<SmoldotBytecode>((resolve, reject) => {
		worker.onerror = ({ message }) => reject(new Error(message || "the light client's worker does not start"));
		worker.onmessage = ({ data }) => resolve(data);
	});
	worker.postMessage(port1, [port1]);
	const smoldot = startWithBytecode({
		bytecode: Promise.resolve(await bytecode),
		portToWorker: port2,
		maxLogLevel: 2,
		logCallback: (_, target, message) => console.debug(target, message),
	});
	return smoldot.addChain({ chainSpec });
}
