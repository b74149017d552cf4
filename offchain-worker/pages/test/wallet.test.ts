import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, wallets } from "../src/chain/tx";

const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

test("only accounts that can sign here should be offered", async () => {
	const accounts = [
		{ address: "0xf24FF3a9CF04c71Dbc94D0b566f7A27B94566cac", type: "ethereum" },
		{ address: "0xf24FF3a9CF04c71Dbc94D0b566f7A27B94566cac" },
		{ address: "cosmos1h3l5wqv5y8hlhzs4cq5sh5k6ky6hqlwfy5cwkp" },
		{ address: alice, name: "Alice", type: "sr25519" },
		// The same account in the format of another chain: the chain's lists have it as ours.
		{ address: "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5" },
	];
	const injectedWeb3 = { test: { enable: async () => ({ accounts: { get: async () => accounts }, signer: {} }) } };
	Object.defineProperty(globalThis, "window", { value: { injectedWeb3 }, configurable: true });
	assert.deepEqual(wallets(), ["test"]);
	assert.deepEqual((await connect("test")).accounts.map(({ address }) => address), [alice, alice]);
	await assert.rejects(connect("another"), /no wallet another/);
});
