/** What the chain calls things, in words of both languages: its own name for what a later runtime adds. */
import type { Stage } from "../chain/types";
import type { Reason } from "../proof/formats";
import { t } from "./words";

type Words = [en: string, zh: string];
const said = (words: Record<string, Words>, name: string): string => {
	const found = Object.hasOwn(words, name) ? words[name] : undefined;
	return found ? t(...found) : name;
};

const VERDICTS: Record<string, Words> = {
	Valid: ["right", "正确"],
	Variant: ["right, made the other way that was drawn for it", "正确（按抽定的另一方式编码）"],
	"Mismatch Video": ["other pictures", "画面不符"],
	"Mismatch Audio": ["other sound", "声音不符"],
	"Mismatch Container": ["other bytes around right pictures and sound", "画面与声音正确，封装字节不符"],
	"Mismatch Work": ["more or less work than claimed", "工作量与声明不符"],
	"Mismatch Transcodable": ["called unusable, and can be transcoded", "称无法转码，实则可以"],
	"Mismatch Unforced": ["not made the other way that was drawn for it", "未按抽定的另一方式编码"],
	"NonConforming Unreadable": ["cannot be read", "无法读取"],
	"NonConforming Size": ["wrong picture size", "画面尺寸错误"],
	"NonConforming Timing": ["pictures missing or at wrong times", "画面缺失或时间错误"],
	"NonConforming Input": ["made of what cannot be transcoded", "来源本无法转码"],
	"Unavailable Unreachable": ["not had: the transcoder was not reached", "未取得：无法连接转码者"],
	"Unavailable Refused": ["not had: the transcoder did not give it", "未取得：转码者未提供"],
	"Unavailable WrongBytes": ["not had: the transcoder sent something else", "未取得：转码者发送了其他内容"],
	"Unavailable TooLate": ["not had in time", "未及时取得"],
	Abstain: ["could not judge", "无法评判"],
};
/** A judge's word on one segment, by the name of its verdict. */
export const verdictText = (name: string): string => said(VERDICTS, name);
/** Whether a verdict says that something is wrong. */
export const accuses = (name: string): boolean => !["Valid", "Variant", "Abstain"].includes(name);

const STAGES: Record<Stage, Words> = {
	AwaitingSeed: ["waits for the draw", "等待抽签"],
	LeafReveal: ["the transcoder shows what was drawn", "转码者出示被抽中的片段"],
	Commit: ["the judges seal their votes", "评判者密封投票"],
	VerdictReveal: ["the judges open their votes", "评判者公开投票"],
	AwaitingDispute: ["the judges disagree; all validators are asked", "评判不一致，将由全体验证人裁定"],
	Decided: ["decided", "已裁定"],
};
export const stageText = (stage: Stage): string => said(STAGES, stage);

const REASONS: Record<Reason, Words> = {
	TooManyBytes: ["too many bytes", "字节过多"],
	NotTransportStream: ["no transport stream", "不是传输流"],
	TooManyPackets: ["too many packets", "数据包过多"],
	UnsupportedVideo: ["pictures of another kind", "不支持的视频编码"],
	UnsupportedAudio: ["sound of another kind", "不支持的音频编码"],
	TooManyPixels: ["pictures too large", "画面过大"],
	TooManyFrames: ["too many pictures", "画面过多"],
	TooLong: ["too long", "过长"],
	TooShort: ["too short", "过短"],
	NoKeyframe: ["does not begin with a whole picture", "未以关键帧开始"],
	Undecodable: ["cannot be decoded", "无法解码"],
};
/** Why a transcoder made nothing of a segment. */
export const rejectedText = (reason: Reason): string => t(`not transcoded: ${said(REASONS, reason)}`, `未转码：${said(REASONS, reason)}`);

const UNSUITED: Record<string, Words> = {
	Nobody: ["nobody takes work now", "目前无人接受任务"],
	Profile: ["nobody encodes in the way that it asks for", "无人支持所要求的编码方式"],
	Capacity: ["no machine is fast enough for it", "没有足够快的机器"],
	Price: ["everybody asks more than its highest price", "所有报价都高于其最高价"],
	BelowVerification: ["those that it could pay ask too little for their claims to be worth judging", "可选的转码者报价过低，其声明不值得验证"],
	Budget: ["its budget does not pay for one segment", "预算不足以支付一个片段"],
	Busy: ["all are at work, suspended or in debt", "转码者都在忙、被暂停或欠款"],
	Keys: ["a key that signs for its broadcaster is revoked", "广播者的签名密钥已吊销"],
	Judges: ["too few validators could judge it", "能评判它的验证人过少"],
};
/** Why a job finds no transcoder. */
export const unsuitedText = (why: string): string => said(UNSUITED, why);

const ENDED: Record<string, Words> = {
	Broadcaster: ["its broadcaster has ended it", "由广播者结束"],
	Expired: ["its time is over", "已到期"],
	NobodySuits: ["no transcoder was found for it", "没有找到转码者"],
};
/** Why a job is over. */
export const endedText = (reason: string): string => said(ENDED, reason);

const STOPPED: Record<string, Words> = {
	Ordered: ["its guardian or governance said so", "守护者或治理的决定"],
	EscrowShort: ["less is held on Ethereum than was put in", "以太坊上的托管少于存入"],
	ReleasedTooMuch: ["more was let go on Ethereum than this chain has sent", "以太坊放出的多于本链转出"],
	WentBack: ["a figure that only grows has shrunk", "只增的数据变小了"],
	CreditedTooMuch: ["more came over than was put in", "转入多于存入"],
	IssuedTooMuch: ["more is here than stands behind it", "本链数量超过其担保"],
};
/** Why the bridge stands still. */
export const stoppedText = (reason: string): string => said(STOPPED, reason);
