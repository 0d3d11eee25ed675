// `GET /idempotency/{key}`: what became of a key, without sending anything but look-ups.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { actAlone, legs, loseAnswer, loseRequest, openLedger, payment } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const REPLAYED = "idempotent-replayed";
const NOW = { skip_queue: true };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("who asks what became of a key", { concurrency: 5 }, () => {
  let proxy;
  before(async () => (proxy = await startProxy({ vars: { CACHE_FOUND_SECONDS: "0" } })));
  after(() => proxy.stop());

  /** Asserts an answer, and gives what is beside the times, the key and the instance. */
  const told = (ledger, answer, key = ledger.key) => {
    assert.equal(answer.status, 200, answer.text());
    assert.match(answer.headers.get("content-type"), /^application\/json/);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    for (const name of [REPLAYED, "x-blnk-edge-report"]) assert.equal(answer.headers.get(name), null);
    const { key: named, instance_id: instance, first_seen: seen, expires, ...rest } = answer.json();
    assert.deepEqual([named, instance], [key, ledger.instance.id]);
    for (const time of [seen, expires]) assert.match(time, TIME);
    const day = Date.parse(expires) - Date.parse(seen);
    assert.ok(day >= 24 * 3_600_000 && day < 24 * 3_600_000 + 60_000, `${day}`);
    return rest;
  };

  test("about none that was used is told so", async (t) => {
    const ledger = await openLedger(proxy, t);
    assertError(await ledger.ask(ledger.key), 404, "PROXY_IDEMPOTENCY_KEY_NOT_FOUND");
    assert.deepEqual(ledger.upstream.requests, []);
  });

  test("while it is under way is told so, and Core is not asked", async (t) => {
    const ledger = await openLedger(proxy, t);
    let release;
    const arrived = new Promise((resolve) =>
      ledger.next((exchange, usual) => {
        resolve();
        return new Promise((go) => (release = go)).then(usual).then((answer) => answer(exchange));
      }),
    );
    const sending = ledger.create(ledger.key, payment(ledger.balances[0], NOW));
    await arrived;
    const { state, reference, status } = told(ledger, await ledger.ask(ledger.key));
    assert.deepEqual([state, status, ledger.upstream.requests.length], ["in_flight", undefined, 1]);
    assert.match(reference, /^ref_/);
    release();
    assert.equal((await sending).headers.get("x-blnk-reference"), reference);
    assert.deepEqual(told(ledger, await ledger.ask(ledger.key)), { state: "done", status: 201, reference });
  });

  test("before anything was sent is told that it is under way, and nothing more", async (t) => {
    const ledger = await openLedger(proxy, t);
    let release;
    const looked = new Promise(
      (resolve) =>
        (ledger.onLookUp = async (exchange, usual) => {
          resolve();
          await new Promise((go) => (release = go));
          return (await usual())(exchange);
        }),
    );
    const sending = ledger.create(ledger.key, payment(ledger.balances[0], { ...NOW, reference: "mine" }));
    await looked;
    const answer = await ledger.ask(ledger.key);
    assert.deepEqual([answer.status, answer.json()], [200, { key: ledger.key, state: "in_flight" }]);
    release();
    assert.equal((await sending).status, 201);
  });

  test("about one that is done gets status and references, and Core is not asked", async (t) => {
    const ledger = await openLedger(proxy, t);
    const [a, b] = ledger.balances;
    const refused = payment("@shop", { source: b, allow_overdraft: false });
    const keys = ["single", "own", "bulk", "refused", "ledger"].map((name) => `${ledger.key} ${name}`);
    const single = await ledger.create(keys[0], payment(a, NOW));
    await ledger.create(keys[1], payment(a, { ...NOW, reference: "mine" }));
    await ledger.bulk(keys[2], {
      ...NOW,
      transactions: [payment(a, { reference: "also mine" }), payment(a), payment(a)],
    });
    await ledger.bulk(keys[3], { ...NOW, transactions: [payment(a), refused, payment(a)] });
    await ledger.send(keys[4], "POST", "/ledgers", { name: "x" });
    ledger.upstream.clear();
    const answers = [];
    for (const key of keys) answers.push(told(ledger, await ledger.ask(key), key));
    assert.deepEqual(answers[0], { state: "done", status: 201, reference: single.headers.get("x-blnk-reference") });
    assert.deepEqual(answers[1], { state: "done", status: 201, reference: "mine" });
    const booked = await ledger.booked();
    const { references } = answers[2];
    assert.deepEqual([answers[2].state, Object.keys(references)], ["done", ["1", "2"]]);
    for (const reference of Object.values(references)) assert.ok(booked.includes(reference));
    const { references: three, ...rest } = answers[3];
    assert.deepEqual(
      [rest, Object.keys(three)],
      [{ state: "done", status: 400, booked_of_total: "1/3" }, ["0", "1", "2"]],
    );
    assert.deepEqual(answers[4], { state: "done", status: 201 });
    assert.deepEqual(ledger.upstream.requests, []);
  });

  for (const [name, send] of [
    ["a transaction", (ledger) => ledger.create(ledger.key, payment(ledger.balances[0], NOW))],
    ["legs", (ledger) => ledger.create(ledger.key, legs(ledger.balances, NOW))],
    ["a bulk", (ledger) => ledger.bulk(ledger.key, { ...NOW, transactions: [payment(ledger.balances[0])] })],
  ]) {
    test(`about ${name} whose answer was lost finds it by looks alone; the retry gives what was found`, async (t) => {
      const ledger = await openLedger(proxy, t);
      ledger.next(loseAnswer);
      assertError(await send(ledger), 502, "PROXY_CORE_UNREACHABLE");
      ledger.upstream.clear();
      const { state, status } = told(ledger, await ledger.ask(ledger.key));
      assert.deepEqual([state, status, ledger.sent()], ["done", 200, []]);
      assert.ok(ledger.upstream.requests.length >= 1);
      ledger.upstream.clear();
      const retry = await send(ledger);
      assert.deepEqual([retry.status, retry.headers.get(REPLAYED), ledger.upstream.requests], [200, "true", []]);
      assert.equal(
        JSON.parse(retry.text())[name === "a bulk" ? "transaction_count" : "status"],
        name === "a bulk" ? 1 : "APPLIED",
      );
    });
  }

  test("about a refund and a commit finds them too", async (t) => {
    const ledger = await openLedger(proxy, t);
    const pay = async (fields) =>
      (await ledger.direct("POST", "/transactions", payment(ledger.balances[0], { ...NOW, ...fields }))).json
        .transaction_id;
    const [paid, hold] = [await pay({ reference: "paid" }), await pay({ reference: "hold", inflight: true })];
    for (const [key, send] of [
      [`${ledger.key} 1`, (key) => ledger.refund(key, paid)],
      [`${ledger.key} 2`, (key) => ledger.settle(key, hold, { status: "commit", ...NOW })],
    ]) {
      ledger.next(loseAnswer);
      assertError(await send(key), 502, "PROXY_CORE_UNREACHABLE");
      assert.deepEqual(told(ledger, await ledger.ask(key), key), { state: "done", status: 200 });
    }
    assert.equal(ledger.sent().length, 2);
  });

  test("about what stands in part gets the parts, and later the whole where Core goes on", async (t) => {
    const ledger = await openLedger(proxy, t, { instance: { timeout_ms: 1_000 }, core: { lockWaitMs: 60_000 } });
    ledger.core.lock(ledger.balances[1]);
    ledger.next(actAlone);
    const { reference } = assertError(
      await ledger.create(ledger.key, legs(ledger.balances, NOW)),
      504,
      "PROXY_CORE_TIMEOUT",
    );
    const parts = {
      booked: [`${reference}-1`],
      booked_count: 1,
      missing: [`${reference}-2`, `${reference}-3`],
      missing_count: 2,
    };
    assert.deepEqual(told(ledger, await ledger.ask(ledger.key)), { state: "partial", reference, total: 3, ...parts });
    ledger.core.unlock(ledger.balances[1]);
    let now;
    do now = told(ledger, await ledger.ask(ledger.key));
    while (now.state === "partial");
    assert.deepEqual([now, ledger.sent().length], [{ state: "done", status: 200, reference }, 1]);
  });

  test("about what left no trace is told that nobody knows, and it is not sent", async (t) => {
    const ledger = await openLedger(proxy, t);
    const body = payment(ledger.balances[0], NOW);
    ledger.next(loseRequest, loseAnswer);
    const { reference } = assertError(await ledger.create(ledger.key, body), 502, "PROXY_CORE_UNREACHABLE");
    assert.deepEqual(told(ledger, await ledger.ask(ledger.key)), { state: "unknown", reference });
    assertError(await ledger.send(`${ledger.key} 2`, "POST", "/ledgers", { name: "x" }), 502, "PROXY_CORE_UNREACHABLE");
    const requests = ledger.upstream.requests.length;
    assert.deepEqual(told(ledger, await ledger.ask(`${ledger.key} 2`), `${ledger.key} 2`), { state: "unknown" });
    assert.deepEqual([ledger.sent().length, ledger.upstream.requests.length], [2, requests]);
    // The key is as it was.
    assert.deepEqual([(await ledger.create(ledger.key, body)).status, await ledger.booked()], [201, [reference]]);
  });

  test("while Core cannot be asked is told what is known", async (t) => {
    const ledger = await openLedger(proxy, t);
    ledger.next(loseAnswer);
    assertError(await ledger.create(ledger.key, payment(ledger.balances[0], NOW)), 502, "PROXY_CORE_UNREACHABLE");
    ledger.onLookUp = (exchange) => exchange.reset();
    assert.equal(told(ledger, await ledger.ask(ledger.key)).state, "unknown");
    ledger.onLookUp = null;
    assert.equal(told(ledger, await ledger.ask(ledger.key)).state, "done");
  });

  test("is who sent it: to any other credential the key is unknown, and without one there is no answer", async (t) => {
    const ledger = await openLedger(proxy, t);
    assert.equal((await ledger.create(ledger.key, payment(ledger.balances[0], NOW))).status, 201);
    const other = await proxy.adminApi.apiKey();
    assertError(await ledger.ask(ledger.key, { token: other.key }), 404, "PROXY_IDEMPOTENCY_KEY_NOT_FOUND");
    assertError(
      await proxy.worker.fetch(`/idempotency/${encodeURIComponent(ledger.key)}`),
      401,
      "PROXY_MISSING_CREDENTIAL",
    );
    assertError(await ledger.ask(ledger.key, { token: `${other.key.slice(0, -1)}!` }), 401, "PROXY_INVALID_CREDENTIAL");
    const own = await proxy.worker.fetch(`/idempotency/${encodeURIComponent(ledger.key)}`, {
      headers: { "x-blnk-key": proxy.key.key },
    });
    assert.equal(told(ledger, own).state, "done");
  });

  test("asks by GET, about a key that is one", async (t) => {
    const ledger = await openLedger(proxy, t);
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await ledger.ask(ledger.key, { method });
      assertError(answer, 405, "PROXY_METHOD_NOT_ALLOWED");
      assert.equal(answer.headers.get("allow"), "GET");
    }
    for (const bad of ["", "a,b", "x".repeat(256), "é", "a\nb"])
      assert.ok([400, 404].includes((await ledger.ask(bad)).status), bad);
  });

  test("may write the key's own characters percent-encoded", async (t) => {
    const ledger = await openLedger(proxy, t);
    const key = `${ledger.key}/a b%2F?c=#d&"e"\\`;
    assert.equal((await ledger.create(key, payment(ledger.balances[0], NOW))).status, 201);
    assert.equal(told(ledger, await ledger.ask(key), key).state, "done");
    // A slash, and what needs no encoding in a path, may stand as it is.
    const path = encodeURIComponent(key).replaceAll("%2Fa", "/a");
    const plain = await proxy.worker.fetch(`/idempotency/${path}`, {
      headers: { authorization: `Bearer ${proxy.key.key}` },
    });
    assert.equal(told(ledger, plain, key).state, "done");
  });

  test("no longer gets it of an instance that the credential does not reach, or that is paused", async (t) => {
    const ledger = await openLedger(proxy, t);
    const key = await proxy.adminApi.apiKey({ instances: [ledger.instance.id] });
    const body = payment(ledger.balances[0], NOW);
    for (const name of ["done", "unknown"]) {
      if (name === "unknown") ledger.next(loseAnswer);
      await ledger.create(`${ledger.key} ${name}`, body, { key: key.key });
    }
    ledger.upstream.clear();
    const all = async (status, code) => {
      for (const name of ["done", "unknown"])
        assertError(await ledger.ask(`${ledger.key} ${name}`, { token: key.key }), status, code);
    };
    await proxy.adminApi.patchInstance(ledger.instance.id, { status: "paused" });
    await all(404, "PROXY_INSTANCE_NOT_FOUND");
    await proxy.adminApi.patchInstance(ledger.instance.id, { status: "active" });
    assert.equal((await ledger.ask(`${ledger.key} done`, { token: key.key })).status, 200);
    await proxy.adminApi.patchApiKey(key.id, { instances: [proxy.instance.id] });
    await all(404, "PROXY_INSTANCE_NOT_FOUND");
    assert.deepEqual(ledger.upstream.requests, []);
  });

  test("leaves a log line, and no key in it", async (t) => {
    const ledger = await openLedger(proxy, t);
    const key = `a-very-telling-key ${ledger.key}`;
    ledger.next(loseAnswer);
    await ledger.create(key, payment(ledger.balances[0], NOW));
    const line = async (answer) => proxy.worker.logLine(answer.headers.get("x-request-id"));
    const asked = await line(await ledger.ask(key));
    const { route, status, idempotency, credential, instance } = asked;
    assert.deepEqual([route, status, idempotency, instance], ["/idempotency/:key", 200, "asked", ledger.instance.id]);
    assert.equal(credential, proxy.key.id);
    assert.equal(typeof asked.core_ms, "number");
    const missed = await line(await ledger.ask(`${key} 2`));
    assert.deepEqual([missed.status, missed.code], [404, "PROXY_IDEMPOTENCY_KEY_NOT_FOUND"]);
    assert.equal((await line(await ledger.ask(`${key},`))).status, 400);
    assert.ok(!proxy.worker.logs.some((text) => text.includes("telling")));
  });
});
