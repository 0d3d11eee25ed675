// `Idempotency-Key`: commits and voids whose answer was lost are found, and never sent again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { assertPartial, legs, loseAnswer, loseRequest, openLedger, payment } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const REPLAYED = "idempotent-replayed";

describe("a commit or void with an Idempotency-Key", { concurrency: 5 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  /** A ledger with one hold, or one of two legs, and its id. */
  const withHold = async (t, make, fields, options) => {
    const ledger = await openLedger(proxy, t, options);
    const [a, b] = ledger.balances;
    const body = make === legs ? legs([a, b], fields) : payment(a, fields);
    const { json } = await ledger.direct("POST", "/transactions", { ...body, reference: "hold", inflight: true });
    await ledger.core.settled();
    return { ledger, id: json.transaction_id };
  };

  const ACTIONS = {
    commit: { status: "APPLIED", moved: { payment: [1_000, 0, 0], legs: [400, 600, 0] } },
    void: { status: "VOID" },
  };
  for (const [action, { status, moved }] of Object.entries(ACTIONS)) {
    for (const [name, make, fields, at] of [
      ["one hold", payment, { skip_queue: true }, { skip_queue: true }],
      ["one hold that was queued", payment, {}, { skip_queue: true }],
      ["two legs", legs, { skip_queue: true }, { skip_queue: true }],
      ["two legs, through the queue,", legs, {}, {}],
    ]) {
      test(`a ${action} of ${name} is found where its answer was lost, and given again`, async (t) => {
        const { ledger, id } = await withHold(t, make, fields);
        const body = { status: action, ...at };
        ledger.next(loseAnswer);
        assertError(await ledger.settle(ledger.key, id, body), 502, "PROXY_CORE_UNREACHABLE");
        const found = await ledger.settle(ledger.key, id, body);
        assert.deepEqual(
          [found.status, found.headers.get(REPLAYED), found.json().status],
          [200, "true", status],
          found.text(),
        );
        const hold = await ledger.direct("GET", `/transactions/${found.json().parent_transaction}`);
        assert.equal(hold.json.status, "INFLIGHT");
        assert.equal((await ledger.settle(ledger.key, id, body)).text(), found.text());
        assert.deepEqual(
          [await ledger.figures(), ledger.sent()],
          [moved?.[make.name] ?? [0, 0, 0], [`PUT /transactions/inflight/${id}`]],
        );
      });
    }

    test(`a ${action} of two legs that met a lock between: the retry says what stands, and is not sent`, async (t) => {
      const { ledger, id } = await withHold(t, legs, { skip_queue: true });
      const body = { status: action, skip_queue: true };
      ledger.core.lock(ledger.balances[1]);
      const first = await ledger.settle(ledger.key, id, body);
      assert.deepEqual([first.status, first.json().error_detail.code], [423, "GEN_RESOURCE_LOCKED"]);
      ledger.core.unlock(ledger.balances[1]);
      const figures = await ledger.figures();
      for (let time = 0; time < 2; time += 1) {
        const details = assertPartial(await ledger.settle(ledger.key, id, body), 2, 1);
        assert.deepEqual([details.booked, details.missing], [["hold-1"], ["hold-2"]]);
      }
      assert.deepEqual([await ledger.figures(), ledger.sent().length], [figures, 1]);
    });

    test(`a ${action} that was lost before it arrived is never sent again`, async (t) => {
      const { ledger, id } = await withHold(t, payment, { skip_queue: true });
      const body = { status: action, skip_queue: true };
      ledger.next(loseRequest);
      assertError(await ledger.settle(ledger.key, id, body), 502, "PROXY_CORE_UNREACHABLE");
      for (let time = 0; time < 2; time += 1) {
        assertError(await ledger.settle(ledger.key, id, body), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
      }
      assert.equal(ledger.sent().length, 1);
    });

    test(`a ${action} after the other is no success of it`, async (t) => {
      const { ledger, id } = await withHold(t, payment, { skip_queue: true });
      ledger.next(loseRequest);
      assertError(
        await ledger.settle(ledger.key, id, { status: action, skip_queue: true }),
        502,
        "PROXY_CORE_UNREACHABLE",
      );
      const other = action === "commit" ? "void" : "commit";
      await ledger.direct("PUT", `/transactions/inflight/${id}`, { status: other, skip_queue: true });
      const answer = await ledger.settle(ledger.key, id, { status: action, skip_queue: true });
      assertError(answer, 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
    });
  }

  test("a commit of a part that nobody knows about stays unknown, and is never sent again", async (t) => {
    const { ledger, id } = await withHold(t, legs, { skip_queue: true });
    const body = { status: "commit", amount: 3, skip_queue: true };
    ledger.core.lock(ledger.balances[1]);
    assert.equal((await ledger.settle(ledger.key, id, body)).status, 423);
    ledger.core.unlock(ledger.balances[1]);
    ledger.upstream.clear();
    for (let time = 0; time < 2; time += 1) {
      assertError(await ledger.settle(ledger.key, id, body), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
    }
    assert.deepEqual([await ledger.figures(), ledger.upstream.requests], [[300, 0, 0], []]);
  });

  test("commits of parts that made up the whole count as a commit of all that was left", async (t) => {
    const { ledger, id } = await withHold(t, payment, { skip_queue: true });
    assert.equal(
      (await ledger.settle(`${ledger.key} 2`, id, { status: "commit", amount: 4, skip_queue: true })).status,
      200,
    );
    ledger.next(loseAnswer);
    const body = { status: "commit", skip_queue: true };
    assertError(await ledger.settle(ledger.key, id, body), 502, "PROXY_CORE_UNREACHABLE");
    const found = await ledger.settle(ledger.key, id, body);
    assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"]);
    assert.deepEqual([await ledger.figures(), ledger.sent().length], [[1_000, 0, 0], 2]);
  });

  test("a dry run is never sent again either: a Core that does not know it would commit", async (t) => {
    const { ledger, id } = await withHold(t, payment, { skip_queue: true });
    const body = { status: "commit", dry_run: true };
    ledger.next(loseAnswer);
    assertError(await ledger.settle(ledger.key, id, body), 502, "PROXY_CORE_UNREACHABLE");
    assertError(await ledger.settle(ledger.key, id, body), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert.deepEqual([ledger.sent().length, await ledger.figures()], [1, [0, 0, 0]]);
  });
});
