import assert from "node:assert/strict";
import { test } from "node:test";
import { toStream, whither } from "../src/ui/whither";

const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

test("search should lead to what was named", () => {
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

test("link to a page of any gateway should lead to the same page here, and nowhere else", () => {
	assert.equal(whither(`https://gateway.example:8935/stream/${alice}/demo?x=1#y`), `/stream/${alice}/demo`);
	assert.equal(toStream(`http://127.0.0.1:8935/stream/${alice}/demo`), `/stream/${alice}/demo`);
	assert.equal(toStream(" demo "), "/stream/demo");
	assert.equal(toStream(" "), null);
	for (const elsewhere of ["https://elsewhere.example/", "https://elsewhere.example//stream/x", "javascript:alert(1)//stream/x"]) assert.match(whither(elsewhere) ?? "", /^\/stream\/[^/]/);
});
