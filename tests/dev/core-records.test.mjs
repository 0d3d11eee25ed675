// The records beside transactions: lists and filters, identities, metadata, lineage, statements, monitors.

import assert from "node:assert/strict";
import { test } from "node:test";
import { balancesIn, coreFor, deposit, send } from "./core-client.mjs";

const FAST = { insertDelayMs: 1, applyDelayMs: 2 };
const BOUNDARY = "----part";

/** Uploads one file. */
function upload(core, filename, content) {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n\r\n`;
  const tail = `\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="source"\r\n\r\nbank\r\n--${BOUNDARY}--\r\n`;
  const headers = { "Content-Type": `multipart/form-data; boundary="${BOUNDARY}"` };
  return send(
    core,
    "POST",
    "/reconciliation/upload",
    Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(tail)]),
    headers,
  );
}

test("a statement is counted by its records, as CSV or JSON, and refused when one is not whole", async (t) => {
  const core = await coreFor(t);
  const csv =
    'ID,Amount,Date,Reference,Description,Currency\r\n1,5,2026-01-01T00:00:00Z,r,"a, ""b""",USD\r\n' +
    "2,5,2026-01-01T00:00:00Z,s,d,USD";
  assert.equal((await upload(core, "a.csv", csv)).json.record_count, 2);
  // Without an extension the content decides, by the commas of its lines.
  assert.equal((await upload(core, "statement", csv.replace('"a, ""b"""', "a"))).json.record_count, 2);
  assert.equal((await upload(core, "a.json", '[{"id":"1"},{"id":"2"},{"id":"3"}]')).json.record_count, 3);
  const refused = [
    ["a.csv", `${csv}\r\n3,5`],
    ["a.csv", "ID,Amount\r\n1,5"],
    ["a.json", "{}"],
    ["a.bin", csv],
    ["a.json", "[1]"],
  ];
  for (const [name, content] of refused) assert.equal((await upload(core, name, content)).status, 500, content);
  assert.equal(
    (await send(core, "POST", "/reconciliation/upload", { a: 1 })).json.error_detail.code,
    "RECON_UPLOAD_FAILED",
  );
});

test("an upload may be larger than any other body", async (t) => {
  const core = await coreFor(t);
  const content = `[{"id":"1","description":"${"x".repeat(6 * 1024 * 1024)}"}]`;
  assert.equal((await upload(core, "a.json", content)).json.record_count, 1);
  const ledger = await send(core, "POST", "/ledgers", content);
  assert.deepEqual([ledger.status, ledger.json.error_detail.code], [400, "GEN_MALFORMED_REQUEST"]);
});

test("a reconciliation counts what the ledger knows and what it does not", async (t) => {
  const core = await coreFor(t, FAST);
  const [destination] = await balancesIn(core, "USD");
  await send(core, "POST", "/transactions", deposit({ destination, reference: "known" }));
  const rule = await send(core, "POST", "/reconciliation/matching-rules", {
    name: "n",
    criteria: [{ field: "reference", operator: "equals" }],
  });
  const body = {
    strategy: "one_to_one",
    matching_rule_ids: [rule.json.rule_id],
    external_transactions: [
      { id: "1", reference: "known" },
      { id: "2", reference: "other" },
    ],
  };
  const started = await send(core, "POST", "/reconciliation/start-instant", body);
  await core.settled();
  const { json } = await send(core, "GET", `/reconciliation/${started.json.reconciliation_id}`);
  assert.deepEqual([json.status, json.matched_transactions, json.unmatched_transactions], ["completed", 1, 1]);
  const wrong = await send(core, "POST", "/reconciliation/matching-rules", {
    name: "n",
    criteria: [{ field: "colour", operator: "equals" }],
  });
  assert.deepEqual([wrong.status, wrong.json.error_detail.code], [400, "RECON_RULE_INVALID"]);
});

test("lists are filtered by query and by body", async (t) => {
  const core = await coreFor(t, FAST);
  const [destination] = await balancesIn(core, "USD");
  for (const [reference, amount] of [
    ["a_1", 5],
    ["b_1", 10],
    ["c_2", 20],
  ]) {
    await send(
      core,
      "POST",
      "/transactions",
      deposit({ destination, reference, amount, meta_data: { tier: amount > 5 ? "gold" : "tin" } }),
    );
  }
  const references = async (query) =>
    (await send(core, "GET", `/transactions?${query}`)).json.map((row) => row.reference);
  assert.deepEqual(await references("amount_gte=10&instance_id=x"), ["c_2", "b_1"]);
  assert.deepEqual(await references("reference_in=a_1,c_2"), ["c_2", "a_1"]);
  assert.deepEqual(await references("amount_between=5|10&reference_like=%25_1"), ["b_1", "a_1"]);
  assert.deepEqual(await references("meta_data.tier_eq=gold&limit=1&offset=1"), ["b_1"]);
  assert.deepEqual(await references("amount_eq=5&reference_eq=c_2&logical_operator=or"), ["c_2", "a_1"]);
  assert.deepEqual(await references("balance_id_eq=bln_none"), []);
  const request = {
    filters: [{ field: "amount", operator: "gt", value: 5 }],
    sort_by: "amount",
    sort_order: "asc",
    limit: 1,
    include_count: true,
  };
  const { json } = await send(core, "POST", "/transactions/filter", request);
  assert.deepEqual([json.data.map((row) => row.reference), json.total_count], [["b_1"], 2]);
  assert.equal((await send(core, "GET", "/transactions?colour_eq=1")).status, 400);
  assert.equal((await send(core, "GET", "/balances?limit=x")).status, 400);
  assert.equal((await send(core, "GET", "/transactions?limit=x")).status, 200);
});

test("identities are filled in, tokenized field by field, read in clear again and deleted", async (t) => {
  const core = await coreFor(t);
  const made = await send(core, "POST", "/identities", {
    first_name: "Ada",
    email_address: "ada@example.com",
    meta_data: { a: 1 },
  });
  const path = `/identities/${made.json.identity_id}`;
  await send(core, "PUT", path, { last_name: "Lovelace", first_name: "" });
  await send(core, "POST", `${path}/tokenize`, { fields: ["FirstName", "EmailAddress"] });
  const { json } = await send(core, "GET", path);
  assert.match(json.first_name, /^FPT:[A-Z][a-z]{2}:/);
  assert.match(json.email_address, /^FPT:[a-z]{3}@[a-z]{7}\.[a-z]{3}:/);
  assert.deepEqual([json.last_name, json.meta_data.a], ["Lovelace", 1]);
  const all = await send(core, "POST", `${path}/detokenize`, {});
  assert.deepEqual(all.json.fields, { EmailAddress: "ada@example.com", FirstName: "Ada" });
  assert.equal(
    (await send(core, "GET", `${path}/detokenize/LastName`)).json.error_detail.code,
    "IDT_FIELD_NOT_TOKENIZED",
  );
  assert.equal(
    (await send(core, "POST", `${path}/tokenize/Gender`)).json.error_detail.code,
    "IDT_FIELD_NOT_TOKENIZABLE",
  );
  assert.equal((await send(core, "DELETE", path)).status, 200);
  assert.equal((await send(core, "GET", path)).json.error_detail.code, "IDT_NOT_FOUND");
});

test("money that is spent is taken from its providers in the order of the balance", async (t) => {
  for (const [strategy, left] of [
    ["FIFO", [0, 6]],
    ["LIFO", [6, 0]],
    ["PROPORTIONAL", [3, 3]],
  ]) {
    const core = await coreFor(t, FAST);
    const ledger = await send(core, "POST", "/ledgers", { name: "x" });
    const identity = await send(core, "POST", "/identities", { first_name: "Ada" });
    const tracked = { track_fund_lineage: true, allocation_strategy: strategy, identity_id: identity.json.identity_id };
    const { json } = await send(core, "POST", "/balances", {
      ledger_id: ledger.json.ledger_id,
      currency: "USD",
      ...tracked,
    });
    for (const bank of ["a", "b"]) {
      const meta = { BLNK_LINEAGE_PROVIDER: bank };
      await send(
        core,
        "POST",
        "/transactions",
        deposit({ destination: json.balance_id, reference: bank, amount: 6, precision: 1, meta_data: meta }),
      );
    }
    await core.settled();
    await send(
      core,
      "POST",
      "/transactions",
      deposit({ source: json.balance_id, destination: "@shop", reference: "spend", amount: 6, precision: 1 }),
    );
    await core.settled();
    const lineage = await send(core, "GET", `/balances/${json.balance_id}/lineage`);
    assert.deepEqual(
      lineage.json.providers.map((each) => each.available),
      left,
      strategy,
    );
    assert.equal(lineage.json.total_with_lineage, 6);
  }
});

test("metadata is merged into a record, and a batch's into all of its transactions", async (t) => {
  const core = await coreFor(t, FAST);
  const [destination] = await balancesIn(core, "USD");
  const batch = await send(core, "POST", "/transactions/bulk", {
    skip_queue: true,
    transactions: [deposit({ destination, reference: "a" })],
  });
  const path = `/${batch.json.batch_id}/metadata`;
  assert.deepEqual(
    (await send(core, "POST", path, { meta_data: { z: 1, a: { c: 1, b: 2 } } })).text,
    '{"meta_data":{"a":{"b":2,"c":1},"z":1}}',
  );
  assert.deepEqual((await send(core, "GET", "/transactions/reference/a")).json.meta_data, {
    a: { b: 2, c: 1 },
    allow_overdraft: true,
    sequence: 1,
    z: 1,
  });
  assert.equal(
    (await send(core, "POST", "/ldg_none/metadata", { meta_data: {} })).json.error_detail.code,
    "META_ENTITY_NOT_FOUND",
  );
  assert.equal(
    (await send(core, "POST", "//metadata", { meta_data: {} })).json.error_detail.code,
    "META_INVALID_ENTITY_ID",
  );
});

test("monitors are kept and listed, and an empty list is null", async (t) => {
  const core = await coreFor(t);
  assert.equal((await send(core, "GET", "/balance-monitors")).text, "null");
  const condition = { field: "balance", operator: ">", value: 1.5, precision: 100 };
  const made = await send(core, "POST", "/balance-monitors", { balance_id: "bln_x", condition });
  assert.equal(made.json.condition.precise_value, 150);
  assert.equal((await send(core, "GET", "/balance-monitors/balances/bln_x")).json.length, 1);
  const wrong = await send(core, "POST", "/balance-monitors", {
    balance_id: "bln_x",
    condition: { ...condition, precision: 0 },
  });
  assert.equal(wrong.json.errors, "condition: (precision: cannot be blank.).");
  await send(core, "DELETE", `/balance-monitors/${made.json.monitor_id}`);
  assert.equal(
    (await send(core, "GET", `/balance-monitors/${made.json.monitor_id}`)).json.error_detail.code,
    "BAL_MONITOR_NOT_FOUND",
  );
});
