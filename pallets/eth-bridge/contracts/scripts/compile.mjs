// Compiles the contracts and writes the artefacts; with --check it compares them with those in the
// tree instead, and fails where they differ.
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const solc = createRequire(import.meta.url)("solc");
const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** What is compiled: file, contract. */
const CONTRACTS = [
	["src/Gateway.sol", "Gateway"],
	["test/contracts/TestToken.sol", "TestToken"],
	["test/contracts/BadRecipient.sol", "BadRecipient"],
	["@openzeppelin/contracts/governance/TimelockController.sol", "TimelockController"],
];

/** The artefacts by name, as JSON texts. */
export function compile() {
	const read = (path) => readFileSync(join(root, path.startsWith("@") ? "node_modules" : "", path), "utf8");
	const input = {
		language: "Solidity",
		sources: Object.fromEntries(CONTRACTS.map(([path]) => [path, { content: read(path) }])),
		settings: {
			evmVersion: "cancun",
			viaIR: true,
			optimizer: { enabled: true, runs: 10_000 },
			// The code alone, so that artefacts depend on nothing else.
			metadata: { appendCBOR: false, bytecodeHash: "none" },
			outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "storageLayout"] } },
		},
	};
	const output = JSON.parse(
		solc.compile(JSON.stringify(input), { import: (path) => ({ contents: read(path) }) }),
	);
	const messages = (output.errors ?? []).filter((e) => !e.sourceLocation?.file.startsWith("@"));
	if (messages.length) throw new Error(messages.map((e) => e.formattedMessage).join("\n"));
	return Object.fromEntries(
		CONTRACTS.map(([path, name]) => {
			const { abi, evm, storageLayout } = output.contracts[path][name];
			const layout = storageLayout.storage.map(({ label, slot, offset }) => ({ label, slot: Number(slot), offset }));
			const artefact = { contract: name, compiler: solc.version(), storage: layout, abi, bytecode: "0x" + evm.bytecode.object };
			return [name, JSON.stringify(artefact, null, "\t") + "\n"];
		}),
	);
}

/** The artefact in the tree. */
export const artefact = (name) => JSON.parse(readFileSync(join(root, `artifacts/${name}.json`), "utf8"));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const check = process.argv.includes("--check");
	let differ = false;
	mkdirSync(join(root, "artifacts"), { recursive: true });
	for (const [name, text] of Object.entries(compile())) {
		const path = join(root, `artifacts/${name}.json`);
		if (!check) writeFileSync(path, text);
		else if (text !== readFileSync(path, "utf8")) {
			console.error(`artifacts/${name}.json is not what the sources compile to: run make contracts SAVE=1`);
			differ = true;
		}
	}
	process.exitCode = differ ? 1 : 0;
}
