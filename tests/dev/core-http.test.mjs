// What the stand-in is on the wire: keys, routing, headers, lengths; and how it starts and stops.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { startCore } from "../../dev/core/server.mjs";
import { balancesIn, coreFor, deposit, send } from "./core-client.mjs";

const MAIN = fileURLToPath(new URL("../../dev/core/main.mjs", import.meta.url));

test("every path but the root and health asks for the key, known or not", async (t) => {
  const core = await coreFor(t);
  for (const path of ["/ledgers", "/nope", "/hooks"]) {
    const none = await send(core, "GET", path, undefined, { "X-Blnk-Key": undefined });
    const wrong = await send(core, "GET", path, undefined, { "X-Blnk-Key": "wrong" });
    assert.deepEqual([none.status, none.json.error_detail.code], [401, "AUTH_MISSING_API_KEY"], path);
    assert.deepEqual([wrong.status, wrong.json.error_detail.code], [401, "AUTH_INVALID_API_KEY"], path);
  }
  assert.equal((await send(core, "GET", "/", undefined, { "X-Blnk-Key": undefined })).text, '"server running..."');
});

test("hooks tell the master key from a scoped one", async (t) => {
  const core = await coreFor(t, { scopedKeys: ["scoped"] });
  const master = await send(core, "GET", "/hooks");
  assert.deepEqual([master.status, master.text], [200, "[]"]);
  const scoped = await send(core, "GET", "/hooks", undefined, { "X-Blnk-Key": "scoped" });
  assert.deepEqual([scoped.status, scoped.json.error_detail.code], [403, "AUTH_MASTER_KEY_REQUIRED"]);
  assert.equal((await send(core, "GET", "/ledgers", undefined, { "X-Blnk-Key": "scoped" })).status, 200);
});

test("with secure mode off nobody is asked for a key, and nobody is master", async (t) => {
  const core = await coreFor(t, { secure: false });
  assert.equal((await send(core, "GET", "/ledgers", undefined, { "X-Blnk-Key": undefined })).status, 200);
  assert.equal((await send(core, "GET", "/hooks")).status, 403);
});

test("another method, another case and a route that is not there are a plain 404", async (t) => {
  const core = await coreFor(t);
  const cases = [
    ["PATCH", "/ledgers"],
    ["HEAD", "/ledgers"],
    ["OPTIONS", "/ledgers"],
    ["GET", "/LEDGERS"],
    ["GET", "//ledgers"],
    ["GET", "/ledgers/../ledgers"],
    ["GET", "/transactions/reference/a%2Fb"],
    ["GET", "/api-keys"],
    ["GET", "/backup"],
  ];
  for (const [method, path] of cases) {
    const answer = await send(core, method, path);
    const text = method === "HEAD" ? "" : "404 page not found";
    assert.deepEqual(
      [answer.status, answer.text, answer.headers["content-type"]],
      [404, text, "text/plain"],
      `${method} ${path}`,
    );
  }
});

test("a path is decoded before it is routed", async (t) => {
  const core = await coreFor(t);
  assert.equal((await send(core, "GET", "/%6cedgers")).status, 200);
  assert.equal((await send(core, "GET", "/ledgers%2Fnone")).json.error_detail.code, "LGR_NOT_FOUND");
  assert.match((await send(core, "GET", "/transactions/reference/a%252Fb")).json.error, /'a%2Fb' not found/);
  assert.equal((await send(core, "GET", "/ledgers/%zz")).status, 400);
});

test("one slash too many is redirected, key or no key, with the query and the prefix", async (t) => {
  const core = await coreFor(t);
  const got = await send(core, "GET", "/ledgers/?limit=2", undefined, {
    "X-Blnk-Key": undefined,
    "X-Forwarded-Prefix": "/p",
  });
  assert.deepEqual([got.status, got.headers.location], [301, "/p/ledgers?limit=2"]);
  const posted = await send(core, "POST", "/transactions/", {});
  assert.deepEqual([posted.status, posted.headers.location, posted.text], [307, "/transactions", ""]);
});

test("up to 2 KiB have a length and more comes in chunks", async (t) => {
  const core = await coreFor(t);
  const rest = (await send(core, "POST", "/ledgers", { name: "x" })).text.length - 1;
  // The fraction of a second has up to nine digits, so two sizes near the bound are not told apart.
  const within = await send(core, "POST", "/ledgers", { name: "x".repeat(2048 - rest - 9) });
  const above = await send(core, "POST", "/ledgers", { name: "x".repeat(2048 - rest + 10) });
  assert.deepEqual(
    [within.headers["content-length"], within.headers["transfer-encoding"]],
    [String(within.text.length), undefined],
  );
  assert.deepEqual([above.headers["content-length"], above.headers["transfer-encoding"]], [undefined, "chunked"]);
});

test("a body that a batch cannot bind is JSON called plain text, and markup is escaped", async (t) => {
  const core = await coreFor(t);
  const batch = await send(core, "POST", "/transactions/bulk", '{"transactions":"x"}');
  assert.equal(batch.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(
    batch.json.error,
    "Invalid request body: json: cannot unmarshal string into Go struct field BulkTransactionRequest.transactions " +
      "of type []*model.RecordTransaction",
  );
  const ledger = await send(core, "POST", "/ledgers", '{"name":"<a&b>\\u2028"}');
  assert.ok(ledger.text.includes('"name":"\\u003ca\\u0026b\\u003e\\u2028"'), ledger.text);
});

test("what a proxy forwards shows in the answer", async (t) => {
  const core = await coreFor(t);
  const { headers } = await send(core, "GET", "/ledgers", undefined, {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "192.0.2.1",
  });
  assert.equal(headers["strict-transport-security"], "max-age=31536000; includeSubDomains");
  assert.equal(headers["x-rate-limit-request-forwarded-for"], "192.0.2.1");
});

test("of a repeated key header the first counts", async (t) => {
  const core = await coreFor(t);
  assert.equal((await send(core, "GET", "/ledgers", undefined, { "X-Blnk-Key": [core.key, "wrong"] })).status, 200);
  assert.equal((await send(core, "GET", "/ledgers", undefined, { "X-Blnk-Key": ["wrong", core.key] })).status, 401);
});

test("a caller that hangs up in the middle of its body does no harm", async (t) => {
  const core = await coreFor(t);
  const socket = connect(core.port, "127.0.0.1");
  socket.write(`POST /ledgers HTTP/1.1\r\nHost: x\r\nX-Blnk-Key: ${core.key}\r\nContent-Length: 100\r\n\r\n{"name":`);
  await once(socket, "ready");
  socket.destroy();
  assert.equal((await send(core, "GET", "/ledgers")).json.length, 1);
});

test("requests are counted by route", async (t) => {
  const core = await coreFor(t);
  await balancesIn(core, "USD", "USD");
  await send(core, "GET", "/nope");
  assert.deepEqual([core.requests.get("POST /balances"), core.requests.get("GET none")], [2, 1]);
});

test("it closes at once, with work queued and a connection open", async (t) => {
  const core = await coreFor(t, { applyDelayMs: 60_000 });
  const [destination] = await balancesIn(core, "USD");
  await send(core, "POST", "/transactions", deposit({ destination, reference: "r", skip_queue: false }));
  const kept = await fetch(core.url);
  await kept.text();
  await core.close();
  await assert.rejects(fetch(core.url));
});

test("the command says where it listens, ends on a signal, and says so when its port is taken", async (t) => {
  const first = spawn(process.execPath, [MAIN, "--port", "0"], { env: { ...process.env, CORE_KEY: "secret" } });
  t.after(() => first.kill("SIGKILL"));
  const [line] = await once(first.stdout, "data");
  const port = /^stand-in Core on http:\/\/127\.0\.0\.1:(\d+), X-Blnk-Key: secret\n$/.exec(line)?.[1];
  assert.ok(port, String(line));
  const second = spawn(process.execPath, [MAIN, "--port", port]);
  const [[message], [code]] = await Promise.all([once(second.stderr, "data"), once(second, "exit")]);
  assert.deepEqual([String(message), code], [`port ${port} is in use; choose another with --port\n`, 1]);
  first.kill("SIGTERM");
  const [status] = await once(first, "exit");
  assert.equal(status, 0);
});

test("two stand-ins share nothing", async (t) => {
  const [a, b] = [await coreFor(t), await startCore()];
  t.after(() => b.close());
  assert.notEqual(a.key, b.key);
  await balancesIn(a, "USD");
  assert.equal((await send(b, "GET", "/balances")).text, "null");
});
