/** The network as it goes on. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Job } from "../chain/types";
import { Chart } from "../ui/chart";
import { Account, Card, ClaimLink, Empty, Fact, JobLink, live, outcomeName, Reading, Steps, useLive, useRead, Votes } from "../ui/kit";
import { about, amount, duration, percent, t } from "../ui/words";
import { describe, EventLine } from "./events";
import { BridgeCard } from "./bridge";
import { PricesCard } from "./prices";
import { Meanings } from "./record";
import { leaveText, seatText } from "./seats";

export function NetworkPage(): JSX.Element {
	const { clock, blocks, head, timing } = useLive();
	const [all, setAll] = useState(false);
	const pool = useRead((at) => live.read("pool", [], at));
	const validators = useRead((at) => live.read("validators", [], at));
	const transcoders = useRead((at) => live.read("transcoders", [], at));
	const inflation = useRead((at) => live.read("inflation", [], at));
	const round = useRead((at) => live.read("round", [], at));
	const origins = useRead((at) => live.read("origins", [], at));
	const jobs = useRead(
		async (at): Promise<Job[]> => {
			const ids = new Set<string>();
			const streams = (await live.read("origins", [], at)).slice(0, 40);
			for (const id of await Promise.all(streams.map((stream) => live.read("job_of_stream", [stream], at)))) {
				if (id !== undefined) ids.add(String(id));
			}
			// All at once: one after the other they would take a slow line longer than a block.
			for (const of of await Promise.all((transcoders ?? []).slice(0, 40).map(({ account }) => live.read("assignments", [account], at)))) {
				for (const id of of) ids.add(String(id));
			}
			const found = await Promise.all([...ids].slice(0, 60).map((id) => live.read("job", [BigInt(id)], at)));
			return found.filter((job): job is Job => job !== undefined).sort((a, b) => (a.id < b.id ? 1 : -1));
		},
		[transcoders?.length],
	);
	const claims = [...live.claims().values()].sort((a, b) => (a.id < b.id ? 1 : -1));
	const events = blocks.flatMap((block) => block.events);
	const shown = events.filter((event) => event.name !== "Committed" && describe(event)).slice(-40).reverse();
	const into = round && clock ? Math.max(0, clock.block - round.start) : null;
	const roundLength = round?.length ?? 0;
	// Blocks come after the head, when a page opens.
	const newest = blocks.at(-1)?.hash;
	const series = useMemo(() => {
		const minted = events.filter(({ name }) => name === "RoundPaid");
		const xs = minted.map(({ data }) => Number(data.round));
		return { xs, minted: minted.map(({ data }) => Number(data.minted) / 1e18) };
	}, [newest]);
	const load = useMemo(() => {
		const last = blocks.slice(-120);
		return {
			xs: last.map(({ number }) => number),
			fees: last.map(({ events: of }) => of.filter(({ name }) => name === "Claimed").reduce((sum, { data }) => sum + Number(data.fee), 0) / 1e9),
			paid: last.map(({ events: of }) => of.filter(({ name, data }) => name === "ClaimSettled" && data.settlement.type === "Pay").reduce((sum, { data }) => sum + Number(data.fee), 0) / 1e9),
		};
	}, [newest]);
	const sums = load.fees.map((_, i) => load.fees.slice(0, i + 1).reduce((a, b) => a + b, 0));
	const sumsPaid = load.paid.map((_, i) => load.paid.slice(0, i + 1).reduce((a, b) => a + b, 0));
	const total = pool?.filter(({ reason }) => reason.type === "Stake" || reason.type === "Drawn").reduce((sum, { stake }) => sum + stake, 0n) ?? 0n;
	const largest = pool?.reduce((most, { stake }) => (stake > most ? stake : most), 1n) ?? 1n;
	const terms = new Map(transcoders?.map((one) => [one.account, one]));
	const leaving = new Map(validators?.map((one) => [one.account, one.leaves]));
	return (
		<main class="network">
			<div class="title">
				<h1>{t("The network now", "网络现况")}</h1>
			</div>
			<section class="numbers" aria-label={t("figures", "数据")}>
				<div>
					<span>{t("Round", "轮次")}</span>
					<b>{clock?.round ?? "–"}</b>
					{into !== null && roundLength > 0 && (
						<>
							<progress max={roundLength} value={Math.min(into, roundLength)} aria-label={t("part of the round", "本轮进度")} />
							<small>{t(`next in ${duration((roundLength - into) * live.slotSeconds())}`, `${duration((roundLength - into) * live.slotSeconds())} 后换轮`)}</small>
						</>
					)}
				</div>
				<div>
					<span>{t("Staked in the active set", "活跃集质押")}</span>
					<b>{amount(inflation?.stake, "LPT")}</b>
					<small>{inflation ? t(`${((Number(inflation.stake) / Number(inflation.supply)) * 100).toFixed(1)} % of all LPT`, `占全部 LPT 的 ${((Number(inflation.stake) / Number(inflation.supply)) * 100).toFixed(1)} %`) : ""}</small>
				</div>
				<div>
					<span>{t("Minted per round", "每轮增发")}</span>
					<b>{amount(inflation?.mintable, "LPT")}</b>
					<small>{inflation ? t(`rate ${percent(inflation.rate, 4)}, next ${percent(inflation.next_rate, 4)}`, `比率 ${percent(inflation.rate, 4)}，下轮 ${percent(inflation.next_rate, 4)}`) : ""}</small>
				</div>
				<div>
					<span>{t("Transcoders", "转码者")}</span>
					<b>
						{pool?.filter(({ reason }) => reason.type === "Stake" || reason.type === "Drawn").length ?? "–"}
						<em> / {pool?.length ?? "–"}</em>
					</b>
					<small>{t(`validators: ${pool?.filter(({ validates }) => validates).length ?? "–"}`, `${pool?.filter(({ validates }) => validates).length ?? "–"} 个参与验证`)}</small>
				</div>
				<div>
					<span>{t("Streams", "视频流")}</span>
					<b>{origins?.length ?? "–"}</b>
					<small>{t(`jobs that run: ${jobs?.filter(({ ended }) => !ended).length ?? "–"}`, `${jobs?.filter(({ ended }) => !ended).length ?? "–"} 个任务进行中`)}</small>
				</div>
			</section>
			<div class="columns">
				<div>
					<Card title={t("Active set", "活跃集")} aside={<span class="faint">{amount(total, "LPT")}</span>}>
						{pool?.length ? (
							<div class="scroll">
								<table>
									<thead>
										<tr>
											<th>{t("Transcoder", "转码者")}</th>
											<th>{t("Why", "理由")}</th>
											<th class="num">{t("Stake", "质押")}</th>
											<th class="num only-wide">{t("Next round", "下轮")}</th>
											<th class="num only-wide">{t("Price", "价格")}</th>
											<th>{t("Validates", "验证")}</th>
										</tr>
									</thead>
									<tbody>
										{(all ? pool : pool.slice(0, 12)).map((seat) => {
											const [word, why] = seatText(seat.reason.type);
											const leaves = leaving.get(seat.account);
											return (
												<tr key={seat.account}>
													<td>
														<Account address={seat.account} />
													</td>
													<td>
														<span class={`pill ${seat.reason.type}`} title={why}>
															{word}
														</span>
													</td>
													<td class="num bar">
														<i style={{ width: `${Number((seat.stake * 100n) / largest)}%` }} aria-hidden="true" />
														<span>{amount(seat.stake)}</span>
													</td>
													<td class="num only-wide">
														<span class={seat.next_stake < seat.stake ? "bad" : ""}>{amount(seat.next_stake)}</span>
													</td>
													<td class="num only-wide">{amount(terms.get(seat.account)?.price, "ETH")}</td>
													<td>
														{seat.validates ? <span class="good">✓</span> : seat.barred ? <span class="bad">{t("barred", "禁止")}</span> : <span class="faint">–</span>}
														{leaves && (
															<span class="pill" title={leaveText(leaves.type)[1]}>
																{leaveText(leaves.type)[0]}
																<span class="sr">: {leaveText(leaves.type)[1]}</span>
															</span>
														)}
													</td>
												</tr>
											);
										})}
									</tbody>
								</table>
							</div>
						) : pool ? (
							<Empty>{t("Nobody has registered yet.", "还没有人注册。")}</Empty>
						) : (
							<Reading />
						)}
						<Meanings of={[...(pool ?? []).map(({ reason }) => seatText(reason.type)), ...(validators ?? []).flatMap(({ leaves }) => (leaves ? [leaveText(leaves.type)] : []))]} />
						{pool && pool.length > 12 && (
							<button type="button" class="small" onClick={() => setAll(!all)}>
								{all ? t("fewer", "收起") : t(`all ${pool.length}`, `全部 ${pool.length} 个`)}
							</button>
						)}
					</Card>
					<Card title={t("Claims and verdicts", "声明与裁定")}>
						{claims.length ? (
							<ul class="claims">
								{claims.slice(0, 8).map((claim) => (
									<li class="claimrow" key={String(claim.id)}>
										<div class="top">
											<ClaimLink id={claim.id} />
											{claim.transcoder ? <Account address={claim.transcoder} /> : null}
											<span class="money">{amount(claim.fee, "ETH")}</span>
										</div>
										<Steps claim={claim} />
										<div class="bottom">
											<Votes claim={claim} />
											<span class={claim.outcome && claim.outcome !== "Accepted" ? "bad" : "faint"}>
												{claim.settlement === "Paid" ? t("paid", "已付款") : claim.settlement === "Refunded" ? t("refunded", "已退款") : claim.outcome ? outcomeName(claim.outcome) : ""}
												{claim.slashed ? ` · ${t("slashed", "罚没")} ${amount(claim.slashed, "LPT")}` : ""}
											</span>
										</div>
									</li>
								))}
							</ul>
						) : blocks.length ? (
							<Empty>{t("No claim in the blocks that this page has read.", "本页读取的区块中没有声明。")}</Empty>
						) : (
							<Reading />
						)}
					</Card>
					<Card title={t("Jobs", "任务")}>
						{jobs?.length ? (
							<div class="scroll">
								<table class="cards" role="table">
									<thead role="rowgroup">
										<tr role="row">
											<th role="columnheader">{t("Job", "任务")}</th>
											<th role="columnheader">{t("Broadcaster", "广播者")}</th>
											<th role="columnheader">{t("Transcoder", "转码者")}</th>
											<th role="columnheader" class="num">{t("Claimed to", "声明至")}</th>
											<th role="columnheader" class="num">{t("Left", "剩余")}</th>
										</tr>
									</thead>
									<tbody role="rowgroup">
										{jobs.slice(0, 20).map((job) => (
											<tr role="row" key={String(job.id)}>
												<td role="cell">
													<JobLink id={job.id} /> {job.ended && <span class="faint">{t("ended", "已结束")}</span>}
												</td>
												<td role="cell" data-column={t("Broadcaster", "广播者")}>
													<Account address={job.broadcaster} />
												</td>
												<td role="cell" data-column={t("Transcoder", "转码者")}>{job.current ? <Account address={job.current.transcoder} /> : <span class="faint">{t("none yet", "暂无")}</span>}</td>
												<td role="cell" class="num" data-column={t("Claimed to", "声明至")}>{job.current ? String(job.current.next_seq) : "–"}</td>
												<td role="cell" class="num" data-column={t("Left", "剩余")}>{amount(job.unreserved + (job.current?.allowance ?? 0n), "ETH")}</td>
											</tr>
										))}
									</tbody>
								</table>
							</div>
						) : jobs ? (
							<Empty>{t("No job has state on the chain.", "链上没有任务。")}</Empty>
						) : (
							<Reading />
						)}
					</Card>
				</div>
				<div>
					<Card title={t("As it happens", "实时动态")} aside={<span class="faint">{head ? t(`block ${head.number}`, `区块 ${head.number}`) : ""}</span>}>
						{shown.length ? (
							<ol class="feed tall">{shown.map((event) => <EventLine key={`${event.block}.${event.index}`} event={event} />)}</ol>
						) : (
							<Empty>{blocks.length ? t("Nothing has happened in the blocks that this page has read.", "本页读取的区块中没有动静。") : t("Reading the newest blocks…", "正在读取最新区块…")}</Empty>
						)}
					</Card>
					<Card title={t("Fees claimed and paid", "费用：声明与付款")} aside={<span class="faint">{t("billionths of an ETH (gwei), of the blocks read", "gwei（十亿分之一 ETH），已读区块")}</span>}>
						{sums.at(-1) || sumsPaid.at(-1) ? <Chart
							label={t("Fees claimed and paid", "费用：声明与付款")}
							xs={load.xs}
							lines={[
								{ label: t("claimed", "声明"), values: sums, colour: "--busy", stepped: true },
								{ label: t("paid", "付款"), values: sumsPaid, colour: "--good", fill: true, stepped: true },
							]}
						/> : <Empty>{t("No fee in the blocks that this page has read.", "本页读取的区块中没有费用。")}</Empty>}
					</Card>
					<PricesCard />
					<Card title={t("Minted, by round", "各轮增发")} aside={<span class="faint">LPT</span>}>
						{series.xs.length > 1 ? (
							<Chart label={t("Minted, by round", "各轮增发")} xs={series.xs} lines={[{ label: "LPT", values: series.minted, colour: "--accent", fill: true }]} format={(value) => about(value, 4)} />
						) : (
							<Empty>{t("Two rounds make the first line.", "两轮之后出现曲线。")}</Empty>
						)}
						<p class="small faint">
							{t(
								"A round mints a share of all LPT. While less than the target is staked the share grows with each round, above it it shrinks. Who did its duty in the active set has its part when the round is over.",
								"每轮按全部 LPT 的一定比率增发。质押低于目标时比率逐轮上升，高于目标时下降。活跃集中尽责者在轮末分得其份额。",
							)}
						</p>
					</Card>
					<BridgeCard />
					<dl class="grid card">
						<Fact name={t("Block time", "出块时间")}>{live.slotSeconds()} {t("s", "秒")}</Fact>
						<Fact name={t("Beacon window", "信标窗口")} note={t("each brings the random number for the next draws", "每个窗口产生下次抽签的随机数")}>{timing?.beacon_window ?? "–"} {t("blocks", "块")}</Fact>
						<Fact name={t("Window now", "当前窗口")}>{clock?.window ?? "–"}</Fact>
					</dl>
				</div>
			</div>
		</main>
	);
}
