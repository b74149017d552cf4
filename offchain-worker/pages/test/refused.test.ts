import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Chain } from "../src/chain/chain";
import { refusedBy } from "../src/chain/tx";
import { refusedText } from "../src/ui/refused";
import { setLanguage } from "../src/ui/words";

/** The errors of a pallet, from its source. */
function errorsOf(pallet: string): string[] {
	const source = readFileSync(`../../pallets/${pallet}/src/lib.rs`, "utf8");
	const [, list = ""] = /pub enum Error<T> \{([^]*?)\n\t\}/.exec(source) ?? [];
	return [...list.matchAll(/^\t\t([A-Z]\w+),$/gm)].map(([, name]) => name as string);
}

/** Whether a refusal has words in both languages. */
function isTold(full: string): void {
	setLanguage("en");
	const english = refusedText(full);
	setLanguage("zh");
	const chinese = refusedText(full);
	setLanguage("en");
	assert.ok(english?.endsWith(`(${full})`) && /^[A-Z]/.test(english), full);
	assert.match(chinese ?? "", /\p{Script=Han}/u, full);
	assert.notEqual(english, chinese, full);
}

test("whatever staking, registering, naming keys and opening jobs is refused for should have words in both languages", () => {
	// Of jobs, what a page's calls can meet: the others are a transcoder's or a worker's.
	const ofJobs = /^(BadStreamName|.*Rendition|Bad(Size|Bitrate|SegmentLength|FrameRate|End)|UnknownProfile|WorkOverflow|CannotBeJudged|TooManyPlaces|StreamHasJob|BudgetTooSmall|InsufficientEth|NothingToAdd|NoJob|JobEnded|NotBroadcaster|NotParty|NoSpendingKey|KeyNotExpired|TooManySpendingKeys|OwnKey|PriceBelowVerification|FullClaimTooSmall|NoOrigin)$/;
	const pallets: [string, string, RegExp][] = [
		["LptStaking", "lpt-staking", /./],
		["TranscoderElection", "transcoder-election", /./],
		["OperatorKeys", "operator-keys", /./],
		["Jobs", "jobs", ofJobs],
	];
	for (const [name, folder, asked] of pallets) {
		const errors = errorsOf(folder).filter((error) => asked.test(error));
		assert.ok(errors.length > 8, `${name} has ${errors.length} errors`);
		for (const error of errors) isTold(`${name}.${error}`);
	}
	assert.equal(refusedText("Nothing.Known"), null);
	// And no words are kept for what is refused no more.
	const told = [...readFileSync("src/ui/refused.ts", "utf8").matchAll(/^\t"(\w+)\.(\w+)":/gm)];
	for (const [name, folder] of pallets) {
		const errors = errorsOf(folder);
		for (const [, of, error = ""] of told) assert.ok(of !== name || errors.includes(error), `${name}.${error}`);
	}
});

test("what a transfer is refused for, and what the brakes close, should have words in both languages", () => {
	// As a page names what the chain says of them.
	const chain = { errorText: () => ({ name: "System.CallFiltered", text: "The origin filter prevent the call to be dispatched." }) } as unknown as Chain;
	const token = (type: string) => ({ type: "Token", value: { type, value: undefined } });
	for (const error of [{ type: "Module", value: { index: 0, error: "0x05000000" } }, ...["FundsUnavailable", "NotExpendable", "BelowMinimum"].map(token)]) isTold(refusedBy(chain, error).refused ?? "");
});
