import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { startWorker } from "../workerd.mjs";
import { PROBE } from "./probe.mjs";

describe("the KV stand-in", () => {
  let worker;
  let kv;
  before(async () => {
    worker = await startWorker(PROBE);
    kv = worker.kv;
  });
  beforeEach(() => {
    kv.heal();
    kv.forget();
  });
  after(() => worker.stop());

  test("stores, reads and deletes keys of any spelling", async () => {
    const key = "credential/ä b?&%2F";
    const path = `/kv?${encodeURIComponent(key)}`;
    assert.equal((await worker.fetch(path)).json(), null);
    await worker.fetch(path, { method: "PUT", body: "a value" });
    assert.equal(kv.value("CREDENTIALS", key), "a value");
    assert.equal(kv.value("INSTANCES", key), undefined);
    assert.equal((await worker.fetch(path)).json(), "a value");
    await worker.fetch(path, { method: "DELETE" });
    assert.equal(kv.value("CREDENTIALS", key), undefined);
    assert.deepEqual(
      kv.operations.map(({ kind }) => kind),
      ["get", "put", "get", "delete"],
    );
    assert.deepEqual(
      kv.reads.map(({ status }) => status),
      [404, 200],
    );
    assert.ok(kv.operations.every((one) => one.key === key && one.namespace === "CREDENTIALS"));
  });

  test("answers reads in bulk and lists", async () => {
    kv.set("CREDENTIALS", "a", { kept: true });
    assert.deepEqual((await worker.fetch("/kv/bulk")).json(), { a: '{"kept":true}', missing: null });
    assert.deepEqual(
      kv.reads.map(({ kind, keys }) => [kind, keys]),
      [["bulk", ["a", "missing"]]],
    );
    assert.deepEqual((await worker.fetch("/kv/list")).json().keys, [{ name: "a" }]);
  });

  test("shows that reads overlapped", async () => {
    kv.fail({ delayMs: 60 });
    await worker.fetch("/kv/both");
    const [one, two] = kv.reads;
    assert.deepEqual([one.namespace, two.namespace].sort(), ["CREDENTIALS", "INSTANCES"]);
    assert.ok(two.in < one.out && one.in < two.out, "the second came before the first was answered");
    assert.ok(one.out - one.in >= 55, "and was slow");
  });

  test("fails by namespace, key, kind and count, and heals", async () => {
    kv.set("CREDENTIALS", "a", "good");
    kv.fail({ namespace: "CREDENTIALS", key: "a", kind: "get", status: 503, times: 1 });
    kv.fail({ namespace: "INSTANCES", status: 500 });
    assert.match((await worker.fetch("/kv?a")).text(), /KV GET failed: 503/);
    assert.equal((await worker.fetch("/kv?a")).json(), "good");
    kv.fail({ key: /^a/, garbage: Buffer.from([0xff, 0x00]) });
    assert.notEqual((await worker.fetch("/kv?a")).json(), "good");
    const heal = kv.fail({ reset: true });
    assert.equal((await worker.fetch("/kv?a")).status, 502);
    heal();
    assert.equal((await worker.fetch("/kv?b")).json(), null);
  });

  test("hangs until the caller gives up", async () => {
    kv.fail({ hang: true });
    const gone = worker.fetch("/kv?a", { timeoutMs: 100 });
    await assert.rejects(gone, /no answer to \/kv\?a within 100 ms/);
    assert.equal(kv.reads[0].out, null);
  });
});
