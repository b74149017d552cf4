/** What the package says of the player is what it is: held by the compiler alone, nothing here runs. */
import type * as told from "../player/index";
import type { LivepeerPlayer } from "../src/player/element";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
type Flat<T> = { [K in keyof T]: T[K] };

export const state: Same<Flat<told.PlayerState>, LivepeerPlayer["state"]> = true;
export const trust: Same<told.Trust, LivepeerPlayer["state"]["trust"]> = true;
