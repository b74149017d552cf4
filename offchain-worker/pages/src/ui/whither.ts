import { pathOf } from "../player/name";

/** The path of a link to a page of any gateway: it leads to the same page of this one. */
const pathOfLink = (text: string): string | null => /^https?:\/\/[^/\s]+(\/(?:stream|account|job|claim|block|round)\/[^\s?#]+)/i.exec(text)?.[1] ?? null;

/** Where a stream is that is named by its name or by a link. */
export const toStream = (text: string): string | null => (text.trim() ? (pathOfLink(text.trim()) ?? pathOf(text.trim())) : null);

/** Where a search leads: an account, a number of a kind, or a stream. */
export function whither(text: string): string | null {
	const found = text.trim();
	if (!found) return null;
	// The page itself looks closer.
	if (/^[1-9A-HJ-NP-Za-km-z]{46,49}$/.test(found)) return `/account/${found}`;
	const kind = /^(job|claim|block|round|任务|声明|区块|轮次?)\s*#?(\d+)$/i.exec(found);
	if (kind) {
		const names: Record<string, string> = { 任务: "job", 声明: "claim", 区块: "block", 轮: "round", 轮次: "round" };
		const word = (kind[1] as string).toLowerCase();
		return `/${names[word] ?? word}/${kind[2]}`;
	}
	if (/^\d+$/.test(found)) return `/claim/${found}`;
	return toStream(found);
}
