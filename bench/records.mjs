// The records and the tokens of the benchmark, in the formats in which the registry publishes them to KV.
import { createCipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { crc32 } from "./crc32.mjs";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SEALING_KEY = Buffer.alloc(32, 7);
const SIGNING_KEY = Buffer.alloc(32, 8);
const WORKSPACE = "default";

/** The variables with which every worker is started; none of it is a real secret. */
export const VARS = {
  ADMIN_TOKEN: "admin-token-of-the-benchmark-0123456789",
  SEALING_KEY: SEALING_KEY.toString("base64"),
  SIGNING_KEY: SIGNING_KEY.toString("base64"),
  ALLOW_INSECURE_CORE: "true",
};

/** The key that Core would ask for. */
export const CORE_KEY = "core-key-of-the-benchmark";

/**
 * An API key with right check digits.
 * @param {string} id 16 letters and digits
 * @param {string} secret 43 of them
 */
export function apiKey(id, secret) {
  const signed = `blnk_${id}_${secret}`;
  let number = crc32(Buffer.from(signed));
  let digits = "";
  for (let at = 0; at < 6; at += 1) {
    digits = BASE62[number % 62] + digits;
    number = Math.floor(number / 62);
  }
  return signed + digits;
}

/** The record of a credential, as text. */
export function credentialRecord(id, secret, changes = {}) {
  const sha256 = createHash("sha256").update(secret).digest("hex");
  const record = {
    v: 1,
    kind: "api_key",
    id,
    name: "bench",
    workspace: WORKSPACE,
    secrets: [{ sha256 }],
    scopes: ["*"],
  };
  return JSON.stringify({ ...record, status: "active", revision: 1, ...changes });
}

/** The record of an OAuth client, as text. */
export function clientRecord(id) {
  return credentialRecord(id, "", { kind: "oauth_client", secrets: [], tokens: { ttl_seconds: 86_400 } });
}

/** An access token of a client, for everything and a day. */
export function accessToken(id) {
  const times = Buffer.alloc(16);
  times.writeBigUInt64BE(BigInt(Date.now()), 0);
  times.writeBigUInt64BE(BigInt(Date.now() + 86_400_000), 8);
  const keyId = createHash("sha256").update(SIGNING_KEY).digest().subarray(0, 4);
  const claims = Buffer.concat([Buffer.of(1), keyId, Buffer.from(id), Buffer.of(1), times, randomBytes(16)]);
  const mac = createHmac("sha256", SIGNING_KEY).update(claims).digest();
  return `blnk_at_${Buffer.concat([claims, mac]).toString("base64url")}`;
}

/** The record of an instance, as text, its key sealed. */
export function instanceRecord(id, baseUrl, changes = {}) {
  const record = { v: 1, id, name: "bench", workspace: WORKSPACE, base_url: baseUrl, profile: "extended" };
  const rules = { timeout_ms: 30_000, upload_timeout_ms: 300_000, default_precision: 100, zero_precision: "pass" };
  return JSON.stringify({
    ...record,
    ...rules,
    core_key: sealed(id, baseUrl),
    status: "active",
    revision: 1,
    ...changes,
  });
}

function sealed(id, baseUrl) {
  const bound = ["v1", id, WORKSPACE, "core_key", new URL(baseUrl).origin];
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", SEALING_KEY, nonce).setAAD(Buffer.concat(bound.map(lengthPrefixed)));
  const text = Buffer.concat([nonce, cipher.update(CORE_KEY), cipher.final(), cipher.getAuthTag()]);
  const keyId = createHash("sha256").update(SEALING_KEY).digest("hex").slice(0, 8);
  return `v1.${keyId}.${text.toString("base64url")}`;
}

function lengthPrefixed(text) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}
