import assert from "node:assert/strict";
import { after, test } from "node:test";
import { h, render } from "preact";

Object.defineProperty(globalThis, "location", { value: { href: "http://page/", pathname: "/" }, configurable: true });
// A page is drawn at once here.
Object.assign(globalThis, { requestAnimationFrame: (call: () => void) => setTimeout(call), cancelAnimationFrame: clearTimeout });

const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
after(() => void setTimeout(() => process.exit(), 100).unref());

test("what was read for one account should never be shown as another's, and what comes late be shown all the same", async () => {
	const { live, useRead } = await import("../src/ui/kit");
	live.start = () => new Promise(() => undefined);
	/** What is asked, by account and head, and answers it. */
	const asked = new Map<string, (found: string) => void>();
	let shown: string | undefined;
	const Shown = ({ account }: { account: string }): null => {
		shown = useRead((at) => new Promise<string>((resolve) => asked.set(`${account} ${at}`, resolve)), [account]);
		return null;
	};
	const place = { nodeType: 1, childNodes: [], firstChild: null, namespaceURI: "http://www.w3.org/1999/xhtml", ownerDocument: document, insertBefore: () => undefined };
	const draw = async (account: string, head: string): Promise<void> => {
		live.head = { number: 1, hash: head, parent: "" };
		render(h(Shown, { account }), place as never);
		await moment();
	};
	const answer = async (name: string): Promise<void> => {
		asked.get(name)?.(name);
		await moment();
	};
	await draw("alice", "1");
	await answer("alice 1");
	assert.equal(shown, "alice 1");
	// It stays until the next is there, but not for somebody else.
	await draw("alice", "2");
	assert.equal(shown, "alice 1");
	await draw("bob", "2");
	assert.equal(shown, undefined);
	await answer("alice 2");
	assert.equal(shown, undefined);
	// On a slow line the next head is there before the answer.
	await draw("bob", "3");
	await answer("bob 2");
	assert.equal(shown, "bob 2");
	await answer("bob 3");
	assert.equal(shown, "bob 3");
	await draw("bob", "4");
	await draw("bob", "5");
	await answer("bob 5");
	await answer("bob 4");
	assert.equal(shown, "bob 5", "what is older comes too late");
});
