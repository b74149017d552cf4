/**
 * A stream's whole name is its broadcaster's address and the name that it gave: everybody may give a
 * stream a name that another has. Alone, a name is known to a gateway of one broadcaster only.
 */
import type { Address } from "../chain/types";

/** Whose stream a whole name says it is. */
export const broadcasterOf = (name: string): Address | null => (name.includes("/") ? (name.split("/")[0] as Address) : null);
/** What the broadcaster called it. */
export const nameOf = (name: string): string => name.slice(name.indexOf("/") + 1);
/** Where a gateway has it. */
export const pathOf = (name: string): string => `/stream/${name.split("/").map(encodeURIComponent).join("/")}`;
