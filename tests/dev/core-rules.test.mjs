// Core's rules for transactions, where a newcomer meets them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hashOf } from "../../dev/core/postings.mjs";
import { balancesIn, coreFor, deposit, send, units } from "./core-client.mjs";

const FAST = { insertDelayMs: 1, applyDelayMs: 2 };
// Long enough to look before anything has happened.
const SLOW = { insertDelayMs: 500, applyDelayMs: 1 };
const ZERO = "0001-01-01T00:00:00Z";
const post = (core, body) => send(core, "POST", "/transactions", body);
const byReference = (core, reference) => send(core, "GET", `/transactions/reference/${reference}`);
const balanceOf = async (core, id) => units((await send(core, "GET", `/balances/${id}`)).text, "balance");

/** A stand-in with one balance. */
async function ledger(t, options = FAST) {
  const core = await coreFor(t, options);
  const [destination] = await balancesIn(core, "USD");
  return { core, destination };
}

test("a queued transaction keeps its reference, and the child that is applied carries it with _q", async (t) => {
  const { core, destination } = await ledger(t, SLOW);
  const created = await post(core, deposit({ destination, reference: "r", skip_queue: false }));
  assert.equal(created.json.status, "QUEUED");
  assert.equal((await byReference(core, "r")).status, 404);
  await core.settled();
  const parent = await byReference(core, "r");
  const child = await byReference(core, "r_q");
  assert.deepEqual([parent.json.status, parent.json.transaction_id], ["QUEUED", created.json.transaction_id]);
  assert.deepEqual([child.json.status, child.json.parent_transaction], ["APPLIED", created.json.transaction_id]);
  assert.equal(await balanceOf(core, destination), 1000n);
});

test("a queued duplicate is answered 201, dropped, and its id is never found", async (t) => {
  const { core, destination } = await ledger(t);
  await post(core, deposit({ destination, reference: "r" }));
  const again = await post(core, deposit({ destination, reference: "r", amount: 99, skip_queue: false }));
  assert.deepEqual([again.status, again.json.status], [201, "QUEUED"]);
  await core.settled();
  assert.equal((await send(core, "GET", `/transactions/${again.json.transaction_id}`)).status, 404);
  assert.equal(await balanceOf(core, destination), 1000n);
});

test("a used reference is refused with skip_queue", async (t) => {
  const { core, destination } = await ledger(t);
  await post(core, deposit({ destination, reference: "r" }));
  const again = await post(core, deposit({ destination, reference: "r" }));
  assert.deepEqual([again.status, again.json.error_detail.code], [409, "TXN_DUPLICATE_REFERENCE"]);
});

test("without funds a transaction is refused with skip_queue, and its reference stays free", async (t) => {
  const { core, destination } = await ledger(t);
  const poor = deposit({ source: destination, destination: "@world", reference: "r", allow_overdraft: false });
  const refused = await post(core, poor);
  assert.deepEqual([refused.status, refused.json.error_detail.code], [400, "TXN_INSUFFICIENT_FUNDS"]);
  assert.equal((await post(core, { ...poor, allow_overdraft: true })).status, 201);
});

test("without funds a queued transaction is rejected later, and its reference is burnt", async (t) => {
  const { core, destination } = await ledger(t);
  const poor = deposit({
    source: destination,
    destination: "@world",
    reference: "r",
    allow_overdraft: false,
    skip_queue: false,
  });
  assert.equal((await post(core, poor)).status, 201);
  await core.settled();
  const child = await byReference(core, "r_q");
  assert.equal(child.json.status, "REJECTED");
  assert.match(child.json.meta_data.blnk_rejection_reason, /insufficient funds/);
  assert.equal(await balanceOf(core, destination), 0n);
  assert.equal((await post(core, deposit({ destination, reference: "r" }))).status, 409);
});

test("an overdraft limit lets a balance fall that far and no further", async (t) => {
  const { core, destination } = await ledger(t);
  const draw = (amount, reference) =>
    post(
      core,
      deposit({
        source: destination,
        destination: "@world",
        amount,
        reference,
        allow_overdraft: true,
        overdraft_limit: 5,
      }),
    );
  assert.equal((await draw(5, "a")).status, 201);
  const further = await draw(0.01, "b");
  assert.deepEqual(
    [further.status, further.json.error],
    [400, "failed to apply transaction to balances: transaction exceeds overdraft limit"],
  );
});

test("legs are stored under the reference with a number, and the reference itself reads 404", async (t) => {
  const { core, destination } = await ledger(t);
  const [second] = await balancesIn(core, "USD");
  const split = deposit({
    reference: "m",
    destinations: [
      { identifier: destination, distribution: "60%" },
      { identifier: second, distribution: "left" },
    ],
  });
  const atOnce = await post(core, split);
  assert.equal((await byReference(core, "m")).status, 404);
  assert.equal((await send(core, "GET", `/transactions/${atOnce.json.transaction_id}`)).status, 404);
  assert.equal((await byReference(core, "m-1")).json.parent_transaction, atOnce.json.transaction_id);
  assert.equal((await post(core, split)).status, 409);
  // Queued, the legs have other references: nothing stops the same money from moving twice.
  await post(core, { ...split, skip_queue: false });
  await core.settled();
  assert.equal((await byReference(core, "m_2_q")).json.status, "APPLIED");
  assert.deepEqual([await balanceOf(core, destination), await balanceOf(core, second)], [1200n, 800n]);
});

test("an unknown balance is 404 with skip_queue and disappears in silence without", async (t) => {
  const { core } = await ledger(t);
  const lost = deposit({ destination: "bln_none", reference: "r" });
  const refused = await post(core, lost);
  assert.deepEqual([refused.status, refused.json.error_detail.code], [404, "TXN_NOT_FOUND"]);
  assert.equal((await post(core, { ...lost, skip_queue: false })).status, 201);
  await core.settled();
  assert.equal((await byReference(core, "r")).status, 404);
});

test("an indicator is a balance of its own in each currency", async (t) => {
  const { core, destination } = await ledger(t);
  await post(core, deposit({ destination, reference: "a" }));
  await post(core, deposit({ destination, reference: "b" }));
  await post(core, deposit({ destination, reference: "c", currency: "EUR" }));
  const dollars = await send(core, "GET", "/balances/indicator/%40world/currency/USD");
  const euros = await send(core, "GET", "/balances/indicator/@world/currency/EUR");
  assert.deepEqual([dollars.json.balance, euros.json.balance], [-2000, -1000]);
  assert.equal((await send(core, "GET", "/balances/indicator/@world/currency/GBP")).status, 404);
});

test("Core's decoder takes keys in any case, the last value that is not null, and text after the value", async (t) => {
  const { core, destination } = await ledger(t);
  const body = (reference, members) => {
    const { precision, ...rest } = deposit({ amount: 12.5, destination, reference });
    return `${JSON.stringify(rest).slice(0, -1)},${members}}`;
  };
  const cases = [
    ['"PRECISION":1000', 1000],
    ['"preci\u017fion":1000', 1000],
    ['"\\u0070recision":1e3', 1000],
    ['"precision":1000,"Precision":null', 1000],
    ['"precision":1000,"precision":0', 1],
    ['"precision":null', 1],
    ['"meta_data":{"precision":1000}', 1],
    ['"\uff50recision":1000', 1],
  ];
  for (const [i, [members, precision]] of cases.entries()) {
    const answer = await post(core, `${body(`d${i}`, members)} and more`);
    assert.deepEqual([answer.status, answer.json.precision], [201, precision], members);
  }
  const refused = [
    '"precision":"100"',
    '"precision":01',
    '"precision":100,',
    '"precise_amount":1.5',
    '"skip_queue":1',
    '"precision":1e400',
  ];
  for (const members of refused) {
    const answer = await post(core, body("refused", members));
    assert.deepEqual([answer.status, answer.json.error_detail.code], [400, "GEN_MALFORMED_REQUEST"], members);
  }
});

test("every missing field is named", async (t) => {
  const { core } = await ledger(t);
  const answer = await post(core, "{}");
  const either = (side) => `${side}: either ${side} or ${side}s is required, not both`;
  const blank = (name) => `${name}: cannot be blank`;
  assert.equal(
    answer.json.errors,
    `amount: either amount or precise_amount is required; ${blank("currency")}; ${blank("description")}; ` +
      `${either("destination")}; ${blank("reference")}; ${either("source")}.`,
  );
});

test("a dry run books nothing and leaves the reference free", async (t) => {
  const { core, destination } = await ledger(t);
  const poor = deposit({
    source: destination,
    destination: "@world",
    reference: "r",
    allow_overdraft: false,
    dry_run: true,
  });
  const preview = await post(core, poor);
  assert.deepEqual(
    [preview.status, preview.json.would_apply, preview.json.rejection.code],
    [200, false, "TXN_INSUFFICIENT_FUNDS"],
  );
  const well = await post(core, { ...poor, allow_overdraft: true });
  assert.deepEqual([well.json.would_apply, well.json.balances[0].resulting_balance], [true, "-1000"]);
  assert.equal((await send(core, "GET", "/transactions")).text, "[]");
  assert.equal(await balanceOf(core, destination), 0n);
});

test("a scheduled transaction is applied at its time and not before", async (t) => {
  const { core, destination } = await ledger(t);
  const due = Date.now() + 400;
  const scheduled = deposit({
    destination,
    reference: "r",
    skip_queue: false,
    scheduled_for: new Date(due).toISOString(),
  });
  assert.equal((await post(core, scheduled)).json.status, "SCHEDULED");
  await core.settled();
  if (Date.now() < due) assert.equal(await balanceOf(core, destination), 0n);
  await until(async () => (await balanceOf(core, destination)) === 1000n);
  assert.ok(Date.now() >= due);
});

test("a date that is Go's zero time counts as none", async (t) => {
  const { core, destination } = await ledger(t);
  const dates = { scheduled_for: ZERO, inflight_expiry_date: ZERO, inflight_commit_date: ZERO };
  const answer = await post(
    core,
    deposit({ destination, reference: "r", inflight: true, skip_queue: false, ...dates }),
  );
  assert.deepEqual([answer.json.status, answer.json.scheduled_for], ["QUEUED", ZERO]);
});

test("a time is kept to the nanosecond in the answer, and to the microsecond once stored", async (t) => {
  const { core, destination } = await ledger(t);
  for (const [sent, fresh, stored] of [
    ["1969-12-31T23:59:59.1234567Z", "1969-12-31T23:59:59.1234567Z", "1969-12-31T23:59:59.123457Z"],
    ["2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
  ]) {
    const created = await post(core, deposit({ destination, reference: sent, effective_date: sent }));
    assert.equal(created.json.effective_date, fresh);
    const [row] = (await send(core, "GET", `/transactions?transaction_id_eq=${created.json.transaction_id}`)).json;
    assert.equal(row.effective_date, stored);
  }
});

test("a hold is voided at its expiry", async (t) => {
  const { core, destination } = await ledger(t);
  const held = deposit({
    destination,
    reference: "r",
    inflight: true,
    inflight_expiry_date: new Date(Date.now() + 200).toISOString(),
  });
  const { json } = await post(core, held);
  await until(async () => units((await send(core, "GET", `/balances/${destination}`)).text, "inflight_balance") === 0n);
  const rows = await send(core, "GET", `/transactions?parent_transaction_eq=${json.transaction_id}`);
  assert.deepEqual(
    rows.json.map((row) => row.status),
    ["VOID"],
  );
});

test("the hash of a transaction is Core's", () => {
  const { exchanges } = JSON.parse(readFileSync(new URL("../fixtures/walkthrough.json", import.meta.url), "utf8"));
  const { request, response } = exchanges.find(({ name }) => name === "create a transaction, applied at once");
  assert.equal(hashOf(JSON.parse(request.body)), JSON.parse(response.body).hash);
});

/** Waits for something that happens by a timer, at most five seconds. */
async function until(happened) {
  for (let i = 0; i < 100; i += 1) {
    if (await happened()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("it did not happen within five seconds");
}
