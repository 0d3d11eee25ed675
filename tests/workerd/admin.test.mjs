// The management surface on real workerd: who may ask, what is kept, what is published, and what a check sees.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { CORE_KEY, admin } from "./harness/admin.mjs";
import { hang, reply } from "./harness/replies.mjs";
import { closedPort, startUpstream } from "./harness/upstream.mjs";
import { TEST_VARS, startWorker } from "./harness/workerd.mjs";

let worker;
let adminApi;
before(async () => {
  worker = await startWorker();
  adminApi = admin(worker);
});
after(() => worker.stop());

const NEW = { name: "Main", base_url: "https://core.example.com", core_key: CORE_KEY };

describe("who may ask", () => {
  test("nobody without the token, in the one error shape and with a challenge", async () => {
    for (const authorization of ["Bearer wrong", "Basic eDp5", `Bearer ${TEST_VARS.ADMIN_TOKEN}x`, ""]) {
      const answer = await worker.fetch("/admin/instances", { headers: authorization ? { authorization } : {} });
      assert.equal(answer.status, 401, authorization);
      assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="blnk-edge admin"');
      assert.equal(answer.json().error_detail.code, "ADMIN_UNAUTHORIZED");
    }
  });

  test("an answer carries the request's id and is kept by no cache", async () => {
    const answer = await adminApi.call("GET", "/instances", undefined, { "x-request-id": "adm-1" });
    assert.equal(answer.headers.get("x-request-id"), "adm-1");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const { route, actor, status, code } = await worker.logLine("adm-1");
    assert.deepEqual(
      { route, actor, status, code },
      { route: "/admin/instances", actor: "admin", status: 200, code: undefined },
    );
  });

  test("a body that nobody wants loses no answer", async () => {
    for (let n = 0; n < 10; n += 1) {
      const answer = await worker.fetch("/admin/instances", { method: "POST", body: "x".repeat(300_000) });
      assert.equal(answer.status, 401);
    }
  });

  test("what is no route is 404, another method 405 with Allow", async () => {
    assert.equal((await adminApi.call("GET", "/nothing")).status, 404);
    assert.equal((await adminApi.call("GET", "")).status, 404);
    const answer = await adminApi.call("PUT", "/instances/a", "{}");
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET, PATCH, DELETE"]);
  });
});

describe("settings", () => {
  let other;
  before(async () => (other = await startWorker({ vars: { ADMIN_TOKEN: null } })));
  after(() => other.stop());
  const status = async (headers) => (await other.fetch("/admin/instances", { headers })).status;
  const bearer = (token) => ({ authorization: `Bearer ${token}` });

  test("without a token, or with a short one, the surface is not there, and the log says why", async () => {
    assert.equal(await status({ ...bearer("x"), "x-request-id": "off-1" }), 404);
    assert.match((await other.logLine("off-1")).detail, /ADMIN_TOKEN is not set/);
    await other.restart({ vars: { ADMIN_TOKEN: `ops=${"o".repeat(32)} ci=short` } });
    assert.equal(await status({ ...bearer("o".repeat(32)), "x-request-id": "off-2" }), 404);
    assert.match((await other.logLine("off-2")).detail, /32 or more/);
  });

  test("named tokens tell in the trail who it was", async () => {
    await other.restart({ vars: { ADMIN_TOKEN: `ops=${"o".repeat(32)} ci=${"c".repeat(32)}` } });
    const ci = admin(other, { token: "c".repeat(32) });
    await ci.instance({ id: "named", base_url: "https://core.example.com" });
    const { data } = await ci.expect(200, "GET", "/audit");
    assert.deepEqual([data[0].actor, data[0].action, data[0].id], ["ci", "create", "named"]);
  });

  test("with ADMIN_HOST set it answers there only", async () => {
    const token = "o".repeat(32);
    await other.restart({ vars: { ADMIN_TOKEN: token, ADMIN_HOST: "Admin.Example.com" } });
    assert.equal(await status(bearer(token)), 404);
    assert.equal(await status({ ...bearer(token), host: "admin.example.com:8080" }), 200);
  });
});

describe("records", () => {
  test("a new instance is published as it was answered, and shown and listed at once", async () => {
    const record = await adminApi.expect(201, "POST", "/instances", { ...NEW, id: "first" });
    assert.deepEqual([Object.keys(record)[0], record.published, record.revision], ["id", true, 1]);
    const published = JSON.parse(worker.kv.value("INSTANCES", "instance/first"));
    assert.deepEqual([published.v, published.id, published.base_url], [1, "first", NEW.base_url]);
    assert.deepEqual(await adminApi.expect(200, "GET", "/instances/first"), record);
    assert.deepEqual((await adminApi.expect(200, "GET", "/instances?limit=1")).data, [record]);
  });

  test("pages of a list hold every record once", async () => {
    const made = [];
    for (let n = 0; n < 5; n += 1) made.push((await adminApi.apiKey({ workspace: "paged" })).id);
    const seen = [];
    for (let cursor = ""; cursor !== null; ) {
      const page = await adminApi.expect(
        200,
        "GET",
        `/api-keys?workspace=paged&limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.cursor;
    }
    assert.deepEqual(seen, made.reverse());
  });

  test("of two who take one id at the same time one has it", async () => {
    const both = [1, 2].map(() => adminApi.call("POST", "/instances", { ...NEW, id: "wanted" }));
    const statuses = (await Promise.all(both)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [201, 409]);
  });

  test("every change is published, and a deleted record stays in KV as such", async () => {
    await adminApi.instance({ id: "changing", base_url: NEW.base_url });
    const changes = [
      ["PATCH", { status: "paused" }, "paused"],
      ["PATCH", { status: "active" }, "active"],
      ["DELETE", undefined, "deleted"],
    ];
    for (const [index, [method, body, status]] of changes.entries()) {
      const record = await adminApi.expect(200, method, "/instances/changing", body);
      assert.deepEqual([record.status, record.published, record.revision], [status, true, index + 2]);
      const published = JSON.parse(worker.kv.value("INSTANCES", "instance/changing"));
      assert.deepEqual([published.status, published.revision], [status, index + 2]);
    }
  });

  test("a key's whole life is in the trail, and its token in no answer but the first", async () => {
    const { id, key } = await adminApi.apiKey();
    const rotated = await adminApi.expect(200, "POST", `/api-keys/${id}/rotate`, { grace_seconds: 60 });
    assert.notEqual(rotated.key, key);
    await adminApi.patchApiKey(id, { name: "other" });
    await adminApi.revoke(id);
    await adminApi.expect(409, "POST", `/api-keys/${id}/rotate`);
    await adminApi.expect(200, "DELETE", `/api-keys/${id}`);
    const { data } = await adminApi.expect(200, "GET", "/audit?limit=5");
    assert.deepEqual(
      data.map(({ action }) => action),
      ["delete", "revoke", "update", "rotate", "create"],
    );
    assert.ok(data.every((line) => line.id === id && line.kind === "api_key"));
    const shown = JSON.stringify([data, await adminApi.expect(200, "GET", `/api-keys/${id}`)]);
    assert.ok(!shown.includes(key) && !shown.includes(rotated.key));
  });

  test("every fault of a body is named at once", async () => {
    const { error_detail } = await adminApi.expect(400, "POST", "/instances", { base_url: "ftp://x", colour: 1 });
    const fields = error_detail.details.fields.map(({ field }) => field);
    assert.deepEqual(
      [error_detail.code, ...fields],
      ["ADMIN_INVALID_REQUEST", "name", "base_url", "core_key", "colour"],
    );
  });

  test("a body that is too large or no UTF-8 is refused, however it is sent", async () => {
    async function* pieces() {
      for (let n = 0; n < 70; n += 1) yield Buffer.alloc(1024, "x");
    }
    for (const body of [Buffer.alloc(70_000, "x"), pieces(), Buffer.from([0xff, 0xfe])]) {
      const answer = await adminApi.call("POST", "/instances", body);
      assert.equal(answer.status, 400);
      assert.equal(answer.json().error_detail.details.fields[0].field, "body");
    }
  });

  test("what was written outlives the worker", async () => {
    const before = await adminApi.instance({ id: "lasting", base_url: NEW.base_url });
    await worker.kill();
    await worker.restart();
    assert.deepEqual(await adminApi.expect(200, "GET", "/instances/lasting"), before);
  });

  test("no secret is in clear in KV, on disk or in the log", async () => {
    const core_key = "planted-core-key-5f1c";
    const client_secret = "planted-access-secret-77aa";
    const { id } = await adminApi.instance({
      base_url: NEW.base_url,
      core_key,
      access: { client_id: "planted-id-01", client_secret },
    });
    const { key } = await adminApi.apiKey({ instances: [id] });
    const places = [JSON.stringify(worker.kv.dump()), worker.logs.join("\n"), ...onDisk(worker.storage)];
    assert.ok(places.length > 2 && places.some((text) => text.includes(id)), "the places hold what was written");
    for (const secret of [core_key, client_secret, "planted-id-01", key, CORE_KEY]) {
      assert.ok(!places.some((text) => text.includes(secret)), secret);
    }
  });
});

describe("a check", () => {
  const check = async (answer) => {
    const upstream = await startUpstream(answer);
    const { id } = await adminApi.instance({
      base_url: upstream.origin,
      access: { client_id: "cid", client_secret: "cs" },
    });
    const verdict = await adminApi.expect(200, "POST", `/instances/${id}/check`);
    await upstream.stop();
    return { ...verdict, problems: verdict.problems.length, seen: upstream.requests };
  };
  /** A Core that answers `GET /hooks` with a key with this status, and 401 without one. */
  const secure = (hooks) => (exchange) => {
    const keyed = exchange.request.headers.get("x-blnk-key") === CORE_KEY;
    return reply({ status: keyed ? hooks : 401, body: {} })(exchange);
  };

  test("tells a master key, a scoped one and a wrong one apart", async () => {
    for (const [hooks, key_accepted, master_key, problems] of [
      [200, true, true, 0],
      [403, true, false, 1],
      [401, false, false, 1],
    ]) {
      const { seen, ...verdict } = await check(secure(hooks));
      assert.deepEqual(verdict, { reachable: true, secure_mode: true, key_accepted, master_key, problems });
      assert.deepEqual(seen.map(({ method, target }) => `${method} ${target}`).sort(), [
        "GET /hooks",
        "GET /ledgers?limit=1",
      ]);
      for (const { target, headers } of seen) {
        assert.equal(headers.get("x-blnk-key"), target === "/hooks" ? CORE_KEY : null);
        assert.deepEqual([headers.get("cf-access-client-id"), headers.get("cf-access-client-secret")], ["cid", "cs"]);
      }
    }
  });

  test("says that a Core takes requests without a key", async () => {
    const { seen, ...verdict } = await check(reply({ body: [] }));
    assert.deepEqual(verdict, {
      reachable: true,
      secure_mode: false,
      key_accepted: null,
      master_key: null,
      problems: 1,
    });
  });

  test("never follows a redirect with the key", async () => {
    const elsewhere = await startUpstream();
    const { seen, ...verdict } = await check(
      reply({ status: 302, headers: { location: `${elsewhere.origin}/hooks` } }),
    );
    assert.equal(verdict.reachable, false);
    assert.equal(seen.length, 2);
    assert.equal(elsewhere.requests.length, 0);
    await elsewhere.stop();
  });

  test("ends when nothing answers", async () => {
    const started = performance.now();
    assert.equal((await check(hang())).reachable, false);
    assert.ok(performance.now() - started < 15_000);
    const { id } = await adminApi.instance({ base_url: `http://127.0.0.1:${await closedPort()}` });
    assert.equal((await adminApi.expect(200, "POST", `/instances/${id}/check`)).reachable, false);
  });
});

test("after a new sealing key everything is sealed again, and the old key can go", async () => {
  const upstream = await startUpstream();
  const own = await startWorker();
  const ops = admin(own);
  const { id } = await ops.instance({ base_url: upstream.origin });
  const { key } = await ops.apiKey();
  const [SEALING_KEY, SEALING_KEY_PREVIOUS] = [Buffer.alloc(32, 8).toString("base64"), own.vars.SEALING_KEY];
  await own.restart({ vars: { SEALING_KEY, SEALING_KEY_PREVIOUS } });
  assert.deepEqual(await ops.expect(200, "POST", "/instances/reseal"), { resealed: 1, left: 0, unreadable: [] });
  await own.restart({ vars: { SEALING_KEY, SEALING_KEY_PREVIOUS: null } });
  const answer = await own.fetch(`/proxy/ledgers?instance_id=${id}`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(answer.status, 200);
  assert.equal(upstream.requests[0].headers.get("x-blnk-key"), CORE_KEY);
  await own.stop();
  await upstream.stop();
});

/** The contents of every file below a folder. */
function onDisk(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((file) => readFileSync(join(file.parentPath ?? file.path, file.name), "latin1"));
}
