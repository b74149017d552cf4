import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { getDynamicBuilder, getLookupFn } from "@polkadot-api/metadata-builders";
import { decAnyMetadata, unifyMetadata } from "@polkadot-api/substrate-bindings";
import { addressOf } from "../src/chain/address";
import type { KeysView } from "../src/chain/types";
import { hex } from "../src/proof/scale";
import { createCall, isSegmentKey, jobCall, type Terms } from "../src/publish/create";
import { place } from "../src/publish/origin";

const TERMS: Terms = {
	name: "x",
	ladder: [{ width: 426, height: 240, profile: 2, kbps: 500, cap_kbps: 500 }],
	width: 854,
	height: 480,
	fps: 30,
	maxPrice: 7n,
	end: 1_000,
	budget: 9n,
};
const account = (byte: number) => addressOf(new Uint8Array(32).fill(byte));
const view = (generation: number, bytes: number[], revoked = bytes.map(() => false)): KeysView => ({
	generation,
	keys: bytes.map((byte) => ({ type: "Sr25519", value: hex(new Uint8Array(32).fill(byte)) })),
	revoked,
});

test("a job should be opened by the call that the chain has", () => {
	const metadata = unifyMetadata(decAnyMetadata(readFileSync("../chain/metadata.scale")));
	const { pallet, name, args } = jobCall(TERMS);
	const { codec } = getDynamicBuilder(getLookupFn(metadata)).buildCall(pallet, name);
	const little = (value: number, width: number) => Array.from({ length: width }, (_, i) => ((value >> (8 * i)) & 255).toString(16).padStart(2, "0")).join("");
	const wide = (value: number) => little(value, 4) + "00".repeat(12);
	const rendition = little(426, 2) + little(240, 2) + little(2, 2) + little(500, 4) + little(500, 4);
	const limits = little(854, 2) + little(480, 2) + little(30, 2) + little(225_000, 4) + little(90_000, 4);
	// Nobody else's, a name, a ladder of one behind its length, the source's limits, price, end, budget.
	assert.equal(hex(codec.enc(args)), `0x000478${"04"}${rendition}${limits}${wide(7)}${little(1_000, 4)}${wide(9)}`);
});

test("a stream should be opened by one transaction, and name no key that signs already", () => {
	const at = place("/ip4/127.0.0.1/tcp/4100") as NonNullable<ReturnType<typeof place>>;
	const calls = (key: string | null) => {
		const { pallet, name, args } = createCall(TERMS, key, Uint8Array.of(1), at);
		assert.equal(`${pallet}.${name}`, "Utility.batch_all");
		return (args.calls as { type: string; value: { type: string } }[]).map(({ type, value }) => `${type}.${value.type}`).join();
	};
	assert.equal(calls(account(1)), "OperatorKeys.set_keys,Jobs.set_origin,Jobs.create_job");
	assert.equal(calls(null), "Jobs.set_origin,Jobs.create_job");
});

test("the newest keys that are not revoked should sign, and the account itself where it named none", () => {
	const [own, one, two] = [account(1), account(2), account(3)];
	assert.equal(isSegmentKey(own, own, []), true);
	assert.equal(isSegmentKey(one, own, []), false);
	assert.equal(isSegmentKey(own, own, [view(0, [])]), true);
	const named = [view(2, [3]), view(0, []), view(1, [2])];
	assert.equal(isSegmentKey(two, own, named), true);
	assert.equal(isSegmentKey(one, own, named), false);
	assert.equal(isSegmentKey(own, own, named), false);
	assert.equal(isSegmentKey(two, own, [view(1, [3], [true])]), false);
});
