/** What is on, and what this is. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Status } from "../player/watch";
import { A, Blob, Card, Empty, live, navigate, useLive, useRead } from "../ui/kit";
import { toStream } from "../ui/whither";
import { amount, short, t } from "../ui/words";
import { broadcasterOf, isServed, pathOf, shownName } from "../player/name";

/** Streams of the chain that are shown, and of this gateway: everybody can name some. */
const MOST = 24;
const MOST_FOLLOWED = 60;
const wholeOf = ({ broadcaster, name }: Status): string => `${broadcaster}/${name}`;
/** Whose stream it is: others may give theirs the same name. */
const By = ({ address }: { address: string }): JSX.Element => (
	<span class="small by" title={address}>
		<Blob address={address} size={14} /> <span class="mono">{short(address)}</span>
	</span>
);

export function HomePage(): JSX.Element {
	const [streams, set] = useState<Status[] | null>(null);
	const [isAway, setAway] = useState(false);
	const { clock } = useLive();
	const inflation = useRead((at) => live.read("inflation", [], at));
	const pool = useRead((at) => live.read("pool", [], at));
	const origins = useRead((at) => live.read("origins", [], at));
	useEffect(() => {
		let over = false;
		let timer: ReturnType<typeof setTimeout> | undefined;
		// The next one after the last is answered, and none for a page that nobody looks at.
		const load = async (): Promise<void> => {
			if (!document.hidden || !timer) {
				const found = await fetch("/status", { signal: AbortSignal.timeout(15_000) })
					.then((response) => response.json() as Promise<{ streams: Status[] }>)
					.catch(() => null);
				if (over) return;
				setAway(!found?.streams);
				if (found?.streams) set(found.streams);
			}
			timer = setTimeout(() => void load(), 4_000);
		};
		void load();
		return () => {
			over = true;
			clearTimeout(timer);
		};
	}, []);
	// Names of streams that the chain has told of lately and that this gateway does not follow yet.
	const named = new Set<string>();
	for (const event of live.events()) {
		if (event.name !== "JobCreated" && event.name !== "OriginSet") continue;
		const name = event.data.name instanceof Uint8Array ? new TextDecoder().decode(event.data.name) : String(event.data.name);
		const whole = `${event.data.broadcaster}/${name}`;
		if (isServed(whole) && named.size < MOST) named.add(whole);
	}
	for (const stream of streams ?? []) named.delete(wholeOf(stream));
	return (
		<main class="home">
			<section class="hero">
				<h1>{t("Live video that proves itself", "可自证的直播")}</h1>
				<p>
					{t(
						"Transcoders with something to lose turn one stream into many. A lottery draws what is checked, judges transcode it again, byte by byte, and your own browser checks everything that it plays.",
						"有质押在身的转码者将一路流变成多路。抽签决定检查什么，评判者逐字节重新转码，而您的浏览器会核验它播放的一切。",
					)}
				</p>
				<form
					class="lookup"
					onSubmit={(event) => {
						event.preventDefault();
						const to = toStream(String(new FormData(event.currentTarget).get("name") ?? ""));
						if (to) navigate(to);
					}}
				>
					<input name="name" placeholder={t("broadcaster's account/name, or a link", "广播者账户/名称，或链接")} aria-label={t("name of a stream", "视频流名称")} />
					<button class="primary" type="submit">
						{t("Watch", "观看")}
					</button>
				</form>
			</section>
			<Card title={t("On this gateway", "此网关上的视频流")} aside={isAway ? <span class="bad" role="status">{t("the gateway does not answer", "网关没有应答")}</span> : undefined}>
				{streams?.length || named.size ? (
					<ul class="streams">
						{streams?.slice(0, MOST_FOLLOWED).map((stream) => (
							<li key={wholeOf(stream)}>
								<A href={pathOf(wholeOf(stream))} class="streamcard">
									<span class="thumb" aria-hidden="true">
										<svg viewBox="0 0 24 24" width="40" height="40">
											<path d="M8 5.5v13l11-6.5z" fill="currentColor" />
										</svg>
									</span>
									<strong>{shownName(wholeOf(stream))}</strong>
									<span class={`badge ${stream.ended ? "" : "on"}`}>{stream.ended ? t("recording", "录像") : <><i class="pulse" /> {t("live", "直播")}</>}</span>
									<By address={stream.broadcaster} />
									<span class="small faint">
										{stream.renditions.map((r) => `${r.split("@")[0]?.split("x")[1]}p`).join(", ")} · {t(`${stream.segments} segment${stream.segments === 1 ? "" : "s"} checked`, `已核验 ${stream.segments} 个片段`)}
									</span>
								</A>
							</li>
						))}
						{streams && streams.length > MOST_FOLLOWED && <li class="faint">{t(`and ${streams.length - MOST_FOLLOWED} more: name one above`, `另有 ${streams.length - MOST_FOLLOWED} 个：请在上方输入名称`)}</li>}
						{[...named].map((name) => (
							<li key={name}>
								<A href={pathOf(name)} class="streamcard">
									<span class="thumb dim" aria-hidden="true">
										<svg viewBox="0 0 24 24" width="40" height="40">
											<path d="M8 5.5v13l11-6.5z" fill="currentColor" />
										</svg>
									</span>
									<strong>{shownName(name)}</strong>
									<By address={broadcasterOf(name) ?? ""} />
									<span class="small faint">{t("on the chain, not followed here yet", "链上，此网关尚未跟随")}</span>
								</A>
							</li>
						))}
					</ul>
				) : (
					<Empty>{streams ? t("Nobody has asked this gateway for a stream yet. Name one above.", "尚无人通过此网关观看。请在上方输入名称。") : t("Looking…", "正在查看…")}</Empty>
				)}
			</Card>
			<section class="numbers" aria-label={t("figures", "数据")}>
				<div>
					<span>{t("Round", "轮次")}</span>
					<b>{clock?.round ?? "–"}</b>
				</div>
				<div>
					<span>{t("Stake at risk", "风险质押")}</span>
					<b>{amount(inflation?.stake, "LPT")}</b>
				</div>
				<div>
					<span>{t("Transcoders", "转码者")}</span>
					<b>{pool?.length ?? "–"}</b>
				</div>
				<div>
					<span>{t("Streams on the chain", "链上视频流")}</span>
					<b>{origins?.length ?? "–"}</b>
				</div>
			</section>
			<section class="three">
				<Card title={t("Watch", "观看")}>
					<p>{t("Every segment is hashed in your browser and held against the signatures of who made it. What does not hold is not played.", "每个片段都在您的浏览器中哈希并与签名比对，不成立的不会播放。")}</p>
				</Card>
				<Card title={t("Stake", "质押")}>
					<p>{t("Stand behind a transcoder: earn what it earns, and lose with it what it loses.", "支持一个转码者：与之共享收益，也共担损失。")}</p>
					<A class="button" href="/stake">
						{t("Stake", "质押")}
					</A>
				</Card>
				<Card title={t("Embed", "嵌入")}>
					<p>{t("A player that checks what it plays, in ten lines, on a page of yours.", "十行代码，在您的页面上嵌入可核验的播放器。")}</p>
					<A class="button" href="/embed">
						{t("How", "如何嵌入")}
					</A>
				</Card>
			</section>
		</main>
	);
}
