// Deposits, withdrawals and earnings; limits and brakes; and every way of getting more out.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bridge, DAY, HOUR, LIMITS, MAX_AGE, UNIT, refused } from "./lib/bridge.mjs";
import { ascii, be, bytes, concat, hex, keccak } from "./lib/bytes.mjs";
import { artefact } from "../scripts/compile.mjs";
import { Interface } from "ethers";
import { ETH, LPT, EMPTY, gatewaySlots, rootOfWaiting } from "./lib/formats.mjs";
import * as f from "./lib/formats.mjs";

const address = (name) => hex(keccak(ascii(name)).slice(0, 20));
const STRANGER = address("stranger");
const BOTH = [["LPT", LPT], ["ETH", ETH]];

/** A bridge with 500 LPT and 50 ETH in it. */
async function funded(options) {
	const b = await Bridge.create(options);
	await b.deposit(LPT, 500n * UNIT);
	await b.deposit(ETH, 50n * UNIT);
	return b;
}

describe("deposits", () => {
	test("grow the tree that the formats describe, at the slots that the chain proves", async () => {
		const b = await Bridge.create();
		for (let i = 0; i < 19; ++i) {
			const { events } = await b.deposit(i % 2, UNIT + BigInt(i), keccak([i]));
			const { name, args } = events.at(-1);
			assert.equal(name, "Deposited");
			assert.deepEqual([...args], [BigInt(i), hex(keccak([i])), BigInt(i % 2), UNIT + BigInt(i), args.sender]);
			const subtrees = [];
			for (const slot of gatewaySlots(i + 1).slice(3)) subtrees.push(be(await b.gateway.slot(slot), 32));
			assert.equal(hex(rootOfWaiting(i + 1, subtrees)), hex(b.deposits.root));
			assert.equal(await b.gateway.read("depositRoot"), hex(b.deposits.root));
		}
		await b.check();
		const counters = await b.gateway.slot(2);
		assert.equal(counters & 0xffffffffn, 19n);
		assert.equal((counters >> 32n) & (2n ** 112n - 1n), b.deposited[LPT]);
		assert.equal(counters >> 144n, b.deposited[ETH]);
		assert.equal((await b.gateway.slot(0)) & (2n ** 112n - 1n), 0n);
	});

	test("refused: too small, to nobody, over the cap", async () => {
		const limits = structuredClone(LIMITS);
		limits[LPT].cap = 20n * UNIT;
		limits[ETH].cap = 20n * UNIT;
		const b = await Bridge.create({ limits });
		for (const asset of [LPT, ETH]) {
			await refused(b.deposit(asset, limits[asset].minimum - 1n), "BelowMinimum");
			await refused(b.deposit(asset, 0n), "BelowMinimum");
			await refused(b.deposit(asset, UNIT, new Uint8Array(32)), "BadRecipient");
			await b.deposit(asset, 20n * UNIT);
			await refused(b.deposit(asset, UNIT), "AboveCap");
		}
		await b.check();
	});

	test("a token that delivers less than was sent", async () => {
		const b = await Bridge.create({ taxed: true });
		await refused(b.deposit(LPT, UNIT), "BadAmount");
	});

	test("LPT that was not approved, ETH without a call", async () => {
		const b = await Bridge.create();
		await assert.rejects(b.gateway.send("depositLPT", [hex(keccak([1])), UNIT], { from: b.alice }));
		await assert.rejects(b.gateway.raw("0x", { value: UNIT, from: b.alice }));
	});

	test("the last place of the tree", async () => {
		const b = await Bridge.create();
		const { stateManager } = b.evm.vm;
		const { createAddressFromString } = await import("@ethereumjs/util");
		await stateManager.putStorage(createAddressFromString(b.gateway.address), be(2, 32), be(0xfffffffe, 32));
		await b.deposit(ETH, UNIT);
		const subtrees = [];
		for (const slot of gatewaySlots(0xffffffff).slice(3)) subtrees.push(be(await b.gateway.slot(slot), 32));
		assert.equal(subtrees.length, 32);
		assert.equal(await b.gateway.read("depositRoot"), hex(rootOfWaiting(0xffffffff, subtrees)));
		await refused(b.deposit(ETH, UNIT), "TreeFull");
	});
});

describe("withdrawals", () => {
	for (const [name, asset] of BOTH) {
		test(`${name}: to the recipient, by anyone, with a fee for who did it`, async () => {
			const b = await funded();
			const w = b.chain.withdrawal({ asset, recipient: STRANGER, amount: UNIT, fee: UNIT / 100n });
			await b.sync();
			const before = await b.holds(asset, b.bob.address);
			const { events } = await b.withdraw(w, { from: b.bob });
			assert.deepEqual(events.map((e) => e.name), ["Paid"]);
			assert.equal(events[0].args.id, hex(f.withdrawalLeaf(b.chain.domain, w)));
			assert.equal(await b.holds(asset, STRANGER), UNIT - UNIT / 100n);
			const gas = asset === ETH ? 10n ** 15n : 0n;
			const gained = (await b.holds(asset, b.bob.address)) - before;
			assert.ok(gained <= UNIT / 100n && gained >= UNIT / 100n - gas);
			assert.equal(await b.gateway.read("isUsed", w.index), true);
			await b.check();
		});

		test(`${name}: all of it to a recipient that does it itself`, async () => {
			const b = await funded();
			const w = b.chain.withdrawal({ asset, recipient: b.bob.address, amount: UNIT, fee: UNIT / 2n });
			await b.sync();
			const { events } = await b.withdraw(w, { from: b.bob });
			assert.deepEqual([events[0].args.amount, events[0].args.fee], [UNIT, 0n]);
			await b.check();
		});
	}

	test("in any order, and none blocks another", async () => {
		const b = await funded();
		const refuses = await b.evm.deploy("BadRecipient", [], b.alice);
		const list = [ETH, LPT, ETH, LPT].map((asset, i) =>
			b.chain.withdrawal({ asset, recipient: i ? STRANGER : refuses.address, amount: UNIT / 2n }),
		);
		await b.sync();
		for (const i of [3, 0, 1, 2]) await b.withdraw(list[i]);
		assert.equal(await b.holds(ETH, refuses.address), 0n);
		await b.check();
	});

	test("a proof that was made before the last seven commitments, and not before more", async () => {
		const b = await funded();
		const w = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 1000n });
		await b.sync();
		const proof = b.chain.proof(w.index);
		const again = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 1001n });
		await b.sync();
		const second = b.chain.proof(again.index);
		for (let i = 0; i < 6; ++i) {
			b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 1n });
			await b.sync();
			await b.sync(); // no message: the ring does not turn
		}
		await b.withdraw(w, { proof });
		b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 1n });
		await b.sync();
		await b.withdraw(again, { proof: second });
		b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 1n });
		await b.sync();
		const third = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 7n });
		await refused(b.withdraw(third, { proof: second }), "NotProven");
	});

	test("replay: a second time, also by another, also under another root", async () => {
		const b = await funded();
		const w = b.chain.withdrawal({ asset: LPT, recipient: STRANGER, amount: UNIT });
		await b.sync();
		await b.withdraw(w);
		await refused(b.withdraw(w), "AlreadyUsed");
		b.chain.withdrawal({ asset: LPT, recipient: STRANGER, amount: UNIT });
		await b.sync();
		await refused(b.withdraw(w, { from: b.bob }), "AlreadyUsed");
		await b.check();
	});

	test("old proof with a new request: any field changed", async () => {
		const b = await funded();
		b.chain.withdrawal({ asset: LPT, recipient: STRANGER, amount: UNIT });
		const w = b.chain.withdrawal({ asset: LPT, recipient: STRANGER, amount: UNIT, fee: 5n });
		await b.sync();
		const proof = b.chain.proof(w.index);
		for (const lie of [
			{ index: 0 },
			{ index: 2 },
			{ index: 3 },
			{ index: 0x80000001 },
			{ asset: ETH },
			{ recipient: b.bob.address },
			{ amount: 2n * UNIT },
			{ fee: 6n },
			{ fee: 0n },
		]) {
			await refused(b.withdraw({ ...w, ...lie }, { proof, from: b.bob }), "NotProven");
		}
		await b.withdraw(w);
	});

	test("zero root: nothing is proven before the first commitment", async () => {
		const b = await funded();
		const w = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT });
		await refused(b.withdraw(w), "NotProven");
		await refused(b.withdraw(w, { proof: EMPTY.slice(0, 32).map(hex) }), "NotProven");
		await refused(b.withdraw(w, { proof: Array(32).fill(hex(EMPTY[0])) }), "NotProven");
	});

	test("zero root: a chain that sealed none", async () => {
		const b = await funded();
		b.chain.block({ lie: { outboundRoot: new Uint8Array(32) } });
		b.evm.time = Math.ceil(b.chain.time / 1000);
		await b.gateway.send("submit", [hex(b.chain.update())]);
		const w = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT });
		await refused(b.withdraw(w, { proof: Array(32).fill(hex(EMPTY[0])) }), "NotProven");
	});

	test("empty proof, and proofs of another length", async () => {
		const b = await funded();
		const list = Array.from({ length: 5 }, () =>
			b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT / 10n }),
		);
		await b.sync();
		for (const w of list.slice(0, 4)) {
			const proof = b.chain.proof(w.index);
			assert.equal(proof.length, 3);
			for (const nodes of [0, 1, 2]) {
				await refused(b.withdraw(w, { proof: proof.slice(0, nodes) }), "NotProven");
			}
		}
		const whole = b.chain.messages.proof(0).map(hex);
		await refused(b.withdraw(list[0], { proof: [...whole, hex(EMPTY[32])] }), "NotProven");
		await refused(b.withdraw(list[0], { proof: [...whole.slice(0, 31), hex(EMPTY[30])] }), "NotProven");
		// Says to have more than it has: what is beyond the end reads as zero.
		const call = b.gateway.encode("withdraw", [list[0], b.chain.proof(0)]);
		await assert.rejects(b.gateway.raw(call.slice(0, -64)));
		for (const w of list) await b.withdraw(w);
		await b.check();
	});

	test("empty siblings at the top are left out or brought, and the rest of the path is needed", async () => {
		// Sizes around a power of two, where the path of the newest message is shortest and longest.
		for (const count of [1, 2, 3, 4, 5, 8, 9]) {
			const b = await funded();
			const list = Array.from({ length: count }, () =>
				b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT / 100n }),
			);
			await b.sync();
			for (const w of list) {
				const path = b.chain.messages.proof(w.index).map(hex);
				const least = b.chain.proof(w.index).length;
				assert.ok(least <= Math.ceil(Math.log2(count)));
				if (least) await refused(b.withdraw(w, { proof: path.slice(0, least - 1) }), "NotProven");
				await b.withdraw(w, { proof: path.slice(0, [least, 31, 32][w.index % 3]) });
			}
			await b.check();
		}
	});

	test("out-of-range index", async () => {
		const b = await funded();
		const w = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT });
		await b.sync();
		// The same path, had the tree a 33rd level; written by hand, for no encoder writes it.
		const call = b.gateway.encode("withdraw", [w, b.chain.proof(0)]);
		const far = call.slice(0, 10) + hex(be(2n ** 32n, 32)).slice(2) + call.slice(10 + 64);
		await assert.rejects(b.gateway.raw(far));
		await b.gateway.raw(call);
	});

	test("dirty bytes around an address or an asset", async () => {
		const b = await funded();
		const w = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT });
		await b.sync();
		const call = b.gateway.encode("withdraw", [w, b.chain.proof(0)]);
		for (const word of [1, 2, 3, 4]) {
			const at = 10 + word * 64;
			await assert.rejects(b.gateway.raw(call.slice(0, at) + "01" + call.slice(at + 2)));
		}
	});

	test("any byte of a call changed, cut or added", async () => {
		const b = await funded();
		const list = Array.from({ length: 5 }, () =>
			b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT / 10n }),
		);
		const round = b.chain.earnings(
			1,
			Array.from({ length: 5 }, () => ({ asset: ETH, payee: STRANGER, amount: UNIT / 10n })),
		);
		await b.sync();
		const fuzz = async (call) => {
			const data = bytes(call);
			const refuse = (changed) => assert.rejects(b.gateway.raw(hex(changed), { from: b.relayer }), hex(changed));
			for (let at = 0; at < data.length; ++at) {
				const changed = data.slice();
				// Another bit of each byte; all bits come up.
				changed[at] ^= 1 << at % 8;
				await refuse(changed);
			}
			for (let length = 0; length < data.length; length += 13) await refuse(data.slice(0, length));
			// What stands behind a call is not read.
			await b.gateway.raw(hex(concat(data, keccak([1]))), { from: b.relayer });
			await refuse(data);
		};
		await fuzz(b.gateway.encode("withdraw", [list[2], b.chain.proof(2)]));
		await fuzz(b.gateway.encode("openRound", [round, b.chain.proof(round.index)]));
		await fuzz(b.gateway.encode("claim", [round.leaves[3], b.chain.earningProof(round.leaves[3])]));
		await b.check();
	});

	test("leaves of another kind: a deposit, an earning, a round, an inner node", async () => {
		const b = await funded();
		const w = { index: 0, asset: ETH, recipient: STRANGER, amount: UNIT, fee: 0n };
		const deposit = { index: 0, asset: ETH, recipient: keccak([1]), amount: UNIT };
		const earning = { round: 0, index: 0, asset: ETH, payee: STRANGER, amount: UNIT };
		b.chain.messages.append(f.depositLeaf(b.chain.domain, deposit));
		b.chain.messages.append(f.earningLeaf(b.chain.domain, earning));
		b.chain.messages.append(f.node(f.withdrawalLeaf(b.chain.domain, w), EMPTY[0]));
		const round = b.chain.earnings(1, [{ asset: ETH, payee: STRANGER, amount: UNIT }]);
		await b.sync();
		for (const index of [0, 1, 2, 3]) await refused(b.withdraw({ ...w, index }), "NotProven");
		await refused(b.openRound({ ...round, index: 0 }), "NotProven");
	});

	test("messages of another chain, another gateway, another Ethereum", async () => {
		const b = await funded();
		const { genesis } = b.chain;
		for (const domain of [
			f.domain(keccak(ascii("other genesis")), 1, b.gateway.address),
			f.domain(genesis, 11155111, b.gateway.address),
			f.domain(genesis, 1, b.token.address),
		]) {
			const index = b.chain.messages.count;
			const w = { index, asset: ETH, recipient: STRANGER, amount: UNIT, fee: 0n };
			b.chain.messages.append(f.withdrawalLeaf(domain, w));
			await b.sync();
			await refused(b.withdraw(w), "NotProven");
		}
		assert.equal(await b.gateway.read("domain"), hex(f.domain(genesis, 1, b.gateway.address)));
	});

	test("messages that make no sense", async () => {
		const b = await funded();
		const base = { asset: ETH, recipient: STRANGER, amount: 10n, fee: 0n };
		for (const lie of [{ asset: 2 }, { asset: 255 }, { fee: 10n }, { fee: 11n }, { amount: 0n }]) {
			await refused(b.withdraw(b.chain.withdrawal({ ...base, ...lie })), "BadMessage");
		}
	});

	test("a recipient that calls back", async () => {
		const b = await funded();
		const bad = await b.evm.deploy("BadRecipient", [], b.alice);
		const [w, other] = [0, 1].map(() => b.chain.withdrawal({ asset: ETH, recipient: bad.address, amount: UNIT }));
		await b.sync();
		for (const next of [w, other]) {
			await bad.send("set", [1, b.gateway.address, b.gateway.encode("withdraw", [next, b.chain.proof(next.index)])]);
			await b.withdraw(w).catch(() => {});
			assert.equal(await bad.read("reentered"), false);
			await b.check();
		}
	});

	test("attack: a recipient that calls back for the rest of what waits for it", async () => {
		const b = await funded();
		const bad = await b.evm.deploy("BadRecipient", [], b.alice);
		const amount = LIMITS[ETH].large + 1n;
		const list = [0, 1].map(() => b.chain.withdrawal({ asset: ETH, recipient: bad.address, amount }));
		await b.sync();
		for (const w of list) await b.withdraw(w);
		b.pass(DAY);
		const [first, second] = list.map((w) => hex(f.withdrawalLeaf(b.chain.domain, w)));
		// That is cheap enough for the gas that a recipient has: only the lock refuses it.
		await bad.send("set", [1, b.gateway.address, b.gateway.encode("release", [second])]);
		await b.gateway.send("release", [first]);
		assert.equal(await bad.read("reentered"), false);
		assert.equal((await b.gateway.read("waiting", second)).remaining, amount);
		await b.gateway.send("release", [second]);
		assert.equal(await b.holds(ETH, bad.address), 2n * amount);
		await b.check();
	});

	test("a recipient that answers with a bomb of bytes", async () => {
		const b = await funded();
		const bad = await b.evm.deploy("BadRecipient", [], b.alice);
		const w = b.chain.withdrawal({ asset: ETH, recipient: bad.address, amount: UNIT });
		await b.sync();
		await bad.send("set", [2, b.gateway.address, "0x"]);
		const { gas } = await b.withdraw(w);
		assert.ok(gas < 170_000n);
	});

	for (const [name, mode] of [["refuses", 0], ["burns all gas", 4]]) {
		test(`attack: a recipient that ${name}: its carrier is paid, and what is its waits for it`, async () => {
			const b = await funded();
			const bad = await b.evm.deploy("BadRecipient", [], b.alice);
			await bad.send("set", [mode, b.gateway.address, "0x"]);
			const [amount, fee] = [UNIT, UNIT / 100n];
			const w = b.chain.withdrawal({ asset: ETH, recipient: bad.address, amount, fee });
			const round = b.chain.earnings(1, [{ asset: ETH, payee: bad.address, amount }]);
			await b.sync();
			await b.openRound(round);
			const before = await b.holds(ETH, b.bob.address);
			const { events, gas } = await b.withdraw(w, { from: b.bob });
			assert.deepEqual(events.map((e) => e.name), ["Refused", "Paid"]);
			assert.deepEqual([events[0].args.amount, events[1].args.amount, events[1].args.fee], [amount - fee, 0n, fee]);
			assert.ok(gas < 250_000n, `${gas}`);
			assert.ok((await b.holds(ETH, b.bob.address)) > before);
			await refused(b.withdraw(w), "AlreadyUsed");
			const claimed = await b.claim(round.leaves[0]);
			assert.deepEqual(claimed.events.map((e) => e.name), ["Claimed", "Refused"]);
			// Only the fee has left, and only it counts against the limit.
			assert.equal((await b.gateway.read("accounts", ETH)).released, fee);
			assert.equal(await b.gateway.read("available", ETH), LIMITS[ETH].perDay - fee);
			await b.check();
			const { id } = events[0].args;
			await refused(b.gateway.send("release", [id]), "TransferFailed");
			await bad.send("set", [3, b.gateway.address, "0x"]);
			await b.gateway.send("release", [id]);
			await refused(b.gateway.send("release", [id]), "NotWaiting");
			assert.equal(await b.holds(ETH, bad.address), amount - fee);
			await b.gateway.send("release", [claimed.events[1].args.id]);
			assert.equal(await b.holds(ETH, bad.address), 2n * amount - fee);
			await b.check();
		});
	}

	test("attack: a carrier gives so little gas that its recipient seems to refuse", async () => {
		const b = await funded();
		const tight = await b.evm.deploy("BadRecipient", [], b.alice);
		await tight.send("set", [5, b.gateway.address, "0x"]);
		// Without a fee less is left to do after the call, so that less gas is needed for a refusal.
		const list = Array.from({ length: 60 }, () => b.chain.withdrawal({ asset: ETH, recipient: tight.address, amount: 1000n }));
		await b.sync();
		let [undone, paid] = [0, 0];
		for (let gas = 80_000n; paid < list.length; gas += 250n) {
			const w = list[paid];
			const call = b.gateway.encode("withdraw", [w, b.chain.proof(w.index)]);
			const done = await b.gateway.raw(call, { gas }).catch(() => null);
			if (!done) ++undone;
			else {
				assert.deepEqual(done.events.map((e) => e.name), ["Paid"]);
				++paid;
			}
		}
		assert.ok(undone > 50, `${undone}`);
		assert.equal(await b.holds(ETH, tight.address), 1000n * BigInt(paid));
		await b.check();
	});

	test("more than the escrow holds", async () => {
		const b = await Bridge.create();
		await b.deposit(ETH, UNIT);
		await b.deposit(LPT, UNIT);
		const list = [LPT, ETH].map((asset) => b.chain.withdrawal({ asset, recipient: STRANGER, amount: UNIT + 1n }));
		await b.sync();
		for (const w of list) await assert.rejects(b.withdraw(w));
		// It is not lost: once there is enough, it is paid.
		await b.deposit(ETH, UNIT);
		await b.withdraw(list[1]);
		await b.check();
	});
});

describe("limits", () => {
	for (const [name, asset] of BOTH) {
		const { perDay, large } = LIMITS[asset];

		test(`${name}: no more in a day than the limit, and again as time passes`, async () => {
			const b = await funded({ limits: LIMITS.map((l) => ({ ...l, perDay: l.large, cap: 100n * l.large })) });
			const list = Array.from({ length: 4 }, () => b.chain.withdrawal({ asset, recipient: STRANGER, amount: large / 2n }));
			await b.sync();
			await b.withdraw(list[0]);
			await b.withdraw(list[1]);
			await refused(b.withdraw(list[2]), "LimitReached", 0n);
			b.pass(6 * HOUR);
			await refused(b.withdraw(list[2]), "LimitReached", large / 4n);
			b.pass(6 * HOUR);
			await b.withdraw(list[2]);
			b.pass(30 * DAY);
			assert.equal(await b.gateway.read("available", asset), large);
			await b.check();
		});

		test(`${name}: a large sum waits a day, then leaves no faster than the limit`, async () => {
			const b = await funded();
			await b.deposit(asset, 2n * perDay);
			const amount = perDay + large;
			const w = b.chain.withdrawal({ asset, recipient: STRANGER, amount, fee: 5n });
			await b.sync();
			const { events } = await b.withdraw(w);
			const id = hex(f.withdrawalLeaf(b.chain.domain, w));
			assert.deepEqual(events.map((e) => e.name), ["Delayed"]);
			await refused(b.withdraw(w), "AlreadyUsed");
			await refused(b.gateway.send("release", [id]), "NotReady", BigInt(b.evm.time + DAY));
			b.pass(DAY);
			await b.gateway.send("release", [id], { from: b.bob });
			assert.equal(await b.holds(asset, STRANGER), perDay);
			await refused(b.gateway.send("release", [id]), "LimitReached");
			// Not in drips, each at its own cost.
			b.pass(HOUR);
			await refused(b.gateway.send("release", [id]), "LimitReached");
			b.pass(DAY);
			await b.gateway.send("release", [id]);
			// No fee is taken of it.
			assert.equal(await b.holds(asset, STRANGER), amount);
			await refused(b.gateway.send("release", [id]), "NotWaiting");
			await b.check();
		});
	}

	test("drain of everything after a forged commitment: one day's limit at once, and a week to stop the rest", async () => {
		const b = await funded();
		// The quorum itself lies.
		const list = Array.from({ length: 12 }, () => b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 2n * UNIT }));
		const all = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 40n * UNIT });
		await b.sync();
		await b.withdraw(all);
		let paid = 0;
		for (const w of list) await b.withdraw(w).then(() => ++paid, () => {});
		assert.equal(BigInt(paid) * 2n * UNIT, LIMITS[ETH].perDay);
		await b.gateway.send("stop", [false, true], { from: b.guardian });
		b.pass(6 * DAY);
		for (const w of list.slice(paid)) await refused(b.withdraw(w), "ReleasesStopped");
		await refused(b.gateway.send("release", [hex(f.withdrawalLeaf(b.chain.domain, all))]), "ReleasesStopped");
		assert.equal(await b.holds(ETH, STRANGER), LIMITS[ETH].perDay);
	});

	test("what leaves before a day is over: two days' limits at the most", async () => {
		const b = await funded();
		const list = Array.from({ length: 24 }, () => b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: 2n * UNIT }));
		await b.sync();
		for (let hour = 0; hour <= 24; ++hour) {
			while (list.length && (await b.withdraw(list[0]).catch(() => null))) list.shift();
			b.pass(HOUR);
		}
		const left = await b.holds(ETH, STRANGER);
		assert.ok(left <= 2n * LIMITS[ETH].perDay && left > LIMITS[ETH].perDay, `${left}`);
	});

	test("attack: the governor locks the escrow by a limit of next to nothing", async () => {
		const b = await funded();
		const set = (perDay) => b.gateway.send("setLimits", [LPT, { perDay, large: 0n, cap: 0n, minimum: 1n }], { from: b.governor });
		for (const perDay of [1n, 5n * UNIT - 1n]) await refused(set(perDay), "BadLimits");
		await set(5n * UNIT);
	});

	test("limits that would lock anybody in", async () => {
		const b = await funded();
		const [limits] = LIMITS;
		const set = (lie, from = b.governor) => b.gateway.send("setLimits", [LPT, { ...limits, ...lie }], { from });
		for (const lie of [{ minimum: 0n }, { large: limits.perDay + 1n }, { perDay: limits.cap / 100n - 1n, large: 0n }, { perDay: 0n, cap: 0n, large: 0n }]) {
			await refused(set(lie), "BadLimits");
		}
		for (const from of [b.guardian, b.alice, b.relayer]) await refused(set({}, from), "NotGovernor");
		await set({});
		for (const minimum of [0n, 1n << 96n]) {
			await refused(Bridge.create({ limits: [LIMITS[0], { ...LIMITS[1], minimum }] }), "BadLimits");
		}
	});

	test("a limit that is raised does not fill at once, one that is lowered is lowered at once", async () => {
		const b = await funded();
		const set = (perDay) => b.gateway.send("setLimits", [ETH, { ...LIMITS[ETH], perDay }], { from: b.governor });
		await set(40n * UNIT);
		assert.equal(await b.gateway.read("available", ETH), 10n * UNIT);
		b.pass(DAY / 4);
		assert.equal(await b.gateway.read("available", ETH), 20n * UNIT);
		await set(11n * UNIT);
		assert.equal(await b.gateway.read("available", ETH), 11n * UNIT);
		const { released } = await b.gateway.read("accounts", ETH);
		assert.equal(released, 0n);
	});
});

describe("earnings", () => {
	const payees = Array.from({ length: 11 }, (_, i) => ({
		asset: i % 2,
		payee: address(`payee ${i >> 1}`),
		amount: UNIT / 10n + BigInt(i),
	}));

	test("each once, by anyone, from the round's root", async () => {
		const b = await funded();
		const round = b.chain.earnings(7, payees);
		await b.sync();
		await refused(b.claim(round.leaves[0]), "NoSuchRound");
		await b.openRound(round);
		for (const e of [...round.leaves].reverse()) {
			const { events } = await b.claim(e, { from: b.bob });
			assert.deepEqual(events.map((x) => x.name), ["Claimed", "Paid"]);
			assert.equal(await b.holds(e.asset, e.payee), e.amount);
			await refused(b.claim(e), "AlreadyUsed");
			assert.equal(await b.gateway.read("isClaimed", 7, e.index), true);
		}
		const left = await b.gateway.read("rounds", 7);
		assert.deepEqual([left.lpt, left.eth], [0n, 0n]);
		await b.check();
	});

	test("rounds of all sizes from 1 to 9", async () => {
		const b = await funded();
		for (let size = 1; size <= 9; ++size) {
			const round = b.chain.earnings(size, payees.slice(0, size));
			await b.sync();
			await b.openRound(round);
			for (const e of round.leaves) await b.claim(e);
		}
		await b.check();
	});

	test("a round that is opened twice, or replaced by another message", async () => {
		const b = await funded();
		const round = b.chain.earnings(7, payees);
		const other = b.chain.earnings(7, payees.slice(0, 3));
		await b.sync();
		await b.openRound(round);
		await refused(b.openRound(round), "AlreadyUsed");
		await refused(b.openRound(other), "AlreadyUsed");
	});

	test("a round that is not the chain's: any field changed", async () => {
		const b = await funded();
		const round = b.chain.earnings(7, payees);
		await b.sync();
		const proof = b.chain.proof(round.index);
		for (const lie of [{ index: 1 }, { round: 8 }, { root: hex(keccak([1])) }, { count: 12 }, { lpt: round.lpt + 1n }, { eth: round.eth + 1n }]) {
			await refused(b.openRound({ ...round, ...lie }, { proof }), "NotProven");
		}
		for (const lie of [{ root: hex(EMPTY[0]) }, { count: 0 }, { lpt: 2n ** 112n }, { eth: 2n ** 112n }]) {
			await refused(b.openRound({ ...round, ...lie }, { proof }), "BadMessage");
		}
	});

	test("an earning that is not the round's: any field changed, empty proof, index past the last", async () => {
		const b = await funded();
		const round = b.chain.earnings(7, payees);
		const another = b.chain.earnings(8, payees.slice(1));
		await b.sync();
		await b.openRound(round);
		await b.openRound(another);
		const e = round.leaves[2];
		const proof = b.chain.earningProof(e);
		for (const lie of [{ index: 3 }, { index: 0 }, { asset: ETH }, { payee: b.bob.address }, { amount: e.amount + 1n }, { round: 8 }]) {
			await refused(b.claim({ ...e, ...lie }, { proof }), "NotProven");
		}
		await refused(b.claim({ ...e, round: 9 }, { proof }), "NoSuchRound");
		for (const wrong of [[], proof.slice(1), [...proof, proof[0]], [...proof].reverse()]) {
			await refused(b.claim(e, { proof: wrong }), "NotProven");
		}
		// Positions 11 to 15 are empty; 18 has the same lowest bits as 2.
		for (const index of [11, 15, 18, 0xffffffff]) await refused(b.claim({ ...e, index }, { proof }), "NotProven");
		for (const lie of [{ asset: 2 }, { amount: 0n }]) await refused(b.claim({ ...e, ...lie }, { proof }), "BadMessage");
	});

	test("an inner node of a round as its root", async () => {
		const b = await funded();
		const round = b.chain.earnings(7, payees.slice(0, 4));
		await b.sync();
		await b.openRound(round);
		const e = round.leaves[0];
		await refused(b.claim(e, { proof: b.chain.earningProof(e).slice(0, 1) }), "NotProven");
	});

	test("leaves that sum to more than the round says", async () => {
		const b = await funded();
		const round = b.chain.earnings(7, payees.slice(0, 4), { lpt: UNIT / 10n, eth: 0n });
		await b.sync();
		await b.openRound(round);
		await b.claim(round.leaves[0]);
		await refused(b.claim(round.leaves[2]), "RoundOverdrawn");
		await refused(b.claim(round.leaves[1]), "RoundOverdrawn");
		await b.check();
	});

	test("limits hold for earnings: a day's limit, a large one waits", async () => {
		const b = await funded();
		const { large, perDay } = LIMITS[ETH];
		const list = Array.from({ length: 6 }, (_, i) => ({ asset: ETH, payee: STRANGER, amount: i ? large : large + 1n }));
		const round = b.chain.earnings(7, list);
		await b.sync();
		await b.openRound(round);
		const { events } = await b.claim(round.leaves[0]);
		assert.equal(events[1].name, "Delayed");
		for (const e of round.leaves.slice(1)) await b.claim(e);
		assert.equal(await b.holds(ETH, STRANGER), 5n * large);
		assert.equal(5n * large, perDay);
		b.pass(DAY);
		await b.gateway.send("release", [events[1].args.id]);
		await b.check();
	});
});

describe("brakes", () => {
	test("the guardian stops each direction for seven days, and it starts again by itself", async () => {
		const b = await funded();
		const [w, late] = [ETH, LPT].map((asset) => b.chain.withdrawal({ asset, recipient: STRANGER, amount: UNIT }));
		const round = b.chain.earnings(1, [{ asset: ETH, payee: STRANGER, amount: UNIT }]);
		await b.sync();
		await b.openRound(round);
		await b.gateway.send("stop", [true, false], { from: b.guardian });
		await refused(b.deposit(ETH, UNIT), "DepositsStopped");
		await refused(b.deposit(LPT, UNIT), "DepositsStopped");
		await b.withdraw(w);
		await b.gateway.send("stop", [false, true], { from: b.guardian });
		// Other limits are no start.
		for (const asset of [LPT, ETH]) await b.gateway.send("setLimits", [asset, LIMITS[asset]], { from: b.governor });
		await refused(b.deposit(ETH, UNIT), "DepositsStopped");
		await refused(b.claim(round.leaves[0]), "ReleasesStopped");
		await refused(b.withdraw(late), "ReleasesStopped");
		for (const _ of [1, 2]) {
			b.pass(1.5 * DAY);
			await b.sync();
		}
		b.pass(4 * DAY - 24);
		await b.deposit(ETH, UNIT).catch((e) => assert.equal(e.name, "BridgeDown"));
		await b.gateway.send("reopen", [b.evm.time + DAY], { from: b.governor });
		b.pass(25);
		await b.sync();
		await b.deposit(ETH, UNIT);
		await b.claim(round.leaves[0]);
		await b.withdraw(late);
		await b.check();
	});

	test("only the guardian stops; the governor names another", async () => {
		const b = await funded();
		for (const from of [b.governor, b.alice, b.relayer]) {
			await refused(b.gateway.send("stop", [true, true], { from }), "NotGuardian");
		}
		await refused(b.gateway.send("setGuardian", [b.bob.address], { from: b.guardian }), "NotGovernor");
		await b.gateway.send("stop", [false, true], { from: b.guardian });
		await b.gateway.send("setGuardian", [b.bob.address], { from: b.governor });
		await refused(b.gateway.send("stop", [true, true], { from: b.guardian }), "NotGuardian");
		// What was stopped stays stopped.
		assert.ok((await b.gateway.read("brakes")).releasesStoppedUntil > b.evm.time);
		await b.gateway.send("stop", [true, true], { from: b.bob });
	});

	test("neither guardian nor governor can move anything: these are all calls that change something", () => {
		const { fragments } = new Interface(artefact("Gateway").abi);
		const calls = fragments.filter((x) => x.type === "function" && !x.constant && !["view", "pure"].includes(x.stateMutability));
		assert.deepEqual(calls.map((x) => x.name).sort(), [
			"claim",
			"depositETH",
			"depositLPT",
			"openRound",
			"release",
			"reopen",
			"setGuardian",
			"setLimits",
			"stop",
			"submit",
			"withdraw",
		]);
		assert.ok(!fragments.some((x) => x.type === "fallback" || x.type === "receive"));
	});

	test("with everything that both can do, nothing leaves", async () => {
		const b = await funded();
		const before = [await b.holds(LPT), await b.holds(ETH)];
		const high = { perDay: 10n ** 27n, large: 10n ** 27n, cap: 10n ** 28n, minimum: 1n };
		for (const asset of [LPT, ETH]) await b.gateway.send("setLimits", [asset, high], { from: b.governor });
		await b.gateway.send("setGuardian", [b.governor.address], { from: b.governor });
		b.pass(10 * DAY);
		await b.gateway.send("reopen", [b.evm.time + 7 * DAY], { from: b.governor });
		const w = b.chain.withdrawal({ asset: ETH, recipient: b.governor.address, amount: UNIT });
		await refused(b.withdraw(w, { from: b.governor }), "NotProven");
		assert.deepEqual([await b.holds(LPT), await b.holds(ETH)], before);
	});

	test("deposits are refused when nothing could come back out", async () => {
		const b = await funded();
		b.pass(MAX_AGE + 1);
		await refused(b.deposit(ETH, UNIT), "BridgeDown");
		await refused(b.deposit(LPT, UNIT), "BridgeDown");
	});

	test("what was proven can still be withdrawn when commitments have expired", async () => {
		const b = await funded();
		const w = b.chain.withdrawal({ asset: ETH, recipient: STRANGER, amount: UNIT });
		await b.sync();
		b.pass(30 * DAY);
		await b.withdraw(w);
	});

	test("a governor behind OpenZeppelin's timelock", async () => {
		const b = await Bridge.create();
		const lock = await b.evm.deploy("TimelockController", [7 * DAY, [b.governor.address], [b.governor.address], "0x" + "00".repeat(20)], b.deployer);
		const held = await Bridge.create({ governor: lock.address });
		// The same sender and nonces: the timelock stands at the same address there.
		const again = await held.evm.deploy("TimelockController", [7 * DAY, [held.governor.address], [held.governor.address], "0x" + "00".repeat(20)], held.deployer);
		assert.equal(again.address, lock.address);
		const call = [held.gateway.address, 0n, held.gateway.encode("setGuardian", [held.bob.address]), hex(EMPTY[0]), hex(EMPTY[0])];
		await again.send("schedule", [...call, 7 * DAY], { from: held.governor });
		await assert.rejects(again.send("execute", call, { from: held.governor }));
		held.pass(7 * DAY);
		await again.send("execute", call, { from: held.governor });
		assert.equal((await held.gateway.read("brakes")).guardian, held.evm ? (await import("ethers")).getAddress(held.bob.address) : "");
	});

	test("setting up without a token, a genesis or a governor", async () => {
		const b = await Bridge.create();
		const setup = {
			lpt: b.token.address,
			genesisHash: hex(b.chain.genesis),
			firstBlock: 1,
			maxAge: DAY,
			guardian: b.guardian.address,
			governor: b.governor.address,
		};
		for (const lie of [{ lpt: STRANGER }, { genesisHash: hex(EMPTY[0]) }, { governor: "0x" + "00".repeat(20) }]) {
			await refused(b.evm.deploy("Gateway", [{ ...setup, ...lie }, b.chain.checkpoint, LIMITS], b.relayer), "BadSetup");
		}
	});
});

