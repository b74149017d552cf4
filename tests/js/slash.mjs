// Watches the stream of a transcoder that cheats, on the gateway's page in a headless Chromium, until the
// page itself tells that it was found out and slashed; then looks whether the other pages know of it.
//
//   node slash.mjs URL
//
// Signatures alone cannot tell such a stream from an honest one: the page says "checked" of it, and shows
// beside it how the judges come to another end. SHOTS=folder keeps pictures. Exits 1 when it was not told.
import { launch, shot } from "./browser.mjs";

const [url] = process.argv.slice(2);
if (!url) {
	console.error("usage: node slash.mjs URL");
	process.exit(2);
}
// A claim is drawn, judged, decided, and its verdict lies for a while before it is carried out.
const PATIENCE = 450_000;
const problems = [];
const report = {};
const browser = await launch();
const begun = Date.now();
const end = begun + PATIENCE;
const until = async (what, holds) => {
	for (;;) {
		let stumbled = "";
		try {
			const found = await holds();
			if (found) {
				(report.seconds ??= {})[what] = (Date.now() - begun) / 1000;
				return found;
			}
		} catch (error) {
			stumbled = ` (${String(error?.message ?? error).split("\n")[0]})`;
		}
		if (Date.now() > end) throw new Error(`never came to be: ${what}${stumbled}`);
		await new Promise((resolve) => setTimeout(resolve, 500));
	}
};
try {
	const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
	page.on("pageerror", (error) => problems.push(String(error)));
	await page.goto(url, { waitUntil: "domcontentloaded", timeout: 60_000 });
	await until("it is played, and signed as it should be", async () => {
		const trust = await page.locator("#verdict").getAttribute("data-trust");
		const pictures = await page.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);
		return trust === "checked" && pictures > 0;
	});
	const text = () => page.locator("main").innerText();
	const stage = page.locator(".stage .verdict.refused");
	// It need not be decoded while one waits: the judges have the processor.
	await page.evaluate(() => document.querySelector("video").pause());
	await until("the verdict is told", async () => /judges found something else/.test(await stage.innerText()));
	await until("its segments are marked", async () => (await page.locator(".tape .failed").count()) > 0);
	const [told] = await until("the slash is told", async () => /Its transcoder lost [\d.,]+ LPT; the fee went back\./.exec(await stage.innerText()));
	report.told = told;
	await until("it is among what happens", async () => /slashed [\d.,]+ LPT|loses [\d.,]+ LPT/.test(await text()));
	await shot(page, "slash");
	const { origin } = new URL(url);
	const other = async (path, what, holds) => {
		await page.goto(origin + path, { waitUntil: "domcontentloaded", timeout: 60_000 });
		await until(what, async () => holds(await text()));
		await shot(page, `slash-${path.slice(1)}`);
	};
	await other("/network", "the network's page tells it", (seen) => /slashed [\d.,]+ LPT/.test(seen));
	await other("/stake", "who would stake is told", (seen) => /slashed [\d.]+ %/.test(seen));
} catch (error) {
	problems.push(error.message ?? String(error));
} finally {
	await browser.close();
}
console.log(JSON.stringify({ ...report, problems }));
process.exit(problems.length ? 1 : 0);
