import type { LeaveReason, SeatReason } from "../chain/types";
import { t } from "../ui/words";

type Words = [string, string];
/** A runtime that was upgraded may give a reason that this page has no words for: its name, then. */
const named = <Reason extends string>(reason: Reason, words: Record<Reason, Words>): Words => words[reason] ?? [reason, reason];

/** Why a candidate has a seat or has none: in a word, and in a sentence. */
export const seatText = (reason: SeatReason): Words =>
	named(reason, {
		Stake: [t("seat", "席位"), t("Its stake is among the highest", "质押名列前茅")],
		Drawn: [t("drawn seat", "抽签席位"), t("It drew the one seat that is given by chance, weighted by stake", "抽中按质押加权的随机席位")],
		Waits: [t("waits", "候补"), t("Others have more stake, or registered earlier with as much; it may draw the next seat", "他人质押更高，或同额但更早注册；下一轮可能被抽中")],
		New: [t("new", "新"), t("It had no stake that counted when the round began, or registered since", "本轮开始时没有计入的质押，或刚注册")],
		Jailed: [t("jailed", "监禁"), t("A verdict against it waits to be carried out", "对其不利的裁定待执行")],
		OwnBond: [t("own bond", "自押不足"), t("Its own bond is below the minimum: it leaves at the next election", "自有质押低于最低额：下次选举时离开")],
	});

/** Why a validator goes at the next change of sessions, or stays only because others are wanting. */
export const leaveText = (reason: LeaveReason): Words =>
	named(reason, {
		Jailed: [t("jailed", "监禁"), t("A verdict against it waits to be carried out", "对其不利的裁定待执行")],
		Chilled: [t("judged badly", "评判失职"), t("It judged badly or not at all, and does not validate for a while", "评判有误或未评判，暂停验证")],
		Offline: [t("offline", "离线"), t("It made no blocks and sent no heartbeats", "没有出块，也没有心跳")],
		NoSeat: [t("no seat", "无席位"), t("It has no seat by its stake in this round", "本轮质押不足以获得席位")],
		LittleStake: [t("little stake", "质押过少"), t("It has less stake than a validator needs", "质押低于验证人的最低额")],
		NoKeys: [t("no keys", "无密钥"), t("It has no session keys", "没有会话密钥")],
		SmallPart: [t("small part", "占比过小"), t("Its stake is too small a part of the validators': each of them has one vote in consensus", "其质押在全体验证人中占比过小：共识中每位验证人只有一票")],
	});
