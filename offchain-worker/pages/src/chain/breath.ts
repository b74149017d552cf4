/** How long work may go on, in ms, before a page that somebody scrolls or types in is let draw. */
const SLICE = 10;
let since = 0;

/**
 * Waited for between pieces of work of which there are many: goes on at once, or, where they have gone on for
 * long, when the page has done what waits.
 */
export async function breath(): Promise<void> {
	// A page that nobody looks at has nothing to draw, and browsers let it wait for seconds.
	if (performance.now() - since < SLICE || document.hidden) return;
	await new Promise((resolve) => setTimeout(resolve));
	since = performance.now();
}
