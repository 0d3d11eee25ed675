// How much of bodies a worker holds at once, and of whose: what does not come takes nothing and is given up, and every
// way out gives its part back.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "./faults/stage.mjs";
import { connect, rawRequest } from "./harness/http.mjs";
import { hang, reply, resetAfter } from "./harness/replies.mjs";

const FIVE = 5 << 20;

describe("the budget of bodies", () => {
  let stage;
  let keys;
  let other;
  before(async () => {
    stage = await openStage({ instance: { timeout_ms: 2_500 } });
    keys = await Promise.all(Array.from({ length: 3 }, async () => (await stage.adminApi.apiKey()).key));
    const instance = await stage.addInstance({ base_url: stage.core.origin, workspace: "other" });
    other = { instance: instance.id, key: (await stage.adminApi.apiKey({ workspace: "other" })).key };
    assert.equal((await stage.send("create")).status, 200);
  });
  beforeEach(() => {
    stage.core.clear();
    stage.core.answer(reply({ body: {} }));
  });
  after(() => stage.close());

  const padded = (bytes) => `{"description":"${"x".repeat(bytes)}"}`;
  const begin = async (length, key = stage.key.key) => {
    const connection = await connect(stage.worker.origin);
    const framing = length === null ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
    await connection.write(
      `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\n` +
        `Authorization: Bearer ${key}\r\n${framing}\r\n\r\n`,
    );
    return connection;
  };
  /** A body of the largest size from each of three credentials is what one workspace has room for. */
  const whole = async () => {
    await Promise.all(
      keys.map(async (key) => {
        assert.equal((await stage.send("create", { key, body: padded(FIVE - 200) })).status, 200);
      }),
    );
  };
  const busy = async (options) => {
    const answer = await stage.send("create", options);
    const { code, details } = answer.json().error_detail;
    assert.deepEqual([answer.status, code, details.outcome], [503, "PROXY_BUSY", "not_sent"]);
    assert.equal(answer.headers.get("retry-after"), "5");
  };
  /** Sends all but the end of a body. */
  const most = async (key, length) => {
    const connection = await begin(FIVE, key);
    await connection.write(padded(length - 200));
    return connection;
  };
  const givenUp = async (connections) => {
    for (const { status, json } of await Promise.all(connections.map((connection) => connection.answer()))) {
      assert.deepEqual([status, json().error_detail.code], [400, "PROXY_BODY_INCOMPLETE"]);
    }
    for (const connection of connections) connection.close();
  };

  for (const [name, length] of [
    ["declared", FIVE],
    ["undeclared", null],
  ]) {
    test(`bodies that are ${name} and do not come take nothing, and are given up`, async () => {
      const slow = await Promise.all(Array.from({ length: 20 }, () => begin(length)));
      await sleep(100);
      await whole();
      for (const kind of ["read", "create", "upload"]) assert.equal((await stage.send(kind)).status, 200);
      await givenUp(slow);
      await whole();
    });
  }

  test("what one credential sent fills its share: it must wait until that is given up, others are served", async () => {
    const slow = [await most(keys[0], FIVE - 1_000)];
    await sleep(100);
    await busy({ key: keys[0], body: padded(4 << 20) });
    // Small ones and what streams through go on beside it.
    for (const kind of ["read", "create", "upload"])
      assert.equal((await stage.send(kind, { key: keys[0] })).status, 200);
    assert.equal((await stage.send("create", { key: keys[1], body: padded(4 << 20) })).status, 200);
    await givenUp(slow);
    await whole();
  });

  test("what the credentials of one workspace have sent fills its share, and another workspace is served", async () => {
    const slow = await Promise.all(keys.map((key) => most(key, FIVE - 1_000)));
    await sleep(100);
    await busy({ body: padded(2 << 20) });
    assert.equal((await stage.send("create", { ...other, body: padded(4 << 20) })).status, 200);
    await givenUp(slow);
    await whole();
  });

  test("one that finds no room waits for a moment, and is sent when there is", async () => {
    const slow = await most(keys[0], FIVE - 1_000);
    await sleep(100);
    const waiting = stage.send("create", { key: keys[0], body: padded(4 << 20) });
    await sleep(300);
    slow.reset();
    assert.equal((await waiting).status, 200);
  });

  const WAYS_OUT = {
    success: () => stage.send("create", { body: padded(2_000_000) }),
    "a malformed body": () => stage.send("create", { body: `${padded(2_000_000)}]` }),
    "a body that is too large": () => stage.send("create", { body: streamed(padded(FIVE + 1_000)) }),
    "an encoded body": () => stage.send("create", { body: padded(2_000_000), headers: { "content-encoding": "gzip" } }),
    "a Core that resets": () => {
      stage.core.answer(resetAfter());
      return stage.send("create", { body: padded(2_000_000) });
    },
    "a Core whose answer is cut": () => {
      stage.core.answer(resetAfter("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"));
      return stage.send("create", { body: padded(2_000_000) });
    },
    "a caller who hangs up half-way": async () => {
      const connection = await begin(FIVE);
      await connection.write(padded(500_000));
      connection.reset();
    },
    "a caller who hangs up half-way through chunks": async () => {
      const connection = await begin(null);
      await connection.write(`7a120\r\n${"x".repeat(500_000)}\r\n`);
      connection.reset();
    },
  };
  for (const [name, once] of Object.entries(WAYS_OUT)) {
    test(`is given back after ${name}, thirty times over`, async () => {
      for (let time = 0; time < 30; time += 1) {
        const answer = await once();
        if (answer) assert.notEqual(answer.status, 503);
      }
      stage.core.answer(reply({ body: {} }));
      await sleep(50);
      await whole();
    });
  }

  test("is given back after the deadline", async () => {
    stage.core.answer(hang());
    const late = await Promise.all(Array.from({ length: 4 }, () => stage.send("create", { body: padded(2_000_000) })));
    assert.deepEqual(
      late.map(({ status }) => status),
      Array(4).fill(504),
    );
    stage.core.answer(reply({ body: {} }));
    await whole();
  });

  test("a Content-Length that promises more than comes is a body that broke off", async () => {
    const answer = await rawRequest(
      stage.worker.origin,
      `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${stage.key.key}\r\n` +
        `X-Request-Id: short-body\r\nContent-Length: 100\r\n\r\n{"amount":1}`,
      { hangUp: true },
    );
    if (answer) assert.equal(answer.status, 400);
    assert.equal((await stage.worker.logLine("short-body")).code, "PROXY_BODY_INCOMPLETE");
    assert.equal(stage.core.requests.length, 0);
  });

  test("a Content-Length that hides a second request makes it one of its own, which has no credential", async () => {
    const path = stage.path("/transactions");
    const hidden = `POST ${path} HTTP/1.1\r\nHost: edge\r\nContent-Length: 12\r\n\r\n{"amount":2}`;
    const connection = await connect(stage.worker.origin);
    await connection.write(
      `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${stage.key.key}\r\n` +
        `Content-Length: 12\r\n\r\n{"amount":1}${hidden}`,
    );
    const statuses = [(await connection.answer()).status, (await connection.answer()).status];
    connection.close();
    assert.deepEqual(statuses, [200, 401]);
    assert.equal(stage.core.requests.length, 1);
  });
});

async function* streamed(text) {
  for (let at = 0; at < text.length; at += 262_144) yield Buffer.from(text.slice(at, at + 262_144));
}
