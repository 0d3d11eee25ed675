// What the request path asks KV, counted where workerd asks it.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertError, startProxy } from "./proxied.mjs";

/** A well-formed API key whose check digits are right and which nobody has. */
const UNKNOWN_ID = "0000000000000000";

const credential = (id) => `credential/${id}`;
const instance = (id) => `instance/${id}`;

describe("a worker with its usual cache", () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  beforeEach(() => {
    proxy.worker.kv.heal();
    proxy.worker.kv.forget();
    proxy.upstream.clear();
  });
  after(() => proxy.stop());

  const keysRead = () => proxy.worker.kv.reads.map(({ key }) => key);

  test("cold, both records are read at the same time", async () => {
    proxy.worker.kv.fail({ delayMs: 40 });
    assert.equal((await proxy.call("GET", "/ledgers")).status, 200);
    const [first, second, ...more] = proxy.worker.kv.reads;
    assert.deepEqual([first.key, second.key].sort(), [credential(proxy.key.id), instance(proxy.instance.id)].sort());
    assert.deepEqual(more, []);
    assert.ok(second.in < first.out, "the second read waits for the first");
  });

  test("warm, nothing is read, whatever the route", async () => {
    await proxy.call("GET", "/ledgers");
    proxy.worker.kv.forget();
    for (const [method, path] of [
      ["GET", "/balances"],
      ["POST", "/ledgers"],
      ["POST", "/transactions"],
      ["GET", "/nope"],
    ]) {
      await proxy.call(method, path, { body: method === "POST" ? "{}" : undefined });
    }
    assert.deepEqual(keysRead(), []);
  });

  test("warm, the log says hit, and cold it says miss", async () => {
    const { key } = await proxy.adminApi.apiKey();
    for (const [id, cache] of [
      ["first", "miss"],
      ["second", "hit"],
    ]) {
      await proxy.call("GET", "/ledgers", { key, headers: { "X-Request-Id": id } });
      assert.equal((await proxy.worker.logLine(id)).cache, cache);
    }
  });

  test("where one record is cached only the other is read", async () => {
    await proxy.call("GET", "/ledgers");
    const other = await proxy.adminApi.apiKey();
    proxy.worker.kv.forget();
    await proxy.call("GET", "/ledgers", { key: other.key });
    assert.deepEqual(keysRead(), [credential(other.id)]);
  });

  test("without an instance_id the credential is read and judged first, and then its default", async () => {
    const own = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    const withDefault = await proxy.adminApi.apiKey({ default_instance: own.id });
    proxy.worker.kv.forget();
    proxy.worker.kv.fail({ delayMs: 20 });
    assert.equal((await proxy.call("GET", "/ledgers", { key: withDefault.key, instance: null })).status, 200);
    const [first, second] = proxy.worker.kv.reads;
    assert.deepEqual(keysRead(), [credential(withDefault.id), instance(own.id)]);
    assert.ok(second.in >= first.out, "the second read starts before the first has ended");
  });

  test("without an instance_id a revoked credential's default is never read", async () => {
    const own = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    const revoked = await proxy.adminApi.apiKey({ default_instance: own.id });
    await proxy.adminApi.revoke(revoked.id);
    proxy.worker.kv.forget();
    assertError(
      await proxy.call("GET", "/ledgers", { key: revoked.key, instance: null }),
      401,
      "PROXY_INVALID_CREDENTIAL",
    );
    assert.deepEqual(keysRead(), [credential(revoked.id)]);
  });

  test("nothing is read for a token with wrong check digits or of another shape", async () => {
    const right = proxy.key.key;
    const wrong = [
      `${right.slice(0, -1)}${right.endsWith("A") ? "B" : "A"}`,
      right.replace(/^(.{30})./, (_, front) => `${front}${right[30] === "x" ? "y" : "x"}`),
      right.slice(0, -1),
      `${right}A`,
      right.toUpperCase(),
      right.replace("blnk_", "blnk-"),
      right.replace(proxy.key.id, UNKNOWN_ID),
      "x",
      "a".repeat(4_000),
    ];
    for (const key of wrong) {
      assertError(await proxy.call("GET", "/ledgers", { key }), 401, "PROXY_INVALID_CREDENTIAL");
    }
    assert.deepEqual(keysRead(), []);
    assert.deepEqual(proxy.arrived(), []);
  });

  test("nothing is read for a malformed, repeated or escaped instance id", async () => {
    const fresh = await proxy.adminApi.apiKey();
    proxy.worker.kv.forget();
    for (const query of ["a%62", "a.b", "x".repeat(65), "a&instance_id=a", "a&instance%5Fid=a", "a/b", "%20"]) {
      const answer = await proxy.call("GET", `/ledgers?instance_id=${query}`, { key: fresh.key, instance: null });
      assertError(answer, 400, "PROXY_INVALID_INSTANCE_ID");
    }
    assert.deepEqual(keysRead(), []);
  });

  test("nothing is read without a credential, or outside the proxy's paths", async () => {
    for (const path of ["/proxy/ledgers?instance_id=a", "/", "/healthz", "/favicon.ico", "/proxy", "/metrics"]) {
      await proxy.worker.fetch(path);
    }
    assert.deepEqual(keysRead(), []);
  });

  test("an unknown id is asked for once in a while only, and a flood of them evicts nothing", async () => {
    await proxy.call("GET", "/ledgers");
    proxy.worker.kv.forget();
    for (let n = 0; n < 3; n += 1) {
      const answer = await proxy.call("GET", "/ledgers", { instance: "instance_nobody" });
      assertError(answer, 404, "PROXY_INSTANCE_NOT_FOUND");
    }
    assert.deepEqual(keysRead(), [instance("instance_nobody")]);
    await Promise.all(Array.from({ length: 50 }, (_, n) => proxy.call("GET", "/ledgers", { instance: `flood_${n}` })));
    proxy.worker.kv.forget();
    assert.equal((await proxy.call("GET", "/ledgers")).status, 200);
    assert.deepEqual(keysRead(), []);
  });

  test("a record under a key that is not its own is not accepted", async () => {
    const record = JSON.parse(proxy.worker.kv.value("INSTANCES", instance(proxy.instance.id)));
    proxy.worker.kv.set("INSTANCES", instance("instance_moved"), record);
    const answer = await proxy.call("GET", "/ledgers", { instance: "instance_moved" });
    assertError(answer, 404, "PROXY_INSTANCE_NOT_FOUND");
  });
});

describe("a worker that remembers for a second", () => {
  let proxy;
  before(async () => (proxy = await startProxy({ vars: { CACHE_FOUND_SECONDS: "1", CACHE_MISSING_SECONDS: "1" } })));
  after(() => proxy.stop());

  const TTL = 1_050;
  const status = async (key, id) => (await proxy.call("GET", "/ledgers", { key, instance: id })).status;

  test("a revoked key stops, and a record is read again, when the second is over and not later", async () => {
    const { kv } = proxy.worker;
    const key = await proxy.adminApi.apiKey();
    assert.equal(await status(key.key), 200);
    const readAt = performance.now();
    await proxy.adminApi.revoke(key.id);
    kv.forget();
    if (performance.now() - readAt < 500) {
      assert.equal(await status(key.key), 200, "a cached record is used for its second");
      assert.deepEqual(kv.reads, []);
    }
    await sleep(TTL);
    assert.equal(await status(key.key), 401);
    assert.equal(kv.reads.filter((read) => read.key === credential(key.id)).length, 1);
  });

  test("an id that was unknown is accepted when the second is over", async () => {
    const id = "instance_later";
    assert.equal(await status(proxy.key.key, id), 404);
    await proxy.adminApi.instance({ id, base_url: proxy.upstream.origin });
    await sleep(TTL);
    assert.equal(await status(proxy.key.key, id), 200);
  });

  test("an older revision in KV never wins over one that was seen", async () => {
    const { kv } = proxy.worker;
    const key = await proxy.adminApi.apiKey();
    const active = kv.value("CREDENTIALS", credential(key.id));
    await proxy.adminApi.revoke(key.id);
    assert.equal(await status(key.key), 401);
    kv.set("CREDENTIALS", credential(key.id), active);
    await sleep(TTL);
    kv.forget();
    assert.equal(await status(key.key), 401);
    assert.deepEqual(kv.reads.map((read) => read.key).filter((read) => read === credential(key.id)).length, 1);
  });

  test("a record that is gone from KV is refused, and taken again when it is back", async () => {
    const { kv } = proxy.worker;
    const key = await proxy.adminApi.apiKey();
    assert.equal(await status(key.key), 200);
    const record = kv.value("CREDENTIALS", credential(key.id));
    kv.remove("CREDENTIALS", credential(key.id));
    await sleep(TTL);
    assert.equal(await status(key.key), 401);
    kv.set("CREDENTIALS", credential(key.id), record);
    await sleep(TTL);
    assert.equal(await status(key.key), 200);
  });

  test("a paused instance is answered like an unknown one when the second is over", async () => {
    const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    assert.equal(await status(proxy.key.key, id), 200);
    await proxy.adminApi.patchInstance(id, { status: "paused" });
    await sleep(TTL);
    assert.equal(await status(proxy.key.key, id), 404);
    await proxy.adminApi.patchInstance(id, { status: "active" });
    await sleep(TTL);
    assert.equal(await status(proxy.key.key, id), 200);
  });
});

test("with the cache switched off every request reads both records", async () => {
  const proxy = await startProxy({ vars: { CACHE_ENTRIES: "0" } });
  try {
    proxy.worker.kv.forget();
    for (let n = 0; n < 3; n += 1) assert.equal((await proxy.call("GET", "/ledgers")).status, 200);
    assert.equal(proxy.worker.kv.reads.length, 6);
  } finally {
    await proxy.stop();
  }
});
