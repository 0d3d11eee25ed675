// Faults that have to do with bodies: long ones, early answers, uploads that nobody wants, and writes without a body.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openStage } from "./faults/stage.mjs";
import { connect } from "./harness/http.mjs";
import { closeAfter, early, reply } from "./harness/replies.mjs";
import { LAST_CHUNK, chunk } from "./harness/wire.mjs";

const MEGABYTES = Buffer.alloc(5_000_000, "x");
const CHUNKED_HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("bodies on a bad day", () => {
  let stage;
  before(async () => {
    stage = await openStage();
  });
  beforeEach(() => {
    stage.core.answer(reply({ body: { fine: true } }));
    stage.core.clear();
  });
  after(() => stage.close());

  const upload = (body, options) => stage.call("/reconciliation/upload", { method: "POST", body, ...options });

  for (const kind of ["read", "create", "upload"]) {
    test(`the deadline ends with the head: a ${kind} whose answer drips on for longer arrives whole`, async () => {
      stage.core.answer(drip(8, 200));
      const answer = await stage.send(kind);
      assert.deepEqual([answer.status, answer.complete, answer.text()], [200, true, "drop".repeat(8)]);
    });
  }

  test("a caller who reads slowly gets all of an answer that takes longer than the deadline", async () => {
    const body = Buffer.alloc(8_000_000, "y");
    stage.core.answer(reply({ body }));
    const connection = await connect(stage.worker.origin);
    connection.socket.pause();
    await connection.write(
      `GET ${stage.path("/ledgers")} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer ${stage.key.key}\r\n\r\n`,
    );
    await sleep(1_500);
    connection.socket.resume();
    const answer = await connection.answer();
    connection.close();
    assert.deepEqual([answer.status, answer.complete, answer.length], [200, true, body.length]);
  });

  for (const [method, path] of [
    ["DELETE", "/identities/idt_1"],
    ["PUT", "/ledgers/ldg_1"],
    ["POST", "/ledgers"],
  ]) {
    test(`a ${method} without a body goes to Core once, though its pooled connection breaks`, async () => {
      await stage.send("read");
      stage.core.clear();
      stage.core.answer(closeAfter());
      const answer = await stage.call(path, { method });
      assert.deepEqual([answer.status, stage.core.requests.length], [502, 1]);
      assert.equal(answer.json().error_detail.details.outcome, "unknown");
      assert.equal((await stage.core.received())[0].body.length, 0);
    });
  }

  test("what Core answers before it has an upload reaches the caller, while Core reads on", async () => {
    for (let time = 0; time < 40; time += 1) {
      stage.core.answer(early({ status: 413, body: { error: "too large" } }, { close: false }));
      const answer = await upload(time % 2 ? MEGABYTES : streamed(MEGABYTES));
      assert.deepEqual([answer.status, answer.json().error], [413, "too large"]);
    }
  });

  test("a Core that resets in the middle of an upload is told every time, whoever frames it", async () => {
    stage.core.answer(async (exchange) => {
      await sleep(5);
      exchange.reset();
    });
    for (let time = 0; time < 20; time += 1) {
      const answer = await upload(time % 2 ? MEGABYTES : streamed(MEGABYTES));
      const { code, details } = answer.json().error_detail;
      assert.deepEqual([answer.status, code, details.outcome], [502, "PROXY_CORE_UNREACHABLE", "unknown"]);
    }
    assert.equal(stage.core.requests.length, 20);
  });

  test("a Core that answers and closes at once: the log tells, no answer looks whole, the next is served", async () => {
    stage.core.answer(early({ status: 413, body: { error: "too large" } }));
    for (let time = 0; time < 4; time += 1) {
      const id = `early-${time}`;
      // What was under way is lost with the connection: the caller gets Core's answer, ours, or a broken one.
      const answer = await upload(MEGABYTES, { id }).catch(() => null);
      assert.ok(answer === null || [413, 502].includes(answer.status), String(answer?.status));
      const line = await stage.worker.logLine(id);
      assert.ok([413, 502].includes(line.status));
    }
    assert.equal(stage.core.requests.length, 4);
    stage.core.answer(reply({ body: { fine: true } }));
    assert.equal((await upload(MEGABYTES)).status, 200);
  });

  test("an upload that its caller breaks off is broken off for Core too", async () => {
    const connection = await connect(stage.worker.origin);
    await connection.write(
      `POST ${stage.path("/reconciliation/upload")} HTTP/1.1\r\nHost: edge\r\n` +
        `Authorization: Bearer ${stage.key.key}\r\n` +
        `X-Request-Id: broken-off\r\nContent-Length: 5000000\r\n\r\n${"x".repeat(200_000)}`,
    );
    await until(() => stage.core.requests.length === 1);
    connection.reset();
    const [request] = await stage.core.received();
    assert.ok(request.cut || !request.body.complete);
    assert.equal((await stage.worker.logLine("broken-off")).status, 502);
    assert.equal((await stage.send("read")).status, 200);
  });
});

/** An answer in `count` pieces, `ms` apart. */
function drip(count, ms) {
  return async (exchange) => {
    await exchange.body();
    await exchange.write(CHUNKED_HEAD);
    for (let time = 0; time < count; time += 1) {
      await exchange.write(chunk("drop"));
      await sleep(ms);
    }
    await exchange.write(LAST_CHUNK);
  };
}

async function* streamed(bytes) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

async function until(holds) {
  for (let tries = 0; tries < 400 && !holds(); tries += 1) await sleep(5);
}
