// Opens the gateway's pages in a headless Chromium as people do: watches and sees it proven, is shown
// what was tampered with, bonds and unbonds with a wallet, goes everywhere by keyboard, looks at every page
// by axe's rules.
//
//   node pages.mjs GATEWAY_URL NODE_WS_URL [STREAM]
//
// The wallet is a signer outside the page that reads what it signs with @polkadot/api. SHOTS=folder
// keeps pictures; ONLY=watch,stake runs some of the checks. With BIN_DIR and DATA, the demo's folder, a
// broadcaster is started that a camera publishes to. `withdraw` (a quarter of an hour) and what only
// measures, `interactive` and `soak` (MINUTES, 60 unless told otherwise), are run when they are named. Exits
// 1 when anything does not hold.
//
// Nothing is decided by how long it took: what has to come is waited for, long, and what must not come is
// looked for after something later has come.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, request } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { launch, shot } from "./browser.mjs";

const [gateway, nodeUrl, stream = "demo"] = process.argv.slice(2);
if (!nodeUrl) {
	console.error("usage: node pages.mjs GATEWAY_URL NODE_WS_URL [STREAM]");
	process.exit(2);
}
const only = process.env.ONLY?.split(",").filter(Boolean);
/** What is run only when it is named. */
const LONG = ["withdraw", "soak", "interactive"];
/** How long something may take to come, and a whole check: a guard against waiting for ever, no measure. */
const PATIENCE = 120_000;
const LIMIT = 15 * 60_000;
/** What the pages are held to: bytes of a first load without the player, ms until they can be used, a core's share for checking 1080p. */
const FIRST_LOAD = 300_000;
const INTERACTIVE = 1_000;
const CHECKING = 0.05;
const problems = [];
const report = { gateway, seconds: {} };
/** The check that runs, and how many have begun and ended: what one leaves behind does not wait on. */
let running = "";
let turn = 0;
const expect = (holds, what) => holds || problems.push(`${running}: ${what}`);
process.on("unhandledRejection", (error) => problems.push(`${running}: nobody looked at: ${error?.stack ?? error}`));
const api = await ApiPromise.create({ provider: new WsProvider(nodeUrl), noInitWarn: true, throwOnConnect: true });
const ring = new Keyring({ type: "sr25519" });
const ferdie = ring.addFromUri("//Ferdie");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A browser with a camera and a microphone that Chromium makes up, and what it answers who asks for them. */
const withCamera = (answer) =>
	launch("--use-fake-device-for-media-stream", `--use-fake-ui-for-media-stream${answer}`);
const browser = await withCamera("");
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1440, height: 900 } };

/**
 * Opens a page in a browser of its own that has never been here. `prepare` is done before anything is
 * loaded. Whatever goes wrong in the page is a problem, and what its policy refuses, unless `forbids`.
 */
async function open(path, options = {}, prepare = undefined, forbids = false) {
	const context = await browser.newContext({ ...DESKTOP, ...options });
	context.setDefaultTimeout(PATIENCE / 2);
	const page = await context.newPage();
	const where = `${running} ${path}`;
	page.on("pageerror", (error) => problems.push(`${where}: ${error}`));
	page.on("crash", () => problems.push(`${where}: the page crashed`));
	page.on("console", (message) => {
		// What the policy refuses is told there only.
		if (!forbids && /Content Security Policy/.test(message.text())) problems.push(`${where}: ${message.text()}`);
	});
	await prepare?.(page);
	await page.goto(new URL(path, gateway).href, { waitUntil: "domcontentloaded" });
	return page;
}
/** Closes a context; what its pages are just being answered is let go. */
const close = async (context) => {
	for (const page of context.pages()) await page.unrouteAll({ behavior: "ignoreErrors" });
	await context.close();
};
const trust = (page) => page.locator("#verdict").getAttribute("data-trust");

/** What no waiting mends. */
class Never extends Error {}
/** Waits until something holds. A page that is just drawn anew, or a line half written, is looked at again. */
const until = async (what, holds, patience = PATIENCE) => {
	const mine = turn;
	const end = Date.now() + patience;
	for (;;) {
		let stumbled = "";
		try {
			const found = await holds();
			if (found) return found;
		} catch (error) {
			if (error instanceof Never) throw error;
			stumbled = ` (${String(error?.message ?? error).split("\n")[0]})`;
		}
		if (mine !== turn) throw new Never("its check is over");
		if (Date.now() > end) throw new Error(`never came to be: ${what}${stumbled}`);
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
};
/** Whether pictures follow one another; the time alone says nothing, for the player sets it. */
const plays = (page) => {
	let first;
	return until("the picture goes on", async () => {
		const now = await page.evaluate(() => {
			const video = document.querySelector("video");
			return video && { time: video.currentTime, width: video.videoWidth, pictures: video.getVideoPlaybackQuality().totalVideoFrames };
		});
		if (!now?.pictures) return false;
		if (!first || now.pictures < first.pictures) first = now;
		return now.width > 0 && now.pictures >= first.pictures + 10 && now.time > first.time;
	});
};
const pictures = (page) => page.evaluate(() => document.querySelector("video")?.getVideoPlaybackQuality().totalVideoFrames ?? 0);

/** Changes what a page is answered; counts what was changed. What is refused or cut off stays so. */
async function alter(page, pattern, change) {
	const seen = { changed: 0 };
	await page.route(pattern, async (route) => {
		try {
			const answer = await route.fetch();
			const changed = answer.ok() ? await change(answer, route.request()) : undefined;
			if (changed) seen.changed++;
			await route.fulfill({ response: answer, ...changed });
		} catch {
			// The page has gone elsewhere meanwhile.
			await route.abort().catch(() => undefined);
		}
	});
	return seen;
}

/** A wallet for a page: it reads what it signs, and keeps what that was. It signs when `agreed` is kept. */
async function wallet(page, pair, agreed = undefined) {
	const signed = [];
	await page.exposeFunction("signForTest", async (payload) => {
		await agreed;
		const call = api.registry.createType("Call", payload.method);
		signed.push(`${call.section}.${call.method}`);
		api.registry.setSignedExtensions(payload.signedExtensions);
		const { signature } = api.registry.createType("ExtrinsicPayload", payload, { version: payload.version }).sign(pair);
		return signature;
	});
	await page.addInitScript((address) => {
		globalThis.injectedWeb3 = {
			"test-wallet": {
				version: "1",
				enable: async () => ({
					accounts: { get: async () => [{ address, name: "Test", type: "sr25519" }] },
					signer: { signPayload: async (payload) => ({ id: 1, signature: await globalThis.signForTest(payload) }) },
				}),
			},
		};
	}, pair.address);
	return signed;
}
const connect = (page) => page.getByRole("button", { name: "Connect test-wallet" }).click();
/** Reads what is asked before a call is signed, signs it, and sees it in a block. */
async function go(page, what) {
	const dialog = page.locator("dialog");
	await until(`${what}: the fee is told`, async () => /Fee\s*[\d.,]+ [na]?LPT/.test(await dialog.innerText()));
	await shot(page, `ask-${what}`);
	await dialog.getByRole("button", { name: "Sign and send" }).click();
	await until(`${what}: in a block`, async () => {
		const alert = await dialog.getByRole("alert").allInnerTexts();
		if (alert.length) throw new Never(`${what}: ${alert}`);
		return /Done/.test(await dialog.innerText());
	});
	await dialog.getByRole("button", { name: "Close" }).click();
	await until(`${what}: the dialog is closed`, async () => (await dialog.count()) === 0);
}
const main = (page) => page.locator("main").innerText();
const violations = async (page) => {
	await page.evaluate(axe);
	const found = await page.evaluate(() => globalThis.axe.run({ rules: { "scrollable-region-focusable": { enabled: true } } }));
	return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 120)}`);
};
/**
 * What a page says: its title, texts and the words for who hears it, each once. Code, names and addresses
 * are in no language.
 */
const said = (page) =>
	page.evaluate(() => {
		const found = new Set([document.title]);
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walker.nextNode()) {
			const { parentElement, textContent } = walker.currentNode;
			if (!parentElement.closest("script, style, noscript, code, pre, .mono")) found.add(textContent.trim());
		}
		for (const element of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]")) {
			for (const name of ["aria-label", "title", "placeholder", "alt"]) {
				const text = element.getAttribute(name)?.trim();
				// An example of what to type is none.
				if (text && !(name === "placeholder" && !/\s/.test(text))) found.add(text);
			}
		}
		return [...found].filter(Boolean);
	});
/** Texts that a page says in both languages alike though they have words: what is left is not translated. */
function alike(english, chinese) {
	const both = new Set(english);
	const names = /\b(Livepeer|LPT|ETH|OBS|EN|CSV|REST|OpenAPI|WebHook|Ethereum|NAME|Mbit|kbit|max|min|fps|Development|Local Testnet|test-wallet)\b|\b\d+p\b/gi;
	// An account, a hash, an address, the chain's own name of an event.
	const noWords = (text) => text.replaceAll(/\b[5][1-9A-HJ-NP-Za-km-z]{5,}\b|0x[0-9a-f…]+|https?:\S+|\/\S+|\b[A-Z]\w+\.[A-Z]\w+\b/g, " ").replaceAll(stream.split("/").at(-1), " ").replaceAll(names, " ");
	return chinese.filter((text) => both.has(text) && /[A-Za-z]{3,}/.test(noWords(text)));
}
const statusOf = async (name) => (await fetch(`${gateway}/stream/${name}/status`)).json();

const checks = {
	/** Plays, and the browser has checked what it played. */
	async watch() {
		const page = await open(`/stream/${stream}`);
		await until("checked by the browser", async () => (await trust(page)) === "checked");
		await plays(page);
		await until("segments are shown", async () => (await page.locator(".tape li").count()) > 2);
		await until("one is proven", async () => (await page.locator(".tape .mine").count()) > 0);
		await page.locator(".tape .mine").first().click();
		// Only what holds is green: the same words stand there, grey, before anybody has looked.
		await until("the segment is explained", async () => {
			const held = (await page.locator(".checks .good").allInnerTexts()).join();
			return /hashed its bytes .*they are the signed ones/.test(held) && /Signed by the broadcaster and by the transcoder/.test(held);
		});
		expect((await page.locator(".tape .refused").count()) === 0, "something is refused of an honest stream");
		// The target is two segments; which one is shown is told when the next begins.
		await until("what plays is at most two segments behind", async () => {
			const behind = await page.locator("#verdict").getAttribute("data-behind");
			return behind !== "" && Number(behind) <= 2;
		});
		expect((await page.locator(".tape .plays").count()) === 1, "it is not shown which segment plays");
		// One that was not drawn: nobody has shown its path.
		const undrawn = page.locator(".tape button:not(.was-drawn):not(.signed):not(.refused)").first();
		await until("one that was not drawn is shown to be of its claim", async () => {
			await undrawn.click();
			return (await undrawn.getAttribute("aria-pressed")) === "true" && /your browser built the claim's tree/.test((await page.locator(".checks .good").allInnerTexts()).join());
		});
		// By keyboard: the segments are one stop, and the arrows go along them.
		const stop = page.locator('.tape button[tabindex="0"]');
		expect((await stop.count()) === 1, "the segments are not one stop");
		const focused = () => page.evaluate(() => Number.parseInt(document.activeElement.title));
		await stop.focus();
		await page.keyboard.press("End");
		const from = await focused();
		await page.keyboard.press("ArrowLeft");
		expect((await focused()) === from - 1, `the arrow leads from segment ${from} to ${await focused()}`);
		await until("the stop goes along", () => page.evaluate(() => document.activeElement.tabIndex === 0));
		await page.keyboard.press("Tab");
		expect(await page.evaluate(() => !document.activeElement.closest(".tape")), "more than one segment is a stop");
		// What colours say of a claim is said in words too.
		await until("words say how far a claim has come", async () => (await page.locator(".steps .done .sr").count()) > 0);
		expect((await page.locator(".steps .now:not([aria-current])").count()) === 0, "it is not said where a claim is");
		expect((await trust(page)) === "checked", "an honest stream is not called checked any more");
		expect((await page.locator("#behind").count()) === 0, "an honest gateway is called behind");
		await shot(page, "watch");
		report.watch = await page.locator(".funnel").innerText();
	},
	/** A byte that somebody changed on the way: it is called out and not played. */
	async tampered() {
		let seen;
		const page = await open(`/stream/${stream}`, {}, async (page) => {
			seen = await alter(page, "**/*.ts", async (answer) => {
				const body = await answer.body();
				if (!body.length) return undefined;
				body[body.length >> 1] ^= 1;
				return { body };
			});
		});
		await until("it is called out", async () => (await trust(page)) === "refused");
		expect(/Tampered/.test(await page.locator("#verdict").innerText()), "it is not said in words");
		// What is refused is passed over: more comes, and none of that is shown either.
		await until("more is refused", async () => seen.changed > 2);
		const shown = await pictures(page);
		expect(shown === 0, `${shown} pictures of ${seen.changed} changed segments were shown`);
		await shot(page, "tampered");
	},
	/** A header that somebody else signed: it is marked, and called out where it would be played. */
	async forged() {
		const page = await open(`/stream/${stream}`, {}, (page) =>
			alter(page, "**/records/*.scale", async (answer) => {
				const body = await answer.body();
				// Within the first header: its stream's place stays, its segment's hash does not.
				if (body.length <= 200) return undefined;
				body[150] ^= 1;
				return { body };
			}),
		);
		await until("it is marked", async () => (await page.locator(".tape .refused").count()) > 0);
		await until("it is called out", async () => (await trust(page)) === "refused");
		expect(/broadcaster/.test(await page.locator("#verdict").innerText()), "it is not said whose signature it is");
	},
	/**
	 * A playlist that says something else than the stream's segments in their order: it is not followed, and
	 * nothing is asked for that it names.
	 */
	async misled() {
		const key = (text) => text.replaceAll("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="0.m3u8"\n#EXTINF');
		const again = (text) => text.replaceAll(/\/\d+\.ts/g, `/${/(\d+)\.ts/.exec(text)?.[1]}.ts`);
		for (const [what, change] of [
			["it names pieces from elsewhere", (text) => text.replaceAll(/^(.*\.ts)$/gm, "https://elsewhere.example/$1")],
			["it names a key that changes checked bytes", key],
			["it names one segment again and again", again],
		]) {
			let seen;
			const asked = [];
			const page = await open(`/stream/${stream}`, {}, async (page) => {
				page.on("request", (request) => asked.push(request.url()));
				seen = await alter(page, /\/stream\/.+\/\d+\.m3u8/, async (answer) => ({ body: change(await answer.text()) }));
			});
			await until(`${what}: it is called out`, async () => (await trust(page)) === "refused");
			await until(`${what}: more is refused`, async () => seen.changed > 1);
			expect(/playlist/.test(await page.locator("#verdict").innerText()), `${what}: it is not said in words`);
			const shown = await pictures(page);
			expect(shown === 0, `${what}: ${shown} pictures were shown`);
			expect(!asked.some((url) => /\.ts$|elsewhere/.test(url)), `${what}: it was asked for`);
			await close(page.context());
		}
	},
	/** A gateway that gives what is old, which is as well signed: the chain knows of more. */
	async late() {
		const page = await open(`/stream/${stream}`, {}, (page) => alter(page, "**/status", async (answer) => ({ json: { ...(await answer.json()), newest: 0 } })));
		await until("it is called behind", async () => /Claims on chain reach to segment \d+; the newest that it gives is 0/.test(await page.locator("#behind").innerText()));
	},
	/** In a frame of somebody else's page nothing is shown that could be clicked on. */
	async framed() {
		const paths = ["/stake", "/broadcast", `/stream/${stream}`];
		const html = `<!doctype html><title>A game</title>${paths.map((path) => `<iframe src="${gateway}${path}"></iframe>`).join("")}`;
		const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(html));
		await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
		try {
			const page = await open(`http://127.0.0.1:${server.address().port}/`, {}, undefined, true);
			await page.waitForLoadState("load");
			const shown = await Promise.all(page.frames().slice(1).map((frame) => frame.locator("main, #app").count()));
			expect(shown.length === paths.length && shown.every((count) => count === 0), `frames show ${shown}`);
		} finally {
			server.close();
		}
	},
	/** Addresses that nobody means and names that mislead: a page says what is wrong, and runs nothing of them. */
	async odd() {
		for (const [path, says] of [
			["/account/nobody", /no account/],
			["/job/99999999999999999999999", /Not found/],
			["/claim/x", /Not found/],
			["/block/x", /no number/],
			["/block/999999999", /no block of this number yet/],
			["/round/-1", /no number/],
		]) {
			const page = await open(path);
			await until(`${path} says what is wrong`, async () => says.test(await main(page)));
			await close(page.context());
		}
		const owner = ferdie.address;
		const names = ["<img src=x onerror=globalThis.ran=1>", "\u202eomed", "../../stake", "javascript:globalThis.ran=1", "a".repeat(64)];
		const page = await open("/", {}, (page) =>
			alter(page, /\/status$/, async () => ({
				json: { streams: names.map((name) => ({ name, broadcaster: owner, job: 0, renditions: ["640x360@800"], segments: 1, newest: 0, transcoder: null, ended: false })) },
			})),
		);
		const cards = page.locator(".streams a");
		await until("they are listed", async () => (await cards.count()) >= names.length);
		const links = await cards.evaluateAll((all) => all.map(({ href }) => new URL(href)).map(({ origin, pathname }) => [origin === location.origin, pathname]));
		for (const [own, path] of links) expect(own && path.startsWith("/stream/5"), `a name leads to ${path}`);
		expect(!/\u202e/.test(await main(page)), "a name turns the text round");
		expect((await page.evaluate(() => globalThis.ran)) === undefined, "a name is run");
		expect((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "a name makes the page too wide");
		await shot(page, "odd-names");
	},
	/** Without the chain nothing is called proven; when it is back, what was played is proven after all. */
	async away() {
		const page = await open(`/stream/${stream}`, {}, (page) => page.route("**/chain", (route) => route.abort()));
		await until("it plays unproven", async () => (await trust(page)) === "unchecked");
		await page.unroute("**/chain");
		await until("it is proven after all", async () => (await trust(page)) === "checked");
	},
	/** A gateway that is too busy to say what was signed has forged nothing: what it gives later is played. */
	async busy() {
		let refused = 0;
		const page = await open(`/stream/${stream}`, {}, (page) =>
			page.route("**/records/*.scale", (route) => {
				refused++;
				return refused <= 3 ? route.fulfill({ status: 503, body: "full" }) : refused === 4 ? route.abort() : route.continue();
			}),
		);
		await until("it is checked all the same", async () => (await trust(page)) === "checked");
		await plays(page);
		expect(refused > 4, "it was refused nothing");
		expect((await page.locator(".tape .refused").count()) === 0, "an honest gateway is accused");
	},
	/**
	 * A gateway that is restarted, or loses the stream for a moment: the picture goes on, and no word stays over it. What
	 * was chosen stays chosen, though the player begins anew.
	 */
	async restarted() {
		const page = await open(`/stream/${stream}`);
		await until("checked by the browser", async () => (await trust(page)) === "checked");
		await plays(page);
		await page.locator("#levels").selectOption("0");
		let asked = 0;
		await page.route("**/status", (route) => {
			asked++;
			return route.fulfill({ status: 404, body: "no stream of that name" });
		});
		await until("it is asked for the stream's state", () => asked > 2);
		expect((await page.locator("#message").count()) === 0, "a word is put over a picture that goes on");
		await page.unroute("**/status");
		await page.route(/\.(ts|m3u8)$/, (route) => route.abort());
		await until("it is said that nothing comes", async () => /Waiting/.test(await page.locator("#message").innerText()), 2 * PATIENCE);
		await page.unroute(/\.(ts|m3u8)$/);
		await until("no word is left", async () => (await page.locator("#message").count()) === 0);
		await plays(page);
		expect((await page.locator("#levels").inputValue()) === "0", "another quality is chosen");
		expect((await trust(page)) === "checked", "a gateway that was away is accused");
	},
	/** A line on which each answer takes longer than a block: what takes several of them is shown all the same. */
	async slow() {
		for (const [path, shows] of [
			["/network", (page) => page.locator('table.cards a[href^="/job/"]').count()],
			["/stake", async (page) => /own \d+ %/.test(await main(page))],
		]) {
			const page = await open(path, {}, (page) =>
				page.route("**/chain", async (route) => {
					await new Promise((resolve) => setTimeout(resolve, 2_500));
					await route.continue().catch(() => undefined);
				}),
			);
			await until(`${path} is shown`, () => shows(page), 2 * PATIENCE);
			await close(page.context());
		}
	},
	/** The player on a page of somebody else's: the ten lines that a stream's own page leads to. */
	async embedded() {
		const told = await open(`/stream/${stream}`);
		await told.getByRole("link", { name: "Embed it" }).click();
		const html = await until("what to copy names this stream", async () => {
			const text = await told.locator("pre code").first().innerText();
			return text.includes(`/${stream.split("/").at(-1)}"></livepeer-player>`) && text;
		});
		const lines = html.trim().split("\n").length;
		expect(lines <= 10, `the page to copy has ${lines} lines`);
		await close(told.context());
		const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(html));
		await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
		try {
			const page = await open(`http://127.0.0.1:${server.address().port}/`);
			const state = () => page.evaluate(() => document.querySelector("livepeer-player").state);
			await until("it plays, checked", async () => {
				const { trust, checked } = (await state()) ?? {};
				return trust === "checked" && checked > 1;
			});
			report.embedded = await state();
			expect(report.embedded.refused === 0, "something is refused of an honest stream");
			await shot(page, "embedded");
		} finally {
			server.close();
		}
	},
	/** Every page by axe's rules, in both colours, on desktop and phone, with what it is there to show. */
	async pages() {
		const { job, transcoder } = await until("the stream has a transcoder", async () => {
			const status = await statusOf(stream);
			return status.transcoder && status;
		});
		const reads = api.call.livepeerApi;
		const claims = await until("something is claimed", async () => {
			const found = (await reads.claimsOf(transcoder)).toJSON();
			return found.length && found;
		});
		const { round, block } = await until("a round has begun", async () => {
			const clock = (await reads.clock()).toJSON();
			return clock.round > 0 && clock;
		});
		report.axe = {};
		const paths = [
			["/", /segments checked/],
			["/network", /✓[^]*middle asked[^]*(follows Ethereum|not connected|waits for a checkpoint)/],
			["/stake", /own \d+ %[^]*per round[^]*\d+ claims? accepted/],
			["/broadcast", /middle of \d+ transcoders/],
			["/embed", /livepeer-player\.js/],
			[`/account/${transcoder}`, /Price of 2 s[^]*Claims accepted\s+\d[^]*Lost to slashes\s+[\d.]+ %/],
			[`/job/${job}`, /Ladder/],
			[`/claim/${claims.at(-1)}`, /Segments\s+\d+–\d+/],
			[`/round/${round}`, /First block\s+\d+/],
			[`/block/${block - 1}`, /System\./],
			[`/stream/${stream}`, /Stake at risk/],
		];
		for (const [path, shows] of paths) {
			const ready = async (page, shown = shows) => {
				await until(`${path}: the chain is read`, async () => /(block|区块) \d+/.test(await page.locator("footer").innerText()));
				await until(`${path}: it shows what it is for`, async () => shown.test(await main(page)));
			};
			const look = async (page, name) => {
				for (const one of await violations(page)) problems.push(`${path} ${name}: ${one}`);
				report.axe[path] = (report.axe[path] ?? 0) + 1;
				expect(!/This page failed|Not found|页面出错|未找到/.test(await main(page)), `${path} ${name} failed`);
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				expect(wide <= 0, `${path} ${name} is ${wide} px too wide`);
				// Nor does anything of a row lie beyond the edge of a box that can be pushed aside.
				const pushed = await page.evaluate(() => [...document.querySelectorAll(".scroll:has(> .cards)")].filter((box) => box.scrollWidth > box.clientWidth).length);
				expect(pushed === 0, `${path} ${name} has rows beyond an edge`);
				await shot(page, `${path.split("/").filter(Boolean).slice(0, 2).join("-") || "home"}-${name.replaceAll(" ", "-")}`);
			};
			// Without motion: what fades in has no contrast yet, and something happens in every block.
			const page = await open(path, { ...DESKTOP, colorScheme: "light", reducedMotion: "reduce" });
			const tool = (name) => page.locator(".tools").getByRole("button", { name }).click();
			const speaks = (language) => until(`${path}: it speaks ${language}`, () => page.evaluate((of) => document.documentElement.lang === of, language));
			await ready(page);
			await look(page, "light");
			const english = await said(page);
			await tool("dark colours");
			await look(page, "dark");
			await tool("中文");
			await speaks("zh-Hans");
			// The page is drawn anew, and reads what it shows.
			await ready(page, /\p{Script=Han}/u);
			await look(page, "dark zh");
			for (const text of alike(english, await said(page))) problems.push(`${path} has no Chinese for: ${text.slice(0, 120)}`);
			await tool("浅色");
			await look(page, "light zh");
			await close(page.context());
			for (const [name, locale] of [["phone", "en"], ["phone zh", "zh-CN"]]) {
				const phone = await open(path, { ...PHONE, colorScheme: "dark", reducedMotion: "reduce", locale });
				await ready(phone, locale === "en" ? shows : /\p{Script=Han}/u);
				await look(phone, name);
				await close(phone.context());
			}
		}
	},
	/**
	 * From another device of the network: a gateway that is asked at an address of the machine, by plain HTTP,
	 * where browsers lend neither their hashes nor their clipboard. All that the page wants comes from there.
	 */
	async lan() {
		const { BIN_DIR: bin, DATA: data } = process.env;
		const address = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal)?.address;
		if (!bin || !data || !address) {
			expect(!only, "it wants BIN_DIR, DATA and a network");
			(report.skipped ??= []).push("lan");
			return;
		}
		const args = ["gateway", "--http", "0.0.0.0:8945", "--node", nodeUrl, "--data-dir", join(data, "lan"), "--listen", "/ip4/127.0.0.1/tcp/4195"];
		const other = spawn(join(bin, "livepeer-worker"), args, { stdio: ["ignore", "ignore", "inherit"] });
		const over = new Promise((resolve) => other.on("exit", resolve).on("error", resolve));
		try {
			const origin = `http://${address}:8945`;
			await until("it answers there", async () => (await fetch(`${origin}/status`)).ok);
			const asked = new Set();
			const page = await open(`${origin}/stream/${stream}`, {}, (page) => page.on("request", (request) => asked.add(new URL(request.url()).origin)));
			expect(!(await page.evaluate(() => globalThis.isSecureContext)), "the browser takes it for its own machine");
			await until("the chain is read", async () => /block \d+/.test(await page.locator("footer").innerText()));
			await until("checked by the browser", async () => (await trust(page)) === "checked");
			await plays(page);
			const foreign = [...asked].filter((one) => one.startsWith("http") && one !== origin);
			expect(foreign.length === 0, `it asks ${foreign}`);
			await shot(page, "lan");
			await page.goto(`${origin}/embed`, { waitUntil: "domcontentloaded" });
			await page.getByRole("button", { name: "copy" }).first().click();
			await page.getByRole("button", { name: "copied" }).first().waitFor();
			// Whatever name it is called by, its pages ask their own origin, and the chain is there to be read only.
			const called = await fetch(`${origin}/network`);
			const policy = called.headers.get("content-security-policy") ?? "";
			expect(/connect-src 'self'/.test(policy) && /default-src 'none'/.test(policy) && !policy.includes(address), `its policy is ${policy}`);
			// A name that somebody else has pointed here is given nothing of its own: no answer speaks of it.
			const rebound = await new Promise((resolve, reject) => {
				const ask = request({ host: address, port: 8945, path: "/network", headers: { host: "rebound.example:8945", origin: "http://rebound.example:8945" } }, (answer) => {
					let body = "";
					answer.setEncoding("utf8").on("data", (part) => (body += part)).on("end", () => resolve({ headers: answer.headers, body }));
				});
				ask.on("error", reject).end();
			});
			expect(rebound.headers["content-security-policy"] === policy, `another name has another policy: ${rebound.headers["content-security-policy"]}`);
			expect(!JSON.stringify(rebound).includes("rebound.example"), "the answer speaks of the name that it was asked by");
			expect(rebound.headers["access-control-allow-credentials"] === undefined, "another origin is answered with credentials");
			const ask = async (method) => {
				const body = JSON.stringify([{ jsonrpc: "2.0", id: 0, method, params: [] }]);
				const answer = await fetch(`${origin}/chain`, { method: "POST", headers: { "content-type": "application/json" }, body });
				return answer.ok && (await answer.json())[0].result !== undefined;
			};
			expect(await ask("chain_getFinalizedHead"), "the chain is not read there");
			expect(!(await ask("author_rotateKeys")), "a stranger makes the node's keys");
		} finally {
			other.kill("SIGINT");
			const stuck = setTimeout(() => other.kill("SIGKILL"), 30_000);
			await over;
			clearTimeout(stuck);
		}
	},
	/** Without a mouse: every stop is seen, a search leads somewhere, a dialog keeps the keys and gives them back. */
	async keyboard() {
		const page = await open("/stake", { reducedMotion: "reduce" }, (page) => wallet(page, ferdie));
		await until("the chain is read", async () => /per round/.test(await main(page)));
		const focused = (what) => page.evaluate(what);
		const press = (key) => page.keyboard.press(key);
		await press("Tab");
		expect(await focused(() => document.activeElement.matches("a.skip")), "the first stop is not the way to the content");
		for (let stop = 1; stop <= 12; stop++) {
			await press("Tab");
			const [seen, what] = await focused(() => {
				const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
				return [outlineStyle !== "none" && parseFloat(outlineWidth) >= 1, document.activeElement.outerHTML.slice(0, 80)];
			});
			expect(seen, `stop ${stop} is not seen: ${what}`);
		}
		await page.locator("a.skip").focus();
		await press("Enter");
		await press("Tab");
		expect(await focused(() => document.querySelector("#content").contains(document.activeElement)), "the way to the content leads elsewhere");
		await page.getByRole("button", { name: "Connect test-wallet" }).focus();
		await press("Enter");
		await page.getByText("Signing as").waitFor();
		const bond = page.locator("table.transcoders").getByRole("button", { name: "Bond" }).first();
		// What is disabled takes no focus: it is enabled when the chain's parameters are read.
		await until("a bond can be asked for", () => bond.isEnabled());
		await bond.focus();
		await press("Enter");
		await page.locator("dialog").waitFor();
		for (let stop = 0; stop < 10; stop++) {
			await press("Tab");
			// Between its last stop and its first the browser's own frame has one.
			expect(await focused(() => document.activeElement === document.body || !!document.activeElement.closest("dialog")), "the dialog loses the keys");
		}
		await press("Escape");
		await until("the dialog is closed", async () => (await page.locator("dialog").count()) === 0);
		expect(await focused(() => document.activeElement.textContent === "Bond"), "the keys are not given back");
		await page.getByRole("searchbox").focus();
		await page.keyboard.type("claim 3");
		await press("Enter");
		await until("the search leads there", () => new URL(page.url()).pathname === "/claim/3");
		expect(await focused(() => document.activeElement.id === "content"), "the keys do not go on in the new page");
	},
	/** Bonds, unbonds and bonds again, by a wallet that reads what it signs. */
	async stake() {
		let signed;
		const page = await open("/stake", {}, async (page) => (signed = await wallet(page, ferdie)));
		await connect(page);
		const dialog = page.locator("dialog");
		await page.locator("table.transcoders").getByRole("button", { name: "Bond" }).first().click();
		await dialog.getByRole("textbox").fill("0.0000001");
		await until("too small a bond is refused in words", async () => /smallest bond/.test(await dialog.innerText()));
		expect(await dialog.getByRole("button", { name: "Sign and send" }).isDisabled(), "it can be signed all the same");
		// As the page itself groups digits: read as a decimal point it would be a thousandth.
		await dialog.getByRole("textbox").fill("1,250");
		await until("an amount that may be meant otherwise is refused in words", async () => /digits with a point/.test(await dialog.innerText()));
		await dialog.getByRole("textbox").fill("250");
		await go(page, "bond");
		await until("the bond is shown", async () => /250 LPT/.test(await main(page)));
		// What joins a bond is held to the least as well.
		await page.locator("table.transcoders").getByRole("button", { name: "Bond" }).first().click();
		await dialog.getByRole("textbox").fill("0.0000001");
		await until("too small an amount more is refused in words", async () => /smallest bond/.test(await dialog.innerText()));
		await dialog.getByRole("button", { name: "Cancel" }).click();
		await until("the dialog is closed", async () => (await dialog.count()) === 0);
		await page.getByRole("button", { name: "Unbond" }).click();
		await dialog.getByRole("textbox").fill("100");
		await go(page, "unbond");
		await until("the lock is shown", async () => /free in round \d+/.test(await main(page)));
		expect(await page.getByRole("button", { name: "Withdraw" }).isDisabled(), "what is not free can be withdrawn");
		await shot(page, "stake-mine");
		await page.getByRole("button", { name: "Bond again" }).first().click();
		await go(page, "rebond");
		expect(signed.join() === "lptStaking.bond,lptStaking.unbond,lptStaking.rebond", `signed: ${signed}`);
		report.signed = signed;
		// Two rounds make a history.
		const csv = page.getByRole("button", { name: "CSV" });
		await until("there is a history", async () => (await csv.count()) > 0, 2 * PATIENCE);
		const [saved] = await Promise.all([page.waitForEvent("download"), csv.click()]);
		const table = readFileSync(await saved.path(), "utf8");
		expect(/^round,bond_lpt,fees_eth,earned_lpt,earned_eth\n\d+,[\d.]+,[\d.]+,-?[\d.]+,-?[\d.]+\n\d+,/.test(table), `the history is ${table.slice(0, 80)}`);
		expect(/\d+,LptStaking\.Bonded,250\n/.test(table) && /\d+,LptStaking\.Unbonded,\d/.test(table), "the history lacks what was just done");
	},
	/** What was cancelled while the wallet asked is not sent, though the wallet signs it. */
	async cancelled() {
		let agree;
		const agreed = new Promise((resolve) => (agree = resolve));
		let signed;
		let sent = 0;
		const page = await open("/stake", {}, async (page) => {
			signed = await wallet(page, ferdie, agreed);
			page.on("request", (request) => void (request.postData()?.includes("author_submitExtrinsic") && sent++));
		});
		await connect(page);
		const dialog = page.locator("dialog");
		await page.locator("table.transcoders").getByRole("button", { name: "Bond" }).first().click();
		await dialog.getByRole("textbox").fill("7");
		await until("the fee is told", async () => /Fee\s*[\d.,]+ [na]?LPT/.test(await dialog.innerText()));
		await dialog.getByRole("button", { name: "Sign and send" }).click();
		await until("the wallet is looked at", async () => /Look at your wallet/.test(await dialog.innerText()));
		await dialog.getByRole("button", { name: "Cancel" }).click();
		await until("the dialog is closed", async () => (await dialog.count()) === 0);
		const block = async () => Number(/block (\d+)/.exec(await page.locator("footer").innerText())?.[1] ?? 0);
		agree();
		await until("it is signed", () => signed.length === 1);
		const then = await block();
		await until("blocks go on", async () => (await block()) > then + 1);
		expect(sent === 0, "it was sent all the same");
	},
	/** From unbonding to withdrawal, with the countdown; moves what is left, takes the fees. */
	async withdraw() {
		const account = ring.addFromUri("//Dave//stash");
		let signed;
		const page = await open("/stake", {}, async (page) => (signed = await wallet(page, account)));
		await connect(page);
		const dialog = page.locator("dialog");
		const { transcoder } = await until("the stream has a transcoder", async () => {
			const status = await statusOf(stream);
			return status.transcoder && status;
		});
		// The stream's own transcoder, for it earns fees, and has claims that hold stake back.
		const row = page.locator("table.transcoders tbody tr").filter({ has: page.locator(`a[href="/account/${transcoder}"]`) });
		await row.getByRole("button", { name: "Bond" }).click();
		await dialog.getByRole("textbox").fill("500");
		await go(page, "bond");
		await page.getByRole("button", { name: "Unbond" }).click();
		await dialog.getByRole("textbox").fill("40");
		await go(page, "unbond");
		const told = async () => /free in round (\d+), in about (.+)/.exec(await page.locator(".locks").innerText());
		const [, , first] = await until("the countdown is shown", told);
		await until("it counts down", async () => (await told())?.[2] !== first);
		expect(await page.getByRole("button", { name: "Withdraw" }).isDisabled(), "it can be withdrawn too early");
		await until("it is free", async () => /free to withdraw/.test(await page.locator(".locks").innerText()), 25 * 60_000);
		const free = async () => (await api.query.system.account(account.address)).data.free.toBigInt();
		const before = await free();
		await page.getByRole("button", { name: "Withdraw" }).click();
		await go(page, "withdraw");
		await until("nothing is on its way out", async () => (await page.locator(".locks").count()) === 0);
		const gained = await until("it is free on the chain", async () => {
			const more = (await free()) - before;
			return more > 0n && more;
		});
		// Less its fee. Nothing was slashed.
		expect(gained > 39n * 10n ** 18n && gained < 40n * 10n ** 18n, `${gained} came back`);
		const fees = page.getByRole("button", { name: "Take fees" });
		await until("there are fees", () => fees.isEnabled(), 5 * 60_000);
		await fees.click();
		await go(page, "fees");
		await page.getByRole("button", { name: "Move" }).click();
		await go(page, "move");
		await until("the move is shown", async () => /→/.test(await page.locator(".locks").innerText()));
		expect(/can be bonded there from round \d+ on/.test(await page.locator(".locks").innerText()), "when it can go on is not said");
		expect(await page.getByRole("button", { name: "Bond there" }).isDisabled(), "it can be bonded there too early");
		expect(await page.locator(".locks").getByRole("button", { name: "Bond again" }).isEnabled(), "it cannot go back");
		expect(signed.join() === ["bond", "unbond", "withdrawStake", "withdrawFees", "moveBond"].map((call) => `lptStaking.${call}`).join(), `signed: ${signed}`);
		await shot(page, "withdrawn");
	},
	/** A transcoder's owner changes its terms; where it is reached stays as it was. */
	async terms() {
		const charlie = ring.addFromUri("//Charlie");
		const reads = api.call.livepeerApi;
		const service = async () => JSON.stringify(await reads.service(charlie.address));
		const before = (await reads.termsOf(charlie.address)).toJSON();
		const reached = await service();
		let signed;
		const page = await open("/stake", {}, async (page) => (signed = await wallet(page, charlie)));
		await connect(page);
		await page.locator("#transcoder").getByRole("button", { name: "Change terms" }).click();
		const dialog = page.locator("dialog");
		const keeps = dialog.getByLabel("Rewards it keeps");
		await keeps.fill("101");
		await until("what is no share is refused in words", async () => /0 to 100 percent/.test(await dialog.innerText()));
		await keeps.fill(String(before.rewardCut / 1e7 + 1));
		// In the last tenth of a round terms are frozen.
		const { length } = (await reads.parameters()).toJSON().rounds;
		await until("terms are taken", async () => {
			const [clock, current] = await Promise.all([reads.clock(), api.query.rounds.current()]);
			return clock.toJSON().block - current.toJSON().start < length - length / 10 - 8;
		});
		await go(page, "terms");
		// The node that is asked here may be a block behind the gateway's.
		const after = await until("the chain has others", async () => {
			const found = (await reads.termsOf(charlie.address)).toJSON();
			return found.rewardCut !== before.rewardCut && found;
		});
		expect(after.rewardCut === before.rewardCut + 1e7, `it keeps ${after.rewardCut} instead of ${before.rewardCut}`);
		expect(String(after.price) === String(before.price) && after.feeShare === before.feeShare, "something else was changed");
		expect((await service()) === reached, "it is reached elsewhere");
		expect(signed.join() === "transcoderElection.transcoder", `signed: ${signed}`);
	},
	/** A key that may spend so much, named and taken away again. */
	async keys() {
		const { address } = ring.addFromUri(`//Pages//${Date.now()}`);
		let signed;
		const page = await open("/broadcast", {}, async (page) => (signed = await wallet(page, ferdie)));
		await connect(page);
		await page.getByLabel("Who opens the job").selectOption("worker");
		await page.getByRole("button", { name: "Name the spending key" }).click();
		const dialog = page.locator("dialog");
		await dialog.getByLabel("The key's account").fill("nobody");
		await until("what is no account is refused in words", async () => /no account/.test(await dialog.innerText()));
		await dialog.getByLabel("The key's account").fill(address);
		await dialog.getByLabel("Cap in ETH").fill("0.25");
		await go(page, "spending-key");
		const row = page.locator("li").filter({ has: page.locator(`a[href="/account/${address}"]`) });
		await until("it is shown with its cap", async () => /0 ETH \/ 0.25 ETH/.test(await row.innerText()));
		await row.getByRole("button", { name: "Remove" }).click();
		await go(page, "drop-key");
		await until("it is gone", async () => (await row.count()) === 0);
		// Where a worker is found that opens its jobs itself: asked, and left.
		await page.getByLabel("Name", { exact: true }).fill("found");
		await page.getByLabel("Where others reach the worker").fill("/dns4/a.example/tcp/4100");
		await page.getByRole("button", { name: "Say where it is found" }).click();
		await dialog.getByLabel("The worker's peer id").fill("12D3KooX");
		await until("what is no peer id is refused in words", async () => /no peer id/.test(await dialog.innerText()));
		await dialog.getByLabel("The worker's peer id").fill("12D3KooW9pP4Seg3kZYhySpuVjn1RPdQBsUFZKiFxGMGQN5MeL6A");
		await until("it could be signed", () => dialog.getByRole("button", { name: "Sign and send" }).isEnabled());
		await dialog.getByRole("button", { name: "Cancel" }).click();
		expect(signed.join() === "jobs.setSpendingKey,jobs.removeSpendingKey", `signed: ${signed}`);
	},
	/**
	 * The browser follows the chain itself and agrees with an honest node; one that lies about claims is
	 * called out, and not believed.
	 */
	async light() {
		const page = await open(`/stream/${stream}`);
		await page.waitForSelector("#light");
		const began = Date.now();
		await page.getByRole("button", { name: "Follow the chain myself" }).click();
		const follows = () => page.locator('#light [data-phase="following"]').count();
		await until("it follows the chain", follows);
		report.lightSeconds = (Date.now() - began) / 1000;
		// From here on the gateway's node is asked for one thing only: to be compared.
		let compared = 0;
		page.on("request", (request) => {
			if (new URL(request.url()).pathname === "/chain" && request.postData()?.includes('"LivepeerApi_claim"')) compared++;
		});
		await until("what plays is checked by it", async () => (await trust(page)) === "checked");
		const agreed = async () => Number(/(\d+) times/.exec(await page.locator("#light").innerText())?.[1] ?? 0);
		await until("the gateway's node agrees", async () => (await agreed()) > 3);
		await until("a claim is compared", () => compared > 0, 2 * PATIENCE);
		const then = await agreed();
		await until("it agrees after that too", async () => (await agreed()) > then);
		expect((await page.locator("#lies").count()) === 0, "an honest node is called a liar");
		await shot(page, "light");
		// From now on the node says something else of every claim.
		const seen = await alter(page, "**/chain", async (answer, request) => {
			const asked = JSON.parse(request.postData());
			const told = await answer.json();
			let lies = 0;
			for (const one of told) {
				const { method, params } = asked.find(({ id }) => id === one.id) ?? {};
				if (method !== "state_call" || params[0] !== "LivepeerApi_claim" || !(one.result?.length > 100)) continue;
				lies++;
				const at = one.result.length - 60;
				one.result = `${one.result.slice(0, at)}${one.result[at] === "0" ? "1" : "0"}${one.result.slice(at + 1)}`;
			}
			return lies ? { json: told } : undefined;
		});
		await page.reload({ waitUntil: "domcontentloaded" });
		await until("it follows the chain again", follows);
		await until("the lie is called out", async () => /claim \d+/.test(await page.locator("#lies").innerText()), 2 * PATIENCE);
		expect(seen.changed > 0, "the node told no lie");
		await until("what plays is checked all the same", async () => (await trust(page)) === "checked");
		await shot(page, "light-lie");
		await page.getByRole("button", { name: "Ask the gateway's node again" }).click();
		await page.getByRole("button", { name: "Follow the chain myself" }).waitFor();
	},
	/** Publishes from a camera to a broadcaster; its segments come and are watched; a wallet ends its job. */
	async camera() {
		const { BIN_DIR: bin, DATA: data } = process.env;
		if (!bin || !data) {
			expect(!only, "it wants BIN_DIR and DATA");
			(report.skipped ??= []).push("camera");
			return;
		}
		const owner = ferdie.address;
		const home = join(data, "camera");
		const at = "/ip4/127.0.0.1/tcp/4190";
		mkdirSync(home, { recursive: true });
		const worker = join(bin, "livepeer-worker");
		// What waits here holds up neither the browser nor the node's connection.
		const tell = async (...args) => (await promisify(execFile)(worker, args)).stdout.trim();
		const peer = await tell("keys", "peer", "--data-dir", home);
		// The key that signs the account's segments already, which the demo's folder has.
		const [newest] = (await api.call.livepeerApi.operatorKeys(owner, "Segments")).toJSON().sort((a, b) => b.generation - a.generation);
		const signer = ring.encodeAddress(Object.values(newest.keys[0])[0]);
		// The wallet opens the stream by one signature; the machine is given no key that spends.
		let told = [];
		const recipe = await open("/broadcast", {}, async (page) => (told = await wallet(page, ferdie)));
		await connect(recipe);
		await recipe.getByLabel("Name", { exact: true }).fill("camera");
		await recipe.getByLabel("Comes from").selectOption("camera");
		await recipe.getByLabel("Source").selectOption("480p");
		await recipe.getByRole("checkbox", { name: /^480p/ }).uncheck();
		await recipe.getByLabel("Budget in ETH").fill("0.5");
		await recipe.getByLabel("Longest, in hours").fill("1");
		await recipe.getByLabel("Where others reach the worker").fill(at);
		await recipe.getByLabel("The segment key's account").fill(signer);
		await recipe.getByLabel("The worker's peer id").fill(`${peer}x`);
		await until("what is no peer id is refused in words", async () => /no peer id/.test(await main(recipe)));
		const create = recipe.getByRole("button", { name: "Create the stream" });
		expect(await create.isDisabled(), "it can be created all the same");
		await recipe.getByLabel("The worker's peer id").fill(peer);
		await create.click();
		await go(recipe, "create");
		expect(told.join() === "utility.batchAll", `signed: ${told}`);
		const command = await until("the command has the job", async () => {
			const text = await recipe.locator("pre").last().innerText();
			return /--job \d+/.test(text) && text;
		});
		expect(command.includes(`--listen /ip4/0.0.0.0/tcp/4190 --announce ${at}`) && !command.includes("spending"), `the command is ${command}`);
		expect(await create.isDisabled(), "a second job can be opened for the stream");
		await shot(recipe, "created");
		await close(recipe.context());
		// As the page says, in the folders of this test.
		const [, ...args] = command.replaceAll("\\\n", " ").replace("segments.key", join(data, "keys/segments")).replace("--data-dir camera", `--data-dir ${home}`).split(/\s+/);
		args.push("--node", nodeUrl, "--events", join(home, "events.jsonl"));
		const broadcaster = spawn(worker, args, { stdio: ["ignore", "ignore", "inherit"] });
		const over = new Promise((resolve) => broadcaster.on("exit", resolve).on("error", resolve));
		const runs = () => broadcaster.exitCode === null && broadcaster.signalCode === null;
		const leave = async () => {
			if (runs()) broadcaster.kill("SIGINT");
			const stuck = setTimeout(() => broadcaster.kill("SIGKILL"), 30_000);
			await over;
			clearTimeout(stuck);
		};
		let signed;
		try {
			const keyFile = join(home, "stream-key");
			const key = await until("the stream key is made", () => {
				if (!runs()) throw new Never("the broadcaster has ended");
				return existsSync(keyFile) && readFileSync(keyFile, "utf8").trim();
			});
			// One step tries an address that the policy forbids.
			const permissions = ["camera", "microphone"];
			const page = await open("/broadcast", { permissions }, async (page) => (signed = await wallet(page, ferdie)), true);
			await page.getByLabel("Name", { exact: true }).fill("camera");
			await page.getByLabel("Source").selectOption("480p");
			await page.getByLabel("Comes from").selectOption("camera");
			const card = page.locator("#camera");
			const state = () => card.locator("[data-state]").getAttribute("data-state");
			const goLive = card.getByRole("button", { name: "Go live" });
			const told = (what, words) => until(what, async () => words.test(await card.getByRole("alert").innerText().catch(() => "")));
			const address = card.getByLabel("Publish to");
			const right = await address.inputValue();
			expect(right === "http://127.0.0.1:8940/whip/camera", `it is published to ${right}`);
			await goLive.click();
			await told("the key is missed", /stream key is missing/);
			await card.getByLabel("Stream key").fill("a-wrong-key");
			await goLive.click();
			await told("the key is wrong", /stream key is wrong/);
			await card.getByLabel("Stream key").fill(key);
			await address.fill("http://127.0.0.1:8941/whip/camera");
			await goLive.click();
			await told("nobody is there", /Nothing answers at http:\/\/127\.0\.0\.1:8941/);
			await address.fill("https://elsewhere.example/whip/camera");
			await goLive.click();
			await told("the policy forbids it", /this machine only/);
			await address.fill(right);
			// A firewall that lets the offer pass and no media.
			const firewall = await alter(page, "**/whip/camera", async (answer, request) => {
				if (request.method() !== "POST") return undefined;
				return { body: (await answer.text()).replaceAll(/(a=candidate:.* udp \d+ \S+) \d+/gi, "$1 9") };
			});
			await goLive.click();
			await told("no packet gets through", /no packet gets through/);
			expect(firewall.changed > 0, "nothing was in the way");
			await page.unroute("**/whip/camera");
			await goLive.click();
			await until("it is live", async () => (await state()) === "live");
			expect((await card.getByRole("alert").count()) === 0, "nothing is wrong");
			await until("a sound is heard", async () => Number(await card.locator("meter").getAttribute("value")) > 0.1);
			await until("pictures are sent", async () => /854×480.*Mbit/.test(await card.locator("[data-state]").innerText()));
			await shot(page, "camera");
			await page.emulateMedia({ reducedMotion: "reduce" });
			for (const one of await violations(page)) problems.push(`camera: ${one}`);
			const events = () => readFileSync(join(home, "events.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
			const returned = () => events().filter(({ event }) => event === "segment_returned").length;
			await until("segments come back to the broadcaster", () => returned() >= 3, 2 * PATIENCE);
			const watcher = await open(`/stream/${owner}/camera`);
			await until("the camera is watched, checked", async () => (await trust(watcher)) === "checked");
			await plays(watcher);
			report.camera = { sending: (await card.locator("[data-state]").innerText()).replace(/\s+/g, " "), returned: returned() };
			await shot(watcher, "camera-watched");
			await close(watcher.context());
			await card.getByRole("button", { name: "Stop" }).click();
			await until("it is off", async () => (await state()) === "off");
			expect(await page.evaluate(() => document.querySelector("video.preview").srcObject === null), "the camera is off");
			// A worker that is stopped leaves its job open: it is the wallet that ends it.
			await leave();
			const { job } = await statusOf(`${owner}/camera`);
			await connect(page);
			const row = page.locator("li").filter({ has: page.locator(`a[href="/job/${job}"]`) }).filter({ hasText: "so far" });
			await until("it is told what it has used", async () => /used [\d.,]+ [na]?ETH so far, left [\d.,]+ [na]?ETH/.test(await row.innerText()));
			await row.getByRole("button", { name: "End" }).click();
			await go(page, "end-job");
			await until("the job is over", async () => (await row.count()) === 0 || /ended/.test(await row.innerText()));
			expect(signed.join() === "jobs.endJob", `signed: ${signed}`);
			const refusing = await withCamera("=deny");
			try {
				const denied = await refusing.newPage();
				await denied.goto(`${gateway}/broadcast`, { waitUntil: "domcontentloaded" });
				await denied.getByLabel("Comes from").selectOption("camera");
				await denied.getByRole("button", { name: "Look first" }).click();
				const alert = denied.locator("#camera").getByRole("alert");
				await until("a refusal is told", async () => /not allowed to use camera/.test(await alert.innerText()));
			} finally {
				await refusing.close();
			}
		} finally {
			await leave();
		}
	},
	/** How soon pages can be used on a slow phone: processor at a quarter, 1.6 Mbit/s, 150 ms. */
	async interactive() {
		report.interactive = {};
		const visit = async (path) => {
			const context = await browser.newContext(PHONE);
			const page = await context.newPage();
			const devtools = await context.newCDPSession(page);
			await devtools.send("Network.enable");
			await devtools.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 });
			await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
			await page.addInitScript(() => {
				globalThis.long = [];
				new PerformanceObserver((list) => {
					for (const { startTime, duration } of list.getEntries()) globalThis.long.push([startTime, duration]);
				}).observe({ type: "longtask", buffered: true });
			});
			await page.goto(gateway + path, { waitUntil: "commit" });
			await page.waitForSelector("main:not(.loading)");
			await page.waitForTimeout(4_000);
			const found = await page.evaluate(() => {
				const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
				// Usable when the page's own content is there and nothing long has run for half a second.
				const shown = performance.getEntriesByName("shown")[0]?.startTime ?? painted;
				let end = Math.max(painted, shown);
				for (const [start, duration] of globalThis.long) if (start < end + 500) end = Math.max(end, start + duration);
				return { painted: Math.round(painted), shown: Math.round(shown), interactive: Math.round(end), long: globalThis.long.map(([start, duration]) => `${Math.round(start)}+${Math.round(duration)}`).join(" ") };
			});
			await close(context);
			return found;
		};
		const { broadcaster } = await statusOf(stream);
		for (const path of process.env.TTI_PATHS?.split(",") ?? ["/", "/network", "/stake", "/broadcast", "/embed", `/account/${broadcaster}`, `/stream/${stream}`]) {
			// The quickest of three: what else the machine does just then, a whole network among it, is not the page's.
			const visits = [await visit(path), await visit(path), await visit(path)].sort((a, b) => a.interactive - b.interactive);
			report.interactive[path.replace(stream, "…").replace(broadcaster, "…")] = visits[0];
			expect(visits[0].interactive <= INTERACTIVE, `${path} can be used after ${visits.map(({ interactive }) => interactive)} ms`);
		}
	},
	/** What a first visit of each page loads, without the player: with the chain's metadata, and when no more comes. */
	async size() {
		report.firstLoadBytes = {};
		for (const path of ["/", "/network", "/stake", "/broadcast", "/embed"]) {
			const page = await open(path);
			await until(`${path}: the chain is read`, async () => /block \d+/.test(await page.locator("footer").innerText()));
			const loaded = () =>
				page.evaluate(() => {
					const all = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
					const counted = all.filter(({ name }) => new URL(name).pathname !== "/chain");
					return { bytes: counted.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0), names: counted.map(({ name }) => new URL(name).pathname) };
				});
			let before;
			let now = await loaded();
			await until(`${path}: nothing more is loaded`, async () => {
				before = now;
				await page.waitForTimeout(700);
				now = await loaded();
				return now.names.length === before.names.length;
			});
			report.firstLoadBytes[path] = now.bytes;
			expect(now.names.some((name) => name.startsWith("/chain/metadata/")), `${path} was not charged for the metadata`);
			expect(now.bytes > 0 && now.bytes <= FIRST_LOAD, `the first load of ${path} has ${now.bytes} bytes: ${now.names}`);
			await close(page.context());
		}
	},
	/**
	 * What a page costs that plays on and on: memory, the processor's share of all that it does and of checking
	 * alone, and what that would be of a stream of 1080p at 6 Mbit/s.
	 */
	async soak() {
		const minutes = Number(process.env.MINUTES ?? 60);
		const page = await open(`/stream/${stream}`);
		await until("checked by the browser", async () => (await trust(page)) === "checked");
		await plays(page);
		const { children } = await page.evaluate(() => ({ children: document.querySelectorAll("#levels option").length }));
		if (process.env.LEVEL) await page.locator("#levels").selectOption(process.env.LEVEL);
		const devtools = await page.context().newCDPSession(page);
		const system = await browser.newBrowserCDPSession();
		await devtools.send("HeapProfiler.enable");
		const cpu = async () => {
			const { processInfo } = await system.send("SystemInfo.getProcessInfo");
			return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime, 0);
		};
		const look = async () => {
			await devtools.send("HeapProfiler.collectGarbage");
			const [{ usedSize }, { nodes, jsEventListeners }] = await Promise.all([devtools.send("Runtime.getHeapUsage"), devtools.send("Memory.getDOMCounters")]);
			const { checked, spent } = await page.locator("#verdict").evaluate((element) => element.dataset);
			return { at: Date.now(), cpu: await cpu(), heap: usedSize, nodes, listeners: jsEventListeners, checked: Number(checked), spent: Number(spent) };
		};
		const begun = await look();
		const heaps = [];
		for (let minute = 1; minute <= minutes; minute++) {
			await page.waitForTimeout(60_000);
			const now = await look();
			heaps.push(now.heap);
			console.error(`minute ${minute}: ${(now.heap / 1e6).toFixed(1)} MB, ${now.nodes} nodes, ${now.listeners} listeners`);
		}
		const ended = await look();
		const seconds = (ended.at - begun.at) / 1000;
		const megabytes = (ended.checked - begun.checked) / 1e6;
		const spent = (ended.spent - begun.spent) / 1000;
		const middle = (part) => [...part].sort((a, b) => a - b)[part.length >> 1] / 1e6;
		report.soak = {
			minutes,
			levels: children - 1,
			rendererOfACore: (ended.cpu - begun.cpu) / seconds,
			checkingOfACore: spent / seconds,
			checkedMegabytes: megabytes,
			checkingAt1080p: (spent / megabytes) * 0.75,
			nodes: [begun.nodes, ended.nodes],
			listeners: [begun.listeners, ended.listeners],
			// A page keeps the events of 900 blocks, half an hour of them here: before that it grows.
			heap: minutes >= 50 ? { from35: middle(heaps.slice(34, 40)), atEnd: middle(heaps.slice(-6)) } : heaps.map((heap) => heap / 1e6),
		};
		expect(report.soak.checkingAt1080p <= CHECKING, `checking 1080p would take ${report.soak.checkingAt1080p} of a core`);
		const { from35, atEnd } = report.soak.heap;
		expect(from35 === undefined || atEnd <= from35 * 1.1 + 2, `the page has grown from ${from35} MB to ${atEnd} MB`);
		expect((await trust(page)) === "checked", "not all of it was checked");
	},
};

const unknown = only?.filter((name) => !checks[name]);
if (unknown?.length) {
	console.error(`no such checks: ${unknown}; there are ${Object.keys(checks)}`);
	process.exit(2);
}
for (const [name, check] of Object.entries(checks)) {
	if (only ? !only.includes(name) : LONG.includes(name)) continue;
	running = name;
	const begun = Date.now();
	const before = problems.length;
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error("it came to no end")), LONG.includes(name) ? 12 * LIMIT : LIMIT);
	});
	try {
		await Promise.race([check(), late]);
	} catch (error) {
		problems.push(`${name}: ${error.message ?? error}`);
		// What was to be seen then.
		for (const page of browser.contexts().flatMap((context) => context.pages())) {
			const text = await page.locator("body").innerText({ timeout: 5_000 }).catch(String);
			console.error(`${name}: ${page.url()}\n${text.slice(0, 2_000)}`);
			await shot(page, `failed-${name}`).catch(() => undefined);
		}
	} finally {
		clearTimeout(timer);
		turn++;
		// Nothing of it goes on beside the next check.
		for (const context of browser.contexts()) await close(context).catch(() => undefined);
	}
	report.seconds[name] = (Date.now() - begun) / 1000;
	console.error(`${name}: ${report.seconds[name].toFixed(1)} s${problems.length > before ? ", and it does not hold" : ""}`);
}
await browser.close();
await api.disconnect();
/** What was measured, as the table of offchain-worker/pages/README.md. */
const rows = [];
for (const path of new Set([...Object.keys(report.firstLoadBytes ?? {}), ...Object.keys(report.interactive ?? {})])) {
	const [loaded, used] = [report.firstLoadBytes?.[path], report.interactive?.[path]];
	const kilobytes = loaded ? `${Math.round(loaded / 1_000)} kB` : "–";
	rows.push(`| \`${path}\` | ${kilobytes} | ${used ? `${(used.painted / 1_000).toFixed(2)} s | ${(used.interactive / 1_000).toFixed(2)} s` : "– | –"} |`);
}
if (rows.length) console.error(["| Page | First load | Painted | Can be used |", "|---|---|---|---|", ...rows].join("\n"));
if (report.soak) {
	const { minutes, checkingOfACore, checkingAt1080p, rendererOfACore, heap } = report.soak;
	const share = (part) => `${(100 * part).toFixed(1)} %`;
	const memory = heap.atEnd ? `${heap.from35.toFixed(1)} → ${heap.atEnd.toFixed(1)} MB` : `${Math.min(...heap).toFixed(1)} to ${Math.max(...heap).toFixed(1)} MB`;
	const measured = [minutes, share(checkingOfACore), share(checkingAt1080p), share(rendererOfACore), memory].join(" | ");
	console.error(`| Minutes | Checking, of a core | At 1080p, 6 Mbit/s | All that the page does | Memory |\n|---|---|---|---|---|\n| ${measured} |`);
}
console.log(JSON.stringify({ ...report, problems }, null, 1));
process.exit(problems.length ? 1 : 0);
