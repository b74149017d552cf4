/** Publishing from this browser's camera: preview, level, state, and every failure in a sentence. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { capture, meter, Publication, PublishError, type Problem, type Sending } from "../publish/whip";
import { WHIP } from "../publish/address";
import { Card, hold } from "../ui/kit";
import { t } from "../ui/words";

/** Before a lost connection is tried again, in ms: the first pause, and the longest. */
const PAUSE = 2_000;
const LONGEST = 10_000;

export function sentence(problem: Problem, detail: string): string {
	switch (problem) {
		case "insecure":
			return t("The browser gives its camera to pages of HTTPS or of this machine only: open this page as http://127.0.0.1 or by HTTPS.", "浏览器只允许 HTTPS 或本机页面使用摄像头：请通过 http://127.0.0.1 或 HTTPS 打开本页。");
		case "denied":
			return t("The browser was not allowed to use camera and microphone. Allow it beside the page's address, then try again.", "浏览器未获准使用摄像头和麦克风。请在地址栏旁允许后重试。");
		case "nodevice":
			return t("There is no such camera. Connect one or choose another.", "找不到摄像头。请连接或另选一个。");
		case "inuse":
			return t("The camera is used by another program. Close that, then try again.", "摄像头正被其他程序使用。请关闭后重试。");
		case "device":
			return t(`The camera cannot be used: ${detail}`, `无法使用摄像头：${detail}`);
		case "address":
			return t("That is no address to publish to. The worker prints it when it starts: http://HOST:PORT/whip/NAME.", "推流地址无效。worker 启动时会显示：http://HOST:PORT/whip/NAME。");
		case "nokey":
			return t("The stream key is missing. It is in the file stream-key of the worker's folder.", "缺少推流码。它在 worker 目录的 stream-key 文件中。");
		case "key":
			return t("The stream key is wrong. The right one is in the file stream-key of the worker's folder.", "推流码错误。正确的在 worker 目录的 stream-key 文件中。");
		case "taken":
			return t("Somebody publishes with this key already. Stop that first, or wait three seconds after it is gone.", "已有人使用该推流码推流。请先停止，或在其离开三秒后重试。");
		case "toomany":
			return t("Too many wrong keys came from this machine. Try again in a minute.", "错误的推流码过多，请一分钟后重试。");
		case "policy":
			return t(`This gateway's pages may publish to this machine only. Its operator allows others: gateway --connect ${detail}`, `此网关的页面只能推流到本机。运营者可允许其他地址：gateway --connect ${detail}`);
		case "unreachable":
			return t(`Nothing answers at ${detail}. Is the worker running, with --whip and this port?`, `${detail} 没有应答。worker 是否已用 --whip 和该端口运行？`);
		case "nocodec":
			return t(`This browser and the worker have no way of encoding in common. ${detail}`, `浏览器与 worker 没有共同的编码。${detail}`);
		case "ice":
			return t("The worker answered, but no packet gets through. Let UDP pass to the port of --whip; behind NAT give the worker --whip-announce with its public address.", "worker 已应答，但数据包无法到达。请放行 --whip 端口的 UDP；若在 NAT 后，请用 --whip-announce 指定公网地址。");
		case "refused":
			return t(`The worker refuses: ${detail}`, `worker 拒绝：${detail}`);
	}
}

type State = "off" | "opening" | "preview" | "connecting" | "live" | "again";

const told = (error: unknown): string =>
	error instanceof PublishError ? sentence(error.problem, error.detail) : error instanceof Error ? error.message : String(error);

export function Camera({ name, width, height, fps }: { name: string; width: number; height: number; fps: number }): JSX.Element {
	const [address, setAddress] = useState<string | null>(null);
	const [key, setKey] = useState("");
	const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
	const [camera, setCamera] = useState("");
	const [microphone, setMicrophone] = useState("");
	const [state, setState] = useState<State>("off");
	const [problem, setProblem] = useState<string | null>(null);
	const [level, setLevel] = useState(0);
	const [sending, setSending] = useState<Sending | null>(null);
	const video = useRef<HTMLVideoElement>(null);
	const stream = useRef<MediaStream | null>(null);
	const publication = useRef<Publication | null>(null);
	/** Grows whenever what runs is no longer wanted. */
	const turn = useRef(0);
	const url = address ?? `http://${WHIP}/whip/${encodeURIComponent(name || "NAME")}`;
	const at = useRef({ url, key });
	// What was begun comes back at the same place, whatever is typed meanwhile for the next stream.
	const isSent = state === "connecting" || state === "live" || state === "again";
	if (!isSent) at.current = { url, key };
	useEffect(() => (isSent ? hold(() => t("You are live, and your stream ends when you leave this page. Leave it?", "您正在直播，离开本页将结束直播。确定离开吗？")) : undefined), [isSent]);

	const off = (): void => {
		turn.current++;
		publication.current?.stop();
		publication.current = null;
		for (const track of stream.current?.getTracks() ?? []) track.stop();
		stream.current = null;
		if (video.current) video.current.srcObject = null;
		setSending(null);
		setLevel(0);
		setState("off");
	};
	useEffect(() => {
		addEventListener("pagehide", off);
		return () => {
			removeEventListener("pagehide", off);
			off();
		};
	}, []);

	const look = async (): Promise<MediaStream | null> => {
		if (stream.current) return stream.current;
		const mine = ++turn.current;
		setProblem(null);
		setState("opening");
		try {
			const taken = await capture({ width, height, fps, camera, microphone });
			if (mine !== turn.current) {
				for (const track of taken.getTracks()) track.stop();
				return null;
			}
			stream.current = taken;
			for (const track of taken.getTracks()) {
				track.addEventListener("ended", () => {
					if (stream.current !== taken) return;
					off();
					setProblem(sentence("nodevice", ""));
				});
			}
			if (video.current) video.current.srcObject = taken;
			setState("preview");
			setDevices(await navigator.mediaDevices.enumerateDevices());
			return taken;
		} catch (error) {
			off();
			setProblem(told(error));
			return null;
		}
	};

	const publish = async (attempt = 0): Promise<void> => {
		const taken = await look();
		if (!taken) return;
		const mine = ++turn.current;
		const isOver = (): boolean => mine !== turn.current;
		if (!attempt) setProblem(null);
		setState(attempt ? "again" : "connecting");
		const again = async (count: number): Promise<void> => {
			setSending(null);
			setState("again");
			await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST, PAUSE * count)));
			if (!isOver()) await publish(count);
		};
		try {
			const begun = await Publication.begin(at.current.url, at.current.key, taken, () => {
				publication.current = null;
				if (!isOver()) void again(1);
			});
			if (isOver()) return begun.stop();
			publication.current = begun;
			setProblem(null);
			setState("live");
		} catch (error) {
			if (isOver()) return;
			setProblem(told(error));
			// What was live comes back by itself, however long that takes, unless it is told that it may not.
			const passes = error instanceof PublishError && ["ice", "unreachable", "taken"].includes(error.problem);
			if (attempt && passes) return again(attempt + 1);
			setState("preview");
		}
	};

	const isOn = state !== "off" && state !== "opening";
	useEffect(() => {
		const taken = stream.current;
		if (!isOn || !taken) return;
		const sound = meter(taken);
		const timer = setInterval(() => sound && setLevel(sound.level()), 100);
		return () => {
			clearInterval(timer);
			sound?.over();
		};
	}, [isOn]);
	useEffect(() => {
		if (state !== "live") return;
		const timer = setInterval(() => {
			void publication.current?.sending().then((found) => publication.current && setSending(found));
		}, 1_000);
		return () => clearInterval(timer);
	}, [state]);

	const choice = (kind: MediaDeviceKind, chosen: string, choose: (id: string) => void, label: string): JSX.Element => (
		<label class="field">
			{label}
			<select value={chosen} disabled={isOn} onChange={(event) => choose(event.currentTarget.value)}>
				<option value="">{t("as the browser chooses", "浏览器默认")}</option>
				{devices
					.filter((device) => device.kind === kind && device.deviceId)
					.map((device) => (
						<option key={device.deviceId} value={device.deviceId}>
							{device.label || device.deviceId.slice(0, 8)}
						</option>
					))}
			</select>
		</label>
	);
	const words: Record<State, string> = {
		off: t("The camera is off.", "摄像头已关闭。"),
		opening: t("Asking for the camera…", "正在请求摄像头…"),
		preview: t("Only you see this.", "仅您可见。"),
		connecting: t("Connecting…", "正在连接…"),
		live: t("You are live.", "直播中。"),
		again: t("The connection was lost; trying again…", "连接中断，正在重试…"),
	};
	return (
		<Card title={t("From this browser's camera", "用浏览器摄像头直播")} id="camera" aside={<span class={`state ${state}`}>{state === "live" ? t("● live", "● 直播中") : ""}</span>}>
			<div class="form">
				<video class="preview" ref={video} autoplay muted playsInline hidden={!isOn} aria-label={t("what your camera sees", "摄像头画面")} />
				{isOn && (
					<label class="field">
						{t("Microphone", "麦克风")}
						<meter class="level" min={0} max={1} high={0.92} value={level} />
					</label>
				)}
				<p class="small" role="status" data-state={state}>
					{words[state]}
					{sending && state === "live" ? (
						<span class="faint">
							{" "}
							{sending.width}×{sending.height}, {sending.fps} fps, {(sending.kbps / 1000).toFixed(1)} Mbit/s, {sending.codec}
							{sending.lost ? t(`, ${sending.lost} % lost`, `，丢包 ${sending.lost}%`) : ""}
						</span>
					) : null}
				</p>
				{problem ? (
					<p class="bad small" role="alert">
						{problem}
					</p>
				) : null}
				<label class="field">
					{t("Publish to", "推流到")}
					<input type="url" value={url} disabled={isOn && state !== "preview"} onInput={(event) => setAddress(event.currentTarget.value.trim())} spellcheck={false} />
				</label>
				<label class="field">
					{t("Stream key", "推流码")}
					<input type="password" value={key} disabled={isOn && state !== "preview"} onInput={(event) => setKey(event.currentTarget.value.trim())} autoComplete="off" maxLength={256} />
				</label>
				<div class="two">
					{choice("videoinput", camera, setCamera, t("Camera", "摄像头"))}
					{choice("audioinput", microphone, setMicrophone, t("Microphone to use", "选用麦克风"))}
				</div>
				<div class="buttons">
					{state === "off" || state === "preview" ? (
						<button type="button" class="primary" onClick={() => void publish()}>
							{t("Go live", "开始直播")}
						</button>
					) : null}
					{state === "off" ? (
						<button type="button" onClick={() => void look()}>
							{t("Look first", "先预览")}
						</button>
					) : (
						<button type="button" onClick={off}>
							{state === "preview" || state === "opening" ? t("Turn the camera off", "关闭摄像头") : t("Stop", "停止")}
						</button>
					)}
				</div>
			</div>
		</Card>
	);
}
