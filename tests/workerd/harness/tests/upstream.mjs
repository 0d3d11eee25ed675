import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";

import { connect } from "../http.mjs";
import { after as later, closeAfter, early, hang, raw, recorded, reply, resetAfter, resetAtOnce } from "../replies.mjs";
import { closedPort, startUpstream } from "../upstream.mjs";
import { chunk, head } from "../wire.mjs";
import { startWorker } from "../workerd.mjs";
import { PROBE } from "./probe.mjs";

const MIB = 1024 * 1024;

describe("the upstream", () => {
  let worker;
  let upstream;
  before(async () => {
    [worker, upstream] = await Promise.all([startWorker(PROBE), startUpstream()]);
  });
  beforeEach(() => {
    upstream.clear();
    upstream.answer(reply({ body: {} }));
  });
  after(() => Promise.all([worker.stop(), upstream.stop()]));

  const forward = (init = {}, target = `${upstream.origin}/x`) =>
    worker.fetch("/forward", { ...init, headers: { ...init.headers, "x-target": target } });
  const post = (body = "{}") => forward({ method: "POST", body });

  test("keeps a request as it came over the wire", async () => {
    await forward({ method: "POST", headers: { "X-Odd": "a  b" }, body: "body" }, `${upstream.origin}/p/%41'?q=%41`);
    const [request] = await upstream.received();
    assert.equal(request.line, "POST /p/%41'?q=%41 HTTP/1.1");
    assert.ok(request.headerLines.includes("Content-Length: 4"));
    assert.equal(request.headers.get("x-odd"), "a  b");
    assert.equal(request.body.bytes.toString(), "body");
    assert.equal(request.body.sha256, createHash("sha256").update("body").digest("hex"));
    assert.deepEqual([request.body.framing, request.body.complete], ["length", true]);
  });

  test("serves a recorded answer header by header", async () => {
    const headers = [
      ["X-One", "1"],
      ["Content-Type", "application/json"],
      ["Content-Length", "7"],
      ["X-One", "2"],
    ];
    upstream.answer(recorded({ status: 201, headers, body: '{"a":1}' }));
    const answer = await forward();
    assert.equal(answer.status, 201);
    assert.equal(answer.text(), '{"a":1}');
    for (const [name, value] of headers.slice(1, 3)) assert.equal(answer.headers.get(name), value);
    assert.equal(answer.headers.get("x-one"), "1, 2");
  });

  test("answers several requests one by one", async () => {
    upstream.answerNext(reply({ status: 404 }), raw("HTTP/1.1 204 No Content\r\n\r\n"));
    const statuses = [await forward(), await forward(), await forward()].map(({ status }) => status);
    assert.deepEqual(statuses, [404, 204, 200]);
    assert.equal(upstream.requests.length, 3);
    const connections = new Set(upstream.requests.map(({ connection }) => connection));
    assert.equal(connections.size, 1, "over one connection kept alive");
  });

  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const lost = [
    ["a reset before the body was read", resetAtOnce],
    ["a reset after the request was read", resetAfter()],
    ["a reset in the head", resetAfter(whole.slice(0, 25))],
    ["an end without an answer", closeAfter()],
    ["an end in the head", closeAfter(whole.slice(0, 25))],
  ];
  for (const [name, fault] of lost) {
    test(`${name} makes fetch throw, and the request is not sent again`, async () => {
      upstream.answer(fault);
      assert.equal((await post()).status, 502);
      assert.equal(upstream.requests.length, 1);
    });
  }

  const cut = [
    ["an end in a body with a length", closeAfter(`${whole}12345`)],
    ["a reset in a body with a length", resetAfter(`${whole}12345`)],
    ["an end in a chunked body", closeAfter(Buffer.concat([Buffer.from(chunked), chunk("12345")]))],
  ];
  for (const [name, fault] of cut) {
    test(`${name} reaches the caller as an answer that broke off`, async () => {
      upstream.answer(fault);
      const answer = await post();
      assert.deepEqual([answer.status, answer.complete], [200, false]);
      assert.equal(answer.text(), "12345");
    });
  }

  test("a late answer is late, and silence lasts until the caller leaves", async () => {
    upstream.answer(later(80, reply()));
    const start = performance.now();
    assert.equal((await forward()).status, 200);
    assert.ok(performance.now() - start >= 75);
    upstream.answer(hang());
    await assert.rejects(forward({ timeoutMs: 80 }), /within 80 ms/);
  });

  test("an answer can come before the body has gone up", async () => {
    upstream.answer(early({ status: 413, body: "no" }, { close: false }));
    const connection = await connect(worker.origin);
    const headers = ["Host: x", `X-Target: ${upstream.origin}`, "Content-Length: 4"];
    await connection.write(head("POST /forward HTTP/1.1", headers));
    const answer = await connection.answer();
    connection.close();
    assert.equal(answer.status, 413);
    assert.ok(!upstream.requests[0].body?.complete);
  });

  test("a port on which nothing listens refuses", async () => {
    const answer = await forward({}, `http://127.0.0.1:${await closedPort()}/`);
    assert.equal(answer.status, 502);
  });

  test("a connection can be taken over, so that TLS fails", async () => {
    upstream.onConnection = (socket) => socket.end("this is no TLS\r\n");
    const answer = await forward({}, `https://127.0.0.1:${upstream.port}/`);
    upstream.onConnection = null;
    assert.equal(answer.status, 502);
    assert.equal(upstream.requests.length, 0);
  });

  test("100 MiB stream through with their bytes, and memory stays flat", async () => {
    const block = Buffer.alloc(64 * 1024, "blnk");
    const blocks = 1600;
    const hash = createHash("sha256");
    async function* upload() {
      for (let sent = 0; sent < blocks; sent += 1) {
        hash.update(block);
        yield block;
      }
    }
    await post();
    upstream.clear();
    const memory = worker.rss();
    const headers = { "content-length": String(blocks * block.length) };
    assert.equal((await forward({ method: "POST", headers, body: upload() })).status, 200);
    const [{ body, headers: sent }] = await upstream.received();
    assert.equal(sent.get("content-length"), headers["content-length"]);
    assert.deepEqual([body.length, body.sha256], [100 * MIB, hash.digest("hex")]);
    assert.equal(body.bytes, null);
    assert.ok(worker.peakRss() - memory < 32 * MIB, `${(worker.peakRss() - memory) / MIB} MiB more`);
  });
});
