// KV on its bad days, as the request path sees it: slow, failing, silent, or holding what cannot be used.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { openStage } from "./faults/stage.mjs";

const NO_CACHE = { CACHE_FOUND_SECONDS: "0", CACHE_MISSING_SECONDS: "0" };
const OTHER_KEY = Buffer.alloc(32, 9).toString("base64");

describe("KV", () => {
  let stage;
  let kv;
  let records;
  let good;
  before(async () => {
    stage = await openStage({ worker: { vars: NO_CACHE } });
    ({ kv } = stage.worker);
    records = {
      CREDENTIALS: `credential/${stage.key.id}`,
      INSTANCES: `instance/${stage.instance.id}`,
    };
    good = Object.fromEntries(Object.entries(records).map(([name, key]) => [name, kv.value(name, key)]));
  });
  beforeEach(() => {
    kv.heal();
    for (const [name, key] of Object.entries(records)) kv.set(name, key, good[name]);
    stage.core.clear();
  });
  after(() => stage.close());

  const FAULTS = {
    "failing with 500": [{ status: 500 }, /KV failed: /],
    "failing with 429": [{ status: 429 }, /KV failed: /],
    "breaking the connection": [{ reset: true }, /KV failed: /],
    "never answering": [{ hang: true }, /KV did not answer within 2000 ms$/],
  };
  for (const [name, [fault, why]] of Object.entries(FAULTS)) {
    for (const namespace of ["CREDENTIALS", "INSTANCES"]) {
      test(`${name} for ${namespace} is told, with what is known of a write`, async () => {
        kv.fail({ namespace, ...fault });
        const started = performance.now();
        const [read, create] = await Promise.all([stage.send("read"), stage.send("create")]);
        assert.ok(performance.now() - started < 2_900);
        await unavailable(read, undefined, namespace, why);
        await unavailable(create, "not_sent", namespace, why);
        kv.heal();
        assert.equal((await stage.send("create")).status, 200);
      });
    }
  }

  test("that is slow, but not too slow, only takes its time", async () => {
    kv.fail({ delayMs: 1_200 });
    assert.equal((await stage.send("read")).status, 200);
  });

  const changed = (name, change) => {
    const record = JSON.parse(good[name]);
    return JSON.stringify({ ...record, ...change(record) });
  };
  const UNUSABLE = [
    ["garbage", "CREDENTIALS", () => "\u0000 not a record", /shape/],
    ["nothing but white space", "CREDENTIALS", () => " ", /shape/],
    ["no UTF-8", "INSTANCES", () => Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), /shape/],
    ["half a record", "INSTANCES", () => good.INSTANCES.slice(0, 80), /shape/],
    ["a number in place of the scopes", "CREDENTIALS", () => changed("CREDENTIALS", () => ({ scopes: 7 })), /shape/],
    ["a newer version", "CREDENTIALS", () => changed("CREDENTIALS", () => ({ v: 2 })), /version 2/],
    ["a newer version", "INSTANCES", () => changed("INSTANCES", () => ({ v: 99 })), /version 99/],
    ["a damaged seal", "INSTANCES", () => changed("INSTANCES", damaged), /does not open/],
    ["another Core's address over the same seal", "INSTANCES", () => changed("INSTANCES", elsewhere), /does not open/],
    [
      "a seal under a key that is not configured",
      "INSTANCES",
      () => changed("INSTANCES", foreign),
      /sealed under the key 00000000/,
    ],
  ];
  for (const [name, namespace, value, why] of UNUSABLE) {
    test(`that holds ${name} in ${namespace} is told, and nothing reaches Core`, async () => {
      kv.set(namespace, records[namespace], value());
      await unavailable(await stage.send("create"), "not_sent", namespace, why);
      assert.equal(stage.core.requests.length, 0);
    });
  }

  async function unavailable(answer, outcome, namespace, why) {
    const { code, details } = answer.json().error_detail;
    assert.deepEqual([answer.status, code, details.outcome], [503, "PROXY_REGISTRY_UNAVAILABLE", outcome]);
    assert.equal(answer.headers.get("retry-after"), "5");
    const line = await stage.worker.logLine(answer.id);
    assert.deepEqual([line.level, line.status, line.code], ["error", 503, "PROXY_REGISTRY_UNAVAILABLE"]);
    assert.ok(line.detail.startsWith(`${records[namespace]}: `), line.detail);
    assert.match(line.detail, why);
    // The caller is not told which record it was, or why.
    assert.ok(!answer.text().includes("KV") && !answer.text().includes(stage.key.id));
  }
});

describe("while KV is down", () => {
  let stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage.close());

  test("what is cached goes on working, and what is not is told", async () => {
    assert.equal((await stage.send("read")).status, 200);
    stage.worker.kv.fail({ status: 500 });
    assert.equal((await stage.send("create")).status, 200);
    assert.equal((await stage.send("read", { instance: "not_cached" })).status, 503);
    assert.equal((await stage.send("read")).status, 200);
    stage.worker.kv.heal();
    assert.equal((await stage.send("read", { instance: "not_cached" })).status, 404);
  });

  test("a failure is not remembered as a missing record", async () => {
    const { id, key } = await stage.adminApi.apiKey();
    stage.worker.kv.fail({ key: `credential/${id}`, status: 500, times: 1 });
    assert.equal((await stage.send("read", { key })).status, 503);
    assert.equal((await stage.send("read", { key })).status, 200);
  });
});

describe("a setting that no longer allows a record", () => {
  test("an insecure base_url is refused once ALLOW_INSECURE_CORE is off, and the log says so", async (t) => {
    const stage = await openStage();
    t.after(() => stage.close());
    await stage.worker.restart({ vars: { ALLOW_INSECURE_CORE: "false" } });
    const answer = await stage.send("create");
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "5"]);
    const { detail } = await stage.worker.logLine(answer.id);
    assert.match(detail, new RegExp(`^instance/${stage.instance.id}: base_url .*ALLOW_INSECURE_CORE`));
    assert.equal(stage.core.requests.length, 0);
  });

  test("the sealing key is rotated while callers call, and the old one can be taken out", async (t) => {
    const stage = await openStage();
    t.after(() => stage.close());
    const old = stage.worker.vars.SEALING_KEY;
    await stage.worker.restart({ vars: { SEALING_KEY: OTHER_KEY, SEALING_KEY_PREVIOUS: old } });
    assert.equal((await stage.send("create")).status, 200);
    const resealed = await stage.adminApi.expect(200, "POST", "/instances/reseal");
    assert.deepEqual([resealed.resealed, resealed.left], [1, 0]);
    assert.equal((await stage.send("create")).status, 200);
    await stage.worker.restart({ vars: { SEALING_KEY_PREVIOUS: null } });
    assert.equal((await stage.send("create")).status, 200);
    assert.equal(stage.core.requests.at(-1).headers.get("x-blnk-key"), stage.coreKey);
    // The old key alone opens nothing any more.
    await stage.worker.restart({ vars: { SEALING_KEY: old } });
    assert.equal((await stage.send("create")).status, 503);
  });
});

function damaged({ core_key: sealed }) {
  const last = sealed.at(-9) === "A" ? "B" : "A";
  return { core_key: sealed.slice(0, -9) + last + sealed.slice(-8) };
}

function elsewhere() {
  return { base_url: "http://127.0.0.1:9" };
}

function foreign({ core_key: sealed }) {
  const [format, , text] = sealed.split(".");
  return { core_key: [format, "00000000", text].join(".") };
}
