// `Idempotency-Key`: what a caller gets, the first time and again, while every answer arrives.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";

import { reply } from "./harness/replies.mjs";
import { actThen, failure, instead, sentTo, startLedger } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const PAYMENT = {
  amount: 12.5,
  currency: "USD",
  source: "@world",
  destination: "@shop",
  description: "order 17",
  allow_overdraft: true,
  skip_queue: true,
};
const REPLAYED = "idempotent-replayed";

let made = 0;
const newKey = () => {
  made += 1;
  return `key-${made}-${process.pid}`;
};

describe("a write with an Idempotency-Key", () => {
  let proxy;
  let ledger;
  const send = (key, method, path, body, init = {}) =>
    proxy.call(method, path, { ...init, body, headers: { "Idempotency-Key": key, ...init.headers } });
  const pay = (key, body = PAYMENT, init) => send(key, "POST", "/transactions", body, init);

  before(async () => {
    ledger = await startLedger();
    proxy = await startProxy({ answer: ledger.answer, vars: { MAX_TRANSACTION_BYTES: "65536" } });
  });
  beforeEach(() => proxy.arrived());
  after(() => Promise.all([proxy.stop(), ledger.stop()]));

  test("is sent once, and its answer given again byte for byte", async () => {
    const key = newKey();
    const [first, again] = [await pay(key), await pay(key)];
    assert.equal(first.status, 201);
    assert.equal(first.headers.get(REPLAYED), null);
    assert.equal(again.status, 201);
    assert.equal(again.headers.get(REPLAYED), "true");
    assert.deepEqual(again.body, first.body);
    for (const name of ["content-type", "content-length", "x-blnk-reference"])
      assert.equal(again.headers.get(name), first.headers.get(name), name);
    assert.match(again.headers.get("x-blnk-reference"), /^ref_/);
    assert.notEqual(again.headers.get("x-request-id"), first.headers.get("x-request-id"));
    assert.equal(first.headers.get("x-blnk-edge-report"), null);
    assert.equal(again.headers.get("x-blnk-edge-report"), null);
    assert.deepEqual(proxy.arrived(), ["POST /transactions"]);
  });

  test("goes up as any other: completed, with Core's key and without the caller's", async () => {
    await pay(newKey(), PAYMENT, { headers: { Cookie: "a=b", "User-Agent": "till/1", "Accept-Encoding": "gzip" } });
    const [sent] = await proxy.upstream.received();
    assert.match(sent.body.bytes.toString(), /,"precision":100,"reference":"ref_[0-9a-f-]{36}"}$/);
    assert.equal(sent.headers.get("user-agent"), "till/1");
    assert.equal(sent.headers.get("content-length"), String(sent.body.bytes.length));
    for (const name of ["authorization", "cookie", "idempotency-key"]) assert.equal(sent.headers.get(name), null, name);
    assert.ok(sent.headers.get("x-blnk-key"));
  });

  const kept = [
    ["201 in JSON", reply({ status: 201, body: { a: "é" } })],
    ["400 of Core's", failure(400, "TXN_VALIDATION_ERROR")],
    ["409 of Core's", failure(409, "TXN_DUPLICATE_REFERENCE")],
    [
      "404 in plain text",
      reply({ status: 404, headers: [["Content-Type", "text/plain"]], body: "404 page not found" }),
    ],
    ["201 without a body", reply({ status: 201, body: "" })],
    ["204", reply({ status: 204 })],
    ["200 in chunks", reply({ body: "x".repeat(5_000), chunked: true })],
    ["200 of bytes", reply({ body: Buffer.from([0, 255, 128, 10, 13]) })],
  ];
  for (const [name, answer] of kept) {
    test(`gives a ${name} again`, async () => {
      const key = newKey();
      ledger.next(instead(answer));
      const [first, again] = [await pay(key), await pay(key)];
      assert.deepEqual([again.status, again.body], [first.status, first.body]);
      assert.equal(again.headers.get("content-type"), first.headers.get("content-type"));
      assert.deepEqual([first.headers.get(REPLAYED), again.headers.get(REPLAYED)], [null, "true"]);
      // What Core refuses is looked for once, since it may be booked all the same.
      assert.deepEqual(
        proxy.arrived().filter((line) => line !== "POST /transactions/filter"),
        ["POST /transactions"],
      );
    });
  }

  test("gets an encoded answer as what it means", async () => {
    const key = newKey();
    const body = gzipSync('{"a":1}');
    ledger.next(
      instead(
        reply({
          status: 201,
          headers: [
            ["Content-Type", "application/json"],
            ["Content-Encoding", "gzip"],
          ],
          body,
        }),
      ),
    );
    for (const answer of [await pay(key), await pay(key)]) {
      assert.equal(answer.headers.get("content-encoding"), null);
      assert.equal(answer.text(), '{"a":1}');
    }
  });

  for (const [status, code] of [
    [401, "AUTH_INVALID_API_KEY"],
    [403, "AUTH_INSUFFICIENT_PERMISSIONS"],
    [429, "GEN_RATE_LIMITED"],
  ]) {
    test(`keeps nothing of a ${status} ${code}: Core's middleware let nothing pass`, async () => {
      const key = newKey();
      ledger.next(instead(failure(status, code)));
      assert.equal((await pay(key)).status, status);
      // The key is new, so another body may have it.
      const again = await pay(key, { ...PAYMENT, amount: 3 });
      assert.deepEqual([again.status, again.headers.get(REPLAYED)], [201, null]);
    });
  }

  for (const [status, code] of [
    [401, "GEN_X"],
    [403, "GEN_X"],
    [429, "GEN_X"],
    [408, "GEN_X"],
    [423, "GEN_RESOURCE_LOCKED"],
    [423, "AUTH_INVALID_API_KEY"],
    [425, "GEN_RATE_LIMITED"],
  ]) {
    test(`passes a ${status} ${code} on, and then finds out whether Core acted`, async () => {
      const key = newKey();
      ledger.next(actThen(failure(status, code)));
      const first = await pay(key);
      assert.deepEqual(
        [first.status, first.json().error_detail.code, first.headers.get(REPLAYED)],
        [status, code, null],
      );
      assertError(await pay(key, { ...PAYMENT, amount: 3 }), 422, "PROXY_IDEMPOTENCY_MISMATCH");
      const again = await pay(key);
      assert.deepEqual([again.status, again.headers.get(REPLAYED)], [200, "true"]);
      assert.equal(sentTo(proxy.upstream).length, 1);
    });
  }

  test("is Core's business once, however many callers send it at once", async () => {
    const key = newKey();
    ledger.next(async (exchange, usual) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return (await usual())(exchange);
    });
    const answers = await Promise.all(Array.from({ length: 50 }, () => pay(key)));
    const by = (status) => answers.filter((answer) => answer.status === status);
    assert.equal(by(201).length + by(409).length, 50);
    assert.ok(by(201).length >= 1 && by(409).length >= 1);
    assert.equal(new Set(by(201).map((answer) => answer.text())).size, 1);
    for (const answer of by(409)) {
      assertError(answer, 409, "PROXY_IDEMPOTENCY_IN_FLIGHT");
      assert.equal(answer.headers.get("retry-after"), "1");
    }
    assert.deepEqual(proxy.arrived(), ["POST /transactions"]);
  });

  test("refuses another request under the same key", async () => {
    const key = newKey();
    const other = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    await pay(key);
    proxy.arrived();
    for (const answer of [
      await pay(key, { ...PAYMENT, amount: 13 }),
      await pay(key, `${JSON.stringify(PAYMENT)} `),
      await pay(key, PAYMENT, { instance: other.id }),
      await send(key, "POST", "/transactions?x=1", PAYMENT),
      await send(key, "POST", "/ledgers", PAYMENT),
      await send(key, "PUT", "/ledgers/ldg_1", PAYMENT),
    ]) {
      assertError(answer, 422, "PROXY_IDEMPOTENCY_MISMATCH");
      assert.equal(answer.json().error_detail.details.outcome, "not_sent");
    }
    assert.deepEqual(proxy.arrived(), []);
    assert.equal((await pay(key)).headers.get(REPLAYED), "true");
  });

  test("keeps the keys of two credentials apart, and those of a rotated one together", async () => {
    const key = newKey();
    const one = await proxy.adminApi.apiKey();
    const two = await proxy.adminApi.apiKey();
    await pay(key, PAYMENT, { key: one.key });
    assert.equal((await pay(key, { ...PAYMENT, amount: 1 }, { key: two.key })).headers.get(REPLAYED), null);
    const rotated = await proxy.adminApi.expect(200, "POST", `/api-keys/${one.id}/rotate`, { grace_seconds: 0 });
    await proxy.worker.kv.until(
      "CREDENTIALS",
      `credential/${one.id}`,
      (text) => JSON.parse(text).revision >= rotated.revision,
    );
    await proxy.worker.restart();
    assert.equal((await pay(key, PAYMENT, { key: rotated.key })).headers.get(REPLAYED), "true");
  });

  test("may be any that writes: a ledger, a bulk, a change, a deletion", async () => {
    for (const [method, path, body] of [
      ["POST", "/ledgers", { name: "x" }],
      ["POST", "/transactions/bulk", { transactions: [PAYMENT, { ...PAYMENT, reference: "mine" }] }],
      ["PUT", "/identities/idt_1", { first_name: "A" }],
      ["POST", "/refund-transaction/txn_1", ""],
      ["DELETE", "/reconciliation/matching-rules/rule_1", undefined],
    ]) {
      const key = newKey();
      const [first, again] = [await send(key, method, path, body), await send(key, method, path, body)];
      assert.deepEqual([again.status, again.text()], [first.status, first.text()], path);
      assert.deepEqual([first.headers.get(REPLAYED), again.headers.get(REPLAYED)], [null, "true"], path);
      assert.deepEqual(
        sentTo(proxy.upstream).map(({ target }) => target),
        [path],
      );
      proxy.arrived();
    }
  });

  test("is refused where the key is no key, and on an upload", async () => {
    for (const key of ["a,b", "x".repeat(256), "\u00e9"])
      assertError(await pay(key), 400, "PROXY_INVALID_IDEMPOTENCY_KEY");
    const twice = await proxy.call("POST", "/transactions", {
      body: PAYMENT,
      headers: [
        ["Idempotency-Key", "a"],
        ["Idempotency-Key", "a"],
      ],
    });
    assertError(twice, 400, "PROXY_INVALID_IDEMPOTENCY_KEY");
    assertError(await send(newKey(), "POST", "/reconciliation/upload", "x"), 400, "PROXY_IDEMPOTENCY_NOT_SUPPORTED");
    assert.deepEqual(proxy.arrived(), []);
  });

  test("is an ordinary request where it only reads", async () => {
    const key = newKey();
    for (const [method, path] of [
      ["GET", "/ledgers"],
      ["POST", "/ledgers/filter"],
    ]) {
      for (let time = 0; time < 2; time += 1) {
        const answer = await send(key, method, path, method === "GET" ? undefined : { filters: [] });
        assert.equal(answer.headers.get(REPLAYED), null);
      }
    }
    assert.equal(proxy.arrived().length, 4);
  });

  test("leaves the key new where its body is refused", async () => {
    const key = newKey();
    assertError(await pay(key, "[1]"), 400, "PROXY_MALFORMED_BODY");
    assertError(await pay(key, "x".repeat(65_537)), 413, "PROXY_BODY_TOO_LARGE");
    assertError(await send(key, "POST", "/ledgers", "x".repeat(65_537)), 413, "PROXY_BODY_TOO_LARGE");
    assert.deepEqual(proxy.arrived(), []);
    assert.equal((await pay(key)).status, 201);
  });

  test("may be as large as the cap, with what is added to it", async () => {
    const key = newKey();
    const added = ',"precision":100,"reference":"ref_00000000-0000-4000-8000-000000000000"'.length;
    const { description, ...rest } = PAYMENT;
    const around = JSON.stringify({ ...rest, description: "" }).length;
    const text = (bytes) => JSON.stringify({ ...rest, description: "x".repeat(bytes - around) });
    assertError(await pay(key, text(65_536 - added + 1)), 413, "PROXY_BODY_TOO_LARGE");
    assert.equal((await pay(key, text(65_536 - added))).status, 201);
    assert.equal(
      (await send(newKey(), "POST", "/ledgers", JSON.stringify({ name: "x".repeat(65_536 - 11) }))).status,
      201,
    );
  });

  test("says so where the answer was too large to be kept", async () => {
    for (const [bytes, status] of [
      [1 << 20, 201],
      [(1 << 20) + 1, 409],
      [3 << 20, 409],
    ]) {
      const key = newKey();
      ledger.next(instead(reply({ status: 201, body: "x".repeat(bytes) })));
      const [first, again] = [await pay(key), await pay(key)];
      assert.deepEqual([first.status, first.body.length, first.complete], [201, bytes, true]);
      assert.equal(again.status, status);
      if (status === 201) continue;
      assertError(again, 409, "PROXY_IDEMPOTENCY_REPLAY_UNAVAILABLE");
      const { details } = again.json().error_detail;
      assert.deepEqual(
        [details.outcome, details.status, details.reference],
        ["done", 201, first.headers.get("x-blnk-reference")],
      );
    }
  });

  test("leaves its word in the log line, and no key", async () => {
    const key = newKey();
    const line = async (answer) => proxy.worker.logLine(answer.headers.get("x-request-id"));
    const first = await line(await pay(key));
    assert.deepEqual(
      [first.idempotency, first.status, first.reference, typeof first.core_ms],
      ["first", 201, "made", "number"],
    );
    const again = await line(await pay(key));
    assert.deepEqual([again.idempotency, again.status, again.core_ms], ["replayed", 201, undefined]);
    const mismatch = await line(await pay(key, "{}"));
    assert.deepEqual([mismatch.idempotency, mismatch.code], ["mismatch", "PROXY_IDEMPOTENCY_MISMATCH"]);
    assert.equal((await line(await proxy.call("POST", "/ledgers", { body: {} }))).idempotency, undefined);
    assert.ok(!proxy.worker.logs.some((text) => text.includes(key)));
  });
});
