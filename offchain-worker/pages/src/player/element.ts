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

const WORDS: Record<"en" | "zh", Record<Trust, string>> = {
	en: { waiting: "…", checked: "✓ checked", unchecked: "not proven", refused: "! tampered piece not played" },
	zh: { waiting: "…", checked: "✓ 已核验", unchecked: "未证实", refused: "! 被篡改的片段未播放" },
};

const lives = new Map<string, Live>();

// Servers that draw a page before a browser does load this too, and have no elements.
const Parent = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export class LivepeerPlayer extends Parent {
	static readonly observedAttributes = ["stream", "gateway"];
	private watch: Watch | null = null;
	private off: (() => void) | null = null;
	private trust: Trust = "waiting";

	/** What the browser has found so far. */
	get state(): { trust: Trust; checked: number; refused: number; latency: number | null; cost: number } {
		const { watch } = this;
		return {
			trust: this.trust,
			checked: watch?.checkedCount ?? 0,
			refused: watch?.refused.length ?? 0,
			latency: watch?.latency() ?? null,
			cost: watch?.cost ?? 0,
		};
	}

	connectedCallback(): void {
		this.open();
	}
	disconnectedCallback(): void {
		this.shut();
	}
	attributeChangedCallback(): void {
		if (this.isConnected && this.watch) {
			this.shut();
			this.open();
		}
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
		let live = lives.get(gateway);
		if (!live) lives.set(gateway, (live = new Live(`${gateway}/chain`)));
		const watch = new Watch(gateway, name, live);
		this.watch = watch;
		const words = WORDS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];
		const show = (): void => {
			const { trust } = watch;
			seal.dataset.trust = trust;
			if (seal.textContent !== words[trust]) seal.textContent = words[trust];
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
		this.watch?.close();
		this.watch = null;
		this.trust = "waiting";
	}
}

if (globalThis.customElements && !customElements.get("livepeer-player")) customElements.define("livepeer-player", LivepeerPlayer);
