import assert from "node:assert/strict";
import { test } from "node:test";
import { AccountId } from "@polkadot-api/substrate-bindings";
import { addressOf, bytesOf, canonical, isAddress } from "../src/chain/address";
import { hex } from "../src/proof/scale";

const ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

test("accounts should be written and read as every other tool does", () => {
	assert.equal(hex(bytesOf(ALICE)), "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
	for (const account of [new Uint8Array(32), new Uint8Array(32).fill(255), bytesOf(ALICE)]) {
		const address = addressOf(account);
		assert.equal(address, AccountId(42).dec(account));
		assert.deepEqual(bytesOf(address), account);
		// Other chains' formats, of one byte and of two.
		for (const prefix of [0, 63, 64, 1_284, 16_383]) assert.deepEqual(bytesOf(AccountId(prefix).dec(account)), account, String(prefix));
	}
});

test("account should be one, however it is written", () => {
	for (const prefix of [0, 42, 1_284]) assert.equal(canonical(AccountId(prefix).dec(bytesOf(ALICE))), ALICE);
});

test("what is no account should not pass for one", () => {
	for (const none of ["", "5", ALICE.slice(0, -1), `${ALICE}1`, ALICE.replace("G", "H"), ALICE.replace("G", "0"), "1".repeat(65)]) assert.equal(isAddress(none), false, none);
	assert.equal(canonical("nobody"), null);
	assert.throws(() => bytesOf("nobody"), /no account/);
});
