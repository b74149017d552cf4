import { Component, render, type ComponentChildren, type JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ownNode } from "./chain/live";
import { wantsLight } from "./light/state";
import { A, ChainState, mayLeave, navigate } from "./ui/kit";
import { shownName } from "./player/name";
import { keep, kept } from "./ui/kept";
import { whither } from "./ui/whither";
import { current, setLanguage, t, useLanguage } from "./ui/words";
import { EmbedPage } from "./views/embed";
import { HomePage } from "./views/home";
import { Missing } from "./views/missing";
import "./style.css";

type Lazy = () => Promise<JSX.Element>;
/** Pages that are loaded when they are opened. Nothing else has a name here, whatever an address names. */
const lazy: Record<string, (rest: string, query: URLSearchParams) => Lazy> = {
	__proto__: null as never,
	stream: (rest) => async () => {
		const { WatchPage } = await import("./views/watch");
		return <WatchPage name={rest} key={rest} />;
	},
	network: () => async () => {
		const { NetworkPage } = await import("./views/network");
		return <NetworkPage />;
	},
	stake: (_, query) => async () => {
		const { StakePage } = await import("./views/stake");
		return <StakePage query={query} key={query.toString()} />;
	},
	account: (rest) => async () => {
		const { AccountPage } = await import("./views/objects");
		return <AccountPage address={rest} key={rest} />;
	},
	job: (rest) => async () => {
		const { JobPage } = await import("./views/objects");
		return <JobPage id={rest} key={rest} />;
	},
	claim: (rest) => async () => {
		const { ClaimPage } = await import("./views/objects");
		return <ClaimPage id={rest} key={rest} />;
	},
	block: (rest) => async () => {
		const { BlockPage } = await import("./views/objects");
		return <BlockPage id={rest} key={rest} />;
	},
	round: (rest) => async () => {
		const { RoundPage } = await import("./views/objects");
		return <RoundPage id={rest} key={rest} />;
	},
	broadcast: () => async () => {
		const { BroadcastPage } = await import("./views/broadcast");
		return <BroadcastPage />;
	},
};

/** A part of an address as it is read; as it is written where it cannot be. */
const readable = (text: string): string => {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
};

function Page({ path, query }: { path: string; query: string }): JSX.Element {
	const [page, set] = useState<{ of: string; content: JSX.Element } | null>(null);
	const [head = "", ...rest] = path.split("/").slice(1);
	const tail = readable(rest.join("/"));
	const language = useLanguage();
	const of = `${path}?${query} ${language}`;
	const load = lazy[head]?.(tail, new URLSearchParams(query));
	// Before the first picture, not after it: what a page is there for comes the sooner.
	useLayoutEffect(() => {
		if (!load) return;
		let over = false;
		// A gateway that was upgraded meanwhile has the page under another name.
		load().then(
			(content) => over || set({ of, content }),
			(error) => over || set({ of, content: <Failed error={String(error)} /> }),
		);
		return () => void (over = true);
	}, [of]);
	const isShown = !load || page?.of === of;
	// What is measured: from here on the page is there, whatever the chain still has to say.
	useEffect(() => void (isShown && performance.mark("shown")), [isShown]);
	if (load) {
		return page && page.of.split(" ")[0] === of.split(" ")[0] ? page.content : <main class="loading" aria-busy="true" />;
	}
	switch (head) {
		case "":
			return <HomePage />;
		case "embed":
			return <EmbedPage />;
		default:
			return <Missing what={t(`There is nothing at ${path}.`, `${path} 没有内容。`)} />;
	}
}

const Failed = ({ error }: { error: string }): JSX.Element => (
	<main>
		<section class="card">
			<h1>{t("This page failed", "页面出错")}</h1>
			<p class="bad">{error}</p>
			<button type="button" onClick={() => location.reload()}>
				{t("Load again", "重新加载")}
			</button>
		</section>
	</main>
);

class Guard extends Component<{ children: ComponentChildren }, { error: string | null }> {
	override state = { error: null as string | null };
	override componentDidCatch(error: unknown): void {
		console.error(error);
		this.setState({ error: String(error) });
	}
	render(): ComponentChildren {
		return this.state.error ? <Failed error={this.state.error} /> : this.props.children;
	}
}

const THEME = "livepeer.theme";
function applyTheme(theme: string | null): void {
	if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
	else delete document.documentElement.dataset.theme;
	dispatchEvent(new Event("themechange"));
}

function App(): JSX.Element {
	useLanguage();
	const [place, setPlace] = useState({ path: location.pathname, query: location.search.slice(1) });
	const shown = useRef(place);
	shown.current = place;
	useEffect(() => {
		const moved = () => {
			const { path, query } = shown.current;
			// By the browser's own way back, which cannot be stopped: it is gone back on.
			if (location.pathname !== path && !mayLeave()) history.pushState(null, "", query ? `${path}?${query}` : path);
			else setPlace({ path: location.pathname, query: location.search.slice(1) });
		};
		addEventListener("popstate", moved);
		return () => removeEventListener("popstate", moved);
	}, []);
	const [head = "", ...rest] = place.path.split("/").slice(1);
	const tail = rest.at(-1) ?? "";
	const links: [string, string][] = [
		["/", t("Watch", "观看")],
		["/network", t("Network", "网络")],
		["/stake", t("Stake", "质押")],
		["/broadcast", t("Broadcast", "直播")],
		["/embed", t("Embed", "嵌入")],
	];
	useEffect(() => {
		const name = links.find(([path]) => path === `/${head}`)?.[1];
		document.title = `${tail ? shownName(readable(tail)).slice(0, 24) : (name ?? head)} · Livepeer`;
	}, [place.path, current()]);
	const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
	const [, tick] = useState(0);
	return (
		<>
			<a class="skip" href="#content">
				{t("To the content", "跳到内容")}
			</a>
			<header class="top">
				<A class="brand" href="/">
					<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
						<g fill="currentColor">
							<circle cx="5" cy="4" r="2.4" />
							<circle cx="5" cy="12" r="2.4" />
							<circle cx="5" cy="20" r="2.4" />
							<circle cx="12" cy="8" r="2.4" />
							<circle cx="12" cy="16" r="2.4" />
							<circle cx="19" cy="12" r="2.4" />
						</g>
					</svg>
					<span>Livepeer</span>
				</A>
				<nav aria-label={t("pages", "页面")}>
					{links.map(([path, name]) => {
						const here = path === "/" ? head === "" || head === "stream" : place.path.startsWith(path) || (path === "/network" && ["account", "job", "claim", "block", "round"].includes(head));
						return (
							<A key={path} href={path} aria-current={here ? "page" : undefined}>
								{name}
							</A>
						);
					})}
				</nav>
				<form
					class="search"
					role="search"
					onSubmit={(event) => {
						event.preventDefault();
						const to = whither(String(new FormData(event.currentTarget).get("q") ?? ""));
						if (to) navigate(to);
					}}
				>
					<input name="q" type="search" placeholder={t("account, stream, job 7, claim 12", "账户、流、任务 7、声明 12")} aria-label={t("search", "搜索")} />
				</form>
				<div class="tools">
					<button
						type="button"
						class="icon"
						aria-label={isDark() ? t("light colours", "浅色") : t("dark colours", "深色")}
						onClick={() => {
							const next = isDark() ? "light" : "dark";
							keep(THEME, next);
							applyTheme(next);
							tick((n) => n + 1);
						}}
					>
						<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
							<path d="M12 3a9 9 0 1 0 0 18zM12 3v18" fill="currentColor" fill-opacity=".75" />
							<circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="1.8" />
						</svg>
					</button>
					<button type="button" class="icon" lang={current() === "en" ? "zh-Hans" : "en"} onClick={() => setLanguage(current() === "en" ? "zh" : "en")}>
						{current() === "en" ? "中文" : "EN"}
					</button>
				</div>
			</header>
			<div id="content" tabIndex={-1}>
				<Guard key={place.path}>
					<Page path={place.path} query={place.query} />
				</Guard>
			</div>
			<footer>
				<ChainState />
				{wantsLight() ? (
					<span class="faint">{t("followed by this browser itself", "由本浏览器自行跟随")}</span>
				) : ownNode() ? (
					<span class="faint">
						{t("your own node:", "自有节点：")} {ownNode()} · <A href="/embed#node">{t("another", "更换")}</A>
					</span>
				) : (
					<span class="faint">{t("read through this gateway's node", "经由此网关的节点读取")}</span>
				)}
			</footer>
		</>
	);
}

applyTheme(kept(THEME));
const root = document.getElementById("app");
if (root) render(<App />, root);
