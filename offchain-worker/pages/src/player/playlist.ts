/**
 * What a playlist may say. Segments are checked before they are played, so a gateway could mislead by what
 * stands around them: a key that changes bytes after they were checked, pieces from elsewhere, an order that
 * nobody signed. Only what a gateway writes is read.
 */
const TAGS =
	/^#EXT(M3U|INF:[\d.]+,|-X-(VERSION|TARGETDURATION|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE):\d+|-X-STREAM-INF:.*|-X-PROGRAM-DATE-TIME:[-\d:TZ.]+|-X-PLAYLIST-TYPE:VOD|-X-(INDEPENDENT-SEGMENTS|DISCONTINUITY|GAP|ENDLIST))$/;

/** Which segment an address below a stream's own names: rendition and seq. */
export function segmentOf(base: string, url: string): { rendition: number; seq: number } | null {
	const found = /^\/(\d{1,3})\/(\d{1,15})\.ts$/.exec(below(base, url) ?? "");
	return found && { rendition: Number(found[1]), seq: Number(found[2]) };
}

/** Whether an address is that of a playlist of the stream: of all its renditions, or of one. */
export const isPlaylist = (base: string, url: string): boolean => /^\/(index|(recording-)?\d{1,3})\.m3u8$/.test(below(base, url) ?? "");

function below(base: string, url: string): string | null {
	const [stream, asked] = [new URL(base, location.href), new URL(url, location.href)];
	if (asked.origin !== stream.origin || asked.search) return null;
	try {
		// One name may be written in several ways.
		const [of, path] = [decodeURIComponent(stream.pathname), decodeURIComponent(asked.pathname)];
		return path.startsWith(`${of}/`) ? path.slice(of.length) : null;
	} catch {
		return null;
	}
}

/** The number of the rendition whose playlist an address is; none where it is that of all. */
export const renditionOf = (url: string): number | null => {
	const found = /(\d{1,3})\.m3u8$/.exec(url)?.[1];
	return found === undefined ? null : Number(found);
};

/**
 * Whether a playlist says no more than where the renditions are, which are looked at when they are asked for, or
 * the segments of this one, by whose number viewers are told what plays, in their order.
 */
export function isOrdered(text: string, of: number | null): boolean {
	const lines = text.split(/\r?\n/).filter((line) => line && !/^#(?!EXT)/.test(line));
	if (lines[0] !== "#EXTM3U" || lines.some((line) => line.startsWith("#") && !TAGS.test(line))) return false;
	const named = lines.filter((line) => !line.startsWith("#"));
	if (lines.some((line) => line.startsWith("#EXT-X-STREAM-INF:"))) return !lines.some((line) => /^#EXT(INF|-X-TARGETDURATION):/.test(line));
	const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(text)?.[1] ?? 0);
	// In a recording numbers count lines; else they are the segments' own, gaps among them.
	const isRecording = lines.includes("#EXT-X-PLAYLIST-TYPE:VOD");
	let before = -1;
	return named.every((line, place) => {
		const [, rendition, number] = /^(\d{1,3})\/(\d{1,15})\.ts$/.exec(line) ?? [];
		const seq = Number(number ?? Number.NaN);
		const follows = isRecording ? seq > before : seq === first + place;
		before = seq;
		return follows && Number(rendition) === of;
	});
}
