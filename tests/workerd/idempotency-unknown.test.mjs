// `Idempotency-Key`: what a retry gets after an answer that never arrived.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { closeAfter, reply } from "./harness/replies.mjs";
import { actAndHang, failure, instead, loseAnswer, loseRequest, startLedger } from "./ledger-reply.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const PAYMENT = { amount: 12.5, currency: "USD", source: "@world", destination: "@shop", description: "order 17" };
const SYNC = { ...PAYMENT, skip_queue: true };
const LEGS = { ...PAYMENT, source: undefined, sources: [{ identifier: "a", distribution: "50%" }, { identifier: "b", distribution: "left" }] };
const REPLAYED = "idempotent-replayed";

let made = 0;
const newKey = () => `unknown-${(made += 1)}-${process.pid}`;

describe("after an answer that was lost, a retry with the same key", () => {
  let proxy;
  const ledger = startLedger();
  const send = (key, method, path, body, init = {}) => proxy.call(method, path, { ...init, body, headers: { "Idempotency-Key": key } });
  const pay = (key, body = SYNC) => send(key, "POST", "/transactions", body);
  const bodies = () => proxy.upstream.requests.filter(({ method }) => method === "POST").map(({ body }) => body.bytes.toString());

  before(async () => {
    proxy = await startProxy({ answer: ledger.answer });
    await proxy.desk.patchInstance(proxy.instance.id, { timeout_ms: 1_000 });
    await proxy.worker.restart();
  });
  beforeEach(() => {
    proxy.upstream.clear();
    ledger.rows.clear();
    ledger.insertMs = 5;
  });
  after(() => proxy.stop());

  /** Asserts an error of unknown outcome and gives its reference. */
  const lost = (answer, status, code) => {
    const details = assertError(answer, status, code);
    assert.equal(details.outcome, "unknown");
    assert.match(answer.json().error, /sent again with the same Idempotency-Key, it is not booked twice$/);
    assert.equal(details.reference, answer.headers.get("x-blnk-reference"));
    return details.reference;
  };

  const variants = [
    ["booked at once", SYNC, (reference) => [reference]],
    ["queued", PAYMENT, (reference) => [reference]],
    ["of several legs, booked at once", { ...LEGS, skip_queue: true }, (reference) => [`${reference}-1`, `${reference}-2`]],
    ["of several legs, queued", LEGS, (reference) => [`${reference}_1`, `${reference}_2`]],
  ];
  for (const [name, body, stored] of variants) {
    test(`finds a transaction ${name}`, async () => {
      const key = newKey();
      ledger.next(loseAnswer);
      const reference = lost(await pay(key, body), 502, "PROXY_CORE_UNREACHABLE");
      const found = await pay(key, body);
      assert.equal(found.status, 200, found.text());
      assert.equal(found.headers.get(REPLAYED), "true");
      assert.equal(found.headers.get("x-blnk-reference"), reference);
      assert.deepEqual([...ledger.rows.keys()], stored(reference));
      assert.deepEqual(found.json(), ledger.rows.get(stored(reference)[0]));
      const again = await pay(key, body);
      assert.deepEqual([again.status, again.text(), again.headers.get(REPLAYED)], [200, found.text(), "true"]);
      assert.equal(bodies().length, 1);
    });
  }

  test("finds a transaction after the deadline", async () => {
    const key = newKey();
    ledger.next(actAndHang);
    lost(await pay(key), 504, "PROXY_CORE_TIMEOUT");
    assert.equal((await pay(key)).status, 200);
    assert.equal(bodies().length, 1);
  });

  test("finds a transaction whose answer broke off half-way, or stalled", async () => {
    const half = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    for (const [end, status, code] of [
      [(exchange) => closeAfter(half)(exchange), 502, "PROXY_CORE_UNREACHABLE"],
      [async (exchange) => (await exchange.write(half), exchange.closed), 504, "PROXY_CORE_TIMEOUT"],
    ]) {
      const key = newKey();
      ledger.next((exchange, usual) => (usual(), end(exchange)));
      lost(await pay(key), status, code);
      assert.equal((await pay(key)).status, 200);
    }
  });

  test("sends the same bytes again where nothing was booked, whatever the instance's policy has become", async () => {
    const key = newKey();
    ledger.next(loseRequest);
    const reference = lost(await pay(key), 502, "PROXY_CORE_UNREACHABLE");
    await proxy.desk.patchInstance(proxy.instance.id, { default_precision: "require" });
    await proxy.worker.restart();
    const started = Date.now();
    const again = await pay(key);
    assert.deepEqual([again.status, again.headers.get(REPLAYED), again.headers.get("x-blnk-reference")], [201, null, reference]);
    assert.ok(Date.now() - started >= 1_900, "it looked only once");
    const [first, second] = bodies();
    assert.equal(first, second);
    assert.match(first, /"precision":100/);
    assert.deepEqual([...ledger.rows.keys()], [reference]);
    assert.equal((await pay(key)).headers.get(REPLAYED), "true");
    await proxy.desk.patchInstance(proxy.instance.id, { default_precision: 100 });
    await proxy.worker.restart();
  });

  test("looks patiently: a queued transaction is stored after the answer", async () => {
    const key = newKey();
    ledger.insertMs = 1_500;
    ledger.next(loseAnswer);
    await pay(key, PAYMENT);
    assert.equal((await pay(key, PAYMENT)).status, 200);
    assert.equal(bodies().length, 1);
  });

  test("is never answered with the id of a duplicate that Core dropped", async () => {
    const key = newKey();
    ledger.insertMs = 2_600;
    ledger.next(loseAnswer);
    const reference = lost(await pay(key, PAYMENT), 502, "PROXY_CORE_UNREACHABLE");
    // The look-ups come too early, so it is sent again; its insert finds the first one there.
    const answer = await pay(key, PAYMENT);
    assert.equal(bodies().length, 2);
    assert.equal(answer.status, 200, answer.text());
    assert.equal(ledger.rows.get(reference).transaction_id, answer.json().transaction_id);
  });

  test("says that it does not know yet where a queued transaction cannot be read, and finds it later", async () => {
    const key = newKey();
    ledger.insertMs = 6_000;
    ledger.next(loseAnswer);
    const reference = lost(await pay(key, PAYMENT), 502, "PROXY_CORE_UNREACHABLE");
    const details = assertError(await pay(key, PAYMENT), 503, "PROXY_IDEMPOTENCY_UNAVAILABLE");
    assert.equal(details.outcome, "unknown");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const found = await pay(key, PAYMENT);
    assert.deepEqual([found.status, found.json()], [200, ledger.rows.get(reference)]);
  });

  test("says that it was booked where its reference cannot be read back", async () => {
    for (const [body, sends] of [[{ ...SYNC, reference: `a/${newKey()}` }, 2], [{ ...PAYMENT, reference: `b/${newKey()}` }, 2]]) {
      const key = newKey();
      proxy.upstream.clear();
      ledger.next(loseAnswer);
      await pay(key, body);
      for (let time = 0; time < 2; time += 1) {
        const details = assertError(await pay(key, body), 409, "PROXY_IDEMPOTENCY_REPLAY_UNAVAILABLE");
        assert.deepEqual([details.outcome, details.reference], ["done", body.reference]);
      }
      assert.equal(bodies().length, sends);
      assert.ok(ledger.rows.has(body.reference));
    }
  });

  test("sends nothing while what it looks for cannot be looked for", async () => {
    for (const fault of [
      failure(500, "GEN_INTERNAL"),
      failure(401, "AUTH_INVALID"),
      reply({ status: 404, body: "404 page not found" }),
      reply({ status: 200, headers: [["Content-Type", "text/html"]], body: "<html>" }),
      reply({ status: 302, headers: [["Location", "/login"]] }),
    ]) {
      const key = newKey();
      ledger.next(loseAnswer);
      await pay(key);
      proxy.upstream.clear();
      proxy.upstream.answer((exchange) => (exchange.request.method === "GET" ? fault(exchange) : ledger.answer(exchange)));
      const answer = await pay(key);
      assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE");
      assert.equal(answer.headers.get("retry-after"), "5");
      const fresh = await pay(newKey(), { ...SYNC, reference: newKey() });
      assert.equal(assertError(fresh, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "not_sent");
      assert.equal(bodies().length, 0);
      proxy.upstream.answer(ledger.answer);
      assert.equal((await pay(key)).status, 200);
    }
  });

  test("passes a 5xx of Core's on and looks, for Core may have booked", async () => {
    const key = newKey();
    ledger.next((exchange, usual) => (usual(), failure(500, "GEN_INTERNAL")(exchange)));
    assert.equal((await pay(key)).status, 500);
    assert.equal((await pay(key)).status, 200);
    assert.equal(bodies().length, 1);
  });

  test("does not forget the first time because Core did not act the second", async () => {
    const key = newKey();
    ledger.next(loseRequest, instead(failure(429, "GEN_RATE_LIMITED")));
    const reference = lost(await pay(key), 502, "PROXY_CORE_UNREACHABLE");
    assert.equal((await pay(key)).status, 429);
    assertError(await pay(key, { ...SYNC, amount: 1 }), 422, "PROXY_IDEMPOTENCY_MISMATCH");
    assert.equal((await pay(key)).headers.get("x-blnk-reference"), reference);
  });

  test("of any other write is told that nobody knows, and what to look at", async () => {
    for (const [method, path, body] of [
      ["POST", "/ledgers", { name: "x" }],
      ["POST", "/transactions/bulk", { transactions: [PAYMENT, { ...PAYMENT, reference: "mine" }] }],
      ["PUT", "/transactions/inflight/txn_1", { status: "commit" }],
    ]) {
      const key = newKey();
      proxy.upstream.clear();
      ledger.next(loseAnswer);
      const first = assertError(await send(key, method, path, body), 502, "PROXY_CORE_UNREACHABLE");
      for (let time = 0; time < 2; time += 1) {
        const answer = await send(key, method, path, body);
        const details = assertError(answer, 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
        assert.equal(details.outcome, "unknown");
        assert.deepEqual(details.references, first.references);
        assert.match(answer.json().error, /Core may have acted/);
      }
      if (path.endsWith("bulk")) assert.deepEqual(Object.keys(first.references), ["0"]);
      assert.equal(proxy.upstream.requests.length, 1);
    }
  });

  test("waits while another retry finds out", async () => {
    const key = newKey();
    ledger.next(loseRequest);
    await pay(key);
    const answers = await Promise.all(Array.from({ length: 10 }, () => pay(key)));
    const booked = answers.filter(({ status }) => status === 201);
    assert.ok(booked.length >= 1);
    assert.equal(new Set(booked.map((answer) => answer.text())).size, 1);
    for (const answer of answers) if (answer.status !== 201) assertError(answer, 409, "PROXY_IDEMPOTENCY_IN_FLIGHT");
    // The first, which was lost, and one more.
    assert.equal(bodies().length, 2);
  });
});
