// Credential and instance records: read from KV, opened, and kept for a while.

const RECORD_VERSION = 1;

/** A cache of one kind of record. */
class Cache {
  #found = new Map();
  #missing = new Map();

  constructor(env) {
    this.limit = Number(env.CACHE_ENTRIES);
    this.foundMs = Number(env.CACHE_FOUND_SECONDS) * 1_000;
    this.missingMs = Number(env.CACHE_MISSING_SECONDS) * 1_000;
  }

  /** The record, null where there is none, undefined where KV must be asked. */
  look(id, now) {
    const entry = this.#found.get(id);
    if (entry !== undefined && now - entry.readAt < this.foundMs) return entry.record;
    const missing = this.#missing.get(id);
    return missing !== undefined && now - missing < this.missingMs ? null : undefined;
  }

  keep(id, record, now) {
    if (record === null) {
      this.#missing.set(id, now);
      trim(this.#missing, this.limit);
      return null;
    }
    const kept = this.#found.get(id)?.record;
    const newest = kept !== undefined && kept.revision > record.revision ? kept : record;
    this.#missing.delete(id);
    this.#found.set(id, { record: newest, readAt: now });
    trim(this.#found, this.limit);
    return newest;
  }
}

function trim(entries, limit) {
  if (entries.size > limit) entries.delete(entries.keys().next().value);
}

let caches;

/** The caches of both kinds. */
export function cachesOf(env) {
  caches ??= { credentials: new Cache(env), instances: new Cache(env) };
  return caches;
}

/** Reads a credential from KV and keeps it. */
export async function readCredential(env, id, now) {
  const record = await env.CREDENTIALS.get(`credential/${id}`, "json");
  const { credentials } = cachesOf(env);
  return credentials.keep(id, record?.v === RECORD_VERSION && record.id === id ? openCredential(record) : null, now);
}

function openCredential(record) {
  const notAfter = record.not_after === undefined ? Infinity : Date.parse(record.not_after);
  const secrets = record.secrets.map(({ sha256, until }) => ({
    sha256: fromHex(sha256),
    until: until && Date.parse(until),
  }));
  const all = record.scopes.includes("*");
  return {
    ...record,
    notAfter,
    secrets,
    canRead: all || record.scopes.includes("proxy:read"),
    canWrite: all || record.scopes.includes("proxy:write"),
    reachable: record.instances && new Set(record.instances),
  };
}

/** Reads an instance from KV, opens its key, and keeps it. */
export async function readInstance(env, id, now) {
  const record = await env.INSTANCES.get(`instance/${id}`, "json");
  const { instances } = cachesOf(env);
  const usable = record?.v === RECORD_VERSION && record.id === id && record.status === "active";
  return instances.keep(id, usable ? await openInstance(env, record) : null, now);
}

async function openInstance(env, record) {
  const bound = ["v1", record.id, record.workspace, "core_key", new URL(record.base_url).origin];
  const sealed = fromBase64Url(record.core_key.split(".")[2]);
  const key = await crypto.subtle.importKey("raw", fromBase64Url(env.SEALING_KEY), "AES-GCM", false, ["decrypt"]);
  const algorithm = { name: "AES-GCM", iv: sealed.subarray(0, 12), additionalData: lengthPrefixed(bound) };
  const opened = await crypto.subtle.decrypt(algorithm, key, sealed.subarray(12));
  return { ...record, coreKey: new TextDecoder().decode(opened) };
}

function lengthPrefixed(parts) {
  return new Uint8Array(
    parts.flatMap((part) => {
      const bytes = new TextEncoder().encode(part);
      const { length } = bytes;
      return [length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff, ...bytes];
    }),
  );
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

function fromBase64Url(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
}
