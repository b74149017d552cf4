import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrdered, isPlaylist, renditionOf, segmentOf } from "../src/player/playlist";

Object.defineProperty(globalThis, "location", { value: { href: "http://gateway/stream/5F/demo" }, configurable: true });

const head = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:6\n";
const live = `${head}#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-PROGRAM-DATE-TIME:2026-11-28T17:30:00.250Z\n#EXTINF:2.000000,\n0/7.ts\n#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:2.00000,\n0/8.ts\n#EXTINF:1.500000,\n0/9.ts\n`;
const recording = `${head}#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\n1/3.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\n1/9.ts\n#EXT-X-ENDLIST\n`;
const master = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=640x360,CODECS="avc1.64001e,mp4a.40.2"\n/stream/5F/demo/0.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=900\n/stream/5F/demo/1.m3u8\n';

test("playlists of a gateway should be followed", () => {
	for (const good of [live, `${live}#EXT-X-ENDLIST\n`, recording, master, master.replaceAll(/(\d\.m3u8)/g, "recording-$1"), head, live.replaceAll("\n", "\r\n"), `${live}# a comment\n`]) {
		assert.ok(isOrdered(good, good === recording ? 1 : 0), good);
	}
});

test("attack playlist that changes or reorders what was checked", () => {
	const line = (of: string, more: string) => of.replace("#EXTINF", `${more}\n#EXTINF`);
	for (const [why, bad] of [
		["a key that changes checked bytes", line(live, '#EXT-X-KEY:METHOD=AES-128,URI="0/7.ts"')],
		["a key of the session", master.replace("#EXT-X-STREAM", '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"\n#EXT-X-STREAM')],
		["bytes in front of a segment", line(live, '#EXT-X-MAP:URI="0/1.ts"')],
		["a part of a segment", line(live, "#EXT-X-BYTERANGE:100@0")],
		["parts", `${live}#EXT-X-PART:DURATION=1,URI="x"\n`],
		["variables", line(live, '#EXT-X-DEFINE:NAME="a",VALUE="b"')],
		["other media", `${master}#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="https://elsewhere/a.m3u8"\n`],
		["a segment again", live.replace("0/9.ts", "0/7.ts")],
		["another order", live.replace("0/8.ts", "0/9.ts")],
		["old segments under new numbers", live.replace("SEQUENCE:7", "SEQUENCE:1007")],
		["another rendition", live.replace("0/9.ts", "1/9.ts")],
		["a recording that goes back", recording.replace("1/9.ts", "1/2.ts")],
		["a recording that repeats", recording.replace("1/9.ts", "1/3.ts")],
		["segments from elsewhere", live.replace("0/9.ts", "https://elsewhere/0/9.ts")],
		["segments that pass for renditions", `${live.replace("0/8.ts", "0/9.ts")}#EXT-X-STREAM-INF:BANDWIDTH=1\n0.m3u8\n`],
		["no playlist", "<html>"],
		["nothing", ""],
	] as const) {
		assert.ok(!isOrdered(bad, bad.includes("VOD") ? 1 : 0), why);
	}
});

test("attack rendition that is listed under another one's number", () => {
	const [of, own] = ["http://gateway/stream/5F/demo/0.m3u8", "http://gateway/stream/5F/demo/recording-12.m3u8"].map(renditionOf);
	assert.deepEqual([of, own, renditionOf("/stream/5F/demo/index.m3u8")], [0, 12, null]);
	const listed = live.replaceAll("0/", "12/");
	assert.ok(isOrdered(listed, 12) && !isOrdered(listed, 0));
	// Nor where all renditions are listed, which has no number to tell it by.
	assert.ok(!isOrdered(live, null) && isOrdered(master, null));
});

test("only what is below a stream's own address should be asked for", () => {
	for (const base of ["http://gateway/stream/5F/demo", "/stream/5F/demo"]) {
		assert.deepEqual(segmentOf(base, "http://gateway/stream/5F/demo/2/17.ts"), { rendition: 2, seq: 17 });
		assert.ok(isPlaylist(base, "http://gateway/stream/5F/demo/index.m3u8") && isPlaylist(base, "http://gateway/stream/5F/demo/recording-0.m3u8"));
		for (const other of [
			"http://elsewhere/stream/5F/demo/2/17.ts",
			"http://gateway:81/stream/5F/demo/2/17.ts",
			"http://gateway/stream/5F/other/2/17.ts",
			"http://gateway/stream/5F/demo2/17.ts",
			"http://gateway/stream/5F/demo/../other/2/17.ts",
			"http://gateway/stream/5F/demo/2/17.ts?to=me",
			"http://gateway/stream/5F/demo/2/17.mp4",
			"data:video/mp2t,0/1.ts",
			"blob:http://gateway/2/17.ts",
		]) {
			assert.equal(segmentOf(base, other), null, other);
		}
		for (const name of ["a b", "a[b]|c", "直播", "a%b", "a/b"]) {
			const path = `/stream/5F/${encodeURIComponent(name)}`;
			assert.ok(isPlaylist(path, `/stream/5F/${name.replace("%", "%25")}/0.m3u8`), name);
			assert.deepEqual(segmentOf(path, `${path}/0/1.ts`), { rendition: 0, seq: 1 }, name);
		}
		for (const other of ["http://elsewhere/stream/5F/demo/0.m3u8", "http://gateway/stream/5F/other/0.m3u8", "http://gateway/stream/5F/demo/2/0.m3u8", "http://gateway/stream/5F/demo/0.m3u8?to=me"]) {
			assert.ok(!isPlaylist(base, other), other);
		}
	}
});
