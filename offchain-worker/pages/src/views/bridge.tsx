/** How the bridge to Ethereum stands. */
import type { JSX } from "preact";
import type { Bridge, Bridged } from "../chain/types";
import { Card, Empty, Fact, live, useLive, useRead } from "../ui/kit";
import { amount, duration, t } from "../ui/words";

/** What the chain says for "until governance says so". */
const UNTIL_TOLD = 0xffff_ffff;

/** Ethereum's own time, not how long ago that was: the reader's clock may be off by an hour. */
const TIME = { dateStyle: "medium", timeStyle: "short" } as const;

/**
 * How it stands at a block of the protocol's clock, one of which takes so many seconds, in a word and a sentence, and
 * whether all is well.
 */
export function bridgeText({ domain, client, stopped }: Bridge, block: number, slot: number): [boolean | null, string, string] {
	const [inward, outward] = stopped.map((until) => (until !== undefined && until > block ? until : null));
	if (!domain) {
		return [null, t("not connected", "未连接"), t("Governance has not said where its gateway on Ethereum is: nothing passes.", "治理尚未指定其以太坊网关：没有资产通过。")];
	}
	if (inward || outward) {
		const until = Math.max(inward ?? 0, outward ?? 0);
		const end = until === UNTIL_TOLD ? t("until governance lets it go on", "直至治理恢复") : t(`for ${duration((until - block) * slot)} more`, `还有 ${duration((until - block) * slot)}`);
		const what = inward && outward ? t("Nothing comes in or goes out", "出入均暂停") : inward ? t("Nothing comes in", "转入暂停") : t("Nothing goes out", "转出暂停");
		return [false, t("stopped", "已暂停"), t(`${what} ${end}.`, `${what}，${end}。`)];
	}
	switch (client.type) {
		case "Following":
			return [true, t("follows Ethereum", "跟随以太坊"), t("Deposits are credited and messages proven by Ethereum's own finality.", "存入与消息均以以太坊自身的最终性证明。")];
		case "NotBootstrapped":
			return [null, t("waits for a checkpoint", "等待检查点"), t("Its light client of Ethereum has not begun.", "其以太坊轻客户端尚未启动。")];
		case "UnknownFork":
			return [false, t("unknown fork", "未知分叉"), t("Ethereum has forked into a form that this chain has not been told.", "以太坊已分叉为此链尚不认识的形式。")];
		default:
			return [false, t("behind", "落后"), t("What it knows of Ethereum is too old to prove anything by.", "其所知的以太坊区块过旧，无法用于证明。")];
	}
}

function Side({ name, of, unit }: { name: string; of: Bridged; unit: "LPT" | "ETH" }): JSX.Element {
	return (
		<>
			<h3>{name}</h3>
			<dl class="grid tight">
				<Fact name={t("On this chain", "此链上")}>{amount(of.issued, unit)}</Fact>
				<Fact name={t("Came over", "已转入")}>{amount(of.credited, unit)}</Fact>
				<Fact name={t("Waits for its owner", "待入账")}>{amount(of.waiting, unit)}</Fact>
				<Fact name={t("Sent to Ethereum", "已转出")}>{amount(of.sent, unit)}</Fact>
				<Fact name={t("In the escrow", "托管中")}>{of.escrow ? amount(of.escrow.balance, unit) : "–"}</Fact>
			</dl>
		</>
	);
}

export function BridgeCard(): JSX.Element {
	const { clock } = useLive();
	const bridge = useRead((at) => live.read("bridge", [], at));
	const title = t("Bridge to Ethereum", "以太坊跨链桥");
	if (!bridge || !clock) {
		return (
			<Card title={title} id="bridge">
				<Empty>{t("Not read yet.", "尚未读取。")}</Empty>
			</Card>
		);
	}
	const [well, word, sentence] = bridgeText(bridge, clock.block, live.slotSeconds());
	return (
		<Card title={title} id="bridge" aside={<span class={`pill ${well === null ? "" : well ? "Stake" : "Jailed"}`}>{word}</span>}>
			<p class="small">{sentence}</p>
			{bridge.domain && (
				<>
					<dl class="grid tight">
						<Fact name={t("Ethereum's block", "以太坊区块")} note={bridge.synced ? t(`of ${new Date(Number(bridge.synced[1]) * 1_000).toLocaleString("en-GB", TIME)}`, `${new Date(Number(bridge.synced[1]) * 1_000).toLocaleString("zh-CN", TIME)}`) : ""}>
							{bridge.synced ? String(bridge.synced[0]) : "–"}
						</Fact>
						<Fact name={t("Deposits", "存入")}>{bridge.deposits}</Fact>
						<Fact name={t("Messages", "消息")}>{bridge.messages}</Fact>
					</dl>
					<Side name="LPT" of={bridge.lpt} unit="LPT" />
					<Side name="ETH" of={bridge.eth} unit="ETH" />
				</>
			)}
		</Card>
	);
}
