/**
 * What the pages take the chain's answers for is what the runtime gives: each field, whether it may be missing, and every
 * word of an enumeration. Held to the metadata that the worker was built for, which the runtime's tests keep.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { getLookupFn, type LookupEntry } from "@polkadot-api/metadata-builders";
import { decAnyMetadata, unifyMetadata } from "@polkadot-api/substrate-bindings";
import ts from "typescript";

const metadata = unifyMetadata(decAnyMetadata(new Uint8Array(readFileSync("../chain/metadata.scale"))));
const lookup = getLookupFn(metadata);
/** Reads that no role of the worker makes by its metadata, which hence has nothing of them. */
const UNTOLD = ["accepted", "bridge", "parameters", "performance", "round", "spending_keys", "timing"];

const SOURCE = "src/chain/chain.ts";
const WRONG = "test/wrong.types.ts";
const program = ts.createProgram([SOURCE, WRONG], { strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, skipLibCheck: true, noEmit: true, types: [] });
const checker = program.getTypeChecker();
function declared(file: string, name: string): ts.InterfaceDeclaration {
	const found = program.getSourceFile(file)?.statements.find((one): one is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(one) && one.name.text === name);
	assert.ok(found, `${file} has no ${name}`);
	return found;
}
const methods = new Map(metadata.apis.find(({ name }) => name === "LivepeerApi")?.methods.map((method) => [method.name, method]));
const parts = (type: ts.Type): readonly ts.Type[] => checker.getTypeArguments(type as ts.TypeReference);

/** What PAPI's codecs make of a type without parts of its own; `null` for one that has some. */
function plain(entry: LookupEntry): string | null {
	switch (entry.type) {
		case "primitive":
			return entry.value === "bool" ? "boolean" : /^[ui](8|16|32)$/.test(entry.value) ? "number" : /^[ui]/.test(entry.value) ? "bigint" : "string";
		case "compact":
			return entry.isBig === false ? "number" : "bigint";
		case "AccountId32":
			return "string";
		case "array":
			// Hashes and keys, in hexadecimal.
			return entry.value.type === "primitive" && entry.value.value === "u8" ? "string" : null;
		case "void":
			return "undefined";
		default:
			return null;
	}
}

/** What is wrong with a type of the pages, held to that of the chain; a page need not name all fields of a struct. */
function wrong(type: ts.Type, entry: LookupEntry, path: string): string[] {
	if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return [];
	const given = checker.typeToString(type);
	const isOption = entry.type === "option";
	const mayLack = type.isUnion() && type.types.some(({ flags }) => flags & ts.TypeFlags.Undefined);
	if (isOption !== mayLack) return [`${path}: it ${isOption ? "may" : "cannot"} be missing, and is ${given}`];
	if (isOption) return wrong(checker.getNonNullableType(type), entry.value, path);
	const simple = plain(entry);
	if (simple !== null) return simple === given ? [] : [`${path}: ${simple}, not ${given}`];
	switch (entry.type) {
		case "sequence":
			return checker.isArrayType(type) ? wrong(parts(type)[0] as ts.Type, entry.value, `${path}[]`) : [`${path}: a list, not ${given}`];
		case "array":
		case "tuple": {
			// Parts that are alike are a list as well.
			const each = entry.type === "tuple" ? entry.value : Array.from({ length: entry.len }, () => entry.value);
			const of = checker.isArrayType(type) ? each.map(() => parts(type)[0]) : checker.isTupleType(type) ? parts(type) : [];
			return of.length === each.length ? each.flatMap((one, i) => wrong(of[i] as ts.Type, one, `${path}[${i}]`)) : [`${path}: ${each.length} parts, not ${given}`];
		}
		case "struct":
			return type.getProperties().flatMap((field) => {
				const there = entry.value[field.name];
				return there ? wrong(checker.getTypeOfSymbol(field), there, `${path}.${field.name}`) : [`${path} has no ${field.name}`];
			});
		case "enum": {
			const tag = type.getProperty("type");
			if (!tag) return [`${path}: one of several, not ${given}`];
			const words = checker.getTypeOfSymbol(tag);
			// Any word, where a page shows it as it is.
			if (words.flags & ts.TypeFlags.String) return [];
			const known = (words.isUnion() ? words.types : [words]).map((one) => (one.isStringLiteral() ? one.value : "?")).sort();
			const told = Object.keys(entry.value).sort();
			return known.join() === told.join() ? [] : [`${path}: one of ${told}, not of ${known}`];
		}
		default:
			return [`${path}: ${entry.type}, which no page reads`];
	}
}

test("answers of the chain should be what the pages take them for", () => {
	const untold: string[] = [];
	const problems = checker.getTypeAtLocation(declared(SOURCE, "Reads")).getProperties().flatMap((read) => {
		const method = methods.get(read.name);
		if (!method) {
			untold.push(read.name);
			return [];
		}
		const [asked, answer] = parts(checker.getTypeOfSymbol(read)) as [ts.Type, ts.Type];
		const given = parts(asked);
		if (given.length !== method.inputs.length) return [`${read.name} takes ${method.inputs.length} arguments`];
		return [...method.inputs.flatMap(({ name, type }, i) => wrong(given[i] as ts.Type, lookup(type), `${read.name}(${name})`)), ...wrong(answer, lookup(method.output), read.name)];
	});
	assert.deepEqual(problems, []);
	assert.deepEqual(untold.sort(), UNTOLD);
});

test("wrong types should be told, each for what is wrong with it", () => {
	const seats = lookup(methods.get("pool")?.output as number);
	const locks = lookup(methods.get("stake")?.output as number);
	assert.ok(seats.type === "sequence");
	const told = (name: string, entry: LookupEntry): string[] => wrong(checker.getTypeAtLocation(declared(WRONG, name)), entry, name);
	assert.deepEqual(told("WrongSeat", seats.value), [
		"WrongSeat.account: string, not number",
		"WrongSeat.stake: it cannot be missing, and is bigint | undefined",
		"WrongSeat.reason: one of Drawn,Jailed,New,OwnBond,Stake,Waits, not of Drawn,Stake",
		"WrongSeat has no seat",
	]);
	assert.deepEqual(told("WrongStake", locks), [
		"WrongStake.delegate: it may be missing, and is string",
		"WrongStake.locks[].id: number, not bigint",
	]);
});
