// The OAuth endpoints over the wire: their answers, what they read, and what they leave in the log.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { assertOAuthError, basic, startAuthorized } from "./authorized.mjs";
import { assertError, startProxy } from "./proxied.mjs";

const GRANT = "grant_type=client_credentials";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

describe("a worker with a signing key", () => {
  let edge;
  let client;
  before(async () => {
    edge = await startAuthorized();
    client = await edge.client();
  });
  beforeEach(() => {
    edge.worker.kv.heal();
    edge.worker.kv.forget();
  });
  after(() => edge.stop());

  const send = (body, headers = {}, path = "/oauth/token", method = "POST") =>
    edge.worker.fetch(path, {
      method,
      body,
      headers: { ...FORM, authorization: basic(client.id, client.client_secret), ...headers },
    });

  test("a token is answered as RFC 6749 section 5.1 says", async () => {
    const answer = await edge.askToken(client, {}, { "X-Request-Id": "mine-1" });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type"), /^application\/json/);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("pragma"), "no-cache");
    assert.equal(answer.headers.get("x-request-id"), "mine-1");
    const { access_token: token, ...rest } = answer.json();
    assert.match(token, /^blnk_at_[A-Za-z0-9_-]{115}$/);
    assert.deepEqual(rest, { token_type: "Bearer", expires_in: 3_600, scope: "proxy:read proxy:write" });
  });

  test("no two tokens are the same", async () => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => edge.token(client)));
    assert.equal(new Set(tokens).size, 8);
  });

  test("what cannot be read is refused in the shape of RFC 6749 section 5.2", async () => {
    const body = `${GRANT}&client_id=${client.id}&client_secret=${client.client_secret}`;
    assertOAuthError(await send(body), 400, "invalid_request");
    assertOAuthError(await send(`${GRANT}&${GRANT}`), 400, "invalid_request");
    assertOAuthError(
      await send(JSON.stringify({ grant_type: "client_credentials" }), { "content-type": "application/json" }),
      400,
      "invalid_request",
    );
    assertOAuthError(await send(""), 400, "invalid_request");
    assertOAuthError(await send(GRANT, { "content-encoding": "gzip" }), 400, "invalid_request");
    assertOAuthError(await send("grant_type=password&username=a&password=b"), 400, "unsupported_grant_type");
    assertOAuthError(await send(`${GRANT}&scope=admin`), 400, "invalid_scope");
    assertOAuthError(await send("", {}, "/oauth/revoke"), 400, "invalid_request");
  });

  test("a body that is too large is refused, told or not how long it is", async () => {
    const large = `${GRANT}&padding=${"x".repeat(64 * 1024)}`;
    assertOAuthError(await send(large), 400, "invalid_request");
    async function* chunks() {
      for (let at = 0; at < large.length; at += 8_192) yield Buffer.from(large.slice(at, at + 8_192));
    }
    assertOAuthError(await send(chunks()), 400, "invalid_request");
  });

  test("other methods are told which there is, and other paths are nobody's", async () => {
    for (const [path, method, allow] of [
      ["/oauth/token", "GET", "POST"],
      ["/oauth/token", "PUT", "POST"],
      ["/oauth/revoke", "DELETE", "POST"],
      ["/.well-known/oauth-authorization-server", "POST", "GET"],
    ]) {
      const answer = await send(method === "GET" ? undefined : GRANT, {}, path, method);
      assertOAuthError(answer, 405, "invalid_request");
      assert.equal(answer.headers.get("allow"), allow, path);
    }
    for (const path of ["/oauth", "/oauth/token/", "/oauth/tokens", "/.well-known/openid-configuration"]) {
      assertError(await edge.worker.fetch(path), 404, "PROXY_ROUTE_NOT_FOUND");
    }
  });

  test("a wrong secret and an unknown client get one answer, and one read at most", async () => {
    const other = await edge.client();
    const unknown = "0000000000000000";
    edge.worker.kv.forget();
    const answers = [
      await edge.askToken({ id: client.id, client_secret: other.client_secret }),
      await edge.askToken({ id: unknown, client_secret: other.client_secret }),
      await edge.askToken({ id: edge.key.id, client_secret: other.client_secret }),
    ];
    for (const answer of answers) assertOAuthError(answer, 401, "invalid_client");
    assert.equal(new Set(answers.map((answer) => answer.text())).size, 1);
    const reads = edge.worker.kv.reads.map(({ key }) => key);
    assert.ok(reads.length <= 3 && new Set(reads).size === reads.length, reads.join());
  });

  test("what cannot be a client's is refused with nothing read", async () => {
    const secret = client.client_secret;
    const cut = secret.slice(0, -1);
    for (const authorization of [
      basic(client.id, cut),
      basic(client.id, `${cut}${secret.endsWith("0") ? 1 : 0}`),
      basic("app", secret),
      "Basic x",
      "Bearer x",
      "",
    ]) {
      assertOAuthError(await send(GRANT, { authorization }), 401, "invalid_client");
    }
    assert.deepEqual(edge.worker.kv.reads, []);
  });

  test("a client is read once and then remembered", async () => {
    const fresh = await edge.client();
    edge.worker.kv.forget();
    for (let round = 0; round < 3; round += 1) await edge.token(fresh);
    assert.deepEqual(
      edge.worker.kv.reads.map(({ key }) => key),
      [`credential/${fresh.id}`],
    );
  });

  test("where KV fails the caller is told to come back", async () => {
    const fresh = await edge.client();
    edge.worker.kv.fail({ namespace: "CREDENTIALS", kind: "get", status: 500 });
    const answer = await edge.askToken(fresh, {}, { "X-Request-Id": "kv-down" });
    assertOAuthError(answer, 503, "temporarily_unavailable");
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    const line = await edge.worker.logLine("kv-down");
    assert.deepEqual([line.level, line.code], ["error", "temporarily_unavailable"]);
    assert.match(line.detail, new RegExp(`credential/${fresh.id}`));
  });

  test("the metadata names this very origin", async () => {
    const answer = await edge.worker.fetch("/.well-known/oauth-authorization-server", {
      headers: { "X-Request-Id": "meta" },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-request-id"), "meta");
    const document = answer.json();
    assert.equal(document.issuer, edge.worker.origin);
    assert.equal(document.token_endpoint, `${edge.worker.origin}/oauth/token`);
    assert.deepEqual(edge.worker.kv.reads, []);
  });

  test("the log names the client once it is known, and never a secret or a token", async () => {
    const token = await edge.token(client, { scope: "proxy:read" });
    await edge.askToken(client, {}, { "X-Request-Id": "log-ok" });
    await edge.askToken(
      { id: client.id, client_secret: (await edge.client()).client_secret },
      {},
      { "X-Request-Id": "log-wrong" },
    );
    await edge.askToken(client, { scope: "*" }, { "X-Request-Id": "log-scope" });
    await edge.call("GET", "/ledgers", { key: token, headers: { "X-Request-Id": "log-used" } });
    await edge.call("POST", "/ledgers", { key: token, headers: { "X-Request-Id": "log-narrow" } });
    await edge.revoke(client, token);

    const ok = await edge.worker.logLine("log-ok");
    assert.deepEqual([ok.route, ok.status, ok.credential], ["/oauth/token", 200, client.id]);
    const wrong = await edge.worker.logLine("log-wrong");
    assert.deepEqual([wrong.status, wrong.code, wrong.credential], [401, "invalid_client", undefined]);
    const scope = await edge.worker.logLine("log-scope");
    assert.deepEqual([scope.status, scope.code, scope.credential], [400, "invalid_scope", client.id]);
    assert.equal((await edge.worker.logLine("log-used")).credential, client.id);
    assert.equal((await edge.worker.logLine("log-narrow")).credential, client.id);

    const trail = (await edge.adminApi.call("GET", "/audit")).json();
    const [line] = trail.data;
    assert.deepEqual(
      [line.action, line.kind, line.id, line.actor],
      ["revoke_token", "oauth_client", client.id, `client:${client.id}`],
    );
    const everything = `${edge.worker.logs.join("\n")}${JSON.stringify(trail)}${JSON.stringify(edge.worker.kv.dump())}`;
    for (const secret of [token, token.slice(8, 60), client.client_secret, client.client_secret.slice(8, 51)]) {
      assert.ok(!everything.includes(secret), "a secret shows");
    }
  });

  test("an API key is not revoked here, and another client's token neither", async () => {
    assertOAuthError(await edge.revoke(client, edge.key.key), 400, "unsupported_token_type");
    assert.equal((await edge.call("GET", "/ledgers")).status, 200);
    const other = await edge.client();
    const token = await edge.token(other);
    assertOAuthError(await edge.revoke(client, token), 400, "unauthorized_client");
    assert.equal((await edge.call("GET", "/ledgers", { key: token })).status, 200);
    assert.equal((await edge.revoke(client, "nonsense")).status, 200);
  });
});

describe("a worker without a signing key", () => {
  let edge;
  before(async () => (edge = await startProxy()));
  after(() => edge.stop());

  test("has none of the endpoints", async () => {
    for (const [path, method] of [
      ["/oauth/token", "POST"],
      ["/oauth/revoke", "POST"],
      ["/.well-known/oauth-authorization-server", "GET"],
    ]) {
      assertError(
        await edge.worker.fetch(path, { method, headers: FORM, body: method === "POST" ? GRANT : undefined }),
        404,
        "PROXY_ROUTE_NOT_FOUND",
      );
    }
  });
});

describe("a worker that is not configured", () => {
  let edge;
  before(async () => (edge = await startAuthorized()));
  after(() => edge.stop());

  test("answers in the shape of the surface, and the log says why", async () => {
    await edge.worker.restart({ vars: { SIGNING_KEY: "too-short" } });
    const answer = await edge.post("/oauth/token", { grant_type: "client_credentials" }, { "X-Request-Id": "broken" });
    assertOAuthError(answer, 500, "server_error");
    const line = await edge.worker.logLine("broken");
    assert.match(line.detail, /^SIGNING_KEY must be/);
    assert.ok(!JSON.stringify(line).includes("too-short"));
  });
});
