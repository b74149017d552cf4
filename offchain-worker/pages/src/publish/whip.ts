/** Publishing over WebRTC as WHIP (RFC 9725) says: an offer by HTTP with the stream key, pictures and sound by UDP. */
export type Problem =
	| "insecure"
	| "denied"
	| "nodevice"
	| "inuse"
	| "address"
	| "nokey"
	| "key"
	| "taken"
	| "toomany"
	| "policy"
	| "unreachable"
	| "refused"
	| "nocodec"
	| "ice"
	| "device";

export class PublishError extends Error {
	constructor(
		readonly problem: Problem,
		readonly detail = "",
	) {
		super(detail ? `${problem}: ${detail}` : problem);
	}
}

export interface Wanted {
	width: number;
	height: number;
	fps: number;
	camera?: string;
	microphone?: string;
}

/** Camera and microphone; a camera alone where there is no microphone. */
export async function capture({ width, height, fps, camera, microphone }: Wanted): Promise<MediaStream> {
	const devices = navigator.mediaDevices as MediaDevices | undefined;
	if (!devices?.getUserMedia) throw new PublishError("insecure");
	const of = (id: string | undefined) => (id ? { deviceId: { exact: id } } : {});
	const video = { ...of(camera), width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps, max: fps } };
	const audio = { ...of(microphone), echoCancellation: false, noiseSuppression: true };
	try {
		return await devices.getUserMedia({ video, audio }).catch((error: DOMException) => {
			if (error.name !== "NotFoundError" || microphone) throw error;
			return devices.getUserMedia({ video });
		});
	} catch (error) {
		const { name, message } = error as DOMException;
		if (name === "NotAllowedError" || name === "SecurityError") throw new PublishError("denied");
		if (name === "NotFoundError" || name === "OverconstrainedError") throw new PublishError("nodevice");
		if (name === "NotReadableError" || name === "AbortError") throw new PublishError("inuse");
		throw new PublishError("device", message);
	}
}

export interface Sending {
	kbps: number;
	width: number;
	height: number;
	fps: number;
	/** Packets of a hundred that the other side did not get. */
	lost: number;
	codec: string;
}

/** How long addresses are gathered, and how long the first packet may take, in ms. */
const GATHER = 2_000;
const CONNECT = 15_000;
/** Bits per second and pixel of a picture that moves: 4 Mbit/s for 720p30. */
const BITS = 0.145;

/** Whether the page's own policy forbids to ask an address, which a failed request alone does not tell. */
function watchPolicy(): { forbidden: () => boolean; over: () => void } {
	let forbidden = false;
	const note = (event: SecurityPolicyViolationEvent): void => {
		if (event.effectiveDirective === "connect-src") forbidden = true;
	};
	document.addEventListener("securitypolicyviolation", note);
	return { forbidden: () => forbidden, over: () => document.removeEventListener("securitypolicyviolation", note) };
}

export class Publication {
	private closed = false;
	private before: { bytes: number; at: number } | null = null;
	private constructor(
		private readonly peer: RTCPeerConnection,
		private readonly session: string | null,
		/** Called once when the connection is lost, not when it is stopped. */
		onLost: () => void,
	) {
		peer.onconnectionstatechange = () => {
			if (this.closed || (peer.connectionState !== "failed" && peer.connectionState !== "closed")) return;
			this.stop();
			onLost();
		};
	}

	/** Publishes until it is stopped; resolves when pictures can flow. */
	static async begin(url: string, key: string, stream: MediaStream, onLost: () => void): Promise<Publication> {
		let to: URL;
		try {
			to = new URL(url);
		} catch {
			throw new PublishError("address");
		}
		if (!/^https?:$/.test(to.protocol)) throw new PublishError("address");
		if (!key) throw new PublishError("nokey");
		const peer = new RTCPeerConnection();
		let session: string | null = null;
		try {
			for (const track of stream.getTracks()) {
				if (track.kind === "video") track.contentHint = "motion";
				const { sender } = peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
				if (track.kind === "video") await steady(sender, track);
			}
			await peer.setLocalDescription();
			await gathered(peer);
			const policy = watchPolicy();
			let answer: Response;
			try {
				answer = await fetch(to, {
					method: "POST",
					headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${key}` },
					body: peer.localDescription?.sdp ?? "",
					signal: AbortSignal.timeout(CONNECT),
				});
			} catch {
				// What the policy forbids is told a moment after the request has failed.
				await new Promise((resolve) => setTimeout(resolve, 100));
				throw new PublishError(policy.forbidden() ? "policy" : "unreachable", to.origin);
			} finally {
				policy.over();
			}
			if (!answer.ok) throw await refusal(answer);
			const place = answer.headers.get("Location");
			session = place && new URL(place, to).href;
			try {
				await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
			} catch (error) {
				throw new PublishError("nocodec", error instanceof Error ? error.message : "");
			}
			await connected(peer);
			return new Publication(peer, session, onLost);
		} catch (error) {
			peer.close();
			if (session) leave(session);
			throw error;
		}
	}

	/** What is sent now. */
	async sending(): Promise<Sending | null> {
		const stats = await this.peer.getStats();
		let found: Sending | null = null;
		for (const one of stats.values()) {
			if (one.type !== "outbound-rtp" || one.kind !== "video") continue;
			const { before } = this;
			this.before = { bytes: one.bytesSent, at: one.timestamp };
			const kbps = before && one.timestamp > before.at ? ((one.bytesSent - before.bytes) * 8) / (one.timestamp - before.at) : 0;
			const remote = one.remoteId ? stats.get(one.remoteId) : undefined;
			const codec = one.codecId ? stats.get(one.codecId) : undefined;
			found = {
				kbps: Math.round(kbps),
				width: one.frameWidth ?? 0,
				height: one.frameHeight ?? 0,
				fps: Math.round(one.framesPerSecond ?? 0),
				lost: Math.round((remote?.fractionLost ?? 0) * 100),
				codec: String(codec?.mimeType ?? "").replace("video/", ""),
			};
		}
		return found;
	}

	/** Ends the publication. The camera stays on. */
	stop(): void {
		if (this.closed) return;
		this.closed = true;
		this.peer.close();
		if (this.session) leave(this.session);
	}
}

/** Tells the other side that nothing follows, also while the page goes away. */
function leave(session: string): void {
	void fetch(session, { method: "DELETE", keepalive: true }).catch(() => undefined);
}

/** A stream whose size changes begins anew each time: rather fewer bits for a picture than another size. */
async function steady(sender: RTCRtpSender, track: MediaStreamTrack): Promise<void> {
	const { width = 1280, height = 720, frameRate = 30 } = track.getSettings();
	const parameters = sender.getParameters();
	const [encoding] = parameters.encodings;
	if (encoding) encoding.maxBitrate = Math.round(width * height * frameRate * BITS);
	(parameters as { degradationPreference?: string }).degradationPreference = "maintain-resolution";
	try {
		await sender.setParameters(parameters);
	} catch {
		// The browser's own choice, then.
	}
}

/** All addresses go with the offer. */
function gathered(peer: RTCPeerConnection): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => {
			if (peer.iceGatheringState === "complete") resolve();
		};
		peer.addEventListener("icegatheringstatechange", look);
		setTimeout(resolve, GATHER);
		look();
	});
}

function connected(peer: RTCPeerConnection): Promise<void> {
	return new Promise((resolve, reject) => {
		const late = setTimeout(() => done(new PublishError("ice")), CONNECT);
		const look = (): void => {
			if (peer.connectionState === "connected") done();
			else if (peer.connectionState === "failed" || peer.connectionState === "closed") done(new PublishError("ice"));
		};
		const done = (error?: PublishError): void => {
			clearTimeout(late);
			peer.removeEventListener("connectionstatechange", look);
			if (error) reject(error);
			else resolve();
		};
		peer.addEventListener("connectionstatechange", look);
		look();
	});
}

async function refusal(answer: Response): Promise<PublishError> {
	const text = (await answer.text().catch(() => "")).trim().slice(0, 200);
	switch (answer.status) {
		case 401:
			return new PublishError("nokey");
		case 403:
			return new PublishError("key");
		case 409:
			return new PublishError("taken");
		case 429:
			return new PublishError("toomany");
		case 404:
		case 405:
			return new PublishError("address", `${answer.status}`);
		default:
			return new PublishError("refused", text || `${answer.status}`);
	}
}

/** The loudness of a microphone from 0 to 1, as a function to ask and one to end it. */
export function meter(stream: MediaStream): { level: () => number; over: () => void } | null {
	if (!stream.getAudioTracks().length) return null;
	const sound = new AudioContext();
	const analyser = sound.createAnalyser();
	analyser.fftSize = 1_024;
	sound.createMediaStreamSource(stream).connect(analyser);
	const samples = new Float32Array(analyser.fftSize);
	return {
		level: () => {
			analyser.getFloatTimeDomainData(samples);
			let sum = 0;
			for (const sample of samples) sum += sample * sample;
			// From -60 dB to full.
			const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
			return Math.min(1, Math.max(0, (decibels + 60) / 60));
		},
		over: () => void sound.close(),
	};
}
