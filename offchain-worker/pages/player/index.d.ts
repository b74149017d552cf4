/** What the browser has found: nothing yet, all holds, played without the chain, or something was refused. */
export type Trust = "waiting" | "checked" | "unchecked" | "refused";

export interface PlayerState {
	trust: Trust;
	/** Segments that were played and hold. */
	checked: number;
	/** Pieces that were refused. */
	refused: number;
	/** Seconds behind the newest picture, of a live stream. */
	latency: number | null;
	/** The part of the time since the stream was opened that checking has taken. */
	cost: number;
}

/**
 * `<livepeer-player stream="BROADCASTER/NAME" gateway="https://gateway.example">`. Defined when this module is
 * loaded. Sends `trust` when what the browser has found changes.
 */
export declare class LivepeerPlayer extends HTMLElement {
	static readonly observedAttributes: readonly string[];
	readonly state: PlayerState;
}

export type TrustEvent = CustomEvent<{ trust: Trust; fault?: string }>;

declare global {
	interface HTMLElementTagNameMap {
		"livepeer-player": LivepeerPlayer;
	}
}
