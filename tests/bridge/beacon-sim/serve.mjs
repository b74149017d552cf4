// Serves a simulated beacon chain over the blocks of an execution node, in the standard beacon API.
//
//   node serve.mjs --execution http://127.0.0.1:8545 --port 5052 [--seconds-per-slot 2] [--lag 2]
//                  [--fork fulu] [--then gloas:10] [--slot 8100]
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { BeaconSim, hex } from "./sim.mjs";

const json = (type, value) => type.toJson(value);
/** Where an answer has itself in SSZ. */
const SSZ = Symbol("ssz");

/** Updates in SSZ: each with its length before it, and four bytes for its fork. */
const framed = (list) =>
	Buffer.concat(
		list.flatMap((answer) => {
			const length = Buffer.alloc(12);
			length.writeBigUInt64LE(BigInt(answer[SSZ].length + 4));
			return [length, answer[SSZ]];
		}),
	);

/** The answers of the beacon API for `sim`, as an HTTP server. */
export function server(sim) {
	const message = (m) => ({ version: m.version, data: json(m.type, m.value), [SSZ]: m.type.serialize(m.value) });
	const find = (id) => {
		if (id === "head") return sim.head;
		if (id === "finalized") return sim.head?.finalised;
		if (id.startsWith("0x")) return [...sim.blocks.values()].find((b) => hex(b.root) === id);
		return sim.blocks.get(sim.roots.get(Number(id)));
	};
	const finalised = (block) => block.slot <= (sim.head.finalised?.slot ?? -1);
	const routes = [
		[/^\/eth\/v1\/node\/version$/, () => ({ data: { version: "livepeer-beacon-sim: simulated consensus" } })],
		[/^\/eth\/v1\/node\/syncing$/, () => ({ data: { head_slot: String(sim.head?.slot ?? 0), sync_distance: "0", is_syncing: false, is_optimistic: false, el_offline: false } })],
		[/^\/eth\/v1\/beacon\/genesis$/, () => ({
			data: {
				genesis_time: String(sim.genesisTime),
				genesis_validators_root: hex(sim.genesisValidatorsRoot),
				genesis_fork_version: hex(sim.version("phase0")),
			},
		})],
		[/^\/eth\/v1\/config\/spec$/, () => {
			const data = {
				PRESET_BASE: "mainnet",
				SECONDS_PER_SLOT: String(sim.secondsPerSlot),
				SLOTS_PER_EPOCH: "32",
				EPOCHS_PER_SYNC_COMMITTEE_PERIOD: "256",
				SYNC_COMMITTEE_SIZE: "512",
				DEPOSIT_CHAIN_ID: String(sim.chainId),
				GENESIS_FORK_VERSION: hex(sim.version("phase0")),
			};
			for (const { name, version, epoch } of sim.schedule.slice(1)) {
				data[`${name.toUpperCase()}_FORK_VERSION`] = hex(version);
				data[`${name.toUpperCase()}_FORK_EPOCH`] = epoch === null ? "18446744073709551615" : String(epoch);
			}
			return { data };
		}],
		[/^\/eth\/v1\/config\/fork_schedule$/, () => ({
			data: sim.schedule
				.filter(({ epoch }) => epoch !== null)
				.map(({ version, epoch }, i, all) => ({
					previous_version: hex((all[i - 1] ?? all[0]).version),
					current_version: hex(version),
					epoch: String(epoch),
				})),
		})],
		[/^\/eth\/v1\/beacon\/headers(?:\/(\w+))?$/, (id = "head") => {
			const block = find(id);
			return block && {
				execution_optimistic: false,
				finalized: finalised(block),
				data: {
					root: hex(block.root),
					canonical: true,
					header: { message: header(block), signature: "0x" + "00".repeat(96) },
				},
			};
		}],
		[/^\/eth\/v1\/beacon\/states\/head\/finality_checkpoints$/, () => {
			const f = sim.head?.finalised;
			const checkpoint = { epoch: String(f ? Math.floor(f.slot / 32) : 0), root: hex(f?.root ?? new Uint8Array(32)) };
			return { execution_optimistic: false, finalized: false, data: { previous_justified: checkpoint, current_justified: checkpoint, finalized: checkpoint } };
		}],
		[/^\/eth\/v1\/beacon\/light_client\/bootstrap\/(0x[0-9a-f]{64})$/, (root) => {
			const m = sim.bootstrap(root);
			return m && message(m);
		}],
		[/^\/eth\/v1\/beacon\/light_client\/finality_update$/, () => sim.finality && message(sim.finality)],
		[/^\/eth\/v1\/beacon\/light_client\/updates$/, (_, query) => {
			const [from, count] = ["start_period", "count"].map((name) => Number(query.get(name)));
			const list = [];
			for (let p = from; p < from + Math.min(count, 128) && sim.updates.has(p); ++p) list.push(message(sim.updates.get(p)));
			return list;
		}],
	];
	return createServer((request, response) => {
		const url = new URL(request.url, "http://localhost");
		let answer = null;
		for (const [pattern, handle] of routes) {
			const match = request.method === "GET" && url.pathname.match(pattern);
			if (match) answer = handle(match[1], url.searchParams);
		}
		const body = answer ?? { code: 404, message: "not found" };
		const ssz = Array.isArray(answer) ? framed(answer) : answer?.[SSZ];
		if (ssz && request.headers.accept === "application/octet-stream") {
			response.writeHead(200, { "content-type": "application/octet-stream" });
			response.end(ssz);
			return;
		}
		response.writeHead(answer ? 200 : 404, {
			"content-type": "application/json",
			...(answer?.version ? { "eth-consensus-version": answer.version } : {}),
		});
		response.end(JSON.stringify(body));
	});
}

const header = ({ beacon }) => ({
	slot: String(beacon.slot),
	proposer_index: String(beacon.proposerIndex),
	parent_root: hex(beacon.parentRoot),
	state_root: hex(beacon.stateRoot),
	body_root: hex(beacon.bodyRoot),
});

/** Blocks of an execution node: the newest one at each slot, and whether it still has one. */
export function executionNode(url) {
	const call = async (method, params) => {
		const answer = await fetch(url, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
			signal: AbortSignal.timeout(5000),
		});
		const { result, error } = await answer.json();
		if (error) throw new Error(`${method}: ${error.message}`);
		return result;
	};
	/** Whether the chain has a block, rather than another of its number. */
	const has = async ({ number, hash }) => (await call("eth_getBlockByNumber", [number, false]))?.hash === hash;
	return { call, latest: () => call("eth_getBlockByNumber", ["latest", false]), has };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
	const { values } = parseArgs({
		options: {
			execution: { type: "string", default: "http://127.0.0.1:8545" },
			port: { type: "string", default: "5052" },
			"seconds-per-slot": { type: "string", default: "2" },
			lag: { type: "string", default: "2" },
			fork: { type: "string", default: "fulu" },
			then: { type: "string" },
			slot: { type: "string", default: "0" },
		},
	});
	const node = executionNode(values.execution);
	const seconds = Number(values["seconds-per-slot"]);
	const forks = [[values.fork, 0]];
	if (values.then) forks.push([values.then.split(":")[0], Number(values.then.split(":")[1])]);
	const sim = new BeaconSim({
		forks,
		slot: Number(values.slot),
		time: Math.ceil(Date.now() / 1000),
		secondsPerSlot: seconds,
		lag: Number(values.lag),
		chainId: Number(await node.call("eth_chainId", [])),
		execution: () => node.latest(),
	});
	const http = server(sim).listen(Number(values.port), "127.0.0.1", () => {
		console.log(`beacon API (simulated consensus) on http://127.0.0.1:${http.address().port}`);
	});
	let stopped = false;
	const stop = () => {
		stopped = true;
		http.close();
		http.closeAllConnections();
	};
	process.on("SIGINT", stop).on("SIGTERM", stop);
	const next = async () => {
		await sim.reorganise(node.has);
		await sim.step();
	};
	while (!stopped) {
		const due = (sim.genesisTime + sim.slot * seconds) * 1000 - Date.now();
		if (due > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(due, 200)));
		// An execution node that does not answer makes slots late, as it does in truth.
		else await next().catch((error) => console.error(error.message));
	}
}
