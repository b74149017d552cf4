// Plays the gateway's page in a headless Chromium and prints what the video element did.
//
//   node player.mjs URL [SECONDS]
//
// Exits 0 when the picture has advanced by SECONDS (5) and no player error was shown.
import { watch } from "./browser.mjs";

const [url, seconds = "5"] = process.argv.slice(2);
if (!url) {
	console.error("usage: node player.mjs URL [SECONDS]");
	process.exit(2);
}
const problems = [];
let state = {};
await watch(url, problems, async (page) => {
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
});
console.log(JSON.stringify({ ...state, problems }));
process.exit(problems.length ? 1 : 0);
