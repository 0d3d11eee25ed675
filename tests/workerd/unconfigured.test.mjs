// A worker that is not set up fails closed, and says which setting it lacks.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startUpstream } from "./harness/upstream.mjs";
import { startWorker } from "./harness/workerd.mjs";
import { assertError, startProxy } from "./proxied.mjs";
import { apiKey } from "./tokens.mjs";

const SECRET = "a-value-that-is-never-shown";

/** Options of a worker, and the settings that its error must name. */
const LACKING = [
  [{ without: ["CREDENTIALS"] }, ["CREDENTIALS is not bound"]],
  [{ without: ["INSTANCES"] }, ["INSTANCES is not bound"]],
  [{ kv: null }, ["CREDENTIALS is not bound", "INSTANCES is not bound"]],
  [{ without: ["REGISTRY"] }, ["REGISTRY is not bound"]],
  [{ vars: { SEALING_KEY: null } }, ["SEALING_KEY is not set"]],
  [{ vars: { SEALING_KEY: "" } }, ["SEALING_KEY is not set"]],
  [{ vars: { SEALING_KEY: SECRET } }, ["SEALING_KEY must be the base64 of 32 bytes"]],
  [{ vars: { SEALING_KEY_PREVIOUS: SECRET } }, ["SEALING_KEY_PREVIOUS must be the base64 of 32 bytes"]],
  [{ vars: { ALLOW_INSECURE_CORE: SECRET } }, ["ALLOW_INSECURE_CORE must be true or false"]],
  [
    {
      vars: {
        MAX_TRANSACTION_BYTES: "1",
        CACHE_ENTRIES: "-1",
        CACHE_FOUND_SECONDS: SECRET,
        CACHE_MISSING_SECONDS: "1e9",
        LOG: "2",
      },
    },
    ["MAX_TRANSACTION_BYTES", "CACHE_ENTRIES", "CACHE_FOUND_SECONDS", "CACHE_MISSING_SECONDS", "LOG"],
  ],
];

for (const [options, named] of LACKING) {
  test(`${JSON.stringify(options)}: everything but /healthz is refused with ${named.join(" and ")}`, async () => {
    const worker = await startWorker(options);
    try {
      const headers = { authorization: `Bearer ${apiKey("0000000000000000")}`, "x-request-id": "bare" };
      const answer = await worker.fetch("/proxy/transactions?instance_id=a", { method: "POST", headers, body: "{}" });
      const details = assertError(answer, 500, "PROXY_MISCONFIGURED");
      assert.equal(details.outcome, "not_sent");
      for (const fault of named) assert.ok(answer.json().error.includes(fault), answer.text());
      assertError(
        await worker.fetch("/admin/instances", { headers: { authorization: "Bearer x" } }),
        500,
        "PROXY_MISCONFIGURED",
      );
      assert.equal((await worker.fetch("/healthz")).status, 200);
      const { level, detail } = await worker.logLine("bare");
      assert.equal(level, "error");
      for (const fault of named) assert.ok(detail.includes(fault), detail);
      assert.ok(![answer.text(), ...worker.logs].some((text) => text.includes(SECRET)), "a value is shown");
    } finally {
      await worker.stop();
    }
  });
}

describe("without a good ADMIN_TOKEN", () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  for (const ADMIN_TOKEN of [null, "", "short", "x".repeat(31), `ops=${"x".repeat(31)}`]) {
    test(`(${ADMIN_TOKEN}) /admin is not there, the log says why, and the proxy goes on`, async () => {
      await proxy.worker.restart({ vars: { ADMIN_TOKEN } });
      const id = `admin-${String(ADMIN_TOKEN).length}`;
      const token = ADMIN_TOKEN?.replace("ops=", "") ?? "";
      const headers = { authorization: `Bearer ${token}`, "x-request-id": id };
      assertError(await proxy.worker.fetch("/admin/instances", { headers }), 404, "ADMIN_NOT_FOUND");
      assert.match((await proxy.worker.logLine(id)).detail, /^ADMIN_TOKEN /);
      assert.equal((await proxy.call("GET", "/ledgers")).status, 200);
    });
  }
});

test("a record sealed under a key that is not configured is not used, and the log names key and record", async () => {
  const proxy = await startProxy();
  try {
    await proxy.worker.restart({ vars: { SEALING_KEY: Buffer.alloc(32, 9).toString("base64") } });
    const answer = await proxy.call("POST", "/ledgers", { body: "{}", headers: { "X-Request-Id": "sealed" } });
    assert.equal(assertError(answer, 503, "PROXY_REGISTRY_UNAVAILABLE").outcome, "not_sent");
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    const { detail } = await proxy.worker.logLine("sealed");
    assert.match(detail, new RegExp(`instance/${proxy.instance.id}.*sealed under the key [0-9a-f]{8}`));
    assert.deepEqual(proxy.arrived(), []);
  } finally {
    await proxy.stop();
  }
});

test("an empty registry refuses every key and asks Core nothing", async () => {
  const upstream = await startUpstream();
  const worker = await startWorker();
  try {
    const headers = { authorization: `Bearer ${apiKey("0000000000000000")}` };
    assertError(await worker.fetch("/proxy/ledgers?instance_id=a", { headers }), 401, "PROXY_INVALID_CREDENTIAL");
    assert.equal(upstream.connections, 0);
  } finally {
    await worker.stop();
    await upstream.stop();
  }
});
