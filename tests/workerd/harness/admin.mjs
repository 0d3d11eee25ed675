/**
 * Sets a worker up as an operator would: through its own `/admin` surface.
 */

let made = 0;

/** Core's master key in tests, unless an instance is given another. */
export const CORE_KEY = "core-master-key-of-the-workerd-tests";

/**
 * @param {import("./workerd.mjs").Worker} worker
 * @param {object} [options]
 * @param {string} [options.token] the ADMIN_TOKEN the worker was started with, without one
 * @param {Record<string, string>} [options.headers] sent with every call
 */
export function admin(worker, options = {}) {
  const token = options.token ?? worker.vars.ADMIN_TOKEN;

  /** Any call; the answer is given back whatever its status. */
  const call = (method, path, body, headers = {}) =>
    worker.fetch(`/admin${path}`, {
      method,
      body,
      headers: { authorization: `Bearer ${token}`, ...options.headers, ...headers },
    });

  /** A call that must end with `status`; its JSON is given back. */
  const expect = async (status, method, path, body) => {
    const answer = await call(method, path, body);
    if (answer.status === status) return answer.json();
    throw new Error(`${method} /admin${path}: ${answer.status} instead of ${status}: ${answer.text()}`);
  };

  /** Waits until KV holds the record at its revision or a later one. */
  const published = async (namespace, key, record) => {
    if (!worker.kv) return record;
    await worker.kv.until(namespace, key, (text) => atLeast(text, record.revision ?? 0));
    return record;
  };
  const instancePublished = (record) => published("INSTANCES", `instance/${record.id}`, record);
  const keyPublished = (record) => published("CREDENTIALS", `credential/${record.id}`, record);

  return {
    call,
    expect,

    /**
     * Creates an instance and waits until it is published.
     * @param {{base_url: string} & Record<string, unknown>} fields over a made-up name and `CORE_KEY`
     * @returns {Promise<Record<string, any>>} the record
     */
    async instance(fields) {
      made += 1;
      const body = { name: `core ${made}`, core_key: CORE_KEY, ...fields };
      return instancePublished(await expect(201, "POST", "/instances", body));
    },

    /**
     * Creates an API key and waits until it is published.
     * @param {Record<string, unknown>} [fields] over a made-up name and the scope `*`
     * @returns {Promise<Record<string, any>>} the record with `key`
     */
    async apiKey(fields = {}) {
      made += 1;
      const body = { name: `key ${made}`, scopes: ["*"], ...fields };
      return keyPublished(await expect(201, "POST", "/api-keys", body));
    },

    /**
     * Creates an OAuth client and waits until it is published.
     * @param {Record<string, unknown>} [fields] over a made-up name and the scope `*`
     * @returns {Promise<Record<string, any>>} the record with `client_secret`
     */
    async oauthClient(fields = {}) {
      made += 1;
      const body = { name: `client ${made}`, scopes: ["*"], ...fields };
      return keyPublished(await expect(201, "POST", "/oauth-clients", body));
    },

    /** Changes an instance and waits until that is published. */
    patchInstance: async (id, fields) => instancePublished(await expect(200, "PATCH", `/instances/${id}`, fields)),

    /** Changes an API key and waits until that is published. */
    patchApiKey: async (id, fields) => keyPublished(await expect(200, "PATCH", `/api-keys/${id}`, fields)),

    /** Revokes an API key and waits until that is published. */
    revoke: async (id) => keyPublished(await expect(200, "POST", `/api-keys/${id}/revoke`)),
  };
}

function atLeast(text, revision) {
  try {
    return (JSON.parse(text).revision ?? 0) >= revision;
  } catch {
    return false;
  }
}
