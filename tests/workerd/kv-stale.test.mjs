// What was good when it was last read serves on while KV fails, within its bound; what was not never does.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertOAuthError, signed, startAuthorized } from "./authorized.mjs";
import { openStage } from "./faults/stage.mjs";
import { rateLimiter } from "./harness/limiter.mjs";

/** Reads fail; the registry can still publish. */
const DOWN = { kind: "get", status: 500 };
const SILENT = { kind: "get", hang: true };

const settings = (found, stale) => ({
  CACHE_FOUND_SECONDS: String(found),
  CACHE_MISSING_SECONDS: "0",
  CACHE_STALE_SECONDS: String(stale),
});

/** Waits until records that were read up to now are no longer used without asking KV. */
const expired = (seconds = 1) => sleep(seconds * 1_000 + 50);

async function timed(ask) {
  const started = performance.now();
  const answer = await ask();
  return { answer, ms: performance.now() - started };
}

describe("while KV fails", () => {
  let stage;
  let kv;
  before(async () => {
    stage = await openStage({ worker: { vars: settings(1, 60) } });
    ({ kv } = stage.worker);
  });
  beforeEach(() => {
    kv.heal();
    stage.core.clear();
  });
  after(() => stage.close());

  const status = async (options) => (await stage.send("read", options)).status;

  /** A key that was read as good and must be asked for again. */
  async function warm(fields) {
    const key = await stage.adminApi.apiKey(fields);
    assert.equal(await status({ key: key.key }), 200);
    return key;
  }

  async function assertStale(answer, more = {}) {
    const { level, cache, detail, ...line } = await stage.worker.logLine(answer.id);
    assert.deepEqual([level, cache], ["warn", "stale"]);
    assert.match(detail, /used as it was last read$/);
    assert.deepEqual([line.status, line.instance], [answer.status, more.instance ?? stage.instance.id]);
    return detail;
  }

  async function assertUnavailable(answer) {
    assert.deepEqual([answer.status, answer.json().error_detail.code], [503, "PROXY_REGISTRY_UNAVAILABLE"]);
    const line = await stage.worker.logLine(answer.id);
    assert.deepEqual([line.level, line.cache], ["error", undefined]);
  }

  test("warm credentials are served and reach Core, each line is marked, and cold ones get 503", async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => warm()));
    const cold = await stage.adminApi.apiKey();
    await expired();
    kv.fail(DOWN);
    kv.forget();
    stage.core.clear();
    const started = performance.now();
    const answers = [];
    do {
      for (const { key } of keys)
        answers.push(...(await Promise.all([stage.send("read", { key }), stage.send("create", { key })])));
    } while (performance.now() - started < 2_500);
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
    assert.equal(stage.core.requests.length, answers.length);
    for (const answer of answers) await assertStale(answer);
    // Six records, each by one request a second, and two at the beginning.
    const seconds = (performance.now() - started) / 1_000;
    assert.ok(kv.reads.length <= 6 * (2 + seconds), `${kv.reads.length} reads in ${seconds} s`);
    await assertUnavailable(await stage.send("create", { key: cold.key }));
    await assertUnavailable(await stage.send("read", { instance: "instance_never_read" }));
  });

  for (const [namespace, what] of [
    ["CREDENTIALS", "credential"],
    ["INSTANCES", "instance"],
  ]) {
    test(`for ${namespace} alone, the other record is fresh and this one serves on`, async () => {
      const key = await warm();
      await expired();
      kv.fail({ ...DOWN, namespace });
      const answer = await stage.send("create", { key: key.key });
      assert.equal(answer.status, 200);
      assert.ok((await assertStale(answer)).startsWith(`${what}/`));
    });
  }

  test("what was read as revoked, paused, gone or unusable is never served", async () => {
    const [revoked, gone, unusable, paused] = [await warm(), await warm(), await warm(), await warm()];
    const instance = await stage.addInstance({ base_url: stage.core.origin });
    assert.equal(await status({ instance: instance.id }), 200);
    await stage.adminApi.revoke(revoked.id);
    await stage.adminApi.patchInstance(instance.id, { status: "paused" });
    kv.remove("CREDENTIALS", `credential/${gone.id}`);
    kv.set("CREDENTIALS", `credential/${unusable.id}`, "not a record");
    await expired();
    const asked = () =>
      Promise.all([
        status({ key: revoked.key }),
        status({ key: gone.key }),
        status({ key: unusable.key }),
        status({ key: paused.key, instance: instance.id }),
      ]);
    stage.core.clear();
    assert.deepEqual(await asked(), [401, 401, 503, 404]);
    kv.fail(DOWN);
    await expired();
    assert.deepEqual(await asked(), [503, 503, 503, 503]);
    assert.deepEqual(await asked(), [503, 503, 503, 503]);
    assert.equal(stage.core.requests.length, 0);
  });

  test("a key and a secret in its grace end at their own time", async () => {
    const soon = Date.now() + 5_000;
    const expiring = await warm({ expires_at: new Date(soon).toISOString() });
    const rotated = await stage.adminApi.apiKey();
    const fresh = await stage.adminApi.expect(200, "POST", `/api-keys/${rotated.id}/rotate`, { grace_seconds: 5 });
    await kv.until("CREDENTIALS", `credential/${rotated.id}`, (text) => JSON.parse(text).revision >= fresh.revision);
    const graceOver = Date.now() + 5_000;
    assert.equal(await status({ key: rotated.key }), 200);
    await expired();
    kv.fail(DOWN);
    for (const { key } of [expiring, rotated]) await assertStale(await stage.send("read", { key }));
    await sleep(Math.max(soon, graceOver) - Date.now() + 50);
    for (const { key } of [expiring, rotated]) {
      const answer = await stage.send("read", { key });
      assert.equal(answer.status, 401);
      const line = await stage.worker.logLine(answer.id);
      assert.deepEqual([line.level, line.cache, line.credential], ["warn", "stale", undefined]);
    }
    assert.equal(await status({ key: fresh.key }), 200);
  });

  test("a change counts again within the ordinary bound once KV is back", async () => {
    const key = await warm();
    await expired();
    kv.fail(DOWN);
    assert.equal(await status({ key: key.key }), 200);
    await stage.adminApi.revoke(key.id);
    assert.equal(await status({ key: key.key }), 200, "nobody could read it");
    kv.heal();
    const healed = performance.now();
    let served = await status({ key: key.key });
    while (served === 200) {
      assert.ok(performance.now() - healed < 5_000, "still served");
      await sleep(50);
      served = await status({ key: key.key });
    }
    assert.equal(served, 401);
    kv.fail(DOWN);
    await expired();
    assert.equal(await status({ key: key.key }), 503, "it was read as revoked");
  });

  test("writes under an Idempotency-Key go on, and so does asking for one", async () => {
    const idempotencyKey = randomUUID();
    await status();
    await expired();
    kv.fail(DOWN);
    const created = await stage.send("create", { headers: { "idempotency-key": idempotencyKey } });
    assert.equal(created.status, 200, created.text());
    await assertStale(created);
    const id = randomUUID();
    const headers = { authorization: `Bearer ${stage.key.key}`, "x-request-id": id };
    const told = await stage.worker.fetch(`/idempotency/${idempotencyKey}`, { headers });
    assert.equal(told.status, 200, told.text());
    await assertStale(Object.assign(told, { id }));
  });
});

describe("a KV that is slow, and well", () => {
  /** More than a request waits that has something to fall back on, and less than KV may take. */
  const SLOW = { kind: "get", delayMs: 700 };
  let stage;
  before(async () => {
    stage = await openStage({ worker: { vars: settings(1, 60) } });
  });
  after(() => stage.close());

  /** How long a revoked key is still served, in milliseconds, while `probe` goes on beside. */
  async function servedAfterRevocation(probe) {
    const { kv } = stage.worker;
    const key = await stage.adminApi.apiKey();
    assert.equal((await stage.send("read", { key: key.key })).status, 200);
    await stage.adminApi.revoke(key.id);
    kv.fail(SLOW);
    await expired();
    const started = performance.now();
    for (;;) {
      if (probe) await probe(key.key);
      const { status } = await stage.send("create", { key: key.key });
      const ms = performance.now() - started;
      if (status === 401) return ms;
      assert.ok(status === 200 && ms < 20_000, `${status} after ${ms} ms`);
      await sleep(50);
    }
  }

  test("has its answer taken in though no request waits for it: a revocation counts within seconds", async () => {
    assert.ok((await servedAfterRevocation()) < 10_000);
  });

  test("has it taken in though every caller hangs up: who is revoked cannot keep it from being seen", async () => {
    const { port } = new URL(stage.worker.origin);
    const probe = (key) =>
      new Promise((resolve) => {
        const socket = connect(Number(port), "127.0.0.1", () => {
          socket.write(
            `GET /proxy/ledgers?instance_id=${stage.instance.id} HTTP/1.1\r\nHost: x\r\n` +
              `Authorization: Bearer ${key}\r\n\r\n`,
          );
          setTimeout(() => {
            socket.resetAndDestroy();
            resolve();
          }, 12);
        });
        socket.on("error", () => {});
      });
    assert.ok((await servedAfterRevocation(probe)) < 10_000);
  });
});

describe("while KV is silent", () => {
  const FOUND = 2;
  let stage;
  before(async () => {
    stage = await openStage({ worker: { vars: settings(FOUND, 60) } });
  });
  after(() => stage.close());

  test("the first request waits for half a second, the next not at all, and then one asks now and then", async () => {
    const { kv } = stage.worker;
    await stage.send("read");
    await expired(FOUND);
    kv.fail(SILENT);
    const first = await timed(() => stage.send("create"));
    assert.equal(first.answer.status, 200);
    assert.ok(first.ms >= 450 && first.ms < 1_900, `${first.ms} ms`);
    assert.match(
      (await stage.worker.logLine(first.answer.id)).detail,
      /^credential\/.*: KV did not answer within 500 ms; it is used/,
    );
    kv.forget();
    const next = await Promise.all(Array.from({ length: 10 }, () => stage.send("read")));
    assert.deepEqual(
      next.map((answer) => answer.status),
      Array(10).fill(200),
    );
    assert.deepEqual(kv.reads, [], "KV is left alone");
    assert.equal(
      (await stage.worker.logLine(next[0].id)).detail,
      "KV failed or was late a moment ago; a record is used as it was last read",
    );

    await expired(FOUND);
    const later = await Promise.all(Array.from({ length: 10 }, () => timed(() => stage.send("read"))));
    assert.deepEqual(
      later.map(({ answer }) => answer.status),
      Array(10).fill(200),
    );
    // By one of the ten, or by two on a machine so slow that the first one's time was over.
    assert.ok(kv.reads.length >= 2 && kv.reads.length <= 6, `${kv.reads.length} reads of two records`);

    const cold = await timed(() => stage.send("read", { instance: "instance_never_read" }));
    assert.equal(cold.answer.status, 503);
    assert.ok(cold.ms >= 1_900, "where there is nothing to fall back on, KV gets its time");
    assert.match(
      (await stage.worker.logLine(cold.answer.id)).detail,
      /^instance\/.*: KV did not answer within 2000 ms$/,
    );
  });

  test("records that are read one after the other share the half second", async () => {
    stage.worker.kv.heal();
    const key = await stage.adminApi.apiKey({ default_instance: stage.instance.id });
    let best = Infinity;
    for (let round = 0; round < 3 && best >= 950; round += 1) {
      stage.worker.kv.heal();
      await expired(FOUND);
      assert.equal((await stage.send("read", { key: key.key })).status, 200);
      await expired(FOUND);
      stage.worker.kv.fail(SILENT);
      const headers = { authorization: `Bearer ${key.key}` };
      const { answer, ms } = await timed(() => stage.worker.fetch("/proxy/ledgers", { headers }));
      assert.equal(answer.status, 200);
      best = Math.min(best, ms);
    }
    assert.ok(best >= 450 && best < 950, `${best} ms`);
  });
});

test("the rate limit counts those who are served on as well, and its own failure is told beside KV's", async (t) => {
  for (const [limiter, statuses] of [
    [{ limit: 2 }, [200, 429]],
    [{ broken: true }, [200, 200]],
  ]) {
    const stage = await openStage({
      worker: { ...rateLimiter({ name: "RATE_LIMITER", ...limiter }), vars: settings(1, 60) },
    });
    t.after(() => stage.close());
    assert.equal((await stage.send("read")).status, 200);
    await expired();
    stage.worker.kv.fail(DOWN);
    for (const status of statuses) {
      const answer = await stage.send("create");
      assert.equal(answer.status, status);
      const { level, cache, detail } = await stage.worker.logLine(answer.id);
      assert.deepEqual([level, cache], ["warn", "stale"]);
      if (limiter.broken) assert.match(detail, /^the rate limiter failed, .*; .*KV failed.*as it was last read$/);
    }
  }
});

describe("the bound", () => {
  test("is CACHE_FOUND_SECONDS and CACHE_STALE_SECONDS after the last read", async (t) => {
    const stage = await openStage({ worker: { vars: settings(1, 2) } });
    t.after(() => stage.close());
    const sentAt = performance.now();
    assert.equal((await stage.send("read")).status, 200);
    const readAt = performance.now();
    stage.worker.kv.fail(DOWN);
    await expired();
    const answer = await stage.send("read");
    if (performance.now() - sentAt < 3_000) assert.equal(answer.status, 200);
    await sleep(readAt + 3_050 - performance.now());
    assert.equal((await stage.send("read")).status, 503);
    stage.worker.kv.heal();
    assert.equal((await stage.send("read")).status, 200);
  });

  for (const [name, vars] of [
    ["CACHE_STALE_SECONDS", settings(1, 0)],
    ["CACHE_FOUND_SECONDS", settings(0, 60)],
    ["CACHE_ENTRIES", { ...settings(1, 60), CACHE_ENTRIES: "0" }],
  ]) {
    test(`with ${name} at 0 nothing serves on`, async (t) => {
      const stage = await openStage({ worker: { vars } });
      t.after(() => stage.close());
      assert.equal((await stage.send("read")).status, 200);
      await expired();
      stage.worker.kv.fail(DOWN);
      assert.equal((await stage.send("read")).status, 503);
      assert.equal((await stage.send("create")).status, 503);
    });
  }
});

describe("OAuth while KV fails", () => {
  let edge;
  before(async () => {
    edge = await startAuthorized({ vars: settings(1, 60) });
  });
  after(() => edge.stop());

  test("tokens are good until they expire and can be given back, and none is issued", async () => {
    const { kv } = edge.worker;
    const use = (key, headers = {}) => edge.call("GET", "/ledgers", { key, headers });
    const [client, disabled] = [await edge.client(), await edge.client()];
    const [token, sister, lost] = [await edge.token(client), await edge.token(client), await edge.token(disabled)];
    for (const one of [token, sister, lost]) assert.equal((await use(one)).status, 200);
    await edge.patchClient(disabled.id, { status: "disabled" });
    await expired();
    assert.equal((await use(lost)).status, 401);
    const ends = Date.now() + 3_000;
    const expiring = signed({ client: client.id, expiresAt: ends, issuedAt: ends - 60_000 });
    assert.equal((await use(token)).status, 200);
    await expired();

    kv.fail(DOWN);
    assert.equal((await use(token, { "X-Request-Id": "stale-token" })).status, 200);
    assert.equal((await edge.worker.logLine("stale-token")).cache, "stale");
    assert.equal((await use(expiring)).status, 200);
    assert.equal((await use(lost)).status, 503);
    assertOAuthError(await edge.askToken(client, {}, { "X-Request-Id": "no-token" }), 503, "temporarily_unavailable");
    const { level, cache, detail } = await edge.worker.logLine("no-token");
    assert.deepEqual([level, cache], ["error", "miss"]);
    assert.match(detail, /^credential\/.*: KV failed/);

    await sleep(ends - Date.now() + 50);
    assert.equal((await use(expiring)).status, 401);
    assert.equal((await edge.revoke(client, token)).status, 200);
    assert.equal((await use(token)).status, 401);
    assert.equal((await use(sister)).status, 200);
    kv.heal();
    await expired();
    assert.equal((await use(token)).status, 401);
    assert.equal((await edge.askToken(client)).status, 200);
  });
});
