// What is measured: the requests, and the answers that they must have.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessToken, apiKey, clientRecord, credentialRecord, instanceRecord } from "./records.mjs";

const ID = "BenchCredential0";
const CLIENT = "BenchOauthClient";
const SECRET = "s".repeat(43);
const INSTANCE = "instance_bench";
const KEY = apiKey(ID, SECRET);
const UNKNOWN_KEY = apiKey("BenchCredential9", SECRET);
/** The names of two works that differ in the credential alone. */
export const [KEY_WORK, TOKEN_WORK] = ["get", "get-token"];
const JSON_TYPE = { "Content-Type": "application/json" };
const BOUNDARY = "----bench-boundary";
const UPLOAD_BYTES = 100_000_000;
/** Below the limit of 5 MiB, with room for what is added. */
const LARGEST = 5_242_000;

/**
 * @typedef {object} Work
 * @property {string} name
 * @property {string} title
 * @property {string} method
 * @property {string} path
 * @property {Record<string, string>} headers
 * @property {string} [bodyFile]
 * @property {number} [bodyBytes]
 * @property {number} status what every answer must have
 * @property {number} connections kept open
 * @property {boolean} [refused] the floor would forward it: it is compared with the peers alone
 * @property {boolean} [large] it leaves garbage that others would pay for: it is measured after them
 * @property {boolean} [own] the peers cannot do it: it is compared with the floor alone
 */

/** Publishes the benchmark's records in a KV stand-in. */
export function publish(kv, coreUrl) {
  kv.set("CREDENTIALS", `credential/${ID}`, credentialRecord(ID, SECRET));
  kv.set("CREDENTIALS", `credential/${CLIENT}`, clientRecord(CLIENT));
  kv.set("INSTANCES", `instance/${INSTANCE}`, instanceRecord(INSTANCE, coreUrl));
}

/**
 * The works, in the order in which they run.
 * @param {string} folder for the bodies
 * @returns {Work[]}
 */
export function works(folder) {
  const body = (name, text) => {
    const bodyFile = join(folder, name);
    writeFileSync(bodyFile, text);
    return { bodyFile, bodyBytes: Buffer.byteLength(text) };
  };
  const post = {
    method: "POST",
    headers: { Authorization: `Bearer ${KEY}`, ...JSON_TYPE },
    status: 201,
    connections: 8,
  };
  const get = { method: "GET", headers: { Authorization: `Bearer ${KEY}` }, status: 200, connections: 8 };
  const refused = { ...get, path: proxied("/balances/bln_1"), status: 401, refused: true };
  const bulk = (count) =>
    body(`bulk-${count}`, JSON.stringify({ transactions: Array.from({ length: count }, (_, at) => transaction(at)) }));
  return [
    { ...get, name: KEY_WORK, title: "GET, warm", path: proxied("/balances/bln_7b4b4f0a-8a4c-4a59-8d0a-5a4f0e3a9f11") },
    {
      ...get,
      name: TOKEN_WORK,
      title: "GET, warm, with an access token",
      path: proxied("/balances/bln_7b4b4f0a-8a4c-4a59-8d0a-5a4f0e3a9f11"),
      headers: { Authorization: `Bearer ${accessToken(CLIENT)}` },
      own: true,
    },
    {
      ...post,
      name: "enriched",
      title: "POST, 300 bytes, enriched",
      path: proxied("/transactions"),
      ...body("enriched", padded(transaction(1))),
    },
    {
      ...post,
      name: "complete",
      title: "POST, 300 bytes, nothing to add",
      path: proxied("/transactions"),
      ...body("complete", padded(complete(1))),
    },
    {
      ...post,
      name: "streamed",
      title: "POST, 300 bytes, streamed",
      path: proxied("/ledgers"),
      ...body("streamed", padded({ name: "Ledger" })),
    },
    {
      ...post,
      large: true,
      name: "bulk-1000",
      title: "bulk, 1,000 items",
      path: proxied("/transactions/bulk"),
      ...bulk(1_000),
    },
    {
      ...post,
      large: true,
      name: "largest",
      title: "POST, 5 MB, enriched",
      path: proxied("/transactions"),
      ...body("largest", padded(transaction(1), LARGEST)),
      connections: 2,
    },
    {
      ...post,
      large: true,
      name: "bulk-10000",
      title: "bulk, 10,000 items",
      path: proxied("/transactions/bulk"),
      ...bulk(10_000),
      connections: 2,
    },
    {
      ...refused,
      name: "garbage",
      title: "refused: not a token",
      headers: { Authorization: `Bearer ${KEY.slice(0, -1)}_` },
    },
    {
      ...refused,
      name: "unknown",
      title: "refused: unknown token, cached",
      headers: { Authorization: `Bearer ${UNKNOWN_KEY}` },
    },
    {
      ...upload(body),
      ...post,
      large: true,
      name: "upload",
      title: "upload, 100 MB",
      connections: 1,
      headers: { ...post.headers, "Content-Type": `multipart/form-data; boundary=${BOUNDARY}` },
    },
  ];
}

function upload(body) {
  const disposition = 'Content-Disposition: form-data; name="file"; filename="a.csv"';
  const head = `--${BOUNDARY}\r\n${disposition}\r\nContent-Type: text/csv\r\n\r\n`;
  const tail = `\r\n--${BOUNDARY}--\r\n`;
  const row = "txn_0001,12.50,ref-0001,Payment of an invoice,2026-11-17T00:00:00Z\n";
  const rows = row.repeat(Math.ceil(UPLOAD_BYTES / row.length)).slice(0, UPLOAD_BYTES - head.length - tail.length);
  return { path: proxied("/reconciliation/upload"), ...body("upload", head + rows + tail) };
}

function proxied(path) {
  return `/proxy${path}?instance_id=${INSTANCE}`;
}

/** A transaction as callers send it, without precision and reference. */
function transaction(at) {
  return {
    amount: 12.5,
    currency: "USD",
    source: "@world",
    destination: `bln_${String(at).padStart(8, "0")}`,
    description: "Payment of an invoice",
    allow_overdraft: true,
  };
}

function complete(at) {
  return { ...transaction(at), precision: 100, reference: `reference-${at}` };
}

/** As JSON, made up to a length. */
function padded(value, bytes = 300) {
  const length = bytes - JSON.stringify({ ...value, meta_data: { note: "" } }).length;
  return JSON.stringify({ ...value, meta_data: { note: "n".repeat(length) } });
}
