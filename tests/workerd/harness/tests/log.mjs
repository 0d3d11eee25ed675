import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startWorker } from "../workerd.mjs";
import { PROBE } from "./probe.mjs";

describe("the log", () => {
  let worker;
  before(async () => (worker = await startWorker(PROBE)));
  after(() => worker.stop());

  test("gives the line of one request, parsed, among all that was printed", async () => {
    const headers = { "x-request-id": "one-of-many" };
    await Promise.all([worker.fetch("/a"), worker.fetch("/b", { headers }), worker.fetch("/c")]);
    const line = await worker.logLine("one-of-many");
    assert.deepEqual(line, { request_id: "one-of-many", path: "/b", status: 200 });
    await worker.logsUntil((lines) => lines.length >= 3);
    assert.deepEqual(
      worker
        .logLines()
        .map(({ path }) => path)
        .sort(),
      ["/a", "/b", "/c"],
    );
    assert.equal(worker.logs.length, 3);
  });

  test("says what it had when an awaited line does not come", async () => {
    await assert.rejects(worker.logLine("never", 50), /request never within 50 ms/);
  });
});
