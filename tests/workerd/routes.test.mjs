// Every route with every scope, and the two profiles, on the built worker.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { DOCUMENTED, EXTENDED } from "./documented-routes.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const SCOPES = { "*": ["*"], "proxy:read": ["proxy:read"], "proxy:write": ["proxy:write"], "no scope": [] };

describe("a route and a scope", () => {
  let proxy;
  const keys = {};
  before(async () => {
    proxy = await startProxy();
    for (const [name, scopes] of Object.entries(SCOPES)) keys[name] = (await proxy.adminApi.apiKey({ scopes })).key;
  });
  after(() => proxy.stop());

  const send = ({ method, path }, scope) =>
    proxy.call(method, path, { key: keys[scope], body: method === "GET" || method === "DELETE" ? undefined : "{}" });

  test("there are 25 documented routes and 31 others, none of them twice", () => {
    assert.deepEqual([DOCUMENTED.length, EXTENDED.length], [25, 31]);
    const names = [...DOCUMENTED, ...EXTENDED].map(({ method, path }) => `${method} ${path}`);
    assert.equal(new Set(names).size, 56);
  });

  for (const route of [...DOCUMENTED, ...EXTENDED]) {
    for (const name of Object.keys(SCOPES)) {
      const open = name === "*" || (route.scope === null ? name !== "no scope" : name === route.scope);
      test(`${route.method} ${route.path} is ${open ? "open to" : "closed to"} ${name}`, async () => {
        const answer = await send(route, name);
        if (open) {
          assert.equal(answer.status, 200, answer.text());
          assert.deepEqual(proxy.arrived(), [`${route.method} ${route.path}`]);
          return;
        }
        const details = assertError(answer, 403, "PROXY_INSUFFICIENT_SCOPE");
        const needed = route.scope ?? "proxy:read";
        const challenge = `Bearer realm="blnk-edge", error="insufficient_scope", scope="${needed}"`;
        assert.equal(answer.headers.get("www-authenticate"), challenge);
        // It needs the scope of a write, and changes nothing.
        const writes =
          route.scope === "proxy:write" && !(route.method === "POST" && route.path.endsWith("/detokenize"));
        assert.equal(details.outcome, writes ? "not_sent" : undefined);
        assert.deepEqual(proxy.arrived(), []);
      });
    }
  }
});

describe("a profile", () => {
  let proxy;
  let documented;
  before(async () => {
    proxy = await startProxy();
    documented = await proxy.adminApi.instance({ base_url: proxy.upstream.origin, profile: "documented" });
  });
  after(() => proxy.stop());

  const answers = (routes, instance) =>
    Promise.all(
      routes.map(({ method, path }) =>
        proxy.call(method, path, { instance, body: method === "POST" ? "{}" : undefined }),
      ),
    );

  test("documented has the 25 documented routes", async () => {
    for (const answer of await answers(DOCUMENTED, documented.id)) assert.equal(answer.status, 200, answer.text());
    const expected = DOCUMENTED.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(proxy.arrived().sort(), expected.sort());
  });

  test("documented has none of the others", async () => {
    for (const answer of await answers(EXTENDED, documented.id)) assertError(answer, 404, "PROXY_ROUTE_NOT_FOUND");
    assert.deepEqual(proxy.arrived(), []);
  });

  test("a change from documented to extended opens them once the cached record is out of date", async () => {
    const brief = await startProxy({ vars: { CACHE_FOUND_SECONDS: "0" } });
    try {
      const { id } = await brief.adminApi.instance({ base_url: brief.upstream.origin, profile: "documented" });
      assertError(await brief.call("GET", "/ledgers", { instance: id }), 404, "PROXY_ROUTE_NOT_FOUND");
      await brief.adminApi.patchInstance(id, { profile: "extended" });
      assert.equal((await brief.call("GET", "/ledgers", { instance: id })).status, 200);
    } finally {
      await brief.stop();
    }
  });
});
