// `Idempotency-Key`: what a retry gets after an answer that never arrived.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { closeAfter, reply } from "./harness/replies.mjs";
import {
  actAndHang,
  actThen,
  failure,
  instead,
  legs,
  loseAnswer,
  loseRequest,
  openLedger,
  payment,
} from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const REPLAYED = "idempotent-replayed";
const SYNC = { precision: undefined, skip_queue: true };
const QUEUED = { precision: undefined };

describe("after an answer that was lost, a retry with the same key", { concurrency: 5 }, () => {
  let proxy;
  // Every request reads its instance anew.
  before(async () => (proxy = await startProxy({ vars: { CACHE_FOUND_SECONDS: "0" } })));
  after(() => proxy.stop());
  const open = (t, core) => openLedger(proxy, t, { core, instance: { timeout_ms: 1_500 } });

  /** Asserts an error of unknown outcome and gives its reference. */
  const lost = (answer, status, code) => {
    const details = assertError(answer, status, code);
    assert.equal(details.outcome, "unknown");
    assert.match(answer.json().error, /sent again with the same Idempotency-Key, it is not booked twice$/);
    assert.equal(details.reference, answer.headers.get("x-blnk-reference"));
    return details.reference;
  };

  const variants = [
    ["booked at once", payment, SYNC, [""]],
    ["queued", payment, QUEUED, ["", "_q"]],
    ["of several legs, booked at once", legs, SYNC, ["-1", "-2"]],
    ["of several legs, queued", legs, QUEUED, ["_1", "_1_q", "_2", "_2_q"]],
  ];
  for (const [name, make, fields, stored] of variants) {
    test(`finds a transaction ${name}`, async (t) => {
      const ledger = await open(t);
      const [a, b] = ledger.balances;
      const body = make === legs ? legs([a, b], fields) : payment(a, fields);
      ledger.next(loseAnswer);
      const reference = lost(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
      const found = await ledger.create(ledger.key, body);
      assert.equal(found.status, 200, found.text());
      assert.equal(found.headers.get(REPLAYED), "true");
      assert.equal(found.headers.get("x-blnk-reference"), reference);
      assert.equal(found.json().reference, `${reference}${stored[0]}`);
      const again = await ledger.create(ledger.key, body);
      assert.deepEqual([again.status, again.text(), again.headers.get(REPLAYED)], [200, found.text(), "true"]);
      assert.deepEqual(ledger.sent(), ["POST /transactions"]);
      await ledger.core.settled();
      const references = (await ledger.rows(...stored.map((mark) => reference + mark))).map((row) => row.split(" ")[0]);
      assert.deepEqual(
        references,
        stored.map((mark) => reference + mark),
      );
    });
  }

  test("finds a transaction after the deadline", async (t) => {
    const ledger = await open(t);
    const body = payment(ledger.balances[0], SYNC);
    ledger.next(actAndHang);
    lost(await ledger.create(ledger.key, body), 504, "PROXY_CORE_TIMEOUT");
    assert.equal((await ledger.create(ledger.key, body)).status, 200);
    assert.equal(ledger.sent().length, 1);
  });

  test("finds a transaction whose answer broke off half-way, or stalled", async (t) => {
    const ledger = await open(t);
    const half = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    const stopAfter = async (exchange) => {
      await exchange.write(half);
      return exchange.closed;
    };
    for (const [end, status, code] of [
      [closeAfter(half), 502, "PROXY_CORE_UNREACHABLE"],
      [stopAfter, 504, "PROXY_CORE_TIMEOUT"],
    ]) {
      const key = `${ledger.key} ${status}`;
      const body = payment(ledger.balances[0], SYNC);
      ledger.next(actThen(end));
      lost(await ledger.create(key, body), status, code);
      assert.equal((await ledger.create(key, body)).status, 200);
    }
    assert.equal((await ledger.booked()).length, 2);
  });

  test("sends the same bytes again where nothing was booked, whatever the instance's policy has become", async (t) => {
    const ledger = await open(t);
    const body = payment(ledger.balances[0], SYNC);
    ledger.next(loseRequest);
    const reference = lost(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    await proxy.adminApi.patchInstance(ledger.instance.id, { default_precision: "require" });
    assertError(await ledger.create(`${ledger.key} 2`, body), 400, "PROXY_PRECISION_REQUIRED");
    const started = Date.now();
    const again = await ledger.create(ledger.key, body);
    assert.deepEqual(
      [again.status, again.headers.get(REPLAYED), again.headers.get("x-blnk-reference")],
      [201, null, reference],
    );
    assert.ok(Date.now() - started >= 1_900, "it looked only once");
    const [first, second] = ledger.bodies();
    assert.equal(first, second);
    assert.match(first, /"precision":100/);
    assert.deepEqual(await ledger.booked(), [reference]);
    assert.equal((await ledger.create(ledger.key, body)).headers.get(REPLAYED), "true");
  });

  test("looks patiently: a queued transaction is stored after the answer", async (t) => {
    const ledger = await open(t, { insertDelayMs: 1_200 });
    const body = payment(ledger.balances[0], QUEUED);
    ledger.next(loseAnswer);
    await ledger.create(ledger.key, body);
    assert.equal((await ledger.create(ledger.key, body)).status, 200);
    assert.equal(ledger.sent().length, 1);
  });

  test("is never answered with the id of a duplicate that Core dropped", async (t) => {
    const ledger = await open(t, { insertDelayMs: 3_000 });
    const body = payment(ledger.balances[0], QUEUED);
    ledger.next(loseAnswer);
    const reference = lost(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    // The look-ups come too early, so it is sent again; its insert finds the first one there.
    const answer = await ledger.create(ledger.key, body);
    assert.equal(ledger.sent().length, 2);
    assert.deepEqual([answer.status, answer.headers.get(REPLAYED)], [200, "true"]);
    await ledger.core.settled();
    const { json } = await ledger.direct("GET", `/transactions/reference/${reference}`);
    assert.equal(json.transaction_id, answer.json().transaction_id);
  });

  test("says that it does not know yet where a queued transaction cannot be read, and finds it later", async (t) => {
    const ledger = await open(t, { insertDelayMs: 9_000 });
    const body = payment(ledger.balances[0], QUEUED);
    ledger.next(loseAnswer);
    const reference = lost(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    const details = assertError(await ledger.create(ledger.key, body), 503, "PROXY_IDEMPOTENCY_UNAVAILABLE");
    assert.equal(details.outcome, "unknown");
    await ledger.core.settled();
    const found = await ledger.create(ledger.key, body);
    assert.deepEqual([found.status, found.json().reference], [200, reference]);
    assert.equal(ledger.sent().length, 2);
  });

  test("finds a reference whatever is in it: a slash, quotes, what is no ASCII", async (t) => {
    const ledger = await open(t);
    for (const [at, reference] of ["a/b/%2F", '"quoted" \\ \'', "Zażółć 日本 🙂", " spaces "].entries()) {
      for (const fields of [SYNC, QUEUED]) {
        const key = `${ledger.key} ${at} ${fields === SYNC}`;
        const body = payment(ledger.balances[0], { ...fields, reference: `${reference}${fields === SYNC}` });
        ledger.next(loseAnswer);
        assertError(await ledger.create(key, body), 502, "PROXY_CORE_UNREACHABLE");
        const found = await ledger.create(key, body);
        assert.deepEqual([found.status, found.json().reference], [200, body.reference]);
      }
    }
    assert.equal(ledger.sent().length, 8);
  });

  test("sends nothing while what it looks for cannot be looked for", async (t) => {
    const ledger = await open(t);
    for (const [at, fault] of [
      failure(500, "GEN_INTERNAL"),
      failure(401, "AUTH_INVALID_API_KEY"),
      reply({ status: 404, body: "404 page not found" }),
      reply({ status: 200, headers: [["Content-Type", "text/html"]], body: "<html>" }),
      reply({ status: 302, headers: [["Location", "/login"]] }),
      reply({ body: [] }),
      reply({ body: { data: null } }),
      reply({
        body: {
          data: [
            { transaction_id: "txn_1", reference: "another", currency: "USD", status: "APPLIED", precise_amount: 1 },
          ],
          total_count: 1,
        },
      }),
      (exchange) => exchange.reset(),
    ].entries()) {
      const key = `${ledger.key} ${at}`;
      const body = payment(ledger.balances[0], SYNC);
      ledger.next(loseAnswer);
      await ledger.create(key, body);
      const before = ledger.sent().length;
      ledger.onLookUp = instead(fault);
      const answer = await ledger.create(key, body);
      assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE");
      assert.equal(answer.headers.get("retry-after"), "5");
      const fresh = await ledger.create(`${key} fresh`, { ...body, reference: key });
      assert.equal(assertError(fresh, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "not_sent");
      assert.equal(ledger.sent().length, before);
      ledger.onLookUp = null;
      assert.equal((await ledger.create(key, body)).status, 200);
    }
  });

  test("passes a 5xx of Core's on and looks, for Core may have booked", async (t) => {
    const ledger = await open(t);
    const body = payment(ledger.balances[0], SYNC);
    ledger.next(actThen(failure(500, "GEN_INTERNAL")));
    assert.equal((await ledger.create(ledger.key, body)).status, 500);
    assert.equal((await ledger.create(ledger.key, body)).status, 200);
    assert.equal(ledger.sent().length, 1);
  });

  test("does not forget the first time because Core did not act the second", async (t) => {
    const ledger = await open(t);
    const body = payment(ledger.balances[0], SYNC);
    ledger.next(loseRequest, instead(failure(429, "GEN_RATE_LIMITED")));
    const reference = lost(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    assert.equal((await ledger.create(ledger.key, body)).status, 429);
    assertError(await ledger.create(ledger.key, { ...body, amount: 1 }), 422, "PROXY_IDEMPOTENCY_MISMATCH");
    assert.equal((await ledger.create(ledger.key, body)).headers.get("x-blnk-reference"), reference);
  });

  test("of a write that leaves no trace is told that nobody knows, and what to look at", async (t) => {
    const ledger = await open(t);
    const item = (fields) => payment(ledger.balances[0], fields);
    const long = Array.from({ length: 400 }, (_, at) => item({ reference: `${at}`.padEnd(4_000, "x") }));
    for (const [method, path, body, references] of [
      ["POST", "/ledgers", { name: "x" }],
      ["POST", "/transactions/bulk", { skip_queue: true, transactions: [...long, item()] }, ["400"]],
      ["PUT", "/transactions/inflight/txn_1", { status: "commit", amount: 1 }],
      ["POST", "/transactions/inflight/bulk/void", { transaction_ids: ["txn_1"] }],
    ]) {
      const before = ledger.upstream.requests.length;
      const key = `${ledger.key} ${path}`;
      ledger.next(loseRequest);
      const first = assertError(await ledger.send(key, method, path, body), 502, "PROXY_CORE_UNREACHABLE");
      for (let time = 0; time < 2; time += 1) {
        const answer = await ledger.send(key, method, path, body);
        const details = assertError(answer, 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
        assert.equal(details.outcome, "unknown");
        assert.deepEqual(
          [details.references, references],
          [first.references, first.references && Object.keys(first.references)],
        );
        assert.match(answer.json().error, /Core may have acted/);
      }
      assert.equal(ledger.upstream.requests.length, before + 1);
    }
  });

  test("waits while another retry finds out", async (t) => {
    const ledger = await open(t);
    const body = payment(ledger.balances[0], SYNC);
    ledger.next(loseRequest);
    await ledger.create(ledger.key, body);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ledger.create(ledger.key, body)));
    const booked = answers.filter(({ status }) => status === 201);
    assert.ok(booked.length >= 1);
    assert.equal(new Set(booked.map((answer) => answer.text())).size, 1);
    for (const answer of answers) if (answer.status !== 201) assertError(answer, 409, "PROXY_IDEMPOTENCY_IN_FLIGHT");
    // The first, which was lost, and one more.
    assert.equal(ledger.sent().length, 2);
  });
});
