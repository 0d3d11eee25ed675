// The documented routes in the order in which a newcomer takes them, through the proxy to the stand-in Core: every
// answer is used by the next request, as with curl.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startCore } from "../../dev/core/server.mjs";
import { DOCUMENTED } from "./documented-routes.mjs";
import { admin } from "./harness/admin.mjs";
import { request } from "./harness/http.mjs";
import { startWorker } from "./harness/workerd.mjs";

describe("the walkthrough", () => {
  let core;
  let worker;
  let instance;
  let key;
  before(async () => {
    core = await startCore({ key: "the-stand-ins-master-key", applyDelayMs: 20 });
    worker = await startWorker();
    const adminApi = admin(worker);
    instance = (await adminApi.instance({ base_url: core.url, core_key: core.key })).id;
    key = (await adminApi.apiKey({ scopes: ["proxy:read", "proxy:write"] })).key;
  });
  after(async () => {
    await worker.stop();
    await core.close();
  });

  /** One request that must be answered with `status`; gives the answer's JSON. */
  const call = async (status, method, path, body, headers = {}) => {
    const target = `/proxy${path}${path.includes("?") ? "&" : "?"}instance_id=${instance}`;
    const answer = await request(worker.origin, target, {
      method,
      body,
      headers: { authorization: `Bearer ${key}`, ...headers },
    });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.text()}`);
    return Object.assign(answer.json(), { made: answer.headers.get("x-blnk-reference") });
  };
  const made = {};

  test("a ledger and two balances", async () => {
    made.ledger = (await call(201, "POST", "/ledgers", { name: "MyApp", meta_data: { env: "test" } })).ledger_id;
    const balance = async () =>
      (await call(201, "POST", "/balances", { ledger_id: made.ledger, currency: "USD" })).balance_id;
    [made.source, made.destination] = [await balance(), await balance()];
  });

  test("a transaction without precision and reference is booked in cents under a made reference", async () => {
    const body = {
      amount: 100.5,
      currency: "USD",
      source: made.source,
      destination: made.destination,
      description: "Integration test",
      allow_overdraft: true,
    };
    const answer = await call(201, "POST", "/transactions", body);
    assert.deepEqual([answer.status, answer.precision, answer.reference], ["QUEUED", 100, answer.made]);
    assert.match(answer.made, /^ref_/);
    await core.settled();
    assert.equal((await call(200, "GET", `/balances/${made.destination}`)).balance, 10_050);
    const applied = await call(200, "GET", `/transactions/reference/${answer.made}_q`);
    assert.deepEqual([applied.status, applied.parent_transaction], ["APPLIED", answer.transaction_id]);
    made.transaction = applied.transaction_id;
  });

  test("metadata on it, its lineage, and its refund", async () => {
    const { meta_data } = await call(200, "POST", `/${made.transaction}/metadata`, {
      meta_data: { myApp: { channel: "web" } },
    });
    assert.deepEqual(meta_data, { myApp: { channel: "web" } });
    await call(200, "GET", `/transactions/${made.transaction}/lineage`);
    const refund = await call(201, "POST", `/refund-transaction/${made.transaction}`, { skip_queue: true });
    assert.equal(refund.made, null);
    await core.settled();
    assert.equal((await call(200, "GET", `/balances/${made.destination}`)).balance, 0);
  });

  test("a bulk, of which each has its own reference", async () => {
    const item = {
      amount: 1,
      currency: "USD",
      source: "@world",
      destination: made.destination,
      description: "bulk",
      allow_overdraft: true,
    };
    const answer = await call(201, "POST", "/transactions/bulk", { skip_queue: true, transactions: [item, item] });
    assert.equal(answer.transaction_count, 2);
    await core.settled();
    assert.equal((await call(200, "GET", `/balances/${made.destination}`)).balance, 200);
  });

  test("inflight, then committed", async () => {
    const body = {
      amount: 5,
      currency: "USD",
      source: "@world",
      destination: made.destination,
      description: "held",
      allow_overdraft: true,
    };
    const held = await call(201, "POST", "/transactions", { ...body, inflight: true, skip_queue: true });
    assert.equal(held.status, "INFLIGHT");
    await call(200, "PUT", `/transactions/inflight/${held.transaction_id}`, { status: "commit", skip_queue: true });
    await core.settled();
    assert.equal((await call(200, "GET", `/balances/${made.destination}`)).balance, 700);
  });

  test("the balance as it was, and its lineage", async () => {
    const now = new Date().toISOString();
    const { balance } = await call(200, "GET", `/balances/${made.destination}/at?timestamp=${now}&from_source=true`);
    assert.equal(balance.balance, 700);
    const tracked = { ledger_id: made.ledger, currency: "USD", track_fund_lineage: true };
    made.identity = (
      await call(201, "POST", "/identities", {
        identity_type: "individual",
        first_name: "Ada",
        email_address: "ada@example.com",
      })
    ).identity_id;
    const { balance_id } = await call(201, "POST", "/balances", { ...tracked, identity_id: made.identity });
    await call(200, "GET", `/balances/${balance_id}/lineage`);
  });

  test("an identity, linked, changed, tokenized and detokenized", async () => {
    const of = `/identities/${made.identity}`;
    await call(200, "PUT", `/balances/${made.source}/identity`, { identity_id: made.identity });
    await call(200, "PUT", of, { first_name: "Grace" });
    await call(200, "POST", `${of}/tokenize/EmailAddress`);
    await call(200, "POST", `${of}/tokenize`, { fields: ["FirstName"] });
    assert.equal((await call(200, "GET", `${of}/tokenized-fields`)).tokenized_fields.length, 2);
    assert.equal((await call(200, "GET", `${of}/detokenize/EmailAddress`)).value, "ada@example.com");
    assert.deepEqual((await call(200, "POST", `${of}/detokenize`, { fields: ["FirstName"] })).fields, {
      FirstName: "Grace",
    });
  });

  test("a reconciliation, from the upload to its result", async () => {
    const rule = {
      name: "by amount",
      description: "d",
      criteria: [{ field: "amount", operator: "equals", allowable_drift: 0 }],
    };
    const { rule_id } = await call(201, "POST", "/reconciliation/matching-rules", rule);
    await call(200, "PUT", `/reconciliation/matching-rules/${rule_id}`, { ...rule, name: "by amount alone" });
    const boundary = "----b";
    const part = (head, text) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
    const csv = "ID,Amount,Date,Reference,Description,Currency,Source\next_1,1,2026-01-01T00:00:00Z,r,d,USD,bank\n";
    const file = part('name="file"; filename="s.csv"\r\nContent-Type: text/csv', csv);
    const form = `${part('name="source"', "bank")}${file}--${boundary}--\r\n`;
    const type = { "Content-Type": `multipart/form-data; boundary=${boundary}` };
    const { upload_id, record_count } = await call(200, "POST", "/reconciliation/upload", form, type);
    assert.equal(record_count, 1);
    const how = { strategy: "one_to_one", matching_rule_ids: [rule_id], dry_run: true };
    const { reconciliation_id } = await call(200, "POST", "/reconciliation/start", { upload_id, ...how });
    const external = {
      id: "e",
      amount: 1,
      reference: "r",
      currency: "USD",
      description: "d",
      date: "2026-01-01T00:00:00Z",
      source: "bank",
    };
    await call(200, "POST", "/reconciliation/start-instant", { external_transactions: [external], ...how });
    assert.equal((await call(200, "GET", `/reconciliation/${reconciliation_id}`)).reconciliation_id, reconciliation_id);
    await call(200, "DELETE", `/reconciliation/matching-rules/${rule_id}`);
  });

  test("took each of the 25 documented routes", () => {
    const taken = [...core.requests.keys()].map((route) => route.replace(/:[\w-]+/g, ":x"));
    const shape = ({ method, path }) => {
      const named = path
        .split("?")[0]
        .replace(/\/(?:txn|bln|idt|ldg|rule|recon)_1/g, "/:x")
        .replace("/EmailAddress", "/:x");
      return `${method} ${named}`;
    };
    assert.deepEqual(
      DOCUMENTED.map(shape).filter((route) => !taken.includes(route)),
      [],
    );
  });
});
