// Measures what the bridge costs on Ethereum and writes the table into docs/bridge.md.
//
//   node scripts/gas.mjs          measure and write
//   node scripts/gas.mjs --print  measure and print
//
// With GAS_STORIES=file all that was sent for it is written there, for another machine to do it again.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Bridge, UNIT } from "../test/lib/bridge.mjs";
import { ascii, hex, keccak } from "../test/lib/bytes.mjs";
import { Chain, validators } from "../test/lib/chain.mjs";
import { Story } from "../test/lib/evm.mjs";
import { ETH, LPT } from "../test/lib/formats.mjs";

const FORKS = ["osaka", "amsterdam"];
/** A year of blocks, and as many hashes in the range's proof as there are then on average. */
const AGE = 5_256_000;
const HASHES = 12;
/** Messages sent before: a withdrawal's path has 17 hashes. */
const MESSAGES = 100_000;

/** How much gas what is named so may take at the most, on either fork. */
export const BOUNDS = {
	"commitment 21": 150_000,
	"handover 21": 170_000,
	"commitment 144": 600_000,
	"handover 144": 600_000,
	"deposit 0": 90_000,
	"deposit 1": 90_000,
	"withdrawal 0": 100_000,
	"withdrawal 1": 100_000,
	"fee 1": 100_000,
	"new 0": 280_000,
	"new 1": 280_000,
};

/** The bytes of a commitment of `length` validators. */
async function commitments(story, length) {
	const b = await Bridge.create({ hardfork: story.fork, story, chain: new Chain({ length, age: AGE }) });
	const submit = async () => {
		b.evm.time = Math.ceil(b.chain.time / 1000);
		const update = b.chain.update();
		await b.gateway.send("submit", [hex(update)]);
		return update.length;
	};
	const upTo = () => {
		b.chain.withdrawal({ asset: ETH, recipient: b.bob.address, amount: 1n });
		do b.chain.block();
		while (hashes(b.chain.number + 1) !== HASHES);
	};
	// The ring of roots is full after eight commitments: from then on slots are only rewritten.
	for (let i = 0; i < 8; ++i) {
		b.chain.withdrawal({ asset: ETH, recipient: b.bob.address, amount: 1n });
		b.chain.blocks(2);
		await submit();
	}
	upTo();
	b.chain.block();
	const bytes = await submit();
	story.name(`commitment ${length}`);
	upTo();
	b.chain.session(validators(1, length));
	await submit();
	story.name(`handover ${length}`);
	return bytes;
}

/** How many hashes prove the newest of `n` leaves. */
function hashes(n) {
	let proof = 0;
	for (let m = n; m; m = Math.floor(m / 2)) proof += m & 1;
	return proof - 1 + Math.log2(n & -n);
}

async function payments(story) {
	const b = await Bridge.create({ hardfork: story.fork, story, chain: new Chain({ messages: MESSAGES }) });
	story.name("deploy");
	const to = (name) => hex(keccak(ascii(name)).slice(0, 20));
	// Past the first of everything: the tree has its branch, the bitmap its word; depositors keep some LPT.
	await b.token.send("mint", [b.alice.address, 1n]);
	for (let i = 0; i < 34; ++i) await b.deposit(i % 2 ? ETH : LPT, UNIT);
	for (const asset of [LPT, ETH]) {
		// Deposits complete one subtree on average, as every fourth does.
		while (b.deposits.count % 4 !== 1) await b.deposit(asset, 100n * UNIT);
		await b.deposit(asset, UNIT);
		story.name(`deposit ${asset}`);
	}
	// What the token alone takes, to compare with.
	await b.token.send("mint", [b.alice.address, UNIT]);
	await b.token.send("mint", [b.relayer.address, 1n]);
	await b.token.send("transfer", [b.relayer.address, UNIT / 2n], { from: b.alice });
	story.name("transfer");
	await b.token.send("approve", [b.relayer.address, UNIT / 4n], { from: b.alice });
	await b.token.send("transferFrom", [b.alice.address, b.relayer.address, UNIT / 4n], { from: b.relayer });
	story.name("transferFrom");
	const old = async (asset) => {
		if (asset === LPT) for (const who of [b.bob, b.relayer]) await b.token.send("mint", [who.address, 1n]);
		return b.bob.address;
	};
	const first = [];
	for (const asset of [ETH, LPT]) first.push(b.chain.withdrawal({ asset, recipient: await old(asset), amount: UNIT / 10n }));
	const list = [];
	for (const asset of [LPT, ETH]) {
		list.push([`withdrawal ${asset}`, b.chain.withdrawal({ asset, recipient: await old(asset), amount: UNIT / 10n })]);
		list.push([`fee ${asset}`, b.chain.withdrawal({ asset, recipient: await old(asset), amount: UNIT / 10n, fee: 10n ** 15n })]);
		list.push([`new ${asset}`, b.chain.withdrawal({ asset, recipient: to(`new ${asset}`), amount: UNIT / 10n })]);
	}
	const earnings = Array.from({ length: 1000 }, (_, i) => ({
		asset: i % 2,
		payee: i < 8 ? b.bob.address : to(`payee ${i >> 1}`),
		amount: UNIT / 1000n,
	}));
	const round = b.chain.earnings(1, earnings);
	await b.sync();
	for (const w of first) await b.withdraw(w);
	for (const [name, w] of list) {
		await b.withdraw(w);
		story.name(name);
	}
	await b.openRound(round);
	story.name("round");
	for (const i of [0, 1]) await b.claim(round.leaves[i]);
	for (const [name, i] of [["claim 0", 2], ["claim 1", 3], ["claim new 0", 100], ["claim new 1", 101]]) {
		await b.claim(round.leaves[i]);
		story.name(name);
	}
}

const PAYMENTS = [
	["deposit of LPT", "deposit 0"],
	["deposit of ETH", "deposit 1"],
	["withdrawal of LPT", "withdrawal 0"],
	["withdrawal of LPT, relayer's fee", "fee 0"],
	["withdrawal of LPT to an account without LPT", "new 0"],
	["withdrawal of ETH", "withdrawal 1"],
	["withdrawal of ETH, relayer's fee", "fee 1"],
	["withdrawal of ETH to a new account", "new 1"],
	["opening a round's earnings", "round"],
	["claim of LPT, one of 1,000", "claim 0"],
	["claim of LPT by an account without LPT", "claim new 0"],
	["claim of ETH", "claim 1"],
	["claim of ETH by a new account", "claim new 1"],
	["deploying the gateway", "deploy"],
	["to compare: a transfer of LPT", "transfer"],
	["to compare: LPT by `transferFrom`", "transferFrom"],
];

/** On each fork the gas of what is named, and the bytes of a commitment by the number of validators. */
export async function measure(sizes) {
	const stories = [];
	const columns = {};
	const bytes = {};
	for (const fork of FORKS) {
		const told = [...sizes, null].map(() => new Story(fork));
		for (const [i, size] of sizes.entries()) bytes[size] = await commitments(told[i], size);
		await payments(told.at(-1));
		const named = told.flatMap(({ transactions }) => transactions).filter(({ name }) => name);
		columns[fork] = Object.fromEntries(named.map(({ name, gas }) => [name, gas]));
		stories.push(...told);
	}
	if (process.env.GAS_STORIES) {
		const plain = (_, value) => (typeof value === "bigint" ? "0x" + value.toString(16) : value);
		writeFileSync(process.env.GAS_STORIES, JSON.stringify({ bounds: BOUNDS, stories }, plain));
	}
	return { columns, bytes };
}

const thousands = (gas) => `${Math.ceil(Number(gas) / 1000)}k`;
const row = (cells) => `| ${cells.join(" | ")} |`;

/** The rows of both tables in docs/bridge.md. */
export function rows({ columns, bytes }) {
	const sizes = Object.keys(bytes).map((size) =>
		row([
			size,
			bytes[size],
			...FORKS.flatMap((fork) => [`commitment ${size}`, `handover ${size}`].map((name) => thousands(columns[fork][name]))),
			thousands(6n * columns.amsterdam[`handover ${size}`]),
		]),
	);
	const paid = PAYMENTS.map(([name, key]) => row([name, ...FORKS.map((fork) => thousands(columns[fork][key]))]));
	return { sizes, paid };
}

const path = resolve(dirname(fileURLToPath(import.meta.url)), "../../../../docs/bridge.md");

/** What docs/bridge.md has between its marks. */
export const stored = () => readFileSync(path, "utf8").split("<!-- gas -->")[1].split("<!-- /gas -->")[0].trim();

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const { sizes, paid } = rows(await measure([4, 21, 50, 100, 144, 200, 400]));
	const table = [
		row(["validators", "bytes", "commitment, Osaka", "handover, Osaka", "commitment, Amsterdam", "handover, Amsterdam", "six handovers, Amsterdam"]),
		row(Array(7).fill("---")),
		...sizes,
		"",
		row(["", "Osaka", "Amsterdam"]),
		row(Array(3).fill("---")),
		...paid,
	].join("\n");
	if (!process.argv.includes("--print")) {
		const text = readFileSync(path, "utf8");
		writeFileSync(path, text.replace(stored(), table));
	}
	console.log(table);
}
