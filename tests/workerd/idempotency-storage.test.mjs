// `Idempotency-Key`: what survives a crash, what expires, and what is never stored.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";

import { CORE_KEY } from "./harness/admin.mjs";
import { reply } from "./harness/replies.mjs";
import { actAndHang, actThen, legs, payment, sentTo, startLedger } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const PAYMENT = payment("@shop", { precision: undefined, skip_queue: true });
const REPLAYED = "idempotent-replayed";

/** A worker, its ledger, and writes with a key. */
async function started(t, vars, options) {
  const ledger = await startLedger();
  const proxy = await startProxy({ answer: ledger.answer, vars, ...options });
  const send = (key, path, body) => proxy.call("POST", path, { body, headers: { "Idempotency-Key": key } });
  t.after(() => Promise.all([proxy.stop(), ledger.stop()]));
  return { ledger, proxy, send, pay: (key, body = PAYMENT) => send(key, "/transactions", body) };
}

/** Kills the worker once `when` has settled, while a request is under way, and starts it on the same storage. */
async function crash(proxy, request, when) {
  const cut = request.catch(() => null);
  await when;
  await proxy.worker.kill();
  await cut;
  await proxy.worker.restart();
}

describe("a worker that died", () => {
  test("after it sent knows that the outcome is unknown, and finds the transaction", async (t) => {
    const { ledger, proxy, pay } = await started(t);
    const acted = new Promise((resolve) =>
      ledger.next((exchange, usual) => actAndHang(exchange, () => usual().then(resolve))),
    );
    await crash(proxy, pay("k"), acted);
    const found = await pay("k");
    assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"]);
    assert.equal(sentTo(proxy.upstream).length, 1);
    assert.equal((await ledger.booked()).length, 1);
  });

  test("before anything arrived sends the same bytes again", async (t) => {
    const { ledger, proxy, pay } = await started(t);
    // Core's host takes the connection and reads nothing of it.
    const connected = new Promise((resolve) => (proxy.upstream.onConnection = resolve));
    await crash(proxy, pay("k"), connected);
    proxy.upstream.onConnection = null;
    const again = await pay("k");
    assert.deepEqual([again.status, again.headers.get(REPLAYED)], [201, null]);
    assert.deepEqual(await ledger.booked(), [again.headers.get("x-blnk-reference")]);
  });

  test("while Core was at the second of three parts knows what stands, and books no part again", async (t) => {
    const { ledger, proxy, send } = await started(t);
    const [a, b, c] = ledger.balances;
    for (const [key, path, body] of [
      ["bulk", "/transactions/bulk", { skip_queue: true, transactions: [payment(a), payment(b), payment(c)] }],
      ["legs", "/transactions", legs([a, b, c], { skip_queue: true })],
    ]) {
      const [before, sent] = [(await ledger.booked()).length, sentTo(proxy.upstream).length];
      const begun = new Promise((resolve) => {
        ledger.core.beforeBooking = (_row, index) => (index === 1 ? new Promise(() => resolve()) : undefined);
      });
      await crash(proxy, send(key, path, body), begun);
      ledger.core.beforeBooking = undefined;
      const { booked, ...details } = assertError(await send(key, path, body), 409, "PROXY_IDEMPOTENCY_PARTIAL");
      assert.deepEqual(
        [details.outcome, details.total, details.booked_count, details.missing_count],
        ["partial", 3, 1, 2],
      );
      assert.ok((await ledger.booked()).includes(booked[0]));
      assert.deepEqual([(await ledger.booked()).length, sentTo(proxy.upstream).length], [before + 1, sent + 1]);
    }
  });

  test("gives every other write up, and says so", async (t) => {
    const { ledger, proxy, send } = await started(t);
    const acted = new Promise((resolve) =>
      ledger.next((exchange, usual) => actAndHang(exchange, () => usual().then(resolve))),
    );
    await crash(proxy, send("k", "/ledgers", { name: "x" }), acted);
    assertError(await send("k", "/ledgers", { name: "x" }), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert.deepEqual(proxy.arrived(), ["POST /ledgers"]);
  });

  test("afterwards still has the answer, and still refuses another body", async (t) => {
    const { proxy, pay } = await started(t);
    const first = await pay("k");
    await proxy.worker.kill();
    await proxy.worker.restart();
    const again = await pay("k");
    assert.deepEqual([again.status, again.text(), again.headers.get(REPLAYED)], [201, first.text(), "true"]);
    assertError(await pay("k", { ...PAYMENT, amount: 1 }), 422, "PROXY_IDEMPOTENCY_MISMATCH");
    assert.equal(proxy.arrived().length, 1);
  });
});

describe("a key", () => {
  test("is new again after IDEMPOTENCY_HOURS, and its storage is given back", async (t) => {
    // 1.8 seconds.
    const { ledger, proxy, pay } = await started(t, { IDEMPOTENCY_HOURS: "0.0005" });
    const first = await pay("k");
    await sleep(1_200);
    assert.equal((await pay("k")).headers.get(REPLAYED), "true");
    await sleep(1_200);
    const second = await pay("k");
    assert.deepEqual([second.status, second.headers.get(REPLAYED)], [201, null]);
    assert.notEqual(second.headers.get("x-blnk-reference"), first.headers.get("x-blnk-reference"));
    assert.equal((await ledger.booked()).length, 2);
    const reference = second.headers.get("x-blnk-reference");
    assert.ok(stored(proxy.worker).includes(reference));
    const end = Date.now() + 10_000;
    while (stored(proxy.worker).includes(reference) && Date.now() < end) await sleep(200);
    assert.ok(!stored(proxy.worker).includes(reference), "the alarm did not delete it");
  });

  test("is not stored, nor are Core's key, the caller's or the body", async (t) => {
    const { ledger, proxy, pay } = await started(t);
    // What Core answers is stored, and Core repeats what it was sent.
    ledger.next(actThen(reply({ status: 201, body: {} })));
    await pay("a-very-telling-key", { ...PAYMENT, description: "a-very-telling-body" });
    const bytes = stored(proxy.worker);
    assert.match(bytes, /in_flight|done/);
    for (const secret of ["a-very-telling-key", "a-very-telling-body", CORE_KEY, proxy.key.key])
      assert.ok(!bytes.includes(secret), secret);
  });

  test("that nobody sends costs nothing: no object is made", async (t) => {
    const { proxy, pay } = await started(t);
    await proxy.call("POST", "/transactions", { body: PAYMENT });
    await proxy.call("POST", "/ledgers", { body: { name: "x" } });
    assert.equal(stored(proxy.worker), "");
    await pay("k");
    assert.notEqual(stored(proxy.worker), "");
  });

  test("whose object fails is a 503, and the log says why", async (t) => {
    const { proxy, pay } = await started(t, undefined, {
      without: ["IDEMPOTENCY"],
      bindings: ['(name = "IDEMPOTENCY", json = "{}")'],
    });
    const answer = await pay("k");
    assert.equal(assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "unknown");
    assert.equal(answer.headers.get("retry-after"), "5");
    const line = await proxy.worker.logLine(answer.headers.get("x-request-id"));
    assert.equal(line.level, "warn");
    assert.match(line.detail, /^the object of the key failed: ./);
    assert.deepEqual(proxy.arrived(), []);
  });

  test("whose claims cannot be kept sends nothing of the caller's own reference", async (t) => {
    const { proxy, pay } = await started(t, undefined, {
      without: ["CLAIMS"],
      bindings: ['(name = "CLAIMS", json = "{}")'],
    });
    const answer = await pay("k", { ...PAYMENT, reference: "mine" });
    assert.equal(assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "not_sent");
    assert.deepEqual(proxy.arrived(), []);
    assert.equal((await pay("k")).status, 201);
  });

  test("that is refused leaves nothing behind", async (t) => {
    const { proxy, pay } = await started(t);
    assertError(await pay("k", "[1]"), 400, "PROXY_MALFORMED_BODY");
    assert.ok(!/CREATE TABLE answer/.test(stored(proxy.worker)));
  });
});

describe("what a key claims", () => {
  test("is stored as hashes: no reference of the caller's, no transaction's id, no key", async (t) => {
    const { ledger, proxy, send, pay } = await started(t);
    const first = await pay("a-very-telling-key", { ...PAYMENT, reference: "a-very-telling-reference" });
    const transactions = [1, 2, 3].map((number) => payment("@shop", { reference: `telling-reference-${number}` }));
    assert.equal(
      (await send("a-very-telling-bulk", "/transactions/bulk", { skip_queue: true, transactions })).status,
      201,
    );
    const { transaction_id: id } = first.json();
    assert.equal((await send("a-very-telling-refund", `/refund-transaction/${id}`, { skip_queue: true })).status, 201);
    assert.equal((await ledger.booked()).length, 5);
    const bytes = stored(proxy.worker, "Claims");
    assert.match(bytes, /CREATE TABLE claim/);
    // Five claims, each with the name of its owner.
    assert.ok(new Set(bytes.match(/[0-9a-f]{96}/g)).size >= 5);
    for (const secret of ["telling", id, CORE_KEY, proxy.key.key, proxy.key.id, proxy.instance.id])
      assert.ok(!bytes.includes(secret), secret);
  });

  test("is nothing where no reference is the caller's own", async (t) => {
    const { proxy, pay, send } = await started(t);
    await pay("k");
    await send("bulk", "/transactions/bulk", { skip_queue: true, transactions: [payment("@shop")] });
    assert.equal(stored(proxy.worker, "Claims"), "");
  });

  test("is not free because the key is forgotten: Core has it", async (t) => {
    // 1.8 seconds.
    const { ledger, pay } = await started(t, { IDEMPOTENCY_HOURS: "0.0005" });
    const mine = { ...PAYMENT, reference: "mine" };
    assert.equal((await pay("k", mine)).status, 201);
    await sleep(2_400);
    assertError(await pay("k", mine), 409, "PROXY_REFERENCE_USED");
    assert.equal((await ledger.booked()).length, 1);
  });
});

/** Every byte that the objects of a class have on disk, as Latin-1. */
function stored(worker, className = "Idempotency") {
  const folder = join(worker.storage, className);
  if (!existsSync(folder)) return "";
  const names = readdirSync(folder).filter((name) => !name.startsWith("metadata"));
  return names.map((name) => readFileSync(join(folder, name), "latin1")).join("");
}
