/**
 * What workerd's KV binding says over HTTP and expects to hear
 * (`src/workerd/api/kv.c++` of cloudflare/workerd).
 *
 * @typedef {{value: Buffer, metadata?: string, expiration?: number}} Entry `expiration` in milliseconds since 1970
 */
import { NAMESPACE_HEADER } from "./config.mjs";

const LIST_LIMIT = 1_000;

/**
 * What a request asks for.
 * @param {import("node:http").IncomingMessage} incoming
 * @param {Buffer} body
 */
export function parse(incoming, body) {
  const url = new URL(incoming.url, "http://kv");
  const namespace = incoming.headers[NAMESPACE_HEADER];
  const metadata = incoming.headers["cf-kv-metadata"];
  const path = url.pathname.slice(1);
  if (incoming.method === "POST" && path === "bulk/get") {
    const wanted = JSON.parse(body.toString("utf8"));
    return { operation: { kind: "bulk", namespace, key: "", keys: wanted.keys }, wanted };
  }
  const kind = { GET: path === "" ? "list" : "get", PUT: "put", DELETE: "delete" }[incoming.method];
  const key = decodeURIComponent(path);
  return { operation: { kind, namespace, key }, search: url.searchParams, body, metadata };
}

/**
 * Carries out what was asked for, and answers.
 * @param {Map<string, Entry>} entries of the namespace
 * @param {ReturnType<typeof parse>} query
 * @param {import("node:http").ServerResponse} outgoing
 */
export function answer(entries, { operation, wanted, search, body, metadata }, outgoing) {
  const { kind, key } = operation;
  const live = (name) => {
    const entry = entries.get(name);
    return entry && (entry.expiration ?? Infinity) > Date.now() ? entry : undefined;
  };
  if (kind === "get") {
    const entry = live(key);
    if (entry === undefined) return outgoing.writeHead(404).end();
    const headers = entry.metadata ? { "CF-KV-Metadata": entry.metadata } : {};
    return outgoing.writeHead(200, headers).end(entry.value);
  }
  if (kind === "put") {
    entries.set(key, { value: body, metadata, expiration: expiration(search) });
    return outgoing.writeHead(200).end();
  }
  if (kind === "delete") {
    entries.delete(key);
    return outgoing.writeHead(200).end();
  }
  if (kind === "bulk") return json(outgoing, bulk(wanted, live));
  if (kind === "list") return json(outgoing, listed([...entries.keys()].filter(live), search));
  return outgoing.writeHead(405).end();
}

function expiration(search) {
  if (search.has("expiration_ttl")) return Date.now() + Number(search.get("expiration_ttl")) * 1_000;
  if (search.has("expiration")) return Number(search.get("expiration")) * 1_000;
  return undefined;
}

function bulk({ keys, type, withMetadata }, live) {
  const one = (key) => {
    const entry = live(key);
    if (entry === undefined) return null;
    const text = entry.value.toString("utf8");
    const value = type === "json" ? JSON.parse(text) : text;
    return withMetadata ? { value, metadata: entry.metadata ?? null } : value;
  };
  return Object.fromEntries(keys.map((key) => [key, one(key)]));
}

function listed(names, search) {
  const limit = Number(search.get("key_count_limit") ?? LIST_LIMIT);
  const prefix = search.get("prefix") ?? "";
  const after = search.get("cursor") ?? "";
  const found = names.filter((name) => name.startsWith(prefix) && name > after).sort();
  const keys = found.slice(0, limit).map((name) => ({ name }));
  const complete = found.length <= limit;
  return { keys, list_complete: complete, ...(complete ? {} : { cursor: keys.at(-1).name }) };
}

function json(outgoing, value) {
  outgoing.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}
