/** What a browser keeps for its reader: for this visit only, where he forbids it. */
const visit = new Map<string, string>();

export function kept(name: string): string | null {
	try {
		return visit.get(name) ?? localStorage.getItem(name);
	} catch {
		return null;
	}
}

/** Keeps a text, or forgets it. */
export function keep(name: string, text: string | null): void {
	visit.delete(name);
	try {
		if (text === null) localStorage.removeItem(name);
		else localStorage.setItem(name, text);
	} catch {
		if (text !== null) visit.set(name, text);
	}
}
