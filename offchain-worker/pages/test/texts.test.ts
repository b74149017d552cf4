/** Texts stand in both languages beside each other: that both say the same things, as far as a program can tell. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import ts from "typescript";

const HAN = /\p{Script=Han}/u;
const files = ts.sys.readDirectory("src", [".ts", ".tsx"]);
const parsed = (file: string): ts.SourceFile => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true, file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
function* nodesOf(node: ts.Node): Generator<ts.Node> {
	yield node;
	const children: ts.Node[] = [];
	ts.forEachChild(node, (child) => void children.push(child));
	for (const child of children) yield* nodesOf(child);
}

/** What a text says itself, and what is filled into it; which of several it is, as of singular and plural, is each language's own. */
function partsOf(node: ts.Expression): { words: string; filled: string[] } {
	const all = (...of: ts.Expression[]) => {
		const parts = of.map(partsOf);
		return { words: parts.map(({ words }) => words).join(" "), filled: parts.flatMap(({ filled }) => filled) };
	};
	if (ts.isStringLiteralLike(node)) return { words: node.text, filled: [] };
	if (ts.isParenthesizedExpression(node)) return all(node.expression);
	if (ts.isConditionalExpression(node)) return all(node.whenTrue, node.whenFalse);
	if (ts.isTemplateExpression(node)) {
		const inner = all(...node.templateSpans.map(({ expression }) => expression));
		return { ...inner, words: [node.head.text, inner.words, ...node.templateSpans.map(({ literal }) => literal.text)].join(" ") };
	}
	// A date as each language writes it.
	return { words: "", filled: [node.getText().replace(/"(en-GB|zh-CN)"/, "")] };
}

/** All that is said, in both languages, with where. */
function* texts(): Generator<[string, ts.Expression, ts.Expression]> {
	for (const file of files) {
		for (const node of nodesOf(parsed(file))) {
			if (!ts.isCallExpression(node) || node.expression.getText() !== "t") continue;
			const [en, zh, more] = node.arguments;
			// Those of a table are looked at where they stand.
			if (!en || ts.isSpreadElement(en) || (ts.isIdentifier(en) && en.text === "en")) continue;
			assert.ok(zh && !more, `${file}: ${node.getText()}`);
			yield [file, en, zh];
		}
	}
	for (const file of ["src/ui/named.ts", "src/ui/refused.ts"]) {
		for (const node of nodesOf(parsed(file))) {
			if (!ts.isArrayLiteralExpression(node) || !ts.isPropertyAssignment(node.parent)) continue;
			const [en, zh, more] = node.elements;
			assert.ok(en && zh && !more, `${file}: ${node.getText()}`);
			yield [file, en, zh];
		}
	}
}

test("every text should say in Chinese what it says in English, and fill in the same", () => {
	let count = 0;
	for (const [file, en, zh] of texts()) {
		const [english, chinese] = [partsOf(en), partsOf(zh)];
		const where = `${file}: ${en.getText()}`;
		assert.ok(!HAN.test(english.words), where);
		// An arrow, or nothing, may stand for a word.
		assert.ok(HAN.test(chinese.words) || !/\p{L}/u.test(chinese.words), where);
		const set = (filled: string[]): string[] => [...new Set(filled)].sort();
		assert.deepEqual(set(chinese.filled), set(english.filled), where);
		count++;
	}
	assert.ok(count > 800, `${count} texts`);
});

test("one thing should have one word in Chinese", () => {
	for (const [file, , zh] of texts()) {
		for (const [other, right] of [
			[/主播(?!放)/, "广播者"],
			[/验证者/, "验证人"],
			[/解绑/, "解押"],
			[/未决声明/, "未结声明"],
		] as const) assert.doesNotMatch(partsOf(zh).words, other, `${file}: it is ${right}`);
	}
});

test("player of other pages should have the same words in both languages", () => {
	const table = [...nodesOf(parsed("src/player/element.ts"))].find((node): node is ts.VariableDeclaration => ts.isVariableDeclaration(node) && node.name.getText() === "WORDS")?.initializer;
	assert.ok(table && ts.isObjectLiteralExpression(table));
	const [en, zh] = table.properties.map((language) => {
		assert.ok(ts.isPropertyAssignment(language) && ts.isObjectLiteralExpression(language.initializer));
		return language.initializer.properties.map((word) => word.name?.getText());
	});
	assert.deepEqual(zh, en);
	assert.ok(en && en.length > 5);
});
