// What an administrator does, and what it does to callers: keys and instances from their making to their end, seen
// through the proxy itself.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startCore } from "../../dev/core/server.mjs";
import { admin } from "./harness/admin.mjs";
import { CORE_KEY, assertError, startProxy } from "./proxied.mjs";
import { NONCE_LENGTH, open, sealedBytes } from "./sealed.mjs";

/** The isolate's cache is switched off, so that a change is seen as soon as it is published. */
const AT_ONCE = { vars: { CACHE_ENTRIES: "0" } };

let proxy;
before(async () => (proxy = await startProxy(AT_ONCE)));
after(() => proxy.stop());

const status = async (key, instance = proxy.instance.id, method = "GET") =>
  (await proxy.call(method, "/ledgers", { key, instance, body: method === "POST" ? "{}" : undefined })).status;
const create = (fields) => proxy.adminApi.expect(201, "POST", "/api-keys", { name: "key", scopes: ["*"], ...fields });
const refused = async (method, path, body) => {
  const details = assertError(await proxy.adminApi.call(method, path, body), 400, "ADMIN_INVALID_REQUEST");
  return details.fields.map(({ field }) => field);
};

describe("a key", () => {
  test("works at once, and says that it is published", async () => {
    const { key, published, ...record } = await create({ name: "Checkout", scopes: ["proxy:read"] });
    assert.equal(await status(key), 200);
    assert.equal(published, true);
    assert.match(key, /^blnk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/);
    assert.equal(key.split("_")[1], record.id);
    const { name, scopes, workspace, instances, default_instance, expires_at, status: state, revision } = record;
    const expected = { name: "Checkout", scopes: ["proxy:read"], workspace: "default", state: "active", revision: 1 };
    assert.deepEqual({ name, scopes, workspace, state, revision }, expected);
    assert.deepEqual([instances, default_instance, expires_at], [null, null, null]);
  });

  test("is shown once: no later answer and no list has it, or its hash", async () => {
    const { id, key } = await create({});
    const hash = JSON.parse(proxy.worker.kv.value("CREDENTIALS", `credential/${id}`)).secrets[0].sha256;
    const later = [
      await proxy.adminApi.expect(200, "GET", `/api-keys/${id}`),
      await proxy.adminApi.expect(200, "PATCH", `/api-keys/${id}`, { name: "other" }),
      await proxy.adminApi.expect(200, "GET", "/api-keys?limit=100"),
      await proxy.adminApi.expect(200, "GET", "/audit?limit=100"),
      await proxy.adminApi.expect(200, "POST", `/api-keys/${id}/revoke`),
      await proxy.adminApi.expect(200, "DELETE", `/api-keys/${id}`),
    ];
    const text = JSON.stringify(later);
    assert.ok(text.includes(id));
    for (const secret of [key, key.split("_")[2], hash]) assert.ok(!text.includes(secret));
  });

  test("may do what its scopes say, also after they were changed", async () => {
    const { id, key } = await create({ scopes: [] });
    assert.equal(await status(key), 403);
    for (const [scopes, reads, writes] of [
      [["proxy:read"], 200, 403],
      [["proxy:write"], 403, 200],
      [["*"], 200, 200],
      [[], 403, 403],
    ]) {
      await proxy.adminApi.patchApiKey(id, { scopes });
      assert.deepEqual([await status(key), await status(key, undefined, "POST")], [reads, writes]);
    }
  });

  test("reaches the instances that it names and their workspace alone", async () => {
    const base = { base_url: proxy.upstream.origin };
    const [a, b] = [await proxy.adminApi.instance(base), await proxy.adminApi.instance(base)];
    const foreign = await proxy.adminApi.instance({ ...base, workspace: "other" });
    const { id, key } = await create({ instances: [a.id] });
    assert.deepEqual(
      [await status(key, a.id), await status(key, b.id), await status(key, foreign.id)],
      [200, 404, 404],
    );
    await proxy.adminApi.patchApiKey(id, { instances: null });
    assert.deepEqual(
      [await status(key, a.id), await status(key, b.id), await status(key, foreign.id)],
      [200, 200, 404],
    );
    const { key: theirs } = await create({ workspace: "other", default_instance: foreign.id });
    assert.deepEqual(
      [await status(theirs, foreign.id), await status(theirs, a.id), await status(theirs, null)],
      [200, 404, 200],
    );
  });

  test("that is rotated leaves the old one valid for its grace and no longer", async () => {
    const { id, key: first } = await create({});
    const { key: second, previous_key_until } = await proxy.adminApi.expect(200, "POST", `/api-keys/${id}/rotate`, {
      grace_seconds: 1,
    });
    assert.ok(Date.parse(previous_key_until) - Date.now() <= 1_000);
    assert.deepEqual([await status(first), await status(second)], [200, 200]);
    await sleep(1_050);
    assert.deepEqual([await status(first), await status(second)], [401, 200]);
    const { key: third } = await proxy.adminApi.expect(200, "POST", `/api-keys/${id}/rotate`);
    assert.deepEqual([await status(second), await status(third)], [401, 200]);
    assert.equal(new Set([first, second, third]).size, 3);
  });

  test("ends when it expires, though it is cached", async () => {
    const cached = await startProxy();
    try {
      const expires_at = new Date(Date.now() + 1_500).toISOString();
      const { key, expires_at: shown } = await cached.adminApi.apiKey({ expires_at });
      assert.equal(shown, expires_at);
      assert.equal((await cached.call("GET", "/ledgers", { key })).status, 200);
      cached.worker.kv.forget();
      await sleep(1_600);
      assertError(await cached.call("GET", "/ledgers", { key }), 401, "PROXY_INVALID_CREDENTIAL");
      assert.deepEqual(cached.worker.kv.reads, []);
    } finally {
      await cached.stop();
    }
  });

  test("that is revoked or deleted is so for good", async () => {
    const [revoked, deleted] = [await create({}), await create({})];
    await proxy.adminApi.expect(200, "POST", `/api-keys/${revoked.id}/revoke`);
    await proxy.adminApi.expect(200, "DELETE", `/api-keys/${deleted.id}`);
    assert.deepEqual([await status(revoked.key), await status(deleted.key)], [401, 401]);
    for (const { id } of [revoked, deleted]) {
      await proxy.adminApi.expect(409, "PATCH", `/api-keys/${id}`, { name: "back" });
      await proxy.adminApi.expect(409, "POST", `/api-keys/${id}/rotate`);
    }
    assert.deepEqual(await refused("PATCH", `/api-keys/${(await create({})).id}`, { status: "active" }), ["status"]);
    const { data } = await proxy.adminApi.expect(200, "GET", "/api-keys?limit=100");
    const listed = Object.fromEntries(data.map((record) => [record.id, record.status]));
    assert.deepEqual([listed[revoked.id], listed[deleted.id]], ["revoked", undefined]);
    assert.equal((await proxy.adminApi.expect(200, "GET", `/api-keys/${deleted.id}`)).status, "deleted");
    const only = await proxy.adminApi.expect(200, "GET", "/api-keys?status=revoked&limit=100");
    assert.ok(
      only.data.some(({ id }) => id === revoked.id) && only.data.every((record) => record.status === "revoked"),
    );
  });

  test("with faults is not made, and each fault is named", async () => {
    const long = "a".repeat(129);
    for (const [body, fields] of [
      [{}, ["name", "scopes"]],
      [
        { name: long, scopes: ["admin"], workspace: "a b", expires_at: "tomorrow", colour: 1 },
        ["name", "scopes", "workspace", "expires_at", "colour"],
      ],
      [{ name: "x", scopes: ["*"], instances: ["instance_nobody"] }, ["instances"]],
      [
        { name: "x", scopes: ["*"], instances: [], default_instance: "instance_nobody" },
        ["instances", "default_instance"],
      ],
      [{ name: "x", scopes: ["*"], expires_at: "2020-01-01T00:00:00Z" }, ["expires_at"]],
      [{ name: "x", scopes: ["*"], id: "0000000000000000", status: "active" }, ["id", "status"]],
      ['{"name":"x","name":"y","scopes":["*"]}', ["name"]],
      ["[]", ["body"]],
      ["{", ["body"]],
    ]) {
      assert.deepEqual(await refused("POST", "/api-keys", body), fields, JSON.stringify(body));
    }
    assert.deepEqual(await refused("GET", "/api-keys?limit=0&page=2"), ["limit", "page"]);
  });
});

describe("an instance", () => {
  test("takes a new Core only with that Core's key, and calls go there", async () => {
    const other = await startCore({ key: "other-core-key" });
    try {
      const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
      assert.deepEqual(await refused("PATCH", `/instances/${id}`, { base_url: other.url }), ["core_key"]);
      assert.equal(await status(proxy.key.key, id), 200);
      await proxy.adminApi.patchInstance(id, { base_url: other.url, core_key: "other-core-key" });
      proxy.arrived();
      assert.equal(await status(proxy.key.key, id), 200);
      assert.deepEqual([proxy.arrived(), other.requests.get("GET /ledgers")], [[], 1]);
      const verdict = await proxy.adminApi.expect(200, "POST", `/instances/${id}/check`);
      assert.deepEqual(verdict, {
        reachable: true,
        secure_mode: true,
        key_accepted: true,
        master_key: true,
        problems: [],
      });
    } finally {
      await other.close();
    }
  });

  test("that is paused or deleted is closed to every key, and open again only from a pause", async () => {
    const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    const { key } = await create({ instances: [id], default_instance: id });
    await proxy.adminApi.patchInstance(id, { status: "paused" });
    assert.deepEqual([await status(key, id), await status(key, null)], [404, 404]);
    await proxy.adminApi.patchInstance(id, { status: "active" });
    assert.equal(await status(key, null), 200);
    await proxy.adminApi.expect(200, "DELETE", `/instances/${id}`);
    assert.deepEqual([await status(key, id), await status(key, null)], [404, 404]);
    await proxy.adminApi.expect(409, "PATCH", `/instances/${id}`, { status: "active" });
    const again = { id, name: "again", base_url: proxy.upstream.origin, core_key: "k" };
    assertError(await proxy.adminApi.call("POST", "/instances", again), 409, "ADMIN_CONFLICT");
  });

  test("has its secrets sealed so that WebCrypto opens them for it alone, each under a nonce of its own", async () => {
    const access = { client_id: "id.access", client_secret: "access-secret" };
    const make = async () => {
      const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin, access });
      return JSON.parse(proxy.worker.kv.value("INSTANCES", `instance/${id}`));
    };
    const records = [await make(), await make()];
    const nonces = new Set();
    for (const { id: instance, workspace, core_key, access: kept } of records) {
      const secrets = [
        ["core_key", core_key, CORE_KEY],
        ["access.client_id", kept.client_id, access.client_id],
        ["access.client_secret", kept.client_secret, access.client_secret],
      ];
      for (const [field, text, clear] of secrets) {
        const binding = { instance, workspace, field, origin: proxy.upstream.origin };
        assert.equal(await open(text, binding), clear);
        await assert.rejects(open(text, { ...binding, instance: proxy.instance.id }));
        nonces.add(sealedBytes(text).subarray(0, NONCE_LENGTH).toString("hex"));
      }
    }
    assert.equal(nonces.size, 6);
  });

  test("that is deleted keeps nothing that opens its Core", async () => {
    const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    const sealed = () => JSON.parse(proxy.worker.kv.value("INSTANCES", `instance/${id}`)).core_key;
    assert.ok(sealed().length > 40);
    await proxy.adminApi.expect(200, "DELETE", `/instances/${id}`);
    await proxy.worker.kv.until("INSTANCES", `instance/${id}`, (text) => JSON.parse(text).status === "deleted");
    assert.ok(sealed().length < 10, sealed());
  });

  test("with faults is not made or changed, and each fault is named", async () => {
    const good = { name: "x", base_url: "https://core.example.com", core_key: "k" };
    const everything = {
      id: "a b",
      name: "",
      base_url: "https://u:p@core.example.com/?x",
      core_key: "two words",
      workspace: "",
      profile: "all",
      timeout_ms: 999,
      upload_timeout_ms: 300_001,
      default_precision: 0,
      zero_precision: "maybe",
      access: { client_id: "x" },
      status: "active",
      more: 1,
    };
    assert.deepEqual((await refused("POST", "/instances", everything)).sort(), [
      "access.client_secret",
      "base_url",
      "core_key",
      "default_precision",
      "id",
      "more",
      "name",
      "profile",
      "status",
      "timeout_ms",
      "upload_timeout_ms",
      "workspace",
      "zero_precision",
    ]);
    for (const base_url of [
      "core.example.com",
      "ftp://core.example.com",
      "https://core.example.com/#x",
      "https://",
      "",
      5,
    ]) {
      assert.deepEqual(await refused("POST", "/instances", { ...good, base_url }), ["base_url"], base_url);
    }
    const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin });
    assert.deepEqual(await refused("PATCH", `/instances/${id}`, { id: "b", workspace: "c", timeout_ms: "1000" }), [
      "timeout_ms",
      "id",
      "workspace",
    ]);
    assert.equal((await proxy.adminApi.expect(200, "GET", `/instances/${id}`)).revision, 1);
  });

  test("without ALLOW_INSECURE_CORE must be https with a name", async () => {
    const strict = await startProxy(AT_ONCE);
    try {
      await strict.worker.restart({ vars: { ALLOW_INSECURE_CORE: "false" } });
      const adminApi = admin(strict.worker);
      for (const base_url of [
        "http://core.example.com",
        "https://127.0.0.1",
        "https://localhost",
        "https://[::1]:5001",
      ]) {
        const answer = await adminApi.call("POST", "/instances", { name: "x", base_url, core_key: "k" });
        assert.deepEqual(
          assertError(answer, 400, "ADMIN_INVALID_REQUEST").fields.map(({ field }) => field),
          ["base_url"],
        );
      }
      await adminApi.expect(201, "POST", "/instances", {
        name: "x",
        base_url: "https://core.example.com",
        core_key: "k",
      });
      // One that was registered while it was allowed is not called any more, and the log names it.
      const answer = await strict.call("GET", "/ledgers", { headers: { "X-Request-Id": "insecure" } });
      assertError(answer, 503, "PROXY_REGISTRY_UNAVAILABLE");
      assert.match((await strict.worker.logLine("insecure")).detail, new RegExp(strict.instance.id));
      assert.deepEqual(strict.arrived(), []);
    } finally {
      await strict.stop();
    }
  });
});

test("the audit trail has one line a change, newest first, in pages, and no secret", async () => {
  const { id } = await proxy.adminApi.instance({ base_url: proxy.upstream.origin, core_key: "a-key-to-look-for" });
  await proxy.adminApi.patchInstance(id, { timeout_ms: 5_000, core_key: "another-key-to-look-for" });
  await proxy.adminApi.expect(200, "DELETE", `/instances/${id}`);
  const lines = [];
  for (let cursor = ""; lines.length < 3; ) {
    const page = await proxy.adminApi.expect(200, "GET", `/audit?limit=1${cursor}`);
    assert.equal(page.data.length, 1);
    lines.push(...page.data);
    cursor = `&cursor=${page.cursor}`;
  }
  assert.deepEqual(
    lines.map(({ action, kind, id: of, actor }) => [action, kind, of, actor]),
    [
      ["delete", "instance", id, "admin"],
      ["update", "instance", id, "admin"],
      ["create", "instance", id, "admin"],
    ],
  );
  assert.deepEqual(
    lines.map(({ seq }) => seq),
    [0, -1, -2].map((step) => lines[0].seq + step),
  );
  const text = JSON.stringify(lines);
  assert.match(text, /timeout_ms/);
  assert.doesNotMatch(text, /to-look-for/);
});
