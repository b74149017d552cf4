// Opens the gateway's pages in a headless Chromium as people do: watches and sees it proven, is shown
// what was tampered with, bonds and unbonds with a wallet, looks at everything by keyboard order and
// axe's rules.
//
//   node pages.mjs GATEWAY_URL NODE_WS_URL [STREAM]
//
// The wallet is a signer outside the page that reads what it signs with @polkadot/api. SHOTS=folder
// keeps pictures; ONLY=watch,stake runs some of the checks. With BIN_DIR and DATA, the demo's folder, a
// broadcaster is started that a camera publishes to. Exits 1 when anything does not hold.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { join } from "node:path";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { chromium } from "playwright-core";

const [gateway, nodeUrl, stream = "demo"] = process.argv.slice(2);
if (!nodeUrl) {
	console.error("usage: node pages.mjs GATEWAY_URL NODE_WS_URL [STREAM]");
	process.exit(2);
}
const only = process.env.ONLY?.split(",");
const problems = [];
const report = { gateway };
const expect = (holds, what) => holds || problems.push(what);
const api = await ApiPromise.create({ provider: new WsProvider(nodeUrl), noInitWarn: true });
const ferdie = new Keyring({ type: "sr25519" }).addFromUri("//Ferdie");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const launch = (ui) => chromium.launch({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	headless: true,
	args: [
		// A camera and a microphone that Chromium makes up, and what it answers when it is asked for them.
		"--use-fake-device-for-media-stream",
		`--use-fake-ui-for-media-stream${ui}`,
		"--no-sandbox",
		"--disable-gpu",
		"--disable-quic",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--autoplay-policy=no-user-gesture-required",
	],
});
const browser = await launch("");
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1440, height: 900 } };

async function open(path, options = {}) {
	const context = await browser.newContext({ ...DESKTOP, ...options });
	const page = await context.newPage();
	page.on("pageerror", (error) => problems.push(`${path}: ${error}`));
	page.on("console", (message) => {
		// What the policy refuses is told there only.
		if (/Content Security Policy/.test(message.text())) problems.push(`${path}: ${message.text()}`);
	});
	await page.goto(gateway + path, { waitUntil: "domcontentloaded" });
	return page;
}
/** Closes a context; what its pages are just being answered is let go. */
const close = async (context) => {
	for (const page of context.pages()) await page.unrouteAll({ behavior: "ignoreErrors" });
	await context.close();
};
const shot = async (page, name) => {
	if (!process.env.SHOTS) return;
	mkdirSync(process.env.SHOTS, { recursive: true });
	await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
};
const trust = (page) => page.locator("#verdict").getAttribute("data-trust");
const until = async (what, holds, patience = 60_000) => {
	const end = Date.now() + patience;
	for (;;) {
		const found = await holds();
		if (found) return found;
		if (Date.now() > end) throw new Error(`never came to be: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
};

const checks = {
	/** Plays, and the browser has checked what it played. */
	async watch() {
		const page = await open(`/stream/${stream}`);
		await until("checked by the browser", async () => (await trust(page)) === "checked");
		await until("the picture goes on", () =>
			page.evaluate(() => (document.querySelector("video")?.currentTime ?? 0) > 0 && document.querySelector("video").videoWidth > 0),
		);
		await until("segments are shown", async () => (await page.locator(".tape li").count()) > 2);
		await until("one is proven", async () => (await page.locator(".tape .mine").count()) > 0);
		expect((await page.locator(".tape .refused").count()) === 0, "nothing is refused of an honest stream");
		await page.locator(".tape .mine").first().click();
		const told = await page.locator(".checks").innerText();
		expect(/hashed its bytes/.test(told) && /Signed by the broadcaster/.test(told), `the segment is explained: ${told}`);
		await shot(page, "watch");
		report.watch = await page.locator(".funnel").innerText();
		await close(page.context());
	},
	/** A byte that somebody changed on the way: it is called out and not played. */
	async tampered() {
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		let changed = 0;
		await page.route("**/*.ts", async (route) => {
			const answer = await route.fetch();
			const body = await answer.body();
			body[body.length >> 1] ^= 1;
			changed++;
			await route.fulfill({ response: answer, body });
		});
		await page.goto(`${gateway}/stream/${stream}`);
		await until("it is called out", async () => (await trust(page)) === "refused");
		expect(/Tampered/.test(await page.locator("#verdict").innerText()), "it is said in words");
		await page.waitForTimeout(3_000);
		const frames = await page.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);
		expect(changed > 0 && frames === 0, `${frames} pictures of ${changed} changed segments were shown`);
		await shot(page, "tampered");
		await close(context);
	},
	/** A header that somebody else signed. */
	async forged() {
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		await page.route("**/records/*.scale", async (route) => {
			const answer = await route.fetch();
			const body = await answer.body();
			// Within the first header: its stream's place stays, its segment's hash does not.
			if (body.length > 200) body[150] ^= 1;
			await route.fulfill({ response: answer, body });
		});
		await page.goto(`${gateway}/stream/${stream}`);
		await until("it is marked", async () => (await page.locator(".tape .refused").count()) > 0);
		await close(context);
	},
	/** A playlist that names something else than segments: it is not played. */
	async misled() {
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		await page.route(/\/stream\/.+\/\d+\.m3u8/, async (route) => {
			const answer = await route.fetch();
			const body = (await answer.text()).replaceAll(/(\d+\.ts)$/gm, "other/$1");
			await route.fulfill({ response: answer, body });
		});
		await page.route(/\/other\/\d+\.ts/, async (route) => {
			const answer = await route.fetch({ url: route.request().url().replace("/other/", "/") });
			await route.fulfill({ response: answer });
		});
		await page.goto(`${gateway}/stream/${stream}`);
		await until("it is refused", async () => (await trust(page)) === "refused");
		const frames = await page.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);
		expect(frames === 0, `${frames} pictures without a record were shown`);
		await close(context);
	},
	/** Without the chain nothing is called proven; when it is back, what was played is proven after all. */
	async away() {
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		await page.route("**/chain", (route) => route.abort());
		await page.goto(`${gateway}/stream/${stream}`);
		await until("it plays unproven", async () => (await trust(page)) === "unchecked");
		await page.unroute("**/chain");
		await until("it is proven after all", async () => (await trust(page)) === "checked");
		await close(context);
	},
	/** The player on a page of somebody else's, in ten lines. */
	async embedded() {
		const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Live</title>
<script type="module" src="${gateway}/livepeer-player.js"></script>
<livepeer-player stream="${stream}"></livepeer-player>
</html>
`;
		const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(html));
		await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		page.on("pageerror", (error) => problems.push(`embedded: ${error}`));
		await page.goto(`http://127.0.0.1:${server.address().port}/`);
		const state = () => page.evaluate(() => document.querySelector("livepeer-player").state);
		await until("it plays, checked", async () => {
			const { trust, checked } = (await state()) ?? {};
			return trust === "checked" && checked > 1;
		});
		report.embedded = await state();
		await shot(page, "embedded");
		await close(context);
		server.close();
	},
	/** Every page by axe's rules, in both colours, on desktop and phone. */
	async pages() {
		const job = await api.query.jobs?.nextJob?.().catch(() => undefined);
		const account = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
		report.axe = {};
		const paths = ["/", "/network", "/stake", "/broadcast", "/embed", `/account/${account}`, `/job/${job ? Math.max(0, job - 1) : 0}`, "/claim/0", "/round/1", "/block/5", `/stream/${stream}`];
		for (const path of paths) {
			for (const [name, options] of [
				["light", { ...DESKTOP, colorScheme: "light" }],
				["dark", { ...PHONE, colorScheme: "dark" }],
			]) {
				// Without motion: what fades in has no contrast yet, and something happens in every block.
				const page = await open(path, { ...options, reducedMotion: "reduce" });
				await page.waitForSelector("main:not(.loading)");
				await until("the chain is read", async () => /block \d+/.test(await page.locator("footer").innerText()));
				await page.waitForTimeout(1_500);
				await page.evaluate(axe);
				const { violations } = await page.evaluate(() => globalThis.axe.run({ rules: { "scrollable-region-focusable": { enabled: true } } }));
				for (const { id, nodes } of violations) problems.push(`${path} ${name}: ${id}: ${nodes[0]?.html.slice(0, 120)}`);
				report.axe[`${path} ${name}`] = violations.length;
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				expect(wide <= 0, `${path} ${name} is ${wide} px too wide`);
				await shot(page, `${path.split("/").filter(Boolean).slice(0, 2).join("-") || "home"}-${name}`);
				await close(page.context());
			}
		}
		const page = await open("/network", { locale: "zh-CN" });
		await until("Chinese", async () => /网络现况/.test(await page.locator("main").innerText()));
		await shot(page, "network-zh");
		await close(page.context());
	},
	/** Bonds, unbonds and bonds again, by a wallet that reads what it signs. */
	async stake() {
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		page.on("pageerror", (error) => problems.push(`stake: ${error}`));
		const signed = [];
		await page.exposeFunction("signForTest", (payload) => {
			const call = api.registry.createType("Call", payload.method);
			signed.push(`${call.section}.${call.method}`);
			api.registry.setSignedExtensions(payload.signedExtensions);
			const { signature } = api.registry.createType("ExtrinsicPayload", payload, { version: payload.version }).sign(ferdie);
			return signature;
		});
		await page.addInitScript((address) => {
			globalThis.injectedWeb3 = {
				"test-wallet": {
					version: "1",
					enable: async () => ({
						accounts: { get: async () => [{ address, name: "Ferdie", type: "sr25519" }] },
						signer: { signPayload: async (payload) => ({ id: 1, signature: await globalThis.signForTest(payload) }) },
					}),
				},
			};
		}, ferdie.address);
		await page.goto(`${gateway}/stake`);
		await page.getByRole("button", { name: "Connect test-wallet" }).click();
		const dialog = page.locator("dialog");
		const go = async (what) => {
			await until(`${what}: the fee is told`, async () => /Fee\s*[\d.,]+ n?LPT/.test(await dialog.innerText()));
			await shot(page, `ask-${what}`);
			await dialog.getByRole("button", { name: "Sign and send" }).click();
			await until(`${what}: in a block`, async () => {
				const alert = await dialog.getByRole("alert").allInnerTexts();
				if (alert.length) throw new Error(`${what}: ${alert}`);
				return /Done/.test(await dialog.innerText());
			});
			await dialog.getByRole("button", { name: "Close" }).click();
		};
		await page.locator("table.transcoders").getByRole("button", { name: "Bond" }).first().click();
		await dialog.getByRole("textbox").fill("0.0000001");
		await until("too small a bond is refused in words", async () => /smallest bond/.test(await dialog.innerText()));
		await dialog.getByRole("textbox").fill("250");
		await go("bond");
		await until("the bond is shown", async () => /250 LPT/.test(await page.locator("main").innerText()));
		await page.getByRole("button", { name: "Unbond" }).click();
		await dialog.getByRole("textbox").fill("100");
		await go("unbond");
		await until("the lock is shown", async () => /free in round \d+/.test(await page.locator("main").innerText()));
		expect(await page.getByRole("button", { name: "Withdraw" }).isDisabled(), "what is not free cannot be withdrawn");
		await shot(page, "stake-mine");
		await page.getByRole("button", { name: "Bond again" }).first().click();
		await go("rebond");
		expect(signed.join() === "lptStaking.bond,lptStaking.unbond,lptStaking.rebond", `signed: ${signed}`);
		report.signed = signed;
		await close(context);
	},
	/**
	 * The browser follows the chain itself and agrees with an honest node; one that lies about claims is
	 * called out, and not believed.
	 */
	async light() {
		const context = await browser.newContext(DESKTOP);
		const page = await context.newPage();
		page.on("pageerror", (error) => problems.push(`light: ${error}`));
		page.on("console", (message) => {
			if (/Content Security Policy/.test(message.text())) problems.push(`light: ${message.text()}`);
		});
		await page.goto(`${gateway}/stream/${stream}`);
		await page.waitForSelector("#light");
		const began = Date.now();
		await page.getByRole("button", { name: "Follow the chain myself" }).click();
		const follows = () => page.locator('#light [data-phase="following"]').count();
		await until("it follows the chain", follows);
		report.lightSeconds = (Date.now() - began) / 1000;
		await until("what plays is checked by it", async () => (await trust(page)) === "checked");
		const agreed = async () => Number(/(\d+) times/.exec(await page.locator("#light").innerText())?.[1] ?? 0);
		await until("the gateway's node agrees", async () => (await agreed()) > 3);
		await until("a claim is compared", async () => (await page.locator(".claimrow").count()) > 0);
		expect((await page.locator("#lies").count()) === 0, "an honest node is not called a liar");
		await shot(page, "light");
		// From now on the node says another fee of every claim.
		let lies = 0;
		await page.route("**/chain", async (route) => {
			const asked = JSON.parse(route.request().postData());
			const answer = await route.fetch();
			const told = await answer.json();
			for (const one of told) {
				const { method, params } = asked.find(({ id }) => id === one.id) ?? {};
				if (method !== "state_call" || params[0] !== "LivepeerApi_claim" || !(one.result?.length > 100)) continue;
				lies++;
				const at = one.result.length - 60;
				one.result = `${one.result.slice(0, at)}${one.result[at] === "0" ? "1" : "0"}${one.result.slice(at + 1)}`;
			}
			await route.fulfill({ response: answer, json: told });
		});
		await page.reload();
		await until("it follows the chain again", follows);
		await until("the lie is called out", async () => /claim \d+/.test(await page.locator("#lies").innerText().catch(() => "")), 120_000);
		expect(lies > 0, "the node lied");
		expect((await trust(page)) === "checked", "what plays is checked all the same");
		await shot(page, "light-lie");
		await page.getByRole("button", { name: "Ask the gateway's node again" }).click();
		await page.getByRole("button", { name: "Follow the chain myself" }).waitFor();
		await close(context);
	},
	/** Publishes from a camera to a broadcaster; its segments come and are watched. */
	async camera() {
		const { BIN_DIR: bin, DATA: data } = process.env;
		if (!bin || !data) return;
		const owner = new Keyring({ type: "sr25519" }).addFromUri("//Ferdie").address;
		const home = join(data, "camera");
		const at = "/ip4/127.0.0.1/tcp/4190";
		mkdirSync(home, { recursive: true });
		const worker = join(bin, "livepeer-worker");
		const peer = execFileSync(worker, ["keys", "peer", "--data-dir", home]).toString().trim();
		execFileSync(worker, ["keys", "origin", "--name", "camera", "--peer-id", peer, "--listen", at, "--suri", "//Ferdie", "--node", nodeUrl]);
		const args = ["broadcast", "--whip", "127.0.0.1:8940", "--limits", "854x480@30", "--rendition", "426x240@400k", "--budget", "0.5"];
		args.push("--name", "camera", "--account", owner, "--key-file", join(data, "keys/segments"), "--spending-key-file", join(data, "keys/spending"));
		args.push("--data-dir", home, "--node", nodeUrl, "--listen", at, "--events", join(home, "events.jsonl"));
		const broadcaster = spawn(worker, args, { stdio: ["ignore", "ignore", "inherit"] });
		const context = await browser.newContext({ ...DESKTOP, permissions: ["camera", "microphone"] });
		try {
			const keyFile = join(home, "stream-key");
			const key = await until("the stream key is made", () => existsSync(keyFile) && readFileSync(keyFile, "utf8").trim());
			const page = await context.newPage();
			page.on("pageerror", (error) => problems.push(`camera: ${error}`));
			await page.goto(`${gateway}/broadcast`);
			await page.getByLabel("Name", { exact: true }).fill("camera");
			await page.getByLabel("Source").selectOption("480p");
			await page.getByLabel("Comes from").selectOption("camera");
			const card = page.locator("#camera");
			const state = () => card.locator("[data-state]").getAttribute("data-state");
			const go = card.getByRole("button", { name: "Go live" });
			const told = (what, words) => until(what, async () => words.test(await card.getByRole("alert").innerText().catch(() => "")));
			const address = card.getByLabel("Publish to");
			const right = await address.inputValue();
			expect(right === "http://127.0.0.1:8940/whip/camera", `it is published to ${right}`);
			await go.click();
			await told("the key is missed", /stream key is missing/);
			await card.getByLabel("Stream key").fill("a-wrong-key");
			await go.click();
			await told("the key is wrong", /stream key is wrong/);
			await card.getByLabel("Stream key").fill(key);
			await address.fill("http://127.0.0.1:8941/whip/camera");
			await go.click();
			await told("nobody is there", /Nothing answers at http:\/\/127\.0\.0\.1:8941/);
			await address.fill("https://elsewhere.example/whip/camera");
			await go.click();
			await told("the policy forbids it", /this machine only/);
			await address.fill(right);
			// A firewall that lets the offer pass and no media.
			await page.route("**/whip/camera", async (route) => {
				if (route.request().method() !== "POST") return route.continue();
				const answer = await route.fetch();
				const body = (await answer.text()).replaceAll(/(a=candidate:.* udp \d+ \S+) \d+/gi, "$1 9");
				await route.fulfill({ response: answer, body });
			});
			await go.click();
			await told("no packet gets through", /no packet gets through/);
			await page.unroute("**/whip/camera");
			await go.click();
			await until("it is live", async () => (await state()) === "live");
			expect((await card.getByRole("alert").count()) === 0, "nothing is wrong");
			await until("a sound is heard", async () => Number(await card.locator("meter").getAttribute("value")) > 0.1);
			await until("pictures are sent", async () => /854×480.*Mbit/.test(await card.locator("[data-state]").innerText()));
			await shot(page, "camera");
			await page.emulateMedia({ reducedMotion: "reduce" });
			await page.evaluate(axe);
			const { violations } = await page.evaluate(() => globalThis.axe.run());
			for (const { id, nodes } of violations) problems.push(`camera: ${id}: ${nodes[0]?.html.slice(0, 120)}`);
			const events = () => readFileSync(join(home, "events.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
			const returned = () => events().filter(({ event }) => event === "segment_returned").length;
			await until("segments come back to the broadcaster", () => returned() >= 3, 120_000);
			const watcher = await open(`/stream/${owner}/camera`);
			await until("the camera is watched, checked", async () => (await trust(watcher)) === "checked");
			await until("its picture goes on", () => watcher.evaluate(() => document.querySelector("video").currentTime > 0));
			report.camera = { sending: (await card.locator("[data-state]").innerText()).replace(/\s+/g, " "), returned: returned() };
			await shot(watcher, "camera-watched");
			await close(watcher.context());
			await card.getByRole("button", { name: "Stop" }).click();
			await until("it is off", async () => (await state()) === "off");
			expect(await page.evaluate(() => document.querySelector("video.preview").srcObject === null), "the camera is off");
			const refusing = await launch("=deny");
			const denied = await refusing.newPage();
			await denied.goto(`${gateway}/broadcast`);
			await denied.getByLabel("Comes from").selectOption("camera");
			await denied.getByRole("button", { name: "Look first" }).click();
			const alert = denied.locator("#camera").getByRole("alert");
			await until("a refusal is told", async () => /not allowed to use camera/.test(await alert.innerText().catch(() => "")));
			await refusing.close();
		} finally {
			await close(context);
			broadcaster.kill("SIGINT");
			await new Promise((resolve) => broadcaster.on("exit", resolve));
		}
	},
	/** How soon pages can be used on a slow phone: processor at a quarter, 1.6 Mbit/s, 150 ms. */
	async interactive() {
		report.interactive = {};
		for (const path of process.env.TTI_PATHS?.split(",") ?? ["/", "/network", `/stream/${stream}`, "/broadcast"]) {
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
			report.interactive[path.replace(stream, "…")] = await page.evaluate(() => {
				const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
				// Usable when the page's own content is there and nothing long has run for half a second.
				const shown = performance.getEntriesByName("shown")[0]?.startTime ?? painted;
				let end = Math.max(painted, shown);
				for (const [start, duration] of globalThis.long) if (start < end + 500) end = Math.max(end, start + duration);
				return { painted: Math.round(painted), shown: Math.round(shown), interactive: Math.round(end), long: globalThis.long.map(([start, duration]) => `${Math.round(start)}+${Math.round(duration)}`).join(" ") };
			});
			await close(context);
		}
	},
	/** What a first visit loads without the player, and how soon it can be used. */
	async size() {
		const page = await open("/network");
		await page.waitForSelector(".numbers b");
		const size = await page.evaluate(() =>
			performance
				.getEntriesByType("resource")
				.concat(performance.getEntriesByType("navigation"))
				.filter(({ name }) => !name.includes("/chain"))
				.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
		);
		report.firstLoadBytes = size;
		expect(size > 0 && size <= 300_000, `the first load has ${size} bytes`);
		await close(page.context());
	},
};

for (const [name, check] of Object.entries(checks)) {
	if (only && !only.includes(name)) continue;
	const begun = Date.now();
	try {
		await check();
	} catch (error) {
		problems.push(`${name}: ${error.message ?? error}`);
	}
	console.error(`${name}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}
await browser.close();
await api.disconnect();
console.log(JSON.stringify({ ...report, problems }, null, 1));
process.exit(problems.length ? 1 : 0);
