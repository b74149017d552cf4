// Lodestar's own light client over what a beacon node gives: a second opinion, of software that knows
// every fork up to Heze and shares nothing with the chain's client.
import { createBeaconConfig } from "@lodestar/config";
import { LightclientSpec, validateLightClientBootstrap } from "@lodestar/state-transition/light-client";
import { ssz } from "@lodestar/types";

/** The kinds of messages in the order in which a client takes them. */
export const KINDS = ["LightClientBootstrap", "LightClientUpdate", "LightClientFinalityUpdate"];

function config(sim) {
	const forks = sim.schedule.flatMap(({ name, version, epoch }) => {
		if (name === "phase0") return [["GENESIS_FORK_VERSION", version]];
		const prefix = `${name.toUpperCase()}_FORK`;
		return [[`${prefix}_VERSION`, version], [`${prefix}_EPOCH`, epoch ?? Infinity]];
	});
	return createBeaconConfig(Object.fromEntries(forks), sim.genesisValidatorsRoot);
}

/** Several updates in SSZ: before each its length and four bytes for its fork. */
function* unframed(bytes) {
	for (let at = 0; at < bytes.length; ) {
		const end = at + 8 + Number(bytes.readBigUInt64LE(at));
		if (end > bytes.length) throw new Error("an update is cut short");
		yield bytes.subarray(at + 12, end);
		at = end;
	}
}

/** The forks that an answer in JSON names, message by message. */
export const versions = (json) => [JSON.parse(json)].flat().map(({ version }) => version);

/** The messages of one answer, in JSON or in SSZ, each in the form of its fork. */
export function read(kind, bytes, isJson, forks) {
	const type = (i) => ssz[forks[i]][kind];
	if (isJson) return [JSON.parse(bytes)].flat().map(({ data }, i) => type(i).fromJson(data));
	const parts = kind === "LightClientUpdate" ? [...unframed(bytes)] : [bytes];
	return parts.map((part, i) => type(i).deserialize(new Uint8Array(part)));
}

/** The slot that is final for Lodestar's client after a bootstrap and updates; throws where it refuses one. */
export function follow(sim, checkpoint, [bootstrap, ...updates]) {
	const network = config(sim);
	validateLightClientBootstrap(network, Uint8Array.from(Buffer.from(checkpoint.slice(2), "hex")), bootstrap);
	const client = new LightclientSpec(network, { allowForcedUpdates: false, updateHeadersOnForcedUpdate: false }, bootstrap);
	for (const update of updates) {
		if (update.nextSyncCommittee) client.onUpdate(sim.slot, update);
		else client.onFinalityUpdate(sim.slot, update);
	}
	return client.store.finalizedHeader.beacon.slot;
}
