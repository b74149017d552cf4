import assert from "node:assert/strict";
import { test } from "node:test";
import { whither } from "../src/ui/whither";

test("search should lead to what was named", () => {
	const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	for (const [text, path] of [
		["", null],
		["  ", null],
		[alice, `/account/${alice}`],
		[` ${alice} `, `/account/${alice}`],
		["job 7", "/job/7"],
		["Job #7", "/job/7"],
		["claim12", "/claim/12"],
		["block 9", "/block/9"],
		["round 3", "/round/3"],
		["任务 7", "/job/7"],
		["声明 7", "/claim/7"],
		["区块 7", "/block/7"],
		["轮 7", "/round/7"],
		["轮次 7", "/round/7"],
		["12", "/claim/12"],
		[`${alice}/my stream`, `/stream/${alice}/my%20stream`],
		["demo", "/stream/demo"],
		["jobs 7", "/stream/jobs%207"],
	] as const) {
		assert.equal(whither(text), path, text);
	}
});
