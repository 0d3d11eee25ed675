// Access tokens on /proxy: what they open, what ends them, and what is never taken for one.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertOAuthError, signed, signingKey, startAuthorized } from "./authorized.mjs";
import { TEST_VARS, startWorker } from "./harness/workerd.mjs";
import { assertError } from "./proxied.mjs";

/** How long a worker of these tests remembers a record. */
const REMEMBERED_MS = 1_000;

let edge;
let second;
let client;
before(async () => {
  const vars = { SIGNING_KEY: signingKey(1), CACHE_FOUND_SECONDS: String(REMEMBERED_MS / 1_000) };
  edge = await startAuthorized({ vars });
  // Another place of the same deployment: it shares KV, and nothing else.
  second = await startWorker({ kv: edge.worker.kv, vars: { ...TEST_VARS, ...vars } });
  client = await edge.client();
});
beforeEach(() => edge.worker.kv.forget());
after(async () => {
  await second.stop();
  await edge.stop();
});

const use = (key, method = "GET", init = {}) => edge.call(method, "/ledgers", { key, ...init });
const useAtSecond = (token) =>
  second.fetch(`/proxy/ledgers?instance_id=${edge.instance.id}`, { headers: { authorization: `Bearer ${token}` } });

function assertInvalid(answer) {
  assertError(answer, 401, "PROXY_INVALID_CREDENTIAL");
  assert.match(answer.headers.get("www-authenticate"), /^Bearer .*error="invalid_token"/);
}

/** Waits until `ask` is answered 401, no longer than the bound says. */
async function untilRefused(ask) {
  const end = performance.now() + REMEMBERED_MS + 500;
  for (;;) {
    const answer = await ask();
    if (answer.status === 401) return assertInvalid(answer);
    assert.ok(performance.now() < end, "still accepted after the bound");
    await sleep(50);
  }
}

test("a token is taken in either header, and Core sees nothing of it", async () => {
  const token = await edge.token(client);
  edge.upstream.clear();
  assert.equal((await use(token)).status, 200);
  assert.equal(
    (await edge.worker.fetch(`/proxy/ledgers?instance_id=${edge.instance.id}`, { headers: { "X-Blnk-Key": token } }))
      .status,
    200,
  );
  for (const { headers } of edge.upstream.requests) {
    assert.equal(headers.get("authorization"), null);
    assert.ok(![...headers.values()].some((value) => value.includes(token)));
  }
});

test("a fresh token is good everywhere at once: nothing is read for it but its client's record", async () => {
  const fresh = await edge.client();
  const token = await edge.token(fresh);
  await useAtSecond(await edge.token(client));
  edge.worker.kv.forget();
  assert.equal((await useAtSecond(token)).status, 200);
  const reads = edge.worker.kv.reads.map(({ key }) => key);
  assert.deepEqual(
    reads.filter((key) => !key.startsWith("instance/")),
    [`credential/${fresh.id}`],
  );
});

test("a narrowed token lacks what was left out", async () => {
  const token = await edge.token(client, { scope: "proxy:read" });
  assert.equal((await use(token)).status, 200);
  const answer = await use(token, "POST", { body: "{}" });
  assertError(answer, 403, "PROXY_INSUFFICIENT_SCOPE");
  assert.match(answer.headers.get("www-authenticate"), /error="insufficient_scope", scope="proxy:write"/);
});

test("a token ends when it expires", async () => {
  const now = Date.now();
  assert.equal((await use(signed({ client: client.id, issuedAt: now - 60_000, expiresAt: now + 60_000 }))).status, 200);
  assertInvalid(await use(signed({ client: client.id, issuedAt: now - 60_000, expiresAt: now - 1 })));
});

test("a revoked token ends here at once, elsewhere within the bound, and its sisters go on", async () => {
  const [token, sister] = [await edge.token(client), await edge.token(client)];
  assert.equal((await useAtSecond(token)).status, 200);
  const answer = await edge.revoke(client, token);
  assert.equal(answer.status, 200);
  assertInvalid(await use(token));
  await untilRefused(() => useAtSecond(token));
  // Shown again it is refused again, and revoking it again changes nothing.
  assertInvalid(await use(token));
  assert.equal((await edge.revoke(client, token)).status, 200);
  assert.equal((await use(sister)).status, 200);
  assert.equal((await useAtSecond(sister)).status, 200);
});

test("a disabled client loses its tokens within the bound, and they stay lost when it is active again", async () => {
  const own = await edge.client();
  const token = await edge.token(own);
  assert.equal((await use(token)).status, 200);
  await edge.patchClient(own.id, { status: "disabled" });
  await untilRefused(() => use(token));
  assertOAuthError(await edge.askToken(own), 400, "unauthorized_client");
  await edge.patchClient(own.id, { status: "active" });
  await sleep(REMEMBERED_MS + 100);
  const again = await edge.token(own);
  assertInvalid(await use(token));
  assert.equal((await use(again)).status, 200);
});

test("a scope that is taken from the client is gone from its tokens within the bound", async () => {
  const own = await edge.client();
  const token = await edge.token(own);
  assert.equal((await use(token, "POST", { body: "{}" })).status, 200);
  await edge.patchClient(own.id, { scopes: ["proxy:read"] });
  await sleep(REMEMBERED_MS + 100);
  assertError(await use(token, "POST", { body: "{}" }), 403, "PROXY_INSUFFICIENT_SCOPE");
  assert.equal((await use(token)).status, 200);
});

test("a token of one workspace opens no instance of another", async () => {
  const foreign = await edge.client({ workspace: "elsewhere" });
  assertError(await use(await edge.token(foreign)), 404, "PROXY_INSTANCE_NOT_FOUND");
  const own = await edge.adminApi.instance({ base_url: edge.upstream.origin, workspace: "elsewhere" });
  assert.equal((await use(await edge.token(foreign), "GET", { instance: own.id })).status, 200);
});

test("a client's default instance is meant where none is named", async () => {
  const own = await edge.client({ default_instance: edge.instance.id });
  assert.equal((await use(await edge.token(own), "GET", { instance: null })).status, 200);
});

test("forged, cut, swapped and dressed-up tokens are refused with nothing read", async () => {
  const [token, other] = [await edge.token(client), await edge.token(client, { scope: "proxy:read" })];
  const bytes = (text) => Buffer.from(text.slice(8), "base64url");
  const text = (...parts) => `blnk_at_${Buffer.concat(parts).toString("base64url")}`;
  const more = bytes(other);
  more[21] = 7;
  edge.worker.kv.forget();
  for (const key of [
    signed({ client: client.id }, signingKey(9)),
    signed({ client: client.id }, signingKey(9), signingKey(1)),
    text(more),
    text(bytes(token).subarray(0, 54), bytes(other).subarray(54)),
    text(bytes(token).subarray(0, 54), Buffer.alloc(32)),
    text(bytes(token).subarray(0, 54)),
    token.slice(0, -1),
    `${token}A`,
    token.replace("blnk_at_", "blnk_rt_"),
    token.replace("blnk_at_", ""),
    `blnk_at_${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`,
  ]) {
    assertInvalid(await use(key));
  }
  assert.deepEqual(edge.worker.kv.reads, []);
});

test("a token that is signed well, but for no client, is refused", async () => {
  assertInvalid(await use(signed({ client: "0000000000000000" })));
  // An API key's record is no client's.
  assertInvalid(await use(signed({ client: edge.key.id })));
});

describe("while the signing key is rotated", () => {
  after(() => edge.worker.restart({ vars: { SIGNING_KEY: signingKey(1), SIGNING_KEY_PREVIOUS: null } }));

  test("old tokens go on beside new ones, and end with their key", async () => {
    const old = await edge.token(client);
    await edge.worker.restart({ vars: { SIGNING_KEY: signingKey(2), SIGNING_KEY_PREVIOUS: signingKey(1) } });
    assert.equal((await use(old)).status, 200);
    const fresh = await edge.token(client);
    assert.equal((await use(fresh)).status, 200);
    assertInvalid(await useAtSecond(fresh));
    await edge.worker.restart({ vars: { SIGNING_KEY: signingKey(2), SIGNING_KEY_PREVIOUS: null } });
    assertInvalid(await use(old));
    assert.equal((await use(fresh)).status, 200);
  });

  test("without any key no token is good", async () => {
    const token = await edge.token(client);
    await edge.worker.restart({ vars: { SIGNING_KEY: null, SIGNING_KEY_PREVIOUS: null } });
    assertInvalid(await use(token));
    assert.equal((await edge.call("GET", "/ledgers")).status, 200, "API keys do not need one");
  });
});
