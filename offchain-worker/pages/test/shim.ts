// What browsers have and Node.js 18 does not.
import { webcrypto } from "node:crypto";

if (!("crypto" in globalThis)) Object.defineProperty(globalThis, "crypto", { value: webcrypto, configurable: true });
if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: { language: "en" } });
if (!("document" in globalThis)) {
	Object.defineProperty(globalThis, "document", { value: { documentElement: { lang: "en" }, hidden: false } });
}
