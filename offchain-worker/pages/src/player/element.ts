/**
 * `<livepeer-player stream="NAME" gateway="https://…">`: a player that checks what it plays. It is
 * served by every gateway, as `/livepeer-player.js`, and needs nothing else.
 */
import { Live } from "../chain/live";
import { shownName } from "./name";
import { Watch, type Trust } from "./watch";

const here = new URL(import.meta.url).origin;

const STYLE = `
:host { display: block; position: relative; background: #000; aspect-ratio: 16 / 9; border-radius: 8px; overflow: hidden; }
video { width: 100%; height: 100%; display: block; }
[part="seal"] { position: absolute; top: 8px; left: 8px; padding: 2px 10px; border-radius: 99px; font: 600 13px/1.7 system-ui, sans-serif; color: #fff; background: #000a; pointer-events: none; }
[part="seal"][data-trust="checked"] { background: #0b6e45e6; }
[part="seal"][data-trust="refused"] { background: #b3261ee6; }
`;

/** What the seal says; while nothing plays, why that is. */
const WORDS: Record<"en" | "zh", Record<Trust, string> & Partial<Record<Watch["message"], string>>> = {
	en: {
		waiting: "…",
		checked: "✓ checked",
		unchecked: "not proven",
		refused: "! tampered piece not played",
		nostream: "no such stream",
		failing: "the gateway cannot get this stream now; trying again",
		away: "the gateway does not answer; trying again",
		press: "press play",
		unsupported: "this browser cannot check what it plays",
		broken: "this browser cannot show these pictures",
	},
	zh: {
		waiting: "…",
		checked: "✓ 已核验",
		unchecked: "未证实",
		refused: "! 被篡改的片段未播放",
		nostream: "没有此视频流",
		failing: "网关暂时无法取得此视频流，正在重试",
		away: "网关没有应答，正在重试",
		press: "请按播放",
		unsupported: "此浏览器无法核验所播内容",
		broken: "此浏览器无法显示这些画面",
	},
};

/** The chain as gateways tell it, once for all players of each, and how many these are. */
const lives = new Map<string, { live: Live; players: number }>();
function follow(gateway: string): Live {
	const found = lives.get(gateway) ?? { live: new Live(`${gateway}/chain`), players: 0 };
	found.players++;
	lives.set(gateway, found);
	return found.live;
}
/** Lets go of it: a page that has taken its last player away asks nobody any more. */
function leave(gateway: string): void {
	const found = lives.get(gateway);
	if (!found || --found.players > 0) return;
	found.live.stop();
	lives.delete(gateway);
}

// Servers that draw a page before a browser does load this too, and have no elements.
const Parent = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export class LivepeerPlayer extends Parent {
	static readonly observedAttributes = ["stream", "gateway"];
	private watch: Watch | null = null;
	private off: (() => void) | null = null;
	private trust: Trust = "waiting";
	/** Whether it stands in a page: before that its attributes come one by one. */
	private stands = false;

	/** What the browser has found so far. */
	get state(): { trust: Trust; checked: number; refused: number; latency: number | null; cost: number } {
		const { watch } = this;
		return {
			trust: this.trust,
			checked: watch?.checkedCount ?? 0,
			refused: watch?.refusedCount ?? 0,
			latency: watch?.latency() ?? null,
			cost: watch?.cost ?? 0,
		};
	}

	connectedCallback(): void {
		this.stands = true;
		this.open();
	}
	disconnectedCallback(): void {
		this.stands = false;
		this.shut();
	}
	attributeChangedCallback(_: string, before: string | null, now: string | null): void {
		// Also where it had no stream before: frameworks put an element into the page first.
		if (!this.stands || before === now) return;
		this.shut();
		this.open();
	}

	private open(): void {
		const name = this.getAttribute("stream");
		if (!name) return;
		const gateway = (this.getAttribute("gateway") ?? here).replace(/\/$/, "");
		const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
		// By a style sheet object, which a strict policy lets pass.
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(STYLE);
		root.adoptedStyleSheets = [sheet];
		const video = document.createElement("video");
		video.controls = true;
		video.playsInline = true;
		video.muted = this.getAttribute("muted") !== "false";
		video.autoplay = this.getAttribute("autoplay") !== "false";
		video.setAttribute("aria-label", shownName(name));
		const seal = document.createElement("span");
		seal.setAttribute("part", "seal");
		seal.setAttribute("role", "status");
		root.replaceChildren(video, seal);
		const watch = new Watch(gateway, name, follow(gateway));
		this.watch = watch;
		const words = WORDS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];
		const show = (): void => {
			const { trust } = watch;
			seal.dataset.trust = trust;
			const text = (trust === "waiting" && watch.message !== "waiting" && words[watch.message]) || words[trust];
			if (seal.textContent !== text) seal.textContent = text;
			if (trust !== this.trust) {
				this.trust = trust;
				const fault = watch.refused.at(-1)?.fault;
				this.dispatchEvent(new CustomEvent("trust", { bubbles: true, detail: { trust, fault } }));
			}
		};
		this.off = watch.subscribe(show);
		show();
		watch.start(video);
	}

	private shut(): void {
		this.off?.();
		if (this.watch) {
			this.watch.close();
			leave(this.watch.gateway);
		}
		this.shadowRoot?.replaceChildren();
		this.watch = null;
		this.trust = "waiting";
	}
}

if (globalThis.customElements && !customElements.get("livepeer-player")) customElements.define("livepeer-player", LivepeerPlayer);
