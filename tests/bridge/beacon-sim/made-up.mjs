// Blocks of an execution chain that nobody has made.
import { createHash } from "node:crypto";
import { BeaconSim, hex } from "./sim.mjs";

const sha = (text) => createHash("sha256").update(text).digest();
export const word = (text) => hex(sha(text));

/** The block of a slot, as `eth_getBlockByNumber` would give it. */
export const execution = (slot) => ({
	hash: word(`hash ${slot}`),
	parentHash: word(`hash ${slot - 1}`),
	miner: "0x" + "11".repeat(20),
	stateRoot: word(`state ${slot}`),
	receiptsRoot: word("receipts"),
	logsBloom: "0x" + "00".repeat(256),
	mixHash: word("mix"),
	number: slot,
	gasLimit: 30_000_000,
	gasUsed: 21_000,
	timestamp: 1_800_000_000 + slot * 12,
	extraData: "0x",
	baseFeePerGas: "0x7",
});

/** A beacon chain over such blocks. */
export const make = (options) => new BeaconSim({ time: 1_800_000_000, execution, ...options });
