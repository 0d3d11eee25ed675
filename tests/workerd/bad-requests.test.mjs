// Requests that no well-behaved client would send: odd Host headers, odd targets, lines that are no HTTP. Some of them
// workerd itself answers, with a plain text, before the worker runs; for those it is shown that nothing reaches Core.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { rawRequest } from "./harness/http.mjs";
import { head } from "./harness/wire.mjs";
import { assertError, startProxy } from "./proxied.mjs";

let proxy;
before(async () => (proxy = await startProxy()));
afterEach(async () => {
  assert.deepEqual(proxy.arrived(), [], "something was sent to Core");
  assert.equal((await proxy.call("GET", "/ledgers")).status, 200, "the worker serves the next request");
  proxy.arrived();
});
after(() => proxy.stop());

/** A request with a good credential; `target` may hold `ID` for the instance. */
const send = (target, lines = ["Host: edge.example"], method = "GET", version = "HTTP/1.1") =>
  rawRequest(
    proxy.worker.origin,
    head(`${method} ${target.replace("ID", proxy.instance.id)} ${version}`, [
      ...lines,
      `Authorization: Bearer ${proxy.key.key}`,
    ]),
    { timeoutMs: 5_000 },
  );

const LEDGERS = "/proxy/ledgers?instance_id=ID";

describe("a Host header", () => {
  const HARMLESS = [
    "evil.example:99999",
    "user:pw@a.com",
    "a.com:80:80",
    "[::1]",
    "[::1",
    "a b.com",
    "..",
    "a.com\\proxy",
    "%61.com",
    "a.com\t",
  ];
  const PART_OF_THE_PATH = [
    "a.com/proxy/hooks?q=",
    "a.com/proxy/hooks#",
    "a.com#",
    "a.com?",
    "a.com/proxy",
    "a.com/..",
    "/",
    "?",
    "#",
  ];

  for (const host of HARMLESS) {
    test(`${JSON.stringify(host)} changes nothing of what Core gets`, async () => {
      const answer = await send(LEDGERS, [`Host: ${host}`]);
      assert.equal(answer.status, 200, answer.text());
      const [{ target, headers }] = await proxy.upstream.received();
      assert.equal(target, "/ledgers");
      assert.equal(headers.get("host"), `127.0.0.1:${proxy.upstream.port}`);
      proxy.arrived();
    });
  }

  for (const host of PART_OF_THE_PATH) {
    test(`${host} that becomes a part of the URL opens no route`, async () => {
      const answer = await send(LEDGERS, [`Host: ${host}`]);
      assertError(answer, answer.status, answer.json().error_detail.code);
      assert.ok([400, 404].includes(answer.status));
    });
  }

  for (const [name, lines] of [
    ["is missing", []],
    ["is empty", ["Host: "]],
    ["is not ASCII", ["Host: \xe9.com"]],
  ]) {
    test(`that ${name} is answered by workerd itself, and nothing reaches Core`, async () => {
      assert.equal((await send(LEDGERS, lines)).status, 400);
    });
  }
});

describe("a target", () => {
  test("in absolute form is judged like any other", async () => {
    assert.equal((await send(`http://edge.example${LEDGERS}`)).status, 200);
    assert.deepEqual(proxy.arrived(), ["GET /ledgers"]);
    assertError(await send("http://edge.example/proxy/hooks?instance_id=ID"), 404, "PROXY_ROUTE_NOT_FOUND");
  });

  test("has nothing behind a #: workerd cuts it off, and neither the worker nor Core sees it", async () => {
    assert.equal((await send(`${LEDGERS}#/../hooks`)).status, 200);
    assert.equal((await send(`${LEDGERS}#`)).status, 200);
    assert.deepEqual(proxy.arrived(), ["GET /ledgers", "GET /ledgers"]);
    assertError(await send("/proxy/ledgers#?instance_id=ID"), 400, "PROXY_MISSING_INSTANCE_ID");
    assertError(await send("/proxy/#/ledgers?instance_id=ID"), 400, "PROXY_MISSING_INSTANCE_ID");
  });

  for (const target of [
    "//evil.example/proxy/ledgers?instance_id=ID",
    "*",
    "/\\proxy/ledgers?instance_id=ID",
    "/proxy\\ledgers?instance_id=ID",
  ]) {
    test(`${target} is none of the proxy's`, async () => {
      assertError(await send(target), 404, "PROXY_ROUTE_NOT_FOUND");
    });
  }

  const UNREADABLE = [
    "/proxy/led\tgers?instance_id=ID",
    `${LEDGERS}\t`,
    `${LEDGERS}&a=\tb`,
    "/proxy/ledgers\0?instance_id=ID",
    `${LEDGERS}&a=\x01`,
    `${LEDGERS}&a=\x7f`,
    `${LEDGERS}&a=\xe9`,
    "/proxy/l\xe9dgers?instance_id=ID",
    "/proxy/ledgers<x>?instance_id=ID",
    "/proxy/ledgers`?instance_id=ID",
    "/proxy/led gers?instance_id=ID",
    `${LEDGERS}&a=b c`,
    "proxy/ledgers?instance_id=ID",
    "?instance_id=ID",
  ];
  for (const target of UNREADABLE) {
    test(`${JSON.stringify(target)} is answered by workerd itself, and nothing reaches Core`, async () => {
      const answer = await send(target);
      assert.equal(answer.status, 400);
      assert.doesNotMatch(answer.headers.get("content-type") ?? "", /json/);
    });
  }
});

describe("a request", () => {
  test("of a method that HTTP knows and Core does not gets 405 with Allow", async () => {
    for (const method of ["TRACE", "PROPFIND", "PATCH", "OPTIONS"]) {
      const answer = await send(LEDGERS, undefined, method);
      assertError(answer, 405, "PROXY_METHOD_NOT_ALLOWED");
      assert.equal(answer.headers.get("allow"), "GET, POST");
    }
  });

  test("of a method that nobody knows is answered by workerd itself, and nothing reaches Core", async () => {
    for (const method of ["get", "FOO", "GETS"]) assert.equal((await send(LEDGERS, undefined, method)).status, 501);
  });

  test("whose lines are no HTTP is answered by workerd itself, and nothing reaches Core", async () => {
    const host = "Host: edge.example";
    const lengths = [["Content-Length: 5", "Content-Length: 6"], ["Content-Length: -1"], ["Content-Length: 0x5"]];
    for (const lines of [["X-Bad\x01: a"], ["X-Bad : a"], [" folded: a"], ...lengths]) {
      assert.equal((await send("/proxy/ledgers?instance_id=ID", [host, ...lines], "POST")).status, 400, lines.join());
    }
    assert.equal((await send(LEDGERS, [host], "GET", "HTTP/9.9")).status, 400);
  });
});
