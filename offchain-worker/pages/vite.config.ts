import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Puts a compressed twin beside each file, which the gateway gives to who takes it. */
const twins = (): Plugin => ({
	name: "twins",
	apply: "build",
	closeBundle() {
		const walk = (folder: string): void => {
			for (const name of readdirSync(folder)) {
				const path = join(folder, name);
				if (statSync(path).isDirectory()) walk(path);
				else if (!name.endsWith(".gz")) writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
			}
		};
		walk("dist");
	},
});

/**
 * Writes which files each page loads beyond the first, by the name of its view: the gateway tells a
 * browser of them together with the document, which spares it a wait for each.
 */
const preloads = (): Plugin => ({
	name: "preloads",
	generateBundle(_, bundle) {
		const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
		const imports = (name: string): string[] => chunks.find(({ fileName }) => fileName === name)?.imports ?? [];
		const all = (name: string, seen = new Set<string>()): Set<string> => {
			if (!seen.has(name)) {
				seen.add(name);
				for (const one of imports(name)) all(one, seen);
			}
			return seen;
		};
		const first = new Set(chunks.filter(({ isEntry }) => isEntry).flatMap(({ fileName }) => [...all(fileName)]));
		const found: Record<string, string[]> = {};
		for (const { fileName, isDynamicEntry, name: view, moduleIds } of chunks) {
			// By what it holds: one that others share parts with is no longer that view alone.
			if (!isDynamicEntry || !moduleIds.some((id) => id.endsWith(`/src/views/${view}.tsx`))) continue;
			found[view] = [...all(fileName)].filter((name) => !first.has(name));
		}
		for (const view of ["watch", "network", "stake", "objects", "broadcast"]) {
			if (!found[view]) this.error(`nothing is told of what ${view} loads`);
		}
		this.emitFile({ type: "asset", fileName: "preloads.json", source: JSON.stringify(found) });
	},
});

/** What several pages share, in two files instead of many small ones: each has its price on a slow line. */
const shared = (id: string): string | undefined =>
	/\/src\/(proof\/(formats|scale)|chain\/(address|breath))\.ts$|@noble\/hashes\/(blake2|_blake|_md|_u64|utils)\.js$/.test(id)
		? "formats"
		: /\/src\/(views\/(events|record|seats)|ui\/(chart|named)|chain\/(claims|prices))\.tsx?$/.test(id)
			? "common"
			: undefined;

const jsx = { jsx: "automatic", jsxImportSource: "preact" } as const;

// Two builds: the pages, and the player for other pages, which is one file with a name that stays.
export default defineConfig(({ mode }) =>
	mode === "player"
		? {
				esbuild: jsx,
				build: {
					target: "es2022",
					emptyOutDir: false,
					lib: { entry: "src/player/element.ts", formats: ["es"], fileName: () => "livepeer-player.js" },
					rollupOptions: { output: { inlineDynamicImports: true } },
				},
				plugins: [twins()],
			}
		: {
				esbuild: jsx,
				plugins: [preloads()],
				// The light client's.
				worker: { format: "es" },
				build: { target: "es2022", rollupOptions: { output: { manualChunks: shared } }, assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
			},
);
