/** Stake: whom to, what it earns, and everything that can be done with it. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { canonical } from "../chain/address";
import { isFree, isMovable, leavesTooLittle, refusedBond } from "../chain/bonds";
import { beginnings, booked, earnings, type Beginning } from "../chain/earnings";
import { unbroken } from "../chain/live";
import type { Call } from "../chain/tx";
import type { Lock, Terms, Transcoder } from "../chain/types";
import { Chart } from "../ui/chart";
import { A, Account, Card, download, Empty, Fact, live, navigate, Reading, useLive, useRead } from "../ui/kit";
import { about, amount, duration, exact, noAmount, parseAmount, percent, t } from "../ui/words";
import { describe, EventLine } from "./events";
import { Failures, Meanings, ownShare, recordOf, Work, type OnRecord } from "./record";
import { seatText } from "./seats";
import { Ask, useWallet, WalletBar } from "./sign";
import { OwnTranscoder } from "./transcode";

type Action =
	| { kind: "bond"; to?: string }
	| { kind: "unbond" }
	| { kind: "move" }
	| { kind: "rebond"; lock: Lock; to: string }
	| { kind: "withdraw"; lock: Lock }
	| { kind: "fees" };

/** Blocks between two looks at what transcoders have done. */
const RECORDS_EVERY = 5;
const PARTS = 1e9;
const YEAR = 365.25 * 86_400;

export function StakePage({ query }: { query: URLSearchParams }): JSX.Element {
	const { blocks, clock } = useLive();
	const { account: own } = useWallet();
	const [looked, setLooked] = useState(query.get("account") ?? "");
	const [action, act] = useState<Action | null>(null);
	const account = canonical(looked) ?? own;
	const isOwn = account !== null && account === own;
	const transcoders = useRead((at) => live.read("transcoders", [], at));
	const pool = useRead((at) => live.read("pool", [], at));
	const inflation = useRead((at) => live.read("inflation", [], at));
	const parameters = useRead((at) => live.read("parameters", [], at));
	const stake = useRead((at) => (account ? live.read("stake", [account], at) : Promise.reject()), [account]);
	const balances = useRead((at) => (account && live.chain ? live.chain.balances(account, at) : Promise.reject()), [account]);
	/** What the account that signs has, whoever is looked at: what is asked is about that. */
	const ours = useRead(
		async (at) => {
			if (!own || !live.chain) return Promise.reject();
			const [bond, { lpt }] = await Promise.all([live.read("stake", [own], at), live.chain.balances(own, at)]);
			return { bond, lpt };
		},
		[own],
	);
	/** Read at some heads only: of many transcoders it is more than a gateway answers a host at each. */
	const read = useRef<{ at: number; of: number; records: Map<string, OnRecord> } | null>(null);
	const records = useRead(
		async (at) => {
			const [now, of] = [live.head?.number ?? 0, transcoders?.length ?? 0];
			if (read.current && read.current.of === of && now - read.current.at < RECORDS_EVERY) return read.current.records;
			const records = new Map(await Promise.all((transcoders ?? []).slice(0, 64).map(async ({ account: who }) => [who, await recordOf(who, at)] as const)));
			read.current = { at: now, of, records };
			return records;
		},
		[transcoders?.length],
	);
	/** Under which terms a bond counts that is made now: those of the next round. */
	const termsOf = (one: Transcoder): Terms => records?.get(one.account)?.terms ?? one;
	// Before these are read nothing is said of risk, nor asked that has some: it would be told as none.
	const group = (name: string) => parameters?.[name]?.value ?? parameters?.[name] ?? {};
	const failedSlash = Number(group("lottery").failed_slash ?? 0);
	const unbonding = Number(group("staking").unbonding_period ?? 0);
	const liability = Number(group("staking").liability_window ?? 0);
	const minBond = BigInt(group("staking").min_bond ?? 0n);
	const roundLength = Number(group("rounds").length ?? 0);
	const roundSeconds = roundLength * live.slotSeconds();
	const active = pool?.filter(({ reason }) => reason.type === "Stake" || reason.type === "Drawn") ?? [];
	const total = active.reduce((sum, seat) => sum + seat.stake, 0n);
	const elected = new Set(active.map((seat) => seat.account));
	/** LPT per LPT and round, for who bonds to it. */
	const yieldOf = (one: Transcoder): number | null => {
		if (!inflation || !total || !elected.has(one.account)) return null;
		return ((Number(inflation.mintable) * (1 - inflation.pool_cut / PARTS)) / Number(total)) * (1 - termsOf(one).reward_cut / PARTS);
	};
	const fees = useMemo(() => booked(live.events()), [blocks.at(-1)?.hash]);
	const columns = {
		stake: t("Stake, LPT", "质押，LPT"),
		price: t("Price of 2 s of 720p", "720p 每 2 秒价格"),
		keeps: t("Rewards it keeps", "奖励抽成"),
		gives: t("Fees it gives on", "费用分成"),
		gain: t("Estimated yield", "预计收益"),
		work: t("Work", "工作"),
	};
	const rows = [...(transcoders ?? [])].sort((a, b) => (a.stake < b.stake ? 1 : -1));
	const mine = isOwn ? rows.find((one) => one.account === account) : undefined;
	const seatOf = (who: string) => pool?.find((seat) => seat.account === who);
	return (
		<main class="stake">
			<div class="title">
				<h1>{t("Stake", "质押")}</h1>
				<WalletBar />
			</div>
			<div class="columns">
				<div>
					<Card title={t("Transcoders", "转码者")} aside={transcoders && <span class="faint">{t(`${rows.length} registered`, `${rows.length} 个已注册`)}</span>}>
						{rows.length ? (
							<div class="scroll">
								{/* The roles are a table's own; on a phone, where each row is a card, browsers would forget them. */}
								<table class="transcoders cards" role="table">
									<thead role="rowgroup">
										<tr role="row">
											<th role="columnheader">{t("Transcoder", "转码者")}</th>
											<th role="columnheader" class="num">
												{columns.stake}
											</th>
											<th role="columnheader" class="num">
												{columns.price}
											</th>
											<th role="columnheader" class="num">
												{columns.keeps}
											</th>
											<th role="columnheader" class="num">
												{columns.gives}
											</th>
											<th role="columnheader" class="num">
												{columns.gain}
											</th>
											<th role="columnheader" class="num">
												{columns.work}
											</th>
											<th role="columnheader">
												<span class="sr">{t("action", "操作")}</span>
											</th>
										</tr>
									</thead>
									<tbody role="rowgroup">
										{rows.map((one) => {
											const gain = yieldOf(one);
											const seat = seatOf(one.account);
											const record = records?.get(one.account);
											return (
												<tr key={one.account} role="row">
													<td role="cell">
														<Account address={one.account} />
														<div class="small">
															{seat && <span class={`pill ${seat.reason.type}`} title={seatText(seat.reason.type)[1]}>{seatText(seat.reason.type)[0]}</span>}
															{record && <Failures of={record} />}
														</div>
													</td>
													<td role="cell" class="num" data-column={columns.stake}>
														{amount(one.stake)}
														<div class="small faint">{record ? t(`own ${ownShare(record.backing)}`, `自有 ${ownShare(record.backing)}`) : "…"}</div>
													</td>
													<td role="cell" class="num" data-column={columns.price}>
														{amount(one.price, "ETH")}
													</td>
													<td role="cell" class="num" data-column={columns.keeps}>
														<Share now={one.reward_cut} next={termsOf(one).reward_cut} />
													</td>
													<td role="cell" class="num" data-column={columns.gives}>
														<Share now={one.fee_share} next={termsOf(one).fee_share} />
													</td>
													<td role="cell" class="num" data-column={columns.gain}>
														{gain === null ? (
															<span class="faint">{t("no seat", "无席位")}</span>
														) : (
															<>
																<b>{about(gain * 100, 2)} %</b>
																<div class="small faint">{roundSeconds >= 3_600 ? t(`per round; ${about(((gain * YEAR) / roundSeconds) * 100)} % a year`, `每轮；每年 ${about(((gain * YEAR) / roundSeconds) * 100)} %`) : t("per round", "每轮")}</div>
															</>
														)}
													</td>
													<td role="cell" class="num" data-column={columns.work}>
														{record ? <Work of={record} /> : "…"}
														<div class="small faint">{t(`${amount(fees.get(one.account) ?? 0n, "ETH")} in fees lately`, `近期费用 ${amount(fees.get(one.account) ?? 0n, "ETH")}`)}</div>
													</td>
													<td role="cell">
														<button type="button" class="small" onClick={() => act({ kind: "bond", to: one.account })} disabled={one.jailed || !parameters}>
															{t("Bond", "质押")}
														</button>
													</td>
												</tr>
											);
										})}
									</tbody>
								</table>
							</div>
						) : transcoders ? (
							<Empty>{t("No transcoder has registered yet.", "还没有转码者注册。")}</Empty>
						) : (
							<Reading />
						)}
						<Meanings of={(pool ?? []).map(({ reason }) => seatText(reason.type))} />
						<details>
							<summary>{t("How the yield is estimated", "收益如何估算")}</summary>
							<p>
								<code>
									{t("minted × (1 − pool's cut) ÷ stake of the active set × (1 − what the transcoder keeps)", "增发 × (1 − 公共池抽成) ÷ 活跃集质押 × (1 − 转码者抽成)")}
								</code>
							</p>
							<p class="small">
								{inflation && t(
									`Now: ${amount(inflation.mintable, "LPT")} × (1 − ${percent(inflation.pool_cut)}) ÷ ${amount(total, "LPT")}. It is a figure of the past and no promise: a transcoder that is away, jailed or not elected mints nothing, the rate moves with each round, and fees in ETH come on top.`,
									`目前：${amount(inflation.mintable, "LPT")} × (1 − ${percent(inflation.pool_cut)}) ÷ ${amount(total, "LPT")}。这是过去的数据而非承诺：离线、被监禁或落选的转码者没有增发，比率逐轮变化，另有 ETH 费用。`,
								)}
							</p>
						</details>
					</Card>
				</div>
				<div>
					<Card title={isOwn || !account ? t("Your stake", "您的质押") : t("Stake of", "质押账户")} aside={account && !isOwn ? <Account address={account} /> : undefined}>
						{account ? (
							<>
								<dl class="grid">
									<Fact name={t("Bonded to", "质押给")}>
										<Account address={stake?.delegate} />
									</Fact>
									<Fact name={t("Stake that earns in this round", "本轮计息的质押")}>{amount(stake?.counting, "LPT")}</Fact>
									<Fact name={t("Stake from the next round on", "下轮起的质押")}>{amount(stake?.next_round, "LPT")}</Fact>
									<Fact name={t("Fees to take", "可领费用")}>{amount(stake?.fees, "ETH")}</Fact>
									<Fact name={t("Not bonded", "未质押")}>{amount(balances?.lpt, "LPT")}</Fact>
									<Fact name={t("A slash would cost", "罚没将损失")} note={t("a failed verification", "一次验证失败")}>
										{amount(stake && parameters && (stake.next_round * BigInt(failedSlash)) / BigInt(PARTS), "LPT")}
									</Fact>
								</dl>
								{!isOwn && (
									<p class="small">
										<A href="/stake">{own ? t("Your own stake", "您自己的质押") : t("Look at another account", "查看其他账户")}</A>
									</p>
								)}
								{isOwn && (
									<div class="buttons wrapflex">
										<button type="button" class="primary" disabled={!parameters} onClick={() => act({ kind: "bond", to: stake?.delegate })}>
											{t("Bond", "质押")}
										</button>
										<button type="button" disabled={!stake?.next_round || !parameters} onClick={() => act({ kind: "unbond" })}>
											{t("Unbond", "解除")}
										</button>
										<button type="button" disabled={!stake?.next_round || !parameters} onClick={() => act({ kind: "move" })}>
											{t("Move", "转移")}
										</button>
										<button type="button" disabled={!stake?.fees} onClick={() => act({ kind: "fees" })}>
											{t("Take fees", "领取费用")}
										</button>
									</div>
								)}
							</>
						) : (
							<>
								<Empty>{t("Connect a wallet to bond, move and withdraw. To look only, name any account:", "连接钱包即可质押、转移和提取。仅查看请输入任意账户：")}</Empty>
								<form
									class="lookup"
									onSubmit={(event) => {
										event.preventDefault();
										const value = String(new FormData(event.currentTarget).get("who") ?? "").trim();
										const found = canonical(value);
										// At an address of its own: the way back leads from it.
										if (found) navigate(`/stake?account=${found}`);
										else setLooked(value);
									}}
								>
									<input name="who" placeholder="5…" aria-label={t("an account's address", "账户地址")} />
									<button type="submit">{t("Look", "查看")}</button>
								</form>
								{looked && <p class="bad small" role="alert">{t("That is no account.", "这不是账户。")}</p>}
							</>
						)}
					</Card>
					{mine && <OwnTranscoder key={mine.account} of={mine} />}
					{stake && stake.locks.length > 0 && (
						<Card title={t("On its way out", "解押中")}>
							<ul class="plain locks">
								{stake.locks.map((lock) => {
									const left = live.left(lock.release_block);
									const free = isFree(lock, clock?.round ?? 0);
									const movable = isMovable(lock, clock?.round ?? 0);
									const share = unbonding ? Math.min(1, Math.max(0, ((clock?.round ?? 0) - lock.round) / Math.max(1, lock.release - lock.round))) : 0;
									return (
										<li key={lock.id}>
											<div>
												<b>{amount(lock.value, "LPT")}</b> <span class="faint">{t("left", "离开")}</span> <Account address={lock.transcoder} />
												{lock.moves_to && (
													<>
														{" "}
														→ <Account address={lock.moves_to} />
													</>
												)}
												{lock.offered_to && (
													<>
														{" "}
														{t("offered to", "已提出转让给")} <Account address={lock.offered_to} />
													</>
												)}
											</div>
											<progress max="1" value={free ? 1 : share} aria-label={t("part of the waiting time", "等待进度")} />
											<div class="small">
												{lock.moves_to && !movable && `${t(`can be bonded there from round ${lock.liable_until} on`, `第 ${lock.liable_until} 轮起可质押过去`)}; `}
												{free ? (
													<span class="good">{t("free to withdraw", "可以提取")}</span>
												) : left ? (
													t(`free in round ${lock.release}, in about ${duration(left)}`, `第 ${lock.release} 轮可提取，约 ${duration(left)} 后`)
												) : (
													t(`free from round ${lock.release} on`, `第 ${lock.release} 轮起可提取`)
												)}
												{lock.held_back && (
													<>
														{" "}
														<span class="bad">{t("· not before the open claims of its transcoder are settled", "· 须待其转码者的未结声明结清")}</span>
													</>
												)}
											</div>
											{isOwn && (
												<div class="buttons wrapflex">
													<button type="button" class="small" disabled={!free} onClick={() => act({ kind: "withdraw", lock })}>
														{t("Withdraw", "提取")}
													</button>
													{lock.moves_to && (
														<button type="button" class="small" disabled={!movable || !parameters} onClick={() => act({ kind: "rebond", lock, to: lock.moves_to as string })}>
															{t("Bond there", "质押过去")}
														</button>
													)}
													<button type="button" class="small" disabled={!parameters} onClick={() => act({ kind: "rebond", lock, to: lock.transcoder })}>
														{t("Bond again", "重新质押")}
													</button>
												</div>
											)}
										</li>
									);
								})}
							</ul>
						</Card>
					)}
					{account && <History account={account} />}
					<p class="small faint">
						{parameters && t(
							`Unbonding takes ${unbonding} rounds (${duration(unbonding * roundSeconds)}). For ${liability} rounds after LPT has left a transcoder it can still be cut for what that transcoder did before.`,
							`解押需 ${unbonding} 轮（${duration(unbonding * roundSeconds)}）。离开后 ${liability} 轮内仍可能因原转码者先前的行为被罚没。`,
						)}
					</p>
				</div>
			</div>
			{action && (
				<StakeAction
					action={action}
					onClose={() => act(null)}
					free={ours?.lpt}
					bonded={ours?.bond.next_round ?? 0n}
					fees={ours?.bond.fees ?? 0n}
					delegate={ours?.bond.delegate}
					rows={rows.map((one) => ({ ...one, reward_cut: termsOf(one).reward_cut }))}
					limits={{ minBond, failedSlash, unbonding, liability, roundSeconds }}
				/>
			)}
		</main>
	);
}

/** A share of this round, and of the next where it is another. */
function Share({ now, next }: { now: number; next: number }): JSX.Element {
	return (
		<>
			{percent(now)}
			{next !== now && <div class="small bad">{t(`${percent(next)} from the next round`, `下轮起 ${percent(next)}`)}</div>}
		</>
	);
}

/** LPT that is kept free, so that later calls can be paid. */
const KEEP_FREE = 10n ** 17n;

function StakeAction({
	action,
	onClose,
	free,
	bonded,
	fees,
	delegate,
	rows,
	limits,
}: {
	action: Action;
	onClose: () => void;
	/** Not known before a wallet is connected. */
	free: bigint | undefined;
	bonded: bigint;
	fees: bigint;
	delegate: string | undefined;
	rows: Transcoder[];
	limits: { minBond: bigint; failedSlash: number; unbonding: number; liability: number; roundSeconds: number };
}): JSX.Element {
	const [typed, type] = useState("");
	const [to, setTo] = useState(action.kind === "bond" ? (action.to ?? delegate ?? rows[0]?.account ?? "") : (rows.find((one) => one.account !== delegate)?.account ?? ""));
	const value = parseAmount(typed);
	const slash = (of: bigint) => amount((of * BigInt(limits.failedSlash)) / BigInt(PARTS), "LPT");
	const risk = (of: bigint) =>
		t(
			`If the transcoder fails a verification, ${percent(limits.failedSlash)} of its stake is cut, and of yours with it: ${slash(of)} of these ${amount(of, "LPT")}.`,
			`若转码者验证失败，其质押及您的质押都会被罚没 ${percent(limits.failedSlash)}：这 ${amount(of, "LPT")} 中的 ${slash(of)}。`,
		);
	const most = action.kind === "unbond" ? bonded : free === undefined ? undefined : free > KEEP_FREE ? free - KEEP_FREE : 0n;
	const field = (
		<label class="field">
			{t("Amount in LPT", "数量（LPT）")}
			<span class="row">
				<input inputMode="decimal" value={typed} onInput={(event) => type(event.currentTarget.value)} placeholder="0.0" autofocus />
				{most !== undefined && (
					<button type="button" class="small" onClick={() => type(exact(most))}>
						{t("all", "全部")} {amount(most)}
					</button>
				)}
			</span>
		</label>
	);
	const target = (
		<label class="field">
			{t("Transcoder", "转码者")}
			<select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
				{rows.map(({ account: who, reward_cut, jailed }) => (
					<option key={who} value={who}>
						{who.slice(0, 10)}…{who.slice(-6)} · {t("keeps", "抽成")} {percent(reward_cut)}
						{jailed ? t(" · jailed, takes no stake now", " · 被监禁，暂不接受质押") : ""}
					</option>
				))}
			</select>
		</label>
	);
	const typedProblem = !typed ? null : value === null ? noAmount() : !value ? t("Give more than nothing.", "数量须大于零。") : most !== undefined && value > most ? t(`You have ${amount(most, "LPT")} for this.`, `最多 ${amount(most, "LPT")}。`) : null;
	const bond = { bonded, delegate, minBond: limits.minBond };
	const refused = action.kind === "bond" ? refusedBond(value || limits.minBond, to, bond) : null;
	const smallest = amount(limits.minBond, "LPT");
	const bondProblem =
		refused === "small"
			? t(`The smallest bond is ${smallest}.`, `最低质押 ${smallest}。`)
			: refused === "elsewhere"
				? t("You are bonded to another transcoder: move your bond instead.", "您已质押给另一转码者：请使用转移。")
				: null;
	const common = { onClose };
	const call = (name: string, args: Record<string, unknown>): Call => ({ pallet: "LptStaking", name, args });
	switch (action.kind) {
		case "bond":
			return (
				<Ask
					{...common}
					title={t("Bond LPT", "质押 LPT")}
					call={value && to ? call("bond", { amount: value, to }) : null}
					problem={typedProblem ?? bondProblem}
					consequence={t("It counts and earns from the next round on. From now on it can be cut when the transcoder fails. About 0.1 LPT is kept free for fees.", "下一轮起计息，但即刻起转码者失败时可能被罚没。约 0.1 LPT 留作手续费。")}
					risk={risk(value ?? 0n)}
				>
					{target}
					{field}
				</Ask>
			);
		case "unbond":
			return (
				<Ask
					{...common}
					title={t("Unbond LPT", "解除质押")}
					call={value ? call("unbond", { amount: value }) : null}
					problem={typedProblem ?? (value && leavesTooLittle(value, bond) ? t(`What would be left is below the smallest bond, ${smallest}: take less, or all.`, `剩余将低于最低质押 ${smallest}：请少取，或全部取出。`) : null)}
					consequence={t(`It earns nothing from now on, this round included, and can be withdrawn after ${limits.unbonding} rounds, in about ${duration(limits.unbonding * limits.roundSeconds)}.`, `即刻起（含本轮）不再计息，${limits.unbonding} 轮后可提取，约 ${duration(limits.unbonding * limits.roundSeconds)}。`)}
					risk={t(`For ${limits.liability} rounds it can still be cut for what the transcoder did before.`, `此后 ${limits.liability} 轮内仍可能因转码者先前的行为被罚没。`)}
				>
					{field}
				</Ask>
			);
		case "move":
			return (
				<Ask
					{...common}
					title={t("Move to another transcoder", "转移到另一转码者")}
					call={to && to !== delegate ? call("move_bond", { to }) : null}
					consequence={t(`All ${amount(bonded, "LPT")} leave now, and can be bonded there after ${limits.liability} rounds by a second call. In between they earn nothing.`, `全部 ${amount(bonded, "LPT")} 立即离开，${limits.liability} 轮后需再发一次交易质押过去，期间无收益。`)}
					risk={t("Meanwhile they can be cut for what the old transcoder did.", "期间仍可能因原转码者先前的行为被罚没。")}
				>
					{target}
				</Ask>
			);
		case "rebond": {
			const { lock, to: where } = action;
			return (
				<Ask {...common} title={t("Bond again", "重新质押")} call={call("rebond", { lock: lock.id, to: where })} consequence={t(`${amount(lock.value, "LPT")} are bonded again and count from the next round on.`, `${amount(lock.value, "LPT")} 重新质押，下一轮起计息。`)} risk={risk(lock.value)} />
			);
		}
		case "withdraw":
			return <Ask {...common} title={t("Withdraw", "提取")} call={call("withdraw_stake", { lock: action.lock.id })} consequence={t(`${amount(action.lock.value, "LPT")} are yours to spend.`, `${amount(action.lock.value, "LPT")} 可自由使用。`)} />;
		case "fees":
			return <Ask {...common} title={t("Take fees", "领取费用")} call={call("withdraw_fees", {})} consequence={t(`${amount(fees, "ETH")} are paid out to you.`, `${amount(fees, "ETH")} 将付给您。`)} />;
	}
}

/** Rounds whose beginnings are looked up. */
const ROUNDS = 20;
/** How long a look that found too little for a line is left alone, in ms. */
const AGAIN = 15_000;

/** What an account had at the beginning of each of the last rounds, oldest first; looked up anew in each round. */
function useBeginnings(account: string): Beginning[] {
	const { clock } = useLive();
	const [known, set] = useState<{ of: string; list: Beginning[] }>({ of: account, list: [] });
	const [turn, again] = useState(0);
	const round = clock?.round;
	useEffect(() => {
		const { chain, head } = live;
		if (!chain || !head) return;
		let over = false;
		let timer: ReturnType<typeof setTimeout> | undefined;
		const look = async () => {
			const list: Beginning[] = [];
			try {
				for await (const one of beginnings(chain, account, head.hash, head.number)) {
					if (over) return;
					list.unshift(one);
					// Shown as they are found, where more was not known already.
					set((old) => (old.of === account && old.list.length > list.length ? old : { of: account, list: [...list] }));
					if (list.length === ROUNDS) break;
				}
			} catch {
				// A state that the node has let go of: there is no more to be had of it.
			}
			if (over) return;
			set((old) => (list.length ? { of: account, list } : old));
			if (list.length < 2) timer = setTimeout(() => again((n) => n + 1), AGAIN);
		};
		void look();
		return () => {
			over = true;
			clearTimeout(timer);
		};
	}, [account, round, turn]);
	return known.of === account ? known.list : [];
}

/** What an account's bond was worth at the beginning of each round, as far back as the node keeps states. */
function History({ account }: { account: string }): JSX.Element {
	const { blocks } = useLive();
	const events = blocks.flatMap((block) => block.events);
	const ours = events.filter((event) => Object.values(event.data ?? {}).includes(account) && describe(event));
	const points = useBeginnings(account);
	const since = unbroken(blocks);
	const earned = useMemo(() => earnings(account, points, events, since), [account, points, since]);
	const isTold = points.some(({ block }, i) => i < points.length - 1 && block + 1 < since);
	const csv = useMemo(
		() =>
			["round,bond_lpt,fees_eth,earned_lpt,earned_eth", ...points.map(({ round, bond, fees }, i) => `${round},${exact(bond)},${exact(fees)},${earned[i] ? `${exact(earned[i].stake)},${exact(earned[i].fees)}` : ","}`)].join("\n") +
			"\n\nblock,event,amount\n" +
			ours.map(({ block, pallet, name, data }) => `${block},${pallet}.${name},${data.amount !== undefined ? exact(data.amount) : ""}`).join("\n") +
			"\n",
		[points, earned, ours.length],
	);
	const last = earned.at(-1);
	return (
		<Card title={t("By round", "逐轮")} aside={points.length > 1 ? <button type="button" class="small" onClick={() => download(`stake-${account.slice(0, 8)}.csv`, csv)}>CSV</button> : undefined}>
			{points.length > 2 ? (
				<>
					<h3>{t("What the bond is worth, LPT", "质押价值（LPT）")}</h3>
					<Chart label={t("What the bond is worth", "质押价值")} xs={points.map(({ round }) => round)} lines={[{ label: "LPT", values: points.map(({ bond }) => Number(bond) / 1e18), colour: "--accent", fill: true }]} format={(value) => about(value, 6)} height={120} />
					<h3>{t("What each round brought, LPT", "每轮收益（LPT）")}</h3>
					<Chart label={t("What each round brought", "每轮收益")} xs={earned.map(({ round }) => round)} lines={[{ label: "LPT", values: earned.map(({ stake }) => Number(stake) / 1e18), colour: "--good", fill: true, stepped: true }]} height={100} />
					{last && <p class="small faint">{t(`Round ${last.round}: ${amount(last.stake, "LPT")} and ${amount(last.fees, "ETH")}, besides what was put in and taken out`, `第 ${last.round} 轮：${amount(last.stake, "LPT")} 与 ${amount(last.fees, "ETH")}，不含存入与取出`)}</p>}
					{isTold && <p class="small faint">{t("Of rounds older than the blocks that this page has read it is what the seat yielded: slashes, and fees that were taken, are not in it.", "早于本页所读区块的轮次为席位收益，不含罚没与已领取的费用。")}</p>}
				</>
			) : (
				<Empty>{t("A few rounds make the first line.", "几轮之后出现曲线。")}</Empty>
			)}
			{ours.length > 0 && <ol class="feed">{ours.slice(-8).reverse().map((event) => <EventLine key={`${event.block}.${event.index}`} event={event} />)}</ol>}
		</Card>
	);
}
