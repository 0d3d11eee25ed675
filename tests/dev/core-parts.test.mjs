// What Core books in parts can be locked, failed and cut in the middle, and what was booked before that stays.

import assert from "node:assert/strict";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { CoreError, LedgerError } from "../../dev/core/errors.mjs";
import { balancesIn, coreFor, deposit, rowsBy, send } from "./core-client.mjs";

const FAST = {
  insertDelayMs: 1,
  applyDelayMs: 2,
  retryDelayMs: 5,
  lockWaitMs: 30,
  legOrder: (identifiers) => identifiers,
};
const LOCKED = "failed to acquire lock: failed to acquire all locks within the wait timeout";
const post = (core, body, path = "/transactions") => send(core, "POST", path, body);
const bulk = (core, body) => post(core, { skip_queue: true, ...body }, "/transactions/bulk");
const settle = (core, id, body) => send(core, "PUT", `/transactions/inflight/${id}`, { skip_queue: true, ...body });
const code = ({ status, json }) => [status, json.error_detail?.code];
const shown = (rows) => rows.map((row) => [row.reference, row.status]);

/** A stand-in with two balances. */
async function ledger(t, options) {
  const core = await coreFor(t, { ...FAST, ...options });
  const [a, b] = await balancesIn(core, "USD", "USD");
  const destinations = [
    { identifier: a, distribution: "40%" },
    { identifier: b, distribution: "left" },
  ];
  const legs = (fields) => deposit({ reference: "L", destinations, ...fields });
  const items = (...destinations) =>
    destinations.map((destination, i) => deposit({ destination, reference: `i${i + 1}` }));
  return { core, a, b, legs, items };
}

test("a booking waits for a locked balance, and fails with 423 when it stays locked", async (t) => {
  const { core, a } = await ledger(t, { lockWaitMs: 2000 });
  core.lock(a, 60);
  const begun = performance.now();
  assert.equal((await post(core, deposit({ destination: a, reference: "waited" }))).status, 201);
  assert.ok(performance.now() - begun >= 50);
  core.lockWaitMs = 20;
  core.lock(a);
  const refused = await post(core, deposit({ source: a, destination: "@shop", reference: "r" }));
  assert.deepEqual([...code(refused), refused.json.error], [423, "GEN_RESOURCE_LOCKED", LOCKED]);
  core.unlock(a);
  assert.equal((await post(core, deposit({ destination: a, reference: "r" }))).status, 201);
});

test("a locked item of a batch leaves the items before it booked, and those after it not", async (t) => {
  const { core, a, b, items } = await ledger(t);
  core.lock(b);
  const answer = await bulk(core, { transactions: items(a, b, a) });
  assert.deepEqual(code(answer), [423, "GEN_RESOURCE_LOCKED"]);
  assert.match(answer.json.error, /^failed to queue transaction 2 \(Reference: i2, /);
  assert.ok(answer.json.error.endsWith(`): ${LOCKED}. Previous transactions were not rolled back.`));
  assert.deepEqual(shown(await rowsBy(core, "parent_transaction", answer.json.batch_id)), [["i1", "APPLIED"]]);
});

test("a locked leg leaves the legs before it booked", async (t) => {
  const { core, b, legs } = await ledger(t);
  core.lock(b);
  const answer = await post(core, legs());
  assert.deepEqual(
    [...code(answer), answer.json.error],
    [423, "GEN_RESOURCE_LOCKED", `failed to record split transaction 1: ${LOCKED}`],
  );
  assert.deepEqual(shown(await rowsBy(core, "reference", "L-1", "L-2")), [["L-1", "APPLIED"]]);
});

test("others are served while a batch waits for a lock", async (t) => {
  const { core, a, b, items } = await ledger(t, { lockWaitMs: 5000 });
  core.lock(b);
  const waiting = bulk(core, { transactions: items(a, b) });
  while ((await rowsBy(core, "reference", "i1")).length === 0) await pause(2);
  assert.equal((await post(core, deposit({ destination: a, reference: "between" }))).status, 201);
  core.unlock(b);
  assert.equal((await waiting).status, 201);
});

test("queued work that meets a lock is booked once the lock is gone, and rejected when it never goes", async (t) => {
  const { core, a, b } = await ledger(t);
  core.lock(a, 80);
  await post(core, deposit({ destination: a, reference: "q", skip_queue: false }));
  core.lock(b);
  await post(core, deposit({ destination: b, reference: "never", skip_queue: false }));
  await core.settled();
  const [late, never] = [await rowsBy(core, "reference", "q_q"), await rowsBy(core, "reference", "never_q")];
  assert.deepEqual([shown(late), shown(never)], [[["q_q", "APPLIED"]], [["never_q", "REJECTED"]]]);
  assert.equal(never[0].meta_data.blnk_rejection_reason, LOCKED);
});

test("a queued commit that meets a lock is carried out once the lock is gone, each leg once", async (t) => {
  const { core, b, legs } = await ledger(t);
  const { json } = await post(core, legs({ inflight: true }));
  core.lock(b, 60);
  await settle(core, json.transaction_id, { status: "commit", amount: 1, skip_queue: false });
  await core.settled();
  const holds = await rowsBy(core, "parent_transaction", json.transaction_id);
  const children = await rowsBy(core, "parent_transaction", ...holds.map((row) => row.transaction_id));
  assert.deepEqual(
    children.map((row) => row.precise_amount),
    [100, 100],
  );
});

test("a partial commit takes the same amount of each leg, and what failed is listed", async (t) => {
  const { core, a, b, legs } = await ledger(t);
  const { json } = await post(core, legs({ inflight: true }));
  core.lock(b);
  const locked = await settle(core, json.transaction_id, { status: "commit", amount: 3 });
  assert.deepEqual(
    [...code(locked), locked.json.error],
    [423, "GEN_RESOURCE_LOCKED", `error occurred during processing: [saving transaction to db error: ${LOCKED}]`],
  );
  core.unlock(b);
  const tooMuch = await settle(core, json.transaction_id, { status: "commit", amount: 3 });
  const over = "cannot commit more than the remaining amount. Available: USD1.00, Requested: USD3.00";
  assert.equal(tooMuch.json.error, `error occurred during processing: [${over}]`);
  const balance = async (id) => (await send(core, "GET", `/balances/${id}`)).json;
  assert.deepEqual([(await balance(a)).balance, (await balance(b)).balance], [300, 300]);
});

test("a batch of commits marks what is locked and settles the rest", async (t) => {
  const { core, a, b, legs } = await ledger(t);
  const hold = async (destination, reference) =>
    (await post(core, deposit({ destination, reference, inflight: true }))).json.transaction_id;
  const [first, second] = [await hold(a, "h1"), await hold(b, "h2")];
  const parent = (await post(core, legs({ inflight: true }))).json.transaction_id;
  core.lock(b);
  const ids = [first, second, second, parent];
  const { status, json } = await post(
    core,
    { skip_queue: true, transaction_ids: ids },
    "/transactions/inflight/bulk/void",
  );
  assert.deepEqual([status, json.succeeded, json.failed], [200, 1, 3]);
  assert.deepEqual(
    json.results.map((each) => [each.code, each.message]),
    [
      [undefined, undefined],
      ["LOCKED", `saving transaction to db error: ${LOCKED}`],
      ["LOCKED", `failed to acquire lock for inflight void: lock for key inflight-commit:${second} is already held`],
      ["NOT_FOUND", `NOT_FOUND: Transaction with ID '${parent}' not found`],
    ],
  );
});

test("the hook sees each part of a request with its index, and can delay or fail it", async (t) => {
  const { core, a, items, legs } = await ledger(t);
  const seen = [];
  core.beforeBooking = async (row, index) => {
    seen.push([row.reference, index]);
    await pause(5);
    if (row.reference === "i3") throw new LedgerError("insufficient funds in source balance");
  };
  const answer = await bulk(core, { transactions: items(a, a, a, a) });
  assert.deepEqual(
    [...code(answer), seen],
    [
      400,
      "TXN_INSUFFICIENT_FUNDS",
      [
        ["i1", 0],
        ["i2", 1],
        ["i3", 2],
      ],
    ],
  );
  core.beforeBooking = (_row, index) => {
    if (index === 1) throw new CoreError("GEN_INTERNAL", "Failed to retrieve transaction");
  };
  assert.deepEqual(code(await post(core, legs())), [500, "GEN_INTERNAL"]);
  core.beforeBooking = undefined;
  const booked = await rowsBy(core, "reference", "i1", "i2", "i3", "i4", "L-1", "L-2");
  assert.deepEqual(
    booked.map((row) => row.reference),
    ["L-1", "i2", "i1"],
  );
});

test("a caller that goes away ends its batch before the next item, and an atomic one is not taken back", async (t) => {
  const { core, a } = await ledger(t);
  for (const atomic of [false, true]) {
    const transactions = [1, 2, 3].map((i) => deposit({ destination: a, reference: `${atomic}${i}` }));
    let call;
    core.beforeBooking = async (_row, index) => {
      if (index !== 1) return;
      call.destroy();
      await pause(50);
    };
    await new Promise((resolve) => {
      call = request(`${core.url}/transactions/bulk`, {
        method: "POST",
        headers: { "X-Blnk-Key": core.key },
        agent: false,
      });
      call.on("error", resolve);
      call.end(JSON.stringify({ skip_queue: true, atomic, transactions }));
    });
    await pause(80);
    await core.settled();
    const [row, ...more] = await rowsBy(core, "reference", ...[1, 2, 3].map((i) => `${atomic}${i}`));
    assert.deepEqual(
      [row.reference, more, await rowsBy(core, "parent_transaction", row.transaction_id)],
      [`${atomic}1`, [], []],
    );
  }
});

test("legs are numbered in any order, and two to one balance are one row", async (t) => {
  const core = await coreFor(t);
  const balances = await balancesIn(core, ...Array(6).fill("USD"));
  const destinations = [...balances, balances[0]].map((identifier) => ({ identifier, distribution: "10%" }));
  const orders = new Set();
  for (let i = 0; i < 5; i += 1) {
    const { json } = await post(
      core,
      deposit({ reference: `r${i}`, destinations: [...destinations, { identifier: "@rest", distribution: "left" }] }),
    );
    const rows = (await rowsBy(core, "parent_transaction", json.transaction_id)).sort((x, y) =>
      x.reference < y.reference ? -1 : 1,
    );
    assert.deepEqual(
      rows.map((row) => row.reference),
      [1, 2, 3, 4, 5, 6, 7].map((n) => `r${i}-${n}`),
    );
    orders.add(rows.map((row) => row.destination).join());
  }
  assert.ok(orders.size > 1);
});

test("legs inside a batch have their transaction as parent, items without legs the batch", async (t) => {
  const { core, a, legs } = await ledger(t);
  const { json } = await bulk(core, { transactions: [deposit({ destination: a, reference: "one" }), legs()] });
  const [one, first, second] = (await rowsBy(core, "reference", "one", "L-1", "L-2")).sort((x, y) =>
    x.reference > y.reference ? -1 : 1,
  );
  assert.equal(one.parent_transaction, json.batch_id);
  assert.match(first.parent_transaction, /^txn_/);
  assert.equal(first.parent_transaction, second.parent_transaction);
});

test("a leg without an amount is refused, and not stored", async (t) => {
  const { core, legs } = await ledger(t);
  const answer = await post(core, legs({ amount: undefined, precise_amount: 1 }));
  assert.deepEqual([answer.status, answer.json.error.slice(0, 37)], [400, "failed to record split transaction 1:"]);
  assert.deepEqual(shown(await rowsBy(core, "reference", "L-1", "L-2")), [["L-1", "APPLIED"]]);
});

test("queued legs stay QUEUED for ever when one of them cannot be taken in", async (t) => {
  const { core, a, legs } = await ledger(t);
  await post(core, deposit({ destination: a, reference: "L_2" }));
  await post(core, legs({ skip_queue: false }));
  await core.settled();
  assert.deepEqual(shown(await rowsBy(core, "reference", "L_1", "L_1_q", "L_2_q")), [["L_1", "QUEUED"]]);
});

test("what a queue books has the created_at of its QUEUED parent", async (t) => {
  const { core, a } = await ledger(t);
  await post(core, deposit({ destination: a, reference: "q", skip_queue: false }));
  await core.settled();
  const [child, parent] = await rowsBy(core, "reference", "q", "q_q");
  assert.deepEqual([child.created_at, child.parent_transaction], [parent.created_at, parent.transaction_id]);
});

test("atomic legs that fail are taken back later, through the queue", async (t) => {
  const { core, a, legs } = await ledger(t, { insertDelayMs: 150 });
  const destinations = [
    { identifier: a, distribution: "40%" },
    { identifier: "bln_none", distribution: "left" },
  ];
  const answer = await post(core, legs({ atomic: true, destinations }));
  assert.deepEqual(
    [...code(answer), answer.json.error],
    [404, "TXN_NOT_FOUND", "Balance with ID 'bln_none' not found"],
  );
  const [leg] = await rowsBy(core, "reference", "L-1");
  const back = `${leg.transaction_id}_refund`;
  assert.deepEqual(await rowsBy(core, "reference", back), []);
  await core.settled();
  assert.deepEqual(shown(await rowsBy(core, "reference", back, `${back}_q`)), [
    [`${back}_q`, "APPLIED"],
    [back, "QUEUED"],
  ]);
});

test("an atomic batch of holds that fails is voided at once", async (t) => {
  const { core, a, items } = await ledger(t);
  const answer = await bulk(core, { atomic: true, inflight: true, transactions: items(a, "bln_none") });
  const missing = "failed to get source and destination balances: NOT_FOUND: Balance with ID 'bln_none' not found";
  assert.ok(answer.json.error.endsWith(`: ${missing}. All transactions in this batch have been voided.`));
  const [hold] = await rowsBy(core, "reference", "i1");
  const [row] = await rowsBy(core, "parent_transaction", hold.transaction_id);
  assert.deepEqual([hold.status, row.status], ["INFLIGHT", "VOID"]);
});
