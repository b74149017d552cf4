// The page of one stream: /stream/NAME plays /stream/NAME/index.m3u8.
"use strict";

const base = location.pathname.replace(/\/$/, "");
const source = `${base}/index.m3u8`;
const element = (id) => document.getElementById(id);
const video = element("video");
const say = (text) => (element("message").textContent = text);

const name = decodeURIComponent(base.split("/").pop());
element("name").textContent = name;
document.title = `${name} · Livepeer`;

let hls;
function start() {
	if (window.Hls && Hls.isSupported()) {
		// In seconds: the playlist's target duration is the longest that a segment may ever have,
		// three of which would be far behind the stream.
		hls = new Hls({ maxLiveSyncPlaybackRate: 1.5, liveSyncDuration: 4, liveMaxLatencyDuration: 30 });
		hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => {
			const select = element("levels");
			select.length = 1;
			levels.forEach((level, index) =>
				select.add(new Option(`${level.width}×${level.height}, ${Math.round(level.bitrate / 1000)} kbit/s`, index)),
			);
			say("");
			video.play().catch(() => say("Press play."));
		});
		hls.on(Hls.Events.ERROR, (_, { fatal, type, details }) => {
			if (!fatal) return;
			if (type === Hls.ErrorTypes.MEDIA_ERROR) {
				hls.recoverMediaError();
				return;
			}
			say(`Waiting for the stream (${details}).`);
			hls.destroy();
			setTimeout(start, 2000);
		});
		hls.loadSource(source);
		hls.attachMedia(video);
	} else if (video.canPlayType("application/vnd.apple.mpegurl")) {
		video.src = source;
	} else {
		say("This browser cannot play HLS.");
	}
}
start();

element("levels").addEventListener("change", ({ target }) => {
	if (hls) hls.nextLevel = Number(target.value);
});
element("live").addEventListener("click", () => {
	const edge = hls?.liveSyncPosition ?? video.duration;
	if (Number.isFinite(edge)) video.currentTime = edge;
	video.play();
});

const seconds = (value) => (Number.isFinite(value) ? `${value.toFixed(1)} s` : "–");
setInterval(() => {
	element("picture").textContent = video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : "–";
	element("latency").textContent = hls && hls.latency > 0 ? seconds(hls.latency) : "–";
	const ranges = video.buffered;
	const end = ranges.length ? ranges.end(ranges.length - 1) - video.currentTime : NaN;
	element("buffer").textContent = seconds(end);
}, 500);

async function status() {
	try {
		const response = await fetch(`${base}/status`);
		if (!response.ok) return;
		const stream = await response.json();
		element("checked").textContent = `${stream.segments}${stream.ended ? " (complete)" : ""}`;
		element("broadcaster").textContent = stream.broadcaster;
		element("transcoder").textContent = stream.transcoder ?? "–";
	} catch {
		// The next poll tries again.
	}
}
status();
setInterval(status, 2000);
