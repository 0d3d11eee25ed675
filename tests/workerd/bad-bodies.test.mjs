// Transaction bodies that must not be forwarded: each gets its code, says that nothing was sent, and nothing is.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";

import { connect } from "./harness/http.mjs";
import { head } from "./harness/wire.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const LIMIT = 4_096;

let proxy;
before(async () => (proxy = await startProxy({ vars: { MAX_TRANSACTION_BYTES: String(LIMIT) } })));
afterEach(() => assert.deepEqual(proxy.arrived(), [], "something was sent to Core"));
after(() => proxy.stop());

const refused = async (body, status, code, init = {}) => {
  const details = assertError(await proxy.call("POST", init.path ?? "/transactions", { body, ...init }), status, code);
  assert.equal(details.outcome, "not_sent");
  return details;
};
/** A transaction of `length` bytes that lacks nothing. */
const whole = (length) => `{"precision":1,"reference":"r","x":"${"a".repeat(length - 36 - 2)}"}`;
async function* pieces(text, size = 500) {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
}

describe("what is not one JSON object", () => {
  const BODIES = {
    nothing: "",
    blanks: "  \n",
    "an array": "[{}]",
    "a number": "1",
    null: "null",
    "a text": '"{}"',
    "an object that does not end": '{"amount":1',
    "two objects": "{}{}",
    "an object and more": '{"amount":1} x',
    "a trailing comma": '{"amount":1,}',
    "a comment": "{/* */}",
    "single quotes": "{'amount':1}",
    "a byte order mark": "\ufeff{}",
    "UTF-16": Buffer.from('{"amount":1}', "utf16le"),
    "bytes that are no UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    "a control character in a text": '{"a":"\u0001"}',
    "a number with a leading zero": '{"a":01}',
    "not a number": '{"a":NaN}',
  };
  for (const [name, body] of Object.entries(BODIES)) {
    test(`(${name}) is refused, single and in bulk, and where it ends to be one is said`, async () => {
      for (const path of ["/transactions", "/transactions/bulk"]) {
        const { offset, expected } = await refused(body, 400, "PROXY_MALFORMED_BODY", { path });
        assert.ok(Number.isInteger(offset) && offset >= 0 && offset <= Buffer.byteLength(body));
        assert.equal(typeof expected, "string");
      }
    });
  }

  test("(no body at all) is refused", async () => {
    await refused(undefined, 400, "PROXY_MALFORMED_BODY");
  });
});

describe("what is too large", () => {
  test("by its Content-Length is refused", async () => {
    const { limit } = await refused(whole(LIMIT + 1), 413, "PROXY_BODY_TOO_LARGE");
    assert.equal(limit, LIMIT);
  });

  test("in chunks is refused", async () => {
    await refused(pieces(whole(LIMIT + 1)), 413, "PROXY_BODY_TOO_LARGE");
  });

  test("in chunks that still come when it is known loses no answer, here and at /admin", async () => {
    for (let n = 0; n < 10; n += 1) {
      await refused(pieces(whole(1_000_000), 10_000), 413, "PROXY_BODY_TOO_LARGE");
      const answer = await proxy.adminApi.call("POST", "/instances", pieces(whole(1_000_000), 10_000));
      assertError(answer, 400, "ADMIN_INVALID_REQUEST");
    }
  });

  test("only after the additions is refused, and what is just as large as allowed goes through", async () => {
    await refused(whole(LIMIT).replace('"reference":"r"', '"otherxxxx":"r"'), 413, "PROXY_BODY_TOO_LARGE");
    for (const body of [whole(LIMIT), pieces(whole(LIMIT))]) {
      assert.equal((await proxy.call("POST", "/transactions", { body })).status, 200);
      const [received] = await proxy.upstream.received();
      assert.equal(received.body.bytes.toString(), whole(LIMIT));
      proxy.arrived();
    }
  });

  test("is told while the connection stays of use", async () => {
    const connection = await connect(proxy.worker.origin);
    for (const [length, status] of [
      [LIMIT + 1, 413],
      [200_000, 413],
      [LIMIT, 200],
    ]) {
      const body = whole(length);
      const lines = ["Host: edge.example", `Authorization: Bearer ${proxy.key.key}`, `Content-Length: ${body.length}`];
      await connection.write(head(`POST /proxy/transactions?instance_id=${proxy.instance.id} HTTP/1.1`, lines));
      await connection.write(body);
      assert.equal((await connection.answer()).status, status);
    }
    connection.close();
    assert.equal(proxy.arrived().length, 1);
  });
});

describe("what cannot be read", () => {
  test("for its Content-Encoding is refused, and identity is none", async () => {
    const headers = { "Content-Type": "application/json" };
    for (const coding of ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip", "x"]) {
      await refused(gzipSync("{}"), 415, "PROXY_UNSUPPORTED_ENCODING", {
        headers: { ...headers, "Content-Encoding": coding },
      });
    }
    for (const coding of ["identity", "Identity"]) {
      const answer = await proxy.call("POST", "/transactions", {
        body: "{}",
        headers: { ...headers, "Content-Encoding": coding },
      });
      assert.equal(answer.status, 200, answer.text());
    }
    assert.equal(proxy.arrived().length, 2);
  });

  for (const [name, framing, sent] of [
    ["a Content-Length that promises more than comes", "Content-Length: 100", '{"amount":1}'],
    ["chunks that do not end", "Transfer-Encoding: chunked", 'c\r\n{"amount":1}\r\n'],
    ["a chunk that breaks off", "Transfer-Encoding: chunked", '40\r\n{"amount":1}'],
    ["a chunk size that is none", "Transfer-Encoding: chunked", 'zz\r\n{"amount":1}\r\n0\r\n\r\n'],
  ]) {
    test(`for ${name} never reaches Core, though what came is a whole object`, async () => {
      const connection = await connect(proxy.worker.origin);
      const lines = ["Host: edge.example", `Authorization: Bearer ${proxy.key.key}`, "X-Request-Id: broken", framing];
      await connection.write(head(`POST /proxy/transactions?instance_id=${proxy.instance.id} HTTP/1.1`, lines));
      await connection.write(sent);
      connection.socket.end();
      const answer = await Promise.race([
        connection.answer(),
        new Promise((resolve) => setTimeout(resolve, 1_500, null)),
      ]);
      connection.close();
      // Where the caller is gone there may be no one to answer.
      if (answer !== null) assert.equal(answer.status, 400, answer.text());
      assert.equal((await proxy.call("GET", "/ledgers")).status, 200);
      assert.deepEqual(proxy.arrived(), ["GET /ledgers"]);
    });
  }
});
