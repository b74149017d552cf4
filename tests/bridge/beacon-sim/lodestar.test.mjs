// Lodestar's light client believes the simulator, in every fork, over the end of a period and over a fork;
// and nothing of which a bit is changed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS, follow, read } from "./lodestar.mjs";
import { make } from "./made-up.mjs";
import { SLOTS_PER_PERIOD, hex } from "./sim.mjs";

for (const forks of [[["electra", 0]], [["fulu", 0]], [["gloas", 0]], [["fulu", 0], ["gloas", SLOTS_PER_PERIOD / 32]]]) {
	test(`${forks.map(([name]) => name).join(" to ")}: Lodestar's client follows, and refuses what is changed`, async () => {
		const sim = make({ forks, slot: SLOTS_PER_PERIOD - 8 });
		for (let i = 0; i < 6; ++i) await sim.step();
		const checkpoint = hex(sim.head.finalised.root);
		for (let i = 0; i < 12; ++i) await sim.step();
		const right = [sim.bootstrap(checkpoint), sim.updates.get(0), sim.updates.get(1), sim.finality];
		const values = right.map(({ value }) => value);
		assert.equal(follow(sim, checkpoint, values), sim.finality.value.finalizedHeader.beacon.slot);
		// The committee of the second period is learnt from the first one's update alone.
		assert.throws(() => follow(sim, checkpoint, [values[0], values[3]]), /No SyncCommittee for period 1/);
		for (const [place, { type, version, value }] of right.entries()) {
			const bytes = type.serialize(value);
			for (let part = 0; part < 16; ++part) {
				const at = Math.floor(((part + 0.5) * bytes.length) / 16);
				const changed = Buffer.from(bytes);
				changed[at] ^= 1;
				assert.throws(() => {
					const kind = KINDS[[0, 1, 1, 2][place]];
					// No length stands before it here.
					const wrong = kind === "LightClientUpdate" ? type.deserialize(new Uint8Array(changed)) : read(kind, changed, false, [version])[0];
					follow(sim, checkpoint, values.map((one, i) => (i === place ? wrong : one)));
				}, `byte ${at} of message ${place}`);
			}
		}
	});
}
