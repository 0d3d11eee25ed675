// The audit trail's size: nothing goes before it was exported, then what is over the size goes by itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { admin } from "./harness/admin.mjs";
import { startWorker } from "./harness/workerd.mjs";
import { inRegistry } from "./registry-database.mjs";

const ROWS = 1_000;
const CORE = { name: "Main", base_url: "https://core.example.com", core_key: "core-key" };

let worker;
let adminApi;
beforeEach(async () => {
  worker = await startWorker({ vars: { AUDIT_ROWS: String(ROWS), AUDIT_DAYS: "30" } });
  adminApi = admin(worker);
});
afterEach(() => worker.stop());

const create = (id) => adminApi.expect(201, "POST", "/instances", { ...CORE, id });
const confirm = (through) => adminApi.expect(200, "POST", "/audit/exported", { through });

/** A page of an export, its lines parsed. */
async function page(query = "") {
  const answer = await adminApi.call("GET", `/audit/export${query}`);
  assert.equal(answer.status, 200, answer.text());
  assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
  const text = answer.text();
  assert.ok(text === "" || text.endsWith("}\n"));
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Exports as docs/operations.md says, into `archive`. */
async function exportAll(archive) {
  for (let lines = await page(); lines.length > 0; lines = await page()) {
    for (const line of lines) archive.set(line.seq, line);
    assert.deepEqual(await confirm(lines.at(-1).seq), { exported_through: lines.at(-1).seq });
  }
}

/** Every line that is stored, read without a mark being moved. */
async function stored() {
  const lines = [];
  for (let cursor = ""; ; ) {
    const { data, cursor: next } = await adminApi.expect(200, "GET", `/audit?limit=100${cursor}`);
    lines.unshift(...data.reverse());
    if (next === null) return lines;
    cursor = `&cursor=${next}`;
  }
}

/** So many lines of this age, written as the registry would have. */
const fill = (count, days = 0) =>
  inRegistry(
    worker,
    `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${count})
     INSERT INTO audit (at, actor, action, kind, id, changes)
     SELECT ${Date.now() - days * 86_400_000}, 'ops', 'update', 'instance', 'a', '{}' FROM number`,
  );

const events = (lines, part) => lines.filter((line) => line.includes('"event":"audit"') && line.includes(part));
const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, step) => first + step);

test("an export gives the lines oldest first, and goes on where it was confirmed, also after a crash", async () => {
  for (const id of ["a", "b", "c"]) await create(id);
  const lines = await page();
  assert.deepEqual(lines, await stored());
  assert.deepEqual(
    lines.map(({ seq, actor, action, id }) => [seq, actor, action, id]),
    [
      [1, "admin", "create", "a"],
      [2, "admin", "create", "b"],
      [3, "admin", "create", "c"],
    ],
  );
  assert.deepEqual(await page("?limit=2"), lines.slice(0, 2), "what was not confirmed is given again");
  await confirm(2);
  await worker.kill();
  await worker.restart();
  assert.deepEqual(await page(), lines.slice(2));
  assert.deepEqual(await page("?cursor=0"), lines, "nothing is over the size");
  assert.ok(!JSON.stringify(lines).includes(CORE.core_key));
});

test("an export is for administrators, and confirms nothing that was not given", async () => {
  await create("a");
  for (const [method, path] of [
    ["GET", "export"],
    ["POST", "exported"],
  ]) {
    const answer = await worker.fetch(`/admin/audit/${path}`, {
      method,
      body: method === "POST" ? '{"through":1}' : undefined,
    });
    assert.equal(answer.status, 401, path);
  }
  assert.equal(
    (await adminApi.call("POST", "/audit/exported", { through: 1 })).json().error_detail.code,
    "ADMIN_CONFLICT",
  );
  assert.equal(
    (await adminApi.call("GET", "/audit/export?cursor=1")).json().error_detail.code,
    "ADMIN_INVALID_REQUEST",
  );
  assert.equal((await adminApi.call("POST", "/audit/export")).headers.get("allow"), "GET");
  assert.equal((await adminApi.call("GET", "/audit/exported")).headers.get("allow"), "POST");
});

test("the export of docs/operations.md confirms nothing that it could not write", async (t) => {
  const [, loop] = /```sh\n(while page=.*?)```/s.exec(
    readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8"),
  );
  const folder = mkdtempSync(join(tmpdir(), "export-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const archive = join(folder, "audit.jsonl");
  const run = async () => {
    const env = { ...process.env, EDGE: worker.origin, ADMIN_TOKEN: worker.vars.ADMIN_TOKEN };
    await once(spawn("sh", ["-c", loop], { cwd: folder, env, stdio: "ignore" }), "close");
  };
  for (const id of ["a", "b", "c"]) await create(id);
  mkdirSync(archive);
  await run();
  assert.deepEqual(
    (await page()).map(({ seq }) => seq),
    [1, 2, 3],
    "nothing was confirmed",
  );
  rmdirSync(archive);
  await run();
  const lines = readFileSync(archive, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ seq, id }) => [seq, id]),
    [
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ],
  );
  assert.deepEqual(await page(), [], "all was confirmed");
});

test("a trail over its size waits for its export with a warning, and is then pruned to its size", async () => {
  await create("a");
  await fill(3_498);
  await create("b");
  await worker.logsUntil((lines) => events(lines, "over its size with 3500 lines").length > 0, "the warning", 20_000);
  assert.equal(events(worker.logs, '"level":"warn"').length, 1);
  assert.deepEqual(
    (await stored()).map(({ seq }) => seq),
    numbers(1, 3_500),
    "nothing went",
  );

  const archive = new Map();
  await exportAll(archive);
  await worker.logsUntil((lines) => events(lines, "pruned up to line 2500").length > 0, "the pruning");
  assert.deepEqual([...archive.keys()], numbers(1, 3_500));
  const left = await stored();
  assert.deepEqual(
    left.map(({ seq }) => seq),
    numbers(2_501, 3_500),
  );
  assert.deepEqual(left, [...archive.values()].slice(-ROWS));
  // The numbers go on, and so does the export.
  await create("c");
  assert.deepEqual(
    (await page()).map(({ seq, id }) => [seq, id]),
    [[3_501, "c"]],
  );
});

test("lines that are too old go once they were exported, and no younger one", async () => {
  await create("a");
  await inRegistry(worker, "UPDATE audit SET at = 0");
  await fill(5, 31);
  await fill(5, 29);
  const lines = await page();
  assert.equal(lines.length, 11);
  await confirm(4);
  await worker.logsUntil((logs) => events(logs, "pruned up to line 4").length > 0, "the pruning");
  assert.deepEqual(
    (await stored()).map(({ seq }) => seq),
    numbers(5, 11),
  );
  await confirm(11);
  await worker.logsUntil((logs) => events(logs, "pruned up to line 6").length > 0, "the pruning");
  assert.deepEqual(
    (await stored()).map(({ seq }) => seq),
    numbers(7, 11),
  );
});

test("the alarm publishes beside pruning, and prunes beside publishing that fails", async () => {
  await create("a");
  await fill(1_499);
  const heal = worker.kv.fail({ kind: "put", status: 500 });
  assert.equal((await create("b")).published, false);
  await exportAll(new Map());
  await worker.logsUntil((lines) => events(lines, "pruned up to line 501").length > 0, "the pruning");
  assert.equal((await adminApi.expect(200, "GET", "/instances/b")).published, false);
  heal();
  const end = performance.now() + 20_000;
  while (!(await adminApi.expect(200, "GET", "/instances/b")).published) {
    assert.ok(performance.now() < end, "it is not published");
    await sleep(100);
  }
  assert.deepEqual(
    (await stored()).map(({ seq }) => seq),
    numbers(502, 1_501),
  );
});
