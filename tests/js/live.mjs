// Plays a live stream of the demo on the gateway's page in a headless Chromium, and measures by the
// clock that is drawn into its pictures: 16 bits along the upper edge, 25 counts a second.
//
//   node live.mjs URL [SECONDS]          (`make live-figures` runs it)
//
// Watches until the picture has stood still for 30 s or SECONDS (240) have passed. Prints when the
// first picture was shown, how far behind the pictures were, by how many segments the page was behind the
// newest that the gateway had, and every time they stood still. Exits 0
// when pictures were shown and went on after each pause but the last.
import { watch } from "./browser.mjs";

const [url, seconds = "240"] = process.argv.slice(2);
if (!url) {
	console.error("usage: node live.mjs URL [SECONDS]");
	process.exit(2);
}
const problems = [];
const behind = [];
const segments = [];
const pauses = [];
const sizes = new Set();
let first;
await watch(url, problems, async (page, opened) => {
	// The time of the picture that is shown, and what is in its bits.
	const read = () =>
		page.evaluate(() => {
			const video = document.querySelector("video");
			if (!video?.videoWidth) return null;
			const canvas = (globalThis.seen ??= document.createElement("canvas"));
			[canvas.width, canvas.height] = [160, 90];
			const draw = canvas.getContext("2d", { willReadFrequently: true });
			draw.drawImage(video, 0, 0, 160, 90);
			const now = Date.now();
			let count = 0;
			for (let bit = 0; bit < 16; bit++) {
				const [r, g, b] = draw.getImageData(bit * 10 + 4, 4, 1, 1).data;
				if (r + g + b > 384) count += 2 ** bit;
			}
			const said = document.getElementById("verdict")?.dataset.behind;
			const segments = said ? Number(said) : null;
			return { now, count, segments, time: video.currentTime, width: video.videoWidth };
		});
	let moved = { at: Date.now(), time: -1 };
	for (const end = opened + Number(seconds) * 1000; Date.now() < end; ) {
		await page.waitForTimeout(200);
		const state = await read();
		if (state && state.time !== moved.time) {
			if (first === undefined) first = state.now - opened;
			else if (state.now - moved.at > 1000) pauses.push((state.now - moved.at) / 1000);
			moved = { at: state.now, time: state.time };
			sizes.add(state.width);
			const late = ((state.now / 40 - state.count) % 65536) / 25;
			// A picture between two sizes, or none of ours, shows anything.
			if (late >= 0 && late < 60) behind.push(late);
			if (state.segments !== null) segments.push(state.segments);
		} else if (first !== undefined && Date.now() - moved.at > 30_000) break;
	}
});
behind.sort((a, b) => a - b);
segments.sort((a, b) => a - b);
const part = (of, share) => of[Math.min(of.length - 1, Math.floor(of.length * share))];
if (first === undefined) problems.push("no picture was shown");
if (!behind.length) problems.push("no picture showed its time");
console.log(
	JSON.stringify({
		first: first === undefined ? null : first / 1000,
		behind: { median: part(behind, 0.5)?.toFixed(2), p95: part(behind, 0.95)?.toFixed(2), samples: behind.length },
		segments: { median: part(segments, 0.5), p95: part(segments, 0.95) },
		pauses,
		sizes: [...sizes],
		problems,
	}),
);
process.exit(problems.length ? 1 : 0);
