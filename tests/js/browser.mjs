// The headless Chromium of the scripts beside this file.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** How Chromium is started: it loads nothing of its own, and plays what nobody has clicked on. */
const options = (more) => ({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	headless: true,
	args: [
		...more,
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

/** Starts a browser, with `more` on its command line. */
export const launch = (...more) => chromium.launch(options(more));

/**
 * Opens a gateway's page in a browser that has never been here, and lets its player play while `look` looks
 * at the page, which was opened at the given time. Whatever goes wrong is added to `problems`.
 */
export async function watch(url, problems, look) {
	const profile = mkdtempSync(join(tmpdir(), "livepeer-watch-"));
	const context = await chromium.launchPersistentContext(profile, options([]));
	const opened = Date.now();
	try {
		const page = await context.newPage();
		page.on("pageerror", (error) => problems.push(String(error)));
		await page.goto(url, { waitUntil: "domcontentloaded", timeout: 30_000 });
		// The page's script puts it there.
		await page.waitForSelector("video", { state: "attached", timeout: 30_000 });
		await page.evaluate(() => {
			const video = document.querySelector("video");
			video.muted = true;
			return video.play().catch(() => undefined);
		});
		await look(page, opened);
	} catch (error) {
		problems.push(String(error));
	} finally {
		await context.close();
		rmSync(profile, { recursive: true, force: true });
	}
}

/** Keeps a picture of a page in the folder SHOTS, where that is set. */
export async function shot(page, name) {
	if (!process.env.SHOTS) return;
	mkdirSync(process.env.SHOTS, { recursive: true });
	await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
}
