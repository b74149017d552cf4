/** What the light client does, said beside what it proves. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { chooseLight, light, wantsLight, type LightState } from "../light/state";
import { A, Card, Fact, useChanges } from "../ui/kit";
import { t } from "../ui/words";

/** The number that a read asks for, as its argument encodes it. */
function numberOf(argument: string): bigint {
	const bytes = /^0x((?:[0-9a-f]{2}){8})$/.exec(argument)?.[1]?.match(/../g) ?? [];
	return BigInt(`0x${bytes.reverse().join("") || "0"}`);
}

function lieText({ about, argument }: LightState["lies"][number]): JSX.Element {
	const number = numberOf(argument);
	switch (about) {
		case "claim":
		case "challenge":
			return (
				<>
					{about === "claim" ? t("what is claimed", "所声明的内容") : t("how it is judged", "裁定情况")}: <A href={`/claim/${number}`}>{t(`claim ${number}`, `声明 ${number}`)}</A>
				</>
			);
		case "job":
			return <A href={`/job/${number}`}>{t(`job ${number}`, `任务 ${number}`)}</A>;
		case "operator_keys":
			return <>{t("whose keys are whose", "密钥归属")}</>;
		case "claims_of":
			return <>{t("which claims a transcoder has open", "转码者有哪些未结声明")}</>;
		default:
			return <>{t("the transcoders", "转码者名单")}</>;
	}
}

export function LightCard(): JSX.Element | null {
	useChanges(light);
	const { phase, genesis, peers, agreed, lies, reason } = light.state;
	const wanted = wantsLight();
	const [offered, setOffered] = useState(wanted);
	useEffect(() => {
		if (wanted) return;
		let over = false;
		fetch("/chain-spec.json", { method: "HEAD" }).then(
			({ ok }) => over || setOffered(ok),
			() => undefined,
		);
		return () => void (over = true);
	}, []);
	if (!offered) return null;
	const words = {
		off: "",
		loading: t("Loading the light client…", "正在加载轻客户端…"),
		syncing: t(`Finding the chain's head by itself, ${peers} nodes…`, `正在自行同步链头，${peers} 个节点…`),
		following: t(
			"This browser follows the chain itself, from its genesis: it checks the blocks and the validators' finality, and every value that this page shows of the chain against them. The gateway's node is not believed.",
			"本浏览器从创世块起自行跟随链：自己核验区块与验证人的最终性，并据此核对本页显示的每个链上数据，不信任网关的节点。",
		),
		failed: t(`The light client stopped: ${reason}`, `轻客户端已停止：${reason}`),
	};
	return (
		<Card title={t("Light client", "轻客户端")} id="light">
			{wanted ? (
				<>
					<p role="status" data-phase={phase} class={phase === "failed" ? "bad" : ""}>
						{words[phase]}
					</p>
					{lies.length ? (
						<div class="bad" role="alert" id="lies">
							<strong>{t("The gateway's node says otherwise than the chain.", "网关节点所说与链不符。")}</strong>{" "}
							{t("What this page shows is the chain's. It differs on:", "本页显示的是链上数据。不符之处：")}
							<ul>
								{lies.map((lie) => (
									<li key={`${lie.about} ${lie.argument}`}>{lieText(lie)}</li>
								))}
							</ul>
						</div>
					) : null}
					{phase === "following" && (
						<dl class="grid tight">
							<Fact name={t("Nodes", "节点")}>{peers}</Fact>
							<Fact name={t("The gateway agreed", "网关一致")}>{t(`${agreed} times`, `${agreed} 次`)}</Fact>
							<Fact name={t("Genesis", "创世块")} note={t("compare it with one that you know", "请与您所知的比较")}>
								<code class="wrap">{genesis}</code>
							</Fact>
						</dl>
					)}
					<button type="button" class="small" onClick={() => chooseLight(false)}>
						{t("Ask the gateway's node again", "改回网关节点")}
					</button>
				</>
			) : (
				<>
					<p class="small">
						{t(
							"What became of a claim, and whose keys are whose, this page has from the gateway's node. Your browser can follow the chain itself instead, and believe nobody. It loads 5 MB.",
							"声明的结果与密钥归属来自网关节点。您的浏览器也可以自行跟随链，不信任任何人（加载 5 MB）。",
						)}
					</p>
					<button type="button" onClick={() => chooseLight(true)}>
						{t("Follow the chain myself", "自行跟随链")}
					</button>
				</>
			)}
		</Card>
	);
}
