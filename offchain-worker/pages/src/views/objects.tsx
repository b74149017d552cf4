/** One thing each, at an address that can be shared. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Challenge, ChainEvent, Hash } from "../chain/types";
import { canonical } from "../chain/address";
import { judgesOf } from "../chain/claims";
import { unbroken } from "../chain/live";
import { roundOf } from "../chain/rounds";
import { shownName } from "../player/name";
import { A, Account, Card, carriedOut, ClaimLink, Copy, Empty, Fact, JobLink, live, outcomeName, stepName, Steps, useLive, useRead } from "../ui/kit";
import { accuses, stageText, verdictText } from "../ui/named";
import { amount, duration, percent, short, soon, t } from "../ui/words";
import { describe, EventLine } from "./events";
import { Missing } from "./missing";
import { Failures, ownShare, recordOf } from "./record";
import { seatText } from "./seats";

const mentions = (event: ChainEvent, address: string): boolean =>
	Object.values(event.data ?? {}).some((value) => value === address);

const Feed = ({ events, none }: { events: ChainEvent[]; none: string }): JSX.Element => {
	const told = events.filter(describe);
	return told.length ? (
		<ol class="feed tall">{told.slice(-60).reverse().map((event) => <EventLine key={`${event.block}.${event.index}`} event={event} />)}</ol>
	) : (
		<Empty>{none}</Empty>
	);
};
/** Letters of an event that are shown, and events of a block: whoever fills a block would else fill the page. */
const MOST_TEXT = 20_000;
const MOST_SHOWN = 1_000;
/** The number that an address names; `null` for what is none, or larger than any can be. */
const numberOf = (id: string): bigint | null => (/^\d{1,18}$/.test(id) ? BigInt(id) : null);
/** Of what an address names as much as one needs to know it again: whoever sends a link would else write on the page. */
const cut = (text: string): string => (text.length > 50 ? `${shownName(text.slice(0, 50))}…` : shownName(text));
const NoNumber = ({ id }: { id: string }): JSX.Element => <Missing what={t(`${cut(id)} is no number.`, `${cut(id)} 不是编号。`)} />;
/** Work per second, as so many live streams of 720p30. */
const liveStreams = (work: number): string => t(`${(work / 27_648_000).toFixed(1)} × 720p30 live`, `${(work / 27_648_000).toFixed(1)} × 720p30 实时`);
/** What the judges of a claim do, and how long they have for it. */
function dueText({ stage, deadline }: Challenge): string {
	const left = live.left(deadline);
	const time = stage.type === "Decided" ? carriedOut(deadline) : left ? t(`${duration(left)} left`, `剩余 ${duration(left)}`) : left === 0 ? t("due now", "时限已到") : "";
	return [stageText(stage.type), time].filter(Boolean).join(t(", ", "，"));
}
const recent = (): string => t("Nothing in the blocks that this page has read.", "本页读取的区块中没有相关动静。");

export function AccountPage({ address: given }: { address: string }): JSX.Element {
	const { blocks, chain } = useLive();
	const found = canonical(given);
	const [address, valid] = [found ?? given, found !== null];
	const stake = useRead((at) => (valid ? live.read("stake", [address], at) : Promise.reject()), [address]);
	const balances = useRead((at) => (valid && live.chain ? live.chain.balances(address, at) : Promise.reject()), [address]);
	const transcoders = useRead((at) => live.read("transcoders", [], at));
	const pool = useRead((at) => live.read("pool", [], at));
	const claims = useRead((at) => (valid ? live.read("claims_of", [address], at) : Promise.reject()), [address]);
	const jobs = useRead((at) => (valid ? live.read("assignments", [address], at) : Promise.reject()), [address]);
	const isTranscoder = transcoders?.some(({ account }) => account === address) ?? false;
	const record = useRead((at) => (isTranscoder ? recordOf(address, at) : Promise.reject()), [address, isTranscoder]);
	const work = record?.performance;
	const keys = useRead(
		async (at) =>
			valid
				? Promise.all((["Segments", "Duties"] as const).map(async (purpose) => ({ purpose, views: await live.read("operator_keys", [address, { type: purpose, value: undefined }], at) })))
				: Promise.reject(),
		[address],
	);
	if (!valid) return <Missing what={t(`${cut(given)} is no account.`, `${cut(given)} 不是账户。`)} />;
	const transcoder = transcoders?.find(({ account }) => account === address);
	const seat = pool?.find(({ account }) => account === address);
	const events = blocks.flatMap((block) => block.events).filter((event) => mentions(event, address));
	return (
		<main>
			<div class="title">
				<h1>
					<Account address={address} full />
				</h1>
				<Copy text={address} />
			</div>
			<div class="columns">
				<div>
					<Card title={t("What it has", "资产")}>
						<dl class="grid">
							<Fact name={t("Not bonded", "未质押")}>{amount(balances?.lpt, "LPT")}</Fact>
							<Fact name="ETH">{amount(balances?.eth, "ETH")}</Fact>
							<Fact name={t("Bonded", "已质押")}>{amount(stake?.next_round, "LPT")}</Fact>
							<Fact name={t("Bonded to", "质押给")}>
								<Account address={stake?.delegate} />
							</Fact>
							<Fact name={t("Fees to take", "可领费用")}>{amount(stake?.fees, "ETH")}</Fact>
							<Fact name={t("On its way out", "解押中")}>{amount(stake?.locks.reduce((sum, { value }) => sum + value, 0n), "LPT")}</Fact>
						</dl>
						<p>
							<A class="button" href={`/stake?account=${address}`}>
								{t("Its stake in full", "查看质押详情")}
							</A>
						</p>
					</Card>
					{transcoder && (
						<Card title={t("As a transcoder", "作为转码者")}>
							<dl class="grid">
								<Fact name={t("Stake", "质押")}>{amount(transcoder.stake, "LPT")}</Fact>
								<Fact name={t("Seat", "席位")} note={seat && seatText(seat.reason.type)[1]}>{seat ? seatText(seat.reason.type)[0] : "–"}</Fact>
								<Fact name={t("Price of 2 s of 720p", "720p 每 2 秒价格")}>{amount(transcoder.price, "ETH")}</Fact>
								<Fact name={t("Rewards it keeps", "奖励抽成")}>{percent(transcoder.reward_cut)}</Fact>
								<Fact name={t("Fees it gives on", "费用分成")}>{percent(transcoder.fee_share)}</Fact>
								<Fact name={t("Capacity", "算力")}>{liveStreams(Number(transcoder.capacity))}</Fact>
								<Fact name={t("Jobs that it served", "已完成任务")} note={t("of those that it was offered lately, and in which somebody was paid", "近期被指派且有付款的任务")}>
									{work?.offered ? t(`${work.served} of ${work.offered}`, `${work.served} / ${work.offered}`) : "–"}
								</Fact>
								<Fact name={t("Speed of a stream", "单路速度")} note={t("what was accepted of it, by the time that it took: a live stream comes no faster", "已通过的工作量除以用时；直播不会更快")}>
									{work?.blocks ? liveStreams(Number(work.work) / Number(work.blocks) / live.slotSeconds()) : "–"}
								</Fact>
								<Fact name={t("Judged", "已验证")} note={t("of its work that was accepted since it registered, was jailed or failed", "自注册、被监禁或失败以来已通过的工作量")}>
									{work?.work ? percent((Number(work.judged) / Number(work.work)) * 1e9) : "–"}
								</Fact>
								<Fact name={t("Claims accepted", "已通过的声明")} note={t("since it registered or failed", "自注册或失败以来")}>{record?.accepted ?? "–"}</Fact>
								<Fact name={t("Own part of the stake", "自有质押占比")}>{record ? ownShare(record.backing) : "–"}</Fact>
								<Fact name={t("Bonds", "质押笔数")}>{record?.backing.bonds ?? "–"}</Fact>
								<Fact name={t("Lost to slashes", "累计罚没")} note={t("of a bond from the beginning", "自始存在的质押")}>
									{record ? record.backing.wiped ? <Failures of={record} /> : percent(record.backing.slashed, 2) : "–"}
								</Fact>
								<Fact name={t("Jobs", "任务")}>{jobs?.length ? jobs.map((id) => <JobLink key={String(id)} id={id} />) : jobs ? t("none", "无") : "–"}</Fact>
								<Fact name={t("Open claims", "未结声明")}>{claims?.length ? claims.slice(-8).map((id) => <ClaimLink key={String(id)} id={id} />) : claims ? t("none", "无") : "–"}</Fact>
							</dl>
						</Card>
					)}
					<Card title={t("Keys that sign for it", "签名密钥")}>
						<ul class="plain">
							{keys?.map(({ purpose, views }) => (
								<li key={purpose}>
									<b>{purpose === "Segments" ? t("Segments", "片段") : t("Duties", "职责")}</b>:{" "}
									{views.map((view) => `${t("generation", "第")} ${view.generation}${t("", " 代")}: ${view.keys.length ? view.keys.map((key, i) => short(key.value) + (view.revoked[i] ? ` (${t("revoked", "已吊销")})` : "")).join(", ") : t("the account itself", "账户本身")}`).join(" · ")}
								</li>
							))}
						</ul>
					</Card>
				</div>
				<Card title={t("Lately", "近期")}>
					<Feed events={events} none={recent()} />
				</Card>
			</div>
			{chain ? null : <Empty>{t("Connecting to the chain…", "正在连接链…")}</Empty>}
		</main>
	);
}

export function JobPage({ id }: { id: string }): JSX.Element {
	const { blocks } = useLive();
	const number = numberOf(id);
	const job = useRead(
		async (at) => {
			const found = number === null ? undefined : await live.read("job", [number], at);
			return { found, used: found && (await live.chain?.used(found, at)) };
		},
		[id],
	);
	const events = blocks.flatMap((block) => block.events);
	const claims = [...live.claims().values()].filter((claim) => String(claim.job) === id);
	const ours = events.filter(({ data }) => String(data?.job ?? "") === id || claims.some((claim) => claim.id === data?.claim));
	if (job && !job.found && !ours.length) return <Missing what={t(`The chain has no job ${cut(id)}: it is over, or there was none.`, `链上没有任务 ${cut(id)}：已结束或不存在。`)} />;
	const found = job?.found;
	return (
		<main>
			<div class="title">
				<h1>
					{t("Job", "任务")} {id}
				</h1>
				{found && <span class={`pill ${found.ended ? "" : "Stake"}`}>{found.ended ? t("ended", "已结束") : t("runs", "进行中")}</span>}
			</div>
			<div class="columns">
				<div>
					{found && (
						<Card title={t("What it asks for", "要求")}>
							<dl class="grid">
								<Fact name={t("Broadcaster", "广播者")}>
									<Account address={found.broadcaster} />
								</Fact>
								<Fact name={t("Source at most", "来源上限")}>{`${found.limits.width}×${found.limits.height}, ${found.limits.fps}/s`}</Fact>
								<Fact name={t("Highest price", "最高价")}>{amount(found.max_price, "ETH")}</Fact>
								<Fact name={t("Ends", "结束")} note={t(`block ${found.end} of the protocol's clock, which stands while the chain is closed`, `协议时钟的第 ${found.end} 块；链关闭期间该时钟停走`)}>{found.ended ? t("ended", "已结束") : soon(live.left(found.end))}</Fact>
								<Fact name={t("Budget left", "剩余预算")}>{amount(found.unreserved, "ETH")}</Fact>
								<Fact name={t("Used so far", "已用")} note={t("paid, or held for claims", "已付或为声明托管")}>{amount(job?.used, "ETH")}</Fact>
								<Fact name={t("Segments drawn of a claim, at most", "每声明抽查上限")}>{found.max_samples}</Fact>
							</dl>
							<h3>{t("Ladder", "画质阶梯")}</h3>
							<ul class="ladder">
								{found.ladder.map((r) => (
									<li key={`${r.width}${r.kbps}`}>
										<b>
											{r.width}×{r.height}
										</b>{" "}
										<span class="faint">{(r.kbps / 1000).toFixed(1)} Mbit/s</span>
									</li>
								))}
							</ul>
						</Card>
					)}
					{found?.current && (
						<Card title={t(`Assignment ${found.current.index}`, `分配 ${found.current.index}`)}>
							<dl class="grid">
								<Fact name={t("Transcoder", "转码者")}>
									<Account address={found.current.transcoder} />
								</Fact>
								<Fact name={t("Price", "价格")}>{amount(found.current.price, "ETH")}</Fact>
								<Fact name={t("Claimed up to", "声明至")}>{String(found.current.next_seq)}</Fact>
								<Fact name={t("Left to claim", "可声明余额")}>{amount(found.current.allowance, "ETH")}</Fact>
								<Fact name={t("Toolchain", "工具链")}>{found.current.toolchain ? <span class="mono">{short(found.current.toolchain)}</span> : t("not accepted yet", "尚未接受")}</Fact>
							</dl>
						</Card>
					)}
					<Card title={t("Claims", "声明")}>
						{claims.length ? (
							<ul class="claims">
								{claims.reverse().slice(0, 12).map((claim) => (
									<li class="claimrow" key={String(claim.id)}>
										<div class="top">
											<ClaimLink id={claim.id} />
											<span class="money">{amount(claim.fee, "ETH")}</span>
										</div>
										<Steps claim={claim} />
									</li>
								))}
							</ul>
						) : (
							<Empty>{recent()}</Empty>
						)}
					</Card>
				</div>
				<Card title={t("Lately", "近期")}>
					<Feed events={ours} none={recent()} />
				</Card>
			</div>
		</main>
	);
}

export function ClaimPage({ id }: { id: string }): JSX.Element {
	const { blocks } = useLive();
	const number = numberOf(id);
	const read = useRead(
		async (at) => ({
			info: number === null ? undefined : await live.read("claim", [number], at),
			challenge: number === null ? undefined : await live.read("challenge", [number], at),
		}),
		[id],
	);
	const told = live.claims().get(id);
	const events = blocks.flatMap((block) => block.events).filter(({ data }) => String(data?.claim ?? "") === id);
	if (read && !read.info && !told) return <Missing what={t(`The chain has no claim ${cut(id)}: it is over, or there was none.`, `链上没有声明 ${cut(id)}：已结束或不存在。`)} />;
	const { info, challenge } = read ?? {};
	const judges = judgesOf(told, challenge);
	const outcome = told?.outcome ?? challenge?.outcome?.type;
	const word = told?.cancelled ? t("verdict cancelled", "裁定已撤销") : outcome ? outcomeName(outcome) : told && stepName(told.step);
	return (
		<main>
			<div class="title">
				<h1>
					{t("Claim", "声明")} {id}
				</h1>
				{(outcome || told) && <span class={`pill ${outcome === "Accepted" ? "Stake" : outcome ? "Jailed" : ""}`}>{word}</span>}
			</div>
			{told && (
				<Card>
					<Steps claim={told} />
				</Card>
			)}
			<div class="columns">
				<div>
					<Card title={t("What is claimed", "声明内容")}>
						<dl class="grid">
							<Fact name={t("Transcoder", "转码者")}>
								<Account address={info?.transcoder ?? told?.transcoder} />
							</Fact>
							<Fact name={t("Job", "任务")}>{(info?.job ?? told?.job) !== undefined ? <JobLink id={(info?.job ?? told?.job) as bigint} /> : "–"}</Fact>
							<Fact name={t("Segments", "片段")}>
								{info ? `${info.first}–${info.first + BigInt(info.commitment.leaf_count) - 1n}` : told?.first !== undefined ? `${told.first}–${told.last}` : "–"}
							</Fact>
							<Fact name={t("Fee", "费用")} note={told?.settlement ? (told.settlement === "Paid" ? t("paid", "已付款") : t("refunded", "已退款")) : t("in escrow", "托管中")}>
								{amount(info?.fee ?? told?.fee, "ETH")}
							</Fact>
							<Fact name={t("Work", "工作量")}>{(info?.commitment.total_work ?? told?.work)?.toLocaleString("en") ?? "–"}</Fact>
							{told?.slashed ? <Fact name={t("Slashed", "罚没")}>{amount(told.slashed, "LPT")}</Fact> : null}
						</dl>
						{info && (
							<p class="small">
								{t("Root", "根")} <code class="wrap">{info.commitment.root}</code>
							</p>
						)}
					</Card>
					<Card title={t("Judges", "评判")} aside={<span class="faint">{challenge ? dueText(challenge) : ""}</span>}>
						{judges.length ? (
							<table>
								<thead>
									<tr>
										<th>{t("Validator", "验证人")}</th>
										<th>{t("Verdicts, one for each drawn segment", "逐片段裁定")}</th>
									</tr>
								</thead>
								<tbody>
									{judges.map(({ verifier, votes }) => (
										<tr key={verifier}>
											<td>
												<Account address={verifier} />
											</td>
											<td>
												{votes.length
													? votes.map((vote) => (
															<div key={vote.tranche}>
																{vote.tranche > 0 ? <span class="faint">{vote.tranche === 255 ? t("dispute: ", "争议：") : `${vote.tranche}: `}</span> : null}
																{vote.verdicts ? (
																	vote.verdicts.map((verdict, i) => (
																		<span key={i} class={`pill ${accuses(verdict) ? "Jailed" : verdict === "Abstain" ? "" : "Stake"}`}>
																			{verdictText(verdict)}
																		</span>
																	))
																) : (
																	<span class="faint">{vote.unread ? t("opened, in a block that this page has not read", "已公开，在本页未读取的区块中") : t("sealed", "已密封")}</span>
																)}
															</div>
														))
													: <span class="faint">{t("not yet", "尚未")}</span>}
											</td>
										</tr>
									))}
								</tbody>
							</table>
						) : (
							<Empty>{t("The judges are drawn with the beacon's seed of the next window, which nobody knows yet.", "评判由下一窗口的信标种子抽出，目前无人知晓。")}</Empty>
						)}
					</Card>
				</div>
				<Card title={t("Its life", "历程")}>
					<Feed events={events} none={recent()} />
				</Card>
			</div>
		</main>
	);
}

/** An event and, when it is opened, all that it says. */
function EventDetail({ event }: { event: ChainEvent }): JSX.Element {
	const [isOpen, open] = useState(false);
	const text = useMemo(
		() => (isOpen ? JSON.stringify(event.data, (_, value) => (typeof value === "bigint" ? value.toString() : value instanceof Uint8Array ? new TextDecoder().decode(value) : value), 2)?.slice(0, MOST_TEXT) : ""),
		[isOpen, event],
	);
	return (
		<details onToggle={({ currentTarget }) => open(currentTarget.open)}>
			<summary>
				<code>
					{event.pallet}.{event.name}
				</code>
			</summary>
			<pre tabIndex={0}>{text}</pre>
		</details>
	);
}

export function BlockPage({ id }: { id: string }): JSX.Element {
	const { blocks, chain, finalized, head } = useLive();
	const known = blocks.find(({ number }) => String(number) === id);
	const [found, set] = useState<{ hash: Hash; events: ChainEvent[] | null } | "none" | null>(null);
	/** Of one that is to come it is asked again until it is there. */
	const isAhead = (head?.number ?? 0) < Number(id);
	useEffect(() => {
		if (known || !chain || !/^\d{1,9}$/.test(id) || isAhead) return;
		let over = false;
		chain
			.hashAt(Number(id))
			// Of an old block the node has the header, and its events no more.
			.then(async (hash) => over || set(hash ? { hash, events: await chain.events(Number(id), hash).catch(() => null) } : "none"))
			.catch(() => over || set("none"));
		return () => void (over = true);
	}, [id, chain, !!known, isAhead]);
	const block = known ?? (found === "none" ? null : found);
	if (numberOf(id) === null) return <NoNumber id={id} />;
	return (
		<main>
			<div class="title">
				<h1>
					{t("Block", "区块")} {id}
				</h1>
				{head && <span class={`pill ${Number(id) <= finalized ? "Stake" : ""}`}>{Number(id) <= finalized ? t("final", "已最终确认") : t("not final yet", "未最终确认")}</span>}
				<span class="pager">
					{Number(id) > 0 && <A href={`/block/${Number(id) - 1}`}>←</A>} <A href={`/block/${Number(id) + 1}`}>→</A>
				</span>
			</div>
			<Card>
				{block ? <p class="small wrap mono">{block.hash}</p> : <Empty>{head && isAhead ? t("There is no block of this number yet.", "尚无此编号的区块。") : found === "none" ? t("The node does not know this block.", "节点没有此区块。") : "…"}</Empty>}
				{block && !block.events && <Empty>{t("The node keeps no events of blocks this old.", "节点不再保留如此早的区块事件。")}</Empty>}
				{block?.events && (
					<ul class="plain events">
						{block.events.slice(0, MOST_SHOWN).map((event, i) => (
							<li key={i}>
								<EventDetail event={event} />
							</li>
						))}
						{block.events.length > MOST_SHOWN && <li class="faint">{t(`and ${block.events.length - MOST_SHOWN} more`, `另有 ${block.events.length - MOST_SHOWN} 个`)}</li>}
					</ul>
				)}
			</Card>
		</main>
	);
}

export function RoundPage({ id }: { id: string }): JSX.Element {
	const { blocks, clock } = useLive();
	const running = useRead((at) => live.read("round", [], at));
	if (numberOf(id) === null) return <NoNumber id={id} />;
	const since = unbroken(blocks);
	const read = blocks.filter(({ number }) => number >= since).flatMap((block) => block.events);
	const { first, length, lockedFrom, over, minted, events } = roundOf(Number(id), read, running);
	return (
		<main>
			<div class="title">
				<h1>
					{t("Round", "轮次")} {id}
				</h1>
				{clock && <span class="pill">{String(clock.round) === id ? t("now", "进行中") : Number(id) < clock.round ? t("over", "已结束") : t("to come", "未到")}</span>}
				<span class="pager">
					{Number(id) > 0 && <A href={`/round/${Number(id) - 1}`}>←</A>} <A href={`/round/${Number(id) + 1}`}>→</A>
				</span>
			</div>
			<Card>
				<dl class="grid">
					<Fact name={t("First block", "首个区块")}>{first !== undefined ? <A href={`/block/${first}`}>{first}</A> : "–"}</Fact>
					<Fact name={t("Blocks", "区块数")} note={t("without those in which the chain was closed", "不计链关闭期间的区块")}>{length ?? "–"}</Fact>
					{lockedFrom !== undefined && <Fact name={t("Terms are frozen", "条款冻结")}>{soon(live.left(lockedFrom))}</Fact>}
					{over !== undefined && <Fact name={t("Ends", "结束")}>{soon(live.left(over))}</Fact>}
					<Fact name={t("Minted", "增发")}>{amount(minted, "LPT")}</Fact>
				</dl>
			</Card>
			<Card title={t("What happened", "动态")}>
				<Feed events={events} none={recent()} />
			</Card>
		</main>
	);
}

