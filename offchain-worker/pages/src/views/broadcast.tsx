/** Broadcast: what a stream costs, creating and ending it, and what to type into OBS. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { bytesOf, isAddress } from "../chain/address";
import { middleOf, pricesOf, proposed, STANDARD } from "../chain/prices";
import type { Rendition } from "../chain/types";
import { streamId } from "../proof/formats";
import { hex } from "../proof/scale";
import { createCall, isSegmentKey, segmentKeyCall, type Terms } from "../publish/create";
import { originCall, peerId, place, type Place } from "../publish/origin";
import { Account, Card, Copy, Empty, Fact, JobLink, live, mayLeave, Reading, useDraft, useLive, useRead } from "../ui/kit";
import { amount, duration, exact, noAmount, parseAmount, soon, t } from "../ui/words";
import { unsuitedText } from "../ui/named";
import { WHIP } from "../publish/address";
import { Ask, useWallet, WalletBar } from "./sign";

/** What is encoded, and the bit rate in kbit/s. */
const SIZES: Record<string, { width: number; height: number; kbps: number }> = {
	"1080p": { width: 1920, height: 1080, kbps: 6_000 },
	"720p": { width: 1280, height: 720, kbps: 3_000 },
	"480p": { width: 854, height: 480, kbps: 1_600 },
	"360p": { width: 640, height: 360, kbps: 900 },
	"240p": { width: 426, height: 240, kbps: 500 },
};
/** How the worker encodes unless it is told otherwise. */
const PROFILE = 2;
const SOURCES: Record<string, [number, number]> = { "1080p": [1920, 1080], "720p": [1280, 720], "480p": [854, 480] };

export function BroadcastPage(): JSX.Element {
	useLive();
	const { account } = useWallet();
	const [name, setName] = useDraft("name", "");
	const [source, setSource] = useDraft("source", "720p");
	const [fps, setFps] = useDraft("fps", 30);
	const [from, setFrom] = useDraft<"obs" | "camera">("from", "obs");
	const [camera, setCamera] = useState<typeof import("./camera") | "failed" | null>(null);
	useEffect(() => {
		if (from === "camera") import("./camera").then(setCamera, () => setCamera("failed"));
	}, [from]);
	const [picked, setPicked] = useDraft("picked", ["480p", "240p"]);
	const [price, setPrice] = useDraft("price", "");
	const [budget, setBudget] = useDraft("budget", "0.01");
	const [typedHours, setHours] = useDraft("hours", "2");
	const hours = Math.min(24, Math.max(1, Number(typedHours) || 1));
	const [address, setAddress] = useDraft("address", "");
	const [opens, setOpens] = useDraft<"wallet" | "worker">("opens", "wallet");
	const [signer, setSigner] = useDraft("signer", "");
	const [peer, setPeer] = useDraft("peer", "");
	const [asked, ask] = useState<{ create: Terms } | { add: bigint } | { end: bigint } | { key: true } | { fees: true } | { segments: true } | { origin: true } | { drop: string } | null>(null);
	const transcoders = useRead((at) => live.read("transcoders", [], at));
	const parameters = useRead((at) => live.read("parameters", [], at));
	const balances = useRead((at) => (account && live.chain ? live.chain.balances(account, at) : Promise.reject()), [account]);
	const spending = useRead((at) => (account ? live.read("spending_keys", [account], at) : Promise.reject()), [account]);
	const jobs = useRead(
		async (at) => {
			if (!account) return [];
			const ids = new Set<string>();
			// All at once: one after the other they would take a slow line longer than a block.
			const streams = (await live.read("origins", [], at)).slice(0, 60);
			for (const id of await Promise.all(streams.map((stream) => live.read("job_of_stream", [stream], at)))) {
				if (id !== undefined) ids.add(String(id));
			}
			/** Why a job waits, as its last draw has found. */
			const lacks = new Map<string, string>();
			for (const { name: what, data } of live.events()) {
				if (what === "JobCreated" && data.broadcaster === account) ids.add(String(data.job));
				if (what === "NobodySuits") lacks.set(String(data?.job), String(data?.why?.type));
				// Somebody was found since: a job that waits again waits for another reason.
				if (what === "Offered") lacks.delete(String(data?.job));
			}
			const found = await Promise.all([...ids].map((id) => live.read("job", [BigInt(id)], at)));
			const ours = found.filter((job) => job !== undefined).filter((job) => job.broadcaster === account);
			return Promise.all(ours.map(async (job) => ({ job, used: await live.chain?.used(job, at), lack: lacks.get(String(job.id)) })));
		},
		[account],
	);
	const prices = pricesOf(transcoders ?? []);
	const cheapest = prices[0];
	const middle = middleOf(prices);
	const maxPrice = price ? parseAmount(price) : proposed(transcoders ?? []);
	const [width, height] = SOURCES[source] as [number, number];
	const jobsOf = parameters?.jobs?.value ?? parameters?.jobs;
	const factors = jobsOf?.factors;
	const decode = Number(factors?.decode ?? 250);
	const profiles: { profile: number; encode: number }[] = factors?.profiles ?? [];
	const known = profiles.find(({ profile }) => profile === PROFILE) ?? profiles[0];
	const encode = Number(known?.encode ?? 1_000);
	const ladder = picked
		.map((size): Rendition => ({ ...(SIZES[size] as (typeof SIZES)[string]), profile: known?.profile ?? PROFILE, cap_kbps: SIZES[size]?.kbps ?? 0 }))
		.filter((r) => r.height <= height);
	// Work of an hour, by the protocol's formula.
	const workOf = (of: Rendition[], from: { width: number; height: number; fps: number }) =>
		BigInt(Math.round((3_600 * from.fps * (of.reduce((sum, r) => sum + r.width * r.height * encode, 0) + from.width * from.height * decode)) / 1_000));
	const work = workOf(ladder, { width, height, fps });
	const cost = (of: bigint | undefined | null) => (of ? (work * of) / STANDARD : undefined);
	const money = parseAmount(budget);
	const hourly = cost(maxPrice);
	const lasts = money && hourly ? Number((money * 3_600n) / (hourly || 1n)) : null;
	const blocks = Math.round((hours * 3_600) / live.slotSeconds());
	const at = place(address);
	const isNamed = /^[a-z0-9][a-z0-9_-]{0,31}$/i.test(name);
	const called = isNamed ? name : "NAME";
	const found = useRead(
		async (at) => {
			if (!account || !isNamed) return undefined;
			const id = await live.read("job_of_stream", [hex(streamId(bytesOf(account), name))], at);
			return id === undefined ? undefined : live.read("job", [id], at);
		},
		[account, name],
	);
	/** The job that this stream has already: the worker keeps to what it was opened with. */
	const open = found && !found.ended && account && found.stream === hex(streamId(bytesOf(account), name)) ? found : null;
	const problem = !isNamed
		? t("A name has letters, digits, - and _, at most 32.", "名称由字母、数字、- 和 _ 组成，最多 32 个字符。")
		: !ladder.length
			? t("Choose a rendition that is not larger than the source.", "请选择不大于来源的画质。")
			: !money
				? budget && money === null ? noAmount() : t("Name a budget.", "请填写预算。")
				: !maxPrice
					? price && maxPrice === null ? noAmount() : t("Name a price.", "请填写价格。")
					: blocks > Number(jobsOf?.longest_job ?? blocks)
						? t(`A job lasts ${duration(Number(jobsOf?.longest_job) * live.slotSeconds())} at most.`, `任务最长 ${duration(Number(jobsOf?.longest_job) * live.slotSeconds())}。`)
						: balances && money + BigInt(jobsOf?.broadcaster_bond ?? 0n) > balances.eth
							? t(`The account has ${amount(balances.eth, "ETH")}.`, `账户仅有 ${amount(balances.eth, "ETH")}。`)
							: !at
								? t("Say at which address gateways reach the worker, as /dns4/HOST/tcp/4100 or /ip4/ADDRESS/tcp/4100.", "请填写网关访问 worker 的地址，如 /dns4/HOST/tcp/4100 或 /ip4/ADDRESS/tcp/4100。")
								: null;
	const byWallet = opens === "wallet";
	const wrong =
		signer && !isAddress(signer)
			? t("That is no account.", "这不是账户。")
			: peer && !peerId(peer)
				? t("That is no peer id: livepeer-worker keys peer prints it.", "这不是 peer id：livepeer-worker keys peer 会显示。")
				: null;
	const limits = byWallet && open ? open.limits : { width, height, fps };
	const command = [
		`livepeer-worker broadcast ${from === "obs" ? "--rtmp 0.0.0.0:1935" : `--whip ${WHIP}`}`,
		`--name ${called} --limits ${limits.width}x${limits.height}@${limits.fps}`,
		...(byWallet && open ? open.ladder : ladder).map(
			(r) => `--rendition ${r.width}x${r.height}@${r.kbps}k${r.cap_kbps === r.kbps ? "" : `:${r.cap_kbps}k`}${r.profile === PROFILE ? "" : `/${r.profile}`}`,
		),
		byWallet
			? `--job ${open ? open.id : "JOB"} --account ${account ?? "ADDRESS"} --key-file segments.key`
			: `--budget ${money ? exact(money) : "ETH"} --max-price ${maxPrice ? exact(maxPrice) : "ETH"} --lasts ${blocks} \\\n  --account ${account ?? "ADDRESS"} --key-file segments.key --spending-key-file spending.key`,
		`--data-dir ${called} --listen ${at?.listen ?? "MULTIADDR"} --announce ${at ? address : "MULTIADDR"}`,
	].join(" \\\n  ");
	return (
		<main class="broadcast">
			<div class="title">
				<h1>{t("Broadcast", "直播")}</h1>
				<WalletBar />
			</div>
			<div class="columns">
				<div>
					<Card title={t("A new stream", "新建视频流")}>
						<div class="form">
							<label class="field">
								{t("Name", "名称")}
								<input value={name} onInput={(event) => setName(event.currentTarget.value.trim())} placeholder="my-stream" maxLength={32} required />
							</label>
							<label class="field">
								{t("Comes from", "推流方式")}
								<select
									value={from}
									onChange={(event) => {
										// A camera that is live ends with its part of the page.
										if (mayLeave()) setFrom(event.currentTarget.value as "obs" | "camera");
										else event.currentTarget.value = from;
									}}
								>
									<option value="obs">{t("OBS or another encoder", "OBS 或其他编码器")}</option>
									<option value="camera">{t("this browser's camera", "本浏览器的摄像头")}</option>
								</select>
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
									<input type="number" min="1" max="24" value={typedHours} onInput={(event) => setHours(event.currentTarget.value)} onBlur={() => setHours(String(hours))} />
								</label>
							</div>
							<label class="field">
								{t("Highest price in ETH for 2 s of 720p30", "720p30 每 2 秒最高价（ETH）")}
								<input inputMode="decimal" value={price} onInput={(event) => setPrice(event.currentTarget.value)} placeholder={maxPrice ? exact(maxPrice) : ""} />
							</label>
							<label class="field">
								{t("Where others reach the worker", "他人访问 worker 的地址")}
								<input value={address} onInput={(event) => setAddress(event.currentTarget.value.trim())} placeholder="/dns4/HOST/tcp/4100" />
							</label>
							{name && problem ? (
								<p class="bad small" role="alert">
									{problem}
								</p>
							) : null}
						</div>
					</Card>
					<Card title={t("Start it", "启动")} aside={<Copy text={command} />}>
						<p class="small faint">
							{t(
								"A browser cannot do all of it: every segment is cut and signed by the worker, also those of this browser's camera, on a machine that is on while you stream and that the transcoder and gateways reach.",
								"浏览器无法完成全部工作：每个片段（包括来自本浏览器摄像头的）都由 worker 切分并签名；它所在的机器在直播期间须保持开启，并能被转码者和网关访问。",
							)}
						</p>
						<label class="field">
							{t("Who opens the job", "由谁创建任务")}
							<select value={opens} onChange={(event) => setOpens(event.currentTarget.value as "wallet" | "worker")}>
								<option value="wallet">{t("my wallet, now", "我的钱包，立即")}</option>
								<option value="worker">{t("the worker, again and again, with a spending key", "worker，用支出密钥反复创建")}</option>
							</select>
						</label>
						<ol class="howto">
							<li>
								{byWallet
									? t("On the machine that streams, make a key and the worker's identity. Printed are an account and a peer id:", "在推流的机器上生成一个密钥和 worker 的身份，会显示一个账户和一个 peer id：")
									: t("On the machine that streams, make two keys and the worker's identity. Printed are two accounts and a peer id:", "在推流的机器上生成两个密钥和 worker 的身份，会显示两个账户和一个 peer id：")}
								<pre class="code" tabIndex={0}>
									<code>{["keys new segments.key", ...(byWallet ? [] : ["keys new spending.key"]), `keys peer --data-dir ${called}`].map((one) => `livepeer-worker ${one}`).join("\n")}</code>
								</pre>
							</li>
							{byWallet ? (
								<li>
									{t("Tell them here, and sign once: the key signs your segments, the stream is found at that machine, and the job is opened with the budget. The machine holds no money.", "在此填入并签名一次：授权该密钥签名片段、登记视频流的位置，并以预算创建任务。该机器不持有任何资金。")}
									<div class="form">
										<label class="field">
											{t("The segment key's account", "片段密钥的账户")}
											<input value={signer} onInput={(event) => setSigner(event.currentTarget.value.trim())} placeholder="5…" />
										</label>
										<label class="field">
											{t("The worker's peer id", "worker 的 peer id")}
											<input value={peer} onInput={(event) => setPeer(event.currentTarget.value.trim())} placeholder="12D3Koo…" />
										</label>
										{wrong ? (
											<p class="bad small" role="alert">
												{wrong}
											</p>
										) : null}
									</div>
									{!open && (!account || !isNamed) ? <p class="small faint">{account ? t("Name the stream above first.", "请先在上方填写名称。") : t("Connect a wallet first.", "请先连接钱包。")}</p> : null}
									<div class="buttons">
										<button
											type="button"
											class="primary"
											disabled={!account || !!problem || !!open || !isAddress(signer) || !peerId(peer) || !live.clock || !jobsOf}
											onClick={() => live.clock && maxPrice && money && ask({ create: { name, ladder, width, height, fps, maxPrice, end: live.clock.block + blocks, budget: money } })}
										>
											{t("Create the stream", "创建视频流")}
										</button>
									</div>
									{open ? (
										<p class="good" role="status">
											<JobLink id={open.id} /> {t("is open for this stream: start the worker with it, or end it.", "已为此视频流创建：用它启动 worker，或结束它。")}
										</p>
									) : null}
								</li>
							) : (
								<li>
									{t("Let the first sign your segments and the second pay, up to a cap; give the second LPT, or ETH, for its transactions cost some; and say where the stream is found. Your own key stays in the wallet.", "授权第一个签名片段，第二个在限额内付费；给第二个一些 LPT 或 ETH 作手续费；并登记视频流的位置。您自己的密钥留在钱包里。")}
									<div class="buttons">
										<button type="button" disabled={!account} onClick={() => ask({ segments: true })}>
											{t("Name the segment key", "登记片段密钥")}
										</button>
										<button type="button" disabled={!account} onClick={() => ask({ key: true })}>
											{t("Name the spending key", "登记支出密钥")}
										</button>
										<button type="button" disabled={!account} onClick={() => ask({ fees: true })}>
											{t("Give it LPT for fees", "转入 LPT 作手续费")}
										</button>
										<button type="button" disabled={!account || !isNamed || !at} onClick={() => ask({ origin: true })}>
											{t("Say where it is found", "登记位置")}
										</button>
									</div>
								</li>
							)}
							<li>
								{byWallet
									? t("Start the worker: it takes up the job, takes your encoder's stream, cuts and signs it, and sends it to the transcoder.", "启动 worker：它会接手任务，接收编码器的流，切片、签名并发送给转码者。")
									: t("Start the worker: it opens the job, takes your encoder's stream, cuts and signs it, and sends it to the transcoder.", "启动 worker：它会创建任务，接收编码器的流，切片、签名并发送给转码者。")}
								<pre class="code" tabIndex={0}>
									<code>{command}</code>
								</pre>
							</li>
							<li>
								{from === "obs"
									? t("In OBS, under Settings → Stream:", "在 OBS 的 设置 → 直播 中：")
									: t("Then go live below. The worker has written the stream key into its folder:", "然后在下方开始直播。worker 已将推流码写入其目录：")}
							</li>
						</ol>
						<dl class="grid">
							{from === "obs" && (
								<>
									<Fact name={t("OBS: Service", "OBS：服务")}>{t("Custom…", "自定义…")}</Fact>
									<Fact name={t("Server", "服务器")}>
										<code>rtmp://127.0.0.1/live</code>
									</Fact>
									<Fact name={t("Keyframe interval", "关键帧间隔")}>2 {t("s", "秒")}</Fact>
								</>
							)}
							<Fact name={t("Stream key: in the file", "推流码：见文件")}><code>{called}/stream-key</code></Fact>
						</dl>
					</Card>
					{from === "camera" && camera === "failed" && <p class="bad">{t("The camera's part did not come: load the page again.", "摄像头部分未能加载：请重新加载页面。")}</p>}
					{from === "camera" && camera && camera !== "failed" && <camera.Camera name={name} width={width} height={height} fps={fps} />}
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
								{jobs.map(({ job, used, lack }) => (
									<li key={String(job.id)} class="row between">
										<span>
											<JobLink id={job.id} /> {job.current ? <Account address={job.current.transcoder} /> : <span class={lack && !job.ended ? "bad" : "faint"}>{t("waits for a transcoder", "等待转码者")}{lack && !job.ended ? `${t(": ", "：")}${unsuitedText(lack)}` : ""}</span>}
											<span class="small faint">
												{" "}
												{t(`used ${amount(used, "ETH")} so far, left ${amount(job.unreserved + (job.current?.allowance ?? 0n), "ETH")}`, `已用 ${amount(used, "ETH")}，剩余 ${amount(job.unreserved + (job.current?.allowance ?? 0n), "ETH")}`)}
												{!job.ended && live.clock && t(`, ends ${soon(live.left(job.end))}`, `，${soon(live.left(job.end))}结束`)}
												{job.current && !job.ended && t(`, ${amount((workOf(job.ladder, job.limits) * job.current.price) / STANDARD, "ETH")} an hour at most`, `，每小时最多 ${amount((workOf(job.ladder, job.limits) * job.current.price) / STANDARD, "ETH")}`)}
											</span>
										</span>
										{job.ended ? <span class="faint">{t("ended", "已结束")}</span> : (
											<span class="buttons">
												<button type="button" class="small" onClick={() => ask({ add: job.id })}>
													{t("Add budget", "增加预算")}
												</button>
												<button type="button" class="small" onClick={() => ask({ end: job.id })}>
													{t("End", "结束")}
												</button>
											</span>
										)}
									</li>
								))}
							</ul>
						) : account && !jobs ? (
							<Reading />
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
											{live.clock && <span class={live.left(key.expiry) ? "small faint" : "small bad"}>{live.left(key.expiry) ? t(`expires ${soon(live.left(key.expiry))}`, `${soon(live.left(key.expiry))}过期`) : t("has expired: it spends nothing any more", "已过期，不能再支出")}</span>}
										</span>
										<button type="button" class="small" onClick={() => ask({ drop: key.key })}>
											{t("Remove", "移除")}
										</button>
									</li>
								))}
							</ul>
						) : account && !spending ? (
							<Reading />
						) : (
							<Empty>{t("A spending key lets a machine pay for jobs up to a cap, so that your own key stays in your wallet.", "支出密钥允许机器在限额内为任务付费，主密钥留在钱包中。")}</Empty>
						)}
					</Card>
				</div>
			</div>
			{asked && "create" in asked && at && <Create terms={asked.create} signer={signer} peer={peer} address={address} at={at} bond={jobsOf?.broadcaster_bond} onClose={() => ask(null)} />}
			{asked && "add" in asked && <AddBudget job={asked.add} proposed={budget} free={balances?.eth} onClose={() => ask(null)} />}
			{asked && "end" in asked && (
				<Ask title={t(`End job ${asked.end}`, `结束任务 ${asked.end}`)} call={{ pallet: "Jobs", name: "end_job", args: { job: asked.end } }} onClose={() => ask(null)} consequence={t("Nothing new is transcoded. What was done can still be claimed; the rest of the budget is free again after that.", "不再转码新内容。已完成的仍可被声明，之后剩余预算退回。")} />
			)}
			{asked && "drop" in asked && (
				<Ask title={t("Remove the spending key", "移除支出密钥")} call={{ pallet: "Jobs", name: "remove_spending_key", args: { broadcaster: account, key: asked.drop } }} onClose={() => ask(null)} consequence={t("It can spend nothing from then on. Jobs that it created run on.", "此后无法再支出。已创建的任务继续运行。")} />
			)}
			{asked && "key" in asked && <SpendingKey onClose={() => ask(null)} proposed={budget} />}
			{asked && "fees" in asked && <Fees free={balances?.lpt} onClose={() => ask(null)} />}
			{asked && "segments" in asked && <SegmentKey onClose={() => ask(null)} />}
			{asked && "origin" in asked && <Origin name={name} address={address} onClose={() => ask(null)} />}
		</main>
	);
}

/** Asks for the one signature that opens a stream. */
function Create({ terms, signer, peer, address, at, bond, onClose }: { terms: Terms; signer: string; peer: string; address: string; at: Place; bond: bigint | undefined; onClose: () => void }): JSX.Element {
	const { account } = useWallet();
	const generations = useRead((block) => (account ? live.read("operator_keys", [account, { type: "Segments", value: undefined }], block) : Promise.reject()), [account]);
	const bytes = peerId(peer);
	// A key that signs already needs no new generation, and no deposit for it.
	const key = account && generations && isSegmentKey(signer, account, generations) ? null : signer;
	const call = account && generations && bytes ? createCall(terms, key, bytes, at) : null;
	return (
		<Ask
			title={t(`Create the stream ${terms.name}`, `创建视频流 ${terms.name}`)}
			call={call}
			onClose={onClose}
			consequence={t(
				`${amount(terms.budget, "ETH")} and a bond of ${amount(bond, "ETH")} are held for a job of ${duration((terms.end - live.now) * live.slotSeconds())} at most; gateways look for the stream at ${address}, for which a small deposit of ETH is held too.${key ? " The key signs your segments from now on, for which a small deposit of LPT is held." : ""} A transcoder is drawn at once and keeps a place for you, for which it may be paid when nothing comes: start the worker now. You end the job here; what is not spent is free again then.`,
				`将冻结 ${amount(terms.budget, "ETH")} 和 ${amount(bond, "ETH")} 保证金，任务最长 ${duration((terms.end - live.now) * live.slotSeconds())}；网关将在 ${address} 查找此视频流，为此另冻结少量 ETH。${key ? "此后由该密钥签名片段，为此冻结少量 LPT。" : ""}转码者会立即被抽出并为您预留位置，若迟迟没有片段，它可能获得补偿：请立即启动 worker。任务在此结束，未用完的预算随后退回。`,
			)}
			risk={t("Whoever has the key can sign two different segments for one place, which costs the job's bond. While nothing is on the machine that may spend, nobody but you can hand the job to another transcoder or open the next.", "持有该密钥者若对同一位置签署两个不同片段，将损失任务保证金。该机器没有支出权限时，只有您能更换转码者或创建下一个任务。")}
		/>
	);
}

function AddBudget({ job, proposed, free, onClose }: { job: bigint; proposed: string; free: bigint | undefined; onClose: () => void }): JSX.Element {
	const [typed, setTyped] = useState(proposed);
	const money = parseAmount(typed);
	return (
		<Ask
			title={t(`Add to the budget of job ${job}`, `增加任务 ${job} 的预算`)}
			call={money ? { pallet: "Jobs", name: "top_up", args: { job, amount: money } } : null}
			onClose={onClose}
			problem={typed && money === null ? noAmount() : money && free !== undefined && money > free ? t(`The account has ${amount(free, "ETH")}.`, `账户仅有 ${amount(free, "ETH")}。`) : null}
			consequence={t("It is held until the job has ended; what is not spent is free again then.", "冻结至任务结束，未用完的随后退回。")}
		>
			<label class="field">
				{t("How much, in ETH", "数量（ETH）")}
				<input inputMode="decimal" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} autofocus />
			</label>
		</Ask>
	);
}

function SegmentKey({ onClose }: { onClose: () => void }): JSX.Element {
	const [key, setKey] = useState("");
	const call = isAddress(key) ? segmentKeyCall(key) : null;
	return (
		<Ask title={t("Let a key sign your segments", "授权片段签名密钥")} call={call} onClose={onClose} problem={key && !isAddress(key) ? t("That is no account.", "这不是账户。") : null} consequence={t("It signs for you in jobs that are accepted from now on. Those that run keep the keys that they began with. A small deposit of LPT is held.", "对此后被接受的任务生效；进行中的任务沿用原密钥。冻结少量 LPT 作押金。")} risk={t("Whoever has the key can sign two different segments for one place, which costs a job's bond.", "持有该密钥者若对同一位置签署两个不同片段，将损失任务保证金。")}>
			<label class="field">
				{t("The key's account", "密钥账户")}
				<input value={key} onInput={(event) => setKey(event.currentTarget.value.trim())} placeholder="5…" autofocus />
			</label>
		</Ask>
	);
}

function Fees({ free, onClose }: { free: bigint | undefined; onClose: () => void }): JSX.Element {
	const [key, setKey] = useState("");
	const [lpt, setLpt] = useState("1");
	const money = parseAmount(lpt);
	const call = isAddress(key) && money ? { pallet: "Balances", name: "transfer_keep_alive", args: { dest: { type: "Id", value: key }, value: money } } : null;
	return (
		<Ask title={t("Give the spending key LPT", "给支出密钥转入 LPT")} call={call} onClose={onClose} problem={key && !isAddress(key) ? t("That is no account.", "这不是账户。") : lpt && money === null ? noAmount() : money && free !== undefined && money > free ? t(`The account has ${amount(free, "LPT")}.`, `账户仅有 ${amount(free, "LPT")}。`) : null} consequence={t("It pays the fees of its own transactions with it: with neither LPT nor ETH it opens no job.", "用于支付其交易手续费：若既无 LPT 也无 ETH，就无法创建任务。")}>
			<label class="field">
				{t("The key's account", "密钥账户")}
				<input value={key} onInput={(event) => setKey(event.currentTarget.value.trim())} placeholder="5…" autofocus />
			</label>
			<label class="field">
				{t("How much, in LPT", "数量（LPT）")}
				<input inputMode="decimal" value={lpt} onInput={(event) => setLpt(event.currentTarget.value)} />
			</label>
		</Ask>
	);
}

function Origin({ name, address, onClose }: { name: string; address: string; onClose: () => void }): JSX.Element {
	const [peer, setPeer] = useState("");
	const [bytes, at] = [peerId(peer), place(address)];
	return (
		<Ask title={t(`Say where ${name} is found`, `登记 ${name} 的位置`)} call={bytes && at ? originCall(name, bytes, at) : null} onClose={onClose} problem={peer && !bytes ? t("That is no peer id: livepeer-worker keys peer prints it.", "这不是 peer id：livepeer-worker keys peer 会显示。") : null} consequence={t(`Gateways look for the stream at ${address}. A deposit of ETH is held while the chain says so. The worker starts only with this address and this identity.`, `网关将在 ${address} 查找此视频流。登记期间冻结少量 ETH。worker 只能以此地址和身份启动。`)}>
			<label class="field">
				{t("The worker's peer id", "worker 的 peer id")}
				<input value={peer} onInput={(event) => setPeer(event.currentTarget.value.trim())} placeholder="12D3Koo…" autofocus />
			</label>
		</Ask>
	);
}

function SpendingKey({ onClose, proposed }: { onClose: () => void; proposed: string }): JSX.Element {
	useLive();
	const [key, setKey] = useState("");
	const [cap, setCap] = useState(proposed);
	const [typedDays, setDays] = useState("30");
	const days = Math.min(365, Math.max(1, Number(typedDays) || 1));
	const money = parseAmount(cap);
	// From the block at which it was opened: what is asked stays the same while one reads it.
	const opened = useRef(0);
	opened.current ||= live.clock?.block ?? 0;
	const expiry = opened.current + Math.round((days * 86_400) / live.slotSeconds());
	const call = isAddress(key) && money && opened.current ? { pallet: "Jobs", name: "set_spending_key", args: { key, cap: money, expiry, scope: { create: true, top_up: true, end: true } } } : null;
	return (
		<Ask title={t("Let a key spend for you", "授权支出密钥")} call={call} onClose={onClose} problem={key && !isAddress(key) ? t("That is no account.", "这不是账户。") : cap && money === null ? noAmount() : null} consequence={t(`It may create, top up and end jobs with your ETH, up to the cap, for ${days} days. A small deposit of ETH is held until it is removed.`, `在 ${days} 天内，它可在限额内用您的 ETH 创建、充值和结束任务。移除前冻结少量 ETH 作押金。`)} risk={money ? t(`Whoever has the key can spend ${amount(money, "ETH")} on jobs, and nothing else.`, `持有该密钥者最多可将 ${amount(money, "ETH")} 用于任务，别无他用。`) : undefined}>
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
					<input type="number" min="1" max="365" value={typedDays} onInput={(event) => setDays(event.currentTarget.value)} onBlur={() => setDays(String(days))} />
				</label>
			</div>
		</Ask>
	);
}
