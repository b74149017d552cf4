import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { getDynamicBuilder, getLookupFn } from "@polkadot-api/metadata-builders";
import { decAnyMetadata, unifyMetadata } from "@polkadot-api/substrate-bindings";
import { hex } from "../src/proof/scale";
import { originCall, peerId, place } from "../src/publish/origin";

const PEER = "12D3KooW9pP4Seg3kZYhySpuVjn1RPdQBsUFZKiFxGMGQN5MeL6A";
const COUNTED = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

test("peer ids should be the bytes of which libp2p writes them", () => {
	assert.equal(hex(peerId(PEER) as Uint8Array), `0x002408011220${COUNTED}`);
	assert.equal(hex(peerId("QmNLfbof5rLekrACjeuLk9JmGZD2HDBHCU4z16iYKmx5SE") as Uint8Array), `0x1220${COUNTED}`);
	for (const none of ["", "1", "11", "0OIl", `${PEER}1`, PEER.slice(0, -1), "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL", "1".repeat(65)]) assert.equal(peerId(none), null, none);
});

test("addresses should be written as libp2p writes them", () => {
	const bytes = (text: string) => hex(place(text)?.bytes as Uint8Array);
	assert.equal(bytes("/ip4/127.0.0.1/tcp/4100"), "0x047f000001061004");
	assert.equal(bytes("/dns4/a.example/tcp/80"), "0x3609612e6578616d706c65060050");
	assert.equal(bytes("/dns/a/tcp/1"), "0x350161060001");
	assert.equal(bytes("/dns6/a/udp/4100/quic-v1"), "0x37016191021004cd03");
	assert.equal(bytes("/ip6/2001:db8::1/tcp/4100"), "0x2920010db8000000000000000000000001061004");
	assert.equal(bytes("/ip6/::ffff:1.2.3.4/tcp/4100"), "0x2900000000000000000000ffff01020304061004");
	assert.equal(place("/dns4/a/tcp/4110")?.listen, "/ip4/0.0.0.0/tcp/4110");
	assert.equal(place("/dns4/a/udp/4110/quic-v1")?.listen, "/ip4/0.0.0.0/udp/4110/quic-v1");
	const nowhere = ["/ip4/0.0.0.0/tcp/4100", "/ip6/::/tcp/4100", "/ip4/1.2.3.4/tcp/0", "/ip4/1.2.3.4/tcp/65536"];
	const broken = ["", "host:4100", "/ip4/1.2.3/tcp/1", "/ip4/1.2.3.256/tcp/1", "/ip4/01.2.3.4/tcp/1", "/ip6/x/tcp/1", "/dns4/-a/tcp/1", "/dns4/a b/tcp/1", "/dns4/a/udp/1", "/dns4/a/tcp/1/quic-v1", `/dns4/a/tcp/1/p2p/${PEER}`, `/dns4/${"a".repeat(101)}/tcp/1`];
	for (const none of [...nowhere, ...broken]) assert.equal(place(none), null, none);
});

test("where a stream is found should be said in a call of the chain", () => {
	const metadata = unifyMetadata(decAnyMetadata(readFileSync("../chain/metadata.scale")));
	const at = place("/ip4/127.0.0.1/tcp/4100");
	const { pallet, name, args } = originCall("x", peerId(PEER) as Uint8Array, at as NonNullable<typeof at>);
	const { codec } = getDynamicBuilder(getLookupFn(metadata)).buildCall(pallet, name);
	// A name, a peer id of 38 bytes, a list of one address of 8, no URL; each behind its length.
	assert.equal(hex(codec.enc(args)), `0x0478${"98"}002408011220${COUNTED}0420047f00000106100400`);
});
