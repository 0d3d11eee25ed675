import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { connect, rawRequest, request } from "../http.mjs";
import { startUpstream } from "../upstream.mjs";
import { LAST_CHUNK, chunk, head } from "../wire.mjs";
import { startWorker } from "../workerd.mjs";
import { PROBE } from "./probe.mjs";

describe("the plain client", () => {
  let upstream;
  before(async () => (upstream = await startUpstream()));
  beforeEach(() => upstream.clear());
  after(() => upstream.stop());

  const lines = async () => (await upstream.received())[0].headerLines.map((line) => line.toLowerCase());

  for (const method of ["GET", "DELETE", "POST"]) {
    test(`frames the body of a ${method}`, async () => {
      await request(upstream.origin, "/", { method, body: "body" });
      const [{ body }] = await upstream.received();
      assert.deepEqual([body.framing, body.bytes.toString(), body.complete], ["length", "body", true]);
    });
  }

  test("sends a stream in chunks and an object as JSON", async () => {
    async function* parts() {
      yield Buffer.from("one ");
      yield Buffer.from("two");
    }
    await request(upstream.origin, "/", { method: "DELETE", body: parts() });
    await request(upstream.origin, "/", { method: "POST", body: { a: 1 } });
    const [stream, object] = await upstream.received(2);
    assert.deepEqual([stream.body.framing, stream.body.bytes.toString()], ["chunked", "one two"]);
    assert.equal(object.headers.get("content-type"), "application/json");
    assert.equal(object.body.bytes.toString(), '{"a":1}');
  });

  test("repeats a header as often as it is given", async () => {
    await request(upstream.origin, "/", {
      headers: [
        ["Authorization", "Bearer a"],
        ["Authorization", "Bearer b"],
      ],
    });
    const sent = (await lines()).filter((line) => line.startsWith("authorization"));
    assert.deepEqual(sent, ["authorization: bearer a", "authorization: bearer b"]);
  });

  test("adds a host and a length where none is given, and nothing where one is", async () => {
    await request(upstream.origin, "/", { method: "POST", headers: { Host: "odd.example" } });
    const sent = (await lines()).filter((line) => /^(host|content-length|transfer)/.test(line));
    assert.deepEqual(sent, ["host: odd.example", "content-length: 0"]);
  });
});

describe("the raw client", () => {
  let worker;
  before(async () => (worker = await startWorker(PROBE)));
  after(() => worker.stop());

  test("sends a path of any bytes", async () => {
    const answer = await rawRequest(worker.origin, head("GET /a/../%2e//\\x HTTP/1.1", ["Host: odd.example"]));
    assert.equal(answer.text(), "http://odd.example/a/../%2e//\\x");
  });

  test("sends a chunked body", async () => {
    async function* parts() {
      yield head("POST /echo HTTP/1.1", [
        ["Host", "x"],
        ["Transfer-Encoding", "chunked"],
      ]);
      yield chunk("one ");
      await sleep(10);
      yield Buffer.concat([chunk("two"), LAST_CHUNK]);
    }
    const answer = await rawRequest(worker.origin, parts());
    assert.deepEqual([answer.text(), answer.complete, answer.framing], ["one two", true, "chunked"]);
  });

  test("can promise more than it sends", async () => {
    const bytes = Buffer.concat([head("POST /echo HTTP/1.1", ["Host: x", "Content-Length: 9"]), Buffer.from("short")]);
    const answer = await rawRequest(worker.origin, bytes, { hangUp: true, timeoutMs: 2_000 });
    assert.ok(answer === null || !answer.complete);
  });

  test("holds a connection for several requests", async () => {
    const connection = await connect(worker.origin);
    for (const path of ["/one", "/two"]) {
      await connection.write(head(`GET ${path} HTTP/1.1`, ["Host: x"]));
      assert.equal((await connection.answer()).text(), `http://x${path}`);
    }
    connection.reset();
  });
});
