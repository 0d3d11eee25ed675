// The platform beside the request path: KV, the objects and their storage. Every rule is Rust's.

import { waitUntil } from "cloudflare:workers";
import { within } from "./body.js";
import { FAILED, TIMED_OUT } from "./no_answer.js";

export { within };

// Each of these is `async`, so that what is thrown at once is a rejected promise too.

/** Lets a promise go on when the request that began it is answered, or its caller has gone. */
export function outlive(promise) {
  waitUntil(promise);
}

/** Calls an object with a body: status and text of its answer, undefined where it does not answer within the time. */
export async function askObject(env, namespace, name, body, timeoutMs) {
  const asked = env[namespace].getByName(name).fetch("https://registry/", { method: "POST", body });
  return within(
    timeoutMs,
    asked.then(async (answer) => [answer.status, await answer.text()]),
  );
}

/** How long a rate limiter may take: it is asked before anything is done for a request. */
const LIMIT_MS = 500;

/** Asks a rate limiter: whether a request more may go. */
export async function limit(limiter, key) {
  const answer = await within(LIMIT_MS, limiter.limit({ key }));
  if (answer === undefined) throw new Error(`it did not answer within ${LIMIT_MS} ms`);
  const { success } = answer;
  if (typeof success !== "boolean") throw new Error("it answered neither yes nor no");
  return success;
}

/**
 * Sends a GET to a Core: the status, or a number of `no_answer.js`, and the Content-Type of its answer. `set` is name
 * and value of each header, a line each.
 */
export async function probe(url, set, timeoutMs) {
  const headers = new Headers();
  const lines = set.split("\n");
  for (let at = 0; at + 1 < lines.length; at += 2) headers.set(lines[at], lines[at + 1]);
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(url, { headers, redirect: "manual", cache: "no-store", signal });
    answer.body?.cancel().catch(() => {});
    return [answer.status, answer.headers.get("content-type") ?? ""];
  } catch (error) {
    return [error?.name === "TimeoutError" ? TIMED_OUT : FAILED, ""];
  }
}
