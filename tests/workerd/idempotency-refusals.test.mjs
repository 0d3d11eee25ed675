// `Idempotency-Key`: a refusal of Core's that comes after a part was booked says how much of it stands.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { failure, instead, openLedger, payment } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const REPLAYED = "idempotent-replayed";
const BOOKED = "x-blnk-booked";
const NOW = { skip_queue: true };

describe("a refusal of Core's to a write with an Idempotency-Key", { concurrency: 5 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  /** Asserts that a refusal passed, and that it is kept with what stands behind it. */
  const assertKept = async (send, status, code, booked) => {
    const [first, again] = [await send(), await send()];
    for (const answer of [first, again]) {
      assert.deepEqual(
        [answer.status, answer.json().error_detail.code, answer.headers.get(BOOKED)],
        [status, code, booked],
        answer.text(),
      );
    }
    assert.deepEqual([first.headers.get(REPLAYED), again.headers.get(REPLAYED)], [null, "true"]);
    assert.equal(again.text(), first.text());
    return first;
  };
  /** Of a balance that has nothing. */
  const refused = (source, fields) => payment("@shop", { source, allow_overdraft: false, ...fields });

  test("in the middle of a bulk passes unchanged and is kept, with how much stands", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const body = { ...NOW, transactions: [payment(a), refused(b), payment(a)] };
    const first = await assertKept(() => ledger.bulk(ledger.key, body), 400, "TXN_INSUFFICIENT_FUNDS", "1/3");
    assert.match(first.json().error, /^failed to queue transaction 2 .*Previous transactions were not rolled back\.$/);
    assert.match(first.json().batch_id, /^bulk_/);
    assert.deepEqual([(await ledger.booked()).length, ledger.sent()], [1, ["POST /transactions/bulk"]]);
  });

  test("in the middle of legs passes unchanged and is kept, with how much stands", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b, c] = ledger.balances;
    await ledger.direct("POST", "/transactions", payment(a, { ...NOW, reference: "funds" }));
    const sources = [a, b, c].map((identifier, at) => ({ identifier, distribution: ["40%", "20%", "left"][at] }));
    const body = payment("@shop", { ...NOW, source: undefined, sources, allow_overdraft: false });
    const first = await assertKept(() => ledger.create(ledger.key, body), 400, "TXN_INSUFFICIENT_FUNDS", "1/3");
    assert.deepEqual(await ledger.booked(), ["funds", `${first.headers.get("x-blnk-reference")}-1`]);
    assert.deepEqual(await ledger.figures(), [600, 0, 0]);
  });

  test("of an atomic bulk that was rolled back says that nothing stands, and its references are used up", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const item = (reference, fields) => payment(a, { reference, ...fields });
    const body = { ...NOW, atomic: true, transactions: [item("one"), item("two"), refused(b, { reference: "three" })] };
    const first = await assertKept(() => ledger.bulk(ledger.key, body), 400, "TXN_INSUFFICIENT_FUNDS", "0/3");
    assert.match(first.json().error, /All transactions in this batch have been refunded\.$/);
    await ledger.core.settled();
    assert.deepEqual(await ledger.figures(), [0, 0, 0]);
    const used = await ledger.bulk(`${ledger.key} 2`, { ...body, atomic: false });
    assert.equal(assertError(used, 409, "PROXY_REFERENCE_USED").outcome, "not_sent");
    assert.equal(ledger.sent().length, 1);
  });

  test("says that nobody knows how much stands where Core cannot be asked at that moment", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    ledger.onLookUp = instead(failure(500, "GEN_INTERNAL"));
    const body = { ...NOW, transactions: [payment(a), refused(b)] };
    await assertKept(() => ledger.bulk(ledger.key, body), 400, "TXN_INSUFFICIENT_FUNDS", "unknown");
  });

  test("before anything was booked says that nothing stands; a new key may use the references at once", async (t) => {
    const ledger = await openLedger(proxy, t);
    const transactions = [
      payment(ledger.balances[0], { reference: "one" }),
      payment(ledger.balances[0], { reference: "two", description: "" }),
    ];
    await assertKept(() => ledger.bulk(ledger.key, { ...NOW, transactions }), 400, "TXN_VALIDATION_ERROR", "0/2");
    transactions[1].description = "two";
    assert.equal((await ledger.bulk(`${ledger.key} 2`, { ...NOW, transactions })).status, 201);
    assert.deepEqual(await ledger.booked(), ["one", "two"]);
  });

  test("gives back those references of which there is no trace, and no other", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const item = (reference) => payment(a, { reference, ...NOW });
    const body = { ...NOW, transactions: [item("one"), refused(b, { reference: "two" }), item("three")] };
    await assertKept(() => ledger.bulk(ledger.key, body), 400, "TXN_INSUFFICIENT_FUNDS", "1/3");
    for (const [reference, status] of [
      ["one", 409],
      ["two", 201],
      ["three", 201],
    ]) {
      assert.equal((await ledger.create(`${ledger.key} ${reference}`, item(reference))).status, status, reference);
    }
    assert.deepEqual(
      [await ledger.booked(), await ledger.figures()],
      [
        ["one", "three", "two"],
        [3_000, 0, 0],
      ],
    );
  });

  test("of a duplicate in a bulk that went to Core says how much stands", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a] = ledger.balances;
    // A stranger books the second while the first is being booked.
    ledger.core.beforeBooking = async (_row, index) => {
      ledger.core.beforeBooking = undefined;
      if (index === 0)
        await ledger.direct("POST", "/transactions", payment(a, { ...NOW, reference: "two", amount: 7 }));
    };
    const body = { ...NOW, transactions: [payment(a, { reference: "one" }), payment(a, { reference: "two" })] };
    await assertKept(() => ledger.bulk(ledger.key, body), 409, "TXN_DUPLICATE_REFERENCE", "1/2");
    assert.deepEqual(await ledger.figures(), [1_700, 0, 0]);
  });

  test("of a single transaction has no such header, and a new key may use its reference at once", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    await assertKept(
      () => ledger.create(ledger.key, refused(b, { ...NOW, reference: "mine" })),
      400,
      "TXN_INSUFFICIENT_FUNDS",
      null,
    );
    assert.equal((await ledger.create(`${ledger.key} 2`, payment(a, { ...NOW, reference: "mine" }))).status, 201);
  });

  test("has no such header where a bulk was booked, nor where something else was refused", async (t) => {
    const ledger = await openLedger(proxy, t);
    const booked = await ledger.bulk(ledger.key, { ...NOW, transactions: [payment(ledger.balances[0])] });
    assert.deepEqual([booked.status, booked.headers.get(BOOKED)], [201, null]);
    const other = await ledger.send(`${ledger.key} 2`, "POST", "/balances", { ledger_id: "" });
    assert.deepEqual([other.status, other.headers.get(BOOKED)], [400, null]);
    const unkeyed = await proxy.call("POST", "/transactions/bulk", {
      instance: ledger.instance.id,
      body: { ...NOW, transactions: [payment(ledger.balances[0]), refused(ledger.balances[1])] },
    });
    assert.deepEqual([unkeyed.status, unkeyed.headers.get(BOOKED)], [400, null]);
  });

  test("to bytes that are sent again, after nothing was found, stands where nothing is found still", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = { ...NOW, transactions: [payment(ledger.balances[0]), refused(ledger.balances[1])] };
    const noneYet = { ...NOW, transactions: [refused(ledger.balances[1]), payment(ledger.balances[0])] };
    for (const [key, sent, status, code, header] of [
      ["none", noneYet, 400, "TXN_INSUFFICIENT_FUNDS", "0/2"],
      // What Core did not say the first time is as good as done: some of it stands, and that is what is told.
      ["some", body, 409, "PROXY_IDEMPOTENCY_PARTIAL", null],
    ]) {
      const send = () => ledger.bulk(`${ledger.key} ${key}`, sent);
      ledger.next((exchange) => exchange.reset());
      assertError(await send(), 502, "PROXY_CORE_UNREACHABLE");
      const answer = await send();
      assert.deepEqual(
        [answer.status, answer.json().error_detail.code, answer.headers.get(BOOKED)],
        [status, code, header],
        answer.text(),
      );
    }
  });
});
