/** Broadcast: what a stream costs, creating and ending it, and what to type into OBS. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isAddress } from "../chain/chain";
import type { Rendition } from "../chain/types";
import { hex } from "../proof/scale";
import { streamId } from "../proof/formats";
import { bytesOf } from "../chain/chain";
import { A, Account, Card, Copy, Empty, Fact, JobLink, live, useLive, useRead } from "../ui/kit";
import { amount, duration, parseAmount, t } from "../ui/words";
import { Ask, useWallet, WalletBar } from "./sign";

/** Work of a standard segment: two seconds of 720p30. */
const STANDARD = 55_296_000;
const SIZES: Record<string, Rendition> = {
	"1080p": { width: 1920, height: 1080, profile: 1, kbps: 6_000, cap_kbps: 7_200 },
	"720p": { width: 1280, height: 720, profile: 1, kbps: 3_000, cap_kbps: 3_600 },
	"480p": { width: 854, height: 480, profile: 1, kbps: 1_600, cap_kbps: 1_920 },
	"360p": { width: 640, height: 360, profile: 1, kbps: 900, cap_kbps: 1_080 },
	"240p": { width: 426, height: 240, profile: 1, kbps: 500, cap_kbps: 600 },
};
const SOURCES: Record<string, [number, number]> = { "1080p": [1920, 1080], "720p": [1280, 720], "480p": [854, 480] };

export function BroadcastPage(): JSX.Element {
	const { head } = useLive();
	const { account } = useWallet();
	const [name, setName] = useState("");
	const [source, setSource] = useState("720p");
	const [fps, setFps] = useState(30);
	const [picked, setPicked] = useState<string[]>(["480p", "240p"]);
	const [price, setPrice] = useState("");
	const [budget, setBudget] = useState("0.01");
	const [hours, setHours] = useState(2);
	const [asked, ask] = useState<"create" | { end: bigint } | { key: true } | { drop: string } | null>(null);
	const transcoders = useRead((at) => live.read("transcoders", [], at));
	const parameters = useRead((at) => live.read("parameters", [], at));
	const balances = useRead((at) => (account && live.chain ? live.chain.balances(account, at) : Promise.reject()), [account]);
	const spending = useRead((at) => (account ? live.read("spending_keys", [account], at) : Promise.reject()), [account]);
	const jobs = useRead(
		async (at) => {
			if (!account) return [];
			const ids = new Set<string>();
			for (const stream of (await live.read("origins", [], at)).slice(0, 60)) {
				const id = await live.read("job_of_stream", [stream], at);
				if (id !== undefined) ids.add(String(id));
			}
			for (const one of live.events()) if (one.name === "JobCreated" && one.data.broadcaster === account) ids.add(String(one.data.job));
			const found = await Promise.all([...ids].map((id) => live.read("job", [BigInt(id)], at)));
			return found.filter((job) => job !== undefined && job.broadcaster === account);
		},
		[account],
	);
	const prices = (transcoders ?? []).filter((one) => one.active && !one.jailed).map((one) => one.price).sort((a, b) => (a < b ? -1 : 1));
	const cheapest = prices[0];
	const middle = prices[Math.floor(prices.length / 2)];
	const maxPrice = price ? parseAmount(price) : prices.length ? (prices.at(-1) as bigint) * 2n : null;
	const [width, height] = SOURCES[source] as [number, number];
	const ladder = picked.map((size) => SIZES[size] as Rendition).filter((r) => r.height <= height);
	const factors = parameters?.jobs?.value?.factors ?? parameters?.jobs?.factors;
	const decode = Number(factors?.decode ?? 250);
	const encode = Number(factors?.profiles?.[0]?.encode ?? 1_000);
	// Work of an hour, by the protocol's formula.
	const work = (3_600 * fps * (ladder.reduce((sum, r) => sum + r.width * r.height * encode, 0) + width * height * decode)) / 1_000;
	const cost = (of: bigint | undefined | null) => (of ? (BigInt(Math.round(work)) * of) / BigInt(STANDARD) : undefined);
	const money = parseAmount(budget);
	const hourly = cost(maxPrice);
	const lasts = money && hourly ? Number((money * 3_600n) / (hourly || 1n)) : null;
	const blocks = Math.round((hours * 3_600) / live.slotSeconds());
	const problem = !/^[a-z0-9][a-z0-9_-]{0,31}$/i.test(name)
		? t("A name has letters, digits, - and _, at most 32.", "名称由字母、数字、- 和 _ 组成，最多 32 个字符。")
		: !ladder.length
			? t("Choose a rendition that is not larger than the source.", "请选择不大于来源的画质。")
			: money === null || !money
				? t("Name a budget.", "请填写预算。")
				: !maxPrice
					? t("Name a price.", "请填写价格。")
					: balances && money > balances.eth
						? t(`The account has ${amount(balances.eth, "ETH")}.`, `账户仅有 ${amount(balances.eth, "ETH")}。`)
						: null;
	const call = problem || !head || !account
		? null
		: {
				pallet: "Jobs",
				name: "create_job",
				args: {
					broadcaster: undefined,
					name: new TextEncoder().encode(name),
					ladder,
					limits: { width, height, fps, longest: 900_000, shortest: 22_500 },
					max_price: maxPrice as bigint,
					end: head.number + blocks,
					budget: money as bigint,
				},
			};
	const command = `livepeer-worker broadcast --rtmp 0.0.0.0:1935 --name ${name || "NAME"} --limits ${width}x${height}@${fps} --data-dir ${name || "NAME"} --key-file KEY`;
	return (
		<main class="broadcast">
			<div class="title">
				<h1>{t("Broadcast", "直播")}</h1>
				<WalletBar />
			</div>
			<div class="columns">
				<div>
					<Card title={t("A new stream", "新建视频流")}>
						<form
							class="form"
							onSubmit={(event) => {
								event.preventDefault();
								if (call) ask("create");
							}}
						>
							<label class="field">
								{t("Name", "名称")}
								<input value={name} onInput={(event) => setName(event.currentTarget.value.trim())} placeholder="my-stream" maxLength={32} required />
							</label>
							<div class="two">
								<label class="field">
									{t("Source", "来源")}
									<select value={source} onChange={(event) => setSource(event.currentTarget.value)}>
										{Object.keys(SOURCES).map((size) => <option key={size}>{size}</option>)}
									</select>
								</label>
								<label class="field">
									{t("Pictures per second", "帧率")}
									<select value={String(fps)} onChange={(event) => setFps(Number(event.currentTarget.value))}>
										{[24, 25, 30, 50, 60].map((rate) => <option key={rate}>{rate}</option>)}
									</select>
								</label>
							</div>
							<fieldset>
								<legend>{t("Renditions", "画质")}</legend>
								<div class="chips">
									{Object.entries(SIZES).map(([size, r]) => (
										<label key={size} class={r.height > height ? "off" : ""}>
											<input
												type="checkbox"
												checked={picked.includes(size)}
												disabled={r.height > height}
												onChange={(event) => setPicked(event.currentTarget.checked ? [...picked, size].sort((a, b) => (SIZES[b]?.height ?? 0) - (SIZES[a]?.height ?? 0)) : picked.filter((one) => one !== size))}
											/>
											{size} <span class="faint">{(r.kbps / 1000).toFixed(1)} Mbit/s</span>
										</label>
									))}
								</div>
							</fieldset>
							<div class="two">
								<label class="field">
									{t("Budget in ETH", "预算（ETH）")}
									<input inputMode="decimal" value={budget} onInput={(event) => setBudget(event.currentTarget.value)} />
								</label>
								<label class="field">
									{t("Longest, in hours", "最长（小时）")}
									<input type="number" min="1" max="24" value={hours} onInput={(event) => setHours(Math.min(24, Math.max(1, Number(event.currentTarget.value))))} />
								</label>
							</div>
							<label class="field">
								{t("Highest price in ETH for 2 s of 720p30", "720p30 每 2 秒最高价（ETH）")}
								<input inputMode="decimal" value={price} onInput={(event) => setPrice(event.currentTarget.value)} placeholder={maxPrice ? `${Number(maxPrice) / 1e18}` : ""} />
							</label>
							{name && problem ? <p class="bad small">{problem}</p> : null}
							<button type="submit" class="primary" disabled={!call}>
								{account ? t("Create the stream", "创建") : t("Connect a wallet to create it", "连接钱包后创建")}
							</button>
						</form>
					</Card>
					<Card title={t("What to type into OBS", "OBS 设置")}>
						<p>{t("The broadcaster's worker takes your encoder's stream, cuts and signs it, and sends it to the transcoder. Start it on your machine:", "广播者的 worker 接收编码器的流，切片、签名并发送给转码者。在您的机器上启动：")}</p>
						<p class="command">
							<code>{command}</code> <Copy text={command} />
						</p>
						<dl class="grid">
							<Fact name={t("OBS: Service", "OBS：服务")}>{t("Custom…", "自定义…")}</Fact>
							<Fact name={t("Server", "服务器")}>
								<code>rtmp://127.0.0.1/live</code>
							</Fact>
							<Fact name={t("Stream key", "推流码")}>{t("printed by the worker when it starts", "worker 启动时会显示")}</Fact>
							<Fact name={t("Keyframe interval", "关键帧间隔")}>2 {t("s", "秒")}</Fact>
						</dl>
					</Card>
				</div>
				<div>
					<Card title={t("What it costs", "费用")}>
						<dl class="grid">
							<Fact name={t("Per hour at most", "每小时最多")} note={t("at your highest price", "按您的最高价")}>{amount(hourly, "ETH")}</Fact>
							<Fact name={t("Per hour at the usual price", "每小时通常")} note={middle ? t(`middle of ${prices.length} transcoders`, `${prices.length} 个转码者的中位数`) : ""}>{amount(cost(middle), "ETH")}</Fact>
							<Fact name={t("Per hour at the lowest", "每小时最低")}>{amount(cost(cheapest), "ETH")}</Fact>
							<Fact name={t("The budget lasts", "预算可用")} note={t("at least", "至少")}>{lasts ? duration(lasts) : "–"}</Fact>
						</dl>
						<p class="small faint">
							{t(
								"Work is pixels: those of every rendition, and a quarter of the source's for decoding. What the job does not spend is free again when it has ended; a small bond is held while it lives.",
								"工作量按像素计：各画质像素之和，加上解码来源像素的四分之一。未用完的预算在任务结束后退回；任务期间冻结少量保证金。",
							)}
						</p>
					</Card>
					<Card title={t("Your streams", "您的视频流")} aside={balances ? <span class="faint">{amount(balances.eth, "ETH")}</span> : undefined}>
						{jobs?.length ? (
							<ul class="plain">
								{jobs.map((job) => {
									const spent = job && [...live.claims().values()].filter((claim) => claim.job === job.id && claim.settlement === "Paid").reduce((sum, { fee }) => sum + (fee ?? 0n), 0n);
									return job ? (
										<li key={String(job.id)} class="row between">
											<span>
												<JobLink id={job.id} /> {job.current ? <Account address={job.current.transcoder} /> : <span class="faint">{t("waits for a transcoder", "等待转码者")}</span>}
												<span class="small faint"> {t("left", "剩余")} {amount(job.unreserved + (job.current?.allowance ?? 0n), "ETH")}, {t("paid lately", "近期已付")} {amount(spent, "ETH")}</span>
											</span>
											{job.ended ? <span class="faint">{t("ended", "已结束")}</span> : (
												<button type="button" class="small" onClick={() => ask({ end: job.id })}>
													{t("End", "结束")}
												</button>
											)}
										</li>
									) : null;
								})}
							</ul>
						) : (
							<Empty>{account ? t("You have no job on the chain.", "您在链上没有任务。") : t("Connect a wallet to see yours.", "连接钱包查看。")}</Empty>
						)}
					</Card>
					<Card title={t("Spending keys", "支出密钥")} aside={account ? <button type="button" class="small" onClick={() => ask({ key: true })}>{t("Add", "添加")}</button> : undefined}>
						{spending?.length ? (
							<ul class="plain">
								{spending.map((key) => (
									<li key={key.key} class="row between">
										<span>
											<Account address={key.key} /> {amount(key.spent, "ETH")} / {amount(key.cap, "ETH")}
											<progress max="1" value={key.cap ? Number((key.spent * 1_000n) / key.cap) / 1_000 : 0} aria-label={t("part of the cap that is spent", "已用额度")} />
										</span>
										<button type="button" class="small" onClick={() => ask({ drop: key.key })}>
											{t("Remove", "移除")}
										</button>
									</li>
								))}
							</ul>
						) : (
							<Empty>{t("A spending key lets a machine pay for jobs up to a cap, so that your own key stays in your wallet.", "支出密钥允许机器在限额内为任务付费，主密钥留在钱包中。")}</Empty>
						)}
					</Card>
				</div>
			</div>
			{asked === "create" && (
				<Ask
					title={t(`Create ${name}`, `创建 ${name}`)}
					call={call}
					onClose={() => ask(null)}
					consequence={
						<>
							{t(`${amount(money ?? 0n, "ETH")} are put up; two blocks later a transcoder is drawn by stake among those who ask at most ${amount(maxPrice ?? 0n, "ETH")}.`, `投入 ${amount(money ?? 0n, "ETH")}；两个区块后，在要价不超过 ${amount(maxPrice ?? 0n, "ETH")} 的转码者中按质押抽签。`)}
							{account && (
								<p class="small">
									{t("Watch it at", "观看地址")} <A href={`/stream/${name}`}>/stream/{name}</A> <span class="faint mono">{hex(streamId(bytesOf(account), name)).slice(0, 14)}…</span>
								</p>
							)}
						</>
					}
					risk={t("Signing two different segments for one place costs the job's bond.", "对同一位置签署两个不同片段将损失任务保证金。")}
				/>
			)}
			{asked && typeof asked === "object" && "end" in asked && (
				<Ask title={t(`End job ${asked.end}`, `结束任务 ${asked.end}`)} call={{ pallet: "Jobs", name: "end_job", args: { job: asked.end } }} onClose={() => ask(null)} consequence={t("Nothing new is transcoded. What was done can still be claimed; the rest of the budget is free again after that.", "不再转码新内容。已完成的仍可被声明，之后剩余预算退回。")} />
			)}
			{asked && typeof asked === "object" && "drop" in asked && (
				<Ask title={t("Remove the spending key", "移除支出密钥")} call={{ pallet: "Jobs", name: "remove_spending_key", args: { broadcaster: account, key: asked.drop } }} onClose={() => ask(null)} consequence={t("It can spend nothing from then on. Jobs that it created run on.", "此后无法再支出。已创建的任务继续运行。")} />
			)}
			{asked && typeof asked === "object" && "key" in asked && <SpendingKey onClose={() => ask(null)} />}
		</main>
	);
}

function SpendingKey({ onClose }: { onClose: () => void }): JSX.Element {
	const { head } = useLive();
	const [key, setKey] = useState("");
	const [cap, setCap] = useState("0.1");
	const [days, setDays] = useState(30);
	const money = parseAmount(cap);
	const expiry = (head?.number ?? 0) + Math.round((days * 86_400) / live.slotSeconds());
	const call = isAddress(key) && money ? { pallet: "Jobs", name: "set_spending_key", args: { key, cap: money, expiry, scope: { create: true, top_up: true, end: true } } } : null;
	return (
		<Ask title={t("Let a key spend for you", "授权支出密钥")} call={call} onClose={onClose} problem={key && !isAddress(key) ? t("That is no account.", "这不是账户。") : null} consequence={t("It may create, top up and end jobs with your ETH, up to the cap.", "它可在限额内用您的 ETH 创建、充值和结束任务。")} risk={money ? t(`Whoever has the key can spend ${amount(money, "ETH")} on jobs, and nothing else.`, `持有该密钥者最多可将 ${amount(money, "ETH")} 用于任务，别无他用。`) : undefined}>
			<label class="field">
				{t("The key's account", "密钥账户")}
				<input value={key} onInput={(event) => setKey(event.currentTarget.value.trim())} placeholder="5…" autofocus />
			</label>
			<div class="two">
				<label class="field">
					{t("Cap in ETH", "限额（ETH）")}
					<input inputMode="decimal" value={cap} onInput={(event) => setCap(event.currentTarget.value)} />
				</label>
				<label class="field">
					{t("For days", "有效天数")}
					<input type="number" min="1" max="365" value={days} onInput={(event) => setDays(Math.max(1, Number(event.currentTarget.value)))} />
				</label>
			</div>
		</Ask>
	);
}
