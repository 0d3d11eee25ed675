// `Idempotency-Key`: one thing by two names, or delivered twice, is done once, and what was done is never called
// refused.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { failure, legs, openLedger, payment } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const REPLAYED = "idempotent-replayed";
const NOW = { skip_queue: true };

/** Something in front of Core delivers the request twice, and gives the second answer. */
async function deliverTwice(exchange, usual) {
  await usual();
  return (await usual())(exchange);
}

describe("with an Idempotency-Key", { concurrency: 5 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy({ vars: { CACHE_FOUND_SECONDS: "0" } })));
  after(() => proxy.stop());

  test("a transaction whose request was delivered twice is the transaction, and no refusal", async (t) => {
    const ledger = await openLedger(proxy, t);
    for (const [number, body] of [payment(ledger.balances[0], NOW), legs(ledger.balances, NOW)].entries()) {
      ledger.next(deliverTwice);
      const key = `${ledger.key} ${number}`;
      const [first, again] = [await ledger.create(key, body), await ledger.create(key, body)];
      assert.deepEqual(
        [first.status, first.headers.get(REPLAYED), first.json().status],
        [200, "true", "APPLIED"],
        first.text(),
      );
      assert.equal(again.text(), first.text());
    }
    assert.deepEqual(await ledger.figures(), [1_400, 200, 400]);
  });

  test("a duplicate of a reference of the caller's own stays Core's refusal: it may be another's", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment(ledger.balances[0], { ...NOW, reference: "mine" });
    ledger.next(deliverTwice);
    assert.deepEqual([(await ledger.create(ledger.key, body)).status, await ledger.figures()], [409, [1_000, 0, 0]]);
  });

  test("a refund by a queued transaction's id, and by its outcome's, is made once however they meet", async (t) => {
    const ledger = await openLedger(proxy, t);
    for (let time = 0; time < 6; time += 1) {
      const { json } = await ledger.direct(
        "POST",
        "/transactions",
        payment(ledger.balances[0], { reference: `paid ${time}` }),
      );
      await ledger.core.settled();
      const outcome = (await ledger.direct("GET", `/transactions/reference/paid%20${time}_q`)).json;
      const ids = [json.transaction_id, outcome.transaction_id];
      const answers = await Promise.all(ids.map((id) => ledger.refund(`${ledger.key} ${id}`, id)));
      const refunded = answers.filter(({ status }) => status < 300);
      assert.ok(refunded.length <= 1, answers.map((answer) => answer.text()).join("\n"));
      if (refunded.length === 0)
        assert.equal((await ledger.refund(`${ledger.key} again ${time}`, json.transaction_id)).status, 201);
      assert.deepEqual(await ledger.figures(), [0, 0, 0]);
    }
  });

  test("a bulk that names a reference twice is refused before anything is sent", async (t) => {
    const ledger = await openLedger(proxy, t);
    const item = (reference) => payment(ledger.balances[0], { reference });
    for (const [number, references] of [
      ["x", "x"],
      ["x_q", "x"],
    ].entries()) {
      const refused = await ledger.bulk(`${ledger.key} ${number}`, { transactions: references.map(item) });
      assert.equal(assertError(refused, 409, "PROXY_REFERENCE_USED").outcome, "not_sent");
    }
    assert.deepEqual(ledger.sent(), []);
  });

  test("a reference that Core would make of another's is in use as long as that one is", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [queued, now] = [
      payment(ledger.balances[0], { reference: "x" }),
      payment(ledger.balances[0], { ...NOW, reference: "x_q" }),
    ];
    const answers = await Promise.all([
      ledger.create(`${ledger.key} 1`, queued),
      ledger.create(`${ledger.key} 2`, now),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
    assertError(
      answers.find(({ status }) => status === 409),
      409,
      "PROXY_REFERENCE_USED",
    );
    await ledger.core.settled();
    assert.deepEqual(await ledger.figures(), [1_000, 0, 0]);
  });

  test("how much of a queued bulk stands that Core refused on its way is unknown, until somebody asks", async (t) => {
    const ledger = await openLedger(proxy, t, { core: { insertDelayMs: 1_500 } });
    const share = payment(undefined, { destinations: [{ identifier: ledger.balances[1], distribution: "20" }] });
    const body = { transactions: [payment(ledger.balances[0]), share] };
    const refused = await ledger.bulk(ledger.key, body);
    assert.deepEqual([refused.status, refused.headers.get("x-blnk-booked")], [400, "unknown"], refused.text());
    await ledger.core.settled();
    assert.equal((await ledger.bulk(ledger.key, body)).headers.get("x-blnk-booked"), "unknown");
    const told = (await ledger.ask(ledger.key)).json();
    assert.deepEqual([told.state, told.status, told.booked_of_total, told.booked_count], ["done", 400, "1/2", 1]);
    assert.deepEqual([(await ledger.bulk(ledger.key, body)).text(), ledger.sent().length], [refused.text(), 1]);
  });

  test("a bulk of holds whose answer was lost is in flight", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = { inflight: true, transactions: [payment(ledger.balances[0])] };
    ledger.next(async (exchange, usual) => {
      await usual();
      return exchange.reset();
    });
    assertError(await ledger.bulk(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    const found = await ledger.bulk(ledger.key, body);
    assert.deepEqual(
      [found.status, found.json().status, found.json().transaction_count],
      [200, "inflight", 1],
      found.text(),
    );
  });

  test("a Core that refuses its own key is told to the operator, and nothing is sent", async (t) => {
    const ledger = await openLedger(proxy, t);
    ledger.onLookUp = failure(401, "AUTH_INVALID_API_KEY");
    const answer = await ledger.create(ledger.key, payment(ledger.balances[0], { reference: "mine" }));
    assert.equal(assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "not_sent");
    const line = await proxy.worker.logLine(answer.headers.get("x-request-id"));
    assert.deepEqual([line.level, line.detail], ["error", "Core refused the instance's own key"]);
    assert.deepEqual(ledger.sent(), []);
  });
});
