import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bridge, Bridged } from "../src/chain/types";
import { bridgeText } from "../src/views/bridge";

const nothing: Bridged = { issued: 0n, credited: 0n, waiting: 0n, sent: 0n, backing: 0n, limits: [0n, 0n] };
const bridge = (change: Partial<Bridge>): Bridge => ({
	domain: "0x01",
	client: { type: "Following", value: undefined },
	deposits: 0,
	messages: 0,
	stopped: [undefined, undefined],
	lpt: nothing,
	eth: nothing,
	...change,
});
const word = (change: Partial<Bridge>): string => bridgeText(bridge(change), 100, 6)[1];

test("bridge should be said to be what the chain says of it", () => {
	assert.equal(word({}), "follows Ethereum");
	assert.equal(word({ domain: undefined }), "not connected");
	assert.equal(word({ client: { type: "NotBootstrapped", value: undefined } }), "waits for a checkpoint");
	assert.equal(word({ client: { type: "UnknownFork", value: { epoch: 7n } } }), "unknown fork");
	for (const type of ["Stale", "Expired"]) assert.equal(word({ client: { type, value: { age: 9n } } }), "behind");
});

test("bridge that stands should be said to, in its direction and for how long: the clock that says so is none of the heights", () => {
	const told = (stopped: Bridge["stopped"]): string => bridgeText(bridge({ stopped }), 100, 6)[2];
	assert.equal(told([200, undefined]), "Nothing comes in for 10 min more.");
	assert.equal(told([undefined, 150]), "Nothing goes out for 5 min more.");
	assert.equal(told([200, 0xffffffff]), "Nothing comes in or goes out until governance lets it go on.");
	assert.equal(word({ stopped: [100, 99] }), "follows Ethereum", "what is over");
});
