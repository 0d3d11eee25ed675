// Holds, refunds and batches.

import assert from "node:assert/strict";
import { test } from "node:test";
import { balancesIn, coreFor, deposit, send } from "./core-client.mjs";

const FAST = { insertDelayMs: 1, applyDelayMs: 2 };
// Long enough to ask again before anything has happened.
const SLOW = { insertDelayMs: 1, applyDelayMs: 500 };
const update = (core, id, body) => send(core, "PUT", `/transactions/inflight/${id}`, { skip_queue: true, ...body });
const code = ({ status, json }) => [status, json.error_detail?.code];

/** A stand-in with one balance. */
async function ledger(t, options = FAST) {
  const core = await coreFor(t, options);
  const [destination] = await balancesIn(core, "USD");
  const figures = async () => {
    const { json } = await send(core, "GET", `/balances/${destination}`);
    return [json.balance, json.inflight_balance];
  };
  const hold = async (reference) => {
    const { json } = await send(core, "POST", "/transactions", deposit({ destination, reference, inflight: true }));
    return json.transaction_id;
  };
  return { core, destination, figures, hold };
}

test("a hold is committed in parts, never above what is left, and then no more", async (t) => {
  const { core, figures, hold } = await ledger(t);
  const id = await hold("r");
  assert.deepEqual(await figures(), [0, 1000]);
  assert.equal((await update(core, id, { status: "commit", amount: 4 })).json.precise_amount, 400);
  assert.deepEqual(await figures(), [400, 600]);
  const tooMuch = await update(core, id, { status: "commit", amount: 6.01 });
  assert.deepEqual(code(tooMuch), [400, "TXN_COMMIT_AMOUNT_EXCEEDED"]);
  assert.match(tooMuch.json.error, /Available: USD6\.00, Requested: USD6\.01/);
  assert.equal((await update(core, id, { status: "commit" })).json.precise_amount, 600);
  assert.deepEqual(code(await update(core, id, { status: "commit" })), [409, "TXN_ALREADY_COMMITTED"]);
  assert.deepEqual(code(await update(core, id, { status: "void" })), [409, "TXN_ALREADY_COMMITTED"]);
  assert.deepEqual(await figures(), [1000, 0]);
});

test("a void gives back what was not committed, once", async (t) => {
  const { core, figures, hold } = await ledger(t);
  const id = await hold("r");
  await update(core, id, { status: "commit", precise_amount: 1 });
  assert.deepEqual([(await update(core, id, { status: "void" })).json.precise_amount, await figures()], [999, [1, 0]]);
  assert.deepEqual(code(await update(core, id, { status: "commit" })), [409, "TXN_ALREADY_VOIDED"]);
});

test("a commit without skip_queue is queued, one at a time, and applied later", async (t) => {
  const { core, figures, hold } = await ledger(t, SLOW);
  const id = await hold("r");
  const queued = await update(core, id, { status: "commit", skip_queue: false });
  assert.deepEqual([queued.status, queued.json.queued, queued.json.status], [200, true, "INFLIGHT"]);
  assert.deepEqual(code(await update(core, id, { status: "void", skip_queue: false })), [409, "GEN_CONFLICT"]);
  await core.settled();
  assert.deepEqual(await figures(), [1000, 0]);
});

test("what is no hold cannot be committed", async (t) => {
  const { core, destination } = await ledger(t);
  const { json } = await send(core, "POST", "/transactions", deposit({ destination, reference: "r" }));
  assert.deepEqual(code(await update(core, json.transaction_id, { status: "commit" })), [400, "TXN_NOT_INFLIGHT"]);
  assert.deepEqual(code(await update(core, "txn_none", { status: "commit", skip_queue: false })), [
    404,
    "TXN_NOT_FOUND",
  ]);
});

test("several holds are settled in one request, each with its own result", async (t) => {
  const { core, figures, hold } = await ledger(t);
  const [a, b] = [await hold("a"), await hold("b")];
  const body = { skip_queue: true, transactions: [{ transaction_id: a, amount: 2 }, { transaction_id: "txn_none" }] };
  const committed = await send(core, "POST", "/transactions/inflight/bulk/commit", body);
  assert.deepEqual(
    [committed.json.succeeded, committed.json.failed, committed.json.results[1].code],
    [1, 1, "NOT_FOUND"],
  );
  const voided = await send(core, "POST", "/transactions/inflight/bulk/void", { transaction_ids: [a, b] });
  assert.deepEqual(
    voided.json.results.map((each) => each.code),
    ["QUEUED", "QUEUED"],
  );
  await core.settled();
  assert.deepEqual(await figures(), [200, 0]);
});

test("a refund turns the money round, under a reference of its own, and only once", async (t) => {
  const { core, destination, figures } = await ledger(t);
  const { json } = await send(
    core,
    "POST",
    "/transactions",
    deposit({ destination, reference: "r", meta_data: { a: 1 } }),
  );
  const body = { skip_queue: true, description: "back", meta_data: { type: "refund" } };
  const refund = await send(core, "POST", `/refund-transaction/${json.transaction_id}`, body);
  assert.deepEqual(
    [refund.status, refund.json.reference, refund.json.source],
    [201, `${json.transaction_id}_refund`, destination],
  );
  assert.deepEqual(
    [refund.json.description, refund.json.meta_data.a, refund.json.meta_data.type],
    ["back", 1, "refund"],
  );
  assert.deepEqual(await figures(), [0, 0]);
  assert.deepEqual(code(await send(core, "POST", `/refund-transaction/${json.transaction_id}`, body)), [
    409,
    "GEN_CONFLICT",
  ]);
});

test("an atomic batch that fails gives everything back and burns its references", async (t) => {
  const { core, destination, figures } = await ledger(t);
  const poor = deposit({ source: "@poor", destination, reference: "b", allow_overdraft: false });
  const batch = { atomic: true, skip_queue: true, transactions: [deposit({ destination, reference: "a" }), poor] };
  const failed = await send(core, "POST", "/transactions/bulk", batch);
  assert.deepEqual(code(failed), [400, "TXN_INSUFFICIENT_FUNDS"]);
  assert.match(
    failed.json.error,
    /^failed to queue transaction 2 \(Reference: b, .*\. All transactions in this batch have been refunded\.$/,
  );
  assert.equal(failed.json.error_detail.details.batch_id, failed.json.batch_id);
  await core.settled();
  assert.deepEqual(await figures(), [0, 0]);
  assert.deepEqual(code(await send(core, "POST", "/transactions/bulk", batch)), [409, "TXN_DUPLICATE_REFERENCE"]);
});

test("a batch that is not atomic keeps what was booked before it failed", async (t) => {
  const { core, destination, figures } = await ledger(t);
  const transactions = [deposit({ destination, reference: "a" }), deposit({ destination, reference: "a" })];
  const failed = await send(core, "POST", "/transactions/bulk", { skip_queue: true, transactions });
  assert.deepEqual(code(failed), [409, "TXN_DUPLICATE_REFERENCE"]);
  assert.match(failed.json.error, /Previous transactions were not rolled back\.$/);
  assert.deepEqual(await figures(), [1000, 0]);
});

test("the batch decides about inflight and skip_queue, not its items", async (t) => {
  const { core, destination, figures } = await ledger(t);
  const transactions = [deposit({ destination, reference: "a" })];
  assert.equal(
    (await send(core, "POST", "/transactions/bulk", { skip_queue: true, inflight: true, transactions })).json.status,
    "inflight",
  );
  assert.deepEqual(await figures(), [0, 1000]);
});

test("a batch is previewed on one set of balances when its items follow each other", async (t) => {
  const { core, destination, figures } = await ledger(t);
  const spend = deposit({ source: destination, destination: "@shop", reference: "b", allow_overdraft: false });
  const batch = { dry_run: true, transactions: [deposit({ destination, reference: "a" }), spend] };
  const apart = await send(core, "POST", "/transactions/bulk", batch);
  assert.deepEqual([apart.json.cumulative, apart.json.would_apply], [false, false]);
  const together = await send(core, "POST", "/transactions/bulk", { ...batch, skip_queue: true });
  assert.deepEqual([together.json.cumulative, together.json.would_apply], [true, true]);
  assert.deepEqual(await figures(), [0, 0]);
});

test("a second array of transactions is read over the first, as Core's decoder does", async (t) => {
  const { core, destination } = await ledger(t);
  const item = (fields) => JSON.stringify(deposit({ destination, amount: 12.5, ...fields }));
  const first = [item({ precision: 1000, reference: "a" }), item({ reference: "b" })];
  const body = `{"skip_queue":true,"transactions":[${first.join(",")}],
    "Transactions":[${item({ precision: undefined, reference: "c" })}]}`;
  const answer = await send(core, "POST", "/transactions/bulk", body);
  assert.deepEqual([answer.status, answer.json.transaction_count], [201, 1]);
  const booked = await send(core, "GET", "/transactions?reference_eq=c");
  assert.equal(booked.json[0].precision, 1000);
});
