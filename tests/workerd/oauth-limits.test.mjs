// What one client, or nobody's client, can take from the others at the OAuth endpoints: time, tries, and room in the
// trail.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertOAuthError, basic, signed, startAuthorized } from "./authorized.mjs";
import { rateLimiter } from "./harness/limiter.mjs";
import { assertError } from "./proxied.mjs";
import { inRegistry } from "./registry-database.mjs";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const NAMES = [...LETTERS].flatMap((first) => [...LETTERS].map((second) => first + second));
/** So many parameters, each with a name of its own and a value. */
const parameters = (count) =>
  NAMES.slice(0, count)
    .map((name) => `${name}=1`)
    .join("&");
const from = (address) => ({ "cf-connecting-ip": address });

/** Calls `work` with 0 to `count` - 1, so many at once. */
async function each(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    for (let number = next++; number < count; number = next++) await work(number);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The CPU time that a process has used, in milliseconds (Linux, whose clock ticks 100 times a second). */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

describe("without a limiter", () => {
  let edge;
  before(async () => (edge = await startAuthorized()));
  after(() => edge.stop());

  test("a form of 3,000 parameters is refused, and of 20 it is not", async () => {
    const form = parameters(3_000);
    assert.ok(form.length < 16 * 1024);
    const type = { "content-type": "application/x-www-form-urlencoded" };
    for (const path of ["/oauth/token", "/oauth/revoke"]) {
      const answer = await edge.worker.fetch(path, { method: "POST", body: form, headers: type });
      assertOAuthError(answer, 400, "invalid_request");
      assert.match(answer.json().error_description, /too many parameters/);
    }
    const client = await edge.client();
    const headers = { ...type, authorization: basic(client.id, client.client_secret) };
    const send = (count) =>
      edge.worker.fetch("/oauth/token", {
        method: "POST",
        body: `grant_type=client_credentials&${parameters(count)}`,
        headers,
      });
    assert.equal((await send(19)).status, 200);
    assertOAuthError(await send(20), 400, "invalid_request");
  });

  test("a thousand such forms cost little, and honest requests beside them are served", async (t) => {
    const client = await edge.client();
    const token = await edge.token(client);
    const body = parameters(3_000);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const waits = [];
    let done = false;
    const cpuBefore = process.platform === "linux" ? cpuMs(edge.worker.pid) : 0;
    const honest = (async () => {
      while (!done) {
        const started = performance.now();
        assert.equal((await edge.call("GET", "/ledgers", { key: token })).status, 200);
        assert.equal((await edge.askToken(client)).status, 200);
        waits.push((performance.now() - started) / 2);
      }
    })();
    await each(1_000, 16, async () => {
      assert.equal((await edge.worker.fetch("/oauth/token", { method: "POST", body, headers })).status, 400);
    });
    done = true;
    await honest;
    waits.sort((a, b) => a - b);
    const median = waits[waits.length >> 1];
    assert.ok(median < 500, `an honest request waited ${median} ms`);
    if (process.platform !== "linux") return;
    const perForm = (cpuMs(edge.worker.pid) - cpuBefore) / 1_000;
    t.diagnostic(
      `${perForm.toFixed(2)} ms of CPU a form, those of ${2 * waits.length} honest requests with it; ` +
        `they waited ${median.toFixed(1)} ms`,
    );
    assert.ok(perForm < 10, `a form cost ${perForm} ms of CPU`);
  });

  test("500 pairs of token and revocation leave one line; administrators' lines stay on the first page", async () => {
    const client = await edge.client();
    const instance = await edge.adminApi.instance({ base_url: edge.upstream.origin });
    const tokens = [];
    await each(500, 8, async (number) => {
      tokens[number] = await edge.token(client);
      assert.equal((await edge.revoke(client, tokens[number])).status, 200);
    });
    // The day may have changed in between.
    const { data } = await edge.adminApi.expect(200, "GET", "/audit");
    const counted = data.filter(({ action, id }) => action === "revoke_token" && id === client.id);
    assert.ok(counted.length <= 2, `${counted.length} lines`);
    assert.equal(
      counted.reduce((sum, { changes }) => sum + changes.count, 0),
      500,
    );
    assert.ok(counted.every(({ actor, kind }) => actor === `client:${client.id}` && kind === "oauth_client"));
    const actions = data.filter(({ actor }) => actor === "admin").map(({ action, id }) => `${action} ${id}`);
    for (const id of [client.id, instance.id, edge.key.id, edge.instance.id])
      assert.ok(actions.includes(`create ${id}`), id);

    // Each is revoked all the same: in the record, in KV, and for a request.
    const record = await edge.adminApi.expect(200, "GET", `/oauth-clients/${client.id}`);
    assert.deepEqual([record.revoked_tokens, record.revision, record.tokens_ended_at], [500, 501, null]);
    await edge.worker.kv.until("CREDENTIALS", `credential/${client.id}`, (text) => JSON.parse(text).revision === 501);
    for (const number of [0, 250, 499]) {
      assertError(await edge.call("GET", "/ledgers", { key: tokens[number] }), 401, "PROXY_INVALID_CREDENTIAL");
    }
    assert.equal((await edge.call("GET", "/ledgers", { key: await edge.token(client) })).status, 200);
  });
});

test("a registry of the version before gets what counting needs, and its lines stay as they are", async (t) => {
  const edge = await startAuthorized();
  t.after(() => edge.stop());
  const client = await edge.client();
  const tokens = [await edge.token(client), await edge.token(client)];
  await inRegistry(
    edge.worker,
    `DROP INDEX audit_counted;
     INSERT INTO audit (at, actor, action, kind, id, changes) VALUES
     (${Date.now()}, 'client:${client.id}', 'revoke_token', 'oauth_client', '${client.id}',
      '{"revoked_tokens":{"old":0,"new":1}}')`,
  );
  const before = await edge.adminApi.expect(200, "GET", "/audit");
  for (const token of tokens) assert.equal((await edge.revoke(client, token)).status, 200);
  const {
    data: [line, ...rest],
  } = await edge.adminApi.expect(200, "GET", "/audit");
  assert.deepEqual([line.action, line.id, line.changes], ["revoke_token", client.id, { count: 2 }]);
  assert.deepEqual(rest, before.data);
  // Both fail where it is otherwise: the index is there again, and the version is what the worker before knows.
  await inRegistry(
    edge.worker,
    `DROP INDEX audit_counted;
     CREATE TEMP TABLE wanted (version INTEGER CHECK (version = 1));
     INSERT INTO wanted SELECT value FROM meta WHERE key = 'schema_version'`,
  );
});

test("that a client's 501st revocation ended all of its tokens is in its line of the trail", async (t) => {
  const edge = await startAuthorized();
  t.after(() => edge.stop());
  const client = await edge.client();
  await each(501, 8, async () => {
    assert.equal((await edge.revoke(client, signed({ client: client.id }))).status, 200);
  });
  const record = await edge.adminApi.expect(200, "GET", `/oauth-clients/${client.id}`);
  assert.notEqual(record.tokens_ended_at, null);
  const { data } = await edge.adminApi.expect(200, "GET", "/audit");
  const counted = data.filter(({ action, id }) => action === "revoke_token" && id === client.id);
  const moved = counted.flatMap(({ changes }) => changes.tokens_ended_at ?? []);
  assert.deepEqual(moved, [{ old: null, new: record.tokens_ended_at }]);
});

describe("with a limiter", () => {
  const LIMIT = 3;
  const open = async (t, { vars, ...options } = { limit: LIMIT }) => {
    const edge = await startAuthorized({ ...rateLimiter({ name: "RATE_LIMITER", ...options }), vars });
    t.after(() => edge.stop());
    let made = 0;
    /** An address that nobody has had before. */
    edge.elsewhere = () => {
      made += 1;
      return from(`198.51.100.${made}`);
    };
    return edge;
  };

  function assertLimited(answer) {
    assertOAuthError(answer, 429, "temporarily_unavailable");
    assert.equal(answer.headers.get("retry-after"), "60");
  }

  test("an address has so many tries, whoever it says it is, and another address has its own", async (t) => {
    const edge = await open(t);
    const client = await edge.client();
    const here = from("203.0.113.7");
    assertOAuthError(
      await edge.post("/oauth/token", { grant_type: "client_credentials" }, here),
      401,
      "invalid_client",
    );
    assertOAuthError(await edge.post("/oauth/token", {}, here), 401, "invalid_client");
    assertOAuthError(
      await edge.post(
        "/oauth/token",
        { a: "1" },
        { ...here, authorization: basic("0000000000000000", client.client_secret) },
      ),
      400,
      "invalid_request",
    );
    const reads = edge.worker.kv.reads.length;
    assertLimited(await edge.askToken(client, {}, { ...here, "x-request-id": "limited" }));
    assert.equal(edge.worker.kv.reads.length, reads, "nothing was read");
    for (let time = 0; time < LIMIT; time += 1)
      assertOAuthError(await edge.post("/oauth/revoke", {}, here), 401, "invalid_client");
    assertLimited(await edge.post("/oauth/revoke", { token: "x" }, here));
    const line = await edge.worker.logLine("limited");
    assert.deepEqual(
      [line.level, line.status, line.code, line.credential],
      ["info", 429, "temporarily_unavailable", undefined],
    );
    assert.equal((await edge.askToken(client, {}, from("203.0.113.8"))).status, 200);
    const document = await edge.worker.fetch("/.well-known/oauth-authorization-server", { headers: here });
    assert.equal(document.status, 200, "what is the same for all is not counted");
  });

  test("the addresses of one IPv6 network are one caller", async (t) => {
    const edge = await open(t);
    const client = await edge.client();
    for (const last of ["1", "2", "3"])
      assert.equal((await edge.post("/oauth/token", {}, from(`2001:db8:0:1::${last}`))).status, 401);
    assertLimited(await edge.askToken(client, {}, from("2001:db8:0:1:ffff::4")));
    assert.equal((await edge.askToken(client, {}, from("2001:db8:0:2::1"))).status, 200);
  });

  test("callers without an address do not use up each other's tries, and a client's own count stays", async (t) => {
    const edge = await open(t);
    const client = await edge.client();
    const nobody = [{}, from("nonsense"), from("client:x"), {}, {}];
    for (const headers of nobody) assertOAuthError(await edge.post("/oauth/token", {}, headers), 401, "invalid_client");
    for (let time = 0; time < LIMIT; time += 1) assert.equal((await edge.askToken(client)).status, 200);
    assertLimited(await edge.askToken(client));
  });

  test("Workers of other zones have tries by zone, and nobody else has by that header", async (t) => {
    const edge = await open(t);
    const client = await edge.client();
    const ofZone = (zone, address = "2a06:98c0:3600::103") => ({ ...from(address), "cf-worker": zone });
    for (let time = 0; time < LIMIT; time += 1)
      assert.equal((await edge.post("/oauth/token", {}, ofZone("a.example"))).status, 401);
    assertLimited(await edge.askToken(client, {}, ofZone("a.example")));
    assert.equal((await edge.askToken(client, {}, ofZone("b.example"))).status, 200);
    for (const zone of ["c.example", "d.example", "e.example"]) {
      assert.equal((await edge.post("/oauth/token", {}, ofZone(zone, "203.0.113.7"))).status, 401);
    }
    assertLimited(await edge.askToken(client, {}, ofZone("f.example", "203.0.113.7")));
  });

  test("a client has so many requests from wherever; another client and endpoint have their own", async (t) => {
    const edge = await open(t);
    const [client, other] = [await edge.client(), await edge.client()];
    const tokens = [];
    for (let time = 0; time < LIMIT - 1; time += 1)
      tokens.push((await edge.askToken(client, {}, edge.elsewhere())).json().access_token);
    assertOAuthError(await edge.askToken(client, { scope: "*" }, edge.elsewhere()), 400, "invalid_scope");
    assertLimited(await edge.askToken(client, {}, { ...edge.elsewhere(), "x-request-id": "used-up" }));
    const line = await edge.worker.logLine("used-up");
    assert.deepEqual([line.level, line.status, line.credential], ["info", 429, client.id]);

    // Whoever uses up the one, with a stolen secret perhaps, does not keep the client from the other.
    const revoke = (token) =>
      edge.post(
        "/oauth/revoke",
        { token },
        { authorization: basic(client.id, client.client_secret), ...edge.elsewhere() },
      );
    for (const token of [tokens[0], tokens[0], "x"]) assert.equal((await revoke(token)).status, 200);
    assertError(await edge.call("GET", "/ledgers", { key: tokens[0] }), 401, "PROXY_INVALID_CREDENTIAL");
    assertLimited(await revoke(tokens[1]));
    const record = await edge.adminApi.expect(200, "GET", `/oauth-clients/${client.id}`);
    assert.deepEqual([record.revision, record.revoked_tokens], [2, 1], "nothing more was written");
    assert.equal((await edge.call("GET", "/ledgers", { key: tokens[1] })).status, 200);
    assert.equal((await edge.askToken(other, {}, edge.elsewhere())).status, 200);
  });

  test("wrong secrets do not use up a client's requests", async (t) => {
    const edge = await open(t);
    const [client, other] = [await edge.client(), await edge.client()];
    const wrong = { id: client.id, client_secret: other.client_secret };
    for (let time = 0; time < 2 * LIMIT; time += 1)
      assertOAuthError(await edge.askToken(wrong, {}, edge.elsewhere()), 401, "invalid_client");
    for (let time = 0; time < LIMIT; time += 1)
      assert.equal((await edge.askToken(client, {}, edge.elsewhere())).status, 200);
  });

  test("a client whose requests to /proxy are used up can still revoke the token that did it", async (t) => {
    const edge = await open(t);
    const client = await edge.client();
    const stolen = (await edge.askToken(client, {}, edge.elsewhere())).json().access_token;
    for (let time = 0; time < LIMIT; time += 1)
      assert.equal((await edge.call("GET", "/ledgers", { key: stolen })).status, 200);
    assertError(await edge.call("GET", "/ledgers", { key: stolen }), 429, "PROXY_RATE_LIMITED");
    const headers = { authorization: basic(client.id, client.client_secret), ...edge.elsewhere() };
    assert.equal((await edge.post("/oauth/revoke", { token: stolen }, headers)).status, 200);
    assertError(await edge.call("GET", "/ledgers", { key: stolen }), 401, "PROXY_INVALID_CREDENTIAL");
  });

  test("a limiter that fails lets every request through, and each line says so", async (t) => {
    const edge = await open(t, { broken: true });
    const client = await edge.client();
    const detail = /^the rate limiter failed, and the request was let through/;
    const token = await edge.askToken(client, {}, { "x-request-id": "token" });
    assert.equal(token.status, 200);
    const headers = { authorization: basic(client.id, client.client_secret), "x-request-id": "revoke" };
    assert.equal((await edge.post("/oauth/revoke", { token: token.json().access_token }, headers)).status, 200);
    assertOAuthError(
      await edge.post("/oauth/token", {}, { ...edge.elsewhere(), "x-request-id": "nobody" }),
      401,
      "invalid_client",
    );
    for (const [id, status] of [
      ["token", 200],
      ["revoke", 200],
      ["nobody", 401],
    ]) {
      const line = await edge.worker.logLine(id);
      assert.deepEqual([line.level, line.status], ["warn", status]);
      assert.match(line.detail, detail);
    }
  });

  test("a limiter that never answers lets every request through after half a second for each count", async (t) => {
    const edge = await open(t, { silent: true });
    const client = await edge.client();
    const started = performance.now();
    assert.equal((await edge.askToken(client, {}, { ...edge.elsewhere(), "x-request-id": "silent" })).status, 200);
    const waited = performance.now() - started;
    assert.ok(waited > 900 && waited < 5_000, `${waited} ms`);
    const line = await edge.worker.logLine("silent");
    assert.deepEqual([line.level, line.status], ["warn", 200]);
    assert.match(line.detail, /^the rate limiter failed, .*: it did not answer within 500 ms$/);
  });

  test("a limiter that fails is told beside a stale record", async (t) => {
    const edge = await open(t, { broken: true, vars: { CACHE_FOUND_SECONDS: "1", CACHE_STALE_SECONDS: "60" } });
    const client = await edge.client();
    const token = (await edge.askToken(client)).json().access_token;
    await sleep(1_050);
    edge.worker.kv.fail({ kind: "get", status: 500 });
    const headers = { authorization: basic(client.id, client.client_secret), "x-request-id": "both" };
    assert.equal((await edge.post("/oauth/revoke", { token }, headers)).status, 200);
    const line = await edge.worker.logLine("both");
    assert.deepEqual([line.level, line.cache], ["warn", "stale"]);
    assert.match(line.detail, /^the rate limiter failed, .*; .*KV failed.*as it was last read$/);
  });
});
