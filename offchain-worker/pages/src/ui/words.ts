/** Two languages, side by side where they are used, and how numbers are written. */
import { useEffect, useState } from "preact/hooks";
import { keep, kept } from "./kept";

export type Language = "en" | "zh";
const KEY = "livepeer.language";

const stored = (): Language => {
	const found = kept(KEY);
	if (found === "en" || found === "zh") return found;
	return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
};

let language: Language = stored();
const listeners = new Set<() => void>();
document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";

export const current = (): Language => language;
export function setLanguage(next: Language): void {
	language = next;
	document.documentElement.lang = next === "zh" ? "zh-Hans" : "en";
	keep(KEY, next);
	for (const listener of listeners) listener();
}
export function useLanguage(): Language {
	const [, tick] = useState(0);
	useEffect(() => {
		const listener = () => tick((n) => n + 1);
		listeners.add(listener);
		return () => void listeners.delete(listener);
	}, []);
	return language;
}

/** The text in the reader's language. */
export const t = (en: string, zh: string): string => (language === "zh" ? zh : en);

const UNIT = 10n ** 18n;

/** An amount in 10^-18, with as many digits as tell something. */
export function amount(value: bigint | undefined, unit: "LPT" | "ETH" | "" = ""): string {
	if (value === undefined) return "–";
	const end = unit ? ` ${unit}` : "";
	if (value === 0n) return `0${end}`;
	const negative = value < 0n;
	const size = negative ? -value : value;
	const number = Number(size) / 1e18;
	let text: string;
	if (size >= 1_000n * UNIT) text = new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(number);
	else if (number >= 1) text = number.toFixed(number >= 100 ? 1 : 3).replace(/\.?0+$/, "");
	else if (number >= 1e-6) text = number.toFixed(2 - Math.floor(Math.log10(number))).replace(/\.?0+$/, "");
	else {
		const gwei = Number(size) / 1e9;
		if (gwei >= 0.1) return `${negative ? "−" : ""}${Number(gwei.toPrecision(3)).toLocaleString("en")} n${unit}`;
		return `${negative ? "−" : ""}${size.toLocaleString("en")} a${unit}`;
	}
	return `${negative ? "−" : ""}${text}${end}`;
}

/**
 * An amount that somebody typed, in 10^-18; `null` for what is none. A comma may stand for the point, but not where it may
 * be meant to group digits, as these pages write them: whoever copies 12,345 means no twelve.
 */
export function parseAmount(text: string): bigint | null {
	const [, whole = "", sign, rest = ""] = /^(\d{1,20})(?:([.,])(\d{1,18}))?$/.exec(text.trim()) ?? [];
	if (!whole || (sign === "," && rest.length === 3 && Number(whole))) return null;
	return BigInt(whole) * UNIT + BigInt(rest.padEnd(18, "0"));
}
/** What is said of a text that is no amount. */
export const noAmount = (): string => t("Write an amount in digits with a point, and no commas between them: 1000.5.", "请只用数字和小数点，不要用逗号分隔：1000.5。");

/** A share in percent that somebody typed, in parts of 10^9; `null` for what is none. */
export function parsePercent(text: string): number | null {
	const found = text.trim().replace(",", ".");
	if (!/^\d{1,3}(\.\d{1,7})?$/.test(found)) return null;
	const parts = Math.round(Number(found) * 1e7);
	return parts <= 1e9 ? parts : null;
}

/** The whole amount, for who copies it. */
export function exact(value: bigint): string {
	if (value < 0n) return `-${exact(-value)}`;
	const rest = (value % UNIT).toString().padStart(18, "0").replace(/0+$/, "");
	return `${value / UNIT}${rest ? `.${rest}` : ""}`;
}

/** A number by its first digits, written in full: neither rounded to nothing nor in powers of ten. */
export const about = (value: number, digits = 3): string => new Intl.NumberFormat("en", { maximumSignificantDigits: digits }).format(value);

/** Parts of 10^9 as a percentage. */
export const percent = (parts: number, digits = 1): string =>
	`${(parts / 1e7).toFixed(digits).replace(/\.0+$/, "")} %`;

/** The whole share in percent, as it is typed. */
export const exactPercent = (parts: number): string => (parts / 1e7).toFixed(7).replace(/\.?0+$/, "");

export const short = (address: string | undefined): string =>
	!address ? "–" : address.length > 14 ? `${address.slice(0, 6)}…${address.slice(-5)}` : address;

/** A time to come or past, in words. */
export function duration(seconds: number): string {
	const s = Math.max(0, Math.round(seconds));
	const parts: [number, string, string][] = [
		[86_400, "d", "天"],
		[3_600, "h", "小时"],
		[60, "min", "分"],
		[1, "s", "秒"],
	];
	const at = parts.findIndex(([size]) => s >= size);
	if (at < 0) return `0 ${t("s", "秒")}`;
	const say = ([size, en, zh]: [number, string, string], of: number) => `${Math.floor(of / size)} ${t(en, zh)}`;
	const first = parts[at] as [number, string, string];
	const rest = s % first[0];
	const next = parts[at + 1];
	return next && rest >= next[0] ? `${say(first, s)} ${say(next, rest)}` : say(first, s);
}

/** When something is due, from the seconds until then; a dash while these are not known. */
export const soon = (left: number | null): string =>
	left === null ? "–" : left > 0 ? t(`in ${duration(left)}`, `${duration(left)} 后`) : t("now", "现在");

export const seconds = (value: number | null): string =>
	value === null || !Number.isFinite(value) ? "–" : `${value.toFixed(1)} ${t("s", "秒")}`;

export const bytes = (value: number): string =>
	value >= 1e9 ? `${(value / 1e9).toFixed(2)} GB` : value >= 1e6 ? `${(value / 1e6).toFixed(1)} MB` : `${Math.round(value / 1e3)} kB`;
