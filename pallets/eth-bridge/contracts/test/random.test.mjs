// Random stories: deposits, withdrawals, rounds, time, stops, sessions, retries, blocks that Ethereum drops. After each step the
// escrow holds exactly what went in less what went out, to the unit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bridge, DAY, HOUR, LIMITS, UNIT } from "./lib/bridge.mjs";
import { ascii, hex, keccak, random } from "./lib/bytes.mjs";
import { validators } from "./lib/chain.mjs";
import { ETH, LPT, withdrawalLeaf, earningLeaf } from "./lib/formats.mjs";

const STEPS = Number(process.env.STEPS ?? 100);
const SEEDS = Number(process.env.SEEDS ?? 2);
/** Why a payment may be refused in an honest story. */
const REASONS = new Set(["AlreadyUsed", "NotProven", "LimitReached", "ReleasesStopped", "TransferFailed", "NotReady", "NotWaiting", "NoSuchRound", "ERC20InsufficientBalance"]);

/** What Ethereum may do and then drop. */
const DROPPED = ["deposit", "sync", "withdraw", "open", "claim", "release", "stop"];

async function story(seed, hardfork) {
	const r = random(seed);
	const b = await Bridge.create({ hardfork });
	const people = Array.from({ length: 6 }, (_, i) => hex(keccak(ascii(`payee ${seed} ${i}`)).slice(0, 20)));
	const asked = [LPT, ETH].map(() => new Map()); // recipient → what all messages together give it
	const sent = [0n, 0n];
	const ask = (asset, who, amount) => {
		asked[asset].set(who, (asked[asset].get(who) ?? 0n) + amount);
		sent[asset] += amount;
	};
	const withdrawals = [];
	const rounds = [];
	const waiting = [];
	const amountOf = (asset) => 1n + r.big(LIMITS[asset].large * (r.below(6) === 0 ? 3n : 1n));
	const attempt = async (promise) => {
		try {
			return await promise;
		} catch (error) {
			assert.ok(REASONS.has(error.name) || error.message.startsWith("0x"), error.message);
			return null;
		}
	};
	const steps = {
		deposit: async () => {
			const asset = r.below(2);
			await b.deposit(asset, LIMITS[asset].minimum + r.big(LIMITS[asset].large * 4n), keccak([r.below(200)])).catch((e) => {
				assert.ok(["DepositsStopped", "BridgeDown"].includes(e.name), e.message);
			});
		},
		message: async () => {
			const asset = r.below(2);
			const [who, amount] = [r.pick(people), amountOf(asset)];
			ask(asset, who, amount);
			withdrawals.push(b.chain.withdrawal({ asset, recipient: who, amount }));
		},
		round: async () => {
			const list = Array.from({ length: 1 + r.below(7) }, () => {
				const asset = r.below(2);
				return { asset, payee: r.pick(people), amount: amountOf(asset) / 10n + 1n };
			});
			for (const e of list) ask(e.asset, e.payee, e.amount);
			rounds.push(b.chain.earnings(rounds.length, list));
		},
		sync: async () => {
			if (b.evm.time > Number(await b.gateway.read("expiresAt"))) {
				await b.gateway.send("reopen", [b.evm.time + DAY], { from: b.governor });
			}
			await b.sync();
		},
		session: async () => {
			await steps.sync();
			b.chain.session(validators(r.below(20), 1 + r.below(9)));
			await steps.sync();
		},
		withdraw: async () => {
			if (!withdrawals.length) return;
			const w = r.pick(withdrawals);
			const done = await attempt(b.withdraw(w));
			if (done?.events.some((e) => e.name === "Delayed")) waiting.push(hex(withdrawalLeaf(b.chain.domain, w)));
		},
		open: async () => {
			if (rounds.length) await attempt(b.openRound(r.pick(rounds)));
		},
		claim: async () => {
			if (!rounds.length) return;
			const e = r.pick(r.pick(rounds).leaves);
			const done = await attempt(b.claim(e));
			if (done?.events.some((x) => x.name === "Delayed")) waiting.push(hex(earningLeaf(b.chain.domain, e)));
		},
		release: async () => {
			if (waiting.length) await attempt(b.gateway.send("release", [r.pick(waiting)]));
		},
		time: async () => b.pass(HOUR * (1 + r.below(40))),
		// Ethereum drops what has just happened there; our chain drops nothing.
		reorg: async () => {
			const { stateManager } = b.evm.vm;
			const before = { deposited: [...b.deposited], deposits: b.deposits.copy(), waiting: waiting.length };
			await stateManager.checkpoint();
			for (let i = 1 + r.below(4); i > 0; --i) await steps[r.pick(DROPPED)]();
			await stateManager.revert();
			Object.assign(b, { deposited: before.deposited, deposits: before.deposits });
			waiting.length = before.waiting;
			await b.check();
		},
		stop: async () => {
			if (r.below(4) === 0) await b.gateway.send("stop", [r.below(2) === 0, r.below(2) === 0], { from: b.guardian });
		},
	};
	const names = Object.keys(steps);
	const paid = async (asset) => {
		let all = 0n;
		for (const who of people) {
			const has = await b.holds(asset, who);
			assert.ok(has <= (asked[asset].get(who) ?? 0n), "nobody has more than was sent to him");
			all += has;
		}
		return all;
	};
	for (let i = 0; i < STEPS; ++i) {
		await steps[r.pick(names)]();
		if (i % 10 === 9) {
			await b.check();
			for (const asset of [LPT, ETH]) {
				const { released } = await b.gateway.read("accounts", asset);
				assert.equal(await paid(asset), released, "what was released is what people have");
				assert.ok(released <= sent[asset]);
			}
		}
	}
	// In the end everybody gets everything: the escrow is filled up, stops pass, limits refill.
	for (const asset of [LPT, ETH]) await fill(b, asset, sent[asset]);
	await steps.sync();
	for (const round of rounds) await attempt(b.openRound(round));
	for (let day = 0; day < 60; ++day) {
		b.pass(DAY);
		await steps.sync();
		for (const w of withdrawals) {
			if (await b.gateway.read("isUsed", w.index)) continue;
			const done = await attempt(b.withdraw(w));
			if (done?.events.some((e) => e.name === "Delayed")) waiting.push(hex(withdrawalLeaf(b.chain.domain, w)));
		}
		for (const e of rounds.flatMap((round) => round.leaves)) {
			if (await b.gateway.read("isClaimed", e.round, e.index)) continue;
			const done = await attempt(b.claim(e));
			if (done?.events.some((x) => x.name === "Delayed")) waiting.push(hex(earningLeaf(b.chain.domain, e)));
		}
		for (const id of waiting) {
			if ((await b.gateway.read("waiting", id)).remaining > 0n) await attempt(b.gateway.send("release", [id]));
		}
		if ((await paid(LPT)) === sent[LPT] && (await paid(ETH)) === sent[ETH]) break;
	}
	await b.check();
	for (const asset of [LPT, ETH]) {
		for (const [who, amount] of asked[asset]) assert.equal(await b.holds(asset, who), amount);
		assert.equal((await b.gateway.read("accounts", asset)).released, sent[asset]);
	}
}

/** Deposits until `needed` is there, waiting for a stop to pass. */
async function fill(b, asset, needed) {
	while (b.deposited[asset] < needed) {
		try {
			await b.deposit(asset, needed - b.deposited[asset] + UNIT);
		} catch (error) {
			assert.ok(["DepositsStopped", "BridgeDown"].includes(error.name), error.message);
			b.pass(DAY);
			if (error.name === "BridgeDown") {
				await b.gateway.send("reopen", [b.evm.time + DAY], { from: b.governor });
				await b.sync();
			}
		}
	}
}

for (let seed = 1; seed <= SEEDS; ++seed) {
	const hardfork = seed % 2 ? "osaka" : "amsterdam";
	test(`escrow exact to the unit: story ${seed} on ${hardfork}`, () => story(seed, hardfork));
}
