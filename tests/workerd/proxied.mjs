/**
 * What the tests of the whole worker share: a worker in front of a recording
 * upstream, requests to `/proxy`, and the one shape of the proxy's own errors.
 */
import assert from "node:assert/strict";

import { CORE_KEY, admin } from "./harness/admin.mjs";
import { startUpstream } from "./harness/upstream.mjs";
import { startWorker } from "./harness/workerd.mjs";

export { CORE_KEY };

/**
 * Starts a worker with one instance, whose Core is a recording upstream, and one key with the scope `*`.
 * @param {import("./harness/workerd.mjs").WorkerOptions & {answer?: import("./harness/replies.mjs").Reply}} [options]
 */
export async function startProxy({ answer, ...options } = {}) {
  const upstream = await startUpstream(answer);
  const worker = await startWorker(options);
  const adminApi = admin(worker);
  const instance = await adminApi.instance({ base_url: upstream.origin });
  const key = await adminApi.apiKey();

  /**
   * One request to Core through the proxy.
   * @param {string} method
   * @param {string} path Core's path and query, written as given
   * @param {object} [init] as of `request`, and:
   * @param {string} [init.key] the token in place of the standing key's
   * @param {string | null} [init.instance] the id in place of the standing one; null sends none
   */
  const call = (method, path, { key: token = key.key, instance: id = instance.id, headers, ...init } = {}) => {
    const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
    const target = id === null ? path : `${path}${path.includes("?") ? "&" : "?"}instance_id=${id}`;
    return worker.fetch(`/proxy${target}`, {
      ...init,
      method,
      headers: [...pairs, ["Authorization", `Bearer ${token}`]],
    });
  };

  return {
    worker,
    upstream,
    adminApi,
    instance,
    key,
    call,
    /** What arrived upstream since the last call of this, as `METHOD /path`. */
    arrived() {
      const lines = upstream.requests.map(({ method, target }) => `${method} ${target}`);
      upstream.clear();
      return lines;
    },
    async stop() {
      await worker.stop();
      await upstream.stop();
    },
  };
}

/**
 * Asserts that an answer is an error of the proxy's own, in its one shape.
 * @param {import("./harness/http.mjs").Answer} answer
 * @param {number} status
 * @param {string} code
 * @returns {Record<string, any>} its details
 */
export function assertError(answer, status, code) {
  const seen = `${answer.status} ${answer.text()}`;
  assert.equal(answer.status, status, seen);
  assert.match(answer.headers.get("content-type"), /^application\/json/, seen);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  const body = answer.json();
  assert.deepEqual(Object.keys(body).sort(), ["error", "error_detail"], seen);
  const { code: own, message, details, ...rest } = body.error_detail;
  assert.deepEqual(rest, {}, seen);
  assert.equal(own, code, seen);
  assert.equal(typeof body.error, "string");
  assert.ok(body.error.length > 0);
  assert.equal(message, body.error);
  assert.match(details.request_id, /^[A-Za-z0-9._-]{1,128}$/);
  assert.equal(answer.headers.get("x-request-id"), details.request_id);
  return details;
}
