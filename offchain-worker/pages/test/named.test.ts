import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decAnyMetadata, unifyMetadata } from "@polkadot-api/substrate-bindings";
import { REASONS } from "../src/proof/formats";
import { accuses, endedText, rejectedText, stageText, stoppedText, unsuitedText, verdictText } from "../src/ui/named";

const { lookup } = unifyMetadata(decAnyMetadata(new Uint8Array(readFileSync("../chain/metadata.scale"))));
const variants = (name: string): string[] => {
	const found = lookup.find(({ path }) => path.at(-1) === name)?.def;
	assert.ok(found?.tag === "variant", name);
	return found.value.map((variant) => variant.name);
};

test("each verdict and reason of the chain should have words", () => {
	const verdicts = variants("Verdict").flatMap((kind) => (["Mismatch", "NonConforming", "Unavailable"].includes(kind) ? variants(`${kind}Kind`).map((inner) => `${kind} ${inner}`) : [kind]));
	assert.ok(verdicts.length > 10);
	for (const verdict of verdicts) assert.notEqual(verdictText(verdict), verdict);
	assert.deepEqual(variants("RejectReason"), [...REASONS]);
	for (const reason of REASONS) assert.ok(!rejectedText(reason).includes(reason));
	assert.equal(stageText("AwaitingDispute"), "the judges disagree; all validators are asked");
});

test("each reason why a job waits or is over should have words: who pays for it can act on them", () => {
	const source = readFileSync("../../pallets/jobs/src/types.rs", "utf8");
	for (const [name, told] of [
		["Unsuited", unsuitedText],
		["EndReason", endedText],
	] as const) {
		const [, list = ""] = new RegExp(`pub enum ${name} \\{([^]*?)\n\\}`).exec(source) ?? [];
		const reasons = [...list.matchAll(/^\t([A-Z]\w+),$/gm)].map(([, reason]) => reason as string);
		assert.ok(reasons.length > 2, name);
		for (const reason of reasons) assert.notEqual(told(reason), reason);
	}
});

test("events that a page tells should be the chain's", () => {
	const told = [...readFileSync("src/views/events.tsx", "utf8").matchAll(/case "(\w+)\.(\w+)":/g)];
	assert.ok(told.length > 40);
	for (const [, pallet = "", event = ""] of told) {
		const folder = pallet.replace(/(?!^)[A-Z]/g, "-$&").toLowerCase();
		const [, list = ""] = /pub enum Event<T: Config> \{([^]*?)\n\t\}/.exec(readFileSync(`../../pallets/${folder}/src/lib.rs`, "utf8")) ?? [];
		assert.match(list, new RegExp(`^\\t\\t${event}[ ,]`, "m"), `${pallet}.${event}`);
	}
});

test("what a later runtime adds should be called by its name", () => {
	assert.equal(verdictText("Other"), "Other");
	assert.equal(stoppedText("constructor"), "constructor");
});

test("judges who found what was drawn, or could not judge, accuse nobody", () => {
	for (const verdict of ["Valid", "Variant", "Abstain"]) assert.ok(!accuses(verdict), verdict);
	for (const verdict of ["Mismatch Video", "NonConforming Size", "Unavailable TooLate"]) assert.ok(accuses(verdict), verdict);
});
