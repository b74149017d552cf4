// Packs the player as npm would publish it and looks inside: `make pages-package`, which leaves the
// package in the folder that is named.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const out = resolve(process.argv[2] ?? "node_modules/.package");
mkdirSync(out, { recursive: true });
copyFileSync("dist/livepeer-player.js", "player/livepeer-player.js");
try {
	const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", out], { cwd: "player" });
	const [{ filename, files, size }] = JSON.parse(packed);
	const names = files.map(({ path }) => path).sort().join();
	const wanted = "README.md,example.html,index.d.ts,livepeer-player.js,package.json";
	if (names !== wanted) throw new Error(`the package has ${names}`);
	const code = readFileSync("dist/livepeer-player.js", "utf8");
	if (/^import\s|import\(["'][^"']/m.test(code)) throw new Error("the player loads something else");
	// As servers load it that draw a page before a browser does: nothing is there that a browser has.
	const { LivepeerPlayer } = await import(pathToFileURL(resolve("dist/livepeer-player.js")).href);
	if (typeof LivepeerPlayer !== "function") throw new Error("the package has no LivepeerPlayer");
	const lines = readFileSync("player/example.html", "utf8").trim().split("\n").length;
	if (lines > 10) throw new Error(`the example has ${lines} lines`);
	console.log(`${out}/${filename}: ${size} bytes`);
} finally {
	rmSync("player/livepeer-player.js");
}
