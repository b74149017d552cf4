import assert from "node:assert/strict";
import { after, test } from "node:test";

// As much of a page as the player needs.
const lend = (lent: Record<string, unknown>): void => {
	for (const [of, value] of Object.entries(lent)) Object.defineProperty(globalThis, of, { value, configurable: true, writable: true });
};
class Element {
	textContent = "";
	dataset: Record<string, string> = {};
	shadowRoot: { children: unknown[]; adoptedStyleSheets: unknown[]; replaceChildren: (...nodes: unknown[]) => void } | null = null;
	private readonly attributes = new Map<string, string>();
	getAttribute = (name: string): string | null => this.attributes.get(name) ?? null;
	setAttribute(name: string, value: string): void {
		const before = this.getAttribute(name);
		this.attributes.set(name, value);
		(this as { attributeChangedCallback?: (name: string, before: string | null, now: string) => void }).attributeChangedCallback?.(name, before, value);
	}
	addEventListener(): void {}
	dispatchEvent = (): boolean => true;
	attachShadow(): unknown {
		const root: NonNullable<Element["shadowRoot"]> = { children: [], adoptedStyleSheets: [], replaceChildren: (...nodes) => void (root.children = nodes) };
		return (this.shadowRoot = root);
	}
}
lend({
	HTMLElement: Element,
	CSSStyleSheet: class {
		replaceSync(): void {}
	},
	location: { href: "http://page/" },
	fetch: () => Promise.reject(new TypeError("there is no network")),
});
Object.assign(document, { createElement: () => new Element(), documentElement: { lang: "en" } });

const STREAM = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY/demo";

// Timers of a player that was left do not hold the tests up.
after(() => void setTimeout(() => process.exit(), 100).unref());

test("player should open with the stream that it is given after it stands in a page, and let go with the page", async () => {
	const { LivepeerPlayer } = await import("../src/player/element");
	// biome-ignore lint: what it holds.
	const make = (): any => new LivepeerPlayer();
	const [player, other] = [make(), make()];
	player.setAttribute("gateway", "http://gateway");
	assert.equal(player.watch, null, "it stands nowhere");
	// As frameworks do it.
	player.connectedCallback();
	assert.equal(player.watch, null);
	player.setAttribute("stream", STREAM);
	const { watch } = player;
	assert.equal(watch?.name, STREAM);
	player.setAttribute("stream", STREAM);
	assert.equal(player.watch, watch, "nothing has changed");
	other.setAttribute("gateway", "http://gateway");
	other.setAttribute("stream", STREAM);
	other.connectedCallback();
	const { live } = watch;
	assert.equal(other.watch.live, live, "one reads the chain for both");
	player.disconnectedCallback();
	assert.equal(live.stopped, false);
	other.disconnectedCallback();
	assert.equal(live.stopped, true, "nobody watches");
	assert.equal(player.shadowRoot.children.length, 0);
	player.connectedCallback();
	assert.notEqual(player.watch.live, live);
	player.disconnectedCallback();
});

test("player should say why it plays nothing", async () => {
	const { LivepeerPlayer } = await import("../src/player/element");
	// biome-ignore lint: as above.
	const player = new LivepeerPlayer() as any;
	player.setAttribute("gateway", "http://gateway");
	player.setAttribute("stream", STREAM);
	player.connectedCallback();
	// Nor does Node.js play anything.
	for (let turn = 0; turn < 100 && !/cannot check/.test(player.shadowRoot.children[1].textContent); turn++) await new Promise((resolve) => setTimeout(resolve, 20));
	assert.match(player.shadowRoot.children[1].textContent, /this browser cannot check what it plays/);
	player.disconnectedCallback();
});
