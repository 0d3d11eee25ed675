// Locks, as Core keeps them in Redis. A balance is locked from outside (`core.lock`), so that a test can make it hot; a
// booking that touches it waits for a while and then gives up. A refund, commit or void holds a lock of its own for as
// long as it runs; a second one of the same transaction fails at once.

import { setImmediate, setTimeout as pause } from "node:timers/promises";
import { LedgerError } from "./errors.mjs";

// How often the queue tries again what met a lock.
export const MAX_RETRIES = 5;

const POLL_MS = 5;
const GONE = "context canceled";

/** What Core says when its caller went away. */
export const goneError = () => new LedgerError(GONE);

/** Whether a booking failed for a lock that was not had, and so could be had later. */
export const isLocked = (error) => error instanceof LedgerError && error.message.includes("failed to acquire lock");

export class Locks {
  #balances = new Map();
  #running = new Set();

  /** Locks a balance, for good when no time is given. */
  lock(id, ms) {
    this.unlock(id);
    this.#balances.set(id, ms === undefined ? undefined : setTimeout(() => this.unlock(id), ms).unref());
  }

  unlock(id) {
    clearTimeout(this.#balances.get(id));
    this.#balances.delete(id);
  }

  unlockAll() {
    for (const id of this.#balances.keys()) this.unlock(id);
  }

  /**
   * Resolves when none of the balances is locked; what follows at once is alone with them. Lets other requests run in
   * any case, as Core does between two bookings.
   * @throws {LedgerError} when they stay locked for too long, or when the caller has gone away
   */
  async wait(ids, waitMs, signal) {
    const end = performance.now() + waitMs;
    await setImmediate();
    while (!signal?.aborted && ids.some((id) => this.#balances.has(id))) {
      if (performance.now() >= end)
        throw new LedgerError("failed to acquire lock: failed to acquire all locks within the wait timeout");
      await pause(POLL_MS);
    }
    if (signal?.aborted) throw new LedgerError(`failed to acquire lock: lock wait cancelled: ${GONE}`);
  }

  /** Runs the work unless the same is running: what for is `refund`, `inflight commit` or `inflight void`. */
  async alone(key, whatFor, signal, work) {
    const refused = signal?.aborted ? GONE : this.#running.has(key) ? `lock for key ${key} is already held` : undefined;
    if (refused) throw new LedgerError(`failed to acquire lock for ${whatFor}: ${refused}`);
    this.#running.add(key);
    try {
      return await work();
    } finally {
      this.#running.delete(key);
    }
  }
}
