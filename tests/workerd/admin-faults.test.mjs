// The registry on its bad days: KV that fails, is slow or hangs, a crash in between, a database that fails half way.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { admin } from "./harness/admin.mjs";
import { startWorker } from "./harness/workerd.mjs";
import { inRegistry } from "./registry-database.mjs";

let worker;
let adminApi;
beforeEach(async () => {
  worker = await startWorker();
  adminApi = admin(worker);
});
afterEach(() => worker.stop());

const CORE = { name: "Main", base_url: "https://core.example.com", core_key: "core-key" };
const create = (id) => adminApi.expect(201, "POST", "/instances", { ...CORE, id });
const revisionInKv = (id) => JSON.parse(worker.kv.value("INSTANCES", `instance/${id}`) ?? "{}").revision;
const puts = (id) => worker.kv.writes.filter(({ key }) => key === `instance/${id}`);

async function becomesPublished(id, timeoutMs = 20_000) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const record = await adminApi.expect(200, "GET", `/instances/${id}`);
    if (record.published) return record;
    if (performance.now() > end) throw new Error(`${id} is not published after ${timeoutMs} ms`);
    await sleep(100);
  }
}

test("while KV fails a change is taken, said to be unpublished, and published later", async () => {
  const heal = worker.kv.fail({ kind: "put", status: 500 });
  const record = await create("a");
  assert.equal(record.published, false);
  assert.equal(revisionInKv("a"), undefined);
  await worker.logsUntil((lines) =>
    lines.some((line) => line.includes('"event":"publication"') && line.includes("instance/a")),
  );
  heal();
  await becomesPublished("a");
  assert.equal(revisionInKv("a"), 1);
});

test("a change during a slow put is what KV holds in the end", async () => {
  worker.kv.fail({ kind: "put", key: "instance/a", delayMs: 1_500, times: 1 });
  const first = create("a");
  while (puts("a").length === 0) await sleep(10);
  const second = await adminApi.expect(200, "PATCH", "/instances/a", { name: "newer" });
  assert.deepEqual([second.revision, second.published], [2, false], "the first put is still under way");
  assert.equal(puts("a").length, 1, "no second put overtakes it");
  await first;
  await becomesPublished("a");
  assert.equal(revisionInKv("a"), 2);
});

test("a put that hangs holds the answer up for a few seconds only", async () => {
  worker.kv.fail({ kind: "put", hang: true, times: 1 });
  const started = performance.now();
  assert.equal((await create("a")).published, false);
  const took = performance.now() - started;
  assert.ok(took > 4_000 && took < 8_000, `${took} ms`);
  assert.equal((await create("b")).published, true, "another record is not kept back");
});

test("what a crash left unpublished is published by the alarm of the next worker", async () => {
  worker.kv.fail({ kind: "put", hang: true });
  const lost = create("a").catch(() => "no answer");
  while (puts("a").length === 0) await sleep(10);
  await worker.kill();
  assert.equal(await lost, "no answer");
  worker.kv.heal();
  await worker.restart();
  const record = await becomesPublished("a");
  assert.deepEqual([record.revision, revisionInKv("a")], [1, 1]);
});

test("a database that fails half way leaves nothing of the change", async () => {
  await create("a");
  await worker.restart();
  const before = await everything();
  const broken = "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'told to fail'); END";
  await inRegistry(worker, broken);
  const headers = { "x-request-id": "half" };
  const attempts = [
    ["POST", "/instances", { ...CORE, id: "b" }],
    ["PATCH", "/instances/a", { name: "x" }],
    ["DELETE", "/instances/a"],
  ];
  for (const [method, path, body] of attempts) {
    const answer = await adminApi.call(method, path, body, headers);
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "5"]);
    assert.equal(answer.json().error_detail.code, "ADMIN_UNAVAILABLE");
    assert.ok(!answer.text().includes("told to fail"));
  }
  assert.match((await worker.logLine("half")).detail, /told to fail/);
  assert.deepEqual(await everything(), before);
  await adminApi.expect(404, "GET", "/instances/b");
  await inRegistry(worker, "DROP TRIGGER broken");
  assert.equal((await create("b")).published, true, "the id was not taken");
});

test("a database of a later version is left alone", async () => {
  await create("a");
  await inRegistry(worker, "UPDATE meta SET value = 99 WHERE key = 'schema_version'");
  const answer = await adminApi.call("GET", "/instances", undefined, { "x-request-id": "later" });
  assert.equal(answer.status, 503);
  assert.match((await worker.logLine("later")).detail, /version 99/);
});

/** Everything that the surface shows. */
async function everything() {
  const paths = ["/instances", "/api-keys", "/audit"];
  return Promise.all(paths.map((path) => adminApi.expect(200, "GET", path)));
}
