// Platform calls that the `worker` crate lacks, or makes expensive, beside the request path. Every rule is Rust's.

import { waitUntil } from "cloudflare:workers";
import { within } from "./body.js";
import { FAILED, TIMED_OUT } from "./no_answer.js";

export { within };

/** Lets a promise go on when the request that began it is answered, or its caller has gone. */
export function outlive(promise) {
  waitUntil(promise);
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
