/**
 * JSON-RPC over plain HTTP. What is asked within a moment goes in one request; nothing is held open,
 * and the gateway answers from memory what other pages have asked before.
 */
export class RpcError extends Error {
	constructor(
		readonly code: number,
		message: string,
		readonly data?: unknown,
	) {
		super(message);
	}
}

/** What a gateway answers whose node was asked more than is his, and whose node does not answer. */
export const TOO_MUCH = -32_005;
const AWAY = -32_000;

const isStatus = ({ code }: RpcError): boolean => code >= 100 && code < 600;
/** Whether it is the word of the node itself, which is the same when it is asked again. */
export const isAnswer = (error: unknown): boolean => error instanceof RpcError && error.code !== 0 && error.code !== TOO_MUCH && error.code !== AWAY && !isStatus(error);
/** Whether it leaves open if the node has got what was sent: no answer came, or one of who stands between and waited in vain. */
export const isUnanswered = (error: unknown): boolean =>
	!(error instanceof RpcError) || error.code === 0 || error.code === AWAY || (error.code >= 500 && error.code < 600 && error.code !== 503);

/** Who can be asked: a node, or a light client in its place. */
export interface Asks {
	/** Who it is: what one has told is never taken for the word of another. */
	readonly source: string;
	ask<T>(method: string, ...params: unknown[]): Promise<T>;
	/** The runtime's metadata of a version as the runtime answers it, where it can be had for less. */
	metadata?(version: number): Promise<Uint8Array | null>;
}

interface Waiting {
	method: string;
	params: unknown[];
	resolve: (value: never) => void;
	reject: (error: Error) => void;
}

/** The most questions of one request: the gateway takes no more. */
const BATCH = 48;

export class Rpc implements Asks {
	private waiting: Waiting[] = [];
	private planned = false;
	constructor(readonly url: string) {}

	get source(): string {
		return this.url;
	}

	ask<T>(method: string, ...params: unknown[]): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.waiting.push({ method, params, resolve: resolve as (value: never) => void, reject });
			if (this.planned) return;
			this.planned = true;
			queueMicrotask(() => setTimeout(() => this.flush(), 4));
		});
	}

	/** A gateway gives it compressed: it is larger than all else that a page loads. */
	async metadata(version: number): Promise<Uint8Array | null> {
		if (!this.url.endsWith("/chain")) return null;
		const response = await fetch(`${this.url}/metadata/${version}`, { signal: AbortSignal.timeout(20_000) });
		return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
	}

	private flush(): void {
		this.planned = false;
		while (this.waiting.length) void this.send(this.waiting.splice(0, BATCH));
	}

	private async send(batch: Waiting[]): Promise<void> {
		const failed = (error: Error) => batch.forEach(({ reject }) => reject(error));
		try {
			const body = batch.map(({ method, params }, id) => ({ jsonrpc: "2.0", id, method, params }));
			const response = await fetch(this.url, {
				method: "POST",
				// A node of one's own wants the type; asking one's own origin needs no permission.
				headers: { "content-type": "application/json" },
				body: JSON.stringify(body),
				signal: AbortSignal.timeout(20_000),
			});
			if (!response.ok) return failed(new RpcError(response.status, (await response.text()).trim()));
			const answers: { id: number; result?: never; error?: { code: number; message: string; data?: unknown } }[] =
				await response.json();
			const seen = new Map(answers.map((answer) => [answer.id, answer]));
			batch.forEach(({ resolve, reject }, id) => {
				const answer = seen.get(id);
				if (!answer) reject(new RpcError(0, "no answer"));
				else if (answer.error) reject(new RpcError(answer.error.code, answer.error.message, answer.error.data));
				else resolve(answer.result as never);
			});
		} catch (error) {
			failed(error instanceof Error ? error : new Error(String(error)));
		}
	}
}
