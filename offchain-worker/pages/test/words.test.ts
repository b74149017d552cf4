import assert from "node:assert/strict";
import { test } from "node:test";
import { mortal } from "../src/chain/tx";
import { hex } from "../src/proof/scale";
import { about, amount, duration, exact, exactPercent, parseAmount, parsePercent, percent, soon } from "../src/ui/words";

test("amounts should be written as people read them, and read as they write them", () => {
	const LPT = 10n ** 18n;
	assert.equal(amount(0n, "LPT"), "0 LPT");
	assert.equal(amount(12_345n * LPT, "LPT"), "12,345 LPT");
	assert.equal(amount((3n * LPT) / 2n, "LPT"), "1.5 LPT");
	assert.equal(amount(100n * LPT, "LPT"), "100 LPT");
	assert.equal(amount(LPT / 1_000n, "ETH"), "0.001 ETH");
	assert.equal(amount(1_500_000_000n, "ETH"), "1.5 nETH");
	assert.equal(amount(7n, "ETH"), "7 aETH");
	assert.equal(parseAmount("1.5"), (3n * LPT) / 2n);
	assert.equal(parseAmount("0,1"), LPT / 10n);
	for (const none of ["", "x", "-1", "1.0000000000000000001", "1e3"]) assert.equal(parseAmount(none), null, none);
	assert.equal(exact(LPT / 3n), "0.333333333333333333");
	assert.equal(exact(-LPT / 2n), "-0.5");
	assert.equal(parseAmount(exact(123n * LPT + 7n)), 123n * LPT + 7n);
	assert.equal(percent(50_000_000), "5 %");
	assert.equal(parsePercent("5"), 50_000_000);
	assert.equal(parsePercent(" 12,5 "), 125_000_000);
	assert.equal(parsePercent("0.0000001"), 1);
	assert.equal(parsePercent("100"), 1_000_000_000);
	for (const none of ["", "100.1", "-1", "x", "0.00000001", "1e1"]) assert.equal(parsePercent(none), null, none);
});

test("attack amount that is copied with its commas and signed as a thousandth of it", () => {
	const LPT = 10n ** 18n;
	assert.equal(amount(12_345n * LPT), "12,345");
	for (const grouped of ["12,345", "1,000", "100,000", "1,234,567", "1,000.5"]) assert.equal(parseAmount(grouped), null, grouped);
	assert.equal(parseAmount("12,5"), (25n * LPT) / 2n);
	assert.equal(parseAmount("0,125"), LPT / 8n);
	assert.equal(parseAmount("1000.125"), 1_000n * LPT + LPT / 8n);
});

test("figures should be written in full, neither as nothing nor in powers of ten", () => {
	assert.equal(about(0.000_42), "0.00042");
	assert.equal(about(120, 2), "120");
	assert.equal(about(1.5e-9), "0.0000000015");
	assert.equal(exactPercent(1), "0.0000001");
	assert.equal(exactPercent(500_000_000), "50");
	assert.equal(parsePercent(exactPercent(123_456_789)), 123_456_789);
	assert.equal(duration(-5), "0 s");
	assert.equal(duration(3_660), "1 h 1 min");
	assert.deepEqual([null, 0, 60].map(soon), ["–", "now", "in 1 min"]);
});

test("transactions should be mortal as the chain reads it", () => {
	// Period 64, phase 42: as `sp_runtime::generic::Era::mortal(64, 42)` encodes.
	assert.equal(hex(mortal(42)), "0xa502");
	assert.equal(hex(mortal(64 * 1_000)), "0x0500");
});
