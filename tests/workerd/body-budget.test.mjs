// How much of bodies a worker holds at once: what does not come is given up, and every way out gives its part back.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "./faults/stage.mjs";
import { connect, rawRequest } from "./harness/http.mjs";
import { hang, reply, resetAfter } from "./harness/replies.mjs";

const FIVE = 5 << 20;

describe("the budget of bodies", () => {
  let stage;
  before(async () => {
    stage = await openStage({ instance: { timeout_ms: 1_000 } });
    assert.equal((await stage.send("create")).status, 200);
  });
  beforeEach(() => {
    stage.core.clear();
    stage.core.answer(reply({ body: {} }));
  });
  after(() => stage.close());

  const padded = (bytes) => `{"description":"${"x".repeat(bytes)}"}`;
  const begin = async (length) => {
    const connection = await connect(stage.worker.origin);
    const framing = length === null ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
    await connection.write(
      `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${stage.key.key}\r\n${framing}\r\n\r\n`,
    );
    return connection;
  };
  /** Three bodies of the largest size are as much as there is room for. */
  const whole = async () => {
    await Promise.all(Array.from({ length: 3 }, async () => {
      assert.equal((await stage.send("create", { body: padded(FIVE - 200) })).status, 200);
    }));
  };

  for (const [name, length] of [["declared", FIVE], ["undeclared", null]]) {
    test(`bodies that are ${name} and do not come fill it: others are told to wait, until they are given up`, async () => {
      const slow = await Promise.all([begin(length), begin(length), begin(length)]);
      await sleep(100);
      const answer = await stage.send("create", { body: padded(2 << 20) });
      const { code, details } = answer.json().error_detail;
      assert.deepEqual([answer.status, code, details.outcome], [503, "PROXY_BUSY", "not_sent"]);
      assert.equal(answer.headers.get("retry-after"), "5");
      // Small ones, reads and what streams through go on beside them.
      for (const kind of ["read", "create", "upload"]) assert.equal((await stage.send(kind)).status, 200);
      const given = await Promise.all(slow.map((connection) => connection.answer()));
      for (const { status, json } of given) assert.deepEqual([status, json().error_detail.code], [400, "PROXY_BODY_INCOMPLETE"]);
      for (const connection of slow) connection.close();
      await whole();
    });
  }

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
    const late = await Promise.all(Array.from({ length: 6 }, () => stage.send("create", { body: padded(2_000_000) })));
    assert.deepEqual(late.map(({ status }) => status), Array(6).fill(504));
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

  test("a Content-Length that hides a second request makes it a request of its own, which has no credential", async () => {
    const hidden = `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\nContent-Length: 12\r\n\r\n{"amount":2}`;
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
