// Everything the stand-in knows, in memory, and the work that Core does a moment after it has answered.

import { randomUUID } from "node:crypto";
import { now } from "./clock.mjs";
import { notFound } from "./errors.mjs";

/** The ledger that balances made on the fly belong to; it is always there. */
export const GENERAL_LEDGER = "general_ledger_id";

// Node's timers wrap above this.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const newId = (prefix) => `${prefix}_${randomUUID()}`;

/** The tables. */
export class Store {
  ledgers = new Map();
  balances = new Map();
  indicators = new Map();
  identities = new Map();
  monitors = new Map();
  transactions = new Map();
  references = new Map();
  lineage = [];
  externals = new Map();
  rules = new Map();
  reconciliations = new Map();
  inflightActions = new Map();
  later = new Later();

  constructor() {
    this.ledgers.set(GENERAL_LEDGER, {
      ledger_id: GENERAL_LEDGER,
      name: "General Ledger",
      created_at: now(),
      meta: new Map(),
    });
  }

  balance(id) {
    const balance = this.balances.get(id);
    if (!balance) throw notFound(`Balance with ID '${id}' not found`);
    return balance;
  }

  transaction(id) {
    const row = this.transactions.get(id);
    if (!row) throw notFound(`Transaction with ID '${id}' not found`);
    return row;
  }

  identity(id) {
    const identity = this.identities.get(id);
    if (!identity) throw notFound(`Identity with ID '${id}' not found`);
    return identity;
  }

  /** The rows that a transaction, a batch or a queued parent stands for. */
  family(id) {
    return [...this.transactions.values()].filter(
      (row) =>
        row.transaction_id === id || row.parent_transaction === id || row.meta.get("QUEUED_PARENT_TRANSACTION") === id,
    );
  }

  /** Stores a row. False, and nothing is stored, when its reference is taken or a balance does not exist. */
  insert(row) {
    if (this.references.has(row.reference) || !this.balances.has(row.source) || !this.balances.has(row.destination))
      return false;
    this.transactions.set(row.transaction_id, row);
    this.references.set(row.reference, row);
    return true;
  }
}

/** Work that is due later; what is due first begins first. */
class Later {
  #timers = new Set();
  #near = 0;
  #waiting = [];
  #stopped = false;

  /** Runs the work after a delay; `settled` does not wait for what is scheduled (`far`). */
  after(ms, work, { far = false } = {}) {
    if (this.#stopped) return;
    const wait = Math.min(Math.max(ms, 0), LONGEST_TIMER_MS);
    if (!far) this.#near += 1;
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      try {
        if (ms > wait) this.after(ms - wait, work, { far });
        else await work();
      } finally {
        if (!far) this.#near -= 1;
        if (this.#near === 0) for (const resolve of this.#waiting.splice(0)) resolve();
      }
    }, wait);
    this.#timers.add(timer);
  }

  /** Runs the work at a time in nanoseconds. */
  at(nanos, work) {
    this.after(Number((nanos - now()) / 1_000_000n), work, { far: true });
  }

  /** Resolves when nothing is queued any more. */
  settled() {
    return this.#near === 0 || this.#stopped
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop() {
    this.#stopped = true;
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
