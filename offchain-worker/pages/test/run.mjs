// Bundles the tests, since node reads no TypeScript, and runs them: `npm test`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const out = mkdtempSync(join("node_modules", ".test-"));
try {
	const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
	await build({
		entryPoints: tests.map((name) => join("test", name)),
		outdir: out,
		outExtension: { ".js": ".mjs" },
		bundle: true,
		platform: "node",
		format: "esm",
		target: "node18",
		jsx: "automatic",
		jsxImportSource: "preact",
		inject: ["test/shim.ts"],
		// A compiler is taken as it is.
		external: ["typescript"],
		logLevel: "warning",
	});
	const files = readdirSync(out).map((name) => join(out, name));
	process.exitCode = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
	rmSync(out, { recursive: true, force: true });
}
