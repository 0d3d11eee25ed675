/**
 * What the OAuth tests share: a worker that signs access tokens, its clients, and tokens as its format says they are.
 */
import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";

import { startProxy } from "./proxied.mjs";

/** @param {number} byte a signing key of 32 such bytes */
export const signingKey = (byte) => Buffer.alloc(32, byte).toString("base64");

/**
 * `startProxy` with a signing key, and what OAuth adds to it.
 * @param {Parameters<typeof startProxy>[0]} [options]
 */
export async function startAuthorized(options = {}) {
  const proxy = await startProxy({ ...options, vars: { SIGNING_KEY: signingKey(1), ...options.vars } });
  const { worker, adminApi } = proxy;
  const published = async (record) => {
    await worker.kv.until(
      "CREDENTIALS",
      `credential/${record.id}`,
      (text) => JSON.parse(text).revision >= record.revision,
    );
    return record;
  };

  /** A client that is published, with its secret. */
  const client = (fields = {}) =>
    adminApi.oauthClient({ name: "app", scopes: ["proxy:read", "proxy:write"], ...fields });

  /** Changes a client and waits until that is published. */
  const patchClient = async (id, fields) =>
    published(await adminApi.expect(200, "PATCH", `/oauth-clients/${id}`, fields));

  /** POSTs a form. */
  const post = (path, parameters, headers = {}) =>
    worker.fetch(path, {
      method: "POST",
      body: new URLSearchParams(parameters).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    });

  /** Asks for a token with `client_secret_basic`. */
  const askToken = ({ id, client_secret: secret }, parameters = {}, headers = {}) =>
    post(
      "/oauth/token",
      { grant_type: "client_credentials", ...parameters },
      { authorization: basic(id, secret), ...headers },
    );

  /** A token that must be given. */
  const token = async (holder, parameters) => {
    const answer = await askToken(holder, parameters);
    assert.equal(answer.status, 200, answer.text());
    return answer.json().access_token;
  };

  /** Gives a token back with `client_secret_basic`. */
  const revoke = ({ id, client_secret: secret }, value) =>
    post("/oauth/revoke", { token: value }, { authorization: basic(id, secret) });

  return { ...proxy, client, patchClient, post, askToken, token, revoke };
}

/** `Authorization` of `client_secret_basic`. */
export const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

/**
 * An access token, signed here.
 * @param {object} claims
 * @param {string} claims.client
 * @param {number} [claims.scopes] bits: 1 `*`, 2 `proxy:read`, 4 `proxy:write`
 * @param {number} [claims.issuedAt] milliseconds
 * @param {number} [claims.expiresAt] milliseconds
 * @param {string} [key] base64
 * @param {string} [keyId] base64 of the key whose id it shows
 */
export function signed(
  { client, scopes = 6, issuedAt = Date.now(), expiresAt = issuedAt + 3_600_000 },
  key = signingKey(1),
  keyId = key,
) {
  const times = Buffer.alloc(16);
  times.writeBigUInt64BE(BigInt(issuedAt), 0);
  times.writeBigUInt64BE(BigInt(expiresAt), 8);
  const id = createHash("sha256").update(Buffer.from(keyId, "base64")).digest().subarray(0, 4);
  const claims = Buffer.concat([Buffer.of(1), id, Buffer.from(client), Buffer.of(scopes), times, randomBytes(16)]);
  const mac = createHmac("sha256", Buffer.from(key, "base64")).update(claims).digest();
  return `blnk_at_${Buffer.concat([claims, mac]).toString("base64url")}`;
}

/**
 * Asserts that an answer is an error of RFC 6749 section 5.2.
 * @param {import("./harness/http.mjs").Answer} answer
 */
export function assertOAuthError(answer, status, error) {
  const seen = `${answer.status} ${answer.text()}`;
  assert.equal(answer.status, status, seen);
  assert.match(answer.headers.get("content-type"), /^application\/json/, seen);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("pragma"), "no-cache");
  assert.match(answer.headers.get("x-request-id"), /^[A-Za-z0-9._-]{1,128}$/);
  assert.equal(answer.headers.get("www-authenticate")?.startsWith("Basic ") ?? false, status === 401, seen);
  const body = answer.json();
  assert.deepEqual(Object.keys(body), ["error", "error_description"], seen);
  assert.equal(body.error, error, seen);
}
