// Plays films in a headless Chromium as the network would deliver them: each is cut and transcoded by
// `livepeer-media`, listed for hls.js, and played to its end. Every picture has to be decoded.
//
//   node inputs.mjs LIVEPEER_MEDIA DIR      (`make test-inputs-browser` runs it)
//
// Prints a line for each film. Exits 1 when one that was transcoded does not play to its end with all of
// its pictures; one that is refused is told with its words.
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { launch } from "./browser.mjs";

const [media, films] = process.argv.slice(2);
if (!films) {
	console.error("usage: node inputs.mjs LIVEPEER_MEDIA DIR");
	process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "livepeer-inputs-"));
const hlsJs = readFileSync(
	new URL("../../offchain-worker/pages/node_modules/hls.js/dist/hls.min.js", import.meta.url),
);

/** Cuts and transcodes a film; its segments of the smallest rendition, or why there are none. */
function transcode(film, into) {
	mkdirSync(into);
	try {
		execFileSync(media, ["transcode", film, into], { stdio: ["ignore", "ignore", "pipe"] });
	} catch (error) {
		return { refused: String(error.stderr).trim().split("\n").at(-1) };
	}
	const names = readdirSync(into).filter((name) => name.endsWith(".ts"));
	const smallest = Math.min(...names.map((name) => parseInt(name, 10)));
	return { segments: names.filter((name) => parseInt(name, 10) === smallest).sort() };
}

/** When each picture of a segment is shown, in order. */
function times(path) {
	const said = execFileSync("ffprobe", [
		...["-loglevel", "error", "-select_streams", "v:0"],
		...["-show_entries", "packet=pts_time", "-of", "csv=p=0", path],
	]);
	const found = String(said).split(/[\s,]+/).filter(Boolean).map(Number);
	return found.sort((a, b) => a - b);
}

/** The media playlist of segments, and how many pictures they have. */
function list(into, segments) {
	const shown = segments.map((name) => times(join(into, name)));
	let pictures = 0;
	let due;
	let lines = "";
	for (const [index, name] of segments.entries()) {
		const of = shown[index];
		const [first, last] = [of[0], of.at(-1)];
		const next = shown[index + 1]?.[0];
		const each = of.length > 1 ? (last - first) / (of.length - 1) : 0.04;
		const own = last - first + each;
		// Where the next one goes on from it, to the next one's first picture.
		const goesOn = next !== undefined && Math.abs(next - first - own) < 0.25;
		const length = goesOn ? next - first : own;
		if (due !== undefined && Math.abs(first - due) > 0.25) lines += "#EXT-X-DISCONTINUITY\n";
		lines += `#EXTINF:${length.toFixed(6)},\n${name}\n`;
		due = first + length;
		pictures += of.length;
	}
	const head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:11\n#EXT-X-PLAYLIST-TYPE:VOD\n";
	return { playlist: `${head}${lines}#EXT-X-ENDLIST\n`, pictures };
}

const playlists = new Map();
const server = createServer((request, response) => {
	const [, film, name] = decodeURIComponent(request.url).split("/");
	const send = (kind, body) => response.writeHead(200, { "content-type": kind }).end(body);
	try {
		if (!film) send("text/html", '<!doctype html><video muted></video><script src="/hls.js"></script>');
		else if (film === "hls.js") send("text/javascript", hlsJs);
		else if (name === "index.m3u8") send("application/vnd.apple.mpegurl", playlists.get(film));
		else send("video/mp2t", readFileSync(join(folder, basename(film), basename(name))));
	} catch {
		response.writeHead(404).end();
	}
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await launch();

/** Plays a playlist to its end, or until the picture has stood still for 15 s. */
async function play(url) {
	const page = await browser.newPage();
	try {
		await page.goto(base, { waitUntil: "load" });
		return await page.evaluate(async (url) => {
			const video = document.querySelector("video");
			const said = [];
			const { Hls } = globalThis;
			const hls = new Hls();
			hls.on(Hls.Events.ERROR, (_, { details, fatal }) => {
				if (fatal) said.push(details);
			});
			const known = new Promise((resolve) => hls.on(Hls.Events.MANIFEST_PARSED, resolve));
			hls.loadSource(url);
			hls.attachMedia(video);
			await Promise.race([known, new Promise((resolve) => setTimeout(resolve, 15_000))]);
			void video.play().catch((error) => said.push(String(error)));
			let moved = { at: performance.now(), time: -1 };
			while (!video.ended && !said.length && performance.now() - moved.at < 15_000) {
				if (video.currentTime !== moved.time) moved = { at: performance.now(), time: video.currentTime };
				await new Promise((resolve) => setTimeout(resolve, 100));
			}
			if (!video.ended) said.push(`it stands still at ${video.currentTime} of ${video.duration} s`);
			return { frames: video.getVideoPlaybackQuality().totalVideoFrames, said };
		}, url);
	} finally {
		await page.close();
	}
}

const wrong = [];
try {
	for (const film of readdirSync(films).sort()) {
		const path = join(films, film);
		if (!statSync(path).isFile()) continue;
		const into = join(folder, film);
		const { refused, segments } = transcode(path, into);
		if (refused !== undefined) {
			console.log(`${film}: refused: ${refused}`);
			continue;
		}
		const { playlist, pictures } = list(into, segments);
		playlists.set(film, playlist);
		const { frames, said } = await play(`${base}/${encodeURIComponent(film)}/index.m3u8`);
		const all = frames === pictures && !said.length;
		console.log(`${film}: ${frames} of ${pictures} pictures${said.length ? `; ${said.join("; ")}` : ""}`);
		if (!all) wrong.push(film);
		rmSync(into, { recursive: true });
	}
} finally {
	await browser.close();
	server.close();
	rmSync(folder, { recursive: true, force: true });
}
if (wrong.length) console.error(`not whole: ${wrong.join(", ")}`);
process.exit(wrong.length ? 1 : 0);
