// Plays films in a headless Chromium as the network would deliver them: each is cut and transcoded by
// `livepeer-media`, listed for hls.js, and played to its end. Every picture has to be decoded.
//
//   node inputs.mjs LIVEPEER_MEDIA DIR [own]      (`make test-inputs-browser` runs it)
//
// Prints a row for each film, and puts the table into docs/inputs.md where WRITE_DOCS is set. Exits 1 when one
// that was transcoded does not play to its end with all of its pictures, or was refused for another reason than
// what it is. Of our `own` films, also when one is refused that should play by that page, or plays that should
// be refused.
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { launch } from "./browser.mjs";

const [media, films, own] = process.argv.slice(2);
if (!films) {
	console.error("usage: node inputs.mjs LIVEPEER_MEDIA DIR [own]");
	process.exit(2);
}
/** Films at a time, each in a browser of its own: a page that is not in front plays nothing. */
const LANES = 2;
const page = new URL("../../docs/inputs.md", import.meta.url);
/** What that page says becomes of a film. */
const expected = new Map(
	[...readFileSync(page, "utf8").matchAll(/^\| `([^`]+)` \| .* \| (plays|refused)\b.* \|$/gm)].map(
		([, film, becomes]) => [film, becomes],
	),
);
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "livepeer-inputs-"));
const hlsJs = readFileSync(
	new URL("../../offchain-worker/pages/node_modules/hls.js/dist/hls.min.js", import.meta.url),
);

/** Cuts and transcodes a film: its segments, or why there are none. */
async function transcode(film, into) {
	mkdirSync(into);
	const env = { ...process.env, LADDER: "426x240@400" };
	try {
		await run(media, ["transcode", film, into], { env });
	} catch (error) {
		return { refused: String(error.stderr).trim().split("\n").at(-1) };
	}
	return { segments: readdirSync(into).filter((name) => name.endsWith(".ts")).sort() };
}

/** When each packet of a segment's track is shown, in order. */
async function times(path, track) {
	const { stdout } = await run("ffprobe", [
		...["-loglevel", "error", "-select_streams", track],
		...["-show_entries", "packet=pts_time", "-of", "csv=p=0", path],
	]);
	const found = stdout.split(/[\s,]+/).filter(Boolean).map(Number);
	return found.sort((a, b) => a - b);
}

/** The rate and the channels of a segment's sound: another epoch begins where they change. */
async function form(path) {
	const { stdout } = await run("ffprobe", [
		...["-loglevel", "error", "-select_streams", "a:0"],
		...["-show_entries", "stream=sample_rate,channels", "-of", "csv=p=0", path],
	]);
	return stdout.trim().split("\n")[0];
}

/** The media playlist of segments, how many pictures they have, and how far from pictures their sound begins. */
async function list(into, segments) {
	const shown = [];
	const forms = [];
	let apart;
	for (const name of segments) {
		forms.push(await form(join(into, name)));
		const [pictures, sound] = [await times(join(into, name), "v:0"), await times(join(into, name), "a:0")];
		shown.push(pictures);
		if (sound.length) apart = Math.max(apart ?? 0, Math.abs(sound[0] - pictures[0]));
	}
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
		const isSame = index === 0 || forms[index] === forms[index - 1];
		if (due !== undefined && (Math.abs(first - due) > 0.25 || !isSame)) lines += "#EXT-X-DISCONTINUITY\n";
		lines += `#EXTINF:${length.toFixed(6)},\n${name}\n`;
		due = first + length;
		pictures += of.length;
	}
	const head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:11\n#EXT-X-PLAYLIST-TYPE:VOD\n";
	return { playlist: `${head}${lines}#EXT-X-ENDLIST\n`, pictures, apart };
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

/** Plays a playlist to its end, or until the picture has stood still for 15 s. */
async function play(browser, url) {
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
const rows = new Map();

/** Makes a film's row. */
async function look(browser, film) {
	const into = join(folder, film);
	const { refused, segments } = await transcode(join(films, film), into);
	const should = own && expected.get(film);
	if (refused !== undefined) {
		// No word of what the film is: the process that looked at it broke.
		if (should === "plays" || refused.includes("the media child")) wrong.push(film);
		// Without where the films lie, and what would end a table's cell.
		return `refused: ${refused.replaceAll(`${films}/`, "").replace("livepeer-media: ", "").replaceAll("|", "/")} | `;
	}
	if (should === "refused" || !segments.length) wrong.push(film);
	if (!segments.length) return "every segment is rejected | ";
	const { playlist, pictures, apart } = await list(into, segments);
	playlists.set(film, playlist);
	const { frames, said } = await play(browser, `${base}/${encodeURIComponent(film)}/index.m3u8`);
	if (frames !== pictures || said.length) wrong.push(film);
	rmSync(into, { recursive: true });
	const sound = apart === undefined ? "" : `${Math.round(apart * 1000)} ms`;
	return `${frames} of ${pictures} pictures${said.length ? `; ${said.join("; ")}` : ""} | ${sound}`;
}

const waiting = readdirSync(films).sort().filter((film) => statSync(join(films, film)).isFile());
const all = [...waiting];
/** Takes one film after the other. */
async function lane() {
	const browser = await launch();
	try {
		for (let film = waiting.shift(); film !== undefined; film = waiting.shift()) {
			rows.set(film, `| \`${film}\` | ${await look(browser, film)} |`);
			console.log(rows.get(film));
		}
	} finally {
		await browser.close();
	}
}
try {
	await Promise.all(Array.from({ length: LANES }, lane));
} finally {
	server.close();
	rmSync(folder, { recursive: true, force: true });
}
if (process.env.WRITE_DOCS) {
	const mark = own ? "browser" : "others";
	const [start, end] = [`<!-- ${mark} -->\n`, `<!-- end of ${mark} -->\n`];
	const text = readFileSync(page, "utf8");
	const head = "| Input | What a browser shows | Sound begins apart from pictures by at most |\n|---|---|---|\n";
	const table = all.map((film) => `${rows.get(film)}\n`).join("");
	const [before, after] = [text.slice(0, text.indexOf(start)), text.slice(text.indexOf(end))];
	writeFileSync(page, `${before}${start}\n${head}${table}\n${after}`);
}
if (wrong.length) console.error(`not as they should be: ${wrong.join(", ")}`);
process.exit(wrong.length ? 1 : 0);
