/** Whether a light client is used, and how it stands. Apart from the client, which is loaded when it is wanted. */
import type { Hash } from "../chain/types";
import { keep, kept } from "../ui/kept";

export interface LightState {
	phase: "off" | "loading" | "syncing" | "following" | "failed";
	genesis: Hash | null;
	peers: number;
	/** Answers of the gateway's node that were the same. */
	agreed: number;
	/** What the gateway's node said otherwise: which read, of what. */
	lies: { about: string; argument: string }[];
	reason: string;
}

const KEY = "livepeer.light";
const listeners = new Set<() => void>();
let state: LightState = { phase: "off", genesis: null, peers: 0, agreed: 0, lies: [], reason: "" };

export const light = {
	get state(): LightState {
		return state;
	},
	subscribe(listener: () => void): () => void {
		listeners.add(listener);
		return () => listeners.delete(listener);
	},
};

export function setLight(change: Partial<LightState> | ((state: LightState) => Partial<LightState>)): void {
	state = { ...state, ...(typeof change === "function" ? change(state) : change) };
	for (const listener of listeners) listener();
}

/** Whether this browser is to follow the chain itself. */
export const wantsLight = (): boolean => kept(KEY) === "1";
export function chooseLight(wanted: boolean): void {
	keep(KEY, wanted ? "1" : null);
	location.reload();
}
