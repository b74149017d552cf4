/**
 * A stream's whole name is its broadcaster's address and the name that it gave: everybody may give a
 * stream a name that another has. Alone, a name is known to a gateway of one broadcaster only.
 */
import type { Address } from "../chain/types";

/** Whose stream a whole name says it is. */
export const broadcasterOf = (name: string): Address | null => (name.includes("/") ? (name.split("/")[0] as Address) : null);
/** What the broadcaster called it. */
export const nameOf = (name: string): string => name.slice(name.indexOf("/") + 1);
/**
 * What the broadcaster called it, as it is shown: names are whatever text their broadcasters wrote, and what turns
 * text round or hides in it could make one look like another.
 */
export const shownName = (name: string): string => nameOf(name).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
/** Where a gateway has it. Only a whole name's first stroke is one: others are of the name. */
export function pathOf(name: string): string {
	const owner = broadcasterOf(name);
	return `/stream/${owner === null ? "" : `${encodeURIComponent(owner)}/`}${encodeURIComponent(nameOf(name))}`;
}
/** Whether gateways serve a stream of such a name. On the chain it may be any text. */
export const isServed = (name: string): boolean => /^(?!\.)[\w.-]{1,64}$/.test(nameOf(name));
