/** One stream: the picture, and beside it what is known of it. */
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { addressOf } from "../chain/address";
import { asChainHas, costOf, standingOf, type Claim, type Standing } from "../chain/claims";
import type { ChainEvent } from "../chain/types";
import { Watch, type Segment } from "../player/watch";
import { unhex } from "../proof/scale";
import { agrees, isOf, revealed, type Fault, type Revealed } from "../proof/verify";
import { A, Account, Card, carriedOut, ClaimLink, Empty, Fact, JobLink, live, Reading, stepName, Steps, useChanges, useLive, useRead, Votes } from "../ui/kit";
import { rejectedText } from "../ui/named";
import { amount, bytes, seconds, t } from "../ui/words";
import { EventLine } from "./events";
import { wantsLight } from "../light/state";
import { LightCard } from "./light";
import { broadcasterOf, nameOf, shownName } from "../player/name";

export const faultText = (fault: Fault): string =>
	({
		NoRecord: t("there is no signed record of it", "没有它的签名记录"),
		OtherChain: t("it was signed for another chain", "签名属于另一条链"),
		OtherStream: t("it was signed for another stream", "签名属于另一个流"),
		BroadcasterSignature: t("the broadcaster's signature does not hold", "广播者的签名不成立"),
		OtherReceipt: t("the receipt is for another segment", "回执属于另一个片段"),
		TranscoderSignature: t("the transcoder's signature does not hold", "转码者的签名不成立"),
		OtherTranscoder: t("another transcoder has this assignment", "该任务分配给了另一个转码者"),
		NoOutput: t("the transcoder signed no such rendition", "转码者没有签过这个画质"),
		Bytes: t("its bytes are not those that the transcoder signed", "字节与转码者签名的不一致"),
		Playlist: t("the playlist is not one of this stream's segments in their order", "播放列表不是此流按顺序排列的片段"),
	})[fault];

export const standingName = (standing: Standing): string =>
	({
		signed: t("signed", "已签名"),
		claimed: t("claimed", "已声明"),
		drawn: t("drawn", "已抽中"),
		verified: t("verified", "已验证"),
		paid: t("paid", "已付款"),
		failed: t("failed", "失败"),
		void: t("void", "作废"),
	})[standing];

const standingText = (standing: Standing): string =>
	({
		signed: t(
			"Broadcaster and transcoder have both signed this segment. If it is wrong, their signatures prove who is to blame.",
			"广播者和转码者都为该片段签了名。若有差错，签名可证明责任方。",
		),
		claimed: t(
			"The transcoder asks to be paid for it: it has committed on chain to this very work, before it could know what will be looked at.",
			"转码者已就此申请报酬：在无法预知会抽查哪些片段之前，就在链上对这份工作作出了承诺。",
		),
		drawn: t(
			"The lottery chose it. The transcoder had to show it, and this browser checked that what was shown is what you watched.",
			"它被抽中检查。转码者必须出示它，本浏览器已核对所出示的正是您所看的内容。",
		),
		verified: t(
			"A committee transcoded the drawn segments of its claim again, compared them byte by byte, and found them right.",
			"委员会重新转码了该声明中被抽中的片段，逐字节比对，结论正确。",
		),
		paid: t("Its claim is settled and the fee went to the transcoder and its delegators.", "声明已结算，费用已付给转码者及其委托人。"),
		failed: t("Its claim failed verification: the fee goes back, and the transcoder loses stake unless it was only over whether a segment can be transcoded.", "声明未通过验证：费用退回；除非仅涉及片段能否转码，转码者的质押将被罚没。"),
		void: t("Nobody could judge its claim; the fee goes back.", "无人能裁定该声明；费用退回。"),
	})[standing];

const ORDER: Standing[] = ["signed", "claimed", "drawn", "verified", "paid"];

interface Story {
	segment: Segment;
	claim: Claim | undefined;
	drawn: Revealed | null;
	/** Whether the claim's tree, built from what was signed, has it, drawn or not. */
	isLeaf: boolean;
	standing: Standing;
}

/** Open claims that are read of the chain itself, where no block that was read tells of them. */
const OLDER = 12;
/** Segments that claims may be ahead of a gateway before it is said: what it is sent comes at no certain time. */
const BEHIND = 4;
/** Leaves that are remembered: those of the claims that a page shows, and more. */
const KEEP_LEAVES = 1_000;

/** When what could not be read is asked for again, in ms: a node that is away is not asked with each drawing of the page. */
const AGAIN = 6_000;

/** Leaves that the chain has seen revealed, as this browser has checked them. */
function useLeaves(claims: Claim[]): Map<string, Revealed> {
	const [found, set] = useState(new Map<string, Revealed>());
	const asked = useRef(new Set<string>());
	useEffect(() => {
		const { chain } = live;
		if (!chain) return;
		for (const claim of claims) {
			for (const { index, hash, extrinsic } of claim.leaves) {
				const key = `${claim.id}/${index}`;
				if (extrinsic === null || asked.current.has(key)) continue;
				asked.current.add(key);
				revealed(chain, hash, extrinsic, claim.id, index, claim.positions).then(
					(leaf) => leaf && set((old) => new Map([...old, [key, leaf] as const].slice(-KEEP_LEAVES))),
					() => setTimeout(() => asked.current.delete(key), AGAIN),
				);
			}
		}
	});
	return found;
}

/** Segments that stand in the tree of their claim, which this browser has built from what was signed: `claim/seq`. */
function useTrees(claims: Claim[], segments: Map<number, Segment>): Set<string> {
	const [found, set] = useState(new Set<string>());
	/** How many records there were when it was last tried. */
	const tried = useRef(new Map<string, number>());
	useEffect(() => {
		const { chain } = live;
		if (!chain) return;
		for (const { id, first, last, assignment, claimedIn } of claims) {
			if (first === undefined || last === undefined || !claimedIn || last - first >= KEEP_LEAVES) continue;
			const records = Array.from({ length: Number(last - first) + 1 }, (_, i) => segments.get(Number(first) + i)?.record);
			const ours = records.map((record) => (record?.header.assignment === assignment ? record : undefined));
			const known = ours.filter(Boolean).length;
			if (!known || (tried.current.get(String(id)) ?? 0) >= known) continue;
			tried.current.set(String(id), known);
			chain.read("claim", [id], claimedIn).then(
				(info) => {
					if (!info) return;
					const { root, total_work, leaf_count } = info.commitment;
					if (!isOf(ours, { root: unhex(root), totalWork: total_work, leafCount: leaf_count })) return;
					const leaves = ours.flatMap((record) => (record ? [`${id}/${record.header.seq}`] : []));
					set((old) => new Set([...old, ...leaves].slice(-KEEP_LEAVES)));
				},
				() => setTimeout(() => tried.current.delete(String(id)), AGAIN),
			);
		}
	});
	return found;
}

function Verdict({ watch }: { watch: Watch }): JSX.Element {
	const { trust, refused, refusedCount, checkedCount, checkedBytes, neverProven } = watch;
	const last = refused.at(-1);
	const words = {
		waiting: [t("Waiting for the first segment", "等待第一个片段"), t("Nothing has been played yet.", "尚未播放任何内容。")],
		checked: [
			t("Checked by your browser", "已由您的浏览器核验"),
			t(
				`${neverProven ? "The" : "All"} ${checkedCount} segments that ${neverProven ? "could be checked" : "you were given"} (${bytes(checkedBytes)}) are, byte by byte, what the transcoder signed for what the broadcaster signed.`,
				`${neverProven ? "可核验的" : "您收到的全部"} ${checkedCount} 个片段（${bytes(checkedBytes)}）逐字节等于转码者对广播者所签内容的签名结果。`,
			) + (neverProven ? t(` ${neverProven} more were played while the chain did not answer, and are not proven.`, ` 另有 ${neverProven} 个片段在链没有应答时播放，未得到证实。`) : ""),
		],
		unchecked: [
			t("Played, but not proven", "已播放，但未证实"),
			t(
				"The chain, which says whose keys are whose, does not answer. The bytes are those of the receipts; who signed them is not known.",
				"链没有应答，无法知道密钥归属。字节与回执一致，但签名者未知。",
			),
		],
		refused: [
			last?.seq === null
				? t("Tampered: this gateway's playlist was not followed", "已篡改：未采用此网关的播放列表")
				: last?.played
					? t(`Segment ${last.seq} was played before it could be checked, and does not hold`, `片段 ${last.seq} 在可核验之前已播放，且不成立`)
					: t(`Tampered: segment ${last?.seq} was not played`, `已篡改：片段 ${last?.seq} 未播放`),
			last
				? t(
						`Your browser refused ${refusedCount === 1 ? "it" : `${refusedCount} pieces`}: ${faultText(last.fault)}.${checkedCount ? ` The ${checkedCount} others that were played hold.` : ""}`,
						`您的浏览器拒绝了 ${refusedCount} 个片段：${faultText(last.fault)}。${checkedCount ? `已播放的其余 ${checkedCount} 个均成立。` : ""}`,
					)
				: "",
		],
	}[trust];
	const icon = { waiting: "…", checked: "✓", unchecked: "?", refused: "!" }[trust];
	const own = watch.isOwn(watch.levels[watch.playing]?.rendition ?? -1);
	return (
		<div class={`verdict ${trust}`} id="verdict" data-trust={trust} data-checked={watch.checkedBytes} data-spent={Math.round(watch.spent.bytes + watch.spent.records)} data-behind={watch.behind ?? ""}>
			<span class="seal" aria-hidden="true">
				{icon}
			</span>
			<div>
				{/* Alone: the sentence below counts with each segment, which nobody wants to be told every two seconds. */}
				<strong role="status">{words[0]}</strong>
				<p>{words[1]}</p>
				{own && (
					<p id="own">
						{t(
							"What plays now is a rendition of the broadcaster's own: it is as the broadcaster signed it. The network did not make it, and no judge looks at it.",
							"当前播放的是广播者自带的画质：与广播者所签一致，但并非由网络转码，也不受评判核验。",
						)}
					</p>
				)}
			</div>
		</div>
	);
}

function Player({ watch }: { watch: Watch }): JSX.Element {
	useChanges(watch);
	const video = useRef<HTMLVideoElement>(null);
	const [state, set] = useState({ size: "–", latency: null as number | null, buffer: null as number | null, dropped: 0 });
	useEffect(() => {
		const node = video.current;
		if (!node) return;
		watch.start(node);
		const timer = setInterval(() => {
			const { buffered, currentTime } = node;
			const end = buffered.length ? buffered.end(buffered.length - 1) - currentTime : null;
			set({
				size: node.videoWidth ? `${node.videoWidth}×${node.videoHeight}` : "–",
				latency: watch.latency(),
				buffer: end,
				dropped: node.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0,
			});
		}, 500);
		return () => {
			clearInterval(timer);
			watch.close();
		};
	}, [watch]);
	const messages = {
		"": "",
		waiting: t("Waiting for the stream…", "正在等待视频流…"),
		press: t("Press play.", "请按播放。"),
		unsupported: t("This browser cannot check what it plays, so nothing is played. Use a newer one, or one on a computer.", "此浏览器无法核验所播内容，因此不播放。请使用更新的浏览器或在电脑上观看。"),
		broken: t("This browser cannot show these pictures. Choose another quality, or wait: it is tried again.", "此浏览器无法显示这些画面。请选择其他画质或稍候：会再次尝试。"),
		nostream: broadcasterOf(watch.name)
			? t("There is no stream of this name now. It begins here by itself when there is one.", "目前没有这个名称的视频流。一旦开播将自动开始。")
			: t("There is no stream of this name. Give its broadcaster's account too: ACCOUNT/NAME.", "没有这个名称的视频流。请同时给出广播者账户：账户/名称。"),
		failing: t("This gateway cannot get the stream now. It is tried again.", "此网关暂时无法取得该流，正在重试。"),
		away: t("This gateway does not answer. It is tried again.", "此网关没有应答，正在重试。"),
	};
	const level = watch.levels[watch.playing];
	return (
		<>
			<div class="screen">
				<video id="video" ref={video} controls muted playsInline autoplay aria-label={t(`Stream ${shownName(watch.name)}`, `视频流 ${shownName(watch.name)}`)} />
				{messages[watch.message] && (
					<p id="message" role="status">
						{messages[watch.message]}
					</p>
				)}
				{watch.status && (
					<span class={`badge ${watch.trust}`} aria-hidden="true">
						{watch.status.ended ? t("recording", "录像") : <><i class="pulse" /> {t("live", "直播")}</>}
					</span>
				)}
			</div>
			<div class="controls">
				<label>
					{t("Quality", "画质")}
					<select id="levels" value={String(watch.chosen)} onChange={(event) => watch.choose(Number(event.currentTarget.value))}>
						<option value="-1">
							{t("automatic", "自动")}
							{level && watch.chosen < 0 ? ` (${level.height}p)` : ""}
						</option>
						{watch.levels.map(({ index, rendition, width, height, kbps }) => (
							<option key={index} value={String(index)}>
								{watch.isSource(rendition) ? t("source, ", "来源，") : watch.isOwn(rendition) ? t("the broadcaster's own, ", "广播者自带，") : ""}
								{width}×{height}, {(kbps / 1000).toFixed(1)} Mbit/s
							</option>
						))}
					</select>
				</label>
				<dl class="inline">
					<Fact name={t("Picture", "画面")}>{state.size}</Fact>
					<Fact name={t("Behind live", "延迟")}>
						{seconds(state.latency)}
						{watch.behind !== null && <span class="faint"> {t(`${watch.behind} segment${watch.behind === 1 ? "" : "s"}`, `${watch.behind} 个片段`)}</span>}
					</Fact>
					<Fact name={t("Buffer", "缓冲")}>{seconds(state.buffer)}</Fact>
					<Fact name={t("Lost frames", "丢帧")}>{state.dropped}</Fact>
					<Fact name={t("Checking takes", "核验占用")}>{t(`${(100 * watch.cost).toFixed(1)} % of the time`, `${(100 * watch.cost).toFixed(1)} % 的时间`)}</Fact>
				</dl>
				<button type="button" id="live" disabled={watch.status?.ended === true} onClick={() => video.current && watch.goLive(video.current)}>
					{t("Go live", "回到直播")}
				</button>
			</div>
			<Verdict watch={watch} />
		</>
	);
}

/** Goes from segment to segment by the arrow keys. */
function alongTape(event: TargetedKeyboardEvent<HTMLOListElement>): void {
	const stops = [...event.currentTarget.querySelectorAll("button")];
	const from = stops.findIndex((one) => one === document.activeElement);
	const to = new Map([["ArrowLeft", from - 1], ["ArrowRight", from + 1], ["Home", 0], ["End", stops.length - 1]]).get(event.key);
	if (from < 0 || to === undefined || !stops[to]) return;
	event.preventDefault();
	stops[to].focus();
}

/** Segments as they come, each with how far it has come. */
function Tape({ stories, pick, picked, at }: { stories: Story[]; pick: (seq: number) => void; picked: number | null; at: number | null }): JSX.Element {
	/** Where the keyboard was last. */
	const [held, hold] = useState<number | null>(null);
	const shown = stories.slice(-72);
	const newest = shown.at(-1)?.segment.seq;
	if (newest === undefined) return <Empty>{t("No segment has come yet.", "还没有片段。")}</Empty>;
	// One stop for who goes by keyboard, not one for each segment.
	const stop = [held, picked].find((seq) => shown.some(({ segment }) => segment.seq === seq)) ?? newest;
	return (
		<ol class="tape" aria-label={t("the newest segments, by the arrow keys", "最新片段，用方向键选择")} onKeyDown={alongTape}>
			{shown.map(({ segment, standing, drawn }) => {
				const loaded = [...segment.bytes.values()];
				const bad = segment.fault !== null || loaded.includes(false);
				const plays = segment.seq === at;
				const name = `${bad ? t("refused", "已拒绝") : standingName(standing)}${plays ? t(", plays now", "，正在播放") : ""}`;
				return (
					<li key={segment.seq}>
						<button
							type="button"
							class={`${bad ? "refused" : standing} ${drawn ? "was-drawn" : ""} ${loaded.length ? "mine" : ""} ${plays ? "plays" : ""}`}
							aria-pressed={picked === segment.seq}
							tabIndex={segment.seq === stop ? 0 : -1}
							onFocus={() => hold(segment.seq)}
							title={`${segment.seq}: ${name}`}
							onClick={() => pick(segment.seq)}
						>
							<span class="sr">{`${segment.seq}: ${name}`}</span>
						</button>
					</li>
				);
			})}
		</ol>
	);
}

function Legend({ stories }: { stories: Story[] }): JSX.Element {
	const reached = (standing: Standing) =>
		stories.filter((story) =>
			standing === "drawn"
				? story.drawn !== null
				: ORDER.indexOf(story.standing) >= ORDER.indexOf(standing),
		).length;
	const failed = stories.filter(({ standing }) => standing === "failed").length;
	return (
		<ul class="funnel">
			{ORDER.map((standing) => (
				<li key={standing} class={standing}>
					<b>{reached(standing)}</b>
					<span>{standingName(standing)}</span>
				</li>
			))}
			{failed > 0 && (
				<li class="failed">
					<b>{failed}</b>
					<span>{standingName("failed")}</span>
				</li>
			)}
		</ul>
	);
}

function SegmentDetail({ story, watch }: { story: Story; watch: Watch }): JSX.Element {
	const { segment, claim, drawn, isLeaf, standing } = story;
	const { header, receipt } = segment.record;
	const loaded = [...segment.bytes];
	const line = (ok: boolean | null, text: string) => (
		<li class={ok === null ? "" : ok ? "good" : "bad"}>
			<i aria-hidden="true">{ok === null ? "○" : ok ? "✓" : "✗"}</i> {text}
		</li>
	);
	const matches = drawn ? agrees(drawn.leaf, segment.record) : false;
	const heights = watch.status?.renditions.map((size) => `${size.split("@")[0]?.split("x")[1]}p`) ?? [];
	const quality = (rendition: number) =>
		watch.isSource(rendition) ? t("source", "来源") : watch.isOwn(rendition) ? t("the broadcaster's own", "广播者自带") : (heights[rendition] ?? rendition);
	return (
		<div class="detail">
			<p>
				<strong>
					{t("Segment", "片段")} {segment.seq}: {standingName(standing)}.
				</strong>{" "}
				{standingText(standing)}
			</p>
			<ul class="checks">
				{loaded.length
					? loaded.map(([rendition, ok]) => line(ok, t(`Your browser hashed its bytes (${quality(rendition)}); they are${ok ? "" : " not"} the signed ones`, `浏览器已哈希其字节（${quality(rendition)}），与签名${ok ? "一致" : "不一致"}`)))
					: line(null, t("Its bytes were not loaded here", "此处未加载其字节"))}
				{line(segment.signed, segment.fault ? faultText(segment.fault) : t("Signed by the broadcaster and by the transcoder", "由广播者与转码者签名"))}
				{claim
					? isLeaf
						? line(true, t(`Part of claim ${claim.id}: your browser built the claim's tree from what was signed, and its root is the one on chain`, `属于声明 ${claim.id}：浏览器由签名内容重建了声明的树，其根与链上一致`))
						: drawn?.proven && matches
							? line(true, t(`Within claim ${claim.id} on chain`, `属于链上声明 ${claim.id}`))
							: line(null, t(`In the range of claim ${claim.id}; that the claim holds just this was not shown here`, `在声明 ${claim.id} 的范围内；此处未证明声明所含正是该片段`))
					: line(null, t("Not in a claim that this page has seen", "不在本页看到的任何声明中"))}
				{drawn
					? line(
							drawn.proven && matches,
							drawn.proven && matches
								? t(`Drawn ${drawn.answered}×; what the transcoder showed is part of the claim, and is this segment`, `被抽中 ${drawn.answered} 次；转码者所出示的属于该声明，且正是该片段`)
								: t("Drawn, but what was shown is not this segment", "被抽中，但所出示的不是该片段"),
						)
					: null}
			</ul>
			<dl class="grid tight">
				<Fact name={t("Length", "时长")}>{(header.segment.duration / 90_000).toFixed(2)} {t("s", "秒")}</Fact>
				<Fact name={t("Source", "来源")}>{bytes(header.segment.inLen)}</Fact>
				<Fact name={t("Renditions", "画质")}>{receipt.outputs?.map((output, i) => `${heights[i] ?? ""} ${output ? bytes(output.len) : "–"}`.trim()).join(" · ") ?? (receipt.rejected && rejectedText(receipt.rejected))}</Fact>
				<Fact name={t("Transcoder", "转码者")}>
					<Account address={addressOf(header.transcoder)} />
				</Fact>
			</dl>
		</div>
	);
}

function ClaimRow({ claim }: { claim: Claim }): JSX.Element {
	return (
		<li class="claimrow">
			<div class="top">
				<ClaimLink id={claim.id} />
				<span class="faint">
					{claim.first !== undefined ? t(`segments ${claim.first}–${claim.last}`, `片段 ${claim.first}–${claim.last}`) : ""}
				</span>
				<span class="money">{amount(claim.fee, "ETH")}</span>
			</div>
			<Steps claim={claim} />
			<div class="bottom">
				<Votes claim={claim} />
				<span class={claim.outcome === "Failed" || claim.outcome === "Missed" ? "bad" : "faint"}>
					{claim.slashed
						? t(`slashed ${amount(claim.slashed, "LPT")}`, `罚没 ${amount(claim.slashed, "LPT")}`)
						: claim.settlement === "Paid"
							? t("paid", "已付款")
							: claim.settlement === "Refunded"
								? t("refunded", "已退款")
								: claim.outcome
									? `${t("decided", "已裁定")}${claim.executeAt === undefined ? "" : `${t("; ", "；")}${carriedOut(claim.executeAt)}`}`
									: claim.positions.length
										? t(`${new Set(claim.leaves.map((l) => l.index)).size} segments shown for ${claim.positions.length} draws`, `${claim.positions.length} 次抽签，已出示 ${new Set(claim.leaves.map((l) => l.index)).size} 片`)
										: claim.step === "claimed"
											? t("waits for the draw", "等待抽签")
											: stepName(claim.step)}
				</span>
			</div>
		</li>
	);
}

export function WatchPage({ name }: { name: string }): JSX.Element {
	const watch = useMemo(() => new Watch("", name, live), [name]);
	useChanges(watch);
	const { blocks } = useLive();
	const [picked, pick] = useState<number | null>(null);
	const { status, job } = watch;
	const { id, jobId, broadcaster } = watch;
	const transcoders = useRead((at) => live.read("transcoders", [], at));
	const transcoder = transcoders?.find(({ account }) => account === (job?.current?.transcoder ?? status?.transcoder));
	const all = live.claims();
	// Open claims that are older than what this page has read.
	const older = useRead(
		async (at) => {
			if (!status?.transcoder) return [];
			const ids = await live.read("claims_of", [status.transcoder], at);
			const missing = ids.filter((one) => all.get(String(one))?.first === undefined).slice(-OLDER);
			return Promise.all(
				missing.map(async (one) => {
					const [info, challenge] = await Promise.all([live.read("claim", [one], at), live.read("challenge", [one], at)]);
					return { id: one, info, challenge };
				}),
			);
		},
		[status?.transcoder],
	);
	const claims = new Map(all);
	for (const { id: number, info, challenge } of older ?? []) {
		if (info && info.job === jobId) claims.set(String(number), asChainHas(all.get(String(number)), number, info, challenge));
	}
	const ours = [...claims.values()]
		.filter((claim) => claim.job !== undefined && claim.job === jobId)
		.sort((a, b) => (a.id < b.id ? 1 : -1));
	// One whose slash was carried out tells most.
	const lost = ours.filter(({ outcome }) => outcome === "Failed" || outcome === "Missed");
	const failed = lost.find(({ slashed }) => slashed) ?? lost[0];
	const leaves = useLeaves(ours);
	const trees = useTrees(ours, watch.segments);
	const claimed = ours.reduce((most, { last }) => Math.max(most, Number(last ?? -1)), -1);
	const stories: Story[] = [...watch.segments.values()]
		.sort((a, b) => a.seq - b.seq)
		.map((segment) => {
			const seq = BigInt(segment.seq);
			const claim = ours.find(
				(one) =>
					one.job === segment.record.header.job &&
					one.assignment === segment.record.header.assignment &&
					one.first !== undefined &&
					one.last !== undefined &&
					one.first <= seq &&
					seq <= one.last,
			);
			const drawn = claim?.first !== undefined ? (leaves.get(`${claim.id}/${seq - claim.first}`) ?? null) : null;
			const isLeaf = claim !== undefined && trees.has(`${claim.id}/${segment.seq}`);
			return { segment, claim, drawn, isLeaf, standing: standingOf(claim, drawn?.proven === true) };
		});
	const shown =
		stories.find(({ segment }) => segment.seq === picked) ??
		stories.filter(({ segment }) => segment.bytes.size > 0).at(-1) ??
		stories.at(-1);
	const paid = ours.filter(({ settlement }) => settlement === "Paid").reduce((sum, { fee }) => sum + (fee ?? 0n), 0n);
	const open = ours.filter(({ settlement }) => !settlement).reduce((sum, { fee }) => sum + (fee ?? 0n), 0n);
	const numbers = new Set(ours.map((claim) => claim.id));
	const mine = ({ data }: ChainEvent): boolean =>
		(data?.job !== undefined && data.job === jobId) || (id !== null && data?.stream === id) || (data?.claim !== undefined && numbers.has(data.claim));
	const happened = blocks.flatMap(({ events }) => events).filter(mine).filter(({ name: what }) => what !== "Committed").slice(-14).reverse();
	return (
		<main class="watch">
			<div class="stage">
				<h1>{shownName(name)}</h1>
				<p class="by">
					{t("by", "广播者")} <Account address={broadcaster} />
					{status ? <JobLink id={jobId ?? status.job} /> : null}
					{status && broadcaster ? <A href={`/embed?stream=${encodeURIComponent(`${broadcaster}/${nameOf(name)}`)}`}>{t("Embed it", "嵌入此流")}</A> : null}
				</p>
				<Player watch={watch} />
				{status?.newest != null && claimed > status.newest + BEHIND && (
					<div class="verdict unchecked" role="status" id="behind">
						<span class="seal" aria-hidden="true">
							?
						</span>
						<div>
							<strong>{t("This gateway is behind", "此网关落后")}</strong>
							<p>
								{t(
									`Claims on chain reach to segment ${claimed}; the newest that it gives is ${status.newest}. What plays is as well signed, and old.`,
									`链上声明已至片段 ${claimed}，而此网关最新为 ${status.newest}。所播内容签名同样有效，但已过时。`,
								)}
							</p>
						</div>
					</div>
				)}
				{failed && (
					<div class="verdict refused" role="status">
						<span class="seal" aria-hidden="true">
							!
						</span>
						<div>
							<strong>{t("The judges found something else", "评判结果：不符")}</strong>
							<p>
								<ClaimLink id={failed.id} />{" "}
								{failed.outcome === "Missed"
									? t("was not shown when it was drawn.", "被抽中后未出示。")
									: failed.aboutInput
										? t("failed over whether a segment can be transcoded.", "未通过：片段能否转码的判断有误。")
										: t("failed: what was delivered is not what the source makes.", "未通过：交付内容与来源不符。")}{" "}
								{
									{
										slashed: t(`Its transcoder lost ${amount(failed.slashed, "LPT")}; the fee went back.`, `转码者被罚没 ${amount(failed.slashed, "LPT")}，费用已退回。`),
										due: t("The slash comes when governance has had its time to look.", "治理复核期过后执行罚没。"),
										nothing: t("The fee goes back to the broadcaster; no stake is slashed for it.", "费用退还广播者，不因此罚没质押。"),
									}[costOf(failed)]
								}
							</p>
						</div>
					</div>
				)}
				<Card title={t("What happens", "动态")} class="only-wide">
					{happened.length ? (
						<ol class="feed">{happened.map((event) => <EventLine key={`${event.block}.${event.index}`} event={event} />)}</ol>
					) : (
						<Empty>{t("Nothing has happened to this stream on chain in the blocks that this page has read.", "在本页读取的区块中，该流在链上没有动静。")}</Empty>
					)}
				</Card>
			</div>
			<aside class="life" aria-label={t("the life of this stream", "此流的历程")}>
				<Card title={t("Segments as they come", "片段到来")} aside={<span class="faint">{stories.length ? `${stories[0]?.segment.seq}–${stories.at(-1)?.segment.seq}` : ""}</span>}>
					<Legend stories={stories} />
					<Tape stories={stories} pick={(seq) => pick(seq === picked ? null : seq)} picked={picked} at={watch.at} />
					{shown && <SegmentDetail story={shown} watch={watch} />}
				</Card>
				<Card title={t("Transcoder", "转码者")}>
					{transcoder ? (
						<dl class="grid">
							<Fact name={t("Account", "账户")}>
								<Account address={transcoder.account} />
							</Fact>
							<Fact name={t("Stake at risk", "风险质押")}>{amount(transcoder.stake, "LPT")}</Fact>
							<Fact name={t("Price of 2 s of 720p", "720p 每 2 秒价格")}>{amount(job?.current?.price ?? transcoder.price, "ETH")}</Fact>
							<Fact name={t("State", "状态")}>
								<span class={transcoder.jailed ? "bad" : "good"}>
									{transcoder.jailed ? t("jailed", "监禁") : transcoder.active ? t("active", "活跃") : t("not elected", "未当选")}
								</span>
							</Fact>
						</dl>
					) : (
						transcoders ? <Empty>{t("No transcoder has this stream now.", "目前没有转码者处理该流。")}</Empty> : <Reading />
					)}
				</Card>
				<Card
					title={t("Claims and their judges", "声明与评判")}
					aside={
						<span class="faint">
							{t("paid", "已付")} {amount(paid, "ETH")} · {t("in escrow", "托管")} {amount(open, "ETH")}
						</span>
					}
				>
					{ours.length ? (
						<ul class="claims">{ours.slice(0, 5).map((claim) => <ClaimRow key={String(claim.id)} claim={claim} />)}</ul>
					) : (
						blocks.length ? <Empty>{t("Nothing is claimed yet: a claim comes after some segments.", "尚无声明：积累若干片段后才会提交。")}</Empty> : <Reading />
					)}
				</Card>
				{job && (
					<Card title={t("Money", "资金")}>
						<dl class="grid">
							<Fact name={t("Budget that is left", "剩余预算")}>{amount(job.unreserved, "ETH")}</Fact>
							<Fact name={t("Reserved for this transcoder", "为此转码者预留")}>{amount(job.current?.allowance, "ETH")}</Fact>
							<Fact name={t("Highest price", "最高价")}>{amount(job.max_price, "ETH")}</Fact>
							<Fact name={t("Slashed for this stream", "因此流罚没")}>{amount(ours.reduce((sum, { slashed }) => sum + (slashed ?? 0n), 0n), "LPT")}</Fact>
						</dl>
					</Card>
				)}
				<LightCard />
				<p class="small faint" hidden={wantsLight()}>
					{t(
						"Bytes and signatures are checked in this browser. What the chain says comes from this gateway's node; ",
						"字节与签名由本浏览器核验。链上信息来自此网关的节点；",
					)}
					<A href="/embed#node">{t("ask a node of your own instead", "可改用您自己的节点")}</A>.
				</p>
			</aside>
		</main>
	);
}
