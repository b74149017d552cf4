/** The runtime's metadata, decoded in pieces between which a page may draw: whole it takes a slow phone a quarter of a second. */
import { compactNumber, createDecoder, u32, u8, unifyMetadata, v14Lookup, v15, type UnifiedMetadata } from "@polkadot-api/substrate-bindings";
import { Reader, unhex } from "../proof/scale";
import { breath } from "./breath";

/** "meta", as a number. */
const MAGIC = 0x6174_656d;
/** The version that is asked for. */
const VERSION = 15;
/** Types that are decoded at one go; fewer than 64, whose number is one byte. */
const PIECE = 16;

/** Decodes metadata of version 15, and throws for what is none. `bytes` are its own, and are written into. */
export async function decodeMetadata(bytes: Uint8Array): Promise<UnifiedMetadata> {
	// Codecs read from where it stands, and leave it behind what they have read.
	let reader!: Uint8Array & { i: number };
	createDecoder((inner) => (reader = inner as typeof reader))(bytes);
	if (u32.dec(reader) !== MAGIC || u8.dec(reader) !== VERSION) throw new Error(`not metadata of version ${VERSION}`);
	const count = compactNumber.dec(reader);
	const lookup: ReturnType<typeof v14Lookup.dec> = [];
	while (lookup.length < count) {
		await breath();
		// The next types as a list of their own, whose length stands before them where something stood that was read.
		const piece = Math.min(PIECE, count - lookup.length);
		reader[--reader.i] = piece << 2;
		lookup.push(...v14Lookup.dec(reader));
	}
	await breath();
	// The rest as metadata without types.
	reader[--reader.i] = 0;
	const rest = v15.dec(reader);
	await breath();
	return unifyMetadata({ ...rest, lookup });
}

/** The version of the runtime that metadata is of, as it says itself: `null` where it does not, as the worker's, which has no constants. */
export function versionOf({ pallets }: UnifiedMetadata): number | null {
	const found = pallets.find(({ name }) => name === "System")?.constants.find(({ name }) => name === "Version");
	if (!found) return null;
	// The names of specification and implementation, then the version of authoring, come first.
	const reader = new Reader(unhex(found.value));
	for (let name = 0; name < 2; name++) reader.take(reader.compact());
	reader.u32();
	return reader.u32();
}
