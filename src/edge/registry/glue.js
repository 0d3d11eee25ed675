// The platform calls of the registry's Durable Object that the `worker` crate does not have.

/** Executes statements, each an array of its text and its bindings: all of them or, where one fails, none. */
export function transact(storage, statements) {
  storage.transactionSync(() => {
    for (const [sql, ...bindings] of statements) storage.sql.exec(sql, ...bindings).toArray();
  });
}

/**
 * Looks at a Core: the status and Content-Type of its answer to a GET. The status is 0 where nothing answered, and -1
 * where nothing did in time. `set` is name and value of each header, a line each.
 */
export async function look(url, set, timeoutMs) {
  const headers = new Headers();
  const lines = set.split("\n");
  for (let at = 0; at + 1 < lines.length; at += 2) headers.set(lines[at], lines[at + 1]);
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(url, { headers, redirect: "manual", cache: "no-store", signal });
    answer.body?.cancel().catch(() => {});
    return [answer.status, answer.headers.get("content-type") ?? ""];
  } catch (error) {
    return [error?.name === "TimeoutError" ? -1 : 0, ""];
  }
}
