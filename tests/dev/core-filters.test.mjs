// `POST …/filter`: pages, counts and fields as Core has them.

import assert from "node:assert/strict";
import { before, after, test } from "node:test";
import { startCore } from "../../dev/core/server.mjs";
import { balancesIn, deposit, send } from "./core-client.mjs";

const REFERENCES = ["b", "A", "a-1", "B_2", "a_1", "é", "Z/1"];
const mine = { field: "reference", operator: "in", values: REFERENCES };
const eq = (field, value) => ({ field, operator: "eq", value });
let core;
let ids;

before(async () => {
  core = await startCore({ insertDelayMs: 1, applyDelayMs: 2 });
  const [destination] = await balancesIn(core, "USD");
  ids = [];
  for (const [n, reference] of REFERENCES.entries()) {
    const { json } = await send(
      core,
      "POST",
      "/transactions",
      deposit({ destination, reference, meta_data: { n, odd: n % 2 === 1, text: `${n}` } }),
    );
    ids.push(json.transaction_id);
  }
  for (let i = 0; i < 120; i += 1)
    await send(core, "POST", "/transactions", deposit({ destination, reference: `more${i}` }));
});
after(() => core.close());

const filter = (body, path = "/transactions/filter") => send(core, "POST", path, body);
const found = async (...filters) => (await filter({ filters })).json.map((row) => row.reference);

test("a limit above a hundred counts as twenty", async () => {
  const sizes = [];
  for (const limit of [101, 100, 0, -1, undefined]) sizes.push((await filter({ filters: [], limit })).json.length);
  assert.deepEqual(sizes, [20, 100, 20, 20, 20]);
});

test("a count is given with the rows, and left out when a page has none", async () => {
  const page = await filter({ filters: [mine], include_count: true, limit: 2 });
  assert.deepEqual([page.json.data.length, page.json.total_count], [2, 7]);
  assert.equal((await filter({ filters: [mine], include_count: true, offset: 7 })).text, '{"data":[]}');
  assert.equal((await filter({ filters: [eq("reference", "none")] })).text, "[]");
});

test("without rows transactions and ledgers are an empty list, balances and identities null", async () => {
  const none = (name) => ({ filters: [eq(name, "none")], include_count: true });
  assert.equal((await filter(none("name"), "/ledgers/filter")).text, '{"data":[]}');
  assert.equal((await filter(none("currency"), "/balances/filter")).text, '{"data":null}');
  assert.equal((await filter(none("first_name"), "/identities/filter")).text, '{"data":null}');
});

test("rows are sorted by a field in either direction, by date when the field is none", async () => {
  const sorted = async (fields) => (await filter({ filters: [mine], ...fields })).json.map((row) => row.reference);
  const byName = ["A", "B_2", "Z/1", "a-1", "a_1", "b", "é"];
  assert.deepEqual(await sorted({ sort_by: " Reference", sort_order: "ASC" }), byName);
  assert.deepEqual(await sorted({ sort_by: "reference" }), [...byName].reverse());
  assert.deepEqual(await sorted({ sort_by: "none", sort_order: "asc" }), REFERENCES);
  assert.deepEqual(await sorted({}), [...REFERENCES].reverse());
});

test("filters are joined by and, or by or when that is asked for", async () => {
  const either = [eq("reference", "b"), { field: "transaction_id", operator: "in", values: [ids[1], ids[2]] }];
  assert.deepEqual(await found(...either), []);
  const { json } = await filter({ filters: either, logical_operator: " OR ", include_count: true });
  assert.deepEqual([json.total_count, json.data.map((row) => row.reference)], [3, ["a-1", "A", "b"]]);
});

test("metadata equals only what has its type, and is in a list by its text", async () => {
  assert.deepEqual(await found(eq("meta_data.n", 3)), ["B_2"]);
  assert.deepEqual(await found(eq("meta_data.n", "3")), []);
  assert.deepEqual(await found(eq("meta_data.text", "3")), ["B_2"]);
  assert.deepEqual(await found({ field: "meta_data.n", operator: "in", values: ["3", 4] }), ["a_1", "B_2"]);
  assert.deepEqual(await found(eq("meta_data.odd", true)), ["é", "B_2", "A"]);
  assert.deepEqual(await found(eq("meta_data.odd", "true")), []);
});

test("a row without a parent has an empty one, which is not null", async () => {
  assert.equal((await found(mine, eq("parent_transaction", ""))).length, 7);
  assert.deepEqual(await found(mine, { field: "parent_transaction", operator: "isnull" }), []);
});

test("status and ids are matched exactly", async () => {
  assert.equal((await found(mine, { field: "status", operator: "in", values: ["APPLIED", "VOID"] })).length, 7);
  assert.deepEqual(await found(mine, eq("status", "applied")), []);
  assert.deepEqual(await found(eq("transaction_id", ids[5])), ["é"]);
});

test("a filter that makes no sense is refused in Core's words", async () => {
  const refused = async (each) => (await filter({ filters: [each] })).json.error;
  const empty = await refused({ field: "reference", operator: "in", values: [] });
  assert.equal(empty, "Invalid filter: operator 'in' for field 'reference' requires at least one value in 'values'");
  const unknown = await refused({ field: "reference", operator: "IN", values: ["a"] });
  assert.match(unknown, /^Invalid filter: invalid operator 'IN' for field 'reference': must be one of eq, ne, /);
  assert.equal(await refused(eq("hash", "x")), "Invalid filter: invalid field 'hash' for table 'transactions'");
  const nested = await refused(eq("meta_data.a.b", 1));
  assert.equal(
    nested,
    "Invalid filter: invalid JSON key 'a.b' in field 'meta_data.a.b': must match pattern ^[a-zA-Z][a-zA-Z0-9_]*$",
  );
});
