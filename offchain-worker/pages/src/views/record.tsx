/** What a transcoder has done, and what it has lost: what is on the chain, not what a page has seen. */
import type { JSX } from "preact";
import type { Backing, Performance, Terms, Yield } from "../chain/types";
import { live } from "../ui/kit";
import { percent, t } from "../ui/words";

/** What the chain has on record of a transcoder. */
export interface OnRecord {
	terms: Terms | undefined;
	backing: Backing;
	yields: Yield;
	performance: Performance;
	/** Claims that were accepted, in full ones. */
	accepted: number;
}

export async function recordOf(who: string, at: string): Promise<OnRecord> {
	const [terms, backing, yields, performance, accepted] = await Promise.all([
		live.read("terms_of", [who], at),
		live.read("backing", [who], at),
		live.read("yield_of", [who], at),
		live.read("performance", [who], at),
		live.read("accepted", [who], at),
	]);
	return { terms, backing, yields, performance, accepted };
}

/** A transcoder's own part of the stake behind it. */
export const ownShare = ({ own, next_round }: Backing): string => (next_round ? `${((Number(own) / Number(next_round)) * 100).toFixed(0)} %` : "–");

/** What a transcoder has done: claims that the judges accepted, and jobs that it served of those that it was offered. */
export function Work({ of: { accepted, performance } }: { of: OnRecord }): JSX.Element {
	return (
		<div title={t("Claims accepted since it registered or last failed; jobs of the rounds that count", "自注册或上次失败以来被接受的声明；计入轮次内的任务")}>
			{t(`${accepted} claim${accepted === 1 ? "" : "s"} accepted`, `${accepted} 个声明通过`)}
			{performance.offered > 0 && (
				<div class={`small ${performance.served < performance.offered ? "bad" : "faint"}`}>
					{t(`served ${performance.served} of ${performance.offered} jobs`, `完成 ${performance.offered} 个任务中的 ${performance.served} 个`)}
				</div>
			)}
		</div>
	);
}

/** What a transcoder has lost, and what it does not earn by serving too little: nothing where all is well. */
export function Failures({ of: { backing, yields } }: { of: OnRecord }): JSX.Element {
	return (
		<>
			{backing.wiped > 0 && <span class="pill Jailed">{t(`lost all its stake ${backing.wiped}×`, `质押被全部罚没 ${backing.wiped} 次`)}</span>}
			{backing.slashed > 0 && (
				<span class="pill Jailed" title={t("What slashes have taken of a bond that was there from the beginning", "自始存在的质押被罚没的比例")}>
					{t(`slashed ${percent(backing.slashed, 2)}`, `已罚没 ${percent(backing.slashed, 2)}`)}
				</span>
			)}
			{yields.stake > 0n && !yields.competitive && <span class="pill Jailed">{t("serves too few jobs to earn", "完成任务过少，无收益")}</span>}
		</>
	);
}

/** What the words beside accounts mean, each once: on a phone nothing is told by pointing at them. */
export function Meanings({ of }: { of: [word: string, sentence: string][] }): JSX.Element | null {
	const meanings = [...new Map(of)];
	if (!meanings.length) return null;
	return (
		<details>
			<summary>{t("What the words mean", "词语含义")}</summary>
			<ul class="small">
				{meanings.map(([word, sentence]) => (
					<li key={word}>
						<b>{word}</b>: {sentence}
					</li>
				))}
			</ul>
		</details>
	);
}
