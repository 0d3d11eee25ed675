// The rate limit: per credential, before anything is sent, and never in the way when the limiter itself fails.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openStage } from "./faults/stage.mjs";
import { rateLimiter } from "./harness/limiter.mjs";

const LIMIT = 3;

describe("the rate limit", () => {
  test("refuses a credential that used its requests up, before anything is sent, and no other", async (t) => {
    const stage = await openStage({ worker: rateLimiter({ name: "RATE_LIMITER", limit: LIMIT }) });
    t.after(() => stage.close());
    const other = await stage.adminApi.apiKey();
    for (let time = 0; time < LIMIT; time += 1) assert.equal((await stage.send("create")).status, 200);
    const reads = stage.worker.kv.reads.length;
    for (const kind of ["read", "create", "upload"]) {
      const answer = await stage.send(kind);
      const { code, details } = answer.json().error_detail;
      assert.deepEqual([answer.status, code], [429, "PROXY_RATE_LIMITED"]);
      assert.equal(answer.headers.get("retry-after"), "60");
      assert.equal(details.outcome, kind === "read" ? undefined : "not_sent");
      const line = await stage.worker.logLine(answer.id);
      assert.deepEqual([line.level, line.code, line.credential], ["info", "PROXY_RATE_LIMITED", stage.key.id]);
    }
    assert.deepEqual([stage.core.requests.length, stage.worker.kv.reads.length], [LIMIT, reads]);
    assert.equal((await stage.send("create", { key: other.key })).status, 200);
  });

  test("counts nothing that is refused anyway", async (t) => {
    const stage = await openStage({ worker: rateLimiter({ name: "RATE_LIMITER", limit: 1 }) });
    t.after(() => stage.close());
    const wrong = `${stage.key.key.slice(0, -1)}${stage.key.key.endsWith("0") ? "1" : "0"}`;
    assert.equal((await stage.send("read", { key: wrong })).status, 401);
    assert.equal((await stage.call("/hooks")).status, 404);
    assert.equal((await stage.send("read", { instance: "unknown" })).status, 404);
    assert.equal((await stage.send("read")).status, 200);
    assert.equal((await stage.send("read")).status, 429);
  });

  test("lets requests through while the limiter fails, and each line says so", async (t) => {
    const stage = await openStage({ worker: rateLimiter({ name: "RATE_LIMITER", broken: true }) });
    t.after(() => stage.close());
    for (const kind of ["read", "create", "bulk", "upload"]) {
      const answer = await stage.send(kind);
      assert.equal(answer.status, 200);
      const line = await stage.worker.logLine(answer.id);
      assert.deepEqual([line.level, line.status], ["warn", 200]);
      assert.match(line.detail, /^the rate limiter failed, and the request was let through/);
    }
  });

  test("waits half a second for a limiter that never answers, then lets the request through", async (t) => {
    const stage = await openStage({ worker: rateLimiter({ name: "RATE_LIMITER", silent: true }) });
    t.after(() => stage.close());
    for (const kind of ["read", "create", "bulk", "upload"]) {
      const started = performance.now();
      const answer = await stage.send(kind);
      const waited = performance.now() - started;
      assert.equal(answer.status, 200);
      assert.ok(waited > 450 && waited < 5_000, `${waited} ms`);
      const line = await stage.worker.logLine(answer.id);
      assert.deepEqual([line.level, line.status], ["warn", 200]);
      assert.match(line.detail, /^the rate limiter failed, .*: it did not answer within 500 ms$/);
    }
  });
});
