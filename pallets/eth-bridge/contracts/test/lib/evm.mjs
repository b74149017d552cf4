// An Ethereum in memory: accounts, contracts, time; with the errors and events of our contracts.
import { createBlock } from "@ethereumjs/block";
import { Common, Mainnet } from "@ethereumjs/common";
import { MerkleStateManager, SimpleStateManager, getMerkleStateProof } from "@ethereumjs/statemanager";
import { createFeeMarket1559Tx } from "@ethereumjs/tx";
import { createAccount, createAddressFromPrivateKey, createAddressFromString } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";
import { AbiCoder, Interface } from "ethers";
import { artefact } from "../../scripts/compile.mjs";
import { ascii, bytes, hex, keccak } from "./bytes.mjs";

const GWEI = 10n ** 9n;
/** What all blocks, and all transactions, have in common. */
const HEADER = { number: 1n, gasLimit: 10n ** 9n, baseFeePerGas: 1n };
const FEES = { maxFeePerGas: GWEI, maxPriorityFeePerGas: 0n };

/** All that was sent to an Ethereum that was empty but for `accounts`, so that another machine can do it again. */
export class Story {
	constructor(fork) {
		Object.assign(this, { fork, header: HEADER, fees: FEES, accounts: {}, transactions: [] });
	}

	/** Names the newest transaction. */
	name(name) {
		this.transactions.at(-1).name = name;
	}
}

export class Evm {
	/** `proofs`: with the trie that they need, which is slow. `story`: where to note what is sent. */
	static async create({ hardfork = "osaka", time = 1_800_000_000, proofs = false, story = null } = {}) {
		const evm = new Evm();
		evm.story = story;
		evm.common = new Common({ chain: Mainnet, hardfork });
		const State = proofs ? MerkleStateManager : SimpleStateManager;
		evm.vm = await createVM({ common: evm.common, stateManager: new State({ common: evm.common }) });
		evm.time = time;
		return evm;
	}

	/** A funded account by name. */
	async account(name, balance = 10n ** 24n) {
		const key = keccak(ascii(name));
		const address = createAddressFromPrivateKey(key);
		if (balance > 0n) await this.vm.stateManager.putAccount(address, createAccount({ balance }));
		if (this.story) this.story.accounts[address] = balance;
		return { key, address: address.toString() };
	}

	async balance(address) {
		return (await this.vm.stateManager.getAccount(createAddressFromString(address)))?.balance ?? 0n;
	}

	async nonce(address) {
		return (await this.vm.stateManager.getAccount(createAddressFromString(address)))?.nonce ?? 0n;
	}

	/** A transaction. Returns gas, logs and what came back; nothing is thrown. */
	async send(from, to, data, value = 0n, gas) {
		const block = createBlock(
			{ header: { timestamp: BigInt(this.time), ...HEADER } },
			{ common: this.common, skipConsensusFormatValidation: true },
		);
		const nonce = await this.nonce(from.address);
		// Amsterdam counts new state apart and lets a creation go beyond the limit for one.
		const gasLimit = gas ?? (to || !this.common.isActivatedEIP(8037) ? 16_000_000n : 60_000_000n);
		const tx = createFeeMarket1559Tx(
			{
				chainId: 1n,
				nonce,
				...FEES,
				gasLimit,
				to: to ? createAddressFromString(to) : undefined,
				value,
				data: bytes(data),
			},
			{ common: this.common },
		).sign(from.key);
		const result = await runTx(this.vm, { tx, block, skipBlockGasLimitValidation: true });
		const ok = result.execResult.exceptionError === undefined;
		const sent = { from: from.address, to, nonce, value, data, gasLimit, timestamp: BigInt(this.time) };
		this.story?.transactions.push({ ...sent, ok, gas: result.totalGasSpent });
		return {
			ok,
			gas: result.totalGasSpent,
			data: hex(result.execResult.returnValue),
			logs: result.execResult.logs ?? [],
			created: result.createdAddress?.toString(),
			failure: result.execResult.exceptionError?.error,
		};
	}

	async deploy(name, args, from) {
		const { abi, bytecode } = artefact(name);
		const interfaced = new Interface(abi);
		const data = bytecode + interfaced.encodeDeploy(args).slice(2);
		const { ok, created, data: why, failure } = await this.send(from, null, data);
		if (!ok) throw new Refused(interfaced, why, failure);
		return new Contract(this, created, interfaced, from);
	}

	/** What `eth_getProof` answers. */
	async proof(address, slots = []) {
		return getMerkleStateProof(
			this.vm.stateManager,
			createAddressFromString(address),
			slots.map((slot) => bytes(slot)),
		);
	}

	async stateRoot() {
		return hex(await this.vm.stateManager.getStateRoot());
	}
}

/** A transaction that was undone, by the name of the contract's error. */
export class Refused extends Error {
	constructor(interfaced, data, failure) {
		let name = failure ?? "?";
		let args = [];
		if (data.length > 2) {
			const parsed = interfaced.parseError(data);
			name = parsed?.name ?? data;
			args = parsed ? [...parsed.args] : [];
		}
		super(name + (args.length ? `(${args.join(", ")})` : ""));
		this.name = name;
		this.args = args;
	}
}

export class Contract {
	constructor(evm, address, interfaced, sender) {
		Object.assign(this, { evm, address, interfaced, sender });
	}

	encode(name, args) {
		return this.interfaced.encodeFunctionData(name, args);
	}

	/** Sends `name(args)`; throws `Refused` when it is. */
	async send(name, args = [], { from = this.sender, value = 0n, gas } = {}) {
		return this.raw(this.encode(name, args), { from, value, gas });
	}

	async raw(data, { from = this.sender, value = 0n, gas } = {}) {
		const result = await this.evm.send(from, this.address, data, value, gas);
		if (!result.ok) throw new Refused(this.interfaced, result.data, result.failure);
		const own = result.logs.filter(([address]) => hex(address) === this.address);
		const events = own.map(([, topics, body]) => {
			const { name, args } = this.interfaced.parseLog({ topics: topics.map(hex), data: hex(body) });
			return { name, args };
		});
		return { gas: result.gas, events };
	}

	/** Reads `name(args)`. */
	async read(name, ...args) {
		const block = createBlock(
			{ header: { timestamp: BigInt(this.evm.time), number: 1n, gasLimit: 10n ** 9n } },
			{ common: this.evm.common, skipConsensusFormatValidation: true },
		);
		const { execResult } = await this.evm.vm.evm.runCall({
			to: createAddressFromString(this.address),
			data: bytes(this.encode(name, args)),
			gasLimit: 10n ** 8n,
			block,
			isStatic: true,
		});
		if (execResult.exceptionError) throw new Refused(this.interfaced, hex(execResult.returnValue));
		const result = this.interfaced.decodeFunctionResult(name, hex(execResult.returnValue));
		return result.length === 1 ? result[0] : result;
	}

	async slot(number) {
		const value = await this.evm.vm.stateManager.getStorage(
			createAddressFromString(this.address),
			bytes(number.toString(16).padStart(64, "0")),
		);
		return BigInt(hex(value) === "0x" ? 0 : hex(value));
	}
}

export const coder = AbiCoder.defaultAbiCoder();
