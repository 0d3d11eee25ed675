// What a hostile caller can try before it is known: the worker stays up, bounded, and answers.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { openStage } from "./faults/stage.mjs";
import { connect, rawRequest } from "./harness/http.mjs";
import { apiKey } from "./tokens.mjs";

const FLOOD = 2_000;

describe("before a caller is known", () => {
  let stage;
  before(async () => {
    // Nothing is out of date within this test, however slow the machine: what is read again was evicted.
    const vars = { CACHE_ENTRIES: "100", CACHE_FOUND_SECONDS: "3600", CACHE_MISSING_SECONDS: "3600" };
    stage = await openStage({ worker: { vars } });
    assert.equal((await stage.send("read")).status, 200);
  });
  beforeEach(() => {
    stage.core.clear();
    stage.worker.kv.forget();
  });
  after(() => stage.close());

  const stillCached = async () => {
    const reads = stage.worker.kv.reads.length;
    assert.equal((await stage.send("create")).status, 200);
    assert.equal(stage.worker.kv.reads.length, reads, "the good records were read again");
  };

  test("a flood of garbage tokens reads nothing", async () => {
    const tokens = [
      "x",
      "blnk_",
      `${apiKey("A".repeat(16)).slice(0, -1)}!`,
      `blnk_${"9".repeat(65)}`,
      "a".repeat(4_000),
    ];
    const statuses = await flood(FLOOD, (n) => stage.send("read", { key: tokens[n % tokens.length] }));
    assert.deepEqual(statuses, [401]);
    assert.deepEqual([stage.worker.kv.operations.length, stage.core.requests.length], [0, 0]);
    await stillCached();
  });

  test("a flood of unknown credentials reads each once and evicts nothing", async () => {
    const key = (n) => apiKey(`Flood${String(n).padStart(11, "0")}`);
    const statuses = await flood(FLOOD, (n) => stage.send("read", { key: key(n) }));
    assert.deepEqual(statuses, [401]);
    assert.equal(stage.worker.kv.reads.length, FLOOD);
    await stillCached();
    stage.worker.kv.forget();
    await flood(FLOOD, () => stage.send("read", { key: key(FLOOD - 1) }));
    assert.equal(stage.worker.kv.reads.length, 0);
  });

  test("a flood of unknown instances reads each once and evicts nothing", async () => {
    const statuses = await flood(FLOOD, (n) => stage.send("read", { instance: `flood_${n}` }));
    assert.deepEqual(statuses, [404]);
    assert.equal(stage.worker.kv.reads.length, FLOOD);
    await stillCached();
  });

  test("a URL over 16 KiB is refused before anything is looked at, without and with a body", async () => {
    const path = stage.path(`/ledgers?x=${"y".repeat(20_000)}`);
    for (const options of [{}, { method: "POST", body: Buffer.alloc(1_000_000) }]) {
      const answer = await stage.worker.fetch(path, {
        ...options,
        headers: { authorization: `Bearer ${stage.key.key}` },
      });
      assert.deepEqual([answer.status, answer.json().error_detail.code], [414, "PROXY_URI_TOO_LONG"]);
    }
    assert.equal(stage.core.requests.length, 0);
  });

  test("headers of any size are answered or cut off, and the next request is served", async () => {
    for (const size of [20_000, 200_000, 2_000_000]) {
      for (const name of ["Authorization", "X-Request-Id", "Traceparent", "X-Anything"]) {
        const answer = await rawRequest(
          stage.worker.origin,
          `GET ${stage.path("/ledgers")} HTTP/1.1\r\nHost: edge\r\n${name}: ${"a".repeat(size)}\r\n\r\n`,
        );
        assert.ok(answer === null || (answer.status >= 400 && answer.status < 500), `${name}: ${answer?.status}`);
      }
    }
    await stillCached();
  });

  test("a refused body is drained: each of many is told, whatever its size", async () => {
    const body = Buffer.alloc(4_000_000, "x");
    const refusals = [
      [{ key: "blnk_nobody" }, 401],
      [{ instance: "unknown" }, 404],
      [{ instance: "not an id" }, 400],
    ];
    for (let time = 0; time < 30; time += 1) {
      const [options, status] = refusals[time % 3];
      const { instance = stage.instance.id, key = stage.key.key } = options;
      const answer = await stage.worker.fetch(`/proxy/transactions?instance_id=${instance.replaceAll(" ", "%20")}`, {
        method: "POST",
        body,
        headers: { authorization: `Bearer ${key}` },
      });
      assert.deepEqual([answer.status, answer.complete], [status, true]);
      assert.equal(answer.json().error_detail.details.outcome, "not_sent");
    }
    assert.equal(stage.core.requests.length, 0);
  });

  test("an unknown caller with a slow body is answered after two seconds, and sends nobody anything", async () => {
    const started = performance.now();
    const connection = await connect(stage.worker.origin);
    await connection.write(
      `POST ${stage.path("/transactions")} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer blnk_nobody\r\n` +
        "Content-Length: 5000\r\n\r\n{",
    );
    const answer = await connection.answer();
    connection.close();
    assert.equal(answer.status, 401);
    assert.ok(performance.now() - started < 4_000);
  });
});

async function flood(count, send) {
  const seen = new Set();
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      seen.add((await send(next - 1)).status);
    }
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  return [...seen];
}
