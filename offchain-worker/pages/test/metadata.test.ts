import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decAnyMetadata, unifyMetadata } from "@polkadot-api/substrate-bindings";
import { decodeMetadata, versionOf } from "../src/chain/metadata";
import { concat, hex, text, uint } from "../src/proof/scale";

const bytes = (): Uint8Array => new Uint8Array(readFileSync("../chain/metadata.scale"));

test("metadata in pieces should be what it is as a whole", async () => {
	assert.deepEqual(await decodeMetadata(bytes()), unifyMetadata(decAnyMetadata(bytes())));
});

test("what is no metadata of the version should be refused", async () => {
	const other = bytes();
	other[4] = 14;
	for (const wrong of [other, bytes().slice(0, -1), bytes().slice(0, 3), bytes().slice(1), new Uint8Array(9)]) await assert.rejects(decodeMetadata(wrong.slice()));
	// Types without end.
	await assert.rejects(decodeMetadata(Uint8Array.of(...bytes().slice(0, 5), 254, 255, 255, 255)));
});

test("metadata should be known by the version of its runtime, as far as it says one", async () => {
	const metadata = await decodeMetadata(bytes());
	assert.equal(versionOf(metadata), null);
	const value = hex(concat(text("livepeer"), text("livepeer-node"), uint(1, 4), uint(258, 4), uint(0, 4)));
	const named = (constant: string) => ({ ...metadata, pallets: [{ ...metadata.pallets[0], name: "System", constants: [{ name: constant, type: 0, value, docs: [] }] }] }) as unknown as typeof metadata;
	assert.equal(versionOf(named("Version")), 258);
	assert.equal(versionOf(named("SS58Prefix")), null);
});
