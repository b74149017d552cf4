// `livepeer-bridge check-update` on what a beacon node gives, made with Lodestar's types: bootstrap,
// updates and finality of each fork, over the end of a period and over a fork, in JSON and in SSZ. What
// is right is taken, and nothing of which a bit is changed; Lodestar's own light client judges the same.
//
//   node check-update.mjs --bin-dir FOLDER
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { make } from "./beacon-sim/made-up.mjs";
import { KINDS, follow, read, versions } from "./beacon-sim/lodestar.mjs";
import { server } from "./beacon-sim/serve.mjs";
import { SLOTS_PER_PERIOD, hex } from "./beacon-sim/sim.mjs";

const { values: options } = parseArgs({ options: { "bin-dir": { type: "string" } } });
assert.ok(options["bin-dir"], "usage: node check-update.mjs --bin-dir FOLDER");
const relayer = join(options["bin-dir"], "livepeer-bridge");
const folder = mkdtempSync(join(tmpdir(), "livepeer-check-update-"));
const JSON_TYPE = "application/json";
const SSZ_TYPE = "application/octet-stream";

/** What the command says of these files; an error when it refuses one. */
async function check(network, checkpoint, messages) {
	const files = messages.map((bytes, i) => {
		const file = join(folder, String(i));
		writeFileSync(file, bytes);
		return file;
	});
	writeFileSync(join(folder, "network.json"), JSON.stringify(network));
	const args = ["check-update", "--network", join(folder, "network.json"), "--checkpoint", checkpoint, ...files];
	const { stdout } = await promisify(execFile)(relayer, args);
	return stdout.trim().split("\n");
}

/** The same bytes with one bit turned over. */
function flipped(bytes, at) {
	const copy = Buffer.from(bytes);
	copy[at] ^= 1;
	return copy;
}

/** The paths of all hexadecimal values of a message that are of use: nobody asks for the execution block of
 * the block that is signed. */
function* values(message, path = []) {
	for (const [name, value] of Object.entries(message)) {
		if (path.at(-1) === "attested_header" && name.startsWith("execution")) continue;
		if (typeof value === "object") yield* values(value, [...path, name]);
		else if (value.startsWith("0x")) yield [...path, name];
	}
}

/** A message in JSON with a digit changed of the value at `path`. */
function changed(bytes, path) {
	const message = JSON.parse(bytes);
	const holder = path.slice(0, -1).reduce((inner, name) => inner[name], message);
	const name = path.at(-1);
	holder[name] = holder[name].replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
	return JSON.stringify(message);
}

async function story(forks) {
	// The second period begins, and with it the last fork.
	const sim = make({ forks, slot: SLOTS_PER_PERIOD - 8 });
	for (let i = 0; i < 6; ++i) await sim.step();
	const checkpoint = hex(sim.head.finalised.root);
	for (let i = 0; i < 12; ++i) await sim.step();
	const http = server(sim).listen(0, "127.0.0.1");
	await once(http, "listening");
	const api = async (path, accept) => {
		const answer = await fetch(`http://127.0.0.1:${http.address().port}/eth/v1/beacon/light_client/${path}`, { headers: { accept } });
		return Buffer.from(await answer.arrayBuffer());
	};
	const network = {
		genesis_validators_root: hex(sim.genesisValidatorsRoot),
		genesis_time: String(sim.genesisTime),
		seconds_per_slot: String(sim.secondsPerSlot),
		forks: forks.map(([name, epoch]) => ({ version: hex(sim.version(name)), epoch: String(epoch), layout: name })),
	};
	const paths = [`bootstrap/${checkpoint}`, "updates?start_period=0&count=2", "finality_update"];
	const names = (await Promise.all(paths.map((path) => api(path, JSON_TYPE)))).map(versions);
	for (const accept of [JSON_TYPE, SSZ_TYPE]) {
		const messages = await Promise.all(paths.map((path) => api(path, accept)));
		const said = await check(network, checkpoint, messages);
		const lodestar = (all) =>
			follow(sim, checkpoint, all.flatMap((bytes, i) => read(KINDS[i], bytes, accept === JSON_TYPE, names[i])));
		assert.equal(lodestar(messages), sim.finality.value.finalizedHeader.beacon.slot);
		assert.deepEqual(said.map((line) => line.replace(/^\S+ (.*?)[ :].*/, "$1")), ["bootstrap", "update", "update", "finality"]);
		assert.match(said.at(-1), new RegExp(`slot ${sim.finality.value.finalizedHeader.beacon.slot} final`));
		const refused = async (place, wrong) => {
			const all = messages.map((right, i) => (i === place ? wrong : right));
			assert.throws(() => lodestar(all));
			await assert.rejects(check(network, checkpoint, all), /check-update/);
		};
		for (const [place, right] of messages.entries()) {
			if (accept === SSZ_TYPE) {
				// Of a bootstrap its branch, of the others the slot of the signature, the signature and who has
				// signed; a key of the committee, a header or a branch; and a byte less.
				const places = place === 0 ? [1] : [1, 20, 110];
				for (const at of [60, ...places.map((end) => right.length - end)]) await refused(place, flipped(right, at));
				await refused(place, right.subarray(0, right.length - 1));
			} else {
				const all = [...values(JSON.parse(right))];
				for (let i = 0; i < all.length; i += Math.ceil(all.length / 6)) await refused(place, changed(right, all[i]));
			}
		}
	}
	http.close();
	http.closeAllConnections();
}

try {
	for (const forks of [[["electra", 0]], [["fulu", 0]], [["gloas", 0]], [["fulu", 0], ["gloas", SLOTS_PER_PERIOD / 32]]]) {
		await story(forks);
		console.log(`${forks.map(([name]) => name).join(" to ")}: what is right is taken, in JSON and in SSZ, and nothing that is changed`);
	}
} finally {
	rmSync(folder, { recursive: true });
}
