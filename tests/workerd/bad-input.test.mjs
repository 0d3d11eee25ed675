// What bad input gets: the right code in the one shape, and nothing is sent to Core.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { assertError, startProxy } from "./proxied.mjs";
import { apiKey } from "./tokens.mjs";

let proxy;
before(async () => (proxy = await startProxy()));
afterEach(() => assert.deepEqual(proxy.arrived(), [], "something was sent to Core"));
after(() => proxy.stop());

describe("a credential", () => {
  const send = (headers) => proxy.worker.fetch(`/proxy/ledgers?instance_id=${proxy.instance.id}`, { headers });
  const invalid = 'Bearer realm="blnk-edge", error="invalid_token"';

  test("that is missing gets Blnk Cloud's own words and a challenge without an error", async () => {
    for (const headers of [[], [["X-Api-Key", proxy.key.key]], [["Cookie", proxy.key.key]]]) {
      const answer = await send(headers);
      assertError(answer, 401, "PROXY_MISSING_CREDENTIAL");
      assert.equal(answer.json().error, "Authorization header is required");
      assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="blnk-edge"');
    }
  });

  test("that is wrong in any way gets one answer for all", async () => {
    const { id, key } = proxy.key;
    const revoked = await proxy.adminApi.apiKey();
    await proxy.adminApi.revoke(revoked.id);
    const expired = await proxy.adminApi.apiKey();
    const record = JSON.parse(proxy.worker.kv.value("CREDENTIALS", `credential/${expired.id}`));
    proxy.worker.kv.set("CREDENTIALS", `credential/${expired.id}`, { ...record, not_after: Date.now() - 1 });
    const other = (await proxy.adminApi.apiKey()).key;
    const wrong = {
      "another scheme": [["Authorization", `Basic ${key}`]],
      "no scheme": [["Authorization", key]],
      "no token": [["Authorization", "Bearer"]],
      "two words": [["Authorization", `Bearer ${key} ${key}`]],
      "a quoted token": [["Authorization", `Bearer "${key}"`]],
      "one header twice, alike": [
        ["Authorization", `Bearer ${key}`],
        ["Authorization", `Bearer ${key}`],
      ],
      "one header twice, the first wrong": [
        ["Authorization", "Bearer x"],
        ["Authorization", `Bearer ${key}`],
      ],
      "X-Blnk-Key twice": [
        ["X-Blnk-Key", key],
        ["X-Blnk-Key", key],
      ],
      "two headers that differ": [
        ["Authorization", `Bearer ${key}`],
        ["X-Blnk-Key", other],
      ],
      "a bad one beside a good one": [
        ["Authorization", `Bearer ${key}`],
        ["X-Blnk-Key", "x"],
      ],
      "a good one beside a bad one": [
        ["Authorization", "Basic eDp5"],
        ["X-Blnk-Key", key],
      ],
      "an id that nobody has": [["Authorization", `Bearer ${apiKey("0000000000000000")}`]],
      "a wrong secret": [["Authorization", `Bearer ${apiKey(id)}`]],
      "an access token": [["Authorization", `Bearer ${apiKey(id).replace("blnk_", "blnk_at_")}`]],
      revoked: [["Authorization", `Bearer ${revoked.key}`]],
      expired: [["Authorization", `Bearer ${expired.key}`]],
    };
    const bodies = new Set();
    for (const [name, headers] of Object.entries(wrong)) {
      const answer = await send([...headers, ["X-Request-Id", "same"]]);
      assert.equal(answer.status, 401, name);
      assertError(answer, 401, "PROXY_INVALID_CREDENTIAL");
      assert.equal(answer.headers.get("www-authenticate"), invalid, name);
      bodies.add(answer.text());
    }
    assert.equal(bodies.size, 1);
  });

  test("is judged before path, method and instance", async () => {
    for (const [method, path] of [
      ["GET", "/nope"],
      ["PATCH", "/ledgers"],
      ["GET", "/hooks"],
      ["GET", "/%2e%2e/"],
    ]) {
      const answer = await proxy.call(method, path, { key: apiKey("0000000000000000") });
      assertError(answer, 401, "PROXY_INVALID_CREDENTIAL");
    }
  });
});

describe("an instance", () => {
  test("that is not named, where the credential has no default, is asked for", async () => {
    for (const path of [
      "/ledgers",
      "/ledgers?",
      "/ledgers?instance_id=",
      "/ledgers?instance_id",
      "/ledgers?Instance_Id=a",
    ]) {
      assertError(await proxy.call("GET", path, { instance: null }), 400, "PROXY_MISSING_INSTANCE_ID");
    }
  });

  test("that is named twice, malformed or escaped is refused, even where it would be the right one", async () => {
    const { id } = proxy.instance;
    const wrong = [
      `instance_id=${id}&instance_id=${id}`,
      `instance_id=&instance_id=${id}`,
      `instance%5Fid=${id}`,
      `%69nstance_id=${id}&instance_id=${id}`,
      `instance_id=%69${id.slice(1)}`,
      `instance_id=${id}%00`,
      `instance_id=${id}/`,
      `instance_id=${id}.`,
      `instance_id=${"a".repeat(65)}`,
      "instance_id=*",
    ];
    for (const query of wrong) {
      assertError(await proxy.call("GET", `/ledgers?${query}`, { instance: null }), 400, "PROXY_INVALID_INSTANCE_ID");
    }
  });

  test("that is unknown, paused, deleted, another workspace's or not the credential's: one answer", async () => {
    const { adminApi, upstream } = proxy;
    const make = (fields = {}) => adminApi.instance({ base_url: upstream.origin, ...fields });
    const paused = await make();
    await adminApi.patchInstance(paused.id, { status: "paused" });
    const deleted = await make();
    await adminApi.expect(200, "DELETE", `/instances/${deleted.id}`);
    await proxy.worker.kv.until("INSTANCES", `instance/${deleted.id}`, (text) => JSON.parse(text).status === "deleted");
    const foreign = await make({ workspace: "elsewhere" });
    const listed = await adminApi.apiKey({ instances: [proxy.instance.id] });
    const unlisted = await make();
    const cases = [
      ["instance_nobody", proxy.key.key],
      [paused.id, proxy.key.key],
      [deleted.id, proxy.key.key],
      [foreign.id, proxy.key.key],
      [unlisted.id, listed.key],
    ];
    const bodies = new Set();
    for (const [instance, key] of cases) {
      const answer = await proxy.call("POST", "/ledgers", {
        instance,
        key,
        body: "{}",
        headers: { "X-Request-Id": "same" },
      });
      assert.equal(assertError(answer, 404, "PROXY_INSTANCE_NOT_FOUND").outcome, "not_sent");
      bodies.add(answer.text());
    }
    assert.equal(bodies.size, 1);
  });
});

describe("a path", () => {
  const BAD_PATHS = [
    "/",
    "//",
    "//ledgers",
    "/ledgers/",
    "/ledgers//x",
    "/./ledgers",
    "/../ledgers",
    "/ledgers/..",
    "/ledgers/.",
    "/%2e/ledgers",
    "/%2E%2e/ledgers",
    "/ledgers/%2e%2e",
    "/ledgers%2f",
    "/ledgers%2Fldg_1",
    "/ledgers\\ldg_1",
    "/ledgers%5cldg_1",
    "/%6cedgers",
    "/ledgers/ldg%5F1",
    "/transactions/reference/%7E",
    "/ledgers%00",
    "/ledgers%0a",
    "/ledgers%7f",
    "/ledgers%",
    "/ledgers%4",
    "/ledgers%zz",
    '/ledgers"',
    "/ledgers^",
    "/ledgers{}",
    "/ledgers|",
    "/ledgers[1]",
  ];
  const UNKNOWN_PATHS = [
    "/nope",
    "/LEDGERS",
    "/ledgers/a/b",
    "/ledgers;x=1",
    "/ledgers.json",
    "/ledgers/ldg.1",
    "/ledgers/%20",
    "/ledgers/@x",
    "/foo_1/metadata",
    "/search/hooks",
    "/hooks",
    "/api-keys",
    "/backup",
    "/metrics",
    "/proxy/ledgers",
    `/ledgers/${"a".repeat(129)}`,
    "/ledgers/..;/x",
  ];

  for (const [paths, status, code] of [
    [BAD_PATHS, 400, "PROXY_INVALID_PATH"],
    [UNKNOWN_PATHS, 404, "PROXY_ROUTE_NOT_FOUND"],
  ]) {
    for (const path of paths) {
      test(`${path} is ${code}`, async () => {
        const details = assertError(await proxy.call("POST", path, { body: "{}" }), status, code);
        assert.equal(details.outcome, "not_sent");
      });
    }
  }

  test("outside the proxy's is not there", async () => {
    for (const path of [
      "/",
      "/proxy",
      "/proxied/ledgers",
      "/Proxy/ledgers",
      "/%70roxy/ledgers",
      "//proxy/ledgers",
      "/x/../proxy/ledgers",
    ]) {
      const answer = await proxy.worker.fetch(path, { headers: { authorization: `Bearer ${proxy.key.key}` } });
      assertError(answer, 404, "PROXY_ROUTE_NOT_FOUND");
    }
  });

  test("of more than 16 KiB is too long, and one just below goes through", async () => {
    const over = (length) => `/ledgers?x=${"a".repeat(length)}`;
    assertError(await proxy.call("GET", over(16_384)), 414, "PROXY_URI_TOO_LONG");
    assert.equal((await proxy.call("GET", over(16_200))).status, 200);
    assert.equal(proxy.arrived().length, 1);
  });
});

describe("a method", () => {
  for (const [method, path, allow] of [
    ["PATCH", "/ledgers", "GET, POST"],
    ["OPTIONS", "/transactions", "GET, POST"],
    ["DELETE", "/transactions/bulk", "GET, POST"],
    ["GET", "/refund-transaction/txn_1", "POST"],
    ["POST", "/balances/bln_1/identity", "PUT"],
    ["DELETE", "/ldg_1/metadata", "POST"],
    ["PUT", "/health", "GET"],
  ]) {
    test(`${method} ${path} names what there is: ${allow}`, async () => {
      const answer = await proxy.call(method, path);
      const details = assertError(answer, 405, "PROXY_METHOD_NOT_ALLOWED");
      assert.equal(answer.headers.get("allow"), allow);
      assert.equal(details.outcome, ["GET", "OPTIONS"].includes(method) ? undefined : "not_sent");
    });
  }

  test("HEAD is none of Core's", async () => {
    const answer = await proxy.call("HEAD", "/ledgers");
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET, POST"]);
    assert.match(answer.headers.get("x-request-id"), /^[0-9a-f-]{36}$/);
  });
});

describe("a body where Core takes none", () => {
  for (const [method, path] of [
    ["GET", "/ledgers"],
    ["GET", "/transactions/txn_1"],
    ["DELETE", "/identities/idt_1"],
  ]) {
    test(`is left out of ${method} ${path}, with a length or in chunks`, async () => {
      for (const body of ['{"a":1}', inChunks('{"a":1}')]) {
        const answer = await proxy.call(method, path, { body });
        assert.equal(answer.status, 200, answer.text());
        const [received] = await proxy.upstream.received();
        assert.equal(received.body.length, 0);
        assert.deepEqual(proxy.arrived(), [`${method} ${path}`]);
      }
    });
  }
});

async function* inChunks(text) {
  yield Buffer.from(text.slice(0, 3));
  yield Buffer.from(text.slice(3));
}
