// `Idempotency-Key`: what survives a crash, what expires, and what is never stored.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";

import { CORE_KEY } from "./harness/admin.mjs";
import { actAndHang, startLedger } from "./ledger-reply.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const PAYMENT = { amount: 12.5, currency: "USD", source: "@world", destination: "@shop", description: "order 17", skip_queue: true };
const REPLAYED = "idempotent-replayed";

/** A worker, its ledger, and a payment with a key. */
async function started(vars, options) {
  const ledger = startLedger();
  const proxy = await startProxy({ answer: ledger.answer, vars, ...options });
  const send = (key, path, body) => proxy.call("POST", path, { body, headers: { "Idempotency-Key": key } });
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
  test("after it sent knows that the outcome is unknown, and finds the transaction", async () => {
    const { ledger, proxy, pay } = await started();
    const acted = new Promise((resolve) => ledger.next(async (exchange, usual) => (resolve(), actAndHang(exchange, usual))));
    await crash(proxy, pay("k"), acted);
    const found = await pay("k");
    assert.deepEqual([found.status, found.headers.get(REPLAYED)], [200, "true"]);
    assert.equal(proxy.arrived().filter((line) => line === "POST /transactions").length, 1);
    assert.equal(ledger.rows.size, 1);
    await proxy.stop();
  });

  test("before anything arrived sends the same bytes again", async () => {
    const { ledger, proxy, pay } = await started();
    // Core's host takes the connection and reads nothing of it.
    const connected = new Promise((resolve) => (proxy.upstream.onConnection = resolve));
    await crash(proxy, pay("k"), connected);
    proxy.upstream.onConnection = null;
    const again = await pay("k");
    assert.deepEqual([again.status, again.headers.get(REPLAYED)], [201, null]);
    assert.deepEqual([...ledger.rows.keys()], [again.headers.get("x-blnk-reference")]);
    await proxy.stop();
  });

  test("gives every other write up, and says so", async () => {
    const { ledger, proxy, send } = await started();
    const acted = new Promise((resolve) => ledger.next(async (exchange, usual) => (resolve(), actAndHang(exchange, usual))));
    await crash(proxy, send("k", "/ledgers", { name: "x" }), acted);
    assertError(await send("k", "/ledgers", { name: "x" }), 409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert.deepEqual(proxy.arrived(), ["POST /ledgers"]);
    await proxy.stop();
  });

  test("afterwards still has the answer, and still refuses another body", async () => {
    const { proxy, pay } = await started();
    const first = await pay("k");
    await proxy.worker.kill();
    await proxy.worker.restart();
    const again = await pay("k");
    assert.deepEqual([again.status, again.text(), again.headers.get(REPLAYED)], [201, first.text(), "true"]);
    assertError(await pay("k", { ...PAYMENT, amount: 1 }), 422, "PROXY_IDEMPOTENCY_MISMATCH");
    assert.equal(proxy.arrived().length, 1);
    await proxy.stop();
  });
});

describe("a key", () => {
  test("is new again after IDEMPOTENCY_HOURS, and its storage is given back", async () => {
    // 1.8 seconds.
    const { ledger, proxy, pay } = await started({ IDEMPOTENCY_HOURS: "0.0005" });
    const first = await pay("k");
    await sleep(1_200);
    assert.equal((await pay("k")).headers.get(REPLAYED), "true");
    await sleep(1_200);
    const second = await pay("k");
    assert.deepEqual([second.status, second.headers.get(REPLAYED)], [201, null]);
    assert.notEqual(second.headers.get("x-blnk-reference"), first.headers.get("x-blnk-reference"));
    assert.equal(ledger.rows.size, 2);
    const reference = second.headers.get("x-blnk-reference");
    assert.ok(stored(proxy.worker).includes(reference));
    const end = Date.now() + 10_000;
    while (stored(proxy.worker).includes(reference) && Date.now() < end) await sleep(200);
    assert.ok(!stored(proxy.worker).includes(reference), "the alarm did not delete it");
    await proxy.stop();
  });

  test("is not stored, nor are Core's key, the caller's or the body", async () => {
    const { proxy, pay } = await started();
    await pay("a-very-telling-key", { ...PAYMENT, description: "a-very-telling-body" });
    const bytes = stored(proxy.worker);
    assert.match(bytes, /in_flight|done/);
    for (const secret of ["a-very-telling-key", "a-very-telling-body", CORE_KEY, proxy.key.key]) assert.ok(!bytes.includes(secret), secret);
    await proxy.stop();
  });

  test("that nobody sends costs nothing: no object is made", async () => {
    const { proxy, pay } = await started();
    await proxy.call("POST", "/transactions", { body: PAYMENT });
    await proxy.call("POST", "/ledgers", { body: { name: "x" } });
    assert.equal(stored(proxy.worker), "");
    await pay("k");
    assert.notEqual(stored(proxy.worker), "");
    await proxy.stop();
  });

  test("whose object fails is a 503, and the log says why", async () => {
    const { proxy, pay } = await started(undefined, { without: ["IDEMPOTENCY"], bindings: ['(name = "IDEMPOTENCY", json = "{}")'] });
    const answer = await pay("k");
    assert.equal(assertError(answer, 503, "PROXY_IDEMPOTENCY_UNAVAILABLE").outcome, "unknown");
    assert.equal(answer.headers.get("retry-after"), "5");
    const line = await proxy.worker.logLine(answer.headers.get("x-request-id"));
    assert.equal(line.level, "warn");
    assert.match(line.detail, /^the object of the key failed: ./);
    assert.deepEqual(proxy.arrived(), []);
    await proxy.stop();
  });

  test("that is refused leaves nothing behind", async () => {
    const { proxy, pay } = await started();
    assertError(await pay("k", "[1]"), 400, "PROXY_MALFORMED_BODY");
    assert.ok(!/CREATE TABLE answer/.test(stored(proxy.worker)));
    await proxy.stop();
  });
});

/** Every byte that the objects of keys have on disk, as Latin-1. */
function stored(worker) {
  const folder = join(worker.storage, "Idempotency");
  if (!existsSync(folder)) return "";
  const names = readdirSync(folder).filter((name) => !name.startsWith("metadata"));
  return names.map((name) => readFileSync(join(folder, name), "latin1")).join("");
}
