// `Idempotency-Key`: Core's headers cannot speak for the proxy, no clear name is kept, and an object makes room before
// it reads.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { reply } from "./harness/replies.mjs";
import { openLedger, payment } from "./ledger.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const NOW = { skip_queue: true };
const OURS = {
  "X-Blnk-Edge-Report":
    '{"said":"replayed","replayed":true,"code":"PROXY_INTERNAL","booked":"9/9","made_reference":"ref_1"}',
  "Idempotent-Replayed": "true",
  "X-Blnk-Booked": "7/9",
  "X-Blnk-Reference": "ref_of_cores_own",
};

describe("a Core that sends headers that only the proxy may say", () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  /** A ledger all of whose answers carry them, look-ups included. */
  const open = async (t) => {
    const ledger = await openLedger(proxy, t);
    const speak = async (exchange, usual) => {
      const { write } = exchange;
      const lines = Object.entries(OURS)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("");
      exchange.write = (bytes) => {
        const text = bytes.toString("latin1");
        const at = text.indexOf("\r\n") + 2;
        return write(Buffer.from(text.slice(0, at) + lines + text.slice(at), "latin1"));
      };
      return (await usual())(exchange);
    };
    ledger.onLookUp = speak;
    return { ledger, speak };
  };
  const ours = (answer) => Object.keys(OURS).map((name) => answer.headers.get(name));

  test("is heard on no keyed write, and the write is answered and kept", async (t) => {
    const { ledger, speak } = await open(t);
    const body = payment(ledger.balances[0], { ...NOW, reference: "mine" });
    ledger.next(speak);
    const first = await ledger.create(ledger.key, body);
    assert.deepEqual([first.status, ours(first)], [201, [null, null, null, null]], first.text());
    const again = await ledger.create(ledger.key, body);
    assert.deepEqual([again.status, again.text(), ours(again)], [201, first.text(), [null, "true", null, null]]);
    assert.equal(ledger.sent().length, 1);
  });

  test("is heard on no keyed write that the proxy has something of its own to say about", async (t) => {
    const { ledger, speak } = await open(t);
    ledger.next(speak);
    const made = await ledger.create(`${ledger.key} 1`, payment(ledger.balances[0], NOW));
    const [, ...rest] = ours(made);
    assert.deepEqual(rest, [null, null, made.json().reference]);
    ledger.next(speak);
    const refused = payment("@shop", { source: ledger.balances[1], allow_overdraft: false });
    const part = await ledger.bulk(`${ledger.key} 2`, { ...NOW, transactions: [payment(ledger.balances[0]), refused] });
    assert.deepEqual([part.status, ours(part)], [400, [null, null, "1/2", null]]);
    ledger.next(async (exchange, usual) => {
      await usual();
      return exchange.reset();
    });
    const body = payment(ledger.balances[0], { ...NOW, reference: "mine" });
    assertError(await ledger.create(`${ledger.key} 3`, body), 502, "PROXY_CORE_UNREACHABLE");
    const found = await ledger.create(`${ledger.key} 3`, body);
    assert.deepEqual([found.status, ours(found)], [200, [null, "true", null, null]]);
  });

  test("is heard on no other write, and on no read", async (t) => {
    const { ledger, speak } = await open(t);
    const direct = (method, path, body) => proxy.call(method, path, { instance: ledger.instance.id, body });
    for (const [method, path, body, status] of [
      ["POST", "/ledgers", { name: "x" }, 201],
      ["POST", "/transactions", payment(ledger.balances[0], { ...NOW, reference: "mine" }), 201],
      ["GET", "/ledgers", undefined, 200],
      ["POST", "/ledgers/filter", { filters: [] }, 200],
    ]) {
      ledger.next(speak);
      const answer = await direct(method, path, body);
      assert.deepEqual([answer.status, ours(answer)], [status, [null, null, null, null]], path);
    }
  });
});

describe("the object of a key", () => {
  test("keeps no clear name: detokenize reads, though it is a POST", async (t) => {
    const proxy = await startProxy();
    t.after(() => proxy.stop());
    const ledger = await openLedger(proxy, t);
    const identity = {
      identity_type: "individual",
      first_name: "Grace",
      last_name: "Hopper",
      gender: "female",
      category: "x",
      dob: "1906-12-09T00:00:00Z",
    };
    const { identity_id: id } = (await ledger.direct("POST", "/identities", identity)).json;
    await ledger.direct("POST", `/identities/${id}/tokenize`, { fields: ["FirstName"] });
    const detokenize = () => ledger.send(ledger.key, "POST", `/identities/${id}/detokenize`, { fields: ["FirstName"] });
    for (let time = 0; time < 2; time += 1) {
      const answer = await detokenize();
      assert.deepEqual([answer.status, answer.headers.get("idempotent-replayed")], [200, null], answer.text());
      assert.match(answer.text(), /Grace/);
    }
    assert.equal((await ledger.direct("DELETE", `/identities/${id}`)).status, 200);
    assert.doesNotMatch((await detokenize()).text(), /Grace/);
    assertError(await ledger.ask(ledger.key), 404, "PROXY_IDEMPOTENCY_KEY_NOT_FOUND");
    assert.equal(ledger.sent().length, 3);
  });

  test("makes room before it reads: while others hold it, a write is refused unsent, and the key is new", async (t) => {
    const proxy = await startProxy();
    t.after(() => proxy.stop());
    const ledger = await openLedger(proxy, t, { instance: { timeout_ms: 20_000 } });
    const [a] = ledger.balances;
    assert.equal((await ledger.create(`${ledger.key} small`, payment(a, NOW))).status, 201);
    const refusal = reply({ status: 400, body: { error: "the stand-in keeps no such body" } });
    // Little bodies that become 4 MiB each with what is added: the Workers' parts are small, those of their objects are
    // not.
    let goOn;
    const gate = new Promise((resolve) => (goOn = resolve));
    const bulk = `{"transactions":[${Array(56_000).fill("{}").join(",")}]}`;
    const held = [];
    for (let time = 0; time < 3; time += 1) {
      const { key } = await proxy.adminApi.apiKey();
      const reached = new Promise((resolve) => {
        ledger.next(async (exchange) => {
          resolve();
          await gate;
          await refusal(exchange);
        });
      });
      const headers = { "idempotency-key": `held ${time}` };
      held.push(proxy.call("POST", "/transactions/bulk", { key, instance: ledger.instance.id, headers, body: bulk }));
      await reached;
    }
    const body = payment(a, { ...NOW, description: "x".repeat(4_800_000) });
    const refused = await ledger.create(ledger.key, body);
    const details = assertError(refused, 503, "PROXY_BUSY");
    assert.deepEqual([details.outcome, refused.headers.get("retry-after"), ledger.sent().length], ["not_sent", "5", 4]);
    const line = await proxy.worker.logLine(refused.headers.get("x-request-id"));
    assert.equal(line.idempotency, "busy", "it was not the object that refused");
    assertError(await ledger.ask(ledger.key), 404, "PROXY_IDEMPOTENCY_KEY_NOT_FOUND");
    // A replay is small, and needs little.
    assert.equal(
      (await ledger.create(`${ledger.key} small`, payment(a, NOW))).headers.get("idempotent-replayed"),
      "true",
    );
    goOn();
    await Promise.all(held);
    ledger.next(refusal);
    assert.deepEqual([(await ledger.create(ledger.key, body)).status, ledger.sent().length], [400, 5]);
  });

  test("gives its room back, however large the messages were and whatever became of them", async (t) => {
    const proxy = await startProxy();
    t.after(() => proxy.stop());
    const ledger = await openLedger(proxy, t);
    const [a] = ledger.balances;
    const body = (reference) => payment(a, { ...NOW, reference, description: "x".repeat(900_000) });
    for (let time = 0; time < 24; time += 1) {
      const fault = [undefined, (exchange) => exchange.reset()][time % 2];
      if (fault) ledger.next(fault);
      assert.equal((await ledger.create(`${ledger.key} ${time}`, body(`mine ${time}`))).status, fault ? 502 : 201);
      assertError(await ledger.create(`${ledger.key} ${time}`, body("other")), 422, "PROXY_IDEMPOTENCY_MISMATCH");
    }
    assert.equal((await ledger.create(`${ledger.key} last`, body("last"))).status, 201);
  });
});
