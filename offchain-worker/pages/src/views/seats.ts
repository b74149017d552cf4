import type { SeatReason } from "../chain/types";
import { t } from "../ui/words";

/** Why a candidate has a seat or has none: in a word, and in a sentence. */
export const seatText = (reason: SeatReason): [string, string] =>
	({
		Stake: [t("seat", "席位"), t("Its stake is among the highest", "质押名列前茅")],
		Drawn: [t("drawn seat", "抽签席位"), t("It drew the one seat that is given by chance, weighted by stake", "抽中按质押加权的随机席位")],
		Waits: [t("waits", "候补"), t("Others have more stake, or registered earlier with as much; it may draw the next seat", "他人质押更高，或同额但更早注册；下一轮可能被抽中")],
		New: [t("new", "新"), t("It had no stake that counted when the round began, or registered since", "本轮开始时没有计入的质押，或刚注册")],
		Jailed: [t("jailed", "监禁"), t("A verdict against it waits to be carried out", "对其不利的裁定待执行")],
		OwnBond: [t("own bond", "自押不足"), t("Its own bond is below the minimum: it leaves at the next election", "自有质押低于最低额：下次选举时离开")],
	})[reason] as [string, string];
