// Plays the gateway's page in a headless Chromium and prints what the video element did.
//
//   node player.mjs URL [SECONDS]
//
// Exits 0 when the picture has advanced by SECONDS (5) and no player error was shown.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, seconds = "5"] = process.argv.slice(2);
if (!url) {
	console.error("usage: node player.mjs URL [SECONDS]");
	process.exit(2);
}
const profile = mkdtempSync(join(tmpdir(), "livepeer-player-"));
const context = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	headless: true,
	args: [
		"--no-sandbox",
		"--disable-gpu",
		"--disable-quic",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
		"--autoplay-policy=no-user-gesture-required",
	],
});
const problems = [];
let state = {};
try {
	const page = await context.newPage();
	page.on("pageerror", (error) => problems.push(String(error)));
	await page.goto(url, { waitUntil: "domcontentloaded", timeout: 30_000 });
	// The page's script puts it there.
	await page.waitForSelector("video", { state: "attached", timeout: 30_000 });
	const read = () =>
		page.evaluate(() => {
			const video = document.querySelector("video");
			return {
				time: video?.currentTime ?? 0,
				width: video?.videoWidth ?? 0,
				height: video?.videoHeight ?? 0,
				frames: video?.getVideoPlaybackQuality?.().totalVideoFrames ?? 0,
				error: video?.error?.message ?? null,
			};
		});
	await page.evaluate(() => {
		const video = document.querySelector("video");
		video.muted = true;
		return video.play().catch(() => undefined);
	});
	const deadline = Date.now() + 90_000;
	let first;
	for (;;) {
		state = await read();
		if (state.frames > 0) first ??= state.time;
		if (first !== undefined && state.time - first >= Number(seconds)) break;
		if (Date.now() > deadline) {
			problems.push(`the picture stopped at ${state.time} s`);
			break;
		}
		await page.waitForTimeout(250);
	}
	if (state.error) problems.push(state.error);
	if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
} catch (error) {
	problems.push(String(error));
} finally {
	await context.close();
	rmSync(profile, { recursive: true, force: true });
}
console.log(JSON.stringify({ url, ...state, problems }));
process.exit(problems.length ? 1 : 0);
