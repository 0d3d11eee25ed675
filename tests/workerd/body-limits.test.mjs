// What lifts or passes Core's own limit of a body: multipart where none belongs, and streams that say nothing of their
// size.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { rawRequest } from "./harness/http.mjs";
import { head } from "./harness/wire.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const MIB = 1 << 20;
const BLANKS = Buffer.alloc(65_536, " ");

let proxy;
let reader;
before(async () => {
  proxy = await startProxy();
  reader = await proxy.adminApi.apiKey({ scopes: ["proxy:read"] });
});
afterEach(() => {
  proxy.upstream.clear();
});
after(() => proxy.stop());

/** A JSON value, and blanks behind it to the given size. */
async function* padded(size, front = "{}") {
  yield Buffer.from(front);
  for (let left = size - front.length; left > 0; left -= BLANKS.length)
    yield BLANKS.subarray(0, Math.min(left, BLANKS.length));
}

describe("multipart where no form belongs", () => {
  test("of 64 MB to a filter is refused, for a key that may only read, and nothing reaches Core", async () => {
    for (const [size, id] of [
      [7, "seven"],
      [64, "sixty-four"],
    ]) {
      const lines = [
        "Host: edge",
        `Authorization: Bearer ${reader.key}`,
        `X-Request-Id: ${id}`,
        "Content-Type: multipart/form-data",
      ];
      async function* bytes() {
        const path = `/proxy/transactions/filter?instance_id=${proxy.instance.id}`;
        yield head(`POST ${path} HTTP/1.1`, [...lines, `Content-Length: ${size * MIB}`]);
        yield* padded(size * MIB);
      }
      const answer = await rawRequest(proxy.worker.origin, bytes());
      // Of more than is read away the answer may be lost with the connection.
      if (size === 7 || answer !== null) assertError(answer, 415, "PROXY_UNSUPPORTED_MEDIA_TYPE");
      assert.equal((await proxy.worker.logLine(id)).code, "PROXY_UNSUPPORTED_MEDIA_TYPE");
    }
    assert.deepEqual(proxy.arrived(), []);
  });

  test("is refused in any spelling, on every kind of route, and a write says that nothing was sent", async () => {
    for (const type of ["Multipart/Form-Data; boundary=b", " \tMULTIPART/FORM-DATA", "multipart/mixed", "multipart/"]) {
      for (const [method, path] of [
        ["POST", "/ledgers/filter"],
        ["POST", "/ledgers"],
        ["POST", "/transactions"],
        ["PUT", "/identities/idt_1"],
        ["DELETE", "/identities/idt_1"],
      ]) {
        const answer = await proxy.call(method, path, { headers: { "Content-Type": type }, body: "{}" });
        const { outcome } = assertError(answer, 415, "PROXY_UNSUPPORTED_MEDIA_TYPE");
        assert.equal(outcome, path.endsWith("filter") ? undefined : "not_sent");
      }
    }
    const twice = [
      ["Content-Type", "application/json"],
      ["Content-Type", "multipart/form-data"],
    ];
    assertError(
      await proxy.call("POST", "/ledgers", { headers: twice, body: "{}" }),
      415,
      "PROXY_UNSUPPORTED_MEDIA_TYPE",
    );
    assert.deepEqual(proxy.arrived(), []);
  });

  test("is taken as an upload, of 20 MB, in chunks and with a length", async () => {
    const headers = { "Content-Type": "multipart/form-data; boundary=b" };
    for (const sized of [headers, { ...headers, "Content-Length": String(20 * MIB) }]) {
      const answer = await proxy.call("POST", "/reconciliation/upload", { headers: sized, body: padded(20 * MIB) });
      assert.equal(answer.status, 200, answer.text());
      const [received] = await proxy.upstream.received();
      assert.deepEqual([received.body.length, received.body.complete], [20 * MIB, true]);
      proxy.upstream.clear();
    }
  });
});

describe("a body that streams through", () => {
  const headers = { "Content-Type": "application/json" };

  test("and declares more than Core takes is refused before anything is sent", async () => {
    for (const [path, outcome] of [
      ["/ledgers/filter", undefined],
      ["/ledgers", "not_sent"],
    ]) {
      const body = Buffer.alloc(5 * MIB + 1, " ");
      const details = assertError(await proxy.call("POST", path, { headers, body }), 413, "PROXY_BODY_TOO_LARGE");
      assert.deepEqual([details.limit, details.outcome], [5 * MIB, outcome]);
    }
    assert.deepEqual(proxy.arrived(), []);
  });

  test("and declares nothing is cut where it grows over, never looks whole to Core; the caller is told", async () => {
    for (const [path, outcome] of [
      ["/ledgers/filter", undefined],
      ["/ledgers", "unknown"],
    ]) {
      for (let time = 0; time < 5; time += 1) {
        const answer = await proxy.call("POST", path, { headers, body: padded(6 * MIB) });
        const details = assertError(answer, 413, "PROXY_BODY_TOO_LARGE");
        assert.deepEqual([details.limit, details.outcome], [5 * MIB, outcome]);
        const line = await proxy.worker.logLine(details.request_id);
        assert.deepEqual([line.status, line.code, line.route], [413, "PROXY_BODY_TOO_LARGE", path]);
        const [received] = await proxy.upstream.received();
        assert.ok(received.body === null || !received.body.complete, "Core took it for a whole one");
        assert.ok((received.body?.length ?? 0) <= 5 * MIB);
        proxy.upstream.clear();
      }
    }
  });

  test("passes where it is just as large as Core takes, in chunks and with a length", async () => {
    for (const sized of [headers, { ...headers, "Content-Length": String(5 * MIB) }]) {
      const answer = await proxy.call("POST", "/ledgers/filter", { headers: sized, body: padded(5 * MIB) });
      assert.equal(answer.status, 200, answer.text());
      const [received] = await proxy.upstream.received();
      assert.deepEqual([received.body.length, received.body.complete], [5 * MIB, true]);
      proxy.upstream.clear();
    }
  });
});
