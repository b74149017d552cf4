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
				build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
			},
);
