/** What a registered transcoder's owner does: its terms, the way out of jail, the way out. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Terms, Transcoder } from "../chain/types";
import { Card, Fact, live, useRead } from "../ui/kit";
import { amount, exact, exactPercent, noAmount, parseAmount, parsePercent, percent, t } from "../ui/words";
import { Ask } from "./sign";

export function OwnTranscoder({ of }: { of: Transcoder }): JSX.Element {
	const [asked, ask] = useState<"terms" | "unjail" | "resign" | null>(null);
	const close = (): void => ask(null);
	// What it has asked for last, which holds from the next round on: whoever changes one of them keeps the others.
	const next = useRead(async (at) => ({ terms: await live.read("terms_of", [of.account], at) }), [of.account])?.terms;
	return (
		<Card title={t("Your transcoder", "您的转码者")} id="transcoder">
			<dl class="grid">
				<Fact name={t("Price of 2 s of 720p", "720p 每 2 秒价格")}>{amount(of.price, "ETH")}</Fact>
				<Fact name={t("Rewards it keeps", "奖励抽成")} note={next && next.reward_cut !== of.reward_cut && t(`${percent(next.reward_cut)} from the next round`, `下轮起 ${percent(next.reward_cut)}`)}>{percent(of.reward_cut)}</Fact>
				<Fact name={t("Fees it gives on", "费用分成")} note={next && next.fee_share !== of.fee_share && t(`${percent(next.fee_share)} from the next round`, `下轮起 ${percent(next.fee_share)}`)}>{percent(of.fee_share)}</Fact>
				<Fact name={t("State", "状态")}>
					<span class={of.jailed ? "bad" : ""}>{of.jailed ? t("jailed", "监禁") : of.active ? t("active", "活跃") : t("not elected", "未当选")}</span>
				</Fact>
			</dl>
			<div class="buttons wrapflex">
				<button type="button" disabled={!next} onClick={() => ask("terms")}>
					{t("Change terms", "修改条款")}
				</button>
				{of.jailed && (
					<button type="button" onClick={() => ask("unjail")}>
						{t("Leave jail", "出狱")}
					</button>
				)}
				<button type="button" onClick={() => ask("resign")}>
					{t("Resign", "退出")}
				</button>
			</div>
			{asked === "terms" && next && <Change account={of.account} terms={next} onClose={close} />}
			{asked === "unjail" && (
				<Ask title={t("Leave jail", "出狱")} call={{ pallet: "TranscoderElection", name: "unjail", args: {} }} onClose={close} consequence={t("Taken when every verdict against you was carried out or cancelled. Your worker then announces its capacity again.", "仅当所有不利裁定已执行或撤销时才被接受。之后 worker 会重新公布算力。")} />
			)}
			{asked === "resign" && (
				<Ask title={t("Resign as a transcoder", "退出转码者")} call={{ pallet: "TranscoderElection", name: "resign", args: {} }} onClose={close} consequence={t("You leave the list and the active set at once; your jobs go to others. Your stake stays bonded until you unbond it.", "您立即离开名单与活跃集，任务转交他人。质押仍在，直至您解除。")} risk={t("A verdict that waits to be carried out still reaches your stake.", "待执行的裁定仍会作用于您的质押。")} />
			)}
		</Card>
	);
}

function Change({ account, terms, onClose }: { account: string; terms: Terms; onClose: () => void }): JSX.Element {
	const [price, setPrice] = useState(exact(terms.price));
	const [cut, setCut] = useState(exactPercent(terms.reward_cut));
	const [share, setShare] = useState(exactPercent(terms.fee_share));
	// Where it is reached stays as it is: the call says both.
	const read = useRead(async (at) => ({ service: await live.read("service", [account], at) }), [account]);
	const service = read?.service;
	const [value, keeps, gives] = [parseAmount(price), parsePercent(cut), parsePercent(share)];
	const unreached = read && !service ? t("Nobody has said yet where it is reached: its worker says so first.", "尚无其地址：须先由 worker 公布。") : null;
	const problem = value === null ? noAmount() : keeps === null || gives === null ? t("A share is from 0 to 100 percent.", "比例为 0 至 100%。") : unreached;
	const call = !problem && service ? { pallet: "TranscoderElection", name: "transcoder", args: { terms: { price: value, reward_cut: keeps, fee_share: gives }, service } } : null;
	return (
		<Ask
			title={t("Change terms", "修改条款")}
			call={call}
			problem={problem}
			onClose={onClose}
			consequence={t("They hold from the next round on. In the last tenth of a round only a lower price is taken. Those who stake on you see them at once.", "下一轮起生效。每轮最后十分之一只接受降价。委托人立即可见。")}
		>
			<label class="field">
				{t("Price in ETH for 2 s of 720p30", "720p30 每 2 秒价格（ETH）")}
				<input inputMode="decimal" value={price} onInput={(event) => setPrice(event.currentTarget.value)} autofocus />
			</label>
			<div class="two">
				<label class="field">
					{t("Rewards it keeps, %", "奖励抽成（%）")}
					<input inputMode="decimal" value={cut} onInput={(event) => setCut(event.currentTarget.value)} />
				</label>
				<label class="field">
					{t("Fees it gives on, %", "费用分成（%）")}
					<input inputMode="decimal" value={share} onInput={(event) => setShare(event.currentTarget.value)} />
				</label>
			</div>
		</Ask>
	);
}
