// What the light client accepts, and every way of making it accept something else.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { Bridge, DAY, HOUR, MAX_AGE, UNIT, refused } from "./lib/bridge.mjs";
import { ascii, bytes, concat, hex, keccak, random } from "./lib/bytes.mjs";
import { Chain, compact, sign, validator, validators } from "./lib/chain.mjs";
import * as f from "./lib/formats.mjs";

/** A bridge whose chain stands at a newer block, ready to be told of it. */
async function ready(options = {}) {
	const b = await Bridge.create(options);
	b.chain.blocks(options.blocks ?? 6);
	b.evm.time = Math.ceil(b.chain.time / 1000);
	b.submit = (lie) => b.gateway.send("submit", [hex(b.chain.update(lie))]);
	return b;
}

const range = (n) => Array.from({ length: n }, (_, i) => i);
const sealed = (b) => b.gateway.read("messageRoots", 1);

describe("what is accepted", () => {
	for (const length of [1, 2, 3, 4, 5, 7, 8, 9, 16, 21, 33]) {
		test(`${length} validators: a quorum, whoever is absent`, async () => {
			const b = await ready({ length });
			const voters = random(length).shuffle(range(length)).slice(0, f.quorum(length)).sort((x, y) => x - y);
			const { events } = await b.submit({ voters });
			assert.equal(events[0].name, "Committed");
			assert.equal(events[0].args.blockNumber, 6n);
			assert.equal(await sealed(b), hex(b.chain.messages.root));
		});
	}

	test("more voters than the quorum", async () => {
		const b = await ready({ length: 10 });
		await b.submit({ voters: range(10) });
	});

	test("more than 256 validators", async () => {
		const b = await ready({ length: 260 });
		await b.submit({ voters: range(260).slice(260 - f.quorum(260)) });
	});

	test("every block of a young chain, one after the other: all shapes of the mountain range", async () => {
		const b = await Bridge.create({ length: 1 });
		for (let i = 0; i < 33; ++i) {
			b.chain.block();
			b.evm.time = Math.ceil(b.chain.time / 1000);
			await b.gateway.send("submit", [hex(b.chain.update())]);
		}
		assert.equal((await b.gateway.read("head")).blockNumber, 33n);
	});

	test("a chain whose mountain range began late", async () => {
		const b = await ready({ first: 1000 });
		await b.submit();
		assert.equal((await b.gateway.read("head")).blockNumber, 1005n);
	});

	test("sets that grow, shrink and halve, session after session", async () => {
		const b = await ready();
		for (const length of [7, 21, 10, 5, 1, 2, 40, 20, 3]) {
			b.chain.session(validators(length, length));
			await b.submit();
			b.chain.blocks(3);
			b.evm.time = Math.ceil(b.chain.time / 1000);
			await b.submit();
			assert.equal((await b.gateway.read("head")).setId, BigInt(b.chain.setId));
		}
	});

	test("a relayer that comes days late, as long as each step is in time", async () => {
		const b = await ready();
		const updates = [];
		for (let day = 0; day < 3; ++day) {
			b.chain.time += 15 * HOUR * 1000;
			b.chain.session(validators(day, 4 + day));
			updates.push(b.chain.update());
		}
		b.evm.time = Math.ceil(b.chain.time / 1000);
		for (const update of updates) await b.gateway.send("submit", [hex(update)]);
		assert.equal((await b.gateway.read("head")).setId, 3n);
	});

	test("the head has the block's own time, not the relayer's", async () => {
		const b = await ready();
		const time = Math.floor(b.chain.sealed.time / 1000);
		b.evm.time += DAY;
		await b.submit();
		assert.equal(await b.gateway.read("expiresAt"), BigInt(time + MAX_AGE));
	});

	test("attack: the first block, whose parent has no time, expires a contract that has just begun", async () => {
		const b = await Bridge.create();
		const { time } = await b.gateway.read("head");
		b.chain.block({ lie: { time: 0 } });
		b.evm.time = Math.ceil(b.chain.time / 1000);
		await b.gateway.send("submit", [hex(b.chain.update())]);
		assert.equal((await b.gateway.read("head")).time, time);
		b.chain.block();
		await b.gateway.send("submit", [hex(b.chain.update())]);
		await b.deposit(f.ETH, UNIT);
	});
});

describe("attacks on signatures", () => {
	test("one vote less than the quorum", async () => {
		for (const length of [1, 2, 3, 4, 7, 21]) {
			const b = await ready({ length });
			const quorum = f.quorum(length);
			await refused(b.submit({ voters: range(quorum - 1) }), "NoQuorum", BigInt(quorum - 1), BigInt(quorum));
		}
	});

	test("quorum against the smaller set: enough of the present set are not enough of the next", async () => {
		const b = await ready({ length: 4 });
		b.chain.session(validators(0, 4));
		await b.submit();
		b.chain.session(validators(0, 21));
		await b.submit();
		b.chain.session(validators(0, 21));
		// Three of four signed; the commitment is of the set of 21.
		await refused(b.submit({ voters: [0, 1, 2] }), "NoQuorum", 3n, 15n);
		// The bits of the smaller set over the larger one's commitment.
		const set = b.chain.set();
		const digest = keccak(f.commitment({ root: b.chain.mmr.root, number: b.chain.number, setId: 3 }));
		const small = validators(0, 4).map((v) => compact(sign(digest, v)));
		await refused(b.submit({ bits: f.voterBits([0, 1, 2, 3], 4), members: small }), "BadPadding");
		assert.equal(set.length, 21);
	});

	test("the larger present set's votes for the smaller next set", async () => {
		const b = await ready({ length: 21 });
		b.chain.session(validators(0, 4));
		await b.submit();
		await refused(b.submit({ setId: 2 }), "NotNewer");
		b.chain.block();
		// Signed by four of the 21, as if they were the next set already.
		await refused(b.submit({ setId: 2 }), "WrongNextSet");
	});

	test("the same validator twice", async () => {
		const b = await ready({ length: 4 });
		const digest = keccak(f.commitment({ root: b.chain.mmr.root, number: b.chain.number, setId: 0 }));
		const [one, two] = [0, 1].map((i) => compact(sign(digest, validator(i))));
		const absent = bytes(validator(3).address);
		await refused(b.submit({ members: [one, two, two, absent] }), "WrongValidators");
		await refused(b.submit({ members: [one, one, one, absent] }), "WrongValidators");
	});

	test("a lone validator, moved up in the tree of addresses, answers only for itself", async () => {
		for (const length of [3, 5, 9]) {
			const b = await ready({ length });
			const digest = keccak(f.commitment({ root: b.chain.mmr.root, number: b.chain.number, setId: 0 }));
			const last = compact(sign(digest, validator(length - 1)));
			const members = range(length).map((i) => (i < f.quorum(length) ? last : bytes(validator(i).address)));
			await refused(b.submit({ members }), "WrongValidators");
		}
	});

	test("voters in another order", async () => {
		const b = await ready({ length: 4 });
		const digest = keccak(f.commitment({ root: b.chain.mmr.root, number: b.chain.number, setId: 0 }));
		const members = [1, 0, 2].map((i) => compact(sign(digest, validator(i))));
		await refused(b.submit({ members: [...members, bytes(validator(3).address)] }), "WrongValidators");
	});

	test("strangers' signatures, and an absentee's address given wrongly", async () => {
		const b = await ready({ length: 4 });
		const digest = keccak(f.commitment({ root: b.chain.mmr.root, number: b.chain.number, setId: 0 }));
		const strangers = range(4).map((i) => compact(sign(digest, validator(50 + i))));
		await refused(b.submit({ voters: range(4), members: strangers }), "WrongValidators");
		const right = range(3).map((i) => compact(sign(digest, validator(i))));
		await refused(b.submit({ members: [...right, bytes(validator(9).address)] }), "WrongValidators");
	});

	test("signatures of another commitment", async () => {
		const b = await ready({ length: 4 });
		const digest = keccak(f.commitment({ root: keccak(ascii("other")), number: b.chain.number, setId: 0 }));
		const members = range(4).map((i) => (i < 3 ? compact(sign(digest, validator(i))) : bytes(validator(i).address)));
		await refused(b.submit({ members }), "WrongValidators");
	});

	test("a signature that recovers nothing does not vote for the zero address in a set", async () => {
		const chain = new Chain({ length: 4 });
		const nobody = { key: null, address: "0x" + "00".repeat(20) };
		chain.sets = [0, 1].map(() => [validator(0), validator(1), nobody, nobody]);
		const b = await ready({ chain });
		const digest = keccak(f.commitment({ root: chain.mmr.root, number: chain.number, setId: 0 }));
		const real = [0, 1].map((i) => compact(sign(digest, validator(i))));
		const none = new Uint8Array(64);
		const empty = bytes(nobody.address);
		const vote = (member) => ({ voters: [0, 1, 2], members: [...real, member, empty], bits: f.voterBits([0, 1, 2], 4) });
		chain.update = ((update) => (lie) => update.call(chain, { ...lie, voters: [0, 1] }))(chain.update);
		await refused(b.submit(vote(none)), "BadSignature", 2n);
		await refused(b.submit(vote(new Uint8Array(64).fill(0xff))), "BadSignature", 2n);
	});

	test("the other form of a signature, with the high s, cannot even be written", async () => {
		const b = await ready({ length: 4 });
		await refused(b.submit({ high: [1] }), "WrongValidators");
	});

	test("bits past the last validator", async () => {
		const b = await ready({ length: 4 });
		for (const extra of [0x08, 0x01]) await refused(b.submit({ bits: Uint8Array.of(0xe0 | extra) }), "BadPadding");
	});
});

describe("attacks on commitments", () => {
	test("duplicate, reordered, other, empty and long payload items", async () => {
		const b = await ready({ length: 4 });
		const root = b.chain.mmr.root;
		const other = keccak(ascii("other"));
		for (const items of [
			[["mh", root], ["mh", other]],
			[["mh", other], ["mh", root]],
			[["aa", other], ["mh", root]],
			[["mh", root], ["zz", other]],
			[["zz", root]],
			[],
		]) {
			await refused(b.submit({ items }), "BadPayload");
		}
		await refused(b.submit({ items: [["mh", concat(root, [0])]] }), "BadPayload");
		await refused(b.submit({ items: [["mh", root.slice(1)]] }), "BadPayload");
	});

	test("a commitment that was taken, and an older one", async () => {
		const b = await ready();
		const old = b.chain.update();
		b.chain.blocks(3);
		b.evm.time = Math.ceil(b.chain.time / 1000);
		await b.submit();
		await refused(b.submit(), "NotNewer");
		await refused(b.gateway.send("submit", [hex(old)]), "NotNewer");
	});

	test("a set that has left signs again", async () => {
		const b = await ready();
		b.chain.session(validators(4, 4));
		await b.submit();
		b.chain.session(validators(8, 4));
		await b.submit();
		b.chain.block();
		await refused(b.submit({ setId: 0 }), "UnknownValidatorSet", 0n);
	});

	test("a handover that was left out", async () => {
		const b = await ready();
		b.chain.session();
		b.chain.session();
		await refused(b.submit(), "UnknownValidatorSet", 2n);
	});

	test("the set id at the end of its range", async () => {
		const b = await ready();
		b.chain.setId = 0;
		const signed = concat(f.commitment({ root: b.chain.mmr.root, number: b.chain.number, setId: 0 }).slice(0, 40), new Uint8Array(8).fill(255));
		await refused(b.submit({ signed }), "UnknownValidatorSet", 2n ** 64n - 1n);
	});

	test("signatures outside the liability window", async () => {
		const b = await ready();
		await b.submit();
		const expires = Number(await b.gateway.read("expiresAt"));
		b.chain.block();
		b.evm.time = expires + 1;
		await refused(b.submit(), "Expired");
		b.evm.time = expires;
		await b.submit();
	});

	test("a late relay does not prolong the term of validators who may have left", async () => {
		const b = await ready();
		b.evm.time += 1.5 * DAY;
		await b.submit();
		b.chain.block();
		b.evm.time += DAY;
		await refused(b.submit(), "Expired");
	});

	test("a clock ahead of Ethereum's does not prolong it either", async () => {
		const b = await ready();
		b.chain.time += 30 * DAY * 1000;
		b.chain.blocks(2);
		await b.submit();
		assert.equal(await b.gateway.read("expiresAt"), BigInt(b.evm.time + MAX_AGE));
	});

	test("checkpoint weeks old: a new contract that starts expired accepts nothing", async () => {
		const b = await Bridge.create();
		b.chain.blocks(3);
		b.evm.time += 4 * DAY;
		await refused(b.gateway.send("submit", [hex(b.chain.update())]), "Expired");
		await refused(b.deposit(f.ETH, UNIT), "BridgeDown");
	});

	test("reopening: only when expired, only by the governor, not for long, and signatures are still needed", async () => {
		const b = await ready();
		const until = () => b.evm.time + 2 * DAY;
		const reopen = (from, at = until()) => b.gateway.send("reopen", [at], { from });
		await refused(reopen(b.governor), "NotExpired");
		b.evm.time += 5 * DAY;
		await refused(b.submit(), "Expired");
		for (const from of [b.guardian, b.relayer, b.alice]) await refused(reopen(from), "NotGovernor");
		await refused(reopen(b.governor, b.evm.time + 8 * DAY), "BadCheckpoint");
		await reopen(b.governor);
		await refused(b.submit({ voters: [0, 1] }), "NoQuorum");
		await b.submit();
		// What was relayed is old as well: the reopening lasts until the chain has caught up.
		b.chain.session();
		await b.submit();
		b.evm.time += 2 * DAY + 1;
		b.chain.block();
		await refused(b.submit(), "Expired");
	});
});

describe("attacks on the leaf", () => {
	test("stale leaf: one that is in the range, but is not the newest", async () => {
		const b = await ready({ blocks: 1 });
		const stale = b.chain.leaf;
		b.chain.blocks(2);
		for (let i = 0; i < 8; ++i) {
			const { mmr } = b.chain;
			// Its own path, and whatever else might fit.
			for (const proof of [mmr.proof, [...mmr.proof].reverse(), mmr.mountains.flat().slice(0, mmr.proof.length)]) {
				await refused(b.submit({ leaf: stale, proof }), "NotInMountainRange");
			}
			b.chain.block();
		}
	});

	test("stale leaf that validators signed as the newest", async () => {
		const b = await ready();
		b.chain.block({ lie: { parentNumber: 3 } });
		await refused(b.submit(), "OtherBlocksLeaf");
	});

	test("sibling-block leaf: another block of the same height", async () => {
		const b = await ready();
		const sibling = concat(b.chain.leaf.slice(0, 5), keccak(ascii("sibling")), b.chain.leaf.slice(37));
		await refused(b.submit({ leaf: sibling }), "NotInMountainRange");
	});

	test("leaf of the next block under this block's signature", async () => {
		const b = await ready();
		b.chain.block({ lie: { parentNumber: b.chain.number + 1 } });
		await refused(b.submit(), "OtherBlocksLeaf");
	});

	test("out-of-range index: no index is taken, and no proof of another shape", async () => {
		const b = await ready();
		const { proof } = b.chain.mmr;
		for (const other of [[], proof.slice(1), [...proof, f.EMPTY[0]], [f.EMPTY[0], ...proof]]) {
			await refused(b.submit({ proof: other }), "BadLength");
		}
		await refused(b.submit({ proof: [...proof].reverse() }), "NotInMountainRange");
	});

	test("empty proof: a root that is just the hash of the leaf", async () => {
		const b = await ready();
		const signed = f.commitment({ root: keccak(b.chain.leaf), number: b.chain.number, setId: 0 });
		await refused(b.submit({ signed, proof: [] }), "BadLength");
		await refused(b.submit({ signed }), "NotInMountainRange");
	});

	test("an update cut short anywhere, or longer", async () => {
		const b = await ready();
		const update = b.chain.update();
		for (let length = 0; length < update.length; length += 7) {
			await assert.rejects(b.gateway.send("submit", [hex(update.slice(0, length))]));
		}
		await refused(b.gateway.send("submit", [hex(concat(update, [0]))]), "BadLength");
		await refused(b.gateway.send("submit", [hex(concat(update, new Uint8Array(32)))]), "BadLength");
		// Bytes behind the argument, which the contract could read as its end.
		const call = b.gateway.encode("submit", [hex(update.slice(0, update.length - 32))]);
		await refused(b.gateway.raw(call + hex(update.slice(-32)).slice(2)), "BadLength");
	});

	test("any bit of an update turned over", async () => {
		const b = await ready();
		const update = b.chain.update();
		const r = random(5);
		for (let i = 0; i < 60; ++i) {
			const bad = update.slice();
			bad[r.below(bad.length)] ^= 1 << r.below(8);
			await assert.rejects(b.gateway.send("submit", [hex(bad)]));
		}
		await b.submit();
	});

	test("the next set: wrong id, none", async () => {
		for (const lie of [{ id: 3 }, { id: 1 }, { id: 0 }, { length: 0 }]) {
			const b = await ready();
			b.chain.session(validators(0, 4), { lie: { next: { ...b.chain.set(1), id: 2, ...lie } } });
			await refused(b.submit(), "WrongNextSet");
		}
	});

	test("a leaf of another layout", async () => {
		const b = await ready();
		b.chain.block({ lie: { version: 0x20 } });
		await refused(b.submit(), "BadLeafVersion");
	});

	test("an inner hash of the range as a leaf", async () => {
		// A leaf has 121 bytes and an inner node 64, so that no leaf is a node: the length is fixed.
		const b = await ready({ blocks: 2 });
		const inner = concat(...b.chain.mmr.mountains[0]);
		assert.equal(inner.length, 64);
		b.chain.block();
		await assert.rejects(b.submit({ leaf: inner }));
	});
});

describe("setting up", () => {
	test("no checkpoint without validators, from the future, or for longer than stake is liable", async () => {
		for (const lie of [{ currentLength: 0 }, { nextLength: 0 }, { time: 2_000_000_000 }]) {
			const chain = new Chain();
			Object.defineProperty(chain, "checkpoint", { value: { ...chain.checkpoint, ...lie } });
			await refused(Bridge.create({ chain }), "BadCheckpoint");
		}
		await refused(Bridge.create({ maxAge: MAX_AGE + 1 }), "BadCheckpoint");
		await refused(Bridge.create({ maxAge: 0 }), "BadCheckpoint");
		await Bridge.create({ maxAge: HOUR });
	});

	test("the signer in the tests is the curve's own", () => {
		const digest = keccak(ascii("x"));
		const { key, address } = validator(3);
		const signature = sign(digest, { key });
		const recovered = secp256k1.recoverPublicKey(concat([signature[64]], signature.slice(0, 64)), digest, { prehash: false });
		const point = secp256k1.Point.fromBytes(recovered).toBytes(false);
		assert.equal(hex(keccak(point.slice(1)).slice(12)), address);
	});
});
