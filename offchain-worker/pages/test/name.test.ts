import assert from "node:assert/strict";
import { test } from "node:test";
import { isServed, nameOf, pathOf, shownName } from "../src/player/name";
import { isNode } from "../src/views/embed";

const owner = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
/** Where a browser goes that is led there. */
const led = (path: string): string => new URL(path, "http://gateway").pathname;

test("address of a stream should be read back as its name", () => {
	for (const name of ["demo", "a b", "a/b", "../../stake", "%2e%2e", "a?b#c", "直播", "\\evil", "//evil.example"]) {
		const whole = `${owner}/${name}`;
		assert.equal(decodeURIComponent(led(pathOf(whole))), `/stream/${whole}`, name);
		assert.equal(nameOf(whole), name);
	}
	assert.equal(pathOf("demo"), "/stream/demo");
});

test("names that no gateway serves should be listed nowhere", () => {
	for (const name of ["demo", "a", "A_b-c.1", "x".repeat(64)]) assert.ok(isServed(`${owner}/${name}`), name);
	for (const name of ["", ".", "..", ".a", "a b", "a/b", "../../stake", "直播", "a\n", "<b>", "x".repeat(65), "\u202eomed"]) assert.ok(!isServed(`${owner}/${name}`), name);
});

test("attack name that looks like another", () => {
	assert.equal(shownName(`${owner}/dem\u200bo`), "dem\ufffdo");
	assert.equal(shownName("\u202eomed"), "\ufffdomed");
	assert.equal(shownName("a\nb\u0000c\u2066d"), "a\ufffdb\ufffdc\ufffdd");
	assert.equal(shownName(`${owner}/直播 ~ é`), "直播 ~ é");
});

test("only what could be a node's address should be asked", () => {
	for (const good of ["http://127.0.0.1:9944", "https://node.example", "http://localhost:9944/"]) assert.ok(isNode(good), good);
	for (const none of ["", "127.0.0.1:9944", "ws://127.0.0.1:9944", "javascript:alert(1)", "/chain", "light", "http://a b", "http://me@node", "http://node/?to=me"]) assert.ok(!isNode(none), none);
});
