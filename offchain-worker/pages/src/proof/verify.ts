/** What a viewer's browser checks of a segment before it is played. */
import type { Chain } from "../chain/chain";
import { addressOf, bytesOf } from "../chain/address";
import type { Address, Hash, Job, KeysView } from "../chain/types";
import { chunkRoot, sha256 } from "./chunks";
import type { Generation } from "./signatures";
import {
	commitmentTo,
	EMPTY,
	leaf as readLeaf,
	node as readNode,
	provenRange,
	signature as readSignature,
	streamId,
	transcoded,
	type Commitment,
	ownHash,
	type Leaf,
	type Output,
	type Own,
	type Record,
} from "./formats";
import { hex, isEqual, Reader, unhex } from "./scale";

/** Why a segment is not what it claims to be. */
export type Fault =
	| "NoRecord"
	| "OtherChain"
	| "OtherStream"
	| "BroadcasterSignature"
	| "OtherReceipt"
	| "TranscoderSignature"
	| "OtherTranscoder"
	| "NoOutput"
	| "Bytes"
	| "Playlist";

/** The keys that accounts sign with, in the chain's word. */
export class KeyBook {
	private known = new Map<string, { at: number; generations: Generation[] }>();
	constructor(
		private readonly chain: Chain,
		private readonly head: () => Hash,
	) {}

	async of(account: Address, purpose: "Segments" | "Duties", generation: number): Promise<Generation[]> {
		const name = `${purpose} ${account}`;
		const found = this.known.get(name);
		const has = found?.generations.some((one) => one.generation === generation);
		// Generations are never changed, only added: who has the one asked for need not ask again. One
		// that is not there is asked for again, but not with every segment.
		if (found && (has || performance.now() - found.at < 3_000)) return found.generations;
		const views = await this.chain.read("operator_keys", [account, { type: purpose, value: undefined }], this.head());
		const generations = views.map((view: KeysView) => ({
			generation: view.generation,
			keys: view.keys.map((key) => ({
				kind: key.type === "Ed25519" ? ("ed25519" as const) : ("sr25519" as const),
				bytes: unhex(key.value),
			})),
		}));
		this.known.set(name, { at: performance.now(), generations });
		if (this.known.size > 64) this.known.delete(this.known.keys().next().value as string);
		return generations;
	}
}

export interface Expected {
	genesis: Uint8Array;
	broadcaster: Address;
	name: string;
}

/** Whether a record is of this stream and signed by both. `job` is the chain's, where it has it. */
export async function checkRecord(
	record: Record,
	{ genesis, broadcaster, name }: Expected,
	keys: KeyBook,
	job?: Job,
): Promise<Fault | null> {
	// Curves take a slow phone longer than the page: they come with the first record.
	const { isSigned } = await import("./signatures");
	const { header, receipt } = record;
	if (!isEqual(header.genesis, genesis)) return "OtherChain";
	const account = bytesOf(broadcaster);
	if (!isEqual(header.stream, streamId(account, name))) return "OtherStream";
	const { generation } = record.broadcaster.signer;
	const ofBroadcaster = await keys.of(broadcaster, "Segments", generation);
	if (!isSigned(record.broadcaster, account, header.hash, ofBroadcaster)) return "BroadcasterSignature";
	if (!isEqual(receipt.header, header.hash)) return "OtherReceipt";
	const transcoder = addressOf(header.transcoder);
	const ofTranscoder = await keys.of(transcoder, "Duties", record.transcoder.signer.generation);
	if (!isSigned(record.transcoder, header.transcoder, receipt.hash, ofTranscoder)) return "TranscoderSignature";
	const current = job?.id === header.job ? job.current : undefined;
	if (current && current.index === header.assignment && current.transcoder !== transcoder) {
		return "OtherTranscoder";
	}
	return null;
}

/** The publisher's own rendition that a rendition's number stands for: behind the source's they are those of the tracks. */
const ownOf = ({ receipt, own }: Record, rendition: number): Own | undefined => own.find(({ track }) => track > 0 && track === rendition - (receipt.outputs?.length ?? 0));

/** Whether the broadcaster signed a segment of its own rendition; of all others the record's signatures say it. */
export async function checkOwn(record: Record, rendition: number, broadcaster: Address, keys: KeyBook): Promise<Fault | null> {
	const own = ownOf(record, rendition);
	if (!own) return null;
	const { isSigned } = await import("./signatures");
	const generations = await keys.of(broadcaster, "Segments", own.broadcaster.signer.generation);
	return isSigned(own.broadcaster, bytesOf(broadcaster), ownHash(record.header, own), generations) ? null : "BroadcasterSignature";
}

/** What was signed of a segment under a rendition's number; behind the last one that is its source, and then the publisher's own. */
export function signedOf(record: Record, rendition: number): Output | null {
	const { header, receipt } = record;
	const { inHash: hash, inLen: len, chunkRoot } = header.segment;
	if (rendition === receipt.outputs?.length) return { hash, len, chunkRoot };
	return receipt.outputs?.[rendition] ?? ownOf(record, rendition)?.output ?? null;
}

/** Whether bytes are those that were signed. */
export async function checkBytes(bytes: Uint8Array, output: Output | null | undefined): Promise<Fault | null> {
	if (!output) return "NoOutput";
	if (bytes.length !== output.len) return "Bytes";
	const [root, hash] = await Promise.all([chunkRoot(bytes), sha256(bytes)]);
	return isEqual(root, output.chunkRoot) && isEqual(hash, output.hash) ? null : "Bytes";
}

export interface Revealed {
	claim: bigint;
	index: number;
	leaf: Leaf;
	/** Whether it stands in the claim, by its proof and the root that is on the chain. */
	proven: boolean;
	/** Which of the claim's drawn positions it answers, as this browser counts them. */
	answered: number;
}

/** Reads a leaf that was revealed in a block, and checks its proof against the claim on the chain. */
export async function revealed(
	chain: Chain,
	block: Hash,
	extrinsic: number,
	claim: bigint,
	index: number,
	positions: bigint[],
): Promise<Revealed | null> {
	const [extrinsics, info] = await Promise.all([chain.extrinsics(block), chain.read("claim", [claim], block)]);
	const bytes = extrinsics[extrinsic];
	if (!bytes || !info) return null;
	try {
		const r = new Reader(chain.callOf(bytes));
		const location = chain.builder.buildCall("ChallengeLottery", "reveal_leaf").location;
		if (r.u8() !== location[0] || r.u8() !== location[1]) return null;
		if (r.u64() !== claim || r.u32() !== index) return null;
		const leaf = readLeaf(r);
		readSignature(r);
		const proof = r.list(12, () => readNode(r));
		r.end();
		const range = provenRange(leaf, index, proof, {
			root: unhex(info.commitment.root),
			totalWork: info.commitment.total_work,
			leafCount: info.commitment.leaf_count,
		});
		const answered = range ? positions.filter((at) => at >= range.from && at < range.to).length : 0;
		return { claim, index, leaf, proven: range !== null, answered };
	} catch {
		return null;
	}
}

/** Whether a revealed leaf says the same of a segment as what the viewer was given. */
export function agrees(leaf: Leaf, { header, receipt }: Record): boolean {
	if (!leaf.segmentBytes || !isEqual(leaf.segmentBytes, header.segmentBytes)) return false;
	const name = (output: Output | null) => (output ? `${hex(output.hash)}${output.len}${hex(output.chunkRoot)}` : "-");
	const all = (outputs: (Output | null)[] | null) => outputs?.map(name).join() ?? "";
	return all(leaf.outputs) === all(receipt.outputs) && !!leaf.rejected === !!receipt.rejected;
}

/**
 * Whether a claim commits to what these records say, which are those of its segments in order; a segment that
 * has none is taken for one that was not transcoded. The whole tree is built, so that each of them is proven a
 * leaf, drawn or not. How many pictures a segment has no record tells: its work is its part of the claim's by
 * its length, which is so wherever pictures follow evenly. `false` says no more than that it was not shown.
 */
export function isOf(records: (Record | undefined)[], { root, totalWork, leafCount }: Commitment): boolean {
	const there = records.filter((one) => one !== undefined);
	const length = there.reduce((sum, { header }) => sum + BigInt(header.segment.duration), 0n);
	if (records.length !== leafCount || !length) return false;
	const leaves = [];
	for (const one of records) {
		if (!one) {
			leaves.push(EMPTY);
			continue;
		}
		const { header, receipt } = one;
		const parts = totalWork * BigInt(header.segment.duration);
		if (!receipt.outputs?.length || receipt.outputs.includes(null) || parts % length) return false;
		leaves.push(transcoded(header.segmentBytes, receipt.outputs, parts / length));
	}
	const built = commitmentTo(leaves);
	return built !== null && built.totalWork === totalWork && isEqual(built.root, root);
}
