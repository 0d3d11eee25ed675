// `Idempotency-Key`: what Core books in parts, bulks and legs, is never called done in part, and no part is booked
// twice.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  actAlone,
  actThen,
  assertPartial,
  cutBefore,
  failure,
  legs,
  loseAnswer,
  loseRequest,
  openLedger,
  payment,
} from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const REPLAYED = "idempotent-replayed";
const NOW = { skip_queue: true };

describe("a write that Core books in parts", { concurrency: 5 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy({ vars: { CACHE_FOUND_SECONDS: "0" } })));
  after(() => proxy.stop());

  /** Two parts, and how each kind of write names them. */
  const KINDS = {
    "a bulk": ([a, b]) => ({
      path: "/transactions/bulk",
      body: { ...NOW, transactions: [payment(a, { amount: 4 }), payment(b, { amount: 6 })] },
    }),
    "a transaction of two legs": ([a, b]) => ({ path: "/transactions", body: legs([a, b], NOW) }),
  };

  for (const [kind, make] of Object.entries(KINDS)) {
    test(`${kind} whose second part met a lock: the 423 passes, the retry tells what stands`, async (t) => {
      const ledger = await openLedger(proxy, t);
      const { path, body } = make(ledger.balances);
      const send = () => ledger.send(ledger.key, "POST", path, body);
      ledger.core.lock(ledger.balances[1]);
      const first = await send();
      assert.deepEqual(
        [first.status, first.json().error_detail.code, first.headers.get(REPLAYED)],
        [423, "GEN_RESOURCE_LOCKED", null],
      );
      const booked = await ledger.booked();
      assert.equal(booked.length, 1);
      assert.deepEqual(assertPartial(await send(), 2, 1).booked, booked);
      ledger.core.unlock(ledger.balances[1]);
      assert.deepEqual(assertPartial(await send(), 2, 1).booked, booked);
      assert.deepEqual([await ledger.booked(), await ledger.figures()], [booked, [400, 0, 0]]);
      assert.deepEqual(ledger.sent(), [`POST ${path}`]);
    });

    test(`${kind} after the deadline: the retry says what stands, while Core works and when it gave up`, async (t) => {
      const ledger = await openLedger(proxy, t, { instance: { timeout_ms: 1_000 }, core: { lockWaitMs: 60_000 } });
      const { path, body } = make(ledger.balances);
      const send = () => ledger.send(ledger.key, "POST", path, body);
      ledger.core.lock(ledger.balances[1]);
      ledger.next(actAlone);
      assert.equal(assertError(await send(), 504, "PROXY_CORE_TIMEOUT").outcome, "unknown");
      assertPartial(await send(), 2, 1);
      ledger.core.lockWaitMs = 0;
      assertPartial(await send(), 2, 1);
      assert.deepEqual([await ledger.figures(), ledger.sent().length], [[400, 0, 0], 1]);
    });

    test(`${kind} after the deadline is found done where Core books the rest while the retry looks`, async (t) => {
      const ledger = await openLedger(proxy, t, { instance: { timeout_ms: 1_000 }, core: { lockWaitMs: 60_000 } });
      const { path, body } = make(ledger.balances);
      const send = () => ledger.send(ledger.key, "POST", path, body);
      ledger.core.lock(ledger.balances[1]);
      ledger.next(actAlone);
      assertError(await send(), 504, "PROXY_CORE_TIMEOUT");
      // The first look finds half.
      ledger.onLookUp = async (exchange, usual) => {
        ledger.onLookUp = null;
        await (await usual())(exchange);
        ledger.core.unlock(ledger.balances[1]);
      };
      const found = await send();
      assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"], found.text());
      assert.deepEqual([await ledger.figures(), ledger.sent().length], [[400, 600, 0], 1]);
    });

    test(`${kind} that was told in part is found done when Core has booked the rest later`, async (t) => {
      const ledger = await openLedger(proxy, t, { instance: { timeout_ms: 1_000 }, core: { lockWaitMs: 60_000 } });
      const { path, body } = make(ledger.balances);
      const send = () => ledger.send(ledger.key, "POST", path, body);
      ledger.core.lock(ledger.balances[1]);
      ledger.next(actAlone);
      assertError(await send(), 504, "PROXY_CORE_TIMEOUT");
      assertPartial(await send(), 2, 1);
      ledger.core.unlock(ledger.balances[1]);
      const found = await send();
      assert.deepEqual([found.status, found.headers.get(REPLAYED), ledger.sent().length], [200, "true", 1]);
    });

    test(`${kind} of which nothing was booked is sent again, the same bytes whatever the policy became`, async (t) => {
      const ledger = await openLedger(proxy, t);
      const { path, body } = make(ledger.balances);
      const [first] = body.transactions ?? [body];
      delete first.precision;
      if (body.transactions) body.transactions[1].reference = "mine";
      const send = () => ledger.send(ledger.key, "POST", path, body);
      ledger.next(loseRequest);
      const { reference, references } = assertError(await send(), 502, "PROXY_CORE_UNREACHABLE");
      await proxy.adminApi.patchInstance(ledger.instance.id, { default_precision: "require" });
      const again = await send();
      assert.deepEqual([again.status, again.headers.get(REPLAYED)], [201, null], again.text());
      const [lost, sent] = ledger.bodies();
      assert.equal(sent, lost);
      assert.match(sent, /"precision":100/);
      assert.deepEqual(
        await ledger.booked(),
        body.transactions ? ["mine", references[0]] : [`${reference}-1`, `${reference}-2`],
      );
      assert.equal((await send()).text(), again.text());
    });

    test(`${kind} that went through the queue and of which a part was rejected later is not done`, async (t) => {
      const ledger = await openLedger(proxy, t, { core: { retryDelayMs: 5, lockWaitMs: 5 } });
      const { path, body } = make(ledger.balances);
      const send = () => ledger.send(ledger.key, "POST", path, { ...body, skip_queue: false });
      ledger.core.lock(ledger.balances[1]);
      ledger.next(loseAnswer);
      assertError(await send(), 502, "PROXY_CORE_UNREACHABLE");
      await ledger.core.settled();
      const details = assertPartial(await send(), 2, 1);
      assert.deepEqual([details.rejected, details.rejected_count], [details.missing, 1]);
      assert.deepEqual([await ledger.figures(), ledger.sent().length], [[400, 0, 0], 1]);
    });
  }

  for (const [name, make] of [
    [
      "three items",
      ([a, b, c]) => ({
        path: "/transactions/bulk",
        body: { ...NOW, transactions: [payment(a), payment(b), payment(c)] },
      }),
    ],
    ["three legs", (balances) => ({ path: "/transactions", body: legs(balances, NOW) })],
  ]) {
    test(`${name} between which the connection broke: the retry says that one stands`, async (t) => {
      const ledger = await openLedger(proxy, t);
      const { path, body } = make(ledger.balances);
      ledger.next(cutBefore(ledger.core, 1));
      assertError(await ledger.send(ledger.key, "POST", path, body), 502, "PROXY_CORE_UNREACHABLE");
      const booked = await ledger.booked();
      for (let time = 0; time < 2; time += 1) {
        assert.deepEqual(assertPartial(await ledger.send(ledger.key, "POST", path, body), 3, 1).booked, booked);
      }
      assert.deepEqual([await ledger.booked(), ledger.sent().length], [booked, 1]);
    });
  }

  test("a queued transaction that was rejected later is not done, though Core has its row", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment("@shop", { source: ledger.balances[0], allow_overdraft: false });
    ledger.next(loseAnswer);
    const { reference } = assertError(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    await ledger.core.settled();
    assert.deepEqual(await ledger.rows(reference, `${reference}_q`), [
      `${reference} QUEUED`,
      `${reference}_q REJECTED`,
    ]);
    assert.deepEqual(assertPartial(await ledger.create(ledger.key, body), 1, 0).rejected, [reference]);
    assert.deepEqual(ledger.sent(), ["POST /transactions"]);
  });

  test("a bulk that was booked gets an answer like Core's, and the same again byte for byte", async (t) => {
    const ledger = await openLedger(proxy, t);
    for (const [fields, status, marks] of [
      [{ skip_queue: true }, "applied", [""]],
      [{ skip_queue: false }, "applied", ["", "_q"]],
      [{ skip_queue: true, inflight: true }, "inflight", [""]],
    ]) {
      const key = `${ledger.key} ${JSON.stringify(fields).replaceAll(",", ";")}`;
      const [a, b] = ledger.balances;
      const body = { ...fields, transactions: [payment(a), payment(b), legs([a, b])] };
      ledger.next(loseAnswer);
      const { references } = assertError(await ledger.bulk(key, body), 502, "PROXY_CORE_UNREACHABLE");
      const found = await ledger.bulk(key, body);
      assert.deepEqual(
        [found.status, found.headers.get(REPLAYED), found.headers.get("content-type")],
        [200, "true", "application/json; charset=utf-8"],
      );
      const { batch_id: batch, ...rest } = found.json();
      assert.deepEqual(rest, { status, transaction_count: 3 });
      assert.match(batch, /^bulk_/);
      const { json } = await ledger.direct("GET", `/transactions/reference/${references[0]}`);
      assert.equal(json.parent_transaction, batch);
      const again = await ledger.bulk(key, body);
      assert.deepEqual([again.status, again.text(), again.headers.get(REPLAYED)], [200, found.text(), "true"]);
      await ledger.core.settled();
      assert.equal((await ledger.rows(...marks.map((mark) => references[1] + mark))).length, marks.length);
    }
    assert.equal(ledger.sent().length, 3);
  });

  test("atomic legs that Core took back are not done, though their rows are there", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a] = ledger.balances;
    const body = legs([a, "bln_none"], { ...NOW, atomic: true });
    ledger.next(loseAnswer);
    const { reference } = assertError(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    await ledger.core.settled();
    const details = assertPartial(await ledger.create(ledger.key, body), 2, 0);
    assert.deepEqual([details.rolled_back, details.rolled_back_count], [[`${reference}-1`], 1]);
    assertPartial(await ledger.create(ledger.key, body), 2, 0);
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[0, 0, 0], 1]);
  });

  test("an atomic bulk of holds that Core voided is not done", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const body = {
      ...NOW,
      atomic: true,
      inflight: true,
      transactions: [payment(a), payment("@shop", { source: b, allow_overdraft: false })],
    };
    ledger.next(loseAnswer);
    const { references } = assertError(await ledger.bulk(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    assert.deepEqual(assertPartial(await ledger.bulk(ledger.key, body), 2, 0).rolled_back, [references[0]]);
    assert.equal(ledger.sent().length, 1);
  });

  test("legs are all there where their amounts make the whole, in any order; two to one balance are one", async (t) => {
    const ledger = await openLedger(proxy, t, { core: { legOrder: (identifiers) => identifiers.toReversed() } });
    const [a, b] = ledger.balances;
    for (const skip_queue of [true, false]) {
      const body = legs([a, a, b], { skip_queue });
      ledger.next(loseAnswer);
      assertError(await ledger.create(`${ledger.key} ${skip_queue}`, body), 502, "PROXY_CORE_UNREACHABLE");
      const found = await ledger.create(`${ledger.key} ${skip_queue}`, body);
      assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"], found.text());
    }
    await ledger.core.settled();
    const [one, two] = await ledger.figures();
    assert.deepEqual([one + two, ledger.sent().length], [2_000, 2]);
  });

  test("a bulk that Core takes in to book it later is found too", async (t) => {
    const ledger = await openLedger(proxy, t, { core: { insertDelayMs: 500 } });
    const [a, b] = ledger.balances;
    const body = { ...NOW, run_async: true, transactions: [payment(a), payment(b)] };
    ledger.next(loseAnswer);
    assertError(await ledger.bulk(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    const found = await ledger.bulk(ledger.key, body);
    assert.deepEqual([found.status, found.json().transaction_count, ledger.sent().length], [200, 2, 1], found.text());
  });

  test("what Core takes back late was not done either", async (t) => {
    const ledger = await openLedger(proxy, t, { core: { insertDelayMs: 1_200 } });
    const body = legs([ledger.balances[0], "bln_none"], { ...NOW, atomic: true });
    ledger.next(loseAnswer);
    assertError(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    assert.equal(assertPartial(await ledger.create(ledger.key, body), 2, 0).rolled_back_count, 1);
  });

  test("a 5xx of Core's in the middle passes on, and the retry says what stands", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const body = { ...NOW, transactions: [payment(a), payment(b)] };
    ledger.next(actThen(failure(500, "GEN_INTERNAL")));
    ledger.core.lock(b);
    assert.equal((await ledger.bulk(ledger.key, body)).status, 500);
    assertPartial(await ledger.bulk(ledger.key, body), 2, 1);
  });

  test("of hundreds of parts the first hundred of each kind are listed, and all counted", async (t) => {
    const ledger = await openLedger(proxy, t);
    const transactions = Array.from({ length: 360 }, (_, at) =>
      payment(ledger.balances[0], { reference: `item ${at}` }),
    );
    ledger.next(cutBefore(ledger.core, 130));
    assertError(await ledger.bulk(ledger.key, { ...NOW, transactions }), 502, "PROXY_CORE_UNREACHABLE");
    const details = assertError(
      await ledger.bulk(ledger.key, { ...NOW, transactions }),
      409,
      "PROXY_IDEMPOTENCY_PARTIAL",
    );
    const { total, booked_count: booked, missing_count: missing } = details;
    assert.deepEqual(
      [total, booked, missing, details.booked.length, details.missing.length],
      [360, 130, 230, 100, 100],
    );
    assert.deepEqual([details.booked[99], details.missing[0]], ["item 99", "item 130"]);
  });
});
