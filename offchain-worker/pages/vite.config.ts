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
		for (const { fileName, isDynamicEntry, facadeModuleId } of chunks) {
			const view = isDynamicEntry && /\/src\/views\/(\w+)\.tsx$/.exec(facadeModuleId ?? "")?.[1];
			if (view) found[view] = [...all(fileName)].filter((name) => !first.has(name));
		}
		this.emitFile({ type: "asset", fileName: "preloads.json", source: JSON.stringify(found) });
	},
});

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
				build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
			},
);
