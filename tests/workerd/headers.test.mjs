// Which headers pass, each way: an allow list up and a deny list down, seen on the wire at both ends.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { admin } from "./harness/admin.mjs";
import { rawRequest } from "./harness/http.mjs";
import { reply } from "./harness/replies.mjs";
import { head } from "./harness/wire.mjs";
import { CORE_KEY, startProxy } from "./proxied.mjs";

let proxy;
before(async () => (proxy = await startProxy()));
beforeEach(() => {
  proxy.upstream.clear();
  proxy.upstream.answer(reply({ body: {} }));
});
after(() => proxy.stop());

/** The headers that arrived upstream, but for those of the connection. */
const upstreamHeaders = async () => {
  const [received] = await proxy.upstream.received();
  const pairs = received.rawHeaders.map(([name, value]) => [name.toLowerCase(), value]);
  return Object.fromEntries(pairs.filter(([name]) => !["host", "content-length"].includes(name)));
};

describe("up", () => {
  // workerd itself adds the first two to a request that must not be answered from a cache.
  const OWN = {
    "cache-control": "no-cache",
    pragma: "no-cache",
    "x-blnk-key": CORE_KEY,
    "x-request-id": "req-1",
    "x-forwarded-proto": "http",
  };

  test("the nine headers that Core may be told pass as sent", async () => {
    const sent = {
      Accept: "application/json;q=0.9, */*",
      "Accept-Encoding": "gzip, br",
      "Accept-Language": "de-CH, de;q=0.5",
      "Content-Type": "application/json; charset=UTF-8",
      "Content-Encoding": "identity",
      "User-Agent": "a client/1.0 (of some kind)",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tracestate: "vendor=1,other=a:b",
      baggage: "user=1;p, k=v",
    };
    await proxy.call("POST", "/ledgers", { headers: { ...sent, "X-Request-Id": "req-1" }, body: "{}" });
    const expected = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));
    assert.deepEqual(await upstreamHeaders(), { ...expected, ...OWN });
  });

  test("no other header of a caller passes, whatever its name", async () => {
    const hostile = {
      Cookie: "session=1",
      "Proxy-Authorization": "Basic eDp5",
      "Proxy-Connection": "keep-alive",
      "X-Forwarded-For": "203.0.113.1",
      "X-Forwarded-Host": "evil.example",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Prefix": "/evil",
      "X-Real-IP": "203.0.113.1",
      "True-Client-IP": "203.0.113.1",
      Forwarded: "for=203.0.113.1;proto=https",
      Via: "1.1 evil",
      "X-HTTP-Method-Override": "DELETE",
      "X-Method-Override": "DELETE",
      "X-Original-URL": "/hooks",
      "X-Rewrite-URL": "/hooks",
      "CF-Access-Client-Id": "id",
      "CF-Access-Client-Secret": "secret",
      "CF-Worker": "evil.example",
      "X-Blnk-Reference": "ref_evil",
      "If-None-Match": '"x"',
      Range: "bytes=0-1",
      Origin: "https://evil.example",
      Referer: "https://evil.example/",
      TE: "trailers",
      Upgrade: "h2c",
      "Idempotency-Key-": "x",
      "X-Anything": "1",
    };
    const answer = await proxy.call("GET", "/ledgers", { headers: { ...hostile, "X-Request-Id": "req-1" } });
    assert.equal(answer.status, 200, answer.text());
    assert.deepEqual(await upstreamHeaders(), OWN);
  });

  test("a caller's X-Blnk-Key is its credential and never Core's key", async () => {
    const path = `/proxy/ledgers?instance_id=${proxy.instance.id}`;
    const headers = { "X-Blnk-Key": proxy.key.key, "X-Request-Id": "req-1" };
    assert.equal((await proxy.worker.fetch(path, { headers })).status, 200);
    assert.deepEqual(await upstreamHeaders(), OWN);
    const [received] = proxy.upstream.requests;
    assert.equal(received.rawHeaders.filter(([name]) => name.toLowerCase() === "x-blnk-key").length, 1);
  });

  test("both credential headers with the same token are one credential, and neither passes", async () => {
    const headers = { "X-Blnk-Key": proxy.key.key, "X-Request-Id": "req-1" };
    assert.equal((await proxy.call("GET", "/ledgers", { headers })).status, 200);
    assert.deepEqual(await upstreamHeaders(), OWN);
  });

  test("a header that Connection names passes all the same where Core may know it, and Connection never", async () => {
    const lines = [
      "Host: edge.example",
      `Authorization: Bearer ${proxy.key.key}`,
      "X-Request-Id: req-1",
      "Connection: close, Accept, X-Blnk-Key, X-Secret",
      "Accept: text/plain",
      "X-Secret: 1",
      "Keep-Alive: timeout=5",
    ];
    const target = `/proxy/ledgers?instance_id=${proxy.instance.id}`;
    const answer = await rawRequest(proxy.worker.origin, head(`GET ${target} HTTP/1.1`, lines));
    assert.equal(answer.status, 200, answer.text());
    assert.deepEqual(await upstreamHeaders(), { ...OWN, accept: "text/plain" });
  });

  test("the address is the one that the platform names", async () => {
    await proxy.call("GET", "/ledgers", {
      headers: { "CF-Connecting-IP": "198.51.100.7", "X-Forwarded-For": "203.0.113.1", "X-Request-Id": "req-1" },
    });
    assert.deepEqual(await upstreamHeaders(), { ...OWN, "x-forwarded-for": "198.51.100.7" });
  });

  test("the instance's access headers are set, and a caller's do not come beside them", async () => {
    const access = { client_id: "id.access", client_secret: "access-secret" };
    const { id } = await admin(proxy.worker).instance({ base_url: proxy.upstream.origin, access });
    await proxy.call("GET", "/ledgers", {
      instance: id,
      headers: { "CF-Access-Client-Secret": "evil", "X-Request-Id": "req-1" },
    });
    const expected = { ...OWN, "cf-access-client-id": "id.access", "cf-access-client-secret": "access-secret" };
    assert.deepEqual(await upstreamHeaders(), expected);
  });

  test("a header that is not ASCII neither stops a request nor passes", async () => {
    const lines = [
      "Host: edge.example",
      `Authorization: Bearer ${proxy.key.key}`,
      "X-Request-Id: req-1",
      "X-Name: J\xf6rg",
    ];
    const target = `/proxy/ledgers?instance_id=${proxy.instance.id}`;
    const answer = await rawRequest(proxy.worker.origin, head(`GET ${target} HTTP/1.1`, lines));
    assert.equal(answer.status, 200, answer.text());
    assert.deepEqual(await upstreamHeaders(), OWN);
  });

  test("a request id is the caller's where it is plain, and else a new one, the same both ways", async () => {
    for (const [sent, kept] of [
      ["a.B_c-9", true],
      ["x".repeat(128), true],
      ["x".repeat(129), false],
      ["a b", false],
      ["a,b", false],
      ['"', false],
    ]) {
      proxy.upstream.clear();
      const answer = await proxy.call("GET", "/ledgers", { headers: { "X-Request-Id": sent } });
      const id = answer.headers.get("x-request-id");
      assert.equal((await upstreamHeaders())["x-request-id"], id);
      if (kept) assert.equal(id, sent);
      else assert.match(id, /^[0-9a-f-]{36}$/);
    }
  });
});

describe("down", () => {
  const answered = async (headers) => {
    proxy.upstream.answer(reply({ headers, body: "body" }));
    const answer = await proxy.call("GET", "/ledgers", { headers: { "X-Request-Id": "req-1" } });
    assert.equal(answer.text(), "body");
    return Object.fromEntries(answer.rawHeaders.map(([name, value]) => [name.toLowerCase(), value]));
  };
  // The last is workerd's own, to a client that asked for one request a connection.
  const ALWAYS = { "content-length": "4", "x-request-id": "req-1", connection: "close" };

  test("what is the edge's own business, an address or a cookie does not pass", async () => {
    const passed = await answered([
      ["Set-Cookie", "CF_Authorization=secret; HttpOnly"],
      ["Set-Cookie", "second=1"],
      ["Alt-Svc", 'h3=":443"'],
      ["Clear-Site-Data", '"*"'],
      ["NEL", '{"report_to":"x"}'],
      ["Report-To", '{"group":"x"}'],
      ["X-Rate-Limit-Request-Remote-Addr", "192.0.2.1:999"],
      ["X-Rate-Limit-Request-Forwarded-For", "192.0.2.1"],
      ["Proxy-Authenticate", "Basic"],
      ["Proxy-Connection", "close"],
      ["Keep-Alive", "timeout=5"],
      ["X-Request-Id", "core's own"],
    ]);
    assert.deepEqual(passed, ALWAYS);
  });

  test("what Core's own Connection names does not pass", async () => {
    const passed = await answered([
      ["Connection", "keep-alive, X-Internal ,X-Other"],
      ["X-Internal", "1"],
      ["X-Other", "1"],
      ["X-Kept", "1"],
    ]);
    assert.deepEqual(passed, { ...ALWAYS, "x-kept": "1" });
  });

  test("everything else passes, repeated or odd", async () => {
    const headers = {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Disposition": 'attachment; filename="a b.csv"',
      "Cache-Control": "no-store",
      "Content-Security-Policy": "default-src 'none'",
      "Strict-Transport-Security": "max-age=1",
      "X-Rate-Limit-Limit": "5000000.00",
      "Ratelimit-Reset": "1",
      "Retry-After": "3",
      "WWW-Authenticate": "Core",
      "X-Blnk-Key": "a name of Core's",
      ETag: '"x"',
    };
    const expected = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    assert.deepEqual(await answered(headers), { ...expected, ...ALWAYS });
  });

  test("a chunked answer stays chunked and an empty one without a body stays so", async () => {
    proxy.upstream.answer(reply({ body: "x".repeat(5000), chunked: true }));
    const chunked = await proxy.call("GET", "/ledgers");
    assert.deepEqual([chunked.headers.get("transfer-encoding"), chunked.body.length], ["chunked", 5000]);
    proxy.upstream.answer(reply({ status: 204 }));
    const empty = await proxy.call("DELETE", "/identities/idt_1");
    assert.deepEqual([empty.status, empty.body.length], [204, 0]);
  });
});
