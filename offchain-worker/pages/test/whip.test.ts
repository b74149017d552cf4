import assert from "node:assert/strict";
import { test } from "node:test";
import { capture, PublishError } from "../src/publish/whip";

const failing = (name: string) => Object.assign(new Error(name), { name });

test("why a camera cannot be used should be told also where there is no microphone", async () => {
	for (const [name, problem] of [
		["NotAllowedError", "denied"],
		["NotFoundError", "nodevice"],
		["NotReadableError", "inuse"],
	]) {
		const getUserMedia = ({ audio }: { audio?: unknown }) => Promise.reject(failing(audio ? "NotFoundError" : (name as string)));
		Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
		await assert.rejects(capture({ width: 1, height: 1, fps: 1 }), (error) => error instanceof PublishError && error.problem === problem);
	}
});
