import assert from "node:assert/strict";
import { after, test } from "node:test";
import { h, render } from "preact";

Object.defineProperty(globalThis, "location", { value: { href: "http://page/", pathname: "/" }, configurable: true });
// A page is drawn at once here.
Object.assign(globalThis, { requestAnimationFrame: (call: () => void) => setTimeout(call), cancelAnimationFrame: clearTimeout });

/** Where a page is drawn, as far as what draws nothing needs one. */
const place = { nodeType: 1, childNodes: [], firstChild: null, namespaceURI: "http://www.w3.org/1999/xhtml", ownerDocument: document, insertBefore: () => undefined };
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

test("what was typed on a page should be there again when it is opened again: who looks something up elsewhere loses nothing", async () => {
	const { useDraft } = await import("../src/ui/kit");
	let shown = "";
	let type: (next: string) => void = () => undefined;
	const Form = (): null => {
		[shown, type] = useDraft("test", "nothing");
		return null;
	};
	const Elsewhere = (): null => null;
	const open = async (page: () => null): Promise<void> => {
		render(h(page, {}), place as never);
		await moment();
	};
	await open(Form);
	assert.equal(shown, "nothing");
	type("my-stream");
	await moment();
	assert.equal(shown, "my-stream");
	await open(Elsewhere);
	shown = "";
	await open(Form);
	assert.equal(shown, "my-stream");
});

test("page with which something would end should be left by who says so only, and he be asked once", async () => {
	const { hold, mayLeave, navigate } = await import("../src/ui/kit");
	const went: string[] = [];
	const asked: string[] = [];
	const asks = new Set<unknown>();
	let may = false;
	const lent = {
		confirm: (why: string) => asked.push(why) > 0 && may,
		history: { pushState: (_: null, __: string, path: string) => went.push(path) },
		addEventListener: (_: string, ask: unknown) => asks.add(ask),
		removeEventListener: (_: string, ask: unknown) => asks.delete(ask),
		dispatchEvent: () => true,
		PopStateEvent: Event,
		scrollTo: () => undefined,
	};
	for (const [name, value] of Object.entries(lent)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
	Object.assign(document, { getElementById: () => null });
	const off = hold(() => "live");
	assert.equal(asks.size, 1, "who closes the browser is asked too");
	navigate("/stake");
	assert.deepEqual([asked, went], [["live"], []]);
	// The same page stays.
	navigate("/?account=5");
	assert.deepEqual([asked.length, went], [1, ["/?account=5"]]);
	may = true;
	navigate("/stake");
	assert.deepEqual([asked.length, went.at(-1)], [2, "/stake"]);
	assert.ok(mayLeave());
	off();
	assert.deepEqual([asked.length, asks.size], [2, 0]);
	// What is over holds nobody.
	hold(() => "live")();
	assert.ok(mayLeave());
	assert.equal(asked.length, 2);
});
