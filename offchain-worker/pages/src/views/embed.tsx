/** For other pages: the player, the addresses, and whose node is asked. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ownNode, setOwnNode } from "../chain/live";
import type { Status } from "../player/watch";
import { Card, Copy } from "../ui/kit";
import { t } from "../ui/words";
import { isServed } from "../player/name";

/** Whether a text is where a node could be asked. */
export const isNode = (text: string): boolean => /^https?:\/\/[^\s/?#@]+\/?$/i.test(text);

/**
 * The stream that the address names, or one of this gateway, so that what is copied plays; what to write in its place
 * where there is none.
 */
function useExample(): string {
	const asked = new URLSearchParams(location.search).get("stream") ?? "";
	const isNamed = /^[1-9A-HJ-NP-Za-km-z]{46,49}\//.test(asked) && isServed(asked);
	const [name, set] = useState(isNamed ? asked : "BROADCASTER/NAME");
	useEffect(() => {
		if (isNamed) return;
		let over = false;
		fetch("/status")
			.then((response) => response.json())
			.then(
				({ streams }: { streams: Status[] }) => {
					const shown = streams.find(({ ended }) => !ended) ?? streams[0];
					if (!over && shown && isServed(shown.name)) set(`${shown.broadcaster}/${shown.name}`);
				},
				() => undefined,
			);
		return () => void (over = true);
	}, []);
	return name;
}

export function EmbedPage(): JSX.Element {
	const origin = location.origin;
	const [node, setNode] = useState(ownNode() ?? "");
	const name = useExample();
	const wrong = node.trim() !== "" && !isNode(node.trim());
	const example = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Live</title>
<script type="module" src="${origin}/livepeer-player.js"></script>
<livepeer-player stream="${name}"></livepeer-player>
</html>
`;
	const rows: [string, string][] = [
		["/stream/BROADCASTER/NAME/index.m3u8", t("master playlist; live, or the recording when it has ended", "主播放列表；直播，或结束后的录像")],
		["/stream/BROADCASTER/NAME/R/SEQ.ts", t("one segment of rendition R", "画质 R 的一个片段")],
		["/stream/BROADCASTER/NAME/records/SEQ.scale", t("signed headers and receipts from SEQ on (SCALE, docs/formats.md)", "从 SEQ 起的签名头与回执（SCALE，见 docs/formats.md）")],
		["/stream/BROADCASTER/NAME/status", t("JSON: broadcaster, job, renditions, newest segment", "JSON：广播者、任务、画质、最新片段")],
		["/stream/BROADCASTER/NAME/playback", t("JSON: how it is played, and where each rendition is", "JSON：播放方式与各画质地址")],
		["/status", t("JSON: every stream that this gateway follows", "JSON：此网关跟随的所有视频流")],
		["POST /chain", t("JSON-RPC reads of the gateway's node; a signed transaction is passed on", "网关节点的 JSON-RPC 读取；可转发已签名交易")],
	];
	return (
		<main class="embed">
			<div class="title">
				<h1>{t("On a page of yours", "嵌入您的页面")}</h1>
			</div>
			<Card title={t("A player that checks what it plays", "可核验的播放器")} aside={<Copy text={example} />}>
				<pre class="code" tabIndex={0}>
					<code>{example}</code>
				</pre>
				<p class="small">
					{t(
						"Attributes: stream, gateway (this one unless told otherwise), muted, autoplay. It sends the event “trust” with “checked”, “unchecked” or “refused”, and a reason. A page with a Content-Security-Policy allows this gateway in script-src and connect-src, and blob: in media-src and worker-src.",
						"属性：stream、gateway（默认此网关）、muted、autoplay。事件 “trust” 带 “checked”、“unchecked” 或 “refused” 及原因。有 CSP 的页面需在 script-src、connect-src 允许此网关，并在 media-src、worker-src 允许 blob:。",
					)}
				</p>
			</Card>
			<Card title={t("Addresses", "接口地址")}>
				<dl class="addresses">
					{rows.map(([path, what]) => (
						<div key={path}>
							<dt>
								<code>{path}</code>
							</dt>
							<dd>{what}</dd>
						</div>
					))}
				</dl>
				<p class="small faint">
					{t("All of them may be asked from any page (CORS). Every field and every refusal:", "任何页面均可访问（CORS）。全部字段与错误：")} <a href="/openapi.json">/openapi.json</a>
				</p>
			</Card>
			<Card id="node" title={t("Whose node is asked", "使用哪个节点")}>
				<p>
					{t(
						"Bytes and signatures are checked here. Whose keys are whose, and what became of a claim, the chain tells, by the node that is asked: the gateway's. Who runs a node of his own need not trust the gateway's.",
						"字节与签名在本地核验。密钥归属与声明结果由链告知，默认询问网关的节点。自己运行节点者无需信任网关。",
					)}
				</p>
				<form
					class="lookup"
					onSubmit={(event) => {
						event.preventDefault();
						if (wrong) return;
						setOwnNode(node.trim() || null);
						location.reload();
					}}
				>
					<input value={node} onInput={(event) => setNode(event.currentTarget.value)} placeholder="http://127.0.0.1:9944" aria-label={t("address of a node on this machine", "本机节点地址")} aria-invalid={wrong} />
					<button type="submit" disabled={wrong}>{t("Use it", "使用")}</button>
					{ownNode() && (
						<button
							type="button"
							onClick={() => {
								setOwnNode(null);
								location.reload();
							}}
						>
							{t("Use the gateway's", "使用网关节点")}
						</button>
					)}
				</form>
				{wrong && <p class="bad small" role="alert">{t("A node's address is http://HOST:PORT.", "节点地址形如 http://主机:端口。")}</p>}
				<p class="small faint">{t("The page may ask a node on this machine, and others only where the gateway's operator names them.", "页面可访问本机节点；其他节点须由网关运营者指定。")} {t("The node must allow this page: --rpc-cors with this page's origin.", "节点须允许此页面：--rpc-cors 设为此页面来源。")}</p>
			</Card>
		</main>
	);
}
