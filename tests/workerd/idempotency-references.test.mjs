// `Idempotency-Key`: a reference of the caller's own is used once, whoever uses it, whenever, and however it is booked.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { assertPartial, failure, instead, legs, loseRequest, openLedger, payment } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const NOW = { skip_queue: true };

/** Asserts that a reference was in use, before anything was sent. */
const assertUsed = (answer, reference, used) => {
  const details = assertError(answer, 409, "PROXY_REFERENCE_USED");
  assert.equal(details.outcome, "not_sent");
  if (reference) assert.equal(details.reference, reference);
  if (used) assert.deepEqual([details.reference_used, details.reference_used_count], [used, used.length]);
};

describe("a reference of the caller's own", { concurrency: 5 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  test("is looked for before it is sent, in every form in which Core may have it", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const forms = [payment(a, NOW), payment(a), legs([a, b], NOW), legs([a, b])];
    for (const [at, stored] of forms.entries()) {
      const reference = `mine/${at}`;
      await ledger.direct("POST", "/transactions", { ...stored, reference });
      await ledger.core.settled();
      for (const [again, form] of forms.entries()) {
        // Legs are another transaction's names to Core than the reference itself.
        if (at < 2 !== again < 2) continue;
        assertUsed(await ledger.create(`${ledger.key} ${at} ${again}`, { ...form, reference }), reference, [reference]);
      }
    }
    assert.deepEqual(ledger.sent(), []);
  });

  test("that another key has claimed is refused without a look", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment(ledger.balances[0], { ...NOW, reference: "mine" });
    assert.equal((await ledger.create(ledger.key, body)).status, 201);
    ledger.upstream.clear();
    assertUsed(await ledger.create(`${ledger.key} 2`, body), "mine");
    assert.deepEqual(ledger.upstream.requests, []);
  });

  test("is another key's no more than its own while nobody knows what became of it", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment(ledger.balances[0], { ...NOW, reference: "mine" });
    ledger.next(loseRequest);
    assertError(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    assertUsed(await ledger.create(`${ledger.key} 2`, body), "mine");
    assert.equal((await ledger.create(ledger.key, body)).status, 201);
    assertUsed(await ledger.create(`${ledger.key} 2`, body), "mine");
    assert.deepEqual([await ledger.booked(), ledger.sent().length], [["mine"], 2]);
  });

  test("of legs of which one was booked: partial under the same key, in use under another", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const body = legs([a, b], { ...NOW, reference: "mine" });
    ledger.core.lock(b);
    assert.equal((await ledger.create(ledger.key, body)).status, 423);
    ledger.core.unlock(b);
    const details = assertPartial(await ledger.create(ledger.key, body), 2, 1);
    assert.deepEqual([details.booked, details.missing, details.reference], [["mine-1"], ["mine-2"], "mine"]);
    assertUsed(await ledger.create(`${ledger.key} 2`, body), "mine");
    assertUsed(await ledger.create(`${ledger.key} 3`, { ...body, skip_queue: false }), "mine");
    assert.deepEqual([await ledger.booked(), ledger.sent().length], [["mine-1"], 1]);
  });

  test("under two keys at once is booked once, also by legs of which one half is queued", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const rounds = 12;
    for (let round = 0; round < rounds; round += 1) {
      const body = legs([a, b], { reference: `mine ${round}` });
      const answers = await Promise.all(
        [true, false].map((now) => ledger.create(`${ledger.key} ${round} ${now}`, { ...body, skip_queue: now })),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
      assertUsed(
        answers.find(({ status }) => status === 409),
        body.reference,
      );
    }
    await ledger.core.settled();
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[400 * rounds, 600 * rounds, 0], rounds]);
  });

  test("in a bulk is named where it is in use, and keeps none of the others", async (t) => {
    const ledger = await openLedger(proxy, t);
    const item = (reference) => payment(ledger.balances[0], { reference });
    await ledger.direct("POST", "/transactions", { ...item("two"), ...NOW });
    assertUsed(
      await ledger.bulk(ledger.key, { ...NOW, transactions: [item("one"), item("two"), item("three"), item()] }),
      undefined,
      ["two"],
    );
    assert.equal(
      (await ledger.bulk(`${ledger.key} 2`, { ...NOW, transactions: [item("one"), item("three")] })).status,
      201,
    );
    assert.deepEqual(ledger.sent(), ["POST /transactions/bulk"]);
  });

  test("that a stranger took between the first attempt and the retry is told as theirs", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    for (const [key, body, strangers, stored] of [
      ["single", payment(a, { ...NOW, reference: "one" }), payment(a, { ...NOW, reference: "one", amount: 99 }), "one"],
      ["queued", payment(a, { reference: "two" }), payment(a, { ...NOW, reference: "two", amount: 99 }), "two"],
      [
        "legs",
        legs([a, b], { ...NOW, reference: "three" }),
        legs([a, b], { ...NOW, reference: "three", amount: 99 }),
        "three-1",
      ],
    ]) {
      ledger.next(loseRequest);
      assertError(await ledger.create(`${ledger.key} ${key}`, body), 502, "PROXY_CORE_UNREACHABLE");
      const before = ledger.sent().length;
      await ledger.direct("POST", "/transactions", strangers);
      const details = assertError(await ledger.create(`${ledger.key} ${key}`, body), 409, "PROXY_IDEMPOTENCY_PARTIAL");
      assert.deepEqual([details.booked_count, details.reference_used[0]], [0, stored], key);
      assert.equal(ledger.sent().length, before);
    }
  });

  test("of another currency is a stranger's too", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment("@shop", { ...NOW, reference: "mine" });
    ledger.next(loseRequest);
    assertError(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    await ledger.direct("POST", "/transactions", { ...body, currency: "EUR" });
    assert.deepEqual(assertPartial(await ledger.create(ledger.key, body), 1, 0).reference_used, ["mine"]);
  });

  test("is not used up by a dry run", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a] = ledger.balances;
    const body = payment(a, { ...NOW, reference: "mine" });
    const preview = await ledger.create(ledger.key, { ...body, dry_run: true });
    assert.deepEqual([preview.status, preview.json().dry_run], [200, true]);
    assert.equal(
      (await ledger.create(ledger.key, { ...body, dry_run: true })).headers.get("idempotent-replayed"),
      "true",
    );
    const bulk = { ...NOW, dry_run: true, transactions: [{ ...payment(a), reference: "mine" }] };
    assert.equal((await ledger.bulk(`${ledger.key} 2`, bulk)).status, 200);
    assert.equal((await ledger.create(`${ledger.key} 3`, body)).status, 201);
    assert.deepEqual(await ledger.booked(), ["mine"]);
  });

  test("of one instance is free in another", async (t) => {
    const [one, two] = [await openLedger(proxy, t), await openLedger(proxy, t)];
    for (const ledger of [one, two]) {
      assert.equal(
        (await ledger.create(ledger.key, payment(ledger.balances[0], { ...NOW, reference: "mine" }))).status,
        201,
      );
    }
  });

  test("is free again where Core did not act", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment(ledger.balances[0], { ...NOW, reference: "mine" });
    ledger.next(instead(failure(429, "GEN_RATE_LIMITED")));
    assert.equal((await ledger.create(ledger.key, body)).status, 429);
    assert.equal((await ledger.create(`${ledger.key} 2`, body)).status, 201);
  });
});

describe("references of the caller's own, many at once", () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  test("one under forty keys is booked once", async (t) => {
    const ledger = await openLedger(proxy, t);
    const transactions = [
      payment(ledger.balances[0], { reference: "mine" }),
      payment(ledger.balances[1], { reference: "also mine" }),
    ];
    const bodies = [
      { ...NOW, transactions },
      { ...NOW, transactions: transactions.toReversed() },
    ];
    // So that the instance is known.
    assert.equal((await ledger.create(ledger.key, payment(ledger.balances[2], NOW))).status, 201);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => ledger.bulk(`${ledger.key} ${at}`, bodies[at % 2])),
    );
    const taken = answers.filter(({ status }) => status !== 201);
    for (const answer of taken) assertUsed(answer);
    assert.ok(taken.length >= 39);
    if (taken.length === 40) assert.equal((await ledger.bulk(`${ledger.key} after`, bodies[0])).status, 201);
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[1_000, 1_000, 1_000], 2]);
  });

  test("thirty are each booked: looking for one stands in no other's way", async (t) => {
    const ledger = await openLedger(proxy, t);
    const bodies = Array.from({ length: 30 }, (_, at) =>
      payment(ledger.balances[0], { ...NOW, reference: `mine ${at}` }),
    );
    assert.equal((await ledger.create(ledger.key, payment("@shop", NOW))).status, 201);
    const answers = await Promise.all(bodies.map((body, at) => ledger.create(`${ledger.key} ${at}`, body)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
  });
});
