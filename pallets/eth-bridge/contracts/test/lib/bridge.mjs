// A bridge ready for use: chain, Ethereum, token, gateway.
import assert from "node:assert/strict";
import { hex } from "./bytes.mjs";
import { Chain } from "./chain.mjs";
import { Evm } from "./evm.mjs";
import { ETH, LPT, Tree, depositLeaf } from "./formats.mjs";

export const UNIT = 10n ** 18n;
export const HOUR = 3600;
export const DAY = 24 * HOUR;
export const MAX_AGE = 2 * DAY;

export const LIMITS = [
	{ perDay: 1_000n * UNIT, large: 200n * UNIT, cap: 100_000n * UNIT, minimum: UNIT / 100n },
	{ perDay: 10n * UNIT, large: 2n * UNIT, cap: 1_000n * UNIT, minimum: UNIT / 100_000n },
];

export class Bridge {
	static async create({ hardfork, length = 4, first, maxAge = MAX_AGE, limits = LIMITS, chain, genesis, governor, proofs, story, taxed = false } = {}) {
		const b = new Bridge();
		b.chain = chain ?? new Chain({ length, first, genesis });
		b.evm = await Evm.create({ hardfork, proofs, story, time: Math.floor(b.chain.time / 1000) });
		for (const name of ["deployer", "relayer", "guardian", "governor", "alice", "bob"]) b[name] = await b.evm.account(name);
		b.token = await b.evm.deploy("TestToken", [taxed], b.deployer);
		const setup = {
			lpt: b.token.address,
			genesisHash: hex(b.chain.genesis),
			firstBlock: b.chain.first,
			maxAge,
			guardian: b.guardian.address,
			governor: governor ?? b.governor.address,
		};
		b.gateway = await b.evm.deploy("Gateway", [setup, b.chain.checkpoint, limits], b.relayer);
		b.chain.serve(b.gateway.address);
		b.deposits = new Tree();
		b.deposited = [0n, 0n];
		return b;
	}

	/** Both clocks go on together. */
	pass(seconds) {
		this.evm.time += seconds;
		this.chain.time += seconds * 1000;
	}

	/** Finality of what has happened on the chain reaches Ethereum. */
	async sync(options) {
		this.chain.blocks(2);
		this.evm.time = Math.max(this.evm.time, Math.ceil(this.chain.time / 1000));
		return this.gateway.send("submit", [hex(this.chain.update(options))]);
	}

	async deposit(asset, amount, recipient = new Uint8Array(32).fill(7), from = this.alice) {
		let sent;
		if (asset === ETH) {
			sent = await this.gateway.send("depositETH", [hex(recipient)], { from, value: amount });
		} else {
			await this.token.send("mint", [from.address, amount]);
			await this.token.send("approve", [this.gateway.address, amount], { from });
			sent = await this.gateway.send("depositLPT", [hex(recipient), amount], { from });
		}
		this.deposited[asset] += amount;
		this.deposits.append(depositLeaf(this.chain.domain, { index: this.deposits.count, asset, recipient, amount }));
		return sent;
	}

	withdraw(w, { from = this.relayer, proof = this.chain.proof(w.index) } = {}) {
		return this.gateway.send("withdraw", [w, proof], { from });
	}

	openRound(r, { from = this.relayer, proof = this.chain.proof(r.index) } = {}) {
		return this.gateway.send("openRound", [r, proof], { from });
	}

	claim(e, { from = this.relayer, proof = this.chain.earningProof(e) } = {}) {
		return this.gateway.send("claim", [e, proof], { from });
	}

	holds(asset, address = this.gateway.address) {
		return asset === LPT ? this.token.read("balanceOf", address) : this.evm.balance(address);
	}

	/** What must hold at all times. */
	async check() {
		for (const asset of [LPT, ETH]) {
			const { released } = await this.gateway.read("accounts", asset);
			assert.equal(await this.holds(asset), this.deposited[asset] - released, "the escrow holds what it owes");
		}
		assert.equal(await this.gateway.read("depositRoot"), hex(this.deposits.root));
		const { count, lpt, eth } = await this.gateway.read("deposits");
		assert.deepEqual([count, lpt, eth], [BigInt(this.deposits.count), ...this.deposited]);
	}
}

/** `promise` is refused, by an error of this name. */
export async function refused(promise, name, ...args) {
	await assert.rejects(promise, (error) => {
		assert.equal(error.name, name, error.message);
		args.forEach((arg, i) => assert.equal(error.args[i], arg));
		return true;
	});
}
