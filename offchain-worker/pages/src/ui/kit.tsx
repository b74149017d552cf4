/** Small parts that the pages share. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Live, ownNode } from "../chain/live";
import type { Claim } from "../chain/claims";
import { setLight, wantsLight } from "../light/state";
import { accuses, verdictText } from "./named";
import { duration, short, t } from "./words";

/** A light client in the place of a node, loaded when it is wanted. */
const byLight = async () => {
	try {
		const { LightClient } = await import("../light/light");
		return await LightClient.start("");
	} catch (error) {
		setLight({ phase: "failed", reason: error instanceof Error ? error.message : String(error) });
		throw error;
	}
};
/** The one connection of a page. */
export const live = wantsLight() ? new Live("/chain", byLight) : new Live(ownNode() ?? "/chain");

live.onOther = () => location.reload();

interface Source {
	subscribe(listener: () => void): () => void;
}
/** Draws anew when the source has changed, at most some times per second. */
export function useChanges(source: Source | null): void {
	const [, tick] = useState(0);
	useEffect(() => {
		if (!source) return;
		let planned: ReturnType<typeof setTimeout> | undefined;
		const off = source.subscribe(() => {
			planned ??= setTimeout(() => {
				planned = undefined;
				tick((n) => n + 1);
			}, 120);
		});
		return () => {
			off();
			clearTimeout(planned);
		};
	}, [source]);
}
export function useLive(): Live {
	useChanges(live);
	useEffect(() => void live.start().catch(() => undefined), []);
	return live;
}

/**
 * What is read at every new head; the last value stays until the next one is there, but none that was read for other
 * inputs: what one account has is never shown as another's.
 */
export function useRead<T>(read: (at: string) => Promise<T>, inputs: unknown[] = []): T | undefined {
	const { head } = useLive();
	const of = inputs.join();
	const [value, set] = useState<{ of: string; turn: number; found: T } | null>(null);
	const turns = useRef(0);
	useEffect(() => {
		if (!head) return;
		const turn = ++turns.current;
		read(head.hash).then(
			// On a slow line it comes after the next head: it is shown all the same, unless something newer is there.
			(found) => set((old) => (old && old.turn > turn ? old : { of, turn, found })),
			() => undefined,
		);
	}, [head?.hash, of]);
	return value?.of === of ? value.found : undefined;
}

const drafts = new Map<string, unknown>();
/** A state that is there again when its page is opened again in this visit: who looks something up elsewhere types nothing twice. */
export function useDraft<T>(name: string, initial: T): [T, (next: T) => void] {
	const [value, set] = useState<T>(() => (drafts.has(name) ? (drafts.get(name) as T) : initial));
	return [
		value,
		(next) => {
			drafts.set(name, next);
			set(() => next);
		},
	];
}

/** What would end with the page that is open, in words; `null` where nothing would. */
let held: (() => string) | null = null;
/** Has whoever leaves the page asked first, until what it returns is called. */
export function hold(why: () => string): () => void {
	held = why;
	const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
	addEventListener("beforeunload", ask);
	return () => {
		if (held === why) held = null;
		removeEventListener("beforeunload", ask);
	};
}
/** Whether the page may be left, by who may end something with it; he is asked once. */
export function mayLeave(): boolean {
	if (held && !confirm(held())) return false;
	held = null;
	return true;
}

export function navigate(path: string): void {
	if (path.split(/[?#]/)[0] !== location.pathname && !mayLeave()) return;
	history.pushState(null, "", path);
	dispatchEvent(new PopStateEvent("popstate"));
	scrollTo(0, 0);
	// Who goes by keyboard or hears the page goes on where the new one begins.
	document.getElementById("content")?.focus({ preventScroll: true });
	const part = path.split("#")[1];
	if (part) requestAnimationFrame(() => document.getElementById(part)?.scrollIntoView());
}

interface Link {
	href: string;
	children?: ComponentChildren;
	class?: string;
	title?: string;
	"aria-current"?: "page" | undefined;
}
export const A = ({ href, ...rest }: Link): JSX.Element => (
	<a
		{...rest}
		href={href}
		onClick={(event) => {
			if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
			event.preventDefault();
			navigate(href);
		}}
	/>
);

/** A picture of an account, so that two are told apart at a glance. */
export function Blob({ address, size = 18 }: { address: string; size?: number }): JSX.Element {
	let seed = 7;
	for (let i = 0; i < address.length; i++) seed = (seed * 31 + address.charCodeAt(i)) >>> 0;
	const hue = seed % 360;
	const other = (hue + 60 + ((seed >> 9) % 120)) % 360;
	const cells = Array.from({ length: 15 }, (_, i) => (seed >> (i % 24)) & 1);
	return (
		<svg class="blob" width={size} height={size} viewBox="0 0 5 5" aria-hidden="true">
			<rect width="5" height="5" rx="1.2" fill={`hsl(${hue} 55% 42%)`} />
			{cells.map((on, i) => {
				const [x, y] = [i % 3, Math.floor(i / 3)];
				return on ? (
					<g fill={`hsl(${other} 75% 72%)`} key={i}>
						<rect x={x} y={y} width="1.02" height="1.02" />
						<rect x={4 - x} y={y} width="1.02" height="1.02" />
					</g>
				) : null;
			})}
		</svg>
	);
}

export const Account = ({ address, full }: { address: string | undefined | null; full?: boolean }): JSX.Element =>
	address ? (
		<A class="account" href={`/account/${address}`} title={address}>
			<Blob address={address} />
			<span class={full ? "mono wrap" : "mono"}>{full ? address : short(address)}</span>
		</A>
	) : (
		<span class="faint">–</span>
	);

export const ClaimLink = ({ id }: { id: bigint | number }): JSX.Element => (
	<A class="tag" href={`/claim/${id}`}>
		{t("claim", "声明")} {String(id)}
	</A>
);
export const JobLink = ({ id }: { id: bigint | number }): JSX.Element => (
	<A class="tag" href={`/job/${id}`}>
		{t("job", "任务")} {String(id)}
	</A>
);

export const Card = ({
	title,
	aside,
	children,
	class: name = "",
	id,
}: {
	title?: ComponentChildren;
	aside?: ComponentChildren;
	children: ComponentChildren;
	class?: string;
	id?: string;
}): JSX.Element => (
	<section class={`card ${name}`} id={id}>
		{title && (
			<header>
				<h2>{title}</h2>
				{aside && <div class="aside">{aside}</div>}
			</header>
		)}
		{children}
	</section>
);

export const Fact = ({ name, children, note }: { name: ComponentChildren; children: ComponentChildren; note?: ComponentChildren }): JSX.Element => (
	<div class="fact">
		<dt>{name}</dt>
		<dd>{children}</dd>
		{note && <dd class="note">{note}</dd>}
	</div>
);

/** In the place of what the chain has not told yet: nothing is said to be none before that. */
export const Reading = (): JSX.Element => <Empty>{t("Reading the chain…", "正在读取链上数据…")}</Empty>;

export const Empty = ({ children }: { children: ComponentChildren }): JSX.Element => <p class="empty">{children}</p>;

/** When an outcome is carried out. By the time until then: the clock of deadlines gives numbers that are no heights, and stands while the chain is closed. */
export function carriedOut(block: number): string {
	const left = live.left(block);
	return left === null ? t("carried out later", "稍后执行") : left > 0 ? t(`carried out in ${duration(left)}`, `${duration(left)} 后执行`) : t("carried out next", "即将执行");
}

/** After how many blocks' time without a block it is said that none comes. */
const STILL = 10;

/** What the chain's connection is like, in one line. */
export function ChainState(): JSX.Element {
	const { head, headAt, finalized, error, chain, stands } = useLive();
	const lag = head ? head.number - finalized : 0;
	/** Seconds for which no block has come, where that is long. */
	const still = head && performance.now() - headAt > STILL * live.slotSeconds() * 1_000 ? (performance.now() - headAt) / 1_000 : 0;
	const bad = !!error || still > 0 || stands || (!!head && lag > 20);
	return (
		<span class={`chain ${bad ? "bad" : head ? "good" : ""}`}>
			<i class="dot" aria-hidden="true" />
			{error
				? t("the chain does not answer", "链没有应答")
				: head
					? `${t(`block ${head.number}, final to ${finalized}`, `区块 ${head.number}，已最终确认到 ${finalized}`)}${still ? t(`; no newer one for ${duration(still)}`, `；已有 ${duration(still)} 没有新区块`) : ""}${stands ? t("; an upgrade holds it up: it takes no transactions, and deadlines stand still", "；正在升级：不接受交易，各项期限暂停计时") : ""}`
					: t("connecting…", "正在连接…")}
			{chain?.name ? <span class="faint only-wide"> · {chain.name}</span> : null}
		</span>
	);
}

const STEPS = ["claimed", "drawn", "revealed", "judging", "decided", "settled"] as const;
export const stepName = (step: (typeof STEPS)[number]): string =>
	({
		claimed: t("claimed", "已声明"),
		drawn: t("drawn", "已抽签"),
		revealed: t("revealed", "已公开"),
		judging: t("judged", "评判"),
		decided: t("decided", "已裁定"),
		settled: t("settled", "已结算"),
	})[step];

export const outcomeName = (outcome: string): string =>
	({
		Accepted: t("accepted", "通过"),
		Failed: t("failed: wrong output", "失败：输出错误"),
		Missed: t("missed: not shown", "缺失：未出示"),
		Void: t("void", "作废"),
	})[outcome] ?? outcome;

export const toneOf = (claim: Claim): "good" | "bad" | "busy" | "quiet" =>
	claim.outcome === "Failed" || claim.outcome === "Missed"
		? "bad"
		: claim.settlement === "Paid" || claim.outcome === "Accepted"
			? "good"
			: claim.outcome === "Void"
				? "quiet"
				: "busy";

/** A point of that line; whether it is reached is said to who does not see its colour. */
const Step = ({ name, state }: { name: string; state: "done" | "now" | "" }): JSX.Element => (
	<li class={state} aria-current={state === "now" ? "step" : undefined}>
		<span>{name}</span>
		{state === "done" && <span class="sr">{t(", done", "，已完成")}</span>}
	</li>
);

/** How far a claim has come, as a line of points. */
export function Steps({ claim }: { claim: Claim }): JSX.Element {
	const at = STEPS.indexOf(claim.step);
	const tone = toneOf(claim);
	return (
		<ol class={`steps ${tone}`} aria-label={t("how far the claim has come", "声明进度")}>
			{STEPS.map((step, i) => (
				<Step key={step} name={stepName(step)} state={i < at || claim.step === "settled" ? "done" : i === at ? "now" : ""} />
			))}
		</ol>
	);
}

/** The votes of a claim's committee as points. */
export function Votes({ claim }: { claim: Claim }): JSX.Element | null {
	const members = [...new Set([...claim.committee, ...claim.votes.map(({ verifier }) => verifier)])];
	if (!members.length) return null;
	return (
		<ul class="votes" aria-label={t("votes of the committee", "委员会投票")}>
			{members.map((verifier) => {
				const votes = claim.votes.filter((vote) => vote.verifier === verifier);
				const vote = votes.at(-1);
				const bad = vote?.verdicts?.find(accuses);
				// Who could not judge has said neither.
				const word = bad ?? vote?.verdicts?.find((verdict) => verdict === "Abstain") ?? vote?.verdicts?.[0] ?? "Valid";
				const state = vote?.verdicts ? (bad ? "bad" : word === "Abstain" ? "half" : "good") : vote?.committed ? "half" : "";
				const words = vote?.verdicts
					? verdictText(word)
					: vote?.committed
						? t("sealed vote", "已密封投票")
						: t("not voted yet", "尚未投票");
				return (
					<li key={verifier} class={state} title={`${short(verifier)}: ${words}`}>
						<span class="sr">{`${short(verifier)}: ${words}`}</span>
					</li>
				);
			})}
		</ul>
	);
}

export function download(name: string, text: string): void {
	const url = URL.createObjectURL(new Blob_([text], { type: "text/csv" }));
	const link = document.createElement("a");
	link.href = url;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
const Blob_ = globalThis.Blob;

/** Puts a text into the clipboard; whether it is there. */
async function copy(text: string): Promise<boolean> {
	// Browsers give it to pages of HTTPS or of their own machine only; to others the older way is left.
	const clipboard = navigator.clipboard as Clipboard | undefined;
	if (clipboard) return clipboard.writeText(text).then(() => true, () => false);
	const field = document.createElement("textarea");
	field.value = text;
	document.body.append(field);
	field.select();
	const done = document.execCommand("copy");
	field.remove();
	return done;
}

export function Copy({ text }: { text: string }): JSX.Element {
	const [done, set] = useState<boolean | null>(null);
	return (
		<button
			type="button"
			class="small"
			onClick={() =>
				void copy(text).then((is) => {
					set(is);
					setTimeout(() => set(null), 1_500);
				})
			}
		>
			{done === null ? t("copy", "复制") : done ? t("copied", "已复制") : t("not copied: mark it instead", "未能复制：请手动选取")}
		</button>
	);
}
