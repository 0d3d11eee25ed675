// Many at once, and callers who do not stay.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { KINDS, openStage } from "./faults/stage.mjs";
import { connect } from "./harness/http.mjs";
import { reply } from "./harness/replies.mjs";
import { startUpstream } from "./harness/upstream.mjs";

const IN_FLIGHT = 1_000;
/** Each has as many in flight as one may have. */
const CREDENTIALS = 5;

describe("many at once", () => {
  let stage;
  let slowCore;
  let slow;
  before(async () => {
    stage = await openStage({ instance: { timeout_ms: 30_000 } });
    slowCore = await startUpstream();
    slow = await stage.addInstance({ base_url: slowCore.origin, timeout_ms: 60_000 });
  });
  after(() => Promise.all([stage.close(), slowCore.stop()]));

  test(`${IN_FLIGHT} in flight to a slow Core keep nobody else waiting, and are all answered`, async () => {
    const alone = await medianOf(30, () => stage.send("read"));
    let release;
    const released = new Promise((resolve) => (release = resolve));
    slowCore.answer(async (exchange) => {
      await exchange.body();
      await released;
      await reply({ body: { slow: true } })(exchange);
    });
    const kinds = ["read", "create"];
    const keys = await Promise.all(
      Array.from({ length: CREDENTIALS }, async () => (await stage.adminApi.apiKey()).key),
    );
    const flight = [];
    while (flight.length < IN_FLIGHT) {
      const key = keys[(flight.length >> 1) % CREDENTIALS];
      flight.push(stage.send(kinds[flight.length % 2], { instance: slow.id, key, timeoutMs: 60_000 }));
      // No more at once than a listening socket keeps waiting, or the kernel puts connections off for seconds.
      if (flight.length % 100 === 0) await until(() => slowCore.requests.length === flight.length, 20_000);
    }
    const beside = await medianOf(30, () => stage.send("create"));
    // Both are some milliseconds; a queue of a thousand would be a thousand times one.
    assert.ok(beside < alone * 10 + 50, `${beside} ms beside them, ${alone} ms alone`);
    release();
    const answers = await Promise.all(flight);
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(slowCore.requests.length, IN_FLIGHT);
    const references = new Set(answers.map(({ headers }) => headers.get("x-blnk-reference")).filter(Boolean));
    assert.equal(references.size, IN_FLIGHT / 2);
    await Promise.all(answers.map(({ id }) => stage.worker.logLine(id)));
  });
});

describe("a caller who hangs up", () => {
  let stage;
  before(async () => {
    stage = await openStage({ instance: { timeout_ms: 5_000, upload_timeout_ms: 5_000 } });
  });
  beforeEach(() => {
    stage.core.clear();
    stage.core.answer(reply({ body: { fine: true } }));
  });
  after(() => stage.close());

  /** Sends the bytes of a request, all or `length` of them. */
  const begin = async (kind, id, length) => {
    const { method, path, headers = {}, body } = KINDS[kind];
    const content = body?.() ?? "";
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content && JSON.stringify(content));
    const lines = Object.entries({
      host: "edge",
      authorization: `Bearer ${stage.key.key}`,
      "x-request-id": id,
      ...(bytes.length > 0 ? { "content-length": bytes.length } : {}),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    const connection = await connect(stage.worker.origin);
    await connection.write(`${method} ${stage.path(path)} HTTP/1.1\r\n${lines.join("")}\r\n`);
    await connection.write(bytes.subarray(0, length).toString("latin1"));
    return connection;
  };
  const healthy = async () => assert.equal((await stage.send("create")).status, 200);

  for (const kind of ["create", "bulk", "upload"]) {
    test(`while Core works on a ${kind}: it is completed, sent once, and logged with Core's answer`, async () => {
      stage.core.answer(async (exchange) => {
        await exchange.body();
        await sleep(400);
        await reply({ status: 201, body: { booked: true } })(exchange);
      });
      const connection = await begin(kind, `gone-${kind}`);
      await until(() => stage.core.requests[0]?.body);
      connection.reset();
      const line = await stage.worker.logLine(`gone-${kind}`, 4_000);
      assert.deepEqual([line.status, line.route], [201, KINDS[kind].route]);
      const [request] = stage.core.requests;
      assert.deepEqual([request.cut, request.body.complete, stage.core.requests.length], [false, true, 1]);
      stage.core.answer(reply({ body: {} }));
      await healthy();
    });
  }

  test("in the middle of a transaction's body: nothing is sent, and that is in the log", async () => {
    const connection = await begin("create", "half-a-body", 20);
    await sleep(50);
    connection.reset();
    const line = await stage.worker.logLine("half-a-body");
    assert.deepEqual([line.status, line.code], [400, "PROXY_BODY_INCOMPLETE"]);
    assert.equal(stage.core.requests.length, 0);
    await healthy();
  });

  test("in the middle of the answer: Core's connection is let go, and the next is served", async () => {
    stage.core.answer(async (exchange) => {
      await exchange.body();
      await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
      const piece = Buffer.alloc(65_536);
      while (!exchange.socket.destroyed && exchange.socket.bytesWritten < 100_000_000) await exchange.write(piece);
    });
    for (const kind of ["read", "create"]) {
      stage.core.clear();
      const connection = await begin(kind, `mid-answer-${kind}`);
      await new Promise((resolve) => connection.socket.once("readable", resolve));
      connection.reset();
      assert.equal((await stage.worker.logLine(`mid-answer-${kind}`)).status, 200);
      await until(() => stage.core.requests[0].cut || stage.core.requests[0].body);
    }
    stage.core.answer(reply({ body: {} }));
    await healthy();
  });

  test("a hundred times over, at every moment: the worker is as good as new", async () => {
    stage.core.answer(async (exchange) => {
      await exchange.body();
      await sleep(Math.random() * 40);
      await reply({ body: {} })(exchange);
    });
    const vanish = async (_, index) => {
      const kind = Object.keys(KINDS)[index % 4];
      const connection = await begin(kind, `vanish-${index}`, index % 3 ? undefined : 10);
      await sleep(Math.random() * 60);
      connection.reset();
    };
    await Promise.all(Array.from({ length: 100 }, vanish));
    const answers = await Promise.all(Object.keys(KINDS).map((kind) => stage.send(kind)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    // A write that reached Core left its line, though nobody waited for it.
    const sent = stage.core.requests
      .filter(({ method }) => method === "POST")
      .map(({ headers }) => headers.get("x-request-id"));
    assert.ok(sent.length > 20);
    await Promise.all(sent.map((id) => stage.worker.logLine(id)));
  });
});

async function medianOf(times, send) {
  const took = [];
  for (let time = 0; time < times; time += 1) {
    const started = performance.now();
    const { status } = await send();
    assert.equal(status, 200);
    took.push(performance.now() - started);
  }
  return took.sort((a, b) => a - b)[times >> 1];
}

async function until(holds, ms = 5_000) {
  const end = performance.now() + ms;
  while (!holds()) {
    assert.ok(performance.now() < end, "not within the time");
    await sleep(5);
  }
}
