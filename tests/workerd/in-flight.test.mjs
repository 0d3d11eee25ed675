// How many requests of one credential are under way at Core: no more than are allowed, and none that is over counts.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "./faults/stage.mjs";
import { connect } from "./harness/http.mjs";
import { hang, reply, resetAfter } from "./harness/replies.mjs";

const MOST = 3;
const DEADLINE_MS = 1_000;

describe(`with ${MOST} in flight`, () => {
  let stage;
  let other;
  before(async () => {
    stage = await openStage({
      worker: { vars: { MAX_IN_FLIGHT: String(MOST) } },
      instance: { timeout_ms: DEADLINE_MS },
    });
    other = (await stage.adminApi.apiKey()).key;
  });
  beforeEach(() => {
    stage.core.clear();
    stage.core.answer(reply({ body: {} }));
  });
  after(() => stage.close());

  /** A Core that answers nothing until it is told to. */
  const holding = () => {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    stage.core.answer(async (exchange) => {
      await exchange.body();
      await Promise.race([released, exchange.closed]);
      if (!exchange.socket.destroyed) await reply({ body: {} })(exchange);
    });
    return release;
  };
  const arrived = async (count) => {
    for (let left = 200; stage.core.requests.length < count; left -= 1) {
      assert.ok(left > 0, `${stage.core.requests.length} of ${count} reached Core`);
      await sleep(10);
    }
  };
  const refused = async (kind, options) => {
    const before = stage.core.requests.length;
    const answer = await stage.send(kind, options);
    const { code, details } = answer.json().error_detail;
    assert.deepEqual([answer.status, code], [429, "PROXY_TOO_MANY_IN_FLIGHT"]);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(details.outcome, kind === "read" ? undefined : "not_sent");
    assert.equal(stage.core.requests.length, before, "it was sent");
    const line = await stage.worker.logLine(answer.id);
    assert.deepEqual([line.status, line.code, line.level], [429, "PROXY_TOO_MANY_IN_FLIGHT", "info"]);
  };
  /** The whole number may be under way again. */
  const back = async () => {
    stage.core.clear();
    const release = holding();
    const all = Array.from({ length: MOST }, () => stage.send("read"));
    await arrived(MOST);
    await refused("read");
    release();
    assert.deepEqual(
      (await Promise.all(all)).map(({ status }) => status),
      Array(MOST).fill(200),
    );
    stage.core.answer(reply({ body: {} }));
  };

  test("one more of any kind must wait, another credential's is served, the answers give the count back", async () => {
    const release = holding();
    const kinds = ["read", "create", "upload"];
    const held = kinds.map((kind) => stage.send(kind));
    await arrived(MOST);
    for (const kind of [...kinds, "bulk"]) await refused(kind);
    await refused("create", { headers: { "idempotency-key": "too-many" } });
    const beside = stage.send("create", { key: other });
    await arrived(MOST + 1);
    release();
    assert.equal((await beside).status, 200);
    for (const { status } of await Promise.all(held)) assert.equal(status, 200);
    await back();
  });

  test("writes with an Idempotency-Key count as well", async () => {
    const release = holding();
    const held = Array.from({ length: MOST }, (_, n) =>
      stage.send("create", { headers: { "idempotency-key": `held-${n}` } }),
    );
    await arrived(MOST);
    await refused("read");
    await refused("create", { headers: { "idempotency-key": "one-more" } });
    release();
    for (const { status } of await Promise.all(held)) assert.equal(status, 200);
    await back();
  });

  test("the count is back after deadlines, and after Core reset", async () => {
    stage.core.answer(hang());
    const late = await Promise.all(["read", "create", "upload"].map((kind) => stage.send(kind)));
    assert.deepEqual(
      late.map(({ status }) => status),
      [504, 504, 504],
    );
    await back();
    stage.core.answer(resetAfter());
    for (const kind of ["read", "create", "upload", "create"]) assert.equal((await stage.send(kind)).status, 502);
    await back();
  });

  test("the count is back after callers who hung up", async () => {
    for (const [method, path, body] of [
      ["GET", "/ledgers", ""],
      ["POST", "/transactions", '{"amount":1}'],
      ["POST", "/ledgers", "{}"],
    ]) {
      stage.core.clear();
      const release = holding();
      for (let n = 0; n < MOST; n += 1) {
        const connection = await connect(stage.worker.origin);
        const framing = body && `Content-Length: ${body.length}\r\n`;
        await connection.write(
          `${method} ${stage.path(path)} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${stage.key.key}\r\n` +
            `${framing}\r\n${body}`,
        );
        await arrived(n + 1);
        connection.reset();
      }
      release();
      // The platform drops a read whose caller is gone, and nobody sees its end: it counts until its deadline.
      await sleep(method === "GET" ? DEADLINE_MS + 1_100 : 100);
      await back();
    }
  });

  test("what is refused for another reason never counts", async () => {
    for (let time = 0; time < MOST * 2; time += 1) {
      assert.equal((await stage.send("create", { body: "{" })).status, 400);
      assert.equal((await stage.send("read", { instance: "unknown" })).status, 404);
    }
    await back();
  });
});

test("with 0 there is no such limit", async () => {
  const stage = await openStage({ worker: { vars: { MAX_IN_FLIGHT: "0" } } });
  stage.core.answer(async (exchange) => {
    await exchange.body();
    await sleep(300);
    await reply({ body: {} })(exchange);
  });
  const answers = await Promise.all(Array.from({ length: 250 }, () => stage.send("read")));
  assert.ok(answers.every(({ status }) => status === 200));
  await stage.close();
});
