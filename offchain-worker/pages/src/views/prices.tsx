/** What two seconds of 720p cost, block by block. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { asked, claimedAt, looked } from "../chain/prices";
import type { Hash } from "../chain/types";
import { Chart } from "../ui/chart";
import { Card, Empty, live, useLive } from "../ui/kit";
import { t } from "../ui/words";

type Asked = ReturnType<typeof asked>;
const nano = (price: bigint | null | undefined): number | null => (price == null ? null : Number(price) / 1e9);

/** What was asked for at some of the blocks that are kept, as far as it is known. */
function useAsked(): Map<Hash, Asked> {
	const { blocks } = useLive();
	const [, tick] = useState(0);
	const known = useRef(new Map<Hash, Asked>());
	const wanted = useRef(new Set<Hash>());
	useEffect(() => {
		const { chain } = live;
		const now = looked(blocks);
		const newest = blocks.at(-1)?.hash;
		const kept = new Set(now.map(({ hash }) => hash));
		for (const hash of known.current.keys()) if (!kept.has(hash)) known.current.delete(hash);
		for (const hash of wanted.current) if (!kept.has(hash)) wanted.current.delete(hash);
		for (const { hash } of now) {
			if (!chain || wanted.current.has(hash)) continue;
			wanted.current.add(hash);
			// A state that the node has let go of has no prices to tell.
			(hash === newest ? live : chain).read("transcoders", [], hash).then(
				(found) => {
					known.current.set(hash, asked(found));
					tick((n) => n + 1);
				},
				() => undefined,
			);
		}
	}, [blocks.at(-1)?.hash]);
	return known.current;
}

export function PricesCard(): JSX.Element {
	const { blocks } = useLive();
	const offers = useAsked();
	const title = t("Prices", "价格");
	// Each holds until the next one is known.
	let lowest: number | null = null;
	let middle: number | null = null;
	let claimed: number | null = null;
	const rows = blocks.map(({ hash, events }) => {
		const found = offers.get(hash);
		if (found) [lowest, middle] = [nano(found.lowest), nano(found.middle)];
		claimed = nano(claimedAt(events)) ?? claimed;
		return { lowest, middle, claimed };
	});
	const some = rows.at(-1);
	return (
		<Card title={title} aside={<span class="faint">{t("billionths of an ETH (gwei) for 2 s of 720p30", "gwei（十亿分之一 ETH）/ 720p30 每 2 秒")}</span>} id="prices">
			{some && (some.middle !== null || some.claimed !== null) ? (
				<Chart
					label={title}
					xs={blocks.map(({ number }) => number)}
					lines={[
						{ label: t("middle asked", "报价中位数"), values: rows.map((row) => row.middle), colour: "--accent", stepped: true },
						{ label: t("lowest asked", "最低报价"), values: rows.map((row) => row.lowest), colour: "--soft", stepped: true },
						{ label: t("claimed at", "声明价"), values: rows.map((row) => row.claimed), colour: "--busy", stepped: true },
					]}
				/>
			) : (
				<Empty>{t("No price in the blocks that this page has read.", "本页读取的区块中没有价格。")}</Empty>
			)}
		</Card>
	);
}
