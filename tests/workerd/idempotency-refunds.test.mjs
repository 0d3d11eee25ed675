// `Idempotency-Key`: a refund is sent once, whatever becomes of its answer, and is never given back by another.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  actAlone,
  actThen,
  assertPartial,
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

describe("a refund with an Idempotency-Key", { concurrency: 3 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  /** A ledger with one transaction, and its id. */
  const withPaid = async (t, make, fields, options) => {
    const ledger = await openLedger(proxy, t, options);
    const [a, b] = ledger.balances;
    const body = make === legs ? legs([a, b], fields) : payment(a, fields);
    const { json } = await ledger.direct("POST", "/transactions", { ...body, reference: "paid" });
    await ledger.core.settled();
    return { ledger, id: json.transaction_id };
  };

  for (const [name, make, fields, refund] of [
    ["a transaction booked at once", payment, { skip_queue: true }, { skip_queue: true }],
    ["a queued transaction", payment, {}, { skip_queue: true }],
    ["a queued transaction, queued itself,", payment, {}, {}],
    ["two legs booked at once", legs, { skip_queue: true }, { skip_queue: true }],
    ["two queued legs", legs, {}, { skip_queue: true }],
  ]) {
    test(`of ${name} is found where its answer was lost, and given again`, async (t) => {
      const { ledger, id } = await withPaid(t, make, fields);
      ledger.next(loseAnswer);
      assertError(await ledger.refund(ledger.key, id, refund), 502, "PROXY_CORE_UNREACHABLE");
      const found = await ledger.refund(ledger.key, id, refund);
      assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"], found.text());
      assert.match(found.json().reference, /^txn_.*_refund$/);
      assert.equal((await ledger.refund(ledger.key, id, refund)).text(), found.text());
      await ledger.core.settled();
      assert.deepEqual([await ledger.figures(), ledger.sent()], [[0, 0, 0], [`POST /refund-transaction/${id}`]]);
    });
  }

  test("of two queued legs that met a lock between: the retry says what stands; no refund is refunded", async (t) => {
    const { ledger, id } = await withPaid(t, legs, {});
    ledger.core.lock(ledger.balances[1]);
    const first = await ledger.refund(ledger.key, id);
    assert.deepEqual([first.status, first.json().error_detail.code], [423, "GEN_RESOURCE_LOCKED"]);
    assert.deepEqual(await ledger.figures(), [0, 600, 0]);
    ledger.core.unlock(ledger.balances[1]);
    for (let time = 0; time < 2; time += 1) assertPartial(await ledger.refund(ledger.key, id), 2, 1);
    const details = assertError(await ledger.refund(`${ledger.key} 2`, id), 409, "PROXY_ALREADY_REFUNDED");
    assert.deepEqual([details.outcome, details.booked_count, details.missing_count], ["not_sent", 1, 1]);
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[0, 600, 0], 1]);
  });

  test("under another key is refused before anything is sent, once a refund stands", async (t) => {
    const { ledger, id } = await withPaid(t, payment, {});
    assert.equal((await ledger.refund(ledger.key, id)).status, 201);
    for (const [number, body] of [{ skip_queue: true }, {}, { skip_queue: true, description: "again" }].entries()) {
      const details = assertError(
        await ledger.refund(`${ledger.key} ${number}`, id, body),
        409,
        "PROXY_ALREADY_REFUNDED",
      );
      assert.deepEqual([details.outcome, details.total, details.booked_count], ["not_sent", 1, 1]);
    }
    assert.equal((await ledger.refund(ledger.key, id)).headers.get(REPLAYED), "true");
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[0, 0, 0], 1]);
  });

  test("is refused where a refund stands that had no key", async (t) => {
    const { ledger, id } = await withPaid(t, payment, { skip_queue: true });
    await ledger.direct("POST", `/refund-transaction/${id}`, { skip_queue: true });
    assertError(await ledger.refund(ledger.key, id), 409, "PROXY_ALREADY_REFUNDED");
    assert.deepEqual([await ledger.figures(), ledger.sent()], [[0, 0, 0], []]);
  });

  test("under another key waits while the first one's outcome is unknown, and ends once it is there", async (t) => {
    const { ledger, id } = await withPaid(
      t,
      payment,
      { skip_queue: true },
      { core: { lockWaitMs: 60_000 }, instance: { timeout_ms: 1_000 } },
    );
    ledger.core.lock(ledger.balances[0]);
    ledger.next(actAlone);
    assertError(await ledger.refund(ledger.key, id), 504, "PROXY_CORE_TIMEOUT");
    const waits = await ledger.refund(`${ledger.key} 2`, id);
    assert.equal(assertError(waits, 409, "PROXY_REFUND_IN_FLIGHT").outcome, "not_sent");
    assert.equal(waits.headers.get("retry-after"), "1");
    ledger.core.unlock(ledger.balances[0]);
    const found = await ledger.refund(ledger.key, id);
    assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"]);
    assertError(await ledger.refund(`${ledger.key} 2`, id), 409, "PROXY_ALREADY_REFUNDED");
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[0, 0, 0], 1]);
  });

  test("under four keys at once is sent once", async (t) => {
    const { ledger, id } = await withPaid(t, payment, {});
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, number) => ledger.refund(`${ledger.key} ${number}`, id)),
    );
    const done = answers.filter(({ status }) => status === 201);
    const codes = new Set(
      answers.filter(({ status }) => status !== 201).map((answer) => answer.json().error_detail.code),
    );
    for (const code of codes) assert.match(code, /^PROXY_(ALREADY_REFUNDED|REFUND_IN_FLIGHT)$/);
    assert.deepEqual([done.length, await ledger.figures(), ledger.sent().length], [1, [0, 0, 0], 1]);
  });

  test("that was lost before it arrived is never sent again", async (t) => {
    const { ledger, id } = await withPaid(t, payment, { skip_queue: true });
    ledger.next(loseRequest);
    assertError(await ledger.refund(ledger.key, id), 502, "PROXY_CORE_UNREACHABLE");
    for (let time = 0; time < 2; time += 1) {
      const details = assertError(await ledger.refund(ledger.key, id), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
      assert.equal(details.outcome, "unknown");
    }
    assertError(await ledger.refund(`${ledger.key} 2`, id), 409, "PROXY_REFUND_IN_FLIGHT");
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[1_000, 0, 0], 1]);
  });

  test("that Core booked and called a conflict, by its own mistake, is a 200 with the refund", async (t) => {
    // Of legs that were booked at once Core does not meet the refunds again.
    for (const [make, fields] of [
      [payment, { skip_queue: true }],
      [payment, {}],
      [legs, {}],
    ]) {
      const { ledger, id } = await withPaid(t, make, fields, { core: { lateRefundFetch: true } });
      let core;
      ledger.next(async (exchange, usual) => {
        const write = exchange.write;
        exchange.write = (bytes) => {
          core = bytes;
          return write(bytes);
        };
        return (await usual())(exchange);
      });
      const first = await ledger.refund(ledger.key, id);
      assert.match(core.toString(), /^HTTP\/1\.1 409 [\s\S]*GEN_CONFLICT/);
      assert.deepEqual([first.status, first.headers.get(REPLAYED)], [200, "true"], first.text());
      assert.match(first.json().reference, /_refund$/);
      assert.equal((await ledger.refund(ledger.key, id)).text(), first.text());
      assert.deepEqual([await ledger.figures(), ledger.sent().length], [[0, 0, 0], 1]);
    }
  });

  test("that Core refused may be sent with a new key, and with the same one gets the refusal again", async (t) => {
    const { ledger, id } = await withPaid(t, payment, { skip_queue: true });
    ledger.next(instead(failure(400, "GEN_BAD_REQUEST")));
    const refused = await ledger.refund(ledger.key, id);
    assert.deepEqual([refused.status, refused.headers.get("x-blnk-booked")], [400, null]);
    assert.equal((await ledger.refund(ledger.key, id)).headers.get(REPLAYED), "true");
    assert.deepEqual(await ledger.figures(), [1_000, 0, 0]);
    const again = await ledger.refund(`${ledger.key} 2`, id);
    assert.deepEqual([again.status, await ledger.figures()], [201, [0, 0, 0]], again.text());
  });

  test("of which one of two legs was refused passes, and says that one stands", async (t) => {
    const { ledger, id } = await withPaid(t, legs, { skip_queue: true });
    ledger.next(actThen(failure(400, "GEN_BAD_REQUEST")));
    ledger.core.lock(ledger.balances[1]);
    const refused = await ledger.refund(ledger.key, id);
    ledger.core.unlock(ledger.balances[1]);
    const again = await ledger.refund(ledger.key, id);
    for (const answer of [refused, again])
      assert.deepEqual([answer.status, answer.headers.get("x-blnk-booked")], [400, "1/2"]);
    assertError(await ledger.refund(`${ledger.key} 2`, id), 409, "PROXY_ALREADY_REFUNDED");
  });

  test("of what Core does not know is its 404", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [first, again] = [await ledger.refund(ledger.key, "txn_none"), await ledger.refund(ledger.key, "txn_none")];
    assert.deepEqual(
      [first.status, again.status, again.text(), again.headers.get(REPLAYED)],
      [404, 404, first.text(), "true"],
    );
  });

  test("is not sent while Core cannot say whether one stands", async (t) => {
    const { ledger, id } = await withPaid(t, payment, { skip_queue: true });
    ledger.onLookUp = instead(failure(500, "GEN_INTERNAL"));
    const answer = await ledger.refund(ledger.key, id);
    assert.equal(assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "not_sent");
    ledger.onLookUp = null;
    assert.equal((await ledger.refund(`${ledger.key} 2`, id)).status, 201);
    assert.equal(ledger.sent().length, 1);
  });

  test("as a dry run stands in no refund's way, and is never sent again: some Cores would refund", async (t) => {
    const { ledger, id } = await withPaid(t, payment, { skip_queue: true });
    const preview = { dry_run: true };
    assert.equal((await ledger.refund(ledger.key, id, preview)).status, 200);
    assert.equal((await ledger.refund(`${ledger.key} 2`, id)).status, 201);
    assert.deepEqual(await ledger.figures(), [0, 0, 0]);
    const other = (await ledger.create(`${ledger.key} 3`, payment(ledger.balances[0], { skip_queue: true }))).json()
      .transaction_id;
    ledger.next(loseAnswer);
    assertError(await ledger.refund(`${ledger.key} 4`, other, preview), 502, "PROXY_CORE_UNREACHABLE");
    const refunds = ledger.sent().length;
    assertError(await ledger.refund(`${ledger.key} 4`, other, preview), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert.equal(ledger.sent().length, refunds);
  });
});
