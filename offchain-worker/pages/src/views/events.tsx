/** Events in words. */
import type { ComponentChildren, JSX } from "preact";
import type { ChainEvent } from "../chain/types";
import { verdictName } from "../chain/claims";
import { A, Account, ClaimLink, JobLink, live, outcomeName } from "../ui/kit";
import { accuses, endedText, stoppedText, unsuitedText, verdictText } from "../ui/named";
import { amount, duration, t } from "../ui/words";

type Tone = "good" | "bad" | "busy" | "quiet";
const accountOf = (address: string): JSX.Element => <Account address={address} />;

/** What an event means, and how it feels; `null` for what tells a reader nothing, or is of a runtime that says it otherwise. */
export function describe(event: ChainEvent): [Tone, ComponentChildren] | null {
	try {
		return meaningOf(event);
	} catch {
		return null;
	}
}

function meaningOf({ pallet, name, data }: ChainEvent): [Tone, ComponentChildren] | null {
	const d = data ?? {};
	const claim = d.claim !== undefined ? <ClaimLink id={d.claim} /> : null;
	const job = d.job !== undefined ? <JobLink id={d.job} /> : null;
	switch (`${pallet}.${name}`) {
		case "Jobs.JobCreated":
			return ["busy", <>{t("New", "新")} {job} {t("by", "来自")} {accountOf(d.broadcaster)}{t(", budget", "，预算")} {amount(d.budget, "ETH")}</>];
		case "Jobs.Offered":
			return ["quiet", <>{job} {t("is offered to", "提供给")} {accountOf(d.transcoder)}</>];
		case "Jobs.Accepted":
			return ["good", <>{accountOf(d.transcoder)} {t("takes", "接受")} {job}</>];
		case "Jobs.NotAccepted":
			return ["bad", <>{accountOf(d.transcoder)} {t("did not take", "没有接受")} {job}</>];
		case "Jobs.AssignmentEnded":
			return ["quiet", <>{t("The assignment of", "任务分配结束：")} {job} {t("to", "→")} {accountOf(d.transcoder)} {t("ends", "")}</>];
		case "Jobs.JobEnded":
			return [d.reason.type === "NobodySuits" ? "bad" : "quiet", <>{job} {t("ends", "结束")}: {endedText(d.reason.type)}</>];
		case "Jobs.NobodySuits":
			return ["bad", <>{job} {t("finds no transcoder", "没有找到转码者")}: {unsuitedText(d.why.type)}</>];
		case "Jobs.NobodyEligible": {
			const left = live.left(d.next_draw);
			return ["quiet", <>{job} {left ? t(`is drawn again in ${duration(left)}`, `${duration(left)} 后重新抽取`) : t("is drawn again", "重新抽取")}</>];
		}
		case "Jobs.Suspended":
			return ["bad", <>{accountOf(d.transcoder)} {t(`lets offers pass, and gets none before round ${d.until}`, `放弃指派，第 ${d.until} 轮前不再获得任务`)}</>];
		case "Jobs.TranscoderEquivocated":
			return ["bad", <>{job} {accountOf(d.transcoder)} {t("signed two results for one segment, and loses", "对同一片段签署两个结果，损失")} {amount(d.slashed, "LPT")}</>];
		case "Jobs.BroadcasterEquivocated":
			return ["bad", <>{job} {accountOf(d.broadcaster)} {t("signed two segments for one place, and loses", "对同一位置签署两个片段，损失")} {amount(d.forfeited, "ETH")}</>];
		case "Jobs.Claimed":
			return ["busy", <>{accountOf(d.transcoder)} {t("claims segments", "声明片段")} {String(d.first)}–{String(d.last)}: {claim}, {amount(d.fee, "ETH")}</>];
		case "Jobs.ClaimSettled":
			return d.settlement.type === "Pay"
				? ["good", <>{claim} {amount(d.fee, "ETH")} {t("paid to", "付给")} {accountOf(d.transcoder)}</>]
				: ["bad", <>{claim} {amount(d.fee, "ETH")} {t("go back to", "退还")} {accountOf(d.broadcaster)}</>];
		case "ChallengeLottery.Drawn":
			return ["busy", <>{claim} {t(`${d.positions.length} draws, ${d.committee.length} judges`, `${d.positions.length} 次抽签，${d.committee.length} 位评判`)}</>];
		case "ChallengeLottery.LeafRevealed":
			return ["busy", <>{claim} {t(`its segment no. ${d.index + 1} is shown`, `出示其第 ${d.index + 1} 个片段`)}</>];
		case "ChallengeLottery.VerdictRevealed": {
			const names: string[] = d.verdicts.map(verdictName);
			const bad = names.find(accuses);
			const word = bad ?? names.find((name) => name === "Abstain") ?? "Valid";
			return [bad ? "bad" : word === "Abstain" ? "quiet" : "good", <>{claim} {accountOf(d.verifier)} {t("says", "认为")}: {verdictText(word)}</>];
		}
		case "ChallengeLottery.Committed":
			return ["quiet", <>{claim} {accountOf(d.verifier)} {t("seals a vote", "密封投票")}</>];
		case "ChallengeLottery.Disputed":
			return ["bad", <>{claim} {t("the judges disagree; all validators judge", "评判不一致；全体验证人评判")}</>];
		case "ChallengeLottery.Decided":
			return [d.outcome.type === "Accepted" ? "good" : "bad", <>{claim} {outcomeName(d.outcome.type)}</>];
		case "ChallengeLottery.Cancelled":
			return ["quiet", <>{claim} {t("governance cancels the verdict: the transcoder is paid, nobody is slashed", "治理撤销裁定：转码者获付款，无人被罚没")}</>];
		case "ChallengeLottery.DeferralLengthened": {
			const left = live.left(d.execute_at);
			return ["quiet", <>{claim} {left ? t(`carried out in ${duration(left)}, for many failed together`, `多方同时失败，推迟执行：${duration(left)} 后`) : t("carried out later, for many failed together", "多方同时失败，推迟执行")}</>];
		}
		case "ChallengeLottery.Executed":
			return d.slashed > 0n ? ["bad", <>{claim} {t("slashed", "罚没")} {amount(d.slashed, "LPT")}</>] : null;
		case "ChallengeLottery.Penalised":
			return ["bad", <>{accountOf(d.verifier)} {t("judged badly and pays", "评判失职，罚没")} {amount(d.amount, "LPT")}</>];
		case "LptStaking.Slashed":
			return ["bad", <>{accountOf(d.transcoder)} {t("loses", "损失")} {amount(d.total, "LPT")}</>];
		case "LptStaking.Bonded":
			return ["good", <>{accountOf(d.who)} {t("bonds", "质押")} {amount(d.amount, "LPT")} {t("to", "→")} {accountOf(d.transcoder)}</>];
		case "LptStaking.Unbonded":
			return ["quiet", <>{accountOf(d.who)} {t("unbonds", "解除质押")} {amount(d.amount, "LPT")}</>];
		case "LptStaking.Rebonded":
			return ["good", <>{accountOf(d.who)} {t("bonds again", "重新质押")} {amount(d.amount, "LPT")}</>];
		case "LptStaking.BondMoving":
			return ["quiet", <>{accountOf(d.who)} {t("moves to", "转向")} {accountOf(d.to)}</>];
		case "LptStaking.BondOffered":
			return ["quiet", <>{accountOf(d.who)} {t("offers a part of its bond to", "提出将部分质押转让给")} {accountOf(d.to)}</>];
		case "LptStaking.BondTransferred":
			return ["good", <>{accountOf(d.to)} {t("takes over", "接收质押")} {amount(d.amount, "LPT")} {t("bonded by", "，来自")} {accountOf(d.from)}</>];
		case "LptStaking.StakeWithdrawn":
			return ["quiet", <>{accountOf(d.who)} {t("withdraws", "提取")} {amount(d.amount, "LPT")}</>];
		case "LptStaking.FeesWithdrawn":
			return ["good", <>{accountOf(d.who)} {t("takes fees of", "领取费用")} {amount(d.amount, "ETH")}</>];
		case "LptStaking.Rewarded":
			return ["good", <>{accountOf(d.transcoder)} {t("earns", "获得")} {amount(d.amount, "LPT")}</>];
		case "Inflation.RoundPaid":
			return ["good", <>{t(`Round ${d.round} minted`, `第 ${d.round} 轮增发`)} {amount(d.minted, "LPT")}</>];
		case "Inflation.RewardForfeited":
			return ["bad", <>{accountOf(d.transcoder)} {t(`earns nothing for round ${d.round}`, `第 ${d.round} 轮没有收益`)}</>];
		case "Rounds.NewRound":
			return ["busy", <A href={`/round/${d.round}`}>{t(`Round ${d.round} begins`, `第 ${d.round} 轮开始`)}</A>];
		case "TranscoderElection.TranscoderRegistered":
			return ["good", <>{accountOf(d.transcoder)} {t("registers as a transcoder", "注册为转码者")}</>];
		case "TranscoderElection.TranscoderResigned":
			return ["quiet", <>{accountOf(d.transcoder)} {t("resigns", "退出")}</>];
		case "TranscoderElection.TranscoderJailed":
			return ["bad", <>{accountOf(d.transcoder)} {t("is jailed", "被监禁")}</>];
		case "TranscoderElection.TranscoderUnjailed":
			return ["good", <>{accountOf(d.transcoder)} {t("leaves jail", "出狱")}</>];
		case "TranscoderElection.SeatDrawn":
			return ["good", <>{accountOf(d.transcoder)} {t("draws the extra seat", "抽得额外席位")}</>];
		case "TranscoderElection.ValidatorOffline":
			return ["bad", <>{accountOf(d.validator)} {t("is offline", "离线")}</>];
		case "TranscoderElection.ValidatorChilled":
			return ["bad", <>{accountOf(d.validator)} {t("does not validate for a while", "暂停验证")}</>];
		case "TranscoderElection.ActiveSetElected":
			return ["quiet", <>{t(`${d.transcoders} transcoders elected with`, `选出 ${d.transcoders} 个转码者，质押共`)} {amount(d.stake, "LPT")}</>];
		case "EthBridge.DepositCredited":
			return ["good", <>{accountOf(d.recipient)} {t("gets from Ethereum", "自以太坊收到")} {amount(d.amount, d.asset.type === "Eth" ? "ETH" : "LPT")}</>];
		case "EthBridge.DepositWaits": {
			const left = live.left(d.ready_at);
			return ["busy", <>{left ? t(`Deposit ${d.index} waits, for ${duration(left)} more`, `存入 ${d.index} 等待中，还有 ${duration(left)}`) : t(`Deposit ${d.index} has to wait`, `存入 ${d.index} 需等待`)}</>];
		}
		case "EthBridge.MessageSent":
			return ["busy", <>{t(`Message ${d.index} goes to Ethereum`, `消息 ${d.index} 发往以太坊`)}{d.sender ? <> {t("by", "来自")} {accountOf(d.sender)}</> : null}</>];
		case "EthBridge.BridgeStopped":
			return ["bad", <>{t("The bridge is stopped", "跨链桥已暂停")}: {stoppedText(d.reason.type)}</>];
		case "EthBridge.BridgeResumed":
			return ["good", <>{t("The bridge goes on", "跨链桥恢复")}</>];
		case "Beacon.WindowInvalid":
			return ["bad", <>{t(`Beacon window ${d.window} has no seed of its own`, `信标窗口 ${d.window} 没有自己的种子`)}</>];
		default:
			return null;
	}
}

export function EventLine({ event }: { event: ChainEvent }): JSX.Element | null {
	const told = describe(event);
	if (!told) return null;
	const age = live.head ? (live.head.number - event.block) * live.slotSeconds() : 0;
	return (
		<li class={`event ${told[0]}`}>
			<i class="dot" aria-hidden="true" />
			<span class="what">{told[1]}</span>
			<A class="when" href={`/block/${event.block}`} title={t(`block ${event.block}`, `区块 ${event.block}`)}>
				{age < 1 ? t("now", "刚刚") : duration(age)}
			</A>
		</li>
	);
}
