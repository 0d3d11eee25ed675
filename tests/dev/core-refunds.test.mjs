// Refunds give back what an id stands for, leg by leg, with Core's faults: a second refund gives back the first.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LedgerError } from "../../dev/core/errors.mjs";
import { balancesIn, coreFor, deposit, rowsBy, send } from "./core-client.mjs";

const FAST = { insertDelayMs: 1, applyDelayMs: 2, lockWaitMs: 30, legOrder: (identifiers) => identifiers };
const refund = (core, id, body = { skip_queue: true }) => send(core, "POST", `/refund-transaction/${id}`, body);
const LOCKED = "failed to acquire lock: failed to acquire all locks within the wait timeout";
const code = ({ status, json }) => [status, json.error_detail?.code];

/** A stand-in with two balances. */
async function ledger(t, options) {
  const core = await coreFor(t, { ...FAST, ...options });
  const [a, b] = await balancesIn(core, "USD", "USD");
  const figures = async () => {
    const balance = async (id) => (await send(core, "GET", `/balances/${id}`)).json.balance;
    return [await balance(a), await balance(b)];
  };
  const create = async (fields) => {
    const { json } = await send(core, "POST", "/transactions", deposit({ reference: "r", ...fields }));
    await core.settled();
    return json.transaction_id;
  };
  const destinations = [
    { identifier: a, distribution: "50%" },
    { identifier: b, distribution: "left" },
  ];
  return { core, a, b, figures, create, destinations };
}

test("a second refund answers 409 and gives back the first", async (t) => {
  const { core, a, create, figures } = await ledger(t);
  const id = await create({ destination: a });
  const first = await refund(core, id);
  assert.deepEqual([first.status, await figures()], [201, [0, 0]]);
  const second = await refund(core, id);
  const already = (...ids) => {
    const faults = ids.map((each) => `transaction ${each} has already been refunded`);
    return `error occurred during processing: [${faults.join(" ")}]`;
  };
  assert.deepEqual([...code(second), second.json.error], [409, "GEN_CONFLICT", already(id)]);
  assert.deepEqual(await figures(), [1000, 0]);
  const third = await refund(core, id);
  assert.equal(third.json.error, already(first.json.transaction_id, id));
  assert.deepEqual(await figures(), [1000, 0]);
});

test("a refund of a queued transaction is found again by the id of that transaction", async (t) => {
  const { core, a, create, figures } = await ledger(t);
  const id = await create({ destination: a, skip_queue: false });
  assert.equal((await refund(core, id)).status, 201);
  const second = await refund(core, id);
  assert.deepEqual([...code(second), await figures()], [409, "GEN_CONFLICT", [1000, 0]]);
});

test("a refund that went through the queue is not given back by a second one", async (t) => {
  const { core, a, create, figures } = await ledger(t);
  const id = await create({ destination: a, skip_queue: false });
  assert.equal((await refund(core, id, {})).json.status, "QUEUED");
  await core.settled();
  assert.deepEqual([...code(await refund(core, id)), await figures()], [409, "GEN_CONFLICT", [0, 0]]);
});

test("after a lock in the middle, the next refund of queued legs gives back the leg that was refunded", async (t) => {
  const { core, b, create, destinations, figures } = await ledger(t);
  const id = await create({ destinations, skip_queue: false });
  core.lock(b);
  const locked = await refund(core, id);
  assert.deepEqual(code(locked), [423, "GEN_RESOURCE_LOCKED"]);
  assert.match(
    locked.json.error,
    new RegExp(`^error occurred during processing: \\[failed to queue refund transaction txn_\\S+: ${LOCKED}\\]$`),
  );
  assert.deepEqual(await figures(), [0, 500]);
  core.unlock(b);
  assert.deepEqual([...code(await refund(core, id)), await figures()], [409, "GEN_CONFLICT", [500, 0]]);
});

test("a leg that fails does not keep the other from being refunded", async (t) => {
  const { core, create, destinations, figures } = await ledger(t);
  const id = await create({ destinations });
  core.beforeBooking = (_row, index) => {
    if (index === 0) throw new LedgerError("no");
  };
  const answer = await refund(core, id);
  assert.deepEqual(code(answer), [400, "GEN_BAD_REQUEST"]);
  assert.match(
    answer.json.error,
    /^error occurred during processing: \[failed to queue refund transaction txn_\S+: no\]$/,
  );
  assert.deepEqual((await figures()).sort(), [0, 500]);
});

test("a refund is refused while the same one is under way", async (t) => {
  const { core, a, create } = await ledger(t, { lockWaitMs: 5000 });
  const id = await create({ destination: a });
  core.lock(a);
  let begun;
  const under = new Promise((resolve) => {
    begun = resolve;
  });
  core.beforeBooking = () => begun();
  const first = refund(core, id);
  await under;
  const second = await refund(core, id, {});
  assert.deepEqual(
    [second.status, second.json.error],
    [
      423,
      `error occurred during processing: [failed to acquire lock for refund: ` +
        `lock for key refund:${id} is already held]`,
    ],
  );
  core.unlock(a);
  assert.equal((await first).status, 201);
});

test("with lateRefundFetch a refund that was booked answers 409, as Core's does now and then", async (t) => {
  const { core, a, create, figures } = await ledger(t, { lateRefundFetch: true });
  const id = await create({ destination: a });
  assert.deepEqual([...code(await refund(core, id)), await figures()], [409, "GEN_CONFLICT", [0, 0]]);
  assert.equal((await rowsBy(core, "parent_transaction", id)).length, 1);
});
